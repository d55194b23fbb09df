"""Property definitions of one object type, as an admin of the portal sees and changes them.

What is not here: the standard properties themselves (`standard`) and the check of values (`values`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncd_hubspot.sandbox.errors import bad_request, not_found, refuse
from syncd_hubspot.sandbox.times import iso

FIELD_TYPES: Mapping[str, tuple[str, ...]] = {
    "bool": ("booleancheckbox",),
    "enumeration": ("select", "radio", "checkbox", "booleancheckbox"),
    "date": ("date",),
    "datetime": ("date",),
    "string": ("text", "textarea", "html", "phonenumber", "file"),
    "number": ("number",),
}
"""Which field types a type may have (property guide)."""

MAX_UNIQUE = 10
"""Custom unique properties per object type."""


@dataclass(frozen=True, slots=True)
class Choice:
    """An option of an enumeration."""

    value: str
    label: str
    hidden: bool = False

    def wire(self, order: int) -> dict[str, Any]:
        """The option as the property API shows it."""
        return {
            "label": self.label,
            "value": self.value,
            "displayOrder": order,
            "hidden": self.hidden,
            "description": "",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property. `updated` is epoch ms; `references` is the type whose ids it holds (`OWNER`)."""

    name: str
    label: str
    type: str = "string"
    field_type: str = "text"
    group: str = ""
    options: tuple[Choice, ...] = ()
    unique: bool = False
    calculated: bool = False
    read_only: bool = False
    custom: bool = False
    external: bool = False
    references: str | None = None
    description: str = ""
    archived: bool = False
    updated: int = 0

    @property
    def many(self) -> bool:
        """Several values, joined by semicolons."""
        return self.type == "enumeration" and self.field_type == "checkbox"

    @property
    def numeric(self) -> bool:
        """Compared as a number in searches (datetimes as epoch ms)."""
        return self.type in ("number", "date", "datetime")

    def wire(self) -> dict[str, Any]:
        """The definition as the property API shows it."""
        found: dict[str, Any] = {
            "name": self.name,
            "label": self.label,
            "type": self.type,
            "fieldType": self.field_type,
            "description": self.description,
            "groupName": self.group,
            "options": [choice.wire(order) for order, choice in enumerate(self.options)],
            "displayOrder": -1,
            "calculated": self.calculated,
            "externalOptions": self.external,
            "archived": self.archived,
            "hasUniqueValue": self.unique,
            "hidden": False,
            "hubspotDefined": not self.custom,
            "modificationMetadata": {
                "archivable": self.custom,
                "readOnlyDefinition": not self.custom,
                "readOnlyValue": self.read_only,
            },
            "formField": not self.read_only,
            "updatedAt": iso(self.updated),
            "createdAt": iso(self.updated),
        }
        return {**found, "referencedObjectType": self.references} if self.references else found


class Schema:
    """The properties of one object type."""

    def __init__(self, group: str, properties: Iterable[Property], settings: Mapping[str, Any] | None = None) -> None:
        """Begin with the standard properties; `group` is the name of the type's own group, `settings` the switches."""
        self._settings = {"custom_properties": "shown"} if settings is None else settings
        self.groups = {group: group.replace("information", " information").capitalize()}
        self.all: dict[str, Property] = {each.name: replace(each, group=each.group or group) for each in properties}

    def get(self, name: str) -> Property | None:
        """The living property of this name."""
        found = self.all.get(name)
        return None if found is None or found.archived else found

    def told(self, name: str) -> bool:
        """Whether answers hold this property: one that lives, and that the token may see."""
        found = self.get(name)
        return found is not None and (not found.custom or self._settings["custom_properties"] == "shown")

    def described(self, archived: bool = False) -> list[Property]:
        """All properties, or the archived ones, that the token is told of."""
        custom = self._settings["custom_properties"] != "gone"
        return [each for each in self.living(archived) if custom or not each.custom]

    def need(self, name: str) -> Property:
        """The living property of this name; 404 when there is none."""
        found = self.get(name)
        if found is None:
            raise not_found(f"Property {name} does not exist")
        return found

    def living(self, archived: bool = False) -> list[Property]:
        """All properties, or the archived ones."""
        return [each for each in self.all.values() if each.archived == archived]

    def uniques(self) -> list[str]:
        """The names of living custom unique properties."""
        return [each.name for each in self.all.values() if each.unique and not each.archived]

    def create(self, body: Mapping[str, Any], now: int) -> Property:
        """Add a custom property; 400 for a bad definition, 409 when the name is taken."""
        made = _parsed(body, now)
        if made.group not in self.groups:
            raise bad_request(f"Property group {made.group!r} does not exist")
        if self.get(made.name) is not None:
            raise refuse(409, "OBJECT_ALREADY_EXISTS", f"A property named '{made.name}' already exists.")
        if made.unique and len(self.uniques()) >= MAX_UNIQUE:
            raise bad_request(f"There can be at most {MAX_UNIQUE} unique properties")
        self.all[made.name] = made
        return made

    def update(self, name: str, body: Mapping[str, Any], now: int) -> Property:
        """Change label, description, options of a property; uniqueness is fixed at creation."""
        old = self.need(name)
        choices = _choices(body["options"]) if "options" in body else old.options
        label, text = str(body.get("label", old.label)), str(body.get("description", old.description))
        self.all[name] = replace(old, options=choices, label=label, description=text, updated=now)
        return self.all[name]

    def archive(self, name: str, now: int) -> None:
        """Take a property away: reads drop it, writes are refused."""
        self.all[name] = replace(self.need(name), archived=True, updated=now)


def _parsed(body: Mapping[str, Any], now: int) -> Property:
    missing = [key for key in ("name", "label", "type", "fieldType", "groupName") if not body.get(key)]
    if missing:
        raise bad_request(f"Invalid input JSON: required fields were not set: {', '.join(missing)}")
    kind, field = str(body["type"]), str(body["fieldType"])
    if field not in FIELD_TYPES.get(kind, ()):
        raise bad_request(f"Field type {field!r} is not allowed for type {kind!r}")
    return Property(
        name=str(body["name"]).lower(),
        label=str(body["label"]),
        type=kind,
        field_type=field,
        group=str(body["groupName"]),
        options=_choices(body.get("options") or ()),
        unique=bool(body.get("hasUniqueValue")),
        description=str(body.get("description", "")),
        custom=True,
        updated=now,
    )


def _choices(options: Iterable[Mapping[str, Any]]) -> tuple[Choice, ...]:
    return tuple(Choice(str(each["value"]), str(each["label"]), bool(each.get("hidden"))) for each in options)
