"""What the page works with: the app as far as it is needed, both accounts, the schemas, and words for the person.

What is not here: HTTP (`app`), and what the parts of the page show (`people`, `card`, `activity`, `pulse`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Schema, Side
from syncd.engine.world import World
from syncd.kit.remote import Remote
from syncd.lab.page.accounts import Account
from syncd.store.store import Store

TITLES = {"hubspot": "HubSpot", "jobnimbus": "JobNimbus", "salesforce": "Salesforce", "jobprogress": "JobProgress"}
"""How vendors write their own names."""

NOTE_LASTS = timedelta(seconds=8)


class Syncd(Protocol):
    """The app, as far as the page needs it; `syncd.app.App` is one."""

    @property
    def world(self) -> World:
        """Everything the engine works in."""

    @property
    def ready_store(self) -> Store:
        """The store, at the right version."""

    def status(self) -> dict[str, Any]:
        """How it goes."""

    def conflicts(
        self, state: str | None = "open", map: str | None = None, field: str | None = None
    ) -> list[dict[str, Any]]:
        """Conflicts with both ids, the field and both values."""

    def take(self, conflict: int, choice: str, *, literal: bool = False) -> None:
        """Take a side, or a value in the left side's terms."""

    def parked(self) -> list[dict[str, Any]]:
        """Marks that wait for a person or a changed world."""

    def retry(self, map: str | None = None, ref: str | None = None) -> int:
        """Make parked marks due again."""


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the person at the page; `bad`: something did not work."""

    text: str
    at: datetime
    bad: bool = False


@dataclass(slots=True)
class Desk:
    """One demo. `people`: the maps of contacts and, where the left side has them, leads, the map of contacts first.

    `alive` says whether the daemon runs; `began`: edits from then on are timed.
    """

    app: Syncd
    accounts: Mapping[Side, Account]
    people: tuple[FieldMap, ...]
    deals: FieldMap
    schemas: Mapping[tuple[Side, str], Schema]
    alive: Callable[[], bool]
    began: datetime
    trouble_until: datetime | None = None
    made: int = 0
    notes: list[Note] = field(default_factory=list)
    told: dict[int, dict[str, Any]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def contacts(self) -> FieldMap:
        """The map of contacts."""
        return self.people[0]

    @property
    def maps(self) -> tuple[FieldMap, ...]:
        """All that the page shows."""
        return (*self.people, self.deals)

    def map(self, key: str) -> FieldMap | None:
        """A map by its key."""
        return next((m for m in self.maps if m.key == key), None)

    def title(self, side: Side) -> str:
        """A side by its vendor's name."""
        return self.accounts[side].title

    def say(self, text: str, *, bad: bool = False) -> None:
        """Tell the person something for a few seconds."""
        with self.lock:
            self.notes = [*self.fresh_notes(), Note(text, now(), bad)][-3:]

    def fresh_notes(self) -> list[Note]:
        """What was said just now."""
        return [note for note in self.notes if now() - note.at < NOTE_LASTS]

    def number(self) -> int:
        """A number that was not used before, for a new person."""
        with self.lock:
            self.made += 1
            return self.made


def now() -> datetime:
    """The time on this machine, which the sandboxes share up to their own offset."""
    return datetime.now(tz=UTC)


def desk_of(
    app: Syncd, left: Remote, right: Remote, *, alive: Callable[[], bool], since: Mapping[str, int] | None = None
) -> Desk:
    """The desk over an open app and its two sandboxes; `since`: the first request of each system that counts."""
    pair = app.world.pairs[0]
    *leads, contacts, deals = pair.maps
    accounts = {
        side: Account.over(side, name, TITLES.get(name, name), remote, (since or {}).get(name))
        for side, name, remote in ((Side.LEFT, pair.left, left), (Side.RIGHT, pair.right, right))
    }
    schemas = {
        (side, m.end(side).kind): app.world.connector(m, side).describe(m.end(side).kind)
        for m in pair.maps
        for side in Side
    }
    return Desk(app, accounts, (contacts, *leads), deals, schemas, alive, now())
