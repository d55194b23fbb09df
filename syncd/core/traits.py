"""What tells people apart, in comparable form: phones, e-mails, names, street lines, ZIP codes; and rough keys of them.

What is not here: how alike two records are (`score`), and the keys that an admin chose (`match`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.model import Side, Value
from syncd.core.values.base import plain
from syncd.core.values.people import Address, Email, Name, Phone, Zip


class Aspect(StrEnum):
    """What a field says of a person. OTHER: a field that only a match key of the map looks at."""

    PHONE = "phone"
    EMAIL = "e-mail"
    NAME = "name"
    STREET = "street"
    ZIP = "ZIP"
    OTHER = "other"


_ASPECTS: Mapping[type, Aspect] = {
    Phone: Aspect.PHONE, Email: Aspect.EMAIL, Name: Aspect.NAME, Address: Aspect.STREET, Zip: Aspect.ZIP,
}  # fmt: skip
_DIGITS_TOLD = 4
_SOUNDS = {
    **dict.fromkeys("bfpv", "1"), **dict.fromkeys("cgjkqsxz", "2"), **dict.fromkeys("dt", "3"), "l": "4",
    **dict.fromkeys("mn", "5"), "r": "6",
}  # fmt: skip
_SOUND_LENGTH = 4


def aspect(rule: Rule) -> Aspect:
    """What a rule's fields say, by its converter."""
    return _ASPECTS.get(type(rule.convert), Aspect.OTHER)


def common(value: str) -> str:
    """A phone or e-mail as it is indexed, whichever field it stands in: so it is known how many carry it."""
    return f"\x18{value}"


@dataclass(frozen=True, slots=True)
class Yardstick:
    """The rules of a map by which two records are compared, each kind in the order of the map."""

    rules: Mapping[Aspect, tuple[Rule, ...]]

    @classmethod
    def of(cls, m: FieldMap) -> Yardstick:
        """Rules between two fields that say what a person is; others only if a match key looks at them."""
        keyed = {rule.name for match in (*m.link, *m.ask) for part in match.parts for rule in part.rules}
        found: dict[Aspect, list[Rule]] = {each: [] for each in Aspect}
        for rule in m.rules:
            whole = rule.left and rule.right and not rule.expr and not rule.relation
            if whole and (aspect(rule) is not Aspect.OTHER or rule.name in keyed):
                found[aspect(rule)].append(rule)
        return cls({each: tuple(rules) for each, rules in found.items()})

    def traits(self, side: Side, fields: Mapping[str, Value]) -> Traits:
        """What a record of a side says."""
        told = {
            each: tuple(_text(rule, side, fields.get(rule.field(side) or "")) for rule in rules)
            for each, rules in self.rules.items()
        }
        several = {each: frozenset(text for text in told[each] if text) for each in (Aspect.PHONE, Aspect.EMAIL)}
        return Traits(several[Aspect.PHONE], several[Aspect.EMAIL], *(told[each] for each in list(Aspect)[2:]))


def _text(rule: Rule, side: Side, value: Value) -> str | None:
    convert = rule.convert
    if isinstance(convert, Name) and convert.full is side:
        return plain(convert.convert(value, side.other))
    return convert.key(value, side)


@dataclass(frozen=True, slots=True)
class Traits:
    """What one record says. Phones and e-mails are pooled; the others stand in the order of the map, None for blank."""

    phones: frozenset[str]
    emails: frozenset[str]
    names: tuple[str | None, ...]
    streets: tuple[str | None, ...]
    zips: tuple[str | None, ...]
    others: tuple[str | None, ...]

    def blocks(self) -> list[str]:
        """Rough keys: records that share none of them cannot be the same, however wrongly one of them was typed."""
        names = [name for name in self.names if name]
        sounds = sorted({sound(name) for name in names})
        digits = sorted({phone[-_DIGITS_TOLD:] for phone in self.phones})
        places = [zip_ for zip_ in self.zips if zip_]
        houses = [" ".join(street.split()[:2]) for street in self.streets if street]
        found = [common(value) for value in sorted(self.phones | self.emails)]
        found += [f"\x17box {local(email)}" for email in sorted(self.emails)]
        found += [f"\x17name {' '.join(sounds)}"] if len(sounds) > 1 else []
        found += [f"\x17here {each} {place}" for each in sounds for place in places]
        found += [f"\x17letter {letter} {place}" for letter in sorted({n[0] for n in names}) for place in places]
        found += [f"\x17line {each} {last}" for each in sounds for last in digits]
        found += [f"\x17house {each} {place}" for each in houses for place in places or [""]]
        return found


def local(email: str) -> str:
    """What stands before the @, without a tag after a plus."""
    return email.partition("@")[0].partition("+")[0]


def sound(name: str) -> str:
    """Soundex of the first word: one form for spellings that sound alike; other alphabets keep their first letters."""
    word = re.sub(r"\W", "", name.split(maxsplit=1)[0])
    if not word.isascii() or not word.isalpha():
        return word[:_SOUND_LENGTH]
    found, before = [], _SOUNDS.get(word[0], "")
    for letter in word[1:]:
        code = _SOUNDS.get(letter, "")
        if code and code != before:
            found.append(code)
        before = before if letter in "hw" else code
    return (word[0] + "".join(found))[:_SOUND_LENGTH]
