"""Merging two records of one type: a new record with a new id, the two old ids leading to it.

What is not here: who may ask for it (`object_api`, `acts`).
"""

from __future__ import annotations

from syncd_hubspot.sandbox.errors import bad_request, refuse
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Change, Entry, Row, Who
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.times import iso

MAX_MERGED = 250
"""Ids that one record may have swallowed."""


def merge(portal: Portal, table: Table, primary: Row, secondary: Row, who: Who) -> Row:
    """Merge `secondary` into `primary`: the primary's values win, blanks are filled, histories and ties combined."""
    if primary is secondary:
        raise bad_request("Cannot merge an object with itself")
    merged = tuple(sorted({*primary.merged, *secondary.merged, primary.id, secondary.id}))
    if len(merged) > MAX_MERGED:
        raise refuse(414, "VALIDATION_ERROR", f"Cannot have more than {MAX_MERGED} identities on a profile")
    now = portal.now()
    row = Row(portal.new_id(), {}, _created(portal, primary, secondary, now), now, merged=merged)
    row.history = _histories(primary, secondary)
    values = {**secondary.values, **primary.values, "hs_object_id": str(row.id)}
    values |= _emails(primary, secondary) | _traces(table, row, now)
    row.changes = sorted([*primary.changes, *secondary.changes], key=lambda change: change.at)
    lost = {name: (value, values.get(name)) for name, value in secondary.values.items() if values.get(name) != value}
    change = Change(now, who, lost, "merge")
    _swap(portal, table, row, (primary, secondary))
    row.values = values
    table.add(row)
    portal.noted(table, row, change)
    portal.bump(table, row, now)
    portal.counted(table.kind.name, row.id)
    return row


def _created(portal: Portal, primary: Row, secondary: Row, now: int) -> int:
    way = portal.settings["merged_createdate"]
    return {"oldest": min(primary.created, secondary.created), "primary": primary.created}.get(way, now)


def _histories(primary: Row, secondary: Row) -> dict[str, list[Entry]]:
    names = {**primary.history, **secondary.history}
    return {
        name: sorted([*primary.history.get(name, ()), *secondary.history.get(name, ())], key=lambda entry: -entry.at)
        for name in names
    }


def _emails(primary: Row, secondary: Row) -> dict[str, str]:
    """The secondary's address lives on as an additional one."""
    listed = [primary.values.get("hs_additional_emails"), secondary.values.get("hs_additional_emails")]
    if "email" in primary.values:
        listed.append(secondary.values.get("email"))
    joined = ";".join(dict.fromkeys(value for each in listed if each for value in each.split(";")))
    return {"hs_additional_emails": joined} if joined else {}


def _traces(table: Table, row: Row, now: int) -> dict[str, str]:
    found = {"hs_merged_object_ids": ";".join(map(str, row.merged)), table.kind.created: iso(row.created)}
    if table.kind.name == "contacts":
        found["hs_calculated_merged_vids"] = ";".join(f"{one}:{now}" for one in row.merged)
    return found


def _swap(portal: Portal, table: Table, row: Row, olds: tuple[Row, Row]) -> None:
    for old in olds:
        table.remove(old)
        table.aliases[old.id] = row.id
        portal.unindexed(table, old)
        portal.ties.move(table.kind.name, old.id, row.id)
