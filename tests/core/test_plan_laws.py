"""Laws of the decision, for any rule, any values, any base: what makes it safe to run again and again."""

from __future__ import annotations

import dataclasses

from hypothesis import event, given, settings
from hypothesis import strategies as st

from syncd.core.decision import Decision, Verdict
from syncd.core.loss import same
from syncd.core.model import Side, Value
from tests.core.maps import LEFT, Case, kept
from tests.core.worlds import cases, essence, mirrored, sort_of, turned

V = Verdict
SETTLING = {V.UNCHANGED, V.AGREED, V.WRITE, V.KEPT, V.IGNORED}

MORE = settings(max_examples=settings().max_examples * 4)  # where what could break is rare


def writes(case: Case) -> list[Decision]:
    """What the plan of a case writes."""
    return [decision for decision in case.plan().decisions if decision.verdict is V.WRITE]


@given(cases())
def test_a_plan_that_was_carried_out_leaves_nothing_to_write(case: Case) -> None:
    """It converges in one step: whatever the vendors kept of the writes, planning again writes nothing."""
    event(", ".join(str(decision.verdict) for decision in case.plan().decisions))
    assert writes(case.after()) == []


@given(cases())
def test_planning_is_idempotent(case: Case) -> None:
    """The same question has the same answer, and once at rest, always at rest: records and base stand still."""
    assert case.plan() == case.plan()
    rest = case.after().after()
    assert rest.after() == rest


@MORE
@given(cases())
def test_the_decision_is_symmetric(case: Case) -> None:
    """Exchange left and right in map, records and base, and the plan is exchanged, and nothing else."""
    seen = [turned(decision) for decision in mirrored(case).plan().decisions]
    assert seen == [essence(decision) for decision in case.plan().decisions]


@given(cases())
def test_nothing_is_written_that_stands_there_already(case: Case) -> None:
    """No write whose value the field could not tell from what it holds."""
    for decision in writes(case):
        assert decision.to is not None
        assert not same(decision.after, decision.before, case.rule.type(decision.to))


@given(cases(choices=False))
def test_nothing_is_written_without_a_change(case: Case) -> None:
    """Where both sides are what they were, up to what their fields lose, nothing is written."""
    for decision in writes(case):
        assert case.base is None or any(_edited(case, decision, side) for side in Side)


@given(cases(choices=False))
def test_no_edit_is_overwritten_unlisted(case: Case) -> None:
    """A write over a value that is not what both sides agreed on names it as lost; a blank is filled for free."""
    for decision in writes(case):
        assert decision.to is not None
        value = _side(decision, decision.to)
        if case.base is None:
            assert value is None or decision.lost == (decision.to, value)
        elif _edited(case, decision, decision.to):
            assert decision.lost == (decision.to, value)


@given(cases(choices=False))
def test_what_is_lost_was_there(case: Case) -> None:
    """The list names a value that stood on that side; a write loses only what it overwrites."""
    for decision in case.plan().decisions:
        if decision.lost is not None:
            side, value = decision.lost
            assert value == _side(decision, side)
            assert decision.verdict is V.KEPT or decision.to is side


@given(cases())
def test_base_moves_only_for_what_was_settled(case: Case) -> None:
    """Conflicts, unmapped, unknown and waiting fields keep their base; agreement and writes settle both sides."""
    for decision in case.plan().decisions:
        if decision.verdict not in SETTLING:
            assert not decision.settle
        if decision.verdict in {V.AGREED, V.KEPT}:
            assert set(decision.settle) == set(Side)
        if decision.verdict is V.AGREED:
            assert not decision.lost


@given(cases())
def test_a_write_goes_where_the_rule_goes(case: Case) -> None:
    """Without a person's word a one-way rule writes its target only, and a rule for creations writes nothing."""
    for decision in writes(case):
        assert decision.to is not None
        assert case.rule.flows(decision.to) or case.taken is not None
        assert case.rule.field(decision.to) == decision.field


@given(cases())
def test_base_is_what_both_sides_hold_after_a_write(case: Case) -> None:
    """A written field settles with what the vendor kept of it, so its own echo is no change."""
    after = case.after()
    for decision in case.plan().decisions:
        if decision.verdict is V.WRITE and after.base is not None and decision.to is not None:
            shadow = after.base[decision.to is not LEFT]
            answer = kept(decision, case.rule.type(decision.to))
            assert shadow in answer if isinstance(answer, tuple) else same(shadow, answer, None)


@MORE
@given(cases(unknown=False, choices=False, one_way=True), st.data())
def test_over_many_rounds_a_kept_edit_is_listed_when_it_is_overwritten(case: Case, data: st.DataObject) -> None:
    """What was left standing on the target of a one-way rule is named at the very write that ends it, however late."""
    sort = sort_of(case)
    kept_here: set[Side] = set()
    for _ in range(data.draw(st.integers(2, 5))):
        (decision,) = case.plan().decisions
        if decision.verdict is V.WRITE and decision.to in kept_here and _side(decision, decision.to) is not None:
            assert decision.lost == (decision.to, _side(decision, decision.to))
            event("listed again")
        if decision.verdict in {V.WRITE, V.AGREED, V.KEPT}:
            kept_here = set(Side) if decision.verdict is V.KEPT else set()
        side = data.draw(st.sampled_from(Side))
        value = data.draw(sort.left if side is LEFT else sort.right)
        case = dataclasses.replace(case.after(), **{str(side): value})


def _side(decision: Decision, side: Side) -> Value:
    return decision.sides[side is not LEFT]


def _edited(case: Case, decision: Decision, side: Side) -> bool:
    """Whether a side differs from what both agreed on there."""
    assert case.base is not None
    return not same(_side(decision, side), case.base[side is not LEFT], case.rule.type(side))
