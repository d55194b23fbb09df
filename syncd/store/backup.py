"""A copy of the store while it is worked on: one moment of it, whole and proved sound before it counts.

What is not here: PostgreSQL, which has tools of its own, and what an old copy means for the sync.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from syncd.errors import ConfigError, Problem, Transient
from syncd.store.store import Store

NAME = "syncd-{:%Y%m%d-%H%M%S}.db"
MADE = "syncd-????????-??????.db"


def backup(store: Store, to: Path, now: datetime, *, keep: int | None = None) -> Path:
    """Copy the store to a file, or into a folder under the name of the moment; the file.

    `keep`: so many of a folder's newest copies stay. Raises ConfigError where the store is no file, or `to` is there
    already, and Transient where it cannot be written; nothing half is left behind.
    """
    if store.file is None:
        remedy = "Use pg_dump: see the page on PostgreSQL."
        raise ConfigError(Problem("[syncd] store", "is on a PostgreSQL, which has its own backups.", remedy))
    target = to / NAME.format(now) if to.is_dir() else to
    if target.exists():
        raise ConfigError(Problem(str(target), "is there already.", "Name another file, or a folder."))
    part = target.with_name(f"{target.name}.part")
    try:
        _copy(store.file, part)
        part.rename(target)
        _force(target.parent, os.O_RDONLY)
    except (OSError, sqlite3.Error) as error:
        raise Transient(f"The backup {target} was not made: {error}.") from error
    finally:
        part.unlink(missing_ok=True)
    if keep is not None and to.is_dir():
        for old in sorted(to.glob(MADE))[:-keep]:
            old.unlink()
    return target


def _copy(source: Path, part: Path) -> None:
    """To a file that nobody else may read; on the disk, and sound, when it returns."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(sqlite3.connect(source, timeout=30)) as here, closing(sqlite3.connect(part)) as there:
        here.backup(there)  # all at once: nobody waits for a reader, and in steps it began anew at every write
        there.execute("PRAGMA journal_mode=DELETE")
        (found,) = there.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not sound: {found}")
    _force(part, os.O_RDWR)


def _force(name: Path, mode: int) -> None:
    handle = os.open(name, mode)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
