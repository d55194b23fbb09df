"""Person accounts, where an org has them: an account that is a person, and the contact that stands behind it.

The account holds everything; its contact shows the same values and has the same stamps, and is written by nobody.
Which account is a person, its record type says.

What is not here: turning a business account into a person and back, and whether the org has any (the switch
`person_accounts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from syncd.kit.sandbox import ControlError
from syncd_salesforce.sandbox.errors import Refusal, bad_row, unwritable
from syncd_salesforce.sandbox.fields import Field, flag, ref, shown
from syncd_salesforce.sandbox.schema import Schema, Thing
from syncd_salesforce.sandbox.standard import CONVERSION
from syncd_salesforce.sandbox.store import Row

if TYPE_CHECKING:
    from syncd_salesforce.sandbox.org import Org

LINK = "PersonContactId"
"""The field of a person account that names its contact."""

_MARK = "IsPersonAccount"
_NAMES = ("FirstName", "LastName", "Salutation")
_STANDARD = frozenset(
    ("Email", "MobilePhone", "HomePhone", "OtherPhone", "Title", "Department", "Birthdate", "LeadSource", "DoNotCall",
     "HasOptedOutOfEmail", "EmailBouncedDate")
)  # fmt: skip
"""Fields of a contact that its account has as well, with Person before the name; the addresses are two more."""

_SHARED = ("Phone", "Fax", "Description", "OwnerId")
"""Fields that both have under one name."""

_STAMPS = ("CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "IsDeleted")
_MARRIAGE = "Cannot specify any additional fields when marrying or separating a Person-Account"


def furnish(schema: Schema) -> None:
    """Give accounts the fields of people, contacts and record types their marks; a lead needs no company any more."""
    account, contact, lead, types = (schema.things[one] for one in ("Account", "Contact", "Lead", "RecordType"))
    for field in list(contact.fields.values()):
        if (name := _name(field)) is not None:
            whole = f"Person{field.compound}" if field.compound else None
            more: dict[str, Any] = {"external_id": False, "unique": False, "id_lookup": False, "nillable": True}
            more |= {"nillable": field.nillable} if field.type == "boolean" else {}
            account.put(replace(field, name=name, compound=whole, **more), account.changed)
    account.put(shown(ref(LINK, "Contact")), account.changed)
    for thing in (account, contact):
        thing.put(shown(flag(_MARK, label="Is Person Account")), thing.changed)
    types.put(shown(flag("IsPersonType")), types.changed)
    lead.fields["Company"].nillable = True


def is_person(row: Row) -> bool:
    """Whether a row is a person account, or the contact of one."""
    return bool(row.get(_MARK))


def settle(org: Org, thing: Thing, row: Row, given: Mapping[str, Any], before: Row | None) -> None:
    """Say of an account whether it is a person; Refusal for fields of the other kind, and for a person's contact."""
    if _MARK not in thing.fields:
        return
    if thing.name == "Contact":
        _alone(org, row, before)
        return
    types = org.store.rows["RecordType"]
    person = bool(types.get(str(row.get("RecordTypeId")), {}).get("IsPersonType"))
    if before is not None and person is not is_person(before):
        raise bad_row("INVALID_FIELD_FOR_INSERT_UPDATE", _MARRIAGE, "RecordTypeId")
    others = ("Name",) if person else [name for name in map(_name, _contacts(org).fields.values()) if name]
    if wrong := [name for name in given if name in others and (person or given[name] not in (None, False))]:
        raise Refusal(unwritable(wrong))
    row[_MARK] = person
    if person and before is None:
        row[LINK] = org.mint.new("003")
    if person and not row.get("LastName"):
        raise bad_row("REQUIRED_FIELD_MISSING", "Required fields are missing: [LastName]", "LastName")


def locked(row: Row) -> None:
    """Refusal of a write to the contact of a person account."""
    if is_person(row) and LINK not in row:
        raise bad_row("INSUFFICIENT_ACCESS_OR_READONLY", f"insufficient access rights on object id: {row['Id']}")


def shadow(org: Org, account: Row) -> Row:
    """The contact of a person account as that is by now."""
    thing = _contacts(org)
    kept = org.store.get("Contact", account[LINK]) or {**org.blank(thing), "Id": account[LINK]}
    same = {field.name: account.get(name) for field in thing.fields.values() if (name := _name(field)) in account}
    same |= {name: account.get(name) for name in (*_SHARED, *_STAMPS)}
    return {**kept, **same, _MARK: True, "AccountId": account["Id"], "Name": account["Name"]}


def mergeable(won: Row, lost: Row) -> None:
    """ControlError where a person account would be merged with a business, or the contact of one with any other."""
    if is_person(won) is not is_person(lost) or (is_person(won) and LINK not in won):
        raise ControlError("a person account is merged with another person account only")


def of_lead(org: Org, lead: Row) -> dict[str, Any]:
    """What makes a person account of a lead without a company; nothing for one that has a company."""
    if lead.get("Company"):
        return {}
    fields = _contacts(org).fields
    told = {_name(fields[target]): lead.get(source) for source, target in CONVERSION["Contact"].items()}
    types = org.store.rows["RecordType"].values()
    type = next(row["Id"] for row in types if row["IsPersonType"])
    return {**{name: value for name, value in told.items() if name is not None}, "RecordTypeId": type}


def _alone(org: Org, row: Row, before: Row | None) -> None:
    """A person's contact is not written, and a person account has no other contact."""
    locked(before or row)
    account = org.store.get("Account", str(row.get("AccountId")))
    if account is not None and is_person(account):
        sentence = "a person account cannot be associated with any contacts"
        raise bad_row("FIELD_INTEGRITY_EXCEPTION", sentence, "AccountId")


def _contacts(org: Org) -> Thing:
    return org.schema.things["Contact"]


def _name(field: Field) -> str | None:
    """The name that a contact's field has on a person account; None where that does not have it."""
    if field.custom:
        return None if field.calculated else field.name.removesuffix("__c") + "__pc"
    if field.name in _NAMES:
        return field.name
    address = field.compound or field.name
    return f"Person{field.name}" if field.name in _STANDARD or address in ("MailingAddress", "OtherAddress") else None
