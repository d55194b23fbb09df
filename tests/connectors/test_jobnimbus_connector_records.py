"""Records of JobNimbus: custom fields that are there or not, look-ups, writes, `check`; against its sandbox."""

from __future__ import annotations

import threading
import time
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Action, FieldKind, Gone, MatchKey, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import AuthError, Transient
from syncd_jobnimbus.client import One
from syncd_jobnimbus.reads import Reader
from tests.connectors.jobnimbus_connector_bench import KEY, TIMING, Account, account

LABELED = {"custom_fields": "jobs.cf_string_3=Roof Type; jobs.cf_date_1=Date of Loss"}


def read(one: Account, kind: str, id: str, *fields: str) -> Record:
    """The record of this id, which must be there."""
    found = one.connector.read(kind, [id], fields)[id]
    assert isinstance(found, Record)
    return found


def write(one: Account, kind: str, operation: Operation) -> Outcome:
    """The one outcome of one operation."""
    (outcomes,) = one.connector.write(kind, [operation])
    (outcome,) = outcomes
    return outcome


def create(fields: dict[str, Value], **more: Any) -> Operation:
    """A create."""
    return Operation(id="1", action=Action.CREATE, fields=fields, **more)


def update(kind: str, id: str, fields: dict[str, Value], expect: dict[str, Value], **more: Any) -> Operation:
    """An update."""
    ref = Ref("jn", kind, id)
    return Operation(id="1", action=Action.UPDATE, ref=ref, fields=fields, expect=expect, **more)


def emails(*values: str) -> MatchKey:
    """A look-up by e-mail."""
    return MatchKey("email", ((("email",), values),))


# -- custom fields


@pytest.mark.parametrize(("shown", "name"), [("both", "cf_string_3"), ("cf", "cf_string_3"), ("labels", "Roof Type")])
def test_custom_fields_are_read_however_they_are_shown(shown: str, name: str) -> None:
    """By key or by label, whichever an account shows; with the setting also by the other name."""
    with account(custom_fields_as=shown, options=LABELED) as one:
        made = one.job("Roof of Zoë", cf_string_3="Metal", cf_date_1="2026-03-08")
        for asked, loss in ((name, "cf_date_1"), ("cf_string_3", "cf_date_1"), ("Roof Type", "Date of Loss")):
            assert read(one, "jobs", made, asked, loss).fields == {asked: "Metal", loss: "2026-03-08"}


def test_a_missing_custom_field_is_blank_only_if_it_exists() -> None:
    """Blank next to a record that carries it; unknown when nobody does; a standard field is just blank."""
    with account() as one:
        bare, full = one.job("Bare"), one.job("Full", cf_string_3="Metal")
        found = one.connector.read("jobs", [bare], ["cf_string_3", "cf_string_1", "description"])[bare]
        assert isinstance(found, Record)
        assert found.fields == {"cf_string_3": None, "description": None}
        assert read(one, "jobs", full, "cf_string_3").fields == {"cf_string_3": "Metal"}


def test_a_field_that_was_removed_becomes_unknown() -> None:
    """A missing value is taken for a blank one only if a canary tells the field now, not if one did a moment ago."""
    with account() as one:
        bare = one.job("Bare")
        one.job("Full", cf_string_3="Metal")
        assert read(one, "jobs", bare, "cf_string_3").fields == {"cf_string_3": None}
        one.remote.act("field_remove", "jobs", id="cf_string_3")
        assert read(one, "jobs", bare, "cf_string_3").fields == {}


def test_fields_that_are_told_no_more_were_not_cleared() -> None:
    """A key that lost its custom fields: read, listed, written or refused, no record of it looks cleared."""
    with account(options=LABELED, index_lag=0.0) as one:
        full, other = one.job("Full", cf_string_3="Metal"), one.job("Other", cf_string_3="Tile")
        bare = one.job("Bare")
        one.fill("jobs", "name", "cf_string_3")
        assert read(one, "jobs", bare, "cf_string_3").fields == {"cf_string_3": None}
        one.remote.settings(custom_fields_as="none")
        one.remote.advance(5)
        one.remote.act("update", "jobs", id=full, fields={"description": "steep"})
        assert read(one, "jobs", full, "cf_string_3").fields == {}
        one.tick("jobs", "name", "cf_string_3")
        shown = one.held[full]
        assert isinstance(shown, Record) and shown.fields == {"name": "Full"}
        done = write(one, "jobs", update("jobs", other, {"description": "flat"}, {"description": None}))
        assert done.record is not None and "cf_string_3" not in done.record.fields
        stale = write(one, "jobs", update("jobs", other, {"cf_string_3": "Flat"}, {"cf_string_3": "Tile"}))
        assert (stale.result, stale.record is not None and "cf_string_3" in stale.record.fields) == (
            Result.STALE,
            False,
        )
        blind = write(one, "jobs", update("jobs", bare, {"cf_string_3": "Flat"}, {"cf_string_3": None}))
        assert blind.result is Result.STALE


def test_what_was_answered_before_a_loss_proves_nothing_of_what_was_answered_after(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The key loses its custom fields in the middle of a read of several: the second one is not taken for cleared."""
    ask, first = Reader.ask, threading.Event()
    with account(options=LABELED) as one:
        before, after = one.job("Before", cf_string_3="Metal"), one.job("After", cf_string_3="Tile")

        def slowly(self: Reader, kind: str, id: str) -> One | Gone:
            if id == after and first.wait(5):
                one.remote.settings(custom_fields_as="none")
            answer = ask(self, kind, id)
            first.set()
            return answer

        monkeypatch.setattr(Reader, "ask", slowly)
        found = one.connector.read("jobs", [before, after], ["cf_string_3"])
        told = [record.fields for record in found.values() if isinstance(record, Record)]
        assert told == [{"cf_string_3": "Metal"}, {}]


def test_the_schema_tells_of_custom_fields_found_set_and_asked_for() -> None:
    """Those of recent records by key and label with their types, those of the setting, and keys somebody reads."""
    with account(options={"custom_fields": "jobs.cf_string_2=Insurance Carrier"}) as one:
        one.job("Full", cf_string_3="Metal", cf_date_1="2026-03-08", cf_double_1=1000.5, cf_boolean_1=True)
        list(one.connector.changes("jobs", None, ["cf_string_4"], lambda ids: {}))
        fields = one.connector.describe("jobs").fields
        kinds = {name: fields[name].kind for name in fields if fields[name].custom}
        assert kinds == {
            "cf_string_2": FieldKind.TEXT,
            "cf_string_3": FieldKind.TEXT,
            "cf_string_4": FieldKind.TEXT,
            "cf_date_1": FieldKind.DATE,
            "cf_double_1": FieldKind.NUMBER,
            "cf_boolean_1": FieldKind.BOOL,
            "Roof Type": FieldKind.TEXT,
            "Date of Loss": FieldKind.DATE,
            "Deductible": FieldKind.NUMBER,
            "Insurance Job": FieldKind.BOOL,
        }
        assert fields["cf_string_2"].label == "Insurance Carrier"
        assert fields["cf_string_3"].label == "Roof Type"


def test_the_schema_names_statuses_by_workflow_and_people_by_mail() -> None:
    """Options carry the workflow as their group; users carry e-mail and whether they are active."""
    with account() as one:
        schema = one.connector.describe("jobs")
        groups = {option.group for option in schema.fields["status_name"].options if option.value == "Lead"}
        assert groups == {"Roofing", "Repair"}
        assert schema.fields["primary"].ref_kind == "contacts"
        assert schema.timezone == "America/Chicago"
        assert {(user.email, user.active) for user in schema.users} >= {
            ("dana.reyes@example.com", True),
            ("lee.moretti@example.com", False),
        }


# -- reading by id


@pytest.mark.parametrize("status", [403, 404])
def test_a_hidden_record_is_gone_without_a_tombstone(status: int) -> None:
    """A record that our access profile no longer sees is absent, not deleted; its neighbors are read."""
    with account(hidden_get_status=status) as one:
        hidden, kept = one.job("Hidden"), one.job("Kept")
        one.remote.act("hide", ids=[hidden])
        found = one.connector.read("jobs", [hidden, kept, "nosuchjnid"], ["name"])
        gone = found[hidden]
        assert isinstance(gone, Gone)
        assert not gone.tombstone
        assert isinstance(found["nosuchjnid"], Gone)
        assert isinstance(found[kept], Record)


def test_a_kind_that_is_denied_is_for_the_operator() -> None:
    """When the profile loses a whole kind nothing looks deleted: the system pauses, naming the access profile."""
    with account() as one:
        made = one.job("Roof of Zoë")
        one.remote.act("key", key=KEY, profile="no-jobs")
        with pytest.raises(AuthError, match="access profile"):
            one.connector.read("jobs", [made], ["name"])


@pytest.mark.parametrize("loser", ["inactive", "deleted"])
def test_the_loser_of_a_merge_is_gone(loser: str) -> None:
    """Whatever a merge does with it, the loser answers Gone and the winner lives."""
    with account(merge_loser=loser) as one:
        lost, kept = one.person("contacts", display_name="Zoe"), one.person("contacts", display_name="Zoë")
        one.remote.act("merge", "contacts", id=lost, into=kept)
        found = one.connector.read("contacts", [lost, kept], ["display_name"])
        assert isinstance(found[lost], Gone)
        assert isinstance(found[kept], Record)


# -- look-ups


@pytest.mark.parametrize("should", [True, False])
@pytest.mark.parametrize("case", ["exact", "caseless", "lowered"])
def test_look_ups_bear_every_rule_of_comparison(case: str, should: bool) -> None:
    """E-mail and sync key are found whether terms are exact, caseless or lower-cased, in one request or in several."""
    with account(term_case=case, should_works=should) as one:
        zoe = one.person("contacts", display_name="Zoë Nuñez", email="Zoe@Example.com", cf_string_1="Key-1")
        sean = one.person("contacts", display_name="Sean O'Brien", email="sean@example.com")
        one.person("contacts", display_name="Łukasz", email="lukasz@example.com")
        found = one.connector.find("contacts", [emails("zoe@example.com"), emails("sean@example.com")], ["email"])
        assert {hit.ref.id for hit in found} == {zoe, sean}
        by_key = one.connector.find("contacts", [SyncKey("cf_string_1", "Key-1")], ["cf_string_1"])
        assert [hit.fields for hit in by_key] == [{"cf_string_1": "Key-1"}]
        assert one.connector.find("contacts", [SyncKey("cf_string_1", "Key-2")], []) == []


@pytest.mark.parametrize("typed", ["(555) 010-2345", "555-010-2345", "+15550102345", "555.010.2345", "1-555-010-2345"])
def test_a_phone_is_found_however_it_was_typed(typed: str) -> None:
    """A shared phone stands in any of three fields, in any spelling."""
    with account() as one:
        zoe = one.person("contacts", display_name="Zoë", home_phone=typed)
        sean = one.person("contacts", display_name="Sean", work_phone=typed)
        one.person("contacts", display_name="Łukasz", work_phone="555 010 9999")
        phones = ("home_phone", "mobile_phone", "work_phone")
        key = MatchKey("phone", ((phones, ("+15550102345",)),))
        assert {hit.ref.id for hit in one.connector.find("contacts", [key], [])} == {zoe, sean}


def test_many_keys_share_requests_and_deleted_records_are_left_out() -> None:
    """Twenty e-mails are one or two requests; a deleted record answers no match key."""
    with account(inactive_in_lists="shown") as one:
        ids = [one.person("contacts", display_name=f"P {n}", email=f"p{n}@example.com") for n in range(20)]
        one.remote.act("archive", "contacts", id=ids[0])
        keys = [emails(f"p{n}@example.com") for n in range(20)]
        one.connector.find("contacts", keys[:1], [])
        mark = one.remote.mark()
        assert {hit.ref.id for hit in one.connector.find("contacts", keys, ["email"])} == set(ids[1:])
        assert len(one.remote.requests(mark)) <= 2


def test_a_look_up_without_filters_is_not_an_empty_one() -> None:
    """Where filters are ignored a look-up fails: "nobody" would make a duplicate."""
    with account(filter_works=False) as one:
        for n in range(3):
            one.person("contacts", display_name=f"P {n}", email=f"p{n}@example.com")
        with pytest.raises(Transient, match="ignores the filters"):
            one.connector.find("contacts", [emails("p1@example.com")], [])


# -- writes


@pytest.mark.parametrize("quiet", [True, False])
def test_quiet_writes_set_off_no_automations(quiet: bool) -> None:
    """`skip=automation,notification` goes with every quiet write and with no other."""
    with account() as one:
        fields: dict[str, Value] = {"name": "Roof", "record_type_name": "Roofing", "status_name": "Lead"}
        made = write(one, "jobs", create(fields, quiet=quiet)).record
        assert made is not None
        write(one, "jobs", update("jobs", made.ref.id, {"description": "x"}, {"description": None}, quiet=quiet))
        queries = [request["query"] for request in one.remote.writes()]
        assert queries == ([{"skip": "automation,notification"}] * 2 if quiet else [{}] * 2)
        assert bool(one.remote.act("automations")["fired"]) is not quiet


def test_a_job_is_made_for_its_contact_and_can_be_moved() -> None:
    """`primary` travels as an id; with move_primary off, moving it is refused before anything is sent."""
    for moves in (True, False):
        with account(options={"move_primary": moves}) as one:
            zoe, sean = (one.person("contacts", display_name=name) for name in ("Zoë", "Sean"))
            fields: dict[str, Value] = {"name": "Roof", "record_type_name": "Roofing", "status_name": "Lead"}
            made = write(one, "jobs", create({**fields, "primary": zoe})).record
            assert made is not None
            assert made.fields["primary"] == zoe
            mark = one.remote.mark()
            outcome = write(one, "jobs", update("jobs", made.ref.id, {"primary": sean}, {"primary": zoe}))
            assert outcome.result is (Result.WRITTEN if moves else Result.REFUSED)
            assert bool(one.remote.writes(mark)) is moves


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("no_such_field", "x"),
        ("approved_estimate_total", 1),
        ("date_updated", "2026-03-08T07:00:00Z"),
        ("geo", "x"),
        ("jnid", "x"),
    ],
)
def test_what_jobnimbus_would_drop_without_a_word_is_never_sent(field: str, value: Value) -> None:
    """A field that is unknown, computed or the vendor's own is refused by name, and no request is made."""
    with account() as one:
        made = one.job("Roof")
        mark = one.remote.mark()
        outcome = write(one, "jobs", update("jobs", made, {field: value}, {}))
        assert (outcome.result, outcome.fields) == (Result.REFUSED, (field,))
        assert one.remote.writes(mark) == []


def test_only_what_changes_is_sent_and_the_answer_is_the_record() -> None:
    """The PUT holds the operation's keys; the outcome holds all fields that anybody reads, from the answer."""
    with account() as one:
        made = one.job("Roof", description="old", cf_string_3="Metal")
        one.connector.read("jobs", [made], ["name", "cf_string_3"])
        outcome = write(one, "jobs", update("jobs", made, {"description": "new"}, {"description": "old"}))
        (sent,) = one.remote.writes()
        assert sent["body"] == {"description": "new"}
        assert outcome.record is not None
        assert outcome.record.fields == {"name": "Roof", "cf_string_3": "Metal", "description": "new"}


def test_what_is_there_already_is_not_written() -> None:
    """When the record holds the wanted values, as was expected, nothing is sent."""
    with account() as one:
        made = one.job("Roof", description="new")
        outcome = write(one, "jobs", update("jobs", made, {"description": "new"}, {"description": "new"}))
        assert outcome.result is Result.WRITTEN
        assert one.remote.writes() == []


def test_an_edit_of_another_field_does_not_make_a_write_stale() -> None:
    """Only the fields that would be overwritten are compared, the vendor merges the rest."""
    with account() as one:
        made = one.job("Roof", description="old")
        one.remote.act("update", "jobs", id=made, fields={"city": "Austin"})
        outcome = write(one, "jobs", update("jobs", made, {"description": "new"}, {"description": "old"}))
        assert outcome.result is Result.WRITTEN


def test_a_one_way_write_costs_one_request() -> None:
    """Without `compare` there is no GET before the PUT."""
    with account() as one:
        made = one.job("Roof")
        mark = one.remote.mark()
        outcome = write(one, "jobs", update("jobs", made, {"description": "x"}, {}, compare=False))
        assert outcome.result is Result.WRITTEN
        assert [request["method"] for request in one.remote.requests(mark)] == ["PUT"]


@pytest.mark.parametrize(("blank_text", "sent"), [("", ""), ("null", None)])
def test_how_a_text_is_cleared_is_a_setting(blank_text: str, sent: str | None) -> None:
    """The reference does not tell, so either can be sent, and both read as blank."""
    with account(options={"blank_text": blank_text}) as one:
        made = one.job("Roof", description="old", cf_string_3="Metal")
        wanted: dict[str, Value] = {"description": None, "cf_string_3": None}
        outcome = write(one, "jobs", update("jobs", made, wanted, {"description": "old", "cf_string_3": "Metal"}))
        assert one.remote.writes()[0]["body"] == {"description": sent, "cf_string_3": sent}
        assert outcome.record is not None
        assert outcome.record.fields == wanted


def test_dates_are_written_in_the_accounts_zone() -> None:
    """A date is stored as its midnight in Chicago, not in UTC."""
    with account(options=LABELED) as one:
        made = one.job("Roof")
        write(one, "jobs", update("jobs", made, {"Date of Loss": "2026-03-09"}, {"Date of Loss": None}))
        assert one.remote.writes()[0]["body"] == {"cf_date_1": 1773032400}
        assert read(one, "jobs", made, "cf_date_1").fields == {"cf_date_1": "2026-03-09"}


@pytest.mark.parametrize("body", ["text", "json", "error"])
def test_a_second_name_is_a_duplicate_in_every_shape_of_error(body: str) -> None:
    """400 "Duplicate ... exists" is REFUSED as a duplicate, in the vendor's words."""
    with account(error_body=body) as one:
        one.person("contacts", display_name="Zoë Nuñez")
        outcome = write(one, "contacts", create({"display_name": "zoë nuñez"}))
        assert (outcome.result, outcome.duplicate) == (Result.REFUSED, True)
        assert "Duplicate contact exists" in str(outcome.error)


def test_an_actor_writes_and_does_not_narrow_what_is_read() -> None:
    """The e-mail goes with writes only."""
    with account(options={"actor": "dana.reyes@example.com"}) as one:
        made = one.job("Roof")
        write(one, "jobs", update("jobs", made, {"description": "x"}, {"description": None}))
        actors = {request["method"]: request["query"].get("actor") for request in one.remote.requests()}
        assert actors == {"GET": None, "PUT": "dana.reyes@example.com"}


def test_two_requests_at_most_are_under_way() -> None:
    """Many ids are read two at a time."""
    with account() as one:
        ids = [one.job(f"Roof {n}") for n in range(6)]
        one.remote.faults({"fault": "slow", "delay": 0.2})
        began = time.monotonic()
        assert len(one.connector.read("jobs", ids, ["name"])) == 6
        assert 0.55 <= time.monotonic() - began < 1.2


def test_production_timing_is_used_as_it_is() -> None:
    """The declared lag is that of the settings."""
    with account() as one:
        declared = one.connector.capabilities
        assert (declared.lag, declared.tick) == (TIMING.lag, timedelta(seconds=1))
        assert declared.unique == {"contacts": ("display_name",), "jobs": ("name",)}
        assert not declared.sync_key


def test_every_shape_of_field_is_written_read_and_cleared() -> None:
    """Users, lists, dates, numbers, flags, pick lists and relations keep their value, and can be made blank."""
    with account() as one:
        zoe, made = one.person("contacts", display_name="Zoë"), one.job("Roof")
        dana, sam = (user.id for user in one.connector.describe("jobs").users[:2])
        values: dict[str, Value] = {
            "sales_rep": dana,
            "owners": (dana, sam),
            "tags": ("hail", "wind"),
            "date_start": "2026-03-08T07:00:00Z",
            "actual_time": 12,
            "source_name": "Website",
            "primary": zoe,
            "cf_string_1": "CLM-1",
            "cf_date_1": "2026-03-08",
            "cf_double_1": 1000.5,
            "cf_boolean_1": True,
        }
        blanks: dict[str, Value] = dict.fromkeys(values)
        filled = write(one, "jobs", update("jobs", made, values, blanks))
        assert filled.record is not None, filled.error
        assert filled.record.fields == values
        assert read(one, "jobs", made, *values).fields == values
        cleared = write(one, "jobs", update("jobs", made, blanks, values))
        assert cleared.record is not None, cleared.error
        assert cleared.record.fields == blanks
