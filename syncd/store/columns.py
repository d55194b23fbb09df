"""How values travel into columns: JSON as text, moments as numbers. What is not here: the tables (`tables`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Dialect, Table, Text, TypeDecorator, type_coerce
from sqlalchemy.types import TypeEngine


class Json(TypeDecorator[Any]):
    """JSON as text; arrays come back as tuples, so that values compare as `core.model` says."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """To text; None stays NULL."""
        return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """From text."""
        return from_json(value)


def from_json(text: str | None) -> Any:
    """What a text of JSON says; None stays None."""
    return None if text is None else _tuples(orjson.loads(text))


def _tuples(value: Any) -> Any:
    if type(value) is dict:  # most values are none of both, and not worth a call
        return {key: _tuples(item) if type(item) in _NESTED else item for key, item in value.items()}
    return tuple(_tuples(item) for item in value) if type(value) is list else value


_NESTED = (dict, list)


_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


class Moment(TypeDecorator[datetime]):
    """An aware datetime as whole microseconds since 1970: compact, ordered, the same in every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To microseconds."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From microseconds, in UTC."""
        return moment(value)


def moment(stored: int | None) -> datetime | None:
    """The datetime of so many microseconds since 1970; None stays None."""
    return None if stored is None else _EPOCH + stored * _MICROSECOND


def as_stored(table: Table) -> list[ColumnElement[Any]]:
    """A table's columns as the database has them, for who decodes many rows: JSON as text, moments as numbers."""
    plain: dict[type[Any], TypeEngine[Any]] = {Json: Text(), Moment: BigInteger()}
    return [type_coerce(column, plain.get(type(column.type), column.type)) for column in table.columns]
