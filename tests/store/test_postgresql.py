"""What only PostgreSQL has: its clock, turns that processes share, the queue's schema, and a writer that froze.

Not here: what both databases do alike; every other module of this room is run on both.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from syncd.core.model import Record, Ref
from syncd.errors import Transient
from syncd.kit.limits import Limit
from syncd.store import queue
from syncd.store import store as stores
from syncd.store.clock import FRESH_SECONDS, DatabaseClock
from syncd.store.snapshots import Snapshot
from syncd.store.store import Store
from syncd.store.turns import SharedTurns
from tests import postgres
from tests.store.conftest import NOW
from tests.store.processes import answers, child

TURNS = """
import sys, time
from syncd.kit.limits import Limit
from syncd.store.store import Store
from syncd.store.turns import SharedTurns
turns = SharedTurns(Store(sys.argv[1]))
limit = Limit("vendor", ((5, 0.5),), in_flight=2, turns=turns, key="vendor#1")
print("ready", flush=True)
sys.stdin.readline()
for _ in range(10):
    with limit.slot(60.0):
        print(time.time(), time.time() + 0.02)
        time.sleep(0.02)
turns.close()
"""


@pytest.fixture
def server() -> Iterator[Store]:
    """A fresh store on PostgreSQL."""
    with closing(Store(postgres.fresh())) as opened:
        yield opened


@pytest.fixture
def turns(server: Store) -> Iterator[SharedTurns]:
    """Its turns."""
    with closing(SharedTurns(server)) as opened:
        yield opened


def test_processes_keep_a_limit_together(server: Store) -> None:
    """Three processes at once: no half second holds more than five requests of theirs, and no more than two fly."""
    told = answers([child(TURNS, server.url) for _ in range(3)])
    flights = sorted(tuple(map(float, line.split())) for lines in told for line in lines)
    starts = [flight[0] for flight in flights]
    assert len(starts) == 30
    assert min(later - first for first, later in zip(starts, starts[5:], strict=False)) >= 0.5
    assert max(sum(1 for a, b in flights if a <= at < b) for at in starts) <= 2


def test_whoever_is_killed_holds_its_places_for_no_longer_than_a_request(turns: SharedTurns) -> None:
    """The other processes wait until a request of its would have ended, and go on."""
    killed, other = (Limit("v", (), in_flight=1, longest=0.4, turns=turns, key="v#1") for _ in range(2))
    never_left = killed.slot(5.0)
    never_left.__enter__()
    began = time.monotonic()
    with other.slot(5.0):
        assert 0.3 < time.monotonic() - began < 3.0


def test_whatever_the_database_has_against_a_turn_passes(server: Store, turns: SharedTurns) -> None:
    """A vendor's answer is not lost because its place could not be noted as free."""
    turns.make("k", 1)
    limit = Limit("v", (), in_flight=1, turns=turns, key="v#1")
    with limit.slot(5.0), server.begin() as tx:
        tx.connection.exec_driver_sql("DROP TABLE turns")
    with pytest.raises(Transient, match="turns"):
        turns.take("k", 1, 0.3)


def test_turns_come_back_after_their_span(turns: SharedTurns) -> None:
    """All taken, one is told how long to wait; after that it is there again; one that is given back is so at once."""
    turns.make("k", 2)
    first, second, none = (turns.take("k", 2, 0.3) for _ in range(3))
    assert {*first[0], *second[0]} == {0, 1}
    assert none[0] == () and 0.1 < none[1] <= 0.3
    turns.give_back("k", first[0])
    assert turns.take("k", 2, 0.3)[0] == first[0]
    time.sleep(0.35)
    assert turns.take("k", 2, 0.3, weight=2)[0] != ()


def test_a_halved_limit_takes_turns_whole(turns: SharedTurns) -> None:
    """Who needs two turns gets two or none: half of them taken would be lost to everybody."""
    turns.make("k", 3)
    assert len(turns.take("k", 3, 5.0, weight=2)[0]) == 2
    assert turns.take("k", 3, 5.0, weight=2)[0] == ()
    assert len(turns.take("k", 3, 5.0)[0]) == 1


def test_a_limit_that_is_no_limit_needs_no_million_rows(server: Store, turns: SharedTurns) -> None:
    """Each of its rows is used several times per span, and all of them together no oftener than the limit says."""
    turns.make("k", 5_500)
    with server.read() as tx:
        rows = tx.connection.execute(text("SELECT count(*) FROM turns WHERE key = 'k'")).scalar_one()
    assert rows == 1_100
    taken, _ = turns.take("k", 5_500, 50.0, weight=1_100)
    assert len(taken) == 1_100
    none, wait = turns.take("k", 5_500, 50.0)
    assert none == () and 8.0 < wait <= 10.0


def test_a_wish_to_wait_is_heard_by_all(turns: SharedTurns) -> None:
    """Held back, nobody has a turn until the time is over; other keys are not meant; more turns may be made later."""
    for key in ("k", "other"):
        turns.make(key, 1)
    turns.hold_back("k", 0.3)
    assert turns.take("k", 1, 1.0)[0] == () and turns.take("other", 1, 1.0)[0] == (0,)
    turns.make("k", 2)
    assert turns.take("k", 2, 1.0)[0] == (1,)
    time.sleep(0.35)
    assert turns.take("k", 2, 1.0)[0] == (0,)


def test_the_clock_is_the_databases(server: Store) -> None:
    """It tells the server's time and goes on between two questions by our own monotonic clock."""
    ours = [100.0]
    clock = DatabaseClock(server, lambda: ours[0])
    first = clock()
    assert abs(first - datetime.now(tz=UTC)) < timedelta(seconds=5)
    ours[0] += FRESH_SECONDS / 2
    assert clock() == first + timedelta(seconds=FRESH_SECONDS / 2)
    ours[0] += 3600
    assert clock() - first < timedelta(minutes=1), "asked again, it is the server that counts"


def test_a_clock_outlives_its_server_for_a_while(server: Store) -> None:
    """Asked once, it goes on by itself while the server is away; never answered, it says so."""
    clock = DatabaseClock(server)
    first = clock()
    nowhere = Store("postgresql+psycopg://syncd@127.0.0.1:1/none")
    clock._store, clock._monotonic = nowhere, lambda: time.monotonic() + 60
    assert timedelta(0) < clock() - first < timedelta(minutes=2)
    with pytest.raises(Transient, match="does not tell its time"):
        DatabaseClock(nowhere)()


def test_the_clock_asks_while_all_connections_are_held(server: Store) -> None:
    """Whoever asks waits for one of them; those that hold them all are told the time, and give them back."""
    ours = [0.0]
    clock = DatabaseClock(server, lambda: ours[0])
    first = clock()
    ours[0] += 2 * FRESH_SECONDS
    with ExitStack() as held, ThreadPoolExecutor(1) as threads:
        for _ in range(stores.CONNECTIONS):
            held.enter_context(server.read())
        asking = threads.submit(clock)
        time.sleep(0.3)
        assert clock() == first + timedelta(seconds=2 * FRESH_SECONDS) and not asking.done()
        held.close()
        assert asking.result(10) >= first


def test_a_store_of_which_no_connection_is_free_is_trouble(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may work later: a tick that met that comes again, as after any other trouble with the store."""
    monkeypatch.setattr(stores, "BUSY_SECONDS", 1)
    with closing(Store(postgres.fresh())) as store, ExitStack() as held:
        for _ in range(stores.CONNECTIONS):
            held.enter_context(store.read())
        with pytest.raises(Transient, match="all connections"), store.begin():
            pass


def test_a_queue_has_a_schema_of_its_own(server: Store) -> None:
    """Made once, beside our tables, which the store's checks look at alone; an address holds the password for libpq."""
    for _ in range(2):
        queue.make(server, "tasks_1", 'CREATE TABLE jobs (id int); CREATE TABLE "other" (id int);')
    with server.read() as tx:
        query = text("SELECT table_name FROM information_schema.tables WHERE table_schema = 'tasks_1' ORDER BY 1")
        assert list(tx.connection.execute(query).scalars()) == ["jobs", "other"]
    assert queue.address(server).startswith(f"postgresql://syncd:{postgres.PASSWORD}@127.0.0.1:")


def test_a_frozen_writer_is_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stops in the middle of a transaction holds up the others for a while, then has done nothing.

    Meanwhile they are told to try again later: that is trouble, and no bug.
    """
    monkeypatch.setattr(stores, "FROZEN_SECONDS", 2)
    monkeypatch.setattr(stores, "BUSY_SECONDS", 1)
    with closing(Store(postgres.fresh())) as frozen, closing(Store(frozen.url)) as other:

        def freeze() -> None:
            with frozen.begin() as tx:
                tx.runs.set_fact("frozen", 1)
                with pytest.raises(Transient, match="lock timeout"):
                    look(other)
                time.sleep(1.5)
                assert look(other) is None
                tx.runs.set_fact("frozen", 2)

        with pytest.raises(Transient, match="idle-in-transaction"):
            freeze()
        assert look(frozen) is None, "the same process goes on with a new connection"


def look(store: Store) -> object:
    """What a writer finds."""
    with store.begin() as tx:
        return tx.runs.fact("frozen")


def test_no_error_tells_what_people_wrote(server: Store) -> None:
    """A statement that the database refuses is told without its values."""
    record = Record(ref=Ref("crm", "contacts", "x" * 70), fields={"email": "ana@secret.example"})
    with pytest.raises(Exception, match="too long") as caught, server.begin() as tx:
        tx.snapshots.put([Snapshot(record, record.fields)])
    assert "secret.example" not in str(caught.value)
    assert NOW.isoformat() not in str(caught.value)
