"""The fields of a system as its vendor describes them now: what the maps read of them, and what has drifted.

The vendor may be asked for it. What is not here: what is wrong with keys and maps (`pages.systems`, findings), and the
rules between fields (`pages.mapedit`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from syncd.console.ask import Ask, Facts, NotFound, Page, Role
from syncd.console.desk import Desk
from syncd.console.rulesheet import Lacking, lacks
from syncd.core.model import FieldKind, FieldType
from syncd.engine.described import as_ever
from syncd.engine.world import World

OTHERS = 1000
"""Fields of a kind that are shown although no map reads them."""

KINDS: Mapping[FieldKind, str] = {
    FieldKind.TEXT: "text", FieldKind.NUMBER: "number", FieldKind.BOOL: "yes or no", FieldKind.DATE: "day",
    FieldKind.DATETIME: "time", FieldKind.ENUM: "pick list", FieldKind.MULTI: "pick list, several of it",
    FieldKind.USER: "user", FieldKind.REF: "another record",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One field. `maps`: those that read it; `lacking`: values of its list that a rule has no counterpart for."""

    field: FieldType
    holds: str
    words: Sequence[str]
    maps: Sequence[str]
    lacking: Sequence[Lacking]


@dataclass(frozen=True, slots=True)
class OfKind:
    """The fields of a kind: those that maps read, and others; `more`: so many are not shown."""

    kind: str
    read: Sequence[Line]
    others: Sequence[Line]
    more: int


def show(desk: Desk, ask: Ask) -> Facts:
    """Of every kind that a map reads. Raises Transient and AuthError where the vendor does not tell."""
    world, name = desk.world, ask.path["system"]
    if name not in desk.config.systems:
        raise NotFound(f"There is no system {name[:80]}.")
    kinds = [_kind(desk, world, name, kind) for system, kind in sorted(world.readers) if system == name]
    return {"name": name, "kinds": kinds}


def _kind(desk: Desk, world: World, system: str, kind: str) -> OfKind:
    schema = as_ever(desk.ready_store, world.connectors[system], kind)
    lines = [_line(world, system, kind, schema.fields[name]) for name in sorted(schema.fields)]
    others = [one for one in lines if not one.maps]
    read = sorted((one for one in lines if one.maps), key=lambda one: not (one.field.lost or one.lacking))
    return OfKind(kind, read, others[:OTHERS], max(0, len(others) - OTHERS))


def _line(world: World, system: str, kind: str, field: FieldType) -> Line:
    maps: list[str] = []
    lacking: list[Lacking] = []
    for m, side in world.readers[system, kind]:
        if field.name in m.reads(side):
            maps.append(m.key)
        rules = [rule for rule in m.rules if rule.field(side) == field.name]
        lacking += [one for rule in rules for one in lacks(rule) if one.side is side]
    return Line(field, _holds(field), _words(field), maps, lacking)


def _holds(field: FieldType) -> str:
    told = KINDS[field.kind]
    return f"{told} ({len(field.options):,} values)" if field.options else told


def _words(field: FieldType) -> list[str]:
    known = (
        ("custom", field.custom), ("read only", field.read_only), ("set once", field.create_only),
        ("needed", field.required), ("unique", field.unique), ("worked out by the vendor", field.calculated),
    )  # fmt: skip
    return [word for word, holds in known if holds]


PAGES = (Page("/systems/{system}/fields", "fields.html", "Fields", show, role=Role.OPERATOR, needs=True),)
