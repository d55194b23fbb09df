"""All that the store holds of some records, to be shown to whom it is about, and to be taken out for good.

What is not here: which records are a person's (`service.privacy`), and what the vendors hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    Text,
    and_,
    delete,
    func,
    or_,
    select,
    type_coerce,
    update,
)

from syncd.core.model import Ref, Side
from syncd.store.snapshots import scope
from syncd.store.sql import chunks
from syncd.store.store import Tx
from syncd.store.tables import (
    alerts,
    aliases,
    claims,
    conflicts,
    journal,
    links,
    marks,
    match_keys,
    paused,
    refused,
    runs,
    snapshots,
    systems,
)

FORGOTTEN = "(forgotten)"
TOLD = (
    (marks, "reason"), (systems, "reason"), (alerts, "sentence"), (journal, "error"), (conflicts, "reason"),
    (links, "reason"),
)  # fmt: skip
"""Sentences that may quote somebody's record, in rows that are not about it."""

FIELDS: Mapping[str, tuple[str, ...]] = {
    "snapshots": ("fields",),
    "journal": ("fields", "before"),
    "links": ("left_base", "right_base"),
    "conflicts": ("left_value", "right_value"),
}
"""Where fields' values are kept."""

Places = Mapping[tuple[str, Side], Collection[str]]
"""(map, side) -> ids."""


def holding(connection: Connection, text: str) -> list[Ref]:
    """Records of which some field is this text, whatever its case; every snapshot is looked at."""
    table = snapshots.c
    near = func.lower(type_coerce(table.fields, Text)).contains(_in_json(text).lower(), autoescape=True)
    rows = connection.execute(select(table.system, table.kind, table.id, table.fields).where(near))
    return [Ref(*row[:3]) for row in rows if text.casefold() in {one.casefold() for one in texts(row.fields)}]


def _in_json(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def values(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterator[str]:
    """Every text that a field holds or held, in rows by table."""
    for table, several in rows.items():
        for row in several:
            for name in FIELDS.get(table, ()):
                yield from texts(row[name])


def texts(value: Any) -> Iterator[str]:
    """Every text in a stored value, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from texts(one)
    elif isinstance(value, tuple | list):
        for one in value:
            yield from texts(one)


def became(connection: Connection, ref: Ref) -> set[str]:
    """Ids that were merged into this one, or into which it was."""
    where = (aliases.c.system == ref.system, aliases.c.kind == ref.kind)
    query = select(aliases.c.id, aliases.c.became).where(
        *where, or_(aliases.c.id == ref.id, aliases.c.became == ref.id)
    )
    return {id_ for row in connection.execute(query) for id_ in row}


def twins(connection: Connection, map_key: str, side: Side, ids: Iterable[str]) -> set[str]:
    """Ids across that are linked with these, or were until one of the two was gone: not whom a person parted."""
    here, there = (links.c.left_id, links.c.right_id)[:: 1 if side is Side.LEFT else -1]
    same = or_(links.c.state == "open", links.c.reason.startswith("gone: ", autoescape=True))
    found: set[str] = set()
    for chunk in chunks(ids):
        found |= set(connection.execute(select(there).where(links.c.map == map_key, same, here.in_(chunk))).scalars())
    return found


def held(connection: Connection, refs: Collection[Ref], places: Places) -> dict[str, list[dict[str, Any]]]:
    """Every row about these records, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for table, where in _about(connection, refs, places):
        if rows := [dict(row._mapping) for row in connection.execute(select(table).where(where))]:
            found.setdefault(table.name, []).extend(rows)
    return found


def forget(tx: Tx, refs: Collection[Ref], places: Places, words: Iterable[str], now: datetime) -> dict[str, int]:
    """Take every row about these records out, and the words from sentences of others; rows by table.

    Nothing of it is left in the file or beside it once the store is tidied. PostgreSQL keeps its own log for a while.
    """
    if tx.connection.dialect.name == "sqlite":
        tx.connection.exec_driver_sql("PRAGMA secure_delete=ON")
    found: dict[str, int] = {}
    intents: list[int] = []
    for table, where in list(_about(tx.connection, refs, places)):
        if table is journal:
            intents += tx.connection.execute(select(journal.c.id).where(where)).scalars()
        if count := tx.connection.execute(delete(table).where(where)).rowcount:
            found[table.name] = found.get(table.name, 0) + count
    tx.marks.wake([f"intent:{intent}" for intent in intents], now)
    _unsay(tx.connection, words)
    return found


def _about(
    connection: Connection, refs: Collection[Ref], places: Places
) -> Iterator[tuple[Table, ColumnElement[bool]]]:
    """Tables, and which of their rows are about these records, some at a time; what points to others comes first."""
    parts = [(key, side, chunk) for (key, side), ids in places.items() for chunk in chunks(ids)]
    for key, side, ids in parts:
        written = _written(key, side, ids)
        for intents in chunks(connection.execute(select(journal.c.id).where(written)).scalars()):
            yield claims, claims.c.intent.in_(intents)
        yield journal, written
        for table in (conflicts, refused, links):
            yield table, and_(table.c.map == key, table.c[f"{side}_id"].in_(ids))
        yield marks, and_(marks.c.map == key, marks.c.side == str(side), marks.c.id.in_(ids))
        yield match_keys, and_(match_keys.c.scope == scope(key, side), match_keys.c.id.in_(ids))
    for system, kind in {(ref.system, ref.kind) for ref in refs}:
        for ids in chunks(ref.id for ref in refs if (ref.system, ref.kind) == (system, kind)):
            for table in (snapshots, aliases, paused):
                yield table, and_(table.c.system == system, table.c.kind == kind, table.c.id.in_(ids))


def _written(map_key: str, side: Side, ids: Collection[str]) -> ColumnElement[bool]:
    """Writes to these records of a side, and those that came of them."""
    to = and_(journal.c.side == str(side), journal.c.record_id.in_(ids))
    of = and_(journal.c.side == str(side.other), journal.c.source_id.in_(ids))
    return and_(journal.c.map == map_key, or_(to, of))


def _unsay(connection: Connection, words: Iterable[str]) -> None:
    """Sentences that quote any of the words are replaced as a whole."""
    for word in words:
        for table, name in TOLD:
            quotes = func.lower(table.c[name]).contains(word.lower(), autoescape=True)
            connection.execute(update(table).where(quotes).values({name: FORGOTTEN}))
        counts = func.lower(type_coerce(runs.c.counts, Text))
        query = select(runs.c.id, runs.c.counts).where(counts.contains(_in_json(word).lower(), autoescape=True))
        for row in connection.execute(query).all():
            told = {name: _unsaid(value, word) for name, value in row.counts.items()}
            connection.execute(update(runs).where(runs.c.id == row.id).values(counts=told))


def _unsaid(value: Any, word: str) -> Any:
    return FORGOTTEN if isinstance(value, str) and word.casefold() in value.casefold() else value
