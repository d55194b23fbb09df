"""The base of every vendor's fake server: clock, randomness, switches, history, and a real socket on this machine.

What is not here: any vendor's rules (its `sandbox` package), faults (`kit.faults`, `kit.stage`), and the control
protocol (`kit.control`; `kit.remote` is the client that tests use).
"""

from __future__ import annotations

import abc
import inspect
import random
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from syncd.kit import control
from syncd.kit.authority import Issued, issue
from syncd.kit.faults import Faults
from syncd.kit.requestlog import RequestLog
from syncd.kit.sender import Sender
from syncd.kit.simclock import SandboxClock
from syncd.kit.stage import ARRIVED, Reply, Stage, plain_fault

__all__ = ["ControlError", "Reply", "Sandbox", "SandboxClock", "SandboxServer", "reply"]

ControlError = control.ControlError

_COMMON: Mapping[str, Any] = {"log_entries": 200_000, "log_bodies": 4096}
"""Switches every sandbox has: how many requests the log keeps, and how many bytes of each body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of a record in the primary store: when, by whom, through what, and each field before and after.

    `asked`: when the request that made it came in; None where no request did.
    """

    at: str
    asked: str | None
    by: str
    via: str
    fields: Mapping[str, tuple[Any, Any]]


class Sandbox(abc.ABC):
    """A vendor in a box. Handlers are `async def` and run in one event loop, so the state needs no locks.

    A subclass builds its state in `clear()`, which is called when the sandbox is made and at every reset.
    """

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    switches: ClassVar[Mapping[str, Any]] = {}
    """Every switch with its default: behavior that is unknown of the vendor, or that tests choose."""

    entry: ClassVar[str] = ""
    """What opens an account that nobody set up, in plain words; it opens nothing but this fake."""

    sender: Sender | None = None
    """What sends this vendor's webhooks; a subclass that has any makes it anew in `clear()`."""

    clock: SandboxClock
    random: random.Random
    faults: Faults
    log: RequestLog
    settings: dict[str, Any]

    def __init__(self, *, seed: int = 1, settings: Mapping[str, Any] | None = None) -> None:
        """Make an empty account. ControlError for an unknown switch."""
        self.reset(seed=seed, settings=settings)

    def reset(self, *, seed: int = 1, settings: Mapping[str, Any] | None = None) -> None:
        """Forget everything, clock and faults included, and begin again with these switches."""
        self.settings = {**_COMMON, **self.switches}
        self._check(settings or {})
        self.settings.update(settings or {})
        self.clock, self.random = SandboxClock(), random.Random(seed)
        self.faults = Faults(seed)
        self.log = RequestLog(self.settings["log_entries"], self.settings["log_bodies"])
        self._history: dict[tuple[str, str], list[Change]] = {}
        self._vendor_app: Starlette | None = None
        self.clear()

    @abc.abstractmethod
    def clear(self) -> None:
        """Build the state of an empty account, with what every account has (users, pipelines, fields, keys)."""

    @abc.abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's API. Every endpoint is `async def`. Asked again after each reset."""

    @abc.abstractmethod
    def dump(self, kind: str) -> list[dict[str, Any]]:
        """Every record of the primary store in the vendor's wire form, with id and archived flag."""

    @abc.abstractmethod
    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """What a person does in the vendor's own pages; see `kit.control`. ControlError when it cannot be done."""

    @abc.abstractmethod
    def seed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Fill the account as people would have, at least {"leads": n, "seed": n, "messy": bool}; says what it made."""

    @abc.abstractmethod
    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """Create a record per row; columns by field name or label. ControlError names unknown columns."""

    @abc.abstractmethod
    def settled(self) -> dict[str, Any]:
        """{"settled": whether the lagging index shows the primary store, "in": seconds until it does}."""

    def is_write(self, method: str, path: str) -> bool:
        """Whether a request changes records. Searches and batch reads are POSTs that do not."""
        return method not in ("GET", "HEAD", "OPTIONS") and not path.rstrip("/").endswith(("/search", "/batch/read"))

    def fault_reply(self, status: int, retry_after: float | None) -> Reply:
        """The answer of a played fault; vendors override it with their own error shapes."""
        return plain_fault(status, retry_after)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set switches while running; ControlError names the known ones if one is unknown."""
        self._check(settings)
        self.settings.update(settings)
        self.log.body_bytes = self.settings["log_bodies"]

    def note(self, kind: str, id: str, *, by: str, via: str, fields: Mapping[str, tuple[Any, Any]]) -> None:
        """Remember a change of the primary store. `via` is api, person or system; `fields` {name: (before, after)}."""
        now = self.clock.now().isoformat()
        change = Change(at=now, asked=ARRIVED.get(), by=by, via=via, fields=dict(fields))
        self._history.setdefault((kind, id), []).append(change)

    def history(self, kind: str, id: str) -> list[dict[str, Any]]:
        """Every change noted of a record, oldest first, as the control protocol tells it."""
        changes = self._history.get((kind, id), ())
        return [asdict(one) for one in changes]

    def histories(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        """The same of every record of a kind that has any, by id."""
        return {id_: self.history(of, id_) for of, id_ in list(self._history) if of == kind}

    def app(self) -> Stage:
        """The whole server as an ASGI app: faults, log, control protocol, vendor. TypeError for a plain `def`."""
        self._vendor()
        return Stage(self, self._vendor, Starlette(routes=control.routes(self)))

    def _vendor(self) -> Starlette:
        if self._vendor_app is None:
            routes = list(self.routes())
            for route in routes:
                if isinstance(route, Route) and inspect.isroutine(route.endpoint):
                    _must_be_async(route)
            self._vendor_app = Starlette(routes=routes)
        return self._vendor_app

    def _check(self, settings: Mapping[str, Any]) -> None:
        if unknown := sorted(set(settings) - set(self.settings)):
            known = ", ".join(sorted(self.settings))
            raise ControlError(f"unknown switch {', '.join(unknown)}; known are {known}")


def reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer by orjson: several times faster than Starlette's own for pages of records."""
    return Response(orjson.dumps(body), status_code=status, headers=dict(headers or {}), media_type="application/json")


class SandboxServer:
    """A sandbox on 127.0.0.1, served from a thread for as long as the `with` block lasts.

    While it serves, speak to the sandbox through its `url` (`kit.remote.Remote`), not through its methods: its state
    belongs to the server's event loop.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0, tls: Path | None = None) -> None:
        """Take the port now (0: a free one), so that `url` is known before serving begins.

        `tls`: serve https, with an authority of its own; `authority` is its file in this folder, for clients to trust.
        OSError for a port or a folder that cannot be used.
        """
        self.sandbox = sandbox
        issued = issue(tls) if tls is not None else None
        self.authority = issued.authority if issued is not None else None
        self._socket = _listen(port)
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self._server = _server(sandbox, issued)
        self._thread = threading.Thread(target=self._run, name=f"sandbox-{sandbox.name}", daemon=True)

    def __enter__(self) -> Self:
        """Serve; returns when requests are accepted."""
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError(f"the {self.sandbox.name} sandbox did not start")
            time.sleep(0.005)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop at once; requests under way are broken off."""
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])


def _server(sandbox: Sandbox, issued: Issued | None) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            sandbox.app(),
            ssl_certfile=issued.certificate if issued is not None else None,
            ssl_keyfile=issued.key if issued is not None else None,
            http="h11",
            lifespan="off",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            date_header=False,
            server_header=False,
            timeout_keep_alive=75,
        )
    )


def _listen(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off; without, every answer costs 40 ms.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    listening.listen(128)
    return listening


def _must_be_async(route: Route) -> None:
    if not inspect.iscoroutinefunction(route.endpoint):
        raise TypeError(f"the endpoint of {route.path} must be `async def`: sandboxes have one event loop, no locks")
