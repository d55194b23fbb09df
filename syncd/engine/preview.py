"""The whole of a plan: everything due is planned, and whoever waits for a record that is planned, after it. Rule 18.

What is not here: how one record is planned (`worker`), and showing it (`answers`).
"""

from __future__ import annotations

from dataclasses import replace

from syncd.engine.run import work
from syncd.engine.world import Pair, World
from syncd.store.marks import PLANNED


def preview(world: World, pair: Pair) -> None:
    """Plan a pair without a write, whatever its mode, until nothing is due. Raises what a run raises."""
    planning = replace(pair, mode="plan")
    known: set[str] = set()
    while work(world, planning).run is not None:
        with world.store.begin() as tx:
            planned = {
                f"{m.end(mark.side).system}:{m.end(mark.side).kind}:{mark.id}"
                for m in pair.maps
                for mark in tx.marks.resting(PLANNED, m.key, limit=1_000_000)
            }
            tx.marks.wake(planned - known, world.clock())
        known |= planned
