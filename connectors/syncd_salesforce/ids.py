"""Salesforce's record ids: 15 characters that tell capitals apart, or the same with three more that sum them up. Pure.

What is not here: whether there is such a record.
"""

from __future__ import annotations

import re
import string

_SUMS = string.ascii_uppercase + "012345"
_SHAPE = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_CHUNK = 5


def full(id: str) -> str | None:
    """The 18 characters of an id of 15 or 18; None for what is no id, or one whose last three do not sum it up."""
    if not _SHAPE.match(id):
        return None
    stem = id[:15]
    whole = stem + "".join(_sum(stem[at : at + _CHUNK]) for at in range(0, 15, _CHUNK))
    return whole if len(id) == 15 or whole[15:] == id[15:].upper() else None


def _sum(chunk: str) -> str:
    return _SUMS[sum(1 << bit for bit, letter in enumerate(chunk) if letter in string.ascii_uppercase)]
