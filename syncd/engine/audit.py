"""The audit: linked records compared side with side, by fresh reads, and for each difference why it is there. Rule 21.

The audit only looks. What is not here: which links are looked at, and what becomes of a difference (`auditing`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from syncd.core.decision import Given
from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Gone, Record, Side, Value
from syncd.core.parity import AS_ONE, Compared, Parity, compare
from syncd.engine.base import base_of
from syncd.engine.item import DRIFT, UNTOLD
from syncd.engine.planning import left_filter, parents_of
from syncd.engine.reading import legible
from syncd.engine.world import World
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.marks import HELD, PARKED, PLANNED, Mark
from syncd.store.snapshots import Snapshot

RECORD = ""
"""Stands in the place of a rule's name for what concerns the records themselves."""


class Reason(StrEnum):
    """Why two sides differ.

    LAG: it is on its way. CONFLICT: listed, open or kept. PARKED: the record waits for a person or a changed world.
    UNMAPPED: a value without counterpart. LOSSY: only by what a field loses. KEPT: the map lets it be.
    MISSED: a side changed, and the feed passed it by. GONE: a record answers no more, and nothing has noticed.
    UNLINKED: a record carries our key, and no link knows it. UNEXPLAINED: none of these.
    """

    LAG = "lag"
    CONFLICT = "conflict"
    PARKED = "parked"
    UNMAPPED = "unmapped"
    LOSSY = "lossy"
    KEPT = "kept"
    MISSED = "missed"
    GONE = "gone"
    UNLINKED = "unlinked"
    UNEXPLAINED = "unexplained"


AS_MEANT = frozenset({Reason.LOSSY, Reason.KEPT})
"""What counts as equal."""

WRONG = frozenset({Reason.MISSED, Reason.GONE, Reason.UNLINKED, Reason.UNEXPLAINED})
"""What nothing on syncd's own lists accounts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One finding: the ids on both sides, the rule (RECORD: none), both values, why in a word and in words."""

    map: str
    left: str | None
    right: str | None
    rule: str
    reason: Reason
    left_value: Value = None
    right_value: Value = None
    words: str


@dataclass(slots=True)
class Found:
    """What a look at some links brought: how often each rule was compared, and what differed.

    `unheard`: left ids of links where something is equal, but not what the feeds told: no difference, and yet a hole.
    """

    differences: list[Difference] = field(default_factory=list)
    compared: Counter[str] = field(default_factory=Counter)
    unheard: set[str] = field(default_factory=set)

    def of(self, reasons: Iterable[Reason]) -> list[Difference]:
        """What differs for one of these reasons."""
        wanted = frozenset(reasons)
        return [one for one in self.differences if one.reason in wanted]

    def classes(self) -> dict[str, Counter[str]]:
        """By rule, how often each reason was found."""
        found: dict[str, Counter[str]] = {}
        for one in self.differences:
            found.setdefault(one.rule, Counter())[str(one.reason)] += 1
        return found


def look(world: World, m: FieldMap, links: Sequence[Link]) -> Found:
    """Compare these links, but those with a record that cannot be understood. Nothing is changed anywhere.

    Raises AuthError and Transient.
    """
    memory = Memory.of(world, m, links)
    fresh: dict[Side, Mapping[str, Record | Gone]] = {}
    for side in Side:
        end = m.end(side)
        fresh[side] = legible(world, end.system, end.kind, [link.id_on(side) for link in links])
    with world.store.read() as tx:
        living = [(side, one) for side in Side for one in fresh[side].values() if isinstance(one, Record)]
        parents = parents_of(world, tx, m, living, former=True)
        now = tx.links.get([link.id for link in links])
        for side in Side:  # what was marked since we looked is on its way
            ids = [link.id_on(side) for link in links]
            memory.marks.update({(side, id_): mark for id_, mark in tx.marks.get(m.key, side, ids).items()})
    found = Found()
    for link in links:
        still = now[link.id]
        told = all(link.id_on(side) in fresh[side] for side in Side)
        if told and (still.state, still.left_id, still.right_id) == ("open", link.left_id, link.right_id):
            both = {side: fresh[side][link.id_on(side)] for side in Side}
            _Pair(m, link, memory, both, found).look(parents)
    return found


@dataclass(slots=True)
class Memory:
    """What the store knows of some links, before the vendors are asked. `read_to`: what the feeds have surely shown."""

    m: FieldMap
    snapshots: dict[tuple[Side, str], Snapshot] = field(default_factory=dict)
    marks: dict[tuple[Side, str], Mark] = field(default_factory=dict)
    conflicts: Mapping[tuple[int, str], Sequence[Conflict]] = field(default_factory=dict)
    writing: frozenset[int | None] = frozenset()
    read_to: dict[Side, datetime | None] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World, m: FieldMap, links: Sequence[Link]) -> Memory:
        """Everything in one consistent view."""
        found = cls(m)
        with world.store.read() as tx:
            for side in Side:
                end, ids = m.end(side), [link.id_on(side) for link in links]
                shot = tx.snapshots.get(end.system, end.kind, ids)
                found.snapshots.update({(side, id_): one for id_, one in shot.items()})
                found.marks.update({(side, id_): one for id_, one in tx.marks.get(m.key, side, ids).items()})
                horizon = tx.feeds.get(end.system, end.kind).read_to
                tick = world.connectors[end.system].capabilities.tick
                found.read_to[side] = horizon - tick if horizon is not None else None
            found.conflicts = tx.conflicts.standing(link.id for link in links)
            found.writing = frozenset(intent.link for intent in tx.journal.open_links(link.id for link in links))
        return found


@dataclass(slots=True)
class _Pair:
    """One link under the eye: what the vendors say now, and what the store knew before."""

    m: FieldMap
    link: Link
    memory: Memory
    fresh: Mapping[Side, Record | Gone]
    found: Found

    def look(self, parents: Given) -> None:
        """Note everything that is to be said of the two."""
        self.found.compared[RECORD] += 1
        records = {side: one for side, one in self.fresh.items() if isinstance(one, Record)}
        for side in Side:
            if side not in records:
                self._gone(side)
        if len(records) < len(Side):
            return
        self._moved_elsewhere(records)
        if left_filter(self.m, records):
            return
        for one in compare(self.m, records[Side.LEFT], records[Side.RIGHT], parents):
            self.found.compared[one.rule.name] += 1
            self._rule(one, records)

    def _note(self, rule: str, reason: Reason, words: str, values: tuple[Value, Value] = (None, None)) -> None:
        link = self.link
        self.found.differences.append(
            Difference(
                map=self.m.key, left=link.left_id, right=link.right_id, rule=rule, reason=reason,
                left_value=values[0], right_value=values[1], words=words,
            )
        )  # fmt: skip

    def _marks(self) -> Iterator[Mark]:
        for side in Side:
            mark = self.memory.marks.get((side, self.link.id_on(side)))
            if mark is not None:
                yield mark

    def _waits(self) -> str | None:
        """Why the link is looked at again without anybody's help; None if it is not."""
        if self.link.id in self.memory.writing:
            return "a write of it has no outcome yet"
        for mark in self._marks():
            if mark.state in (PLANNED, HELD):
                return "planned; it waits for permission to write"
            if mark.state != PARKED:
                return "due to be carried"
        return None

    def _parked(self, one: Compared | None) -> str | None:
        """Why a person is waited for; some causes stop single fields, the others the whole record."""
        for mark in self._marks():
            if mark.state != PARKED:
                continue
            of_a_write = (mark.waits_for or "").startswith("intent:")
            whole = of_a_write or mark.cause not in ("unmapped", "waiting", DRIFT, UNTOLD)
            if whole or (one is not None and _stopped(one, mark)):
                return mark.reason or mark.cause
        return None

    def _gone(self, side: Side) -> None:
        answer, snapshot = self.fresh[side], self.memory.snapshots.get((side, self.link.id_on(side)))
        noticed = snapshot is not None and snapshot.gone is not None
        became = answer.became if isinstance(answer, Gone) else ()
        words = f"{answer.ref} {f'was merged into {became[0]}' if became else 'answers no more'}"
        if waits := self._waits():
            self._note(RECORD, Reason.LAG, f"{words}; {waits}")
        elif parked := self._parked(None):
            self._note(RECORD, Reason.PARKED, parked)
        elif noticed and not became and self.m.end(side.other).delete == "ignore":
            self._note(RECORD, Reason.KEPT, f"{words}; the map ignores it")
        else:
            self._note(RECORD, Reason.GONE, words)

    def _moved(self, side: Side, record: Record, names: Iterable[str]) -> list[str]:
        """Which of these fields are not what was last told of them, even if an answer has left them out since."""
        snapshot = self.memory.snapshots.get((side, self.link.id_on(side)))
        if snapshot is None:
            return []
        types = {rule.field(side): rule.type(side) for rule in self.m.rules if rule.field(side) is not None}
        told = [name for name in names if name in record.fields and name in snapshot.kept]
        return [n for n in told if not same(record.fields[n], snapshot.kept[n], types.get(n))]

    def _passed(self, side: Side, record: Record) -> bool:
        """Whether the feed has surely shown the record as it is."""
        horizon = self.memory.read_to[side]
        return horizon is not None and (record.modified_at is None or record.modified_at < horizon)

    def _moved_elsewhere(self, records: Mapping[Side, Record]) -> None:
        """Fields that the map reads, but no rule keeps equal: those of its conditions, and what is carried once."""
        for side in Side:
            lasting = (rule for rule in self.m.rules if rule.direction is not Direction.CREATE)
            compared = {name for rule in lasting for name in fields_of(rule, side)}
            moved = self._moved(side, records[side], sorted(self.m.reads(side) - compared))
            if moved and self._passed(side, records[side]) and not self._waits() and not self._parked(None):
                self._note(RECORD, Reason.MISSED, f"{side} {', '.join(moved)} changed, and the feed did not tell")

    def _rule(self, one: Compared, records: Mapping[Side, Record]) -> None:
        reason = self._why(one, records)
        if reason is not None:
            self._note(one.rule.name, *reason, values=one.values)

    def _why(self, one: Compared, records: Mapping[Side, Record]) -> tuple[Reason, str] | None:
        moved = [side for side in Side if self._moved(side, records[side], fields_of(one.rule, side))]
        recent = [side for side in moved if not self._passed(side, records[side])]
        waits = self._waits()
        if one.parity in (Parity.DIFFERENT, Parity.UNMAPPED, Parity.UNKNOWN):
            if waits:
                return Reason.LAG, waits
            if recent:
                return Reason.LAG, f"changed on the {' and '.join(recent)} within the feed's lag"
            if parked := self._parked(one):
                return (Reason.UNMAPPED if one.parity is Parity.UNMAPPED else Reason.PARKED), parked
        missed = bool(moved) and not waits and not recent
        if missed and one.parity in AS_ONE:
            self.found.unheard.add(self.link.left_id)
        elif missed:
            return Reason.MISSED, f"changed on the {' and '.join(moved)}, and the feed did not tell"
        if one.parity is Parity.DIFFERENT:
            return self._listed(one) or (Reason.UNEXPLAINED, self._drifted(one))
        if one.parity is Parity.LOSSY:
            return Reason.LOSSY, "the same, up to what a field loses"
        reason = _BY_PARITY.get(one.parity)
        return (reason, one.reason) if reason is not None else None

    def _listed(self, one: Compared) -> tuple[Reason, str] | None:
        """The conflict that both values stand in, as they are."""
        types = (one.rule.left_type, one.rule.right_type)
        for row in self.memory.conflicts.get((self.link.id, one.rule.name), ()):
            pairs = zip((row.left, row.right), one.values, types, strict=True)
            if all(same(then, now, type_) for then, now, type_ in pairs):
                return Reason.CONFLICT, f"conflict {row.id}, {row.state}: {row.reason}"
        return None

    def _drifted(self, one: Compared) -> str:
        snapshots = [self.memory.snapshots.get((side, self.link.id_on(side))) for side in Side]
        if snapshots[0] is None or snapshots[1] is None:
            return "a side was never read, and nothing asks for it"
        base = base_of(self.m, self.link, snapshots[0], snapshots[1])
        then = [base.side(side).get(one.rule.name) for side in Side]
        if any(shadow is None for shadow in then):
            return "the two never agreed, and nothing asks for it"
        types = (one.rule.left_type, one.rule.right_type)
        still = all(s and same(s.value, v, t) for s, v, t in zip(then, one.values, types, strict=True))
        return (
            "both are what they were when they last agreed" if still else "it was not carried, and nothing asks for it"
        )


def fields_of(rule: Rule, side: Side) -> frozenset[str]:
    """The fields of a side that a rule looks at."""
    own = frozenset({name} if (name := rule.field(side)) else ())
    return own | rule.expr.reads[side] if rule.expr is not None else own


def _stopped(one: Compared, mark: Mark) -> bool:
    """Whether a parked mark stops this rule; where several stop a record, its cause is what does not come, if any."""
    missing = mark.cause in (DRIFT, UNTOLD)
    if one.parity is Parity.UNKNOWN:
        return missing
    if one.parity is Parity.UNMAPPED:
        return missing or mark.cause == "unmapped"
    return one.rule.relation is not None and mark.waits_for is not None


_BY_PARITY: Mapping[Parity, Reason] = {
    Parity.KEPT: Reason.KEPT,
    Parity.UNMAPPED: Reason.UNMAPPED,
    Parity.UNKNOWN: Reason.UNEXPLAINED,
}
