"""How a pause because of hidden things begins and ends: at once in every process, without starving the one that looks.

Not here: what makes a system pause (`test_lookout`), and short troubles that are over before it (`test_brief`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.service.daemon import Daemon
from syncd.store.runs import SystemState
from tests.engine.doings import edit, judge
from tests.engine.test_leaving import another, partners, writes
from tests.engine.test_lookout import access, empty, reason
from tests.engine.test_rules import town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector
from tests.service.test_troubles import EVERY, feed_tick, pair_tick


def seconds(town: Town, daemon: Daemon, count: int, every: int = 30) -> None:
    """As the schedule has it: the pair ticks every second, the feeds every thirty."""
    for n in range(1, count + 1):
        town.stage.now += timedelta(seconds=1)
        pair_tick(daemon)
        if n % every == 0:
            feed_tick(daemon, "crm")
            feed_tick(daemon, "con")


def runs(town: Town) -> list[str]:
    """How the runs ended, newest first."""
    with town.store.read() as tx:
        return [run.state for run in tx.runs.last()]


def test_a_pause_ends_soon_after_it_is_mended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pair asks every second whether it may go on; that does not keep the feed from looking, nor leave runs."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(10)]
        judge(town)
        daemon = Daemon(town.world)
        town.stage.now += town.world.pace.look_every
        undo = empty(town, monkeypatch)
        feed_tick(daemon, "con")
        edit(town, "crm", "contacts", people[3].id, {"name": "New"})
        before, ended = writes(town), runs(town)
        seconds(town, daemon, 100)
        assert "with nothing" in (reason(town) or "")
        assert (writes(town), runs(town)) == (before, ended)
        undo()
        seconds(town, daemon, 100)
        assert reason(town) is None
        assert town.vendors["con"].rows["contacts"][dict(partners(town))[people[3].id]].fields["name"] == "New"


def test_a_run_under_way_ends_when_a_system_turns_out_to_hide_things(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed looks while a run writes: the batch at hand is finished, no other is begun."""
    with town_of(batch=2) as town:
        people = [another(town, number) for number in range(12)]
        judge(town)
        daemon, write = Daemon(town.world), MemoryConnector.write
        for one in people:
            edit(town, "crm", "contacts", one.id, {"name": f"New {one.id}"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "crm")
        town.stage.now += town.world.pace.look_every
        before = writes(town)

        def hiding(self: MemoryConnector, *args: Any) -> Any:
            monkeypatch.setattr(MemoryConnector, "write", write)
            done = list(write(self, *args))
            access(town, monkeypatch)
            feed_tick(Daemon(town.another()), "con")
            return iter(done)

        monkeypatch.setattr(MemoryConnector, "write", hiding)
        pair_tick(daemon)
        assert "does not show" in (reason(town) or "")
        assert (writes(town) - before, runs(town)[0]) == (1, "paused")


def test_a_pause_of_a_process_that_died_ends_in_another() -> None:
    """Whoever reads a system without trouble after the pause has run out tells that it is well."""
    with town_of(batch=50) as town:
        another(town, 1)
        judge(town)
        again = town.stage.now + timedelta(minutes=1)
        with town.store.begin() as tx:
            tx.runs.set_system(SystemState("con", "paused", "The key is refused.", town.stage.now, again))
        daemon = Daemon(town.world)
        feed_tick(daemon, "con")
        assert reason(town) is not None
        town.stage.now += timedelta(minutes=2)
        feed_tick(daemon, "con")
        assert reason(town) is None


def test_one_kind_that_is_read_does_not_end_the_pause_because_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contacts are hidden, jobs are not: the system stays paused, whichever is read first after a while."""
    with town_of(batch=50) as town:
        for number in range(10):
            another(town, number)
        judge(town)
        daemon = Daemon(town.world)
        town.stage.now += town.world.pace.look_every
        undo = access(town, monkeypatch)
        feed_tick(daemon, "con")
        town.stage.now += timedelta(minutes=2)
        daemon._feed_tick("con", "jobs", EVERY).work()
        assert "does not show" in (reason(town) or "")
        undo()
        feed_tick(daemon, "con")
        assert reason(town) is None
