"""How long a record is tried again before it is parked: a day of trying, whatever it waited for before.

What is not here: what is a failure (`test_machine`, `test_odd`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from syncd.service.daemon import Daemon
from syncd.store.marks import HELD, PARKED, PLANNED
from syncd.store.runs import SystemState
from tests.engine.doings import edit, judge, read_feed
from tests.engine.test_rules import linked, rows, town_of
from tests.engine.town import Town

MAP = "pair/contacts"
WEEK = timedelta(days=7)


def rested(town: Town, state: str) -> None:
    """What is due rests for a week, and is woken then in the way of its state."""
    with town.store.begin() as tx:
        now = town.world.clock()
        (unit,) = tx.marks.claim(MAP, now, now + town.world.pace.lease, 10**6, limit=9)
        mark = unit.marks[0]
        tx.marks.rest(mark, 10**6, state, waits_for="crm:contacts:7" if state == PARKED else None, due_at=now)
        tx.marks.keep_plans(
            [(mark, {"creates": None, "archives": None, "writes": [{"side": "right", "field": "name"}]})]
        )
        tx.marks.release(10**6)
    town.stage.now += WEEK
    with town.store.begin() as tx:
        now = town.world.clock()
        if state == HELD:
            tx.plans.permit(MAP, now)
        elif state == PARKED:
            tx.marks.wake(["crm:contacts:7"], now)
        else:
            tx.marks.retry(MAP, now, state=PLANNED, reread=False)


def untouched(town: Town) -> None:
    """No run for a week: the pair was paused, or a key was refused."""
    town.stage.now += WEEK


def marked(town: Town) -> None:
    """A contact whose new name is due."""
    left, _ = linked(town)
    edit(town, "crm", "contacts", left.id, {"name": "Bea"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")


@pytest.mark.parametrize(
    "sleep",
    [
        lambda town: rested(town, PLANNED), lambda town: rested(town, HELD), lambda town: rested(town, PARKED),
        untouched,
    ],
    ids=[PLANNED, HELD, PARKED, "untouched"],
)  # fmt: skip
def test_a_week_of_rest_is_no_day_of_retrying(sleep: Callable[[Town], None]) -> None:
    """Two answers that ask to wait, after a week in which nobody tried: it is tried a third time, and written."""
    with town_of() as town:
        marked(town)
        sleep(town)
        town.vendors["con"].faults += [("write", "later")] * 2
        for _ in range(4):
            town.work()
            town.stage.now += timedelta(seconds=5)
        assert town.vendors["con"].faults == []
        with town.store.read() as tx:
            assert tx.marks.resting(PARKED) == []
        assert [row.fields["name"] for row in rows(town, "con", "contacts")] == ["Bea"]


def test_after_a_day_of_retrying_it_is_parked_until_the_system_is_well() -> None:
    """A vendor that asks to wait for a day parks the record; well again after trouble, it is tried by itself."""
    with town_of() as town:
        marked(town)
        town.vendors["con"].faults += [("write", "later")] * 60
        for _ in range(60):
            town.work()
            town.stage.now += timedelta(minutes=30)
        with town.store.read() as tx:
            (mark,) = tx.marks.resting(PARKED)
        assert mark.cause == "later"
        town.vendors["con"].faults.clear()
        daemon = Daemon(town.world)
        with town.store.begin() as tx:
            tx.runs.set_system(SystemState("con", "waiting", "slow", town.world.clock(), town.world.clock()))
        daemon.prepare()
        for tick in daemon.ticks():
            tick.work()
        assert [row.fields["name"] for row in rows(town, "con", "contacts")] == ["Bea"]
        judge(town)
