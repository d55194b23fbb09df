"""What is held, as people meet it: why, what exactly, and a word about all of it or a part.

What is not here: the guard (`tests/engine/test_guard.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from syncd.app import App
from syncd.core.model import Side
from syncd.engine.world import Guard
from syncd.store import resting
from syncd.store.marks import DUE, HELD, PARKED
from syncd.store.tables import marks
from tests.console.town import Town

MAP = "sales/contacts"


@pytest.fixture(autouse=True)
def _strict(town: Town) -> Iterator[None]:
    """Nothing may be changed without a person's permission; each test leaves nothing held."""
    app, before = town.app, town.app.world
    _world(app, replace(before, pairs=tuple(replace(pair, guard=Guard(updates=0)) for pair in before.pairs)))
    yield
    _world(app, before)
    with app.ready_store.begin() as tx:
        tx.connection.execute(marks.delete())


def _world(app: App, world: object) -> None:
    app.__dict__["_world"] = world


def _linked(town: Town) -> list[tuple[str, str]]:
    """Left and right ids of linked contacts of which nothing is asked."""
    with town.app.ready_store.read() as tx:
        end = town.app.world.maps[MAP].left
        shots = tx.snapshots.page(end.system, end.kind, after="", limit=1000)
        links = tx.links.of(MAP, Side.LEFT, shots).values()
        asked = tx.conflicts.open_of([one.id for one in links])
        return sorted((one.left_id, one.right_id) for one in links if one.id not in asked)


def _hold(town: Town, count: int, name: str) -> list[tuple[str, str]]:
    """So many contacts get this first name on the left, and a run that would carry it across is held."""
    chosen = _linked(town)[:count]
    for left, _ in chosen:
        town.stage.left.act("update", "contacts", id=left, fields={"firstname": name})
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [left for left, _ in chosen], town.app.clock(), reread=True)
    (*_, last) = town.app.once()
    assert last["state"] == "held"
    return chosen


def _keys(page: str) -> list[str]:
    return re.findall(r'name="id" form="part" [^>]*value="([^"]+)"', page)


def _states(town: Town, ids: list[str]) -> dict[str, str]:
    with town.app.ready_store.read() as tx:
        return {id_: mark.state for id_, mark in tx.marks.get(MAP, Side.LEFT, ids).items()}


def _names(town: Town) -> dict[str, str]:
    """First names on the right, by id."""
    return {row["jnid"]: row.get("first_name", "") for row in town.stage.right.records("contacts")}


def test_nothing_held_teaches_what_would_stand_here(town: Town) -> None:
    """Without a held plan both pages say what they are for; a pair that is not there is not found."""
    assert "Nothing is held" in town.page("/held")
    assert "Nothing is held of sales" in town.page("/held/sales")
    assert town.client().get("/held/nobody").status_code == 404


def test_a_held_plan_can_be_read_field_by_field(town: Town) -> None:
    """Why it is held, how much, and per record each field before and after; hostile values are only text."""
    _hold(town, 3, "<script>alert(1)</script>")
    page = town.page("/held")
    assert "the guard allows 0" in page
    assert "3 records would be changed" in page
    page = town.page("/held/sales", "vera")
    assert page.count("data-row ") == 3
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "/part" not in page  # a viewer decides nothing


def test_what_is_ticked_is_written_and_the_rest_stays_held(town: Town) -> None:
    """Half of a plan is approved: the next run writes just that."""
    chosen = _hold(town, 4, "Quincy")
    keys = _keys(town.page("/held/sales"))
    assert len(keys) == 4
    form = {"id": keys[:2], "verdict": "approve"}
    assert town.post("/held/sales/part", form, "vera").status_code == 403
    told = town.post("/held/sales/part", form, "otto")
    assert "2 records of sales allowed" in told.headers["hx-trigger"]
    town.app.once()
    allowed = {key.split(".", 3)[3] for key in keys[:2]}
    names = _names(town)
    for left, right in chosen:
        assert (names[right] == "Quincy") == (left in allowed)
    assert _states(town, [left for left, _ in chosen]) == {left: HELD for left, _ in chosen if left not in allowed}
    again = town.post("/held/sales/part", form)
    assert again.status_code == 422
    assert "quicker" in again.headers["hx-trigger"]


def test_who_ticks_what_was_decided_meanwhile_is_told(town: Town) -> None:
    """Of two people's ticks only those count that are still held; the second hears how many were not."""
    chosen = _hold(town, 3, "Roscoe")
    keys = _keys(town.page("/held/sales"))
    assert town.post("/held/sales/part", {"id": keys[:1], "verdict": "discard"}, "otto").status_code == 204
    told = town.post("/held/sales/part", {"id": keys, "verdict": "approve"}).headers["hx-trigger"]
    assert "2 records of sales allowed" in told
    assert "1 record was decided by somebody else" in told
    states = _states(town, [left for left, _ in chosen])
    assert sorted(states.values()) == [DUE, DUE, PARKED]


def test_a_plan_that_changed_since_it_was_seen_is_not_allowed(town: Town) -> None:
    """A tick is for what was shown; a record that changed meanwhile is left alone."""
    chosen = _hold(town, 1, "Silas")
    keys = _keys(town.page("/held/sales"))
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [chosen[0][0]], town.app.clock())
    assert town.post("/held/sales/part", {"id": keys, "verdict": "approve"}).status_code == 422
    assert _states(town, [chosen[0][0]]) == {chosen[0][0]: HELD}


def test_an_approval_is_taken_back_as_long_as_nothing_was_written(town: Town) -> None:
    """Undo holds again just what this approval allowed; after a run there is nothing left to hold."""
    chosen = _hold(town, 2, "Tobias")
    told = town.post("/held/sales/approve", {}, "otto").headers["hx-trigger"]
    (at,) = re.findall(r'"at": "([^"]+)"', told)
    assert set(_states(town, [left for left, _ in chosen]).values()) == {DUE}
    assert town.post("/held/sales/again", {"at": at}).status_code == 204
    assert set(_states(town, [left for left, _ in chosen]).values()) == {HELD}
    assert town.post("/held/sales/again", {"at": at}).status_code == 422
    assert town.post("/held/sales/again", {"at": "yesterday"}).status_code == 422
    town.post("/held/sales/approve")
    town.app.once()
    assert {_names(town)[right] for _, right in chosen} == {"Tobias"}


def test_all_is_discarded_once(town: Town) -> None:
    """Discarded records are parked; who discards second is told."""
    chosen = _hold(town, 2, "Ulysses")
    assert town.post("/held/sales/discard", {}, "vera").status_code == 403
    assert town.post("/held/sales/discard", {}, "otto").status_code == 204
    assert town.post("/held/sales/discard").status_code == 422
    assert set(_states(town, [left for left, _ in chosen]).values()) == {PARKED}
    assert "Somebody did not want it written" in town.page("/parked")


def test_what_is_no_tick_is_refused(town: Town) -> None:
    """Another pair's records, made-up ones, and nothing at all are told as mistakes."""
    for bad in ("left.1.other/contacts.1", "left.1", "up.1.sales/contacts.1", "left.x.sales/contacts.1"):
        assert town.post("/held/sales/part", {"id": bad, "verdict": "approve"}).status_code == 422
    assert town.post("/held/sales/part", {"verdict": "approve"}).status_code == 422
    assert town.post("/held/sales/part", {"id": "left.1.sales/contacts.1", "verdict": "burn"}).status_code == 422


def test_a_link_whose_two_marks_are_held_stands_there_once(town: Town) -> None:
    """Both records of a link changed: one plan, and a word about it is one about both marks."""
    left, right = _linked(town)[0]
    town.stage.left.act("update", "contacts", id=left, fields={"firstname": "Vernon"})
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [left], town.app.clock(), reread=True)
        tx.marks.add(MAP, Side.RIGHT, [right], town.app.clock(), reread=True)
    town.app.once()
    keys = _keys(town.page("/held/sales"))
    assert len(keys) == 1
    with town.app.ready_store.read() as tx:
        assert resting.held_count(tx, MAP, most=10) == 2
    assert town.post("/held/sales/part", {"id": keys, "verdict": "approve"}).status_code == 204
    town.app.once()
    assert _names(town)[right] == "Vernon"


def test_held_pages_follow_each_other_without_a_gap(town: Town) -> None:
    """Every held plan stands on exactly one page."""
    chosen = _hold(town, 5, "Wendell")
    seen: list[str] = []
    after: str | None = ""
    with town.app.ready_store.read() as tx:
        while after is not None:
            leaf = resting.held(tx, MAP, after=after, limit=2)
            seen, after = [*seen, *(mark.id for mark in leaf.rows)], leaf.after
    assert sorted(seen) == sorted(left for left, _ in chosen)
