"""Pairs that a person said are not the same, and who shares keys with whom, on a real database."""

from __future__ import annotations

from syncd.core.model import Side
from syncd.store.marks import PARKED
from syncd.store.snapshots import hashed
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW
from tests.store.test_marks import claimed


def test_a_refused_pair_is_found_from_both_sides(store: Store) -> None:
    """Of that map only; said twice it is one."""
    with store.begin() as tx:
        for at in (NOW, LATER):
            tx.refusals.add("m", "1", "9", at)
        tx.refusals.add("m", "2", "9", NOW)
        tx.refusals.add("other", "1", "8", NOW)
    with store.read() as tx:
        assert tx.refusals.of("m", Side.LEFT, ["1", "3"]) == {("1", "9")}
        assert tx.refusals.of("m", Side.RIGHT, ["9"]) == {("1", "9"), ("2", "9")}
        assert tx.refusals.of("m", Side.RIGHT, ["1"]) == set()


def test_a_refusal_can_be_taken_back(store: Store) -> None:
    """That one only, and it is told whether there was one."""
    with store.begin() as tx:
        tx.refusals.add("m", "1", "9", NOW)
        tx.refusals.add("m", "1", "8", NOW)
        assert tx.refusals.remove("m", "1", "9") is True
        assert tx.refusals.remove("m", "1", "9") is False
        assert tx.refusals.of("m", Side.LEFT, ["1"]) == {("1", "8")}


def test_crowds_are_counted_by_side(store: Store) -> None:
    """How many carry each key; a key that no more than so many have is left out."""
    with store.begin() as tx:
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("a", "b"), "2": ("a",)})
        tx.snapshots.rekey("m", Side.RIGHT, {"9": ("a",)})
        assert tx.snapshots.crowds("m", Side.LEFT, map(hashed, "abc"), above=1) == {hashed("a"): 2}
        assert tx.snapshots.crowds("m", Side.RIGHT, map(hashed, "abc"), above=0) == {hashed("a"): 1}


def test_the_asked_are_near_who_shares_a_key_that_is_no_crowd_s(store: Store) -> None:
    """Only those with an open question; a key that more than `most` of both sides share joins nobody."""
    with store.begin() as tx:
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("a", "b"), "2": ("a",), "3": ("c",), "4": ("b",), "5": ("b",)})
        tx.snapshots.rekey("m", Side.RIGHT, {"9": ("a",), "8": ("b",)})
        assert tx.snapshots.asking_near("m", {Side.LEFT: ["1"]}, most=2) == set()
        for id_ in ("1", "2", "3", "4"):
            (mark,) = claimed(tx, id_, fence=1)
            tx.marks.rest(mark, 1, PARKED, cause="refused" if id_ == "1" else "question", reason="?")
        assert tx.snapshots.asking_near("m", {Side.LEFT: ["1"]}, most=2) == {"2"}
        assert tx.snapshots.asking_near("m", {Side.LEFT: ["1"]}, most=3) == {"2", "4"}
        assert tx.snapshots.asking_near("m", {Side.RIGHT: ["9"]}, most=2) == {"2"}
        assert tx.snapshots.asking_near("m", {Side.RIGHT: ["1"]}, most=2) == set()
        # One of a crowd may ask about the only one who carries it across.
        assert tx.snapshots.asking_near("m", {Side.RIGHT: ["8"]}, most=2) == {"4"}


def test_it_is_known_whether_a_map_asks_anything(store: Store) -> None:
    """Of that map, while it is parked with a question, and for no other cause."""
    with store.begin() as tx:
        (other,) = claimed(tx, "2", fence=1)
        tx.marks.rest(other, 1, PARKED, cause="refused", reason="no")
        assert tx.marks.asking("m") is False
        (mark,) = claimed(tx, "1", fence=1)
        tx.marks.rest(mark, 1, PARKED, cause="question", reason="?")
        assert tx.marks.asking("m") is True
        assert tx.marks.asking("other") is False
        tx.marks.retry("m", NOW)
        assert tx.marks.asking("m") is False
