"""Two processes on one store: no feed is read by both at once, and nobody creates on what a feed has not told yet.

Not here: the leases in the database (`tests/store`), and two runs of one pair (`test_guard`).
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from syncd.engine.intake import Tick, tick
from syncd.engine.worker import Worker
from syncd.store.marks import DUE
from tests.engine.doings import edit, hinted, judge, make, read_feed, run
from tests.engine.stage import Busy, Cue
from tests.engine.test_rules import linked, must, rows, town_of
from tests.engine.town import Town
from tests.engine.vendor import Traits

FEED = ("crm", "contacts")


def both(town: Town, points: int, pause: timedelta) -> tuple[Tick, list[Tick]]:
    """A tick of ours, and one of another process that begins within it after a pause."""
    theirs: list[Tick] = []

    def act(busy: Busy) -> bool:
        town.stage.now += pause
        theirs.append(tick(town.another(), *FEED))
        return True

    town.stage.cues.append(Cue(points, act, outside=True))
    ours = tick(town.world, *FEED)
    town.stage.calm()
    return ours, theirs


@pytest.mark.parametrize("pause", [timedelta(0), timedelta(seconds=61)])
def test_a_feed_is_read_by_one_process_at_a_time(pause: timedelta) -> None:
    """Whoever holds the lease brings the record; the other one stores no page, at whatever point it comes in."""
    kinds = set()
    for points in range(1, 12, 2):
        with town_of() as town:
            judge(town)
            make(town, "crm", "contacts", {"email": "ann@x.example"})
            town.stage.now += timedelta(seconds=60)
            ours, theirs = both(town, points, pause)
            for other in theirs:
                assert ours.moved + other.moved == 1, (ours, other)
                kinds.add((ours.busy, other.busy))
            judge(town)
            assert len(rows(town, "con", "contacts")) == 1
    assert (pause > timedelta(0), pause == timedelta(0)) in kinds, "one of them found the other at it"
    assert (True, True) not in kinds


def test_a_page_is_stored_by_who_holds_the_feed() -> None:
    """Whoever was overtaken while he asked the vendor stores nothing, and what the other one stored stands."""
    with town_of() as town:
        judge(town)
        make(town, "crm", "contacts", {"email": "ann@x.example"})
        town.stage.now += timedelta(seconds=60)
        ours, theirs = both(town, 4, timedelta(seconds=61))
        must([(other.busy, other.moved) for other in theirs] == [(False, 1)], "the other one reads the feed")
        must((ours.busy, ours.rows) == (True, 0), "we do not")


def test_a_worker_that_was_overtaken_settles_nothing() -> None:
    """Rule 3: who was slower than his lease settles none of the writes that the next one settled meanwhile."""
    seen: list[dict[int, str]] = []
    for points in range(14, 20):
        with town_of() as town:
            left, _ = linked(town)
            edit(town, "crm", "contacts", left.id, {"name": "Anna"})
            town.stage.now += timedelta(seconds=60)
            read_feed(town, *FEED)
            before = outcomes(town)
            town.stage.cues.append(Cue(points, partial(overtake, town, seen), outside=True))
            run(town)
            settled, now = (seen[-1].items() if seen else set()) - before.items(), outcomes(town)
            must(all(now[intent] == outcome for intent, outcome in settled), "settled twice")
            judge(town)
    assert any("landed" in found.values() for found in seen), "nobody was overtaken between write and answer"


def test_an_edit_that_only_a_slow_read_met_still_travels() -> None:
    """Who was overtaken while he read takes the answer in like anybody: the one who took over does not know of it."""
    for points in range(2, 14):
        with town_of() as town:
            left, right = linked(town)
            hinted(town, "crm", "contacts", left.id)
            town.stage.cues.append(Cue(points, partial(overtake_and_edit, town, left.id), outside=True))
            run(town)
            judge(town)
            must(right.fields["name"] == "Anna", f"an edit after {points} points was swallowed")


def overtake_and_edit(town: Town, id: str, busy: Busy) -> bool:
    """Another process takes over what is due, finds nothing new, and is done with it; then a person edits."""
    overtake(town, [], busy)
    edit(town, "crm", "contacts", id, {"name": "Anna"})
    return True


def overtake(town: Town, seen: list[dict[int, str]], busy: Busy) -> bool:
    """Another process takes over all that is due; what it settled is noted."""
    town.stage.now += town.world.pace.lease * 2
    worker = Worker(town.another(), town.maps[0])
    while worker.step():
        pass
    seen.append(outcomes(town))
    return True


def outcomes(town: Town) -> dict[int, str]:
    """What became of every write that is settled."""
    with town.store.read() as tx:
        return {intent.id: intent.outcome for intent in tx.journal.recent() if intent.outcome is not None}


def test_a_tick_gives_the_feed_back() -> None:
    """After a tick, and after one that ended in trouble, another process may read on at once; after a kill it waits."""
    with town_of() as town:
        judge(town)
        tick(town.world, *FEED)
        assert not tick(town.another(), *FEED).busy
        town.vendors["crm"].faults.append(("changes", "transient"))
        read_feed(town, *FEED)
        assert not tick(town.another(), *FEED).busy
        town.stage.crash_in(5)
        read_feed(town, *FEED)
        assert tick(town.another(), *FEED).busy
        town.stage.now += timedelta(seconds=61)
        assert not tick(town.another(), *FEED).busy


def test_nothing_is_created_while_another_process_reads_the_feed() -> None:
    """Where the feed is the look-up and somebody else reads it, the creation waits until it is known what is there."""
    with town_of(right=Traits(find_by_feed=True)) as town:
        judge(town)
        make(town, "crm", "contacts", {"email": "ann@x.example"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, *FEED)
        now = town.stage.now
        with town.store.begin() as tx:
            fence = tx.runs.next_fence()
            assert tx.feed_leases.take("con", "contacts", now=now, until=now + timedelta(seconds=60), fence=fence)
        assert town.work().run is not None
        with town.store.read() as tx:
            assert "feed" in {mark.cause for mark in tx.marks.resting(DUE)}
        assert rows(town, "con", "contacts") == []
        judge(town)
        assert len(rows(town, "con", "contacts")) == 1
