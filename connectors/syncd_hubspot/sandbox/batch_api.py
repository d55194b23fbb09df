"""Batch read, create, update, upsert and archive, up to 100 inputs, with their 207 answers.

What is not here: association batches (`association_api`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncd_hubspot.sandbox import wire
from syncd_hubspot.sandbox.call import Answer, Call, whole_id
from syncd_hubspot.sandbox.errors import ApiError, bad_request
from syncd_hubspot.sandbox.object_api import MAX_HISTORY_PAGE, by_key, read_ties, tie_all, written
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.sight import seen
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.writes import Changes, Claims

MAX_INPUTS = 100

Input = Mapping[str, Any]


def batch_read(call: Call) -> Answer:
    """By id or unique property; what is not there is named together in one error."""
    table, body, started = call.table("read"), call.object(), call.portal.now()
    history = body.get("propertiesWithHistory") or ()
    inputs = call.inputs(MAX_HISTORY_PAGE if history else MAX_INPUTS)
    wanted, prop = wire.names(table, body.get("properties")), str(body.get("idProperty") or "")
    found: dict[int, Row] = {}
    lost = []
    for each in inputs:
        row = _readable(call, table, prop, str(each.get("id")))
        if row is not None and seen(call.portal, row) is None and call.portal.settings["hidden_in_batch"] == "omitted":
            continue
        if seen(call.portal, row) is None:
            lost.append(str(each.get("id")))
        elif row is not None:
            found[row.id] = row
    results = [wire.record(table, row, wanted, history) for row in found.values()]
    body, status = wire.batch(call.portal, started, results, [wire.missing(table, lost)] if lost else [])
    return body, status


def batch_create(call: Call) -> Answer:
    """All or nothing, unless every input has its own trace id: then each on its own."""
    table, inputs, started = call.table("write"), call.inputs(MAX_INPUTS), call.portal.now()
    if not _traced(inputs):
        claims: Claims = set()
        checked = [_new(call, table, each, claims) for each in inputs]
        return wire.batch(call.portal, started, [carry_out() for carry_out in checked], [], 201)
    results, errors = _each(inputs, lambda each: _new(call, table, each, None)())
    return wire.batch(call.portal, started, results, errors, 201)


def batch_update(call: Call) -> Answer:
    """By id or unique property. Ids merged away are passed over without a word."""
    table, inputs, started = call.table("write"), call.inputs(MAX_INPUTS), call.portal.now()
    _no_doubles(inputs)
    rows = [(each, seen(call.portal, _updatable(table, each))) for each in inputs]
    lost = [str(each.get("id")) for each, row in rows if row is None and not _silent(call, table, each)]
    known = [(each, row) for each, row in rows if row is not None]
    errors = [wire.missing(table, lost)] if lost else []
    if _traced(inputs) or call.portal.settings["batch_update_partial"] == "always":
        here = {id(each): row for each, row in known}
        results, more = _each([each for each, _ in known], lambda each: _change(call, table, here[id(each)], each)())
        return wire.batch(call.portal, started, results, errors + more)
    checked = [_change(call, table, row, each) for each, row in known]
    return wire.batch(call.portal, started, [carry_out() for carry_out in checked], errors)


def batch_upsert(call: Call) -> Answer:
    """Update by a unique property, or create; by e-mail all or nothing."""
    table, inputs, started = call.table("write"), call.inputs(MAX_INPUTS), call.portal.now()
    _no_doubles(inputs)
    partial = _traced(inputs) and all(each.get("idProperty") != "email" for each in inputs)
    if not partial:
        claims: Claims = set()
        checked = [_upsert(call, table, each, claims) for each in inputs]
        return wire.batch(call.portal, started, [carry_out() for carry_out in checked], [])
    results, errors = _each(inputs, lambda each: _upsert(call, table, each, None)())
    return wire.batch(call.portal, started, results, errors)


def batch_archive(call: Call) -> Answer:
    """To the recycle bin; unknown ids are passed over."""
    table = call.table("write")
    for each in call.inputs(MAX_INPUTS):
        row = table.alive(whole_id(each.get("id")))
        if row is not None:
            call.portal.archive(table, row, call.who)
    return None, 204


CarryOut = Callable[[], dict[str, Any]]


def _new(call: Call, table: Table, each: Input, claims: Claims | None) -> CarryOut:
    changes = call.rules.check(table, None, each.get("properties"), claims)
    ties = read_ties(call.portal, table, each.get("associations") or ())

    def carry_out() -> dict[str, Any]:
        row = call.portal.create(table, changes, call.who)
        tie_all(call.portal, table, row, ties)
        return _answer(table, row, each)

    return carry_out


def _change(call: Call, table: Table, row: Row, each: Input, claims: Claims | None = None) -> CarryOut:
    changes = call.rules.check(table, row, each.get("properties"), claims)

    def carry_out() -> dict[str, Any]:
        call.portal.update(table, row, changes, call.who)
        return _answer(table, row, each)

    return carry_out


def _upsert(call: Call, table: Table, each: Input, claims: Claims | None) -> CarryOut:
    prop, value = str(each.get("idProperty") or ""), str(each.get("id"))
    row = by_key(table, prop, value)
    if row is not None:
        update = _change(call, table, row, each, claims)
        return lambda: {**update(), "new": False}
    properties: Changes = {**each.get("properties", {}), prop: value}
    create = _new(call, table, {**each, "properties": properties}, claims)
    return lambda: {**create(), "new": True}


def _answer(table: Table, row: Row, each: Input) -> dict[str, Any]:
    asked = [name for name in each.get("properties") or () if table.schema.told(name)]
    found = wire.record(table, row, written(table, row, asked))
    trace = each.get("objectWriteTraceId")
    return {**found, "objectWriteTraceId": trace} if trace else found


def _each(
    inputs: Sequence[Input], work: Callable[[Input], dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    results, errors = [], []
    for each in inputs:
        try:
            results.append(work(each))
        except ApiError as error:
            trace = each.get("objectWriteTraceId")
            named = {"objectWriteTraceId": [trace]} if trace else {"ids": [str(each.get("id"))]}
            errors.append(error.entry(named))
    return results, errors


def _traced(inputs: Sequence[Input]) -> bool:
    traces = [each.get("objectWriteTraceId") for each in inputs]
    return all(traces) and len(set(traces)) == len(traces)


def _no_doubles(inputs: Sequence[Input]) -> None:
    keys = [(each.get("idProperty"), str(each.get("id"))) for each in inputs]
    if len(set(keys)) < len(keys):
        raise bad_request("Duplicate ids found in batch input")


def _updatable(table: Table, each: Input) -> Row | None:
    prop = str(each.get("idProperty") or "")
    return by_key(table, prop, str(each.get("id"))) if prop else table.alive(whole_id(each.get("id")))


def _silent(call: Call, table: Table, each: Input) -> bool:
    return call.portal.settings["merged_in_batch_update"] == "omitted" and whole_id(each.get("id")) in table.aliases


def _readable(call: Call, table: Table, prop: str, key: str) -> Row | None:
    archived = call.flag("archived")
    if not prop and call.portal.settings["merged_in_batch_read"] == "missing" and whole_id(key) in table.aliases:
        return None
    return by_key(table, prop, key, archived=archived)
