"""What archiving promises: the record is gone as if a person had deleted it, and nothing over a person's edit.

What is not here: when a record is archived; the engine decides that.
"""

from __future__ import annotations

from collections.abc import Mapping

from syncd.core.model import Action, Gone, Operation, Result, Value
from syncd.kit.contract.bench import Bench, Contract, must, same


class ArchiveContract(Contract):
    """Tests of `Connector.write` with archives, for connectors that declare `archive`."""

    def test_an_archived_record_is_gone_and_can_be_brought_back(self, bench: Bench, kind: str) -> None:
        """WRITTEN with a tombstone; a read says the same; its neighbor lives; a person restores it with its values."""
        one, other = bench.person_creates(kind, 1), bench.person_creates(kind, 2)
        outcome = bench.write(kind, [_archive(bench, kind, one, self.sample_fields(kind, 1))])["archive"]
        same(outcome.result, Result.WRITTEN, f"result ({outcome.error})")
        must(outcome.gone is not None and outcome.gone.tombstone, "WRITTEN comes with the tombstone")
        answers = bench.connector.read(kind, [one, other], bench.names(kind))
        gone, living = answers[one], answers[other]
        must(isinstance(gone, Gone) and gone.tombstone, f"a read answers {gone}")
        must(not isinstance(living, Gone), "its neighbor lives")
        bench.remote.act("restore", kind, id=one)
        back = bench.connector.read(kind, [one], bench.names(kind))[one]
        same(getattr(back, "fields", None), self.sample_fields(kind, 1), "restored, with its values")

    def test_what_a_person_edited_is_not_archived(self, bench: Bench, kind: str) -> None:
        """STALE with what is there now, and no write is sent; the neighbor in the same batch is archived."""
        moved, still = bench.person_creates(kind, 1), bench.person_creates(kind, 2)
        before = self.sample_fields(kind, 1)
        name, typed = bench.person_edits(kind, moved, 50)
        mark = bench.remote.mark()
        outcome = bench.write(kind, [_archive(bench, kind, moved, {name: before[name]})])["archive"]
        same(outcome.result, Result.STALE, f"result ({outcome.error})")
        same(outcome.record.fields.get(name) if outcome.record else None, typed, "STALE comes with what is there now")
        same(bench.remote.writes(mark), [], "writes")
        mixed = [_archive(bench, kind, moved, {name: before[name]}), _archive(bench, kind, still, {}, "other")]
        results = {one: outcome.result for one, outcome in bench.write(kind, mixed).items()}
        same(results, {"archive": Result.STALE, "other": Result.WRITTEN}, "results")

    def test_what_is_gone_already_is_missing(self, bench: Bench, kind: str) -> None:
        """Somebody was quicker: MISSING, with the tombstone."""
        one = bench.person_creates(kind, 1)
        operation = _archive(bench, kind, one, self.sample_fields(kind, 1))
        bench.remote.act("archive", kind, id=one)
        outcome = bench.write(kind, [operation])["archive"]
        same(outcome.result, Result.MISSING, f"result ({outcome.error})")
        must(outcome.gone is not None and outcome.gone.tombstone, "it comes with the tombstone")

    def test_an_archive_with_a_lost_answer_is_never_sent_again(self, bench: Bench, kind: str) -> None:
        """AMBIGUOUS, and one request: somebody may bring the record back in between."""
        one = bench.person_creates(kind, 1)
        operation = _archive(bench, kind, one, {})
        bench.remote.faults({"fault": "lost", "writes_only": True, "times": 1})
        mark = bench.remote.mark()
        outcome = bench.write(kind, [operation])["archive"]
        same(outcome.result, Result.AMBIGUOUS, f"result ({outcome.error})")
        same(len(bench.remote.writes(mark)), 1, "requests that could have archived it")


class TombstoneContract(Contract):
    """Tests of feeds that tell of deleted records, for connectors that declare `tombstones`."""

    def test_a_feed_tells_of_what_was_archived(self, bench: Bench, kind: str) -> None:
        """Our own archive comes by the feed like a person's."""
        one = bench.person_creates(kind, 1)
        memory = bench.memory(kind)
        must(bench.later(memory, lambda: memory.backfilled), "the first reading ended")
        bench.write(kind, [_archive(bench, kind, one, {})])
        must(bench.later(memory, lambda: isinstance(memory.held.get(one), Gone)), "the feed tells that it is gone")


def _archive(bench: Bench, kind: str, record: str, expect: Mapping[str, Value], id: str = "archive") -> Operation:
    """The operation that archives a record where these values are expected."""
    ref = bench.connector.read(kind, [record], [])[record].ref
    return Operation(id=id, action=Action.ARCHIVE, ref=ref, fields={}, expect=expect)
