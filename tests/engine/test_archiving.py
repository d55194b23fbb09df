"""The policies that have the twin of a deleted record archived: their proofs, their brakes, and what they never do.

What is not here: policies that write nothing (`test_leaving`), and everything at once (`test_machine`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.model import Action, Side
from syncd.engine.answers import plan_rows, release
from syncd.engine.world import Guard
from syncd.store.marks import HELD, PLANNED
from tests.conftest import LONG
from tests.engine.doings import cycle, edit, edit_soon, judge, rest
from tests.engine.test_leaving import BURIES, another, parked, partners
from tests.engine.test_rules import linked, must, rows, town_of, with_mode
from tests.engine.town import Town
from tests.engine.vendor import Row, Traits

PROOFS = timedelta(minutes=10)


@contextmanager
def archiving(**plot: object) -> Iterator[tuple[Town, Row, Row]]:
    """A town whose maps archive on both sides, with one contact and its twin, and another pair beside it."""
    with town_of(**plot) as town:
        for m in town.maps:
            town.use(replace(m, left=replace(m.left, delete="archive"), right=replace(m.right, delete="archive")))
        left, right = linked(town)
        another(town, 1)
        judge(town)
        yield town, left, right


def noticed(town: Town) -> None:
    """The feeds have brought the deletion, and it was proved for the first time."""
    for _ in range(3):
        cycle(town)


def look(town: Town, row: Row) -> None:
    """Something asks for a record by id, as an audit would."""
    with town.store.begin() as tx:
        tx.marks.add("pair/contacts", Side.LEFT, [row.id], town.stage.now, reread=True)


def archives(town: Town) -> list[tuple[str, str]]:
    """What we archived, at both vendors."""
    return [(name, death[2]) for name, vendor in town.vendors.items() for death in vendor.deaths if death[3] == "sync"]


@pytest.mark.parametrize("policy", ["archive", "delete"])
def test_the_twin_of_a_deleted_record_is_archived(policy: str) -> None:
    """Deleted on the left and proved, the right one is archived once, journaled, and its link closes."""
    with archiving(left=BURIES) as (town, left, right):
        m = town.maps[0]
        town.use(replace(m, right=replace(m.right, delete=policy)))
        town.vendors["crm"].delete("contacts", left.id)
        judge(town)
        must(archives(town) == [("con", right.id)], "the twin is archived, once")
        must((left.id, right.id) not in partners(town), "the link is closed")
        assert len(partners(town)) == 1 and len(rows(town, "con", "contacts")) == 1
        with town.store.read() as tx:
            (intent,) = [one for one in tx.journal.recent() if one.action is Action.ARCHIVE]
        assert (intent.outcome, intent.record_id, intent.before["phone"]) == ("written", right.id, "1")
        assert parked(town, "gone") == []


def test_two_proofs_lie_some_minutes_apart() -> None:
    """Before the time between two proofs is over nothing is archived, however often the record is looked at."""
    with archiving(left=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        began = town.stage.now
        while town.stage.now < began + PROOFS - timedelta(minutes=3):
            with town.store.begin() as tx:
                tx.marks.retry("pair/contacts", town.stage.now, state="due", ids=[left.id])
            cycle(town)
        must(archives(town) == [], "archived before it was proved twice")
        assert (left.id, right.id) in partners(town)
        judge(town)
        assert archives(town) == [("con", right.id)]


def test_what_comes_back_between_the_proofs_stays_linked() -> None:
    """Restored before the second proof, nothing was written; deleted again, both proofs are made anew."""
    with archiving(left=BURIES) as (town, left, right):
        vendor = town.vendors["crm"]
        vendor.delete("contacts", left.id)
        noticed(town)
        vendor.restore("contacts", left.id)
        judge(town)
        assert archives(town) == [] and (left.id, right.id) in partners(town)
        vendor.delete("contacts", left.id)
        noticed(town)
        must(archives(town) == [], "an old proof counted")
        judge(town)
        assert archives(town) == [("con", right.id)]


def test_without_a_canary_nothing_is_archived() -> None:
    """With no other record of its kind in sight, a deleted record only closes its link, and a person is told."""
    with town_of(left=BURIES) as town:
        m = town.maps[0]
        town.use(replace(m, right=replace(m.right, delete="archive")))
        left, _ = linked(town)
        town.vendors["crm"].delete("contacts", left.id)
        judge(town)
        must(archives(town) == [], "archived without a canary")
        (reason,) = parked(town, "gone")
        assert "was not archived, because no other record of crm:contacts was seen beside it" in reason


def test_absence_must_show_in_the_list_too() -> None:
    """Where a vendor tells of no deletions, a look-up by its values must miss the record, while it finds a canary."""
    with archiving() as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        look(town, left)
        judge(town)
        assert archives(town) == [("con", right.id)]


def test_a_list_that_is_empty_proves_no_absence() -> None:
    """A look-up that finds not even the canary says nothing of the others: the link closes, the twin stays."""
    with archiving(left=Traits(find_lag=True)) as (town, left, right):
        crm = town.vendors["crm"]
        crm.delete("contacts", left.id)
        look(town, left)
        noticed(town)
        crm.listed["contacts"] = {}
        judge(town)
        must(archives(town) == [], "archived on an empty list's word")
        (reason,) = parked(town, "gone")
        assert f"con:contacts:{right.id} was not archived, because its absence from the list" in reason


@pytest.mark.parametrize("when", ["before", "between"])
def test_an_edit_of_the_twin_keeps_it(when: str) -> None:
    """What somebody typed into the twin, before or after the deletion was seen, stays, and a person is told."""
    with archiving(left=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        if when == "between":
            noticed(town)
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        judge(town)
        must(archives(town) == [], "an edit was archived")
        (reason,) = parked(town, "gone")
        assert f"con:contacts:{right.id} was not archived, because it was edited since both agreed: phone" in reason
        town.vendors["crm"].restore("contacts", left.id)
        judge(town)
        assert town.vendors["crm"].rows["contacts"][left.id].fields["phone"] == "9"


@pytest.mark.parametrize("points", range(2, 40, 3 if LONG else 5))
def test_an_edit_amid_the_archive_keeps_the_twin(points: int) -> None:
    """Wherever between looking and writing an edit lands, it is compared just before, and the record stays."""
    with archiving(left=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        town.stage.now += PROOFS
        edit_soon(town, points, "con", "contacts", right.id, {"phone": "9"})
        judge(town)


def test_a_change_that_no_map_reads_keeps_the_twin_too() -> None:
    """Somebody works on the twin after the deletion was seen: whatever the field, it is not archived."""
    with archiving(left=BURIES, right=Traits(bump=True)) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        edit(town, "con", "contacts", right.id, {"phone": "1"})
        judge(town)
        assert archives(town) == []
        assert any("it was changed after that was seen" in reason for reason in parked(town, "gone"))


def test_a_record_that_another_map_needs_is_not_archived() -> None:
    """The left one is linked in two maps: when one twin is deleted, the other one's record stays."""
    with archiving(right=BURIES) as (town, left, right):
        edit(town, "crm", "contacts", left.id, {"tag": "vip"})
        judge(town)
        (person,) = partners(town, "pair/people")
        town.vendors["con"].delete("contacts", right.id)
        judge(town)
        assert archives(town) == []
        words = f"it is linked with con:people:{person[1]} too; it stays linked with con:people:{person[1]} alone"
        assert any(words in reason for reason in parked(town, "gone"))


@pytest.mark.parametrize("fault", ["lost", "unapplied", "late", "later", "transient"])
def test_an_archive_whose_answer_was_lost_is_looked_at_first(fault: str) -> None:
    """Landed or not, it is found out: the record is archived once, and the journal says so."""
    with archiving(left=BURIES, right=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        town.stage.now += PROOFS
        town.vendors["con"].faults.append(("write", fault))
        cycle(town)
        judge(town)
        assert archives(town) == [("con", right.id)]
        with town.store.read() as tx:
            outcomes = {one.outcome for one in tx.journal.recent() if one.action is Action.ARCHIVE}
        assert outcomes & {"written", "landed"} and None not in outcomes


@pytest.mark.parametrize("points", range(1, 50, 4 if LONG else 6))
def test_a_kill_amid_the_archive_does_no_harm(points: int) -> None:
    """Killed anywhere, the next life ends what was begun."""
    with archiving(left=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        town.stage.now += PROOFS
        town.stage.crash_in(points)
        cycle(town)
        judge(town)
        assert archives(town) == [("con", right.id)]


def test_a_deleted_record_never_comes_back_by_itself() -> None:
    """Only the twin is restored: it is neither archived again nor is its other half made; both restored, they link."""
    with archiving(left=BURIES, right=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        judge(town)
        town.vendors["con"].restore("contacts", right.id)
        judge(town)
        must(left.id not in town.vendors["crm"].rows["contacts"], "the deleted one came back")
        must(len(rows(town, "crm", "contacts")) == 1, "the deleted one was made again")
        must(archives(town) == [("con", right.id)], "the restored one was archived again")
        edit(town, "con", "contacts", right.id, {"phone": "9"})
        judge(town)
        town.vendors["crm"].restore("contacts", left.id)
        judge(town)
        must((left.id, right.id) in partners(town), "restored, they are linked again")
        assert town.vendors["crm"].rows["contacts"][left.id].fields["phone"] == "9"


def test_who_restores_the_first_is_told_of_its_archived_twin() -> None:
    """A record that is back while its twin is still archived says so, and goes on when that is restored too."""
    with archiving(left=BURIES, right=BURIES) as (town, left, right):
        town.vendors["crm"].delete("contacts", left.id)
        judge(town)
        town.vendors["crm"].restore("contacts", left.id)
        judge(town)
        (reason,) = parked(town, "gone")
        assert reason.startswith(f"crm:contacts:{left.id} is there, but con:contacts:{right.id} was archived by write ")
        town.vendors["con"].restore("contacts", right.id)
        judge(town)
        assert parked(town, "gone") == [] and (left.id, right.id) in partners(town)


def test_in_mode_plan_the_archive_is_shown() -> None:
    """The plan names the record and why; nothing is written; live, it is carried out."""
    with archiving(left=BURIES) as (town, left, right):
        town.world = with_mode(town.world, "plan")
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        (plan,) = plan_rows(town.store, town.maps, PLANNED)
        assert (plan["action"], plan["archives"]) == ("archive", "right")
        assert (plan["left"], plan["right"]) == (left.id, right.id)
        assert (plan["why"], plan["writes"], archives(town)) == (f"crm:contacts:{left.id} was deleted", (), [])
        town.world = with_mode(town.world, "live")
        with town.store.begin() as tx:
            tx.marks.retry("pair/contacts", town.stage.now, state=PLANNED, reread=False)
        judge(town)
        assert archives(town) == [("con", right.id)]


def test_more_archives_than_the_guard_allows_are_held() -> None:
    """Many deleted at once are held as a whole until a person allows it; then they are archived."""
    with archiving(left=BURIES, batch=50) as (town, _, _):
        several = [another(town, number) for number in range(2, 6)]
        judge(town)
        town.world = with_mode(town.world, "live", Guard(deletes=3))
        for one in several:
            town.vendors["crm"].delete("contacts", one.id)
        rest(town)
        must(archives(town) == [], "archived beyond the guard")
        with town.store.read() as tx:
            (run,) = tx.runs.last(state="held", limit=1)
            assert len(tx.marks.resting(HELD)) == len(several)
        assert run.counts["error"] == "4 records would be archived, the guard allows 3"
        release(town.world, [town.world.pairs[0]], approve=True)
        judge(town)
        assert len(archives(town)) == len(several)


def test_a_permission_to_update_allows_no_archive() -> None:
    """What was held as an update and is an archive by now is held again."""
    with archiving(left=BURIES) as (town, left, right):
        town.world = with_mode(town.world, "live", Guard(updates=0))
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        rest(town)
        with town.store.read() as tx:
            assert [mark.id for mark in tx.marks.resting(HELD)] == [left.id]
        town.vendors["crm"].delete("contacts", left.id)
        noticed(town)
        release(town.world, [town.world.pairs[0]], approve=True)
        rest(town)
        must(archives(town) == [], "an update's permission archived a record")
        release(town.world, [town.world.pairs[0]], approve=True)
        judge(town)
        assert archives(town) == [("con", right.id)]
