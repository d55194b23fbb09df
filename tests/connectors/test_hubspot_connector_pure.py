"""The pure parts of the HubSpot connector: values, errors, pairing of batch answers, cursors, search bodies."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import FieldKind, FieldType, MatchKey, SyncKey, Value
from syncd.errors import AuthError, Transient
from syncd.kit.connector import Timing
from syncd_hubspot import find
from syncd_hubspot.deltas import window_body
from syncd_hubspot.pairing import pair
from syncd_hubspot.position import FAST, SETTLED, Position, Window
from syncd_hubspot.schema import field_type, zone_of
from syncd_hubspot.troubles import HubSpotRefused, explainer, parse
from syncd_hubspot.values import from_wire, millis, moment, stamp, to_wire

explain = explainer(lambda: 7200.0)


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (FieldKind.NUMBER, "1250.5", 1250.5),
        (FieldKind.NUMBER, "1250", 1250),
        (FieldKind.NUMBER, "1250.00", 1250),
        (FieldKind.NUMBER, "nan", "nan"),
        (FieldKind.NUMBER, "a lot", "a lot"),
        (FieldKind.BOOL, "true", True),
        (FieldKind.BOOL, "false", False),
        (FieldKind.MULTI, "a;b", ("a", "b")),
        (FieldKind.MULTI, ";", None),
        (FieldKind.DATE, "2024-09-11", "2024-09-11"),
        (FieldKind.DATE, "1726012800000", "2024-09-11"),
        (FieldKind.DATETIME, "2024-09-11T13:27:39.356Z", "2024-09-11T13:27:39.356Z"),
        (FieldKind.DATETIME, "2024-09-11T13:27:39.000Z", "2024-09-11T13:27:39Z"),
        (FieldKind.DATETIME, "1726061259356", "2024-09-11T13:27:39.356Z"),
        (FieldKind.DATETIME, "soon", "soon"),
        (FieldKind.TEXT, "  kept as it is ", "  kept as it is "),
        (FieldKind.TEXT, "", None),
        (FieldKind.ENUM, None, None),
    ],
)
def test_wire_values_are_read_as_canonical_ones(kind: FieldKind, raw: str | None, value: object) -> None:
    """Every wire form that HubSpot is known to send becomes the canonical value; nonsense stays text."""
    read = from_wire(kind, raw)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        (None, ""), (True, "true"), (False, "false"), (12, "12"), (1250.5, "1250.5"), (1e-7, "0.0000001"),
        (1e20, "100000000000000000000"), (("a", "b"), "a;b"), (("", "b"), "b"), ("2024-09-11", "2024-09-11"),
    ],
)  # fmt: skip
def test_canonical_values_are_written_as_strings(value: Value, raw: str) -> None:
    """Whatever is written is a string, a blank is `""`, and a list of choices never begins with `;` (append)."""
    assert to_wire(value) == raw


@given(st.one_of(st.floats(-1e15, 1e15), st.integers(-(10**15), 10**15)))
def test_numbers_survive_the_round_trip(number: float) -> None:
    """Writing a number and reading it back gives the same number."""
    assert from_wire(FieldKind.NUMBER, to_wire(number)) == number


@given(st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - Hypothesis wants naive bounds
def test_moments_survive_to_the_millisecond(when: datetime) -> None:
    """A time goes through ISO text and epoch milliseconds and loses nothing but microseconds."""
    kept = when.replace(microsecond=when.microsecond // 1000 * 1000)
    assert moment(stamp(when)) == moment(str(millis(when))) == kept


def test_a_duplicate_names_the_record_that_is_there() -> None:
    """A 409 is a refusal for being a duplicate, with the id in its sentence and the correlation id in its text."""
    body = {"message": "Contact already exists. Existing ID: 9876", "category": "CONFLICT", "correlationId": "c-1"}
    error = explain(409, {}, body)
    assert isinstance(error, HubSpotRefused)
    assert (error.duplicate, error.names) == (True, ("9876",))
    assert "c-1" in str(error)


def test_validation_details_are_read_from_the_message() -> None:
    """Fields and codes are found where HubSpot hides them: in a JSON array inside the message."""
    message = (
        'Property values were not valid: [{"isValid":false,"message":"nix is not one of the allowed options",'
        '"error":"INVALID_OPTION","name":"dealstage"}]'
    )
    trouble = parse({"message": message, "category": "VALIDATION_ERROR"})
    assert (trouble.fields, trouble.codes) == (("dealstage",), ("INVALID_OPTION",))
    assert trouble.message == "Property values were not valid; nix is not one of the allowed options"


def test_validation_details_are_read_from_the_errors() -> None:
    """Fields and codes are found in `errors[]` with their contexts."""
    errors = [{"message": "no such", "code": "PROPERTY_DOESNT_EXIST", "context": {"propertyName": ["roof"]}}]
    trouble = parse({"message": "invalid", "errors": errors})
    assert (trouble.fields, trouble.codes) == (("roof",), ("PROPERTY_DOESNT_EXIST",))


def test_a_missing_scope_is_named() -> None:
    """A 403 says which scope the key lacks, as the permission of an AuthError."""
    errors = [{"message": "scopes", "context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}]
    error = explain(403, {}, {"category": "MISSING_SCOPES", "message": "no", "errors": errors})
    assert isinstance(error, AuthError)
    assert error.permission == "crm.objects.deals.read"


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait"),
    [
        (429, {"retry-after": "7"}, {"policyName": "DAILY"}, 7.0),
        (429, {}, {"policyName": "DAILY"}, 7200.0),
        (429, {}, {"policyName": "TEN_SECONDLY_ROLLING"}, 10.0),
        (429, {"x-hubspot-ratelimit-interval-milliseconds": "1000"}, {"policyName": "TEN_SECONDLY_ROLLING"}, 1.0),
        (429, {}, {"policyName": "SECONDLY"}, 1.0),
        (429, {}, "an HTML page", None),
        (423, {}, {"message": "locked"}, 2.0),
        (477, {"retry-after": "90"}, {"message": "moving"}, 90.0),
    ],
)
def test_waits_follow_the_limit_that_was_hit(status: int, headers: dict[str, str], body: object, wait: float) -> None:
    """Each limit has its own wait, and a Retry-After goes first."""
    error = explain(status, headers, body)
    assert isinstance(error, Transient)
    assert error.retry_after == wait


@pytest.mark.parametrize("status", [500, 502, 503, 504, 521, 524])
def test_server_errors_are_left_to_the_kit(status: int) -> None:
    """Only the kit knows whether a request may be sent again, so 5xx is not explained here."""
    assert explain(status, {}, "Bad Gateway") is None


def inputs(*names: str) -> list[dict[str, object]]:
    return [{"objectWriteTraceId": name, "properties": {"email": f"{name}@example.com"}} for name in names]


def test_answers_are_paired_by_trace_id_in_any_order() -> None:
    """Rows and errors find their inputs by trace id; what was not mentioned is in neither."""
    rows = [{"id": "2", "objectWriteTraceId": "b"}]
    paired = pair(inputs("a", "b", "c"), rows, [parse({"message": "no", "context": {"objectWriteTraceId": ["a"]}})])
    assert (set(paired.rows), set(paired.troubles), paired.nameless) == ({"b"}, {"a"}, [])


def test_created_rows_without_trace_are_paired_by_their_values() -> None:
    """Without trace ids a row belongs to the only input it fits; twins are paired with nobody."""
    rows = [
        {"id": "1", "properties": {"email": "B@example.com"}},
        {"id": "2", "properties": {"email": "a@example.com"}},
    ]
    assert {trace: row["id"] for trace, row in pair(inputs("a", "b"), rows, []).rows.items()} == {"a": "2", "b": "1"}
    twins = [{"objectWriteTraceId": name, "properties": {"email": "t@example.com"}} for name in "ab"]
    assert pair(twins, [{"id": "1", "properties": {"email": "t@example.com"}}], []).rows == {}


def test_a_cursor_survives_json() -> None:
    """A position with both windows, a backfill and a bin in progress comes back from its cursor unchanged."""
    position = Position.begin(1_000_000, Timing()).opened(FAST, 1_000_500, 100).opened(SETTLED, 900_000, 100)
    position = position.advanced(FAST, 77)
    assert Position.load(position.cursor()) == position


def test_watermarks_only_rise_and_only_at_the_end_of_a_window() -> None:
    """A window in progress moves no watermark; one that ends below it does not lower it."""
    start = Position.begin(1_000_000, Timing(overlap=timedelta(0)))
    opened = start.opened(FAST, 999_000, 0)
    assert opened.advanced(FAST, 5).fast == start.fast
    assert opened.closed(FAST, 1).fast == start.fast
    assert start.opened(FAST, 1_200_000, 0).closed(FAST, 1).fast == 1_200_000


def test_the_horizon_is_unknown_until_the_backfill_ends() -> None:
    """Nothing is promised before everything was listed, then the backfill's start, then the settled lane."""
    from dataclasses import replace

    position = Position.begin(1_000_000, Timing())
    assert position.read_to is None
    done = replace(position, done=True)
    assert done.read_to == datetime.fromtimestamp(1000, tz=UTC)
    later = done.opened(SETTLED, 2_000_000, 0).closed(SETTLED, 2_000_001)
    assert later.read_to == datetime.fromtimestamp(2000, tz=UTC)


def test_contacts_are_searched_by_their_own_modified_time() -> None:
    """Contacts filter by lastmodifieddate, deals by hs_lastmodifieddate, both by id, and no search has an `after`."""
    for kind, name in (("contacts", "lastmodifieddate"), ("deals", "hs_lastmodifieddate")):
        body = window_body(kind, Window(1, 2, 3))
        filters = body["filterGroups"][0]["filters"]
        assert [one["propertyName"] for one in filters] == [name, name, "hs_object_id"]
        assert [one["value"] for one in filters] == ["1", "2", "3"]
        assert "after" not in body


def text(*names: str) -> dict[str, FieldType]:
    return {name: FieldType(name=name, kind=FieldKind.TEXT) for name in names}


def test_look_ups_stay_within_the_limits_of_a_search() -> None:
    """However many keys there are, each request has at most 5 groups, 6 filters each, 18 in all, 3,000 characters."""
    plan = find._Plan("contacts", text("lastname", "address", "city", "zip"))
    for number in range(60):
        terms = [((name,), (f"{name} {number} " + "x" * 90,)) for name in ("lastname", "address", "city", "zip")]
        plan.add(MatchKey("name", tuple(terms)))
    bodies = [find._body(groups, 10**12) for groups in plan.bodies()]
    asked = [
        {one["propertyName"]: one["values"] for one in group["filters"] if "values" in one}
        for body in bodies for group in body["filterGroups"]
    ]  # fmt: skip
    for number in range(60):
        wanted = {name: f"{name} {number} {'x' * 90}" for name in ("lastname", "address", "city", "zip")}
        assert any(all(value in group.get(name, ()) for name, value in wanted.items()) for group in asked)
    assert len(bodies) <= 15
    for body in bodies:
        assert len(str(body)) <= 3000
        assert len(body["filterGroups"]) <= 5
        assert sum(len(group["filters"]) for group in body["filterGroups"]) <= 18
        assert all(len(group["filters"]) <= 6 for group in body["filterGroups"])


def test_phones_are_looked_up_without_country_code() -> None:
    """Phone terms ask the searchable twins for digits only, many in one request."""
    plan = find._Plan("contacts", text("phone", "hs_searchable_calculated_phone_number"))
    for number in ("+1 512 555 0101", "(512) 555-0102", "512.555.0102"):
        plan.add(MatchKey("phone", ((("phone",), (number,)),)))
    (groups,) = plan.bodies()
    assert [one["values"] for one in groups[0]] == [["5125550101", "5125550102"]]


def test_texts_of_many_keys_share_a_group() -> None:
    """Streets and names of several people are asked for together: any of the streets with any of the names."""
    plan = find._Plan("contacts", text("lastname", "address"))
    for number in range(70):
        plan.add(MatchKey("a", ((("address",), (f"{number} Main St",)), (("lastname",), (f"Name{number % 3}",)))))
    groups = [group for body in plan.bodies() for group in body]
    assert [[one["operator"] for one in group] for group in groups] == [["IN", "IN"]] * 2
    assert sum(len(group[0]["values"]) for group in groups) == 70


def test_a_term_whose_fields_are_unknown_asks_nothing() -> None:
    """HubSpot refuses a search for a property it does not have, so such a key is not asked."""
    plan = find._Plan("contacts", text("lastname"))
    plan.add(MatchKey("nickname", ((("nickname",), ("Zoë",)),)))
    assert list(plan.bodies()) == []


def test_sync_keys_are_asked_field_by_field() -> None:
    """Keys of one field go together, blank ones are not asked."""
    keys = [SyncKey("syncd_id", "1"), SyncKey("syncd_id", ""), SyncKey("other", "2")]
    assert find._by_field(keys) == {"syncd_id": ["1"], "other": ["2"]}


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"type": "string", "fieldType": "text"}, FieldKind.TEXT),
        ({"type": "number", "fieldType": "number"}, FieldKind.NUMBER),
        ({"type": "enumeration", "fieldType": "checkbox"}, FieldKind.MULTI),
        ({"type": "enumeration", "fieldType": "radio"}, FieldKind.ENUM),
        ({"type": "enumeration", "fieldType": "select", "referencedObjectType": "OWNER"}, FieldKind.USER),
        ({"type": "enumeration", "fieldType": "booleancheckbox", "options": [{"value": "true"}]}, FieldKind.BOOL),
        ({"type": "json", "fieldType": "text"}, FieldKind.TEXT),
    ],
)
def test_properties_are_typed(row: dict[str, object], kind: FieldKind) -> None:
    """HubSpot's type and fieldType together say what a field holds."""
    assert field_type("deals", {"name": "any", **row}).kind is kind


def test_an_unknown_zone_is_utc() -> None:
    """A zone that does not exist here is not handed on."""
    assert zone_of({"timeZone": "America/Chicago"}) == "America/Chicago"
    assert zone_of({"timeZone": "Mars/Olympus"}) == zone_of({}) == "UTC"
    assert (
        zone_of({"timeZone": "9" * 500}) == zone_of({"timeZone": "America"}) == zone_of({"timeZone": "../etc"}) == "UTC"
    )
