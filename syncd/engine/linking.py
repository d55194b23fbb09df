"""Whose is it? What to do with a ref that has no link: drop it, link it, ask, wait, or create its twin. Rules 4 to 9.

What is not here: the verdict over candidates (`core.match`) and the writes (`writing`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from syncd.core.decision import Twins, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Rule, Unconvertible
from syncd.core.match import Answer, Whose, by_key, carried_key, keys, lookups, sync_key_of
from syncd.core.model import Action, Operation, Record, Side, SyncKey
from syncd.core.plan import plan_create
from syncd.engine.absorb import absorb
from syncd.engine.fence import all_ours, hold_links
from syncd.engine.intake import Tick, tick
from syncd.engine.item import DONE, DRIFT, UNTOLD, UNWANTED, Item, Rest, again, park, stuck
from syncd.engine.lookalikes import QUESTION, Lookalikes, StoreIndex, ask_again, belongs, copies, near
from syncd.engine.namesakes import NAMESAKE, Taken, set_apart
from syncd.engine.succession import came_of_a_merge, kept_back, take_over
from syncd.engine.world import World
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.sql import chunks
from syncd.store.store import Tx

BUSY = timedelta(seconds=1)
"""How soon to look again whether another process has read on."""


def local(world: World, tx: Tx, m: FieldMap, items: Sequence[Item]) -> list[Item]:
    """Everything that needs no vendor: conditions, our own key, match keys, open creates; who took a twin over."""
    sides = {side: [item for item in items if item.side is side and item.stands()] for side in Side}
    return [heir for side in Side if sides[side] for heir in _local_side(world, tx, m, side, sides[side])]


def _local_side(world: World, tx: Tx, m: FieldMap, side: Side, items: list[Item]) -> list[Item]:
    linked = tx.links.of(m.key, side, [item.mark.id for item in items])
    for item in items:
        if item.mark.id in linked:
            # Without a base it was made since this mark was claimed, and whoever made it looks at both records yet.
            done = item.mark.news and not linked[item.mark.id].known
            item.fail(DONE if done else again("linked", "it was linked meanwhile", after=timedelta(0), count=False))
    items = [item for item in items if item.stands()]
    closed = tx.links.of(m.key, side, [item.mark.id for item in items], state="closed")
    for item in items:
        rest = _unfit(m, side, item, item.mark.id in closed)
        if rest is not None:
            item.fail(rest)
    heirs = take_over(world, tx, m, side, [item for item in items if item.stands()])
    items = [item for item in items if item.stands() and item.twin is None]
    kept = kept_back(world, tx, m, side, items)
    for item in items:
        if item.mark.id in kept and kept[item.mark.id].cause == QUESTION:
            item.fail(kept[item.mark.id])
    items = [item for item in items if item.stands() and item.twin is None]
    creates, pending = _judge_local(tx, m, side, items), _pending(world, tx, m, side)
    doubtful = [item.mark.id for item in items if pending or item.record(side).mine]
    readers = world.readers[m.end(side).system, m.end(side).kind]
    known = {id_ for other, at in readers for id_ in tx.links.ever(other.key, at, doubtful)}
    for item in items:
        if item.stands() and item.twin is None:
            _own_key_or_window(tx, item, creates, pending, known)
        if item.stands() and item.twin is None and not wanted(m, side, item.record(side), pulled=item.mark.pulled):
            item.fail(item.unsure_of(m.end(side.other).when) or UNWANTED)
        if item.stands() and item.twin is None and item.mark.id in kept:
            item.fail(kept[item.mark.id])
    return heirs


def _judge_local(tx: Tx, m: FieldMap, side: Side, items: Sequence[Item]) -> dict[str, Intent]:
    """Whose is it, by the snapshots of the other side; the open creates on this side, by their source."""
    creates = {intent.source_id: intent for intent in tx.journal.open_creates(m.key, side)}
    _judge_all(tx, m, side, items, {}, creates)
    return creates


def _judge_all(
    tx: Tx,
    m: FieldMap,
    side: Side,
    items: Sequence[Item],
    told: Mapping[str, Sequence[Record]],
    creates: Mapping[str, Intent],
) -> None:
    looking = Lookalikes(m, StoreIndex(tx, m))
    answers = looking.answers(side, [item.record(side) for item in items], told)
    for item in items:
        _judge(item, answers[item.mark.id], creates)


def _unfit(m: FieldMap, side: Side, item: Item, closed: bool) -> Rest | None:
    snapshot = item.snapshots.get(side)
    if snapshot is None or snapshot.gone:
        return DONE
    if closed:
        return Rest(state="done", cause="closed", reason="its link was closed; only a person links it again")
    if not belongs(m, side, snapshot.record):
        return item.unsure_of(m.only) or DONE
    return None


def _holds(value: Callable[..., object], fields: Mapping[Side, Mapping[str, object]]) -> bool:
    try:
        return bool(value(fields))
    except Unconvertible:
        return False


def wanted(m: FieldMap, side: Side, record: Record, *, pulled: bool = False) -> bool:
    """Whether a twin may be made on the other side."""
    when = m.end(side.other).when
    return pulled or (when is not None and _holds(when.value, {side: record.fields}))


def _judge(item: Item, answer: Answer, creates: Mapping[str, Intent]) -> None:
    if answer.whose is Whose.QUESTION:
        names = ", ".join(str(ref) for ref in answer.candidates)
        item.fail(park("question", f"{answer.reason} ({names})" if names not in answer.reason else answer.reason))
    elif answer.record is not None:
        intent = creates.get(answer.record.ref.id)
        if intent is not None:
            item.fail(park("waiting", f"may be the answer to open write {intent.id}", waits_for=f"intent:{intent.id}"))
        else:
            item.twin, item.found = answer.record.ref.id, answer.reason
            item.operations.clear()
            item.plan = None


Pending = Sequence[tuple[FieldMap, Side, Sequence[Intent]]]
"""Open creations of one kind of record, in whatever map."""


def _pending(world: World, tx: Tx, m: FieldMap, side: Side) -> Pending:
    readers = world.readers[m.end(side).system, m.end(side).kind]
    creates = [(other, at, tx.journal.open_creates(other.key, at)) for other, at in readers]
    return [one for one in creates if one[2]]


def _stray(record: Record, pending: Pending) -> Intent | None:
    """The open create, of whatever map, whose answer this record may be."""
    for m, side, intents in pending:
        if m.end(side).sync_key is not None and carried_key(m, side, record.fields) is None:
            continue
        for intent in intents:
            if in_window(record, intent):
                return intent
    return None


def _own_key_or_window(tx: Tx, item: Item, creates: Mapping[str, Intent], pending: Pending, linked: set[str]) -> None:
    """A record that carries a key of ours, was made by us, or in an open create's window, is no new lead."""
    side, m = item.mark.side, item.m
    record = item.record(side)
    if record.was and came_of_a_merge(tx, item, record):
        return
    key = carried_key(m, side, record.fields)
    end = m.end(side.other)
    prefix = f"{end.system}:{end.kind}:"
    if key is not None and key.startswith(prefix):
        _by_key(tx, item, key.removeprefix(prefix), creates)
        return
    if record.ref.id in linked:
        return
    intent = None if record.mine is False else _stray(record, pending)
    if intent is not None:
        reason = f"was made while write {intent.id} was open, and may be its answer"
        item.fail(park("waiting", reason, waits_for=f"intent:{intent.id}"))
    elif record.mine and item.mark.cause != NAMESAKE and not _before_us(tx, record):
        item.fail(park("question", f"{record.ref} was made by our own key, and no open write claims it"))


def _before_us(tx: Tx, record: Record) -> bool:
    """Whether a record is older than this store: then our key made it in an earlier life, and it is like any other."""
    began = tx.runs.fact(f"began:{record.ref.system}")
    return began is not None and record.created_at is not None and record.created_at.timestamp() < began


def in_window(record: Record, intent: Intent) -> bool:
    """Whether a record was made while the write could make it."""
    if record.created_at is None:
        return False
    start, _ = window(intent)
    return record.created_at >= start and (intent.lands_by is None or record.created_at <= intent.lands_by)


def window(intent: Intent) -> tuple[datetime, datetime]:
    """From when until when a write could make a record, with room for a vendor's clock; till its opening if untold."""
    return intent.opened_at - timedelta(seconds=2), intent.lands_by or intent.opened_at


def _by_key(tx: Tx, item: Item, source_id: str, creates: Mapping[str, Intent]) -> None:
    m, side = item.m, item.mark.side
    end = m.end(side.other)
    if source_id in creates:
        intent = creates[source_id]
        item.fail(park("waiting", f"is the answer to open write {intent.id}", waits_for=f"intent:{intent.id}"))
        return
    if tx.links.ever(m.key, side.other, [source_id]):
        reason = f"carries the sync key of {end.system}:{end.kind}:{source_id}, which is linked with another record"
        item.fail(park("question", reason))
        return
    snapshot = tx.snapshots.get(end.system, end.kind, [source_id]).get(source_id)
    if snapshot is None or snapshot.gone:
        reason = f"carries the sync key of {end.system}:{end.kind}:{source_id}, which is not there"
        item.fail(park("question", reason))
        return
    if others := copies(tx, m, side, item.mark.id, sync_key_of(snapshot.record.ref)):
        reason = f"carries the sync key of {end.system}:{end.kind}:{source_id}, and so does {', '.join(others)}"
        item.fail(park("question", reason))
        return
    item.twin, item.found = source_id, "carries our sync key"


def plan_creates(world: World, tx: Tx, m: FieldMap, items: Sequence[Item], twins: Twins, taken: Taken) -> None:
    """Work out what the new records carry; wait for parents, pull them, or park what has no counterpart.

    `taken`: names that creations of this run carry; theirs are added.
    """
    for item in items:
        if item.side is None or not item.stands() or item.twin is not None:
            continue
        to = item.side.other
        item.plan = plan_create(m, to, item.record(item.side), twins)
        unknown = [d for d in item.plan.having(Verdict.UNKNOWN) if _cannot_do_without(m, item, item.side, d.rule)]
        if unknown:
            item.fail(_unknown(item, unknown[0].reason))
        item.pull_parents()
        if item.plan.parked:
            item.fail(stuck(item.plan.parked))
        if item.stands():
            item.operations[to] = _creation(item, to)
    for to in Side:
        set_apart(world, tx, m, to, [item for item in items if item.stands() and to in item.operations], taken)


def _cannot_do_without(m: FieldMap, item: Item, side: Side, rule: Rule) -> bool:
    """Whether a field that is not known keeps a record from being created.

    A parent, what match keys are made of and what only a creation carries do, and what was never asked for. Any other
    field that was asked for and did not come is left out, and follows when it is known: drift stops that field, not the
    record.
    """
    matched = {r.name for match in (*m.link, *m.ask) for part in match.parts for r in part.rules}
    asked = rule.field(side) in item.snapshots[side].missing
    return not asked or rule.relation is not None or rule.direction is Direction.CREATE or rule.name in matched


def _unknown(item: Item, reason: str) -> Rest:
    if item.mark.cause == "unknown" or item.carried in (DRIFT, UNTOLD):
        return item.drift(reason)
    return again("unknown", reason, after=timedelta(0), reread=True)


def _creation(item: Item, to: Side) -> Operation:
    m, source = item.m, item.record(to.other)
    end = m.end(to)
    plan = item.plan
    fields = {d.field: d.after for d in (plan.writes(to) if plan else ()) if d.field is not None}
    for name, value in end.on_create.items():
        fields.setdefault(name, value)
    key = SyncKey(end.sync_key, sync_key_of(source.ref)) if end.sync_key else None
    if key is not None:
        fields[key.field] = key.value
    return Operation(id="", action=Action.CREATE, fields=fields, quiet=item.quiet(to), sync_key=key)


def look_up(world: World, m: FieldMap, items: Sequence[Item]) -> None:
    """Ask the vendor before anything is created there. Raises AuthError and Transient."""
    for to in Side:
        asking = [i for i in items if i.side is to.other and i.stands() and to in i.operations and i.twin is None]
        end = m.end(to)
        if asking and world.connectors[end.system].capabilities.find_by_feed:
            unread = _unread(world, tick(world, end.system, end.kind))
            if unread is not None:
                for item in asking:
                    item.fail(unread)
                continue
            with world.store.read() as tx:
                _judge_local(tx, m, to.other, asking)
            continue
        questions = [key for item in asking for key in lookups(m, to, item.record(to.other))]
        if not questions:
            continue
        fields = world.fields(end.system, end.kind)
        records = list(world.connectors[end.system].find(end.kind, list(dict.fromkeys(questions)), fields))
        with world.store.begin() as tx:
            absorb(tx, world, records, asked=fields)
            _judge_found(tx, m, to, asking, records)


def _unread(world: World, done: Tick) -> Rest | None:
    """What a creation does whose look-up is the feed, if that was not read now; None: it was."""
    if done.busy:
        return again("feed", "another process reads the feed", after=BUSY, count=False)
    if done.waits:
        reason = f"{done.system}:{done.kind} is not read while a map of it lacks the custom fields of its other side"
        return again("feed", reason, after=world.pace.settle_every, count=False)
    return None


def _judge_found(tx: Tx, m: FieldMap, to: Side, asking: Sequence[Item], records: Sequence[Record]) -> None:
    by_text: dict[str, list[Record]] = {}
    for record in records:
        own = carried_key(m, to, record.fields)
        texts = [k.indexed for k in keys(m, to, record.fields)] + ([by_key(own)] if own else [])
        for text in texts:
            by_text.setdefault(text, []).append(record)
    told: dict[str, list[Record]] = {}
    for item in asking:
        source = item.record(to.other)
        texts = [k.indexed for k in keys(m, to.other, source.fields)] + [by_key(sync_key_of(source.ref))]
        told[item.mark.id] = list({r.ref.id: r for text in texts for r in by_text.get(text, ())}.values())
    creates = {intent.source_id: intent for intent in tx.journal.open_creates(m.key, to.other)}
    _judge_all(tx, m, to.other, asking, told, creates)


def make_links(world: World, tx: Tx, m: FieldMap, items: Sequence[Item]) -> list[Link]:
    """Link those whose twin was found; a ref that somebody linked meanwhile is looked at again. The new links.

    One that an open creation was made for links only to what that one made: it waits for its outcome.
    """
    now = world.clock()
    found = [i for i in items if i.twin is not None and i.link is None and i.stands() and i.side is not None]
    found = all_ours(tx, found)
    creates = _creates_for(tx, m, found) | _answers(world, tx, m, found)
    pairs: list[tuple[Item, tuple[str, str]]] = []
    for item in found:
        left, right = str(item.id_on(Side.LEFT)), str(item.id_on(Side.RIGHT))
        intent = creates.get((Side.LEFT, left)) or creates.get((Side.RIGHT, right))
        if intent is not None:
            item.fail(park("waiting", f"write {intent} is open for one of the two", waits_for=f"intent:{intent}"))
        else:
            pairs.append((item, (left, right)))
    made = tx.links.make_all(m.key, [pair for _, pair in pairs], now)
    wake_for(tx, m, list(made.values()), now)
    new: list[tuple[Item, Link]] = []
    for item, (left, right) in pairs:
        if link := made.pop((left, right), None):
            new.append((item, link))
            continue
        same = tx.links.of(m.key, Side.LEFT, [left]).get(left)
        twice = same is not None and same.right_id == right
        item.fail(DONE if twice else again("taken", f"{left} or {right} is linked already"))
    hold_links(world, tx, new)
    return [link for _, link in new]


def _creates_for(tx: Tx, m: FieldMap, items: Sequence[Item]) -> dict[tuple[Side, str | None], int]:
    """Open creations by the record that they are made for."""
    ids = [id_ for item in items for side in Side if (id_ := item.id_on(side)) is not None]
    intents = tx.journal.open_of(m.key, ids)
    return {(i.side.other, i.source_id): i.id for i in intents if i.action is Action.CREATE}


def _answers(world: World, tx: Tx, m: FieldMap, items: Sequence[Item]) -> dict[tuple[Side, str | None], int]:
    """Open creations by the record that may be their answer."""
    found: dict[tuple[Side, str | None], int] = {}
    for side in Side:
        ids = [id_ for item in items if (id_ := item.id_on(side)) is not None]
        found |= {(side, id_): intent for id_, intent in may_answer(world, tx, m, side, ids).items()}
    return found


def may_answer(world: World, tx: Tx, m: FieldMap, side: Side, ids: Sequence[str]) -> dict[str, int]:
    """The open creation whose answer each of these records may be: until that is known it is no stranger to anybody."""
    pending, end = _pending(world, tx, m, side), m.end(side)
    read = tx.snapshots.get(end.system, end.kind, ids) if pending else {}
    strays = {id_: _stray(one.record, pending) for id_, one in read.items() if one.record.mine is not False}
    return {id_: intent.id for id_, intent in strays.items() if intent is not None}


def wake_for(tx: Tx, m: FieldMap, links: Sequence[Link], now: datetime) -> None:
    """Links were made: release who waits for their records, and what these were parked with while unlinked."""
    ids = {side: [link.id_on(side) for link in links] for side in Side}
    tx.marks.wake([f"{m.end(side).system}:{m.end(side).kind}:{id_}" for side in Side for id_ in ids[side]], now)
    for chunk in chunks(id_ for side in Side for id_ in ids[side]):
        tx.marks.retry(m.key, now, ids=chunk, reread=False)
    ask_again(tx, m, near(tx, m, ids), now)


def snapshots_for(tx: Tx, m: FieldMap, items: Sequence[Item]) -> None:
    """Load the snapshots of both sides, as far as ids are known, and the links as they stand with them.

    A snapshot that moved has left its old values in the link's bases: the two are only true together.
    """
    links = tx.links.get([item.link.id for item in items if item.link is not None])
    for item in items:
        if item.link is not None:
            item.link = links[item.link.id]
    for side in Side:
        end = m.end(side)
        wanted = [(item, id_) for item in items if (id_ := item.id_on(side)) is not None]
        known: dict[str, Snapshot] = tx.snapshots.get(end.system, end.kind, [id_ for _, id_ in wanted])
        for item, id_ in wanted:
            if id_ in known:
                item.snapshots[side] = known[id_]
