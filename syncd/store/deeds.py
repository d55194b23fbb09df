"""What people did in the console and by the API. What is not here: what syncd did (`runs`, `journal`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from syncd.store.tables import deeds


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """One deed. `subject`: what it was done to, as people name it; `detail`: what was chosen.

    Neither holds a secret, or a value of a record: whom it is about may ask to be forgotten.
    """

    id: int
    at: datetime
    account: str
    deed: str
    subject: str
    detail: Mapping[str, Any]


class Deeds:
    """Added to, and never changed."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(self, account: str, deed: str, subject: str, detail: Mapping[str, Any], now: datetime) -> None:
        """Note a deed."""
        row = {"at": now, "account": account, "deed": deed, "subject": subject[:200], "detail": dict(detail)}
        self.connection.execute(deeds.insert(), row)

    def last(self, *, before: int | None = None, limit: int = 50) -> list[Done]:
        """The newest, or those before one."""
        query = select(deeds).order_by(deeds.c.id.desc()).limit(limit)
        rows = self.connection.execute(query if before is None else query.where(deeds.c.id < before))
        return [Done(**row._mapping) for row in rows]
