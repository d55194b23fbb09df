"""Reading a table strictly: known keys only, words out of a closed list, every mistake with its place and remedy.

What is not here: what the words do.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from syncd.fieldmaps.source import Item, Place, Report, Scalar, Sequence, Table, nearest

Word = TypeVar("Word", bound=StrEnum)
SWITCH = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Form:
    """A table being read. Whatever is wrong goes to the report, and a harmless value is returned instead."""

    table: Table
    report: Report

    @classmethod
    def of(cls, item: Item | None, place: Place, report: Report, what: str) -> Form:
        """A form over an item that must be a table; an empty one if it is absent or something else."""
        if isinstance(item, Table):
            return cls(item, report)
        if item is not None and not (isinstance(item, Scalar) and item.text is None):
            report.error(item.place, f"{what} must be a table.")
        return cls(Table({}, {}, place), report)

    def only(self, known: Iterable[str], what: str) -> None:
        """Refuse keys that are not known, naming the nearest."""
        words = list(known)
        for key, place in self.table.keys.items():
            if key not in words:
                self.report.error(place, f"{what} has no setting {key!r}.", nearest(key, words))

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        return key in self.table.entries

    def at(self, key: str) -> Place:
        """The place of a value, or of the table."""
        return self.table.at(key)

    def item(self, key: str) -> Item | None:
        """The value as it stands."""
        return self.table.entries.get(key)

    def scalar(self, key: str) -> Scalar | None:
        """A text with its place; None if absent."""
        item = self.item(key)
        if item is None or (isinstance(item, Scalar) and item.text is not None):
            return item if isinstance(item, Scalar) else None
        self.report.error(item.place, f"{key} must be a text.")
        return None

    def text(self, key: str) -> str | None:
        """A text; None if absent."""
        found = self.scalar(key)
        return found.text if found else None

    def needed(self, key: str, what: str) -> str:
        """A text that must be there."""
        if not self.has(key):
            self.report.error(self.table.place, f"{what} needs {key!r}.")
        return self.text(key) or ""

    def word(self, key: str, words: type[Word], default: Word) -> Word:
        """One word of a closed list."""
        found = self.choice(key, [word.value for word in words], default.value)
        return words(found)

    def choice(self, key: str, words: Iterable[str], default: str) -> str:
        """One text of a closed list."""
        known = list(words)
        found = self.text(key)
        if found is None:
            return default
        if found not in known:
            self.report.error(self.at(key), f"{key} may not be {found!r}.", f"It is one of {', '.join(known)}.")
            return default
        return found

    def flag(self, key: str, default: bool = False) -> bool:
        """True or false."""
        found = self.choice(key, SWITCH, str(default).lower())
        return SWITCH[found]

    def form(self, key: str) -> Form:
        """A table inside; empty if absent."""
        return Form.of(self.item(key), self.table.place, self.report, key)

    def items(self, key: str) -> tuple[Item, ...]:
        """A list inside; empty if absent."""
        item = self.item(key)
        if isinstance(item, Sequence):
            return item.items
        if item is not None and not (isinstance(item, Scalar) and item.text is None):
            self.report.error(item.place, f"{key} must be a list.")
        return ()

    def texts(self, key: str) -> tuple[Scalar, ...]:
        """A list of texts inside."""
        found = []
        for item in self.items(key):
            if isinstance(item, Scalar) and item.text is not None:
                found.append(item)
            else:
                self.report.error(item.place, f"{key} must be a list of texts.")
        return tuple(found)

    def forms(self, key: str, what: str) -> tuple[Form, ...]:
        """A list of tables inside."""
        return tuple(Form.of(item, item.place, self.report, what) for item in self.items(key))
