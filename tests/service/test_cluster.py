"""The cluster's queue by itself, on a real PostgreSQL. Not here: processes that are killed (`e2e/test_cluster`)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import psycopg
import pytest

from syncd.lab.process import until
from syncd.service import cluster
from syncd.service.cluster import SCHEMA, Cluster
from syncd.service.scheduler import Tick
from syncd.store.queue import address
from syncd.store.store import Store
from tests import postgres

NEVER = timedelta(hours=1)


@contextmanager
def working(store: Store, *ticks: Tick) -> Iterator[Cluster]:
    """One of the processes, in a thread."""
    made, stop = Cluster(ticks, store, lambda: datetime.now(tz=UTC)), threading.Event()
    thread = threading.Thread(target=made.run, args=[stop])
    thread.start()
    try:
        yield made
    finally:
        stop.set()
        thread.join(30)
        assert not thread.is_alive()


def numbers(store: Store) -> int:
    """The number of the last task, put into the queue or refused by it."""
    with psycopg.connect(address(store)) as connection:
        (found,) = connection.execute(f"SELECT last_value FROM {SCHEMA}.procrastinate_jobs_id_seq".encode()).fetchall()
    return int(found[0])


def test_a_task_that_waits_is_not_put_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes look for missing ticks again and again, and wake one that waits: the queue refuses nothing."""
    monkeypatch.setattr(cluster, "KEEP", timedelta(milliseconds=50))
    done = [0, 0]

    def work(number: int) -> bool:
        done[number] += 1
        return False

    with closing(Store(postgres.fresh())) as store:
        ticks = [Tick(f"pair {n}", NEVER, partial(work, n)) for n in range(2)]
        with working(store, *ticks) as one, working(store, *ticks):
            until(lambda: min(done) >= 1, within=30, what="both ticks")
            time.sleep(0.5)
            before = numbers(store)
            time.sleep(1.0)
            assert numbers(store) == before
            one.wake("pair 0", "pair 1")
            until(lambda: sum(done) >= 4, within=30, what="both once more")


def test_more_that_is_due_does_not_wait_for_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bite after bite, although missing ticks are looked for meanwhile, and its next time was put into the queue."""
    monkeypatch.setattr(cluster, "KEEP", timedelta(milliseconds=50))
    done: list[int] = []

    def work() -> bool:
        done.append(1)
        time.sleep(0.1)
        return len(done) < 5

    with closing(Store(postgres.fresh())) as store, working(store, Tick("feed", NEVER, work)):
        until(lambda: len(done) >= 5, within=30, what="five bites")


def test_those_with_much_to_do_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one thread for two that always have more to do, both get on; what is local waits for neither."""
    monkeypatch.setattr(cluster, "THREADS", 1)
    done = {"one": 0, "other": 0, "local": 0}

    def work(name: str) -> bool:
        done[name] += 1
        time.sleep(0.01)
        return name != "local"

    ticks = [Tick(name, NEVER, partial(work, name), local=name == "local") for name in done]
    with closing(Store(postgres.fresh())) as store, working(store, *ticks):
        until(lambda: min(done["one"], done["other"]) >= 3 and done["local"] == 1, within=30, what="turns")
