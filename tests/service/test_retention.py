"""What is too old goes, and nothing else. Not here: what the sync does without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

import tests.engine.town
from syncd.config import RetentionConfig
from syncd.service.retention import BITE, Retention
from tests.engine.doings import edit, rest
from tests.engine.test_rules import linked
from tests.engine.town import DATABASES, Town, build
from tests.store.test_no_scans import INTENT, LOST

DAY = timedelta(days=1)
MAPS = ("pair/contacts", "pair/people", "pair/deals-jobs")


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database, with one linked pair."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        linked(made)
        yield made


def counts(town: Town) -> dict[str, int]:
    """Rows of what is let go of, and of what never is."""
    with town.store.read() as tx:
        return {name: tx.rows()[name] for name in ("journal", "runs", "conflicts", "links", "snapshots")}


def fill(town: Town, count: int, days_ago: int) -> None:
    """So many old writes, runs and settled conflicts; one write and one conflict of then are open."""
    then = town.stage.now - days_ago * DAY
    with town.store.begin() as tx:
        for n in range(count):
            (intent,) = tx.journal.open([{**INTENT, "map": MAPS[0], "source_id": f"s{n}", "opened_at": then}])
            tx.journal.close(intent, "written", then)
            tx.runs.end(tx.runs.start("pair", "live", "d", then), "done", {}, then)
        tx.conflicts.list_lost([{**LOST, "map": MAPS[0], "state": "overruled", "at": then} for _ in range(count)])
        tx.journal.open([{**INTENT, "map": MAPS[0], "source_id": "open", "opened_at": then}])
        tx.conflicts.ask({**LOST, "map": MAPS[0], "link": 99, "state": "open", "at": then})


def kept(town: Town, **days: int) -> Retention:
    """For so many days."""
    config = RetentionConfig(**{name: number * DAY for name, number in days.items()})
    return Retention(town.store, lambda: town.stage.now, config, MAPS)


def test_what_is_too_old_goes_bite_by_bite(town: Town) -> None:
    """Of each kind; what is open, and what is not too old, stays, and so does all that the sync goes by."""
    before = counts(town)
    fill(town, BITE + 20, days_ago=401)
    fill_open = counts(town)
    assert fill_open["journal"] == before["journal"] + BITE + 21
    retention = kept(town)
    assert retention.bite()
    assert not retention.bite()
    after = counts(town)
    assert after == {**before, "journal": before["journal"] + 1, "conflicts": before["conflicts"] + 1}
    assert not retention.bite()
    assert counts(town) == after


def test_each_has_a_time_of_its_own(town: Town) -> None:
    """Writes may be kept for longer than runs; nothing younger goes."""
    before = counts(town)
    fill(town, 5, days_ago=100)
    kept(town, journal=200, runs=50, conflicts=101).bite()
    after = counts(town)
    assert after["runs"] == before["runs"]
    assert after["journal"] == before["journal"] + 6
    assert after["conflicts"] == before["conflicts"] + 6


def test_the_sync_goes_on_without_it(town: Town) -> None:
    """With nothing but links and snapshots left, an edit crosses as ever."""
    town.stage.now += 500 * DAY
    kept(town).bite()
    assert counts(town)["journal"] == 0
    (left,) = town.vendors["crm"].rows["contacts"].values()
    edit(town, "crm", "contacts", left.id, {"name": "Anew"})
    rest(town)
    (right,) = town.vendors["con"].rows["contacts"].values()
    assert right.fields["name"] == "Anew"
