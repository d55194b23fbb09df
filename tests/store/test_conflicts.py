"""Conflicts on a real database: listed once, moved, chosen, settled."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from syncd.core.model import Side
from syncd.store.conflicts import Conflict
from syncd.store.store import Store
from syncd.store.tables import conflicts
from tests.store.conftest import LATER, NOW


def row(**more: Any) -> dict[str, Any]:
    """What the engine lists."""
    base = {"map": "m", "link": 1, "rule": "city", "left_id": "1", "right_id": "9", "left_value": "Peoria",
            "right_value": ("a", "b"), "reason": "both changed", "run": 3, "at": NOW}  # fmt: skip
    return {**base, **more}


def test_an_open_conflict_comes_back_whole(store: Store) -> None:
    """Both records, both values in their types, and why, are what was listed."""
    with store.begin() as tx:
        tx.conflicts.ask(row())
    with store.read() as tx:
        (found,) = tx.conflicts.list(states=["open"])
        assert found == Conflict(
            id=found.id, map="m", link=1, rule="city", state="open", left_id="1", right_id="9", left="Peoria",
            right=("a", "b"), lost=None, forced=False, reason="both changed", choice=None, run=3, at=NOW,
        )  # fmt: skip
        assert tx.conflicts.get(found.id) == found
        assert tx.conflicts.get(99) is None
        assert tx.conflicts.open_of([1, 2]) == {1: {"city": found}}


def test_a_field_of_a_link_is_asked_about_once(store: Store) -> None:
    """Asked again, the one that is open takes the new values and forgets a choice made over the old ones."""
    with store.begin() as tx:
        tx.conflicts.ask(row())
        (first,) = tx.conflicts.list(states=["open"])
        tx.conflicts.choose(first.id, {"side": "left", "value": "Peoria"})
        tx.conflicts.ask(row(right_value="Galena", reason="changed again", at=LATER))
        (found,) = tx.conflicts.list(states=["open"])
        assert (found.id, found.left, found.right, found.reason) == (first.id, "Peoria", "Galena", "changed again")
        assert (found.choice, found.at) == (None, NOW)


def test_other_links_and_rules_are_asked_apart(store: Store) -> None:
    """One open conflict per link and rule: another link or rule has its own."""
    with store.begin() as tx:
        for link, rule in [(1, "city"), (1, "name"), (2, "city")]:
            tx.conflicts.ask(row(link=link, rule=rule))
        assert {link: set(rules) for link, rules in tx.conflicts.open_of([1, 2]).items()} == {
            1: {"city", "name"}, 2: {"city"},
        }  # fmt: skip


def test_the_database_itself_holds_one_open(store: Store) -> None:
    """Two processes that ask at once cannot list one field twice: the second row is refused."""
    with store.begin() as tx:
        tx.conflicts.ask(row())
        with pytest.raises(IntegrityError), tx.connection.begin_nested():
            tx.connection.execute(conflicts.insert(), {**row(), "state": "open", "forced": False})


def test_a_settled_conflict_is_history(store: Store) -> None:
    """Taken or agreed, a conflict is open no more and its choice is done; the next one is a new one."""
    with store.begin() as tx:
        tx.conflicts.ask(row())
        (first,) = tx.conflicts.list(states=["open"])
        tx.conflicts.choose(first.id, {"side": "right"})
        tx.conflicts.settle([first.id], "taken", LATER)
        assert tx.conflicts.open_of([1]) == {}
        tx.conflicts.ask(row())
        (second,) = tx.conflicts.list(states=["open"])
        assert second.id != first.id
        (history,) = tx.conflicts.list(states=["taken"])
        assert (history.id, history.choice) == (first.id, None)


def test_a_choice_waits_until_it_is_carried_out(store: Store) -> None:
    """What a person took is found with its link, on an open conflict and on an overruled one that is taken back."""
    choice = {"side": "left", "value": ("x",), "now": ["a", None]}
    with store.begin() as tx:
        tx.conflicts.list_lost([row(state="overruled", lost_side="right", link=2)])
        (lost,) = tx.conflicts.list(states=["overruled"])
        assert (lost.lost, tx.conflicts.open_of([2])) == (Side.RIGHT, {})
        tx.conflicts.choose(lost.id, choice)
        assert tx.conflicts.open_of([2])[2]["city"].choice == {"side": "left", "value": ("x",), "now": ("a", None)}
        tx.conflicts.choose(lost.id, None)
        assert tx.conflicts.open_of([2]) == {}


def test_every_lost_value_is_listed(store: Store) -> None:
    """Values passed over are listed each, however often, and none of them counts as open."""
    with store.begin() as tx:
        tx.conflicts.list_lost([])
        tx.conflicts.list_lost([row(state="overruled", lost_side="left"), row(state="kept", lost_side="right")])
        tx.conflicts.list_lost([row(state="overruled", lost_side="left", left_value=None)])
        assert [(c.state, c.left) for c in tx.conflicts.list(states=["overruled", "kept"])] == [
            ("overruled", None), ("kept", "Peoria"), ("overruled", "Peoria"),
        ]  # fmt: skip
        assert tx.conflicts.open_of([1]) == {}


def test_the_list_is_narrowed(store: Store) -> None:
    """By state, map and rule, newest first, at most so many."""
    with store.begin() as tx:
        for number, (key, rule) in enumerate([("m", "city"), ("m", "name"), ("other", "city"), ("m", "zip")]):
            tx.conflicts.ask(row(map=key, rule=rule, link=number))
        found = tx.conflicts.list(states=["open"], map_key="m")
        assert [conflict.rule for conflict in found] == ["zip", "name", "city"]
        assert [c.map for c in tx.conflicts.list(states=["open"], rule="city")] == ["other", "m"]
        assert [c.rule for c in tx.conflicts.list(states=["open"], limit=1)] == ["zip"]
        assert tx.conflicts.list(states=["taken"]) == []
        assert (tx.conflicts.count("open"), tx.conflicts.count("taken")) == (4, 0)


def test_a_forced_question_stays_forced(store: Store) -> None:
    """A question asked whatever the owner says is still one after its values have moved."""
    with store.begin() as tx:
        tx.conflicts.ask(row(forced=True))
        tx.conflicts.ask(row(left_value="Galena"))
        (found,) = tx.conflicts.list(states=["open"])
        assert (found.forced, found.left) == (True, "Galena")
