"""The proof that a user can run: people, bad vendors and kills at once, then every law, over their own maps.

What is not here: the play (`play`), each law (`laws`, `causes`, `meetings`, `compare`), and how it is shown.
"""

from __future__ import annotations

import json
import shlex
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from syncd.config.values import with_password
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.lab.causes import Causes
from syncd.lab.compare import Comparison, compare
from syncd.lab.crm import HUBSPOT, Crm
from syncd.lab.laws import Breach, Laws
from syncd.lab.meetings import meetings
from syncd.lab.own import Own
from syncd.lab.people import SOME_LEAVE, Crowd, Leaving
from syncd.lab.play import LAG, SHARED, TIMING, Play, Played, Say
from syncd.lab.process import running
from syncd.lab.stage import Stage
from syncd.store import schema
from syncd.store.marks import HELD, PARKED, PLANNED, WEIGHED
from syncd.store.store import Store

LAWS = (
    "no edit lost unlisted", "nothing made twice", "no write without a cause", "idle cycles write nothing",
    "quiet means equal", "relations hold", "everyone who waits is released", "no two workers at one link",
)  # fmt: skip
"""What is judged, in the words that people read."""


class Opened(Protocol):
    """A set-up, opened; `syncd.app.App` is one."""

    @property
    def world(self) -> World:
        """What the engine works in."""


class Opener(Protocol):
    """How a set-up is opened; `syncd.app.App.open` is one."""

    def __call__(self, path: Path, *, environ: Mapping[str, str]) -> AbstractContextManager[Opened]:
        """The app of this set-up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What to play. `edits`: so many, or for `lasts` without them. `per_second`: how often people act.

    `crm`: what stands on the left of the shipped maps.
    `rate`: requests per seconds that both vendors take. `workers`: so many processes; more than one need `store`, an
    empty PostgreSQL database. `own`: the maps and settings of `config` instead of the shipped maps.
    `between`: seconds from one kill to the next, at least and at most; None: fit for the length. `kills`: at least so
    many.
    """

    crm: Crm = HUBSPOT
    edits: int | None = 1000
    lasts: timedelta | None = None
    seed: int = 1
    leads: int = 200
    rate: str = "100/1"
    per_second: float = 15.0
    workers: int = 1
    store: str | None = None
    own: Own | None = None
    config: Path | None = None
    leaving: Leaving = SOME_LEAVE
    between: tuple[float, float] | None = None
    kills: int = 0

    @property
    def kills_every(self) -> tuple[float, float]:
        """From 10 to 20 seconds, and less in a play that is over before long."""
        if self.between is not None:
            return self.between
        long = self.lasts.total_seconds() if self.lasts else (self.edits or 0) / self.per_second
        return max(1.5, min(10.0, long / 10)), max(3.0, min(20.0, long / 5))

    def command(self) -> str:
        """What replays it; a password is left out."""
        said: dict[str, Any] = {
            "--config": self.config, "--crm": None if self.crm is HUBSPOT else self.crm.name,
            "--edits": self.edits, "--seed": self.seed, "--leads": self.leads,
            "--rate": self.rate, "--per-second": f"{self.per_second:g}",
        }  # fmt: skip
        if self.lasts is not None:
            said["--minutes"] = f"{self.lasts.total_seconds() / 60:g}"
        if self.workers > 1:
            said |= {"--workers": self.workers, "--store": with_password(self.store or "", "PASSWORD")}
        given = [f"{name} {shlex.quote(str(value))}" for name, value in said.items() if value is not None]
        return " ".join(("syncd prove", *given))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What came of it. `edits`: values that people typed; `judged`: those of them that a law could follow.

    `in_flight`: typed while a write of ours to that field was on its way or in the vendor's hands, and written over.
    `held`: records that a guard holds; a proof has none.
    """

    task: Task
    played: Played
    acts: Mapping[str, int]
    edits: int
    judged: int
    in_flight: int
    writes: int
    intents: int
    links: Mapping[str, int]
    conflicts: Mapping[str, int]
    parked: Mapping[str, int]
    held: int
    breaches: Sequence[Breach]
    comparison: Comparison
    seconds: Mapping[str, float]
    laws: Sequence[str] = field(default=LAWS)

    @property
    def good(self) -> bool:
        """Whether every law held."""
        broken = self.played.failed or self.breaches or self.played.idle_writes or self.held
        return not broken and self.comparison.clean

    def count(self, *laws: str) -> int:
        """How often these laws were broken."""
        return sum(1 for breach in self.breaches if breach.law in laws)

    def as_data(self) -> dict[str, Any]:
        """The whole answer as plain data."""
        played, found = self.played, self.comparison
        return {
            "good": self.good, "replay": self.task.command(), "seed": self.task.seed, "workers": self.task.workers,
            "failed": played.failed, "laws": list(self.laws),
            "edits": self.edits, "judged": self.judged, "acts": dict(self.acts),
            "kills": played.kills, "faults": dict(played.faults), "requests": played.requests,
            "writes": self.writes, "intents": self.intents, "seconds": dict(self.seconds),
            "lost": self.count("lost edit", "not carried"),
            "duplicates": self.count("made twice", "made and forgotten", "linked with a stranger")
            + len(found.duplicates),
            "unexplained": self.count("unexplained write"), "idle_writes": played.idle_writes,
            "in_flight": self.in_flight, "links": dict(self.links), "conflicts": dict(self.conflicts),
            "parked": dict(self.parked), "held": self.held, "breaches": [asdict(one) for one in self.breaches],
            "differences": [asdict(one) for one in found.differences],
            "odd": [asdict(one) for one in (*found.duplicates, *found.missing)],
        }  # fmt: skip


def prove(opens: Opener, folder: Path, task: Task, say: Say = lambda _: None) -> Proof:
    """Play it in this folder, and judge. ConfigError for a store that does not fit; takes minutes.

    The folder has the store afterwards, the set-up, what the vendors saw of each kind (`SYSTEM-KIND.json`), and the
    answer (`proof.json`).
    """
    _demand_empty(task)
    timing = {**TIMING, **(SHARED if task.workers > 1 else {})}
    crm = task.own.crm if task.own is not None else task.crm
    stage = Stage(
        folder=folder, crm=crm, leads=task.leads, seed=task.seed, rate=task.rate, search_rate="50/1", every="2s",
        timing=timing, store=task.store, own=task.own, left_settings=crm.lags, right_settings=LAG,
    )  # fmt: skip
    say("setting the stage")
    verb = "work" if task.workers > 1 else "run"
    with stage, running(stage, verb, task.workers) as processes, opens(stage.config, environ=stage.environ) as app:
        crowd = Crowd(stage=stage, world=app.world, seed=task.seed, per_second=task.per_second, most=task.edits,
                      leaving=task.leaving)  # fmt: skip
        play = Play(
            stage=stage, world=app.world, processes=processes, crowd=crowd, seed=task.seed, between=task.kills_every,
            least=task.kills, seconds=task.lasts.total_seconds() if task.lasts else None, say=say,
        )  # fmt: skip
        played = play.run()
        for process in processes:
            process.kill()
        _tell_histories(stage)
        say("judging")
        proof = _judged(task, stage, app, crowd, played)
        (folder / "proof.json").write_text(json.dumps(proof.as_data(), indent=1, default=str), encoding="utf-8")
        return proof


def _tell_histories(stage: Stage) -> None:
    """Write down what became of every record, for who looks into a breach; the vendors are gone afterwards."""
    for name, vendor in stage.vendors.items():
        for kind in stage.kinds(name):
            told = json.dumps(vendor.histories(kind), indent=1)
            (stage.folder / f"{name}-{kind}.json").write_text(told, encoding="utf-8")


def _demand_empty(task: Task) -> None:
    if task.workers == 1 and task.store is None:
        return
    if task.store is None or task.store.startswith("sqlite"):
        message, remedy = "are more than one file can serve.", "Name an empty PostgreSQL database: --store URL."
        raise ConfigError(Problem(f"--workers {task.workers}", message, remedy))
    with closing(Store(task.store)) as store:
        if not schema.empty(store):
            remedy = "Make a new database for each proof: what is in this one would be mixed with invented records."
            raise ConfigError(Problem("--store", "is not empty.", remedy))


def _judged(task: Task, stage: Stage, app: Opened, crowd: Crowd, played: Played) -> Proof:
    """All the laws, over the vendors' own histories."""
    began = time.monotonic()
    laws = Laws(app.world, stage.vendors)
    breaches = list(laws.check())
    causes = Causes(app.world, laws.histories)
    breaches += [*causes.check(), *meetings(app.world)]
    readers = stage.readers()
    try:
        comparison = compare(app.world, stage.vendors, readers)
    finally:
        for reader in readers.values():
            reader.close()
    with app.world.store.read() as tx:
        links = {key: tx.links.count(key) for key in app.world.maps}
        rows = tx.conflicts.list(states=("open", "overruled", "kept", "taken", "agreed", "gone"), limit=10_000_000)
        held = sum(len(tx.marks.resting(state, limit=10_000_000)) for state in (HELD, WEIGHED, PLANNED))
        parked = Counter(f"{mark.map}: {mark.cause}" for mark in tx.marks.resting(PARKED, limit=10_000_000))
    return Proof(
        task=task, played=played, acts=crowd.acts, edits=crowd.edits, judged=laws.edits, in_flight=laws.in_flight,
        writes=causes.writes, intents=causes.intents, links=links, conflicts=Counter(row.state for row in rows),
        parked=parked, held=held, breaches=breaches, comparison=comparison,
        seconds={**played.seconds, "judging": round(time.monotonic() - began, 1)},
    )  # fmt: skip
