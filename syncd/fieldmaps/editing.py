"""Changes of a map's text that touch nothing else of it: comments, order, spacing and quotes stay as they were.

Every change is made at its place in the text, then the text is read again and must say what was asked for and nothing
else; where it does not (aliases, forms that nobody foresaw), nothing is changed and a person edits the text.
What is not here: whether the map is a good one (`maps`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from syncd.core.model import Schema
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.source import NULLS, Report, compose, parse

Written = str | Sequence[str] | Mapping[str, Any]
"""A value as it is to stand in the text: texts, lists of them and tables, one in the other."""

Path = tuple[str | int, ...]
"""Where something stands: `("fields", 3, "values")`."""

PLAIN = re.compile(r"[A-Za-z0-9_](?:[\w.@+/&() -]*[\w.@+/&()-])?", re.ASCII)
LONGEST = 100
"""Letters of an expression on a line; a longer one, or one of several lines, is written below its key."""


@dataclass(frozen=True, slots=True)
class Put:
    """Write a key of the table at `at`, new or instead of what stands there."""

    at: Path
    key: str
    value: Written


@dataclass(frozen=True, slots=True)
class Drop:
    """Take a key out of the table at `at`."""

    at: Path
    key: str


@dataclass(frozen=True, slots=True)
class Add:
    """Put a table at the end of the list at `at`."""

    at: Path
    value: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Remove:
    """Take an entry out of the list at `at`. Comments above it stay."""

    at: Path
    index: int


@dataclass(frozen=True, slots=True)
class Swap:
    """Exchange an entry of the list at `at` with the one after it; the comment right above each goes along."""

    at: Path
    index: int


Change = Put | Drop | Add | Remove | Swap


def edit(text: str, *changes: Change) -> str:
    """The text with these changes. Raises ConfigError where one cannot be made without touching something else."""
    for change in changes:
        text = _edited(text, change)
    return text


def _edited(text: str, change: Change) -> str:
    plain = _plain(text)
    wanted = _done(deepcopy(plain), change)
    if wanted == plain:
        return text
    try:
        found = _Editor(text, _composed(text)).make(change)
        if _plain(found) == wanted:
            return found
    except (_Strange, ConfigError):
        pass
    raise _by_hand(change)


def _by_hand(change: Change) -> ConfigError:
    where = ".".join(map(str, change.at)) or "the map"
    message = "is written in a way that cannot be changed here without touching something else."
    return ConfigError(Problem(where, message, "Change it in the text (the tab YAML)."))


def _plain(text: str) -> Any:
    report = Report()
    found = parse(text, "map", report)
    report.stop_on_errors()
    return found.plain


def _done(plain: Any, change: Change) -> Any:
    """What the map is to say afterwards. Raises ConfigError if there is no such place."""
    at = plain
    try:
        for step in change.at:
            at = at[step]
        _DO[type(change)](at, change)
    except (KeyError, IndexError, TypeError) as error:
        problem = Problem(".".join(map(str, change.at)), "is not in this text any more.", "Load the page again.")
        raise ConfigError(problem) from error
    return plain


def _put(at: Any, change: Any) -> None:
    at[change.key] = _as_read(change.value)


def _drop(at: Any, change: Any) -> None:
    at.pop(change.key, None)


def _add(at: Any, change: Any) -> None:
    at.append(_as_read(change.value))


def _remove(at: Any, change: Any) -> None:
    del at[change.index]


def _swap(at: Any, change: Any) -> None:
    at[change.index], at[change.index + 1] = at[change.index + 1], at[change.index]


_DO: Mapping[type, Callable[[Any, Any], None]] = {Put: _put, Drop: _drop, Add: _add, Remove: _remove, Swap: _swap}


def _as_read(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _as_read(one) for key, one in value.items()}
    return value if isinstance(value, str) else [_as_read(one) for one in value]


class _Strange(Exception):
    """The text has a form that is not edited here."""


def _composed(text: str) -> Node:
    try:
        node = compose(text)
    except (YAMLError, RecursionError) as error:
        raise _Strange from error
    if node is None or _shared(node, set()):
        raise _Strange
    return node


def _shared(node: Node, seen: set[int]) -> bool:
    """Whether something is named by an alias: a change of it would be one in several places."""
    if id(node) in seen:
        return True
    seen.add(id(node))
    return any(_shared(child, seen) for child in _children(node))


def _flows(node: Node) -> bool:
    """Whether it stands in braces or brackets."""
    return isinstance(node, MappingNode | SequenceNode) and bool(node.flow_style)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


@dataclass(frozen=True, slots=True)
class _Editor:
    """One text with its nodes."""

    text: str
    root: Node

    def make(self, change: Change) -> str:
        node = self.root
        for step in change.at:
            node = self._below(node, step)
        match change:
            case Put(key=key, value=value) if isinstance(node, MappingNode):
                return self.put(node, key, value)
            case Drop(key=key) if isinstance(node, MappingNode):
                return self.drop(node, key)
            case Add(value=value) if isinstance(node, SequenceNode):
                return self.add(node, value)
            case Remove(index=index) if isinstance(node, SequenceNode):
                return self.remove(node, index)
            case Swap(index=index) if isinstance(node, SequenceNode):
                return self.swap(node, index)
        raise _Strange

    def _below(self, node: Node, step: str | int) -> Node:
        if isinstance(node, SequenceNode) and isinstance(step, int):
            found: Node = node.value[step]
        elif isinstance(node, MappingNode):
            found = next(value for key, value in node.value if key.value == step)
        else:
            raise _Strange
        return found

    def start(self, node: Node) -> int:
        return int(node.start_mark.index)

    def end(self, node: Node) -> int:
        """Behind its last letter; what YAML counts to a block also has the comments and blank lines after it."""
        if not isinstance(node, ScalarNode):
            children = _children(node)
            if _flows(node) or not children:
                return int(node.end_mark.index)
            return self.end(children[-1])
        start, end = self.start(node), int(node.end_mark.index)
        return start + len(self.text[start:end].rstrip()) if node.style in ("|", ">") else end

    def cut(self, start: int, end: int, instead: str = "") -> str:
        return self.text[:start] + instead + self.text[end:]

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Behind the line's end, or the text's."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    # --- tables

    def put(self, node: MappingNode, key: str, value: Written) -> str:
        for name, old in node.value:
            if name.value == key:
                return self._replaced(node, name, old, value)
        if node.flow_style:
            at = self.end(node.value[-1][1]) if node.value else self.start(node) + 1
            return self.cut(at, at, f"{', ' if node.value else ''}{written(key)}: {written(value)}")
        column = node.value[0][0].start_mark.column
        return self._line_after(self.end(node.value[-1][1]), f"{' ' * column}{written(key)}: {_block(value, column)}")

    def _replaced(self, node: MappingNode, name: Node, old: Node, value: Written) -> str:
        start, end = self.start(old), self.end(old)
        inside = written(value) if node.flow_style else _block(value, name.start_mark.column)
        if start == end:  # a key without a value
            start = end = self.end(name) + self.text[self.end(name) :].index(":") + 1
            inside = f" {inside}"
        elif isinstance(old, MappingNode | SequenceNode) and not old.flow_style:  # it stands on the lines below its key
            start = self.end(name) + self.text[self.end(name) :].index(":") + 1
            inside = f" {inside}"
        return self.cut(start, end, inside)

    def _line_after(self, at: int, line: str) -> str:
        end = self.line_end(at)
        first = "" if self.text[:end].endswith("\n") else "\n"
        return self.cut(end, end, f"{first}{line}\n")

    def drop(self, node: MappingNode, key: str) -> str:
        at = next(i for i, (name, _) in enumerate(node.value) if name.value == key)
        if len(node.value) == 1:
            raise _Strange
        name, value = node.value[at]
        start, end = self.start(name), max(self.end(value), self.end(name))
        if node.flow_style:
            return self._out_of_flow([pair[0] for pair in node.value], [pair[1] for pair in node.value], at)
        if self.text[self.line_start(start) : start].strip():  # behind the dash of its list
            following = self.start(node.value[at + 1][0])
            return self.cut(start, end if "#" in self.text[end:following] else following)
        return self.cut(self.line_start(start), self.line_end(end))

    def _out_of_flow(self, firsts: Sequence[Node], lasts: Sequence[Node], at: int) -> str:
        """An entry and one comma next to it; a comment between two entries stays."""
        start, end = self.start(firsts[at]), self.end(lasts[at])
        before = at > 0
        gap = (self.end(lasts[at - 1]), start) if before else (end, self.start(firsts[1]))
        if self.text[slice(*gap)].strip() == ",":
            return self.cut(*((gap[0], end) if before else (start, gap[1])))
        comma = self.text.index(",", gap[0])
        first, second = sorted([(start, end), (comma, comma + 1)])
        return self.text[: first[0]] + self.text[first[1] : second[0]] + self.text[second[1] :]

    # --- lists

    def add(self, node: SequenceNode, value: Mapping[str, Any]) -> str:
        if node.flow_style:
            at = self.end(node.value[-1]) if node.value else self.start(node) + 1
            return self.cut(at, at, f"{', ' if node.value else ''}{written(value)}")
        column = self._dash(node.value[0]) - self.line_start(self._dash(node.value[0]))
        return self._line_after(self.end(node.value[-1]), f"{' ' * column}- {written(value)}")

    def _dash(self, item: Node) -> int:
        start = self.start(item)
        found = self.text.rfind("-", 0, start)
        if self.text[found + 1 : start].strip() or self.text[self.line_start(found) : found].strip():
            raise _Strange
        return found

    def remove(self, node: SequenceNode, index: int) -> str:
        if len(node.value) == 1:
            raise _Strange
        if node.flow_style:
            return self._out_of_flow(node.value, node.value, index)
        item = node.value[index]
        return self.cut(self.line_start(self._dash(item)), self.line_end(self.end(item)))

    def swap(self, node: SequenceNode, index: int) -> str:
        first, second = node.value[index], node.value[index + 1]
        if node.flow_style:
            a, b = (self.start(first), self.end(first)), (self.start(second), self.end(second))
        else:
            a, b = self._with_comment(first), self._with_comment(second)
        one, between, other = self.text[slice(*a)], self.text[a[1] : b[0]], self.text[slice(*b)]
        if not node.flow_style and not other.endswith("\n"):  # the last line of the text
            other, one = f"{other}\n", one.removesuffix("\n")
        return self.text[: a[0]] + other + between + one + self.text[b[1] :]

    def _with_comment(self, item: Node) -> tuple[int, int]:
        start = self.line_start(self._dash(item))
        while start and self.text[self.line_start(start - 1) : start].lstrip().startswith("#"):
            start = self.line_start(start - 1)
        return start, self.line_end(self.end(item))


def _block(value: Written, column: int) -> str:
    """A value behind a key that stands on a line of its own."""
    if isinstance(value, str) and ("\n" in value or len(value) > LONGEST) and _fits_block(value):
        inside = " " * (column + 2)
        return "|-\n" + "\n".join(f"{inside}{line}" if line else "" for line in value.split("\n"))
    return written(value)


def _fits_block(text: str) -> bool:
    lines = text.split("\n")
    clean = all(line.isprintable() for line in lines)
    return clean and text == text.strip() and not lines[0].startswith(" ")


def pinned(name: str, schema: Schema) -> Written:
    """A field as a map names it: a custom one is pinned by its id, with the label it has now."""
    known = schema.fields.get(name)
    if known is not None and known.custom and known.label and known.label != name:
        return {"custom": name, "label": known.label}
    return name


def written(value: Written) -> str:
    """A value on one line, in quotes only where it needs them."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(str(key))}: {written(one)}" for key, one in value.items()) + "}"
    if not isinstance(value, str):
        return "[" + ", ".join(map(written, value)) + "]"
    return value if PLAIN.fullmatch(value) and value not in NULLS else quoted(value)


def quoted(value: str) -> str:
    """A text in quotes."""
    return '"' + "".join(map(_letter, value)) + '"'


def _letter(letter: str) -> str:
    if letter in '"\\':
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    return {"\n": "\\n", "\t": "\\t"}.get(letter) or (f"\\U{code:08x}" if code > 0xFFFF else f"\\u{code:04x}")
