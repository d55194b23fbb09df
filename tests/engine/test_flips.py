"""The brake on fields that flip: who writes against syncd is named, and nothing else is stopped. Rule 20."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.engine.answers import take
from syncd.errors import Refused
from syncd.store.conflicts import Conflict
from tests.engine.doings import cycle, edit, judge, rest
from tests.engine.test_rules import linked, must, town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Row, Traits


def written(town: Town, row: Row, name: str) -> int:
    """How often we wrote a field of a record of the right side."""
    history = town.vendors["con"].history
    return sum(1 for one in history if (one.id, one.field, one.by) == (row.id, name, "sync"))


def fight(town: Town, left: Row, right: Row, rounds: int, value: str = "robot") -> None:
    """A program on the right sets a field back whenever we wrote it."""
    for _ in range(rounds):
        if right.fields["tag"] != value:
            edit(town, "con", "contacts", right.id, {"tag": value})
        cycle(town)


def open_ones(town: Town) -> list[Conflict]:
    """The conflicts that wait for a person."""
    with town.store.read() as tx:
        return tx.conflicts.list(states=["open"])


def test_a_field_that_flips_is_frozen_and_its_writer_named() -> None:
    """Six equal writes, each changed back: the seventh is not sent; the conflict says who and how often."""
    with town_of(drift="restore") as town:
        left, right = linked(town, tag="ours")
        before = written(town, right, "tag")
        fight(town, left, right, 40)
        must(written(town, right, "tag") - before == town.world.pace.flips + 1, "the fight goes on")
        (asked,) = open_ones(town)
        assert (asked.rule, asked.left, asked.right) == ("tag", "ours", "robot")
        assert asked.reason.startswith(f"frozen: tag of con:contacts:{right.id} was written more than 5 times ")
        assert asked.reason.endswith(", by person")


def test_all_else_goes_on() -> None:
    """Other fields of the record, and the same field of another record, are carried as ever."""
    with town_of(drift="restore") as town:
        left, right = linked(town, tag="ours")
        fight(town, left, right, 30)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        judge(town)
        assert right.fields["name"] == "Anna"
        assert right.fields["tag"] == "robot"


def test_a_person_ends_it() -> None:
    """The side that a person takes is written once more, and the conflict is closed."""
    with town_of(drift="restore") as town:
        left, right = linked(town, tag="ours")
        fight(town, left, right, 30)
        (asked,) = open_ones(town)
        take(town.world, asked.id, "left")
        rest(town)
        assert (right.fields["tag"], open_ones(town)) == ("ours", [])


def test_writes_that_the_vendor_put_off_are_no_flips() -> None:
    """Asked to wait ten times within the hour, one edit is carried at last."""
    with town_of() as town:
        left, right = linked(town)
        town.vendors["con"].faults += [("write", "later")] * 10
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        for _ in range(12):
            cycle(town)
        rest(town)
        assert (right.fields["note"], open_ones(town)) == ("new", [])


def test_edits_of_people_are_no_flips() -> None:
    """Ten different values, and one value four times within the hour, are carried each time."""
    with town_of() as town:
        left, right = linked(town)
        for value in [*(f"v{n}" for n in range(10)), *("a", "b") * 4]:
            edit(town, "crm", "contacts", left.id, {"note": value})
            rest(town)
            must(right.fields["note"] == value, "an edit was not carried")
        assert open_ones(town) == []


def test_slow_changes_are_no_flips() -> None:
    """The same value once in two hours is nobody's fight."""
    with town_of(drift="restore") as town:
        left, right = linked(town, tag="ours")
        for _ in range(12):
            fight(town, left, right, 2)
            town.stage.now += timedelta(hours=2)
        assert open_ones(town) == []


def test_a_vendor_without_history_names_nobody() -> None:
    """Where the vendor does not tell who wrote, the conflict says only what is known."""
    with town_of(drift="restore", right=Traits(history=False)) as town:
        left, right = linked(town, tag="ours")
        fight(town, left, right, 30)
        (asked,) = open_ones(town)
        assert asked.reason.endswith("changed back each time")


def test_a_history_that_is_refused_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The field is frozen all the same, and everything else of the record goes on."""

    def refuse(*_: object) -> None:
        raise Refused("no history of this field")

    monkeypatch.setattr(MemoryConnector, "history", refuse)
    with town_of(drift="restore") as town:
        left, right = linked(town, tag="ours")
        fight(town, left, right, 30)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        judge(town)
        assert (right.fields["name"], right.fields["tag"]) == ("Anna", "robot")
        (asked,) = open_ones(town)
        assert asked.reason.endswith("changed back each time")
