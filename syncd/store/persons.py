"""All that the store holds of some records, to be shown to whom it is about, and to be taken out for good.

What is not here: which records are a person's (`service.privacy`), and what the vendors hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    delete,
    false,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from syncd.core.model import Ref, Side
from syncd.store.snapshots import scope
from syncd.store.sql import chunks
from syncd.store.store import Store
from syncd.store.tables import (
    alerts,
    aliases,
    claims,
    conflicts,
    journal,
    links,
    marks,
    match_keys,
    refused,
    runs,
    snapshots,
    systems,
)

FORGOTTEN = "(forgotten)"
TOLD = ((marks, "reason"), (systems, "reason"), (alerts, "sentence"), (journal, "error"))
"""Sentences that may quote somebody's record, in rows that are not about it."""

Places = Mapping[tuple[str, Side], Collection[str]]
"""(map, side) -> ids."""


def holding(connection: Connection, text: str) -> list[Ref]:
    """Records of which some field holds this text, whatever its case; every snapshot is looked at."""
    table = snapshots.c
    query = select(table.system, table.kind, table.id).where(
        func.lower(type_coerce(table.fields, Text)).contains(text.lower(), autoescape=True)
    )
    return [Ref(*row) for row in connection.execute(query)]


def became(connection: Connection, ref: Ref) -> set[str]:
    """Ids that were merged into this one, or into which it was."""
    where = (aliases.c.system == ref.system, aliases.c.kind == ref.kind)
    query = select(aliases.c.id, aliases.c.became).where(
        *where, or_(aliases.c.id == ref.id, aliases.c.became == ref.id)
    )
    return {id_ for row in connection.execute(query) for id_ in row}


def twins(connection: Connection, map_key: str, side: Side, ids: Iterable[str]) -> set[str]:
    """Ids across that are or were linked with these."""
    here, there = (links.c.left_id, links.c.right_id)[:: 1 if side is Side.LEFT else -1]
    found: set[str] = set()
    for chunk in chunks(ids):
        found |= set(connection.execute(select(there).where(links.c.map == map_key, here.in_(chunk))).scalars())
    return found


def held(connection: Connection, refs: Collection[Ref], places: Places) -> dict[str, list[dict[str, Any]]]:
    """Every row about these records, by table."""
    return {
        table.name: rows
        for table, where in _about(connection, refs, places)
        if (rows := [dict(row._mapping) for row in connection.execute(select(table).where(where))])
    }


def forget(store: Store, refs: Collection[Ref], places: Places, words: Sequence[str]) -> dict[str, int]:
    """Take every row about these records out, and the words from sentences of others; rows by table.

    Nothing of it is left in the file or beside it. PostgreSQL keeps its own log for a while: see the page on privacy.
    """
    with store.begin() as tx:
        if store.sqlite:
            tx.connection.exec_driver_sql("PRAGMA secure_delete=ON")
        found = {}
        for table, where in list(_about(tx.connection, refs, places)):
            if count := tx.connection.execute(delete(table).where(where)).rowcount:
                found[table.name] = count
        _unsay(tx.connection, words)
    store.tidy()
    return found


def _about(
    connection: Connection, refs: Collection[Ref], places: Places
) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Tables, and which of their rows are about these records; what points to others comes first."""
    written = _any(_written(key, side, ids) for (key, side), ids in places.items())
    intents = connection.execute(select(journal.c.id).where(written)).scalars().all()
    yield claims, claims.c.intent.in_(intents)
    yield journal, written
    for table in (conflicts, refused, links):
        sides = [(table.c.map == key, table.c[f"{side}_id"].in_(ids)) for (key, side), ids in places.items()]
        yield table, _any(and_(*one) for one in sides)
    of_side = [(marks.c.map == key, marks.c.side == str(side), marks.c.id.in_(i)) for (key, side), i in places.items()]
    yield marks, _any(and_(*one) for one in of_side)
    keyed = [(match_keys.c.scope == scope(key, side), match_keys.c.id.in_(i)) for (key, side), i in places.items()]
    yield match_keys, _any(and_(*one) for one in keyed)
    for table in (snapshots, aliases):
        yield table, _any(and_(table.c.system == r.system, table.c.kind == r.kind, table.c.id == r.id) for r in refs)


def _written(map_key: str, side: Side, ids: Collection[str]) -> ColumnElement[bool]:
    """Writes to these records of a side, and those that came of them."""
    to = and_(journal.c.side == str(side), journal.c.record_id.in_(ids))
    of = and_(journal.c.side == str(side.other), journal.c.source_id.in_(ids))
    return and_(journal.c.map == map_key, or_(to, of))


def _any(conditions: Iterable[ColumnElement[bool]]) -> ColumnElement[bool]:
    return or_(false(), *conditions)


def _unsay(connection: Connection, words: Sequence[str]) -> None:
    """Sentences that quote any of the words are replaced as a whole."""
    for word in words:
        for table, name in TOLD:
            column = table.c[name]
            connection.execute(update(table).where(column.contains(word, autoescape=True)).values({name: FORGOTTEN}))
        counts = type_coerce(runs.c.counts, Text)
        query = select(runs.c.id, runs.c.counts).where(counts.contains(word, autoescape=True))
        for row in connection.execute(query).all():
            told = {name: FORGOTTEN if word in str(value) else value for name, value in row.counts.items()}
            connection.execute(update(runs).where(runs.c.id == row.id).values(counts=told))
