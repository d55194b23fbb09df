"""A map's own tests, `NAME.test.yaml` beside it: record in, record out, both ways, and the round-trip laws.

What is not here: accounts. Cases run against the schemas in `schemas.yaml` of the same folder.

    cases:
      - name: a web lead becomes a customer
        create: right                     # made on this side, from what the other side holds
        left:  {firstname: Ana, phone: "312 555 0100", lifecyclestage: lead}
        right: {first_name: Ana, home_phone: "312 555 0100"}      # everything the creation carries
      - name: a subscriber stays at home
        create: right
        made: false                       # `create.right.when` says no
        left:  {firstname: Ana, lifecyclestage: subscriber}
      - name: these are the same
        agree: true                       # every rule whose two fields are given finds them equal
        left:  {state: Illinois}
        right: {state_text: IL}
      - name: an unknown stage waits
        create: left
        unmapped: [dealstage]             # rules that find no counterpart
        right: {name: Roof, status_name: Warranty}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from syncd.core.decision import Verdict
from syncd.core.fieldmap import FieldMap, Rule, Unconvertible
from syncd.core.loss import same
from syncd.core.model import FieldType, Record, Ref, Schema, Side, Value
from syncd.core.plan import plan_create
from syncd.core.values import OptionError
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.library import tests_of
from syncd.fieldmaps.maps import constant, content, kinds, read
from syncd.fieldmaps.schemas import load_schemas, schema_of
from syncd.fieldmaps.source import Place, Report, nearest, parse

CASE_KEYS = ("name", "create", "made", "agree", "unmapped", "left", "right")
SCHEMAS = "schemas.yaml"


@dataclass(frozen=True, slots=True)
class Failure:
    """A case that did not hold: which one, where it stands, and what happened instead."""

    case: str
    place: Place
    message: str

    def __str__(self) -> str:
        """The line a person reads."""
        return f"{self.place}: {self.case}: {self.message}"


@dataclass(frozen=True, slots=True)
class Tested:
    """How many cases ran, and what failed."""

    cases: int
    failures: tuple[Failure, ...]


@dataclass(frozen=True, slots=True)
class Case:
    """One case as read. `create`: the side that is made; None for a case of agreement."""

    name: str
    place: Place
    create: Side | None
    made: bool
    unmapped: frozenset[str]
    fields: Mapping[Side, Mapping[str, Value]]


def run_file(path: Path) -> Tested:
    """Run the tests beside a map against the schemas beside it. Raises ConfigError if one of the files is wrong."""
    tests, schemas = tests_of(path), path.with_name(SCHEMAS)
    for needed in (tests, schemas):
        if not needed.is_file():
            raise ConfigError(Problem(str(needed), "There is no such file, so this map cannot be tested."))
    return run_text(content(path), str(path), tests, schemas)


def run_text(
    text: str, file: str, tests: Path, schemas_file: Path, real: Mapping[Side, Schema] | None = None
) -> Tested:
    """Run the tests of a file against a map's text, and the schemas of another file. Raises ConfigError.

    `real`: the fields of an account, for those that the file of schemas lacks: one that was made there since.
    """
    systems = {side: side.value for side in Side}
    schemas = load_schemas(schemas_file, systems)
    asked = kinds(text, file)
    used = {side: _both(schema_of(schemas, side, asked[side]), (real or {}).get(side)) for side in Side}
    loaded = read(text, file, "test", systems, used)
    if loaded.map is None:
        raise ConfigError(loaded.errors)
    found = loaded.map
    cases = read_cases(content(tests), str(tests), found, used)
    return Tested(len(cases), tuple(failure for case in cases for failure in run_case(found, case)))


def _both(told: Schema, real: Schema | None) -> Schema:
    if real is None or real.kind != told.kind:
        return told
    return replace(told, fields={**real.fields, **told.fields})


def read_cases(text: str, file: str, found: FieldMap, schemas: Mapping[Side, Schema]) -> list[Case]:
    """The cases of a test file. Raises ConfigError with every mistake."""
    report = Report()
    root = Form.of(parse(text, file, report), Place(file, 1, 1), report, "A test file")
    root.only(("cases",), "A test file")
    cases = [_case(form, found, schemas) for form in root.forms("cases", "A case")]
    report.stop_on_errors()
    return cases


def _case(form: Form, found: FieldMap, schemas: Mapping[Side, Schema]) -> Case:
    form.only(CASE_KEYS, "A case")
    create = Side(form.choice("create", list(Side), Side.RIGHT)) if form.has("create") else None
    if (create is None) != form.flag("agree"):
        form.report.error(form.table.place, "A case has either `create: left`, `create: right` or `agree: true`.")
    return Case(
        name=form.needed("name", "A case"),
        place=form.table.place,
        create=create,
        made=form.flag("made", True),
        unmapped=frozenset(text.text or "" for text in form.texts("unmapped")),
        fields={side: _fields(form.form(side.value), side, found, schemas[side].fields) for side in Side},
    )


def _fields(form: Form, side: Side, found: FieldMap, types: Mapping[str, FieldType]) -> Mapping[str, Value]:
    known = {*found.reads(side), *found.end(side).on_create}
    fields: dict[str, Value] = {}
    for name, item in form.table.entries.items():
        if name not in known:
            form.report.error(form.table.keys[name], f"The map does not use {side.value} {name}.", nearest(name, known))
            continue
        try:
            fields[name] = constant(item, types.get(name), side)
        except (OptionError, ValueError) as error:
            form.report.error(item.place, f"{error}.")
    return fields


def run_case(found: FieldMap, case: Case) -> Iterator[Failure]:
    """What does not hold, one failure per thing."""
    messages = _agreement(found, case) if case.create is None else _creation(found, case, case.create)
    for message in messages:
        yield Failure(case.name, case.place, message)


def _agreement(found: FieldMap, case: Case) -> Iterator[str]:
    for rule in found.rules:
        ours, theirs = case.fields[Side.LEFT], case.fields[Side.RIGHT]
        if rule.left is None or rule.right is None or rule.left not in ours or rule.right not in theirs:
            continue
        if not rule.convert.equal(ours[rule.left], theirs[rule.right]):
            yield f"{rule.name}: {ours[rule.left]!r} and {theirs[rule.right]!r} do not agree"


def _creation(found: FieldMap, case: Case, to: Side) -> Iterator[str]:
    source = _record(found, case, to.other)
    try:
        made = _made(found, to, source)
    except Unconvertible as error:
        yield f"create.{to.value}: {error}"
        return
    if made is not case.made:
        yield f"a record {'is' if made else 'is not'} made on the {to.value} side"
    if not case.made:
        return
    decisions = plan_create(found, to, source, {}).decisions
    lost = {decision.rule.name for decision in decisions if decision.verdict is Verdict.UNMAPPED}
    if lost != case.unmapped:
        yield f"without a counterpart: {', '.join(sorted(lost)) or 'nothing'}"
    given = {item.field: item.after for item in decisions if item.verdict is Verdict.WRITE and item.field}
    if not lost:
        yield from _differences(found, to, {**found.end(to).on_create, **given}, case.fields[to])
    for item in decisions:
        if item.verdict is Verdict.WRITE and item.rule.expr is None and item.rule.relation is None:
            yield from _laws(item.rule, to, source.fields[item.rule.field(to.other) or ""], item.after)


def _record(found: FieldMap, case: Case, side: Side) -> Record:
    """The input record: what the case gives, and blanks for the rest that the map reads; relations are not known."""
    relations = {rule.field(side) for rule in found.rules if rule.relation is not None}
    blanks: dict[str, Value] = {name: None for name in found.reads(side) if name not in relations}
    end = found.end(side)
    return Record(ref=Ref(end.system, end.kind, "test"), fields=blanks | dict(case.fields[side]))


def _made(found: FieldMap, to: Side, source: Record) -> bool:
    when = found.end(to).when
    return when is not None and when.value({to.other: source.fields}) is True


def _differences(found: FieldMap, to: Side, given: Mapping[str, Value], wanted: Mapping[str, Value]) -> Iterator[str]:
    types = {name: rule.type(to) for rule in found.rules if (name := rule.field(to))}
    for name in sorted({*given, *wanted}):
        if not same(given.get(name), wanted.get(name), types.get(name)):
            yield f"{to.value} {name} is {given.get(name)!r}, expected {wanted.get(name)!r}"


def _laws(rule: Rule, to: Side, value: Value, written: Value) -> Iterator[str]:
    """What was written must read as equal, and carrying it back and forth again must settle at once."""
    pair = (value, written) if to is Side.RIGHT else (written, value)
    if not rule.convert.equal(*pair):
        yield f"{rule.name}: {value!r} became {written!r}, which does not read as equal"
    if not rule.flows(to.other):
        return
    try:
        again = rule.convert.convert(rule.convert.convert(written, to.other), to)
    except Unconvertible as error:
        yield f"{rule.name}: {written!r} cannot come back: {error}"
        return
    if not same(again, written, rule.type(to)):
        yield f"{rule.name}: {written!r} comes back as {again!r}"
