"""The whole decision: what two linked records, compared with what they were, ask us to write. Pure.

What is not here: who is linked with whom (`match`), reading, writing, and remembering (`engine`).
The rules are numbered in docs/explanation/design.md; this module is rules 8 and 10 to 13.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from syncd.core.decision import (
    Base,
    Decision,
    Given,
    Plan,
    Taken,
    Twins,
    Verdict,
    carried_once,
    conflict,
    no_counterpart,
    pair_of,
    settled,
    unchanged,
)
from syncd.core.fieldmap import Blank, Direction, Drift, FieldMap, Owner, Relation, Rule, Unconvertible
from syncd.core.loss import nothing, same
from syncd.core.model import Record, Ref, Side, Value
from syncd.core.sight import (
    MISSING,
    Missing,
    Waiting,
    created,
    expression_side,
    later,
    many,
    plain,
    suffixed,
    target,
    uncarried,
    view,
    widened,
    within,
)
from syncd.core.still import stills

__all__ = ["MISSING", "expression_side", "plan", "plan_create", "suffixed", "view"]


def plan(m: FieldMap, base: Base, left: Record, right: Record, given: Given) -> Plan:
    """Decide every rule of a linked pair."""
    pair = _Pair(m, base, left, right, given)
    # What a person took or is asked about anew is decided, whatever changed.
    open_ = given.taken.keys() | given.anew
    decisions: list[Decision] = []
    for one in stills(m):
        rests = one.name not in open_ and one.holds(base, left.fields, right.fields)
        decisions += one.decision if rests else pair.decide(one.rule)
    return Plan(tuple(decisions))


def sides(m: FieldMap, base: Base, left: Record, right: Record, rule: Rule) -> tuple[Value, Value]:
    """Both sides' values of one rule, as its decision sees them; None for what is not known."""
    pair = _Pair(m, base, left, right, Given())
    found = [pair.value(rule, side) for side in Side]
    left_value, right_value = (None if value is MISSING else value for value in found)
    return left_value, right_value


def carried(m: FieldMap, left: Record, right: Record, rule: Rule, to: Side, twins: Twins) -> Value:
    """What a side would hold of the other one's value. Raises Unconvertible or Waiting."""
    pair = _Pair(m, Base(), left, right, Given(twins=twins))
    value = pair.value(rule, to.other)
    return None if value is MISSING else pair.carry(rule, to, value)


def plan_create(m: FieldMap, to: Side, source: Record, twins: Twins) -> Plan:
    """Decide what a record created on side `to` for `source` carries."""
    blank = Record(ref=Ref(m.end(to).system, m.end(to).kind, ""), fields={})
    left, right = (source, blank) if to is Side.RIGHT else (blank, source)
    pair = _Pair(m, Base(), left, right, Given(twins=twins))
    return Plan(tuple(pair.create(rule, to) for rule in m.rules if created(rule, to)))


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two records under one map, and the decisions about them."""

    m: FieldMap
    base: Base
    left: Record
    right: Record
    given: Given

    def record(self, side: Side) -> Record:
        return self.left if side is Side.LEFT else self.right

    def value(self, rule: Rule, side: Side) -> Value | Missing:
        """The value now, as base keeps it: an expression's or receipt's result stands for the side without a field.

        What its field would keep as nothing is None.
        """
        name = rule.field(side)
        if name is None or (rule.expr is not None and side is expression_side(rule)):
            value = self._made(rule, side)
        else:
            value = self.record(side).fields.get(name, MISSING)
        if rule.relation is not None and isinstance(value, tuple):
            return self._one_of(rule, side, value)
        return None if value is not MISSING and nothing(value, rule.type(side)) else value

    def _one_of(self, rule: Rule, side: Side, ids: tuple[str, ...]) -> Value:
        """Of several ids the one that base knows, else one that is linked with an id across, else the first."""
        shadow = self.base.side(side).get(rule.name)
        if shadow is not None and shadow.value in ids:
            return shadow.value
        across = self.record(side.other).fields.get(rule.field(side.other) or "")
        theirs = across if isinstance(across, tuple) else (str(across),)
        twins = {self._twin(rule, side.other, id_) for id_ in theirs}
        return next((id_ for id_ in ids if id_ in twins), ids[0] if ids else None)

    def _twin(self, rule: Rule, side: Side, id_: str) -> str | None:
        return self.given.twins.get((rule.relation.map, side, id_)) if rule.relation is not None else None

    def _made(self, rule: Rule, side: Side) -> Value | Missing:
        if rule.expr is None:
            return self.given.state if self.given.state is not None else MISSING
        fields = self.record(side).fields
        return rule.expr.value({side: fields}) if rule.expr.reads[side] <= fields.keys() else MISSING

    def carry(self, rule: Rule, to: Side, value: Value) -> Value:
        """The value as the other side would hold it. Raises Unconvertible or Waiting."""
        if value is None or rule.receipt is not None or rule.expr is not None:
            return value
        if rule.relation is not None:
            twin = self._twin(rule, to.other, str(value))
            if twin is None:
                kind = rule.type(to.other)
                parent = kind.ref_kind if kind is not None and kind.ref_kind else ""
                raise Waiting(Ref(self.m.end(to.other).system, parent, str(value)))
            return twin
        return rule.convert.convert(self.plain(rule, to.other, value), to)

    def plain(self, rule: Rule, side: Side, value: Value) -> Value:
        """The value without the suffix that made a name unique on this side."""
        return plain(rule, side, value, self.right.ref if side is Side.LEFT else self.left.ref)

    def _stands(self, rule: Rule, to: Side, wanted: Value, held: Value) -> bool:
        """Whether the field holds what is wanted, a name made unique of it, or a record that was merged into it."""
        kind = rule.type(to)
        if same(wanted, held, kind):
            return True
        bare = self.plain(rule, to, held)
        if bare is not held and same(wanted, bare, kind):
            return True
        return rule.relation is not None and same(wanted, self._by_now(rule.relation, to, held), kind)

    def _by_now(self, relation: Relation, side: Side, held: Value) -> Value:
        """A merged parent's present id."""
        return self.given.became.get((relation.map, side, str(held)), held)

    def equal(self, rule: Rule, left: Value, right: Value) -> bool:
        """Whether both sides mean the same, up to the declared loss, in a direction the rule carries."""
        if left is None or right is None:
            return left is None and right is None
        carries = False
        for to in (Side.RIGHT, Side.LEFT):
            lands = self._lands(rule, to, left, right) if rule.flows(to) else None
            if lands:
                return True
            carries = carries or lands is not None
        # Both ways have been tried by now; of a way that is not carried no fallback says that both are the same.
        agree = rule.convert.alike if rule.direction is Direction.BOTH else rule.convert.exact().equal
        return carries and rule.relation is None and rule.expr is None and agree(left, right)

    def _lands(self, rule: Rule, to: Side, left: Value, right: Value) -> bool | None:
        """Whether a side holds what it would hold of the other's value; None where that cannot be carried."""
        source, held = (left, right) if to is Side.RIGHT else (right, left)
        try:
            return self._stands(rule, to, self.carry(rule, to, source), held)
        except (Unconvertible, Waiting):
            return None

    def decide(self, rule: Rule) -> tuple[Decision, ...]:
        """One rule, both sides known or not."""
        once = rule.direction is Direction.CREATE
        try:
            left, right = self.value(rule, Side.LEFT), self.value(rule, Side.RIGHT)
        except Unconvertible as error:
            return (carried_once(rule) if once else no_counterpart(rule, error),)
        if left is MISSING or right is MISSING:
            return (carried_once(rule) if once else self._unknown(rule, left, right),)
        values = {Side.LEFT: left, Side.RIGHT: right}
        if once:
            return (carried_once(rule, values),)
        taken = self.given.taken.get(rule.name)
        if taken is not None and taken.sides == pair_of(values):
            return tuple(dataclasses.replace(d, taken=True) for d in self._take(rule, taken, values))
        return (self._decide(rule, values),)

    def _decide(self, rule: Rule, values: dict[Side, Value]) -> Decision:
        if rule.name not in self.base.left or rule.name not in self.base.right:
            return self._first(rule, values)
        changed = {side: self.changed(rule, side, value) for side, value in values.items()}
        if not changed[Side.LEFT] and not changed[Side.RIGHT]:
            if rule.name in self.given.anew and not self._may_differ(rule, values):
                return self._first(rule, values)
            return unchanged(rule)
        if self.equal(rule, values[Side.LEFT], values[Side.RIGHT]):
            return settled(rule, Verdict.AGREED, values, "both sides say the same")
        if rule.name in self.given.asked:
            return conflict(rule, values, self.given.asked[rule.name])
        if rule.direction is Direction.BOTH:
            return self._both(rule, values, changed)
        return self._one_way(rule, values, changed)

    def _may_differ(self, rule: Rule, values: Mapping[Side, Value]) -> bool:
        """Whether the sides mean the same, or one of them is a blank that the map does not carry."""
        if rule.on_blank is Blank.IGNORE and None in values.values():
            return True
        return self.equal(rule, values[Side.LEFT], values[Side.RIGHT])

    def _take(self, rule: Rule, taken: Taken, values: dict[Side, Value]) -> tuple[Decision, ...]:
        """Carry out what a person took: across where the rule goes there, and on the side itself if it was another."""
        here, there, reason = taken.side, taken.side.other, "a person took this value"
        chosen = {**values, here: taken.value}
        if rule.flows(there):
            across = self.flow(rule, there, chosen, reason)
        else:
            across = settled(rule, Verdict.KEPT, chosen, reason)
        if across.park or same(values[here], taken.value, rule.type(here)):
            return (across,)
        kind = rule.type(here)
        if rule.field(here) is None or (kind is not None and kind.read_only):
            return (dataclasses.replace(across, settle={**across.settle, here: values[here]}),)
        before, after = self._exchanged(rule, here, values[here], taken.value)
        own = dataclasses.replace(
            across, verdict=Verdict.WRITE, reason=reason, to=here, field=rule.field(here), before=before, after=after
        )
        if across.verdict is Verdict.WRITE:
            across = dataclasses.replace(across, settle={there: across.settle[there]})
            return (dataclasses.replace(own, settle={here: taken.value}), across)
        return (dataclasses.replace(own, settle=chosen),)

    def changed(self, rule: Rule, side: Side, value: Value) -> bool:
        """Whether a side's value differs from its own shadow, up to the loss its schema declares."""
        return not same(value, self.base.side(side)[rule.name].value, rule.type(side))

    def _unknown(self, rule: Rule, left: Value | Missing, right: Value | Missing) -> Decision:
        if rule.receipt is not None and self.given.state is None:
            return Decision(rule=rule, verdict=Verdict.UNCHANGED, reason="no receipt to write")
        gone = [side for side, value in zip(Side, (left, right), strict=True) if value is MISSING]
        names = [f"{side} {rule.field(side) or rule.name}" for side in gone]
        told = left if gone[0] is Side.RIGHT else right
        waits = told is not MISSING and self._unsaid(rule, gone[0], told)
        reason = f"{' and '.join(names)} is not known"
        return Decision(rule=rule, verdict=Verdict.UNKNOWN, reason=reason, to=gone[0] if waits else None, park=waits)

    def _unsaid(self, rule: Rule, to: Side, value: Value) -> bool:
        """Whether the known side has something to tell the one that is not known; it must not be dropped unlisted."""
        if not rule.flows(to):
            return False
        shadow = self.base.side(to.other).get(rule.name)
        return not same(value, shadow.value if shadow is not None else None, rule.type(to.other))

    def _first(self, rule: Rule, values: dict[Side, Value]) -> Decision:
        """No base yet: equal is agreement, blank is filled, the rest goes by `first_link` or the rule's `drift`."""
        left, right = values[Side.LEFT], values[Side.RIGHT]
        if self.equal(rule, left, right):
            return settled(rule, Verdict.AGREED, values, "both sides say the same")
        if rule.name in self.given.asked:
            return conflict(rule, values, self.given.asked[rule.name])
        for to in Side:
            if values[to] is None:
                if rule.receipt is None and rule.name in self.base.side(to) and self.changed(rule, to, None):
                    return self._ask(rule, values, f"it was cleared on the {to} since the two were linked")
                if rule.flows(to):
                    return self.flow(rule, to, values, "it was blank")
                return settled(rule, Verdict.KEPT, values, "nothing is never written over something")
        if rule.receipt is not None:
            return self.flow(rule, target(rule), values, "the state changed")
        winner = self._first_winner(rule)
        if winner is None:
            return self._ask(rule, values, "the records differ at first link, and the map says ask")
        lost = (winner.other, values[winner.other])
        if rule.flows(winner.other):
            return self.flow(rule, winner.other, values, f"first link: {winner} wins", lost=lost)
        return settled(rule, Verdict.KEPT, values, f"first link: {winner} stays as it is", lost=lost)

    def _ask(self, rule: Rule, values: dict[Side, Value], reason: str) -> Decision:
        """A conflict; where no value has a counterpart across there is nothing to choose."""
        lacks = uncarried(rule, values, self.carry)
        return no_counterpart(rule, lacks, pair_of(values)) if lacks is not None else conflict(rule, values, reason)

    def _first_winner(self, rule: Rule) -> Side | None:
        if self.m.first_link is Owner.LEFT:
            return Side.LEFT
        if self.m.first_link is Owner.RIGHT:
            return Side.RIGHT
        if self.m.first_link is Owner.NEWEST:
            return later(self.left.modified_at, self.right.modified_at)
        if rule.direction is Direction.BOTH or rule.drift is Drift.ASK:
            return None
        return target(rule) if rule.drift is Drift.KEEP else target(rule).other

    def _both(self, rule: Rule, values: dict[Side, Value], changed: Mapping[Side, bool]) -> Decision:
        if not changed[Side.RIGHT]:
            return self.flow(rule, Side.RIGHT, values, "changed on the left")
        if not changed[Side.LEFT]:
            return self.flow(rule, Side.LEFT, values, "changed on the right")
        winner = self._owner(rule)
        if winner is None:
            untold = ", and it cannot be told who did so last" if rule.owner is Owner.NEWEST else ""
            return self._ask(rule, values, f"both sides changed it{untold}")
        if values[winner] is None and rule.on_blank is Blank.IGNORE:
            winner = winner.other
        return self.flow(
            rule,
            winner.other,
            values,
            f"both sides changed it, {rule.owner or 'the map'} decides for {winner}",
            lost=(winner.other, values[winner.other]),
        )

    def _owner(self, rule: Rule) -> Side | None:
        if rule.owner is Owner.LEFT:
            return Side.LEFT
        if rule.owner is Owner.RIGHT:
            return Side.RIGHT
        return self._newest(rule) if rule.owner is Owner.NEWEST else None

    def _newest(self, rule: Rule) -> Side | None:
        """The side that changed last, if the intervals (after, up to) of the changes do not overlap."""
        left, right = (within(self.record(s), rule.field(s), self.base.side(s)[rule.name].seen_at) for s in Side)
        if left is None or right is None:
            return None
        if left[0] >= right[1]:
            return Side.LEFT
        return Side.RIGHT if right[0] >= left[1] else None

    def _one_way(self, rule: Rule, values: dict[Side, Value], changed: Mapping[Side, bool]) -> Decision:
        to = target(rule)
        base = (self.base.left[rule.name].value, self.base.right[rule.name].value)
        lost = (to, values[to]) if changed[to] or not self.equal(rule, *base) else None
        if changed[to.other]:
            return self.flow(rule, to, values, f"changed on the {to.other}", lost=lost)
        if rule.drift is Drift.RESTORE:
            return self.flow(rule, to, values, f"the map restores what the {to.other} says", lost=lost)
        if rule.drift is Drift.ASK:
            return conflict(rule, values, f"somebody changed it on the {to}, which only receives it")
        return settled(rule, Verdict.KEPT, values, f"changed on the {to}, kept until the {to.other} changes", lost=lost)

    def flow(
        self, rule: Rule, to: Side, values: dict[Side, Value], reason: str, lost: tuple[Side, Value] | None = None
    ) -> Decision:
        """Carry a value across, or say why it cannot be."""
        source = values[to.other]
        try:
            wanted = self.carry(rule, to, source)
        except Unconvertible as error:
            return no_counterpart(rule, error, pair_of(values))
        except Waiting as error:
            waits = Decision(rule=rule, verdict=Verdict.WAITING, reason=str(error), to=to, waits_for=error.ref)
            return dataclasses.replace(waits, sides=pair_of(values), park=True)
        if self._stands(rule, to, wanted, values[to]):
            return settled(rule, Verdict.AGREED, values, "both sides say the same")
        if wanted is None and rule.on_blank is Blank.IGNORE:
            settle = {to.other: source}
            return Decision(rule=rule, verdict=Verdict.IGNORED, reason="a blank is not carried", settle=settle)
        before, after = self._exchanged(rule, to, values[to], wanted)
        return Decision(
            rule=rule,
            verdict=Verdict.WRITE,
            reason=reason,
            to=to,
            field=rule.field(to),
            before=before,
            after=after,
            settle={to.other: source, to: wanted},
            lost=lost,
            sides=pair_of(values),
        )

    def _exchanged(self, rule: Rule, to: Side, old: Value, new: Value) -> tuple[Value, Value]:
        """What a field holds, and what it shall hold: of several ids only the one in question is exchanged."""
        before = self.record(to).fields.get(rule.field(to) or "")
        return before, widened(before, old, new) if many(rule, to) else new

    def create(self, rule: Rule, to: Side) -> Decision:
        """What a new record on side `to` gets from this rule."""
        try:
            source = self.value(rule, to.other)
        except Unconvertible as error:
            return no_counterpart(rule, error)
        if source is MISSING:
            reason = f"{rule.field(to.other) or rule.name} is not known"
            return Decision(rule=rule, verdict=Verdict.UNKNOWN, reason=reason)
        return self.flow(rule, to, {to.other: source, to: None}, "a new record")
