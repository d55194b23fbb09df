"""The JobNimbus feed against its sandbox: ties, the window, broken filters, late indexes, hidden deletions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.model import Gone, Record
from syncd.errors import AuthError, Transient
from tests.connectors.jobnimbus_connector_bench import KEY, TIMING, account


def test_an_idle_tick_costs_one_request_per_kind() -> None:
    """When nothing changed, a tick is one list request, with records in the overlap and without."""
    with account() as one:
        one.person("contacts", display_name="Zoë Nuñez")
        for kind in ("contacts", "jobs"):
            one.fill(kind, "description")
            mark = one.remote.mark()
            for _ in range(3):
                one.tick(kind, "description")
            assert len(one.remote.requests(mark)) == 3


def test_a_bulk_edit_of_more_than_a_page_in_one_second_is_seen_whole() -> None:
    """2,300 records stamped with one second, in an order that changes per request, all show their new value."""
    with account() as one:
        ids = one.many("contacts", 2300)
        one.fill("contacts", "description")
        one.remote.advance(60)
        one.remote.clock(freeze=True)
        one.remote.act("bulk_update", "contacts", fields={"description": "storm"})
        one.remote.clock(thaw=True)
        one.tick("contacts", "description")
        assert sum(one.value(each, "description") == "storm" for each in ids) == 2300


@pytest.mark.parametrize("beyond", ["error", "empty"])
def test_more_than_ten_thousand_in_one_second_are_split(beyond: str) -> None:
    """10,300 records created in one second and stamped with another: more than the window, and all are read."""
    with account(beyond_window=beyond) as one:
        ids = one.many("jobs", 10_300, stamp=1_700_000_000)
        one.fill("jobs", "description")
        assert set(ids) <= set(one.held)
        froms = [int(request["query"].get("from", 0)) for request in one.remote.requests()]
        assert max(froms) < 10_000


def test_the_first_reading_stays_inside_the_window() -> None:
    """10,500 contacts are read oldest first without any offset, in pages of a thousand."""
    with account() as one:
        ids = one.many("contacts", 10_500)
        mark = one.remote.mark()
        one.fill("contacts", "description")
        assert set(ids) <= set(one.held)
        requests = one.remote.requests(mark)
        assert all("from" not in request["query"] for request in requests)
        assert len(requests) < 20


def test_a_first_reading_goes_on_where_it_stopped() -> None:
    """With one page per tick, deltas come first in each tick and the pages never begin again."""
    with account(timing=replace(TIMING, backfill_pages=1)) as one:
        one.many("jobs", 3500)
        ticks = 0
        while True:
            ticks += 1
            pages = one.tick("jobs", "description")
            if pages[-1].backfilled:
                break
            assert pages[-1].due
            assert pages[-1].read_to is None
        assert ticks == 4
        assert len(one.held) == 3500
        assert pages[-1].read_to is not None


@pytest.mark.parametrize("kind", ["contacts", "jobs"])
def test_an_account_that_ignores_filters_is_read_all_the_same(kind: str) -> None:
    """Without filters, more than a page is read, all of one second too, and a later edit of all of them is seen."""
    with account(filter_works=False) as one:
        ids = one.many(kind, 1200, stamp=1_700_000_000) if kind == "jobs" else one.many(kind, 1200)
        one.fill(kind, "description")
        assert set(ids) <= set(one.held)
        one.remote.advance(60)
        one.remote.act("bulk_update", kind, fields={"description": "storm"})
        one.tick(kind, "description")
        assert all(one.value(each, "description") == "storm" for each in ids)


def test_a_filter_that_stops_working_is_noticed() -> None:
    """The tick fails instead of taking what was not asked for; the next one reads without filters."""
    with account() as one:
        old = one.many("jobs", 3, stamp=1_700_000_000)[0]
        one.fill("jobs", "description")
        one.remote.settings(filter_works=False)
        with pytest.raises(Transient, match="ignores the filter"):
            one.tick("jobs", "description")
        one.remote.act("update", "jobs", id=old, fields={"description": "storm"})
        one.tick("jobs", "description")
        assert one.value(old, "description") == "storm"


def test_a_record_indexed_very_late_is_seen_by_the_long_look_back() -> None:
    """A row that the index shows forty minutes late is behind the overlap, and is found within the next half hour."""
    with account() as one:
        late = one.job("Roof of Zoë")
        one.fill("jobs", "description")
        one.remote.settings(index_lag=2400)
        one.remote.act("update", "jobs", id=late, fields={"description": "storm"})
        for _ in range(16):
            one.remote.advance(300)
            one.tick("jobs", "description")
        assert one.value(late, "description") == "storm"


def test_a_record_indexed_minutes_late_is_seen_within_the_overlap() -> None:
    """A row that the index shows two to four minutes late, long after the horizon passed it, is not missed."""
    with account() as one:
        late, other = one.job("Roof of Zoë"), one.job("Roof of Sean")
        one.fill("jobs", "description")
        one.remote.settings(index_lag=200)
        one.remote.act("update", "jobs", id=late, fields={"description": "storm"})
        one.remote.settings(index_lag=0)
        for _ in range(9):
            one.remote.advance(35)
            one.remote.act("update", "jobs", id=other, fields={"description": "hail"})
            one.tick("jobs", "description")
        assert one.value(late, "description") == "storm"


def test_a_deleted_record_that_the_list_shows_is_a_tombstone() -> None:
    """Where lists show inactive records the feed tells of them; where they do not, a read does."""
    for shown in ("shown", "hidden"):
        with account(inactive_in_lists=shown) as one:
            lost = one.job("Roof of Zoë")
            one.fill("jobs", "description")
            one.remote.act("archive", "jobs", id=lost)
            one.tick("jobs", "description")
            if shown == "shown":
                gone = one.held[lost]
                assert isinstance(gone, Gone)
                assert gone.tombstone
            read = one.connector.read("jobs", [lost], [])[lost]
            assert isinstance(read, Gone)
            assert read.tombstone


def test_team_members_are_no_contacts() -> None:
    """The vendor keeps its users among the contacts; neither feed nor look-up nor read gives them."""
    with account() as one:
        one.fill("contacts", "email")
        assert one.held == {}
        member = next(row for row in one.remote.records("contacts") if row["is_user"])
        assert isinstance(one.connector.read("contacts", [member["jnid"]], [])[member["jnid"]], Gone)


def test_list_rows_say_that_they_may_be_stale() -> None:
    """Rows of a lagging list are marked so; a read by id is not; both carry the version and the vendor's clock."""
    with account() as one:
        made = one.job("Roof of Zoë")
        one.fill("jobs", "description")
        row, read = one.held[made], one.connector.read("jobs", [made], ["description"])[made]
        assert isinstance(row, Record)
        assert isinstance(read, Record)
        assert (row.stale_ok, read.stale_ok) == (True, False)
        assert row.version == read.version == str(int(read.modified_at.timestamp() if read.modified_at else 0))
        assert row.read_at is not None


def test_the_cursor_follows_the_vendors_clock() -> None:
    """With a vendor years ahead of this machine, edits are seen and the horizon is the vendor's."""
    with account() as one:
        one.remote.advance(5 * 365 * 86400)
        made = one.job("Roof of Zoë")
        one.fill("jobs", "description")
        one.remote.advance(600)
        one.remote.act("update", "jobs", id=made, fields={"description": "storm"})
        page = one.tick("jobs", "description")[-1]
        assert one.value(made, "description") == "storm"
        assert page.read_to is not None
        assert timedelta(0) < one.connector.now() - page.read_to < timedelta(seconds=40)


def test_a_poll_cut_short_goes_on_without_a_new_horizon() -> None:
    """After the first of many pages the horizon stands; the next tick reads the rest, and then it moves."""
    with account() as one:
        ids = one.many("jobs", 2300)
        one.fill("jobs", "description")
        before = one.tick("jobs", "description")[-1].read_to
        one.remote.advance(300)
        one.remote.act("bulk_update", "jobs", fields={"description": "storm"})
        page = next(iter(one.connector.changes("jobs", one.cursors["jobs"], ["description"], lambda ids: {})))
        assert page.due
        assert page.read_to == before
        one.cursors["jobs"] = page.cursor
        one.held |= {record.ref.id: record for record in page.records}
        last = one.tick("jobs", "description")[-1]
        assert all(one.value(each, "description") == "storm" for each in ids)
        assert before is not None
        assert last.read_to is not None
        assert last.read_to > before


def test_a_failed_page_moves_nothing() -> None:
    """A tick that fails in its middle leaves the stored cursor, and the next one shows everything."""
    with account(timing=replace(TIMING, retry_for=timedelta(milliseconds=50))) as one:
        ids = one.many("jobs", 2500)
        one.tick("jobs", "description")
        one.cursors.clear()
        one.held.clear()
        one.remote.faults({"fault": "truncate", "after": 2})
        with pytest.raises(Transient):
            one.tick("jobs", "description")
        assert len(one.held) < 2500
        one.remote.faults()
        one.fill("jobs", "description")
        assert set(ids) <= set(one.held)


def test_a_revoked_key_pauses_the_feed() -> None:
    """401 amid the life of a feed is for the operator."""
    with account() as one:
        one.fill("jobs")
        one.remote.act("revoke", key=KEY)
        with pytest.raises(AuthError, match="Settings > API"):
            one.tick("jobs")
