"""A record that a person pauses: nothing is written to it or made of it until it is resumed, and nothing is lost.

What is not here: everything at once (`test_machine`), the verbs (`tests/cli`), the page (`tests/console`).
"""

from __future__ import annotations

from functools import partial

import pytest

from syncd.core.model import Ref
from syncd.engine.answers import skip
from syncd.engine.by_hand import pause, resume
from syncd.engine.explain import explain
from syncd.engine.intake import hint
from syncd.service.states import Watched, states
from tests.engine.doings import edit, judge, make, merge, rest, run
from tests.engine.matchmaking import left as of_crm
from tests.engine.matchmaking import right as of_con
from tests.engine.stage import Busy, Cue
from tests.engine.test_by_hand import told
from tests.engine.test_leaving import BURIES, parked, partners, writes
from tests.engine.test_rules import linked, must, rows, town_of
from tests.engine.test_undo import hear
from tests.engine.town import Town
from tests.engine.vendor import Row


def _sides(left: Row, right: Row) -> dict[str, tuple[str, Row, Ref]]:
    return {"crm": ("crm", left, of_crm(left)), "con": ("con", right, of_con(right))}


@pytest.mark.parametrize("paused", ["crm", "con"])
def test_nothing_crosses_until_it_is_resumed(paused: str) -> None:
    """Whichever of the two is paused: edits of both sides wait; then each crosses, and both are equal."""
    with town_of() as town:
        left, right = linked(town, note="old")
        pause(town.world, _sides(left, right)[paused][2])
        before = writes(town)
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        edit(town, "con", "contacts", right.id, {"phone": "7"})
        rest(town)
        must(writes(town) == before, "a paused record was written to")
        assert (left.fields["phone"], right.fields["note"]) == ("1", "old")
        (reason,) = parked(town, "paused")
        assert reason.endswith("goes on with it")
        resume(town.world, _sides(left, right)[paused][2])
        judge(town)
        assert (left.fields["phone"], right.fields["note"]) == ("7", "new")
        assert parked(town, "paused") == []


def test_what_both_changed_meanwhile_is_decided_by_the_map() -> None:
    """The bases stay: an edit of one side is an edit, and one of both is a conflict as ever. Nobody's value is lost."""
    with town_of() as town:
        left, right = linked(town, city="waco")
        pause(town.world, of_crm(left))
        edit(town, "crm", "contacts", left.id, {"city": "austin"})
        edit(town, "con", "contacts", right.id, {"city": "dallas"})
        rest(town)
        with town.store.read() as tx:
            assert tx.conflicts.list(states=["open", "overruled"]) == []
        resume(town.world, of_crm(left))
        judge(town)


def test_of_a_new_one_none_is_made() -> None:
    """A lead that is paused before it crosses is not handed over; it is when it is resumed, once."""
    with town_of() as town:
        judge(town)
        lead = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
        assert lead is not None
        hear(town)
        pause(town.world, of_crm(lead))
        edit(town, "crm", "contacts", lead.id, {"name": "Anna"})
        rest(town)
        must(rows(town, "con", "contacts") == [], "a paused lead was handed over")
        resume(town.world, of_crm(lead))
        judge(town)
        assert [row.fields["name"] for row in rows(town, "con", "contacts")] == ["Anna"]


def test_its_twin_is_deleted_and_it_stays() -> None:
    """Nothing is concluded while it is paused; after that the map's policy is carried out."""
    with town_of(left=BURIES, right=BURIES) as town:
        left, right = linked(town)
        pause(town.world, of_con(right))
        town.vendors["crm"].delete("contacts", left.id)
        rest(town)
        assert partners(town) == {(left.id, right.id)}
        assert parked(town, "gone") == []
        resume(town.world, of_con(right))
        rest(town)
        assert partners(town) == set()
        assert len(parked(town, "gone")) == 1


def _pause(town: Town, one: Row, seen: list[tuple[int, bool]], _busy: Busy) -> bool:
    """In the middle of a run; noted is how much was written before, and whether a write was under way."""
    pause(town.another(), of_crm(one))
    with town.store.read() as tx:
        seen.append((writes(town), bool(tx.journal.open_of("pair/contacts", [one.id]))))
    return True


@pytest.mark.parametrize("new", [False, True])
def test_paused_in_the_middle_of_a_run_nothing_is_begun(new: bool) -> None:
    """At whichever step: what was not under way is not written. A write that was is finished, and settled."""
    stopped = 0
    for points in range(1, 14):
        with town_of() as town:
            if new:
                judge(town)
                one = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
                assert one is not None
            else:
                one, _twin = linked(town, note="old")
                edit(town, "crm", "contacts", one.id, {"note": "new"})
            hear(town)
            seen: list[tuple[int, bool]] = []

            town.stage.cues.append(Cue(points, partial(_pause, town, one, seen), outside=True))
            run(town)
            if not seen:
                continue
            before, under_way = seen[0]
            must(under_way or writes(town) == before, "a write was begun after the pause")
            stopped += not under_way and before == writes(town)
            resume(town.world, of_crm(one))
            judge(town)
    assert stopped > 2


def test_what_it_was_merged_into_rests_with_it() -> None:
    """No second twin is made for the survivor, and the link goes on with it when it is resumed."""
    with town_of(left=BURIES) as town:
        left, right = linked(town)
        other = make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Ann"})
        assert other is not None
        pause(town.world, of_crm(left))
        merge(town, "crm", "contacts", left.id, other.id)
        rest(town)
        must(len(rows(town, "con", "contacts")) == 1, "the survivor was handed over anew")
        assert parked(town, "paused") != []
        resume(town.world, of_crm(other))
        judge(town)
        assert partners(town) == {(other.id, right.id)}
        assert parked(town, "paused") == []


def test_nobody_is_alerted_and_it_cannot_be_skipped_or_taken_up_by_a_retry() -> None:
    """It is what a person wished; a retry has it look, and rest as before. A hint asks no vendor."""
    with town_of() as town:
        left, right = linked(town)
        pause(town.world, of_crm(left))
        rest(town)
        assert "is paused." in told(skip, town.world, of_crm(left))
        calls = sum(len(vendor.calls) for vendor in town.vendors.values())
        with town.store.begin() as tx:
            assert tx.marks.retry(None, town.stage.now) > 0
        hint(town.world, [of_con(right)])
        run(town)
        assert sum(len(vendor.calls) for vendor in town.vendors.values()) == calls
        assert len(parked(town, "paused")) == 1
        with town.store.read() as tx:
            assert states(tx, town.stage.now, Watched((), (), tuple(town.world.maps), {})) == []
        assert explain(town.world, of_crm(left), history=False)["paused"] is not None
        assert explain(town.world, of_con(right), history=False)["paused"] is None


def test_a_person_is_told_what_does_not_fit() -> None:
    """Paused twice, resumed twice, never seen, of a kind that no map reads."""
    with town_of() as town:
        left, _right = linked(town)
        assert "it is not paused." in told(resume, town.world, of_crm(left))
        pause(town.world, of_crm(left))
        assert "it is paused already." in told(pause, town.world, of_crm(left))
        assert "syncd has never seen crm:contacts:c99" in told(pause, town.world, Ref("crm", "contacts", "c99"))
        assert "no map reads this kind" in told(pause, town.world, Ref("crm", "boats", "c1"))
