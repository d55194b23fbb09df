"""Files: a version makes its document and the link to the record it was published at.

What is not here: bytes on the wire (`object_api`), previews, libraries, and the caps on sizes.
"""

from __future__ import annotations

import hashlib
from typing import Any

from syncd_salesforce.sandbox.errors import bad_row, refuse
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.soql import Among, Compare, Condition, Logic
from syncd_salesforce.sandbox.store import Row

_LINK_NEEDS = (
    "Implementation restriction: ContentDocumentLink requires a filter by a single Id on ContentDocumentId or "
    "LinkedEntityId using the equals operator or multiple Id's using the IN operator."
)


def measured(row: Row) -> None:
    """What the bytes say of themselves; Refusal without bytes or a path."""
    data: bytes = row.get("VersionData") or b""
    path = str(row.get("PathOnClient") or "")
    if not data or not path:
        missing = [name for name in ("VersionData", "PathOnClient") if not row.get(name)]
        raise bad_row("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    ending = path.rpartition(".")[2].lower() if "." in path else None
    row["Title"] = row.get("Title") or path.rpartition("/")[2].rpartition(".")[0] or path
    # Salesforce itself tells this digest; nothing is secured by it.
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    row |= {"ContentSize": len(data), "Checksum": digest, "FileExtension": ending, "IsLatest": True}


def publish(org: Org, row: Row) -> None:
    """Write the document of a new version, or bring the one it belongs to up to date, and its first link."""
    told = {name: row.get(name) for name in ("Title", "FileExtension", "ContentSize")}
    document = org.store.get("ContentDocument", str(row.get("ContentDocumentId")))
    if document is None:
        document = _like(org, "ContentDocument", row, told)
        row |= {"ContentDocumentId": document["Id"], "VersionNumber": "1"}
    else:
        older = [each for each in org.store.all("ContentVersion") if each["ContentDocumentId"] == document["Id"]]
        for each in [one for one in older if one["IsLatest"] and one["Id"] != row["Id"]]:
            org.store.put("ContentVersion", {**each, "IsLatest": False})
        row["VersionNumber"] = str(len([one for one in older if one["Id"] != row["Id"]]) + 1)
    stamp = {name: row[name] for name in ("LastModifiedDate", "LastModifiedById", "SystemModstamp")}
    org.store.put("ContentDocument", {**document, **told, **stamp, "LatestPublishedVersionId": row["Id"]})
    places = [row["OwnerId"], row.get("FirstPublishLocationId")] if row["VersionNumber"] == "1" else []
    for place in [each for each in places if each]:
        share = {"ContentDocumentId": document["Id"], "LinkedEntityId": place}
        link = _like(org, "ContentDocumentLink", row, {**share, "ShareType": "I" if place == row["OwnerId"] else "V"})
        org.store.put("ContentDocumentLink", link)


def loosen(org: Org, id: str) -> None:
    """Remove the links of a record that is gone for good; the documents stay."""
    for link in [each for each in org.store.all("ContentDocumentLink") if each["LinkedEntityId"] == id]:
        org.store.erase("ContentDocumentLink", link["Id"])


def demand_filter(where: Condition | None) -> None:
    """Refusal for a query of links that names neither documents nor records."""
    parts = where.parts if isinstance(where, Logic) and where.op == "and" else [where]
    for part in parts:
        if not isinstance(part, Compare | Among) or part.op not in ("=", "in"):
            continue
        if part.name.path[-1].lower() in ("contentdocumentid", "linkedentityid"):
            return
    raise refuse("MALFORMED_QUERY", _LINK_NEEDS)


def _like(org: Org, name: str, row: Row, fields: dict[str, Any]) -> Row:
    """A row that comes into the world with another one."""
    thing = org.schema.things[name]
    born = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "OwnerId")
    same = {key: row.get(key) for key in born if key in thing.fields}
    return {**org.blank(thing), **same, **fields, "Id": org.mint.new(thing.prefix)}
