"""Why what a record waits for is not there: its parent is gone, rests itself, or was parted from its twin.

What is not here: the waiting and the waking (`confirm`), and all that is known of one record (`explain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.store.marks import PARKED, Mark
from syncd.store.store import Tx


def awaited(tx: Tx, maps: Mapping[str, FieldMap], marks: Sequence[Mark]) -> dict[tuple[str, str], str]:
    """By map and what a mark of it waits for, in words that go on after that; parents only."""
    parents: dict[tuple[str, Side], dict[str, set[tuple[str, str]]]] = {}
    for mark in marks:
        named = (mark.waits_for or "").split(":", 2)
        for m, side in _parents(maps, mark.map, *named[:2]) if len(named) == 3 else ():
            parents.setdefault((m.key, side), {}).setdefault(named[2], set()).add((mark.map, str(mark.waits_for)))
    return {
        waits: why
        for (key, side), ids in parents.items()
        for id_, why in _why(tx, maps[key], side, ids).items()
        for waits in ids[id_]
    }


def _parents(maps: Mapping[str, FieldMap], child: str, system: str, kind: str) -> Iterable[tuple[FieldMap, Side]]:
    """The maps, with the side, that a map's relations to this kind wait for."""
    related = {rule.relation.map for rule in maps[child].rules if rule.relation is not None} if child in maps else set()
    for m in (maps[key] for key in related if key in maps):
        for side in Side:
            if (m.end(side).system, m.end(side).kind) == (system, kind):
                yield m, side


def _why(tx: Tx, m: FieldMap, side: Side, ids: Iterable[str]) -> dict[str, str]:
    ids, end = list(ids), m.end(side)
    shots = tx.snapshots.get(end.system, end.kind, ids)
    marks = tx.marks.get(m.key, side, ids)
    closed = tx.links.of(m.key, side, ids, state="closed")
    found: dict[str, str] = {}
    for id_ in ids:
        ref, mark = end.ref(id_), marks.get(id_)
        if id_ not in shots:
            found[id_] = f"{ref} was never seen: it may be hidden, or of a kind that is not synced"
        elif shots[id_].gone is not None:
            found[id_] = f"{ref} is gone: give this one another, or bring that back"
        elif mark is not None and mark.state == PARKED and mark.reason:
            found[id_] = f"{ref} cannot go on itself: {mark.reason}"
        elif id_ in closed:
            found[id_] = f"its link was closed ({closed[id_].reason}): {_relink(ref)}"
        elif mark is None:
            found[id_] = f"`syncd explain {ref}` says why it has no twin"
    return found


def _relink(ref: Ref) -> str:
    return f"`syncd relink {ref}` links it with whom it had, `syncd relink {ref} TWIN` with another"
