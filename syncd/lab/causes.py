"""No write without a cause, proven from both ends: the vendors' histories and syncd's journal.

Every change that our key made at a vendor stands in the journal as an intent to write that very value, one change per
intent. And every intent has a cause: a creation makes the only twin of a record that has none; an update carries a
value that somebody else than syncd put on the other side, or that stood there from the start, or that a person chose.
What is not here: whether what people did survived (`laws`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncd.core.fieldmap import Direction, FieldMap, Rule
from syncd.core.loss import same
from syncd.core.match import sync_key_of
from syncd.core.model import Action, FieldKind, FieldType, Side, Value
from syncd.engine.world import World
from syncd.lab.histories import BY_SYNCD, CREATE, Change, Histories, plain
from syncd.lab.laws import Breach, told
from syncd.lab.wire import alive, came_of, deletes, id_of, merged_away
from syncd.store.conflicts import Conflict
from syncd.store.journal import Intent

LANDED = ("written", "landed")
TEXTS = (FieldKind.TEXT, FieldKind.ENUM)

Spot = tuple[str, str, str]
"""(system, kind, id)"""


@dataclass(slots=True)
class Causes:
    """The law over one world. `writes` counts the changes of our key that were judged, `intents` the intents."""

    world: World
    histories: Histories
    writes: int = 0
    intents: int = 0
    breaches: list[Breach] = field(default_factory=list)
    _intents: dict[Spot, list[Intent]] = field(default_factory=lambda: defaultdict(list))
    _unmade: dict[tuple[str, str], list[Intent]] = field(default_factory=lambda: defaultdict(list))
    _found: dict[Spot, list[Intent]] = field(default_factory=lambda: defaultdict(list))
    _dead: set[Spot] = field(default_factory=set)
    _chosen: dict[tuple[int, str], list[Conflict]] = field(default_factory=lambda: defaultdict(list))

    def check(self) -> list[Breach]:
        """Every breach, with its story."""
        with self.world.store.read() as tx:
            intents = tx.journal.recent(limit=10_000_000)[::-1]
            for row in tx.conflicts.list(states=["taken"], limit=10_000_000):
                self._chosen[row.link, row.rule].append(row)
            for (system, kind), ids in _by_kind(self.world, intents).items():
                now = tx.aliases.resolve(system, kind, ids)
                # What was merged and deleted before anybody looked is known to the vendor alone.
                rows = self.histories.vendors[system].records(kind)
                now |= {old: id_of(row) for row in rows for old in came_of(row) if old in ids}
                for old, several in ids.items():
                    self._intents[system, kind, now[old]] += several
        for one in intents:
            if one.action is Action.CREATE and one.record_id is None:
                end = self.world.maps[one.map].end(one.side)
                self._unmade[end.system, end.kind].append(one)
            elif one.action is Action.CREATE and one.outcome == "landed":
                m = self.world.maps[one.map]
                end, source = m.end(one.side), m.end(one.side.other).ref(one.source_id)
                self._found[end.system, end.kind, sync_key_of(source)].append(one)
        self.intents = len(intents)
        for (system, kind), readers in self.world.readers.items():
            m, side = readers[0]
            rows = self.histories.vendors[system].records(kind)
            self._dead |= {(system, kind, id_of(row)) for row in rows if not alive(row)}
            # What a merge ended is told, and judged, with what it became.
            for id_ in [id_of(row) for row in rows if not merged_away(row)]:
                self._record(m, side, id_, _typed(readers))
        for m in self.world.maps.values():
            self._made_again(m, [one for one in intents if one.map == m.key])
        for intent in intents:
            if intent.action is Action.UPDATE and intent.outcome in LANDED:
                self._update(self.world.maps[intent.map], intent)
        return self.breaches

    def _record(self, m: FieldMap, side: Side, id_: str, types: Mapping[str, FieldType | None]) -> None:
        """Each change of our key on one record is an intent's."""
        mine = sorted(self._intents.get((m.end(side).system, m.end(side).kind, id_), ()), key=lambda one: one.id)
        used: Counter[tuple[int, str]] = Counter()
        for at, change in enumerate(self.histories.of(m, side, id_)):
            if change["via"] != BY_SYNCD:
                continue
            self.writes += 1
            made = at == 0 or change.get("do") == CREATE
            if made and not any(one.action is Action.CREATE for one in mine):
                unseen = self._merged_before_told(m, side, id_, change)
                if not unseen and not self._deleted_before_told(m, side, id_, change, types):
                    self._unexplained(m, side, id_, None, f"our key made it, {self._for_whom(m, side, change, types)}")
                continue
            carried = {name for one in mine for name in one.fields}
            for name, (_, after) in change["fields"].items():
                if name not in types or (name not in carried and made):
                    continue  # what a vendor fills in by itself when a record is made is nobody's write
                fits = (one for one in mine if name in one.fields and not used[one.id, name])
                found = next((one for one in fits if _is(plain(after), one.fields[name], types[name])), None)
                if found is None:
                    self._unexplained(m, side, id_, name, f"our key wrote {after!r}, and no intent says so")
                else:
                    used[found.id, name] += 1

    def _merged_before_told(self, m: FieldMap, side: Side, id_: str, change: Change) -> bool:
        """Whether it is no more, and its key went on with an older record before the creation was answered.

        Where a merge leaves no trace but that, the journal names the one that carries the key.
        """
        end = m.end(side)
        carried = [plain(after) for _, after in change["fields"].values() if isinstance(plain(after), str)]
        found = [one for value in carried for one in self._found.get((end.system, end.kind, str(value)), ())]
        return (end.system, end.kind, id_) in self._dead and any(self._is_older(m, side, one) for one in found)

    def _is_older(self, m: FieldMap, side: Side, intent: Intent) -> bool:
        """Whether the record that a creation is said to have made was there before it."""
        began = self.histories.of(m, side, str(intent.record_id))[:1]
        return any(datetime.fromisoformat(change["at"]) < intent.opened_at for change in began)

    def _deleted_before_told(
        self, m: FieldMap, side: Side, id_: str, change: Change, types: Mapping[str, FieldType | None]
    ) -> bool:
        """Whether a person deleted it before its creation was given up: nobody who looked for it then could find it."""
        gone = [
            datetime.fromisoformat(one["at"])
            for one in self.histories.of(m, side, id_)
            if one["via"] != BY_SYNCD and deletes(one)
        ]
        given_up = [one.closed_at for one in self._wanted(m, side, change, types) if one.outcome == "not landed"]
        return any(at <= closed for at in gone for closed in given_up if closed is not None)

    def _wanted(self, m: FieldMap, side: Side, change: Change, types: Mapping[str, FieldType | None]) -> list[Intent]:
        """Creations that are said to have made nothing, and wanted what was made here."""
        now = {name: plain(after) for name, (_, after) in change["fields"].items() if name in types}
        return [
            one
            for one in self._unmade[m.end(side).system, m.end(side).kind]
            if all(_is(now[name], value, types[name]) for name, value in one.fields.items() if name in now)
        ]

    def _for_whom(self, m: FieldMap, side: Side, change: Change, types: Mapping[str, FieldType | None]) -> str:
        """Which creations that are said to have made nothing wanted what was made here."""
        wanted = [
            f"write {one.id} for {one.source_id} ({one.outcome}, opened {one.opened_at}, lands by {one.lands_by})"
            for one in self._wanted(m, side, change, types)
        ]
        return f"as {' or '.join(wanted)} would have had it" if wanted else "and no intent says so"

    def _made_again(self, m: FieldMap, intents: Sequence[Intent]) -> None:
        """What was made for a record once is not made for it again."""
        made = [(one.side, one.source_id) for one in intents if one.action is Action.CREATE and one.outcome in LANDED]
        for (side, source), times in Counter(made).items():
            if times > 1:
                text = f"{times} records were made for it on the {side}"
                self._breach(m, side.other, source, None, text)

    def _update(self, m: FieldMap, intent: Intent) -> None:
        """Each value of an update was put on the source by somebody else than syncd, or stood there, or was chosen."""
        rules = {rule.name: rule for rule in m.rules}
        for name, data in intent.rules.items():
            rule = rules.get(name)
            if rule is None or not _judged(rule, intent.side.other):
                continue
            value = data["settle"].get(str(intent.side.other))
            if not self._was_chosen(intent, rule, value) and not self._came_by_itself(m, intent, rule, value):
                text = f"{value!r} went to the {intent.side} by intent {intent.id}, and only syncd ever wrote it here"
                self._unexplained(m, intent.side.other, intent.source_id, str(rule.field(intent.side.other)), text)

    def _was_chosen(self, intent: Intent, rule: Rule, value: Value) -> bool:
        """Whether a person took this value, of either side, in a conflict."""
        rows = self._chosen.get((intent.link, rule.name), ()) if intent.link is not None else ()
        return any(same(value, taken, rule.type(intent.side.other)) for row in rows for taken in (row.left, row.right))

    def _came_by_itself(self, m: FieldMap, intent: Intent, rule: Rule, value: Value) -> bool:
        side, name = intent.side.other, str(rule.field(intent.side.other))
        changes = self.histories.of(m, side, intent.source_id)
        if not changes:
            return True  # purged: nobody can tell any more
        type_ = rule.type(side)
        pairs = [(at, change["via"], *change["fields"][name]) for at, change in enumerate(changes)
                 if name in change["fields"]]  # fmt: skip
        if not pairs:
            return value is None
        if pairs[0][0] > 0 and _is(plain(pairs[0][2]), value, type_):
            return True  # it stood there before anybody changed it; before a record was made, nothing stood anywhere
        # Who merged two records put on the one what the other held, whoever had written it there.
        merged = len(changes) - len(self.histories.since_merge(m, side, intent.source_id))
        return any(
            _is(plain(after), value, type_)
            and (via != BY_SYNCD or at == 0 or at < merged or self._by_another_rule(m, intent, rule))
            for at, via, _, after in pairs
        )

    def _by_another_rule(self, m: FieldMap, intent: Intent, rule: Rule) -> bool:
        """Whether another rule of any map writes the field that this one reads."""
        side, name = intent.side.other, rule.field(intent.side.other)
        mine = self._intents.get((m.end(side).system, m.end(side).kind, intent.source_id), ())
        return any(
            data["field"] == name and (one.map, other) != (m.key, rule.name)
            for one in mine for other, data in one.rules.items()
        )  # fmt: skip

    def _unexplained(self, m: FieldMap, side: Side, id_: str, name: str | None, text: str) -> None:
        self._breach(m, side, id_, name, text)

    def _breach(self, m: FieldMap, side: Side, id_: str, name: str | None, text: str) -> None:
        ids: dict[Side, str | None] = {side: id_, side.other: None}
        mine = self._intents.get((m.end(side).system, m.end(side).kind, id_), ())
        story = told(side, self.histories.of(m, side, id_), name)
        story += [
            f"journal {one.id} {one.opened_at} {one.action} {dict(one.fields)} {one.outcome}"
            for one in mine if name is None or name in one.fields
        ]  # fmt: skip
        self.breaches.append(
            Breach(law="unexplained write", map=m.key, left=ids[Side.LEFT], right=ids[Side.RIGHT], rule=name,
                   text=text, story=story)
        )  # fmt: skip


def _by_kind(world: World, intents: Sequence[Intent]) -> dict[tuple[str, str], dict[str, list[Intent]]]:
    found: dict[tuple[str, str], dict[str, list[Intent]]] = defaultdict(lambda: defaultdict(list))
    for intent in intents:
        if intent.record_id is not None:
            end = world.maps[intent.map].end(intent.side)
            found[end.system, end.kind][intent.record_id].append(intent)
    return found


def _typed(readers: Sequence[tuple[FieldMap, Side]]) -> dict[str, FieldType | None]:
    """The fields of a kind that some map writes, with their types."""
    return {name: type_ for m, side in readers for name, type_ in _written(m, side)}


def _written(m: FieldMap, side: Side) -> Iterator[tuple[str, FieldType | None]]:
    yield from ((name, None) for name in m.end(side).on_create)
    for rule in m.rules:
        name = rule.field(side)
        if name is not None and (rule.flows(side) or rule.direction is Direction.CREATE):
            yield name, rule.type(side)


def _judged(rule: Rule, side: Side) -> bool:
    """Rules over texts, whose wire form is the value itself."""
    type_ = rule.type(side)
    return rule.relation is None and rule.receipt is None and type_ is not None and type_.kind in TEXTS


def _is(wire: Any, value: Value, type_: FieldType | None) -> bool:
    """Whether a vendor's own form of a value is this one, as far as that can be told without its connector."""
    if type_ is None or type_.kind not in TEXTS or not isinstance(wire, str | None):
        return True
    return same(wire, value, type_)
