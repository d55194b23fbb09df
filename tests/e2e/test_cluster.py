"""Two `syncd work` processes on one PostgreSQL: killed with -9 they stand in for each other, and no two meet at a link.

Not here: the store by itself (`tests/store`), and one daemon killed again and again (`test_killed`).
"""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncd.app import App
from syncd.lab.causes import Causes
from syncd.lab.compare import compare
from syncd.lab.crm import HUBSPOT
from syncd.lab.laws import Laws
from syncd.lab.meetings import meetings
from syncd.lab.people import Crowd, at_work
from syncd.lab.play import SHARED, TIMING
from syncd.lab.process import Process, running, until
from syncd.lab.settled import Rest
from syncd.lab.stage import Stage
from tests import postgres
from tests.e2e.test_daemon import small, syncd

PATIENT = {**TIMING, **SHARED}

KILLS = 3
CLOCKS = 250_000
"""Microseconds by which two processes may take the database's clock apart, on a machine that is busy."""


def rows(stage: Stage, query: str) -> list[tuple[Any, ...]]:
    """What the store answers."""
    assert stage.store is not None
    with psycopg.connect(stage.store.replace("+psycopg", "")) as connection:
        return connection.execute(query.encode()).fetchall()


def written(stage: Stage) -> int:
    """How much both vendors were written to so far."""
    return sum(vendor.written(stage.since[name])[0] for name, vendor in stage.vendors.items())


def settle(app: App, stage: Stage) -> None:
    """Wait until nothing is due, and nothing moves for a while."""
    rest = Rest(app.world, stage)
    until(lambda: rest.held(4.0), within=150, what="everything to settle", every=0.3)


@pytest.mark.timeout(600)  # most of it is waiting, on a machine that does all the other tests meanwhile
def test_one_killed_worker_after_the_other(tmp_path: Path) -> None:
    """Whoever is killed with -9, the other one writes on: no edit lost, nothing made twice, no two at one link."""
    stage = Stage(
        folder=tmp_path, leads=50, seed=3, rate="40/1", every="1s", timing=PATIENT, store=postgres.blank(),
        # No index lags for longer than the durations above are made for: nobody would ever find what it hides.
        search_rate="50/1", left_settings=HUBSPOT.lags, right_settings={"index_lag": 1.0},
    )  # fmt: skip
    dice = random.Random(7)
    with stage, running(stage, "work", 2) as processes, App.open(stage.config, environ=stage.environ) as app:
        for process in processes:
            process.start()
        with at_work(Crowd(stage=stage, world=app.world, seed=3, per_second=5.0)):
            for n in range(KILLS):
                before = written(stage)
                until(lambda: written(stage) >= before + 5, within=150, what="some writes")  # noqa: B023  # asked at once
                time.sleep(dice.uniform(0.0, 0.3))
                processes[n % 2].kill()
                after = written(stage)
                until(lambda: written(stage) >= after + 5, within=150, what="the other to write on")  # noqa: B023  # as above
                assert processes[(n + 1) % 2].alive(), processes[(n + 1) % 2].said()[-2000:]
                processes[n % 2].start()
            time.sleep(3.0)
        settle(app, stage)
        for process in processes:
            assert process.alive(), process.said()[-2000:]
            assert process.stop() == 0
        laws = Laws(app.world, stage.vendors)
        breaches = laws.check()
        assert not breaches, "\n\n".join(str(breach) for breach in breaches[:5])
        found = compare(app.world, stage.vendors, app.connectors)
        assert found.clean, (found.differences[:5], found.duplicates[:5], found.missing[:5])
        assert Causes(app.world, laws.histories).check() == []
        assert meetings(app.world) == []
        assert len({run for (run,) in rows(stage, "SELECT id FROM runs WHERE ended_at IS NULL")}) <= KILLS
        _no_secret_was_said(stage, processes)


def _no_secret_was_said(stage: Stage, processes: list[Process]) -> None:
    for process in processes:
        assert '"stopped"' in process.said()
        assert postgres.PASSWORD not in process.said()


def test_workers_share_a_vendors_limit(tmp_path: Path) -> None:
    """Two processes together keep the limit that the vendor enforces: it hardly ever has to refuse."""
    stage = Stage(
        folder=tmp_path, leads=40, rate="8/1", every="1s", timing=PATIENT, store=postgres.blank(),
        right_settings={"index_lag": 0.5},
    )  # fmt: skip
    with stage, running(stage, "work", 2) as processes:
        for process in processes:
            process.start()
        until(lambda: written(stage) >= 60, within=90, what="sixty writes")
        for process in processes:
            assert process.stop() == 0
        asked = [entry for name, v in stage.vendors.items() for entry in v.requests(stage.since[name])]
        assert len(asked) > 100
        # Kept apart the two are refused a dozen times; a request that travels longer than the next may still be.
        assert sum(entry["status"] == 429 for entry in asked) <= 6
        assert rows(stage, "SELECT id FROM marks WHERE leased_until IS NOT NULL") == []
        assert rows(stage, "SELECT name FROM pairs WHERE leased_until IS NOT NULL") == []
        assert rows(stage, "SELECT kind FROM feeds WHERE leased_until IS NOT NULL") == []
        assert rows(stage, "SELECT id FROM journal WHERE outcome IS NULL") == []


def test_a_file_is_no_store_for_several(tmp_path: Path) -> None:
    """On SQLite `syncd work` ends at once, and says what to run instead."""
    with small(tmp_path, leads=0) as stage:
        ended = syncd(stage, "work")
        assert (ended.returncode, ended.stdout) == (2, "")
        assert "Run `syncd run`" in ended.stderr and "Traceback" not in ended.stderr


def test_a_wrong_password_is_told_and_not_shown(tmp_path: Path) -> None:
    """A database that does not let syncd in is a sentence with a remedy; the password is in none of it."""
    with small(tmp_path, leads=0) as stage:
        stage.store = postgres.blank().replace(postgres.PASSWORD, "wrong-7788")
        ended = syncd(stage, "work")
        assert ended.returncode == 2
        assert "Its server must run, and let syncd in." in ended.stderr
        assert "wrong-7788" not in ended.stderr and "Traceback" not in ended.stderr
