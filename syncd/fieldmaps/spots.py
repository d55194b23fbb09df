"""Where in a map's text a cursor stands: at which key or value, also while the text is half typed.

A word is put where the cursor is, and the text is read with it: where the word turns up is where the cursor stands. So
what may be written there keeps the text readable. A text that cannot be read is read up to the cursor, with what is
open there closed.
What is not here: what may be written (`offers`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

from syncd.fieldmaps.editing import Path
from syncd.fieldmaps.source import compose, composed

QUOTES = ("", '"', "'")
_KEY_FOLLOWS = re.compile(r"[ \t]*:")
_NO_WORD_FOLLOWS = re.compile(r"[ \t]*(?:$|[\n,}\]]|[ \t]#)")
_REST = re.compile(r"[\w.@+-]*")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a cursor stands. `path`: of the value, or of the table of which it is a `key`; `before`: of its text.

    `start`, `end`: what a word would stand instead of, None where it is part of a longer text; `quoted`: in quotes;
    `colon`: a key that lacks its colon; `root`: all of the text, with a word of ours where the cursor is.
    """

    path: Path
    root: Node
    before: str
    key: bool = False
    colon: bool = False
    quoted: bool = False
    start: int | None = None
    end: int | None = None

    def node(self, path: Path) -> Node | None:
        """What stands at a path."""
        found: Node | None = self.root
        for step in path:
            found = _below(found, step)
        return found

    def text(self, path: Path) -> str:
        """The text at a path; "" if none stands there."""
        found = self.node(path)
        return str(found.value) if isinstance(found, ScalarNode) else ""

    def keys(self, path: Path) -> list[str]:
        """What a table has."""
        found = self.node(path)
        return [str(key.value) for key, _ in found.value] if isinstance(found, MappingNode) else []


def _below(node: Node | None, step: str | int) -> Node | None:
    if isinstance(node, SequenceNode) and isinstance(step, int):
        return node.value[step] if step < len(node.value) else None
    pairs = node.value if isinstance(node, MappingNode) else ()
    return next((value for key, value in pairs if isinstance(key, ScalarNode) and key.value == step), None)


def spots(text: str, at: int) -> list[Spot]:
    """What the place before letter `at` may be, the likeliest first."""
    mark = "syncdstandshere"
    while mark in text:
        mark += "z"
    head, tail = text[:at], text[at:]
    found = [*_whole(head, tail, mark)]
    return found if found or _reads(text) else list(_half(head, tail, mark))


def _whole(head: str, tail: str, mark: str) -> Iterator[Spot]:
    """With all of the text around it."""
    word = _spot(head, tail, mark, "")
    if word is not None:
        yield word
    if (word is None or not word.key) and _NO_WORD_FOLLOWS.match(tail):
        key = _spot(head, tail, mark, ": ")
        if key is not None and key.key:
            yield key


def _half(head: str, tail: str, mark: str) -> Iterator[Spot]:
    """With what is before it alone."""
    closers = _closers(head)
    rest = _REST.match(tail)
    length = rest.end() if rest else 0
    for quote in QUOTES:
        more = length + 1 if quote and tail[length : length + 1] == quote else length
        for colon in ("", ": "):
            found = _spot(head, f"{quote}{colon}{closers}", mark, "", behind=tail[more:], more=more)
            if found is not None and found.key == bool(colon):
                yield found
                return


def _closers(head: str) -> str:
    """What closes the braces and brackets that are open at a text's end."""
    opened: list[str] = []
    with suppress(YAMLError, RecursionError, ArithmeticError, AssertionError, ValueError):
        for token in YAML(typ="safe", pure=True).scan(head):
            if isinstance(token, FlowMappingStartToken | FlowSequenceStartToken):
                opened.append("}" if isinstance(token, FlowMappingStartToken) else "]")
            elif isinstance(token, FlowMappingEndToken | FlowSequenceEndToken) and opened:
                opened.pop()
    return "".join(reversed(opened))


def _reads(text: str) -> bool:
    try:
        composed(text)
    except (YAMLError, RecursionError):
        return False
    return True


def _spot(
    head: str, tail: str, mark: str, colon: str, *, behind: str | None = None, more: int | None = None
) -> Spot | None:
    """Where the word turns up. `behind`, `more`: what truly comes then, where the tail is made up."""
    text = f"{head}{mark}{colon}{tail}"
    try:
        root = compose(text)
    except (YAMLError, RecursionError):
        return None
    hit = _find(root, mark) if root is not None else None
    if root is None or hit is None:
        return None
    path, node, key = hit
    at, start = len(head), int(node.start_mark.index)
    span = _span(text, node, start)
    ends = at if colon else (span[1] if span else 0) - len(mark) if more is None else at + more
    follows = text[span[1] :] if span and behind is None else behind or ""
    lacks = key and not (_KEY_FOLLOWS.match(follows) and not colon)
    if key and lacks and not colon and behind is None:
        return None  # a word alone in braces: it is tried with a colon
    quote = bool(node.style) and span is not None
    return Spot(
        path=path, root=root, key=key, colon=lacks, quoted=quote, before=text[start + quote : at],
        start=start if span else None, end=ends if span else None,
    )  # fmt: skip


def _span(text: str, node: ScalarNode, start: int) -> tuple[int, int] | None:
    """From where to where a word stands that may be exchanged: on one line, nothing tied to it."""
    end = int(node.end_mark.index)
    if node.style is None and text[start:end] == node.value:
        return (start, end)
    one_line = node.style in ('"', "'") and "\n" not in text[start:end]
    return (start, end) if one_line and text[start] == node.style and text[end - 1] == node.style else None


def _find(root: Node, mark: str) -> tuple[Path, ScalarNode, bool] | None:
    """The path of the text that has the word; of a key, the path of its table, and True."""
    waiting: list[tuple[Path, Node]] = [((), root)]
    seen: set[int] = set()
    while waiting:
        path, node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, ScalarNode):
            if mark in node.value:
                return path, node, False
        elif isinstance(node, SequenceNode):
            waiting += [((*path, i), child) for i, child in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            for name, value in node.value:
                if isinstance(name, ScalarNode) and mark in name.value:
                    return path, name, True
                waiting.append(((*path, str(name.value) if isinstance(name, ScalarNode) else -1), value))
    return None
