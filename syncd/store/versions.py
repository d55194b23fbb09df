"""The texts that a map had: each with who saved it, when and why. What is not here: the file itself (`service`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from syncd.store.tables import versions


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One text of a map's file."""

    id: int
    map: str
    at: datetime
    account: str
    reason: str
    text: str


class Versions:
    """Added to, and never changed."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def add(self, map_key: str, account: str, reason: str, text: str, now: datetime) -> int:
        """Keep a text; its number."""
        row = {"map": map_key, "at": now, "account": account, "reason": reason, "text": text}
        return int(self.connection.execute(versions.insert().returning(versions.c.id), row).scalar_one())

    def of(self, map_key: str, *, limit: int = 50) -> list[Version]:
        """The texts of a map, the newest first."""
        query = select(versions).where(versions.c.map == map_key).order_by(versions.c.id.desc()).limit(limit)
        return [Version(**row._mapping) for row in self.connection.execute(query)]

    def get(self, number: int) -> Version | None:
        """One text."""
        row = self.connection.execute(select(versions).where(versions.c.id == number)).one_or_none()
        return Version(**row._mapping) if row is not None else None
