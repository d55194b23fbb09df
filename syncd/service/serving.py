"""A daemon with all around it: its port, the service manager, alerts, nights; alone, or as one of several processes.

What is not here: the world it works in (`syncd.app` makes it), and each of these parts.
"""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from starlette.types import ASGIApp

from syncd.config import Config, WebConfig
from syncd.engine.world import Pair, World
from syncd.errors import AuthError, ConfigError, Problem
from syncd.service import alerting, systems
from syncd.service.beginning import Beginning, Compile, ending
from syncd.service.daemon import Carrier, Daemon, feeds, scheduled
from syncd.service.health import Health
from syncd.service.nightly import Nights
from syncd.service.retention import Retention
from syncd.service.scheduler import Tick, meanwhile, once
from syncd.service.site import Site
from syncd.service.states import Watched
from syncd.service.tally import Tallying
from syncd.service.watch import Watch
from syncd.service.web import must_be_free
from syncd.store.store import Store


@dataclass(frozen=True, slots=True)
class Serving:
    """Of one set-up. `compiled` asks the vendors for their fields at a start, `again` later on; `maps`: their keys.

    `pages`: makes what people are shown, given whether the daemon works, and whether nobody listens any more; `began`
    is told each daemon that works.
    """

    config: Config
    store: Store
    clock: Callable[[], datetime]
    health: Health
    world: Callable[[Iterable[Pair]], World]
    compiled: Compile
    again: Compile
    maps: Sequence[str]
    pages: Callable[[Callable[[], bool], Callable[[], bool]], ASGIApp] | None = None
    began: Callable[[Daemon], None] = lambda _daemon: None

    def try_out(self, instead_of: WebConfig) -> None:
        """Try all that it needs while another one works: store, maps, fields, alerts, port. Raises SyncdError."""
        begun = self._beginning()
        begun.begin(anew=True)
        self._beside(list(begun.pairs.values()), lambda: False)
        if self.config.web.listen != instead_of.listen:
            must_be_free(self.config.web.listen)

    def run(self, stop: threading.Event) -> None:
        """Alone, until `stop` is set. Raises ConfigError too if the port is taken."""
        with self._site().open(os.environ, alone=True) as site:
            self._work(stop, site, scheduled)

    def work(self, stop: threading.Event) -> None:
        """As one of several processes on a PostgreSQL. Raises ConfigError for another store."""
        if self.store.sqlite:
            remedy = "Run `syncd run`; for several processes, move to PostgreSQL first: see docs/how-to/postgresql.md."
            raise ConfigError(Problem("[syncd] store", "is a file, which one process works on.", remedy))
        try:
            cluster = importlib.import_module("syncd.service.cluster").Cluster
        except ImportError as error:
            remedy = "Install syncd with its extra: syncd[postgres]."
            problem = Problem("`syncd work`", f"needs a package that is not here: {error.name}.", remedy)
            raise ConfigError(problem) from error
        with self._site().open(os.environ, alone=False) as site:
            self._work(stop, site, lambda ticks: cluster([*ticks, site.tick()], self.store, self.clock))

    def _site(self) -> Site:
        watch = Watch(self.store, self.clock, list(self.config.systems), self.maps)
        shown = self.pages if self.config.console.on else None
        pages = partial(shown, watch.started.is_set) if shown is not None else None
        return Site(self.config.web, systems.receivers(self.config), watch, pages)

    def _work(self, stop: threading.Event, site: Site, carry: Callable[[Sequence[Tick]], Carrier]) -> None:
        """Begin, for which systems have to say what fields they have: if no pair can, one that is down is waited for.

        Who ended instead would be started again at once by whatever looks after it, and ask the vendor each time.
        People are told meanwhile, too. When a pair can begin that could not, all go on with it. Raises AuthError
        if none can for that: a new key is read at the next start only.
        """
        begun, alerts = self._beginning(), self._alerts({}, site.listens)
        try:
            if not self.health.until_done(stop, begun.begin, partial(meanwhile, alerts)):
                return
        except AuthError:
            for tick in alerts:
                once(tick)
            raise
        while not stop.is_set():
            with ending(stop) as until:
                daemon = self.daemon(list(begun.pairs.values()), site.listens, *begun.again(until))
                self.began(daemon)
                site.began(daemon.hinted)
                daemon.run(until, carry)
            begun.keep(daemon.world.pairs)

    def _beginning(self) -> Beginning:
        return Beginning(self.config, self.health, self.compiled)

    def daemon(self, pairs: Sequence[Pair], speaks: alerting.Speaks = lambda: True, *more: Tick) -> Daemon:
        """What it runs. `speaks`: whether this process tells people for its machine. `more`: what else is done."""
        timing, audit, systems = self.config.timing, self.config.audit, self.config.systems
        zones = {name: systems[p.left].timezone or systems[p.right].timezone for name, p in self.config.pairs.items()}
        known = {name: ZoneInfo(zone) for name, zone in zones.items() if zone}
        nights = Nights(nights=audit.nights, at=audit.at, every=audit.every, zones=known) if audit.nights else None
        again = partial(self.again, [pair.name for pair in pairs])
        beside = [*self._beside(pairs, speaks), *more]
        return Daemon(self.world(pairs), timing.idle, again, timing.fresh, nights, beside)

    def _beside(self, pairs: Sequence[Pair], speaks: alerting.Speaks) -> list[Tick]:
        """What else a daemon does: it tells people what needs them, and lets go of what is kept no longer."""
        kept = Retention(self.store, self.clock, self.config.retention, self.maps)
        tally = Tallying(self.store, self.clock, list(self.config.pairs))
        return [kept.tick(), tally.tick(), *self._alerts(feeds(pairs), speaks)]

    def _alerts(self, read: Mapping[tuple[str, str], timedelta], speaks: alerting.Speaks) -> list[Tick]:
        """People are told what needs them. `read`: how often each feed is."""
        live = tuple(pair.name for pair in self.config.pairs.values() if pair.mode != "paused")
        watched = Watched(live, tuple(self.config.systems), tuple(self.maps), read, self.store.file)
        return alerting.ticks(self.config, self.store, self.clock, watched, speaks)
