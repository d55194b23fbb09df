"""How alike two records are: a number from 0 to 1, and the reasons in plain words. Pure, and the same from both sides.

The number is a probability: what two records have in common, or not, counts so many bits for or against that they are
one person (the way of Fellegi and Sunter), beginning with how unlikely any two records are the same.
What is not here: who is compared with whom (`traits`, `match`), and what follows from the number (a map's `score`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache

from rapidfuzz.distance import OSA, JaroWinkler

from syncd.core.fieldmap import Bands, Rule
from syncd.core.traits import Aspect, Traits, Yardstick, common, local, sound
from syncd.core.values.base import REMEMBERED
from syncd.core.words import NICKNAMES, SUFFIXES

_BEGIN = -13.0
"""Bits against two records that share nothing but a rough key: one in some eight thousand."""

_ANOTHER = 0.8
"""The most that a pair with another name is sure of."""

_ALIKE = 0.9
"""Jaro-Winkler likeness from which two long names or street lines are one with slips."""

_SLIPS_FROM = 4
"""Shorter words with one letter off are other words."""


class Grade(IntEnum):
    """How two values compare."""

    SAME = 3
    CLOSE = 2
    KIN = 1
    OTHER = 0


_BITS: dict[Aspect, dict[Grade, float]] = {
    Aspect.PHONE: {Grade.SAME: 9.0, Grade.CLOSE: 4.5, Grade.OTHER: -1.0},
    Aspect.EMAIL: {Grade.SAME: 10.0, Grade.CLOSE: 8.0, Grade.KIN: 5.5, Grade.OTHER: -1.5},
    Aspect.NAME: {Grade.SAME: 4.5, Grade.CLOSE: 3.0, Grade.KIN: -4.0, Grade.OTHER: -7.0},
    Aspect.STREET: {Grade.SAME: 6.0, Grade.CLOSE: 4.5, Grade.OTHER: -1.0},
    Aspect.ZIP: {Grade.SAME: 2.5, Grade.OTHER: -1.0},
    Aspect.OTHER: {Grade.SAME: 4.0, Grade.CLOSE: 2.0, Grade.OTHER: -2.0},
}
_SWAPPED = {Grade.SAME: 3.5, Grade.CLOSE: 2.0}


class Band(StrEnum):
    """What follows from a score: the two are linked, a person is asked, or the record is new."""

    LINK = "link"
    ASK = "ask"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Score:
    """How alike (0 to 1), and why; the reasons that weigh most come first.

    `another`: a name is another one. A family shares phones, streets and mailboxes, so that all of these together do
    not make two people of one family one person: such a pair is never nearly certain.
    """

    value: float
    reasons: tuple[str, ...]
    another: bool = False

    def band(self, bands: Bands) -> Band:
        """Where the number falls."""
        return Band.LINK if self.value >= bands.link else Band.ASK if self.value >= bands.ask else Band.NEW

    def __str__(self) -> str:
        """`0.93: same phone, last name one letter off`."""
        return f"{self.value:.2f}: {', '.join(self.reasons) or 'nothing to compare'}"


@dataclass(frozen=True, slots=True)
class _Point:
    bits: float
    words: str
    another: bool = False


def score(stick: Yardstick, one: Traits, other: Traits, shared: Container[str] = frozenset()) -> Score:
    """How alike two records are. `shared`: phones and e-mails, as `traits.common` has them, that are nobody's own."""
    points = sorted(_points(stick, one, other, shared), key=lambda point: (-abs(point.bits), point.words))
    bits, another = _BEGIN + sum(point.bits for point in points), any(point.another for point in points)
    value = round(1 / (1 + 2.0**-bits), 4)
    return Score(min(value, _ANOTHER) if another else value, tuple(point.words for point in points), another)


def _points(stick: Yardstick, one: Traits, other: Traits, shared: Container[str]) -> Iterator[_Point]:
    yield from _several(Aspect.PHONE, one.phones, other.phones, shared)
    yield from _several(Aspect.EMAIL, one.emails, other.emails, shared)
    yield from _names(stick.rules[Aspect.NAME], one.names, other.names)
    yield from _single(Aspect.STREET, one.streets, other.streets)
    yield from _single(Aspect.ZIP, one.zips, other.zips)
    for rule, a, b in zip(stick.rules[Aspect.OTHER], one.others, other.others, strict=True):
        if a and b:
            grade = _text_grade(a, b)
            words = {Grade.SAME: f"same {label(rule)}", Grade.CLOSE: f"{label(rule)} nearly the same"}
            yield _Point(_BITS[Aspect.OTHER][grade], words.get(grade, f"another {label(rule)}"))


def _several(aspect: Aspect, ones: frozenset[str], others: frozenset[str], shared: Container[str]) -> Iterator[_Point]:
    """The best of all pairs: people have several phones and e-mails, and one in common is enough."""
    if not ones or not others:
        return
    both = ones & others
    own = [value for value in both if common(value) not in shared]
    if both and not own:
        yield _Point(0.0, f"same {aspect}, which many share")
        return
    grade = max(_GRADES[aspect](a, b) for a in ones for b in others)
    words = {
        Grade.SAME: f"same {aspect}",
        Grade.CLOSE: "phone one digit off" if aspect is Aspect.PHONE else "e-mail one letter off",
        Grade.KIN: "same e-mail name at another domain",
    }
    yield _Point(_BITS[aspect][grade], words.get(grade, f"another {aspect}"))


def _phone_grade(a: str, b: str) -> Grade:
    if a == b:
        return Grade.SAME
    return Grade.CLOSE if OSA.distance(a, b, score_cutoff=1) == 1 else Grade.OTHER


def _email_grade(a: str, b: str) -> Grade:
    if a == b:
        return Grade.SAME
    if OSA.distance(a, b, score_cutoff=1) == 1:
        return Grade.CLOSE
    return Grade.KIN if local(a) == local(b) else Grade.OTHER


_GRADES = {Aspect.PHONE: _phone_grade, Aspect.EMAIL: _email_grade}


def _single(aspect: Aspect, ones: tuple[str | None, ...], others: tuple[str | None, ...]) -> Iterator[_Point]:
    """The best of the addresses that a map has."""
    grades = [_text_grade(a, b) for a in ones for b in others if a and b]
    if grades:
        grade = max(grades)
        if aspect is Aspect.ZIP and grade is Grade.CLOSE:
            grade = Grade.OTHER
        words = {Grade.SAME: f"same {aspect}", Grade.CLOSE: f"nearly the same {aspect}"}
        yield _Point(_BITS[aspect][grade], words.get(grade, f"another {aspect}"))


def _text_grade(a: str, b: str) -> Grade:
    if a == b:
        return Grade.SAME
    numbers = [[word for word in text.split() if word.isdigit()] for text in (a, b)]
    alike = numbers[0] == numbers[1] and JaroWinkler.similarity(a, b) >= _ALIKE
    return Grade.CLOSE if alike else Grade.OTHER


def _names(rules: tuple[Rule, ...], ones: tuple[str | None, ...], others: tuple[str | None, ...]) -> Iterator[_Point]:
    pairs = [(rule, a, b) for rule, a, b in zip(rules, ones, others, strict=True) if a and b]
    straight = [name_grade(a, b) for _, a, b in pairs]
    crossed = _crossed(pairs) if straight and max(straight) is Grade.OTHER else Grade.OTHER
    if crossed in _SWAPPED:
        yield _Point(_SWAPPED[crossed] * len(pairs), "first and last name changed places")
        return
    for (rule, a, b), grade in zip(pairs, straight, strict=True):
        words = {
            Grade.SAME: f"same {label(rule)}",
            Grade.CLOSE: _close(rule, a, b),
            Grade.KIN: f"{label(rule)} with another middle name or suffix",
        }
        yield _Point(_BITS[Aspect.NAME][grade], words.get(grade, f"another {label(rule)}"), grade <= Grade.KIN)


def _crossed(pairs: list[tuple[Rule, str, str]]) -> Grade:
    """How the names compare if the two of one record stand in each other's fields."""
    turned = [b for _, _, b in reversed(pairs)]
    return min(name_grade(a, b) for (_, a, _), b in zip(pairs, turned, strict=True))


def _close(rule: Rule, a: str, b: str) -> str:
    first = a.split(maxsplit=1)[0], b.split(maxsplit=1)[0]
    if first[0] == first[1]:
        return f"{label(rule)} with and without a middle name"
    if _nick(*first):
        return f"{label(rule)} a short form"
    return f"{label(rule)} {'one letter off' if OSA.distance(a, b) == 1 else 'spelled alike'}"


@lru_cache(maxsize=REMEMBERED)
def name_grade(a: str, b: str) -> Grade:
    """How two names compare: nicknames, initials, slips of the pen; `jr` and another initial make it a relative."""
    if a == b:
        return Grade.SAME
    (first, *rest), (second, *more) = a.split(), b.split()
    marks = [{SUFFIXES[word] for word in words if word in SUFFIXES} for words in (rest, more)]
    if first == second or _nick(first, second):
        initials = [{word[0] for word in words if word not in SUFFIXES} for words in (rest, more)]
        strangers = bool(initials[0] and initials[1]) and not initials[0] & initials[1]
        return Grade.KIN if marks[0] != marks[1] or strangers else Grade.CLOSE
    if "".join(a.split()) == "".join(b.split()):
        return Grade.CLOSE
    shorter = min(len(a), len(b))
    if shorter >= _SLIPS_FROM and OSA.distance(a, b, score_cutoff=1) == 1:
        return Grade.CLOSE
    alike = JaroWinkler.similarity(a, b) >= _ALIKE and sound(a) == sound(b)
    return Grade.CLOSE if shorter > _SLIPS_FROM and alike else Grade.OTHER


def _nick(a: str, b: str) -> bool:
    """Whether one is a short form of the other, both are of the same name, or one is the other's initial."""
    if min(len(a), len(b)) == 1:
        return a[0] == b[0]
    return bool(({a} | NICKNAMES.get(a, set())) & ({b} | NICKNAMES.get(b, set())))


def label(rule: Rule) -> str:
    """What people call a rule's field."""
    known = rule.left_type or rule.right_type
    return known.label.lower() if known is not None and known.label else rule.name
