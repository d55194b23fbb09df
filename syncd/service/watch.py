"""What is told to whoever watches syncd: the service manager a line, a probe yes or no, Prometheus all figures.

What is not here: what people are shown (`cli`), and the sending (`manager`, `web`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from syncd.core.plural import counted
from syncd.errors import SyncdError
from syncd.service.metrics import Metrics
from syncd.store.marks import HELD, PARKED
from syncd.store.store import Store

EXPOSED = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of Prometheus' text format."""


@dataclass(slots=True)
class Watch:
    """How this process and its store are. `started`: its maps fit, and it works."""

    store: Store
    clock: Callable[[], datetime]
    systems: Sequence[str]
    maps: Sequence[str]
    started: threading.Event = field(default_factory=threading.Event)
    _metrics: Metrics = field(init=False)
    _one: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Runs are counted from here on."""
        self._metrics = Metrics(self.systems, self.maps)

    def line(self) -> str:
        """How it goes, in one line; the trouble if the store does not answer."""
        try:
            with self.store.read() as tx:
                states = tx.runs.systems()
                counts = tx.marks.counts(self.clock())
                asked = tx.conflicts.count("open")
        except SyncdError as error:
            return " ".join(str(error).split())
        waits = {state: sum(row[3] for row in counts if row[1] == state) for state in (PARKED, HELD)}
        ill = [
            f"{name} is {states[name].state}" for name in self.systems if name in states and states[name].state != "ok"
        ]
        due = sum(row[3] for row in counts if row[2])
        told = [f"{count} {word}" for word, count in waits.items() if count]
        questions = [counted(asked, "conflict")] if asked else []
        begun = [] if self.started.is_set() else ["starting"]
        return "; ".join([*begun, *ill, f"{due} due", *told, *questions])

    def metrics(self) -> bytes:
        """All figures. Raises Transient and ConfigError if the store does not answer."""
        with self._one, self.store.read() as tx:
            return self._metrics.page(tx, self.clock(), self.store.bytes(tx.connection))

    def routes(self) -> list[Route]:
        """The addresses for probes and Prometheus; each takes at most as long as the store."""
        return [
            Route("/healthz", self._healthz, methods=["GET"]),
            Route("/readyz", self._readyz, methods=["GET"]),
            Route("/metrics", self._exposed, methods=["GET"]),
        ]

    async def _healthz(self, _request: Request) -> Response:
        return await self._answered(self._sound, "text/plain")

    async def _readyz(self, _request: Request) -> Response:
        if not self.started.is_set():
            return PlainTextResponse("starting: a system has not told its fields yet\n", 503)
        return await self._answered(self._sound, "text/plain")

    async def _exposed(self, _request: Request) -> Response:
        return await self._answered(self.metrics, EXPOSED)

    async def _answered(self, do: Callable[[], bytes], media: str) -> Response:
        try:
            return Response(await run_in_threadpool(do), media_type=media)
        except SyncdError as error:
            return PlainTextResponse(f"{error}\n", 503)

    def _sound(self) -> bytes:
        with self.store.read() as tx:
            tx.runs.fact("fence")
        return b"ok\n"
