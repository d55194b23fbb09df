"""The vendors' own histories of their records, each asked for once, and what they say of one field.

What is not here: what must hold of them (`laws`, `causes`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side, Value
from syncd.kit.remote import Remote
from syncd.lab.wire import id_of, values

BY_SYNCD, BY_HAND = "api", "person"
CREATE, MERGE = "create", "merge"

Change = Mapping[str, Any]
"""One accepted write: at, asked, by, via, fields {name: [before, after]}, and `do` where the vendor tells."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One value of one field, and who put it there (`via`: person, api, system, or "" for what stood before).

    `asked`: when the request that put it there came in.
    """

    value: Value
    via: str
    at: datetime | None = None
    asked: datetime | None = None


@dataclass(slots=True)
class Histories:
    """All that the vendors remember."""

    vendors: Mapping[str, Remote]
    _known: dict[tuple[str, str], dict[str, list[dict[str, Any]]]] = field(default_factory=dict)
    _rows: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = field(default_factory=dict)

    def of(self, m: FieldMap, side: Side, id_: str) -> Sequence[Change]:
        """A record's changes, oldest first."""
        return self.story(Ref(m.end(side).system, m.end(side).kind, id_))

    def story(self, ref: Ref) -> Sequence[Change]:
        """The same, of a ref."""
        vendor, place = self.vendors[ref.system], (ref.system, ref.kind)
        if place not in self._known:
            self._known[place] = vendor.histories(ref.kind)
        known = self._known[place]
        if ref.id not in known:
            known[ref.id] = vendor.history(ref.kind, ref.id)
        return known[ref.id]

    def since_merge(self, m: FieldMap, side: Side, id_: str) -> Sequence[Change]:
        """Its changes since two records became it, if they did: what either was before is nobody's claim any more."""
        changes = self.of(m, side, id_)
        last = max((at for at, change in enumerate(changes) if change.get("do") == MERGE), default=None)
        return changes if last is None else changes[last + 1 :]

    def until_merge(self, m: FieldMap, side: Side, id_: str, name: str) -> list[Value]:
        """What a field of the records that became it held before somebody merged them, and so replaced it."""
        changes = self.of(m, side, id_)
        before = changes[: len(changes) - len(self.since_merge(m, side, id_))]
        return [plain(value) for change in before if name in change["fields"] for value in change["fields"][name]]

    def merged(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether two records became it."""
        return self.came_of_merge(Ref(m.end(side).system, m.end(side).kind, id_))

    def came_of_merge(self, ref: Ref) -> bool:
        """The same, of a ref."""
        return any(change.get("do") == MERGE for change in self.story(ref))

    def moments(self, m: FieldMap, side: Side, id_: str, name: str) -> list[Moment]:
        """A field's values in their order; the first is what stood before anybody changed it."""
        found: list[Moment] = []
        for change in self.since_merge(m, side, id_):
            if name in change["fields"]:
                before, after = change["fields"][name]
                found = found or [Moment(plain(before), "")]
                if plain(before) is None and plain(after) is None:
                    continue  # some vendors tell of a blank that somebody typed over nothing
                at, asked = (_moment(change.get(word)) for word in ("at", "asked"))
                found.append(Moment(plain(after), change["via"], at, asked))
        return found or [Moment(self._now(m, side, id_, name), "")]

    def _now(self, m: FieldMap, side: Side, id_: str, name: str) -> Value:
        """What a field holds that nobody has changed since the last merge, or ever."""
        if not self.merged(m, side, id_):
            return None
        end = m.end(side)
        if (end.system, end.kind) not in self._rows:
            rows = self.vendors[end.system].records(end.kind)
            self._rows[end.system, end.kind] = {id_of(row): row for row in rows}
        row = self._rows[end.system, end.kind].get(id_, {})
        return plain(values(row).get(name))

    def made_by_syncd(self, m: FieldMap, side: Side, id_: str) -> bool:
        """Whether a record began with a write of our key."""
        changes = self.of(m, side, id_)
        return bool(changes) and changes[0]["via"] == BY_SYNCD


def plain(wire: Any) -> Value:
    """A value as the vendor holds it; blank is None."""
    return wire if wire not in ("", None) else None


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
