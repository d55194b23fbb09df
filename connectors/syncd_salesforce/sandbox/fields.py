"""Fields of objects and what describe tells of them.

What is not here: which objects have which (`standard`), and what values they take (`values`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

NUMBERS = frozenset(("double", "currency", "percent"))
TEXTS = frozenset(("string", "textarea", "email", "phone", "url", "picklist", "multipicklist", "combobox"))
_SOAP = {"id": "tns:ID", "reference": "tns:ID", "boolean": "xsd:boolean", "int": "xsd:int", "date": "xsd:date",
         "datetime": "xsd:dateTime", "time": "xsd:time", "address": "urn:address",
         **dict.fromkeys(NUMBERS, "xsd:double")}  # fmt: skip


@dataclass(slots=True)
class Choice:
    """One value of a pick list."""

    value: str
    label: str
    active: bool = True
    default: bool = False

    def wire(self) -> dict[str, Any]:
        """As describe tells it."""
        return {
            "active": self.active, "defaultValue": self.default, "label": self.label, "validFor": None,
            "value": self.value,
        }  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Field:
    """One field of an object. `formula`: a path whose value it shows, computed when read; `compound`: it is a part."""

    name: str
    type: str
    label: str
    length: int = 0
    precision: int = 0
    scale: int = 0
    nillable: bool = True
    createable: bool = True
    updateable: bool = True
    defaulted: bool = False
    default: Any = None
    external_id: bool = False
    unique: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    restricted: bool = False
    filterable: bool = True
    sortable: bool = True
    choices: list[Choice] = field(default_factory=list)
    refs: tuple[str, ...] = ()
    relationship: str | None = None
    compound: str | None = None
    formula: str | None = None
    hidden: bool = False

    @property
    def custom(self) -> bool:
        """Whether an admin made it."""
        return self.name.endswith(("__c", "__pc"))

    @property
    def required(self) -> bool:
        """Whether a create must bring it."""
        return self.createable and not self.nillable and not self.defaulted

    @property
    def calculated(self) -> bool:
        """Whether it is a formula."""
        return self.formula is not None

    @property
    def keyed(self) -> bool:
        """Whether records are found by its value."""
        return self.unique or self.external_id or self.id_lookup

    def key(self, value: Any) -> Any:
        """The form in which values of a keyed field are compared."""
        if self.type in TEXTS and value is not None:
            text = str(value).strip()
            return text if self.case_sensitive else text.casefold()
        return value if isinstance(value, str | int | float | None) else str(value)

    def wire(self) -> dict[str, Any]:
        """As describe tells it."""
        writable = not self.calculated
        return {
            "name": self.name, "label": self.label, "type": self.type, "length": self.length,
            "byteLength": self.length * 3, "precision": self.precision, "scale": self.scale,
            "digits": 9 if self.type == "int" else 0, "soapType": _SOAP.get(self.type, "xsd:string"),
            "nillable": self.nillable, "createable": self.createable and writable,
            "updateable": self.updateable and writable, "defaultedOnCreate": self.defaulted,
            "defaultValue": self.default if self.type == "boolean" else None, "calculated": self.calculated,
            "calculatedFormula": self.formula, "autoNumber": False, "externalId": self.external_id,
            "unique": self.unique, "caseSensitive": self.case_sensitive, "idLookup": self.keyed or self.type == "id",
            "nameField": self.name == "Name", "restrictedPicklist": self.restricted, "dependentPicklist": False,
            "controllerName": None, "picklistValues": [each.wire() for each in self.choices],
            "referenceTo": list(self.refs), "relationshipName": self.relationship,
            "polymorphicForeignKey": len(self.refs) > 1, "compoundFieldName": self.compound,
            "filterable": self.filterable, "sortable": self.sortable, "groupable": self.filterable,
            "encrypted": False, "custom": self.custom, "htmlFormatted": False, "deprecatedAndHidden": False,
            "inlineHelpText": None, "permissionable": self.custom,
        }  # fmt: skip


def words(name: str) -> str:
    """The label that goes with a name: `LastName` is Last Name, `Roof_Type__c` is Roof Type."""
    plain = name.removesuffix("__c").replace("_", " ")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", plain)


def make(name: str, type: str, **more: Any) -> Field:
    """A field with the label that its name gives; `label` overrides. Long texts are neither filtered nor sorted by."""
    if type == "textarea" and more.get("length", 0) > 255:
        more = {"filterable": False, "sortable": False, **more}
    return Field(name=name, type=type, label=more.pop("label", words(name)), **more)


def text(name: str, length: int = 255, **more: Any) -> Field:
    """A line of text."""
    return make(name, "string", length=length, **more)


def must(name: str, length: int = 255, **more: Any) -> Field:
    """A line of text that a create must bring."""
    return text(name, length, nillable=False, **more)


def pick(name: str, values: Sequence[str], default: str | None = None, **more: Any) -> Field:
    """A pick list, unrestricted unless told."""
    choices = [Choice(value, value, default=value == default) for value in values]
    more.setdefault("type", "picklist")
    return make(name, length=more.pop("length", 255), choices=choices, default=default,
                defaulted=default is not None, **more)  # fmt: skip


def flag(name: str, **more: Any) -> Field:
    """A check box, never null."""
    return make(name, "boolean", nillable=False, defaulted=True, default=False, **more)


def ref(name: str, *types: str, **more: Any) -> Field:
    """A reference; its relationship is its name without Id."""
    relationship = name.removesuffix("Id") if name.endswith("Id") else name.replace("__c", "__r")
    return make(name, "reference", length=18, refs=types, relationship=relationship, **more)


def number(name: str, precision: int = 18, scale: int = 2, type: str = "double", **more: Any) -> Field:
    """A number."""
    return make(name, type, precision=precision, scale=scale, **more)


def shown(field: Field) -> Field:
    """The same, but no write may set it."""
    field.createable = field.updateable = False
    return field


def address(prefix: str) -> list[Field]:
    """A compound address and its parts: `prefix` is Mailing, Billing, or nothing for a lead."""
    whole = f"{prefix}Address"
    parts = (("Street", "textarea", 255), ("City", "string", 40), ("State", "string", 80), ("PostalCode", "string", 20),
             ("Country", "string", 80))  # fmt: skip
    found = [make(prefix + name, type, length=length, compound=whole) for name, type, length in parts]
    found += [number(prefix + name, 18, 15, compound=whole) for name in ("Latitude", "Longitude")]
    return [*found, shown(make(whole, "address", filterable=False, sortable=False))]
