"""Writing rows: what may be written, what follows from it, stamps, delete and undelete.

What is not here: the admin's rules (`checks`), merging and conversion (`merging`), and HTTP.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from syncd_salesforce.sandbox import persons, times, values
from syncd_salesforce.sandbox.attached import measured, publish
from syncd_salesforce.sandbox.checks import check, references
from syncd_salesforce.sandbox.derived import derive
from syncd_salesforce.sandbox.errors import Problem, Refusal, bad_row, locked_row, unwritable
from syncd_salesforce.sandbox.fields import Field
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.query import predicate
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.standard import SETUP
from syncd_salesforce.sandbox.store import Hand, Row

_OWNERS = frozenset(
    ("AccountId", "ContactId", "OpportunityId", "WhoId", "WhatId", "ParentId", "ContentDocumentId", "LinkedEntityId")
)
_AUDIT = frozenset(("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById"))


@contextmanager
def transaction(org: Org, hand: Hand, due: float | None = None) -> Iterator[None]:
    """All of it or nothing; within another one a part that can be undone by itself. `due`: committed only then."""
    store = org.store
    if store.txn is not None:
        mark = store.mark()
        try:
            yield
        except BaseException:
            store.back(mark)
            raise
        return
    store.begin(hand)
    try:
        yield
    except BaseException:
        store.drop()
        raise
    store.commit(due)


def insert(org: Org, thing: Thing, given: Mapping[str, Any], hand: Hand) -> Row:
    """Make a row in the transaction; Refusal for what it may not be."""
    _writable(thing)
    if thing.name == "ContentDocument":
        raise bad_row("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "a document is made by its first ContentVersion")
    if org.settings["storage_full"]:
        raise bad_row("STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
    fields = _given(org, thing, given, hand, creating=True)
    now = org.now()
    row: Row = {**org.blank(thing), "OwnerId": hand.user} if "OwnerId" in thing.fields else org.blank(thing)
    row["Id"] = org.mint.new(thing.prefix)
    row |= {"CreatedDate": now, "LastModifiedDate": now, "SystemModstamp": now}
    row |= {"CreatedById": hand.user, "LastModifiedById": hand.user}
    row |= {name: value for name, value in fields.items() if value is not None or not thing.fields[name].defaulted}
    _save(org, thing, row, fields, hand, None)
    _touch_people(org, thing, row)
    return row


def update(org: Org, thing: Thing, id: str, given: Mapping[str, Any], hand: Hand) -> Row:
    """Change a row in the transaction; Refusal for what it may not become."""
    before = alive(org, thing, id)
    _writable(thing)
    unlocked(org, before)
    if before.get("IsConverted"):
        raise bad_row("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
    fields = _given(org, thing, given, hand, creating=False)
    row = {**before, **fields}
    same = all(before.get(name) == value for name, value in fields.items())
    if same and not org.settings["noop_update_bumps"]:
        return before
    stamp(row, hand, org.now())
    _save(org, thing, row, fields, hand, before)
    return row


def delete(org: Org, thing: Thing, id: str, hand: Hand) -> None:
    """Put a row into the recycle bin in the transaction, and with it what belongs to it."""
    row = alive(org, thing, id)
    _writable(thing)
    persons.locked(row)
    unlocked(org, row)
    now = org.now()
    gone = {**row, "IsDeleted": True, "_deleted": now}
    stamp(gone, hand, now)
    org.store.put(thing.name, gone)
    for child, one in owned(org, thing, id):
        more = {"IsDeleted": True, "_deleted": now, "_with": id}
        more |= {"SystemModstamp": now} if org.settings["cascade_stamps"] else {}
        org.store.put(child.name, {**one, **more})


def undelete(org: Org, thing: Thing, id: str, hand: Hand) -> None:
    """Take a row out of the bin, and with it what went in with it; Refusal where it is not in there."""
    row = org.store.get(thing.name, id)
    if row is None or not row.get("IsDeleted") or row.get("MasterRecordId"):
        raise bad_row("UNDELETE_FAILED", "entity is not in the recycle bin")
    now = org.now()
    back = {**row, "IsDeleted": False}
    stamp(back, hand, now)
    _unique(org, thing, back, {name: back.get(name) for name in thing.fields})
    org.store.put(thing.name, back)
    for child in org.schema.things.values():
        for one in [each for each in org.store.all(child.name) if each.get("_with") == id and each.get("IsDeleted")]:
            more = {"SystemModstamp": now} if org.settings["cascade_stamps"] else {}
            org.store.put(child.name, {**one, "IsDeleted": False, "_with": None, **more})


def bump(org: Org, thing: Thing, row: Row, **more: Any) -> None:
    """What the system itself touches: SystemModstamp moves, LastModifiedDate does not."""
    org.store.put(thing.name, {**row, **more, "SystemModstamp": org.now()})


def alive(org: Org, thing: Thing, id: str) -> Row:
    """A row that can be written; Refusal for one that is gone, or was never there."""
    row = org.store.get(thing.name, id)
    if row is None or not org.sees(row):
        raise bad_row("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
    if row.get("IsDeleted"):
        raise bad_row("ENTITY_IS_DELETED", "entity is deleted")
    return row


def unlocked(org: Org, row: Row) -> None:
    """Refusal where another transaction holds the row, or its account."""
    now = org.clock.seconds()
    for id in (row["Id"], row.get("AccountId")):
        if id and org.store.locked(id, now):
            raise locked_row(id)


def owned(org: Org, thing: Thing, id: str) -> list[tuple[Thing, Row]]:
    """Live rows that are deleted with a row: an account's contacts and opportunities, roles, tasks, and theirs."""
    found: list[tuple[Thing, Row]] = []
    for child, link in org.schema.children(thing.name):
        # An account under another one stays when that is deleted.
        if child is thing or link.name not in _OWNERS:
            continue
        for row in [each for each in org.store.all(child.name) if each.get(link.name) == id]:
            if not row.get("IsDeleted"):
                found += [(child, row), *owned(org, child, row["Id"])]
    return found


def stamp(row: Row, hand: Hand, now: int) -> None:
    """The marks of a change."""
    row |= {"LastModifiedDate": now, "LastModifiedById": hand.user, "SystemModstamp": now}


# -- the parts of a save


def _save(org: Org, thing: Thing, row: Row, fields: Mapping[str, Any], hand: Hand, before: Row | None) -> None:
    persons.settle(org, thing, row, fields, before)
    references(org, thing, row, fields, before)
    unlocked(org, row)
    if hand.via == "api" and org.chance.random() < float(org.settings["lock_share"]):
        raise locked_row(row["Id"])
    derive(org, thing, row, fields, before)
    if thing.name == "ContentVersion":
        measured(row)
    missing = [each.name for each in thing.fields.values() if _lacks(each, row)]
    if missing:
        raise bad_row("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", *missing)
    if hand.via == "api" and hand.auto_assign:
        _assign(org, thing, row)
    check(org, thing, row, hand, before)
    _unique(org, thing, row, fields)
    for flow in org.rules.flows:
        if flow.kind == thing.name and predicate(org, thing, flow.when)(row):
            row |= {name: values.stored(thing.fields[name], value) for name, value in flow.set.items()}
            derive(org, thing, row, flow.set, before)
    if thing.name == "ContentVersion" and before is None:
        publish(org, row)
    org.store.put(thing.name, row)
    if thing.name == "Account" and persons.is_person(row):
        contact = persons.shadow(org, row)
        _unique(org, org.schema.things["Contact"], contact, contact)
        org.store.put("Contact", contact)


def _lacks(field: Field, row: Row) -> bool:
    return field.createable and not field.nillable and row.get(field.name) is None


def _writable(thing: Thing) -> None:
    if thing.name in SETUP:
        sentence = f"entity type {thing.name} does not support this operation"
        raise Refusal(Problem("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", sentence, ()))


def _given(org: Org, thing: Thing, given: Mapping[str, Any], hand: Hand, *, creating: bool) -> dict[str, Any]:
    """Stored values by canonical name; Refusal with every value that does not fit."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    locked: list[str] = []
    for name, raw in given.items():
        field = thing.find(name)
        if name == "attributes":
            continue
        if field is None:
            field, raw = _by_key(org, thing, name, raw)  # noqa: PLW2901 -- the parent's id stands for its key
        if not _may(org, field, hand, creating):
            locked.append(field.name)
            continue
        try:
            found[field.name] = values.stored(field, raw, lenient=hand.via != "api")
        except Refusal as error:
            problems += error.problems
    if locked:
        problems.insert(0, unwritable(locked))
    if problems:
        raise Refusal(*problems)
    return found


def _may(org: Org, field: Field, hand: Hand, creating: bool) -> bool:
    if field.calculated or field.type == "address":
        return False
    if creating and field.name in _AUDIT and (org.settings["audit_fields"] or hand.via != "api"):
        return True
    return field.createable if creating else field.updateable


def _by_key(org: Org, thing: Thing, name: str, raw: Any) -> tuple[Field, Any]:
    """A parent named by one of its external ids: `{"Account": {"JobNimbus_Id__c": "x"}}`."""
    field = thing.relation(name)
    if field is None or not isinstance(raw, Mapping):
        raise bad_row("INVALID_FIELD", f"No such column '{name}' on sobject of type {thing.name}")
    keys = [(key, value) for key, value in raw.items() if key != "attributes"]
    for type in field.refs:
        parent = org.schema.things[type]
        key = parent.find(keys[0][0]) if len(keys) == 1 else None
        if key is None or not key.keyed:
            continue
        ids = org.store.having(type, key.name, keys[0][1])
        if len(ids) == 1:
            return field, ids[0]
        sentence = f"Foreign key external ID: {keys[0][1]} not found for field {key.name} in entity {type}"
        raise bad_row("INVALID_FIELD", sentence)
    raise bad_row("INVALID_FIELD", f"{name} must be named by one external id field")


def _unique(org: Org, thing: Thing, row: Row, fields: Mapping[str, Any]) -> None:
    for each in thing.keyed:
        if not each.unique or each.name not in fields or row.get(each.name) is None:
            continue
        others = [id for id in org.store.having(thing.name, each.name, row[each.name], pending=True) if id != row["Id"]]
        if others:
            told = others[0][: int(org.settings["duplicate_value_id"])]
            sentence = f"duplicate value found: {each.name} duplicates value on record with id: {told}"
            raise bad_row("DUPLICATE_VALUE", sentence)


def _assign(org: Org, thing: Thing, row: Row) -> None:
    for rule in org.rules.assignments:
        if rule.kind == thing.name and (rule.when is None or predicate(org, thing, rule.when)(row)):
            row["OwnerId"] = rule.owner
            return


def _touch_people(org: Org, thing: Thing, row: Row) -> None:
    """A new activity moves LastActivityDate of whom it is about, and with it their SystemModstamp only."""
    if thing.name != "Task" or not row.get("ActivityDate"):
        return
    for id in (row.get("WhoId"), row.get("WhatId")):
        there = None if id is None or org.store.locked(id, org.clock.seconds()) else org.row(id)
        if there is not None and row["IsClosed"] and row["ActivityDate"] <= times.day_of(org.now()):
            bump(org, *there, LastActivityDate=row["ActivityDate"])
