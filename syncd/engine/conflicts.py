"""Who is asked and who was overruled: what a plan leads to on the lists of conflicts, told with its write.

What is not here: whether there is a conflict (`core.plan`), and what a person answers (`applying`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from syncd.core.decision import Decision, Verdict
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.model import Record, Side, Value
from syncd.core.parity import AS_ONE, compare
from syncd.engine.base import forgetting
from syncd.engine.item import Item
from syncd.engine.planning import lost_row, parents_of
from syncd.engine.world import World
from syncd.store.conflicts import WHOLE, Conflict
from syncd.store.links import Link
from syncd.store.store import Tx

UNDONE = " is undone"
"""How the reasons of an undo go on behind the run."""


Chosen = tuple[Link, str, tuple[Value, Value]]
"""A link, one of its rules, and the values of both sides that were seen when a person's choice was planned."""


def close_taken(tx: Tx, written: Sequence[Chosen], run: int | None, now: datetime) -> None:
    """A person's choice that was written is carried out, told in the very transaction that tells of the write.

    Else a new conflict would take its row, and whom the choice overruled would stand on no list. What a person has
    decided anew since keeps its row, and the choice that was written gets one of its own.
    """
    open_ = tx.conflicts.open_of({link.id for link, _, _ in written})
    done: list[int] = []
    rows: list[dict[str, Any]] = []
    for link, rule, sides in written:
        conflict = open_.get(link.id, {}).get(rule)
        if conflict is not None and conflict.choice and tuple(conflict.choice["now"]) == tuple(sides):
            done.append(conflict.id)
        elif conflict is not None and conflict.state == "open":
            why, ids = "a person took a side, and another one before that was told", (link.left_id, link.right_id)
            row = lost_row(link.map, link.id, ids, rule, sides, "taken", reason=why, run=run, at=now, closed_at=now)
            rows.append(row)
    tx.conflicts.settle(done, "taken", now)
    tx.conflicts.list_lost(rows)


def list_lost(tx: Tx, item: Item, decisions: tuple[Decision, ...], run: int | None, world: World) -> None:
    """List whose value a decision passed over: it was overwritten, or it was kept and lost all the same."""
    if item.link is None:
        return
    rows = [
        lost_row(
            item.m.key, item.link.id, (item.link.left_id, item.link.right_id), d.rule.name, d.sides,
            "overruled" if d.verdict is Verdict.WRITE and not d.taken else "kept",
            lost_side=str(d.lost[0]), reason=d.reason, run=run, at=world.clock(),
        )
        for d in decisions
        if d.lost is not None
    ]  # fmt: skip
    tx.conflicts.list_lost(rows)


def list_conflicts(world: World, tx: Tx, item: Item, run: int | None) -> None:
    """Open ones are listed once, and closed when the sides agree or a person's choice has been carried out."""
    if item.link is None or item.plan is None:
        return
    link = item.link
    by_rule: dict[str, list[Decision]] = {}
    for d in item.plan.decisions:
        by_rule.setdefault(d.rule.name, []).append(d)
    for name, decisions in by_rule.items():
        before = item.conflicts.get(name)
        if before is not None and _cannot_be_taken(decisions[0]):
            reason = f"what was taken has no counterpart: {decisions[0].reason}"
            tx.conflicts.ask({"link": link.id, "rule": name, "left_value": before.left, "right_value": before.right,
                              "reason": reason})  # fmt: skip
        elif decisions[0].verdict is Verdict.CONFLICT:
            if before is None or before.choice or (before.left, before.right) != decisions[0].sides:
                ids = (link.left_id, link.right_id)
                row = lost_row(item.m.key, link.id, ids, name, decisions[0].sides, "open", reason=decisions[0].reason,
                               run=run, at=world.clock(), forced=name in item.frozen)  # fmt: skip
                tx.conflicts.ask(row)
            if name in item.anew:
                _forget(tx, item.m, link, decisions[0].rule)
        elif before is not None and all(_carried_out(item, d) for d in decisions):
            _close_conflict(tx, before, all(d.taken for d in decisions), world.clock())


def close_kept(world: World, tx: Tx, items: Sequence[Item]) -> None:
    """What an undo left different is closed where both sides mean the same again: it was their difference, no loss.

    What drifted is not: its row is all that tells of somebody's edit, whatever became of the two since.
    """
    linked = {item.link.id: item.link for item in items if item.link is not None}
    by_link: dict[int, list[Conflict]] = {}
    for row in tx.conflicts.kept_of(linked):
        if row.reason.startswith("run ") and UNDONE in row.reason and row.choice is None and row.rule != WHOLE:
            by_link.setdefault(row.link, []).append(row)
    for id_, rows in by_link.items():
        alike = _alike(world, tx, items[0].m, linked[id_])
        tx.conflicts.settle([row.id for row in rows if row.rule in alike], "agreed", world.clock())


def _alike(world: World, tx: Tx, m: FieldMap, link: Link) -> set[str]:
    """The rules in which two linked records mean the same, as they were last seen; none where one is gone."""
    records: dict[Side, Record] = {}
    for side in Side:
        end, id_ = m.end(side), link.id_on(side)
        shot = tx.snapshots.get(end.system, end.kind, [id_]).get(id_)
        if shot is None or shot.gone is not None:
            return set()
        records[side] = shot.record
    parents = parents_of(world, tx, m, records.items(), former=True)
    found = compare(m, records[Side.LEFT], records[Side.RIGHT], parents)
    return {one.rule.name for one in found if one.parity in AS_ONE}


def _forget(tx: Tx, m: FieldMap, link: Link, rule: Rule) -> None:
    """A conflict over values that are both what base says stands only as long as base says nothing."""
    now = tx.links.get([link.id])[link.id]
    tx.links.save([forgetting(now, [rule.identity])], [one.identity for one in m.rules])


def _close_conflict(tx: Tx, conflict: Conflict, taken: bool, now: datetime) -> None:
    """A choice that was carried out ends it; one that met other values lapses, and what was overruled stays listed."""
    if taken:
        tx.conflicts.settle([conflict.id], "taken", now)
    elif conflict.state == "open":
        tx.conflicts.settle([conflict.id], "agreed", now)
    else:
        tx.conflicts.choose(conflict.id, None)


def _cannot_be_taken(decision: Decision) -> bool:
    """Whether a person took a value that has no counterpart: they are asked anew, and told."""
    return decision.taken and decision.verdict is Verdict.UNMAPPED


def _carried_out(item: Item, decision: Decision) -> bool:
    if decision.verdict is Verdict.WRITE:
        return decision.to in item.written
    return decision.verdict in (Verdict.AGREED, Verdict.UNCHANGED, Verdict.KEPT, Verdict.IGNORED)
