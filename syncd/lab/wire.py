"""Rows of the sandboxes' primary stores, in each vendor's wire form: whose they are, whether they live, what they say.

What is not here: values as the engine has them (connectors read these).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Wire = Mapping[str, Any]

_IDS = ("jnid", "Id", "id")


def id_of(row: Wire) -> str:
    """A record's id."""
    return str(next(row[name] for name in _IDS if name in row))


def alive(row: Wire) -> bool:
    """Whether the vendor still counts a record among the living."""
    return not (row.get("archived") or row.get("IsDeleted")) and bool(row.get("is_active", True))


def merged_away(row: Wire) -> bool:
    """Whether a record lives on as another one, and its row only says so."""
    return bool(row.get("MasterRecordId"))


def came_of(row: Wire) -> tuple[str, ...]:
    """The ids that were merged into this record, where the vendor says so in the record itself."""
    told = str(values(row).get("hs_merged_object_ids") or "")
    return tuple(part for part in told.split(";") if part)


def deletes(change: Wire) -> bool:
    """Whether a change of a vendor's history takes the record away."""
    after = {name: value for name, (_, value) in change["fields"].items()}
    gone = after.get("is_active") is False or (after.get("IsDeleted") is True and not after.get("MasterRecordId"))
    return gone or change.get("do") == "archive"


def values(row: Wire) -> Wire:
    """The fields by name, wherever the vendor keeps them."""
    found: Wire = {**row, **row.get("properties", {})}
    return found
