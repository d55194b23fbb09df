"""What can be wrong among the rules of one map, and what an admin should look at before it runs.

What is not here: a single rule's mistakes (`rules`), and maps among each other (`pairs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from syncd.core.fieldmap import FieldMap, Rule, Unconvertible
from syncd.core.model import FieldKind, FieldType, Schema, Side
from syncd.fieldmaps.rules import Line
from syncd.fieldmaps.source import Place, Report

MOST_NAMED = 8


def two_writers(lines: Sequence[Line], report: Report) -> None:
    """Two rules may not write one field."""
    writers: dict[tuple[Side, str], Line] = {}
    for line in lines:
        for side in Side:
            field = line.rule.field(side)
            if field is None or not line.writes(side):
                continue
            first = writers.setdefault((side, field), line)
            if first is not line:
                message = f"{side.value} {field} is written by two rules: here and on line {first.place.line}."
                report.error(line.place, message, "Give one of them another direction.")


LONGEST_MAP, LONGEST_RULE = 64, 200
"""Characters of a name that the store keeps."""


def unique_names(lines: Sequence[Line], report: Report) -> None:
    """Two rules may not have one name, and none a name that the store cannot keep."""
    names: dict[str, Line] = {}
    for line in lines:
        if len(line.rule.name) > LONGEST_RULE:
            message = f"The name of this rule is longer than {LONGEST_RULE} characters."
            report.error(line.place, message, "Give it a shorter `name`.")
        first = names.setdefault(line.rule.name, line)
        if first is not line:
            message = f"Two rules are called {line.rule.name!r}: here and on line {first.place.line}."
            report.error(line.place, message, "Give one of them a `name`.")


def required(
    map: FieldMap, lines: Sequence[Line], schemas: Mapping[Side, Schema], place: Place, report: Report
) -> None:
    """Fields that a vendor requires of a new record should be filled where the map makes records."""
    for side in Side:
        end = map.end(side)
        if end.when is None:
            continue
        filled = {line.rule.field(side) for line in lines if line.writes(side)} | set(end.on_create)
        for field in schemas[side].fields.values():
            if field.required and not field.read_only and field.name not in filled:
                message = f"{end.kind} on the {side.value} side need {field.name}, and no rule fills it."
                report.warn(place, message, f"Add a rule, or {side.value}.on_create.")


def deletions(map: FieldMap, schemas: Mapping[Side, Schema], place: Place, report: Report) -> None:
    """No vendor's API deletes records like these for good: `delete` does what `archive` does."""
    for side in Side:
        if map.end(side).delete == "delete":
            told = f": {schemas[side].archive}" if schemas[side].archive else ""
            message = f"No {map.end(side).kind} are deleted for good on the {side.value} side, they are archived{told}."
            report.warn(place, message, "Write `archive`, which says what is done.")


def unmapped_options(lines: Sequence[Line], report: Report) -> None:
    """Options of a pick list that a rule could not carry across."""
    for line in lines:
        for to in Side:
            source = line.rule.type(to.other)
            if source is None or not _carries(line, to) or not _listed(source):
                continue
            lost = [option.label or option.value for option in source.options if not _fits(line.rule, option.value, to)]
            if lost:
                some = ", ".join(dict.fromkeys(lost[:MOST_NAMED])) + (" and more" if len(lost) > MOST_NAMED else "")
                fate = "skip this field" if line.rule.unmapped.value == "skip" else "park the record"
                message = f"{to.other.value} {source.name} has options without a counterpart: {some}."
                report.warn(line.place, message, f"Records with them {fate}; add them to `values`.")


def _carries(line: Line, to: Side) -> bool:
    """Whether values travel to that side by conversion; pick lists, not users or expressions."""
    rule = line.rule
    return line.writes(to) and rule.expr is None and rule.receipt is None and rule.relation is None


def _listed(type: FieldType) -> bool:
    return type.kind in (FieldKind.ENUM, FieldKind.MULTI) and bool(type.options)


def _fits(rule: Rule, value: str, to: Side) -> bool:
    try:
        rule.convert.convert(value, to)
    except Unconvertible:
        return False
    return True


def sync_keys(map: FieldMap, schemas: Mapping[Side, Schema], places: Mapping[Side, Place], report: Report) -> None:
    """The field of our key must be text, and not be written by a rule."""
    for side in Side:
        name = map.end(side).sync_key
        if name is None:
            continue
        field = schemas[side].fields[name]
        if field.kind is not FieldKind.TEXT:
            report.error(places[side], f"{name} holds {field.kind.value}; our key is text.")
        elif not field.unique:
            message = f"{name} does not enforce unique values; two records may carry one key."
            report.warn(places[side], message, "Where the vendor can, make it unique.")
        if any(name == rule.field(side) for rule in map.rules):
            report.error(places[side], f"{name} holds our key; no rule may use it.")
