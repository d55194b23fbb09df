"""The guard: how much a run would change, from the plans that rest in the store, and whether that is too much. Rule 19.

What is not here: the run that is weighed (`run`), and a person's permission (`store.plans`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from syncd.core.model import Action
from syncd.core.plural import counted
from syncd.engine.world import Guard, Pair, World
from syncd.store.store import Tx

PERCENT_FROM = 50
"""Operations from which the guard's percentage counts: small accounts change in large shares."""

DAY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Writes: records made, changed and archived, and linked things of which either side is changed."""

    creates: int = 0
    updates: int = 0
    deletes: int = 0
    linked: int = 0


def may_exceed(world: World, pair: Pair, by: datetime, done: Mapping[Action, int] = MappingProxyType({})) -> bool:
    """Whether what was due by a moment could exceed the guard, were all of it written.

    `done`: what the run wrote, or may have written, already.
    """
    with world.store.read() as tx:
        due = sum(tx.marks.due_count(m.key, by) for m in pair.maps)
        if not due:
            return False
        creates, updates = due + done.get(Action.CREATE, 0), due + done.get(Action.UPDATE, 0)
        # With so many links or more, all that is due is within the percentage.
        enough = updates * 100 // max(pair.guard.percent, 1) + 1
        links = links_of(tx, pair, most=enough) if updates >= PERCENT_FROM else 0
        leaving = sum(tx.links.leaving(m.key, by) + tx.conflicts.ordered(m.key) for m in pair.maps)
        deletes = min(due, leaving) + done.get(Action.ARCHIVE, 0)
        most = Weight(creates=creates, updates=updates, deletes=deletes, linked=min(updates, links))
        return exceeded(pair.guard, most, lately(world, tx, pair), links) is not None


def weigh(tx: Tx, pair: Pair) -> Weight:
    """What the weighed plans come to that no person has allowed."""
    plans = [plan for m in pair.maps for plan in tx.plans.weighed(m.key)]
    changes = [plan for plan in plans if plan.action != Action.CREATE and plan.sides]
    return Weight(
        creates=sum(plan.creates for plan in plans),
        updates=sum(len(plan.sides) for plan in changes),
        deletes=sum(plan.action == Action.ARCHIVE for plan in plans),
        linked=sum(plan.action == Action.UPDATE for plan in changes),
    )


def lately(world: World, tx: Tx, pair: Pair) -> Weight:
    """What was written within the last 24 hours without a person's permission."""
    since = world.clock() - DAY
    written = [tx.journal.changed_since(m.key, since) for m in pair.maps]
    return Weight(
        creates=sum(by.get(Action.CREATE, 0) for by in written),
        updates=sum(by.get(Action.UPDATE, 0) for by in written),
        deletes=sum(by.get(Action.ARCHIVE, 0) for by in written),
    )


def exceeded(guard: Guard, weight: Weight, before: Weight, links: int) -> str | None:
    """The sentence that says which limit is exceeded by a weight, after what was written lately; None if none."""
    for done, more, earlier, limit in (
        ("created", weight.creates, before.creates, guard.creates),
        ("updated", weight.updates, before.updates, guard.updates),
        ("archived", weight.deletes, before.deletes, guard.deletes),
    ):
        records = counted(more, "record")
        if more > limit:
            return f"{records} would be {done}, the guard allows {limit}"
        day = limit * guard.day
        if more and more + earlier > day:
            before_it = counted(earlier, "was", "were")
            return f"{records} would be {done} and {before_it} within 24 hours, the guard allows {day} a day"
    if weight.linked >= PERCENT_FROM and weight.linked * 100 > guard.percent * links:
        of = counted(links, "linked record")
        return f"{weight.linked} of {of} would be updated, the guard allows {guard.percent} percent"
    return None


def links_of(tx: Tx, pair: Pair, *, most: int | None = None) -> int:
    """How many links the pair's maps have; of each map counted no further than `most`."""
    return sum(tx.links.count(m.key, most=most) for m in pair.maps)
