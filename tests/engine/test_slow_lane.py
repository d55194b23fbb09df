"""A turn that nobody's edit brought about stays one: what its own reads and answers leave out makes no edit of it.

What is not here: what goes into the slow lane (`test_applying`, `test_audit`, `test_lookout`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from syncd.core.model import Operation, Outcome, Record, Side
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.item import SLOW_LANE
from syncd.engine.worker import Worker
from tests.engine.doings import judge, rest, run
from tests.engine.test_rules import linked, town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Row

LANES = pytest.mark.parametrize(("lane", "quiet"), [(SLOW_LANE, True), (LEAD_LANE, False)], ids=["slow", "lead"])


@LANES
def test_a_field_that_a_read_left_out_is_written_as_the_turn_would_have(
    lane: int, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for again in the lane of the turn that missed it, and written without automations in the slow one."""
    with town_of() as town:
        left, right = linked(town, note="old")
        judge(town)
        written = _noted(monkeypatch)
        left.fields["note"] = "new"
        _mark(town, left, lane)
        with monkeypatch.context() as patch:
            _leave_out(patch, "crm", "note")
            Worker(town.world, town.maps[0]).step()
        assert (written, _lanes(town, left, right)) == ([], {lane})
        rest(town)
        assert (right.fields["note"], written) == ("new", [quiet])


@LANES
def test_a_write_whose_answer_left_it_out_is_looked_at_as_it_was_written(
    lane: int, quiet: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is found beside it then is written as the rest of that turn was: the written side's mark is in its lane."""
    with town_of() as town:
        left, right = linked(town, note="old", phone="1")
        judge(town)
        written = _noted(monkeypatch)
        left.fields["note"] = "new"
        _mark(town, left, lane)
        with monkeypatch.context() as patch:
            _answer_without(patch, "note")
            Worker(town.world, town.maps[0]).step()
        assert (written, _lanes(town, left, right)) == ([quiet], {lane})
        left.fields["phone"] = "2"
        run(town)
        assert (right.fields["phone"], written) == ("2", [quiet, quiet])


def _mark(town: Town, left: Row, lane: int) -> None:
    """It is to be looked at by id."""
    with town.store.begin() as tx:
        tx.marks.add(town.maps[0].key, Side.LEFT, [left.id], town.stage.now, lane=lane, reread=True)


def _lanes(town: Town, left: Row, right: Row) -> set[int]:
    """The lanes of the marks of both."""
    with town.store.read() as tx:
        of = {
            side: tx.marks.get(town.maps[0].key, side, [row.id]) for side, row in zip(Side, (left, right), strict=True)
        }
    return {mark.lane for marks in of.values() for mark in marks.values()}


def _noted(patch: pytest.MonkeyPatch) -> list[bool]:
    """Whether what is written from now on is written without automations, one after the other."""
    write, quiet = MemoryConnector.write, list[bool]()

    def noted(self: MemoryConnector, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        quiet.extend(op.quiet for op in operations if kind == "contacts")
        return write(self, kind, operations)

    patch.setattr(MemoryConnector, "write", noted)
    return quiet


def _leave_out(patch: pytest.MonkeyPatch, vendor: str, field: str) -> None:
    """No answer of a vendor tells this field."""
    told = MemoryConnector._record

    def record(self: MemoryConnector, kind: str, *more: Any, **named: Any) -> Record:
        whole = told(self, kind, *more, **named)
        return _without(whole, field) if self.vendor.name == vendor else whole

    patch.setattr(MemoryConnector, "_record", record)


def _answer_without(patch: pytest.MonkeyPatch, field: str) -> None:
    """No write is answered with this field."""
    plain = MemoryConnector._answered

    def answered(self: MemoryConnector, *args: Any) -> Outcome:
        outcome = plain(self, *args)
        return replace(outcome, record=_without(outcome.record, field)) if outcome.record is not None else outcome

    patch.setattr(MemoryConnector, "_answered", answered)


def _without(record: Record, field: str) -> Record:
    return replace(record, fields={name: value for name, value in record.fields.items() if name != field})
