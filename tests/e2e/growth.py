"""How a process and its store grow, seen from outside while it works. What is not here: what it works at (`test_soak`).

The process is looked at in /proc, the store through a connection of its own that only reads.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, fields
from pathlib import Path
from statistics import median

from syncd.lab.process import Process

KEPT = ("journal", "conflicts", "runs")
"""Tables that grow on purpose, for as long as `[retention]` says."""

PARTS = 5
EVERY = 5.0
"""Seconds between two looks, at most; a short play is looked at some ten times."""

MB = 1_000_000

SETTLING = "settling"
"""What a play says that it does when its people have gone home."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look. `at`: seconds since the first. `handles`: open files and sockets. Sizes are in bytes."""

    at: float
    memory: float
    handles: float
    threads: float
    store: float
    wal: float

    @staticmethod
    def of(pid: int, store: Path, at: float) -> Sample:
        """What there is now."""
        proc, wal = Path(f"/proc/{pid}"), store.with_name(f"{store.name}-wal")
        lines = (proc / "status").read_text(encoding="utf-8").splitlines()
        told = {name: text.split()[0] for name, _, text in (line.partition(":") for line in lines) if text.strip()}
        return Sample(
            at=at, memory=int(told["VmRSS"]) * 1024, threads=int(told["Threads"]),
            handles=sum(1 for _ in (proc / "fd").iterdir()),
            store=store.stat().st_size, wal=wal.stat().st_size if wal.exists() else 0,
        )  # fmt: skip

    @staticmethod
    def middle(several: Sequence[Sample]) -> Sample:
        """The median of each figure."""
        return Sample(**{one.name: median(getattr(sample, one.name) for sample in several) for one in fields(Sample)})


@dataclass(frozen=True, slots=True)
class Held:
    """What the store holds by table: rows, and bytes with all indexes (none where this SQLite cannot tell them)."""

    rows: Mapping[str, int]
    sizes: Mapping[str, int]

    @staticmethod
    def read(store: Path) -> Held:
        """What there is now."""
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            query = "SELECT name, tbl_name FROM sqlite_master WHERE type IN ('table', 'index')"
            owners: dict[str, str] = dict(connection.execute(query))
            rows = {
                name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])
                for name in set(owners.values())
            }
            return Held(rows, _sizes(connection, owners))

    @property
    def per_record(self) -> float:
        """All that is not kept on purpose, for each record that is known: bytes, or rows where bytes are not told."""
        counted = self.sizes or self.rows
        return sum(count for name, count in counted.items() if name not in KEPT) / self.rows["snapshots"]

    @property
    def per_write(self) -> float:
        """The journal's bytes for each write in it."""
        return self.sizes.get("journal", 0) / max(1, self.rows["journal"])


def _sizes(connection: sqlite3.Connection, owners: Mapping[str, str]) -> dict[str, int]:
    try:
        told = connection.execute("SELECT name, pgsize FROM dbstat WHERE aggregate = TRUE").fetchall()
    except sqlite3.OperationalError:  # compiled without that virtual table
        return {}
    found: dict[str, int] = {}
    for name, size in told:
        owner = owners.get(name, name)
        found[owner] = found.get(owner, 0) + int(size)
    return found


@dataclass(slots=True, kw_only=True)
class Watch:
    """Looks at a process every few seconds of a play, and into its store at the end of each fifth."""

    process: Process
    store: Path
    seconds: float
    samples: list[Sample] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    _began: float = field(default_factory=time.monotonic)

    def look(self, doing: str) -> None:
        """Look if it is time to, and people are at work. To be called about every second."""
        if doing == SETTLING:
            return
        at = time.monotonic() - self._began
        if not self.samples or at >= self.samples[-1].at + min(EVERY, self.seconds / 10):
            self.samples.append(Sample.of(_pid(self.process), self.store, at))
        if at >= (len(self.held) + 1) * self.seconds / PARTS:
            self.held.append(Held.read(self.store))

    def part(self, number: int) -> Sample:
        """The medians of a fifth, counted from 1."""
        count = len(self.samples)
        return Sample.middle(self.samples[(number - 1) * count // PARTS : number * count // PARTS])

    def table(self) -> str:
        """The figures of begin, middle and end, for people."""
        lines = ["             memory MB  handles  threads  store MB   WAL MB  per record  journal per write"]
        middle = len(self.held) // 2
        for name, number, at in (("warmed up", 2, 0), ("middle", 3, middle), ("end", PARTS, -1)):
            one, held = self.part(number), self.held[at]
            lines.append(
                f"{name:<10} {one.memory / MB:11.1f} {one.handles:8.0f} {one.threads:8.0f} {one.store / MB:9.1f} "
                f"{one.wal / MB:8.1f} {held.per_record:11.0f} {held.per_write:18.0f}"
            )
        return "\n".join(lines)


def _pid(process: Process) -> int:
    process.must_live()
    assert process._child is not None and process._child.pid is not None
    return process._child.pid
