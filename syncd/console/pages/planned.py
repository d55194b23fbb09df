"""What a pair in mode `plan` would write, record by record, and the one click that lets it.

What is not here: what a run may not write before a person allows it (`held`), and the click's deed (`systems`).
"""

from __future__ import annotations

from syncd.console.ask import Ask, Facts, Page
from syncd.console.desk import Desk
from syncd.console.pages.held import COUNTED, SHOWN, pair_of, records_of, rows_of
from syncd.core.model import Side
from syncd.store import resting
from syncd.store.marks import PLANNED


def show(desk: Desk, ask: Ask) -> Facts:
    """Map by map, a page at a time."""
    world = desk.world
    pair = pair_of(world, ask.path["pair"])
    with desk.ready_store.read() as tx:
        maps = [m for m in pair.maps if tx.plans.any(m.key, [PLANNED])]
        m = next((one for one in maps if ask.query.get("map") in (None, one.key)), None)
        leaf = None
        if m is not None:
            leaf = resting.held(tx, m.key, after=ask.query.get("after", ""), limit=SHOWN, state=PLANNED)
        rows = rows_of(world, tx, m, leaf.rows) if m is not None and leaf is not None else []
        count = records_of(tx, [m.key for m in maps], PLANNED)
    return {
        "title": f"What {pair.name} would write", "pair": pair.name, "mode": pair.mode, "rows": rows, "map": m,
        "maps": [one.key for one in maps], "after": leaf.after if leaf is not None else None,
        "records": count, "counted_to": COUNTED,
        "systems": {str(Side.LEFT): pair.left, str(Side.RIGHT): pair.right},
    }  # fmt: skip


PAGES = (Page("/planned/{pair}", "planned.html", "What it would write", show, needs=True),)
