"""An object that an org made itself: what the sandbox tells of it, and what the contract does not ask the connector.

What is not here: reading, finding and writing such records; the contract asks that of them as of the other kinds.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from syncd.core.model import Action, FieldKind, Operation, Result
from syncd.kit.connector import Severity
from tests.connectors.salesforce_sandbox_desk import Desk, code, desk
from tests.connectors.test_salesforce_connector_ways import KEY, Org, serving, update, write

KIND = "Roof_Job__c"


@pytest.fixture
def sf() -> Iterator[Desk]:
    """An org asked by hand."""
    with desk() as made:
        yield made


@pytest.fixture
def org() -> Iterator[Org]:
    """An org asked by the connector."""
    with serving() as org:
        yield org


def test_it_is_described_as_the_orgs_own(sf: Desk) -> None:
    """With its label, its prefix, its key, and no merge; the opportunity names it among its children."""
    told = sf.get(f"sobjects/{KIND}/describe")
    assert {name: told[name] for name in ("label", "labelPlural", "keyPrefix", "custom", "mergeable")} == {
        "label": "Roof Job", "labelPlural": "Roof Jobs", "keyPrefix": "a00", "custom": True, "mergeable": False,
    }  # fmt: skip
    fields = {one["name"]: one for one in told["fields"]}
    assert (fields[KEY]["externalId"], fields[KEY]["unique"]) == (True, True)
    assert (fields["Opportunity__c"]["relationshipName"], fields["Opportunity__c"]["referenceTo"]) == (
        "Opportunity__r", ["Opportunity"]
    )  # fmt: skip
    children = sf.get("sobjects/Opportunity/describe")["childRelationships"]
    assert (KIND, "Opportunity__c") in {(one["childSObject"], one["field"]) for one in children}
    assert sf.get("sobjects/Lead/describe")["custom"] is False


def test_its_relationships_are_followed_both_ways(sf: Desk) -> None:
    """By `__r`: to the opportunity, and to the jobs of one; activities belong to it, and go with it."""
    deal = sf.make("Opportunity", Name="Big roof")
    job = sf.make(KIND, Name="J1", Opportunity__c=deal, Stage__c="Installed")
    task = sf.make("Task", WhatId=job, Subject="Tear off")
    (row,) = sf.rows(f"SELECT Opportunity__r.Name FROM {KIND} WHERE Opportunity__r.Name = 'big roof'")
    assert row["Opportunity__r"]["Name"] == "Big roof"
    (row,) = sf.rows("SELECT Id, (SELECT Name FROM Roof_Jobs__r) FROM Opportunity")
    assert [one["Name"] for one in row["Roof_Jobs__r"]["records"]] == ["J1"]
    sf.ask("DELETE", f"sobjects/{KIND}/{job}")
    assert sf.ids("SELECT Id FROM Task WHERE IsDeleted = true", all=True) == [task]


def test_it_refuses_what_its_fields_do_not_hold(sf: Desk) -> None:
    """A stage outside its list, a number that is too great, a lookup to another kind, a key that is taken."""
    sf.make(KIND, Name="J1", JobNimbus_Id__c="j1")
    for given, wanted in (
        ({"Stage__c": "Lost"}, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"),
        ({"Squares__c": 1e12}, "NUMBER_OUTSIDE_VALID_RANGE"),
        ({"Opportunity__c": sf.make("Account")}, "FIELD_INTEGRITY_EXCEPTION"),
        ({"JobNimbus_Id__c": "J1"}, "DUPLICATE_VALUE"),
    ):
        answer = sf.ask("POST", f"sobjects/{KIND}", {"Name": "J2", **given})
        assert code(answer) == (400, wanted)


def test_its_lookup_is_a_reference_that_is_written_and_cleared(org: Org) -> None:
    """The schema says where it points; a record is made with it, moved to another one, and freed of it."""
    one, two = org.deal(), org.deal()
    sf = org.connect(objects=KIND)
    field = sf.describe(KIND).fields["Opportunity__c"]
    assert (field.kind, field.ref_kind, field.many, field.custom) == (FieldKind.REF, "Opportunity", False, True)
    fields = {"Name": "J1", "Opportunity__c": one}
    made = write(sf, KIND, Operation(id="n", action=Action.CREATE, fields=fields))["n"].record
    assert made is not None and made.fields["Opportunity__c"] == one
    for before, after in ((one, two), (two, None)):
        moved = update(KIND, made.ref.id, {"Opportunity__c": before}, Opportunity__c=after)
        told = write(sf, KIND, moved)[moved.id]
        assert told.result is Result.WRITTEN and told.record is not None
        assert told.record.fields["Opportunity__c"] == after


def test_a_check_looks_at_it(org: Org) -> None:
    """Its records and its key are among the findings, as those of every kind."""
    found = {one.subject: one for one in org.connect(objects=KIND).check()}
    assert found[f"{KIND}: records"].severity is Severity.OK
    assert KEY in found[f"{KIND}: key"].message
    assert not [one for one in org.connect().check() if one.subject.startswith(KIND)]
