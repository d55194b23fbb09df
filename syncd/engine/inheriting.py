"""Bases that cross from one map to the next: what an heir still holds of the record that it was has not been edited.

What is not here: who goes on with whose twin (`succession`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.core.decision import Base
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import formers
from syncd.core.model import Record, Side, Value
from syncd.core.plan import MISSING, view
from syncd.engine.base import base_of
from syncd.engine.closed import may_open
from syncd.engine.confirm import settle_rules
from syncd.engine.succession import continued
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.store import Tx


def inherit(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> None:
    """Of new links that go on with another map's, keep what was agreed on there: what people did since is an edit.

    All else is decided as between any two that are linked for the first time.
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
            both = {side: was[id_], side.other: twins[link.id_on(side.other)]}
            base = base_of(first, old, both[Side.LEFT], both[Side.RIGHT])
            heir = heirs[link.id_on(side)].record
            settle_rules(tx, m, {link.id: dict(_inherited(first, m, side, base, heir))})


def _inherited(
    first: FieldMap, m: FieldMap, side: Side, base: Base, heir: Record
) -> Iterator[tuple[str, dict[Side, Value]]]:
    """Of rules of both maps over one field across: what was agreed on, where the heir holds it as the record did."""
    rules = {rule.field(side.other): rule for rule in first.rules if _plain(rule)}
    for rule in (rule for rule in m.rules if _plain(rule)):
        old, now = rules.get(rule.field(side.other)), view(rule, side, heir.fields)
        if old is None or now is MISSING or old.name not in base.left or old.name not in base.right:
            continue
        sides = {side: now, side.other: base.side(side.other)[old.name].value}
        was, kinds = base.side(side)[old.name].value, (rule.type(side), old.type(side))
        held = any(same(now, was, kind) for kind in kinds)
        if held and rule.convert.equal(sides[Side.LEFT], sides[Side.RIGHT]):
            yield rule.name, sides


def _plain(rule: Rule) -> bool:
    """Whether it is about a field on each side, and no more."""
    return rule.left is not None and rule.right is not None and rule.relation is None and rule.expr is None
