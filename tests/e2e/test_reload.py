"""A daemon that is told to read its set-up anew, as a process. Not here: its life alone (`service/test_lifetime`)."""

from __future__ import annotations

import json
import signal
import socket
from functools import partial
from pathlib import Path

import httpx

from syncd.lab.play import TIMING
from syncd.lab.process import Process, running, until
from syncd.lab.stage import Stage
from tests import postgres
from tests.e2e.test_daemon import rows, small


def events(process: Process, name: str) -> list[dict[str, object]]:
    """What it logged by this name."""
    lines = [json.loads(line) for line in process.said().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def reload(stage: Stage, process: Process, old: str, new: str, answer: str) -> dict[str, object]:
    """Change the config, tell the daemon, and wait for its answer."""
    text = stage.config.read_text(encoding="utf-8")
    assert old in text
    stage.config.write_text(text.replace(old, new), encoding="utf-8")
    before = len(events(process, answer))
    process.signal(signal.SIGHUP)
    until(lambda: len(events(process, answer)) > before, within=60, what=f"{answer}: {process.said()[-2000:]}")
    return events(process, answer)[-1]


def probe(process: Process, path: str) -> httpx.Response:
    """What a probe is told on the port where it listens now."""
    return httpx.get(f"http://{events(process, 'listening')[-1]['listen']}{path}", trust_env=False, timeout=30)


def test_a_mended_set_up_is_worked_by_without_a_restart(tmp_path: Path) -> None:
    """Plan becomes live by SIGHUP, in the same process; leads cross, no mark is lost, and probes are answered again."""
    with small(tmp_path, mode="plan") as stage, running(stage) as (process,):
        process.start()
        process.wait_for('"event":"run"', within=60)
        until(lambda: bool(rows(stage, "SELECT 1 FROM marks WHERE state = 'planned'")), within=60, what="the plan")
        assert probe(process, "/readyz").status_code == 200
        reload(stage, process, 'mode = "plan"', 'mode = "live"', "reloaded")
        until(lambda: not rows(stage, "SELECT 1 FROM marks WHERE state IN ('planned', 'due')"), within=60, what="rest")
        assert len(rows(stage, "SELECT 1 FROM links WHERE map = 'sales/contacts'")) >= 10
        assert 'syncd_links{map="sales/contacts"}' in probe(process, "/metrics").text
        assert probe(process, "/readyz").status_code == 200
        assert process.stop() == 0
        assert "Traceback" not in process.said()


def test_a_wrong_set_up_is_told_and_the_old_one_goes_on(tmp_path: Path) -> None:
    """Mistakes in the config are named; leads cross as before; mended, it is taken."""
    with small(tmp_path) as stage, running(stage) as (process,):
        process.start()
        process.wait_for('"event":"run"', within=60)
        told = reload(stage, process, 'every = "1s"', 'every = "soon"', "reload refused")
        assert "not a duration" in str(told["problems"])
        told = reload(stage, process, 'every = "soon"', 'every = "1s"\nmaps_of = "x"', "reload refused")
        assert "maps_of" in str(told["problems"])
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = f'listen = "127.0.0.1:{taken.getsockname()[1]}"'
            told = reload(stage, process, 'maps_of = "x"\n', "", "reloaded")
            told = reload(stage, process, 'listen = "127.0.0.1:0"', port, "reload refused")
            assert "taken by another program" in str(told["problems"])
            reload(stage, process, port, 'listen = "127.0.0.1:0"', "reloaded")
        alerts = '\n[alerts]\nto = [{env = "STAGE_ALERT"}]\n\n[syncd]\n'
        told = reload(stage, process, "[syncd]\n", alerts, "reload refused")
        assert "STAGE_ALERT" in str(told["problems"])
        new = {"firstname": "Ines", "lastname": "Late", "email": "ines@late.example", "lifecyclestage": "lead"}
        stage.left.act("create", "contacts", fields=new, as_="Dana")
        until(
            lambda: any(row.get("email") == new["email"] for row in stage.right.records("contacts")),
            within=60, what="the lead",
        )  # fmt: skip
        reload(stage, process, alerts, "[syncd]\n", "reloaded")
        assert process.stop() == 0


def test_it_can_be_told_at_any_moment(tmp_path: Path) -> None:
    """A dozen SIGHUPs in a row, in the middle of the first writes: everything is linked once, and it ends with 0."""
    with small(tmp_path, leads=40, rate="60/1") as stage, running(stage) as (process,):
        process.start()
        until(lambda: len(stage.right.writes(stage.since["jobnimbus"])) >= 3, within=60, what="the first writes")
        for _ in range(12):
            reload(stage, process, "", "", "reloaded")
        until(lambda: not rows(stage, "SELECT 1 FROM marks WHERE state = 'due'"), within=90, what="rest")
        assert process.stop() == 0
        made = stage.right.records("contacts")
        assert len({row["email"] for row in made if row.get("email")}) == len([row for row in made if row.get("email")])
        assert rows(stage, "SELECT count(*) FROM journal WHERE outcome IS NULL") == [(0,)]


def test_workers_beside_each_other_read_it_anew(tmp_path: Path) -> None:
    """On PostgreSQL two are told at once: both go on, in turns as before, and end with 0."""
    staged = Stage(folder=tmp_path, leads=8, every="1s", rate="100/1", timing=TIMING, store=postgres.blank())
    with staged as stage, running(stage, "work", 2) as processes:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_for('"event":"started"', within=60)
        for process in processes:
            process.signal(signal.SIGHUP)
        for process in processes:
            process.wait_for('"event":"reloaded"', within=60)
        for process in processes:
            until(partial(began_twice, process), within=60, what="the second start")
        assert [process.stop() for process in processes] == [0, 0]
        assert all("Traceback" not in process.said() for process in processes)


def began_twice(process: Process) -> bool:
    """Whether it works for the second time."""
    return len(events(process, "started")) == 2
