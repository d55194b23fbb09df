"""What an answer says when it is not a 2xx: waits, correlation ids, sentences, and the default table of errors.

What is not here: any one vendor's error table; connectors hand that to `Http` as `explain`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from syncd.errors import AuthError, Refused, SyncdError, Transient
from syncd.kit.vendorclock import parse_http_date

Explain = Callable[[int, Mapping[str, str], Any], SyncdError | None]
"""A vendor's own error table: (status, headers, parsed JSON or text) -> the error, or None for the default table."""

_SENTENCE_KEYS = ("message", "error", "Message", "errorMessage", "detail", "title", "body", "error_description")

_LONGEST = 500

_TITLE = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def decoded(text: str) -> Any:
    """A body as JSON where it is JSON, else as text with an HTML page shortened to its title; None when empty."""
    if not text.strip():
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return _plain(text)


def sentence(body: Any) -> str:
    """What the vendor says in words, one line of at most 500 characters; empty when it says nothing."""
    if isinstance(body, Mapping):
        found = (body[key] for key in _SENTENCE_KEYS if isinstance(body.get(key), str) and body[key].strip())
        return _line(next(found, ""))
    return _line(body) if isinstance(body, str) else ""


def correlation_id(headers: Mapping[str, str], body: Any) -> str | None:
    """The id under which the vendor's support finds this request, from the body or a header."""
    if isinstance(body, Mapping):
        for key in ("correlationId", "correlation_id", "requestId", "request_id"):
            if isinstance(body.get(key), str):
                return str(body[key])
    for name, value in headers.items():
        if name.lower().endswith(("correlation-id", "request-id")):
            return value
    return None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by the `Retry-After` header (seconds or an HTTP date, against the answer's `Date`)."""
    wish = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", wish):
        return float(wish)
    until, now = parse_http_date(wish), parse_http_date(headers.get("date"))
    if until is None or now is None:
        return None
    return max(0.0, (until - now).total_seconds())


def default_error(status: int, headers: Mapping[str, str], body: Any, *, where: str) -> SyncdError:
    """The error of an answer that no vendor table explained. `where` is `system: METHOD path`.

    401, 403 AuthError; 408, 423, 425, 429, 3xx and 5xx Transient; 409 Refused as a duplicate; other 4xx Refused.
    """
    words = f"{where} answered {status}"
    if said := sentence(body):
        words += f": {said}"
    if known_as := correlation_id(headers, body):
        words += f" (correlation id {known_as})"
    if status in (401, 403):
        return AuthError(words)
    if status in (408, 423, 425, 429) or status >= 500 or 300 <= status < 400:
        return Transient(words, retry_after=retry_after(headers))
    return Refused(words, duplicate=status == 409)


def _plain(text: str) -> str:
    head = text.lstrip()[:200].lower()
    if head.startswith(("<!doctype html", "<html")) or "<html" in head:
        title = _TITLE.search(text)
        return f"an HTML page titled {_line(title[1])!r}" if title else "an HTML page"
    return text


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 3] + "..."
