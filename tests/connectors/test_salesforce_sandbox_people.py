"""What people and admins do in the Salesforce sandbox: the bin, merges, conversions, fields and values that change."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.kit.control import ControlError
from tests.connectors.salesforce_sandbox_desk import Desk, code, desk, item_code

DANA = "dana.reyes@example.com"


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        made.sim.clock(set="2026-11-21T10:00:00Z", freeze=True)
        yield made


# -- the bin


def test_the_bin_is_seen_by_query_all_until_it_is_emptied(sf: Desk) -> None:
    """IsDeleted with a fresh stamp; purged, or 15 days later, not a trace is left."""
    one, two = sf.make("Lead"), sf.make("Lead")
    sf.sim.advance(60)
    sf.sim.act("archive", "Lead", id=one, as_=DANA)
    assert sf.ids("SELECT Id FROM Lead") == [two]
    text = "SELECT Id FROM Lead WHERE IsDeleted = true AND SystemModstamp >= 2026-11-21T10:01:00Z"
    assert sf.ids(text, all=True) == [one]
    sf.sim.act("delete", "Lead", id=one)
    assert sf.ids("SELECT Id FROM Lead", all=True) == [two]
    assert code(sf.ask("GET", f"sobjects/Lead/{one}")) == (404, "NOT_FOUND")
    sf.ask("DELETE", f"sobjects/Lead/{two}")
    sf.sim.advance(16 * 86_400)
    assert sf.ids("SELECT Id FROM Lead", all=True) == []


def test_what_is_restored_comes_back_with_its_children(sf: Desk) -> None:
    """An account takes contacts, opportunities and their roles along, there and back; their stamps may stay."""
    account = sf.make("Account")
    contact = sf.make("Contact", AccountId=account)
    deal = sf.make("Opportunity", AccountId=account)
    sf.make("OpportunityContactRole", OpportunityId=deal, ContactId=contact)
    sf.sim.advance(60)
    sf.ask("DELETE", f"sobjects/Account/{account}")
    for kind in ("Contact", "Opportunity", "OpportunityContactRole"):
        assert sf.ids(f"SELECT Id FROM {kind}") == []
        (row,) = sf.rows(f"SELECT IsDeleted, SystemModstamp FROM {kind}", all=True)
        assert (row["IsDeleted"], row["SystemModstamp"][11:16]) == (True, "10:00")
    sf.sim.act("restore", "Account", id=account)
    assert sf.ids("SELECT Id FROM Contact") == [contact] and sf.ids("SELECT Id FROM Account") == [account]
    assert len(sf.ids("SELECT Id FROM OpportunityContactRole")) == 1


def test_a_restored_record_may_find_its_key_taken(sf: Desk) -> None:
    """Then it stays in the bin."""
    made = sf.make("Lead", JobNimbus_Id__c="jn-1")
    sf.ask("DELETE", f"sobjects/Lead/{made}")
    sf.make("Lead", JobNimbus_Id__c="jn-1")
    with pytest.raises(ControlError, match="DUPLICATE_VALUE"):
        sf.sim.act("restore", "Lead", id=made)


# -- merge and conversion


def test_a_merge_leaves_the_loser_in_the_bin_with_its_master(sf: Desk) -> None:
    """Children go to the winner unstamped, blanks are filled, unique keys are not; the winner is bumped."""
    won, lost = sf.make("Contact", Title="Boss"), sf.make("Contact", Phone="1", Title="x", JobNimbus_Id__c="jn-2")
    deal = sf.make("Opportunity")
    role = sf.make("OpportunityContactRole", OpportunityId=deal, ContactId=lost)
    sf.sim.advance(60)
    sf.sim.act("merge", "Contact", id=lost, into=won)
    row = sf.read("Contact", won)
    assert (row["Title"], row["Phone"], row["JobNimbus_Id__c"]) == ("Boss", "1", None)
    assert row["SystemModstamp"][11:16] == "10:01"
    (gone,) = sf.rows("SELECT Id, MasterRecordId FROM Contact WHERE IsDeleted = true", all=True)
    assert gone == {"Id": lost, "MasterRecordId": won}
    child = sf.read("OpportunityContactRole", role)
    assert (child["ContactId"], child["SystemModstamp"][11:16]) == (won, "10:00")
    assert item_code(sf.many("PATCH", "Contact", [{"id": lost, "Phone": "2"}])[0]) == "ENTITY_IS_DELETED"


def test_a_converted_lead_takes_part_in_no_merge(sf: Desk) -> None:
    """Neither as the one that stays nor as the one that goes: whatever changes it is refused."""
    converted, other = sf.make("Lead"), sf.make("Lead")
    sf.sim.act("convert", id=converted)
    for one, into in ((converted, other), (other, converted)):
        with pytest.raises(ControlError, match="converted"):
            sf.sim.act("merge", "Lead", id=one, into=into)
    assert sf.rows("SELECT Id FROM Lead WHERE IsDeleted = true", all=True) == []


def test_a_conversion_makes_three_of_one_and_closes_the_lead(sf: Desk) -> None:
    """Account, contact and opportunity with what was mapped; the lead refuses writes and keeps its key."""
    made = sf.make("Lead", FirstName="Ana", JobNimbus_Id__c="jn-1", Street="1 Main St", Roof_Type__c="Metal",
                   Inspection__c="2026-12-01T09:00:00Z", Date_of_Loss__c="2026-11-01")  # fmt: skip
    task = sf.make("Task", WhoId=made, Subject="Call")
    sf.sim.advance(60)
    done = sf.sim.act("convert", id=made, as_=DANA)
    contact = sf.read("Contact", done["contact"])
    assert (contact["FirstName"], contact["JobNimbus_Id__c"], contact["MailingStreet"]) == ("Ana", "jn-1", "1 Main St")
    assert contact["AccountId"] == done["account"]
    deal = sf.read("Opportunity", done["opportunity"])
    assert (deal["Name"], deal["Roof_Type__c"], deal["AccountId"]) == ("Ng Household-", "Metal", done["account"])
    assert (deal["Inspection__c"], deal["Date_of_Loss__c"]) == ("2026-12-01T09:00:00.000+0000", "2026-11-01")
    (role,) = sf.rows("SELECT ContactId, OpportunityId, IsPrimary FROM OpportunityContactRole")
    assert role == {"ContactId": done["contact"], "OpportunityId": done["opportunity"], "IsPrimary": True}
    lead = sf.read("Lead", made)
    assert (lead["IsConverted"], lead["ConvertedDate"], lead["JobNimbus_Id__c"]) == (True, "2026-11-21", "jn-1")
    ends = ("ConvertedAccountId", "ConvertedContactId", "ConvertedOpportunityId")
    assert [lead[name] for name in ends] == [done["account"], done["contact"], done["opportunity"]]
    assert sf.read("Task", task)["WhoId"] == done["contact"]
    assert code(sf.write("Lead", made, City="x")) == (400, "CANNOT_UPDATE_CONVERTED_LEAD")
    assert item_code(sf.many("PATCH", "Lead", [{"id": made, "City": "x"}])[0]) == "CANNOT_UPDATE_CONVERTED_LEAD"
    with pytest.raises(ControlError, match="converted already"):
        sf.sim.act("convert", id=made)


def test_a_conversion_may_join_what_is_there(sf: Desk) -> None:
    """Into an account and a contact, without an opportunity; all of it in one late transaction."""
    account = sf.make("Account")
    contact = sf.make("Contact", AccountId=account)
    made = sf.make("Lead")
    done = sf.sim.act("convert", id=made, account=account, contact=contact, opportunity=False, commit_after=30)
    assert done == {"account": account, "contact": contact, "opportunity": None}
    assert sf.read("Lead", made)["IsConverted"] is False
    sf.sim.advance(31)
    assert sf.read("Lead", made)["ConvertedContactId"] == contact
    assert sf.ids("SELECT Id FROM Opportunity") == []


# -- people and admins


def test_a_person_makes_an_opportunity_with_its_people(sf: Desk) -> None:
    """In one go, under their own name."""
    ana, bob = sf.make("Contact"), sf.make("Contact")
    fields = {"Name": "Roof", "StageName": "Prospecting", "CloseDate": "2026-12-24", "Amount": "1200.50"}
    made = sf.sim.act("create", "Opportunity", fields=fields, associate={"Contact": [ana, bob]}, as_="Dana Reyes")["id"]
    roles = sf.rows(
        f"SELECT ContactId, IsPrimary FROM OpportunityContactRole WHERE OpportunityId = '{made}' ORDER BY Id"
    )
    assert [(row["ContactId"], row["IsPrimary"]) for row in roles] == [(ana, True), (bob, False)]
    assert sf.rows("SELECT Amount, CreatedBy.Email FROM Opportunity")[0]["CreatedBy"]["Email"] == DANA


def test_an_admin_renames_a_value_and_the_rows_are_bumped(sf: Desk) -> None:
    """SystemModstamp alone moves; a value that is switched off is refused in a restricted list."""
    made = sf.make("Lead", Roof_Type__c="Metal")
    sf.sim.advance(60)
    sf.sim.act("value_rename", "Lead", name="Roof_Type__c", old="Metal", new="Steel")
    row = sf.read("Lead", made)
    assert (row["Roof_Type__c"], row["LastModifiedDate"][14:16], row["SystemModstamp"][14:16]) == ("Steel", "00", "01")
    sf.sim.act("value_off", "Lead", name="Roof_Type__c", value="Steel")
    assert code(sf.write("Lead", made, Roof_Type__c="Steel"))[1] == "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    fields = {each["name"]: each for each in sf.get("sobjects/Lead/describe")["fields"]}
    steel = [each for each in fields["Roof_Type__c"]["picklistValues"] if each["value"] == "Steel"]
    assert steel[0]["active"] is False


def test_an_admin_takes_a_field_away(sf: Desk) -> None:
    """Queries and writes that name it fail from then on."""
    made = sf.make("Lead", Insurance_Carrier__c="Prairie Mutual")
    sf.sim.act("field_remove", "Lead", name="Insurance_Carrier__c")
    assert code(sf.soql("SELECT Insurance_Carrier__c FROM Lead")) == (400, "INVALID_FIELD")
    assert code(sf.write("Lead", made, Insurance_Carrier__c="x")) == (400, "INVALID_FIELD")


def test_a_new_key_field_finds_rows_that_were_there(sf: Desk) -> None:
    """Defined as external id, with a default, on old rows, too."""
    made = sf.make("Lead", City="Mobile")
    sf.sim.act("field_create", "Lead", definition={"name": "Key__c", "externalId": True, "default": "k"})
    assert sf.get("sobjects/Lead/Key__c/K")["Id"] == made


def test_a_share_of_records_is_hidden_evenly(sf: Desk) -> None:
    """As an admin's sharing rule would; `show` with ids brings some of them back."""
    sf.sim.seed(leads=10, messy=False)
    gone = sf.sim.act("hide", "Lead", share=0.3)["ids"]
    assert (len(gone), len(sf.ids("SELECT Id FROM Lead"))) == (3, 7)
    sf.sim.act("show", ids=gone[:1])
    assert len(sf.ids("SELECT Id FROM Lead")) == 8


def test_a_session_can_be_made_for_anybody(sf: Desk) -> None:
    """What it writes is by that user, until it ends."""
    sf.sim.act("token", token="dana", user=DANA, expires_in=60)
    head = {"Authorization": "Bearer dana"}
    made = sf.ask("POST", "sobjects/Account", {"Name": "a"}, head).json()["id"]
    assert sf.rows(f"SELECT CreatedBy.Email FROM Account WHERE Id = '{made}'")[0]["CreatedBy"]["Email"] == DANA
    with pytest.raises(ControlError, match="no user"):
        sf.sim.act("token", token="x", user="nobody")


def test_machines_of_the_org_write_as_the_system(sf: Desk) -> None:
    """Several values of a list become one text; the history names the machine."""
    made = sf.make("Lead")
    sf.sim.act("bulk_update", "Lead", ids=[made], fields={"Damage__c": ["Hail", "Wind"]}, as_="workflow:7")
    assert sf.read("Lead", made)["Damage__c"] == "Hail;Wind"
    change = sf.sim.history("Lead", made)[-1]
    assert (change["by"], change["via"]) == ("workflow:7", "system")


def test_an_admin_renames_a_field_and_changes_its_type(sf: Desk) -> None:
    """Describe tells it; values stay as they are."""
    sf.sim.act("field_rename", "Lead", name="Insurance_Carrier__c", label="Insurer")
    sf.sim.act("field_type", "Lead", name="Insurance_Carrier__c", type="textarea")
    fields = {each["name"]: each for each in sf.get("sobjects/Lead/describe")["fields"]}
    found = fields["Insurance_Carrier__c"]
    assert (found["label"], found["type"]) == ("Insurer", "textarea")


def test_an_unknown_act_names_the_known_ones(sf: Desk) -> None:
    """And so do an unknown person, kind, field and switch."""
    for words, order in (
        ("merge", {"do": "sing"}),
        ("dana.reyes", {"do": "create", "kind": "Lead", "fields": {}, "as_": "nobody"}),
        ("Contact", {"do": "create", "kind": "Unicorn"}),
        ("Phone", {"do": "field_hide", "kind": "Lead", "name": "Foo"}),
        ("needs 'id'", {"do": "lock"}),
        ("REQUIRED_FIELD_MISSING", {"do": "create", "kind": "Lead", "fields": {}}),
    ):
        with pytest.raises(ControlError, match=words):
            sf.sim.act(**order)
    with pytest.raises(ControlError, match="commit_delay"):
        sf.sim.settings(commit_dilay=1)


# -- filling


def test_seeding_goes_on_with_the_next_people(sf: Desk) -> None:
    """Leads, or contacts with account and opportunity; spread over past days where wanted."""
    first = sf.sim.seed(leads=20)["Lead"]
    second = sf.sim.seed(leads=5, days=30)["Lead"]
    assert len(set(first + second)) == 25
    names = [row["Name"] for row in sf.rows("SELECT Name FROM Lead")]
    assert len(set(names)) > 20
    old = sf.rows("SELECT Id FROM Lead WHERE SystemModstamp < 2026-11-21T00:00:00Z")
    assert {row["Id"] for row in old} <= set(second) and old
    made = sf.sim.seed(leads=3, into="Contact", stage="Closed Won")
    assert [len(made[kind]) for kind in ("Contact", "Account", "Opportunity")] == [3, 3, 3]
    assert sf.soql("SELECT COUNT() FROM Opportunity WHERE IsWon = true").json()["totalSize"] == 3
    assert len(sf.sim.records("Contact")) == 3
    with pytest.raises(ControlError, match="known are"):
        sf.sim.seed(lead=1)


def test_seeding_makes_both_by_turns(sf: Desk) -> None:
    """Leads, of which somebody works on a part, and contacts with their opportunities; nobody is in both."""
    made = sf.sim.seed(leads=20, into="Both", worked=0.5)
    assert [len(made[kind]) for kind in ("Lead", "Contact", "Account", "Opportunity")] == [10, 10, 10, 10]
    worked = sf.ids("SELECT Id FROM Lead WHERE Status = 'Working - Contacted'")
    assert 0 < len(worked) < 10
    names = [{row["Name"] for row in sf.rows(f"SELECT Name FROM {kind}")} for kind in ("Lead", "Contact")]
    assert not names[0] & names[1]
    with pytest.raises(ControlError, match="Lead or Contact or Both"):
        sf.sim.seed(leads=1, into="Account")


def test_the_history_of_a_merge_holds_both(sf: Desk) -> None:
    """What either record went through until then, the merge by its name, and what happened since."""
    won, lost = (sf.sim.act("create", "Contact", fields={"LastName": name}, as_=DANA)["id"] for name in ("Won", "Lost"))
    sf.sim.advance(60)
    sf.sim.act("update", "Contact", id=lost, fields={"Title": "x"}, as_=DANA)
    sf.sim.advance(60)
    sf.sim.act("merge", "Contact", id=lost, into=won, as_=DANA)
    sf.sim.act("update", "Contact", id=won, fields={"Title": "y"}, as_=DANA)
    told = sf.sim.history("Contact", won)
    titles = [(change.get("do"), change["fields"].get("Title")) for change in told]
    assert titles == [
        ("create", None), ("create", None), ("update", [None, "x"]), ("update", None), ("merge", [None, "x"]),
        ("update", ["x", "y"]),
    ]  # fmt: skip
    assert {"Won", "Lost"} <= {change["fields"].get("LastName", [None, None])[1] for change in told}
    assert [change.get("do") for change in sf.sim.history("Contact", lost)] == ["create", "update", "update"]


def test_a_csv_is_imported_by_names_or_labels(sf: Desk) -> None:
    """Texts become what the fields hold; a bad line is named."""
    text = "Last Name,Company,Roof_Squares__c,Do Not Call\nNg,Ng Household,12.5,true\n"
    (made,) = sf.sim.import_csv("Lead", text)["ids"]
    row = sf.read("Lead", made)
    assert (row["Roof_Squares__c"], row["DoNotCall"]) == (12.5, True)
    with pytest.raises(ControlError, match="line 2: REQUIRED_FIELD_MISSING"):
        sf.sim.import_csv("Lead", "LastName\nNg\n")
    with pytest.raises(ControlError, match="unknown column"):
        sf.sim.import_csv("Lead", "Foo\nNg\n")
