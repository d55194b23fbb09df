"""What every feed promises: nothing is missed, whatever the index, the clock, the network and people do.

What is not here: how a vendor is asked for changes.
"""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from syncd.core.model import Gone, Record, Value
from syncd.errors import AuthError, Transient
from syncd.kit.contract.bench import Bench, Contract, Memory, must, same


class FeedContract(Contract):
    """Tests of `Connector.changes`."""

    def test_a_first_reading_shows_every_record(self, bench: Bench, kind: str) -> None:
        """The backfill ends, and holds each record with the values of the primary store."""
        ids = bench.people_create(kind, range(30))
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        name, _ = next(iter(self.edit(kind, 0).items()))
        for n, rid in enumerate(ids):
            same(memory.value(rid, name), self.sample_fields(kind, n)[name], f"{kind} {rid}")

    def test_ticks_cut_short_miss_nothing(self, bench: Bench, kind: str) -> None:
        """Stopping after the first page, the second, ... and going on from the stored cursor reads everything."""
        ids = set(bench.people_create(kind, range(self.many)))
        bench.remote.settle()
        memory = bench.memory(kind)
        _in_short_ticks(memory)
        must(ids <= set(memory.held), f"{len(ids - set(memory.held))} of {len(ids)} records were never shown")

    def test_records_modified_in_one_moment_are_all_seen(self, bench: Bench, kind: str) -> None:
        """A bulk edit that stamps more than a page of records with one time is followed to its end, page by page."""
        ids = bench.people_create(kind, range(self.many))
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        bench.remote.advance(30)
        bench.remote.clock(freeze=True)
        edited = bench.people_edit(kind, {rid: n for n, rid in enumerate(ids)})
        bench.remote.clock(thaw=True)
        name = edited[0][0]

        def all_seen() -> bool:
            return all(memory.value(rid, name) == value for rid, (_, value) in zip(ids, edited, strict=True))

        must(bench.later(memory, all_seen), _missed(memory, ids, edited))

    def test_what_a_person_creates_and_edits_appears(self, bench: Bench, kind: str) -> None:
        """A record made and another edited after the first reading come through, although the index lags."""
        old = bench.person_creates(kind, 1)
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        bench.remote.advance(60)
        new = bench.person_creates(kind, 2)
        name, value = bench.person_edits(kind, old, 77)

        def both_seen() -> bool:
            return new in memory.held and memory.value(old, name) == value

        words = f"created: {memory.value(new, name)!r}, edited: {memory.value(old, name)!r}"
        must(bench.later(memory, both_seen), f"not seen within two hours ({words})")

    def test_edits_while_pages_are_read_are_not_missed(self, bench: Bench, kind: str) -> None:
        """Records edited between two pages, read already or not, end up with their last value."""
        ids = bench.people_create(kind, range(self.many))
        bench.remote.settle()
        memory = bench.memory(kind)
        wanted: dict[str, tuple[str, Value]] = {}
        turn = itertools.count()
        for _ in range(3):
            for page in bench.connector.changes(kind, memory.cursor, memory.fields, memory.known):
                memory.take(page)
                for at in (3, self.many // 2, self.many - 2):
                    number = next(turn)
                    rid = ids[(at + number) % self.many]
                    wanted[rid] = bench.person_edits(kind, rid, 1000 + number)

        def all_seen() -> bool:
            return all(memory.value(rid, name) == value for rid, (name, value) in wanted.items())

        must(bench.later(memory, all_seen), _missed(memory, list(wanted), list(wanted.values())))

    def test_the_horizon_is_honest(self, bench: Bench, kind: str) -> None:
        """What happened before `read_to` has been shown by then; `read_to` is never in the future."""
        ids = bench.people_create(kind, range(5))
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        history: list[tuple[datetime, str, str, Value]] = []
        for turn in range(12):
            bench.remote.advance(7.0 * (turn + 1))
            rid = ids[turn % len(ids)]
            name, value = bench.person_edits(kind, rid, 200 + turn)
            history.append((_clock(bench), rid, name, value))
            # A little later the horizon could have passed the edit while the index still hides it.
            bench.remote.advance(1.5 * (turn % 4))
            memory.tick()
            _check_horizon(bench, memory, history)
        for _ in range(8):
            bench.remote.advance(900)
            memory.tick()
            _check_horizon(bench, memory, history)
        must(memory.read_to is not None, "the horizon never became known")
        must(memory.read_to >= history[-1][0], "two hours later the horizon had not passed the last edit")

    def test_an_archived_record_is_told(self, bench: Bench, kind: str) -> None:
        """Where tombstones are declared the feed tells of an archived record by itself; a read tells it everywhere."""
        kept, lost = bench.person_creates(kind, 1), bench.person_creates(kind, 2)
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        bench.remote.advance(60)
        bench.remote.act("archive", kind, id=lost)
        must(isinstance(bench.connector.read(kind, [lost], [])[lost], Gone), "a read must say Gone")
        if bench.connector.capabilities.tombstones:
            must(
                bench.later(memory, lambda: isinstance(memory.held[lost], Gone)), "the feed never told of the tombstone"
            )
        must(isinstance(memory.held[kept], Record), "the other record must stay")

    @pytest.mark.parametrize("fault", ["truncate", "html", "reset", "lost", "429-retry-after", "502", "503"])
    def test_one_spoiled_answer_is_asked_again(self, bench: Bench, kind: str, fault: str) -> None:
        """A broken answer amid a tick is neither an empty page nor the end of the feed."""
        ids = set(bench.people_create(kind, range(8)))
        bench.remote.settle()
        memory = bench.memory(kind)
        bench.remote.faults({"fault": fault, "times": 1, "after": 1}, {"fault": fault, "times": 1})
        for _ in range(10):
            try:
                memory.tick()
            except Transient:
                continue
            if memory.backfilled:
                break
        must(ids <= set(memory.held), f"{len(ids - set(memory.held))} records lost behind a {fault}")

    @pytest.mark.parametrize("fault", ["truncate", "html", "503"])
    def test_a_vendor_that_is_down_moves_no_cursor(self, bench: Bench, kind: str, fault: str) -> None:
        """While every answer is spoiled a tick raises Transient and shows nothing; then the edit comes through."""
        rid = bench.person_creates(kind, 1)
        bench.remote.settle()
        with bench.hasty() as hasty:
            memory = hasty.memory(kind)
            memory.fill()
            bench.remote.advance(3600)
            name, value = bench.person_edits(kind, rid, 5)
            bench.remote.settle()
            bench.remote.advance(3600)
            before = memory.cursor
            bench.remote.faults({"fault": fault})
            with pytest.raises(Transient):
                memory.tick()
            same(memory.cursor, before, "the cursor after a failed tick")
            bench.remote.faults()
            must(
                hasty.later(memory, lambda: memory.value(rid, name) == value), "the edit was lost with the failed page"
            )

    def test_a_refused_key_stops_the_feed(self, bench: Bench, kind: str) -> None:
        """401 is for the operator: AuthError, at once."""
        bench.person_creates(kind, 1)
        bench.remote.faults({"fault": "401"})
        with pytest.raises(AuthError):
            bench.memory(kind).tick()

    def test_a_quiet_tick_costs_little(self, bench: Bench, kind: str) -> None:
        """When nothing happens a tick is a handful of requests and shows nothing, however many records there are."""
        bench.people_create(kind, range(self.many))
        bench.remote.settle()
        memory = bench.memory(kind)
        memory.fill()
        for _ in range(3):
            bench.remote.advance(7200)
            memory.tick()
        bench.remote.advance(30)
        mark = bench.remote.mark()
        shown = [one for page in memory.tick() for one in page.records]
        same(shown, [], "shown in a quiet tick")
        requests = bench.remote.requests(mark)
        must(len(requests) <= 4, f"a quiet tick cost {len(requests)} requests")

    def test_the_vendors_clock_is_followed(self, bench: Bench, kind: str) -> None:
        """`now()` is the clock that the vendor's answers carry, not this machine's."""
        bench.remote.advance(86_400)
        bench.memory(kind).tick()
        followed = bench.connector.now()
        gap = _clock(bench) - followed
        must(timedelta(0) <= gap < timedelta(seconds=3), f"the connector is {gap} behind the vendor's clock")


def _in_short_ticks(memory: Memory) -> None:
    """The first reading in ticks of one to five pages: deltas come first in each, so shorter ones may not move on."""
    for turn in range(500):
        pages = memory.tick(pages=1 + turn % 5)
        if memory.backfilled and not (pages and pages[-1].due):
            return
    raise AssertionError("in short ticks, the first reading never ended")


def _check_horizon(bench: Bench, memory: Memory, history: list[tuple[datetime, str, str, Value]]) -> None:
    """Each record holds the last value from before the horizon, or one that came after it."""
    if memory.read_to is None:
        return
    must(memory.read_to <= _clock(bench), "read_to lies in the future")
    for rid in {rid for _, rid, _, _ in history}:
        edits = [(at, name, value) for at, of, name, value in history if of == rid]
        before = [n for n, (at, _, _) in enumerate(edits) if at <= memory.read_to]
        if before:
            allowed = [value for _, _, value in edits[before[-1] :]]
            held = memory.value(rid, edits[0][1])
            must(held in allowed, f"{rid} holds {held!r}, but {allowed[0]!r} lies before the horizon {memory.read_to}")


def _clock(bench: Bench) -> datetime:
    return datetime.fromisoformat(bench.remote.clock()["now"])


def _missed(memory: Memory, ids: list[str], edited: list[tuple[str, Value]]) -> str:
    """What is held instead of what people typed, the first three."""
    pairs = [(rid, memory.value(rid, name), value) for rid, (name, value) in zip(ids, edited, strict=True)]
    wrong = [f"{rid} holds {held!r} for {value!r}" for rid, held, value in pairs if held != value]
    return f"{len(wrong)} of {len(ids)} edits were missed: {'; '.join(wrong[:3])}"
