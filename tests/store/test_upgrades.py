"""The upgrade drill: a full store of every older version is brought to this one, on both databases, and loses nothing.

What is not here: how versions are told apart and refused (`test_schema`), and old code on a newer store (there too).
"""

from __future__ import annotations

import random
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    insert,
    select,
)  # fmt: skip

from syncd.core.model import Action, Record, Ref, Side
from syncd.store import reports, schema
from syncd.store.columns import Json, Moment
from syncd.store.journal import NOTHING_CHANGED
from syncd.store.marking import COMING, DELETED, DUE, HELD, PARKED, PLANNED, WEIGHED
from syncd.store.snapshots import Snapshot, scope
from syncd.store.store import Store
from syncd.store.tables import metadata
from tests.store.conftest import LATER, NOW
from tests.store.processes import child
from tests.store.test_no_scans import INTENT

Row = Mapping[str, Any]
Content = dict[str, list[Row]]

ROWS = 30
FAR = 2**62
"""The number of one row of each table that numbers its rows: far beyond the others."""

WORDS: Mapping[str, tuple[Any, ...]] = {
    "side": tuple(map(str, Side)),
    "links.state": ("open", "closed"),
    "marks.state": (DUE, PARKED, PLANNED, HELD, WEIGHED, COMING),
    "marks.cause": (None, DELETED, "question", "waiting", "gone", "refused", "bug"),
    "conflicts.state": ("open", "overruled", "kept", "taken", "agreed", "gone", "ordered"),
    "conflicts.lost_side": (None, *map(str, Side)),
    "runs.state": ("running", "done", "failed", "killed"),
    "runs.mode": ("live", "plan"),
    "systems.state": ("ok", "paused", "waiting"),
    "journal.action": tuple(map(str, Action)),
    "journal.outcome": (None, "written", "landed", "gone", "failed", *NOTHING_CHANGED),
    "snapshots.gone": (None, "gone", "tombstone", "merged"),
    "rulesets.names": ("[]", '["name","Straße"]'),
}
"""Columns whose values are words of ours, by their name, or their table's and theirs: every state is there."""

TEXTS = (
    "", "Zoë Müller", "🏠 roof", "שלום", "Zoe\u0308", "O'Brien \"Bob\" \\ & Söhne", "line\n\tbreak\r\n",
    "%s :name {0} ?", " spaced ", "NULL", "\u200bhidden\u2028", "1e5",
)  # fmt: skip
FILL, LONGEST = "🏚", 20_000
OBJECTS = (
    "{}", '{"name": null}', '{"name":"Zoë","list":["a","b"],"n":9007199254740993,"x":-0.5,"on":true}',
    '{"深":{"er":{}}}', '{"name":""}',
)  # fmt: skip
ANY_JSON = (*OBJECTS, "[]", "null", '""', "0", "[null]")
MOMENTS = (0, -1, 1_772_442_000_000_000, 253_402_300_799_000_000, -62_135_596_800_000_000)
"""The last ones are the last second and the first one that Python's dates can tell."""
LARGE = (0, 1, -1, 2**63 - 1, -(2**63), 2**53 + 1, 42)
SMALL = (0, 1, -1, 2**31 - 1, -(2**31))

ADDED: Mapping[tuple[str, str], Any] = {("journal", "permitted"): False}
"""What a row of before has in a column that came later; NULL in all others."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A table that a migration made another of: since which version, why, and what became of its rows."""

    since: str
    reason: str
    becomes: Callable[[Row], Row]


def _numbered(row: Row) -> Row:
    key = int.from_bytes(row["key"], "big", signed=True)
    return {"scope": scope(row["map"], Side(row["side"])), "key": key, "id": row["id"]}


CHANGED: Mapping[str, Changed] = {
    "match_keys": Changed("0009", "keys as numbers, by a number for each side of a map: half the place", _numbered),
}
"""Whatever is not named here is as it was, to the last column."""


@pytest.fixture
def blank(blank_url: str) -> Iterator[Store]:
    """A database without any table."""
    with closing(Store(blank_url)) as opened:
        yield opened


def reflected(connection: Connection) -> dict[str, Table]:
    """The tables as the database has them in its version."""
    found = MetaData()
    found.reflect(connection)
    return {name: table for name, table in found.tables.items() if name != "alembic_version"}


def fill(store: Store) -> None:
    """Rows in each table, whatever its version: plain ones, and the oddest that its columns take."""
    with store.begin() as tx:
        for table in reflected(tx.connection).values():
            given = [column for column in table.columns if not _numbers_itself(column)]
            rows = [{column.name: value(column, n) for column in given} for n in range(ROWS + 1)]
            tx.connection.execute(insert(table), rows[:ROWS])
            own = {column.name: FAR for column in table.columns if _numbers_itself(column)}
            tx.connection.execute(insert(table), [{**rows[ROWS], **own}])


def _numbers_itself(column: Column[Any]) -> bool:
    return isinstance(column.type, Integer) and list(column.table.primary_key.columns) == [column]


def value(column: Column[Any], row: int) -> Any:
    """What a row has there. The first has nothing where it may, the second something everywhere."""
    table = column.table.name
    words = WORDS.get(f"{table}.{column.name}") or WORDS.get(column.name)
    if words is not None:
        return words[row % len(words)]
    if column.nullable and (row == 0 or (row > 1 and (row + len(column.name)) % 3 == 0)):
        return None
    now = metadata.tables[table].columns.get(column.name)
    meaning = now.type if now is not None else column.type
    if isinstance(meaning, Json):
        several = ANY_JSON if column.nullable else OBJECTS
        return several[row % len(several)]
    if isinstance(meaning, Moment):
        return MOMENTS[row % len(MOMENTS)]
    return _plain(column, row)


def _plain(column: Column[Any], row: int) -> Any:
    """A value by nothing but its column's type; texts and bytes are there once."""
    if isinstance(column.type, Boolean):
        return row % 2 == 1
    if isinstance(column.type, LargeBinary):
        return {0: bytes(8), 1: b"\xff" * 8}.get(row, row.to_bytes(8, "little"))
    if isinstance(column.type, Integer):
        several = LARGE if isinstance(column.type, BigInteger) else SMALL
        return several[row % len(several)]
    assert isinstance(column.type, String), column
    word, most = f"{row}{TEXTS[row % len(TEXTS)]}", column.type.length
    return (word.ljust(most or LONGEST, FILL) if row % 7 == 1 else word)[:most]


def content(store: Store) -> Content:
    """Every row of every table, as it is stored."""
    with store.read() as tx:
        return {
            name: [dict(row._mapping) for row in tx.connection.execute(select(table))]
            for name, table in reflected(tx.connection).items()
        }


def made_of(version: str, store: Store) -> Content:
    """Make it a full store of this version; what it holds."""
    assert schema.upgrade(store, to=version) == (None, version)
    fill(store)
    held = content(store)
    assert {len(rows) for rows in held.values()} == {ROWS + 1}
    return held


def must_hold(store: Store, before: Content, version: str) -> None:
    """Every row of that version is there, as it was or as it should have become; nothing came from nowhere."""
    after = content(store)
    assert before.keys() <= after.keys()
    for name, rows in after.items():
        changed, wanted = CHANGED.get(name), before.get(name, [])
        if changed is not None and version < changed.since:
            wanted = [changed.becomes(row) for row in wanted]
        added = {column: ADDED.get((name, column)) for column in set[str]().union(*rows) - set[str]().union(*wanted)}
        assert _counted(rows) == _counted([{**row, **added} for row in wanted]), name


def _counted(rows: list[Row]) -> Counter[tuple[tuple[str, Any], ...]]:
    return Counter(tuple(sorted(row.items())) for row in rows)


def must_be_as_new(store: Store) -> None:
    """It is what `tables` says, this code takes it, and its database finds no damage."""
    with store.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    schema.check(store)
    assert store.sound()


def use(store: Store) -> None:
    """A record comes, is linked, written and parted again, among all the rows of before."""
    record = Record(ref=Ref("drill", "contacts", "1"), fields={"name": "Zoë"}, created_at=NOW, modified_at=NOW)
    with store.begin() as tx:
        fence = tx.runs.next_fence()
        run = tx.runs.start("drill", "live", "digest", NOW)
        tx.snapshots.put([Snapshot(record, {"name": "Zoë"})])
        tx.snapshots.rekey("drill", Side.LEFT, {"1": ["zoë"]})
        tx.marks.add("drill", Side.LEFT, ["1"], NOW)
        link = tx.links.make("drill", "1", "9", NOW)
        tx.links.save([link], ["name"])
        mine = {"run": run, "map": "drill", "link": link.id, "fields": {"name": "Zoë"}}
        (intent,) = tx.journal.open([{**INTENT, **mine}])
        tx.journal.claim({intent: ["zoë"]}, "drill", "contacts")
    with store.begin() as tx:
        assert tx.snapshots.get("drill", "contacts", ["1"])["1"].kept == {"name": "Zoë"}
        (unit,) = tx.marks.claim("drill", NOW, LATER, fence, limit=10)
        assert [one.id for one in tx.journal.open_of("drill", ["1"])] == [intent]
        tx.journal.close(intent, "written", NOW)
        tx.marks.done(unit.marks, fence)
        tx.links.close(link.id, "gone", NOW)
        tx.runs.end(run, "done", {}, NOW)
    with store.read() as tx:
        assert tx.links.of("drill", Side.LEFT, ["1"]) == {}
        assert tx.marks.get("drill", Side.LEFT, ["1"]) == {}
        assert tx.journal.open_of("drill", ["1"]) == []


def must_be_reported(store: Store) -> None:
    """Every view can be read, whole and since a moment, and those that tell of a table's rows tell of all."""
    with store.read() as tx:
        counts = tx.rows()
        told = {name: len(list(reports.rows(tx.connection, name, None))) - 1 for name in reports.VIEWS}
        for name in reports.VIEWS:
            assert len(list(reports.rows(tx.connection, name, NOW))) - 1 <= told[name]
    whole = {"runs": "runs", "links": "links", "writes": "journal", "records": "snapshots", "conflicts": "conflicts"}
    assert {view: told[view] for view in whole} == {view: counts[table] for view, table in whole.items()}
    assert told["changes"] > 0


@pytest.mark.parametrize("version", schema.known()[:-1])
def test_a_full_store_of_any_version_is_brought_to_this_one(version: str, blank: Store) -> None:
    """Every row is there with every value, the tables are as they would be made now, and they can be worked with."""
    before = made_of(version, blank)
    assert schema.upgrade(blank) == (version, schema.head())
    must_hold(blank, before, version)
    must_be_as_new(blank)
    use(blank)
    must_be_reported(blank)


KILLS, STATEMENTS = 3, 40
UPGRADE = """
import sys
from sqlalchemy import event
from syncd.store import schema
from syncd.store.store import Store
store = Store(sys.argv[1])
def tell(connection, cursor, statement, *more):
    print(" ".join(statement.split()), flush=True)
event.listen(store.engine, "before_cursor_execute", tell)
schema.upgrade(store)
"""
"""An upgrade that says each statement before it is sent."""
BEGUN = ("BEGIN IMMEDIATE", "SELECT pg_advisory_xact_lock")


def killed(process: subprocess.Popen[str], after: int) -> bool:
    """Kill an upgrade so many statements after it began; whether it was still at it."""
    assert process.stdout is not None
    begun = False
    for line in process.stdout:
        begun = begun or line.startswith(BEGUN)
        after -= begun
        if after < 0:
            break
    process.kill()
    _, complaint = process.communicate(timeout=90)
    assert complaint == ""
    return process.returncode != 0


def test_an_upgrade_that_is_killed_is_done_or_not_begun(blank: Store) -> None:
    """Killed with -9 at any moment it leaves the old version whole; the next one finishes with the same content."""
    first, dice, interrupted = schema.known()[0], random.Random(12), 0
    before = made_of(first, blank)
    for _ in range(KILLS):
        died = killed(child(UPGRADE, blank.url), dice.randrange(STATEMENTS))
        now = schema.version(blank)
        if now == first:
            assert died
            assert content(blank) == before
            interrupted += 1
        else:
            assert now == schema.head()
    assert interrupted > 0
    schema.upgrade(blank)
    must_hold(blank, before, first)
    must_be_as_new(blank)
    use(blank)
