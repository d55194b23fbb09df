"""What `describe` answers for HubSpot: properties, pipelines, owners, the account's zone, and a cache of them.

Deals have one field that is no property: `contact`, the ids of the associated contacts.

What is not here: values (`values`) and association calls (`reads`, `writes`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.model import FieldKind, FieldType, Loss, Option, Schema, User
from syncd.kit.connector import SystemSettings
from syncd_hubspot.client import Client, Row

RELATION = "contact"
"""The deal field that holds the ids of the associated contacts, sorted numerically."""
RELATION_KIND = "contacts"
LONGEST_TEXT = 65_536

Types = Mapping[str, FieldType]
T = TypeVar("T")

_KINDS = {
    "bool": FieldKind.BOOL,
    "enumeration": FieldKind.ENUM,
    "date": FieldKind.DATE,
    "datetime": FieldKind.DATETIME,
    "number": FieldKind.NUMBER,
}
_REQUIRED = {"deals": frozenset({"dealname", "dealstage"})}
_UNIQUE = {"contacts": frozenset({"email"})}


def modified_property(kind: str) -> str:
    """The property that holds the time of the last change: contacts have their own, and the other one finds nothing."""
    return "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"


def has_relation(kind: str) -> bool:
    """Whether records of this kind carry the `contact` field."""
    return kind == "deals"


class Schemas:
    """Schemas of one account, asked for once per `timing.fresh`. Thread-safe: entries are replaced whole."""

    def __init__(self, client: Client, settings: SystemSettings) -> None:
        """Ask nothing yet."""
        self._client, self._settings = client, settings
        self._cache: dict[str, tuple[float, Any]] = {}

    def types(self, kind: str) -> Types:
        """The field types of a kind by name, relations included; one request when not fresh."""
        return self._cached(f"types {kind}", lambda: self._types(kind))

    def describe(self, kind: str) -> Schema:
        """The whole schema: types with pipeline stages, owners, zone."""
        return self._cached(f"schema {kind}", lambda: self._describe(kind))

    def user(self, number: str) -> str | None:
        """The name of who works under this user id, which is not an owner's id; None if no owner has it."""
        keys = ("userId", "userIdIncludingInactive")
        for row, archived in self._owners():
            if number in [str(row.get(key)) for key in keys]:
                return _user(row, archived).name
        return None

    def _owners(self) -> Sequence[tuple[Row, bool]]:
        """Every owner, active or archived."""
        ask = self._client.owners
        return self._cached("owners", lambda: [(row, archived) for archived in (False, True) for row in ask(archived)])

    def account(self) -> Row:
        """The account's details."""
        return self._cached("account", self._client.account)

    def known_account(self) -> Row | None:
        """The account's details if they were asked for before; never asks."""
        entry = self._cache.get("account")
        return None if entry is None else entry[1]

    def forget(self) -> None:
        """Drop what a refusal proved old; the account's own details stay."""
        for key in [key for key in self._cache if key != "account"]:
            self._cache.pop(key, None)

    def _cached(self, key: str, ask: Callable[[], T]) -> T:
        entry = self._cache.get(key)
        if entry is not None and time.monotonic() < entry[0]:
            found: T = entry[1]
            return found
        asked = ask()
        self._cache[key] = (time.monotonic() + self._settings.timing.fresh.total_seconds(), asked)
        return asked

    def _types(self, kind: str) -> Types:
        types = {str(row["name"]): field_type(kind, row) for row in self._client.properties(kind) if row.get("name")}
        if has_relation(kind):
            types[RELATION] = _relation()
        return types

    def _describe(self, kind: str) -> Schema:
        types = dict(self.types(kind))
        if has_relation(kind):
            types |= _staged(types, self._client.pipelines(kind))
        return Schema(
            system=self._settings.system,
            kind=kind,
            fields=types,
            users=tuple(_user(row, archived) for row, archived in self._owners() if row.get("id")),
            timezone=self._settings.timezone or zone_of(self.account()),
            archive="it goes to HubSpot's recycling bin, from which people can restore it for 90 days",
        )


def zone_of(account: Row) -> str:
    """The account's IANA zone; UTC when it tells none that exists."""
    name = str(account.get("timeZone") or account.get("timezone") or "UTC")
    try:
        return ZoneInfo(name).key
    except (ZoneInfoNotFoundError, ValueError, OSError):  # the last for names that no file can have
        return "UTC"


def field_type(kind: str, row: Row) -> FieldType:
    """One property as HubSpot describes it -> FieldType."""
    name, holds = str(row["name"]), _kind(row)
    metadata = row.get("modificationMetadata") or {}
    unique = bool(row.get("hasUniqueValue")) or name in _UNIQUE.get(kind, ())
    options = () if holds is FieldKind.BOOL else _options(row.get("options") or ())
    return FieldType(
        name=name,
        kind=holds,
        label=str(row.get("label") or name),
        loss=_loss(kind, name, holds),
        options=options,
        open_options=bool(row.get("externalOptions")) and not options,
        read_only=bool(metadata.get("readOnlyValue")) or bool(row.get("calculated")),
        required=name in _REQUIRED.get(kind, ()),
        unique=unique,
        custom=not row.get("hubspotDefined"),
        calculated=bool(row.get("calculated")),
    )


SEARCHABLE_PHONES = {
    "phone": "hs_searchable_calculated_phone_number",
    "mobilephone": "hs_searchable_calculated_mobile_number",
}


def _kind(row: Row) -> FieldKind:
    holds = _KINDS.get(str(row.get("type")), FieldKind.TEXT)
    if holds is not FieldKind.ENUM:
        return holds
    if row.get("fieldType") == "checkbox":
        return FieldKind.MULTI
    if row.get("name") == "hubspot_owner_id" or str(row.get("referencedObjectType") or "").upper() == "OWNER":
        return FieldKind.USER
    values = {str(option.get("value")) for option in row.get("options") or ()}
    yes_no = row.get("fieldType") == "booleancheckbox" and values <= {"true", "false"}
    return FieldKind.BOOL if yes_no else FieldKind.ENUM


def _loss(kind: str, name: str, holds: FieldKind) -> Loss:
    if holds is FieldKind.TEXT:
        return Loss(max_length=LONGEST_TEXT, caseless=(kind, name) == ("contacts", "email"))
    return Loss(resolution=0.001) if holds is FieldKind.DATETIME else Loss()


def _options(rows: Sequence[Row]) -> tuple[Option, ...]:
    return tuple(Option(str(row.get("value")), str(row.get("label") or row.get("value"))) for row in rows)


def _relation() -> FieldType:
    return FieldType(name=RELATION, kind=FieldKind.REF, label="Contacts", many=True, ref_kind=RELATION_KIND)


def _staged(types: Types, pipelines: Sequence[Row]) -> dict[str, FieldType]:
    """The pipeline and stage properties with their options from the pipelines; a stage's group is its pipeline."""
    living = [row for row in pipelines if not row.get("archived")]
    stages = tuple(
        Option(str(stage.get("id")), str(stage.get("label") or stage.get("id")), str(row.get("id")))
        for row in living
        for stage in row.get("stages") or ()
        if not stage.get("archived")
    )
    lines = tuple(Option(str(row.get("id")), str(row.get("label") or row.get("id"))) for row in living)
    options = {"dealstage": stages, "pipeline": lines}
    return {name: _with_options(types[name], options[name]) for name in options if name in types}


def _with_options(field: FieldType, options: tuple[Option, ...]) -> FieldType:
    return FieldType(
        name=field.name,
        kind=FieldKind.ENUM,
        label=field.label,
        options=options,
        read_only=field.read_only,
        required=field.required,
        custom=field.custom,
    )


def _user(row: Row, archived: bool) -> User:
    email = str(row["email"]) if row.get("email") else None
    name = " ".join(str(row[key]) for key in ("firstName", "lastName") if row.get(key))
    return User(id=str(row["id"]), name=name or email or str(row["id"]), email=email, active=not archived)
