"""The guard when runs follow each other, are killed, or end in trouble. Not here: one run (`test_rules`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Action, Side
from syncd.engine import run as engine_run
from syncd.engine.answers import release
from syncd.engine.guard import may_exceed
from syncd.engine.intake import tick
from syncd.engine.run import work
from syncd.engine.world import Guard, World
from syncd.errors import Transient
from syncd.service.daemon import Daemon
from syncd.store.marks import DUE, HELD, PARKED, WEIGHED
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


def test_what_a_run_did_counts_for_the_percentage_as_well() -> None:
    """Few are due, and with those that the run wrote already it is more of all links than the guard allows."""
    with town_of(batch=100) as town:
        for number in range(60):
            make(town, "crm", "contacts", {"email": f"p{number}@x.example", "name": "P"})
        judge(town)
        edit(town, "crm", "contacts", rows(town, "crm", "contacts")[0].id, {"name": "Q"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        pair = with_mode(town.world, "live", Guard(creates=1000, updates=1000, percent=80)).pairs[0]
        assert not may_exceed(town.world, pair, town.stage.now)
        assert not may_exceed(town.world, pair, town.stage.now, {Action.UPDATE: 40})
        assert may_exceed(town.world, pair, town.stage.now, {Action.UPDATE: 50})


def approved(town: Town) -> World:
    """Three leads that were held, and that a person allows."""
    world = leads(town, 1, 2, 3)
    assert work(world, world.pairs[0]).state == "held"
    release(world, world.pairs, approve=True)
    return world


def test_what_was_allowed_is_not_held_by_others_that_come_to_nothing() -> None:
    """Three more records are due in which there is nothing to write: the run is weighed, and all goes through."""
    with town_of() as town:
        known = [make(town, "crm", "contacts", {"email": f"o{n}@x.example"}) for n in range(3)]
        judge(town)
        world = approved(town)
        with town.store.begin() as tx:
            tx.marks.add(world.pairs[0].maps[0].key, Side.LEFT, [row.id for row in known if row], world.clock())
        assert work(world, world.pairs[0]).state == "done"
        assert len(rows(town, "con", "contacts")) == 6
        assert resting(town, HELD) == 0


def test_what_was_allowed_is_written_by_the_run_that_holds_others() -> None:
    """However many more come with every run: those wait for a person, and what a person allowed does not."""
    with town_of() as town:
        judge(town)
        approved(town)
        world = leads(town, 4, 5, 6)
        assert work(world, world.pairs[0]).state == "held"
        assert {row.fields["email"] for row in rows(town, "con", "contacts")} == {f"p{n}@x.example" for n in (1, 2, 3)}
        assert (resting(town, HELD), resting(town, DUE)) == (3, 0)


def test_what_was_allowed_and_is_parked_is_no_permission_for_later() -> None:
    """What a person typed a week on is weighed like any edit, and not held for going beyond what he once allowed."""
    with town_of() as town:
        judge(town)
        world = approved(town)
        with town.store.begin() as tx:
            now, key = world.clock(), world.pairs[0].maps[0].key
            for unit in tx.marks.claim(key, now, now + world.pace.lease, 10**6, limit=9):
                tx.marks.rest(unit.marks[0], 10**6, PARKED, cause="refused", due_at=now)
            tx.marks.release(10**6)
        edit(town, "crm", "contacts", rows(town, "crm", "contacts")[0].id, {"phone": "7"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        work(world, world.pairs[0])
        assert (resting(town, HELD), [row.fields["phone"] for row in rows(town, "con", "contacts")]) == (0, ["7"])


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

        def busy(*args: Any, rests: str | None) -> str:
            if rests == WEIGHED:
                weigh(*args, rests=rests)
                hear_of("Bea")
            return weigh(*args, rests=rests)

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

        def troubled(*args: Any, **more: Any) -> str:
            weigh(*args, **more)
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


def page(town: Town, *numbers: int) -> None:
    """One more page of the feed, in the middle of whatever a run does."""
    for number in numbers:
        make(town, "crm", "contacts", {"email": f"p{number}@x.example"})
    town.stage.now += timedelta(seconds=20)
    tick(town.another(), "crm", "contacts")


def emails(town: Town) -> set[str]:
    """Who is across."""
    return {str(row.fields["email"]) for row in rows(town, "con", "contacts")}


def test_what_comes_while_a_run_works_is_weighed_by_the_next() -> None:
    """The first page of many is below every limit: the pages after it are not written on its ticket."""
    with town_of() as town:
        judge(town)
        leads(town, 1)

        def more(busy: Busy) -> bool:
            page(town, 2, 3, 4, 5)
            return True

        town.stage.cues.append(Cue(8, more, outside=True))
        world = with_mode(town.world, "live", Guard(creates=2, updates=5))
        assert work(world, world.pairs[0]).state == "done"
        assert town.stage.cues == [], "nothing came"
        assert emails(town) == {"p1@x.example"}
        assert work(world, world.pairs[0]).state == "held"
        assert emails(town) == {"p1@x.example"}


@pytest.mark.parametrize("after", ["_pass", "_allowed"])
def test_what_comes_after_the_weighing_is_not_let_go_by_it(after: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the weighing and its verdict, or the verdict and the work: who comes then was weighed by nobody."""
    with town_of() as town:
        judge(town)
        world = leads(town, 1, 2)
        before, coming = getattr(engine_run, after), [3, 4, 5]

        def then_more(*args: object, **more: object) -> object:
            done = before(*args, **more)
            if coming:
                page(town, *coming)
                coming.clear()
            return done

        monkeypatch.setattr(engine_run, after, then_more)
        assert work(world, world.pairs[0]).state == "done"
        assert coming == [], "nothing came"
        assert emails(town) == {"p1@x.example", "p2@x.example"}
        assert work(world, world.pairs[0]).state == "held"
        assert emails(town) == {"p1@x.example", "p2@x.example"}


def test_what_is_marked_again_meanwhile_is_weighed_again() -> None:
    """A record whose turn it is changes in the middle of the run: what it is now belongs to the next run."""
    with town_of(batch=1) as town:
        left, _ = linked(town)
        second = make(town, "crm", "contacts", {"email": "zoe@x.example", "name": "Zoe"})
        assert second is not None
        judge(town)
        for one in (left, second):
            edit(town, "crm", "contacts", one.id, {"phone": "2"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")

        def again(busy: Busy) -> bool:
            edit(town, "crm", "contacts", second.id, {"name": "Zita"})
            town.stage.now += timedelta(seconds=20)
            tick(town.another(), "crm", "contacts")
            return True

        town.stage.cues.append(Cue(8, again, outside=True))
        assert town.work().state == "done"
        assert town.stage.cues == [], "nobody was edited again"
        assert {row.fields["name"] for row in rows(town, "con", "contacts")} == {"Ann", "Zoe"}
        assert town.work().state == "done"
        assert {row.fields["name"] for row in rows(town, "con", "contacts")} == {"Ann", "Zita"}


def test_the_daemon_goes_on_at_once_with_what_came_meanwhile() -> None:
    """What a run leaves to the next one does not wait for the next look; with nothing left the pair rests."""
    with town_of() as town:
        judge(town)
        leads(town, 1)

        def more(busy: Busy) -> bool:
            page(town, 2)
            return True

        town.stage.cues.append(Cue(8, more, outside=True))
        (pair,) = [one for one in Daemon(town.world).ticks() if one.name == "pair pair"]
        assert pair.work() is True
        while pair.work():
            pass
        assert emails(town) == {"p1@x.example", "p2@x.example"}
        assert resting(town, DUE) == 0
