"""The store's version: made by migrations, refused when it is another's, and just what `tables` says."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.schema import CreateTable

from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.store import schema
from syncd.store.snapshots import digest, hashed
from syncd.store.store import Store
from syncd.store.tables import metadata
from tests.store.conftest import NOW
from tests.store.processes import answers, child

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def blank(blank_url: str) -> Iterator[Store]:
    """A database without any table."""
    with closing(Store(blank_url)) as opened:
        yield opened


def versioned(store: Store, version: str) -> None:
    """Write another version into the store."""
    with store.begin() as tx:
        tx.connection.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})


def test_the_migrations_make_what_the_tables_say(store: Store) -> None:
    """Alembic finds no difference between the migrated database and `tables`: columns, types, keys, indexes."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_keep_rows_as_the_tables_say(lite: Store) -> None:
    """Tables that are to be kept in their key's order are, and their primary keys and NULLs are as in `tables`."""
    with lite.read() as tx:
        made = dict(tx.connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'table'")).all())
    for name, table in metadata.tables.items():
        said = str(CreateTable(table).compile(lite.engine))
        assert ("WITHOUT ROWID" in made[name]) == ("WITHOUT ROWID" in said), name
        found = inspect(lite.engine)
        assert found.get_pk_constraint(name)["constrained_columns"] == [column.name for column in table.primary_key]
        assert {c["name"]: c["nullable"] for c in found.get_columns(name)} == {
            column.name: column.nullable for column in table.columns
        }


def test_partial_indexes_are_partial_in_both(lite: Store) -> None:
    """The condition of every partial index is the same in the database as in `tables`."""
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %'"
    with lite.read() as tx:
        made = {name: sql.split(" WHERE ")[1] for name, sql in tx.connection.execute(text(query))}
    said = {
        str(index.name): str(where)
        for table in metadata.tables.values()
        for index in table.indexes
        if (where := index.dialect_options["sqlite"]["where"]) is not None
    }
    assert made == said
    on_postgresql = {
        str(index.name): str(where)
        for table in metadata.tables.values()
        for index in table.indexes
        if (where := index.dialect_options["postgresql"]["where"]) is not None
    }
    assert on_postgresql == said


def test_versions_are_files_in_one_chain() -> None:
    """Each migration is named by its number, says the same inside, and follows the one before."""
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    before = "None"
    for path in files:
        assert re.fullmatch(r"\d{4}_\w+\.py", path.name)
        told = dict(re.findall(r"^(revision|down_revision) = (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE))
        assert told == {"revision": f'"{path.name[:4]}"', "down_revision": before}
        before = told["revision"]
    assert schema.known() == [path.name[:4] for path in files]
    assert schema.head() == files[-1].name[:4]


def test_migrations_are_formatted() -> None:
    """What alembic wrote was formatted like everything else before it was kept."""
    files = [str(path) for path in (ROOT / "migrations").rglob("*.py")]
    command = [sys.executable, "-m", "ruff", "format", "--check", "--diff", *files]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout


def test_an_empty_store_is_made(blank: Store) -> None:
    """An empty database is refused with what to run; after that it is of this version, and the upgrade does no more."""
    assert schema.empty(blank)
    with pytest.raises(ConfigError, match=r"the store is empty\. Run `syncd db upgrade`"):
        schema.check(blank)
    assert schema.upgrade(blank) == (None, schema.head())
    schema.check(blank)
    assert not schema.empty(blank)
    with blank.begin() as tx:
        tx.runs.set_fact("kept", 1)
    assert schema.upgrade(blank) == (schema.head(), schema.head())
    with blank.read() as tx:
        assert tx.runs.fact("kept") == 1
    assert blank.sound()


def test_an_older_store_is_upgraded_by_hand_only(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store of an older version is refused with what to run, a backup first; it is not touched."""
    older = schema.head()
    monkeypatch.setattr(schema, "known", lambda: [older, "9998"])
    with pytest.raises(ConfigError, match=rf"version {older}, this syncd works with 9998\. Run .* after a backup"):
        schema.check(store)
    assert schema.version(store) == older


@pytest.mark.parametrize("verb", [schema.check, schema.upgrade])
def test_a_newer_store_is_refused(store: Store, verb: object) -> None:
    """A store that a newer syncd wrote is neither used nor upgraded: that would lose what we do not know of."""
    versioned(store, "9999")
    with pytest.raises(ConfigError, match="version 9999, which this syncd does not know: a newer syncd wrote it"):
        verb(store)
    assert schema.version(store) == "9999"


@pytest.mark.parametrize("verb", [schema.check, schema.upgrade])
@pytest.mark.parametrize("theirs", ["CREATE TABLE invoices (id INTEGER)", "their own alembic"])
def test_a_database_of_another_program_is_left_alone(blank: Store, verb: object, theirs: str) -> None:
    """Tables that are not ours, even with alembic's table among them, are refused, and none of ours is made."""
    with blank.begin() as tx:
        if theirs.startswith("CREATE"):
            tx.connection.execute(text(theirs))
        else:
            tx.connection.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
            tx.connection.execute(text("INSERT INTO alembic_version VALUES ('1a2b3c4d5e6f')"))
    before = inspect(blank.engine).get_table_names()
    with pytest.raises(ConfigError, match="tables of another program"):
        verb(blank)
    assert inspect(blank.engine).get_table_names() == before


@pytest.mark.parametrize("verb", [schema.check, schema.upgrade, schema.empty])
@pytest.mark.parametrize("what", ["not a database", "unable to open"])
def test_what_is_no_database_is_a_mistake_of_the_set_up(tmp_path: Path, verb: object, what: str) -> None:
    """A file of something else, or a folder that is not there, is said in plain words with what to look at."""
    (tmp_path / "notes.txt").write_text("These are not the records you are looking for.", encoding="utf-8")
    wrong = what == "not a database"
    name, remedy = ("notes.txt", "Put a copy in its place") if wrong else ("nowhere/syncd.db", "folder must be there")
    with (
        closing(Store(f"sqlite:///{tmp_path / name}")) as store,
        pytest.raises(ConfigError, match=f"cannot be opened: .*{what}.*{remedy}"),
    ):
        verb(store)


def test_an_upgrade_that_fails_leaves_nothing(blank: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An upgrade whose second migration breaks is undone as a whole; the next attempt starts from where it was."""
    broken = tmp_path / "migrations"
    (broken / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        (broken / name).write_text((ROOT / "migrations" / name).read_text(encoding="utf-8"), encoding="utf-8")
    for number, end in (("0001", ""), ("0002", "    raise OSError(28, 'no space')\n")):
        whole = next((ROOT / "migrations" / "versions").glob(f"{number}_*.py"))
        (broken / "versions" / whole.name).write_text(whole.read_text(encoding="utf-8") + end, "utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(schema, "folder", lambda: broken)
        with pytest.raises(OSError, match="no space"):
            schema.upgrade(blank)
    assert schema.empty(blank)
    assert schema.upgrade(blank) == (None, schema.head())


def test_processes_that_start_at_once_make_one_store(blank_url: str) -> None:
    """Three processes find an empty database and make it at the same moment: each finds it made, none fails."""
    code = (
        "import sys; from syncd.store import schema; from syncd.store.store import Store; store = Store(sys.argv[1]);"
        "import alembic.command; print('ready', flush=True); sys.stdin.readline();"
        "schema.upgrade(store); schema.check(store); store.close()"
    )
    assert answers([child(code, blank_url) for _ in range(3)]) == [[], [], []]


def test_a_store_that_nobody_damaged_is_sound(store: Store) -> None:
    """A fresh one is, whatever database keeps it."""
    assert store.sound()


def test_damage_is_found(lite: Store, tmp_path: Path) -> None:
    """A page that was overwritten in the file is told by the database itself."""
    assert lite.sound()
    with lite.begin() as tx:
        for n in range(500):
            tx.links.make("m", str(n), str(n), NOW)
    lite.close()
    file = Path(str(lite.engine.url.database))
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ux_links_left'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    content = bytearray(file.read_bytes())
    content[(root - 1) * size : root * size] = b"\xff" * size
    file.write_bytes(content)
    with closing(Store(lite.url)) as damaged:
        assert damaged.sound() is False


def test_match_keys_are_moved_to_numbers(blank: Store) -> None:
    """Of a store that was made before them every key finds whom it found, and no other."""
    schema.upgrade(blank, to="0008")
    old = [("m", "left", "1", "a"), ("m", "left", "2", "a"), ("m", "right", "9", "a"), ("n", "left", "8", "b")]
    rows = [{"map": m, "side": side, "id": id_, "key": digest(word)} for m, side, id_, word in old]
    with blank.begin() as tx:
        insert = "INSERT INTO match_keys (map, side, id, key) VALUES (:map, :side, :id, :key)"
        tx.connection.execute(text(insert), rows)
    schema.upgrade(blank)
    with blank.begin() as tx:
        assert tx.snapshots.keyed("m", Side.LEFT, map(hashed, "ab")) == {hashed("a"): ["1", "2"]}
        assert tx.snapshots.keyed("m", Side.RIGHT, map(hashed, "ab")) == {hashed("a"): ["9"]}
        assert tx.snapshots.keyed("n", Side.LEFT, map(hashed, "ab")) == {hashed("b"): ["8"]}
        tx.snapshots.rekey("m", Side.LEFT, {"1": ["b"]})
        assert tx.snapshots.keyed("m", Side.LEFT, map(hashed, "ab")) == {hashed("a"): ["2"], hashed("b"): ["1"]}
