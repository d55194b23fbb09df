"""One scenario for each rule of the design that the engine keeps; the mutants must break them.

What is not here: everything at once (`test_machine`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.model import Side, Value
from syncd.engine.answers import release
from syncd.engine.intake import tick
from syncd.engine.run import work
from syncd.engine.world import Guard, World
from syncd.store.marks import HELD, PARKED, PLANNED
from tests.engine import doings
from tests.engine.doings import Lawless, cycle, edit, edit_soon, judge, make, read_feed, run
from tests.engine.town import Plot, Town, build
from tests.engine.vendor import Row, Traits

KEYLESS = Traits(sync_key=False, maker=False)


@contextmanager
def town_of(**plot: object) -> Iterator[Town]:
    """A town that is given back at the end."""
    town = build(Plot(**plot))
    try:
        yield town
    finally:
        town.close()


def rows(town: Town, vendor: str, kind: str) -> list[Row]:
    """The records of a kind."""
    return list(town.vendors[vendor].rows.get(kind, {}).values())


def linked(town: Town, **fields: Value) -> tuple[Row, Row]:
    """A contact of the left side and its twin, at rest."""
    left = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "1", **fields})
    assert left is not None
    judge(town)
    (right,) = rows(town, "con", "contacts")
    return left, right


def with_mode(world: World, mode: str, guard: Guard | None = None) -> World:
    """The same world with its pair in another mode."""
    pair = world.pairs[0]
    return replace(world, pairs=(replace(pair, mode=mode, guard=guard or pair.guard),))


def must(holds: bool, law: str) -> None:
    """Raise Lawless unless it holds: what the mutants must bring about."""
    if not holds:
        raise Lawless(law)


def test_a_kill_within_a_tick_loses_nothing() -> None:
    """Rule 1: wherever a tick is killed, the next one brings the record: the cursor never goes ahead of the marks."""
    for points in range(1, 15):
        with town_of() as town:
            judge(town)
            make(town, "crm", "contacts", {"email": "ann@x.example"})
            town.stage.now += timedelta(seconds=60)
            town.stage.crash_in(points)
            read_feed(town, "crm", "contacts")
            judge(town)


def test_the_cursor_stays_behind_the_horizon() -> None:
    """Rule 1: a record that the lagging list shows late, after newer ones, is not passed over."""
    with town_of() as town:
        judge(town)
        crm = town.vendors["crm"]
        crm.chance.random = lambda: 0.99  # the slowest row of the list
        make(town, "crm", "contacts", {"email": "late@x.example"})
        crm.chance.random = lambda: 0.0  # the quickest
        town.stage.now += timedelta(seconds=1)
        make(town, "crm", "contacts", {"email": "soon@x.example"})
        read_feed(town, "crm", "contacts")
        judge(town)
        assert len(rows(town, "con", "contacts")) == 2


def test_an_older_row_never_replaces_a_newer_snapshot() -> None:
    """Rule 2: a lagging list that still shows the value before our write does not take the write back."""
    with town_of(right=Traits(tick=timedelta(milliseconds=1))) as town:
        left, right = linked(town)
        con = town.vendors["con"]
        con.chance.random = lambda: 0.0  # listed at once
        edit(town, "con", "contacts", right.id, {"note": "seen"})
        con.chance.random = lambda: 0.99  # listed late
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.vendors["crm"].chance.random = lambda: 0.0  # listed at once
        town.stage.now += timedelta(seconds=19)
        read_feed(town, "crm", "contacts")
        run(town)
        must(right.fields["name"] == "Anna", "our write arrived")
        read_feed(town, "con", "contacts")
        run(town)
        must(left.fields["name"] == "Anna", "the value before our write came back")
        judge(town)


def test_our_own_echo_makes_no_mark() -> None:
    """Rule 2: rows that say what the snapshot says leave neither a mark nor a run."""
    with town_of() as town:
        linked(town)
        before = doings.state(town)
        assert sum(tick(town.world, *feed).moved for feed in doings.FEEDS) == 0
        assert town.work().run is None
        assert doings.state(town) == before


def test_two_edits_in_one_tick_of_the_clock_are_both_seen() -> None:
    """Rule 2: an equal version with other values is decided by a read."""
    with town_of(left=Traits(tick=timedelta(seconds=60))) as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "One"})
        town.stage.now += timedelta(seconds=20)
        read_feed(town, "crm", "contacts")
        edit(town, "crm", "contacts", left.id, {"name": "Two"})
        judge(town)
        assert right.fields["name"] == "Two"


def test_a_write_of_one_map_marks_the_other() -> None:
    """Rule 2: what one map writes is news for the other map that reads the field."""
    with town_of() as town:
        left, right = linked(town, tag="vip")
        (person,) = rows(town, "con", "people")
        edit(town, "con", "contacts", right.id, {"email": "new@x.example"})
        judge(town)
        assert left.fields["email"] == person.fields["email"] == "new@x.example"


def test_a_mark_is_dropped_only_when_its_write_is_confirmed() -> None:
    """Rule 3: a run that is ended by trouble before its write leaves the mark."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.vendors["con"].faults.append(("write", "transient"))
        town.stage.now += timedelta(seconds=30)
        cycle(town)
        judge(town)
        assert right.fields["name"] == "Anna"


def test_a_mark_that_is_renewed_while_it_is_worked_on_stays() -> None:
    """Rule 3: what a feed brings while a record is worked on is worked on next."""
    for points in range(2, 12, 3):
        with town_of(left=Traits(tick=timedelta(milliseconds=1))) as town:
            left, right = linked(town)
            crm = town.vendors["crm"]
            crm.chance.random = lambda: 0.0  # listed at once
            edit(town, "crm", "contacts", left.id, {"name": "Anna"})
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "crm", "contacts")
            edit(town, "crm", "contacts", left.id, {"phone": "9"})
            town.stage.now += timedelta(seconds=1)
            doings.read_soon(town, points, "crm", "contacts")
            run(town)
            judge(town)
            assert (right.fields["name"], right.fields["phone"]) == ("Anna", "9")


@pytest.mark.parametrize("points", range(2, 40, 4))
def test_a_kill_within_a_run_is_made_good(points: int) -> None:
    """Rules 3 and 6: wherever a run is killed, an edit and a new record arrive, once."""
    with town_of(left=KEYLESS) as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        make(town, "con", "contacts", {"email": "bob@x.example"})
        town.stage.now += timedelta(seconds=60)
        for feed in doings.FEEDS:
            read_feed(town, *feed)
        town.stage.crash_in(points)
        run(town)
        judge(town)
        assert right.fields["name"] == "Anna"
        assert len(rows(town, "crm", "contacts")) == 2


def test_nothing_is_created_before_both_sides_were_read() -> None:
    """Rule 4: a stranger that only our own match keys find is found, because nothing is made before the backfills."""
    with town_of(right=Traits(exact_find=True)) as town:
        make(town, "con", "contacts", {"email": "Ann@X.example"})
        make(town, "crm", "contacts", {"email": "ann@x.example"})
        town.stage.now += timedelta(seconds=60)
        for _ in range(3):
            read_feed(town, "crm", "contacts")
            run(town)
        cycle(town)
        judge(town)
        must(len(rows(town, "con", "contacts")) == 1, "it was made although it was there")


def test_the_vendor_is_asked_before_anything_is_created() -> None:
    """Rule 4: a stranger that no feed has shown yet is found by the look-up, and linked."""
    with town_of() as town:
        judge(town)
        make(town, "crm", "contacts", {"email": "ann@x.example"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        make(town, "con", "contacts", {"email": "Ann@X.example"})
        run(town)
        judge(town)
        must(len(rows(town, "con", "contacts")) == 1, "it was made although it was there")


def test_two_of_one_key_are_not_both_made() -> None:
    """Rule 4: two new records of one key are not both made: the second waits for the first one's answer."""
    with town_of() as town:
        judge(town)
        for name in ("Ann", "Ann B"):
            make(town, "crm", "contacts", {"email": "ann@x.example", "name": name})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        run(town)
        must(len(rows(town, "con", "contacts")) == 1, "a second one was made")


def test_what_a_create_could_not_carry_follows() -> None:
    """Rule 7: what the answer of a create tells of a field that we did not send is planned next."""
    with town_of() as town:
        judge(town)
        left = make(town, "crm", "contacts", {"email": "ann@x.example"})
        assert left is not None
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        edit_soon(town, 1, "con", "contacts", "c1", {"phone": "2"})
        run(town)
        judge(town)
        must(left.fields["phone"] == "2", "what the answer told was passed over")


@pytest.mark.parametrize(
    "traits", [Traits(sync_key=False), Traits(maker=False), KEYLESS], ids=["maker", "key", "neither"]
)
def test_our_own_create_is_no_new_lead(traits: Traits) -> None:
    """Rules 5 and 6: a create whose answer was lost is adopted or asked about, never answered with another record."""
    with town_of(right=traits) as town:
        judge(town)
        make(town, "crm", "deals", {"title": "Roof", "stage": "won"})
        con = town.vendors["con"]
        con.chance.random = lambda: 0.0  # listed at once
        con.faults.append(("write", "lost"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        read_feed(town, "con", "jobs")
        run(town)
        judge(town)
        assert len(rows(town, "crm", "deals")) == len(rows(town, "con", "jobs")) == 1


def test_an_edit_of_a_record_whose_answer_was_lost_still_travels() -> None:
    """Rule 6: base is what was sent, not what was found, so an edit made meanwhile is an edit."""
    with town_of() as town:
        judge(town)
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "phone": "1"})
        assert left is not None
        town.vendors["con"].faults.append(("write", "lost"))
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        edit_soon(town, 1, "con", "contacts", "c1", {"phone": "2"})
        run(town)
        judge(town)
        must(left.fields["phone"] == "2", "the edit was taken for what we had sent")


def test_an_interrupted_write_over_a_third_value_asks() -> None:
    """Rule 6: a value that is neither what was there nor what was sent is a conflict, whatever the owner."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.vendors["con"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        edit(town, "con", "contacts", right.id, {"name": "Hannah"})
        judge(town)
        with town.store.read() as tx:
            (conflict,) = tx.conflicts.list(states=["open"])
        assert (conflict.rule, conflict.left, conflict.right) == ("name", "Anna", "Hannah")
        doings.decide(town, 0, "right")
        judge(town)
        assert left.fields["name"] == right.fields["name"] == "Hannah"


def test_our_own_value_beside_one_that_was_typed_over_overrules_nobody() -> None:
    """Rule 6: of an interrupted write a field that holds what was sent has landed, though another was typed over.

    Else it would be taken for an edit of the side it was written to, and overrule the next edit of the other side.
    """
    outcomes = set()
    for points in range(12, 20, 2):
        with town_of() as town:
            left, right = linked(town)
            edit(town, "con", "contacts", right.id, {"name": "Hannah", "note": "the gate"})
            town.vendors["crm"].faults.append(("write", "lost"))
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "con", "contacts")
            edit_soon(town, points, "crm", "contacts", left.id, {"note": "the door"})
            run(town)
            edit(town, "con", "contacts", right.id, {"name": "Hanna"})
            judge(town)
            assert left.fields["name"] == right.fields["name"] == "Hanna"
            with town.store.read() as tx:
                outcomes |= {intent.outcome for intent in tx.journal.recent()}
    assert "neither" in outcomes, outcomes


def test_what_is_cleared_while_a_person_is_asked_is_not_filled_again() -> None:
    """Rules 8 and 11: a first link that asks stays open; what is blank in it then is somebody's edit."""
    with town_of(first_link="ask") as town:
        left, right = apart(town, "1", "2")
        judge(town)
        edit(town, "crm", "contacts", left.id, {"phone": None})
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == (None, "2")
        _only_open(town, None, "2")
        doings.decide(town, 0, "left")
        judge(town)
        assert left.fields["phone"] is right.fields["phone"] is None


def test_a_question_of_a_first_link_stays_open_whoever_is_newer_then() -> None:
    """Rule 8: of two equal times nobody is newest; a person was asked, and who typed last does not answer for them."""
    with town_of(first_link="newest") as town:
        left, right = apart(town, "1", "2")
        right.modified = left.modified
        judge(town)
        _only_open(town, "1", "2")
        edit(town, "crm", "contacts", left.id, {"phone": "3"})
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == ("3", "2")
        _only_open(town, "3", "2")


def test_an_open_conflict_stays_open_when_one_side_is_as_it_was() -> None:
    """Rule 11: whoever puts back what stood there before has edited it too, and is not overwritten."""
    for before in (None, "0"):
        with town_of() as town:
            left, right = linked(town, note=before)
            edit(town, "crm", "contacts", left.id, {"note": "1"})
            edit(town, "con", "contacts", right.id, {"note": "2"})
            judge(town)
            edit(town, "crm", "contacts", left.id, {"note": before})
            judge(town)
            assert (left.fields["note"], right.fields["note"]) == (before, "2")
            _only_open(town, before, "2", "note")


def test_a_choice_that_met_other_values_leaves_the_conflict_open() -> None:
    """Rule 11: what a person took was moved meanwhile; the first link asks on, and fills no blank."""
    with town_of(first_link="ask") as town:
        left, right = apart(town, "1", "2")
        judge(town)
        doings.decide(town, 0, "left")
        edit(town, "crm", "contacts", left.id, {"phone": None})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == (None, "2")
        _only_open(town, None, "2")


def test_an_interrupted_first_link_asks_whatever_the_policy() -> None:
    """Rules 6 and 8: a value that is neither what was there nor what was sent is a conflict without a base too."""
    with town_of(first_link="left") as town:
        left, right = apart(town, "1", None)
        town.vendors["con"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        edit(town, "con", "contacts", right.id, {"phone": "2"})
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == ("1", "2")
        _only_open(town, "1", "2")
        edit(town, "crm", "contacts", left.id, {"phone": None})
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == (None, "2")
        _only_open(town, None, "2")


def apart(town: Town, left_phone: str | None, right_phone: str | None) -> tuple[Row, Row]:
    """One person on both sides, not linked yet."""
    left = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": left_phone})
    right = make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": right_phone})
    assert left is not None and right is not None
    return left, right


def _only_open(town: Town, left: str | None, right: str | None, rule: str = "phone") -> None:
    """One field is asked for, with these values."""
    with town.store.read() as tx:
        (conflict,) = tx.conflicts.list(states=["open"])
    assert (conflict.rule, conflict.left, conflict.right) == (rule, left, right)


def test_a_first_link_fills_blanks_and_lists_who_loses() -> None:
    """Rule 8: equal is agreement, blank is filled, the rest goes by `first_link`, and the loser is listed."""
    with town_of(first_link="left") as town:
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": None})
        right = make(town, "con", "contacts", {"email": "ann@x.example", "name": "Anne", "phone": "2"})
        assert left is not None and right is not None
        judge(town)
        assert right.fields["name"] == "Ann" and left.fields["phone"] == "2"
        with town.store.read() as tx:
            (lost,) = tx.conflicts.list(states=["overruled"])
        assert (lost.rule, lost.right, lost.lost) == ("name", "Anne", Side.RIGHT)


def test_a_deal_pulls_its_contact_across_and_waits_for_it() -> None:
    """Rule 9: the parent's own rule says no, the child's `create: true` says yes; the link releases the child."""
    with town_of() as town:
        contact = make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        assert contact is not None
        make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": contact.id})
        judge(town)
        (job,) = rows(town, "con", "jobs")
        (parent,) = rows(town, "con", "contacts")
        assert job.fields["primary"] == parent.id


def test_a_parent_of_the_same_id_across_is_another_record() -> None:
    """Rule 9: ids of two systems are apart: a job waits for its own contact, not for the one of that id across."""
    with town_of() as town:
        left, _ = linked(town)
        other = make(town, "con", "contacts", {"email": "b@x.example"})
        assert other is not None
        make(town, "con", "jobs", {"name": "Roof", "primary": other.id})
        judge(town)
        (deal,) = rows(town, "crm", "deals")
        assert deal.fields["contact"] not in (None, left.id)


def test_what_a_field_loses_does_not_bounce() -> None:
    """Rule 10: a cut name and a folded city stay as they are on the side that keeps them whole."""
    with town_of() as town:
        left, right = linked(town, name="Annabelle Smith", city="Berlin")
        judge(town)
        assert left.fields["name"] == "Annabelle Smith" and right.fields["name"] == "Annabell"
        assert left.fields["city"] == "Berlin" and right.fields["city"] == "berlin"


def test_changed_on_both_sides_goes_by_the_owner() -> None:
    """Rule 11: the owner's value stands on both sides, the other is listed; a field that says ask asks."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"phone": "22", "note": "l"})
        edit(town, "con", "contacts", right.id, {"phone": "33", "note": "r"})
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "33"
        with town.store.read() as tx:
            (lost,) = tx.conflicts.list(states=["overruled"])
            (asked,) = tx.conflicts.list(states=["open"])
        assert (lost.left, lost.lost) == ("22", Side.LEFT) and (asked.left, asked.right) == ("l", "r")


def test_an_open_conflict_stays_open() -> None:
    """Rules 11 and 13: a conflict moves no base: planned again for another field, it is still there."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"note": "l"})
        edit(town, "con", "contacts", right.id, {"note": "r"})
        judge(town)
        edit(town, "crm", "contacts", left.id, {"phone": "7"})
        judge(town)
        with town.store.read() as tx:
            must([row.rule for row in tx.conflicts.list(states=["open"])] == ["note"], "it was let go")


@pytest.mark.parametrize("drift", ["keep", "restore", "ask"])
def test_an_edit_of_what_only_receives_goes_by_drift(drift: str) -> None:
    """Rule 12: kept and listed, restored and listed, or asked."""
    with town_of(drift=drift) as town:
        left, right = linked(town, tag="vip")
        edit(town, "con", "contacts", right.id, {"tag": "mine"})
        judge(town)
        assert left.fields["tag"] == "vip"
        assert right.fields["tag"] == ("vip" if drift == "restore" else "mine")
        with town.store.read() as tx:
            (listed,) = tx.conflicts.list(states=["kept", "overruled", "open"])
        assert listed.right == "mine"
        assert listed.state == {"keep": "kept", "restore": "overruled", "ask": "open"}[drift]


@pytest.mark.parametrize("points", [5, 8, 9, 10, 11, 12, 13, 14, 15, 16])
def test_an_edit_in_the_answer_of_our_write_still_travels(points: int) -> None:
    """Rule 13: base moves only in fields that were settled; another person's field in the answer is an edit."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        edit_soon(town, points, "con", "contacts", right.id, {"phone": "2"})
        run(town)
        judge(town)
        must(left.fields["phone"] == right.fields["phone"], "the edit was taken for base")


def test_an_edit_of_a_field_that_a_create_was_not_answered_with_still_travels() -> None:
    """Rule 13: what the answer of a create leaves out is unknown, and counts as a change when the feed tells it."""
    with town_of(right=Traits(whole=False, tick=timedelta(milliseconds=1))) as town:
        judge(town)
        left = make(town, "crm", "contacts", {"email": "ann@x.example"})
        assert left is not None
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        edit_soon(town, 1, "con", "contacts", "c1", {"phone": "2"})
        run(town)
        judge(town)
        must(left.fields["phone"] == "2", "the edit was never seen")


@pytest.mark.parametrize("points", range(1, 12, 2))
def test_an_edit_just_before_our_write_is_never_lost(points: int) -> None:
    """Rule 14: what moved since it was read is Stale and planned again: the loser is listed."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        edit_soon(town, points, "con", "contacts", right.id, {"name": "Hannah"})
        run(town)
        judge(town)
        assert left.fields["name"] == "Anna"


def test_plan_mode_writes_nothing_and_rests() -> None:
    """Rule 18: the plan stands with the mark, is not made again, and is carried out when a person says live."""
    with town_of() as town:
        live = town.world
        town.world = with_mode(live, "plan")
        make(town, "crm", "contacts", {"email": "ann@x.example"})
        for _ in range(4):
            cycle(town)
        assert rows(town, "con", "contacts") == []
        with town.store.read() as tx:
            (mark,) = tx.marks.resting(PLANNED)
        assert mark.plan["creates"] == "right" and town.work().run is None
        town.world = live
        with town.store.begin() as tx:
            tx.marks.retry("pair/contacts", town.stage.now, state=PLANNED)
        judge(town)
        assert len(rows(town, "con", "contacts")) == 1


def test_a_run_beyond_the_guard_is_held_until_it_is_allowed() -> None:
    """Rule 19: over the limit nothing is written; what a person allows is planned again and written."""
    with town_of() as town:
        judge(town)
        for number in range(3):
            make(town, "crm", "contacts", {"email": f"p{number}@x.example"})
        town.stage.now += timedelta(seconds=60)
        for feed in doings.FEEDS:
            read_feed(town, *feed)
        world = with_mode(town.world, "live", Guard(creates=2, updates=2))
        assert work(world, world.pairs[0]).state == "held"
        assert rows(town, "con", "contacts") == []
        with town.store.read() as tx:
            assert len(tx.marks.resting(HELD)) == 3
        assert release(world, [world.pairs[0]], approve=True) == 3
        assert work(world, world.pairs[0]).state == "done"
        assert len(rows(town, "con", "contacts")) == 3
        judge(town)


def test_an_idle_cycle_costs_the_same_however_many_records_there_are() -> None:
    """Rule 22: at rest a cycle asks every feed once, reads nothing by id and writes nothing."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        for number in range(12):
            make(town, "crm", "contacts", {"email": f"p{number}@x.example"})
        judge(town)
        before = {name: len(vendor.calls) for name, vendor in town.vendors.items()}
        cycle(town)
        calls = {name: vendor.calls[before[name] :] for name, vendor in town.vendors.items()}
        assert [call[:2] for call in calls["crm"]] == [("changes", "contacts"), ("changes", "deals")]
        assert {call[0] for call in calls["con"]} == {"changes"}
        with town.store.read() as tx:
            assert tx.marks.resting(PARKED) == []
