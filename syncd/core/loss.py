"""When two values of one field are the same value: equality up to the loss that the schema declares.

What is not here: values of two different fields or sides (`values`), and learning what a vendor loses (its schema).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import isfinite

from syncd.core.model import FieldKind, FieldType, Loss, Value

MILLISECOND = 1000
BEYOND_CENTS = 10**15
"""From here on a double has no digits left after the point."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNDESCRIBED = Loss()
"""What is taken for the loss of a field that no schema describes."""


def image(value: Value, type: FieldType | None) -> Value:
    """The normal form that the field keeps of a value; two values with one image are the same value.

    Pure and idempotent. Blank text and empty collections are None. A type of None declares no loss but trimming.
    """
    loss = type.loss if type else UNDESCRIBED
    if isinstance(value, str):
        if type and type.kind is FieldKind.DATETIME:
            return _moment(value, loss.resolution)
        return _text(value, loss)
    if isinstance(value, tuple):
        return tuple(sorted({item for part in value if (item := _text(part, loss))})) or None
    if value is None or isinstance(value, bool):
        return value
    return _number(value, loss.decimals)


def nothing(value: Value, type: FieldType | None) -> bool:
    """Whether the field would keep nothing of it."""
    if isinstance(value, str) and value[:1].strip():  # what begins with a letter leaves one, however much is cut off
        return False
    return image(value, type) is None if isinstance(value, (str, tuple)) else value is None


def same(a: Value, b: Value, type: FieldType | None) -> bool:
    """Whether the field would keep the same of both; True is not 1."""
    if a == b and a.__class__ is b.__class__:  # most values, for which an image need not be made
        return True
    if a is None or b is None:
        return nothing(b if a is None else a, type)
    left, right = image(a, type), image(b, type)
    return isinstance(left, bool) == isinstance(right, bool) and left == right


def _text(value: str, loss: Loss) -> str | None:
    # Folding before cutting: a cut and folded text is then a prefix of the folded whole, whatever a letter folds to.
    text = value.strip() if loss.trims else value
    text = text.casefold() if loss.caseless else text
    if loss.max_length is not None and len(text) > loss.max_length:
        text = text[: loss.max_length]
        text = text.rstrip() if loss.trims else text
    return text or None


def _number(value: int | float, decimals: int | None) -> int | float:
    if isinstance(value, float) and not isfinite(value):
        return value
    if decimals is not None and abs(value) < BEYOND_CENTS:
        value = float(Decimal(repr(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP))
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _moment(value: str, resolution: float | None) -> str | None:
    """An ISO moment in UTC, cut down to the resolution; a text that is no moment is kept as it is."""
    try:
        moment = datetime.fromisoformat(value.strip())
    except ValueError:
        return value.strip() or None
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    if resolution:
        since = moment - EPOCH
        moment = EPOCH + since // timedelta(seconds=resolution) * timedelta(seconds=resolution)
    return iso(moment)


def iso(moment: datetime) -> str:
    """The canonical text of an aware moment: UTC, `Z`, milliseconds only when they are not zero."""
    utc = moment.astimezone(UTC)
    grain = "milliseconds" if utc.microsecond >= MILLISECOND else "seconds"
    return utc.replace(tzinfo=None).isoformat(timespec=grain) + "Z"
