"""What counts as the same value of one field."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.loss import image, nothing, same
from syncd.core.model import FieldKind, FieldType, Loss, Value


def field(kind: FieldKind = FieldKind.TEXT, **loss: Any) -> FieldType:
    """A field with a loss."""
    return FieldType(name="x", kind=kind, loss=Loss(**loss))


values: st.SearchStrategy[Value] = st.one_of(
    st.none(),
    st.text(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.lists(st.text(), max_size=4).map(tuple),
)
losses = st.builds(
    Loss,
    max_length=st.none() | st.integers(1, 12),
    caseless=st.booleans(),
    trims=st.booleans(),
    resolution=st.sampled_from([None, 0.001, 1.0, 60.0]),
    decimals=st.none() | st.integers(0, 4),
)
fields = st.builds(lambda kind, loss: FieldType(name="x", kind=kind, loss=loss), st.sampled_from(FieldKind), losses)


@given(values, fields)
def test_an_image_is_its_own_image(value: Value, type: FieldType) -> None:
    """Storing what was stored changes nothing, whatever the field loses."""
    once = image(value, type)
    assert image(once, type) == once


@given(values, fields)
def test_a_value_is_the_same_as_its_image(value: Value, type: FieldType) -> None:
    """A value read back in its lossy form never looks like a change."""
    assert same(value, image(value, type), type)


@given(values, fields)
def test_nothing_is_what_has_no_image(value: Value, type: FieldType) -> None:
    """A value of which the field keeps nothing is blank."""
    assert nothing(value, type) is (image(value, type) is None)


@given(st.text(), st.integers(1, 20), st.booleans())
def test_a_text_is_the_same_as_its_cut(text: str, length: int, caseless: bool) -> None:
    """What a vendor keeps of a too long text equals the whole text, for any letters."""
    type = field(max_length=length, caseless=caseless)
    assert same(text, text.strip()[:length], type)


@pytest.mark.parametrize(
    ("a", "b", "type"),
    [
        ("", None, None),
        ("  ", None, field()),
        ((), None, field(FieldKind.MULTI)),
        (3, 3.0, field(FieldKind.NUMBER)),
        (float("inf"), float("inf"), field(FieldKind.NUMBER, decimals=2)),
        (1250.499, 1250.5, field(FieldKind.NUMBER, decimals=2)),
        (1.005, 1.01, field(FieldKind.NUMBER, decimals=2)),
        ("Straße", "STRASSE", field(caseless=True)),
        ("Straße", "STRAS", field(caseless=True, max_length=5)),
        (("b", "a", "a"), ("a", "b"), field(FieldKind.MULTI)),
        ("2024-09-11T13:27:39.999Z", "2024-09-11T13:27:39Z", field(FieldKind.DATETIME, resolution=1)),
        ("2024-09-11T08:27:39-05:00", "2024-09-11T13:27:39.000Z", field(FieldKind.DATETIME)),
    ],
)
def test_same(a: Value, b: Value, type: FieldType | None) -> None:
    """Values that one field cannot tell apart are the same."""
    assert same(a, b, type)


@pytest.mark.parametrize(
    ("a", "b", "type"),
    [
        ("a", "A", field()),
        (True, 1, field(FieldKind.BOOL)),
        (0, None, field(FieldKind.NUMBER)),
        (False, None, field(FieldKind.BOOL)),
        ("abcde", "abcdX", field(max_length=5)),
        (" a", "a", field(trims=False)),
        (1.24, 1.2, field(FieldKind.NUMBER, decimals=2)),
        ("2024-09-11T13:27:38Z", "2024-09-11T13:27:39Z", field(FieldKind.DATETIME, resolution=1)),
        (("a",), ("a", "b"), field(FieldKind.MULTI)),
        ("0012", "12", field()),
        (float("inf"), 3.0, field(FieldKind.NUMBER, decimals=2)),
    ],
)
def test_not_same(a: Value, b: Value, type: FieldType | None) -> None:
    """Values that the field keeps apart are not the same."""
    assert not same(a, b, type)


def test_a_moment_has_one_canonical_text() -> None:
    """Milliseconds are written only when there are some, and years have four digits."""
    texts = ["2024-09-11T13:27:39.5+00:00", "2024-09-11T13:27:39+00:00", "0900-01-01T00:00:00+00:00"]
    found = [image(text, field(FieldKind.DATETIME)) for text in texts]
    assert found == ["2024-09-11T13:27:39.500Z", "2024-09-11T13:27:39Z", "0900-01-01T00:00:00Z"]
