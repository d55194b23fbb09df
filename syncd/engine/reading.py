"""Reading by id: what a worker has in hand, or many records of which one that makes no sense must not stop the others.

What is not here: the reads that settle a write or a deletion (`settling`, `leaving`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.fieldmap import End, FieldMap
from syncd.core.model import Gone, Record, Side
from syncd.engine.absorb import absorb
from syncd.engine.fence import all_ours
from syncd.engine.item import Item
from syncd.engine.world import World
from syncd.errors import Refused


def read_anew(world: World, m: FieldMap, side: Side, items: Sequence[Item]) -> Mapping[str, Record | Gone]:
    """Read the records of a batch on a side and take in what is there; items that were lost meanwhile rest.

    What is told of those is marked like any news: who took them over does not know it. Raises AuthError and Transient.
    """
    end = m.end(side)
    fields, ids = world.fields(end.system, end.kind), [str(item.id_on(side)) for item in items]
    with world.store.read() as tx:
        since = tx.snapshots.get(end.system, end.kind, ids)
    found = world.connectors[end.system].read(end.kind, ids, fields)
    with world.store.begin() as tx:
        held = {(side, str(item.id_on(side))): item.lane for item in all_ours(tx, items)}
        absorb(tx, world, found.values(), asked=fields, since=since, in_hand=(m, held))
    return found


def read_known(world: World, end: End, ids: Sequence[str]) -> None:
    """Read known records that nobody has in hand, as far as they can be understood. Raises AuthError and Transient."""
    with world.store.read() as tx:
        since = tx.snapshots.get(end.system, end.kind, ids)
    found = legible(world, end.system, end.kind, list(since)) if since else {}
    with world.store.begin() as tx:
        absorb(tx, world, found.values(), asked=world.fields(end.system, end.kind), since=since)


def legible(world: World, system: str, kind: str, ids: Sequence[str]) -> Mapping[str, Record | Gone]:
    """What is there under these ids, without those whose answer cannot be understood. Raises AuthError and Transient.

    One bad record among N costs about 2 log2(N) further reads.
    """
    try:
        return world.connectors[system].read(kind, ids, world.fields(system, kind))
    except Refused:
        if len(ids) == 1:
            return {}
        half = len(ids) // 2
        return {**legible(world, system, kind, ids[:half]), **legible(world, system, kind, ids[half:])}
