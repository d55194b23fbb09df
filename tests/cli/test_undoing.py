"""`syncd undo` as an operator types it. Not here: what is taken back and what is not (`tests/engine/test_undo`)."""

from __future__ import annotations

import time
from typing import Any

import pytest

from syncd.cli import main
from tests.cli.conftest import House
from tests.cli.test_work import answer, said


def crossed(house: House, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Two leads that one run handed over; the run, and the twins' ids."""
    for number in (1, 2):
        house.lead(number)
    runs = [report["run"] for report in answer(capsys, "once") if report.get("create:written")]
    return runs[0], [row["jnid"] for row in twins(house)]


def twins(house: House) -> list[dict[str, Any]]:
    """What the leads became in JobNimbus."""
    return [row for row in house.right.records("contacts") if str(row.get("email")).startswith("ana")]


def allowed(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """One more lead, held by the guard and then allowed: it is due, and nobody has carried it out yet."""
    house.config('mode = "live"', 'mode = "live"\nguard = {creates = 0}')
    house.lead(3)
    while main(["once"]) != 1:  # HubSpot's search shows a new record after a while
        time.sleep(0.2)
    capsys.readouterr()
    said(capsys, "held", "approve")


def test_a_run_is_taken_back(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Two twins that were made are inactive; the leads stay, and nothing is made again."""
    run, ids = crossed(house, capsys)
    assert len(ids) == 2
    assert said(capsys, "undo", str(run)) == f"Run {run}: 0 fields given back, 2 records archived.\n"
    assert [row["is_active"] for row in twins(house)] == [False, False]
    before = house.right.mark()
    answer(capsys, "once")
    assert house.right.writes(before) == []


def test_one_record_alone_is_taken_back(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """By whichever of the two; the other one that the run made stays. Of a stranger there is nothing."""
    run, ids = crossed(house, capsys)
    there = f"jobnimbus:contacts:{ids[0]}"
    assert said(capsys, "undo", str(run), "--record", there) == f"Run {run}: 0 fields given back, 1 record archived.\n"
    assert {row["jnid"]: row["is_active"] for row in twins(house)} == {ids[0]: False, ids[1]: True}
    assert said(capsys, "undo", str(run), "--record", "hubspot:contacts:4711") == (
        f"Run {run} wrote nothing of hubspot:contacts:4711 that is linked and can be taken back.\n"
    )


def test_what_else_was_due_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A lead that was allowed in between is handed over by the same run, and that is said."""
    run, _ids = crossed(house, capsys)
    allowed(house, capsys)
    told = said(capsys, "undo", str(run))
    assert told == (f"Run {run}: 0 fields given back, 2 records archived.\nWhat else was due went with it: 1 record.\n")


def test_what_somebody_touched_stays_and_is_told(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A twin that was edited since stays, by name; the other one goes."""
    run, ids = crossed(house, capsys)
    house.right.act("update", "contacts", id=ids[0], fields={"city": "Elgin"}, as_="dana.reyes@example.com")
    told = said(capsys, "undo", str(run))
    assert told.startswith(f"Run {run}: 0 fields given back, 1 record archived.\n")
    assert f"jobnimbus:contacts:{ids[0]}, which it made, stays: somebody changed city since" in told


def test_over_the_guard_it_waits(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """One archive allowed, two wanted: held, told with the way on, and done after the approval."""
    run, _ids = crossed(house, capsys)
    house.config('mode = "live"', 'mode = "live"\nguard = {deletes = 1}')
    told = said(capsys, "undo", str(run), code=1)
    assert "The guard holds it: 2 records would be archived, the guard allows 1." in told
    assert "archive" in said(capsys, "held", "show")
    (row,) = answer(capsys, "held", "list")
    assert (row["creates"], row["updates"], row["archives"]) == (0, 0, 2)
    head, line = said(capsys, "held", "list").splitlines()
    assert head.split()[:4] == ["pair", "creates", "updates", "archives"]
    assert line.split()[:4] == ["sales", "0", "0", "2"]
    said(capsys, "held", "approve")
    answer(capsys, "once")
    assert [row["is_active"] for row in twins(house)] == [False, False]


def test_no_such_run_is_a_sentence(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A number that is no run is told as such."""
    crossed(house, capsys)
    assert main(["undo", "4711"]) == 2
    assert "there is no such run" in capsys.readouterr().err


def test_no_such_field_is_a_sentence(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A field that no map has is a mistake, and nothing is ordered; one that the run never changed is told as such."""
    run, _ids = crossed(house, capsys)
    allowed(house, capsys)
    last = answer(capsys, "status")["runs"][0]["run"]
    for more in ([], ["--map", "sales/contacts"]):
        assert main(["undo", str(run), "--field", "nosuch", *more]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith(f"error: field nosuch: run {run} wrote no such field, and no map has it. Known: ")
        assert "firstname" in told.err
    assert said(capsys, "undo", str(run), "--field", "city") == (
        f"Run {run} changed no city that is linked and can be taken back.\n"
    )
    assert answer(capsys, "status")["runs"][0]["run"] == last, "what else is due is for the next run"
    assert [row["is_active"] for row in twins(house)] == [True, True]
