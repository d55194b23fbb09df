"""What a bench measures and chance does not move: requests, writes once all is settled, and what grows with the links.

Not here: seconds, which `make bench` tells as ratios; the work in the store is counted in steps of SQLite's machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson
import pytest
from sqlalchemy import event

from syncd.app import App
from tests.bench.changing import after, asked, edit, floor
from tests.bench.measure import pages
from tests.bench.picture import costs, drawn
from tests.bench.world import ROOT, SECRET, Install, Vendors, vendors

SIZE, CHANGES = 2_000, 20
TIMES = 4
"""So many times as many links are a larger house."""
TIMING = {"overlap": "120s", "lag": "1s"}
BY_PERSON = ("batch update", "batch create", "patch", "post", "put")


@pytest.fixture(scope="module")
def world() -> Iterator[Vendors]:
    with vendors(SIZE) as found:
        yield found


@pytest.fixture(scope="module")
def first(world: Vendors, tmp_path_factory: pytest.TempPathFactory) -> tuple[Install, Mapping[str, Mapping[str, int]]]:
    """A set-up after its first link, and what that asked."""
    install = Install(tmp_path_factory.mktemp("bench") / "home", world, timing=TIMING)
    install.run("once")
    return install, world.ask("counts")


def test_a_first_link_reads_each_side_once_and_writes_nothing(
    first: tuple[Install, Mapping[str, Mapping[str, int]]],
) -> None:
    """So many pages as there must be, a search for each tick of them, and not one question about a record."""
    _, counts = first
    assert counts["hubspot"]["list"] == pages(SIZE, 100)
    assert counts["jobnimbus"]["list"] <= pages(SIZE, 1000) + 12
    assert not {name for vendor in counts.values() for name in vendor} & {*BY_PERSON, "batch read", "get", "look-up"}


def test_changes_cost_what_changed(first: tuple[Install, Mapping[str, Mapping[str, int]]], world: Vendors) -> None:
    """One in a hundred of each side: the floor of requests, and a few more; then no write and no read of a record."""
    install, _ = first
    edit(world, SIZE, CHANGES, "Elgin")
    install.run("once")
    counts = world.ask("counts")
    assert world.ask("differing") == []
    assert asked(counts) <= floor(CHANGES) + 6
    assert [after(world, install) for _ in range(2)] == [{"writes": 0, "reads": 0}] * 2


def test_memory_and_a_pass_without_change_do_not_grow_with_the_links(tmp_path: Path) -> None:
    """Four times as many links: the peak of linking them stays, and a pass asks and computes what it did with few."""
    peaks, passes = [], []
    for size in (SIZE, TIMES * SIZE):
        with vendors(size) as world:
            install = Install(tmp_path / str(size), world, timing=TIMING)
            peaks.append(install.run("once").peak)
            install.run("once")
            world.ask("counts")
            passes.append((_steps(install), world.ask("counts")))
    assert peaks[1] <= 1.15 * peaks[0]
    (few, asked_few), (many, asked_many) = passes
    assert asked_many == asked_few
    assert few / 1.2 <= many <= 1.2 * few


def _steps(install: Install) -> int:
    """The steps that SQLite's machine takes in one pass."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with App.open(install.folder / "config.toml", environ={"BENCH_SECRET": SECRET}) as app:
        event.listen(app.store.engine, "checkout", lambda raw, *_: raw.set_progress_handler(count, 1))
        app.once()
    assert steps > 100
    return steps


def test_the_picture_is_drawn_from_the_figures() -> None:
    """What the page on cost shows is what its figures say."""
    folder = ROOT / "docs" / "explanation"
    told = orjson.loads((folder / "cost.json").read_bytes())
    assert (folder / "cost.svg").read_text(encoding="utf-8") == drawn(costs(told))
