"""What a pair in mode `plan` would write, record by record, and the one click that lets it.

What is not here: what a run may not write before a person allows it (`held`), and the click's deed (`systems`).
"""

from __future__ import annotations

from syncd.console.ask import Ask, Facts, Page
from syncd.console.desk import Desk
from syncd.console.pages.held import COUNTED, pair_of, plans_of, records_of
from syncd.store.marks import PLANNED


def show(desk: Desk, ask: Ask) -> Facts:
    """Map by map, a page at a time."""
    pair = pair_of(desk.world, ask.path["pair"])
    with desk.ready_store.read() as tx:
        found = plans_of(desk.world, tx, pair, ask, PLANNED)
        count = records_of(tx, found["maps"], PLANNED)
    title = f"What {pair.name} would write"
    return {**found, "title": title, "mode": pair.mode, "records": count, "counted_to": COUNTED}


PAGES = (Page("/planned/{pair}", "planned.html", "What it would write", show, needs=True),)
