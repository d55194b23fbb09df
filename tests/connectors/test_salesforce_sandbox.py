"""The Salesforce sandbox behind a real socket: ids, single records, what values they take, what describe tells."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from syncd_salesforce.sandbox import ids
from tests.connectors.salesforce_sandbox_desk import BASE, Desk, code, desk


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- ids


@pytest.mark.parametrize(
    "whole",
    ["001D000000IRFmaIAH", "001D000000IqhSLIAZ", "a0R3000000A5gWGEAZ", "001xx000003DGb2AAG", "012000000000000AAA"],
)
def test_the_suffix_of_an_id_is_the_one_that_salesforce_gives(whole: str) -> None:
    """Ids from Salesforce's own pages keep their suffix, and the suffix gives a lost case back."""
    assert ids.full(whole[:15]) == whole
    assert ids.full(whole.upper()) == whole


def test_a_record_answers_to_15_and_to_18_characters(sf: Desk) -> None:
    """The answer always has 18 and the prefix of its object."""
    made = sf.make("Lead")
    assert re.fullmatch(r"00Q\w{15}", made)
    assert sf.read("Lead", made[:15], "Name")["Id"] == made
    assert code(sf.ask("GET", "sobjects/Lead/nonsense")) == (404, "NOT_FOUND")


# -- single records


def test_a_record_lives_through_create_change_and_delete(sf: Desk) -> None:
    """201 with the id, 204 without a body, and after a delete 404 ENTITY_IS_DELETED."""
    made = sf.ask("POST", "sobjects/lead", {"lastname": "Ng", "Company": "Ng Household"})
    assert (made.status_code, made.json()["success"], made.json()["errors"]) == (201, True, [])
    id = made.json()["id"]
    assert made.headers["location"] == f"{BASE}/sobjects/Lead/{id}"
    changed = sf.write("Lead", id, Phone="205 555 0101")
    assert (changed.status_code, changed.content) == (204, b"")
    assert sf.read("Lead", id, "phone")["Phone"] == "205 555 0101"
    assert sf.ask("DELETE", f"sobjects/Lead/{id}").status_code == 204
    assert code(sf.ask("GET", f"sobjects/Lead/{id}")) == (404, "ENTITY_IS_DELETED")
    assert code(sf.write("Lead", id, Phone="1")) == (404, "ENTITY_IS_DELETED")
    assert code(sf.ask("GET", "sobjects/Lead/00QSb00000000001AA")) == (404, "NOT_FOUND")


def test_attributes_come_first_and_times_have_whole_seconds(sf: Desk) -> None:
    """Every record begins with its type and address; a moment is `+0000` with `.000`."""
    made = sf.read("Lead", sf.make("Lead"))
    assert next(iter(made)) == "attributes"
    assert made["attributes"] == {"type": "Lead", "url": f"{BASE}/sobjects/Lead/{made['Id']}"}
    for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000\+0000", made[name])
    assert made["CreatedDate"] == made["SystemModstamp"]


def test_texts_lose_their_outer_blanks_and_empty_is_null(sf: Desk) -> None:
    """An empty text is never read back."""
    made = sf.make("Lead", FirstName="  Ana ", Title="", City="   ")
    assert [sf.read("Lead", made)[name] for name in ("FirstName", "Title", "City", "Name")] == [
        "Ana",
        None,
        None,
        "Ana Ng",
    ]


@pytest.mark.parametrize(
    ("field", "given", "kept"),
    [
        ("Inspection__c", "2026-11-21T10:00:00Z", "2026-11-21T10:00:00.000+0000"),
        ("Inspection__c", "2026-11-21T10:00:59.999+02:00", "2026-11-21T08:00:59.000+0000"),
        ("Date_of_Loss__c", "2026-11-21", "2026-11-21"),
        ("Arrival__c", "09:30:00Z", "09:30:00.000Z"),
        ("Roof_Squares__c", 5, 5.0),
        ("Roof_Squares__c", 12.25, 12.3),
        ("Roof_Squares__c", "7.5", 7.5),
        ("NumberOfEmployees", 4, 4),
        ("Damage__c", "Leak;Hail", "Hail;Leak"),
        ("Status", "Invented By Us", "Invented By Us"),
        ("HasOptedOutOfEmail", True, True),
    ],
)
def test_values_are_kept_in_the_form_of_their_type(sf: Desk, field: str, given: Any, kept: Any) -> None:
    """Seconds, rounded numbers, parts of a multiple choice in their order, and any text in an unrestricted list."""
    read = sf.read("Lead", sf.make("Lead", **{field: given}), field)[field]
    assert (read, type(read)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"LastName": None}, "REQUIRED_FIELD_MISSING"),
        ({"LastName": "x" * 81}, "STRING_TOO_LONG"),
        ({"Email": "ana at example"}, "INVALID_EMAIL_ADDRESS"),
        ({"Roof_Type__c": "Straw"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Roof_Type__c": "metal"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Roof_Squares__c": 10**8}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Roof_Squares__c": "many"}, "JSON_PARSER_ERROR"),
        ({"Date_of_Loss__c": "2026-02-30"}, "JSON_PARSER_ERROR"),
        ({"HasOptedOutOfEmail": None}, "JSON_PARSER_ERROR"),
        ({"Nonsense__c": 1}, "INVALID_FIELD"),
        ({"SystemModstamp": "2026-11-21T10:00:00Z"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Address": {"city": "Mobile"}}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"Name": "Ana Ng"}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"IsConverted": True}, "INVALID_FIELD_FOR_INSERT_UPDATE"),
        ({"OwnerId": "003Sb0000000001AAA"}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"OwnerId": "005Sb0000000001"}, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"),
        ({"OwnerId": "nobody"}, "MALFORMED_ID"),
        ({"Id": "00QSb0000000001"}, "INVALID_FIELD"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(sf: Desk, fields: dict[str, Any], wanted: str) -> None:
    """A 400 with Salesforce's code, and the fields at fault where it names any."""
    answer = sf.ask("POST", "sobjects/Lead", {"LastName": "Ng", "Company": "Ng", **fields})
    assert code(answer) == (400, wanted)
    assert set(answer.json()[0].get("fields", [])) <= set(fields)
    assert sf.ids("SELECT Id FROM Lead") == []


def test_sentences_are_those_that_clients_parse() -> None:
    """The long text names its field's label and length, the taken key the other record's id."""
    with desk() as sf:
        long = sf.ask("POST", "sobjects/Lead", {"LastName": "x" * 81, "Company": "c"}).json()[0]
        assert long["message"].startswith("Last Name: data value too large: xxx")
        assert long["message"].endswith("(max length=80)")
        first = sf.make("Lead", JobNimbus_Id__c="jn-1")
        taken = sf.ask("POST", "sobjects/Lead", {"LastName": "Ng", "Company": "c", "JobNimbus_Id__c": "JN-1"})
        assert code(taken) == (400, "DUPLICATE_VALUE")
        told = f"duplicate value found: JobNimbus_Id__c duplicates value on record with id: {first[:15]}"
        assert taken.json()[0]["message"] == told


def test_a_key_that_heeds_case_lets_both_in(sf: Desk) -> None:
    """Whether `a` and `A` are one key is the field's own setting."""
    sf.sim.act("field_create", "Lead", definition={"name": "Code__c", "unique": True, "externalId": True,
                                                   "caseSensitive": True})  # fmt: skip
    assert sf.make("Lead", Code__c="a") != sf.make("Lead", Code__c="A")
    assert (
        code(sf.ask("POST", "sobjects/Lead", {"LastName": "x", "Company": "c", "Code__c": "a"}))[1] == "DUPLICATE_VALUE"
    )


def test_an_address_is_read_whole_and_written_in_parts(sf: Desk) -> None:
    """The compound is an object, or null when all its parts are."""
    made = sf.make("Contact", MailingStreet="1 Main St", MailingCity="Mobile")
    address = sf.read("Contact", made, "MailingAddress")["MailingAddress"]
    assert (address["street"], address["city"], address["state"]) == ("1 Main St", "Mobile", None)
    assert sf.read("Contact", made, "OtherAddress")["OtherAddress"] is None


def test_an_org_with_state_lists_takes_no_other_states() -> None:
    """Text and code go together, a state needs its country, and what is no state is refused."""
    with desk(state_picklists=True) as sf:
        fields = {each["name"] for each in sf.get("sobjects/Contact/describe")["fields"]}
        assert {"MailingState", "MailingStateCode", "MailingCountryCode"} <= fields
        made = sf.make("Contact", MailingState="alabama", MailingCountry="United States")
        names = ("MailingState", "MailingStateCode", "MailingCountryCode")
        assert [sf.read("Contact", made)[name] for name in names] == ["Alabama", "AL", "US"]
        sf.write("Contact", made, MailingStateCode="TX")
        assert sf.read("Contact", made)["MailingState"] == "Texas"
        assert sf.read("Contact", made)["MailingAddress"]["stateCode"] == "TX"
        for bad in ({"MailingState": "Texsa"}, {"MailingCountry": None}):
            assert code(sf.write("Contact", made, **bad)) == (400, "FIELD_INTEGRITY_EXCEPTION")
        sf.write("Contact", made, MailingState=None)
        assert sf.read("Contact", made)["MailingStateCode"] is None
        assert len(sf.sim.seed(leads=5)["Lead"]) == 5


def test_a_stage_decides_what_follows_from_it(sf: Desk) -> None:
    """Closed, won, probability and forecast come from the stage; a probability of one's own stays until it moves."""
    made = sf.make("Opportunity", Amount=1000)
    names = ("IsClosed", "IsWon", "Probability", "ForecastCategory", "ExpectedRevenue")
    assert [sf.read("Opportunity", made)[name] for name in names] == [False, False, 10.0, "Pipeline", 100.0]
    sf.write("Opportunity", made, Probability=55)
    assert sf.read("Opportunity", made)["ExpectedRevenue"] == 550.0
    sf.write("Opportunity", made, StageName="Closed Won")
    assert [sf.read("Opportunity", made)[name] for name in names] == [True, True, 100.0, "Closed", 1000.0]
    sf.write("Opportunity", made, Amount=None)
    assert sf.read("Opportunity", made)["ExpectedRevenue"] is None


def test_owners_are_active_users_and_of_leads_also_queues(sf: Desk) -> None:
    """An inactive owner is refused, a queue is taken by leads alone."""
    inactive = sf.ids("SELECT Id FROM User WHERE IsActive = false")[0]
    queue = sf.ids("SELECT Id FROM Group WHERE Type = 'Queue'")[0]
    assert code(sf.write("Lead", sf.make("Lead"), OwnerId=inactive)) == (400, "INACTIVE_OWNER_OR_USER")
    sf.sim.act("user_activate", id=inactive)
    held = sf.make("Lead", OwnerId=inactive)
    sf.sim.act("user_deactivate", id=inactive)
    assert sf.write("Lead", held, OwnerId=inactive, City="x").status_code == 204
    lead = sf.make("Lead", OwnerId=queue)
    assert sf.rows(f"SELECT Owner.Name, Owner.Type FROM Lead WHERE Id = '{lead}'")[0]["Owner"]["Type"] == "Group"
    assert code(sf.write("Contact", sf.make("Contact"), OwnerId=queue)) == (400, "FIELD_INTEGRITY_EXCEPTION")


def test_setup_objects_are_only_read(sf: Desk) -> None:
    """Users, statuses and stages are the admin's."""
    assert len(sf.ids("SELECT Id FROM OpportunityStage")) == 7
    assert sf.rows("SELECT ApiName FROM LeadStatus WHERE IsConverted = true") == [{"ApiName": "Closed - Converted"}]
    assert sf.ask("POST", "sobjects/User", {"LastName": "x"}).status_code == 400


def test_tasks_know_whom_they_are_about(sf: Desk) -> None:
    """A lead has no related record; a done task moves LastActivityDate and SystemModstamp, not LastModifiedDate."""
    sf.sim.clock(freeze=True)
    lead, account = sf.make("Lead"), sf.make("Account")
    before = sf.read("Lead", lead)
    sf.sim.advance(60)
    assert code(sf.ask("POST", "sobjects/Task", {"WhoId": lead, "WhatId": account}))[1] == "FIELD_INTEGRITY_EXCEPTION"
    sf.make("Task", WhoId=lead, Subject="Call", Status="Completed", ActivityDate=before["CreatedDate"][:10])
    after = sf.read("Lead", lead)
    assert after["LastActivityDate"] == before["CreatedDate"][:10]
    assert after["LastModifiedDate"] == before["LastModifiedDate"] < after["SystemModstamp"]
    sf.sim.clock(thaw=True)


def test_events_have_a_span_and_notes_a_parent(sf: Desk) -> None:
    """Start and end, or a moment and minutes; notes go with their parent into the bin and out of a lead."""
    lead = sf.make("Lead")
    made = sf.make("Event", WhoId=lead, ActivityDateTime="2026-12-01T09:00:00Z", DurationInMinutes=90)
    row = sf.read("Event", made)
    assert (row["EndDateTime"], row["ActivityDate"]) == ("2026-12-01T10:30:00.000+0000", "2026-12-01")
    sf.write("Event", made, EndDateTime="2026-12-01T10:00:00Z")
    assert sf.read("Event", made, "DurationInMinutes")["DurationInMinutes"] == 60
    assert code(sf.ask("POST", "sobjects/Event", {"Subject": "x"})) == (400, "FIELD_INTEGRITY_EXCEPTION")
    assert code(sf.ask("POST", "sobjects/Note", {"Title": "x"})) == (400, "REQUIRED_FIELD_MISSING")
    note = sf.make("Note", ParentId=lead, Title="Gate code", Body="4411")
    contact = sf.sim.act("convert", id=lead)["contact"]
    assert sf.read("Note", note, "ParentId")["ParentId"] == contact
    assert sf.read("Event", made, "WhoId")["WhoId"] == contact
    sf.ask("DELETE", f"sobjects/Contact/{contact}")
    assert sf.ids("SELECT Id FROM Note") == []


def test_a_parent_can_be_named_by_its_key(sf: Desk) -> None:
    """`Account: {JobNimbus_Id__c: ...}` stands for AccountId."""
    account = sf.make("Account", JobNimbus_Id__c="a1")
    made = sf.make("Contact", Account={"JobNimbus_Id__c": "a1"})
    assert sf.read("Contact", made, "AccountId")["AccountId"] == account
    lost = sf.ask("POST", "sobjects/Contact", {"LastName": "x", "Account": {"JobNimbus_Id__c": "a2"}})
    assert code(lost) == (400, "INVALID_FIELD")


# -- describe


def test_describe_tells_each_field(sf: Desk) -> None:
    """Types, lengths, choices, references and who may write; a formula is calculated and not writable."""
    fields = {each["name"]: each for each in sf.get("sobjects/Contact/describe")["fields"]}
    assert (fields["LastName"]["length"], fields["LastName"]["nillable"]) == (80, False)
    assert fields["JobNimbus_Id__c"]["externalId"] and fields["JobNimbus_Id__c"]["unique"]
    assert fields["AccountId"]["referenceTo"] == ["Account"] and fields["AccountId"]["relationshipName"] == "Account"
    formula = fields["Account_Name__c"]
    assert (formula["calculated"], formula["createable"], formula["updateable"]) == (True, False, False)
    assert fields["MailingCity"]["compoundFieldName"] == "MailingAddress"
    lead = {each["name"]: each for each in sf.get("sobjects/Lead/describe")["fields"]}
    assert lead["Roof_Type__c"]["restrictedPicklist"] and lead["Roof_Type__c"]["picklistValues"][0]["active"]
    assert lead["OwnerId"]["referenceTo"] == ["Group", "User"]


def test_describe_answers_304_until_something_changes(sf: Desk) -> None:
    """If-Modified-Since saves the body; an admin's change of a field brings it back."""
    first = sf.ask("GET", "sobjects/Lead/describe")
    head = {"If-Modified-Since": first.headers["last-modified"]}
    again = sf.ask("GET", "sobjects/Lead/describe", None, head)
    assert (again.status_code, again.content) == (304, b"")
    sf.sim.advance(2)
    sf.sim.act("field_create", "Lead", definition={"name": "Gate__c", "type": "string", "length": 20})
    fresh = sf.ask("GET", "sobjects/Lead/describe", None, head)
    assert "Gate__c" in {each["name"] for each in fresh.json()["fields"]}


def test_a_hidden_field_is_simply_not_there(sf: Desk) -> None:
    """Field-level security takes it out of describe, reads and queries alike."""
    made = sf.make("Lead", Phone="1")
    sf.sim.act("field_hide", "Lead", name="Phone")
    assert "Phone" not in {each["name"] for each in sf.get("sobjects/Lead/describe")["fields"]}
    assert "Phone" not in sf.read("Lead", made)
    assert code(sf.soql("SELECT Phone FROM Lead")) == (400, "INVALID_FIELD")
    assert code(sf.write("Lead", made, Phone="2")) == (400, "INVALID_FIELD")
    sf.sim.act("field_show", "Lead", name="Phone")
    assert sf.read("Lead", made, "Phone")["Phone"] == "1"


def test_the_list_of_objects_and_of_resources(sf: Desk) -> None:
    """What a client asks first."""
    names = {each["name"]: each["keyPrefix"] for each in sf.get("sobjects")["sobjects"]}
    assert (names["Lead"], names["Opportunity"], names["User"]) == ("00Q", "006", "005")
    assert sf.get("")["query"] == f"{BASE}/query"
    assert code(sf.ask("GET", "sobjects/Unicorn/describe")) == (404, "NOT_FOUND")
    assert code(sf.ask("PUT", "sobjects/Lead")) == (405, "METHOD_NOT_ALLOWED")
