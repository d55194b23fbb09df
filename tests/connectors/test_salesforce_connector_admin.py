"""The Salesforce connector while an admin changes the org: hidden fields and objects, rules, flows, inactive owners."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncd.core.model import MatchKey, Record, Result, SyncKey, Value
from syncd.errors import AuthError, Refused
from syncd.kit.connector import Finding, Severity, SystemSettings
from syncd.kit.contract.bench import Memory
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd_salesforce import Salesforce
from syncd_salesforce.sandbox import SalesforceSandbox
from tests.connectors.test_salesforce_connector_ways import KEY, TIMING, Org, new, serving, update, write


@pytest.fixture
def org() -> Iterator[Org]:
    """A fresh org."""
    with serving() as org:
        yield org


def found(sf: Salesforce, subject: str) -> Finding:
    return next(one for one in sf.check() if one.subject == subject)


def test_a_check_names_what_is_missing(org: Org) -> None:
    """A hidden object, and a key that is not there, are warnings with the place in Setup; formulas are named."""
    sf = org.connect(objects="Roof__c")
    org.remote.act("kind_hide", "Account")
    org.remote.act("field_hide", "Contact", name=KEY)
    org.remote.act("field_create", "Lead", definition={"name": "Twice__c", "type": "string", "formula": "Owner.Name"})
    assert "View All" in found(sf, "Account").remedy
    assert "External ID and Unique" in found(sf, "Contact: key").remedy
    assert KEY in found(sf, "Lead: key").message
    assert "Twice__c" in found(sf, "Lead: formulas").message
    assert found(sf, "Roof__c").severity is Severity.WARNING
    assert "zone is America/Chicago" in found(sf, "timezone").message
    assert "run-as user 005" in found(sf, "session").message


def test_an_org_that_does_not_tell_its_zone_is_said_to(org: Org) -> None:
    """UTC is taken then, and nobody is told that the org says so."""
    org.remote.act("kind_hide", "Organization")
    sf = org.connect()
    assert "does not tell its zone, and UTC is taken" in found(sf, "timezone").message
    assert sf.describe("Lead").timezone == "UTC"


def test_a_hidden_object_is_the_operators_matter(org: Org) -> None:
    """Its records are not gone: AuthError naming the right that is missing."""
    lead = org.lead()
    sf = org.connect()
    sf.describe("Lead")
    org.remote.act("kind_hide", "Lead")
    with pytest.raises(AuthError) as caught:
        sf.read("Lead", [lead], [])
    assert caught.value.permission == "Read on the object"


def test_a_field_that_is_hidden_is_unknown_and_not_blank(org: Org) -> None:
    """A record tells nothing of it, and a look-up by it is refused rather than empty."""
    lead = org.lead(Title="Owner")
    org.remote.act("field_hide", "Lead", name="Title")
    org.remote.act("field_hide", "Lead", name=KEY)
    sf = org.connect()
    told = sf.read("Lead", [lead], ["Title", "LastName"])[lead]
    assert isinstance(told, Record)
    assert set(told.fields) == {"LastName"}
    with pytest.raises(Refused, match=KEY):
        sf.find("Lead", [SyncKey(KEY, "k1")], [])


def test_a_field_that_cannot_be_filtered_by_narrows_nothing(org: Org) -> None:
    """More may answer a key, never less; a key of nothing else finds nobody."""
    lead = org.lead(Email="a@example.com", Title="Owner")
    org.remote.act("field_unfilter", "Lead", name="Title")
    terms = (("Title",), ("somebody else",)), (("Email",), ("a@example.com",))
    sf = org.connect()
    assert [one.ref.id for one in sf.find("Lead", [MatchKey("both", terms)], [])] == [lead]
    assert sf.find("Lead", [MatchKey("one", terms[:1])], []) == []


def test_a_formula_is_flagged_and_starts_nothing(org: Org) -> None:
    """It is read with its record, cannot be written, and is known as calculated."""
    org.remote.act("field_create", "Lead", definition={"name": "Who__c", "type": "string", "formula": "Owner.Name"})
    field = org.connect().describe("Lead").fields["Who__c"]
    assert field.calculated
    assert field.read_only


def test_what_a_flow_made_of_a_write_is_told(org: Org) -> None:
    """WRITTEN with the value that stands there by now, since the flow works as the run-as user."""
    lead = org.lead(Title="old")
    org.remote.act("flow", "Lead", when="Title = 'boss'", set={"Title": "Boss"})
    outcome = write(org.connect(), "Lead", update("Lead", lead, {"Title": "old"}, Title="boss"))[f"u{lead}"]
    assert outcome.result is Result.WRITTEN
    assert outcome.record is not None
    assert outcome.record.fields["Title"] == "Boss"


def test_rules_of_the_org_refuse_one_record_in_their_own_words(org: Org) -> None:
    """A validation rule's sentence and field, an owner who left, a duplicate rule with the record it means."""
    org.remote.act("validation_rule", "Lead", when="Title = 'x'", message="No x, please.", field="Title")
    org.remote.act("duplicate_rule", "Lead", fields=["Email"], action="alert")
    other = org.lead(Email="a@example.com")
    left = next(row["Id"] for row in org.remote.records("User") if not row["IsActive"])
    wrong: list[dict[str, Value]] = [{"Title": "x"}, {"OwnerId": left}, {"Email": "a@example.com"}]
    told = write(org.connect(), "Lead", *(new(n, **one) for n, one in enumerate(wrong)), new(9))
    assert {told[f"n{n}"].result for n in range(3)} == {Result.REFUSED}
    assert told["n9"].result is Result.WRITTEN
    assert (told["n0"].error, told["n0"].fields) == (
        "Salesforce: No x, please. (FIELD_CUSTOM_VALIDATION_EXCEPTION)", ("Title",)
    )  # fmt: skip
    assert "inactive user" in str(told["n1"].error)
    assert (told["n2"].duplicate, told["n2"].names) == (True, (other,))
    allowed = write(org.connect(duplicate_alerts=True), "Lead", new(2, Email="a@example.com"))["n2"]
    assert allowed.result is Result.WRITTEN


def test_a_renamed_value_comes_by_the_feed(org: Org) -> None:
    """A process of the system moves the stamp and no modified date; the new value is seen."""
    lead = org.lead(LeadSource="Web")
    sf = org.connect()
    memory = Memory(sf, "Lead", ["LeadSource"])
    memory.fill()
    org.remote.advance(60)
    org.remote.act("value_rename", "Lead", name="LeadSource", old="Web", new="Website")
    memory.tick()
    assert memory.value(lead, "LeadSource") == "Website"
    sf.forget_schema()
    assert "Website" in {one.value for one in sf.describe("Lead").fields["LeadSource"].options}


def test_records_of_the_run_as_user_are_ours_only_where_that_is_said(org: Org) -> None:
    """Unknown by default; with `own_user` ours, and a person's are not."""
    theirs = org.lead()
    for setting, wanted in ((False, (None, None)), (True, (True, False))):
        sf = org.connect(own_user=setting)
        made = write(sf, "Lead", new(2))["n2"].record
        person = sf.read("Lead", [theirs], [])[theirs]
        assert made is not None
        assert isinstance(person, Record)
        assert (made.mine, person.mine) == wanted


def over_https(domain: str, ca_file: Path) -> Salesforce:
    """A connector that knows no more than My Domain and whom to trust."""
    options = {"client_id": "sandbox-consumer-key", "my_domain": domain.removeprefix("https://")}
    settings = SystemSettings(
        system="sf", secret="sandbox-consumer-secret", rate="10000/10", timing=TIMING, ca_file=str(ca_file),
        options=options,
    )  # fmt: skip
    return Salesforce(settings)


def test_an_org_is_read_over_https(tmp_path: Path) -> None:
    """By its domain alone, and an authority named in `ca_file`; a record's page is known."""
    with (
        SandboxServer(SalesforceSandbox(), tls=tmp_path) as server,
        closing(over_https(server.url, tmp_path / "ca.pem")) as sf,
    ):
        with closing(Remote(server.url, server.authority)) as org:
            lead = org.act("create", "Lead", fields={"LastName": "Ann", "Company": "home"})["id"]
        found = sf.read("Lead", [lead], ["LastName"])[lead]
        assert isinstance(found, Record) and found.fields["LastName"] == "Ann"
        assert sf.url("Lead", lead) == f"{server.url}/{lead}"


def test_a_session_is_used_at_the_address_that_it_names(tmp_path: Path) -> None:
    """My Domain may have moved: what comes after the login goes to the other host."""
    with SandboxServer(SalesforceSandbox(), tls=tmp_path / "new") as new_one:
        moved = SalesforceSandbox(settings={"instance_url": new_one.url})
        with SandboxServer(moved, tls=tmp_path / "old") as old_one:
            trusted = tmp_path / "both.pem"
            trusted.write_text("".join((tmp_path / one / "ca.pem").read_text() for one in ("new", "old")))
            with (
                closing(Remote(new_one.url, new_one.authority)) as new_org,
                closing(Remote(old_one.url, old_one.authority)) as old_org,
                closing(over_https(old_one.url, trusted)) as sf,
            ):
                with pytest.raises(AuthError):  # two sandboxes do not know each other's sessions
                    sf.read("Lead", ["00Q000000000001EAA"], ["LastName"])
                assert {one["path"] for one in old_org.requests(0)} == {"/services/oauth2/token"}
                assert new_org.requests(0)
