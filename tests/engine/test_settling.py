"""Writes that lost their answer, settled while feeds bring what was there before them.

What is not here: the ways a create can be ambiguous (`test_rules`), and crashes everywhere (`test_machine`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncd.core.model import Action, Gone, Operation, Outcome, Record, Side, Value
from syncd.engine import worker
from syncd.engine.absorb import absorb
from syncd.engine.item import HINT, Item
from syncd.engine.settling import settle
from syncd.engine.worker import Worker
from syncd.engine.world import World
from syncd.store.marks import PARKED
from tests.engine.doings import cycle, decide, delete, edit, judge, make, read_feed, rest, run
from tests.engine.test_rules import apart, linked, rows, town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Row, Traits


def lose_the_answer(town: Town, ids: Mapping[str, str], name: str) -> None:
    """A person types "2" at the first vendor; it lands at the second, whose answer is lost."""
    (source, typed), (target, written) = ids.items()
    edit(town, source, "contacts", typed, {name: "2"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, source, "contacts")
    town.vendors[target].faults.append(("write", "lost"))
    Worker(town.world, town.maps[0]).step()
    assert town.vendors[target].rows["contacts"][written].fields[name] == "2"


def test_a_write_that_landed_looks_undone_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lagging list brings the state just before our write under the version of our write, while that is settled."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right = linked(town)
        edit(town, "con", "contacts", right.id, {"phone": "1"})
        judge(town)
        lose_the_answer(town, {"crm": left.id, "con": right.id}, "phone")
        _late_list(town.world, right.id, monkeypatch)
        town.stage.now += timedelta(seconds=30)
        Worker(town.world, town.maps[0]).step()
        judge(town)
        told = [(c.before, c.after) for c in town.vendors["crm"].history if (c.id, c.field) == (left.id, "phone")]
        assert told[-1] == ("1", "2"), told


@pytest.mark.parametrize("edited", [False, True], ids=["untouched", "edited"])
@pytest.mark.parametrize("fate", ["restored", "merged", "restored at once"])
def test_what_a_write_sent_is_no_edit_of_the_record_that_went_before_it_told(
    monkeypatch: pytest.MonkeyPatch, *, fate: str, edited: bool
) -> None:
    """Its answer was lost, then the record was deleted or merged: what it holds when it is there again may be ours.

    Where it was gone only while that write was settled, its link never closed.
    """
    with town_of(left=Traits(tombstones=True)) as town:
        left, right = linked(town)
        edit(town, "con", "contacts", right.id, {"note": "1"})
        judge(town)
        crm = town.vendors["crm"]
        lose_the_answer(town, {"con": right.id, "crm": left.id}, "note")
        if fate == "merged":
            target = crm.create("contacts", {"email": "ann2@x.example", "tag": "cold", "name": "Ann"}, "person")
            crm.merge("contacts", left.id, target.id)
            crm.update("contacts", target.id, {"note": "2"}, "merge")
        else:
            crm.delete("contacts", left.id)
        if edited:
            edit(town, "con", "contacts", right.id, {"note": "3"})
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "con", "contacts")
        if fate == "restored at once":
            _gone_for_a_look(town, left.id, monkeypatch)
        rest(town)
        if fate == "restored":
            crm.restore("contacts", left.id)
        judge(town)
        told = [c.after for c in town.vendors["con"].history if (c.id, c.field) == (right.id, "note")]
        assert told == ["1", "2", *(["3"] if edited else [])]
        now = crm.rows["contacts"][target.id if fate == "merged" else left.id]
        assert now.fields["note"] == told[-1]


def _gone_for_a_look(town: Town, left_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted contact is restored as soon as its write was settled."""

    def settled(*given: Any) -> None:
        settle(*given)
        town.vendors["crm"].restore("contacts", left_id)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "settle", settled)
        town.stage.now += timedelta(seconds=60)
        Worker(town.world, town.maps[0]).step()
    with town.store.read() as tx:
        assert [one.outcome for one in tx.journal.recent(limit=1)] == ["gone"]
        assert tx.links.count(town.maps[0].key) == 1


def test_what_must_be_read_is_read_after_a_write_was_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit that no feed told, found while a write has no outcome, is looked at when that is known."""
    with town_of() as town:
        left, right = linked(town)
        town.vendors["con"].faults.append(("write", "unapplied"))
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        monkeypatch.setattr(MemoryConnector, "changes", lambda *_args, **_more: iter(()))
        town.vendors["crm"].rows["contacts"][left.id].fields["phone"] = "missed"
        with town.store.begin() as tx:
            tx.marks.add(town.maps[0].key, Side.LEFT, [left.id], town.stage.now, reread=True, cause=f"{HINT}left")
        for _ in range(40):
            town.stage.now += timedelta(seconds=15)
            town.work()
        assert (right.fields["phone"], right.fields["name"]) == ("missed", "Anna")


def test_what_was_put_back_beside_a_third_value_is_listed() -> None:
    """Of a write that landed unseen, one field was put back and one typed over: both persons' values are listed."""
    with town_of() as town:
        left, right = linked(town)
        before = right.fields["name"]
        town.vendors["con"].faults.append(("write", "lost"))
        edit(town, "crm", "contacts", left.id, {"name": "Anna", "note": "ours"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        Worker(town.world, town.maps[0]).step()
        edit(town, "con", "contacts", right.id, {"name": before, "note": "theirs"})
        judge(town)
        assert right.fields["name"] == "Anna"
        with town.store.read() as tx:
            (asked,) = tx.conflicts.list(states=["open"])
            (lost,) = tx.conflicts.list(states=["overruled"])
        assert (asked.rule, asked.right) == ("note", "theirs")
        assert (lost.rule, lost.right, lost.lost) == ("name", before, Side.RIGHT)


def test_a_choice_whose_field_did_not_land_is_still_to_be_carried_out() -> None:
    """Beside another field that somebody typed over; what is cleared while the choice stands is not filled again."""
    with town_of(first_link="ask") as town:
        left, right = apart(town, "1", "2")
        judge(town)
        decide(town, 0, "right")
        edit(town, "con", "contacts", right.id, {"name": "Anna"})
        town.vendors["crm"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "con", "contacts")
        Worker(town.world, town.maps[0]).step()
        edit(town, "crm", "contacts", left.id, {"name": "Hannah"})
        edit(town, "con", "contacts", right.id, {"phone": None})
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == ("1", None)
        with town.store.read() as tx:
            asked = {(row.rule, row.left, row.right) for row in tx.conflicts.list(states=["open"])}
        assert asked == {("phone", "1", None), ("name", "Hannah", "Anna")}


def _late_list(world: World, id_: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, after the record was read by id, another thread stores what a list says of it: its phone is as before."""
    read, done = MemoryConnector.read, list[str]()

    def late(
        self: MemoryConnector, kind: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Record | Gone]:
        found = read(self, kind, ids, fields)
        one = found.get(id_)
        if isinstance(one, Record) and self.vendor.name == "con" and not done:
            done.append(id_)
            before = replace(one, fields={**one.fields, "phone": "1"}, stale_ok=True)
            with world.store.begin() as tx:
                absorb(tx, world, [before], asked=fields)
        return found

    monkeypatch.setattr(MemoryConnector, "read", late)


def test_a_stranger_that_answers_an_unproved_create_overwrites_nothing() -> None:
    """Our create did not land, and meanwhile somebody entered the same person: what differs is asked, not carried."""
    with town_of(right=Traits(sync_key=False, maker=False), first_link="left") as town:
        judge(town)
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "1"})
        town.vendors["con"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        run(town)
        right = make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "2"})
        assert left is not None and right is not None
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == ("1", "2")
        with town.store.read() as tx:
            asked = tx.conflicts.list(states=["open"])
        assert [(one.left, one.right) for one in asked if one.rule == "phone"] == [("1", "2")]
        decide(town, [one.rule for one in asked].index("phone"), "right")
        judge(town)
        assert (left.fields["phone"], right.fields["phone"]) == ("2", "2")


def test_a_relation_that_a_creation_lacks_is_made_up_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The deal was made without its contact, and the answer leaves that open: it is looked at, and joined."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        ours, theirs = linked(town)
        answered = MemoryConnector._answered

        def lacking(connector: MemoryConnector, kind: str, op: Operation, outcome: Outcome, sent: datetime) -> Outcome:
            told = answered(connector, kind, op, outcome, sent)
            if kind != "deals" or op.action is not Action.CREATE or told.record is None:
                return told
            connector.vendor.rows[kind][told.record.ref.id].fields["contact"] = None
            fields = {name: value for name, value in told.record.fields.items() if name != "contact"}
            return replace(told, record=replace(told.record, fields=fields))

        monkeypatch.setattr(MemoryConnector, "_answered", lacking)
        make(town, "con", "jobs", {"name": "Roof", "primary": theirs.id})
        rest(town)
        assert [row.fields["contact"] for row in rows(town, "crm", "deals")] == [ours.id]


def test_who_was_overruled_by_a_write_to_what_is_gone_is_listed() -> None:
    """The write landed over somebody's value, its answer was lost, and the record is deleted before it is settled."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"phone": "22"})
        edit(town, "con", "contacts", right.id, {"phone": "33"})  # the owner
        town.stage.now += timedelta(seconds=60)
        town.vendors["crm"].faults.append(("write", "lost"))
        for name in ("crm", "con"):
            read_feed(town, name, "contacts")
        Worker(town.world, town.maps[0]).step()
        assert left.fields["phone"] == "33"
        delete(town, "crm", "contacts", left.id)
        rest(town)
        with town.store.read() as tx:
            (lost,) = tx.conflicts.list(states=["overruled"])
        assert (lost.rule, lost.left, lost.lost) == ("phone", "22", Side.LEFT)


def test_who_takes_back_what_was_to_be_overruled_has_not_lost_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides typed, and the write over the one did not land; that one puts back what was, the other types anew."""
    with town_of(left=Traits(bump=True)) as town:
        left, right = linked(town)
        before = left.fields["phone"]
        edit(town, "crm", "contacts", left.id, {"phone": "7"})
        edit(town, "con", "contacts", right.id, {"phone": "8"})
        town.vendors["crm"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        edit(town, "crm", "contacts", left.id, {"city": "Ulm"})
        done: list[int] = []

        def settled(world: World, items: Sequence[Item], number: int | None) -> None:
            settle(world, items, number)
            with world.store.read() as tx:
                if not done and not tx.journal.open_of(items[0].m.key, [right.id]):
                    done.append(1)
                    edit(town, "crm", "contacts", left.id, {"phone": before})
                    edit(town, "con", "contacts", right.id, {"phone": "9"})

        monkeypatch.setattr(worker, "settle", settled)
        judge(town)
        assert done and (left.fields["phone"], right.fields["phone"]) == ("9", "9")
        with town.store.read() as tx:
            assert [row.left for row in tx.conflicts.list(states=["overruled"]) if row.rule == "phone"] == []


def test_a_create_that_lands_after_all_has_its_values_as_base() -> None:
    """It was thought not to have landed; what shows up with our key is its record, and an edit there is an edit."""
    with town_of(right=Traits(sync_key=True), first_link="ask") as town:
        judge(town)
        con = town.vendors["con"]
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "1"})
        con.faults += [("write", "late"), *[("write", "later")] * 200]
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        ((_, land),) = con.late

        def land_and_type() -> None:
            land()
            (made,) = rows(town, "con", "contacts")
            edit(town, "con", "contacts", made.id, {"phone": "2"})

        con.late[:] = [(town.stage.now + timedelta(minutes=12), land_and_type)]
        for _ in range(30):
            cycle(town)
        con.faults.clear()
        judge(town)
        (right,) = rows(town, "con", "contacts")
        assert left is not None and (left.fields["phone"], right.fields["phone"]) == ("2", "2")
        with town.store.read() as tx:
            assert tx.conflicts.list(states=["open", "overruled", "kept"]) == []
            creates = [one for one in tx.journal.recent(limit=50) if one.action is Action.CREATE]
        landed = [(one.outcome, one.record_id) for one in creates if one.record_id is not None]
        assert landed == [("landed", right.id)]


def made_untold(
    town: Town, fields: dict[str, Value], just_before: Callable[[], None] = lambda: None
) -> tuple[Row, Row]:
    """A lead, and the twin that was made for it by a write whose answer was lost; what somebody did just before."""
    con = town.vendors["con"]
    con.faults.append(("write", "lost"))
    left = town.vendors["crm"].create("contacts", fields, "person")
    town.stage.now += timedelta(seconds=60)
    for system in ("crm", "con"):
        read_feed(town, system, "contacts")
    just_before()
    Worker(town.world, town.maps[0]).step()
    (made,) = [row for row in con.rows["contacts"].values() if row.fields["email"] == fields["email"]]
    return left, made


BOB: dict[str, Value] = {"email": "bob@x.example", "name": "Bob", "phone": "222"}


def merged_into_a_stranger(town: Town, age: int, *, seen: bool = False) -> tuple[Row, Row, Row]:
    """Bob, his twin whose making was not told, and an older record into which a person merged that one, key and all.

    `age`: in seconds, when Bob's twin begins to be looked for; that takes more than one.

    `seen`: the feed told of the twin before, and nobody has looked at it yet.
    """
    con, strangers = town.vendors["con"], list[Row]()

    def stranger() -> None:
        grace: dict[str, Value] = {"email": "grace@x.example", "name": "Grace", "phone": "111"}
        town.stage.now = town.stage.now.replace(microsecond=0) + timedelta(seconds=1)  # the vendor tells no less
        strangers.append(con.create("contacts", grace, "person"))
        town.stage.now += timedelta(seconds=age)

    town.stage.now += timedelta(seconds=600)
    left, made = made_untold(town, BOB, stranger)
    if seen:
        con.settle()
        town.stage.now += timedelta(seconds=1)
        read_feed(town, "con", "contacts")
    con.delete("contacts", made.id)
    con.update("contacts", strangers[0].id, {"key": made.fields["key"], "email": "bob@x.example"}, "person")
    rest(town)
    return left, made, strangers[0]


@pytest.mark.parametrize("age", [600, 0])
def test_what_was_merged_into_a_stranger_before_it_told_is_asked_about(age: int) -> None:
    """The stranger is older, and carries our key from then on: its values are no edits, and the lead keeps its own."""
    with town_of(right=Traits(maker=False)) as town:
        left, _, stranger = merged_into_a_stranger(town, age)
        now = town.vendors["crm"].rows["contacts"][left.id].fields
        with town.store.read() as tx:
            (link,) = tx.links.of(town.maps[0].key, Side.LEFT, [left.id]).values()
            asked = {row.rule.partition("|")[0] for row in tx.conflicts.list(states=["open"])}
        assert link.right_id == stranger.id
        assert (now["name"], now["phone"], asked) == ("Bob", "222", {"name", "phone"})


def test_what_was_made_meanwhile_is_ours_and_edited() -> None:
    """It carries our key, and is no older than the creation: what differs is a person's edit."""
    with town_of(right=Traits(maker=False)) as town:
        left, made = made_untold(town, BOB)
        town.vendors["con"].update("contacts", made.id, {"name": "Grace", "phone": "111"}, "person")
        rest(town)
        now = town.vendors["crm"].rows["contacts"][left.id].fields
        with town.store.read() as tx:
            assert tx.links.of(town.maps[0].key, Side.LEFT, [left.id])[left.id].right_id == made.id
            assert tx.conflicts.list(states=["open"]) == []
        assert (now["name"], now["phone"]) == ("Grace", "111")


@pytest.mark.parametrize("age", [600, 0])
def test_what_a_feed_told_before_it_was_merged_into_a_stranger_is_what_was_made(age: int) -> None:
    """Not the stranger, however young: it is a lead of its own, and both keep their values."""
    with town_of(right=Traits(maker=False)) as town:
        left, made, stranger = merged_into_a_stranger(town, age, seen=True)
        now = town.vendors["crm"].rows["contacts"][left.id].fields
        with town.store.read() as tx:
            closed = tx.links.of(town.maps[0].key, Side.LEFT, [left.id], state="closed")
            own = tx.links.of(town.maps[0].key, Side.RIGHT, [stranger.id])
        assert closed[left.id].right_id == made.id
        assert own[stranger.id].left_id != left.id
        assert (now["name"], now["phone"], stranger.fields["name"]) == ("Bob", "222", "Grace")


@pytest.mark.parametrize("seen", [True, False], ids=["seen", "unseen"])
@pytest.mark.parametrize("tombstones", [False, True], ids=["hidden", "told"])
def test_what_was_made_and_merged_before_it_told_is_not_made_again(*, seen: bool, tombstones: bool) -> None:
    """A person merges it into somebody who has a twin, and who carries our key from then on."""
    with town_of(right=Traits(tombstones=tombstones)) as town:
        _, other = linked(town)
        con = town.vendors["con"]
        town.stage.now += timedelta(seconds=600)
        left, made = made_untold(town, {"email": "bob@x.example", "name": "Bob", "tag": "hot"})
        if seen:
            con.settle()
            town.stage.now += timedelta(seconds=1)
            read_feed(town, "con", "contacts")
            Worker(town.world, town.maps[0], side=Side.RIGHT).step()
        con.delete("contacts", made.id)
        con.update("contacts", other.id, {"key": made.fields["key"]}, "person")
        rest(town)
        assert [one.id for one in con.rows["contacts"].values()] == [other.id]
        with town.store.read() as tx:
            (intent,) = [one for one in tx.journal.recent(limit=100) if one.source_id == left.id]
            marks = {mark.id: mark.cause for mark in tx.marks.resting(PARKED)}
            closed = tx.links.of(town.maps[0].key, Side.LEFT, [left.id], state="closed")
        assert intent.outcome == "landed"
        if seen:
            assert (intent.record_id, closed[left.id].right_id) == (made.id, made.id)
        else:
            assert (intent.record_id, marks) == (other.id, {left.id: "question"})
