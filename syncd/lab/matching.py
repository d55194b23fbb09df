"""How well syncd tells who is who, measured on two address books whose truth is known: `make matching`.

The verdicts are the engine's own (`engine.lookalikes`), over an index in memory instead of the store's.
What is not here: the books (`twins`), and writing anything.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd import fieldmaps
from syncd.core.fieldmap import FieldMap
from syncd.core.match import Whose, indexed
from syncd.core.model import Record, Side
from syncd.engine.lookalikes import Lookalikes
from syncd.lab.twins import Books, books
from syncd.store.snapshots import hashed

MAP = "hubspot-jobnimbus/contacts.yaml"
BATCH = 500


@dataclass(slots=True)
class MemoryIndex:
    """Both books as the engine's index shows them."""

    m: FieldMap
    people: Mapping[Side, Mapping[str, Record]]
    links: dict[str, str] = field(default_factory=dict)
    keys: dict[Side, dict[int, list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Key every record."""
        for side in Side:
            found: dict[int, list[str]] = defaultdict(list)
            for id_, record in self.people[side].items():
                for key in {hashed(text) for text in indexed(self.m, side, record.fields)}:
                    found[key].append(id_)
            self.keys[side] = dict(found)

    def crowds(self, side: Side, keys: Iterable[int], above: int) -> Mapping[int, int]:
        """How many carry each."""
        return {key: len(ids) for key, ids in self.keyed(side, keys).items() if len(ids) > above}

    def keyed(self, side: Side, keys: Iterable[int]) -> Mapping[int, Sequence[str]]:
        """Who carries each."""
        return {key: self.keys[side][key] for key in set(keys) if key in self.keys[side]}

    def records(self, side: Side, ids: Iterable[str]) -> Mapping[str, Record]:
        """By id."""
        return {id_: self.people[side][id_] for id_ in ids}

    def linked(self, side: Side, ids: Iterable[str]) -> set[str]:
        """Those that were linked so far."""
        taken = self.links.keys() if side is Side.LEFT else set(self.links.values())
        return {id_ for id_ in ids if id_ in taken}

    def refused(self, side: Side, ids: Iterable[str]) -> set[tuple[str, str]]:
        """Nobody was asked yet."""
        return set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was found. `asked`: records that are asked about; `named`: true twins that only a question found.

    `seconds`: of one processor.
    """

    rows: int
    twins: int
    links: int
    wrong: int
    right: int
    asked: int
    named: int
    seconds: float

    @property
    def wrong_percent(self) -> float:
        """How many of a hundred automatic links are wrong."""
        return 100 * self.wrong / max(1, self.links)

    @property
    def found_percent(self) -> float:
        """How many of a hundred true twins are linked, or named in a question."""
        return 100 * (self.right + self.named) / max(1, self.twins)

    def __str__(self) -> str:
        """As it is printed."""
        return (
            f"{self.rows} x {self.rows} people, {self.twins} true twins, {self.seconds:.1f} s: {self.links} linked, "
            f"{self.wrong} wrong ({self.wrong_percent:.3f} %); {self.asked} questions; "
            f"found {self.found_percent:.2f} % ({100 * self.right / max(1, self.twins):.2f} % linked)"
        )


def contacts_map(**changes: Any) -> FieldMap:
    """The shipped map of people, changed in these fields."""
    left, right = MAP.partition("/")[0].split("-")
    systems = {Side.LEFT: left, Side.RIGHT: right}
    path = fieldmaps.find(MAP)
    schemas = fieldmaps.load_schemas(path.parent / "schemas.yaml", systems)
    found = {side: fieldmaps.schema_of(schemas, side, "contacts") for side in Side}
    m = fieldmaps.load(path, pair="lab", systems=systems, schemas=found)
    return dataclasses.replace(m, **changes)


def measure(m: FieldMap, two: Books) -> Figures:
    """Let every record of both books ask whose it is, in batches, and compare with the truth."""
    start = time.process_time()
    index = MemoryIndex(m, two.records)
    named: dict[tuple[Side, str], set[str]] = {}
    for side, batch in _batches(two):
        free = [r for r in batch if not index.linked(side, [r.ref.id])]
        for id_, answer in Lookalikes(m, index).answers(side, free, {}).items():
            if answer.whose is Whose.QUESTION:
                named[side, id_] = {ref.id for ref in answer.candidates}
            elif answer.record is not None:
                left, right = (id_, answer.record.ref.id) if side is Side.LEFT else (answer.record.ref.id, id_)
                if left not in index.links and not index.linked(Side.RIGHT, [right]):
                    index.links[left] = right
    return _figures(two, index, named, time.process_time() - start)


def _batches(two: Books) -> Iterator[tuple[Side, list[Record]]]:
    for side in Side:
        whole = list(two.records[side].values())
        for start in range(0, len(whole), BATCH):
            yield side, whole[start : start + BATCH]


def _figures(two: Books, index: MemoryIndex, named: Mapping[tuple[Side, str], set[str]], seconds: float) -> Figures:
    right = {left for left, twin in index.links.items() if two.twins.get(left) == twin}
    open_ = {left: twin for left, twin in two.twins.items() if left not in right}
    told = {
        left
        for left, twin in open_.items()
        if twin in named.get((Side.LEFT, left), ()) or left in named.get((Side.RIGHT, twin), ())
    }
    taken = index.links.values()
    asked = [at for at in named if at[1] not in (index.links if at[0] is Side.LEFT else taken)]
    return Figures(
        rows=len(two.records[Side.LEFT]), twins=len(two.twins), links=len(index.links),
        wrong=len(index.links) - len(right), right=len(right), asked=len(asked), named=len(told), seconds=seconds,
    )  # fmt: skip


def main(rows: int = 5000, seeds: Sequence[int] = (1, 2, 3)) -> None:
    """Print the figures, with the score and without."""
    m = contacts_map()
    for name, one in (("with score", m), ("keys alone", dataclasses.replace(m, score=None))):
        for seed in seeds:
            print(f"{name}, seed {seed}: {measure(one, books(rows, seed))}", flush=True)  # noqa: T201  # its answer


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
