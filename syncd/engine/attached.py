"""The files of a record and of whom it is linked with, as their vendors list them now.

What is not here: what is in them; no file is downloaded or carried across.
"""

from __future__ import annotations

from typing import Any

from syncd.core.model import File, Ref
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem, SyncdError


def attached(world: World, ref: Ref) -> list[dict[str, Any]]:
    """Of each record its ref, its files, the newest first, and why they are not told (None: they are).

    The vendors are asked. Raises ConfigError for a kind that no map reads.
    """
    readers = world.readers.get((ref.system, ref.kind), ())
    if not readers:
        raise ConfigError(Problem(str(ref), "no map reads this kind of record.", "Write it as SYSTEM:KIND:ID."))
    refs = {ref: None}
    with world.store.read() as tx:
        for m, side in readers:
            for link in tx.links.of(m.key, side, [ref.id]).values():
                refs[m.end(side.other).ref(link.id_on(side.other))] = None
    return [{"ref": str(one), **_of(world, one)} for one in refs]


def _of(world: World, ref: Ref) -> dict[str, Any]:
    connector = world.connectors[ref.system]
    if not connector.capabilities.files:
        return {"files": [], "why": f"{ref.system} does not tell"}
    try:
        return {"files": [_row(one) for one in connector.files(ref.kind, ref.id)], "why": None}
    except SyncdError as error:
        return {"files": [], "why": f"not told now: {error}"}


def _row(one: File) -> dict[str, Any]:
    at = one.added_at.isoformat() if one.added_at is not None else None
    return {"name": one.name, "size": one.size, "added_at": at, "who": one.who, "about": one.about}
