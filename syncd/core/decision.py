"""What goes into the decision and what comes out of it: base, verdicts, decisions, plans. Plain frozen data.

What is not here: the deciding (`plan`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from syncd.core.fieldmap import Rule, Unconvertible, Unmapped
from syncd.core.model import Ref, Side, Value

Twins = Mapping[tuple[str, Side, str], str]
"""(map key, side, id there) -> id of the linked record on the other side."""

Became = Mapping[tuple[str, Side, str], str]
"""(map key, side, id of a record that was merged there) -> id of what it became."""


@dataclass(frozen=True, slots=True)
class Shadow:
    """What one side of one rule was when both sides last agreed, and when that value was last seen there."""

    value: Value
    seen_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """One shadow per side and rule, by rule name; a rule without one is unknown, which is not blank."""

    left: Mapping[str, Shadow] = dataclasses.field(default_factory=dict)
    right: Mapping[str, Shadow] = dataclasses.field(default_factory=dict)

    def side(self, side: Side) -> Mapping[str, Shadow]:
        """The shadows of a side."""
        return self.left if side is Side.LEFT else self.right


class Verdict(StrEnum):
    """What was decided for one rule.

    UNCHANGED: nothing to do. AGREED: both sides mean the same, base moves. WRITE: one side is written.
    KEPT: the sides differ and stay so, by the map; base moves. IGNORED: a blank that does not travel; base moves.
    CONFLICT: a person is asked. UNMAPPED: no counterpart. UNKNOWN: a value is not known. WAITING: a parent is not
    linked yet. The last four leave base as it was.
    """

    UNCHANGED = "unchanged"
    AGREED = "agreed"
    WRITE = "write"
    KEPT = "kept"
    IGNORED = "ignored"
    CONFLICT = "conflict"
    UNMAPPED = "unmapped"
    UNKNOWN = "unknown"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one rule asks for, and why.

    `to`, `field`, `before`, `after`: the write, when there is one. `source`: the value it comes from.
    `settle`: the values base moves to, per side; of a written side it is replaced by the vendor's answer.
    `sides`: both values, where they are known and something is to be said of them: of UNCHANGED they are not told.
    `lost`: the side and value of a person's edit that this decision passes over; it is listed.
    `waits_for`: the ref of the parent, for WAITING. `park`: the record cannot be called done while this stands.
    `taken`: it carries out what a person took.
    """

    rule: Rule
    verdict: Verdict
    reason: str
    to: Side | None = None
    field: str | None = None
    before: Value = None
    after: Value = None
    settle: Mapping[Side, Value] = dataclasses.field(default_factory=dict)
    lost: tuple[Side, Value] | None = None
    sides: tuple[Value, Value] = (None, None)
    waits_for: Ref | None = None
    park: bool = False
    taken: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """Every rule's decision for one link or one creation."""

    decisions: tuple[Decision, ...]

    def writes(self, to: Side) -> tuple[Decision, ...]:
        """The decisions that write a side."""
        return tuple(d for d in self.decisions if d.verdict is Verdict.WRITE and d.to is to)

    def having(self, verdict: Verdict) -> tuple[Decision, ...]:
        """The decisions of a verdict."""
        return tuple(d for d in self.decisions if d.verdict is verdict)

    @property
    def parked(self) -> tuple[Decision, ...]:
        """The decisions that a person, or a changed world, must help with."""
        return tuple(d for d in self.decisions if d.park)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a person took: a value, in the terms of `side`, for as long as both sides are still `sides`."""

    side: Side
    value: Value
    sides: tuple[Value, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the decision is given beside records and base.

    `twins`: who is linked with whom in the maps of relations. `became`: what was merged there, and so is the same
    record, for a vendor need not touch what points at it. `state`: the receipt's text, if one is to be written.
    `taken`: what a person took, by rule. `asked`: rules in which a person is asked whatever the owner, and why: what is
    frozen, and what was asked before and not answered, for whoever restores or clears a value then has edited it.
    `anew`: rules whose base says nothing where both sides still are what it says, and yet differ: an audit found them
    apart, or the map has changed since.
    """

    twins: Twins = dataclasses.field(default_factory=dict)
    became: Became = dataclasses.field(default_factory=dict)
    state: str | None = None
    taken: Mapping[str, Taken] = dataclasses.field(default_factory=dict)
    asked: Mapping[str, str] = dataclasses.field(default_factory=dict)
    anew: frozenset[str] = frozenset()


def no_counterpart(rule: Rule, error: Unconvertible, sides: tuple[Value, Value] = (None, None)) -> Decision:
    """A value that cannot be carried across, and why."""
    park = rule.unmapped is Unmapped.PARK
    return Decision(rule=rule, verdict=Verdict.UNMAPPED, reason=str(error), park=park, sides=sides)


def pair_of(values: Mapping[Side, Value]) -> tuple[Value, Value]:
    """Left and right."""
    return values[Side.LEFT], values[Side.RIGHT]


def settled(
    rule: Rule, verdict: Verdict, values: Mapping[Side, Value], reason: str, lost: tuple[Side, Value] | None = None
) -> Decision:
    """Nothing is written, and base moves to these values."""
    return Decision(rule=rule, verdict=verdict, reason=reason, settle=dict(values), lost=lost, sides=pair_of(values))


def unchanged(rule: Rule) -> Decision:
    """Both sides are what base says of them, up to what their fields lose."""
    return Decision(rule=rule, verdict=Verdict.UNCHANGED, reason="nothing changed")


def carried_once(rule: Rule, values: Mapping[Side, Value] | None = None) -> Decision:
    """Nothing is asked of a rule that only a new record gets; base moves to these values, if they are known."""
    sides = pair_of(values) if values is not None else (None, None)
    reason = "carried once, when the record was made"
    return Decision(rule=rule, verdict=Verdict.UNCHANGED, reason=reason, settle=dict(values or {}), sides=sides)


def conflict(rule: Rule, values: Mapping[Side, Value], reason: str) -> Decision:
    """A person is asked."""
    return Decision(rule=rule, verdict=Verdict.CONFLICT, reason=reason, sides=pair_of(values))
