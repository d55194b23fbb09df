"""Outcomes of writes as any connector gives them, and batches sent one after the other.

What is not here: what a vendor says of a write; that is the connector's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from syncd.core.model import Gone, Operation, Outcome, Ref, Result, Value
from syncd.errors import AuthError, Bug, Refused, Transient

Outcomes = list[Outcome]
E = TypeVar("E", bound=Refused)


def ended(op: Operation, result: Result, error: str) -> Outcome:
    """An outcome that is all words."""
    return Outcome(operation=op.id, result=result, error=error)


def later(op: Operation, error: AuthError | Transient) -> Outcome:
    """Not sent, or surely not landed; again when the vendor says so."""
    wait = error.retry_after if isinstance(error, Transient) else None
    return Outcome(operation=op.id, result=Result.LATER, error=str(error), retry_after=wait)


def binned(op: Operation, at: datetime) -> Outcome:
    """The record was archived, at this moment of the vendor's clock."""
    return Outcome(operation=op.id, result=Result.WRITTEN, gone=Gone(ref=ref_of(op), tombstone=True, read_at=at))


def ref_of(op: Operation) -> Ref:
    """The record that an update or an archive is about."""
    if op.ref is None:
        raise Bug(f"The operation {op.id} names no record.")
    return op.ref


def ids_of(value: Value) -> tuple[str, ...]:
    """The ids in a relation's value; a single one and a blank are borne."""
    if isinstance(value, tuple):
        return value
    return () if value is None else (str(value),)


def in_turn(
    batches: Sequence[Sequence[Operation]],
    send: Callable[[Sequence[Operation]], Iterator[Outcomes]],
    refusal: type[E],
    told: Callable[[Operation, E], Outcome],
) -> Iterator[Outcomes]:
    """Outcomes after each vendor call that settled some; a lost key settles the rest as LATER and then raises.

    `refusal`: what a read that came before the write may raise; `told` makes an outcome of it.
    """
    for number, batch in enumerate(batches):
        done: set[str] = set()
        try:
            for outcomes in send(batch):
                done |= {outcome.operation for outcome in outcomes}
                yield outcomes
        except refusal as error:
            yield [told(op, error) for op in batch if op.id not in done]
        except (AuthError, Transient) as error:
            if left := [op for rest in batches[number:] for op in rest if op.id not in done]:
                yield [later(op, error) for op in left]
            if isinstance(error, AuthError):
                raise
            return
