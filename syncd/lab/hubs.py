"""Records in which two maps meet: which of them wrote a value there, and whether it lists what gave way.

A lead and a contact of one person may both be linked with one record across. What one map writes there is that map's to
answer for, not the other's.
What is not here: the law itself (`laws`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from syncd.core.fieldmap import FieldMap
from syncd.core.loss import same
from syncd.core.model import FieldType, Side, Value
from syncd.engine.world import World
from syncd.lab.histories import Moment
from syncd.store.conflicts import Conflict
from syncd.store.store import Tx

Spot = tuple[str, str, str, str]
"""(system, kind, id, field)"""

Said = tuple[str, Value]
"""The key of a map, and a value."""

Wrote = tuple[str, Value, datetime]
"""The same, and when it was about to be written."""

_ALL = 10_000_000


@dataclass(slots=True)
class Hubs:
    """What every map wrote, and what every map lists as lost, by the field of the record."""

    world: World
    wrote: dict[Spot, list[Wrote]] = field(default_factory=lambda: defaultdict(list))
    lists: dict[Spot, list[Said]] = field(default_factory=lambda: defaultdict(list))

    def read(self, tx: Tx, rows: list[Conflict]) -> None:
        """From the journal and these rows of the list."""
        for intent in tx.journal.recent(limit=_ALL):
            m = self.world.maps.get(intent.map)
            if m is not None and intent.record_id is not None:
                for name, value in intent.fields.items():
                    self.wrote[_spot(m, intent.side, intent.record_id, name)].append((m.key, value, intent.opened_at))
        for row in rows:
            m = self.world.maps.get(row.map)
            rule = next((one for one in m.rules if one.name == row.rule), None) if m is not None else None
            for side in Side if m is not None and rule is not None and row.lost is None else (row.lost,):
                if m is not None and rule is not None and side is not None:
                    ids, values = (row.left_id, row.right_id), (row.left, row.right)
                    at = side is Side.RIGHT
                    self.lists[_spot(m, side, ids[at], str(rule.field(side)))].append((m.key, values[at]))

    def writers(self, m: FieldMap, side: Side, id_: str, name: str, put: Moment, type_: FieldType | None) -> set[str]:
        """The key of the other map that was last to put this value there before it came; none where this one was."""
        said = [one for one in self.wrote.get(_spot(m, side, id_, name), ()) if same(one[1], put.value, type_)]
        before = [one for one in said if put.asked is None or one[2] <= put.asked]
        last = max(before, key=lambda one: one[2], default=None)
        return {last[0]} - {m.key} if last is not None else set()

    def listed(self, keys: set[str], m: FieldMap, side: Side, id_: str, name: str, value: Value) -> bool:
        """Whether one of these maps lists this value of that field as lost, or asks about it."""
        said = self.lists.get(_spot(m, side, id_, name), ())
        return any(key in keys and same(one, value, None) for key, one in said)


def _spot(m: FieldMap, side: Side, id_: str, name: str) -> Spot:
    return (m.end(side).system, m.end(side).kind, id_, name)
