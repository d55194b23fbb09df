"""Records that a person wants left alone for a while: which they are, and their rest on the way down the steps.

A paused record is neither written to nor carried across, nor is whom it is linked with, on its account; what people do
to the two meanwhile waits, with the bases that it is decided by. What it was merged into or became rests with it. What
is not here: saying so (`by_hand`), a whole pair (its mode), and what rests until it changes (`answers.skip`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from syncd.core.match import formers
from syncd.core.model import Ref, Side
from syncd.engine.item import PAUSED, Item, park
from syncd.engine.succession import continued
from syncd.engine.world import World
from syncd.store.store import Tx

_END = "rest:"
"""How what is waited for begins, where that is the end of a pause."""


def paused_since(tx: Tx, ref: Ref) -> datetime | None:
    """Since when a record is paused, or one that was merged into it; None if none is."""
    shot = tx.snapshots.get(ref.system, ref.kind, [ref.id]).get(ref.id)
    found = paused(
        tx, [ref, *(Ref(ref.system, ref.kind, old) for old in (shot.record.was if shot is not None else ()))]
    )
    return min(found.values(), default=None)


def paused(tx: Tx, refs: Iterable[Ref]) -> dict[Ref, datetime]:
    """Those of these that are paused, and since when."""
    ids: dict[tuple[str, str], list[str]] = {}
    for ref in refs:
        ids.setdefault((ref.system, ref.kind), []).append(ref.id)
    return {
        Ref(system, kind, id_): since
        for (system, kind), several in ids.items()
        for id_, since in tx.paused.of(system, kind, several).items()
    }


def waits_for(ref: Ref) -> str:
    """What those wait for that rest because this one is paused."""
    return f"{_END}{ref}"


def still_paused(tx: Tx, waited: str) -> bool:
    """Whether it is paused still, what is waited for so."""
    return bool(paused(tx, [Ref(*waited.removeprefix(_END).split(":", 2))]))


def stand_still(world: World, tx: Tx, items: Sequence[Item]) -> None:
    """Park those of which a record is paused, or came of one that is.

    Asked before anything is concluded or asked of a person, again when it is known whom a record is to be linked with,
    and in the transaction that journals the writes. No other transaction writes meanwhile, so nothing is sent that was
    not under way when the person paused it.
    """
    refs = {id(item): list(_refs(world, item)) for item in items if item.stands()}
    found = paused(tx, (ref for several in refs.values() for ref in several))
    for item in items if found else ():
        _rest(item, {ref: found[ref] for ref in refs.get(id(item), ()) if ref in found})


def _refs(world: World, item: Item) -> Iterator[Ref]:
    """The records of a unit as far as they are known, what was merged into them, and what became them."""
    for side in Side:
        end, id_, shot = item.m.end(side), item.id_on(side), item.snapshots.get(side)
        if id_ is not None:
            yield end.ref(id_)
        if shot is not None:
            yield from (end.ref(old) for old in shot.record.was)
            first = continued(world, item.m, side)
            if first is not None:
                yield from (first.end(side).ref(old) for old in formers(item.m, side, shot.record.fields))


def _rest(item: Item, found: Mapping[Ref, datetime]) -> None:
    for ref, since in found.items():
        reason = f"{ref} is paused since {since:%Y-%m-%d %H:%M} UTC; `syncd resume {ref}` goes on with it"
        item.fail(park(PAUSED, reason, waits_for=waits_for(ref)))
