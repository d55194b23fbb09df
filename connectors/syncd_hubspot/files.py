"""The files of a record. They hang on its notes: associations, then the notes, then the details of each file.

What is not here: files of other engagements (e-mails, calls, tasks), and what is in a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.core.model import File
from syncd.kit.connector import FILES
from syncd_hubspot.client import BATCH_LIMIT, Client, Row, is_id
from syncd_hubspot.reads import chunks, numerically, rest
from syncd_hubspot.troubles import HubSpotForbidden, HubSpotRefused
from syncd_hubspot.values import moment

NOTES = 1_000
"""Notes of a record that are read at most: those with the highest ids."""

_KIND, _ATTACHED, _TIME = "notes", "hs_attachment_ids", "hs_timestamp"
_PAGES = 20
_NEVER = datetime.min.replace(tzinfo=UTC)


def files(client: Client, kind: str, id: str) -> Sequence[File]:
    """The newest files of one record, newest first; empty for one that does not answer."""
    if not is_id(id):
        return ()
    try:
        attached = _attached(client, _notes(client, kind, id))
    except HubSpotForbidden:
        return ()
    except HubSpotRefused as refused:
        if refused.status == 404:
            return ()
        raise
    newest = sorted(attached, key=lambda one: (attached[one], len(one), one), reverse=True)[:FILES]
    found = [
        _file(one, row, attached[one]) for one in newest if (row := client.file(one)) is not None and not _archived(row)
    ]
    return sorted(found, key=lambda file: file.added_at or _NEVER, reverse=True)


def _notes(client: Client, kind: str, id: str) -> Sequence[str]:
    """The ids of the record's notes, page after page."""
    found: list[str] = []
    asked = [{"id": id}]
    for _ in range(_PAGES):
        rows = client.associations(kind, _KIND, asked).rows
        found += [str(to["toObjectId"]) for row in rows for to in row["to"]]
        asked = [more for row in rows for more in rest(row, id)][:1]
        if not asked:
            break
    return (numerically(filter(is_id, found)) or ())[-NOTES:]


def _attached(client: Client, notes: Sequence[str]) -> Mapping[str, datetime]:
    """The ids of the files on these notes, each with the time of its newest note."""
    found: dict[str, datetime] = {}
    for chunk in chunks(notes, BATCH_LIMIT):
        for at, ids in _told(client.batch_read(_KIND, chunk, [_ATTACHED, _TIME]).rows):
            found |= {one: max(at, found.get(one, at)) for one in ids}
    return found


def _told(notes: Iterable[Row]) -> Iterator[tuple[datetime, list[str]]]:
    for note in notes:
        properties = note.get("properties") or {}
        ids = properties.get(_ATTACHED)
        if isinstance(ids, str | int):
            parts = [part.strip() for part in str(ids).split(";")]
            yield _time(properties.get(_TIME)) or _time(note.get("createdAt")) or _NEVER, [*filter(is_id, parts)]


def _file(id: str, row: Row, noted: datetime) -> File:
    return File(
        name=_name(id, row),
        size=_size(row.get("size")),
        added_at=_time(row.get("createdAt")) or (None if noted == _NEVER else noted),
        about=_text(row, "type") or None,
    )


def _name(id: str, row: Row) -> str:
    """The name with its extension, which HubSpot tells apart; the id of a file without a name."""
    name, extension = _text(row, "name") or id, _text(row, "extension").lstrip(".")
    whole = not extension or name.lower().endswith(f".{extension.lower()}")
    return name if whole else f"{name}.{extension}"


def _size(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _time(value: Any) -> datetime | None:
    return moment(value) if isinstance(value, str | int) else None


def _text(row: Row, key: str) -> str:
    value = row.get(key)
    return value.strip() if isinstance(value, str) else ""


def _archived(row: Row) -> bool:
    return row.get("archived") is True
