"""The HubSpot sandbox behind a real socket: batches of up to 100 objects, and associations."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.hubspot_sandbox_desk import Desk, desk

TIES = "/crm/associations/2026-03"


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


def _contact(email: str, trace: str | None = None, **more: Any) -> dict[str, Any]:
    return {"properties": {"email": email, **more}, **({"objectWriteTraceId": trace} if trace else {})}


def _update(id: str, trace: str | None = None, **properties: Any) -> dict[str, Any]:
    return {"id": id, "properties": properties, **({"objectWriteTraceId": trace} if trace else {})}


# -- reading


def test_a_batch_read_names_missing_ids_in_one_error(hs: Desk) -> None:
    """Found records and one OBJECT_NOT_FOUND entry with all other ids, as a 207; archived ones are among them."""
    one, two = hs.contact(email="a@example.com"), hs.contact(email="b@example.com")
    hs.ask("DELETE", f"contacts/{two}")
    inputs = [{"id": id} for id in (one, two, "999")]
    answer = hs.batch("contacts", "read", inputs, properties=["email"])
    body = answer.json()
    assert (answer.status_code, body["status"], body["numErrors"]) == (207, "COMPLETE", 1)
    assert [row["properties"]["email"] for row in body["results"]] == ["a@example.com"]
    assert body["errors"][0]["category"] == "OBJECT_NOT_FOUND"
    assert body["errors"][0]["context"]["ids"] == [two, "999"]
    archived = hs.ask("POST", "contacts/batch/read", {"inputs": [{"id": two}]}, archived="true").json()
    assert [row["archived"] for row in archived["results"]] == [True]


def test_a_batch_read_finds_by_unique_property_living_or_archived(hs: Desk) -> None:
    """`idProperty` reads the primary store, so a record is found the moment it is made."""
    hs.property("contacts", "syncd_id", hasUniqueValue=True)
    made = hs.contact(email="a@example.com", syncd_id="k1")
    read = {"inputs": [{"id": "k1"}, {"id": "k2"}], "idProperty": "syncd_id"}
    body = hs.post("contacts/batch/read", read)
    assert [row["id"] for row in body["results"]] == [made]
    assert body["errors"][0]["context"]["ids"] == ["k2"]
    hs.ask("DELETE", f"contacts/{made}")
    assert hs.post("contacts/batch/read", read)["results"] == []
    assert [row["id"] for row in hs.post("contacts/batch/read", read, archived="true")["results"]] == [made]


@pytest.mark.parametrize("verb", ["read", "create", "update", "upsert", "archive"])
def test_a_hundred_inputs_are_the_most(hs: Desk, verb: str) -> None:
    """101 inputs are a 400, whatever the batch."""
    inputs = [{"id": str(n), "properties": {"firstname": "x"}} for n in range(101)]
    assert hs.batch("contacts", verb, inputs).status_code == 400


def test_history_halves_a_batch_read(hs: Desk) -> None:
    """With `propertiesWithHistory` 50 inputs are the most."""
    inputs = [{"id": str(n)} for n in range(51)]
    assert hs.batch("contacts", "read", inputs, propertiesWithHistory=["phone"]).status_code == 400


# -- creating


def test_a_batch_create_without_trace_ids_is_all_or_nothing(hs: Desk) -> None:
    """One bad or taken input refuses the whole batch, and nothing is made."""
    hs.contact(email="a@example.com")
    taken = hs.batch("contacts", "create", [_contact("b@example.com"), _contact("a@example.com")])
    assert taken.status_code == 409
    twice = hs.batch("contacts", "create", [_contact("c@example.com"), _contact("c@example.com")])
    assert twice.status_code == 400
    bad = hs.batch("contacts", "create", [_contact("c@example.com"), _contact("nobody")])
    assert bad.status_code == 400
    assert len(hs.sim.records("contacts")) == 1
    good = hs.batch("contacts", "create", [_contact("b@example.com"), _contact("c@example.com")])
    assert (good.status_code, len(good.json()["results"])) == (201, 2)


def test_a_batch_create_with_trace_ids_is_partial(hs: Desk) -> None:
    """With a trace id of its own every input stands alone, and results and errors name it."""
    hs.contact(email="a@example.com")
    inputs = [_contact("a@example.com", "t1"), _contact("b@example.com", "t2"), _contact("nobody", "t3")]
    answer = hs.batch("contacts", "create", inputs)
    body = answer.json()
    assert answer.status_code == 207
    assert [row["objectWriteTraceId"] for row in body["results"]] == ["t2"]
    blamed = {error["context"]["objectWriteTraceId"][0]: error["category"] for error in body["errors"]}
    assert blamed == {"t1": "CONFLICT", "t3": "VALIDATION_ERROR"}
    assert "Existing ID" in body["errors"][0]["message"]


def test_a_create_carries_inline_associations(hs: Desk) -> None:
    """A deal is made and tied in one request; a type that does not fit is refused and makes nothing."""
    made = hs.contact(email="a@example.com")
    spec = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
    deal: dict[str, Any] = {"properties": {"dealname": "Roof", "dealstage": "qualifiedtobuy"}}
    tie = {"to": {"id": made}, "types": [spec]}
    done = hs.batch("deals", "create", [{**deal, "associations": [tie]}])
    assert done.status_code == 201
    assert (
        hs.get(f"contacts/{made}", associations="deals")["associations"]["deals"]["results"][0]["id"]
        == (done.json()["results"][0]["id"])
    )
    wrong = {**tie, "types": [{**spec, "associationTypeId": 4}]}
    assert hs.ask("POST", "deals", {**deal, "associations": [wrong]}).status_code == 400
    assert len(hs.sim.records("deals")) == 1


# -- updating


def test_a_batch_update_is_partial_with_trace_ids(hs: Desk) -> None:
    """A refused input is named by its trace id, a missing one by its id; the others are written."""
    one, two = hs.contact(email="a@example.com"), hs.contact(email="b@example.com")
    inputs = [_update(one, "t1", city="Mobile"), _update(two, "t2", email="x"), _update("999", "t3", city="x")]
    body = hs.batch("contacts", "update", inputs).json()
    assert [row["id"] for row in body["results"]] == [one]
    contexts = [error["context"] for error in body["errors"]]
    assert {"ids": ["999"]} in contexts
    assert {"objectWriteTraceId": ["t2"]} in contexts


def test_a_batch_update_without_trace_ids_is_refused_whole(hs: Desk) -> None:
    """One bad value is a 400 and nothing is written; the same id twice is a 400 too."""
    one, two = hs.contact(email="a@example.com"), hs.contact(email="b@example.com")
    assert hs.batch("contacts", "update", [_update(one, city="Mobile"), _update(two, email="x")]).status_code == 400
    assert hs.values("contacts", one, "city")["city"] is None
    assert hs.batch("contacts", "update", [_update(one, city="a"), _update(one, city="b")]).status_code == 400


def test_a_batch_update_passes_over_merged_ids(hs: Desk) -> None:
    """An id merged away is in neither results nor errors, and nothing is written to the merged record."""
    one, two = hs.contact(email="a@example.com"), hs.contact(email="b@example.com")
    merged = hs.sim.act("merge", "contacts", id=one, other=two)["id"]
    body = hs.batch("contacts", "update", [_update(one, "t1", city="Mobile")]).json()
    assert (body["results"], body.get("errors", [])) == ([], [])
    assert hs.values("contacts", merged, "city")["city"] is None
    hs.sim.settings(merged_in_batch_update="error")
    assert hs.batch("contacts", "update", [_update(one, "t1", city="Mobile")]).json()["numErrors"] == 1


def test_an_upsert_tells_new_from_old(hs: Desk) -> None:
    """By a unique property, results say `new`; by e-mail one bad input fails all."""
    hs.property("contacts", "syncd_id", hasUniqueValue=True)
    made = hs.contact(email="a@example.com", syncd_id="k1")
    inputs = [
        {"id": key, "idProperty": "syncd_id", "properties": {"lastname": "Ng"}, "objectWriteTraceId": key}
        for key in ("k1", "k2")
    ]
    results = hs.batch("contacts", "upsert", inputs).json()["results"]
    assert [(row["id"] == made, row["new"]) for row in results] == [(True, False), (False, True)]
    mixed = [
        {"id": id, "idProperty": "email", "properties": {"city": city}, "objectWriteTraceId": id}
        for id, city in (("a@example.com", "Mobile"), ("nobody", "Selma"))
    ]
    assert hs.batch("contacts", "upsert", mixed).status_code == 400
    assert hs.values("contacts", made, "city")["city"] is None


def test_a_batch_archive_is_a_204(hs: Desk) -> None:
    """Known ids go to the bin, unknown ones are passed over."""
    made = hs.contact(email="a@example.com")
    assert hs.batch("contacts", "archive", [{"id": made}, {"id": "999"}]).status_code == 204
    assert hs.get("contacts")["results"] == []


# -- associations


def test_one_association_is_made_listed_and_removed(hs: Desk) -> None:
    """PUT the default, read it from both ends with direction-specific type ids and number ids, DELETE it."""
    made, deal = hs.contact(email="a@example.com"), hs.deal()
    assert hs.ask("PUT", f"deals/{deal}/associations/default/contacts/{made}").status_code == 200
    assert hs.get(f"deals/{deal}/associations/contacts")["results"] == [
        {"toObjectId": int(made), "associationTypes": [{"category": "HUBSPOT_DEFINED", "typeId": 3, "label": None}]}
    ]
    there = hs.get(f"contacts/{made}/associations/0-3")["results"]
    assert there[0]["associationTypes"][0]["typeId"] == 4
    assert hs.ask("DELETE", f"contacts/{made}/associations/deals/{deal}").status_code == 204
    assert hs.get(f"deals/{deal}/associations/contacts")["results"] == []


def test_a_primary_label_has_an_unlabelled_twin_and_moves(hs: Desk) -> None:
    """Setting a primary company keeps the unlabelled type, and takes the rank from the one before."""
    made = hs.contact(email="a@example.com")
    companies = [hs.post("companies", {"properties": {"name": name}})["id"] for name in "ab"]
    primary = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    for company in companies:
        assert hs.ask("PUT", f"contacts/{made}/associations/companies/{company}", primary).status_code == 201
    assert _types(hs, made) == [[279], [1, 279]]


def test_labels_are_removed_alone_or_with_everything(hs: Desk) -> None:
    """Removing the primary label leaves the unlabelled twin; removing the unlabelled type leaves nothing."""
    made, company = hs.contact(email="a@example.com"), hs.post("companies", {"properties": {"name": "a"}})["id"]
    spec = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 1}]
    hs.ask("PUT", f"contacts/{made}/associations/companies/{company}", spec)
    path, ends = f"{TIES}/contacts/companies/batch/labels/archive", {"from": {"id": made}, "to": {"id": company}}
    assert hs.ask("POST", path, {"inputs": [{**ends, "types": spec}]}).status_code == 204
    assert _types(hs, made) == [[279]]
    plain = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 279}]
    assert hs.ask("POST", path, {"inputs": [{**ends, "types": plain}]}).status_code == 204
    assert _types(hs, made) == []


def _types(hs: Desk, contact: str) -> list[list[int]]:
    rows = hs.get(f"contacts/{contact}/associations/companies")["results"]
    return [[each["typeId"] for each in row["associationTypes"]] for row in rows]


@pytest.mark.parametrize("base", [TIES, "/crm/v4/associations"])
def test_association_batches(hs: Desk, base: str) -> None:
    """Batches create, read with 1,000 inputs at most, and remove; ids without any are missing from a read."""
    one, two = hs.contact(email="a@example.com"), hs.contact(email="b@example.com")
    deals = [hs.deal() for _ in range(3)]
    pairs = [{"from": {"id": deal}, "to": {"id": one}} for deal in deals[:2]]
    assert hs.ask("POST", f"{base}/deals/contacts/batch/associate/default", {"inputs": pairs}).status_code == 200
    typed = {"from": {"id": deals[0]}, "to": {"id": two}, "types": [{"associationTypeId": 3}]}
    assert hs.ask("POST", f"{base}/deals/contacts/batch/create", {"inputs": [typed]}).status_code == 201
    read = hs.post(f"{base}/deals/contacts/batch/read", {"inputs": [{"id": deal} for deal in deals]})
    found = {row["from"]["id"]: [each["toObjectId"] for each in row["to"]] for row in read["results"]}
    assert found == {deals[0]: [int(one), int(two)], deals[1]: [int(one)]}
    gone = {"inputs": [{"from": {"id": deals[0]}, "to": [{"id": one}, {"id": two}]}]}
    assert hs.ask("POST", f"{base}/deals/contacts/batch/archive", gone).status_code == 204
    assert hs.get(f"deals/{deals[0]}/associations/contacts")["results"] == []
    many = {"inputs": [{"id": "1"}] * 1_001}
    assert hs.ask("POST", f"{base}/deals/contacts/batch/read", many).status_code == 400


def test_ids_without_associations_may_be_an_error() -> None:
    """By switch a batch read tells NO_ASSOCIATIONS_FOUND instead of silence."""
    with desk(no_associations="error") as hs:
        deal = hs.deal()
        answer = hs.ask("POST", f"{TIES}/deals/contacts/batch/read", {"inputs": [{"id": deal}]})
        assert answer.status_code == 207
        assert answer.json()["errors"][0]["subCategory"].endswith("NO_ASSOCIATIONS_FOUND")


def test_long_association_lists_are_paged() -> None:
    """Inline, single and batch reads stop at their page and say how to go on."""
    with desk(association_page=2, inline_association_page=2) as hs:
        made = hs.contact(email="a@example.com")
        deals = [hs.deal() for _ in range(3)]
        for deal in deals:
            hs.ask("PUT", f"deals/{deal}/associations/default/contacts/{made}")
        inline = hs.get(f"contacts/{made}", associations="deals")["associations"]["deals"]
        first = hs.get(f"contacts/{made}/associations/deals")
        batch = hs.post(f"{TIES}/contacts/deals/batch/read", {"inputs": [{"id": made}]})["results"][0]
        assert {page["paging"]["next"]["after"] for page in (inline, first, batch)} == {deals[2]}
        more = {"inputs": [{"id": made, "after": deals[2]}]}
        rest = hs.post(f"{TIES}/contacts/deals/batch/read", more)["results"][0]
        assert [each["toObjectId"] for each in rest["to"]] == [int(deals[2])]


def test_the_portal_makes_companies_by_domain() -> None:
    """With that setting on, a contact's business address makes and ties a company some seconds later."""
    with desk(auto_company=5) as hs:
        made = hs.contact(email="ana@acme.example")
        hs.contact(email="bo@gmail.com")
        assert hs.get("companies")["results"] == []
        hs.sim.advance(6)
        company = hs.get("companies")["results"][0]
        assert company["properties"]["domain"] == "acme.example"
        tied = hs.get(f"contacts/{made}/associations/companies")["results"]
        assert [each["toObjectId"] for each in tied] == [int(company["id"])]
        assert len(hs.get("companies")["results"]) == 1
