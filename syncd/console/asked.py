"""A conflict as people meet it: both values with what they are called, what the map thinks of it, what can be taken.

What is not here: the page and its deeds (`pages.conflicts`), another value (`another`), deciding (`engine.answers`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any

from syncd.console.another import Entry, entry
from syncd.console.labels import labeled
from syncd.console.naming import Named, named, names_of, sided
from syncd.console.words import plain
from syncd.core.fieldmap import FieldMap, Owner, Rule
from syncd.core.model import Side, Value
from syncd.engine.world import World
from syncd.store.asking import Listed
from syncd.store.conflicts import WHOLE, Conflict
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

SETTLED: Mapping[str, str] = {
    "taken": "A person decided, and it is written.",
    "agreed": "Both sides say the same again.",
    "gone": "The two are linked no longer.",
}
"""What became of those that are done."""

LOOKED_BACK = 300
"""Deeds that are looked through for who took something."""

TAKES = ("conflicts.take", "conflicts.field", "api.conflicts.take")
"""Deeds that take a side, by their names in the list of deeds."""


@dataclass(frozen=True, slots=True)
class Half:
    """One side of a conflict. `value`: as it was asked about; `now`: as it was read last, where that is known.

    `modified`: when its record changed last, by its vendor.
    """

    side: Side
    system: str
    field: str
    value: Value
    now: Value
    record: Named
    modified: datetime | None

    @property
    def moved(self) -> bool:
        """Whether the field holds something else by now than is listed."""
        return plain(self.now) != plain(self.value)


@dataclass(frozen=True, slots=True)
class Row:
    """One conflict. `key`: what is ticked and sent, so that what changed since it was shown is not taken unseen.

    `halves`: none where its map is gone; `takes`: the sides that can be taken; `entry`: how another value is asked for.
    `taken`: what was taken and is not carried out yet, in words, with the value; `by`: who took it, and when.
    """

    conflict: Conflict
    closed_at: datetime | None
    key: str
    field: str
    halves: Sequence[Half]
    opinion: str
    reason: str
    takes: Sequence[Side] = ()
    entry: Entry | None = None
    taken: tuple[str, Value] | None = None
    by: tuple[str, datetime] | None = None

    @property
    def name(self) -> str:
        """What its record is called."""
        return next((half.record.name for half in self.halves if half.record.name), self.conflict.left_id)


def rows(world: World, tx: Tx, listed: Sequence[Listed]) -> list[Row]:
    """These, in their order."""
    links = tx.links.get([one.conflict.link for one in listed])
    who = takers(tx, [one.conflict.id for one in listed])
    looks: dict[str, _Look] = {}
    for key in dict.fromkeys(one.conflict.map for one in listed):
        if (m := world.maps.get(key)) is not None:
            looks[key] = _Look.over(world, tx, m, [one.conflict for one in listed if one.conflict.map == key])
    found = []
    for one in listed:
        look, link = looks.get(one.conflict.map), links.get(one.conflict.link)
        by = who.get(one.conflict.id)
        found.append(look.row(one, link, by) if look is not None else _orphan(one))
    return found


def _orphan(one: Listed) -> Row:
    """One whose map was taken out of the set-up."""
    said = "Its map belongs to no pair any more."
    return Row(one.conflict, one.closed_at, _key(one.conflict), one.conflict.rule, (), said, one.conflict.reason)


def label(rule: Rule | None, side: Side, name: str) -> str:
    """What people call a rule's field on a side."""
    kind = rule.type(side) if rule is not None else None
    return (kind.label if kind is not None else "") or (rule.field(side) if rule is not None else None) or name


@dataclass(frozen=True, slots=True)
class _Look:
    """What is known of the records of some conflicts of one map."""

    m: FieldMap
    rules: Mapping[str, Rule]
    systems: Mapping[Side, str]
    names: Mapping[tuple[Side, str], Named]
    shots: Mapping[tuple[Side, str], Snapshot]

    @classmethod
    def over(cls, world: World, tx: Tx, m: FieldMap, several: Sequence[Conflict]) -> _Look:
        ids = {side: [_id(one, side) for one in several] for side in Side}
        shots = {
            (side, id_): shot
            for side in Side
            for id_, shot in tx.snapshots.get(m.end(side).system, m.end(side).kind, ids[side]).items()
        }
        names = named(world, tx, m, [(side, id_) for side in Side for id_ in ids[side]])
        return cls(m, {rule.name: rule for rule in m.rules}, names_of(world, m), names, shots)

    def row(self, one: Listed, link: Link | None, by: tuple[str, datetime] | None) -> Row:
        conflict, rule = one.conflict, self.rules.get(one.conflict.rule)
        linked = link is not None and link.state == "open"
        halves = tuple(self._half(conflict, rule, side) for side in Side)
        takes = _takes(conflict, rule) if linked else ()
        lines = conflict.state == "open" and any("\n" in str(half.value) for half in halves)
        key = _key(conflict, *(self._now(conflict, rule, side) for side in Side))
        return Row(
            conflict, one.closed_at, key, self._called(conflict, rule), halves,
            self._opinion(conflict, rule, linked), sided(conflict.reason, self.systems), takes,
            entry(rule, lines=lines) if rule is not None and takes and conflict.state == "open" else None,
            self._taken(conflict), by if conflict.choice is not None or conflict.state == "taken" else None,
        )  # fmt: skip

    def _called(self, conflict: Conflict, rule: Rule | None) -> str:
        if conflict.rule == WHOLE:
            return "The record itself"
        side = Side.LEFT if rule is None or rule.left is not None else Side.RIGHT
        return label(rule, side, conflict.rule)

    def _half(self, conflict: Conflict, rule: Rule | None, side: Side) -> Half:
        id_ = _id(conflict, side)
        shot = self.shots.get((side, id_))
        value, now = (
            labeled(self.m, side, conflict.rule, one)
            for one in (_listed(conflict, side), self._now(conflict, rule, side))
        )
        return Half(
            side, self.systems[side], label(rule, side, conflict.rule), value, now, self.names[side, id_],
            shot.record.modified_at if shot is not None else None,
        )  # fmt: skip

    def _now(self, conflict: Conflict, rule: Rule | None, side: Side) -> Value:
        """What its field holds as it was read last."""
        value = _listed(conflict, side)
        shot, name = self.shots.get((side, _id(conflict, side))), rule.field(side) if rule is not None else None
        # An expression, a relation of several and a field that is not told have no one value to set beside it.
        if shot is None or name is None or rule is None or rule.expr is not None or rule.relation is not None:
            return value
        return shot.kept.get(name, value)

    def _opinion(self, conflict: Conflict, rule: Rule | None, linked: bool) -> str:
        """What the map says to it, in a sentence."""
        if conflict.state in SETTLED:
            return SETTLED[conflict.state]
        if conflict.rule != WHOLE and rule is None:
            return "The map has no such field any more: nothing is left to decide."
        if not linked:
            return "The two are linked no longer: nothing is left to decide."
        if conflict.state == "open":
            return _asks(conflict, rule)
        if conflict.lost is None:
            return "Both stay as they are."
        winner, loser = self.systems[conflict.lost.other], self.systems[conflict.lost]
        if conflict.state == "kept":
            return f"Both stay as they are: the map does not carry {loser}'s value across."
        newest = rule is not None and rule.owner is Owner.NEWEST
        return f"The map {'takes the newer change and ' if newest else ''}chose {winner}: {loser} was overruled."

    def _taken(self, conflict: Conflict) -> tuple[str, Value] | None:
        if conflict.choice is None:
            return None
        side = Side(conflict.choice["side"])
        word = f"{self.systems[side]}'s value" if took(conflict) == str(side) else "another value"
        return word, labeled(self.m, side, conflict.rule, conflict.choice["value"])


def _asks(conflict: Conflict, rule: Rule | None) -> str:
    if conflict.forced:
        return "You are asked, whatever the map says."
    if rule is not None and rule.owner is Owner.NEWEST and "cannot be told" in conflict.reason:
        return "The map takes the newer change, and cannot tell which that is: it asks you."
    return "The map asks you."


def _takes(conflict: Conflict, rule: Rule | None) -> tuple[Side, ...]:
    """The sides that can be taken: of what was overruled, the one that lost."""
    if rule is None or conflict.choice is not None or conflict.state in SETTLED:
        return ()
    return tuple(Side) if conflict.state == "open" or conflict.lost is None else (conflict.lost,)


def _id(conflict: Conflict, side: Side) -> str:
    return conflict.left_id if side is Side.LEFT else conflict.right_id


def _listed(conflict: Conflict, side: Side) -> Value:
    return conflict.left if side is Side.LEFT else conflict.right


def _key(conflict: Conflict, *now: Value) -> str:
    choice = sorted(conflict.choice.items()) if conflict.choice is not None else None
    return f"{conflict.id}.{sign((conflict.state, conflict.left, conflict.right, choice, now))}"


def sign(shown: Any) -> str:
    """Letters that stand for what was shown; nobody reads a value from them."""
    return blake2b(repr(shown).encode(errors="replace"), digest_size=8).hexdigest()


def took(conflict: Conflict) -> str:
    """What a choice is, in a word that a form can carry: a side, or what stands for another value."""
    choice = conflict.choice or {}
    for side, value in zip(Side, (conflict.left, conflict.right), strict=True):
        if choice.get("side") == str(side) and choice.get("value") == value:
            return str(side)
    return f"value-{sign(choice.get('value'))}"


def takers(tx: Tx, ids: Iterable[int]) -> dict[int, tuple[str, datetime]]:
    """Who took these last, and when, as far as the newest deeds tell."""
    found: dict[int, tuple[str, datetime]] = {}
    wanted = set(ids)
    for deed in tx.deeds.last(limit=LOOKED_BACK):
        listed = deed.detail.get("ids") if deed.deed in TAKES else None
        if isinstance(listed, Collection):
            for id_ in wanted.intersection(listed):
                found.setdefault(id_, (deed.account, deed.at))
    return found
