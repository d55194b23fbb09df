"""Fields that both sides changed: both values side by side, and a person's word on which is right; one or many at once.

What is not here: how one reads (`console.asked`), who changed its field (`pages.history`), deciding (`engine.answers`),
and writing, which the next run does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from syncd.console.another import typed
from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page
from syncd.console.asked import SETTLED, Row, label, rows, takers, took
from syncd.console.desk import Desk
from syncd.core.fieldmap import Rule
from syncd.core.model import Side
from syncd.core.plural import counted
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store import asking
from syncd.store.asking import Listed
from syncd.store.conflicts import Conflict
from syncd.store.store import Tx

SHOWN = 50
COUNTED = 2000
"""Conflicts that are counted one by one; of more it is said that they are more."""

AT_ONCE = 100
"""Conflicts that one word of a person decides."""

TABS: Mapping[str, str] = {
    asking.OPEN: "Open", asking.DECIDED: "Decided", asking.OVERRULED: "Overruled", asking.DONE: "Done",
}  # fmt: skip

TOLD = 300
"""Letters of a reason that a note holds."""

MOVED = "Its values moved since you looked"
SOMEBODY = "Somebody"

_ONE_BY_ONE = threading.Lock()
"""Who comes second has to see what the first one did."""


def show(desk: Desk, ask: Ask) -> Facts:
    """One list, of all maps or one, of all fields or one."""
    world, tab = desk.world, ask.query.get("state", "")
    tab = tab if tab in TABS else asking.OPEN
    with desk.ready_store.read() as tx:
        there, cut = asking.counted(tx, tab, most=COUNTED)
        keys = sorted({*world.maps, *(key for key, _ in there)})
        key = ask.query.get("map") or None
        name = ask.query.get("field") or None
        listed, older = asking.page(
            tx, tab, keys if key is None else [key], rule=name, before=ask.number("before"), limit=SHOWN
        )
        found = rows(world, tx, listed)
    mine = sum(n for (k, r), n in there.items() if key in (None, k) and name in (None, r))
    every = _every(world, ask, found, None if cut else mine) if tab == asking.OPEN else None
    return {
        "tab": tab, "tabs": list(TABS.items()), "rows": found, "older": older, "key": key, "field": name,
        "maps": _map_choices(keys, there, cut), "fields": _field_choices(world, key, there, cut),
        "count": None if cut else mine, "most": COUNTED, "at_once": AT_ONCE, "settled": SETTLED, "took": took,
        "sides": _sides(found), "every": every,
    }  # fmt: skip


def _map_choices(keys: Sequence[str], there: Mapping[tuple[str, str], int], cut: bool) -> list[tuple[str, str]]:
    """The maps that have any; all of them where not all was counted."""
    sums = {one: sum(n for (key, _), n in there.items() if key == one) for one in keys}
    known = [(one, one if cut else f"{one} ({n})") for one, n in sums.items() if n or cut]
    return [("", "All maps"), *known] if known else []


def _field_choices(
    world: World, key: str | None, there: Mapping[tuple[str, str], int], cut: bool
) -> list[tuple[str, str]]:
    """The fields of a map that have any; all of its fields where not all was counted."""
    if key is None:
        return []
    m = world.maps.get(key)
    rules = {rule.name: rule for rule in m.rules} if m is not None else {}
    sums = {rule: n for (of, rule), n in there.items() if of == key}
    names = sorted({*rules, *sums} if cut else sums)
    told = [(one, _called(world, key, one) + ("" if cut else f" ({sums.get(one, 0)})")) for one in names]
    return [("", "All fields"), *told] if told else []


def _called(world: World, key: str, name: str) -> str:
    """What people call a field of a map."""
    m = world.maps.get(key)
    rule = next((rule for rule in m.rules if rule.name == name), None) if m is not None else None
    return label(rule, Side.LEFT if rule is None or rule.left is not None else Side.RIGHT, name)


def _sides(found: Sequence[Row]) -> dict[str, str]:
    """How both sides of all these are called; by their places where they are of several systems."""
    several = {tuple(half.system for half in row.halves) for row in found if row.halves}
    names = several.pop() if len(several) == 1 else ("the left system", "the right system")
    return dict(zip(map(str, Side), names, strict=True))


def _every(world: World, ask: Ask, found: Sequence[Row], count: int | None) -> Mapping[str, Any] | None:
    """What decides all of one field, as far as they were there when the page was made."""
    key, name = ask.query.get("map"), ask.query.get("field")
    if not key or not name or not found or ask.query.get("before"):
        return None
    return {"map": key, "field": name, "upto": found[0].conflict.id, "count": count,
            "called": _called(world, key, name)}  # fmt: skip


def detail(desk: Desk, ask: Ask) -> Facts:
    """One of them; no vendor is asked."""
    id_, world = ask.path["id"], desk.world
    with desk.ready_store.read() as tx:
        listed = asking.these(tx, [int(id_)]) if id_.isdecimal() and len(id_) < 19 else {}
        found = rows(world, tx, list(listed.values()))
    if not found:
        raise NotFound("There is no such conflict.")
    row = found[0]
    return {"row": row, "histories": None, "settled": SETTLED, "tab": _tab(row)}


def _tab(row: Row) -> str:
    """The list that a conflict stands on."""
    if row.conflict.choice is not None:
        return asking.DECIDED
    if row.conflict.state in SETTLED:
        return asking.DONE
    return asking.OPEN if row.conflict.state == "open" else asking.OVERRULED


@dataclass(slots=True)
class _Came:
    """What a wish came to: what was taken, and of the others why not."""

    rows: list[Row] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)


def _take(desk: Desk, ask: Ask) -> Done:
    """A side of each of these, or another value of one."""
    choice, wanted = ask.form.get("choice", ""), _ticked(ask.chosen)
    if choice != "value":
        return _told(desk, _choose(desk, wanted, _side(choice)), choice)
    if len(wanted) != 1:
        raise ConfigError(Problem("another value", "is given to one conflict at a time.", "Take a side of the others."))
    return _take_value(desk, wanted, ask.need("value"))


def _take_value(desk: Desk, wanted: Mapping[int, str], text: str) -> Done:
    (id_,) = wanted
    came = _choose(desk, wanted, typed(_rule(desk, id_), text), literal=True)
    with desk.ready_store.read() as tx:
        now = asking.these(tx, wanted).get(id_)
    return _told(desk, came, "value", took(now.conflict) if now is not None else "value")


def _rule(desk: Desk, id_: int) -> Rule:
    """The line of the map that a conflict is about. Raises ConfigError."""
    with desk.ready_store.read() as tx:
        known = asking.these(tx, [id_]).get(id_)
    m = desk.world.maps.get(known.conflict.map) if known is not None else None
    for rule in m.rules if m is not None else ():
        if known is not None and rule.name == known.conflict.rule:
            return rule
    raise ConfigError(Problem(f"conflict {id_}", "is not there any more.", "Look again."))


def _field(desk: Desk, ask: Ask) -> Done:
    """A side of all of one field that stood on the list when the page was made, the newest first."""
    key, name, upto = ask.need("map"), ask.need("field"), ask.need("upto")
    side = _side(ask.need("choice"))
    if not upto.isdecimal() or len(upto) > 18:
        raise ConfigError(Problem("upto", "is no conflict.", "Load the page anew."))
    with desk.ready_store.read() as tx:
        listed, more = asking.page(tx, asking.OPEN, [key], rule=name, before=int(upto) + 1, limit=AT_ONCE)
    if not listed:
        raise ConfigError(Problem("of this field", "nothing is open any more.", "Somebody was quicker. Look again."))
    came = _choose(desk, {one.conflict.id: "" for one in listed}, side)
    then = f" No more than {AT_ONCE} are decided at once: there are more of this field." if more is not None else ""
    return _told(desk, came, side, then=then)


def _side(choice: str) -> str:
    if choice not in tuple(Side):
        raise ConfigError(Problem("choice", "is none.", "Known: left, right, value."))
    return choice


def _ticked(chosen: Sequence[str]) -> dict[int, str]:
    """By its id, what was sent of each conflict as it was shown. Raises ConfigError."""
    found: dict[int, str] = {}
    for text in chosen:
        id_, _, seen = text.partition(".")
        if not id_.isdecimal() or len(id_) > 18 or not seen:
            raise ConfigError(Problem("what is ticked", "is no conflict.", "Load the page anew."))
        found[int(id_)] = text
    if not found:
        raise ConfigError(Problem("nothing", "is ticked.", "Tick the conflicts that are meant."))
    if len(found) > AT_ONCE:
        raise ConfigError(Problem("this", f"is more than {AT_ONCE} conflicts at once.", "Tick fewer."))
    return found


def _choose(desk: Desk, wanted: Mapping[int, str], choice: str, *, literal: bool = False) -> _Came:
    """Take of these what stands as it was shown; "" stands for however it stands."""
    came = _Came()
    with _ONE_BY_ONE:
        with desk.ready_store.read() as tx:
            listed = asking.these(tx, wanted)
            fresh = {row.conflict.id: row for row in rows(desk.world, tx, list(listed.values()))}
            who = takers(tx, wanted)
        for id_, seen in wanted.items():
            row = fresh.get(id_)
            if row is None:
                came.missed.append("It is not known")
                continue
            why = _passed(row, seen, who) or _barred(row, choice, literal) or _refused(desk, id_, choice, literal)
            if why:
                came.missed.append(why)
            else:
                came.rows.append(row)
    return came


def _passed(row: Row, seen: str, who: Mapping[int, tuple[str, Any]]) -> str:
    """Why a conflict is not the one that was looked at any more; "" if it is."""
    by = who[row.conflict.id][0] if row.conflict.id in who else SOMEBODY
    if row.conflict.choice is not None:
        return f"{by} took a side of it meanwhile"
    if row.conflict.state == "taken":
        return f"{by} took a side of it meanwhile, and that is written"
    if row.conflict.state in SETTLED:
        return SETTLED[row.conflict.state].removesuffix(".")
    return MOVED if seen not in ("", row.key) else ""


def _barred(row: Row, choice: str, literal: bool) -> str:
    """Why this cannot be taken of it; "" if it can."""
    if not row.takes:
        return row.opinion.removesuffix(".")
    if literal:
        return "" if row.entry is not None else "It takes no other value"
    return "" if choice in row.takes else "That side stands already"


def _refused(desk: Desk, id_: int, choice: str, literal: bool) -> str:
    """Take it; why the engine does not, "" if it does."""
    try:
        desk.take_all([id_], choice, literal=literal)
    except ConfigError as error:
        message = error.problems[0].message
        if message.startswith("the values moved"):
            return MOVED
        return f"{message[:1].upper()}{message[1:TOLD]}".removesuffix(".")
    return ""


def _told(desk: Desk, came: _Came, choice: str, mark: str = "", *, then: str = "") -> Done:
    """What was decided, with the way back. Raises ConfigError if nothing was."""
    why = "; ".join(list(dict.fromkeys(came.missed))[:3])
    if not came.rows:
        one = len(came.missed) == 1
        place, was = ("the conflict", "was not decided") if one else ("none of them", "was decided")
        raise ConfigError(Problem(place, f"{was}. {why}.", "Look again."))
    ids = [row.conflict.id for row in came.rows]
    what = _what(came.rows, choice)
    missed = f" {counted(len(came.missed), 'conflict was', 'conflicts were')} left alone: {why}." if why else ""
    subject = f"conflict {ids[0]}" if len(ids) == 1 else counted(len(ids), "conflict")
    return Done(
        text=f"{what} {_then(desk.world, came.rows)}{missed}{then}", subject=subject,
        detail={"ids": ids, "choice": choice, "maps": sorted({row.conflict.map for row in came.rows})},
        undo=("/conflicts/withdraw", {"ids": packed(ids), "took": mark or choice}),
    )  # fmt: skip


def _what(found: Sequence[Row], choice: str) -> str:
    if choice == "value":
        return f"Another value is taken for {found[0].field}."
    whose = _sides(found)[choice]
    if len(found) == 1:
        return f"{whose[:1].upper()}{whose[1:]}'s value is taken for {found[0].field}."
    fields = sorted({row.field for row in found})
    of = f" of {fields[0]}" if len(fields) == 1 else ""
    return f"{counted(len(found), 'conflict')}{of}: {whose}'s values are taken."


def _then(world: World, found: Iterable[Row]) -> str:
    """When it is written."""
    keys = {row.conflict.map for row in found}
    quiet = [pair.name for pair in world.pairs if pair.mode != "live" and any(m.key in keys for m in pair.maps)]
    if quiet:
        return f"Nothing is written yet: {', '.join(quiet)} does not write."
    return "The next run writes it."


def packed(ids: Iterable[int]) -> str:
    """Ids in few letters: each by how far it is from the one before; a header carries them."""
    several = sorted(ids)
    return "-".join(str(after - before) for before, after in pairwise([0, *several]))


def unpacked(text: str) -> list[int]:
    """The ids. Raises ConfigError."""
    parts = text.split("-")
    if len(parts) > AT_ONCE or not all(one.isdecimal() and len(one) < 19 for one in parts):
        raise ConfigError(Problem("what is to be undone", "is no list of conflicts.", "Load the page anew."))
    found = [0]
    for one in parts:
        found.append(found[-1] + int(one))
    if found[-1] >= 2**63:
        raise ConfigError(Problem("what is to be undone", "is no list of conflicts.", "Load the page anew."))
    return found[1:]


def _withdraw(desk: Desk, ask: Ask) -> Done:
    """Take a choice back that no run has carried out yet."""
    ids, mine = unpacked(ask.need("ids")), ask.need("took")
    with _ONE_BY_ONE, desk.ready_store.begin() as tx:
        known = asking.these(tx, ids)
        stand = [one.conflict for one in known.values() if one.conflict.choice and took(one.conflict) == mine]
        for one in stand:
            tx.conflicts.choose(one.id, None)
        late = [one for id_, one in known.items() if id_ not in {each.id for each in stand}]
        why = _too_late(tx, late)
    if not stand:
        raise ConfigError(Problem("the choice", f"stands no longer. {why}", "Look again."))
    asked = any(one.state == "open" for one in stand)
    what = f"{counted(len(stand), 'choice is', 'choices are')} withdrawn"
    text = f"{what}{': you are asked again' if asked else ''}. What a run was just writing may still be written. {why}"
    subject = f"conflict {stand[0].id}" if len(stand) == 1 else counted(len(stand), "conflict")
    return Done(text=text.strip(), subject=subject, detail={"withdrawn": [one.id for one in stand]})


def _too_late(tx: Tx, late: Sequence[Listed]) -> str:
    """Why choices could not be withdrawn: who else decided, or which runs wrote them and can be undone; "" of none."""
    if not late:
        return ""
    written = [one for one in late if one.conflict.state == "taken"]
    if written:
        runs = sorted({run for one in written if (run := _run_of(tx, one.conflict)) is not None})
        by = f" by run {', '.join(map(str, runs[:5]))}" if runs else ""
        what = f"{counted(len(written), 'choice was', 'choices were')} written meanwhile{by}."
        return f"{what} Under Runs that can be undone."
    who = takers(tx, [one.conflict.id for one in late if one.conflict.choice])
    if any(one.conflict.choice for one in late):
        names = ", ".join(sorted({name for name, _ in who.values()})) or SOMEBODY
        return f"{names} decided otherwise meanwhile."
    return "It was withdrawn already, or the values moved: you are asked about what is there now."


def _run_of(tx: Tx, conflict: Conflict) -> int | None:
    """The run that wrote the field last."""
    writes = tx.journal.last_of(conflict.map, [conflict.left_id, conflict.right_id])
    return next((one.run for one in writes if conflict.rule in one.rules and one.opened_at >= conflict.at), None)


PAGES = (
    Page("/conflicts", "conflicts.html", "Conflicts", show, nav="Conflicts", needs=True),
    Page("/conflicts/{id}", "conflict.html", "A conflict", detail, needs=True),
)
DEEDS = (
    Deed("/conflicts/take", "conflicts.take", _take, needs=True),
    Deed("/conflicts/field", "conflicts.field", _field, needs=True),
    Deed("/conflicts/withdraw", "conflicts.withdraw", _withdraw),
)
