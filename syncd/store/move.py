"""A store carried over to another database, table by table: from a file to PostgreSQL, and back.

It can be interrupted at any moment and goes on where it was. From its beginning on nobody works on the old one: who is
at it still ends with that. What is not here: the queue of several processes, which each version makes anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, MetaData, Table, Text, func, insert, select, text, tuple_

from syncd.errors import ConfigError, Problem
from syncd.store import schema
from syncd.store.columns import Json, Moment
from syncd.store.runs import MOVED, out_of_date
from syncd.store.store import Store
from syncd.store.tables import facts, metadata, turns

BATCH = 2000
"""Rows in one transaction."""

PLACE = "move:place"
"""The fact that says in the new store how far it is."""

Say = Callable[[str], None]


def check(store: Store) -> None:
    """Refuse a store that was moved, or into which not everything has come. Raises ConfigError."""
    with store.read() as tx:
        known = tx.runs.known([MOVED, PLACE])
    if known.get(MOVED) is not None:
        raise out_of_date(known[MOVED])
    if known.get(PLACE) is not None:
        remedy = "Run the same `syncd db move` again: it goes on where it was."
        raise ConfigError(Problem("[syncd] store", "not everything has been moved into it yet.", remedy))


def give_up(source: Store) -> None:
    """Let the old store be worked on again. Raises ConfigError if its move is done, or was never begun."""
    with source.begin(durable=True) as tx:
        moved = tx.runs.fact(MOVED)
        if moved is None:
            raise ConfigError(Problem("[syncd] store", "it is not being moved.", "There is nothing to give up."))
        if moved["done"]:
            raise out_of_date(moved)
        tx.runs.set_fact(MOVED, None)


def move(source: Store, target: Store, now: datetime, say: Say) -> dict[str, int]:
    """Carry everything over; rows by table. `now`: what leases are measured by.

    Raises ConfigError where a syncd works on either, the new one holds something else, or the two differ at the end.
    """
    if _named(source) == _named(target):
        raise ConfigError(Problem("the new store", "is the old one.", "Name a set-up with another [syncd] store."))
    schema.check(source)
    if schema.empty(target):
        schema.upgrade(target)
    schema.check(target)
    _must_be_whole(source, target)
    fence, mine = _stop_work(source, target, now)
    try:
        number, after = _begin(source, target, fence)
        for at, table in enumerate(_tables()):
            if at >= number:
                say(table.name)
                _carry(source, target, at, table, after if at == number else None)
        found = _compared(source, target, say)
    except ConfigError:  # it cannot be done so: the old one stays in use
        if mine:
            give_up(source)
        raise
    _end(source, target)
    return found


def _tables() -> list[Table]:
    """All but the turns at vendors' limits, which are of the moment. With plain types: nothing is decoded."""
    return [_plain(table) for table in metadata.sorted_tables if table is not turns]


def _plain(table: Table) -> Table:
    copy = table.to_metadata(MetaData())
    for column in copy.columns:
        if isinstance(column.type, Json):
            column.type = Text()
        elif isinstance(column.type, Moment):
            column.type = BigInteger()
    return copy


def _must_be_whole(source: Store, target: Store) -> None:
    """Raises ConfigError where the old store is not all there, or the new one holds something that is in use."""
    with source.read() as tx:
        if tx.runs.fact(PLACE) is not None:
            message = "not everything has been moved into it yet: it is the new one of another move."
            raise ConfigError(Problem("[syncd] store", message, "Finish that move first, from the old store."))
    with target.read() as tx:
        known = tx.runs.known([PLACE, MOVED])
        if known.get(MOVED) is not None and not known[MOVED]["done"]:
            raise ConfigError(Problem("the new store", "is being moved itself.", "Finish that move, or give it up."))
        if known.get(PLACE) is None and known.get(MOVED) is None:
            _must_be_empty(tx.connection)


def _begin(source: Store, target: Store, fence: int) -> tuple[int, Sequence[Any] | None]:
    """How far a move of this source is by now: the table's number, and the key after which to go on."""
    with target.begin() as tx:
        place = tx.runs.fact(PLACE)
        if place is None:
            for table in metadata.sorted_tables:  # what was moved away from here long ago is out of date
                tx.connection.execute(table.delete())
            tx.runs.set_fact(PLACE, {"from": _named(source), "fence": fence, "table": 0, "after": None})
            return 0, None
    if place["from"] != _named(source) or place["fence"] != fence:
        message = "a move of another store, or of this one as it was before, was begun into it."
        raise ConfigError(Problem("the new store", message, "Begin anew with an empty database, or a new file."))
    return int(place["table"]), place["after"]


def _must_be_empty(connection: Connection) -> None:
    for table in (one for one in metadata.sorted_tables if one is not facts):
        if connection.execute(select(table).limit(1)).first() is not None:
            message = f"the new store holds something already: {table.name}."
            raise ConfigError(Problem("the new store", message, "Give it a database of its own, or a new file."))


def _stop_work(source: Store, target: Store, now: datetime) -> tuple[int, bool]:
    """From here on no work begins on the old store. The last fence under which any did; whether this move stopped it.

    Raises ConfigError where somebody works on it, or it is or was moved elsewhere.
    """
    with target.read() as tx:
        place = tx.runs.fact(PLACE)
    with source.begin(durable=True) as tx:
        moved, fence = tx.runs.fact(MOVED), int(tx.runs.fact("fence") or 0)
        if moved is not None:
            ended = moved["done"] and (place is None or place["from"] != _named(source))
            if ended or moved["to"] != _named(target):
                raise out_of_date(moved)
            return fence, False
        if tx.leased(now):
            message = "a syncd works on it, or was killed a moment ago."
            raise ConfigError(Problem("[syncd] store", message, "Stop it, and try again in a minute."))
        tx.runs.set_fact(MOVED, {"to": _named(target), "done": False})
        return fence, True


def _carry(source: Store, target: Store, number: int, table: Table, after: Sequence[Any] | None) -> None:
    for rows, last in _batches(source, table, after):
        with target.begin() as tx:
            tx.connection.execute(insert(table), rows)
            _note(tx.runs, number, last)
    with target.begin() as tx:
        _note(tx.runs, number + 1, None)


def _note(runs: Any, number: int, after: Sequence[Any] | None) -> None:
    place = dict(runs.fact(PLACE))
    runs.set_fact(PLACE, {**place, "table": number, "after": after})


def _batches(
    store: Store, table: Table, after: Sequence[Any] | None = None
) -> Iterator[tuple[list[dict[str, Any]], list[Any]]]:
    """A table's rows by its key, so many at a time, with the key of the last one. Not those about a move."""
    key = list(table.primary_key.columns)
    while True:
        query = select(table).order_by(*key).limit(BATCH)
        if after is not None:
            query = query.where(tuple_(*key) > tuple_(*(_bound(value) for value in after)))
        with store.read() as tx:
            rows = [dict(row._mapping) for row in tx.connection.execute(query)]
        if not rows:
            return
        after = [_told(rows[-1][column.name]) for column in key]
        kept = [row for row in rows if table.name != facts.name or not str(row["name"]).startswith("move:")]
        if kept:
            yield kept, after


def _told(value: Any) -> Any:
    """A key's part as JSON holds it."""
    return {"hex": value.hex()} if isinstance(value, bytes) else value


def _bound(value: Any) -> Any:
    return bytes.fromhex(value["hex"]) if isinstance(value, Mapping) else value


def _compared(source: Store, target: Store, say: Say) -> dict[str, int]:
    found = {}
    for table in _tables():
        say(f"comparing {table.name}")
        here, there = _digest(source, table), _digest(target, table)
        if here != there:
            message = f"{table.name} differs: {here[0]} rows here, {there[0]} there."
            raise ConfigError(Problem("the new store", message, "Begin anew with an empty database, or a new file."))
        found[table.name] = here[0]
    return found


def _digest(store: Store, table: Table) -> tuple[int, int]:
    """How many rows there are, and a number that stands for all of them, in whatever order."""
    count, total = 0, 0
    for rows, _ in _batches(store, table):
        for row in rows:
            told = repr([int(value) if isinstance(value, bool) else value for value in row.values()])
            total += int.from_bytes(hashlib.blake2b(told.encode(), digest_size=16).digest())
            count += 1
    return count, total % (1 << 128)


def _end(source: Store, target: Store) -> None:
    """The old one is out of date, the new one is ready. Interrupted in between, the move is to be run again."""
    with source.begin(durable=True) as tx:
        tx.runs.set_fact(MOVED, {"to": _named(target), "done": True})
    with target.begin(durable=True) as tx:
        if not target.sqlite:
            _number_on(tx.connection)
        tx.runs.set_fact(MOVED, None)
        tx.runs.set_fact(PLACE, None)


def _number_on(connection: Connection) -> None:
    """New rows get numbers behind those that were carried over."""
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            last = connection.execute(select(func.max(column))).scalar_one()
            name = connection.execute(
                text("SELECT pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
            ).scalar_one()
            if name is not None and last is not None:
                connection.execute(select(func.setval(name, last)))


def _named(store: Store) -> str:
    """The address without its password."""
    return store.engine.url.render_as_string(hide_password=True)
