"""CEL expressions of maps: checked against both schemas when the map is loaded, evaluated over two records.

What is not here: other languages. The engine is cel-expr-python (Google's CEL), with its string functions.

How values look in an expression: text, option, user id, date and moment are strings (ISO, so `<` compares dates),
numbers are doubles (write `3.0`), ticks are bools, several values are a list of strings. A blank is the empty string,
0.0, false or the empty list; `has(left.amount)` tells a blank from a zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_strings

from syncd.core.fieldmap import Unconvertible
from syncd.core.loss import iso
from syncd.core.model import FieldKind, FieldType, Schema, Side, Value
from syncd.core.values import blank, option_named
from syncd.fieldmaps.literals import strange_literals
from syncd.fieldmaps.source import Place, Report, Scalar, nearest

TOKENS = re.compile(
    r"""(?P<string>[rR]?(?:'{3}.*?'{3}|"{3}.*?"{3}|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"))|(?P<comment>//[^\n]*)"""
    r"""|(?P<has>(?<![\w.])has\(\s*(?P<hasname>(?:left|right)\.\w+)\s*\))"""
    r"""|(?P<name>(?<![\w.])(?:left|right)\.\w+)""",
    re.DOTALL,
)
FOUND_AT = re.compile(r"<input>:(\d+):(\d+): (.*)")
SYNTAX = re.compile(r"Syntax error: (?:.*?(?:input|at:?) '(<EOF>|.+?) ?'(?: expecting.*| at .*)?$)?")
SPELLED = "A comparison is == or !=, others are &&, || and !; a text stands in straight quotes, each ( has its )."
OVERLOAD = re.compile(r"found no matching overload for '(.+)' applied to '(\(.*\))'")
HINTS = {
    "double, int": "A number field works with numbers that have a point: `3.0`.",
    "double, list(int)": "A number field works with numbers that have a point: `3.0`.",
    "string, double": "`string(left.amount)` makes a text of a number.",
    "double, string": "`string(left.amount)` makes a text of a number, `double('1')` a number of a text.",
}
ASKS = "has."
"""Before the name of a field: whether it is filled."""

BLANKS: Mapping[FieldKind, Any] = {FieldKind.NUMBER: 0.0, FieldKind.BOOL: False, FieldKind.MULTI: []}


@dataclass(frozen=True, slots=True)
class Variable:
    """One field an expression looks at: `left.amount`, or `has.left.amount` for whether it is filled."""

    name: str
    side: Side
    field: str
    described: FieldType | None

    @property
    def kind(self) -> FieldKind | None:
        """What the expression sees the field as; several ids look like several values."""
        if self.described is None:
            return None
        return FieldKind.MULTI if self.described.many else self.described.kind

    def value(self, fields: Mapping[Side, Mapping[str, Value]]) -> Any:
        """What the expression sees of a record: an option as the schema spells it, whatever the record's capitals."""
        found = fields.get(self.side, {}).get(self.field)
        if self.name.startswith(ASKS):
            return not blank(found)
        if blank(found) or found is None:
            return BLANKS.get(self.kind, "") if self.kind else None
        if self.kind is FieldKind.NUMBER and not isinstance(found, (str, tuple)):
            return float(found)
        if self.kind is FieldKind.ENUM and isinstance(found, str):
            return option_named(self.described, found) or found
        return list(found) if isinstance(found, tuple) else found


def _type(kind: FieldKind | None) -> Any:
    if kind is None:
        return cel.Type.DYN
    if kind is FieldKind.MULTI:
        return cel.Type.List(cel.Type.STRING)
    return {FieldKind.NUMBER: cel.Type.DOUBLE, FieldKind.BOOL: cel.Type.BOOL}.get(kind, cel.Type.STRING)


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A checked expression (core.fieldmap.Expression). `source` is as the admin wrote it."""

    source: str
    variables: tuple[Variable, ...]
    program: Any

    @property
    def reads(self) -> Mapping[Side, frozenset[str]]:
        """The fields it looks at."""
        return {side: frozenset(item.field for item in self.variables if item.side is side) for side in Side}

    def value(self, fields: Mapping[Side, Mapping[str, Value]]) -> Value:
        """Its value, canonical; blank text is None. Raises Unconvertible with CEL's sentence."""
        found = self.program.eval(data={item.name: item.value(fields) for item in self.variables})
        if found.type() == cel.Type.ERROR:
            raise Unconvertible(f"`{self.source}` cannot be worked out: {found.plain_value()}")
        return canonical(found.plain_value())


def canonical(found: Any) -> Value:
    """A CEL result as one of our values. Raises Unconvertible for what no field can hold."""
    if isinstance(found, (list, tuple)):
        found = tuple(str(item) for item in found)
    if isinstance(found, datetime):
        found = iso(found)
    if isinstance(found, float) and found.is_integer():
        found = int(found)
    if not isinstance(found, (str, int, float, bool, tuple, type(None))):
        raise Unconvertible(f"an expression gave {type(found).__name__}, which no field can hold")
    return None if blank(found) else found


def names_in(source: str) -> list[tuple[Side, str]]:
    """The fields a text mentions, whether or not it is a good expression."""
    tokens = [token["hasname"] or token["name"] for token in TOKENS.finditer(source)]
    return [(Side(name.split(".")[0]), name.split(".")[1]) for name in tokens if name]


def compile_expression(
    scalar: Scalar, schemas: Mapping[Side, Schema] | None, report: Report, *, wants: FieldType | bool | None = None
) -> Compiled | None:
    """Check and compile; mistakes go to the report under the very character, and None is returned.

    `wants`: True for a condition, a field type for the value of a field, None for anything.
    """
    source = scalar.text or ""
    variables, prepared = _prepare(scalar, source, schemas, report)
    if variables is None:
        return None
    try:
        program = _program(prepared, tuple((item.name, item.kind) for item in variables))
    except RuntimeError as error:
        _report(scalar, source, str(error), report)
        return None
    for at, message, remedy in strange_literals(source, {item.name: item.described for item in variables}):
        report.warn(position(scalar, *_line_column(source, at)), message, remedy)
    if problem := _misfit(program.return_type(), wants):
        report.error(scalar.place, problem)
        return None
    return Compiled(source, variables, program)


@lru_cache(maxsize=1024)
def _program(text: str, variables: tuple[tuple[str, FieldKind | None], ...]) -> Any:
    """One for as long as text and types are the same: maps are compiled again and again, and are rarely new."""
    declared = {name: cel.Type.BOOL if name.startswith(ASKS) else _type(kind) for name, kind in variables}
    return cel.NewEnv(variables=declared, extensions=[ext_strings.ExtStrings()]).compile(text)


def _prepare(
    scalar: Scalar, source: str, schemas: Mapping[Side, Schema] | None, report: Report
) -> tuple[tuple[Variable, ...] | None, str]:
    """The fields in use, and the text with `has(left.x)` spelled as a variable of the same length."""
    found: dict[str, Variable] = {}
    good = True
    for token in TOKENS.finditer(source):
        name = token["hasname"] or token["name"]
        if name is None:
            continue
        at = token.start("hasname") if token["hasname"] else token.start("name")
        side, field = Side(name.split(".")[0]), name.split(".")[1]
        described = schemas[side].fields.get(field) if schemas else None
        if schemas and described is None:
            place = position(scalar, *_line_column(source, at))
            known = nearest(field, schemas[side].fields)
            report.error(place, f"{schemas[side].kind} on the {side.value} side has no field {field!r}.", known)
            good = False
            continue
        variable = f"{ASKS}{name}" if token["hasname"] else name
        found[variable] = Variable(variable, side, field, described)
    prepared = TOKENS.sub(lambda token: _padded(token) if token["has"] else token[0], source)
    return (tuple(found.values()) if good else None), prepared


def _padded(token: re.Match[str]) -> str:
    return f"{ASKS}{token['hasname']}".ljust(len(token[0]))


def _line_column(source: str, at: int) -> tuple[int, int]:
    before = source[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def position(scalar: Scalar, line: int, column: int) -> Place:
    """Where a character of an expression stands in the file; the expression's start where folding hides it."""
    start = scalar.place
    if scalar.style == "|":
        return Place(start.file, start.line + line, scalar.indent + column)
    if scalar.style == ">" or line > 1:
        return start
    return Place(start.file, start.line, start.column + column - 1 + (scalar.style in ("'", '"')))


def _report(scalar: Scalar, source: str, text: str, report: Report) -> None:
    found = FOUND_AT.search(text)
    if found is None:
        report.error(scalar.place, f"`{source}` is not an expression: {text.splitlines()[0]}")
        return
    message = found[3].removesuffix(" [INVALID_ARGUMENT]").replace(" (in container '')", "")
    remedy = ""
    if overload := OVERLOAD.match(message):
        message = f"`{overload[1].strip('_@').replace('_', ' ')}` does not work on {overload[2]}"
        remedy = next((text for kinds, text in HINTS.items() if kinds in overload[2]), "")
    if syntax := SYNTAX.match(message):
        where = {None: "here", "<EOF>": "at its end"}.get(syntax[1], f"at `{syntax[1]}`")
        message, remedy = f"it cannot be understood {where}", SPELLED
    if "undeclared reference" in message:
        remedy = "Fields are written left.NAME or right.NAME; texts stand in quotes."
    report.error(position(scalar, int(found[1]), int(found[2])), f"Expression: {message}.", remedy)


def _misfit(gives: Any, wants: FieldType | bool | None) -> str | None:
    """Why a result does not suit its use; None if it does."""
    if wants is None or gives == cel.Type.DYN:
        return None
    if isinstance(wants, bool):
        return None if gives == cel.Type.BOOL else f"A condition must be true or false; this gives {gives.name()}."
    fits = {_type(wants.kind).name()} | ({"INT"} if wants.kind is FieldKind.NUMBER else set())
    fits |= {"TIMESTAMP"} if wants.kind is FieldKind.DATETIME else set()
    if gives.name() in fits or (wants.kind is FieldKind.MULTI and gives.name().startswith("LIST")):
        return None
    return f"{wants.name} holds {wants.kind.value}; this gives {gives.name()}."
