"""A copy of the store is one moment of it, whole, whoever writes meanwhile. Not here: what an old copy means."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from syncd.core.model import Side
from syncd.errors import ConfigError, Transient
from syncd.store import schema
from syncd.store.backup import backup, put_back
from syncd.store.store import Store, Tx
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
    with closing(Store(postgres.blank())) as store:
        with pytest.raises(ConfigError, match="pg_dump"):
            backup(store, Path("copy.db"), NOW)
        with pytest.raises(ConfigError, match="pg_restore"):
            put_back(store, Path("copy.db"), NOW, print)


def test_a_copy_is_put_back_and_what_was_there_is_kept(file: Store, tmp_path: Path) -> None:
    """With what SQLite had beside it, in a folder of its own; the copy stays as it was, and can be put back again."""
    write(file, 0)
    copy = backup(file, tmp_path / "copy.db", NOW)
    content = copy.read_bytes()
    write(file, 1)
    assert file.file is not None and file.file.with_name("syncd.db-wal").exists()
    aside = put_back(file, copy, NOW, lambda _: None)
    assert aside is not None and count(aside / "syncd.db") == (2, 2)
    assert count(file.file) == (1, 1)
    assert copy.read_bytes() == content
    assert file.file.stat().st_mode & 0o777 == 0o600
    write(file, 1)
    assert put_back(file, copy, NOW + timedelta(seconds=1), lambda _: None) is not None
    assert count(file.file) == (1, 1)


def test_who_has_the_old_file_open_gets_no_work_from_it(file: Store, tmp_path: Path) -> None:
    """A process that idles while a copy is put in its place cannot begin anything on what lies aside."""
    write(file, 0)
    copy = backup(file, tmp_path / "copy.db", NOW)
    with closing(Store(file.url)) as idle, idle.engine.connect() as connection:
        connection.exec_driver_sql("SELECT 1 FROM marks")
        put_back(file, copy, NOW, lambda _: None)
        tx = Tx(connection)
        with pytest.raises(ConfigError, match="was moved to a copy"):
            tx.runs.next_fence()


def test_a_copy_that_cannot_be_prepared_is_not_put_back(file: Store, tmp_path: Path) -> None:
    """Killed in the middle of it, the store is as it was; nothing is left beside it."""
    write(file, 0)
    copy = backup(file, tmp_path / "copy.db", NOW)
    write(file, 1)

    def dies(_: Store) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_back(file, copy, NOW, dies)
    assert file.file is not None and count(file.file) == (2, 2)
    with file.begin() as tx:
        tx.runs.next_fence()
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


def test_a_damaged_store_is_replaced(file: Store, tmp_path: Path) -> None:
    """Whatever is there: nobody can work on it, and it is kept for who wants to look."""
    write(file, 0)
    copy = backup(file, tmp_path / "copy.db", NOW)
    file.close()
    assert file.file is not None
    file.file.write_bytes(b"no database" * 1000)
    aside = put_back(file, copy, NOW, lambda _: None)
    assert aside is not None and (aside / "syncd.db").read_bytes().startswith(b"no database")
    assert count(file.file) == (1, 1)


def work(store: Store, _copy: Path) -> None:
    """A syncd works on it."""
    with store.begin() as tx:
        tx.pair_leases.take("sales", now=NOW, until=NOW + timedelta(minutes=1), fence=1)


def spoil(_store: Store, copy: Path) -> None:
    """The copy is damaged."""
    copy.write_bytes(copy.read_bytes()[:5000] + b"x" * 5000)


def take_away(_store: Store, copy: Path) -> None:
    """There is no such copy."""
    copy.unlink()


def make_strange(_store: Store, copy: Path) -> None:
    """It is another program's."""
    copy.unlink()
    with closing(sqlite3.connect(copy)) as other:
        other.execute("CREATE TABLE mine (id)")


@pytest.mark.parametrize(
    ("do", "words"),
    [(work, "Stop it"), (spoil, "no copy that can be restored"), (take_away, "no copy that can be"),
     (make_strange, "another program")],
)  # fmt: skip
def test_what_must_not_be_put_back_is_refused(
    do: Callable[[Store, Path], None], words: str, file: Store, tmp_path: Path
) -> None:
    """The store stays as it is, and nothing is left beside it."""
    write(file, 0)
    copy = backup(file, tmp_path / "copy.db", NOW)
    write(file, 1)
    do(file, copy)
    with pytest.raises(ConfigError) as caught:
        put_back(file, copy, NOW, lambda _: None)
    assert words in str(caught.value)
    assert file.file is not None and count(file.file) == (2, 2)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir() or ".part" in path.name] == []
