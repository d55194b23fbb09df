"""A person's records: which they are, what is held of them, and taking it out.

A person is a record, its twins, what was merged with them, and the deals and jobs that hang on them. What is not here:
the vendors' own records, which people delete there.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Ref, Side
from syncd.engine.answers import ref_of
from syncd.errors import ConfigError, Problem
from syncd.store import persons
from syncd.store.store import Store, Tx

OWED = "forget:tidy"
"""The fact that says that something was deleted and may still be in the file."""

SHORTEST = 5
"""Characters of a value that is looked for in sentences: a shorter one stands in words of its own."""


def records(tx: Tx, maps: Mapping[str, FieldMap], who: str) -> list[Ref]:
    """The records of a person, given as a reference, or as an e-mail that a field holds. Raises ConfigError."""
    if who.count(":") < 2 and "@" not in who:
        raise ConfigError(Problem(who, "is neither a reference nor an e-mail.", "Write SYSTEM:KIND:ID, or an e-mail."))
    found = set(persons.holding(tx.connection, who)) if who.count(":") < 2 else {ref_of(who)}
    while True:
        more = {ref for one in found for ref in _near(tx, maps, one)} - found
        if not more:
            break
        found |= more
    known = {ref for ref in found if ref.id in tx.snapshots.get(ref.system, ref.kind, [ref.id])}
    if not known and not any(persons.held(tx.connection, found, places(maps, found)).values()):
        raise ConfigError(Problem(who, "nothing is held of it.", "Write SYSTEM:KIND:ID, or an e-mail."))
    return sorted(found, key=str)


def _near(tx: Tx, maps: Mapping[str, FieldMap], ref: Ref) -> set[Ref]:
    """What it is linked with, what it was merged with, and what hangs on it."""
    found = {Ref(ref.system, ref.kind, id_) for id_ in persons.became(tx.connection, ref)}
    for m in maps.values():
        for side in Side:
            here, there = m.end(side), m.end(side.other)
            if (here.system, here.kind) == (ref.system, ref.kind):
                found |= {there.ref(id_) for id_ in persons.twins(tx.connection, m.key, side, [ref.id])}
            found |= _children(tx, maps, m, side, ref)
    return found


def _children(tx: Tx, maps: Mapping[str, FieldMap], m: FieldMap, side: Side, parent: Ref) -> set[Ref]:
    """Records of a side of a map of which a relation names the parent."""
    end, names = m.end(side), set()
    for rule in m.rules:
        if rule.relation is not None and rule.relation.map in maps:
            above = maps[rule.relation.map].end(side)
            if (above.system, above.kind) == (parent.system, parent.kind):
                names.add(rule.field(side))
    if not names:
        return set()
    near = [
        ref.id for ref in persons.holding(tx.connection, parent.id) if (ref.system, ref.kind) == (end.system, end.kind)
    ]
    found = tx.snapshots.get(end.system, end.kind, near)
    return {end.ref(i) for i, one in found.items() if any(_names(one.kept.get(str(name)), parent.id) for name in names)}


def _names(value: Any, id_: str) -> bool:
    return value == id_ or (isinstance(value, tuple) and id_ in value)


def places(maps: Mapping[str, FieldMap], refs: Collection[Ref]) -> persons.Places:
    """Under which maps and sides these records stand."""
    found: dict[tuple[str, Side], set[str]] = defaultdict(set)
    for ref in refs:
        for m in maps.values():
            for side in Side:
                if (m.end(side).system, m.end(side).kind) == (ref.system, ref.kind):
                    found[m.key, side].add(ref.id)
    return found


@dataclass(frozen=True, slots=True)
class Privacy:
    """Of one store under these maps. A person is given as a reference, or as an e-mail that a field holds."""

    store: Store
    maps: Mapping[str, FieldMap]
    clock: Callable[[], datetime]

    def told(self, who: str) -> dict[str, Any]:
        """All that is held of a person: the records, and rows by table. Raises ConfigError if nothing is."""
        with self.store.read() as tx:
            refs = records(tx, self.maps, who)
            held = persons.held(tx.connection, refs, places(self.maps, refs))
        return {"records": [str(ref) for ref in refs], **held}

    def forget(self, who: str, *, anyway: bool = False) -> dict[str, int]:
        """Take out all that is held of a person; rows by table. Raises ConfigError while a vendor still has them.

        `anyway`: though a record is there, and will be read again as soon as somebody changes it.
        """
        with self.store.read() as tx:
            if tx.runs.fact(OWED):
                self._tidy()
            refs = records(tx, self.maps, who)
            found = [one for ref in refs for one in tx.snapshots.get(ref.system, ref.kind, [ref.id]).values()]
        living = [str(one.record.ref) for one in found if one.gone is None]
        if living and not anyway:
            remedy = "Delete them there first, or syncd reads them again; or say --anyway."
            raise ConfigError(Problem(who, f"is still there: {', '.join(living)}.", remedy))
        with self.store.begin() as tx:
            at = places(self.maps, refs)
            told = persons.values(persons.held(tx.connection, refs, at))
            words = [word for word in set(told) if len(word) >= SHORTEST and self._only_theirs(tx, refs, word)]
            gone = persons.forget(tx, refs, at, sorted(words), self.clock())
            tx.runs.set_fact(OWED, True)
        self._tidy()
        return gone

    def _only_theirs(self, tx: Tx, refs: Collection[Ref], word: str) -> bool:
        """Whether a text is nobody else's: a state, a source or an owner is said of many, and is no trace of one."""
        return not set(persons.holding(tx.connection, word)) - set(refs)

    def _tidy(self) -> None:
        """What was deleted is not left in the file. Raises Transient while others work on it; then it is still owed."""
        self.store.tidy()
        with self.store.begin() as tx:
            tx.runs.set_fact(OWED, None)
