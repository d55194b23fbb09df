"""A paused record among all else that can happen to it: merges, conversions, links, holds, discards, conflicts, undo.

What is not here: the pause itself (`test_standstill`), and everything at once (`test_machine`).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.model import Side
from syncd.engine.answers import release, take
from syncd.engine.by_hand import pause, relink, resume, unlink
from syncd.engine.undo import order
from syncd.engine.world import Guard
from syncd.store.marks import HELD, PARKED, PLANNED
from tests.engine.doings import audit, edit, judge, make, merge, rest
from tests.engine.matchmaking import left as of_crm
from tests.engine.matchmaking import right as of_con
from tests.engine.test_by_hand import told
from tests.engine.test_leaving import BURIES, parked, partners, writes
from tests.engine.test_rules import linked, must, rows, town_of, with_mode
from tests.engine.test_succession import converted, towns
from tests.engine.test_succession import linked as lead_linked
from tests.engine.test_undo import hand_over, hear
from tests.engine.town import Town
from tests.engine.vendor import Row

STRICT = Guard(creates=0, updates=0, percent=0)


def _states(town: Town, row: Row) -> set[tuple[str, str | None]]:
    """How the marks of a contact of the left rest."""
    with town.store.read() as tx:
        marks = tx.marks.get("pair/contacts", Side.LEFT, [row.id])
    return {(mark.state, mark.cause) for mark in marks.values()}


@pytest.mark.parametrize("when", ["new", "linked", "afterwards"])
def test_resumed_by_its_former_name_what_it_was_merged_into_goes_on(when: str) -> None:
    """Whether it was new, linked itself, or paused when it was merged already: nothing rests for good."""
    with town_of(left=BURIES) as town:
        left, right = linked(town, note="old")
        tag = {"tag": "cold"} if when == "new" else {}
        other = make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob", **tag})
        assert other is not None
        rest(town)
        if when != "afterwards":
            pause(town.world, of_crm(other))
            rest(town)
        merge(town, "crm", "contacts", other.id, left.id)
        rest(town)
        if when == "afterwards":
            pause(town.world, of_crm(other))
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        rest(town)
        assert parked(town, "paused") != [] and right.fields["note"] == "old"
        resume(town.world, of_crm(other))
        rest(town)
        assert parked(town, "paused") == []


def test_what_it_became_rests_with_it() -> None:
    """A lead is paused and then converted: the person that it became is not carried across until it is resumed."""
    with towns() as town:
        ours, lead = lead_linked(town)
        pause(town.world, of_con(lead))
        rest(town)
        before = writes(town)
        person = converted(town, lead)
        rest(town)
        must(writes(town) == before, "what a paused lead became was carried across")
        resume(town.world, of_con(lead))
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        edit(town, "con", "people", person.id, {"name": "Ann Roof"})
        rest(town)
        assert ours.fields["name"] == "Ann Roof"
        assert parked(town, "paused") == []


def test_nobody_is_linked_with_it() -> None:
    """Somebody new is alike: the two are linked when it is resumed, and not before; nor is it planned."""
    with town_of() as town:
        judge(town)
        one = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "tag": "cold", "note": "a"})
        assert one is not None
        hear(town)
        pause(town.world, of_crm(one))
        rest(town)
        make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann", "city": "waco"})
        live = town.world
        for mode in ("plan", "live"):
            town.world = with_mode(live, mode)
            rest(town)
            assert partners(town) == set()
            with town.store.read() as tx:
                assert tx.marks.resting(PLANNED) == []
        resume(town.world, of_crm(one))
        judge(town)
        assert one.fields["city"] == "waco"


def test_what_was_discarded_is_not_taken_up_by_a_pause() -> None:
    """It rests until somebody changes it, paused or not."""
    with town_of() as town:
        left, right = linked(town, note="old")
        live = town.world
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        town.world = with_mode(live, "live", STRICT)
        rest(town)
        release(town.world, town.world.pairs, approve=False)
        town.world = live
        rest(town)
        for do in (pause, resume):
            do(town.world, of_crm(left))
            rest(town)
            must(right.fields["note"] == "old", "what a person discarded was written")
        edit(town, "crm", "contacts", left.id, {"note": "newer"})
        rest(town)
        assert right.fields["note"] == "newer"


@pytest.mark.parametrize("side", ["crm", "con"])
def test_what_was_held_stays_held(side: str) -> None:
    """Whichever of the two is paused, nothing is written without the permission that was asked for."""
    with town_of() as town:
        left, right = linked(town, note="old")
        live = town.world
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        town.world = with_mode(live, "live", STRICT)
        rest(town)
        ref = of_crm(left) if side == "crm" else of_con(right)
        for do in (pause, resume):
            do(town.world, ref)
            rest(town)
            must(right.fields["note"] == "old", "what was held was written")
            assert HELD in {state for state, _ in _states(town, left)}
        pause(town.world, ref)
        release(town.world, town.world.pairs, approve=True)
        rest(town)
        assert right.fields["note"] == "old"
        resume(town.world, ref)
        rest(town)
        assert HELD in {state for state, _ in _states(town, left)}  # what was allowed is asked for again
        release(town.world, town.world.pairs, approve=True)
        rest(town)
        assert right.fields["note"] == "new"


def test_a_conflict_that_moved_meanwhile_says_why_it_cannot_be_taken() -> None:
    """Nobody lists it anew while it is paused; after that it is asked about as it is."""
    with town_of() as town:
        left, right = linked(town, note="old")
        for side, row, note in (("crm", left, "1"), ("con", right, "2")):
            edit(town, side, "contacts", row.id, {"note": note})
        rest(town)
        with town.store.read() as tx:
            (asked,) = tx.conflicts.list(states=["open"])
        pause(town.world, of_con(right))
        edit(town, "crm", "contacts", left.id, {"note": "3"})
        rest(town)
        assert f"the values moved, and {of_con(right)} is paused." in told(take, town.world, asked.id, "left")
        resume(town.world, of_con(right))
        rest(town)
        take(town.world, asked.id, "left")
        judge(town)
        assert right.fields["note"] == "3"


def test_an_undo_waits_for_it() -> None:
    """It is carried out when it is resumed."""
    with town_of() as town:
        left, right, run = hand_over(town)
        pause(town.world, of_con(right))
        assert order(town.world, run, ref=of_crm(left)) == ("pair", 1)
        rest(town)
        assert right.fields["note"] == "new"
        resume(town.world, of_con(right))
        rest(town)
        assert (right.fields["name"], right.fields["note"]) == ("Ann", "old")
        assert len(rows(town, "con", "contacts")) == 2  # the run made another, which is not this one's


def test_the_audit_knows_it() -> None:
    """What differs is parked, and what nobody compares is no alarm, night after night."""
    with town_of() as town:
        left, right = linked(town, note="old")
        pause(town.world, of_crm(left))
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        rest(town)
        left.fields["serial"] = "silent"  # the feed does not tell
        town.stage.now += timedelta(days=1)
        rest(town)
        for _ in range(2):
            assert {str(one.reason) for one in audit(town, heal=True)} == {"parked"}
            rest(town)
        assert right.fields["note"] == "old"


def test_parted_and_linked_again_while_paused() -> None:
    """Neither asks it; what people did crosses when it is resumed."""
    with town_of() as town:
        left, right = linked(town, note="old")
        pause(town.world, of_crm(left))
        edit(town, "con", "contacts", right.id, {"phone": "5"})
        rest(town)
        unlink(town.world, of_crm(left), "pair/contacts")
        rest(town)
        relink(town.world, of_crm(left))
        before = writes(town)
        rest(town)
        assert writes(town) == before
        resume(town.world, of_crm(left))
        judge(town)
        with town.store.read() as tx:
            assert [mark for mark in tx.marks.resting(PARKED) if mark.cause == "paused"] == []


def test_a_deal_waits_for_a_paused_contact() -> None:
    """The parent is not pulled across; resumed, it is, and the deal after it."""
    with town_of() as town:
        judge(town)
        contact = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "tag": "cold"})
        assert contact is not None
        hear(town)
        pause(town.world, of_crm(contact))
        make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": contact.id})
        rest(town)
        assert rows(town, "con", "contacts") == rows(town, "con", "jobs") == []
        resume(town.world, of_crm(contact))
        judge(town)
        assert (len(rows(town, "con", "contacts")), len(rows(town, "con", "jobs"))) == (1, 1)
