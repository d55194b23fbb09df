"""One map, changed: its rules and its text are one document, which travels with the form until it is saved.

The server keeps no draft: whoever closes the page has changed nothing, and of two who save, the second is told.
What is not here: the list of maps and their versions (`pages.maps`), and how a text is changed (`fieldmaps.editing`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from syncd.console import draft, rulesheet
from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page, Role
from syncd.console.desk import Desk
from syncd.console.rulesheet import CHOICES, SETTINGS, Row, Sheet
from syncd.console.words import lasting
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Schema, Side
from syncd.errors import ConfigError, Problem, SyncdError
from syncd.fieldmaps.cases import Tested
from syncd.fieldmaps.editing import Add, Change, Drop, Remove, Swap, edit
from syncd.service import impact, mapfiles
from syncd.service.mapfiles import Checked, MapFile

TABS = (("rules", "Rules"), ("text", "YAML"), ("record", "A record"), ("impact", "Impact"), ("tests", "Tests"))
LONGEST_REASON = 1000
ANEW = "fields"
"""What a button asks for that has both systems tell their fields again: one was made a moment ago."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A text in the place of a map's file. `began`: the digest of the text that it was made from."""

    file: MapFile
    text: str
    began: str
    checked: Checked
    schemas: Mapping[Side, Schema]

    @property
    def sheet(self) -> Sheet:
        """Its lines."""
        return rulesheet.sheet(self.text, self.checked.map, self.schemas)


def file_of(desk: Desk, ask: Ask) -> MapFile:
    """The map in the address: one that the set-up names, or none."""
    found = mapfiles.one(desk.config, ask.path["pair"], ask.path["name"])
    if found is None:
        raise NotFound("The set-up names no such map.")
    return found


def draft_of(desk: Desk, file: MapFile, text: str, began: str) -> Draft:
    """This text, checked against the fields that there are."""
    describe = draft.describes(desk)
    found = mapfiles.checked(desk.config, file, text, describe)
    pair, m = desk.config.pairs[file.pair], found.map or desk.world.maps.get(file.key)
    if m is None:
        raise ConfigError(Problem(f"map {file.name}", "was never taken by syncd.", "Mend its file, and start syncd."))
    kinds = {Side.LEFT: (pair.left, m.left.kind), Side.RIGHT: (pair.right, m.right.kind)}
    return Draft(file, text, began, found, {side: describe(*of) for side, of in kinds.items()})


def show(desk: Desk, ask: Ask) -> Facts:
    """The map as it is saved. An open page is drawn again and again, so nothing long is worked out for it."""
    file = file_of(desk, ask)
    text = mapfiles.text_of(file)
    asked = {name: ask.query.get(name, "") for name in ("tab", "ref")}
    return _facts(desk, ask, draft_of(desk, file, text, mapfiles.digest(text)), asked)


def drafted(desk: Desk, ask: Ask) -> Facts:
    """The same for a text that was sent, with one more change if one was asked for."""
    file = file_of(desk, ask)
    if ask.form.get("do") == ANEW:
        _tell_again(desk, file)
    now = draft_of(desk, file, mapfiles.ours(ask.form.get("text", "")), ask.form.get("began", ""))
    made = _changes(now, ask.form)
    if made:
        now = draft_of(desk, file, edit(now.text, *made), now.began)
    return _facts(desk, ask, now, ask.form)


def _tell_again(desk: Desk, file: MapFile) -> None:
    """Have both systems tell their fields when they are needed next."""
    pair = desk.config.pairs[file.pair]
    for name in (pair.left, pair.right):
        desk.world.connectors[name].forget_schema()


def _changes(now: Draft, form: Mapping[str, str]) -> Sequence[Change]:
    """What a button asks for."""
    do = form.get("do", "")
    if do == "add":
        return [Add(("fields",), rulesheet.new_rule(form, now.schemas))]
    return _of_row(do, now, _row(now, form), form) if do in _DOES else []


_DOES = ("set", "remove", "up", "down", "value", "unvalue")


def _of_row(do: str, now: Draft, row: Row, form: Mapping[str, str]) -> Sequence[Change]:
    left, right = (form.get(f"{side}-value", "").strip() for side in Side)
    match do:
        case "remove":
            return [Remove((row.list,), row.index)]
        case "up" if row.index:
            return [Swap((row.list,), row.index - 1)]
        case "down":
            return [Swap((row.list,), row.index)]
        case "value":
            return rulesheet.named_value(row, left, right)
        case "unvalue":
            return [Drop((row.list, row.index, *rulesheet.values_at(row.plain)), left)]
        case "set":
            return rulesheet.changes(row, form, now.schemas)
    return []


def _row(now: Draft, form: Mapping[str, str]) -> Row:
    found = next((row for row in now.sheet.rows if row.id == form.get("row")), None)
    if found is None:
        raise ConfigError(Problem("the rule", "is not in this text any more.", "Look at the rules again."))
    return found


def _facts(desk: Desk, ask: Ask, now: Draft, given: Mapping[str, str]) -> Facts:
    known = [name for name, _ in TABS]
    tab = given.get("tab", "")
    tab, world = (tab if tab in known else "rules"), desk.world
    running, pair = world.maps.get(now.file.key), desk.config.pairs[now.file.pair]
    m = now.checked.map
    saved = mapfiles.digest(now.text) == now.began
    with world.store.read() as tx:
        seen = draft.samples(tx, m, now.schemas) if m is not None and tab == "rules" else {side: {} for side in Side}
    systems = {Side.LEFT: pair.left, Side.RIGHT: pair.right}
    vendors = {side: desk.config.systems[name].connector for side, name in systems.items()}
    return {
        "title": f"Map {now.file.name}", "file": now.file, "text": now.text, "began": now.began, "saved": saved,
        "tab": tab, "tabs": TABS, "checked": now.checked, "sheet": now.sheet, "schemas": now.schemas, "seen": seen,
        "pair": pair, "vendors": vendors, "systems": systems, "choices": CHOICES, "settings": SETTINGS,
        "sides": list(Side), "taken": not saved or m is None or (running is not None and running.digest == m.digest),
        "fresh": desk.config.timing.fresh.total_seconds(), "direction": rulesheet.direction_word,
        "owner": rulesheet.owner_word, "may": ask.visitor.role >= Role.ADMIN, "reason": given.get("reason", ""),
        "alone": world.store.sqlite, "anew": ANEW, "told_anew": given.get("do") == ANEW,
        **_worked_out(desk, now, m, tab, given),
    }  # fmt: skip


def _worked_out(desk: Desk, now: Draft, m: FieldMap | None, tab: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What a tab shows beside the text; nothing of it while the text has mistakes."""
    found: dict[str, Any] = {
        "impact": None,
        "look": None,
        "choices_of_record": [],
        "ref": "",
        "tests": None,
        "untested": "",
    }
    if tab == "tests":
        found["tests"], found["untested"] = _tested(now)
    if m is None or now.checked.maps is None or tab not in ("impact", "record"):
        return found
    world = draft.drafted(desk.world, now.file.pair, now.checked.maps)
    if tab == "impact":
        return {**found, "impact": impact.impact(desk.config, world, m) if given.get("do") == "impact" else None}
    with world.store.read() as tx:
        choices = draft.choices(world, tx, m)
        ref = given.get("ref", "").strip()[:200] or (str(choices[0].ref) if choices else "")
        look = draft.look(world, tx, m, ref) if ref else None
    return {**found, "choices_of_record": choices, "ref": ref, "look": look}


def _tested(now: Draft) -> tuple[Tested | None, str]:
    """The map's tests on the text; or why they could not be run."""
    try:
        return mapfiles.tested(now.file, now.text, now.schemas), ""
    except ConfigError as error:
        return None, "; ".join(str(one) for one in error.problems[:3])
    except SyncdError as error:
        return None, str(error)


def save(desk: Desk, ask: Ask) -> Done:
    """Keep the text as a new version and write it; its pair only plans by it, where that is asked for."""
    file, reason = file_of(desk, ask), ask.need("reason")[:LONGEST_REASON]
    text, began = mapfiles.ours(ask.form.get("text", "")), ask.form.get("began", "")
    pair = desk.config.pairs[file.pair]
    if ask.form.get("first") != "plan" or pair.mode != "live":
        return keep(desk, ask, file, text, began, reason)
    must_be_alone(desk)
    must_be_sound(desk, file, text)
    with desk.setup.only_planning(pair):
        done = keep(desk, ask, file, text, began, reason)
    told = f"{done.text} {file.pair} only plans now: what it would write is shown here, and nothing is written."
    return replace(done, text=told, detail={**done.detail, "mode": "plan"}, to=f"/planned/{quote(file.pair, safe='')}")


def must_be_alone(desk: Desk) -> None:
    """Other processes have a set-up of their own. Raises ConfigError."""
    if not desk.ready_store.sqlite:
        remedy = "Set the pair to `plan` in the config.toml of each machine first; then save the map."
        raise ConfigError(Problem("first in mode plan", "is for one process alone, and there may be others.", remedy))


def keep(desk: Desk, ask: Ask, file: MapFile, text: str, began: str, reason: str) -> Done:
    """Check and save; what it says, and the way back. Raises ConfigError for a text with mistakes."""
    must_be_sound(desk, file, text)
    made = mapfiles.save(
        desk.config, desk.ready_store, file, text, began=began, account=ask.visitor.name, reason=reason, now=ask.now
    )
    former = next((one.id for one in mapfiles.versions(desk.ready_store, file) if one.id < made.version), None)
    git = f" In git: {made.commit}." if made.commit else ""
    desk.take_maps()
    others = "" if desk.ready_store.sqlite else f" Other processes take it within {_within(desk)}."
    told = f"Saved as version {made.version}. What changes from now on goes by it.{others}"
    form = {"version": str(former), "began": mapfiles.digest(text)}
    back = (f"/maps/{file.pair}/{file.name}/back", form) if former is not None else None
    return Done(
        text=told + git, subject=file.key, detail={"version": made.version, "commit": made.commit},
        undo=back, to=f"/maps/{file.pair}/{file.name}",
    )  # fmt: skip


def must_be_sound(desk: Desk, file: MapFile, text: str) -> None:
    """Raises ConfigError for a text with mistakes."""
    found = mapfiles.checked(desk.config, file, text, draft.describes(desk))
    if found.errors:  # it may name a field or a value that was made a moment ago
        _tell_again(desk, file)
        found = mapfiles.checked(desk.config, file, text, draft.describes(desk))
    if found.errors:
        problems = [
            Problem(f"line {one.line}" if one.line else "the map", one.message, one.remedy) for one in found.errors
        ]
        raise ConfigError(problems)


def _within(desk: Desk) -> str:
    return lasting(desk.config.timing.fresh.total_seconds())


PATH = "/maps/{pair}/{name}"
PAGES = (
    Page(PATH, "map.html", "Map", show, needs=True),
    Page(f"{PATH}/draft", "map.html", "Map", drafted, role=Role.ADMIN, needs=True, takes=True),
)
DEEDS = (Deed(f"{PATH}/save", "map.save", save, role=Role.ADMIN, needs=True),)
