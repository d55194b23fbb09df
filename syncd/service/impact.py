"""What carrying a map to all of its records would come to, added up: records, values, calls, time.

All of it is worked out from what syncd has read; no vendor is asked, and nothing is written. What is not here: what
becomes of one record (`weighing`), and what is wrong with a text (`service.mapfiles`).
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from syncd.config import Config
from syncd.core.decision import Verdict
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side
from syncd.engine.answers import cost
from syncd.engine.linking import wanted
from syncd.engine.lookalikes import belongs
from syncd.engine.precision import loses
from syncd.engine.weighing import Weighed, weighed
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.kit.limits import parse_rates, sustained

PAGE = 500
MOST = 100_000
"""Records of a kind that are gone over; of more, the numbers are of the first."""

MOST_VALUES = 1_000
"""Values without a counterpart that are told apart."""

COUNTED = ("write left", "write right", "lossy", "ask", "unmapped", "not read")
"""What is counted, of the map by record and of a rule by value."""

_ONE = threading.Lock()
"""An impact goes through every link: one at a time."""


@dataclass(frozen=True, slots=True)
class Span:
    """At least and at most so many: of a record without a twin it is not known whether it gets one."""

    least: int
    most: int

    def __str__(self) -> str:
        """In words."""
        return f"{self.most:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"


@dataclass(slots=True)
class Impact:
    """What carrying a map to all of its records would touch.

    `links`: gone over; `leaving`: of them those that do not meet the map's condition. `unlinked`: records without a
    twin that are looked at again; `new`: of them those that the map wants across. `cut`: there are more of either.
    `records`: how many linked records (of "write left" and "write right", of "touched", "parked", and of the rest of
    COUNTED); `rules`: the same of each rule. `lacking`: the values without a counterpart; `lacks_cut`: there are more.
    `looks`: records that are read once more. `calls`: by system; `seconds`: at most, where a rate is set.
    """

    links: int = 0
    leaving: int = 0
    unlinked: int = 0
    new: int = 0
    cut: bool = False
    looks: int = 0
    records: Counter[str] = field(default_factory=Counter)
    by_rule: dict[str, Counter[str]] = field(default_factory=dict)
    lacking: set[tuple[str, str]] = field(default_factory=set)
    lacks_cut: bool = False
    calls: Mapping[str, Span] = field(default_factory=dict)
    seconds: float | None = None

    @property
    def rules(self) -> Sequence[Mapping[str, Any]]:
        """Of each rule that anything is to be said of, its counts."""
        return [{"rule": name, **{what: self.by_rule[name][what] for what in COUNTED}} for name in sorted(self.by_rule)]

    def row(self) -> dict[str, Any]:
        """As scripts read it."""
        told = {name: getattr(self, name) for name in ("links", "leaving", "unlinked", "new", "cut", "seconds")}
        records = {name: self.records[name] for name in ("touched", "parked", *COUNTED)}
        return {
            **told,
            "records": records,
            "rules": list(self.rules),
            "calls": {n: str(s) for n, s in self.calls.items()},
        }


def impact(config: Config, world: World, m: FieldMap) -> Impact:
    """Every link is planned as a run would do after `map apply`. Raises ConfigError while another is worked out."""
    if not _ONE.acquire(blocking=False):
        problem = Problem("the impact", "of another draft is being worked out.", "Try again in a moment.")
        raise ConfigError(problem)
    try:
        found = gone_over(world, m)
    finally:
        _ONE.release()
    found.calls = _calls(world, m, found)
    found.seconds = _seconds(config, found.calls)
    return found


def gone_over(world: World, m: FieldMap) -> Impact:
    """All but the calls and their time."""
    found, after = Impact(), 0
    while not found.cut:
        with world.store.read() as tx:
            if not (links := tx.links.all(m.key, after=after, limit=PAGE)):
                break
            found.cut = found.links >= MOST
            for one in weighed(world, tx, m, links) if not found.cut else ():
                _count(found, one)
        found.links, after = found.links + len(links) * (not found.cut), links[-1].id
    for side in Side:
        _unlinked(world, m, side, found)
    return found


def _count(found: Impact, one: Weighed) -> None:
    found.leaving += one.leaving
    found.looks += one.looks
    by_rule = [(name, "not read") for name in one.unread]
    records = {side: shot.record for side, shot in one.both.items()}
    for d in one.decisions:
        what = {Verdict.CONFLICT: "ask", Verdict.UNMAPPED: "unmapped", Verdict.WRITE: f"write {d.to}"}.get(d.verdict)
        by_rule += [(d.rule.name, what)] if what is not None else []
        by_rule += [(d.rule.name, "lossy")] if d.verdict is Verdict.WRITE and loses(d, records) else []
        if d.verdict is Verdict.UNMAPPED:
            _lack(found, d.rule.name, d.reason)
    for name, what in by_rule:
        found.by_rule.setdefault(name, Counter())[what] += 1
    found.records.update({what for _, what in by_rule})
    found.records.update({"touched": int(bool(one.written)), "parked": int(one.parked)})


def _lack(found: Impact, rule: str, value: str) -> None:
    if len(found.lacking) < MOST_VALUES:
        found.lacking.add((rule, value))
    elif (rule, value) not in found.lacking:
        found.lacks_cut = True


def _unlinked(world: World, m: FieldMap, side: Side, found: Impact) -> None:
    """Records of a side that have no link and never had one."""
    end, after, seen = m.end(side), "", 0
    while True:
        with world.store.read() as tx:
            shots = tx.snapshots.page(end.system, end.kind, after=after, limit=PAGE)
            if not shots or seen >= MOST:
                found.cut |= bool(shots)
                return
            linked = tx.links.ever(m.key, side, shots)
        free = [one for id_, one in shots.items() if id_ not in linked and not one.gone]
        mine = [one.record for one in free if belongs(m, side, one.record)]
        found.unlinked += len(mine)
        found.new += sum(wanted(m, side, record) for record in mine)
        seen, after = seen + len(shots), next(reversed(shots))


def _calls(world: World, m: FieldMap, found: Impact) -> dict[str, Span]:
    least, most = (_reckoned(world, m, found, new) for new in (0, found.new))
    return {system: Span(least[system], most[system]) for system in most}


def _reckoned(world: World, m: FieldMap, found: Impact, new: int) -> dict[str, int]:
    """As the engine reckons what plans cost; a new record is made on the side where that costs more."""
    updates = [
        {"map": m.key, "creates": None, "writes": [{"side": str(side)}]}
        for side in Side for _ in range(found.records[f"write {side}"])
    ]  # fmt: skip
    made = [cost(world, [m], [*updates, *_made(m, side, new)]) for side in Side if m.end(side).when is not None]
    dear = made or [cost(world, [m], updates)]
    calls = {system: max(one[system] for one in dear) for system in dear[0]}
    for side in Side:
        calls[m.end(side).system] += ceil(found.looks / world.connector(m, side).capabilities.read_batch)
    return calls


def _made(m: FieldMap, side: Side, count: int) -> list[Mapping[str, Any]]:
    return [{"map": m.key, "creates": str(side), "writes": []}] * count


def _seconds(config: Config, calls: Mapping[str, Span]) -> float | None:
    """At most; systems work side by side. None where a system's rate is the vendor's own."""
    found = 0.0
    for system, span in calls.items():
        rate = config.systems[system].rate
        pace = sustained(parse_rates(rate, system)) if rate is not None else None
        if span.most and pace is None:
            return None
        found = max(found, span.most / pace if pace else 0.0)
    return found
