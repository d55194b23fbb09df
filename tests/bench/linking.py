"""Goals 1, 2, 3, 11 and 13: the first link of two full sides, beside a script, a floor, a plan and another store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import postgres
from tests.bench.measure import Bench, Line, in_turn, middle, pages, rate, spread
from tests.bench.world import FILE, Cost, Install, Vendors, cost, fresh, vendors

_PEERS = Path(__file__).parent / "peers"


def goals(bench: Bench) -> Iterator[Line]:
    """Each as soon as it is measured."""
    with vendors(bench.size) as world:
        line, cpu = _beside_a_script(bench, world)
        yield line
        yield _far_away(bench, world, cpu)
        yield _under_a_quota(bench, world)
        yield _planned(bench, world)
        yield _on_postgres(bench, world)


def _beside_a_script(bench: Bench, world: Vendors) -> tuple[Line, float]:
    """And the CPU seconds that we take."""
    size = bench.size
    ours, script = in_turn(
        bench.pairs,
        lambda: rate(size, _linked(bench, world).cpu),
        lambda: rate(size, _scripted(bench, world)),
    )
    ratio = middle([mine / its for mine, its in zip(ours, script, strict=True)])
    line = Line(
        goal="1", work=f"first link of {size:,}, no latency", asked=">= 8 x the script, >= 4,000 records per CPU-s",
        measured=f"{spread(ours)} records per CPU-s, the script {spread(script)}: {ratio:.2f} x",
        holds=ratio >= 8 and middle(ours) >= 4000, figures={"ours": ours, "script": script, "ratio": ratio},
    )  # fmt: skip
    return line, size / middle(ours)


def _far_away(bench: Bench, world: Vendors, cpu: float) -> Line:
    """`cpu`: what the same takes nearby."""
    latency = 0.08
    world.ask("weather", latency=latency)
    far = _linked(bench, world)
    world.ask("weather")
    floor = max(pages(bench.size, 100) * latency, cpu)
    ratio = far.wall / floor
    return Line(
        goal="2", work=f"the same at {latency * 1000:.0f} ms", asked="<= 1.5 x the time floor",
        measured=f"{far.wall:.1f} s, floor {floor:.1f} s: {ratio:.2f} x", holds=ratio <= 1.5,
        figures={"wall": far.wall, "floor": floor},
    )  # fmt: skip


def _under_a_quota(bench: Bench, world: Vendors) -> Line:
    most, within = 190, 10.0
    world.ask("counts")
    world.ask("weather", quota=[most, within])
    pace = f"{most}/{within:.0f}s"
    found = _linked(bench, world, rates={"hubspot_rate": pace, "jobnimbus_rate": pace})
    counts = world.ask("counts")
    world.ask("weather")
    asked = pages(bench.size, 100)
    floor = max(asked / (most / within) - within, found.cpu)
    refused = sum(vendor.get("429", 0) for vendor in counts.values())
    share = refused / sum(vendor["requests"] for vendor in counts.values())
    ratio = found.wall / floor
    return Line(
        goal="3", work=f"the same under {most / within:.0f} requests/s", asked="<= 1.1 x quota time, 429s < 1 %",
        measured=f"{found.wall:.1f} s, quota time {floor:.1f} s: {ratio:.2f} x; 429s {share:.2%}",
        holds=ratio <= 1.1 and share < 0.01, figures={"wall": found.wall, "floor": floor, "throttled": share},
    )  # fmt: skip


def _planned(bench: Bench, world: Vendors) -> Line:
    def plan() -> Cost:
        found = Install(fresh(bench.folder / "plan"), world).run("plan", "--format", "json")
        rows = json.loads(found.output[found.output.index("{") :])
        assert rows["links"] == bench.size, rows
        return found

    world.ask("counts")
    peaks: dict[str, list[int]] = {"plan": [], "link": []}

    def told(word: str, found: Cost) -> float:
        peaks[word].append(found.peak)
        return rate(bench.size, found.cpu)

    plans, links = in_turn(
        min(bench.pairs, 2), lambda: told("plan", plan()), lambda: told("link", _linked(bench, world))
    )
    writes = sum(count for vendor in world.ask("counts").values() for name, count in vendor.items() if name in _WRITES)
    ratio, memory = middle(plans) / middle(links), max(peaks["plan"]) / max(peaks["link"])
    return Line(
        goal="11", work=f"plan of a first link of {bench.size:,}", asked=">= own link rate, 0 writes, same memory",
        measured=f"{ratio:.2f} x the link rate, {writes} writes, {memory:.2f} x the memory",
        holds=ratio >= 1 and not writes and memory <= 1.1, figures={"ratio": ratio, "writes": writes, "memory": memory},
    )  # fmt: skip


_WRITES = ("batch update", "batch create", "patch", "post", "put")


def _on_postgres(bench: Bench, world: Vendors) -> Line:
    began = postgres.prepare()
    try:
        there, here = in_turn(
            min(bench.pairs, 2),
            lambda: rate(bench.size, _linked(bench, world, store=postgres.blank()).wall),
            lambda: rate(bench.size, _linked(bench, world).wall),
        )
    finally:
        if began:
            postgres.finish()
    ratio = middle(there) / middle(here)
    return Line(
        goal="13", work=f"first link of {bench.size:,} on PostgreSQL", asked=">= 0.4 x the SQLite rate",
        measured=f"{spread(there)} records/s, SQLite {spread(here)}: {ratio:.2f} x", holds=ratio >= 0.4,
        figures={"postgresql": there, "sqlite": here},
    )  # fmt: skip


def _linked(bench: Bench, world: Vendors, *, rates: Mapping[str, str] | None = None, store: str = FILE) -> Cost:
    """A first link in a new place."""
    install = Install(fresh(bench.folder / "link"), world, rates=rates or {}, store=store)
    found = install.run("once")
    told = json.loads(install.run("status", "--format", "json").output)
    assert told["links"] == {"bench/contacts": bench.size}, found.output
    return found


def _scripted(bench: Bench, world: Vendors) -> float:
    """The CPU seconds of the script's work."""
    folder = fresh(bench.folder / "script")
    folder.mkdir(parents=True)
    addresses = [f"http://127.0.0.1:{port}" for port in (world.hubspot, world.jobnimbus)]
    found = cost([str(bench.peers), str(_PEERS / "script.py"), "first", *addresses, str(folder / "links.db")], folder)
    told = json.loads(found.output.strip().splitlines()[-1])
    assert told["records"] == bench.size
    return float(told["cpu"])
