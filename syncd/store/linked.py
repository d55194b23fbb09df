"""Some links of a map, few and at once, for a page. What is not here: all of them (`links`)."""

from __future__ import annotations

from sqlalchemy import select

from syncd.store.links import Link
from syncd.store.store import Tx
from syncd.store.tables import links


def some(tx: Tx, map_key: str, *, most: int) -> list[Link]:
    """Open links of a map, those with the highest ids on the left first: as vendors count, the youngest."""
    query = (
        select(links.c.id)
        .where(links.c.map == map_key, links.c.state == "open")
        .order_by(links.c.left_id.desc())
        .limit(most)
    )
    ids = list(tx.connection.execute(query).scalars())
    found = tx.links.get(ids)
    return [found[one] for one in ids if one in found]
