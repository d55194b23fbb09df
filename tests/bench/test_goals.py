"""What a bench measures and chance does not move: requests beside their floor, writes once all is settled.

Not here: seconds, which `make bench` tells as ratios.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from tests.bench.changing import after, asked, edit, floor
from tests.bench.measure import pages
from tests.bench.world import Install, Vendors, vendors

SIZE, CHANGES = 2_000, 20
BY_PERSON = ("batch update", "batch create", "patch", "post", "put")


@pytest.fixture(scope="module")
def world() -> Iterator[Vendors]:
    with vendors(SIZE) as found:
        yield found


@pytest.fixture(scope="module")
def first(world: Vendors, tmp_path_factory: pytest.TempPathFactory) -> tuple[Install, Mapping[str, Mapping[str, int]]]:
    """A set-up after its first link, and what that asked."""
    install = Install(tmp_path_factory.mktemp("bench") / "home", world, timing={"overlap": "120s", "lag": "1s"})
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
