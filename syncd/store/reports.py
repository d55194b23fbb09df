"""The views for reports, a row at a time. What is not here: what they hold (`migrations`), and files (`service`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, column, select, table, text

VIEWS = {
    "runs": "started_at",
    "links": "made_at",
    "handoffs": "made_at",
    "writes": "opened_at",
    "changes": "changed_at",
    "records": "modified_at",
    "conflicts": "at",
}
"""View, without `report_` -> the column of the time since when its rows are asked for."""

STAMP = "%Y-%m-%dT%H:%M:%SZ"
"""How a time reads."""


def rows(connection: Connection, name: str, since: datetime | None) -> Iterator[Sequence[Any]]:
    """The column names, then the values of each row of a view, oldest first; with `since` only of then and later."""
    at: ColumnElement[Any] = column(VIEWS[name])
    query = select(text("*")).select_from(table(f"report_{name}")).order_by(at)
    if since is not None:
        query = query.where(at >= (since.strftime(STAMP) if connection.dialect.name == "sqlite" else since))
    found = connection.execution_options(yield_per=1000).execute(query)
    yield list(found.keys())
    for row in found:
        yield [_plain(value) for value in row]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime(STAMP)
    return orjson.dumps(value).decode() if isinstance(value, dict | list) else value
