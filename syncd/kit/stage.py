"""The outermost ASGI layer of a sandbox: plays faults, keeps the request log, stamps the `Date` header.

What is not here: which fault strikes (`kit.faults`), and what a vendor answers (its sandbox).
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import orjson

from syncd.kit.faults import STATUS_FAULTS, Rule
from syncd.kit.requestlog import template_of

if TYPE_CHECKING:
    from syncd.kit.sandbox import Sandbox

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Inner = Callable[[Scope, Receive, Send], Awaitable[None]]

_HTML = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"

_TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Reply:
    """A whole answer, held back until it is known what becomes of it."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


@dataclass(slots=True)
class _Played:
    """What became of one request: the vendor's own status, and the reply to send (None: the connection is broken).

    `wait`: seconds before it is sent; `half`: only its first half is.
    """

    answered: int | None
    reply: Reply | None
    half: bool = False
    wait: float = 0.0


ARRIVED: ContextVar[str | None] = ContextVar("ARRIVED", default=None)
"""When the request that is being carried out came in, on the sandbox's clock; None for what is no vendor's request."""


class Stage:
    """Wraps a sandbox's vendor routes. Control calls under /_sim/ go past it."""

    def __init__(self, sandbox: Sandbox, vendor: Callable[[], Inner], control: Inner) -> None:
        """Take the sandbox, a way to its vendor app (it changes at a reset), and the control app."""
        self._sandbox, self._vendor, self._control = sandbox, vendor, control

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        if scope["path"].startswith("/_sim/"):
            await self._control(scope, receive, send)
            return
        began, at = time.perf_counter(), self._sandbox.clock.now()
        ARRIVED.set(at.isoformat())
        body = await _read(receive)
        write = self._sandbox.is_write(scope["method"], scope["path"])
        rule = self._sandbox.faults.pick(scope["method"], scope["path"], write)
        played = await self._play(rule, scope, body)
        self._sandbox.log.add(
            body=body,
            at=at.isoformat(),
            method=scope["method"],
            path=scope["path"],
            template=template_of(scope["path"], scope.get("path_params") or {}),
            query=_query(scope),
            answered=played.answered,
            status=played.reply.status if played.reply else None,
            fault=rule.fault if rule else None,
            write=write,
            duration_ms=(time.perf_counter() - began) * 1000,
            seconds_waited=(rule.delay or 0.0) if rule else 0.0,
        )
        await self._deliver(played, receive, send)

    async def _play(self, rule: Rule | None, scope: Scope, body: bytes) -> _Played:
        if rule is None:
            return await self._carry_out(scope, body)
        if rule.fault in STATUS_FAULTS:
            return await self._error(rule, STATUS_FAULTS[rule.fault], scope, body)
        if rule.fault == "reset":
            return _Played(None, None)
        if rule.fault == "html":
            return _Played(None, Reply(502, [(b"content-type", b"text/html; charset=utf-8")], _HTML))
        if rule.fault == "timeout":
            played = await self._error(rule, 504, scope, body)
            played.wait = rule.delay if rule.delay is not None else _TIMEOUT_SECONDS
            return played
        if rule.fault == "slow":
            await asyncio.sleep(rule.delay or 1.0)
        played = await self._carry_out(scope, body)
        if rule.fault == "lost":
            return _Played(played.answered, self._sandbox.fault_reply(rule.status, None) if rule.status else None)
        played.half = rule.fault == "truncate"
        return played

    async def _error(self, rule: Rule, status: int, scope: Scope, body: bytes) -> _Played:
        answered = (await self._carry_out(scope, body)).answered if rule.apply else None
        wish = rule.retry_after
        if rule.fault == "429-retry-after" and wish is None:
            wish = 1.0
        return _Played(answered, self._sandbox.fault_reply(status, wish))

    async def _carry_out(self, scope: Scope, body: bytes) -> _Played:
        """Run the vendor's own handler to its end and hold its answer."""
        reply = Reply(500, [], b"")
        asked = False

        async def receive() -> Message:
            nonlocal asked
            if asked:
                return {"type": "http.disconnect"}
            asked = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                reply.status, reply.headers = message["status"], list(message.get("headers", []))
            elif message["type"] == "http.response.body":
                reply.body += message.get("body", b"")

        await self._vendor()(scope, receive, send)
        return _Played(reply.status, reply)

    async def _deliver(self, played: _Played, receive: Receive, send: Send) -> None:
        if played.wait:
            await _wait(played.wait, receive)
        if played.reply is None:
            await _break(receive)
            return
        reply = played.reply
        headers = [pair for pair in reply.headers if pair[0].lower() not in (b"date", b"content-length")]
        headers.append((b"date", format_datetime(self._sandbox.clock.now(), usegmt=True).encode()))
        if reply.status not in (204, 304):
            headers.append((b"content-length", str(len(reply.body)).encode()))
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        if played.half and reply.body:
            await send({"type": "http.response.body", "body": reply.body[: len(reply.body) // 2], "more_body": True})
            _transport(receive).close()
            await receive()
            return
        await send({"type": "http.response.body", "body": reply.body, "more_body": False})


def plain_fault(status: int, wish: float | None) -> Reply:
    """A neutral error answer with an optional Retry-After; vendors override it with their own shapes."""
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else "Error"
    headers = [(b"content-type", b"application/json")]
    if wish is not None:
        headers.append((b"retry-after", f"{wish:g}".encode()))
    return Reply(status, headers, orjson.dumps({"status": status, "message": phrase}))


async def _read(receive: Receive) -> bytes:
    pieces = bytearray()
    while True:
        message = await receive()
        pieces += message.get("body", b"")
        if message["type"] != "http.request" or not message.get("more_body"):
            return bytes(pieces)


async def _wait(seconds: float, receive: Receive) -> None:
    """Wait so long, or until the client has gone."""
    gone = asyncio.ensure_future(receive())
    await asyncio.wait({gone}, timeout=seconds)
    gone.cancel()


async def _break(receive: Receive) -> None:
    """Reset the connection: SO_LINGER 0 makes the kernel send RST instead of a polite end."""
    transport = _transport(receive)
    with suppress(OSError):  # the client has gone already
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await receive()


def _transport(receive: Receive) -> asyncio.Transport:
    """The socket under a request; uvicorn's h11 protocol binds `receive` to the cycle that holds it."""
    transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if not isinstance(transport, asyncio.Transport):
        raise RuntimeError("a broken connection can be played only under uvicorn with http='h11'")
    return transport


def _query(scope: Scope) -> dict[str, Any]:
    values = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}
