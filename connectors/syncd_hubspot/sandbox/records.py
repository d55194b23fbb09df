"""A record of the primary store, its history, and who writes.

What is not here: which writes are allowed (`writes`) and how a record looks on the wire (`wire`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd.kit.stage import ARRIVED
from syncd_hubspot.sandbox.times import iso


@dataclass(frozen=True, slots=True)
class Who:
    """The hand behind a write: what history calls it, and for the lab whether it is `api`, `person` or `system`."""

    type: str
    id: str | None
    via: str
    name: str
    label: str | None = None
    user_id: int | None = None


PORTAL = Who("CALCULATED", None, "system", "HubSpot")
"""The portal itself: post-processing and automatic values."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a property's history; `at` is epoch ms."""

    value: str | None
    at: int
    who: Who

    def wire(self) -> dict[str, Any]:
        """The line as `propertiesWithHistory` shows it."""
        found: dict[str, Any] = {"value": self.value or "", "timestamp": iso(self.at), "sourceType": self.who.type}
        more = {"sourceId": self.who.id, "sourceLabel": self.who.label, "updatedByUserId": self.who.user_id}
        return found | {key: value for key, value in more.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Change:
    """One accepted write as a whole, kept for the lab: what stood before and after in every property it changed.

    `asked`: when the request that made it came in.
    """

    at: int
    who: Who
    fields: Mapping[str, tuple[str | None, str | None]]
    verb: str = "update"
    asked: str | None = field(default_factory=ARRIVED.get)

    def wire(self) -> dict[str, Any]:
        """The change as the control protocol tells it."""
        fields = {name: list(pair) for name, pair in self.fields.items()}
        who = {"by": self.who.name, "via": self.who.via}
        return {"at": iso(self.at), "asked": self.asked, **who, "do": self.verb, "fields": fields}


@dataclass(slots=True)
class Row:
    """One record. `values` holds no blanks and is replaced, never edited, by a write: the index keeps old ones.

    Times are epoch ms. `history` lists newest first; `merged` are the ids that were merged into this one;
    `version` counts every change that a search index would have to hear of.
    """

    id: int
    values: dict[str, str]
    created: int
    updated: int
    archived_at: int | None = None
    history: dict[str, list[Entry]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    merged: tuple[int, ...] = ()
    version: int = 0

    def remember(self, name: str, value: str | None, at: int, who: Who) -> None:
        """Put a line on top of a property's history."""
        self.history.setdefault(name, []).insert(0, Entry(value, at, who))
