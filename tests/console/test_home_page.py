"""The first page: every number on it is one that the pages behind it show too. What is not here: how it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from syncd.core.model import Side
from syncd.service.tally import Tallying
from syncd.store.tables import conflicts, marks, runs
from tests.console.town import Town

MAP = "sales/contacts"


@pytest.fixture(autouse=True)
def _nothing_waits(town: Town) -> Iterator[None]:
    """Each test begins and ends with nothing that waits."""
    _clear(town)
    yield
    _clear(town)


def _clear(town: Town) -> None:
    with town.app.ready_store.begin() as tx:
        for table in (marks, conflicts):
            tx.connection.execute(table.delete())


def _mark(town: Town, side: Side, id_: str, state: str, **more: Any) -> None:
    now = town.app.clock()
    row = {"map": MAP, "side": str(side), "id": id_, "state": state, "due_at": now, "first_at": now, **more}
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(insert(marks), row)


def _need(town: Town) -> str:
    """What the pair's card says that needs a person."""
    found = re.search(r"<dt>Need you</dt><dd>(.*?)</dd>", town.page("/"))
    assert found is not None
    return found[1]


def _last(town: Town, state: str) -> None:
    """The pair's last run, one that told nothing."""
    now = town.app.clock()
    with town.app.ready_store.begin() as tx:
        run = tx.runs.start("sales", "live", "x", now - timedelta(minutes=1))
        tx.connection.execute(update(runs).where(runs.c.id == run).values(state=state, counts=None))


def test_two_marks_of_one_link_are_one_record_that_is_held(town: Town) -> None:
    """As many as the page of what is held counts, with the same reason."""
    plan = {"action": "update", "creates": None, "left": "1", "right": "2", "writes": [], "conflicts": [], "why": ""}
    for side, id_ in zip(Side, ("1", "2"), strict=True):
        _mark(town, side, id_, "held", plan=plan)
    page = town.page("/")
    assert "1 record of sales held: it goes beyond what was allowed" in page and "None" not in page
    assert _need(town) == "1" and '<span class="count">1</span>' in town.page("/held")


def test_what_goes_on_by_itself_needs_nobody(town: Town) -> None:
    """It stands under Parked, and is counted neither on the pair's card nor above it."""
    _mark(town, Side.LEFT, "1", "parked", cause="waiting", waits_for="x")
    assert _need(town) == "0" and "cannot go on" not in town.page("/")
    _mark(town, Side.LEFT, "2", "parked", cause="unknown left")
    page = town.page("/")
    assert _need(town) == "1" and 'href="/parked?cause=unknown+left"' in page
    assert "A field it needs did not come" in town.page("/parked?cause=unknown+left")


def test_what_is_asked_about_counts_for_its_pair(town: Town) -> None:
    """A conflict needs somebody as much as a record that cannot go on."""
    told = {"map": MAP, "link": 900_001, "rule": "city", "left_id": "1", "right_id": "2", "left_value": "a",
            "right_value": "b", "reason": "both sides changed it", "state": "open", "run": None,
            "at": town.app.clock()}  # fmt: skip
    with town.app.ready_store.begin() as tx:
        tx.conflicts.list_lost([told])
    assert _need(town) == "1" and "1 field changed on both sides" in town.page("/")


@pytest.mark.parametrize(
    ("state", "told"),
    [("running", "it has not ended yet"), ("killed", "it was ended before it could tell what it did")],
)
def test_a_run_that_told_nothing_did_not_nothing(town: Town, state: str, told: str) -> None:
    """One that has not ended, or was ended from outside, says so wherever runs stand."""
    _last(town, state)
    for path in ("/", "/runs"):
        page = town.page(path)
        assert told in page, path
    row = re.search(r'<tr id="run-\d+".*?</tr>', page, re.DOTALL)
    assert row is not None and "nothing to do" not in row[0]


def test_what_was_just_written_is_in_the_numbers(town: Town) -> None:
    """Also what is counted only at the next look: nothing says that nothing was written beside a run that did."""
    Tallying(town.app.ready_store, town.app.clock, ["sales"]).once()
    before = town.page("/")
    with town.app.ready_store.begin() as tx:
        values = {"pair": "sales", "mode": "live", "state": "done", "counts": {"update:written": 3}}
        now = town.app.clock()
        tx.connection.execute(insert(runs).values(**values, started_at=now, ended_at=now))
    assert "Nothing was written" in before
    page = town.page("/")
    assert "Nothing was written" not in page and "3 writes" in page
