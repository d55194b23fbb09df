"""HubSpotSandbox: the account behind HTTP paths and the control protocol.

What is not here: any rule of HubSpot's; the handlers in `*_api` and what they stand on have them.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, ClassVar

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from syncd.kit.sandbox import Reply, Sandbox, reply
from syncd.kit.sender import Sender
from syncd_hubspot.sandbox import acts, seeding
from syncd_hubspot.sandbox.call import Answer, Call
from syncd_hubspot.sandbox.errors import ApiError, bad_request, missing_scopes, refuse, unauthorized
from syncd_hubspot.sandbox.gate import SANDBOX_TOKEN, Gate
from syncd_hubspot.sandbox.hooks import BATCH, Hooks
from syncd_hubspot.sandbox.paths import ENDPOINTS, Endpoint
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.standard import KINDS
from syncd_hubspot.sandbox.switches import SWITCHES, check
from syncd_hubspot.sandbox.wire import whole


class HubSpotSandbox(Sandbox):
    """A HubSpot account of a roofing company on this machine."""

    name: ClassVar[str] = "hubspot"
    kinds: ClassVar[tuple[str, ...]] = tuple(KINDS)
    switches: ClassVar[Mapping[str, Any]] = SWITCHES
    entry: ClassVar[str] = f"The token is {SANDBOX_TOKEN}."

    portal: Portal
    gate: Gate

    def clear(self) -> None:
        """An account without a record."""
        check(self.settings)
        hooks = Hooks(self.clock.ms, self.settings)
        self.sender = Sender(self.settings, hooks.dress, batch=BATCH)
        hooks.tell = self.sender.tell
        self.portal = Portal(self.clock.ms, self.random, self.settings, hooks)
        self.gate = Gate(self.settings)

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Set switches; ControlError for an unknown one or a rate that says nothing."""
        check({**self.settings, **settings})
        super().configure(settings)

    def routes(self) -> Sequence[BaseRoute]:
        """Every path in every version it is known under."""
        return [
            Route(base + each.path, self._endpoint(each, version), methods=[each.method])
            for each in ENDPOINTS
            for version, base in each.bases
        ]

    def dump(self, kind: str) -> list[dict[str, Any]]:
        """Every record, the recycle bin included, with every value and its associations."""
        self.portal.tick()
        table = self.portal.tables[kind]
        return [whole(self.portal, table, table.rows[one]) for one in sorted(table.rows)]

    def history(self, kind: str, id: str) -> list[dict[str, Any]]:
        """Every change of a record; an id merged away tells of the record it became."""
        table = self.portal.tables[kind]
        number = int(id) if id.isdigit() else -1
        while number in table.aliases:
            number = table.aliases[number]
        row = table.rows.get(number)
        return [] if row is None else [change.wire() for change in row.changes]

    def histories(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        """The same of every record of a kind, by id."""
        return {str(number): self.history(kind, str(number)) for number in self.portal.tables[kind].rows}

    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """What a person or an admin does; see `acts`."""
        self.portal.tick()
        return acts.act(self.portal, self.gate, action)

    def seed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Contacts with a deal each; see `seeding`."""
        return seeding.seed(self.portal, spec)

    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """A record per row; see `seeding`."""
        return seeding.import_csv(self.portal, self.portal.tables[kind], text)

    def settled(self) -> dict[str, Any]:
        """Whether post-processing is done and the index has caught up."""
        wait = self.portal.settled_in()
        return {"settled": wait == 0, "in": wait}

    def fault_reply(self, status: int, retry_after: float | None) -> Reply:
        """A played fault in HubSpot's own shape."""
        headers = [(b"content-type", b"application/json;charset=utf-8")]
        if retry_after is not None:
            headers.append((b"retry-after", str(round(retry_after)).encode()))
        return Reply(status, headers, orjson.dumps({**_fault(status).body, "correlationId": self._correlation()}))

    def _endpoint(self, each: Endpoint, version: str) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            return self._answer(request, await request.body(), each, version)

        return endpoint

    def _answer(self, request: Request, raw: bytes, each: Endpoint, version: str) -> Response:
        headers: dict[str, str] = {}
        try:
            body, status = self._handled(request, raw, each, version, headers)
        except ApiError as error:
            headers |= error.headers
            body, status = {**error.body, "correlationId": self._correlation()}, error.status
            headers["X-HubSpot-Correlation-Id"] = body["correlationId"]
        if body is None:
            return Response(status_code=status, headers=headers)
        return reply(body, status, headers)

    def _handled(self, request: Request, raw: bytes, each: Endpoint, version: str, headers: dict[str, str]) -> Answer:
        self.portal.tick()
        token = self.gate.token(request.headers.get("authorization"), self.clock.now())
        write = self.is_write(request.method, request.url.path)
        headers |= self.gate.count(token, self.clock.now(), search=each.search, write=write)
        call = Call(
            self.portal, self.gate, token, version, request.path_params, request.query_params, raw, _parsed(raw)
        )
        return each.handler(call)

    def _correlation(self) -> str:
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"Invalid input JSON on line {error.lineno}, column {error.colno}") from error


def _fault(status: int) -> ApiError:
    if status == 401:
        return unauthorized(expired=True)
    if status == 403:
        return missing_scopes(["crm.objects.contacts.write"])
    if status == 423:
        return refuse(423, "LOCKED", "The resource is locked for 2 seconds")
    if status == 429:
        limit = {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING", "groupName": "publicapi:sandbox"}
        return ApiError(
            429, {"status": "error", "message": "You have reached your ten_secondly_rolling limit.", **limit}
        )
    return refuse(status, "INTERNAL_ERROR", "internal error")
