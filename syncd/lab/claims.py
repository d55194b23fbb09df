"""What syncd's store claims of two sides: who is linked, what is listed for people, whose mark rests or waits.

What is not here: whether the claims are true (`compare`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from syncd.core.decision import Twins
from syncd.core.fieldmap import FieldMap, Rule, Unmapped
from syncd.core.model import Side, Value
from syncd.core.parity import no_counterpart
from syncd.engine.item import DRIFT, UNSEEN, UNTOLD, VANISHED
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.marks import HELD, PARKED, PLANNED, Mark
from syncd.store.store import Tx

_PAGE, _ALL = 1000, 10_000_000

WHOLE = frozenset({"question", "gone", "refused", "discarded", "unread", UNSEEN, VANISHED})
"""Causes for which a whole record is parked until a person or a changed world helps it on. Not among them: whatever is
tried again by itself (`engine.item.again`) and was parked after trying in vain."""

MISSING, UNMAPPED, WAITING = frozenset({DRIFT, UNTOLD}), "unmapped", "waiting"
"""Causes that stop single fields: one that does not come, one without a counterpart, a relation to who is not linked.
Where several meet in a record, its cause is the first of these that holds."""

Sides = tuple[Value, Value]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """The store at one moment.

    `links`: the open ones by map; `closed`: the others. `twins`: the open ones, as the planner looks them up.
    `former`: of a record that has none, its last closed one too.
    `resting`: the marks that need a person or a changed world, by map, side and id. One that rests for an error of
    syncd's own, or after trying in vain, is no excuse, and not among them.
    `untold`: of those that miss fields, which fields did not come, from either side of the link.
    `lists`: by link and rule, the values that stand on a list of open conflicts or kept drifts.
    """

    links: Mapping[str, list[Link]]
    closed: Mapping[str, list[Link]]
    twins: Twins
    former: Twins
    resting: Mapping[tuple[str, Side, str], Mark]
    untold: Mapping[tuple[str, Side, str], tuple[str, ...]]
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
                resting={(mark.map, mark.side, mark.id): mark for mark in marks if _excuses(mark)},
                untold=_untold(world, tx, twins, [mark for mark in marks if mark.cause in MISSING]),
                lists=lists,
            )

    def linked(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record has an open link."""
        return (m.key, side, id_) in self.twins

    def known(self, world: World, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record has, or had, a link in any map that reads its kind."""
        end = m.end(side)
        return any((other.key, at, id_) in self.former for other, at in world.readers[end.system, end.kind])

    def last(self, m: FieldMap, link: Link) -> list[Side]:
        """The sides whose record has this link, or had no later one."""
        if link.state == "open":
            return list(Side)
        ids = {side: link.id_on(side) for side in Side}
        free = [side for side in Side if not self.linked(m, side, ids[side])]
        return [side for side in free if self.former.get((m.key, side, ids[side])) == ids[side.other]]

    def waits(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record as a whole is parked, held or planned: it stands on a list that people see."""
        mark = self.resting.get((m.key, side, id_))
        return mark is not None and (_whole(mark) or not self.linked(m, side, id_))

    def parked(self, m: FieldMap, left: str, right: str) -> bool:
        """Whether either record of a link waits as a whole."""
        return self.waits(m, Side.LEFT, left) or self.waits(m, Side.RIGHT, right)

    def stops(self, m: FieldMap, left: str, right: str, rule: Rule, sides: Sides) -> bool:
        """Whether a mark of either record stops this rule, whose values are these, while the others go on."""
        places = ((m.key, Side.LEFT, left), (m.key, Side.RIGHT, right))
        marks = [self.resting[place] for place in places if place in self.resting]
        unmapped = any(mark.cause in MISSING | {UNMAPPED} for mark in marks)
        if unmapped and rule.unmapped is Unmapped.PARK and no_counterpart(rule, sides):
            return True
        missing = any(rule.field(side) in self.untold.get((m.key, side, id_), ()) for _, side, id_ in places)
        return missing or (any(mark.waits_for for mark in marks) and rule.relation is not None)

    def listed(self, link: int, rule: str, sides: Sides) -> str | None:
        """The list on which this very difference stands: open or kept."""
        present = (_value(sides[0]), _value(sides[1]))
        return next((state for state, values in self.lists.get((link, rule), ()) if values == present), None)


def _excuses(mark: Mark) -> bool:
    return mark.state != PARKED or mark.cause in WHOLE | MISSING | {UNMAPPED, WAITING}


def _whole(mark: Mark) -> bool:
    """Whether a mark stops all that its record has, not only some field."""
    of_a_write = mark.cause == WAITING and (mark.waits_for or "").startswith("intent:")
    return mark.state != PARKED or mark.cause in WHOLE or of_a_write


def _untold(world: World, tx: Tx, twins: Twins, marks: Iterable[Mark]) -> dict[tuple[str, Side, str], tuple[str, ...]]:
    found: dict[tuple[str, Side, str], tuple[str, ...]] = {}
    for mark in marks:
        ids = {mark.side: mark.id, mark.side.other: twins.get((mark.map, mark.side, mark.id), "")}
        for side, id_ in ids.items():
            end = world.maps[mark.map].end(side)
            for snapshot in tx.snapshots.get(end.system, end.kind, [id_]).values():
                found[mark.map, side, id_] = snapshot.missing
    return found


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


def _value(value: Any) -> Value:
    """A value as the planner has it: JSON made lists of its tuples."""
    found: Value = tuple(value) if isinstance(value, list) else value
    return found
