"""A copy of the store while it is worked on: one moment of it, whole and proved sound; and putting one back.

What is not here: PostgreSQL, which has tools of its own, and what an old copy means for the sync (`engine.restored`).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path

from syncd.errors import ConfigError, Problem, Transient
from syncd.store import schema
from syncd.store.runs import MOVED
from syncd.store.store import Store

STOP_IT = "Stop it, and try again in a minute."

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


def put_back(store: Store, copy: Path, now: datetime, prepare: Callable[[Store], object]) -> Path | None:
    """Put a copy in the store's place; the folder in which lies what was there before, None if nothing was.

    `prepare`: what is to be done with the copy first; it is in its place when that is done, or not at all.
    Raises ConfigError where the copy is none of ours or damaged, somebody works on the store, or the store is no file.
    """
    if store.file is None:
        remedy = "Restore it with pg_restore, then tell syncd: `syncd db restored`."
        raise ConfigError(Problem("[syncd] store", "is on a PostgreSQL, which has its own backups.", remedy))
    part = store.file.with_name(f"{store.file.name}.part")
    try:
        _copy(copy.resolve(strict=True), part)
        with closing(Store(f"sqlite:///{part}")) as found:
            schema.must_be_known(found)
            prepare(found)
        with closing(sqlite3.connect(part)) as whole:
            whole.execute("PRAGMA journal_mode=DELETE")
        _force(part, os.O_RDWR)
        _end_work(store, copy, now)
        aside = _set_aside(store, now)
        part.rename(store.file)
    except (OSError, sqlite3.Error) as error:
        raise ConfigError(
            Problem(str(copy), f"is no copy that can be restored: {error}.", "Name another one.")
        ) from None
    finally:
        for name in part.parent.glob(f"{part.name}*"):
            name.unlink()
    _force(store.file.parent, os.O_RDONLY)
    return aside


def _end_work(store: Store, copy: Path, now: datetime) -> None:
    """Who has the old file open gets no work from it any more. Raises ConfigError if somebody works on it now."""
    leased = False
    with suppress(Transient, ConfigError):  # damaged, or of another version: nobody works on that
        if not schema.empty(store):
            with store.begin(durable=True) as tx:
                leased = tx.leased(now)
                if not leased:
                    tx.runs.set_fact(MOVED, {"to": f"a copy, {copy.name}", "done": True})
    if leased:
        raise ConfigError(Problem("[syncd] store", "a syncd works on it, or was killed a moment ago.", STOP_IT))


def _set_aside(store: Store, now: datetime) -> Path | None:
    """What is there, with what SQLite has beside it, in a folder of its own."""
    store.close()
    if store.file is None or not store.file.exists() or not store.file.stat().st_size:
        return None
    folder = store.file.with_name(f"{store.file.name}.{now:%Y%m%d-%H%M%S}")
    folder.mkdir(mode=0o700)
    for name in (store.file, *store.file.parent.glob(f"{store.file.name}-*")):
        name.rename(folder / name.name)
    return folder


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
