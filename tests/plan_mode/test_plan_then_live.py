"""A pair in mode plan writes nothing; set live, it does just what the plan said.

What was planned is compared, field by field, with what the vendors' own histories say was done.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tests.plan_mode.conftest import Office

FOLLOWS = {"job_number", "job_status", "sync_state"}
"""What no plan can hold, because it is known only from the answer to a creation, and written after it: the number and
the status that the vendor gave the new job, and the receipt that says so (`syncd plan --help`)."""

Write = tuple[Any, Any]
"""Before and after, as texts."""


def plain(value: Any) -> str:
    """A value as text, whichever way it travels: 1200 and "1200.0" are one, so are a ref and its id, None and ""."""
    if isinstance(value, Mapping):
        return plain(value.get("id"))
    try:
        return str(float(value))
    except (TypeError, ValueError):
        return "" if value is None else str(value)


def kind_of(operation: Mapping[str, Any], side: str) -> str:
    """SYSTEM:KIND of a side of an operation."""
    people = operation["map"] == "sales/contacts"
    return f"hubspot:{'contacts' if people else 'deals'}" if side == "left" else (
        f"jobnimbus:{'contacts' if people else 'jobs'}"
    )  # fmt: skip


def twin(office: Office, operation: Mapping[str, Any]) -> str:
    """The ref of the record that a planned creation became, as `explain` tells it of its source."""
    side = "left" if operation["left"] else "right"
    told = office.ask("explain", f"{kind_of(operation, side)}:{operation[side]}")
    (link,) = [entry["link"] for entry in told["maps"] if entry["map"] == operation["map"]]
    return str(link)


def planned(office: Office, operations: list[dict[str, Any]]) -> dict[str, dict[str, Write]]:
    """What a plan says, by the record it is written to: field -> before and after."""
    made = {id(one): twin(office, one) for one in operations if one["creates"]}
    new = {
        f"new:{one['map']}:{one['left'] or one['right']}": made[id(one)].split(":")[2]
        for one in operations
        if one["creates"]
    }
    found: dict[str, dict[str, Write]] = {}
    for one in operations:
        for write in one["writes"]:
            side = write["side"]
            ref = made[id(one)] if one["creates"] else f"{kind_of(one, side)}:{one[side]}"
            after = new.get(write["after"], write["after"])
            found.setdefault(ref, {})[write["field"]] = (plain(write["before"]), plain(after))
    return found


def done(office: Office, before: Mapping[str, Any]) -> dict[str, dict[str, Write]]:
    """What the API wrote since `before`, by record, in one go each; what only follows from a creation is left out.

    Of a record that was made, what the vendor itself filled in is left out too: only what a request carried counts.
    """
    sent = " ".join(str(one["body"]) for one in office.writes())
    found: dict[str, dict[str, Write]] = {}
    for ref, entries in office.changes().items():
        fresh = entries[len(before.get(ref, ())) :]
        for fields in fresh:
            for name, (old, new) in fields.items():
                if name in FOLLOWS or f"'{name}'" not in sent:
                    continue
                assert name not in found.setdefault(ref, {}), f"{ref} {name} was written twice"
                found[ref][name] = (plain(old), plain(new))
    return {ref: fields for ref, fields in found.items() if fields}


def people_and_work(office: Office) -> dict[str, str]:
    """A lead, one person on both sides written differently, a customer of the other side, deals; ids by nickname."""
    ids = {
        "lead": office.make("hubspot", "contacts", firstname="Ana", lastname="Baker", email="ana@example.com",
                            phone="(312) 555-0143", address="12 North Main Street", state="Illinois",
                            lifecyclestage="lead"),
        "zoe": office.make("hubspot", "contacts", firstname="Zoë", lastname="O'Brien", email="zoe@example.com",
                           phone="(312) 555-0199", address="123 North Main Street, Apt 4", state="Illinois",
                           city="Chicago", company="O'Brien LLC", lifecyclestage="lead"),
        "zoe there": office.make("jobnimbus", "contacts", display_name="Zoe O'Brien", first_name="Zoë",
                                 last_name="O'Brien", email="ZOE@example.com", home_phone="+1 312.555.0199",
                                 address_line1="123 N. Main St. Apt. 4", state_text="IL", zip="60601",
                                 company="Brien & Sons", record_type_name="Customer", status_name="Active"),
        "customer": office.make("jobnimbus", "contacts", display_name="Bob Field", first_name="Bob",
                                last_name="Field", email="bob@example.com", record_type_name="Customer",
                                status_name="Active"),
        "reader": office.make("hubspot", "contacts", firstname="Sue", lastname="Quiet", email="sue@example.com",
                              lifecyclestage="subscriber"),
        "stranger": office.make("hubspot", "contacts", firstname="Max", lastname="Other", email="max@example.com",
                                lifecyclestage="subscriber"),
        "deal": office.make("hubspot", "deals", dealname="Quiet roof", pipeline="default",
                            dealstage="qualifiedtobuy", amount="1200"),
        "unmapped": office.make("hubspot", "deals", dealname="Contract roof", pipeline="default",
                                dealstage="contractsent"),
    }  # fmt: skip
    office.vendors["hubspot"].act("associate", "deals", id=ids["deal"], to_kind="contacts", to_id=ids["reader"])
    office.settle()
    return ids


def test_mode_plan_sends_not_one_write(office: Office) -> None:
    """Plans, runs and edits meanwhile: neither request log holds a write, and no record has changed by the API."""
    ids = people_and_work(office)
    for _ in range(2):
        office.ask("plan")
        office.ask("once")
    office.edit("hubspot", "contacts", ids["lead"], city="Peoria")
    office.make("jobnimbus", "contacts", display_name="Late One", first_name="Late", email="late@example.com",
                record_type_name="Customer", status_name="Active")  # fmt: skip
    office.shown()
    office.ask("once")
    assert office.ask("plan")["creates"] == 5
    assert office.writes() == []
    assert office.changes() == {}
    assert office.ask("status")["planned"] > 0


def test_live_does_just_what_was_planned(office: Office) -> None:
    """First sync of both accounts: records made, fields filled and links are those of the plan, and no other."""
    ids = people_and_work(office)
    plan = office.ask("plan")
    shown = {(one["map"], one["action"], one["left"], one["right"]) for one in plan["operations"]}
    assert shown == {
        ("sales/contacts", "create", ids["lead"], None),
        ("sales/contacts", "link", ids["zoe"], ids["zoe there"]),
        ("sales/contacts", "create", None, ids["customer"]),
        ("sales/contacts", "create", ids["reader"], None),
        ("sales/deals-jobs", "create", ids["deal"], None),
    }
    assert (plan["creates"], plan["links"], plan["parked"], plan["conflicts"]) == (4, 1, 1, 1)
    (parked,) = office.ask("parked")
    assert parked["ref"] == f"hubspot:deals:{ids['unmapped']}"
    assert "'contractsent' has no counterpart" in parked["reason"]
    before = set(office.records())

    office.config('mode = "plan"', 'mode = "live"')
    office.ask("once")
    expected = planned(office, plan["operations"])
    assert done(office, {}) == expected
    made = {ref for ref in office.records() if ref not in before}
    assert made == {twin(office, one) for one in plan["operations"] if one["creates"]}
    assert office.ask("status")["links"] == {"sales/contacts": 4, "sales/deals-jobs": 1}
    assert [one["ref"] for one in office.ask("parked")] == [parked["ref"]]
    (conflict,) = office.ask("conflicts", "list")
    assert [conflict] == [{**conflict, **one} for op in plan["operations"] for one in op["conflicts"]]
    assert f"hubspot:contacts:{ids['stranger']}" not in office.changes()


def test_people_written_differently_are_linked_and_left_as_they_are(office: Office) -> None:
    """Another spelling of e-mail, phone, street and state is no difference; blanks are filled, the rest is asked."""
    ids = people_and_work(office)
    (link,) = [one for one in office.ask("plan")["operations"] if one["action"] == "link"]
    assert {(write["side"], write["field"], write["after"]) for write in link["writes"]} == {
        ("right", "city", "Chicago"), ("left", "zip", "60601"),
    }  # fmt: skip
    assert (link["left"], link["right"]) == (ids["zoe"], ids["zoe there"])
    assert [(one["rule"], one["left"], one["right"]) for one in link["conflicts"]] == [
        ("company", "O'Brien LLC", "Brien & Sons"),
    ]  # fmt: skip
    assert {write["reason"] for write in link["writes"]} == {"it was blank"}


def test_what_follows_a_creation_is_all_that_is_not_planned(office: Office) -> None:
    """Beside what was planned live writes only what the answer to a creation told: number, status, receipt."""
    ids = people_and_work(office)
    plan = office.ask("plan")
    office.config('mode = "plan"', 'mode = "live"')
    office.ask("once")
    (job,) = [row for ref, row in office.records().items() if ref.startswith("jobnimbus:jobs:")]
    follow = office.changes().pop(f"hubspot:deals:{ids['deal']}")
    assert {name: after for fields in follow for name, (_, after) in fields.items()} == {
        "job_number": job["number"], "job_status": job["status_name"], "sync_state": "linked",
    }  # fmt: skip
    assert f"hubspot:deals:{ids['deal']}" not in planned(office, plan["operations"])


def test_edits_of_linked_records_are_planned_and_done(office: Office) -> None:
    """Between linked records: edits on either side, a status that moves on, both sides of one field; then live."""
    ids = people_and_work(office)
    office.config('mode = "plan"', 'mode = "live"')
    office.ask("once")
    office.config('mode = "live"', 'mode = "plan"')
    job = next(row["jnid"] for ref, row in office.records().items() if ref.startswith("jobnimbus:jobs:"))
    # JobNimbus tells whole seconds: an edit in a later second than our own write is what this is about.
    time.sleep(1.1)
    office.edit("hubspot", "contacts", ids["lead"], phone="(312) 555-0777", city="Peoria")
    office.edit("jobnimbus", "contacts", ids["zoe there"], last_name="O'Brien-Li", zip="60602")
    office.edit("jobnimbus", "jobs", job, status_name="Sold")
    office.edit("hubspot", "deals", ids["deal"], dealname="Quiet roof, north")
    office.shown()
    office.begin()
    history = office.changes()
    plan = office.ask("plan")
    expected = planned(office, plan["operations"])
    assert {(ref.split(":")[0], name) for ref, fields in expected.items() for name in fields} == {
        ("jobnimbus", "home_phone"), ("jobnimbus", "city"), ("hubspot", "lastname"), ("hubspot", "zip"),
        ("hubspot", "dealstage"), ("hubspot", "job_status"), ("jobnimbus", "name"),
    }  # fmt: skip
    assert office.writes() == []
    office.config('mode = "plan"', 'mode = "live"')
    office.ask("once")
    receipts = {ref: dict(fields) for ref, fields in expected.items()}
    assert receipts[f"hubspot:deals:{ids['deal']}"].pop("job_status") == ("Lead", "Sold")
    assert done(office, history) == receipts
    assert office.ask("plan")["operations"] == []
