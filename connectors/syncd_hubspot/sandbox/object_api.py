"""List, get, create, update, archive, merge, GDPR delete and search of single objects.

What is not here: batches (`batch_api`) and associations (`association_api`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from syncd_hubspot.sandbox import wire
from syncd_hubspot.sandbox.associations import CATEGORY, PAIRS
from syncd_hubspot.sandbox.call import Answer, Call, whole_id
from syncd_hubspot.sandbox.errors import bad_request, not_found
from syncd_hubspot.sandbox.merging import merge
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.search import MAX_BODY, Hits, Scope, search
from syncd_hubspot.sandbox.sight import all_seen, refuse_hidden, unanswered
from syncd_hubspot.sandbox.tables import Table

MAX_PAGE, MAX_HISTORY_PAGE = 100, 50


def list_objects(call: Call) -> Answer:
    """GET a page in id order; `after` is the id the page begins with."""
    table, history = call.table("read"), call.listed("propertiesWithHistory")
    limit = call.number("limit", 10, MAX_HISTORY_PAGE if history else MAX_PAGE)
    rows, after = table.page(call.after(), limit, call.flag("archived"))
    if unanswered(call.portal, "lists"):
        rows, after = [], None
    wanted = wire.names(table, call.listed("properties"))
    results = [_shown(call, table, row, wanted) for row in all_seen(call.portal, rows)]
    return {"results": results, **wire.paging(str(after) if after else None)}, 200


def get_object(call: Call) -> Answer:
    """GET one record by id (an id merged away leads to the new record) or by a unique property."""
    table = call.table("read")
    row = _found(call, table, archived=call.flag("archived"))
    return _shown(call, table, row, wire.names(table, call.listed("properties"))), 200


def create_object(call: Call) -> Answer:
    """POST a record, with inline associations."""
    table, body = call.table("write"), call.object()
    changes = call.rules.check(table, None, body.get("properties"))
    ties = read_ties(call.portal, table, body.get("associations") or ())
    row = call.portal.create(table, changes, call.who)
    tie_all(call.portal, table, row, ties)
    return wire.record(table, row, written(table, row)), 201


def update_object(call: Call) -> Answer:
    """PATCH a record; an id merged away leads to the new one."""
    table = call.table("write")
    row = _found(call, table)
    changes = call.rules.check(table, row, call.object().get("properties"))
    call.portal.update(table, row, changes, call.who)
    return wire.record(table, row, written(table, row, changes)), 200


def archive_object(call: Call) -> Answer:
    """DELETE to the recycle bin; again is fine."""
    table = call.table("write")
    one = whole_id(call.path["id"])
    row = table.resolve(one)
    if row is not None:
        call.portal.archive(table, row, call.who)
    elif one not in table.rows and one not in table.purged:
        raise not_found()
    return None, 204


def merge_objects(call: Call) -> Answer:
    """POST merge; the answer is the new record."""
    table, body = call.table("write"), call.object()
    primary = call.portal.need(table, whole_id(body.get("primaryObjectId")))
    secondary = call.portal.need(table, whole_id(body.get("objectIdToMerge")))
    row = merge(call.portal, table, primary, secondary, call.who)
    return wire.record(table, row, written(table, row)), 200


def gdpr_delete(call: Call) -> Answer:
    """POST gdpr-delete: for good."""
    table, body = call.table("write"), call.object()
    if table.kind.name != "contacts":
        raise not_found()
    row = by_key(table, str(body.get("idProperty") or ""), str(body.get("objectId")))
    if row is not None:
        call.portal.forget(table, row)
    return None, 204


def search_objects(call: Call) -> Answer:
    """POST search: matched on the lagging index, filled from the primary store."""
    table, body = call.table("read"), call.object()
    if len(call.raw.decode("utf-8", "replace")) > MAX_BODY:
        raise bad_request(f"The request body is longer than {MAX_BODY} characters")
    hits = search(_scope(call.portal, table), body)
    if unanswered(call.portal, "searches"):
        hits = Hits((), 0, None)
    wanted = wire.names(table, body.get("properties"))
    rows = [table.rows[one] for one in hits.ids if one in table.rows]
    if call.portal.settings["archived_leave_search"] == "at once":
        rows = [row for row in rows if row.archived_at is None]
    results = [wire.record(table, row, wanted) for row in rows]
    return {"total": hits.total, "results": results, **wire.paging(hits.after)}, 200


def by_key(table: Table, prop: str, value: str, *, archived: bool = False) -> Row | None:
    """The row of this id, or of this value of a unique property; in the recycle bin if `archived`."""
    if prop in ("", "hs_object_id"):
        row = table.rows.get(whole_id(value)) if archived else table.resolve(whole_id(value))
        return row if row is None or (row.archived_at is not None) == archived else None
    if prop not in table.unique_names():
        raise bad_request(f"{prop} is not a unique property of {table.kind.name}")
    key = value.strip().lower() if prop == "email" else value
    one = table.holder(prop, key, archived=archived)
    return None if one is None else table.rows[one]


def written(table: Table, row: Row, changes: Iterable[str] = ()) -> list[str]:
    """What the answer to a write shows: every property that has a value or was written, and may be seen."""
    every = dict.fromkeys([*table.kind.defaults, *row.values, *changes])
    return [name for name in every if table.schema.get(name) is None or table.schema.told(name)]


Ties = list[tuple[tuple[str, int], set[int]]]


def read_ties(portal: Portal, table: Table, given: Sequence[Mapping[str, Any]]) -> Ties:
    """Inline associations of a create, checked; the target's type follows from the association type."""
    found: Ties = []
    for each in given:
        try:
            types = {int(one["associationTypeId"]) for one in each.get("types") or ()}
            far = whole_id(each["to"]["id"])
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise bad_request("Invalid input JSON: an association is {to: {id}, types: [...]}") from error
        target = _target(table, types)
        found.append(((target, portal.need(portal.tables[target], far).id), types))
    return found


def tie_all(portal: Portal, table: Table, row: Row, ties: Ties) -> None:
    """Carry out checked associations."""
    for target, types in ties:
        portal.ties.tie((table.kind.name, row.id), target, types)
        portal.counted(*target)
    if ties:
        portal.counted(table.kind.name, row.id)


def _target(table: Table, types: set[int]) -> str:
    for (source, target), pair in PAIRS.items():
        if source == table.kind.name and types and types <= set(pair.labels):
            return target
    raise bad_request(f"Invalid association types {sorted(types)} ({CATEGORY}) from {table.kind.name}")


def _found(call: Call, table: Table, *, archived: bool = False) -> Row:
    row = by_key(table, call.query.get("idProperty", ""), call.path["id"], archived=archived)
    if row is None:
        raise not_found()
    refuse_hidden(call.portal, row)
    return row


def _shown(call: Call, table: Table, row: Row, wanted: Sequence[str]) -> dict[str, Any]:
    found = wire.record(table, row, wanted, call.listed("propertiesWithHistory"))
    if targets := call.listed("associations"):
        ties = wire.inline_associations(call.portal, table, row, targets)
        return {**found, "associations": ties} if ties else found
    return found


def _scope(portal: Portal, table: Table) -> Scope:
    kind = table.kind

    def tied(id: int, target: str) -> set[int]:
        return set(portal.ties.of(kind.name, id, portal.table(target).kind.name))

    blank = bool(portal.settings["neq_finds_blank"])
    return Scope(table.index, table.schema, kind.modified, tied, blank, kind.searchable, kind.dead, portal.hidden)
