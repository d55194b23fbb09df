"""What a sync key promises: a field that holds our key from the creation on, and by which the record is found.

What is not here: what people know a record by (`reads`).
"""

from __future__ import annotations

from abc import abstractmethod

from syncd.core.model import SyncKey
from syncd.kit.contract.bench import Bench, Contract, must, same


class SyncKeyContract(Contract):
    """Tests of creations and look-ups by our key, for connectors that declare `sync_key`."""

    @abstractmethod
    def sync_field(self, kind: str) -> str:
        """The field for our key."""

    def test_a_record_is_found_by_its_sync_key(self, bench: Bench, kind: str) -> None:
        """Among others, by the key it was created with; a key that nobody has finds nothing."""
        field = self.sync_field(kind)
        keys = [SyncKey(field, f"k-{n}") for n in range(3)]
        written = bench.write(kind, [bench.create(kind, n, sync_key=key) for n, key in enumerate(keys)])
        bench.remote.settle()
        found = bench.connector.find(kind, [keys[1], SyncKey(field, "k-nobody")], [*bench.names(kind), field])
        record = written["create-1"].record
        must(record is not None, "the create must have answered with its record")
        same([one.ref.id for one in found], [record.ref.id if record else ""], "found by sync key")

    def test_no_record_hides_longer_than_declared(self, bench: Bench, kind: str) -> None:
        """After `find_lag` a look-up by sync key shows what was made: the engine takes silence for "not made"."""
        field = self.sync_field(kind)
        for n in range(5):
            key = SyncKey(field, f"k-{n}")
            record = bench.write(kind, [bench.create(kind, n, sync_key=key)])[f"create-{n}"].record
            bench.remote.advance(bench.connector.capabilities.find_lag.total_seconds())
            found = [one.ref.id for one in bench.connector.find(kind, [key], [field])]
            same(found, [record.ref.id if record else ""], f"found after find_lag, try {n}")

    def test_the_sync_key_is_written_with_the_create(self, bench: Bench, kind: str) -> None:
        """The new record carries it from its first moment."""
        key = SyncKey(self.sync_field(kind), "key-1")
        record = bench.write(kind, [bench.create(kind, 1, sync_key=key)])["create-1"].record
        must(record is not None, "WRITTEN comes with the record")
        row = self.stored(bench.rows(kind)[record.ref.id if record else ""])
        same(row.get(key.field), key.value, "the key in the store")
