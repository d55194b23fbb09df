"""JobNimbus's paths, and nothing about what records mean.

What is not here: time-outs, retries, limits (`kit.http`), paging rules (`sweeps`), values (`rows`).
Only GET, POST and PUT exist. Unknown query parameters are silently ignored by the vendor, so none is ever made up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson

from syncd.errors import Refused, Transient
from syncd.kit.connector import SystemSettings
from syncd.kit.http import Answer, Http, credential_key, parse_rates, shared_limit, sustained
from syncd_jobnimbus.explain import explain
from syncd_jobnimbus.fields import KINDS

HOST = "https://app.jobnimbus.com"
PAGE = 1000
"""Records per list request: the documented default, and the most it gives for contacts and jobs."""

WINDOW = 10_000
"""`from + size` beyond this cannot be read."""

_RATES = ((10, 1.0), (80, 60.0))
"""The vendor publishes none; two projects speak of 100 per minute. A careful default, with bursts of ten."""

_IN_FLIGHT = 2
_SAMPLE = 100

Filter = Mapping[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of a list: the rows, how many records match in all, and the vendor's clock when it was asked."""

    rows: Sequence[Row]
    count: int
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class One:
    """One record as the primary store holds it, the vendor's clock when it was asked, and when it came (monotonic)."""

    row: Row
    sent_at: datetime
    at: float = field(default_factory=time.monotonic)


class Client:
    """One account's API. Thread-safe; at most two requests are under way."""

    def __init__(self, settings: SystemSettings) -> None:
        """Open nothing yet. ConfigError for a rate that cannot be read or an address in clear.

        `pace`: requests per second in the long run.
        """
        base = api_root(settings.base_url)
        rates = parse_rates(settings.rate, f"systems.{settings.system}.rate") if settings.rate else _RATES
        self.pace = sustained(rates)
        key = credential_key(settings.system, base, settings.secret)
        limit = shared_limit(key, rates, in_flight=_IN_FLIGHT, longest=settings.timing.longest)
        headers = {"Authorization": f"Bearer {settings.secret}"}
        self._http = Http(
            settings.system, base, headers, {"default": limit}, explain, settings.timing, settings.ca_file
        )
        self._actor = str(settings.options.get("actor") or "")

    def now(self) -> datetime:
        """The vendor's clock."""
        return self._http.now()

    def close(self) -> None:
        """Give the sockets back."""
        self._http.close()

    def listing(
        self,
        kind: str,
        must: Sequence[Filter] = (),
        *,
        sort: tuple[str, str] = ("date_created", "desc"),
        size: int = PAGE,
        start: int = 0,
    ) -> Listing:
        """A page of a list, from the lagging index. `must`: filter clauses that all hold. Transient if unreadable."""
        params = {"size": str(size), "sort_field": sort[0], "sort_direction": sort[1]}
        if start:
            params["from"] = str(start)
        if must:
            params["filter"] = orjson.dumps({"must": list(must)}).decode()
        answer = self._http.request("GET", f"/{kind}", params=params)
        return _listing(kind, answer)

    def sample(self, kind: str, size: int = _SAMPLE) -> Sequence[Row]:
        """Some records, most recently changed first. Refused for a kind that syncd does not speak."""
        if kind not in KINDS:
            raise Refused(f"syncd knows these kinds of JobNimbus: {', '.join(KINDS)}.")
        return self.listing(kind, sort=("date_updated", "desc"), size=size).rows

    def get(self, kind: str, id: str) -> One:
        """One record from the primary store. NotFound, Forbidden."""
        return _one(self._http.request("GET", _address(kind, id)))

    def create(self, kind: str, body: Row, *, quiet: bool) -> One:
        """Make a record; the answer is the full record. Ambiguous when the answer is lost, and after any odd 5xx."""
        params = self._write_params(quiet=quiet)
        return _one(self._http.request("POST", f"/{kind}", params=params, json=body, idempotent=False))

    def update(self, kind: str, id: str, body: Row, *, quiet: bool) -> One:
        """Change the given keys only; the answer is the full record. Never sent twice: people edit in between."""
        params = self._write_params(quiet=quiet)
        return _one(self._http.request("PUT", _address(kind, id), params=params, json=body, idempotent=False))

    def at_once(self) -> AbstractContextManager[None]:
        """For a look at a record and the write upon it: neither waits for the other's turn."""
        return self._http.at_once(2)

    def settings(self) -> Mapping[str, Any]:
        """The account's workflows, sources, locations and types."""
        return _mapping("account/settings", self._http.request("GET", "/account/settings"))

    def users(self) -> Sequence[Row]:
        """The account's people: id, first_name, last_name, email, is_active."""
        body = _mapping("account/users", self._http.request("GET", "/account/users"))
        return [user for user in body.get("users") or () if isinstance(user, Mapping)]

    def _write_params(self, *, quiet: bool) -> dict[str, str] | None:
        params = {"skip": "automation,notification"} if quiet else {}
        if self._actor:
            # On writes only: with an actor, a GET shows no more than that person may see.
            params["actor"] = self._actor
        return params or None


def api_root(base_url: str | None) -> str:
    """The address of api1, whether or not the setting names that path."""
    base = (base_url or HOST).rstrip("/")
    return base if base.endswith("/api1") else f"{base}/api1"


def _address(kind: str, id: str) -> str:
    """A record's path. Refused for an id that is none: it must never become the path of the whole list."""
    if not id or id in (".", ".."):
        raise Refused(f"{id!r} is not an id of JobNimbus.")
    return f"/{kind}/{quote(id, safe='')}"


def _listing(kind: str, answer: Answer) -> Listing:
    """Fail closed: a page that is not what the reference says is trouble, never an empty page.

    The rows of files stand under that very word, all others that are asked for under `results`.
    """
    body = _mapping(kind, answer)
    rows, count = body.get("results", body.get(kind)), body.get("count")
    if not isinstance(rows, list) or not all(_is_record(row) for row in rows):
        raise Transient(f"JobNimbus answered the list of {kind} without its results.")
    total = count if isinstance(count, int) and not isinstance(count, bool) else len(rows)
    return Listing(rows, total, answer.sent_at)


def _one(answer: Answer) -> One:
    return One(answer.body if _is_record(answer.body) else {}, answer.sent_at)


def _is_record(body: object) -> bool:
    """Whether it has an id, which is a text."""
    return isinstance(body, dict) and isinstance(body.get("jnid"), str) and bool(body["jnid"])


def _mapping(what: str, answer: Answer) -> Mapping[str, Any]:
    if not isinstance(answer.body, Mapping):
        raise Transient(f"JobNimbus answered {what} with something that is not a record.")
    return answer.body
