"""A stage on which both sides have been synced once, and what the comparison says of it untouched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from syncd.app import App
from syncd.engine.world import World
from syncd.lab.compare import Comparison, compare
from syncd.lab.stage import Stage

QUICK = {"lag": "1s", "landing": "1s", "idle": "100ms", "retry_first": "1s"}


@dataclass(frozen=True, slots=True)
class Scene:
    """A synced stage at rest; nothing syncs any more. `clean`: the comparison before any test touched it."""

    stage: Stage
    world: World
    clean: Comparison

    def look(self) -> Comparison:
        """Compare again."""
        return look(self.stage, self.world)


def look(stage: Stage, world: World) -> Comparison:
    """One comparison, with connectors of its own."""
    readers = stage.readers()
    try:
        return compare(world, stage.vendors, readers)
    finally:
        for reader in readers.values():
            reader.close()


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Forty leads, synced until nothing was due."""
    stage = Stage(
        folder=tmp_path_factory.mktemp("stage"),
        leads=40,
        rate="1000/1",
        timing=QUICK,
        left_settings={"index_lag": {"kind": "none"}, "search_rate": "off"},
        right_settings={"index_lag": 0},
    )
    with stage, App.open(stage.config, environ=stage.environ) as app:
        app.once()
        yield Scene(stage, app.world, look(stage, app.world))
