"""Laws that every converter keeps, for any value: what is written reads as equal, settles at once, keeps its key."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from syncd.core.fieldmap import Converter, Unconvertible
from syncd.core.loss import same
from syncd.core.model import FieldKind, FieldType, Loss, Option, Side, User, Value
from syncd.core.values import BUILDERS, Ends, blank, converter, default

K = FieldKind
LEFT, RIGHT = Side.LEFT, Side.RIGHT


def field(kind: FieldKind = K.TEXT, *options: str, loss: Loss | None = None) -> FieldType:
    """A field of a kind."""
    return FieldType(name="x", kind=kind, options=tuple(Option(o, o.title()) for o in options), loss=loss or Loss())


texts = st.text(max_size=30) | st.sampled_from(["123 N. Main Street, Apt 4", "Texas", "tx", "62701-1234", "O'Brien"])
phones = st.from_regex(r"\A\(?[2-9]\d\d\)?[ .-]?\d{3}[ .-]?\d{4}( x\d{1,4})?\Z") | texts
emails = st.emails() | texts
amounts = st.decimals(-(10**9), 10**9, places=3).map(lambda d: f"{d:,}") | texts
numbers = st.integers(-(10**9), 10**9) | st.floats(-1e9, 1e9, allow_nan=False).map(lambda x: round(x, 6))
days = st.dates().map(lambda d: d.isoformat())
moments = st.datetimes().map(lambda d: d.replace(microsecond=0).isoformat() + "Z")
options = st.sampled_from(["red", "green", "blue", "RED", "Red", "slate"])
anything: st.SearchStrategy[Value] = st.one_of(
    st.none(), texts, st.booleans(), st.integers(), st.floats(), st.lists(texts, max_size=3).map(tuple)
)


@dataclass(frozen=True, repr=False)
class Pairing:
    """Two fields with a converter between them, and values of both."""

    name: str
    convert: Converter
    ends: Ends
    values: dict[Side, st.SearchStrategy[Value]]

    def __repr__(self) -> str:
        return self.name


def pairing(
    title: str,
    left: FieldType,
    right: FieldType,
    ours: st.SearchStrategy[Value],
    theirs: st.SearchStrategy[Value],
    named: str | None = None,
    /,
    **options: Any,
) -> Pairing:
    """A pairing in the zone of Chicago with two users on each side."""
    ends = Ends(
        left=left,
        right=right,
        left_users=(User("1", "Ann Bee", "a@example.com"), User("2", "Cy Dee", "c@example.com")),
        right_users=(User("a", "Ann Bee", "A@example.com"), User("c", "Cy Dee", "c@example.com")),
        left_zone="America/Chicago",
        right_zone="America/Chicago",
    )
    found = converter(named, ends, options) if named else default(ends)
    assert found is not None
    return Pairing(title, found, ends, {LEFT: ours, RIGHT: theirs})


T, SHORT = field(), field(loss=Loss(max_length=5))
COLORS, COLOURS = field(K.ENUM, "red", "green", "blue"), field(K.ENUM, "rot", "gruen")
LOSSY = {"red": ["rot"], "blue": "rot", "green": "gruen"}
PAIRINGS = [
    pairing("text", T, T, texts, texts),
    pairing("short text", T, SHORT, texts, texts),
    pairing("name", T, T, texts, texts, "name"),
    pairing("phone", T, T, phones, phones, "phone"),
    pairing("phone e164", T, T, phones, phones, "phone", format="e164"),
    pairing("phone national", T, T, phones, phones, "phone", format="national"),
    pairing("email", T, T, emails, emails, "email"),
    pairing("address", T, T, texts, texts, "address"),
    pairing("zip", T, T, texts, texts, "zip"),
    pairing("state", T, T, texts, texts, "state", right="code", left="name"),
    pairing("number", field(K.NUMBER), field(K.NUMBER), numbers, numbers, "number"),
    pairing("cents", field(K.NUMBER), field(K.NUMBER), numbers, numbers, "money"),
    pairing("number in text", T, field(K.NUMBER), amounts, numbers),
    pairing("day", field(K.DATE), field(K.DATETIME), days, moments),
    pairing("day in text", T, field(K.DATE), days | texts, days),
    pairing("moment in text", T, field(K.DATETIME), moments | texts, moments),
    pairing("tick", field(K.BOOL), T, st.booleans(), st.sampled_from(["yes", "No", "x", "maybe"])),
    pairing("options", COLORS, field(K.ENUM, "blue", "RED", "green"), options, options),
    pairing("table", COLORS, COLOURS, options, st.sampled_from(["rot", "Rot", "gruen"]), "picklist", values=LOSSY),
    pairing("option in text", COLORS, T, options, options),
    pairing(
        "several", field(K.MULTI, "red", "blue"), field(K.MULTI, "Red", "Blue"), st.just(("red",)), st.just(("Blue",))
    ),
    pairing("several in text", field(K.MULTI, "red", "blue"), T, st.just(("red", "blue")), st.just("Blue; red")),
    pairing("user", field(K.USER), field(K.USER), st.sampled_from(["1", "2", "3"]), st.sampled_from(["a", "c", "x"])),
]
FEWER = settings(max_examples=settings().max_examples // 3)  # of each of so many pairings
NAMES = [each.name for each in PAIRINGS]


@pytest.mark.parametrize("pair", PAIRINGS, ids=NAMES)
@FEWER
@given(data=st.data(), to=st.sampled_from(Side))
def test_what_was_written_reads_as_equal(pair: Pairing, data: st.DataObject, to: Side) -> None:
    """Carrying a value and reading both sides finds agreement, so that nothing bounces."""
    value = data.draw(pair.values[to.other])
    written = _carried(pair, value, to)
    assert blank(written) == blank(value)
    assert pair.convert.equal(*((value, written) if to is RIGHT else (written, value)))


@pytest.mark.parametrize("pair", PAIRINGS, ids=NAMES)
@FEWER
@given(data=st.data(), to=st.sampled_from(Side))
def test_there_and_back_settles_at_once(pair: Pairing, data: st.DataObject, to: Side) -> None:
    """What a round trip loses is lost in the first trip; a second one changes nothing."""
    written = _carried(pair, data.draw(pair.values[to.other]), to)
    back = _carried(pair, written, to.other)
    assert same(_carried(pair, back, to), written, pair.ends.type(to))


@pytest.mark.parametrize("pair", PAIRINGS, ids=NAMES)
@FEWER
@given(data=st.data(), to=st.sampled_from(Side))
def test_a_key_survives_the_trip(pair: Pairing, data: st.DataObject, to: Side) -> None:
    """A record is found by its match key on the side it was carried to."""
    value = data.draw(pair.values[to.other])
    written = _carried(pair, value, to)
    assert pair.convert.key(written, to) == pair.convert.key(value, to.other)


@pytest.mark.parametrize("name", ["text", "name", "phone", "email", "zip", "state"])
@given(value=texts | phones | emails)
def test_a_key_is_its_own_key(name: str, value: str) -> None:
    """A normal form is normal: what stands in a key is found by it (a parsed street line is not promised)."""
    build = converter(name, Ends(left=T, right=T))
    key = build.key(value, LEFT)
    assume(key is not None)
    assert build.key(key, LEFT) == key


@pytest.mark.parametrize("name", sorted(BUILDERS))
@FEWER
@given(value=anything, other=anything, left=st.sampled_from(FieldKind), right=st.sampled_from(FieldKind))
def test_nothing_a_field_may_hold_breaks_a_converter(
    name: str, value: Value, other: Value, left: FieldKind, right: FieldKind
) -> None:
    """Whatever stands in a field, a converter carries it or says why not; keys and agreement never raise."""
    build = converter(name, Ends(left=field(left), right=field(right)))
    for side in Side:
        key = build.key(value, side)
        assert key is None or key
        with suppress(Unconvertible):
            found = build.convert(value, side)
            assert found is None or not blank(found)
    assert build.equal(value, other) in (True, False)


def _carried(pair: Pairing, value: Value, to: Side) -> Value:
    try:
        return pair.convert.convert(value, to)
    except Unconvertible:
        assume(False)
        raise


TEXTS = Ends(left=field(), right=field())
WORDS = ["123", "N", "Main", "Street", "Apt", "#4", "Dallas", "TX", "75001", "(rear)", "corner", "of", "Oak", "Rd", "&",
         "gate", "code", "P.O.", "Box", "Hwy", "35", "c/o", "Ann", "Floor", "2nd", "Lot", "Bldg", "B"]  # fmt: skip
addresses = st.lists(st.sampled_from(WORDS), min_size=1, max_size=7)


@given(addresses, st.permutations(["Austin", "Dallas", "rear", "77002", "55", "garage", "Oak"]))
@settings(max_examples=300, deadline=None)
def test_another_word_is_another_address(words: list[str], others: list[str]) -> None:
    """A town, a number or a note that is exchanged is an edit, wherever it stands."""
    for at in range(len(words) + 1):
        one, other = ([*words[:at], word, *words[at:]] for word in others[:2])
        assert not converter("address", TEXTS, {}).equal(" ".join(one), " ".join(other))


@given(addresses, st.sampled_from(["rear", "Austin", "77002", "call first"]))
@settings(max_examples=300, deadline=None)
def test_a_word_more_is_another_address(words: list[str], more: str) -> None:
    """What somebody adds to an address is an edit."""
    text = " ".join(words)
    assert not converter("address", TEXTS, {}).equal(text, f"{text} {more}")
