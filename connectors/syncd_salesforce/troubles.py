"""Salesforce's errors read into our words: whole answers, results of a list, and the token endpoint's. Pure.

A whole answer is a list of `{message, errorCode, fields}`; a result of a list has `statusCode` instead; the token
endpoint says `{error, error_description}`, the second only sometimes. Anything may come as HTML instead.

What is not here: retrying (`kit.http`, `door`) and what becomes of an operation (`writes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from syncd.errors import AuthError, Refused, SyncdError, Transient
from syncd.kit.http import retry_after

PROBE_SECONDS = 900.0
"""How often it is tried whether the day's calls, which are counted over the last 24 hours, are there again."""

_BUSY_SECONDS = 5.0
_LOCKED_SECONDS = 3.0
_FULL_SECONDS = 3600.0
_LONGEST = 400

_ID_IN_WORDS = re.compile(r"\b(?:id|ID|Id)s?:?\s*([A-Za-z0-9]{18}|[A-Za-z0-9]{15})\b")
_SECRET_SHAPE = re.compile(r"00D[A-Za-z0-9]{12,15}![\w.]+")

GONE = frozenset({"ENTITY_IS_DELETED", "NOT_FOUND", "INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "INVALID_ID_FIELD"})
"""Codes after which it is looked whether the record itself is there."""

UNKNOWN_FIELD = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE"})
FORGOTTEN = "INVALID_QUERY_LOCATOR"
"""The code of a further page that is not kept any more."""

TOO_BIG = frozenset({"QUERY_TIMEOUT", "OPERATION_TOO_LARGE", "QUERY_TOO_COMPLICATED", "LIMIT_EXCEEDED"})
"""Codes after which less is asked for at once."""

_LATER = {
    "UNABLE_TO_LOCK_ROW": _LOCKED_SECONDS,
    "SERVER_UNAVAILABLE": _BUSY_SECONDS,
    "UNKNOWN_EXCEPTION": _BUSY_SECONDS,
    "STORAGE_LIMIT_EXCEEDED": _FULL_SECONDS,
}
"""Codes of one record that was surely not written and may be later, with the seconds to wait."""

READ = "Read on the object"
"""The permission that lacks where an object is unknown: it is not there, or hidden from the run-as user."""

_ACCESS = {
    "API_DISABLED_FOR_ORG": "an edition of Salesforce that has the API",
    "API_CURRENTLY_DISABLED": "API Enabled",
    "INVALID_TYPE": READ,
}
_QUERY = re.compile(r"(?s)^.*ERROR at Row:\d+:Column:\d+\s*")
_DUPLICATES = frozenset({"DUPLICATES_DETECTED", "DUPLICATE_VALUE", "DUPLICATE_EXTERNAL_ID"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """One error as Salesforce told it. `names`: ids of the records that it points at."""

    code: str
    message: str
    fields: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """For a person, with the code that Salesforce's help is found by."""
        return f"Salesforce: {self.message} ({self.code})" if self.code else f"Salesforce: {self.message}"

    @property
    def duplicate(self) -> bool:
        """Whether it says that such a record exists."""
        return self.code in _DUPLICATES

    @property
    def later(self) -> float | None:
        """Seconds after which one record may be tried again; None where that would change nothing."""
        return _LATER.get(self.code)


class SalesforceRefused(Refused):
    """A refusal with the HTTP status and what Salesforce told."""

    def __init__(self, status: int, trouble: Trouble) -> None:
        """Keep both; the text is the vendor's sentence."""
        self.status = status
        self.trouble = trouble
        super().__init__(trouble.sentence, fields=trouble.fields, names=trouble.names, duplicate=trouble.duplicate)


class SessionEnded(AuthError):
    """Our session is over: a new one is asked for, and the request is sent once more."""


class CallsUsedUp(Transient):
    """The org's calls of the last 24 hours are used up, or as many as we may use: nothing is asked for a while."""


class NoAccess(AuthError):
    """Something of a kind or of the whole API is closed to the run-as user."""


def parse(body: Any) -> Trouble:
    """The first error of a body, with the fields and ids of all of them; a text becomes the message."""
    found = list(_mappings(body)) or ([body] if isinstance(body, Mapping) else [])
    if not found:
        words = body if isinstance(body, str) and body.strip() else "no explanation was given"
        return Trouble(code="", message=_shorten(words))
    told = [one for row in found if (one := _sentence(row.get("message") or row.get("error_description") or ""))]
    first = found[0]
    code = str(first.get("statusCode") or first.get("errorCode") or first.get("error") or "")
    return Trouble(
        code=code,
        message=_shorten("; ".join(dict.fromkeys(told)) or code or "no explanation was given"),
        fields=_distinct(str(name) for row in found for name in _listed(row.get("fields"))),
        names=_distinct(one for row in found for one in _names(row)),
    )


def of_item(item: Mapping[str, Any]) -> Trouble:
    """What a result of a list says went wrong."""
    return parse(item.get("errors"))


def explain(status: int, headers: Mapping[str, str], body: Any) -> SyncdError | None:
    """The error table for `kit.http`; 5xx is left to the kit, which alone knows whether a request may be sent again."""
    trouble = parse(body)
    if isinstance(body, Mapping) and "error" in body:
        return _of_token(trouble)
    if status == 401:
        return SessionEnded(f"Salesforce does not accept the session. {trouble.sentence}")
    if trouble.code == "REQUEST_LIMIT_EXCEEDED":
        if status == 429 or "concurrent" in trouble.message.lower():
            return Transient(trouble.sentence, retry_after=retry_after(headers) or _BUSY_SECONDS)
        return CallsUsedUp(trouble.sentence, retry_after=PROBE_SECONDS)
    if status == 410:
        return AuthError(f"Salesforce retired this version of its API; set `api_version`. {trouble.sentence}")
    if trouble.code in _ACCESS:
        return NoAccess(f"Salesforce forbids this. {trouble.sentence}", permission=_ACCESS[trouble.code])
    if trouble.code == "UNABLE_TO_LOCK_ROW" and status < 500:
        return Transient(trouble.sentence, retry_after=_LOCKED_SECONDS)
    if status == 403 and not trouble.code.startswith("INSUFFICIENT_ACCESS"):  # that is about one record
        return NoAccess(f"Salesforce forbids this. {trouble.sentence}")
    if status == 300 or (400 <= status < 500 and status not in (408, 423, 425, 429)):
        return SalesforceRefused(status, trouble)
    return None


def _of_token(trouble: Trouble) -> SyncdError:
    """What the token endpoint refuses is for the operator, but for its own rate limit."""
    if trouble.code == "rate_limit_exceeded":
        return Transient(trouble.sentence, retry_after=_BUSY_SECONDS)
    return AuthError(f"Salesforce gives no session. {trouble.sentence}")


def _names(row: Mapping[str, Any]) -> Iterator[str]:
    """The ids that an error points at: in its sentence (a unique field), or in what a duplicate rule found."""
    code = str(row.get("statusCode") or row.get("errorCode") or "")
    if code == "DUPLICATE_VALUE":
        yield from _ID_IN_WORDS.findall(str(row.get("message") or ""))
    result = row.get("duplicateResult")
    for match in _mappings(result.get("matchResults") if isinstance(result, Mapping) else None):
        for one in _mappings(match.get("matchRecords")):
            record = one.get("record")
            if isinstance(record, Mapping) and record.get("Id"):
                yield str(record["Id"])


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (item for item in _listed(value) if isinstance(item, Mapping))


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _distinct(items: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))


def _sentence(told: object) -> str:
    """The words behind the piece of a query that they are about, which nobody but us has typed."""
    return _QUERY.sub("", str(told)).strip()


def _shorten(text: str) -> str:
    """One line, and no session in it, should one be echoed."""
    flat = _SECRET_SHAPE.sub("[secret]", " ".join(text.split()))
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"
