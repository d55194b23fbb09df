"""Outcomes of writes in HubSpot's words. Pure."""

from __future__ import annotations

from syncd.core.model import Gone, Operation, Outcome, Result
from syncd_hubspot.troubles import Trouble


def missing(op: Operation, gone: Gone) -> Outcome:
    """The record answers no more."""
    return Outcome(operation=op.id, result=Result.MISSING, gone=gone, error="HubSpot does not have this record.")


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
