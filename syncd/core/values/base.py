"""What every converter shares: the two ends it is bound to, plain keys, and equality up to loss.

What is not here: any one conversion (its neighbors), and the choice of a converter (`build`).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from syncd.core.fieldmap import Unconvertible
from syncd.core.loss import nothing, same
from syncd.core.model import FieldKind, FieldType, Side, User, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """What a converter knows of both sides: field types, people, and zones (IANA names) for dates without one.

    A type is None when the map is read without schemas, or the rule has no field there.
    """

    left: FieldType | None = None
    right: FieldType | None = None
    left_users: tuple[User, ...] = ()
    right_users: tuple[User, ...] = ()
    left_zone: str = "UTC"
    right_zone: str = "UTC"

    def type(self, side: Side) -> FieldType | None:
        """The field's type on a side."""
        return self.left if side is Side.LEFT else self.right

    def kind(self, side: Side) -> FieldKind:
        """The field's kind on a side; text where it is not known."""
        found = self.type(side)
        return found.kind if found else FieldKind.TEXT

    def users(self, side: Side) -> tuple[User, ...]:
        """The people of a side."""
        return self.left_users if side is Side.LEFT else self.right_users

    def zone(self, side: Side) -> str:
        """The zone of a side's account."""
        return self.left_zone if side is Side.LEFT else self.right_zone


@dataclass(frozen=True, slots=True)
class Base:
    """A converter that carries values as they are. Others override `to`, and `key` and `alike` where more is one."""

    ends: Ends

    def convert(self, value: Value, to: Side) -> Value:
        """The value as `to` would hold it; blank stays blank. Raises Unconvertible."""
        if blank(value):
            return None
        found = self.to(value, to)
        return None if found is not value and blank(found) else found

    def to(self, value: Value, side: Side) -> Value:
        """The conversion proper, of a value that is not blank."""
        return value

    def key(self, value: Value, side: Side) -> str | None:
        """Letters and digits, lower case, accents and spaces evened out; None: nothing to compare."""
        return plain(value)

    def equal(self, left: Value, right: Value) -> bool:
        """Agreement: blank on both sides, or one side's value converted is what the other holds, or they are alike."""
        if blank(left) or blank(right):
            return blank(left) and blank(right)
        lands = self._lands(left, right, Side.RIGHT) or self._lands(right, left, Side.LEFT)
        return lands or self.alike(left, right)

    def alike(self, left: Value, right: Value) -> bool:
        """Whether two values, none of them blank, mean the same although neither is what the other converts to."""
        return False

    def exact(self) -> Base:
        """The same without a fallback."""
        return self

    def _lands(self, value: Value, there: Value, to: Side) -> bool:
        try:
            return same(self.convert(value, to), there, self.ends.type(to))
        except Unconvertible:
            return False


REMEMBERED = 2_048
"""Values whose key is kept at hand, a few hundred kilobytes: matching meets those of a batch several times."""

JOINERS = r"['`.\u2019\u00b4]"
"""Signs inside a name that do not part words: O'Brien, St. John."""


def blank(value: Value) -> bool:
    """Whether a value is nothing: None, empty or spaces only."""
    return nothing(value, None)


def written(value: Value) -> str:
    """A value as text, as a person would write it: whole numbers without a point, several values with `; `."""
    if isinstance(value, tuple):
        return "; ".join(value)
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def plain(value: Value) -> str | None:
    """The key of any text: case, accents, punctuation and runs of spaces do not count."""
    return _plain(written(value))


@lru_cache(maxsize=REMEMBERED)
def _plain(text: str) -> str | None:
    # Letters of other shapes (full width, mathematical) are taken apart before their case can be evened out.
    folded = unicodedata.normalize("NFKD", text).casefold()
    decomposed = unicodedata.normalize("NFKD", folded)
    letters = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    spaced = re.sub(r"[^\w]+|_", " ", re.sub(JOINERS, "", letters))
    return " ".join(spaced.split()) or None


def side_word(side: Side) -> str:
    """How a sentence names a side."""
    return f"the {side.value} side"
