"""Goals 12 and 15: the decision alone, and reading a delta, beside what dlt and a Singer tap read."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from syncd.app import App
from syncd.core.decision import Base, Given, Shadow
from syncd.core.model import Record, Side
from syncd.core.plan import plan
from tests.bench.measure import Bench, Line, in_turn, middle, rate, spread
from tests.bench.world import SECRET, Install, Vendors, cost, fresh, vendors

_PEERS = Path(__file__).parent / "peers"
_ROUNDS = 20


def goals(bench: Bench) -> Iterator[Line]:
    """Each as soon as it is measured."""
    yield _decided(bench)
    with vendors(bench.size) as world:
        yield _read(bench, world)


def _decided(bench: Bench) -> Line:
    """Thirty fields of which three changed, for five hundred people, again and again."""
    number = 500
    with vendors(number, wide=True) as world:
        install = Install(fresh(bench.folder / "decided"), world, wide=True)
        with App.open(install.folder / "config.toml", environ={"BENCH_SECRET": SECRET}) as app:
            app.compiled_pairs()
            (m,) = app.world.maps.values()
            records = {side: _records(app, m.end(side)) for side in Side}
    triples = []
    for left, right in zip(records[Side.LEFT], records[Side.RIGHT], strict=True):
        base = Base(
            left={r.name: Shadow(left.fields.get(str(r.field(Side.LEFT))), left.modified_at) for r in m.rules},
            right={r.name: Shadow(right.fields.get(str(r.field(Side.RIGHT))), right.modified_at) for r in m.rules},
        )
        changed = {**left.fields, "city": "Elsewhere", "extra_2": 7.5, "extra_3": "other"}
        triples.append((base, Record(ref=left.ref, fields=changed, modified_at=left.modified_at), right))
    best = float("inf")
    for _ in range(_ROUNDS):
        began = time.process_time()
        for base, left, right in triples:
            plan(m, base, left, right, Given())
        best = min(best, (time.process_time() - began) / len(triples))
    whole = _synced(bench)
    return Line(
        goal="12", work=f"translate and merge, {len(m.rules)} rules, 3 changed", asked="<= 40 microseconds a record",
        measured=(
            f"{best * 1e6:.0f} microseconds; vdirsyncer, whole items: {whole['changes'] * 1e6:.0f} a changed one, "
            f"{whole['idle'] * 1e6:.0f} one at rest"
        ),
        holds=best <= 40e-6, figures={"seconds": best, "vdirsyncer": whole},
    )  # fmt: skip


def _synced(bench: Bench) -> dict[str, float]:
    """CPU seconds that vdirsyncer takes for an item between two storages in memory: linked, at rest, changed."""
    folder = fresh(bench.folder / "items")
    folder.mkdir(parents=True)
    size, changed = 2_000, 500
    words = [str(bench.peers), str(_PEERS / "with_vdirsyncer.py"), str(size), str(changed)]
    told = [json.loads(line) for line in cost(words, folder).output.strip().splitlines()]
    found = {one["what"]: one["cpu"] / one["records"] for one in told}
    # It walks through all there is, whatever changed: what that takes is told for itself.
    return found | {"changes": found["changes"] - found["idle"] * size / (2 * changed)}


def _records(app: App, end: Any) -> list[Record]:
    connector, fields, found = app.connectors[end.system], app.world.fields(end.system, end.kind), []
    cursor = None
    while True:
        page = None
        for page in connector.changes(end.kind, cursor, fields, lambda ids: {}):
            found += [record for record in page.records if isinstance(record, Record)]
        assert page is not None
        if page.backfilled:
            return sorted(found, key=lambda record: str(record.fields["email"]))
        cursor = page.cursor


def _read(bench: Bench, world: Vendors) -> Line:
    """All that changed since long ago, as one delta; it is read and no more, as what dlt extracts."""
    address = f"http://127.0.0.1:{world.jobnimbus}"
    folder = fresh(bench.folder / "read")
    folder.mkdir(parents=True)

    def run(*command: str) -> float:
        told = json.loads(cost(command, folder).output.strip().splitlines()[-1])
        assert told["records"] >= bench.size, told
        return rate(told["records"], told["cpu"])

    python = str(bench.peers)
    ours, dlt, singer = in_turn(
        bench.pairs,
        lambda: run(sys.executable, "-m", "tests.bench.read_delta", address),
        lambda: run(python, str(_PEERS / "with_dlt.py"), address, "0", str(fresh(folder / "dlt"))),
        lambda: run(python, str(_PEERS / "with_singer.py"), address, "0"),
    )
    ratio = middle([mine / its for mine, its in zip(ours, dlt, strict=True)])
    return Line(
        goal="15",
        work=f"read a delta of {bench.size:,} (JobNimbus)",
        asked=">= 2 x dlt's extract in records per CPU-s",
        measured=f"{spread(ours)}, dlt {spread(dlt)}: {ratio:.2f} x; Singer {spread(singer)}",
        holds=ratio >= 2,
        figures={"ours": ours, "dlt": dlt, "singer": singer},
    )
