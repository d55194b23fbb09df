"""Webhooks over real sockets: a sandboxed vendor tells, the daemon hears, and the edit is across long before a poll.

What is not here: which requests are believed (`tests/service/test_web.py`).
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncd.app import App
from syncd.lab.compare import compare
from syncd.lab.process import Process, running, until
from syncd.lab.stage import Stage
from tests import postgres
from tests.e2e.test_daemon import quiet, rows
from tests.ports import free_port

TIMING = {
    "overlap": "10s", "lag": "500ms", "settle": "3s", "settle_every": "3s", "gone_every": "10s", "landing": "1s",
    "lease": "2s", "retry_first": "300ms", "retry_max": "2s", "proofs": "1s", "idle": "250ms",
}  # fmt: skip
SOON = 2.5
"""Seconds within which an edit must be across; polls are an hour apart."""


def free() -> str:
    """An address on which nobody listens."""
    return f"127.0.0.1:{free_port()}"


def staged(folder: Path, *, every: str = "1h", **more: Any) -> Stage:
    """A stage with webhooks and hardly any poll."""
    return Stage(folder=folder, leads=4, every=every, rate="500/1", search_rate="500/1", timing=TIMING, hooks=free(),
                 right_settings={"index_lag": 0.2}, **more)  # fmt: skip


def start(stage: Stage, process: Process) -> None:
    """Sync once, to the end; then the daemon begins, reads once, and from then on only hears."""
    with App.open(stage.config, environ=stage.environ) as app:
        app.once()
    process.start()
    process.wait_for('"listening"', within=30)
    process.wait_for('"started"', within=30)
    until(lambda: quiet(stage), within=30, what="the first reading")
    time.sleep(1.5)


def pair_of(stage: Stage) -> tuple[str, str]:
    """A linked pair of people."""
    return rows(stage, "SELECT left_id, right_id FROM links WHERE map = 'sales/contacts' ORDER BY id")[0]


def took(done: Callable[[], bool]) -> float:
    """How long it takes until this holds."""
    began = time.monotonic()
    until(done, within=20, what="the edit to be across", every=0.05)
    return time.monotonic() - began


def left_is(stage: Stage, id_: str, name: str, value: str) -> Callable[[], bool]:
    """Whether a left contact holds this."""
    return lambda: any(
        row["properties"].get(name) == value for row in stage.left.records("contacts") if row["id"] == id_
    )


def right_is(stage: Stage, id_: str, name: str, value: str) -> Callable[[], bool]:
    """Whether a right contact holds this."""
    return lambda: any(row.get(name) == value for row in stage.right.records("contacts") if row["jnid"] == id_)


def test_an_edit_is_across_in_a_moment(tmp_path: Path) -> None:
    """With polls an hour apart, an edit and a new lead on either side are on the other one within two seconds or so."""
    with staged(tmp_path) as stage, running(stage) as (process,):
        start(stage, process)
        one, other = pair_of(stage)
        stage.left.act("update", "contacts", id=one, fields={"city": "Springfield"}, as_="Dana")
        assert took(right_is(stage, other, "city", "Springfield")) < SOON
        time.sleep(1.1)  # the right side tells whole seconds: an edit in a later one than our own write
        stage.right.act("update", "contacts", id=other, fields={"city": "Peoria"}, as_="sam.okafor@example.com")
        assert took(left_is(stage, one, "city", "Peoria")) < SOON
        new = {"firstname": "Ines", "lastname": "Soon", "email": "ines@soon.example", "lifecyclestage": "lead"}
        stage.left.act("create", "contacts", fields=new, as_="Dana")
        across = took(lambda: any(row.get("email") == new["email"] for row in stage.right.records("contacts")))
        assert across < SOON
        assert "Traceback" not in process.said()
        assert '"webhook refused"' not in process.said()
        assert process.stop() == 0


def test_doubled_late_and_reordered_webhooks_do_no_harm(tmp_path: Path) -> None:
    """However the vendors tell it, in the end both sides are equal and nothing was made twice."""
    spoilt = {"webhook_duplicate": 0.5, "webhook_reorder": True, "webhook_delay": 0.5, "webhook_drop": 0.2}
    with staged(tmp_path, every="1s") as stage, running(stage) as (process,):
        start(stage, process)
        stage.left.settings(**spoilt)
        stage.right.settings(**spoilt, webhook_signature="bogus", webhook_place="query")
        one, other = pair_of(stage)
        for n in range(10):
            stage.left.act("update", "contacts", id=one, fields={"city": f"Town {n}"}, as_="Dana")
            stage.right.act("update", "contacts", id=other, fields={"zip": f"6000{n}"}, as_="sam.okafor@example.com")
            new = {"firstname": "Ines", "lastname": f"N{n}", "email": f"ines{n}@soon.example"}
            stage.left.act("create", "contacts", fields=new, as_="Dana")
            time.sleep(0.2)
        until(lambda: stage.settled() and quiet(stage), within=60, what="rest", every=0.5)
        time.sleep(5)
        until(lambda: stage.settled() and quiet(stage), within=60, what="rest", every=0.5)
        assert process.stop() == 0
        with App.open(stage.config, environ=stage.environ) as app:
            found = compare(app.world, stage.vendors, app.connectors)
        assert found.clean, (found.differences, found.duplicates, found.missing)
        assert stage.left.webhooks()["answered"] > 0
        assert "Traceback" not in process.said()


def test_a_hint_that_was_answered_survives_a_kill(tmp_path: Path) -> None:
    """Killed with -9 right after it answered, the daemon finds the hint in its store; the next is sent again."""
    with staged(tmp_path) as stage, running(stage) as (process,):
        start(stage, process)
        one, other = pair_of(stage)
        until(lambda: stage.left.webhooks()["waiting"] == 0, within=30, what="the echoes of the first writes")
        before = stage.left.webhooks()["answered"]
        stage.right.faults({"fault": "503"})  # so that nothing can be written before the kill
        stage.left.act("update", "contacts", id=one, fields={"city": "Springfield"}, as_="Dana")
        until(lambda: stage.left.webhooks()["answered"] > before, within=10, what="the answer", every=0.01)
        process.kill()
        assert rows(stage, "SELECT 1 FROM marks") != []
        stage.left.act("update", "contacts", id=one, fields={"firstname": "Unheard"}, as_="Dana")
        stage.right.faults()
        process.start()
        until(right_is(stage, other, "city", "Springfield"), within=30, what="the edit from before the kill")
        until(right_is(stage, other, "first_name", "Unheard"), within=30, what="the edit that nobody heard of")
        until(lambda: stage.left.webhooks()["waiting"] == 0, within=30, what="an answer to it")
        assert process.stop() == 0


def test_a_taken_port_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    """`syncd run` beside a program that has its port ends with 2, names the setting, and shows no trace."""
    with staged(tmp_path) as stage:
        host, port = str(stage.hooks).split(":")
        with socket.create_server((host, int(port))):
            command = [sys.executable, "-m", "syncd", "--config", str(stage.config), "run"]
            environ = stage.process_environ()
            ended = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert ended.returncode == 2
        assert f"[web] listen = '{stage.hooks}': is taken by another program." in ended.stderr
        assert "Traceback" not in ended.stderr


def test_of_several_processes_one_listens_and_another_takes_over(tmp_path: Path) -> None:
    """`syncd work`, twice on one machine: one of them hears; killed, the other one does within some ten seconds."""
    with staged(tmp_path, store=postgres.fresh()) as stage, running(stage, "work", 2) as processes:
        with App.open(stage.config, environ=stage.environ) as app:
            app.once()
            with app.store.read() as tx:
                link = tx.links.all("sales/contacts")[0]
        for process in processes:
            process.start()
        until(lambda: any('"listening"' in one.said() for one in processes), within=30, what="one to listen")
        first = next(one for one in processes if '"listening"' in one.said())
        (second,) = [one for one in processes if one is not first]
        second.wait_for('"started"')
        time.sleep(2)
        stage.left.act("update", "contacts", id=link.left_id, fields={"city": "Springfield"}, as_="Dana")
        assert took(right_is(stage, link.right_id, "city", "Springfield")) < 2 * SOON
        first.kill()
        second.wait_for('"listening"', within=30)
        stage.left.act("update", "contacts", id=link.left_id, fields={"city": "Peoria"}, as_="Dana")
        assert took(right_is(stage, link.right_id, "city", "Peoria")) < 15
        assert second.stop() == 0
