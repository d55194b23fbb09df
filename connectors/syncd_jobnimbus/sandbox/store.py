"""The primary store: every record by id, who changed what and when, and what the index is told of it.

What is not here: the rules of a write (`rules`), stamps and activities (`records`). Rows are replaced, never changed.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from syncd_jobnimbus.sandbox.account import User
from syncd_jobnimbus.sandbox.fields import TITLE
from syncd_jobnimbus.sandbox.index import LaggingIndex

Row = Mapping[str, Any]

KINDS = ("contacts", "jobs", "activities", "files")


@dataclass(frozen=True, slots=True)
class Who:
    """Whoever writes: a team member, and by which way (api, person or system)."""

    user: User
    via: str


class Note(Protocol):
    """Remembers one change of a record, as `kit.sandbox.Sandbox.note` does."""

    def __call__(self, kind: str, id: str, *, by: str, via: str, fields: Mapping[str, tuple[Any, Any]]) -> None:
        """Take the change."""


class Store:
    """All records of an account. `now` gives seconds of the sandbox clock; `lag` the seconds lists trail behind."""

    def __init__(self, now: Callable[[], float], lag: Callable[[], float], note: Note, chance: random.Random) -> None:
        """Start empty."""
        self.rows: dict[str, dict[str, Row]] = {kind: {} for kind in KINDS}
        self.index = LaggingIndex(KINDS, chance)
        self._now = now
        self._lag = lag
        self._note = note
        self._titles: dict[str, dict[str, set[str]]] = {kind: defaultdict(set) for kind in TITLE}
        self._jobs: dict[str, set[str]] = defaultdict(set)

    def get(self, kind: str, jnid: str) -> Row | None:
        """The newest version, or None."""
        return self.rows[kind].get(jnid)

    def save(self, kind: str, row: Row, who: Who, *, lag: float | None = None) -> None:
        """Put a new version in place, remember the change, and send it to the index."""
        before = self.rows[kind].get(row["jnid"])
        self._unlist(kind, before)
        self.rows[kind][row["jnid"]] = row
        self._list(kind, row)
        if kind in TITLE:
            self._remember(kind, before or {}, row, who)
        self.index.send(kind, row["jnid"], row, self._now(), self._lag() if lag is None else lag)

    def erase(self, kind: str, jnid: str, who: Who) -> None:
        """Take a record out for good."""
        row = self.rows[kind].pop(jnid)
        self._unlist(kind, row)
        self._remember(kind, row, {"jnid": jnid}, who)
        self.index.send(kind, jnid, None, self._now(), self._lag())

    def patch(self, kind: str, jnid: str, changes: Row) -> None:
        """Change a row behind the scenes: no version, no history, no lag (renamed catalogs do that)."""
        self.rows[kind][jnid] = {**self.rows[kind][jnid], **changes}
        self.index.patch(kind, jnid, changes)

    def strip(self, kind: str, key: str) -> None:
        """Take a field out of every row, as when its definition is removed."""
        for jnid, row in self.rows[kind].items():
            if key in row:
                self.rows[kind][jnid] = {name: value for name, value in row.items() if name != key}
                self.index.patch(kind, jnid, {key: None})

    def namesakes(self, kind: str, title: str) -> list[Row]:
        """Records whose title is the same without regard to case."""
        return [self.rows[kind][jnid] for jnid in self._titles[kind].get(_fold(title), ())]

    def jobs_of(self, contact: str) -> list[Row]:
        """The jobs whose primary this contact is."""
        return [self.rows["jobs"][jnid] for jnid in sorted(self._jobs.get(contact, ()))]

    def _list(self, kind: str, row: Row) -> None:
        if kind in TITLE:
            self._titles[kind][_fold(row[TITLE[kind]])].add(row["jnid"])
        if kind == "jobs" and row["primary"]:
            self._jobs[row["primary"]["id"]].add(row["jnid"])

    def _unlist(self, kind: str, row: Row | None) -> None:
        if row is None:
            return
        if kind in TITLE:
            self._titles[kind][_fold(row[TITLE[kind]])].discard(row["jnid"])
        if kind == "jobs" and row["primary"]:
            self._jobs[row["primary"]["id"]].discard(row["jnid"])

    def _remember(self, kind: str, before: Row, after: Row, who: Who) -> None:
        if before:
            names = sorted({*before, *after} - {"jnid", "date_updated"})
            fields = {n: (before.get(n), after.get(n)) for n in names if before.get(n) != after.get(n)}
        else:
            fields = {name: (None, value) for name, value in after.items() if value and name != "jnid"}
        if fields:
            self._note(kind, after["jnid"], by=who.user.email, via=who.via, fields=fields)


def _fold(title: object) -> str:
    return str(title or "").strip().casefold()
