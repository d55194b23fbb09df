"""Succession: what came of other records, merged or converted into it, goes on with their links. Rule 16.

A merge leaves a record of the same kind, whose link moves within its map. A conversion leaves one of another kind (a
lead becomes a contact), which another map carries: that map names the one it `continues`, and the field that tells.

What is not here: links whose own record was merged away (`leaving`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Record, Ref, Side, Value
from syncd.engine.closed import UNFIT, may_open
from syncd.engine.item import Item, park
from syncd.engine.planning import twins_of
from syncd.engine.world import World
from syncd.store.store import Tx


def came_of_a_merge(tx: Tx, item: Item, record: Record) -> bool:
    """Whether a record is what linked ones were merged into: it waits for their links, and calls for their marks."""
    m, side = item.m, item.mark.side
    creates = tx.journal.creating_for(m.key, side, record.was)
    if creates:
        reason = f"came of a merge with the record for which write {creates[0].id} is open"
        item.fail(park("waiting", reason, waits_for=f"intent:{creates[0].id}"))
        return True
    linked = sorted(tx.links.of(m.key, side, record.was))
    if linked:
        old = replace(record.ref, id=linked[0])
        item.calls += linked
        reason = f"goes on with the link of {old}, which was merged into it"
        item.fail(park("waiting", reason, waits_for=str(record.ref)))
    return bool(linked)


def take_over(world: World, tx: Tx, m: FieldMap, side: Side, items: Sequence[Item]) -> None:
    """What was converted from a record of the map that this one continues has the twin of that."""
    first = world.maps.get(m.continues.map) if m.continues is not None and m.continues.side is side else None
    if first is None or m.continues is None:
        return
    heirs = {id_: item for item in items for id_ in _ids(item.record(side).fields.get(m.continues.field))}
    for intent in tx.journal.creating_for(first.key, side, heirs):
        reason = f"became what write {intent.id} is open for"
        heirs[str(intent.source_id)].fail(park("waiting", reason, waits_for=f"intent:{intent.id}"))
    links = may_open(tx, first, side, heirs) | tx.links.of(first.key, side, heirs)
    twins, end = {old: link.id_on(side.other) for old, link in links.items()}, m.end(side.other)
    there = tx.snapshots.seen(end.system, end.kind, twins.values())
    taken = tx.links.of(m.key, side.other, twins.values())
    for old, twin in twins.items():
        item, was = heirs[old], Ref(first.end(side).system, first.end(side).kind, old)
        if twin in taken:
            both = f"{was} became it, whose twin {Ref(end.system, end.kind, twin)} is linked with "
            remedy = "Part the wrong one: `syncd unlink`, then `syncd retry`."
            item.fail(park("question", f"{both}{taken[twin].id_on(side)}. {remedy}"))
        elif twin in there:
            item.twin, item.found = twin, f"goes on with the link of {was}, which became it"


def kept_back(world: World, tx: Tx, m: FieldMap, side: Side, ids: Collection[str]) -> Mapping[str, Ref]:
    """The twins that these have in the map that this one continues, or will have by its plans.

    What those become is theirs, so none is made.
    """
    first = world.maps.get(m.continues.map) if m.continues is not None and m.continues.side is side.other else None
    if first is None:
        return {}
    closed = tx.links.of(first.key, side, ids, state="closed") if ids else {}
    unfit = {id_: link.id_on(side.other) for id_, link in closed.items() if (link.reason or "").startswith(UNFIT)}
    end = first.end(side.other)
    twins = unfit | twins_of(tx, first.key, side, set(ids), planned=True, former=False)
    return {id_: Ref(end.system, end.kind, twin) for id_, twin in twins.items()}


def _ids(value: Value) -> Sequence[str]:
    """The ids that a relation holds, or a text that is one."""
    return [str(one) for one in (value if isinstance(value, tuple) else (value,)) if one not in (None, "")]
