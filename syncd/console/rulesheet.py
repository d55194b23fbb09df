"""A map's rules as a person reads and changes them: each line of the text with its fields, in words.

What is not here: changing the text (`fieldmaps.editing`), and the page (`pages.mapedit`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.console.words import title
from syncd.core.fieldmap import Blank, Drift, FieldMap, Owner, Rule, Unconvertible, Unmapped
from syncd.core.model import FieldType, Option, Schema, Side
from syncd.core.values import BUILDERS
from syncd.core.values.choices import Pick
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.editing import Change, Drop, Path, Put, pinned
from syncd.fieldmaps.source import Report, parse

LISTS = ("relations", "fields")
KEPT = "="
"""Stands for a value that a form cannot show, such as a converter with options: it stays as it is written."""

LACKING_SHOWN = 40
Plain = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class End:
    """A rule's field on a side. `type`: None where there is no such field."""

    side: Side
    name: str
    type: FieldType | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return (self.type.label if self.type is not None else "") or self.name


@dataclass(frozen=True, slots=True)
class Lacking:
    """Values of a side's pick list without a counterpart; `more`: so many are not shown."""

    side: Side
    options: Sequence[Option]
    more: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the map. `rule`: as it was compiled; None while the map has mistakes, or where it is left out."""

    list: str
    index: int
    name: str
    ends: Mapping[Side, End]
    plain: Plain
    rule: Rule | None = None
    values: Sequence[tuple[str, Sequence[str]]] = ()
    lacking: Sequence[Lacking] = ()

    @property
    def id(self) -> str:
        """Within the page."""
        return f"{self.list}-{self.index}"

    def told(self, key: str) -> str:
        """A setting as the form has it: what is written, "" for the default, `=` for what it cannot show."""
        found = self.plain.get(key, "")
        return found if isinstance(found, str) else "" if found is None else KEPT


@dataclass(frozen=True, slots=True)
class Sheet:
    """All lines. `broken`: the text is no table of a map, so that none can be shown."""

    rows: Sequence[Row] = ()
    broken: bool = False
    other: Sequence[tuple[str, str]] = field(default_factory=tuple)


def sheet(text: str, m: FieldMap | None, schemas: Mapping[Side, Schema]) -> Sheet:
    """The lines of a text, with the compiled rules where it could be compiled."""
    plain = plain_of(text)
    if plain is None:
        return Sheet(broken=True)
    compiled = {rule.identity: rule for rule in m.rules} if m is not None else {}
    rows = [
        _row(name, index, one, compiled, schemas)
        for name in LISTS
        for index, one in enumerate(plain.get(name) or ())
        if isinstance(one, Mapping)
    ]
    return Sheet(rows, other=tuple(_conditions(plain)))


def plain_of(text: str) -> Plain | None:
    """What a text says; None if it is no table."""
    try:
        found = parse(text, "map", Report()).plain
    except ConfigError:
        return None
    return found if isinstance(found, Mapping) else None


def _conditions(plain: Plain) -> Iterator[tuple[str, str]]:
    """What else people ask of a map, in their words."""
    if isinstance(plain.get("only"), str):
        yield "Only records of which this holds", plain["only"]
    create = plain.get("create")
    for side, one in create.items() if isinstance(create, Mapping) else ():
        if isinstance(one, Mapping) and isinstance(one.get("when"), str):
            yield f"A record is made on the {side} when", one["when"]


def _row(name: str, index: int, plain: Plain, compiled: Mapping[str, Rule], schemas: Mapping[Side, Schema]) -> Row:
    ends = {
        side: End(side, called, schemas[side].fields.get(called)) for side in Side if (called := _field(plain, side))
    }
    left, right = (ends[side].name if side in ends else "" for side in Side)
    own = plain.get("name") if isinstance(plain.get("name"), str) else None
    names = [own] if own else [left or right, f"{left}>{right}"]
    rule = next((found for each in names if (found := compiled.get(f"{each}|{left}|{right}"))), None)
    called = rule.name if rule is not None else names[0] or f"{name} {index + 1}"
    lacking = tuple(lacks(rule)) if rule is not None else ()
    return Row(name, index, called, ends, plain, rule, tuple(values_of(plain)), lacking)


def _field(plain: Plain, side: Side) -> str:
    found = plain.get(side.value)
    found = found.get("custom") if isinstance(found, Mapping) else found
    return found if isinstance(found, str) else ""


def values_at(plain: Plain) -> tuple[str, ...]:
    """Where a rule's table of values stands."""
    convert = plain.get("convert")
    if isinstance(convert, Mapping):
        for name, inner in convert.items():
            if isinstance(inner, Mapping) and isinstance(inner.get("values"), Mapping):
                return ("convert", name, "values")
    return ("values",)


def values_of(plain: Plain) -> list[tuple[str, Sequence[str]]]:
    """The table of values, left to right."""
    found: Any = plain
    for step in values_at(plain):
        found = found.get(step) if isinstance(found, Mapping) else None
    if not isinstance(found, Mapping):
        return []
    return [(left, [right] if isinstance(right, str) else list(right or ())) for left, right in found.items()]


def lacks(rule: Rule) -> Iterator[Lacking]:
    """Options that the rule would have to carry and cannot."""
    if not isinstance(rule.convert, Pick):
        return
    exact = rule.convert.exact()
    for side in Side:
        kind = rule.type(side)
        if kind is None or not carries(rule, side.other):
            continue
        missing = [option for option in kind.options if not _crosses(exact, option.value, side.other)]
        if missing:
            yield Lacking(side, missing[:LACKING_SHOWN], max(0, len(missing) - LACKING_SHOWN))


def carries(rule: Rule, to: Side) -> bool:
    """Whether the rule takes values to this side, later or when a record is made."""
    return rule.field(to) is not None and (rule.flows(to) or rule.direction.value == "create")


def _crosses(convert: Pick, value: str, to: Side) -> bool:
    try:
        convert.convert(value, to)
    except Unconvertible:
        return False
    return True


# --- changing

CHOICES: Mapping[str, Sequence[str]] = {
    "owner": [one.value for one in Owner],
    "on_blank": [one.value for one in Blank],
    "drift": [one.value for one in Drift],
    "unmapped": [one.value for one in Unmapped],
    "convert": sorted(BUILDERS),
    "optional": ["true", "false"],
    "direction": ["<->", "->", "<-", "create"],
}
SETTINGS = {
    "fields": ("direction", "owner", "convert", "on_blank", "drift", "unmapped", "fallback", "optional", "expr"),
    "relations": ("direction", "owner", "drift"),
}
TYPED = ("fallback", "expr")


def changes(row: Row, form: Mapping[str, str], schemas: Mapping[Side, Schema]) -> list[Change]:
    """What a form changes of a line. Raises ConfigError for a word that no form of ours offers."""
    at = (row.list, row.index)
    found: list[Change] = []
    for side in Side:
        given = form.get(side.value, "").strip()
        was = row.ends[side].name if side in row.ends else ""
        if side.value in form and given != was:
            found.append(Put(at, side.value, pinned(given, schemas[side])) if given else Drop(at, side.value))
    for key in SETTINGS[row.list]:
        given = form.get(key, row.told(key)).replace("\r\n", "\n")
        if given in (row.told(key), KEPT):
            continue
        if given and key not in TYPED and given not in CHOICES[key]:
            raise ConfigError(Problem(key, f"may not be {given[:80]!r}.", f"It is one of {', '.join(CHOICES[key])}."))
        found.append(Put(at, key, given) if given.strip() else Drop(at, key))
    # What is put comes first: a line must not lose its only field on the way.
    return sorted(found, key=lambda one: isinstance(one, Drop))


def new_rule(form: Mapping[str, str], schemas: Mapping[Side, Schema]) -> Mapping[str, Any]:
    """A new line out of a form. Raises ConfigError where it names no field."""
    rule: dict[str, Any] = {}
    for side in Side:
        if given := form.get(side.value, "").strip():
            rule[side.value] = pinned(given, schemas[side])
    if not rule:
        raise ConfigError(Problem("the new rule", "names no field.", "Choose one on each side."))
    for key in ("direction", "owner"):
        if (given := form.get(key, "")) in CHOICES[key] and not (key == "direction" and given == "<->"):
            rule[key] = given
    return rule


def named_value(row: Row, left: str, right: str) -> list[Change]:
    """The changes that make two values each other's counterpart. Raises ConfigError where no table can say so."""
    rule = row.rule
    if rule is None or not isinstance(rule.convert, Pick):
        remedy = "Open the map, and see what stands in its way."
        raise ConfigError(Problem(f"rule {row.name}", "carries no values by a table.", remedy))
    at: Path = (row.list, row.index)
    if not row.values:
        return [Put(at, "values", {**_by_name(rule, rule.convert), left: right})]
    where: Path = (*at, *values_at(row.plain))
    for known, rights in row.values:
        if _same(rule.type(Side.LEFT), known, left):
            if any(_same(rule.type(Side.RIGHT), one, right) for one in rights):
                raise ConfigError(Problem(f"rule {row.name}", "has these two already.", "Somebody was quicker."))
            return [Put(where, known, [*rights, right])]
    return [Put(where, left, right)]


def _by_name(rule: Rule, convert: Pick) -> dict[str, Any]:
    """What a rule without a table does by equal names, written out: with a table, only the table counts."""
    found: dict[str, list[str]] = {}
    for option in _options(rule, Side.LEFT):
        if _crosses(convert.exact(), option.value, Side.RIGHT):
            found[option.value] = [str(convert.exact().convert(option.value, Side.RIGHT))]
    for option in _options(rule, Side.RIGHT):
        if _crosses(convert.exact(), option.value, Side.LEFT):
            rights = found.setdefault(str(convert.exact().convert(option.value, Side.LEFT)), [])
            if option.value not in rights:
                rights.append(option.value)
    if not found and not any(_options(rule, side) for side in Side):
        remedy = "Write its `values` in the map's text."
        raise ConfigError(Problem(f"rule {rule.name}", "has no list of values on either side.", remedy))
    return {left: rights[0] if len(rights) == 1 else rights for left, rights in found.items()}


def _options(rule: Rule, side: Side) -> Sequence[Option]:
    kind = rule.type(side)
    return kind.options if kind is not None else ()


def _same(kind: FieldType | None, one: str, other: str) -> bool:
    """Whether two texts name one option, by value or label."""
    options = kind.options if kind is not None else ()
    return one == other or any({one, other} <= {option.value, option.label} for option in options)


# --- words


def direction_word(value: str, systems: Mapping[Side, str]) -> str:
    """Which way a rule goes."""
    return {
        "": "both ways", "<->": "both ways", "->": f"to {title(systems[Side.RIGHT])}",
        "<-": f"to {title(systems[Side.LEFT])}", "create": "once, when the record is made",
    }.get(value, value)  # fmt: skip


def owner_word(value: str, systems: Mapping[Side, str]) -> str:
    """Who wins when both sides changed."""
    return {
        "": "", "left": f"{title(systems[Side.LEFT])} wins", "right": f"{title(systems[Side.RIGHT])} wins",
        "newest": "the newest wins", "ask": "a person is asked",
    }.get(value, value)  # fmt: skip
