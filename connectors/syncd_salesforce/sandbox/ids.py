"""Salesforce ids: 15 characters that heed case, and a suffix of three that saves the case.

What is not here: which records there are.
"""

from __future__ import annotations

import random
import string

_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SUFFIX = string.ascii_uppercase + "012345"
_KNOWN = frozenset(_BASE62)
_POD = "Sb0"


def suffix(short: str) -> str:
    """The three characters that tell which of the 15 are capitals."""
    chunks = (short[at : at + 5] for at in (0, 5, 10))
    return "".join(_SUFFIX[sum(1 << bit for bit, char in enumerate(chunk) if "A" <= char <= "Z")] for chunk in chunks)


def full(text: object) -> str | None:
    """The 18 characters of an id written with 15 or 18, its case restored from the suffix; None for no id."""
    if not isinstance(text, str) or len(text) not in (15, 18) or not _KNOWN.issuperset(text):
        return None
    short = text[:15] if len(text) == 15 else _restored(text[:15], text[15:].upper())
    return None if short is None else short + suffix(short)


class Mint:
    """Makes ids, rising within each prefix."""

    def __init__(self, chance: random.Random) -> None:
        """Begin somewhere."""
        self._next = chance.randrange(62**4, 62**5)

    def new(self, prefix: str) -> str:
        """The next id of a prefix, 18 characters."""
        self._next += 1
        number, digits = self._next, ""
        for _ in range(9):
            number, digit = divmod(number, 62)
            digits = _BASE62[digit] + digits
        short = prefix + _POD + digits
        return short + suffix(short)


def _restored(short: str, saved: str) -> str | None:
    if not set(saved) <= set(_SUFFIX):
        return None
    capital = [bool(_SUFFIX.index(char) >> bit & 1) for char in saved for bit in range(5)]
    found = "".join(char.upper() if up else char.lower() for char, up in zip(short, capital, strict=True))
    return found if suffix(found) == saved else None
