"""How a snapshot moves, whatever moves it: a feed, a read, a look-up, an answer. Rule 2.

What is not here: where records come from (`intake`, `worker`) and what marks lead to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Gone, Record, Side
from syncd.core.traits import Yardstick
from syncd.engine.base import moved
from syncd.engine.lookalikes import ask_again, near
from syncd.engine.namesakes import found_by, unique_names
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

LEAD_LANE, NORMAL_LANE = 0, 1

Held = Mapping[tuple[Side, str], int]
"""Refs that are worked on, each with the lane of its turn."""

MERGED = "merged"
"""How a snapshot is gone whose record lives on under another id."""


@dataclass(slots=True)
class Absorbed:
    """What became of the items.

    `moved`: ids whose values moved (in these fields), or whose existence did (None). `learned`: fields that were never
    asked for before; nobody changed them. `left_out`: fields that were known and asked for, and are not told any more.
    `unsure`: ids that a read by id must decide. `passed`: ids whose item is older than what is held.
    """

    moved: dict[str, frozenset[str] | None] = field(default_factory=dict)
    learned: dict[str, frozenset[str]] = field(default_factory=dict)
    left_out: dict[str, frozenset[str]] = field(default_factory=dict)
    unsure: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)

    def touching(self, reads: AbstractSet[str]) -> tuple[list[str], list[str]]:
        """Whom a reader of these fields must hear of: who moved, and of whom a field is not told any more."""
        moved = [id_ for id_, fields in self.moved.items() if fields is None or fields & reads]
        return moved, [id_ for id_, fields in self.left_out.items() if fields & reads]


def absorb(
    tx: Tx,
    world: World,
    items: Iterable[Record | Gone],
    *,
    asked: Collection[str],
    seen_to: datetime | None = None,
    since: Mapping[str, Snapshot] | None = None,
    in_hand: tuple[FieldMap, Held] | None = None,
) -> Absorbed:
    """Store what moved, keep bases where they were, and mark every map that reads a changed field.

    `asked`: the fields that were asked for; one that is missing from a record is unknown from now on. Empty: the
    answer holds what it holds. `since`: the snapshots as they stood when the question was asked; a read by id overrules
    one of its own version, or one that is gone, if that one still stands (vendors' clocks are too coarse to tell).
    `seen_to`: the feed's horizon before this page, a later "last seen" than the read. `in_hand`: a map and the refs
    worked on in it, which get no mark for what moved. One kind of one system at a time.
    """
    if not (items := list(items)):
        return Absorbed()
    system, kind = items[0].ref.system, items[0].ref.kind
    items += _left_behind(items)
    before = tx.snapshots.get(system, kind, [item.ref.id for item in items])
    unseen, found = _unseen(tx, world, items, before), Absorbed()
    rows: dict[str, Snapshot] = {}
    for item in items:
        old = rows.get(item.ref.id) or before.get(item.ref.id) or unseen.get(item.ref.id)
        # What an answer does not tell of a record we never saw is unknown: it must count as a change when it is told.
        wanted = asked if old is not None else world.fields(system, kind)
        row = _moved_row(item, old, wanted, found, since is not None and since.get(item.ref.id) == old)
        if row is not None:
            rows[item.ref.id] = row
    tx.snapshots.put(list(rows.values()))
    _note_merged(tx, [item for item in items if isinstance(item, Gone) and item.ref.id in rows], world.clock())
    for m, side in world.readers.get((system, kind), ()):
        _tell(tx, world, m, side, rows, before, found, seen_to, in_hand)
    return found


def _moved_row(
    item: Record | Gone, before: Snapshot | None, asked: Collection[str], found: Absorbed, asked_after: bool
) -> Snapshot | None:
    """The snapshot to store for this item; None if it stays. Notes what moved."""
    if isinstance(item, Gone):
        return _gone_row(item, before, found)
    if before is None:
        found.moved[item.ref.id] = None
        missing = tuple(sorted(set(asked) - set(item.fields)))
        return Snapshot(item, item.fields, missing)
    if before.gone is not None:
        return _back_row(item, before, asked, found, asked_after)
    if _older(item, before.record):
        found.passed.append(item.ref.id)
        return None
    changed = _changed(item, before)
    learned = frozenset(item.fields) - before.kept.keys() - set(before.missing)
    same_version = item.version == before.record.version and item.modified_at == before.record.modified_at
    # A lagging list's row that does not tell its time may be behind what we hold.
    undated = item.stale_ok and item.modified_at is None
    if (same_version or undated) and changed - set(before.missing) and (item.stale_ok or not asked_after):
        found.unsure.append(item.ref.id)
        return None
    if not changed and not learned and same_version and not _later_read(item, before.record):
        return None
    if not same_version:
        changed |= learned  # somebody changed this record, and may have changed just what is told for the first time
    if learned:
        found.learned[item.ref.id] = found.learned.get(item.ref.id, frozenset()) | learned
    row = _merged(item, before, asked)
    if silent := frozenset(row.missing) - set(before.missing):
        found.left_out[item.ref.id] = found.left_out.get(item.ref.id, frozenset()) | silent
    if changed:
        known = found.moved.get(item.ref.id, frozenset())
        found.moved[item.ref.id] = known | changed if known is not None else None
    return row


def _left_behind(items: Iterable[Record | Gone]) -> list[Gone]:
    """The ids that records had before a merge, each as what it is by now."""
    return [
        Gone(ref=dataclasses.replace(item.ref, id=old), became=(item.ref.id,), read_at=item.read_at)
        for item in items
        if isinstance(item, Record)
        for old in item.was
        if old != item.ref.id
    ]


def _note_merged(tx: Tx, gone: Iterable[Gone], now: datetime) -> None:
    """What those that a merge ended are called now; who waits for one of them waits for that, or no more."""
    merged = [item for item in gone if item.became]
    if merged:
        ref = merged[0].ref
        tx.aliases.put(ref.system, ref.kind, {item.ref.id: item.became[0] for item in merged})
        tx.marks.wake([str(item.ref) for item in merged], now)


def _unseen(tx: Tx, world: World, items: Sequence[Record | Gone], known: Collection[str]) -> dict[str, Snapshot]:
    """Stand-ins for what is gone and was never read, if a link has come to it or may come yet: it goes on from here."""
    told = {item.ref.id for item in items if isinstance(item, Record)}.union(known)
    gone = {item.ref.id: item for item in items if isinstance(item, Gone) and item.ref.id not in told}
    readers = world.readers.get((items[0].ref.system, items[0].ref.kind), ())
    linked = {id_ for m, side in readers for id_ in tx.links.of(m.key, side, gone)}
    return {i: Snapshot(Record(ref=one.ref, fields={}), {}) for i, one in gone.items() if one.became or i in linked}


def _gone_row(item: Gone, before: Snapshot | None, found: Absorbed) -> Snapshot | None:
    how = MERGED if item.became else "tombstone" if item.tombstone else "gone"
    if before is None or before.gone == MERGED or (before.gone is not None and how != MERGED):
        return None
    found.moved[item.ref.id] = None
    read_at = max((t for t in (item.read_at, before.record.read_at) if t is not None), default=None)
    return dataclasses.replace(before, record=dataclasses.replace(before.record, read_at=read_at), gone=how)


def _back_row(
    item: Record, before: Snapshot, asked: Collection[str], found: Absorbed, asked_after: bool
) -> Snapshot | None:
    """A gone record is there again: a lagging list may lie, and so may an answer asked for before it went."""
    if item.stale_ok or not (asked_after or _later_read(item, before.record)):
        found.unsure.append(item.ref.id)
        return None
    found.moved[item.ref.id] = None
    return dataclasses.replace(_merged(item, before, asked), gone=None)


def _older(item: Record, before: Record) -> bool:
    return item.modified_at is not None and before.modified_at is not None and item.modified_at < before.modified_at


def _later_read(item: Record, before: Record) -> bool:
    return not item.stale_ok and item.read_at is not None and (before.read_at is None or item.read_at > before.read_at)


def _changed(item: Record, before: Snapshot) -> frozenset[str]:
    return frozenset(
        name
        for name, value in item.fields.items()
        if name in before.missing or (name in before.kept and before.kept[name] != value)
    )


def _merged(item: Record, before: Snapshot, asked: Collection[str]) -> Snapshot:
    kept = {**before.kept, **item.fields}
    missing = (set(before.missing) | set(asked)) - set(item.fields)
    record = dataclasses.replace(
        item,
        fields=kept,
        created_at=item.created_at or before.record.created_at,
        mine=item.mine if item.mine is not None else before.record.mine,
        was=item.was or before.record.was,
        version=item.version or before.record.version,
        modified_at=item.modified_at or before.record.modified_at,
        read_at=max((t for t in (item.read_at, before.record.read_at) if t is not None), default=None),
    )
    return Snapshot(record, kept, tuple(sorted(missing)), before.gone)


def _tell(
    tx: Tx, world: World, m: FieldMap, side: Side, rows: Mapping[str, Snapshot], before: Mapping[str, Snapshot],
    found: Absorbed, seen_to: datetime | None, in_hand: tuple[FieldMap, Held] | None,
) -> None:  # fmt: skip
    """What one map does about it: bases stay where they were, texts to match by are noted, and marks are made."""
    touched, left_out = found.touching(m.reads(side) | _compared(m, side))
    known = [id_ for id_ in touched if id_ in before]
    linked = tx.links.of(m.key, side, [*known, *left_out, *found.unsure])
    _keep_bases(tx, m, side, known, linked, rows, before, seen_to)
    _rekey(tx, world, m, side, rows, found)
    held = in_hand[1] if in_hand is not None and in_hand[0].key == m.key else {}
    now = world.clock()
    mark(tx, m, side, (id_ for id_ in touched if (side, id_) not in held), linked, now)
    # Their versions will not call for another read: what was edited with them must be asked for by id, even if they
    # just were. Of what is not told any more nobody edited anything: in hand, it is asked for in the lane of its turn,
    # which may write quietly.
    mark(tx, m, side, found.unsure, linked, now, reread=True)
    mark(tx, m, side, left_out, linked, now, reread=True, turns=held)


def _keep_bases(
    tx: Tx, m: FieldMap, side: Side, known: Sequence[str], linked: Mapping[str, Link],
    rows: Mapping[str, Snapshot], before: Mapping[str, Snapshot], seen_to: datetime | None,
) -> None:  # fmt: skip
    # A closed link may open again: its bases must not follow what happens meanwhile.
    links = {**tx.links.of(m.key, side, known, state="closed"), **linked}
    changed: list[Link] = []
    for id_ in (id_ for id_ in known if id_ in links):
        old = before[id_]
        seen = max((t for t in (old.record.read_at, seen_to) if t is not None), default=None)
        now = moved(m, side, links[id_], old.kept, rows[id_].record, seen)
        if now != links[id_]:
            changed.append(now)
    tx.links.save_deltas(changed)


def _compared(m: FieldMap, side: Side) -> set[str]:
    """The fields by which twins are found."""
    rules = [rule for match in (*m.link, *m.ask) for part in match.parts for rule in part.rules]
    return {name for rule in rules if (name := rule.field(side)) is not None}


def _rekey(tx: Tx, world: World, m: FieldMap, side: Side, rows: Mapping[str, Snapshot], found: Absorbed) -> None:
    scored = {rule.field(side) for rules in Yardstick.of(m).rules.values() for rule in rules} if m.score else set()
    was = {m.continues.field} if m.continues is not None and m.continues.side is side else set()
    names = _compared(m, side) | scored | was | set(unique_names(world, m, side))
    seen = [*found.moved.items(), *found.learned.items()]
    touched = dict.fromkeys(i for i, fields in seen if i in rows and (fields is None or fields & names))
    texts = {id_: found_by(world, m, side, rows[id_]) for id_ in touched}
    around = near(tx, m, {side: [id_ for id_ in texts if found.moved.get(id_, names) is not None]})
    tx.snapshots.rekey(m.key, side, texts)
    ask_again(tx, m, (around | near(tx, m, {side: texts})) - set(texts), world.clock())


def lane_of(m: FieldMap, *, linked: bool = False) -> int:
    """The lane of what people do in a map. In a lead map, who has no twin yet goes before the edits of who has one."""
    return LEAD_LANE if m.lane == "lead" and not linked else NORMAL_LANE


def mark(
    tx: Tx, m: FieldMap, side: Side, ids: Iterable[str], linked: Collection[str], now: datetime, *,
    reread: bool = False, cause: str | None = None, turns: Held = MappingProxyType({}),
) -> None:  # fmt: skip
    """Mark these records of a side, each in its lane: that of its turn, or the one of who has a twin, or has none."""
    lanes: dict[int, list[str]] = {}
    for id_ in ids:
        lanes.setdefault(turns.get((side, id_), lane_of(m, linked=id_ in linked)), []).append(id_)
    for lane, some in lanes.items():
        tx.marks.add(m.key, side, some, now, lane=lane, reread=reread, cause=cause)
