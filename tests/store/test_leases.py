"""Leases of feeds and pairs on a real database: one holder at a time, until given back, over, or taken away."""

from __future__ import annotations

import pytest

from syncd.store.feeds import FeedState
from syncd.store.leases import Leases
from syncd.store.store import Store, Tx
from tests.store.conftest import LATER, NOW, SECOND

FEED = ("crm", "contacts")


def take(tx: Tx, fence: int, now: object = NOW) -> bool:
    """Try to lease the feed for five minutes from NOW."""
    return tx.feed_leases.take(*FEED, now=now, until=LATER, fence=fence)


def test_one_holds_it(store: Store) -> None:
    """Who comes second gets nothing; another feed, and a pair, are leased apart; given back, it is free at once."""
    with store.begin() as tx:
        assert take(tx, 1) and not take(tx, 2)
        assert tx.feed_leases.take("crm", "deals", now=NOW, until=LATER, fence=2)
        assert tx.pair_leases.take("sales", now=NOW, until=LATER, fence=3)
        tx.feed_leases.give_back(*FEED, fence=2)
        assert not take(tx, 4), "only who holds it can give it back"
        assert tx.feed_leases.taken(NOW) == {FEED, ("crm", "deals")}
        assert tx.pair_leases.taken(LATER) == {("sales",)} and tx.pair_leases.taken(LATER + SECOND) == set()
        tx.feed_leases.give_back(*FEED, fence=1)
        assert take(tx, 5)


def test_a_lease_ends(store: Store) -> None:
    """Over, it may be taken; whoever held it learns so, and cannot hold on or give it back."""
    with store.begin() as tx:
        assert take(tx, 1)
        assert not take(tx, 2, LATER)
        assert tx.feed_leases.take(*FEED, now=LATER + SECOND, until=LATER + SECOND * 60, fence=2)
        assert not tx.feed_leases.hold(*FEED, until=LATER + SECOND * 90, fence=1)
        assert not tx.feed_leases.held(*FEED, fence=1) and tx.feed_leases.held(*FEED, fence=2)
        tx.feed_leases.give_back(*FEED, fence=1)
        assert tx.feed_leases.held(*FEED, fence=2)


def test_a_lease_is_renewed(store: Store) -> None:
    """Held on to, even after it was over, as long as nobody took it, it lasts from then on."""
    with store.begin() as tx:
        assert take(tx, 1)
        assert tx.feed_leases.hold(*FEED, until=LATER + SECOND * 60, fence=1)
        assert not take(tx, 2, LATER + SECOND * 59)
        assert take(tx, 2, LATER + SECOND * 61)


def test_a_reset_takes_the_feed_away(store: Store) -> None:
    """Who was reading when the feed was reset cannot move its cursor onwards: its lease is gone."""
    with store.begin() as tx:
        assert take(tx, 1)
        tx.feeds.move(FeedState(*FEED, {"after": 7}, NOW, backfilled=True))
        tx.feeds.reset(*FEED)
        assert not tx.feed_leases.hold(*FEED, until=LATER, fence=1)
        assert tx.feeds.get(*FEED) == FeedState(*FEED, None, NOW)


def test_a_lease_leaves_the_cursor_alone(store: Store) -> None:
    """A feed that was only leased was never read; leasing and giving back move nothing of its state."""
    state = FeedState(*FEED, {"after": 7}, NOW, backfilled=True, polled_at=NOW)
    with store.begin() as tx:
        assert take(tx, 1)
        assert tx.feeds.get(*FEED) == FeedState(*FEED)
        tx.feeds.move(state)
        tx.feed_leases.give_back(*FEED, fence=1)
        assert take(tx, 2) and tx.feeds.get(*FEED) == state


def test_a_name_in_parts_is_whole(store: Store) -> None:
    """A feed is named by system and kind, a pair by its name; half a name is a mistake that shows at once."""
    with store.begin() as tx, pytest.raises(ValueError, match="shorter"):
        tx.feed_leases.take("crm", now=NOW, until=LATER, fence=1)
    assert isinstance(tx.pair_leases, Leases)
