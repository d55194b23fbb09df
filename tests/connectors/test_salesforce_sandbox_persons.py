"""Person accounts in the Salesforce sandbox: people who are accounts, and the contacts behind them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.kit.control import ControlError
from tests.connectors.salesforce_sandbox_desk import Desk, code, desk, item_code, person_type


@pytest.fixture
def sf() -> Iterator[Desk]:
    """An org with person accounts."""
    with desk(person_accounts=True) as made:
        made.sim.clock(set="2026-11-21T10:00:00Z", freeze=True)
        yield made


def make(sf: Desk, **fields: Any) -> tuple[str, str]:
    """A person account and its contact."""
    given = {"RecordTypeId": person_type(sf.sim.records("RecordType")), "LastName": "Ng", **fields}
    answer = sf.ask("POST", "sobjects/Account", given)
    assert answer.status_code == 201, answer.text
    id = str(answer.json()["id"])
    return id, str(sf.read("Account", id, "PersonContactId")["PersonContactId"])


def test_an_org_without_person_accounts_has_no_such_fields() -> None:
    """Off by default: no mark, no field of a person, no record type for people."""
    with desk() as sf:
        for kind in ("Account", "Contact"):
            names = {one["name"] for one in sf.get(f"sobjects/{kind}/describe")["fields"]}
            assert not [name for name in names if "Person" in name or name.endswith("__pc")]
        assert "IsPersonType" not in sf.sim.records("RecordType")[0]
        assert code(sf.soql("SELECT Id FROM Contact WHERE IsPersonAccount = true")) == (400, "INVALID_FIELD")


def test_an_account_of_the_record_type_for_people_is_a_person_with_a_contact(sf: Desk) -> None:
    """Its name is put together, and its contact shows the same values and has the same stamps, then and later."""
    id, contact = make(sf, FirstName="Ana", PersonEmail="ana@example.com", Phone="1", JobNimbus_Id__pc="jn-1")
    assert (sf.read("Account", id)["Name"], sf.read("Account", id)["IsPersonAccount"]) == ("Ana Ng", True)
    told = sf.read("Contact", contact)
    wanted = {"LastName": "Ng", "Email": "ana@example.com", "Phone": "1", "AccountId": id, "IsPersonAccount": True}
    assert {name: told[name] for name in wanted} == wanted
    assert told["JobNimbus_Id__c"] == "jn-1"
    sf.sim.advance(60)
    sf.write("Account", id, LastName="Ngo", PersonMailingCity="Austin", Industry="Other")
    account, told = sf.read("Account", id), sf.read("Contact", contact)
    assert (told["Name"], told["MailingCity"], account["Name"]) == ("Ana Ngo", "Austin", "Ana Ngo")
    assert account["PersonMailingAddress"]["city"] == "Austin"
    assert told["LastModifiedDate"] == account["LastModifiedDate"] == "2026-11-21T10:01:00.000+0000"


def test_a_business_has_no_fields_of_a_person_and_a_person_no_name(sf: Desk) -> None:
    """Neither is written with the other's, needs it, or is made of the other together with more fields."""
    id, _ = make(sf)
    business = sf.make("Account", PersonEmail=None)
    assert sf.read("Account", business, "IsPersonAccount", "PersonContactId", "Name") | {"attributes": 0} == {
        "attributes": 0, "Id": business, "IsPersonAccount": False, "PersonContactId": None, "Name": "Ng Household",
    }  # fmt: skip
    refused = (400, "INVALID_FIELD_FOR_INSERT_UPDATE")
    kind = person_type(sf.sim.records("RecordType"))
    assert code(sf.write("Account", id, Name="Ana")) == refused
    assert code(sf.write("Account", business, PersonEmail="a@example.com")) == refused
    assert code(sf.write("Account", business, RecordTypeId=kind, Phone="1")) == refused
    lacking = sf.ask("POST", "sobjects/Account", {"RecordTypeId": kind, "FirstName": "Ana"})
    assert (code(lacking), lacking.json()[0]["fields"]) == ((400, "REQUIRED_FIELD_MISSING"), ["LastName"])


def test_the_contact_of_a_person_is_neither_written_nor_deleted(sf: Desk) -> None:
    """By no call and no field; a person account gets no other contact, and its unique key is its contact's."""
    id, contact = make(sf, JobNimbus_Id__pc="jn-1")
    denied = "INSUFFICIENT_ACCESS_OR_READONLY"
    assert code(sf.write("Contact", contact, Email="a@example.com")) == (403, denied)
    assert code(sf.ask("DELETE", f"sobjects/Contact/{contact}")) == (403, denied)
    assert item_code(sf.many("PATCH", "Contact", [{"id": contact, "Title": "x"}])[0]) == denied
    keyed = sf.many("PATCH", "Contact", [{"JobNimbus_Id__c": "jn-1", "LastName": "Ng"}], key="JobNimbus_Id__c")
    assert item_code(keyed[0]) == denied
    other = sf.ask("POST", "sobjects/Contact", {"LastName": "Ng", "AccountId": id})
    assert code(other) == (400, "FIELD_INTEGRITY_EXCEPTION")
    second, _ = make(sf)
    assert code(sf.write("Account", second, JobNimbus_Id__pc="jn-1")) == (400, "DUPLICATE_VALUE")


def test_a_person_goes_into_the_bin_and_comes_back_with_its_contact(sf: Desk) -> None:
    """Deleted, restored and deleted for good together."""
    id, contact = make(sf)
    sf.ask("DELETE", f"sobjects/Account/{id}")
    assert sf.ids("SELECT Id FROM Contact") == []
    sf.sim.act("restore", "Account", id=id)
    assert sf.ids("SELECT Id FROM Contact WHERE IsPersonAccount = true") == [contact]
    sf.sim.act("delete", "Account", id=id)
    assert sf.ids("SELECT Id FROM Contact", all=True) == []


def test_people_are_merged_with_people_only(sf: Desk) -> None:
    """With them their contacts, and what hung on these; never with a business, nor a contact alone."""
    (won, kept), (lost, gone) = make(sf, FirstName="Ana"), make(sf, PersonEmail="ana@example.com")
    role = sf.make("OpportunityContactRole", OpportunityId=sf.make("Opportunity"), ContactId=gone)
    business, contact = sf.make("Account"), sf.make("Contact")
    for kind, one, other in (("Account", business, won), ("Contact", contact, kept), ("Contact", gone, kept)):
        with pytest.raises(ControlError, match="another person account only"):
            sf.sim.act("merge", kind, id=one, into=other)
    sf.sim.act("merge", "Account", id=lost, into=won)
    assert (sf.read("Account", won)["PersonEmail"], sf.read("Contact", kept)["Email"]) == ("ana@example.com",) * 2
    rows = {kind: sf.rows(f"SELECT MasterRecordId FROM {kind} WHERE IsDeleted = true", all=True)
            for kind in ("Account", "Contact")}  # fmt: skip
    assert rows == {"Account": [{"MasterRecordId": won}], "Contact": [{"MasterRecordId": kept}]}
    assert sf.rows(f"SELECT PersonContactId FROM Account WHERE Id = '{lost}'", all=True) == [{"PersonContactId": gone}]
    assert sf.read("OpportunityContactRole", role)["ContactId"] == kept
    assert sf.read("Account", won)["PersonContactId"] == kept


def test_a_lead_without_a_company_becomes_a_person(sf: Desk) -> None:
    """Its account and its contact are one; a lead with a company becomes a business, as ever."""
    lead = sf.make("Lead", Company=None, FirstName="Ana", Email="ana@example.com", City="Austin")
    done = sf.sim.act("convert", id=lead)
    account = sf.read("Account", done["account"])
    assert (account["Name"], account["PersonEmail"], account["PersonMailingCity"]) == (
        "Ana Ng", "ana@example.com", "Austin"
    )  # fmt: skip
    assert account["PersonContactId"] == done["contact"]
    assert sf.read("Opportunity", done["opportunity"])["Name"] == "Ana Ng-"
    assert sf.read("Account", sf.sim.act("convert", id=sf.make("Lead"))["account"])["IsPersonAccount"] is False


def test_state_lists_hold_for_people_too() -> None:
    """The addresses of a person have codes beside their texts, and the contact shows both."""
    with desk(person_accounts=True, state_picklists=True) as sf:
        id, contact = make(sf, PersonMailingStateCode="TX", PersonMailingCountryCode="US")
        assert sf.read("Account", id)["PersonMailingState"] == sf.read("Contact", contact)["MailingState"] == "Texas"
