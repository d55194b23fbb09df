"""Closing links and opening them again: their reasons, as these begin, and who opens by itself. Rules 15 to 17.

What is not here: when that is due (`archiving`, `leaving`, `by_hand`).
"""

from __future__ import annotations

from collections.abc import Collection

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.store import Tx

GONE = "gone: "
"""A record is gone: it opens again when both are there."""

UNDONE = "undone: "
"""A person wanted the record archived that this run had made."""

UNFIT = "left the map's condition"
"""It opens again when its records fit again."""


def may_open(tx: Tx, m: FieldMap, side: Side, ids: Collection[str]) -> dict[str, Link]:
    """Closed links of these records that open by themselves, when both of their records are there and fit."""
    closed = tx.links.of(m.key, side, ids, state="closed") if ids else {}
    return {id_: link for id_, link in closed.items() if (link.reason or "").startswith((GONE, UNDONE, UNFIT))}


def close(world: World, tx: Tx, link: Link, reason: str) -> None:
    """Close a link, and the questions about its values; what its records were merged into waits for it no more."""
    m, now = world.maps[link.map], world.clock()
    tx.links.close(link.id, reason, now)
    waiting = tx.conflicts.open_of([link.id]).get(link.id, {})
    tx.conflicts.settle([one.id for one in waiting.values() if one.state == "open"], "gone", now)
    tx.conflicts.settle([one.id for one in tx.conflicts.orders([link.id]).get(link.id, ())], "taken", now)
    for side in Side:
        end, id_ = m.end(side), link.id_on(side)
        tx.marks.wake([f"{end.system}:{end.kind}:{tx.aliases.resolve(end.system, end.kind, [id_])[id_]}"], now)


def reopen(tx: Tx, link_id: int) -> None:
    """Open a closed link again, and the questions about its values. Raises LinkedAlready.

    Without those, whoever took one of the values back meanwhile would not have edited it, and be overwritten.
    """
    asked = tx.conflicts.unanswered(link_id)
    tx.links.reopen(link_id)
    tx.conflicts.reopen(one.id for one in asked)
