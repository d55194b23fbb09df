"""What a side does not tell stops a field, and an edit that meets it is not dropped unlisted."""

import pytest

from syncd.core.decision import Verdict
from syncd.core.model import Value
from syncd.core.plan import sides
from tests.core.maps import ABSENT, LEFT, RIGHT, Case, decide, field, record, rule


@pytest.mark.parametrize(
    ("left", "base", "park"),
    [
        ("new", ("old", "old"), True),
        ("old", ("old", "old"), False),
        ("new", None, True),
        (None, None, False),
        (None, ("old", "old"), True),
    ],
)
def test_an_edit_that_meets_an_unknown_field_parks_the_record(
    left: Value, base: tuple[Value, Value] | None, park: bool
) -> None:
    """What changed, or was never said, waits for the other side to be known; what has not changed waits for nobody."""
    found = decide(rule(), left, ABSENT, base)
    assert (found.verdict, found.park) == (Verdict.UNKNOWN, park)


@pytest.mark.parametrize(("direction", "park"), [("->", True), ("<-", False)])
def test_only_what_flows_waits_for_an_unknown_field(direction: str, park: bool) -> None:
    """A one-way rule has nothing to tell its source."""
    assert decide(rule(direction=direction, owner=None), "new", ABSENT, ("old", "old")).park is park


def test_two_unknown_sides_wait_for_nothing() -> None:
    """Where neither side is known there is nothing to tell."""
    assert decide(rule(left=field(), right=field()), ABSENT, ABSENT, ("old", "old")).park is False


@pytest.mark.parametrize(
    ("left", "right", "found"), [("a", "b", ("a", "b")), (ABSENT, "b", (None, "b")), ("a", ABSENT, ("a", None))]
)
def test_both_sides_are_told_as_the_decision_sees_them(left: object, right: object, found: tuple[Value, Value]) -> None:
    """What a person is shown and asked to confirm is what the decision compares; what is not known is blank there."""
    case = Case(rule=rule(), left=left, right=right)
    assert sides(case.map(), case.shadows(), record(LEFT, left), record(RIGHT, right), case.rule) == found
