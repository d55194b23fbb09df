"""What counts as a loss on the way across: cut, rounded, one value for several; another spelling is none."""

from __future__ import annotations

import pytest

from syncd.core.decision import Decision, Verdict
from syncd.core.fieldmap import Rule
from syncd.core.model import FieldKind, FieldType, Loss, Record, Ref, Side, Value
from syncd.core.values import Ends, converter
from syncd.engine.precision import loses

TEXT = FieldType(name="text", kind=FieldKind.TEXT)
SHORT = FieldType(name="short", kind=FieldKind.TEXT, loss=Loss(max_length=5))
FOLDED = FieldType(name="folded", kind=FieldKind.TEXT, loss=Loss(caseless=True))
NUMBER = FieldType(name="number", kind=FieldKind.NUMBER)
DAY = FieldType(name="day", kind=FieldKind.DATE)
MOMENT = FieldType(name="moment", kind=FieldKind.DATETIME)
RECORDS = {side: Record(ref=Ref("s", "k", side.value), fields={}) for side in Side}


def lost(name: str, options: dict[str, object], left: FieldType, right: FieldType, value: Value) -> bool:
    """Whether a value loses something on its way to the right."""
    convert = converter(name, Ends(left=left, right=right), options)
    rule = Rule(name="r", left=left.name, right=right.name, left_type=left, right_type=right, convert=convert)
    after = convert.convert(value, Side.RIGHT)
    settle = {Side.LEFT: value, Side.RIGHT: after}
    decision = Decision(rule=rule, verdict=Verdict.WRITE, reason="", to=Side.RIGHT, after=after, settle=settle)
    return loses(decision, RECORDS)


TABLE = {"values": {"a": "A", "b": "A"}}


@pytest.mark.parametrize(
    ("name", "options", "left", "right", "value", "expected"),
    [
        ("text", {}, TEXT, TEXT, "longer than five", False),
        ("text", {}, TEXT, SHORT, "longer than five", True),
        ("text", {}, TEXT, SHORT, "five", False),
        ("text", {}, TEXT, FOLDED, "Any Case", False),
        ("number", {"decimals": 1}, NUMBER, NUMBER, 1.26, True),
        ("number", {"decimals": 1}, NUMBER, NUMBER, 1.2, False),
        ("number", {}, TEXT, NUMBER, "1.5", False),
        ("picklist", TABLE, TEXT, TEXT, "a", False),
        ("picklist", TABLE, TEXT, TEXT, "b", True),
        ("picklist", {"values": {"a": "A"}, "fallback": "A"}, TEXT, TEXT, "c", True),
        ("phone", {"format": "e164"}, TEXT, TEXT, "(312) 555-0143", False),
        ("state", {"right": "code"}, TEXT, TEXT, "Illinois", False),
        ("date", {}, MOMENT, DAY, "2026-01-02T10:11:12Z", True),
        ("text", {}, TEXT, TEXT, None, False),
    ],
)
def test_what_loses(
    name: str, options: dict[str, object], left: FieldType, right: FieldType, value: Value, expected: bool
) -> None:
    """What comes back is compared with what went, up to what the field of origin keeps itself."""
    assert lost(name, options, left, right, value) is expected
