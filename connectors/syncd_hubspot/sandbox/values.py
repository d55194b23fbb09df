"""Is this value good for this property, and what would HubSpot store? Pure.

What is not here: rules that need the whole record (stages, uniqueness, life cycle): `writes`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from syncd_hubspot.sandbox.errors import Problem
from syncd_hubspot.sandbox.schema import Property
from syncd_hubspot.sandbox.times import DAY_MS, day, iso, parse_ms

MAX_TEXT = 65_536
"""Characters of a string property."""

_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]{2,}")


class InvalidValue(Exception):
    """A value that HubSpot refuses, with its code."""

    def __init__(self, code: str, message: str) -> None:
        """Take HubSpot's code and sentence."""
        self.code = code
        super().__init__(message)

    def problem(self, name: str) -> Problem:
        """This refusal about the property `name`."""
        return Problem(name, self.code, str(self))


def accept(prop: Property, raw: Any, current: str | None) -> str | None:
    """The text that is stored for `raw`, None for cleared; `current` is what a leading semicolon appends to.

    Numbers and bools of JSON are tolerated as their texts. Raises InvalidValue.
    """
    text = _text(raw)
    if text == "":
        return None
    if len(text) > MAX_TEXT:
        raise InvalidValue("VALUE_TOO_LONG", f"{prop.name} is longer than {MAX_TEXT} characters")
    return _BY_TYPE[prop.type](prop, text, current)


def _text(raw: Any) -> str:
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, int | float):
        return str(raw)
    if not isinstance(raw, str):
        raise InvalidValue("INVALID_VALUE", "A property value must be a string")
    return raw


def _string(prop: Property, text: str, _current: str | None) -> str:
    if prop.name != "email":
        return text
    lowered = text.strip().lower()
    if not _EMAIL.fullmatch(lowered):
        raise InvalidValue("INVALID_EMAIL", f"Email address {text} is invalid")
    return lowered


def _number(_prop: Property, text: str, _current: str | None) -> str:
    try:
        good = Decimal(text.strip()).is_finite()
    except InvalidOperation:
        good = False
    if not good:
        raise InvalidValue("INVALID_INTEGER", f"{text} was not a valid number.")
    return text.strip()


def _bool(_prop: Property, text: str, _current: str | None) -> str:
    if text not in ("true", "false"):
        raise InvalidValue("INVALID_OPTION", f"{text} was not one of the allowed options: [true, false]")
    return text


def _date(_prop: Property, text: str, _current: str | None) -> str:
    ms = _moment(text)
    if ms % DAY_MS:
        raise InvalidValue("INVALID_DATE", f"{text} is at the wrong time of day: a date must be midnight UTC.")
    return day(ms)


def _datetime(_prop: Property, text: str, _current: str | None) -> str:
    return iso(_moment(text))


def _moment(text: str) -> int:
    try:
        return parse_ms(text)
    except (ValueError, OverflowError) as error:
        raise InvalidValue("INVALID_DATE", f"{text} was not a valid date.") from error


def _enumeration(prop: Property, text: str, current: str | None) -> str:
    if not prop.many:
        _check_options(prop, [text])
        return text
    chosen = [part for part in text.split(";") if part]
    if not prop.external:
        _check_options(prop, chosen)
    kept = current.split(";") if current and text.startswith(";") else []
    return ";".join(dict.fromkeys([*kept, *chosen]))


def _check_options(prop: Property, chosen: list[str]) -> None:
    if prop.external:
        return  # owners and stages are checked against the portal, not against a list
    allowed = [choice.value for choice in prop.options]
    for value in chosen:
        if value not in allowed:
            listed = ", ".join(allowed)
            raise InvalidValue("INVALID_OPTION", f"{value} was not one of the allowed options: [{listed}]")


_BY_TYPE: dict[str, Callable[[Property, str, str | None], str]] = {
    "string": _string,
    "number": _number,
    "bool": _bool,
    "date": _date,
    "datetime": _datetime,
    "enumeration": _enumeration,
}
