"""One tick of a Salesforce feed: what changed since, then some pages of the first reading.

Changes are read by (SystemModstamp, Id), the only order in which a bulk save of thousands of records in one second is
followed to its end. A record is stamped while its transaction runs and is seen when that ends, up to ten minutes
later: so each reading begins an overlap behind the last one. What it shows again may hold a second save of the very
stamp that was read before: whether anything is new is told by the values, and the engine compares them.

The first reading lists records by id; of what is long the rest is one bulk query.

What is not here: the cursor as a value (`position`), wire rows as records (`reads`), the bulk query's calls (`bulk`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from syncd.core.model import Gone, Record
from syncd.errors import Transient
from syncd.kit.connector import Cursor, Page, Timing
from syncd_salesforce import ids, soql
from syncd_salesforce.bulk import Bulk, NoJob, Piece
from syncd_salesforce.client import Found, Row
from syncd_salesforce.position import BACKFILL, LEADS, ROLES, ROWS, Position, text
from syncd_salesforce.position import moment as moment_of
from syncd_salesforce.reads import STAMP, Reads, row_id
from syncd_salesforce.schema import HEIRS, PAST, PAST_KIND, RELATION, has_relation
from syncd_salesforce.troubles import TOO_BIG, SalesforceRefused
from syncd_salesforce.values import moment

TICK = timedelta(seconds=1)
"""The grain of Salesforce's stamps."""

_SMALLEST = 100
_PAUSE = 5.0
"""Seconds between two looks at a bulk query: fewer calls than they would be for its records, one by one."""


class Tick:
    """One pass over one feed. `position` moves with every page; each page carries the cursor that is safe with it."""

    def __init__(
        self, reads: Reads, timing: Timing, overlap: timedelta, bulk_after: int, kind: str, fields: Sequence[str]
    ) -> None:
        """Take what is read. Asks the vendor nothing yet."""
        self._reads, self._timing, self._overlap, self._bulk_after = reads, timing, overlap, bulk_after
        self._kind, self._fields = kind, fields
        self._limit = soql.PAGE

    def run(self, since: Cursor | None) -> Iterator[Page]:
        """The pages of this tick; one at least."""
        self._columns = self._reads.columns(self._kind, self._fields)  # also teaches us the vendor's clock
        self.position = Position.begin(self._reads.client.door.now()) if since is None else Position.load(since)
        stages = {ROWS: self._rows, ROLES: self._roles, LEADS: self._leads, BACKFILL: self._backfill}
        for stage in self.position.stages:
            yield from stages[stage]()

    def _rows(self) -> Iterator[Page]:
        for answer in self._scan(ROWS, self._kind, self._columns):
            yield self._page(self._reads.told(self._kind, answer, self._fields), ROWS)

    def _roles(self) -> Iterator[Page]:
        """Opportunities whose contact roles changed: that alone need not stamp the opportunity."""
        if has_relation(self._kind) and RELATION in self._fields:
            yield from self._pointed_at(ROLES, "OpportunityContactRole", "OpportunityId")

    def _leads(self) -> Iterator[Page]:
        """What leads were converted into: where it was there before, that need not stamp it."""
        if self._kind in HEIRS and PAST in self._fields:
            yield from self._pointed_at(LEADS, PAST_KIND, HEIRS[self._kind])

    def _pointed_at(self, lane: str, by: str, field: str) -> Iterator[Page]:
        """The records that changed ones of another kind point at.

        They are read again for as long as the overlap shows the change: nothing tells that an earlier read had seen it.
        """
        for answer in self._scan(lane, by, ("Id", field, STAMP, "IsDeleted")):
            touched = [ids.full(str(row.get(field))) for row in answer.rows]
            wanted = list(dict.fromkeys(one for one in touched if one))
            found = self._reads.read(self._kind, wanted, self._fields) if wanted else {}
            yield self._page(list(found.values()), lane)

    def _scan(self, lane: str, kind: str, columns: Sequence[str]) -> Iterator[Found]:
        """The pages of this lane's window, from where it was left, or of a new one; `position` moves along."""
        if lane not in self.position.windows:
            self.position = self.position.opened(lane, self._reads.client.door.now(), self._overlap)
        while lane in self.position.windows:
            window = self.position.windows[lane]
            answer, limit = self._asked(kind, columns, window.at, window.last)
            if answer.next is None and len(answer.rows) < limit:
                self.position = self.position.closed(lane)
            else:
                self.position = self.position.advanced(lane, *_beyond(kind, answer.rows, window.at, window.last))
            yield answer

    def _asked(self, kind: str, columns: Sequence[str], at: str, last: str | None) -> tuple[Found, int]:
        """A page of changes; half as many rows where Salesforce says that it is too much."""
        while True:
            limit = self._limit
            try:
                return self._reads.query(soql.since(kind, columns, at, last, limit), deleted=True), limit
            except SalesforceRefused as error:
                self._less(error)

    def _less(self, error: SalesforceRefused) -> None:
        if error.trouble.code not in TOO_BIG:
            raise Transient(f"The changes of {self._kind} cannot be read. {error}") from error
        if self._limit <= _SMALLEST:
            raise Transient(f"Salesforce finds even {self._limit} {self._kind} too many at once. {error}") from error
        self._limit //= 2

    def _backfill(self) -> Iterator[Page]:
        """Pages of the first reading. Waits some seconds for a bulk query that is not done."""
        for _ in range(self._timing.backfill_pages):
            if self.position.over:
                return
            if not self._wants_bulk():
                yield self._next_listed()
                continue
            try:
                piece = self._next_of_bulk()
            except NoJob:
                self.position = replace(self.position.without_job(), bulk=False)
                continue
            if piece is None:
                yield self._page([], BACKFILL)
                return
            yield from self._parts(piece)

    def _wants_bulk(self) -> bool:
        """Whether the rest is read by a bulk query: one is on its way, or many were listed and there are more."""
        return self.position.bulk and (self.position.job is not None or self.position.listed >= self._bulk_after)

    def _next_of_bulk(self) -> Piece | None:
        """A part; None where none is there yet. A job that was just begun is remembered before it is asked for."""
        bulk, position = Bulk(self._reads, self._kind, self._columns), self.position
        if position.job is None:
            self.position = replace(position, job=bulk.begin(position.after))
            return None
        if position.began is not None:
            return bulk.part(position.job, position.locator, moment_of(position.began))
        piece = bulk.first(position.job)
        if piece is None:
            time.sleep(_PAUSE)
        return piece

    def _parts(self, piece: Piece) -> Iterator[Page]:
        """A part in pages; the place behind it goes with the last one, so that a kill has the whole part read again."""
        for start in range(0, max(1, len(piece.rows)), self._limit):
            # A record is told as it was when the query ran.
            found = Found(rows=piece.rows[start : start + self._limit], next=None, sent_at=piece.began)
            shown = self._reads.told(self._kind, found, self._fields)
            if start + self._limit >= len(piece.rows):
                self.position = replace(self.position, locator=piece.locator, began=text(piece.began))
                if piece.locator is None:
                    self.position = replace(self.position.without_job(), over=True)
            yield self._page(shown, BACKFILL)

    def _next_listed(self) -> Page:
        answer = self._listed()
        over = answer.next is None and len(answer.rows) < self._limit
        last = row_id(answer.rows[-1]) if answer.rows else None
        if not over and (last is None or last == self.position.after):
            raise _stuck(self._kind)
        listed = self.position.listed + len(answer.rows)
        self.position = replace(self.position, after=last or self.position.after, listed=listed, over=over)
        return self._page(self._reads.told(self._kind, answer, self._fields), BACKFILL)

    def _listed(self) -> Found:
        while True:
            text_ = soql.listing(self._kind, self._columns, self.position.after, self._limit)
            try:
                return self._reads.query(text_)
            except SalesforceRefused as error:
                self._less(error)

    def _page(self, records: Sequence[Record | Gone], stage: str) -> Page:
        position = self.position = self.position.after_page(stage)
        return Page(
            records=records,
            cursor=position.cursor(),
            read_to=position.read_to(self._overlap),
            backfilled=position.done,
            due=not position.done,
        )


def _beyond(kind: str, rows: Sequence[Row], at: str, last: str | None) -> tuple[str, str]:
    """Where the next page begins. Transient where it would be the same page for ever."""
    stamp = moment(rows[-1].get(STAMP)) if rows else None
    if stamp is None or (text(stamp), row_id(rows[-1])) == (at, last):
        raise _stuck(kind)
    return text(stamp), row_id(rows[-1])


def _stuck(kind: str) -> Transient:
    return Transient(f"Salesforce's list of {kind} does not move on.")
