"""The vendor's paths: authentication first, then one small handler per route.

What is not here: the rules (`rules`, `records`) and the search (`lists`). There is no DELETE, as there.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from syncd.kit.sandbox import Reply, reply
from syncd_jobnimbus.sandbox.access import Key, Keys, error_body, retry_after
from syncd_jobnimbus.sandbox.account import Source
from syncd_jobnimbus.sandbox.fields import WORD
from syncd_jobnimbus.sandbox.lists import ENVELOPE, Lists
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.rules import Refusal
from syncd_jobnimbus.sandbox.store import Who

Handler = Callable[[Request, Key], Awaitable[Any]]
_TYPES = ("date", "double", "long", "string", "boolean", "dropdown")


@dataclass(slots=True)
class Api:
    """The handlers over one account. `triggered`: is told of kind, id and event of what sets off automations."""

    keys: Keys
    records: Records
    lists: Lists
    triggered: Callable[[str, str, str], None] = lambda _kind, _id, _what: None

    def routes(self) -> list[Route]:
        """Every path that answers; all others are 404."""
        get, post, put = ["GET"], ["POST"], ["PUT"]
        table: list[tuple[str, Handler, list[str]]] = [
            ("account/settings", self.get_settings, get),
            ("account/users", self.get_users, get),
            ("account/customfield", self.post_customfield, post),
            ("account/leadsource", self.post_leadsource, post),
            ("utility/uoms", self.get_units, get),
        ]
        # A file by its id is its bytes, and those are not here.
        table.append(("files", self.list_kind, get))
        for kind in (*WORD, "activities"):
            table += [(kind, self.list_kind, get), (f"{kind}/{{jnid}}", self.get_one, get), (kind, self.post_one, post)]
        table += [(f"{kind}/{{jnid}}", self.put_one, put) for kind in WORD]
        return [self._route(f"/api1/{path}", handler, methods) for path, handler, methods in table]

    def _route(self, path: str, handler: Handler, methods: list[str]) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                key = self._enter(request)
                return reply(await handler(request, key)) if isinstance(key, Key) else key
            except Refusal as refusal:
                return _response(self.error(refusal.status, refusal.text))

        return Route(path, endpoint, methods=methods)

    def _enter(self, request: Request) -> Key | Response:
        key = self.keys.of(request.headers.get("authorization"))
        if key is None:
            return _response(self.error(401, ""))
        wait = key.wait(str(self.records.settings["rate"]))
        if wait > 0:
            return _response(self.error(429, "Too many requests", retry_after(wait)))
        return key

    def error(self, status: int, text: str, wish: str | None = None) -> Reply:
        """An error as this account words it; `wish` is the Retry-After of a 429."""
        settings = self.records.settings
        headers: list[tuple[bytes, bytes]] = []
        shape = settings["rate_body"] if status == 429 else settings["error_body"]
        body, media = error_body(text, shape)
        if status == 401:
            body, media = {"status": 401, "body": "Authentication required"}, "application/json"
        if wish is not None and settings["rate_retry_after"]:
            headers.append((b"retry-after", wish.encode()))
        raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
        return Reply(status, [(b"content-type", media.encode()), *headers], raw)

    # -- records

    async def list_kind(self, request: Request, key: Key) -> Any:
        """GET /contacts, /jobs, /activities, /files. Of files nobody is told that the permission is missing."""
        kind = _kind(request)
        if not key.may(kind):
            if kind == "files" or self.records.settings["denied_lists"] == "empty":
                return {"count": 0, ENVELOPE[kind]: []}
            raise Refusal(403, "Forbidden")
        if "lists" in self.records.settings["empty"]:
            return {"count": 0, ENVELOPE[kind]: []}
        return self.lists.search(kind, request.query_params)

    async def get_one(self, request: Request, key: Key) -> Any:
        """GET by id: the bare record, from the primary store."""
        kind, jnid = self._address(request, key)
        row = self.records.store.rows[kind][jnid]
        return self.lists.show(kind, row, request.query_params.get("fields"))

    async def post_one(self, request: Request, key: Key) -> Any:
        """POST: make a record; the whole stored record comes back."""
        kind = _kind(request)
        self._demand(key, kind)
        body, who = await _object(request), self._who(request, key)
        self.records.tick()
        if kind == "activities":
            return self.lists.show(kind, self.records.note(body, who))
        row = self.records.create(kind, body, who, delay=self._delay(request))
        self._fire(request, kind, row["jnid"], "Created")
        return self.lists.show(kind, row)

    async def put_one(self, request: Request, key: Key) -> Any:
        """PUT: change the named fields; the whole stored record comes back."""
        kind, jnid = self._address(request, key)
        body = await _object(request)
        row = self.records.update(kind, jnid, body, self._who(request, key), delay=self._delay(request))
        self._fire(request, kind, jnid, "Modified" if row["is_active"] else "Deleted")
        return self.lists.show(kind, row)

    def _address(self, request: Request, key: Key) -> tuple[str, str]:
        kind, jnid = _kind(request), request.path_params["jnid"]
        self._demand(key, kind)
        self.records.tick()
        if jnid in self.lists.hidden:
            status = int(self.records.settings["hidden_get_status"])
            raise Refusal(status, "Forbidden" if status == 403 else "Not Found")
        if self.records.store.get(kind, jnid) is None:
            raise Refusal(404, "Not Found")
        return kind, jnid

    def _who(self, request: Request, key: Key) -> Who:
        actor = request.query_params.get("actor")
        return Who((self.records.account.user(actor) if actor else None) or key.user, "api")

    def _delay(self, request: Request) -> float:
        return float(self.records.settings["bulk_delay"]) if request.query_params.get("bulk") == "true" else 0.0

    def _fire(self, request: Request, kind: str, jnid: str, what: str) -> None:
        """Set off what the account's automations and notifications would do, unless the caller skips them."""
        skipped = set(request.query_params.get("skip", "").split(","))
        for effect in ("automation", "notification"):
            if effect not in skipped:
                self.records.fired.append({"kind": kind, "id": jnid, "event": f"{WORD[kind]} {what}", "effect": effect})
        if "automation" not in skipped:
            self.triggered(kind, jnid, what)

    def _demand(self, key: Key, area: str) -> None:
        if not key.may(area):
            raise Refusal(403, "Forbidden")

    # -- the account

    async def get_settings(self, request: Request, key: Key) -> Any:
        """GET account/settings, whole or one member by `field`."""
        settings = self.records.settings
        if key.profile == "none" or (settings["settings_need_permission"] and not key.may("settings")):
            raise Refusal(403, "Forbidden")
        told = self.records.account.settings(settings["custom_field_definitions"] == "settings")
        wanted = request.query_params.get("field")
        return told.get(wanted) if wanted else told

    async def get_users(self, _request: Request, key: Key) -> Any:
        """GET account/users."""
        self._demand(key, "users")
        users = [user.wire() for user in self.records.account.users]
        return {"users": users, "date_updated": int(self.records.now())}

    async def post_customfield(self, request: Request, key: Key) -> Any:
        """POST account/customfield: a new definition, or the existing one of that title."""
        self._demand(key, "settings")
        body = await _object(request)
        kind = {"contact": "contacts", "job": "jobs"}.get(str(body.get("object_type")))
        if kind is None or not body.get("title") or body.get("type") not in _TYPES:
            raise Refusal(400, "title, object_type and type are required")
        made = self.records.account.add_custom(
            kind, str(body["title"]), body["type"], body.get("options") or (), bool(body.get("is_required"))
        )
        return made.wire()

    async def post_leadsource(self, request: Request, key: Key) -> Any:
        """POST account/leadsource, where the account allows it."""
        self._demand(key, "settings")
        name = (await _object(request)).get("SourceName")
        if self.records.settings["leadsource_post"] == "denied":
            raise Refusal(403, "Forbidden")
        if not name:
            raise Refusal(400, "SourceName is required")
        sources = self.records.account.sources
        made = Source(max(source.id for source in sources) + 1, str(name))
        sources.append(made)
        return {"JobSourceId": made.id, "SourceName": made.name, "IsActive": True}

    async def get_units(self, _request: Request, _key: Key) -> Any:
        """GET utility/uoms."""
        return ["SQ", "EA", "LF", "BD", "RL"]


def _response(made: Reply) -> Response:
    return Response(made.body, made.status, {name.decode(): value.decode() for name, value in made.headers})


def _kind(request: Request) -> str:
    return request.url.path.split("/")[2]


async def _object(request: Request) -> dict[str, Any]:
    if "multipart" in request.headers.get("content-type", ""):
        raise Refusal(500, "Invalid parameters")
    try:
        body = orjson.loads(await request.body())
    except orjson.JSONDecodeError as error:
        raise Refusal(400, "Invalid JSON") from error
    if not isinstance(body, dict):
        raise Refusal(400, "Invalid parameters")
    return body
