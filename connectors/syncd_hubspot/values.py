"""HubSpot's wire values and the canonical ones of `core.model`, both ways. Pure.

On the wire everything is a string or null: number `"1250.5"`, bool `"true"`, datetime `2024-09-11T13:27:39.356Z`
or epoch milliseconds, date `YYYY-MM-DD`, several choices `"a;b"`; a blank is read as null or `""` and written as `""`.

What is not here: which kind a property has (`schema`), and any conversion between two systems.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from syncd.core.model import FieldKind, Value

_WHOLE = re.compile(r"[+-]?\d+\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MIN_EPOCH_DIGITS = 6


def from_wire(kind: FieldKind, raw: Any) -> Value:
    """The canonical value of a wire string; blank is None. Text that does not fit its kind stays text: never raises."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    text = ("true" if raw else "false") if isinstance(raw, bool) else str(raw)
    try:
        return _READERS.get(kind, _same)(text)
    except (ValueError, OverflowError):
        return text


def to_wire(value: Value) -> str:
    """What is sent for a canonical value of any kind; None becomes `""`, which clears the property.

    Several choices never begin with `;`: HubSpot would append instead of replace.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ";".join(item for item in value if item)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f").removesuffix(".0")
    return str(value)


def moment(raw: Any) -> datetime | None:
    """An aware datetime of ISO text or epoch milliseconds; None for blank or what is no time."""
    if raw is None or raw == "":
        return None
    try:
        return _moment(str(raw))
    except (ValueError, OverflowError):
        return None


def stamp(when: datetime) -> str:
    """ISO 8601 UTC ending in `Z`, whole milliseconds only when not zero: the canonical datetime."""
    utc = when.astimezone(UTC)
    milliseconds = utc.microsecond // 1000
    return utc.strftime("%Y-%m-%dT%H:%M:%S") + (f".{milliseconds:03d}Z" if milliseconds else "Z")


def millis(when: datetime) -> int:
    """Epoch milliseconds: the form that searches and cursors use."""
    return (when - _EPOCH) // timedelta(milliseconds=1)


def from_millis(value: int) -> datetime:
    """The aware datetime of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=value)


def _moment(text: str) -> datetime:
    if _WHOLE.match(text) and len(text) >= _MIN_EPOCH_DIGITS:
        return from_millis(int(text))
    when = datetime.fromisoformat(text)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _same(text: str) -> Value:
    return text


def _number(text: str) -> Value:
    clean = text.strip()
    if _WHOLE.match(clean):
        return int(clean)
    number = float(clean)
    if not math.isfinite(number):
        return text
    return int(number) if number.is_integer() and abs(number) < 1e15 else number


def _bool(text: str) -> Value:
    return {"true": True, "false": False}.get(text.strip().lower(), text)


def _date(text: str) -> Value:
    clean = text.strip()
    if _WHOLE.match(clean) and len(clean) >= _MIN_EPOCH_DIGITS:
        return from_millis(int(clean)).date().isoformat()
    return date.fromisoformat(clean[:10]).isoformat()


def _datetime(text: str) -> Value:
    return stamp(_moment(text.strip()))


def _multi(text: str) -> Value:
    return tuple(item.strip() for item in text.split(";") if item.strip()) or None


_READERS: dict[FieldKind, Callable[[str], Value]] = {
    FieldKind.NUMBER: _number,
    FieldKind.BOOL: _bool,
    FieldKind.DATE: _date,
    FieldKind.DATETIME: _datetime,
    FieldKind.MULTI: _multi,
}
