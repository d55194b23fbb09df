"""How answers are shown: plain words in tables, exact values in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from syncd.cli import explained, plans, render
from syncd.cli.render import Format
from syncd.core.model import Ref, Side


@dataclass(frozen=True)
class Thing:
    """Something with a bit of everything inside."""

    ref: Ref
    at: datetime


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, ""),
        (True, "yes"),
        (False, "no"),
        (3, "3"),
        (["a", "b"], "a, b"),
        ({"a": 1, "b": None}, "a: 1, b: "),
        ("2026-11-21T22:19:39.348000+00:00", "2026-11-21 22:19:39 UTC"),
        ("2026-11-21T22:19:39Z", "2026-11-21 22:19:39 UTC"),
        ("2026-11-21 is a day", "2026-11-21 is a day"),
    ],
)
def test_cells_are_plain_words(value: object, shown: str) -> None:
    """No None, no True, no microseconds in a table."""
    assert render.cell(value) == shown


def test_plain_is_json_in_depth() -> None:
    """Dataclasses, enums, times and spans become JSON types wherever they stand."""
    given = {Side.LEFT: [Thing(Ref("a", "b", "c"), datetime(2026, 1, 2, tzinfo=UTC))], "wait": timedelta(minutes=1)}
    told = json.loads(json.dumps(render.plain({**given, "day": date(2026, 1, 2), "set": frozenset({"x"})})))
    thing = {"ref": {"system": "a", "kind": "b", "id": "c"}, "at": "2026-01-02T00:00:00+00:00"}
    assert told == {"left": [thing], "wait": 60.0, "day": "2026-01-02", "set": ["x"]}


def test_rows_with_brackets_are_data(capsys: pytest.CaptureFixture[str]) -> None:
    """What looks like markup is shown as it is, nothing is cut, and no line ends in blanks."""
    render.show_rows([{"id": 1, "text": "[red]x[/red]" + "y" * 90}], ("id", "text"), Format.TABLE, empty="")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["id", "text"]
    assert lines[1] == "1   [red]x[/red]" + "y" * 90
    assert not any(line.endswith(" ") for line in lines)


def test_no_rows(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is a sentence for people and an empty list for programs."""
    render.show_rows([], ("id",), Format.TABLE, empty="Nothing is parked.")
    render.show_rows([], ("id",), Format.JSON, empty="Nothing is parked.")
    assert capsys.readouterr().out == "Nothing is parked.\n[]\n"


def test_facts_with_tables_inside(capsys: pytest.CaptureFixture[str]) -> None:
    """Single values come first; things by name and lists of things become tables of their own."""
    facts = {"due": 0, "links": {"a/b": 3}, "systems": {"x": {"state": "ok"}}, "runs": [{"run": 1}]}
    render.show_facts(facts, Format.TABLE)
    shown = capsys.readouterr().out
    assert shown.startswith("due  0\n\nlinks:\na/b  3\n")
    assert "systems:\nname  state\nx     ok\n" in shown
    assert shown.endswith("runs:\nrun\n1\n")


def test_a_path_below_is_shown_relative(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People see a path as they would type it."""
    monkeypatch.chdir(tmp_path)
    assert render.shown_path(tmp_path / "a" / "b.yaml") == "a/b.yaml"
    assert render.shown_path(Path("/elsewhere/b.yaml")) == "/elsewhere/b.yaml"


def test_a_plan_tells_conflicts_and_long_values() -> None:
    """Long texts are shortened to one line; conflicts and parked fields are marked."""
    operation = {
        "map": "sales/deals", "action": "update", "left": "1", "right": "2", "why": "",
        "writes": [{"side": "right", "field": "notes", "before": "a\nb", "after": "x" * 100, "reason": "changed"}],
        "conflicts": [{"rule": "city", "left": "A", "right": None, "reason": "both sides changed"}],
        "parked": ["no counterpart for Warranty"],
    }  # fmt: skip
    assert plans.lines(operation) == [
        "sales/deals  update  left 1  right 2",
        f"    right notes: a b -> {'x' * 60}...  (changed)",
        "    ! conflict in city: left A, right (blank)  (both sides changed)",
        "    ! parked: no counterpart for Warranty",
    ]


def test_the_sum_of_a_plan_counts_as_people_do() -> None:
    """One is one, and not several."""
    report = {"creates": 1, "updates": 0, "links": 0, "archives": 0, "conflicts": 1, "parked": 2, "calls": {"crm": 1}}
    assert plans.summary(report) == (
        "Plan: 1 to create, 0 to update, 0 to link; 1 conflict, 2 parked. Requests to write it: crm 1. "
        "Nothing was written."
    )


def test_an_explanation_of_a_record_that_is_not_linked() -> None:
    """Why not, and what it waits for."""
    facts = {
        "ref": "hubspot:contacts:1",
        "paused": None,
        "maps": [
            {
                "map": "sales/contacts", "link": None, "why": "it is not linked",
                "waiting": {"reason": None, "cause": "planned", "since": "2026-01-02T03:04:05Z"},
            }
        ],
    }  # fmt: skip
    assert list(explained.lines(facts)) == [
        "hubspot:contacts:1",
        "\nsales/contacts: it is not linked",
        "    waits: planned (since 2026-01-02 03:04:05 UTC)",
    ]
