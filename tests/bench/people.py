"""Invented people, one for each number: the same person on both sides, in each vendor's own words.

What is not here: who keeps them (`vendors`). Names repeat as names do; e-mails and phones are one person's only.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

EXTRA = 21
"""Further fields that a person has on both sides: texts, numbers and pick lists in turn."""

CHOICES = ("Asphalt", "Metal", "Tile", "Slate", "Flat")

_FIRST = ("Ada", "Ben", "Cora", "Dan", "Eva", "Finn", "Gina", "Hugo", "Iris", "Jack", "Kira", "Liam", "Mona", "Noah")
_LAST = ("Abbott", "Baker", "Carver", "Dalton", "Ellis", "Foster", "Garner", "Harper", "Ingram", "Jensen", "Keller")
_STREETS = ("Oak St", "Maple Ave", "Cedar Ln", "Birch Rd", "Elm Dr", "Pine Ct", "Walnut Blvd")
_CITIES = ("Chicago", "Aurora", "Joliet", "Elgin", "Peoria")
_AREAS = (312, 214, 713, 404, 602, 303, 615, 704, 813, 512)
_EXCHANGES = tuple(number for number in range(220, 990) if number % 100 != 11 and number != 555)
_BEGAN = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())

Row = dict[str, Any]


def born(number: int) -> int:
    """When this person was entered, on both sides: unix seconds."""
    return _BEGAN + 2 * number


def phone(number: int) -> str:
    """Ten digits that are a number of North America, and nobody else's."""
    rest, area = divmod(number, len(_AREAS))
    exchange, line = divmod(rest, 10_000)
    return f"{_AREAS[area]}{_EXCHANGES[exchange]}{line:04}"


def shared(number: int) -> Row:
    """What both sides call by one name."""
    return {
        "email": f"{_first(number)}.{_last(number)}.{number}@example.com".lower(),
        "company": f"{_last(number)} Homes",
        "city": _CITIES[number % len(_CITIES)],
        "zip": f"{60000 + number % 999:05}",
    }


def hubspot(number: int) -> Row:
    """The properties of a HubSpot contact: texts, whatever they mean."""
    extra = {f"extra_{each}": str(value) for each, value in _extra(number).items()}
    own = {
        "firstname": _first(number), "lastname": _last(number), "phone": f"+1{phone(number)}",
        "address": _street(number), "state": "IL",
    }  # fmt: skip
    return own | shared(number) | extra


def jobnimbus(number: int) -> Row:
    """The fields of a JobNimbus contact."""
    extra = {key(each): value for each, value in _extra(number).items()}
    own = {
        "first_name": _first(number), "last_name": _last(number), "display_name": name(number),
        "home_phone": phone(number), "address_line1": _street(number), "state_text": "IL", "country_name": "USA",
        "record_type_name": "Customer", "status_name": "Lead", "is_active": True, "is_archived": False,
        "created_by_name": "Office", "owners": [], "tags": [],
    }  # fmt: skip
    return own | shared(number) | extra


def name(number: int) -> str:
    """What JobNimbus calls a person: no two the same."""
    return f"{_first(number)} {_last(number)} {number}"


def key(extra: int) -> str:
    """The custom field that holds this one of the further fields in JobNimbus."""
    return f"cf_{('string', 'double', 'string')[extra % 3]}_{extra}"


def _extra(number: int) -> dict[int, str | float]:
    return {
        each: (f"note {number} {each}", (number + each) % 1000 + 0.5, CHOICES[(number + each) % len(CHOICES)])[each % 3]
        for each in range(1, EXTRA + 1)
    }


def _first(number: int) -> str:
    return _FIRST[number % len(_FIRST)]


def _last(number: int) -> str:
    return _LAST[number % len(_LAST)]


def _street(number: int) -> str:
    return f"{number % 9000 + 100} {_STREETS[number % len(_STREETS)]}"
