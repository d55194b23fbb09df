"""New leads do not wait for the run that is under way, and the guard is asked before they go. Rule 19.

What is not here: the lanes within one claim (`tests/store/test_marks`), and how long a hand-off takes (`tests/e2e`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, Operation, Outcome, Ref, Side
from syncd.engine import intake
from syncd.engine.absorb import LEAD_LANE, NORMAL_LANE
from syncd.engine.crew import Crew
from syncd.engine.intake import tick
from syncd.engine.run import work
from syncd.engine.world import Guard
from syncd.errors import Transient
from syncd.fieldmaps import load
from tests.engine.doings import edit, judge, make, read_feed, rest
from tests.engine.stage import Busy, Cue, StagedStore
from tests.engine.test_rules import rows, town_of, with_mode
from tests.engine.test_side_by_side import QUICK, Locked, threaded
from tests.engine.test_succession import CONTINUED, NOTHING, SILENT
from tests.engine.town import CONTACTS, SCHEMAS, SYSTEMS, Town
from tests.engine.town import PEOPLE as PEOPLE_MAP
from tests.engine.vendor import MemoryConnector

PEOPLE = 6


def edited(town: Town) -> list[str]:
    """Some linked people whose phone somebody just changed, which the feed has told."""
    for number in range(PEOPLE):
        make(town, "crm", "contacts", {"email": f"p{number}@x.example", "name": f"P{number}"})
    judge(town)
    ids = [row.id for row in rows(town, "crm", "contacts")]
    for id_ in ids:
        edit(town, "crm", "contacts", id_, {"name": f"new {id_}"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")
    return ids


def a_lead(town: Town, email: str) -> None:
    """Somebody types a contact and its deal in, and both feeds tell of them."""
    contact = make(town, "crm", "contacts", {"email": email, "name": "New"})
    assert contact is not None
    make(town, "crm", "deals", {"title": email, "stage": "won", "contact": contact.id})
    town.stage.now += timedelta(seconds=1)
    for kind in ("contacts", "deals"):
        tick(town.another(), "crm", kind)


def soon(town: Town, act: Callable[[], None], points: int = 12) -> None:
    """It happens in the middle of our work, `points` steps from now."""

    def acted(_busy: Busy) -> bool:
        act()
        return True

    town.stage.cues.append(Cue(points, acted, outside=True))


def written(town: Town) -> list[tuple[str, Action]]:
    """The map and kind of the last run's writes to the right side, in their order."""
    with town.store.read() as tx:
        last = tx.journal.recent(limit=1)[0].run
        assert last is not None
        return [(i.map.rpartition("/")[2], i.action) for i in tx.journal.of_run(last) if i.side is Side.RIGHT]


CREATED = [("contacts", Action.CREATE), ("deals-jobs", Action.CREATE)]
CHANGED = ("contacts", Action.UPDATE)


def test_a_lead_goes_before_the_edits_that_were_due() -> None:
    """It comes while a run writes one edit after the other: contact and job are made before the rest of them."""
    with town_of(left=QUICK, batch=1) as town:
        edited(town)
        soon(town, lambda: a_lead(town, "lead@x.example"))
        town.work()
        order = written(town)
        assert [one for one in order if one[1] is Action.CREATE] == CREATED
        assert order.count(CHANGED) == PEOPLE and order[-1] == CHANGED
        assert order.index(CREATED[1]) < PEOPLE
        judge(town)


def test_an_edit_that_comes_meanwhile_waits_for_the_next_run() -> None:
    """Only who has no twin goes first: what else comes is not weighed yet."""
    with town_of(left=QUICK, batch=1) as town:
        ids = edited(town)

        def another_edit() -> None:
            edit(town, "crm", "contacts", ids[0], {"name": "later"})
            town.stage.now += timedelta(seconds=60)
            tick(town.another(), "crm", "contacts")

        soon(town, another_edit)
        town.work()
        with town.store.read() as tx:
            assert len(tx.marks.get(town.maps[0].key, Side.LEFT, ids)) == 1
        judge(town)


@pytest.mark.parametrize("told", ["by a feed", "by a webhook"])
def test_who_has_a_twin_is_in_no_lead_lane(told: str) -> None:
    """In a lead map as well: the lane is for those that wait for being handed over."""
    with town_of() as town:
        ids = edited(town)[:1]
        make(town, "crm", "contacts", {"email": "lead@x.example"})
        if told == "by a feed":
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "crm", "contacts")
        else:
            intake.hint(town.world, [Ref("crm", "contacts", row.id) for row in rows(town, "crm", "contacts")])
        with town.store.read() as tx:
            known = [row.id for row in rows(town, "crm", "contacts")]
            lanes = {id_: mark.lane for id_, mark in tx.marks.get(town.maps[0].key, Side.LEFT, known).items()}
        assert lanes.pop(known[-1]) == LEAD_LANE
        assert lanes[ids[0]] == NORMAL_LANE and set(lanes.values()) == {NORMAL_LANE}


def test_leads_that_the_guard_could_mind_wait_for_the_next_run() -> None:
    """What came meanwhile is counted with what is still due; the next run has the lot held, and nothing was made."""
    with town_of(left=QUICK, batch=1) as town:
        edited(town)
        town.world = with_mode(town.world, "live", Guard(creates=2 * PEOPLE, updates=10_000, percent=100_000))

        def many_leads() -> None:
            for number in range(PEOPLE + 1):
                a_lead(town, f"lead{number}@x.example")

        soon(town, many_leads)
        assert work(town.world, town.pair).state == "done"
        assert set(written(town)) == {CHANGED}
        assert work(town.world, town.pair).state == "held"
        assert not [one for one in rows(town, "con", "contacts") if "lead" in str(one.fields["email"])]


def test_what_the_run_did_counts() -> None:
    """A guard is for a whole run: leads that come one after the other do not get its limit anew each time."""
    with town_of(left=QUICK, batch=1) as town:
        edited(town)
        most, came = PEOPLE + 4, [0]
        pair = replace(town.pair, maps=town.maps[:1], guard=Guard(creates=most, updates=10_000, percent=100_000))
        town.world = replace(town.world, pairs=(pair,))

        def more_leads(_busy: Busy) -> bool:
            if len(rows(town, "con", "contacts")) == PEOPLE + came[0]:
                for _ in range(4):
                    came[0] += 1
                    make(town, "crm", "contacts", {"email": f"lead{came[0]}@x.example"})
                town.stage.now += timedelta(seconds=1)
                tick(town.another(), "crm", "contacts")
            return came[0] > most

        town.stage.cues.append(Cue(12, more_leads, outside=True))
        assert work(town.world, pair).state == "done"
        assert 0 < written(town).count(CREATED[0]) <= most


def test_a_page_that_is_stored_meanwhile_is_not_taken_uncounted() -> None:
    """Its marks have the time at which it began to be stored, and it is in the store when the next one may write."""
    with town_of(left=QUICK, batch=1) as town, pytest.MonkeyPatch.context() as patch:
        edited(town)
        town.world = with_mode(town.world, "live", Guard(creates=4 * PEOPLE, updates=10_000, percent=100_000))
        soon(town, lambda: a_lead(town, "lead@x.example"))
        begun: list[datetime] = []
        waits, begin = Crew._lead_due, StagedStore.begin

        def then_a_page_begins(self: Crew, m: FieldMap, now: datetime) -> bool:
            found = waits(self, m, now)
            if found and not begun and len(rows(town, "crm", "contacts")) <= PEOPLE + 1:
                for number in range(5 * PEOPLE):
                    make(town, "crm", "contacts", {"email": f"late{number}@x.example"})
                begun.append(town.stage.now)
            return found

        def behind_the_page(self: StagedStore, **how: Any) -> Any:
            if begun:
                stamp = begun.pop()
                patch.setattr(Crew, "_lead_due", waits)
                town.stage.now += timedelta(seconds=1)
                tick(replace(town.another(), clock=lambda: stamp), "crm", "contacts")
            return begin(self, **how)

        patch.setattr(Crew, "_lead_due", then_a_page_begins)
        patch.setattr(StagedStore, "begin", behind_the_page)
        assert work(town.world, town.pair).state == "done"
        assert set(written(town)) == {CHANGED}
        assert work(town.world, town.pair).state == "held"


def test_a_map_that_continues_another_takes_its_turn_after_that() -> None:
    """What both have and what comes meanwhile is looked at by the first one first: it is made once."""
    with town_of(left=SILENT, right=SILENT, first_link="ask", batch=1) as town:
        for text, kind in ((CONTACTS, "contacts"), (PEOPLE_MAP, "people")):
            source = CONTINUED[text].replace("lane: lead\n", "") + ("lane: lead\n" if kind == "people" else "")
            schemas = {
                side: SCHEMAS[system][kind if system == "con" else "contacts"] for side, system in SYSTEMS.items()
            }
            town.use(load(source % NOTHING, pair="pair", systems=SYSTEMS, schemas=schemas))
        edited(town)

        def a_vip() -> None:
            make(town, "crm", "contacts", {"email": "vip@x.example", "name": "Vip", "tag": "vip"})
            town.stage.now += timedelta(seconds=60)
            tick(town.another(), "crm", "contacts")

        soon(town, a_vip)
        town.work()
        rest(town)
        assert "vip@x.example" in {row.fields["email"] for row in rows(town, "con", "contacts")}
        assert rows(town, "con", "people") == []


def test_a_vendor_that_fails_for_leads_does_not_keep_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The edits that were due are written all the same; the trouble is told when the leads' own map has its turn."""
    with town_of(left=QUICK, batch=1) as town:
        edited(town)
        soon(town, lambda: a_lead(town, "lead@x.example"))
        inner = MemoryConnector.find

        def away(self: MemoryConnector, kind: str, *args: Any) -> Any:
            if kind == "contacts":
                raise Transient("con is away")
            return inner(self, kind, *args)

        monkeypatch.setattr(MemoryConnector, "find", away)
        assert work(town.world, town.pair).state == "done"
        assert written(town) == [CHANGED] * PEOPLE
        with pytest.raises(Transient, match="away"):
            work(town.world, town.pair)
        monkeypatch.undo()
        judge(town)


def test_a_lead_does_not_wait_for_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """The left has nothing left while the right writes for long: a lead that comes there goes at once."""
    with town_of(left=QUICK, right=QUICK, batch=1) as town:
        edited(town)
        rest(town)
        for row in rows(town, "con", "contacts"):
            edit(town, "con", "contacts", row.id, {"phone": f"9{row.id}"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "con", "contacts")
        world, inner, came = threaded(town), Locked.write, threading.Event()

        def write(self: Locked, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
            if self is world.connectors["crm"] and not came.is_set():
                came.set()
                a_lead(town, "lead@x.example")
            return inner(self, kind, operations)

        monkeypatch.setattr(Locked, "write", write)
        assert work(world, world.pairs[0]).counts["create:written"] == len(CREATED)
        world.store.close()
        left, right = world.connectors["crm"], world.connectors["con"]
        assert isinstance(left, Locked) and isinstance(right, Locked)
        assert right.written[-1] < left.written[-1]
        judge(town)
