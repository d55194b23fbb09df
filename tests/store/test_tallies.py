"""Hours are summed up, read from a moment on, and let go, on each database."""

from __future__ import annotations

from datetime import timedelta

from syncd.store.store import Store
from syncd.store.tallies import Tally
from tests.store.conftest import NOW

HOUR = timedelta(hours=1)


def test_counts_of_an_hour_add_up(store: Store) -> None:
    """The same pair, hour and thing is one row; others are apart."""
    with store.begin() as tx:
        tx.tallies.add({("sales", NOW, "written"): 2, ("sales", NOW, "failed"): 1, ("", NOW, "written"): 2})
        tx.tallies.add({("sales", NOW, "written"): 3, ("sales", NOW + HOUR, "written"): 7})
        tx.tallies.add({})
        assert tx.tallies.of("sales", NOW) == [
            Tally("sales", NOW, "failed", 1), Tally("sales", NOW, "written", 5),
            Tally("sales", NOW + HOUR, "written", 7),
        ]  # fmt: skip
        assert tx.tallies.of("sales", NOW + HOUR) == [Tally("sales", NOW + HOUR, "written", 7)]
        assert tx.tallies.of("", NOW) == [Tally("", NOW, "written", 2)]


def test_old_hours_go_a_bite_at_a_time(store: Store) -> None:
    """Only those before a moment, only of the pairs named, whole hours at once."""
    with store.begin() as tx:
        tx.tallies.add({(pair, NOW + n * HOUR, what): 1 for pair in ("a", "b") for n in range(4) for what in "xy"})
        assert tx.tallies.forget(["a"], NOW + 3 * HOUR, most=3) == 4
        assert tx.tallies.forget(["a"], NOW + 3 * HOUR, most=100) == 2
        assert tx.tallies.forget(["a", "none"], NOW + 3 * HOUR, most=100) == 0
        assert len(tx.tallies.of("a", NOW)) == 2 and len(tx.tallies.of("b", NOW)) == 8
