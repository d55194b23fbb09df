"""Relations: fields whose values are records that another map links, one or several in a field. Rule 9."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.decision import Verdict
from syncd.core.model import FieldKind, Side
from tests.core.maps import ABSENT, LEFT, PARENTS, RIGHT, Case, decide, field, relation

V = Verdict
TWINS = {
    ("p/people", side, f"{'cp'[side is RIGHT]}{n}"): f"{'pc'[side is RIGHT]}{n}" for side in Side for n in (1, 2, 3)
}
"""c1 is linked with p1, c2 with p2, c3 with p3."""
MANY = relation(right=PARENTS)


@pytest.mark.parametrize(
    ("left", "right", "base", "found"),
    [
        ("c1", "p1", None, (V.AGREED, None, None)),
        ("c1", None, None, (V.WRITE, RIGHT, "p1")),
        ("c1", "p1", ("c1", "p1"), (V.UNCHANGED, None, None)),
        ("c2", "p1", ("c1", "p1"), (V.WRITE, RIGHT, "p2")),
        ("c1", "p2", ("c1", "p1"), (V.WRITE, LEFT, "c2")),
        ("c2", "p2", ("c1", "p1"), (V.AGREED, None, None)),
        ("c2", "p3", ("c1", "p1"), (V.WRITE, RIGHT, "p2")),
        (None, "p1", ("c1", "p1"), (V.WRITE, RIGHT, None)),
        ("c1", "p2", None, (V.CONFLICT, None, None)),
    ],
)
def test_a_relation_flows_as_its_parent_s_twin(left: Any, right: Any, base: Any, found: object) -> None:
    """Base and owner like any other field; ids of one side become those of the other by the parents' links."""
    decided = decide(relation(), left, right, base, twins=TWINS)
    assert (decided.verdict, decided.to, decided.after) == found


@pytest.mark.parametrize(("side", "waits_for"), [(LEFT, "crm:people:c9"), (RIGHT, "roof:people:p9")])
def test_a_relation_waits_for_its_parent_to_be_linked(side: Side, waits_for: str) -> None:
    """Parked with the parent's ref; base stays, so that the link releases the very same change."""
    values = ("c9", "p1") if side is LEFT else ("c1", "p9")
    found = decide(relation(), *values, ("c1", "p1"), twins=TWINS)
    assert (found.verdict, str(found.waits_for), found.park) == (V.WAITING, waits_for, True)
    assert (found.settle, found.reason) == ({}, f"waits for {waits_for} to be linked")


def test_a_parent_that_was_merged_is_the_one_it_became() -> None:
    """A vendor need not touch what points at a merged record: whoever names the former one says the same."""
    given = {"twins": {**TWINS, ("p/people", LEFT, "c8"): "p1", ("p/people", RIGHT, "p8"): "c1"},
             "became": {("p/people", LEFT, "c8"): "c1", ("p/people", RIGHT, "p8"): "p1"}}  # fmt: skip
    assert decide(relation(), "c8", "p8", **given).verdict is V.AGREED
    assert decide(relation(), "c8", "p8", ("c8", "p2"), **given).verdict is V.AGREED
    assert decide(relation(), "c1", "p8", ("c2", "p8"), **given).verdict is V.AGREED
    written = decide(relation(), "c8", "p2", ("c2", "p2"), **given)
    assert (written.verdict, written.after) == (V.WRITE, "p1")


def test_a_parent_of_no_known_kind_is_waited_for_all_the_same() -> None:
    """Where the schema does not tell the parent's kind, the ref has none."""
    bare = relation(left=field(FieldKind.REF), right=field(FieldKind.REF))
    assert str(decide(bare, "c9", None, (None, None)).waits_for) == "crm::c9"
    untyped = relation(left=None, right=None)
    assert str(decide(untyped, "c9", None, (None, None)).waits_for) == "crm::c9"


@pytest.mark.parametrize(
    ("left", "right", "base", "found"),
    [
        ("c2", ("p1",), ("c1", "p1"), (V.WRITE, RIGHT, ("p2",))),
        ("c2", ("p1", "p9"), ("c1", "p1"), (V.WRITE, RIGHT, ("p9", "p2"))),
        ("c2", ("p9", "p1", "p2"), ("c1", "p1"), (V.WRITE, RIGHT, ("p9", "p2"))),
        (None, ("p1", "p9"), ("c1", "p1"), (V.WRITE, RIGHT, ("p9",))),
        ("c1", (), ("c1", "p1"), (V.WRITE, LEFT, None)),
        ("c1", None, ("c1", "p1"), (V.WRITE, LEFT, None)),
        ("c1", None, (None, None), (V.WRITE, RIGHT, ("p1",))),
        ("c1", ("p2", "p3"), ("c1", "p1"), (V.WRITE, LEFT, "c2")),
        ("c1", ("p9", "p1"), ("c1", "p1"), (V.UNCHANGED, None, None)),
        ("c1", ("p9", "p1"), None, (V.AGREED, None, None)),
        ("c2", ("p9", "p2"), ("c1", "p1"), (V.AGREED, None, None)),
        ("c1", ("p2", "p3"), None, (V.CONFLICT, None, None)),
    ],
)
def test_of_several_parents_only_the_linked_one_is_exchanged(left: Any, right: Any, base: Any, found: object) -> None:
    """Those that people added beside it stay; the one in base, or the one linked across, is the one meant."""
    decided = decide(MANY, left, right, base, twins=TWINS)
    assert (decided.verdict, decided.to, decided.after) == found


def test_a_write_to_several_parents_expects_them_all_and_settles_the_one() -> None:
    """The compare before the write sees the whole field; base keeps the one id that is meant."""
    found = decide(MANY, "c2", ("p1", "p9"), ("c1", "p1"), twins=TWINS)
    assert (found.before, found.settle, found.sides) == (("p1", "p9"), {LEFT: "c2", RIGHT: "p2"}, ("c2", "p1"))


def test_several_parents_on_both_sides_meet_in_the_pair_that_is_linked() -> None:
    """At first link a pair of linked parents is found on either side."""
    both = relation(left=PARENTS, right=PARENTS)
    assert decide(both, ("c9", "c2"), ("p8", "p2"), twins=TWINS).verdict is V.AGREED
    assert decide(both, ("c9", "c2"), ("p8", "p2"), ("c9", "p8"), twins=TWINS).verdict is V.UNCHANGED


def test_several_parents_settle_at_once() -> None:
    """Carried out, nothing is left to do, whichever place the vendor gives the new one."""
    case = Case(rule=MANY, left="c2", right=("p1", "p9"), base=("c1", "p1"), twins=TWINS)
    assert case.after().right == ("p2", "p9")
    assert case.after().plan().decisions[0].verdict is V.UNCHANGED


def test_a_relation_that_is_not_known_is_not_blank() -> None:
    """A parent missing from the answer is left alone."""
    assert decide(MANY, ABSENT, ("p1",), ("c1", "p1"), twins=TWINS).verdict is V.UNKNOWN
    assert decide(MANY, "c1", ABSENT, ("c1", "p1"), twins=TWINS).verdict is V.UNKNOWN
