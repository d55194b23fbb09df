"""One condition of SOQL as a test of one value: which literals go with which fields, and how values compare.

What is not here: rows and names (`query`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

from syncd_salesforce.sandbox import ids, times
from syncd_salesforce.sandbox.fields import NUMBERS, Field
from syncd_salesforce.sandbox.soql import Among, Compare, Literal, marked

Test = Callable[[Any], bool]

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_WANTED = {"datetime": ("dateTime", ("datetime", "relative")), "date": ("date", ("date", "relative")),
           "boolean": ("boolean", ("boolean",)), "int": ("int", ("number",)),
           **dict.fromkeys(NUMBERS, ("double", ("number",)))}  # fmt: skip


def test(part: Compare | Among, field: Field, text: str, now: int) -> Test:
    """The test of a condition; Refusal INVALID_FIELD for a literal of another type."""
    if isinstance(part, Among):
        return _among(part, field, text)
    value = _checked(part.value, field, text)
    if part.value.kind == "relative":
        return _range(part.op, *_span(str(value), field, now))
    if part.op == "like":
        return _like(part, field, text)
    if value is None:
        if part.op not in ("=", "!="):
            raise marked(text, part.name.at, f"Invalid operator for a null value: {part.op}", "MALFORMED_QUERY")
        wanted = part.op == "="
        return lambda found: (found is None) is wanted
    key = _key(field)
    mine = key(value)
    if part.op == "=":
        return lambda found: found is not None and key(found) == mine
    if part.op == "!=":
        # What is blank is unlike any value: SOQL counts it in.
        return lambda found: found is None or key(found) != mine
    compare = _ORDER[part.op]
    return lambda found: found is not None and compare(key(found), mine)


def _key(field: Field) -> Callable[[Any], Any]:
    """The form in which values of a field compare: texts without regard to case, ids with."""
    if field.type in ("id", "reference") or field.type in _WANTED or field.case_sensitive:
        return lambda value: value
    return lambda value: value.casefold() if isinstance(value, str) else value


def _among(part: Among, field: Field, text: str) -> Test:
    values = part.values if isinstance(part.values, Sequence) else ()
    if part.op in ("includes", "excludes"):
        if field.type != "multipicklist":
            raise marked(
                text, part.name.at, f"{part.op} operator only valid on multipicklist fields", "MALFORMED_QUERY"
            )
        wanted = [set(str(each.value).split(";")) for each in values]
        yes = part.op == "includes"
        return lambda found: any(one <= set(str(found or "").split(";")) for one in wanted) is yes
    key = _key(field)
    known = {None if (value := _checked(each, field, text)) is None else key(value) for each in values}
    if part.op == "in":
        return lambda found: (None if found is None else key(found)) in known
    return lambda found: (None if found is None else key(found)) not in known


def _like(part: Compare, field: Field, text: str) -> Test:
    if field.type in _WANTED or field.type in ("id", "reference") or part.value.kind != "string":
        raise marked(text, part.name.at, "invalid operator on field: like", "INVALID_FIELD")
    pieces = re.split(r"(\\_|\\%|_|%)", str(part.value.value))
    known = {"%": ".*", "_": ".", "\\%": "%", "\\_": "_"}
    pattern = re.compile("".join(known.get(one, re.escape(one)) for one in pieces), re.IGNORECASE | re.DOTALL)
    return lambda found: found is not None and pattern.fullmatch(str(found)) is not None


def _checked(literal: Literal, field: Field, text: str) -> Any:
    """The literal's value as the field stores it."""
    if literal.kind == "null":
        return None
    name, kinds = _WANTED.get(field.type, ("string", ("string",)))
    if literal.kind not in kinds:
        quotes = "should be enclosed in quotes" if name == "string" else "should not be enclosed in quotes"
        sentence = f"value of filter criterion for field '{field.name}' must be of type {name} and {quotes}"
        raise marked(text, literal.at, sentence, "INVALID_FIELD")
    if field.type in ("id", "reference"):
        return _id(literal, text)
    if literal.kind == "string":
        return literal.value.replace("\\_", "_").replace("\\%", "%")
    return literal.value


def _id(literal: Literal, text: str) -> str:
    found = ids.full(literal.value)
    if found is None and literal.value:
        raise marked(text, literal.at, f"invalid ID field: {literal.value}", "INVALID_QUERY_FILTER_OPERATOR")
    return found or ""


def _span(word: str, field: Field, now: int) -> tuple[Any, Any]:
    """First moment of a relative literal, and the first one after it, in UTC."""
    today = now // times.DAY * times.DAY
    name, _, count = word.partition(":")
    days = int(count or 0)
    start, end = {
        "TODAY": (0, 1), "YESTERDAY": (-1, 0), "TOMORROW": (1, 2), "LAST_N_DAYS": (-days, 1),
        "NEXT_N_DAYS": (1, days + 1),
    }[name]  # fmt: skip
    first, last = today + start * times.DAY, today + end * times.DAY
    return (times.day_of(first), times.day_of(last)) if field.type == "date" else (first, last)


def _range(op: str, start: Any, end: Any) -> Test:
    tests: dict[str, Test] = {
        "=": lambda found: found is not None and start <= found < end,
        "!=": lambda found: found is None or not start <= found < end,
        "<": lambda found: found is not None and found < start,
        "<=": lambda found: found is not None and found < end,
        ">": lambda found: found is not None and found >= end,
        ">=": lambda found: found is not None and found >= start,
    }
    return tests[op]
