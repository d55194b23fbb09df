"""Records that came of others: what a conversion carried along was typed when it was typed there, and by whom.

What is not here: the law itself (`laws`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import formers
from syncd.core.model import Side, Value
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
        if len(found) == 1 or found[1].at is None or not self._converted(m, side, id_, found[1].at):
            return found
        last = [one for one in self.before(m, side, id_, rule) if one.at is not None and one.at <= found[1].at][-1:]
        carried = last and same(last[0].value, found[1].value, rule.type(side))
        return [found[0], last[0], *found[2:]] if carried else found

    def before(self, m: FieldMap, side: Side, id_: str, rule: Rule) -> list[Moment]:
        """The values of the same field across in the record that somebody converted into this one, if there is one."""
        place = self._field_before(m, side, id_, rule)
        return self.histories.moments(*place) if place is not None else []

    def until_merge(self, m: FieldMap, side: Side, id_: str, rule: Rule) -> list[Value]:
        """What the field held in those that were merged into this record, or into what somebody converted into it."""
        place = self._field_before(m, side, id_, rule)
        found = self.histories.until_merge(m, side, id_, str(rule.field(side)))
        return found + (self.histories.until_merge(*place) if place is not None else [])

    def _field_before(self, m: FieldMap, side: Side, id_: str, rule: Rule) -> tuple[FieldMap, Side, str, str] | None:
        first, was = self._origin(m, side, id_)
        rules = first.rules if first is not None else ()
        old = next((one for one in rules if one.field(side.other) == rule.field(side.other)), None)
        if first is None or old is None or old.field(side) is None:
            return None
        return first, side, was, str(old.field(side))

    def _origin(self, m: FieldMap, side: Side, id_: str) -> tuple[FieldMap | None, str]:
        """The map before and the id there of what somebody converted into this record; None and "" if nobody did."""
        was = self.was.get((m.key, id_))
        if was is None or m.continues is None or m.continues.side is not side:
            return None, ""
        return self.world.maps[m.continues.map], was

    def _converted(self, m: FieldMap, side: Side, id_: str, born: datetime) -> bool:
        """Whether what it came of changed just when it began; others have values of their own."""
        first, was = self._origin(m, side, id_)
        changes = self.histories.of(first, side, was) if first is not None else ()
        return any(abs(datetime.fromisoformat(change["at"]) - born) <= AT_ONCE for change in changes)
