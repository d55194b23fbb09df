"""Complete readings of a lagging list whose ties have no order and whose offsets end at 10,000.

What is not here: cursors (`deltas`) and what rows mean (`rows`).
Sweeps go by keyset: the next page begins at the last stamp seen, so nothing that moves while we page is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from syncd.errors import Transient
from syncd_jobnimbus.client import PAGE, WINDOW, Client, Filter, Listing, Row

_FULL = 9_500
"""Matches from which a reading by offset is split, safely below the window."""

_PASSES = 25
"""Readings of one second before we give up: ties are shuffled per request, each pass finds about 2/3 of the rest."""


class FilterIgnored(Transient):
    """The list gave rows that the filter excludes: no filter of this account may be trusted until tested again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a sweep. The sweep goes on at `position` (a stamp as the wire has it); `last`: it is complete."""

    rows: Sequence[Row]
    position: float | None
    sent_at: datetime
    last: bool


def within(field: str, low: float | None = None, high: float | None = None) -> list[Filter]:
    """The clause `low <= field <= high`; none without bounds."""
    bounds = {name: bound for name, bound in (("gte", low), ("lte", high)) if bound is not None}
    return [{"range": {field: bounds}}] if bounds else []


def ascending(client: Client, kind: str, field: str, low: float | None, must: Sequence[Filter] = ()) -> Iterator[Batch]:
    """Every record with `field` at or above `low`, oldest first. `must`: further clauses."""
    seen: set[tuple[str, Any]] = set()
    while True:
        page = client.listing(kind, [*must, *within(field, low)], sort=(field, "asc"))
        rows = _in_bounds(kind, field, low, page)
        fresh = [row for row in rows if (row["jnid"], row[field]) not in seen]
        if not fresh or not _goes_on(page):
            yield Batch(fresh, rows[-1][field] if rows else low, page.sent_at, last=True)
            return
        _sorted_or_raise(kind, field, rows)
        first, final = rows[0][field], rows[-1][field]
        if first == final:
            moment = [*must, *within(field, final, final)]
            fresh, low = one_moment(client, kind, moment, strict=len(rows) >= PAGE), final + 1
        else:
            low = final
        seen = {(row["jnid"], row[field]) for row in rows if row[field] == final}
        yield Batch(fresh, low, page.sent_at, last=False)


def one_moment(client: Client, kind: str, must: Sequence[Filter], *, strict: bool = True) -> list[Row]:
    """Everything that shares one stamp, however much: read by offset until as many are found as the vendor counts."""
    found: dict[str, Row] = {}
    for shard in _shards(client, kind, list(must), ("date_created", "recid")):
        found |= _by_offset(client, kind, shard, strict=strict)
    return list(found.values())


def newest_first(client: Client, kind: str, low: float) -> tuple[list[Row], datetime]:
    """Every record changed at or after `low`, without any filter: pages from the newest until older ones appear.

    A record that changes meanwhile moves to the front and belongs to the next poll. Also the vendor's clock at the
    start. Transient when more than 10,000 records changed.
    """
    found: dict[str, Row] = {}
    began: datetime | None = None
    for _ in range(_PASSES):
        taken: list[str] = []
        for page in _backward(client, kind, low):
            began = began or page.sent_at
            inside = [row for row in page.rows if _stamp(row, "date_updated") >= low]
            found |= {str(row["jnid"]): row for row in inside}
            taken += [str(row["jnid"]) for row in inside]
        if len(set(taken)) == len(taken) or len(found) > len(taken):
            break
    if began is None:
        raise Transient(f"JobNimbus answered no page of {kind}.")
    return list(found.values()), began


def everything(client: Client, kind: str) -> Batch:
    """All records without any filter, by offset, as often as it takes to find as many as the vendor counts.

    For accounts whose filters do not work; it cannot go on from its middle. Transient for more than 10,000 records.
    """
    page = client.listing(kind, size=1)
    if page.count > WINDOW:
        raise Transient(f"Filters do not work here, so no more than {WINDOW} {kind} can be read.")
    found = _by_offset(client, kind, (), strict=True)
    return Batch(list(found.values()), None, page.sent_at, last=True)


def _goes_on(page: Listing) -> bool:
    """A page below its limit is the last, unless the vendor counts more than it gave."""
    return len(page.rows) >= PAGE or page.count > len(page.rows)


def _in_bounds(kind: str, field: str, low: float | None, page: Listing) -> Sequence[Row]:
    if any(not isinstance(row.get(field), int | float) for row in page.rows):
        raise Transient(f"JobNimbus answered {kind} without {field}.")
    if low is not None and any(row[field] < low for row in page.rows):
        raise FilterIgnored(f"JobNimbus ignores the filter on {field} of {kind}.")
    return page.rows


def _sorted_or_raise(kind: str, field: str, rows: Sequence[Row]) -> None:
    if any(one[field] > other[field] for one, other in pairwise(rows)):
        raise Transient(f"JobNimbus ignores the wish to sort {kind} by {field}; a long list cannot be read safely.")


def _shards(
    client: Client, kind: str, must: list[Filter], keys: tuple[str, ...], asked: tuple[int, int] | None = None
) -> Iterator[list[Filter]]:
    """The same filter in parts of at most 9,500 matches, split by fields that never change.

    `asked`: between which values of the first of them these are. Transient where the list gives others.
    """
    if client.listing(kind, must, size=1).count <= _FULL:
        yield must
        return
    if not keys:
        raise Transient(f"More than {_FULL} {kind} share one moment and nothing tells them apart.")
    low, high = (_end(client, kind, must, keys[0], direction) for direction in ("asc", "desc"))
    if low >= high:
        yield from _shards(client, kind, must, keys[1:])
        return
    if asked is not None and (low < asked[0] or high > asked[1]):
        raise Transient(f"JobNimbus ignores the filter on {keys[0]} of {kind}; so many in one moment cannot be read.")
    middle = (low + high) // 2
    for bounds in ((low, middle), (middle + 1, high)):
        yield from _shards(client, kind, [*must, *within(keys[0], *bounds)], keys, bounds)


def _end(client: Client, kind: str, must: Sequence[Filter], key: str, direction: str) -> int:
    rows = client.listing(kind, must, sort=(key, direction), size=1).rows
    return int(rows[0].get(key) or 0) if rows else 0


def _by_offset(client: Client, kind: str, must: Sequence[Filter], *, strict: bool) -> dict[str, Row]:
    found: dict[str, Row] = {}
    for _ in range(_PASSES):
        counts = set()
        start = 0
        while start < WINDOW:
            size = min(PAGE, WINDOW - start)
            page = client.listing(kind, must, sort=("recid", "asc"), start=start, size=size)
            counts.add(page.count)
            found |= {str(row["jnid"]): row for row in page.rows}
            start += len(page.rows)
            if not page.rows or start >= page.count:
                break
        if len(counts) == 1 and len(found) >= max(counts):
            return found
    if strict:
        raise Transient(f"JobNimbus counts more {kind} at one moment than its list shows.")
    return found


def _backward(client: Client, kind: str, low: float) -> Iterator[Listing]:
    start = 0
    while start < WINDOW:
        size = min(PAGE, WINDOW - start)
        page = client.listing(kind, sort=("date_updated", "desc"), start=start, size=size)
        _descending_or_raise(kind, page.rows)
        yield page
        start += len(page.rows)
        if not page.rows or start >= page.count or _stamp(page.rows[-1], "date_updated") < low:
            return
    raise Transient(f"Filters do not work here, and more than {WINDOW} {kind} changed since the last poll.")


def _descending_or_raise(kind: str, rows: Sequence[Row]) -> None:
    stamps = [_stamp(row, "date_updated") for row in rows]
    if any(one < other for one, other in pairwise(stamps)):
        raise Transient(f"JobNimbus ignores the wish to sort {kind} by date_updated.")


def _stamp(row: Mapping[str, Any], field: str) -> float:
    value = row.get(field)
    return float(value) if isinstance(value, int | float) else 0.0
