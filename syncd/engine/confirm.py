"""CONFIRM: after every vendor call its fields are settled, in one transaction; at the end the marks. Rules 3, 7, 13.

What is not here: sending (`writing`), and intents that lost their answer (`settling`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from syncd.core.decision import Decision, Verdict
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Record, Side, Value
from syncd.engine.absorb import absorb, lane_of
from syncd.engine.base import forgetting, knowing, settled
from syncd.engine.item import DRIFT, UNKNOWN, UNWANTED, Item, Rest, again, stuck
from syncd.engine.linking import wake_for
from syncd.engine.lookout import look_soon
from syncd.engine.planning import lost_row
from syncd.engine.world import World
from syncd.store.conflicts import Conflict
from syncd.store.links import Link, LinkedAlready
from syncd.store.marks import DUE, PARKED, Mark
from syncd.store.store import Tx

SettleData = Mapping[str, Mapping[Side, Value]]
"""Rule name -> side -> the value that base moves to."""


def settle_rules(tx: Tx, m: FieldMap, link: Link, rules: SettleData) -> None:
    """Move the bases of these rules, on the link as it is stored now."""
    now = tx.links.get([link.id])[link.id]
    for side in Side:
        end = m.end(side)
        snapshot = tx.snapshots.get(end.system, end.kind, [now.id_on(side)])[now.id_on(side)]
        values = {name: sides[side] for name, sides in rules.items() if side in sides}
        now = settled(m, side, now, values, snapshot)
    told = {rule.identity: rules[rule.name] for rule in m.rules if rule.name in rules}
    complete = [identity for identity, sides in told.items() if identity in now.known or len(sides) == len(Side)]
    tx.links.save(knowing(now, complete), [rule.identity for rule in m.rules])


def answered(rule: Rule, side: Side, sent: Value, record: Record) -> Value:
    """What base becomes on a written side: what the vendor answered, or what was sent where it did not say."""
    name = rule.field(side)
    value = record.fields.get(name) if name is not None else None
    if name is None or name not in record.fields:
        return sent
    if isinstance(value, tuple) and rule.relation is not None:
        return sent if sent in value else (value[0] if value else None)
    return value


def written_update(world: World, tx: Tx, item: Item, side: Side, record: Record, run: int | None) -> None:
    """An update was answered: the snapshot takes the answer, the written fields are settled, the loser is listed."""
    m, link = item.m, item.link
    if link is None or item.plan is None:
        return
    refs = {(s, link.id_on(s)): item.lane for s in Side}
    since = {record.ref.id: item.snapshots[side]}
    sent = item.operations[side].fields
    absorb(tx, world, [record], asked=sent, since=since, in_hand=(m, refs))
    if not sent.keys() <= record.fields.keys():
        why = "the answer did not tell what was written"
        item.fail(again(f"{UNKNOWN}{side}", why, after=timedelta(0), reread=True, count=False))
    elif _moved_elsewhere(item, side, record):
        item.fail(again("moved", "another field changed meanwhile", count=False))
    elif _feeds_another(item, side):
        item.fail(again("moved", "another rule carries what was written", count=False))
    decisions = item.plan.writes(side)
    settle_rules(tx, m, link, {d.rule.name: _with_answer(d, side, record) for d in decisions})
    _list_lost(tx, item, decisions, run, world)
    now = world.clock()
    close_taken(tx, link.id, {d.rule.name: d.sides for d in decisions}, now)
    tx.journal.close(item.intents[side], "written", now)
    item.written.add(side)


def close_taken(tx: Tx, link: int, written: Mapping[str, tuple[Value, Value]], now: datetime) -> None:
    """A person's choice that was written is carried out, told in the very transaction that tells of the write.

    Else a new conflict would take its row, and whom the choice overruled would stand on no list. `written`: by rule,
    the values of both sides that were seen when it was planned.
    """
    for rule, conflict in tx.conflicts.open_of([link]).get(link, {}).items():
        if conflict.choice and rule in written and tuple(conflict.choice["now"]) == tuple(written[rule]):
            tx.conflicts.settle([conflict.id], "taken", now)


def _with_answer(decision: Decision, side: Side, record: Record) -> dict[Side, Value]:
    settle = dict(decision.settle)
    settle[side] = answered(decision.rule, side, settle.get(side), record)
    return settle


def _moved_elsewhere(item: Item, side: Side, record: Record) -> bool:
    """Whether the answer differs from what PLAN saw in a field that the map reads and we did not write."""
    seen, written = item.record(side).fields, item.operations[side].fields
    reads = item.m.reads(side)
    return any(
        name in reads and name not in written and name in seen and seen[name] != value
        for name, value in record.fields.items()
    )


def _feeds_another(item: Item, side: Side) -> bool:
    """Whether a field that was written is what another rule of this map carries on: no echo will tell it."""
    written = item.operations[side].fields.keys()
    planned = {d.rule.name for d in item.plan.writes(side)} if item.plan is not None else set()
    return any(
        rule.name not in planned
        and rule.flows(side.other)
        and (rule.field(side) in written or (rule.expr is not None and bool(rule.expr.reads[side] & written)))
        for rule in item.m.rules
    )


def written_create(world: World, tx: Tx, item: Item, side: Side, record: Record) -> None:
    """A create was answered: the link is made, what was sent is settled, who waited is released. Rule 7."""
    link = adopt(world, tx, item.m, side, record, item.id_on(side.other) or "")
    if link is None:
        item.fail(again("taken", f"{record.ref} was linked meanwhile"))
        return
    sent = {d.rule.name: d for d in (item.plan.decisions if item.plan else ())}
    bases = _created_bases(item.m, side, sent, record)
    settle_rules(tx, item.m, link, bases)
    close_intent(world, tx, item.intents[side], "written", record.ref.id)
    item.link, item.leftover = link, any(rule.name not in bases for rule in item.m.rules)
    item.written.add(side)


def _created_bases(
    m: FieldMap, side: Side, sent: Mapping[str, Decision], record: Record
) -> dict[str, dict[Side, Value]]:
    bases: dict[str, dict[Side, Value]] = {}
    for rule in m.rules:
        decision = sent.get(rule.name)
        if decision is None or not decision.settle:
            continue
        wanted = decision.settle.get(side)
        got = answered(rule, side, wanted, record)
        if decision.verdict is Verdict.WRITE or same(got, wanted, rule.type(side)):
            bases[rule.name] = {side.other: decision.settle.get(side.other), side: got}
    return bases


def adopt(world: World, tx: Tx, m: FieldMap, side: Side, record: Record, source_id: str) -> Link | None:
    """Store the record and link it with its source; None if either is linked elsewhere."""
    refs = dict.fromkeys(((side, record.ref.id), (side.other, source_id)), lane_of(m))
    absorb(tx, world, [record], asked=(), in_hand=(m, refs))
    left, right = (source_id, record.ref.id) if side is Side.RIGHT else (record.ref.id, source_id)
    now = world.clock()
    try:
        link = tx.links.make(m.key, left, right, [rule.identity for rule in m.rules], now)
    except LinkedAlready:
        same_pair = tx.links.of(m.key, Side.LEFT, [left]).get(left)
        return same_pair if same_pair is not None and same_pair.right_id == right else None
    wake_for(tx, m, left, right, now)
    return link


def close_intent(
    world: World, tx: Tx, intent: int, outcome: str, record_id: str | None = None, error: str | None = None
) -> None:
    """Write an outcome, and release who waits for it."""
    now = world.clock()
    tx.journal.close(intent, outcome, now, record_id=record_id, error=error)
    tx.marks.wake([f"intent:{intent}"], now)


def _list_lost(tx: Tx, item: Item, decisions: tuple[Decision, ...], run: int | None, world: World) -> None:
    if item.link is None:
        return
    rows = [
        lost_row(
            item.m.key, item.link.id, (item.link.left_id, item.link.right_id), d.rule.name, d.sides,
            "overruled" if d.verdict is Verdict.WRITE and not d.taken else "kept",
            lost_side=str(d.lost[0]), reason=d.reason, run=run, at=world.clock(),
        )
        for d in decisions
        if d.lost is not None
    ]  # fmt: skip
    tx.conflicts.list_lost(rows)


def finish(world: World, tx: Tx, item: Item, run: int | None) -> None:
    """What needed no write is settled, conflicts are listed or closed, and the marks rest or are dropped."""
    if item.link is not None and item.plan is not None and item.leftover is None:
        _settle_unwritten(world, tx, item, run)
        _list_conflicts(world, tx, item, run)
        if item.plan.parked:
            item.fail(_parked(item, item.plan.parked))
    if item.leftover or (item.more and item.written):
        item.fail(again("more", "the rest of it follows", after=None if item.leftover else timedelta(0), count=False))
    if item.rest is not None and item.rest.cause == DRIFT:
        for side in _untold(item):
            look_soon(tx, world, item.m.end(side).system, item.m.end(side).kind)
    if item.rest is not None and item.rest.waits_for is not None:
        item.rest = _waiting(world, tx, item, item.rest, item.rest.waits_for)
    if item.link is None and item.rest is not None and item.rest.state == PARKED and _linked_meanwhile(tx, item):
        item.rest = again("linked", "it was linked meanwhile", after=timedelta(0), count=False)
    for mark in item.unit.marks:
        if item.rest is None or item.rest.state == "done":
            tx.marks.done(mark, item.unit.fence)
        else:
            values = {**_resting(world, item, item.rest), **_asks_still(item, item.rest, mark)}
            tx.marks.rest(mark, item.unit.fence, item.rest.state, **values)
    if item.rest is UNWANTED and _has_children(world, item.m):
        # Whoever waits for it may have asked in vain, while it did not fit or was not there, and asks again.
        tx.marks.wake([str(item.record(item.mark.side).ref)], world.clock())
    # Whatever became of their marks (held, discarded, refused), else its edits would wait for nobody.
    tx.marks.add(item.m.key, item.mark.side, item.calls, world.clock(), lane=lane_of(item.m))
    for map_key, side, id_ in item.pulls:
        _pull(world, tx, map_key, side, id_)


def _has_children(world: World, m: FieldMap) -> bool:
    """Whether a relation of some map waits for the links of this one."""
    relations = (rule.relation for one in world.maps.values() for rule in one.rules)
    return any(relation is not None and relation.map == m.key for relation in relations)


def _asks_still(item: Item, rest: Rest, mark: Mark) -> dict[str, Any]:
    """A mark that asked for a read, and rests before it was read, asks on, and for the same reason."""
    return {"reread": True, "cause": mark.cause} if mark.reread and not item.looked and rest.state == DUE else {}


def _untold(item: Item) -> Collection[Side]:
    """The sides that a field did not come from, as far as a plan says it; else it could be either."""
    unknown = [d.to for d in (item.plan.parked if item.plan is not None else ()) if d.verdict is Verdict.UNKNOWN]
    return {side for side in unknown if side is not None} or tuple(Side)


def _linked_meanwhile(tx: Tx, item: Item) -> bool:
    return any(tx.links.of(item.m.key, mark.side, [mark.id]) for mark in item.unit.marks)


def _parked(item: Item, decisions: Sequence[Decision]) -> Rest:
    """What decisions that cannot stand alone do to the marks; a field that is not known is asked for once more."""
    rest, unknown = stuck(decisions), {d.to for d in decisions if d.verdict is Verdict.UNKNOWN}
    if not unknown:
        return rest
    side = unknown.pop() if len(unknown) == 1 else None
    if not all(item.asks(at) for at in ([side] if side is not None else Side)):
        cause = f"{UNKNOWN}{side}" if side is not None else UNKNOWN.strip()
        return again(cause, rest.reason, after=timedelta(0), reread=True, count=False)
    return replace(item.drift(rest.reason), waits_for=rest.waits_for)


def _waiting(world: World, tx: Tx, item: Item, rest: Rest, waits_for: str) -> Rest:
    """What a mark is about to wait for, as it is called now; or nothing, if that has come while it was worked on."""
    if waits_for.startswith("intent:"):
        still = tx.journal.is_open(int(waits_for.removeprefix("intent:")))
    else:
        system, kind, named = waits_for.split(":", 2)
        parent = tx.aliases.resolve(system, kind, [named])[named]
        relations = {rule.relation.map for rule in item.m.rules if rule.relation is not None}
        readers = [(m, side) for m, side in world.readers.get((system, kind), ()) if m.key in relations]
        still = not any(tx.links.of(m.key, side, [parent]) for m, side in readers)
        waits_for = f"{system}:{kind}:{parent}"
    if still:
        return replace(rest, waits_for=waits_for)
    return again("released", "what it waited for is there", after=timedelta(0), count=False)


def _resting(world: World, item: Item, rest: Rest) -> dict[str, Any]:
    mark, pace, now = item.mark, world.pace, world.clock()
    values: dict[str, Any] = {"cause": rest.cause, "reason": rest.reason, "waits_for": rest.waits_for}
    if rest.state != DUE:
        return {**values, "due_at": now}
    back_off = min(pace.retry_first * 2 ** min(mark.attempts, 20), pace.retry_max) if rest.count else timedelta(0)
    wait = rest.after if rest.after is not None else back_off
    # What goes on at once is due since it was: it belongs to the run that weighed it.
    values |= {"due_at": now + wait if wait else mark.due_at, "reread": rest.reread}
    if not rest.count:
        return values
    if mark.attempts and now - mark.first_at > pace.retry_for:
        return {**values, "state": PARKED, "due_at": now}
    # As long as nobody tries (a paused pair, a refused key), no time of trying passes.
    return {**values, "attempts": mark.attempts + 1, "first_at": mark.first_at if mark.attempts else now}


def _settle_unwritten(world: World, tx: Tx, item: Item, run: int | None) -> None:
    if item.link is None or item.plan is None:
        return
    quiet = [d for d in item.plan.decisions if d.verdict is not Verdict.WRITE and d.settle]
    fresh = [d for d in quiet if d.verdict is not Verdict.UNCHANGED or d.rule.identity not in item.link.known]
    if fresh:
        settle_rules(tx, item.m, item.link, {d.rule.name: d.settle for d in fresh})
    _list_lost(tx, item, tuple(fresh), run, world)


def _list_conflicts(world: World, tx: Tx, item: Item, run: int | None) -> None:
    """Open ones are listed once, and closed when the sides agree or a person's choice has been carried out."""
    if item.link is None or item.plan is None:
        return
    link = item.link
    by_rule: dict[str, list[Decision]] = {}
    for d in item.plan.decisions:
        by_rule.setdefault(d.rule.name, []).append(d)
    for name, decisions in by_rule.items():
        before = item.conflicts.get(name)
        if decisions[0].verdict is Verdict.CONFLICT:
            if before is None or before.choice or (before.left, before.right) != decisions[0].sides:
                ids = (link.left_id, link.right_id)
                row = lost_row(item.m.key, link.id, ids, name, decisions[0].sides, "open", reason=decisions[0].reason,
                               run=run, at=world.clock(), forced=name in item.frozen)  # fmt: skip
                tx.conflicts.ask(row)
            if name in item.anew:
                _forget(tx, item.m, link, decisions[0].rule)
        elif before is not None and all(_carried_out(item, d) for d in decisions):
            _close_conflict(tx, before, all(d.taken for d in decisions), world.clock())


def _forget(tx: Tx, m: FieldMap, link: Link, rule: Rule) -> None:
    """A conflict over values that are both what base says stands only as long as base says nothing."""
    now = tx.links.get([link.id])[link.id]
    tx.links.save(forgetting(now, [rule.identity]), [one.identity for one in m.rules])


def _close_conflict(tx: Tx, conflict: Conflict, taken: bool, now: datetime) -> None:
    """A choice that was carried out ends it; one that met other values lapses, and what was overruled stays listed."""
    if taken:
        tx.conflicts.settle([conflict.id], "taken", now)
    elif conflict.state == "open":
        tx.conflicts.settle([conflict.id], "agreed", now)
    else:
        tx.conflicts.choose(conflict.id, None)


def _carried_out(item: Item, decision: Decision) -> bool:
    if decision.verdict is Verdict.WRITE:
        return decision.to in item.written
    return decision.verdict in (Verdict.AGREED, Verdict.UNCHANGED, Verdict.KEPT, Verdict.IGNORED)


def _pull(world: World, tx: Tx, map_key: str, side: Side, id_: str) -> None:
    """Ask for a parent to be carried across although its own rule says no."""
    m = world.maps.get(map_key)
    if m is None:
        return
    id_ = tx.aliases.resolve(m.end(side).system, m.end(side).kind, [id_])[id_]
    if tx.links.of(map_key, side, [id_]):
        return
    known = tx.marks.get(map_key, side, [id_]).get(id_)
    if known is None or not known.pulled:
        unread = not tx.snapshots.get(m.end(side).system, m.end(side).kind, [id_])
        tx.marks.add(map_key, side, [id_], world.clock(), lane=0, pulled=True, reread=unread)
