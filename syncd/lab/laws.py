"""What must hold after any trouble, proven from the vendors' own histories: no edit lost, nothing made twice.

An edit of a person stands for as long as no person replaces it. Overwritten by syncd, it must either have arrived on
the other side and have been replaced there by a person, or be on the list of conflicts. What still stands must stand on
both sides, or be on that list, or on the list of records that wait for a person; what stands in a deleted record, or
beside one, stays there. Only what a person typed when our write had been compared and was on its way, or in the
vendor's hands already, is nobody's fault: no vendor compares for us. It is counted.
What is not here: whether both sides are equal at the end in every rule (`compare`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import sync_key_of
from syncd.core.model import FieldKind, Ref, Side, Value
from syncd.engine.world import World
from syncd.kit.remote import Remote
from syncd.lab.claims import Claims
from syncd.lab.heirs import Heirs
from syncd.lab.histories import BY_HAND, BY_SYNCD, Histories, Moment
from syncd.lab.hubs import Hubs
from syncd.lab.wire import alive, id_of, merged_away, values
from syncd.store.conflicts import Conflict
from syncd.store.journal import Intent
from syncd.store.links import Link
from syncd.store.marks import PARKED
from syncd.store.store import Tx

STATES = ("open", "overruled", "kept", "taken", "agreed", "gone")
STANDING = ("open", "kept", "taken")
"""States of rows that say of two values that they may differ; the others tell what was."""

CLOCK = "%H:%M:%S.%f"
TEXTS = (FieldKind.TEXT, FieldKind.ENUM)

WINDOW = timedelta(milliseconds=250)
"""A write comes in so long after the look before it, at most, on a machine that is busy with all of a proof."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breach:
    """A broken law: which, of which records and rule, and how it came about."""

    law: str
    map: str
    left: str | None
    right: str | None
    rule: str | None
    text: str
    story: Sequence[str] = ()

    def __str__(self) -> str:
        """The whole of it, for whoever mends the engine."""
        place = f"{self.map} left {self.left} right {self.right} {self.rule or ''}".rstrip()
        return "\n    ".join((f"{self.law}: {place}: {self.text}", *self.story))


@dataclass(slots=True)
class Laws:
    """The laws over one world. `edits` counts the edits of people that were judged.

    `in_flight`: those of them that were typed while a write of ours to the same field was on its way, or in the
    vendor's hands.
    """

    world: World
    vendors: Mapping[str, Remote]
    edits: int = 0
    in_flight: int = 0
    breaches: list[Breach] = field(default_factory=list)
    histories: Histories = field(init=False)
    hubs: Hubs = field(init=False)
    heirs: Heirs = field(init=False)

    def __post_init__(self) -> None:
        """Nothing is asked yet."""
        self.histories, self.hubs = Histories(self.vendors), Hubs(self.world)
        self.heirs = Heirs(self.world, self.histories)

    def check(self) -> list[Breach]:
        """Every breach, with its story."""
        claims = Claims.read(self.world)
        with self.world.store.read() as tx:
            rows = tx.conflicts.list(states=STATES, limit=10_000_000)
            self.hubs.read(tx, rows)
            self.heirs.read(tx)
        lists: dict[tuple[int, str], list[Conflict]] = defaultdict(list)
        for row in rows:
            lists[row.link, row.rule].append(row)
        for m in self.world.maps.values():
            stored = {side: self._rows(m, side) for side in Side}
            for link in (*claims.links[m.key], *claims.closed[m.key]):
                if not all(link.id_on(side) in stored[side] for side in Side):
                    continue  # merged away: it is a question, and what became of it is told of the other link
                waits = link.state != "open" or claims.parked(m, link.left_id, link.right_id)
                flows = not waits and all(alive(stored[side][link.id_on(side)]) for side in Side)
                for rule in (rule for rule in m.rules if _judged(rule)):
                    self._rule(m, link, rule, lists[link.id, rule.name], claims, flows=flows)
            self._made_twice(m, claims)
        self._settled(claims)
        return self.breaches

    def _rows(self, m: FieldMap, side: Side) -> dict[str, Mapping[str, Any]]:
        rows = self.vendors[m.end(side).system].records(m.end(side).kind)
        return {id_of(row): row for row in rows if not merged_away(row)}

    def _rule(
        self, m: FieldMap, link: Link, rule: Rule, listed: Sequence[Conflict], claims: Claims, *, flows: bool
    ) -> None:
        """One field of one link, from each side that this link is the last of.

        `flows`: the link is open, both records live, and neither waits for a person as a whole.
        """
        moments = {side: self.heirs.moments(m, side, link.id_on(side), rule) for side in Side}
        before = {side: self.heirs.before(m, side, link.id_on(side), rule) for side in Side}
        merged = {side: self.heirs.until_merge(m, side, link.id_on(side), rule) for side in Side}
        sides = (moments[Side.LEFT][-1].value, moments[Side.RIGHT][-1].value)
        flows = flows and not claims.stops(m, link.left_id, link.right_id, rule, sides)
        for side in claims.last(m, link):
            here, there = moments[side], moments[side.other]
            self.edits += sum(1 for one in here if one.via == BY_HAND)
            for lost, after in _overwritten(here):
                stood = _stood(rule, side, lost, here, there, listed)
                if any(_arrived(rule, side, stood, one) for one in (there, before[side.other])):
                    continue
                if _listed(rule, side, lost.value, listed):
                    continue
                if any(equal(rule, side, lost.value, one) for one in merged[side.other]):
                    continue
                if self._others(m, link, rule, side, stood, after, there, claims):
                    continue
                if lost.value is None and lost.at is not None and self._first(m, link, lost.at, claims):
                    continue
                if lost.at is not None and after.asked is not None and lost.at >= after.asked - WINDOW:
                    self.in_flight += 1
                    continue
                text = f"{lost.value!r} of the {side} gave way to {after.value!r}"
                self._breach("lost edit", m, link, rule, text)
            last, across = here[-1], there[-1].value
            stands = not flows or last.via != BY_HAND or equal(rule, side, last.value, across)
            if not stands and not _listed(rule, side, last.value, [row for row in listed if row.state in STANDING]):
                text = f"the {side} says {last.value!r}, the {side.other} {across!r}"
                self._breach("not carried", m, link, rule, text)

    def _others(
        self, m: FieldMap, link: Link, rule: Rule, side: Side, stood: Moment, after: Moment, there: Sequence[Moment],
        claims: Claims,
    ) -> bool:  # fmt: skip
        """Whether another map that has one of these records answers for a value that gave way.

        It wrote over it, by its own lights rightly; or over what this map had carried across, and that came back.
        """
        if self._rightly(m, link, rule, side, stood, after, claims):
            return True
        crossed = [(one, two) for one, two in pairwise(there) if equal(rule, side, stood.value, one.value)]
        return any(self._rightly(m, link, rule, side.other, one, two, claims) for one, two in crossed)

    def _rightly(
        self, m: FieldMap, link: Link, rule: Rule, side: Side, lost: Moment, after: Moment, claims: Claims
    ) -> bool:
        """Whether other maps wrote this over that in a record, and list it, or a person had replaced it over there."""
        id_, name = link.id_on(side), str(rule.field(side))
        keys = self.hubs.writers(m, side, id_, name, after, rule.type(side))
        if self.hubs.listed(keys, m, side, id_, name, lost.value):
            return True
        end = m.end(side)
        for other, at in self.world.readers[end.system, end.kind]:
            twin = claims.former.get((other.key, at, id_))
            for one in (one for one in other.rules if one.field(at) == name and twin is not None and _judged(one)):
                place = (other, at.other, str(twin), str(one.field(at.other)))
                merged = (equal(one, at, lost.value, value) for value in self.histories.until_merge(*place))
                if other.key in keys and (_arrived(one, at, lost, self.histories.moments(*place)) or any(merged)):
                    return True
        return False

    def _first(self, m: FieldMap, link: Link, at: datetime, claims: Claims) -> bool:
        """Whether neither record was ever linked at that time: what was blank then is filled by the first link."""
        for side in Side:
            for other, its in self.world.readers[m.end(side).system, m.end(side).kind]:
                several = (*claims.links[other.key], *claims.closed[other.key])
                if any(one.id != link.id and one.id_on(its) == link.id_on(side) for one in several):
                    return False
        with self.world.store.read() as tx:
            return at < tx.links.made_at(link.id)

    def _made_twice(self, m: FieldMap, claims: Claims) -> None:
        """Everything that syncd made has one link, to the very record it was made for, and a key of its own.

        What people deleted or merged since, or are asked about, is theirs to sort out.
        """
        for side in Side:
            end = m.end(side)
            linked = self._linked(m, side, claims)
            made = self._made(m, side, claims)
            carriers = Counter(made.values())
            for id_, key in made.items():
                if id_ not in linked:
                    self._odd("made and forgotten", m, side, id_, "syncd made it, and no link has it")
                elif end.sync_key is None:
                    continue
                elif key not in [sync_key_of(ref) for ref in linked[id_]]:
                    if not any(self.histories.came_of_merge(ref) for ref in linked[id_]):
                        names = " and ".join(map(str, linked[id_]))
                        self._odd("linked with a stranger", m, side, id_, f"its key is {key}, its link {names}")
                elif carriers[key] > 1:
                    self._odd("made twice", m, side, id_, f"{carriers[key]} records carry {key}")

    def _linked(self, m: FieldMap, side: Side, claims: Claims) -> dict[str, list[Ref]]:
        """Every record of a kind that has or had a link, with its twins in all maps: one may pass it on to another."""
        found: dict[str, list[Ref]] = defaultdict(list)
        for other, at in self.world.readers[m.end(side).system, m.end(side).kind]:
            across = other.end(at.other)
            for link in (*claims.links[other.key], *claims.closed[other.key]):
                found[link.id_on(at)].append(Ref(across.system, across.kind, link.id_on(at.other)))
        return found

    def _made(self, m: FieldMap, side: Side, claims: Claims) -> dict[str, str | None]:
        """What syncd made and is still as it was made: id -> key."""
        end = m.end(side)
        rows = {id_: row for id_, row in self._rows(m, side).items() if alive(row)}
        loose = [id_ for id_ in rows if not claims.linked(m, side, id_)]
        with self.world.store.read() as tx:
            parted = tx.links.of(m.key, side, loose, state="closed")
        return {
            id_: _key(row, end.sync_key)
            for id_, row in rows.items()
            if id_ not in parted
            and not claims.waits(m, side, id_)
            and self.histories.made_by_syncd(m, side, id_)
            and not self.histories.merged(m, side, id_)
        }

    def _settled(self, claims: Claims) -> None:
        """No write is without an outcome, nobody waits for what has come, and nothing went wrong inside."""
        with self.world.store.read() as tx:
            open_ = [intent for intent in tx.journal.recent(limit=1_000_000) if intent.outcome is None]
            parked = tx.marks.resting(PARKED, limit=1_000_000)
            ended = [mark for mark in parked if mark.waits_for and self._has_come(tx, claims, mark.map, mark.waits_for)]
        for intent in open_:
            text = f"write {intent.id} ({intent.action} on the {intent.side}) has no outcome: {intent.error}"
            self.breaches.append(Breach(law="open write", map=intent.map, left=intent.source_id,
                                        right=intent.record_id, rule=None, text=text))  # fmt: skip
        for mark in [*ended, *(mark for mark in parked if mark.cause == "bug")]:
            self.breaches.append(Breach(law="left waiting", map=mark.map, left=f"{mark.side} {mark.id}", right=None,
                                        rule=None, text=f"{mark.cause}: {mark.reason}"))  # fmt: skip

    def _has_come(self, tx: Tx, claims: Claims, map_key: str, waits_for: str) -> bool:
        """Whether a write has ended, or a parent (or what it was merged into) is linked."""
        if waits_for.startswith("intent:"):
            return not tx.journal.is_open(int(waits_for.removeprefix("intent:")))
        system, kind, parent = waits_for.split(":", 2)
        m = self.world.maps.get(map_key)
        relations = {rule.relation.map for rule in m.rules if rule.relation is not None} if m is not None else set()
        readers = [(one, side) for one, side in self.world.readers.get((system, kind), ()) if one.key in relations]
        ids = {parent, *tx.aliases.resolve(system, kind, [parent]).values()}
        return any(claims.linked(one, side, id_) for one, side in readers for id_ in ids)

    def _odd(self, law: str, m: FieldMap, side: Side, id_: str, text: str) -> None:
        ids = {side: id_, side.other: None}
        story = [*told(side, self.histories.of(m, side, id_), None), *self._remembered(m, [id_], None)]
        self.breaches.append(Breach(law=law, map=m.key, left=ids[Side.LEFT], right=ids[Side.RIGHT], rule=None,
                                    text=text, story=story))  # fmt: skip

    def _breach(self, law: str, m: FieldMap, link: Link, rule: Rule, text: str) -> None:
        story: list[str] = []
        for side in Side:
            story += told(side, self.histories.of(m, side, link.id_on(side)), rule.field(side))
        story += self._remembered(m, [link.left_id, link.right_id], rule)
        self.breaches.append(Breach(law=law, map=m.key, left=link.left_id, right=link.right_id, rule=rule.name,
                                    text=text, story=story))  # fmt: skip

    def _remembered(self, m: FieldMap, ids: Sequence[str], rule: Rule | None) -> list[str]:
        """What syncd's store says of these ids: writes, conflicts, marks, bases, snapshots."""
        with self.world.store.read() as tx:
            intents = reversed(tx.journal.last_of(m.key, ids, limit=200))
            lists = tx.conflicts.list(states=STATES, map_key=m.key, limit=100_000)
            told = [line for intent in intents if (line := _intent(intent, rule)) is not None]
            told += [
                f"conflict {row.id} {row.at:{CLOCK}} {row.state} {row.left!r} | {row.right!r} "
                f"lost {row.lost} forced {row.forced}: {row.reason}"
                for row in reversed(lists)
                if {row.left_id, row.right_id} & set(ids) and (rule is None or row.rule == rule.name)
            ]
            for side in Side:
                told += _state(tx, m, side, ids, rule)
        return told


def _intent(intent: Intent, rule: Rule | None) -> str | None:
    name = rule.field(intent.side) if rule is not None else None
    if rule is not None and name not in intent.fields:
        return None
    what = f"{intent.before.get(name)!r} -> {intent.fields[name]!r}" if name else f"{dict(intent.fields)}"
    return (
        f"journal {intent.id} {intent.opened_at:{CLOCK}} {intent.action} {intent.side} {what} "
        f"{intent.outcome} {intent.error or ''}"
    )


def _state(tx: Tx, m: FieldMap, side: Side, ids: Sequence[str], rule: Rule | None) -> Iterator[str]:
    for mark in tx.marks.get(m.key, side, ids).values():
        yield f"mark {side} {mark.id} {mark.state} {mark.cause}: {mark.reason}"
    for link in tx.links.of(m.key, side, ids).values():
        delta = {name: base for name, base in link.delta(side).items() if rule is None or name == rule.identity}
        yield f"base {side} {delta} known {rule is None or rule.identity in link.known}"
    end = m.end(side)
    for snapshot in tx.snapshots.get(end.system, end.kind, ids).values():
        value = snapshot.kept.get(str(rule.field(side))) if rule is not None else dict(snapshot.kept)
        yield f"snapshot {side} {value!r} version {snapshot.record.version} read {snapshot.record.read_at}"


def equal(rule: Rule, side: Side, here: Value, there: Value) -> bool:
    """Whether the values of both sides (`here` is of `side`) mean the same, a suffix that made a name unique apart."""
    left, right = (here, there) if side is Side.LEFT else (there, here)
    if left is None or right is None:
        return left is None and right is None
    if same(left, right, rule.right_type) or same(left, right, rule.left_type) or rule.convert.equal(left, right):
        return True
    return any(_suffixed(one, other) for one, other in ((left, right), (right, left)))


def _suffixed(name: Value, longer: Value) -> bool:
    return isinstance(name, str) and isinstance(longer, str) and longer.startswith(f"{name.strip()} (")


def _judged(rule: Rule) -> bool:
    """Two-way rules over texts, whose wire form is the value itself."""
    types = (rule.left_type, rule.right_type)
    return rule.direction is Direction.BOTH and rule.relation is None and all(t and t.kind in TEXTS for t in types)


def _overwritten(moments: Sequence[Moment]) -> Iterator[tuple[Moment, Moment]]:
    """Values of people that syncd replaced by another, with what it put there.

    Not those that a person put back at once, before anybody could list them: nothing is lost that way.
    """
    for before, after, then in zip(moments, moments[1:], [*moments[2:], None], strict=False):
        back = then is not None and then.via == BY_HAND and same(then.value, before.value, None)
        if before.via == BY_HAND and after.via == BY_SYNCD and not same(before.value, after.value, None) and not back:
            yield before, after


def _stood(
    rule: Rule, side: Side, lost: Moment, here: Sequence[Moment], across: Sequence[Moment], listed: Sequence[Conflict]
) -> Moment:
    """When the value came to stand here, as far as syncd could know.

    What people typed in between and took back, before it was listed or went across, nobody saw who looks now and then;
    that the same had been listed or gone across earlier does not tell of it.
    """
    crossed, stood = [one for one in across if one.via == BY_SYNCD], lost
    for one in reversed(here[: here.index(lost)]):
        if same(one.value, lost.value, rule.type(side)):
            stood = one
        rows = [row for row in listed if one.at is None or row.at >= one.at]
        went = any(equal(rule, side, one.value, there.value) for there in crossed if _since(there, one))
        if one.via != BY_HAND or went or _listed(rule, side, one.value, rows):
            break
    return stood


def _arrived(rule: Rule, side: Side, stood: Moment, there: Sequence[Moment]) -> bool:
    """Whether a person replaced the value on the other side while it stood here, wherever it stood there before."""
    later = (pair for pair in pairwise(there) if pair[1].via != BY_SYNCD and _since(pair[1], stood))
    return any(equal(rule, side, stood.value, before.value) for before, _ in later)


def _since(one: Moment, other: Moment) -> bool:
    return one.at is None or other.at is None or one.at >= other.at


def _listed(rule: Rule, side: Side, value: Value, listed: Iterable[Conflict]) -> bool:
    """Whether the value stands on the list of conflicts, as what lost there or is asked about."""
    kind = rule.type(side)
    mine = (row for row in listed if row.lost in (None, side))
    return any(same(value, row.left if side is Side.LEFT else row.right, kind) for row in mine)


def _key(row: Mapping[str, Any], name: str | None) -> str | None:
    found = values(row).get(name) if name is not None else None
    return str(found) if found else None


def told(side: Side, history: Sequence[Mapping[str, Any]], name: str | None) -> list[str]:
    """A record's history, or one field's, a line per change."""
    return [
        f"{side} {change['at']} {change['via']} {change['by']}: "
        f"{change['fields'] if name is None else change['fields'][name]}"
        for change in history
        if name is None or name in change["fields"]
    ]
