"""Why a record is as it is: its link in each map; per rule both values, how they cross, who changed them, what decided.

What is worked out is what the next run would work out, from what syncd knows; only histories are asked of the vendors.
What is not here: how it is shown (`syncd.cli.explained`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.decision import Decision, Given, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Rule, Unconvertible
from syncd.core.model import Change, Ref, Side, Value
from syncd.core.parity import AS_ONE, compare
from syncd.core.plan import MISSING, carried, view
from syncd.core.sight import Waiting
from syncd.engine.answers import known_field, mark_rows, names_of
from syncd.engine.base import base_of
from syncd.engine.item import Item
from syncd.engine.linking import wanted
from syncd.engine.lookalikes import belongs
from syncd.engine.planning import left_filter, parents_for, plan_links
from syncd.engine.standstill import paused_since
from syncd.engine.worker import backfilled
from syncd.engine.world import Pair, World
from syncd.errors import ConfigError, Problem, SyncdError
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.marks import DUE, HELD, PARKED, PLANNED, Mark, Unit
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

NEWEST = 3
"""Entries of a field's history that are told."""


def explain(world: World, ref: Ref, field: str | None = None, *, history: bool = True) -> dict[str, Any]:
    """Everything that is known of a record in every map that reads it.

    `history`: ask the vendors who changed each field; without it no vendor is asked. Raises ConfigError for a kind that
    no map reads, and for a field that none of those maps has.
    """
    readers = world.readers.get((ref.system, ref.kind), ())
    if not readers:
        raise ConfigError(Problem(str(ref), "no map reads this kind of record.", "Write it as SYSTEM:KIND:ID."))
    message = f"no map of {ref.system}:{ref.kind} has a rule of this name or field."
    known_field(field, names_of(m for m, _ in readers), message)
    with world.store.read() as tx:
        found = [_Look(world, tx, m, side, ref).told(field) for m, side in readers]
        since = paused_since(tx, ref)
    for about in found:
        m = world.maps[about["map"]]
        for row in about.get("rules", ()):
            row["changes"] = {str(side): _history(world, m, side, about, row) for side in Side} if history else {}
    return {"ref": str(ref), "paused": since.isoformat() if since is not None else None, "maps": found}


@dataclass(slots=True)
class _Look:
    """One record in one map."""

    world: World
    tx: Tx
    m: FieldMap
    side: Side
    ref: Ref
    marks: dict[Side, Mark] = field(default_factory=dict)

    def told(self, wished: str | None) -> dict[str, Any]:
        """The whole answer, of one field or of all."""
        m, tx, ref = self.m, self.tx, self.ref
        link = tx.links.of(m.key, self.side, [ref.id]).get(ref.id)
        ids = {s: link.id_on(s) if link is not None else (ref.id if s is self.side else None) for s in Side}
        self.marks = {s: found for s, i in ids.items() if i and (found := tx.marks.get(m.key, s, [i]).get(i))}
        mark = self.marks.get(self.side) or next(iter(self.marks.values()), None)
        about: dict[str, Any] = {
            "map": m.key, "pair": self.pair.name, "mode": self.pair.mode,
            "waiting": self.waiting(mark), "link": None,
        }  # fmt: skip
        if link is None:
            return {**about, "why": self.unlinked(), "blocked": self.blocked()}
        twin = self.side.other
        about |= {"link": str(Ref(m.end(twin).system, m.end(twin).kind, link.id_on(twin))),
                  "left_id": link.left_id, "right_id": link.right_id}  # fmt: skip
        item = self.planned(link)
        if len(item.snapshots) < len(Side):
            return {**about, "rules": [], "blocked": [*self.blocked(), "one of the two was never read"]}
        return {**about, **self.linked(item, link, wished)}

    def waiting(self, mark: Mark | None) -> dict[str, Any] | None:
        """The mark that rests, as in any list."""
        return mark_rows(self.tx, self.world.maps, [mark])[0] if mark is not None else None

    @property
    def pair(self) -> Pair:
        """The pair of the map."""
        return next(pair for pair in self.world.pairs if any(m.key == self.m.key for m in pair.maps))

    def planned(self, link: Link) -> Item:
        """The link as the next run would plan it."""
        item = Item(self.m, Unit(link, tuple(self.marks.values()), 0), link)
        for side in Side:
            end, id_ = self.m.end(side), link.id_on(side)
            shot = self.tx.snapshots.get(end.system, end.kind, [id_]).get(id_)
            if shot is not None:
                item.snapshots[side] = shot
        plan_links(self.world, self.tx, self.m, [item], self.parents(item))
        return item

    def parents(self, item: Item) -> Given:
        """Who is linked with whom among its parents."""
        return parents_for(self.world, self.tx, self.m, [item], planned=False)

    def linked(self, item: Item, link: Link, wished: str | None) -> dict[str, Any]:
        """What is told of a link: what stands in its way, and its rules."""
        blocked = self.blocked()
        records = {side: item.record(side) for side in Side}
        if item.rest is not None:
            outside = left_filter(self.m, records)
            blocked.append("it does not meet the map's `only`; nothing flows" if outside else item.rest.reason)
        writes = self.tx.journal.last_of(self.m.key, [link.left_id, link.right_id])
        decided = {d.rule.name: d for d in reversed(item.plan.decisions)} if item.plan is not None else {}
        rules = [
            self.rule(item, link, rule, decided.get(rule.name), writes)
            for rule in self.m.rules
            if wished in (None, rule.left, rule.right, rule.name)
        ]
        return {"blocked": blocked, "rules": rules}

    def rule(
        self, item: Item, link: Link, rule: Rule, now: Decision | None, writes: Sequence[Intent]
    ) -> dict[str, Any]:
        """One rule: values, base, the way across, the state, and the writes that made it so."""
        shots = item.snapshots
        base = base_of(self.m, link, shots[Side.LEFT], shots[Side.RIGHT])
        ours = [w for w in writes if rule.name in w.rules and w.rules[rule.name]["field"] in w.fields]
        conflict = item.conflicts.get(rule.name)
        return {
            "rule": rule.name,
            "direction": str(rule.direction),
            "owner": str(rule.owner) if rule.owner else None,
            "left": {"field": rule.left, "value": _shown(rule, Side.LEFT, shots)},
            "right": {"field": rule.right, "value": _shown(rule, Side.RIGHT, shots)},
            "base": {str(s): base.side(s)[rule.name].value for s in Side if rule.name in base.side(s)},
            **self.state(item, rule, now),
            "conflict": {"id": conflict.id, "state": conflict.state} if conflict is not None else None,
            "carried": [self.crossing(item, rule, to, ours) for to in Side if _goes(rule, to)],
            "writes": [_write(w, rule) for w in ours],
        }

    def state(self, item: Item, rule: Rule, now: Decision | None) -> dict[str, Any]:
        """Whether both sides mean the same, what the next run would decide, and why, in plain words."""
        left, right = (item.record(side) for side in Side)
        found = [c for c in compare(self.m, left, right, self.parents(item)) if c.rule.name == rule.name]
        same = found[0].parity in AS_ONE if found else None
        verdict = str(now.verdict) if now is not None else None
        why = now.reason if now is not None else (item.rest.reason if item.rest is not None else "")
        if now is not None and now.verdict is Verdict.WRITE:
            mark = next(iter(self.marks.values()), None)
            why = f"{why}; the {now.to} is to be written" + ("" if mark is not None else ", but nothing asks for it")
        elif now is not None and now.verdict is Verdict.UNCHANGED and same is False:
            why = "they differ as they did when they last agreed; `syncd verify` says why"
        return {"same": same, "verdict": verdict, "why": why}

    def crossing(self, item: Item, rule: Rule, to: Side, writes: Sequence[Intent]) -> dict[str, Any]:
        """A value's way to a side: raw, converted, and what was written of it last."""
        left, right = (item.record(side) for side in Side)
        converted, problem = None, None
        try:
            converted = carried(self.m, left, right, rule, to, self.parents(item).twins)
        except (Unconvertible, Waiting) as error:
            problem = str(error)
        sent = next((w.fields.get(str(w.rules[rule.name]["field"])) for w in writes if w.side is to), None)
        raw = _shown(rule, to.other, item.snapshots)
        return {"to": str(to), "raw": raw, "converted": converted, "written": sent, "problem": problem}

    def blocked(self) -> list[str]:
        """What keeps a record from being carried right now."""
        found = []
        for end in (self.m.end(side) for side in Side):
            state = self.tx.runs.system(end.system)
            if state is not None and state.state != "ok":
                found.append(f"{end.system} is {state.state}: {state.reason}")
        if self.pair.mode != "live":
            found.append(f"the pair is in mode {self.pair.mode}: nothing is written")
        words = {
            PARKED: "parked",
            HELD: "held; `syncd held approve` lets it be written",
            PLANNED: "only planned",
            DUE: "due",
        }
        for mark in self.marks.values():
            told = [words.get(mark.state, mark.state), *([mark.reason] if mark.reason else [])]
            found.append(f"{mark.side} is {': '.join(told)}")
        return found

    def unlinked(self) -> str:
        """Why the record has no link."""
        m, end, ref = self.m, self.m.end(self.side), self.ref
        shot = self.tx.snapshots.get(end.system, end.kind, [ref.id]).get(ref.id)
        closed = self.tx.links.of(m.key, self.side, [ref.id], state="closed").get(ref.id)
        if closed is not None:
            return f"its link with {closed.id_on(self.side.other)} was closed: {closed.reason}"
        if shot is None:
            return "syncd has never seen it"
        if shot.gone is not None:
            became = self.tx.aliases.resolve(end.system, end.kind, [ref.id])[ref.id]
            return f"it was merged into {became}" if became != ref.id else "it is gone"
        if not belongs(m, self.side, shot.record):
            return "it does not meet the map's `only`"
        if not backfilled(self.world, self.tx, m):
            return "both sides must have been read through once before anything is linked"
        if self.side in self.marks:
            return "it is not linked yet"
        if not wanted(m, self.side, shot.record):
            return "no twin was found, and the map does not want one made (`create`)"
        return "it is not linked, and nothing asks for it"


def _goes(rule: Rule, to: Side) -> bool:
    """Whether a rule ever carries a value to this side."""
    return (
        rule.receipt is None and rule.field(to) is not None and (rule.flows(to) or rule.direction is Direction.CREATE)
    )


def _shown(rule: Rule, side: Side, snapshots: Mapping[Side, Snapshot]) -> object:
    value = view(rule, side, snapshots[side].record.fields)
    return "(unknown)" if value is MISSING else value


def _write(intent: Intent, rule: Rule) -> dict[str, Any]:
    """A write of a rule: the run that decided it, why, and what came of it."""
    data = intent.rules[rule.name]
    name = str(data["field"])
    lost: Value = data["lost"][1] if data["lost"] else None
    return {
        "run": intent.run, "at": intent.opened_at.isoformat(), "side": str(intent.side), "outcome": intent.outcome,
        "before": intent.before.get(name), "value": intent.fields.get(name), "reason": data["reason"], "lost": lost,
        "error": intent.error,
    }  # fmt: skip


def _history(
    world: World, m: FieldMap, side: Side, about: Mapping[str, Any], row: Mapping[str, Any]
) -> list[dict[str, Any]] | str:
    """The newest changes of a rule's field, as the vendor tells them; else why it is not told."""
    name, connector = row[str(side)]["field"], world.connector(m, side)
    if name is None:
        return "no field of its own"
    if not connector.capabilities.history:
        return f"{m.end(side).system} does not tell"
    try:
        changes = connector.history(m.end(side).kind, about[f"{side}_id"], name)
    except SyncdError as error:
        return f"not told now: {error}"
    return [_change(one) for one in changes[:NEWEST]]


def _change(one: Change) -> dict[str, Any]:
    return {"value": one.value, "at": one.at.isoformat(), "who": one.who, "source": one.source, "mine": one.mine}
