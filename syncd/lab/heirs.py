"""Records that came of others: what a conversion carried along was typed when it was typed there, and by whom.

What is not here: the law itself (`laws`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import formers
from syncd.core.model import Side
from syncd.engine.world import World
from syncd.lab.histories import Histories, Moment
from syncd.store.store import Tx

AT_ONCE = timedelta(seconds=2)
"""Between a change of a record, its conversion, and the first of what it became."""


@dataclass(slots=True)
class Heirs:
    """`was`: by map and id, the one record that somebody converted into it."""

    world: World
    histories: Histories
    was: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, tx: Tx) -> None:
        """From the snapshots."""
        for m in self.world.maps.values():
            if m.continues is None or m.continues.map not in self.world.maps:
                continue
            end, after = m.end(m.continues.side), ""
            while page := tx.snapshots.page(end.system, end.kind, after=after):
                ids = {i: formers(m, m.continues.side, one.record.fields) for i, one in page.items()}
                self.was |= {(m.key, i): several[0] for i, several in ids.items() if len(several) == 1}
                after = max(page)

    def moments(self, m: FieldMap, side: Side, id_: str, rule: Rule) -> list[Moment]:
        """A field's values in their order, where the first of all may be that of the record that it came of."""
        found = self.histories.moments(m, side, id_, str(rule.field(side)))
        was = self.was.get((m.key, id_)) if m.continues is not None and m.continues.side is side else None
        if was is None or m.continues is None or len(found) == 1 or found[1].at is None:
            return found
        first, born = self.world.maps[m.continues.map], found[1].at
        old = next((one for one in first.rules if one.field(side.other) == rule.field(side.other)), None)
        if old is None or old.field(side) is None or not self._converted(first, side, was, born):
            return found
        before = self.histories.moments(first, side, was, str(old.field(side)))
        last = [one for one in before if one.at is not None and one.at <= born][-1:]
        carried = last and same(last[0].value, found[1].value, rule.type(side))
        return [found[0], last[0], *found[2:]] if carried else found

    def _converted(self, first: FieldMap, side: Side, was: str, born: datetime) -> bool:
        """Whether the record changed just when what it became began; others have values of their own."""
        changes = self.histories.of(first, side, was)
        return any(abs(datetime.fromisoformat(change["at"]) - born) <= AT_ONCE for change in changes)
