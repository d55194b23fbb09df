"""The rest of a long first reading as one bulk query: thousands of records for a call of the day's budget.

What is not here: when it is done so, and what the cursor remembers of it (`deltas`, `position`). Nothing is written in
bulk: a list of two hundred says at once what became of each record.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from syncd.core.model import FieldKind
from syncd.errors import Transient
from syncd_salesforce import soql
from syncd_salesforce.client import Row
from syncd_salesforce.reads import Reads
from syncd_salesforce.troubles import NoAccess, SalesforceRefused
from syncd_salesforce.values import from_cell, moment

PIECE = 10_000
"""Records of one call."""


class NoJob(Exception):
    """There is no such bulk query, or none is allowed: the records are to be listed page by page."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A part of what was found, where the next one is (None: this was the last), and when the query began."""

    rows: Sequence[Row]
    locator: str | None
    began: datetime


class Bulk:
    """Bulk queries over one kind."""

    def __init__(self, reads: Reads, kind: str, columns: Sequence[str]) -> None:
        """Take what is read. Asks nothing yet."""
        self._reads, self._kind, self._columns = reads, kind, columns

    def begin(self, after: str | None) -> str:
        """Have all records beyond this one read; the job's id. NoJob where the org lets nobody do so."""
        try:
            job = self._reads.client.bulk(soql.rest(self._kind, self._columns, after))
        except (SalesforceRefused, NoAccess) as error:
            raise NoJob(str(error)) from error
        if not job:
            raise Transient("Salesforce answered a bulk query without an id.")
        return job

    def first(self, job: str) -> Piece | None:
        """The first part; None while the job is not done. NoJob for one that failed, or that is not kept any more."""
        told = self._told(job)
        state, began = str(told.get("state")), moment(told.get("createdDate"))
        if state in ("UploadComplete", "InProgress"):
            return None
        if state != "JobComplete" or began is None:
            raise NoJob(f"the bulk query is {state}: {told.get('errorMessage') or 'no reason was given'}")
        return self.part(job, None, began)

    def part(self, job: str, locator: str | None, began: datetime) -> Piece:
        """The part at this locator of a job that is done. NoJob for one that is not kept any more."""
        try:
            answer = self._reads.client.results(job, locator, PIECE)
        except SalesforceRefused as error:
            raise NoJob(str(error)) from error
        rows, further = self._rows(str(answer.body)), answer.headers.get("sforce-locator")
        count = answer.headers.get("sforce-numberofrecords") or str(len(rows))
        if not further or count != str(len(rows)):
            raise Transient("Salesforce answered a part of a bulk query that is not whole.")
        return Piece(rows=rows, locator=None if further == "null" else further, began=began)

    def _told(self, job: str) -> Row:
        try:
            return self._reads.client.job(job)
        except SalesforceRefused as error:
            raise NoJob(str(error)) from error

    def _rows(self, text: str) -> list[Row]:
        types = self._reads.schemas.described(self._kind).types
        try:
            head, *lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        except (csv.Error, ValueError) as error:
            raise Transient("Salesforce answered a bulk query with something that is no table.") from error
        if not set(self._columns) <= set(head) or any(len(line) != len(head) for line in lines):
            raise Transient("Salesforce answered a bulk query with a table that lacks columns.")
        kinds = [types[name].kind if name in types else FieldKind.TEXT for name in head]
        return [
            {name: from_cell(kind, cell) for name, kind, cell in zip(head, kinds, line, strict=True)} for line in lines
        ]
