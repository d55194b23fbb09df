"""Bases as they are stored: only what differs from the snapshot. Pure.

What is not here: when a base moves (`absorb` when a snapshot moves under it, `confirm` when fields are settled).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import NamedTuple

from syncd.core.decision import Base, Shadow
from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import nothing
from syncd.core.model import Record, Side, Value
from syncd.core.plan import MISSING, expression_side, view
from syncd.core.sight import Missing
from syncd.core.still import MAPS
from syncd.store.links import Delta, Link
from syncd.store.snapshots import Snapshot


def stands_alone(rule: Rule, side: Side) -> bool:
    """Whether a side's base of this rule is no field's value (an expression's result, a receipt): always stored."""
    return rule.field(side) is None or expression_side(rule) is side


class _Kept(NamedTuple):
    """One rule's base of one side: what it is called in a store, and whether it stands alone."""

    rule: Rule
    identity: str
    alone: bool


@lru_cache(maxsize=2 * MAPS)
def _kept(m: FieldMap, side: Side) -> tuple[_Kept, ...]:
    return tuple(_Kept(rule, rule.identity, stands_alone(rule, side)) for rule in m.rules)


def base_of(m: FieldMap, link: Link, left: Snapshot, right: Snapshot) -> Base:
    """The shadows of a link, put together from its deltas and the snapshots."""
    return Base(left=_shadows(m, link, Side.LEFT, left), right=_shadows(m, link, Side.RIGHT, right))


def _shadows(m: FieldMap, link: Link, side: Side, snapshot: Snapshot) -> dict[str, Shadow]:
    found: dict[str, Shadow] = {}
    delta = link.delta(side)
    for rule, identity, alone in _kept(m, side):
        now, known = view(rule, side, snapshot.record.fields), identity in link.known
        # Without a base only what was cleared is told; what stands there by now, or is no field's value, tells nothing.
        if identity in delta and (known or (not alone and _blank(rule, side, now))):
            value, seen = delta[identity]
            found[rule.name] = Shadow(value, datetime.fromtimestamp(seen, tz=UTC) if seen is not None else None)
        elif now is not MISSING and known:
            found[rule.name] = Shadow(now, snapshot.record.read_at)
    return found


def _blank(rule: Rule, side: Side, value: Value | Missing) -> bool:
    """Whether a field is known to hold nothing, as far as it can tell."""
    return value is not MISSING and nothing(value, rule.type(side))


def moved(
    m: FieldMap, side: Side, link: Link, before: Mapping[str, Value], record: Record, seen_at: datetime | None
) -> Link:
    """The link's deltas after the snapshot of one side moved from `before` to `record`: bases stay what they were.

    Where no base is known yet, what was cleared since the two were linked is kept: its blank is no blank to be filled.
    """
    delta = dict(link.delta(side))
    for rule, identity, alone in _kept(m, side):
        if alone:
            continue
        old, new = view(rule, side, before), view(rule, side, record.fields)
        if new is MISSING or old is MISSING:
            continue
        if identity not in link.known and not _blank(rule, side, new):
            delta.pop(identity, None)
        elif identity not in delta:
            if old != new:
                delta[identity] = (old, seen_at.timestamp() if seen_at else None)
        elif delta[identity][0] == new:
            del delta[identity]
    return _with(link, side, delta)


def pinned(m: FieldMap, side: Side, link: Link, snapshot: Snapshot) -> Link:
    """The link with every base of one side spelled out, so that it leans on this snapshot no more."""
    delta, known, at = dict(link.delta(side)), set(link.known), snapshot.record.read_at
    for rule in m.rules:
        if rule.identity not in known or rule.identity in delta:
            continue
        value = view(rule, side, snapshot.kept)
        if value is MISSING:
            known.discard(rule.identity)
        else:
            delta[rule.identity] = (value, at.timestamp() if at else None)
    return _with(dataclasses.replace(link, known=frozenset(known)), side, delta)


def settled(m: FieldMap, side: Side, link: Link, values: Mapping[str, Value], snapshot: Snapshot) -> Link:
    """The link with the base of these rules moved to `values` on one side; `knowing` makes them known."""
    delta = dict(link.delta(side))
    rules = {rule.name: rule for rule in m.rules}
    at = snapshot.record.read_at
    for name, value in values.items():
        rule = rules.get(name)
        if rule is None:
            continue
        if not stands_alone(rule, side) and view(rule, side, snapshot.record.fields) == value:
            delta.pop(rule.identity, None)
        else:
            delta[rule.identity] = (value, at.timestamp() if at else None)
    return _with(link, side, delta)


def knowing(link: Link, names: Iterable[str]) -> Link:
    """The link with these rules' bases known."""
    return dataclasses.replace(link, known=link.known | frozenset(names))


def forgetting(link: Link, names: Iterable[str]) -> Link:
    """The link without a base of these rules: unknown, as at first link."""
    gone = frozenset(names)
    deltas = [{name: base for name, base in link.delta(side).items() if name not in gone} for side in Side]
    return dataclasses.replace(link, known=link.known - gone, left=deltas[0], right=deltas[1])


def _with(link: Link, side: Side, delta: Delta) -> Link:
    return dataclasses.replace(link, left=delta) if side is Side.LEFT else dataclasses.replace(link, right=delta)
