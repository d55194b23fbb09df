"""Records by what people know of them: who carries a key, and who says a word, so many at most.

What is not here: which keys and words (`console`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sqlalchemy import Text, and_, bindparam, select, true, type_coerce

from syncd.core.model import Side
from syncd.store.snapshots import hashed, scope
from syncd.store.sql import among, chunks
from syncd.store.store import Tx
from syncd.store.tables import match_keys, snapshots

_PLAIN = re.compile(r"[!#-\[\]-~]+")
"""Letters that stand for themselves in stored JSON, and whose capitals both databases know."""

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


def saying(
    tx: Tx, system: str, kind: str, words: Sequence[str], *, after: str, among: int
) -> tuple[list[str], str | None, int]:
    """Of the next so many records of a kind beyond an id, those that may say all these words.

    And the last one looked at, None if there is none beyond it; and how many were. No record that says the words is
    missing; one that only seems to may be there.
    """
    part = (
        select(snapshots.c.id, snapshots.c.fields)
        .where(snapshots.c.system == system, snapshots.c.kind == kind, snapshots.c.id > after)
        .order_by(snapshots.c.id).limit(among).subquery()
    )  # fmt: skip
    plain = [found for word in words for found in _PLAIN.findall(word)]
    text = type_coerce(part.c.fields, Text)
    says = and_(true(), *(text.icontains(word, autoescape=True) for word in plain))
    rows = tx.connection.execute(select(part.c.id, says.label("says")).order_by(part.c.id)).all()
    return [row.id for row in rows if row.says], rows[-1].id if len(rows) == among else None, len(rows)
