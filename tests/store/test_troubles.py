"""What goes wrong with the file of the store itself, on real files: a full disk, and damage. Each has its remedy."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from syncd.cli import main
from syncd.cli.failures import LATER, lines
from syncd.core.model import Side
from syncd.errors import ConfigError, Transient
from syncd.store import schema
from syncd.store.store import Store
from tests.store.conftest import NOW

RESTORE = "Put a copy in its place"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A store with something in it, closed."""
    path = tmp_path / "syncd.db"
    with closing(Store(f"sqlite:///{path}")) as store:
        schema.upgrade(store)
        with store.begin() as tx:
            tx.marks.add("m", Side.LEFT, [str(n) for n in range(2000)], NOW)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


def ruin(file: Path, table: str) -> None:
    """Overwrite the first page of a table."""
    with closing(sqlite3.connect(file)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    file.write_bytes(content)


def test_a_full_disk_wants_room(file: Path) -> None:
    """Nothing is written, and the sentence ends before the next one begins."""

    def full(connection: Any, _record: Any) -> None:
        # The file may not grow: SQLite says of it what it says of a full disk.
        connection.execute("PRAGMA max_page_count = 1")

    with closing(Store(f"sqlite:///{file}")) as store:
        event.listen(store.engine, "connect", full)
        with pytest.raises(Transient) as told, store.begin() as tx:
            tx.marks.add("m", Side.RIGHT, [str(n) for n in range(20_000)], NOW)
        with store.read() as tx:
            assert tx.marks.get("m", Side.RIGHT, ["1"]) == {}
    wanted = "The store cannot be written: database or disk is full. Make room on its disk."
    assert lines(told.value) == [f"{wanted} {LATER}"]


def test_a_damaged_file_wants_a_backup(file: Path) -> None:
    """It is no bug, and trying again does not help; a reader and a writer hear the same."""
    ruin(file, "marks")
    says = f"is damaged: database disk image is malformed. {RESTORE}"
    with closing(Store(f"sqlite:///{file}")) as store:
        for opened in (store.read, store.begin):
            with pytest.raises(ConfigError, match=says), opened() as tx:
                tx.marks.get("m", Side.LEFT, ["1"])


def test_a_damaged_file_is_told_on_the_command_line(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`db check` says that it is not sound, and what to do; what is no database at all wants the same."""
    config = Path(__file__).parents[2] / "config.example.toml"
    monkeypatch.chdir(file.parent)
    for name in ("HUBSPOT_TOKEN", "JOBNIMBUS_API_KEY"):
        monkeypatch.setenv(name, "some-key-0123456789")
    Path("config.toml").write_text(config.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setenv("SYNCD_STORE", f"sqlite:///{file}")
    assert main(["db", "check"]) == 0
    ruin(file, "marks")
    capsys.readouterr()
    assert main(["db", "check"]) == 2
    said = capsys.readouterr()
    assert "no" in said.out
    assert "store" in said.err and RESTORE in said.err
    file.write_bytes(b"not a database at all" * 500)
    assert main(["db", "check"]) == 2
    assert f"file is not a database. {RESTORE}" in capsys.readouterr().err


@pytest.mark.parametrize("uid", [65534, 4_000_000])
def test_root_does_not_open_what_is_anothers(tmp_path: Path, uid: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What root made beside the file, its owner could not write; whose it is, is told, and others are let be."""
    name = tmp_path / "syncd.db"
    name.touch()
    stat = os.stat_result((*name.stat()[:4], uid, *name.stat()[5:]))
    monkeypatch.setattr(Path, "stat", lambda self, **_: stat)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(ConfigError, match=r"belongs to .*sudo -u"):
        Store(f"sqlite:///{name}")
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    Store(f"sqlite:///{name}").close()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    """And what SQLite makes beside it, whatever the umask says."""
    before = os.umask(0)
    try:
        with closing(Store(f"sqlite:///{tmp_path / 'syncd.db'}")) as store:
            schema.upgrade(store)
            with store.read():
                modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"syncd.db": 0o600, "syncd.db-wal": 0o600, "syncd.db-shm": 0o600}
