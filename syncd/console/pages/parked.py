"""What cannot go on without a person or a changed world: by cause with its remedy, and record by record.

What is not here: uncertain matches (`review`), and changing the map (`maps`), to which what lacks a counterpart leads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from syncd.console.ask import Ask, Deed, Done, Facts, Page
from syncd.console.causes import Cause, cause_of
from syncd.console.desk import Desk
from syncd.console.naming import Named, named
from syncd.core.fieldmap import FieldMap, Rule, Unconvertible, Unmapped
from syncd.core.model import FieldKind, Option, Record, Side
from syncd.core.plural import counted
from syncd.core.values.choices import Pick
from syncd.engine.answers import mark_rows
from syncd.engine.world import World
from syncd.errors import ConfigError, Problem
from syncd.store import resting
from syncd.store.marks import Mark
from syncd.store.snapshots import digest
from syncd.store.store import Tx

SHOWN = 50
LOOKED_AT = 2000
"""Records whose reason is looked at to find which values lack a counterpart."""

VALUES = 100
"""Values without a counterpart that are shown at once."""

CHOICES = 500
"""Options of a field that a form offers; beyond, it is typed."""


@dataclass(frozen=True, slots=True)
class Group:
    """What waits in one map for one cause."""

    map: str
    name: str
    count: int
    cause: Cause


@dataclass(slots=True)
class Lack:
    """A value that stands in no line of the map, on `side`, and how many records wait for it.

    `options`: what it may become across; None: anything. `fits`: whether the map can name its counterpart.
    """

    map: str
    rule: Rule
    side: Side
    value: str
    sentence: str
    count: int = 0
    options: Sequence[Option] | None = None
    fits: bool = False

    @property
    def id(self) -> str:
        """Stays the same while others come and go, so that what is typed for it stays with it."""
        return digest(f"{self.rule.name}\x1f{self.side}\x1f{self.value}").hex()


@dataclass(frozen=True, slots=True)
class Row:
    """One record that waits."""

    mark: Mark
    record: Named
    reason: str


@dataclass(slots=True)
class Shown:
    """One group with its records, page by page."""

    group: Group
    rows: list[Row] = field(default_factory=list)
    after: str | None = None
    lacks: list[Lack] = field(default_factory=list)
    looked_at: int = 0


def show(desk: Desk, ask: Ask) -> Facts:
    """Every cause; or the records of one."""
    cause, key, world = ask.query.get("cause"), ask.query.get("map"), desk.world
    with desk.ready_store.read() as tx:
        groups = [Group(name, why or "", count, cause_of(why)) for name, why, count in tx.marks.causes()]
        groups.sort(key=lambda one: (one.cause.alone, -one.count, one.name, one.map))
        mine = [one for one in groups if one.name == cause]
        wanted = next((one for one in mine if key in (None, one.map)), None)
        shown = _shown(world, tx, wanted, ask.query.get("after", "")) if wanted is not None else None
    return {
        "groups": groups, "mine": mine, "shown": shown, "cause": cause_of(cause) if cause else None,
        "name": cause or "", "total": sum(one.count for one in groups), "titles": _titles(desk),
    }  # fmt: skip


def _titles(desk: Desk) -> Mapping[str, str]:
    """How each system's vendor is called."""
    return {name: system.connector for name, system in desk.config.systems.items()}


def _shown(world: World, tx: Tx, group: Group, after: str) -> Shown:
    leaf, m = resting.parked(tx, group.map, group.name, after=after, limit=SHOWN), world.maps.get(group.map)
    shown = Shown(group, after=leaf.after)
    if m is None:  # a map that was taken out of the set-up since
        return shown
    names = named(world, tx, m, [(mark.side, mark.id) for mark in leaf.rows])
    told = mark_rows(tx, world.maps, leaf.rows)
    shown.rows = [
        Row(mark, names[mark.side, mark.id], row["reason"] or "")
        for mark, row in zip(leaf.rows, told, strict=True)
    ]  # fmt: skip
    if group.name == "unmapped":
        reasons = resting.reasons(tx, m.key, group.name, most=LOOKED_AT)
        shown.looked_at, shown.lacks = len(reasons), _lacks(tx, m, reasons)
    return shown


def _lacks(tx: Tx, m: FieldMap, reasons: Sequence[tuple[Side, str, str]]) -> list[Lack]:
    """Which rules lack a counterpart for which values: found by converting what one record of each reason holds."""
    told: dict[str, list[tuple[Side, str]]] = {}
    for side, id_, reason in reasons:
        told.setdefault(reason, []).append((side, id_))
    most = sorted(told.items(), key=lambda one: -len(one[1]))[:VALUES]
    held = _held(tx, m, [several[0] for _, several in most])
    found: dict[tuple[str, Side, str], Lack] = {}
    for reason, several in most:
        for lack in (lack for side, record in held[several[0]] for lack in _of_record(m, side, record)):
            if lack.sentence in reason:
                found.setdefault((lack.rule.name, lack.side, lack.value), lack).count += len(several)
    return sorted(found.values(), key=lambda one: (-one.count, one.rule.name, one.value))


def _held(
    tx: Tx, m: FieldMap, wanted: Sequence[tuple[Side, str]]
) -> Mapping[tuple[Side, str], list[tuple[Side, Record]]]:
    """By record, itself and the one that it is linked with, as they were read last."""
    pairs: dict[tuple[Side, str], list[tuple[Side, str]]] = {}
    for side in Side:
        ids = [id_ for at, id_ in wanted if at is side]
        links = tx.links.of(m.key, side, ids)
        for id_ in ids:
            twin = [(side.other, links[id_].id_on(side.other))] if id_ in links else []
            pairs[side, id_] = [(side, id_), *twin]
    shots = {
        (side, id_): shot.record
        for side in Side
        for id_, shot in tx.snapshots.get(
            m.end(side).system, m.end(side).kind, [i for several in pairs.values() for at, i in several if at is side]
        ).items()
    }
    return {key: [(at, shots[at, i]) for at, i in several if (at, i) in shots] for key, several in pairs.items()}


def _of_record(m: FieldMap, side: Side, record: Record) -> Iterator[Lack]:
    for rule in m.rules:
        value = record.fields.get(rule.field(side) or "")
        if value is None or rule.unmapped is not Unmapped.PARK or rule.expr is not None or not rule.field(side.other):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            try:
                rule.convert.convert((str(one),) if isinstance(value, tuple) else value, side.other)
            except Unconvertible as error:
                kind = rule.type(side.other)
                options = kind.options if kind is not None and kind.options and not kind.open_options else None
                yield Lack(
                    m.key, rule, side, str(one), str(error), fits=isinstance(rule.convert, Pick),
                    options=options if options is None or len(options) <= CHOICES else None,
                )  # fmt: skip


def label(rule: Rule, side: Side) -> str:
    """What people call a rule's field on a side."""
    kind = rule.type(side)
    return (kind.label if kind is not None else "") or rule.field(side) or rule.name


def seen(rule: Rule, side: Side, value: str) -> str:
    """A stored value of a pick list as people see it."""
    kind = rule.type(side)
    options = kind.options if kind is not None and kind.kind in (FieldKind.ENUM, FieldKind.MULTI) else ()
    return next((option.label or option.value for option in options if option.value == value), value)


def _facts(desk: Desk, ask: Ask) -> Facts:
    return {**show(desk, ask), "label": label, "seen": seen, "looked_at_most": LOOKED_AT}


def _gone(ref: str) -> ConfigError:
    return ConfigError(Problem(ref, "does not wait any more.", "Somebody was quicker, or it went on by itself."))


def _retry(desk: Desk, ask: Ask) -> Done:
    """One record, by its ref."""
    key, ref = ask.need("map"), ask.need("ref")
    if not desk.retry(key, ref):
        raise _gone(ref)
    return Done(text=f"{ref} is tried again with the next run.", subject=ref, detail={"map": key})


def _skip(desk: Desk, ask: Ask) -> Done:
    """One record, by its ref: it is passed over until it changes."""
    key, ref = ask.need("map"), ask.need("ref")
    if not desk.skip(ref, key):
        raise _gone(ref)
    undo = ("/parked/retry", {"map": key, "ref": ref})
    return Done(text=f"{ref} rests until somebody changes it.", subject=ref, detail={"map": key}, undo=undo)


def _retry_all(desk: Desk, ask: Ask) -> Done:
    """All of a cause in a map."""
    key, cause = ask.need("map"), ask.need("cause")
    with desk.ready_store.begin() as tx:
        count = tx.marks.retry(key, desk.clock(), causes=[cause])
    if not count:
        remedy = "Somebody was quicker, or they went on by themselves."
        raise ConfigError(Problem(f"of {key}", "none waits for this any more.", remedy))
    what = f"{counted(count, 'record is', 'records are')} tried again with the next run."
    return Done(text=what, subject=key, detail={"cause": cause, "records": count})


PAGES = (Page("/parked", "parked.html", "Parked", _facts, nav="Parked", needs=True),)
DEEDS = (
    Deed("/parked/retry", "parked.retry", _retry),
    Deed("/parked/skip", "parked.skip", _skip, needs=True),
    Deed("/parked/retry-all", "parked.retry_all", _retry_all),
)
