"""The first decision about two records that existed before they were linked, and what a new record gets. Rule 8."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.decision import Base, Decision, Verdict
from syncd.core.fieldmap import Blank, Drift, Rule, Unmapped
from syncd.core.model import Side, Value
from syncd.core.plan import plan, plan_create
from tests.core.maps import (
    ABSENT,
    LEFT,
    OURS,
    PARENTS,
    RIGHT,
    TEXT,
    THEIRS,
    Case,
    Join,
    decide,
    field,
    fieldmap,
    record,
    relation,
    rule,
    without,
    worked_out,
)

V = Verdict


COLORS = {"red": "rot", "blue": "blau", "green": "gruen"}


@pytest.mark.parametrize("way", ["<->", "->", "<-"])
@pytest.mark.parametrize("value", ["a", None])
def test_equal_values_are_agreement(way: str, value: Value) -> None:
    """Equal at first link: base is set on both sides, nothing is written."""
    found = decide(rule(way, "ask"), value, value, first_link="left")
    assert (found.verdict, found.settle) == (V.AGREED, {LEFT: value, RIGHT: value})


@pytest.mark.parametrize(
    ("way", "left", "right", "verdict", "to"),
    [
        ("<->", "a", None, V.WRITE, RIGHT),
        ("<->", None, "a", V.WRITE, LEFT),
        ("->", "a", None, V.WRITE, RIGHT),
        ("->", None, "a", V.KEPT, None),
        ("<-", None, "a", V.WRITE, LEFT),
        ("<-", "a", None, V.KEPT, None),
    ],
)
def test_a_blank_is_filled_where_the_rule_goes_and_nothing_is_never_written_over_something(
    way: str, left: Value, right: Value, verdict: Verdict, to: Side | None
) -> None:
    """A blank is filled without a loser; a one-way rule's blank source leaves the target alone."""
    for policy in ("left", "right", "ask"):
        found = decide(rule(way, "ask"), left, right, first_link=policy)
        assert (found.verdict, found.to, found.lost) == (verdict, to, None)


@pytest.mark.parametrize(("left", "right"), [(None, "b"), ("a", None)])
@pytest.mark.parametrize("way", ["<->", "->", "<-"])
def test_what_is_blank_in_an_open_conflict_was_cleared_and_is_not_filled(way: str, left: Value, right: Value) -> None:
    """Both sides held a value when a person was asked; blank, it is somebody's edit, and it stays asked."""
    for policy in ("left", "right", "ask", "newest"):
        found = decide(rule(way, "ask"), left, right, first_link=policy, asked=True)
        assert (found.verdict, found.settle, found.reason) == (V.CONFLICT, {}, "frozen")
    assert decide(rule(way, "ask"), None, None, asked=True).verdict is V.AGREED


@pytest.mark.parametrize(("policy", "winner"), [("left", LEFT), ("right", RIGHT)])
def test_values_that_differ_go_by_the_maps_first_link(policy: str, winner: Side) -> None:
    """The map's side wins over the rule's owner, and the loser is listed."""
    found = decide(rule("<->", "ask"), "a", "b", first_link=policy)
    assert (found.verdict, found.to, found.reason) == (V.WRITE, winner.other, f"first link: {winner} wins")
    assert found.lost == (winner.other, "b" if winner is LEFT else "a")


def test_a_first_link_that_asks_is_a_conflict() -> None:
    """Two people's values: a person decides."""
    found = decide(rule("<->", "left"), "a", "b")
    assert (found.verdict, found.sides, found.settle) == (V.CONFLICT, ("a", "b"), {})


@pytest.mark.parametrize(
    ("left", "right", "verdict"),
    [
        ("pink", "lila", V.UNMAPPED),
        ("red", "lila", V.CONFLICT),
        ("pink", "rot", V.CONFLICT),
        ("red", "gruen", V.CONFLICT),
    ],
)
@pytest.mark.parametrize("base", [None, ("green", "blau")])
def test_where_neither_value_has_a_counterpart_nobody_is_asked(left: str, right: str, verdict: V, base: Any) -> None:
    """There is nothing to choose; with one counterpart there is."""
    found = decide(rule("<->", "ask", values=COLORS, unmapped=Unmapped.SKIP), left, right, base)
    assert (found.verdict, found.settle, found.park, found.sides) == (verdict, {}, False, (left, right))


@pytest.mark.parametrize(
    ("modified", "winner"), [((2, 1), LEFT), ((1, 2), RIGHT), ((1, 1), None), ((None, 1), None), ((1, None), None)]
)
def test_newest_at_first_link_is_the_record_modified_later(modified: Any, winner: Side | None) -> None:
    """With equal or unknown times nobody is newest, and a person is asked."""
    found = decide(rule("<->", "left"), "a", "b", first_link="newest", modified=modified)
    assert (found.verdict, found.to) == ((V.WRITE, winner.other) if winner else (V.CONFLICT, None))


@pytest.mark.parametrize(("way", "target"), [("->", RIGHT), ("<-", LEFT)])
@pytest.mark.parametrize(
    ("drift", "verdict"), [(Drift.KEEP, V.KEPT), (Drift.RESTORE, V.WRITE), (Drift.ASK, V.CONFLICT)]
)
def test_a_one_way_rule_goes_by_its_drift_where_the_map_says_ask(
    way: str, target: Side, drift: Drift, verdict: Verdict
) -> None:
    """Decision 0008: keep leaves the target until the source changes, restore writes the source, ask asks."""
    found = decide(rule(way, drift=drift), "a", "b")
    assert (found.verdict, found.to) == (verdict, target if verdict is V.WRITE else None)
    loser = {V.KEPT: target.other, V.WRITE: target}.get(verdict)
    assert found.lost == ((loser, "a" if loser is LEFT else "b") if loser else None)
    assert found.settle == ({LEFT: "a", RIGHT: "b"} if verdict is V.KEPT else found.settle)


@pytest.mark.parametrize(("policy", "verdict"), [("left", V.WRITE), ("right", V.KEPT)])
def test_a_one_way_rule_goes_by_the_maps_first_link_where_it_names_a_side(policy: str, verdict: Verdict) -> None:
    """The source wins: it is written. The target wins: it stays, and the source's value is listed."""
    found = decide(rule("->", drift=Drift.ASK), "a", "b", first_link=policy)
    assert found.verdict is verdict
    assert found.lost == ((RIGHT, "b") if verdict is V.WRITE else (LEFT, "a"))


def test_a_rule_with_half_a_base_is_new() -> None:
    """Base of one side only is unknown, not blank: no side is overwritten with nothing."""
    case = Case(rule=rule("<->", "ask"), left="a", right=None, base=("a", None))
    whole = case.shadows()
    for base in (Base(left=whole.left), Base(right=whole.right)):
        (found,) = plan(case.map(), base, *case.records(), case.given()).decisions
        assert (found.verdict, found.to, found.after) == (V.WRITE, RIGHT, "a")


@pytest.mark.parametrize("way", ["<->", "->", "<-"])
@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_what_was_cleared_between_link_and_first_decision_is_asked(way: str, side: Side) -> None:
    """A side that is known to have held a value is no blank to be filled, whatever the map says of first links."""
    left, right = (None, "a") if side is LEFT else ("a", None)
    for policy in ("left", "right", "ask", "newest"):
        case = Case(rule=rule(way, "ask"), left=left, right=right, base=("b", "b"), first_link=policy)
        whole = case.shadows()
        base = Base(left=whole.left) if side is LEFT else Base(right=whole.right)
        (found,) = plan(case.map(), base, *case.records(), case.given()).decisions
        assert (found.verdict, found.settle, found.sides) == (V.CONFLICT, {}, (left, right))
        assert found.reason == f"it was cleared on the {side} since the two were linked"


def test_a_receipt_that_was_cleared_is_written_again() -> None:
    """It is our own word: nobody is asked about it."""
    one = without(rule("->", receipt="sync.state"), LEFT)
    case = Case(rule=one, left=ABSENT, right=None, base=("a", "a"), state="linked")
    (found,) = plan(case.map(), Base(right=case.shadows().right), *case.records(), case.given()).decisions
    assert (found.verdict, found.to, found.after) == (V.WRITE, RIGHT, "linked")


def created(one: Rule, to: Side, value: Any, twins: Any = None) -> tuple[Decision, ...]:
    """What a record made on side `to` gets from the rule."""
    return plan_create(fieldmap(one), to, record(to.other, value), twins or {}).decisions


@pytest.mark.parametrize("way", ["<->", "->", "create"])
def test_a_new_record_gets_the_source_s_value(way: str) -> None:
    """Every rule that goes there, and those for creations, carry their value; base is set on both sides."""
    (found,) = created(rule(way, "left"), RIGHT, "a")
    assert (found.verdict, found.to, found.field, found.after) == (V.WRITE, RIGHT, THEIRS, "a")
    assert (found.settle, found.reason, found.lost) == ({LEFT: "a", RIGHT: "a"}, "a new record", None)


def test_a_creation_on_the_left_carries_the_other_way() -> None:
    """Creation goes both ways, as far as the rule does."""
    (found,) = created(rule("<-"), LEFT, "a")
    assert (found.to, found.field, found.after) == (LEFT, OURS, "a")


@pytest.mark.parametrize(
    ("one", "to"),
    [
        (rule("<-"), RIGHT),
        (rule("->"), LEFT),
        (rule("create", right=field(read_only=True)), RIGHT),
        (without(rule("->", receipt="sync.state"), LEFT), RIGHT),
        (worked_out("create", RIGHT, THEIRS), RIGHT),
        (worked_out("->", LEFT, OURS), LEFT),
        (without(rule("create"), LEFT), RIGHT),
        (rule("create", expr=Join(RIGHT, (THEIRS,))), RIGHT),
    ],
)
def test_a_rule_that_cannot_be_carried_is_no_part_of_a_creation(one: Rule, to: Side) -> None:
    """Against the arrow, to what is read only, receipts, expressions of the other side: nothing is carried."""
    assert created(one, to, "a") == ()


def test_an_expression_fills_a_new_record() -> None:
    """Its result is what the new record gets, also where both sides have a field."""
    for one in (
        worked_out("create", LEFT, OURS),
        rule("create", expr=Join(LEFT, (OURS,))),
        worked_out("->", LEFT, OURS),
    ):
        (found,) = created(one, RIGHT, "a")
        assert (found.verdict, found.after) == (V.WRITE, "a")


def test_an_expression_that_cannot_be_worked_out_parks_the_creation() -> None:
    """No record is made with half its values."""
    (found,) = created(worked_out("create", LEFT, OURS), RIGHT, "bad")
    assert (found.verdict, found.park) == (V.UNMAPPED, True)


@pytest.mark.parametrize(
    ("one", "reason"), [(rule("->"), "ours is not known"), (worked_out("->", LEFT, OURS), "it is not known")]
)
def test_a_source_that_is_not_known_is_said_so(one: Rule, reason: str) -> None:
    """A creation with an unknown value waits; it is not made blank."""
    (found,) = created(one, RIGHT, ABSENT)
    assert (found.verdict, found.reason) == (V.UNKNOWN, reason)


@pytest.mark.parametrize("blank", list(Blank))
def test_a_blank_needs_no_write_in_a_new_record(blank: Blank) -> None:
    """Nothing is sent for nothing; both sides agree."""
    (found,) = created(rule("->", on_blank=blank, right=TEXT), RIGHT, None)
    assert (found.verdict, found.settle) == (V.AGREED, {LEFT: None, RIGHT: None})


def test_a_new_record_points_at_its_parent_s_twin_or_waits() -> None:
    """A relation is carried by the parent's link; a field of several ids gets a list of one."""
    twins = {("p/people", LEFT, "c1"): "p1"}
    (single,), (several,) = (
        created(relation(), RIGHT, "c1", twins),
        created(relation(right=PARENTS), RIGHT, "c1", twins),
    )
    assert (single.after, several.after) == ("p1", ("p1",))
    (waits,) = created(relation(), RIGHT, "c2", twins)
    assert (waits.verdict, str(waits.waits_for), waits.park) == (V.WAITING, "crm:people:c2", True)
