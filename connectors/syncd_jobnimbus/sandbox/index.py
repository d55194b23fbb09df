"""The search index that the lists are served from: it trails the store, sorts, counts, and breaks ties at random.

What is not here: the store itself (`store`), and the filter language (`filters`).
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

from syncd_jobnimbus.sandbox.filters import COLUMNS, Query, norm, values

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of which order is asked for: field, direction, offset and number of rows."""

    field: str
    descending: bool
    start: int
    size: int


class KindIndex:
    """The indexed rows of one kind: by id, in two sorted columns, and by value for fields that were asked for."""

    def __init__(self, visible: Callable[[Row], bool], case: str) -> None:
        """Start empty. `visible` tells the rows that lists show; `case` is the account's term rule."""
        self.rows: dict[str, Row] = {}
        self._visible = visible
        self._case = case
        self._columns: dict[str, list[tuple[int, str]]] = {name: [] for name in COLUMNS}
        self._values: dict[str, dict[str, set[str]]] = {}

    def put(self, row: Row) -> None:
        """Take the row in place of what was there under its id."""
        self.drop(row["jnid"])
        if not self._visible(row):
            return
        self.rows[row["jnid"]] = row
        for name, column in self._columns.items():
            insort(column, (row[name], row["jnid"]))
        for name, by_value in self._values.items():
            self._note(by_value, row, name)

    def drop(self, jnid: str) -> None:
        """Forget a row, if it is there."""
        row = self.rows.pop(jnid, None)
        if row is None:
            return
        for name, column in self._columns.items():
            del column[bisect_left(column, (row[name], jnid))]
        for name, by_value in self._values.items():
            for value in values(row, name):
                by_value.get(norm(value, self._case), set()).discard(jnid)

    def search(self, query: Query, window: Window, chance: random.Random) -> tuple[int, Sequence[Row]]:
        """The number of all hits and the rows in the window. Equal sort values come in another order every time."""
        column = self._columns.get(window.field)
        if column is not None and query.exact and set(query.ranges) <= {window.field}:
            low, high = self._span(window.field, query)
            return high - low, self._cut(column, low, high, window, chance)
        hits = self._hits(query)
        hits.sort(key=lambda row: (_sortable(row.get(window.field), window.descending), chance.random()))
        if window.descending:
            hits.reverse()
        return len(hits), hits[window.start : window.start + window.size]

    def _hits(self, query: Query) -> list[Row]:
        test = query.test
        return [row for row in self._candidates(query) if test(row)]

    def _candidates(self, query: Query) -> Iterable[Row]:
        if query.terms is not None:
            return [self.rows[jnid] for jnid in self._having(query.terms)]
        if query.ranges:
            spans = {name: self._span(name, query) for name in query.ranges}
            name = min(spans, key=lambda name: spans[name][1] - spans[name][0])
            return [self.rows[jnid] for _, jnid in self._columns[name][slice(*spans[name])]]
        return list(self.rows.values())

    def _having(self, terms: Iterable[tuple[str, str]]) -> set[str]:
        found: set[str] = set()
        for name, value in terms:
            if name not in self._values:
                by_value = self._values.setdefault(name, {})
                for row in self.rows.values():
                    self._note(by_value, row, name)
            found |= self._values[name].get(value, set())
        return found

    def _note(self, by_value: dict[str, set[str]], row: Row, name: str) -> None:
        for value in values(row, name):
            by_value.setdefault(norm(value, self._case), set()).add(row["jnid"])

    def _span(self, name: str, query: Query) -> tuple[int, int]:
        column = self._columns[name]
        low, high = query.ranges.get(name, (float("-inf"), float("inf")))
        first = bisect_left(column, low, key=lambda pair: pair[0])
        return first, max(first, bisect_right(column, high, key=lambda pair: pair[0]))

    def _cut(
        self, column: list[tuple[int, str]], low: int, high: int, window: Window, chance: random.Random
    ) -> Sequence[Row]:
        """The rows of a window over column[low:high]; only the groups of equal value that it touches are shuffled."""
        if window.descending:
            first, last = high - window.start - window.size, high - window.start
        else:
            first, last = low + window.start, low + window.start + window.size
        first, last = max(low, first), min(high, last)
        if first >= last:
            return []
        start = max(low, bisect_left(column, column[first][0], key=lambda pair: pair[0]))
        end = min(high, bisect_right(column, column[last - 1][0], key=lambda pair: pair[0]))
        part = _shuffle_ties(column[start:end], chance)[first - start : last - start]
        if window.descending:
            part.reverse()
        return [self.rows[jnid] for _, jnid in part]


def _shuffle_ties(pairs: list[tuple[int, str]], chance: random.Random) -> list[tuple[int, str]]:
    begin = 0
    for end in range(1, len(pairs) + 1):
        if end == len(pairs) or pairs[end][0] != pairs[begin][0]:
            if end - begin > 1:
                group = pairs[begin:end]
                chance.shuffle(group)
                pairs[begin:end] = group
            begin = end
    return pairs


def _sortable(value: Any, descending: bool) -> tuple[int, float, str]:
    """Numbers before texts; rows without the value come last, whichever the direction."""
    if value is None:
        return (-1 if descending else 2, 0.0, "")
    if isinstance(value, (int, float)):
        return (0, float(value), "")
    return (1, 0.0, str(value))


class LaggingIndex:
    """The indexes of all kinds, and what is on its way to them."""

    def __init__(self, kinds: Sequence[str], chance: random.Random) -> None:
        """Start empty, with an order of arrival drawn from `chance`."""
        self._kinds = tuple(kinds)
        self._chance = chance
        self._coming: list[tuple[float, int, str, str, Row | None]] = []
        self._serial = 0
        self._latest: dict[str, int] = {}
        self._arrived: dict[str, Row] = {}
        self._kind_of: dict[str, str] = {}
        self._rules: tuple[Any, ...] = ()
        self.kinds: dict[str, KindIndex] = {}
        self.configure((), lambda row: True, "exact")

    def configure(self, rules: tuple[Any, ...], visible: Callable[[Row], bool], case: str) -> None:
        """Build all indexes anew if the rules of what lists show are not those in force."""
        if self.kinds and rules == self._rules:
            return
        self._rules = rules
        self.kinds = {kind: KindIndex(visible, case) for kind in self._kinds}
        for jnid, row in self._arrived.items():
            self.kinds[self._kind_of[jnid]].put(row)

    def send(self, kind: str, jnid: str, row: Row | None, now: float, lag: float) -> None:
        """Let a version (None: erased) arrive after about `lag` seconds; a later version may overtake it."""
        self._serial += 1
        due = now + lag * self._chance.uniform(0.5, 1.5)
        entry = (due, self._serial, kind, jnid, row)
        if lag <= 0 and not self._coming:
            self._arrive(*entry)
        else:
            heappush(self._coming, entry)

    def catch_up(self, now: float) -> None:
        """Take in whatever is due."""
        while self._coming and self._coming[0][0] <= now:
            self._arrive(*heappop(self._coming))

    def patch(self, kind: str, jnid: str, changes: Row) -> None:
        """Change an indexed row at once and without a new version: what the vendor denormalizes behind the scenes."""
        if jnid in self._arrived:
            self._arrived[jnid] = row = {**self._arrived[jnid], **changes}
            self.kinds[kind].put(row)

    def behind(self, now: float) -> float:
        """Seconds until everything sent so far is visible; 0.0 when it is."""
        return max((due - now for due, *_ in self._coming), default=0.0)

    def _arrive(self, _due: float, serial: int, kind: str, jnid: str, row: Row | None) -> None:
        if serial < self._latest.get(jnid, 0):
            return  # a later version came first
        self._latest[jnid] = serial
        if row is None:
            self._arrived.pop(jnid, None)
            self.kinds[kind].drop(jnid)
        else:
            self._arrived[jnid] = row
            self._kind_of[jnid] = kind
            self.kinds[kind].put(row)
