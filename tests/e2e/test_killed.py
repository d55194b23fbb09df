"""The daemon killed with -9 again and again, while people edit both sides and answers to writes get lost.

Not here: the trouble itself (`syncd.lab.play`), and what the laws say (`syncd.lab.laws`, `causes`, `meetings`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.app import App
from syncd.lab.people import Leaving
from syncd.lab.prove import Proof, Task, prove

SHORT, LONG = (1, 2), range(1, 11)
EXPLAINED = {"question", "waiting", "gone", "refused"}
"""Why a record may be parked at the end: two people may be one, it waits for such a one, its twin was deleted, or its
vendor refuses what somebody typed (an e-mail that another record has)."""

STAY, LEAVE = Leaving(delete=0.0, restore=0.0, merge=0.0), Leaving(delete=0.02, restore=0.015, merge=0.01)
"""In `make test` people edit; in the long plays they also delete, restore and merge records."""


def played(seed: int, folder: Path, *, edits: int, leaving: Leaving) -> Proof:
    """One proof over 300 leads and at least 20 kills; every law held."""
    task = Task(edits=edits, seed=seed, leads=300, per_second=20.0, between=(1.0, 3.0), kills=20, leaving=leaving)
    found = prove(App.open, folder, task)
    assert found.played.failed is None
    assert not found.breaches, "\n\n".join(str(breach) for breach in found.breaches[:5])
    assert found.comparison.clean, (
        found.comparison.differences[:5], found.comparison.duplicates[:5], found.comparison.missing[:5],
    )  # fmt: skip
    assert found.good
    assert {cause.rpartition(" ")[2] for cause in found.parked} <= EXPLAINED, found.parked
    assert found.in_flight <= 5  # typed while a write was held up at the vendor
    assert found.played.kills >= 20
    lost, reset = (found.played.faults[name] for name in ("lost", "reset"))
    assert lost >= 1 and reset >= 1 and lost + reset >= 5, found.played.faults
    assert found.links["sales/contacts"] >= 250
    assert found.conflicts["open"] > 0
    return found


@pytest.mark.timeout(420)
@pytest.mark.parametrize("seed", SHORT)
def test_nothing_is_lost_or_double(seed: int, tmp_path: Path) -> None:
    """After 20 kills and every twentieth answer lost: no edit lost, nothing twice, no write without cause, quiet."""
    found = played(seed, tmp_path, edits=500, leaving=STAY)
    assert found.acts["edit"] > 180 and found.acts["clash"] > 18, found.acts
    assert found.judged > 500


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", LONG)
def test_nor_is_it_in_a_long_play(seed: int, tmp_path: Path) -> None:
    """The same with more edits, and people who also delete, restore and merge records."""
    found = played(seed, tmp_path, edits=2000, leaving=LEAVE)
    assert found.acts["edit"] > 500 and found.acts["clash"] > 50 and found.acts["merge"] > 0, found.acts
