"""Archiving the twin of what is surely gone: three proofs, then one write like any other. Rule 15.

What is not here: closing links without a write (`leaving`), and the write's way to the vendor (`writing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from syncd.core.fieldmap import FieldMap
from syncd.core.loss import same
from syncd.core.match import carried_key, keys, lookups, sync_key_of
from syncd.core.model import Action, Gone, MatchKey, Operation, Record, Side, SyncKey
from syncd.core.plan import MISSING, view
from syncd.engine.absorb import absorb
from syncd.engine.base import base_of
from syncd.engine.closed import GONE, UNDONE, close
from syncd.engine.confirm import close_intent
from syncd.engine.fence import all_ours
from syncd.engine.item import Item, again, park
from syncd.engine.linking import snapshots_for
from syncd.engine.reading import read_anew
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.marks import DELETED
from syncd.store.store import Tx

ARCHIVED = "was archived by write"

POLICIES = ("archive", "delete")
"""What a map may say of the twins of deleted records that has them archived; no vendor's API deletes for good."""

PROVING = "proving"


@dataclass(frozen=True, slots=True)
class Canaries:
    """Other records of a kind that were asked for beside one that is gone, by their links. `seen`: one answered."""

    links: Sequence[Link]
    seen: bool


def proved_twice(world: World, tx: Tx, item: Item, link: Link, side: Side) -> bool:
    """Whether this read, which says that the record is gone, comes long enough after the first that did.

    If not, the item rests until it would.
    """
    now = world.clock()
    if link.gone_at is None:
        tx.links.leaves(link.id, now)
    wait = (link.gone_at or now) + world.pace.proofs - now
    if wait > timedelta(0):
        ref, twin = item.record(side).ref, item.record(side.other).ref
        cause = DELETED if item.carried == DELETED else PROVING
        item.fail(again(cause, f"{ref} was deleted; it is looked at once more before {twin} is archived",
                        after=wait, count=False))  # fmt: skip
        return False
    return True


def prepare(world: World, m: FieldMap, side: Side, items: Sequence[Item], absent: Sequence[Item], c: Canaries) -> None:
    """Plan to archive each twin that holds nothing but what both sides agreed on; each other stays, and is told.

    `items`: their records on `side` are gone, by two reads. `absent`: those that the vendor does not call deleted.
    Raises AuthError and Transient.
    """
    unlisted = _unlisted(world, m, side, absent, c) if absent else set()
    twins = _read_again(world, m, side.other, items)
    with world.store.begin() as tx:
        snapshots_for(tx, m, twins)
        for item in all_ours(tx, twins):
            why = _objection(world, tx, item, side, c, in_list=item in absent and id(item) not in unlisted)
            if why is None:
                item.found = f"{item.record(side).ref} was deleted"
                item.operations[side.other] = archive_operation(item, side.other)
            else:
                part(world, tx, item, side, f"was not archived, because {why}; it")


def _unlisted(world: World, m: FieldMap, side: Side, items: Sequence[Item], c: Canaries) -> set[int]:
    """Those that a look-up by their values does not find, while it finds a canary by its own: a proof by the list."""
    end = m.end(side)
    with world.store.read() as tx:
        mine = {id(item): _keys(m, side, item.snapshots[side].record, item.record(side.other)) for item in items}
        canaries = _canary_keys(tx, m, side, c.links)
    questions = [key for several in (*mine.values(), canaries) for key in several]
    if not canaries or not questions:
        return set()
    fields = world.fields(end.system, end.kind)
    found = world.connectors[end.system].find(end.kind, list(dict.fromkeys(questions)), fields)
    ids = {record.ref.id for record in found}
    if not ids & {link.id_on(side) for link in c.links}:
        return set()
    return {id(item) for item in items if mine[id(item)] and item.id_on(side) not in ids}


def _canary_keys(tx: Tx, m: FieldMap, side: Side, links: Sequence[Link]) -> list[SyncKey | MatchKey]:
    known = {at: tx.snapshots.get(m.end(at).system, m.end(at).kind, [link.id_on(at) for link in links]) for at in Side}
    both = [(known[side].get(link.id_on(side)), known[side.other].get(link.id_on(side.other))) for link in links]
    return [key for one, twin in both if one and twin for key in _keys(m, side, one.record, twin.record)]


def _keys(m: FieldMap, side: Side, record: Record, twin: Record) -> list[SyncKey | MatchKey]:
    """The look-ups that must find a record if it is there: those that its own values, as last seen, answer."""
    mine = {(key.match, key.text) for key in keys(m, side, record.fields)}
    shared = {key.match for key in keys(m, side.other, twin.fields) if (key.match, key.text) in mine}
    keyed = carried_key(m, side, record.fields) == sync_key_of(twin.ref)
    return [key for key in lookups(m, side, twin) if (keyed if isinstance(key, SyncKey) else key.name in shared)]


def _read_again(world: World, m: FieldMap, side: Side, items: Sequence[Item]) -> list[Item]:
    """Read the twins by id, as they are just before; those that are gone too are looked at again."""
    found = read_anew(world, m, side, items)
    for item in items:
        if not isinstance(found[str(item.id_on(side))], Record):
            item.fail(again("missing", "its twin does not answer either", after=timedelta(0), count=False))
    return [item for item in items if item.stands()]


def _objection(world: World, tx: Tx, item: Item, side: Side, c: Canaries, *, in_list: bool) -> str | None:
    """Why the twin must not be archived; None if nothing speaks against it."""
    m, twin = item.m, item.record(side.other).ref
    if not world.connector(m, side.other).capabilities.archive:
        return f"{twin.system} cannot archive"
    if not c.seen:
        return f"no other record of {m.end(side).system}:{m.end(side).kind} was seen beside it"
    if in_list:
        return "its absence from the list could not be proved"
    if (other := _linked_elsewhere(world, tx, m, twin.id, side.other)) is not None:
        return f"it is linked with {other} too"
    return _edited(world, tx, item, side.other)


def _linked_elsewhere(world: World, tx: Tx, m: FieldMap, id: str, side: Side) -> str | None:
    """The living record that another map links this one with."""
    end = m.end(side)
    for other, at in world.readers[end.system, end.kind]:
        link = tx.links.of(other.key, at, [id]).get(id) if other.key != m.key else None
        if link is not None:
            across, its = other.end(at.other), link.id_on(at.other)
            snapshot = tx.snapshots.get(across.system, across.kind, [its]).get(its)
            if snapshot is not None and snapshot.gone is None:
                return str(snapshot.record.ref)
    return None


def _edited(world: World, tx: Tx, item: Item, side: Side) -> str | None:
    """What a person did to the record that nobody across has seen."""
    m, link, record = item.m, item.link, item.record(side)
    if link is None:
        return "its link was closed meanwhile"
    base = base_of(m, link, item.snapshots[Side.LEFT], item.snapshots[Side.RIGHT]).side(side)
    moved = [
        rule.field(side)
        for rule in m.rules
        if rule.name in base
        and (now := view(rule, side, record.fields)) is not MISSING
        and rule.field(side) is not None
        and not same(now, base[rule.name].value, rule.type(side))
    ]
    if moved:
        return f"it was edited since both agreed: {', '.join(str(name) for name in moved)}"
    if tx.conflicts.open_of([link.id]).get(link.id):
        return "a conflict of the two is open"
    shift = world.clock() - world.connector(m, side).now()
    if link.gone_at is not None and record.modified_at is not None and record.modified_at + shift > link.gone_at:
        return "it was changed after that was seen"
    return None


def archive_operation(item: Item, side: Side) -> Operation:
    """Archive it as it was just read: whatever a map reads of it is compared once more."""
    record = item.record(side)
    return Operation(
        id="", action=Action.ARCHIVE, ref=record.ref, fields={},
        expect={name: value for name, value in record.fields.items() if name in item.m.reads(side)},
        quiet=item.m.end(side).quiet,
    )  # fmt: skip


def archived(world: World, tx: Tx, item: Item, intent: int, gone: Gone, outcome: str) -> None:
    """An archive was carried out: the record is gone, and its link closes, so that nobody makes it again."""
    m, link = item.m, item.link
    refs = {(at, id_): item.lane for at in Side if (id_ := item.id_on(at)) is not None}
    absorb(tx, world, [gone], asked=(), in_hand=(m, refs))
    close_intent(world, tx, intent, outcome)
    if link is not None:
        how = UNDONE if tx.conflicts.orders([link.id]) else GONE
        close(world, tx, link, f"{how}{gone.ref} {ARCHIVED} {intent}")


def part(world: World, tx: Tx, item: Item, side: Side, and_so: str) -> None:
    """Close the link of what is surely gone; its twin stays as it is, and a person is told."""
    ref, twin = item.record(side).ref, item.record(side.other).ref
    if item.link is not None:
        close(world, tx, item.link, f"{GONE}{ref}")
    other = _linked_elsewhere(world, tx, item.m, twin.id, side.other)
    now = "is linked with nothing any more" if other is None else f"stays linked with {other} alone"
    item.fail(park("gone", f"{ref} was deleted; {twin} {and_so} {now}"))
