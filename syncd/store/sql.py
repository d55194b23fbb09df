"""The few statements that every table group needs, for both databases.

Hot statements are made once, with bound parameters: to make one costs several times what SQLite takes to run it.
What is not here: any statement about one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import ARRAY, Boolean, ColumnElement, Connection, String, Table, Text, any_, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal

from syncd.store.columns import Json

T = TypeVar("T")

CHUNK = 500
"""Values in one look: a plan that PostgreSQL likes, and a statement that holds nobody up for long."""


def chunks(items: Iterable[T]) -> Iterator[list[T]]:
    """The items in lists of at most CHUNK, each value once."""
    whole = list(dict.fromkeys(items))
    for start in range(0, len(whole), CHUNK):
        yield whole[start : start + CHUNK]


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], *, update: Sequence[str] | None = None
) -> None:
    """Insert rows, or change those whose primary key is there.

    `update`: the columns taken from the new row; all but the key when None.
    """
    if rows:
        names = update if update is not None else [name for name in rows[0] if name not in table.primary_key]
        connection.execute(_upsert(connection.dialect.name, table, tuple(names)), [dict(row) for row in rows])


@cache
def _upsert(dialect: str, table: Table, names: tuple[str, ...]) -> Any:
    statement = inserting(dialect, table)
    changes = {name: statement.excluded[name] for name in names}
    return statement.on_conflict_do_update(index_elements=list(table.primary_key.columns.keys()), set_=changes)


def inserting(dialect: str, table: Table) -> Any:
    """An INSERT that this database lets be told what to do on a conflict."""
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column is one of the values bound as `among`."""
    # With a length PostgreSQL would cut the values down to it, and find what begins like them.
    kind = Text() if isinstance(column.type, String) else column.type
    array = bindparam("among", type_=ARRAY(kind))
    listed = func.json_each(bindparam("among", type_=Json())).table_valued("value")
    return Among(column.in_(select(listed.c.value)), column == any_(array))


class Among(ColumnElement[bool]):
    """One value that holds them all: a text of JSON for SQLite, an array for PostgreSQL.

    A parameter for each would be slow to bind, and another statement for each number of them: SQLite would prepare
    every one anew, and each connection keep more than a hundred.
    """

    inherit_cache = True
    type = Boolean()
    # What tells two such conditions apart, under SQLAlchemy's name for it.
    _traverse_internals = [(way, InternalTraversal.dp_clauseelement) for way in ("listed", "array")]  # noqa: RUF012

    def __init__(self, listed: ColumnElement[bool], array: ColumnElement[bool]) -> None:
        """The two ways to say it."""
        self.listed, self.array = listed, array

    def self_group(self, against: OperatorType | None = None) -> ColumnElement[bool]:
        """A condition as it is; SQLAlchemy would have SQLite compare it with 1, and no index would serve it."""
        return self


@compiles(Among)
def _in_json(element: Among, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.listed, **words)


@compiles(Among, "postgresql")
def _in_array(element: Among, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.array, **words)
