"""Marks on a real database: made, claimed, settled, left to rest, woken. Links are made where a unit needs one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Side
from syncd.store.marks import COMING, DUE, HELD, PARKED, PLANNED, WEIGHED, Mark, Unit
from syncd.store.store import Store, Tx
from tests.store.conftest import LATER, NOW, SECOND

LEFT, RIGHT = Side.LEFT, Side.RIGHT


def claim(tx: Tx, fence: int = 1, *, limit: int = 10, **more: Any) -> list[Unit]:
    """Claim for five minutes."""
    return tx.marks.claim("m", more.pop("now", NOW), LATER, fence, limit=limit, **more)


def only(tx: Tx, id_: str = "1", side: Side = LEFT) -> Mark:
    """The mark of an id as it stands."""
    return tx.marks.get("m", side, [id_])[id_]


def claimed(tx: Tx, *ids: str, fence: int = 1) -> list[Mark]:
    """Mark these ids on the left and claim them."""
    tx.marks.add("m", LEFT, ids, NOW)
    return [unit.marks[0] for unit in claim(tx, fence)]


def ids(units: list[Unit]) -> list[list[tuple[str, str]]]:
    """What was claimed: per unit its marks' sides and ids."""
    return [[(str(mark.side), mark.id) for mark in unit.marks] for unit in units]


def test_a_mark_is_one_per_ref(store: Store) -> None:
    """However often a ref is marked, there is one mark; each new cause moves its generation."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1", "1", "2"], NOW)
        tx.marks.add("m", LEFT, ["1"], LATER)
        tx.marks.add("m", RIGHT, ["1"], NOW)
        tx.marks.add("other", LEFT, ["1"], NOW)
        assert (only(tx).generation, only(tx).due_at, only(tx).first_at) == (2, LATER, NOW)
        assert (only(tx, "2").generation, only(tx, "1", RIGHT).generation) == (1, 1)
        assert tx.marks.due_count("m", LATER) == 3
        assert tx.marks.due_count("m", NOW) == 2


def test_a_read_of_one_side_never_takes_the_place_of_a_read_of_both(store: Store) -> None:
    """The cause of a read by id stays as long as every new read is for the same; news asks for no read at all."""
    with store.begin() as tx:
        for _ in range(2):
            tx.marks.add("m", LEFT, ["1"], NOW, reread=True, cause="hint left")
            assert (only(tx).reread, only(tx).cause) == (True, "hint left")
        tx.marks.add("m", LEFT, ["1"], NOW, reread=True)
        tx.marks.add("m", LEFT, ["1"], NOW, reread=True, cause="hint left")
        assert (only(tx).reread, only(tx).cause) == (True, None)
        tx.marks.add("m", LEFT, ["2"], NOW)
        tx.marks.add("m", LEFT, ["2"], NOW, reread=True, cause="hint left")
        assert (only(tx, "2").reread, only(tx, "2").cause) == (True, "hint left")
        tx.marks.add("m", LEFT, ["2"], NOW)
        assert (only(tx, "2").reread, only(tx, "2").cause) == (True, "hint left")
        tx.marks.add("m", LEFT, ["2"], NOW, reread=True, cause="hint right")
        assert (only(tx, "2").reread, only(tx, "2").cause) == (True, None)


def test_a_new_cause_never_lowers_what_is_asked(store: Store) -> None:
    """The better lane, a read by id and a pull stay asked for until the mark is settled."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1"], NOW, lane=0, reread=True, pulled=True)
        tx.marks.add("m", LEFT, ["1"], NOW, lane=1)
        assert (only(tx).lane, only(tx).reread, only(tx).pulled) == (0, True, True)
        tx.marks.add("m", LEFT, ["2"], NOW, lane=1)
        tx.marks.add("m", LEFT, ["2"], NOW, lane=0, reread=True, pulled=True)
        assert (only(tx, "2").lane, only(tx, "2").reread, only(tx, "2").pulled) == (0, True, True)


def test_a_new_cause_leaves_a_held_mark_held(store: Store) -> None:
    """What waits for a person's permission keeps its plan; only its generation moves, so nobody drops it."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, HELD, cause="planned")
        tx.marks.keep_plans([(mark, {"writes": []})])
        tx.marks.release(1)
        tx.marks.add("m", LEFT, ["1"], NOW)
        found = only(tx)
        assert (found.state, found.plan, found.generation) == (HELD, {"writes": ()}, mark.generation + 1)


@pytest.mark.parametrize("state", [PARKED, PLANNED, DUE])
def test_a_new_cause_makes_a_resting_mark_due(store: Store, state: str) -> None:
    """A new mark on a ref that rests is a retry: due, without its old cause, plan, and whom it waited for."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, state, cause="waiting", waits_for="crm:contacts:9", attempts=4, due_at=LATER)
        tx.marks.keep_plans([(mark, {"writes": []})])
        tx.marks.release(1)
        tx.marks.add("m", LEFT, ["1"], NOW)
        found = only(tx)
        assert (found.state, found.due_at, found.attempts) == (DUE, NOW, 0)
        assert (found.cause, found.waits_for, found.plan) == (None, None, None)


@pytest.mark.parametrize(
    ("state", "go_on", "news"),
    [
        (PLANNED, lambda tx: tx.marks.retry("m", NOW, state=PLANNED, reread=False), True),
        (WEIGHED, lambda tx: tx.plans.unweigh("m", NOW), True),
        (PARKED, lambda tx: tx.marks.retry("m", NOW, reread=False), False),
    ],
)
def test_what_was_planned_is_news_again_when_it_may_go_on(
    store: Store, state: str, go_on: Callable[[Tx], object], news: bool
) -> None:
    """So it goes along with a new link; what was parked remembers why."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, state, cause="planned", reason="waits for permission to write")
        tx.marks.keep_plans([(mark, {"writes": []})])
        tx.marks.release(1)
        go_on(tx)
        assert (only(tx).state, only(tx).plan, only(tx).news) == (DUE, None, news)


def test_the_lead_lane_goes_first_then_the_oldest(store: Store) -> None:
    """Marks are claimed by lane, then by the time they became due, as many as asked for; those due later wait."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["old"], NOW - 9 * SECOND)
        tx.marks.add("m", LEFT, ["new"], NOW - SECOND)
        tx.marks.add("m", LEFT, ["lead"], NOW, lane=0)
        tx.marks.add("m", LEFT, ["later"], NOW + SECOND, lane=0)
        tx.marks.add("other", LEFT, ["another map"], NOW, lane=0)
        assert ids(claim(tx, 1, limit=2)) == [[("left", "lead")], [("left", "old")]]
        assert ids(claim(tx, 2)) == [[("left", "new")]]
        assert claim(tx, 3) == []


def test_a_lease_keeps_others_off_until_it_ends(store: Store) -> None:
    """What one has claimed nobody else gets while the lease lasts; after it, they do, under a greater fence."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1", fence=1)
        assert claim(tx, 2) == []
        assert tx.marks.due_count("m", NOW) == 0
        assert claim(tx, 2, now=LATER) == []
        (unit,) = tx.marks.claim("m", LATER + SECOND, LATER + 9 * SECOND, 2, limit=5)
        assert unit.fence == 2
        assert tx.marks.holds(mark, 1, None) is False
        assert tx.marks.holds(mark, 2, None) is True


def test_a_renewed_lease_lasts_longer(store: Store) -> None:
    """Renewing holds on to every mark and link of the fence, and to nothing that was given back."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        claimed(tx, "1", "2", fence=1)
        tx.marks.renew(1, LATER + 60 * SECOND)
        assert claim(tx, 2, now=LATER + SECOND) == []
        tx.marks.release(1)
        tx.marks.renew(1, LATER + 60 * SECOND)
        assert ids(claim(tx, 3)) == [[("left", "1")], [("left", "2")]]
        assert tx.marks.holds(only(tx), 3, link.id)


def test_a_fence_that_was_lost_settles_nothing(store: Store) -> None:
    """Who lost the lease to somebody else can neither drop the mark nor leave it to rest."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1", fence=1)
        tx.marks.claim("m", LATER + SECOND, LATER + 9 * SECOND, 2, limit=5)
        assert tx.marks.done([mark], 1) == 0
        assert tx.marks.rest(mark, 1, PARKED, reason="late") is False
        assert (only(tx).state, only(tx).reason) == (DUE, None)
        assert tx.marks.done([mark], 2) == 1
        assert tx.marks.get("m", LEFT, ["1"]) == {}


def test_several_rest_each_with_its_own(store: Store) -> None:
    """Of several that rest together each keeps its columns; who was renewed, or is another's by now, stays due."""
    with store.begin() as tx:
        (lost,) = claimed(tx, "4", fence=1)
        tx.marks.release(1)
        claim(tx, 2)
        first, second, renewed = claimed(tx, "1", "2", "3", fence=1)
        tx.marks.add("m", LEFT, ["3"], NOW)
        columns = {"state": HELD, "cause": "planned", "due_at": NOW}
        several = [(first, columns), (second, {"state": PARKED, "reason": "no such stage"})]
        assert tx.marks.rest_all([*several, (renewed, columns), (lost, columns)], 1) == 2
        found = tx.marks.get("m", LEFT, ["1", "2", "3", "4"])
        assert {id_: (one.state, one.cause, one.reason) for id_, one in found.items()} == {
            "1": (HELD, "planned", None), "2": (PARKED, None, "no such stage"),
            "3": (DUE, None, None), "4": (DUE, None, None),
        }  # fmt: skip


def test_an_ended_lease_that_nobody_took_still_holds(store: Store) -> None:
    """Slow work may go on as long as nobody else has claimed what it works on."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1", fence=1)
        assert tx.marks.holds(mark, 1, None)
        tx.marks.release(1)
        assert not tx.marks.holds(mark, 1, None)


def test_a_link_taken_by_another_fence_is_not_held(store: Store) -> None:
    """The fence of the link counts too, not only that of the mark."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        (mark,) = claimed(tx, "1", fence=1)
        assert tx.marks.holds(mark, 1, link.id)
        tx.marks.lease_links([link.id], LATER, 2)
        assert not tx.marks.holds(mark, 1, link.id)


def test_a_mark_renewed_meanwhile_stays(store: Store) -> None:
    """A cause that came while the mark was worked on is neither dropped nor put to rest with the old one."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1", fence=1)
        tx.marks.add("m", LEFT, ["1"], NOW)
        assert tx.marks.done([mark], 1) == 0
        assert tx.marks.rest(mark, 1, PARKED, reason="the old story") is False
        tx.marks.keep_plans([(mark, {"old": True})])
        assert (only(tx).state, only(tx).reason, only(tx).plan) == (DUE, None, None)
        assert claim(tx, 2) == []
        tx.marks.release(1)
        assert ids(claim(tx, 2)) == [[("left", "1")]]


def test_both_sides_of_a_link_are_one_unit(store: Store) -> None:
    """A linked mark takes the other side's along, even one that is due later, and nobody can claim either alone."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        tx.marks.add("m", LEFT, ["1"], NOW)
        tx.marks.add("m", RIGHT, ["9"], LATER)
        tx.marks.add("m", RIGHT, ["unlinked"], NOW)
        units = claim(tx)
        assert ids(units) == [[("left", "1"), ("right", "9")], [("right", "unlinked")]]
        assert [unit.link for unit in units] == [tx.links.get([link.id])[link.id], None]
        assert all(tx.marks.holds(mark, 1, link.id) for mark in units[0].marks)


def test_two_due_sides_of_a_link_are_claimed_once(store: Store) -> None:
    """Both sides due: still one unit with both marks."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.marks.add("m", RIGHT, ["9"], NOW - SECOND)
        tx.marks.add("m", LEFT, ["1"], NOW)
        assert ids(claim(tx)) == [[("right", "9"), ("left", "1")]]


@pytest.mark.parametrize("state", [PARKED, PLANNED, WEIGHED, HELD])
def test_a_resting_mark_across_shares_the_fate_of_its_link(store: Store, state: str) -> None:
    """The plan is for both sides: whatever the other one rests with is taken along, a plan that is old by now too."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.marks.add("m", RIGHT, ["9"], NOW)
        ((mark,),) = [unit.marks for unit in claim(tx)]
        tx.marks.rest(mark, 1, state, reason="no such stage")
        tx.marks.release(1)
        tx.marks.add("m", LEFT, ["1"], NOW)
        assert ids(claim(tx, 2)) == [[("left", "1"), ("right", "9")]]
        assert only(tx, "9", RIGHT).state == state


def test_the_sides_of_a_link_never_run_at_once(store: Store) -> None:
    """A mark that comes on the other side while the link is worked on waits until the link is given back."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        claimed(tx, "1", fence=1)
        tx.marks.add("m", RIGHT, ["9"], NOW)
        assert claim(tx, 2) == []
        tx.marks.release(1)
        assert ids(claim(tx, 2)) == [[("left", "1"), ("right", "9")]]


@pytest.mark.parametrize(
    ("more", "along"),
    [
        ({}, True), ({"lane": 2}, True), ({"pulled": True}, True),
        ({"reread": True}, False), ({"cause": "namesake"}, False), ({"anew": {"9": ["name"]}}, False),
    ],
)  # fmt: skip
def test_a_new_link_takes_the_news_of_its_other_record_along(store: Store, more: dict[str, Any], along: bool) -> None:
    """What only says that something changed is done with the link; what asks for more has a turn of its own."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1"], NOW)
        tx.marks.add("m", RIGHT, ["9"], NOW, **more)
        (unit,) = claim(tx, side=LEFT)
        link = tx.links.make("m", "1", "9", NOW)
        (whole,) = tx.marks.take_along([(replace(unit, link=link), "9")], NOW, LATER)
        assert whole.link == link
        assert ids([whole]) == [[("left", "1"), *([("right", "9")] if along else [])]]
        assert all(tx.marks.holds(mark, 1, link.id) for mark in whole.marks)
        assert claim(tx, 2) == []
        assert only(tx, "9", RIGHT).news is (along or bool(more.get("pulled")))


@pytest.mark.parametrize("why", ["another has it", "it is due later", "it is parked"])
def test_a_new_link_leaves_alone_what_is_not_due_or_somebody_s(store: Store, why: str) -> None:
    """Its other record's mark stays with who works on it, or where it rests."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1"], NOW)
        (unit,) = claim(tx, side=LEFT)
        tx.marks.add("m", RIGHT, ["9"], LATER if why == "it is due later" else NOW)
        if why != "it is due later":
            ((mark,),) = [other.marks for other in claim(tx, 2)]
        if why == "it is parked":
            tx.marks.rest(mark, 2, PARKED, reason="no such stage")
            tx.marks.release(2)
        link = tx.links.make("m", "1", "9", NOW)
        (whole,) = tx.marks.take_along([(replace(unit, link=link), "9")], NOW, LATER)
        assert ids([whole]) == [[("left", "1")]]


def test_a_closed_link_makes_no_unit(store: Store) -> None:
    """Only an open link binds two marks together."""
    with store.begin() as tx:
        link = tx.links.make("m", "1", "9", NOW)
        tx.links.close(link.id, "gone", NOW)
        tx.marks.add("m", LEFT, ["1"], NOW)
        tx.marks.add("m", RIGHT, ["9"], NOW)
        assert [unit.link for unit in claim(tx)] == [None, None]


def test_linked_only_leaves_the_others(store: Store) -> None:
    """Before a backfill is complete only what is linked is claimed and counted, on whichever side, in this map."""
    with store.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.links.make("m", "2", "8", NOW)
        tx.links.make("other", "3", "7", NOW)
        gone = tx.links.make("m", "4", "6", NOW)
        tx.links.close(gone.id, "gone", NOW)
        tx.marks.add("m", LEFT, ["1", "3", "4", "9"], NOW)
        tx.marks.add("m", RIGHT, ["8", "2"], NOW)
        assert tx.marks.due_count("m", NOW) == 6
        assert tx.marks.any_due("m", NOW, linked_only=True)
        assert not tx.marks.any_due("none", NOW, linked_only=True)
        assert sorted(ids(claim(tx, linked_only=True))) == [[("left", "1")], [("right", "8")]]


def test_the_lead_lane_alone_is_looked_for_and_claimed(store: Store) -> None:
    """What else is due stays, however long it is."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1"], NOW, lane=1)
        tx.marks.add("m", LEFT, ["2"], LATER, lane=0)
        assert not tx.marks.lead_due("m", NOW), "it is not due yet"
        assert tx.marks.lead_due("m", LATER) and not tx.marks.lead_due("other", LATER)
        assert tx.marks.first_side("m", LATER, linked_only=False, due_by=NOW, leads=True) is None
        units = tx.marks.claim("m", LATER, LATER + SECOND, 1, limit=9, side=LEFT, due_by=LATER, leads=True)
        assert ids(units) == [[("left", "2")]]
        assert not tx.marks.lead_due("m", LATER), "it is in hand"


def test_rest_keeps_what_it_is_given(store: Store) -> None:
    """A mark that rests says why, for whom it waits and when it is due; it is claimed again only when due."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        given = {"cause": "unmapped", "reason": "no stage", "waits_for": "crm:contacts:9", "attempts": 3}
        assert tx.marks.rest(mark, 1, PARKED, due_at=LATER, reread=True, **given) is True
        tx.marks.release(1)
        found = only(tx)
        assert {name: getattr(found, name) for name in given} == given
        assert (found.state, found.due_at, found.reread, found.generation) == (PARKED, LATER, True, mark.generation)
        assert tx.marks.resting(PARKED, "m") == tx.marks.resting(PARKED) == [found]
        assert tx.marks.resting(PARKED, "other") == tx.marks.resting(HELD) == []
        assert claim(tx, 2, now=LATER) == []


def test_a_second_thought_on_the_state_counts(store: Store) -> None:
    """A mark left due that has tried too long is parked: the state among its values goes before the one asked for."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, DUE, state=PARKED, cause="refused")
        assert (only(tx).state, only(tx).cause) == (PARKED, "refused")


def test_waking_frees_only_who_waits_for_it(store: Store) -> None:
    """Whoever waits for this one is due with a new generation; who waits for another goes on waiting."""
    with store.begin() as tx:
        for mark in claimed(tx, "1", "2", "3"):
            waits_for = "intent:7" if mark.id != "3" else "intent:77"
            tx.marks.rest(mark, 1, PARKED, cause="waiting", waits_for=waits_for, due_at=NOW)
        tx.marks.release(1)
        assert tx.marks.wake(["intent:7", "crm:contacts:5"], LATER) == 2
        assert tx.marks.wake(["intent:7"], LATER) == 0
        assert [(only(tx, i).state, only(tx, i).waits_for, only(tx, i).generation) for i in "123"] == [
            (DUE, None, 2), (DUE, None, 2), (PARKED, "intent:77", 1),
        ]  # fmt: skip
        assert only(tx).due_at == LATER


@pytest.mark.parametrize(
    ("state", "wake"),
    [
        (PARKED, lambda tx: tx.marks.add("m", LEFT, ["1"], LATER)),
        (PLANNED, lambda tx: tx.marks.add("m", LEFT, ["1"], LATER)),
        (PARKED, lambda tx: tx.marks.retry("m", LATER)),
        (PLANNED, lambda tx: tx.marks.retry("m", LATER, state=PLANNED, reread=False)),
        (PARKED, lambda tx: tx.marks.wake(["intent:7"], LATER)),
        (HELD, lambda tx: tx.plans.permit("m", LATER)),
        (COMING, lambda tx: tx.coming.release("m", LATER)),
    ],
    ids=["marked", "marked, planned", "tried", "live", "waited", "allowed", "come"],
)
def test_what_is_due_after_a_rest_begins_anew(store: Store, state: str, wake: Callable[[Tx], None]) -> None:
    """Whatever wakes it: it is due since then, and has not failed yet."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, state, waits_for="intent:7", attempts=4, due_at=NOW)
        tx.marks.release(1)
        wake(tx)
        found = only(tx)
        assert (found.state, found.due_at, found.first_at, found.attempts) == (DUE, LATER, LATER, 0)


@pytest.mark.parametrize("state", [DUE, HELD])
def test_a_new_cause_leaves_the_age_of_what_is_due_or_held(store: Store, state: str) -> None:
    """What was due already is due since then; what is held goes on being held."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, state)
        tx.marks.add("m", LEFT, ["1"], LATER)
        assert only(tx).first_at == NOW


def test_what_was_weighed_is_due_as_before(store: Store) -> None:
    """Weighing is no rest: the failures so far count on."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, WEIGHED, attempts=4)
        assert tx.plans.unweigh("m", NOW) == 1
        found = only(tx)
        assert (found.state, found.due_at, found.first_at, found.attempts) == (DUE, NOW, NOW, 4)


@pytest.mark.parametrize(
    ("how", "freed"),
    [
        ({}, "1234"),
        ({"causes": ["unmapped"]}, "12"),
        ({"ids": ["1", "3"]}, "13"),
        ({"ids": ["1", "3"], "causes": ["unmapped", "drift"]}, "1"),
    ],
)
def test_retry_chooses_by_id_and_cause(store: Store, how: dict[str, Any], freed: str) -> None:
    """A retry takes parked marks of the ids and causes named, any where none is; they are read by id again."""
    causes = {"1": "unmapped", "2": "unmapped", "3": "refused", "4": "question"}
    with store.begin() as tx:
        for mark in claimed(tx, *causes, "5"):
            state = HELD if mark.id == "5" else PARKED
            tx.marks.rest(mark, 1, state, cause=causes.get(mark.id), waits_for="x", attempts=9, due_at=LATER)
        tx.marks.release(1)
        assert tx.marks.retry("other", NOW, **how) == 0
        assert tx.marks.retry("m", NOW, **how) == len(freed)
        due = [only(tx, i) for i in "12345" if only(tx, i).state == DUE]
        assert "".join(mark.id for mark in due) == freed
        assert {(m.due_at, m.attempts, m.waits_for, m.reread, m.generation) for m in due} == {(NOW, 0, None, True, 2)}


def test_retry_of_all_maps_without_reading(store: Store) -> None:
    """No map named: marks of every map; without `reread` they are planned from what is known."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1"], NOW)
        tx.marks.add("other", LEFT, ["1"], NOW)
        for key in ("m", "other"):
            ((mark,),) = [unit.marks for unit in tx.marks.claim(key, NOW, LATER, 1, limit=5)]
            tx.marks.rest(mark, 1, PLANNED)
        assert tx.marks.retry(None, NOW, state=PLANNED, reread=False) == 2
        assert only(tx).reread is False


def test_permit_makes_the_plan_the_permission(store: Store) -> None:
    """Allowing what is held makes it due with its plan as permission, which stays through a new cause."""
    plan = {"writes": [{"field": "name", "after": "Zoë"}]}
    with store.begin() as tx:
        for mark in claimed(tx, "1", "2"):
            tx.marks.rest(mark, 1, HELD if mark.id == "1" else PARKED)
            tx.marks.keep_plans([(mark, plan)])
        tx.marks.release(1)
        assert tx.plans.permit("other", NOW) == 0
        assert tx.plans.permit("m", LATER) == 1
        assert (only(tx).state, only(tx).due_at, only(tx).generation) == (DUE, LATER, 2)
        assert only(tx).permit == {"writes": ({"field": "name", "after": "Zoë"},)}
        assert (only(tx, "2").state, only(tx, "2").permit) == (PARKED, None)
        tx.marks.add("m", LEFT, ["1", "3"], LATER)
        assert only(tx).permit is not None
        assert tx.marks.due_count("m", LATER) == 1
        assert tx.marks.any_due("m", LATER)


def test_counts_tell_states_and_the_oldest(store: Store) -> None:
    """Per map and state: how many, whether due now, and since when the oldest waits; and when the next is due."""
    with store.begin() as tx:
        assert tx.marks.next_due(["m", "other"]) is None
        tx.marks.add("m", LEFT, ["1"], NOW - SECOND)
        tx.marks.add("m", LEFT, ["2"], NOW)
        tx.marks.add("m", LEFT, ["3"], LATER)
        tx.marks.add("other", LEFT, ["1"], NOW)
        ((mark,),) = [unit.marks for unit in tx.marks.claim("other", NOW, LATER, 1, limit=1)]
        tx.marks.rest(mark, 1, PARKED, due_at=NOW - timedelta(days=1))
        assert sorted(tx.marks.counts(NOW)) == [
            ("m", DUE, False, 1, LATER), ("m", DUE, True, 2, NOW - SECOND), ("other", PARKED, False, 1, NOW),
        ]  # fmt: skip
        assert tx.marks.next_due(["m", "other"]) == NOW - SECOND


def test_what_is_coming_becomes_due_at_once(store: Store) -> None:
    """Nobody claims it before; a mark that is there stays what it is; a new cause makes it due by itself."""
    states = {"1": COMING, "2": COMING, "due": DUE, "held": HELD, "weighed": WEIGHED}
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["due", "held", "weighed"], NOW)
        for unit in claim(tx):
            tx.marks.rest(unit.marks[0], 1, unit.marks[0].id)
        tx.coming.add("m", LEFT, states, NOW, lane=2)
        assert {id_: only(tx, id_).state for id_ in states} == states
        tx.marks.release(1)
        assert ids(claim(tx, 2)) == [[("left", "due")]]
        tx.marks.add("m", LEFT, ["2"], NOW)
        assert only(tx, "2").state == DUE
        assert tx.coming.release("m", NOW + SECOND) == 1
        assert (only(tx).state, only(tx).due_at) == (DUE, NOW + SECOND)


def test_what_is_parked_stays_so_until_what_is_coming_is_let_go(store: Store) -> None:
    """With its reason and what it waits for, as if nothing came; then it is due with all others, and decided anew."""
    with store.begin() as tx:
        (mark,) = claimed(tx, "1")
        tx.marks.rest(mark, 1, PARKED, cause="waiting", reason="because", waits_for="intent:7")
        tx.marks.release(1)
        tx.coming.add("m", LEFT, ["1", "2"], NOW, lane=2, anew={"1": ["city"]})
        found = only(tx)
        assert (found.state, found.cause, found.reason, found.waits_for) == (PARKED, "waiting", "because", "intent:7")
        assert tx.coming.release("m", LATER) == 2
        assert (only(tx).state, only(tx).due_at, only(tx).anew) == (DUE, LATER, ("city",))


def claimed_one(tx: Tx, id_: str) -> Mark:
    """One of the due marks, claimed with all others."""
    units = claim(tx)
    return next(unit.marks[0] for unit in units if unit.marks[0].id == id_)


def test_what_is_to_be_decided_anew_stays_with_its_mark(store: Store) -> None:
    """A later cause that says nothing of it leaves it; a later list replaces it; it rests and wakes with the mark."""
    with store.begin() as tx:
        tx.marks.add("m", LEFT, ["1", "2"], NOW, anew={"1": ["city", "name"]})
        assert (only(tx).anew, only(tx, "2").anew) == (("city", "name"), None)
        tx.marks.add("m", LEFT, ["1"], NOW)
        assert only(tx).anew == ("city", "name")
        tx.marks.rest(claimed_one(tx, "1"), 1, PARKED)
        tx.marks.retry("m", NOW)
        assert only(tx).anew == ("city", "name")
        tx.marks.add("m", LEFT, ["1"], NOW, anew={"1": ["tag"]})
        assert only(tx).anew == ("tag",)


def test_maps_with_something_to_do_are_told_in_one_look(store: Store) -> None:
    """Due now and nobody's, in whatever lane; what is due later, leased or parked makes no map one of them."""
    with store.begin() as tx:
        for lane, key in enumerate(("a", "c", "e")):
            tx.marks.add(key, LEFT, ["1", "2"], NOW, lane=lane)
            tx.marks.add(f"{key} later", LEFT, ["1"], LATER, lane=lane)
        tx.marks.add("m", LEFT, ["1"], NOW)
        (unit,) = claim(tx)
        assert tx.marks.maps_due(NOW) == {"a", "c", "e"}
        assert tx.marks.maps_due(NOW - SECOND) == set()
        assert tx.marks.maps_due(LATER) == {"a", "a later", "c", "c later", "e", "e later"}
        assert tx.marks.maps_due(LATER + SECOND) == {*tx.marks.maps_due(LATER), "m"}
        tx.marks.rest(unit.marks[0], 1, WEIGHED)
        assert "m" not in tx.marks.maps_due(LATER + SECOND)
        assert (tx.plans.maps(WEIGHED), tx.plans.maps(PLANNED)) == ({"m"}, set())
