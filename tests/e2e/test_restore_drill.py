"""A store is lost in the middle of the day: the copy of the night is put back, or none is there. Both sides end equal.

People work on both sides all the while. Not here: single scenes of it (`tests/engine/test_restored`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select

from syncd.app import App
from syncd.core.model import Side
from syncd.engine.planning import lost_row
from syncd.lab.compare import compare
from syncd.lab.laws import Breach, Laws
from syncd.lab.people import Crowd, at_work
from syncd.lab.play import LAG, QUIET, TIMING
from syncd.lab.process import Process, running, until
from syncd.lab.settled import Rest
from syncd.lab.stage import Stage
from syncd.store.tables import conflicts
from tests.e2e.test_daemon import quiet, sync

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Drilled:
    """What came of it: links, questions that are open, and what is wrong."""

    links: dict[str, int]
    questions: int
    conflicts: int
    differences: int
    duplicates: int
    missing: int
    breaches: list[Breach]


def drill(folder: Path, *, leads: int, seconds: float, copy: bool, seed: int = 1) -> Drilled:
    """Sync, copy, work on, lose the store in the middle of it, put the copy back (or none), and come to rest."""
    with (
        Stage(folder=folder, leads=leads, seed=seed, every="1s", rate="400/1", search_rate="400/1", timing=TIMING,
              right_settings=LAG) as stage,
        running(stage) as (process,),
    ):  # fmt: skip
        sync(stage, process)
        assert process.stop() == 0
        with App.open(stage.config, environ=stage.environ) as app:
            made = app.keeping.backup(folder / "copy.db")
            _work(stage, app, process, seconds, seed)
            told = _listed(app)
        for name in folder.glob("syncd.db*"):
            name.rename(folder / f"lost-{name.name}")
        if copy:
            with App.open(stage.config, environ=stage.environ) as app:
                app.keeping.restore(made)
        before = len(process.said())
        process.start()
        process.wait_for('"event":"run"', since=before, within=120)
        with App.open(stage.config, environ=stage.environ) as app:
            until(lambda: quiet(stage), within=300, what="the links")
            rest = Rest(app.world, stage)
            until(lambda: rest.held(QUIET), within=300, what="rest", every=0.5)
            assert process.stop() == 0
            return _judged(stage, app, told)


def _work(stage: Stage, app: App, process: Process, seconds: float, seed: int) -> None:
    """People edit, clear and make records on both sides while the daemon runs; it is killed once, and at the end."""
    process.start()
    crowd = Crowd(stage=stage, world=app.world, seed=seed, per_second=15.0)
    with at_work(crowd):
        time.sleep(seconds / 2)
        process.kill()
        process.start()
        time.sleep(seconds / 2)
    process.kill()
    assert crowd.edits > seconds * 5


def _listed(app: App) -> Rows:
    """Who was overruled or asked before the store was lost: people were told, and the laws ask for it.

    A write that was on its way tells of it with its outcome, and the store was lost before: it counts as told.
    """
    with app.ready_store.begin() as tx:
        sent = [intent for intent in tx.journal.recent(limit=1_000_000) if intent.outcome is None]
        links = tx.links.get(intent.link for intent in sent if intent.link is not None)
        tx.conflicts.list_lost([
            lost_row(intent.map, link.id, (link.left_id, link.right_id), rule, tuple(data["sides"]), "overruled",
                     lost_side=data["lost"][0], reason=data["reason"], at=intent.opened_at)
            for intent in sent
            if (link := links.get(intent.link or 0)) is not None
            for rule, data in intent.rules.items()
            if data["lost"]
        ])  # fmt: skip
        return [dict(row._mapping) for row in tx.connection.execute(select(conflicts))]


def _judged(stage: Stage, app: App, told: Rows) -> Drilled:
    with app.ready_store.begin() as tx:
        for row in told:
            link = tx.links.of(row["map"], Side.LEFT, [row["left_id"]]).get(row["left_id"])
            if link is not None and link.right_id == row["right_id"]:
                state = "gone" if row["state"] == "open" else row["state"]
                kept = {name: value for name, value in row.items() if name != "id"}
                tx.connection.execute(insert(conflicts), {**kept, "link": link.id, "state": state})
    found = compare(app.world, stage.vendors, app.connectors)
    status = app.status()
    return Drilled(
        links=status["links"], questions=status["parked"], conflicts=status["conflicts"],
        differences=len(found.differences), duplicates=len(found.duplicates), missing=len(found.missing),
        breaches=Laws(app.world, stage.vendors).check(),
    )  # fmt: skip


def _held(found: Drilled, leads: int) -> None:
    assert (found.duplicates, found.missing, found.differences) == (0, 0, 0), found
    assert found.breaches == [], "\n\n".join(str(one) for one in found.breaches[:5])
    assert found.links["sales/contacts"] >= leads * 0.8


@pytest.mark.parametrize("copy", [True, False], ids=["the copy of the night", "no store at all"])
def test_a_lost_store_loses_and_doubles_nothing(copy: bool, tmp_path: Path) -> None:
    """With sixty leads, and people at work for some seconds."""
    _held(drill(tmp_path, leads=60, seconds=8.0, copy=copy), 60)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("copy", [True, False], ids=["the copy of the night", "no store at all"])
def test_a_lost_store_of_two_thousand_links_loses_and_doubles_nothing(copy: bool, tmp_path: Path) -> None:
    """With two thousand leads, and people at work for a minute."""
    _held(drill(tmp_path, leads=2000, seconds=60.0, copy=copy), 2000)
