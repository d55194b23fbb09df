"""What is asked of the store in every cycle costs what changed, never the size of a table. Rule 22.

The database is asked for its own plans. What is not here: how fast anything is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import StatementError

from syncd.core.model import Record, Ref, Side
from syncd.store import asking, finding, handoffs, linked, resting
from syncd.store.feeds import FeedState
from syncd.store.marks import HELD, PARKED, PLANNED, WEIGHED
from syncd.store.parities import Parity
from syncd.store.snapshots import Snapshot, hashed
from syncd.store.store import Store, Tx
from syncd.store.tables import metadata
from tests import postgres
from tests.store.conftest import LATER, NOW

INTENT = {"run": 1, "map": "m", "side": "right", "action": "create", "link": 1, "record_id": "9", "source_id": "1",
          "fields": {}, "before": {}, "rules": {}, "version": None, "opened_at": NOW, "lands_by": LATER,
          "fence": 1}  # fmt: skip
LOST = {"map": "m", "link": 1, "rule": "r", "left_id": "1", "right_id": "9", "left_value": 1, "right_value": 2,
        "reason": "x", "at": NOW}  # fmt: skip


def _intake(tx: Tx) -> None:
    record = Record(ref=Ref("crm", "contacts", "1"), fields={}, created_at=NOW)
    tx.feeds.get("crm", "contacts")
    tx.snapshots.get("crm", "contacts", ["1"])
    tx.snapshots.seen("crm", "contacts", ["1"])
    tx.snapshots.put([Snapshot(record, {})])
    tx.snapshots.rekey("m", Side.LEFT, {"1": ["a"]})
    tx.marks.add("m", Side.LEFT, ["1", "2"], NOW)
    tx.feeds.move(FeedState("crm", "contacts"))


def _claim(tx: Tx) -> None:
    tx.runs.next_fence()
    for linked_only in (False, True):
        tx.marks.any_due("m", NOW, linked_only=linked_only)
    tx.marks.lead_due("m", NOW)
    tx.marks.due_count("m", NOW)
    tx.marks.maps_due(NOW)
    tx.plans.maps(WEIGHED)
    tx.marks.next_due(["m"])
    tx.marks.add("m", Side.LEFT, ["1"], NOW)
    units = tx.marks.claim("m", NOW, LATER, 1, limit=1)
    link = tx.links.make("m", "1", "9", NOW)
    tx.marks.take_along([(replace(unit, link=link), "9") for unit in units], NOW, LATER)
    tx.marks.claim("m", NOW, LATER, 1, limit=1, linked_only=True)
    tx.marks.claim("m", NOW, LATER, 1, limit=1, side=Side.LEFT, leads=True)


def _look(tx: Tx) -> None:
    for side in Side:
        tx.links.of("m", side, ["1"])
        tx.links.of("m", side, ["1"], state="closed")
        tx.links.ever("m", side, ["1"])
    tx.links.get([1])
    tx.snapshots.keyed("m", Side.LEFT, [hashed("a")])
    tx.snapshots.crowds("m", Side.LEFT, [hashed("a")], above=0)
    tx.snapshots.rekey("m", Side.LEFT, {"1": ["a"]})
    tx.snapshots.asking_near("m", {Side.LEFT: ["1"]}, most=9)
    tx.snapshots.rekey("m", Side.RIGHT, {"8": ["a"], "9": ["a"]})
    tx.snapshots.asking_near("m", {Side.LEFT: ["1"]}, most=1)
    tx.marks.retry("m", NOW, ids=["1"], causes=["question"])
    tx.marks.retry("m", NOW, state=PLANNED, ids=["1"])
    tx.marks.asking("m")
    tx.runs.known(["a"])
    tx.aliases.resolve("crm", "contacts", ["1"])
    for side in Side:
        tx.refusals.of("m", side, ["1"])
    tx.conflicts.open_of([1])
    tx.conflicts.orders([1])
    tx.conflicts.standing([1])
    tx.conflicts.kept_of([1])
    tx.journal.open_of("m", ["1"])
    tx.journal.not_landed("m", Side.RIGHT, ["1"])
    tx.journal.updates_since("m", ["1"], NOW, 0)
    tx.journal.open_links([1])
    tx.journal.open_again(1, Side.LEFT, "1")
    tx.journal.open_creates("m", Side.RIGHT)


def _write(tx: Tx) -> None:
    link = tx.links.make("m", "1", "9", NOW)
    (intent,) = tx.journal.open([INTENT])
    tx.journal.claim({intent: ["a"]}, "field", "contacts")
    tx.marks.renew(1, LATER)
    tx.marks.lease_links([link.id], LATER, 1)
    tx.links.save([link], ["name"])
    tx.links.save_deltas([link])
    tx.journal.is_open(intent)
    tx.journal.note(intent, "lost")
    tx.journal.close(intent, "written", NOW)
    tx.links.trust([link.id])
    tx.links.close(link.id, "gone", NOW)
    tx.links.reopen(link.id)


def _confirm(tx: Tx) -> None:
    tx.marks.add("m", Side.LEFT, ["1"], NOW)
    mark = tx.marks.get("m", Side.LEFT, ["1"])["1"]
    tx.marks.holds(mark, 1, None)
    tx.conflicts.ask(LOST)
    tx.conflicts.list_lost([{**LOST, "state": "overruled"}])
    tx.conflicts.settle([1], "taken", NOW)
    tx.conflicts.choose(1, None)
    tx.conflicts.get(1)
    tx.marks.rest(mark, 1, PARKED)
    tx.marks.keep_plans([(mark, {})])
    tx.marks.done([mark], 1)
    tx.marks.wake(["intent:1"], NOW)
    tx.marks.release(1)


def _ask(tx: Tx) -> None:
    tx.conflicts.list(states=["open"])
    tx.marks.resting(PARKED)
    tx.marks.causes()
    tx.runs.after(0)
    tx.journal.made_after(0)
    tx.journal.made([1])
    tx.journal.last()
    tx.tallies.add({("sales", NOW, "written"): 1})
    tx.tallies.of("sales", NOW)
    tx.tallies.forget(["sales"], NOW, most=5)
    tx.access.get("jane")
    tx.access.token(b"x", "visit", NOW)
    tx.access.tokens("jane", "visit", NOW)
    tx.access.seen(b"x", NOW, NOW)
    tx.access.end(b"x")
    tx.access.end_all("jane", "visit", but=b"x")
    tx.deeds.add("jane", "link", "", {}, NOW)
    tx.deeds.last(before=9)
    tx.versions.add("m", "jane", "", "", NOW)
    tx.versions.of("m")
    tx.versions.get(1)
    tx.marks.retry(None, NOW)
    tx.marks.retry("m", NOW, causes=["refused"])
    tx.plans.permit("m", NOW)
    tx.plans.briefs("m", HELD)
    tx.plans.weighed("m")
    tx.plans.any("m", [WEIGHED, PLANNED])
    tx.plans.unweigh("m", NOW)
    tx.journal.makers("m", Side.LEFT, "1")
    tx.paused.add("crm", "contacts", "1", NOW)
    tx.paused.of("crm", "contacts", ["1", "2"])
    tx.paused.remove("crm", "contacts", ["1"])
    tx.refusals.add("m", "1", "9", NOW)
    tx.refusals.remove("m", "1", "9")
    tx.journal.last_of("m", ["1"])
    tx.runs.last("sales", limit=1)


def _pages(tx: Tx) -> None:
    for which in asking.STATES:
        asking.page(tx, which, ["m"], before=9, limit=5)
        asking.page(tx, which, ["m"], rule="r", limit=5)
        asking.counted(tx, which, most=5)
    asking.these(tx, [1])
    finding.carriers(tx, "m", Side.LEFT, ["ann@x.example"], most=5)
    finding.saying(tx, "crm", "contacts", ["ann"], after="", among=5)
    for state in (PARKED, "due"):
        list(handoffs.resting(tx, "m", state, 0, None))
        list(handoffs.resting(tx, "m", state, 0, handoffs.Place(NOW, "m", Side.LEFT, "1")))
    list(handoffs.made(tx, "m", None))
    list(handoffs.made(tx, "m", 9))
    handoffs.sent(tx, "m", Side.RIGHT, most=5)
    handoffs.linked(tx, "m", Side.LEFT, ["1"])
    handoffs.created(tx, "crm", "contacts", ["1"])
    resting.parked(tx, "m", "refused", limit=5)
    resting.parked(tx, "m", "refused", after="1~left~1", limit=5)
    resting.reasons(tx, "m", "unmapped", most=5)
    resting.held(tx, "m", limit=5)
    resting.held_count(tx, "m", most=5)
    resting.held_still(tx, "m", {(Side.LEFT, "1"): 1})
    tx.marks.add("m", Side.LEFT, ["1"], NOW)
    resting.discard(tx, "m", list(tx.marks.get("m", Side.LEFT, ["1"]).values()))
    resting.runs_before(tx, pair="sales", before=9, limit=5)
    resting.written(tx, 1, limit=5)
    linked.some(tx, "m", most=5)


def _audit(tx: Tx) -> None:
    tx.links.all("m", after=1)
    tx.links.count("m")
    tx.conflicts.standing([1])
    tx.snapshots.page("crm", "contacts", after="1")
    tx.runs.fact("audit:m")
    tx.parities.put([Parity(map="m", rule="r", whole=False, compared=1, classes={}, began_at=NOW, at=NOW)])
    tx.parities.of("m", whole=False)
    tx.parities.complete("m")
    tx.parities.replace("m", [])
    tx.coming.add("m", Side.LEFT, ["1"], NOW, lane=2, anew={"1": ["r"]})
    tx.coming.release("m", NOW)


ASKED_FOR = re.compile(r'(\w+)\."?(\w+)"? IN \(SELECT anon_\d+\.value')
"""The table and the column of which many values are looked for."""

WALK = re.compile(
    r"SCAN (?!each$|lanes$|CONSTANT ROW$|anon_)|"
    r"SEARCH (match_keys|snapshots) USING PRIMARY KEY \((scope|system)=\?( AND kind=\?)?\)$"
)
"""A table that is read through, or a search that goes through all there is of a map, a side or a kind.

The maps that have something to do, the lanes, and what a part of the statement found (which was cut) are no tables.
"""


@contextmanager
def asked(store: Store) -> Iterator[dict[str, Any]]:
    """The statements that go to the database meanwhile, each with values it was asked with."""
    found: dict[str, Any] = {}

    def note(_con: Any, _cur: Any, statement: str, values: Any, _ctx: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")):
            found[statement] = values[0] if many else values

    event.listen(store.engine, "before_cursor_execute", note)
    yield found
    event.remove(store.engine, "before_cursor_execute", note)


PARTIAL = {
    index.name
    for table in metadata.tables.values()
    for index in table.indexes
    if index.dialect_options["postgresql"]["where"] is not None
}
"""Indexes over the few rows that wait for something: to go through one is to look at what there is to do."""

STEPS = (_intake, _claim, _look, _write, _confirm, _ask, _audit, _pages)


@pytest.mark.parametrize("step", STEPS)
def test_no_table_is_read_through(lite: Store, step: Callable[[Tx], None]) -> None:
    """Every statement of a step, and of the lists people ask for, goes by an index."""
    with asked(lite) as statements, lite.begin() as tx:
        step(tx)
    assert statements
    with lite.read() as tx:
        plans = {
            statement: [line[3] for line in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            for statement, values in statements.items()
        }
    assert {statement: plan for statement, plan in plans.items() if any(map(WALK.match, plan))} == {}
    assert {statement: plan for statement, plan in plans.items() if not _by_what_is_asked_for(statement, plan)} == {}


def _by_what_is_asked_for(statement: str, plan: Sequence[str]) -> bool:
    """Whether many that are named are found by their names, and not by something that they have in common."""
    found = ASKED_FOR.findall(statement)
    return len(found) == statement.count("json_each(") and all(
        any(line.startswith(f"SEARCH {table} ") and re.search(rf"\b({column}|rowid)=\?", line) for line in plan)
        for table, column in found
    )


@pytest.mark.parametrize("step", STEPS)
def test_nor_is_one_on_postgresql(step: Callable[[Tx], None]) -> None:
    """The same there: where it may walk through a table only if it must, it never does, nor through a whole index."""
    with closing(Store(postgres.fresh())) as store:
        with asked(store) as statements, store.begin() as tx:
            step(tx)
        with store.read() as tx:
            tx.connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            through = {
                statement: node
                for statement, values in statements.items()
                for node in _walks(tx.connection.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement}", values).scalar())
            }
    assert through == {}


def _walks(plan: Any) -> Iterator[str]:
    """Nodes of a plan that go through all there is."""
    if isinstance(plan, list):
        for part in plan:
            yield from _walks(part)
    elif isinstance(plan, dict):
        kind = plan.get("Node Type", "")
        whole = "Index Cond" not in plan and plan.get("Index Name") not in PARTIAL
        if kind == "Seq Scan" or (kind in {"Index Scan", "Index Only Scan"} and whole):
            yield f"{kind} of {plan.get('Relation Name')} by {plan.get('Index Name')}"
        for part in plan.values():
            yield from _walks(part)


def test_the_links_of_a_map_are_not_listed_to_find_a_linked_mark(lite: Store) -> None:
    """Whether a mark is linked is asked for that mark: a list of all links would be made each second of a backfill."""
    with asked(lite) as statements, lite.begin() as tx:
        tx.links.make("m", "1", "9", NOW)
        tx.marks.any_due("m", NOW, linked_only=True)
        tx.marks.claim("m", NOW, LATER, 1, limit=1, linked_only=True)
    with lite.read() as tx:
        steps = [
            line[3]
            for statement, values in statements.items()
            for line in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert [step for step in steps if step.startswith("LIST SUBQUERY")] == []
    assert [step for step in steps if step.startswith("CORRELATED")]


def test_a_look_at_many_is_one_statement_however_many_they_are(lite: Store) -> None:
    """SQLite prepares each text anew, and each connection keeps what it prepared: how many are asked is none of it."""
    for number in (1, 2, 3, 50, 499):
        ids = [f"a\"b'{each} é" for each in range(number)]
        with asked(lite) as statements, lite.begin() as tx:
            tx.snapshots.put([Snapshot(Record(ref=Ref("crm", "contacts", id_), fields={}), {}) for id_ in ids])
            assert set(tx.snapshots.get("crm", "contacts", ids)) == set(ids)
            assert tx.snapshots.keyed("m", Side.LEFT, range(-number, number)) == {}
            tx.marks.retry("m", NOW, ids=ids)
            tx.conflicts.open_of(range(number))
        if number == 1:
            first = set(statements)
        assert set(statements) == first
    with lite.read() as tx, pytest.raises(StatementError, match="NUL"):
        tx.snapshots.get("crm", "contacts", ["1\0x"])


@pytest.mark.parametrize("linked_only", [False, True])
def test_a_side_s_batch_costs_the_same_however_many_of_the_other_are_due_before(
    lite: Store, *, linked_only: bool
) -> None:
    """In a first link those are hundreds of thousands: what SQLite does to find one batch is counted."""
    done: list[int] = []

    def claimed() -> int:
        with lite.begin() as tx:
            driver: Any = tx.connection.connection.driver_connection
            driver.set_progress_handler(lambda: done.append(1), 1)
            tx.marks.claim("m", LATER, LATER, 1, limit=5, side=Side.RIGHT, linked_only=linked_only)
            tx.marks.lead_due("m", LATER)
            tx.marks.maps_due(LATER)
            driver.set_progress_handler(None, 0)
            tx.marks.release(1)
        spent = len(done)
        done.clear()
        return spent

    with lite.begin() as tx:
        for number in range(20):
            tx.links.make("m", f"l{number}", f"r{number}", NOW)
        tx.marks.add("m", Side.RIGHT, [f"r{number}" for number in range(20)], LATER)
        tx.marks.add("m", Side.LEFT, [f"l{number}" for number in range(20)], NOW)
    few = claimed()
    with lite.begin() as tx:
        tx.marks.add("m", Side.LEFT, [f"l{number}" for number in range(2000)], NOW)
    assert claimed() == pytest.approx(few, rel=0.05)


def test_questions_are_not_looked_for_among_all_marks(lite: Store) -> None:
    """Whether anybody is asked about is looked up before most writes: in the index of those marks, and nowhere else."""
    with asked(lite) as statements, lite.begin() as tx:
        tx.marks.asking("m")
    ((statement, values),) = statements.items()
    with lite.read() as tx:
        (line,) = tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        assert "ix_marks_asked (map=?)" in line[3]


def test_open_creations_are_found_among_the_open_writes(lite: Store) -> None:
    """Not among all creations of a map, nor among all its writes: nothing waits longer because there were many."""
    with asked(lite) as statements, lite.begin() as tx:
        tx.journal.open_creates("m", Side.LEFT)
        handoffs.sent(tx, "m", Side.LEFT, most=1)
    with lite.read() as tx:
        plans = [
            line[3]
            for statement, values in statements.items()
            for line in tx.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    assert plans == ["SEARCH journal USING INDEX ix_journal_open (map=?)"] * 2
