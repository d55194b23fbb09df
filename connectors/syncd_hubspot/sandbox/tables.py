"""The primary store of one object type: rows, the recycle bin, old ids, unique values. Plain storage.

What is not here: rules (`writes`), modified times and history (`portal`).
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from syncd_hubspot.sandbox.index import Index
from syncd_hubspot.sandbox.records import Row
from syncd_hubspot.sandbox.schema import Schema
from syncd_hubspot.sandbox.standard import Kind
from syncd_hubspot.sandbox.times import DAY_MS

BIN_DAYS = 90
"""How long an archived record can be seen and restored."""


class Table:
    """Rows of one type. `live` and `bin` are sorted ids; `aliases` leads from a merged id to what it became."""

    def __init__(self, kind: Kind, schema: Schema) -> None:
        """Begin empty."""
        self.kind = kind
        self.schema = schema
        self.rows: dict[int, Row] = {}
        self.live: list[int] = []
        self.bin: list[int] = []
        self.aliases: dict[int, int] = {}
        self.purged: set[int] = set()
        self.index = Index()
        self._taken: dict[str, dict[str, int]] = {}

    def alive(self, id: int) -> Row | None:
        """The living row of this very id."""
        row = self.rows.get(id)
        return None if row is None or row.archived_at is not None else row

    def resolve(self, id: int) -> Row | None:
        """The living row that this id, or an id merged away, leads to."""
        end = id
        while end in self.aliases:
            end = self.aliases[end]
        return self.alive(end)

    def add(self, row: Row) -> None:
        """Put a new row in."""
        self.rows[row.id] = row
        insort(self.live, row.id)
        self._claim(row)

    def change(self, row: Row, values: dict[str, str]) -> None:
        """Replace a row's values, and what it claims."""
        self._release(row)
        row.values = values
        self._claim(row)

    def archive(self, row: Row, at: int) -> None:
        """Move a row to the recycle bin; its unique values are free again."""
        self._release(row)
        row.archived_at = at
        del self.live[bisect_left(self.live, row.id)]
        insort(self.bin, row.id)

    def restore(self, row: Row) -> None:
        """Move a row back."""
        row.archived_at = None
        del self.bin[bisect_left(self.bin, row.id)]
        insort(self.live, row.id)
        self._claim(row)

    def remove(self, row: Row) -> None:
        """Forget a row wholly."""
        if row.archived_at is None:
            self._release(row)
        ids = self.live if row.archived_at is None else self.bin
        del ids[bisect_left(ids, row.id)]
        del self.rows[row.id]
        self.purged.add(row.id)

    def purge(self, now: int) -> None:
        """Empty the recycle bin of what has lain there for 90 days."""
        for one in [one for one in self.bin if (self.rows[one].archived_at or 0) < now - BIN_DAYS * DAY_MS]:
            self.remove(self.rows[one])

    def holder(self, name: str, value: str, *, archived: bool = False) -> int | None:
        """The id of the row that holds a unique value, living or in the bin."""
        if not archived:
            return self._taken.get(name, {}).get(value)
        return next((one for one in self.bin if value in _claims(self.rows[one].values, name)), None)

    def rival(self, row: Row) -> int | None:
        """The living row that holds a unique value of this one, which is in the bin."""
        holders = (self.holder(name, value) for name, value in self._pairs(row.values))
        return next((one for one in holders if one is not None), None)

    def page(self, after: int, limit: int, archived: bool) -> tuple[list[Row], int | None]:
        """Rows from id `after` on, in id order, and the id the next page begins with."""
        ids = self.bin if archived else self.live
        start = bisect_left(ids, after)
        rows = [self.rows[one] for one in ids[start : start + limit]]
        more = start + limit
        return rows, ids[more] if more < len(ids) else None

    def unique_names(self) -> list[str]:
        """Properties whose values are unique across living rows: e-mails of contacts and custom unique ones."""
        return (["email"] if self.kind.name == "contacts" else []) + self.schema.uniques()

    def _claim(self, row: Row) -> None:
        for name, value in self._pairs(row.values):
            self._taken.setdefault(name, {})[value] = row.id

    def _release(self, row: Row) -> None:
        for name, value in self._pairs(row.values):
            if self._taken.get(name, {}).get(value) == row.id:
                del self._taken[name][value]

    def _pairs(self, values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        for name in self.unique_names():
            for value in _claims(values, name):
                yield name, value


def _claims(values: Mapping[str, str], name: str) -> list[str]:
    """What a row claims under a unique name; a contact's additional addresses count as its e-mail."""
    found = [values[name]] if name in values else []
    if name == "email":
        found += [each.strip().lower() for each in values.get("hs_additional_emails", "").split(";") if each.strip()]
    return found
