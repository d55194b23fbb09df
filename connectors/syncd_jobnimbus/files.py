"""The files of a record, as JobNimbus lists them. What is not here: what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from syncd.core.model import File
from syncd.errors import Transient
from syncd.kit.connector import FILES
from syncd_jobnimbus.client import Client
from syncd_jobnimbus.probes import Probes
from syncd_jobnimbus.rows import Row, is_deleted, stamp


def files(client: Client, probes: Probes, kind: str, id: str) -> Sequence[File]:
    """One request, of the lagging list; empty too where the access profile lacks the permission, which nobody tells.

    A job's files hang on its contact as well. Transient where the account's lists ignore filters.
    """
    if not probes.search(kind).term:
        raise Transient("JobNimbus ignores the filters of its lists: the files of one record cannot be told.")
    listing = client.listing("files", [{"term": {"related.id": id}}], size=FILES)
    found = [_file(row) for row in listing.rows if _hangs_on(row, id) and not is_deleted(row)]
    return sorted(found, key=lambda one: one.added_at or datetime.min.replace(tzinfo=UTC), reverse=True)


def _hangs_on(row: Row, id: str) -> bool:
    """Whether it is a file of this record: a filter may find more."""
    related = row.get("related")
    several = [*(related if isinstance(related, list) else [related]), row.get("primary")]
    return any((one.get("id") if isinstance(one, Mapping) else one) == id for one in several)


def _file(row: Row) -> File:
    size = row.get("size")
    return File(
        name=_text(row, "filename") or str(row["jnid"]),
        size=size if isinstance(size, int) and not isinstance(size, bool) else None,
        added_at=stamp(row, "date_created"), who=_text(row, "created_by_name"),
        about=_text(row, "description") or _text(row, "record_type_name"),
    )  # fmt: skip


def _text(row: Row, name: str) -> str | None:
    value = row.get(name)
    return value if isinstance(value, str) and value else None
