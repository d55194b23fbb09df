"""JobNimbus values on the wire and in canonical form; names of custom fields; refusals. Pure, no server."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import FieldKind, FieldType, Loss, Value
from syncd.errors import AuthError, ConfigError, Refused
from syncd_jobnimbus.explain import Forbidden, NotFound, explain
from syncd_jobnimbus.fields import standard
from syncd_jobnimbus.names import Names, infer_labels, kind_of_key, kind_of_label, parse_names
from syncd_jobnimbus.schema import pick_lists
from syncd_jobnimbus.search import clauses, phone_spellings
from syncd_jobnimbus.values import Codec, iso, moment, same

CHICAGO = Codec(ZoneInfo("America/Chicago"))
LOSS_DATE = FieldType(name="cf_date_1", kind=FieldKind.DATE, custom=True)
START = standard("jobs")["date_start"]

GOLDEN_DATES = [
    ("2026-03-07", 1772863200),  # 06:00 UTC, standard time
    ("2026-03-08", 1772949600),  # the clocks go forward at 02:00; midnight is still standard time
    ("2026-03-09", 1773032400),  # 05:00 UTC, summer time: the day before had 23 hours
    ("2026-10-31", 1793422800),
    ("2026-11-01", 1793509200),  # the clocks go back at 02:00; midnight is still summer time
    ("2026-11-02", 1793599200),  # the day before had 25 hours
]


@pytest.mark.parametrize(("day", "seconds"), GOLDEN_DATES)
def test_dates_at_both_edges_of_summer_time(day: str, seconds: int) -> None:
    """A date is midnight in the account's zone, on the days around both changes of the clock."""
    assert CHICAGO.encode(LOSS_DATE, day) == seconds
    assert CHICAGO.decode(LOSS_DATE, seconds) == day


@pytest.mark.parametrize(("day", "seconds"), GOLDEN_DATES)
def test_a_date_stored_late_in_its_day_is_that_day(day: str, seconds: int) -> None:
    """People pick a date at any time of the day: the last hour before the next midnight still belongs to it."""
    length = {"2026-03-08": 23, "2026-11-01": 25}.get(day, 24)
    assert CHICAGO.decode(LOSS_DATE, seconds + length * 3600 - 1) == day
    assert CHICAGO.decode(LOSS_DATE, seconds + length * 3600) != day


def test_a_day_without_midnight_comes_back() -> None:
    """Where summer time begins at midnight, the date's first moment is written, and read as the same date."""
    beirut = Codec(ZoneInfo("Asia/Beirut"))
    seconds = beirut.encode(LOSS_DATE, "2026-03-29")
    assert beirut.decode(LOSS_DATE, seconds) == "2026-03-29"
    assert beirut.decode(LOSS_DATE, seconds - 1) == "2026-03-28"


@given(
    day=st.dates(min_value=date(1971, 1, 1)),
    zone=st.sampled_from(["America/Chicago", "America/St_Johns", "America/Sao_Paulo", "Pacific/Apia", "UTC"]),
)
def test_written_dates_read_as_themselves(day: Any, zone: str) -> None:
    """Writing a date and reading it gives it back, in zones with and without odd offsets."""
    codec = Codec(ZoneInfo(zone))
    skipped = day.isoformat() == "2011-12-30" and zone == "Pacific/Apia"  # that day did not happen there
    assert skipped or codec.decode(LOSS_DATE, codec.encode(LOSS_DATE, day.isoformat())) == day.isoformat()


@pytest.mark.parametrize(
    ("wire", "canonical"),
    [(1726061259, "2024-09-11T13:27:39Z"), (1726061259000, "2024-09-11T13:27:39Z"), (0, None), (None, None)],
)
def test_stamps_are_seconds_and_milliseconds_are_borne(wire: Any, canonical: str | None) -> None:
    """Unix seconds, the milliseconds that some clients wrote, and both ways of being unset."""
    assert CHICAGO.decode(START, wire) == canonical


def test_milliseconds_are_shown_only_when_they_are_not_zero() -> None:
    """A stamp in milliseconds keeps them."""
    assert iso(moment(1726061259250)) == "2024-09-11T13:27:39.250Z"


def test_datetimes_are_sent_as_whole_seconds() -> None:
    """Any offset is understood, fractions are dropped, blank is the vendor's own 0, a naive one is refused."""
    assert CHICAGO.encode(START, "2024-09-11T08:27:39.9-05:00") == 1726061259
    assert CHICAGO.encode(START, None) == 0
    with pytest.raises(ValueError, match="no time zone"):
        CHICAGO.encode(START, "2024-09-11T08:27:39")


@pytest.mark.parametrize(
    ("name", "wire", "canonical"),
    [
        ("sales_rep", "", None),
        ("sales_rep", "usr1", "usr1"),
        ("primary", {"id": "c1", "type": "contact", "name": "Zoë"}, "c1"),
        ("primary", None, None),
        ("owners", [{"id": "u1"}, {"id": "u2"}, {"id": "u1"}], ("u1", "u2")),
        ("owners", [], None),
        ("tags", ["hail", "wind"], ("hail", "wind")),
        ("location", {"id": 2, "name": "North"}, "2"),
        ("description", "", None),
        ("description", "tall roof", "tall roof"),
        ("approved_estimate_total", 1250.5, 1250.5),
        ("all_day", False, False),
    ],
)
def test_wire_to_canonical(name: str, wire: Any, canonical: Value) -> None:
    """Each shape of the vendor becomes the one canonical form; what is empty is blank."""
    assert CHICAGO.decode(standard("jobs")[name], wire) == canonical


@pytest.mark.parametrize(
    ("name", "canonical", "wire"),
    [
        ("primary", "c1", {"id": "c1"}),
        ("primary", None, None),
        ("owners", ("u1", "u2"), [{"id": "u1"}, {"id": "u2"}]),
        ("owners", None, []),
        ("tags", ("hail",), ["hail"]),
        ("location", "2", {"id": 2}),
        ("description", None, ""),
        ("actual_time", 3, 3),
        ("all_day", None, None),
    ],
)
def test_canonical_to_wire(name: str, canonical: Value, wire: Any) -> None:
    """Ids travel in objects, lists as a whole, blank texts as an empty text."""
    assert CHICAGO.encode(standard("jobs")[name], canonical) == wire


@pytest.mark.parametrize(
    ("name", "wire"),
    [
        ("actual_time", "soon"),
        ("all_day", "maybe"),
        ("name", {"a": 1}),
        ("date_start", "x"),
        ("status_name", {"a": 1}),
        ("name", []),
        ("primary", {"name": "Ann"}),
    ],
)
def test_what_cannot_be_read_is_an_error_not_a_blank(name: str, wire: Any) -> None:
    """A value of another kind raises, so that the caller leaves the field unknown."""
    with pytest.raises(ValueError, match=r"."):
        CHICAGO.decode(standard("jobs")[name], wire)


@pytest.mark.parametrize(("name", "value"), [("actual_time", "3"), ("all_day", "yes"), ("name", 3), ("tags", "a")])
def test_what_does_not_fit_is_not_sent(name: str, value: Value) -> None:
    """A canonical value of another kind raises with words for a person."""
    with pytest.raises(ValueError, match="is not"):
        CHICAGO.encode(standard("jobs")[name], value)


def test_equal_as_the_vendor_keeps_it() -> None:
    """Capitals of a status, the order of owners, fractions of a second and outer blanks make no difference."""
    jobs = standard("jobs")
    assert same(jobs["status_name"], "Submitted For Approval", "submitted for approval")
    assert same(jobs["owners"], ("a", "b"), ("b", "a"))
    assert same(jobs["date_start"], "2024-09-11T13:27:39.500Z", "2024-09-11T13:27:39Z")
    assert same(jobs["description"], "tall ", "tall")
    assert not same(jobs["description"], "Tall", "tall")
    assert not same(jobs["all_day"], False, None)


def test_a_number_is_whole_where_the_field_is() -> None:
    """cf_long fields take whole numbers only."""
    whole = FieldType(name="cf_long_1", kind=FieldKind.NUMBER, loss=Loss(), custom=True)
    assert CHICAGO.encode(whole, 3.0) == 3
    with pytest.raises(ValueError, match="whole"):
        CHICAGO.encode(whole, 3.5)


def test_names_of_custom_fields() -> None:
    """A key tells its type; an invented key tells none; a label's type is judged by what stands under it."""
    assert kind_of_key("cf_string_29") is FieldKind.TEXT
    assert kind_of_key("cf_date_1") is FieldKind.DATE
    assert kind_of_key("cf_number_1") is None
    assert kind_of_label("Roof Type", [{"Roof Type": None}, {"Roof Type": "Metal"}]) is FieldKind.TEXT
    assert kind_of_label("Date of Loss", [{"Date of Loss": 1726061259}]) is FieldKind.DATE
    assert kind_of_label("Hail", [{"Hail": 1726061259, "cf_date_2": 1726061259}]) is FieldKind.DATE
    assert kind_of_label("Deductible", [{"Deductible": 2500}]) is FieldKind.NUMBER
    assert kind_of_label("Insured", [{"Insured": True}]) is FieldKind.BOOL


def test_a_label_is_matched_exactly_before_but_for_capitals() -> None:
    """Labels that differ by case only are kept apart; a single one is found in any case; two are no answer."""
    names = Names()
    assert names.locate("jobs", "Claim Number", {"claim number": 1, "Claim Number": 2}) == "Claim Number"
    assert names.locate("jobs", "Claim Number", {"CLAIM NUMBER": 1}) == "CLAIM NUMBER"
    assert names.locate("jobs", "Claim Number", {"CLAIM NUMBER": 1, "claim number": 2}) is None


def test_labels_are_inferred_only_where_nothing_else_fits() -> None:
    """A label that holds what the key holds in every record is its label; twins that never differ get none."""
    rows: list[dict[str, Any]] = [
        {"cf_string_1": "A", "Carrier": "A", "cf_boolean_1": True, "Roofed": True, "cf_boolean_2": True, "Sold": True},
        {"cf_string_1": "B", "Carrier": "B", "Nick": "B"},
    ]
    assert infer_labels(rows) == {"cf_string_1": "Carrier"}


def test_the_key_comes_before_its_label() -> None:
    """With the setting, either name finds the key first and the label second, and the key is what is sent."""
    names = parse_names("jn", "jobs.cf_string_3=Roof Type; contacts.cf_string_1 = CRM ID")
    assert names.locate("jobs", "Roof Type", {"Roof Type": "a", "cf_string_3": "b"}) == "cf_string_3"
    assert names.locate("jobs", "cf_string_3", {"Roof Type": "a"}) == "Roof Type"
    assert names.wire_key("jobs", "Roof Type") == "cf_string_3"
    assert names.wire_key("contacts", "Roof Type") == "Roof Type"


def test_every_mistake_in_custom_fields_is_named() -> None:
    """All wrong parts come in one error."""
    with pytest.raises(ConfigError) as caught:
        parse_names("jn", "jobs.cf_number_1=A; leads.cf_string_1=B; jobs.cf_string_1=C")
    assert [problem.message for problem in caught.value.problems] == [
        "'jobs.cf_number_1=A' does not name a custom field.",
        "'leads.cf_string_1=B' does not name a custom field.",
    ]


@pytest.mark.parametrize(
    ("status", "body", "kind", "duplicate"),
    [
        (401, {"status": 401, "body": "Authentication required"}, AuthError, False),
        (403, "", Forbidden, False),
        (404, None, NotFound, False),
        (400, "Duplicate contact exists", Refused, True),
        (400, {"message": "Duplicate job exists"}, Refused, True),
        (400, {"errorMessage": "bad status"}, Refused, False),
        (500, "Attempt to relate to invalid document", Refused, False),
        (500, {"error": "Invalid parameters"}, Refused, False),
    ],
)
def test_refusals_by_remedy(status: int, body: Any, kind: type[Exception], duplicate: bool) -> None:
    """The vendor's sentence decides before its number, wherever the sentence stands."""
    error = explain(status, {}, body)
    assert isinstance(error, kind)
    assert getattr(error, "duplicate", False) is duplicate


@pytest.mark.parametrize(("status", "body"), [(500, "boom"), (500, None), (502, "x"), (429, "Duplicate"), (503, {})])
def test_trouble_is_left_to_the_kit(status: int, body: Any) -> None:
    """An unknown 500 is not a refusal: a create may have landed."""
    assert explain(status, {}, body) is None


def test_a_401_names_the_place_to_go() -> None:
    """The operator reads where keys are made."""
    assert "Settings > API" in str(explain(401, {}, {"status": 401, "body": "Authentication required"}))


@pytest.mark.parametrize("typed", ["(555) 123-4567", "555-123-4567", "+15551234567", "1 555 123 4567", "5551234567"])
def test_a_phone_is_asked_for_in_every_common_spelling(typed: str) -> None:
    """However it was typed, the spellings of the others are among those asked for."""
    assert {"(555) 123-4567", "5551234567", "+15551234567", "555-123-4567", "555.123.4567"} <= {*phone_spellings(typed)}


def test_texts_are_asked_for_in_both_cases_and_as_a_phrase() -> None:
    """The vendor's rule of comparison is unknown, so each likely one is served."""
    assert list(clauses("email", "Zoe@Example.com", phrase=True)) == [
        {"term": {"email": "Zoe@Example.com"}},
        {"term": {"email": "zoe@example.com"}},
        {"match_phrase": {"email": "Zoe@Example.com"}},
    ]
    assert list(clauses("email", "zoe@example.com", phrase=False)) == [{"term": {"email": "zoe@example.com"}}]


def test_pick_lists_come_from_the_settings() -> None:
    """Statuses belong to their workflow, inactive ones are left out, and other kinds' workflows too."""
    settings = {
        "workflows": [
            {
                "object_type": "job",
                "name": "Roofing",
                "is_active": True,
                "status": [{"name": "Lead"}, {"name": "Old", "is_active": False}, {"name": "Sold", "is_active": True}],
            },
            {"object_type": "job", "name": "Repair", "is_active": True, "status": [{"name": "Lead"}]},
            {"object_type": "contact", "name": "Customer", "is_active": True, "status": [{"name": "Active"}]},
        ],
        "sources": [{"SourceName": "Website", "IsActive": True}, {"SourceName": "Fax", "IsActive": False}],
    }
    lists = pick_lists("jobs", settings)
    assert [(option.value, option.group) for option in lists["status_name"]] == [
        ("Lead", "Roofing"),
        ("Sold", "Roofing"),
        ("Lead", "Repair"),
    ]
    assert [option.value for option in lists["record_type_name"]] == ["Roofing", "Repair"]
    assert [option.value for option in lists["source_name"]] == ["Website"]


def test_a_jobs_contact_may_be_bound_at_creation_only() -> None:
    """With move_primary off the primary contact is written once."""
    assert standard("jobs", move_primary=False)["primary"].create_only
    assert not standard("jobs")["primary"].create_only
