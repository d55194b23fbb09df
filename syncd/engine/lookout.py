"""The lookout: now and then some records that ought to be there are asked for. A system that hides them pauses.

Lost permissions, lists that answer with nothing, and fields that went away all look like ordinary quiet otherwise.
What is not here: one record that does not answer (`leaving`), and one field that does not (rule 10, `core.plan`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Gone, Record, Side
from syncd.engine.world import World
from syncd.errors import AuthError
from syncd.kit.connector import Seen
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SAMPLE = 10
"""Linked records that are asked for at once; others each time."""

FEW, MANY = 2, 5
"""Fewer records or fields than FEW say nothing of all the others; fewer than MANY that are hidden may be deleted."""

CAUSES = ("unseen", "drift")
"""What is parked because a system showed too little goes on by itself when it shows everything again."""


def look(world: World, system: str, kind: str) -> None:
    """Ask for a sample, once per `pace.look_every`; at every tick as long as something is wrong.

    When a kind was read for the first time, all of it was just seen: the first look comes after that time.

    Raises AuthError with what is not to be seen (the system pauses, and nothing is written), and Transient.
    """
    now, name, place = world.clock().timestamp(), f"looked:{system}:{kind}", f"sample:{system}:{kind}"
    with world.store.read() as tx:
        last = tx.runs.fact(name)
        if not tx.feeds.get(system, kind).backfilled:
            return
        if last is not None and last["wrong"] is None and now - last["at"] < world.pace.look_every.total_seconds():
            return
        sample, after = _sample(world, tx, system, kind, int(tx.runs.fact(place) or 0)) if last else ({}, 0)
    wrong = _wrong(world, system, kind, sample) if len(sample) >= FEW else None
    with world.store.begin() as tx:
        tx.runs.set_fact(name, {"at": now, "wrong": wrong})
        if wrong is None:
            tx.runs.set_fact(place, after)
        if wrong is None and last is not None and last["wrong"] is not None:
            for m, _ in world.readers[system, kind]:
                tx.marks.retry(m.key, world.clock(), causes=CAUSES)
    if wrong is not None:
        error = AuthError(f"{system} {wrong}; nothing is written until that is mended")
        error.system = system
        raise error


def look_soon(tx: Tx, system: str, kind: str) -> None:
    """Something is not to be seen: look at the next tick whether that is so for others."""
    name = f"looked:{system}:{kind}"
    tx.runs.set_fact(name, {**(tx.runs.fact(name) or {"wrong": None}), "at": 0.0})


def _sample(world: World, tx: Tx, system: str, kind: str, after: int) -> tuple[dict[str, Snapshot], int]:
    """The next linked records of a kind that are there as far as is known, and where the sample after this begins."""
    for m, side in world.readers[system, kind]:
        links = tx.links.all(m.key, after=after, limit=SAMPLE)
        if len(links) < SAMPLE and after:
            links += tx.links.all(m.key, limit=SAMPLE - len(links))
        known = tx.snapshots.get(system, kind, [link.id_on(side) for link in links])
        living = {id_: snapshot for id_, snapshot in known.items() if snapshot.gone is None}
        if living:
            return living, links[-1].id
    return {}, 0


def _wrong(world: World, system: str, kind: str, sample: Mapping[str, Snapshot]) -> str | None:
    """What is wrong with how a system shows a kind, in plain words; None: nothing."""
    connector, fields = world.connectors[system], world.fields(system, kind)
    found = connector.read(kind, list(sample), fields)
    hidden = [one for one in found.values() if isinstance(one, Gone) and not one.tombstone and not one.became]
    records = [one for id_, one in found.items() if isinstance(one, Record) and id_ in sample]
    if len(hidden) >= MANY and 2 * len(hidden) > len(sample):
        several = f"{len(hidden)} of {len(sample)} {kind}"
        return f"does not show {several} that were there: it looks like a missing permission"
    lost = _lost_fields(world.readers[system, kind], sample, records)
    if lost:
        return f"tells none of its custom fields of {kind} any more ({', '.join(lost)})"
    if records and not _lists(world, system, kind, fields):
        return f"answers the list of {kind} with nothing, although there are some: it looks like a missing permission"
    return None


def _lost_fields(
    readers: Sequence[tuple[FieldMap, Side]], sample: Mapping[str, Snapshot], records: Sequence[Record]
) -> list[str]:
    """The custom fields that were known of some of these and are told of none, if these are all and several."""
    types = [rule.type(side) for m, side in readers for rule in m.rules]
    known = {name for one in records for name in sample[one.ref.id].kept}
    custom = sorted({type_.name for type_ in types if type_ is not None and type_.custom} & known)
    told = {name for one in records for name in one.fields}
    return custom if len(custom) >= FEW and not told & set(custom) else []


def _lists(world: World, system: str, kind: str, fields: Sequence[str]) -> bool:
    """Whether a reading from the beginning shows anything at all. Nothing of it is stored."""

    def unknown(_ids: Sequence[str]) -> Mapping[str, Seen]:
        return {}

    pages = world.connectors[system].changes(kind, None, fields, unknown)
    return any(page.records for page in pages)
