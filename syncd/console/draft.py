"""What a map's text would do to one record before it is saved. Nothing is written.

All of it is worked out from what syncd has read; no vendor is asked. What is not here: what it would do to all of them
(`impact`), the page (`pages.mapedit`), and what is wrong with a text (`service.mapfiles`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncd.console.desk import Desk
from syncd.console.finder import called, find
from syncd.core.decision import Decision, Given, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Rule, Unconvertible
from syncd.core.model import Record, Ref, Schema, Side, Value
from syncd.core.plan import MISSING, carried, plan_create, view
from syncd.core.sight import Waiting
from syncd.engine.described import as_ever
from syncd.engine.linking import wanted
from syncd.engine.planning import parents_of
from syncd.engine.weighing import weighed
from syncd.engine.world import World
from syncd.service.worlds import Describe
from syncd.store import linked
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SAMPLES = 5
"""Linked records that are offered for a preview."""


def describes(desk: Desk) -> Describe:
    """What the systems say of their fields, as the daemon has it: asked for anew only when that is too old."""
    world = desk.world
    return lambda system, kind: as_ever(world.store, world.connectors[system], kind)


def drafted(world: World, pair: str, maps: Sequence[FieldMap]) -> World:
    """The world with these maps of a pair; the one that works is not touched."""
    pairs = tuple(replace(one, maps=tuple(maps)) if one.name == pair else one for one in world.pairs)
    return replace(world, pairs=pairs)


@dataclass(frozen=True, slots=True)
class Choice:
    """A linked pair that can be looked at."""

    ref: Ref
    name: str


@dataclass(frozen=True, slots=True)
class Way:
    """A value's way to a side: as it is, as it would be there, what stands there; `problem`: why it cannot go."""

    to: Side
    raw: Value
    converted: Value
    there: Value
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One rule of a record. `decision`: None where nothing is decided."""

    rule: Rule
    ways: Sequence[Way]
    verdict: str
    why: str
    writes: Side | None
    value: Value = None


@dataclass(frozen=True, slots=True)
class Look:
    """A record under a draft. `twin` None: one would be made. `parked`: it would wait for a person or another record.

    `unread`: the rules with a field that was never asked for: what they do there is not known yet.
    """

    ref: Ref
    name: str
    twin: Ref | None
    rules: Sequence[Seen]
    note: str = ""
    parked: bool = False
    unread: frozenset[str] = frozenset()


def choices(world: World, tx: Tx, m: FieldMap) -> list[Choice]:
    """Some linked records."""
    links = linked.some(tx, m.key, most=SAMPLES)
    shots = tx.snapshots.get(m.left.system, m.left.kind, [one.left_id for one in links])
    return [Choice(m.left.ref(i), called(world, shot)) for i, shot in shots.items()]


def look(world: World, tx: Tx, m: FieldMap, typed: str) -> Look | None:
    """The record that was meant, under this map; None if none of its kinds is found."""
    shots = find(world, tx, typed).shots
    for ref, shot in shots.items():
        for side in Side:
            if (ref.system, ref.kind) == (m.end(side).system, m.end(side).kind):
                return _look(world, tx, m, side, shot)
    return None


def _look(world: World, tx: Tx, m: FieldMap, side: Side, shot: Snapshot) -> Look:
    ref, name = shot.record.ref, called(world, shot)
    link = tx.links.of(m.key, side, [ref.id]).get(ref.id)
    if link is None:
        return _alone(world, tx, m, side, shot)
    end, id_ = m.end(side.other), link.id_on(side.other)
    other = tx.snapshots.get(end.system, end.kind, [id_]).get(id_)
    if other is None:
        return Look(ref, name, end.ref(id_), (), "The other one was never read.")
    both = {side: shot, side.other: other}
    records = {at: one.record for at, one in both.items()}
    given = parents_of(world, tx, m, list(records.items()))
    found = next(weighed(world, tx, m, [link]), None)
    if found is None:
        return Look(ref, name, end.ref(id_), _seen(m, records, given, ()), "One of the two is gone: nothing flows.")
    note = "It does not meet the map's condition (`only`): nothing flows." if found.leaving else ""
    seen = _seen(m, records, given, found.decisions)
    return Look(ref, name, end.ref(id_), seen, note, found.parked, found.unread)


def _alone(world: World, tx: Tx, m: FieldMap, side: Side, shot: Snapshot) -> Look:
    """A record without a twin: what one made for it would carry."""
    ref, record = shot.record.ref, shot.record
    blank = Record(ref=m.end(side.other).ref(""), fields={})
    given = parents_of(world, tx, m, [(side, record)])
    decisions = plan_create(m, side.other, record, given.twins).decisions
    note = "It is not linked. This is what a new record would carry."
    if not wanted(m, side, record):
        note = "It is not linked, and the map makes none for it. This is what a new record would carry."
    rules = _seen(m, {side: record, side.other: blank}, given, decisions, only=side.other)
    return Look(ref, called(world, shot), None, rules, note)


def _seen(
    m: FieldMap, records: Mapping[Side, Record], given: Given, decisions: Sequence[Decision], only: Side | None = None
) -> list[Seen]:
    decided = {one.rule.name: one for one in reversed(decisions)}
    found = []
    for rule in m.rules:
        ways = [_way(m, records, given, rule, to) for to in Side if only in (None, to) and goes(rule, to)]
        now = decided.get(rule.name)
        writes = now.to if now is not None and now.verdict is Verdict.WRITE else None
        if ways or now is not None:
            verdict, why = (str(now.verdict), now.reason) if now is not None else ("", "")
            found.append(Seen(rule, ways, verdict, why, writes, now.after if now is not None else None))
    return found


def goes(rule: Rule, to: Side) -> bool:
    """Whether a rule ever carries a value to this side."""
    if rule.receipt is not None or rule.field(to) is None:
        return False
    return rule.flows(to) or rule.direction is Direction.CREATE


def _way(m: FieldMap, records: Mapping[Side, Record], given: Given, rule: Rule, to: Side) -> Way:
    converted, problem = None, ""
    try:
        converted = carried(m, records[Side.LEFT], records[Side.RIGHT], rule, to, given.twins)
    except (Unconvertible, Waiting) as error:
        problem = str(error)
    raw, there = (view(rule, side, records[side].fields) for side in (to.other, to))
    return Way(to, _known(raw), converted, _known(there), problem)


def _known(value: Any) -> Value:
    found: Value = "(not read)" if value is MISSING else value
    return found


def samples(tx: Tx, m: FieldMap, schemas: Mapping[Side, Schema]) -> Mapping[Side, Mapping[str, Value]]:
    """A value of each field that is read, out of some linked records."""
    links = linked.some(tx, m.key, most=SAMPLES)
    found: dict[Side, dict[str, Value]] = {side: {} for side in Side}
    for side in Side:
        shots = tx.snapshots.get(m.end(side).system, schemas[side].kind, [one.id_on(side) for one in links])
        for shot in shots.values():
            for name, value in shot.kept.items():
                if value not in (None, "", ()):
                    found[side].setdefault(name, value)
    return found
