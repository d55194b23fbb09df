"""The texts that records are found by are stored: whoever changes one has all of them made anew.

What is not here: how they are made anew.
"""

from __future__ import annotations

from hashlib import blake2b

from syncd.core.model import FieldKind, FieldType, Side
from syncd.core.values import Ends, converter
from syncd.engine.maps import INDEXED

SAMPLES = {
    "address": (
        "123 N. Main Street, Apt #4", "9 Oak Ln\nSuite B", "P.O. Box 12", "12.5 Mile Rd", "1 Elm St, Dallas, TX 75001",
        "500 Unit Rd", "123 Main St c/o Bob", "Lot 5 Oak Ridge Trail", "\u00bd Main",
    ),
    "phone": ("312.555.0143", "+44 20 7946 0958 x7", "555-0143", "000-000-0000", "call 312 555 0143", "1-800-ROOFING"),
    "email": (" Ana+Roof@Example.COM", "ana@", "\u00e4na@example.com"),
    "name": ("Nu\u00f1ez", "O\u2019Brien", "Smith-Jones", " - "),
    "zip": ("62701-1234", "627", "K1A 0B1"),
    "state": ("Illinois", "il", "Ontario"),
    "number": ("1,250.50", "12 34", "($ 30)", "0012"),
    "date": ("9/30/2024", "2024-09-30T23:30:00Z", "soon"),
    "yes_no": ("Yes", "0", "maybe"),
    "text": ("A  b\u2019c", "\uff21", "", "\u2014"),
}  # fmt: skip


def test_whoever_changes_a_key_counts_up() -> None:
    """If this fails, keys have changed: count INDEXED up, then write number and digest here."""
    text = FieldType(name="x", kind=FieldKind.TEXT)
    ends = Ends(left=text, right=text)
    keys = [converter(name, ends, {}).key(value, Side.LEFT) for name, values in SAMPLES.items() for value in values]
    assert (INDEXED, blake2b(repr(keys).encode(), digest_size=8).hexdigest()) == (5, "1ef5847c22f00e42")
