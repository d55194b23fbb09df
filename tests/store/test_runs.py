"""Runs, systems, facts and the fence counter, on a real database."""

from __future__ import annotations

from syncd.store.runs import Run, SystemState
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW


def test_a_run_from_start_to_end(store: Store) -> None:
    """A run is running until it ends with its state and counts; both are found by its id."""
    with store.begin() as tx:
        run = tx.runs.start("sales", "live", "d1", NOW)
        assert tx.runs.get(run) == Run(run, "sales", "live", "running", NOW, None, {}, "d1")
        tx.runs.end(run, "done", {"units": 3, "error": None}, LATER)
    with store.read() as tx:
        assert tx.runs.get(run) == Run(run, "sales", "live", "done", NOW, LATER, {"units": 3, "error": None}, "d1")
        assert tx.runs.get(run + 1) is None


def test_the_last_runs_newest_first(store: Store) -> None:
    """Of a pair, in a state, or all; as many as asked for."""
    with store.begin() as tx:
        one, two, three = (tx.runs.start(pair, "live", "d", NOW) for pair in ("a", "b", "a"))
        tx.runs.end(two, "held", {}, NOW)
        assert [run.id for run in tx.runs.last()] == [three, two, one]
        assert [run.id for run in tx.runs.last("a")] == [three, one]
        assert [run.id for run in tx.runs.last("a", limit=1)] == [three]
        assert [run.id for run in tx.runs.last(state="held")] == [two]
        assert tx.runs.last("a", state="held") == []


def test_the_state_of_a_system_is_the_last_noted(store: Store) -> None:
    """Nothing is known of a system before something was noted; the last note counts, whole."""
    with store.begin() as tx:
        assert tx.runs.system("crm") is None
        tx.runs.set_system(SystemState("crm", "paused", "the key was refused", NOW, LATER))
        tx.runs.set_system(SystemState("field", "waiting", "busy", NOW, LATER))
        assert tx.runs.system("crm") == SystemState("crm", "paused", "the key was refused", NOW, LATER)
        tx.runs.set_system(SystemState("crm", "ok", None, LATER))
        assert tx.runs.system("crm") == SystemState("crm", "ok", None, LATER)
        assert sorted(tx.runs.systems()) == ["crm", "field"] and tx.runs.systems()["crm"] == tx.runs.system("crm")


def test_facts_are_remembered(store: Store) -> None:
    """A fact is any JSON value; unknown ones are None; the last one told counts."""
    with store.begin() as tx:
        assert tx.runs.fact("began") is None
        tx.runs.set_fact("began", 12.5)
        tx.runs.set_fact("seen", {"a": ("b",)})
        tx.runs.set_fact("began", 13)
        assert (tx.runs.fact("began"), tx.runs.fact("seen")) == (13, {"a": ("b",)})
        longest = f"custom:{32 * 's'}:{64 * 'k'}"
        tx.runs.set_fact(longest, 1)
        assert tx.runs.fact(longest) == 1


def test_fences_only_grow(store: Store) -> None:
    """Every fence is greater than all before it, across transactions; one that was undone may come again."""
    with store.begin() as tx:
        first = [tx.runs.next_fence() for _ in range(3)]
    with store.begin() as tx:
        first.append(tx.runs.next_fence())
    assert first == sorted(set(first))
    assert first[0] > 0
