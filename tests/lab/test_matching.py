"""Who is who in two address books whose truth is known: how often syncd is wrong, and how many it finds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from syncd.core.match import indexed
from syncd.core.model import Side
from syncd.engine.lookalikes import Lookalikes, StoreIndex
from syncd.lab.matching import MemoryIndex, contacts_map, main, measure
from syncd.lab.twins import books
from syncd.store import schema
from syncd.store.snapshots import Snapshot
from syncd.store.store import Store
from tests.conftest import LONG

WRONG, FOUND = 0.1, 97.0
"""At most so many of a hundred automatic links are wrong; at least so many of a hundred twins are found."""

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROWS, SEEDS = (5000, (1, 2, 3)) if LONG else (1200, (11,))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store with its tables."""
    found = Store(f"sqlite:///{tmp_path / 'syncd.db'}")
    schema.upgrade(found)
    yield found
    found.close()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.timeout(600)
def test_links_are_right_and_twins_are_found(seed: int) -> None:
    """The shipped map, on people with slips, swapped and missing fields, families, offices, and who moved."""
    found = measure(contacts_map(), books(ROWS, seed))
    assert found.wrong_percent <= WRONG, str(found)
    assert found.found_percent >= FOUND, str(found)
    assert found.links > 0.85 * found.twins


def test_the_score_is_worth_its_line_in_the_map() -> None:
    """Without it fewer twins are found, and more links are wrong."""
    two = books(1200, 12)
    scored, keyed = measure(contacts_map(), two), measure(contacts_map(score=None), two)
    assert scored.found_percent > keyed.found_percent + 1
    assert scored.wrong < keyed.wrong


def test_the_books_are_the_same_for_the_same_seed_and_full_of_traps() -> None:
    """So the figures can be had again; the books share people, and people share phones."""
    two = books(300, 5)
    assert two == books(300, 5) != books(300, 6)
    assert [len(two.records[side]) for side in Side] == [300, 300] and len(two.twins) == 210
    phones = [record.fields["phone"] for record in two.records[Side.LEFT].values() if record.fields["phone"]]
    assert len(phones) > len(set(phones))


def test_the_store_s_index_finds_whom_the_one_in_memory_finds(store: Store) -> None:
    """What was measured is what the engine does: the same answers for everybody, from both sides."""
    m, two = contacts_map(), books(150, 7)
    refused = next(iter(two.twins.items()))
    with store.begin() as tx:
        for side in Side:
            tx.snapshots.put([Snapshot(record, record.fields) for record in two.records[side].values()])
            keys = {id_: indexed(m, side, record.fields) for id_, record in two.records[side].items()}
            tx.snapshots.rekey(m.key, side, keys)
        tx.refusals.add(m.key, *refused, NOW)
    memory = MemoryIndex(m, two.records)
    with store.read() as tx:
        for side in Side:
            sources = [r for r in two.records[side].values() if r.ref.id not in refused]
            here = Lookalikes(m, StoreIndex(tx, m)).answers(side, sources, {})
            there = Lookalikes(m, memory).answers(side, sources, {})
            assert here.keys() == there.keys()
            for id_, answer in here.items():
                assert (answer.whose, answer.record) == (there[id_].whose, there[id_].record)
            assert sum(answer.record is not None for answer in here.values()) > 60
        source = two.records[Side.LEFT][refused[0]]
        answer = Lookalikes(m, StoreIndex(tx, m)).answers(Side.LEFT, [source], {})[refused[0]]
        assert answer.record is None or answer.record.ref.id != refused[1]


def test_the_figures_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """`make matching` shows a line per book, with the score and without."""
    main(60, (1,))
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["with score", "keys alone"]
    assert all("60 x 60 people, 42 true twins" in line and "wrong" in line for line in lines)
