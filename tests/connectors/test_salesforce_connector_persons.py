"""The Salesforce connector where people are accounts: each is read, found and written once, and never as a contact."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from syncd.core.model import Action, Gone, MatchKey, Operation, Record, Ref, Result, SyncKey, Value
from syncd.kit.connector import Severity
from syncd.kit.contract.bench import Memory
from tests.connectors.salesforce_sandbox_desk import person_type
from tests.connectors.test_salesforce_connector_ways import KEY, Org, serving, update, write

FIELDS = ["FirstName", "LastName", "Name", "PersonEmail", "PersonMobilePhone", "Phone", "IsPersonAccount"]


@pytest.fixture
def org() -> Iterator[Org]:
    """An org with person accounts."""
    with serving(person_accounts=True) as org:
        yield org


def person(org: Org, **fields: Any) -> tuple[str, str]:
    """A person account that somebody made in Salesforce's pages, and its contact."""
    kind = person_type(org.remote.records("RecordType"))
    id = org.create("Account", **{"RecordTypeId": kind, "LastName": "Ng", **fields})
    return id, next(row["PersonContactId"] for row in org.remote.records("Account") if row["Id"] == id)


def test_a_person_is_read_and_its_contact_is_not(org: Org) -> None:
    """By id and in the feeds it is one account; the contact behind it is no second person, changed or not."""
    id, contact = person(org, FirstName="Ana", PersonEmail="ana@example.com")
    other = org.create("Contact", LastName="Roof")
    sf = org.connect()
    accounts, contacts = Memory(sf, "Account", FIELDS), Memory(sf, "Contact", ["LastName"])
    accounts.fill()
    contacts.fill()
    assert (accounts.value(id, "Name"), accounts.value(id, "IsPersonAccount")) == ("Ana Ng", True)
    org.remote.advance(30)
    org.remote.act("update", "Account", id=id, fields={"PersonEmail": "new@example.com"})
    accounts.tick()
    contacts.tick()
    assert accounts.value(id, "PersonEmail") == "new@example.com"
    assert {one for one, held in contacts.held.items() if isinstance(held, Record)} == {other}
    told = sf.read("Contact", [contact], ["LastName"])[contact]
    assert isinstance(told, Gone) and not told.tombstone and not told.became


def test_a_person_is_found_by_address_number_and_name_and_only_once(org: Org) -> None:
    """As an account; the same questions to the contacts, and one for the contact's key, find nobody."""
    id, _ = person(org, FirstName="Ana", PersonEmail="ana@example.com", PersonMobilePhone="(512) 555-0100",
                   JobNimbus_Id__pc="jn-1")  # fmt: skip
    sf = org.connect()
    name = ((("FirstName",), ("ana",)), (("LastName",), ("ng",)))
    for terms in (
        ((("PersonEmail",), ("ANA@example.com",)),),
        ((("Phone", "PersonMobilePhone"), ("+15125550100",)),),
        name,
    ):
        assert [one.ref.id for one in sf.find("Account", [MatchKey("key", terms)], FIELDS)] == [id]
    email, phone = ((("Email",), ("ana@example.com",)),), ((("MobilePhone",), ("+15125550100",)),)
    keys = [*(MatchKey("key", terms) for terms in (email, phone, name)), SyncKey(KEY, "jn-1")]
    assert sf.find("Contact", keys, ["LastName"]) == []
    org.remote.act("archive", "Account", id=id)
    assert sf.find("Contact", keys, ["LastName"]) == []


def test_a_person_is_made_and_written(org: Org) -> None:
    """With the record type for people and by our key, once; its contact follows, and a name of its own is refused."""
    kind = person_type(org.remote.records("RecordType"))
    sf = org.connect()
    fields: dict[str, Value] = {"RecordTypeId": kind, "LastName": "Ng", "PersonEmail": "ana@example.com"}
    made = [
        write(sf, "Account", Operation(id="n", action=Action.CREATE, fields=fields, sync_key=SyncKey(KEY, "k1")))["n"]
        for _ in range(2)
    ]
    assert made[0].record is not None and made[1].record is not None
    assert made[0].record.ref == made[1].record.ref
    id = made[0].record.ref.id
    moved = write(sf, "Account", update("Account", id, {"LastName": "Ng"}, LastName="Ngo"))[f"u{id}"]
    assert moved.result is Result.WRITTEN
    (contact,) = org.remote.records("Contact")
    assert (contact["LastName"], contact["Email"]) == ("Ngo", "ana@example.com")
    refused = write(sf, "Account", update("Account", id, Name="Ana"))[f"u{id}"]
    assert (refused.result, refused.fields) == (Result.REFUSED, ("Name",))


def test_nothing_is_sent_for_the_contact_of_a_person(org: Org) -> None:
    """A write or an archive of it is answered as of one that is not there; a create by its key is refused."""
    _, contact = person(org, JobNimbus_Id__pc="jn-1")
    sf = org.connect()
    sf.describe("Contact")
    mark = org.remote.mark()
    binned = Operation(id="a", action=Action.ARCHIVE, ref=Ref("sf", "Contact", contact), fields={})
    told = write(sf, "Contact", update("Contact", contact, LastName="x"), binned)
    assert {one.result for one in told.values()} == {Result.MISSING}
    assert org.remote.writes(mark) == []
    new = Operation(id="n", action=Action.CREATE, fields={"LastName": "x"}, sync_key=SyncKey(KEY, "jn-1"))
    assert write(sf, "Contact", new)["n"].result is Result.REFUSED
    assert [row["LastName"] for row in org.remote.records("Contact")] == ["Ng"]


def test_merged_and_deleted_people_are_told_as_accounts_are(org: Org) -> None:
    """The loser became the winner, who is deleted by us with its contact; no feed of contacts offers one of them."""
    (won, _), (lost, _) = person(org), person(org, FirstName="Ana")
    sf = org.connect()
    accounts, contacts = Memory(sf, "Account", FIELDS), Memory(sf, "Contact", ["LastName"])
    accounts.fill()
    contacts.fill()
    org.remote.advance(30)
    org.remote.act("merge", "Account", id=lost, into=won)
    accounts.tick()
    contacts.tick()
    gone = accounts.held[lost]
    assert isinstance(gone, Gone) and gone.became == (won,)
    assert accounts.value(won, "Name") == "Ana Ng"
    binned = Operation(id="a", action=Action.ARCHIVE, ref=Ref("sf", "Account", won), fields={})
    assert write(sf, "Account", binned)["a"].result is Result.WRITTEN
    assert all(row["IsDeleted"] for row in org.remote.records("Contact"))
    org.remote.advance(30)
    accounts.tick()
    contacts.tick()
    dead = accounts.held[won]
    assert isinstance(dead, Gone) and dead.tombstone
    assert [one for one in contacts.held.values() if isinstance(one, Record)] == []


def test_a_check_says_in_plain_words_that_people_are_accounts(org: Org) -> None:
    """With what to map, and nothing of it in an org that has none; an account then needs no name of its own."""
    sf = org.connect()
    (found,) = [one for one in sf.check() if one.subject == "Account: person accounts"]
    assert found.severity is Severity.WARNING
    assert "a person is an Account" in found.message and "may make them once more" in found.message
    assert all(word in found.remedy for word in ("LastName", "PersonEmail", "RecordTypeId", "shadow"))
    fields = sf.describe("Account").fields
    assert not fields["Name"].required
    assert person_type(org.remote.records("RecordType")) in {one.value for one in fields["RecordTypeId"].options}
    with serving() as plain:
        other = plain.connect()
        assert "Account: person accounts" not in {one.subject for one in other.check()}
        assert other.describe("Account").fields["Name"].required
