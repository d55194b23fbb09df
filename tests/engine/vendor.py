"""A vendor in memory, with the habits that vendors have, and a connector that speaks it honestly.

What is not here: people's doings (`people` of the machine) and the maps (`town`).
The list lags and comes out of order, a read by id is from the primary store, modified times have a grain, fields
lose what the schema says they lose, creations of the same unique value are refused, answers get lost.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from syncd.core.loss import image, same
from syncd.core.model import (
    Action,
    FieldKind,
    FieldType,
    File,
    Gone,
    MatchKey,
    Operation,
    Outcome,
    Record,
    Ref,
    Result,
    Schema,
    SyncKey,
    Value,
)  # fmt: skip
from syncd.core.model import Change as Told
from syncd.errors import Transient
from syncd.kit.connector import Capabilities, Cursor, Finding, Known, Page
from tests.engine.stage import Busy, Stage

ABSENT = "(absent)"
PAGE = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """How a vendor is. `reads`: its feed reads by id what the list names; else the list's rows are the feed.

    `whole`: a write is answered with the whole record, else only with what was written.
    `exact_find`: a look-up knows letters, not persons.
    `bump`: a write that changes nothing moves the modified time all the same.
    `tombstones`: its feed and its reads tell what was deleted.
    """

    sync_key: bool = True
    maker: bool = True
    free_compare: bool = True
    batch: int = 10
    lag: timedelta = timedelta(seconds=20)
    tick: timedelta = timedelta(seconds=1)
    reads: bool = False
    whole: bool = True
    bump: bool = False
    tombstones: bool = False
    history: bool = True
    find_by_feed: bool = False
    find_lag: bool = False
    exact_find: bool = False
    skew: timedelta = timedelta(0)
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Row:
    """A record in the primary store. `by`: who made it. `seq`: moves with every change."""

    id: str
    fields: dict[str, Value]
    created: datetime
    modified: datetime
    by: str
    seq: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One value's change, as it happened. `before` is ABSENT in a new record."""

    number: int
    at: datetime
    kind: str
    id: str
    field: str
    before: Value
    after: Value
    by: str


@dataclass(slots=True)
class Vendor:
    """The vendor itself: primary store, lagging list, history, faults."""

    name: str
    stage: Stage
    schemas: Mapping[str, Schema]
    traits: Traits
    chance: random.Random
    rows: dict[str, dict[str, Row]] = field(default_factory=dict)
    listed: dict[str, dict[str, Row]] = field(default_factory=dict)
    pending: list[tuple[datetime, int, str, Row]] = field(default_factory=list)
    late: list[tuple[datetime, Callable[[], None]]] = field(default_factory=list)
    history: list[Change] = field(default_factory=list)
    faults: list[tuple[str, str]] = field(default_factory=list)
    calls: list[tuple[str, str, int]] = field(default_factory=list)
    noops: list[tuple[str, str, Mapping[str, Value]]] = field(default_factory=list)
    ids: int = 0
    deaths: list[tuple[int, str, str, str]] = field(default_factory=list)
    graves: dict[str, dict[str, tuple[datetime, Row]]] = field(default_factory=dict)
    merged: dict[str, dict[str, str]] = field(default_factory=dict)

    def delete(self, kind: str, id: str, by: str = "person") -> None:
        """Somebody deletes a record. `deaths` keeps (number, kind, id, by whom), of merges too."""
        self.deaths.append((self.stage.number(), kind, id, by))
        self.graves.setdefault(kind, {})[id] = (self.now(), self.rows[kind].pop(id))
        self.listed.get(kind, {}).pop(id, None)
        self.pending = [one for one in self.pending if (one[2], one[3].id) != (kind, id)]

    def restore(self, kind: str, id: str) -> None:
        """A person brings a deleted record back; that is a change."""
        row = self.graves[kind].pop(id)[1]
        self.rows[kind][id] = row
        row.modified = self.floor(self.now())
        self._touched(kind, row)

    def merge(self, kind: str, id: str, into: str) -> None:
        """A person merges a record into another, which is changed by that, and takes over who points at it."""
        self.delete(kind, id)
        del self.graves[kind][id]
        self.merged.setdefault(kind, {})[id] = into
        row = self.rows[kind][into]
        row.modified = self.floor(self.now())
        self._touched(kind, row)
        for other, schema in self.schemas.items():
            names = [name for name, field in schema.fields.items() if field.ref_kind == kind]
            for child in list(self.rows.get(other, {}).values()):
                moved = {name: into for name in names if child.fields[name] == id}
                if moved:
                    self.update(other, child.id, moved, "person")

    def now(self) -> datetime:
        """The vendor's own clock."""
        return self.stage.now + self.traits.skew

    def floor(self, moment: datetime) -> datetime:
        """A moment cut to the vendor's grain."""
        since = moment - datetime(2020, 1, 1, tzinfo=moment.tzinfo)
        return datetime(2020, 1, 1, tzinfo=moment.tzinfo) + since // self.traits.tick * self.traits.tick

    def kept(self, kind: str, name: str, value: Value) -> Value:
        """What the field keeps of a value."""
        return image(value, self.schemas[kind].fields[name])

    def taken(self, kind: str, fields: Mapping[str, Value], but: str | None = None) -> str | None:
        """The id of a record that has one of these unique values already."""
        for name in self.traits.unique.get(kind, ()):
            value = self.kept(kind, name, fields.get(name))
            for row in self.rows.get(kind, {}).values():
                if value is not None and row.id != but and row.fields[name] == value:
                    return row.id
        return None

    def create(self, kind: str, fields: Mapping[str, Value], by: str) -> Row:
        """A new record."""
        self.ids += 1
        moment = self.floor(self.now())
        blank: dict[str, Value] = dict.fromkeys(self.schemas[kind].fields)
        row = Row(f"{kind[0]}{self.ids}", blank, moment, moment, by)
        self.rows.setdefault(kind, {})[row.id] = row
        for name, value in fields.items():
            self._set(kind, row, name, value, by, new=True)
        self._touched(kind, row)
        return row

    def update(self, kind: str, id: str, fields: Mapping[str, Value], by: str) -> Row:
        """Change a record."""
        row = self.rows[kind][id]
        changed = [self._set(kind, row, name, value, by) for name, value in fields.items()]
        if any(changed) or self.traits.bump:
            row.modified = self.floor(self.now())
            self._touched(kind, row)
        if by != "person" and not any(changed):
            self.noops.append((kind, id, dict(fields)))
        return row

    def _set(self, kind: str, row: Row, name: str, value: Value, by: str, *, new: bool = False) -> bool:
        before, after = row.fields[name], self.kept(kind, name, value)
        if before == after and not new:
            return False
        row.fields[name] = after
        self.history.append(
            Change(self.stage.number(), self.stage.now, kind, row.id, name, ABSENT if new else before, after, by)
        )
        return True

    def _touched(self, kind: str, row: Row) -> None:
        row.seq = self.stage.number()
        delay = self.traits.lag * self.chance.random() * 0.9
        copy = dataclasses.replace(row, fields=dict(row.fields))
        self.pending.append((self.stage.now + delay, row.seq, kind, copy))

    def settle(self) -> None:
        """Let the list catch up as far as it has, and let late writes land."""
        for item in [item for item in self.late if item[0] <= self.stage.now]:
            self.late.remove(item)
            now, self.stage.now = self.stage.now, item[0]
            item[1]()
            self.stage.now = now
        ready = sorted((item for item in self.pending if item[0] <= self.stage.now), key=lambda item: item[:2])
        for item in ready:
            self.pending.remove(item)
            _, seq, kind, row = item
            shown = self.listed.setdefault(kind, {})
            if row.id not in shown or shown[row.id].seq < seq:
                shown[row.id] = row

    def fault(self, verb: str) -> str | None:
        """The fault that meets this call, if one does."""
        for item in self.faults:
            if item[0] == verb:
                self.faults.remove(item)
                return item[1]
        return None


class MemoryConnector:
    """`kit.connector.Connector` over a Vendor; every call passes points of the stage."""

    name = "memory"
    secret_name = "token"
    settings = ()
    tells_zone = True
    receiver = None
    signs_url = False

    def __init__(self, vendor: Vendor) -> None:
        self.vendor = vendor
        self.kinds = tuple(vendor.schemas)
        traits = vendor.traits
        self._capabilities = Capabilities(
            lag=traits.lag, tick=traits.tick, find_by_feed=traits.find_by_feed,
            find_lag=traits.lag if traits.find_lag else timedelta(0), sync_key=traits.sync_key,
            archive=True, free_compare=traits.free_compare, read_batch=traits.batch, write_batch=traits.batch,
            find_batch=traits.batch, unique=traits.unique, names=traits.names, history=traits.history,
        )  # fmt: skip

    @property
    def capabilities(self) -> Capabilities:
        """What this vendor can do."""
        return self._capabilities

    def now(self) -> datetime:
        """The vendor's clock."""
        return self.vendor.now()

    def check(self) -> Sequence[Finding]:
        """Nothing to find."""
        return ()

    def describe(self, kind: str) -> Schema:
        """The schema as the town wrote it."""
        return self.vendor.schemas[kind]

    def forget_schema(self) -> None:
        """Nothing is cached."""

    def history(self, kind: str, id: str, field: str) -> Sequence[Told]:
        """As the vendor remembers it, newest first."""
        changes = [one for one in self.vendor.history if (one.kind, one.id, one.field) == (kind, id, field)]
        return [
            Told(value=one.after, at=one.at + self.vendor.traits.skew, who=one.by, source="api", mine=one.by == "sync")
            for one in reversed(changes)
        ]

    def files(self, kind: str, id: str) -> Sequence[File]:
        """This vendor has none."""
        return ()

    def account(self) -> str | None:
        """This vendor tells none."""
        return None

    def url(self, kind: str, id: str) -> str | None:
        """No pages."""
        return None

    def close(self) -> None:
        """No sockets."""

    def _call(self, verb: str, kind: str, count: int) -> tuple[datetime, str | None]:
        """A question goes out: when it was sent, and the fault it meets."""
        vendor = self.vendor
        vendor.stage.point()
        sent = vendor.now()
        fault = vendor.fault(verb)
        if fault == "transient":
            raise Transient(f"{vendor.name} is away", retry_after=5)
        vendor.stage.point()
        vendor.settle()
        vendor.calls.append((verb, kind, count))
        return sent, fault

    def _record(self, kind: str, row: Row, sent: datetime, names: Sequence[str] | None, *, stale: bool) -> Record:
        fields = {name: value for name, value in row.fields.items() if names is None or name in names}
        return Record(
            ref=Ref(self.vendor.name, kind, row.id), fields=fields, version=row.modified.isoformat(),
            modified_at=row.modified, created_at=row.created, read_at=sent, stale_ok=stale,
            mine=(row.by == "sync") if self.vendor.traits.maker else None, was=self._was(kind, row.id),
        )  # fmt: skip

    def _was(self, kind: str, id: str) -> tuple[str, ...]:
        """The ids that were merged into this one, whole chains of them."""
        merged = self.vendor.merged.get(kind, {})
        ends = {}
        for old, new in merged.items():
            while new in merged:
                new = merged[new]  # noqa: PLW2901  # the chain is walked to its end
            ends[old] = new
        return tuple(old for old, new in ends.items() if new == id)

    def _absent(self, kind: str, id: str, sent: datetime) -> Gone:
        ref, vendor = Ref(self.vendor.name, kind, id), self.vendor
        became = vendor.merged.get(kind, {}).get(id)
        dead = vendor.traits.tombstones and id in vendor.graves.get(kind, {})
        return Gone(ref=ref, tombstone=dead, became=(became,) if became else (), read_at=sent)

    def _dead(self, kind: str, after: datetime, sent: datetime) -> list[Record | Gone]:
        """What the feed tells of deleted records."""
        if not self.vendor.traits.tombstones:
            return []
        graves = self.vendor.graves.get(kind, {})
        return [self._absent(kind, id_, sent) for id_, (at, _) in graves.items() if at >= after]

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """Deltas from the list, then the first reading in the order of ids."""
        vendor, traits = self.vendor, self.vendor.traits
        sent, _ = self._call("changes", kind, 0)
        horizon = vendor.floor(sent - traits.lag)
        state: dict[str, Any] = dict(since) if since else {"to": horizon.isoformat(), "after": "", "done": False}
        after = datetime.fromisoformat(state["to"])
        news = [row for row in vendor.listed.get(kind, {}).values() if row.modified >= after]
        news.sort(key=lambda row: (row.modified, row.id))
        for start in range(0, max(len(news) - PAGE, 0), PAGE):
            rows = self._shown(kind, news[start : start + PAGE], sent, fields, known)
            yield Page(records=rows, cursor=dict(state), read_to=None, backfilled=state["done"])
            vendor.stage.point()
        rows = self._shown(kind, news[max(len(news) - PAGE, 0) :], sent, fields, known) + self._dead(kind, after, sent)
        state["to"] = max(after, horizon).isoformat()
        yield Page(
            records=rows, cursor=dict(state), read_to=horizon if state["done"] else None, backfilled=state["done"],
            due=not state["done"],
        )  # fmt: skip
        if not state["done"]:
            yield self._backfill(kind, state, fields)

    def _backfill(self, kind: str, state: dict[str, Any], fields: Sequence[str]) -> Page:
        """A page of the first reading: whole, whatever was known before, as vendors' lists are."""
        sent, _ = self._call("changes", kind, 0)
        order = sorted(self.vendor.listed.get(kind, {}).values(), key=lambda row: _natural(row.id))
        left = [row for row in order if _natural(row.id) > _natural(state["after"] or "x0")]
        rows = self._shown(kind, left[:PAGE], sent, fields, lambda _: {})
        done = len(left) <= PAGE
        after = left[:PAGE][-1].id if left else state["after"]
        return Page(records=rows, cursor={**state, "after": after, "done": done}, read_to=None, backfilled=done,
                    due=not done)  # fmt: skip

    def _shown(
        self, kind: str, rows: Sequence[Row], sent: datetime, fields: Sequence[str], known: Known
    ) -> list[Record | Gone]:
        vendor = self.vendor
        if not vendor.traits.reads:
            return [self._record(kind, row, sent, fields, stale=True) for row in rows]
        seen = known([row.id for row in rows])
        ids = []
        for row in rows:
            one = seen.get(row.id)
            ended = one is not None and one.read_at is not None and one.read_at >= row.modified + vendor.traits.tick
            if one is None or one.version != row.modified.isoformat() or not ended:
                ids.append(row.id)
        return list(self.read(kind, ids, fields).values()) if ids else []

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """By id, from the primary store."""
        sent, _ = self._call("read", kind, len(ids))
        rows = self.vendor.rows.get(kind, {})
        return {
            id_: self._record(kind, rows[id_], sent, fields, stale=False)
            if id_ in rows
            else self._absent(kind, id_, sent)
            for id_ in ids
        }

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """By keys: from the list where look-ups lag, else from the primary store."""
        sent, _ = self._call("find", kind, len(keys))
        stale = self.vendor.traits.find_lag
        rows = (self.vendor.listed if stale else self.vendor.rows).get(kind, {})
        return [
            self._record(kind, row, sent, fields, stale=stale)
            for row in rows.values()
            if any(_answers(row, key, exact=self.vendor.traits.exact_find) for key in keys)
        ]

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """In batches, each compared just before."""
        for start in range(0, len(operations), self.vendor.traits.batch):
            yield self._write(kind, operations[start : start + self.vendor.traits.batch])

    def _write(self, kind: str, operations: Sequence[Operation]) -> list[Outcome]:
        vendor = self.vendor
        sent, fault = self._call("write", kind, len(operations))
        if fault == "later":
            return [
                Outcome(operation=op.id, result=Result.LATER, error="slow down", retry_after=3) for op in operations
            ]
        outcomes = [self._compared(kind, op, sent) for op in operations]
        vendor.stage.point(busy=self._busy(kind, operations))
        doing = [op for op, outcome in zip(operations, outcomes, strict=True) if outcome is None]
        if fault == "unapplied":
            return [o or _lost(op) for op, o in zip(operations, outcomes, strict=True)]
        if fault == "late":
            creates = [op for op in doing if op.action is Action.CREATE]
            vendor.late.append(
                (
                    vendor.stage.now + timedelta(minutes=4),
                    lambda: [self._done(kind, op, sent) for op in creates] and None,
                )
            )
            return [o or _lost(op) for op, o in zip(operations, outcomes, strict=True)]
        written = {op.id: self._done(kind, op, sent) for op in doing}
        vendor.stage.point()
        found = [outcome or written[op.id] for op, outcome in zip(operations, outcomes, strict=True)]
        if fault == "lost":
            return [_lost(op) if o.result is Result.WRITTEN else o for op, o in zip(operations, found, strict=True)]
        return [self._answered(kind, op, o, sent) for op, o in zip(operations, found, strict=True)]

    def _busy(self, kind: str, operations: Sequence[Operation]) -> Busy:
        """Fields between comparison and write; an archive is about the whole record."""
        return frozenset(
            (self.vendor.name, kind, op.ref.id, name) for op in operations if op.ref
            for name in op.fields or self.vendor.schemas[kind].fields
        )  # fmt: skip

    def _compared(self, kind: str, op: Operation, sent: datetime) -> Outcome | None:
        """What forbids the operation; None if nothing does."""
        vendor = self.vendor
        row = vendor.rows.get(kind, {}).get(op.ref.id) if op.ref else None
        if op.ref and row is None:
            return Outcome(operation=op.id, result=Result.MISSING, gone=self._absent(kind, op.ref.id, sent))
        if row is not None and (op.compare or vendor.traits.free_compare):
            types = vendor.schemas[kind].fields
            if not all(same(row.fields[name], value, types[name]) for name, value in op.expect.items()):
                record = self._record(kind, row, sent, None, stale=False)
                return Outcome(operation=op.id, result=Result.STALE, record=record)
        return None

    def _done(self, kind: str, op: Operation, sent: datetime) -> Outcome:
        vendor = self.vendor
        if op.ref is not None and op.ref.id not in vendor.rows[kind]:  # deleted since it was compared
            return Outcome(operation=op.id, result=Result.MISSING, gone=self._absent(kind, op.ref.id, sent))
        if op.ref is not None and op.action is Action.ARCHIVE:
            return self._archived(kind, op, op.ref, sent)
        other = vendor.taken(kind, op.fields, but=op.ref.id if op.ref else None)
        if other is not None:
            return Outcome(operation=op.id, result=Result.REFUSED, error="a record of that name exists",
                           duplicate=True, names=(other,))  # fmt: skip
        if op.ref is None:
            row = vendor.create(kind, op.fields, "sync")
        else:
            row = vendor.update(kind, op.ref.id, op.fields, "sync")
        return Outcome(operation=op.id, result=Result.WRITTEN, record=self._record(kind, row, sent, None, stale=False))

    def _archived(self, kind: str, op: Operation, ref: Ref, sent: datetime) -> Outcome:
        self.vendor.delete(kind, ref.id, "sync")
        return Outcome(operation=op.id, result=Result.WRITTEN, gone=self._absent(kind, ref.id, sent))

    def _answered(self, kind: str, op: Operation, outcome: Outcome, sent: datetime) -> Outcome:
        """The answer as it stands when it is sent: the row now, whole or as far as it was written."""
        if outcome.result is not Result.WRITTEN or outcome.record is None:
            return outcome
        names = None if self.vendor.traits.whole else tuple(op.fields)
        row = self.vendor.rows[kind].get(outcome.record.ref.id)
        if row is None:  # deleted since it was written
            return outcome
        return dataclasses.replace(outcome, record=self._record(kind, row, sent, names, stale=False))


def _lost(op: Operation) -> Outcome:
    return Outcome(operation=op.id, result=Result.AMBIGUOUS, error="the answer was lost")


def _natural(id_: str) -> int:
    return int(id_[1:])


def _answers(row: Row, key: SyncKey | MatchKey, *, exact: bool) -> bool:
    if isinstance(key, SyncKey):
        return row.fields.get(key.field) == key.value
    for names, values in key.terms:
        wanted = set(values) if exact else {value.casefold() for value in values}
        held = [str(row.fields.get(name) or "") for name in names]
        if not wanted & set(held if exact else [text.casefold() for text in held]):
            return False
    return True


def schema(system: str, kind: str, *fields: FieldType) -> Schema:
    """A schema of these fields."""
    return Schema(system=system, kind=kind, fields={each.name: each for each in fields})


def text(name: str, **more: Any) -> FieldType:
    """A text field."""
    return FieldType(name=name, kind=FieldKind.TEXT, **more)
