"""A page costs what it shows, not what the store holds. What is not here: how fast it is, but in the long form."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncd.console.pages import PAGES
from tests.console.large import DEALS, FIRST, Steps, fill
from tests.console.town import Town, town

PATHS = [
    *(page.path for page in PAGES if "{" not in page.path and page.path != "/systems/findings"),
    "/records?q=Roof+7", f"/records/hubspot/deals/{FIRST + 7}", "/runs/7", "/parked?cause=refused",
    "/handoffs?state=linked", "/handoffs?state=needs", "/handoffs?state=failed", "/conflicts?state=overruled",
    f"/maps/{DEALS}", "/planned/sales", "/held/sales",
]  # fmt: skip
SMALL, LARGE = 3000, 9000
ROOM = 60
"""Hundreds of steps that a page may do more in a store of three times as much."""

TOTALS = ("/", "/review", "/parked", "/parked?cause=refused", "/maps", "/conflicts?state=overruled", "/conflicts")
PER_ROW = 30
"""Pages that tell how many there are count them in an index: so many steps for each that came, and no more."""


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[int, tuple[Town, Steps]]]:
    """The same small world twice, with few and with many rows beside it."""
    found = {}
    folder = tmp_path_factory.mktemp("large")
    with town(folder / "small", leads=4) as small, town(folder / "large", leads=4) as large:
        for count, one in ((SMALL, small), (LARGE, large)):
            fill(one.app.ready_store, count, one.app.clock())
            found[count] = one, Steps(one.app.ready_store)
        yield found


@pytest.mark.parametrize("path", PATHS)
def test_a_page_reads_what_it_shows(towns: dict[int, tuple[Town, Steps]], path: str) -> None:
    """In a store of three times as much the database does hardly more for a page, or counts in an index."""
    steps = {}
    for count, (one, counting) in towns.items():
        one.page(path)  # what is asked once, and kept
        steps[count] = counting.of(lambda one=one: one.page(path))
    counting_takes = (LARGE - SMALL) * PER_ROW / 100 if path in TOTALS else 0
    assert steps[LARGE] <= steps[SMALL] * 1.5 + ROOM + counting_takes, steps


@pytest.mark.long
def test_every_page_is_quick_after_years(tmp_path: Path) -> None:
    """With 100,000 links and 1,000,000 writes each page takes at most 150 ms at the median."""
    took: dict[str, float] = {}
    with town(tmp_path, leads=4) as one:
        fill(one.app.ready_store, 100_000, one.app.clock())
        for path in (*PATHS, "/records?q=oof+99999&from="):
            several = []
            for _ in range(7):
                begun = time.perf_counter()
                one.page(path)
                several.append(time.perf_counter() - begun)
            took[path] = statistics.median(several)
    for path, seconds in took.items():
        print(f"{path:44} {seconds * 1000:7.1f} ms")
    assert {path: seconds for path, seconds in took.items() if seconds > 0.15} == {}
