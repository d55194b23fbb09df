"""Thousands of plans that rest: weighed, listed and allowed a page at a time. Not here: what is held (`test_rules`)."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from syncd.core.model import Side
from syncd.engine.answers import held_rows, plan_rows, release
from syncd.engine.guard import Weight, may_exceed, weigh
from syncd.engine.world import Guard
from syncd.service.passes import plan
from syncd.store.marks import DUE, HELD, PLANNED, WEIGHED
from syncd.store.tables import links, marks
from tests.engine.doings import edit, rest
from tests.engine.stage import START
from tests.engine.test_rules import linked, town_of, with_mode
from tests.engine.town import Town

MAP = "pair/contacts"
COUNT, TEXT = 5000, "x" * 10_000
MOST = 25_000_000
"""Bytes: far less than all plans take, more than one page of them."""


def plans(town: Town, state: str) -> None:
    """As many plans as above: both marks of a link hold one, each of which changes the right record."""
    write = {"side": "right", "field": "note", "rule": "note", "before": None, "after": TEXT, "reason": "changed"}
    rows = [
        {"map": MAP, "side": str(side), "id": f"{n}", "state": state, "due_at": START, "first_at": START, "lane": n % 2,
         "plan": {"map": MAP, "action": "update", "left": f"{n}", "right": f"{n}", "creates": None, "archives": None,
                  "writes": [write], "conflicts": [], "parked": []}}
        for n in range(COUNT // 2)
        for side in Side
    ]  # fmt: skip
    with town.store.begin() as tx:
        tx.connection.execute(marks.insert(), rows)


def weighed(town: Town) -> object:
    """What the guard asks."""
    with town.store.read() as tx:
        return weigh(tx, town.pair)


def listed(town: Town) -> object:
    """What a person sees of it."""
    with town.store.read() as tx:
        (row,) = held_rows(tx, START)
    return row["creates"], row["updates"]


def allowed(town: Town) -> object:
    """What a person says to it."""
    return release(town.world, town.world.pairs, approve=True)


@pytest.mark.parametrize(
    ("state", "ask", "answer"),
    [
        (WEIGHED, weighed, Weight(updates=COUNT // 2, linked=COUNT // 2)),
        (HELD, listed, (0, COUNT // 2)),
        (HELD, allowed, COUNT // 2),
    ],
)
def test_many_plans_are_not_all_in_memory(state: str, ask: Callable[[Town], object], answer: object) -> None:
    """However many there are, a page of them is; each record counts once."""
    with town_of() as town:
        plans(town, state)
        tracemalloc.start()
        try:
            assert ask(town) == answer
            assert tracemalloc.get_traced_memory()[1] < MOST
        finally:
            tracemalloc.stop()


def test_a_plan_that_is_shown_is_kept_packed() -> None:
    """Each record is in it once, and what is kept of many is far less than they take."""
    with town_of() as town:
        plans(town, PLANNED)
        tracemalloc.start()
        try:
            shown = plan(town.world, town.world.pairs, lambda _: None)
            assert tracemalloc.get_traced_memory()[0] < MOST / 10
        finally:
            tracemalloc.stop()
        assert len(shown["operations"]) == shown["updates"] == COUNT // 2
        told = [one["left"] for one in shown["operations"] if one["writes"][0]["after"] == TEXT]
        assert sorted(told, key=int) == [f"{n}" for n in range(COUNT // 2)]


def test_the_newest_plan_of_a_record_is_shown() -> None:
    """Both marks of a link were planned, one after the other: what stands is the later plan, whatever its lane."""
    with town_of() as town:
        rows: list[dict[str, Any]] = [
            {"map": MAP, "side": side, "id": "1", "state": HELD, "due_at": START.replace(second=second), "lane": lane,
             "first_at": START, "plan": {"left": "1", "right": "1", "creates": None, "writes": [], "action": action}}
            for side, second, lane, action in (("left", 9, 0, "new"), ("right", 1, 2, "old"))
        ]  # fmt: skip
        with town.store.begin() as tx:
            tx.connection.execute(marks.insert(), rows)
        assert [plan["action"] for plan in plan_rows(town.store, town.maps, HELD)] == ["new"]


@pytest.mark.parametrize(("count", "exceeded"), [(599, True), (600, False), (5000, False)])
def test_links_are_counted_as_far_as_the_guard_needs(count: int, exceeded: bool) -> None:
    """Sixty due records are a tenth of 600 links: whether there are as many is asked, not how many there are."""
    with town_of() as town:
        due = [{"map": MAP, "side": "left", "id": f"{n}", "state": DUE, "due_at": START, "first_at": START}
               for n in range(60)]  # fmt: skip
        linked = [{"map": MAP, "left_id": f"{n}", "right_id": f"{n}", "state": "open", "made_at": START}
                  for n in range(count)]  # fmt: skip
        with town.store.begin() as tx:
            tx.connection.execute(marks.insert(), due)
            tx.connection.execute(links.insert(), linked)
        world = with_mode(town.world, "live", Guard(creates=1000, updates=1000, percent=10))
        asked: list[str] = []
        event.listen(town.store.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
        assert may_exceed(world, world.pairs[0], START) is exceeded
        counts = [text for text in asked if "FROM links" in text and "gone_at" not in text]
        assert counts and all("LIMIT" in text for text in counts)


def test_a_plan_goes_when_the_other_side_says_the_same() -> None:
    """A name is planned to cross; somebody types it over there: what is planned for the link is planned anew."""
    with town_of() as town:
        left, right = linked(town)
        town.world = with_mode(town.world, "plan")
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        rest(town)
        assert len(list(plan_rows(town.store, town.maps, PLANNED))) == 1
        edit(town, "con", "contacts", right.id, {"name": "Anna"})
        rest(town)
        assert list(plan_rows(town.store, town.maps, PLANNED)) == []
