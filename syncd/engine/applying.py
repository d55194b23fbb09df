"""`map apply`: a changed map is carried to what was linked before it changed. Rule 8; else it is not retroactive.

Everything is worked out from the snapshots, which the feeds keep: no vendor is asked, and each write is compared with
what is there before it is made, like any other. Where the changed map finds two sides apart that nobody changed, base
says nothing of who is right, and the map's `first_link` decides. What is marked goes last and is written quietly; it
becomes due all at once, so that the guard weighs it as a whole.

What is not here: what it would come to (`weighing`), and taking a changed map for what changes from now on (`maps`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.item import SLOW_LANE
from syncd.engine.lookalikes import belongs
from syncd.engine.planning import left_filter
from syncd.engine.weighing import differing, whole
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

PAGE = 500
LINKS, DONE = "links", "done"
_PHASES = (LINKS, str(Side.LEFT), str(Side.RIGHT), DONE)


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


def apply(world: World, m: FieldMap) -> Iterator[Progress]:
    """Mark everything, page by page; one that was killed goes on where it was. Then all of it is due."""
    with world.store.read() as tx:
        at = Progress.of(tx, m)
    while at.phase != DONE:
        with world.store.begin() as tx:
            page, at = _page(tx, m, at)
            anew, now = _anew(world, tx, m, page.links), world.clock()
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


def _anew(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> dict[str, tuple[str, ...]]:
    """By left id, the rules by which two records differ and that nothing explains; none for who leaves the map."""
    pairs = whole(tx, m, links)
    found = differing(world, tx, m, pairs)
    leaving = {link.id for link, both in pairs if left_filter(m, {side: both[side].record for side in Side})}
    return {link.left_id: () if link.id in leaving else found[link.id].anew for link, _ in pairs}
