"""What people ask of the engine and tell it: conflicts and their choice, parked marks, plans, references.

What is not here: why a value is so (`explain`), and carrying a choice out (the next run does, like everything else).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from math import ceil
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Action, FieldKind, Ref, Side, Value
from syncd.core.plan import sides
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.awaited import awaited
from syncd.engine.base import base_of
from syncd.engine.item import PAUSED
from syncd.engine.standstill import paused_since
from syncd.engine.world import Pair, World
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.source import nearest
from syncd.kit.connector import Capabilities
from syncd.store import resting
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.marks import COMING, DUE, HELD, PARKED, PLANNED, Mark
from syncd.store.plans import DISCARDED
from syncd.store.runs import SystemState
from syncd.store.sql import CHUNK
from syncd.store.store import Store, Tx


def status(tx: Tx, now: datetime, systems: Sequence[str], maps: Sequence[str]) -> dict[str, Any]:
    """How it goes: systems, feeds, links, what waits and for whom."""
    counts: Counter[str] = Counter()
    for _, state, ready, count, _ in tx.marks.counts(now):
        counts["later" if state == DUE and not ready else state] += count
    states = tx.runs.systems()
    return {
        "systems": {name: _system(states.get(name)) for name in systems},
        "feeds": [
            {
                "feed": f"{feed.system}:{feed.kind}",
                "backfilled": feed.backfilled,
                "read_to": _iso(feed.read_to),
                "polled": _iso(feed.polled_at),
            }
            for feed in tx.feeds.all()
        ],
        "links": {key: tx.links.count(key) for key in maps},
        **{name: counts[name] for name in (DUE, "later", COMING, PLANNED, PARKED, HELD)},
        "conflicts": tx.conflicts.count("open"),
        "runs": [
            {"run": run.id, "pair": run.pair, "state": run.state, "ended": _iso(run.ended_at)}
            for run in tx.runs.last(limit=5)
        ],
    }


def _system(known: SystemState | None) -> dict[str, Any]:
    """How a system is; `until`: when it is asked again."""
    if known is None or known.state == "ok":
        return {"state": "ok", "until": None, "reason": None}
    return {"state": known.state, "until": _iso(known.again_at), "reason": known.reason}


def held_rows(tx: Tx, now: datetime) -> list[dict[str, Any]]:
    """The pairs of which something waits for a person's permission: how much, and by which run's verdict."""
    maps = sorted({row[0] for row in tx.marks.counts(now) if row[1] == HELD})
    return [_held_row(tx, pair, list(keys)) for pair, keys in groupby(maps, key=lambda key: key.split("/")[0])]


def _held_row(tx: Tx, pair: str, maps: Sequence[str]) -> dict[str, Any]:
    plans = [plan for key in maps for plan in tx.plans.briefs(key, HELD)]
    run = next(iter(tx.runs.last(pair, state="held", limit=1)), None)
    return {
        "pair": pair, "run": run.id if run else None, "since": _iso(run.started_at) if run else None,
        "reason": run.counts.get("error") if run else "goes beyond what was allowed",
        "creates": sum(plan.creates for plan in plans),
        "updates": sum(not plan.creates and plan.action != Action.ARCHIVE and bool(plan.sides) for plan in plans),
        "archives": sum(plan.action == Action.ARCHIVE for plan in plans),
    }  # fmt: skip


def release(world: World, pairs: Sequence[Pair], *, approve: bool) -> int:
    """A person's verdict over what is held: it is planned again and written, or parked; how many records."""
    count = 0
    with world.store.begin() as tx:
        for m in (m for pair in pairs for m in pair.maps):
            count += tx.plans.count(m.key, HELD)
            if approve:
                tx.plans.permit(m.key, world.clock())
            else:
                tx.plans.discard(m.key)
    return count


def skip(world: World, ref: Ref, map_key: str | None = None) -> int:
    """Pass over a parked record (in this map) until it changes or is tried again; in how many maps it was parked.

    Raises ConfigError while nobody knows whether a write for it landed: that is to be seen to; and for a paused one.
    """
    count = 0
    with world.store.begin() as tx:
        for m, side in world.readers.get((ref.system, ref.kind), ()):
            if map_key not in (None, m.key):
                continue
            several = tx.marks.get(m.key, side, [ref.id]).values()
            if any((mark.state, mark.cause) == (PARKED, PAUSED) for mark in several):
                raise ConfigError(Problem(str(ref), "is paused.", f"`syncd resume {ref}` goes on with it."))
            found = [mark for mark in several if _passable(mark)]
            if found and any(intent.side is side.other for intent in tx.journal.open_of(m.key, [ref.id])):
                remedy = "See to it as its reason says; `syncd parked` shows that."
                raise ConfigError(Problem(str(ref), "cannot be skipped: a write for it may have landed.", remedy))
            count += resting.skip(tx, m.key, found)
    return count


def _passable(mark: Mark) -> bool:
    return mark.state == PARKED and mark.cause != DISCARDED


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment is not None else None


def conflict_row(m: FieldMap | None, conflict: Conflict) -> dict[str, Any]:
    """A conflict as people and scripts read it: both records, the field, both values."""
    rule = next((r for r in m.rules if r.name == conflict.rule), None) if m is not None else None
    return {
        "id": conflict.id, "map": conflict.map, "rule": conflict.rule, "state": conflict.state,
        "left_field": rule.left if rule else None, "right_field": rule.right if rule else None,
        "left_id": conflict.left_id, "right_id": conflict.right_id, "left": conflict.left, "right": conflict.right,
        "lost": str(conflict.lost) if conflict.lost else None, "reason": conflict.reason,
        "taken": dict(conflict.choice) if conflict.choice else None, "run": conflict.run, "at": conflict.at.isoformat(),
    }  # fmt: skip


PASSED_OVER = ("overruled", "kept")
"""States of what can be taken whatever stands there now; the others are about the values they are listed with."""


def take(world: World, conflict_id: int, choice: str, *, literal: bool = False) -> None:
    """Note which value a person took: `left`, `right`, or (literal) a value in the left side's terms.

    Raises ConfigError where there is no such conflict, or its values have moved since it was listed.
    """
    with world.store.begin() as tx:
        conflict = tx.conflicts.get(conflict_id)
        if conflict is None:
            raise _wrong(conflict_id, "there is no such conflict.", "`syncd conflicts list` shows those there are.")
        link = tx.links.get([conflict.link]).get(conflict.link)
        m = world.maps.get(conflict.map)
        if link is None or link.state != "open" or m is None:
            raise _wrong(conflict_id, "its records are linked no longer.", "Nothing is left to decide.")
        if all(rule.name != conflict.rule for rule in m.rules):
            raise _wrong(conflict_id, f"the map has no rule {conflict.rule!r} any more.", "Nothing is left to decide.")
        now = _values(tx, m, link, conflict)
        if conflict.state not in PASSED_OVER and now != (conflict.left, conflict.right):
            refs = [m.end(side).ref(link.id_on(side)) for side in Side]
            if still := [str(ref) for ref in refs if paused_since(tx, ref) is not None]:
                raise _wrong(conflict_id, f"the values moved, and {still[0]} is paused.", f"`syncd resume {still[0]}`.")
            tx.marks.add(m.key, Side.LEFT, [link.left_id], world.clock(), lane=LEAD_LANE)
            raise _wrong(conflict_id, f"the values moved; now they are {now[0]!r} and {now[1]!r}.", "Look again.")
        _give_up_others(tx, conflict)
        side = Side.LEFT if literal or choice == "left" else Side.RIGHT
        value = _typed(m, conflict, choice) if literal else conflict.left if side is Side.LEFT else conflict.right
        tx.conflicts.choose(conflict_id, {"side": str(side), "value": value, "now": list(now)})
        tx.marks.add(m.key, Side.LEFT, [link.left_id], world.clock(), lane=LEAD_LANE)


def _give_up_others(tx: Tx, conflict: Conflict) -> None:
    """A person's last word about a field is the one that counts. Raises ConfigError if the field is asked about."""
    other = tx.conflicts.open_of([conflict.link]).get(conflict.link, {}).get(conflict.rule)
    if other is None or other.id == conflict.id:
        return
    if other.state == "open":
        remedy = f"Take a side, or give a value, there: syncd conflicts take {other.id}."
        raise _wrong(conflict.id, f"the same field is asked about in conflict {other.id}.", remedy)
    tx.conflicts.choose(other.id, None)


def _typed(m: FieldMap, conflict: Conflict, text: str) -> Value:
    """What a person typed, in the left field's kind. Raises ConfigError."""
    rule = next(r for r in m.rules if r.name == conflict.rule)
    kind = rule.left_type.kind if rule.left_type is not None else FieldKind.TEXT
    if text == "":
        return None
    try:
        if kind is FieldKind.NUMBER:
            return float(text) if "." in text else int(text)
    except ValueError:
        raise _wrong(conflict.id, f"{text!r} is no number.", "Take left, right, or a number.") from None
    if kind is FieldKind.BOOL:
        return text.casefold() in ("true", "yes", "1")
    return tuple(part.strip() for part in text.split(";")) if kind is FieldKind.MULTI else text


def map_key(known: Sequence[str], named: str | None) -> str | None:
    """The key of the map that a person named by its key, or by its name alone. Raises ConfigError."""
    if named is None:
        return None
    found = [key for key in known if named in (key, key.partition("/")[2])]
    if not found:
        raise ConfigError(Problem(f"map {named}", "there is no such map.", f"Known: {', '.join(known)}."))
    if len(found) > 1:
        raise ConfigError(Problem(f"map {named}", f"several have this name: {', '.join(found)}.", "Write PAIR/MAP."))
    return found[0]


def names_of(maps: Iterable[FieldMap]) -> set[str]:
    """What a person may call a field of these maps: by its rule, or by its name on either side."""
    return {name for m in maps for rule in m.rules for name in (rule.name, rule.left, rule.right) if name}


def known_field(named: str | None, known: Collection[str], message: str) -> None:
    """Raise ConfigError with this message where a person named a field that is none of these."""
    if named is not None and named not in known:
        raise ConfigError(Problem(f"field {named}", message, nearest(named, known)))


def of_field(rows: Sequence[dict[str, Any]], maps: Collection[FieldMap], named: str | None) -> list[dict[str, Any]]:
    """The conflicts of one field, by its name on either side or in the map.

    Raises ConfigError for one that nobody has, if the maps are known.
    """
    called = [{row["rule"], row["left_field"], row["right_field"]} for row in rows]
    if maps:
        known_field(named, names_of(maps).union(*called) - {None}, "no map has such a field.")
    return [row for row, names in zip(rows, called, strict=True) if named is None or named in names]


def _wrong(conflict_id: int, message: str, remedy: str) -> ConfigError:
    return ConfigError(Problem(f"conflict {conflict_id}", message, remedy))


def _values(tx: Tx, m: FieldMap, link: Link, conflict: Conflict) -> tuple[Value, Value]:
    """Both sides' values of a rule now, as the next decision will see them.

    Raises ConfigError where one was never read: a record that came of a merge is linked before it is.
    """
    rule = next(r for r in m.rules if r.name == conflict.rule)
    refs = {side: m.end(side).ref(link.id_on(side)) for side in Side}
    shots = {side: tx.snapshots.get(ref.system, ref.kind, [ref.id]).get(ref.id) for side, ref in refs.items()}
    left, right = shots[Side.LEFT], shots[Side.RIGHT]
    if left is None or right is None:
        unread = next(str(ref) for side, ref in refs.items() if shots[side] is None)
        raise _wrong(conflict.id, f"{unread} was not read yet.", "Try again in a minute.")
    return sides(m, base_of(m, link, left, right), left.record, right.record, rule)


def mark_rows(tx: Tx, maps: Mapping[str, FieldMap], marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """Resting marks as people and scripts read them."""
    why = awaited(tx, maps, marks)
    return [_mark_row(maps.get(mark.map), mark, why.get((mark.map, mark.waits_for or ""))) for mark in marks]


def _mark_row(m: FieldMap | None, mark: Mark, why: str | None) -> dict[str, Any]:
    return {
        "map": mark.map,
        "ref": str(m.end(mark.side).ref(mark.id)) if m is not None else f"{mark.side}:{mark.id}",
        "cause": mark.cause,
        "reason": f"{mark.reason}; {why}" if why else mark.reason,
        "waits_for": mark.waits_for,
        "since": mark.first_at.isoformat(),
        "attempts": mark.attempts,
    }


_DID = {
    "create:written": "created", "update:written": "updated", "archive:written": "archived",
    "create:refused": "refused", "update:refused": "refused", "archive:refused": "refused",
    "update:stale": "changed meanwhile", "archive:stale": "changed meanwhile",
    "create:later": "put off", "update:later": "put off", "archive:later": "put off",
    "create:ambiguous": "unanswered", "update:ambiguous": "unanswered", "archive:ambiguous": "unanswered",
    "update:missing": "gone", "archive:missing": "gone",
}  # fmt: skip


def done(counts: Mapping[str, Any]) -> str:
    """What a run did, in words, by what it counted."""
    said: Counter[str] = Counter()
    for key, word in _DID.items():
        said[word] += int(counts.get(key) or 0)
    looked = [f"{counts['units']} looked at"] if counts.get("units") else []
    return ", ".join([*(f"{count} {word}" for word, count in said.items() if count), *looked]) or "nothing to do"


def plan_rows(store: Store, maps: Sequence[FieldMap], state: str) -> Iterator[dict[str, Any]]:
    """The plans that rest with marks in this state, one per link or new record; a page of them is in memory."""
    with store.read() as tx:
        for m in maps:
            after: str | None = ""
            while after is not None:
                page = resting.held(tx, m.key, after=after, limit=CHUNK, state=state)
                yield from (mark.plan for mark in page.rows)
                after = page.after


def cost(world: World, maps: Sequence[FieldMap], plans: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The API calls that carrying out these plans takes, per system: look-ups, comparisons and writes in batches."""
    creates, updates = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for plan in plans:
        if plan["creates"] is not None:
            creates[plan["map"], plan["creates"]] += 1
        else:
            updates.update({(plan["map"], write["side"]) for write in plan["writes"]})
        if plan.get("archives"):
            updates[plan["map"], plan["archives"]] += 1
    calls: dict[str, int] = {}
    for m in maps:
        for side in Side:
            caps, of = world.connector(m, side).capabilities, (m.key, str(side))
            calls[m.end(side).system] = calls.get(m.end(side).system, 0) + _calls(caps, creates[of], updates[of])
    return calls


def _calls(caps: Capabilities, creates: int, updates: int) -> int:
    compares = ceil(updates / caps.read_batch)
    return (
        ceil(creates / caps.find_batch) + ceil(creates / caps.write_batch) + compares + ceil(updates / caps.write_batch)
    )


def ref_of(text: str) -> Ref:
    """A reference as people write it. Raises ConfigError."""
    system, _, rest = text.partition(":")
    kind, _, id_ = rest.partition(":")
    if not (system and kind and id_):
        raise ConfigError(Problem(text, "is no reference to a record.", "Write it as SYSTEM:KIND:ID."))
    return Ref(system, kind, id_)
