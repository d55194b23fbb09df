"""What may be written where a cursor stands in a map's text: keys, words of a closed list, fields and values there are.

Whatever is offered, put in its place, leaves a text that could be read one that can be read.
What is not here: finding out where the cursor stands (`spots`), and drawing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncd.core.model import FieldType, Option, Schema, Side
from syncd.fieldmaps import schema as formats
from syncd.fieldmaps.editing import Path, Written, pinned, quoted, written
from syncd.fieldmaps.matching import SYNC_KEY
from syncd.fieldmaps.spots import Spot, spots

LONGEST = 100_000
"""Letters of a text that is still looked through at every key that is pressed: thirty times the largest we ship."""

MOST = 50
"""Offers at once; more are for nobody to read."""

_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_OF_SIDE = re.compile(r"\b(left|right)\.(\w*)$", re.ASCII)
_WORD = re.compile(r"(?<![\w.])(\w*)$", re.ASCII)
_REST = re.compile(r"\w*", re.ASCII)
_NOT = 3
Node = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Offer:
    """Something that may stand there. `name`, `label`: found by; `says`: what it is; `insert`: is written."""

    name: str
    says: str
    insert: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Offers:
    """`start`, `end`: the columns of the line between which an offer is put; `title`: what the place is for.

    `whole`: one of them is there already; `more`: so many are not told.
    """

    items: Sequence[Offer] = ()
    start: int = 1
    end: int = 1
    title: str = ""
    whole: bool = False
    more: int = 0


def offers(
    text: str, line: int, column: int, schema: Node, fields: Mapping[Side, Schema], maps: Sequence[str] = ()
) -> Offers:
    """What may stand at a line and column, counted from one. `schema`: of a map; `maps`: the others of its pair."""
    if len(text) > LONGEST:
        return Offers()
    lines = text.split("\n")
    row = min(max(line, 1), len(lines)) - 1
    begin = sum(len(one) + 1 for one in lines[:row])
    at = begin + min(max(column, 1) - 1, len(lines[row]))
    found = Offers()
    for spot in spots(text, at):
        place = _Place(spot, schema, fields, maps)
        one = place.inside(text, at) or place.instead()
        if one is not None and (not found.items or (one.start, one.end) == (found.start, found.end)):
            found = replace(one, items=[*found.items, *one.items], title=found.title or one.title)
    if not found.items:
        return found
    shown = replace(found, start=found.start - begin + 1, end=found.end - begin + 1)
    return replace(shown, items=found.items[:MOST], more=max(0, len(found.items) - MOST))


def _fitting(every: Sequence[Offer], typed: str, start: int, end: int, title: str) -> Offers | None:
    """Those that go with what is typed, or all where one is typed out."""
    key = typed.casefold()
    if whole := any(key == one.name.casefold() for one in every):
        return Offers(every, start, end, title, whole=whole)
    ranks = [(_rank(one, key), one) for one in every]
    fit = [one for rank, one in sorted(ranks, key=lambda pair: pair[0]) if rank < _NOT]
    return Offers(fit, start, end, title) if fit else None


def _rank(one: Offer, key: str) -> int:
    name, label = one.name.casefold(), one.label.casefold()
    found = (name.startswith(key), label.startswith(key), key in name or key in label)
    return found.index(True) if True in found else _NOT


@dataclass(frozen=True, slots=True)
class _Place:
    """A spot, with all that could be named there."""

    spot: Spot
    schema: Node
    fields: Mapping[Side, Schema]
    maps: Sequence[str]

    @property
    def nodes(self) -> list[Node]:
        """What the format says of the place."""
        found = _alternatives(self.schema)
        for step in self.spot.path:
            found = [one for node in found for child in _step(node, step) for one in _alternatives(child)]
        return found

    # --- instead of the word that stands there

    def instead(self) -> Offers | None:
        """Keys or values."""
        spot = self.spot
        if spot.start is None or spot.end is None:
            return None
        every = list(self._keys() if spot.key else self._values())
        return _fitting(every, spot.before, spot.start, spot.end, self._title)

    @property
    def _title(self) -> str:
        return next((str(node["description"]) for node in self.nodes if "description" in node), "")

    def _keys(self) -> Iterator[Offer]:
        """Keys that the table does not have."""
        there = self.spot.keys(self.spot.path)
        for node in self.nodes:
            for name, child in node.get("properties", {}).items():
                if name not in there:
                    yield self._key(Offer(name, str(child.get("description", "")), ""))
            named = node.get("propertyNames", {}).get("format")
            for one in self._named(named) if named else ():
                if one.name not in there:
                    yield self._key(one)

    def _key(self, one: Offer) -> Offer:
        return replace(one, insert=self._as_it_stands(one.name) + (": " if self.spot.colon else ""))

    def _values(self) -> Iterator[Offer]:
        for node in self.nodes:
            words = node.get("enum", [node["const"]] if "const" in node else [])
            for word in ["true", "false"] if node.get("type") == "boolean" else words:
                yield Offer(str(word), "", self._as_it_stands(str(word)))
            yield from self._named(node.get("format", ""))

    def _as_it_stands(self, value: Written) -> str:
        """Quotes stay: what follows may be tied to them."""
        return quoted(value) if self.spot.quoted and isinstance(value, str) else written(value)

    # --- what there is

    def _named(self, what: str) -> Iterable[Offer]:
        naming: Mapping[str, Callable[[], Iterable[Offer]]] = {
            formats.FIELD: self._fields,
            formats.FIELD_NAME: lambda: self._plainly(_fields(self._of_side)),
            formats.CUSTOM_FIELD: lambda: self._plainly(_fields(self._of_side, custom=True)),
            formats.CUSTOM_LABEL: self._label,
            formats.MAP: lambda: self._plainly(Offer(name, "", "") for name in self.maps),
            formats.LEFT_VALUE: lambda: self._options(self._field_of_rule(Side.LEFT)),
            formats.RIGHT_VALUE: lambda: self._options(self._field_of_rule(Side.RIGHT)),
            formats.FIELD_VALUE: lambda: self._options(self._field_named(self._side, str(self.spot.path[-1]))),
        }
        return naming[what]() if what in naming else ()

    def _plainly(self, named: Iterable[Offer]) -> Iterator[Offer]:
        return (replace(one, insert=self._as_it_stands(one.name)) for one in named)

    def _fields(self) -> Iterator[Offer]:
        """A custom one is pinned."""
        of = self._of_side
        for one in _fields(of):
            yield replace(one, insert=self._as_it_stands(pinned(one.name, of) if of is not None else one.name))

    def _label(self) -> Iterable[Offer]:
        field = self._field_named(self._side, self.spot.text((*self.spot.path[:-1], "custom")))
        return self._plainly([Offer(field.label, "", "")] if field is not None and field.label else [])

    def _options(self, field: FieldType | None) -> Iterator[Offer]:
        options: Sequence[Option] = field.options if field is not None else ()
        return self._plainly(
            Offer(one.value, one.label if one.label != one.value else "", "", one.label) for one in options
        )

    @property
    def _side(self) -> Side | None:
        """The side that the place is about."""
        named = (Side(step) for step in reversed(self.spot.path) if step in ("left", "right"))
        return next(named, None)

    @property
    def _of_side(self) -> Schema | None:
        return self.fields.get(self._side) if self._side is not None else None

    def _field_named(self, side: Side | None, name: str) -> FieldType | None:
        of = self.fields.get(side) if side is not None else None
        return of.fields.get(name) if of is not None else None

    def _field_of_rule(self, side: Side) -> FieldType | None:
        """The field of the rule in which the place is."""
        rule: Path = self.spot.path[:2]
        name = self.spot.text((*rule, side.value)) or self.spot.text((*rule, side.value, "custom"))
        return self._field_named(side, name)

    # --- within a longer text

    def inside(self, text: str, at: int) -> Offers | None:
        """A field within an expression, a part of a match key."""
        told = (
            [] if self.spot.key else [node for node in self.nodes if node.get("format") in (formats.CEL, formats.KEY)]
        )
        if not told:
            return None
        if told[0]["format"] == formats.KEY:
            return self._part(text, at, self._match_words(), self._title, _WORD.search(self.spot.before))
        before = self.spot.before
        if before.count("'") % 2 or (not self.spot.quoted and before.count('"') % 2):
            return None  # within a text of the expression
        of_side = _OF_SIDE.search(before)
        if of_side is None:
            sides = [Offer(f"{side.value}.", f"A field of the {side.value} record.", "") for side in Side]
            return self._part(text, at, sides, self._title, _WORD.search(before))
        found = _fields(self.fields.get(Side(of_side[1])))
        return self._part(text, at, found, f"A field of the {of_side[1]} record.", of_side)

    def _part(
        self, text: str, at: int, named: Iterable[Offer], title: str, word: re.Match[str] | None
    ) -> Offers | None:
        """Words of letters, instead of the one at the cursor."""
        rest = _REST.match(text, at)
        if word is None or rest is None:
            return None
        every = [replace(one, insert=one.name) for one in named if _NAME.fullmatch(one.name.removesuffix("."))]
        typed = word[word.lastindex or 0]
        return _fitting(every, typed, at - len(typed), rest.end(), title)

    def _match_words(self) -> list[Offer]:
        """What records can be recognized by: our key, and the fields that rules compare."""
        found = {SYNC_KEY: "The key of syncd's own."}
        fields = self.spot.node(("fields",))
        for i in range(len(fields.value) if fields is not None and isinstance(fields.value, list) else 0):
            left, right, convert = (self.spot.text(("fields", i, key)) for key in ("left", "right", "convert"))
            if left and right:
                found.setdefault(left, f"{left} and {right} are the same.")
                if convert:
                    found.setdefault(convert, f"Any two fields that are translated by {convert} are the same.")
        return [Offer(name, says, "") for name, says in found.items()]


def _fields(of: Schema | None, *, custom: bool = False) -> list[Offer]:
    """The fields that there are, with what people call them and what they hold."""
    found = of.fields.items() if of is not None else ()
    return [
        Offer(name, f"{one.label} · {one.kind.value}" if one.label not in ("", name) else one.kind.value, "", one.label)
        for name, one in found
        if one.custom or not custom
    ]


def _alternatives(node: Node) -> list[Node]:
    """What a place may be; what is said of all is said of each that says nothing."""
    if "anyOf" not in node:
        return [node]
    said = {"description": node["description"]} if "description" in node else {}
    return [one for each in node["anyOf"] for one in _alternatives({**said, **each})]


def _step(node: Node, step: str | int) -> list[Node]:
    """What the format says of what is below."""
    if isinstance(step, int):
        found = node.get("items")
    else:
        found = node.get("properties", {}).get(step, node.get("additionalProperties"))
    return [found] if isinstance(found, Mapping) else []
