"""What a batch settles together: each record as if it were alone, whatever is answered beside it.

What is not here: one write and its answer (`test_rules`), and answers that are lost (`test_settling`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Action, Operation, Outcome, Side
from syncd.engine import confirm, writing
from syncd.engine.worker import Worker
from syncd.engine.writing import Writer
from syncd.errors import Transient
from tests.engine.doings import edit, judge, make, read_feed, rest
from tests.engine.test_rules import town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Traits

PEOPLE = ("ann", "bob", "carl")


def several_linked(town: Town) -> dict[str, str]:
    """Three people of the left are made on the right; their ids there, by those on the left."""
    rows = [make(town, "crm", "contacts", {"email": f"{name}@x.example", "name": name}) for name in PEOPLE]
    assert None not in rows
    rest(town)
    with town.store.read() as tx:
        links = {link.left_id: link.right_id for link in tx.links.all(town.maps[0].key)}
    assert len(links) == len(PEOPLE)
    return links


def change_all(town: Town, links: dict[str, str]) -> None:
    """Somebody gives each of them a phone on the left, and the feed tells of it."""
    for number, left in enumerate(links):
        edit(town, "crm", "contacts", left, {"phone": str(number)})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")


def test_an_answer_that_tells_of_another_record_marks_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that a merge leads to another record of the same batch changes that: it is looked at again."""
    with town_of(right=Traits(batch=10)) as town:
        links = several_linked(town)
        change_all(town, links)
        first, second, _ = links.values()
        inner = MemoryConnector.write

        def led(self: Any, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
            for outcomes in inner(self, kind, operations):
                records = {o.record.ref.id: o.record for o in outcomes if o.record is not None}
                survivor = replace(records[second], ref=records[first].ref, version="after both")
                yield [
                    replace(o, record=survivor) if o.record is not None and o.record.ref.id == second else o
                    for o in outcomes
                ]

        monkeypatch.setattr(MemoryConnector, "write", led)
        Worker(town.world, town.maps[0]).step()
        with town.store.read() as tx:
            assert set(tx.marks.get(town.maps[0].key, Side.RIGHT, links.values())) == {first}


def test_who_breaks_the_end_of_a_batch_is_parked_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of syncd itself over one record: the others of its batch come to rest, and it is parked as a bug."""
    with town_of(right=Traits(batch=10)) as town:
        links = several_linked(town)
        change_all(town, links)
        bad = next(iter(links))
        inner = confirm._come_to_rest

        def broken(world: Any, tx: Any, item: Any) -> Any:
            if item.mark.id == bad:
                raise ZeroDivisionError
            return inner(world, tx, item)

        with monkeypatch.context() as patch:
            patch.setattr(confirm, "_come_to_rest", broken)
            Worker(town.world, town.maps[0]).step()
        with town.store.read() as tx:
            marks = tx.marks.get(town.maps[0].key, Side.LEFT, links)
        assert {id_: mark.cause for id_, mark in marks.items()} == {bad: "bug"}
        with town.store.begin() as tx:
            tx.marks.retry(town.maps[0].key, town.stage.now)
        judge(town)


def test_what_lost_its_answer_together_is_looked_at_together() -> None:
    """A batch whose answer was lost: one look at all its records settles each of its writes."""
    with town_of(right=Traits(batch=10)) as town:
        change_all(town, several_linked(town))
        vendor = town.vendors["con"]
        vendor.faults.append(("write", "lost"))
        Worker(town.world, town.maps[0]).step()
        vendor.calls.clear()
        town.stage.now += timedelta(seconds=60)
        Worker(town.world, town.maps[0]).step()
        assert vendor.calls == [("read", "contacts", len(PEOPLE))]
        with town.store.read() as tx:
            assert {one.outcome for one in tx.journal.recent(limit=len(PEOPLE))} == {"landed"}
        judge(town)


def test_creations_that_lost_their_answer_together_are_looked_for_together() -> None:
    """One question about all keys: who was made is adopted at once; the others are made when they can land no more."""
    with town_of(right=Traits(batch=10)) as town:
        rest(town)
        for name in PEOPLE:
            make(town, "crm", "contacts", {"email": f"{name}@x.example", "name": name})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        vendor = town.vendors["con"]
        vendor.faults.append(("write", "lost"))
        Worker(town.world, town.maps[0]).step()
        for id_ in list(vendor.rows["contacts"])[1:]:  # as if these had not landed
            del vendor.rows["contacts"][id_]
        assert _outcomes(town, vendor, seconds=30) == (3, ["None", "None", "landed"])
        assert len(vendor.rows["contacts"]) == 1
        assert _outcomes(town, vendor, seconds=600) == (2, ["landed", "not landed", "not landed"])
        judge(town)
        assert len(vendor.rows["contacts"]) == len(PEOPLE)


def _outcomes(town: Town, vendor: Any, seconds: float) -> tuple[int, list[str]]:
    """How many keys the first question asked for after so many seconds, and what became of the first creations."""
    vendor.calls.clear()
    town.stage.now += timedelta(seconds=seconds)
    Worker(town.world, town.maps[0]).step()
    asked = next(keys for verb, _, keys in vendor.calls if verb == "find")
    with town.store.read() as tx:
        return asked, sorted(str(one.outcome) for one in tx.journal.recent(limit=100)[-len(PEOPLE) :])


@pytest.mark.parametrize(("within", "sizes"), [(60.0, [2, 1]), (0.0, [1, 1, 1])])
def test_answers_that_come_singly_and_fast_are_settled_together(
    monkeypatch: pytest.MonkeyPatch, within: float, sizes: list[int]
) -> None:
    """A vendor that answers each write by itself: so many at once, and none waits long for the next."""
    settled: list[int] = []
    confirmed = Writer._confirm

    def counted(self: Writer, side: Side, answered: Sequence[Any]) -> None:
        settled.append(len(answered))
        confirmed(self, side, answered)

    monkeypatch.setattr(writing, "TOGETHER", 2)
    monkeypatch.setattr(writing, "WITHIN", within)
    with town_of(right=Traits(batch=1)) as town:
        change_all(town, several_linked(town))
        monkeypatch.setattr(Writer, "_confirm", counted)
        Worker(town.world, town.maps[0]).step()
        assert settled == sizes
        judge(town)


@pytest.mark.parametrize("trouble", [Transient("down"), ZeroDivisionError()])
def test_what_was_answered_before_trouble_is_settled_before_it(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """One was written and answered, and then the vendor fails or its connector does: that one is done with."""
    with town_of(right=Traits(batch=1)) as town:
        links = several_linked(town)
        change_all(town, links)
        inner = MemoryConnector.write

        def failing(self: Any, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
            yield from inner(self, kind, operations[:1])
            raise trouble

        with monkeypatch.context() as patch:
            patch.setattr(MemoryConnector, "write", failing)
            with pytest.raises(Transient) if isinstance(trouble, Transient) else nullcontext():
                Worker(town.world, town.maps[0]).step()
        with town.store.read() as tx:
            outcomes = [intent.outcome for intent in tx.journal.recent() if intent.action is Action.UPDATE]
        others = "unsent" if isinstance(trouble, Transient) else None
        assert sorted(map(str, outcomes)) == sorted(map(str, ["written", others, others]))
        judge(town)


def test_a_batch_is_of_one_side() -> None:
    """New people on both sides: those of one are made across together, and then those of the other."""
    with town_of(left=Traits(batch=10), right=Traits(batch=10)) as town:
        rest(town)
        for name in PEOPLE:
            make(town, "crm", "contacts", {"email": f"{name}@left.example", "name": name})
            make(town, "con", "contacts", {"email": f"{name}@right.example", "name": name})
        town.stage.now += timedelta(seconds=60)
        for system in ("crm", "con"):
            read_feed(town, system, "contacts")
        worker = Worker(town.world, town.maps[0])
        assert [worker.step() for _ in range(2)] == [len(PEOPLE)] * 2
        judge(town)
