"""The HubSpot sandbox's switches: each changes what it says, and none is a dead letter."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import syncd_hubspot.sandbox as package
from syncd.kit import sender
from syncd_hubspot.sandbox.switches import SWITCHES
from tests.connectors.hubspot_sandbox_desk import Desk, desk


def test_every_switch_is_read_somewhere() -> None:
    """A switch that no code asks for would promise what it does not keep."""
    folder = Path(str(package.__file__)).parent
    files = [path for path in folder.glob("*.py") if path.name != "switches.py"]
    text = "\n".join(path.read_text() for path in (*files, Path(str(sender.__file__))))
    used = set(re.findall(r"ettings\[\"(\w+)\"\]", text))
    assert set(SWITCHES) - used - {"rate", "search_rate"} == set()
    assert used <= set(SWITCHES)


@pytest.mark.parametrize("bumps", [True, False])
def test_restoring_moves_the_modified_time_by_switch(bumps: bool) -> None:
    """What nobody knows of HubSpot can be played both ways."""
    with desk(restore_bumps=bumps) as hs:
        made = hs.contact(lastname="Ng")
        before = hs.get(f"contacts/{made}")["updatedAt"]
        hs.sim.advance(5)
        hs.ask("DELETE", f"contacts/{made}")
        hs.sim.act("restore", "contacts", id=made)
        assert (hs.get(f"contacts/{made}")["updatedAt"] > before) == bumps


@pytest.mark.parametrize("bumps", [True, False])
def test_an_equal_value_moves_the_modified_time_by_switch(bumps: bool) -> None:
    """A write that changes nothing leaves no history either way."""
    with desk(same_value_bumps=bumps) as hs:
        made = hs.contact(lastname="Ng")
        before = hs.get(f"contacts/{made}")["updatedAt"]
        hs.sim.advance(5)
        hs.write("contacts", made, lastname="Ng")
        found = hs.get(f"contacts/{made}", propertiesWithHistory="lastname")
        assert (found["updatedAt"] > before) == bumps
        assert len(found["propertiesWithHistory"]["lastname"]) == 1


@pytest.mark.parametrize(("way", "is_first"), [("oldest", True), ("primary", False), ("now", False)])
def test_a_merged_record_was_created_when_the_switch_says(way: str, is_first: bool) -> None:
    """With the younger one as primary: the older one's date, the primary's, or now."""
    with desk(merged_createdate=way) as hs:
        old = hs.contact(lastname="Ng")
        hs.sim.advance(60)
        young = hs.contact(lastname="Ngo")
        dates = [hs.get(f"contacts/{each}")["createdAt"] for each in (old, young)]
        hs.sim.advance(60)
        merged = hs.sim.act("merge", "contacts", id=young, other=old)["id"]
        found = hs.get(f"contacts/{merged}")
        assert found["createdAt"] == found["properties"]["createdate"]
        assert (found["createdAt"] == dates[0]) == is_first
        assert (found["createdAt"] > dates[1]) == (way == "now")


@pytest.mark.parametrize(("way", "found"), [("resolved", 1), ("missing", 0)])
def test_a_batch_read_resolves_merged_ids_by_switch(way: str, found: int) -> None:
    """An old id leads to the new record, or is told as missing."""
    with desk(merged_in_batch_read=way) as hs:
        one, two = hs.contact(lastname="Ng"), hs.contact(lastname="Ngo")
        hs.sim.act("merge", "contacts", id=one, other=two)
        body = hs.batch("contacts", "read", [{"id": one}]).json()
        assert (len(body["results"]), body.get("numErrors", 0)) == (found, 1 - found)


@pytest.mark.parametrize(
    ("way", "city", "status"), [("refused", "a", 400), ("ignored", "a", 200), ("cleared", None, 200)]
)
def test_null_is_taken_as_the_switch_says(way: str, city: str | None, status: int) -> None:
    """JSON null as a property value is refused, passed over, or clears."""
    with desk(null_write=way) as hs:
        made = hs.contact(lastname="Ng", city="a")
        assert hs.write("contacts", made, city=None).status_code == status
        assert hs.values("contacts", made, "city")["city"] == city


def test_batch_results_may_come_in_any_order() -> None:
    """Shuffled results are the same records, only not in the order of the inputs."""
    with desk(batch_order="shuffled") as hs:
        ids = [hs.contact(lastname=f"n{n}") for n in range(20)]
        found = [row["id"] for row in hs.batch("contacts", "read", [{"id": each} for each in ids]).json()["results"]]
        assert found != ids
        assert sorted(found) == sorted(ids)


def test_an_update_batch_may_always_be_partial() -> None:
    """By switch one bad input fails alone, named by its id, even without trace ids."""
    with desk(batch_update_partial="always") as hs:
        one, two = hs.contact(lastname="Ng"), hs.contact(lastname="Ngo")
        inputs = [{"id": one, "properties": {"email": "x"}}, {"id": two, "properties": {"city": "Mobile"}}]
        body = hs.batch("contacts", "update", inputs).json()
        assert [row["id"] for row in body["results"]] == [two]
        assert body["errors"][0]["context"] == {"ids": [one]}


def test_negative_operators_may_find_blanks() -> None:
    """NEQ finds records without a value, by switch."""
    with desk(neq_finds_blank=True) as hs:
        made = hs.contact(lastname="Ng")
        assert hs.hits("contacts", {"propertyName": "city", "operator": "NEQ", "value": "x"}) == [made]


@pytest.mark.parametrize(
    ("switch", "body", "status"),
    [
        ({"email_blocklist": False}, {"email": "ana@example.com"}, 201),
        ({"email_blocklist": True}, {"email": "ana@example.com"}, 400),
    ],
)
def test_a_forgotten_address_is_blocked_by_switch(switch: dict[str, Any], body: dict[str, str], status: int) -> None:
    """After a GDPR delete the address may or may not come back."""
    with desk(**switch) as hs:
        hs.sim.act("gdpr_delete", id=hs.contact(email="ana@example.com"))
        assert hs.ask("POST", "contacts", {"properties": body}).status_code == status


def test_a_merge_keeps_one_primary_company() -> None:
    """The secondary's primary label is dropped where the primary has one, and kept where it has none."""
    with desk() as hs:
        spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
        companies = [hs.post("companies", {"properties": {"name": name}})["id"] for name in "ab"]
        people = [hs.contact(lastname=name) for name in "abc"]
        for person, company in zip(people, companies, strict=False):
            hs.ask("PUT", f"contacts/{person}/associations/companies/{company}", spec)
        merged = hs.sim.act("merge", "contacts", id=people[0], other=people[1])["id"]
        assert _labels(hs, merged) == {companies[0]: [1, 279], companies[1]: [279]}
        again = hs.sim.act("merge", "contacts", id=people[2], other=merged)["id"]
        assert _labels(hs, again) == {companies[0]: [1, 279], companies[1]: [279]}


def _labels(hs: Desk, contact: str) -> dict[str, list[int]]:
    rows = hs.get(f"contacts/{contact}/associations/companies")["results"]
    return {str(row["toObjectId"]): [each["typeId"] for each in row["associationTypes"]] for row in rows}


@pytest.mark.parametrize(("read", "batch"), [(404, "missing"), (403, "omitted")])
def test_hidden_records_are_in_no_answer(read: int, batch: str) -> None:
    """Lists, searches with their total, reads by id and in batches, updates; people see them as before."""
    with desk(hidden_read=read, hidden_in_batch=batch, index_lag={"kind": "none"}) as hs:
        kept, lost = hs.contact(lastname="Ng"), hs.contact(lastname="Ngo")
        assert hs.sim.act("hide", "contacts", share=0.5)["ids"] == [lost]
        assert [row["id"] for row in hs.get("contacts")["results"]] == [kept]
        found = hs.post("contacts/search", {"filterGroups": [], "limit": 10})
        assert (found["total"], [row["id"] for row in found["results"]]) == (1, [kept])
        assert hs.ask("GET", f"contacts/{lost}").status_code == read
        answer = hs.ask("POST", "contacts/batch/read", {"inputs": [{"id": kept}, {"id": lost}], "properties": []})
        assert (answer.status_code, len(answer.json()["results"])) == (207 if batch == "missing" else 200, 1)
        assert hs.write("contacts", lost, lastname="X").status_code == read
        assert len(hs.sim.records("contacts")) == 2
        hs.sim.act("show", "contacts")
        assert hs.get(f"contacts/{lost}")["id"] == lost


def test_lists_and_searches_answer_with_nothing() -> None:
    """An empty list and 200, while a read by id goes on."""
    with desk(empty=["lists", "searches"], index_lag={"kind": "none"}) as hs:
        made = hs.contact(lastname="Ng")
        assert hs.get("contacts") == {"results": []}
        assert hs.post("contacts/search", {"filterGroups": []}) == {"total": 0, "results": []}
        assert hs.get(f"contacts/{made}")["id"] == made


@pytest.mark.parametrize(("way", "described"), [("shown", True), ("untold", True), ("gone", False)])
def test_custom_properties_are_told_by_switch(way: str, described: bool) -> None:
    """In answers and in the schema, in the schema only, or nowhere; standard ones always."""
    with desk() as hs:
        made = hs.contact(lastname="Ng", lead_source="Referral")
        hs.sim.settings(custom_properties=way)
        found = hs.get(f"contacts/{made}", properties="lastname,lead_source")["properties"]
        assert found["lastname"] == "Ng"
        assert ("lead_source" in found) == (way == "shown")
        names = [one["name"] for one in hs.get("/crm/properties/2026-03/contacts")["results"]]
        assert ("lead_source" in names) == described
        assert hs.ask("GET", "/crm/properties/2026-03/contacts/lead_source").status_code == (200 if described else 404)
