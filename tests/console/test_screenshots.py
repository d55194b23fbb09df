"""A picture of every page in both themes, of a small world that lives; `make screenshots` keeps them in docs/console.

What is not here: whether a page is right.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from syncd.console.pages import PAGES
from tests.console.living import Living
from tests.house.tree import ROOT, page

Opens = Callable[..., Page]
KEPT = os.environ.get("SYNCD_SCREENSHOTS")
HIGH, WIDE = 860, 1280


def pictures(living: Living) -> dict[str, str]:
    """Name -> address: every page that the navigation leads to, a record, a run and a map."""
    living.settle()
    with living.app.ready_store.read() as tx:
        link = tx.links.all("sales/deals-jobs", limit=1)[0]
        run = next(run.id for run in tx.runs.last(limit=50) if run.counts.get("create:written"))
    found = {(one.path.strip("/") or "home"): one.path for one in PAGES if one.nav}
    record = f"/records/hubspot/deals/{link.left_id}"
    return {**found, "record": record, "run": f"/runs/{run}", "map": "/maps/sales/deals-jobs"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_has_its_picture(living: Living, visits: Opens, tmp_path: Path, scheme: str) -> None:
    """Each is drawn, and is no blank one."""
    folder = ROOT / KEPT if KEPT else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    shown = visits(color_scheme=scheme, viewport={"width": WIDE, "height": HIGH}, timezone_id="America/Chicago")
    for name, path in pictures(living).items():
        shown.goto(living.url + path)
        shown.wait_for_load_state("load")
        drawn = shown.screenshot(path=folder / f"{name}-{scheme}.png", animations="disabled")
        assert len(drawn) > 15_000, name


def test_every_picture_is_in_the_page_of_the_console() -> None:
    """What the documentation shows is there, and every page is shown."""
    text = page("explanation/console.md")
    names = [one.path.strip("/") or "home" for one in PAGES if one.nav] + ["record", "run", "map"]
    for scheme in ("light", "dark"):
        for name in names:
            assert f"console/{name}-{scheme}.png" in text, name
            assert (ROOT / "docs" / "console" / f"{name}-{scheme}.png").is_file(), name
