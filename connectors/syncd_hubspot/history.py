"""What HubSpot tells of a property's earlier values: each with its time, the way it came in, and whose hand it was.

What is not here: what follows from it. Ours is what came in as an integration under our own app's id; without that id
(the setting `app_id`) it is not known which program an entry of an integration stands for.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from syncd.core.model import Change
from syncd_hubspot.client import Row
from syncd_hubspot.reads import Reads
from syncd_hubspot.schema import RELATION
from syncd_hubspot.values import from_wire, moment

_INTEGRATION, _USER = "INTEGRATION", "userId:"


def history(reads: Reads, kind: str, id: str, field: str) -> Sequence[Change]:
    """Every value of one property, newest first; empty where there is no such record or property."""
    types = reads.schemas.types(kind)
    if field == RELATION or field not in types:
        return ()
    row = reads.client.get(kind, id, [field], history=[field])
    entries: Any = ((row or {}).get("propertiesWithHistory") or {}).get(field) or ()
    found = [
        Change(
            value=from_wire(types[field].kind, entry.get("value")),
            at=at,
            who=_who(reads, entry),
            source=str(entry["sourceType"]) if entry.get("sourceType") else None,
            mine=_mine(reads, entry),
        )
        for entry in entries
        if (at := moment(entry.get("timestamp"))) is not None
    ]
    return sorted(found, key=lambda change: change.at, reverse=True)


def _who(reads: Reads, entry: Row) -> str | None:
    source = str(entry.get("sourceId") or "")
    user = str(entry.get("updatedByUserId") or "") or (source.removeprefix(_USER) if source.startswith(_USER) else "")
    if user:
        return reads.schemas.user(user) or f"user {user}"
    if entry.get("sourceLabel"):
        return str(entry["sourceLabel"])
    return f"app {source}" if entry.get("sourceType") == _INTEGRATION and source else source or None


def _mine(reads: Reads, entry: Row) -> bool | None:
    if entry.get("sourceType") != _INTEGRATION:
        return False if entry.get("sourceType") else None
    return None if reads.app_id is None or not entry.get("sourceId") else str(entry["sourceId"]) == reads.app_id
