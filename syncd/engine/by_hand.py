"""By hand: these two are the same, are not, go apart, come together again; this one is left alone, and goes on.

What is not here: answering what became of a lost write (`questions`), and making two records equal (the next run).
"""

from __future__ import annotations

from dataclasses import replace

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.closed import close, reopen
from syncd.engine.intake import discarded
from syncd.engine.linking import wake_for
from syncd.engine.lookalikes import ask_again
from syncd.engine.questions import free, open_create, same, seen, there, wrong
from syncd.engine.standstill import paused, waits_for
from syncd.engine.world import World
from syncd.store.links import Link, LinkedAlready
from syncd.store.marks import DUE
from syncd.store.store import Tx

PARTED = "a person parted them"

Pair = tuple[FieldMap, dict[Side, Ref]]


def link(world: World, one: Ref, other: Ref, map_key: str | None = None) -> tuple[Ref, Ref]:
    """Link two records, whatever their values say; left and right. The next run makes them equal.

    Raises ConfigError where they cannot be linked, or had a link before: that is `relink`'s.
    """
    with world.store.begin() as tx:
        m, refs = _pair(world, one, other, map_key)
        _not_yet(tx, m, refs, one, other)
        _never_parted(tx, m, refs, one, other)
        _join(world, tx, m, refs)
    return refs[Side.LEFT], refs[Side.RIGHT]


def refuse(world: World, one: Ref, other: Ref, map_key: str | None = None) -> tuple[Ref, Ref]:
    """Note for good that two records are not the same: they are never asked about or linked by likeness again.

    Raises ConfigError where they are linked.
    """
    with world.store.begin() as tx:
        m, refs = _pair(world, one, other, map_key)
        left, right = refs[Side.LEFT], refs[Side.RIGHT]
        known = tx.links.of(m.key, Side.LEFT, [left.id]).get(left.id)
        if known is not None and known.right_id == right.id:
            raise wrong(one, f"{left} and {right} are linked.", f"First part them: `syncd unlink {one}`.")
        now = world.clock()
        tx.refusals.add(m.key, left.id, right.id, now)
        ask_again(tx, m, [left.id, right.id], now)
        # Whoever is at work on one of them has asked already, and would leave it with the question that was answered.
        tx.marks.retry(m.key, now, state=DUE, ids=[left.id, right.id], reread=False)
        tx.marks.wake([str(left), str(right)], now)  # who waits in another map for what these two become
    return left, right


def unlink(world: World, ref: Ref, map_key: str | None = None) -> Ref:
    """Part a record from its twin, which is returned; both stay as they are, and neither is made again.

    Raises ConfigError where it has no link, or a write to one of the two has no outcome yet.
    """
    with world.store.begin() as tx:
        m, side, found = _one(world, tx, ref, map_key, "open")
        if tx.journal.open_links([found.id]):
            raise wrong(ref, "a write to it has no outcome yet.", "Try again in a minute.")
        now = world.clock()
        # Whoever works on it has lost it from here on: the fence is another.
        tx.marks.lease_links([found.id], now, tx.runs.next_fence())
        close(world, tx, found, PARTED)
        tx.marks.retry(m.key, now, ids=[found.left_id, found.right_id], reread=False)
        return _across(m, side, found)


def relink(world: World, ref: Ref, twin: Ref | None = None, map_key: str | None = None) -> Ref:
    """Open the link again that a record had last, or link it with this twin; the twin.

    What moved meanwhile is treated as at a first link. Raises ConfigError where it had no link and no twin is given, or
    one of the two is gone or linked.
    """
    with world.store.begin() as tx:
        if twin is not None:
            m, refs = _pair(world, ref, twin, map_key)
            _not_yet(tx, m, refs, ref, twin)
            _join(world, tx, m, refs)
            return twin
        m, side, found = _one(world, tx, ref, map_key, "closed")
        across = _across(m, side, found)
        _join(world, tx, m, {side: ref, side.other: across})
        return across


def pause(world: World, ref: Ref) -> None:
    """Leave a record alone until `resume`. A write that is under way is finished. Raises ConfigError."""
    with world.store.begin() as tx:
        if paused(tx, _and_former(world, tx, ref)):
            raise wrong(ref, "it is paused already.", f"`syncd resume {ref}` goes on with it.")
        now = world.clock()
        tx.paused.add(ref.system, ref.kind, ref.id, now)
        for m, side in world.readers[ref.system, ref.kind]:
            # It is parked by that, and so stands on a list. What a person discarded rests already.
            if ref.id not in discarded(tx, m, side, [ref.id]):
                tx.marks.add(m.key, side, [ref.id], now, lane=LEAD_LANE)


def resume(world: World, ref: Ref) -> None:
    """Go on with a paused record: what people did meanwhile, on both sides, is decided now. Raises ConfigError."""
    with world.store.begin() as tx:
        found = paused(tx, _and_former(world, tx, ref))
        if not found:
            raise wrong(ref, "it is not paused.", f"`syncd explain {ref}` says how it stands.")
        tx.paused.remove(ref.system, ref.kind, [one.id for one in found])
        tx.marks.wake([waits_for(one) for one in found], world.clock())


def _join(world: World, tx: Tx, m: FieldMap, refs: dict[Side, Ref]) -> None:
    """Link two that are free. A link that these two had before is opened again, without what it knew."""
    side = Side.LEFT if open_create(tx, m, Side.LEFT, refs[Side.LEFT].id) else Side.RIGHT
    ref, twin = refs[side], refs[side.other]
    there(tx, ref, ref)
    record = free(tx, m, side, ref, twin)
    left, right = refs[Side.LEFT].id, refs[Side.RIGHT].id
    tx.refusals.remove(m.key, left, right)
    before = tx.links.of(m.key, Side.LEFT, [left], state="closed").get(left)
    intent = open_create(tx, m, side, ref.id)
    if before is not None and before.right_id == right and intent is None:
        _reopen(world, tx, m, before)
    else:
        same(world, tx, m, side, ref, record, intent)
    for at in Side:
        tx.marks.add(m.key, at, [refs[at].id], world.clock(), lane=LEAD_LANE)


def _reopen(world: World, tx: Tx, m: FieldMap, found: Link) -> None:
    """While it was closed nobody kept its bases: what differs now is decided as at a first link."""
    try:
        reopen(tx, found.id)
    except LinkedAlready as error:
        raise wrong(Ref(m.left.system, m.left.kind, found.left_id), f"{error}.", "Look again.") from error
    tx.links.save([replace(found, left={}, right={}, known=frozenset())], [rule.identity for rule in m.rules])
    wake_for(tx, m, [found], world.clock())


def _and_former(world: World, tx: Tx, ref: Ref) -> list[Ref]:
    """A record that a person named, and those that were merged into it. Raises ConfigError for one nobody knows."""
    if (ref.system, ref.kind) not in world.readers:
        raise wrong(ref, "no map reads this kind of record.", "Write it as SYSTEM:KIND:ID.")
    return [ref, *(Ref(ref.system, ref.kind, old) for old in seen(tx, ref, ref).record.was)]


def _not_yet(tx: Tx, m: FieldMap, refs: dict[Side, Ref], one: Ref, other: Ref) -> None:
    """These two are not linked with each other. Raises ConfigError."""
    left, right = refs[Side.LEFT].id, refs[Side.RIGHT].id
    link = tx.links.of(m.key, Side.LEFT, [left]).get(left)
    if link is not None and link.right_id == right:
        raise _linked(one, other)


def _linked(ref: Ref, twin: Ref) -> Exception:
    return wrong(ref, f"it is linked already, with {twin}.", f"`syncd explain {ref}` shows the link.")


def _never_parted(tx: Tx, m: FieldMap, refs: dict[Side, Ref], one: Ref, other: Ref) -> None:
    for side, ref in refs.items():
        before = tx.links.of(m.key, side, [ref.id], state="closed").get(ref.id)
        if before is not None and ref.id not in tx.links.of(m.key, side, [ref.id]):
            message = f"its link with {_across(m, side, before)} was closed: {before.reason}."
            raise wrong(ref, message, f"If these two are the same after all: `syncd relink {one} {other}`.")


def _pair(world: World, one: Ref, other: Ref, map_key: str | None) -> Pair:
    """The map of two records, and which is on which side. Raises ConfigError."""
    found: list[Pair] = []
    for m, side in world.readers.get((one.system, one.kind), ()):
        end = m.end(side.other)
        if (end.system, end.kind) == (other.system, other.kind) and map_key in (None, m.key):
            found.append((m, {side: one, side.other: other}))
    if not found:
        raise wrong(one, f"no map links it with {other}.", "Both are written as SYSTEM:KIND:ID; --map names a map.")
    return _only(one, found)


def _one(world: World, tx: Tx, ref: Ref, map_key: str | None, state: str) -> tuple[FieldMap, Side, Link]:
    """The one link of a record in a state. Raises ConfigError."""
    found = _links(world, tx, ref, map_key, state)
    if not found and state == "open":
        raise wrong(ref, "it is not linked.", f"`syncd explain {ref}` shows what is known of it.")
    if not found:
        for m, side, link in _links(world, tx, ref, map_key, "open"):
            raise _linked(ref, _across(m, side, link))
        raise wrong(ref, "it had no link.", f"Name its twin: `syncd link {ref} SYSTEM:KIND:ID`.")
    maps = {m.key for m, _, _ in found}
    if len(maps) > 1:
        raise _several(ref, sorted(maps))
    return found[0]


def _links(world: World, tx: Tx, ref: Ref, map_key: str | None, state: str) -> list[tuple[FieldMap, Side, Link]]:
    """The links of a record in a state, by map."""
    found: list[tuple[FieldMap, Side, Link]] = []
    for m, side in world.readers.get((ref.system, ref.kind), ()):
        link = tx.links.of(m.key, side, [ref.id], state=state).get(ref.id)
        if link is not None and map_key in (None, m.key):
            found.append((m, side, link))
    return found


def _only(ref: Ref, found: list[Pair]) -> Pair:
    if len(found) > 1:
        raise _several(ref, sorted(m.key for m, _ in found))
    return found[0]


def _several(ref: Ref, names: list[str]) -> Exception:
    return wrong(ref, f"several maps know it: {', '.join(names)}.", "Name one of them with --map.")


def _across(m: FieldMap, side: Side, link: Link) -> Ref:
    end = m.end(side.other)
    return Ref(end.system, end.kind, link.id_on(side.other))
