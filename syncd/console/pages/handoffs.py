"""Hand-offs: what is on its way from one system to the other for the first time, how far it is, and how long it took.

What is not here: which those are (`console.onway`), and what is done about one of them (`pages.records`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from syncd.console import onway
from syncd.console.ask import Ask, Facts, Page
from syncd.console.causes import cause_of
from syncd.console.desk import Desk
from syncd.console.finder import called
from syncd.console.onway import FAILED, LINKED, NEEDS, SENT, WAITING, Lane, Level, OnWay, Rests
from syncd.console.pages.records import RETRY
from syncd.console.words import cause
from syncd.engine.answers import mark_rows
from syncd.store.handoffs import Made
from syncd.store.marks import COMING, HELD, PARKED, PLANNED, Mark
from syncd.store.snapshots import Snapshot

TABS = ((WAITING, "Waiting"), (SENT, "Sent"), (LINKED, "Handed over"), (NEEDS, "Needs you"), (FAILED, "Refused"))
SPANS = {"24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}
SINCE = (("", "Any time"), ("24h", "24 hours"), ("7d", "7 days"), ("30d", "30 days"))
REMEDIES: Mapping[str, str] = {
    "question": "Say whether the two are the same.",
    "unmapped": "Give the value a counterpart in the map, or change it in the record.",
    "refused": "Change what the other system refuses, then try again.",
    "drift": "Look at the field that is not told any more, then try again.",
}
"""What a person does, by why it rests."""

ELSE = "Open the record to see why, then try again."


def show(desk: Desk, ask: Ask) -> Facts:
    """One tab of it."""
    world, query = desk.world, ask.query
    every, known = onway.lanes(world), dict(TABS)
    state = query.get("state", "") if query.get("state") in known else WAITING
    chosen = [lane for lane in every if query.get("map") in (None, "", lane.map.key)]
    span = SPANS.get(query.get("since", ""))
    with world.store.read() as tx:
        look = OnWay(world, tx, chosen, ask.now - span if span is not None else None)
        rows, before = _rows(look, state, query.get("before"))
        counts = {SENT: look.count_sent(), NEEDS: look.count(NEEDS), FAILED: look.count(FAILED)}
        level = [_level(look.level(lane, ask.now)) for lane in chosen]
    return {
        "tabs": [(tab, _word(word, counts.get(tab))) for tab, word in TABS], "state": state,
        "since": query.get("since", ""), "spans": SINCE, "map": query.get("map", ""),
        "maps": [("", "All"), *((one.map.key, one.map.key) for one in every)],
        "rows": rows, "before": before, "vain": before is not None and len(rows) < onway.AT_ONCE,
        "cut": state == SENT and counts[SENT] != len(rows), "level": level, "any": bool(every), "retry": RETRY,
    }  # fmt: skip


def _word(word: str, count: int | None) -> str:
    return word if count is None else f"{word} ({count})"


def _rows(look: OnWay, state: str, before: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
    """The rows of a page, and where it goes on."""
    if state in (SENT, LINKED):
        number = int(before) if before is not None and before.isdecimal() and len(before) < 19 else None
        made = look.sent() if state == SENT else look.made(number)
        return _made_rows(look, made.rows), made.before
    rests = look.resting(state, onway.place_of(before))
    return _resting_rows(look, rests.rows), rests.before


def _who(look: OnWay, lane: Lane, id_: str, shot: Snapshot | None) -> Mapping[str, Any]:
    """Who is handed over, and where to."""
    return {
        "ref": lane.map.end(lane.side).ref(id_), "name": called(look.world, shot) if shot is not None else "",
        "map": lane.map.key, "to_system": lane.map.end(lane.side.other).system, "to": None, "url": None, "at": None,
        "took": None, "run": None, "short": "", "why": "", "todo": "", "href": "", "again": False,
    }  # fmt: skip


def _resting_rows(look: OnWay, several: Sequence[Rests]) -> list[Mapping[str, Any]]:
    found: dict[tuple[str, str], Mark] = {}
    for lane in look.lanes:
        ids = [one.mark.place.id for one in several if one.lane is lane]
        marks = look.tx.marks.get(lane.map.key, lane.side, ids)
        found |= {(lane.map.key, id_): mark for id_, mark in marks.items()}
    mine = [found[one.lane.map.key, one.mark.place.id] for one in several]
    told = mark_rows(look.tx, look.world.maps, mine)
    return [
        _resting_row(look, one, mark, row["reason"] or "") for one, mark, row in zip(several, mine, told, strict=True)
    ]


def _resting_row(look: OnWay, one: Rests, mark: Mark, reason: str) -> Mapping[str, Any]:
    m, id_ = one.lane.map, one.mark.place.id
    asked = one.mark.state == PARKED and not cause_of(one.mark.cause).alone
    return {
        **_who(look, one.lane, id_, one.shot), "id": f"{m.key}:{id_}", "since": mark.first_at,
        "why": reason or _why(one), "short": cause(one.mark.cause) if one.mark.state == PARKED else "",
        "todo": _todo(one, asked=asked), "href": _href(one), "again": asked,
    }  # fmt: skip


def _why(one: Rests) -> str:
    if one.shot is None:
        return "syncd was told of it, and reads it next"
    return {
        HELD: "it is held: more was to be written than one run may",
        PLANNED: "it is planned; its pair does not write yet",
        COMING: "it is one of many that are taken up a little at a time",
    }.get(one.mark.state, "it is looked at with the next run")


def _todo(one: Rests, *, asked: bool) -> str:
    if one.mark.state == HELD:
        return "Allow it, or let it be."
    return REMEDIES.get(one.mark.cause or "", ELSE) if asked else ""


def _href(one: Rests) -> str:
    """The page where it is decided, if there is one."""
    if one.mark.state == HELD:
        return "/held"
    return f"/review?map={quote(one.lane.map.key, safe='')}" if one.mark.cause == "question" else ""


def _made_rows(look: OnWay, several: Sequence[tuple[Lane, Made]]) -> list[Mapping[str, Any]]:
    shots: dict[tuple[str, str], Snapshot] = {}
    for lane in look.lanes:
        end, ids = lane.map.end(lane.side), [one.source_id for of, one in several if of is lane]
        found = look.tx.snapshots.get(end.system, end.kind, ids)
        shots |= {(lane.map.key, id_): shot for id_, shot in found.items()}
    return [_made_row(look, lane, one, shots.get((lane.map.key, one.source_id))) for lane, one in several]


def _made_row(look: OnWay, lane: Lane, one: Made, shot: Snapshot | None) -> Mapping[str, Any]:
    other = lane.map.end(lane.side.other)
    to = other.ref(one.record_id) if one.record_id else None
    return {
        **_who(look, lane, one.source_id, shot), "id": f"write-{one.id}", "since": one.opened_at, "to": to,
        "url": look.world.connectors[to.system].url(to.kind, to.id) if to is not None else None,
        "at": one.closed_at, "run": one.run, "why": "it was sent, and has no answer yet",
        "took": onway.took_of(shot.record.created_at if shot is not None else None, one),
    }  # fmt: skip


def _level(one: Level) -> Mapping[str, Any]:
    m, side = one.lane.map, one.lane.side
    return {
        "map": m.key, "from": m.end(side).system, "to": m.end(side.other).system, "week": one.week, "day": one.day,
        "cut": one.cut, "day_cut": one.cut and one.day == one.week, "measured": len(one.took),
        "heard": one.heard, "half": one.share(0.5), "most": one.share(0.95),
    }  # fmt: skip


PAGES = (Page("/handoffs", "handoffs.html", "Hand-offs", show, nav="Hand-offs", needs=True),)
