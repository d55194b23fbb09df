"""Records and batches as HubSpot's API shows them. Pure shapes.

What is not here: paths, and which records are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.times import iso


def names(table: Table, asked: Iterable[str] | None) -> list[str]:
    """The properties a read returns: those asked for that exist, or the default set, and always id and dates."""
    wanted = [name for name in asked or () if table.schema.told(name)]
    if not asked:
        return list(table.kind.defaults)
    return list(dict.fromkeys([*wanted, "hs_object_id", table.kind.created, table.kind.modified]))


def record(table: Table, row: Row, wanted: Sequence[str], history: Sequence[str] = ()) -> dict[str, Any]:
    """One record: every property of `wanted`, null where empty."""
    values = row.values
    found: dict[str, Any] = {
        "id": str(row.id),
        "properties": {name: values.get(name) for name in wanted},
        "createdAt": values[table.kind.created],
        "updatedAt": values[table.kind.modified],
        "archived": row.archived_at is not None,
    }
    if row.archived_at is not None:
        found["archivedAt"] = iso(row.archived_at)
    if history:
        known = [name for name in history if table.schema.told(name)]
        found["propertiesWithHistory"] = {name: [entry.wire() for entry in row.history.get(name, ())] for name in known}
    return found


def whole(portal: Portal, table: Table, row: Row) -> dict[str, Any]:
    """One record with every value and its associations, for the lab."""
    ties = {target: [str(one) for one in portal.ties.of(table.kind.name, row.id, target)] for target in portal.tables}
    found = record(table, row, sorted(row.values))
    return {**found, "associations": {target: ids for target, ids in ties.items() if ids}}


def inline_associations(portal: Portal, table: Table, row: Row, targets: Iterable[str]) -> dict[str, Any]:
    """The `associations` of a list or get: one entry per type, ids as strings."""
    found: dict[str, Any] = {}
    limit = int(portal.settings["inline_association_page"])
    for name in targets:
        target = portal.table(name).kind
        ids = list(portal.ties.of(table.kind.name, row.id, target.name))
        if not ids:
            continue
        label = f"{table.kind.singular}_to_{target.singular}"
        found[target.name] = {"results": [{"id": str(one), "type": label} for one in ids[:limit]]}
        if len(ids) > limit:
            found[target.name]["paging"] = {"next": {"after": str(ids[limit])}}
    return found


def batch(
    portal: Portal, started: int, results: list[dict[str, Any]], errors: list[dict[str, Any]], done: int = 200
) -> tuple[dict[str, Any], int]:
    """The body and status of a batch answer: 207 with `errors` when some inputs failed."""
    if portal.settings["batch_order"] == "shuffled":
        portal.random.shuffle(results)
    body: dict[str, Any] = {
        "status": "COMPLETE",
        "results": results,
        "startedAt": iso(started),
        "completedAt": iso(portal.now()),
    }
    if errors:
        return {**body, "numErrors": len(errors), "errors": errors}, 207
    return body, done


def missing(table: Table, ids: Sequence[str]) -> dict[str, Any]:
    """The one error entry of a batch about every id that is not there."""
    singular = table.kind.singular.upper()
    sentence = f"Could not get some {singular} objects, they may be deleted or not exist. Check that ids are valid."
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "message": sentence, "context": {"ids": list(ids)}}


def paging(after: str | None, link: str | None = None) -> Mapping[str, Any]:
    """The `paging` part, empty on the last page."""
    return {"paging": {"next": {"after": after, **({"link": link} if link else {})}}} if after else {}
