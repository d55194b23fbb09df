"""`syncd plan` beside a pair that is live: it shows what would be done, and holds nothing back.

What is not here: a pair that is in mode plan (`test_rules`, `tests/plan_mode`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.model import Side
from syncd.engine import run as engine_run
from syncd.engine.run import RunReport, work
from syncd.service.passes import plan
from syncd.store.marks import DUE, PLANNED
from tests.engine.doings import FEEDS, audit, edit, judge, make, read_feed
from tests.engine.test_rules import linked, rows, town_of
from tests.engine.town import Town


def edited(town: Town) -> None:
    """A contact has a new name, and its feed was read."""
    left, _ = linked(town)
    edit(town, "crm", "contacts", left.id, {"name": "Bea"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")


def twins(town: Town) -> None:
    """One person on both sides, read on both, and linked by nobody yet."""
    for vendor in ("crm", "con"):
        make(town, vendor, "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "1"})
    town.stage.now += timedelta(seconds=60)
    for system, kind in FEEDS:
        read_feed(town, system, kind)


def names(town: Town) -> list[object]:
    """The names across."""
    return [row.fields["name"] for row in rows(town, "con", "contacts")]


def test_what_a_killed_plan_left_is_written_by_the_next_run() -> None:
    """Killed after it planned, or never told to clean up: the pair that is live goes on with what was planned."""
    with town_of() as town:
        edited(town)
        assert work(town.world, replace(town.pair, mode="plan")).state == "planned"
        with town.store.read() as tx:
            assert (len(tx.marks.resting(PLANNED)), tx.marks.resting(DUE)) == (1, [])
        assert town.work().state == "done"
        assert names(town) == ["Bea"]
        judge(town)


def test_a_plan_shows_what_it_found_though_a_run_follows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon's run begins as soon as the pair is given back: the plan has been read by then."""
    with town_of() as town:
        edited(town)
        end = engine_run._end

        def then_run(world: object, report: RunReport) -> None:
            end(world, report)
            monkeypatch.setattr(engine_run, "_end", end)
            assert town.work().state == "done"

        monkeypatch.setattr(engine_run, "_end", then_run)
        shown = plan(town.world, town.world.pairs, lambda _: None)
        assert [one["action"] for one in shown["operations"]] == ["update"]
        assert names(town) == ["Bea"]


def test_a_plan_shows_what_an_earlier_one_found() -> None:
    """Nothing new is due: what rests since the last plan is shown again."""
    with town_of() as town:
        edited(town)
        for _ in range(2):
            shown = plan(town.world, town.world.pairs, lambda _: None)
            assert [one["action"] for one in shown["operations"]] == ["update"]
        assert names(town) == ["Ann"]


def test_who_would_be_linked_is_looked_for_once() -> None:
    """Both records are new: one unit, one plan for both marks; and a run that may write links the two."""
    with town_of() as town:
        twins(town)
        report = work(town.world, replace(town.pair, mode="plan"))
        assert report.counts["rest:planned"] == 1
        with town.store.read() as tx:
            one, other = tx.marks.resting(PLANNED)
        assert {one.side, other.side} == set(Side)
        assert one.plan == other.plan
        assert one.plan["action"] == "link"
        assert town.work().state == "done"
        assert audit(town) == []
        judge(town)


def test_what_else_a_twin_asks_for_has_its_turn_in_a_plan() -> None:
    """A twin that is to be read anew keeps its own turn."""
    with town_of() as town:
        twins(town)
        (right,) = rows(town, "con", "contacts")
        with town.store.begin() as tx:
            tx.marks.add("pair/contacts", Side.RIGHT, [right.id], town.world.clock(), lane=2, reread=True)
        assert work(town.world, replace(town.pair, mode="plan")).counts["rest:planned"] == 2
        with town.store.read() as tx:
            assert len(tx.marks.resting(PLANNED)) == 2
        judge(town)
