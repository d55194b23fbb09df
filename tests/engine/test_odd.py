"""A record that a vendor cannot tell of in a way that is understood: it is parked alone, with the sentence.

Not here: what counts as such (`tests/kit/test_careful.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from syncd.core.model import Action, Gone, Operation, Outcome, Record, Side, Value
from syncd.engine.absorb import absorb
from syncd.engine.auditing import begin_slice, bite, verify
from syncd.engine.item import DRIFT, UNTOLD
from syncd.engine.lookout import look
from syncd.engine.worker import Worker
from syncd.errors import Refused
from syncd.store.marks import PARKED
from tests.engine.doings import cycle, edit, hinted, judge, make, read_feed, rest, run
from tests.engine.test_rules import linked, rows, town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Row, Traits


def test_one_record_that_cannot_be_read_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a batch of six one is refused: it is parked with the sentence, five go on; mended and edited, so does it."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        people = [make(town, "crm", "contacts", {"email": f"p{n}@x.example", "name": "A"}) for n in range(6)]
        judge(town)
        odd = rows(town, "con", "contacts")[2]
        with monkeypatch.context() as patch:
            _refuse(patch, odd.id)
            ids = [one.id for one in people if one is not None]
            for id_ in ids:
                edit(town, "crm", "contacts", id_, {"name": "B"})
            with town.store.begin() as tx:
                tx.marks.add(town.maps[0].key, Side.LEFT, ids, town.stage.now, reread=True)
            town.stage.now += timedelta(seconds=60)
            for _ in range(8):
                run(town)
            with town.store.read() as tx:
                (mark,) = tx.marks.resting(PARKED)
            assert (mark.cause, mark.reason) == ("refused", "con answered in a shape that cannot be understood")
            assert sorted(row.fields["name"] for row in rows(town, "con", "contacts")) == ["A"] + ["B"] * 5
        edit(town, "con", "contacts", odd.id, {"phone": "7"})
        rest(town)
        judge(town)
        assert odd.fields["name"] == "B"


def test_an_edit_whose_field_one_answer_left_out_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The snapshot has the new version by then, so the feed alone would not bring the value before the next edit."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right = linked(town, note="old")
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        town.stage.now += timedelta(seconds=60)
        with monkeypatch.context() as patch:
            _leave_out(patch, "note")
            read_feed(town, "crm", "contacts")
        rest(town)
        assert right.fields["note"] == "new"


def test_an_edit_whose_field_a_read_by_id_left_out_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it has it in hand: it must not be done with while the value is unknown."""
    with town_of() as town:

        def read(left: Row) -> None:
            hinted(town, "crm", "contacts", left.id)
            run(town)

        right = _edited_unseen(town, monkeypatch, read)
        rest(town)
        assert right.fields["note"] == "new"


def test_an_audit_heals_what_no_read_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field was left out whenever it was asked for, until the feed had gone on: the night finds it."""
    with town_of() as town:
        right = _edited_unseen(town, monkeypatch, lambda _: rest(town))
        rest(town)
        assert right.fields["note"] == "old"
        m = town.world.maps[town.maps[0].key]
        begin_slice(town.world, m, "1", 1)
        pages = list(iter(lambda: bite(town.world, m), None))
        assert [one.reason for page in pages for one in page.differences] == ["missed"]
        rest(town)
        assert right.fields["note"] == "new"


def test_a_write_is_not_settled_by_a_read_that_does_not_tell_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was put on the way is neither there nor not there: it is looked at again, and nobody is asked meanwhile."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        town.vendors["con"].faults.append(("write", "unapplied"))
        town.stage.now += timedelta(seconds=60)
        cycle(town, wait=0)
        town.stage.now += timedelta(minutes=10)
        with monkeypatch.context() as patch:
            _leave_out(patch, "note")
            Worker(town.world, town.maps[0]).step()
            Worker(town.world, town.maps[0]).step()
        with town.store.read() as tx:
            assert tx.conflicts.list(states=["open"]) == []
        judge(town)
        assert right.fields["note"] == "new"


def test_a_record_is_not_made_without_what_only_its_creation_carries(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field of `direction: create` does not come: the record waits, parked with the reason, and then has it."""
    with town_of() as town:
        judge(town)
        with monkeypatch.context() as patch:
            _leave_out(patch, "serial")
            left = make(town, "crm", "contacts", {"email": "p@x.example", "name": "P"})
            assert left is not None
            rest(town)
            with town.store.read() as tx:
                (mark,) = tx.marks.resting(PARKED)
            assert mark.reason == (
                "serial is not known: the field was asked for twice and did not come; "
                "it was deleted, or is hidden from syncd's user"
            )
        edit(town, "crm", "contacts", left.id, {"name": "Q"})
        judge(town)
        assert [row.fields["serial"] for row in rows(town, "con", "contacts")] == [left.fields["serial"]]


def test_a_look_at_many_passes_over_one_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The feed goes on, hour after hour, and the audit compares all others."""
    with town_of() as town:
        for n in range(10):
            make(town, "crm", "contacts", {"email": f"p{n}@x.example", "name": "A"})
        judge(town)
        first = rows(town, "crm", "contacts")[0]
        _refuse(monkeypatch, rows(town, "con", "contacts")[2].id)
        for hour in range(3):
            town.stage.now += timedelta(hours=1)
            look(town.world, "con", "contacts")
            edit(town, "crm", "contacts", first.id, {"name": f"B{hour}"})
            rest(town)
            assert {row.fields["name"] for row in rows(town, "con", "contacts")} == {"A", f"B{hour}"}
        m = town.world.maps[town.maps[0].key]
        begin_slice(town.world, m, "1", 1)
        pages = list(iter(lambda: bite(town.world, m), None))
        assert sum(page.compared["name"] for page in pages) == 9
        assert sum(page.compared["name"] for page in verify(town.world, m, heal=False)) == 9


def test_a_write_whose_answer_leaves_it_out_is_no_edit_of_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sent is base, what stands there is unknown until it was read; the old value flows nowhere."""
    with town_of() as town:
        left, right = linked(town)
        plain = MemoryConnector._answered

        def silent(self: MemoryConnector, kind: str, op: Operation, outcome: Outcome, sent: datetime) -> Outcome:
            told = plain(self, kind, op, outcome, sent)
            if told.record is None or self.vendor.name != "con" or op.action is not Action.UPDATE:
                return told
            fields = {name: value for name, value in told.record.fields.items() if name != "name"}
            return replace(told, record=replace(told.record, fields=fields))

        monkeypatch.setattr(MemoryConnector, "_answered", silent)
        for fields in ({"name": "Anna"}, {"phone": "7"}):
            edit(town, "crm", "contacts", left.id, fields)
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "crm", "contacts")
            run(town)
        judge(town)
        assert left.fields["name"] == right.fields["name"] == "Anna"
        with town.store.read() as tx:
            (snapshot,) = tx.snapshots.get("con", "contacts", [right.id]).values()
        assert snapshot.record.fields["name"] == "Anna"


def test_a_deletion_is_proved_beside_a_record_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the records that are asked for beside a missing one makes no sense: the others are proof enough."""
    with town_of() as town:
        for number in range(4):
            make(town, "crm", "contacts", {"email": f"p{number}@x.example", "name": "A"})
        judge(town)
        odd, gone = rows(town, "con", "contacts")[1:3]
        _refuse(monkeypatch, odd.id)
        town.vendors["con"].delete("contacts", gone.id)
        hinted(town, "con", "contacts", gone.id)
        rest(town)
        with town.store.read() as tx:
            assert {mark.cause for mark in tx.marks.resting(PARKED)} == {"gone"}


def _edited_unseen(town: Town, monkeypatch: pytest.MonkeyPatch, read: Callable[[Row], None]) -> Row:
    """A linked record's note becomes `new`, and is left out while it is read; no feed tells it later. Its twin."""
    left, right = linked(town, note="old")
    with monkeypatch.context() as patch:
        _leave_out(patch, "note")
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        read(left)
    monkeypatch.setattr(MemoryConnector, "changes", lambda *_args, **_more: iter(()))
    return right


def _leave_out(patch: pytest.MonkeyPatch, field: str) -> None:
    """No answer tells this field of any record."""
    told = MemoryConnector._record

    def record(self: MemoryConnector, kind: str, *more: Any, **named: Any) -> Record:
        whole = told(self, kind, *more, **named)
        return replace(whole, fields={name: value for name, value in whole.fields.items() if name != field})

    patch.setattr(MemoryConnector, "_record", record)


def _refuse(patch: pytest.MonkeyPatch, odd: str) -> None:
    """One record of the right system makes no sense, and with it every answer that it is in."""
    plain = MemoryConnector.read

    def read(
        self: MemoryConnector, kind: str, ids: Sequence[str], fields: Sequence[str]
    ) -> Mapping[str, Record | Gone]:
        if self.vendor.name == "con" and odd in ids:
            raise Refused("con answered in a shape that cannot be understood")
        return plain(self, kind, ids, fields)

    patch.setattr(MemoryConnector, "read", read)


def test_an_answer_to_our_write_that_is_older_than_what_was_held_undoes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is not believed, so what was held is looked at again: taken for an edit, the old value would go back."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right = linked(town, note="old")
        answered = MemoryConnector._answered

        def long_ago(self: MemoryConnector, kind: str, op: Operation, outcome: Outcome, sent: datetime) -> Outcome:
            told = answered(self, kind, op, outcome, sent)
            assert told.record is not None
            return replace(told, record=replace(told.record, modified_at=datetime(1969, 12, 31, tzinfo=sent.tzinfo)))

        edit(town, "crm", "contacts", left.id, {"note": "new"})
        with monkeypatch.context() as patch:
            patch.setattr(MemoryConnector, "_answered", long_ago)
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "crm", "contacts")
            run(town)
            edit(town, "crm", "contacts", left.id, {"name": "Anna"})
            town.stage.now += timedelta(seconds=60)
            read_feed(town, "crm", "contacts")
            run(town)
        judge(town)
        told = [c.after for c in town.vendors["crm"].history if (c.id, c.field) == (left.id, "note")]
        assert (told[-2:], right.fields["note"]) == (["old", "new"], "new")


def test_a_row_of_a_lagging_list_that_tells_no_time_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may show what stood before our write: the record is read by id."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right = linked(town, note="old")
        stale = replace(_record(town, right), stale_ok=True, modified_at=None, version="odd")
        edit(town, "crm", "contacts", left.id, {"note": "new"})
        rest(town)
        with town.store.begin() as tx:
            absorb(tx, town.world, [stale], asked=tuple(stale.fields))
        judge(town)
        assert right.fields["note"] == left.fields["note"] == "new"


def test_a_condition_over_a_field_that_did_not_come_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it the record looks as if nobody wanted a twin of it, and no feed would bring it again."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        with monkeypatch.context() as patch:
            _seen_without_tag(town, patch)
        rest(town)
        assert _twins(town) == ["Bob"]


def test_a_condition_over_a_field_that_never_comes_parks_its_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for again and left out again, it stands on the list; when somebody tries it again, it goes on."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        with monkeypatch.context() as patch:
            _seen_without_tag(town, patch)
            for _ in range(3):
                run(town)
            assert _twins(town) == []
            with town.store.read() as tx:
                parked = [mark for mark in tx.marks.resting(PARKED) if "tag" in (mark.reason or "")]
            assert parked
            assert all(mark.cause in (DRIFT, UNTOLD) for mark in parked)
        with town.store.begin() as tx:
            tx.marks.retry(None, town.stage.now, state=PARKED)
        rest(town)
        assert _twins(town) == ["Bob"]


def _seen_without_tag(town: Town, patch: pytest.MonkeyPatch) -> None:
    """A new contact that a condition wants a twin of; but no answer tells the field that the condition looks at."""
    linked(town)
    make(town, "crm", "contacts", {"email": "bob@x.example", "name": "Bob", "tag": "vip"})
    town.stage.now += timedelta(seconds=60)
    _leave_out(patch, "tag")
    read_feed(town, "crm", "contacts")


def _twins(town: Town) -> list[Value]:
    return [row.fields["name"] for row in rows(town, "con", "people")]


def _record(town: Town, row: Row) -> Record:
    with town.store.read() as tx:
        return tx.snapshots.get("con", "contacts", [row.id])[row.id].record
