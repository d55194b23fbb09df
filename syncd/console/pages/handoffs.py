"""Hand-offs: what is on its way from one system to the other for the first time, how far it is, and how long it took.

What is not here: which those are (`console.onway`), and what is done about one of them (`pages.records`).
"""

from __future__ import annotations

from collections.abc import Mapping
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
from syncd.store.marks import COMING, HELD, PARKED, PLANNED
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
        "level": level, "any": bool(every), "retry": RETRY,
    }  # fmt: skip


def _word(word: str, count: int | None) -> str:
    return word if count is None else f"{word} ({count})"


def _rows(look: OnWay, state: str, before: str | None) -> tuple[list[Mapping[str, Any]], str | None]:
    """The rows of a page, and where it goes on."""
    if state in (SENT, LINKED):
        number = int(before) if before is not None and before.isdecimal() and len(before) < 19 else None
        made = look.sent() if state == SENT else look.made(number)
        return [_made_row(look, *one) for one in made.rows], made.before
    rests = look.resting(state, onway.place_of(before))
    return [_resting_row(look, one) for one in rests.rows], rests.before


def _who(look: OnWay, lane: Lane, id_: str, shot: Snapshot | None) -> Mapping[str, Any]:
    """Who is handed over, and where to."""
    return {
        "ref": lane.map.end(lane.side).ref(id_), "name": called(look.world, shot) if shot is not None else "",
        "map": lane.map.key, "to_system": lane.map.end(lane.side.other).system, "to": None, "url": None, "at": None,
        "took": None, "run": None, "short": "", "why": "", "todo": "", "href": "", "again": False,
    }  # fmt: skip


def _resting_row(look: OnWay, one: Rests) -> Mapping[str, Any]:
    m, id_ = one.lane.map, one.mark.place.id
    mark = look.tx.marks.get(m.key, one.lane.side, [id_])[id_]
    reason = mark_rows(look.tx, look.world.maps, [mark])[0]["reason"]
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


def _made_row(look: OnWay, lane: Lane, one: Made) -> Mapping[str, Any]:
    end, other = lane.map.end(lane.side), lane.map.end(lane.side.other)
    shot = look.tx.snapshots.get(end.system, end.kind, [one.source_id]).get(one.source_id)
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
