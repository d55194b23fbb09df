"""What syncd just did, from its journal, and what waits for a person: conflicts, parked marks, runs.

What is not here: the records themselves (`card`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.model import Action, FieldType, Side
from syncd.engine.answers import done
from syncd.lab.page.desk import Desk
from syncd.lab.page.people import name_of, side_of
from syncd.lab.page.words import OUTCOMES, label, reason, shown
from syncd.store.journal import Intent

DONE = ("written", "landed")
TAKEN = "a person took this value"
"""The engine's reason for a decided conflict: what passed since the edit is the person's time, not syncd's."""

SLACK = timedelta(milliseconds=50)
"""Between the clocks of a sandbox and of this machine."""


def stream(desk: Desk, limit: int = 30) -> list[dict[str, Any]]:
    """The newest writes in plain words."""
    with desk.app.ready_store.read() as tx:
        intents = tx.journal.recent(limit=limit)
    return [said for intent in intents if (said := _told(desk, intent)) is not None]


def _told(desk: Desk, intent: Intent) -> dict[str, Any] | None:
    """One write; what is finished is worked out once."""
    if intent.id in desk.told:
        return desk.told[intent.id]
    m = desk.map(intent.map)
    if m is None:
        return None
    side, titles = intent.side, {side: desk.title(side) for side in Side}
    lines = _changes(desk, m, intent)
    said = {
        "id": intent.id,
        "at": intent.opened_at,
        "side": str(side),
        "title": titles[side],
        "create": intent.action is Action.CREATE,
        "what": "job" if m.end(side).kind == "jobs" else m.end(side).kind.rstrip("s").lower(),
        "name": _name(desk, m, side.other, intent.source_id) or _name(desk, m, side, intent.record_id),
        "person": _person(desk, m, side.other, intent.source_id),
        "lines": lines,
        "more": len(lines),
        "done": intent.outcome in DONE,
        "outcome": OUTCOMES.get(intent.outcome, intent.outcome) if intent.outcome else "on its way",
        "error": intent.error if intent.outcome not in DONE else None,
        "seconds": _seconds(desk, m, intent),
    }
    if intent.outcome is not None:
        desk.told[intent.id] = said
    return said


def _changes(desk: Desk, m: FieldMap, intent: Intent) -> list[dict[str, str]]:
    """Each field of a write: what it was, what it is, why. A creation only says what it carried."""
    rules = {rule.name: rule for rule in m.rules}
    schema = desk.schemas[intent.side, m.end(intent.side).kind]
    found = []
    for name, told in intent.rules.items():
        rule, field = rules.get(name), str(told["field"])
        type_ = schema.fields.get(field)
        if rule is None or field not in intent.fields:
            continue
        found.append(
            {
                "label": label(rule),
                "before": shown(intent.before.get(field), type_, schema),
                "after": shown(intent.fields[field], type_, schema),
                "reason": reason(str(told["reason"]), {side: desk.title(side) for side in Side}),
            }
        )
    return found


def _name(desk: Desk, m: FieldMap, side: Side, id_: str | None) -> str:
    row = desk.accounts[side].rows(m.end(side).kind).get(id_ or "")
    return name_of(row.values) if row is not None else ""


def _person(desk: Desk, m: FieldMap, side: Side, id_: str) -> str:
    """Whose card shows this record: `side:id` of the contact or lead; empty if it has none."""
    if m in desk.people:
        return f"{side}:{id_}"
    row = desk.accounts[side].rows(m.end(side).kind).get(id_)
    return f"{side}:{row.parents[0]}" if row is not None and row.parents else ""


def _seconds(desk: Desk, m: FieldMap, intent: Intent) -> float | None:
    """From a person's edit to its landing, by the histories of both vendors; None for older ones."""
    chosen = any(TAKEN in str(told["reason"]) for told in intent.rules.values())
    if intent.outcome not in DONE or intent.record_id is None or chosen:
        return None
    side, slack = intent.side, SLACK
    source = desk.accounts[side.other].history(m.end(side.other).kind, intent.source_id)
    target = desk.accounts[side].history(m.end(side).kind, intent.record_id)
    carried = [] if intent.action is Action.CREATE else _sources(m, intent)
    edits = [
        one.at
        for one in source
        if one.via == "person"
        and one.at <= intent.opened_at + slack
        and (intent.action is Action.CREATE or any(one.touches(type_) for type_ in carried))
    ]
    landed = [one.at for one in target if one.via == "api" and one.at >= intent.opened_at - slack]
    if not edits or not landed or edits[-1] < desk.began:
        return None
    return (landed[0] - edits[-1]).total_seconds()


def _sources(m: FieldMap, intent: Intent) -> list[FieldType]:
    """The fields on the other side that this write carried across."""
    return [t for rule in m.rules if rule.name in intent.rules and (t := rule.type(intent.side.other)) is not None]


def questions(desk: Desk) -> list[dict[str, Any]]:
    """Open conflicts with names and values as people see them."""
    return [_question(desk, row) for row in desk.app.conflicts("open")]


def overruled(desk: Desk, limit: int = 10) -> list[dict[str, Any]]:
    """The newest values that lost against another."""
    return [_question(desk, row) for row in desk.app.conflicts("overruled")[:limit]]


def _question(desk: Desk, row: Mapping[str, Any]) -> dict[str, Any]:
    m = desk.map(row["map"])
    rule: Rule | None = next((r for r in m.rules if r.name == row["rule"]), None) if m is not None else None
    if m is None or rule is None:
        return {**row, "label": row["rule"], "name": "", "person": "", "left_text": str(row["left"]),
                "right_text": str(row["right"]), "why": row["reason"]}  # fmt: skip
    kinds = {side: desk.schemas[side, m.end(side).kind] for side in Side}
    return {
        **row,
        "label": label(rule),
        "name": _name(desk, m, Side.LEFT, row["left_id"]) or _name(desk, m, Side.RIGHT, row["right_id"]),
        "person": _person(desk, m, Side.LEFT, row["left_id"]),
        "left_text": shown(row["left"], rule.left_type, kinds[Side.LEFT]),
        "right_text": shown(row["right"], rule.right_type, kinds[Side.RIGHT]),
        "why": reason(str(row["reason"]), {side: desk.title(side) for side in Side}),
    }


def parked(desk: Desk) -> list[dict[str, Any]]:
    """What cannot go on, with its reason, the oldest first."""
    found = []
    for row in desk.app.parked():
        m, side, id_ = desk.map(row["map"]), side_of(desk, row["ref"]), row["ref"].rsplit(":", 1)[1]
        if m is not None:
            name, person = _name(desk, m, side, id_), _person(desk, m, side, id_)
            found.append({**row, "name": name or id_, "title": desk.title(side), "person": person})
    return sorted(found, key=lambda row: str(row["since"]))


def runs(desk: Desk, limit: int = 8) -> list[dict[str, Any]]:
    """The newest runs with what they wrote."""
    with desk.app.ready_store.read() as tx:
        found = tx.runs.last(limit=limit)
    return [
        {
            "id": run.id,
            "state": run.state,
            "at": run.ended_at or run.started_at,
            "lasted": _lasted(run.started_at, run.ended_at),
            "text": done(run.counts) if run.ended_at is not None else "under way",
            "error": run.counts.get("error"),
        }
        for run in found
    ]


def _lasted(began: datetime, ended: datetime | None) -> str:
    return f"in {(ended - began).total_seconds():.1f} s, " if ended is not None else "begun "
