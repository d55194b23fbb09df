"""The head of the page: both systems, the pair between them, and how much waits.

What is not here: what was done (`activity`).
"""

from __future__ import annotations

from typing import Any

from syncd.core.model import Side
from syncd.lab.page.desk import Desk, now


def pulse(desk: Desk) -> dict[str, Any]:
    """Everything the head of the page shows, each number as it is now."""
    status = desk.app.status()
    runs = status["runs"]
    reading = [feed["feed"] for feed in status["feeds"] if not feed["backfilled"]]
    feeds = len({(m.end(side).system, m.end(side).kind) for m in desk.maps for side in Side})
    return {
        "systems": [_system(desk, side, status["systems"]) for side in Side],
        "alive": desk.alive(),
        "mode": next(iter(status["pairs"].values()))["mode"],
        "reading": reading or (["both accounts"] if len(status["feeds"]) < feeds else []),
        "people": sum(status["links"].get(m.key, 0) for m in desk.people),
        "works": status["links"].get(desk.deals.key, 0),
        "due": status["due"],
        "later": status["later"],
        "conflicts": status["conflicts"],
        "parked": status["parked"],
        "run": runs[0] if runs else None,
        "trouble": trouble_left(desk),
    }


def _system(desk: Desk, side: Side, states: dict[str, Any]) -> dict[str, Any]:
    account = desk.accounts[side]
    state = states.get(account.name, {"state": "ok", "reason": None})
    return {"side": str(side), "title": account.title, **state, **account.requests()}


def trouble_left(desk: Desk) -> int | None:
    """Seconds of trouble still to come; None if there is none."""
    until, moment = desk.trouble_until, now()  # a timer ends it meanwhile
    return round((until - moment).total_seconds() + 0.5) if until is not None and until > moment else None
