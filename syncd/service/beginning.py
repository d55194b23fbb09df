"""Which pairs can begin: those whose systems have said what fields they have. The others keep nobody waiting.

What is not here: how a pair is compiled (`worlds`), and the work that begins (`daemon`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from syncd.config import Config
from syncd.engine.world import Pair
from syncd.errors import AuthError
from syncd.service.health import Health
from syncd.service.scheduler import Tick
from syncd.service.worlds import Compiled, apart

log = structlog.stdlib.get_logger("syncd.beginning")

SOONEST = timedelta(seconds=30)
"""How soon it is looked again, at the earliest, whether one that waits can begin."""

Compile = Callable[[Collection[str]], Compiled]
"""Compiles the pairs of these names."""


@dataclass(slots=True)
class Beginning:
    """Of one set-up. `pairs`: those that have begun, by name."""

    config: Config
    health: Health
    compiled: Compile
    pairs: Mapping[str, Pair] = field(default_factory=dict)

    def begin(self, *, anew: bool = False) -> None:
        """Take all pairs that can begin; the trouble of the others' systems is noted.

        Raises ConfigError, and if no pair can begin, why: what may pass before what will not. `anew`: while the set-up
        of before works, an AuthError too of a system whose key was not refused until now: somebody just mistyped it.
        """
        found = self.compiled(self._waiting())
        found.must_fit()
        several = list(found.troubles.values())
        refused = [one for one in several if isinstance(one, AuthError)]
        if anew and (new := [one for one in refused if not self.health.paused(str(one.system))]):
            raise new[0]
        self.pairs = apart(self.config, found.pairs)
        if several and not self.pairs:
            raise next((one for one in several if one not in refused), several[0])
        self._bear(found)
        if waiting := self._waiting():
            log.warning("pairs wait", pairs=waiting)

    def again(self, until: threading.Event) -> list[Tick]:
        """Looks whether one that waits can begin by now; then the work ends by `until`, to go on with that one."""

        def look() -> bool:
            found = self.compiled([name for name in self._waiting() if not self._rests(name)])
            self._bear(found)
            ready = apart(self.config, {**self.pairs, **found.pairs})
            if len(ready) > len(self.pairs):
                self.pairs = ready
                until.set()
            found.must_fit()
            return False

        every = max(self.config.timing.fresh / 10, SOONEST)
        return [Tick("waiting", every, look, local=True)] if self._waiting() else []

    def keep(self, pairs: Iterable[Pair]) -> None:
        """These have newer maps."""
        self.pairs = {**self.pairs, **{pair.name: pair for pair in pairs}}

    def _waiting(self) -> list[str]:
        return [name for name in self.config.pairs if name not in self.pairs]

    def _rests(self, name: str) -> bool:
        pair = self.config.pairs[name]
        return self.health.rests(pair.left) or self.health.rests(pair.right)

    def _bear(self, found: Compiled) -> None:
        for error in {error.system: error for error in found.troubles.values()}.values():
            self.health.bear(error)


@contextmanager
def ending(stop: threading.Event) -> Iterator[threading.Event]:
    """An event of its own, which is set when `stop` is."""
    until = threading.Event()

    def follow() -> None:
        while not (until.is_set() or stop.wait(timeout=1.0)):
            pass
        until.set()

    threading.Thread(target=follow, name="ending", daemon=True).start()
    try:
        yield until
    finally:
        until.set()
