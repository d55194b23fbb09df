"""Invented people."""

from __future__ import annotations

import random
from collections import Counter

import phonenumbers

from syncd.kit.people import Person, people, variants


def _digits(person: Person) -> str:
    return "".join(letter for letter in person.phone or "" if letter.isdigit())[-10:]


def test_the_same_seed_gives_the_same_people() -> None:
    """Two sandboxes can be filled with the same people, and with more of them."""
    assert people(40, 3) == people(90, 3)[:40]
    assert people(40, 3) != people(40, 4)


def test_tidy_people_are_all_different() -> None:
    """Each has a name, an e-mail and a phone of their own."""
    some = people(3000, 1, messy=False)
    for get in (lambda one: one.name, lambda one: one.email, lambda one: one.phone):
        assert len({get(one) for one in some}) == len(some)


def test_messy_people_are_messy() -> None:
    """Shared phones, blanks, letters of other scripts, long texts and odd cases all occur among a thousand."""
    some = people(1000, 2)
    shared = [count for digits, count in Counter(map(_digits, some)).items() if digits and count > 1]
    assert shared
    assert any(one.email is None for one in some)
    assert any(one.phone is None for one in some)
    assert any(not one.name.isascii() for one in some)
    assert any("'" in one.last for one in some)
    assert any(len(one.note or "") > 1000 for one in some)
    assert any(one.first != one.first.strip() for one in some)
    assert len({"".join("9" if c.isdigit() else c for c in one.phone or "") for one in some}) > 4


def test_nobody_is_without_any_way_to_reach_them() -> None:
    """Every person can be told by e-mail or phone, before and after another hand wrote them."""
    for one in people(2000, 5):
        assert one.email or one.phone
        again = variants(one, random.Random(one.n))
        assert again.email or again.phone


def test_no_real_number_or_mailbox_is_used() -> None:
    """Numbers are of the 555 exchange and parse as American ones; mail goes to example domains."""
    for one in people(500, 6):
        if one.phone:
            assert _digits(one)[3:6] == "555"
            assert phonenumbers.is_valid_number(phonenumbers.parse(one.phone, "US"))
        assert one.email is None or ".".join(one.email.lower().split("@")[1].split(".")[:1]) == "example"


def test_a_variant_is_still_the_same_person() -> None:
    """Whatever is written differently, e-mail or phone agree once cleaned, and something does differ mostly."""
    some = people(300, 7)
    again = [variants(one, random.Random(one.n)) for one in some]
    for one, other in zip(some, again, strict=True):
        same_mail = bool(one.email and other.email and one.email.lower() == other.email.lower())
        assert same_mail or (_digits(one) and _digits(one) == _digits(other))
    assert sum(one != other for one, other in zip(some, again, strict=True)) > 200
