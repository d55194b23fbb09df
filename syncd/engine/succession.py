"""Succession: what came of other records, merged or converted into it, goes on with their links. Rule 16.

A merge leaves a record of the same kind, whose link moves within its map. A conversion leaves one of another kind (a
lead becomes a contact), which another map carries: that map names the one it `continues`, and the field that tells.

What is not here: links whose own record was merged away (`leaving`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from syncd.core.fieldmap import FieldMap
from syncd.core.match import came_of, formers
from syncd.core.model import Record, Ref, Side
from syncd.engine.closed import UNFIT, may_open
from syncd.engine.item import Item, Rest, again, park
from syncd.engine.planning import twins_of
from syncd.engine.reading import read_anew, read_known
from syncd.engine.world import World
from syncd.store.links import Link
from syncd.store.snapshots import hashed
from syncd.store.store import Tx


def came_of_a_merge(tx: Tx, item: Item, record: Record) -> bool:
    """Whether a record is what linked ones were merged into: it waits for their links, and calls for their marks."""
    m, side = item.m, item.mark.side
    creates = tx.journal.creating_for(m.key, side, record.was)
    if creates:
        reason = f"came of a merge with the record for which write {creates[0].id} is open"
        item.fail(park("waiting", reason, waits_for=f"intent:{creates[0].id}"))
        return True
    linked = sorted(tx.links.of(m.key, side, record.was))
    if linked:
        old = replace(record.ref, id=linked[0])
        item.calls += [(side, id_) for id_ in linked]
        reason = f"goes on with the link of {old}, which was merged into it"
        item.fail(park("waiting", reason, waits_for=str(record.ref)))
    return bool(linked)


def take_over(world: World, tx: Tx, m: FieldMap, side: Side, items: Sequence[Item]) -> list[Item]:
    """What was converted from a record of the map that this one continues has the twin of that; those that have one.

    A person is asked where that twin is linked, or where a record was several that had twins.
    """
    first = continued(world, m, side)
    if first is None:
        return []
    heirs = {id_: item for item in items for id_ in formers(m, side, item.record(side).fields)}
    for intent in tx.journal.creating_for(first.key, side, heirs):
        reason = f"became what write {intent.id} is open for"
        heirs[str(intent.source_id)].fail(park("waiting", reason, waits_for=f"intent:{intent.id}"))
    twins, here, end = _twins(tx, first, side, heirs), m.end(side), m.end(side.other)
    there = tx.snapshots.seen(end.system, end.kind, twins.values())
    taken = tx.links.of(m.key, side.other, twins.values())
    parted = _parted(tx, m, side, [item.mark.id for item in items])
    for old, twin in twins.items():
        item, was, other = heirs[old], first.end(side).ref(old), end.ref(twin)
        if (item.mark.id, twin) in parted:
            continue
        if twin in taken:
            both = f"{was} became it, whose twin {other} is linked with {here.ref(taken[twin].id_on(side))}"
            remedy = f"If that is wrong: `syncd unlink {other}`, then `syncd retry`; if it is right: `syncd link --not"
            item.fail(park("question", f"{both}. {remedy} {here.ref(item.mark.id)} {other}`."))
        elif twin in there and item.twin not in (None, twin):
            reason = f"it was {was} and others, whose twins are {end.ref(item.twin)}, {other} and perhaps more"
            remedy = f"Link it with the right one: `syncd link {item.record(side).ref} {other}`; or say who is not its"
            item.fail(park("question", f"{reason}. {remedy} twin: `syncd link --not`."))
        elif twin in there:
            item.twin, item.found = twin, f"goes on with the link of {was}, which became it"
    return [item for item in items if item.twin is not None and item.stands()]


def look_at_twins(world: World, m: FieldMap, heirs: Sequence[Item]) -> None:
    """Read the twins that were taken over: lists of some vendors say nothing of a record that people archived.

    And what it was, for what people typed there last came along. Raises AuthError and Transient.
    """
    for side in Side:
        if asking := [item for item in heirs if item.stands() and item.side is side.other]:
            found = read_anew(world, m, side, asking)
            for item in asking:
                if not isinstance(found[str(item.twin)], Record):
                    item.fail(again("gone", f"{m.end(side).ref(str(item.twin))} is gone", after=timedelta(0)))
            if (first := continued(world, m, side.other)) is not None:
                fields = [item.record(side.other).fields for item in asking]
                read_known(world, first.end(side.other), [old for one in fields for old in formers(m, side.other, one)])


def call_left_over(world: World, tx: Tx, m: FieldMap, items: Sequence[Item]) -> None:
    """Give the twins of what linked records were a turn, where they are nobody's now: a person is asked about them."""
    if m.continues is None or (first := continued(world, m, m.continues.side)) is None:
        return
    side = m.continues.side
    linked = [item for item in items if item.link is not None and side in item.snapshots]
    heirs = {id_: item for item in linked for id_ in formers(m, side, item.record(side).fields)}
    twins = _twins(tx, first, side, heirs)
    known = set(tx.links.of(m.key, side.other, twins.values()))
    # Whoever rests for another reason rests on: a turn would ask a person again, or write what they discarded.
    marks = tx.marks.get(m.key, side.other, twins.values())
    known |= {id_ for id_, mark in marks.items() if mark.cause != "waiting"}
    parted = _parted(tx, m, side, [str(item.id_on(side)) for item in linked])
    for old, twin in twins.items():
        if twin not in known and (str(heirs[old].id_on(side)), twin) not in parted:
            heirs[old].calls.append((side.other, twin))


def kept_back(world: World, tx: Tx, m: FieldMap, side: Side, items: Sequence[Item]) -> Mapping[str, Rest]:
    """What those wait for that have a twin in the map that this one continues, or will have by its plans.

    What that twin becomes is theirs, so none is made. Where it became one that has another twin, a person is asked.
    Where that is gone, they are linked with it all the same, and the link ends as any whose record is gone.
    """
    first = continued(world, m, side.other)
    if first is None:
        return {}
    ours = {item.mark.id: item for item in items}
    ended = may_open(tx, first, side, ours)
    twins = {id_: link.id_on(side.other) for id_, link in ended.items()}
    twins |= twins_of(tx, first.key, side, set(ours), planned=True, former=False)
    others = _parted(tx, first, side, ours)
    twins = {id_: twin for id_, twin in twins.items() if (id_, twin) not in others}
    heirs, parted = _heirs(tx, m, side.other, twins.values()), _parted(tx, m, side, ours)
    several, end = [heir for some in heirs.values() for heir in some], m.end(side.other)
    there = tx.snapshots.seen(end.system, end.kind, several)
    links = tx.links.of(m.key, side.other, several, state="closed") | tx.links.of(m.key, side.other, several)
    rests: dict[str, Rest] = {}
    for id_, twin in twins.items():
        here, was = m.end(side).ref(id_), first.end(side.other).ref(twin)
        named = [heir for heir in heirs.get(twin, ()) if (id_, heir) not in parted]
        for heir in [one for one in named if one in there] or named:
            if heir in there or heir in links:
                rests[id_] = _goes_on(here, was, end.ref(heir), links.get(heir), side)
                ours[id_].calls += [(side.other, heir)] if heir not in links else []
            else:
                ours[id_].twin, ours[id_].found = heir, f"goes on with the link of {was}, which became it"
        if twin not in heirs and (id_ not in ended or (ended[id_].reason or "").startswith(UNFIT)):
            reason = f"its twin is {was}, and it goes on with what that becomes"
            remedy = f"; if that is somebody else: `syncd link --not {was} {here}`" if id_ in ended else ""
            rests[id_] = park("waiting", reason + remedy, waits_for=str(was))
    return rests


def _goes_on(here: Ref, was: Ref, heir: Ref, link: Link | None, side: Side) -> Rest:
    """What a record waits for, or is asked about, whose twin in the map before became this one."""
    became, other = f"its twin {was} became {heir}", f"if not: `syncd link --not {heir} {here}`."
    if link is None:
        return park("waiting", f"{became}, and it goes on with that", waits_for=str(heir))
    if link.state == "open":
        twin = replace(here, id=link.id_on(side))
        remedy = f"If both are the same, give what belongs to {here} to the other and archive it, then `syncd retry`; "
        remedy += other
        return park("question", f"{became}, which is linked with {twin}. {remedy}")
    remedy = f"If it is its twin: `syncd relink {heir} {here}`; {other}"
    return park("question", f"{became}, whose link was closed. {remedy}")


def continued(world: World, m: FieldMap, side: Side) -> FieldMap | None:
    """The map that this one continues, if its records become records of this side."""
    return world.maps.get(m.continues.map) if m.continues is not None and m.continues.side is side else None


def _twins(tx: Tx, first: FieldMap, side: Side, ids: Collection[str]) -> dict[str, str]:
    """With whom these are linked in the map before, or were until one of the two left it."""
    links, parted = may_open(tx, first, side, ids) | tx.links.of(first.key, side, ids), _parted(tx, first, side, ids)
    twins = {old: link.id_on(side.other) for old, link in links.items()}
    return {old: twin for old, twin in twins.items() if (old, twin) not in parted}


def _heirs(tx: Tx, m: FieldMap, side: Side, former: Iterable[str]) -> dict[str, list[str]]:
    """What records of the map before became, by their former ids; those that became nothing yet are left out."""
    texts = {hashed(came_of(id_)): id_ for id_ in former}
    return {texts[key]: ids for key, ids in tx.snapshots.keyed(m.key, side, texts).items()}


def _parted(tx: Tx, m: FieldMap, side: Side, ids: Iterable[str]) -> set[tuple[str, str]]:
    """Pairs of these ids of a side and ids across of which a person said that they are not the same."""
    return {(right, left) if side is Side.RIGHT else (left, right) for left, right in tx.refusals.of(m.key, side, ids)}
