"""One line of a map, compiled: fields, direction, converter, expression.

What is not here: the rules among each other (`checks`) and the map around them (`maps`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from syncd.core.fieldmap import Blank, Direction, Drift, Expression, Owner, Relation, Rule, Unmapped
from syncd.core.model import FieldKind, FieldType, Schema, Side
from syncd.core.values import Ends, converter
from syncd.fieldmaps.choose import choose
from syncd.fieldmaps.expressions import Compiled, compile_expression, names_in
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.source import Place, Report, Table, nearest

RULE_KEYS = (
    "name", "left", "right", "direction", "owner", "convert", "values", "unmapped", "fallback", "expr", "on_blank",
    "drift", "from", "optional",
)  # fmt: skip
RELATION_KEYS = ("name", "left", "right", "map", "create", "owner", "direction", "drift")
UNSEEN = "It was deleted, or no record holds it yet; the settings of the system may be able to name it."
HIDDEN = "Or it is hidden from the user that syncd connects as."
RECEIPTS = ("sync.state",)


@dataclass(frozen=True, slots=True)
class Line:
    """A compiled rule and where it stands; `convert` is the converter's name, if the map or its shorthands name one."""

    rule: Rule
    place: Place
    convert: str | None = None

    def writes(self, side: Side) -> bool:
        """Whether this rule ever writes its field on a side."""
        rule = self.rule
        if rule.field(side) is None:
            return False
        if rule.receipt or rule.direction is not Direction.CREATE:
            return bool(rule.receipt) or rule.flows(side)
        return rule.expr is None or side is _fills(rule, rule.expr)


def _fills(rule: Rule, expr: Expression) -> Side:
    """The side that a creation's expression is written to: the one with a field, or the one it does not read."""
    if rule.left is None or rule.right is None:
        return Side.LEFT if rule.right is None else Side.RIGHT
    return Side.LEFT if expr.reads[Side.RIGHT] else Side.RIGHT


@dataclass(frozen=True, slots=True)
class Context:
    """What rules are compiled against. `schemas` None: only the form is checked.

    `left_out` gathers the optional parts whose fields do not exist; they count for the map's digest.
    """

    schemas: Mapping[Side, Schema] | None
    pair: str
    report: Report
    left_out: list[tuple[Side, str]] = field(default_factory=list)

    def type(self, side: Side, name: str | None) -> FieldType | None:
        """A field's type, if known."""
        return self.schemas[side].fields.get(name) if self.schemas and name else None

    def ends(self, left: FieldType | None, right: FieldType | None) -> Ends:
        """What a converter is bound to."""
        if not self.schemas:
            return Ends(left=left, right=right)
        ours, theirs = self.schemas[Side.LEFT], self.schemas[Side.RIGHT]
        return Ends(
            left=left,
            right=right,
            left_users=ours.users,
            right_users=theirs.users,
            left_zone=ours.timezone,
            right_zone=theirs.timezone,
        )

    def field(self, form: Form, side: Side) -> str | None:
        """The field a rule names on a side, by name or pinned by id; checked against the schema."""
        item = form.item(side.value)
        if not isinstance(item, Table):
            named = form.scalar(side.value)
            return self.known(side, named.text, named.place) if named and named.text else None
        pin = Form(item, self.report)
        pin.only(("custom", "label"), "A pinned field")
        name = pin.needed("custom", "A pinned field")
        label = pin.needed("label", "A pinned field")
        return self.pinned(side, name, label, pin.at("custom"))

    def known(self, side: Side, name: str, place: Place) -> str:
        """The name; reported if the schema has no such field."""
        fields = self.schemas[side].fields if self.schemas else {}
        if self.schemas and name not in fields:
            by_label = [item.name for item in fields.values() if item.label.casefold() == name.casefold()]
            remedy = f"Its name is {by_label[0]}." if by_label else f"{nearest(name, fields)} {HIDDEN}"
            self.report.error(place, f"{self._kind(side)} has no field {name!r}.", remedy)
        elif self.schemas and fields[name].lost:
            self.lost(side, name, place)
        return name

    def lost(self, side: Side, name: str, place: Place) -> None:
        """A field was described once and is not any more: what it is about stops, the map goes on."""
        message = f"{self._kind(side)} does not describe its field {name!r} any more; what is about it stops."
        self.report.warn(place, message, "Take it out of the map if it was deleted. " + HIDDEN)

    def pinned(self, side: Side, name: str, label: str, place: Place) -> str:
        """The id of a custom field; another label than the map remembers is a warning, a missing id a mistake."""
        if not self.schemas:
            return name
        found = self.schemas[side].fields.get(name)
        if found is None:
            others = [item.name for item in self.schemas[side].fields.values() if item.label == label]
            remedy = f"A field labeled {label!r} exists as {others[0]}." if others else f"{UNSEEN} {HIDDEN}"
            self.report.error(place, f"{self._kind(side)} has no custom field {name!r} ({label}).", remedy)
        elif found.lost:
            self.lost(side, name, place)
        elif found.label and found.label != label:
            message = f"custom field {name} is now labeled {found.label!r}, and the map says {label!r}."
            self.report.warn(place, message, "If it is still the right field, change the label in the map.")
        return name

    def leaves_out(self, form: Form) -> bool:
        """Whether an optional rule must stay out because a field of it does not exist; told as a warning."""
        if not self.schemas:
            return False
        for side, name, label in _fields_of(form):
            found = self.schemas[side].fields.get(name)
            found = None if found is not None and found.lost else found
            if found is not None and (label is None or found.label in ("", name, label)):
                continue
            what = f"no field {name!r}" if found is None else f"another field as {name!r}: {found.label}"
            message = f"{self._kind(side)} has {what}, so this optional rule is left out."
            unseen = (
                "; if it exists and no record holds it yet, the settings of that system can name it" if label else ""
            )
            self.report.warn(form.table.place, message, f"To use it, make a field {label or name!r} there{unseen}.")
            self.left_out.append((side, name))
            return True
        return False

    def _kind(self, side: Side) -> str:
        return f"{self.schemas[side].kind} on the {side.value} side" if self.schemas else side.value


def _fields_of(form: Form) -> list[tuple[Side, str, str | None]]:
    """The fields a rule uses, with the label of a pinned one."""
    found: list[tuple[Side, str, str | None]] = []
    for side in Side:
        item = form.item(side.value)
        if isinstance(item, Table):
            pin = Form(item, form.report)
            found.append((side, pin.text("custom") or "", pin.text("label")))
        elif form.has(side.value):
            found.append((side, form.text(side.value) or "", None))
    source = form.text("expr") if form.has("expr") else None
    return [*found, *((side, name, None) for side, name in names_in(source or ""))]


def compile_rule(form: Form, context: Context) -> Line | None:
    """A line of `fields`; None if it cannot even be named."""
    report = context.report
    form.only(RULE_KEYS, "A rule")
    if form.flag("optional") and context.leaves_out(form):
        return None
    left, right = context.field(form, Side.LEFT), context.field(form, Side.RIGHT)
    if left is None and right is None:
        report.error(form.table.place, "A rule needs a field: left, right or both.")
        return None
    left_type, right_type = context.type(Side.LEFT, left), context.type(Side.RIGHT, right)
    receipt = form.choice("from", RECEIPTS, "") or None
    expr = _expression(form, context, left_type, right_type)
    direction = _direction(form, left, right, one_sided=bool(receipt or form.has("expr")))
    named, convert = choose(form, context.ends(left_type, right_type), plain=bool(receipt or form.has("expr")))
    rule = Rule(
        name=form.text("name") or left or right or "",
        left=left,
        right=right,
        left_type=left_type,
        right_type=right_type,
        direction=direction,
        owner=form.word("owner", Owner, Owner.LEFT) if form.has("owner") else None,
        convert=convert,
        drift=form.word("drift", Drift, Drift.KEEP),
        on_blank=form.word("on_blank", Blank, Blank.FLOW),
        unmapped=form.word("unmapped", Unmapped, Unmapped.PARK),
        expr=expr,
        receipt=receipt,
    )
    _check_rule(rule, form)
    return Line(rule, form.table.place, named)


def compile_relation(form: Form, context: Context) -> Line | None:
    """A line of `relations`: ids of records that another map links."""
    form.only(RELATION_KEYS, "A relation")
    left, right = context.field(form, Side.LEFT), context.field(form, Side.RIGHT)
    parent = form.needed("map", "A relation")
    if not (left and right and parent):
        if not (left and right):
            form.report.error(form.table.place, "A relation needs a field on both sides.")
        return None
    types = context.type(Side.LEFT, left), context.type(Side.RIGHT, right)
    for name, found, side in zip((left, right), types, Side, strict=True):
        if found is not None and found.kind is not FieldKind.REF:
            form.report.error(form.at(side.value), f"{name} holds {found.kind.value}, not a relation.")
    direction = form.word("direction", Direction, Direction.BOTH)
    owner = form.word("owner", Owner, Owner.LEFT) if form.has("owner") or direction is Direction.BOTH else None
    rule = Rule(
        name=form.text("name") or left,
        left=left,
        right=right,
        left_type=types[0],
        right_type=types[1],
        direction=direction,
        owner=owner,
        convert=converter("same", context.ends(*types)),
        drift=form.word("drift", Drift, Drift.KEEP),
        relation=Relation(map=f"{context.pair}/{parent}", create=form.flag("create")),
    )
    _check_rule(rule, form)
    return Line(rule, form.table.place)


def _direction(form: Form, left: str | None, right: str | None, *, one_sided: bool) -> Direction:
    given = form.word("direction", Direction, Direction.BOTH) if form.has("direction") else None
    if not one_sided:
        if left is None or right is None:
            form.report.error(form.table.place, "A rule needs a field on both sides, or an `expr`.")
        return given or Direction.BOTH
    natural = Direction.LEFT if right is None else Direction.RIGHT
    if given is Direction.BOTH:
        form.report.error(form.at("direction"), "A value that is worked out goes one way.", "Write ->, <- or create.")
    if None in (left, right) and given in (Direction.LEFT, Direction.RIGHT) and given is not natural:
        form.report.error(form.at("direction"), f"This rule has no field to write that way; it goes {natural.value}.")
    return given if given and given is not Direction.BOTH else natural


def _expression(form: Form, context: Context, left: FieldType | None, right: FieldType | None) -> Compiled | None:
    scalar = form.scalar("expr")
    if scalar is None:
        return None
    if form.has("from") or form.has("convert") or form.has("values"):
        form.report.error(scalar.place, "`expr` stands alone: no from, convert or values beside it.")
    compiled = compile_expression(scalar, context.schemas, form.report)
    if compiled is None:
        return None
    if not any(compiled.reads.values()):
        form.report.error(scalar.place, "This expression reads no field.", "Put a fixed value into `on_create`.")
    target = _across(form, compiled, left, right)
    return compile_expression(scalar, context.schemas, form.report, wants=target) if target else compiled


def _across(form: Form, compiled: Compiled, left: FieldType | None, right: FieldType | None) -> FieldType | None:
    """The field an expression fills: on the side it does not read, which must be one side only."""
    reads = [side for side in Side if compiled.reads[side]]
    given = [side for side in Side if form.has(side.value)]
    if len(reads) > 1 or (len(given) == 1 and given == reads):
        form.report.error(form.at("expr"), "An expression may only read the side that it does not write.")
    return left if reads == [Side.RIGHT] else right


def _check_rule(rule: Rule, form: Form) -> None:
    """What a rule may not be: two-way without an owner, or writing what cannot be written."""
    report = form.report
    if rule.direction is Direction.BOTH and rule.owner is None:
        remedy = "Add `owner: left`, right, newest or ask: who wins when both sides changed."
        report.error(form.table.place, f"The two-way rule {rule.name} names no owner.", remedy)
    for side in Side:
        found = rule.type(side)
        if found is None or not Line(rule, form.table.place).writes(side):
            continue
        if found.read_only or found.calculated:
            away = "->" if side is Side.LEFT else "<-"
            remedy = f'Make the rule one-way: direction: "{away}".'
            report.error(form.at(side.value), f"{found.name} cannot be written on the {side.value} side.", remedy)
        elif found.create_only and rule.direction is not Direction.CREATE:
            remedy = "Make it `direction: create`."
            report.error(form.at(side.value), f"{found.name} can only be written when a record is made.", remedy)
