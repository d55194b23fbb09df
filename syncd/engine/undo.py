"""Undo: what a run wrote is taken back where it still stands; what it made is archived if nobody touched it.

An order rests with each link that the run wrote to. Carrying it out is work like any other: claimed, planned, guarded,
compared, journaled. What somebody changed since is left alone and listed.
What is not here: links by which a run joined two records that were there before; `by_hand.unlink` parts them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syncd.core.decision import Decision, Plan, Verdict
from syncd.core.fieldmap import Rule
from syncd.core.loss import same
from syncd.core.model import Action, FieldType, Ref, Side, Value
from syncd.core.sight import MISSING, Missing, view
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.answers import known_field, names_of
from syncd.engine.archiving import archive_operation
from syncd.engine.conflicts import UNDONE
from syncd.engine.fence import all_ours
from syncd.engine.item import Item
from syncd.engine.planning import lost_row, operation_for
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store.conflicts import ORDERED, WHOLE, Conflict
from syncd.store.journal import NOTHING_CHANGED, Intent
from syncd.store.links import Link
from syncd.store.store import Tx


def order(
    world: World, run: int, *, map_key: str | None = None, name: str | None = None, ref: Ref | None = None
) -> tuple[str, int]:
    """Order that what a run wrote is taken back (in a map; of a field, a record): its pair, and of how many links.

    `ref`: a record on either side; what the run wrote to it, and to whom it is linked with.

    Raises ConfigError where there is no such run, or it has not ended, or the field is neither its own nor a map's, or
    the record is of no map.
    """
    with world.store.begin() as tx:
        pair = _pair_of(tx, run)
        ref = _now_called(world, tx, ref) if ref is not None else None
        done = [intent for intent in tx.journal.of_run(run) if _landed(intent) and map_key in (None, intent.map)]
        maps = [m for one in world.pairs if one.name == pair for m in one.maps if map_key in (None, m.key)]
        written = {one for intent in done for one in (*intent.rules, *intent.fields)}
        known_field(name, names_of(maps) | written, f"run {run} wrote no such field, and no map has it.")
        links: dict[int, Link] = {}
        for intent in done:
            link = _link(world, tx, intent)
            if (
                link is not None
                and (name is None or _touches(intent, name))
                and (ref is None or _joins(world, link, ref))
            ):
                links[link.id] = link
        now = world.clock()
        # Who takes back what an order wrote does not want it any more, if there is something left to do of it.
        undone = {data["reason"] for intent in done for data in intent.rules.values()}
        waiting = [one for several in tx.conflicts.orders(links).values() for one in several]
        tx.conflicts.settle([one.id for one in waiting if one.reason in undone], "taken", now)
        again = {(one.link, (one.choice or {}).get("field")) for one in waiting if one.run == run}
        for link in links.values():
            if (link.id, name) not in again:
                row = _row(world, link, WHOLE, ORDERED, _reason(run), run)
                tx.conflicts.list_lost([{**row, "choice": {"run": run, "field": name}}])
            tx.marks.add(link.map, Side.LEFT, [link.left_id], now, lane=LEAD_LANE, reread=True)
        return pair, len(links)


def _pair_of(tx: Tx, run: int) -> str:
    known = tx.runs.get(run)
    if known is None:
        raise ConfigError(Problem(f"run {run}", "there is no such run.", "`syncd status` shows the last ones."))
    if known.state == "running":
        raise ConfigError(Problem(f"run {run}", "it has not ended yet.", "Try again when it has."))
    return known.pair


def _now_called(world: World, tx: Tx, ref: Ref) -> Ref:
    """A record that a person named, as it is called after a merge. Raises ConfigError for a kind that no map reads."""
    if (ref.system, ref.kind) not in world.readers:
        raise ConfigError(Problem(str(ref), "no map reads this kind of record.", "Write it as SYSTEM:KIND:ID."))
    return replace(ref, id=tx.aliases.resolve(ref.system, ref.kind, [ref.id])[ref.id])


def _landed(intent: Intent) -> bool:
    return intent.outcome is not None and intent.outcome not in NOTHING_CHANGED and intent.action is not Action.ARCHIVE


def _joins(world: World, link: Link, ref: Ref) -> bool:
    """Whether a link is one of this record."""
    return ref in (world.maps[link.map].end(side).ref(link.id_on(side)) for side in Side)


def _touches(intent: Intent, name: str) -> bool:
    return intent.action is Action.UPDATE and (name in intent.rules or name in intent.fields)


def _link(world: World, tx: Tx, intent: Intent) -> Link | None:
    """The open link that a write was for."""
    if intent.map not in world.maps or intent.record_id is None:
        return None
    return tx.links.of(intent.map, intent.side, [intent.record_id]).get(intent.record_id)


@dataclass(slots=True)
class Reversal:
    """What is still to be done for one link. `archive`: the side whose record goes. `kept`: rows of what stays."""

    writes: list[Decision] = field(default_factory=list)
    kept: list[dict[str, Any]] = field(default_factory=list)
    archive: Side | None = None


def undo(world: World, items: Sequence[Item], *, planned: bool) -> None:
    """Plan what was ordered, of the newest run first: fields, then the record. With nothing left to do, an order ends.

    `planned`: nothing will be written; the orders stand.
    """
    linked = [item for item in items if item.stands() and item.link is not None and _whole(item)]
    if not linked:
        return
    with world.store.read() as tx:
        orders = tx.conflicts.orders(item.link.id for item in linked if item.link is not None)
    ordered = [(item, orders[item.link.id]) for item in linked if item.link is not None and item.link.id in orders]
    if ordered:
        with world.store.begin() as tx:
            all_ours(tx, [item for item, _ in ordered])
            for item, found in ((item, found) for item, found in ordered if item.stands()):
                _carry_out(world, tx, item, found, planned=planned)


def _whole(item: Item) -> bool:
    return not item.operations and len(item.snapshots) == len(Side) and not any(item.snapshots[s].gone for s in Side)


def _carry_out(world: World, tx: Tx, item: Item, orders: Sequence[Conflict], *, planned: bool) -> None:
    """Plan what is left to do of the first order, or end it and go on with the next."""
    for ordered in orders:
        found = _reversal(world, tx, item, ordered)
        if found.writes or found.archive is not None:
            _plan(item, ordered, found, planned=planned)
            break
        if not planned:
            tx.conflicts.list_lost(found.kept)
            tx.conflicts.settle([ordered.id], "taken", world.clock())
    # Whatever else is ordered, or new about the two, is looked at when this is written.
    item.more = bool(item.operations)


def _plan(item: Item, ordered: Conflict, found: Reversal, *, planned: bool) -> None:
    """Fields first: of a record that is gone nothing more is done. Planned, so weighed and allowed, is the whole."""
    item.found = ordered.reason
    if found.writes:
        item.plan = Plan(tuple(found.writes))
        patches = {side: operation_for(item, side) for side in Side}
        item.operations = {side: replace(patch, compare=True) for side, patch in patches.items() if patch is not None}
    if found.archive is not None and (planned or not found.writes):
        item.operations[found.archive] = archive_operation(item, found.archive)


def _reversal(world: World, tx: Tx, item: Item, ordered: Conflict) -> Reversal:
    run, name = int((ordered.choice or {})["run"]), (ordered.choice or {})["field"]
    ours, found = _written(tx, item), Reversal()
    written = [intent for intent in ours if intent.run == run]
    made = next((intent.side for intent in written if intent.action is Action.CREATE), None)
    if made is not None and name is None:
        _take_away(world, tx, item, made, ordered, ours, found)
    for rule in item.m.rules:
        # A receipt says how it stands with the link; it goes only with the link.
        if rule.receipt is None or found.archive is not None:
            for side in Side:
                updates = [i for i in written if i.action is Action.UPDATE and i.side is side]
                _take_back(world, item, rule, side, updates, ordered, found)
    return found


def _written(tx: Tx, item: Item) -> list[Intent]:
    """What we ever wrote to the two records of a link and what landed, oldest first."""
    ids = {side: str(item.id_on(side)) for side in Side}
    intents = tx.journal.last_of(item.m.key, list(ids.values()), limit=10_000)
    return [i for i in reversed(intents) if _landed(i) and i.record_id == ids[i.side]]


def _take_back(
    world: World, item: Item, rule: Rule, side: Side, written: Sequence[Intent], ordered: Conflict, found: Reversal
) -> None:
    """One field: what stood before the run's writes to it, if what they wrote stands there now."""
    name, wanted = rule.field(side), (ordered.choice or {})["field"]
    if name is None or wanted not in (None, rule.name, name):
        return
    mine = [i for i in written if rule.name in i.rules and name in i.fields and name in i.before]
    if not mine or item.link is None:
        return
    now, kind, before = item.record(side).fields.get(name), rule.type(side), _before(mine, name, rule.type(side))
    if same(now, before, kind):
        return
    if same(now, mine[-1].fields[name], kind):
        found.writes.append(_decision(item, rule, side, before, ordered.reason))
        return
    why = f"{ordered.reason}, but somebody changed this since"
    sides = [view(rule, at, item.record(at).fields) for at in Side]
    found.kept.append(_row(world, item.link, rule.name, "kept", why, ordered.run, (_known(sides[0]), _known(sides[1]))))


def _before(written: Sequence[Intent], name: str, kind: FieldType | None) -> Value:
    """What a field held before the last writes of a run that followed each other with nobody in between."""
    before = written[-1].before[name]
    for earlier in reversed(written[:-1]):
        if not same(before, earlier.fields[name], kind):
            break
        before = earlier.before[name]
    return before


def _decision(item: Item, rule: Rule, side: Side, before: Value, reason: str) -> Decision:
    """Write what was there before, and let both sides stand as they then are: that they differ is listed."""
    name, fields = str(rule.field(side)), item.record(side).fields
    across = _known(view(rule, side.other, item.record(side.other).fields))
    here = _known(view(rule, side, {**fields, name: before}))
    after = {side: here, side.other: across}
    return Decision(
        rule=rule, verdict=Verdict.WRITE, reason=reason, to=side, field=name, before=fields.get(name), after=before,
        settle=after, sides=(after[Side.LEFT], after[Side.RIGHT]), taken=True,
        lost=(side.other, across) if rule.field(side.other) is not None else None,
    )  # fmt: skip


def _known(value: Value | Missing) -> Value:
    return None if value is MISSING else value


def _take_away(
    world: World, tx: Tx, item: Item, side: Side, ordered: Conflict, ours: Sequence[Intent], found: Reversal
) -> None:
    """A record that the run made: archived if nobody touched it, else left alone and listed. `ours`: our writes."""
    if item.link is None:
        return
    touched = _touched(item, side, ordered, ours)
    if not world.connector(item.m, side).capabilities.archive:
        why = f"{item.m.end(side).system} cannot archive"
    elif touched:
        why = f"somebody changed {', '.join(touched)} since"
    elif tx.conflicts.open_of([item.link.id]):
        why = "a conflict of the two is open"
    else:
        found.archive = side
        return
    reason = f"{ordered.reason}, but {item.record(side).ref}, which it made, stays: {why}"
    found.kept.append(_row(world, item.link, WHOLE, "kept", reason, ordered.run))


def _touched(item: Item, side: Side, ordered: Conflict, ours: Sequence[Intent]) -> list[str]:
    """The fields of a record that we made which hold neither what we sent last nor what the vendor put there himself.

    What the vendor put there was carried to the other side by the very run that made the record.
    """
    fields, types = item.record(side).fields, {rule.field(side): rule.type(side) for rule in item.m.rules}
    mine = [intent for intent in ours if intent.side is side]
    sent: dict[str | None, Value] = {name: value for intent in mine for name, value in intent.fields.items()}
    across = [intent for intent in ours if intent.side is side.other and intent.run == ordered.run]
    brought = {
        rule.field(side): intent.rules[rule.name]["settle"].get(str(side))
        for intent in across for rule in item.m.rules if rule.name in intent.rules
    }  # fmt: skip
    expected = {**brought, **sent}
    free = {name: kind for name, kind in types.items() if name in fields and not (kind and kind.read_only)}
    return sorted(str(name) for name, kind in free.items() if not same(fields[str(name)], expected.get(name), kind))


def _row(
    world: World, link: Link, rule: str, state: str, reason: str, run: int | None,
    sides: tuple[Value, Value] = (None, None),
) -> dict[str, Any]:  # fmt: skip
    return lost_row(link.map, link.id, (link.left_id, link.right_id), rule, sides, state, reason=reason, run=run,
                    at=world.clock())  # fmt: skip


def told(world: World, run: int, by: Sequence[int]) -> dict[str, Any]:
    """What the runs `by` took back of a run: fields, records; what stays and why; how many links still wait.

    `others`: what else was due and was written by these runs, in records.
    """
    stays = ("kept", "agreed")  # a person's value may have crossed in the same run
    with world.store.read() as tx:
        written = [i for one in by for i in tx.journal.of_run(one) if i.outcome == "written"]
        rows = tx.conflicts.list(states=[*stays, ORDERED], run=run, limit=1_000_000)
    reason = _reason(run)
    return {
        "run": run,
        "fields": sum(d["reason"] == reason for i in written for d in i.rules.values()),
        "archived": sum(i.action is Action.ARCHIVE for i in written),
        "others": len({(i.map, i.side, i.record_id) for i in written if _another(i, reason)}),
        "kept": [{"left": row.left_id, "right": row.right_id, "map": row.map, "rule": row.rule, "reason": row.reason}
                 for row in rows if row.state in stays and row.reason.startswith(reason)],
        "waiting": len({row.link for row in rows if row.state == ORDERED}),
    }  # fmt: skip


def _another(intent: Intent, reason: str) -> bool:
    """Whether a write was not part of an undo."""
    return intent.action is not Action.ARCHIVE and all(data["reason"] != reason for data in intent.rules.values())


def _reason(run: int) -> str:
    return f"run {run}{UNDONE}"
