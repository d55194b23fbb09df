"""The control protocol of every sandbox, under /_sim/: what tests, the lab and the demo use to set the scene.

What is not here: a vendor's paths. Nothing here is counted by a rate limit or written to the request log.

GET  /_sim/health                    name, kinds, now, verbs and switches
GET  /_sim/clock                     POST {"advance": seconds | "freeze": true | "thaw": true | "set": ISO 8601}
POST /_sim/reset                     {"seed": n, "settings": {...}}: forget everything
GET  /_sim/settings                  POST {switch: value}
GET  /_sim/faults                    POST {"rules": [...]}, see `kit.faults.Rule`; replaces all
GET  /_sim/requests?since=n&summary=1
GET  /_sim/records/{kind}            the primary store, archived records included
POST /_sim/act                       {"do": verb, "kind", "id", "fields", "as": person}: a person in the vendor's pages
POST /_sim/acts                      {"acts": [...]}: the same, many in a row; ends at the first that cannot be done
POST /_sim/seed                      {"leads": n, ...}
POST /_sim/import/{kind}             text/csv
GET  /_sim/webhooks                  how many were told, sent, answered, given up
GET  /_sim/settled                   whether the lagging index has caught up
GET  /_sim/history/{kind}            every change of every record, by id
GET  /_sim/history/{kind}/{id}       every change of a record, with who made it
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from syncd.kit.sandbox import Sandbox

Handler = Callable[[Request], Awaitable[Any]]


class ControlError(Exception):
    """A control call that cannot be carried out; its text tells the tester why. Answered with `status`."""

    def __init__(self, message: str, status: int = 400) -> None:
        """Take the sentence and the HTTP status."""
        self.status = status
        super().__init__(message)


def routes(sandbox: Sandbox) -> list[Route]:
    """The control routes of one sandbox."""
    desk = _Desk(sandbox)
    both, get, post = ["GET", "POST"], ["GET"], ["POST"]
    table: list[tuple[str, Handler, list[str]]] = [
        ("/_sim/health", desk.health, get),
        ("/_sim/clock", desk.clock, both),
        ("/_sim/reset", desk.reset, post),
        ("/_sim/settings", desk.settings, both),
        ("/_sim/faults", desk.faults, both),
        ("/_sim/requests", desk.requests, get),
        ("/_sim/records/{kind}", desk.records, get),
        ("/_sim/act", desk.act, post),
        ("/_sim/acts", desk.acts, post),
        ("/_sim/seed", desk.seed, post),
        ("/_sim/import/{kind}", desk.import_csv, post),
        ("/_sim/webhooks", desk.webhooks, get),
        ("/_sim/settled", desk.settled, get),
        ("/_sim/history/{kind}", desk.histories, get),
        ("/_sim/history/{kind}/{id}", desk.history, get),
    ]
    return [Route(path, _answering(handler), methods=methods) for path, handler, methods in table]


class _Desk:
    """One method per control route; each returns what is sent as JSON."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._box = sandbox

    async def health(self, _request: Request) -> Any:
        box = self._box
        return {"name": box.name, "kinds": list(box.kinds), "now": box.clock.now().isoformat()}

    async def clock(self, request: Request) -> Any:
        if request.method == "POST":
            self._move(await _object(request))
        return self._box.clock.state()

    def _move(self, order: dict[str, Any]) -> None:
        clock = self._box.clock
        if unknown := sorted(set(order) - {"advance", "freeze", "thaw", "set"}):
            raise ControlError(f"unknown {', '.join(unknown)}; a clock knows advance, freeze, thaw and set")
        if order.get("thaw"):
            clock.thaw()
        if order.get("set"):
            clock.set(_moment(order["set"]))
        if order.get("advance"):
            clock.advance(float(order["advance"]))
        if order.get("freeze"):
            clock.freeze()

    async def reset(self, request: Request) -> Any:
        order = await _object(request)
        self._box.reset(seed=int(order.get("seed", 1)), settings=order.get("settings") or {})
        return self._box.settings

    async def settings(self, request: Request) -> Any:
        if request.method == "POST":
            self._box.configure(await _object(request))
        return self._box.settings

    async def faults(self, request: Request) -> Any:
        if request.method == "POST":
            try:
                self._box.faults.replace((await _object(request)).get("rules", ()))
            except ValueError as error:
                raise ControlError(str(error)) from error
        return {"rules": self._box.faults.as_json()}

    async def requests(self, request: Request) -> Any:
        log, since = self._box.log, int(request.query_params.get("since", 1))
        if request.query_params.get("summary", "0") not in ("0", "", "false"):
            return {"next": log.next, "summary": log.summary(since)}
        return {"next": log.next, "requests": [entry.as_json() for entry in log.since(since)]}

    async def records(self, request: Request) -> Any:
        return {"records": self._box.dump(self._kind(request))}

    async def act(self, request: Request) -> Any:
        return self._box.act(await _object(request))

    async def acts(self, request: Request) -> Any:
        return {"done": [self._box.act(one) for one in (await _object(request)).get("acts", ())]}

    async def seed(self, request: Request) -> Any:
        return self._box.seed(await _object(request))

    async def import_csv(self, request: Request) -> Any:
        text = (await request.body()).decode("utf-8-sig")
        return self._box.import_csv(self._kind(request), text)

    async def webhooks(self, _request: Request) -> Any:
        return self._box.sender.state() if self._box.sender is not None else {}

    async def settled(self, _request: Request) -> Any:
        return self._box.settled()

    async def histories(self, request: Request) -> Any:
        return {"histories": self._box.histories(self._kind(request))}

    async def history(self, request: Request) -> Any:
        return {"history": self._box.history(self._kind(request), request.path_params["id"])}

    def _kind(self, request: Request) -> str:
        kind = str(request.path_params["kind"])
        if kind not in self._box.kinds:
            raise ControlError(f"unknown kind {kind}; known are {', '.join(self._box.kinds)}", 404)
        return kind


def _answering(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            body, status = await handler(request), 200
        except ControlError as error:
            body, status = {"error": str(error)}, error.status
        raw = orjson.dumps(body, option=orjson.OPT_NON_STR_KEYS, default=str)
        return Response(raw, status_code=status, media_type="application/json")

    return endpoint


async def _object(request: Request) -> dict[str, Any]:
    raw = await request.body()
    try:
        body = orjson.loads(raw) if raw.strip() else {}
    except orjson.JSONDecodeError as error:
        raise ControlError(f"the body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ControlError("the body must be a JSON object")
    return body


def _moment(text: Any) -> datetime:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise ControlError(f"{text!r} is not ISO 8601") from error
    if moment.tzinfo is None:
        raise ControlError(f"{text!r} has no zone; write Z at its end")
    return moment
