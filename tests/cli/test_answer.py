"""`syncd answer`, against two sandboxes: two records could be the twin, and a person says which."""

from __future__ import annotations

import json
import time

import pytest

from syncd.cli import main
from tests.cli.conftest import House


def said(capsys: pytest.CaptureFixture[str], *typed: str, code: int = 0) -> str:
    """Run a verb as a person would: everything that is shown."""
    assert main(list(typed)) == code
    shown = capsys.readouterr()
    return shown.out + shown.err


def once(capsys: pytest.CaptureFixture[str]) -> int:
    """One more `once`, a moment later (a feed stays behind now by its lag): its exit code."""
    time.sleep(0.2)
    code = main(["once"])
    capsys.readouterr()
    return code


def asked(house: House, capsys: pytest.CaptureFixture[str]) -> tuple[str, list[str]]:
    """Two contacts of one e-mail in JobNimbus, then a lead of that e-mail: the ref that is parked, and the two ids."""
    for name in ("Ana", "Anita"):
        fields = {"first_name": name, "last_name": "Lead", "email": "ana1@example.com"}
        house.right.act("create", "contacts", fields=fields, as_="sam.okafor@example.com")
    house.settle()
    said(capsys, "once")
    lead = house.lead(city="Chicago")
    assert any(once(capsys) == 1 for _ in range(20))
    rows = [row for row in house.right.records("contacts") if row.get("email") == "ana1@example.com"]
    return f"hubspot:contacts:{lead}", [row["jnid"] for row in rows]


def test_a_question_is_answered_with_the_twin(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The list says what is asked; after the answer the two are linked, and the record waits no longer."""
    ref, (twin, other) = asked(house, capsys)
    assert main(["parked", "--format", "json"]) == 0
    assert ref in {row["ref"] for row in json.loads(capsys.readouterr().out) if row["cause"] == "question"}
    assert said(capsys, "answer", ref, twin) == (
        f"{ref} and jobnimbus:contacts:{twin} are linked; the next run makes them equal.\n"
    )
    main(["once"])
    capsys.readouterr()
    cities = {row["jnid"]: row.get("city") for row in house.right.records("contacts")}
    assert cities[twin] == "Chicago" and not cities[other]
    assert ref not in said(capsys, "parked")


def test_an_answer_that_cannot_be_says_what_to_do(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong ref, a wrong id and a `none` that nothing waits for are mistakes of the command, in plain words."""
    ref, _ = asked(house, capsys)
    assert "is no reference to a record" in said(capsys, "answer", "101", "none", code=2)
    assert "not parked with a question" in said(capsys, "answer", "hubspot:contacts:999", "none", code=2)
    assert "never seen jobnimbus:contacts:nobody" in said(capsys, "answer", ref, "nobody", code=2)
    assert "cannot be noted yet" in said(capsys, "answer", ref, "none", code=2)
