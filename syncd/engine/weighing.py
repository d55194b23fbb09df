"""What a map would do to linked records, were it applied: decided by the engine's own planning, out of snapshots.

No vendor is asked and nothing is stored. What is not here: adding it up (`service.impact`), and marking (`applying`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from syncd.core.decision import Decision, Given, Verdict
from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.model import Side
from syncd.core.parity import Parity, compare
from syncd.engine.audit import fields_of
from syncd.engine.base import knowing, moved, settled
from syncd.engine.item import SLOW_LANE, Item
from syncd.engine.planning import left_filter, parents_for, parents_of, plan_links
from syncd.engine.world import World
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.marks import DUE, Mark, Unit
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx

APART = frozenset({Parity.DIFFERENT, Parity.UNMAPPED})
"""What only the map of before could carry has no counterpart now: that is a difference too."""

QUIET = frozenset({Verdict.UNCHANGED, Verdict.AGREED, Verdict.KEPT, Verdict.IGNORED})
"""Verdicts of which there is nothing to say."""

ROUNDS = 8
"""So many times at most one rule carries on what another one wrote: what goes round and round is frozen by a run."""

Both = Mapping[Side, Snapshot]
Standing = Mapping[tuple[int, str], Sequence[Conflict]]


@dataclass(frozen=True, slots=True)
class Weighed:
    """A link under a map. `leaving`: it does not meet the map's condition; `looks`: both records are read before.

    `decisions`: as a run would decide; without the rules of which a list tells already, and those that are `unread`:
    one of their fields was never asked for.
    """

    link: Link
    both: Both
    leaving: bool = False
    looks: bool = False
    decisions: Sequence[Decision] = ()
    unread: frozenset[str] = frozenset()

    def having(self, verdict: Verdict) -> list[Decision]:
        """The decisions of a verdict."""
        return [d for d in self.decisions if d.verdict is verdict]

    @property
    def written(self) -> frozenset[Side]:
        """The sides of which a record is written."""
        return frozenset(d.to for d in self.having(Verdict.WRITE) if d.to is not None)

    @property
    def parked(self) -> bool:
        """Whether its record would wait for a person or a changed world."""
        return any(d.park for d in self.decisions)


@dataclass(frozen=True, slots=True)
class Differing:
    """Rules by which two linked records differ. `listed`: with values that stand on a list; `anew`: all others.

    Where nobody changed these, base says nothing of who is right: the map's `first_link` decides.
    """

    listed: frozenset[str]
    anew: tuple[str, ...]


def weighed(world: World, tx: Tx, m: FieldMap, links: Sequence[Link]) -> Iterator[Weighed]:
    """Each of these links whose records are both there."""
    pairs = whole(tx, m, links)
    apart = differing(world, tx, m, pairs)
    anew = {id_: found.anew for id_, found in apart.items()}
    planned = _planned(world, tx, m, pairs, anew)
    looking = {id_ for id_, item in planned.items() if item.rest is not None and item.rest.reread}
    again = [(link, both) for link, both in pairs if link.id in looking]
    planned.update(_planned(world, tx, m, again, anew, reread=True))
    decided = {id_: list(item.plan.decisions) if item.plan is not None else [] for id_, item in planned.items()}
    _carry_on(world, tx, m, list(planned.values()), decided)
    for link, both in pairs:
        unread = _unread(m, both)
        told = [d for d in decided[link.id] if d.rule.name not in apart[link.id].listed | unread]
        leaving = left_filter(m, {side: both[side].record for side in Side})
        yield Weighed(link, both, leaving, link.id in looking, told, frozenset() if leaving else unread)


def _carry_on(world: World, tx: Tx, m: FieldMap, items: Sequence[Item], decided: Mapping[int, list[Decision]]) -> None:
    """What one rule writes another may carry on: each record is planned again as it is then, until nothing more comes.

    What is decided then goes to what was `decided`, by link.
    """
    for _ in range(ROUNDS):
        after = [_written(m, item, item.link) for item in items if item.operations and item.link is not None]
        if not after:
            return
        later = _planned(world, tx, m, after, {link.id: () for link, _ in after}, reread=True)
        for id_, item in later.items():
            for d in item.plan.decisions if item.plan is not None else ():
                if d.verdict is Verdict.WRITE or _newly(d, decided[id_]):
                    quiet = [one for one in decided[id_] if one.rule.name == d.rule.name and one.verdict in QUIET]
                    for one in quiet:
                        decided[id_].remove(one)
                    decided[id_].append(d)
        items = list(later.values())


def _newly(d: Decision, before: Sequence[Decision]) -> bool:
    """Whether anything is to be said of a rule of which there was nothing to say."""
    return d.verdict not in QUIET and all(one.verdict in QUIET for one in before if one.rule.name == d.rule.name)


def _written(m: FieldMap, item: Item, link: Link) -> tuple[Link, Both]:
    """A link and its records after what is planned was written, and its rules were settled."""
    both: dict[Side, Snapshot] = {}
    for side, shot in item.snapshots.items():
        fields = item.operations[side].fields if side in item.operations else {}
        record = replace(shot.record, fields={**shot.record.fields, **fields})
        link = moved(m, side, link, shot.record.fields, record, shot.record.read_at)
        both[side] = replace(shot, record=record)
    for d in item.plan.decisions if item.plan is not None else ():
        for side, value in d.settle.items():
            link = settled(m, side, link, {d.rule.name: value}, both[side])
        if len(d.settle) == len(Side):
            link = knowing(link, [d.rule.identity])
    return link, both


def whole(tx: Tx, m: FieldMap, links: Sequence[Link]) -> list[tuple[Link, Both]]:
    """Those of these links whose records are both there, with what is known of them."""
    shots: dict[Side, dict[str, Snapshot]] = {}
    for side in Side:
        end = m.end(side)
        shots[side] = tx.snapshots.get(end.system, end.kind, [link.id_on(side) for link in links])
    found: list[tuple[Link, Both]] = []
    for link in links:
        both = {side: shot for side in Side if (shot := shots[side].get(link.id_on(side))) is not None}
        if len(both) == len(Side) and not any(shot.gone for shot in both.values()):
            found.append((link, both))
    return found


def differing(world: World, tx: Tx, m: FieldMap, pairs: Sequence[tuple[Link, Both]]) -> dict[int, Differing]:
    """By link, the rules by which its records differ under the map as it is now."""
    standing = tx.conflicts.standing(link.id for link, _ in pairs)
    former = parents_of(world, tx, m, [(side, both[side].record) for _, both in pairs for side in Side], former=True)
    return {link.id: _differing(m, link, both, former, standing) for link, both in pairs}


def _differing(m: FieldMap, link: Link, both: Both, former: Given, standing: Standing) -> Differing:
    found = compare(m, both[Side.LEFT].record, both[Side.RIGHT].record, former)
    apart = {one.rule.name: one.values for one in found if one.parity in APART}
    listed = {
        name
        for name, values in apart.items()
        if values in {(row.left, row.right) for row in standing.get((link.id, name), ())}
    }
    return Differing(frozenset(listed), tuple(name for name in apart if name not in listed))


def _planned(
    world: World,
    tx: Tx,
    m: FieldMap,
    pairs: Sequence[tuple[Link, Both]],
    anew: Mapping[int, Sequence[str]],
    *,
    reread: bool = False,
) -> dict[int, Item]:
    """By link: planned as a run does what `map apply` has marked; `reread`: after both records were read by id."""
    now = world.clock()
    items = {}
    for link, both in pairs:
        mark = Mark(
            map=m.key, side=Side.LEFT, id=link.left_id, generation=0, state=DUE, lane=SLOW_LANE, due_at=now,
            first_at=now, attempts=0, reread=reread, pulled=False, cause=None, reason=None, waits_for=None, plan=None,
            permit=None, anew=tuple(anew[link.id]),
        )  # fmt: skip
        items[link.id] = Item(m, Unit(link, (mark,), 0), link, snapshots=dict(both))
    plan_links(world, tx, m, list(items.values()), parents_for(world, tx, m, items.values(), planned=False))
    return items


def _unread(m: FieldMap, both: Both) -> frozenset[str]:
    """The lasting rules that look at a field that was never asked for: neither told nor known to be left out."""
    known = {side: {*both[side].kept, *both[side].missing} for side in Side}
    return frozenset(
        rule.name for rule in m.rules if _lasts(rule) and any(not fields_of(rule, side) <= known[side] for side in Side)
    )


def _lasts(rule: Rule) -> bool:
    return rule.direction is not Direction.CREATE and rule.receipt is None
