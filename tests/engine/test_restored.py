"""A store as it was yesterday, or none at all, under records that went on: nothing twice, nothing lost unlisted.

On both databases. Not here: putting a copy's file in its place (`tests/store/test_backup`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

import tests.engine.town
from syncd.core.model import Side
from syncd.engine.questions import answer
from syncd.engine.restored import REASON, doubt
from syncd.engine.worker import Worker
from syncd.store.conflicts import Conflict
from syncd.store.marks import PARKED
from syncd.store.move import _tables
from tests.engine.doings import cycle, delete, edit, judge, make, read_feed, rest
from tests.engine.test_rules import linked, rows, town_of
from tests.engine.town import DATABASES, Town, build
from tests.engine.vendor import Traits

CONTACTS = "pair/contacts"


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        yield made


Copy = list[tuple[Any, list[dict[str, Any]]]]


def copied(town: Town) -> Copy:
    """All that the store holds, an hour before anything else happens."""
    with town.store.read() as tx:
        found = [(one, [dict(row._mapping) for row in tx.connection.execute(select(one))]) for one in _tables()]
    town.stage.now += timedelta(hours=1)
    return found


def restored(town: Town, copy: Copy) -> None:
    """The process is killed, and another one begins on the old copy, a while later."""
    town.stage.now += timedelta(hours=1)
    with town.store.begin() as tx:
        for table, old in copy:
            tx.connection.execute(table.delete())
            if old:
                tx.connection.execute(insert(table), old)
    town.reborn()
    with town.store.begin() as tx:
        doubt(tx)


def lost(town: Town) -> None:
    """The store is gone, and an empty one takes its place."""
    with town.store.begin() as tx:
        for table in _tables():
            tx.connection.execute(table.delete())
    town.reborn()


def open_(town: Town) -> list[Conflict]:
    """What a person is asked."""
    with town.store.read() as tx:
        return tx.conflicts.list(states=["open"])


def changes(town: Town) -> int:
    """How often anything was changed by anybody, as the vendors count."""
    return sum(row.seq for vendor in town.vendors.values() for kind in vendor.rows.values() for row in kind.values())


def test_what_was_made_since_is_found_and_not_made_again(town: Town) -> None:
    """A lead that came after the copy, and its deal: one twin each, linked again, and in no doubt."""
    linked(town)
    copy = copied(town)
    bob = make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob"})
    assert bob is not None
    make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": bob.id})
    rest(town)
    restored(town, copy)
    judge(town)
    assert [len(rows(town, system, kind)) for system, kind in (("crm", "contacts"), ("con", "contacts"))] == [2, 2]
    assert [len(rows(town, system, kind)) for system, kind in (("crm", "deals"), ("con", "jobs"))] == [1, 1]
    with town.store.read() as tx:
        (known,) = (link for link in tx.links.all(CONTACTS) if link.left_id == bob.id)
        assert not known.doubted
    assert open_(town) == []


def test_what_was_carried_since_is_agreed(town: Town) -> None:
    """An edit that crossed after the copy is on both sides: no write, no question, and the next edit crosses."""
    left, right = linked(town)
    copy = copied(town)
    edit(town, "crm", "contacts", left.id, {"name": "Anna"})
    rest(town)
    assert right.fields["name"] == "Anna"
    restored(town, copy)
    judge(town)
    assert (left.fields["name"], right.fields["name"], open_(town)) == ("Anna", "Anna", [])
    edit(town, "crm", "contacts", left.id, {"name": "Annie"})
    judge(town)
    assert right.fields["name"] == "Annie"


def test_what_was_put_back_since_is_asked_about(town: Town) -> None:
    """An edit crossed, a person across put the old value back, and the store was lost: it looks as if nobody had."""
    left, right = linked(town)
    copy = copied(town)
    edit(town, "crm", "contacts", left.id, {"name": "Anna"})
    rest(town)
    town.stage.now += timedelta(minutes=5)
    edit(town, "con", "contacts", right.id, {"name": "Ann"})
    restored(town, copy)
    rest(town)
    assert (left.fields["name"], right.fields["name"]) == ("Anna", "Ann")
    (asked,) = open_(town)
    assert (asked.left, asked.right, asked.reason) == ("Anna", "Ann", REASON)


@pytest.mark.parametrize("side", list(Side))
def test_an_edit_where_one_side_was_changed_goes_across(town: Town, side: Side) -> None:
    """What nobody has touched since the copy is as the copy knows it: the other side's edit needs nobody."""
    left, right = linked(town)
    town.stage.now += timedelta(hours=3)
    rest(town)
    copy = copied(town)
    system, row, other = ("crm", left, right) if side is Side.LEFT else ("con", right, left)
    edit(town, system, "contacts", row.id, {"name": "Zed"})
    restored(town, copy)
    judge(town)
    assert (other.fields["name"], open_(town)) == ("Zed", [])


def test_what_was_pending_in_the_copy_does_not_overrule(town: Town) -> None:
    """An edit waits in the copy; it crossed, and both sides went on since: the old one is not carried out again."""
    left, right = linked(town)
    edit(town, "crm", "contacts", left.id, {"name": "Old"})
    read_feed(town, "crm", "contacts")
    copy = copied(town)
    rest(town)
    edit(town, "con", "contacts", right.id, {"phone": "22"})
    edit(town, "crm", "contacts", left.id, {"name": "New"})
    rest(town)
    assert (right.fields["name"], left.fields["phone"]) == ("New", "22")
    restored(town, copy)
    before = changes(town)
    judge(town)
    assert (left.fields["name"], right.fields["name"], changes(town), open_(town)) == ("New", "New", before, [])


def test_what_was_pending_in_the_copy_and_put_back_since_is_asked_about(town: Town) -> None:
    """An edit waits in the copy and crosses after it; somebody across puts the old value back, and looks alone."""
    left, right = linked(town)
    edit(town, "crm", "contacts", left.id, {"name": "Anna"})
    town.stage.now += timedelta(minutes=5)
    read_feed(town, "crm", "contacts")
    town.stage.now += timedelta(hours=2)
    copy = copied(town)
    rest(town)
    assert right.fields["name"] == "Anna"
    edit(town, "con", "contacts", right.id, {"name": "Ann"})
    restored(town, copy)
    rest(town)
    assert (left.fields["name"], right.fields["name"]) == ("Anna", "Ann")
    assert [(one.left, one.right) for one in open_(town)] == [("Anna", "Ann")]


def test_said_twice_the_earlier_copy_holds(town: Town) -> None:
    """Who says it again after syncd has read does not make the doubt forget when the copy was made."""
    left, right = linked(town)
    copy = copied(town)
    edit(town, "crm", "contacts", left.id, {"name": "Anna"})
    rest(town)
    edit(town, "con", "contacts", right.id, {"name": "Ann"})
    restored(town, copy)
    town.stage.now += timedelta(hours=3)
    for system in ("crm", "con"):
        read_feed(town, system, "contacts")
    with town.store.begin() as tx:
        doubt(tx)
    rest(town)
    assert (left.fields["name"], right.fields["name"]) == ("Anna", "Ann")


@pytest.mark.parametrize("by_feed", [False, True], ids=["a look-up", "by the feed"])
@pytest.mark.parametrize("first", list(Side))
def test_who_carries_our_key_is_not_made_again(first: Side, by_feed: bool) -> None:
    """No store is left, and what the two match by was changed on both sides since: nothing but our key joins them."""
    with town_of(right=Traits(find_by_feed=by_feed)) as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"email": "ann@left.example"})
        edit(town, "con", "contacts", right.id, {"email": "ann@right.example"})
        lost(town)
        for system in ("crm", "con"):
            read_feed(town, system, "contacts")
        for side in (first, first.other):
            Worker(town.world, town.maps[0], side=side).step()
        rest(town)
        assert [len(rows(town, system, "contacts")) for system in ("crm", "con")] == [1, 1]
        with town.store.read() as tx:
            assert [(link.left_id, link.right_id) for link in tx.links.all(CONTACTS)] == [(left.id, right.id)]


@pytest.mark.parametrize("by_feed", [False, True], ids=["a look-up", "by the feed"])
@pytest.mark.parametrize("first", list(Side))
def test_a_copy_that_carries_our_key_is_not_taken_for_the_twin(first: Side, by_feed: bool) -> None:
    """No store is left to say which of two records that carry our key was linked: a person says it."""
    with town_of(right=Traits(find_by_feed=by_feed)) as town:
        left, right = linked(town)
        copy = make(town, "con", "contacts", {**right.fields, "email": "copy@x.example", "name": "Copy"})
        assert copy is not None
        lost(town)
        for system in ("crm", "con"):
            read_feed(town, system, "contacts")
        for side in (first, first.other):
            Worker(town.world, town.maps[0], side=side).step()
        rest(town)
        assert (left.fields["name"], right.fields["name"], copy.fields["name"]) == ("Ann", "Ann", "Copy")
        with town.store.read() as tx:
            assert list(tx.links.all(CONTACTS)) == []
            asked = {mark.id for mark in tx.marks.resting(PARKED) if mark.cause == "question"}
        assert asked == {left.id, right.id, copy.id}
        answer(town.world, town.maps[0].end(Side.LEFT).ref(left.id), right.id)
        rest(town)
        with town.store.read() as tx:
            assert [(link.left_id, link.right_id) for link in tx.links.all(CONTACTS)] == [(left.id, right.id)]


def test_who_was_deleted_since_does_not_come_back(town: Town) -> None:
    """One side was deleted after the copy: the other one is not made anew for it."""
    left, right = linked(town)
    linked_too = make(town, "crm", "contacts", {"email": "bea@x.example", "name": "Bea"})
    assert linked_too is not None
    rest(town)
    copy = copied(town)
    delete(town, "con", "contacts", right.id)
    rest(town)
    restored(town, copy)
    rest(town)
    assert [row.fields["email"] for row in rows(town, "con", "contacts")] == ["bea@x.example"]
    assert left.id in {row.id for row in rows(town, "crm", "contacts")}


def test_nothing_is_created_before_both_sides_were_read_anew(town: Town) -> None:
    """The side that made somebody since is read first, the other one later: nobody is made twice in between."""
    linked(town)
    copy = copied(town)
    make(town, "con", "contacts", {"email": "bob@x.example", "name": "Bob"})
    rest(town)
    restored(town, copy)
    read_feed(town, "con", "contacts")
    tests.engine.doings.run(town)
    with town.store.read() as tx:
        assert len(tx.links.all(CONTACTS)) == 1, "who may be anybody's twin waits until both sides are known"
    cycle(town)
    judge(town)
    assert len(rows(town, "crm", "contacts")) == len(rows(town, "con", "contacts")) == 2


def test_with_no_store_at_all_everybody_is_found_again(town: Town) -> None:
    """Leads, deals, and an edit that is not across yet: linked anew by keys and by what they match, nothing twice."""
    left, right = linked(town)
    for n in range(5):
        made = make(town, "crm", "contacts", {"email": f"p{n}@x.example", "name": f"P{n}"})
        assert made is not None
        make(town, "crm", "deals", {"title": f"Roof {n}", "stage": "won", "contact": made.id})
    make(town, "con", "jobs", {"name": "Own job"})
    rest(town)
    edit(town, "crm", "contacts", left.id, {"city": "Springfield"})
    counts = {(s, k): len(rows(town, s, k)) for s, k in tests.engine.doings.FEEDS}
    lost(town)
    judge(town)
    assert {(s, k): len(rows(town, s, k)) for s, k in tests.engine.doings.FEEDS} == counts
    with town.store.read() as tx:
        assert len(tx.links.all(CONTACTS)) == counts["crm", "contacts"]
    assert right.fields["city"] == "springfield"
