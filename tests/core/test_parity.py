"""Side with side: which differences a map wants, and which it does not; and deciding anew what base says nothing of."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.decision import Base, Given, Shadow, Verdict
from syncd.core.fieldmap import Blank, Drift, Owner, Rule, Unconvertible, Unmapped
from syncd.core.model import FieldKind, Loss, Value
from syncd.core.parity import Compared, Parity, compare
from syncd.core.plan import carried, plan
from tests.core.maps import (
    ABSENT,
    LEFT,
    RIGHT,
    TEXT,
    field,
    fieldmap,
    record,
    relation,
    rule,
    worked_out,
)

P, V = Parity, Verdict
SHORT = field(loss=Loss(max_length=3))
STAGE = field(FieldKind.ENUM, "a", "b", "c")
STATUS = field(FieldKind.ENUM, "x", "y")
TABLE = {"a": "x", "b": "y"}
TWINS = {("p/people", LEFT, "1"): "9", ("p/people", RIGHT, "9"): "1"}


def compared(one: Rule, left: Any, right: Any, **more: Any) -> list[Compared]:
    """The comparison of two records of one field."""
    return list(compare(fieldmap(one, **more), record(LEFT, left), record(RIGHT, right), Given(twins=TWINS)))


@pytest.mark.parametrize(
    ("one", "left", "right", "parity"),
    [
        (rule(), "a", "a", P.EQUAL),
        (rule(), None, None, P.EQUAL),
        (rule("->"), "a", "b", P.DIFFERENT),
        (rule(), "a", None, P.DIFFERENT),
        (rule("->"), "a", None, P.DIFFERENT),
        (rule("->"), None, "a", P.KEPT),
        (rule("<-", drift=Drift.RESTORE), "a", "b", P.DIFFERENT),
        (rule(left=TEXT, right=SHORT), "abcdef", "abc", P.LOSSY),
        (rule(left=TEXT, right=SHORT), "abcdef", "abd", P.DIFFERENT),
        (rule(on_blank=Blank.IGNORE), None, "a", P.KEPT),
        (rule(on_blank=Blank.IGNORE), "b", "a", P.DIFFERENT),
        (rule(left=STAGE, right=STATUS, values=TABLE), "a", "x", P.EQUAL),
        (rule(left=STAGE, right=STATUS, values=TABLE), "a", "y", P.DIFFERENT),
        (rule(left=STAGE, right=STATUS, values=TABLE), "c", "y", P.UNMAPPED),
        (rule("->", left=STAGE, right=STATUS, values=TABLE), "c", None, P.UNMAPPED),
        (rule("->", left=STAGE, right=STATUS, values=TABLE, unmapped=Unmapped.SKIP), "c", "y", P.KEPT),
        (relation(), "1", "9", P.EQUAL),
        (relation(), "1", "8", P.DIFFERENT),
        (relation(), "2", "9", P.DIFFERENT),
        (rule(), ABSENT, None, P.EQUAL),
        (rule(), "a", ABSENT, P.UNKNOWN),
        (rule(right=field(unique=True)), "Roof", "Roof (111111)", P.EQUAL),
        (rule(right=field(unique=True)), "Roof", "Roof (2)", P.DIFFERENT),
    ],
)
def test_two_values_compare(one: Rule, left: Value, right: Value, parity: Parity) -> None:
    """Equal, equal up to loss, kept by the map, without counterpart, not known, or different."""
    (found,) = compared(one, left, right)
    assert found.parity is parity
    assert found.values == tuple(None if value is ABSENT else value for value in (left, right))


def test_what_an_expression_makes_is_compared() -> None:
    """The result stands for the side without a field; a shorter field keeps its beginning."""
    one = worked_out("->", LEFT, "one", right=SHORT)
    left = record(LEFT, ABSENT)
    for text, parity in (("abc", P.EQUAL), ("abcdef", P.LOSSY), ("xyz", P.DIFFERENT), ("bad", P.UNMAPPED)):
        made = type(left)(ref=left.ref, fields={"one": text})
        (found,) = compare(fieldmap(one), made, record(RIGHT, "abc"), Given())
        assert found.parity is parity, text


def test_the_side_that_wins_is_carried_whatever_the_other_says() -> None:
    """A value that the map of before could carry may have no way back now; the one that wins has one."""
    one = rule(left=STAGE, right=STATUS, values=TABLE)
    for first, parity in (("left", P.DIFFERENT), ("ask", P.UNMAPPED)):
        (found,) = compared(one, "a", "z", first_link=Owner(first))
        assert found.parity is parity


@pytest.mark.parametrize("one", [rule("create"), rule("->", receipt="sync.state")])
def test_what_is_no_agreement_is_not_compared(one: Rule) -> None:
    """What is carried once and what syncd says itself keeps no two records equal."""
    assert compared(one, "a", "b") == []


def anew(one: Rule, left: Value, right: Value, first: str = "left", were: Any = None) -> Any:
    """The decision over two values that both are what base says (or that base), decided anew."""
    shadows = [{"it": Shadow(value)} for value in were or (left, right)]
    m = fieldmap(one, first_link=Owner(first))
    given = Given(anew=frozenset({"it"}))
    (found,) = plan(
        m, Base(left=shadows[0], right=shadows[1]), record(LEFT, left), record(RIGHT, right), given
    ).decisions
    return found


@pytest.mark.parametrize(
    ("first", "verdict", "to", "lost"),
    [
        ("left", V.WRITE, RIGHT, (RIGHT, "b")),
        ("right", V.WRITE, LEFT, (LEFT, "a")),
        ("ask", V.CONFLICT, None, None),
    ],
)
def test_sides_that_drifted_under_their_base_go_by_first_link(first: str, verdict: Verdict, to: Any, lost: Any) -> None:
    """Where neither side moved and both differ, nobody knows whose value is older: the loser is always listed."""
    found = anew(rule("<->", "left"), "a", "b", first)
    assert (found.verdict, found.to, found.lost) == (verdict, to, lost)


@pytest.mark.parametrize(
    ("one", "left", "right"),
    [(rule(), "a", "a"), (rule(on_blank=Blank.IGNORE), None, "b"), (rule(on_blank=Blank.IGNORE), "a", None)],
)
def test_what_may_differ_is_not_decided_anew(one: Rule, left: Value, right: Value) -> None:
    """Equal values, and a blank that somebody made and the map does not carry, stay as they are."""
    assert anew(one, left, right).verdict is V.UNCHANGED


def test_a_change_goes_before_deciding_anew() -> None:
    """A side that moved since the last agreement flows, whoever would win a first link."""
    found = anew(rule("<->", "left"), "a", "new", "left", were=("a", "old"))
    assert (found.verdict, found.to, found.lost) == (V.WRITE, LEFT, None)


def test_a_value_is_shown_as_it_would_cross() -> None:
    """Converted as the map converts; what is not known crosses as nothing, and what cannot cross says why."""
    one = rule(left=STAGE, right=STATUS, values=TABLE)

    def crossing(left: Any) -> Value:
        return carried(fieldmap(one), record(LEFT, left), record(RIGHT, None), one, RIGHT, {})

    assert crossing("a") == "x"
    assert crossing(ABSENT) is None
    with pytest.raises(Unconvertible):
        crossing("c")
