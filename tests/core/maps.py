"""Maps of one rule and records of one field, for the tests of the decision; and carrying a plan out.

What is not here: anything that is tested.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.core.decision import Base, Decision, Given, Plan, Shadow, Taken, Verdict
from syncd.core.fieldmap import Converter, Direction, End, FieldMap, Owner, Relation, Rule, Unconvertible
from syncd.core.loss import image
from syncd.core.model import FieldKind, FieldType, Loss, Option, Record, Ref, Side, Value
from syncd.core.plan import plan
from syncd.core.values import Ends, converter, default

LEFT, RIGHT = Side.LEFT, Side.RIGHT
NOON = datetime(2024, 9, 11, 12, tzinfo=UTC)
OURS, THEIRS = "ours", "theirs"
"""The one field of either side."""


class Absent:
    """What a record does not tell."""


ABSENT = Absent()


def at(minutes: float) -> datetime:
    """A moment, in minutes after noon."""
    return NOON + timedelta(minutes=minutes)


def field(kind: FieldKind = FieldKind.TEXT, *options: str, loss: Loss | None = None, **more: Any) -> FieldType:
    """A field of a kind."""
    listed = tuple(Option(option, option) for option in options)
    return FieldType(name="x", kind=kind, options=listed, loss=loss or Loss(), **more)


TEXT = field()
PARENT = field(FieldKind.REF, ref_kind="people")
PARENTS = field(FieldKind.REF, ref_kind="people", many=True)


@dataclass(frozen=True, slots=True)
class Join:
    """An expression: these fields of one side, joined; it cannot be worked out where one of them says `bad`."""

    side: Side
    names: tuple[str, ...]

    @property
    def reads(self) -> Mapping[Side, frozenset[str]]:
        """The fields it looks at."""
        return {self.side: frozenset(self.names), self.side.other: frozenset()}

    def value(self, fields: Mapping[Side, Mapping[str, Value]]) -> Value:
        """The joined text."""
        found = [str(fields[self.side].get(name) or "") for name in self.names]
        if "bad" in found:
            raise Unconvertible("it cannot be worked out")
        return " / ".join(found)


def rule(
    direction: str = "<->",
    owner: str | None = None,
    *,
    left: FieldType = TEXT,
    right: FieldType = TEXT,
    values: Mapping[str, Any] | None = None,
    convert: str | None = None,
    **more: Any,
) -> Rule:
    """A rule between the two fields; a pick list if a table of values is given."""
    ends = Ends(left=left, right=right)
    named = "picklist" if values is not None else convert
    found: Converter | None = (
        converter(named, ends, {"values": values} if values is not None else {}) if named else None
    )
    fields: dict[str, Any] = {
        "name": "it",
        "left": OURS,
        "right": THEIRS,
        "left_type": left,
        "right_type": right,
        "direction": Direction(direction),
        "owner": Owner(owner) if owner else None,
        "convert": found or default(ends) or converter("same", ends),
    }
    return Rule(**{**fields, **more})


def relation(direction: str = "<->", owner: str = "left", **more: Any) -> Rule:
    """A rule whose values are the ids of people."""
    return rule(direction, owner, **{"left": PARENT, "right": PARENT, "relation": Relation(map="p/people"), **more})


def without(rule: Rule, side: Side) -> Rule:
    """The rule without a field on a side."""
    fields: dict[str, Any] = {str(side): None, f"{side}_type": None}
    return dataclasses.replace(rule, **fields)


def worked_out(direction: str = "->", side: Side = LEFT, *names: str, **more: Any) -> Rule:
    """A rule whose value an expression makes of fields of one side; it has a field on the other side only."""
    return without(rule(direction, expr=Join(side, names), **more), side)


def fieldmap(*rules: Rule, **more: Any) -> FieldMap:
    """A map of deals and jobs."""
    fields: dict[str, Any] = {
        "key": "p/deals",
        "name": "deals",
        "digest": "1",
        "left": End(system="crm", kind="deals"),
        "right": End(system="roof", kind="jobs"),
    }
    return FieldMap(**{**fields, **more}, rules=rules)


IDS = ("deal-111111", "job-222222")


def record(
    side: Side,
    value: object,
    modified: datetime | None = None,
    exact: datetime | None = None,
    ids: tuple[str, str] = IDS,
) -> Record:
    """A record with one field, or without it."""
    name = OURS if side is LEFT else THEIRS
    ref = Ref("crm", "deals", ids[0]) if side is LEFT else Ref("roof", "jobs", ids[1])
    fields: dict[str, Any] = {} if isinstance(value, Absent) else {name: value}
    return Record(ref=ref, fields=fields, modified_at=modified, times={name: exact} if exact else {})


Moments = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One rule, what both sides hold, what they held when they last agreed, and when that was seen and changed."""

    rule: Rule
    left: Any
    right: Any
    base: tuple[Any, Any] | None = None
    first_link: str = "ask"
    seen: Moments = (None, None)
    modified: Moments = (None, None)
    exact: Moments = (None, None)
    twins: Mapping[tuple[str, Side, str], str] = dataclasses.field(default_factory=dict)
    became: Mapping[tuple[str, Side, str], str] = dataclasses.field(default_factory=dict)
    state: str | None = None
    taken: Taken | None = None
    asked: bool = False
    ids: tuple[str, str] = IDS

    def map(self) -> FieldMap:
        """The map of this one rule."""
        return fieldmap(self.rule, first_link=Owner(self.first_link))

    def shadows(self) -> Base:
        """The base as the decision takes it."""
        if self.base is None:
            return Base()
        left, right = (Shadow(v, _at(s)) for v, s in zip(self.base, self.seen, strict=True))
        return Base(left={"it": left}, right={"it": right})

    def records(self) -> tuple[Record, Record]:
        """Both records."""
        left = record(LEFT, self.left, _at(self.modified[0]), _at(self.exact[0]), self.ids)
        return left, record(RIGHT, self.right, _at(self.modified[1]), _at(self.exact[1]), self.ids)

    def given(self) -> Given:
        """What else the decision is given."""
        taken = {"it": self.taken} if self.taken else {}
        asked = {"it": "frozen"} if self.asked else {}
        return Given(twins=self.twins, became=self.became, state=self.state, taken=taken, asked=asked)

    def plan(self) -> Plan:
        """The decision."""
        return plan(self.map(), self.shadows(), *self.records(), self.given())

    def after(self) -> Case:
        """The same two records when the plan was carried out: the vendors keep a lossy image of what was sent."""
        now = {LEFT: self.left, RIGHT: self.right}
        base = dict(zip(Side, self.base, strict=True)) if self.base is not None else {}
        for decision in self.plan().decisions:
            settle = dict(decision.settle)
            if decision.verdict is Verdict.WRITE and decision.to is not None:
                now[decision.to] = kept(decision, self.rule.type(decision.to))
                settle[decision.to] = _answered(decision, now[decision.to], settle.get(decision.to))
            base.update(settle)
        whole = (base[LEFT], base[RIGHT]) if len(base) == len(Side) else None
        return dataclasses.replace(self, left=now[LEFT], right=now[RIGHT], base=whole)


def kept(decision: Decision, type: FieldType | None) -> Value:
    """What a vendor keeps of a write."""
    return image(decision.after, type)


def _answered(decision: Decision, answer: Value, sent: Value) -> Value:
    """What base becomes: the answer, and of several ids the one that was sent."""
    if isinstance(answer, tuple) and decision.rule.relation is not None:
        return sent if sent in answer else answer[0]
    return answer


def _at(minutes: float | None) -> datetime | None:
    return None if minutes is None else at(minutes)


def decide(rule: Rule, left: Any, right: Any, base: tuple[Any, Any] | None = None, **more: Any) -> Decision:
    """The one decision about one rule."""
    (found,) = Case(rule=rule, left=left, right=right, base=base, **more).plan().decisions
    return found
