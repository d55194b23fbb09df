"""Goals 8 to 10: memory, the store on disk, and the start."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.measure import Bench, Line, of
from tests.bench.world import Cost, Install, Vendors, cost, fresh, vendors

_SOON = {"overlap": "60s", "lag": "1s"}


def goals(bench: Bench) -> Iterator[Line]:
    """Each as soon as it is measured."""
    costs: dict[int, dict[str, Cost]] = {}
    for size in bench.sizes:
        with vendors(size) as world:
            install = Install(fresh(bench.folder / "sizes"), world, timing=_SOON, every="1s")
            install.run("db", "upgrade")
            bare = _stored(install)
            costs[size] = {"link": install.run("once"), "no-op": install.run("once")}
            narrow, changed = (_stored(install) - bare) / size, 0
            for word, links in (("few", bench.sizes[0]), ("delta", size)):
                changed += _edit(world, max(1, links // 100 - 1), word)
                costs[size][word] = install.run("once")
            journal = install.size()["journal"] / changed if changed > 200 else None
            if size == bench.size:
                stored, logged = narrow, journal
                yield _start(install)
    yield _memory(bench, costs)
    size = bench.sizes[0]
    with vendors(size, wide=True) as world:
        install = Install(fresh(bench.folder / "wide"), world, wide=True)
        install.run("once")
        wide = (_stored(install) - bare) / size
    yield Line(
        goal="9", work="the store on disk, for each link",
        asked="<= 1.3 KB with 9 fields, <= 2.8 KB with 30, journal <= 600 B",
        measured=f"{stored / 1000:.2f} KB, {wide / 1000:.2f} KB, journal {logged or 0:.0f} B a written record",
        holds=stored <= 1300 and wide <= 2800 and (logged or 0) <= 600,
        figures={"narrow": stored, "wide": wide, "journal": logged},
    )  # fmt: skip


def _edit(world: Vendors, number: int, word: str) -> int:
    """So many on each side, one in a hundred; how many in all.

    At most a thousand in a second: what shares a second is read as one page.
    """
    for side, first in (("hubspot", 0), ("jobnimbus", 50)):
        for begun in range(0, number, 1000):
            if begun:
                time.sleep(1)
            some = min(1000, number - begun)
            world.ask("edit", side=side, first=first + 100 * begun, number=some, step=100, word=word)
    time.sleep(1)
    return 2 * number


def _polled(counts: dict[str, dict[str, int]]) -> bool:
    return bool(counts["hubspot"].get("search") or counts["jobnimbus"].get("list"))


def _stored(install: Install) -> int:
    """Bytes of all tables but the journal."""
    return sum(size for table, size in install.size().items() if table != "journal")


def _memory(bench: Bench, costs: dict[int, dict[str, Cost]]) -> Line:
    smallest, largest = bench.sizes[0], bench.sizes[-1]
    peaks = {size: {word: cost.peak for word, cost in one.items()} for size, one in costs.items()}
    # A hundredth of more links is more changes: what grows with those is no growth with the links.
    growth = {word: of(peaks[largest][word], peaks[smallest][word]) for word in ("link", "no-op", "few")}
    most = max(max(one.values()) for one in peaks.values())
    told = ", ".join(f"{size:,}: {max(one.values()) / 2**20:.0f} MiB" for size, one in peaks.items())
    return Line(
        goal="8", work="peak memory of a link, a pass without, with a few and with 1 % of changes",
        asked="<= 150 MiB, the largest <= 1.15 x the smallest", measured=f"{told}; {max(growth.values()):.2f} x",
        holds=most <= 150 * 2**20 and max(growth.values()) <= 1.15,
        figures={
            str(size): {word: {"peak": one.peak, "cpu": one.cpu, "wall": one.wall} for word, one in words.items()}
            for size, words in costs.items()
        },
    )  # fmt: skip


def _start(install: Install) -> Line:
    world = install.vendors
    world.ask("counts")
    with install.daemon() as daemon:
        end = time.monotonic() + 60
        while not _polled(world.ask("counts")):
            assert time.monotonic() < end, "it does not poll"
            time.sleep(0.01)
        spent = daemon.cpu()
    helped = min(cost([str(install.program), "--help"], install.folder).wall for _ in range(3))
    return Line(
        goal="10", work="start to the first poll; syncd --help", asked="<= 1 CPU-s; <= 0.4 s",
        measured=f"{spent:.2f} CPU-s; {helped:.2f} s", holds=spent <= 1 and helped <= 0.4,
        figures={"start": spent, "help": helped},
    )  # fmt: skip
