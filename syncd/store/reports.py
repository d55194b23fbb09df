"""The views for reports, a row at a time. What is not here: what they hold (`migrations`), and files (`service`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, column, func, or_, select, table, text

VIEWS = {
    "runs": ("ended_at", "started_at"),
    "links": ("closed_at", "made_at"),
    "handoffs": ("made_at",),
    "writes": ("closed_at", "opened_at"),
    "changes": ("changed_at",),
    "records": ("read_at", "modified_at"),
    "conflicts": ("closed_at", "at"),
}
"""View, without `report_` -> the columns of which the first that is known says since when a row is as it is."""

STAMP = "%Y-%m-%dT%H:%M:%SZ"
"""How a time reads."""


def rows(connection: Connection, name: str, since: datetime | None) -> Iterator[Sequence[Any]]:
    """The column names, then the values of each row of a view, oldest first; with `since` only of then and later."""
    known: list[ColumnElement[Any]] = [column(one) for one in VIEWS[name]]
    at = func.coalesce(*known) if len(known) > 1 else known[0]
    query = select(text("*")).select_from(table(f"report_{name}")).order_by(at)
    if since is not None:
        limit = since.strftime(STAMP) if connection.dialect.name == "sqlite" else since
        query = query.where(or_(at >= limit, at.is_(None)))
    found = connection.execution_options(yield_per=1000).execute(query)
    yield list(found.keys())
    for row in found:
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(STAMP)
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
