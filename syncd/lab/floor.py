"""How many requests a sync took, beside the fewest that pages, batches and writes force.

How the floor is reckoned, per system, for a run of so many seconds:

- a first reading: records of a kind by the size of the vendor's largest page;
- polls: one request per feed, as often as the pair's interval fits into the time; on the left also the settled lane and
  the list of archived records, as often as their intervals fit, and a further page of a poll wherever the log shows
  that one went on beyond its first page, which only a full page makes it do;
- a record to be made on the left: a look-up by our key among living and archived records (100 a request), by e-mail
  (100), and by what only the search knows: the phones and streets of some forty people fill its 3,000 characters, as do
  a hundred deals' names; then one batch create per 100;
- a change on the left: one comparing read and one batch update per 100;
- a record written on the left: one read per 100 when it comes by in the feed, because the vendor touches records again
  by itself, and because what it answered to a write says nothing of the rest of that clock tick;
- a deal read on the left: its contacts, which are a request of their own per 100;
- a record to be made on the right: one look at its feed per 100, and a POST each, for that vendor has no batches;
- a change on the right: a PUT each, and a comparing GET each where a two-way field is among the changes;
- fields, people, pipelines: each list once; of every kind on the right also a test of the list's filters by both dates
  (three requests each) and two samples that prove custom fields, for that vendor tells of neither.

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

from syncd.core.fieldmap import Direction
from syncd.core.model import Action
from syncd.engine.world import World
from syncd.lab.own import LEFT, RIGHT
from syncd.lab.stage import KINDS, Stage

BATCH, LEFT_PAGE, RIGHT_PAGE, SEARCHED, TESTS = 100, 100, 1000, 40, 8

OK = 200

_MODIFIED = ("lastmodifieddate", "hs_lastmodifieddate")
_ALL = 10_000_000


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """How often each interval fitted into the time of a run: polls, the settled lane, the list of archived records."""

    polls: int
    settled: int
    bin: int


def floor(world: World, stage: Stage, asked: Mapping[str, Sequence[Mapping[str, Any]]], ticks: Ticks) -> Floor:
    """The lines of both systems."""
    done = _Done.read(world)
    forced = {LEFT: _left(stage, done, ticks), RIGHT: _right(stage, done, ticks.polls)}
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


@dataclass(frozen=True, slots=True)
class _Done:
    """What was written, by (system, kind): records made, records changed, and those compared one by one."""

    made: Counter[tuple[str, str]]
    changed: Counter[tuple[str, str]]
    compared: Counter[tuple[str, str]]

    @staticmethod
    def read(world: World) -> _Done:
        """From the journal: every write that the vendor confirmed."""
        done = _Done(Counter(), Counter(), Counter())
        with world.store.read() as tx:
            intents = tx.journal.recent(limit=_ALL)
        for intent in intents:
            m = world.maps.get(intent.map)
            if m is None or intent.outcome not in ("written", "landed"):
                continue
            place = (m.end(intent.side).system, m.end(intent.side).kind)
            if intent.action is Action.CREATE:
                done.made[place] += 1
                continue
            done.changed[place] += 1
            both = {rule.name for rule in m.rules if rule.direction is Direction.BOTH}
            done.compared[place] += bool(both & set(intent.rules))
        return done


def _left(stage: Stage, done: _Done, ticks: Ticks) -> dict[str, int]:
    least: Counter[str] = Counter()
    least["GET /crm/pipelines/2026-03/deals"] = 1
    least["GET /crm/owners/2026-03"] = 2  # the active, and those who left
    for kind in KINDS[LEFT]:
        place, path = (LEFT, kind), f"/crm/objects/2026-03/{kind}"
        made, changed = batches(done.made[place]), batches(done.changed[place])
        found, read = stage.found[LEFT][kind], batches(done.made[place] + done.changed[place])
        least[f"GET /crm/properties/2026-03/{kind}"] = 1
        least[f"GET {path}"] = max(1, ceil(found / LEFT_PAGE)) + ticks.bin
        further = sum(1 for one in stage.left.requests(stage.since[LEFT]) if _goes_on(one, f"{path}/search"))
        asked = ceil(done.made[place] / SEARCHED) if kind == "contacts" else made
        least[f"POST {path}/search"] = ticks.polls + ticks.settled + asked + further
        least[f"POST {path}/batch/read"] = made * (3 if kind == "contacts" else 2) + changed + read
        least[f"POST {path}/batch/create"] = made
        least[f"POST {path}/batch/update"] = changed
        if kind == "deals":
            least["POST /crm/associations/2026-03/deals/contacts/batch/read"] = read
    return {name: count for name, count in least.items() if count}


def _goes_on(request: Mapping[str, Any], path: str) -> bool:
    """Whether a search is a poll that goes on behind the last id of a full page."""
    if request["path"] != path or not isinstance(request["body"], Mapping) or request["status"] != OK:
        return False
    filters = [one for group in request["body"].get("filterGroups", ()) for one in group.get("filters", ())]
    beyond = [one for one in filters if one["propertyName"] == "hs_object_id" and one.get("operator") == "GT"]
    polled = any(one["propertyName"] in _MODIFIED for one in filters)
    return polled and any(str(one["value"]) not in ("0", "-1") for one in beyond)


def _right(stage: Stage, done: _Done, polls: int) -> dict[str, int]:
    least: Counter[str] = Counter({"GET /api1/account/settings": 1, "GET /api1/account/users": 1})
    for kind in KINDS[RIGHT]:
        place, path = (RIGHT, kind), f"/api1/{kind}"
        pages = max(1, ceil(stage.found[RIGHT][kind] / RIGHT_PAGE))
        least[f"GET {path}"] = TESTS + pages + polls + batches(done.made[place])
        least[f"POST {path}"] = done.made[place]
        least[f"PUT {path}/{{jnid}}"] = done.changed[place]
        least[f"GET {path}/{{jnid}}"] = done.compared[place]
    return {name: count for name, count in least.items() if count}


def batches(records: int) -> int:
    """The fewest requests for so many records."""
    return ceil(records / BATCH)
