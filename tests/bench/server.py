"""The lean vendors on real sockets, in a process of their own, with latency, quotas and faults as a bench asks.

`python -m tests.bench.server SIZE [wide]` prints the ports of HubSpot, JobNimbus and the control as JSON, and ends with
its standard input. What is not here: what the vendors know (`vendors`), and who asks (`world`).
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from tests.bench.vendors import Answer, Asked, HubSpot, JobNimbus, Vendor

_HUNG = 3_600.0


@dataclass(slots=True)
class Weather:
    """What the road to the vendors is like; a control's settings.

    `latency`: seconds before each answer. `quota`: requests in how many seconds; None: any number.
    `throttled`, `failed`, `hung`: the share of requests that meet with a 429, a 503, or no answer at all.
    """

    latency: float = 0.0
    quota: tuple[int, float] | None = None
    throttled: float = 0.0
    failed: float = 0.0
    hung: float = 0.0


@dataclass(slots=True)
class Gate:
    """One vendor behind its quota, and what became of requests there."""

    vendor: Vendor
    weather: Weather
    recent: deque[float] = field(default_factory=deque)
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def answer(self, asked: Asked) -> Answer | None:
        """The vendor's answer, or the road's; None: silence."""
        self.vendor.counts["requests"] += 1
        if self._spent(asked):
            self.vendor.counts["429"] += 1
            policy = "TEN_SECONDLY_ROLLING"
            return 429, {"status": "error", "category": "RATE_LIMITS", "policyName": policy, "message": "Too many."}
        luck, weather = self.chance.random(), self.weather
        for name, share, answer in (
            ("429", weather.throttled, (429, {"category": "RATE_LIMITS", "policyName": "SECONDLY", "message": "No."})),
            ("failed", weather.failed, (503, {"category": "SERVICE", "message": "Not now."})),
            ("hung", weather.hung, None),
        ):
            if luck < share:
                self.vendor.counts[name] += 1
                return answer
            luck -= share
        return self.vendor.answer(asked)

    def _spent(self, asked: Asked) -> bool:
        # HubSpot does not count searches here: they have a limit of their own.
        if self.weather.quota is None or asked.path.endswith("/search"):
            return False
        most, within = self.weather.quota
        now = time.monotonic()
        while self.recent and self.recent[0] <= now - within:
            self.recent.popleft()
        if len(self.recent) >= most:
            return True
        self.recent.append(now)
        return False


class Door(asyncio.Protocol):
    """HTTP/1.1 with keep-alive, one request after another, as clients speak it."""

    def __init__(self, answer: Callable[[Asked], Answer | None], weather: Weather) -> None:
        self._answer, self._weather = answer, weather
        self._held = bytearray()

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n")) >= 0:
            head = self._held[:end].decode("latin-1")
            length = 0
            for line in head.split("\r\n")[1:]:
                name, _, value = line.partition(":")
                if name.lower() == "content-length":
                    length = int(value)
            if len(self._held) < end + 4 + length:
                return
            body = bytes(self._held[end + 4 : end + 4 + length])
            del self._held[: end + 4 + length]
            self._respond(head.split(" ", 2), body)

    def _respond(self, head: list[str], body: bytes) -> None:
        url = urlsplit(head[1])
        query: dict[str, str] = {}
        for name, value in parse_qsl(url.query):
            query[name] = f"{query[name]},{value}" if name in query else value
        asked = Asked(head[0], unquote(url.path), query, orjson.loads(body) if body else None)
        answer = self._answer(asked)
        delay = self._weather.latency if answer is not None else _HUNG
        loop = asyncio.get_running_loop()
        if answer is None:
            loop.call_later(delay, self._transport.close)
            return
        told = _wire(*answer)
        if delay:
            loop.call_later(delay, self._transport.write, told)
        else:
            self._transport.write(told)


def _wire(status: int, body: Any) -> bytes:
    data = body.encode() if isinstance(body, str) else orjson.dumps(body)
    kind = "text/plain" if isinstance(body, str) else "application/json"
    retry = "Retry-After: 1\r\n" if status == 429 else ""
    head = (
        f"HTTP/1.1 {status} Answer\r\nDate: {formatdate(usegmt=True)}\r\nContent-Type: {kind}\r\n{retry}"
        f"Content-Length: {len(data)}\r\n\r\n"
    )
    return head.encode() + data


class Control:
    """What the bench asks of the server itself: POST /VERB with the arguments as JSON."""

    def __init__(self, hubspot: HubSpot, jobnimbus: JobNimbus, weather: Weather) -> None:
        self._vendors: dict[str, Vendor] = {"hubspot": hubspot, "jobnimbus": jobnimbus}
        self._weather = weather

    def answer(self, asked: Asked) -> Answer:
        """One verb."""
        verb = getattr(self, asked.path.strip("/").replace("-", "_"))
        return 200, verb(**(asked.body or {}))

    def weather(self, **settings: Any) -> None:
        """Fair weather, but for these settings."""
        for name in Weather.__slots__:
            setattr(self._weather, name, settings.get(name, getattr(Weather(), name)))

    def counts(self) -> dict[str, Any]:
        """The requests of each vendor by their kind since this was asked last."""
        told = {name: dict(vendor.counts) for name, vendor in self._vendors.items()}
        for vendor in self._vendors.values():
            vendor.counts.clear()
        return told

    def edit(self, side: str, first: int, number: int, step: int, word: str) -> list[str]:
        """A person gives so many people another city, every so many; the ids."""
        vendor = self._vendors[side]
        ids = [vendor.ids[first + step * each] for each in range(number)]
        for id_ in ids:
            vendor.change(id_, {"city": f"{word} {id_}"}, vendor.now())
        return ids

    def arrived(self, side: str, id: str) -> float | None:
        """When a record was written last by a client, on the clock that all processes of a machine share."""
        times = [at for at, written in self._vendors[side].writes if written == id]
        return times[-1] if times else None

    def differing(self) -> list[str]:
        """Ids in JobNimbus of people whose city is not the same on both sides."""
        theirs = {str(row["email"]).lower(): row.get("city") for row in self._vendors["hubspot"].rows.values()}
        own = self._vendors["jobnimbus"].rows
        return [id_ for id_, row in own.items() if theirs.get(str(row["email"]).lower()) != row.get("city")]


async def serve(size: int, *, wide: bool) -> None:
    """Until the standard input ends."""
    hubspot, jobnimbus, weather = HubSpot.filled(size, wide=wide), JobNimbus.filled(size, wide=wide), Weather()
    answers: list[Callable[[Asked], Answer | None]] = [
        Gate(hubspot, weather).answer, Gate(jobnimbus, weather).answer, Control(hubspot, jobnimbus, weather).answer,
    ]  # fmt: skip
    loop, fair = asyncio.get_running_loop(), Weather()
    ports = []
    for answer, met in zip(answers, (weather, weather, fair), strict=True):
        server = await loop.create_server(lambda a=answer, w=met: Door(a, w), "127.0.0.1", 0)
        ports.append(server.sockets[0].getsockname()[1])
    print(orjson.dumps(ports).decode(), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), wide="wide" in sys.argv))
