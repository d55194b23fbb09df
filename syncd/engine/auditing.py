"""Which links the audit looks at, and when: all of them on demand, or a slice each night; and healing by plan. Rule 21.

Healing is marking: a mark has the record read, planned and written like any other, through the guard, if at all.
What is not here: the comparison (`audit`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from typing import Any

import structlog

from syncd.core.fieldmap import FieldMap
from syncd.core.match import carried_key
from syncd.core.model import Record, Side
from syncd.engine.absorb import NORMAL_LANE
from syncd.engine.audit import AS_MEANT, RECORD, WRONG, Difference, Found, Reason, look
from syncd.engine.item import SLOW_LANE
from syncd.engine.worker import backfilled, within_quota
from syncd.engine.world import World
from syncd.store.parities import Parity
from syncd.store.store import Tx

log = structlog.get_logger("syncd.engine")

PAGE = 200
"""Links looked at together; fewer where a vendor lets no more through in some ten seconds."""

UNTOLD = frozenset({Reason.MISSED, Reason.GONE})
"""What a feed should have told: the nightly audit marks it in the feed's place. The rest waits for a person."""


def verify(world: World, m: FieldMap, *, heal: bool) -> Iterator[Found]:
    """Every link of a map, a page at a time, then records that carry our key and that no link knows.

    The figures are stored when all was seen. Raises AuthError and Transient.
    """
    began, after = world.clock(), 0
    compared: Counter[str] = Counter()
    classes: dict[str, Counter[str]] = {}
    while True:
        with world.store.read() as tx:
            links = tx.links.all(m.key, after=after, limit=page(world, m))
        if not links:
            break
        found, after = look(world, m, links), links[-1].id
        _add(found, compared, classes)
        yield _healed(world, m, found, WRONG if heal else ())
    for found in _unlinked(world, m):
        _add(found, compared, classes)
        yield _healed(world, m, found, WRONG if heal else ())
    with world.store.begin() as tx:
        tx.parities.replace(m.key, _rows(m, compared, classes, began, world.clock()))


def page(world: World, m: FieldMap) -> int:
    """How many links are looked at together."""
    most = PAGE
    for side in Side:
        can = world.connector(m, side).capabilities
        most = min(most, within_quota(can, can.read_batch) or most)
    return most


def _healed(world: World, m: FieldMap, found: Found, reasons: Collection[Reason]) -> Found:
    if found.of(reasons) or (found.unheard and Reason.MISSED in reasons):
        with world.store.begin() as tx:
            _mark(tx, m, found, reasons, world.clock())
    return found


def _mark(tx: Tx, m: FieldMap, found: Found, reasons: Collection[Reason], now: datetime) -> None:
    """Let what differs for these reasons be read and planned; what drifted under its base is decided anew, quietly.

    What was missed is read also where both sides are equal by now: what is remembered of them is old all the same.
    """
    anew: dict[str, list[str]] = {}
    unheard = found.unheard if Reason.MISSED in reasons else set()
    urgent: dict[Side, set[str]] = {Side.LEFT: set(unheard), Side.RIGHT: set()}
    for one in found.of(reasons):
        side = Side.LEFT if one.left is not None else Side.RIGHT
        id_ = str(one.left if one.left is not None else one.right)
        if one.reason is Reason.UNEXPLAINED:
            anew.setdefault(id_, []).append(one.rule)
        else:
            urgent[side].add(id_)
    for side in Side:
        tx.marks.add(m.key, side, sorted(urgent[side]), now, lane=NORMAL_LANE, reread=True)
    tx.marks.add(m.key, Side.LEFT, anew, now, lane=SLOW_LANE, reread=True, anew=anew)


def _unlinked(world: World, m: FieldMap) -> Iterator[Found]:
    """Records that were made for one across, no link knows and nothing waits for; from the snapshots alone."""
    for side in Side:
        end, after = m.end(side), ""
        while end.sync_key is not None:
            with world.store.read() as tx:
                shot = tx.snapshots.page(end.system, end.kind, after=after)
                ours = [id_ for id_, one in shot.items() if not one.gone and _ours(m, side, one.record)]
                known = _known(world, tx, m, side, ours)
            if not shot:
                break
            after = next(reversed(shot))
            lost = [_stray(m, side, id_) for id_ in ours if id_ not in known]
            yield Found(lost, Counter({RECORD: len(lost)}))


def _ours(m: FieldMap, side: Side, record: Record) -> bool:
    """Whether it carries our key of a record that this map could have made it for."""
    across = m.end(side.other)
    return (carried_key(m, side, record.fields) or "").startswith(f"{across.system}:{across.kind}:")


def _known(world: World, tx: Tx, m: FieldMap, side: Side, ids: Sequence[str]) -> set[str]:
    """Those that a link of any map knows, open or closed, or a mark of this one."""
    found = set(tx.marks.get(m.key, side, ids))
    for other, at in world.readers[m.end(side).system, m.end(side).kind]:
        for state in ("open", "closed"):
            found |= set(tx.links.of(other.key, at, ids, state=state))
    return found


def _stray(m: FieldMap, side: Side, id_: str) -> Difference:
    left, right = (id_, None) if side is Side.LEFT else (None, id_)
    words = "carries our sync key, and is linked with nothing"
    return Difference(map=m.key, left=left, right=right, rule=RECORD, reason=Reason.UNLINKED, words=words)


def _add(found: Found, compared: Counter[str], classes: dict[str, Counter[str]]) -> None:
    compared.update(found.compared)
    for rule, counts in found.classes().items():
        classes.setdefault(rule, Counter()).update(counts)


def _rows(
    m: FieldMap, compared: Counter[str], classes: Mapping[str, Counter[str]], began: datetime, now: datetime
) -> list[Parity]:
    return [
        Parity(map=m.key, rule=rule, whole=True, compared=count, classes=classes.get(rule, {}), began_at=began, at=now)
        for rule, count in compared.items()
    ]


@dataclass(frozen=True, slots=True)
class _Slice:
    """How far the audit of a map has come. `todo`: links of this night that are left; `after`: the last one seen."""

    night: str = ""
    todo: int = 0
    after: int = 0
    seen: int = 0
    found: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, tx: Tx, m: FieldMap) -> _Slice:
        """As it stands."""
        return cls(**(tx.runs.fact(f"audit:{m.key}") or {}))

    def keep(self, tx: Tx, m: FieldMap) -> None:
        """Remember it."""
        row: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        tx.runs.set_fact(f"audit:{m.key}", row)


def begin_slice(world: World, m: FieldMap, night: str, nights: int) -> None:
    """Begin this night's share of a map's links, such that all are seen in so many nights; once a night."""
    with world.store.read() as tx:
        if _Slice.of(tx, m).night == night:
            return
    with world.store.begin() as tx:
        if _Slice.of(tx, m).night != night and backfilled(world, tx, m):
            _begin(tx, m, night, nights)


def _begin(tx: Tx, m: FieldMap, night: str, nights: int) -> None:
    _Slice(night, ceil(tx.links.count(m.key) / nights), _Slice.of(tx, m).after).keep(tx, m)


def a_slice(world: World, m: FieldMap, nights: int, *, heal: bool) -> Iterator[Found]:
    """The next slice at once, or what is left of the one that was begun."""
    with world.store.begin() as tx:
        now = _Slice.of(tx, m)
        if not now.todo:
            _begin(tx, m, now.night, nights)
    while (found := bite(world, m, heal=WRONG if heal else ())) is not None:
        yield found


def bite(world: World, m: FieldMap, *, heal: Collection[Reason] = UNTOLD) -> Found | None:
    """A page of the slice that was begun; None if nothing of it is left. Raises AuthError and Transient."""
    with world.store.read() as tx:
        before = _Slice.of(tx, m)
        most = min(page(world, m), before.todo)
        following = tx.links.all(m.key, after=before.after, limit=most + 1) if most else []
    if not most:
        return None
    links, ended = following[:most], len(following) <= most
    found = look(world, m, links) if links else Found()
    with world.store.begin() as tx:
        if _Slice.of(tx, m) != before:  # another process has looked at the same page
            return Found()
        seen = Counter(before.found) + Counter(str(one.reason) for one in found.differences)
        left = 0 if ended else before.todo - len(links)
        now = replace(before, todo=left, after=0 if ended else links[-1].id, seen=before.seen + len(links), found=seen)
        now.keep(tx, m)
        _accumulate(tx, world, m, found)
        _mark(tx, m, found, heal, world.clock())
        if ended:
            tx.parities.complete(m.key)
    if not now.todo:
        _tell(m, now)
    return found


def _accumulate(tx: Tx, world: World, m: FieldMap, found: Found) -> None:
    """Add to the round that goes on."""
    before = {row.rule: row for row in tx.parities.of(m.key, whole=False)}
    moment, classes = world.clock(), found.classes()
    rows = []
    for rule, count in found.compared.items():
        old = before.get(rule)
        counts = Counter(old.classes if old else {}) + classes.get(rule, Counter())
        began, so_far = (old.began_at, old.compared) if old else (moment, 0)
        rows.append(Parity(map=m.key, rule=rule, whole=False, compared=so_far + count, classes=counts, began_at=began,
                           at=moment))  # fmt: skip
    tx.parities.put(rows)


def _tell(m: FieldMap, now: _Slice) -> None:
    wrong = sum(now.found.get(str(reason), 0) for reason in WRONG)
    say = log.warning if wrong else log.info
    say("audit", map=m.key, links=now.seen, **{str(reason): count for reason, count in sorted(now.found.items())})


def figures(tx: Tx, maps: Sequence[str]) -> list[dict[str, Any]]:
    """How equal both sides were when last compared, by map and rule; of the last whole round, if there was one.

    `parity` is in percent: what is equal, or as the map means it, of what was compared.
    """
    last: dict[tuple[str, str], Parity] = {}
    for row in tx.parities.of():
        if row.map in maps and (row.whole or (row.map, row.rule) not in last):
            last[row.map, row.rule] = row
    return [figure(row) for row in last.values()]


def summary(tx: Tx, maps: Sequence[str]) -> list[dict[str, Any]]:
    """One line per map: of all fields together, and what nothing accounts for."""
    rows = figures(tx, maps)
    found = []
    for key in dict.fromkeys(row["map"] for row in rows):
        mine = [row for row in rows if row["map"] == key]
        compared = sum(row["compared"] for row in mine)
        equal = sum(row["compared"] * row["parity"] for row in mine) / compared if compared else 100.0
        wrong = {str(reason): count for reason in sorted(WRONG) if (count := sum(row[str(reason)] for row in mine))}
        found.append({"map": key, "parity": round(equal, 3), **wrong, "at": max(row["at"] for row in mine)})
    return found


def figure(row: Parity) -> dict[str, Any]:
    """One rule's figures as people and scripts read them."""
    apart = sum(count for reason, count in row.classes.items() if Reason(reason) not in AS_MEANT)
    share = 100.0 * max(0, row.compared - apart) / row.compared if row.compared else 100.0
    return {
        "map": row.map, "field": row.rule or "(records)", "compared": row.compared, "parity": round(share, 3),
        **{str(reason): row.classes.get(str(reason), 0) for reason in Reason},
        "whole": row.whole, "at": row.at.isoformat(),
    }  # fmt: skip
