"""What an operator does with the store as a whole: bring it up to date, try it, copy it, carry it over.

What is not here: what is in it (`syncd.store`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from syncd.engine.restored import doubt
from syncd.errors import ConfigError, Problem
from syncd.service.exporting import export
from syncd.store import backup, move, schema
from syncd.store.store import Store

JUST_NOW = timedelta(minutes=10)
"""What was read since then is no old copy, or one on which a syncd was started too soon."""


@dataclass(frozen=True, slots=True)
class Keeping:
    """Of one store, of whatever version. `clock`: what its leases are measured by."""

    store: Store
    clock: Callable[[], datetime]

    def upgrade(self) -> str:
        """Bring it to this version; what it was and is."""
        before, after = schema.upgrade(self.store)
        if before == after:
            return f"The store is of version {after}."
        return f"The store was {before or 'empty'}, now {after}."

    def check(self) -> dict[str, Any]:
        """Its version, and whether it is sound; raises ConfigError if it is another version than this syncd's."""
        schema.check(self.store)
        return {"version": schema.version(self.store), "sound": self.store.sound()}

    def backup(self, to: Path, keep: int | None = None) -> Path:
        """A copy of it while it is worked on, in this file or folder; one of an older version is copied as it is."""
        schema.must_be_known(self.store)
        return backup.backup(self.store, to, self.clock(), keep=keep)

    def move(self, to: Store, say: Callable[[str], None]) -> dict[str, int]:
        """Carry it over into an empty one; rows by table. Goes on where it was interrupted."""
        return move.move(self.store, to, self.clock(), say)

    def give_up_move(self) -> None:
        """Let it be worked on again, though its move was begun. Raises ConfigError if that is done."""
        move.give_up(self.store)

    def restore(self, copy: Path) -> Path | None:
        """Put a copy in its place, and doubt what it says; where the store that was there lies now, if there was one.

        Raises ConfigError where the copy is none of ours or damaged, a syncd works on the store, or it is no file.
        """
        return backup.put_back(self.store, copy, self.clock(), _doubted)

    def restored(self, made: datetime | None = None) -> datetime | None:
        """Doubt what the store says, since it was restored from a copy; when it was last read, as far as it says so.

        `made`: when the copy was made; needed where syncd has read since. Raises ConfigError without it then.
        """
        schema.check(self.store)
        with self.store.begin() as tx:
            polled = doubt(tx, made)
            if polled is not None and made is None and self.clock() - polled < JUST_NOW:
                remedy = "Say when the copy was made: --made 2026-11-29T01:30"
                raise ConfigError(Problem("[syncd] store", f"it was read at {polled:%H:%M} UTC, just now.", remedy))
            return polled

    def export(self, folder: Path, form: str, since: datetime | None, *, new: bool) -> dict[str, int]:
        """The views for reports as files in a folder; rows by view."""
        schema.check(self.store)
        return export(self.store, folder, self.clock(), form=form, since=since, new=new)


def _doubted(copy: Store) -> None:
    """A copy as it is worked on: of this version, and in doubt."""
    schema.upgrade(copy)
    with copy.begin() as tx:
        doubt(tx)
