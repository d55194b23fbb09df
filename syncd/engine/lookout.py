"""The lookout: now and then some records that ought to be there are asked for. A system that hides them pauses.

Lost permissions, lists that answer with nothing, and fields that went away all look like ordinary quiet otherwise.
What is not here: one record that does not answer (`leaving`), and one field that does not (rule 10, `core.plan`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from syncd.core.model import Gone, Record
from syncd.engine.item import DRIFT, SLOW_LANE, UNSEEN, UNTOLD, VANISHED
from syncd.engine.reading import legible
from syncd.engine.world import Pair, World
from syncd.errors import AuthError, ConfigError, Problem
from syncd.kit.connector import Seen
from syncd.store.marks import DELETED
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SAMPLE, MORE = 10, 40
"""Linked records that are asked for at once, others each time; and so many more before it is a matter of all."""

FEW, MANY = 2, 5
"""Fewer records or fields than FEW say nothing of all the others; fewer than MANY that are hidden may be deleted."""

LOOKS = "it looks like a missing permission"

SHARE = 3
"""Where one in so many is hidden it is no coincidence."""

BELIEVED = timedelta(days=1)
"""How long a person's word holds that what does not answer was deleted."""

SOONER, SILENT = 20, 1000
"""A look that is called comes after this part of the usual time at the earliest; and so many silent ones are noted."""

ONCE = (UNSEEN, DRIFT)
"""What was parked because one thing did not come is tried again once after a look that missed nothing."""

CAUSES = (*ONCE, VANISHED, UNTOLD)
"""What is parked because a system showed too little goes on by itself when it shows everything again."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong with how a system shows a kind. `hidden`: records are, which may have been deleted for good."""

    words: str
    hidden: bool = False


def look(world: World, system: str, kind: str) -> None:
    """Ask for a sample, once per `pace.look_every`, sooner if called; at every tick as long as something is wrong.

    When a kind was read for the first time, all of it was just seen: the first look comes after that time. While it is
    read only something that is wrong already is looked at.

    Raises AuthError with what is not to be seen (the system pauses, and nothing is written), and Transient.
    """
    now, name, place = world.clock().timestamp(), f"looked:{system}:{kind}", f"sample:{system}:{kind}"
    with world.store.read() as tx:
        known = tx.runs.known([name, f"called:{system}:{kind}"])
        last, called = known.get(name), known.get(f"called:{system}:{kind}")
        left_out = _narrowed(tx, world, system, kind)
        fine = not left_out and (last is None or last["wrong"] is None)
        if fine and not (tx.feeds.get(system, kind).backfilled and _due(world, last, called, now)):
            return
        first = last is None and called is None
        sample, after = ({}, 0) if first else _sample(world, tx, system, kind, int(tx.runs.fact(place) or 0))
        told = are_deleted(tx, world, system, kind)
    if left_out:
        wrong: Wrong | None = Wrong(_untold(kind, left_out))
    else:
        wrong = _wrong(world, system, kind, sample, after, told) if len(sample) >= FEW else None
    with world.store.begin() as tx:
        words, hidden = (wrong.words, wrong.hidden) if wrong is not None else (None, False)
        tx.runs.set_fact(name, {"at": now, "wrong": words, "hidden": hidden})
        if wrong is None:
            tx.runs.set_fact(place, after)
        if wrong is None and (called is not None or not fine):
            _go_on(tx, world, system, kind, called, ONCE if fine else CAUSES)
    if wrong is not None:
        raise _pause(system, kind, wrong)


def _due(world: World, last: Any, called: Any, now: float) -> bool:
    every = world.pace.look_every / (SOONER if called is not None else 1)
    return last is None or now - float(last["at"]) >= every.total_seconds()


def _go_on(tx: Tx, world: World, system: str, kind: str, called: Any, causes: Sequence[str]) -> None:
    """What was parked meanwhile is due again. Those whose silence spoke against it are looked at before it is."""
    now, silent = world.clock(), called["silent"] if called is not None else ()
    for m, side in world.readers[system, kind]:
        tx.marks.add(m.key, side, silent, now, lane=SLOW_LANE, reread=True)
        tx.marks.retry(m.key, now + world.pace.retry_first if silent else now, causes=causes)
    if tx.runs.fact(f"called:{system}:{kind}") == called:  # else it was called again while it looked
        tx.runs.set_fact(f"called:{system}:{kind}", None)


class Hidden(AuthError):
    """A system hides things. Remedy: as for every AuthError; the feed of the kind tells of it, and looks again."""


def _pause(system: str, kind: str, wrong: Wrong) -> Hidden:
    words = f"{system} {wrong.words}; nothing is written until that is mended"
    if wrong.hidden:
        words += f", or you say that they were deleted: syncd answer {system}:{kind} deleted"
    return Hidden(words, system=system)


def believe(world: World, feed: str) -> int:
    """A person says that what does not answer of SYSTEM:KIND was deleted: it counts as gone, within a day.

    All linked are looked at; how many those are. The word is for these, and ends with their marks. Raises ConfigError
    where the system does not pause because of that.
    """
    system, _, kind = feed.partition(":")
    if (system, kind) not in world.readers:
        known = ", ".join(":".join(key) for key in world.readers)
        raise ConfigError(Problem(feed, "is no kind that a map reads.", f"Known: {known}."))
    name, now, count = f"looked:{system}:{kind}", world.clock(), 0
    with world.store.begin() as tx:
        last = tx.runs.fact(name)
        if last is None or not last.get("hidden"):
            message = "does not pause because of records that are hidden."
            raise ConfigError(Problem(feed, message, "`syncd status` says what each system waits for."))
        tx.runs.set_fact(f"deleted:{system}:{kind}", (now + BELIEVED).timestamp())
    for m, side in world.readers[system, kind]:
        after = 0
        while True:
            with world.store.begin() as tx:
                links = tx.links.all(m.key, after=after)
                tx.marks.add(m.key, side, [link.id_on(side) for link in links], now, lane=SLOW_LANE, reread=True,
                             cause=DELETED)  # fmt: skip
            if not links:
                break
            count, after = count + len(links), links[-1].id
    return count


def are_deleted(tx: Tx, world: World, system: str, kind: str) -> bool:
    """Whether a person said so, not longer than a day ago, and what was linked then is still being looked at."""
    until = tx.runs.fact(f"deleted:{system}:{kind}")
    if until is None or world.clock().timestamp() >= float(until):
        return False
    return any(tx.marks.any_of(m.key, side, DELETED) for m, side in world.readers[system, kind])


def look_soon(tx: Tx, world: World, system: str, kind: str, silent: Sequence[str] = ()) -> None:
    """Something is not to be seen: look soon whether that is so for others. `silent`: those that do not answer.

    They are believed gone only after such a look; else what is left to be asked for would be what answers.
    """
    name = f"called:{system}:{kind}"
    before = tx.runs.fact(name)
    ids = dict.fromkeys([*(before["silent"] if before is not None else ()), *silent])
    tx.runs.set_fact(name, {"at": world.clock().timestamp(), "silent": list(ids)[:SILENT]})


def note_custom(tx: Tx, world: World, keys: Iterable[tuple[str, str]]) -> None:
    """Remember which custom fields the maps have of these (system, kind), none of which is `narrowed`.

    Where optional rules are left out because a system describes none of their fields, the maps look as if they had
    never had any, and what people edit in them meanwhile would be nobody's business.
    """
    for system, kind in keys:
        name, now = f"custom:{system}:{kind}", sorted(_custom(world, system, kind))
        if tx.runs.fact(name) != now:
            tx.runs.set_fact(name, now)


def must_be_whole(tx: Tx, world: World, pair: Pair) -> None:
    """Raises Hidden while a system of this pair hides things, or its maps lost all custom fields of one.

    Whoever works asks before every batch, in whatever process: one kind may look well before the other is looked at,
    and a run may be under way when it is found. Costs a few facts.
    """
    for trouble in _troubles(tx, world, pair.kinds):
        raise _pause(*trouble)


def hides(tx: Tx, world: World, system: str) -> bool:
    """Whether a system hides anything of any kind, as far as is known."""
    return any(True for _ in _troubles(tx, world, [key for key in world.readers if key[0] == system]))


def _troubles(tx: Tx, world: World, keys: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str, Wrong]]:
    """System, kind, and what is hidden of it, for each of these of which anything is."""
    names = {f"looked:{system}:{kind}": (system, kind) for system, kind in keys}
    known = tx.runs.known(list(names))
    for name, (system, kind) in names.items():
        if left_out := _narrowed(tx, world, system, kind):
            yield system, kind, Wrong(_untold(kind, left_out))
        elif (looked := known.get(name)) is not None and looked["wrong"] is not None:
            yield system, kind, Wrong(looked["wrong"], bool(looked.get("hidden")))


def narrowed(tx: Tx, world: World, keys: Iterable[tuple[str, str]] | None = None) -> list[tuple[str, str]]:
    """The (system, kind), of these or of all, whose maps have lost all custom fields."""
    return [key for key in (keys if keys is not None else world.readers) if _narrowed(tx, world, *key)]


def look_everywhere(world: World, keys: Iterable[tuple[str, str]]) -> None:
    """Have these looked at soon."""
    with world.store.begin() as tx:
        for system, kind in keys:
            look_soon(tx, world, system, kind)


def waits_for_another(world: World, system: str, kind: str) -> bool:
    """Whether a map that reads this kind has lost all custom fields of its other side.

    Read with what is left of the map, changes of fields that it will have again would be passed over for good.
    """
    readers = world.readers[system, kind]
    if not any(m.left_out for m, _ in readers):
        return False
    others = {(m.end(at.other).system, m.end(at.other).kind) for m, at in readers}
    with world.store.read() as tx:
        return bool(narrowed(tx, world, others))


def _custom(world: World, system: str, kind: str) -> frozenset[str]:
    """The custom fields that the maps name; what holds our key is one."""
    several = world.readers[system, kind]
    keys = {key for m, side in several if (key := m.end(side).sync_key) is not None}
    return frozenset(name for m, side in several for name in m.custom(side)) | keys


def _narrowed(tx: Tx, world: World, system: str, kind: str) -> list[str]:
    """The custom fields that the maps still name and the system describes no more, if these are all and several."""
    left_out = {name for m, side in world.readers[system, kind] for at, name in m.left_out if at is side}
    before = set(tx.runs.fact(f"custom:{system}:{kind}") or ()) if left_out else set()
    lost = sorted(before & left_out)
    return lost if len(lost) >= FEW and not before & _custom(world, system, kind) else []


def _untold(kind: str, names: Sequence[str]) -> str:
    return f"tells none of its custom fields of {kind} any more ({', '.join(names)})"


def _sample(
    world: World, tx: Tx, system: str, kind: str, after: int, limit: int = SAMPLE
) -> tuple[dict[str, Snapshot], int]:
    """The next linked records of a kind that are there as far as is known, and where the sample after this begins."""
    for m, side in world.readers[system, kind]:
        links = tx.links.all(m.key, after=after, limit=limit)
        if len(links) < limit and after:
            links += tx.links.all(m.key, limit=limit - len(links))
        known = tx.snapshots.get(system, kind, [link.id_on(side) for link in links])
        living = {id_: snapshot for id_, snapshot in known.items() if snapshot.gone is None}
        if living:
            return living, links[-1].id
    return {}, 0


def _wrong(
    world: World, system: str, kind: str, sample: Mapping[str, Snapshot], after: int, told: bool
) -> Wrong | None:
    """What is wrong with how a system shows a kind; None: nothing.

    `told`: a person said that what does not answer was deleted.
    """
    found = legible(world, system, kind, list(sample))
    if len(_hidden(found)) >= FEW:
        with world.store.read() as tx:
            more, _ = _sample(world, tx, system, kind, after, MORE)
        sample = {**sample, **more}
        found = {**found, **legible(world, system, kind, [one for one in more if one not in found])}
    hidden = _hidden(found)
    records = [one for id_, one in found.items() if isinstance(one, Record) and id_ in sample]
    if len(hidden) >= MANY and SHARE * len(hidden) >= len(sample) and not told:
        several = f"{len(hidden)} of {len(sample)} {kind}"
        return Wrong(f"does not show {several} that were there: {LOOKS}", hidden=True)
    lost = _lost_fields(_custom(world, system, kind), sample, records)
    if lost:
        return Wrong(_untold(kind, lost))
    if records and not _lists(world, system, kind):
        return Wrong(f"answers the list of {kind} with nothing, although there are some: {LOOKS}")
    return None


def _hidden(found: Mapping[str, Record | Gone]) -> list[Gone]:
    """What does not answer, and is not called deleted or merged."""
    return [one for one in found.values() if isinstance(one, Gone) and not one.tombstone and not one.became]


def _lost_fields(names: frozenset[str], sample: Mapping[str, Snapshot], records: Sequence[Record]) -> list[str]:
    """The custom fields that were known of some of these and are told of none, if these are all and several."""
    known = {name for one in records for name in sample[one.ref.id].kept}
    custom = sorted(names & known)
    told = {name for one in records for name in one.fields}
    return custom if len(custom) >= FEW and not told & set(custom) else []


def _lists(world: World, system: str, kind: str) -> bool:
    """Whether a reading from the beginning shows anything at all. Nothing of it is stored."""

    def unknown(_ids: Sequence[str]) -> Mapping[str, Seen]:
        return {}

    pages = world.connectors[system].changes(kind, None, world.fields(system, kind), unknown)
    return any(page.records for page in pages)
