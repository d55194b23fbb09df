"""Transactions on a real database: all or nothing, one writer at a time, and what a kill leaves behind."""

from __future__ import annotations

import signal
import threading
from contextlib import closing
from pathlib import Path

import pytest

from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.store.marks import Mark
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW
from tests.store.processes import answers, child

CLIMB = """
import sys
from syncd.store.store import Store
store = Store(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(int(sys.argv[2])):
    with store.begin() as tx:
        tx.runs.set_fact("steps", int(tx.runs.fact("steps") or 0) + 1)
        print(tx.runs.next_fence())
store.close()
"""

CLAIM = """
import sys
from datetime import datetime, timedelta
from syncd.store.store import Store
store, now = Store(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
while True:
    with store.begin() as tx:
        fence = tx.runs.next_fence()
        units = tx.marks.claim("m", now, now + timedelta(hours=1), fence, limit=3)
    if not units:
        break
    for unit in units:
        for mark in unit.marks:
            print(mark.side, mark.id)
            with store.begin() as tx:
                assert tx.marks.done([mark], fence)
store.close()
"""

HANG = """
import sys
from datetime import datetime
from syncd.core.model import Side
from syncd.store.store import Store
store, now = Store(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with store.begin() as tx:
    tx.runs.set_fact("done", True)
with store.begin() as tx:
    tx.marks.add("m", Side.LEFT, [str(n) for n in range(5000)], now)
    tx.links.make("m", "1", "9", now)
    tx.runs.set_fact("done", False)
    print("in the middle", flush=True)
    sys.stdin.readline()
"""


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    """What was written before an error in the same transaction is undone, in every table."""

    def fail() -> None:
        with store.begin() as tx:
            tx.marks.add("m", Side.LEFT, ["1"], NOW)
            tx.links.make("m", "1", "9", NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    with store.read() as tx:
        assert tx.marks.get("m", Side.LEFT, ["1"]) == {}
        assert tx.links.count("m") == 0


def test_a_reader_sees_one_moment(store: Store) -> None:
    """What is committed while a reading transaction is open does not show in it, and does not wait for it."""
    with store.read() as view:
        assert view.marks.due_count("m", NOW) == 0
        with store.begin() as tx:
            tx.marks.add("m", Side.LEFT, ["1"], NOW)
        assert view.marks.due_count("m", NOW) == 0
    with store.read() as view:
        assert view.marks.due_count("m", NOW) == 1


def test_threads_lose_no_update(store: Store) -> None:
    """Eight threads that read and write back the same fact, and draw fences, lose none and draw none twice."""
    fences: list[int] = []

    def climb() -> None:
        for _ in range(25):
            with store.begin() as tx:
                tx.runs.set_fact("steps", int(tx.runs.fact("steps") or 0) + 1)
                fences.append(tx.runs.next_fence())

    threads = [threading.Thread(target=climb) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    with store.read() as tx:
        assert tx.runs.fact("steps") == 200
    assert len(set(fences)) == 200


def test_processes_lose_no_update(store: Store) -> None:
    """Three processes that write at once wait for each other: no lost update, no fence twice, nobody is locked out."""
    told = answers([child(CLIMB, store.url, "60") for _ in range(3)])
    with store.read() as tx:
        assert tx.runs.fact("steps") == 180
    fences = [int(line) for lines in told for line in lines]
    assert len(set(fences)) == 180
    assert all(lines == sorted(lines, key=int) for lines in told)


def test_processes_share_the_marks(store: Store) -> None:
    """Three workers at once do every mark exactly once, and never the two sides of a link apart."""
    with store.begin() as tx:
        for n in range(40):
            tx.links.make("m", str(n), str(n), NOW)
        for side in Side:
            tx.marks.add("m", side, [str(n) for n in range(60)], NOW)
    told = answers([child(CLAIM, store.url, NOW.isoformat()) for _ in range(3)])
    done = [line for lines in told for line in lines]
    assert sorted(done) == sorted(f"{side} {n}" for side in Side for n in range(60))
    for n in range(40):
        (who,) = {at for at, lines in enumerate(told) for line in lines if line in {f"left {n}", f"right {n}"}}
        assert {f"left {n}", f"right {n}"} <= set(told[who])


def test_a_kill_in_the_middle_undoes_the_transaction(store: Store) -> None:
    """A process killed with -9 inside a transaction leaves nothing of it, all that was committed, and no lock."""
    with child(HANG, store.url, NOW.isoformat()) as victim:
        assert victim.stdout is not None and victim.stdout.readline() == "in the middle\n"
        victim.send_signal(signal.SIGKILL)
        victim.wait(timeout=30)
    with closing(Store(store.url)) as again, again.begin() as tx:
        assert tx.runs.fact("done") is True
        assert tx.marks.get("m", Side.LEFT, ["1"]) == {}
        assert tx.links.count("m") == 0
        tx.marks.add("m", Side.LEFT, ["1"], NOW)
    assert store.sound()


def test_a_kill_of_a_worker_costs_only_its_lease(store: Store) -> None:
    """What a worker that vanished had claimed is claimed by another as soon as the lease is over."""

    def claim(fence: int, now: object = NOW) -> list[Mark]:
        with store.begin() as tx:
            units = tx.marks.claim("m", now, LATER, fence, limit=5)
        return [mark for unit in units for mark in unit.marks]

    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.marks.add("m", Side.LEFT, ["1"], NOW)
    assert [mark.id for mark in claim(1)] == ["1"]
    with closing(Store(store.url)) as again, again.begin() as tx:
        assert tx.marks.claim("m", NOW, LATER, 2, limit=5) == []
        (unit,) = tx.marks.claim("m", LATER.replace(second=1), LATER.replace(minute=30), 3, limit=5)
        assert (unit.link is not None, unit.marks[0].id) == (True, "1")


@pytest.mark.parametrize("url", ["nonsense", "sqlite3:///x.db", "mysql://localhost/x"], indirect=False)
def test_an_address_of_no_database_is_refused(url: str) -> None:
    """An address that cannot be opened is a mistake of the set-up, with the known ones named."""
    with pytest.raises(ConfigError, match="Known are sqlite:///FILE"):
        Store(url)


def test_only_intents_are_forced_to_the_disk(tmp_path: Path) -> None:
    """A durable transaction syncs the disk before it ends, and the next ordinary one does not pay for it."""
    store = Store(f"sqlite:///{tmp_path / 'durable.db'}")
    found = []
    for durable in (False, True, False):
        with store.begin(durable=durable) as tx:
            found.append(tx.connection.exec_driver_sql("PRAGMA synchronous").scalar_one())
    assert found == [1, 2, 1]
    store.close()
