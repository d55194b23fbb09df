"""Single records: create, read, change, delete, and all of that by an external id.

What is not here: lists of records (`list_api`).
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

from syncd_salesforce.sandbox import ids
from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.errors import Multiple, not_found, refuse
from syncd_salesforce.sandbox.fields import Field
from syncd_salesforce.sandbox.query import attributes
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Row
from syncd_salesforce.sandbox.writes import delete, insert, transaction, update

_OLD_UPSERT = 46.0


def create(call: Call) -> Answer:
    """POST /sobjects/{type}."""
    given = call.record
    if any(name.lower() == "id" for name in given):
        raise refuse("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    with transaction(call.org, call.hand):
        row = insert(call.org, call.thing, given, call.hand)
    return Answer(201, {"id": row["Id"], "success": True, "errors": []}, headers=_location(call, row))


def read(call: Call) -> Answer:
    """GET /sobjects/{type}/{id}?fields=A,B."""
    thing, row = call.thing, there(call, call.id)
    since = call.moment("if-modified-since")
    tag = _tag(thing, row)
    if (since is not None and row["LastModifiedDate"] <= since) or (tag and tag == call.headers.get("if-none-match")):
        return Answer(304)
    head = {"ETag": tag} if tag else {}
    return Answer(200, shown(call, thing, row, call.query.get("fields")), headers=head)


def change(call: Call) -> Answer:
    """PATCH /sobjects/{type}/{id}."""
    row = there(call, call.id)
    unmodified(call, row)
    _patch(call, row["Id"], call.record)
    return Answer(204)


def remove(call: Call) -> Answer:
    """DELETE /sobjects/{type}/{id}."""
    row = there(call, call.id)
    with transaction(call.org, call.hand):
        delete(call.org, call.thing, row["Id"], call.hand)
    return Answer(204)


def read_by_key(call: Call) -> Answer:
    """GET /sobjects/{type}/{field}/{value}, or the bytes of a file at /sobjects/{type}/{id}/{field}."""
    blob, id = call.thing.find(call.path["value"]), ids.full(call.path["field"])
    if blob is not None and blob.type == "base64" and id is not None:
        if call.inner:
            raise refuse("INVALID_INPUT", "files are not allowed inside of composites")
        return Answer(200, text=there(call, id)[blob.name], headers={"Content-Type": "application/octet-stream"})
    row = there(call, _one(call, _key(call)))
    return Answer(200, shown(call, call.thing, row, call.query.get("fields")))


def remove_by_key(call: Call) -> Answer:
    """DELETE /sobjects/{type}/{field}/{value}."""
    id = _one(call, _key(call))
    with transaction(call.org, call.hand):
        delete(call.org, call.thing, id, call.hand)
    return Answer(204)


def upsert(call: Call) -> Answer:
    """PATCH /sobjects/{type}/{field}/{value}: update the one record that has it, or make one."""
    field, given = _key(call), call.record
    for name in given:
        if name.lower() in ("id", field.name.lower()):
            raise refuse("INVALID_FIELD", f"The {name} field should not be specified in the sobject data.")
    found = _matches(call, field)
    if found:
        id = _only(call, found)
        unmodified(call, there(call, id))
        _patch(call, id, given)
        done = {"id": id, "success": True, "errors": [], "created": False}
        return Answer(200, done) if float(call.version) >= _OLD_UPSERT else Answer(204)
    if call.flag("updateOnly"):
        raise not_found()
    with transaction(call.org, call.hand):
        row = insert(call.org, call.thing, {**given, field.name: call.path["value"]}, call.hand)
    done = {"id": row["Id"], "success": True, "errors": [], "created": True}
    return Answer(201, done, headers=_location(call, row))


def create_by_id(call: Call) -> Answer:
    """POST /sobjects/{type}/Id, the one upsert that always creates."""
    if call.path["id"].lower() != "id":
        sentence = "HTTP Method 'POST' not allowed. Allowed are HEAD,GET,PATCH,DELETE"
        raise refuse("METHOD_NOT_ALLOWED", sentence, status=405)
    made = create(call)
    made.body["created"] = True
    return made


# -- shared


def there(call: Call, id: str) -> Row:
    """A live row that the user sees; 404 otherwise."""
    row = call.org.store.get(call.thing.name, id)
    if row is None or not call.org.sees(row):
        raise not_found()
    if row.get("IsDeleted"):
        raise refuse("ENTITY_IS_DELETED", "entity is deleted")
    return row


def shown(call: Call, thing: Thing, row: Row, fields: str | None) -> dict[str, Any]:
    """A record with these fields, or with all."""
    chosen = thing.shown() if fields is None else [_known(thing, name.strip()) for name in fields.split(",")]
    told = {each.name: call.org.sent(thing, row, each) for each in chosen}
    return {"attributes": attributes(thing, row, call.version), **told, "Id": row["Id"]}


def unmodified(call: Call, row: Row) -> None:
    """412 where the record has changed since If-Unmodified-Since, or, of an account, is not what If-Match says."""
    wanted, tag = call.headers.get("if-match"), _tag(call.thing, row)
    if wanted and tag and tag != wanted:
        raise refuse("PRECONDITION_FAILED", "The record is not the one that If-Match names", status=412)
    if call.inner and not call.org.settings["precondition_in_composite"]:
        return
    since = call.moment("if-unmodified-since")
    if since is not None and row["LastModifiedDate"] > since:
        sentence = "The request could not be completed because the record has been modified"
        raise refuse("PRECONDITION_FAILED", sentence, status=412)


def _tag(thing: Thing, row: Row) -> str | None:
    """Only accounts have an ETag."""
    if thing.name != "Account":
        return None
    return f'"{zlib.crc32(repr(sorted(row.items())).encode()):08x}"'


def _known(thing: Thing, name: str) -> Field:
    found = thing.find(name)
    if found is None:
        raise refuse("INVALID_FIELD", f"No such column '{name}' on sobject of type {thing.name}")
    return found


def _patch(call: Call, id: str, given: Mapping[str, Any]) -> None:
    if any(name.lower() == "id" for name in given):
        raise refuse("INVALID_FIELD", "The Id field should not be specified in the sobject data.")
    with transaction(call.org, call.hand):
        update(call.org, call.thing, id, given, call.hand)


def _key(call: Call) -> Field:
    """The external id field in the path."""
    field = call.thing.find(call.path["field"])
    if field is None or not (field.keyed or field.type == "id"):
        words = f"Provided external ID field does not exist or is not accessible: {call.path['field']}"
        raise refuse("NOT_FOUND", words)
    return field


def _matches(call: Call, field: Field) -> list[str]:
    if field.type == "id":
        id = ids.full(call.path["value"])
        return [id] if id and call.org.store.get(call.thing.name, id) else []
    found = call.org.store.having(call.thing.name, field.name, call.path["value"])
    return [id for id in found if id not in call.org.hidden]


def _one(call: Call, field: Field) -> str:
    found = _matches(call, field)
    if not found:
        raise not_found()
    return _only(call, found)


def _only(call: Call, found: list[str]) -> str:
    if len(found) > 1:
        base = f"/services/data/v{call.version}/sobjects/{call.thing.name}"
        raise Multiple([f"{base}/{id}" for id in found])
    return found[0]


def _location(call: Call, row: Row) -> dict[str, str]:
    return {"Location": f"/services/data/v{call.version}/sobjects/{call.thing.name}/{row['Id']}"}
