"""The files that hang on a record: which documents are linked with it, and what is told of them.

What is not here: what is in them, their earlier versions, and attachments of the kind before Salesforce Files.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from syncd.core.model import FieldKind, File
from syncd.kit.connector import FILES
from syncd_salesforce import ids, soql
from syncd_salesforce.client import Client, Row
from syncd_salesforce.reads import chunks
from syncd_salesforce.troubles import GONE, READ, UNKNOWN_FIELD, NoAccess, SalesforceRefused
from syncd_salesforce.values import from_wire, moment

AT_ONCE = 400
"""Documents that one query asks for."""

_NEVER = datetime.min.replace(tzinfo=UTC)


def files(client: Client, id: str) -> tuple[File, ...]:
    """The newest files of a record; NoAccess names the object that the run-as user may not read."""
    record = ids.full(id)
    if record is None:
        return ()
    try:
        return _newest(client, _linked(client, record))
    except SalesforceRefused as error:
        if error.trouble.code in GONE:
            return ()
        raise


def _linked(client: Client, record: str) -> list[str]:
    """The documents that are linked with a record, each once."""
    rows = _rows(client, soql.LINK, soql.links(record))
    found = (ids.full(str(row.get("ContentDocumentId"))) for row in rows)
    return list(dict.fromkeys(one for one in found if one is not None))


def _newest(client: Client, documents: Sequence[str]) -> tuple[File, ...]:
    """The newest of these documents. Each chunk tells its own newest, of which no more can be among those of all."""
    asked = (soql.documents(chunk, FILES) for chunk in chunks(documents, AT_ONCE))
    found = [_file(row) for text in asked for row in _rows(client, soql.DOCUMENT, text)]
    return tuple(sorted(found, key=lambda one: one.added_at or _NEVER, reverse=True)[:FILES])


def _rows(client: Client, name: str, text: str) -> Sequence[Row]:
    """All rows of a query of this object, which every org has: one that is unknown is hidden from the run-as user."""
    try:
        return client.rows(text).rows
    except NoAccess as error:
        if error.permission != READ:
            raise
        told = str(error)
    except SalesforceRefused as error:
        if error.trouble.code not in UNKNOWN_FIELD and not error.trouble.code.startswith("INSUFFICIENT_ACCESS"):
            raise
        told = f"Salesforce forbids this. {error}"
    raise NoAccess(told, permission=f"Read on {name}")


def _file(row: Row) -> File:
    return File(name=_name(row), size=_size(row.get("ContentSize")), added_at=moment(row.get("CreatedDate")))


def _name(row: Row) -> str:
    """The title, which seldom has the ending that the file had; a document without a title goes by its id."""
    title = _text(row.get("Title")) or _text(row.get("Id"))
    ending = _text(row.get("FileExtension"))
    return title if not ending or title.lower().endswith(f".{ending.lower()}") else f"{title}.{ending}"


def _size(raw: Any) -> int | None:
    told = from_wire(FieldKind.NUMBER, raw)
    return told if isinstance(told, int) and told >= 0 else None


def _text(raw: Any) -> str:
    return raw.strip() if isinstance(raw, str) else ""
