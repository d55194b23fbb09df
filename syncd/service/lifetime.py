"""How long a daemon lives: until it is told to stop; told to read its set-up anew, it goes on with the new one.

A set-up that is wrong, or of which a vendor refuses the key, changes nothing: that is told, and the old one goes on.
What is under way is finished before the new one begins; what is due is in the store, so no mark is lost between them.
What is not here: the work (`daemon`), and which signal tells (`cli`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, Self, TypeVar

import structlog

from syncd.errors import ConfigError, SyncdError

log = structlog.stdlib.get_logger("syncd.lifetime")


class Living(Protocol):
    """A set-up that was opened; `syncd.app.App` is one."""

    def prepare(self, instead_of: Self) -> None:
        """Try all that it needs, while that one still works. Raises SyncdError for what does not fit, or is refused."""

    def close(self) -> None:
        """Give back what was opened."""


Opened = TypeVar("Opened", bound=Living)


class Lifetime(Generic[Opened]):
    """`open`: opens the set-up as it is written now, and raises ConfigError; `stop` and `again` return at once."""

    def __init__(self, open: Callable[[], Opened]) -> None:
        """Open nothing yet."""
        self._open = open
        self._lock = threading.Lock()
        self._over = False
        self._until = threading.Event()
        self._now: Opened | None = None
        self._next: Opened | None = None
        self._asked = threading.Event()

    def run(self, work: Callable[[Opened, threading.Event], None]) -> None:
        """Let one set-up after the other work until the event it was given is set. Raises what the work raises."""
        threading.Thread(target=self._renew, name="renewal", daemon=True).start()
        living: Opened | None = self._open()
        while living is not None:
            self._now = living
            try:
                work(living, self._until)
            finally:
                living.close()
            living = self._succeeding()

    def stop(self) -> None:
        """End after what is under way."""
        self._over = True
        self._until.set()

    def again(self) -> None:
        """Read the set-up anew, and go on with it if it is right."""
        self._asked.set()

    def _renew(self) -> None:
        """Of a thread of its own: the old set-up works while the new one is tried."""
        while True:
            self._asked.wait()
            self._asked.clear()
            made = self._tried()
            if made is None:
                continue
            with self._lock:
                made, self._next = self._next, made
                self._until.set()
            if made is not None:
                made.close()

    def _tried(self) -> Opened | None:
        """A set-up that works; None if it does not, which is told."""
        made: Opened | None = None
        try:
            made = self._open()
            if self._now is not None:
                made.prepare(self._now)
        except SyncdError as error:
            told = [str(one) for one in error.problems] if isinstance(error, ConfigError) else [str(error)]
            log.error("reload refused", problems=told)
        except Exception:
            # As in a tick: the old set-up outlives a mistake in the new one.
            log.exception("reload failed")
        else:
            return made
        if made is not None:
            made.close()
        return None

    def _succeeding(self) -> Opened | None:
        """Who goes on; None if that was all."""
        with self._lock:
            living, self._next = self._next, None
            self._until.clear()
        if self._over and living is not None:
            living.close()
        if self._over or living is None:
            return None
        log.info("reloaded")
        return living
