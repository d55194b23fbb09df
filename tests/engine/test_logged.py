"""What is logged while a pair is run says whose it is, in whichever thread. Not here: what is logged (`logs.md`)."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog
from structlog.contextvars import get_contextvars, merge_contextvars
from structlog.testing import capture_logs

from syncd.engine.run import work
from syncd.errors import Transient
from tests.engine.doings import edit, read_feed
from tests.engine.test_rules import linked, town_of
from tests.engine.vendor import MemoryConnector


def test_every_line_of_a_run_names_pair_run_and_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers side by side, a vendor in trouble: what engine and connector say is bound to all three."""
    with town_of() as town:
        left, _ = linked(town)
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += town.world.pace.retry_first
        read_feed(town, "crm", "contacts")
        world = replace(town.world, side_by_side=True)

        def down(*_: object, **__: object) -> object:
            structlog.get_logger("syncd.kit").info("retry")
            raise Transient("the vendor is down", retry_after=1.0)

        monkeypatch.setattr(MemoryConnector, "write", down)
        with capture_logs(processors=[merge_contextvars]) as logs, pytest.raises(Transient):
            work(world, town.pair)
        told = {line["event"]: line for line in logs}
        with town.store.read() as tx:
            (run,) = tx.runs.last(limit=1)
        for event in ("retry", "trouble"):
            assert {name: told[event].get(name) for name in ("pair", "run", "map")} == {
                "pair": "pair", "run": run.id, "map": "pair/contacts",
            }  # fmt: skip
        assert get_contextvars() == {}
