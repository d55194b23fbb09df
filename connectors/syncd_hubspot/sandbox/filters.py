"""One search filter compiled to a predicate over an indexed row.

What is not here: limits, paging and sorting (`search`). Values compare without case, except enumerations and the
values of IN and NOT_IN on strings, which must be sent in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from syncd_hubspot.sandbox.errors import bad_request
from syncd_hubspot.sandbox.index import Seen
from syncd_hubspot.sandbox.schema import Property, Schema
from syncd_hubspot.sandbox.times import parse_ms

Predicate = Callable[[Seen], bool]

OPERATORS = frozenset(
    (
        *("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN"),
        *("HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"),
    )
)
_NEGATED = {"NEQ": "EQ", "NOT_IN": "IN", "NOT_CONTAINS_TOKEN": "CONTAINS_TOKEN", "NOT_HAS_PROPERTY": "HAS_PROPERTY"}
_WORDS = re.compile(r"[^\w*]+")
_NOTHING: Mapping[str, str] = {}


def compile_filter(
    each: Mapping[str, Any],
    schema: Schema,
    tied: Callable[[int, str], Iterable[int]],
    neq_blank: bool,
    dead: Sequence[str],
) -> Predicate:
    """A predicate for one filter; 400 for unknown properties and operators.

    `dead` are names that HubSpot accepts and never finds (`hs_lastmodifieddate` on contacts). `neq_blank`: negative
    operators find records without a value.
    """
    name, operator = str(each.get("propertyName")), str(each.get("operator"))
    if operator not in OPERATORS:
        raise bad_request(f"Invalid operator {operator}")
    if name in dead:
        return lambda _row: False
    if name.startswith("associations."):
        return _association(each, name.removeprefix("associations."), tied)
    prop = schema.get(name)
    if prop is None:
        raise bad_request(f"Property {name} does not exist", errors=[])
    positive = _positive(_NEGATED.get(operator, operator), each, prop)
    if operator not in _NEGATED:
        return lambda row: _holds(row, name, positive)
    blank = neq_blank or operator == "NOT_HAS_PROPERTY"
    return lambda row: not _holds(row, name, positive) if (row.values or _NOTHING).get(name) else blank


def text_predicate(query: str, names: Sequence[str]) -> Predicate:
    """The free-text `query`: every word begins a word of one of the searchable properties."""
    words = [word for word in query.lower().split() if word]

    def wanted(row: Seen) -> bool:
        text = " ".join((row.values or _NOTHING).get(name, "") for name in names).lower()
        return all(word in text for word in words)

    return wanted


def _holds(row: Seen, name: str, positive: Callable[[str], bool]) -> bool:
    value = (row.values or _NOTHING).get(name)
    return bool(value) and positive(value or "")


def _association(each: Mapping[str, Any], kind: str, tied: Callable[[int, str], Iterable[int]]) -> Predicate:
    wanted = {int(value) for value in (each.get("values") or [each.get("value")]) if str(value).isdigit()}
    if each.get("operator") not in ("EQ", "IN"):
        raise bad_request("Association filters take EQ and IN")
    return lambda row: not wanted.isdisjoint(tied(row.id, kind))


def _positive(operator: str, each: Mapping[str, Any], prop: Property) -> Callable[[str], bool]:
    if operator == "HAS_PROPERTY":
        return lambda _value: True
    if operator == "CONTAINS_TOKEN":
        return _tokens(str(each.get("value", "")))
    if operator == "IN":
        return _one_of(each, prop)
    if prop.numeric:
        return _numeric(operator, each, prop)
    return _textual(operator, each, prop)


def _one_of(each: Mapping[str, Any], prop: Property) -> Callable[[str], bool]:
    values = each.get("values")
    if not isinstance(values, list) or not values:
        raise bad_request(f"values must be given for {prop.name}")
    if prop.numeric:
        numbers = {_number(prop, value) for value in values}
        return lambda value: _number(prop, value) in numbers
    given = {str(value) for value in values}
    if prop.type == "enumeration":
        return lambda value: not given.isdisjoint(value.split(";") if prop.many else (value,))
    return lambda value: value.lower() in given


def _numeric(operator: str, each: Mapping[str, Any], prop: Property) -> Callable[[str], bool]:
    low = _number(prop, each.get("value"))
    if operator == "BETWEEN":
        high = _number(prop, each.get("highValue"))
        return lambda value: low <= _number(prop, value) <= high
    return {
        "EQ": lambda value: _number(prop, value) == low,
        "LT": lambda value: _number(prop, value) < low,
        "LTE": lambda value: _number(prop, value) <= low,
        "GT": lambda value: _number(prop, value) > low,
        "GTE": lambda value: _number(prop, value) >= low,
    }[operator]


def _number(prop: Property, value: Any) -> float:
    try:
        return float(value) if prop.type == "number" else parse_ms(str(value))
    except (TypeError, ValueError) as error:
        raise bad_request(f"{value!r} is not a value of {prop.name}") from error


def _textual(operator: str, each: Mapping[str, Any], prop: Property) -> Callable[[str], bool]:
    if each.get("value") is None:
        raise bad_request(f"value must be given for {prop.name}")
    given = str(each["value"])
    if operator == "EQ" and prop.type == "enumeration":
        return lambda value: given in (value.split(";") if prop.many else (value,))
    low, high = given.lower(), str(each.get("highValue", "")).lower()
    return {
        "EQ": lambda value: value.lower() == low,
        "LT": lambda value: value.lower() < low,
        "LTE": lambda value: value.lower() <= low,
        "GT": lambda value: value.lower() > low,
        "GTE": lambda value: value.lower() >= low,
        "BETWEEN": lambda value: low <= value.lower() <= high,
    }[operator]


def _tokens(given: str) -> Callable[[str], bool]:
    """Whole words, `*` as wildcard; `*@example.com` works on the whole value."""
    whole = given.lower()
    words = [word for word in _WORDS.split(whole) if word]

    def holds(value: str) -> bool:
        text = value.lower()
        there = _WORDS.split(text)
        return fnmatchcase(text, whole) or (
            bool(words) and all(any(fnmatchcase(token, word) for token in there) for word in words)
        )

    return holds
