"""What was asked of a sandbox: one entry per vendor request, for tests that count and inspect calls.

What is not here: request headers. They carry credentials, so they are never kept.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

_LOOKS_LIKE_ID = re.compile(r"\d+|(?=\w*\d)[A-Za-z0-9_-]{12,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request: what was asked, what the vendor's part answered (None: not carried out), what was sent back.

    `status` is what the client got, None when the connection was broken. `raw` is the body's beginning.
    """

    n: int
    at: str
    method: str
    path: str
    template: str
    query: Mapping[str, Any]
    raw: bytes
    size: int
    answered: int | None
    status: int | None
    fault: str | None
    write: bool
    duration_ms: float
    seconds_waited: float

    def as_json(self) -> dict[str, Any]:
        """For the control protocol; `body` is parsed JSON, text, None, or its beginning where it was cut."""
        return {
            "n": self.n,
            "at": self.at,
            "method": self.method,
            "path": self.path,
            "template": self.template,
            "query": dict(self.query),
            "body": self._body(),
            "answered": self.answered,
            "status": self.status,
            "fault": self.fault,
            "write": self.write,
            "duration_ms": round(self.duration_ms, 3),
            "seconds_waited": round(self.seconds_waited, 3),
        }

    def _body(self) -> Any:
        text = self.raw.decode("utf-8", errors="replace")
        if not text:
            return None
        if self.size > len(self.raw):
            return {"_bytes": self.size, "_begins": text}
        try:
            return orjson.loads(self.raw)
        except orjson.JSONDecodeError:
            return text


class RequestLog:
    """The last requests, numbered from 1; bounded in entries and in bytes kept per body."""

    def __init__(self, entries: int, body_bytes: int) -> None:
        """Take both bounds."""
        self.body_bytes = body_bytes
        self._entries: deque[Entry] = deque(maxlen=entries)
        self._next = 1

    @property
    def next(self) -> int:
        """The number of the next request: hand it to `since` later to see only what came after now."""
        return self._next

    def add(self, *, body: bytes, **facts: Any) -> None:
        """Keep one request; `facts` are the other fields of `Entry`."""
        self._entries.append(Entry(n=self._next, raw=body[: self.body_bytes], size=len(body), **facts))
        self._next += 1

    def since(self, number: int) -> list[Entry]:
        """The entries from this number on, oldest first."""
        newest: list[Entry] = []
        for entry in reversed(self._entries):
            if entry.n < number:
                break
            newest.append(entry)
        return newest[::-1]

    def summary(self, number: int) -> list[dict[str, Any]]:
        """Counts by method and path template, most first: `count`, `writes`, `faults`, `errors`, `ms` on average."""
        groups: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.since(number):
            groups.setdefault((entry.method, entry.template), []).append(entry)
        rows = [_row(method, template, entries) for (method, template), entries in groups.items()]
        return sorted(rows, key=lambda row: (-row["count"], row["template"], row["method"]))


def template_of(path: str, path_params: Mapping[str, Any]) -> str:
    """A path with its ids replaced by their names, so that equal calls can be counted together."""
    names = {str(value): name for name, value in path_params.items()}
    return "/".join(_segment(segment, names) for segment in path.split("/"))


def _segment(segment: str, names: Mapping[str, str]) -> str:
    if segment and segment in names:
        # A kind stays readable: `contacts` in a path is worth more to a reader than `{kind}`.
        return "{" + names[segment] + "}" if any(c.isdigit() for c in segment) else segment
    return "{id}" if _LOOKS_LIKE_ID.fullmatch(segment) else segment


def _row(method: str, template: str, entries: list[Entry]) -> dict[str, Any]:
    return {
        "method": method,
        "template": template,
        "count": len(entries),
        "writes": sum(entry.write for entry in entries),
        "faults": sum(entry.fault is not None for entry in entries),
        "errors": sum(entry.status is None or entry.status >= 400 for entry in entries),
        "ms": round(sum(entry.duration_ms for entry in entries) / len(entries), 3),
    }
