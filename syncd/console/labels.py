"""Stored values as people know them: the option's label, the user's name. What is not here: how a value is shown.

Labels are those that the vendors told last, as the connectors keep them for a while. A system in trouble is not asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.core.fieldmap import FieldMap
from syncd.core.model import FieldKind, FieldType, Side, Value
from syncd.engine.world import World
from syncd.errors import SyncdError
from syncd.store.store import Tx


@dataclass(slots=True)
class Labels:
    """For one page, in one view of the store."""

    world: World
    tx: Tx
    _users: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)

    def of(self, m: FieldMap, side: Side, rule: str, value: Value) -> Value:
        """A value of a rule's side; as it is where nothing else is known of it."""
        type_ = next((one.type(side) for one in m.rules if one.name == rule), None)
        if type_ is None or value is None:
            return value
        known = self._known(m, side, type_)
        if isinstance(value, tuple):
            return tuple(known.get(str(one), str(one)) for one in value)
        return known.get(str(value), value)

    def _known(self, m: FieldMap, side: Side, type_: FieldType) -> Mapping[str, str]:
        if type_.kind is FieldKind.USER:
            end = m.end(side)
            if (end.system, end.kind) not in self._users:
                self._users[end.system, end.kind] = self._told(end.system, end.kind)
            return self._users[end.system, end.kind]
        return {option.value: option.label for option in type_.options if option.label}

    def _told(self, system: str, kind: str) -> Mapping[str, str]:
        state = self.tx.runs.system(system)
        if state is not None and state.state != "ok":
            return {}
        try:
            return {user.id: user.name for user in self.world.connectors[system].describe(kind).users if user.name}
        except SyncdError:
            return {}
