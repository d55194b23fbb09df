"""A YAML map compiled into `core.fieldmap.FieldMap`, with every mistake found at once and placed.

What is not here: finding the files (`library`), maps among each other (`pairs`), a single rule (`rules`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import orjson

from syncd.core.fieldmap import Continued, End, FieldMap, Leave, Owner
from syncd.core.model import FieldKind, FieldType, Schema, Side, Value
from syncd.core.values import Ends, OptionError, resolve
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps import checks
from syncd.fieldmaps.expressions import Compiled, compile_expression
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.matching import MATCH_KEYS, SYNC_KEY, compile_matches, compile_score, compile_shared
from syncd.fieldmaps.rules import Context, Line, compile_relation, compile_rule
from syncd.fieldmaps.source import Item, Place, Report, Sequence, Table, parse

VERSION = "1"
MAP_KEYS = (
    "version", "name", "left", "right", "after", "continues", "only", "leave", "sync_key", "match", "first_link",
    "create", "delete", "lane", "relations", "fields",
)  # fmt: skip
END_KEYS = ("kind", "on_create", "automations")
AUTOMATIONS = ("fire", "skip")
DELETES = ("flag", "ignore", "unlink", "archive", "delete")
LANES = ("normal", "lead")
SIDES = tuple(side.value for side in Side)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A map as read: compiled unless it has errors; `mentions` are the maps it names, with where it does."""

    map: FieldMap | None
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]
    mentions: tuple[tuple[str, Place], ...] = ()


def load(
    source: Path | str, *, pair: str, systems: Mapping[Side, str], schemas: Mapping[Side, Schema] | None = None
) -> FieldMap:
    """The map in a file (a Path) or a text. Raises ConfigError with every mistake. Without schemas: form only."""
    file = str(source) if isinstance(source, Path) else "map"
    found = read(content(source) if isinstance(source, Path) else source, file, pair, systems, schemas)
    if found.map is None:
        raise ConfigError(found.errors)
    return found.map


def content(path: Path) -> str:
    """The text of a map file. Raises ConfigError if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(Problem(str(path), f"This map cannot be read: {reason}.")) from error


def kinds(text: str, file: str) -> Mapping[Side, str]:
    """The two kinds a map is about, to ask for their schemas. Raises ConfigError if it does not say."""
    report = Report()
    root = Form.of(parse(text, file, report), Place(file, 1, 1), report, "A map")
    found = {side: root.form(side.value).needed("kind", side.value) for side in Side}
    report.stop_on_errors()
    return found


def place_of(text: str, file: str, *keys: str) -> Place:
    """Where the value under these keys stands, else the table around it. Raises ConfigError for what is not YAML."""
    item: Item | None = parse(text, file, Report())
    place = Place(file, 1, 1)
    for key in keys:
        if isinstance(item, Table):
            place, item = item.at(key), item.entries.get(key)
    return place


def read(text: str, file: str, pair: str, systems: Mapping[Side, str], schemas: Mapping[Side, Schema] | None) -> Loaded:
    """Compile, and tell errors and warnings instead of raising."""
    report = Report()
    try:
        item = parse(text, file, report)
    except ConfigError as error:
        return Loaded(None, error.problems, ())
    root = Form.of(item, Place(file, 1, 1), report, "A map")
    reader = _Reader(root, Context(schemas, pair, report), pair, systems)
    found = reader.compile(digest(item))
    mentions = reader.mentions()
    return Loaded(None if report.errors else found, report.errors, report.warnings, mentions)


def digest(item: Item) -> str:
    """What a map says, as 32 hex digits; comments, places and the order of keys do not count."""
    return blake2b(orjson.dumps(item.plain, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class _Reader:
    root: Form
    context: Context
    pair: str
    systems: Mapping[Side, str]

    def compile(self, mark: str) -> FieldMap:
        root, report = self.root, self.root.report
        root.only(MAP_KEYS, "A map")
        if root.needed("version", "A map") not in (VERSION, ""):
            report.error(root.at("version"), "This syncd reads maps of version 1.")
        lines = self._lines()
        name = root.needed("name", "A map")
        if len(name) > checks.LONGEST_MAP:
            report.error(root.at("name"), f"A map's name has at most {checks.LONGEST_MAP} characters.")
        match = root.form("match")
        match.only(MATCH_KEYS, "match")
        found = FieldMap(
            key=f"{self.pair}/{name}",
            name=name,
            digest=mark,
            left=self._end(Side.LEFT),
            right=self._end(Side.RIGHT),
            rules=tuple(line.rule for line in lines),
            only=self._condition(root, "only"),
            leave=root.word("leave", Leave, Leave.STOP),
            link=compile_matches(match, "link", lines),
            ask=compile_matches(match, "ask", lines),
            score=compile_score(match, lines),
            shared=compile_shared(match, lines),
            first_link=root.word("first_link", Owner, Owner.ASK),
            after=tuple(f"{self.pair}/{item.text}" for item in root.texts("after")),
            continues=self._continues(root.form("continues")),
            lane=root.choice("lane", LANES, "normal"),
        )
        self._check(found, lines)
        if self.context.left_out:
            told = [f"{side.value} {name}" for side, name in self.context.left_out]
            mark = blake2b("\n".join([mark, *told]).encode(), digest_size=16).hexdigest()
        return replace(found, digest=mark, left_out=frozenset(self.context.left_out))

    def mentions(self) -> tuple[tuple[str, Place], ...]:
        """Maps named in `after`, in `continues` and in relations."""
        after = [(f"{self.pair}/{item.text}", item.place) for item in self.root.texts("after")]
        continued = self.root.form("continues")
        after += [(f"{self.pair}/{continued.text('map')}", continued.at("map"))] if continued.has("map") else []
        relations = self.root.forms("relations", "A relation")
        return (*after, *((f"{self.pair}/{form.text('map')}", form.at("map")) for form in relations if form.has("map")))

    def _lines(self) -> list[Line]:
        relations = [compile_relation(form, self.context) for form in self.root.forms("relations", "A relation")]
        fields = [compile_rule(form, self.context) for form in self.root.forms("fields", "A rule")]
        if not fields:
            self.root.report.error(self.root.at("fields"), "A map needs at least one rule in `fields`.")
        return _named_apart([line for line in (*relations, *fields) if line is not None])

    def _end(self, side: Side) -> End:
        form = self.root.form(side.value)
        form.only(END_KEYS, side.value)
        create = self.root.form("create")
        create.only(SIDES, "create")
        when = create.form(side.value)
        when.only(("when",), f"create.{side.value}")
        delete = self.root.form("delete")
        delete.only(SIDES, "delete")
        keys = self.root.form(SYNC_KEY)
        keys.only(SIDES, SYNC_KEY)
        kind = form.needed("kind", side.value)
        schema = self.context.schemas[side] if self.context.schemas else None
        if schema is not None and kind != schema.kind:
            form.report.error(form.at("kind"), f"{self.systems[side]} was asked for {schema.kind}, not {kind}.")
        return End(
            system=self.systems[side],
            kind=kind,
            on_create=self._on_create(form.form("on_create"), side),
            quiet=form.choice("automations", AUTOMATIONS, "fire") == "skip",
            sync_key=self._sync_key(keys, side),
            when=self._condition(when, "when"),
            delete=delete.choice(side.value, DELETES, "flag"),
        )

    def _sync_key(self, keys: Form, side: Side) -> str | None:
        """The field of our key; a map runs without one, with a warning, where nobody has made the field yet."""
        name = keys.text(side.value)
        schema = self.context.schemas[side] if self.context.schemas else None
        if name is None or schema is None or (name in schema.fields and not schema.fields[name].lost):
            return name
        message = f"{schema.kind} on the {side.value} side has no field {name!r} for our key; the map runs without it."
        remedy = "Make a text field of that name with unique values: a lost answer is then settled by looking it up."
        keys.report.warn(keys.at(side.value), message, remedy)
        self.context.left_out.append((side, name))
        return None

    def _continues(self, form: Form) -> Continued | None:
        """The map that this one goes on from, and the field of one side that names what its record was there."""
        if not form.table.entries:
            return None
        form.only(("map", *SIDES), "continues")
        name = form.needed("map", "continues")
        sides = [side for side in Side if form.has(side.value)]
        if len(sides) != 1:
            message = "`continues` needs the field that names what a record was, on the one side where it was another."
            self.root.report.error(self.root.at("continues"), message, "For leads: {map: leads, left: lead}.")
            return None
        field = self.context.field(form, sides[0])
        return Continued(f"{self.pair}/{name}", sides[0], field) if field else None

    def _on_create(self, form: Form, side: Side) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        for name, item in form.table.entries.items():
            self.context.known(side, name, form.table.keys[name])
            field = self.context.type(side, name)
            if field is not None and field.read_only:
                form.report.error(form.table.keys[name], f"{name} cannot be written on the {side.value} side.")
            try:
                found[name] = constant(item, field, side)
            except (OptionError, ValueError) as error:
                remedy = error.remedy if isinstance(error, OptionError) else ""
                form.report.error(item.place, f"{error}.", remedy)
        return found

    def _condition(self, form: Form, key: str) -> Compiled | None:
        scalar = form.scalar(key)
        if scalar is None:
            return None
        return compile_expression(scalar, self.context.schemas, form.report, wants=True)

    def _check(self, found: FieldMap, lines: list[Line]) -> None:
        report, schemas = self.root.report, self.context.schemas
        checks.two_writers(lines, report)
        checks.unique_names(lines, report)
        keys = self.root.form(SYNC_KEY)
        parts = {part.name for match in (*found.link, *found.ask) for part in match.parts}
        if SYNC_KEY in parts and not keys.table.entries:
            report.error(self.root.at("match"), "Matching by sync_key needs a `sync_key` field on a side.")
        if schemas:
            checks.required(found, lines, schemas, self.root.at("create"), report)
            checks.deletions(found, schemas, self.root.at("delete"), report)
            checks.unmapped_options(lines, report)
            checks.sync_keys(found, schemas, {side: keys.at(side.value) for side in Side}, report)


def constant(item: Item, type: FieldType | None, side: Side) -> Value:
    """A value written in a map, as the field holds it. Raises ValueError or OptionError."""
    if isinstance(item, Table):
        raise ValueError("A value must be a text, a number or a list")
    if isinstance(item, Sequence):
        return tuple(_option(str(each.plain), type, side) for each in item.items)
    if item.text is None or type is None:
        return item.text
    if type.kind is FieldKind.NUMBER:
        return _number(item.text, type.name)
    if type.kind is FieldKind.BOOL:
        if item.text not in ("true", "false"):
            raise ValueError(f"{type.name} is true or false, not {item.text!r}")
        return item.text == "true"
    if type.kind is FieldKind.MULTI:
        return (_option(item.text, type, side),)
    return _option(item.text, type, side)


def _number(text: str, name: str) -> int | float:
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name} holds a number, not {text!r}") from None
    return int(number) if number.is_integer() else number


def _option(text: str, type: FieldType | None, side: Side) -> str:
    if type is None or type.kind not in (FieldKind.ENUM, FieldKind.MULTI):
        return text
    return resolve(Ends(left=type) if side is Side.LEFT else Ends(right=type), side, text)


def _named_apart(lines: list[Line]) -> list[Line]:
    """Rules that took their name from one left field: the later ones are called `left>right`."""
    seen: set[str] = set()
    found = []
    for line in lines:
        rule = line.rule
        if rule.name in seen and rule.name == rule.left and rule.right:
            rule = replace(rule, name=f"{rule.left}>{rule.right}")
        seen.add(rule.name)
        found.append(replace(line, rule=rule))
    return found
