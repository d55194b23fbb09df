"""The start-up self-test: what this account's lists really do, because reports about filters contradict each other.

What is not here: reading records. A trait that was proven stays; one that failed is tested again after `fresh`.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

from syncd.errors import Refused, Transient
from syncd_jobnimbus.client import Client, Filter, Row
from syncd_jobnimbus.sweeps import within

_TRIES = 3
"""A record may be edited between two questions of one test."""

_FAR = 10**6
_NONSENSE = "syncd-no-such-value-7c1f"
_TITLES = {"contacts": "display_name", "jobs": "name"}


@dataclass(frozen=True, slots=True)
class Search:
    """How records can be looked up: by exact value, by several values in one request, by phrase."""

    term: bool
    should: bool
    phrase: bool


class Probes:
    """The traits of one account. Thread-safe."""

    def __init__(self, client: Client, fresh: float) -> None:
        """Test nothing yet. `fresh`: seconds after which a failed test is made again."""
        self._client, self._fresh = client, fresh
        self._lock = threading.Lock()
        self._known: dict[Hashable, tuple[bool, float]] = {}

    def dates(self, kind: str, field: str) -> bool:
        """Whether a range filter on a date field does what it says."""
        return self._trait((kind, field), lambda: self._range_works(kind, field))

    def search(self, kind: str) -> Search:
        """What look-ups may be built from."""
        term = self._trait((kind, "term"), lambda: self._term_works(kind))
        return Search(
            term=term,
            should=term and self._trait((kind, "should"), lambda: _or_not(lambda: self._should_works(kind))),
            phrase=term and self._trait((kind, "phrase"), lambda: _or_not(lambda: self._phrase_works(kind))),
        )

    def key(self, kind: str, field: str) -> bool:
        """Whether records can be looked up by this field's exact value, as far as some record carries one."""
        return self._trait((kind, "key", field), lambda: self._key_works(kind, field))

    def distrust(self, kind: str, field: str) -> None:
        """A list contradicted a filter: the trait counts as failed until it is tested again."""
        with self._lock:
            self._known[kind, field] = (False, time.monotonic() + self._fresh)

    def _trait(self, name: Hashable, test: Callable[[], bool | None]) -> bool:
        with self._lock:
            works, until = self._known.get(name, (False, -math.inf))
        if time.monotonic() < until:
            return works
        found = _attempted(test)
        with self._lock:
            # Nothing to prove it with (None): believed for a while, the sweeps check every page anyway.
            until = math.inf if found else time.monotonic() + self._fresh
            self._known[name] = (found is not False, until)
        return found is not False

    def _range_works(self, kind: str, field: str) -> bool | None:
        newest = self._rows(kind, (), sort=(field, "desc"))
        if not newest:
            return None
        stamp = newest[0].get(field)
        if not isinstance(stamp, int | float):
            return False
        near = self._rows(kind, within(field, stamp - 1, stamp + 1))
        far = self._rows(kind, within(field, stamp + _FAR))
        return bool(near) and not far and all(abs((row.get(field) or 0) - stamp) <= 1 for row in near)

    def _term_works(self, kind: str) -> bool | None:
        rows = self._rows(kind, ())
        if not rows:
            return None
        return _ids(self._rows(kind, [{"term": {"jnid": rows[0]["jnid"]}}])) == _ids(rows[:1])

    def _should_works(self, kind: str) -> bool | None:
        rows = self._rows(kind, ())[:2]
        if not rows:
            return None
        return _ids(self._rows(kind, [any_of([{"term": {"jnid": row["jnid"]}} for row in rows])])) == _ids(rows)

    def _phrase_works(self, kind: str) -> bool | None:
        title = _TITLES[kind]
        rows = [row for row in self._rows(kind, ()) if row.get(title)]
        if not rows:
            return None
        hits = self._rows(kind, [{"match_phrase": {title: rows[0][title]}}])
        return _ids(rows[:1]) <= _ids(hits) and not self._rows(kind, [{"match_phrase": {title: _NONSENSE}}])

    def _key_works(self, kind: str, field: str) -> bool | None:
        carrying = [row for row in self._client.sample(kind) if row.get(field)]
        if not carrying:
            return None
        value = str(carrying[0][field])
        hits = [self._rows(kind, [{"term": {field: word}}]) for word in dict.fromkeys((value, value.lower()))]
        found = any(_ids(carrying[:1]) <= _ids(rows) for rows in hits)
        return found and not self._rows(kind, [{"term": {field: _NONSENSE}}])

    def _rows(
        self, kind: str, must: Sequence[Filter], sort: tuple[str, str] = ("date_created", "desc")
    ) -> Sequence[Row]:
        return self._client.listing(kind, must, sort=sort, size=10).rows


def any_of(clauses: Sequence[Filter]) -> Filter:
    """One clause that holds when any of these holds."""
    return {"bool": {"should": list(clauses), "minimum_should_match": 1}}


def _attempted(test: Callable[[], bool | None]) -> bool | None:
    """A test's answer; a failure counts when it repeats. A refused filter is one that does not work."""
    answer: bool | None = False
    for _ in range(_TRIES):
        try:
            answer = test()
        except Refused:
            answer = False
        if answer is not False:
            break
    return answer


def _or_not(test: Callable[[], bool | None]) -> bool | None:
    """A test we can do without: JobNimbus answers some client mistakes with 500, so trouble is a no."""
    try:
        return test()
    except Transient:
        return False


def _ids(rows: Sequence[Row]) -> set[str]:
    return {str(row["jnid"]) for row in rows}
