"""Salesforce's wire values and the canonical ones of `core.model`, both ways. Pure.

On the wire: JSON numbers and booleans, `2026-11-21T10:00:00.000+0000`, `2026-11-21`, several choices `"A;B"`, and null
for a blank. A text is never empty.

What is not here: which kind a field has (`schema`).
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from syncd.core.loss import iso
from syncd.core.model import FieldKind, Value
from syncd_salesforce import ids


def from_wire(kind: FieldKind, raw: Any) -> Value:
    """The canonical value of a wire value; blank is None. What does not fit its kind is told as text: never raises."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if isinstance(raw, bool):
        return raw if kind is FieldKind.BOOL else str(raw).lower()
    if isinstance(raw, int | float):
        return _number(raw) if kind is FieldKind.NUMBER else str(raw)
    text = str(raw)
    if kind is FieldKind.DATETIME:
        when = moment(text)
        return text if when is None else iso(when)
    if kind is FieldKind.MULTI:
        return tuple(item.strip() for item in text.split(";") if item.strip()) or None
    if kind in (FieldKind.REF, FieldKind.USER):
        return ids.full(text) or text
    return text.strip()


def from_cell(kind: FieldKind, text: str) -> Any:
    """The wire value that stands in a cell of CSV, where everything is text: an empty one is null."""
    if not text:
        return None
    if kind is FieldKind.BOOL:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind is not FieldKind.NUMBER:
        return text
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text


def to_wire(kind: FieldKind | None, value: Value) -> Any:
    """What is sent for a canonical value; None becomes null, but false where there is no blank."""
    if value is None:
        return False if kind is FieldKind.BOOL else None
    if isinstance(value, tuple):
        return ";".join(item for item in value if item) or None
    if kind is FieldKind.BOOL and isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    return value


def moment(raw: Any) -> datetime | None:
    """An aware datetime of ISO text; None for blank and what is no time."""
    if not isinstance(raw, str):
        return None
    try:
        when = datetime.fromisoformat(raw.strip())
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (OverflowError, ValueError):  # the first: in UTC it is before the first year, or after the last
        return None


def _number(raw: float) -> Value:
    if isinstance(raw, float) and not math.isfinite(raw):
        return str(raw)
    return int(raw) if float(raw).is_integer() and abs(raw) < 1e15 else raw
