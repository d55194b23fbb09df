"""What a map says of itself: its ends, its rules' sides, and what it reads."""

from __future__ import annotations

import pytest

from syncd.core.fieldmap import Continued, End
from syncd.core.model import Ref, Side
from syncd.core.sight import MISSING, expression_side, suffixed, target, view
from tests.core.maps import (
    LEFT,
    OURS,
    PARENTS,
    RIGHT,
    TEXT,
    THEIRS,
    Join,
    field,
    fieldmap,
    relation,
    rule,
    without,
    worked_out,
)


def test_a_ref_is_written_as_people_type_it() -> None:
    """System, kind and id, with colons."""
    assert str(Ref("hubspot", "contacts", "123")) == "hubspot:contacts:123"


def test_an_end_names_a_record_of_its_own() -> None:
    """System and kind are the end's."""
    assert End(system="crm", kind="deals").ref("7") == Ref("crm", "deals", "7")


def test_the_side_across_is_the_other_one() -> None:
    """Each side is across from the other."""
    assert [side.other for side in Side] == [RIGHT, LEFT]


@pytest.mark.parametrize(
    ("direction", "flows"), [("<->", {LEFT, RIGHT}), ("->", {RIGHT}), ("<-", {LEFT}), ("create", set())]
)
def test_a_rule_flows_only_where_its_arrow_points(direction: str, flows: set[Side]) -> None:
    """After creation a value travels along the arrow and nowhere else."""
    assert {side for side in Side if rule(direction).flows(side)} == flows


def test_a_rule_and_a_map_tell_the_sides_apart() -> None:
    """Field, type and end of a side are that side's own."""
    one = rule(left=TEXT, right=PARENTS)
    m = fieldmap(one)
    assert [one.field(side) for side in Side] == [OURS, THEIRS]
    assert [one.type(side) for side in Side] == [TEXT, PARENTS]
    assert [m.end(side) for side in Side] == [m.left, m.right]


def test_a_map_reads_its_rules_conditions_expressions_and_keys() -> None:
    """Every field whose change can matter to the map is named, per side, and no other."""
    m = fieldmap(
        worked_out("->", LEFT, "title", "city"),
        rule("<-", name="back"),
        only=Join(LEFT, ("pipeline",)),
        left=End(system="crm", kind="deals", sync_key="key"),
        right=End(system="roof", kind="jobs", when=Join(LEFT, ("stage",))),
        continues=Continued("crm/leads", LEFT, "lead"),
    )
    assert m.reads(LEFT) == {OURS, "title", "city", "pipeline", "stage", "key", "lead"}
    assert m.reads(RIGHT) == {THEIRS}


def test_a_view_of_a_side() -> None:
    """A field's value, nothing where the rule has no field, MISSING where the record does not tell."""
    assert view(rule(), LEFT, {OURS: "a"}) == "a"
    assert view(rule(), LEFT, {}) is MISSING
    assert view(without(rule(), LEFT), LEFT, {}) is None


def test_a_view_of_several_ids_is_the_first_one() -> None:
    """A relation stands for one parent even where the field holds several; several choices stay together."""
    many = relation(right=PARENTS)
    assert view(many, RIGHT, {THEIRS: ("p", "q")}) == "p"
    assert view(many, RIGHT, {THEIRS: ()}) is None
    assert view(rule(), RIGHT, {THEIRS: ("a", "b")}) == ("a", "b")


def test_a_one_way_rule_writes_the_side_its_arrow_points_at() -> None:
    """The target of an arrow."""
    assert [target(rule(way)) for way in ("->", "<-")] == [RIGHT, LEFT]


@pytest.mark.parametrize(
    ("direction", "reads", "side"),
    [("->", LEFT, LEFT), ("<-", RIGHT, RIGHT), ("create", LEFT, LEFT), ("create", RIGHT, RIGHT)],
)
def test_an_expression_stands_for_the_side_it_reads(direction: str, reads: Side, side: Side) -> None:
    """Its result is that side's value."""
    assert expression_side(rule(direction, expr=Join(reads, ("x",)))) is side
    assert expression_side(rule(direction)) is None


def test_a_suffix_is_the_tail_of_the_id_across() -> None:
    """A name is made unique by what people can look up."""
    assert suffixed("Roof", Ref("crm", "deals", "deal-111111")) == "Roof (111111)"


def test_a_rule_pointed_at_another_field_is_another_rule() -> None:
    """Base belongs to a rule and both its fields: the same name over other fields has no base."""
    assert len({rule().identity, without(rule(), LEFT).identity, without(rule(), RIGHT).identity}) == 3


def test_custom_fields_are_those_of_a_side_that_a_rule_names() -> None:
    """By their types; a standard field is none, and a rule without a field on a side names none there."""
    own = field(custom=True)
    m = fieldmap(rule(left=own), rule(left=TEXT, right=TEXT), without(rule(right=own), RIGHT))
    assert m.custom(LEFT) == {own.name}
    assert m.custom(RIGHT) == frozenset()
