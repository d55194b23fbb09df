"""The runner of map tests fails what is wrong: a law or an expectation that is broken is always told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from syncd.core.model import Value
from syncd.core.values import Ends
from syncd.core.values.scalars import Same
from syncd.errors import ConfigError
from syncd.fieldmaps.cases import read_cases, run_case, run_file
from tests.fieldmaps.desk import HEAD, SCHEMAS, compiled

MAP = (
    HEAD
    + """\
create: {left: {when: "right.done"}, right: {when: "left.stage == 'won'"}}
relations:
  - {left: people, right: primary, map: contacts}
fields:
  - {left: title, right: name, owner: left}
  - {left: stage, right: status, owner: right, values: {new: lead, won: [sold, closed]}}
  - {left: amount, right: budget, owner: left}
  - {right: text, direction: create, expr: "left.title + '!'"}
"""
)


def failures(case: str, text: str = MAP) -> list[str]:
    """What a case of a map tells."""
    found = compiled(text).map
    assert found is not None
    cases = read_cases(f"cases:\n  - {case[:-1]}, name: a}}\n", "m.test.yaml", found, SCHEMAS)
    return [failure.message for each in cases for failure in run_case(found, each)]


HOLDS = [
    "{create: right, left: {title: T, stage: won, amount: 5}, right: {name: T, status: sold, budget: 5, text: T!}}",
    "{create: left, right: {name: T, status: closed, done: true}, left: {title: T, stage: won}}",
    "{create: right, made: false, left: {title: T, stage: new}}",
    "{create: right, left: {title: T, stage: lost}, unmapped: [stage], made: false}",
    "{agree: true, left: {stage: won, title: T}, right: {status: Closed, name: T}}",
]


@pytest.mark.parametrize("case", HOLDS)
def test_what_holds_is_silent(case: str) -> None:
    """A case that the map keeps tells nothing."""
    assert failures(case) == []


SOLD = "create: right, left: {title: T, stage: won}"
BROKEN = [
    (f"{{{SOLD}, right: {{name: U, status: sold, text: T!}}}}", "right name is 'T', expected 'U'"),
    (f"{{{SOLD}, right: {{name: T, text: T!}}}}", "right status is 'sold', expected None"),
    (f"{{{SOLD}, right: {{name: T, status: sold, text: T!, budget: 1}}}}", "right budget is None, expected 1"),
    ("{create: right, left: {title: T, stage: new}}", "a record is not made on the right side"),
    (f"{{{SOLD}, made: false}}", "a record is made on the right side"),
    ("{create: left, right: {status: lead, done: true}, unmapped: [stage]}", "without a counterpart: nothing"),
    ("{create: left, right: {status: lead, done: true}, left: {}}", "left stage is 'new', expected None"),
    ("{agree: true, left: {stage: new}, right: {status: sold}}", "stage: 'new' and 'sold' do not agree"),
]


@pytest.mark.parametrize(("case", "told"), BROKEN)
def test_what_does_not_hold_is_told(case: str, told: str) -> None:
    """A wrong, missing or additional value, and a wrong decision to create, fail the case."""
    assert told in failures(case)


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("{left: {title: T}}", "A case has either"),
        ("{agree: true, left: {titel: T}}", "The map does not use left titel. Did you mean title?"),
        ("{agree: true, left: {stage: sold}}", "'sold' is not an option of left stage"),
        ("{agree: true, lefd: {}}", "A case has no setting 'lefd'. Did you mean left?"),
    ],
)
def test_a_wrong_case_is_placed(case: str, told: str) -> None:
    """A mistake in a test file is named like one in a map."""
    with pytest.raises(ConfigError) as caught:
        failures(case)
    assert told in str(caught.value)


LAWLESS = [
    ("fallback: {right: sold}", "stage: 'sold' cannot come back: 'sold' has no counterpart in stage"),
    ("fallback: {left: new, right: sold}", "stage: 'sold' comes back as 'lead'"),
]


@pytest.mark.parametrize(("more", "told"), LAWLESS)
def test_a_value_that_does_not_come_back_is_told(more: str, told: str) -> None:
    """A two-way rule that would bounce a value fails the round-trip law, without being asked for."""
    text = (
        HEAD
        + f"""\
create: {{right: {{when: "true"}}}}
fields:
  - {{left: stage, right: status, owner: right, values: {{new: lead}}, {more}}}
"""
    )
    case = "{create: right, left: {stage: lost}, right: {status: sold}}"
    assert [line for line in failures(case, text) if line.startswith(told)], failures(case, text)


class Forgetful(Same):
    """A converter that takes nothing for equal."""

    def equal(self, left: Value, right: Value) -> bool:
        """Never."""
        return False


def test_a_value_that_does_not_read_as_equal_is_told() -> None:
    """A converter that would see its own writing as a change fails the law."""
    found = compiled(
        HEAD + 'create: {right: {when: "true"}}\nfields:\n  - {left: title, right: name, owner: left}\n'
    ).map
    assert found is not None
    rule = replace(found.rules[0], convert=Forgetful(Ends()))
    broken = replace(found, rules=(rule,))
    text = "cases:\n  - {name: a, create: right, left: {title: T}, right: {name: T}}\n"
    told = [each.message for case in read_cases(text, "t", broken, SCHEMAS) for each in run_case(broken, case)]
    assert told == ["title: 'T' became 'T', which does not read as equal"]


def test_a_condition_that_cannot_be_worked_out_is_told() -> None:
    """A case whose condition fails says why, and the other cases still run."""
    text = (
        HEAD
        + """create: {right: {when: "left.title.split(',')[1] == 'x'"}}
fields:
  - {left: title, right: name, owner: left}
"""
    )
    assert failures("{create: right, left: {title: T}, right: {name: T}}", text)[0].startswith(
        "create.right: `left.title"
    )


def test_the_tests_beside_a_map_are_run(tmp_path: Path) -> None:
    """A file of cases is run against the schemas beside it; each failure has its place."""
    schemas = "left: {kinds: {deals: {day: text}}}\nright: {kinds: {jobs: {day: date}}}\n"
    (tmp_path / "schemas.yaml").write_text(schemas, encoding="utf-8")
    body = 'create: {right: {when: "true"}}\nfields:\n  - {left: day, right: day, owner: left, convert: date}\n'
    (tmp_path / "m.yaml").write_text(HEAD + body, encoding="utf-8")
    case = "cases:\n  - {name: a, create: right, left: {day: 9/30/2024}, right: {day: 2024-09-30}}\n"
    (tmp_path / "m.test.yaml").write_text(case, encoding="utf-8")
    assert run_file(tmp_path / "m.yaml").failures == ()
    (tmp_path / "m.yaml").write_text(HEAD + body.replace("convert: date", "convert: text"), encoding="utf-8")
    told = [str(failure) for failure in run_file(tmp_path / "m.yaml").failures]
    assert told == [f"{tmp_path}/m.test.yaml:2:5: a: right day is '9/30/2024', expected '2024-09-30'"]


def test_a_map_without_tests_says_so(tmp_path: Path) -> None:
    """A missing test or schema file is a mistake with its name."""
    (tmp_path / "m.yaml").write_text(HEAD, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"m\.test\.yaml"):
        run_file(tmp_path / "m.yaml")
