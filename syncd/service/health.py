"""How the systems are: one in trouble is noted and rests alone, and is told well again when it has answered.

The daemon and the passes that somebody waits for note by this, so that `syncd status` says the same after either.
What is not here: how a system is found that hides things (`engine.lookout`), and who asks the systems when.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from syncd.core.model import Side
from syncd.engine.lookout import hides
from syncd.engine.world import Pace, World
from syncd.errors import AuthError, SyncdError, Transient
from syncd.store.runs import SystemState
from syncd.store.store import Store

log = structlog.stdlib.get_logger("syncd.health")

Meanwhile = Callable[[], AbstractContextManager[None]]

T = TypeVar("T")

AUTH_AGAIN = timedelta(minutes=1)
"""How soon a refused key is tried again: the operator may have mended it."""

AGAIN = timedelta(seconds=5)
"""How soon a system is tried again that does not say when."""

BOTH: tuple[type[AuthError | Transient], ...] = (AuthError, Transient)


@dataclass(slots=True)
class Health:
    """How the systems are, as this process has met them. An error that names no system is no system's trouble."""

    store: Store
    clock: Callable[[], datetime]
    pace: Pace
    _again: dict[str, datetime] = field(default_factory=dict)
    _told: dict[str, str | None] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Health:
        """In this world."""
        return cls(world.store, world.clock, world.pace)

    def begin(self, systems: Iterable[str]) -> None:
        """Those that were in trouble when the last process ended are asked at once, and told well if they are."""
        now = self.clock()
        with self.store.read() as tx:
            states = tx.runs.systems()
        self._again.update({name: now for name in systems if name in states and states[name].state != "ok"})

    def rests(self, system: str) -> bool:
        """Whether a system is not to be asked now."""
        until = self._again.get(system)
        return until is not None and self.clock() < until

    def paused(self, system: str) -> bool:
        """Whether a system's key was refused when it was asked last, by whichever process."""
        with self.store.read() as tx:
            noted = tx.runs.system(system)
        return noted is not None and noted.state == "paused"

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note whose trouble an error is, for `status`; whoever asked hears of it by the error itself."""
        try:
            yield
        except (AuthError, Transient) as error:
            self._note(error)
            raise

    def tried(self, do: Callable[[], T], kinds: tuple[type[AuthError | Transient], ...] = BOTH) -> T | None:
        """Do it; None if a system is in trouble, which rests then. A refused key pauses it, a passing trouble waits.

        `kinds`: the trouble that is borne so; other is raised. Told in the log when it begins, and when another
        permission is missing; not each time it is tried again.
        """
        try:
            return do()
        except kinds as error:
            self.bear(error)
            return None

    def bear(self, error: AuthError | Transient) -> None:
        """Let the error's system rest; told in the log if that is news. An error that names none is raised."""
        if error.system is None:
            raise error
        if self._note(error):
            _tell(error, self._again[error.system] - self.clock())

    def until_done(
        self,
        stop: threading.Event,
        do: Callable[[], object],
        meanwhile: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> bool:
        """Do it, again after each wait that a system needs; False if told to stop before it was done.

        `meanwhile`: what goes on during each wait. A refused key is raised: a new one is read at the next start only.
        """

        def whole() -> bool:
            do()
            return True

        while not stop.is_set():
            with self.noting():
                if self.tried(whole, (Transient,)):
                    return True
            # A signal may be handed to a thread that does not wait; Python hears of it when this one wakes.
            with meanwhile():
                while any(self.rests(system) for system in self._again) and not stop.wait(timeout=1.0):
                    pass
        return False

    def _note(self, error: AuthError | Transient) -> bool:
        """Let the error's system rest; whether that is news."""
        if (system := error.system) is None:
            return False
        refused = error if isinstance(error, AuthError) else None
        state, missing = ("paused", refused.permission) if refused else ("waiting", None)
        now = self.clock()
        until = now + (min(AUTH_AGAIN, self.pace.retry_max) if refused else _wish(error))
        with self.store.begin() as tx:
            before = tx.runs.system(system)
            same = before is not None and before.state == state
            news = not (same and system in self._told and self._told[system] == missing)
            since = before.since if before is not None and same else now
            self._again[system], self._told[system] = until, missing
            tx.runs.set_system(SystemState(system, state, refused.told if refused else str(error), since, until))
        return news

    def clear(self, world: World, system: str) -> None:
        """Tell that a system is well, unless another kind of it is hidden, or another process has just met trouble.

        What was parked because it asked to wait for too long is tried again.
        """
        now, ours = self.clock(), self._again.pop(system, None) is not None
        with self.store.read() as tx:
            noted = tx.runs.system(system)
        if noted is None or noted.state == "ok" or not (ours or noted.again_at is None or noted.again_at <= now):
            return
        with self.store.begin() as tx:
            if not hides(tx, world, system):
                tx.runs.set_system(SystemState(system, "ok", None, now))
                for m in world.maps.values():
                    if system in (m.end(side).system for side in Side):
                        tx.marks.retry(m.key, now, causes=("later",), reread=False)


def _wish(error: SyncdError) -> timedelta:
    """How long the vendor wants us to wait."""
    seconds = error.retry_after if isinstance(error, Transient) else None
    return timedelta(seconds=seconds) if seconds else AGAIN


def _tell(error: AuthError | Transient, wait: timedelta) -> None:
    if isinstance(error, AuthError):
        log.error("paused", system=error.system, error=str(error), permission=error.permission)
    else:
        log.warning("waiting", system=error.system, error=str(error), seconds=round(wait.total_seconds(), 1))
