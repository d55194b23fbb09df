"""Goals 4 to 7 and 14: nothing changed, a little changed, and that in bad weather; requests beside their floor."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from statistics import median

from tests.bench.measure import Bench, Line, of, p95, pages
from tests.bench.world import SECRET, Install, Vendors, fresh, vendors
from tests.ports import free_port

_FAST_ONLY = {"settle_every": "1h", "gone_every": "1h", "fresh": "1h", "look_every": "6h", "overlap": "2s", "lag": "1s"}
_SIXTY_TIMES = {
    "settle_every": "10s", "gone_every": "10s", "fresh": "10s", "look_every": "60s", "overlap": "2s", "lag": "1s",
}  # fmt: skip
_SOON = {"overlap": "60s", "lag": "1s"}


def goals(bench: Bench) -> Iterator[Line]:
    """Each as soon as it is measured."""
    small, seconds = bench.sizes[0], 4 if bench.quick else 20
    with vendors(small) as slow_world, vendors(small) as world, ThreadPoolExecutor(1) as beside:
        slow = beside.submit(_idle, _linked(bench, slow_world, _SIXTY_TIMES), seconds=60)
        if not bench.quick:  # which has the time to measure each alone
            wait([slow])
        few = _idle(_linked(bench, world, _FAST_ONLY), seconds=seconds)
        many = yield from _with_many(bench, seconds)
        yield _soon(bench, world)
        yield _nothing(bench, few, many, slow.result())


def _linked(bench: Bench, world: Vendors, timing: Mapping[str, str]) -> Install:
    """A set-up after its first link, that polls every second when it runs."""
    folder = bench.folder / f"changing-{world.hubspot}"
    install = Install(fresh(folder), world, every="1s", timing=timing, web=free_port())
    install.run("once")
    return install


def _with_many(bench: Bench, seconds: int) -> Generator[Line, None, dict[str, float]]:
    """What is measured with many links; what a cycle costs there in which nobody does anything."""
    with vendors(bench.size) as world:
        install = _linked(bench, world, _FAST_ONLY)
        idle = _idle(install, seconds=seconds)
        install.timing = _SOON
        install.configure()
        install.run("once")
        yield from _changed(bench, world, install)
        yield _in_bad_weather(bench, world, install)
    return idle


def _idle(install: Install, *, seconds: int) -> dict[str, float]:
    """What a daemon asks and costs in so many seconds in which nobody does anything."""
    with install.daemon() as daemon:
        install.vendors.at_rest()
        before = daemon.cpu()
        time.sleep(seconds)
        counts, spent = install.vendors.ask("counts"), daemon.cpu() - before
    cycles = max(counts["hubspot"].get("search", 0), 1)
    # JobNimbus tells of custom fields by the records that carry them, so a sample of records is about fields too.
    schema = sum(vendor.get(name, 0) for vendor in counts.values() for name in ("schema", "sample"))
    total = sum(vendor["requests"] for vendor in counts.values()) - schema
    return {"cycles": cycles, "requests": total, "schema": schema, "cpu": spent / cycles}


def _nothing(bench: Bench, few: dict[str, float], many: dict[str, float], slow: dict[str, float]) -> Line:
    per_cycle = many["requests"] / many["cycles"]
    hourly = slow["requests"] - 2 * slow["cycles"]
    growth = of(many["cpu"], few["cpu"])
    return Line(
        goal="4", work=f"nothing changed, {bench.size:,} links",
        asked="2 requests a cycle, <= 30 slow ones an hour, <= 15 ms CPU, <= 1.2 x that of fewer links",
        measured=(
            f"{per_cycle:.2f} requests, {hourly:.0f} slow an hour (and {slow['schema']} about fields and users), "
            f"{many['cpu'] * 1000:.1f} ms, {growth:.2f} x that of {bench.sizes[0]:,}"
        ),
        holds=per_cycle <= 2.05 and hourly <= 30 and many["cpu"] <= 0.015 and growth <= 1.2,
        figures={"small": few, "large": many, "slow": slow},
    )  # fmt: skip


def floor(changes: int) -> int:
    """The fewest requests that so many changes on each side take."""
    across = pages(changes, 200) + pages(changes, 100) + 2 * changes
    back = pages(changes, 1000) + 2 * pages(changes, 100)
    return across + back


def _changed(bench: Bench, world: Vendors, install: Install) -> Iterator[Line]:
    """One in a hundred on each side, near and far; then nothing more."""
    changes, rows = bench.size // 100, {}
    start = median(install.run("once").cpu for _ in range(3))
    world.ask("counts")
    for latency in (0.0, 0.02, 0.08):
        edit(world, bench.size, changes, f"Town{latency}")
        world.ask("weather", latency=latency)
        found, counts = install.run("once"), world.ask("counts")
        world.ask("weather")
        assert world.ask("differing") == []
        # JobNimbus takes two at a time: its GETs and PUTs are what is waited for.
        soonest = max((changes + pages(changes, 200)) * latency, found.cpu)
        own = (found.cpu - start) / (2 * changes)
        rows[latency] = {"requests": asked(counts), "wall": found.wall, "cpu": own, "floor": soonest}
    requests = of(rows[0.0]["requests"], floor(changes))
    times = {latency: of(rows[latency]["wall"], rows[latency]["floor"]) for latency in (0.02, 0.08)}
    cpu = rows[0.0]["cpu"] * 1000
    yield Line(
        goal="5", work=f"1 % of {bench.size:,} changed on each side",
        asked="requests <= 1.05 x floor, time <= 1.3 x floor at 20 and 80 ms, <= 3 ms CPU a change",
        measured=f"{requests:.2f} x, {times[0.02]:.2f} x and {times[0.08]:.2f} x, {cpu:.2f} ms",
        holds=requests <= 1.05 and max(times.values()) <= 1.3 and cpu <= 3,
        figures={str(latency): row for latency, row in rows.items()},
    )  # fmt: skip
    again = [after(world, install) for _ in range(3)]
    writes = sum(one["writes"] for one in again)
    reads = sum(one["reads"] for one in again)
    yield Line(
        goal="6",
        work="cycles after that, nobody does anything",
        asked="0 writes, search pages only",
        measured=f"{writes} writes, {reads} reads of records",
        holds=not writes and not reads,
        figures={"cycles": again},
    )


def after(world: Vendors, install: Install) -> dict[str, int]:
    install.run("once")
    counts = world.ask("counts")
    writes = ("batch update", "batch create", "put", "post", "patch")
    reads = ("batch read", "get", "look-up")
    total = {name: sum(vendor.get(name, 0) for vendor in counts.values()) for name in (*writes, *reads)}
    return {"writes": sum(total[name] for name in writes), "reads": sum(total[name] for name in reads)}


def asked(counts: dict[str, dict[str, int]]) -> int:
    """Requests for records; a pass begins with a few more, whatever there is to do."""
    apart = ("requests", "schema", "sample", "bin")
    return sum(count for vendor in counts.values() for name, count in vendor.items() if name not in apart)


def edit(world: Vendors, size: int, changes: int, word: str) -> None:
    """So many people on each side, nobody on both, so long ago that a pass sees them.

    Vendors' clocks are heard to the second: what was changed within the last one is left to the next pass.
    """
    step = size // (2 * changes)
    world.ask("edit", side="hubspot", first=0, number=changes, step=2 * step, word=word)
    world.ask("edit", side="jobnimbus", first=step, number=changes, step=2 * step, word=word)
    time.sleep(1)


def _in_bad_weather(bench: Bench, world: Vendors, install: Install) -> Line:
    changes = max(40, bench.size // 200)
    soon = {"lease": "10s", "retry_first": "1s", "retry_max": "4s"} if bench.quick else {}
    install.timing = {**_SOON, "timeout": "1s", "landing": "3s", **soon}
    install.configure()
    edit(world, bench.size, changes, "Fair")
    world.ask("counts")
    install.run("once")
    fair = world.ask("counts")
    edit(world, bench.size, changes, "Foul")
    world.ask("weather", throttled=0.05, failed=0.01, hung=0.01)
    _until_equal(world, install)
    foul = world.ask("counts")
    world.ask("weather")
    # Each pass polls as well, and tells nothing of how an update is carried out.
    names = ("get", "put", "batch read", "batch update", "429", "failed", "hung")
    spent = {word: sum(one.get(name, 0) for one in counts.values() for name in names)
             for word, counts in (("fair", fair), ("foul", foul))}  # fmt: skip
    failed = sum(one.get(name, 0) for one in foul.values() for name in ("429", "failed", "hung"))
    ratio = of(spent["foul"] - spent["fair"], failed)
    return Line(
        goal="14",
        work=f"{2 * changes} updates, 5 % 429s, 2 % 503s and time-outs",
        asked="extra requests / failed ones <= 1.2, both sides equal",
        measured=f"{ratio:.2f}, equal",
        holds=ratio <= 1.2,
        figures={**spent, "failed": failed},
    )


def _until_equal(world: Vendors, install: Install) -> None:
    for _ in range(40):
        try:
            install.run("once")
        except RuntimeError:
            continue  # the run met with more than it could bear; the next goes on
        if not world.ask("differing"):
            return
    raise AssertionError("the two sides do not become equal")


def _soon(bench: Bench, world: Vendors) -> Line:
    """One update at a time, seen on the other side: by webhook, and by poll."""
    latency, every, times = 0.02, 2.0, 3 if bench.quick else 40
    install = Install(fresh(bench.folder / "soon"), world, every="1h", timing=_SOON, web=free_port())
    install.run("once")
    world.ask("weather", latency=latency)
    hooked = _seen(world, install, times, hooks=True)
    install.every = f"{every:.0f}s"
    install.configure()
    polled = _seen(world, install, times, hooks=False)
    world.ask("weather")
    limits = 4 * latency + 0.15, every + 5 * latency + 0.15
    return Line(
        goal="7",
        work=f"one update, seen across, {latency * 1000:.0f} ms",
        asked=f"by webhook <= {limits[0] * 1000:.0f} ms, by poll <= {limits[1] * 1000:.0f} ms (p95)",
        measured=f"{p95(hooked) * 1000:.0f} ms and {p95(polled) * 1000:.0f} ms",
        holds=p95(hooked) <= limits[0] and p95(polled) <= limits[1],
        figures={"hooked": hooked, "polled": polled},
    )


def _seen(world: Vendors, install: Install, times: int, *, hooks: bool) -> list[float]:
    """Seconds from an edit in JobNimbus to its write in HubSpot."""
    with install.daemon():
        world.at_rest()
        return [_one_seen(world, install, number, hooks=hooks) for number in range(times)]


def _one_seen(world: Vendors, install: Install, number: int, *, hooks: bool) -> float:
    (id_,) = world.ask("edit", side="jobnimbus", first=number, number=1, step=1, word=f"Seen{hooks}{number}")
    began, twin = time.monotonic(), str(101 + int(id_.removeprefix("jn")))
    if hooks:
        body = json.dumps({"jnid": id_, "type": "contact"}).encode()
        url = f"http://127.0.0.1:{install.web}/hooks/jobnimbus/{SECRET}"
        request = urllib.request.Request(url, body, {"content-type": "application/json"}, method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
    while (arrived := world.ask("arrived", side="hubspot", id=twin)) is None or arrived < began:
        assert time.monotonic() < began + 30, "it was never seen"
        time.sleep(0.005)
    return float(arrived) - began
