"""What people write about people: phones, e-mails, names, street lines, states, ZIP codes.

What is not here: users of the systems (`choices`). These converters carry what was typed; only their keys are normal
forms, so that matching and agreement see through spelling and nothing a person typed is rewritten without need.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from nameparser import HumanName
from scourgify import normalize_address_record
from scourgify.exceptions import AddressNormalizationError

from syncd.core.fieldmap import Unconvertible
from syncd.core.model import Side, Value
from syncd.core.values.base import REMEMBERED, Base, plain, written
from syncd.core.values.states import STATES, state_code

SHORTEST_PHONE = 7
UNIT_WORDS = frozenset({"apartment", "apt", "unit", "suite", "ste"})
UNIT = re.compile(r"\d|^\w$")
"""A word that names a unit: it holds a digit, or is a single letter."""

INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""What comes along when a number is pasted."""
NUMBER_ALONE = re.compile(r"\s*(?:tel:)?\s*[+(\[\d](?:[\d\s+\-()\[\].,/\u2010-\u2015\u2212]*[\d)\]])?[\s.,]*")
"""A phone, its extension's word left out, with nothing beside it."""
EXTENSION = re.compile(r"(?<=\d)[\s,;.]*(?:extension|extn?|x|#)[\s.:#=]*(?=\d+\s*$)", re.IGNORECASE)
"""An extension's word, before the digits that a phone ends with."""
POINT = re.compile(r"(?<=\d)[.\u00b7](?=\d)")
"""A decimal point: `12.5 Mile Rd` is no `125 Mile Rd`."""
ODD_SIGN = re.compile(rf"{POINT.pattern}|[^\w\s.,#'\u2019/()\-\u2010-\u2015]")
"""A sign that most addresses have not."""


@dataclass(frozen=True, slots=True)
class Phone(Base):
    """Phones. `format`: `keep` what was typed (default), or write `e164` or `national` on the way over.

    `region`: where a number without a country code is (two letters). Facts: phonenumbers (libphonenumber's tables).
    """

    region: str = "US"
    format: str = "keep"

    def to(self, value: Value, side: Side) -> Value:
        """The number as typed or formatted; what cannot be read as a phone is carried as typed."""
        number = self._number(value)
        if self.format == "keep" or number is None:
            return value if isinstance(value, str) else written(value)
        if self.format == "e164":
            text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
            return f"{text} ext. {number.extension}" if number.extension else text
        text = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        if self._parse(text) == number:
            return text
        # Without its country it would be another number here.
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)

    def key(self, value: Value, side: Side) -> str | None:
        """E.164 without extension; the digits if it cannot be read but has seven; None for placeholders."""
        digits = re.sub(r"\D", "", written(value))
        if len(digits) < SHORTEST_PHONE or len(set(digits.removeprefix("1"))) <= 1:
            return None
        number = self._parse(value) or self._parse(digits)
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if number else digits

    def equal(self, left: Value, right: Value) -> bool:
        """Of two numbers, whether they are the same; a field that cuts an extension off does not make them so."""
        if self._number(left) is None or self._number(right) is None:
            return Base.equal(self, left, right)
        return self.alike(left, right)

    def alike(self, left: Value, right: Value) -> bool:
        """The same number and extension, however written."""
        one, other = self._number(left), self._number(right)
        if one is None or other is None:
            return False
        same_number = self.key(left, Side.LEFT) == self.key(right, Side.RIGHT)
        return same_number and (one.extension or "") == (other.extension or "")

    def _number(self, value: Value) -> phonenumbers.PhoneNumber | None:
        """None for what is not a number alone, and for a placeholder: words beside it say something too."""
        alone = NUMBER_ALONE.fullmatch(EXTENSION.sub("", INVISIBLE.sub("", written(value))))
        return self._parse(value) if alone and self.key(value, Side.LEFT) is not None else None

    def _parse(self, value: Value) -> phonenumbers.PhoneNumber | None:
        return _phone_number(written(value), self.region)


@lru_cache(maxsize=REMEMBERED)
def _phone_number(text: str, region: str) -> phonenumbers.PhoneNumber | None:
    """A whole number, or None. Remembered: one phone is compared several times, and parsing costs."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    # A local number without area code is "possible" too, but means another line in every town.
    whole = phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE
    return number if whole else None


@dataclass(frozen=True, slots=True)
class Email(Base):
    """E-mail addresses, carried as typed without spaces around; case does not count, a plus tag does."""

    def to(self, value: Value, side: Side) -> Value:
        """The address as typed, trimmed."""
        return written(value).strip()

    def key(self, value: Value, side: Side) -> str | None:
        """The address in lower case and normal form; None for what is no address."""
        return _mailbox(written(value).strip())

    def alike(self, left: Value, right: Value) -> bool:
        """The same address."""
        key = self.key(left, Side.LEFT)
        return key is not None and key == self.key(right, Side.RIGHT)


@lru_cache(maxsize=REMEMBERED)
def _mailbox(text: str) -> str | None:
    """The key of an e-mail address. Remembered: checking all that an address may be costs a tenth of a millisecond."""
    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized.lower()
    except EmailNotValidError:
        return None


@dataclass(frozen=True, slots=True)
class Address(Base):
    """A US street line, carried as typed. Its key spells like the post office (usaddress-scourgify)."""

    def key(self, value: Value, side: Side) -> str | None:
        """`123 n main st 4` for `123 N. Main Street, Apt #4`; a post box, and what says more, as plain text."""
        text = " ".join(POINT.sub("-", written(value)).split())
        return _street_line(text) if text else None

    def alike(self, left: Value, right: Value) -> bool:
        """The same place, however abbreviated; a sign that no address has, or a fraction, says something of its own."""
        key = self.key(left, Side.LEFT) if _odd(written(left)) == _odd(written(right)) else None
        return key is not None and key == self.key(right, Side.RIGHT)


@lru_cache(maxsize=REMEMBERED)
def _street_line(text: str) -> str | None:
    """The key of a street line. Remembered: a parse costs half a millisecond."""
    try:
        found = normalize_address_record(text)
    except (AddressNormalizationError, ValueError):
        return plain(text)
    words = _words(" ".join(part for part in found.values() if part))
    # Words that the parser leaves out were said all the same: then nothing is abbreviated.
    return " ".join(words) if words and _abbreviate(words, _words(text)) else plain(text)


def _abbreviate(words: list[str], typed: list[str]) -> bool:
    """Whether words are those that were typed, but for some that are shorter and leave out letters."""
    shorter, longer = Counter(words) - Counter(typed), Counter(typed) - Counter(words)
    return shorter.total() == longer.total() and all(any(_shortens(one, word) for one in shorter) for word in longer)


def _shortens(short: str, word: str) -> bool:
    letters = iter(word)
    return all(letter in letters for letter in short)


def _words(text: str) -> list[str]:
    """The words of an address without those that only say that a number or a letter is a unit's."""
    words = (plain(text) or "").split()
    following = [*words[1:], ""][: len(words)]
    return [
        word for word, after in zip(words, following, strict=True) if not (word in UNIT_WORDS and UNIT.search(after))
    ]


def _odd(text: str) -> list[str]:
    """The signs of an address that no other spelling changes: odd ones, fractions, and digits written high."""
    return [*ODD_SIGN.findall(text), *(sign for sign in text if sign.isnumeric() and not sign.isdecimal())]


@dataclass(frozen=True, slots=True)
class Zip(Base):
    """A ZIP code, carried as typed; ZIP+4 matches its five digits but is not rewritten by them."""

    def to(self, value: Value, side: Side) -> Value:
        """The code as text; a number gets its leading zeros back."""
        return value if isinstance(value, str) else written(value).zfill(5)

    def key(self, value: Value, side: Side) -> str | None:
        """The first five digits of a US code; any other code as plain text."""
        text = written(value).strip()
        found = re.match(r"^(\d{5})(?:[-\s]?\d{4})?$", text)
        return found[1] if found else plain(text)


@dataclass(frozen=True, slots=True)
class State(Base):
    """A US state: name against code. `left`, `right`: `name`, `code`, or `keep` as typed (default) on that side."""

    forms: dict[Side, str] = field(default_factory=dict)

    def to(self, value: Value, side: Side) -> Value:
        """The form that the side wants, or the side's option that means this state; unknown text as typed."""
        text = written(value).strip()
        code = state_code(text)
        target = self.ends.type(side)
        for option in target.options if target else ():
            if code and code in (state_code(option.value), state_code(option.label)):
                return option.value
        form = self.forms.get(side, "keep")
        if code is None or form == "keep":
            return text
        return code if form == "code" else STATES[code]

    def key(self, value: Value, side: Side) -> str | None:
        """The two-letter code, or the plain text of what is no US state."""
        text = plain(value)
        return state_code(written(value)) or state_code(text or "") or text

    def alike(self, left: Value, right: Value) -> bool:
        """The same state, by name or by code."""
        code = state_code(written(left))
        return code is not None and code == state_code(written(right))


@dataclass(frozen=True, slots=True)
class Name(Base):
    """A person's name. With `part` (first, middle, last, suffix) the `full` side holds the whole name in one field.

    The part is read out of the whole (nameparser); a whole cannot be made of one part, so such a rule goes one way.
    """

    full: Side | None = None
    part: str | None = None

    def to(self, value: Value, side: Side) -> Value:
        """The name as typed, or its part. Raises Unconvertible towards the whole name."""
        text = written(value)
        if self.full is None or self.part is None:
            return text
        if side is self.full:
            raise Unconvertible(f"{text!r} is only the {self.part} name; a whole name cannot be made of it")
        return str(getattr(HumanName(text), self.part))

    def alike(self, left: Value, right: Value) -> bool:
        """Between a whole and its part, the part is what it says."""
        if self.full is None:
            return False
        whole, part = (left, right) if self.full is Side.LEFT else (right, left)
        said = plain(part)
        return said is not None and said == plain(self.convert(whole, self.full.other))
