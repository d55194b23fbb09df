"""A sandbox's sender of webhooks: late, doubled, out of order, dropped, tried again, as the switches say.

What is not here: what a vendor writes into a body and its headers (its sandbox). Delays are real seconds, as retries
are whose hours a play cannot wait for. Where nobody set an address, nothing is sent and no thread is begun.
"""

from __future__ import annotations

import heapq
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

SWITCHES: Mapping[str, Any] = {
    "webhook_url": "",  # where to; empty: none are sent
    "webhook_secret": "",  # what proves them
    "webhook_delay": 0.0,  # seconds that each is late, at most
    "webhook_reorder": False,  # whether later ones overtake earlier ones
    "webhook_duplicate": 0.0,  # the share that is sent twice
    "webhook_drop": 0.0,  # the share that is never sent
    "webhook_slow": 0.0,  # seconds between the head and the body of a request
    "webhook_paused": False,  # whether the subscription is paused: what happens meanwhile is never sent
    "webhook_retries": 0,  # how often one that was not answered with 2xx is sent again
    "webhook_retry_after": 0.5,  # seconds before the first of these; doubled each time, up to a minute
    "webhook_timeout": 5.0,  # seconds within which the answer must come
}

_GATHERED = 0.02
"""Seconds in which changes come together in one body, where a vendor sends several."""

_IDLE = 1.0
"""Seconds after which a thread without work ends."""


@dataclass(frozen=True, slots=True)
class Post:
    """One request to send."""

    url: str
    headers: Mapping[str, str]
    body: bytes


Dress = Callable[[Sequence[Any], int], Post]
"""Makes a request of these events, at its n-th attempt (from 0)."""


class Sender:
    """Sends what it is told, up to `batch` events in one request and `flight` requests at once."""

    def __init__(self, settings: Mapping[str, Any], dress: Dress, *, batch: int = 1, flight: int = 10) -> None:
        """Take the sandbox's switches, which are read at each use. Nothing runs yet."""
        self._settings, self._dress = settings, dress
        self._batch, self._flight = batch, flight
        self._chance = random.Random(1)
        self._events: list[tuple[float, int, int, Any]] = []
        self._told = threading.Condition()
        self._workers = self._number = 0
        self._counts: Counter[str] = Counter()

    def tell(self, event: Any) -> None:
        """Something happened; how it is told is up to the switches."""
        settings = self._settings
        if not settings["webhook_url"]:
            return
        self._count("events")
        if settings["webhook_paused"] or self._chance.random() < settings["webhook_drop"]:
            self._count("dropped")
            return
        again = self._chance.random() < settings["webhook_duplicate"]
        for _ in range(2 if again else 1):
            late = self._chance.random() * float(settings["webhook_delay"])
            ahead = self._chance.random() * 0.3 if settings["webhook_reorder"] else 0.0
            self._put(event, 0, _GATHERED + late + ahead)

    def state(self) -> dict[str, int]:
        """How many events there were, and what became of them so far; one that is tried again is refused each time."""
        with self._told:
            found = {name: self._counts[name] for name in ("events", "dropped", "answered", "refused", "given up")}
            return {**found, "waiting": len(self._events) + self._counts["under way"]}

    def _count(self, what: str, number: int = 1) -> None:
        with self._told:
            self._counts[what] += number

    def _put(self, event: Any, attempt: int, after: float) -> None:
        with self._told:
            self._number += 1
            heapq.heappush(self._events, (time.monotonic() + after, self._number, attempt, event))
            if self._workers < self._flight:
                self._workers += 1
                threading.Thread(target=self._work, name="webhook-sender", daemon=True).start()
            self._told.notify()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            self._try(*taken)
            self._count("under way", -len(taken[0]))

    def _try(self, events: Sequence[Any], attempt: int) -> None:
        if self._sent(self._dress(events, attempt)):
            self._count("answered", len(events))
            return
        self._count("refused", len(events))
        if attempt >= int(self._settings["webhook_retries"]):
            self._count("given up", len(events))
            return
        wait = min(60.0, float(self._settings["webhook_retry_after"]) * 2**attempt)
        for event in events:
            self._put(event, attempt + 1, wait)

    def _take(self) -> tuple[list[Any], int] | None:
        """Events whose time has come, all at one attempt; None when there was nothing for a while."""
        idle = time.monotonic() + _IDLE
        with self._told:
            while not self._events or self._events[0][0] > time.monotonic():
                if not self._events and time.monotonic() > idle:
                    self._workers -= 1
                    return None
                wait = self._events[0][0] - time.monotonic() if self._events else _IDLE
                self._told.wait(max(0.001, min(wait, _IDLE)))
            found: list[Any] = []
            attempt = self._events[0][2]
            while self._events and len(found) < self._batch:
                if self._events[0][0] > time.monotonic() + _GATHERED or self._events[0][2] != attempt:
                    break
                found.append(heapq.heappop(self._events)[3])
            self._counts["under way"] += len(found)
            return found, attempt

    def _sent(self, post: Post) -> bool:
        slow = float(self._settings["webhook_slow"])

        def body() -> Any:
            time.sleep(slow)
            yield post.body

        headers = {"content-type": "application/json", "content-length": str(len(post.body)), **post.headers}
        timeout = float(self._settings["webhook_timeout"])
        try:
            content = body() if slow else post.body
            answer = httpx.post(post.url, content=content, headers=headers, timeout=timeout, trust_env=False)
        except httpx.HTTPError:
            return False
        return answer.is_success
