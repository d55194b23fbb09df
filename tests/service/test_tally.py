"""What was done is summed up by the hour, each thing once, whoever looks. What is not here: the charts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

import tests.engine.town
from syncd.service.tally import SECONDS, Tallying, took, uncounted
from tests.engine.doings import edit, judge, make
from tests.engine.test_rules import linked
from tests.engine.town import DATABASES, Town, build
from tests.store.test_no_scans import INTENT


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        yield made


def counted(town: Town, pair: str = "pair") -> dict[str, int]:
    """All hours together."""
    found: dict[str, int] = {}
    with town.store.read() as tx:
        for one in tx.tallies.of(pair, town.stage.now - timedelta(days=2)):
            found[one.what] = found.get(one.what, 0) + one.count
    return found


def tallying(town: Town) -> Tallying:
    """A process that counts."""
    return Tallying(town.store, lambda: town.stage.now, ["pair"])


def test_writes_and_runs_are_counted_once(town: Town) -> None:
    """What was before the first look is not; after it each is, by whichever process, for its pair and for all."""
    left, _ = linked(town)
    tallying(town).once()
    assert counted(town) == {}
    edit(town, "crm", "contacts", left.id, {"name": "Anna"})
    make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob"})
    judge(town)
    with town.store.read() as tx:
        coming = {
            pair: {(one.hour, one.what): one.count for one in several}
            for pair, several in uncounted(tx, town.stage.now).items()
        }
    for _ in range(3):
        tallying(town).once()
    found = counted(town)
    with town.store.read() as tx:
        told = tx.tallies.of("pair", town.stage.now - timedelta(days=2))
        assert coming["pair"] == coming[""] == {(one.hour, one.what): one.count for one in told}
        assert uncounted(tx, town.stage.now) == {}
    with town.store.read() as tx:
        runs = [run for run in tx.runs.last(limit=1000) if run.state == "done"]
    assert found["written"] >= 2 and found.get("failed", 0) == 0
    assert sum(count for what, count in found.items() if what.startswith("handoff:")) == 1
    assert found["run:done"] <= len(runs)
    assert counted(town, "") == found


def test_what_ends_later_is_counted_then(town: Town) -> None:
    """A run and a hand-off that are under way at one look are counted at a later one, by how long they took."""
    tallying(town).once()
    now = town.stage.now
    with town.store.begin() as tx:
        run = tx.runs.start("pair", "live", "digest", now)
        row = {**INTENT, "map": "pair/contacts", "heard_at": now - timedelta(seconds=8), "opened_at": now}
        made, lost = tx.journal.open([row, {**row, "source_id": "2"}])
    tallying(town).once()
    assert counted(town) == {}
    with town.store.begin() as tx:
        tx.runs.end(run, "stopped", {"create:written": 1, "update:refused": 2, "rest:more": 5, "error": "x"}, now)
        tx.journal.close(made, "written", now)
        tx.journal.close(lost, "refused", now)
    for _ in range(2):
        tallying(town).once()
    assert counted(town) == {"run:stopped": 1, "written": 1, "failed": 2, "handoff:10": 1}


def test_a_quiet_look_writes_nothing(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing has ended, the store's writer is left to others."""
    tallying(town).once()
    with town.store.read() as tx:
        before = tx.runs.fact("tally:seen")
    begun: list[int] = []
    begin = town.store.begin

    def noting(**more: Any) -> Any:
        begun.append(1)
        return begin(**more)

    monkeypatch.setattr(town.store, "begin", noting)
    tallying(town).once()
    assert begun == []
    with town.store.read() as tx:
        assert tx.runs.fact("tally:seen") == before


def test_hand_offs_are_told_apart_by_how_long_they_took() -> None:
    """Each belongs to the first bound that it keeps; the longest to none."""
    assert [took(seconds) for seconds in (0, 1, 1.01, 40, 7200, 7201)] == [
        "handoff:1", "handoff:1", "handoff:2", "handoff:40", "handoff:7200", "handoff:more",
    ]  # fmt: skip
    assert list(SECONDS) == sorted(SECONDS)
