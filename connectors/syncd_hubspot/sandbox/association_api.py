"""Association paths: one, list, remove, batches and labels.

What is not here: the ties themselves (`associations`). Ids of targets are numbers in these answers, strings elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from syncd_hubspot.sandbox import wire
from syncd_hubspot.sandbox.associations import CATEGORY, pair, typed
from syncd_hubspot.sandbox.call import Answer, Call, whole_id
from syncd_hubspot.sandbox.errors import ApiError, bad_request
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.tables import Table

READ_INPUTS, WRITE_INPUTS = 1_000, 2_000


def tie_default(call: Call) -> Answer:
    """PUT the unlabelled association of two records."""
    source, target = _tables(call, "write")
    one, other = _row(call, source, call.path["id"]), _row(call, target, call.path["to_id"])
    _tie(call, source, one, target, other, ())
    return wire.batch(call.portal, call.portal.now(), _both(source, one, target, other), [])


def tie_labelled(call: Call) -> Answer:
    """PUT exactly these labels (and the unlabelled twin) between two records."""
    source, target = _tables(call, "write")
    one, other = _row(call, source, call.path["id"]), _row(call, target, call.path["to_id"])
    types = _types(call.body)
    _tie(call, source, one, target, other, types)
    return _pair_answer(source, one, target, other, types), 201


def untie(call: Call) -> Answer:
    """DELETE everything between two records; again is fine."""
    source, target = _tables(call, "write")
    one, other = source.resolve(whole_id(call.path["id"])), target.resolve(whole_id(call.path["to_id"]))
    if one is not None and other is not None:
        _untie(call, source, one, target, other)
    return None, 204


def list_ties(call: Call) -> Answer:
    """GET the associations of one record, by id, in pages."""
    source, target = _tables(call, "read")
    row = _row(call, source, call.path["id"])
    most = int(call.portal.settings["association_page"])
    shown, after = _page(call, source, row, target, call.after(), call.number("limit", most, most))
    return {"results": shown, **wire.paging(after)}, 200


def batch_read(call: Call) -> Answer:
    """POST: the associations of up to 1,000 records; those without any are missing, or an error (switch)."""
    source, target = _tables(call, "read")
    started, most = call.portal.now(), int(call.portal.settings["association_page"])
    results, lost = [], []
    for each in call.inputs(READ_INPUTS):
        row = source.resolve(whole_id(each.get("id")))
        after = whole_id(each.get("after") or 0)
        shown, more = ([], None) if row is None else _page(call, source, row, target, after, most)
        if shown:
            results.append({"from": {"id": str(each["id"])}, "to": shown, **wire.paging(more)})
        else:
            lost.append(str(each.get("id")))
    lost = lost if call.portal.settings["no_associations"] == "error" else []
    return wire.batch(call.portal, started, results, [_none_found(source, target, one) for one in lost])


def batch_create(call: Call) -> Answer:
    """POST labelled associations; `types` empty means unlabelled."""
    source, target = _tables(call, "write")
    started, results, errors = call.portal.now(), [], []
    for each in call.inputs(WRITE_INPUTS):
        try:
            one, other = _ends(call, source, target, each)
            types = _types(each.get("types") or ())
            _tie(call, source, one, target, other, types)
            results.append(_pair_answer(source, one, target, other, types))
        except ApiError as error:
            errors.append(error.entry({"fromObjectId": [str((each.get("from") or {}).get("id"))]}))
    return wire.batch(call.portal, started, results, errors, 201)


def batch_default(call: Call) -> Answer:
    """POST unlabelled associations."""
    source, target = _tables(call, "write")
    started, results, errors = call.portal.now(), [], []
    for each in call.inputs(WRITE_INPUTS):
        try:
            one, other = _ends(call, source, target, each)
            _tie(call, source, one, target, other, ())
            results += _both(source, one, target, other)
        except ApiError as error:
            errors.append(error.entry({"fromObjectId": [str((each.get("from") or {}).get("id"))]}))
    return wire.batch(call.portal, started, results, errors)


def batch_archive(call: Call) -> Answer:
    """POST: remove everything between `from` and each of `to`."""
    source, target = _tables(call, "write")
    for each in call.inputs(WRITE_INPUTS):
        one = source.resolve(whole_id((each.get("from") or {}).get("id")))
        for end in each.get("to") or ():
            other = target.resolve(whole_id(end.get("id")))
            if one is not None and other is not None:
                _untie(call, source, one, target, other)
    return None, 204


def batch_unlabel(call: Call) -> Answer:
    """POST: remove labels; the unlabelled type takes all others with it."""
    source, target = _tables(call, "write")
    for each in call.inputs(WRITE_INPUTS):
        one, other = _ends(call, source, target, each)
        ends = (source.kind.name, one.id), (target.kind.name, other.id)
        call.portal.ties.unlabel(*ends, _types(each.get("types") or ()))
        _counted(call, source, one, target, other)
    return None, 204


def labels(call: Call) -> Answer:
    """GET the association types between two object types."""
    source, target = _tables(call, "read")
    return {"results": typed(source.kind.name, target.kind.name, pair(source.kind.name, target.kind.name).labels)}, 200


def _tables(call: Call, action: str) -> tuple[Table, Table]:
    source, target = call.table(action, "type"), call.table(action, "to")
    pair(source.kind.name, target.kind.name)
    return source, target


def _row(call: Call, table: Table, id: Any) -> Row:
    return call.portal.need(table, whole_id(id))


def _ends(call: Call, source: Table, target: Table, each: Mapping[str, Any]) -> tuple[Row, Row]:
    one, other = (each.get("from") or {}).get("id"), (each.get("to") or {}).get("id")
    return _row(call, source, one), _row(call, target, other)


def _tie(call: Call, source: Table, one: Row, target: Table, other: Row, types: Iterable[int]) -> None:
    call.portal.ties.tie((source.kind.name, one.id), (target.kind.name, other.id), types)
    _counted(call, source, one, target, other)


def _untie(call: Call, source: Table, one: Row, target: Table, other: Row) -> None:
    call.portal.ties.untie((source.kind.name, one.id), (target.kind.name, other.id))
    _counted(call, source, one, target, other)


def _counted(call: Call, source: Table, one: Row, target: Table, other: Row) -> None:
    call.portal.counted(source.kind.name, one.id)
    call.portal.counted(target.kind.name, other.id)


def _page(
    call: Call, source: Table, row: Row, target: Table, after: int, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    name = target.kind.name
    ties = [pair for pair in call.portal.ties.of(source.kind.name, row.id, name).items() if pair[0] >= after]
    kind = source.kind.name
    shown = [{"toObjectId": one, "associationTypes": typed(kind, name, types)} for one, types in ties[:limit]]
    return shown, str(ties[limit][0]) if limit < len(ties) else None


def _types(given: Any) -> list[int]:
    try:
        return [int(each["associationTypeId"]) for each in given]
    except (TypeError, KeyError, ValueError) as error:
        raise bad_request("Association types must be [{associationCategory, associationTypeId}]") from error


def _both(source: Table, one: Row, target: Table, other: Row) -> list[dict[str, Any]]:
    ends = [(source, one, target, other), (target, other, source, one)]
    return [
        {
            "from": {"id": str(row.id)},
            "to": {"id": str(end.id)},
            "associationSpec": {
                "associationCategory": CATEGORY,
                "associationTypeId": pair(table.kind.name, far.kind.name).plain,
            },
        }
        for table, row, far, end in ends
    ]


def _pair_answer(source: Table, one: Row, target: Table, other: Row, types: Iterable[int]) -> dict[str, Any]:
    there = pair(source.kind.name, target.kind.name)
    shown = (there.labels.get(each) for each in types)
    return {
        "fromObjectTypeId": source.kind.type_id,
        "fromObjectId": one.id,
        "toObjectTypeId": target.kind.type_id,
        "toObjectId": other.id,
        "labels": [label for label in shown if label],
    }


def _none_found(source: Table, target: Table, id: str) -> dict[str, Any]:
    sentence = f"No {target.kind.singular} is associated with {source.kind.singular} {id}."
    context = {"fromObjectId": [id], "fromObjectType": [source.kind.singular], "toObjectType": [target.kind.singular]}
    return {"status": "error", "category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
            "message": sentence, "context": context}  # fmt: skip
