"""How equal both sides were: the last whole round stays until another one is whole."""

from __future__ import annotations

from dataclasses import replace

from syncd.store.parities import Parity
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW

LAST = Parity(map="m", rule="name", whole=True, compared=10, classes={"lag": 1}, began_at=NOW, at=NOW)
RUNNING = replace(LAST, whole=False, compared=3, classes={}, at=LATER)
OTHER = replace(LAST, map="n")


def test_a_round_that_goes_on_stands_beside_the_last_whole_one(store: Store) -> None:
    """Both are kept, by map, and told apart."""
    with store.begin() as tx:
        tx.parities.put([LAST, RUNNING, OTHER])
        tx.parities.put([RUNNING])
        assert tx.parities.of("m", whole=True) == [LAST]
        assert tx.parities.of("m", whole=False) == [RUNNING]
        assert tx.parities.of() == [RUNNING, LAST, OTHER]


def test_a_round_that_has_seen_all_takes_the_place_of_the_last(store: Store) -> None:
    """Of one map only; and where no round goes on, nothing is lost."""
    with store.begin() as tx:
        tx.parities.put([LAST, replace(LAST, rule="gone rule"), RUNNING, OTHER])
        tx.parities.complete("m")
        assert tx.parities.of("m") == [replace(RUNNING, whole=True)]
        tx.parities.complete("m")
        assert tx.parities.of("m") == [replace(RUNNING, whole=True)]
        assert tx.parities.of("n") == [OTHER]


def test_a_full_comparison_is_all_that_is_known(store: Store) -> None:
    """It replaces whole and running rounds of its map."""
    with store.begin() as tx:
        tx.parities.put([LAST, RUNNING, OTHER])
        tx.parities.replace("m", [replace(LAST, rule="city")])
        assert tx.parities.of() == [replace(LAST, rule="city"), OTHER]
