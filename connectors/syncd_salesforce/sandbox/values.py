"""Values as JSON, CSV and people bring them, made into what is stored; and stored ones as they are sent.

What is not here: rules that look at more than one value (`writes`).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

from syncd_salesforce.sandbox import ids, times
from syncd_salesforce.sandbox.errors import Problem, Refusal, bad_row
from syncd_salesforce.sandbox.fields import NUMBERS, TEXTS, Field

_EMAIL = re.compile(r"[^\s@,;<>()\[\]\\\"]+@[^\s@.,;<>()]+(\.[^\s@.,;<>()]+)+")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d(\.\d{1,3})?)?Z?")


def stored(field: Field, raw: Any, *, lenient: bool = False) -> Any:
    """What is kept of a value; Refusal for one that does not fit. `lenient`: texts may stand for numbers and the like.

    Blanks at the ends of a text go, and an empty text is null.
    """
    if isinstance(raw, str) and (field.type in TEXTS or lenient or field.type in ("id", "reference")):
        raw = raw.strip()
    if raw is None or raw == "":
        return _blank(field)
    if field.type in TEXTS:
        return _text(field, raw)
    if field.type == "boolean":
        return _boolean(field, raw, lenient)
    if field.type in NUMBERS or field.type == "int":
        return _number(field, raw)
    if field.type in ("reference", "id"):
        return _reference(field, raw)
    if field.type in ("date", "datetime", "time"):
        return _moment(field, raw)
    if field.type == "base64":
        return _bytes(field, raw)
    raise bad_row("INVALID_FIELD_FOR_INSERT_UPDATE", f"{field.name} cannot be written", field.name)


def sent(field: Field, value: Any) -> Any:
    """A stored value as JSON carries it."""
    if field.type == "boolean":
        return bool(value)
    if value is None:
        return None
    if field.type == "datetime":
        return times.wire(value)
    return float(value) if field.type in NUMBERS else value


def _blank(field: Field) -> Any:
    if field.type == "boolean":
        raise _unreadable(field, "VALUE_NULL", "null")
    return None


def _unreadable(field: Field, token: str, raw: Any) -> Refusal:
    type = {"datetime": "dateTime", "currency": "double", "percent": "double"}.get(field.type, field.type)
    sentence = f"Cannot deserialize instance of {type} from {token} value {raw} or request may be missing a required "
    return Refusal(Problem("JSON_PARSER_ERROR", f"{sentence}field at [line:1, column:1]"))


def _token(raw: Any) -> str:
    if isinstance(raw, bool):
        return f"VALUE_{str(raw).upper()}"
    if isinstance(raw, float):
        return "VALUE_NUMBER_FLOAT"
    if isinstance(raw, int):
        return "VALUE_NUMBER_INT"
    return "VALUE_STRING" if isinstance(raw, str) else "START_OBJECT"


def _text(field: Field, raw: Any) -> str:
    if isinstance(raw, dict | list):
        raise _unreadable(field, _token(raw), "{")
    value = str(raw).lower() if isinstance(raw, bool) else str(raw)
    if len(value) > field.length > 0:
        sentence = f"{field.label}: data value too large: {value[:80]} (max length={field.length})"
        raise bad_row("STRING_TOO_LONG", sentence, field.name)
    if field.type == "email" and not _EMAIL.fullmatch(value):
        raise bad_row("INVALID_EMAIL_ADDRESS", f"{field.label}: invalid email address: {value}", field.name)
    parts = value.split(";") if field.type == "multipicklist" else [value]
    if field.restricted:
        known = {each.value for each in field.choices if each.active}
        for part in parts:
            if part not in known:
                sentence = f"{field.label}: bad value for restricted picklist field: {part}"
                raise bad_row("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", sentence, field.name)
    if field.type == "multipicklist":
        order = {each.value: at for at, each in enumerate(field.choices)}
        return ";".join(sorted(dict.fromkeys(parts), key=lambda part: order.get(part, len(order))))
    return value


def _bytes(field: Field, raw: Any) -> bytes:
    if isinstance(raw, bytes):
        return raw
    try:
        return base64.b64decode(str(raw), validate=True)
    except (binascii.Error, ValueError) as error:
        raise _unreadable(field, _token(raw), str(raw)[:20]) from error


def _boolean(field: Field, raw: Any, lenient: bool) -> bool:
    if isinstance(raw, bool):
        return raw
    if lenient or isinstance(raw, str):
        word = str(raw).lower()
        if word in ("true", "1", "yes"):
            return True
        if word in ("false", "0", "no"):
            return False
    raise _unreadable(field, _token(raw), raw)


def _number(field: Field, raw: Any) -> float | int:
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        raise _unreadable(field, _token(raw), raw)
    try:
        value = float(raw)
    except ValueError as error:
        raise _unreadable(field, _token(raw), raw) from error
    if not math.isfinite(value):
        raise _unreadable(field, _token(raw), raw)
    if field.type == "int":
        if value != int(value) or abs(value) >= 2**31:
            raise _unreadable(field, _token(raw), raw)
        return int(value)
    if abs(value) >= 10 ** (field.precision - field.scale):
        sentence = f"{field.label}: value outside of valid range on numeric field: {raw}"
        raise bad_row("NUMBER_OUTSIDE_VALID_RANGE", sentence, field.name)
    # Half goes away from zero, as an accountant rounds, not to the even digit.
    shift = 10**field.scale
    return math.copysign(math.floor(abs(value) * shift + 0.5 + 1e-9) / shift, value)


def _reference(field: Field, raw: Any) -> str:
    found = ids.full(raw)
    if found is None:
        raise bad_row("MALFORMED_ID", f"{field.label}: id value of incorrect type: {raw}", field.name)
    return found


def _moment(field: Field, raw: Any) -> Any:
    try:
        if not isinstance(raw, str):
            raise ValueError(raw)
        if field.type == "datetime":
            return times.moment(raw if "T" in raw.upper() else f"{times.day(raw)}T00:00:00Z")
        if field.type == "date":
            return times.day(raw)
    except ValueError as error:
        raise _unreadable(field, _token(raw), raw) from error
    if not _TIME.fullmatch(raw):
        raise _unreadable(field, _token(raw), raw)
    clock, _, fraction = raw.rstrip("Z").partition(".")
    return f"{clock if clock.count(':') == 2 else clock + ':00'}.{fraction.ljust(3, '0')[:3]}Z"
