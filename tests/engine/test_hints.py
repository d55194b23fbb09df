"""What a webhook's hint does to the engine: a read by id, soon; nothing is believed, nothing is lost, nothing doubled.

What is not here: how a hint comes in (`tests/service/test_web.py`).
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis.stateful import rule

import tests.engine.town
from syncd.core.model import Ref, Side
from syncd.engine import intake
from syncd.engine.answers import release
from syncd.engine.world import Guard
from syncd.store.marks import DUE, HELD, PARKED
from tests.engine import doings
from tests.engine import test_machine as machine
from tests.engine.doings import cycle, edit, hinted, judge, make, rest
from tests.engine.test_machine import LONG, Leaving, feeds, small, soon
from tests.engine.test_rules import linked, rows, town_of, with_mode
from tests.engine.town import DATABASES, Town


@pytest.fixture(params=DATABASES)
def _database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])


def calls(town: Town, vendor: str) -> list[tuple[str, ...]]:
    """What was asked of a vendor since it was last looked: verb and kind."""
    asked = [call[:2] for call in town.vendors[vendor].calls]
    town.vendors[vendor].calls.clear()
    return asked


def marks(town: Town, state: str = DUE) -> int:
    """How many marks there are."""
    with town.store.read() as tx:
        return len(tx.marks.resting(state))


@pytest.mark.usefixtures("_database")
def test_a_hint_brings_an_edit_across_before_the_feed_does() -> None:
    """A record that was named is read by id, on its side alone, and its edit written, although no feed was read."""
    with town_of() as town:
        left, right = linked(town)
        calls(town, "crm"), calls(town, "con")
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        hinted(town, "crm", "contacts", left.id)
        town.work()
        assert right.fields["name"] == "Anna"
        assert ("changes", "contacts") not in calls(town, "crm")
        assert ("read", "contacts") not in calls(town, "con")
        judge(town)


def test_a_field_that_is_not_known_across_is_asked_for_although_a_hint_was_read() -> None:
    """The read that the hint wanted was of the other side: that is no second time."""
    with town_of() as town:
        left, right = linked(town)
        with town.store.begin() as tx:
            known = tx.snapshots.get("con", "contacts", [right.id])[right.id]
            fields = {name: value for name, value in known.record.fields.items() if name != "phone"}
            tx.snapshots.put([replace(known, record=replace(known.record, fields=fields), missing=("phone",))])
        edit(town, "crm", "contacts", left.id, {"phone": "7"})
        hinted(town, "crm", "contacts", left.id)
        town.work()
        town.work()
        assert right.fields["phone"] == "7"
        assert marks(town, PARKED) == 0


@pytest.mark.usefixtures("_database")
def test_a_hint_brings_a_new_record_across() -> None:
    """A record that no feed has shown yet is made on the other side, in every map that wants it."""
    with town_of() as town:
        judge(town)
        new = make(town, "crm", "contacts", {"email": "new@x.example", "name": "New", "tag": "vip"})
        assert new is not None
        keys = intake.hint(town.world, [Ref("crm", "contacts", new.id)] * 3)
        assert keys == {"pair/contacts", "pair/people"}
        town.work()
        town.work()  # what one map read is news to the other
        assert [len(rows(town, "con", kind)) for kind in ("contacts", "people")] == [1, 1]
        judge(town)


def test_a_hint_of_nothing_leaves_no_trace() -> None:
    """A record that is not there, a kind that no map reads, a system that is none: no write, no mark, no question."""
    with town_of() as town:
        linked(town)
        assert intake.hint(town.world, [Ref("crm", "tickets", "1"), Ref("nobody", "contacts", "1")]) == frozenset()
        calls(town, "crm"), calls(town, "con")
        hinted(town, "crm", "contacts", "404")
        hinted(town, "con", "jobs", "404")
        town.work()
        assert (marks(town), marks(town, PARKED)) == (0, 0)
        assert [call for name in ("crm", "con") for call in calls(town, name) if call[0] == "write"] == []


def test_a_hint_of_what_did_not_change_is_a_read_and_no_write() -> None:
    """Doubled and late webhooks, and the echo of our own write, cost a read of that side and nothing else."""
    with town_of() as town:
        _, right = linked(town)
        calls(town, "crm"), calls(town, "con")
        for _ in range(3):
            hinted(town, "con", "contacts", right.id)
        town.work()
        assert calls(town, "con") == [("read", "contacts")]
        assert calls(town, "crm") == []
        assert marks(town) == 0


@pytest.mark.parametrize("vendor", ["crm", "con"])
def test_a_hint_of_what_did_not_change_brings_no_discarded_plan_back(vendor: str) -> None:
    """Whichever of the two it names: what a person did not want written waits for a change, which the feed tells."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Bea"})
        town.world = with_mode(town.world, "live", Guard(updates=0))
        cycle(town, wait=60)
        cycle(town)
        assert marks(town, HELD) == 1
        release(town.world, town.world.pairs, approve=False)
        town.world = with_mode(town.world, "live", Guard())
        hinted(town, vendor, "contacts", left.id if vendor == "crm" else right.id)
        rest(town)
        assert right.fields["name"] == "Ann"
        edit(town, "crm", "contacts", left.id, {"name": "Cleo"})
        judge(town)
        assert right.fields["name"] == "Cleo"


def test_a_hint_is_no_proof_that_a_record_is_gone() -> None:
    """A named record that does not answer keeps its link where no other record of its kind answers either."""
    with town_of() as town:
        left, right = linked(town)
        town.vendors["crm"].delete("contacts", left.id)
        hinted(town, "crm", "contacts", left.id)
        town.work()
        assert rows(town, "con", "contacts") == [right]
        with town.store.read() as tx:
            assert tx.links.of("pair/contacts", Side.RIGHT, [right.id])


def test_before_the_first_reading_a_hint_waits() -> None:
    """Nothing is created for a hint before both sides were read through once; then nothing is made twice."""
    with town_of() as town:
        new = make(town, "crm", "contacts", {"email": "new@x.example", "name": "New"})
        make(town, "con", "contacts", {"email": "new@x.example", "name": "New"})
        assert new is not None
        hinted(town, "crm", "contacts", new.id)
        town.work()
        assert len(rows(town, "con", "contacts")) == 1
        assert marks(town) == 2
        judge(town)
        assert len(rows(town, "con", "contacts")) == 1


def test_a_hint_of_a_merged_record_follows_the_merge() -> None:
    """The old id is named: the link goes on with what the record became."""
    with town_of() as town:
        left, right = linked(town)
        other = make(town, "crm", "contacts", {"email": "other@x.example", "name": "Ann", "tag": "cold"})
        assert other is not None
        cycle(town)
        town.vendors["crm"].merge("contacts", left.id, other.id)
        hinted(town, "crm", "contacts", left.id)
        town.work()
        with town.store.read() as tx:
            (link,) = tx.links.of("pair/contacts", Side.RIGHT, [right.id]).values()
        assert link.left_id == other.id


def test_a_killed_hint_is_all_or_nothing() -> None:
    """Wherever the process is killed, a hint that was answered is there, and one that was not leaves nothing half."""
    for points in range(1, 5):
        with town_of() as town:
            judge(town)
            new = make(town, "crm", "contacts", {"email": "new@x.example", "name": "New"})
            assert new is not None
            town.stage.crash_in(points)
            hinted(town, "crm", "contacts", new.id)
            town.stage.calm()
            assert marks(town) in (0, 2)
            if points > 3:
                assert marks(town) == 2
            judge(town)


class Hinted(Leaving):
    """The same town with webhooks: of what changed and of what did not, doubled, late, of the dead, of nobody."""

    @rule(feed=feeds, number=small)
    def hint(self, feed: tuple[str, str], number: int) -> None:
        """A webhook comes in."""
        hinted(self.town, *feed, self._id(feed, number))

    @rule(feed=feeds, number=small, points=soon)
    def hint_soon(self, feed: tuple[str, str], number: int, points: int) -> None:
        """A webhook will come in amid our work."""
        doings.hint_soon(self.town, points, *feed, self._id(feed, number))

    def _id(self, feed: tuple[str, str], number: int) -> str:
        vendor, kind = feed
        known = [*self.town.vendors[vendor].rows.get(kind, {}), *self.town.vendors[vendor].graves.get(kind, {}), "404"]
        return known[number % len(known)]


TestHinted = pytest.mark.timeout(0 if LONG else 400)(Hinted.TestCase)
TestHinted.settings = settings(machine.TestMachine.settings, max_examples=1000 if LONG else 8)
