"""Vendor answers spoilt on their way: what may be done to one that no vendor means, by a seed.

Only shapes are spoilt, never a value that a vendor could mean: another text is another text. Not here: the play.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from dataclasses import dataclass, field
from typing import Any

import httpx

DEEP = 3000
"""Levels of a nesting that no answer has; more than Python's own stack holds."""

VALUES = frozenset({"properties", "propertiesWithHistory"})
"""Where the left vendor keeps what people typed."""

OWN = frozenset({
    "jnid", "recid", "type", "date_created", "date_updated", "is_active", "is_user", "count", "results", "related",
    "primary", "id", "sales_rep", "owners",
})  # fmt: skip
"""What the right vendor says of its own accord in a row: all else there is what people typed."""

PEOPLE = ("after", "primary", "related", "sales_rep", "email")
"""Keys beside ids that name somebody."""

Spoiler = Callable[[random.Random, bytes], bytes]


def cut(dice: random.Random, raw: bytes) -> bytes:
    """The end is missing."""
    return raw[: dice.randrange(len(raw))] if raw else b"{"


def bytes_off(dice: random.Random, raw: bytes) -> bytes:
    """Bytes that are no UTF-8, somewhere."""
    at = dice.randrange(len(raw) + 1)
    return raw[:at] + dice.choice((b"\xff\xfe", b"\xc3\x28", b"\xed\xa0\x80", b"\x00")) + raw[at:]


def whole(dice: random.Random, _raw: bytes) -> bytes:
    """Something else altogether."""
    return dice.choice((
        b"", b"null", b"[]", b"{}", b"true", b"0", b'"ok"', b"[[]]", b"NaN", b'{"results": null}', b'{"results": {}}',
        b'{"results": [null, 1, "a", []]}', b'{"count": -1, "results": "x"}', b'{"results": [{}]}',
        b"[" * DEEP + b"]" * DEEP, b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b"<!DOCTYPE html><html><body>Please log in</body></html>", b"\xef\xbb\xbf{}", b"1e999", b"9" * 5000,
    ))  # fmt: skip


def shape(dice: random.Random, raw: bytes) -> bytes:
    """One node is of another kind, or not there."""
    try:
        body = json.loads(raw)
    except ValueError:
        return whole(dice, raw)
    spots = list(_spots(body))
    if not spots:
        return whole(dice, raw)
    holder, key, typed = dice.choice(spots)
    if typed:
        holder[key] = dice.choice(({"a": 1}, [], [[]], [{"b": None}], _deep(60), {"value": {"value": []}}))
    elif dice.random() < 0.25 and isinstance(holder, MutableMapping):
        del holder[key]
    else:
        holder[key] = dice.choice((
            None, {}, [], "", "x", -1, 0, True, False, 10**18, -(10**30), 1.5e300, "9" * 400, [None], {"a": None},
            _deep(60), "2026-13-45T99:99:99Z", "\u0000", "\ud83d",
        )) if not _names_somebody(key) else dice.choice((None, {}, [], "", {"a": None}, _deep(60), [None]))  # fmt: skip
    return json.dumps(body).encode("utf-8", errors="replace")


def numbers(dice: random.Random, raw: bytes) -> bytes:
    """A number that is none, or is too large for any field."""
    text = raw.decode("utf-8", errors="replace")
    spots = [at for at, letter in enumerate(text) if letter == ":" and text[at + 1 : at + 2].isdigit()]
    if not spots:
        return shape(dice, raw)
    at = dice.choice(spots) + 1
    end = next(i for i in range(at, len(text) + 1) if not text[i : i + 1].isdigit())
    return (text[:at] + dice.choice(("NaN", "Infinity", "-Infinity", "1e999", "9" * 400)) + text[end:]).encode()


SPOILERS: tuple[Spoiler, ...] = (cut, bytes_off, whole, shape, shape, shape, shape, numbers)
TYPES = ("text/html", "application/octet-stream", "", "application/json; charset=utf-16", "image/png")


@dataclass
class Spoilt(httpx.BaseTransport):
    """The wire, on which every so often an answer is spoilt. Control calls of the sandboxes pass."""

    inner: httpx.BaseTransport
    dice: random.Random
    rate: float
    on: bool = False
    count: Counter[str] = field(default_factory=Counter)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self.inner.handle_request(request)
        if not self.on or self.dice.random() >= self.rate:
            return response
        raw = response.read()
        response.close()
        spoiler = self.dice.choice(SPOILERS)
        self.count[spoiler.__name__] += 1
        headers = [pair for pair in response.headers.multi_items() if pair[0] not in ("content-length", "content-type")]
        type_ = self.dice.choice(TYPES) if self.dice.random() < 0.2 else response.headers.get("content-type", "")
        status = self.dice.choice((*[response.status_code] * 4, 299, 302, 500, 599))
        return httpx.Response(status, headers=[*headers, ("content-type", type_)], content=spoiler(self.dice, raw))

    def close(self) -> None:
        self.inner.close()


def _spots(node: Any, inside: bool = False, row: bool = False) -> Iterator[tuple[Any, Any, bool]]:
    """Every place of a document: its holder, its key, and whether people type what stands there."""
    if isinstance(node, MutableMapping):
        here = row or "jnid" in node
        for key, value in node.items():
            typed = inside or (here and key not in OWN)
            yield node, key, typed
            yield from _spots(value, inside or key in VALUES, here)
    elif isinstance(node, MutableSequence):
        for at, value in enumerate(node):
            if not inside and not row:
                yield node, at, False
            yield from _spots(value, inside, row)


def _names_somebody(key: object) -> bool:
    """Another id than the right one would be another record, and that could be meant."""
    return isinstance(key, str) and ("id" in key.lower() or key in PEOPLE)


def _deep(levels: int) -> Any:
    node: Any = "deep"
    for _ in range(levels):
        node = [node]
    return node
