"""Which operations go into one request. Pure.

What is not here: sending them (`writes`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from syncd.core.model import Action, Operation
from syncd.kit.outcomes import ref_of

_PARENT = "AccountId"


def batches(operations: Sequence[Operation], size: int) -> Iterator[list[Operation]]:
    """Creates by the field of their key, then updates, then archives; at most so many in each, none naming one twice.

    Salesforce locks the account of what it writes, so what has one account stays in one batch where that is known.
    """
    creates: dict[tuple[str | None, bool], list[Operation]] = {}
    for op in operations:
        if op.action is Action.CREATE:
            creates.setdefault((op.sync_key.field if op.sync_key else None, op.quiet), []).append(op)
    runs = list(creates.values())
    for action in (Action.UPDATE, Action.ARCHIVE):
        for quiet in (False, True):
            runs += _apart([op for op in operations if op.action is action and op.quiet is quiet])
    for run in runs:
        yield from _packed(run, size)


def _packed(run: Sequence[Operation], size: int) -> Iterator[list[Operation]]:
    families: dict[str, list[Operation]] = {}
    for op in run:
        parent = op.fields.get(_PARENT) or op.expect.get(_PARENT)
        families.setdefault(str(parent) if parent else f"none {op.id}", []).append(op)
    batch: list[Operation] = []
    for family in families.values():
        if batch and len(batch) + len(family) > size:
            yield batch
            batch = []
        batch += family
        while len(batch) > size:
            yield batch[:size]
            batch = batch[size:]
    if batch:
        yield batch


def _apart(operations: Sequence[Operation]) -> list[list[Operation]]:
    """Runs in which no record stands twice: Salesforce refuses both of a list that names one twice."""
    runs: list[list[Operation]] = []
    times: dict[str, int] = {}
    for op in operations:
        id_ = ref_of(op).id
        turn = times[id_] = times.get(id_, -1) + 1
        if turn == len(runs):
            runs.append([])
        runs[turn].append(op)
    return runs
