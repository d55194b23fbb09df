"""Maps compiled anew while the daemon works: each pair by itself. Not here: the compiling (`test_worlds`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.core.model import Side
from syncd.engine.world import Pair
from syncd.errors import ConfigError, Problem
from syncd.service.daemon import Daemon
from syncd.service.states import UNFIT
from syncd.service.worlds import Compiled
from syncd.store.marks import PARKED
from tests.engine.town import Town, build
from tests.service.test_troubles import state
from tests.service.test_worlds import down

BOTH = ("pair/contacts", "other/contacts")
WRONG = ConfigError(Problem("x.yaml:3:4", "There is no such field."))


@pytest.fixture
def town() -> Iterator[Town]:
    """A world of two pairs."""
    with closing(build()) as made:
        other = replace(made.pair, name="other", maps=(replace(made.maps[0], key="other/contacts"),))
        made.world = replace(made.world, pairs=(*made.world.pairs, other))
        yield made
    structlog.reset_defaults()


def again(daemon: Daemon, found: Compiled) -> None:
    """Compile anew, with this result."""
    daemon.pairs_again = lambda: found
    assert daemon.compile_again() is False


def newer(daemon: Daemon, name: str) -> Pair:
    """A pair with a map that was compiled anew."""
    pair = daemon._pair(name)
    return replace(pair, maps=(replace(pair.maps[0]), *pair.maps[1:]))


def parked(town: Town) -> list[str]:
    """The maps in which something waits for a value to have a counterpart."""
    with town.store.read() as tx:
        return [key for key in BOTH for mark in tx.marks.resting(PARKED, key) if mark.cause == "unmapped"]


def park(town: Town) -> None:
    """In both maps something does."""
    with town.store.begin() as tx:
        for key in BOTH:
            tx.marks.add(key, Side.LEFT, ["1"], town.stage.now)
            ((mark,),) = [unit.marks for unit in tx.marks.claim(key, town.stage.now, town.stage.now, 1, limit=1)]
            assert tx.marks.rest(mark, 1, PARKED, cause="unmapped")
    assert parked(town) == list(BOTH)


def test_a_system_in_trouble_keeps_no_other_pair_from_newer_maps(town: Town) -> None:
    """Its pair goes on with the maps it has, and the system is noted."""
    daemon = Daemon(town.world)
    before, mended = daemon.world.maps, newer(daemon, "pair")
    with capture_logs() as logged:
        again(daemon, Compiled({"pair": mended}, {"other": down("con")}))
    assert [daemon.world.maps[key] is before[key] for key in BOTH] == [False, True]
    assert daemon.world.maps[BOTH[0]] is mended.maps[0]
    assert state(town, "con") == "waiting" and [line["event"] for line in logged] == ["waiting"]


def test_a_map_that_fits_no_longer_is_told_until_it_does(town: Town) -> None:
    """The other pair goes on with its newer one; the state names what does not fit, also while its system is down."""
    daemon = Daemon(town.world)
    mended = newer(daemon, "pair")
    with capture_logs() as logged:
        again(daemon, Compiled({"pair": mended}, unfit={"other": WRONG}))
    assert [(line["event"], line["pair"]) for line in logged] == [("maps no longer fit", "other")]
    assert daemon.world.maps[BOTH[0]] is mended.maps[0]
    again(daemon, Compiled({"pair": mended}, {"other": down("con")}))
    with town.store.read() as tx:
        assert tx.runs.fact(UNFIT) == ("x.yaml:3:4: There is no such field.",)
    again(daemon, Compiled({"other": daemon._pair("other")}))
    with town.store.read() as tx:
        assert tx.runs.fact(UNFIT) is None


def test_what_has_no_counterpart_is_tried_again_where_the_map_is_new(town: Town) -> None:
    """In all maps once after a start, as nobody knows what was new by then; then only where it was compiled anew."""
    daemon = Daemon(town.world)
    same = {pair.name: pair for pair in daemon.world.pairs}
    park(town)
    again(daemon, Compiled(same))
    assert parked(town) == []
    park(town)
    again(daemon, Compiled(same))
    assert parked(town) == list(BOTH)
    again(daemon, Compiled({**same, "other": newer(daemon, "other")}))
    assert parked(town) == [BOTH[0]]
