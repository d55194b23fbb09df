"""The HubSpot sandbox behind a real socket: the search contract, and an index that lags behind the primary store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.connectors.hubspot_sandbox_desk import Desk, desk, where

BY_ID = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]


@pytest.fixture
def hs() -> Iterator[Desk]:
    with desk() as made:
        yield made


# -- what a filter finds


@pytest.mark.parametrize(
    ("filter", "found"),
    [
        (where("lastname", "EQ", "NUÑEZ"), "a"),
        (where("lastname", "NEQ", "nuñez"), "b"),
        (where("lastname", "IN", "nuñez", "ng"), "ab"),
        (where("lastname", "IN", "Nuñez"), ""),
        (where("lastname", "NOT_IN", "ng"), "a"),
        (where("city", "HAS_PROPERTY"), "b"),
        (where("city", "NOT_HAS_PROPERTY"), "ac"),
        (where("hs_lead_status", "EQ", "NEW"), "a"),
        (where("hs_lead_status", "EQ", "new"), ""),
        (where("hs_lead_status", "IN", "NEW", "OPEN"), "ab"),
        (where("email", "CONTAINS_TOKEN", "*@example.org"), "b"),
        (where("email", "CONTAINS_TOKEN", "example"), "ab"),
        (where("email", "NOT_CONTAINS_TOKEN", "org"), "a"),
        (where("hs_searchable_calculated_phone_number", "EQ", "2055550101"), "a"),
        (where("hs_lastmodifieddate", "GTE", "0"), ""),
    ],
)
def test_operators_compare_as_hubspot_does(hs: Desk, filter: dict[str, Any], found: str) -> None:
    """Texts without case, enumerations and IN lists with it, blanks by NOT_HAS_PROPERTY, phones without country."""
    ids = {
        "a": hs.contact(lastname="Nuñez", email="a@example.com", phone="+1 (205) 555-0101", hs_lead_status="NEW"),
        "b": hs.contact(lastname="Ng", email="b@example.org", city="Mobile", hs_lead_status="OPEN"),
        "c": hs.contact(firstname="Zoë"),
    }
    assert hs.hits("contacts", filter) == [ids[each] for each in found]


def test_numbers_and_dates_compare_by_value(hs: Desk) -> None:
    """Amounts are numbers, dates and times are moments, BETWEEN includes both ends."""
    ids = [hs.deal(approved_total=str(n), date_of_loss=f"2025-01-{n:02d}") for n in (2, 9, 10)]
    assert hs.hits("deals", where("approved_total", "GT", "9")) == ids[2:]
    assert hs.hits("deals", where("approved_total", "BETWEEN", "2", "9.0")) == ids[:2]
    assert hs.hits("deals", where("date_of_loss", "LTE", "2025-01-09")) == ids[:2]
    assert hs.hits("deals", where("date_of_loss", "EQ", "1736467200000")) == ids[2:]


def test_ids_compare_as_numbers(hs: Desk) -> None:
    """`hs_object_id` GT looks at the number, so 9 is less than 20,000."""
    made = hs.contact(firstname="Zoë")
    assert hs.hits("contacts", where("hs_object_id", "GT", "9"), sorts=BY_ID) == [made]
    assert hs.hits("contacts", where("hs_object_id", "GT", made)) == []
    assert hs.hits("contacts", where("hs_object_id", "IN", made, "7")) == [made]


def test_filter_groups_are_alternatives(hs: Desk) -> None:
    """Filters of a group must all hold, of the groups one is enough, and nobody is found twice."""
    one, two = hs.contact(lastname="Ng", city="Mobile"), hs.contact(lastname="Ng", city="Selma")
    groups = [{"filters": [where("lastname", "EQ", "ng")]}, {"filters": [where("city", "EQ", "selma")]}]
    assert hs.post("contacts/search", {"filterGroups": groups})["total"] == 2
    assert hs.hits("contacts", where("lastname", "EQ", "ng"), where("city", "EQ", "mobile")) == [one]
    assert [row["id"] for row in hs.post("contacts/search", {"query": "NG"})["results"]] == [one, two]


def test_associations_can_be_searched_for(hs: Desk) -> None:
    """`associations.contact` finds the deals of a contact."""
    made, deal = hs.contact(firstname="Zoë"), hs.deal()
    hs.deal()
    hs.ask("PUT", f"deals/{deal}/associations/default/contacts/{made}")
    assert hs.hits("deals", where("associations.contact", "EQ", made)) == [deal]


def test_results_are_in_order_of_creation_or_of_one_sort(hs: Desk) -> None:
    """Unsorted results follow their creation; one sort is allowed, two are not."""
    ids = [hs.contact(lastname=name) for name in ("c", "a", "b")]
    assert hs.hits("contacts") == ids
    by_name = [{"propertyName": "lastname", "direction": "DESCENDING"}]
    assert hs.hits("contacts", sorts=by_name) == [ids[0], ids[2], ids[1]]
    assert hs.ask("POST", "contacts/search", {"sorts": by_name * 2}).status_code == 400


# -- limits


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"after": "x"},
        {"limit": 200, "after": "9801"},
        {"filterGroups": [{"filters": []}] * 6},
        {"filterGroups": [{"filters": [where("city", "EQ", "x")] * 7}]},
        {"filterGroups": [{"filters": [where("city", "EQ", "x")] * 5}] * 4},
        {"filterGroups": [{"filters": [where("no_such", "EQ", "x")]}]},
        {"filterGroups": [{"filters": [where("city", "LIKE", "x")]}]},
        {"filterGroups": [{"filters": [where("createdate", "GT", "soon")]}]},
        {"query": "x" * 3_000},
    ],
)
def test_a_query_outside_the_limits_is_a_400(hs: Desk, body: dict[str, Any]) -> None:
    """Page size, offset, groups, filters, names, operators, values and the length of the body are all held to."""
    answer = hs.ask("POST", "contacts/search", body)
    assert (answer.status_code, answer.json()["category"]) == (400, "VALIDATION_ERROR")


def test_five_groups_and_eighteen_filters_pass(hs: Desk) -> None:
    """The documented maximum itself is fine."""
    groups = [{"filters": [where("city", "EQ", "x")] * 6}] * 3
    assert hs.ask("POST", "contacts/search", {"filterGroups": groups}).status_code == 200
    groups = [{"filters": [where("city", "EQ", "x")]}] * 5
    assert hs.ask("POST", "contacts/search", {"filterGroups": groups, "limit": 200, "after": "9800"}).status_code == 200


def test_after_is_an_offset_over_a_live_set(hs: Desk) -> None:
    """A record that leaves the result between two pages makes the next page skip one."""
    ids = [hs.contact(firstname=f"n{n}", city="Mobile") for n in range(4)]
    wanted = where("city", "EQ", "mobile")
    first = hs.search("contacts", wanted, limit=2)
    hs.write("contacts", ids[0], city="Selma")
    rest = hs.search("contacts", wanted, limit=2, after=first["paging"]["next"]["after"])
    assert [row["id"] for row in rest["results"]] == ids[3:]


def test_a_frozen_window_is_read_by_ids_without_loss(hs: Desk) -> None:
    """Keyset by id inside a window of modified times finds each of many records with one millisecond exactly once."""
    ids = [hs.contact(firstname=f"n{n}") for n in range(45)]
    at = hs.sim.act("bulk_update", "contacts", fields={"city": "Mobile"})["at"]
    found, last = [], "0"
    window = (where("lastmodifieddate", "GTE", at), where("lastmodifieddate", "LT", at + 1))
    while page := hs.hits("contacts", *window, where("hs_object_id", "GT", last), sorts=BY_ID, limit=20):
        found += page
        last = page[-1]
    assert found == ids


# -- the lagging index


def test_the_index_lags_and_hits_show_the_primary_store(hs: Desk) -> None:
    """A search matches what was indexed, and shows what is there now."""
    made = hs.contact(firstname="Zoë", city="Mobile")
    assert hs.hits("contacts", where("city", "EQ", "mobile")) == [made]
    hs.sim.settings(index_lag={"kind": "fixed", "seconds": 30})
    hs.write("contacts", made, city="Selma")
    assert hs.hits("contacts", where("city", "EQ", "selma")) == []
    stale = hs.search("contacts", where("city", "EQ", "mobile"), properties=["city"])["results"]
    assert [row["properties"]["city"] for row in stale] == ["Selma"]
    assert hs.sim.settled() is False
    hs.sim.advance(31)
    assert hs.hits("contacts", where("city", "EQ", "selma")) == [made]
    assert hs.sim.settled() is True


def test_records_are_indexed_out_of_order() -> None:
    """With the usual lag a record modified later is visible before one modified earlier, and all come in the end."""
    with desk(index_lag={"kind": "normal"}) as hs:
        ids = [hs.contact(firstname=f"n{n}") for n in range(60)]
        orders = []
        for _ in range(12):
            hs.sim.advance(1)
            orders.append(hs.hits("contacts", limit=200))
        assert any(order != ids[: len(order)] for order in orders)
        hs.sim.settle()
        assert hs.hits("contacts", limit=200) == ids


def test_archived_records_leave_searches_at_once_or_late(hs: Desk) -> None:
    """By switch they vanish at once, or only when the index has heard of it."""
    one, two = hs.contact(firstname="a"), hs.contact(firstname="b")
    hs.sim.settings(index_lag={"kind": "fixed", "seconds": 30})
    hs.ask("DELETE", f"contacts/{one}")
    assert hs.hits("contacts") == [two]
    hs.sim.settings(archived_leave_search="with the index")
    assert hs.hits("contacts") == [one, two]
    hs.sim.advance(31)
    assert hs.hits("contacts") == [two]


def test_three_thousand_records_are_searched_in_about_a_millisecond() -> None:
    """A frozen window over 3,000 records costs the server little more than a millisecond."""
    with desk() as hs:
        hs.sim.seed(leads=3_000, messy=False, deals=False)
        window = (where("lastmodifieddate", "GTE", "0"), where("lastmodifieddate", "LT", "9999999999999"))
        mark, began = hs.sim.mark(), time.perf_counter()
        for _ in range(20):
            hs.search("contacts", *window, where("hs_object_id", "GT", "0"), sorts=BY_ID, limit=200)
        assert time.perf_counter() - began < 5
        fastest = min(entry["duration_ms"] for entry in hs.sim.requests(mark))
        assert fastest < 5
