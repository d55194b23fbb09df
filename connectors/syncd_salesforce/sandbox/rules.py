"""What an admin adds to writes: validation rules, flows, duplicate rules and assignment rules, by conditions in SOQL.

What is not here: when they run (`writes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Validation:
    """No row may be saved that fits `when`."""

    kind: str
    when: str
    message: str
    field: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """After a save, a row that fits `when` gets these values, in the same transaction and by the same user."""

    kind: str
    when: str
    set: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicates:
    """A row whose `fields` all equal another's is told (`alert`) or never saved (`block`)."""

    kind: str
    fields: tuple[str, ...] = ("Email",)
    action: str = "alert"
    name: str = "Standard_Rule"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """Leads that fit `when` (None: every one) go to `owner`, unless the caller says Sforce-Auto-Assign: FALSE."""

    owner: str
    when: str | None = None
    kind: str = "Lead"


@dataclass(slots=True)
class Rules:
    """All that are active."""

    validations: list[Validation] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    duplicates: list[Duplicates] = field(default_factory=list)
    assignments: list[Assignment] = field(default_factory=list)
