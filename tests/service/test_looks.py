"""The one look that wakes the daemon's pairs: whatever makes work for a run, and nothing else.

Not here: what carries it (`test_scheduler`, `test_cluster`), and the query alone (`store/test_marks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

import tests.engine.town
from syncd.core.model import Side
from syncd.engine.absorb import LEAD_LANE, NORMAL_LANE
from syncd.engine.item import SLOW_LANE
from syncd.engine.run import due
from syncd.errors import AuthError
from syncd.service.daemon import Daemon
from syncd.store.marks import PLANNED, WEIGHED
from tests.engine.doings import make, read_feed, rest
from tests.engine.town import DATABASES, Town, build
from tests.service.test_web import Woken

KEY, MINUTE = "pair/contacts", timedelta(minutes=1)


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world at rest, on each database."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        rest(made)
        yield made


def woken(daemon: Daemon) -> list[str]:
    """Whom a look wakes."""
    daemon._carrier = carrier = Woken()
    assert daemon.look() is False
    return carrier.names


def mark(town: Town, wait: timedelta = timedelta(0)) -> None:
    """Somebody is marked, to be looked at after this time."""
    with town.store.begin() as tx:
        tx.marks.add(KEY, Side.LEFT, ["1"], town.stage.now + wait)


def test_a_pair_is_woken_by_what_a_feed_brought_until_it_is_done(town: Town) -> None:
    """A new lead wakes it; when the run is through, nothing does."""
    daemon = Daemon(town.world)
    assert woken(daemon) == []
    make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob"})
    town.stage.now += MINUTE
    read_feed(town, "crm", "contacts")
    assert (woken(daemon), due(town.world, town.pair)) == (["pair pair"], True)
    rest(town)
    assert (woken(daemon), due(town.world, town.pair)) == ([], False)


def test_what_is_tried_again_later_wakes_it_then(town: Town) -> None:
    """Not before its time has come; a paused pair is not woken at all."""
    daemon = Daemon(town.world)
    mark(town, MINUTE)
    assert woken(daemon) == []
    town.stage.now += MINUTE
    assert woken(daemon) == ["pair pair"]
    paused = Daemon(replace(town.world, pairs=(replace(town.pair, mode="paused"),)))
    assert woken(paused) == []


@pytest.mark.parametrize("lane", [LEAD_LANE, NORMAL_LANE, SLOW_LANE])
def test_marks_of_every_lane_wake_it(town: Town, lane: int) -> None:
    """What goes last does, too."""
    with town.store.begin() as tx:
        tx.marks.add(KEY, Side.LEFT, ["1"], town.stage.now, lane=lane)
    assert woken(Daemon(town.world)) == ["pair pair"]


def test_what_is_leased_wakes_it_when_the_lease_ends(town: Town) -> None:
    """A pair that somebody runs, or a mark that somebody holds, is left alone until whoever it is has surely died."""
    daemon = Daemon(town.world)
    mark(town)
    now = town.stage.now
    with town.store.begin() as tx:
        assert tx.marks.claim(KEY, now, now + MINUTE, tx.runs.next_fence(), limit=1)
    assert (woken(daemon), due(town.world, town.pair)) == ([], False)
    town.stage.now += 2 * MINUTE
    assert (woken(daemon), due(town.world, town.pair)) == (["pair pair"], True)
    with town.store.begin() as tx:
        tx.pair_leases.take("pair", now=town.stage.now, until=town.stage.now + MINUTE, fence=tx.runs.next_fence())
    assert woken(daemon) == []
    town.stage.now += 2 * MINUTE
    assert woken(daemon) == ["pair pair"]


@pytest.mark.parametrize(("state", "mode", "wakes"), [(WEIGHED, "plan", True), (WEIGHED, "live", True),
                                                      (PLANNED, "plan", False), (PLANNED, "live", True)])  # fmt: skip
def test_what_a_run_left_behind_wakes_it(town: Town, state: str, mode: str, wakes: bool) -> None:
    """What a killed run had weighed, and what was planned beside a live pair; a plan of a pair in mode plan rests."""
    pair = replace(town.pair, mode=mode)
    world = replace(town.world, pairs=(pair,))
    mark(town)
    with town.store.begin() as tx:
        fence = tx.runs.next_fence()
        ((one,),) = [unit.marks for unit in tx.marks.claim(KEY, town.stage.now, town.stage.now, fence, limit=1)]
        assert tx.marks.rest(one, fence, state)
        tx.marks.release(fence)
    assert (woken(Daemon(world)), due(world, pair)) == (["pair pair"] if wakes else [], wakes)


def test_nobody_is_woken_for_a_system_that_rests(town: Town) -> None:
    """Nor for records that may not be linked yet, while a feed is read for the first time."""
    daemon, error = Daemon(town.world), AuthError("The vendor does not accept the key.")
    mark(town)
    error.system = "con"
    daemon._health.bear(error)
    assert woken(daemon) == []
    town.stage.now += 2 * MINUTE
    assert woken(daemon) == ["pair pair"]
    with town.store.begin() as tx:
        tx.feeds.reset("con", "contacts")
    assert (woken(daemon), due(town.world, town.pair)) == ([], False)
