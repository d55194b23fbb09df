"""Each side's marks have a worker of their own: what the two must not do to each other, and how they end.

What is not here: rivals in other processes (`test_machine`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from syncd.core.model import Gone, MatchKey, Operation, Outcome, Record, Side, SyncKey
from syncd.engine.base import knowing
from syncd.engine.intake import tick
from syncd.engine.item import Item
from syncd.engine.run import work
from syncd.engine.worker import Worker
from syncd.engine.world import World
from syncd.errors import AuthError, Transient
from syncd.store.marks import PLANNED
from syncd.store.store import Store
from syncd.store.tables import marks
from tests.engine.doings import FEEDS, edit, judge, make, read_feed, rest, run
from tests.engine.test_rules import rows, town_of, with_mode
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector, Traits

QUICK = Traits(lag=timedelta(milliseconds=10))
NAMED = Traits(unique={"jobs": ("name",)}, names={"jobs": ("name",)})


class Locked(MemoryConnector):
    """A memory connector that several threads may use; `fails` raises instead of answering a verb."""

    lock = threading.RLock()

    def __init__(self, inner: MemoryConnector, **fails: Exception) -> None:
        super().__init__(inner.vendor)
        self.fails = fails
        self.written: list[float] = []

    def _guard(self, verb: str) -> None:
        if verb in self.fails:
            raise self.fails[verb]

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        self._guard("read")
        with self.lock:
            return super().read(kind, ids, fields)

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        self._guard("find")
        with self.lock:
            return super().find(kind, keys, fields)

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        self._guard("write")
        self.written.append(time.monotonic())
        with self.lock:
            found = list(super().write(kind, operations))
        time.sleep(0.2)
        yield from found


def threaded(town: Town, **fails: Mapping[str, Exception]) -> World:
    """The town's world with a worker per side, on a store without staged crashes; `fails` by vendor and verb."""
    connectors = {
        name: Locked(connector, **fails.get(name, {}))
        for name, connector in town.world.connectors.items()
        if isinstance(connector, MemoryConnector)
    }
    return replace(town.world, store=Store(town.store.url), connectors=connectors, side_by_side=True)


def backlog(town: Town) -> None:
    """Six linked contacts, each edited on the right, and a new lead on the left; nothing is carried yet."""
    for number in range(6):
        make(town, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"A{number}"})
    judge(town)
    for row in rows(town, "con", "contacts"):
        edit(town, "con", "contacts", row.id, {"phone": f"9{row.id}"})
    make(town, "crm", "contacts", {"email": "lead@x.example", "name": "Lead"})
    town.stage.now += timedelta(seconds=60)
    for vendor in ("con", "crm"):
        read_feed(town, vendor, "contacts")


def links_of(town: Town) -> list[tuple[str, str]]:
    """The open links of the contacts."""
    with town.store.read() as tx:
        return [(link.left_id, link.right_id) for link in tx.links.all(town.maps[0].key)]


def test_a_record_in_flight_is_no_strangers_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the left's worker waits for a creation's answer, the right's does not link the new record with another."""
    with town_of(left=QUICK, right=QUICK, batch=1) as town:
        judge(town)
        first = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
        assert first is not None
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        answered: Callable[..., Outcome] = MemoryConnector._answered

        def late(self: MemoryConnector, kind: str, op: Operation, outcome: Outcome, sent: datetime) -> Outcome:
            if self.vendor.name == "con" and not town.stage.inside:
                town.stage.inside = True
                edit(town, "crm", "contacts", first.id, {"email": "bob@x.example"})
                make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann B", "tag": "cold"})
                town.stage.now += timedelta(seconds=5)
                rival = town.another()
                for system in ("crm", "con"):
                    tick(rival, system, "contacts")
                Worker(rival, town.maps[0], side=Side.RIGHT).step()
                town.stage.inside = False
            return answered(self, kind, op, outcome, sent)

        monkeypatch.setattr(MemoryConnector, "_answered", late)
        Worker(town.world, town.maps[0], side=Side.LEFT).step()
        assert links_of(town) == [(first.id, "c1")]


@pytest.mark.parametrize("right", [Traits(find_lag=True), Traits(sync_key=False)], ids=["key", "maker"])
def test_the_answer_of_an_open_creation_is_nobody_elses_twin(right: Traits) -> None:
    """A record that a creation without an answer made is not linked with another that has the same e-mail."""
    with town_of(right=right, batch=1) as town:
        judge(town)
        con = town.vendors["con"]
        first = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        con.faults.append(("write", "lost"))
        con.chance.random = lambda: 0.9  # the list lags as long as it may
        run(town)
        assert len(rows(town, "con", "contacts")) == 1
        second = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann B"})
        assert first is not None and second is not None
        town.stage.now += timedelta(seconds=25)
        for system in ("con", "crm"):
            read_feed(town, system, "contacts")
        with town.store.begin() as tx:
            later = town.stage.now + timedelta(seconds=90)
            tx.connection.execute(update(marks).where(marks.c.id == first.id).values(due_at=later))
        run(town)
        assert (second.id, "c1") not in links_of(town)


def test_trouble_of_one_side_ends_the_other_after_its_batch() -> None:
    """A vendor that is away does not wait for the other's backlog to be told of."""
    with town_of(batch=1) as town:
        backlog(town)
        world = threaded(town, con={"find": Transient("con is away", retry_after=5)})
        with pytest.raises(Transient):
            work(world, world.pairs[0])
        world.store.close()
        left: Any = world.connectors["crm"]
        assert len(left.written) <= 2


def test_a_refused_key_is_told_before_a_passing_trouble() -> None:
    """When both sides fail, the one that needs an operator is raised."""
    with town_of(batch=1) as town:
        backlog(town)
        world = threaded(
            town, con={"find": Transient("con is away", retry_after=5)}, crm={"write": AuthError("key refused")}
        )
        with pytest.raises(AuthError, match="key refused"):
            work(world, world.pairs[0])
        world.store.close()


def test_a_plan_shows_the_names_that_a_run_gives() -> None:
    """Two jobs of one name: the plan has the suffix that the run writes."""
    with town_of(right=NAMED) as town:
        judge(town)
        contact = make(town, "crm", "contacts", {"email": "a@x.example", "name": "A"})
        assert contact is not None
        for number in range(2):
            make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": contact.id, "text": f"t{number}"})
        town.stage.now += timedelta(seconds=60)
        for feed in FEEDS:
            read_feed(town, *feed)
        live = town.world
        town.world = with_mode(live, "plan")
        town.work()
        with town.store.read() as tx:
            plans = [mark.plan for mark in tx.marks.resting(PLANNED) if mark.map.endswith("deals-jobs")]
        planned = sorted(write["after"] for plan in plans for write in plan["writes"] if write["field"] == "name")
        town.world = live
        with town.store.begin() as tx:
            tx.marks.retry(None, town.stage.now, state=PLANNED, reread=False)
        rest(town)
        assert planned == sorted(str(row.fields["name"]) for row in rows(town, "con", "jobs"))
        assert len(set(planned)) == 2


def test_rereading_is_weighed_by_the_vendors_pace() -> None:
    """Of many records to be read one by one, a batch takes what fits into ten seconds of the vendor's limit."""
    with town_of(batch=500) as town:
        for number in range(40):
            make(town, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"A{number}"})
        judge(town)
        con = town.world.connectors["con"]
        assert isinstance(con, MemoryConnector)
        con._capabilities = replace(con.capabilities, pace=80 / 60, read_batch=1, write_batch=1)
        ids = [row.id for row in rows(town, "con", "contacts")]
        with town.store.begin() as tx:
            tx.marks.add(town.maps[0].key, Side.RIGHT, ids, town.stage.now, reread=True)
        town.vendors["con"].calls.clear()
        Worker(town.world, town.maps[0], side=Side.RIGHT).step()
        assert 0 < sum(count for verb, _, count in town.vendors["con"].calls if verb == "read") <= 14
        rest(town)


def test_what_is_written_back_is_weighed_by_the_vendors_pace() -> None:
    """Of many records to be written on the side that their marks are of, a batch takes its ten seconds' worth too."""
    with town_of(batch=500) as town:
        for number in range(30):
            make(town, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"A{number}"})
        judge(town)
        for system in ("crm", "con"):
            for row in rows(town, system, "contacts"):
                edit(town, system, "contacts", row.id, {"name": f"{system} {row.id}"})
        town.stage.now += timedelta(seconds=60)
        for feed in FEEDS:
            read_feed(town, *feed)
        con = town.world.connectors["con"]
        assert isinstance(con, MemoryConnector)
        con._capabilities = replace(con.capabilities, pace=80 / 60, write_batch=1)
        town.vendors["con"].calls.clear()
        Worker(town.world, town.maps[0], side=Side.RIGHT).step()
        assert 0 < sum(count for verb, _, count in town.vendors["con"].calls if verb == "write") <= 13
        rest(town)
        assert {row.fields["name"] for row in rows(town, "con", "contacts")} == {
            row.fields["name"] for row in rows(town, "crm", "contacts")
        }


@pytest.mark.parametrize("how", ["just linked", "written as well", "asked to be read"])
def test_whose_record_was_linked_by_the_other_worker_looks_again_unless_that_one_still_will(how: str) -> None:
    """A new link is planned yet, by who made it; what a write made of it is done, and news of before is looked at."""
    with town_of() as town:
        left = make(town, "crm", "contacts", {"email": "ann@x.example", "tag": "cold"})
        right = make(town, "con", "contacts", {"email": "ann@x.example"})
        assert left is not None and right is not None
        for _ in range(2):
            for feed in FEEDS:
                read_feed(town, *feed)
            town.stage.now += timedelta(seconds=60)
        m = town.maps[0]
        if how == "asked to be read":
            with town.store.begin() as tx:
                tx.marks.add(m.key, Side.RIGHT, [right.id], town.stage.now, reread=True)
        mine = Worker(town.world, m, side=Side.RIGHT)
        (unit,) = mine._claim()
        rules = [rule.identity for rule in m.rules]
        with town.store.begin() as tx:
            link = tx.links.make(m.key, left.id, right.id, town.stage.now)
            if how == "written as well":
                tx.links.save([knowing(link, rules)], rules)
        item = Item(m, unit, None, side=Side.RIGHT)
        mine._steps([item])
        assert item.rest is not None
        assert (item.rest.state, item.rest.cause) == (("done", "done") if how == "just linked" else ("due", "linked"))
