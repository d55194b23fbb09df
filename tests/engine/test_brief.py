"""What a few missing records or fields mean: troubles that are over soon, and records that were erased for good.

Not here: what makes a system pause (`test_lookout`), and how a pause ends (`test_pauses`).
"""

from __future__ import annotations

from syncd.service.daemon import Daemon
from tests.engine.doings import judge
from tests.engine.test_leaving import another
from tests.engine.test_lookout import reason
from tests.engine.test_rules import town_of
from tests.engine.town import Town
from tests.service.test_troubles import feed_tick


def oldest(town: Town) -> list[tuple[str, str]]:
    """The open links, as they were made."""
    with town.store.read() as tx:
        return [(link.left_id, link.right_id) for link in tx.links.all("pair/contacts")]


def test_some_erased_records_among_the_oldest_are_no_missing_permission() -> None:
    """Six of the first ten were erased, and forty others answer: it goes on."""
    with town_of(batch=50) as town:
        for number in range(50):
            another(town, number)
        judge(town)
        daemon = Daemon(town.world)
        feed_tick(daemon, "con")
        for _, right in oldest(town)[:6]:
            town.vendors["con"].delete("contacts", right)
        town.stage.now += town.world.pace.look_every
        feed_tick(daemon, "con")
        assert reason(town) is None
