"""JobNimbus rows as records: values, versions, tombstones, and what a missing key means.

What is not here: where rows come from (`client`, `sweeps`).
A standard field that is missing is blank. A custom field that is missing is blank only if it is proven to exist.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.core.model import FieldKind, FieldType, Gone, Record, Ref, Value
from syncd_jobnimbus.names import Names
from syncd_jobnimbus.proofs import Proofs
from syncd_jobnimbus.values import Codec, moment

Row = Mapping[str, Any]
TypeOf = Callable[[str, str], FieldType | None]
"""(kind, field name) -> its type, None for a field that does not exist as far as known."""

Asked = Sequence[tuple[str, FieldType, bool]]
"""What is asked of rows: names, their types, and whether it is a plain text under that very name, as most are."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Turns the rows of one account into records."""

    system: str
    codec: Codec
    names: Names
    proofs: Proofs
    type_of: TypeOf

    def records(
        self, kind: str, rows: Sequence[Row], fields: Sequence[str], read_at: datetime, *, stale_ok: bool
    ) -> list[Record | Gone]:
        """Records, or tombstones for inactive rows, in the order given. Team members are not contacts: left out."""
        since = time.monotonic()
        asked = self._asked(kind, fields)
        kept = [row for row in rows if not is_member(kind, row)]
        self.proofs.note(kind, kept, [name for name, field, _ in asked if field.custom], since)
        found: list[Record | Gone] = []
        for row in kept:
            if is_deleted(row):
                found.append(Gone(ref=self.ref(kind, row), tombstone=True, read_at=read_at))
            else:
                found.append(self._record(kind, row, asked, read_at, since, stale_ok=stale_ok))
        return found

    def record(
        self,
        kind: str,
        row: Row,
        fields: Sequence[str],
        read_at: datetime,
        since: float | None,
        *,
        at: float | None = None,
        stale_ok: bool = False,
    ) -> Record:
        """One row as a record, whether or not it is active.

        `since` (monotonic): when it was answered, or how old a proof may be that a missing custom field is blank; None:
        nobody is asked, and what is missing is left out. `at` (monotonic): when it came, if it is to prove anything.
        """
        asked = self._asked(kind, fields)
        if at is not None:
            self.proofs.note(kind, [row], [name for name, field, _ in asked if field.custom], at)
        return self._record(kind, row, asked, read_at, since, stale_ok=stale_ok)

    def untold(
        self, kind: str, row: Row, types: Mapping[str, FieldType | None], since: float
    ) -> tuple[list[str], list[str]]:
        """Of the custom fields that a row does not tell: those that are blank, and those lost to us."""
        custom = [name for name, field in types.items() if field is not None and field.custom]
        missing = [name for name in custom if self.names.locate(kind, name, row) is None]
        blank = [name for name in missing if self.proofs.exists(kind, name, since)]
        return blank, [name for name in missing if name not in blank and self.proofs.carried(kind, name)]

    def ref(self, kind: str, row: Row) -> Ref:
        """The row's address."""
        return Ref(self.system, kind, str(row["jnid"]))

    def _asked(self, kind: str, fields: Sequence[str]) -> Asked:
        known = ((name, self.type_of(kind, name)) for name in fields)
        return [
            (name, field, field.kind is FieldKind.TEXT and not field.custom)
            for name, field in known
            if field is not None
        ]

    def _record(
        self,
        kind: str,
        row: Row,
        asked: Asked,
        read_at: datetime,
        since: float | None,
        *,
        stale_ok: bool,
    ) -> Record:
        modified = stamp(row, "date_updated")
        return Record(
            ref=self.ref(kind, row),
            fields=self._values(kind, row, asked, since),
            # Whole seconds, so two edits within one share it.
            version=None if modified is None else str(row["date_updated"]),
            modified_at=modified,
            created_at=stamp(row, "date_created"),
            read_at=read_at,
            stale_ok=stale_ok,
        )

    def _values(self, kind: str, row: Row, asked: Asked, since: float | None) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, field, plain in asked:
            if plain and (wire := row.get(name)).__class__ is str:
                values[name] = wire or None
                continue
            key = self.names.locate(kind, name, row) if field.custom else name
            if key is None:
                if since is not None and self.proofs.exists(kind, name, since):
                    values[name] = None
                continue
            with suppress(ValueError):  # a value that is none of this field's: unknown, never blank
                values[name] = self.codec.decode(field, row.get(key))
        return values


def is_member(kind: str, row: Row) -> bool:
    """Whether a contact is a person of the team: the vendor keeps them in one list."""
    return kind == "contacts" and row.get("is_user") is True


def is_deleted(row: Row) -> bool:
    """Whether the vendor says that this record was deleted (softly)."""
    return row.get("is_active") is False


def stamp(row: Row, name: str) -> datetime | None:
    """A moment of a row; None where it has none that can be read."""
    try:
        return moment(row.get(name))
    except ValueError:
        return None
