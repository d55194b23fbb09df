"""SalesforceSandbox: the org behind HTTP paths and the control protocol.

What is not here: any rule of Salesforce's; the handlers in `*_api` and what they stand on have them.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from syncd.kit.sandbox import Reply, Sandbox
from syncd_salesforce.sandbox import acts, paths, seeding
from syncd_salesforce.sandbox.call import Answer, Call, of_refusal
from syncd_salesforce.sandbox.composite_api import composite, graphs
from syncd_salesforce.sandbox.cursors import Cursors
from syncd_salesforce.sandbox.describe_api import versions
from syncd_salesforce.sandbox.errors import Multiple, Problem, Refusal, not_found, refuse
from syncd_salesforce.sandbox.gate import Gate
from syncd_salesforce.sandbox.jobs import Jobs
from syncd_salesforce.sandbox.oauth import OAuthError, introspect, token, userinfo
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.standard import KINDS
from syncd_salesforce.sandbox.store import Hand
from syncd_salesforce.sandbox.switches import SWITCHES

_DATA = "/services/data"
_READS = re.compile(r"/composite/sobjects/\w+/?$|/jobs/query|/services/oauth2/")
_FAULTS: Mapping[int, tuple[str, str]] = {
    401: ("INVALID_SESSION_ID", "Session expired or invalid"),
    403: ("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
    423: ("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record"),
    429: ("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded."),
    503: ("SERVER_UNAVAILABLE", "Server temporarily unavailable"),
}
_METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE", "HEAD"]


class SalesforceSandbox(Sandbox):
    """A Salesforce org of a roofing company on this machine."""

    name: ClassVar[str] = "salesforce"
    kinds: ClassVar[tuple[str, ...]] = KINDS
    switches: ClassVar[Mapping[str, Any]] = SWITCHES
    entry: ClassVar[str] = (
        f"Any my_domain will do; client_id is {SWITCHES['client_id']}, the secret {SWITCHES['client_secret']}."
    )

    org: Org
    gate: Gate
    cursors: Cursors
    jobs: Jobs

    def clear(self) -> None:
        """An org with its users, queue, statuses and stages, and without a lead."""
        self._merges: dict[tuple[str, str], dict[int, str]] = {}
        self.org = Org(self.clock, self.random, self.settings, self._noted)
        self.gate = Gate(self.org)
        self.cursors, self.jobs = Cursors(), Jobs(self.org)

    def routes(self) -> Sequence[BaseRoute]:
        """One for all: a key in a path may hold an encoded slash, which only the raw path tells."""
        return [Route("/{path:path}", self._serve, methods=_METHODS)]

    def dump(self, kind: str) -> list[dict[str, Any]]:
        """Every committed row, the recycle bin included, with every field."""
        self.org.tick()
        thing = self.org.schema.things[kind]
        return [self.org.whole(thing, row) for row in self.org.store.rows[kind].values()]

    def history(self, kind: str, id: str) -> list[dict[str, Any]]:
        """Every change of a record, and of those that people merged into it until then; `do` names what it was."""
        found: list[dict[str, Any]] = []
        merges = self._merges.get((kind, id), {})
        for at, change in enumerate(super().history(kind, id)):
            if at in merges:
                found = sorted([*found, *self.history(kind, merges[at])], key=lambda each: str(each["at"]))
            verb = "merge" if at in merges else "create" if at == 0 else "update"
            found.append({**change, "do": verb})
        return found

    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """What a person or an admin does; see `acts`."""
        self.org.tick()
        return acts.act(acts.Stage(self.org, self.gate, self.cursors), action)

    def seed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Leads, or contacts with an account and an opportunity each; see `seeding`."""
        return seeding.seed(self.org, spec)

    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """A record per row; see `seeding`."""
        return seeding.import_csv(self.org, self.org.schema.need(kind), text)

    def settled(self) -> dict[str, Any]:
        """Whether every transaction is committed."""
        self.org.tick()
        waits = [(txn.due or 0) - self.clock.seconds() for txn in self.org.store.pending]
        return {"settled": not waits, "in": max(waits, default=0.0)}

    def is_write(self, method: str, path: str) -> bool:
        """Whether a request changes records; a composite one may."""
        return method not in ("GET", "HEAD", "OPTIONS") and not (method == "POST" and _READS.search(path))

    def fault_reply(self, status: int, retry_after: float | None) -> Reply:
        """A played fault in Salesforce's own shape."""
        problem = Problem(*_FAULTS.get(status, ("UNKNOWN_EXCEPTION", "An unexpected error occurred")))
        headers = [(b"content-type", b"application/json;charset=UTF-8")]
        if retry_after is not None:
            headers.append((b"retry-after", str(round(retry_after)).encode()))
        return Reply(status, headers, orjson.dumps([problem.single()]))

    # -- serving

    async def _serve(self, request: Request) -> Response:
        raw = await request.body()
        path = request.scope["raw_path"].decode("ascii", "replace")
        self.org.tick()
        if path.startswith("/services/oauth2/"):
            return self._json(*self._oauth(request, path, raw))
        try:
            answer = self._answer(request, path, raw)
        except Refusal as error:
            answer = of_refusal(error)
        answer.headers |= self.gate.told()
        return self._packed(answer, request.headers)

    def _oauth(self, request: Request, path: str, raw: bytes) -> tuple[Any, int]:
        verb = (request.method, path.removeprefix("/services/oauth2/"))
        address = f"{request.url.scheme}://{request.headers.get('host', '')}"
        try:
            if verb == ("POST", "token"):
                return token(self.org, self.gate, raw, request.headers, address), 200
            if verb == ("POST", "introspect"):
                return introspect(self.org, self.gate, raw, request.headers), 200
            if verb[1] == "userinfo":
                return userinfo(self.org, self.gate.session(request.headers.get("authorization"))), 200
        except OAuthError as error:
            told = {"error_description": error.description} if self.settings["error_description"] else {}
            return {"error": error.error, **told}, error.status
        except Refusal:
            # Userinfo answers in words of its own, not with the array of the data API.
            return {"error": "Bad_OAuth_Token"}, 403
        if verb == ("POST", "revoke"):
            self.gate.kill(dict(parse_qsl(raw.decode("utf-8", "replace"))).get("token", ""))
            return {}, 200
        return not_found().body, 404

    def _answer(self, request: Request, path: str, raw: bytes) -> Answer:
        query = request.scope["query_string"].decode("latin-1")
        self.gate.fits(f"{path}?{query}" if query else path, request.headers)
        if path.rstrip("/") == _DATA:
            settings = self.settings
            return Answer(200, versions(int(settings["oldest_version"]), int(settings["newest_version"])))
        if not path.startswith(f"{_DATA}/"):
            raise not_found()
        version, *segments = paths.split(path.removeprefix(_DATA))
        number = self.gate.version(version)
        session = self.gate.session(request.headers.get("authorization"))
        self.gate.count()
        call = Call(
            self.org,
            self.gate,
            self.cursors,
            self.jobs,
            session,
            number,
            request.method,
            {},
            dict(parse_qsl(query, keep_blank_values=True)),
            {name.lower(): value for name, value in request.headers.items()},
            raw,
        )
        if segments in paths.COMPOSITE and request.method == "POST":
            return (graphs if "graph" in segments else composite)(call, self._within)
        call, answer = self._carried(call, segments or [""])
        request.scope["path_params"] = {name: value for name, value in call.path.items() if name != "path"}
        return answer

    def _carried(self, call: Call, segments: list[str]) -> tuple[Call, Answer]:
        handler, call.path = paths.found(call.method, segments)
        try:
            return call, handler(call)
        except Refusal as error:
            return call, of_refusal(error)
        except Multiple as error:
            return call, Answer(300, error.places)

    def _within(self, call: Call, method: str, url: str, headers: Mapping[str, str], body: Any) -> Answer:
        """A request of a composite."""
        parts = urlsplit(url)
        version, *segments = paths.split(parts.path.removeprefix(_DATA))
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        try:
            number = self.gate.version(version)
            inner = call.sub(version=number, method=method, query=query, headers=dict(headers), given=body)
            if segments in paths.COMPOSITE:
                raise refuse("INVALID_INPUT", "composite requests do not nest")
            return self._carried(inner, segments or [""])[1]
        except Refusal as error:
            return of_refusal(error)

    def _packed(self, answer: Answer, asked: Mapping[str, str]) -> Response:
        if answer.text is None and answer.body is None:
            return Response(status_code=answer.status, headers=answer.headers)
        headers = {"Content-Type": "application/json;charset=UTF-8", **answer.headers}
        body = orjson.dumps(answer.body) if answer.text is None else _bytes(answer.text)
        if self.settings["gzip"] and "gzip" in asked.get("accept-encoding", ""):
            body, headers = gzip.compress(body, 1), {**headers, "Content-Encoding": "gzip"}
        return Response(body, status_code=answer.status, headers=headers)

    def _json(self, body: Any, status: int) -> Response:
        head = {"Content-Type": "application/json;charset=UTF-8", "Cache-Control": "no-cache, no-store"}
        return Response(orjson.dumps(body), status_code=status, headers=head)

    def _noted(self, kind: str, id: str, hand: Hand, fields: Mapping[str, tuple[Any, Any]], merged: str | None) -> None:
        if (fields or merged) and kind in self.kinds:
            if merged is not None:
                self._merges.setdefault((kind, id), {})[len(self._history.get((kind, id), ()))] = merged
            self.note(kind, id, by=hand.by, via=hand.via, fields=fields)


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
