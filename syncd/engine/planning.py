"""READ and PLAN for linked units: bases, twins of relations, what a person took; then `core.plan` decides.

What is not here: the decision itself, and unlinked units (`linking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from syncd.core.decision import Base, Decision, Given, Plan, Shadow, Taken, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Leave, Unconvertible
from syncd.core.model import Action, Operation, Record, Side, Value
from syncd.core.plan import plan
from syncd.engine.base import base_of
from syncd.engine.item import DONE, Item, Rest, again, park
from syncd.engine.restored import doubts
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
            found = twins_of(tx, key, side, set(called.values()), planned=planned, former=former)
            twins.update({(key, side, old): found[now] for old, now in called.items() if now in found})
            became.update({(key, side, old): now for old, now in called.items() if now != old})
    return Given(twins=twins, became=became)


def twins_of(tx: Tx, map_key: str, side: Side, ids: set[str], *, planned: bool, former: bool) -> dict[str, str]:
    """With whom these are linked in a map; `planned` and `former` as in `parents_of`."""
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
    doubted = doubts(tx, linked)
    for item in (item for item in linked if item.stands()):
        if item.operations:  # it is planned already: its twin is to be archived
            continue
        if len(item.snapshots) < len(Side):
            item.fail(park("unread", "the record on the other side was never read"))
            continue
        gone = [side for side in Side if item.snapshots[side].gone]
        if gone:
            why = f"{item.record(gone[0]).ref} is gone on the {gone[0]}; nothing is written"
            # Links that stand were looked at for that before: this one is new.
            item.fail(again("gone", why, after=timedelta(0)) if item.link is not None else park("gone", why))
            continue
        if left_filter(m, {side: item.record(side) for side in Side}):
            item.fail(item.unsure_of(m.only) or _unfit(m, item))
            continue
        item.conflicts = conflicts.get(item.link.id, {}) if item.link is not None else {}
        item.plan = _plan(world, m, item, parents, doubted.get(item.link.id, {}) if item.link is not None else {})
        if (look := _look_first(item)) is not None:
            item.plan = None  # nothing of it is settled
            item.fail(look)
            continue
        item.pull_parents()
        for side in Side:
            operation = operation_for(item, side)
            if operation is not None:
                item.operations[side] = operation


def _unfit(m: FieldMap, item: Item) -> Rest:
    """Nothing is planned; a link that stood was closed for it before, so that one is new and has another turn."""
    if m.leave is Leave.UNLINK and item.link is not None:
        return again("unfit", "linked just now, and does not meet `only`")
    return DONE


def left_filter(m: FieldMap, records: Mapping[Side, Record]) -> bool:
    """Whether a pair does not meet the map's `only`, so that nothing flows between the two."""
    if m.only is None or m.leave is Leave.KEEP:
        return False
    try:
        return not m.only.value({side: record.fields for side, record in records.items()})
    except Unconvertible:
        return True


def _plan(world: World, m: FieldMap, item: Item, parents: Given, doubted: Mapping[str, str]) -> Plan:
    link = item.link
    base = base_of(m, link, item.snapshots[Side.LEFT], item.snapshots[Side.RIGHT]) if link is not None else Base()
    shifts = {side: _shift(world, m, side) for side in Side}
    base = Base(left=_shadows_at(base.left, shifts[Side.LEFT]), right=_shadows_at(base.right, shifts[Side.RIGHT]))
    taken = {rule: t for rule, c in item.conflicts.items() if (t := _taken(c)) is not None}
    unanswered = {rule: c.reason for rule, c in item.conflicts.items() if c.forced or c.state == "open"}
    given = replace(parents, taken=taken, asked={**doubted, **item.frozen, **unanswered}, anew=item.anew)
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


def _look_first(item: Item) -> Rest | None:
    """A look at both sides, where what was read before would end a matter without a write. Rule 11.

    A write is preceded by a look; that both sides say the same, or that a blank stays, would be believed without.
    """
    if not _ends(item) or all(item.asks(side) for side in Side):
        return None
    reason = "both sides may say the same, which is settled when both were just read"
    return again(item.carried or "equal", reason, after=timedelta(0), reread=True, count=False)


def _ends(item: Item) -> bool:
    """Whether this plan moves the base of a rule that had one, or closes a question, without a write."""
    known = item.link.known if item.link is not None else frozenset()
    return any(
        d.rule.name in item.conflicts or (d.verdict is not Verdict.UNCHANGED and d.rule.identity in known)
        for d in (item.plan.decisions if item.plan is not None else ())
        if d.verdict in (Verdict.AGREED, Verdict.IGNORED, Verdict.UNCHANGED)
    )


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
            **({"taken": True} if d.taken else {}),
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
