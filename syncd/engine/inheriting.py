"""Bases that cross from one map to the next: what an heir still holds of the record that it was has not been edited.

What is not here: who goes on with whose twin (`succession`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncd.core.decision import Base
from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import formers
from syncd.core.model import Record, Side, Value
from syncd.core.plan import MISSING, view
from syncd.engine.base import base_of
from syncd.engine.closed import may_open
from syncd.engine.confirm import settle_rules
from syncd.engine.planning import lost_row
from syncd.engine.succession import continued
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.store import Tx


def inherit(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> None:
    """Of new links that go on with another map's, keep what was agreed on there: what people did since is an edit.

    What a person was asked there is asked here. All else is decided as between any two that are linked for the first
    time; but what a person cleared on the twin since then is not filled: it is asked. And a blank where the record had
    a value is filled, as most conversions carry not all fields along, and listed, as somebody may have cleared it.
    """
    if m.continues is None or (first := continued(world, m, m.continues.side)) is None:
        return
    side = m.continues.side
    here, there, before = m.end(side), m.end(side.other), first.end(side)
    heirs = tx.snapshots.get(here.system, here.kind, [link.id_on(side) for link in links])
    twins = tx.snapshots.get(there.system, there.kind, [link.id_on(side.other) for link in links])
    of = {id_: link for link in links for id_ in formers(m, side, heirs[link.id_on(side)].record.fields)}
    was = tx.snapshots.get(before.system, before.kind, of)
    for id_, old in (may_open(tx, first, side, of) | tx.links.of(first.key, side, of)).items():
        link = of[id_]
        if id_ in was and old.id_on(side.other) == link.id_on(side.other):
            heir, twin = heirs[link.id_on(side)], twins[link.id_on(side.other)]
            both = {side: was[id_], side.other: twin}
            base = base_of(first, old, both[Side.LEFT], both[Side.RIGHT])
            legacy = _Legacy(list(_continued(first, m, side)), side, base, was[id_].record, heir.record, twin.record)
            agreed = legacy.agreed()
            settle_rules(tx, m, {link.id: agreed})
            asked_before = {one.rule: one.reason for one in tx.conflicts.unanswered(old.id)}
            ids, told = (link.left_id, link.right_id), {"run": None, "at": world.clock()}
            for rule, values, why in legacy.asked(asked_before, agreed):
                tx.conflicts.ask(lost_row(m.key, link.id, ids, rule.name, values, "open", reason=why, **told))
            rows = [
                lost_row(m.key, link.id, ids, rule.name, values, "overruled", lost_side=str(side), reason=why, **told)
                for rule, values, why in legacy.filled(agreed)
            ]
            tx.conflicts.list_lost(rows)
            # What was told of its going says that nobody goes on with its twin.
            tx.marks.add(first.key, side, [id_], world.clock())


def _continued(first: FieldMap, m: FieldMap, side: Side) -> Iterator[tuple[Rule, Rule]]:
    """Rules of both maps over one field across: the one before, and the one that goes on with it."""
    rules = {rule.field(side.other): rule for rule in first.rules if _plain(rule)}
    for rule in (rule for rule in m.rules if _plain(rule)):
        if rule.field(side.other) in rules:
            yield rules[rule.field(side.other)], rule


def _plain(rule: Rule) -> bool:
    """Whether it is about a field on each side, and no more."""
    return rule.left is not None and rule.right is not None and rule.relation is None and rule.expr is None


@dataclass(frozen=True, slots=True)
class _Legacy:
    """What was agreed on with the twin, what the record was at last, what it became on `side`, and the twin now.

    `rules`: those of both maps over one field across, the one before and the one that goes on with it.
    """

    rules: Sequence[tuple[Rule, Rule]]
    side: Side
    base: Base
    was: Record
    heir: Record
    twin: Record

    def agreed(self) -> dict[str, dict[Side, Value]]:
        """What both sides held then, where the heir holds what the record held, then or at last."""
        found: dict[str, dict[Side, Value]] = {}
        for old, rule in self.rules:
            now, at_last = view(rule, self.side, self.heir.fields), view(old, self.side, self.was.fields)
            if now is MISSING or old.name not in self.base.left or old.name not in self.base.right:
                continue
            then = {at: self.base.side(at)[old.name].value for at in Side}
            kinds = (rule.type(self.side), old.type(self.side))
            if any(same(now, then[self.side], kind) for kind in kinds):
                then[self.side] = now
            elif at_last is MISSING or not any(same(now, at_last, kind) for kind in kinds):
                continue
            left, right = then[Side.LEFT], then[Side.RIGHT]
            if rule.convert.equal(left, right) or any(same(left, right, kind) for kind in kinds):
                found[rule.name] = then
        return found

    def asked(
        self, before: Mapping[str, str], agreed: Collection[str]
    ) -> Iterator[tuple[Rule, tuple[Value, Value], str]]:
        """What a person is asked of the new link, both values and why. `before`: reasons, by the rule before."""
        why = f"somebody cleared it on the {self.side.other} before the two were linked"
        for old, rule, values in self._told():
            cleared = self._cleared(old, values, self.side.other, rule.name in agreed)
            if old.name in before or (cleared and rule.direction is Direction.BOTH):
                yield rule, values, before.get(old.name, why)

    def filled(self, agreed: Collection[str]) -> Iterator[tuple[Rule, tuple[Value, Value], str]]:
        """Blanks that the first link fills where the record had a value, both values and why."""
        why = f"blank on the {self.side} when the two were linked, and {self.was.ref} had a value"
        for old, rule, values in self._told():
            had = view(old, self.side, self.was.fields) not in (None, MISSING)
            if had and rule.flows(self.side) and self._cleared(old, values, self.side, rule.name in agreed):
                yield rule, values, why

    def _told(self) -> Iterator[tuple[Rule, Rule, tuple[Value, Value]]]:
        for old, rule in self.rules:
            here, there = view(rule, self.side, self.heir.fields), view(rule, self.side.other, self.twin.fields)
            if here is not MISSING and there is not MISSING:
                yield old, rule, (here, there) if self.side is Side.LEFT else (there, here)

    def _cleared(self, old: Rule, values: tuple[Value, Value], side: Side, agreed: bool) -> bool:
        """Whether a side alone is blank where it was not, and no base tells so from now on."""
        shadow = self.base.side(side).get(old.name)
        now = dict(zip(Side, values, strict=True))
        blank = now[side] is None and now[side.other] is not None
        return blank and shadow is not None and shadow.value is not None and not agreed
