"""The daemon killed with -9 again and again, while people edit both sides and answers to writes get lost.

Not here: the trouble itself (`syncd.lab.play`), and what the laws say (`syncd.lab.laws`, `causes`, `meetings`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from syncd.app import App
from syncd.lab.crm import HUBSPOT, SALESFORCE, Crm
from syncd.lab.people import Leaving
from syncd.lab.prove import Proof, Task, prove

SHORT, LONG = (1, 2), range(1, 11)
EXPLAINED = {"question", "waiting", "gone", "refused"}
"""Why a record may be parked at the end: two people may be one, it waits for such a one, its twin was deleted, or its
vendor refuses what somebody typed (an e-mail that another record has)."""

STAY, LEAVE = Leaving(delete=0.0, restore=0.0, merge=0.0), Leaving(delete=0.02, restore=0.015, merge=0.01)
"""In `make test` people edit; in the long plays they also delete, restore and merge records."""


def played(
    seed: int, folder: Path, *, edits: int, leaving: Leaving, crm: Crm = HUBSPOT, leads: int = 300, kills: int = 20
) -> Proof:
    """One proof over so many leads and at least so many kills; every law held."""
    task = Task(crm=crm, edits=edits, seed=seed, leads=leads, per_second=20.0, between=(1.0, 3.0), kills=kills,
                leaving=leaving)  # fmt: skip
    found = prove(App.open, folder, task)
    assert found.played.failed is None
    assert not found.breaches, "\n\n".join(str(breach) for breach in found.breaches[:5])
    assert found.comparison.clean, (
        found.comparison.differences[:5], found.comparison.duplicates[:5], found.comparison.missing[:5],
    )  # fmt: skip
    assert found.good
    assert {cause.rpartition(" ")[2] for cause in found.parked} <= EXPLAINED, found.parked
    assert found.in_flight <= 5  # typed while a write was held up at the vendor
    assert found.played.kills >= kills
    lost, reset = (found.played.faults[name] for name in ("lost", "reset"))
    # Which of the two it is falls to chance; that writes lost their answer is what the play is about.
    assert lost >= 1 and lost + reset >= 5, found.played.faults
    assert sum(count for name, count in found.links.items() if name.endswith(("/contacts", "/leads"))) >= leads * 0.8
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


@pytest.mark.timeout(420)
def test_nor_with_salesforce_on_the_left(tmp_path: Path) -> None:
    """The same where lists are written, transactions end late, rows are locked, and two maps share a kind."""
    found = played(1, tmp_path, edits=250, leaving=STAY, crm=SALESFORCE, leads=80, kills=8)
    assert found.acts["edit"] > 100 and found.acts["clash"] > 8, found.acts
    assert min(found.links.values()) >= 20, found.links


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", LONG)
def test_nor_is_it_in_a_long_play_with_salesforce(seed: int, tmp_path: Path) -> None:
    """With more edits, and people who also delete, restore, merge and convert."""
    found = played(seed, tmp_path, edits=2000, leaving=LEAVE, crm=SALESFORCE)
    assert found.acts["edit"] > 500 and found.acts["clash"] > 50, found.acts
    # Which of them it is falls to chance: in one play of ten nobody converts a lead.
    assert found.acts["merge"] + found.acts["convert"] > 5, found.acts
