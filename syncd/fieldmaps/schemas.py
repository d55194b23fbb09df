"""Schemas from a YAML file: what a map's tests run against, so that they need no account.

What is not here: a vendor's own answer (`Connector.describe`).

    left:
      timezone: America/Chicago
      users: [{id: "101", name: Dana Reyes, email: dana.reyes@example.com}]
      kinds:
        contacts:
          firstname: text
          email: {type: text, unique: true, caseless: true}
          lifecyclestage: {type: enum, options: {lead: Lead, customer: Customer}}
          contact: {type: ref, kind: contacts, many: true}
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from syncd.core.model import FieldKind, FieldType, Loss, Option, Schema, Side, User
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.form import Form
from syncd.fieldmaps.maps import content
from syncd.fieldmaps.source import Item, Place, Report, Scalar, Table, parse

FIELD_KEYS = (
    "type", "label", "options", "open", "read_only", "create_only", "required", "unique", "custom", "many", "kind",
    "caseless", "max_length", "resolution", "decimals",
)  # fmt: skip


def load_schemas(path: Path, systems: Mapping[Side, str]) -> Mapping[Side, Mapping[str, Schema]]:
    """Per side and kind. Raises ConfigError with every mistake."""
    report = Report()
    root = Form.of(parse(content(path), str(path), report), Place(str(path), 1, 1), report, "A schema file")
    root.only([side.value for side in Side], "A schema file")
    found = {side: _side(root.form(side.value), systems[side]) for side in Side}
    report.stop_on_errors()
    return found


def schema_of(found: Mapping[Side, Mapping[str, Schema]], side: Side, kind: str) -> Schema:
    """One schema. Raises ConfigError when the file does not know the kind."""
    if kind not in found[side]:
        known = ", ".join(sorted(found[side])) or "nothing"
        raise ConfigError(Problem("schemas.yaml", f"The {side.value} side has no kind {kind!r}.", f"It has {known}."))
    return found[side][kind]


def _side(form: Form, system: str) -> Mapping[str, Schema]:
    form.only(("timezone", "users", "kinds"), "A side")
    users = tuple(_user(each) for each in form.forms("users", "A user"))
    kinds = form.form("kinds")
    return {
        name: Schema(
            system=system,
            kind=name,
            fields=_fields(Form.of(item, item.place, form.report, name)),
            users=users,
            timezone=form.text("timezone") or "UTC",
        )
        for name, item in kinds.table.entries.items()
    }


def _user(form: Form) -> User:
    form.only(("id", "name", "email", "active"), "A user")
    return User(
        form.needed("id", "A user"), form.needed("name", "A user"), form.text("email"), form.flag("active", True)
    )


def _fields(form: Form) -> Mapping[str, FieldType]:
    return {name: _field(name, item, form.report) for name, item in form.table.entries.items()}


def _field(name: str, item: Item, report: Report) -> FieldType:
    if isinstance(item, Scalar):
        item = Table({"type": item}, {"type": item.place}, item.place)
    form = Form.of(item, item.place, report, name)
    form.only(FIELD_KEYS, f"Field {name}")
    return FieldType(
        name=name,
        kind=form.word("type", FieldKind, FieldKind.TEXT),
        label=form.text("label") or "",
        loss=_loss(form),
        options=_options(form),
        open_options=form.flag("open"),
        read_only=form.flag("read_only"),
        create_only=form.flag("create_only"),
        required=form.flag("required"),
        unique=form.flag("unique"),
        custom=form.flag("custom"),
        many=form.flag("many"),
        ref_kind=form.text("kind"),
    )


def _loss(form: Form) -> Loss:
    length, decimals, resolution = form.text("max_length"), form.text("decimals"), form.text("resolution")
    try:
        return Loss(
            max_length=int(length) if length else None,
            caseless=form.flag("caseless"),
            resolution=float(resolution) if resolution else None,
            decimals=int(decimals) if decimals else None,
        )
    except ValueError as error:
        form.report.error(form.table.place, f"A length, resolution or number of digits is no number: {error}.")
        return Loss()


def _options(form: Form) -> tuple[Option, ...]:
    """`{value: label}`, or `[value, ...]` where the label is the value."""
    item = form.item("options")
    if isinstance(item, Table):
        return tuple(Option(value, str(label.plain or value)) for value, label in item.entries.items())
    return tuple(Option(text.text or "", text.text or "") for text in form.texts("options"))
