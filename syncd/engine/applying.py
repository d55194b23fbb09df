"""`map apply`: a changed map is carried to what was linked before it changed. Rule 8; else it is not retroactive.

Everything is worked out from the snapshots, which the feeds keep: no vendor is asked, and each write is compared with
what is there before it is made, like any other. Where the changed map finds two sides apart that nobody changed, base
says nothing of who is right, and the map's `first_link` decides. What is marked goes last and is written quietly; it
becomes due all at once, so that the guard weighs it as a whole.

What is not here: taking a changed map for what changes from now on (`maps`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from syncd.core.decision import Decision, Given, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.model import Side
from syncd.core.parity import Parity, compare
from syncd.core.plan import plan
from syncd.engine.audit import fields_of
from syncd.engine.base import base_of
from syncd.engine.item import SLOW_LANE
from syncd.engine.linking import wanted
from syncd.engine.lookalikes import belongs
from syncd.engine.planning import left_filter, parents_of
from syncd.engine.world import World
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

PAGE = 500
LINKS, DONE = "links", "done"
_PHASES = (LINKS, str(Side.LEFT), str(Side.RIGHT), DONE)


@dataclass(slots=True)
class Preview:
    """What applying a map would touch. `rules`: by rule, how often it would write a side, ask, or cannot carry.

    Of a rule whose field no map read before, the snapshots say nothing: `not read` counts the links where it is so, and
    what it would do there is not known before the kind has been read once more.
    `links`: how many are gone over; `leaving`: of them those that do not meet the map's condition any more.
    `unlinked`: records without a link that are looked at again; `new`: of them those that the map wants across.
    """

    links: int = 0
    leaving: int = 0
    unlinked: int = 0
    new: int = 0
    rules: dict[str, Counter[str]] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """As people and scripts read it."""
        names = ("write left", "write right", "ask", "unmapped", "not read")
        rules = [{"rule": rule, **{name: counts[name] for name in names}} for rule, counts in self.rules.items()]
        records = {name: getattr(self, name) for name in ("links", "leaving", "unlinked", "new")}
        return {**records, "rules": sorted(rules, key=lambda row: str(row["rule"]))}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an application has come: which part, the last id seen in it, and how many records were gone over."""

    digest: str
    phase: str = LINKS
    after: str = ""
    done: int = 0

    @classmethod
    def of(cls, tx: Tx, m: FieldMap) -> Progress:
        """Where one was left that was killed, if the map is still the same; else the beginning."""
        kept = cls(**(tx.runs.fact(_name(m)) or {"digest": m.digest}))
        return kept if kept.digest == m.digest else cls(m.digest)

    def keep(self, tx: Tx, m: FieldMap) -> None:
        """Remember it."""
        tx.runs.set_fact(_name(m), {name: getattr(self, name) for name in self.__dataclass_fields__})


def _name(m: FieldMap) -> str:
    return f"apply:{m.key}"


def preview(world: World, m: FieldMap) -> Preview:
    """What would be touched; nothing is changed anywhere."""
    found, at = Preview(), Progress(m.digest)
    while at.phase != DONE:
        with world.store.read() as tx:
            page, at = _page(tx, m, at)
            for pair in _compared(world, tx, m, page.links):
                _count(found, pair)
            found.links += len(page.links)
            found.unlinked += len(page.unlinked)
            found.new += sum(wanted(m, page.side, one.record) for one in page.unlinked.values())
    return found


def apply(world: World, m: FieldMap) -> Iterator[Progress]:
    """Mark everything, page by page; one that was killed goes on where it was. Then all of it is due."""
    with world.store.read() as tx:
        at = Progress.of(tx, m)
    while at.phase != DONE:
        with world.store.begin() as tx:
            page, at = _page(tx, m, at)
            anew = {one.link.left_id: one.anew for one in _compared(world, tx, m, page.links)}
            now = world.clock()
            ids = [link.left_id for link in page.links]
            tx.coming.add(m.key, Side.LEFT, ids, now, lane=SLOW_LANE, anew=anew)
            tx.coming.add(m.key, page.side, page.unlinked, now, lane=SLOW_LANE)
            at.keep(tx, m)
        yield at


def release(world: World, m: FieldMap, wait: timedelta) -> datetime:
    """Let everything that was marked become due, and forget the application; when that is.

    A daemon that has not read the changed map yet would see nothing to do: if the last run was made by another map,
    it is given so long to read it.
    """
    pair = next(pair for pair in world.pairs if any(m.key == one.key for one in pair.maps))
    with world.store.begin() as tx:
        known = any(run.digest == pair.digest for run in tx.runs.last(pair.name, limit=1))
        now = world.clock()
        due = now if known else now + wait
        tx.coming.release(m.key, now, due)
        tx.runs.set_fact(_name(m), None)
    return due


@dataclass(frozen=True, slots=True)
class _Page:
    """Links, or living records of a side that have none and never had one."""

    links: Sequence[Link] = ()
    side: Side = Side.LEFT
    unlinked: Mapping[str, Snapshot] = field(default_factory=dict)


def _page(tx: Tx, m: FieldMap, at: Progress) -> tuple[_Page, Progress]:
    """The next page, and where the one after it begins."""
    if at.phase == LINKS:
        links = tx.links.all(m.key, after=int(at.after or 0), limit=PAGE)
        page, seen, last = _Page(links=links), len(links), str(links[-1].id) if links else ""
    else:
        side = Side(at.phase)
        end = m.end(side)
        shot = tx.snapshots.page(end.system, end.kind, after=at.after, limit=PAGE)
        linked = tx.links.ever(m.key, side, shot)
        free = {i: one for i, one in shot.items() if i not in linked and not one.gone and belongs(m, side, one.record)}
        page, seen, last = _Page(side=side, unlinked=free), len(free), next(reversed(shot), "")
    if last:
        return page, replace(at, after=last, done=at.done + seen)
    return page, replace(at, phase=_PHASES[_PHASES.index(at.phase) + 1], after="")


@dataclass(frozen=True, slots=True)
class _Compared:
    """A link under the map as it is now.

    `anew`: rules by which its sides differ, and that no list explains. `decisions`: of those rules that none explains.
    `unread`: rules with a field that was never asked for.
    """

    link: Link
    leaving: bool
    anew: tuple[str, ...] = ()
    decisions: Sequence[Decision] = ()
    unread: frozenset[str] = frozenset()


def _compared(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> Iterator[_Compared]:
    shots: dict[Side, dict[str, Snapshot]] = {}
    for side in Side:
        end = m.end(side)
        shots[side] = tx.snapshots.get(end.system, end.kind, [link.id_on(side) for link in links])
    records = [(side, shot.record) for side in Side for shot in shots[side].values()]
    parents = parents_of(world, tx, m, records)
    former = parents_of(world, tx, m, records, former=True)
    standing = tx.conflicts.standing(link.id for link in links)
    for link in links:
        both = [shots[side].get(link.id_on(side)) for side in Side]
        if both[0] is not None and both[1] is not None and not both[0].gone and not both[1].gone:
            yield _compare(m, link, both[0], both[1], parents, former, standing)


def _compare(
    m: FieldMap,
    link: Link,
    left: Snapshot,
    right: Snapshot,
    parents: Given,
    former: Given,
    standing: Mapping[tuple[int, str], Sequence[Conflict]],
) -> _Compared:
    if left_filter(m, {Side.LEFT: left.record, Side.RIGHT: right.record}):
        return _Compared(link, leaving=True)
    # A value that only the map of before could carry has no counterpart now.
    differ = (Parity.DIFFERENT, Parity.UNMAPPED)
    apart = [one for one in compare(m, left.record, right.record, former) if one.parity in differ]
    known = {name: {(row.left, row.right) for row in rows} for (id_, name), rows in standing.items() if id_ == link.id}
    listed = {one.rule.name for one in apart if one.values in known.get(one.rule.name, ())}
    anew = tuple(one.rule.name for one in apart if one.rule.name not in listed)
    given = replace(parents, anew=frozenset(anew))
    decisions = plan(m, base_of(m, link, left, right), left.record, right.record, given).decisions
    unread = frozenset(rule.name for rule in m.rules if _unread(rule, left, right))
    told = [d for d in decisions if d.rule.name not in listed | unread]
    return _Compared(link, leaving=False, anew=anew, decisions=told, unread=unread)


def _unread(rule: Rule, left: Snapshot, right: Snapshot) -> bool:
    """Whether a lasting rule looks at a field that was never asked for: neither told nor known to be left out."""
    if rule.direction is Direction.CREATE or rule.receipt is not None:
        return False
    both = zip(Side, (left, right), strict=True)
    return any(not fields_of(rule, side) <= {*shot.kept, *shot.missing} for side, shot in both)


def _count(found: Preview, pair: _Compared) -> None:
    found.leaving += pair.leaving
    for name in pair.unread:
        found.rules.setdefault(name, Counter())["not read"] += 1
    for d in pair.decisions:
        what = {Verdict.CONFLICT: "ask", Verdict.UNMAPPED: "unmapped", Verdict.WRITE: f"write {d.to}"}.get(d.verdict)
        if what is not None:
            found.rules.setdefault(d.rule.name, Counter())[what] += 1
