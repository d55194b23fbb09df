"""`make bench` and `make bench-quick`: every goal, one line each, as a table and as JSON.

`python -m tests.bench [--quick] [--only N,N] [--json FILE]`. The exit code is 0 whether or not the goals hold: a bench
tells, a test demands.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from tests.bench import changing, inside, linking, sizes
from tests.bench.measure import Bench, Line
from tests.bench.world import ROOT

PARTS: dict[str, tuple[Callable[[Bench], Iterator[Line]], tuple[int, ...]]] = {
    "linking": (linking.goals, (1, 2, 3, 11, 13)),
    "changing": (changing.goals, (4, 5, 6, 7, 14)),
    "sizes": (sizes.goals, (8, 9, 10)),
    "inside": (inside.goals, (12, 15)),
}
FULL, QUICK = (10_000, 100_000, 1_000_000), (250, 1_000)


def main() -> None:
    """Measure, and tell."""
    asked = argparse.ArgumentParser(prog="make bench", description="syncd beside what a user would otherwise run.")
    asked.add_argument("--quick", action="store_true", help="small worlds, few repetitions: about two minutes")
    asked.add_argument("--sizes", help="other sizes: 10000,100000")
    asked.add_argument("--pairs", type=int, help="how often each pair is repeated (5; quick: 1)")
    asked.add_argument("--only", default=",".join(PARTS), help=f"parts of it: {', '.join(PARTS)}")
    asked.add_argument("--json", default=str(ROOT / ".cache" / "bench.json"), help="where the figures go")
    words = asked.parse_args()
    chosen = tuple(map(int, words.sizes.split(","))) if words.sizes else QUICK if words.quick else FULL
    pairs = words.pairs or (1 if words.quick else 5)
    console, lines = Console(), []
    told = {"machine": platform.platform(), "python": platform.python_version(), "sizes": chosen, "pairs": pairs}
    Path(words.json).parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="syncd-bench-") as folder:
        bench = Bench(folder=Path(folder), sizes=chosen, pairs=pairs, peers=ROOT / ".cache/peers/bin/python")
        for name in words.only.split(","):
            for line in PARTS[name][0](bench):
                lines.append(line)
                console.print(f"[dim]{time.strftime('%T')}[/dim] {line.goal}: {line.measured}", highlight=False)
                # After each, so that hours are not lost by what ends it.
                goals = [asdict(one) for one in lines]
                Path(words.json).write_bytes(orjson.dumps({**told, "goals": goals}, option=orjson.OPT_INDENT_2))
    console.print(_table(lines))
    console.print(f"The figures are in {words.json}.", highlight=False, soft_wrap=True)


def _table(lines: list[Line]) -> Table:
    table = Table(title="syncd, measured")
    for name in ("#", "work", "goal", "measured", ""):
        table.add_column(name)
    for line in sorted(lines, key=lambda one: int(one.goal)):
        table.add_row(line.goal, line.work, line.asked, line.measured, "holds" if line.holds else "does not hold")
    return table


if __name__ == "__main__":
    main()
