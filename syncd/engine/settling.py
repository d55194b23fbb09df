"""A write without an outcome (lost answer or crash) is settled before anything else. Rule 6.

What is not here: writes that were answered (`confirm`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.loss import same
from syncd.core.match import carried_key, keys, sync_key_of
from syncd.core.model import Action, Gone, Record, Side, SyncKey, Value
from syncd.engine.absorb import absorb
from syncd.engine.archiving import archived
from syncd.engine.confirm import adopt, close_intent, settle_rules
from syncd.engine.conflicts import close_taken
from syncd.engine.fence import still_ours
from syncd.engine.item import DONE, Item, Rest, again, park
from syncd.engine.late import may_have_made, sent
from syncd.engine.linking import in_window, window
from syncd.engine.lookalikes import not_twins
from syncd.engine.planning import lost_row
from syncd.engine.world import World
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

Carriers = tuple[datetime, Sequence[Record]]
"""The vendor's time before it was asked, and the records that carry one of several sync keys, as it finds them."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A fresh look at a record that a write went to. `asked_at`: the vendor's time before it; `asked`: the fields."""

    asked_at: datetime
    asked: Collection[str]
    found: Record | Gone


def settle(world: World, items: Sequence[Item], run: int | None) -> None:
    """Settle what open intents these units have; a unit with one left open rests. Raises AuthError and Transient."""
    if not items:
        return
    m = items[0].m
    with world.store.read() as tx:
        intents = tx.journal.open_of(m.key, [mark.id for item in items for mark in item.unit.marks])
        intents += tx.journal.open_links([item.link.id for item in items if item.link is not None])
    found: list[tuple[Item, Intent]] = []
    for item in items:
        refs = {(mark.side, mark.id) for mark in item.unit.marks}
        own = {
            i.id: i
            for i in intents
            if (item.link and i.link == item.link.id) or (i.link is None and (i.side.other, i.source_id) in refs)
        }
        found += [(item, intent) for intent in own.values()]
    creations = [(item, intent) for item, intent in found if intent.action is Action.CREATE and item.stands()]
    for side in Side:
        if made := [(item, intent) for item, intent in creations if intent.side is side]:
            _settle_made(world, side, made, run)
    for side in Side:
        of = [(item, intent) for item, intent in found if intent.action is not Action.CREATE and intent.side is side]
        most = world.connector(m, side).capabilities.read_batch
        for start in range(0, len(of), most):
            _settle_written(world, side, of[start : start + most], run)


def _settle_written(world: World, side: Side, several: Sequence[tuple[Item, Intent]], run: int | None) -> None:
    """Look at the records of one side that these writes went to, with one request, and settle each write."""
    looking = [(item, intent) for item, intent in several if item.stands()]
    if not looking:
        return
    m = looking[0][0].m
    end, connector = m.end(side), world.connector(m, side)
    asked_at, asked = connector.now(), world.fields(end.system, end.kind)
    ids = list(dict.fromkeys(str(intent.record_id) for _, intent in looking))
    read = connector.read(end.kind, ids, asked)
    for item, intent in looking:
        if item.stands():
            looked = Looked(asked_at, asked, read[str(intent.record_id)])
            if intent.action is Action.ARCHIVE:
                _settle_archive(world, item, intent, looked)
            else:
                _settle_update(world, item, intent, looked, run)


def _settle_update(world: World, item: Item, intent: Intent, looked: Looked, run: int | None) -> None:
    side, asked_at, asked, found = intent.side, looked.asked_at, looked.asked, looked.found
    with world.store.begin() as tx:
        if not _ours(tx, item, intent):
            return
        if not isinstance(found, Record):
            absorb(tx, world, [found], asked=())
            _list_lost(world, tx, item, intent.rules, run)  # it may have landed before
            close_intent(world, tx, intent.id, "gone")
            if item.link is not None and item.link.gone_at is None and not found.became:
                tx.links.leaves(item.link.id, world.clock())  # if it is there after all, this write is settled first
        elif silent := [name for name in intent.fields if name in asked and name not in found.fields]:
            told = f"{found.ref} does not tell {', '.join(silent)}, and so not what became of write {intent.id}"
            item.fail(again("unsettled", told))
        elif _holds(item, side, found, intent.fields):
            _landed(world, tx, item, intent, found, run)
        elif intent.lands_by is not None and asked_at <= intent.lands_by:
            item.fail(_wait(world, intent, intent.lands_by - asked_at))
        elif _holds(item, side, found, intent.before):
            _not_landed(world, tx, item, intent, found, run)
        else:
            _neither(world, tx, item, intent, found, run)


def _settle_archive(world: World, item: Item, intent: Intent, looked: Looked) -> None:
    """What is gone was archived, by us or by somebody else; what is there, and can be hit no more, was not."""
    side, asked_at, found = intent.side, looked.asked_at, looked.found
    with world.store.begin() as tx:
        if not _ours(tx, item, intent):
            return
        if isinstance(found, Gone) and not found.became:
            archived(world, tx, item, intent.id, found, "landed")
            item.fail(DONE)
        elif intent.lands_by is not None and asked_at <= intent.lands_by:
            item.fail(_wait(world, intent, intent.lands_by - asked_at))
        else:
            absorb(tx, world, [found], asked=(), since=_stood(item, side))
            close_intent(world, tx, intent.id, "not landed")


def _ours(tx: Tx, item: Item, intent: Intent) -> bool:
    """Whether the write is still open and ours to settle: while we looked, another worker may have settled it."""
    if still_ours(tx, item) and tx.journal.is_open(intent.id):
        return True
    item.fail(again("lease", "another worker settled the write meanwhile", after=timedelta(0), count=False))
    return False


def _take_in(world: World, tx: Tx, item: Item, intent: Intent, record: Record) -> None:
    """Store what was found. If it is behind what a feed brought, or another state of that version, one more read tells.

    Base moves all the same: beside a snapshot that is behind it, our own write would look undone by a person.
    """
    found = absorb(tx, world, [record], asked=(), since=_stood(item, intent.side))
    if found.unsure or found.passed:
        reason = f"{record.ref} was read twice, with different values in one version or in the wrong order"
        item.fail(again("unsure", reason, after=timedelta(0), reread=True, count=False))


def _stood(item: Item, side: Side) -> dict[str, Snapshot]:
    """The snapshot as it stood when the vendor was asked."""
    return {snapshot.record.ref.id: snapshot} if (snapshot := item.snapshots.get(side)) is not None else {}


def _wait(world: World, intent: Intent, remaining: timedelta = timedelta(0)) -> Rest:
    after = max(remaining, world.pace.settle_every)
    return again("unsettled", f"write {intent.id} may still land", after=after, count=False)


def _holds(item: Item, side: Side, record: Record, wanted: Mapping[str, Value]) -> bool:
    """Whether a record holds these values, up to the declared loss; a field it does not tell is no proof."""
    types = {rule.field(side): rule.type(side) for rule in item.m.rules}
    return all(
        name in record.fields and same(record.fields[name], value, types.get(name)) for name, value in wanted.items()
    )


def _landed(world: World, tx: Tx, item: Item, intent: Intent, record: Record, run: int | None) -> None:
    """Base is what was sent, so an edit made meanwhile on either side is still an edit."""
    _take_in(world, tx, item, intent, record)
    if item.link is not None:
        rules = {
            name: {Side(side): value for side, value in data["settle"].items()} for name, data in intent.rules.items()
        }
        settle_rules(tx, item.m, {item.link.id: rules})
        _list(world, tx, item, intent.rules, run)
    close_intent(world, tx, intent.id, "landed", intent.record_id)


def _list(world: World, tx: Tx, item: Item, rules: Mapping[str, Mapping[str, Any]], run: int | None) -> None:
    """Of these rules of a write, what a person took is carried out, and whom the write overruled is listed."""
    if item.link is None:
        return
    chosen = [(item.link, name, tuple(data["sides"])) for name, data in rules.items() if data.get("taken")]
    close_taken(tx, chosen, run, world.clock())
    _list_lost(world, tx, item, rules, run)


def _list_lost(world: World, tx: Tx, item: Item, rules: Mapping[str, Mapping[str, Any]], run: int | None) -> None:
    """Whom a write overruled is listed."""
    if item.link is None:
        return
    ids = (item.link.left_id, item.link.right_id)
    rows = [
        lost_row(item.m.key, item.link.id, ids, name, tuple(data["sides"]), "overruled", lost_side=data["lost"][0],
                 reason=data["reason"], run=run, at=world.clock())
        for name, data in rules.items()
        if data["lost"]
    ]  # fmt: skip
    tx.conflicts.list_lost(rows)


def _not_landed(world: World, tx: Tx, item: Item, intent: Intent, record: Record, run: int | None) -> None:
    """Plan again; what may have been put back is listed."""
    _take_in(world, tx, item, intent, record)
    _list_put_back(world, tx, item, intent, record, run)
    close_intent(world, tx, intent.id, "not landed")


def _list_put_back(world: World, tx: Tx, item: Item, intent: Intent, record: Record, run: int | None) -> None:
    """Under a newer version somebody may have put the old value back, which the repeated write overwrites: listed.

    Where the two were at odds already, the repeated plan lists by itself whom it overrules; until then nobody lost.
    """
    if item.link is None or record.version == intent.version:
        return
    ids = (item.link.left_id, item.link.right_id)
    rows = [
        lost_row(item.m.key, item.link.id, ids, name, tuple(data["sides"]), "overruled",
                 lost_side=str(intent.side), run=run, at=world.clock(),
                 reason="the old value stands under a newer version, and is overwritten by a repeated write")
        for name, data in intent.rules.items()
        if not data["lost"]
        and ((field := data["field"]) is None or _holds(item, intent.side, record, {field: intent.before.get(field)}))
    ]  # fmt: skip
    tx.conflicts.list_lost(rows)


def _neither(world: World, tx: Tx, item: Item, intent: Intent, record: Record, run: int | None) -> None:
    """Neither what was there nor what was sent: a person is asked in those fields, whatever the owner.

    The write may have landed before somebody typed over it: whom it overruled is listed, as when it was seen to. A
    field that holds what was sent is settled like any that landed: else our own value would look like a person's edit,
    and overrule one on the other side. One that holds what it held is planned again, and what a person took for it is
    still to be carried out.
    """
    _take_in(world, tx, item, intent, record)
    moved = {
        name: data
        for name, data in intent.rules.items()
        if (field := data["field"]) is None or not _holds(item, intent.side, record, {field: intent.before.get(field)})
    }
    _list(world, tx, item, moved, run)
    _list_put_back(world, tx, item, intent, record, run)
    if item.link is not None:
        there = {
            name: sides
            for name, sides in sent(intent).items()
            if name in moved and _holds(item, intent.side, record, _sent_as(intent, name))
        }
        settle_rules(tx, item.m, {item.link.id: there})
        for name in moved:
            if name in sent(intent) and name not in there:
                _ask(world, tx, item.link, intent, record, name, run)
    close_intent(world, tx, intent.id, "neither")


def _sent_as(intent: Intent, name: str) -> dict[str, Value]:
    """The field of a rule, with what was sent there."""
    field = intent.rules[name]["field"]
    return {field: intent.fields[field]}


def _ask(world: World, tx: Tx, link: Link, intent: Intent, record: Record, name: str, run: int | None) -> None:
    """A person is asked, whatever the owner: what the source had, or what stands where the write went."""
    source, now = (
        intent.rules[name]["settle"].get(str(intent.side.other)),
        record.fields.get(intent.rules[name]["field"]),
    )
    sides = (source, now) if intent.side is Side.RIGHT else (now, source)
    reason = "a write was interrupted, and the value is neither the old one nor ours"
    ids = (link.left_id, link.right_id)
    tx.conflicts.ask(
        lost_row(link.map, link.id, ids, name, sides, "open", reason=reason, run=run, at=world.clock(), forced=True)
    )


def _settle_made(world: World, side: Side, several: Sequence[tuple[Item, Intent]], run: int | None) -> None:
    """Look for what these creations of one side may have made, for all sync keys together, and settle each."""
    m, carriers = several[0][0].m, None
    end, connector = m.end(side), world.connector(m, side)
    if end.sync_key is not None and connector.capabilities.sync_key:
        wanted = list(dict.fromkeys(SyncKey(end.sync_key, _key_of(intent, m)) for _, intent in several))
        asked_at = connector.now()
        carriers = asked_at, connector.find(end.kind, wanted, world.fields(end.system, end.kind))
    for item, intent in several:
        if item.stands():
            _settle_create(world, item, intent, carriers, run)


def _settle_create(world: World, item: Item, intent: Intent, carriers: Carriers | None, run: int | None) -> None:
    """Ours is adopted; surely not landed is planned again; what cannot be known is parked, never guessed."""
    if carriers is not None:
        ours, sure = _keyed(world, item, intent, carriers)
    else:
        ours, stray, sure = _unkeyed(world, item, intent)
        if sure and not ours and stray:
            names = ", ".join(stray)
            reason = f"write {intent.id} may have made one of: {names}; say which, or none: `syncd answer`"
            item.fail(park("question", reason))
            return
    with world.store.begin() as tx:
        if not _ours(tx, item, intent):
            return
        if len(ours) > 1:
            names = ", ".join(str(record.ref) for record in ours)
            told = f"write {intent.id} for {_key_of(intent, item.m)} may have made one of: {names}"
            item.fail(park("question", f"{told}; say which: `syncd answer`"))
        elif ours:
            _adopt_create(world, tx, item, intent, ours[0], run)
        elif sure:
            close_intent(world, tx, intent.id, "not landed")
        else:
            item.fail(_wait(world, intent))


def _key_of(intent: Intent, m: FieldMap) -> str:
    """The sync key that the record of a creation carries."""
    return sync_key_of(m.end(intent.side.other).ref(intent.source_id))


def _keyed(world: World, item: Item, intent: Intent, carriers: Carriers) -> tuple[list[Record], bool]:
    """Records that carry the key of the intent's source, as the vendor finds them and as feeds told; is that sure.

    Who merges or copies a record gives its key to another: where one was made while the write could make it, that is
    ours, whether it is still there or not; one that may have been there just before is, if there is no other.
    """
    m, side, key = item.m, intent.side, _key_of(intent, item.m)
    asked_at, found = carriers
    end, connector = m.end(side), world.connector(m, side)
    with world.store.read() as tx:
        marks = tx.marks.waiting(f"intent:{intent.id}")
        waiting = {mark.id for mark in marks if (mark.map, mark.side) == (m.key, side)}
        near = tx.snapshots.made_between(end.system, end.kind, *window(intent), gone=True)
        told = [one.record for one in tx.snapshots.get(end.system, end.kind, {*waiting, *near}).values()]
    records = {record.ref.id: record for record in (*told, *found)}
    ours = [record for record in records.values() if carried_key(m, side, record.fields) == key]
    sure = intent.lands_by is None or asked_at > intent.lands_by + connector.capabilities.find_lag
    within = [record for record in ours if in_window(record, intent)]
    return [record for record in within if may_have_made(intent, record)] or within or ours, sure


def _unkeyed(world: World, item: Item, intent: Intent) -> tuple[list[Record], list[str], bool]:
    """Records made in the intent's window and linked with nobody: those that answer it, those that may; is it sure.

    The feed must have been read past the last moment at which the create can land: then every such record is known.
    """
    m, side = item.m, intent.side
    end = m.end(side)
    with world.store.read() as tx:
        feed = tx.feeds.get(end.system, end.kind)
        first, last = window(intent)
        ids = tx.snapshots.made_between(end.system, end.kind, first, last)
        linked = tx.links.ever(m.key, side, ids)
        known = tx.snapshots.get(end.system, end.kind, set(ids) - linked - not_twins(tx, m, side, intent.source_id))
        records = [snapshot.record for snapshot in known.values()]
        source = item.snapshots.get(side.other)
    mine = [record for record in records if record.mine is not False]
    texts = {k.text for k in keys(m, side.other, source.record.fields) if k.certain} if source is not None else set()
    ours = [
        r for r in mine
        if _holds(item, side, r, intent.fields) or texts & {k.text for k in keys(m, side, r.fields) if k.certain}
    ]  # fmt: skip
    stray = [str(record.ref) for record in mine if record not in ours]
    return ours, stray, feed.read_to is not None and feed.read_to >= last


def _adopt_create(world: World, tx: Tx, item: Item, intent: Intent, record: Record, run: int | None) -> None:
    """The record is ours: link it; base is the intent's source values, and on its own side what was sent.

    One that only looks like ours may be a stranger's: what is not as it was sent is not taken for an edit of ours.
    """
    m, side = item.m, intent.side
    link = adopt(world, tx, m, side, {intent.source_id: record}).get(intent.source_id)
    keyed = carried_key(m, side, record.fields) == _key_of(intent, m)
    if link is None and keyed:  # what was made went into a record that has a twin of its own
        close_intent(world, tx, intent.id, "landed", record.ref.id)
        item.fail(park("question", f"{record.ref} carries its sync key, but is linked with another record"))
        return
    if link is None:
        item.fail(again("taken", f"{record.ref} was linked meanwhile"))
        return
    # Who merges a record gives its key to what may be older than the creation, and a stranger's in all else.
    proved = (record.mine is True or keyed) and may_have_made(intent, record)
    field = {name: intent.rules[name]["field"] for name in sent(intent)}
    rules = {
        name: sides
        for name, sides in sent(intent).items()
        if proved or _holds(item, side, record, _sent_as(intent, name))
    }
    settle_rules(tx, m, {link.id: rules})
    for name in field.keys() - rules.keys():
        if field[name] in record.fields:
            _ask(world, tx, link, intent, record, name, run)
    close_intent(world, tx, intent.id, "landed", record.ref.id)
    # Read by id: who looks for a key is told of archived records as well, and not that they are.
    why = "its twin was found; the rest of its fields follow"
    item.fail(again("adopted", why, after=timedelta(0), reread=True, count=False))
