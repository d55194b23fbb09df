"""The daemon in trouble and out of it: whose trouble it is, what rests, what clears it, what a mended map releases.

Ticks are called one by one, on the virtual clock of the engine's town. Not here: the schedule (`test_scheduler`).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from syncd.core.fieldmap import FieldMap
from syncd.core.model import FieldKind, FieldType, Option, Side
from syncd.errors import AuthError, Transient
from syncd.fieldmaps import load
from syncd.kit.careful import Careful
from syncd.kit.connector import Connector
from syncd.lab.stage import Stage
from syncd.service.daemon import Daemon
from syncd.service.scheduler import Scheduler
from syncd.service.worlds import Compiled
from syncd.store.marks import DUE, PARKED
from tests.engine import town as towns
from tests.engine.doings import edit, make, read_feed, rest
from tests.engine.test_rules import linked, rows, town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector

EVERY = timedelta(seconds=30)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Nothing is logged."""

    def drop(*_: Any) -> Any:
        raise structlog.DropEvent

    structlog.configure(processors=[drop])
    yield
    structlog.reset_defaults()


def state(town: Town, system: str) -> str:
    """What `status` says of a system."""
    with town.store.read() as tx:
        found = tx.runs.system(system)
    return found.state if found else "ok"


def pair_tick(daemon: Daemon) -> None:
    """What the schedule does for the pair."""
    daemon._guarded("pair")()


def feed_tick(daemon: Daemon, system: str) -> None:
    """What the schedule does for a feed."""
    daemon._feed_tick(system, "contacts", EVERY).work()


def refused_key(town: Town, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """A daemon whose right system has just refused its key, in the middle of a run."""
    daemon = Daemon(town.world)
    linked(town)
    make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")

    def refused(*_: Any) -> Any:
        error = AuthError("The vendor does not accept the key.")
        error.system = "con"
        raise error

    monkeypatch.setattr(MemoryConnector, "write", refused)
    pair_tick(daemon)
    monkeypatch.undo()
    return daemon


def calls(town: Town, system: str) -> int:
    """How often a vendor was asked."""
    return len(town.vendors[system].calls)


def test_the_trouble_of_one_system_does_not_rest_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The right key is refused: the right feed rests, the left one is read on."""
    with town_of() as town:
        daemon = refused_key(town, monkeypatch)
        assert (state(town, "con"), state(town, "crm")) == ("paused", "ok")
        before = calls(town, "con"), calls(town, "crm")
        feed_tick(daemon, "con")
        feed_tick(daemon, "crm")
        assert calls(town, "con") == before[0] and calls(town, "crm") > before[1]


def at_its_limit(town: Town, monkeypatch: pytest.MonkeyPatch) -> Daemon:
    """A daemon of whose pair each run meets the limit of the right system, said by a connector that names nobody."""
    linked(town)
    make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")

    def used_up(*_: Any) -> Any:
        raise Transient("All calls are used up.", retry_after=900)

    monkeypatch.setattr(MemoryConnector, "write", used_up)
    framed: dict[str, Connector] = {name: Careful(one, name) for name, one in town.world.connectors.items()}
    return Daemon(replace(town.world, connectors=framed))


def test_the_limit_of_one_system_met_by_a_pair_does_not_rest_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run meets it: the left system is told well and its feed is read on; the right one is left alone."""
    with town_of() as town:
        daemon = at_its_limit(town, monkeypatch)
        pair_tick(daemon)
        assert (state(town, "con"), state(town, "crm")) == ("waiting", "ok")
        before = calls(town, "con"), calls(town, "crm")
        feed_tick(daemon, "con")
        feed_tick(daemon, "crm")
        assert calls(town, "con") == before[0] and calls(town, "crm") > before[1]


def test_a_wait_is_told_once_however_often_it_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tried four times in vain, it is told once; so is the next trouble, when this one is over."""
    with town_of() as town:
        daemon = at_its_limit(town, monkeypatch)

        def an_hour() -> list[str]:
            with capture_logs() as logged:
                for _ in range(4):
                    pair_tick(daemon)
                    town.stage.now += timedelta(minutes=16)
            return [line["system"] for line in logged if line["event"] == "waiting"]

        assert an_hour() == ["con"]
        assert an_hour() == []
        feed_tick(daemon, "con")
        assert state(town, "con") == "ok"
        assert an_hour() == ["con"]


def test_trouble_while_the_maps_are_adopted_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that is in trouble just then is noted, and the daemon begins when it answers; told to stop, it ends."""
    with town_of() as town:
        daemon, begun, stop = Daemon(town.world), list[int](), threading.Event()

        def down(_self: MemoryConnector, kind: str) -> Any:
            monkeypatch.undo()
            error = Transient("The vendor is down.", retry_after=1e-7)
            error.system = "con"
            raise error

        class Carried(Scheduler):
            def run(self, stop: threading.Event) -> None:
                begun.append(1)

        monkeypatch.setattr(MemoryConnector, "describe", down)
        daemon.run(stop, Carried)
        assert (begun, state(town, "con")) == ([1], "waiting")
        stop.set()
        daemon.run(stop, Carried)
        assert begun == [1]


def test_what_names_no_system_is_no_systems_trouble() -> None:
    """A store that does not answer, or a pair that another process took over, is the tick's own trouble."""
    with town_of() as town:
        daemon = Daemon(town.world)

        def taken(*_: Any) -> Any:
            raise Transient("another process has taken over the pair.", retry_after=1.0)

        with pytest.raises(Transient):
            daemon._guarded("pair", taken)()
        assert (state(town, "con"), state(town, "crm")) == ("ok", "ok")


def test_real_vendors_troubles_name_their_system(tmp_path: Path) -> None:
    """A refused key and an outage carry the name of the system that they are of, over real connectors."""
    with Stage(folder=tmp_path) as stage:
        for name, connector in stage.readers().items():
            for fault, error in (("401", AuthError), ("429-retry-after", Transient)):
                stage.vendors[name].faults({"fault": fault, "rate": 1.0, "retry_after": 90})
                with pytest.raises(error) as caught:
                    list(connector.changes("contacts", None, ("email",), lambda _: {}))
                assert caught.value.system == name
            connector.close()


def test_a_tick_that_asked_nobody_clears_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without anything due proves nothing about a key; the system's own feed, once it answers, does."""
    with town_of() as town:
        daemon = refused_key(town, monkeypatch)
        town.stage.now += timedelta(minutes=2)
        with town.store.begin() as tx:
            for mark in tx.marks.resting(DUE):
                tx.marks.add(mark.map, mark.side, [mark.id], town.stage.now + timedelta(hours=1))
        pair_tick(daemon)
        assert state(town, "con") == "paused"
        feed_tick(daemon, "crm")
        assert state(town, "con") == "paused"
        feed_tick(daemon, "con")
        assert state(town, "con") == "ok"


def test_what_waited_for_a_key_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is mended: the lead that the trouble stopped crosses, once."""
    with town_of() as town:
        refused_key(town, monkeypatch)
        rest(town)
        assert sorted(str(row.fields["name"]) for row in rows(town, "con", "contacts")) == ["Ann", "Bob"]


TAG = '  - {left: tag, right: tag, direction: "->", drift: %(drift)s'


def tagged(town: Town, values: str = "", options: tuple[str, ...] = ()) -> FieldMap:
    """The map of contacts whose tag has these values, or goes into a pick list of these options."""
    source = towns.CONTACTS.replace(TAG, f"{TAG}, values: {values}" if values else TAG)
    texts = {"keys": "sync_key: {left: key, right: key}", "first_link": "left", "drift": "keep", "delete": "flag"}
    schemas = {side: towns.SCHEMAS[system]["contacts"] for side, system in towns.SYSTEMS.items()}
    if options:
        tag = FieldType(name="tag", kind=FieldKind.ENUM, options=tuple(Option(o, o) for o in options))
        right = schemas[Side.RIGHT]
        schemas[Side.RIGHT] = replace(right, fields={**right.fields, "tag": tag})
    return load(source % texts, pair="pair", systems=towns.SYSTEMS, schemas=schemas)


@pytest.mark.parametrize(
    ("before", "after", "there"),
    [
        ({"values": "{vip: V}"}, {"values": "{vip: V, gold: G}"}, "G"),
        ({"options": ("vip",)}, {"options": ("vip", "gold")}, "gold"),
    ],
    ids=["the map", "the vendor's options"],
)
def test_what_had_no_counterpart_is_released_while_the_daemon_runs(
    before: dict[str, Any], after: dict[str, Any], there: str
) -> None:
    """A value without a counterpart parks its record; with one, in the map or at the vendor, it goes on by itself."""
    with town_of() as town:
        town.maps = (tagged(town, **before), *town.maps[1:])
        town.reborn()
        daemon = Daemon(town.world)
        daemon.prepare()
        left, right = linked(town, tag="vip")
        edit(town, "crm", "contacts", left.id, {"tag": "gold"})
        rest(town)
        with town.store.read() as tx:
            assert [mark.cause for mark in tx.marks.resting(PARKED)] == ["unmapped"]
        mended = replace(town.pair, maps=(tagged(town, **after), *town.maps[1:]))
        daemon.pairs_again = lambda: Compiled({mended.name: mended})
        daemon.compile_again()
        town.world = daemon.world
        rest(town)
        assert right.fields["tag"] == there
        with town.store.read() as tx:
            assert tx.marks.resting(PARKED) == []
