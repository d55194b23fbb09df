"""Two address books of one town, typed by two offices over the years, and who in them is really the same.

People mistype, leave out and swap, marry, move, change numbers, share a phone with their spouse, an e-mail with the
family, a front desk with the whole office; sons are called as their fathers. The same for the same seed.
What is not here: invented people themselves (`kit.people`), and finding out who is who (`matching`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from syncd.core.model import Record, Ref, Side, Value
from syncd.kit.people import Person, people, variants

OVERLAP = 0.7
"""The part of each address book that stands in the other too."""

_LEFT_FIELDS = {
    "first": "firstname", "last": "lastname", "email": "email", "phone": "phone", "mobile": "mobilephone",
    "street": "address", "city": "city", "state": "state", "zip": "zip",
}  # fmt: skip
_RIGHT_FIELDS = {
    "first": "first_name", "last": "last_name", "email": "email", "phone": "home_phone", "mobile": "mobile_phone",
    "street": "address_line1", "city": "city", "state": "state_text", "zip": "zip",
}  # fmt: skip
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_OFFICES = 5


@dataclass(frozen=True, slots=True)
class Books:
    """Both address books by id, and the true twins: left id -> right id."""

    records: Mapping[Side, Mapping[str, Record]]
    twins: Mapping[str, str]


def books(rows: int, seed: int) -> Books:
    """Two books of `rows` people each."""
    dice = random.Random(f"books {seed}")
    both = int(rows * OVERLAP)
    town = _town(2 * rows - both, seed, dice)
    dice.shuffle(town)
    sides = {Side.LEFT: town[:rows], Side.RIGHT: [*town[:both], *town[rows:]]}
    numbers = {side: dice.sample(range(10 * rows), rows) for side in Side}
    ids = {side: [f"{side.value[0]}{number}" for number in numbers[side]] for side in Side}
    found: dict[Side, dict[str, Record]] = {}
    for side in Side:
        typed = {id_: _typed(person, dice, _SLIPS[side]) for id_, person in zip(ids[side], sides[side], strict=True)}
        found[side] = {id_: _record(side, id_, person) for id_, person in sorted(typed.items())}
    return Books(found, dict(zip(ids[Side.LEFT][:both], ids[Side.RIGHT][:both], strict=True)))


def _record(side: Side, id_: str, person: Person) -> Record:
    """As the vendor tells it: texts without spaces around, blanks as None."""
    ref = Ref("hubspot" if side is Side.LEFT else "jobnimbus", "contacts", id_)
    names = _LEFT_FIELDS if side is Side.LEFT else _RIGHT_FIELDS
    fields: dict[str, Value] = {name: (getattr(person, of) or "").strip() or None for of, name in names.items()}
    return Record(ref=ref, fields=fields)


def _town(count: int, seed: int, dice: random.Random) -> list[Person]:
    """Who lives there: families beside what `kit.people` has of them, offices, sons, and new tenants."""
    offices = people(_OFFICES, seed + 7919, messy=False)
    found: list[Person] = []
    for person in people(count, seed):
        last = found[-1] if found else None
        at_home = last is not None and last.street == person.street
        if last is not None and at_home and dice.random() < 0.3:
            person = replace(person, email=last.email)  # noqa: PLW2901  # one mailbox for the family
        if last is not None and not at_home and dice.random() < 0.02:
            person = _married(person, last, dice)  # noqa: PLW2901
        elif last is not None and dice.random() < 0.004:
            person = _son(person, last, dice)  # noqa: PLW2901
        elif last is not None and dice.random() < 0.02:
            person = _at(person, last)  # noqa: PLW2901  # who lives where the other one has moved out
        found.append(_at_work(person, dice.choice(offices), dice))
    return found


def _at(person: Person, other: Person) -> Person:
    return replace(person, street=other.street, city=other.city, state=other.state, zip=other.zip)


def _married(person: Person, other: Person, dice: random.Random) -> Person:
    """One home, one phone, often one mailbox; two first names."""
    whole = replace(_at(person, other), last=other.last, phone=other.phone)
    return replace(whole, email=other.email) if dice.random() < 0.3 else whole


def _son(person: Person, father: Person, dice: random.Random) -> Person:
    mark = " Jr." if dice.random() < 0.6 else ""
    whole = replace(_at(person, father), first=father.first, last=f"{father.last}{mark}")
    return replace(whole, phone=father.phone) if dice.random() < 0.5 else whole


def _at_work(person: Person, office: Person, dice: random.Random) -> Person:
    """Some give the phone or the mailbox of the office that they manage houses for."""
    chance = dice.random()
    if chance < 0.03:
        person = replace(person, phone=office.phone)
    elif chance < 0.05:
        person = replace(person, email=f"info@office{office.n}.example.com")
    return person


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slips:
    """How often a hand does what, from 0 to 1."""

    letter: float
    digit: float
    swap: float
    blank: float
    change: float
    variant: float


_SLIPS = {
    Side.LEFT: _Slips(letter=0.015, digit=0.01, swap=0.004, blank=0.04, change=0.01, variant=0.2),
    Side.RIGHT: _Slips(letter=0.04, digit=0.03, swap=0.015, blank=0.1, change=0.06, variant=0.6),
}


def _typed(person: Person, dice: random.Random, slips: _Slips) -> Person:
    """As one office has it."""
    changes: list[tuple[float, Callable[[Person, random.Random], Person]]] = [
        (slips.variant, variants),
        (slips.letter, lambda p, d: replace(p, first=_slip(p.first, d))),
        (slips.letter, lambda p, d: replace(p, last=_slip(p.last, d))),
        (slips.letter, lambda p, d: replace(p, email=_slip_mail(p.email, d))),
        (slips.letter, lambda p, d: replace(p, street=_slip(p.street, d))),
        (slips.digit, lambda p, d: replace(p, phone=_misdialed(p.phone, d))),
        (slips.swap, lambda p, _: replace(p, first=p.last, last=p.first)),
        (slips.change, lambda p, d: replace(p, phone=_new_phone(d))),
        (slips.change, lambda p, d: replace(p, email=f"{p.first[:1].lower()}{d.randrange(10**6)}@mail.example.com")),
        (slips.change, _moved),
        (slips.change, lambda p, _: replace(p, phone=p.mobile, mobile=p.phone)),
        (slips.blank, lambda p, _: replace(p, phone=None)),
        (slips.blank, lambda p, _: replace(p, email=None)),
        (slips.blank, lambda p, _: replace(p, street="", zip="")),
        (slips.blank, lambda p, _: replace(p, mobile=None)),
    ]
    for chance, change in changes:
        if dice.random() < chance:
            person = change(person, dice)
    return person


def _slip(text: str, dice: random.Random) -> str:
    """One letter wrong, missing, doubled, or changed places with the next."""
    places = [at for at, sign in enumerate(text[:-1]) if sign.isalpha() and text[at + 1].isalpha()]
    if not places:
        return text
    at = dice.choice(places)
    one, next_ = text[at], text[at + 1]
    middle = dice.choice((dice.choice(_LETTERS) + next_, next_, one + one + next_, next_ + one))
    return text[:at] + middle + text[at + 2 :]


def _slip_mail(email: str | None, dice: random.Random) -> str | None:
    if email is None:
        return None
    name, _, domain = email.partition("@")
    return f"{_slip(name, dice)}@{domain}" if dice.random() < 0.7 else f"{name}@mail.example.com"


def _misdialed(phone: str | None, dice: random.Random) -> str | None:
    """One of the last four digits is another."""
    if not phone:
        return phone
    at = dice.choice([place for place, sign in enumerate(phone) if sign.isdigit()][-4:])
    return phone[:at] + str((int(phone[at]) + dice.randrange(1, 10)) % 10) + phone[at + 1 :]


def _new_phone(dice: random.Random) -> str:
    return f"({dice.randrange(201, 989)}) 555-{dice.randrange(10_000):04d}"


def _moved(person: Person, dice: random.Random) -> Person:
    return _at(person, people(1, dice.randrange(10**9), messy=False)[0])
