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
EXPLAINED = {"question", "waiting", "gone"}
"""Why a record may be parked at the end: two people may be one, it waits for such a one, or its twin was deleted."""

STAY, LEAVE = Leaving(delete=0.0, restore=0.0, merge=0.0), Leaving(delete=0.02, restore=0.015, merge=0.01)
"""Short plays are about edits and kills; in the long ones people also delete, restore and merge records."""


def played(
    seed: int, folder: Path, *, edits: int, leads: int, between: tuple[float, float], leaving: Leaving = LEAVE,
    per_second: float = 20.0,
) -> Proof:  # fmt: skip
    """One proof; every law held."""
    task = Task(edits=edits, seed=seed, leads=leads, per_second=per_second, between=between, leaving=leaving)
    found = prove(App.open, folder, task)
    assert found.played.failed is None
    assert not found.breaches, "\n\n".join(str(breach) for breach in found.breaches[:5])
    assert found.comparison.clean, (
        found.comparison.differences[:5], found.comparison.duplicates[:5], found.comparison.missing[:5],
    )  # fmt: skip
    assert found.good
    assert {cause.rpartition(" ")[2] for cause in found.parked} <= EXPLAINED, found.parked
    assert found.in_flight <= 5  # typed while a write was held up at the vendor
    return found


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SHORT)
def test_nothing_is_lost_or_double_in_a_short_play(seed: int, tmp_path: Path) -> None:
    """After some kills and every twentieth answer lost: no edit lost, nothing twice, no write without cause, quiet."""
    found = played(seed, tmp_path, edits=300, leads=30, between=(1.5, 4.0), leaving=STAY, per_second=10.0)
    assert found.played.kills >= 3  # a slow machine is not killed so often while people act
    assert found.played.faults.total() >= 5, found.played.faults
    assert found.acts["clash"] > 5 and found.acts["new"] > 2, found.acts
    assert found.writes > 60 and found.judged > 300


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", LONG)
def test_nothing_is_lost_or_double(seed: int, tmp_path: Path) -> None:
    """The same with hundreds of leads, more than a thousand edits and more than twenty kills."""
    found = played(seed, tmp_path, edits=1500, leads=300, between=(1.0, 4.0))
    assert found.played.kills >= 20
    assert found.played.faults["lost"] >= 5 and found.played.faults["reset"] >= 1, found.played.faults
    assert found.acts["edit"] > 200 and found.acts["clash"] > 20 and found.acts["merge"] > 0, found.acts
    assert found.links["sales/contacts"] >= 250
    assert found.conflicts["open"] > 0
