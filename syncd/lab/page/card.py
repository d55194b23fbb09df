"""One person's card: each linked pair of records, rule by rule, and what became of the last edit of each field.

What is not here: decisions. Whether two values are equal is asked of the map's own converters; when an edit was made
and when it arrived is read from the vendors' histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncd.core.fieldmap import Direction, FieldMap, Rule, Unconvertible
from syncd.core.model import FieldKind, FieldType, Side, Value
from syncd.lab.page.accounts import Change, Row, canonical, raw_value
from syncd.lab.page.activity import TAKEN
from syncd.lab.page.desk import Desk, now
from syncd.lab.page.people import Someone, links_of, name_of, works
from syncd.lab.page.words import choice_of, choices, label, reason, shown, way
from syncd.store.marks import PARKED, Mark

HANDMADE = frozenset({"approved_estimate_total"})
"""Read-only for the API, but people change them in the vendor's pages (here: by approving an estimate)."""

JUST_NOW = timedelta(seconds=30)
"""So long an arrival is highlighted."""

ON_ITS_WAY = timedelta(minutes=5)
"""So long an edit that has not arrived counts as on its way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One side of a line. `text`: as people see it; `choice`: as the form sends it."""

    side: Side
    kind: str
    id: str
    field: str
    text: str
    choice: str
    choices: list[tuple[str, str]]
    editable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One rule. `state`: equal, arrived, pending, ask, differs or quiet; `text` says it, `at` is when."""

    name: str
    label: str
    arrow: str
    way: str
    left: Cell | None
    right: Cell | None
    state: str = "quiet"
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """A pair of records that are one thing, or one without a counterpart (`alone` says why). `word`: what it is."""

    word: str
    left: str | None
    right: str | None
    lines: tuple[Line, ...]
    gone: tuple[Side, ...] = ()
    alone: str = ""
    waiting: str = ""


@dataclass(frozen=True, slots=True)
class _Past:
    """What is known of both records beside their values."""

    history: Mapping[Side, Sequence[Change]]
    reasons: Mapping[str, str]
    open: Mapping[str, Any]
    lost: Mapping[str, str]


def card(desk: Desk, one: Someone) -> list[Two]:
    """A person's contact or lead, then their deals and jobs."""
    found = [_two(desk, one.m, "Contact" if one.m is desk.contacts else "Lead", one.left, one.right)]
    done = {side: works(desk, side) for side in Side}
    lefts = done[Side.LEFT].of.get(one.left or "", ())
    rights = done[Side.RIGHT].of.get(one.right or "", ())
    across = {link.left_id: link.right_id for link in links_of(desk, desk.deals)}
    back = {right: left for left, right in across.items()}
    pairs: list[tuple[str | None, str | None]] = [(left, across.get(left)) for left in lefts]
    pairs += [(back.get(right), right) for right in rights if back.get(right) not in lefts]
    return found + [_two(desk, desk.deals, "Deal and job", left, right) for left, right in pairs]


def _two(desk: Desk, m: FieldMap, word: str, left: str | None, right: str | None) -> Two:
    ids = {side: id_ for side, id_ in ((Side.LEFT, left), (Side.RIGHT, right)) if id_ is not None}
    rows = {
        side: row
        for side, id_ in ids.items()
        if (row := desk.accounts[side].rows(m.end(side).kind).get(id_)) is not None
    }
    past = _past(desk, m, ids) if len(rows) == 2 else _Past({}, {}, {}, {})
    marks = _marks(desk, m, ids)
    return Two(
        word=word,
        left=left,
        right=right,
        lines=tuple(_line(desk, m, rule, rows, past) for rule in m.rules),
        gone=tuple(side for side in ids if side not in rows or not rows[side].alive),
        alone=_alone(marks) if len(ids) == 1 else "",
        waiting=_parked(marks) if len(ids) == 2 else "",
    )


def _past(desk: Desk, m: FieldMap, ids: Mapping[Side, str]) -> _Past:
    with desk.app.ready_store.read() as tx:
        writes = tx.journal.last_of(m.key, list(ids.values()))
        link = tx.links.of(m.key, Side.LEFT, [ids[Side.LEFT]]).get(ids[Side.LEFT])
        open_ = tx.conflicts.open_of([link.id]).get(link.id, {}) if link is not None else {}
        rows = tx.conflicts.list(states=["kept", "overruled"], map_key=m.key, limit=5000)
    reasons: dict[str, str] = {}
    for write in writes:
        for name, said in write.rules.items():
            reasons.setdefault(name, str(said["reason"]))
    lost = {row.rule: row.reason for row in reversed(rows) if link is not None and row.link == link.id}
    history = {side: desk.accounts[side].history(m.end(side).kind, id_) for side, id_ in ids.items()}
    return _Past(history, reasons, open_, lost)


def _marks(desk: Desk, m: FieldMap, ids: Mapping[Side, str]) -> list[Mark]:
    maps = desk.people if m in desk.people else (m,)
    with desk.app.ready_store.read() as tx:
        return [one for of in maps for side, id_ in ids.items() for one in tx.marks.get(of.key, side, [id_]).values()]


def _parked(marks: Sequence[Mark]) -> str:
    return next((mark.reason or "" for mark in marks if mark.state == PARKED), "")


def _alone(marks: Sequence[Mark]) -> str:
    if parked := _parked(marks):
        return f"Parked: {parked}"
    if marks:
        return f"Waiting: {marks[0].reason}" if marks[0].reason else "Waiting: syncd looks at it in a moment."
    return "It stays on this side: the map's conditions for creating a counterpart do not hold."


def _line(desk: Desk, m: FieldMap, rule: Rule, rows: Mapping[Side, Row], past: _Past) -> Line:
    titles = {side: desk.title(side) for side in Side}
    arrow, words = way(rule, titles)
    state, text, at = _state(desk, rule, rows, past)
    return Line(
        name=rule.name,
        label=label(rule),
        arrow=arrow,
        way=words,
        left=_cell(desk, m, rule, Side.LEFT, rows.get(Side.LEFT)),
        right=_cell(desk, m, rule, Side.RIGHT, rows.get(Side.RIGHT)),
        state=state,
        text=reason(text, titles),
        at=at,
    )


def _cell(desk: Desk, m: FieldMap, rule: Rule, side: Side, row: Row | None) -> Cell | None:
    type_ = rule.type(side)
    if row is None or type_ is None:
        return None
    kind = m.end(side).kind
    schema = desk.schemas[side, kind]
    if type_.kind is FieldKind.REF:
        return Cell(
            side=side, kind=kind, id=row.id, field=type_.name, text=_names(desk, side, row), choice="", choices=[],
            editable=False,
        )  # fmt: skip
    value = canonical(type_, raw_value(type_, row.values))
    return Cell(
        side=side,
        kind=kind,
        id=row.id,
        field=type_.name,
        text=shown(value, type_, schema),
        choice=choice_of(value),
        choices=choices(type_, schema, value),
        editable=row.alive and rule.receipt is None and may_edit(type_),
    )


def may_edit(type_: FieldType) -> bool:
    """Whether a person may change this field in the vendor's pages."""
    return type_.kind is not FieldKind.REF and (type_.name in HANDMADE or not (type_.read_only or type_.calculated))


def _names(desk: Desk, side: Side, row: Row) -> str:
    contacts = desk.accounts[side].rows(desk.contacts.end(side).kind)
    return ", ".join(name_of(contacts[one].values) if one in contacts else one for one in row.parents)


def _state(desk: Desk, rule: Rule, rows: Mapping[Side, Row], past: _Past) -> tuple[str, str, datetime | None]:
    """What to say of a rule: (state, sentence, when)."""
    left, right = rule.left_type, rule.right_type
    if len(rows) < 2 or left is None or right is None or FieldKind.REF in (left.kind, right.kind):
        return "quiet", "", None
    if rule.name in past.open:
        chosen = past.open[rule.name].choice is not None
        return "ask", "you have chosen; syncd is writing it" if chosen else "both sides changed it: please decide", None
    here, there = (canonical(t, raw_value(t, rows[s].values)) for s, t in ((Side.LEFT, left), (Side.RIGHT, right)))
    equal = rule.convert.equal(here, there)
    if rule.direction is Direction.CREATE:
        return "quiet", "" if equal else "may differ: it was carried once", None
    if equal:
        return _arrival(desk, rule, past)
    return _difference(rule, {Side.LEFT: here, Side.RIGHT: there}, past)


def _arrival(desk: Desk, rule: Rule, past: _Past) -> tuple[str, str, datetime | None]:
    """When the last edit crossed, if it was made while the demo runs."""
    found = [
        (landed, edit)
        for to in Side
        if rule.flows(to)
        and (landed := _last(past, rule, to, "api")) is not None
        and (edit := _last(past, rule, to.other, "person", before=landed.at)) is not None
        and edit.at >= desk.began
    ]
    if not found:
        return "equal", "", None
    landed, edit = max(found, key=lambda one: one[0].at)
    why = past.reasons.get(rule.name, "a new record")
    after = f"after {(landed.at - edit.at).total_seconds():.1f} s"
    if why == TAKEN:
        after = ""
    if now() - landed.at >= JUST_NOW:
        return "equal", after, landed.at
    return "arrived", ": ".join(part for part in (f"arrived {after}".strip(), why) if part != "a new record"), landed.at


def _difference(rule: Rule, values: Mapping[Side, Value], past: _Past) -> tuple[str, str, datetime | None]:
    """Why the sides differ: a value cannot cross, an edit is on its way, it was kept, or nothing more is known."""
    for to in Side:
        if rule.flows(to) and values[to.other] is not None:
            try:
                rule.convert.convert(values[to.other], to)
            except Unconvertible as error:
                return "differs", str(error), None
    for to in Side:
        edit = _last(past, rule, to.other, "person")
        landed = _last(past, rule, to, "api")
        fresh = edit is not None and (landed is None or landed.at < edit.at)
        if rule.flows(to) and edit is not None and fresh and now() - edit.at < ON_ITS_WAY:
            return "pending", f"changed on the {to.other}, on its way", edit.at
    if rule.name in past.lost:
        return "differs", past.lost[rule.name], None
    return "differs", "the sides differ", None


def _last(past: _Past, rule: Rule, side: Side, via: str, *, before: datetime | None = None) -> Change | None:
    """The newest change of the rule's field on a side by this door."""
    type_ = rule.type(side)
    if type_ is None:
        return None
    found = [
        one
        for one in past.history.get(side, ())
        if one.via == via and one.touches(type_) and (before is None or one.at <= before)
    ]
    return found[-1] if found else None
