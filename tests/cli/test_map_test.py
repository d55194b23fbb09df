"""`syncd map test` and `syncd map schema`. Not here: what a case can say (tests/fieldmaps)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from syncd.cli import main
from tests.cli.test_wrong_maps import MAP, SCHEMAS

CASES = """\
cases:
  - name: a lead crosses
    create: right
    left: {firstname: Ana, email: ana@example.com, hs_lead_status: NEW}
    right: {first_name: Ana, email: ana@example.com, status_name: Lead}
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder with a map and its schemas."""
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "schemas.yaml").write_text(SCHEMAS, encoding="utf-8")
    (tmp_path / "pair" / "contacts.yaml").write_text(MAP, encoding="utf-8")
    monkeypatch.chdir(tmp_path)


def run(cases: str | None, *options: str) -> int:
    """Run these cases; the exit code."""
    if cases is not None:
        Path("pair/contacts.test.yaml").write_text(cases, encoding="utf-8")
    return main(["map", "test", "pair/contacts.yaml", *options])


def test_cases_that_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """A map whose cases hold is a tick, exit code 0."""
    assert run(CASES) == 0
    assert capsys.readouterr().out == "✓ pair/contacts.yaml: 1 case.\n"


def test_a_case_that_does_not_hold(capsys: pytest.CaptureFixture[str]) -> None:
    """A failure names the case, its line, and both values; exit code 1."""
    assert run(CASES.replace("first_name: Ana", "first_name: Eva")) == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("✗ pair/contacts.test.yaml:2:")
    assert "a lead crosses" in line
    assert "'Ana'" in line
    assert "'Eva'" in line


def test_failures_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """For programs, the count of cases and the failures."""
    assert run(CASES.replace("first_name: Ana", "first_name: Eva"), "--format", "json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["cases"] == 1
    assert len(told["failures"]) == 1


@pytest.mark.parametrize(("cases", "says"), [(None, "cannot be tested"), ("casses: []\n", "cases")])
def test_what_cannot_be_tested_is_a_wrong_set_up(
    cases: str | None, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A test file that is missing or wrong is exit code 2."""
    assert run(cases) == 2
    assert says in capsys.readouterr().err


def test_the_shipped_maps_hold_their_tests(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, the tests of every shipped map run."""
    assert main(["map", "test"]) == 0
    assert capsys.readouterr().out.count("✓") >= 2


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    """What editors get is a JSON Schema that knows the keys of a map."""
    assert main(["map", "schema"]) == 0
    assert {"version", "left", "right", "fields"} <= set(json.loads(capsys.readouterr().out)["properties"])
