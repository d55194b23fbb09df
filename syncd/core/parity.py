"""Side with side: what two linked records say differently as they are now, and whether the map lets them. Pure.

Base is not looked at: what both sides were when they last agreed says nothing of whether they are equal.
What is not here: why they differ (`engine.audit` knows marks, lists and feeds), and what is to be done (`plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.decision import Base, Decision, Given, Verdict
from syncd.core.fieldmap import Blank, Direction, FieldMap, Rule, Unconvertible, Unmapped
from syncd.core.model import Record, Side, Value
from syncd.core.plan import plan
from syncd.core.sight import MISSING, expression_side, plain, view

Values = tuple[Value, Value]


class Parity(StrEnum):
    """How two values of a rule compare.

    EQUAL: to the letter. LOSSY: equal up to what a field loses or rewrites. KEPT: different, and the map wants nothing
    done: a blank that does not travel, a value that it skips. UNMAPPED: no counterpart. UNKNOWN: a side does not tell,
    and the other one has something to say. DIFFERENT: anything else.
    """

    EQUAL = "equal"
    LOSSY = "lossy"
    KEPT = "kept"
    UNMAPPED = "unmapped"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


AS_ONE = frozenset({Parity.EQUAL, Parity.LOSSY})
"""Both sides mean the same."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One rule between two records; `values` are left and right, None for what is not known."""

    rule: Rule
    parity: Parity
    values: Values
    reason: str


def compare(m: FieldMap, left: Record, right: Record, given: Given) -> tuple[Compared, ...]:
    """Every rule that keeps two records equal: not what is carried once, not our own receipts.

    Of what is given, only the parents count.
    """
    decisions = plan(m, Base(), left, right, given).decisions
    kept = (d for d in decisions if d.rule.direction is not Direction.CREATE and d.rule.receipt is None)
    return tuple(Compared(d.rule, _parity(d, left, right), _values(d, left, right), d.reason) for d in kept)


def _parity(d: Decision, left: Record, right: Record) -> Parity:
    values = _values(d, left, right)
    if d.verdict is Verdict.AGREED:
        return Parity.EQUAL if _exact(d.rule, values, left, right) else Parity.LOSSY
    if d.verdict is Verdict.UNKNOWN:
        return Parity.EQUAL if values == (None, None) else Parity.UNKNOWN
    if d.rule.on_blank is Blank.IGNORE and None in values:
        return Parity.KEPT
    if d.verdict is Verdict.KEPT and d.lost is None:
        return Parity.KEPT
    if d.verdict is Verdict.UNMAPPED or (d.verdict is not Verdict.WRITE and no_counterpart(d.rule, values)):
        return Parity.UNMAPPED if d.rule.unmapped is Unmapped.PARK else Parity.KEPT
    return Parity.DIFFERENT


def _values(d: Decision, left: Record, right: Record) -> Values:
    """Both values; a decision that could not be made does not tell them."""
    if d.sides != (None, None):
        return d.sides
    found = [view(d.rule, side, record.fields) for side, record in zip(Side, (left, right), strict=True)]
    first, second = (None if one is MISSING else one for one in found)
    return first, second


def _exact(rule: Rule, values: Values, left: Record, right: Record) -> bool:
    """Whether one value is the other one's counterpart to the letter, a name's suffix aside."""
    if rule.relation is not None or values[0] == values[1]:
        return True
    if expression_side(rule) is not None:
        return False
    names = (plain(rule, Side.LEFT, values[0], right.ref), plain(rule, Side.RIGHT, values[1], left.ref))
    by_side = dict(zip(Side, names, strict=True))
    return any(_carried(rule, to, by_side) == by_side[to] for to in Side if rule.flows(to))


def no_counterpart(rule: Rule, values: Values) -> bool:
    """Whether a value cannot cross in a direction in which the rule carries it."""
    if rule.relation is not None or rule.expr is not None:
        return False
    by_side = dict(zip(Side, values, strict=True))
    return any(_carried(rule, to, by_side) is MISSING for to in Side if rule.flows(to))


def _carried(rule: Rule, to: Side, values: Mapping[Side, Value]) -> object:
    """A side's value as the other one would hold it; MISSING where it has no counterpart."""
    try:
        return rule.convert.convert(values[to.other], to)
    except Unconvertible:
        return MISSING
