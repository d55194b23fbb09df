"""The org's objects, and what an admin changes about them while the sandbox runs.

What is not here: the objects of a fresh org (`standard`) and rows (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_salesforce.sandbox.fields import Choice, Field, make, words
from syncd_salesforce.sandbox.standard import PREFIXES, SETUP, objects


@dataclass(slots=True)
class Thing:
    """One object: its prefix, its fields by name in order of definition, and when its describe last changed."""

    name: str
    prefix: str
    fields: dict[str, Field]
    changed: int
    hidden: bool = False
    _lower: dict[str, str] = field(default_factory=dict)

    def find(self, name: str) -> Field | None:
        """A field by name, whatever its case; None where there is none, or it is hidden from this user."""
        if len(self._lower) != len(self.fields):
            self._lower = {each.lower(): each for each in self.fields}
        found = self.fields.get(self._lower.get(name.lower(), ""))
        return None if found is None or found.hidden else found

    def relation(self, name: str) -> Field | None:
        """The reference that goes by this relationship name."""
        wanted = name.lower()
        return next((each for each in self.shown() if (each.relationship or "").lower() == wanted), None)

    def shown(self) -> list[Field]:
        """The fields that the user may see."""
        return [each for each in self.fields.values() if not each.hidden]

    def put(self, field: Field, now: int) -> None:
        """Add or replace a field."""
        self.fields[field.name] = field
        self._lower, self.changed = {}, now

    def remove(self, name: str, now: int) -> None:
        """Take a field away; ControlError where there is none."""
        if self.fields.pop(name, None) is None:
            raise ControlError(f"{self.name} has no field {name!r}")
        self._lower, self.changed = {}, now

    @property
    def keyed(self) -> list[Field]:
        """Fields whose values find records."""
        return [each for each in self.fields.values() if each.keyed]

    def head(self) -> dict[str, Any]:
        """The object as the list of objects tells it."""
        writable = self.name not in SETUP
        label = words(self.name) if self.name.endswith("__c") else self.name
        base = f"/services/data/v66.0/sobjects/{self.name}"
        return {
            "name": self.name, "label": label, "labelPlural": f"{label}s", "keyPrefix": self.prefix,
            "custom": self.name.endswith("__c"), "createable": writable, "updateable": writable, "deletable": writable,
            "undeletable": writable, "queryable": True, "retrieveable": True, "searchable": writable,
            "replicateable": True, "mergeable": self.name in ("Lead", "Contact", "Account"),
            "urls": {"sobject": base, "describe": f"{base}/describe", "rowTemplate": f"{base}/{{ID}}"},
        }  # fmt: skip


class Schema:
    """Every object of the org."""

    def __init__(self, now: int) -> None:
        """A fresh org."""
        self.things = {
            name: Thing(name, PREFIXES[name], {each.name: each for each in fields}, now)
            for name, fields in objects().items()
        }
        self._lower = {name.lower(): name for name in self.things}

    def find(self, name: str) -> Thing | None:
        """An object by name, whatever its case; None where there is none, or the user may not see it."""
        found = self.things.get(self._lower.get(name.lower(), ""))
        return None if found is None or found.hidden else found

    def of(self, id: str) -> Thing | None:
        """The object whose ids begin so."""
        return next((each for each in self.things.values() if each.prefix == id[:3]), None)

    def children(self, name: str) -> list[tuple[Thing, Field]]:
        """Every reference that can point to this object."""
        pairs = ((thing, each) for thing in self.things.values() for each in thing.fields.values())
        return [(thing, each) for thing, each in pairs if name in each.refs]

    def need(self, name: object) -> Thing:
        """An object by name; ControlError where there is none."""
        found = self.things.get(self._lower.get(str(name).lower(), ""))
        if found is None:
            raise ControlError(f"unknown kind {name}; known are {', '.join(self.things)}", 404)
        return found


_GIVEN = {"length", "precision", "scale", "label", "formula", "unique", "restricted", "default"}


def defined(definition: Mapping[str, Any]) -> Field:
    """The field an admin defines: `name` (ends in __c), `type`, and words of `Field`, describe's names among them."""
    given = dict(definition)
    name, type = str(given.pop("name")), str(given.pop("type", "string"))
    if not name.endswith("__c"):
        raise ControlError(f"{name} must end in __c")
    more = {key: given.pop(key) for key in list(given) if key in _GIVEN}
    if type in ("string", "picklist"):
        more.setdefault("length", 255)
    more["external_id"] = bool(given.pop("externalId", False))
    more["case_sensitive"] = bool(given.pop("caseSensitive", False))
    more["choices"] = [Choice(str(each), str(each)) for each in given.pop("values", ())]
    more["nillable"] = not given.pop("required", False)
    if "referenceTo" in given:
        more |= {"refs": tuple(given.pop("referenceTo")), "relationship": name.replace("__c", "__r")}
    if given:
        raise ControlError(f"unknown words {', '.join(given)} in the definition of {name}")
    return make(name, type, **more)
