"""Each state that needs somebody is told once, and once that it is over. Not here: what brings the states about.

On both databases, with the clock in hand; one message goes over a real socket.
"""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, time, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import tests.engine.town
from syncd.config import AlertsConfig
from syncd.core.model import Side
from syncd.engine.planning import lost_row
from syncd.errors import ConfigError, Transient
from syncd.service import states as known
from syncd.service.alerting import Alerter, Lookout, message
from syncd.service.couriers import Couriers
from syncd.service.daemon import feeds
from syncd.service.states import PAGES, State, Watched, states
from syncd.store.marks import HELD, PARKED
from syncd.store.parities import Parity
from syncd.store.runs import SystemState
from syncd.store.store import Store, Tx
from tests.engine.doings import read_feed
from tests.engine.test_rules import linked
from tests.engine.town import DATABASES, Town, build
from tests.house.tree import ROOT

MAP = "pair/contacts"
AFTER = timedelta(minutes=5)


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database, with one linked pair and feeds that were just read."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        linked(made)
        made.stage.now = made.stage.now.replace(hour=12)
        yield made


class Post:
    """Whoever is told. `away`: nobody takes a message."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.away = False

    def __call__(self, title: str, text: str) -> bool:
        """One message."""
        if not self.away:
            self.messages.append((title, text))
        return not self.away


class Office:
    """An alerter over a town, and who is told."""

    def __init__(self, town: Town, disk: Path | None = None, **config: Any) -> None:
        self.town, self.post = town, Post()
        read = {feed: timedelta(days=1) for feed in feeds(town.world.pairs)}
        watched = Watched(("pair",), ("crm", "con"), tuple(m.key for m in town.maps), read, disk)
        settings = AlertsConfig(after=AFTER, **config)
        self.alerter = Alerter(town.store, self.now, partial(states, watched=watched), self.post, settings, "vm1")
        self.lookout = Lookout(town.store, self.now, self.post, settings, "vm1", lambda: self.speaks)
        self.speaks = True

    def now(self) -> Any:
        """The clock, which stands."""
        return self.town.stage.now

    def look(self) -> None:
        """What the schedule does."""
        with suppress(Transient):
            self.alerter.tick()
        self.lookout.tick()

    def later(self, wait: timedelta = AFTER + timedelta(seconds=1), times: int = 1) -> None:
        """Time goes by, and both look."""
        for _ in range(times):
            self.town.stage.now += wait
            self.look()


def park(town: Town, cause: str, state: str = PARKED) -> None:
    """A mark rests."""
    with town.store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, ["77"], town.stage.now)
        tx.marks.rest(tx.marks.get(MAP, Side.LEFT, ["77"])["77"], 0, state, cause=cause, reason="why")


def unpark(town: Town) -> None:
    """It goes on."""
    with town.store.begin() as tx:
        tx.marks.done([tx.marks.get(MAP, Side.LEFT, ["77"])["77"]], 0)


def system(town: Town, state: str) -> None:
    """How a system is."""
    with town.store.begin() as tx:
        tx.runs.set_system(SystemState("con", state, "its reason", town.stage.now))


def fact(town: Town, value: Any) -> None:
    """What is known of the maps."""
    with town.store.begin() as tx:
        tx.runs.set_fact(known.UNFIT, value)


def ends(town: Town, state: str, count: int) -> None:
    """Runs end so."""
    with town.store.begin() as tx:
        for _ in range(count):
            run = tx.runs.start("pair", "live", "digest", town.stage.now)
            tx.runs.end(run, state, {"error": "its reason"}, town.stage.now)


def ask(town: Town) -> None:
    """A field is asked about."""
    with town.store.begin() as tx:
        (link,) = tx.links.all(MAP)
        ids = (link.left_id, link.right_id)
        row = lost_row(MAP, link.id, ids, "name", ("a", "b"), "open", reason="x", run=1, at=town.stage.now)
        tx.conflicts.ask(row)


def answer(town: Town) -> None:
    """It is asked about no more."""
    with town.store.begin() as tx:
        tx.conflicts.settle([row.id for row in tx.conflicts.list(states=["open"])], "taken", town.stage.now)


def differ(town: Town, count: int) -> None:
    """The audit found so many differences."""
    now = town.stage.now
    classes = {"unexplained": count} if count else {}
    with town.store.begin() as tx:
        tx.parities.replace(
            MAP, [Parity(map=MAP, rule="name", whole=True, compared=10, classes=classes, began_at=now, at=now)]
        )


def stand_still(town: Town) -> None:
    """Nobody reads for weeks."""
    town.stage.now += timedelta(days=30)


def read(town: Town) -> None:
    """Everything is read again."""
    for vendor, kind in (
        ("crm", "contacts"),
        ("con", "contacts"),
        ("con", "people"),
        ("crm", "deals"),
        ("con", "jobs"),
    ):
        read_feed(town, vendor, kind)


Do = Callable[[Town], None]
PLAYS: dict[str, tuple[Do, Do, str]] = {
    "system-paused": (lambda t: system(t, "paused"), lambda t: system(t, "ok"), "con is paused: its reason"),
    "system-waiting": (lambda t: system(t, "waiting"), lambda t: system(t, "ok"), "con does not answer"),
    "feed-late": (stand_still, read, "were last read at"),
    "maps-unfit": (lambda t: fact(t, ["x.yaml:3: y"]), lambda t: fact(t, None), "x.yaml:3: y"),
    "runs-stopped": (lambda t: ends(t, "stopped", 3), lambda t: ends(t, "done", 1), "end early: its reason"),
    "held": (lambda t: park(t, "held", HELD), unpark, "a run of pair is held"),
    "conflicts": (ask, answer, "1 field changed on both sides"),
    "parked": (lambda t: park(t, "refused"), unpark, f"1 record of {MAP} cannot go on: refused"),
    "parity": (lambda t: differ(t, 2), lambda t: differ(t, 0), "2 unexplained"),
}


def test_every_state_has_its_play_and_its_runbook() -> None:
    """None is left out of what follows, and each has a page that says what it is and what to do."""
    assert {*PLAYS, "disk", "store"} == set(PAGES)
    for name in PAGES:
        text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text(encoding="utf-8")
        assert "## What it means" in text and "## What to do" in text


@pytest.mark.parametrize("name", PLAYS)
def test_a_state_is_told_once_and_once_that_it_is_over(town: Town, name: str) -> None:
    """With its sentence, its remedy and its runbook; not before it has lasted, and however often somebody looks."""
    begin, end, words = PLAYS[name]
    office = Office(town)
    office.look()
    begin(town)
    office.look()
    assert office.post.messages == []
    office.later(times=4)
    told = [(title, text) for title, text in office.post.messages if words in text]
    assert len(told) == 1, office.post.messages
    ((title, text),) = told
    assert title.startswith("syncd on vm1: ")
    assert PAGES[name].remedy in text and f"docs/runbooks/{name}.md" in text
    end(town)
    office.look()
    assert len(office.post.messages) == 1
    office.later(timedelta(minutes=6), times=3)
    last = [text for _, text in office.post.messages[1:]]
    assert len(last) == 1 and last[0].startswith("Over: ") and words in last[0]
    with town.store.read() as tx:
        assert tx.alerts.all() == {}


def test_a_full_disk_is_told(town: Town, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is full: with little left, in bytes or in shares."""
    office = Office(town, disk=tmp_path / "syncd.db")
    space = SimpleNamespace(free=10 << 30, total=100 << 30)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: space)
    office.later(times=2)
    assert office.post.messages == []
    space.free = 2 << 30
    office.later(times=3)
    ((_, text),) = office.post.messages
    assert "2048 MiB left" in text and PAGES["disk"].remedy in text
    space.free = 50 << 30
    office.later(times=3)
    assert [text for _, text in office.post.messages[1:]] == ["Over: the disk of the store has 2048 MiB left"]


def test_a_store_that_does_not_answer_is_told(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the process that finds it so, once; and once that it answers."""
    office = Office(town)

    def away(self: Store, **_: Any) -> Any:
        raise Transient("the store does not answer: it is\nlocked")

    with monkeypatch.context() as patched:
        patched.setattr(Store, "begin", away)
        office.look()
        assert office.post.messages == []
        office.speaks = False
        office.later(times=4)
        assert office.post.messages == [], "another process of this machine tells"
        office.speaks = True
        office.later(times=4)
    ((_, text),) = office.post.messages
    assert text.startswith("the store does not answer: it is locked\n") and PAGES["store"].remedy in text
    office.later(times=3)
    assert [text for _, text in office.post.messages[1:]] == ["Over: the store does not answer: it is locked"]


def test_looking_holds_up_no_writer(town: Town) -> None:
    """While the states are looked at, another process writes: the look may take long, with hundreds of pairs."""
    office = Office(town)
    look = office.alerter.look

    def beside(tx: Tx, now: datetime) -> Sequence[State]:
        with town.another().store.begin() as other:
            other.runs.set_fact("x", 1)
        return look(tx, now)

    office.alerter.look = beside
    assert office.alerter.tick() is False


def test_what_does_not_last_is_not_told(town: Town) -> None:
    """A system that is away for a moment, again and again, wakes nobody; one that flickers is told once."""
    office = Office(town)
    for _ in range(5):
        system(town, "waiting")
        office.later(timedelta(minutes=2))
        system(town, "ok")
        office.later(timedelta(minutes=2))
    assert office.post.messages == []
    system(town, "waiting")
    office.later(times=2)
    for _ in range(5):
        system(town, "ok")
        office.later(timedelta(minutes=2))
        system(town, "waiting")
        office.later(timedelta(minutes=2))
    assert len(office.post.messages) == 1


def test_what_comes_together_is_told_together(town: Town) -> None:
    """One message for several states, what stands first; and one for all that is over."""
    office = Office(town)
    park(town, "refused")
    system(town, "paused")
    office.later(times=2)
    office.later()
    ((title, text),) = office.post.messages
    assert title == "syncd on vm1: 2 things to look at"
    assert text.index("is paused") < text.index("cannot go on")
    unpark(town)
    system(town, "ok")
    office.later(times=3)
    ((title, text),) = office.post.messages[1:]
    assert title == "syncd on vm1: well again" and text.count("Over: ") == 2


def test_neither_a_restart_nor_another_process_tells_it_again(town: Town) -> None:
    """What was told is in the store."""
    office = Office(town)
    system(town, "paused")
    office.later(times=2)
    other = Office(town)
    other.later(times=3)
    assert (len(office.post.messages), other.post.messages) == (1, [])
    system(town, "ok")
    other.later(times=3)
    assert len(other.post.messages) == 1


def test_what_nobody_has_is_sent_again(town: Town) -> None:
    """A service that is down at the time delays the message; it does not swallow it."""
    office = Office(town)
    office.post.away = True
    system(town, "paused")
    office.later(times=3)
    office.post.away = False
    office.later(times=3)
    assert len(office.post.messages) == 1
    office.post.away = True
    system(town, "ok")
    office.later(times=3)
    office.post.away = False
    office.later(times=3)
    assert len(office.post.messages) == 2


@pytest.mark.parametrize(("quiet", "hour"), [((22, 6), 23), ((22, 6), 3), ((1, 5), 3)])
def test_at_night_only_what_stands_is_told(town: Town, quiet: tuple[int, int], hour: int) -> None:
    """The rest comes in the morning, together; hours are those of the time zone that is set."""
    office = Office(town, quiet=(time(quiet[0]), time(quiet[1])), timezone="America/Chicago")
    town.stage.now = town.stage.now.replace(month=1, day=15, hour=(hour + 6) % 24, minute=0)
    park(town, "refused")
    office.later(timedelta(minutes=8), times=3)
    assert office.post.messages == []
    system(town, "paused")
    office.later(timedelta(minutes=8), times=3)
    assert ["is paused" in text for _, text in office.post.messages] == [True]
    assert "cannot go on" not in office.post.messages[0][1]
    unpark(town)
    park(town, "unmapped")
    system(town, "ok")
    office.later(timedelta(minutes=8), times=2)
    assert [text.startswith("Over: con is paused") for _, text in office.post.messages] == [False, True]
    office.later(timedelta(hours=1), times=9)
    assert ["cannot go on: unmapped" in text for _, text in office.post.messages] == [False, False, True]


def test_once_a_day_all_that_waits_is_told(town: Town) -> None:
    """At its time, with what was told before; on a day on which nothing waits nobody is told."""
    office = Office(town, daily=time(8))
    park(town, "refused")
    office.later(times=2)
    assert len(office.post.messages) == 1, "on the day of the first start nothing is told again"
    office.later(timedelta(hours=1), times=24)
    assert len(office.post.messages) == 2
    unpark(town)
    office.later(timedelta(hours=1), times=30)
    assert ["Over: " in text for _, text in office.post.messages] == [False, False, True]
    office.later(timedelta(hours=1), times=24)
    park(town, "unmapped")
    office.look()
    assert len(office.post.messages) == 3, "what came just now waits until it lasts, whatever the hour"


def test_two_processes_do_not_send_at_once(town: Town) -> None:
    """While one sends, which may take long, the other one tells nothing; who died over it holds nobody up for long."""
    office, other = Office(town), Office(town)
    system(town, "paused")
    office.later(times=1)
    town.stage.now += AFTER

    def slow(title: str, text: str) -> bool:
        other.look()
        return office.post(title, text)

    office.alerter.send = slow
    office.look()
    assert (len(office.post.messages), other.post.messages) == (1, [])
    system(town, "ok")

    def dies(_title: str, _text: str) -> bool:
        raise KeyboardInterrupt

    office.look()
    office.alerter.send = dies
    with pytest.raises(KeyboardInterrupt):
        office.later()
    other.later(timedelta(seconds=30))
    assert other.post.messages == []
    other.later(times=2)
    assert len(other.post.messages) == 1


def test_what_a_killed_process_may_have_told_is_told_to_be_over(town: Town) -> None:
    """Who was killed between sending and noting it has told somebody; that it is over is not kept from them."""
    office, other = Office(town), Office(town)
    system(town, "paused")
    office.look()

    def dies(title: str, text: str) -> bool:
        office.post(title, text)
        raise KeyboardInterrupt

    office.alerter.send = dies
    with pytest.raises(KeyboardInterrupt):
        office.later()
    assert len(office.post.messages) == 1
    system(town, "ok")
    other.later(times=3)
    assert ["Over: con is paused" in text for _, text in other.post.messages] == [True]
    other.later(times=3)
    assert len(other.post.messages) == 1


class Heard(list[dict[str, Any]]):
    """What a service was sent."""


@contextmanager
def service(status: int = 200) -> Iterator[tuple[Heard, str]]:
    """A service that takes JSON, as Apprise sends it; what it heard, and its address."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        """Takes it."""

        def do_POST(self) -> None:
            """One message."""
            heard.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield heard, f"json://someone:a-password@127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_messages_travel_and_no_address_is_told() -> None:
    """Over a real socket; one that does not take it stops no other; addresses are shown without their passwords."""
    with service() as (heard, good), service(status=500) as (failed, bad):
        couriers = Couriers.of([bad, good])
        assert couriers.send("a title", "a text")
        assert (heard[0]["title"], heard[0]["message"]) == ("a title", "a text")
        assert len(failed) >= 1
        assert not Couriers.of([bad]).send("a title", "a text")
        rows = couriers.tested()
    assert [row["sent"] for row in rows] == [False, True]
    assert all("a-password" not in row["to"] and row["to"].startswith("json://") for row in rows)


def test_an_address_that_nobody_knows_is_named_by_its_number() -> None:
    """It holds passwords, so it is not shown."""
    with pytest.raises(ConfigError) as caught:
        Couriers.of(["json://127.0.0.1/", "nosuch://a-password@example.com"])
    assert "number 2" in str(caught.value) and "a-password" not in str(caught.value)


def test_a_message_fits_a_phone() -> None:
    """A title of its first words, and what to do below."""
    title, text = message("vm1", [State("system-paused:crm", "crm is paused: the key is refused")], [])
    assert title == "syncd on vm1: crm is paused"
    assert text.splitlines()[1].startswith("  What to do: ")
