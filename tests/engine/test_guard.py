"""The guard when runs follow each other, are killed, or end in trouble. Not here: one run (`test_rules`)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.model import Side
from syncd.engine import run as engine_run
from syncd.engine.intake import tick
from syncd.engine.run import work
from syncd.engine.world import Guard, World
from syncd.errors import Transient
from syncd.service.daemon import Daemon
from syncd.store.marks import DUE, HELD, WEIGHED
from tests.engine import doings
from tests.engine.doings import edit, judge, make, read_feed
from tests.engine.stage import Busy, Cue
from tests.engine.test_rules import linked, rows, town_of, with_mode
from tests.engine.town import Town
from tests.engine.vendor import Traits

GUARD = Guard(creates=2, updates=1)
"""Two due records could already be too many updates, so that every run of two is weighed; two creates are not."""


def leads(town: Town, *numbers: int) -> World:
    """New leads that the feeds have brought; the world with the guard."""
    for number in numbers:
        make(town, "crm", "contacts", {"email": f"p{number}@x.example"})
    town.stage.now += timedelta(seconds=60)
    for feed in doings.FEEDS:
        read_feed(town, *feed)
    return with_mode(town.world, "live", GUARD)


def resting(town: Town, state: str) -> int:
    """How many marks are in a state."""
    with town.store.read() as tx:
        return len(tx.marks.resting(state))


def test_a_later_run_does_not_let_go_what_is_held() -> None:
    """What a run had held waits for a person, however harmless the runs are that come after it."""
    with town_of() as town:
        judge(town)
        world = leads(town, 1, 2, 3)
        assert work(world, world.pairs[0]).state == "held"
        world = leads(town, 4, 5)
        assert work(world, world.pairs[0]).state == "done"
        world = leads(town, 6)
        assert work(world, world.pairs[0]).state == "done"
        assert {row.fields["email"] for row in rows(town, "con", "contacts")} == {f"p{n}@x.example" for n in (4, 5, 6)}
        assert resting(town, HELD) == 3


def test_a_killed_weighing_is_done_again() -> None:
    """Killed between planning and the guard's verdict, the next run after the lease weighs the same records again."""
    with town_of() as town:
        judge(town)
        world = leads(town, 1, 2, 3)
        report = engine_run.RunReport(world.pairs[0].name)
        assert engine_run._begin(world, world.pairs[0], report)
        engine_run._pass(world, world.pairs[0], report, rests=WEIGHED)
        assert resting(town, WEIGHED) == 3
        Daemon(world).prepare()
        assert work(world, world.pairs[0]).state == "busy"
        assert (resting(town, WEIGHED), resting(town, DUE)) == (3, 0)
        town.stage.now += world.pace.lease * 2
        assert work(world, world.pairs[0]).state == "held"
        assert (resting(town, HELD), resting(town, DUE)) == (3, 0)


def test_a_record_weighs_once_however_often_it_is_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """More comes in while a run is weighed, and both records of a link are marked: it is one record that changes."""
    with town_of() as town:
        left, right = linked(town)
        world = with_mode(town.world, "live", GUARD)
        weigh = engine_run._pass

        def hear_of(name: str) -> None:
            edit(town, "crm", "contacts", left.id, {"name": name})
            town.stage.now += timedelta(seconds=60)
            for feed in doings.FEEDS:
                read_feed(town, *feed)
            with town.store.begin() as tx:
                tx.marks.add(world.pairs[0].maps[0].key, Side.RIGHT, [right.id], world.clock())

        def busy(*args: object, rests: str | None) -> str:
            if rests == WEIGHED:
                weigh(*args, rests=rests)  # type: ignore[arg-type]  # handed on
                hear_of("Bea")
            return weigh(*args, rests=rests)  # type: ignore[arg-type]  # handed on

        hear_of("Ada")
        monkeypatch.setattr(engine_run, "_pass", busy)
        assert work(world, world.pairs[0]).state == "done"
        assert [row.fields["name"] for row in rows(town, "con", "contacts")] == ["Bea"]


def test_a_run_that_lost_its_pair_decides_nothing() -> None:
    """Another process took the pair over while this one weighed: no verdict over the half of it, nothing written."""
    with town_of() as town:
        judge(town)
        world = leads(town, 1, 2, 3)
        report = engine_run.RunReport(world.pairs[0].name)
        assert engine_run._begin(world, world.pairs[0], report)
        town.stage.now += world.pace.lease * 2
        assert work(world, world.pairs[0]).state == "held"
        with pytest.raises(Transient, match="another process has taken over pair"):
            engine_run._allowed(world, world.pairs[0], report)
        assert (resting(town, HELD), resting(town, DUE)) == (3, 0)


def test_trouble_while_weighing_leaves_everything_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """A vendor in trouble during the weighing ends the run; nothing is set aside without a verdict."""
    with town_of() as town:
        judge(town)
        world = leads(town, 1, 2, 3)
        weigh = engine_run._pass

        def troubled(*args: object, **more: object) -> str:
            weigh(*args, **more)  # type: ignore[arg-type]  # handed on
            raise Transient("the vendor is away")

        monkeypatch.setattr(engine_run, "_pass", troubled)
        with pytest.raises(Transient):
            work(world, world.pairs[0])
        assert (resting(town, WEIGHED), resting(town, HELD), resting(town, DUE)) == (0, 0, 3)
        assert rows(town, "con", "contacts") == []


def test_who_is_edited_again_while_the_guard_weighs_counts_once() -> None:
    """A record that is planned twice in one weighing is one record: all sixty of sixty are within a hundred percent."""
    with town_of(left=Traits(tick=timedelta(milliseconds=1))) as town:
        people = [make(town, "crm", "contacts", {"email": f"p{n}@x.example", "name": "A"}) for n in range(60)]
        judge(town)
        for one in people:
            assert one is not None
            edit(town, "crm", "contacts", one.id, {"name": "B"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")

        def again(busy: Busy) -> bool:
            for one in people[:5]:
                assert one is not None
                edit(town, "crm", "contacts", one.id, {"name": "C"})
            town.stage.now += timedelta(seconds=20)
            tick(town.another(), "crm", "contacts")
            return True

        town.stage.cues.append(Cue(30, again, outside=True))
        world = with_mode(town.world, "live", Guard(creates=1000, updates=1000, percent=100))
        report = work(world, world.pairs[0])
        assert (report.state, report.error) == ("done", None)
        assert town.stage.cues == [], "nobody was edited again"
        judge(town)
