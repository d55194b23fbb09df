"""The set-up: systems with what `check` finds in them, and pairs with their modes and limits.

What is not here: keys; they are read from where the set-up says, and no page shows or takes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncd.console.ask import Ask, Facts, Page, Role
from syncd.console.desk import Desk
from syncd.console.words import title


def show(desk: Desk, ask: Ask) -> Facts:
    """Every system and every pair, as the set-up says and the store knows."""
    config = desk.config
    with desk.ready_store.read() as tx:
        feeds = tx.feeds.all()
        states = {name: tx.runs.system(name) for name in config.systems}
    systems = [
        {
            "name": name,
            "title": title(one.connector),
            "state": states[name],
            "feeds": [feed for feed in feeds if feed.system == name],
            "zone": one.timezone,
            "rate": one.rate,
            "sandbox": one.base_url,
            "webhooks": one.webhook_secret is not None,
        }
        for name, one in config.systems.items()
    ]
    pairs = [_pair(desk, name) for name in config.pairs]
    return {"systems": systems, "pairs": pairs, "path": config.path.name}


def _pair(desk: Desk, name: str) -> Mapping[str, Any]:
    one = desk.config.pairs[name]
    return {
        "name": name, "mode": one.mode, "every": one.every.total_seconds(), "guard": one.guard, "maps": one.maps,
        "left": title(desk.config.systems[one.left].connector),
        "right": title(desk.config.systems[one.right].connector),
    }  # fmt: skip


def findings(desk: Desk, ask: Ask) -> Facts:
    """What `syncd check` finds now; the vendors are asked."""
    rows = desk.check()
    order = {"error": 0, "warning": 1, "ok": 2}
    return {"rows": sorted(rows, key=lambda row: order.get(row["severity"], 3))}


PAGES = (
    Page("/systems", "systems.html", "Systems and pairs", show, nav="Systems"),
    Page("/systems/findings", "findings.html", "What check finds", findings, role=Role.OPERATOR, needs=True),
)
