"""MARK, the first step: one tick of one feed; a page's snapshots, marks and cursor in one transaction.

What is not here: when a tick happens (`service.scheduler`) and how a snapshot moves (`absorb`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.engine.absorb import absorb
from syncd.engine.world import World
from syncd.kit.connector import Page, Seen
from syncd.store.feeds import FeedState


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """What one tick of a feed brought. `due`: more is waiting right now."""

    system: str
    kind: str
    rows: int
    moved: int
    pages: int
    due: bool
    backfilled: bool


def tick(world: World, system: str, kind: str, *, pages: int | None = None) -> Tick:
    """Read a feed onwards from its cursor. A tick cut short (an error, a crash, `pages`) loses nothing.

    Raises AuthError and Transient; what was stored before stays.
    """
    with world.feed_locks[system, kind]:
        return _tick(world, system, kind, pages)


def _tick(world: World, system: str, kind: str, pages: int | None) -> Tick:
    connector = world.connectors[system]
    fields = world.fields(system, kind)
    with world.store.read() as tx:
        state = tx.feeds.get(system, kind)
    if state.cursor is None:
        _note_beginning(world, system)

    def known(ids: Sequence[str]) -> Mapping[str, Seen]:
        with world.store.read() as tx:
            return {id_: Seen(*seen) for id_, seen in tx.snapshots.seen(system, kind, ids).items()}

    rows = moved = count = 0
    due = False
    for page in connector.changes(kind, state.cursor, fields, known):
        moved += _store(world, state, page, fields)
        rows, count, due = rows + len(page.records), count + 1, page.due
        state = FeedState(system, kind, page.cursor, page.read_to or state.read_to, page.backfilled)
        if count == pages or world.stopping():
            break
    return Tick(system=system, kind=kind, rows=rows, moved=moved, pages=count, due=due, backfilled=state.backfilled)


def _note_beginning(world: World, system: str) -> None:
    """Remember when we first looked at a system, on its own clock: nothing older was made by this store."""
    name, now = f"began:{system}", world.connectors[system].now()
    with world.store.begin() as tx:
        if tx.runs.fact(name) is None:
            tx.runs.set_fact(name, now.timestamp())


def _store(world: World, state: FeedState, page: Page, fields: Sequence[str]) -> int:
    """One page, one transaction."""
    with world.store.begin() as tx:
        absorbed = absorb(tx, world, page.records, asked=fields, seen_to=state.read_to)
        tx.feeds.move(FeedState(state.system, state.kind, page.cursor, page.read_to, page.backfilled, world.clock()))
    return len(absorbed.moved)
