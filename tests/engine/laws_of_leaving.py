"""The laws of deleting and coming back: what must hold at rest of what people deleted, and of what we archived.

What is not here: every other law, and what there is to see (`laws`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncd.core.fieldmap import FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Side, Value
from syncd.store.links import Link
from tests.engine.vendor import ABSENT, Change

if TYPE_CHECKING:
    from tests.engine.laws import Sight, Spot


def stays_deleted(sight: Sight) -> Iterator[str]:
    """What was deleted is not made again by us, but for what we made ourselves and nobody had seen before it went."""
    for vendor in sight.town.vendors.values():
        ends = {(kind, id_): number for number, kind, id_, _ in vendor.deaths}
        serials = {(kind, id_): serial for (kind, id_) in ends if (serial := _serial(sight, vendor.name, kind, id_))}
        for change in vendor.history:
            if (change.field, change.by, change.before) != ("serial", "sync", ABSENT):
                continue
            for (kind, id_), serial in serials.items():
                seen = (vendor.name, kind, id_) in sight.of or _maker(sight, vendor.name, kind, id_) == "person"
                if (kind, serial) == (change.kind, change.after) and ends[kind, id_] < change.number and seen:
                    yield f"{vendor.name}:{kind}:{id_} was deleted, and made again as {change.id}"


def _serial(sight: Sight, vendor: str, kind: str, id_: str) -> Value:
    return sight.changes[vendor, kind, id_, "serial"][-1].after


def _maker(sight: Sight, vendor: str, kind: str, id_: str) -> str:
    return sight.changes[vendor, kind, id_, "serial"][0].by


def links_again(sight: Sight) -> Iterator[str]:
    """A link that was closed because a record was gone is open again when both are there."""
    for m in sight.town.maps:
        taken = {(side, link.id_on(side)) for link in sight.links[m.key] for side in Side}
        for link in sight.closed[m.key]:
            both = all(sight.there(m, link, side) for side in Side)
            free = not any((side, link.id_on(side)) in taken for side in Side)
            told = any(mark.map == m.key and mark.id == link.id_on(mark.side) for mark in sight.parked)
            if both and free and not told and (link.reason or "").startswith("gone: "):
                yield f"{m.name} {link.left_id}={link.right_id}: both are there again, and not linked"


def archived_rightly(sight: Sight) -> Iterator[str]:
    """We archive only what has a twin that a person deleted before, and that holds no edit unknown across."""
    for vendor in sight.town.vendors.values():
        for number, kind, id_, by in vendor.deaths:
            if by != "sync":
                continue
            where = f"{vendor.name}:{kind}:{id_}"
            found = [(m, side, link) for m, side, link in sight.of.get((vendor.name, kind, id_), ())]
            if not any(_died(sight, m, side.other, link, number) for m, side, link in found):
                yield f"{where} was archived, and nobody deleted its twin: {found}"
            for spot, history in sight.changes.items():
                last = next((c for c in reversed(history) if c.number < number), None)
                mine = spot[:3] == (vendor.name, kind, id_) and last is not None and last.by == "person"
                if mine and last is not None and not _known_across(sight, spot, last):
                    yield f"{where} was archived over an edit that nobody across had: {last}"


def _died(sight: Sight, m: FieldMap, side: Side, link: Link, before: int) -> bool:
    end, id_ = m.end(side), link.id_on(side)
    deaths = sight.town.vendors[end.system].deaths
    return any((kind, one, by) == (end.kind, id_, "person") and n < before for n, kind, one, by in deaths)


def _known_across(sight: Sight, spot: Spot, change: Change) -> bool:
    """Whether the twin held the value too at some time since, or it is listed; what no map carries does not count."""
    twins = list(sight.across(spot))
    for _, rule, side, link, twin in twins:
        if sight.listed(link, rule, side, change.after) or not rule.flows(side.other):
            return True
        later = [c.after for c in sight.changes.get(twin, ()) if c.number > change.number]
        held = [sight.value_at(twin, change.number), *later]
        if any(_alike(rule, change.after, value) for value in held):
            return True
    return not twins


def _alike(rule: Rule, one: Value, other: Value) -> bool:
    if rule.relation is not None:
        return (one is None) == (other is None)
    return any(same(one, other, kind) for kind in (rule.left_type, rule.right_type))
