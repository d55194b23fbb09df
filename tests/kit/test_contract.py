"""The contract tests are tested: connectors that break a promise on purpose must fail the test of that promise.

What is not here: connectors that keep them; tests/connectors holds each real one to the whole contract.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Gone, Operation, Outcome, Record, Ref, Result, Schema
from syncd.errors import SyncdError, Transient
from syncd.kit.connector import Connector, Finding, Page, Severity, Timing
from syncd.kit.contract import open_bench
from tests.connectors import test_jobnimbus_connector_contract as jobnimbus


class Wrapped:
    """A connector that passes everything on; each saboteur below spoils one thing."""

    def __init__(self, inner: Connector) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


class LosesRecords(Wrapped):
    """Never shows about every fifth record."""

    def changes(self, *args: Any) -> Iterator[Page]:
        for page in self.inner.changes(*args):
            yield replace(page, records=[one for one in page.records if sum(one.ref.id.encode()) % 5])


class ShowsOnce(Wrapped):
    """Never shows a record again, whatever happens to it."""

    def __init__(self, inner: Connector) -> None:
        super().__init__(inner)
        self.shown: set[str] = set()

    def changes(self, *args: Any) -> Iterator[Page]:
        for page in self.inner.changes(*args):
            yield replace(page, records=[one for one in page.records if one.ref.id not in self.shown])
            self.shown |= {one.ref.id for one in page.records}


class EndsTooSoon(Wrapped):
    """Takes the first page for the whole feed."""

    def changes(self, *args: Any) -> Iterator[Page]:
        yield replace(next(iter(self.inner.changes(*args))), records=(), backfilled=True, due=False)


class SeesTheFuture(Wrapped):
    """Claims that everything up to now was shown, whatever the index does."""

    def changes(self, *args: Any) -> Iterator[Page]:
        for page in self.inner.changes(*args):
            yield replace(page, read_to=self.inner.now())


class SwallowsTrouble(Wrapped):
    """Takes a failed page for an empty one."""

    def changes(self, kind: str, since: Any, *args: Any) -> Iterator[Page]:
        try:
            yield from self.inner.changes(kind, since, *args)
        except Transient:
            yield Page(records=(), cursor=since or {}, read_to=None, backfilled=True)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        try:
            return self.inner.read(kind, ids, fields)
        except Transient:
            return {one: Gone(ref=Ref("jn", kind, one)) for one in ids}

    def find(self, *args: Any) -> Sequence[Record]:
        try:
            return self.inner.find(*args)
        except SyncdError:
            return ()


class UsesItsOwnClock(Wrapped):
    """Believes this machine."""

    def now(self) -> Any:
        return self.inner.now() - timedelta(days=1)


class ForgetsIds(Wrapped):
    """Leaves out what is gone."""

    def read(self, *args: Any) -> Mapping[str, Record | Gone]:
        return {key: one for key, one in self.inner.read(*args).items() if isinstance(one, Record)}


class WritesBlindly(Wrapped):
    """Does not look before it writes."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        return self.inner.write(kind, [replace(one, compare=False, expect={}) for one in operations])


class TriesAgain(Wrapped):
    """Sends a create again when its answer was lost."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        again = {one.id: one for one in operations}
        for batch in self.inner.write(kind, operations):
            for outcome in batch:
                if outcome.result is Result.AMBIGUOUS:
                    yield from self.inner.write(kind, [again[outcome.operation]])
                else:
                    yield [outcome]


class LooksAfterwards(Wrapped):
    """Reads what it has written, and tells of the reading's trouble as if it were the write's."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        for batch in self.inner.write(kind, operations):
            self.inner.read(kind, [one.record.ref.id for one in batch if one.record], ["description"])
            yield batch


class CallsItWritten(Wrapped):
    """Takes every outcome for a success."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        for batch in self.inner.write(kind, operations):
            yield [replace(one, result=Result.WRITTEN) for one in batch]


class StopsAtTheFirstRefusal(Wrapped):
    """Raises for one record's trouble."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        for batch in self.inner.write(kind, operations):
            for one in batch:
                if one.result is Result.REFUSED:
                    return
            yield batch


class AnswersTwice(Wrapped):
    """Two outcomes for one operation."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        for batch in self.inner.write(kind, operations):
            yield [*batch, *batch]


class WritesAllAtOnce(Wrapped):
    """Sends everything before the first outcome is asked for."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        return iter(list(self.inner.write(kind, operations)))


class SendsMore(Wrapped):
    """Adds a field nobody asked for."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        more = {"company": "Acme"}
        return self.inner.write(kind, [replace(one, fields={**one.fields, **more}) for one in operations])


class HidesItsLag(Wrapped):
    """Declares that a look-up never lags."""

    @property
    def capabilities(self) -> Any:
        return replace(self.inner.capabilities, find_lag=timedelta(0))


class DescribesHalf(Wrapped):
    """Forgets the options of pick lists."""

    def describe(self, kind: str) -> Schema:
        schema = self.inner.describe(kind)
        return replace(schema, fields={name: replace(one, options=()) for name, one in schema.fields.items()})


class IsContent(Wrapped):
    """A check that is always satisfied."""

    def check(self) -> Sequence[Finding]:
        return (Finding(Severity.OK, "all", "is well"),)


BREAKS: list[tuple[type[Wrapped], str, str]] = [
    (LosesRecords, "contacts", "test_a_first_reading_shows_every_record"),
    (EndsTooSoon, "contacts", "test_ticks_cut_short_miss_nothing"),
    (ShowsOnce, "contacts", "test_records_modified_in_one_moment_are_all_seen"),
    (ShowsOnce, "contacts", "test_edits_while_pages_are_read_are_not_missed"),
    (EndsTooSoon, "contacts", "test_what_a_person_creates_and_edits_appears"),
    (SeesTheFuture, "contacts", "test_the_horizon_is_honest"),
    (UsesItsOwnClock, "contacts", "test_the_vendors_clock_is_followed"),
    (ForgetsIds, "contacts", "test_every_id_asked_for_is_answered"),
    (SwallowsTrouble, "contacts", "test_a_spoiled_look_up_is_not_an_empty_one"),
    (WritesBlindly, "contacts", "test_a_persons_edit_is_not_overwritten"),
    (WritesBlindly, "contacts", "test_a_stale_record_alone_costs_no_write"),
    (CallsItWritten, "contacts", "test_a_refused_record_stops_no_other"),
    (CallsItWritten, "contacts", "test_a_vanished_record_is_missing"),
    (CallsItWritten, "contacts", "test_a_vendor_that_stays_busy_leaves_it_for_later"),
    (CallsItWritten, "contacts", "test_a_duplicate_is_told_as_one"),
    (StopsAtTheFirstRefusal, "contacts", "test_a_refused_record_stops_no_other"),
    (AnswersTwice, "contacts", "test_each_operation_has_its_outcome_and_is_written_once"),
    (WritesAllAtOnce, "contacts", "test_nothing_is_sent_before_it_is_asked_for"),
    (SendsMore, "contacts", "test_an_update_touches_its_own_fields_only"),
    (SendsMore, "contacts", "test_a_create_sends_no_other_field"),
    (HidesItsLag, "contacts", "test_no_record_hides_longer_than_declared"),
    (DescribesHalf, "jobs", "test_every_field_is_described"),
    (IsContent, "", "test_a_wrong_key_is_a_finding_with_a_remedy"),
    (IsContent, "", "test_a_vendor_that_is_down_is_a_finding"),
]
"""Saboteur, kind, the test that must notice it."""

BREAKS_WITH_A_FAULT: list[tuple[type[Wrapped], str, Any]] = [
    (SwallowsTrouble, "test_a_vendor_that_is_down_moves_no_cursor", "503"),
    (SwallowsTrouble, "test_a_spoiled_read_is_asked_again_or_fails", "html"),
    (LooksAfterwards, "test_a_create_that_landed_is_never_told_as_not_made", "503"),
    (LooksAfterwards, "test_a_create_that_landed_is_never_told_as_not_made", "401"),
    (CallsItWritten, "test_an_update_that_landed_is_never_told_as_not_made", "503"),
    (TriesAgain, "test_a_create_with_a_lost_answer_is_never_sent_again", {"fault": "lost"}),
    (TriesAgain, "test_a_create_with_a_lost_answer_is_never_sent_again", {"fault": "500"}),
]
"""The same for tests that take a fault."""


def _sabotaged(saboteur: type[Wrapped]) -> Any:
    """The JobNimbus contract with a connector that does not keep it."""

    class Sabotaged(jobnimbus.TestJobNimbus):
        many = 40

        def make_connector(self, url: str, timing: Timing, secret: str | None = None) -> Any:
            return saboteur(super().make_connector(url, timing, secret))

    return Sabotaged()


def _must_fail(saboteur: type[Wrapped], run: Callable[[Any, Any], None]) -> None:
    hooks = _sabotaged(saboteur)
    with open_bench(hooks) as bench, pytest.raises((AssertionError, pytest.fail.Exception)):
        run(hooks, bench)


@pytest.mark.parametrize(("saboteur", "kind", "test"), BREAKS)
def test_a_broken_promise_is_noticed(saboteur: type[Wrapped], kind: str, test: str) -> None:
    """Each saboteur fails the test that stands for what it breaks."""
    _must_fail(saboteur, lambda hooks, bench: getattr(hooks, test)(bench, *([kind] if kind else [])))


@pytest.mark.parametrize(("saboteur", "test", "fault"), BREAKS_WITH_A_FAULT)
def test_a_broken_promise_under_a_fault_is_noticed(saboteur: type[Wrapped], test: str, fault: Any) -> None:
    """Each saboteur fails the test that stands for what it breaks when the vendor has trouble."""
    _must_fail(saboteur, lambda hooks, bench: getattr(hooks, test)(bench, "contacts", fault))
