"""A small invented pair of systems to compile maps against: what the tests of this room share."""

from __future__ import annotations

from syncd.core.model import FieldKind, FieldType, Loss, Option, Schema, Side, User
from syncd.errors import Problem
from syncd.fieldmaps import Loaded, read

K = FieldKind
SYSTEMS = {Side.LEFT: "crm", Side.RIGHT: "shop"}


def _field(name: str, kind: FieldKind = K.TEXT, *options: str, **more: object) -> FieldType:
    listed = tuple(Option(option, option.title()) for option in options)
    return FieldType(name=name, kind=kind, options=listed, **more)


def _schema(system: str, kind: str, *fields: FieldType) -> Schema:
    users = (User("1", "Ann Bee", "ann@example.com"), User("2", "Gone", "gone@example.com", active=False))
    return Schema(system=system, kind=kind, fields={field.name: field for field in fields}, users=users)


SCHEMAS = {
    Side.LEFT: _schema(
        "crm",
        "deals",
        _field("title", required=True),
        _field("note", loss=Loss(max_length=100)),
        _field("amount", K.NUMBER),
        _field("stage", K.ENUM, "new", "won", "lost"),
        _field("hot", K.BOOL),
        _field("tags", K.MULTI, "a", "b"),
        _field("due", K.DATE),
        _field("owner", K.USER),
        _field("key", unique=True),
        _field("people", K.REF, many=True, ref_kind="contacts"),
    ),
    Side.RIGHT: _schema(
        "shop",
        "jobs",
        _field("name", required=True),
        _field("text"),
        _field("phone"),
        _field("total", K.NUMBER, read_only=True),
        _field("budget", K.NUMBER),
        _field("status", K.ENUM, "lead", "sold", "closed"),
        _field("done", K.BOOL),
        _field("start", K.DATETIME),
        _field("rep", K.USER),
        _field("cf_1", custom=True, label="Roof Type"),
        _field("number", create_only=True),
        _field("primary", K.REF, ref_kind="contacts"),
    ),
}

HEAD = """\
version: 1
name: deals-jobs
left: {kind: deals}
right: {kind: jobs}
"""
RULE = "  - {left: title, right: name, owner: left}\n"


def compiled(text: str, *, schemas: bool = True) -> Loaded:
    """A map text compiled against the invented pair."""
    return read(text, "m.yaml", "pair", SYSTEMS, SCHEMAS if schemas else None)


def whole(*rules: str, head: str = "") -> str:
    """A map text: the head, more head, and the rules after one that is always there."""
    return HEAD + head + "fields:\n" + RULE + "".join(f"  - {rule}\n" for rule in rules)


def complaints(text: str) -> list[str]:
    """The mistakes of a map text as a person reads them."""
    return told(compiled(text).errors)


def warnings(text: str) -> list[str]:
    """The warnings of a map text that has no mistakes."""
    loaded = compiled(text)
    assert told(loaded.errors) == []
    return told(loaded.warnings)


def told(problems: tuple[Problem, ...]) -> list[str]:
    """Problems as lines."""
    return [str(problem) for problem in problems]
