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
from pyrate_limiter import InMemoryBucket, Rate, RateItem

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
    """A rate of this process alone: one pyrate bucket each, as it refuses some sets of rates that vendors publish.

    A turn counts from when it was had. pyrate's own limiter counts it from when it should have been had: a busy process
    wakes up later than that, and the vendor saw more in a window than we had let through.
    """

    def __init__(self, name: str, count: int, seconds: float) -> None:
        """Leaks are done at each turn, so that no background thread is needed."""
        self._name, self._count = name, count
        self._rate = Rate(count, int((seconds + JITTER) * 1000))
        self._bucket = InMemoryBucket([self._rate])

    def take(self, weight: int, deadline: float) -> bool:
        """Wait for a turn."""
        while True:
            item = RateItem(self._name, time.monotonic_ns() // 1_000_000, weight)
            self._bucket.leak(item.timestamp)
            if self._bucket.put(item):
                return True
            # The youngest of those that have to be over before there is room for this one.
            before = self._bucket.peek(self._count - weight)
            wait = (before.timestamp + self._rate.interval - item.timestamp) / 1000 if before else 0.0
            if time.monotonic() + wait > deadline:
                return False
            _wait(wait)

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
            _wait(wait)

    def hold_back(self, seconds: float) -> None:
        """Tell the others to wait."""
        self._turns.hold_back(self._key, seconds)


def _wait(seconds: float) -> None:
    """A little apart, so that those who wait for one turn do not all come back in the same instant."""
    time.sleep(seconds + _CHANCE.uniform(0.0, 0.01))


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
