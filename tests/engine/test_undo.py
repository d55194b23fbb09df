"""Undo: what a run wrote is taken back where it still stands, and nobody's edit with it.

Not here: the verb (`tests/cli`), and the laws of `laws`: an undo leaves two sides different because a person said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from syncd.core.model import Ref, Value
from syncd.engine import run as engine_run
from syncd.engine.answers import release
from syncd.engine.by_hand import relink, unlink
from syncd.engine.run import RunReport
from syncd.engine.undo import order, told
from syncd.engine.world import Guard
from syncd.errors import ConfigError
from tests.conftest import LONG
from tests.engine.doings import FEEDS, edit, edit_soon, make, read_feed, rest
from tests.engine.doings import run as go
from tests.engine.test_leaving import partners
from tests.engine.test_rules import linked, must, rows, town_of, with_mode
from tests.engine.town import Town
from tests.engine.vendor import Row, Vendor

Fields = Mapping[tuple[str, str], Mapping[str, Value]]


def hear(town: Town) -> None:
    """The feeds bring what is new."""
    town.stage.now += timedelta(seconds=60)
    for feed in FEEDS:
        read_feed(town, *feed)


def last_run(town: Town) -> int:
    """The run that ended last."""
    with town.store.read() as tx:
        return tx.runs.last(limit=1)[0].id


def hand_over(town: Town) -> tuple[Row, Row, int]:
    """Two linked contacts; one run carries an edit of the first across, and makes a twin for a new third."""
    left, right = linked(town, note="old")
    hear(town)
    edit(town, "crm", "contacts", left.id, {"name": "Anna", "note": "new"})
    make(town, "crm", "contacts", {"email": "bea@x.example", "name": "Bea"})
    hear(town)
    before = last_run(town)
    town.work()
    assert (right.fields["name"], right.fields["note"], len(rows(town, "con", "contacts"))) == ("Anna", "new", 2)
    assert last_run(town) == before + 1
    return left, right, before + 1


def everything(town: Town) -> Fields:
    """Every record of both vendors."""
    return {
        (name, row.id): dict(row.fields)
        for name, vendor in town.vendors.items() for kind in vendor.rows.values() for row in kind.values()
    }  # fmt: skip


def test_a_world_that_nobody_touches_is_as_it_was() -> None:
    """Fields of linked records hold again what they held, the twin that was made is gone, and so it stays."""
    with town_of() as town:
        left, right, run = hand_over(town)
        assert order(town.world, run) == ("pair", 2)
        rest(town)
        assert (right.fields["name"], right.fields["note"]) == ("Ann", "old")
        assert (left.fields["name"], left.fields["note"]) == ("Anna", "new")
        assert [row.id for row in rows(town, "con", "contacts")] == [right.id]
        assert partners(town) == {(left.id, right.id)}
        after = everything(town)
        rest(town)
        assert everything(town) == after
        assert told(town.world, run, range(run + 1, last_run(town) + 1)) == {
            "run": run, "fields": 2, "archived": 1, "others": 0, "kept": [], "waiting": 0,
        }  # fmt: skip


def test_what_is_edited_afterwards_flows_as_ever() -> None:
    """Undone is not unlinked: the next edit of the source crosses."""
    with town_of() as town:
        left, right, run = hand_over(town)
        order(town.world, run)
        rest(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anne"})
        rest(town)
        assert right.fields["name"] == "Anne"


def test_what_else_was_due_is_told_apart() -> None:
    """An edit that waited goes along with the undo, as one other record."""
    with town_of() as town:
        left, right, run = hand_over(town)
        edit(town, "crm", "contacts", left.id, {"phone": "77"})
        hear(town)
        order(town.world, run, name="note")
        rest(town)
        assert (right.fields["note"], right.fields["phone"]) == ("old", "77")
        found = told(town.world, run, range(run + 1, last_run(town) + 1))
        assert (found["fields"], found["others"]) == (1, 1)


def test_what_somebody_changed_since_is_left_and_listed() -> None:
    """A person's value on the written side stays, and so does a record that was made and edited since."""
    with town_of() as town:
        _left, right, run = hand_over(town)
        (made,) = [row for row in rows(town, "con", "contacts") if row.fields["email"] == "bea@x.example"]
        edit(town, "con", "contacts", right.id, {"note": "mine"})
        edit(town, "con", "contacts", made.id, {"phone": "77"})
        order(town.world, run)
        rest(town)
        assert (right.fields["name"], right.fields["note"], made.fields["phone"]) == ("Ann", "mine", "77")
        found = told(town.world, run, range(run + 1, last_run(town) + 1))
        assert (found["fields"], found["archived"], found["waiting"]) == (1, 0, 0)
        undone = f"run {run} is undone"
        assert {(row["rule"], row["reason"]) for row in found["kept"]} == {
            ("note", f"{undone}, but somebody changed this since"),
            ("*", f"{undone}, but con:contacts:{made.id}, which it made, stays: somebody changed phone since"),
        }


def test_an_edit_while_it_is_undone_is_not_lost() -> None:
    """Wherever in the undoing a person types, the value stays, crosses or is listed; the rest is undone."""
    for points in range(1, 25, 1 if LONG else 2):
        with town_of() as town:
            left, right, run = hand_over(town)
            order(town.world, run)
            edit_soon(town, points, "con", "contacts", right.id, {"note": "mine"})
            edit_soon(town, points + 1, "crm", "contacts", left.id, {"phone": "55"})
            town.work()
            rest(town)
            must(right.fields["note"] == "mine", "a person's value was undone")
            must(right.fields["phone"] == "55", "an edit of the other side was forgotten")


def test_a_kill_while_it_is_undone_only_delays_it() -> None:
    """Killed at any step, the next run goes on; all is undone once."""
    for points in range(1, 40, 2 if LONG else 3):
        with town_of() as town:
            _left, right, run = hand_over(town)
            order(town.world, run)
            town.stage.crash_in(points)
            go(town)
            rest(town)
            must(right.fields["name"] == "Ann", "a field was not given back")
            must(len(rows(town, "con", "contacts")) == 1, "what was made stands")


def test_undo_meets_the_guard() -> None:
    """More archives than the guard allows wait for a person; nothing of the run is written before."""
    with town_of() as town:
        _left, right, run = hand_over(town)
        world = with_mode(town.world, "live", Guard(deletes=0))
        town.world = world
        order(world, run)
        town.work()
        assert (right.fields["name"], len(rows(town, "con", "contacts"))) == ("Anna", 2)
        assert release(world, world.pairs, approve=True) == 2
        rest(town)
        assert (right.fields["name"], len(rows(town, "con", "contacts"))) == ("Ann", 1)


def test_of_a_link_that_goes_nothing_is_written_while_its_archive_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run made, and what it brought back from there, is one thing to the guard, and one thing to allow."""
    create = Vendor.create

    def numbered(vendor: Vendor, kind: str, fields: Mapping[str, Value], by: str) -> Row:
        return create(vendor, kind, {**fields, "total": 7} if kind == "jobs" else fields, by)

    monkeypatch.setattr(Vendor, "create", numbered)
    with town_of() as town:
        hear(town)
        deal = make(town, "crm", "deals", {"title": "Roof", "stage": "won"})
        hear(town)
        town.work()
        assert deal is not None and deal.fields["amount"] == 7
        town.world = with_mode(town.world, "live", Guard(deletes=0))
        order(town.world, last_run(town))
        town.work()
        assert (deal.fields["amount"], len(rows(town, "con", "jobs"))) == (7, 1)
        assert release(town.world, [town.pair], approve=True) == 1
        rest(town)
        assert (deal.fields["amount"], len(rows(town, "con", "jobs"))) == (None, 0)


def test_an_order_that_goes_beyond_what_was_allowed_is_held_once() -> None:
    """One field was allowed, and all is ordered by then: it waits for a person again, and no run goes in a ring."""
    with town_of() as town:
        _left, right, run = hand_over(town)
        town.world = with_mode(town.world, "live", Guard(updates=0))
        order(town.world, run, name="note")
        town.work()
        order(town.world, run)
        release(town.world, [town.pair], approve=True)
        for _ in range(4):
            town.work()
        before = last_run(town)
        town.work()
        assert last_run(town) == before
        assert (right.fields["note"], right.fields["name"]) == ("new", "Anna")
        release(town.world, [town.pair], approve=True)
        rest(town)
        assert (right.fields["note"], right.fields["name"]) == ("old", "Ann")


def test_who_parts_two_records_ends_what_was_ordered_of_them() -> None:
    """An unlinked pair is not undone, is not counted as waiting, and is not undone when it is linked again."""
    with town_of() as town:
        left, right, run = hand_over(town)
        order(town.world, run)
        unlink(town.world, Ref("crm", "contacts", left.id))
        with town.store.read() as tx:
            assert tx.conflicts.ordered(town.maps[0].key) == 1  # of the twin that was made
        rest(town)
        relink(town.world, Ref("crm", "contacts", left.id))
        rest(town)
        assert (left.fields["name"], right.fields["name"]) == ("Anna", "Anna")


@pytest.mark.parametrize("newest_first", [True, False])
def test_two_runs_that_wrote_to_one_link_are_undone_one_after_the_other(newest_first: bool) -> None:
    """In whatever order they were given, and without a further cause; nobody else's change is suspected."""
    with town_of() as town:
        left, right = linked(town)
        runs = []
        for fields in ({"name": "Bea"}, {"name": "Cleo", "note": "new"}):
            edit(town, "crm", "contacts", left.id, fields)
            hear(town)
            town.work()
            runs.append(last_run(town))
        for run in sorted(runs, reverse=newest_first):
            order(town.world, run)
        rest(town)
        assert (right.fields["name"], right.fields["note"]) == ("Ann", None)
        for run in runs:
            found = told(town.world, run, range(runs[-1] + 1, last_run(town) + 1))
            assert (found["kept"], found["waiting"]) == ([], 0)


def test_one_field_is_undone_alone() -> None:
    """With a field named, the other fields and what was made stay."""
    with town_of() as town:
        _left, right, run = hand_over(town)
        assert order(town.world, run, name="note")[1] == 1
        rest(town)
        assert (right.fields["name"], right.fields["note"], len(rows(town, "con", "contacts"))) == ("Anna", "old", 2)


def test_what_was_archived_and_comes_back_is_linked_again() -> None:
    """A person restores the twin in the vendor's recycling bin: the two are one thing again, and edits cross."""
    with town_of() as town:
        _left, _right, run = hand_over(town)
        (made,) = [row for row in rows(town, "con", "contacts") if row.fields["email"] == "bea@x.example"]
        (lead,) = [row for row in rows(town, "crm", "contacts") if row.fields["email"] == "bea@x.example"]
        order(town.world, run)
        rest(town)
        edit(town, "crm", "contacts", lead.id, {"phone": "9"})
        rest(town)
        assert made.id not in {row.id for row in rows(town, "con", "contacts")}
        town.vendors["con"].restore("contacts", made.id)
        rest(town)
        assert (lead.id, made.id) in partners(town)
        (back,) = [row for row in rows(town, "con", "contacts") if row.id == made.id]
        assert back.fields["phone"] == "9"


def test_a_killed_run_can_be_undone() -> None:
    """A run that was killed has ended as soon as another begins, and what it wrote is taken back."""
    with town_of() as town:
        left, right = linked(town, note="old")
        hear(town)
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        hear(town)
        report = RunReport("pair")
        assert engine_run._begin(town.world, town.pair, report)
        engine_run._pass(town.world, town.pair, report, rests=None)
        assert (right.fields["note"], report.run) == ("new", last_run(town))
        town.stage.now += town.world.pace.lease * 2
        edit(town, "crm", "contacts", left.id, {"phone": "7"})
        rest(town)
        with town.store.read() as tx:
            assert (killed := tx.runs.get(report.run or 0)) is not None
            assert killed.state == "killed"
        order(town.world, report.run or 0)
        rest(town)
        assert right.fields["note"] == "old"


def note_undone(town: Town) -> tuple[Row, int]:
    """The record across, whose note an undo gave back, and the run that did it."""
    _left, right, run = hand_over(town)
    order(town.world, run, name="note")
    town.work()
    return right, last_run(town)


def test_an_undo_can_be_undone() -> None:
    """What an undo wrote is a run like any other."""
    with town_of() as town:
        right, again = note_undone(town)
        assert right.fields["note"] == "old"
        order(town.world, again)
        rest(town)
        assert right.fields["note"] == "new"


def kept(town: Town) -> set[tuple[str, Value, Value]]:
    """What is listed as different and staying so."""
    with town.store.read() as tx:
        return {(row.rule, row.left, row.right) for row in tx.conflicts.list(states=["kept"])}


def test_what_an_undone_undo_leaves_equal_is_not_listed_as_kept() -> None:
    """The difference that an undo leaves is listed; when that is undone too both are equal, and nothing is."""
    with town_of() as town:
        _right, again = note_undone(town)
        assert kept(town) == {("note", "new", "old")}
        order(town.world, again)
        rest(town)
        assert kept(town) == set()


def test_what_an_undo_kept_is_closed_when_both_sides_agree_again() -> None:
    """The next edit of the source crosses: there is no difference any more that somebody could look for."""
    with town_of() as town:
        left, right, run = hand_over(town)
        order(town.world, run)
        rest(town)
        assert kept(town) == {("name", "Anna", "Ann"), ("note", "new", "old")}
        edit(town, "crm", "contacts", left.id, {"name": "Anne"})
        edit(town, "con", "contacts", right.id, {"note": "new"})
        rest(town)
        assert kept(town) == set()
        with town.store.read() as tx:
            assert {row.rule for row in tx.conflicts.list(states=["agreed"])} == {"name", "note"}


def test_what_somebody_changed_to_what_the_other_side_says_is_not_kept() -> None:
    """Both were given a third value since: the undo leaves it alone, and there is no difference to be listed."""
    with town_of() as town:
        left, right, run = hand_over(town)
        edit(town, "crm", "contacts", left.id, {"note": "third"})
        rest(town)
        assert right.fields["note"] == "third"
        order(town.world, run, name="note")
        rest(town)
        assert (left.fields["note"], right.fields["note"], kept(town)) == ("third", "third", set())


def test_what_is_no_run_is_a_sentence() -> None:
    """A run that was never there, or has not ended, is refused by name."""
    with town_of() as town:
        rest(town)
        with pytest.raises(ConfigError, match="run 4711: there is no such run"):
            order(town.world, 4711)
        with town.store.begin() as tx:
            run = tx.runs.start("pair", "live", "", town.stage.now)
        with pytest.raises(ConfigError, match=f"run {run}: it has not ended yet"):
            order(town.world, run)
