"""MARK, the first step: one tick of one feed; a page's snapshots, marks and cursor in one transaction. Or hints.

What is not here: when a tick happens (`service.scheduler`) and how a snapshot moves (`absorb`).
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from dataclasses import dataclass

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.absorb import absorb, mark
from syncd.engine.item import HINT
from syncd.engine.lookout import look, waits_for_another
from syncd.engine.world import World
from syncd.kit.connector import Page, Seen
from syncd.store.feeds import FeedState
from syncd.store.marks import PARKED
from syncd.store.plans import DISCARDED
from syncd.store.store import Tx


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick of a feed brought. `due`: more is waiting right now.

    `busy`: another process reads this feed; what it has not stored yet is not known here.
    `waits`: it was not read, because a map that reads it has lost the custom fields of its other side.
    """

    system: str
    kind: str
    rows: int = 0
    moved: int = 0
    due: bool = False
    backfilled: bool = False
    busy: bool = False
    waits: bool = False


def tick(world: World, system: str, kind: str) -> Tick:
    """Read a feed onwards from its cursor. A tick cut short (an error, a crash) loses nothing.

    The feed is leased meanwhile, so that no two processes read one feed: the lease is renewed with every page, and a
    page is stored only under it. Raises AuthError and Transient; what was stored before stays.
    """
    with world.feed_locks[system, kind]:
        look(world, system, kind)
        if waits_for_another(world, system, kind):
            return Tick(system=system, kind=kind, waits=True)
        state, fence = _begin(world, system, kind)
        if fence is None:
            return Tick(system=system, kind=kind, busy=True)
        try:
            done = _tick(world, state, fence)
        except Exception:
            _end(world, state, fence)
            raise
        _end(world, state, fence)
        return done


def hint(world: World, refs: Iterable[Ref]) -> frozenset[str]:
    """Somebody says that these may have changed: each is to be read by id, in every map that reads its kind.

    The keys of these maps; stored when this returns. Nothing else is believed: what a read by id shows decides, and a
    ref that does not exist leaves no trace. What a person discarded waits for a change, which a feed tells. Raises
    Transient where the store does not answer.
    """
    wanted: dict[tuple[str, str], dict[str, None]] = {}
    for ref in refs:
        if (ref.system, ref.kind) in world.readers:
            wanted.setdefault((ref.system, ref.kind), {})[ref.id] = None
    if not wanted:
        return frozenset()
    marked: set[str] = set()
    with world.store.begin() as tx:
        now = world.clock()
        for kind, ids in wanted.items():
            for m, side in world.readers[kind]:
                left_alone = discarded(tx, m, side, ids)
                told = [id_ for id_ in ids if id_ not in left_alone]
                mark(tx, m, side, told, tx.links.of(m.key, side, told), now, reread=True, cause=f"{HINT}{side}")
                if told:
                    marked.add(m.key)
    return frozenset(marked)


def discarded(tx: Tx, m: FieldMap, side: Side, ids: Iterable[str]) -> set[str]:
    """Those of which a person discarded what was to be written, to them or to their twins."""
    twins = {link.id_on(side.other): id_ for id_, link in tx.links.of(m.key, side, ids).items()}
    own, theirs = tx.marks.get(m.key, side, ids), tx.marks.get(m.key, side.other, twins)
    resting = [*own.items(), *((twins[id_], mark) for id_, mark in theirs.items())]
    return {id_ for id_, mark in resting if mark.state == PARKED and mark.cause == DISCARDED}


def _begin(world: World, system: str, kind: str) -> tuple[FeedState, int | None]:
    """Lease the feed: from where it is read on, and under which fence; no fence if another process reads it."""
    with world.store.begin() as tx:
        now = world.clock()
        fence = tx.runs.next_fence()
        mine = tx.feed_leases.take(system, kind, now=now, until=now + world.pace.lease, fence=fence)
        return tx.feeds.get(system, kind), fence if mine else None


def _tick(world: World, state: FeedState, fence: int) -> Tick:
    system, kind = state.system, state.kind
    connector, fields = world.connectors[system], world.fields(system, kind)
    if state.cursor is None:
        _note_beginning(world, system)

    storing = threading.Lock()

    def known(ids: Sequence[str]) -> Mapping[str, Seen]:
        with storing, world.store.read() as tx:
            return {id_: Seen(*seen) for id_, seen in tx.snapshots.seen(system, kind, ids).items()}

    rows = moved = 0
    due = lost = False
    with closing(_pages(world, connector.changes(kind, state.cursor, fields, known), storing)) as pages:
        for page in pages:
            stored = _store(world, state, page, fields, fence)
            if stored is None:
                lost = True
                break
            rows, moved, due = rows + len(page.records), moved + stored, page.due
            state = FeedState(system, kind, page.cursor, page.read_to or state.read_to, page.backfilled)
            if world.stopping():
                break
    return Tick(
        system=system, kind=kind, rows=rows, moved=moved, due=due and not lost,
        backfilled=state.backfilled, busy=lost,
    )  # fmt: skip


def _pages(world: World, pages: Iterator[Page], storing: threading.Lock) -> Generator[Page]:
    """Page after page. Side by side, the vendor is asked for the next while one is stored, which holds the lock."""
    if not world.side_by_side:
        yield from pages
        return

    def following() -> Page | None:
        return None if world.stopping() else next(pages, None)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(copy_context().run, following)
        while (page := coming.result()) is not None:
            with storing:
                coming = pool.submit(copy_context().run, following)
                yield page


def _note_beginning(world: World, system: str) -> None:
    """Remember when we first looked at a system, on its own clock: nothing older was made by this store."""
    name, now = f"began:{system}", world.connectors[system].now()
    with world.store.begin() as tx:
        if tx.runs.fact(name) is None:
            tx.runs.set_fact(name, now.timestamp())


def _store(world: World, state: FeedState, page: Page, fields: Sequence[str], fence: int) -> int | None:
    """One page, one transaction, if the feed is still ours; how many records moved, None if it is not."""
    with world.store.begin() as tx:
        now = world.clock()
        if not tx.feed_leases.hold(state.system, state.kind, until=now + world.pace.lease, fence=fence):
            return None
        absorbed = absorb(tx, world, page.records, asked=fields, seen_to=state.read_to)
        tx.feeds.move(FeedState(state.system, state.kind, page.cursor, page.read_to, page.backfilled, now))
    return len(absorbed.moved)


def _end(world: World, state: FeedState, fence: int) -> None:
    with world.store.begin() as tx:
        tx.feed_leases.give_back(state.system, state.kind, fence=fence)
