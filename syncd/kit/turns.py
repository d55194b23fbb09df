"""Buckets of a rate: this process's own, or one that several processes share through turns that are kept elsewhere.

What is not here: a vendor's numbers, pauses and halvings (`limits`), and where shared turns are kept (`syncd.store`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import structlog
from pyrate_limiter import InMemoryBucket, Limiter, Rate, SingleBucketFactory

from syncd.errors import Transient

log = structlog.get_logger("syncd.kit")

JITTER = 0.05
"""By how many seconds our windows are longer than the vendor's: it counts arrivals, and one request may travel longer
than the next. Without, a fifth of all full seconds ended in a 429."""

_CHANCE = random.Random()

_LOOK_AGAIN = 0.05


class Turns(Protocol):
    """Turns that several processes share; keys name a credential and one of its rates."""

    def make(self, key: str, count: int) -> None:
        """See to it that there are so many turns."""

    def take(self, key: str, count: int, span: float, weight: int = 1) -> tuple[tuple[int, ...], float]:
        """Take `weight` of `count` turns for `span` seconds: which; or none, and how many seconds to wait."""

    def give_back(self, key: str, numbers: tuple[int, ...]) -> None:
        """These are free at once."""

    def hold_back(self, key: str, seconds: float) -> None:
        """Nobody has a turn for so long."""


class Bucket(Protocol):
    """One rate: so many requests in any window of so many seconds."""

    def take(self, weight: int, deadline: float) -> bool:
        """Wait for `weight` turns; false if they do not come by then (monotonic clock)."""

    def hold_back(self, seconds: float) -> None:
        """Tell the other processes, if there are any, to wait."""


class OwnBucket:
    """A rate of this process alone: one pyrate limiter each, as it refuses some sets of rates that vendors publish."""

    def __init__(self, name: str, count: int, seconds: float) -> None:
        """Leaks are done at each turn, so that no background thread is needed."""
        self._name = name
        self._bucket = InMemoryBucket([Rate(count, int((seconds + JITTER) * 1000))])
        self._limiter = Limiter(SingleBucketFactory(self._bucket, schedule_leak=False), buffer_ms=5)

    def take(self, weight: int, deadline: float) -> bool:
        """Wait for a turn."""
        self._bucket.leak(time.monotonic_ns() // 1_000_000)
        return bool(self._limiter.try_acquire(self._name, weight, timeout=max(0.0, deadline - time.monotonic())))

    def hold_back(self, seconds: float) -> None:
        """There is nobody to tell."""


class SharedBucket:
    """A rate that all processes keep together."""

    def __init__(self, turns: Turns, key: str, count: int, seconds: float) -> None:
        """`key` names credential and rate."""
        self._turns, self._key, self._count, self._span = turns, f"{key} {count}/{seconds:g}", count, seconds + JITTER
        turns.make(self._key, count)

    def take(self, weight: int, deadline: float) -> bool:
        """Wait for a turn."""
        while True:
            taken, wait = self._turns.take(self._key, self._count, self._span, weight)
            if taken:
                return True
            if time.monotonic() + wait > deadline:
                return False
            # A little apart, so that the threads of all processes do not come back in the same instant.
            time.sleep(wait + _CHANCE.uniform(0.0, 0.01))

    def hold_back(self, seconds: float) -> None:
        """Tell the others to wait."""
        self._turns.hold_back(self._key, seconds)


class SharedFlights:
    """How many requests all processes together may have under way."""

    def __init__(self, turns: Turns, key: str, count: int, longest: float) -> None:
        """`key` names the credential. What flies longer than `longest` seconds is taken for lost with its process."""
        self._turns, self._key, self._count, self._longest = turns, f"{key} flights", count, longest
        turns.make(self._key, count)

    @contextmanager
    def place(self, deadline: float) -> Iterator[bool]:
        """Hold a place, if there is one by then."""
        while not (taken := self._turns.take(self._key, self._count, self._longest)[0]):
            if time.monotonic() > deadline:
                yield False
                return
            time.sleep(_LOOK_AGAIN)
        try:
            yield True
        finally:
            try:
                self._turns.give_back(self._key, taken)
            except Transient as error:
                # The request has had its answer: to fail now would have it sent again.
                log.warning("place not given back", error=str(error), seconds=self._longest)
