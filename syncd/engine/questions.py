"""What a person answers when syncd asks which record is which: the twin of a parked record, or that there is none.

What is not here: asking (`linking`, `settling`), and conflicts over values (`answers`).
"""

from __future__ import annotations

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Record, Ref, Side
from syncd.engine.absorb import LEAD_LANE
from syncd.engine.confirm import adopt, close_intent, settle_rules
from syncd.engine.late import may_have_made, sent
from syncd.engine.linking import wake_for
from syncd.engine.lookalikes import QUESTION
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store.journal import Intent
from syncd.store.links import LinkedAlready
from syncd.store.marks import PARKED
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

NONE = "none"


def answer(world: World, ref: Ref, twin: str, map_key: str | None = None) -> Ref | None:
    """Link a record that is parked with a question with its twin, or say that no record is its twin (`none`).

    `twin`: the id of the record on the other side, or that record as SYSTEM:KIND:ID. `map_key`: of which map, where
    several ask about the record. The twin's ref; None for none. The next run does the rest.
    Raises ConfigError where nothing asks about the record, or the twin cannot be it.
    """
    with world.store.begin() as tx:
        m, side = _asking(world, tx, ref, map_key)
        end = m.end(side.other)
        intent = open_create(tx, m, side, ref.id)
        if twin == NONE:
            _no_twin(world, tx, ref, intent)
            found = None
        else:
            found = Ref(end.system, end.kind, twin.removeprefix(f"{end.system}:{end.kind}:"))
            record = free(tx, m, side, ref, found)
            same(world, tx, m, side, ref, record, intent)
        tx.marks.add(m.key, side, [ref.id], world.clock(), lane=LEAD_LANE)
    return found


def _asking(world: World, tx: Tx, ref: Ref, map_key: str | None) -> tuple[FieldMap, Side]:
    """The map that asks about the record, and the record's side in it. Raises ConfigError."""
    found: list[tuple[FieldMap, Side]] = []
    for m, side in world.readers.get((ref.system, ref.kind), ()):
        mark = tx.marks.get(m.key, side, [ref.id]).get(ref.id)
        if mark is not None and (mark.state, mark.cause) == (PARKED, QUESTION) and map_key in (None, m.key):
            found.append((m, side))
    if not found:
        raise wrong(ref, "it is not parked with a question.", "`syncd parked` shows what is, and what is asked.")
    if len(found) > 1:
        names = ", ".join(m.key for m, _ in found)
        raise wrong(ref, f"several maps ask about it: {names}.", "Name one of them with --map.")
    return found[0]


def open_create(tx: Tx, m: FieldMap, side: Side, source_id: str) -> Intent | None:
    """The record's create that has no outcome, if there is one."""
    return next(iter(tx.journal.creating_for(m.key, side, [source_id])), None)


def _no_twin(world: World, tx: Tx, ref: Ref, intent: Intent | None) -> None:
    """The create did not land. Raises ConfigError where none was made: there is nothing that could be noted."""
    if intent is None:
        message = "that a record has no twin cannot be noted yet, and no write of its own is open."
        raise wrong(ref, message, "Give the id of its twin, or say who is not: `syncd link --not`.")
    close_intent(world, tx, intent.id, "not landed")


def free(tx: Tx, m: FieldMap, side: Side, ref: Ref, twin: Ref) -> Record:
    """The twin's record, if the two may be linked. Raises ConfigError."""
    snapshot = there(tx, ref, twin)
    for at, one in ((side, ref), (side.other, twin)):
        link = tx.links.of(m.key, at, [one.id]).get(one.id)
        if link is not None:
            across = f"{m.end(at.other).system}:{m.end(at.other).kind}:{link.id_on(at.other)}"
            raise wrong(ref, f"{one} is linked already, with {across}.", f"`syncd explain {one}` shows the link.")
    own = open_create(tx, m, side.other, twin.id)
    if own is not None:
        message = f"{twin} waits for the outcome of write {own.id}, which made a twin of its own."
        raise wrong(ref, message, f"First settle that: `syncd explain {twin}`.")
    return snapshot.record


def seen(tx: Tx, ref: Ref, named: Ref) -> Snapshot:
    """A record that a person named, as it was read last. Raises ConfigError, about `ref`, for one that never was."""
    snapshot = tx.snapshots.get(named.system, named.kind, [named.id]).get(named.id)
    if snapshot is None:
        raise wrong(ref, f"syncd has never seen {named}.", "Look for a slip; a new record is known once it was read.")
    return snapshot


def there(tx: Tx, ref: Ref, named: Ref) -> Snapshot:
    """The same, of one that is not gone."""
    snapshot = seen(tx, ref, named)
    if snapshot.gone is not None:
        raise wrong(ref, f"{named} is gone.", "Bring it back, or give another record.")
    return snapshot


def same(world: World, tx: Tx, m: FieldMap, side: Side, ref: Ref, record: Record, intent: Intent | None) -> None:
    """Link the two. What our own create made has its values as base; another record is a first link, as ever."""
    if intent is not None and may_have_made(intent, record):
        link = adopt(world, tx, m, intent.side, {ref.id: record}).get(ref.id)
        if link is None:
            raise wrong(ref, f"{record.ref} was linked meanwhile.", "Look again.")
        settle_rules(tx, m, {link.id: sent(intent)})
        close_intent(world, tx, intent.id, "landed", record.ref.id)
        return
    left, right = (ref.id, record.ref.id) if side is Side.LEFT else (record.ref.id, ref.id)
    try:
        link = tx.links.make(m.key, left, right, world.clock())
    except LinkedAlready as error:
        raise wrong(ref, f"{error}.", "Look again.") from error
    wake_for(tx, m, [link], world.clock())
    if intent is not None:
        close_intent(world, tx, intent.id, "not landed")


def wrong(ref: Ref, message: str, remedy: str) -> ConfigError:
    """What is wrong with a record that a person named."""
    return ConfigError(Problem(str(ref), message, remedy))
