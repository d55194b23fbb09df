"""The maps of every pair, what was saved of each, and two ways to change one without opening it: back, and a value.

What is not here: changing a map (`pages.mapedit`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from syncd.console import rulesheet
from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page, Role
from syncd.console.desk import Desk
from syncd.console.pages.mapedit import PATH, draft_of, file_of, keep
from syncd.console.rulesheet import Row
from syncd.core.model import Side
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.editing import edit
from syncd.service import mapfiles
from syncd.service.mapfiles import MapFile
from syncd.store.store import Tx
from syncd.store.versions import Version


def show(desk: Desk, ask: Ask) -> Facts:
    """Every map, by pair."""
    config = desk.config
    with desk.ready_store.read() as tx:
        pairs = [
            {
                "name": name, "mode": pair.mode,
                "vendors": [config.systems[system].connector for system in (pair.left, pair.right)],
                "maps": [_row(desk, tx, file) for file in mapfiles.of_pair(config, name)],
            }
            for name, pair in config.pairs.items()
        ]  # fmt: skip
    return {"pairs": pairs}


def _row(desk: Desk, tx: Tx, file: MapFile) -> Mapping[str, Any]:
    m = desk.world.maps.get(file.key)
    return {
        "file": file, "map": m, "links": tx.links.count(file.key),
        "last": next(iter(tx.versions.of(file.key, limit=1)), None),
    }  # fmt: skip


def history(desk: Desk, ask: Ask) -> Facts:
    """What was saved, and when by whom and why."""
    file = file_of(desk, ask)
    found = mapfiles.versions(desk.ready_store, file)
    now = mapfiles.text_of(file)
    return {"file": file, "versions": found, "now": now, "may": ask.visitor.role >= Role.ADMIN, "most": 50,
            "began": mapfiles.digest(now), "title": f"Versions of {file.name}"}  # fmt: skip


def compare(desk: Desk, ask: Ask) -> Facts:
    """One version beside the text of now."""
    file = file_of(desk, ask)
    found, now = _version(desk, file, ask.path["number"]), mapfiles.text_of(file)
    return {
        "file": file, "version": found, "lines": mapfiles.compared(found.text, now), "same": found.text == now,
        "began": mapfiles.digest(now),
        "may": ask.visitor.role >= Role.ADMIN, "title": f"Version {found.id} of {file.name}",
    }  # fmt: skip


def _version(desk: Desk, file: MapFile, number: str) -> Version:
    given = int(number) if number.isdecimal() and len(number) < 19 else -1
    found = mapfiles.version(desk.ready_store, file, given)
    if found is None:
        raise NotFound("The map has no such version.")
    return found


def back(desk: Desk, ask: Ask) -> Done:
    """Save an older version anew: nothing that was saved is lost."""
    file = file_of(desk, ask)
    found = _version(desk, file, ask.need("version"))
    # What somebody saved while the page was open must not be rolled over unseen.
    seen = ask.form.get("began") or mapfiles.digest(mapfiles.text_of(file))
    return replace(keep(desk, ask, file, found.text, seen, f"back to version {found.id}"), to=None)


def value(desk: Desk, ask: Ask) -> Done:
    """Name the counterpart of a value; what waits for it goes on when the map is taken."""
    file, name, left, right = file_of(desk, ask), ask.need("rule"), ask.need("left"), ask.need("right")
    text = mapfiles.text_of(file)
    now = draft_of(desk, file, text, mapfiles.digest(text))
    row = next((one for one in now.sheet.rows if one.rule is not None and one.rule.name == name), None)
    if row is None:
        raise ConfigError(Problem(f"rule {name[:80]}", "is not in the map.", "Look at the map."))
    changed = edit(text, *rulesheet.named_value(row, left, right))
    done = keep(desk, ask, file, changed, now.began, f"{name}: {left} is {right}"[:500])
    both = f"{_seen(row, Side.LEFT, left)} is {_seen(row, Side.RIGHT, right)}"
    told = f"{both} from now on. What waits for it goes on by itself. {done.text}"
    return Done(text=told, subject=done.subject, detail={"rule": name, **done.detail}, undo=done.undo)


def _seen(row: Row, side: Side, value: str) -> str:
    """A value as people see it."""
    kind = row.ends[side].type if side in row.ends else None
    options = kind.options if kind is not None else ()
    return next((one.label or one.value for one in options if one.value == value), value)[:80]


PAGES = (
    Page("/maps", "maps.html", "Maps", show, nav="Maps", needs=True),
    Page(f"{PATH}/versions", "map_versions.html", "Versions", history, needs=True),
    Page(f"{PATH}/versions/{{number}}", "map_version.html", "Version", compare, needs=True),
)
DEEDS = (
    Deed(f"{PATH}/back", "map.back", back, role=Role.ADMIN, needs=True),
    Deed(f"{PATH}/values", "map.value", value, role=Role.ADMIN, needs=True),
)
