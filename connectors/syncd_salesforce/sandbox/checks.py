"""Checks of a row against others and against the admin's rules: references, owners, duplicates, validation.

What is not here: checks of one value (`values`) and of required and unique fields (`writes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd_salesforce.sandbox.errors import Problem, Refusal, bad_row
from syncd_salesforce.sandbox.fields import Field
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.query import attributes, predicate
from syncd_salesforce.sandbox.rules import Duplicates
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Hand, Row


def references(org: Org, thing: Thing, row: Row, fields: Mapping[str, Any], before: Row | None) -> None:
    """Refusal where a changed reference points to nothing, to another kind of thing, or to an inactive owner."""
    for name in fields:
        field, id = thing.fields[name], row.get(name)
        same = before is not None and before.get(name) == id
        if field.type != "reference" or id is None or same:
            continue
        _target(org, thing, field, id)
    if thing.name in ("Task", "Event") and str(row.get("WhoId")).startswith("00Q") and row.get("WhatId"):
        raise bad_row("FIELD_INTEGRITY_EXCEPTION", "Related To ID: a lead has no related record", "WhatId")


def check(org: Org, thing: Thing, row: Row, hand: Hand, before: Row | None) -> None:
    """Refusal where a validation rule or a duplicate rule says so."""
    for rule in org.rules.validations:
        if rule.kind == thing.name and predicate(org, thing, rule.when)(row):
            where = [rule.field] if rule.field else []
            raise bad_row("FIELD_CUSTOM_VALIDATION_EXCEPTION", rule.message, *where)
    for each in org.rules.duplicates:
        passes = each.action == "alert" and (hand.allow_save or hand.via != "api")
        moved = before is None or any(before.get(name) != row.get(name) for name in each.fields)
        if each.kind == thing.name and moved and not passes:
            _alone(org, thing, row, each)


def _target(org: Org, thing: Thing, field: Field, id: str) -> None:
    there = org.row(id)
    if there is None or not org.sees(there[1]):
        known = any(org.schema.things[name].prefix == id[:3] for name in field.refs)
        if not known:
            raise bad_row("FIELD_INTEGRITY_EXCEPTION", f"{field.label}: id value of incorrect type: {id}", field.name)
        sentence = f"insufficient access rights on cross-reference id: {id}"
        raise bad_row("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", sentence)
    target, row = there
    if target.name not in field.refs:
        raise bad_row("FIELD_INTEGRITY_EXCEPTION", f"{field.label}: id value of incorrect type: {id}", field.name)
    if row.get("IsDeleted"):
        raise bad_row("ENTITY_IS_DELETED", "entity is deleted")
    if field.name == "OwnerId" and target.name == "User" and not row["IsActive"]:
        sentence = f"operation performed with inactive user [{id[:15]}] as owner of {thing.name.lower()}"
        raise bad_row("INACTIVE_OWNER_OR_USER", sentence, "OwnerId")
    if row.get("IsConverted"):
        raise bad_row("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")


def _alone(org: Org, thing: Thing, row: Row, rule: Duplicates) -> None:
    wanted = [_folded(row.get(name)) for name in rule.fields]
    if any(value is None for value in wanted):
        return
    found = [
        each
        for each in org.store.all(thing.name)
        if each["Id"] != row["Id"]
        and not each.get("IsDeleted")
        and [_folded(each.get(name)) for name in rule.fields] == wanted
    ]
    if found:
        told = {"duplicateResult": _result(thing, rule, found)}
        raise Refusal(Problem("DUPLICATES_DETECTED", "Use one of these records?", (), told))


def _result(thing: Thing, rule: Duplicates, found: list[Row]) -> dict[str, Any]:
    records = [
        {
            "additionalInformation": [],
            "fieldDiffs": [],
            "matchConfidence": 100.0,
            "record": {"attributes": attributes(thing, row, "66.0"), "Id": row["Id"]},
        }
        for row in found
    ]
    match = {
        "entityType": thing.name, "errors": [], "matchEngine": "ExactMatchEngine", "matchRecords": records,
        "rule": f"{rule.name}_Matching", "size": len(found), "success": True,
    }  # fmt: skip
    return {
        "allowSave": rule.action == "alert", "duplicateRule": rule.name, "duplicateRuleEntityType": thing.name,
        "errorMessage": "Use one of these records?", "matchResults": [match],
    }  # fmt: skip


def _folded(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value
