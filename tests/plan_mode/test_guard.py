"""A run that would make more than the guard allows writes nothing until a person allows it, and then only that."""

from __future__ import annotations

import sqlite3
from typing import Any

from syncd.cli import main
from tests.plan_mode.conftest import Office


def leads(office: Office, count: int) -> list[str]:
    """A person makes leads; their ids."""
    ids = [
        office.make("hubspot", "contacts", firstname="Ana", lastname=f"Lead{n}", email=f"ana{n}@example.com",
                    lifecyclestage="lead")
        for n in range(count)
    ]  # fmt: skip
    office.settle()
    return ids


def across(office: Office) -> dict[str, dict[str, Any]]:
    """The leads that JobNimbus has, by e-mail."""
    rows = office.vendors["jobnimbus"].records("contacts")
    return {row["email"]: row for row in rows if str(row.get("email", "")).startswith("ana")}


def live(office: Office) -> None:
    """Set the pair live, with a guard of two creations."""
    office.config("guard = {creates = 500, updates = 500}", "guard = {creates = 2, updates = 500}")
    office.config('mode = "plan"', 'mode = "live"')


def test_over_the_guard_nothing_is_written(office: Office) -> None:
    """Four leads, two allowed: no request writes, `held` names count and limit, a second run changes nothing."""
    live(office)
    leads(office, 4)
    (report,) = office.ask("once")
    assert (report["held"], report["state"]) == (True, "held")
    office.ask("once")
    (held,) = office.ask("held", "list")
    assert held["reason"] == "4 records would be created, the guard allows 2"
    assert (held["pair"], held["creates"], held["updates"]) == ("sales", 4, 0)
    shown = office.ask("held", "show")
    assert [(plan["action"], plan["creates"]) for plan in shown] == [("create", "right")] * 4
    assert {write["field"] for plan in shown for write in plan["writes"]} >= {"email", "first_name"}
    assert office.ask("status")["held"] == 4
    assert office.writes() == []
    assert across(office) == {}


def test_approval_lets_go_what_was_held_and_only_that(office: Office) -> None:
    """Of four allowed leads one gets another field before the run: three are made, that one is held again."""
    live(office)
    ids = leads(office, 4)
    office.ask("once")
    office.approve(4)
    office.edit("hubspot", "contacts", ids[2], phone="(312) 555-0143")
    office.shown()
    office.ask("once")
    assert set(across(office)) == {"ana0@example.com", "ana1@example.com", "ana3@example.com"}
    assert not any(row.get("home_phone") for row in across(office).values())
    assert office.ask("status")["held"] == 1
    sent = [one["body"]["email"] for one in office.writes() if one["path"].endswith("/contacts")]
    assert sorted(sent) == ["ana0@example.com", "ana1@example.com", "ana3@example.com"]
    office.approve(1)
    office.ask("once")
    assert across(office)["ana2@example.com"]["home_phone"] == "(312) 555-0143"
    assert office.ask("status")["held"] == 0
    assert office.ask("held", "list") == []


def test_new_leads_after_an_approval_meet_the_guard_themselves(office: Office) -> None:
    """An approval is for what was held: three more leads that come after it are held on their own."""
    live(office)
    leads(office, 4)
    office.ask("once")
    office.approve(4)
    for n in range(3):
        office.make("hubspot", "contacts", firstname="Late", lastname=f"Lead{n}", email=f"late{n}@example.com",
                    lifecyclestage="lead")  # fmt: skip
    office.shown()
    office.ask("once")
    emails = {row.get("email") for row in office.vendors["jobnimbus"].records("contacts")}
    assert not {email for email in emails if str(email).startswith("late")}
    assert office.ask("status")["held"] >= 3


def test_within_the_guard_nobody_is_asked(office: Office) -> None:
    """Two leads, two allowed: they are made at once, and nothing is held."""
    live(office)
    leads(office, 2)
    office.ask("once")
    assert len(across(office)) == 2
    assert office.ask("held", "list") == []


def test_a_day_has_a_limit_of_its_own(office: Office) -> None:
    """Two leads twice a day are within every run's limit and over the day's; what a person allowed is not counted."""
    live(office)
    office.config("guard = {creates = 2,", "guard = {day = 1, creates = 2,")
    leads(office, 2)
    office.ask("once")
    assert len(across(office)) == 2
    for n in (2, 3):
        office.make("hubspot", "contacts", firstname="Ana", lastname=f"Lead{n}", email=f"ana{n}@example.com",
                    lifecyclestage="lead")  # fmt: skip
    office.shown()
    office.ask("once")
    (held,) = office.ask("held", "list")
    assert held["reason"] == "2 records would be created and 2 were within 24 hours, the guard allows 2 a day"
    assert len(across(office)) == 2
    office.approve(2)
    office.ask("once")
    assert len(across(office)) == 4
    (path,) = office.folder.glob("syncd.db")
    with sqlite3.connect(path) as store:
        store.execute("UPDATE journal SET opened_at = opened_at - 86400000000 WHERE permitted = 0")
    office.make("hubspot", "contacts", firstname="Ana", lastname="Lead4", email="ana4@example.com",
                lifecyclestage="lead")  # fmt: skip
    office.shown()
    office.ask("once")
    assert len(across(office)) == 5


def test_what_is_discarded_stays_as_it_is(office: Office) -> None:
    """Four held leads that nobody wants are parked; one of them that is edited afterwards crosses."""
    live(office)
    ids = leads(office, 4)
    office.ask("once")
    assert main(["held", "discard"]) == 0
    assert office.output.readouterr().out == "4 records are parked; nothing is written.\n"
    office.ask("once")
    assert (office.ask("held", "list"), office.writes()) == ([], [])
    assert {row["reason"] for row in office.ask("parked")} == {"a person discarded what was to be written"}
    office.edit("hubspot", "contacts", ids[2], phone="(312) 555-0143")
    office.shown()
    office.ask("once")
    assert set(across(office)) == {"ana2@example.com"}
