"""Records by what a person types or pastes: a reference, a vendor's link, an id, an e-mail, a phone, a name.

Nothing but keys that are indexed is looked at, so a search reads what it finds and no more; what a record is found by
is what its map compares it by. What is not here: the page (`pages.records`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Record, Ref, Side, Value
from syncd.core.traits import Aspect, Yardstick
from syncd.engine.namesakes import found_by, unique_names
from syncd.engine.world import World
from syncd.store.finding import carriers, saying
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

LONGEST = 500
"""Letters that are looked at."""

LONGEST_ID = 64
AT_A_TIME = 20_000
"""Records that are looked through for one page."""

LOOKED_AT = 500
"""Records of a side of a map that are looked at closely."""

SHOWN = 50
_PARTS = re.compile(r"[\w-]{1,64}")
_ROUGH, _ALIKE = "\x17", "\x17name "


@dataclass(slots=True)
class Found:
    """Refs, the best first. `alike`: those that only sound like it; `cut`: there may be more."""

    shots: dict[Ref, Snapshot] = field(default_factory=dict)
    alike: set[Ref] = field(default_factory=set)
    cut: bool = False


def find(world: World, tx: Tx, typed: str) -> Found:
    """Whoever this may be."""
    text = typed.strip()[:LONGEST]
    found = Found()
    if not text:
        return found
    exact = [*_written(world, text), *_by_address(world, text)]
    _take(tx, found, exact or _by_id(world, text))
    if not exact:
        _by_keys(world, tx, text, found)
    if len(found.shots) > SHOWN:
        found.shots, found.cut = dict(list(found.shots.items())[:SHOWN]), True
    return found


@dataclass(frozen=True, slots=True)
class Through:
    """Whom a part of all records holds. `looked`: how many were looked at; `place`: where the next part begins."""

    found: Found
    looked: int
    place: str | None


def look_through(world: World, tx: Tx, typed: str, place: str) -> Through:
    """Whoever says every word somewhere, among the next records from a place on; "" is the beginning."""
    words, found = typed[:LONGEST].casefold().split(), Found()
    number, _, after = place.partition(":")
    kinds, looked = list(world.readers), 0
    at = int(number) if number.isdecimal() and len(number) < 4 else 0
    while words and at < len(kinds):
        system, kind = kinds[at]
        ids, last, count = saying(tx, system, kind, words, after=after[:LONGEST_ID], among=AT_A_TIME - looked)
        looked += count
        for id_ in ids[:LOOKED_AT]:
            if len(found.shots) >= SHOWN:
                return Through(found, looked, f"{at}:{after}")
            shot, after = tx.snapshots.get(system, kind, [id_])[id_], id_
            if _says(shot, typed):
                found.shots[shot.record.ref] = shot
        if len(ids) > LOOKED_AT:
            return Through(found, looked, f"{at}:{after}")
        if last is not None:
            return Through(found, looked, f"{at}:{last}")
        at, after = at + 1, ""
    return Through(found, looked, None)


def _written(world: World, text: str) -> Iterator[Ref]:
    """A reference as the command line writes it."""
    system, _, rest = text.partition(":")
    kind, _, id_ = rest.partition(":")
    if (system, kind) in world.readers and 0 < len(id_) <= LONGEST_ID:
        yield Ref(system, kind, id_)


def _by_address(world: World, text: str) -> Iterator[Ref]:
    """The record whose page this is, as its connector writes the address, whatever a browser adds behind it."""
    if "/" not in text:
        return
    parts = dict.fromkeys(_PARTS.findall(text))
    for system, kind in world.readers:
        for part in parts:
            address = world.connectors[system].url(kind, part)
            if address is not None and (text == address or text.startswith(tuple(address + end for end in "/?#"))):
                yield Ref(system, kind, part)


def _by_id(world: World, text: str) -> Iterator[Ref]:
    """Every record that has what was typed for an id, or a part of the address that was pasted."""
    parts = dict.fromkeys(_PARTS.findall(text)) if "/" in text else [text] if len(text) <= LONGEST_ID else []
    for system, kind in world.readers:
        for part in parts:
            yield Ref(system, kind, part)


def _take(tx: Tx, found: Found, refs: Iterable[Ref]) -> None:
    """Those that are known, by what they are called now."""
    for ref in refs:
        now = tx.aliases.resolve(ref.system, ref.kind, [ref.id])[ref.id]
        shot = tx.snapshots.get(ref.system, ref.kind, [now]).get(now)
        if shot is not None:
            found.shots[shot.record.ref] = shot


def _by_keys(world: World, tx: Tx, text: str, found: Found) -> None:
    ranked: list[tuple[int, str, Ref, Snapshot]] = []
    for m, side in (reader for readers in world.readers.values() for reader in readers):
        certain, alike = _texts(world, m, side, text)
        ids = carriers(tx, m.key, side, certain, most=LOOKED_AT)
        near = carriers(tx, m.key, side, alike, most=LOOKED_AT)
        found.cut |= max(len(ids), len(near)) >= LOOKED_AT
        for ref, shot in _shots(tx, m, side, [*ids, *near]).items():
            rank = 0 if ref.id in ids else 1 if _says(shot, text) else 2
            ranked.append((rank, called(world, shot), ref, shot))
    for rank, _, ref, shot in sorted(ranked, key=lambda one: (one[0], one[3].gone is not None, one[1], one[2])):
        if ref not in found.shots:
            found.shots[ref] = shot
            if rank > 1:
                found.alike.add(ref)


def _shots(tx: Tx, m: FieldMap, side: Side, ids: Sequence[str]) -> Mapping[Ref, Snapshot]:
    end = m.end(side)
    return {shot.record.ref: shot for shot in tx.snapshots.get(end.system, end.kind, ids).values()}


def _says(shot: Snapshot, text: str) -> bool:
    """Whether every word stands in the record, whatever its case."""
    held = " ".join(str(value) for value in shot.record.fields.values() if value is not None).casefold()
    return all(word in held for word in text.casefold().split())


def _texts(world: World, m: FieldMap, side: Side, text: str) -> tuple[list[str], list[str]]:
    """The keys of a record that held what was typed in one of its fields; and those of one that sounds like it."""
    certain: dict[str, None] = {}
    alike: dict[str, None] = {}
    for fields in _guesses(world, m, side, text):
        for key in found_by(world, m, side, _imagined(m, side, fields)):
            if key.startswith(_ALIKE):
                alike[key] = None
            elif not key.startswith(_ROUGH):
                certain[key] = None
    return list(certain), list(alike)


def _guesses(world: World, m: FieldMap, side: Side, text: str) -> Iterator[Mapping[str, Value]]:
    """What a record could hold: the text in any one field, or a name divided over two."""
    for name in keyed_fields(world, m, side):
        yield {name: text}
    words = text.replace(",", " ").split()
    for cut in range(1, min(len(words), 6)):
        parts = " ".join(words[:cut]), " ".join(words[cut:])
        for names in permutations(name_fields(m, side), 2):
            yield dict(zip(names, parts, strict=True))


def _imagined(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> Snapshot:
    return Snapshot(Record(ref=m.end(side).ref(""), fields=fields), fields)


def keyed_fields(world: World, m: FieldMap, side: Side) -> list[str]:
    """The fields of a side that its records are compared by."""
    rules = [rule for several in Yardstick.of(m).rules.values() for rule in several]
    names = [name for rule in rules if (name := rule.field(side)) is not None]
    return list(dict.fromkeys([*names, *unique_names(world, m, side)]))


def name_fields(m: FieldMap, side: Side) -> list[str]:
    """The fields of a side that hold a person's name."""
    rules = Yardstick.of(m).rules[Aspect.NAME]
    return list(dict.fromkeys(name for rule in rules if (name := rule.field(side)) is not None))


def called(world: World, shot: Snapshot) -> str:
    """What people call a record: its name, or what else it is known by; its id if it tells nothing of the kind."""
    ref, held = shot.record.ref, shot.kept
    for m, side in world.readers.get((ref.system, ref.kind), ()):
        whole = " ".join(str(held[name]) for name in name_fields(m, side) if held.get(name))
        if whole:
            return whole
        for name in [*_titles(world, m, side), *keyed_fields(world, m, side)]:
            if held.get(name):
                return str(held[name])
    return ref.id


def _titles(world: World, m: FieldMap, side: Side) -> list[str]:
    """The fields of a side that people call a record by, or that become what they call its twin by."""
    theirs = unique_names(world, m, side.other)
    across = [name for rule in m.rules if rule.field(side.other) in theirs and (name := rule.field(side)) is not None]
    return list(dict.fromkeys([*unique_names(world, m, side), *across]))


def ways(world: World) -> list[tuple[str, str, list[str]]]:
    """System, kind, and by what its records are found beside id and link: told by trying, so that it is so."""
    found: dict[tuple[str, str], dict[str, None]] = {}
    for (system, kind), readers in world.readers.items():
        told = found.setdefault((system, kind), {})
        for m, side in readers:
            told |= dict.fromkeys(_ways(world, m, side))
    return [(*of, list(told)) for of, told in found.items()]


def _ways(world: World, m: FieldMap, side: Side) -> Iterator[str]:
    by_aspect = Yardstick.of(m).rules
    samples = {Aspect.EMAIL: "ada@example.com", Aspect.PHONE: "(312) 555-0143"}
    for aspect, sample in samples.items():
        fields = [name for rule in by_aspect[aspect] if (name := rule.field(side)) is not None]
        if any(_texts_of(world, m, side, {name: sample}) for name in fields):
            yield str(aspect)
    if len(name_fields(m, side)) > 1 and any(_texts(world, m, side, "Ada Lovelace")):
        yield "first and last name together"
    known = {name for each in (Aspect.EMAIL, Aspect.PHONE) for rule in by_aspect[each] if (name := rule.field(side))}
    for name in keyed_fields(world, m, side):
        if name not in known and _texts_of(world, m, side, {name: "Ada Lovelace"}):
            yield f"the whole {name}"


def _texts_of(world: World, m: FieldMap, side: Side, fields: Mapping[str, Value]) -> list[str]:
    return [key for key in found_by(world, m, side, _imagined(m, side, fields)) if not key.startswith(_ROUGH)]
