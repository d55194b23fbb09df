"""A run that would make more than the guard allows writes nothing until a person allows it, and then only that."""

from __future__ import annotations

from typing import Any

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
    (held,) = office.ask("held")
    assert held["reason"] == "4 records would be created, the guard allows 2"
    assert held["counts"]["plan:create"] == 4
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
    assert office.ask("held") == []


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
    assert office.ask("held") == []
