"""Reading many records that are only looked at: one that makes no sense does not stop the others.

What is not here: the reads of the seven steps; there such a record is parked alone (`worker`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.model import Gone, Record
from syncd.engine.world import World
from syncd.errors import Refused


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
