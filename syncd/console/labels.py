"""Stored values as people know them: the option's label, the user's name. What is not here: how a value is shown.

Labels are those that the map was compiled with, as the vendors told them last; none is asked.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.model import FieldKind, Side, Value
from syncd.core.values.choices import People


def labeled(m: FieldMap, side: Side, name: str, value: Value) -> Value:
    """A value of a rule's side; as it is where nothing else is known of it."""
    rule = next((one for one in m.rules if one.name == name), None)
    if rule is None or value is None:
        return value
    known = _known(rule, side)
    if isinstance(value, tuple):
        return tuple(known.get(str(one), str(one)) for one in value)
    return known.get(str(value), value)


def _known(rule: Rule, side: Side) -> Mapping[str, str]:
    type_ = rule.type(side)
    if type_ is None:
        return {}
    if type_.kind is FieldKind.USER:
        users = rule.convert.ends.users(side) if isinstance(rule.convert, People) else ()
        return {user.id: user.name for user in users if user.name}
    return {option.value: option.label for option in type_.options if option.label}
