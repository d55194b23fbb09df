"""Whose is it? Match keys, our own sync key, and the verdict over records that a look-up found. Pure.

What is not here: the look-ups themselves (`engine`, connectors) and the index of keys (`store`).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncd.core.fieldmap import FieldMap, Match, Part, Unconvertible
from syncd.core.model import MatchKey, Record, Ref, Side, SyncKey, Value

SYNC_KEY = "sync_key"
"""The part of a match key that means our own key."""

MOST_COMBINATIONS = 32
"""A record with many phones and names makes no more keys than this per match."""


@dataclass(frozen=True, slots=True)
class Key:
    """One comparable form of a record under one match key. `certain`: equality links; else a person is asked."""

    match: str
    certain: bool
    text: str


def sync_key_of(ref: Ref) -> str:
    """What the twin of this record carries in its sync-key field."""
    return str(ref)


def carried_key(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> str | None:
    """The sync key a record carries, if the map has one on this side."""
    name = m.end(side).sync_key
    value = fields.get(name) if name else None
    return value if isinstance(value, str) and value else None


def keys(m: FieldMap, side: Side, fields: Mapping[str, Value]) -> tuple[Key, ...]:
    """Every match key of a record, comparable with those of the other side."""
    found: dict[tuple[str, str], Key] = {}
    for certain, matches in ((True, m.link), (False, m.ask)):
        for match in matches:
            for text in _texts(match, side, fields):
                found.setdefault((match.name, text), Key(match.name, certain, text))
    return tuple(found.values())


def _texts(match: Match, side: Side, fields: Mapping[str, Value]) -> list[str]:
    if any(part.name == SYNC_KEY for part in match.parts):
        return []
    choices = [_values(part, side, fields) for part in match.parts]
    return [
        "\x1f".join(combination) for combination in itertools.islice(itertools.product(*choices), MOST_COMBINATIONS)
    ]


def _values(part: Part, side: Side, fields: Mapping[str, Value]) -> list[str]:
    texts = (rule.convert.key(fields.get(name), side) for rule in part.rules if (name := rule.field(side)) is not None)
    return sorted({text for text in texts if text})


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
    """A record that may be the twin; `linked` already, by an open or a closed link of this map."""

    record: Record
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """Who the twin is, or why a person must say; `candidates` are the refs a person chooses from."""

    whose: Whose
    reason: str
    record: Record | None = None
    candidates: tuple[Ref, ...] = ()


def whose(m: FieldMap, source: Record, side: Side, candidates: Sequence[Candidate]) -> Answer:
    """Who, among `candidates` on the other side, is the twin of `source`, a record of `side` that has no link."""
    wanted = sync_key_of(source.ref)
    ours = [c for c in candidates if carried_key(m, side.other, c.record.fields) == wanted]
    if ours:
        return _verdict(ours, Whose.OURS, "carries our sync key")
    mine = {(key.match, key.text): key for key in keys(m, side, source.fields)}
    hits = [(c, _best(mine, keys(m, side.other, c.record.fields))) for c in candidates]
    certain = [(c, key) for c, key in hits if key is not None and key.certain]
    if certain:
        return _verdict([c for c, _ in certain], Whose.STRANGER, f"same {certain[0][1].match}")
    unsure = [(c, key) for c, key in hits if key is not None and not c.linked]
    if unsure:
        refs = tuple(c.record.ref for c, _ in unsure)
        return Answer(Whose.QUESTION, f"may be the same: equal {unsure[0][1].match}", candidates=refs)
    return Answer(Whose.NOBODY, "no record answers its match keys")


def _best(mine: Mapping[tuple[str, str], Key], theirs: Sequence[Key]) -> Key | None:
    """The first key in common; keys come with the certain ones first."""
    return next((mine[key.match, key.text] for key in theirs if (key.match, key.text) in mine), None)


def _verdict(found: Sequence[Candidate], whose_: Whose, reason: str) -> Answer:
    refs = tuple(sorted(c.record.ref for c in found))
    if len({ref.id for ref in refs}) > 1:
        return Answer(Whose.QUESTION, f"{len(refs)} records answer: {reason}", candidates=refs)
    if found[0].linked:
        return Answer(Whose.QUESTION, f"{refs[0]} {reason}, but is linked with another record", candidates=refs)
    return Answer(whose_, f"{refs[0]} {reason}", record=found[0].record)
