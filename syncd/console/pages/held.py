"""What a run would write and may not before a person allows it: per pair why, and record by record what.

What is not here: the limits (`pairs`), and carrying it out, which the next run does like everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page
from syncd.console.desk import Desk
from syncd.console.naming import Named, named, names_of, sided
from syncd.console.words import moment
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, Side
from syncd.core.plural import counted
from syncd.engine.world import Pair, World
from syncd.errors import ConfigError, Problem
from syncd.store import resting
from syncd.store.marks import HELD, Mark
from syncd.store.plans import Brief
from syncd.store.runs import Run
from syncd.store.store import Tx

SHOWN = 50
COUNTED = 1000
"""Held records of a pair that are counted one by one; of more it is said that they are more."""

LISTED = 25
"""Fields of one record that are shown at once; a new record may have a hundred."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a pair is held. `kinds`: what would be done, in words; None where so much is held that it is not counted."""

    pair: str
    reason: str
    run: int | None
    since: datetime | None
    kinds: str | None
    records: int
    more: bool


@dataclass(frozen=True, slots=True)
class Row:
    """One plan. `key`: what is ticked; `writes`: its first fields, and `cut`: how many more there are."""

    key: str
    mark: Mark
    plan: Mapping[str, Any]
    records: Sequence[Named]
    what: str
    writes: Sequence[Mapping[str, Any]]
    cut: int

    @property
    def title(self) -> str:
        """What its record is called."""
        return next((one.name for one in self.records if one.name), str(self.records[0].ref) if self.records else "")


def show(desk: Desk, ask: Ask) -> Facts:
    """Every pair of which something is held."""
    with desk.ready_store.read() as tx:
        return {"verdicts": [_verdict(tx, pair) for pair in desk.world.pairs if _any(tx, pair)]}


def _any(tx: Tx, pair: Pair) -> bool:
    return any(tx.plans.any(m.key, [HELD]) for m in pair.maps)


def records_of(tx: Tx, keys: Sequence[str], state: str = HELD) -> int | None:
    """Of how many records of these maps a plan rests; None where they are too many to be counted one by one."""
    if sum(resting.held_count(tx, key, most=2 * COUNTED + 1, state=state) for key in keys) > 2 * COUNTED:
        return None  # two marks may be of one link
    return sum(tx.plans.count(key, state) for key in keys)


def why(tx: Tx, pair: str) -> tuple[str, Run | None]:
    """Why a pair is held, and the run that found it."""
    run = next(iter(tx.runs.last(pair, state="held", limit=1)), None)
    told = run.counts.get("error") if run is not None else None
    return str(told or "it goes beyond what was allowed"), run


def _verdict(tx: Tx, pair: Pair) -> Verdict:
    reason, run = why(tx, pair.name)
    told = (pair.name, reason, run.id if run else None, run.started_at if run else None)
    if records_of(tx, [m.key for m in pair.maps]) is None:
        return Verdict(*told, kinds=None, records=COUNTED, more=True)
    plans = [plan for m in pair.maps for plan in tx.plans.briefs(m.key, HELD)]
    return Verdict(*told, kinds=_kinds(plans), records=len(plans), more=False)


def _kinds(plans: Sequence[Brief]) -> str:
    """How many records would be made, changed, put away and only linked, in words."""
    away = sum(plan.action == Action.ARCHIVE for plan in plans)
    made = sum(plan.creates for plan in plans)
    changed = sum(not plan.creates and plan.action != Action.ARCHIVE and bool(plan.sides) for plan in plans)
    words = (
        (made, "be made"), (changed, "be changed"), (away, "be put away"),
        (len(plans) - made - changed - away, "only be linked"),
    )  # fmt: skip
    return ", ".join(f"{counted(count, 'record')} would {word}" for count, word in words if count)


def diff(desk: Desk, ask: Ask) -> Facts:
    """What is held of a pair, record by record, map by map."""
    pair = pair_of(desk.world, ask.path["pair"])
    with desk.ready_store.read() as tx:
        found = plans_of(desk.world, tx, pair, ask, HELD)
        return {**found, "verdict": _verdict(tx, pair) if found["maps"] else None}


def plans_of(world: World, tx: Tx, pair: Pair, ask: Ask, state: str) -> Facts:
    """The plans of a pair that rest in a state, map by map, a page at a time; `maps`: those that have any."""
    maps = [m for m in pair.maps if tx.plans.any(m.key, [state])]
    m = next((one for one in maps if ask.query.get("map") in (None, one.key)), None)
    after = ask.query.get("after", "")
    leaf = resting.held(tx, m.key, after=after, limit=SHOWN, state=state) if m is not None else None
    return {
        "pair": pair.name, "rows": rows_of(world, tx, m, leaf.rows) if m is not None and leaf is not None else [],
        "map": m, "maps": [one.key for one in maps], "after": leaf.after if leaf is not None else None,
        "systems": {str(Side.LEFT): pair.left, str(Side.RIGHT): pair.right},
    }  # fmt: skip


def pair_of(world: World, name: str) -> Pair:
    """A pair of this name, or none."""
    found = next((pair for pair in world.pairs if pair.name == name), None)
    if found is None:
        raise NotFound("There is no such pair.")
    return found


def rows_of(world: World, tx: Tx, m: FieldMap, marks: Sequence[Mark]) -> list[Row]:
    """What these marks plan, with the names of their records."""
    wanted = [(side, mark.plan[str(side)]) for mark in marks for side in Side]
    names = named(world, tx, m, wanted)
    systems = names_of(world, m)
    return [
        _row(mark, [names[side, i] for side in Side if (i := mark.plan[str(side)]) is not None], systems)
        for mark in marks
    ]


def _row(mark: Mark, records: Sequence[Named], systems: Mapping[Side, str]) -> Row:
    plan = mark.plan
    what = "archive" if plan.get("archives") else "create" if plan["creates"] else str(plan["action"])
    writes = [{**one, "reason": sided(str(one["reason"]), systems)} for one in plan["writes"][:LISTED]]
    return Row(_key(mark), mark, plan, records, what, writes, len(plan["writes"]) - len(writes))


def _key(mark: Mark) -> str:
    """What is ticked: the mark as it is shown, so that one that is planned anew meanwhile is not allowed unseen."""
    return f"{mark.side}.{mark.generation}.{mark.map}.{mark.id}"


def _approve(desk: Desk, ask: Ask) -> Done:
    """All of a pair."""
    pair, now = pair_of(desk.world, ask.path["pair"]), desk.clock()
    with desk.ready_store.begin() as tx:
        count = sum(tx.plans.count(m.key, HELD) for m in pair.maps)
        for m in pair.maps:
            tx.plans.permit(m.key, now)
    return _allowed(pair.name, count, now, 0)


def _allowed(pair: str, count: int, at: datetime, missed: int) -> Done:
    _some(count, pair)
    text = f"{counted(count, 'record')} of {pair} allowed. The next run plans them again and writes them."
    return Done(
        text=f"{text}{_missed(missed)}", subject=pair, detail={"records": count},
        undo=(f"/held/{pair}/again", {"at": at.isoformat()}),
    )  # fmt: skip


def _some(count: int, pair: str) -> None:
    """Raises ConfigError for who comes second."""
    if not count:
        remedy = "Somebody was quicker, or the records changed since you looked. Look again."
        raise ConfigError(Problem(f"of {pair}", "none of that is held any more as you saw it.", remedy))


def _missed(count: int) -> str:
    if not count:
        return ""
    were = "was" if count == 1 else "were"
    return f" {counted(count, 'record')} {were} decided by somebody else, or changed since you looked: left alone."


def _discard(desk: Desk, ask: Ask) -> Done:
    """All of a pair."""
    pair = pair_of(desk.world, ask.path["pair"])
    with desk.ready_store.begin() as tx:
        count = sum(tx.plans.count(m.key, HELD) for m in pair.maps)
        for m in pair.maps:
            tx.plans.discard(m.key)
    return _discarded(pair.name, count, 0)


def _discarded(pair: str, count: int, missed: int) -> Done:
    _some(count, pair)
    text = f"{counted(count, 'record')} of {pair} discarded. Under Parked they can be tried again."
    return Done(text=f"{text}{_missed(missed)}", subject=pair, detail={"records": count})


def _part(desk: Desk, ask: Ask) -> Done:
    """What was ticked."""
    pair, now, verdict = pair_of(desk.world, ask.path["pair"]), desk.clock(), ask.need("verdict")
    if verdict not in ("approve", "discard"):
        raise ConfigError(Problem("verdict", "is none.", "Known: approve, discard."))
    ticked = [_ticked(pair, one) for one in dict.fromkeys(ask.chosen)]
    if not ticked:
        raise ConfigError(Problem("nothing", "is ticked.", "Tick the records that are meant."))
    count = 0
    with desk.ready_store.begin() as tx:
        for key in dict.fromkeys(one[0] for one in ticked):
            shown = {(side, id_): seen for at, side, id_, seen in ticked if at == key}
            still = resting.held_still(tx, key, shown)
            several = [mark for marks in still.values() for mark in marks]
            if verdict == "approve":
                resting.permit(tx, key, several, now)
            else:
                resting.discard(tx, key, several)
            count += len(still)
    missed = len(ticked) - count
    return _allowed(pair.name, count, now, missed) if verdict == "approve" else _discarded(pair.name, count, missed)


def _ticked(pair: Pair, text: str) -> tuple[str, Side, str, int]:
    """Map, side, id and generation of a mark. Raises ConfigError for anything else, and for another pair's."""
    side, seen, rest = (*text.split(".", 2), "", "")[:3]
    keys = [m.key for m in pair.maps if rest.startswith(f"{m.key}.")]
    if side not in tuple(Side) or not seen.isdecimal() or len(seen) > 18 or not keys:
        raise ConfigError(Problem("what is ticked", "is no record of this pair.", "Load the page anew."))
    key = max(keys, key=len)
    return key, Side(side), rest.removeprefix(f"{key}."), int(seen)


def _again(desk: Desk, ask: Ask) -> Done:
    """Hold what was allowed a moment ago, as far as no run has begun with it."""
    pair, now = pair_of(desk.world, ask.path["pair"]), desk.clock()
    try:
        at = moment(ask.need("at"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise ConfigError(Problem("at", "is no time.", "Load the page anew."))
    with desk.ready_store.begin() as tx:
        count = sum(resting.hold_again(tx, m.key, at, now) for m in pair.maps)
    if not count:
        remedy = "What it wrote can be undone under Runs."
        raise ConfigError(Problem(f"of {pair.name}", "nothing could be held again: a run has begun with it.", remedy))
    return Done(text=f"What was allowed of {pair.name} and is not written yet is held again.", subject=pair.name,
                detail={"marks": count})  # fmt: skip


PAGES = (
    Page("/held", "held.html", "Held plans", show, nav="Held", needs=True),
    Page("/held/{pair}", "held_pair.html", "Held plan", diff, needs=True),
)
DEEDS = (
    Deed("/held/{pair}/approve", "held.approve", _approve, needs=True),
    Deed("/held/{pair}/discard", "held.discard", _discard, needs=True),
    Deed("/held/{pair}/part", "held.part", _part, needs=True),
    Deed("/held/{pair}/again", "held.again", _again, needs=True),
)
