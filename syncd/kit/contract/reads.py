"""What reading by id and looking up promise: an answer for every question, from the primary store.

What is not here: feeds, which may lag.
"""

from __future__ import annotations

from datetime import datetime

import pytest

from syncd.core.model import Gone, Record
from syncd.errors import SyncdError, Transient
from syncd.kit.contract.bench import Bench, Contract, must, same


class ReadContract(Contract):
    """Tests of `Connector.read` and `Connector.find`."""

    def test_every_id_asked_for_is_answered(self, bench: Bench, kind: str) -> None:
        """Living records as Record, archived and unknown ones as Gone, in any number."""
        ids = bench.people_create(kind, range(3))
        bench.remote.act("archive", kind, id=ids[1])
        asked = [*ids, self.missing_id]
        answer = bench.connector.read(kind, asked, bench.names(kind))
        same(set(answer), set(asked), "ids answered")
        shapes = [type(answer[rid]) for rid in asked]
        same(shapes, [Record, Gone, Record, Gone], "living, archived, living, unknown")

    def test_more_ids_than_a_batch_are_read(self, bench: Bench, kind: str) -> None:
        """The connector cuts a long list into the vendor's batches."""
        ids = bench.people_create(kind, range(130))
        answer = bench.connector.read(kind, ids, bench.names(kind))
        living = {rid for rid, one in answer.items() if isinstance(one, Record)}
        same(len(living), len(ids), "records read")

    def test_nothing_asked_is_nothing_read(self, bench: Bench, kind: str) -> None:
        """An empty list of ids costs no request."""
        bench.connector.read(kind, [self.missing_id], bench.names(kind))
        mark = bench.remote.mark()
        same(dict(bench.connector.read(kind, [], bench.names(kind))), {}, "answer to no question")
        same(bench.remote.requests(mark), [], "requests")

    def test_a_read_sees_an_edit_at_once(self, bench: Bench, kind: str) -> None:
        """Reads come from the primary store, and say when they were asked by the vendor's clock."""
        rid = bench.person_creates(kind, 1)
        name, value = bench.person_edits(kind, rid, 9)
        one = bench.connector.read(kind, [rid], bench.names(kind))[rid]
        must(isinstance(one, Record), "it lives")
        if isinstance(one, Record):
            same(one.fields.get(name), value, "the edited field")
            must(one.read_at is not None, "a read must tell when it was asked")
            must(not one.stale_ok, "a read by rid is not stale")
            now = datetime.fromisoformat(bench.remote.clock()["now"])
            must(one.read_at is not None and one.read_at <= now, "asked in the future")

    def test_values_are_canonical(self, bench: Bench, kind: str) -> None:
        """What a person typed in reads as the canonical values of the model, in each field asked for."""
        rid = bench.person_creates(kind, 3)
        one = bench.connector.read(kind, [rid], bench.names(kind))[rid]
        must(isinstance(one, Record), "it lives")
        if isinstance(one, Record):
            for name, value in self.sample_fields(kind, 3).items():
                same(one.fields.get(name, "<unknown>"), value, f"{kind}.{name}")
            must("" not in one.fields.values(), "blank must be None")
            same((one.ref.kind, one.ref.id), (kind, rid), "the ref")

    @pytest.mark.parametrize("fault", ["truncate", "html", "reset", "502"])
    def test_a_spoiled_read_is_asked_again_or_fails(self, bench: Bench, kind: str, fault: str) -> None:
        """One spoiled answer is asked again; if all are spoiled Transient is raised, never Gone."""
        rid = bench.person_creates(kind, 1)
        bench.connector.describe(kind)
        bench.remote.faults({"fault": fault, "times": 1})
        must(isinstance(bench.connector.read(kind, [rid], bench.names(kind))[rid], Record), "asked again it is there")
        with bench.hasty() as hasty:
            hasty.connector.describe(kind)
            bench.remote.faults({"fault": fault})
            with pytest.raises(Transient):
                hasty.connector.read(kind, [rid], bench.names(kind))

    def test_a_record_is_found_by_what_is_known_of_it(self, bench: Bench, kind: str) -> None:
        """Every record that answers a match key is in the answer; the engine sorts out what is too much."""
        keys = {n: self.match_keys(kind, n) for n in range(3)}
        ids = bench.people_create(kind, range(3))
        bench.remote.settle()
        for n, some in keys.items():
            for key in some:
                found = {one.ref.id for one in bench.connector.find(kind, [key], bench.names(kind))}
                must(ids[n] in found, f"{key.name} {key.terms} did not find record {n}")
        every = [key for some in keys.values() for key in some]
        if every:
            found = {one.ref.id for one in bench.connector.find(kind, every, bench.names(kind))}
            must(set(ids) <= found, "asked together, all must be found")

    def test_a_spoiled_look_up_is_not_an_empty_one(self, bench: Bench, kind: str) -> None:
        """Nothing found is an answer only if the vendor gave it."""
        keys = self.match_keys(kind, 1)
        if not keys:
            must(self.kinds != (kind,), "a connector with one kind must be able to look something up")
            return
        bench.person_creates(kind, 1)
        bench.remote.settle()
        with bench.hasty() as hasty:
            hasty.connector.describe(kind)
            for fault in ("html", "truncate"):
                bench.remote.faults({"fault": fault})
                with pytest.raises(SyncdError):
                    hasty.connector.find(kind, keys, bench.names(kind))
