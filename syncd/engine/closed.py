"""Why links were closed, as their reasons begin, and which of them open again by themselves. Rules 15 to 17.

What is not here: closing (`archiving`) and opening (`leaving`).
"""

from __future__ import annotations

from collections.abc import Collection

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
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
