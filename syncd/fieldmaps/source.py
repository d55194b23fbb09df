"""YAML as text with places: every scalar, table and list knows its file, line and column.

What is not here: what a map means. Scalars stay the text that was written, so `no`, `012` and `2024-01-01` are never
turned into something else behind an admin's back; duplicate keys are refused.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rapidfuzz import fuzz, process
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from syncd.errors import ConfigError, Problem

NULLS = frozenset({"", "~", "null", "Null", "NULL"})
CLOSE = 60
SHOWN = 20
"""Known words that one line still tells."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something is written; line and column count from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """`file:line:column`, as editors jump to it."""
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A piece of text, or None if it is blank and unquoted.

    `style` is YAML's: `'`, `"`, `|`, `>` or None; `indent` the columns before a block's text.
    """

    text: str | None
    place: Place
    style: str | None = None
    indent: int = 0

    @property
    def plain(self) -> object:
        """The text."""
        return self.text


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: tuple[Item, ...]
    place: Place

    @property
    def plain(self) -> object:
        """The list without places."""
        return [item.plain for item in self.items]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; `keys` holds where each key stands."""

    entries: dict[str, Item]
    keys: dict[str, Place]
    place: Place

    @property
    def plain(self) -> object:
        """The table without places."""
        return {key: item.plain for key, item in self.entries.items()}

    def at(self, key: str) -> Place:
        """The place of a value, or of the table itself."""
        return self.entries[key].place if key in self.entries else self.place


Item = Scalar | Sequence | Table


@dataclass(slots=True)
class Report:
    """Collects what is wrong, so that all of it is told at once. Warnings do not stop anything."""

    _errors: dict[Problem, Place] = field(default_factory=dict)
    _warnings: dict[Problem, Place] = field(default_factory=dict)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The mistakes, in the order of the file."""
        return tuple(sorted(self._errors, key=self._errors.__getitem__))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """The warnings, in the order of the file."""
        return tuple(sorted(self._warnings, key=self._warnings.__getitem__))

    def error(self, place: Place, message: str, remedy: str = "") -> None:
        """Note a mistake."""
        self._errors.setdefault(Problem(str(place), message, remedy), place)

    def warn(self, place: Place, message: str, remedy: str = "") -> None:
        """Note something to look at."""
        self._warnings.setdefault(Problem(str(place), message, remedy), place)

    def stop_on_errors(self) -> None:
        """Raise ConfigError with every mistake noted so far, if any."""
        if self._errors:
            raise ConfigError(self.errors)


def nearest(word: str, known: Iterable[str]) -> str:
    """A remedy naming the known word nearest to a wrong one; else all of them, or some and how many more there are."""
    words = sorted(set(known))
    found = process.extract(word, words, scorer=fuzz.ratio, limit=3, score_cutoff=CLOSE, processor=str.casefold)
    if found:
        return f"Did you mean {' or '.join(match[0] for match in found)}?"
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"Known: {', '.join(words[:SHOWN])}{more}." if words else ""


def parse(text: str, file: str, report: Report) -> Item:
    """The content of one YAML document; keys given twice go to the report. Raises ConfigError for what is not YAML."""
    first = Place(file, 1, 1)
    try:
        node = composed(text)
        if node is None:
            raise ConfigError(Problem(str(first), "The file is empty."))
        return _item(node, _Source(file, text.splitlines(), report))
    except MarkedYAMLError as error:
        mark: Any = error.problem_mark or error.context_mark
        place = Place(file, mark.line + 1, mark.column + 1) if mark else first
        raise ConfigError(Problem(str(place), f"This is not YAML: {error.problem or error}.")) from error
    except YAMLError as error:
        raise ConfigError(Problem(str(first), f"This is not YAML: {error}.")) from error
    except RecursionError as error:
        raise ConfigError(Problem(str(first), TOO_DEEP)) from error


def compose(text: str) -> Node | None:
    """The nodes of a text; None if it holds nothing. Raises YAMLError or RecursionError for what is not YAML."""
    try:
        found: Node | None = YAML(typ="safe", pure=True).compose(text)
    except (ArithmeticError, AssertionError, ValueError) as error:  # a letter beyond all letters, a version of YAML
        raise YAMLError(str(error)) from error
    return found


composed = lru_cache(maxsize=64)(compose)
"""The same, remembered: each map is read for its kinds, then for its rules. They are large, and rarely asked for."""


DEEPEST, TOO_DEEP = 30, "This is nested too deeply, or contains itself."

MOST = 50_000
"""Words, lists and tables that one file may hold, its aliases unfolded: some fifty times the largest map we know."""


@dataclass(frozen=True, slots=True)
class _Source:
    file: str
    lines: list[str]
    report: Report
    numbers: Iterator[int] = field(default_factory=itertools.count)
    seen: set[int] = field(default_factory=set)

    def indent(self, node: ScalarNode) -> int:
        """The columns before the first line of a block scalar, which begins on the line after its sign."""
        line = node.start_mark.line + 1
        found = self.lines[line] if node.style in ("|", ">") and line < len(self.lines) else ""
        return len(found) - len(found.lstrip())


def _item(node: Node, source: _Source, depth: int = 0) -> Item:
    place = Place(source.file, node.start_mark.line + 1, node.start_mark.column + 1)
    source.seen.add(id(node))
    if (number := next(source.numbers)) > MOST:
        raise ConfigError(_too_much(place, unfolded=2 * len(source.seen) < number))
    if depth > DEEPEST:
        raise ConfigError(Problem(str(place), TOO_DEEP))
    if isinstance(node, ScalarNode):
        blank = node.style is None and node.value in NULLS
        return Scalar(None if blank else str(node.value), place, node.style, source.indent(node))
    if isinstance(node, MappingNode):
        return _table(node, place, source, depth)
    return Sequence(tuple(_item(child, source, depth + 1) for child in node.value), place)


def _too_much(place: Place, *, unfolded: bool) -> Problem:
    """`unfolded`: most of it was met before, which only aliases do; a few of them do not make a large file a bomb."""
    if unfolded:
        message = f"This unfolds to more than {MOST:,} words: aliases that hold aliases grow with each."
        return Problem(str(place), message, "Write it out, or take the aliases (*name) away.")
    message = f"This file holds more than {MOST:,} words, lists and tables."
    return Problem(str(place), message, "Take out what is not needed, or write several smaller files.")


def _table(node: MappingNode, place: Place, source: _Source, depth: int) -> Table:
    table = Table({}, {}, place)
    for key, value in _pairs(node, source, depth):
        name = key.text or ""
        if name in table.entries:
            first = table.keys[name]
            source.report.error(key.place, f"{name!r} is given twice; first on line {first.line}.", "Keep one.")
            continue
        table.keys[name] = key.place
        table.entries[name] = value
    return table


def _pairs(node: MappingNode, source: _Source, depth: int) -> Iterator[tuple[Scalar, Item]]:
    for key, value in node.value:
        found = _item(key, source, depth + 1)
        if isinstance(found, Scalar):
            yield found, _item(value, source, depth + 1)
        else:
            source.report.error(found.place, "A key must be a word.")
