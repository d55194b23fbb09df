"""How fast we may call a vendor: limits per credential, shared by every thread, and by every process on one PostgreSQL.

What is not here: a vendor's numbers (connectors hand them in) and one rate's bucket (`turns`).
"""

from __future__ import annotations

import hashlib
import random
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

from syncd.errors import ConfigError, Problem, Transient
from syncd.kit.turns import Bucket, OwnBucket, SharedBucket, SharedFlights, Turns

Rates = tuple[tuple[int, float], ...]
"""Pairs of (requests, seconds); all of them hold at once."""

LONGEST = 60.0
"""Seconds within which a request has ended, if nothing else is known."""

RECOVERY = 60.0
"""Seconds without a 429 after which a halved limit is doubled again."""

FRESH = 0.25
"""Seconds that may pass between the looks at a record and the write upon them, beside those of the requests themselves.
"""

_CHANCE = random.Random()
"""Our own: others count on what the module's gives."""

_DEEPEST = 4
"""Halvings at most: below a sixteenth of the rate a vendor is down, not busy."""

_UNITS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "m": 60.0, "minute": 60.0, "h": 3600.0, "hour": 3600.0}

_PACE = re.compile(r"\s*(\d+)\s*/\s*(?:(\d+(?:\.\d+)?)\s*)?([a-z]+)?\s*")


def parse_rates(text: str, place: str) -> Rates:
    """Read `80/min`, `100/10` (seconds) or several of them with commas.

    ConfigError for anything else; `place` is the setting it names.
    """
    return tuple(_pace(part, text, place) for part in text.split(","))


def _pace(part: str, text: str, place: str) -> tuple[int, float]:
    match = _PACE.fullmatch(part.lower())
    if match and (match[2] or match[3]) and int(match[1]) > 0 and (match[3] or "s") in _UNITS:
        seconds = float(match[2] or 1) * _UNITS[match[3] or "s"]
        if seconds > 0:
            return int(match[1]), seconds
    raise ConfigError(Problem(place, f"{text!r} is not a rate.", "Write 80/min, 100/10s or 10/s,80/min."))


def sustained(rates: Rates) -> float | None:
    """Requests per second that these rates let through in the long run; None where there is none."""
    return min((count / seconds for count, seconds in rates), default=None)


@dataclass(slots=True)
class _Turns:
    """Turns that a thread took in advance. `answered`: when the last look was answered; `waited`: before the others."""

    left: int
    answered: float | None = None
    waited: float = 0.0


class Limit:
    """One vendor limit: rates, a cap on requests in flight, and what 429 answers taught us.

    A 429 with a wish pauses every caller for that long; one without halves the pace until `RECOVERY` seconds have
    passed without another. Thread-safe.
    """

    def __init__(
        self,
        name: str,
        rates: Rates,
        *,
        in_flight: int | None = None,
        longest: float = LONGEST,
        recovery: float = RECOVERY,
        turns: Turns | None = None,
        key: str = "",
    ) -> None:
        """Take the name for error texts, the rates, and how many requests may be under way at once.

        `longest`: seconds that one can take; a process that was killed holds its places no longer.
        `turns`: where several processes keep them together, under `key`; None: this process is alone.
        """
        self.name = name
        self.rates = rates
        self._buckets: tuple[Bucket, ...] = tuple(
            SharedBucket(turns, key, count, seconds) if turns is not None else OwnBucket(name, count, seconds)
            for count, seconds in rates
        )
        self._smallest = min((count for count, _ in rates), default=1)
        self._patience = max((seconds for _, seconds in rates), default=0.0) + 1.0
        self._flights = threading.BoundedSemaphore(in_flight) if in_flight else None
        self._mine = threading.local()
        self._shared_flights = SharedFlights(turns, key, in_flight, longest) if turns and in_flight else None
        self._lock = threading.Lock()
        self._paused_until = 0.0
        self._halvings = 0
        self._recovery = recovery
        self._halved_at = 0.0

    @contextmanager
    def turns(self, count: int, patience: float) -> Iterator[None]:
        """Wait for several turns and a place at once; in the `with` block this thread's next requests have theirs.

        So nothing is waited for between looking at a record and writing it. Those that are not used are lost.
        Transient if it takes longer than `patience` seconds, or the vendor's wish.
        """
        deadline = time.monotonic() + max(patience, self._patience * count)
        self._wait_out_pause(deadline)
        for _ in range(count):
            self._take(deadline)
        with self._place(deadline):
            self._mine.turns = _Turns(count)
            try:
                yield
            finally:
                self._mine.turns = None

    @property
    def in_turns(self) -> bool:
        """Whether this thread has taken turns in advance."""
        return self._taken() is not None

    def _taken(self) -> _Turns | None:
        taken: _Turns | None = getattr(self._mine, "turns", None)
        return taken

    def answered(self, sent: float, at: float) -> None:
        """This thread's request was answered well: when it was sent, and when it ended (monotonic clock)."""
        turns = self._taken()
        if turns is not None:
            turns.waited += sent - turns.answered if turns.answered is not None else 0.0
            turns.answered = at

    @contextmanager
    def slot(self, patience: float, *, write: bool = False) -> Iterator[None]:
        """Wait for a turn and hold a place in flight; Transient if that takes longer than `patience` seconds.

        The slowest rate's own period is always waited for, so a busy but healthy limit never fails. Only a `write` in
        turns that were taken in advance waits for nothing: what was looked at would be old.
        """
        now, turns = time.monotonic(), self._taken()
        deadline = now + max(patience, self._patience)
        if write and turns is not None and turns.answered is not None:
            if turns.waited + now - turns.answered > FRESH:
                raise Transient(f"{self.name}: too much time has passed since the look.", retry_after=1.0)
            deadline = now
        with self._place(deadline) if turns is None else nullcontext():
            self._wait_out_pause(deadline)
            if turns is not None and turns.left:
                turns.left -= 1
            else:
                self._take(deadline)
            yield

    @contextmanager
    def _place(self, deadline: float) -> Iterator[None]:
        busy = Transient(f"{self.name}: too many requests of our own are under way.", retry_after=1.0)
        if self._flights is None:
            yield
            return
        if not self._flights.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise busy
        try:
            with self._shared_flights.place(deadline) if self._shared_flights else nullcontext(True) as mine:
                if not mine:
                    raise busy
                yield
        finally:
            self._flights.release()

    def pause(self, seconds: float) -> None:
        """Hold every caller back for so many seconds, in every process: the vendor said so."""
        with self._lock:
            self._paused_until = max(self._paused_until, time.monotonic() + seconds)
        for bucket in self._buckets:
            bucket.hold_back(seconds)

    def halve(self) -> None:
        """Go at half the pace: the vendor said 429 without saying for how long."""
        with self._lock:
            self._halved_at = time.monotonic()
            self._halvings = min(self._halvings + 1, _DEEPEST)

    @property
    def pace(self) -> float:
        """The share of the full rate that is used right now: 1.0, or 0.5, 0.25 ... after 429 answers."""
        return 1.0 / self._weight()

    def _weight(self) -> int:
        with self._lock:
            now = time.monotonic()
            while self._halvings and now - self._halved_at >= self._recovery:
                self._halvings -= 1
                self._halved_at += self._recovery
            return int(min(2**self._halvings, self._smallest))

    def _wait_out_pause(self, deadline: float) -> None:
        while (left := self._paused_until - time.monotonic()) > 0:
            if time.monotonic() + left > deadline:
                raise Transient(f"{self.name}: the vendor asked us to wait.", retry_after=left)
            # A little apart, so that the threads do not all come back in the same instant.
            time.sleep(left + _CHANCE.uniform(0.0, 0.02))

    def _take(self, deadline: float) -> None:
        weight = self._weight()
        for bucket in self._buckets:
            if not bucket.take(weight, deadline):
                raise Transient(f"{self.name}: our own rate limit is used up.", retry_after=self._patience)


_shared: dict[tuple[str, Rates, int | None], Limit] = {}
_shared_lock = threading.Lock()
_turns: list[Turns | None] = [None]


def share(turns: Turns) -> None:
    """From now on limits are kept together with other processes through these turns."""
    with _shared_lock:
        _turns[0] = turns
        _shared.clear()


def unshare(turns: Turns) -> None:
    """From now on limits are kept by this process alone; unless they are kept through other turns by now."""
    with _shared_lock:
        if _turns[0] is turns:
            _turns[0] = None
            _shared.clear()


def shared_limit(
    key: str, rates: Sequence[tuple[int, float]], *, in_flight: int | None = None, longest: float = LONGEST
) -> Limit:
    """The limit of this key, made at the first call: one per credential, whoever asks."""
    with _shared_lock:
        wanted = (key, tuple((int(count), float(seconds)) for count, seconds in rates), in_flight)
        if wanted not in _shared:
            name, rates = key.partition("#")[0], wanted[1]
            _shared[wanted] = Limit(name, rates, in_flight=in_flight, longest=longest, turns=_turns[0], key=key)
        return _shared[wanted]


def credential_key(system: str, base_url: str, secret: str, bucket: str = "default") -> str:
    """A key for `shared_limit` that names system and bucket in clear and the credential only as a digest."""
    digest = hashlib.sha256(f"{base_url}\n{secret}".encode()).hexdigest()[:16]
    return f"{system} {bucket}#{digest}"
