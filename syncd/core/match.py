"""Whose is it? Match keys, our own sync key, and the verdict over records that a look-up found. Pure.

What is not here: the look-ups themselves (`engine`, connectors) and the index of keys (`store`).
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from syncd.core.fieldmap import FieldMap, Match, Part, Unconvertible
from syncd.core.model import MatchKey, Record, Ref, Side, SyncKey, Value
from syncd.core.plural import counted
from syncd.core.score import Band, Score, score
from syncd.core.traits import Aspect, Traits, Yardstick, aspect, common

SYNC_KEY = "sync_key"
"""The part of a match key that means our own key."""

MOST_COMBINATIONS = 32
"""A record with many phones and names makes no more keys than this per match."""


@dataclass(frozen=True, slots=True)
class Key:
    """One comparable form of a record under one match key. `certain`: equality links; else a person is asked.

    `own`: as they are indexed, the key itself or the phones and e-mails in it: what many carry makes no key certain.
    """

    match: str
    certain: bool
    text: str
    own: tuple[str, ...] = field(default=(), compare=False)

    @property
    def indexed(self) -> str:
        """The key as it is indexed."""
        return f"{self.match}\x1e{self.text}"


def sync_key_of(ref: Ref) -> str:
    """What the twin of this record carries in its sync-key field."""
    return str(ref)


def carried_key(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> str | None:
    """The sync key a record carries, if the map has one on this side."""
    name = m.end(side).sync_key
    value = fields.get(name) if name else None
    return value if isinstance(value, str) and value else None


def by_key(key: str) -> str:
    """The text by which a record that carries this sync key is found."""
    return f"\x1dkey\x1e{key}"


def keys(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> tuple[Key, ...]:
    """Every match key of a record, comparable with those of the other side."""
    found: dict[tuple[str, str], Key] = {}
    told: dict[str, list[str]] = {}
    for certain, matches in ((True, m.link), (False, m.ask)):
        for match in matches:
            for values in _combinations(match, side, fields, told):
                text = "\x1f".join(values)
                found.setdefault((match.name, text), Key(match.name, certain, text, _own(match, values)))
    return tuple(found.values())


def _combinations(
    match: Match, side: Side, fields: Mapping[str, Value], told: dict[str, list[str]]
) -> list[tuple[str, ...]]:
    """`told`: what a part of the same name gave before; taking a value apart is what costs."""
    if any(part.name == SYNC_KEY for part in match.parts):
        return []
    for part in match.parts:
        if part.name not in told:
            told[part.name] = _values(part, side, fields)
    choices = [told[part.name] for part in match.parts]
    return list(itertools.islice(itertools.product(*choices), MOST_COMBINATIONS))


def _own(match: Match, values: tuple[str, ...]) -> tuple[str, ...]:
    """What of a key must be somebody's own: of several parts the phones and e-mails, of one part the whole."""
    if len(match.parts) == 1:
        return (f"{match.name}\x1e{values[0]}", common(values[0]))
    told = zip(match.parts, values, strict=True)
    return tuple(common(value) for part, value in told if any(aspect(rule) in _PERSONAL for rule in part.rules))


_PERSONAL = (Aspect.PHONE, Aspect.EMAIL)


def _values(part: Part, side: Side, fields: Mapping[str, Value]) -> list[str]:
    texts = (rule.convert.key(fields.get(name), side) for rule in part.rules if (name := rule.field(side)) is not None)
    return sorted({text for text in texts if text})


def indexed(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> list[str]:
    """Every text by which a record is found, or by which it is counted how many carry a value."""
    was = [came_of(id_) for id_ in formers(m, side, fields)]
    found = keys(m, side, fields)
    counted = [text for key in found if key.certain and key.own[:1] != (key.indexed,) for text in key.own]
    blocks = Yardstick.of(m).traits(side, fields).blocks() if m.score is not None else []
    carried = carried_key(m, side, fields)
    ours = [by_key(carried)] if carried is not None else []
    return list(dict.fromkeys([*(key.indexed for key in found), *counted, *blocks, *was, *ours]))


def formers(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> tuple[str, ...]:
    """The ids that a record had in the map that this one continues: a relation holds them, or a text that is one."""
    if m.continues is None or m.continues.side is not side:
        return ()
    value = fields.get(m.continues.field)
    return tuple(str(one) for one in (value if isinstance(value, tuple) else (value,)) if one not in (None, ""))


def came_of(id: str) -> str:
    """The text by which a record is found that was this one, in the map that its own continues."""
    return f"\x1bwas\x1e{id}"


class Eye:
    """A map's look at records, which remembers what it saw: each record is taken apart once.

    For as long as the records it is shown stay as they are; nothing else of it moves.
    """

    def __init__(self, m: FieldMap) -> None:
        """Look by this map."""
        self.map = m
        self.stick = Yardstick.of(m)
        self._keys: dict[Ref, tuple[Key, ...]] = {}
        self._traits: dict[Ref, Traits] = {}

    def keys(self, side: Side, record: Record) -> tuple[Key, ...]:
        """The record's match keys."""
        if record.ref not in self._keys:
            self._keys[record.ref] = keys(self.map, side, record.fields)
        return self._keys[record.ref]

    def traits(self, side: Side, record: Record) -> Traits:
        """What the record says of a person."""
        if record.ref not in self._traits:
            self._traits[record.ref] = self.stick.traits(side, record.fields)
        return self._traits[record.ref]

    def blocks(self, side: Side, record: Record) -> list[str]:
        """Rough keys, if the map compares records that no match key joins."""
        return self.traits(side, record).blocks() if self.map.score is not None else []

    def score(self, side: Side, one: Record, other: Record, shared: Container[str] = frozenset()) -> Score:
        """How alike a record of `side` and one of the other side are."""
        return score(self.stick, self.traits(side, one), self.traits(side.other, other), shared)


def lookups(m: FieldMap, to: Side, source: Record) -> list[SyncKey | MatchKey]:
    """The questions to ask the vendor on side `to` before a record is created there for `source`."""
    asked: list[SyncKey | MatchKey] = []
    if name := m.end(to).sync_key:
        asked.append(SyncKey(name, sync_key_of(source.ref)))
    for match in (*m.link, *m.ask):
        terms = tuple(_term(part, to, source.fields) for part in match.parts if part.name != SYNC_KEY)
        if terms and all(names and values for names, values in terms):
            asked.append(MatchKey(match.name, terms))
    return asked


def _term(part: Part, to: Side, fields: Mapping[str, Value]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: dict[str, None] = {}
    values: dict[str, None] = {}
    for rule in part.rules:
        target, source = rule.field(to), rule.field(to.other)
        if target is not None:
            names[target] = None
        value = fields.get(source) if source is not None else None
        if value is None:
            continue
        try:
            carried = rule.convert.convert(value, to)
        except Unconvertible:
            continue
        if carried is not None:
            values[str(carried)] = None
    return tuple(names), tuple(values)


class Whose(StrEnum):
    """The answer: OURS carries our key, STRANGER is a twin by match keys, QUESTION needs a person, NOBODY is new."""

    OURS = "ours"
    STRANGER = "stranger"
    QUESTION = "question"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A record that may be the twin; `linked` already, by an open or a closed link of this map.

    `refused`: a person said that it is not the twin; only our own sync key says otherwise.
    """

    record: Record
    linked: bool = False
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Who the twin is, or why a person must say; `candidates` are the refs a person chooses from."""

    whose: Whose
    reason: str
    record: Record | None = None
    candidates: tuple[Ref, ...] = ()


def whose(
    m: FieldMap,
    source: Record,
    side: Side,
    candidates: Sequence[Candidate],
    shared: Container[str] = frozenset(),
    eye: Eye | None = None,
) -> Answer:
    """Who, among `candidates` on the other side, is the twin of `source`, a record of `side` that has no link.

    `shared`: what too many records carry, as it is indexed. `eye`: the map's, if it has seen these records before.
    """
    wanted = sync_key_of(source.ref)
    ours = [c for c in candidates if carried_key(m, side.other, c.record.fields) == wanted]
    if ours:
        return _verdict(ours, Whose.OURS, "carries our sync key")
    judge = _Judge(eye or Eye(m), source, side, shared)
    looks = [judge.look(c) for c in candidates if not c.refused]
    certain = [look for look in looks if look.certain]
    if certain:
        return _verdict([look.candidate for look in certain], Whose.STRANGER, f"same {certain[0].match}")
    unsure = [look for look in looks if (look.match or look.band is not Band.NEW) and not look.candidate.linked]
    alike = [look for look in unsure if look.band is not Band.NEW]
    if len(alike) == 1 and alike[0].band is Band.LINK:
        return _verdict([alike[0].candidate], Whose.STRANGER, f"scores {alike[0].score}")
    if unsure:
        refs = tuple(look.candidate.record.ref for look in unsure)
        return Answer(Whose.QUESTION, f"may be the same: {unsure[0].why}", candidates=refs)
    return Answer(Whose.NOBODY, "no record answers its match keys")


@dataclass(frozen=True, slots=True)
class _Look:
    """What one candidate looks like. `match`: the key in common; `certain`: it links by itself.

    Where the map gives no `score`, every pair is of the band NEW, and none has a score.
    """

    candidate: Candidate
    match: str | None
    certain: bool
    band: Band
    score: Score | None

    @property
    def why(self) -> str:
        """Why a person is asked."""
        if self.score is None:
            return f"equal {self.match}"
        return f"equal {self.match}, score {self.score}" if self.match else f"score {self.score}"


class _Judge:
    """How one record looks at each of its candidates."""

    def __init__(self, eye: Eye, source: Record, side: Side, shared: Container[str]) -> None:
        self.eye, self.source, self.side, self.shared = eye, source, side, shared
        self.mine = {(key.match, key.text): key for key in eye.keys(side, source)}

    def look(self, c: Candidate) -> _Look:
        """A key that too many carry, or that joins two names, is not certain; to a score, a crowd's is none at all."""
        theirs = ((key.match, key.text) for key in self.eye.keys(self.side.other, c.record))
        both = [self.mine[at] for at in theirs if at in self.mine]
        own = [key for key in both if not self._crowded(key)]
        certain = next((key for key in own if key.certain), None)
        bands = self.eye.map.score
        best = certain or next(iter(both if bands is None else own), None)
        match = best.match if best else None
        if bands is None:
            return _Look(c, match, certain is not None, Band.NEW, None)
        found = self.eye.score(self.side, self.source, c.record, self.shared)
        return _Look(c, match, certain is not None and not found.another, found.band(bands), found)

    def _crowded(self, key: Key) -> bool:
        return any(text in self.shared for text in key.own)


def _verdict(found: Sequence[Candidate], whose_: Whose, reason: str) -> Answer:
    refs = tuple(sorted(c.record.ref for c in found))
    if len({ref.id for ref in refs}) > 1:
        return Answer(Whose.QUESTION, f"{counted(len(refs), 'record')} answer: {reason}", candidates=refs)
    if found[0].linked:
        return Answer(Whose.QUESTION, f"{refs[0]} {reason}, but is linked with another record", candidates=refs)
    return Answer(whose_, f"{refs[0]} {reason}", record=found[0].record)


def contested(twin: Record, source: Ref, back: Answer) -> Answer | None:
    """The question, if `back`, the answer from the twin's own side, does not name the record that asks as its twin."""
    if back.record is not None and back.record.ref == source:
        return None
    others = [str(ref) for ref in (*back.candidates, *([back.record.ref] if back.record else ())) if ref != source]
    names = ", ".join(others) or "nobody"
    return Answer(Whose.QUESTION, f"{twin.ref} could also be the twin of {names}", candidates=(twin.ref,))
