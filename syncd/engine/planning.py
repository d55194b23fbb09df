"""READ and PLAN for linked units: bases, twins of relations, what a person took; then `core.plan` decides.

What is not here: the decision itself, and unlinked units (`linking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.core.decision import Base, Decision, Given, Plan, Shadow, Taken, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Leave, Unconvertible
from syncd.core.model import Action, Operation, Record, Side, Value
from syncd.core.plan import plan
from syncd.engine.base import base_of
from syncd.engine.item import DONE, OLDER, Item, Rest, again, park
from syncd.engine.world import World
from syncd.store.conflicts import Conflict
from syncd.store.marks import HELD, PLANNED, WEIGHED
from syncd.store.store import Tx

LINKED, NEEDS_YOU = "linked", "needs you"
"""What a receipt says."""


def parents_for(world: World, tx: Tx, m: FieldMap, items: Iterable[Item], *, planned: bool) -> Given:
    """`parents_of` the records of these items."""
    records = [(side, snapshot.record) for item in items for side, snapshot in item.snapshots.items()]
    return parents_of(world, tx, m, records, planned=planned)


def parents_of(
    world: World,
    tx: Tx,
    m: FieldMap,
    records: Iterable[tuple[Side, Record]],
    *,
    planned: bool = False,
    former: bool = False,
) -> Given:
    """Who is linked with whom among the parents that these records point at, and what the merged ones became.

    `planned`: parents whose link or creation is only planned count as linked, so that a plan shows the whole.
    `former`: what was a twin until one of the two left counts too: that is no difference of the children.
    """
    twins: dict[tuple[str, Side, str], str] = {}
    became: dict[tuple[str, Side, str], str] = {}
    records = list(records)
    for rule in m.rules:
        if rule.relation is None or rule.relation.map not in world.maps:
            continue
        key = rule.relation.map
        for side in Side:
            end = world.maps[key].end(side)
            ids = {id_ for at, one in records if at is side for id_ in _ids(one, rule.field(side))}
            called = tx.aliases.resolve(end.system, end.kind, ids)
            found = _twins(tx, key, side, set(called.values()), planned=planned, former=former)
            twins.update({(key, side, old): found[now] for old, now in called.items() if now in found})
            became.update({(key, side, old): now for old, now in called.items() if now != old})
    return Given(twins=twins, became=became)


def _twins(tx: Tx, map_key: str, side: Side, ids: set[str], *, planned: bool, former: bool) -> dict[str, str]:
    links = tx.links.of(map_key, side, ids)
    if former:
        links = {**tx.links.of(map_key, side, ids, state="closed"), **links}
    twins = {id_: link.id_on(side.other) for id_, link in links.items()}
    return twins | (_planned(tx, map_key, side, ids - set(links)) if planned else {})


def _ids(record: Record, name: str | None) -> tuple[str, ...]:
    value = record.fields.get(name) if name is not None else None
    if isinstance(value, tuple):
        return value
    return (str(value),) if value is not None else ()


def _planned(tx: Tx, map_key: str, side: Side, ids: set[str]) -> dict[str, str]:
    return {
        id_: mark.plan.get(str(side.other)) or f"new:{map_key}:{id_}"
        for id_, mark in tx.marks.get(map_key, side, ids).items()
        if mark.state in (PLANNED, HELD, WEIGHED) and mark.plan
    }


def plan_links(world: World, tx: Tx, m: FieldMap, items: Sequence[Item], parents: Given) -> None:
    """Plan every linked unit; its operations carry what they expect to find."""
    linked = [item for item in items if item.stands() and (item.link is not None or item.twin is not None)]
    conflicts = tx.conflicts.open_of(item.link.id for item in linked if item.link is not None)
    for item in linked:
        if item.operations:  # it is planned already: its twin is to be archived
            continue
        if len(item.snapshots) < len(Side):
            item.fail(park("unread", "the record on the other side was never read"))
            continue
        gone = [side for side in Side if item.snapshots[side].gone]
        if gone:
            item.fail(park("gone", f"{item.record(gone[0]).ref} is gone on the {gone[0]}; nothing is written"))
            continue
        if left_filter(m, {side: item.record(side) for side in Side}):
            item.fail(DONE)
            continue
        item.conflicts = conflicts.get(item.link.id, {}) if item.link is not None else {}
        item.plan = _plan(world, m, item, parents)
        if (look := _look_first(world, m, item)) is not None:
            item.plan = None  # nothing of it is settled
            item.fail(look)
            continue
        item.pull_parents()
        for side in Side:
            operation = operation_for(item, side)
            if operation is not None:
                item.operations[side] = operation


def left_filter(m: FieldMap, records: Mapping[Side, Record]) -> bool:
    """Whether a pair does not meet the map's `only`, so that nothing flows between the two."""
    if m.only is None or m.leave is Leave.KEEP:
        return False
    try:
        return not m.only.value({side: record.fields for side, record in records.items()})
    except Unconvertible:
        return True


def _plan(world: World, m: FieldMap, item: Item, parents: Given) -> Plan:
    link = item.link
    base = base_of(m, link, item.snapshots[Side.LEFT], item.snapshots[Side.RIGHT]) if link is not None else Base()
    shifts = {side: _shift(world, m, side) for side in Side}
    base = Base(left=_shadows_at(base.left, shifts[Side.LEFT]), right=_shadows_at(base.right, shifts[Side.RIGHT]))
    taken = {rule: t for rule, c in item.conflicts.items() if (t := _taken(c)) is not None}
    unanswered = {rule: c.reason for rule, c in item.conflicts.items() if c.forced or c.state == "open"}
    given = replace(parents, taken=taken, asked={**item.frozen, **unanswered}, anew=item.anew)
    records = tuple(_record_at(world, m, side, item.record(side), shifts[side]) for side in Side)
    found = plan(m, base, records[0], records[1], given)
    if not any(rule.receipt for rule in m.rules):
        return found
    # What a system does not show stops a field until it does: that is no news of this record, least of all for all.
    theirs = [one for one in found.parked if one.verdict is not Verdict.UNKNOWN]
    if len(found.parked) > len(theirs):
        return found
    state = NEEDS_YOU if theirs or found.having(Verdict.CONFLICT) else LINKED
    return plan(m, base, records[0], records[1], replace(given, state=state))


def _shift(world: World, m: FieldMap, side: Side) -> timedelta:
    """From a vendor's clock to ours, so that moments of two vendors compare."""
    return world.clock() - world.connector(m, side).now()


def _shadows_at(shadows: Mapping[str, Shadow], shift: timedelta) -> Mapping[str, Shadow]:
    return {name: Shadow(s.value, s.seen_at + shift if s.seen_at else None) for name, s in shadows.items()}


def _record_at(world: World, m: FieldMap, side: Side, record: Record, shift: timedelta) -> Record:
    """The record's moments on our clock; a modified time stands for the end of its tick, the latest it can mean."""
    modified = record.modified_at
    if modified is not None:
        modified += shift + world.connector(m, side).capabilities.tick
    times = {name: moment + shift for name, moment in record.times.items()}
    return replace(record, modified_at=modified, times=times)


def _look_first(world: World, m: FieldMap, item: Item) -> Rest | None:
    """A look at the side that may say something else by now, where equal values would end a matter without a write.

    A write is preceded by a look; that both sides say the same, or that a blank stays, is believed without. Rule 11.
    """
    ended = _ended(item)
    if item.link is None or not ended:
        return None
    first = not ended & item.link.known
    times = {side: _times(world, m, item, side, first=first) for side in Side}
    older = [side for side in Side if times[side][1] < times[side.other][0]]
    if not older:
        return None
    named = older[0] if len(older) == 1 and not any(item.asks(side) for side in Side) else None
    reason = "both sides may say the same, and one of them was last read before the other was edited"
    cause = f"{OLDER}{named}" if named is not None else OLDER.strip()
    return again(cause, reason, after=timedelta(0), reread=True, count=False)


def _ended(item: Item) -> set[str]:
    """The two-way rules in which this plan moves base, or closes a conflict, without a write."""
    settling = (Verdict.AGREED, Verdict.IGNORED)
    return {
        d.rule.identity
        for d in (item.plan.decisions if item.plan is not None else ())
        if d.rule.direction is Direction.BOTH
        and (d.verdict in settling or (d.verdict is Verdict.UNCHANGED and d.rule.name in item.conflicts))
    }


def _times(world: World, m: FieldMap, item: Item, side: Side, *, first: bool) -> tuple[datetime, datetime]:
    """On our clock: before when this side was edited last, and until when it surely said what it says.

    A row of a list may be as old as the vendor's lists lag; what was read by id in this turn is not. At a first link
    this is not reckoned with: it would have every one of those who are edited while all are read first read twice.
    """
    record, can, shift = item.record(side), world.connector(m, side).capabilities, _shift(world, m, side)
    read = record.read_at + shift if record.read_at is not None else datetime.max.replace(tzinfo=UTC)
    modified = record.modified_at + shift + can.tick if record.modified_at is not None else read
    by_id = first or item.asks(side) or record.read_at is None
    return min(read, modified), read if by_id else read - can.lag


def _taken(conflict: Conflict) -> Taken | None:
    choice = conflict.choice
    if not choice:
        return None
    return Taken(Side(choice["side"]), choice["value"], tuple(choice["now"]))


def operation_for(item: Item, side: Side) -> Operation | None:
    """What the item's plan writes to a side, with what it expects to find there."""
    decisions = item.plan.writes(side) if item.plan is not None else ()
    if not decisions:
        return None
    return Operation(
        id="",
        action=Action.UPDATE,
        ref=item.record(side).ref,
        fields={str(d.field): d.after for d in decisions},
        expect={str(d.field): d.before for d in decisions},
        compare=any(d.rule.direction is Direction.BOTH for d in decisions),
        quiet=item.quiet(side),
    )


def rules_data(decisions: Iterable[Decision]) -> dict[str, Any]:
    """What the journal keeps of the decisions that a write carries: base's way, the reason, the loser."""
    return {
        d.rule.name: {
            "field": d.field,
            "settle": {str(side): value for side, value in d.settle.items()},
            "reason": d.reason,
            "lost": [str(d.lost[0]), d.lost[1]] if d.lost else None,
            "sides": list(d.sides),
        }
        for d in decisions
    }


def lost_row(
    item_map: str, link: int, ids: tuple[str, str], rule: str, sides: tuple[Value, Value], state: str, **more: Any
) -> dict[str, Any]:
    """A row of the list of values that were passed over."""
    return {
        "map": item_map, "link": link, "rule": rule, "state": state, "left_id": ids[0], "right_id": ids[1],
        "left_value": sides[0], "right_value": sides[1], **more,
    }  # fmt: skip
