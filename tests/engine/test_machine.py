"""Towns in which everything happens at once, drawn by Hypothesis; at the end the laws must hold.

What is not here: the laws (`laws`), and one scenario per rule (`test_rules`).
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from syncd.core.model import Side, Value
from tests.engine import doings
from tests.engine.town import SCHEMAS, Plot, Town, build
from tests.engine.vendor import Traits

LONG = os.environ.get("SYNCD_LONG") == "1"

EMAILS = ("ann@x.example", "Bob@X.example", "cy@x.example", "dee@x.example", None)
WORDS = ("Roof", "Roof east side", "roof", "gutter work and more", "Ann", None)
TAGS = ("vip", "cold", "warm", None)
STAGES = ("won", "open", None)
NUMBERS = (1, 2.5, 300, None)

small = st.integers(0, 30)
soon = st.integers(1, 60)
flag = st.booleans()
feeds = st.sampled_from(doings.FEEDS)
fields = st.sampled_from(
    ("name", "city", "note", "phone", "email", "tag", "title", "text", "amount", "stage", "contact")
)

left_traits = st.builds(
    Traits, sync_key=flag, maker=flag, free_compare=flag, batch=st.sampled_from((1, 2, 10)), reads=flag, whole=flag,
    tick=st.sampled_from((timedelta(milliseconds=1), timedelta(seconds=1))), bump=flag, find_lag=flag,
    skew=st.sampled_from((timedelta(0), timedelta(seconds=7), timedelta(seconds=-4))),
)  # fmt: skip
right_traits = st.builds(
    Traits, sync_key=flag, maker=flag, free_compare=flag, batch=st.sampled_from((1, 2, 10)), reads=flag, whole=flag,
    tick=st.sampled_from((timedelta(milliseconds=1), timedelta(seconds=1))), bump=flag, find_by_feed=flag,
    unique=st.sampled_from(({}, {"jobs": ("name",)})), skew=st.just(timedelta(seconds=2)),
)  # fmt: skip
policies = st.sampled_from(("archive", "archive", "flag", "unlink", "ignore"))
plots = st.builds(
    Plot, left=left_traits, right=right_traits, first_link=st.sampled_from(("left", "right", "newest", "ask")),
    drift=st.sampled_from(("keep", "restore", "ask")), batch=st.sampled_from((1, 3, 50)), seed=small,
)  # fmt: skip


def named(plot: Plot) -> Plot:
    """The plot, with names that may be made unique where they must be."""
    return replace(plot, right=replace(plot.right, names=plot.right.unique))


def value_for(name: str, number: int) -> Value:
    """A value that a person may type into a field."""
    pools: dict[str, tuple[Value, ...]] = {
        "email": EMAILS,
        "tag": TAGS,
        "stage": STAGES,
        "amount": NUMBERS,
        "total": NUMBERS,
    }
    pool = pools.get(name, WORDS)
    return pool[number % len(pool)]


class Machine(RuleBasedStateMachine):
    """One town, its people, its troubles."""

    town: Town
    database = "sqlite"

    def __init__(self) -> None:
        super().__init__()
        self.paused: list[tuple[str, str, str]] = []

    @initialize(plot=plots)
    def begin(self, plot: Plot) -> None:
        """A town is founded."""
        self.town = build(named(plot), self.database)

    @rule(feed=feeds, email=small, word=small, more=small)
    def make(self, feed: tuple[str, str], email: int, word: int, more: int) -> None:
        """A person makes a record."""
        vendor, kind = feed
        values = {
            name: value_for(name, email if name == "email" else word if name in ("name", "title") else more)
            for name in SCHEMAS[vendor][kind].fields
            if name not in ("serial", "key", "contact", "primary") and (more + len(name)) % 3
        }
        parent = {"deals": "contact", "jobs": "primary"}.get(kind)
        people = list(self.town.vendors[vendor].rows.get("contacts", {}))
        if parent and people and more % 4:
            values[parent] = people[more % len(people)]
        doings.make(self.town, vendor, kind, values)

    @rule(number=small, name=fields, value=small)
    def edit(self, number: int, name: str, value: int) -> None:
        """A person changes one field of one record."""
        found = self._found(number, name)
        if found is not None:
            vendor, kind, id_, name = found
            doings.edit(self.town, vendor, kind, id_, {name: self._value(vendor, name, value)})

    @rule(number=small, name=fields, value=small, points=soon)
    def edit_soon(self, number: int, name: str, value: int, points: int) -> None:
        """A person will change a field in the middle of our work."""
        found = self._found(number, name)
        if found is not None:
            vendor, kind, id_, name = found
            doings.edit_soon(self.town, points, vendor, kind, id_, {name: self._value(vendor, name, value)})

    @rule(number=small, name=fields, one=small, other=small)
    def edit_both(self, number: int, name: str, one: int, other: int) -> None:
        """People change one field on both sides."""
        with self.town.store.read() as tx:
            links = [(m, link) for m in self.town.maps for link in tx.links.all(m.key)]
        if not links:
            return
        m, link = links[number % len(links)]
        for each in m.rules:
            if each.left == name and each.right is not None and name != "contact":
                doings.edit(self.town, "crm", m.left.kind, link.left_id, {name: value_for(name, one)})
                doings.edit(self.town, "con", m.right.kind, link.right_id, {each.right: value_for(each.right, other)})

    def _found(self, number: int, name: str) -> tuple[str, str, str, str] | None:
        spots = [
            (vendor.name, kind, id_, each)
            for vendor in self.town.vendors.values()
            for kind, rows in vendor.rows.items()
            for id_ in rows
            for each in {name, {"title": "name", "amount": "total", "contact": "primary"}.get(name, name)}
            if each in vendor.schemas[kind].fields
        ]
        return spots[number % len(spots)] if spots else None

    def _value(self, vendor: str, name: str, number: int) -> Value:
        if name in ("contact", "primary"):
            people = [None, *self.town.vendors[vendor].rows.get("contacts", {})]
            return people[number % len(people)]
        return value_for(name, number)

    @rule(feed=feeds)
    def tick(self, feed: tuple[str, str]) -> None:
        """One feed is read."""
        doings.read_feed(self.town, *feed)

    @rule()
    def run(self) -> None:
        """A run."""
        doings.run(self.town)

    @rule(wait=st.sampled_from((0, 1, 30, 400)))
    def cycle(self, wait: float) -> None:
        """All feeds, a run, and time passes."""
        doings.cycle(self.town, wait=wait)

    @rule(seconds=st.sampled_from((0.3, 2, 25, 70, 400)))
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.town.stage.now += timedelta(seconds=seconds)

    @rule(points=soon)
    def crash_soon(self, points: int) -> None:
        """The process will be killed."""
        self.town.stage.crash_in(points)

    @rule(points=soon, pause=st.sampled_from((0, 61, 100)))
    def rival_soon(self, points: int, pause: int) -> None:
        """Another worker comes in between, even after the lease; a pause longer than a write may land is nobody's."""
        doings.rival_soon(self.town, points, timedelta(seconds=pause))

    @rule(
        vendor=st.sampled_from(("crm", "con")),
        fault=st.sampled_from(
            (("write", "lost"), ("write", "unapplied"), ("write", "late"), ("write", "later"), ("write", "transient"),
             ("find", "transient"), ("read", "transient"), ("changes", "transient"))
        ),
    )  # fmt: skip
    def fault(self, vendor: str, fault: tuple[str, str]) -> None:
        """A call will fail."""
        self.town.vendors[vendor].faults.append(fault)

    @rule(number=small, points=st.integers(0, 40))
    def pause(self, number: int, points: int) -> None:
        """A person wants a record left alone, now or in the middle of our work."""
        ones = [
            (v.name, kind, id_) for v in self.town.vendors.values() for kind, rows in v.rows.items() for id_ in rows
        ]
        if ones:
            self.paused.append(ones[number % len(ones)])
            if points:
                doings.pause_soon(self.town, points, *self.paused[-1])
            else:
                doings.pause(self.town, *self.paused[-1])

    @rule(number=small)
    def resume(self, number: int) -> None:
        """A person has one go on."""
        if self.paused:
            doings.resume(self.town, *self.paused[number % len(self.paused)])

    @rule(number=small, side=st.sampled_from(("left", "right")))
    def decide(self, number: int, side: str) -> None:
        """A person answers a question."""
        doings.decide(self.town, number, side)

    def teardown(self) -> None:
        """Everything comes to rest, and the laws are held."""
        if not hasattr(self, "town"):
            return
        self.town.stage.calm()
        try:
            for one in self.paused:
                doings.resume(self.town, *one)
            doings.judge(self.town)
        finally:
            self.town.close()


TestMachine = pytest.mark.timeout(0 if LONG else 400)(Machine.TestCase)
TestMachine.settings = settings(
    max_examples=2000 if LONG else 24,
    stateful_step_count=60 if LONG else 25,
    deadline=None,
    derandomize=not LONG,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


class Leaving(Machine):
    """A town in which people also delete records, bring them back, and merge them, before, after and amid our work."""

    @initialize(plot=plots, policy=policies, left=flag, right=flag)
    def begin(self, plot: Plot, policy: str, left: bool, right: bool) -> None:
        """A town with three pairs of people; `left`, `right`: whether that vendor tells of deletions."""
        plot = named(plot)
        traits = {"left": replace(plot.left, tombstones=left), "right": replace(plot.right, tombstones=right)}
        self.town = build(replace(plot, delete=policy, **traits), self.database)
        for number in range(3):
            doings.make(self.town, "crm", "contacts", {"email": f"first{number}@x.example", "name": f"First {number}"})
        for _ in range(4):
            doings.cycle(self.town)

    @rule(number=small)
    def delete(self, number: int) -> None:
        """A person deletes a record."""
        if (found := self._one(number)) is not None:
            doings.delete(self.town, *found)

    @rule(number=small, points=soon)
    def delete_soon(self, number: int, points: int) -> None:
        """A person will delete a record in the middle of our work."""
        if (found := self._one(number)) is not None:
            doings.delete_soon(self.town, points, *found)

    @rule(number=small)
    def restore(self, number: int) -> None:
        """A person brings back what somebody deleted, or what we archived."""
        graves = [
            (vendor.name, kind, id_)
            for vendor in self.town.vendors.values()
            for kind, buried in vendor.graves.items()
            for id_ in buried
        ]
        if graves:
            doings.restore(self.town, *graves[number % len(graves)])

    @rule(number=small, other=small)
    def merge(self, number: int, other: int) -> None:
        """A person merges two records of one kind."""
        if (found := self._one(number)) is not None:
            vendor, kind, id_ = found
            others = [each for each in self.town.vendors[vendor].rows[kind] if each != id_]
            if others:
                doings.merge(self.town, vendor, kind, id_, others[other % len(others)])

    def _one(self, number: int) -> tuple[str, str, str] | None:
        """A record that is there; two out of three times a linked one, if there is any."""
        records = [
            (vendor.name, kind, id_)
            for vendor in self.town.vendors.values()
            for kind, rows in vendor.rows.items()
            for id_ in rows
        ]
        with self.town.store.read() as tx:
            linked = {
                (m.end(side).system, m.end(side).kind, link.id_on(side))
                for m in self.town.maps for link in tx.links.all(m.key) for side in Side
            }  # fmt: skip
        if number % 3:
            records = [one for one in records if one in linked] or records
        return records[number % len(records)] if records else None


TestLeaving = pytest.mark.timeout(0 if LONG else 400)(Leaving.TestCase)
TestLeaving.settings = settings(TestMachine.settings, max_examples=2000 if LONG else 10)


class Audited(Machine):
    """The same town, audited in between. Apart from the others: the audit would mend what a broken engine loses."""

    @rule()
    def audit(self) -> None:
        """Both sides are compared with each other, and what has no known reason is marked."""
        doings.guarded(self.town, lambda: doings.audit(self.town, heal=True))


TestAudited = pytest.mark.timeout(0 if LONG else 400)(Audited.TestCase)
TestAudited.settings = settings(TestMachine.settings, max_examples=500 if LONG else 10)


class OnPostgresql(Machine):
    """The same town on a real PostgreSQL, for a short while: what differs is the store, and the store has its tests."""

    database = "postgresql"


TestOnPostgresql = pytest.mark.timeout(0 if LONG else 400)(OnPostgresql.TestCase)
TestOnPostgresql.settings = settings(
    max_examples=200 if LONG else 4,
    stateful_step_count=60 if LONG else 20,
    deadline=None,
    derandomize=not LONG,
    database=None,
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)
