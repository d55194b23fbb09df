"""The daemon as a process: how it ends, how it begins wrongly, and that a plan is what is done. Not here: kills."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from syncd.app import App
from syncd.lab.play import TIMING
from syncd.lab.process import Process, running, until
from syncd.lab.stage import Stage
from syncd.lab.toml import toml
from syncd.store.marks import DUE

ECHOES = ("job_status", "job_number", "approved_total", "sync_state")
"""Fields of a deal that tell of its new job: what they will say is known only when the job is there."""

WRONG = "wrong-key-0123456789"


def small(folder: Path, *, leads: int = 12, mode: str = "live", rate: str = "100/1") -> Stage:
    """A stage on which everything is quick."""
    return Stage(folder=folder, leads=leads, mode=mode, rate=rate, every="1s", timing=TIMING,
                 right_settings={"index_lag": 0.5})  # fmt: skip


def syncd(stage: Stage, *arguments: str, key: str | None = None) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own; `key` stands in for the right side's."""
    command = [sys.executable, "-m", "syncd", "--config", str(stage.config), *arguments]
    environ = {**stage.process_environ(), **({"STAGE_RIGHT_KEY": key} if key else {})}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120, check=False)


def rows(stage: Stage, query: str) -> list[tuple[Any, ...]]:
    """What the store answers."""
    with closing(sqlite3.connect(stage.folder / "syncd.db")) as connection:
        return connection.execute(query).fetchall()


def sync(stage: Stage, process: Process) -> None:
    """Start the daemon and wait until everything is linked that will be."""
    process.start()
    process.wait_for('"event":"run"', within=60)
    until(lambda: quiet(stage), within=60, what="nothing to be due")


def quiet(stage: Stage) -> bool:
    """Whether no mark is due, now or later, and some record is linked."""
    return not rows(stage, f"SELECT 1 FROM marks WHERE state = '{DUE}'") and bool(rows(stage, "SELECT 1 FROM links"))


def test_sigterm_finishes_what_is_under_way(tmp_path: Path) -> None:
    """Told to end in the middle of writing, it ends with 0 within seconds, with no write open and nothing leased."""
    with small(tmp_path, leads=60, rate="20/1") as stage, running(stage) as (process,):
        process.start()
        until(lambda: len(stage.right.writes(stage.since["jobnimbus"])) >= 5, within=60, what="the first writes")
        began = time.monotonic()
        assert process.stop() == 0
        assert time.monotonic() - began < 20
        assert rows(stage, "SELECT id, outcome, error FROM journal WHERE outcome IS NULL") == []
        assert rows(stage, "SELECT id FROM marks WHERE leased_until IS NOT NULL") == []
        assert rows(stage, f"SELECT count(*) FROM marks WHERE state = '{DUE}'")[0][0] > 0, "there was more to do"
        assert '"stopped"' in process.said()


def test_a_wrong_key_at_the_start_is_told_in_plain_words(tmp_path: Path) -> None:
    """With a key that the vendor refuses the daemon ends at once, names the system, and never shows the key."""
    with small(tmp_path) as stage:
        ended = syncd(stage, "run", key=WRONG)
        said = ended.stdout + ended.stderr
        assert ended.returncode == 3
        assert "jobnimbus" in said.lower()
        assert "Traceback" not in said
        assert WRONG not in said


def test_a_key_revoked_under_way_pauses_its_system(tmp_path: Path) -> None:
    """A key that is refused later pauses the system with the reason in `status`; given back, everything goes on."""
    with small(tmp_path) as stage, running(stage) as (process,):
        sync(stage, process)
        stage.right.act("revoke")
        until(lambda: "paused" in states(stage), within=60, what="the pause")
        status = syncd(stage, "status", "--format", "json")
        assert json.loads(status.stdout)["systems"]["jobnimbus"]["reason"]
        assert status.returncode == 1
        stage.right.act("key")
        until(lambda: "paused" not in states(stage), within=90, what="the end of the pause", every=0.5)
        assert process.stop() == 0


def test_a_system_that_refuses_at_the_start_keeps_no_other_pair_waiting(tmp_path: Path) -> None:
    """The other pair begins, and `status` names the system; given its key back, the first follows by itself."""
    with two(tmp_path) as (stage, other), running(stage) as (process,):
        other.right.act("revoke")
        sync(stage, process)
        assert '"event":"pairs wait"' in process.said()
        assert linked(stage) == ["sales"]
        status = json.loads(syncd(stage, "status", "--format", "json").stdout)
        assert status["systems"]["jobnimbus2"]["state"] == "paused" and status["systems"]["jobnimbus"]["state"] == "ok"
        other.right.act("key")
        until(lambda: linked(stage) == ["sales", "second"], within=150, what="the second pair", every=0.5)
        until(lambda: set(states(stage)) == {"ok"}, within=30, what="the end of the pause")
        assert process.stop() == 0
        assert process.said().count('"event":"started"') == 2 and "Traceback" not in process.said()


@contextmanager
def two(folder: Path) -> Iterator[tuple[Stage, Stage]]:
    """Two customers in one set-up: that of the first holds both."""
    with small(folder / "a") as stage, small(folder / "b") as other:
        tables, more = (tomllib.loads(one.config.read_text(encoding="utf-8")) for one in (stage, other))
        tables["systems"] |= {f"{name}2": system for name, system in more["systems"].items()}
        (pair,) = more["pairs"].values()
        tables["pairs"]["second"] = {**pair, "left": f"{pair['left']}2", "right": f"{pair['right']}2"}
        tables["timing"]["fresh"] = "1m"
        stage.config.write_text(toml(tables), encoding="utf-8")
        yield stage, other


def linked(stage: Stage) -> list[str]:
    """The pairs of which any records are linked."""
    return sorted({key.split("/")[0] for (key,) in rows(stage, "SELECT DISTINCT map FROM links")})


def states(stage: Stage) -> list[str]:
    """The states of the systems that have one."""
    return [row[0] for row in rows(stage, "SELECT state FROM systems")]


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    """On a store that a newer syncd wrote, the daemon ends with 2 and says so; nothing is asked of any vendor."""
    with small(tmp_path) as stage, running(stage) as (process,):
        sync(stage, process)
        assert process.stop() == 0
        with closing(sqlite3.connect(stage.folder / "syncd.db")) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '9999'")
            connection.commit()
        marks = {name: vendor.mark() for name, vendor in stage.vendors.items()}
        ended = syncd(stage, "run")
        assert ended.returncode == 2
        assert "9999" in ended.stderr and "newer syncd" in ended.stderr
        assert [vendor.writes(marks[name]) for name, vendor in stage.vendors.items()] == [[], []]


def test_what_is_planned_is_what_is_done(tmp_path: Path) -> None:
    """A pair in mode plan sends no write; set live, the daemon writes the very fields that the plan named."""
    with small(tmp_path, leads=20, mode="plan") as stage, running(stage) as (process,):
        planned = json.loads(syncd(stage, "plan", "--format", "json").stdout)
        watch(process, stage)
        assert [vendor.writes(stage.since[name]) for name, vendor in stage.vendors.items()] == [[], []]
        text = stage.config.read_text(encoding="utf-8")
        stage.config.write_text(text.replace('mode = "plan"', 'mode = "live"'), encoding="utf-8")
        sync(stage, process)
        assert process.stop() == 0
        written, twins = done(stage)
        more = list(differences(wanted(planned, twins), written))
        assert [one for one in more if one[3] not in ECHOES] == []
        assert all(one[1] == "left" and one[4] == "nothing" for one in more), "an echo was planned to be another"
        assert sum(len(names) for names in written.values()) > 100


def watch(process: Process, stage: Stage) -> None:
    """Let the daemon run for some cycles."""
    process.start()
    process.wait_for('"started"')
    marks = {name: vendor.mark() for name, vendor in stage.vendors.items()}
    until(lambda: all(len(v.requests(marks[n])) >= 6 for n, v in stage.vendors.items()), within=60, what="some cycles")
    assert process.stop() == 0


Writes = dict[tuple[str, str, str], dict[str, Any]]
"""(map, side, id of the record across) -> field -> value."""


def wanted(planned: dict[str, Any], twins: dict[str, str]) -> Writes:
    """What a plan says; `new:map:id` in it is the twin that the record has by now."""
    found: Writes = defaultdict(dict)
    for operation in planned["operations"]:
        for write in operation["writes"]:
            source = operation["right" if write["side"] == "left" else "left"]
            found[operation["map"], write["side"], source][write["field"]] = _real(write["after"], twins)
    return dict(found)


def _real(value: Any, twins: dict[str, str]) -> Any:
    if isinstance(value, list):
        return tuple(_real(item, twins) for item in value)
    return twins.get(str(value), value)


def done(stage: Stage) -> tuple[Writes, dict[str, str]]:
    """What the journal says was written, and landed; and the twin of every record, by `new:map:id`."""
    with App.open(stage.config, environ=stage.environ) as app, app.store.read() as tx:
        found: Writes = defaultdict(dict)
        for intent in tx.journal.recent(limit=100_000):
            assert intent.outcome == "written", intent
            found[intent.map, str(intent.side), intent.source_id].update(intent.fields)
        twins: dict[str, str] = {}
        for key in ("sales/contacts", "sales/deals-jobs"):
            for link in tx.links.all(key):
                twins[f"new:{key}:{link.left_id}"] = link.right_id
                twins[f"new:{key}:{link.right_id}"] = link.left_id
    return dict(found), twins


def differences(planned: Writes, written: Writes) -> Iterator[tuple[Any, ...]]:
    """Every field that was planned and not written, written and not planned, or written with another value."""
    for key in planned.keys() | written.keys():
        before, after = planned.get(key, {}), written.get(key, {})
        for name in before.keys() | after.keys():
            if before.get(name, "nothing") != after.get(name, "nothing"):
                yield (*key, name, before.get(name, "nothing"), after.get(name, "nothing"))
