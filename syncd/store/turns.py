"""Turns that all processes on one PostgreSQL share: no vendor is called more often by many than it may be by one.

Every turn is a row that says when it is free again; who takes it moves that moment on. So each turn is used at most
once per span, and no span, whenever it begins, holds more calls than there are turns.
What is not here: how many turns a vendor gives (`kit.limits`, connectors).
"""

from __future__ import annotations

from sqlalchemy import TextClause, create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from syncd.errors import Transient
from syncd.store.store import Store, options

_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_MAKE = text(
    "INSERT INTO turns (key, number, free_at) SELECT :key, n, 0 FROM generate_series(0, :count - 1) AS n "
    "ON CONFLICT DO NOTHING"
)
_TAKE = text(f"""
WITH free AS (
    SELECT number FROM turns WHERE key = :key AND number < :count AND free_at <= {_NOW}
    ORDER BY free_at LIMIT :weight FOR UPDATE SKIP LOCKED
)
UPDATE turns SET free_at = {_NOW} + :span
WHERE key = :key AND number IN (SELECT number FROM free) AND (SELECT count(*) FROM free) = :weight
RETURNING number
""")  # noqa: S608  # as above
_NEXT = text(f"""
SELECT free_at - {_NOW} FROM turns WHERE key = :key AND number < :count
ORDER BY free_at LIMIT 1 OFFSET :weight - 1
""")  # noqa: S608  # as above
_GIVE_BACK = text("UPDATE turns SET free_at = 0 WHERE key = :key AND number = ANY(:numbers)")
_HOLD_BACK = text(f"UPDATE turns SET free_at = greatest(free_at, {_NOW} + :span) WHERE key = :key")  # noqa: S608  # as above

_MOST = 1000
"""So many rows, and fewer than twice as many, for whoever may call more often: each is used several times per span."""

CONNECTIONS = 4
"""Of one process, beside the store's own: a turn is taken in a millisecond, while its transactions may wait."""

_SOONEST = 0.002
"""Seconds to wait at least where a turn was free, but somebody was just taking it."""


class SharedTurns:
    """Turns in the table of that name. Thread-safe. Raises Transient where the database does not answer."""

    def __init__(self, store: Store) -> None:
        """Open connections of its own, whose commits wait for no disk: a turn lost with the power was nobody's."""
        given = options(store.url, CONNECTIONS)
        given["connect_args"]["options"] += " -c synchronous_commit=off"
        self._engine: Engine = create_engine(store.url, isolation_level="AUTOCOMMIT", **given)

    def make(self, key: str, count: int) -> None:
        """See to it that there are so many turns."""
        self._rows(_MAKE, key=key, count=count // _uses(count))

    def take(self, key: str, count: int, span: float, weight: int = 1) -> tuple[tuple[int, ...], float]:
        """Take `weight` of `count` turns for `span` seconds: which; or none, and how many seconds to wait."""
        uses = _uses(count)
        which = {"key": key, "count": count // uses, "weight": weight}
        taken = self._rows(_TAKE, **which, span=int(span * 1_000_000 / uses))
        if taken:
            return tuple(taken), 0.0
        wait = self._rows(_NEXT, **which)
        return (), max(_SOONEST, wait[0] / 1_000_000 if wait else 1.0)

    def give_back(self, key: str, numbers: tuple[int, ...]) -> None:
        """These are free at once."""
        self._rows(_GIVE_BACK, key=key, numbers=list(numbers))

    def hold_back(self, key: str, seconds: float) -> None:
        """Nobody has a turn for so long."""
        self._rows(_HOLD_BACK, key=key, span=int(seconds * 1_000_000))

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _rows(self, statement: TextClause, **values: object) -> list[int]:
        try:
            with self._engine.connect() as connection:
                found = connection.execute(statement, values)
                return list(found.scalars()) if found.returns_rows else []
        except SQLAlchemyError as error:
            raise Transient(f"the store does not answer: {getattr(error, 'orig', error)}") from error


def _uses(count: int) -> int:
    """How often each row is used per span, so that all of them together are used at most `count` times."""
    return max(1, count // _MOST)
