"""One unit on its way down the steps: what is known of it, what is planned, what becomes of its marks.

What is not here: the steps (`linking`, `planning`, `writing`, `settling`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from syncd.core.decision import Decision, Plan, Verdict
from syncd.core.fieldmap import Expression, FieldMap
from syncd.core.model import Action, Operation, Record, Side
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.marks import DELETED, DUE, PARKED, Mark, Unit
from syncd.store.snapshots import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What a mark does when it is not done: its next state, why, what it waits for, and when it is due."""

    state: str
    cause: str
    reason: str
    waits_for: str | None = None
    after: timedelta | None = None
    reread: bool = False
    count: bool = True


def park(cause: str, reason: str, *, waits_for: str | None = None) -> Rest:
    """It cannot go on without a person or a changed world."""
    return Rest(state=PARKED, cause=cause, reason=reason, waits_for=waits_for)


def stuck(decisions: Sequence[Decision]) -> Rest:
    """Park it for all these decisions at once: each is told, and a changed map or the missing parent is a retry."""
    waits = [str(d.waits_for) for d in decisions if d.waits_for is not None]
    cause = "waiting" if len(waits) == len(decisions) else "unmapped"
    return park(cause, "; ".join(d.reason for d in decisions), waits_for=next(iter(waits), None))


UNKNOWN, HINT = "unknown ", "hint "
"""How causes of a read by id begin that name behind it the one side that is read: it did not tell a field; or somebody
says that it changed."""


def again(cause: str, reason: str, *, after: timedelta | None = None, reread: bool = False, count: bool = True) -> Rest:
    """It is due again, after a while (None: the usual back-off); `count` false does not count as a failure."""
    return Rest(state=DUE, cause=cause, reason=reason, after=after, reread=reread, count=count)


SLOW_LANE = 2
"""The lane of marks that no person's edit brought about: they go last, and what they write is written quietly."""

UNSEEN, VANISHED = "unseen", "vanished"
"""Why a record is parked that does not answer; and when it did not answer again after a look that missed nothing."""

DRIFT, UNTOLD = "drift", "untold"
"""Why a record is parked of which a field does not come; and when it did not come again after such a look."""

PAUSED = "paused"
"""Why a record is parked that a person wants left alone for a while."""

DONE = Rest(state="done", cause="done", reason="nothing to do")
UNWANTED = Rest(state="done", cause="unwanted", reason="it may be linked, and nobody asked for a twin of it")


@dataclass(slots=True, eq=False)
class Item:
    """One unit. `side`: of an unlinked unit, the side its record is on. `twin`: who it was found to be, before a link.

    `leftover`: of a record that was made, whether the map has rules that its creation could not carry.
    `more`: whether it is looked at again as soon as this is written.
    `looked`: whether it was read by id where its marks ask for it.
    `calls`: whose turn it is because of it: what was merged into it and leaves it its link, twins that it leaves over.
    `frozen`: rules in which a person is asked, and why, because the field flips.
    `rest`: set as soon as it is clear that the marks stay; an item with a rest takes no further step.
    """

    m: FieldMap
    unit: Unit
    link: Link | None
    side: Side | None = None
    twin: str | None = None
    found: str = ""
    snapshots: dict[Side, Snapshot] = field(default_factory=dict)
    conflicts: Mapping[str, Conflict] = field(default_factory=dict)
    plan: Plan | None = None
    operations: dict[Side, Operation] = field(default_factory=dict)
    intents: dict[Side, int] = field(default_factory=dict)
    written: set[Side] = field(default_factory=set)
    leftover: bool | None = None
    more: bool = False
    looked: bool = False
    rest: Rest | None = None
    pulls: list[tuple[str, Side, str]] = field(default_factory=list)
    calls: list[tuple[Side, str]] = field(default_factory=list)
    frozen: dict[str, str] = field(default_factory=dict)

    @property
    def mark(self) -> Mark:
        """The mark that brought it here (the first of two)."""
        return self.unit.marks[0]

    @property
    def lane(self) -> int:
        """The lane that it was taken in: the first of its marks'."""
        return min(mark.lane for mark in self.unit.marks)

    def asks(self, side: Side) -> bool:
        """Whether a mark wants this side read by id."""
        causes = [mark.cause or "" for mark in self.unit.marks if mark.reread]
        return any(not cause.startswith((UNKNOWN, HINT)) or cause.endswith(f" {side}") for cause in causes)

    def unsure_of(self, condition: Expression | None) -> Rest | None:
        """Where a condition looks at a field that did not come: its record is read once more, and parked if it must."""
        reads = condition.reads if condition is not None else {}
        for side, snapshot in self.snapshots.items():
            names = sorted(reads.get(side, frozenset()) & set(snapshot.missing))
            if not names:
                continue
            reason = f"{snapshot.record.ref} does not tell {', '.join(names)}, which a condition looks at"
            if self.carried in (DRIFT, UNTOLD) or any(mark.cause == f"{UNKNOWN}{side}" for mark in self.unit.marks):
                return self.drift(reason)
            return again(f"{UNKNOWN}{side}", reason, after=timedelta(0), reread=True, count=False)
        return None

    @property
    def anew(self) -> frozenset[str]:
        """The rules that its marks want decided anew."""
        return frozenset(name for mark in self.unit.marks for name in mark.anew or ())

    @property
    def carried(self) -> str | None:
        """What is remembered of its marks from turn to turn: a person's word, or what did not answer before.

        What is parked still was not tried again: it only comes along with the other side's mark.
        """
        causes = {mark.cause for mark in self.unit.marks if mark.state != PARKED}
        return next((known for known in (DELETED, UNSEEN, VANISHED, DRIFT, UNTOLD) if known in causes), None)

    def quiet(self, side: Side) -> bool:
        """Whether the vendor's automations are kept out of a write: the map says so, or nobody's edit caused it."""
        return self.m.end(side).quiet or all(mark.lane >= SLOW_LANE for mark in self.unit.marks)

    def record(self, side: Side) -> Record:
        """The record on a side; it must be known."""
        return self.snapshots[side].record

    def id_on(self, side: Side) -> str | None:
        """The id on a side, as far as it is known."""
        if self.link is not None:
            return self.link.id_on(side)
        if side is self.side:
            return self.mark.id
        return self.twin

    def pull_parents(self) -> None:
        """Note the parents that this plan waits for and may pull across."""
        for d in self.plan.having(Verdict.WAITING) if self.plan is not None else ():
            if d.rule.relation is not None and d.rule.relation.create and d.waits_for is not None and d.to is not None:
                self.pulls.append((d.rule.relation.map, d.to.other, d.waits_for.id))

    def stands(self) -> bool:
        """Whether it still takes steps."""
        return self.rest is None

    def drift(self, reason: str) -> Rest:
        """Park it because of a field that was asked for and did not come."""
        why = (
            f"{reason}: the field was asked for twice and did not come; it was deleted, or is hidden from syncd's user"
        )
        return park(UNTOLD if self.carried in (DRIFT, UNTOLD) else DRIFT, why)

    def fail(self, rest: Rest) -> None:
        """Note what becomes of its marks, unless something was noted before."""
        self.rest = self.rest or rest


def described(item: Item) -> dict[str, Any]:
    """The item's plan as data that a person or a script reads: what would be written, field by field, and why."""
    create = item.side.other if item.link is None and item.twin is None and item.side is not None else None
    # A name that was made unique stands in the operation only.
    sent = item.operations[create].fields if create is not None and create in item.operations else {}
    writes = [
        {
            "side": str(d.to), "field": d.field, "rule": d.rule.name, "before": d.before,
            "after": sent.get(str(d.field), d.after), "reason": d.reason,
        }
        for d in (item.plan.decisions if item.plan else ())
        if d.verdict is Verdict.WRITE
    ]  # fmt: skip
    if create is not None and create in item.operations:
        planned = {w["field"] for w in writes}
        extra = {k: v for k, v in item.operations[create].fields.items() if k not in planned}
        writes += [
            {"side": str(create), "field": k, "rule": None, "before": None, "after": v, "reason": "on creation"}
            for k, v in extra.items()
        ]
    archived = next((s for s, o in item.operations.items() if o.action is Action.ARCHIVE), None)
    return {
        "map": item.m.key,
        "action": _action(item, create, archived),
        "left": item.id_on(Side.LEFT),
        "right": item.id_on(Side.RIGHT),
        "creates": str(create) if create is not None else None,
        "archives": str(archived) if archived is not None else None,
        "why": item.found,
        "writes": writes,
        "conflicts": [
            {"rule": d.rule.name, "left": d.sides[0], "right": d.sides[1], "reason": d.reason}
            for d in (item.plan.decisions if item.plan else ())
            if d.verdict == "conflict"
        ],
        "parked": [d.reason for d in (item.plan.parked if item.plan else ())],
    }


def _action(item: Item, create: Side | None, archived: Side | None) -> str:
    if archived is not None:
        return str(Action.ARCHIVE)
    if create is not None:
        return str(Action.CREATE)
    return "link" if item.twin is not None else str(Action.UPDATE)


def permitted(item: Item, permit: Mapping[str, Any]) -> bool:
    """Whether what is planned now is within a permission: the same kind of operation, no other field."""
    plan = described(item)
    allowed = {(write["side"], write["field"]) for write in permit["writes"]}
    wanted = {(write["side"], write["field"]) for write in plan["writes"]}
    kinds = ("creates", "archives")
    return wanted <= allowed and all(plan[kind] is None or plan[kind] == permit.get(kind) for kind in kinds)
