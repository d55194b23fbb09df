"""Whose an item is: a worker that was slower than its lease changes nothing of what another has taken over. Rule 3.

What is not here: the leases and fences themselves (`store.marks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from syncd.engine.item import Item, again
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.marks import Unit
from syncd.store.store import Tx

FEW = 4
"""So many are looked at one by one: a look at all that the batch holds costs more."""

LOST = again("lease", "the lease was lost; whoever holds it now looks first")


def still_ours(tx: Tx, item: Item) -> bool:
    """Whether nobody else has taken the item over; if somebody has, it rests, and they look first."""
    if tx.marks.holds(item.mark, item.unit.fence, item.unit.link.id if item.unit.link is not None else None):
        return True
    item.fail(LOST)
    return False


def all_ours(tx: Tx, items: Sequence[Item]) -> list[Item]:
    """Those of one batch that nobody else has taken over; the others rest."""
    if len(items) <= FEW:
        return [item for item in items if still_ours(tx, item)]
    held = tx.marks.held([item.unit for item in items], items[0].unit.fence) if items else []
    for item, ours in zip(items, held, strict=True):
        if not ours:
            item.fail(LOST)
    return [item for item, ours in zip(items, held, strict=True) if ours]


def hold_links(world: World, tx: Tx, made: Sequence[tuple[Item, Link]]) -> None:
    """A link that was made or opened for an item is held like one it came with: who parts the two is obeyed.

    And what its other record has for news goes along, as with any link.
    """
    linked = [(replace(item.unit, link=link), link.id_on(item.mark.side.other)) for item, link in made]
    for (item, link), unit in zip(made, _with_news(world, tx, linked), strict=True):
        item.link, item.unit = link, unit


def take_news(world: World, tx: Tx, items: Sequence[Item]) -> None:
    """What the twins of these items have for news goes along before a link, so that a plan looks for a pair once."""
    for item, unit in zip(items, _with_news(world, tx, [(i.unit, str(i.twin)) for i in items]), strict=True):
        item.unit = unit


def _with_news(world: World, tx: Tx, found: Sequence[tuple[Unit, str]]) -> list[Unit]:
    now = world.clock()
    return tx.marks.take_along(found, now, now + world.pace.lease)
