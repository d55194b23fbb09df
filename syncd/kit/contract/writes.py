"""What writing promises: one outcome per operation, nothing over a person's edit, nothing created twice.

What is not here: what to write; the engine decides that.
"""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from syncd.core.model import Action, Operation, Outcome, Result
from syncd.errors import AuthError
from syncd.kit.contract.bench import Bench, Contract, must, same

_LOST = (
    {"fault": "lost"},
    {"fault": "lost", "status": 504},
    {"fault": "reset"},
    {"fault": "500"},
    {"fault": "502"},
    {"fault": "html"},
    {"fault": "truncate"},
    {"fault": "timeout", "apply": True, "delay": 3.0},
)
"""Ways in which the answer to a create is lost: in some it was carried out, in others not; nobody can tell."""


_AFTERWARDS = ("reset", "503", "403", "401")
"""Faults of what is asked for after a write has landed."""


class WriteContract(Contract):
    """Tests of `Connector.write`."""

    def test_each_operation_has_its_outcome_and_is_written_once(self, bench: Bench, kind: str) -> None:
        """A hundred and some creates: each WRITTEN with its record and the values asked for, each once in the store."""
        operations = [bench.create(kind, n) for n in range(110)]
        outcomes = bench.write(kind, operations)
        same({one.result for one in outcomes.values()}, {Result.WRITTEN}, "results")
        rows, ids = bench.rows(kind), set()
        for n, operation in enumerate(operations):
            record = outcomes[operation.id].record
            must(record is not None, "WRITTEN comes with the record")
            if record is not None:
                ids.add(record.ref.id)
                must(record.ref.id in rows, f"{record.ref} is not in the store")
                for name, value in self.sample_fields(kind, n).items():
                    same(record.fields.get(name, "<unknown>"), value, f"{kind}.{name} as answered")
        same(len(ids), len(operations), "different records")

    def test_an_update_touches_its_own_fields_only(self, bench: Bench, kind: str) -> None:
        """The other fields stay as they are, and only names the vendor knows are sent."""
        rid = bench.person_creates(kind, 1)
        before = self.stored(bench.rows(kind)[rid])
        name, old = next(iter(self.edit(kind, 1).items()))
        expect = {name: self.sample_fields(kind, 1)[name]}
        operation = bench.update(kind, rid, 5, expect)
        mark = bench.remote.mark()
        outcome = bench.write(kind, [operation])[operation.id]
        same(outcome.result, Result.WRITTEN, f"result ({outcome.error}, expecting {old!r})")
        must(bench.holds(kind, rid, operation.fields), "the store has the new value")
        after = self.stored(bench.rows(kind)[rid])
        for other in self.sample_fields(kind, 1):
            if other != name and other in before:
                same(after.get(other), before.get(other), f"{kind}.{other}, which was not written")
        sent = {one for request in bench.remote.writes(mark) for one in self.fields_sent(request["body"])}
        must(sent <= {name, *self.also_sent}, f"unknown or unasked fields were sent: {sent - {name, *self.also_sent}}")

    def test_a_create_sends_no_other_field(self, bench: Bench, kind: str) -> None:
        """What is sent are the operation's fields, the sync key and what the vendor requires."""
        mark = bench.remote.mark()
        bench.write(kind, [bench.create(kind, 1)])
        sent = {one for request in bench.remote.writes(mark) for one in self.fields_sent(request["body"])}
        allowed = {*self.sample_fields(kind, 1), *self.also_sent}
        must(sent <= allowed, f"sent beside what was asked: {sent - allowed}")

    def test_a_persons_edit_is_not_overwritten(self, bench: Bench, kind: str) -> None:
        """What is there is not what was expected: STALE with what is there now, and no write is sent for it."""
        moved, still = bench.person_creates(kind, 1), bench.person_creates(kind, 2)
        name, typed = bench.person_edits(kind, moved, 50)
        mine = bench.update(kind, moved, 51, {name: self.sample_fields(kind, 1)[name]})
        other = bench.update(kind, still, 52, {name: self.sample_fields(kind, 2)[name]})
        outcomes = bench.write(kind, [mine, other])
        same(outcomes[mine.id].result, Result.STALE, "the record that moved")
        same(outcomes[other.id].result, Result.WRITTEN, "its neighbor")
        record = outcomes[mine.id].record
        same(record.fields.get(name) if record else None, typed, "STALE comes with what is there now")
        must(bench.holds(kind, moved, {name: typed}), "the person's value must stand")

    def test_who_typed_what_is_wanted_was_not_us(self, bench: Bench, kind: str) -> None:
        """A person changed the field to what is to be written: STALE, for the other side may have changed, too."""
        rid = bench.person_creates(kind, 1)
        name, typed = bench.person_edits(kind, rid, 50)
        operation = bench.update(kind, rid, 50, {name: self.sample_fields(kind, 1)[name]})
        same(operation.fields, {name: typed}, "what is wanted")
        mark = bench.remote.mark()
        same(bench.write(kind, [operation])[operation.id].result, Result.STALE, "result")
        same(bench.remote.writes(mark), [], "writes")

    def test_a_stale_record_alone_costs_no_write(self, bench: Bench, kind: str) -> None:
        """With nothing else to write, not one write request is sent."""
        rid = bench.person_creates(kind, 1)
        name, _ = bench.person_edits(kind, rid, 50)
        operation = bench.update(kind, rid, 51, {name: self.sample_fields(kind, 1)[name]})
        mark = bench.remote.mark()
        same(bench.write(kind, [operation])[operation.id].result, Result.STALE, "result")
        same(bench.remote.writes(mark), [], "writes")

    def test_a_refused_record_stops_no_other(self, bench: Bench, kind: str) -> None:
        """One bad value is REFUSED in the vendor's words; the other records of the batch are written."""
        bad = Operation(id="bad", action=Action.CREATE, fields=self.refused(kind, 90))
        outcomes = bench.write(kind, [bench.create(kind, 1), bad, bench.create(kind, 2)])
        same(outcomes["bad"].result, Result.REFUSED, "the bad one")
        must(outcomes["bad"].error, "REFUSED comes with the vendor's sentence")
        others = {outcomes["create-1"].result, outcomes["create-2"].result}
        same(others, {Result.WRITTEN}, "the good ones")

    def test_a_duplicate_is_told_as_one(self, bench: Bench, kind: str) -> None:
        """Where the vendor keeps a field unique, the second of its kind is REFUSED as a duplicate; else it is made."""
        unique = bool(bench.connector.capabilities.unique.get(kind))
        bench.person_creates(kind, 1)
        before = len(bench.rows(kind))
        outcome = bench.write(kind, [bench.create(kind, 1)])["create-1"]
        wanted = (Result.REFUSED, True) if unique else (Result.WRITTEN, False)
        same((outcome.result, outcome.duplicate), wanted, f"the second one ({outcome.error})")
        same(len(bench.rows(kind)) - before, 0 if unique else 1, "records made")

    @pytest.mark.parametrize("fault", _LOST, ids=lambda rule: "-".join(str(value) for value in rule.values()))
    def test_a_create_with_a_lost_answer_is_never_sent_again(
        self, bench: Bench, kind: str, fault: dict[str, Any]
    ) -> None:
        """AMBIGUOUS, and one request: the engine looks before anything else is done."""
        bench.connector.describe(kind)
        before = len(bench.rows(kind))
        bench.remote.faults({**fault, "writes_only": True, "times": 1})
        mark = bench.remote.mark()
        outcome = bench.write(kind, [bench.create(kind, 1)])["create-1"]
        same(outcome.result, Result.AMBIGUOUS, f"result ({outcome.error})")
        same(len(bench.remote.writes(mark)), 1, "requests that could have created it")
        must(len(bench.rows(kind)) - before <= 1, "it was made twice")

    def test_an_update_with_a_lost_answer_is_not_lost(self, bench: Bench, kind: str) -> None:
        """WRITTEN if the connector could make sure, else AMBIGUOUS; the value stands either way."""
        rid = bench.person_creates(kind, 1)
        name = next(iter(self.edit(kind, 1)))
        operation = bench.update(kind, rid, 7, {name: self.sample_fields(kind, 1)[name]})
        bench.remote.faults({"fault": "lost", "writes_only": True, "times": 1})
        outcome = bench.write(kind, [operation])[operation.id]
        must(outcome.result in (Result.WRITTEN, Result.AMBIGUOUS), f"{outcome.result} ({outcome.error})")
        must(bench.holds(kind, rid, operation.fields), "the update was carried out")

    @pytest.mark.parametrize("fault", _AFTERWARDS)
    def test_a_create_that_landed_is_never_told_as_not_made(self, bench: Bench, kind: str, fault: str) -> None:
        """It was answered, and all that is asked for afterwards fails: WRITTEN with what is known, or AMBIGUOUS."""
        before = len(bench.rows(kind))
        with bench.hasty() as hasty:
            hasty.connector.read(kind, [], bench.names(kind))
            _landed(hasty, kind, bench.create(kind, 1), fault)
        same(len(bench.rows(kind)) - before, 1, "records made")

    @pytest.mark.parametrize("fault", _AFTERWARDS)
    def test_an_update_that_landed_is_never_told_as_not_made(self, bench: Bench, kind: str, fault: str) -> None:
        """As a create; and a WRITTEN tells every written field, for silence means "as it was" of a known record."""
        rid, edit = bench.person_creates(kind, 1), self.terse_edit(kind, 3)
        plain = bench.update(kind, rid, 3, {name: self.sample_fields(kind, 1)[name] for name in edit})
        with bench.hasty() as hasty:
            hasty.connector.read(kind, [rid], bench.names(kind))
            outcome = _landed(hasty, kind, replace(plain, fields=edit), fault)
        must(bench.holds(kind, rid, edit), "the update was carried out")
        if outcome.result is Result.WRITTEN:
            told = outcome.record.fields if outcome.record else {}
            same({name: told.get(name, "<unknown>") for name in edit}, edit, "what WRITTEN tells")

    def test_the_vendors_wish_to_wait_is_obeyed(self, bench: Bench, kind: str) -> None:
        """After 429 with Retry-After nothing is sent until then; then the record is written, once."""
        bench.connector.describe(kind)
        bench.remote.faults({"fault": "429-retry-after", "writes_only": True, "times": 1, "retry_after": 1})
        mark = bench.remote.mark()
        outcome = _until_written(bench, kind, bench.create(kind, 1))
        same(outcome, Result.WRITTEN, "result")
        requests = bench.remote.requests(mark)
        refused = next(n for n, one in enumerate(requests) if one["status"] == 429)
        waited = _at(requests[refused + 1]) - _at(requests[refused])
        must(waited >= 0.95, f"asked again after {waited:.2f} s")
        same(len([one for one in bench.remote.writes(mark) if one["answered"]]), 1, "writes carried out")

    def test_a_429_without_a_wish_is_waited_out(self, bench: Bench) -> None:
        """A 429 without Retry-After only delays the write, by that vendor's own rule. One kind: it is slow."""
        kind = self.kinds[0]
        bench.connector.describe(kind)
        bench.remote.faults({"fault": "429", "writes_only": True, "times": 1})
        same(_until_written(bench, kind, bench.create(kind, 1)), Result.WRITTEN, "result")

    def test_a_vendor_that_stays_busy_leaves_it_for_later(self, bench: Bench, kind: str) -> None:
        """429 without end: LATER, and nothing is in the store."""
        before = len(bench.rows(kind))
        with bench.hasty() as hasty:
            hasty.connector.describe(kind)
            bench.remote.faults({"fault": "429", "writes_only": True})
            same(hasty.write(kind, [bench.create(kind, 1)])["create-1"].result, Result.LATER, "result")
        same(len(bench.rows(kind)), before, "records")

    def test_a_refused_key_stops_the_writing(self, bench: Bench, kind: str) -> None:
        """401 amid a write is for the operator, not for the record."""
        bench.connector.describe(kind)
        bench.remote.faults({"fault": "401"})
        with pytest.raises(AuthError):
            bench.write(kind, [bench.create(kind, 1)])

    def test_a_vanished_record_is_missing(self, bench: Bench, kind: str) -> None:
        """An update of a record that is archived or was never there is MISSING, and its neighbor is written."""
        living, gone = bench.person_creates(kind, 1), bench.person_creates(kind, 2)
        name = next(iter(self.edit(kind, 1)))
        operations = [
            bench.update(kind, gone, 3, {name: self.sample_fields(kind, 2)[name]}),
            bench.update(kind, living, 4, {name: self.sample_fields(kind, 1)[name]}),
        ]
        bench.remote.act("archive", kind, id=gone)
        found = bench.write(kind, operations)
        results = [
            _until_written(bench, kind, one) if found[one.id].result is Result.LATER else found[one.id].result
            for one in operations
        ]
        same(results, [Result.MISSING, Result.WRITTEN], "the vanished one and its neighbor")

    def test_nothing_is_sent_before_it_is_asked_for(self, bench: Bench, kind: str) -> None:
        """A caller that stops after the first batch, or the first few that go at once, has written them and no more."""
        can = bench.connector.capabilities
        batch = can.write_batch * can.writes_at_once
        operations = [bench.create(kind, n) for n in range(batch + 3)]
        mark, before = bench.remote.mark(), len(bench.rows(kind))
        writing = iter(bench.connector.write(kind, operations))
        same(bench.remote.writes(mark), [], "writes before the first outcome was asked for")
        settled = len(next(writing))
        must(settled <= batch, f"{settled} outcomes at once, with batches of {batch}")
        same(len(bench.rows(kind)) - before, settled, "records after the first batch")

    def test_a_field_is_made_blank(self, bench: Bench, kind: str) -> None:
        """None clears the field, and reads as None afterwards."""
        rid = bench.person_creates(kind, 1)
        name = next(iter(self.edit(kind, 1)))
        plain = bench.update(kind, rid, 1, {name: self.sample_fields(kind, 1)[name]})
        clear = Operation(id="clear", action=Action.UPDATE, ref=plain.ref, fields={name: None}, expect=plain.expect)
        same(bench.write(kind, [clear])["clear"].result, Result.WRITTEN, "result")
        answer = bench.connector.read(kind, [rid], [name])[rid]
        same(getattr(answer, "fields", {}).get(name), None, f"{kind}.{name}")


def _landed(bench: Bench, kind: str, operation: Operation, fault: str) -> Outcome:
    """The outcome of a write that lands, and after which every request meets this fault."""
    bench.trouble_once_written(fault)
    mark = bench.remote.mark()
    try:
        for _ in range(5):
            outcome = bench.write(kind, [operation])[operation.id]
            if outcome.result is not Result.LATER:  # a slow machine: it was not sent in time
                break
    except AuthError as error:
        raise AssertionError(f"a write that landed has no outcome: {error}") from error
    same(len(bench.remote.writes(mark)), 1, "writes")
    must(outcome.result in (Result.WRITTEN, Result.AMBIGUOUS), f"it landed, and is {outcome.result} ({outcome.error})")
    return outcome


def _until_written(bench: Bench, kind: str, operation: Operation) -> Result:
    """The last result of an operation that is tried again as long as it is LATER, as the engine would."""
    for _ in range(5):
        outcome = bench.write(kind, [operation])[operation.id]
        if outcome.result is not Result.LATER:
            return outcome.result
        time.sleep(min(outcome.retry_after or 0.2, 11.0))
    return Result.LATER


def _at(request: dict[str, Any]) -> float:
    return datetime.fromisoformat(request["at"]).timestamp()
