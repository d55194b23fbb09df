"""What is Salesforce's own about its connector, against the sandbox: commits, merges, conversions, roles, sessions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from syncd.core.model import Action, FieldKind, Gone, MatchKey, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import AuthError, ConfigError, Transient
from syncd.kit.connector import Severity, SystemSettings, Timing
from syncd.kit.contract.bench import Memory
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd_salesforce import Salesforce
from syncd_salesforce.sandbox import SalesforceSandbox

TIMING = Timing(timeout=timedelta(seconds=2), retry_for=timedelta(seconds=0.6))
KEY = "JobNimbus_Id__c"
NASTY = "O'Brien\" OR Id != '' \\"


@dataclass
class Org:
    """A sandbox that serves, its remote control, and connectors to it."""

    remote: Remote
    url: str
    made: list[Salesforce]

    def connect(self, *, secret: str = "sandbox-consumer-secret", **options: Any) -> Salesforce:
        settings = SystemSettings(
            system="sf", secret=secret, base_url=self.url, rate="10000/10", timing=TIMING,
            options={"client_id": "sandbox-consumer-key", **options},
        )  # fmt: skip
        self.made.append(Salesforce(settings))
        return self.made[-1]

    def create(self, kind: str, **fields: Any) -> str:
        return str(self.remote.act("create", kind, fields=fields)["id"])

    def lead(self, n: int = 1, **fields: Any) -> str:
        return self.create("Lead", LastName=f"Lead {n}", Company="home", **fields)

    def deal(self, **more: Any) -> str:
        fields = {"Name": "Roof", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
        return str(self.remote.act("create", "Opportunity", fields=fields, **more)["id"])

    def roles(self, deal: str) -> list[str]:
        rows = self.remote.records("OpportunityContactRole")
        return sorted(row["ContactId"] for row in rows if row["OpportunityId"] == deal and not row.get("IsDeleted"))

    def posted(self, since: int, end: str) -> list[dict[str, Any]]:
        return [one for one in self.remote.requests(since) if one["path"].endswith(end)]


@contextmanager
def serving(**switches: Any) -> Iterator[Org]:
    with SandboxServer(SalesforceSandbox(seed=3, settings=switches)) as server:
        org = Org(Remote(server.url), server.url, [])
        try:
            yield org
        finally:
            for one in org.made:
                one.close()
            org.remote.close()


@pytest.fixture
def org() -> Iterator[Org]:
    """A fresh org."""
    with serving() as org:
        yield org


def write(connector: Salesforce, kind: str, *operations: Operation) -> dict[str, Outcome]:
    return {one.operation: one for batch in connector.write(kind, operations) for one in batch}


def update(kind: str, id: str, expect: dict[str, Value] | None = None, **fields: Value) -> Operation:
    ref = Ref("sf", kind, id)
    return Operation(id=f"u{id}", action=Action.UPDATE, ref=ref, fields=fields, expect=expect or {})


def new(n: int, key: str | None = None, **fields: Value) -> Operation:
    own: dict[str, Value] = {"LastName": f"Lead {n}", "Company": "home", **fields}
    return Operation(id=f"n{n}", action=Action.CREATE, fields=own, sync_key=SyncKey(KEY, key) if key else None)


# -- feeds


def test_a_transaction_that_ends_late_is_not_missed(org: Org) -> None:
    """A row that appears minutes after its stamp, behind a cursor that went on, comes through by the overlap."""
    sf = org.connect()
    memory = Memory(sf, "Lead", ["LastName"])
    memory.fill()
    late = str(org.remote.act("create", "Lead", fields={"LastName": "L", "Company": "C"}, commit_after=500)["id"])
    for _ in range(5):
        org.remote.advance(90)
        memory.tick()
    assert late not in memory.held
    org.remote.advance(90)
    memory.tick()
    assert late in memory.held


def test_small_pages_and_shuffled_ties_lose_nothing(org: Org) -> None:
    """Pages cut below what was asked, and thousands of rows of one second, are followed by (SystemModstamp, Id)."""
    org.remote.settings(page_cut=137)
    org.remote.seed(leads=600)
    memory = Memory(org.connect(), "Lead", ["LastName"])
    memory.fill()
    ids = {row["Id"] for row in org.remote.records("Lead")}
    assert ids == set(memory.held)
    org.remote.advance(4000)
    org.remote.act("bulk_update", "Lead", fields={"Title": "Owner"})
    memory.fields = ["Title"]
    memory.tick()
    assert {memory.value(one, "Title") for one in ids} == {"Owner"}


def test_a_merge_tells_who_is_left(org: Org) -> None:
    """The loser is gone and became the winner, in the feed and by a read."""
    winner, loser = org.lead(1), org.lead(2)
    sf = org.connect()
    memory = Memory(sf, "Lead", ["LastName"])
    memory.fill()
    org.remote.advance(30)
    org.remote.act("merge", "Lead", id=loser, into=winner)
    memory.tick()
    for told in (memory.held[loser], sf.read("Lead", [loser], [])[loser]):
        assert isinstance(told, Gone)
        assert told.became == (winner,)


def test_a_converted_lead_stays_a_record_and_what_it_became_names_it(org: Org) -> None:
    """It is read with what became of it; its contact, account and opportunity tell which lead they were."""
    lead = org.lead()
    org.remote.act("convert", "Lead", id=lead)
    row = next(row for row in org.remote.records("Lead") if row["Id"] == lead)
    sf = org.connect()
    kept = sf.read("Lead", [lead], ["IsConverted", "ConvertedContactId"])[lead]
    assert isinstance(kept, Record)
    assert kept.fields == {"IsConverted": True, "ConvertedContactId": row["ConvertedContactId"]}
    for kind in ("Contact", "Account", "Opportunity"):
        heir = row[f"Converted{kind}Id"]
        told = sf.read(kind, [heir], ["lead"])[heir]
        assert isinstance(told, Record)
        assert told.fields == {"lead": (lead,)}
        assert sf.describe(kind).fields["lead"].read_only
    org.remote.act("archive", "Lead", id=lead)
    told = sf.read("Contact", [row["ConvertedContactId"]], ["lead"])[row["ConvertedContactId"]]
    assert isinstance(told, Record)
    assert told.fields == {"lead": (lead,)}, "a converted lead in the recycle bin tells what it became"


def test_who_was_no_lead_tells_none(org: Org) -> None:
    """Blank, not unknown; and nothing is asked for where no map wants it."""
    contact = org.remote.act("create", "Contact", fields={"LastName": "Roof"})["id"]
    sf = org.connect()
    told = sf.read("Contact", [contact], ["LastName", "lead"])[contact]
    assert isinstance(told, Record)
    assert told.fields == {"LastName": "Roof", "lead": None}
    mark = org.remote.mark()
    sf.read("Contact", [contact], ["LastName"])
    assert len(org.remote.requests(mark)) == 1


def test_a_contact_that_was_there_before_is_told_when_a_lead_becomes_it(org: Org) -> None:
    """Converting a lead into an existing contact need not change that: the feed tells it all the same."""
    contact = org.remote.act("create", "Contact", fields={"LastName": "Roof"})["id"]
    account = org.remote.act("create", "Account", fields={"Name": "Roof home"})["id"]
    lead = org.lead()
    memory = Memory(org.connect(), "Contact", ["LastName", "lead"])
    memory.fill()
    assert memory.value(contact, "lead") is None
    org.remote.advance(3_600)
    org.remote.act("convert", "Lead", id=lead, contact=contact, account=account)
    memory.tick()
    memory.tick()
    assert memory.value(contact, "lead") == (lead,)


def test_a_converted_lead_refuses_in_salesforces_words(org: Org) -> None:
    """An update of it is refused, and nobody's match finds it any more; by its key it is found."""
    lead = org.lead(**{KEY: "k1", "Email": "a@example.com"})
    org.remote.act("convert", "Lead", id=lead)
    sf = org.connect()
    outcome = write(sf, "Lead", update("Lead", lead, Title="x"))[f"u{lead}"]
    assert outcome.result is Result.REFUSED
    assert "CANNOT_UPDATE_CONVERTED_LEAD" in str(outcome.error)
    assert sf.find("Lead", [MatchKey("email", ((("Email",), ("a@example.com",)),))], []) == []
    assert [one.ref.id for one in sf.find("Lead", [SyncKey(KEY, "k1")], [])] == [lead]


def test_a_deleted_record_is_a_tombstone_and_one_deleted_for_good_is_not_found(org: Org) -> None:
    """The recycle bin answers as such; what left it is only absent, and found by no key."""
    one, two = org.lead(1, **{KEY: "k1"}), org.lead(2)
    org.remote.act("archive", "Lead", id=one)
    org.remote.act("archive", "Lead", id=two)
    org.remote.act("delete", "Lead", id=two)
    sf = org.connect()
    found = sf.read("Lead", [one, two, "no id", one[:15]], [])
    told = [item.tombstone for item in found.values() if isinstance(item, Gone)]
    assert told == [True, False, False, True]
    assert [item.ref.id for item in sf.find("Lead", [SyncKey(KEY, "k1")], [])] == [one]


def test_a_name_full_of_quotes_is_a_name(org: Org) -> None:
    """It is written, found by its value and its key, and finds nobody else."""
    org.lead(9)
    sf = org.connect()
    made = write(sf, "Lead", new(1, key=NASTY, FirstName=NASTY))["n1"]
    assert made.record is not None
    key = MatchKey("name", ((("FirstName",), (NASTY,)),))
    for question in (key, SyncKey(KEY, NASTY)):
        assert [one.ref.id for one in sf.find("Lead", [question], ["FirstName"])] == [made.record.ref.id]


def test_a_long_question_goes_into_a_body(org: Org) -> None:
    """Two hundred ids and many fields do not fit into an address; all are answered."""
    org.remote.seed(leads=200)
    ids = [row["Id"] for row in org.remote.records("Lead")]
    sf = org.connect()
    fields = list(sf.describe("Lead").fields)
    mark = org.remote.mark()
    found = sf.read("Lead", ids, fields)
    assert all(isinstance(one, Record) for one in found.values())
    assert [one["status"] for one in org.posted(mark, "/composite")] == [200]


# -- contact roles


def test_contact_roles_are_a_field_of_the_opportunity(org: Org) -> None:
    """Read, moved, told by the feed when a person changes one, and the other people's roles stay."""
    ann, bob, cyd = (org.create("Contact", LastName=name) for name in ("Ann", "Bob", "Cyd"))
    deal = org.deal(associate={"Contact": [ann]})
    sf = org.connect()
    memory = Memory(sf, "Opportunity", ["Name", "contact"])
    memory.fill()
    assert memory.value(deal, "contact") == (ann,)
    moved = update("Opportunity", deal, {"contact": (ann,)}, contact=(bob, cyd), Name="New roof")
    outcome = write(sf, "Opportunity", moved)[moved.id]
    assert outcome.result is Result.WRITTEN, outcome.error
    assert outcome.record is not None
    assert outcome.record.fields["contact"] == tuple(sorted((bob, cyd)))
    assert org.roles(deal) == sorted((bob, cyd))
    org.remote.advance(1200)
    memory.tick()
    org.create("OpportunityContactRole", OpportunityId=deal, ContactId=ann)
    memory.tick()
    assert memory.value(deal, "contact") == tuple(sorted((ann, bob, cyd)))


def test_an_opportunity_is_made_with_its_contacts(org: Org) -> None:
    """All of them have a role, and the first is the primary one; a person's move meanwhile is stale."""
    ann, bob = (org.create("Contact", LastName=name) for name in ("Ann", "Bob"))
    fields: dict[str, Value] = {
        "Name": "Roof", "StageName": "Prospecting", "CloseDate": "2026-12-01", "contact": (bob, ann),
    }  # fmt: skip
    sf = org.connect()
    outcome = write(sf, "Opportunity", Operation(id="n", action=Action.CREATE, fields=fields))["n"]
    assert outcome.record is not None
    deal = outcome.record.ref.id
    assert outcome.record.fields["contact"] == tuple(sorted((ann, bob)))
    rows = [row for row in org.remote.records("OpportunityContactRole") if row["OpportunityId"] == deal]
    assert sorted((row["ContactId"], row["IsPrimary"]) for row in rows) == sorted([(bob, True), (ann, False)])
    stale = update("Opportunity", deal, {"contact": (ann,)}, contact=None)
    assert write(sf, "Opportunity", stale)[stale.id].result is Result.STALE


def test_the_contacts_of_many_new_opportunities_go_in_one_list(org: Org) -> None:
    """One request for all roles, whatever the number of opportunities; where it fails, which lack theirs is told."""
    ann = org.create("Contact", LastName="Ann")

    def deal(at: str, *contacts: str) -> Operation:
        fields: dict[str, Value] = {"Name": f"Roof {at}", "StageName": "Prospecting", "CloseDate": "2026-12-01"}
        return Operation(id=at, action=Action.CREATE, fields={**fields, "contact": contacts})

    sf = org.connect()
    mark = org.remote.mark()
    told = write(sf, "Opportunity", deal("a", ann), deal("b", ann), deal("c", "003Sb00000Nobody3"))
    roles = [one for one in org.posted(mark, "/composite/sobjects") if "OpportunityContactRole" in str(one["body"])]
    assert len(roles) == 1
    found = {at: outcome.record.fields.get("contact", "unknown") for at, outcome in told.items() if outcome.record}
    assert found == {"a": (ann,), "b": (ann,), "c": "unknown"}


# -- writes


def test_a_key_that_is_there_is_not_made_twice(org: Org) -> None:
    """A create is an upsert by the key: the lead that has it is written, and stays the only one."""
    sf = org.connect()
    first = write(sf, "Lead", new(1, key="k1"))["n1"]
    again = write(sf, "Lead", new(2, key="k1"))["n2"]
    assert first.record is not None and again.record is not None
    assert first.record.ref == again.record.ref
    assert len(org.remote.records("Lead")) == 1


def test_where_every_creation_was_refused_nothing_is_read_back(org: Org) -> None:
    """One call, and each refusal with the vendor's sentence."""
    sf = org.connect()
    sf.describe("Lead")
    mark = org.remote.mark()
    outcomes = write(sf, "Lead", *(new(n, Email="no address") for n in (1, 2)))
    assert {one.result for one in outcomes.values()} == {Result.REFUSED}
    assert len(org.remote.requests(mark)) == 1


def test_a_single_write_is_conditional(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """It carries If-Unmodified-Since; what a person saves between the look and the write is not overwritten."""
    lead = org.lead(Title="old")
    sf = org.connect()
    sf.describe("Lead")
    org.remote.advance(60)
    moved = update("Lead", lead, {"Title": "old"}, Title="ours")
    monkeypatch.setattr(sf._client, "update_one", _meanwhile(org, lead, sf))
    outcome = write(sf, "Lead", moved)[moved.id]
    assert outcome.result is Result.STALE
    assert outcome.record is not None
    assert outcome.record.fields["Title"] == "a person's"


def _meanwhile(org: Org, lead: str, sf: Salesforce) -> Any:
    inner = sf._client.update_one

    def update_one(*args: Any) -> Any:
        org.remote.advance(5)
        org.remote.act("update", "Lead", id=lead, fields={"Title": "a person's"})
        return inner(*args)

    return update_one


def test_assignment_rules_run_only_where_they_are_asked_for(org: Org) -> None:
    """Without the setting every write says FALSE, and the owner stays the run-as user."""
    queue = next(row["Id"] for row in org.remote.records("Group"))
    org.remote.act("assignment_rule", "Lead", owner=queue)
    plain = write(org.connect(), "Lead", new(1, OwnerId=None))["n1"]
    ruled = write(org.connect(assignment_rules=True), "Lead", new(2))["n2"]
    owners = {row["Id"]: row["OwnerId"] for row in org.remote.records("Lead")}
    assert plain.record is not None and ruled.record is not None
    assert owners[plain.record.ref.id] != queue
    assert owners[ruled.record.ref.id] == queue


def test_a_duplicate_is_told_with_the_record_it_means(org: Org) -> None:
    """A unique field's refusal names the record; so does a duplicate rule's, unless its alerts may pass."""
    other = org.lead(1, **{KEY: "k1"})
    moved = org.lead(2)
    outcome = write(org.connect(), "Lead", update("Lead", moved, **{KEY: "k1"}))[f"u{moved}"]
    assert (outcome.result, outcome.duplicate, outcome.names) == (Result.REFUSED, True, (other,))


def test_a_locked_row_is_for_later_and_its_neighbor_is_written(org: Org) -> None:
    """UNABLE_TO_LOCK_ROW of one record in a list: LATER with a wait; nothing else is held up."""
    one, two = org.lead(1), org.lead(2)
    org.remote.act("lock", "Lead", id=one, seconds=60)
    told = write(org.connect(), "Lead", update("Lead", one, Title="x"), update("Lead", two, Title="x"))
    assert (told[f"u{one}"].result, told[f"u{two}"].result) == (Result.LATER, Result.WRITTEN)
    assert told[f"u{one}"].retry_after


def test_a_field_that_is_not_there_refuses_only_those_that_carry_it(org: Org) -> None:
    """A field that is hidden or unknown is named, and its record alone is refused; nothing is sent for it."""
    told = write(org.connect(), "Lead", new(1, Nothing__c="x"), new(2))
    assert (told["n1"].result, told["n1"].fields) == (Result.REFUSED, ("Nothing__c",))
    assert told["n2"].result is Result.WRITTEN


# -- sessions and calls


def test_a_session_that_ends_is_renewed_once_and_the_write_goes_out_as_it_was(org: Org) -> None:
    """One token request, the very same write again, with the same headers: the rules do not run by accident."""
    lead = org.lead(Title="old")
    sf = org.connect()
    sf.describe("Lead")
    org.remote.act("kill_tokens")
    mark = org.remote.mark()
    outcome = write(sf, "Lead", update("Lead", lead, {"Title": "old"}, Title="new"))[f"u{lead}"]
    assert outcome.result is Result.WRITTEN
    assert len(org.posted(mark, "/oauth2/token")) == 1


def test_a_session_that_is_never_good_needs_an_operator(org: Org) -> None:
    """A second 401 is the end: AuthError, after one new session and no more."""
    sf = org.connect()
    sf.describe("Lead")
    org.remote.faults({"fault": "401", "path": "/query"})
    mark = org.remote.mark()
    with pytest.raises(AuthError):
        sf.read("Lead", [org.lead()], [])
    assert len(org.posted(mark, "/oauth2/token")) == 1


@pytest.mark.parametrize("switch", [{"run_as": False}, {"my_domain": False}, {"error_description": False}])
def test_a_refused_login_is_a_finding_with_a_remedy(switch: dict[str, Any]) -> None:
    """Whatever the token endpoint refuses, the operator hears it, without the secret."""
    with serving(**switch) as org:
        secret = "another-secret" if "error_description" in switch else "sandbox-consumer-secret"
        (found,) = org.connect(secret=secret).check()
        assert found.severity is Severity.ERROR
        assert "External Client App" in found.remedy
        assert secret not in repr(found)


def test_a_rotated_refresh_token_is_on_disk_before_it_is_used(tmp_path: Path) -> None:
    """Each session's new token is kept, and a connector that starts later goes on from it."""
    with serving(refresh_rotation=True) as org:
        place = tmp_path / "token"
        ways: dict[str, Any] = {"auth": "refresh_token", "token_file": str(place), "secret": "sandbox-refresh-token"}
        lead = org.lead()
        assert isinstance(org.connect(**ways).read("Lead", [lead], [])[lead], Record)
        first = place.read_text()
        assert place.stat().st_mode & 0o777 == 0o600
        assert isinstance(org.connect(**ways).read("Lead", [lead], [])[lead], Record)
        assert place.read_text() not in (first, "sandbox-refresh-token")


def test_a_signed_assertion_opens_the_org() -> None:
    """The signature holds against the public key; a key that is none is a mistake in the set-up."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with serving(jwt_public_key=public.decode()) as org:
        ways: dict[str, Any] = {"auth": "jwt", "username": "integration@roofing.example"}
        lead = org.lead()
        for form in (serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL):
            raw = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
            line = "".join(raw.decode().splitlines()[1:-1])
            for text in (raw.decode(), line):
                assert isinstance(org.connect(secret=text, **ways).read("Lead", [lead], [])[lead], Record)
        for bad in ("no key", "A" * 200, "{0}BEGIN{1}{0}\nMAAwAA==\n{0}END{1}{0}".format("-" * 5, " PRIVATE KEY")):
            with pytest.raises(ConfigError, match="secret"):
                org.connect(secret=bad, **ways)


def test_no_more_is_asked_when_the_share_of_the_calls_is_used() -> None:
    """From `stop_at` percent on, Transient with a wait, and not one more request; what is begun is finished."""
    with serving(daily=10) as org:
        sf = org.connect(stop_at=50)
        outcome = write(sf, "Lead", new(1))["n1"]
        assert outcome.result is Result.WRITTEN
        with pytest.raises(Transient, match="stop_at") as caught:
            read_on(sf, org.lead())
        assert (caught.value.retry_after or 0) > 800
        mark = org.remote.mark()
        assert write(sf, "Lead", new(2))["n2"].result is Result.LATER
        assert org.remote.requests(mark) == []


def test_used_up_calls_pause_the_system() -> None:
    """403 REQUEST_LIMIT_EXCEEDED is no lost permission: Transient, to be tried in a quarter of an hour."""
    with serving(daily=3) as org:
        sf = org.connect(stop_at=100)
        with pytest.raises(Transient) as caught:
            read_on(sf, org.lead())
        assert (caught.value.retry_after or 0) > 800


@pytest.mark.parametrize(("switches", "stop_at"), [({"daily": 3}, 100), ({"daily": 20}, 15)])
def test_used_up_calls_are_a_finding_with_a_remedy_of_their_own(switches: dict[str, int], stop_at: int) -> None:
    """Whether Salesforce refuses or `stop_at` does: the machine and the network are not at fault."""
    with serving(**switches) as org:
        wrong = [one for one in org.connect(stop_at=stop_at).check() if one.severity is Severity.ERROR]
        assert wrong
        for one in wrong:
            assert "24 hours" in one.remedy and "stop_at" in one.remedy


def read_on(sf: Salesforce, lead: str) -> None:
    for _ in range(9):
        sf.read("Lead", [lead], [])


# -- schema


def test_a_schema_tells_keys_people_formulas_and_losses(org: Org) -> None:
    """Owners are users or queues, record types are options, formulas are flagged, parts of an address are fields."""
    sf = org.connect()
    schema = sf.describe("Lead")
    fields = schema.fields
    assert fields["OwnerId"].kind is FieldKind.USER
    assert fields["RecordTypeId"].kind is FieldKind.ENUM and fields["RecordTypeId"].options
    assert fields[KEY].unique and fields[KEY].custom
    assert fields["Damage__c"].kind is FieldKind.MULTI
    assert fields["LastName"].required and not fields["Status"].required
    assert fields["Roof_Squares__c"].loss.decimals == 1
    assert fields["ConvertedContactId"].ref_kind == "Contact" and fields["ConvertedContactId"].read_only
    assert {user.id[:3] for user in schema.users} == {"005", "00G"}
    assert sf.describe("Opportunity").fields["contact"].many


def test_settings_that_cannot_be_are_told_at_once(org: Org) -> None:
    """A way to log in, a version, a share, an object that make no sense: ConfigError naming the setting."""
    wrong = {"auth": "password", "api_version": "31.0", "stop_at": 0, "objects": "Roof", "client_id": ""}
    for name, value in wrong.items():
        with pytest.raises(ConfigError, match=name):
            org.connect(**{name: value})
    with pytest.raises(ConfigError, match="my_domain"):
        Salesforce(SystemSettings(system="sf", secret="s" * 9, options={"client_id": "k"}))
