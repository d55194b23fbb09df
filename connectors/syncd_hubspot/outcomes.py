"""Outcomes of writes in HubSpot's words, and what an operation is about. Pure."""

from __future__ import annotations

from datetime import datetime

from syncd.core.model import Gone, Operation, Outcome, Ref, Result, Value
from syncd.errors import AuthError, Bug, Transient
from syncd_hubspot.troubles import Trouble


def ended(op: Operation, result: Result, error: str) -> Outcome:
    """An outcome that is all words."""
    return Outcome(operation=op.id, result=result, error=error)


def later(op: Operation, error: AuthError | Transient) -> Outcome:
    """Not sent, or surely not landed; again when the vendor says so."""
    wait = error.retry_after if isinstance(error, Transient) else None
    return Outcome(operation=op.id, result=Result.LATER, error=str(error), retry_after=wait)


def missing(op: Operation, gone: Gone) -> Outcome:
    """The record answers no more."""
    return Outcome(operation=op.id, result=Result.MISSING, gone=gone, error="HubSpot does not have this record.")


def binned(op: Operation, at: datetime) -> Outcome:
    """The record was put into the recycling bin."""
    gone = Gone(ref=_ref(op), tombstone=True, read_at=at)
    return Outcome(operation=op.id, result=Result.WRITTEN, gone=gone)


def refused(op: Operation, trouble: Trouble) -> Outcome:
    """The vendor's sentence about one record."""
    return Outcome(
        operation=op.id,
        result=Result.REFUSED,
        error=trouble.sentence,
        fields=trouble.fields,
        names=trouble.names,
        duplicate=trouble.duplicate,
    )


def record_id(op: Operation) -> str:
    """The id of the record that an update or an archive is about."""
    return _ref(op).id


def _ref(op: Operation) -> Ref:
    if op.ref is None:
        raise Bug(f"The operation {op.id} names no record.")
    return op.ref


def ids_of(value: Value) -> tuple[str, ...]:
    """The ids in a relation's value; a single one and a blank are borne."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (str(value),)
