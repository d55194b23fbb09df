"""The few statements that every table group needs, for both databases.

Hot statements are made once, with bound parameters: to make one costs several times what SQLite takes to run it.
What is not here: any statement about one table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    Boolean,
    ColumnElement,
    Connection,
    Dialect,
    LargeBinary,
    String,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import OperatorType
from sqlalchemy.sql.visitors import InternalTraversal

from syncd.store.columns import Json

T = TypeVar("T")

CHUNK = 500
"""Values in one look: far below the number that SQLite lets be listed, and a plan that PostgreSQL likes."""


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


class _Listed(Json):
    """Several values as a text of JSON. Raises ValueError for a NUL, which would end one; PostgreSQL raises as well."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To text."""
        text = super().process_bind_param(value, dialect)
        if text is not None and "\\u0000" in text and any("\0" in str(one) for one in value):
            raise ValueError("a text with a NUL cannot be looked for")
        return text


def among(column: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a column is one of the values bound as `among`."""
    # With a length PostgreSQL would cut the values down to it, and find what begins like them.
    kind = Text() if isinstance(column.type, String) else column.type
    array = bindparam("among", type_=ARRAY(kind))
    if isinstance(column.type, LargeBinary):
        return Among(column.in_(bindparam("among", expanding=True)), column == any_(array))
    told = func.json_each(bindparam("among", type_=_Listed())).table_valued("value")
    return Among(column.in_(select(told.c.value)), column == any_(array))


def beside(column: ColumnElement[T]) -> ColumnElement[T]:
    """A column that narrows down what an index over others finds: none is chosen by it.

    SQLite, which knows nothing of what its tables hold, would go through all rows of a state sooner than look up ids.
    """
    return func.coalesce(column, column)


class Among(ColumnElement[bool]):
    """One value that holds them all: a text of JSON for SQLite (bytes are none, and listed), an array for PostgreSQL.

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
def _told_or_listed(element: Among, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.listed, **words)


@compiles(Among, "postgresql")
def _in_array(element: Among, compiler: SQLCompiler, **words: Any) -> str:
    return compiler.process(element.array, **words)
