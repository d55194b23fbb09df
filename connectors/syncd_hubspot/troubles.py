"""HubSpot's errors read into our words: whole answers, and the entries of a 207's `errors`. Pure.

Every error field of HubSpot is optional, and bodies may come from Cloudflare as HTML, so nothing is taken for granted.
Validation details stand in `errors[]`, or only inside a JSON array in the middle of `message`: both are read.

What is not here: retrying (`kit.http`) and what becomes of an operation (`writes`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from syncd.errors import AuthError, Refused, SyncdError, Transient
from syncd.kit.http import Explain, retry_after

_EXISTING = re.compile(r"Existing ID:\s*(\d+)|\b(\d+)\s+already has that value", re.IGNORECASE)
_TAKEN = re.compile(r"already (?:exists|has that value)", re.IGNORECASE)
_LONGEST = 400
_LOCKED_SECONDS = 2.0
_DAILY_SECONDS = 3600.0
_MIGRATING_SECONDS = 300.0
WINDOW_SECONDS = 10.0
"""The span of HubSpot's rolling limit."""
FIELD_CODES = frozenset({"PROPERTY_DOESNT_EXIST", "READ_ONLY_VALUE"})
"""Codes that blame a property whatever its value: every operation that carries the property is refused alike."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One error as HubSpot told it. `traces` and `ids` name the inputs of a batch that it is about, when told."""

    message: str
    category: str = ""
    subcategory: str = ""
    codes: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    duplicate: bool = False
    traces: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    correlation: str = ""

    @property
    def sentence(self) -> str:
        """The vendor's sentence for a person, with the correlation id that HubSpot's support asks for."""
        tail = f" (correlation id {self.correlation})" if self.correlation else ""
        return f"HubSpot: {self.message}{tail}"


class HubSpotRefused(Refused):
    """A refusal with HubSpot's details: the HTTP status, and the trouble it told."""

    def __init__(self, status: int, trouble: Trouble) -> None:
        """Keep both; the text is the vendor's sentence."""
        self.status = status
        self.trouble = trouble
        super().__init__(trouble.sentence, fields=trouble.fields, names=trouble.names, duplicate=trouble.duplicate)


class HubSpotForbidden(AuthError):
    """A 403 that names no scope: this record is not ours to see; of a whole kind HubSpot says which scope it takes."""


def parse(body: Any, correlation: str = "") -> Trouble:
    """Read an error body, or one entry of a 207's `errors`; text that is no JSON object becomes the message."""
    if not isinstance(body, Mapping):
        return Trouble(message=_shorten(str(body or "no explanation was given")), correlation=correlation)
    text, embedded = _unfold(str(body.get("message") or ""))
    details = [*_mappings(body.get("errors")), *embedded]
    context = _context(body, details)
    names = tuple(one or other for one, other in _EXISTING.findall(str(body.get("message") or "")))
    return Trouble(
        message=_shorten(_sentence(text, details) or str(body.get("category") or "refused without a reason")),
        category=str(body.get("category") or ""),
        subcategory=str(body.get("subCategory") or ""),
        codes=_distinct(str(item.get("code") or item.get("error") or "") for item in (body, *details)),
        fields=_distinct([*context("propertyName"), *(str(item.get("name") or "") for item in embedded)]),
        names=names,
        duplicate=bool(names) or body.get("category") == "CONFLICT" or bool(_TAKEN.search(text)),
        traces=context("objectWriteTraceId"),
        ids=_distinct([*context("ids"), *context("id"), *context("fromObjectId")]),
        scopes=context("requiredGranularScopes"),
        correlation=str(body.get("correlationId") or correlation),
    )


def explainer(until_midnight: Callable[[], float | None], window: float = WINDOW_SECONDS) -> Explain:
    """The error table for `kit.http`; `until_midnight` gives seconds to the account's midnight, None while unknown.

    `window`: the longest wait for the ten-second limit, at most those ten seconds. 5xx is left to the kit, which
    alone knows whether a request may be sent again.
    """

    def explain(status: int, headers: Mapping[str, str], body: Any) -> SyncdError | None:
        trouble = parse(body, str(headers.get("x-hubspot-correlation-id") or ""))
        if status == 429:
            return Transient(trouble.sentence, retry_after=_wait(headers, body, until_midnight, window))
        return _explain(status, headers, trouble)

    return explain


def _explain(status: int, headers: Mapping[str, str], trouble: Trouble) -> SyncdError | None:
    if status == 401:
        return AuthError(f"HubSpot does not accept the token: {trouble.sentence}")
    if status == 403:
        scopes = ", ".join(trouble.scopes)
        if not scopes:
            return HubSpotForbidden(f"HubSpot forbids this: {trouble.sentence}")
        return AuthError(f"HubSpot says the token lacks the scope {scopes}: {trouble.sentence}", permission=scopes)
    if status == 423:
        return Transient(trouble.sentence, retry_after=retry_after(headers) or _LOCKED_SECONDS)
    if status == 477:
        text = f"HubSpot is moving this account to another data center: {trouble.sentence}"
        return Transient(text, retry_after=retry_after(headers) or _MIGRATING_SECONDS)
    if 400 <= status < 500 and status not in (408, 425):
        return HubSpotRefused(status, trouble)
    return None


def _wait(
    headers: Mapping[str, str], body: Any, until_midnight: Callable[[], float | None], window: float
) -> float | None:
    told = retry_after(headers)
    if told is not None:
        return told
    policy = str(body.get("policyName") or "") if isinstance(body, Mapping) else ""
    if policy == "DAILY":
        return until_midnight() or _DAILY_SECONDS
    if policy.startswith("TEN_SECONDLY"):
        interval = str(headers.get("x-hubspot-ratelimit-interval-milliseconds") or "")
        return min(window, int(interval) / 1000 if interval.isdigit() else WINDOW_SECONDS)
    return 1.0 if policy.startswith("SECONDLY") else None


def _unfold(message: str) -> tuple[str, list[Mapping[str, Any]]]:
    """The plain words of a message, and the entries of the JSON array that HubSpot may have put into it."""
    start, end = message.find("[{"), message.rfind("}]")
    if start < 0 or end < start:
        return message, []
    try:
        found = _mappings(orjson.loads(message[start : end + 2]))
    except orjson.JSONDecodeError:
        return message, []
    return message[:start].rstrip(" :,"), list(found)


def _context(body: Mapping[str, Any], details: list[Mapping[str, Any]]) -> Callable[[str], tuple[str, ...]]:
    contexts = [item["context"] for item in (body, *details) if isinstance(item.get("context"), Mapping)]

    def values(key: str) -> tuple[str, ...]:
        found: list[str] = []
        for context in contexts:
            value = context.get(key)
            found += [str(item) for item in (value if isinstance(value, list) else [value]) if item is not None]
        return _distinct(found)

    return values


def _sentence(text: str, details: list[Mapping[str, Any]]) -> str:
    told = _distinct(str(item.get("message") or "") for item in details)
    return "; ".join([part for part in (text, *told) if part])


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in (value if isinstance(value, list) else []) if isinstance(item, Mapping))


def _distinct(items: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))


def _shorten(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
