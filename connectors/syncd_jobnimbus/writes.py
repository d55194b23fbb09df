"""Writing: a request for each record, only what changes, compared just before with what it would overwrite.

What is not here: deciding what to write. JobNimbus merges a PUT key by key and has no version to write against, so
between the comparing GET and the PUT some milliseconds stay open.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any

import structlog

from syncd.core.model import Action, FieldType, Gone, Operation, Outcome, Record, Ref, Result, Value
from syncd.errors import Ambiguous, AuthError, Refused, SyncdError, Transient
from syncd_jobnimbus.client import Client, One
from syncd_jobnimbus.explain import NotFound
from syncd_jobnimbus.reads import AT_ONCE, Reader
from syncd_jobnimbus.rows import Rows
from syncd_jobnimbus.schema import Catalog
from syncd_jobnimbus.values import same

log = structlog.get_logger("syncd.jobnimbus")

TRUSTED_SECONDS = 60.0
"""How old a proof may be that a custom field exists which the answer to a creation leaves out."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Carries out operations at one account."""

    client: Client
    catalog: Catalog
    rows: Rows
    reader: Reader

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """Two at a time, and none is under way while their outcomes are told.

        AuthError passes: an operation that was not told of by then was not sent, or not let in. Whatever else went
        wrong with one is told as ambiguous, for it may have been carried out, and the others are written all the same.
        """
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            for start in range(0, len(operations), AT_ONCE):
                some = operations[start : start + AT_ONCE]
                tried = [pool.submit(copy_context().run, self._outcome, kind, operation) for operation in some]
                wait(tried)
                if told := [outcome for each in zip(some, tried, strict=True) if (outcome := _told(*each))]:
                    yield told
                for one in tried:
                    if isinstance(error := one.exception(), AuthError):
                        raise error

    def _outcome(self, kind: str, operation: Operation) -> Outcome:
        try:
            if operation.action is Action.CREATE:
                return self._create(kind, operation)
            return self._change(kind, operation)
        except Ambiguous as error:
            return Outcome(operation=operation.id, result=Result.AMBIGUOUS, error=str(error))
        except Transient as error:
            return Outcome(operation=operation.id, result=Result.LATER, error=str(error), retry_after=error.retry_after)
        except Refused as error:
            return Outcome(
                operation=operation.id,
                result=Result.REFUSED,
                error=str(error),
                fields=error.fields,
                names=error.names,
                duplicate=error.duplicate,
            )

    def _create(self, kind: str, operation: Operation) -> Outcome:
        fields = dict(operation.fields)
        if key := operation.sync_key:
            fields[key.field] = key.value
        body = self._body(kind, {name: value for name, value in fields.items() if value is not None}, create=True)
        made = self.client.create(kind, body, quiet=operation.quiet)
        if not made.row.get("jnid"):
            raise Ambiguous(f"JobNimbus answered the new record of {kind} without its id.")
        return self._written(kind, operation, made, fields)

    def _change(self, kind: str, operation: Operation) -> Outcome:
        """An update; or an archive, which JobNimbus knows as an update of `is_active` (there is no DELETE)."""
        ref = _ref(operation)
        archive = operation.action is Action.ARCHIVE
        body = {"is_active": False} if archive else self._body(kind, operation.fields, create=False)
        since = self._looked_for(kind, operation)
        try:
            with self.client.at_once() if operation.compare else nullcontext():
                if operation.compare and (early := self._compared(kind, ref, operation, since)):
                    return early
                answer = self.client.update(kind, ref.id, body, quiet=operation.quiet)
        except NotFound as error:
            return self._missing(kind, ref, operation, error)
        if archive:
            gone = Gone(ref=ref, tombstone=True, read_at=answer.sent_at)
            return Outcome(operation=operation.id, result=Result.WRITTEN, gone=gone)
        if not answer.row.get("jnid"):
            answer = self._read_back(kind, ref.id)
        return self._written(kind, operation, answer, operation.fields)

    def _looked_for(self, kind: str, operation: Operation) -> float:
        """Have the custom fields proved that are to be filled; before the look, so that nothing delays the PUT.

        From when on (monotonic) proofs count.
        """
        since, types = time.monotonic(), self._types(kind, operation)
        if operation.compare:
            filled = {name: types[name] for name, was in operation.expect.items() if was is None}
            self.rows.untold(kind, {}, filled, since)
        return since

    def _types(self, kind: str, operation: Operation) -> dict[str, FieldType | None]:
        return {name: self.catalog.type_of(kind, name) for name in (*operation.expect, *operation.fields)}

    def _compared(self, kind: str, ref: Ref, operation: Operation, since: float) -> Outcome | None:
        """The outcome of an update that need not or must not be sent; None to go on."""
        answer, wanted = self.reader.ask(kind, ref.id), operation.fields
        if isinstance(answer, Gone):
            return Outcome(operation=operation.id, result=Result.MISSING, gone=answer)
        now = self.reader.told(kind, ref.id, answer, self._interest(kind, operation), None)
        if isinstance(now, Gone):
            return Outcome(operation=operation.id, result=Result.MISSING, gone=now)
        types = self._types(kind, operation)
        blank, lost = self.rows.untold(kind, answer.row, types, since)
        now = replace(now, fields={**now.fields, **dict.fromkeys(blank)})
        if lost:
            return Outcome(operation=operation.id, result=Result.STALE, record=now)
        if not all(_as_expected(types[name], now, name, value) for name, value in operation.expect.items()):
            return Outcome(operation=operation.id, result=Result.STALE, record=now)
        if wanted and all(_equal(types[name], now, name, value) for name, value in wanted.items()):
            return Outcome(operation=operation.id, result=Result.WRITTEN, record=now)
        return None

    def _missing(self, kind: str, ref: Ref, operation: Operation, error: NotFound) -> Outcome:
        """A write to a record that is not there, or that the acting person may not see."""
        now = self.reader.told(kind, ref.id, self.reader.ask(kind, ref.id), self._interest(kind, operation), None)
        if isinstance(now, Gone):
            return Outcome(operation=operation.id, result=Result.MISSING, gone=now)
        words = f"{error} It can be read: the `actor` may not change it."
        return Outcome(operation=operation.id, result=Result.REFUSED, error=words)

    def _written(self, kind: str, operation: Operation, answer: One, sent: Mapping[str, Value]) -> Outcome:
        """The outcome of a write that was answered: what cannot be read after it must not make it look undone."""
        absent = [name for name in sent if self.rows.names.locate(kind, name, answer.row) is None]
        interest, create = self._interest(kind, operation, sent), operation.action is Action.CREATE
        trouble: SyncdError | None = None
        try:
            if any(sent[name] is not None for name in absent):
                answer = self._read_back(kind, str(answer.row["jnid"]))
            # Of a record that we just made nobody has cleared a field: there an old proof is as good as a new one.
            since = time.monotonic() - TRUSTED_SECONDS if create else None
            record = self.rows.record(kind, answer.row, interest, answer.sent_at, since, at=answer.at)
        except SyncdError as error:
            trouble, rows = error, replace(self.rows, type_of=self.catalog.known_type)
            record = rows.record(kind, answer.row, interest, answer.sent_at, None)
        # Blank custom fields are left out of answers: what was just cleared and is not there is blank.
        told = {name: value for name, value in record.fields.items() if name not in absent or value is not None}
        told |= {name: None for name in absent if sent[name] is None}
        # Silence about a new record's field means "unknown", about an older one's "as it was".
        if trouble and not create and not sent.keys() <= told.keys():
            raise Ambiguous(str(trouble)) from trouble
        return Outcome(operation=operation.id, result=Result.WRITTEN, record=replace(record, fields=told))

    def _read_back(self, kind: str, id: str) -> One:
        """A record that was just written. Ambiguous when it does not answer: it was written all the same."""
        try:
            answer = self.reader.ask(kind, id)
        except SyncdError as error:
            raise Ambiguous(f"JobNimbus took the write, and cannot be asked what it holds: {error}") from error
        if isinstance(answer, Gone):
            raise Ambiguous(f"JobNimbus took the write, and does not show the record {id} of {kind}.")
        return answer

    def _interest(self, kind: str, operation: Operation, sent: Mapping[str, Value] | None = None) -> list[str]:
        """The fields an answer is translated for: all that anybody reads of this kind, and what is at hand."""
        at_hand = {*operation.fields, *operation.expect, *(sent or {})}
        return sorted({*self.catalog.asked(kind), *at_hand})

    def _body(self, kind: str, fields: Mapping[str, Value], *, create: bool) -> dict[str, Any]:
        """The wire form. Refused for a field that cannot be written: JobNimbus would drop it without a word."""
        body: dict[str, Any] = {}
        for name, value in fields.items():
            field = self.catalog.type_of(kind, name)
            if field is None or field.read_only or (field.create_only and not create):
                raise Refused(f"The field {name} of {kind} cannot be written in JobNimbus.", fields=[name])
            try:
                body[self.rows.names.wire_key(kind, name)] = self.rows.codec.encode(field, value)
            except ValueError as error:
                raise Refused(f"The field {name} of {kind}: {error}.", fields=[name]) from error
        if not body:
            raise Refused(f"An empty write of {kind} was asked for.")
        return body


def _told(operation: Operation, tried: Future[Outcome]) -> Outcome | None:
    """What became of an operation; None for one that was not let in."""
    error = tried.exception()
    if error is None:
        return tried.result()
    if isinstance(error, AuthError):
        return None
    # Only what kind of error it is: its text may hold what people wrote.
    log.warning("odd", about=f"a write of {operation.id}", error=type(error).__name__)
    words = f"It cannot be told whether JobNimbus carried this out ({type(error).__name__})."
    return Outcome(operation=operation.id, result=Result.AMBIGUOUS, error=words)


def _ref(operation: Operation) -> Ref:
    if operation.ref is None:
        raise Refused("An update without a record was asked for.")
    return operation.ref


def _equal(field: FieldType | None, record: Record, name: str, value: Value) -> bool:
    return field is not None and name in record.fields and same(field, record.fields[name], value)


def _as_expected(field: FieldType | None, record: Record, name: str, expected: Value) -> bool:
    """Nobody changed the field, not even to the very value that we write. Unknown counts as blank."""
    return _equal(field, record, name, expected) or (name not in record.fields and expected is None)
