"""Another value than either side's for a conflict: how each kind of field asks for it, and what it takes.

What is not here: deciding with it (`test_conflicts_page`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from syncd.console.another import entry, typed
from syncd.core.fieldmap import Rule
from syncd.core.model import FieldKind, FieldType, Loss, Option
from syncd.errors import ConfigError
from tests.console.town import Town


def _rule(town: Town) -> Rule:
    return next(rule for rule in town.app.world.maps["sales/contacts"].rules if rule.left == "city")


STATES = FieldType(name="s", kind=FieldKind.ENUM, label="Stage", options=(Option("1", "New"), Option("2", "Won")))


@pytest.mark.parametrize(
    ("kind", "text", "made"),
    [
        (STATES, "2", "2"), (STATES, "won", "2"), (STATES, "lost", None),
        (replace(STATES, open_options=True), "lost", "lost"),
        (replace(STATES, kind=FieldKind.MULTI), "new; 2", "1;2"), (replace(STATES, kind=FieldKind.MULTI), ";", None),
        (FieldType(name="n", kind=FieldKind.NUMBER), "-12.5", "-12.5"),
        (FieldType(name="n", kind=FieldKind.NUMBER), "1,200", None),
        (FieldType(name="n", kind=FieldKind.NUMBER), "nan", None),
        (FieldType(name="b", kind=FieldKind.BOOL), "Yes", "true"),
        (FieldType(name="d", kind=FieldKind.DATE), "2026-02-30", None),
        (FieldType(name="d", kind=FieldKind.DATE), "2026-02-28", "2026-02-28"),
        (FieldType(name="m", kind=FieldKind.DATETIME), "2026-03-02 09:00 UTC", "2026-03-02T09:00:00Z"),
        (FieldType(name="m", kind=FieldKind.DATETIME), "2026-03-02T09:00:00.250+02:00", "2026-03-02T07:00:00.250Z"),
        (FieldType(name="m", kind=FieldKind.DATETIME), "2026-03-02 09:00", None),
        (FieldType(name="t", kind=FieldKind.TEXT, loss=Loss(max_length=3)), "four", None),
        (None, "anything", "anything"), (None, "x" * 10_001, None),
    ],
)  # fmt: skip
def test_what_is_typed_becomes_a_value_of_the_field(
    town: Town, kind: FieldType | None, text: str, made: str | None
) -> None:
    """An option by either of its names, a number, a day, a time with its zone; what is none of these is refused."""
    rule = replace(_rule(town), left_type=kind)
    if made is None:
        with pytest.raises(ConfigError):
            typed(rule, text)
    else:
        assert typed(rule, text) == made


def test_a_field_asks_in_its_own_way(town: Town) -> None:
    """A pick list offers its options, a day a calendar; what cannot be written is not asked for."""
    rule = _rule(town)
    asked = entry(replace(rule, left_type=STATES))
    assert asked is not None and asked.how == "choose" and [one.label for one in asked.options] == ["New", "Won"]
    day = entry(replace(rule, left_type=FieldType(name="d", kind=FieldKind.DATE)))
    assert day is not None and day.how == "date"
    for kind in (FieldType(name="r", kind=FieldKind.REF), FieldType(name="c", kind=FieldKind.TEXT, read_only=True)):
        assert entry(replace(rule, left_type=kind)) is None
    assert entry(replace(rule, left=None)) is None
