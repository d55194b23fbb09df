"""Expressions see records as documented, know what they read, and are refused under the very character."""

from __future__ import annotations

import pytest

from syncd.core.fieldmap import Unconvertible
from syncd.core.model import Side, Value
from syncd.fieldmaps.expressions import Compiled, compile_expression
from syncd.fieldmaps.source import Place, Report, Scalar
from tests.fieldmaps.desk import SCHEMAS, complaints, whole

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def expression(source: str) -> Compiled:
    """An expression over the invented pair."""
    report = Report()
    found = compile_expression(Scalar(source, Place("m.yaml", 1, 1)), SCHEMAS, report)
    assert found is not None, report.errors
    return found


def value(source: str, **left: Value) -> Value:
    """Its value over a left record."""
    return expression(source).value({LEFT: left})


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("left.title", None),
        ("left.title == ''", True),
        ("left.amount", 0),
        ("left.amount > 100.0", False),
        ("left.hot", False),
        ("left.due == ''", True),
        ("left.tags.size() == 0", True),
        ("'a' in left.people", False),
        ("has(left.amount)", False),
        ("has(left.title) || has( left.hot )", False),
        ("left.stage == 'won' && left.amount > 1.0", False),
    ],
)
def test_blanks_never_break_an_expression(source: str, expected: Value) -> None:
    """A blank is the empty text, 0.0, false or an empty list, and `has` tells it from those."""
    assert value(source) == expected
    assert value(source, title=None, amount=None, hot=None, tags=None, people=None) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("left.title.upperAscii() + ' / ' + left.stage", "ROOF / won"),
        ("string(left.amount)", "1250"),
        ("left.amount * 2.0", 2500),
        ("left.amount / 100.0", 12.5),
        ("left.tags", ("a", "b")),
        ("'a' in left.tags", True),
        ("left.title.split('o')[0]", "R"),
        ("left.hot ? 'yes' : 'no'", "yes"),
        ("has(left.hot)", True),
        ("left.due > '2026-01-31'", True),
        ("timestamp('2026-03-08T06:00:00Z')", "2026-03-08T06:00:00Z"),
        ("'left.nothing' // left.nothing", "left.nothing"),
        (r"'it\'s left.x'", "it's left.x"),
        ("left.stage", "won"),
    ],
)
def test_values_come_back_canonical(source: str, expected: Value) -> None:
    """What an expression gives is one of our values: whole numbers, tuples, ISO moments."""
    record: dict[str, Value] = {"title": "Roof", "stage": "WON", "amount": 1250, "hot": True, "due": "2026-03-08"}
    found = value(source, tags=("a", "b"), **record)
    assert found == expected
    assert type(found) is type(expected)


def test_reads_names_the_fields_per_side() -> None:
    """A change of any field that is looked at is a change for the map; words in texts and comments are not fields."""
    found = expression("has(left.due) && left.title == 'left.note' && right.status != '' // right.text")
    assert found.reads == {LEFT: {"due", "title"}, RIGHT: {"status"}}


@pytest.mark.parametrize("source", ["left.title.split(',')[3]", "1 / size(left.title) == 1", "double(left.title)"])
def test_what_cannot_be_worked_out_says_so(source: str) -> None:
    """An expression that fails on one record parks that record with a sentence, and breaks nothing else."""
    with pytest.raises(Unconvertible, match="cannot be worked out"):
        value(source)


PLACES = [
    ('{right: text, expr: "left.titel"}', "m.yaml:7:26: deals on the left side has no field 'titel'."),
    ('{right: text, expr: "left.title + left.amount"}', "m.yaml:7:37: Expression: `+` does not work on (string"),
    ("{right: text, expr: left.title + left.amount}", "m.yaml:7:36: "),
    ("{right: text, expr: left.title + titel}", "m.yaml:7:38: Expression: undeclared reference to 'titel'."),
    ("{right: text, expr: \"has(left.titel) ? 'a' : 'b'\"}", "m.yaml:7:30: "),
    ("{right: text, expr: \"has(left.title) ? 'a' : nope\"}", "m.yaml:7:50: "),
    ("{right: done, expr: left.amount > 3}", "m.yaml:7:37: Expression: `>` does not work on (double, int)"),
    ("{right: done, expr: left.amount > 3}", "A number field works with numbers that have a point: `3.0`."),
    ('{right: text, expr: "left.title =="}', "Expression: it cannot be understood at its end."),
    ("{right: text, expr: \"left.title = 'a'\"}", "m.yaml:7:37: Expression: it cannot be understood at `=`."),
    ("{right: text, expr: \"left.title AND 'a'\"}", "it cannot be understood at `AND`. A comparison is == or !="),
    ("{right: text, expr: \"(left.title == 'a'\"}", "Expression: it cannot be understood at its end."),
]


@pytest.mark.parametrize(("rule", "told"), PLACES)
def test_a_mistake_is_placed_under_its_character(rule: str, told: str) -> None:
    """The column of a mistake is its own, quoted or not, behind `has` or not."""
    found = complaints(whole(rule))
    assert any(told in line for line in found), found


def test_what_no_field_can_hold_is_refused() -> None:
    """A table is no value of a field."""
    with pytest.raises(Unconvertible, match="which no field can hold"):
        value("{'a': left.title}")


def test_an_expression_without_end_is_refused() -> None:
    """A mistake that CEL cannot place is told at the expression's start."""
    found = complaints(whole('{right: text, expr: "' + "(" * 300 + "left.title" + ")" * 300 + '"}'))
    assert found
    assert found[0].startswith("m.yaml:7:")


def test_a_mistake_in_a_block_is_placed_on_its_line() -> None:
    """In a literal block of several lines the line and column are those of the file."""
    rule = "right: text\n    direction: create\n    expr: |\n      left.title +\n        left.titel + 'x'\n"
    assert any(line.startswith("m.yaml:11:9: ") for line in complaints(whole(rule))), complaints(whole(rule))


def test_a_mistake_in_a_folded_block_is_placed_at_its_start() -> None:
    """Where folding hides the columns, the place is that of the expression."""
    rule = "right: text\n    expr: >-\n      left.title +\n      left.titel\n"
    assert any(line.startswith("m.yaml:8:11: ") for line in complaints(whole(rule))), complaints(whole(rule))
