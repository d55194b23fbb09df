"""What a person took in a conflict, carried out: a side's value, or a third one."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.decision import Decision, Taken, Verdict
from syncd.core.fieldmap import Blank, Drift, Rule, Unmapped
from syncd.core.model import Side, Value
from tests.core.maps import LEFT, OURS, PARENTS, RIGHT, THEIRS, Case, field, relation, rule, worked_out

V = Verdict
COLORS = {"red": "rot", "green": "gruen"}
TWINS = {("p/people", LEFT, "c1"): "p1", ("p/people", RIGHT, "p1"): "c1", ("p/people", RIGHT, "p2"): "c2"}


def took(
    one: Rule, side: Side, value: Value, left: Any = "b", right: Any = "c", base: Any = ("a", "a"), **more: Any
) -> tuple[Decision, ...]:
    """The decisions after a person took a value of a side, both sides being as they were."""
    taken = Taken(side, value, more.pop("sides", (left, right)))
    return Case(rule=one, left=left, right=right, base=base, taken=taken, **more).plan().decisions


def told(found: tuple[Decision, ...]) -> list[tuple[Verdict, Side | None, str | None, Value]]:
    """Verdicts and writes."""
    return [(d.verdict, d.to, d.field, d.after) for d in found]


@pytest.mark.parametrize("owner", ["ask", "left", "right"])
def test_a_side_s_value_is_carried_across(owner: str) -> None:
    """Whatever the owner, and also where a person is asked: the other side gets the value that was taken."""
    assert told(took(rule("<->", owner), LEFT, "b", asked=True)) == [(V.WRITE, RIGHT, THEIRS, "b")]
    assert told(took(rule("<->", owner), RIGHT, "c")) == [(V.WRITE, LEFT, OURS, "c")]


def test_a_third_value_is_written_on_both_sides() -> None:
    """Each write settles its own side, so that one that fails is tried again."""
    here, there = took(rule("<->", "ask"), LEFT, "d")
    assert told((here, there)) == [(V.WRITE, LEFT, OURS, "d"), (V.WRITE, RIGHT, THEIRS, "d")]
    assert (here.before, there.before, here.settle, there.settle) == ("b", "c", {LEFT: "d"}, {RIGHT: "d"})
    assert here.reason == there.reason == "a person took this value"


def test_a_third_value_that_stands_across_already_is_written_once() -> None:
    """The loser of an overruled conflict is taken back: its own side is written, the other one agrees."""
    (found,) = took(rule("<->", "ask"), LEFT, "c")
    assert told((found,)) == [(V.WRITE, LEFT, OURS, "c")]
    assert found.settle == {LEFT: "c", RIGHT: "c"}


def test_a_choice_holds_only_while_both_values_are_those_a_person_saw() -> None:
    """Values that moved are decided anew."""
    assert took(rule("<->", "ask"), LEFT, "b", sides=("b", "x"))[0].verdict is V.CONFLICT


def test_at_first_link_a_choice_is_carried_out_without_a_base() -> None:
    """A conflict of two records that never agreed ends like any other."""
    assert told(took(rule("<->", "ask"), RIGHT, "c", base=None)) == [(V.WRITE, LEFT, OURS, "c")]


def test_a_choice_that_has_no_counterpart_parks_before_anything_is_written() -> None:
    """Half a choice would look like an edit of the other side later; it stands until the map can carry it."""
    (found,) = took(rule("<->", "ask", values=COLORS), LEFT, "pink", "red", "gruen", ("red", "rot"))
    assert (found.verdict, found.park, found.settle) == (V.UNMAPPED, True, {})


def test_a_choice_whose_parent_is_not_linked_waits() -> None:
    """As for any change of a relation."""
    (found,) = took(relation(), LEFT, "c9", "c1", "p2", (None, None), twins=TWINS)
    assert (found.verdict, str(found.waits_for)) == (V.WAITING, "crm:people:c9")


def test_a_choice_without_counterpart_in_a_rule_that_skips_stays_on_its_side() -> None:
    """skip: the value is written where it was taken, the other side stays as it is."""
    one = rule("<->", "ask", values=COLORS, unmapped=Unmapped.SKIP)
    (found,) = took(one, LEFT, "pink", "red", "gruen", ("red", "rot"))
    assert told((found,)) == [(V.WRITE, LEFT, OURS, "pink")]
    assert (found.settle, found.park) == ({LEFT: "pink", RIGHT: "gruen"}, False)


def test_a_blank_that_does_not_travel_stays_where_it_was_taken() -> None:
    """on_blank ignore: the side is blanked, the other one stays."""
    (found,) = took(rule("<->", "ask", on_blank=Blank.IGNORE), LEFT, None)
    assert told((found,)) == [(V.WRITE, LEFT, OURS, None)]
    assert found.settle == {LEFT: None, RIGHT: "c"}


def test_what_the_target_of_a_one_way_rule_says_is_kept_and_never_carried_back() -> None:
    """A one-way rule stays one-way: the source is not written, and the target stays until the source changes."""
    (found,) = took(rule("->", drift=Drift.ASK), RIGHT, "c", "a", "c")
    assert (told((found,)), found.settle) == ([(V.KEPT, None, None, None)], {LEFT: "a", RIGHT: "c"})


def test_the_loser_on_the_target_of_a_one_way_rule_is_taken_back_there_only() -> None:
    """The overruled value is written to the target; the source keeps its own."""
    (found,) = took(rule("->"), RIGHT, "c", "b", "b", ("b", "b"))
    assert told((found,)) == [(V.WRITE, RIGHT, THEIRS, "c")]
    assert found.settle == {LEFT: "b", RIGHT: "c"}


@pytest.mark.parametrize("one", [worked_out("->", LEFT, OURS), rule("->", left=field(read_only=True))])
def test_a_third_value_is_not_written_where_nothing_can_be_written(one: Rule) -> None:
    """An expression's side has no field, and a read-only field takes nothing: only the other side gets the value."""
    (found,) = took(one, LEFT, "d")
    assert told((found,)) == [(V.WRITE, RIGHT, THEIRS, "d")]
    assert found.settle == {LEFT: "b", RIGHT: "d"}


def test_of_several_parents_a_choice_exchanges_only_the_one() -> None:
    """Those that people added beside it stay, on the side itself too."""
    many, sides = relation(right=PARENTS), ("c3", "p2")
    own, across = took(many, RIGHT, "p1", "c3", ("p9", "p2"), ("c2", "p2"), sides=sides, twins=TWINS)
    assert (own.to, own.before, own.after) == (RIGHT, ("p9", "p2"), ("p9", "p1"))
    assert (across.to, across.after) == (LEFT, "c1")


def test_a_choice_carried_out_is_at_rest() -> None:
    """After the writes both sides agree, and nothing more is done."""
    for side, value in ((LEFT, "b"), (RIGHT, "c"), (LEFT, "d"), (RIGHT, None)):
        case = Case(
            rule=rule("<->", "ask"), left="b", right="c", base=("a", "a"), taken=Taken(side, value, ("b", "c"))
        ).after()
        assert (case.left, case.right) == (value, value)
        assert case.plan().decisions[0].verdict is V.UNCHANGED
