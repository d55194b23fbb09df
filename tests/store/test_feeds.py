"""Cursors of feeds on a real database."""

from __future__ import annotations

from dataclasses import replace

from syncd.store.feeds import FeedState
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW, SECOND


def test_a_feed_never_read_is_fresh(store: Store) -> None:
    """Asking for a feed that was never read gives a state without cursor, horizon or backfill, and stores nothing."""
    with store.begin() as tx:
        assert tx.feeds.get("crm", "contacts") == FeedState("crm", "contacts")
        assert tx.feeds.all() == []


def test_a_feed_state_comes_back_whole(store: Store) -> None:
    """The cursor's JSON, the horizon, the backfill and the time of the poll are what was stored."""
    state = FeedState("crm", "contacts", {"after": "77", "ids": ("a", "b"), "page": {"n": 3}}, NOW, True, LATER)
    with store.begin() as tx:
        tx.feeds.move(state)
    with store.read() as tx:
        assert tx.feeds.get("crm", "contacts") == state
        assert tx.feeds.get("crm", "deals") == FeedState("crm", "deals")


def test_the_horizon_only_moves_upwards(store: Store) -> None:
    """A lower horizon, or none, leaves the higher one; a higher one takes its place; the cursor moves each time."""
    state = FeedState("crm", "contacts", {"n": 1}, NOW)
    for n, (given, kept) in enumerate([(NOW, NOW), (NOW - SECOND, NOW), (None, NOW), (LATER, LATER), (NOW, LATER)]):
        with store.begin() as tx:
            tx.feeds.move(replace(state, read_to=given, cursor={"n": n}))
        with store.read() as tx:
            found = tx.feeds.get("crm", "contacts")
            assert (found.read_to, found.cursor) == (kept, {"n": n})


def test_feeds_of_a_system_are_apart(store: Store) -> None:
    """One row per system and kind, listed in their order; moving one moves no other."""
    with store.begin() as tx:
        for system, kind in [("field", "jobs"), ("crm", "deals"), ("crm", "contacts")]:
            tx.feeds.move(FeedState(system, kind, {"of": kind}))
        tx.feeds.move(FeedState("crm", "deals", {"of": "more"}, backfilled=True))
    with store.read() as tx:
        assert [(s.system, s.kind, s.cursor, s.backfilled) for s in tx.feeds.all()] == [
            ("crm", "contacts", {"of": "contacts"}, False),
            ("crm", "deals", {"of": "more"}, True),
            ("field", "jobs", {"of": "jobs"}, False),
        ]
