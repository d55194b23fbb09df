"""The audit finds exactly what was planted behind the engine's back, says what it is, and heals it by plan alone."""

from __future__ import annotations

import pytest

from syncd.core.model import Side
from syncd.engine.answers import release
from syncd.engine.auditing import figures
from syncd.engine.run import work
from syncd.engine.world import Guard
from syncd.store.marks import HELD
from tests.conftest import LONG
from tests.engine.doings import decide, rest
from tests.engine.planting import CONTACTS, Gardener, all_links, by_reason, findings, full_town, looked
from tests.engine.test_rules import with_mode
from tests.engine.town import Town

LEFT, RIGHT = Side.LEFT, Side.RIGHT
LINKS = 10_000 if LONG else 300
FIFTY = {"missed": 16, "unexplained": 14, "lag": 6, "gone": 4, "unlinked": 2, "conflict": 4, "lossy": 4}


def plant_fifty(town: Town) -> Gardener:
    """Fifty differences of seven sorts."""
    gardener = Gardener(town)
    for _ in range(FIFTY["conflict"]):
        gardener.conflict()
    for _ in range(FIFTY["lossy"]):
        gardener.long()
    gardener.carried()
    for number in range(FIFTY["missed"]):
        side, rule = ((LEFT, "name"), (RIGHT, "phone"), (LEFT, "note"), (RIGHT, "city"))[number % 4]
        gardener.missed(side, rule, f"m {number}")
    for number in range(FIFTY["unexplained"]):
        gardener.drifted(*((LEFT, "phone"), (RIGHT, "note"), (LEFT, "tag"))[number % 3], f"d {number}")
    for number in range(FIFTY["gone"]):
        gardener.gone((LEFT, RIGHT)[number % 2])
    for _ in range(FIFTY["unlinked"]):
        gardener.unlinked()
    for number in range(FIFTY["lag"]):
        gardener.lagging((LEFT, RIGHT)[number % 2], "name", f"l {number}")
    return gardener


@pytest.mark.timeout(3600 if LONG else 180)
def test_fifty_planted_differences_are_found_and_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is found in its class and nothing else is; marked, held by the guard and allowed, both sides are equal."""
    with full_town(LINKS, monkeypatch) as town:
        assert findings(looked(town)) == set()
        gardener = plant_fifty(town)
        assert by_reason(gardener.planted) == FIFTY
        assert len(gardener.planted) == 50
        before = writes(town)
        assert findings(looked(town, heal=True)) == gardener.planted
        assert writes(town) == before
        world = with_mode(town.world, "live", Guard(updates=10))
        assert work(world, world.pairs[0]).state == "held"
        assert writes(town) == before
        assert release(world, world.pairs, approve=True) > 0
        for number in range(FIFTY["conflict"]):
            decide(town, number, "left")
        rest(town)
        assert by_reason(findings(looked(town))) == {"lossy": FIFTY["lossy"]}
        with town.store.read() as tx:
            rows = figures(tx, [CONTACTS])
            assert tx.marks.resting(HELD) == []
        assert {row["parity"] for row in rows} == {100.0}
        assert {row["compared"] for row in rows} == {len(all_links(town))} == {LINKS - FIFTY["gone"]}


def writes(town: Town) -> int:
    """How often the vendors were written to."""
    return sum(1 for vendor in town.vendors.values() for call in vendor.calls if call[0] == "write")
