"""What may stand where the cursor is in a map's text, for the list that opens there.

What is not here: working it out (`fieldmaps.offers`), and the text (`pages.mapedit`).
"""

from __future__ import annotations

from syncd.console import draft
from syncd.console.ask import Ask, Facts, Page, Role
from syncd.console.desk import Desk
from syncd.console.pages.mapedit import PATH, file_of
from syncd.core.model import Side
from syncd.fieldmaps.offers import offers
from syncd.fieldmaps.schema import json_schema
from syncd.service import mapfiles


def show(desk: Desk, ask: Ask) -> Facts:
    """The offers for a text as it stands in the browser. No vendor is asked: the fields are those that syncd knows."""
    file, describe = file_of(desk, ask), draft.describes(desk)
    m = desk.world.maps.get(file.key)
    fields = {side: describe(m.end(side).system, m.end(side).kind) for side in Side} if m is not None else {}
    others = [one.name for one in mapfiles.of_pair(desk.config, file.pair) if one.name != file.name]
    text = mapfiles.ours(ask.form.get("text", ""))
    return {"found": offers(text, _number(ask, "line"), _number(ask, "column"), json_schema(), fields, others)}


def _number(ask: Ask, name: str) -> int:
    given = ask.form.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 10 else 1


PAGES = (
    Page(f"{PATH}/offers", "map_offers.html", "What may stand here", show, role=Role.ADMIN, needs=True, takes=True),
)
