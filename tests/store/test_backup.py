"""A copy of the store is one moment of it, whole, whoever writes meanwhile. Not here: what an old copy means."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.core.model import Side
from syncd.errors import ConfigError, Transient
from syncd.store import schema
from syncd.store.backup import backup
from syncd.store.store import Store
from tests import postgres
from tests.store.conftest import NOW


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Store]:
    """A store in a file."""
    with closing(Store(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
        schema.upgrade(store)
        yield store


def count(path: Path) -> tuple[int, int]:
    """Marks and facts of a copy, which are written together."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as copy:
        marks = copy.execute("SELECT count(*) FROM marks").fetchone()[0]
        told = copy.execute("SELECT value FROM facts WHERE name = 'count'").fetchone()
    return int(marks), int(told[0]) if told else 0


def write(store: Store, n: int) -> None:
    """One more of each, in one transaction."""
    with store.begin() as tx:
        tx.marks.add("m", Side.LEFT, [str(n)], NOW)
        tx.runs.set_fact("count", n + 1)


def test_a_copy_is_one_moment_whoever_writes_meanwhile(file: Store, tmp_path: Path) -> None:
    """While another thread writes on and on, each copy holds as many marks as it says, and opens as a store."""
    stop, wrote = threading.Event(), threading.Event()

    def on_and_on() -> None:
        n = 0
        while not stop.is_set():
            write(file, n)
            n += 1
            wrote.set()

    writer = threading.Thread(target=on_and_on)
    writer.start()
    try:
        assert wrote.wait(10)
        copies = [backup(file, tmp_path / f"copy{n}.db", NOW) for n in range(5)]
    finally:
        stop.set()
        writer.join()
    found = [count(path) for path in copies]
    assert all(marks == told > 0 for marks, told in found)
    assert [marks for marks, _ in found] == sorted(marks for marks, _ in found)
    with closing(Store(f"sqlite:///{copies[-1]}")) as again:
        schema.check(again)
        assert again.sound()


def test_nobody_else_may_read_it(file: Store, tmp_path: Path) -> None:
    """It holds people's names and numbers: it is the owner's alone, and one file by itself."""
    made = backup(file, tmp_path / "copy.db", NOW)
    assert made.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.glob("copy*")) == ["copy.db"]


def test_of_a_folder_the_newest_stay(file: Store, tmp_path: Path) -> None:
    """Named by the moment; what else lies there is left alone."""
    folder = tmp_path / "backups"
    folder.mkdir()
    (folder / "notes.txt").touch()
    made = [backup(file, folder, NOW + timedelta(days=n), keep=3) for n in range(5)]
    assert sorted(folder.iterdir()) == sorted([*made[-3:], folder / "notes.txt"])


def test_nothing_is_written_over(file: Store, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    there = tmp_path / "there.db"
    there.write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is there already"):
        backup(file, there, NOW)
    assert there.read_text(encoding="utf-8") == "mine"


def test_what_cannot_be_written_leaves_nothing_behind(
    file: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, a folder that is not there: it is told, and no half copy is left."""
    with pytest.raises(Transient, match="was not made"):
        backup(file, tmp_path / "no" / "copy.db", NOW)

    def full(_handle: int) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Transient, match="No space left"):
        backup(file, tmp_path / "copy.db", NOW)
    assert list(tmp_path.glob("copy*")) == []


def test_postgresql_has_its_own() -> None:
    """It is told which."""
    with closing(Store(postgres.blank())) as store, pytest.raises(ConfigError, match="pg_dump"):
        backup(store, Path("copy.db"), NOW)
