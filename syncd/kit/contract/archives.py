"""What archiving promises: the record is gone as if a person had deleted it, and nothing over a person's edit.

What is not here: when a record is archived; the engine decides that.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from syncd.core.model import Action, Gone, Operation, Result, Value
from syncd.kit.contract.bench import Bench, Contract, must, same


class ArchiveContract(Contract):
    """Tests of `Connector.write` with archives."""

    @pytest.fixture
    def bin(self, bench: Bench) -> Bench:
        """The bench of a vendor that can archive."""
        if not bench.connector.capabilities.archive:
            pytest.skip("the connector declares that it cannot archive")
        return bench

    def test_an_archived_record_is_gone_and_can_be_brought_back(self, bin: Bench, kind: str) -> None:
        """WRITTEN with a tombstone; a read says the same; its neighbor lives; a person restores it with its values."""
        one, other = bin.person_creates(kind, 1), bin.person_creates(kind, 2)
        outcome = bin.write(kind, [_archive(bin, kind, one, self.sample_fields(kind, 1))])["archive"]
        same(outcome.result, Result.WRITTEN, f"result ({outcome.error})")
        must(outcome.gone is not None and outcome.gone.tombstone, "WRITTEN comes with the tombstone")
        answers = bin.connector.read(kind, [one, other], bin.names(kind))
        gone, living = answers[one], answers[other]
        must(isinstance(gone, Gone) and gone.tombstone, f"a read answers {gone}")
        must(not isinstance(living, Gone), "its neighbor lives")
        bin.remote.act("restore", kind, id=one)
        back = bin.connector.read(kind, [one], bin.names(kind))[one]
        same(getattr(back, "fields", None), self.sample_fields(kind, 1), "restored, with its values")

    def test_a_feed_tells_of_what_was_archived(self, bin: Bench, kind: str) -> None:
        """Where tombstones are declared, our own archive comes by the feed like a person's."""
        if not bin.connector.capabilities.tombstones:
            pytest.skip("the connector declares no tombstones")
        one = bin.person_creates(kind, 1)
        memory = bin.memory(kind)
        must(bin.later(memory, lambda: memory.backfilled), "the first reading ended")
        bin.write(kind, [_archive(bin, kind, one, {})])
        must(bin.later(memory, lambda: isinstance(memory.held.get(one), Gone)), "the feed tells that it is gone")

    def test_what_a_person_edited_is_not_archived(self, bin: Bench, kind: str) -> None:
        """STALE with what is there now, and no write is sent; the neighbor in the same batch is archived."""
        moved, still = bin.person_creates(kind, 1), bin.person_creates(kind, 2)
        before = self.sample_fields(kind, 1)
        name, typed = bin.person_edits(kind, moved, 50)
        mark = bin.remote.mark()
        outcome = bin.write(kind, [_archive(bin, kind, moved, {name: before[name]})])["archive"]
        same(outcome.result, Result.STALE, f"result ({outcome.error})")
        same(outcome.record.fields.get(name) if outcome.record else None, typed, "STALE comes with what is there now")
        same(bin.remote.writes(mark), [], "writes")
        mixed = [_archive(bin, kind, moved, {name: before[name]}), _archive(bin, kind, still, {}, "other")]
        results = {one: outcome.result for one, outcome in bin.write(kind, mixed).items()}
        same(results, {"archive": Result.STALE, "other": Result.WRITTEN}, "results")

    def test_what_is_gone_already_is_missing(self, bin: Bench, kind: str) -> None:
        """Somebody was quicker: MISSING, with the tombstone."""
        one = bin.person_creates(kind, 1)
        operation = _archive(bin, kind, one, self.sample_fields(kind, 1))
        bin.remote.act("archive", kind, id=one)
        outcome = bin.write(kind, [operation])["archive"]
        same(outcome.result, Result.MISSING, f"result ({outcome.error})")
        must(outcome.gone is not None and outcome.gone.tombstone, "it comes with the tombstone")

    def test_an_archive_with_a_lost_answer_is_never_sent_again(self, bin: Bench, kind: str) -> None:
        """AMBIGUOUS, and one request: somebody may bring the record back in between."""
        one = bin.person_creates(kind, 1)
        operation = _archive(bin, kind, one, {})
        bin.remote.faults({"fault": "lost", "writes_only": True, "times": 1})
        mark = bin.remote.mark()
        outcome = bin.write(kind, [operation])["archive"]
        same(outcome.result, Result.AMBIGUOUS, f"result ({outcome.error})")
        same(len(bin.remote.writes(mark)), 1, "requests that could have archived it")


def _archive(bench: Bench, kind: str, record: str, expect: Mapping[str, Value], id: str = "archive") -> Operation:
    """The operation that archives a record where these values are expected."""
    ref = bench.connector.read(kind, [record], [])[record].ref
    return Operation(id=id, action=Action.ARCHIVE, ref=ref, fields={}, expect=expect)
