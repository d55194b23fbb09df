"""Outcomes of writes in Salesforce's words, and what an operation is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncd.core.model import Gone, Operation, Outcome, Record, Ref, Result, Value
from syncd.errors import AuthError, Bug, Transient
from syncd.kit.http import Answer
from syncd_salesforce import ids
from syncd_salesforce.client import Row
from syncd_salesforce.troubles import Trouble

Outcomes = list[Outcome]


def ended(op: Operation, result: Result, error: str) -> Outcome:
    """An outcome that is all words."""
    return Outcome(operation=op.id, result=result, error=error)


def later(op: Operation, error: AuthError | Transient) -> Outcome:
    """Not sent, or surely not landed; again when the vendor says so."""
    wait = error.retry_after if isinstance(error, Transient) else None
    return Outcome(operation=op.id, result=Result.LATER, error=str(error), retry_after=wait)


def missing(op: Operation, gone: Gone) -> Outcome:
    """The record answers no more."""
    return Outcome(operation=op.id, result=Result.MISSING, gone=gone, error="Salesforce does not have this record.")


def written(op: Operation, record: Record) -> Outcome:
    """It landed, and this is the record by now."""
    return Outcome(operation=op.id, result=Result.WRITTEN, record=record)


def binned(op: Operation, at: datetime) -> Outcome:
    """The record was put into the recycle bin."""
    return Outcome(operation=op.id, result=Result.WRITTEN, gone=Gone(ref=ref_of(op), tombstone=True, read_at=at))


def failed(op: Operation, trouble: Trouble) -> Outcome:
    """What Salesforce says of one record that it surely did not write: refused, or to be tried again later."""
    if trouble.later is not None:
        return Outcome(operation=op.id, result=Result.LATER, error=trouble.sentence, retry_after=trouble.later)
    return Outcome(
        operation=op.id,
        result=Result.REFUSED,
        error=trouble.sentence,
        fields=trouble.fields,
        names=tuple(ids.full(one) or one for one in trouble.names),
        duplicate=trouble.duplicate,
    )


def items(answer: Answer, count: int) -> Sequence[Mapping[str, Any]] | None:
    """The results of a list, one per record in its order; None where they cannot be told apart."""
    body = answer.body
    if not isinstance(body, list) or len(body) != count:
        return None
    return body if all(isinstance(one, Mapping) and isinstance(one.get("success"), bool) for one in body) else None


def id_in(item: Row) -> str | None:
    """The id that a result tells."""
    return ids.full(str(item.get("id")))


def ref_of(op: Operation) -> Ref:
    """The record that an update or an archive is about."""
    if op.ref is None:
        raise Bug(f"The operation {op.id} names no record.")
    return op.ref


def contacts_of(value: Value) -> tuple[str, ...]:
    """The ids in a relation's value; a single one and a blank are borne."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (str(value),)
