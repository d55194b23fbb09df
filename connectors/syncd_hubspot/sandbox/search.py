"""The search contract: a query body in, matching ids in order out. Pure over an `Index`.

What is not here: hydration from the primary store and rate limits (`search_api`, `gate`). A window
`modified >= a, modified < b, id > c` sorted by id, the shape every careful client asks for, is answered from sorted
lists without looking at a single value.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from syncd_hubspot.sandbox.errors import bad_request
from syncd_hubspot.sandbox.filters import Predicate, compile_filter, text_predicate
from syncd_hubspot.sandbox.index import Index, Seen
from syncd_hubspot.sandbox.schema import Schema
from syncd_hubspot.sandbox.times import parse_ms

MAX_LIMIT, MAX_RESULTS, MAX_BODY = 200, 10_000, 3_000
MAX_GROUPS, MAX_FILTERS, MAX_TOTAL = 5, 6, 18
_TOP = sys.maxsize

Tied = Callable[[int, str], Iterable[int]]
"""Ids of a type tied to a record, for `associations.contact` filters."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a search runs over: index, schema, the modified date's name, ties, who is hidden, ...."""

    index: Index
    schema: Schema
    modified: str
    tied: Tied
    neq_blank: bool = False
    searchable: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    hidden: Set[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Hits:
    """One page: ids in order, how many there are in all, and the next `after` if there is more."""

    ids: Sequence[int]
    total: int
    after: str | None


def search(scope: Scope, body: Mapping[str, Any]) -> Hits:
    """Answer a query; 400 for anything outside the documented limits."""
    groups = _groups(body)
    limit, offset = _page(body)
    found = _all(scope, groups)
    if body.get("query"):
        wanted = text_predicate(str(body["query"]), scope.searchable)
        found = [one for one in found if wanted(scope.index.rows[one])]
    if scope.hidden:
        found = [one for one in found if one not in scope.hidden]
    ordered = _sorted(scope, found, body.get("sorts") or ())
    end = offset + limit
    after = str(end) if end < len(ordered) else None
    return Hits(ordered[offset:end], len(ordered), after)


def _groups(body: Mapping[str, Any]) -> Sequence[Sequence[Mapping[str, Any]]]:
    groups = [group.get("filters") or [] for group in body.get("filterGroups") or ()]
    if body.get("filters"):
        groups.append(body["filters"])
    if len(groups) > MAX_GROUPS:
        raise bad_request(f"Too many filterGroups: {len(groups)}, the maximum is {MAX_GROUPS}")
    if any(len(filters) > MAX_FILTERS for filters in groups):
        raise bad_request(f"Too many filters in a filterGroup, the maximum is {MAX_FILTERS}")
    if sum(map(len, groups)) > MAX_TOTAL:
        raise bad_request(f"Too many filters in total, the maximum is {MAX_TOTAL}")
    return groups


def _page(body: Mapping[str, Any]) -> tuple[int, int]:
    limit = body.get("limit", 10)
    if not isinstance(limit, int) or not 0 <= limit <= MAX_LIMIT:
        raise bad_request(f"limit must be between 0 and {MAX_LIMIT}")
    after = str(body.get("after") or 0)
    if not after.isdigit():
        raise bad_request("after must be an integer string")
    if int(after) + limit > MAX_RESULTS:
        raise bad_request(f"Paging past {MAX_RESULTS} results of a query is not possible")
    return limit, int(after)


def _all(scope: Scope, groups: Sequence[Sequence[Mapping[str, Any]]]) -> list[int]:
    if not groups:
        return list(scope.index.rows)
    if len(groups) == 1:
        return _group(scope, groups[0])
    return list({one for filters in groups for one in _group(scope, filters)})


def _group(scope: Scope, filters: Sequence[Mapping[str, Any]]) -> list[int]:
    """Ids that pass every filter; ranges of the modified time and of the id are cut from sorted lists."""
    modified, ids = _Range(), _Range()
    others: list[Predicate] = []
    for each in filters:
        cut = modified if each.get("propertyName") == scope.modified else ids
        known = each.get("propertyName") in (scope.modified, "hs_object_id")
        if not (known and cut.take(each)):
            others.append(compile_filter(each, scope.schema, scope.tied, scope.neq_blank, scope.dead))
    rows = scope.index.rows
    found: Iterable[int] = rows if modified.open else scope.index.between(modified.low, modified.high)
    if not ids.open:
        low, high = ids.low, ids.high
        found = [one for one in found if low <= one < high]
    if not others:
        return list(found)
    return [one for one in found if all(wanted(rows[one]) for wanted in others)]


class _Range:
    """A half-open range of whole numbers, narrowed filter by filter."""

    __slots__ = ("high", "low")

    def __init__(self) -> None:
        self.low, self.high = -_TOP, _TOP

    @property
    def open(self) -> bool:
        """No filter has narrowed it."""
        return self.low == -_TOP and self.high == _TOP

    def take(self, each: Mapping[str, Any]) -> bool:
        """Narrow by a filter if it is a range; False leaves it to the general way."""
        operator = each.get("operator")
        if operator not in ("GT", "GTE", "LT", "LTE", "BETWEEN", "EQ"):
            return False
        try:
            value = parse_ms(str(each.get("value")))
            top = parse_ms(str(each.get("highValue"))) if operator == "BETWEEN" else value
        except ValueError:
            return False
        if operator in ("GT", "GTE", "BETWEEN", "EQ"):
            self.low = max(self.low, value + (operator == "GT"))
        if operator in ("LT", "LTE", "BETWEEN", "EQ"):
            self.high = min(self.high, top + (operator != "LT"))
        return True


def _sorted(scope: Scope, ids: list[int], sorts: Sequence[Any]) -> list[int]:
    if len(sorts) > 1:
        raise bad_request("Only one sort is allowed")
    rows = scope.index.rows
    if not sorts:
        return sorted(ids, key=lambda one: (rows[one].created, one))
    name, descending = _sort(sorts[0])
    if name == "hs_object_id":
        return sorted(ids, reverse=descending)
    if name == scope.modified:
        return sorted(ids, key=lambda one: (rows[one].modified, one), reverse=descending)
    return sorted(ids, key=_key(scope, name), reverse=descending)


def _sort(sort: Any) -> tuple[str, bool]:
    if isinstance(sort, str):
        return sort.removeprefix("-"), sort.startswith("-")
    return str(sort.get("propertyName")), str(sort.get("direction", "ASCENDING")).upper().startswith("DESC")


def _key(scope: Scope, name: str) -> Callable[[int], tuple[bool, float, str, int]]:
    prop, rows = scope.schema.get(name), scope.index.rows
    if prop is None:
        raise bad_request(f"Property {name} does not exist")
    numeric = prop.type == "number"

    def key(id: int) -> tuple[bool, float, str, int]:
        text = _value(rows[id], name)
        return (not text, float(text) if numeric and text else 0.0, "" if numeric else text.lower(), id)

    return key


def _value(row: Seen, name: str) -> str:
    return (row.values or {}).get(name, "")
