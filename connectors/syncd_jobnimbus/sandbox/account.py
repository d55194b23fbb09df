"""One account's catalogs: people, workflows with statuses, lead sources, custom fields, and their wire forms.

What is not here: records, and what a write may do with these. All people are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_jnid(chance: random.Random) -> str:
    """An opaque id in one of the lengths seen: short and old, 16, 22 to 25, or 32 hex digits."""
    length = chance.choice((16, 22, 23, 24, 25, 25, 25, 32))
    return "".join(chance.choices("0123456789abcdef" if length == 32 else ALPHABET, k=length))


@dataclass(slots=True)
class User:
    """A team member; `id` is the jnid of the contact (is_user) that stands for them."""

    id: str
    first_name: str
    last_name: str
    email: str
    active: bool = True

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    def wire(self) -> dict[str, Any]:
        """As `account/users` answers."""
        return {
            "id": self.id,
            "first_name": self.first_name,
            "last_name": self.last_name,
            "email": self.email,
            "image_url": None,
            "calendar_color": "#2f6fab",
            "is_active": self.active,
        }


@dataclass(slots=True)
class Status:
    """One step of a workflow."""

    id: int
    name: str
    is_lead: bool = False
    is_closed: bool = False
    is_archived: bool = False
    is_active: bool = True


@dataclass(slots=True)
class Workflow:
    """A record type (the vendor's `record_type`) with its statuses, for `contact` or `job`."""

    id: int
    name: str
    object_type: str
    statuses: list[Status] = field(default_factory=list)
    is_active: bool = True

    def wire(self) -> dict[str, Any]:
        """As `account/settings` answers."""
        return {
            "id": self.id,
            "order": self.id,
            "object_type": self.object_type,
            "name": self.name,
            "is_active": self.is_active,
            "is_sub_contractor": False,
            "is_supplier": False,
            "is_vendor": False,
            "can_access_by_all": True,
            "icon": "home",
            "status": [
                {
                    "id": status.id,
                    "name": status.name,
                    "order": place,
                    "is_lead": status.is_lead,
                    "is_closed": status.is_closed,
                    "is_active": status.is_active,
                    "is_archived": status.is_archived,
                    "send_to_quickbooks": False,
                    "force_mobile_sync": False,
                    "profile_ids": [],
                }
                for place, status in enumerate(self.statuses, start=1)
            ],
        }


@dataclass(slots=True)
class Source:
    """A lead source."""

    id: int
    name: str
    active: bool = True


@dataclass(slots=True)
class CustomField:
    """A custom field: the key `cf_string_3`, the label people see, and what it holds."""

    key: str
    title: str
    type: str
    options: list[str] = field(default_factory=list)
    required: bool = False

    @property
    def storage(self) -> str:
        """string, long, double, boolean or date: the middle of the key."""
        return self.key.split("_")[1]

    def wire(self) -> dict[str, Any]:
        """As POST account/customfield answers."""
        return {
            "title": self.title,
            "type": self.type,
            "visible": True,
            "is_currency": False,
            "is_ddn": bool(self.options),
            "is_required": self.required,
            "options": self.options,
            "field": self.key,
        }


OBJECT = {"contacts": "contact", "jobs": "job"}
"""The vendor's object type of each kind."""


@dataclass(slots=True)
class Account:
    """Everything that settings pages hold. Mutable: people rename and retire things."""

    id: str
    users: list[User]
    workflows: list[Workflow]
    sources: list[Source]
    custom: dict[str, list[CustomField]]
    activity_types: Mapping[str, int]

    def workflows_of(self, kind: str) -> list[Workflow]:
        """The active workflows of a kind, in order."""
        return [flow for flow in self.workflows if flow.object_type == OBJECT[kind] and flow.is_active]

    def user(self, wanted: object) -> User | None:
        """By id, e-mail or name, without regard to case."""
        key = str(wanted).casefold()
        hits = (u for u in self.users if key in (u.id.casefold(), u.email.casefold(), u.name.casefold()))
        return next(hits, None)

    def custom_field(self, kind: str, name: str) -> CustomField | None:
        """By key or exact label."""
        return next((each for each in self.custom.get(kind, ()) if name in (each.key, each.title)), None)

    def key(self, kind: str, name: str) -> str:
        """The stored key for a label; any other name is itself."""
        found = self.custom_field(kind, name)
        return found.key if found else name

    def add_custom(self, kind: str, title: str, type_: str, options: Iterable[str], required: bool) -> CustomField:
        """Make a custom field; an existing title answers with the existing definition."""
        existing = next((each for each in self.custom[kind] if each.title == title), None)
        if existing:
            return existing
        storage = "string" if type_ == "dropdown" else type_
        taken = [int(each.key.rsplit("_", 1)[1]) for each in self.custom[kind] if each.storage == storage]
        made = CustomField(f"cf_{storage}_{max(taken, default=0) + 1}", title, type_, list(options), required)
        self.custom[kind].append(made)
        return made

    def settings(self, definitions: bool) -> dict[str, Any]:
        """As `account/settings` answers: mixed casing and all. `definitions`: whether custom fields are told."""
        told: dict[str, Any] = {
            "workflows": [flow.wire() for flow in self.workflows],
            "fileTypes": [
                {"FileTypeId": at, "TypeName": name, "IsActive": True}
                for at, name in enumerate(("Document", "Photo", "Email Attachment"), start=1)
            ],
            "taskTypes": [
                {
                    "TaskTypeId": 1,
                    "TypeName": "Task",
                    "DefaultName": "Task",
                    "Icon": "check",
                    "HideFromTaskList": False,
                    "HideFromCalendarView": False,
                    "IsActive": True,
                }
            ],
            "activityTypes": [
                {"ActivityTypeId": at, "TypeName": name, "ShowInJobShare": False, "IsActive": True}
                for name, at in self.activity_types.items()
                if at < 100
            ],
            "sources": [{"JobSourceId": s.id, "SourceName": s.name, "IsActive": s.active} for s in self.sources],
            "locations": [{"id": 1, "name": "Main", "city": "Austin", "state_text": "TX"}],
            "groups": [{"name": "Sales", "managers": [], "members": [user.id for user in self.users]}],
        }
        if definitions:
            told["customFields"] = [
                {**each.wire(), "object_type": OBJECT[kind]} for kind, fields in self.custom.items() for each in fields
            ]
        return told
