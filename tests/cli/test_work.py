"""The verbs that do the work, against two sandboxes over real sockets: plan, once, status, explain and the lists."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from syncd.app import App
from syncd.cli import main
from syncd.engine.answers import done
from tests.cli.conftest import TOKEN, House


def answer(capsys: pytest.CaptureFixture[str], *typed: str, code: int = 0) -> Any:
    """Run a verb as a program would: its JSON answer."""
    assert main([*typed, "--format", "json"]) == code
    return json.loads(capsys.readouterr().out)


def said(capsys: pytest.CaptureFixture[str], *typed: str, code: int = 0) -> str:
    """Run a verb as a person would: what is shown."""
    assert main(list(typed)) == code
    return capsys.readouterr().out


def once(capsys: pytest.CaptureFixture[str]) -> int:
    """One more `once`, a moment later: its exit code."""
    time.sleep(0.2)
    code = main(["once", "--format", "json"])
    capsys.readouterr()
    return code


def test_plan_shows_and_writes_nothing(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A plan names the record, each field before and after, the sum; no vendor is written to."""
    lead = house.lead()
    before = house.right.mark()
    shown = said(capsys, "plan")
    assert f"create  left {lead}  right (new)" in shown
    assert "right first_name: (blank) -> Ana" in shown
    assert "Plan: 1 to create" in shown
    assert house.right.writes(before) == []


def test_once_writes_and_status_tells(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """After `once` the lead is across, the status counts the link, and a second `once` has nothing to do."""
    house.lead()
    (report,) = answer(capsys, "once")
    assert report["create:written"] == 1
    names = [row.get("first_name") for row in house.right.records("contacts")]
    assert "Ana" in names
    status = answer(capsys, "status")
    assert status["links"] == {"sales/contacts": 1}
    assert "sales/contacts" in said(capsys, "status")
    assert said(capsys, "once") == "Nothing was due.\n"


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({}, "nothing to do"),
        ({"units": 3, "rest:unwanted": 3}, "3 looked at"),
        (
            {"create:written": 2, "update:written": 1, "update:later": 1, "archive:later": 1, "units": 9},
            "2 created, 1 updated, 2 put off, 9 looked at",
        ),
    ],
)
def test_what_a_run_did_is_said_in_words(counts: dict[str, int], words: str) -> None:
    """What was written, and how it went otherwise; why marks rest is for scripts."""
    assert done(counts) == words


def test_explain_tells_the_chain(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The link, both values, and the run that wrote them stand in the explanation of a record."""
    lead = house.lead()
    answer(capsys, "once")
    shown = said(capsys, "explain", f"hubspot:contacts:{lead}", "firstname")
    assert "linked to jobnimbus:contacts:" in shown
    assert "firstname <-> first_name, owner left" in shown
    assert "run 1, " in shown
    assert "written right (blank) -> 'Ana'" in shown


def test_explain_of_a_field_that_no_map_has(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A slip is a mistake that names what was meant; both fields of a rule, and its name, are known."""
    ref = f"hubspot:contacts:{house.lead()}"
    answer(capsys, "once")
    assert main(["explain", ref, "nosuch"]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(
        "error: field nosuch: no map of hubspot:contacts has a rule of this name or field. Known: "
    )
    assert "firstname" in told.err and "first_name" in told.err
    assert main(["explain", ref, "fristname"]) == 2
    assert "Did you mean firstname" in capsys.readouterr().err
    assert main(["explain", "hubspot:contacts:4711", "nosuch"]) == 2
    assert "field nosuch" in capsys.readouterr().err
    assert "firstname <-> first_name" in said(capsys, "explain", ref, "first_name")


def test_a_conflict_is_listed_and_taken(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Both sides change a field that the map asks about: status 1, one line in the list; taking a side ends it."""
    lead = house.lead(city="Chicago")
    answer(capsys, "once")
    (twin,) = [row["jnid"] for row in house.right.records("contacts") if row.get("email") == "ana1@example.com"]
    # JobNimbus tells whole seconds: an edit in a later second than our own write is what this is about.
    time.sleep(1.1)
    house.left.act("update", "contacts", id=lead, fields={"city": "Springfield"}, as_="Dana")
    house.right.act("update", "contacts", id=twin, fields={"city": "Peoria"}, as_="sam.okafor@example.com")
    house.settle()
    # A feed stays behind now by its lag, and JobNimbus tells whole seconds: the edit may show a pass later.
    assert any(once(capsys) == 1 for _ in range(20))
    (conflict,) = answer(capsys, "conflicts", "list")
    assert (conflict["left"], conflict["right"], conflict["state"]) == ("Springfield", "Peoria", "open")
    assert "Peoria" in said(capsys, "conflicts", "list")
    assert answer(capsys, "conflicts", "list", "--field", "email") == []
    assert main(["conflicts", "list", "--field", "emial"]) == 2
    assert "no map has such a field. Did you mean email?" in capsys.readouterr().err
    said(capsys, "conflicts", "take", str(conflict["id"]), "right")
    answer(capsys, "once")
    (city,) = [row["properties"]["city"] for row in house.left.records("contacts") if row["id"] == lead]
    assert city == "Peoria"
    assert said(capsys, "conflicts", "list") == "No conflict is open.\n"


def two_at_odds(house: House, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Two leads whose twins stand on the right already, with another city each: two open conflicts. The leads' ids."""
    leads = [house.lead(n, city="Chicago") for n in (1, 2)]
    for n in (1, 2):
        fields = {"first_name": "Ana", "last_name": f"Lead{n}", "email": f"ana{n}@example.com", "city": "Peoria"}
        house.right.act("create", "contacts", fields=fields, as_="sam.okafor@example.com")
    house.settle()
    assert any(once(capsys) == 1 for _ in range(20))
    return leads


def test_all_open_conflicts_of_a_field_are_taken_at_once(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Two records differ in one field at first link: one command takes the right side of both."""
    leads = two_at_odds(house, capsys)
    said(capsys, "conflicts", "take", "right", "--map", "sales/contacts", "--field", "city")
    answer(capsys, "once")
    assert {r["properties"]["city"] for r in house.left.records("contacts") if r["id"] in leads} == {"Peoria"}


def test_what_was_decided_by_its_id_is_not_decided_again_by_the_dozen(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of two is taken by its id, then all of the field the other way: that one keeps its word, and that is said."""
    leads = two_at_odds(house, capsys)
    (one,) = [row for row in answer(capsys, "conflicts", "list") if row["left_id"] == leads[0]]
    said(capsys, "conflicts", "take", str(one["id"]), "left")
    assert "decided" in said(capsys, "conflicts", "list")
    assert said(capsys, "conflicts", "take", "right", "--map", "sales/contacts", "--field", "city") == (
        "1 conflict: the right value is taken; the next run writes it.\n"
        "1 conflict was decided before, and stays so; name it by its ID.\n"
    )
    answer(capsys, "once")
    cities = {row["id"]: row["properties"]["city"] for row in house.left.records("contacts") if row["id"] in leads}
    assert cities == {leads[0]: "Chicago", leads[1]: "Peoria"}
    twins = [row for row in house.right.records("contacts") if str(row.get("email")).startswith("ana")]
    assert sorted(row["city"] for row in twins) == ["Chicago", "Peoria"]


def test_what_cannot_be_taken_is_said(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A side that is none, and a conflict that is none, are mistakes of the command, not of the program."""
    assert main(["conflicts", "take", "1", "2", "left"]) == 2
    assert "give an ID and a side or value" in capsys.readouterr().err
    assert main(["conflicts", "take", "99", "left"]) == 2
    assert "there is no such conflict" in capsys.readouterr().err


def test_an_unmapped_value_parks_the_record_and_is_retried(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The run goes on without that record; the list says which value has no counterpart; a mended map lets it go."""
    house.map("values: {Website: Website, Referral: Referral}", "values: {Referral: Referral}")
    house.lead(1, lead_source="Website")
    house.lead(2, lead_source="Referral")
    reports = answer(capsys, "once", code=1)
    assert sum(report.get("create:written", 0) for report in reports) == 1
    (parked,) = answer(capsys, "parked")
    assert "Website" in parked["reason"]
    assert "Website" in said(capsys, "parked")
    assert said(capsys, "skip", parked["ref"]) == f"{parked['ref']} rests until somebody changes it.\n"
    assert said(capsys, "skip", parked["ref"]) == f"{parked['ref']} is not parked.\n"
    assert "passed over" in answer(capsys, "parked")[0]["reason"]
    house.map("values: {Referral: Referral}", "values: {Website: Website, Referral: Referral}")
    assert said(capsys, "retry") == "1 record tries again with the next run.\n"
    assert sum(report.get("create:written", 0) for report in answer(capsys, "once")) == 1
    assert said(capsys, "parked") == "Nothing is parked.\n"


def test_a_run_over_the_guard_is_held_until_approved(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """More creations than the guard allows are not written; the limit is named, an approval lets them go."""
    house.config('mode = "live"', 'mode = "live"\nguard = {creates = 1}')
    for number in range(3):
        house.lead(number)
    before = house.right.mark()
    answer(capsys, "once", code=1)
    assert house.right.writes(before) == []
    (held,) = answer(capsys, "held", "list")
    assert "3 records would be created, the guard allows 1" in held["reason"]
    assert "the guard allows 1" in said(capsys, "held", "list")
    assert said(capsys, "held", "approve") == "3 records are allowed; the next run writes them.\n"
    assert sum(report.get("create:written", 0) for report in answer(capsys, "once")) == 3
    assert said(capsys, "held", "list") == "Nothing is held.\n"


def test_one_is_one(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """The guard counts as people do: one record, not one records."""
    house.config('mode = "live"', 'mode = "live"\nguard = {creates = 0}')
    house.lead()
    answer(capsys, "once", code=1)
    (held,) = answer(capsys, "held", "list")
    assert held["reason"] == "1 record would be created, the guard allows 0"


def test_the_store_is_looked_after(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """`db upgrade` makes the tables, `db check` says that they are sound."""
    assert "The store was empty, now" in said(capsys, "db", "upgrade")
    assert answer(capsys, "db", "check")["sound"] is True


def test_the_daemon_syncs_until_it_is_told_to_stop(house: House) -> None:
    """`syncd run` as a process: a lead made while it runs crosses; SIGTERM ends it cleanly; it logs JSON lines."""
    house.config('mode = "live"', 'mode = "live"\nevery = "250ms"')
    with subprocess.Popen(
        [sys.executable, "-m", "syncd", "run"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as daemon:
        house.lead()
        for _ in range(200):
            if any(row.get("email") == "ana1@example.com" for row in house.right.records("contacts")):
                break
            time.sleep(0.1)
        else:
            daemon.kill()
            pytest.fail(f"the lead did not cross: {daemon.communicate()}")
        daemon.send_signal(signal.SIGTERM)
        said, logged = daemon.communicate(timeout=20)
    assert (daemon.returncode, said) == (0, "")
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert {"started", "run", "stopped"} <= set(events)
    assert TOKEN not in logged


def test_a_state_that_conflicts_have_not(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped state is a mistake of the command and names the states; it is not an empty list."""
    assert main(["conflicts", "list", "--state", "foo"]) == 2
    assert "open, overruled, kept, taken, agreed, gone, ordered, all" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ([], "Nothing is parked.\n"),
        (["hubspot:contacts:1"], "Nothing is parked about hubspot:contacts:1.\n"),
        (["--map", "sales/contacts"], "Nothing is parked in sales/contacts.\n"),
    ],
)
def test_a_retry_of_nothing(house: House, typed: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """When nothing waits there, that is said instead of a promise."""
    assert said(capsys, "retry", *typed) == says


@pytest.mark.parametrize("verb", [["retry"], ["conflicts", "list"], ["conflicts", "take", "right"], ["undo", "1"]])
def test_an_unknown_map_is_a_mistake(house: House, verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """It is not an empty list, and not a promise: the maps that there are, are named."""
    assert main([*verb, "--map", "nosuch"]) == 2
    assert "map nosuch: there is no such map. Known: sales/contacts." in capsys.readouterr().err


def test_a_map_goes_by_its_name_alone(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """As everywhere else; of one pair there is but one of a name."""
    said(capsys, "once")
    assert said(capsys, "conflicts", "list", "--map", "contacts") == said(capsys, "conflicts", "list")
    assert said(capsys, "retry", "--map", "contacts") == "Nothing is parked in contacts.\n"


def test_a_night_is_where_the_one_account_is_whose_zone_is_set(house: House) -> None:
    """HubSpot tells its zone and has none set: the night of the audit is JobNimbus' night, not that of UTC."""
    with App.open(house.folder / "config.toml", environ=os.environ) as app:
        nights = app.serving.daemon(app.world.pairs).nights
    assert nights is not None and nights.zones == {"sales": ZoneInfo("America/Chicago")}
