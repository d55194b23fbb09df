"""One record: in every map both sides side by side, who wins, what was written, what waits, and why.

What is not here: finding it and the deeds (`pages.records`), who changed a field (`pages.history`), and finding out why
(`engine.explain`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.console.ask import Ask, Facts, NotFound, Page
from syncd.console.desk import Desk
from syncd.console.finder import LONGEST_ID, called
from syncd.console.labels import labeled
from syncd.console.naming import names_of
from syncd.console.pages.records import JOIN, JOIN_AGAIN, PART, PAUSE, RESUME, RETRY, SYNC, UNDO
from syncd.console.pages.runs import landed
from syncd.console.words import ARRIVED, DONE, cause, outcome
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.standstill import paused_since
from syncd.engine.world import World
from syncd.store.journal import Intent
from syncd.store.marks import PARKED
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

WRITES = 20
"""Writes that are shown."""


def show(desk: Desk, ask: Ask) -> Facts:
    """All of it; no vendor is asked."""
    world, ref = desk.world, ref_in(desk.world, ask)
    told = desk.explain(str(ref), history=False)
    with world.store.read() as tx:
        shot = shot_of(tx, ref)
        maps = [_in_map(world, tx, ref, about) for about in told["maps"]]
        linked = [ref, *dict.fromkeys(one["twin"] for one in maps if one["linked"])]
        paused = {one: since for one in linked if (since := paused_since(tx, one)) is not None}
    return {
        "ref": ref, "title": str(ref), "name": called(world, shot) if shot is not None else ref.id, "shot": shot,
        "url": world.connectors[ref.system].url(ref.kind, ref.id), "maps": maps,
        "paused": paused,
        "deeds": {
            "sync": SYNC, "unlink": PART, "relink": JOIN_AGAIN, "link": JOIN, "retry": RETRY, "pause": PAUSE,
            "resume": RESUME, "undo": UNDO,
        },
    }  # fmt: skip


def ref_in(world: World, ask: Ask) -> Ref:
    """The record that an address names. Raises NotFound."""
    ref = Ref(ask.path["system"], ask.path["kind"], ask.path["id"])
    if (ref.system, ref.kind) not in world.readers:
        raise NotFound(f"No map reads {ref.kind[:80]} of {ref.system[:80]}.")
    if len(ref.id) > LONGEST_ID:
        raise NotFound("No record has an id as long as that.")
    return ref


def shot_of(tx: Tx, ref: Ref) -> Snapshot | None:
    """A record as it was read last."""
    return tx.snapshots.get(ref.system, ref.kind, [ref.id]).get(ref.id)


def _in_map(world: World, tx: Tx, ref: Ref, about: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a map says of it, both records, and what was written."""
    m = world.maps[about["map"]]
    side = next(side for each, side in world.readers[ref.system, ref.kind] if each.key == m.key)
    refs = _both(tx, m, side, ref, about)
    shots = {at: shot_of(tx, one) if one is not None else None for at, one in refs.items()}
    twin, systems = refs[side.other], names_of(world, m)
    return {
        **about, "side": str(side), "twin": twin, "linked": about["link"] is not None,
        "systems": systems, "blocked": _blocked(about, systems),
        "ends": [_end(world, m, at, refs[at], shots[at]) for at in Side],
        "rules": [_rule(world, m, row, systems) for row in about.get("rules", ())],
        "writes": [_write(m, one) for one in _writes(tx, m, refs)], "makers": _makers(tx, m, refs),
        "ordered": _ordered(tx, m, side, ref), "resting": any(mark.state == PARKED for mark in _marks(tx, m, refs)),
        "cause": cause(about["waiting"]["cause"]) if about["waiting"] and about["waiting"]["cause"] else "",
    }  # fmt: skip


def _blocked(about: Mapping[str, Any], systems: Mapping[Side, str]) -> list[str]:
    """What is in its way, by the systems' names; that it waits for its turn, and what for, stands there already."""
    found, waits = [], (about["waiting"] or {}).get("reason")
    for one in about["blocked"]:
        side, _, how = one.partition(" is ")
        if side not in tuple(Side):
            found.append(one)
        elif how not in ("due", f"parked: {waits}"):
            found.append(f"{systems[Side(side)]}: {how}")
    return found


def _both(tx: Tx, m: FieldMap, side: Side, ref: Ref, about: Mapping[str, Any]) -> dict[Side, Ref | None]:
    """The record and whom it is linked with, or was."""
    twin: Ref | None = None
    if about["link"] is not None:
        twin = m.end(side.other).ref(about[f"{side.other}_id"])
    elif (closed := tx.links.of(m.key, side, [ref.id], state="closed").get(ref.id)) is not None:
        twin = m.end(side.other).ref(closed.id_on(side.other))
    return {side: ref, side.other: twin}


def _marks(tx: Tx, m: FieldMap, refs: Mapping[Side, Ref | None]) -> list[Any]:
    return [
        mark for side, ref in refs.items() if ref is not None for mark in tx.marks.get(m.key, side, [ref.id]).values()
    ]


def _end(world: World, m: FieldMap, side: Side, ref: Ref | None, shot: Snapshot | None) -> Mapping[str, Any]:
    """One side's record in short."""
    return {
        "side": str(side), "system": m.end(side).system, "kind": m.end(side).kind, "ref": ref,
        "name": called(world, shot) if shot is not None else "", "gone": shot.gone if shot is not None else None,
        "seen": shot is not None, "modified": shot.record.modified_at if shot is not None else None,
        "url": world.connectors[ref.system].url(ref.kind, ref.id) if ref is not None else None,
    }  # fmt: skip


def _rule(world: World, m: FieldMap, row: Mapping[str, Any], systems: Mapping[Side, str]) -> Mapping[str, Any]:
    sides = [
        {
            "side": str(side), **row[str(side)],
            "label": labeled(m, side, row["rule"], row[str(side)]["value"]),
            "agreed": labeled(m, side, row["rule"], row["base"].get(str(side))),
            "known": str(side) in row["base"],
            "moved": str(side) in row["base"] and row["base"][str(side)] != row[str(side)]["value"],
            "told": world.connector(m, side).capabilities.history,
        }
        for side in Side
    ]  # fmt: skip
    return {
        **row, "sides": sides, "way": way(row, systems),
        "history": any(one["told"] and one["field"] for one in sides),
    }  # fmt: skip


def way(row: Mapping[str, Any], systems: Mapping[Side, str]) -> str:
    """A rule's direction and owner in words."""
    left, right = systems[Side.LEFT], systems[Side.RIGHT]
    ways = {
        "<->": "Both ways", "->": f"{left} to {right}", "<-": f"{right} to {left}", "create": "Once, when it is made"
    }  # fmt: skip
    owners = {
        "newest": "the newer change wins", "ask": "a person is asked when both change",
        "left": f"{left} wins when both change", "right": f"{right} wins when both change",
    }  # fmt: skip
    told = ways.get(row["direction"], str(row["direction"]))
    owner = owners.get(row["owner"] or "", "")
    return f"{told}; {owner}" if owner else told


def _writes(tx: Tx, m: FieldMap, refs: Mapping[Side, Ref | None]) -> list[Intent]:
    """The newest writes to and from these two; ids of both sides may be the same."""
    ids = [ref.id for ref in refs.values() if ref is not None]
    return tx.journal.last_of(m.key, ids, limit=WRITES)


def _ordered(tx: Tx, m: FieldMap, side: Side, ref: Ref) -> list[int]:
    """The runs of which a person ordered that what they wrote to it is taken back, and that is not done yet."""
    link = tx.links.of(m.key, side, [ref.id]).get(ref.id)
    orders = tx.conflicts.orders([link.id]).get(link.id, ()) if link is not None else ()
    return [one.run for one in orders if one.run is not None]


def _makers(tx: Tx, m: FieldMap, refs: Mapping[Side, Ref | None]) -> Mapping[int, str]:
    """By run that made one of the two, the system that it made it in: taken back, it is put away."""
    known = [(side, ref) for side, ref in refs.items() if ref is not None]
    return {run: m.end(side).system for side, ref in known for run in tx.journal.makers(m.key, side, ref.id)}


def _write(m: FieldMap, one: Intent) -> Mapping[str, Any]:
    return {
        "id": one.id, "at": one.closed_at or one.opened_at, "run": one.run, "side": str(one.side),
        "system": m.end(one.side).system, "what": DONE[one.action].capitalize(),
        "back": one.run is not None and landed(one), "outcome": outcome(one.outcome), "good": one.outcome in ARRIVED,
        "error": one.error,
        "reasons": _reasons(one),
        "fields": [{"name": name, "before": one.before.get(name), "after": one.fields[name]} for name in one.fields],
    }  # fmt: skip


def _reasons(one: Intent) -> Sequence[str]:
    told = (rule.get("reason") for rule in one.rules.values() if isinstance(rule, Mapping))
    return list(dict.fromkeys(str(reason) for reason in told if reason))


PAGES = (Page("/records/{system}/{kind}/{id}", "record.html", "A record", show, needs=True),)
