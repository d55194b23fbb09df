"""The database's clock: what leases and due times are measured by, whichever machine a process runs on.

What is not here: the vendors' clocks (`kit.vendorclock`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from syncd.errors import Transient
from syncd.store.store import Store

FRESH_SECONDS = 2.0
"""How long an answer is carried on by our own monotonic clock before the database is asked again."""

_NOW = text("SELECT clock_timestamp()")


class DatabaseClock:
    """PostgreSQL's clock, to within half of what one question takes. Thread-safe; called like any clock."""

    def __init__(self, store: Store, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Ask nothing yet."""
        self._store, self._monotonic = store, monotonic
        self._lock = threading.Lock()
        self._told: tuple[datetime, float] | None = None

    def __call__(self) -> datetime:
        """The time now. Raises Transient where the database has never answered."""
        # Whoever asks needs a connection. Others may hold all there are, and go on by the last answer meanwhile.
        if self._old() and self._lock.acquire(blocking=self._told is None):
            try:
                if self._old():
                    self._told = self._ask() or self._told
            finally:
                self._lock.release()
        if self._told is None:
            raise Transient("the store does not tell its time.")
        moment, at = self._told
        return moment + timedelta(seconds=self._monotonic() - at)

    def _old(self) -> bool:
        return self._told is None or self._monotonic() - self._told[1] > FRESH_SECONDS

    def _ask(self) -> tuple[datetime, float] | None:
        before = self._monotonic()
        try:
            with self._store.read() as tx:
                moment: datetime = tx.connection.execute(_NOW).scalar_one()
        except Transient:
            return None
        return moment.astimezone(UTC), (before + self._monotonic()) / 2
