"""The daemon over a real stage: what it learns while it runs."""

import time
from pathlib import Path

from syncd.app import App
from syncd.lab.stage import Stage
from syncd.service.daemon import Daemon


def _rules(daemon: Daemon) -> set[str]:
    return {rule.name for rule in daemon.world.maps["sales/deals-jobs"].rules}


def test_maps_follow_the_vendors_fields_without_a_restart(tmp_path: Path) -> None:
    """A field that goes leaves its optional rule out from then on, in the same world with the same feed locks."""
    with (
        Stage(folder=tmp_path, timing={"fresh": "100ms"}) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        daemon = Daemon(app.world, pairs_again=app.compiled_pairs)
        assert "roof_type" in _rules(daemon)
        locks = daemon.world.feed_locks
        stage.left.act("property_archive", "deals", name="roof_type")
        time.sleep(0.2)
        daemon.compile_again()
        assert "roof_type" not in _rules(daemon)
        assert daemon.world.feed_locks is locks


def test_maps_that_fit_no_longer_go_on_as_they_were(tmp_path: Path) -> None:
    """A required field that goes is told in the log, and the daemon keeps the maps it has."""
    with (
        Stage(folder=tmp_path, timing={"fresh": "100ms"}) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        daemon = Daemon(app.world, pairs_again=app.compiled_pairs)
        before = daemon.world
        stage.left.act("property_archive", "contacts", name="city")
        time.sleep(0.2)
        daemon.compile_again()
        assert daemon.world is before
