"""Collections: up to 200 records in one call, each with a result of its own.

What is not here: single records (`object_api`) and composite requests (`composite_api`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

from syncd_salesforce.sandbox import ids
from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.errors import Problem, Refusal, bad_row, not_found, parser_error, refuse
from syncd_salesforce.sandbox.object_api import shown
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.writes import delete, insert, transaction, update

Given = Mapping[str, Any]
Done = dict[str, Any]

_MOST = 200
_RETRIEVED = 2000
_CHUNKS = 10
_ROLLED_BACK = Problem(
    "ALL_OR_NONE_OPERATION_ROLLED_BACK",
    "Record rolled back because not all records were valid and the request was using AllOrNone header",
)


def create(call: Call) -> Answer:
    """POST /composite/sobjects."""
    return Answer(200, _each(call, _records(call), lambda thing, given, at: _created(call, thing, given)))


def change(call: Call) -> Answer:
    """PATCH /composite/sobjects: `id` in each record."""
    records = _records(call)
    named = [str(_id_of(given)) for given in records]
    twice = _twice(call, [ids.full(id) or id for id in named])

    def one(thing: Thing, given: Given, at: int) -> Done:
        id = ids.full(named[at])
        if at in twice:
            raise bad_row("INVALID_ID_FIELD", f"duplicate id in list: {named[at]}", "Id")
        if _id_of(given) is None:
            raise bad_row("MISSING_ARGUMENT", "Id not specified in an update call", "Id")
        if id is None:
            raise bad_row("MALFORMED_ID", f"{thing.name} ID: id value of incorrect type: {named[at]}", "Id")
        fields = {name: value for name, value in given.items() if name.lower() != "id"}
        update(call.org, thing, id, fields, call.hand)
        return {"id": id, "success": True, "errors": []}

    return Answer(200, _each(call, records, one))


def upsert(call: Call) -> Answer:
    """PATCH /composite/sobjects/{type}/{field}: all of one type, each with its external id."""
    key = call.thing.find(call.path["field"])
    if key is None or not (key.keyed or key.type == "id"):
        words = f"Provided external ID field does not exist or is not accessible: {call.path['field']}"
        raise refuse("NOT_FOUND", words)
    records = _records(call)
    values = [
        next((value for name, value in each.items() if name.lower() == key.name.lower()), None) for each in records
    ]
    twice = _twice(call, [None if value is None else key.key(value) for value in values])
    only = call.flag("updateOnly") and bool(call.org.settings["update_only_in_lists"])

    def one(thing: Thing, given: Given, at: int) -> Done:
        if thing is not call.thing:
            raise bad_row("INVALID_TYPE", f"all records must be of type {call.thing.name}")
        if values[at] is None:
            raise bad_row("MISSING_ARGUMENT", f"{key.name} not specified", key.name)
        if at in twice:
            raise bad_row("DUPLICATE_VALUE", f"Duplicate external id specified: {values[at]}", key.name)
        found = call.org.store.having(thing.name, key.name, values[at])
        if len(found) > 1:
            sentence = f"{key.name}: more than one record found for external id field: {found}"
            raise bad_row("DUPLICATE_EXTERNAL_ID", sentence, key.name)
        if found:
            fields = {name: value for name, value in given.items() if name.lower() != key.name.lower()}
            update(call.org, thing, found[0], fields, call.hand)
            return {"id": found[0], "success": True, "errors": [], "created": False}
        if only:
            raise Refusal(not_found().problems[0])
        return {**_created(call, thing, given), "created": True}

    return Answer(200, _each(call, records, one))


def remove(call: Call) -> Answer:
    """DELETE /composite/sobjects?ids=a,b&allOrNone=true."""
    named = [each for each in call.query.get("ids", "").split(",") if each]
    _few(len(named), _MOST)
    twice = _twice(call, named)

    def one(at: int) -> Done:
        id = ids.full(named[at])
        thing = call.org.schema.of(id) if id else None
        if id is None or thing is None:
            raise bad_row("MALFORMED_ID", f"malformed id {named[at]}")
        if at in twice:
            raise bad_row("INVALID_ID_FIELD", f"duplicate id in list: {named[at]}", "Id")
        delete(call.org, thing, id, call.hand)
        return {"id": id, "success": True, "errors": []}

    return Answer(200, _results(call, len(named), one, call.flag("allOrNone")))


def retrieve(call: Call) -> Answer:
    """GET /composite/sobjects/{type}?ids=&fields=, or POST with both in its body; null for what is not there."""
    if call.method == "POST":
        named, fields = _texts(call.record, "ids"), _texts(call.record, "fields")
    else:
        named, fields = (call.query.get(name, "").split(",") for name in ("ids", "fields"))
    _few(len(named), _RETRIEVED)
    thing, found = call.thing, []
    for each in named:
        row = call.org.store.get(thing.name, ids.full(each) or "")
        live = row is not None and not row.get("IsDeleted") and call.org.sees(row)
        found.append(shown(call, thing, row, ",".join(fields)) if live and row is not None else None)
    return Answer(200, found)


# -- shared


def _records(call: Call) -> Sequence[Given]:
    records = call.record.get("records")
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise parser_error("records: a list of records is expected at [line:1, column:1]")
    _few(len(records), _MOST)
    for each in records:
        if not isinstance(each.get("attributes"), dict) or "type" not in each["attributes"]:
            raise refuse("INVALID_INPUT", "attributes.type is missing in a record")
    runs = [name for name, _ in groupby(str(each["attributes"]["type"]).lower() for each in records)]
    if len(runs) > _CHUNKS:
        sentence = f"Cannot have more than {_CHUNKS} chunks in a single operation. Please rearrange the data"
        raise refuse("LIMIT_EXCEEDED", f"{sentence} to reduce chunking.")
    return records


def _texts(body: Given, name: str) -> list[str]:
    found = body.get(name)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise parser_error(f"{name}: a list of texts is expected at [line:1, column:1]")
    return found


def _few(count: int, most: int) -> None:
    if count > most:
        words = f"record limit reached. cannot submit more than {most} records into this call"
        raise refuse("EXCEEDED_ID_LIMIT", words)


def _created(call: Call, thing: Thing, given: Given) -> Done:
    if _id_of(given) is not None:
        raise bad_row("INVALID_FIELD_FOR_INSERT_UPDATE", "cannot specify Id in an insert call", "Id")
    row = insert(call.org, thing, given, call.hand)
    return {"id": row["Id"], "success": True, "errors": []}


def _id_of(given: Given) -> Any:
    return next((value for name, value in given.items() if name.lower() == "id"), None)


def _twice(call: Call, keys: Sequence[Any]) -> set[int]:
    """Places of keys that come more than once."""
    counts = Counter(key for key in keys if key is not None)
    repeated = [at for at, key in enumerate(keys) if counts.get(key, 0) > 1]
    if call.org.settings["duplicate_in_list"] == "both":
        return set(repeated)
    return {at for at in repeated if keys[at] in keys[:at]}


def _each(call: Call, records: Sequence[Given], one: Callable[[Thing, Given, int], Done]) -> list[Done]:
    strict = call.org.settings["unknown_field_in_list"] == "request"

    def at(place: int) -> Done:
        given = records[place]
        thing = call.org.schema.find(str(given["attributes"]["type"]))
        if thing is None:
            raise bad_row("INVALID_TYPE", f"sObject type '{given['attributes']['type']}' is not supported.")
        return one(thing, given, place)

    return _results(call, len(records), at, bool(call.record.get("allOrNone")), strict)


def _results(call: Call, count: int, one: Callable[[int], Done], whole: bool, strict: bool = False) -> list[Done]:
    """Carry out each, in order, each undone by itself where it fails; with `whole` all are undone where one fails."""
    store, results = call.org.store, []
    with transaction(call.org, call.hand):
        mark = store.mark()
        for at in range(count):
            try:
                with transaction(call.org, call.hand):
                    results.append(one(at))
            except Refusal as error:
                if strict and error.problems[0].code == "INVALID_FIELD":
                    raise
                results.append(_failed(call, error))
        if whole and not all(each["success"] for each in results):
            store.back(mark)
            undone = Refusal(_ROLLED_BACK).item()
            results = [undone if each["success"] else each for each in results]
    return results


def _failed(call: Call, error: Refusal) -> Done:
    told = error.item()
    if not call.org.settings["duplicate_result_in_items"]:
        for each in told["errors"]:
            each.pop("duplicateResult", None)
    return told
