"""What is wrong right now, since when, and whether it was told. What is not here: what is wrong (`service.states`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from syncd.store.sql import upsert
from syncd.store.tables import alerts


@dataclass(frozen=True, slots=True)
class Alert:
    """One state of things. `told_at`: when it was sent; `over_at`: since when it is no more, though it was told."""

    key: str
    sentence: str
    since: datetime
    told_at: datetime | None = None
    over_at: datetime | None = None


class Alerts:
    """One row per state that is, or was and has not been told to be over."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def all(self) -> dict[str, Alert]:
        """By key."""
        return {row.key: Alert(**row._mapping) for row in self.connection.execute(select(alerts))}

    def put(self, rows: Iterable[Alert]) -> None:
        """Store these in the place of what was there."""
        upsert(self.connection, alerts, [asdict(row) for row in rows])

    def drop(self, keys: Iterable[str]) -> None:
        """Forget these."""
        for key in keys:
            self.connection.execute(delete(alerts).where(alerts.c.key == key))
