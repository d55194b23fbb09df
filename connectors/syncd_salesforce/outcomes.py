"""Outcomes of writes in Salesforce's words, and what an operation is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.model import Gone, Operation, Outcome, Record, Result
from syncd.kit.http import Answer
from syncd_salesforce import ids
from syncd_salesforce.client import Row
from syncd_salesforce.troubles import Trouble


def missing(op: Operation, gone: Gone) -> Outcome:
    """The record answers no more."""
    return Outcome(operation=op.id, result=Result.MISSING, gone=gone, error="Salesforce does not have this record.")


def written(op: Operation, record: Record) -> Outcome:
    """It landed, and this is the record by now."""
    return Outcome(operation=op.id, result=Result.WRITTEN, record=record)


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
