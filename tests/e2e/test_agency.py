"""An agency with many accounts: every pair is served in time, by workers that are killed, added and replaced meanwhile.

Hundreds of pairs on three workers for twenty minutes if asked for (SYNCD_LONG=1), alone on a machine with two cores; a
short form of the same else. What is not here: the accounts and the people in them (`agency`), and faults (`prove`).
"""

from __future__ import annotations

import json
import os
import statistics
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.app import App
from syncd.core.model import Ref
from syncd.lab import forks
from syncd.lab.causes import Causes
from syncd.lab.compare import compare
from syncd.lab.laws import Laws
from syncd.lab.meetings import meetings
from syncd.lab.play import TIMING
from syncd.lab.process import until
from syncd.service.cluster import KEEP, SCHEMA
from tests import postgres
from tests.e2e.agency import KIND, Agency, Edit, Form, Limits, People, Worker, beside, map_key

SHORT = Form(
    pairs=12, workers=2, seconds=12.0, every=3, lease=6, houses=1, leads=5, customers=2, per_second=4.0,
    timing={**TIMING, "idle": "500ms"}, quiet=8.0, patience=120.0, look=0.25, slack=6.0,
    left=Limits(vendor=((40, 1.0),), ours=((30, 1.0),)), searches=Limits(vendor=((20, 1.0),), ours=((15, 1.0),)),
    right=Limits(vendor=((40, 1.0),), ours=((30, 1.0),)),
)  # fmt: skip

LONG = Form(
    pairs=300, workers=3, seconds=1200.0, every=60, lease=60, houses=2, leads=10, customers=4, per_second=2.0,
    timing={
        "overlap": "30s", "lag": "8s", "settle": "60s", "settle_every": "2m", "gone_every": "5m", "landing": "30s",
        "retry_first": "5s", "retry_max": "1m", "proofs": "30s", "idle": "20s",
    },
    quiet=240.0, patience=1800.0, look=2.0,
    # The reference's numbers (HubSpot Pro; what is said of JobNimbus), and the connectors' own defaults.
    left=Limits(vendor=((190, 10.0),), ours=((100, 10.0),)), searches=Limits(vendor=((5, 1.0),), ours=((4, 1.0),)),
    right=Limits(vendor=((100, 60.0),), ours=((10, 1.0), (80, 60.0))),
)  # fmt: skip
"""By what twelve pairs take, sixty seconds are what two cores carry, with vendors, database and people on them too.
`idle` is not the default: every look of a pair whether something is due is a task of the queue."""

Feed = tuple[str, str]
"""(system, kind)"""


@dataclass(frozen=True, slots=True)
class Kill:
    """A moment, and the feeds that anybody held then: by a lease, or as a task that was begun."""

    at: float
    held: frozenset[Feed]


@dataclass(slots=True)
class Crew:
    """The workers: who ever was, and who is there now, the oldest first."""

    agency: Agency
    all: list[Worker] = field(default_factory=list)
    now: list[Worker] = field(default_factory=list)
    kills: list[Kill] = field(default_factory=list)

    def add(self) -> Worker:
        """One more begins."""
        agency, log = self.agency, self.agency.folder / f"work{len(self.all)}.log"
        child = forks.syncd(("work", "--config", str(agency.config)), {**os.environ, **agency.environ}, log)
        self.all.append(made := Worker(log, child, time.monotonic()))
        self.now.append(made)
        return made

    def kill(self, *which: int) -> None:
        """These are killed with -9 at once, when somebody is at work."""
        several = [self.now[each] for each in which]
        eyes, within = self.agency.eyes, self.agency.form.every * 4.0
        until(lambda: any(_held(eyes)), within=within, what="a feed to be read", every=0.002)
        for worker in several:
            assert worker.child.is_alive(), worker.said()[-2000:]
            worker.child.kill()
        self.kills.append(Kill(time.time(), frozenset(_held(eyes))))
        for worker in several:
            worker.child.join(timeout=30)
            self.now.remove(worker)

    def retire(self, worker: Worker) -> None:
        """One is told to end, finishes what is under way, and ends well."""
        assert worker.child.is_alive(), worker.said()[-2000:]
        worker.child.terminate()
        worker.child.join(timeout=120)
        assert worker.child.exitcode == 0, worker.said()[-2000:]
        self.now.remove(worker)

    def roll(self) -> None:
        """Every one is replaced: its successor works before it is told to end."""
        for old in list(self.now):
            self.ready(self.add())
            self.retire(old)

    def ready(self, *several: Worker) -> None:
        """Wait until these work."""
        within = self.agency.form.patience
        until(lambda: all(one.ready is not None for one in several), within=within, what="workers to begin")

    def end(self) -> None:
        """Nobody is left, whatever happened."""
        for worker in self.now:
            worker.child.kill()
            worker.child.join(timeout=30)


def _held(store: psycopg.Connection[Any]) -> Iterator[Feed]:
    now = "extract(epoch FROM clock_timestamp()) * 1000000"
    yield from store.execute(f"SELECT system, kind FROM feeds WHERE leased_until > {now}".encode())
    query = f"SELECT args->>'name' FROM {SCHEMA}.procrastinate_jobs WHERE status = 'doing'"
    for (name,) in store.execute(query.encode()):
        if name.startswith("feed "):
            system, _, kind = name.removeprefix("feed ").partition(":")
            yield system, kind


@dataclass(slots=True)
class Watch:
    """Looks at the store and the workers again and again. `polls`: when each feed was read; the rest: the most."""

    crew: Crew
    polls: dict[Feed, list[float]] = field(default_factory=lambda: defaultdict(list))
    connections: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    numbers: int = 0

    def since(self, moment: float) -> int:
        """How often the feed that was read least was read after this."""
        feeds = [polls for _, polls in list(self.polls.items())]
        enough = len(feeds) == 2 * self.crew.agency.form.pairs
        return min(sum(at > moment for at in polls) for polls in feeds) if enough else 0

    def run(self, stop: threading.Event) -> None:
        """Until told to stop."""
        while not stop.wait(self.crew.agency.form.look):
            self._look(self.crew.agency.eyes)

    def _look(self, store: psycopg.Connection[Any]) -> None:
        for system, kind, at in store.execute("SELECT system, kind, polled_at FROM feeds WHERE polled_at > 0"):
            polls = self.polls[system, kind]
            if not polls or polls[-1] != at / 1e6:
                polls.append(at / 1e6)
        counts = store.execute(
            "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database() GROUP BY 1"
        ).fetchall()
        for name, count in [*counts, ("all", sum(count for _, count in counts))]:
            self.connections[name] = max(self.connections[name], count)
        with suppress(psycopg.errors.UndefinedTable):  # the first worker has not made the queue yet
            table = f"{SCHEMA}.procrastinate_jobs"
            for name, count in store.execute(f"SELECT status::text, count(*) FROM {table} GROUP BY 1".encode()):
                self.tasks[name] = max(self.tasks[name], count)
            ((self.numbers,),) = store.execute(f"SELECT last_value FROM {table}_id_seq".encode()).fetchall()
        for worker in self.crew.all:
            worker.look()


@dataclass(slots=True, kw_only=True)
class Drill:
    """One drill and what it showed. `begun`, `ended`: from and until when the feeds' gaps are judged."""

    agency: Agency
    crew: Crew
    watch: Watch
    people: People
    begun: float = 0.0
    ended: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)

    def play(self) -> None:
        """The workers begin and link all there is; then people work, and workers come and go."""
        for _ in range(self.agency.form.workers):
            self.crew.add()
        self.crew.ready(*self.crew.now)
        until(self._warm, within=self.agency.form.patience, what="the first reading", every=0.5)
        self.figures["warm"] = round(time.monotonic() - self.crew.all[0].began, 1)
        self.begun = time.time()
        with beside(self.people.work):
            self._come_and_go()
        self._rest()
        self.ended = time.time()
        self.figures["idle_writes"] = self._idle()
        for worker in list(self.crew.now):
            self.crew.retire(worker)

    def _warm(self) -> bool:
        return self._state()[:2] == (0, 0) and self.watch.since(0.0) >= 1

    def _state(self) -> tuple[int, int, int]:
        """How many marks are due, now or later, how many writes have no outcome, and the last write's number."""
        ((due, open_, last),) = self.agency.eyes.execute(
            "SELECT (SELECT count(*) FROM marks WHERE state = 'due'), "
            "count(*) FILTER (WHERE outcome IS NULL), coalesce(max(id), 0) FROM journal"
        ).fetchall()
        return due, open_, last

    def _come_and_go(self) -> None:
        """Killed, replaced, rolled, added, two killed at once, replaced: at parts of the time."""
        crew, seconds = self.crew, self.agency.form.seconds
        deeds = (
            (0.1, lambda: crew.kill(0)), (0.2, crew.add), (0.3, crew.roll), (0.65, crew.add),
            (0.75, lambda: crew.kill(0, -1)), (0.8, crew.add), (1.0, lambda: None),
        )  # fmt: skip
        for part, do in deeds:
            time.sleep(max(0.0, self.begun + part * seconds - time.time()))
            do()
        crew.ready(*crew.now)

    def _rest(self) -> None:
        """Until nothing is due, nothing is written, and each feed was read twice, for long enough."""
        form, since, last = self.agency.form, time.time(), 0
        end = time.monotonic() + form.patience
        while self.watch.since(since) < 2 or time.time() - since < form.quiet:
            due, open_, written = self._state()
            if due or open_ or written != last:
                since, last = time.time(), written
            assert time.monotonic() < end, f"it did not come to rest: {due} due, {open_} open"
            time.sleep(form.look)

    def _idle(self) -> int:
        """Two more intervals in which nobody does anything: what is written in them."""
        marks = {name: vendor.mark() for name, vendor in self.agency.vendors.items()}
        begun, two = time.time(), 2.0 * self.agency.form.every
        until(lambda: self.watch.since(begun) >= 2, within=4 * two, what="two more polls")
        time.sleep(max(0.0, begun + two - time.time()))
        return sum(vendor.written(marks[name])[0] for name, vendor in self.agency.vendors.items())

    # -- what it showed

    def late(self) -> list[str]:
        """Every gap between two polls of a feed that is longer than it may be; the gaps are figures."""
        form, found, told = self.agency.form, list[float](), list[str]()
        usual = 3 * form.every + form.slack
        # Its task is put into the queue again by the next look for missing ones, due an interval later; if the feed is
        # still leased then, another interval passes.
        held = max(usual, 2 * form.every + form.lease + KEEP.total_seconds() + form.slack)
        for feed, polls in self.watch.polls.items():
            for a, b in pairwise(_within(polls, self.begun, self.ended)):
                found.append(b - a)
                hit = any(a <= kill.at <= b and feed in kill.held for kill in self.crew.kills)
                if b - a > (held if hit else usual):
                    told.append(f"{feed[0]} was not read for {b - a:.1f} s, {'held by a killed one' if hit else ''}")
        self.figures["gaps"] = {**_spread(found), "may_be": usual, "held_may_be": held}
        return told

    def again(self) -> list[dict[str, float]]:
        """For each kill: how many feeds were held, and seconds until these, and all, had been read again."""
        rows = []
        for kill in self.crew.kills:
            waits = {
                feed: min((at - kill.at for at in polls if at > kill.at), default=float("inf"))
                for feed, polls in self.watch.polls.items()
            }
            held = max((waits[feed] for feed in kill.held), default=0.0)
            rows.append({"held": len(kill.held), "seconds": round(held, 1), "all": round(max(waits.values()), 1)})
        return rows

    def pace(self, asked: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
        """Whatever was asked beyond a limit of an account; the most that was asked in a window is a figure."""
        told, form = list[str](), self.agency.form
        most: dict[str, int] = {}
        for one in self.agency.accounts:
            left = [(_moment(each["at"]), each["path"].endswith("/search")) for each in asked[one.left]]
            sorts: tuple[tuple[str, Limits, list[float]], ...] = (
                ("hubspot", form.left, [at for at, search in left if not search]),
                ("hubspot search", form.searches, [at for at, search in left if search]),
                ("jobnimbus", form.right, [_moment(each["at"]) for each in asked[one.right]]),
            )
            for name, limits, times in sorts:
                for count, seconds in (*limits.vendor, *limits.ours):
                    found = _most(times, seconds)
                    place = f"{name} in {seconds:g} s"
                    most[place] = max(most.get(place, 0), found)
                    if (count, seconds) in limits.vendor and found > count:
                        told.append(f"{one.pair}: {found} requests to {name} in {seconds:g} s")
        refused = Counter(name for name, several in asked.items() for each in several if each["status"] == 429)
        self.figures |= {"most": most, "refused": refused.total()}
        return [*told, *(f"{name} refused {count} requests" for name, count in refused.items())]

    def judged(self, app: App) -> list[str]:
        """Breaches of the laws, in every account; what was judged is a figure."""
        laws = Laws(app.world, self.agency.vendors)
        breaches = list(laws.check())
        causes = Causes(app.world, laws.histories)
        breaches += [*causes.check(), *meetings(app.world)]
        found = compare(app.world, self.agency.vendors, app.connectors)
        arrived = _arrivals(laws, self.people.edits)
        self.figures |= {
            "people": {**self.people.acts, "accounts": len(self.people.visited), "typed": len(self.people.edits)},
            "judged": laws.edits, "in_flight": laws.in_flight, "writes": causes.writes,
            "compared": found.counts["rules compared"], "arrived": {**_spread(arrived), "edits": len(arrived)},
        }  # fmt: skip
        assert laws.edits >= len(self.people.edits) > 0 < causes.writes
        odd = (*found.differences, *found.duplicates, *found.missing)
        return [*map(str, breaches), *map(str, odd)]


def _within(polls: Sequence[float], begun: float, ended: float) -> list[float]:
    """The polls in this time, with the last before it and its end."""
    before = [at for at in polls if at <= begun][-1:] or [begun]
    return [*before, *(at for at in polls if begun < at < ended), ended]


def _spread(several: Sequence[float]) -> dict[str, float]:
    if len(several) < 2:
        return {}
    parts = statistics.quantiles(several, n=20)
    return {"p50": round(parts[9], 1), "p95": round(parts[18], 1), "max": round(max(several), 1)}


def _most(times: Sequence[float], seconds: float) -> int:
    """The most in any window of so many seconds."""
    window, most = deque[float](), 0
    for at in sorted(times):
        window.append(at)
        while window[0] <= at - seconds:
            window.popleft()
        most = max(most, len(window))
    return most


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _arrivals(laws: Laws, edits: Sequence[Edit]) -> list[float]:
    """Seconds from an edit to its arrival on the other side; those that were replaced before are left out."""
    found = []
    for edit in edits:
        times = []
        for side in (edit.side, edit.side.other):
            story = laws.histories.story(Ref(edit.system(side), KIND, edit.id(side)))
            put = [one["at"] for one in story if (one["fields"].get(edit.name) or [None])[-1] == edit.value]
            times += [_moment(at) for at in put[:1]]
        if len(times) == 2:
            found.append(times[1] - times[0])
    return found


def drill(form: Form, folder: Path) -> None:
    """Play it, tell the figures (`agency.json` in the folder too), and demand what must hold."""
    with Agency.open(folder, form, postgres.fresh()) as agency, ExitStack() as stack:
        crew = Crew(agency)
        stack.callback(crew.end)
        played = Drill(agency=agency, crew=crew, watch=Watch(crew), people=People(agency))
        with beside(played.watch.run):
            played.play()
        asked = {name: vendor.requests() for name, vendor in agency.vendors.items()}
        wrong = [*played.late(), *played.pace(asked)]
        app = stack.enter_context(App.open(agency.config, environ=agency.environ))
        wrong += played.judged(app)
        with app.world.store.read() as tx:
            fewest = min(tx.links.count(map_key(one)) for one in agency.accounts)
    span, watch = played.ended - played.begun, played.watch
    busy = sum(_moment(each["at"]) > played.begun for several in asked.values() for each in several)
    figures = {
        **played.figures, "seconds": round(span), "requests_per_second": round(busy / span, 1),
        "workers": [one.figures() for one in crew.all], "kills": played.again(), "fewest_links": fewest,
        "connections": watch.connections, "tasks": watch.tasks, "task_numbers": watch.numbers,
        "failed_ticks": sum(one.said().count("tick failed") for one in crew.all),
    }  # fmt: skip
    (folder / "agency.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
    print(json.dumps(figures, indent=1))
    assert wrong == [], f"{len(wrong)} things, the first of them: " + "\n\n".join(wrong[:5])
    assert figures["idle_writes"] == 0
    assert fewest >= form.leads // 2


@pytest.mark.long  # its limits are seconds, which a machine that does other tests meanwhile does not keep
@pytest.mark.timeout(300)
def test_accounts_are_served_while_workers_come_and_go(tmp_path: Path) -> None:
    """Twelve customers on two workers: each is read in time, no limit is passed, nothing is lost or made twice."""
    drill(SHORT, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_three_hundred_accounts_for_twenty_minutes(tmp_path: Path) -> None:
    """The same with 300 customers on three workers. To be run alone: the gaps are those of a machine that does this."""
    drill(LONG, tmp_path)
