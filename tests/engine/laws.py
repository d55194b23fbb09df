"""What must hold when everything has come to rest, whatever happened before: each law a function of the town.

What is not here: how a town comes to rest (`people.rest`), and what is done to it (`test_machine`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select

from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.loss import same
from syncd.core.model import Ref, Side, Value
from syncd.core.plan import suffixed
from syncd.store import tables
from syncd.store.conflicts import Conflict
from syncd.store.links import Link
from syncd.store.marks import DUE, PARKED, Mark
from tests.engine.laws_of_leaving import archived_rightly, links_again, stays_deleted
from tests.engine.town import Town
from tests.engine.vendor import ABSENT, Change, Vendor

STATES = ("open", "overruled", "kept", "taken", "agreed", "gone")
Spot = tuple[str, str, str, str]
"""(vendor, kind, id, field)"""


@dataclass
class Sight:
    """Everything there is to see in a town: both vendors' histories, the links, the lists."""

    town: Town
    links: dict[str, list[Link]] = field(default_factory=dict)
    closed: dict[str, list[Link]] = field(default_factory=dict)
    conflicts: dict[tuple[int, str], list[Conflict]] = field(default_factory=dict)
    parked: list[Mark] = field(default_factory=list)
    due: list[Mark] = field(default_factory=list)

    def __post_init__(self) -> None:
        with self.town.store.read() as tx:
            every = tx.links.get(tx.connection.execute(select(tables.links.c.id)).scalars().all())
            for m in self.town.maps:
                self.links[m.key] = [link for link in every.values() if (link.map, link.state) == (m.key, "open")]
                self.closed[m.key] = [link for link in every.values() if (link.map, link.state) == (m.key, "closed")]
            for row in tx.conflicts.list(states=STATES, limit=100_000):
                self.conflicts.setdefault((row.link, row.rule), []).append(row)
            self.parked = tx.marks.resting(PARKED)
            self.due = tx.marks.resting(DUE)
            self.made = {row.id: row.made_at for row in tx.connection.execute(select(tables.links))}
        self.of: dict[tuple[str, str, str], list[tuple[FieldMap, Side, Link]]] = {}
        for m in self.town.maps:
            for link in (*self.links[m.key], *self.closed[m.key]):
                for side in Side:
                    end = m.end(side)
                    self.of.setdefault((end.system, end.kind, link.id_on(side)), []).append((m, side, link))

    @cached_property
    def changes(self) -> dict[Spot, list[Change]]:
        """The history of every field of every record."""
        found: dict[Spot, list[Change]] = {}
        for vendor in self.town.vendors.values():
            for change in vendor.history:
                found.setdefault((vendor.name, change.kind, change.id, change.field), []).append(change)
        return found

    def value(self, spot: Spot) -> Value:
        """What a field holds now."""
        vendor, kind, id_, name = spot
        return self.town.vendors[vendor].rows[kind][id_].fields[name]

    def there(self, m: FieldMap, link: Link, side: Side) -> bool:
        """Whether a link's record is there."""
        end = m.end(side)
        return link.id_on(side) in self.town.vendors[end.system].rows.get(end.kind, {})

    def mixed(self, vendor: str, kind: str, id_: str) -> bool:
        """Whether a record was merged with another, or its twin was: its history is that of two."""
        merged = {
            (name, kind, each)
            for name, one in self.town.vendors.items()
            for kind, pairs in one.merged.items()
            for pair in pairs.items()
            for each in pair
        }
        twins = {
            (m.end(side.other).system, m.end(side.other).kind, link.id_on(side.other))
            for m, side, link in self.of.get((vendor, kind, id_), ())
        }
        return bool(merged & {(vendor, kind, id_), *twins})

    def value_at(self, spot: Spot, number: int) -> Value:
        """What a field held at a moment; ABSENT before the record was."""
        vendor, kind, id_, _ = spot
        held: Value = ABSENT
        for change in self.changes.get(spot, ()):
            if change.number > number:
                break
            held = change.after
        if held == ABSENT and (first := self.born(vendor, kind, id_)) is not None and first <= number:
            return None
        return held

    def born(self, vendor: str, kind: str, id_: str) -> int | None:
        """When a record was made."""
        numbers = [
            c.number for (v, k, i, _), cs in self.changes.items() if (v, k, i) == (vendor, kind, id_) for c in cs
        ]
        return min(numbers, default=None)

    def equal(self, m: FieldMap, rule: Rule, left_id: str, right_id: str, left: Value, right: Value) -> bool:
        """Whether both sides mean the same, up to the declared loss."""
        if ABSENT in (left, right):
            return False
        if rule.relation is not None:
            return self._parents(rule, left, right)
        if rule.right_type is not None and rule.right_type.unique and isinstance(right, str):
            right = right.removesuffix(suffixed("", Ref("crm", "deals", left_id)))
        if left is None or right is None:
            return left is None and right is None
        return any(same(left, right, kind) for kind in (rule.left_type, rule.right_type)) or rule.convert.equal(
            left, right
        )

    def _parents(self, rule: Rule, left: Value, right: Value) -> bool:
        if left is None or right is None:
            return left is None and right is None
        assert rule.relation is not None
        m = next(m for m in self.town.maps if m.key == rule.relation.map)
        ones, others = (
            {id_, self._by_now(m.end(side).system, m.end(side).kind, id_)}
            for side, id_ in zip(Side, (left, right), strict=True)
        )
        links = (*self.links[m.key], *self.closed[m.key])
        return any(link.left_id in ones and link.right_id in others for link in links)

    def _by_now(self, vendor: str, kind: str, id_: Value) -> Value:
        """What a parent became by merges: its vendor does not touch what points at it."""
        merged = self.town.vendors[vendor].merged.get(kind, {})
        while id_ in merged:
            id_ = merged[str(id_)]
        return id_

    def across(self, spot: Spot) -> Iterator[tuple[FieldMap, Rule, Side, Link, Spot]]:
        """The fields that this one is kept equal with: map, rule, this spot's side, link, the other spot."""
        vendor, kind, id_, name = spot
        for m, side, link in self.of.get((vendor, kind, id_), ()):
            for rule in m.rules:
                other = rule.field(side.other)
                if rule.field(side) == name and other is not None and rule.direction is not Direction.CREATE:
                    end = m.end(side.other)
                    yield m, rule, side, link, (end.system, end.kind, link.id_on(side.other), other)

    def listed(self, link: Link, rule: Rule, side: Side, value: Value) -> bool:
        """Whether a value of a side stands in the list of what was passed over or asked."""
        rows = self.conflicts.get((link.id, rule.name), ())
        return any(same(row.left if side is Side.LEFT else row.right, value, rule.type(side)) for row in rows)


def broken(town: Town) -> list[str]:
    """Every law that does not hold, in plain words."""
    sight = Sight(town)
    return [
        f"{law.__name__}: {line}"
        for law in (
            nothing_due,
            equal,
            nothing_twice,
            no_lead_lost,
            waiters,
            overwritten,
            causes,
            noops,
            lossy,
            stays_deleted,
            links_again,
            archived_rightly,
        )
        for line in law(sight)
    ]


def nothing_due(sight: Sight) -> Iterator[str]:
    """At rest no mark is due, no intent is open but one a person was asked about, and nothing was our own mistake."""
    for mark in sight.due:
        yield f"still due: {_told(mark)}"
    for mark in sight.parked:
        if mark.cause not in ("question", "waiting", "refused", "gone", "unseen", "vanished"):
            yield f"parked: {_told(mark)}"
        meets = "and both were linked" in (mark.reason or "")  # a merge lets two links meet: rule 16
        linked = any(link.id_on(mark.side) == mark.id for link in sight.links[mark.map])
        if mark.cause == "question" and linked and not meets:
            yield f"asks whose it is, and it is linked: {_told(mark)}"
    with sight.town.store.read() as tx:
        for m in sight.town.maps:
            for side in Side:
                for intent in tx.journal.open_creates(m.key, side):
                    if not any(f"write {intent.id} " in (mark.reason or "") for mark in sight.parked):
                        yield f"create {intent.id} is open and nobody knows: {intent}"
            if links := tx.journal.open_links([link.id for link in sight.links[m.key]]):
                yield f"updates are open: {links}"


def equal(sight: Sight) -> Iterator[str]:
    """Quiet means equal: every rule of every link agrees, or a person has been asked or told."""
    for m in sight.town.maps:
        for link in sight.links[m.key]:
            if any(mark.map == m.key and mark.id == link.id_on(mark.side) for mark in sight.parked):
                continue
            if not all(sight.there(m, link, side) for side in Side):
                yield from _unnoticed(sight, m, link)
                continue
            for rule in m.rules:
                if rule.direction is not Direction.CREATE:
                    yield from _unequal(sight, m, link, rule)


def _unnoticed(sight: Sight, m: FieldMap, link: Link) -> Iterator[str]:
    """A link of a deleted record stays open only where the vendor tells nothing, or the map says so.

    Nobody tells of what was merged into a record that was deleted before it was read.
    """
    for side in Side:
        end, id_ = m.end(side), link.id_on(side)
        vendor = sight.town.vendors[end.system]
        now = id_
        while now in vendor.merged.get(end.kind, {}):
            now = vendor.merged[end.kind][now]
        told = (now == id_ or now in vendor.rows[end.kind]) and vendor.traits.tombstones
        if not sight.there(m, link, side) and told and m.end(side.other).delete != "ignore":
            yield f"{m.name} {link.left_id}={link.right_id}: deleted on the {side}, and still linked"


def _unequal(sight: Sight, m: FieldMap, link: Link, rule: Rule) -> Iterator[str]:
    left = sight.value((m.left.system, m.left.kind, link.left_id, rule.left or ""))
    right = sight.value((m.right.system, m.right.kind, link.right_id, rule.right or ""))
    rows = sight.conflicts.get((link.id, rule.name), [])
    asked = [row for row in rows if row.state == "open"]
    agree = sight.equal(m, rule, link.left_id, link.right_id, left, right)
    if agree and asked:
        yield f"{m.name} {link.left_id}={link.right_id} {rule.name}: equal, but still asked: {asked}"
    if agree or asked:
        return
    if rule.direction is not Direction.BOTH:
        target, source = (right, left) if rule.direction is Direction.RIGHT else (left, right)
        side = Side.RIGHT if rule.direction is Direction.RIGHT else Side.LEFT
        if sight.listed(link, rule, side, target) or source is None:
            return
    where = f"{m.name} {link.left_id}={link.right_id} {rule.name}"
    yield f"{where}: {left!r} is not {right!r}, and nobody was asked; {rows}"


def nothing_twice(sight: Sight) -> Iterator[str]:
    """What a person made once is in every kind at most once; what we made is linked, or a person was asked."""
    for vendor in sight.town.vendors.values():
        for kind, rows in vendor.rows.items():
            seen: dict[Value, str] = {}
            for row in rows.values():
                serial = row.fields["serial"]
                if serial in seen:
                    yield f"{vendor.name}:{kind} has {serial} twice: {seen[serial]} and {row.id} ({row.by})"
                seen[serial] = row.id
                ref = f"{vendor.name}:{kind}:{row.id}"
                linked = (vendor.name, kind, row.id) in sight.of
                if row.by == "sync" and not linked and not any(_names(mark.reason, ref) for mark in sight.parked):
                    yield f"{ref} was made by us, and is linked with nobody"


def no_lead_lost(sight: Sight) -> Iterator[str]:
    """Every record that a map wants across is linked, or it is parked with the reason."""
    for m in sight.town.maps:
        for side in Side:
            end, when = m.end(side), m.end(side.other).when
            linked = {link.id_on(side) for link in (*sight.links[m.key], *sight.closed[m.key])}
            parked = {mark.id for mark in sight.parked if (mark.map, mark.side) == (m.key, side)}
            for row in sight.town.vendors[end.system].rows.get(end.kind, {}).values():
                if when is not None and when.value({side: row.fields}) and row.id not in linked | parked:
                    yield f"{end.system}:{end.kind}:{row.id} has no twin in {m.name}, and nobody was told"


def waiters(sight: Sight) -> Iterator[str]:
    """Everyone who waits is released when what he waited for is there."""
    with sight.town.store.read() as tx:
        for mark in sight.parked:
            if mark.waits_for is None:
                if mark.cause == "waiting":
                    yield f"waits for nothing: {_told(mark)}"
                continue
            if mark.waits_for.startswith("intent:"):
                if not tx.journal.is_open(int(mark.waits_for.removeprefix("intent:"))):
                    yield f"waits for a closed write: {_told(mark)}"
                continue
            system, kind, id_ = mark.waits_for.split(":")
            if id_ == mark.id:
                merged = sight.town.vendors[system].merged.get(kind, {})
                asked = [each.id for each in sight.parked if each.cause == "question" and each.id in merged]
                if not any(_became(merged, one) == id_ for one in asked):
                    yield f"waits for the link of what was merged into it, and nobody was asked: {_told(mark)}"
                continue
            found = sight.of.get((system, kind, id_), ())
            if any(m.name == "contacts" and link.state == "open" for m, _, link in found):
                yield f"waits for a linked parent: {_told(mark)}"
            elif id_ not in sight.town.vendors[system].rows.get(kind, {}) or found:
                continue  # it was deleted, or its twin was: restored, it is linked again
            elif not any(each.id == id_ for each in sight.parked):
                yield f"waits for a parent that nobody works on: {_told(mark)}"


def _became(merged: Mapping[str, str], id: str) -> str:
    """What a record is by now, after however many merges."""
    while id in merged:
        id = merged[id]
    return id


def overwritten(sight: Sight) -> Iterator[str]:
    """A value that we wrote over was known across before what replaced it was there, or it is listed."""
    for spot, history in sight.changes.items():
        if sight.mixed(*spot[:3]):
            continue
        for place, change in enumerate(history):
            if change.by == "sync" and change.before != ABSENT:
                candidates = list(sight.across(spot))
                if not candidates:
                    yield f"{spot} was written and has no link: {change}"
                elif not any(_rightly(sight, spot, history, place, *candidate) for candidate in candidates):
                    lines = [
                        f"\n      {c}"
                        for one in (spot, *(x[4] for x in candidates))
                        for c in sight.changes.get(one, ())
                    ]
                    yield f"{spot}: {change.after!r} was written over {change.before!r}, unlisted:{''.join(lines)}"


def _rightly(
    sight: Sight,
    spot: Spot,
    history: list[Change],
    place: int,
    m: FieldMap,
    rule: Rule,
    side: Side,
    link: Link,
    twin: Spot,
) -> bool:
    """Whether a write came from this twin, and what it replaced was the twin's own past, or is listed."""
    change = history[place]
    vendor = sight.town.vendors[spot[0]]
    if not rule.flows(side):
        return sight.listed(link, rule, side, change.before)
    if rule.direction is not Direction.BOTH and not vendor.traits.free_compare:
        return True

    def meets(mine: Value, theirs: Value) -> bool:
        left, right = (mine, theirs) if side is Side.LEFT else (theirs, mine)
        return sight.equal(m, rule, link.left_id, link.right_id, left, right)

    if sight.listed(link, rule, side, change.before):
        return True
    theirs = [c for c in sight.changes.get(twin, ()) if c.number <= change.number]
    came = max((c.number for c in theirs if meets(change.after, c.after)), default=None)
    if came is None:
        return change.after is None and meets(None, sight.value_at(twin, change.number))
    typed = history[place - 1].number if place else 0
    if change.before is None and (not place or history[place - 1].at < sight.made[link.id]):
        return True  # a blank of before the link is filled
    moments = sorted({c.number for c in (*theirs, *history[:place])})
    met = any(meets(sight.value_at(spot, t), sight.value_at(twin, t)) for t in moments)
    if change.before is None and not met and not any(c.by == "sync" for c in (*theirs, *history[:place])):
        return True  # the sides never agreed: there is no base, and what is blank is filled
    if place and history[place - 1].by == "sync":
        source = max((c.number for c in theirs if c.number < typed and meets(change.before, c.after)), default=None)
        at_first = sight.born(*twin[:3])
        if source is None and at_first is not None and meets(change.before, sight.value_at(twin, at_first)):
            source = at_first
        if source is not None and source < came:
            return True
    mine_since = history[:place]
    delivered = any(c.by == "sync" and c.number > came for c in mine_since)
    if not delivered and meets(change.before, sight.value_at(twin, came - 1)):
        return True  # it was made over the very value that it replaces here
    for t in sorted({typed, *(c.number - before for c in (*theirs, *mine_since) for before in (0, 1))}):
        if t >= came or not meets(change.before, sight.value_at(twin, t)):
            continue
        if not same(sight.value_at(spot, t), change.before, rule.type(side)):
            continue
        later = [c for c in mine_since if c.number > t]
        if not later or (
            all(c.by == "person" for c in later) and all(c.by == "person" for c in theirs if c.number > t)
        ):
            return True
    return False


def causes(sight: Sight) -> Iterator[str]:
    """Between two of our writes of one value into one field, somebody changed it, here or across."""
    for spot, history in sight.changes.items():
        last: Change | None = None
        for change in history:
            if change.by != "sync":
                continue
            if last is not None and last.after == change.after:
                near = [spot, *(twin for *_, twin in sight.across(spot))]
                if not any(last.number < c.number < change.number for one in near for c in sight.changes.get(one, ())):
                    yield f"{spot}: {change} has no cause since number {last.number}"
            last = change


def noops(sight: Sight) -> Iterator[str]:
    """We never write what is there already."""
    for vendor in sight.town.vendors.values():
        for kind, id_, fields in vendor.noops:
            if not vendor.traits.free_compare and set(fields) <= _one_way(sight, vendor, kind):
                continue
            yield f"{vendor.name}:{kind}:{id_} was written with what it held: {fields}"


def _one_way(sight: Sight, vendor: Vendor, kind: str) -> set[str]:
    return {
        name
        for m in sight.town.maps
        for side in Side
        if (m.end(side).system, m.end(side).kind) == (vendor.name, kind)
        for rule in m.rules
        if rule.direction is not Direction.BOTH and (name := rule.field(side)) is not None
    }


def lossy(sight: Sight) -> Iterator[str]:
    """What the other side's field lost of a value is never written back over the value."""
    for spot, history in sight.changes.items():
        for change in history:
            if change.by != "sync" or change.before in (ABSENT, None) or sight.mixed(*spot[:3]):
                continue
            near = [
                (rule, side, link)
                for _, rule, side, link, twin in sight.across(spot)
                if sight.value_at(twin, change.number) == change.after
            ]
            images = [same(change.before, change.after, rule.type(side.other)) for rule, side, _ in near]
            told = any(sight.listed(link, rule, side, change.before) for rule, side, link in near)
            if near and all(images) and not told:
                yield f"{spot}: {change.before!r} came back as {change.after!r}"


def _names(reason: str | None, ref: str) -> bool:
    return any(word.strip(".,;()") == ref for word in (reason or "").split())


def _told(mark: Mark) -> str:
    return f"{mark.map} {mark.side}:{mark.id} {mark.state} {mark.cause}: {mark.reason} (waits for {mark.waits_for})"


def counted(sight: Sight) -> Mapping[str, int]:
    """How much happened: to see that a machine is not idle."""
    return {
        "links": sum(len(several) for several in sight.links.values()),
        "conflicts": len(sight.conflicts),
        "parked": len(sight.parked),
        "writes": sum(1 for cs in sight.changes.values() for c in cs if c.by == "sync"),
    }
