"""What `describe` answers for Salesforce: fields, pick lists, record types, users and queues, and a cache of them.

Opportunities have one field that is none of Salesforce's: `contact`, the ids of the contacts with a role in it.

What is not here: values (`values`) and the roles themselves (`reads`, `roles`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.model import FieldKind, FieldType, Loss, Option, Schema, User
from syncd.errors import AuthError, Refused, Transient
from syncd.kit.connector import SystemSettings
from syncd_salesforce import soql
from syncd_salesforce.client import Client, Row

RELATION = "contact"
"""The field of an opportunity that holds the ids of the contacts with a role in it, sorted."""
RELATION_KIND = "Contact"
OPPORTUNITY = "Opportunity"

PAST = "lead"
"""The field of what leads are converted into that holds the ids of the leads that it was, sorted."""
PAST_KIND = "Lead"
HEIRS = {"Contact": "ConvertedContactId", "Account": "ConvertedAccountId", OPPORTUNITY: "ConvertedOpportunityId"}
"""What a lead is converted into, and the lead's field that says into which one."""
PERSON = "IsPersonAccount"
"""The field of accounts and contacts, in an org with person accounts, that says whether it is one."""
VIRTUAL = (RELATION, PAST)
"""Fields that no object has: they are put together from other records, and no query names them."""

Types = Mapping[str, FieldType]
T = TypeVar("T")

_KINDS = {
    "boolean": FieldKind.BOOL,
    "int": FieldKind.NUMBER,
    "long": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "currency": FieldKind.NUMBER,
    "percent": FieldKind.NUMBER,
    "date": FieldKind.DATE,
    "datetime": FieldKind.DATETIME,
    "picklist": FieldKind.ENUM,
    "multipicklist": FieldKind.MULTI,
    "id": FieldKind.TEXT,
}
_DECIMAL = frozenset({"double", "currency", "percent"})
_NO_VALUE = frozenset({"address", "location", "base64", "anyType", "complexvalue", "json"})
"""Types whose values are not one value; an address is written and read by its parts."""
_PEOPLE = frozenset({"User", "Group"})
_LOST_WITH = {
    "Account": ", and with it its contacts and opportunities",
    "Contact": ", and with it its notes and activities",
}


class Described:
    """One object as Salesforce described it: the field types, and the wire rows by name for what these do not tell."""

    def __init__(self, kind: str, row: Row) -> None:
        """Read a describe answer. Transient for one without fields: no object has none."""
        rows = [one for one in row.get("fields") or () if isinstance(one, Mapping) and one.get("name")]
        if not rows:
            raise Transient(f"Salesforce described {kind} without fields.")
        self.wire: Mapping[str, Row] = {str(one["name"]): one for one in rows}
        self.label = str(row.get("label") or row.get("name") or "")
        self.may = {verb: row.get(verb) is not False for verb in ("createable", "updateable", "deletable")}
        types = _record_types(row.get("recordTypeInfos"))
        self.types: Types = {
            **{name: _field(one, types) for name, one in self.wire.items() if str(one.get("type")) not in _NO_VALUE},
            **({RELATION: _relation()} if has_relation(kind) else {}),
            **({PAST: _past()} if kind in HEIRS else {}),
        }
        if kind == "Account" and self.has(PERSON) and "Name" in self.types:
            # A business needs one, and a person refuses it; describe cannot tell which of them a map makes.
            self.types = {**self.types, "Name": replace(self.types["Name"], required=False)}

    def has(self, name: str) -> bool:
        """Whether there is such a field for the run-as user."""
        return name in self.wire

    def filterable(self, name: str) -> bool:
        """Whether a query may ask for values of it."""
        return self.has(name) and self.wire[name].get("filterable") is not False

    def is_phone(self, name: str) -> bool:
        """Whether it is a telephone number, which is kept as it was typed."""
        return self.has(name) and self.wire[name].get("type") == "phone"


class Schemas:
    """Schemas of one org, asked for once per `timing.fresh`. Thread-safe: entries are replaced whole."""

    def __init__(self, client: Client, settings: SystemSettings) -> None:
        """Ask nothing yet."""
        self._client, self._settings = client, settings
        self._cache: dict[str, tuple[float, Any]] = {}

    def described(self, kind: str) -> Described:
        """The fields of an object; one request when not fresh. Refused for what is no name."""
        soql.name(kind)
        return self._cached(f"object {kind}", lambda: Described(kind, self._client.describe(kind)))

    def types(self, kind: str) -> Types:
        """The field types of a kind by name, the relation included."""
        return self.described(kind).types

    def describe(self, kind: str) -> Schema:
        """The whole schema: types, people, zone."""
        return Schema(
            system=self._settings.system,
            kind=kind,
            fields=self.types(kind),
            users=self.people(),
            timezone=self._settings.timezone or self.zone() or "UTC",
            archive=f"it goes to Salesforce's recycle bin{_LOST_WITH.get(kind, '')}; people can restore it for 15 days",
        )

    def people(self) -> tuple[User, ...]:
        """Users, those who left included, and queues."""
        return self._cached("users", self._users)

    def zone(self) -> str | None:
        """The org's IANA zone; None where it tells none that exists."""
        return self._cached("zone", self._zone)

    def forget(self) -> None:
        """Drop what a refusal proved old."""
        self._cache.clear()

    def _cached(self, key: str, ask: Callable[[], T]) -> T:
        entry = self._cache.get(key)
        if entry is not None and time.monotonic() < entry[0]:
            found: T = entry[1]
            return found
        asked = ask()
        self._cache[key] = (time.monotonic() + self._settings.timing.fresh.total_seconds(), asked)
        return asked

    def _users(self) -> tuple[User, ...]:
        """People, and queues, which own leads as people do but have no address."""
        people = [_user(row) for row in self._client.rows(soql.users()).rows if row.get("Id")]
        queues = [_queue(row) for row in self._client.rows(soql.queues()).rows if row.get("Id")]
        return (*people, *queues)

    def _zone(self) -> str | None:
        try:
            rows = self._client.query(soql.organization()).rows
            return ZoneInfo(str(rows[0].get("TimeZoneSidKey") or "")).key if rows else None
        except (Refused, AuthError, ZoneInfoNotFoundError, ValueError, OSError):  # the last: no file has such a name
            # The org itself may be hidden from a user that reads all its records: then its zone is a setting's matter.
            return None


def has_relation(kind: str) -> bool:
    """Whether records of this kind carry the `contact` field."""
    return kind == OPPORTUNITY


def _field(row: Row, record_types: Sequence[Option]) -> FieldType:
    """One field as Salesforce describes it -> FieldType."""
    name, refs = str(row["name"]), [str(one) for one in row.get("referenceTo") or ()]
    kind = _kind(row, refs)
    listed = kind in (FieldKind.ENUM, FieldKind.MULTI)
    options = tuple(record_types) if refs == ["RecordType"] else _options(row) if listed else ()
    createable, updateable = bool(row.get("createable")), bool(row.get("updateable"))
    return FieldType(
        name=name,
        kind=kind,
        label=str(row.get("label") or name),
        loss=_loss(row, kind),
        options=options,
        open_options=listed and not row.get("restrictedPicklist") and not refs,
        read_only=not createable and not updateable,
        create_only=createable and not updateable,
        required=createable and not row.get("nillable") and not row.get("defaultedOnCreate"),
        unique=bool(row.get("unique")),
        custom=bool(row.get("custom")),
        ref_kind=refs[0] if kind is FieldKind.REF else None,
        calculated=bool(row.get("calculated")),
    )


def _kind(row: Row, refs: Sequence[str]) -> FieldKind:
    if row.get("type") != "reference":
        return _KINDS.get(str(row.get("type")), FieldKind.TEXT)
    if refs and set(refs) <= _PEOPLE:
        return FieldKind.USER
    if refs == ["RecordType"]:
        return FieldKind.ENUM
    return FieldKind.REF if refs else FieldKind.TEXT


def _loss(row: Row, kind: FieldKind) -> Loss:
    length, scale = row.get("length"), row.get("scale")
    if kind is FieldKind.TEXT:
        longest = length if isinstance(length, int) and length > 0 else None
        return Loss(max_length=longest, caseless=row.get("type") == "email")
    if kind is FieldKind.NUMBER and isinstance(scale, int):
        return Loss(decimals=scale if row.get("type") in _DECIMAL else 0)
    return Loss(resolution=1.0) if kind is FieldKind.DATETIME else Loss()


def _options(row: Row) -> tuple[Option, ...]:
    rows = [one for one in row.get("picklistValues") or () if isinstance(one, Mapping)]
    living = [one for one in rows if one.get("active") is not False and one.get("value") is not None]
    return tuple(Option(str(one["value"]), str(one.get("label") or one["value"])) for one in living)


def _record_types(rows: Any) -> list[Option]:
    infos = [one for one in rows or () if isinstance(one, Mapping) and one.get("recordTypeId")]
    return [Option(str(one["recordTypeId"]), str(one.get("name") or one["recordTypeId"])) for one in infos]


def _relation() -> FieldType:
    return FieldType(name=RELATION, kind=FieldKind.REF, label="Contacts", many=True, ref_kind=RELATION_KIND)


def _past() -> FieldType:
    return FieldType(name=PAST, kind=FieldKind.REF, label="Leads", many=True, ref_kind=PAST_KIND, read_only=True)


def _user(row: Row) -> User:
    email = str(row["Email"]) if row.get("Email") else None
    name = str(row.get("Name") or email or row["Id"])
    return User(id=str(row["Id"]), name=name, email=email, active=row.get("IsActive") is not False)


def _queue(row: Row) -> User:
    return User(id=str(row["Id"]), name=str(row.get("Name") or row["Id"]), email=None)
