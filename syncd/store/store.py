"""The store: one database, short transactions, one writer at a time, on SQLite and on PostgreSQL.

What is not here: what the rows mean to the engine. No transaction may be open while a vendor is spoken to.
"""

from __future__ import annotations

import os
import pwd
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, func, select
from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoneFree

from syncd.errors import ConfigError, Problem, Transient
from syncd.store import troubles
from syncd.store.access import Access
from syncd.store.alerts import Alerts
from syncd.store.aliases import Aliases
from syncd.store.coming import Coming
from syncd.store.conflicts import Conflicts
from syncd.store.deeds import Deeds
from syncd.store.feeds import Feeds
from syncd.store.journal import Journal
from syncd.store.leases import Leases
from syncd.store.links import Links
from syncd.store.marks import Marks
from syncd.store.parities import Parities
from syncd.store.paused import Paused
from syncd.store.plans import Plans
from syncd.store.refusals import Refusals
from syncd.store.runs import Runs
from syncd.store.snapshots import Snapshots
from syncd.store.tables import feeds, links, marks, metadata, pairs
from syncd.store.tallies import Tallies
from syncd.store.versions import Versions

BUSY_SECONDS = 30
"""How long a writer waits for another process before the database counts as locked."""

FROZEN_SECONDS = 60
"""How long PostgreSQL waits for a process that stopped in the middle of a transaction: then it is undone."""

CONNECTIONS = 10
"""To PostgreSQL, of one process: one writes, the others read, for milliseconds each. More threads take turns."""

LEASED = (feeds, pairs, marks, links)

WRITER = 7_096_323_417
"""The advisory lock of PostgreSQL that a writing transaction holds until it ends. Any number; other programs' locks in
our database are not ours."""


class Tx:
    """One transaction: the verbs of each table group, on one connection."""

    def __init__(self, connection: Connection) -> None:
        """Wrap an open connection; `Store` begins and ends the transaction."""
        self.connection = connection

    def leased(self, now: datetime) -> bool:
        """Whether anybody works on anything."""
        several = (select(table.c.fence).where(table.c.leased_until > now).limit(1) for table in LEASED)
        return any(self.connection.execute(one).first() is not None for one in several)

    def rows(self) -> dict[str, int]:
        """How many rows each table has; all of them are counted."""
        count = select(func.count())
        return {
            table.name: int(self.connection.execute(count.select_from(table)).scalar_one())
            for table in metadata.sorted_tables
        }

    @cached_property
    def feeds(self) -> Feeds:
        """Cursors."""
        return Feeds(self.connection)

    @cached_property
    def feed_leases(self) -> Leases:
        """Who reads which feed, by system and kind."""
        return Leases(self.connection, feeds)

    @cached_property
    def pair_leases(self) -> Leases:
        """Who runs which pair, by its name."""
        return Leases(self.connection, pairs)

    @cached_property
    def snapshots(self) -> Snapshots:
        """The last record seen, one per ref."""
        return Snapshots(self.connection)

    @cached_property
    def aliases(self) -> Aliases:
        """What merges left behind."""
        return Aliases(self.connection)

    @cached_property
    def links(self) -> Links:
        """Who is linked with whom, with their bases."""
        return Links(self.connection)

    @cached_property
    def marks(self) -> Marks:
        """What may have changed."""
        return Marks(self.connection)

    @cached_property
    def coming(self) -> Coming:
        """What becomes due together."""
        return Coming(self.connection)

    @cached_property
    def plans(self) -> Plans:
        """What would be written if it may."""
        return Plans(self.connection)

    @cached_property
    def journal(self) -> Journal:
        """Every write: intent, then outcome; and what open creates claim."""
        return Journal(self.connection)

    @cached_property
    def conflicts(self) -> Conflicts:
        """What a person decides, or has been overruled in."""
        return Conflicts(self.connection)

    @cached_property
    def refusals(self) -> Refusals:
        """Which two records a person said are not the same."""
        return Refusals(self.connection)

    @cached_property
    def paused(self) -> Paused:
        """Which records a person wants left alone for a while."""
        return Paused(self.connection)

    @cached_property
    def parities(self) -> Parities:
        """How equal both sides were when they were last compared."""
        return Parities(self.connection)

    @cached_property
    def alerts(self) -> Alerts:
        """What is wrong, and whom it was told."""
        return Alerts(self.connection)

    @cached_property
    def access(self) -> Access:
        """Who may use the console."""
        return Access(self.connection)

    @cached_property
    def deeds(self) -> Deeds:
        """What people did there."""
        return Deeds(self.connection)

    @cached_property
    def versions(self) -> Versions:
        """The texts that maps had."""
        return Versions(self.connection)

    @cached_property
    def tallies(self) -> Tallies:
        """How much was done in each hour."""
        return Tallies(self.connection)

    @cached_property
    def runs(self) -> Runs:
        """Runs, and the state of systems."""
        return Runs(self.connection)


class Store:
    """Opens transactions on one database, given as an SQLAlchemy URL. Thread-safe."""

    def __init__(self, url: str) -> None:
        """Open the engine; nothing is read yet. Raises ConfigError for a URL that names no known database."""
        self.url = url
        _must_be_ours(url)
        try:
            self.engine: Engine = create_engine(url, **options(url))
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            known = "Known are sqlite:///FILE and postgresql+psycopg://."
            raise ConfigError(Problem("[syncd] store", f"this address cannot be opened: {error}.", known)) from error
        self.sqlite = self.engine.dialect.name == "sqlite"
        if self.file is not None:
            _make_ours(self.file)
        self._writer = threading.RLock()
        if self.sqlite:
            # Transactions are begun by us: an engine that is listened to for it asks its listeners at every statement.
            event.listen(self.engine, "connect", _pragmas)

    @contextmanager
    def begin(self, *, durable: bool = False) -> Iterator[Tx]:
        """A writing transaction: all of it, or nothing; no other one, of whatever process, is open at the same time.

        `durable`: on disk when it ends, with all before it, even if the power fails then. Only intents need that: what
        else a power cut takes is read or settled again. PostgreSQL is always durable.
        Raises Transient where the database does not answer, or another writer holds on for too long, and ConfigError
        where its file is damaged.
        """
        with _told(), self._writer, self.engine.connect() as connection, connection.begin():
            if self.sqlite:
                _begin_writing(connection, "FULL" if durable else "NORMAL")
            else:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITER})")
            yield Tx(connection)

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """A reading transaction: one consistent view. Raises Transient and ConfigError as `begin` does."""
        options: dict[str, Any] = {"syncd_reads": True}
        options |= {} if self.sqlite else {"isolation_level": "REPEATABLE READ"}
        with _told(), self.engine.connect().execution_options(**options) as connection, connection.begin():
            if self.sqlite:
                connection.exec_driver_sql("BEGIN")
            yield Tx(connection)

    @cached_property
    def file(self) -> Path | None:
        """SQLite's file; None on a server, and in memory."""
        name = make_url(self.url).database if self.sqlite else None
        return Path(name) if name else None

    def bytes(self, connection: Connection) -> int:
        """What the database takes on its disk."""
        if self.file is None:
            return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
        files = (self.file, self.file.with_name(f"{self.file.name}-wal"))
        return sum(one.stat().st_size for one in files if one.exists())

    def tidy(self) -> None:
        """Leave nothing of what was deleted in the file or in its log. Raises Transient while others work on it."""
        with _told(), self._writer, self.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM" if self.sqlite else "VACUUM FULL")
            if self.sqlite:
                busy, _, _ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
                if busy:
                    raise Transient("the store is read by another process; what was deleted is not yet out of its log.")

    def sound(self) -> bool:
        """Whether the database itself finds no damage."""
        if not self.sqlite:
            return True
        try:
            with self.engine.connect() as connection:
                return bool(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() == "ok")
        except DBAPIError as error:
            if troubles.damaged(error):
                return False
            raise

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def _must_be_ours(url: str) -> None:
    """Root may write everybody's file, and what it makes beside it the owner may not. Raises ConfigError."""
    name = Path(url.removeprefix("sqlite:///"))
    place = name if name.exists() else name.parent
    if not url.startswith("sqlite") or os.geteuid() != 0 or not place.exists() or (uid := place.stat().st_uid) == 0:
        return
    owner = str(uid)
    with suppress(KeyError):
        owner = pwd.getpwuid(uid).pw_name
    remedy = f"Run the command as that user: sudo -u {owner} ..."
    raise ConfigError(Problem("[syncd] store", f"{place} belongs to {owner}, not to root.", remedy))


def _make_ours(name: Path) -> None:
    """A new file is its owner's alone, whatever the umask: it holds people's names. SQLite's own beside it follow."""
    with suppress(OSError):  # there already; or its folder is not, which is told when it is opened
        os.close(os.open(name, os.O_CREAT | os.O_EXCL, 0o600))


@contextmanager
def _told() -> Iterator[None]:
    """Trouble with the database as the error that says what to do. What was begun is undone, or done as a whole."""
    try:
        yield
    except DBAPIError as error:
        trouble = troubles.told(error)
        if trouble is None:
            raise
        raise trouble from error
    except NoneFree as error:
        raise Transient("the store is busy: all connections to it are in use.") from error


def options(url: str, connections: int = CONNECTIONS) -> dict[str, Any]:
    """How the connections to this database are opened, and on a server how many at a time."""
    # No error may hold what people wrote: parameters stay out of every text.
    if make_url(url).get_backend_name() == "sqlite":
        return {"hide_parameters": True, "connect_args": {"timeout": BUSY_SECONDS, "check_same_thread": False}}
    waits = {"lock_timeout": BUSY_SECONDS, "idle_in_transaction_session_timeout": FROZEN_SECONDS}
    settings = " ".join(f"-c {name}={seconds}s" for name, seconds in waits.items())
    connect = {"options": settings, "application_name": "syncd", "connect_timeout": BUSY_SECONDS}
    pool = {"pool_pre_ping": True, "pool_size": connections, "max_overflow": 0, "pool_timeout": BUSY_SECONDS}
    return {"hide_parameters": True, "connect_args": connect, **pool}


def _pragmas(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_SECONDS * 1000}",
    # Kibibytes, of each of several connections; the machine's own cache holds the pages anyway.
    "cache_size=-1024",
)


def _begin_writing(connection: Connection, synchronous: str) -> None:
    if connection.info.get("synchronous", "NORMAL") != synchronous:
        connection.exec_driver_sql(f"PRAGMA synchronous={synchronous}")
        connection.info["synchronous"] = synchronous
    connection.exec_driver_sql("BEGIN IMMEDIATE")
