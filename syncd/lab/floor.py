"""How many requests a sync took, beside the fewest that pages, batches and writes force.

How the floor is reckoned at the CRM, its module in `crm` says; at JobNimbus, for a run of so many seconds:

- a first reading: records of a kind by the size of the vendor's largest page;
- polls: one request per feed, as often as the pair's interval fits into the time;
- a record to be made: one look at its feed per 100, and a POST each, for that vendor has no batches;
- a change: a PUT each, and a comparing GET each where a two-way field is among the changes;
- fields and people: each list once; of every kind also a test of the list's filters by both dates (three requests
  each) and two samples that prove custom fields, for that vendor tells of neither.

The floor knows of nothing that was refused, retried, read twice, or done in smaller bites than the vendor allows: that
is what stands above it.
What is not here: running the sync (`settled`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from syncd.engine.world import World
from syncd.lab.crm.base import Asked, Done, Ticks
from syncd.lab.own import RIGHT
from syncd.lab.stage import RIGHT_KINDS, Stage

BATCH, PAGE, TESTS = 100, 1000, 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One endpoint: how often it was asked, how often it had to be, how often it answered with an error."""

    system: str
    endpoint: str
    requests: int
    floor: int
    errors: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """All endpoints of both systems."""

    lines: tuple[Line, ...]

    @property
    def requests(self) -> int:
        """What was asked."""
        return sum(line.requests for line in self.lines)

    @property
    def floor(self) -> int:
        """What had to be asked."""
        return sum(line.floor for line in self.lines)

    @property
    def over(self) -> float:
        """By which part the requests exceed the floor: 0.05 is five percent."""
        return self.requests / self.floor - 1 if self.floor else 0.0


def logged(stage: Stage) -> dict[str, list[dict[str, Any]]]:
    """What the vendors were asked since the stage was set, by system: rows with method, template, count, errors."""
    return {name: vendor.summary(stage.since[name]) for name, vendor in stage.vendors.items()}


def floor(world: World, stage: Stage, asked: Mapping[str, Sequence[Mapping[str, Any]]], ticks: Ticks) -> Floor:
    """The lines of both systems."""
    done, crm = Done.read(world), stage.crm
    asked_of_crm = Asked(
        remote=stage.left, since=stage.since[crm.name], found=stage.found[crm.name], done=done, ticks=ticks
    )
    forced = {crm.name: crm.floor(asked_of_crm), RIGHT: _right(stage, done, ticks.polls)}
    lines = []
    for system, rows in asked.items():
        seen = {_endpoint(row): row for row in rows}
        for name in sorted({*seen, *forced[system]}):
            row = seen.get(name, {"count": 0, "errors": 0})
            # A poll that came due while the one before was under way was never asked.
            least = min(forced[system].get(name, 0), row["count"])
            lines.append(Line(system=system, endpoint=name, requests=row["count"], floor=least, errors=row["errors"]))
    return Floor(lines=tuple(lines))


def _endpoint(row: Mapping[str, Any]) -> str:
    return f"{row['method']} {row['template']}"


def _right(stage: Stage, done: Done, polls: int) -> dict[str, int]:
    least: Counter[str] = Counter({"GET /api1/account/settings": 1, "GET /api1/account/users": 1})
    for kind in RIGHT_KINDS:
        place, path = (RIGHT, kind), f"/api1/{kind}"
        pages = max(1, ceil(stage.found[RIGHT][kind] / PAGE))
        least[f"GET {path}"] = TESTS + pages + polls + batches(done.made[place])
        least[f"POST {path}"] = done.made[place]
        least[f"PUT {path}/{{jnid}}"] = done.changed[place]
        least[f"GET {path}/{{jnid}}"] = done.compared[place]
    return {name: count for name, count in least.items() if count}


def batches(records: int) -> int:
    """The fewest requests for so many records."""
    return ceil(records / BATCH)
