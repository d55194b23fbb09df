"""Reading where workers run side by side: the next page is under way while one is stored, feeds do not wait in line.

What is not here: what a tick does with a page (`test_rules`), and its crashes (`test_machine`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.engine import intake
from syncd.engine.intake import tick
from syncd.engine.run import poll
from syncd.engine.world import World
from syncd.errors import AuthError, Transient
from syncd.kit.connector import Cursor, Known, Page
from syncd.service import passes
from syncd.store.store import Store
from tests.engine.doings import make
from tests.engine.test_rules import town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Traits

SOON = 10.0
"""Seconds after which a thread that should have come is missing."""

PEOPLE = 7


class Told(MemoryConnector):
    """A memory connector that does something each time before it makes a page, with the pages that it made by then."""

    def __init__(self, inner: MemoryConnector, before: Callable[[Sequence[Page], Known], None]) -> None:
        super().__init__(inner.vendor)
        self.before = before

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        pages, made = super().changes(kind, since, fields, known), list[Page]()
        while True:
            self.before(made, known)
            if (page := next(pages, None)) is None:
                return
            made.append(page)
            yield page


def reading(town: Town, **before: Callable[[Sequence[Page], Known], None]) -> World:
    """The town's world, reading ahead, on a store without staged crashes; what is done before a page, by vendor."""
    connectors = {
        name: Told(connector, before.get(name, lambda made, known: None))
        for name, connector in town.world.connectors.items()
        if isinstance(connector, MemoryConnector)
    }
    return replace(town.world, store=Store(town.store.url), connectors=connectors, side_by_side=True)


@pytest.fixture
def town() -> Iterator[Town]:
    """Seven contacts in the list of the left, which shows three a page; nothing is read."""
    with town_of(left=Traits(lag=timedelta(milliseconds=10))) as made:
        for number in range(PEOPLE):
            make(made, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"A{number}"})
        made.stage.now += timedelta(seconds=60)
        yield made


def held(world: World) -> int:
    """How many contacts of the left are stored."""
    with world.store.read() as tx:
        return len(tx.snapshots.seen("crm", "contacts", [f"c{number}" for number in range(1, PEOPLE + 1)]))


def read_whole(world: World) -> None:
    """Tick after tick, until the first reading is over."""
    while tick(world, "crm", "contacts").due:
        pass


def test_the_next_page_is_asked_for_while_one_is_stored(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the vendor takes to answer and what the store takes to write are not added up."""
    asked, stored, kept = threading.Semaphore(0), list[bool](), intake._store

    def store(*given: Any) -> int | None:
        stored.append(asked.acquire(timeout=SOON))
        return kept(*given)

    monkeypatch.setattr(intake, "_store", store)
    world = reading(town, crm=lambda made, known: asked.release() if made else None)
    read_whole(world)
    assert len(stored) > 3
    assert all(stored)
    assert held(world) == PEOPLE
    world.store.close()


def test_a_feed_knows_what_it_handed_out_while_that_is_being_stored(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the engine holds is asked for only when the page before is stored."""
    kept, missing = intake._store, list[str]()

    def store(*given: Any) -> int | None:
        time.sleep(0.05)
        return kept(*given)

    def look(made: Sequence[Page], known: Known) -> None:
        ids = [record.ref.id for page in made for record in page.records]
        missing.extend(set(ids) - set(known(ids)))

    monkeypatch.setattr(intake, "_store", store)
    world = reading(town, crm=look)
    read_whole(world)
    assert held(world) == PEOPLE
    assert missing == []
    world.store.close()


def test_a_page_that_cannot_be_stored_leaves_no_thread_and_no_lease(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store's trouble is told, and the next tick begins where the last page was stored."""
    kept, threads = intake._store, threading.active_count()

    def store(*given: Any) -> int | None:
        raise Transient("the disk is full")

    world = reading(town)
    monkeypatch.setattr(intake, "_store", store)
    with pytest.raises(Transient, match="the disk is full") as trouble:
        tick(world, "crm", "contacts")
    assert trouble.traceback
    assert threading.active_count() == threads
    monkeypatch.setattr(intake, "_store", kept)
    assert not tick(world, "crm", "contacts").busy
    read_whole(world)
    assert held(world) == PEOPLE
    world.store.close()


def test_trouble_with_a_page_comes_after_the_page_before_was_stored(town: Town) -> None:
    """What was read is not lost with what could not be read."""

    def fail(made: Sequence[Page], known: Known) -> None:
        if len(made) == 2:
            raise Transient("crm is away", retry_after=5)

    world = reading(town, crm=fail)
    with pytest.raises(Transient, match="crm is away"):
        read_whole(world)
    assert held(world) == 3
    world.store.close()


def test_the_feeds_of_a_pair_are_read_side_by_side(town: Town) -> None:
    """Nobody waits for the other vendor's answers."""
    meeting, met = threading.Barrier(2), list[str]()

    def meet(name: str) -> Callable[[Sequence[Page], Known], None]:
        def wait(made: Sequence[Page], known: Known) -> None:
            if not made and name not in met:
                met.append(name)
                meeting.wait(SOON)

        return wait

    world = reading(town, crm=meet("crm"), con=meet("con"))
    pair = replace(world.pairs[0], maps=world.pairs[0].maps[:1])
    assert [(one.system, one.kind) for one in poll(world, pair)] == [("crm", "contacts"), ("con", "contacts")]
    world.store.close()


def test_a_feed_of_many_ticks_does_not_wait_for_the_others(town: Town) -> None:
    """A first reading takes many ticks: each feed goes on at its own pace."""
    end = time.monotonic() + SOON

    def linger(made: Sequence[Page], known: Known) -> None:
        while held(world) < PEOPLE and time.monotonic() < end:
            time.sleep(0.01)

    world = reading(town, con=linger)
    passes.plan(world, [replace(world.pairs[0], maps=world.pairs[0].maps[:1])], lambda _: None)
    assert held(world) == PEOPLE
    assert time.monotonic() < end
    world.store.close()


def test_a_refused_key_ends_the_others_with_the_page_that_they_are_at(town: Town) -> None:
    """Who has to be told is told at once, and nothing is half stored."""
    refused = threading.Event()

    def refuse(made: Sequence[Page], known: Known) -> None:
        refused.set()
        raise AuthError("key refused")

    def wait(made: Sequence[Page], known: Known) -> None:
        refused.wait(SOON)
        time.sleep(0.2)

    world = reading(town, con=refuse, crm=wait)
    pair = replace(world.pairs[0], maps=world.pairs[0].maps[:1])
    with pytest.raises(AuthError, match="key refused"):
        poll(world, pair)
    assert held(world) <= 3
    world.store.close()


def test_no_page_is_asked_for_after_a_stop(town: Town) -> None:
    """Told to stop while a page is under way, it is stored, and no call is begun."""
    stop, asked = threading.Event(), list[bool]()

    def note(made: Sequence[Page], known: Known) -> None:
        asked.append(stop.is_set())
        if len(made) == 1:
            stop.set()

    world = replace(reading(town, crm=note), stopping=stop.is_set)
    tick(world, "crm", "contacts")
    assert asked == [False, False]
    world.store.close()
