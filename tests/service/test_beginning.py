"""Who begins while a system is in trouble, and when the others follow. Not here: real processes (`e2e/test_daemon`)."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.engine.world import Pair
from syncd.errors import AuthError, ConfigError, Problem, SyncdError, Transient
from syncd.service.beginning import Beginning, ending
from syncd.service.health import Health
from syncd.service.worlds import Compiled
from tests.engine.town import Town, build
from tests.service.test_troubles import state
from tests.service.test_worlds import down, paired

MINUTE = timedelta(minutes=1)


@pytest.fixture
def town() -> Iterator[Town]:
    """A world with a clock and a store."""
    with closing(build()) as made:
        yield made
    structlog.reset_defaults()


class Agency:
    """Three pairs, two of which share a system; whose systems are in trouble is said by `errors`."""

    def __init__(self, town: Town, folder: Path) -> None:
        self.config = paired(folder, ("a", "hs1", "jn1"), ("b", "hs2", "jn2"), ("c", "hs2", "jn3"))
        self.errors: dict[str, SyncdError] = {}
        self.asked: list[str] = []
        self.unfit: dict[str, ConfigError] = {}
        self.town, self.health = town, Health.of(town.world)

    def compiled(self, names: Collection[str]) -> Compiled:
        """As a compiler would."""
        self.asked += names
        told = {name: [self.errors.get(pair.left), self.errors.get(pair.right)] for name, pair in self._of(names)}
        troubles: dict[str, Any] = {name: error for name, both in told.items() for error in both if error is not None}
        fit = [name for name in names if name not in troubles and name not in self.unfit]
        pairs = {name: replace(self.town.pair, name=name) for name in fit}
        return Compiled(pairs, troubles, {name: self.unfit[name] for name in names if name in self.unfit})

    def _of(self, names: Collection[str]) -> list[tuple[str, Any]]:
        return [(name, pair) for name, pair in self.config.pairs.items() if name in names]

    def beginning(self) -> Beginning:
        """As a daemon has it."""
        return Beginning(self.config, self.health, self.compiled)


@pytest.fixture
def agency(town: Town, tmp_path: Path) -> Agency:
    """Nobody is in trouble yet."""
    return Agency(town, tmp_path)


def look(begun: Beginning) -> tuple[Callable[[], bool], threading.Event]:
    """What looks again, and the event by which the work ends."""
    until = threading.Event()
    (tick,) = begun.again(until)
    assert tick.local and tick.every == MINUTE
    return tick.work, until


def test_those_whose_systems_answer_begin(agency: Agency) -> None:
    """One is down: its pair waits, and who shares a system with that; they are named, and the system is noted."""
    agency.errors["jn2"] = down("jn2")
    begun = agency.beginning()
    with capture_logs() as logged:
        begun.begin()
    assert list(begun.pairs) == ["a"]
    assert [line["pairs"] for line in logged if line["event"] == "pairs wait"] == [["b", "c"]]
    assert [line["system"] for line in logged if line["event"] == "waiting"] == ["jn2"]
    assert (state(agency.town, "jn2"), state(agency.town, "hs2")) == ("waiting", "ok")


def test_where_nobody_is_in_trouble_nothing_is_looked_for(agency: Agency) -> None:
    """All begin, and nobody looks again."""
    begun = agency.beginning()
    begun.begin()
    assert list(begun.pairs) == ["a", "b", "c"] and begun.again(threading.Event()) == []


def test_if_no_pair_can_begin_what_may_pass_is_waited_for(agency: Agency) -> None:
    """A refused key ends the start only if nothing else stands in the way; a wrong map always does."""
    agency.errors = {"hs1": AuthError("refused", system="hs1"), "hs2": down("hs2")}
    with pytest.raises(Transient):
        agency.beginning().begin()
    agency.errors["hs2"] = AuthError("refused", system="hs2")
    with pytest.raises(AuthError):
        agency.beginning().begin()
    agency.errors, agency.unfit = {"hs1": down("hs1")}, {"c": ConfigError(Problem("c.yaml:1:1", "is wrong."))}
    with pytest.raises(ConfigError):
        agency.beginning().begin()


def test_the_work_ends_to_go_on_with_one_that_can_begin(agency: Agency) -> None:
    """Not before all are there that share a system with it; what is worked with keeps its newer maps."""
    agency.errors = {"jn2": down("jn2"), "jn3": AuthError("refused", system="jn3")}
    begun = agency.beginning()
    begun.begin()
    work, until = look(begun)
    agency.town.stage.now += MINUTE
    del agency.errors["jn2"]
    assert work() is False and not until.is_set() and list(begun.pairs) == ["a"]
    agency.town.stage.now += 2 * MINUTE
    del agency.errors["jn3"]
    newer: Pair = replace(begun.pairs["a"], mode="live")
    assert work() is False and until.is_set() and list(begun.pairs) == ["a", "b", "c"]
    begun.keep([newer])
    assert begun.pairs["a"] is newer and begun.again(threading.Event()) == []


def test_a_system_that_rests_is_not_asked(agency: Agency) -> None:
    """As long as its trouble says; a map that is wrong by then ends nothing, and is told."""
    agency.errors["jn1"] = AuthError("refused", system="jn1")
    begun = agency.beginning()
    begun.begin()
    work, until = look(begun)
    agency.asked.clear()
    work()
    assert agency.asked == []
    agency.town.stage.now += 2 * MINUTE
    agency.errors, agency.unfit = {}, {"a": ConfigError(Problem("a.yaml:1:1", "is wrong."))}
    with pytest.raises(ConfigError):
        work()
    assert agency.asked == ["a"] and not until.is_set()


def test_while_another_set_up_works_a_new_refusal_is_no_beginning(agency: Agency) -> None:
    """Somebody mistyped a key just now; one that was refused before is not the new set-up's fault."""
    agency.errors["jn1"] = AuthError("refused", system="jn1")
    with pytest.raises(AuthError):
        agency.beginning().begin(anew=True)
    assert state(agency.town, "jn1") == "ok"
    agency.beginning().begin()
    again = agency.beginning()
    again.begin(anew=True)
    assert list(again.pairs) == ["b", "c"]


def test_an_event_follows_another_one() -> None:
    """It is set with the other, and sets nothing itself."""
    stop = threading.Event()
    with ending(stop) as until:
        until.set()
    assert not stop.is_set()
    with ending(stop) as until:
        assert not until.is_set()
        stop.set()
        assert until.wait(10)
