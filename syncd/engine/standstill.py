"""Records that a person wants left alone for a while: pausing one, going on with it, and its rest on the way.

A paused record is neither written to nor carried across, nor is whom it is linked with for its sake; what people do to
the two meanwhile waits, with the bases that it is decided by. What is not here: a whole pair (its mode), a system
(`service.health`), and leaving a record alone until it changes (`answers.skip`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from syncd.core.model import Ref, Side
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.item import PAUSED, Item, park
from syncd.engine.questions import seen, wrong
from syncd.engine.world import World
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx


def pause(world: World, ref: Ref) -> None:
    """Leave a record alone until `resume`. A write that is under way is finished. Raises ConfigError."""
    with world.store.begin() as tx:
        _known(world, tx, ref)
        if tx.paused.of(ref.system, ref.kind, [ref.id]):
            raise wrong(ref, "it is paused already.", f"`syncd resume {ref}` goes on with it.")
        tx.paused.add(ref.system, ref.kind, ref.id, world.clock())
        _mark(world, tx, ref, [ref.id])


def resume(world: World, ref: Ref) -> None:
    """Go on with a paused record: what people did meanwhile, on both sides, is decided now. Raises ConfigError."""
    with world.store.begin() as tx:
        was = _known(world, tx, ref).record.was
        ids = tx.paused.of(ref.system, ref.kind, [ref.id, *was])
        if not ids:
            raise wrong(ref, "it is not paused.", f"`syncd explain {ref}` says how it stands.")
        tx.paused.remove(ref.system, ref.kind, ids)
        _mark(world, tx, ref, {ref.id, *ids})


def paused_since(tx: Tx, ref: Ref) -> datetime | None:
    """Since when a record is paused, or one that it came of by a merge; None if it is not."""
    shot = tx.snapshots.get(ref.system, ref.kind, [ref.id]).get(ref.id)
    found = tx.paused.of(ref.system, ref.kind, [ref.id, *(shot.record.was if shot is not None else ())])
    return min(found.values(), default=None)


def _known(world: World, tx: Tx, ref: Ref) -> Snapshot:
    if (ref.system, ref.kind) not in world.readers:
        raise wrong(ref, "no map reads this kind of record.", "Write it as SYSTEM:KIND:ID.")
    return seen(tx, ref, ref)


def _mark(world: World, tx: Tx, ref: Ref, ids: Sequence[str] | set[str]) -> None:
    """Have it looked at: what is paused is parked, and so stands on a list."""
    for m, side in world.readers[ref.system, ref.kind]:
        tx.marks.add(m.key, side, ids, world.clock(), lane=LEAD_LANE)


def stand_still(tx: Tx, items: Sequence[Item]) -> None:
    """Park those of which a record is paused, or came of one that is.

    Asked twice: before anything is looked at or asked of a person, and in the transaction that journals the writes. No
    other transaction writes meanwhile, so nothing is sent that was not under way when the person paused it.
    """
    for side in Side:
        asking = [item for item in items if item.stands() and item.id_on(side) is not None]
        if asking:
            end = asking[0].m.end(side)
            ids = {id_ for item in asking for id_ in _ids(item, side)}
            found = tx.paused.of(end.system, end.kind, ids)
            for item in asking if found else ():
                if since := [found[id_] for id_ in _ids(item, side) if id_ in found]:
                    _rest(item, end.ref(str(item.id_on(side))), since[0])


def _ids(item: Item, side: Side) -> tuple[str, ...]:
    """A record's id, and those that were merged into it."""
    shot = item.snapshots.get(side)
    return (str(item.id_on(side)), *(shot.record.was if shot is not None else ()))


def _rest(item: Item, ref: Ref, since: datetime) -> None:
    reason = f"{ref} is paused since {since:%Y-%m-%d %H:%M} UTC; `syncd resume {ref}` goes on with it"
    item.fail(park(PAUSED, reason))
