"""What did not change costs next to nothing: it is told by comparing four values, and its decision is made once.

What is not here: any other decision, and values that have to be looked at before they can be compared (`plan`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from syncd.core.decision import Base, Decision, carried_once, unchanged
from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.model import Value

MAPS = 2_048
"""Maps whose rules are kept at hand; a house has fewer, and a map is rarely new."""


@dataclass(frozen=True, slots=True)
class Still:
    """One rule, and the decision about it while nothing changes. `compares`: whether its fields' values tell that."""

    rule: Rule
    name: str
    left: str
    right: str
    compares: bool
    once: bool
    decision: tuple[Decision]

    def holds(self, base: Base, left: Mapping[str, Value], right: Mapping[str, Value]) -> bool:
        """Whether both fields hold, to the letter, what base says of them. False: it has to be looked at."""
        if not self.compares:
            return self.once and self.name in base.left and self.name in base.right
        try:
            one, other = left[self.left], right[self.right]
            was, were = base.left[self.name].value, base.right[self.name].value
        except KeyError:
            return False
        return one == was and other == were and one.__class__ is was.__class__ and other.__class__ is were.__class__


@lru_cache(maxsize=MAPS)
def stills(m: FieldMap) -> tuple[Still, ...]:
    """Every rule of a map, in its order."""
    return tuple(_still(rule) for rule in m.rules)


def _still(rule: Rule) -> Still:
    lasts = rule.direction is not Direction.CREATE
    # Of several ids the one that base knows has to be found first.
    compares = lasts and rule.expr is None and rule.relation is None and None not in (rule.left, rule.right)
    # What was carried when the record was made need not be worked out again and again.
    once = not lasts and rule.expr is not None
    decision = unchanged(rule) if lasts else carried_once(rule)
    return Still(rule, rule.name, rule.left or "", rule.right or "", compares, once, (decision,))
