"""How one value travels: JobNimbus's wire form to the canonical value and back.

What is not here: which fields exist (`fields`, `schema`) and where a custom field's value stands in a record (`rows`).
All dates on the wire are whole unix seconds; 0 or null when unset. Some clients wrote milliseconds: read, never sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from syncd.core.model import FieldKind, FieldType, Value

_MILLISECONDS_FROM = 1_000_000_000_000
_TRUE, _FALSE = frozenset({"true", "yes", "1"}), frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class Codec:
    """Translates values for one account: `zone` is where its dates begin and end.

    `blank_text` is what a blank text is sent as: the reference does not tell whether "" or null clears a field.
    """

    zone: ZoneInfo
    blank_text: str | None = ""

    def decode(self, field: FieldType, wire: Any) -> Value:
        """The canonical value. ValueError when the wire value cannot be one of this field: it is then unknown."""
        if wire is None or wire == "":
            return None
        match field.kind:
            case FieldKind.TEXT:
                return _text(wire)
            case FieldKind.NUMBER:
                return _number(wire)
            case FieldKind.BOOL:
                return _bool(wire)
            case FieldKind.DATETIME:
                return iso(moment(wire))
            case FieldKind.DATE:
                return self._date(wire)
            case FieldKind.MULTI:
                return _many(wire)
            case FieldKind.ENUM | FieldKind.USER | FieldKind.REF:
                return _one(wire)

    def encode(self, field: FieldType, value: Value) -> Any:
        """The wire value. ValueError, with words for a person, when the value does not fit the field."""
        if value is None:
            return self._blank(field)
        match field.kind:
            case FieldKind.DATETIME:
                return int(_parsed(value).timestamp())
            case FieldKind.DATE:
                return self._midnight(value)
            case FieldKind.NUMBER:
                return _number_out(field, value)
            case FieldKind.BOOL:
                return _checked(isinstance(value, bool), value, "true or false")
            case FieldKind.REF:
                return {"id": _checked(isinstance(value, str), value, "one id")}
            case FieldKind.MULTI:
                return self._list_out(field, value)
            case FieldKind.TEXT | FieldKind.ENUM | FieldKind.USER:
                text = _checked(isinstance(value, str), value, "a text")
                return {"id": _location(text)} if field.name == "location" else text

    def _blank(self, field: FieldType) -> Any:
        if field.kind is FieldKind.MULTI:
            return []
        if field.kind is FieldKind.DATETIME and not field.custom:
            return 0  # what the vendor itself keeps in an unset date_start
        return self.blank_text if field.kind in (FieldKind.TEXT, FieldKind.ENUM, FieldKind.USER) else None

    def _date(self, wire: Any) -> str | None:
        if isinstance(wire, str) and not _is_integer(wire):
            return date.fromisoformat(wire[:10]).isoformat()
        stamp = moment(wire)
        return None if stamp is None else stamp.astimezone(self.zone).date().isoformat()

    def _midnight(self, value: Value) -> int:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is not a date (YYYY-MM-DD)")
        # Where a zone skips midnight on the day its summer time begins, fold 0 is the first moment of that day.
        local = datetime.combine(date.fromisoformat(value), time(), tzinfo=self.zone)
        return int(local.astimezone(UTC).timestamp())

    def _list_out(self, field: FieldType, value: Value) -> list[Any]:
        items = _checked(isinstance(value, tuple | list), value, "a list")
        return [{"id": item} for item in items] if field.name == "owners" else list(items)


def moment(wire: Any) -> datetime | None:
    """Unix seconds (milliseconds tolerated) as aware UTC; None for 0 and null. ValueError for anything else."""
    number = wire if wire.__class__ is int else _seconds(wire)  # as nearly all are
    if number == 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000 if abs(number) > _MILLISECONDS_FROM else number, UTC)
    except (OverflowError, OSError) as error:
        raise ValueError(f"{wire!r} is not a unix time") from error


def _seconds(wire: Any) -> float:
    if wire is None or wire == "":
        return 0.0
    if isinstance(wire, bool) or not isinstance(wire, int | float | str):
        raise ValueError(f"{wire!r} is not a unix time")
    return float(wire)


def iso(stamp: datetime | None) -> str | None:
    """The canonical datetime: UTC, ending in Z, milliseconds only when they are not zero."""
    if stamp is None:
        return None
    text = stamp.astimezone(UTC).isoformat(timespec="milliseconds" if stamp.microsecond // 1000 else "seconds")
    return text.replace("+00:00", "Z")


def same(field: FieldType, one: Value, other: Value) -> bool:
    """Whether two canonical values are one as this vendor keeps them: capitals in names, order in lists, seconds."""
    if one == other:
        return True
    if isinstance(one, tuple | list) and isinstance(other, tuple | list):
        return sorted(one) == sorted(other)
    if not one and not other:
        return one in (None, "", ()) and other in (None, "", ())
    if isinstance(one, str) and isinstance(other, str):
        return _same_text(field, one, other)
    return False


def _same_text(field: FieldType, one: str, other: str) -> bool:
    if field.kind is FieldKind.DATETIME:
        return int(_parsed(one).timestamp()) == int(_parsed(other).timestamp())
    one, other = one.strip(), other.strip()
    return one.casefold() == other.casefold() if field.loss.caseless else one == other


def _parsed(value: Value) -> datetime:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not a datetime (ISO 8601)")
    stamp = datetime.fromisoformat(value)
    if stamp.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return stamp


def _text(wire: Any) -> str:
    if isinstance(wire, Mapping | list):
        raise ValueError("a nested value where a text was expected")
    if isinstance(wire, bool):
        return "true" if wire else "false"
    return str(wire)


def _number(wire: Any) -> int | float:
    if isinstance(wire, bool) or not isinstance(wire, int | float | str):
        raise ValueError(f"{wire!r} is not a number")
    if isinstance(wire, str):
        return int(wire) if _is_integer(wire) else float(wire)
    return wire


def _number_out(field: FieldType, value: Value) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{value!r} is not a number")
    if field.name.startswith("cf_long") and value != int(value):
        raise ValueError(f"{value!r} is not a whole number")
    return int(value) if field.name.startswith("cf_long") else value


def _bool(wire: Any) -> bool:
    if isinstance(wire, bool):
        return wire
    word = str(wire).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"{wire!r} is neither true nor false")


def _one(wire: Any) -> str | None:
    """A name or an id, bare or in an object {"id": ...}; an id of 0 or "" is none."""
    if isinstance(wire, Mapping) and wire and "id" not in wire:
        raise ValueError("a table without an id where one id was expected")
    found = wire.get("id") if isinstance(wire, Mapping) else wire
    if isinstance(found, Mapping | list):
        raise ValueError("a nested value where one id was expected")
    return str(found) if found else None


def _many(wire: Any) -> tuple[str, ...] | None:
    if not isinstance(wire, Iterable) or isinstance(wire, Mapping | str):
        raise ValueError(f"{wire!r} is not a list")
    items = (item.get("id", item.get("name")) if isinstance(item, Mapping) else item for item in wire)
    return tuple(dict.fromkeys(str(item) for item in items if item)) or None


def _checked(holds: bool, value: Any, wanted: str) -> Any:
    if not holds:
        raise ValueError(f"{value!r} is not {wanted}")
    return value


def _location(text: str) -> int | str:
    return int(text) if _is_integer(text) else text


def _is_integer(text: str) -> bool:
    return text.strip().lstrip("-").isdigit()
