"""A real daemon with its console between two live sandboxes, for a real browser. What is not here: any test."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx

from syncd.app import App
from syncd.console.ask import Role
from syncd.console.doors import Doors
from syncd.kit.people import people
from syncd.lab.crm import HUBSPOT
from syncd.lab.demo import TIMING
from syncd.lab.stage import PAIR, Stage
from syncd.service.lifetime import Lifetime
from syncd.store.links import Link
from syncd.store.marks import COMING, DUE, PLANNED
from tests.console.town import PASSWORD, PEOPLE, QUICK
from tests.ports import free_port

PATIENCE = 60.0
"""Seconds; the machine may be busy."""

ANEW = "net::ERR_|htmx:(afterRequest|sendError)|status of 504"
"""What a browser writes to its console while a daemon goes on with a set-up that was changed."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Living:
    """Where the console is, the sandboxes, and who keeps a daemon working, also with a set-up that was changed."""

    url: str
    stage: Stage
    lifetime: Lifetime[App]

    @property
    def app(self) -> App:
        """The set-up that works now."""
        assert self.lifetime._now is not None
        return self.lifetime._now

    def secret(self, name: str = "ada") -> str:
        """What a browser keeps in which this person is signed in."""
        made = doors(self.app).sign_in(name, PASSWORD)
        assert made is not None
        return made

    def settle(self) -> None:
        """Wait until the first sync is through: each map has links, and nothing is due."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            status = self.app.status()
            if all(status["links"].values()) and not status["due"]:
                return
            time.sleep(0.2)
        raise AssertionError("the first sync did not come to an end")

    def new_lead(self, number: int = 1) -> str:
        """Somebody nobody has met before is entered in the CRM, with a deal; the person's name."""
        person = people(1, 9_000_000 + number, messy=False)[0]
        self.stage.crm.new_lead(self.stage.left, person, "pat@example.com")
        return person.name

    def change(self, **values: str | int) -> None:
        """Another mode, interval or guard of the pair, and a daemon that works by it."""
        self.app.setup.change(self.app.config.pairs[PAIR], values)
        self.until(lambda: values.items() <= _settings(self.app).items(), f"a daemon with {values}")
        self.ready()

    def ready(self) -> None:
        """Wait until what works now answers."""
        _wait(f"{self.url}/readyz")

    def linked(self, count: int, key: str = "sales/contacts") -> list[Link]:
        """So many links of a map of which nothing is asked, as soon as there are, and nothing else is to be done."""

        def found() -> list[Link]:
            with self.app.ready_store.read() as tx:
                links = tx.links.all(key, limit=1000)
                asked = tx.conflicts.open_of([one.id for one in links])
                if any(state in (DUE, COMING, PLANNED) for _, state, *_ in tx.marks.counts(self.app.clock())):
                    return []
            links = [one for one in links if one.id not in asked]
            return links[:count] if len(links) >= count else []

        return self.until(found, f"{count} links of {key}")

    def polled(self) -> None:
        """Every feed was read once from beginning to end: a reading that goes on asks for the fields of before."""
        for _ in range(2):
            since = self.app.clock()
            self.until(lambda since=since: self._read_since(since), "another reading of every feed")

    def _read_since(self, since: datetime) -> bool:
        with self.app.ready_store.read() as tx:
            return all(feed.polled_at is not None and feed.polled_at > since for feed in tx.feeds.all())

    def until(self, look: Callable[[], T], what: str) -> T:
        """What it finds, as soon as it finds something."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if found := look():
                return found
            time.sleep(0.1)
        raise AssertionError(f"waited in vain for {what}")

    def invite(self, name: str, role: Role) -> str:
        """The address of a one-time link."""
        return f"{self.url}/welcome/{doors(self.app).invite(name, role)}"


def doors(app: App) -> Doors:
    """The app's, with a quick hash."""
    return Doors(app.ready_store, app.clock, app.config.console, QUICK)


@contextmanager
def living(folder: Path, leads: int = 20, mode: str = "live", **more: Any) -> Iterator[Living]:
    """Sync and serve for as long as the `with` block lasts; three people have accounts."""
    port = free_port()
    with Stage(
        folder=folder, crm=HUBSPOT, leads=leads, seed=1, rate="20/1", every="1s", mode=mode, timing=TIMING, **more
    ) as stage:
        environ = {**stage.environ, "SYNCD_WEB_LISTEN": f"127.0.0.1:{port}"}

        def opened() -> App:
            app = App.read(stage.config, environ=environ)
            app.renew = lifetime.again
            return app

        with App.read(stage.config, environ=environ) as app:
            for name, role in PEOPLE.items():
                made = doors(app)
                made.choose(made.invite(name, role), PASSWORD)
        lifetime: Lifetime[App] = Lifetime(opened)
        daemon = threading.Thread(target=lifetime.run, args=(lambda app, until: app.run(until),), daemon=True)
        daemon.start()
        url = f"http://127.0.0.1:{port}"
        try:
            _wait(f"{url}/readyz", daemon)
            yield Living(url, stage, lifetime)
        finally:
            lifetime.stop()
            daemon.join(timeout=30)


def _settings(app: App) -> Mapping[str, Any]:
    pair = app.config.pairs[PAIR]
    return {"mode": pair.mode, **asdict(pair.guard)}


def _wait(url: str, daemon: threading.Thread | None = None) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and (daemon is None or daemon.is_alive()):
        try:
            if httpx.get(url, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("the daemon did not begin to work")
