"""A store as it is after years, made row by row: links, records, writes, runs, questions and what is parked.

What is not here: a sync that made it; the rows are such as the engine writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from sqlalchemy import event, insert

from syncd.store.store import Store
from syncd.store.tables import conflicts, deeds, journal, links, marks, rulesets, runs, snapshots

CONTACTS, DEALS = "sales/contacts", "sales/deals-jobs"
BATCH = 5000
FIRST = 900_000_000
"""Ids that no sandbox has given."""


def fill(store: Store, count: int, now: datetime) -> None:
    """So many links, ten times as many writes, and of all else a share of it."""
    with store.begin() as tx:
        ruleset = tx.connection.execute(insert(rulesets).returning(rulesets.c.id), {
            "map": DEALS, "digest": "large", "names": ["dealname"]}).scalar_one()  # fmt: skip
    _put(store, snapshots, _records(count, now))
    _put(store, links, ({
        "map": DEALS, "left_id": f"{FIRST + n}", "right_id": f"j{FIRST + n}", "state": "open", "ruleset": ruleset,
        "left_base": {}, "right_base": {}, "made_at": now - timedelta(minutes=n % 500_000), "fence": 0,
    } for n in range(count)))  # fmt: skip
    _put(store, journal, _writes(count * 10, now))
    _put(store, runs, ({
        "pair": "sales", "mode": "live", "state": ("done", "done", "stopped")[n % 3],
        "started_at": now - timedelta(minutes=n), "ended_at": now - timedelta(minutes=n) + timedelta(seconds=3),
        "counts": {"units": 10, "update:written": 5, "error": None}, "digest": "x",
    } for n in range(count)))  # fmt: skip
    _put(store, marks, _marks(count // 4, now))
    _put(store, marks, _plans(5000, now))
    _put(store, conflicts, ({
        "map": DEALS, "link": 1_000_000 + n, "rule": "dealname", "state": ("open", "overruled", "agreed")[n % 3],
        "left_id": f"{FIRST + n}", "right_id": f"j{FIRST + n}", "left_value": f"Roof {n}", "right_value": f"roof {n}",
        "lost_side": None, "reason": "both sides changed it", "forced": False, "at": now - timedelta(minutes=n),
    } for n in range(count // 2)))  # fmt: skip
    _put(store, deeds, ({
        "at": now - timedelta(minutes=n), "account": "ada", "deed": "conflict.take", "subject": f"conflict {n}",
        "detail": {"side": "left"},
    } for n in range(count)))  # fmt: skip


def _records(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(count):
        at = now - timedelta(minutes=n % 500_000)
        told = {"version": "1", "modified_at": at, "created_at": at, "read_at": now, "mine": False}
        deal = {"dealname": f"Roof {n}", "dealstage": "closedwon", "pipeline": "default", "amount": 1000 + n}
        job = {"name": f"Roof {n}", "status_name": "Sold", "record_type_name": "Roofing", "number": str(n)}
        yield {"system": "hubspot", "kind": "deals", "id": f"{FIRST + n}", "fields": deal, **told}
        yield {"system": "jobnimbus", "kind": "jobs", "id": f"j{FIRST + n}", "fields": job, **told}


def _writes(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    for n in range(count):
        at, made = now - timedelta(seconds=10 * n), n % 10 == 0
        rule = {"field": "name", "settle": {}, "reason": "changed on the left", "lost": None, "sides": ["a", "b"]}
        yield {
            "run": n // 5 + 1, "map": DEALS, "side": "right", "action": "create" if made else "update",
            "link": n // 10 + 1, "record_id": f"j{FIRST + n // 10}", "source_id": f"{FIRST + n // 10}",
            "fields": {"name": f"Roof {n}"}, "before": {} if made else {"name": f"roof {n}"},
            "rules": {"dealname": rule}, "version": None, "outcome": "written" if n % 50 else "refused",
            "error": None if n % 50 else "Name is too long", "heard_at": at - timedelta(seconds=4) if made else None,
            "opened_at": at, "lands_by": at + timedelta(minutes=5), "closed_at": at + timedelta(seconds=1), "fence": 1,
            "permitted": False,
        }  # fmt: skip


def _marks(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    causes = ("refused", "unmapped", "gone", "waiting")
    for n in range(count):
        at = now - timedelta(minutes=n)
        row = {"map": DEALS, "side": "left", "generation": 1, "lane": 0, "due_at": at, "first_at": at, "attempts": 3,
               "reread": False, "pulled": False, "fence": 0}  # fmt: skip
        yield {**row, "id": f"{FIRST + n}", "state": "parked", "cause": causes[n % 4], "reason": "Name is too long"}
        yield {**row, "id": f"h{FIRST + n}", "state": "due", "cause": None, "reason": None}


def _plans(count: int, now: datetime) -> Iterator[dict[str, Any]]:
    """More than pages count one by one, planned and held."""
    for n in range(count):
        at = now - timedelta(minutes=n)
        row = {"map": DEALS, "side": "left", "generation": 1, "lane": 0, "due_at": at, "first_at": at, "attempts": 0,
               "reread": False, "pulled": False, "fence": 0}  # fmt: skip
        write = {"side": "right", "field": "name", "rule": "dealname", "before": f"roof {n}", "after": f"Roof {n}"}
        plan = {
            "map": DEALS, "action": "update", "left": f"{FIRST + n}", "right": f"j{FIRST + n}", "creates": None,
            "archives": None, "why": None, "writes": [{**write, "reason": "changed on the left"}], "conflicts": [],
            "parked": [],
        }  # fmt: skip
        rests = {"cause": "planned", "reason": "waits for permission to write", "plan": plan}
        yield {**row, "id": f"p{FIRST + n}", "state": ("planned", "held")[n % 2], **rests}


def _put(store: Store, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    rest = iter(rows)
    while batch := list(islice(rest, BATCH)):
        names = {name for row in batch for name in row}
        with store.begin() as tx:
            tx.connection.execute(insert(table), [{name: row.get(name) for name in names} for row in batch])


class Steps:
    """How much SQLite does: its machine's steps, in hundreds, which no other load of the computer changes."""

    def __init__(self, store: Store) -> None:
        """Count on every connection of this store from now on."""
        self.count = 0
        store.engine.dispose()
        event.listen(store.engine, "connect", self._listen)

    def _listen(self, connection: Any, _record: Any) -> None:
        connection.set_progress_handler(self._step, 100)

    def _step(self) -> int:
        self.count += 1
        return 0

    def of(self, do: Any) -> int:
        """Those of one thing that is done."""
        before = self.count
        do()
        return self.count - before
