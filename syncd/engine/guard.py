"""The guard: how much a run would change, from the plans that rest in the store, and whether that is too much. Rule 19.

What is not here: the run that is weighed (`run`), and a person's permission (`store.marks`).
"""

from __future__ import annotations

from dataclasses import dataclass

from syncd.engine.world import Guard, Pair, World
from syncd.store.marks import WEIGHED
from syncd.store.store import Tx

PERCENT_FROM = 50
"""Operations from which the guard's percentage counts: small accounts change in large shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """What would be written: records made, records changed, and links of which either side would change."""

    creates: int = 0
    updates: int = 0
    linked: int = 0


def may_exceed(world: World, pair: Pair) -> bool:
    """Whether what is due could exceed the guard, were all of it written."""
    now, guard = world.clock(), pair.guard
    with world.store.read() as tx:
        due = sum(tx.marks.due_count(m.key, now) for m in pair.maps)
        if due > min(guard.creates, guard.updates):
            return True
        links = links_of(tx, pair) if due >= PERCENT_FROM else 0
    return links > 0 and due * 100 > guard.percent * links


def weigh(tx: Tx, pair: Pair) -> Weight:
    """What the weighed plans come to."""
    plans = [plan for m in pair.maps for plan in tx.marks.plans(m.key, WEIGHED)]
    changes = [plan for plan in plans if plan["creates"] is None and plan["writes"]]
    return Weight(
        creates=sum(1 for plan in plans if plan["creates"] is not None),
        updates=sum(len({write["side"] for write in plan["writes"]}) for plan in changes),
        linked=sum(1 for plan in changes if plan["action"] == "update"),
    )


def exceeded(guard: Guard, weight: Weight, links: int) -> str | None:
    """The sentence that says which limit a weight exceeds; None if none."""
    if weight.creates > guard.creates:
        return f"{weight.creates} records would be created, the guard allows {guard.creates}"
    if weight.updates > guard.updates:
        return f"{weight.updates} records would be updated, the guard allows {guard.updates}"
    if weight.linked >= PERCENT_FROM and weight.linked * 100 > guard.percent * links:
        return f"{weight.linked} of {links} linked records would be updated, the guard allows {guard.percent} percent"
    return None


def links_of(tx: Tx, pair: Pair) -> int:
    """How many links the pair's maps have."""
    return sum(tx.links.count(m.key) for m in pair.maps)
