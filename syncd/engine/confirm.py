"""CONFIRM: after every vendor call its fields are settled, in one transaction; at the end the marks. Rules 3, 7, 13.

What is not here: sending (`writing`), and intents that lost their answer (`settling`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from syncd.core.decision import Decision, Verdict
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Record, Side, Value
from syncd.engine.absorb import absorb, lane_of
from syncd.engine.base import knowing, settled
from syncd.engine.conflicts import Chosen, close_kept, close_taken, list_conflicts, list_lost
from syncd.engine.item import DRIFT, PAUSED, UNKNOWN, UNWANTED, Item, Rest, again, stuck
from syncd.engine.linking import wake_for
from syncd.engine.lookout import look_soon
from syncd.engine.restored import trust
from syncd.engine.standstill import still_paused
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.marks import DUE, HELD, PARKED, Mark
from syncd.store.store import Tx

SettleData = Mapping[str, Mapping[Side, Value]]
"""Rule name -> side -> the value that base moves to."""


def settle_rules(tx: Tx, m: FieldMap, rules: Mapping[int, SettleData]) -> None:
    """Move the bases of these rules, by link, on the links as they are stored now."""
    links = tx.links.get(rules)
    for side in Side:
        end = m.end(side)
        snapshots = tx.snapshots.get(end.system, end.kind, [link.id_on(side) for link in links.values()])
        for id_, link in links.items():
            values = {name: sides[side] for name, sides in rules[id_].items() if side in sides}
            links[id_] = settled(m, side, link, values, snapshots[link.id_on(side)])
    tx.links.save([_complete(m, link, rules[id_]) for id_, link in links.items()], [one.identity for one in m.rules])


def _complete(m: FieldMap, link: Link, rules: SettleData) -> Link:
    """The link with the rules known of which both sides have a base by now."""
    told = {rule.identity: rules[rule.name] for rule in m.rules if rule.name in rules}
    return knowing(link, [one for one, sides in told.items() if one in link.known or len(sides) == len(Side)])


def answered(rule: Rule, side: Side, sent: Value, record: Record) -> Value:
    """What base becomes on a written side: what the vendor answered, or what was sent where it did not say."""
    name = rule.field(side)
    value = record.fields.get(name) if name is not None else None
    if name is None or name not in record.fields:
        return sent
    if isinstance(value, tuple) and rule.relation is not None:
        return sent if sent in value else (value[0] if value else None)
    return value


Answers = Sequence[tuple[Item, Record]]
"""What a vendor answered to writes of one map and side, each with the item that it was written for."""


def written_updates(world: World, tx: Tx, side: Side, answers: Answers, run: int | None) -> None:
    """Updates were answered: the snapshots take the answers, the written fields are settled, the losers are listed."""
    passed = _store_answers(world, tx, side, answers)
    settle: dict[int, SettleData] = {}
    chosen: list[Chosen] = []
    for item, record in answers:
        if item.link is None or item.plan is None:
            continue
        _go_on(item, side, record, behind=record.ref.id in passed)
        decisions = item.plan.writes(side)
        settle[item.link.id] = {d.rule.name: _with_answer(d, side, record) for d in decisions}
        chosen += [(item.link, d.rule.name, d.sides) for d in decisions if d.taken]
        list_lost(tx, item, decisions, run, world)
        item.written.add(side)
    settle_rules(tx, answers[0][0].m, settle)
    now = world.clock()
    close_taken(tx, chosen, run, now)
    tx.journal.close_all({item.intents[side]: None for item, _ in answers if side in item.written}, "written", now)


def _store_answers(world: World, tx: Tx, side: Side, answers: Answers) -> set[str]:
    """Store what was answered; the ids of what is older than what is held.

    What is in hand gets no mark for its own answer, but for one to another's write.
    """
    held = {(at, str(item.id_on(at))): item.lane for item, _ in answers for at in Side}
    for item, record in answers:
        for told in (record.ref.id, *record.was):
            if told != item.id_on(side):
                held.pop((side, told), None)
    in_hand = (answers[0][0].m, held)
    since = {record.ref.id: item.snapshots[side] for item, record in answers}
    whole = [record for item, record in answers if _whole(item, side, record)]
    passed = set(absorb(tx, world, whole, asked=(), since=since, in_hand=in_hand).passed)
    for item, record in answers:
        if not _whole(item, side, record):
            asked = item.operations[side].fields
            passed |= set(absorb(tx, world, [record], asked=asked, since=since, in_hand=in_hand).passed)
    return passed


def _whole(item: Item, side: Side, record: Record) -> bool:
    """Whether an answer tells all that was written."""
    return item.operations[side].fields.keys() <= record.fields.keys()


def _go_on(item: Item, side: Side, record: Record, *, behind: bool) -> None:
    """Have the mark go on where the answer leaves something open."""
    if not _whole(item, side, record):
        why = "the answer did not tell what was written"
        item.fail(again(f"{UNKNOWN}{side}", why, after=timedelta(0), reread=True, count=False))
    elif behind:  # beside what is held, our own write would look undone by a person
        why = "the answer is older than what is held"
        item.fail(again("unsure", why, after=timedelta(0), reread=True, count=False))
    elif _moved_elsewhere(item, side, record):
        item.fail(again("moved", "another field changed meanwhile", count=False))
    elif _feeds_another(item, side):
        item.fail(again("moved", "another rule carries what was written", count=False))


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


def written_creates(world: World, tx: Tx, side: Side, answers: Answers) -> None:
    """Creates were answered: links are made, what was sent is settled, who waited is released. Rule 7."""
    m = answers[0][0].m
    links = adopt(world, tx, m, side, {item.id_on(side.other) or "": record for item, record in answers})
    settle: dict[int, SettleData] = {}
    made: dict[int, str | None] = {}
    for item, record in answers:
        link = links.get(item.id_on(side.other) or "")
        if link is None:
            item.fail(again("taken", f"{record.ref} was linked meanwhile"))
            continue
        sent = {d.rule.name: d for d in (item.plan.decisions if item.plan else ())}
        bases = settle[link.id] = _created_bases(m, side, sent, record)
        made[item.intents[side]] = record.ref.id
        item.link, item.leftover = link, any(rule.name not in bases for rule in m.rules)
        item.written.add(side)
    settle_rules(tx, m, settle)
    close_intents(world, tx, made, "written")


def _created_bases(
    m: FieldMap, side: Side, sent: Mapping[str, Decision], record: Record
) -> dict[str, dict[Side, Value]]:
    """What both sides agree on by a creation; a relation that the answer leaves out may lack, and is looked at."""
    bases: dict[str, dict[Side, Value]] = {}
    for rule in m.rules:
        decision = sent.get(rule.name)
        untold = rule.relation is not None and rule.field(side) not in record.fields
        if decision is None or not decision.settle or untold:
            continue
        wanted = decision.settle.get(side)
        got = answered(rule, side, wanted, record)
        if decision.verdict is Verdict.WRITE or same(got, wanted, rule.type(side)):
            bases[rule.name] = {side.other: decision.settle.get(side.other), side: got}
    return bases


def adopt(world: World, tx: Tx, m: FieldMap, side: Side, records: Mapping[str, Record]) -> dict[str, Link]:
    """Store records of a side and link each with its source, by whose id they are; without who is linked elsewhere."""
    sources = {record.ref.id: source for source, record in records.items()}
    refs = dict.fromkeys([*((side, id_) for id_ in sources), *((side.other, id_) for id_ in records)], lane_of(m))
    absorb(tx, world, list(records.values()), asked=(), in_hand=(m, refs))
    now = world.clock()
    pairs = [(source, id_) if side is Side.RIGHT else (id_, source) for id_, source in sources.items()]
    made = tx.links.make_all(m.key, pairs, now)
    wake_for(tx, m, list(made.values()), now)
    if rest := [pair for pair in pairs if pair not in made]:
        known = tx.links.of(m.key, Side.LEFT, [left for left, _ in rest])
        made |= {(left, right): known[left] for left, right in rest if left in known and known[left].right_id == right}
    return {link.id_on(side.other): link for link in made.values()}


def close_intent(
    world: World, tx: Tx, intent: int, outcome: str, record_id: str | None = None, error: str | None = None
) -> None:
    """Write an outcome, and release who waits for it."""
    close_intents(world, tx, {intent: record_id}, outcome, error)


def close_intents(
    world: World, tx: Tx, found: Mapping[int, str | None], outcome: str, error: str | None = None
) -> None:
    """Write one outcome of several intents, each with the record that it made, and release who waits for them."""
    now = world.clock()
    tx.journal.close_all(found, outcome, now, error=error)
    tx.marks.wake([f"intent:{intent}" for intent in found], now)


def finish(world: World, tx: Tx, items: Sequence[Item], run: int | None) -> None:
    """What needed no write is settled, conflicts are listed or closed, and the marks of a batch rest or are dropped."""
    _settle_unwritten(world, tx, items, run)
    close_kept(world, tx, items)
    resting = [one for item in items for one in _come_to_rest(world, tx, item)]
    if resting:
        tx.marks.rest_all(resting, items[0].unit.fence)
    settled = [item for item in items if item.rest is None or item.rest.state == "done"]
    trust(tx, [item for item in items if item.rest is None or item.rest.state in ("done", PARKED)])
    if settled:
        tx.marks.done([mark for item in settled for mark in item.unit.marks], settled[0].unit.fence)
    for item in items:
        _tell_others(world, tx, item)
    pulls: dict[tuple[str, Side], list[str]] = {}
    for map_key, side, id_ in (pull for item in items for pull in item.pulls):
        pulls.setdefault((map_key, side), []).append(id_)
    for (map_key, side), ids in pulls.items():
        _pull(world, tx, map_key, side, ids)


def _come_to_rest(world: World, tx: Tx, item: Item) -> list[tuple[Mark, dict[str, Any]]]:
    """Decide how the marks of an item rest; those that are not dropped, with their columns."""
    if item.leftover or (item.more and item.written):
        item.fail(again("more", "the rest of it follows", after=None if item.leftover else timedelta(0), count=False))
    if item.rest is not None and item.rest.cause == DRIFT:
        for side in _untold(item):
            look_soon(tx, world, item.m.end(side).system, item.m.end(side).kind)
    if item.rest is not None and item.rest.waits_for is not None:
        item.rest = _waiting(world, tx, item, item.rest, item.rest.waits_for)
    if item.link is None and item.rest is not None and item.rest.state == PARKED and _linked_meanwhile(tx, item):
        item.rest = again("linked", "it was linked meanwhile", after=timedelta(0), count=False)
    if item.rest is None or item.rest.state == "done":
        return []
    # What is held stays on its list: that one of the two is paused decides nothing about it.
    staying = [mark for mark in item.unit.marks if mark.state != HELD or item.rest.cause != PAUSED]
    values = _resting(world, item, item.rest)
    return [(mark, {**values, **_asks_still(item, item.rest, mark)}) for mark in staying]


def _tell_others(world: World, tx: Tx, item: Item) -> None:
    """Mark and wake the records that this one has something to do with."""
    if item.rest is UNWANTED and _has_children(world, item.m):
        # Whoever waits for it may have asked in vain, while it did not fit or was not there, and asks again.
        tx.marks.wake([str(item.record(item.mark.side).ref)], world.clock())
    # Whatever became of their marks (held, discarded, refused), else its edits would wait for nobody.
    for side, id_ in item.calls:
        tx.marks.add(item.m.key, side, [id_], world.clock(), lane=lane_of(item.m))


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
    elif rest.cause == PAUSED:
        still = still_paused(tx, waits_for)
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
    values: dict[str, Any] = {
        "state": rest.state, "cause": rest.cause, "reason": rest.reason, "waits_for": rest.waits_for,
    }  # fmt: skip
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


def _settle_unwritten(world: World, tx: Tx, items: Sequence[Item], run: int | None) -> None:
    """What the plans of linked records say of the fields that were not written."""
    rules: dict[int, SettleData] = {}
    planned = [item for item in items if item.plan is not None and item.leftover is None]
    for item in planned:
        if item.link is not None and (fresh := _fresh(item)):
            rules[item.link.id] = {d.rule.name: d.settle for d in fresh}
            list_lost(tx, item, fresh, run, world)
    if rules:
        settle_rules(tx, planned[0].m, rules)
    for item in planned:
        list_conflicts(world, tx, item, run)
        if item.link is not None and item.plan is not None and item.plan.parked:
            item.fail(_parked(item, item.plan.parked))


def _fresh(item: Item) -> tuple[Decision, ...]:
    """The decisions that write nothing and tell a base something new."""
    known = item.link.known if item.link is not None else frozenset()
    return tuple(
        d
        for d in (item.plan.decisions if item.plan is not None else ())
        if d.verdict is not Verdict.WRITE
        and d.settle
        and (d.verdict is not Verdict.UNCHANGED or d.rule.identity not in known)
    )


def _pull(world: World, tx: Tx, map_key: str, side: Side, ids: Sequence[str]) -> None:
    """Ask for parents to be carried across although their own rule says no."""
    m = world.maps.get(map_key)
    if m is None:
        return
    end = m.end(side)
    parents = set(tx.aliases.resolve(end.system, end.kind, ids).values())
    parents -= tx.links.of(map_key, side, parents).keys()
    parents -= {id_ for id_, mark in tx.marks.get(map_key, side, parents).items() if mark.pulled}
    read = tx.snapshots.get(end.system, end.kind, parents).keys()
    for some, unread in ((parents & read, False), (parents - read, True)):
        tx.marks.add(map_key, side, sorted(some), world.clock(), lane=0, pulled=True, reread=unread)
