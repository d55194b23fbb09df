"""How a rule sees a side: its value there, what is not known, the side an expression stands for, names made unique.

What is not here: any decision (`plan`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Final

from syncd.core.fieldmap import Direction, Rule, Unconvertible
from syncd.core.model import FieldKind, Record, Ref, Side, Value


class Missing(Enum):
    """The type of MISSING, which stands for a value that is not known."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class Waiting(Exception):
    """A relation's parent has no twin yet."""

    def __init__(self, ref: Ref) -> None:
        """Keep whom it waits for."""
        self.ref = ref
        super().__init__(f"waits for {ref} to be linked")


def suffixed(name: str, other: Ref) -> str:
    """A name made unique with the tail of the id of the record across."""
    return f"{name} ({other.id[-6:]})"


def view(rule: Rule, side: Side, fields: Mapping[str, Value]) -> Value | Missing:
    """A rule's value on a side: of a many-valued relation the first one; MISSING where it is not known."""
    name = rule.field(side)
    if name is None:
        return None
    value = fields.get(name, MISSING)
    if isinstance(value, tuple) and rule.relation is not None:
        return value[0] if value else None
    return value


def plain(rule: Rule, side: Side, value: Value, other: Ref) -> Value:
    """The value without the suffix that made a name unique on this side; `other` is the record across."""
    kind = rule.type(side)
    if kind is not None and kind.unique and isinstance(value, str):
        return value.removesuffix(suffixed("", other))
    return value


def target(rule: Rule) -> Side:
    """The side that a one-way rule writes."""
    return Side.LEFT if rule.direction is Direction.LEFT else Side.RIGHT


def expression_side(rule: Rule) -> Side | None:
    """The side that a rule's expression looks at and stands for; None for a rule without one."""
    if rule.expr is None:
        return None
    if rule.direction in (Direction.RIGHT, Direction.LEFT):
        return target(rule).other
    return Side.LEFT if rule.expr.reads[Side.LEFT] else Side.RIGHT


def created(rule: Rule, to: Side) -> bool:
    """Whether a record made on a side carries a value of this rule."""
    kind = rule.type(to)
    if rule.field(to) is None or rule.receipt is not None or (kind is not None and kind.read_only):
        return False
    if rule.expr is not None:
        return expression_side(rule) is to.other
    return rule.field(to.other) is not None and (rule.flows(to) or rule.direction is Direction.CREATE)


def many(rule: Rule, side: Side) -> bool:
    """Whether a side's field holds several ids."""
    kind = rule.type(side)
    return kind is not None and kind.kind is FieldKind.REF and kind.many


def widened(before: Value, old: Value, new: Value) -> Value:
    """Several ids, with the one in question exchanged; None takes it out."""
    others = tuple(v for v in before if v not in (old, new)) if isinstance(before, tuple) else ()
    return (*others, str(new)) if new is not None else others


def later(left: datetime | None, right: datetime | None) -> Side | None:
    """The side of the later moment; None where that cannot be told."""
    if left is None or right is None or left == right:
        return None
    return Side.LEFT if left > right else Side.RIGHT


def within(record: Record, name: str | None, since: datetime | None) -> tuple[datetime, datetime] | None:
    """The interval (after, up to) in which a field changed that was seen as it was at `since`, where that is told."""
    exact = record.times.get(name or "")
    if exact is not None:
        return exact - timedelta.resolution, exact
    until = record.modified_at
    # A vendor that changes values without touching the modified time tells nothing of when.
    return (since, until) if since is not None and until is not None and since < until else None


def uncarried(
    rule: Rule, values: Mapping[Side, Value], carry: Callable[[Rule, Side, Value], Value]
) -> Unconvertible | None:
    """Why a value cannot go across, if none can in any direction of the rule."""
    found: Unconvertible | None = None
    for to in (to for to in Side if rule.flows(to)):
        try:
            carry(rule, to, values[to.other])
        except Waiting:
            return None
        except Unconvertible as error:
            found = found or error
        else:
            return None
    return found
