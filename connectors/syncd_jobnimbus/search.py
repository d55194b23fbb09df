"""Look-ups: keys as JobNimbus filters, in as few requests as its lists allow.

What is not here: whether a hit is right; the engine verifies, so these may find more, never less.
How the vendor compares texts is not documented: every value is asked for as typed, in lower case, and as a phrase;
phones in the spellings that people use.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson

from syncd.core.model import MatchKey, Record, SyncKey
from syncd.errors import Transient
from syncd_jobnimbus.client import Client, Filter, Row
from syncd_jobnimbus.names import Names
from syncd_jobnimbus.probes import Probes, any_of
from syncd_jobnimbus.rows import Rows, is_deleted
from syncd_jobnimbus.sweeps import ascending

_LONGEST = 2_500
"""Bytes of filter per request: it travels in the address."""

_BEST_FIRST = ("external_id", "email", "phone", "display_name", "name", "last_name", "address_line1", "company")
"""Which term of a match key to search by: one suffices, and the fewer clauses, the fewer spellings can go wrong."""


@dataclass(frozen=True, slots=True)
class Finder:
    """Answers look-ups of one account from its lagging lists."""

    client: Client
    probes: Probes
    rows: Rows
    names: Names

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """Living records that may answer any key; deleted ones by sync key only, where the lists show them.

        Transient where filters do not work: better no answer than one that looks like "nobody".
        """
        sync = [key for key in keys if isinstance(key, SyncKey)]
        match = [key for key in keys if isinstance(key, MatchKey)]
        self._check(kind, sync, any(keys))
        found = self._ask(kind, [clause for key in sync for clause in self._sync_clauses(kind, key)])
        living = self._ask(kind, [clause for key in match for clause in self._match_clauses(kind, key)])
        found |= {jnid: hit for jnid, hit in living.items() if not is_deleted(hit[0])}
        since = time.monotonic()
        return [
            self.rows.record(kind, row, fields, sent_at, since, stale_ok=True)
            for row, sent_at in found.values()
            if not (kind == "contacts" and row.get("is_user") is True)
        ]

    def _check(self, kind: str, sync: Sequence[SyncKey], wanted: bool) -> None:
        if wanted and not self.probes.search(kind).term:
            raise Transient(f"JobNimbus ignores the filters of {kind}: nobody can be looked up.")
        for field in sorted({self.names.wire_key(kind, key.field) for key in sync}):
            if not self.probes.key(kind, field):
                raise Transient(f"JobNimbus cannot look up {kind} by {field}: it cannot be the sync key.")

    def _ask(self, kind: str, clauses: Sequence[Filter]) -> dict[str, tuple[Row, datetime]]:
        found: dict[str, tuple[Row, datetime]] = {}
        for must in _requests(clauses, together=self.probes.search(kind).should if clauses else False):
            for batch in ascending(self.client, kind, "date_created", None, must):
                found |= {str(row["jnid"]): (row, batch.sent_at) for row in batch.rows}
        return found

    def _sync_clauses(self, kind: str, key: SyncKey) -> Iterator[Filter]:
        field = self.names.wire_key(kind, key.field)
        for value in dict.fromkeys((key.value, key.value.lower())):
            yield {"term": {field: value}}

    def _match_clauses(self, kind: str, key: MatchKey) -> Iterator[Filter]:
        if not key.terms:
            return
        fields, values = min(key.terms, key=lambda term: _rank(term[0]))
        phrase = self.probes.search(kind).phrase
        for field in fields:
            for value in values:
                yield from clauses(self.names.wire_key(kind, field), value, phrase=phrase)


def clauses(field: str, value: str, *, phrase: bool) -> Iterator[Filter]:
    """The clauses that find a value in a field, however the vendor keeps and compares it."""
    spellings = phone_spellings(value) if _is_phone(field) else (value, value.lower())
    for spelling in dict.fromkeys(word for word in spellings if word):
        yield {"term": {field: spelling}}
    if phrase:
        yield {"match_phrase": {field: " ".join(_groups(value)) if _is_phone(field) else value}}


def phone_spellings(value: str) -> tuple[str, ...]:
    """A phone number as typed, as digits, and in the ways Americans write it."""
    digits = re.sub(r"\D", "", value)
    groups = _groups(value)
    if len(groups) != 3:
        return (value, digits, f"+{digits}")
    area, office, line = groups
    local = (
        f"({area}) {office}-{line}",
        f"{area}-{office}-{line}",
        f"({area}){office}-{line}",
        f"{area}.{office}.{line}",
        f"{area} {office} {line}",
    )
    number = "".join(groups)
    return (value, number, f"1{number}", f"+1{number}", *local, *(f"{start}{local[i]}" for start, i in _ABROAD))


_ABROAD = (("+1 ", 0), ("+1 ", 1), ("1-", 1), ("+1-", 1), ("1 ", 0))


def _groups(value: str) -> tuple[str, ...]:
    """Area, office and line of a North American number; else all the digits in one."""
    digits = re.sub(r"\D", "", value)
    national = digits[1:] if len(digits) == 11 and digits.startswith("1") else digits
    return (national[:3], national[3:6], national[6:]) if len(national) == 10 else (digits,)


def _is_phone(field: str) -> bool:
    return field.endswith("_phone") or field == "fax_number"


def _rank(fields: Sequence[str]) -> int:
    """How well a term tells records apart; lower is better."""
    words = ["phone" if _is_phone(field) else field for field in fields]
    return max((_BEST_FIRST.index(word) if word in _BEST_FIRST else len(_BEST_FIRST) for word in words), default=99)


def _requests(clauses: Sequence[Filter], *, together: bool) -> Iterator[list[Filter]]:
    """Clauses of which any may hold, as the `must` of one request after another."""
    if not together:
        yield from ([clause] for clause in clauses)
        return
    part: list[Filter] = []
    size = 0
    for clause in clauses:
        length = len(orjson.dumps(clause))
        if part and size + length > _LONGEST:
            yield [any_of(part)]
            part, size = [], 0
        part.append(clause)
        size += length
    if part:
        yield [any_of(part)]
