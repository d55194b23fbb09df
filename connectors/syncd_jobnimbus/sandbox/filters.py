"""The filter language of the lists: an Elasticsearch bool body without its wrapper, compiled to a plain question.

What is not here: paging and sorting (`index`). Evidence for each query form is in the vendor notes, section 4.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate
from math import ceil, floor
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool]

COLUMNS = ("date_updated", "date_created")
"""The whole-second fields that every record has and the index keeps sorted."""

_NEVER = frozenset({"owners.id"})  # answers nothing and says nothing
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_RELATIVE = re.compile(r"now(?:([+-]\d+)([smhdw]))?")
_WORDS = re.compile(r"[\w']+")
_BOOL = frozenset({"must", "should", "must_not", "minimum_should_match"})


class BadFilter(Exception):
    """The filter is not one the vendor understands."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one account reads filters: the clock for `now-7d`, the case rule, label to key, whether `should` works."""

    now: float
    case: str = "exact"
    should: bool = True
    key: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Query:
    """A compiled filter.

    `ranges`: what every hit satisfies, inclusive bounds per plain integer field. `exact`: ranges say it all, `test`
    need not be asked. `terms`: alternatives of (field, normalized value), one of which every hit has; None = unknown.
    """

    test: Test
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    exact: bool = False
    terms: tuple[tuple[str, str], ...] | None = None


EVERYTHING = Query(test=lambda row: True, exact=True)
"""No filter."""


def norm(value: object, case: str = "exact") -> str:
    """A value as the index keeps it: numbers and flags as text, text lower-cased where the account does so."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return text if case == "exact" else text.lower()


def asked(value: object, case: str) -> str:
    """The value of a question: in a `lowered` account it is taken as typed, so capitals find nothing."""
    return norm(value, "exact" if case == "lowered" else case)


def values(row: Row, path: str) -> list[Any]:
    """All values at a dotted path, through lists, without nulls."""
    found: list[Any] = [row]
    for part in path.split("."):
        found = [inner for value in found if isinstance(value, Mapping) for inner in _flat(value.get(part))]
    return found


def _flat(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def compile_filter(body: object, dialect: Dialect) -> Query:
    """Compile the decoded `filter` parameter; BadFilter if it is not a bool body of known queries."""
    if not isinstance(body, Mapping) or not set(body) <= _BOOL:
        message = "Invalid filter"
        raise BadFilter(message)
    return _bool(body, dialect)


def _bool(body: Mapping[str, Any], dialect: Dialect) -> Query:
    if not set(body) <= _BOOL:
        raise BadFilter(f"unknown clause {', '.join(sorted(set(body) - _BOOL))}")
    must = _clauses(body.get("must"), dialect)
    should = _clauses(body.get("should"), dialect)
    refuse = _clauses(body.get("must_not"), dialect)
    least = body.get("minimum_should_match", 0 if must else min(1, len(should)))
    if not isinstance(least, int):
        message = "minimum_should_match is no number"
        raise BadFilter(message)
    if should and not dialect.should:
        return Query(test=lambda row: False)
    return _join(must, should, refuse, least)


def _clauses(body: Any, dialect: Dialect) -> list[Query]:
    clauses = body if isinstance(body, list) else [] if body is None else [body]
    return [_clause(clause, dialect) for clause in clauses]


def _clause(body: Any, dialect: Dialect) -> Query:
    if not isinstance(body, Mapping) or len(body) != 1:
        message = "a query holds one key"
        raise BadFilter(message)
    ((name, inner),) = body.items()
    if not isinstance(inner, Mapping) or name not in _QUERIES:
        raise BadFilter(f"unknown query {name}")
    return _QUERIES[name](inner, dialect)


def _join(must: list[Query], should: list[Query], refuse: list[Query], least: int) -> Query:
    ranges: dict[str, tuple[float, float]] = {}
    for query in must:
        for name, (low, high) in query.ranges.items():
            before = ranges.get(name, (float("-inf"), float("inf")))
            ranges[name] = (max(before[0], low), min(before[1], high))
    tests = [query.test for query in must if not query.exact]
    either = [query.test for query in should] if least > 0 else []
    never = [query.test for query in refuse]

    def test(row: Row) -> bool:
        return (
            all(low <= (row.get(name) or 0) <= high for name, (low, high) in ranges.items())
            and all(ask(row) for ask in tests)
            and (not either or sum(ask(row) for ask in either) >= least)
            and not any(ask(row) for ask in never)
        )

    return Query(
        test=test,
        ranges=ranges,
        exact=not tests and not either and not never,
        terms=_best_terms(must, should if either else []),
    )


def _best_terms(must: list[Query], should: list[Query]) -> tuple[tuple[str, str], ...] | None:
    options = [query.terms for query in must if query.terms is not None]
    alternatives = [query.terms for query in should]
    if alternatives and None not in alternatives:
        options.append(tuple(term for terms in alternatives for term in terms or ()))
    return min(options, key=len, default=None)


def _one(body: Mapping[str, Any], dialect: Dialect) -> tuple[str, Any]:
    if len(body) != 1:
        message = "a query names one field"
        raise BadFilter(message)
    ((name, value),) = body.items()
    if isinstance(value, Mapping) and "value" in value:
        value = value["value"]
    return dialect.key(name), value


def _terms(body: Mapping[str, Any], dialect: Dialect) -> Query:
    name, wanted = _one(body, dialect)
    keys = frozenset(asked(value, dialect.case) for value in (wanted if isinstance(wanted, list) else [wanted]))
    if name in _NEVER:
        return Query(test=lambda row: False)

    def test(row: Row) -> bool:
        return any(norm(value, dialect.case) in keys for value in values(row, name))

    return Query(test=test, terms=tuple((name, key) for key in sorted(keys)))


def _range(body: Mapping[str, Any], dialect: Dialect) -> Query:
    name, bounds = _one(body, dialect)
    if not isinstance(bounds, Mapping) or not set(bounds) <= {"gte", "gt", "lte", "lt"}:
        message = "a range knows gte, gt, lte, lt"
        raise BadFilter(message)
    at = {word: _moment(value, dialect.now) for word, value in bounds.items()}
    low, over = at.get("gte", float("-inf")), at.get("gt", float("-inf"))
    high, under = at.get("lte", float("inf")), at.get("lt", float("inf"))

    def test(row: Row) -> bool:
        numbers = (value for value in values(row, name) if isinstance(value, (int, float)))
        return any(low <= value <= high and over < value < under for value in numbers)

    if name not in COLUMNS:
        return Query(test=test)
    bounds_met = (max(low, floor(over) + 1 if "gt" in at else low), min(high, ceil(under) - 1 if "lt" in at else high))
    return Query(test=test, ranges={name: bounds_met}, exact=True)


def _moment(value: Any, now: float) -> float:
    if isinstance(value, str):
        match = _RELATIVE.fullmatch(value)
        if match:
            return now + int(match[1] or 0) * _UNITS[match[2] or "s"]
    try:
        return float(value)
    except (TypeError, ValueError):
        raise BadFilter(f"{value!r} is no number") from None


def _pattern(regex: str, name: str, dialect: Dialect) -> Query:
    flags = re.IGNORECASE if dialect.case == "caseless" else 0
    match = re.compile(regex, flags).match

    def test(row: Row) -> bool:
        return any(match(norm(value, dialect.case)) for value in values(row, name))

    return Query(test=test)


def _wildcard(body: Mapping[str, Any], dialect: Dialect) -> Query:
    name, pattern = _one(body, dialect)
    return _pattern(translate(str(pattern).replace("[", "[[]")), name, dialect)


def _prefix(body: Mapping[str, Any], dialect: Dialect) -> Query:
    name, start = _one(body, dialect)
    return _pattern(re.escape(str(start)), name, dialect)


def _phrase(body: Mapping[str, Any], dialect: Dialect) -> Query:
    name, phrase = _one(body, dialect)
    wanted = f" {' '.join(_WORDS.findall(str(phrase).lower()))} "

    def test(row: Row) -> bool:
        texts = (f" {' '.join(_WORDS.findall(str(value).lower()))} " for value in values(row, name))
        return any(wanted in text for text in texts)

    return Query(test=test)


def _exists(body: Mapping[str, Any], dialect: Dialect) -> Query:
    if set(body) != {"field"}:
        message = "exists takes a field"
        raise BadFilter(message)
    name = dialect.key(str(body["field"]))
    return Query(test=lambda row: bool(values(row, name)))


def _nested(body: Mapping[str, Any], dialect: Dialect) -> Query:
    return _clause(body.get("query"), dialect)


_QUERIES: Mapping[str, Callable[[Mapping[str, Any], Dialect], Query]] = {
    "bool": _bool,
    "term": _terms,
    "terms": _terms,
    "range": _range,
    "wildcard": _wildcard,
    "prefix": _prefix,
    "match_phrase": _phrase,
    "exists": _exists,
    "nested": _nested,
}
