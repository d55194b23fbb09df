"""Are both sides equal? Asked of the vendors' own primary stores, never of what the engine remembers of them.

What is taken from syncd's store is only what it claims: who is linked, what is listed, what is parked.
What is not here: the moment to ask (`settled`), and how many requests it took (`floor`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd.core.decision import Base, Decision, Given, Verdict
from syncd.core.fieldmap import FieldMap, Unconvertible, Unmapped
from syncd.core.match import carried_key
from syncd.core.model import Gone, Record, Ref, Side, Value
from syncd.core.parity import no_counterpart
from syncd.core.plan import MISSING, plan, view
from syncd.engine.world import World
from syncd.kit.connector import Connector, Cursor, Seen
from syncd.kit.remote import Remote
from syncd.lab.claims import Claims
from syncd.lab.histories import Histories
from syncd.lab.wire import alive, id_of

EQUAL = (Verdict.AGREED, Verdict.UNCHANGED, Verdict.IGNORED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Two linked records that say different things, and nothing in syncd's lists tells why."""

    map: str
    left: str
    right: str
    rule: str
    left_value: Value
    right_value: Value
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """A record that should not be there, or has no twin although it should: which, and why we think so."""

    map: str
    ref: str
    why: str


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What was found. `counts`: living records, links, rules compared, and of the unequal ones why that is right."""

    differences: list[Difference] = field(default_factory=list)
    duplicates: list[Odd] = field(default_factory=list)
    missing: list[Odd] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def clean(self) -> bool:
        """Nothing unexplained."""
        return not (self.differences or self.duplicates or self.missing)


def compare(world: World, vendors: Mapping[str, Remote], readers: Mapping[str, Connector]) -> Comparison:
    """Compare every map of every pair. `readers`: connectors of our own that wait for nobody.

    The vendors' rate limits are lifted meanwhile. Whatever is written while we look may show up as a difference.
    """
    rates = {name: rate for name, vendor in vendors.items() if (rate := vendor.settings().get("rate")) is not None}
    found = Comparison()
    try:
        for name in rates:
            vendors[name].settings(rate="off")
        look = _Look(world, vendors, readers, found)
        for m in world.maps.values():
            look.map(m)
    finally:
        for name, rate in rates.items():
            vendors[name].settings(rate=rate)
    return found


class _Look:
    """One comparison: what is alive on both sides, and what syncd claims."""

    def __init__(
        self, world: World, vendors: Mapping[str, Remote], readers: Mapping[str, Connector], found: Comparison
    ) -> None:
        self.world, self.vendors, self.found = world, vendors, found
        self.silent = {name for name, reader in readers.items() if not reader.capabilities.tombstones}
        self.claims, self.histories = Claims.read(world), Histories(vendors)
        self.living: dict[tuple[str, str], dict[str, Record]] = {}
        for system, kind in world.readers:
            self.living[system, kind] = self._read(system, kind, readers[system], world.fields(system, kind))
            found.counts[f"{system} {kind}"] = len(self.living[system, kind])

    def _read(self, system: str, kind: str, reader: Connector, fields: tuple[str, ...]) -> dict[str, Record]:
        """The living records of the vendor's own store; by its list, which is quick, once that shows all of it."""
        reader.describe(kind)
        vendor = self.vendors[system]
        ids = {id_of(row) for row in vendor.records(kind) if alive(row)}
        found = _listed(reader, kind, fields) if vendor.settled() else {}
        found |= reader.read(kind, sorted(ids - found.keys()), fields)
        return {id_: one for id_, one in found.items() if id_ in ids and isinstance(one, Record)}

    def map(self, m: FieldMap) -> None:
        """Every link of a map, then who is double, then who is missing."""
        links = self.claims.links[m.key]
        self.found.counts[f"links {m.name}"] = len(links)
        for link in links:
            left, right = (self._of(m, side).get(link.id_on(side)) for side in Side)
            if left is None or right is None:
                self._gone(m, link.left_id, link.right_id, left is None)
            else:
                self._pair(m, link.id, left, right)
        for side in Side:
            self._doubles(m, side)
            self._missing(m, side)

    def _of(self, m: FieldMap, side: Side) -> Mapping[str, Record]:
        return self.living[m.end(side).system, m.end(side).kind]

    def _gone(self, m: FieldMap, left: str, right: str, is_left: bool) -> None:
        if self.claims.parked(m, left, right):
            self.found.counts["explained: parked"] += 1
            return
        if m.end(Side.LEFT if is_left else Side.RIGHT).system in self.silent:
            self.found.counts["explained: deleted, and its vendor tells only who asks"] += 1
            return
        why = f"the {Side.LEFT if is_left else Side.RIGHT} record is gone, and the link is open"
        self.found.differences.append(
            Difference(map=m.key, left=left, right=right, rule="", left_value=None, right_value=None, why=why)
        )

    def _pair(self, m: FieldMap, link: int, left: Record, right: Record) -> None:
        for decision in plan(m, Base(), left, right, Given(twins=self.claims.twins)).decisions:
            self.found.counts["rules compared"] += 1
            if decision.verdict in EQUAL or self._related(decision, left, right):
                continue
            reason = self._explained(m, link, decision, left, right)
            if reason is not None:
                self.found.counts[f"explained: {reason}"] += 1
                continue
            values = tuple(None if one is MISSING else one for one in _seen(decision, left, right))
            self.found.differences.append(
                Difference(
                    map=m.key, left=left.ref.id, right=right.ref.id, rule=decision.rule.name,
                    left_value=values[0], right_value=values[1], why=decision.reason,
                )
            )  # fmt: skip

    def _related(self, decision: Decision, left: Record, right: Record) -> bool:
        """Whether a relation holds the twin, in whatever place, or what was the twin until one of the two left."""
        relation = decision.rule.relation
        if relation is None:
            return False
        ours, theirs = _ids(decision.rule.left, left), _ids(decision.rule.right, right)
        return any(self.claims.former.get((relation.map, Side.LEFT, one)) in theirs for one in ours)

    def _explained(self, m: FieldMap, link: int, decision: Decision, left: Record, right: Record) -> str | None:
        """Why a difference is right; None if nothing says so."""
        if self.claims.parked(m, left.ref.id, right.ref.id):
            return "parked"
        if self.claims.stops(m, left.ref.id, right.ref.id, decision.rule, decision.sides):
            return "parked in this field"
        if self._parent_waits(decision, left, right):
            return "its parent waits for a person"
        if decision.verdict is Verdict.UNKNOWN and _says_nothing(decision, left, right):
            return "blank, and the other vendor omits blanks"
        if decision.verdict is Verdict.UNMAPPED or no_counterpart(decision.rule, decision.sides):
            return None if decision.rule.unmapped is Unmapped.PARK else "no counterpart, skipped by the map"
        state = self.claims.listed(link, decision.rule.name, decision.sides)
        if state is not None:
            return f"listed as {state}"
        source = Side.LEFT if decision.rule.flows(Side.RIGHT) else Side.RIGHT
        one_way = not decision.rule.flows(source)
        if one_way and decision.verdict is Verdict.KEPT and decision.sides[source is Side.RIGHT] is None:
            return "a blank is not written over something"
        return None

    def _parent_waits(self, decision: Decision, left: Record, right: Record) -> bool:
        """Whether a parent that a relation points at, or its twin, is parked: nobody knows yet whose it is."""
        relation = decision.rule.relation
        parent = self.world.maps.get(relation.map) if relation is not None else None
        return parent is not None and any(
            self.claims.waits(parent, side, id_)
            or self.claims.waits(parent, side.other, self.claims.twins.get((parent.key, side, id_), ""))
            for side, record in ((Side.LEFT, left), (Side.RIGHT, right))
            for id_ in _ids(decision.rule.field(side), record)
        )

    def _doubles(self, m: FieldMap, side: Side) -> None:
        """Records of ours without an owner, records linked twice, and keys that two records carry."""
        for id_, times in Counter(link.id_on(side) for link in self.claims.links[m.key]).items():
            if times > 1:
                self._odd(self.found.duplicates, m, side, id_, f"has {times} open links")
        carriers: dict[str, list[str]] = defaultdict(list)
        for id_, record in self._of(m, side).items():
            key = carried_key(m, side, record.fields)
            if key is not None:
                carriers[key].append(id_)
        for key, ids in carriers.items():
            free = [id_ for id_ in ids if not self.claims.waits(m, side, id_)]
            made = [id_ for id_ in ids if len(ids) > 1 and self.histories.made_by_syncd(m, side, id_)]
            if len(free) > 1:
                self._odd(self.found.duplicates, m, side, free[-1], f"carries {key}, and so does {free[0]}")
            elif len(made) > 1:
                self._odd(self.found.duplicates, m, side, made[-1], f"was made for {key}, and so was {made[0]}")
        for id_ in self._loose(m, side):
            if not self.claims.known(self.world, m, side, id_) and self.histories.made_by_syncd(m, side, id_):
                self._odd(self.found.duplicates, m, side, id_, "was made by syncd, and nothing is linked with it")

    def _loose(self, m: FieldMap, side: Side) -> list[str]:
        """Living records that no list of syncd knows: not linked, never linked, nothing waits."""
        claims = self.claims
        loose = [i for i in self._of(m, side) if not claims.linked(m, side, i) and not claims.waits(m, side, i)]
        with self.world.store.read() as tx:
            closed = tx.links.of(m.key, side, loose, state="closed")
        return [id_ for id_ in loose if id_ not in closed]

    def _missing(self, m: FieldMap, side: Side) -> None:
        """Records that the map says must cross, and did not."""
        pulled = self._pulled(m, side)
        for id_ in self._loose(m, side):
            record = self._of(m, side)[id_]
            if crosses(m, side, record) or id_ in pulled:
                why = "is pulled by a linked child" if id_ in pulled else "meets the map's condition"
                self._odd(self.found.missing, m, side, id_, f"{why}, and has no twin")

    def _pulled(self, m: FieldMap, side: Side) -> set[str]:
        """Parents that linked children point at, but for those of which a person is asked whether they do."""
        found: set[str] = set()
        for child in self.world.maps.values():
            for rule in child.rules:
                if rule.relation is None or rule.relation.map != m.key or not rule.relation.create:
                    continue
                for link in self.claims.links[child.key]:
                    if any(state == "open" for state, _ in self.claims.lists.get((link.id, rule.name), ())):
                        continue
                    record = self._of(child, side).get(link.id_on(side))
                    parent = view(rule, side, record.fields) if record is not None else None
                    if isinstance(parent, str):
                        found.add(parent)
        return found

    def _odd(self, where: list[Odd], m: FieldMap, side: Side, id_: str, why: str) -> None:
        where.append(Odd(map=m.key, ref=str(Ref(m.end(side).system, m.end(side).kind, id_)), why=why))


def _listed(reader: Connector, kind: str, fields: tuple[str, ...]) -> dict[str, Record | Gone]:
    """Everything that the vendor lists of a kind, each record in each version once."""
    found: dict[str, Record | Gone] = {}
    cursor: Cursor | None = None

    def known(ids: Sequence[str]) -> dict[str, Seen]:
        held = {id_: one for id_ in ids if isinstance(one := found.get(id_), Record)}
        return {id_: Seen(version=one.version, read_at=one.read_at) for id_, one in held.items()}

    while True:
        ended = True
        for page in reader.changes(kind, cursor, fields, known):
            found |= {one.ref.id: one for one in page.records}
            cursor, ended = page.cursor, page.backfilled
        if ended:
            return found


def _says_nothing(decision: Decision, left: Record, right: Record) -> bool:
    """Whether what is known of a rule's two values is blank: the unknown one was left out by its vendor."""
    return all(one in (None, MISSING) for one in _seen(decision, left, right))


def _seen(decision: Decision, left: Record, right: Record) -> tuple[Any, Any]:
    """Both values of a rule, MISSING where a vendor does not tell."""
    if decision.verdict is not Verdict.UNKNOWN:
        return decision.sides
    return view(decision.rule, Side.LEFT, left.fields), view(decision.rule, Side.RIGHT, right.fields)


def crosses(m: FieldMap, side: Side, record: Record) -> bool:
    """Whether the map's own conditions ask for a twin of this record."""
    when = m.end(side.other).when
    if when is None:
        return False
    try:
        fits = m.only is None or not m.only.reads[side] or bool(m.only.value({side: record.fields}))
        return fits and bool(when.value({side: record.fields}))
    except Unconvertible:
        return False


def _ids(name: str | None, record: Record) -> tuple[str, ...]:
    value = record.fields.get(name) if name else None
    return value if isinstance(value, tuple) else (str(value),) if value is not None else ()
