"""Snapshots and match keys on a real database."""

from __future__ import annotations

from dataclasses import replace

from syncd.core.model import Record, Ref, Side
from syncd.store.snapshots import Snapshot, hashed, scope
from syncd.store.sql import CHUNK
from syncd.store.store import Store
from tests.store.conftest import LATER, NOW, SECOND

FIELDS = {"name": "Łukasz", "tags": ("a", "b"), "amount": 12.5, "count": 3, "vip": True, "note": None}


def record(id_: str = "1", **more: object) -> Record:
    """A record with a value of every type."""
    whole = Record(
        ref=Ref("crm", "contacts", id_), fields=FIELDS, version="v1", modified_at=NOW, created_at=NOW - SECOND,
        read_at=LATER, mine=False, was=("old1", "old2"),
    )  # fmt: skip
    return replace(whole, **more)


def test_a_snapshot_comes_back_whole(store: Store) -> None:
    """Every value in its type, and every fact about the record, is what was stored."""
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(), FIELDS)])
    with store.read() as tx:
        found = tx.snapshots.get("crm", "contacts", ["1", "2"])
    assert found == {"1": Snapshot(record(), FIELDS)}
    assert {name: type(value) for name, value in found["1"].kept.items()} == {n: type(v) for n, v in FIELDS.items()}


def test_a_missing_field_is_unknown_and_yet_kept(store: Store) -> None:
    """A field that was asked for and did not come is not in the record, which is not blank; its last value is kept."""
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(), FIELDS, missing=("amount", "never"))])
    with store.read() as tx:
        found = tx.snapshots.get("crm", "contacts", ["1"])["1"]
    assert "amount" not in found.record.fields
    assert "never" not in found.record.fields
    assert found.record.fields["note"] is None
    assert found.kept["amount"] == 12.5
    assert found.missing == ("amount", "never")


def test_putting_again_replaces_the_whole_row(store: Store) -> None:
    """Nothing of the row before shines through: not a field, not `missing`, not `gone`, not the old ids."""
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(), FIELDS, ("amount",), "tombstone")])
        tx.snapshots.put([Snapshot(record(fields={"name": "Zoë"}, was=(), mine=None), {"name": "Zoë"})])
    with store.read() as tx:
        found = tx.snapshots.get("crm", "contacts", ["1"])["1"]
    assert found == Snapshot(record(fields={"name": "Zoë"}, was=(), mine=None), {"name": "Zoë"})


def test_refs_of_other_systems_and_kinds_are_others(store: Store) -> None:
    """The same id in another system or kind is another record."""
    refs = [Ref("crm", "contacts", "1"), Ref("crm", "deals", "1"), Ref("field", "contacts", "1")]
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(ref=ref, version=str(ref)), FIELDS) for ref in refs])
    with store.read() as tx:
        for ref in refs:
            found = tx.snapshots.get(ref.system, ref.kind, ["1"])
            assert {id_: row.record.version for id_, row in found.items()} == {"1": str(ref)}


def test_the_gone_are_not_seen(store: Store) -> None:
    """A gone record is still found by its ref, but what a feed knows and a window leave it out."""
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record("1"), FIELDS), Snapshot(record("2"), FIELDS, gone="gone"),
                          Snapshot(record("3"), FIELDS, gone="tombstone")])  # fmt: skip
    with store.read() as tx:
        assert {i: row.gone for i, row in tx.snapshots.get("crm", "contacts", "123").items()} == {
            "1": None, "2": "gone", "3": "tombstone",
        }  # fmt: skip
        assert tx.snapshots.seen("crm", "contacts", "1234") == {"1": ("v1", LATER)}
        assert tx.snapshots.made_between("crm", "contacts", NOW - SECOND, NOW) == ["1"]


def test_made_between_holds_both_ends(store: Store) -> None:
    """A record made exactly at the start or the end of a window is in it; without a time it is in none."""
    times = {"early": NOW - 2 * SECOND, "start": NOW - SECOND, "end": NOW, "late": NOW + SECOND, "untold": None}
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(id_, created_at=at), FIELDS) for id_, at in times.items()])
    with store.read() as tx:
        assert sorted(tx.snapshots.made_between("crm", "contacts", NOW - SECOND, NOW)) == ["end", "start"]


def test_more_ids_than_a_statement_takes(store: Store) -> None:
    """Any number of ids can be asked for at once."""
    ids = [str(n) for n in range(2 * CHUNK + 1)]
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(id_), FIELDS) for id_ in ids])
    with store.read() as tx:
        assert set(tx.snapshots.get("crm", "contacts", ids)) == set(ids)
        assert set(tx.snapshots.seen("crm", "contacts", ids)) == set(ids)


def test_a_longer_id_is_not_taken_for_what_it_begins_with(store: Store) -> None:
    """An id beyond what a column holds is nobody's: it is not cut down to another record's."""
    whole = "x" * 64
    with store.begin() as tx:
        tx.snapshots.put([Snapshot(record(whole), FIELDS)])
    with store.read() as tx:
        assert set(tx.snapshots.get("crm", "contacts", [whole])) == {whole}
        assert tx.snapshots.get("crm", "contacts", [f"{whole}yz"]) == {}


def test_match_keys_find_all_who_share_one(store: Store) -> None:
    """Every id of that map and side with the key is found; other maps and the other side are not asked."""
    with store.begin() as tx:
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("a", "b"), "2": ("b",), "3": ()})
        tx.snapshots.rekey("m", Side.RIGHT, {"9": ("b",)})
        tx.snapshots.rekey("other", Side.LEFT, {"8": ("b",)})
    with store.read() as tx:
        found = tx.snapshots.keyed("m", Side.LEFT, map(hashed, "abc"))
    assert {key: sorted(ids) for key, ids in found.items()} == {hashed("a"): ["1"], hashed("b"): ["1", "2"]}


def test_new_match_keys_replace_the_old(store: Store) -> None:
    """A record that changed is found by its new keys only, one that lost them by none; others keep theirs."""
    with store.begin() as tx:
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("a",), "2": ("a",), "3": ("a",)})
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("b", "b"), "2": ()})
    with store.read() as tx:
        assert tx.snapshots.keyed("m", Side.LEFT, [hashed("a")]) == {hashed("a"): ["3"]}
        assert tx.snapshots.keyed("m", Side.LEFT, [hashed("b")]) == {hashed("b"): ["1"]}


def test_a_match_key_cannot_be_read_back(store: Store) -> None:
    """What a person is matched by stands in the store as a number of eight bytes, never as text."""
    with store.begin() as tx:
        tx.snapshots.rekey("m", Side.LEFT, {"1": ("email\x1eana@example.com",)})
        (row,) = tx.connection.exec_driver_sql("SELECT scope, key, id FROM match_keys").all()
    assert tuple(row) == (scope("m", Side.LEFT), hashed("email\x1eana@example.com"), "1")
    assert all(isinstance(one, int) and one.bit_length() < 64 for one in row[:2])
    assert hashed("x") != hashed("y")
