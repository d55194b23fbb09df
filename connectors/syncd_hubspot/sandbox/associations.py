"""Which record is tied to which, with labels: a symmetric store of association types.

What is not here: paths and shapes (`association_api`). Association changes never bump a record's modified time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from syncd_hubspot.sandbox.errors import bad_request

CATEGORY = "HUBSPOT_DEFINED"


@dataclass(frozen=True, slots=True)
class Pair:
    """The vendor's type ids in one direction: the unlabelled one, the primary one, and their twins the other way."""

    plain: int
    primary: int | None = None

    @property
    def labels(self) -> Mapping[int, str | None]:
        """Type id -> label as the API shows it; the unlabelled type has none."""
        return {self.plain: None} | ({self.primary: "Primary"} if self.primary else {})


PAIRS: Mapping[tuple[str, str], Pair] = {
    ("contacts", "companies"): Pair(279, 1),
    ("companies", "contacts"): Pair(280, 2),
    ("contacts", "deals"): Pair(4),
    ("deals", "contacts"): Pair(3),
    ("companies", "deals"): Pair(342, 6),
    ("deals", "companies"): Pair(341, 5),
    ("contacts", "contacts"): Pair(449),
    ("companies", "companies"): Pair(450),
    ("deals", "deals"): Pair(451),
    ("notes", "contacts"): Pair(202),
    ("contacts", "notes"): Pair(201),
    ("notes", "companies"): Pair(190),
    ("companies", "notes"): Pair(189),
    ("notes", "deals"): Pair(214),
    ("deals", "notes"): Pair(213),
}
"""HUBSPOT_DEFINED type ids, direction-specific (association guide)."""


def pair(source: str, target: str) -> Pair:
    """The types between two object types; 400 when there are none."""
    found = PAIRS.get((source, target))
    if found is None:
        raise bad_request(f"No association types between {source} and {target}")
    return found


class Heard(Protocol):
    """Is told of a tie."""

    def __call__(self, source: tuple[str, int], target: tuple[str, int], *, removed: bool) -> None:
        """Take both ends, and whether the tie is there no more."""


class Associations:
    """All ties of a portal, kept in both directions."""

    def __init__(self, heard: Heard) -> None:
        """Begin with none. `heard`: who is told of each tie that is made or removed."""
        self._heard = heard
        self._ties: dict[tuple[str, int], dict[tuple[str, int], set[int]]] = {}

    def of(self, kind: str, id: int, target: str) -> dict[int, set[int]]:
        """Ids of `target` tied to this record, with their type ids, in id order."""
        found = self._ties.get((kind, id), {})
        return {other: set(types) for (name, other), types in sorted(found.items()) if name == target}

    def tie(self, source: tuple[str, int], target: tuple[str, int], types: Iterable[int] = ()) -> None:
        """Tie two records with these type ids of the direction source -> target, none for the unlabelled type.

        The unlabelled twin always stands beside a label. A new primary takes that rank from the one before.
        """
        there, back = pair(source[0], target[0]), pair(target[0], source[0])
        asked = set(types) or {there.plain}
        unknown = asked - set(there.labels)
        if unknown:
            raise bad_request(f"Invalid association type ids {sorted(unknown)} from {source[0]} to {target[0]}")
        if there.primary in asked:
            self._demote(source, target[0], there.primary)
        self._put(source, target, asked | {there.plain})
        twin = {back.plain} | ({back.primary} if there.primary in asked and back.primary else set())
        self._put(target, source, twin)
        self._heard(source, target, removed=False)

    def untie(self, source: tuple[str, int], target: tuple[str, int]) -> None:
        """Remove every type between two records."""
        there = self._ties.get(source, {}).pop(target, None)
        self._ties.get(target, {}).pop(source, None)
        if there is not None:
            self._heard(source, target, removed=True)

    def unlabel(self, source: tuple[str, int], target: tuple[str, int], types: Iterable[int]) -> None:
        """Remove labels of the direction source -> target; removing the unlabelled type removes everything."""
        there, back = pair(source[0], target[0]), pair(target[0], source[0])
        gone = set(types)
        if there.plain in gone:
            self.untie(source, target)
            return
        self._ties.get(source, {}).get(target, set()).difference_update(gone)
        if there.primary in gone and back.primary is not None:
            self._ties.get(target, {}).get(source, set()).discard(back.primary)

    def move(self, kind: str, old: int, new: int) -> None:
        """Hand every tie of `old` to `new`, as a merge does; a primary label is dropped where `new` has one already."""
        for target, types in list(self._ties.get((kind, old), {}).items()):
            self.untie((kind, old), target)
            if target == (kind, new):
                continue
            held = self.of(kind, new, target[0])
            primary = pair(kind, target[0]).primary
            kept = types - {primary} if any(primary in each for each in held.values()) else types
            self.tie((kind, new), target, kept | held.get(target[1], set()))

    def forget(self, kind: str, id: int) -> None:
        """Drop every tie of a record that is gone for good."""
        for target in list(self._ties.get((kind, id), {})):
            self.untie((kind, id), target)

    def _put(self, source: tuple[str, int], target: tuple[str, int], types: set[int]) -> None:
        self._ties.setdefault(source, {})[target] = set(types)

    def _demote(self, source: tuple[str, int], kind: str, primary: int | None) -> None:
        for (name, _), types in self._ties.get(source, {}).items():
            if name == kind and primary is not None:
                types.discard(primary)


def typed(source: str, target: str, types: Iterable[int]) -> list[dict[str, Any]]:
    """Association types as reads show them."""
    labels = pair(source, target).labels
    return [{"category": CATEGORY, "typeId": each, "label": labels.get(each)} for each in sorted(types)]
