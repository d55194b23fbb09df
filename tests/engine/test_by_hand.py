"""Linking by hand: two are the same, are not, go apart, come together again, whatever their values say."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from syncd.core.fieldmap import Leave
from syncd.core.model import Gone, Ref, Side
from syncd.engine import by_hand
from syncd.engine.absorb import absorb
from syncd.engine.review import review
from syncd.engine.undo import order
from syncd.engine.worker import Worker
from syncd.errors import ConfigError
from tests.engine.doings import FEEDS, delete, edit, judge, make, read_feed, rest, restore, run
from tests.engine.matchmaking import MAP, left, links, matching, parked, questions, right
from tests.engine.stage import Busy, Cue
from tests.engine.test_leaving import only, writes
from tests.engine.test_rules import linked, must, rows, town_of
from tests.engine.test_shared import SCORED, cold, person
from tests.engine.town import Town
from tests.engine.vendor import Row, Traits

NOBODY = Ref("crm", "contacts", "c99")


def told(call: object, *given: object, **more: object) -> str:
    """What a person reads whose wish cannot be granted."""
    with pytest.raises(ConfigError) as caught:
        call(*given, **more)
    return str(caught.value)


def counts(town: Town) -> tuple[int, int]:
    """How many contacts either side has."""
    return len(rows(town, "crm", "contacts")), len(rows(town, "con", "contacts"))


def _read_both(town: Town) -> None:
    """Both feeds, until they show what is there; nothing is planned."""
    for _ in range(2):
        for vendor in ("crm", "con"):
            read_feed(town, vendor, "contacts")
        town.stage.now += town.world.pace.landing * 2


def test_two_that_share_nothing_are_linked_by_hand_and_made_equal() -> None:
    """The map's first link decides what differs; nobody is made twice."""
    with matching("{link: [email]}") as town:
        one = cold(town, email="ann@x.example", name="Ann")
        two = make(town, "con", "contacts", {"name": "Anna"})
        assert two is not None
        with town.store.read() as tx:
            assert tx.links.count(MAP) == 0
        _read_both(town)
        assert by_hand.link(town.world, right(two), left(one)) == (left(one), right(two))
        judge(town)
        assert links(town) == {(one.id, two.id)}
        assert two.fields["email"] == "ann@x.example" and two.fields["name"] == "Ann"
        assert counts(town) == (1, 1)


@pytest.mark.parametrize("side", ["crm", "con"])
@pytest.mark.parametrize("again", [False, True])
def test_what_somebody_clears_between_link_and_first_plan_is_not_filled(side: str, again: bool) -> None:
    """A person is asked; whoever typed it in again meanwhile has not cleared it. As by a kill right after a link."""
    with matching("{link: [email]}") as town:
        one = cold(town, email="ann@x.example", city="waco")
        two = person(town, "con", email="bob@x.example", city="waco")
        _read_both(town)
        by_hand.link(town.world, left(one), right(two))
        cleared, other = (one, two) if side == "crm" else (two, one)
        edit(town, side, "contacts", cleared.id, {"city": None})
        _read_both(town)
        if again:
            edit(town, side, "contacts", cleared.id, {"city": "waco"})
        judge(town)
        assert (cleared.fields["city"], other.fields["city"]) == ("waco" if again else None, "waco")
        with town.store.read() as tx:
            assert [row.rule for row in tx.conflicts.list(states=["open"])] == ([] if again else ["city"])


def test_a_hand_settles_a_question_that_names_two() -> None:
    """One of the two is linked; the other is still asked about, for its twin is another's now; `not` makes it new."""
    with matching("{link: [email]}") as town:
        one, two = (cold(town, email="ann@x.example", name=name) for name in ("Ann", "Bob"))
        twin = person(town, "con", email="ann@x.example")
        rest(town)
        by_hand.link(town.world, left(one), right(twin))
        rest(town)
        assert links(town) == {(one.id, twin.id)}
        assert set(questions(town)) == {f"left {two.id}"}
        assert "is linked with another record" in questions(town)[f"left {two.id}"]
        by_hand.refuse(town.world, left(two), right(twin))
        judge(town)
        assert parked(town) == []


@pytest.mark.parametrize("claimed", [False, True], ids=["due", "under work"])
def test_a_refusal_holds_against_a_question_that_is_being_put_again(
    monkeypatch: pytest.MonkeyPatch, *, claimed: bool
) -> None:
    """While the question is open something moves, and it is put anew; the answer comes before that is done."""
    with matching("{ask: [email]}") as town:
        one, twin = cold(town, email="ann@x.example", name="Ann"), person(town, "con", email="ann@x.example")
        rest(town)
        assert f"left {one.id}" in questions(town)
        with town.store.begin() as tx:
            assert tx.marks.retry(MAP, town.stage.now, ids=[one.id, twin.id], reread=False)
        finish = Worker._finish

        def answered(self: Worker, *given: Any) -> None:
            monkeypatch.undo()
            by_hand.refuse(town.world, left(one), right(twin))
            finish(self, *given)

        if claimed:
            monkeypatch.setattr(Worker, "_finish", answered)
        else:
            by_hand.refuse(town.world, left(one), right(twin))
        assert Worker(town.world, town.maps[0]).step() > 0
        assert parked(town) == []
        judge(town)
        assert (one.id, twin.id) not in links(town)


@pytest.mark.parametrize("match", ["{link: [email]}", "{ask: [email]}", SCORED])
def test_who_was_refused_is_never_asked_about_or_linked_again(match: str) -> None:
    """By no certain key, by no unsure one, by no likeness; not when a record changes, not after a restart."""
    with matching(match) as town:
        one = cold(town, email="ann@x.example", name="Annette", phone="312 555 0100")
        with town.store.begin() as tx:
            tx.refusals.add(MAP, one.id, "c1", town.stage.now)
        twin = person(town, "con", email="ann@x.example", name="Annette", phone="312 555 0100")
        assert twin.id == "c1"
        rest(town)
        edit(town, "crm", "contacts", one.id, {"city": "Boise"})
        town.reborn()
        rest(town)
        assert (one.id, twin.id) not in links(town)
        assert parked(town) == []
        assert counts(town) == (2, 1)


def test_a_vendor_that_doubles_nobody_is_quoted_and_nothing_is_asked() -> None:
    """The e-mail of the refused one is taken there: the record cannot be made, and whose it is, is known."""
    with matching("{link: [email]}", left=Traits(unique={"contacts": ("email",)})) as town:
        one = cold(town, email="ann@x.example")
        with town.store.begin() as tx:
            tx.refusals.add(MAP, one.id, "c1", town.stage.now)
        person(town, "con", email="ann@x.example")
        rest(town)
        assert [(mark.side, mark.cause) for mark in parked(town)] == [(Side.RIGHT, "refused")]
        assert links(town) == set()


def test_our_own_key_outweighs_a_refusal() -> None:
    """A record that carries the key of another was made for it: that is no likeness, and no opinion."""
    with matching("{link: [email]}") as town:
        one = cold(town, name="Ann")
        with town.store.begin() as tx:
            tx.refusals.add(MAP, one.id, "c1", town.stage.now)
        twin = person(town, "con", name="Ann", key=str(left(one)))
        rest(town)
        assert links(town) == {(one.id, twin.id)}


def test_a_person_may_think_better_of_a_refusal() -> None:
    """Linked by hand, the two are one, and the refusal is forgotten."""
    with matching("{link: [email]}") as town:
        one = cold(town, email="ann@x.example")
        twin = person(town, "con", email="ann@x.example", name="A")
        other = cold(town, email="ann@x.example")
        rest(town)
        for row in (one, other):
            by_hand.refuse(town.world, right(twin), left(row))
        by_hand.link(town.world, left(one), right(twin))
        with town.store.read() as tx:
            assert tx.refusals.of(MAP, Side.RIGHT, [twin.id]) == {(other.id, twin.id)}
        judge(town)
        assert links(town) == {(one.id, twin.id)}


def test_what_was_parted_flows_no_more_and_is_not_made_again() -> None:
    """Rule 15: both stay, whatever is edited; the open conflict of the two is over."""
    with town_of(first_link="ask") as town:
        one, twin = linked(town, note="here")
        edit(town, "crm", "contacts", one.id, {"note": "left"})
        edit(town, "con", "contacts", twin.id, {"note": "right"})
        rest(town)
        with town.store.read() as tx:
            assert len(tx.conflicts.list(states=["open"])) == 1
        assert by_hand.unlink(town.world, right(twin), MAP) == left(one)
        edit(town, "crm", "contacts", one.id, {"name": "Anna"})
        edit(town, "con", "contacts", twin.id, {"phone": "9"})
        rest(town)
        assert links(town) == set() and counts(town) == (1, 1)
        assert (twin.fields["name"], one.fields["phone"]) == ("Ann", "1")
        with town.store.read() as tx:
            (link,) = tx.links.of(MAP, Side.LEFT, [one.id], state="closed").values()
            assert link.reason == by_hand.PARTED
            assert tx.conflicts.list(states=["open"]) == []
        assert parked(town) == []


def test_what_comes_together_again_loses_no_edit_made_apart() -> None:
    """Both sides changed while they were parted: asked, as at a first link, not taken for agreed."""
    with matching("{link: [email]}") as town:
        one = person(town, "crm", email="ann@x.example", note="x", name="Ann")
        judge(town)
        (twin,) = rows(town, "con", "contacts")
        by_hand.unlink(town.world, left(one))
        edit(town, "con", "contacts", twin.id, {"name": "Bea"})
        rest(town)
        assert by_hand.relink(town.world, left(one)) == right(twin)
        judge(town)
        assert twin.fields["name"] == "Ann"
        with town.store.read() as tx:
            assert [row.right for row in tx.conflicts.list(states=["overruled"])] == ["Bea"]


def test_the_link_that_was_closed_last_is_the_one_that_opens_again() -> None:
    """A record had another twin between two times with its own: what closed when it was deleted opens with it."""
    with town_of(right=Traits(tombstones=True)) as town:
        one, twin = linked(town)
        other = cold(town, email="other@x.example")
        rest(town)
        for apart, together in ((one, other), (other, one)):
            by_hand.unlink(town.world, left(apart))
            by_hand.relink(town.world, left(together), right(twin))
            rest(town)
        delete(town, "con", "contacts", twin.id)
        rest(town)
        assert links(town) == set()
        restore(town, "con", "contacts", twin.id)
        rest(town)
        assert links(town) == {(one.id, twin.id)}


def test_a_parted_record_is_linked_with_another_only_on_demand() -> None:
    """`link` says what was before; `relink` with a name does it, and the old twin stays alone."""
    with matching("{link: [email]}") as town:
        one = person(town, "crm", email="ann@x.example", name="Ann")
        judge(town)
        (old,) = rows(town, "con", "contacts")
        by_hand.unlink(town.world, left(one))
        new = person(town, "con", name="Bea", tag="cold", email="bea@x.example")
        rest(town)
        made = next(at for at, twin in links(town) if twin == new.id)
        by_hand.unlink(town.world, right(new))
        assert "was closed: a person parted them" in told(by_hand.link, town.world, left(one), right(new))
        assert by_hand.relink(town.world, left(one), right(new)) == right(new)
        rest(town)
        assert links(town) == {(one.id, new.id)} and new.fields["name"] == "Ann"
        assert "linked already" in told(by_hand.relink, town.world, right(new))
        assert (made, old.id) not in links(town) and counts(town) == (2, 2)


def test_what_cannot_be_is_refused_with_what_to_do() -> None:
    """Never seen, gone, linked, not linked, no map, several maps: each has its own sentence."""
    with town_of() as town:
        one, twin = linked(town, tag="vip")
        world = town.world
        assert "several maps know it: pair/contacts, pair/people" in told(by_hand.unlink, world, left(one))
        assert "no map links it with crm:contacts:c99" in told(by_hand.link, world, left(one), NOBODY)
        assert "linked already, with" in told(by_hand.link, world, left(one), right(twin))
        assert "First part them" in told(by_hand.refuse, world, left(one), right(twin))
        assert f"never seen {NOBODY}" in told(by_hand.link, world, right(twin), NOBODY)
        assert "never seen con:contacts:c99" in told(by_hand.link, world, NOBODY, Ref("con", "contacts", "c99"))
        assert "it is not linked" in told(by_hand.unlink, world, NOBODY)
        assert "it had no link" in told(by_hand.relink, world, NOBODY)
        by_hand.unlink(world, left(one), MAP)
        with town.store.begin() as tx:
            absorb(tx, world, [Gone(ref=right(twin), tombstone=True)], asked=())
        assert "gone" in told(by_hand.relink, world, left(one), None, MAP)


def test_a_write_under_way_is_not_parted() -> None:
    """Its outcome would belong to nobody: a person is asked to wait."""
    with town_of() as town:
        one, twin = linked(town)
        now = town.stage.now
        with town.store.begin() as tx:
            (link,) = tx.links.all(MAP)
            (intent,) = tx.journal.open([
                {"run": 1, "map": MAP, "side": "right", "action": "update", "link": link.id, "record_id": twin.id,
                 "source_id": one.id, "fields": {"name": "Anna"}, "before": {"name": "Ann"}, "rules": {},
                 "version": None, "opened_at": now, "lands_by": now, "fence": 1}
            ])  # fmt: skip
        assert "no outcome yet" in told(by_hand.unlink, town.world, left(one))
        with town.store.begin() as tx:
            tx.journal.close(intent, "not landed", now)
        assert by_hand.unlink(town.world, left(one)) == right(twin)


def test_a_worker_that_holds_the_two_writes_nothing_after_they_were_parted() -> None:
    """Whoever has claimed the link when a person parts the two has lost it: the fence is another."""
    with town_of() as town:
        one, twin = linked(town)
        edit(town, "crm", "contacts", one.id, {"name": "Anna"})
        town.stage.now += town.world.pace.lease
        read_feed(town, "crm", "contacts")
        with town.store.begin() as tx:
            now = town.stage.now
            (unit,) = [u for u in tx.marks.claim(MAP, now, now + town.world.pace.lease, 10**6, limit=9) if u.link]
        by_hand.unlink(town.world, left(one), MAP)
        with town.store.read() as tx:
            assert unit.link is not None
            assert not tx.marks.holds(unit.marks[0], unit.fence, unit.link.id)
        rest(town)
        assert twin.fields["name"] == "Ann"


def deleted(town: Town, one: Row, twin: Row) -> Callable[[], None]:
    """The twin is deleted; it comes back afterwards."""
    delete(town, "con", "contacts", twin.id)
    return lambda: restore(town, "con", "contacts", twin.id)


def restored(town: Town, one: Row, twin: Row) -> Callable[[], None]:
    """The twin came back and was edited: the link is about to open again."""
    delete(town, "con", "contacts", twin.id)
    rest(town)
    restore(town, "con", "contacts", twin.id)
    edit(town, "con", "contacts", twin.id, {"phone": "9"})
    return lambda: None


def unfit(town: Town, one: Row, twin: Row) -> Callable[[], None]:
    """The record leaves the map's condition; it meets it again afterwards."""
    only(town, Leave.UNLINK)
    edit(town, "crm", "contacts", one.id, {"tag": "cold"})
    return lambda: edit(town, "crm", "contacts", one.id, {"tag": "warm"})


def merged(town: Town, one: Row, twin: Row) -> Callable[[], None]:
    """The record was merged into one that nobody is linked with."""
    other = cold(town, email="other@x.example")
    town.vendors["crm"].merge("contacts", one.id, other.id)
    return lambda: None


def undone(town: Town, one: Row, twin: Row) -> Callable[[], None]:
    """What a run wrote is to be taken back, and somebody changed it since: that will be listed."""
    edit(town, "crm", "contacts", one.id, {"name": "Anna"})
    rest(town)
    with town.store.read() as tx:
        written = tx.runs.last(limit=1)[0].id
    edit(town, "con", "contacts", twin.id, {"name": "Mine"})
    order(town.world, written)
    return lambda: None


def traces(town: Town) -> tuple[object, ...]:
    """What is linked and was, what is listed, and how often either vendor was asked to write."""
    with town.store.read() as tx:
        all_ = [
            (n.left_id, n.right_id, n.reason) for state in ("open", "closed") for n in tx.links.all(MAP, state=state)
        ]
        return all_, [row.id for row in tx.conflicts.list(states=["kept", "overruled"])], writes(town)


def part(town: Town, one: Row, seen: list[tuple[object, ...]], busy: Busy) -> bool:
    """A person parts a record from its twin, if they are linked now."""
    with suppress(ConfigError):
        by_hand.unlink(town.another(), left(one), MAP)
        seen.append(traces(town))
    return True


@pytest.mark.parametrize("scene", [deleted, restored, unfit, merged, undone])
def test_who_parts_two_that_are_worked_on_is_obeyed(scene: Callable[[Town, Row, Row], Callable[[], None]]) -> None:
    """Wherever the worker is just then: it neither closes nor opens, moves, lists nor writes what is parted."""
    parted = 0
    for points in range(5, 19, 4):
        with town_of(right=Traits(tombstones=True)) as town:
            one, twin = linked(town)
            afterwards = scene(town, one, twin)
            town.stage.now += timedelta(seconds=60)
            for feed in FEEDS:
                read_feed(town, *feed)
            seen: list[tuple[object, ...]] = []
            town.stage.cues.append(Cue(points, partial(part, town, one, seen), outside=True))
            run(town)
            town.stage.calm()
            afterwards()
            rest(town)
            parted += len(seen)
            must(seen in ([], [traces(town)]), f"parted after {points} points")
    assert parted, "nobody was parted while they were worked on"


def test_a_review_shows_both_records_side_by_side() -> None:
    """Each pair once, the likeliest first, with score, reasons, and every field of both."""
    with matching(SCORED) as town:
        ann = cold(town, name="Annette", phone="312 555 0100")
        one = person(town, "con", name="Anette", phone="312 555 0100")
        cold(town, name="Roberto", email="lo@x.example")
        two = person(town, "con", name="Carmen", email="lo@x.example")
        rest(town)
        first, second = review(town.world)
        assert (first["left"], first["right"]) == (str(left(ann)), str(right(one)))
        assert second["right"] == str(right(two))
        assert first["score"] > second["score"]
        assert first["reasons"] == ["same phone", "name one letter off"]
        assert [one for one in first["fields"] if one["field"] in ("name", "phone")] == [
            {"field": "name", "left": "Annette", "right": "Anette", "same": False},
            {"field": "phone", "left": "312 555 0100", "right": "312 555 0100", "same": True},
        ]
        assert review(town.world, "pair/people") == [] and review(town.world, MAP) == [first, second]
        by_hand.refuse(town.world, left(ann), right(one))
        rest(town)
        assert [row["right"] for row in review(town.world)] == [str(right(two))]
