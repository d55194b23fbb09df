"""What only HubSpot does, against its sandbox: merges, associations, partial batches, scopes, and what calls cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Action, Gone, MatchKey, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import AuthError, ConfigError
from syncd.kit import traffic
from syncd.kit.connector import Severity, SystemSettings, Timing
from syncd.kit.contract import Memory
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd_hubspot import HubSpot
from syncd_hubspot.connector import _budget
from syncd_hubspot.sandbox import HubSpotSandbox

TIMING = Timing(timeout=timedelta(seconds=2), retry_for=timedelta(seconds=1.5))


@dataclass
class World:
    """A sandbox, its remote control, and a connector to it."""

    url: str
    remote: Remote
    hubspot: HubSpot

    def contact(self, n: int, **fields: str) -> str:
        given = {"email": f"c{n}@example.com", "lastname": f"Łukasz {n}", **fields}
        return str(self.remote.act("create", "contacts", fields=given)["id"])

    def deal(self, n: int, *contacts: str) -> str:
        fields = {"dealname": f"Roof {n}", "dealstage": "qualifiedtobuy", "pipeline": "default"}
        return str(self.remote.act("create", "deals", fields=fields, associate={"contacts": list(contacts)})["id"])

    def write(self, kind: str, *operations: Operation) -> dict[str, Outcome]:
        return {one.operation: one for batch in self.hubspot.write(kind, operations) for one in batch}

    def settle(self) -> None:
        """The index catches up, and the connector hears of the time that passed."""
        self.remote.settle()
        self.remote.advance(1)
        self.hubspot.read("contacts", ["1"], [])

    def asked(self, since: int, path: str) -> list[dict[str, Any]]:
        return [one for one in self.remote.requests(since) if one["path"].endswith(path)]


def connect(url: str, **options: Any) -> HubSpot:
    token = options.pop("token", "sandbox-token")
    given = {"search_rate": "1000/1", **options}
    settings = SystemSettings(system="hs", secret=token, base_url=url, rate="10000/10", timing=TIMING, options=given)
    return HubSpot(settings)


@pytest.fixture
def world() -> Iterator[World]:
    """A fresh account."""
    sandbox = HubSpotSandbox(seed=3, settings={"rate": "off"})
    with SandboxServer(sandbox) as server:
        remote, hubspot = Remote(server.url), connect(server.url)
        remote.settings(log_bodies=1_000_000)
        yield World(server.url, remote, hubspot)
        hubspot.close()
        remote.close()


def update(kind: str, id: str, fields: dict[str, Value], expect: dict[str, Value] | None = None) -> Operation:
    return Operation(id=f"u{id}", action=Action.UPDATE, ref=Ref("hs", kind, id), fields=fields, expect=expect or {})


def create(n: int, **fields: Value) -> Operation:
    return Operation(id=f"n{n}", action=Action.CREATE, fields=fields)


def living(one: Record | Gone | None) -> Record:
    assert isinstance(one, Record)
    return one


@pytest.mark.parametrize("answer", ["resolved", "missing"])
def test_a_merged_id_tells_what_it_became(world: World, answer: str) -> None:
    """Both old ids answer Gone with the new id, whichever way batches treat them; the new record tells what it was."""
    world.remote.settings(merged_in_batch_read=answer)
    one, two = world.contact(1), world.contact(2)
    new = world.remote.act("merge", "contacts", id=one, other=two)["id"]
    found = world.hubspot.read("contacts", [one, two], ["email"])
    for old in (one, two):
        gone = found[old]
        assert isinstance(gone, Gone)
        assert gone.became == (new,)
    assert set(living(found[new]).was) == {one, two}


def test_what_is_left_of_the_days_requests_is_heard() -> None:
    """A private app's answers tell it, each less than the one before."""
    with SandboxServer(HubSpotSandbox(seed=3)) as server, closing(connect(server.url)) as hubspot:
        system = hubspot._settings.system
        hubspot.describe("contacts")
        left, of = traffic.left()[system]
        assert 0 < left < of
        hubspot.read("contacts", ["1"], ["email"])
        assert traffic.left()[system] < (left, of)


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"x-hubspot-ratelimit-daily": "250000", "x-hubspot-ratelimit-daily-remaining": "249999"}, (249_999, 250_000)),
        ({"x-hubspot-ratelimit-daily": "250000"}, None),
        ({"x-hubspot-ratelimit-daily": "many", "x-hubspot-ratelimit-daily-remaining": "-1"}, None),
        ({}, None),
    ],
)
def test_odd_figures_of_the_day_are_passed_over(headers: dict[str, str], told: tuple[int, int] | None) -> None:
    """Half of it, no number, or nothing at all: nothing was told."""
    assert _budget(headers) == told


def test_history_names_who_changed_a_property(world: World) -> None:
    """An owner by his name, a stranger by his number, our own writes as ours where our app is known."""
    ours = connect(world.url, app_id="3141592")
    one = world.contact(1)
    owner = next(user for user in ours.describe("contacts").users if user.active)
    world.remote.act("update", "contacts", id=one, fields={"city": "Austin"}, as_=owner.email)
    world.remote.act("update", "contacts", id=one, fields={"city": "Dallas"}, as_="Nobody we know")
    for known in (ours, world.hubspot):
        list(known.write("contacts", [update("contacts", one, {"city": f"ours {known is ours}"})]))
    told = ours.history("contacts", one, "city")
    assert [(one.value, one.source) for one in told] == [
        ("ours False", "INTEGRATION"), ("ours True", "INTEGRATION"), ("Dallas", "CRM_UI"), ("Austin", "CRM_UI"),
    ]  # fmt: skip
    assert [one.mine for one in told] == [True, True, False, False]
    assert told[0].who == "app 3141592"
    assert str(told[2].who).startswith("user ")
    assert told[3].who == owner.name
    assert [one.mine for one in world.hubspot.history("contacts", one, "city")] == [None, None, False, False]
    assert ours.history("deals", world.deal(1, one), "contact") == ()
    ours.close()


def test_a_merge_comes_through_the_feed_with_its_old_ids(world: World) -> None:
    """The merged record appears as a new one that knows its former ids, before anything may be created for it."""
    one, two = world.contact(1), world.contact(2)
    world.remote.settle()
    memory = Memory(world.hubspot, "contacts", ["email"])
    memory.fill()
    new = world.remote.act("merge", "contacts", id=one, other=two)["id"]
    world.settle()
    memory.tick()
    assert set(living(memory.held[new]).was) == {one, two}


@pytest.mark.parametrize("answer", ["omitted", "error"])
@pytest.mark.parametrize("expect", [{}, {"lastname": "Łukasz 1"}])
def test_an_update_of_a_merged_record_is_missing(world: World, answer: str, expect: dict[str, Value]) -> None:
    """A batch that leaves a merged id out, or calls it unknown, ends as MISSING with what took its place."""
    world.remote.settings(merged_in_batch_update=answer)
    one, two, other = world.contact(1), world.contact(2), world.contact(3)
    new = world.remote.act("merge", "contacts", id=one, other=two)["id"]
    outcomes = world.write(
        "contacts",
        update("contacts", one, {"lastname": "Berg"}, expect),
        update("contacts", other, {"lastname": "Berg"}),
    )
    gone = outcomes[f"u{one}"].gone
    assert outcomes[f"u{one}"].result is Result.MISSING
    assert gone is not None
    assert gone.became == (new,)
    assert outcomes[f"u{other}"].result is Result.WRITTEN


@pytest.mark.parametrize(
    "switches",
    [
        {"batch_order": "shuffled"},
        {"validation_errors": "errors"},
        {"validation_errors": "both"},
        {"unique_conflict_status": 409},
        {"batch_update_partial": "always"},
    ],
    ids=str,
)
def test_whatever_shape_a_batch_answers_in_each_input_has_its_own_outcome(
    world: World, switches: dict[str, Any]
) -> None:
    """Good, refused and duplicate inputs of one batch are told apart, whatever order and words HubSpot uses."""
    world.remote.settings(**switches)
    there, moved = world.contact(1), world.contact(50)
    operations = [create(n, email=f"n{n}@example.com", lastname=f"Ö {n}") for n in range(10, 20)]
    bad = create(98, email="n98@example.com", lifecyclestage="nonsense")
    twin = create(99, email="C1@example.com")
    outcomes = world.write("contacts", *operations, bad, twin, update("contacts", moved, {"lifecyclestage": "nix"}))
    for n in range(10, 20):
        assert living(outcomes[f"n{n}"].record).fields == {"email": f"n{n}@example.com", "lastname": f"Ö {n}"}
    assert outcomes["n98"].result is outcomes[f"u{moved}"].result is outcomes["n99"].result is Result.REFUSED
    assert outcomes["n98"].fields == outcomes[f"u{moved}"].fields == ("lifecyclestage",)
    assert (outcomes["n99"].duplicate, outcomes["n99"].names) == (True, (there,))
    assert not outcomes["n98"].duplicate


def test_an_unknown_property_refuses_only_those_who_carry_it(world: World) -> None:
    """A property that was deleted meanwhile is named, and the other records are written."""
    outcomes = world.write(
        "contacts", create(1, email="a@example.com", gone_field="x"), create(2, email="b@example.com")
    )
    assert outcomes["n1"].result is Result.REFUSED
    assert outcomes["n1"].fields == ("gone_field",)
    assert outcomes["n2"].result is Result.WRITTEN


def test_deals_carry_their_contacts(world: World) -> None:
    """Contacts of a deal are read inline in the first reading, by batch later, and sorted as numbers."""
    one, two = world.contact(1), world.contact(2)
    tied, lone = world.deal(1, two, one), world.deal(2)
    world.remote.settle()
    memory = Memory(world.hubspot, "deals", ["dealname", "contact"])
    memory.fill()
    assert memory.value(tied, "contact") == (one, two)
    assert memory.value(lone, "contact") is None
    found = world.hubspot.read("deals", [tied, lone], ["contact"])
    assert [living(found[id_]).fields["contact"] for id_ in (tied, lone)] == [(one, two), None]


def test_a_deal_with_more_contacts_than_fit_inline_is_read_whole(world: World) -> None:
    """Inline lists that HubSpot cuts are read to their end, page by page."""
    world.remote.settings(inline_association_page=2, association_page=2)
    contacts = [world.contact(n) for n in range(5)]
    deal = world.deal(1, *contacts)
    memory = Memory(world.hubspot, "deals", ["contact"])
    memory.fill()
    assert memory.value(deal, "contact") == tuple(contacts)


@pytest.mark.parametrize("answer", ["missing", "error"])
def test_no_contacts_is_blank_and_not_unknown(world: World, answer: str) -> None:
    """A deal without contacts has a blank relation, whichever way HubSpot says none."""
    world.remote.settings(no_associations=answer)
    deal = world.deal(1)
    assert living(world.hubspot.read("deals", [deal], ["contact"])[deal]).fields == {"contact": None}


def test_associations_are_asked_for_only_when_wanted(world: World) -> None:
    """A map without the relation costs no association call and no inline list."""
    world.deal(1, world.contact(1))
    mark = world.remote.mark()
    Memory(world.hubspot, "deals", ["dealname"]).fill()
    asked = world.remote.requests(mark)
    assert asked
    assert not any("associations" in one["path"] or "associations" in str(one["query"]) for one in asked)


def test_a_deal_is_created_with_its_contacts(world: World) -> None:
    """One request makes the deal and its associations."""
    one, two = world.contact(1), world.contact(2)
    mark = world.remote.mark()
    operation = create(1, dealname="Roof", dealstage="qualifiedtobuy", pipeline="default", contact=(two, one))
    record = living(world.write("deals", operation)["n1"].record)
    assert record.fields["contact"] == (one, two)
    assert len(world.remote.writes(mark)) == 1
    assert living(world.hubspot.read("deals", [record.ref.id], ["contact"])[record.ref.id]).fields["contact"] == (
        one,
        two,
    )


def test_contacts_of_a_deal_are_exchanged(world: World) -> None:
    """An update of the relation adds and removes associations, beside other fields, and leaves the rest alone."""
    one, two, three = (world.contact(n) for n in range(3))
    deal = world.deal(1, one, two)
    fields: dict[str, Value] = {"contact": (two, three), "dealname": "Roof 2"}
    outcome = world.write("deals", update("deals", deal, fields, {"contact": (one, two), "dealname": "Roof 1"}))
    assert living(outcome[f"u{deal}"].record).fields == {"contact": (two, three), "dealname": "Roof 2"}
    assert living(world.hubspot.read("deals", [deal], ["contact", "dealname"])[deal]).fields == fields


def test_a_relation_that_a_person_changed_is_stale(world: World) -> None:
    """The contacts are compared before they are exchanged, like any value."""
    one, two = world.contact(1), world.contact(2)
    deal = world.deal(1, one, two)
    mark = world.remote.mark()
    outcome = world.write("deals", update("deals", deal, {"contact": None}, {"contact": (one,)}))[f"u{deal}"]
    assert outcome.result is Result.STALE
    assert living(outcome.record).fields["contact"] == (one, two)
    assert world.remote.writes(mark) == []


def test_an_association_whose_answer_is_lost_may_have_landed(world: World) -> None:
    """Whether the contact was joined is not known: AMBIGUOUS, never "later" as if nothing had been sent."""
    one, two = world.contact(1), world.contact(2)
    deal = world.deal(1, one)
    world.remote.faults({"fault": "lost", "writes_only": True})
    outcome = world.write("deals", update("deals", deal, {"contact": (one, two)}, {"contact": (one,)}))[f"u{deal}"]
    assert outcome.result is Result.AMBIGUOUS
    world.remote.faults()
    assert living(world.hubspot.read("deals", [deal], ["contact"])[deal]).fields["contact"] == (one, two)


def test_an_association_to_nobody_is_refused_by_name(world: World) -> None:
    """A contact that is gone refuses the deal's relation, and nothing else of the deal is written."""
    deal = world.deal(1)
    operation = update("deals", deal, {"contact": ("987654321",), "dealname": "x"}, {"contact": None})
    outcome = world.write("deals", operation)[f"u{deal}"]
    assert (outcome.result, outcome.fields) == (Result.REFUSED, ("contact",))
    assert living(world.hubspot.read("deals", [deal], ["dealname"])[deal]).fields["dealname"] == "Roof 1"


def test_writes_cost_one_compare_and_one_write_per_hundred(world: World) -> None:
    """250 updates cost three reads and three writes."""
    ids = [world.contact(n) for n in range(250)]
    world.hubspot.describe("contacts")
    mark = world.remote.mark()
    operations = [
        update("contacts", id_, {"lastname": "Neu"}, {"lastname": f"Łukasz {n}"}) for n, id_ in enumerate(ids)
    ]
    assert {one.result for one in world.write("contacts", *operations).values()} == {Result.WRITTEN}
    assert len(world.asked(mark, "/batch/read")) == len(world.asked(mark, "/batch/update")) == 3
    assert len(world.remote.requests(mark)) == 6


def test_what_is_already_so_is_not_written(world: World) -> None:
    """A record that holds what is wanted, as was expected, counts as written and costs no write."""
    contact = world.contact(1, lastname="Nuñez")
    mark = world.remote.mark()
    outcome = world.write("contacts", update("contacts", contact, {"lastname": "Nuñez"}, {"lastname": "Nuñez"}))
    assert outcome[f"u{contact}"].result is Result.WRITTEN
    assert world.remote.writes(mark) == []


def test_a_field_that_is_already_so_is_still_in_the_answer(world: World) -> None:
    """WRITTEN holds every field of the operation, also one that held the very value before."""
    contact = world.contact(1, lastname="Nuñez", firstname="Zoe")
    fields: dict[str, Value] = {"lastname": "Nuñez", "firstname": "Zoë"}
    outcome = world.write("contacts", update("contacts", contact, fields, {"lastname": "Nuñez", "firstname": "Zoe"}))
    assert living(outcome[f"u{contact}"].record).fields == fields


def test_an_idle_tick_costs_one_search_per_kind(world: World) -> None:
    """With nothing new a tick is one search; records of the overlap that are known are not read again."""
    for n in range(30):
        world.contact(n)
    world.remote.settle()
    memory = Memory(world.hubspot, "contacts", ["email", "lastname"])
    memory.fill()
    world.remote.advance(30)
    memory.tick()
    memory.tick()
    mark = world.remote.mark()
    memory.tick()
    assert [one["path"].rsplit("/", 1)[1] for one in world.remote.requests(mark)] == ["search"]


def test_what_the_backfill_lists_is_not_read_one_by_one_as_well(world: World) -> None:
    """Just imported before the feed began: the lists alone bring it; whoever is typed over meanwhile is read by id."""
    first, *_, last = [world.contact(n) for n in range(150)]
    world.remote.advance(2)
    world.remote.settle()
    memory = Memory(world.hubspot, "contacts", ["lastname"])
    mark = world.remote.mark()
    memory.tick(2)
    assert not memory.backfilled
    world.remote.advance(2)
    world.remote.act("update", "contacts", id=last, fields={"lastname": "Typed meanwhile"})
    world.remote.act("update", "contacts", id=first, fields={"lastname": "Typed meanwhile"})
    world.remote.settle()
    world.remote.advance(1)
    world.hubspot.read("deals", ["1"], [])  # hears of the time that passed
    memory.tick()
    assert [one["body"]["inputs"] for one in world.asked(mark, "contacts/batch/read")] == [
        [{"id": first}, {"id": last}]
    ]
    memory.fill()
    assert len(memory.held) == 150
    assert memory.value(first, "lastname") == memory.value(last, "lastname") == "Typed meanwhile"


def test_a_bulk_edit_costs_a_search_per_two_hundred_and_a_read_per_hundred(world: World) -> None:
    """450 records with one and the same time: three searches by id, never an offset, and five reads."""
    ids = [world.contact(n) for n in range(450)]
    world.remote.settle()
    memory = Memory(world.hubspot, "contacts", ["lastname"])
    memory.fill()
    memory.tick()
    world.remote.act("bulk_update", "contacts", ids=ids, fields={"lastname": "Bulk"})
    world.settle()
    mark = world.remote.mark()
    memory.tick()
    assert {memory.value(id_, "lastname") for id_ in ids} == {"Bulk"}
    searches = world.asked(mark, "/search")
    assert len(searches) == 3
    assert all("after" not in one["body"] for one in searches)
    assert len(world.asked(mark, "/batch/read")) == 5


def test_archived_records_come_as_tombstones(world: World) -> None:
    """An archived record is told by the feed once the bin is read, and a read of it says so too."""
    kept, lost = world.contact(1), world.contact(2)
    world.remote.settle()
    memory = Memory(world.hubspot, "contacts", ["email"])
    memory.fill()
    memory.tick()
    world.remote.act("archive", "contacts", id=lost)
    world.remote.advance(TIMING.gone_every.total_seconds() + 1)
    memory.tick()
    gone = memory.held[lost]
    assert isinstance(gone, Gone)
    assert gone.tombstone
    assert living(memory.held[kept])
    again = world.hubspot.read("contacts", [lost], ["email"])[lost]
    assert isinstance(again, Gone)
    assert again.tombstone


def test_many_archived_records_are_told_apart_from_the_merged(world: World) -> None:
    """Thirty archived ids and one merged id in one question: tombstones and a became."""
    ids = [world.contact(n) for n in range(30)]
    one, two = world.contact(100), world.contact(101)
    for id_ in ids:
        world.remote.act("archive", "contacts", id=id_)
    new = world.remote.act("merge", "contacts", id=one, other=two)["id"]
    found = world.hubspot.read("contacts", [*ids, one], ["email"])
    assert {type(found[id_]) for id_ in ids} == {Gone}
    assert {getattr(found[id_], "tombstone", None) for id_ in ids} == {True}
    merged = found[one]
    assert isinstance(merged, Gone)
    assert merged.became == (new,)


def test_an_archived_record_is_found_by_its_sync_key_only(world: World) -> None:
    """A record we made and somebody deleted is still ours by its key; by e-mail it is not found."""
    definition = {"name": "syncd_id", "label": "k", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    world.remote.act("property_create", "contacts", definition=definition)
    contact = world.contact(1, syncd_id="K-1")
    world.remote.act("archive", "contacts", id=contact)
    found = world.hubspot.find("contacts", [SyncKey("syncd_id", "K-1")], ["email"])
    assert [one.ref.id for one in found] == [contact]
    assert world.hubspot.find("contacts", [MatchKey("e", ((("email",), ("c1@example.com",)),))], ["email"]) == []


def test_what_our_app_made_is_known_as_ours(world: World) -> None:
    """With the app's id set, records tell whether we made them; without it, nothing is claimed."""
    typed = world.contact(1)
    ours = connect(world.url, app_id="3141592")
    made = living(world.write("contacts", create(1, email="made@example.com"))["n1"].record).ref.id
    found = ours.read("contacts", [typed, made], ["email"])
    assert [living(found[id_]).mine for id_ in (typed, made)] == [False, True]
    ours.close()
    assert living(world.hubspot.read("contacts", [made], ["email"])[made]).mine is None


def test_a_missing_scope_is_found_by_name(world: World) -> None:
    """`check` names the scope that the key lacks, and a read raises with it as the permission."""
    scopes = ["crm.objects.contacts.read", "crm.schemas.contacts.read", "crm.schemas.deals.read"]
    world.remote.act("token", token="narrow", scopes=scopes)
    narrow = connect(world.url, token="narrow")
    errors = [one for one in narrow.check() if one.severity is Severity.ERROR]
    assert "crm.objects.owners.read" in " ".join(one.remedy for one in errors)
    assert "crm.objects.deals.read" in " ".join(one.remedy for one in errors)
    with pytest.raises(AuthError) as caught:
        narrow.read("deals", ["1"], ["dealname"])
    assert caught.value.permission == "crm.objects.deals.read"
    narrow.close()


def test_a_scope_lost_amid_writing_leaves_the_rest_for_later(world: World) -> None:
    """Every operation has its outcome before the AuthError stops the system."""
    world.hubspot.describe("contacts")
    world.remote.faults({"fault": "401", "writes_only": True})
    seen: list[Outcome] = []
    writing = world.hubspot.write("contacts", [create(n, email=f"x{n}@example.com") for n in range(150)])
    with pytest.raises(AuthError):
        seen.extend(one for batch in writing for one in batch)
    assert [one.result for one in seen] == [Result.LATER] * 150


def test_a_property_archived_meanwhile_is_unknown_and_not_blank(world: World) -> None:
    """A field that HubSpot no longer has is left out of the record, also while our schema still knows it."""
    contact = world.contact(1, lead_source="Door Knock")
    world.hubspot.describe("contacts")
    world.remote.act("property_archive", "contacts", name="lead_source")
    assert living(world.hubspot.read("contacts", [contact], ["lead_source", "lastname"])[contact]).fields == {
        "lastname": "Łukasz 1"
    }


def test_the_account_gives_zone_owners_stages_and_page(world: World) -> None:
    """`describe` knows the zone, inactive owners, and each stage's pipeline; records have their page."""
    owner = world.hubspot.describe("deals").users[0]
    world.remote.act("owner_deactivate", id=owner.id)
    world.hubspot.forget_schema()
    schema = world.hubspot.describe("deals")
    assert schema.timezone == "America/Chicago"
    assert {user.id: user.active for user in schema.users}[owner.id] is False
    assert ("closedwon", "default") in {(one.value, one.group) for one in schema.fields["dealstage"].options}
    assert len({one.group for one in schema.fields["dealstage"].options}) == 2
    assert str(world.hubspot.url("deals", "7")).endswith("/record/0-3/7")


def test_settings_that_cannot_be_are_refused(world: World) -> None:
    """A version that is no dated version, and an address that would show the key, stop at once."""
    with pytest.raises(ConfigError, match="version"):
        connect(world.url, version="v3")
    with pytest.raises(ConfigError, match="http://"):
        connect("http://hubspot.example.com")


def test_the_2026_09_version_is_spoken(world: World) -> None:
    """The dated version is a setting: everything goes by its paths, and a refused rule of the admin is one record's."""
    newer = connect(world.url, version="2026-09")
    contact = world.contact(1)
    world.remote.settings(required_rules=[{"type": "contacts", "require": ["phone"]}])
    mark = world.remote.mark()
    assert living(newer.read("contacts", [contact], ["email"])[contact])
    outcomes = [one for batch in newer.write("contacts", [create(1, email="r@example.com")]) for one in batch]
    assert [one.result for one in outcomes] == [Result.REFUSED]
    assert all("/2026-09/" in one["path"] for one in world.remote.requests(mark))
    newer.close()
