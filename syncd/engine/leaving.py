"""Leaving and coming back: records that are gone, were merged, or meet the map's `only` no more. Rules 15 to 17.

What is not here: how a snapshot gets to be gone (`absorb`), and records that were never linked (`linking`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest

from syncd.core.fieldmap import FieldMap, Leave, Unconvertible
from syncd.core.model import Gone, Record, Ref, Side
from syncd.core.plural import counted
from syncd.engine.absorb import MERGED, absorb
from syncd.engine.archiving import ARCHIVED, POLICIES, Canaries, part, prepare, proved_twice
from syncd.engine.base import pinned
from syncd.engine.closed import GONE, UNFIT, close, may_open, reopen
from syncd.engine.fence import all_ours, hold_links
from syncd.engine.item import DONE, UNSEEN, VANISHED, Item, Rest, again, park
from syncd.engine.linking import may_answer, wake_for
from syncd.engine.lookout import MANY, are_deleted, look_soon
from syncd.engine.reading import legible
from syncd.engine.world import World
from syncd.errors import Refused
from syncd.store.links import Link, LinkedAlready
from syncd.store.marks import DELETED
from syncd.store.store import Tx

CANARIES, NEARLY = 10, 0.8
"""Other records of a kind that are asked for beside one that does not answer, and how many of several must."""


def follow(world: World, items: Sequence[Item]) -> None:
    """Links go on with what their records were merged into; where two links meet, a person is asked. Rule 16."""
    merged = [(item, side) for item in items if item.stands() and item.link is not None for side in _gone(item, MERGED)]
    if not merged:
        return
    with world.store.begin() as tx:
        all_ours(tx, [item for item, _ in merged])
        for item, side in merged:
            if item.stands() and item.link is not None:
                _follow(world, tx, item, item.link, side)


def _gone(item: Item, *how: str) -> list[Side]:
    return [side for side in Side if side in item.snapshots and item.snapshots[side].gone in how]


def _follow(world: World, tx: Tx, item: Item, link: Link, side: Side) -> None:
    m, old = item.m, link.id_on(side)
    end = m.end(side)
    now = tx.aliases.resolve(end.system, end.kind, [old])[old]
    creates = [one.id for one in tx.journal.creating_for(m.key, side, [now])]
    # Whoever it was made for has a link to it as well, as soon as the write has an outcome.
    creates += may_answer(world, tx, m, side, [now] if now not in tx.links.of(m.key, side, [now]) else []).values()
    became = f"{end.ref(old)} was merged into {end.ref(now)}"
    if creates:
        reason = f"{became}, and write {creates[0]} is open for that"
        item.fail(park("waiting", reason, waits_for=f"intent:{creates[0]}"))
        return
    rival = _rival(tx, m, side, now) or _merged_too(tx, m, side, old, now)
    if rival is not None:
        twins = [str(m.end(side.other).ref(one.id_on(side.other))) for one in (link, rival)]
        both, parted = " and ".join(twins), " or ".join(f"`syncd unlink {twin}`" for twin in twins)
        remedy = f"Part the wrong one: {parted}, then `syncd retry`."
        item.fail(park("question", f"{became}, and both were linked: with {both}. {remedy}"))
        return
    try:
        tx.links.move(link.id, side, now)
    except LinkedAlready as error:
        item.fail(again("taken", str(error)))
        return
    # As they are stored now: a feed may have moved a base or the snapshot since this item was read.
    moved = tx.links.get([link.id])[link.id]
    left_behind = tx.snapshots.get(end.system, end.kind, [old])[old]
    tx.links.save([pinned(m, side, moved, left_behind)], [rule.identity for rule in m.rules])
    item.link = tx.links.get([link.id])[link.id]
    del item.snapshots[side]
    # Whatever becomes of this turn: its mark has the former id, by which nobody finds the link any more.
    tx.marks.add(m.key, side, [now], world.clock(), lane=item.lane)
    wake_for(tx, m, [item.link], world.clock())
    _unsettle(tx, item, item.link, [side])


def _unsettle(tx: Tx, item: Item, link: Link, sides: Iterable[Side]) -> None:
    """What became of a write whose record was gone before that was known can be told again: its settling comes first.

    Without that, what it left in the record would look like a person's edit.
    """
    if sum(tx.journal.open_again(link.id, side, link.id_on(side)) for side in sides):
        reason = "a write to it had no outcome yet when it was gone"
        item.fail(again("unsettled", reason, after=timedelta(0), count=False))


def _rival(tx: Tx, m: FieldMap, side: Side, id: str) -> Link | None:
    """The link that a record has already; or one that closed with it alone, and opens as soon as it is there again."""
    known, closed = tx.links.of(m.key, side, [id]).get(id), may_open(tx, m, side, [id]).get(id)
    if known is not None or closed is None or tx.links.of(m.key, side.other, [closed.id_on(side.other)]):
        return known
    ids = {at: closed.id_on(at) for at in Side}
    shot = {at: tx.snapshots.get(m.end(at).system, m.end(at).kind, [ids[at]]).get(ids[at]) for at in Side}
    there = {at: one.record for at, one in shot.items() if one is not None and (at is side or one.gone is None)}
    return closed if len(there) == len(Side) and fits(m, there) else None


def _merged_too(tx: Tx, m: FieldMap, side: Side, old: str, now: str) -> Link | None:
    """The link of another record that was merged into the same one, where that is neither of the two."""
    end = m.end(side)
    survivor = tx.snapshots.get(end.system, end.kind, [now]).get(now)
    others = [one for one in survivor.record.was if one != old] if survivor is not None else []
    return next(iter(tx.links.of(m.key, side, others).values()), None) if others else None


def come_back(world: World, items: Sequence[Item]) -> None:
    """A link that was closed because a record was gone, or did not fit, opens again when both are there and fit."""
    lonely = [item for item in items if item.stands() and item.link is None and item.side is not None]
    if not lonely:
        return
    with world.store.read() as tx:
        closed = _closed(tx, lonely[0].m, lonely)
    if closed:
        with world.store.begin() as tx:
            # As they are closed now: a person may have parted one of them since.
            closed = _closed(tx, lonely[0].m, all_ours(tx, lonely))
            for item in lonely:
                link = closed.get(id(item))
                if link is not None and _there_again(tx, item.m, link):
                    _open_again(world, tx, item, link)
                elif link is not None:
                    _tell_of_archived(item, link)


def _closed(tx: Tx, m: FieldMap, items: Sequence[Item]) -> dict[int, Link]:
    """By item: its closed link, if that may open by itself."""
    found: dict[int, Link] = {}
    for side in Side:
        mine = {item.mark.id: item for item in items if item.mark.side is side}
        found |= {id(mine[id_]): link for id_, link in may_open(tx, m, side, mine).items()}
    return found


def _there_again(tx: Tx, m: FieldMap, link: Link) -> bool:
    records: dict[Side, Record] = {}
    for side in Side:
        end, id_ = m.end(side), link.id_on(side)
        snapshot = tx.snapshots.get(end.system, end.kind, [id_]).get(id_)
        if snapshot is None or snapshot.gone is not None:
            return False
        records[side] = snapshot.record
    return fits(m, records)


def _tell_of_archived(item: Item, link: Link) -> None:
    """A record is there, but its twin was archived by us and still is: nothing that people do to it travels."""
    side, why = item.mark.side, (link.reason or "").removeprefix(GONE)
    snapshot, end = item.snapshots.get(side), item.m.end(side.other)
    twin = Ref(end.system, end.kind, link.id_on(side.other))
    if snapshot is not None and snapshot.gone is None and why.startswith(f"{twin} {ARCHIVED}"):
        ref = snapshot.record.ref
        item.fail(park("gone", f"{ref} is there, but {why}; restore that too, and they are linked again"))


def _open_again(world: World, tx: Tx, item: Item, link: Link) -> None:
    try:
        reopen(tx, link.id)
    except LinkedAlready as error:
        item.fail(park("question", str(error)))
        return
    hold_links(world, tx, [(item, tx.links.get([link.id])[link.id])])
    item.side = None
    wake_for(tx, item.m, [link], world.clock())
    _unsettle(tx, item, link, Side)


def fits(m: FieldMap, records: Mapping[Side, Record]) -> bool:
    """Whether a pair meets the map's `only`; one that cannot be worked out does not."""
    if m.only is None:
        return True
    try:
        return bool(m.only.value({side: record.fields for side, record in records.items()}))
    except Unconvertible:
        return False


def leave(world: World, m: FieldMap, items: Sequence[Item]) -> None:
    """Close the links of what is surely gone, or fits no more. Raises AuthError and Transient.

    Absence is not deletion: a record that the vendor does not call deleted is gone only if others of its kind are seen.
    """
    _stay(world, items)
    for side in Side:
        gone = [item for item in items if item.stands() and item.link is not None and _gone(item, "gone", "tombstone")]
        gone = [item for item in gone if item.snapshots[side].gone is not None]
        if gone:
            _confirm(world, m, side, gone)
    for item in items:
        if item.stands() and item.link is not None and _gone(item, MERGED):
            item.fail(again("merged", "it was merged into another record", after=timedelta(0), count=False))
    if m.leave is Leave.UNLINK:
        _unlink_unfit(world, m, items)


def _unlink_unfit(world: World, m: FieldMap, items: Sequence[Item]) -> None:
    unfit = [
        item for item in items
        if item.stands() and item.link is not None and len(item.snapshots) == len(Side)
        and not fits(m, {side: item.record(side) for side in Side})
    ]  # fmt: skip
    if unfit:
        with world.store.begin() as tx:
            for item in all_ours(tx, unfit):
                if item.link is not None:
                    close(world, tx, item.link, UNFIT)
                item.fail(DONE)


def _stay(world: World, items: Sequence[Item]) -> None:
    """Forget the first proof that a record was gone that is there after all, but not what was being written to it."""
    back = [i for i in items if i.stands() and i.link and i.link.gone_at and not _gone(i, "gone", "tombstone")]
    if back:
        with world.store.begin() as tx:
            for item in all_ours(tx, back):
                if item.link is not None:
                    tx.links.leaves(item.link.id, None)
                    _unsettle(tx, item, item.link, Side)


def _confirm(world: World, m: FieldMap, side: Side, items: Sequence[Item]) -> None:
    """Look once more, beside some records that ought to be there."""
    end = m.end(side)
    ids = [str(item.id_on(side)) for item in items]
    with world.store.read() as tx:
        others = {link.id_on(side): link for link in _neighbors(tx, m, items)}
        living = tx.snapshots.seen(end.system, end.kind, [id_ for id_ in others if id_ not in ids])
        since = tx.snapshots.get(end.system, end.kind, ids)
        believed = are_deleted(tx, world, end.system, end.kind)
    found = _beside(world, end.system, end.kind, ids, [id_ for id_ in others if id_ in living][:CANARIES])
    canaries, fields = [id_ for id_ in found if id_ not in ids], world.fields(end.system, end.kind)
    silent = [canary for canary in canaries if not isinstance(found[canary], Record)]
    answered = len(canaries) - len(silent)
    seen = answered > 0 and (len(canaries) < MANY or answered >= NEARLY * len(canaries))
    with world.store.begin() as tx:
        absorb(tx, world, [one for id_, one in found.items() if id_ not in canaries], asked=fields, since=since)
        if silent:
            look_soon(tx, world, end.system, end.kind, silent)
        absent = [item for item in items if _only_absent(item, side, found[str(item.id_on(side))])]
        doubtful = [item for item in absent if not (believed and item.carried == DELETED)]
        too_many = len(doubtful) > _most(world, m)
        for item in all_ours(tx, items):
            answer = found[str(item.id_on(side))]
            if isinstance(answer, Record) or answer.became:
                item.fail(again("back", "it is there after all", after=timedelta(0), count=False))
            elif item in doubtful and (too_many or not seen):
                look_soon(tx, world, end.system, end.kind)
                item.fail(_unseen(item, side, len(doubtful) if too_many else 0, len(silent)))
            else:
                _let_go(world, tx, item, side)
    proved = [item for item in items if item.stands()]
    if proved:
        prepare(world, m, side, proved, absent, Canaries([others[one] for one in canaries], seen))


def _beside(
    world: World, system: str, kind: str, ids: Sequence[str], canaries: Sequence[str]
) -> Mapping[str, Record | Gone]:
    """What answers to these ids and, asked in one breath, to the canaries; one that makes no sense is left out.

    Raises Refused where it is one of the ids, AuthError and Transient.
    """
    connector, fields = world.connectors[system], world.fields(system, kind)
    try:
        return connector.read(kind, [*ids, *canaries], fields)
    except Refused:
        return connector.read(kind, [*ids, *legible(world, system, kind, canaries)], fields)


def _neighbors(tx: Tx, m: FieldMap, items: Sequence[Item]) -> list[Link]:
    """Links of a map that are older, and some that were made after one of these: what is hidden often is of one age."""
    limit = len(items) + 2 * CANARIES
    after = max((item.link.id for item in items if item.link is not None), default=0)
    pairs = zip_longest(tx.links.all(m.key, limit=limit), tx.links.all(m.key, after=after, limit=limit))
    return [link for pair in pairs for link in pair if link is not None]


def _only_absent(item: Item, side: Side, answer: Record | Gone) -> bool:
    if isinstance(answer, Record) or answer.became:
        return False
    return not answer.tombstone and item.snapshots[side].gone != "tombstone"


def _most(world: World, m: FieldMap) -> int:
    """How many records of a kind may be absent in one batch before that looks like a lost permission."""
    return min(pair.guard.deletes for pair in world.pairs if any(m.key == one.key for one in pair.maps))


def _unseen(item: Item, side: Side, count: int, silent: int) -> Rest:
    ref = item.record(side).ref
    if count:
        why = f"{counted(count, 'record')} of {ref.kind} stopped answering at once"
    elif silent:
        why = f"of the other {ref.kind} that were asked for, {silent} did not answer either"
    else:
        why = f"no other record of {ref.kind} that was asked for answers either"
    words = f"{ref} does not answer, and {why}: it looks like a missing permission of {ref.system}; nothing was changed"
    return park(VANISHED if item.carried in (UNSEEN, VANISHED) else UNSEEN, words)


def _let_go(world: World, tx: Tx, item: Item, side: Side) -> None:
    """The record is surely gone: the map says what that means for its twin. One that is to be archived still stands."""
    policy, link = item.m.end(side.other).delete, item.link
    both = item.snapshots[side.other].gone is not None
    if link is None or (policy == "ignore" and not both):
        item.fail(DONE)
    elif both or policy == "unlink":
        close(world, tx, link, f"{GONE}{item.record(side).ref}")
        item.fail(DONE)
    elif policy not in POLICIES:
        part(world, tx, item, side, "stays as it is, and")
    else:
        proved_twice(world, tx, item, link, side)
