"""Text, numbers, money, yes and no: the converters between plain fields.

What is not here: anything with a calendar (`times`), with a list of values (`choices`), or about people (`people`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from syncd.core.fieldmap import Unconvertible
from syncd.core.model import FieldKind, Side, Value
from syncd.core.values.base import Base, written

YES = frozenset({"yes", "y", "true", "t", "1", "x", "on", "checked"})
LARGEST = 15
NO = frozenset({"no", "n", "false", "f", "0", "off", "unchecked"})
GROUPED = re.compile(r"[+-]?\d{1,3}([, \u00a0])\d{3}(?:\1\d{3})*(\.\d*)?")
CURRENCY = re.compile(r"^([+-]?)\s*(?:\$|USD)?\s*|\s*(?:\$|USD)$")


@dataclass(frozen=True, slots=True)
class Text(Base):
    """Text as it is; a number or several values become the text a person would write."""

    def to(self, value: Value, side: Side) -> Value:
        """The text; what is already text is not touched."""
        return value if isinstance(value, str) else written(value)


@dataclass(frozen=True, slots=True)
class Same(Base):
    """The value as it is, whatever it is: equal kinds on both sides, and relations."""

    def key(self, value: Value, side: Side) -> str | None:
        """The value itself."""
        return written(value) or None


@dataclass(frozen=True, slots=True)
class Number(Base):
    """Numbers, also from text: `1,250.50`, `$ 1250`, `(12.00)` as accountants write a negative.

    `decimals`: digits kept after the point on the way over, half up; None keeps all.
    """

    decimals: int | None = None

    def to(self, value: Value, side: Side) -> Value:
        """A number, or its text for a text field. Raises Unconvertible for what is no number."""
        found = self.amount(value)
        if self.ends.kind(side) in (FieldKind.TEXT, FieldKind.ENUM):
            return format(found, "f") if self.decimals is not None else _short(found)
        return _plain_number(found)

    def key(self, value: Value, side: Side) -> str | None:
        """The number without trailing zeros."""
        try:
            return _short(self.amount(value))
        except Unconvertible:
            return None

    def amount(self, value: Value) -> Decimal:
        """The exact number. Raises Unconvertible."""
        if isinstance(value, (bool, tuple)) or value is None:
            raise Unconvertible(f"{written(value)!r} is not a number")
        try:
            found = Decimal(_digits(value) if isinstance(value, str) else repr(value))
            if not found.is_finite() or abs(found.adjusted()) > LARGEST:
                raise Unconvertible(f"{value!r} is not a number a CRM can hold")
        except InvalidOperation as error:
            raise Unconvertible(f"{value!r} is not a number") from error
        if self.decimals is None:
            return found
        return found.quantize(Decimal(1).scaleb(-self.decimals), ROUND_HALF_UP)


def _digits(text: str) -> str:
    bare = CURRENCY.sub(r"\1", text.strip())
    negative = bare.startswith("(") and bare.endswith(")")
    if negative:
        bare = CURRENCY.sub(r"\1", bare[1:-1].strip())
    if GROUPED.fullmatch(bare):
        bare = re.sub(r"[, \u00a0]", "", bare)
    if "_" in bare:  # Python's own way to group digits
        raise Unconvertible(f"{text!r} is not a number")
    return f"-{bare}" if negative else bare


def _short(number: Decimal) -> str:
    text = format(abs(number) if number.is_zero() else number, "f")
    return (text.rstrip("0").rstrip(".") if "." in text else text) or "0"


def _plain_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


@dataclass(frozen=True, slots=True)
class YesNo(Base):
    """A tick against words. `yes` and `no` are what is written to a side without ticks; many spellings are read."""

    yes: str = "Yes"
    no: str = "No"

    def to(self, value: Value, side: Side) -> Value:
        """A bool for a bool field, else the word. Raises Unconvertible for a word that is neither."""
        found = self.truth(value)
        if self.ends.kind(side) is FieldKind.BOOL:
            return found
        if self.ends.kind(side) is FieldKind.NUMBER:
            return int(found)
        return self.yes if found else self.no

    def key(self, value: Value, side: Side) -> str | None:
        """`yes` or `no`."""
        try:
            return None if value is None else "yes" if self.truth(value) else "no"
        except Unconvertible:
            return None

    def truth(self, value: Value) -> bool:
        """What a value says. Raises Unconvertible."""
        word = written(value).strip().casefold()
        if word in YES | {self.yes.casefold()} and word != self.no.casefold():
            return True
        if word in NO | {self.no.casefold()}:
            return False
        raise Unconvertible(f"{value!r} is neither {self.yes} nor {self.no}")
