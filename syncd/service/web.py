"""The address that vendors and probes call: a webhook is proved, its hint is stored, and only then it is answered 200.

One thread of its own, which waits for the store elsewhere. What is not here: what a vendor's request looks like (its
connector's receiver), what a hint leads to (`engine.intake`), what probes are told (`watch`), and pages (`console`).
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from syncd.core.model import Ref
from syncd.errors import ConfigError, Problem, Transient
from syncd.kit.webhook import BODY_LIMIT, Delivery, Receiver, Refusal, TooLong
from syncd.service.scheduler import Tick

log = structlog.stdlib.get_logger("syncd.web")

HOOKS = "/hooks"
KEPT_WITHIN = 3.0
"""Seconds in which the store must have taken a hint; the most patient vendor known waits for five."""

SENT_WITHIN = 5.0
"""Seconds in which a body must have come in."""

HEAD_WITHIN = 10.0
"""Seconds in which a request must have begun in earnest: whoever sends none would keep a place that others need."""

ANSWERED_WITHIN = 5
"""Seconds in which what has come in must be answered when nothing more is taken."""

LAST = (b"connection", b"close")
"""Says that a connection ends with this answer: one that came in at the last moment would be used until it is cut."""

WRITERS = 4
"""Hints that wait for the store at once; those behind them wait for their turn, and no longer than the ones before."""

AGAIN = timedelta(seconds=10)
"""How often a process that is not the one that listens tries to be."""

QUIET = timedelta(minutes=1)
"""Refusals of one system are told once in this time: anybody may send any number of them."""

Keep = Callable[[Sequence[Ref]], None]
"""Stores hints; they are stored when it returns. Raises Transient where the store does not answer."""


def machine_time() -> datetime:
    """What signatures are compared with; aware."""
    return datetime.now(tz=UTC)


@dataclass(slots=True)
class Web:
    """Listens on `listen` ("host:port") for the systems of these receivers. `public_url`: where vendors call it.

    `routes`: what else is answered there; `rest`: who answers all the other addresses. `closed`: that nothing more is
    taken.
    """

    listen: str
    public_url: str | None
    receivers: Sequence[Receiver]
    keep: Keep
    routes: Sequence[Route] = ()
    rest: ASGIApp | None = None
    clock: Callable[[], datetime] = machine_time
    closed: threading.Event = field(default_factory=threading.Event)
    url: str | None = None
    _server: uvicorn.Server | None = None
    _thread: threading.Thread | None = None
    _told: dict[str, datetime] = field(default_factory=dict)
    _writers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(WRITERS, "webhook"))

    def open(self) -> None:
        """Listen; returns when requests are accepted. Raises ConfigError if the port is taken or cannot be had."""
        if not self.try_to_open():
            raise _taken(self.listen)

    def try_to_open(self) -> bool:
        """Listen, unless somebody else does on this port; whether we do. Raises ConfigError if it cannot be had."""
        if self.listens():
            return True
        listening = _bound(self.listen)
        if listening is None:
            return False
        server = uvicorn.Server(_config(self._app()))
        thread = threading.Thread(target=server.run, args=[[listening]], name="web", daemon=True)
        thread.start()
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        self._server, self._thread = server, thread
        host, port = self.listen.rpartition(":")[0], listening.getsockname()[1]
        self.url = f"http://{host}:{port}"
        log.info("listening", listen=f"{host}:{port}", systems=[one.path for one in self.receivers])
        return True

    def listens(self) -> bool:
        """Whether requests are answered here."""
        return self._thread is not None and self._thread.is_alive()

    def tick(self) -> Tick:
        """Of one of several processes: if whoever listens on this machine ends, this one takes over."""

        def once() -> bool:
            self.try_to_open()
            return False

        return Tick("web", AGAIN, once, local=True)

    def close(self) -> None:
        """Answer what has come in, and listen no more."""
        self.closed.set()
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(timeout=10)
        self._writers.shutdown(wait=False, cancel_futures=True)

    def _app(self) -> ASGIApp:
        known = {one.path: one for one in self.receivers}

        async def hook(request: Request) -> Response:
            receiver = known.get(request.path_params["system"])
            if receiver is None:
                return PlainTextResponse("There is no such address.\n", 404)
            return await self._answered(receiver, request)

        paths = (f"{HOOKS}/{{system}}", f"{HOOKS}/{{system}}/{{rest:path}}")
        hooks = [Route(path, hook, methods=["POST"]) for path in paths]
        rest = [Mount("/", self.rest)] if self.rest is not None else []
        made = Starlette(routes=[*self.routes, *hooks, *rest])

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start" and self.closed.is_set():
                    message = {**message, "headers": [*message.get("headers", ()), LAST]}
                await send(message)

            await made(scope, receive, sent)

        return app

    async def _answered(self, receiver: Receiver, request: Request) -> Response:
        try:
            async with asyncio.timeout(SENT_WITHIN):
                body = await _body(request)
            hints = receiver.hints(self._delivery(request, body))
        except Refusal as refusal:
            self._tell(receiver.path, refusal)
            return PlainTextResponse(f"Refused: {refusal}\n", refusal.status)
        except TimeoutError:
            return PlainTextResponse("Refused: the body did not come in.\n", 408)
        except ClientDisconnect:
            return Response(status_code=400)
        return await self._kept(receiver.path, hints)

    async def _kept(self, system: str, hints: Sequence[Ref]) -> Response:
        kept = asyncio.get_running_loop().run_in_executor(self._writers, self.keep, hints)
        try:
            await asyncio.wait_for(kept, KEPT_WITHIN)
        except (Transient, TimeoutError) as error:
            log.warning("webhook not kept", system=system, error=str(error) or "the store is busy.")
            return PlainTextResponse("Not stored; send it again later.\n", 503, {"retry-after": "10"})
        except Exception:
            log.exception("webhook failed", system=system)
            return PlainTextResponse("Not stored; send it again later.\n", 500)
        log.debug("webhook", system=system, hints=len(hints))
        return PlainTextResponse("ok\n")

    def _delivery(self, request: Request, body: bytes) -> Delivery:
        scope = request.scope
        target = (scope.get("raw_path") or scope["path"].encode()).decode("latin-1")
        query = scope["query_string"].decode("latin-1")
        return Delivery(
            method=request.method,
            url=f"{self.public_url or ''}{target}{'?' if query else ''}{query}",
            body=body,
            at=self.clock(),
            rest=request.path_params.get("rest", ""),
            query=dict(request.query_params),
            headers={name.lower(): value for name, value in request.headers.items()},
        )

    def _tell(self, system: str, refusal: Refusal) -> None:
        now, last = self.clock(), self._told.get(system)
        if last is None or not timedelta(0) <= now - last < QUIET:
            self._told[system] = now
            log.warning("webhook refused", system=system, status=refusal.status, reason=str(refusal))


async def _body(request: Request) -> bytes:
    """The whole body. Raises TooLong as soon as it is."""
    told = request.headers.get("content-length", "")
    if told.isdecimal() and len(told) < 20 and int(told) > BODY_LIMIT:
        raise TooLong(f"the body is longer than {BODY_LIMIT} bytes.")
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > BODY_LIMIT:
            raise TooLong(f"the body is longer than {BODY_LIMIT} bytes.")
    return bytes(pieces)


def _bound(listen: str) -> socket.socket | None:
    """A socket that listens there; None if the port is taken. Raises ConfigError if it cannot be had at all."""
    host, _, port = listen.rpartition(":")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as error:
        raise _unusable(listen, error) from None
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            return None
        raise _unusable(listen, error) from None
    return listening


def must_be_free(listen: str) -> None:
    """Raises ConfigError if the port is taken, or cannot be had."""
    found = _bound(listen)
    if found is None:
        raise _taken(listen)
    found.close()


def _taken(listen: str) -> ConfigError:
    remedy = "Choose another one, or end the program that has it; `ss -ltnp` tells which."
    return ConfigError(Problem(f"[web] listen = {listen!r}", "is taken by another program.", remedy))


def _unusable(listen: str, error: OSError) -> ConfigError:
    told = f"cannot be used: {error.strerror or error}."
    return ConfigError(Problem(f"[web] listen = {listen!r}", told, "Choose another one."))


class Patient(H11Protocol):
    """A connection that ends when its next request's head does not come in: uvicorn itself waits for ever."""

    _late: asyncio.TimerHandle | None = None

    # uvicorn takes less than asyncio says: neither type would suit both.
    def connection_made(self, transport: Any) -> None:
        """From here on the first head is waited for."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """A head is whole when a new request has begun with it; what comes after an answer is waited for as well."""
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:
            self._head_came()
        elif self._late is None and (before is None or before.response_complete):
            self._await_head()

    def _await_head(self) -> None:
        self._late = self.loop.call_later(HEAD_WITHIN, self.timeout_keep_alive_handler)

    def _head_came(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Patient,
        proxy_headers=False,  # nothing here believes what a request says of where it came from
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=200,
        timeout_graceful_shutdown=ANSWERED_WITHIN,
    )
