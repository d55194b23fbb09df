"""The HubSpot sandbox behind a real socket: single objects, what values they take, what reads show."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.hubspot_sandbox_desk import Desk, codes, desk


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- paths


@pytest.mark.parametrize("base", ["/crm/objects/2026-03", "/crm/objects/2026-09", "/crm/v3/objects"])
@pytest.mark.parametrize("kind", ["contacts", "0-1"])
def test_every_version_and_both_names_of_a_type_answer(hs: Desk, base: str, kind: str) -> None:
    """The same record is found under dated and numbered versions, by type name and type id."""
    made = hs.contact(email="ana@example.com")
    assert hs.get(f"{base}/{kind}/{made}")["id"] == made


def test_an_unknown_version_and_an_unknown_type_are_refused(hs: Desk) -> None:
    """A version that does not exist is a 404, a type that does not exist a 400."""
    assert hs.ask("GET", "/crm/objects/2019-01/contacts").status_code == 404
    assert hs.ask("GET", "unicorns").status_code == 400


# -- reads


def test_reads_show_default_properties_unless_asked(hs: Desk) -> None:
    """Without `properties` the vendor's default set comes back, ids as strings, times with milliseconds."""
    made = hs.contact(email="Ana@Example.com", phone="+1 205 555 0101")
    found = hs.get(f"contacts/{made}")
    wanted = {"createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"}
    assert set(found["properties"]) == wanted
    assert (found["id"], found["archived"]) == (made, False)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["createdAt"])


def test_empty_properties_read_null_and_undefined_ones_are_dropped(hs: Desk) -> None:
    """A defined but empty property is null, an undefined one is left out without a word."""
    made = hs.contact(email="ana@example.com")
    assert hs.values("contacts", made, "phone", "no_such")["phone"] is None
    assert "no_such" not in hs.values("contacts", made, "phone", "no_such")


def test_lists_page_by_id_and_hold_to_their_limits(hs: Desk) -> None:
    """Pages follow the id, `after` is the next id, and more than 100 (50 with history) is refused."""
    ids = [hs.contact(firstname=f"n{n}") for n in range(5)]
    first = hs.get("contacts", limit=2)
    after = first["paging"]["next"]["after"]
    assert after == ids[2]
    rest = hs.get("contacts", limit=100, after=after)
    assert [row["id"] for row in first["results"] + rest["results"]] == ids
    assert "paging" not in rest
    assert hs.ask("GET", "contacts", limit=101).status_code == 400
    assert hs.ask("GET", "contacts", limit=51, propertiesWithHistory="phone").status_code == 400


def test_history_tells_who_wrote_each_value(hs: Desk) -> None:
    """Newest first, an app's writes as INTEGRATION with its id, a person's as CRM_UI with the user."""
    made = hs.contact(email="ana@example.com", phone="205 555 0101")
    hs.sim.act("update", "contacts", id=made, fields={"phone": "1"}, as_="dana.reyes@example.com")
    newest, oldest = hs.get(f"contacts/{made}", propertiesWithHistory="phone")["propertiesWithHistory"]["phone"]
    assert (newest["value"], newest["sourceType"], newest["sourceId"]) == ("1", "CRM_UI", "userId:60200101")
    assert (oldest["sourceType"], oldest["sourceId"]) == ("INTEGRATION", "3141592")
    assert hs.values("contacts", made, "hs_object_source_id")["hs_object_source_id"] == "3141592"


# -- writes


def test_a_create_answers_201_and_wants_a_name_or_an_address(hs: Desk) -> None:
    """One of e-mail, first and last name must be there; a deal needs a name and a stage."""
    assert hs.ask("POST", "contacts", {"properties": {"lastname": "Ng"}}).status_code == 201
    assert codes(hs.ask("POST", "contacts", {"properties": {"phone": "1"}})) == ["REQUIRED_FIELD"]
    assert hs.ask("POST", "deals", {"properties": {"dealname": "Roof"}}).status_code == 400


@pytest.mark.parametrize(
    ("kind", "name", "value", "code"),
    [
        ("contacts", "no_such", "1", "PROPERTY_DOESNT_EXIST"),
        ("contacts", "email", "not an address", "INVALID_EMAIL"),
        ("contacts", "lifecyclestage", "Lead", "INVALID_OPTION"),
        ("contacts", "hs_object_id", "7", "READ_ONLY_VALUE"),
        ("contacts", "hubspot_owner_id", "60200101", "INVALID_OWNER_ID"),
        ("deals", "approved_total", "12,50", "INVALID_INTEGER"),
        ("deals", "roof_type", "asphalt shingle", "INVALID_OPTION"),
        ("deals", "dealstage", "171230001", "INVALID_OPTION"),
        ("deals", "date_of_loss", "1763700000001", "INVALID_DATE"),
        ("deals", "inspection_date", "soon", "INVALID_DATE"),
        ("deals", "dealname", "x" * 65_537, "VALUE_TOO_LONG"),
    ],
)
def test_a_bad_value_is_refused_with_its_code(hs: Desk, kind: str, name: str, value: str, code: str) -> None:
    """One bad property refuses the whole write, names itself and leaves the record as it was."""
    made = hs.contact(email="ana@example.com") if kind == "contacts" else hs.deal()
    answer = hs.write(kind, made, **{name: value, "hs_priority" if kind == "deals" else "city": "low"})
    assert answer.status_code == 400
    error = answer.json()["errors"][0]
    assert (error["code"], error["context"]["propertyName"]) == (code, [name])
    assert hs.values(kind, made, "city", "hs_priority").get("city") is None
    assert "correlationId" in answer.json()


@pytest.mark.parametrize(
    ("name", "sent", "stored"),
    [
        ("date_of_loss", "1763683200000", "2025-11-21"),
        ("date_of_loss", "2025-11-21", "2025-11-21"),
        ("inspection_date", "1763700000123", "2025-11-21T04:40:00.123Z"),
        ("inspection_date", "2025-11-21T04:40:00Z", "2025-11-21T04:40:00.000Z"),
        ("approved_total", 1250.5, "1250.5"),
        ("approved_total", "1250.50", "1250.50"),
        ("close_note", "  stray space ", "  stray space "),
    ],
)
def test_values_are_stored_as_text(hs: Desk, name: str, sent: Any, stored: str) -> None:
    """Dates, times and numbers come back as HubSpot writes them, texts with their white space."""
    made = hs.deal(**{name: sent})
    assert hs.values("deals", made, name)[name] == stored


def test_an_empty_text_clears_and_null_does_not(hs: Desk) -> None:
    """`""` blanks a property; JSON null is refused unless the switch says otherwise."""
    made = hs.contact(email="ana@example.com", city="Mobile")
    assert hs.write("contacts", made, city=None).status_code == 400
    assert hs.write("contacts", made, city="").status_code == 200
    assert hs.values("contacts", made, "city")["city"] is None


def test_a_leading_semicolon_appends_to_a_multiple_choice(hs: Desk) -> None:
    """`;c` adds to the chosen values, anything else replaces them."""
    choices = [{"label": each, "value": each} for each in "abc"]
    hs.property("contacts", "extras", type="enumeration", fieldType="checkbox", options=choices)
    made = hs.contact(email="ana@example.com", extras="a;b")
    hs.write("contacts", made, extras=";c")
    assert hs.values("contacts", made, "extras")["extras"] == "a;b;c"
    hs.write("contacts", made, extras="b")
    assert hs.values("contacts", made, "extras")["extras"] == "b"


def test_the_lifecycle_moves_forward_only(hs: Desk) -> None:
    """A step back is passed over without a word by API, works after clearing, and works for people."""
    made = hs.contact(email="ana@example.com", lifecyclestage="customer")
    assert hs.write("contacts", made, lifecyclestage="lead").status_code == 200
    assert hs.values("contacts", made, "lifecyclestage")["lifecyclestage"] == "customer"
    hs.write("contacts", made, lifecyclestage="")
    hs.write("contacts", made, lifecyclestage="lead")
    assert hs.values("contacts", made, "lifecyclestage")["lifecyclestage"] == "lead"
    hs.sim.act("update", "contacts", id=made, fields={"lifecyclestage": "subscriber"})
    assert hs.values("contacts", made, "lifecyclestage")["lifecyclestage"] == "subscriber"


def test_an_address_is_unique_in_any_case_and_as_a_second_address(hs: Desk) -> None:
    """A taken e-mail is a 409 naming the other id, second addresses included; company domains may repeat."""
    made = hs.contact(email="Ana@Example.com", hs_additional_emails="ana2@example.com")
    for email in ("ANA@example.com", "ana2@example.com"):
        answer = hs.ask("POST", "contacts", {"properties": {"email": email}})
        assert (answer.status_code, answer.json()["category"]) == (409, "CONFLICT")
        assert answer.json()["message"] == f"Contact already exists. Existing ID: {made}"
    assert hs.values("contacts", made, "email")["email"] == "ana@example.com"
    for _ in range(2):
        assert hs.ask("POST", "companies", {"properties": {"domain": "acme.example"}}).status_code == 201


@pytest.mark.parametrize("status", [400, 409])
def test_a_unique_property_refuses_a_second_record(status: int) -> None:
    """A custom unique property holds one living record per value, and finds it by `idProperty`."""
    with desk(unique_conflict_status=status) as hs:
        hs.property("contacts", "syncd_id", hasUniqueValue=True)
        made = hs.contact(email="ana@example.com", syncd_id="k1")
        answer = hs.ask("POST", "contacts", {"properties": {"lastname": "B", "syncd_id": "k1"}})
        assert answer.status_code == status
        assert f"{made} already has that value" in answer.text
        assert hs.get("contacts/k1", idProperty="syncd_id")["id"] == made
        assert hs.get("contacts/ana@example.com", idProperty="email")["id"] == made
        assert hs.ask("GET", "contacts/Ng", idProperty="lastname").status_code == 400


def test_a_stage_belongs_to_its_pipeline(hs: Desk) -> None:
    """Changing the pipeline needs a stage of the new one in the same write."""
    made = hs.deal()
    assert hs.write("deals", made, pipeline="88112233").status_code == 400
    assert hs.write("deals", made, pipeline="88112233", dealstage="171230002").status_code == 200


def test_a_closed_stage_sets_the_close_date(hs: Desk) -> None:
    """HubSpot adds a close date of its own when a deal is won, unless one came along."""
    made = hs.deal()
    hs.write("deals", made, dealstage="closedwon")
    assert hs.values("deals", made, "closedate")["closedate"] is not None
    other = hs.deal()
    hs.write("deals", other, dealstage="closedwon", closedate="2025-01-02")
    assert hs.values("deals", other, "closedate")["closedate"].startswith("2025-01-02")


@pytest.mark.parametrize(
    ("style", "told"), [("message", (True, False)), ("errors", (False, True)), ("both", (True, True))]
)
def test_details_of_a_refusal_stand_where_the_switch_says(style: str, told: tuple[bool, bool]) -> None:
    """The code is in the sentence's embedded JSON, in `errors`, or in both."""
    with desk(validation_errors=style) as hs:
        body = hs.ask("POST", "contacts", {"properties": {"email": "x"}}).json()
        assert ("INVALID_EMAIL" in body["message"], "errors" in body) == told


def test_2026_09_enforces_the_admins_rules(hs: Desk) -> None:
    """A property required on create or on a condition is refused on 2026-09 alone."""
    rules = [
        {"type": "deals", "require": ["close_note"]},
        {"type": "deals", "require": ["job_number"], "if": {"dealstage": "closedwon"}},
    ]
    hs.sim.settings(required_rules=rules)
    body = {"properties": {"dealname": "Roof", "dealstage": "qualifiedtobuy"}}
    assert hs.ask("POST", "deals", body).status_code == 201
    refused = hs.ask("POST", "/crm/objects/2026-09/deals", body)
    assert (refused.status_code, codes(refused)) == (400, ["REQUIRED_FIELD"])
    made = hs.deal()
    won = {"properties": {"dealstage": "closedwon"}}
    assert hs.ask("PATCH", f"/crm/objects/2026-09/deals/{made}", won).status_code == 400
    assert hs.ask("PATCH", f"/crm/objects/2026-09/deals/{made}", {"properties": {"dealname": "x"}}).status_code == 200


# -- modified times


def test_only_real_changes_move_the_modified_time(hs: Desk) -> None:
    """A changed value does; an equal value, an association, a calculated property and archiving do not."""
    made, deal = hs.contact(email="ana@example.com"), hs.deal()
    before = hs.get(f"contacts/{made}")["updatedAt"]
    hs.write("contacts", made, email="ana@example.com")
    hs.ask("PUT", f"contacts/{made}/associations/default/deals/{deal}")
    assert hs.get(f"contacts/{made}", properties="num_associated_deals")["updatedAt"] == before
    assert hs.values("contacts", made, "num_associated_deals")["num_associated_deals"] == "1"
    hs.sim.advance(1)
    hs.write("contacts", made, city="Mobile")
    moved = hs.get(f"contacts/{made}")["updatedAt"]
    assert moved > before
    hs.ask("DELETE", f"contacts/{made}")
    assert hs.get(f"contacts/{made}", archived="true")["updatedAt"] == moved


def test_post_processing_moves_the_modified_time_after_a_create() -> None:
    """Some hundred milliseconds after a create the record is bumped once more."""
    with desk(post_processing=True) as hs:
        hs.sim.clock(freeze=True)
        made = hs.contact(email="ana@example.com")
        first = hs.get(f"contacts/{made}")
        assert first["updatedAt"] == first["createdAt"]
        hs.sim.advance(1)
        assert hs.get(f"contacts/{made}")["updatedAt"] > first["updatedAt"]


def test_a_bulk_edit_stamps_one_millisecond(hs: Desk) -> None:
    """All rows of a bulk edit have the very same modified time."""
    for n in range(30):
        hs.contact(firstname=f"n{n}")
    hs.sim.act("bulk_update", "contacts", fields={"city": "Mobile"})
    assert len({row["updatedAt"] for row in hs.sim.records("contacts")}) == 1


# -- archive, restore, GDPR


def test_archived_records_leave_every_read_but_the_bin(hs: Desk) -> None:
    """A 204, again a 204; then only reads of archived records show it, and it can be restored."""
    made = hs.contact(email="ana@example.com")
    assert [hs.ask("DELETE", f"contacts/{made}").status_code for _ in range(2)] == [204, 204]
    assert hs.ask("GET", f"contacts/{made}").status_code == 404
    assert hs.get("contacts")["results"] == [] == hs.search("contacts")["results"]
    assert hs.get("contacts", archived="true")["results"][0]["archivedAt"].endswith("Z")
    hs.sim.act("restore", "contacts", id=made)
    assert hs.get(f"contacts/{made}")["archived"] is False
    assert hs.get("contacts", archived="true")["results"] == []


def test_the_recycle_bin_is_emptied_after_ninety_days(hs: Desk) -> None:
    """What was archived is gone for good then."""
    made = hs.contact(email="ana@example.com")
    hs.ask("DELETE", f"contacts/{made}")
    hs.sim.advance(89 * 86_400)
    assert hs.get(f"contacts/{made}", archived="true")["id"] == made
    hs.sim.advance(2 * 86_400)
    assert hs.ask("GET", f"contacts/{made}", archived="true").status_code == 404


def test_a_restored_record_must_not_take_an_address_back(hs: Desk) -> None:
    """While somebody else holds its e-mail, a record stays in the bin."""
    made = hs.contact(email="ana@example.com")
    hs.ask("DELETE", f"contacts/{made}")
    hs.contact(email="ana@example.com")
    with pytest.raises(Exception, match="holds a unique value"):
        hs.sim.act("restore", "contacts", id=made)


def test_gdpr_delete_forgets_a_person(hs: Desk) -> None:
    """Not in lists, not in the bin, not in searches, and the address is not taken again."""
    made = hs.contact(email="ana@example.com")
    assert (
        hs.ask("POST", "contacts/gdpr-delete", {"objectId": "ana@example.com", "idProperty": "email"}).status_code
        == 204
    )
    assert hs.ask("GET", f"contacts/{made}", archived="true").status_code == 404
    assert hs.get("contacts", archived="true")["results"] == hs.search("contacts")["results"] == []
    assert hs.ask("POST", "contacts", {"properties": {"email": "ana@example.com"}}).status_code == 400


# -- merges


def test_a_merge_makes_a_new_record_that_old_ids_lead_to(hs: Desk) -> None:
    """The primary's values win, blanks are filled, ties move, and GET or PATCH by an old id answers with the new id."""
    one = hs.contact(email="ana@example.com", city="Mobile")
    two = hs.contact(email="ana2@example.com", city="Selma", zip="36608")
    deal = hs.deal()
    hs.ask("PUT", f"contacts/{two}/associations/default/deals/{deal}")
    merged = hs.post("contacts/merge", {"primaryObjectId": one, "objectIdToMerge": two})["id"]
    assert merged not in {one, two}
    names = ("city", "zip", "hs_merged_object_ids", "hs_additional_emails")
    values = hs.values("contacts", merged, *names)
    assert [values[name] for name in names] == ["Mobile", "36608", f"{one};{two}", "ana2@example.com"]
    for old in (one, two):
        assert hs.get(f"contacts/{old}")["id"] == merged
    assert hs.write("contacts", two, zip="36609").json()["id"] == merged
    assert [row["id"] for row in hs.get("contacts")["results"]] == [merged]
    ties = hs.get(f"contacts/{merged}", associations="deals")["associations"]["deals"]["results"]
    assert ties == [{"id": deal, "type": "contact_to_deal"}]


def test_merges_are_chained_and_capped(hs: Desk) -> None:
    """An id merged twice leads to the end of the chain; 250 identities are the most."""
    first = at = hs.contact(firstname="n")
    for n in range(125):
        at = hs.sim.act("merge", "contacts", id=at, other=hs.contact(firstname=f"n{n}"))["id"]
    assert hs.get(f"contacts/{first}")["id"] == at
    other = hs.contact(firstname="one more")
    answer = hs.ask("POST", "contacts/merge", {"primaryObjectId": at, "objectIdToMerge": other})
    assert answer.status_code == 414
