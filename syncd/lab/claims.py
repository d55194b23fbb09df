"""What syncd's store claims of two sides: who is linked, what is listed for people, whose mark rests or waits.

What is not here: whether the claims are true (`compare`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from syncd.core.decision import Twins
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side, Value
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.marks import HELD, PARKED, PLANNED
from syncd.store.store import Tx

_PAGE, _ALL = 1000, 10_000_000

Sides = tuple[Value, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The store at one moment.

    `links`: the open ones by map; `closed`: the others. `twins`: the open ones, as the planner looks them up.
    `former`: of a record that has none, its last closed one too.
    `resting`: refs with a mark that needs a person or a changed world; one that rests for an error of syncd's own is no
    excuse. `lists`: by link and rule, the values that stand on a list of open conflicts or kept drifts.
    """

    links: Mapping[str, list[Link]]
    closed: Mapping[str, list[Link]]
    twins: Twins
    former: Twins
    resting: frozenset[tuple[str, Side, str]]
    lists: Mapping[tuple[int, str], list[tuple[str, Sides]]]

    @staticmethod
    def read(world: World) -> Claims:
        """Everything at once, in one transaction."""
        with world.store.read() as tx:
            links = {key: _links(tx, key) for key in world.maps}
            marks = [mark for state in (PARKED, HELD, PLANNED) for mark in tx.marks.resting(state, limit=_ALL)]
            lists: dict[tuple[int, str], list[tuple[str, Sides]]] = defaultdict(list)
            for row in tx.conflicts.list(states=["open", "kept"], limit=_ALL):
                lists[row.link, row.rule].append((row.state, (_value(row.left), _value(row.right))))
            twins = _twins(links)
            closed = {key: _links(tx, key, "closed") for key in world.maps}
            return Claims(
                links=links,
                closed=closed,
                twins=twins,
                former={**_twins(closed), **twins},
                resting=frozenset((mark.map, mark.side, mark.id) for mark in marks if mark.cause != "bug"),
                lists=lists,
            )

    def linked(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record has an open link."""
        return (m.key, side, id_) in self.twins

    def last(self, m: FieldMap, link: Link) -> list[Side]:
        """The sides whose record has this link, or had no later one."""
        ids = {side: link.id_on(side) for side in Side}
        known = self.twins if link.state == "open" else self.former
        mine = [side for side in Side if known.get((m.key, side, ids[side])) == ids[side.other]]
        return [side for side in mine if link.state == "open" or not self.linked(m, side, ids[side])]

    def waits(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record is parked, held or planned: it stands on a list that people see."""
        return (m.key, side, id_) in self.resting

    def parked(self, m: FieldMap, left: str, right: str) -> bool:
        """Whether either record of a link waits."""
        return self.waits(m, Side.LEFT, left) or self.waits(m, Side.RIGHT, right)

    def listed(self, link: int, rule: str, sides: Sides) -> str | None:
        """The list on which this very difference stands: open or kept."""
        present = (_value(sides[0]), _value(sides[1]))
        return next((state for state, values in self.lists.get((link, rule), ()) if values == present), None)


def _twins(links: Mapping[str, list[Link]]) -> Twins:
    return {
        (key, side, link.id_on(side)): link.id_on(side.other)
        for key, several in links.items() for link in several for side in Side
    }  # fmt: skip


def _links(tx: Tx, map_key: str, state: str = "open") -> list[Link]:
    found: list[Link] = []
    while True:
        page = tx.links.all(map_key, after=found[-1].id if found else 0, limit=_PAGE, state=state)
        found += page
        if len(page) < _PAGE:
            return found


def _value(value: Value | Iterable[str]) -> Value:
    """A value as the planner has it: JSON made lists of its tuples."""
    return tuple(value) if isinstance(value, list) else value  # type: ignore[return-value]  # a value otherwise
