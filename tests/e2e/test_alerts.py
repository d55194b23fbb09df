"""Somebody is told by a real daemon, over real sockets. Not here: each state (`tests/service/test_alerting`)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from syncd.lab.play import TIMING
from syncd.lab.process import running, until
from syncd.lab.stage import Stage
from syncd.service.alerting import SENDING
from syncd.store.store import Store
from tests import postgres
from tests.e2e.test_daemon import small, sync
from tests.service.test_alerting import Heard, service

ALERTS = '\n[alerts]\nto = [{credential = "alerts"}]\nafter = "1s"\nevery = "250ms"\n'


def tell(stage: Stage, address: str) -> None:
    """The set-up has somebody told."""
    stage.config.write_text(stage.config.read_text(encoding="utf-8") + ALERTS, encoding="utf-8")
    secret = stage.config.parent / "credentials" / "alerts"
    secret.parent.mkdir()
    secret.write_text(address, encoding="utf-8")
    secret.chmod(0o600)


def test_a_revoked_key_is_told_and_that_it_works_again(tmp_path: Path) -> None:
    """One message with the remedy, one when it is over; and no password of an address in any log."""
    with service() as (heard, address), small(tmp_path) as stage, running(stage) as (process,):
        tell(stage, address)
        sync(stage, process)
        stage.right.act("revoke")
        until(lambda: told(heard, "jobnimbus is paused") == 1, within=60, what="the message", every=0.2)
        assert told(heard, "`syncd check`") == 1
        stage.right.act("key")
        until(lambda: told(heard, "Over: jobnimbus is paused") == 1, within=120, what="the second", every=0.2)
        assert process.stop() == 0
        assert told(heard, "jobnimbus is paused") == 2
        assert "a-password" not in process.said()


def test_of_several_processes_one_tells(tmp_path: Path) -> None:
    """On PostgreSQL, with three workers of which one is killed: one message, and one that it is over."""
    database = postgres.blank()
    staged = Stage(folder=tmp_path, leads=4, every="1s", rate="100/1", timing=TIMING, store=database)
    with service() as (heard, address), staged as stage, running(stage, "work", 3) as processes:
        tell(stage, address)
        for process in processes:
            process.start()
        for process in processes:
            process.wait_for('"event":"started"', within=60)
        stage.right.act("revoke")
        until(lambda: told(heard, "jobnimbus is paused") == 1, within=60, what="the message", every=0.2)
        # One that is killed between sending and noting it keeps the others from sending for minutes.
        until(lambda: not sending(database), within=60, what="the note", every=0.2)
        processes[0].kill()
        stage.right.act("key")
        until(lambda: told(heard, "Over: jobnimbus is paused") == 1, within=120, what="the second", every=0.2)
        assert [process.stop() for process in processes[1:]] == [0, 0]
        assert told(heard, "jobnimbus is paused") == 2


def sending(address: str) -> bool:
    """Whether some process sends a message, or was killed while it did."""
    with closing(Store(address)) as store, store.read() as tx:
        return tx.runs.fact(SENDING) is not None


def told(heard: Heard, words: str) -> int:
    """How many messages say this."""
    return sum(words in one["message"] for one in heard)


def test_an_address_that_nobody_knows_ends_the_start(tmp_path: Path) -> None:
    """It is a mistake of the set-up: told by its place, and never shown."""
    with small(tmp_path) as stage, running(stage) as (process,):
        tell(stage, "nosuch://a-password@example.com")
        process.start()
        until(lambda: not process.alive(), within=60, what="the end")
        assert "[alerts] to, number 1" in process.said() and "a-password" not in process.said()
