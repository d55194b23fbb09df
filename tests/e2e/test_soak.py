"""A long life at fifty edits a second with bad vendors: nothing grows that need not, and hand-offs stay quick.

The play, its people and its laws are the lab's (`syncd.lab.play`, `people`, `prove`); here they are many, and nobody is
killed. Not here: kills (`test_killed`), and how quick an idle system is (`tests/bench`).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncd.app import App
from syncd.engine.world import World
from syncd.kit.remote import Remote
from syncd.lab import people, play
from syncd.lab.crm import HUBSPOT
from syncd.lab.histories import BY_HAND
from syncd.lab.people import Crowd, Leaving
from syncd.lab.play import LAG, TIMING, Play, Played
from syncd.lab.process import running
from syncd.lab.prove import Proof, Task, _judged
from syncd.lab.stage import Stage
from tests.e2e.growth import PARTS, Held, Watch

EDITS = 50.0
"""Values typed per second, on both sides altogether."""

PER_ACT = 1.12
"""Values typed per act of somebody: nine acts in ten are edits, and a quarter of those are typed on both sides."""

HOT_RECORDS = 40
"""A proof has twelve for fifteen acts a second: each of these is edited as often as each of those."""

LOOK_EVERY = 10.0
"""Seconds after which people look again which records there are: to dump some thousand takes time from the vendors."""


def _rarer(rule: Mapping[str, Any]) -> int:
    """By how much a fault is rarer than in a proof: the 95th of a hundred hand-offs is to tell of the load.

    A write of which nobody knows whether it landed holds one up until it can no longer land, and a hand-off is two of
    them or more; "too many requests" without a time holds all up for HubSpot's whole window, as its reference wants.
    """
    return 10 if rule["fault"] == "429" else 20 if rule.get("writes_only") else 1


FAULTS: Sequence[Mapping[str, Any]] = (
    *({**rule, "rate": rule["rate"] / _rarer(rule)} for rule in play.TROUBLE),
    {"fault": "timeout", "rate": 0.00005, "delay": 6.0},
    {"fault": "timeout", "rate": 0.00005, "delay": 6.0, "apply": True},
)
"""What a proof has, some of it rarer, and a time-out every few minutes."""

INTERVAL = timedelta(seconds=2)
HANDOFF = 2 * INTERVAL.total_seconds() + 5.0
"""Seconds from a deal to its job, for 95 of a hundred."""

GROWN = 1.15
HANDLES, THREADS = 8, 3
"""How many more there may be at the end: connections come and go."""
WAL = 16_000_000
"""Bytes: readers of the lab's own hold the log up now and then, and its file never shrinks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """How long, over how many leads. `new`: how often an act is a new record."""

    seconds: float
    leads: int
    new: float


SHORT = Length(seconds=10.0, leads=40, new=0.05)
LONG = Length(seconds=1800.0, leads=600, new=0.005)


@dataclass(frozen=True, slots=True)
class Soaked:
    """What came of it. `handoffs`: seconds each took, ascending; `made`: how many deals people made in that time."""

    watch: Watch
    handoffs: list[float]
    made: int
    edits: float
    proof: Proof

    def told(self) -> str:
        """All the figures, for people."""
        several = [f"p{part} {self.part(part):.2f} s" for part in (50, 95, 99)]
        data = self.proof.as_data()
        laws = {name: data[name] for name in ("lost", "duplicates", "unexplained", "in_flight", "writes", "intents")}
        return "\n".join((
            self.watch.table(),
            f"hand-offs    {len(self.handoffs)} of {self.made} deals: {', '.join(several)} (p95 at most {HANDOFF:g} s)",
            f"edits        {self.edits:.1f} a second; requests {data['requests']}; faults {data['faults']}",
            f"laws         {laws}, idle writes {len(data['idle_writes'])}, seconds {data['seconds']}",
        ))  # fmt: skip

    def part(self, percent: int) -> float:
        """So many of a hundred hand-offs took no longer."""
        return self.handoffs[math.ceil(len(self.handoffs) * percent / 100) - 1] if self.handoffs else math.nan


class Calm(Play):
    """A play in which nobody is killed."""

    def _kill_one(self, dice: random.Random) -> None:
        """Nobody."""


def soak(folder: Path, length: Length) -> Soaked:
    """Sync all there is, let people and bad vendors at it for so long, let it come to rest, and judge."""
    stage = Stage(
        folder=folder, leads=length.leads, rate="400/1", search_rate="50/1", every=f"{INTERVAL.total_seconds():g}s",
        timing=TIMING, left_settings=HUBSPOT.lags, right_settings=LAG,
    )  # fmt: skip
    with stage, running(stage) as (process,), App.open(stage.config, environ=stage.environ) as app:
        with App.open(stage.config, environ=stage.environ) as first:
            first.once()
        crowd = Crowd(stage=stage, world=app.world, per_second=EDITS / PER_ACT, leaving=Leaving())
        watch = Watch(process=process, store=folder / "syncd.db", seconds=length.seconds)
        calm = Calm(stage=stage, world=app.world, processes=[process], crowd=crowd, seed=1, say=watch.look,
                    between=(length.seconds, length.seconds), seconds=length.seconds)  # fmt: skip
        began = time.time()
        played = calm.run()
        assert played.failed is None, played.failed
        watch.held.append(Held.read(watch.store))
        made, took = handoffs(stage, app.world, began + length.seconds / PARTS)
        rate = crowd.edits / length.seconds
        return Soaked(watch, took, made, rate, judged(stage, app, crowd, played, length))


def judged(stage: Stage, app: App, crowd: Crowd, played: Played, length: Length) -> Proof:
    """The laws of a proof, over this play."""
    task = Task(edits=None, lasts=timedelta(seconds=length.seconds), leads=length.leads, rate=stage.rate,
                per_second=crowd.per_second, leaving=crowd.leaving)  # fmt: skip
    return _judged(task, stage, app, crowd, played)


def handoffs(stage: Stage, world: World, since: float) -> tuple[int, list[float]]:
    """How many deals people made from then on, and the seconds until each one's job was there, by both vendors."""
    deals, jobs = made_at(stage.left, "deals", BY_HAND), made_at(stage.right, "jobs")
    new = {id_: at for id_, at in deals.items() if at >= since}
    with world.store.read() as tx:
        links = tx.links.all("sales/deals-jobs", limit=1_000_000)
    return len(new), sorted(jobs[one.right_id] - new[one.left_id] for one in links if one.left_id in new)


def made_at(vendor: Remote, kind: str, via: str | None = None) -> dict[str, float]:
    """When each record was made, on this machine's clock: a vendor's own was moved while its account was filled."""
    ahead = vendor.clock()["seconds"] - time.time()
    begins = {id_: changes[0] for id_, changes in vendor.histories(kind).items()}
    return {
        id_: datetime.fromisoformat(first["at"]).timestamp() - ahead
        for id_, first in begins.items()
        if via in (None, first["via"])
    }


@pytest.fixture
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """People and vendors as this module has them."""
    monkeypatch.setattr(people, "HOT_RECORDS", HOT_RECORDS)
    monkeypatch.setattr(people, "LOOK_EVERY", LOOK_EVERY)
    monkeypatch.setattr(play, "TROUBLE", FAULTS)


def must_be_good(found: Soaked) -> None:
    """The laws hold, the people were at work, the vendors bad, and there are hand-offs to tell of."""
    proof = found.proof
    assert not proof.breaches, "\n\n".join(str(breach) for breach in proof.breaches[:5])
    assert proof.comparison.clean, (proof.comparison.differences[:5], proof.comparison.duplicates[:5])
    assert proof.good, proof.as_data()
    assert sum(proof.played.faults.values()) > 0
    assert found.handoffs and len(found.handoffs) >= found.made * 0.9
    assert found.watch.held[-1].rows["claims"] == 0, "no write is open any more"


def must_be_flat(found: Soaked) -> None:
    """From the second fifth to the last nothing has grown but what is kept on purpose."""
    begin, end = found.watch.part(2), found.watch.part(PARTS)
    assert end.memory <= begin.memory * GROWN
    assert end.handles <= begin.handles + HANDLES
    assert end.threads <= begin.threads + THREADS
    assert end.wal <= begin.wal * GROWN + WAL
    assert found.watch.held[-1].per_record <= found.watch.held[0].per_record * GROWN
    assert found.watch.held[-1].per_write <= found.watch.held[0].per_write * GROWN


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("_many")
def test_some_seconds_of_fifty_edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short form: laws and hand-offs, and no leak that shows at once; what is warm by then tells of no more."""
    monkeypatch.setattr(people, "NEW", SHORT.new)
    found = soak(tmp_path, SHORT)
    print(found.told())
    must_be_good(found)
    begin, end = found.watch.part(2), found.watch.part(PARTS)
    assert end.memory <= begin.memory * 1.5
    assert end.handles <= begin.handles + 4 * HANDLES and end.threads <= begin.threads + 4 * THREADS
    assert found.part(50) <= 2 * HANDOFF  # beside all the other tests
    assert found.watch.held[-1].rows["journal"] > 0


@pytest.mark.long
@pytest.mark.timeout(4500)  # half an hour of play, then rest and judgement over all of it
@pytest.mark.usefixtures("_many")
def test_half_an_hour_of_fifty_edits_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory, handles, threads and the store stay flat; 95 of a hundred hand-offs are in time; every law holds."""
    monkeypatch.setattr(people, "NEW", LONG.new)
    found = soak(tmp_path, LONG)
    with capsys.disabled():
        print(f"\n{found.told()}")
    must_be_good(found)
    assert found.edits >= 0.8 * EDITS
    assert found.part(95) <= HANDOFF
    must_be_flat(found)
