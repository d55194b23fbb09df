"""Writing to HubSpot: batches of a hundred, compared just before, every input answered exactly once.

Each input carries its operation's id as `objectWriteTraceId`, so that one bad input does not refuse the others. Where
a whole batch is refused all the same, nothing of it was written: it is halved until the bad input stands alone.

What is not here: retries and limits (`kit.http`), and whose write wins: the engine planned that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from syncd.core.loss import same
from syncd.core.model import Action, Gone, Operation, Outcome, Record, Result, Value
from syncd.errors import Ambiguous, Refused, SyncdError, Transient
from syncd.kit.outcomes import Outcomes, binned, ended, ids_of, in_turn, ref_of
from syncd_hubspot.client import BATCH_LIMIT, Answered, Client, Row
from syncd_hubspot.outcomes import missing, refused
from syncd_hubspot.pairing import pair
from syncd_hubspot.reads import Reads, chunks, numerically
from syncd_hubspot.schema import RELATION, RELATION_KIND, has_relation
from syncd_hubspot.troubles import FIELD_CODES, HubSpotRefused, Trouble
from syncd_hubspot.values import to_wire

_DEAL_TO_CONTACT = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 3}
_LOST = "HubSpot answered without a word about this record."


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes operations of one account."""

    reads: Reads

    @property
    def client(self) -> Client:
        """The door."""
        return self.reads.client

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Outcomes]:
        """Outcomes after each vendor call that settled some; a lost key settles the rest as LATER and then raises."""
        creates = [op for op in operations if op.action is Action.CREATE]
        updates = [op for op in operations if op.action is Action.UPDATE]
        archives = [op for op in operations if op.action is Action.ARCHIVE]
        runs = [run for several in (updates, archives) for run in _apart(several)]
        batches = [*chunks(creates, BATCH_LIMIT), *(piece for run in runs for piece in chunks(run, BATCH_LIMIT))]
        yield from in_turn(
            batches, partial(self._batch, kind), HubSpotRefused, lambda op, error: refused(op, error.trouble)
        )

    def _batch(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        if batch[0].action is Action.CREATE:
            yield from self._create(kind, batch)
        elif batch[0].action is Action.ARCHIVE:
            yield from self._archive(kind, batch)
        else:
            yield from self._update(kind, batch)

    # Creates

    def _create(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        self.reads.schemas.types(kind)  # the answer cannot be understood without: asked for while nothing has landed
        inputs = [self._new(kind, op) for op in batch]
        try:
            answer = self.client.batch_write(kind, "create", inputs)
        except Ambiguous as error:
            yield [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        except HubSpotRefused as error:
            yield from self._halved(kind, batch, error)
        else:
            yield from self._created(kind, batch, inputs, answer)

    def _created(
        self, kind: str, batch: Sequence[Operation], inputs: Sequence[Row], answer: Answered
    ) -> Iterator[Outcomes]:
        paired = pair(inputs, answer.rows, answer.errors)
        silent = [op for op in batch if op.id not in paired.rows and op.id not in paired.troubles]
        # As many nameless refusals as silent inputs: these surely did not land, so each may be asked alone.
        retry = silent if silent and len(silent) == len(paired.nameless) and len(batch) > 1 else []
        if not retry and len(silent) == 1 and len(paired.nameless) == 1:
            paired.troubles[silent[0].id] = paired.nameless[0]
        told = [op for op in batch if op not in retry]
        yield [
            *self._written(kind, [op for op in told if op.id in paired.rows], paired.rows, answer),
            *(refused(op, paired.troubles[op.id]) for op in told if op.id in paired.troubles),
            *(ended(op, Result.AMBIGUOUS, _LOST) for op in told if op in silent and op.id not in paired.troubles),
        ]
        for op in retry:
            yield from self._create(kind, [op])

    def _new(self, kind: str, op: Operation) -> dict[str, object]:
        properties = {name: to_wire(value) for name, value in self._plain(kind, op).items() if value is not None}
        if op.sync_key is not None:
            properties[op.sync_key.field] = op.sync_key.value
        body: dict[str, object] = {"properties": properties, "objectWriteTraceId": op.id}
        contacts = op.fields.get(RELATION) if has_relation(kind) else None
        if contacts:
            body["associations"] = [{"to": {"id": one}, "types": [_DEAL_TO_CONTACT]} for one in ids_of(contacts)]
        return body

    # Updates

    def _update(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        """Compare and write at once: nothing is waited for or settled in between."""
        with self.client.http.at_once(3 if has_relation(kind) else 2):  # records, associations, the write
            before = self._before(kind, batch)
            settled, moved = self._compared(kind, batch, before)
            related = [op for op in moved if self._relates(kind, op)]
            if related and len(batch) == 1:
                settled += self._move_relation(kind, batch[0], before)
                related, moved = [], [op for op in moved if not settled]
            answers = self._send(kind, [op for op in moved if op not in related], before)
            first = next(answers, None)
        if first is not None:
            yield first
            yield from answers
        if settled:
            yield settled
        for op in related:
            yield from self._update(kind, [op])

    def _move_relation(self, kind: str, op: Operation, before: Mapping[str, Record | Gone]) -> Outcomes:
        """Carry out the change of associations; the outcome, if nothing else is to be written or it failed."""
        failed = self._related(kind, op, before[ref_of(op).id])
        return [failed or self._answered(op, before)] if failed is not None or not self._plain(kind, op) else []

    def _before(self, kind: str, batch: Sequence[Operation]) -> Mapping[str, Record | Gone]:
        """What the records of a batch are right now; nothing where nothing is expected.

        In all fields that anybody reads: the write's answer tells its own fields only, but its version stands for all.
        """
        asked = [op for op in batch if op.expect or self._relates(kind, op)]
        about = dict.fromkeys(name for op in asked for name in (*op.expect, *op.fields))
        fields = [*about, *(name for name in self.reads.interest.get(kind, ()) if name not in (*about, RELATION))]
        return self.reads.read(kind, [ref_of(op).id for op in asked], fields) if asked else {}

    def _compared(
        self, kind: str, batch: Sequence[Operation], before: Mapping[str, Record | Gone]
    ) -> tuple[Outcomes, list[Operation]]:
        """What needs no write (gone, stale, already so all over), and the operations that do."""
        settled: Outcomes = []
        moved: list[Operation] = []
        for op in batch:
            found = before.get(ref_of(op).id)
            if found is None:
                moved.append(op)
            elif isinstance(found, Gone):
                settled.append(missing(op, found))
            elif self._is_stale(kind, op, found):
                settled.append(Outcome(operation=op.id, result=Result.STALE, record=found))
            elif op.fields and all(self._is(kind, found, name, value) for name, value in op.fields.items()):
                settled.append(Outcome(operation=op.id, result=Result.WRITTEN, record=found))
            else:
                moved.append(op)
        return settled, moved

    def _is_stale(self, kind: str, op: Operation, found: Record) -> bool:
        """Whether a field does not hold what it was believed to hold, be it that somebody typed what is wanted.

        Unknown is stale: what HubSpot does not tell although it was asked cannot be compared.
        """
        return any(
            not (name == RELATION and name not in found.fields) and not self._is(kind, found, name, value)
            for name, value in op.expect.items()
        )

    def _is(self, kind: str, found: Record, name: str, value: Value) -> bool:
        return name in found.fields and same(found.fields[name], value, self.reads.schemas.types(kind).get(name))

    def _send(self, kind: str, batch: Sequence[Operation], before: Mapping[str, Record | Gone]) -> Iterator[Outcomes]:
        if not batch:
            return
        try:
            inputs = [self._changed(kind, op) for op in batch]
            answer = self.client.batch_write(kind, "update", inputs)
        except Ambiguous as error:
            yield [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        except HubSpotRefused as error:
            yield from self._halved(kind, batch, error)
        else:
            for outcomes in self._sent(kind, batch, inputs, answer):
                yield [_whole(outcome, before) for outcome in outcomes]

    def _sent(
        self, kind: str, batch: Sequence[Operation], inputs: Sequence[Row], answer: Answered
    ) -> Iterator[Outcomes]:
        """What was sent, told whole: those that HubSpot said nothing about are looked up before anything is yielded."""
        paired = pair(inputs, answer.rows, answer.errors)
        lost = [op for op in batch if op.id not in paired.rows and _is_lost(paired.troubles.get(op.id))]
        blamed = [op for op in batch if op.id in paired.troubles and op not in lost]
        found, again = self._looked_up(kind, lost, paired.nameless, alone=len(batch) == 1)
        yield [
            *self._written(kind, [op for op in batch if op.id in paired.rows], paired.rows, answer),
            *(refused(op, paired.troubles[op.id]) for op in blamed),
            *found,
        ]
        for op in again:
            yield from self._update(kind, [op])

    def _looked_up(
        self, kind: str, lost: Sequence[Operation], nameless: Sequence[Trouble], *, alone: bool
    ) -> tuple[Outcomes, list[Operation]]:
        """As `_fates`; when HubSpot cannot be asked either, their fate stays unknown."""
        try:
            return self._fates(kind, lost, nameless, alone=alone) if lost else ([], [])
        except SyncdError as error:
            return [ended(op, Result.AMBIGUOUS, str(error)) for op in lost], []

    def _fates(
        self, kind: str, lost: Sequence[Operation], nameless: Sequence[Trouble], *, alone: bool
    ) -> tuple[Outcomes, list[Operation]]:
        """Merged away, gone, written all the same, or refused namelessly; and those to be asked again one by one."""
        fields = list(dict.fromkeys(name for op in lost for name in op.fields))
        found = self.reads.read(kind, [ref_of(op).id for op in lost], fields)
        again: list[Operation] = []
        outcomes: Outcomes = []
        for op in lost:
            there = found[ref_of(op).id]
            if isinstance(there, Gone):
                outcomes.append(missing(op, there))
            elif all(self._is(kind, there, name, value) for name, value in op.fields.items()):
                outcomes.append(Outcome(operation=op.id, result=Result.WRITTEN, record=there))
            elif nameless and not alone:
                again.append(op)
            else:
                outcomes.append(refused(op, nameless[0]) if nameless else ended(op, Result.LATER, _LOST))
        return outcomes, again

    def _changed(self, kind: str, op: Operation) -> dict[str, object]:
        properties = {name: to_wire(value) for name, value in self._plain(kind, op).items()}
        return {"id": ref_of(op).id, "properties": properties, "objectWriteTraceId": op.id}

    # Archives

    def _archive(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        """Compare and archive at once. HubSpot passes over what is gone already, so that is found out before."""
        with self.client.http.at_once(3 if has_relation(kind) else 2):
            settled, moved = self._compared(kind, batch, self._before(kind, batch))
            answers = self._binned(kind, moved)
            first = next(answers, None)
        if first is not None:
            yield first
            yield from answers
        if settled:
            yield settled

    def _binned(self, kind: str, batch: Sequence[Operation]) -> Iterator[Outcomes]:
        if not batch:
            return
        try:
            at = self.client.batch_archive(kind, [ref_of(op).id for op in batch])
        except Ambiguous as error:
            yield [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        except HubSpotRefused as error:
            yield from self._halved(kind, batch, error)
        else:
            yield [binned(op, at) for op in batch]

    # Both

    def _halved(self, kind: str, batch: Sequence[Operation], error: HubSpotRefused) -> Iterator[Outcomes]:
        """A batch refused as a whole: nothing was written. Name those at fault, and try the others without them."""
        if len(batch) == 1:
            yield [self._one_refused(kind, batch[0], error)]
            return
        guilty = _guilty(batch, error.trouble)
        if guilty:
            yield [refused(op, error.trouble) for op in guilty]
            rest = [op for op in batch if op not in guilty]
            parts = [rest] if rest else []
        else:
            parts = [list(batch[: len(batch) // 2]), list(batch[len(batch) // 2 :])]
        for part in parts:
            yield from self._batch(kind, part)

    def _one_refused(self, kind: str, op: Operation, error: HubSpotRefused) -> Outcome:
        if op.ref is not None and error.status == 404:
            found = self.reads.read(kind, [ref_of(op).id], list(op.fields))[ref_of(op).id]
            if isinstance(found, Gone):
                return missing(op, found)
        return refused(op, error.trouble)

    def _written(self, kind: str, batch: Sequence[Operation], rows: Mapping[str, Row], answer: Answered) -> Outcomes:
        """Outcomes of the answered operations: these have landed, and no trouble here may make it look otherwise."""
        try:
            records = {op.id: self._record(kind, op, rows[op.id], answer) for op in batch}
        except SyncdError as error:
            return [ended(op, Result.AMBIGUOUS, str(error)) for op in batch]
        thin = [op for op in batch if any(name not in records[op.id].fields for name in op.fields)]
        unknown: dict[str, Outcome] = {}
        try:
            records |= self._again(kind, thin, records)
        except SyncdError as error:
            # Silence about a new record's field means "unknown", about an older one's "as it was".
            known = [op for op in thin if op.action is not Action.CREATE]
            unknown = {op.id: ended(op, Result.AMBIGUOUS, str(error)) for op in known}
        written = {op.id: Outcome(operation=op.id, result=Result.WRITTEN, record=records[op.id]) for op in batch}
        return [(written | unknown)[op.id] for op in batch]

    def _again(self, kind: str, thin: Sequence[Operation], records: Mapping[str, Record]) -> dict[str, Record]:
        """The records whose answers do not hold what was written, with what a read tells."""
        if not thin:
            return {}
        fields = list(dict.fromkeys(name for op in thin for name in op.fields))
        found = self.reads.read(kind, [records[op.id].ref.id for op in thin], fields)
        told = {op.id: whole for op in thin if isinstance(whole := found.get(records[op.id].ref.id), Record)}
        # The version stays the write's own: what a person changes after it must look newer.
        return {id: replace(records[id], fields={**whole.fields, **records[id].fields}) for id, whole in told.items()}

    def _record(self, kind: str, op: Operation, row: Row, answer: Answered) -> Record:
        names = [*op.fields, *([op.sync_key.field] if op.sync_key else [])]
        record = self.reads.record(kind, row, names, answer.sent_at)
        if not self._relates(kind, op):
            return record
        return replace(record, fields={**record.fields, RELATION: numerically(ids_of(op.fields[RELATION]))})

    def _answered(self, op: Operation, before: Mapping[str, Record | Gone]) -> Outcome:
        """The outcome of an update that was all relation."""
        found = before[ref_of(op).id]
        if isinstance(found, Gone):
            return missing(op, found)
        fields = {**found.fields, RELATION: numerically(ids_of(op.fields[RELATION]))}
        return Outcome(operation=op.id, result=Result.WRITTEN, record=replace(found, fields=fields))

    def _related(self, kind: str, op: Operation, found: Record | Gone) -> Outcome | None:
        """Make the associations what they should be; an Outcome only when that failed."""
        if isinstance(found, Gone) or RELATION not in found.fields:
            return ended(op, Result.LATER, "HubSpot does not tell which contacts this deal has.")
        held, wanted = set(ids_of(found.fields[RELATION])), set(ids_of(op.fields[RELATION]))
        try:
            for one in sorted(wanted - held):
                self.client.associate(kind, ref_of(op).id, RELATION_KIND, one)
            for one in sorted(held - wanted):
                self.client.dissociate(kind, ref_of(op).id, RELATION_KIND, one)
        except Refused as error:
            return Outcome(operation=op.id, result=Result.REFUSED, error=str(error), fields=(RELATION,))
        except (Ambiguous, Transient) as error:  # the answer may be what was lost, and others went through before it
            return ended(op, Result.AMBIGUOUS, str(error))
        return None

    def _relates(self, kind: str, op: Operation) -> bool:
        return has_relation(kind) and RELATION in op.fields

    def _plain(self, kind: str, op: Operation) -> dict[str, Value]:
        """The fields of an operation that are properties."""
        relation = RELATION if has_relation(kind) else None
        return {name: value for name, value in op.fields.items() if name != relation}


def _is_lost(trouble: Trouble | None) -> bool:
    """Whether an update without a row must be looked up: nothing was said of it, or that it was not found."""
    return trouble is None or trouble.category == "OBJECT_NOT_FOUND"


def _whole(outcome: Outcome, before: Mapping[str, Record | Gone]) -> Outcome:
    """The outcome with what stood in the fields that the write did not touch."""
    stood = before.get(outcome.record.ref.id) if outcome.record is not None else None
    if outcome.record is None or not isinstance(stood, Record):
        return outcome
    return replace(outcome, record=replace(outcome.record, fields={**stood.fields, **outcome.record.fields}))


def _guilty(batch: Sequence[Operation], trouble: Trouble) -> list[Operation]:
    """The operations a whole batch's refusal is about, when it tells: by trace, by id, or by a property at fault.

    A property is at fault whatever its value only when it does not exist or may not be written.
    """
    named = [op for op in batch if op.id in trouble.traces or (op.ref is not None and op.ref.id in trouble.ids)]
    if named or not trouble.codes or not set(trouble.codes) <= FIELD_CODES:
        return named
    return [op for op in batch if set(trouble.fields) & set(op.fields)]


def _apart(updates: Sequence[Operation]) -> list[list[Operation]]:
    """Runs in which no record stands twice: HubSpot refuses a batch that names one twice."""
    runs: list[list[Operation]] = []
    times: dict[str, int] = {}
    for op in updates:
        turn = times[ref_of(op).id] = times.get(ref_of(op).id, -1) + 1
        if turn == len(runs):
            runs.append([])
        runs[turn].append(op)
    return runs
