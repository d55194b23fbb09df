"""Records by what people know of them: who carries a key, so many at most. What is not here: which keys (`console`)."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import bindparam, select

from syncd.core.model import Side
from syncd.store.snapshots import hashed, scope
from syncd.store.sql import among, chunks
from syncd.store.store import Tx
from syncd.store.tables import match_keys

_CARRIERS = (
    select(match_keys.c.id)
    .where(match_keys.c.scope == bindparam("scope"), among(match_keys.c.key))
    .limit(bindparam("most"))
)


def carriers(tx: Tx, map_key: str, side: Side, texts: Iterable[str], *, most: int) -> list[str]:
    """Ids of a side that are found by one of these texts; `most` of them, and none twice."""
    found: dict[str, None] = {}
    for chunk in chunks(hashed(text) for text in texts):
        given = {"scope": scope(map_key, side), "among": chunk, "most": most}
        found |= dict.fromkeys(tx.connection.execute(_CARRIERS, given).scalars())
    return list(found)[:most]
