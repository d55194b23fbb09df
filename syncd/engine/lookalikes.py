"""Who could be whose twin, asked of the index of keys for many records at once. Rules 5 and 8.

A twin must be the only one in both directions: whoever is found is asked, in turn, who its own twin is.
What is not here: the verdict over candidates (`core.match`), and what a record then does (`linking`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from syncd.core.fieldmap import FieldMap, Unconvertible
from syncd.core.match import Answer, Candidate, Eye, Whose, by_key, carried_key, contested, sync_key_of, whose
from syncd.core.model import Record, Side
from syncd.core.traits import common
from syncd.store.snapshots import hashed
from syncd.store.sql import chunks
from syncd.store.store import Tx

QUESTION = "question"
"""The cause of a mark whose record could be the same as another."""

CROWD = 40
"""A key that more records of a side share than this finds nobody: it would find everybody."""

MOST = 20
"""So many candidates are looked at closely: those that share the most keys."""


def near(tx: Tx, m: FieldMap, ids: Mapping[Side, Iterable[str]]) -> set[str]:
    """Who is asked about and shares a key with one of these: what the question is about may move."""
    if not any(ids.values()) or not tx.marks.asking(m.key):
        return set()
    return tx.snapshots.asking_near(m.key, ids, most=CROWD)


def ask_again(tx: Tx, m: FieldMap, ids: Iterable[str], now: datetime) -> None:
    """Put the open questions of these records anew: what they were asked about has moved."""
    for chunk in chunks(ids):
        tx.marks.retry(m.key, now, ids=chunk, causes=(QUESTION,), reread=False)


def not_twins(tx: Tx, m: FieldMap, side: Side, source_id: str) -> set[str]:
    """The ids of a side of which a person said that they are not the twin of a record across."""
    return {pair[side is Side.RIGHT] for pair in tx.refusals.of(m.key, side.other, [source_id])}


class Index(Protocol):
    """What is known of both sides of a map, whoever keeps it."""

    def crowds(self, side: Side, keys: Iterable[int], above: int) -> Mapping[int, int]:
        """How many records of a side carry each of these hashed keys, for those that more than `above` carry."""

    def keyed(self, side: Side, keys: Iterable[int]) -> Mapping[int, Sequence[str]]:
        """Who carries these hashed keys."""

    def records(self, side: Side, ids: Iterable[str]) -> Mapping[str, Record]:
        """Those of the ids that are there."""

    def linked(self, side: Side, ids: Iterable[str]) -> set[str]:
        """Those of the ids that have, or had, a link."""

    def refused(self, side: Side, ids: Iterable[str]) -> set[tuple[str, str]]:
        """Pairs (left id, right id) of these ids that a person said are not the same."""


@dataclass(frozen=True, slots=True)
class StoreIndex:
    """The index as a transaction sees it."""

    tx: Tx
    m: FieldMap

    def crowds(self, side: Side, keys: Iterable[int], above: int) -> Mapping[int, int]:
        """From the match keys."""
        return self.tx.snapshots.crowds(self.m.key, side, keys, above=above)

    def keyed(self, side: Side, keys: Iterable[int]) -> Mapping[int, Sequence[str]]:
        """From the match keys."""
        return self.tx.snapshots.keyed(self.m.key, side, keys)

    def records(self, side: Side, ids: Iterable[str]) -> Mapping[str, Record]:
        """From the snapshots."""
        end = self.m.end(side)
        known = self.tx.snapshots.get(end.system, end.kind, ids)
        return {id_: one.record for id_, one in known.items() if one.gone is None}

    def linked(self, side: Side, ids: Iterable[str]) -> set[str]:
        """By open links, and by closed ones."""
        return self.tx.links.ever(self.m.key, side, ids)

    def refused(self, side: Side, ids: Iterable[str]) -> set[tuple[str, str]]:
        """As people said."""
        return self.tx.refusals.of(self.m.key, side, ids)


def belongs(m: FieldMap, side: Side, record: Record) -> bool:
    """Whether the map's `only` holds, as far as it looks at this side."""
    if m.only is None or not m.only.reads[side]:
        return True
    try:
        return bool(m.only.value({side: record.fields}))
    except Unconvertible:
        return False


def copies(tx: Tx, m: FieldMap, side: Side, id: str, key: str) -> list[str]:
    """The other living records of a side that carry a sync key: who copies a record copies its key, too."""
    index, number = StoreIndex(tx, m), hashed(by_key(key))
    known = index.records(side, index.keyed(side, [number]).get(number, ()))
    return [str(one.ref) for other, one in known.items() if other != id and carried_key(m, side, one.fields) == key]


@dataclass(slots=True)
class Lookalikes:
    """One look around for many records of a map; what it saw it remembers, so it is used within one transaction."""

    m: FieldMap
    index: Index
    eye: Eye = field(init=False)
    _seen: dict[tuple[Side, str], Record] = field(init=False, default_factory=dict)
    _counts: Mapping[Side, dict[int, int]] = field(init=False, default_factory=lambda: {side: {} for side in Side})

    def __post_init__(self) -> None:
        """Look by this map."""
        self.eye = Eye(self.m)

    def answers(self, side: Side, sources: Sequence[Record], told: Mapping[str, Sequence[Record]]) -> dict[str, Answer]:
        """Whose each of these records of a side is, by its id. `told`: records that a vendor named for one of them."""
        self._seen |= {(side, source.ref.id): source for source in sources}
        found = self.around(side, sources, told)
        first = {source.ref.id: self._whose(side, source, found) for source in sources}
        strangers = {i: a.record for i, a in first.items() if a.whose is Whose.STRANGER and a.record is not None}
        back = self.around(side.other, list(strangers.values()), {})
        refs = {source.ref.id: source.ref for source in sources}
        for id_, twin in strangers.items():
            first[id_] = contested(twin, refs[id_], self._whose(side.other, twin, back)) or first[id_]
        return first

    def _whose(self, side: Side, source: Record, around: Around) -> Answer:
        """The verdict. A record that the map leaves alone is no rival of one that it carries."""
        candidates = around.of(source)
        found = whose(self.m, source, side, candidates, around.shared, self.eye)
        if found.whose is not Whose.QUESTION:
            return found
        fit = [c for c in candidates if belongs(self.m, side.other, c.record)]
        without = whose(self.m, source, side, fit, around.shared, self.eye)
        return without if without.record is not None else found

    def around(self, side: Side, sources: Sequence[Record], told: Mapping[str, Sequence[Record]]) -> Around:
        """Everybody on the other side who shares a key with one of these, and is no crowd."""
        texts = {s.ref.id: self._texts(side, s) for s in sources}
        keys = {text: hashed(text) for several in texts.values() for text in several}
        most = self.m.shared.most
        here, there = (self._crowds(at, keys.values()) for at in (side, side.other))
        shared = {text for text, key in keys.items() if max(here[key], there[key]) > most}
        shared |= {common(value) for value in self.m.shared.values}
        ours = {hashed(text) for source in sources for text in self._ours(side, source)}
        sought = [key for key in keys.values() if there[key] <= CROWD or key in ours]
        few = self.index.keyed(side.other, sought)
        having = {text: few[key] for text, key in keys.items() if key in few}
        hits = {id_: self._hits(several, having) for id_, several in texts.items()}
        ids = {id_ for several in hits.values() for id_ in several}
        linked = self.index.linked(side.other, ids | {r.ref.id for rs in told.values() for r in rs})
        wanted = {s.ref.id: self._closest(side, s, hits[s.ref.id], linked, having) for s in sources}
        known = self._records(side.other, {id_ for several in wanted.values() for id_ in several})
        refused = self.index.refused(side, texts)
        people = {
            id_: {**{i: known[i] for i in several if i in known}, **{r.ref.id: r for r in told.get(id_, ())}}
            for id_, several in wanted.items()
        }
        return Around(side, people, linked, refused, shared)

    def _crowds(self, side: Side, keys: Iterable[int]) -> Mapping[int, int]:
        """How many of a side carry each of these, where too many do, else 0. What twins share is asked once."""
        counts = self._counts[side]
        new = [key for key in keys if key not in counts]
        counts.update(dict.fromkeys(new, 0))
        counts.update(self.index.crowds(side, new, min(self.m.shared.most, CROWD)))
        return counts

    def _records(self, side: Side, ids: Collection[str]) -> dict[str, Record]:
        """Those of the ids that are there; whoever looks around is there."""
        new = self.index.records(side, [id_ for id_ in ids if (side, id_) not in self._seen])
        return {**new, **{id_: self._seen[side, id_] for id_ in ids if (side, id_) in self._seen}}

    def _texts(self, side: Side, source: Record) -> list[str]:
        several = self.eye.keys(side, source)
        own = [text for key in several for text in key.own]
        return [*self._ours(side, source), *(key.indexed for key in several), *own, *self.eye.blocks(side, source)]

    def _ours(self, side: Side, source: Record) -> list[str]:
        """By what the twin is found that was made for it, or linked with it: it carries our key."""
        return [by_key(sync_key_of(source.ref))] if self.m.end(side.other).sync_key is not None else []

    def _hits(self, texts: Sequence[str], having: Mapping[str, Sequence[str]]) -> Counter[str]:
        return Counter(id_ for text in dict.fromkeys(texts) for id_ in having.get(text, ()))

    def _closest(
        self, side: Side, source: Record, hits: Counter[str], linked: set[str], having: Mapping[str, Sequence[str]]
    ) -> list[str]:
        """Who carries our key or shares a match key, and of those that only look alike the nearest without a link."""
        texts = [*self._ours(side, source), *(key.indexed for key in self.eye.keys(side, source))]
        keyed = {id_ for text in texts for id_ in having.get(text, ())}
        if self.m.score is None:
            return sorted(keyed)
        alike = [id_ for id_, _ in hits.most_common() if id_ not in keyed and id_ not in linked]
        return [*sorted(keyed), *alike[:MOST]]


@dataclass(frozen=True, slots=True)
class Around:
    """Who is around some records of a side. `people`: by the id of the record that they are around."""

    side: Side
    people: Mapping[str, Mapping[str, Record]]
    linked: set[str]
    refused: set[tuple[str, str]]
    shared: set[str]

    def of(self, source: Record) -> list[Candidate]:
        """The candidates of one record."""
        one = source.ref.id
        return [
            Candidate(record, id_ in self.linked, self._pair(one, id_) in self.refused)
            for id_, record in self.people[one].items()
        ]

    def _pair(self, one: str, other: str) -> tuple[str, str]:
        return (one, other) if self.side is Side.LEFT else (other, one)
