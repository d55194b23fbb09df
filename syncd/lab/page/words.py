"""Plain words: times, values and the engine's reasons as a person at the page reads them.

What is not here: the sentences of the errors; those come from where they happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from syncd.console import words as outcomes
from syncd.core.fieldmap import Direction, Owner, Rule
from syncd.core.model import FieldKind, FieldType, Schema, Side, Value
from syncd.core.plan import MISSING

OUTCOMES = {**outcomes.OUTCOMES, "written": ""}
"""The journal's outcomes; those that are not here are shown as they are."""


def ago(moment: datetime | str | None, now: datetime) -> str:
    """How long ago, roughly."""
    if moment is None:
        return "never"
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = max(0.0, (now - at).total_seconds())
    if seconds < 60:
        return f"{seconds:.0f} s ago"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days ago"


def exact(moment: datetime | str | None) -> str:
    """The very moment, for a tooltip."""
    if moment is None:
        return ""
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def shown(value: Any, type_: FieldType | None, schema: Schema | None) -> str:
    """A canonical value in the words that people see: the option's label, the user's name."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, tuple | list):
        return ", ".join(shown(one, type_, schema) for one in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if type_ is not None and type_.kind is FieldKind.USER and schema is not None:
        return next((user.name for user in schema.users if user.id == str(value)), str(value))
    if type_ is not None and type_.options:
        return next((option.label or option.value for option in type_.options if option.value == value), str(value))
    return str(value)


def choices(type_: FieldType, schema: Schema, value: Value) -> list[tuple[str, str]]:
    """What a person may pick, as (stored, seen); empty where they type. The value that stands there is among them."""
    if type_.kind is FieldKind.USER:
        found = [("", "—"), *((user.id, user.name) for user in schema.users if user.active)]
    elif type_.kind is FieldKind.ENUM and type_.options:
        found = [("", "—"), *{option.value: option.label or option.value for option in type_.options}.items()]
    elif type_.kind is FieldKind.BOOL:
        found = [("", "—"), ("true", "yes"), ("false", "no")]
    else:
        return []
    stored = choice_of(value)
    return found if any(stored == one for one, _ in found) else [(stored, shown(value, type_, schema)), *found]


def choice_of(value: Value) -> str:
    """A value as a form sends it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def way(rule: Rule, titles: Mapping[Side, str]) -> tuple[str, str]:
    """An arrow and a sentence for which way a rule carries values and who wins."""
    left, right = titles[Side.LEFT], titles[Side.RIGHT]
    if rule.receipt is not None:
        return "←", f"syncd's own note on the {left} record"
    if rule.direction is Direction.CREATE:
        return "+", "carried once, when the record is made; each side may change it later"
    if rule.direction is Direction.RIGHT:
        return "→", f"{left} to {right} only"
    if rule.direction is Direction.LEFT:
        return "←", f"{right} to {left} only"
    wins = {Owner.LEFT: f"{left} wins", Owner.RIGHT: f"{right} wins", Owner.NEWEST: "the newest edit wins"}
    return "⇄", f"both ways; {wins.get(rule.owner, 'you decide') if rule.owner else 'you decide'} if both change"


def reason(text: str, titles: Mapping[Side, str]) -> str:
    """An engine's reason with the vendors' names for left and right."""
    text = text.replace(
        "the records differ at first link, and the map says ask",
        "found to be the same person, but written differently",
    )
    for side in Side:
        text = text.replace(f"on the {side}", f"in {titles[side]}")
    return text


def label(rule: Rule) -> str:
    """What people call a rule's field."""
    for type_ in (rule.left_type, rule.right_type):
        if type_ is not None and type_.label:
            return type_.label
    return (rule.left or rule.right or rule.name).replace("_", " ").capitalize()
