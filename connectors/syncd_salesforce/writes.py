"""Writing to Salesforce: lists of two hundred, compared just before, every record answered exactly once.

A list is never all or nothing: each record has a result, in the order of the records. A result tells an id and no
values, so what was written is read again: rules and flows of the org may have changed it. Where that cannot be read,
a new record is told without its values, and an update as ambiguous.

What is not here: retries and limits (`kit.http`, `door`), contact roles (`roles`), and whose write wins: the engine
planned that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from functools import partial

from syncd.core.loss import same
from syncd.core.model import Action, Gone, Operation, Outcome, Record, Ref, Result, Value
from syncd.errors import Ambiguous, AuthError, SyncdError, Transient
from syncd.kit.http import Answer
from syncd.kit.outcomes import Outcomes, binned, ended, ids_of, in_turn, later, ref_of
from syncd_salesforce.batches import batches
from syncd_salesforce.client import WRITE_LIMIT, Client, Row
from syncd_salesforce.outcomes import failed, id_in, items, missing, written
from syncd_salesforce.reads import Reads
from syncd_salesforce.roles import Join, Roles
from syncd_salesforce.schema import RELATION, has_relation
from syncd_salesforce.troubles import GONE, SalesforceRefused, of_item
from syncd_salesforce.values import to_wire

_UNCLEAR = "Salesforce answered without a result for this record."
_OVERTAKEN = "Somebody else changed the record in the moment it was written; what stands there is looked at again."
_MOVED = 412


@dataclass(frozen=True, slots=True, kw_only=True)
class Manners:
    """How this org wants to be written to. `assign`: its assignment rules run; `allow`: alerts of duplicate rules pass.

    `conditional`: a record that is written alone is written only if nobody modified it since it was looked at.
    """

    assign: bool = False
    allow: bool = False
    conditional: bool = True

    def headers(self, quiet: bool) -> dict[str, str]:
        """What goes with a write. Without the first header Salesforce runs the rules, and owners change."""
        found = {} if self.assign and not quiet else {"Sforce-Auto-Assign": "FALSE"}
        return found | ({"Sforce-Duplicate-Rule-Header": "allowSave=true"} if self.allow else {})


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes operations of one org."""

    reads: Reads
    manners: Manners

    @property
    def client(self) -> Client:
        """The door."""
        return self.reads.client

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Outcomes]:
        """Outcomes after each vendor call that settled some; a lost session settles the rest as LATER and raises."""
        queue = list(batches(operations, WRITE_LIMIT))
        yield from in_turn(
            queue, partial(self._batch, kind), SalesforceRefused, lambda op, error: failed(op, error.trouble)
        )

    def _batch(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        unknown = {op.id: names for op in batch if (names := self._unknown(kind, op))}
        if unknown:
            yield [_no_field(kind, op, unknown[op.id]) for op in batch if op.id in unknown]
        known = [op for op in batch if op.id not in unknown]
        if known:
            ways = {Action.CREATE: self._create, Action.UPDATE: self._update, Action.ARCHIVE: self._archive}
            yield from ways[batch[0].action](kind, known)

    def _unknown(self, kind: str, op: Operation) -> list[str]:
        key = [op.sync_key.field] if op.sync_key is not None else []
        types = self.reads.schemas.types(kind)
        return [name for name in (*op.fields, *key) if name not in types]

    # Creates

    def _create(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        """By an upsert where there is a key: should it be there already, it is not made twice."""
        self.client.door.ready()  # no look comes before it
        with self.client.door.finishing():
            told = self._tried(kind, batch)
        if not isinstance(told, SalesforceRefused):
            yield told
        elif len(batch) == 1:
            yield [failed(batch[0], told.trouble)]
        else:  # refused as a whole, so nothing was written: the bad record is found by halving
            half = len(batch) // 2
            yield from self._create(kind, batch[:half])
            yield from self._create(kind, batch[half:])

    def _tried(self, kind: str, batch: Sequence[Operation]) -> Outcomes | SalesforceRefused:
        key, headers = batch[0].sync_key, self.manners.headers(batch[0].quiet)
        records = [self._new(kind, op) for op in batch]
        try:
            if key is not None:
                answer = self.client.upsert(kind, key.field, records, headers)
            else:
                answer = self.client.insert(records, headers)
        except Ambiguous as error:
            return [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        except SalesforceRefused as error:
            return error
        return self._created(kind, batch, answer)

    def _created(self, kind: str, batch: Sequence[Operation], answer: Answer) -> Outcomes:
        told = items(answer, len(batch))
        if told is None:
            return [ended(op, Result.AMBIGUOUS, _UNCLEAR) for op in batch]
        outcomes: Outcomes = []
        landed: list[tuple[Operation, str]] = []
        for op, item in zip(batch, told, strict=True):
            id_ = id_in(item)
            if not item["success"]:
                outcomes.append(failed(op, of_item(item)))
            elif id_ is None:
                outcomes.append(ended(op, Result.AMBIGUOUS, _UNCLEAR))
            else:
                landed.append((op, id_))
        return outcomes + self._made(kind, landed, answer.sent_at)

    def _made(self, kind: str, landed: Sequence[tuple[Operation, str]], at: datetime) -> Outcomes:
        """What was made, as it is by now; these have landed, and no trouble here may make it look otherwise."""
        if not landed:
            return []
        lacking = Roles(self.reads).joined(list(self._joins(landed))) if has_relation(kind) else set()
        try:
            found = self.reads.after_write(kind, [id_ for _, id_ in landed], self._wanted(kind, landed))
        except SyncdError:
            found = {}
        outcomes = []
        for op, id_ in landed:
            record, ours = found.get(id_, (None, None))
            if not isinstance(record, Record):
                record = Record(ref=Ref(self.reads.system, kind, id_), fields={}, read_at=at)
            lost = {name for name in op.fields if ours is False and not self._is(kind, record, name, op.fields[name])}
            lost |= {RELATION} if id_ in lacking else set()
            fields = {name: value for name, value in record.fields.items() if name not in lost}
            outcomes.append(written(op, replace(record, fields=fields)))
        return outcomes

    def _joins(self, landed: Sequence[tuple[Operation, str]]) -> Iterator[Join]:
        """The contacts that new opportunities were not made with."""
        for op, id_ in landed:
            wanted = ids_of(op.fields.get(RELATION))
            rest = wanted[1:] if self._takes_contact(op) else wanted
            if rest:
                yield Join(id_, rest, len(rest) == len(wanted))

    def _takes_contact(self, op: Operation) -> bool:
        """Whether an opportunity can be made with its first contact in one request."""
        types = self.reads.schemas.types("Opportunity")
        field = types.get("ContactId")
        return field is not None and not field.read_only and "ContactId" not in op.fields

    def _new(self, kind: str, op: Operation) -> Row:
        record = {name: value for name, value in self._wire(kind, op).items() if value is not None}
        if op.sync_key is not None:
            record[op.sync_key.field] = op.sync_key.value
        contacts = ids_of(op.fields.get(RELATION)) if has_relation(kind) else ()
        if contacts and self._takes_contact(op):
            record["ContactId"] = contacts[0]
        return {"attributes": {"type": kind}, **record}

    # Updates

    def _update(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        """Compare and write at once: nothing is waited for or settled in between."""
        with self.client.door.at_once(6 if has_relation(kind) else 2):  # the look with its roles, roles, the write
            before = self._before(kind, batch)
            settled, moved = self._compared(kind, batch, before)
            with self.client.door.finishing():
                settled += self._sent(kind, moved, before)
        yield settled

    def _sent(self, kind: str, moved: Sequence[Operation], before: Mapping[str, Record | Gone]) -> Outcomes:
        """Write, and read again. Contact roles come first: should these fail, nothing else was written."""
        related = [op for op in moved if has_relation(kind) and RELATION in op.fields]
        failures = Roles(self.reads).moved(related, before) if related else {}
        going = [op for op in moved if op.id not in failures]
        landed = [op for op in going if not self._plain(kind, op)]
        plain = [op for op in going if self._plain(kind, op)]
        outcomes = list(failures.values())
        for part, answer in self._in_parts(kind, plain, before):
            if isinstance(answer, AuthError | Transient) and not (outcomes or landed):
                raise answer
            if isinstance(answer, SyncdError):
                outcomes += [self._unsent(kind, op, answer) for op in part]
            elif (told := items(answer, len(part))) is None:
                outcomes += [ended(op, Result.AMBIGUOUS, _UNCLEAR) for op in part]
            else:
                pairs = list(zip(part, told, strict=True))
                landed += [op for op, item in pairs if item["success"]]
                outcomes += self._failed(kind, [(op, item) for op, item in pairs if not item["success"]])
        return outcomes + self._told(kind, landed)

    def _in_parts(
        self, kind: str, batch: Sequence[Operation], before: Mapping[str, Record | Gone]
    ) -> Iterator[tuple[Sequence[Operation], Answer | SyncdError]]:
        """The list as it was answered; one that is refused as a whole is halved until the bad record stands alone."""
        if not batch:
            return
        try:
            answer = self._asked(kind, batch, before)
        except SalesforceRefused as error:
            if len(batch) == 1:
                yield batch, error
                return
            half = len(batch) // 2
            yield from self._in_parts(kind, batch[:half], before)
            yield from self._in_parts(kind, batch[half:], before)
        except (Ambiguous, AuthError, Transient) as error:
            yield batch, error
        else:
            yield batch, answer

    def _asked(self, kind: str, batch: Sequence[Operation], before: Mapping[str, Record | Gone]) -> Answer:
        headers = self.manners.headers(batch[0].quiet)
        if len(batch) > 1 or not self.manners.conditional:
            records = [{"attributes": {"type": kind}, "id": ref_of(op).id, **self._wire(kind, op)} for op in batch]
            return self.client.update(records, headers)
        (op,) = batch
        seen = before.get(ref_of(op).id)
        if isinstance(seen, Record) and seen.modified_at is not None:
            headers["If-Unmodified-Since"] = format_datetime(seen.modified_at, usegmt=True)
        answer = self.client.update_one(kind, ref_of(op).id, self._wire(kind, op), headers)
        return replace(answer, body=[{"id": ref_of(op).id, "success": True}])

    def _unsent(self, kind: str, op: Operation, error: SyncdError) -> Outcome:
        """What a request that was not answered well means for one of its records."""
        if isinstance(error, AuthError | Transient):
            return later(op, error)
        if not isinstance(error, SalesforceRefused):
            return ended(op, Result.AMBIGUOUS, str(error))
        if error.status != _MOVED and error.trouble.code not in GONE:
            return failed(op, error.trouble)
        try:
            found = self.reads.read(kind, [ref_of(op).id], self._fields(kind, [op]))[ref_of(op).id]
        except SyncdError:
            return ended(op, Result.LATER, str(error))
        if isinstance(found, Gone):
            return missing(op, found)
        if error.status == _MOVED:
            return Outcome(operation=op.id, result=Result.STALE, record=found)
        return failed(op, error.trouble)

    def _failed(self, kind: str, pairs: Sequence[tuple[Operation, Row]]) -> Outcomes:
        return [self._unsent(kind, op, SalesforceRefused(200, of_item(item))) for op, item in pairs]

    def _told(self, kind: str, landed: Sequence[Operation]) -> Outcomes:
        """Outcomes of updates that landed.

        A value that is not what was sent was changed by a rule of the org, unless somebody else was at it since: then
        what stands there must not be taken for what our write made of it.
        """
        if not landed:
            return []
        try:
            ids = [ref_of(op).id for op in landed]
            found = self.reads.after_write(kind, ids, self._fields(kind, landed))
        except SyncdError as error:
            return [ended(op, Result.AMBIGUOUS, str(error)) for op in landed]
        return [self._stands(kind, op, *found.get(ref_of(op).id, (None, None))) for op in landed]

    def _stands(self, kind: str, op: Operation, found: Record | Gone | None, ours: bool | None) -> Outcome:
        if found is None or isinstance(found, Gone):
            return missing(op, found or Gone(ref=ref_of(op), read_at=self.client.door.now()))
        as_sent = all(self._is(kind, found, name, value) for name, value in op.fields.items())
        return written(op, found) if as_sent or ours is not False else ended(op, Result.AMBIGUOUS, _OVERTAKEN)

    # Archives

    def _archive(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        """Compare and delete at once, as people do: into the recycle bin."""
        with self.client.door.at_once(3 if has_relation(kind) else 2):
            settled, moved = self._compared(kind, batch, self._before(kind, batch))
            with self.client.door.finishing():
                outcomes = self._binned(kind, moved)
        yield settled + outcomes

    def _binned(self, kind: str, batch: Sequence[Operation]) -> Outcomes:
        if not batch:
            return []
        try:
            answer = self.client.delete([ref_of(op).id for op in batch])
        except Ambiguous as error:
            return [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        except SalesforceRefused as error:
            if len(batch) == 1:
                return [self._unsent(kind, batch[0], error)]
            half = len(batch) // 2
            return self._binned(kind, batch[:half]) + self._binned(kind, batch[half:])
        told = items(answer, len(batch))
        if told is None:
            return [ended(op, Result.AMBIGUOUS, _UNCLEAR) for op in batch]
        pairs = list(zip(batch, told, strict=True))
        done = [binned(op, answer.sent_at) for op, item in pairs if item["success"]]
        return done + self._failed(kind, [(op, item) for op, item in pairs if not item["success"]])

    # All

    def _before(self, kind: str, batch: Sequence[Operation]) -> Mapping[str, Record | Gone]:
        """What the records of a batch are right now, in all fields that anybody reads: its version stands for all."""
        return self.reads.read(kind, [ref_of(op).id for op in batch], self._fields(kind, batch))

    def _compared(
        self, kind: str, batch: Sequence[Operation], before: Mapping[str, Record | Gone]
    ) -> tuple[Outcomes, list[Operation]]:
        """What needs no write (gone, stale, already so all over), and the operations that do."""
        settled: Outcomes = []
        moved: list[Operation] = []
        for op in batch:
            found = before[ref_of(op).id]
            if isinstance(found, Gone):
                settled.append(missing(op, found))
            elif self._is_stale(kind, op, found):
                settled.append(Outcome(operation=op.id, result=Result.STALE, record=found))
            elif op.fields and all(self._is(kind, found, name, value) for name, value in op.fields.items()):
                settled.append(written(op, found))
            else:
                moved.append(op)
        return settled, moved

    def _is_stale(self, kind: str, op: Operation, found: Record) -> bool:
        """Whether a field does not hold what it was believed to hold, be it that somebody typed what is wanted.

        Unknown is stale.
        """
        return any(not self._is(kind, found, name, value) for name, value in op.expect.items())

    def _is(self, kind: str, found: Record, name: str, value: Value) -> bool:
        type_ = self.reads.schemas.types(kind).get(name)
        return name in found.fields and same(found.fields[name], value, type_)

    def _plain(self, kind: str, op: Operation) -> dict[str, Value]:
        """The fields of an operation that Salesforce has."""
        relation = RELATION if has_relation(kind) else None
        return {name: value for name, value in op.fields.items() if name != relation}

    def _wire(self, kind: str, op: Operation) -> dict[str, object]:
        types = self.reads.schemas.types(kind)
        return {name: to_wire(types[name].kind, value) for name, value in self._plain(kind, op).items()}

    def _fields(self, kind: str, batch: Sequence[Operation]) -> list[str]:
        keys = [op.sync_key.field for op in batch if op.sync_key is not None]
        about = [name for op in batch for name in (*op.expect, *op.fields)]
        return list(dict.fromkeys([*about, *keys, *self.reads.interest.get(kind, ())]))

    def _wanted(self, kind: str, landed: Sequence[tuple[Operation, str]]) -> list[str]:
        return self._fields(kind, [op for op, _ in landed])


def _no_field(kind: str, op: Operation, names: Sequence[str]) -> Outcome:
    words = f"Salesforce has no field {', '.join(names)} on {kind}, or hides it from the run-as user."
    return Outcome(operation=op.id, result=Result.REFUSED, error=words, fields=tuple(names))
