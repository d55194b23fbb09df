"""One tick of a HubSpot feed: the fast lane, the settled lane, the bin of archived records, some backfill pages.

Search is the only read by time that HubSpot has, over an index that lags and disorders; so a window of time is frozen
and walked by record id (never by `after`, an offset into a set that moves), hits are taken as ids only, and values come
from the primary store. The fast lane runs up to now; the settled lane repeats everything `timing.settle` later.

Known limits: a changed association does not touch the modified time, so a deal whose contacts changed is seen with its
next change or by the audit; so is a record erased for privacy, which no list tells of, and a restored one, should its
restoring not touch its time.

What is not here: what the cursor holds (`position`), and how records are read (`reads`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from syncd.core.model import Gone, Record, Ref
from syncd.errors import Transient
from syncd.kit.connector import Cursor, Known, Page, Seen, Timing
from syncd_hubspot.client import SEARCH_LIMIT, Answered, Row
from syncd_hubspot.position import BACKFILL, BIN, FAST, SETTLED, Bin, Position, Window, span
from syncd_hubspot.reads import Reads, inline_contacts, with_contacts
from syncd_hubspot.schema import RELATION, RELATION_KIND, has_relation, modified_property
from syncd_hubspot.values import millis, moment, stamp

TICK = timedelta(milliseconds=1)
"""The grain of HubSpot's modified times."""

_LONGEST_QUERY = 6_000
_SEEN_PAGES = 20


class Tick:
    """One pass over one feed. `position` moves with every page; each page carries the cursor that is safe with it."""

    def __init__(self, reads: Reads, timing: Timing, kind: str, fields: Sequence[str], known: Known) -> None:
        """Take what is read, and how to ask the engine what it holds. Asks the vendor nothing yet."""
        self._reads, self._client, self._timing = reads, reads.client, timing
        self._kind, self._fields, self._known = kind, fields, known

    def run(self, since: Cursor | None) -> Iterator[Page]:
        """The pages of this tick; one at least."""
        self._properties = self._reads.properties(self._kind, self._fields)  # also teaches us the vendor's clock
        self.position = Position.begin(self._now(), self._timing) if since is None else Position.load(since)
        stages = {FAST: self._fast, SETTLED: self._settled, BIN: self._bin, BACKFILL: self._backfill}
        for stage in self.position.stages:
            yield from stages[stage]()

    def _fast(self) -> Iterator[Page]:
        if FAST in self.position.windows:
            yield from self._scan(FAST)
        self.position = self.position.opened(FAST, self._now(), span(self._timing.overlap))
        yield from self._scan(FAST)

    def _settled(self) -> Iterator[Page]:
        now = self._now()
        hi = now - span(self._timing.settle)
        due = now - self.position.settled_at >= span(self._timing.settle_every) and hi > self.position.settled
        if due and SETTLED not in self.position.windows:
            self.position = self.position.opened(SETTLED, hi, span(self._timing.overlap))
        if SETTLED in self.position.windows:
            yield from self._scan(SETTLED)

    def _scan(self, lane: str) -> Iterator[Page]:
        """Walk the lane's window by id to its end."""
        while lane in self.position.windows:
            window = self.position.windows[lane]
            answer = self._client.search(self._kind, window_body(self._kind, window))
            records = self._hydrated(answer.rows, lane)
            if _is_last(answer):
                self.position = self.position.closed(lane, self._now())
            else:
                self.position = self.position.advanced(lane, _next_id(answer.rows, window, self._kind))
            yield self._page(records, lane)

    def _hydrated(self, hits: Sequence[Row], lane: str) -> list[Record | Gone]:
        """What the hits are by now, except those held already in that very version, and those the backfill brings."""
        known = self._known([str(hit["id"]) for hit in hits]) if hits else {}
        news = [str(hit["id"]) for hit in hits if self._is_news(hit, known.get(str(hit["id"])), lane)]
        return list(self._reads.read(self._kind, news, self._fields).values()) if news else []

    def _is_news(self, hit: Row, seen: Seen | None, lane: str) -> bool:
        """Whether this hit is worth a read of its own.

        A version that the engine asked for before its clock tick had ended may hide another edit of that tick: the
        settled lane looks again, many at a time; the fast lane does not for each of our echoes. Nor does the fast lane
        read what the backfill is about to list: whoever hides from both is found by the settled lane.
        """
        properties = hit.get("properties") or {}
        modified = moment(properties.get(modified_property(self._kind))) or moment(hit.get("updatedAt"))
        if modified is None:
            return True
        if seen is None:
            listed = lane == FAST and not self.position.done and millis(modified) < self.position.t0
            return not listed
        if seen.version != stamp(modified):
            return True
        return lane == SETTLED and (seen.read_at is None or seen.read_at < modified + TICK)

    def _bin(self) -> Iterator[Page]:
        """What was archived since the bin was last read; all of it is listed, for it has no filter by time.

        A feed's first reading of the bin waits for the backfill, whose records it may name.
        """
        heap, now = self.position.bin, self._now()
        if heap.started is None:
            if not self.position.done or now - heap.at < span(self._timing.gone_every):
                return
            self._set_bin(replace(heap, at=now, started=now, after=None))
        pages = 0
        while self.position.bin.started is not None:
            gone = self._bin_page()
            pages += 1
            if gone or self.position.bin.started is None or pages % _SEEN_PAGES == 0:
                yield self._page(gone, BIN)

    def _bin_page(self) -> list[Record | Gone]:
        heap = self.position.bin
        names = [modified_property(self._kind)]
        answer = self._client.list(self._kind, properties=names, after=heap.after, archived=True)
        gone = self._news(answer, heap.since)
        over = answer.after is None
        self._set_bin(Bin(since=heap.started, at=heap.at) if over else replace(heap, after=answer.after))
        return gone

    def _news(self, answer: Answered, since: int | None) -> list[Record | Gone]:
        """The archived rows that are news; at a feed's first reading, those that the engine has a snapshot of."""
        rows = [row for row in answer.rows if _archived_after(row, since, self._timing)]
        if since is None and rows:
            known = self._known([str(row["id"]) for row in rows])
            rows = [row for row in rows if str(row["id"]) in known]
        return [Gone(ref=self._ref(row), tombstone=True, read_at=answer.sent_at) for row in rows]

    def _backfill(self) -> Iterator[Page]:
        for _ in range(self._timing.backfill_pages):
            if self.position.done:
                return
            records, after = self._listed()
            self.position = replace(self.position, after=after, done=after is None)
            yield self._page(records, BACKFILL)

    def _listed(self) -> tuple[Sequence[Record | Gone], str | None]:
        """One page of the primary store; when the names are too many for an address, its ids are read in a batch."""
        if len(",".join(self._properties)) > _LONGEST_QUERY:
            answer = self._client.list(self._kind, after=self.position.after)
            ids = [str(row["id"]) for row in answer.rows]
            return list(self._reads.read(self._kind, ids, self._fields).values()), answer.after
        related = has_relation(self._kind) and RELATION in self._fields
        answer = self._client.list(
            self._kind,
            properties=self._properties,
            after=self.position.after,
            associations=RELATION_KIND if related else None,
        )
        return self._rows(answer, related), answer.after

    def _rows(self, answer: Answered, related: bool) -> list[Record]:
        records = [self._reads.record(self._kind, row, self._fields, answer.sent_at) for row in answer.rows]
        if not related:
            return records
        inline = {str(row["id"]): inline_contacts(row) for row in answer.rows}
        cut = [id_ for id_, (_, whole) in inline.items() if not whole]
        found = {id_: ids for id_, (ids, whole) in inline.items() if whole}
        return with_contacts(records, found | (self._reads.contacts(self._kind, cut) if cut else {}))

    def _page(self, records: Sequence[Record | Gone], stage: str) -> Page:
        position = self.position = self.position.after_page(stage)
        return Page(
            records=records,
            cursor=position.cursor(),
            read_to=position.read_to,
            backfilled=position.done,
            due=not position.done,
        )

    def _set_bin(self, heap: Bin) -> None:
        self.position = replace(self.position, bin=heap)

    def _ref(self, row: Row) -> Ref:
        return Ref(self._reads.system, self._kind, str(row["id"]))

    def _now(self) -> int:
        return millis(self._client.http.now())


def window_body(kind: str, window: Window) -> dict[str, Any]:
    """The search for the next records of a window, by id, ids and times only; never an `after`."""
    modified = modified_property(kind)
    filters = [
        {"propertyName": modified, "operator": "GTE", "value": str(window.lo)},
        {"propertyName": modified, "operator": "LT", "value": str(window.hi)},
        {"propertyName": "hs_object_id", "operator": "GT", "value": str(window.last)},
    ]
    return {
        "filterGroups": [{"filters": filters}],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["hs_object_id", modified],
        "limit": SEARCH_LIMIT,
    }


def _is_last(answer: Answered) -> bool:
    """Whether nothing lies beyond this page: it is empty, or short and HubSpot's own count says that this was all."""
    held = len(answer.rows)
    return held == 0 or (held < SEARCH_LIMIT and (answer.total is None or answer.total <= held))


def _next_id(hits: Sequence[Row], window: Window, kind: str) -> int:
    last = max((int(hit["id"]) for hit in hits), default=window.last)
    if last <= window.last:
        raise Transient(f"HubSpot's search of {kind} does not move on beyond the id {window.last}.")
    return last


def _archived_after(row: Row, since: int | None, timing: Timing) -> bool:
    when: datetime | None = moment(row.get("archivedAt"))
    return since is None or when is None or millis(when) >= since - span(timing.overlap)
