"""May these properties be written, and what exactly is written? The rules that need the whole record and portal.

What is not here: carrying a write out (`portal`). Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from syncd_hubspot.sandbox.errors import ApiError, Problem, already_exists, bad_request, invalid_values, unique_taken
from syncd_hubspot.sandbox.records import Row, Who
from syncd_hubspot.sandbox.schema import Property
from syncd_hubspot.sandbox.standard import LIFECYCLE
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.values import InvalidValue, accept

if TYPE_CHECKING:
    from syncd_hubspot.sandbox.portal import Portal

Changes = dict[str, str | None]
Claims = set[tuple[str, str]]
"""Unique values claimed by earlier inputs of the same all-or-nothing batch."""

_NEEDED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "contacts": (("email", "firstname", "lastname"),),
    "companies": (("name", "domain"),),
    "deals": (("dealname",), ("dealstage",)),
    "notes": (("hs_timestamp",),),
}
"""On create, one of each group must have a value."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How strictly to look: `version` of the API (2026-09 enforces the admin's rules), and who writes."""

    portal: Portal
    version: str
    who: Who

    def check(self, table: Table, row: Row | None, properties: Any, claims: Claims | None = None) -> Changes:
        """The changes to carry out on `row` (None: a create); ApiError when HubSpot would refuse."""
        if not isinstance(properties, Mapping):
            raise bad_request("Invalid input JSON: properties must be an object")
        before: Mapping[str, str] = row.values if row else {}
        changes = self._values(table, before, properties)
        if row is None and table.kind.name == "deals":
            changes.setdefault("pipeline", "default")
        after = {name: value for name, value in {**before, **changes}.items() if value is not None}
        self._portal_checks(table, changes, after)
        if row is None:
            self._needed(table, after)
        if self.version == "2026-09":
            self._admin_rules(table, after, changes, created=row is None)
        self._forward_only(before, changes)
        self._unique(table, row, changes, claims)
        return changes

    def _values(self, table: Table, before: Mapping[str, str], properties: Mapping[str, Any]) -> Changes:
        changes: Changes = {}
        problems = []
        for name, raw in properties.items():
            try:
                if raw is None and self._null(name):
                    continue
                changes[name] = accept(_writable(table, name), "" if raw is None else raw, before.get(name))
            except InvalidValue as error:
                problems.append(error.problem(name))
        self._refuse(problems)
        return changes

    def _null(self, name: str) -> bool:
        """Whether a JSON null is to be passed over."""
        way = self.portal.settings["null_write"]
        if way == "refused":
            raise InvalidValue("INVALID_VALUE", f"{name} was null; send an empty string to clear it")
        return bool(way == "ignored")

    def _portal_checks(self, table: Table, changes: Changes, after: Mapping[str, str]) -> None:
        problems = []
        owner = changes.get("hubspot_owner_id")
        if owner and not self.portal.assignable(owner):
            problems.append(Problem("hubspot_owner_id", "INVALID_OWNER_ID", f"Owner {owner} does not exist"))
        if table.kind.name == "deals" and {"dealstage", "pipeline"} & set(changes):
            problems += self._stage(after)
        email = changes.get("email")
        if email and self.portal.settings["email_blocklist"] and email in self.portal.blocklist:
            problems.append(Problem("email", "INVALID_EMAIL", f"Email address {email} is blocklisted"))
        self._refuse(problems)

    def _stage(self, after: Mapping[str, str]) -> list[Problem]:
        pipeline = self.portal.pipelines.get(after.get("pipeline", ""))
        if pipeline is None:
            text = f"{after.get('pipeline')} was not one of the allowed options: {list(self.portal.pipelines)}"
            return [Problem("pipeline", "INVALID_OPTION", text)]
        stage = after.get("dealstage")
        if stage is not None and pipeline.stage(stage) is None:
            allowed = [each.id for each in pipeline.stages.values() if not each.archived]
            return [Problem("dealstage", "INVALID_OPTION", f"{stage} was not one of the allowed options: {allowed}")]
        return []

    def _needed(self, table: Table, after: Mapping[str, str]) -> None:
        missing = [group for group in _NEEDED[table.kind.name] if not any(name in after for name in group)]
        if missing:
            sentence = f"Error creating {table.kind.singular.upper()}. Some required properties were not set."
            raise bad_request(sentence, errors=[_required(group, "REQUIRED_FIELD") for group in missing])

    def _admin_rules(self, table: Table, after: Mapping[str, str], changes: Changes, *, created: bool) -> None:
        missing: list[str] = []
        for rule in self.portal.settings["required_rules"]:
            condition = rule.get("if") or {}
            if rule["type"] != table.kind.name or not (created or set(condition) & set(changes)):
                continue
            if all(after.get(name) == value for name, value in condition.items()):
                missing += [name for name in rule["require"] if name not in after]
        if missing:
            code = str(self.portal.settings["required_code"])
            raise bad_request("Required properties were not set.", errors=[_required([name], code) for name in missing])

    def _forward_only(self, before: Mapping[str, str], changes: Changes) -> None:
        """An API write that would move the life cycle back is dropped without a word; clearing is allowed."""
        old, new = before.get("lifecyclestage"), changes.get("lifecyclestage")
        if self.who.via == "api" and old and new and LIFECYCLE.index(new) < LIFECYCLE.index(old):
            del changes["lifecyclestage"]

    def _unique(self, table: Table, row: Row | None, changes: Changes, claims: Claims | None) -> None:
        for name in table.unique_names():
            wanted = [changes.get(name)]
            if name == "email":
                wanted += (changes.get("hs_additional_emails") or "").split(";")
            self._free(table, row, name, [value for value in wanted if value], claims)

    def _free(self, table: Table, row: Row | None, name: str, values: Iterable[str], claims: Claims | None) -> None:
        for value in values:
            holder = table.holder(name, value)
            if holder is not None and (row is None or holder != row.id):
                raise self._taken(table, name, holder)
            if claims is not None and (name, value) in claims:
                raise bad_request(f"Duplicate values of {name} found in batch input")
            if claims is not None:
                claims.add((name, value))

    def _taken(self, table: Table, name: str, holder: int) -> ApiError:
        if name == "email":
            return already_exists(table.kind.singular, holder)
        return unique_taken(name, holder, int(self.portal.settings["unique_conflict_status"]))

    def _refuse(self, problems: list[Problem]) -> None:
        if problems:
            raise invalid_values(problems, str(self.portal.settings["validation_errors"]))


def _writable(table: Table, name: str) -> Property:
    prop = table.schema.get(name)
    if prop is None:
        raise InvalidValue("PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist')
    if prop.read_only:
        raise InvalidValue("READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set.')
    return prop


def _required(names: Iterable[str], code: str) -> dict[str, Any]:
    listed = list(names)
    return {"message": f"{' or '.join(listed)} is required", "code": code, "context": {"propertyName": listed}}
