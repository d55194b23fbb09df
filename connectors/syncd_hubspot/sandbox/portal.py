"""One HubSpot account: its tables, people, ties, and every change of them with its side effects in time.

What is not here: rules about values (`writes`), merging (`merging`), HTTP. Time is epoch ms of the sandbox's clock.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Mapping
from typing import Any

from syncd_hubspot.sandbox.associations import Associations
from syncd_hubspot.sandbox.calculated import phones
from syncd_hubspot.sandbox.errors import bad_request, not_found
from syncd_hubspot.sandbox.files import File
from syncd_hubspot.sandbox.hooks import Hooks
from syncd_hubspot.sandbox.index import Seen, lag_ms
from syncd_hubspot.sandbox.people import owners, pipelines
from syncd_hubspot.sandbox.records import PORTAL, Change, Row, Who
from syncd_hubspot.sandbox.schema import Schema
from syncd_hubspot.sandbox.standard import KINDS, PROPERTIES
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.times import DAY_MS, iso
from syncd_hubspot.sandbox.writes import Changes

_FIRST_ID = 20_101
_FREE_MAIL = frozenset(("gmail.com", "yahoo.com", "hotmail.com", "outlook.com", "icloud.com", "aol.com"))


class Portal:
    """The account. `settings` are the sandbox's switches, read at each use."""

    def __init__(
        self, now: Callable[[], int], rng: random.Random, settings: Mapping[str, Any], hooks: Hooks | None = None
    ) -> None:
        """Open an account with its standard properties, people and pipelines, and no record."""
        self.now, self.random, self.settings = now, rng, settings
        schemas = {name: Schema(kind.group, PROPERTIES[name], settings) for name, kind in KINDS.items()}
        self.tables = {name: Table(kind, schemas[name]) for name, kind in KINDS.items()}
        self.hooks = hooks or Hooks(now, settings)
        self.ties = Associations(self.hooks.tied)
        self.owners, self.pipelines = owners(now()), pipelines(now())
        self.blocklist: set[str] = set()
        self.hidden: set[int] = set()
        self.files: dict[int, File] = {}
        self.seeded: dict[int, int] = {}
        self._later: list[tuple[int, int, Callable[[int], None]]] = []
        self._next_id, self._sequence, self._day = _FIRST_ID, 0, 0

    def table(self, name: str) -> Table:
        """The table of a type, by name, singular or `0-N`; 400 for an unknown one."""
        for table in self.tables.values():
            if name in (table.kind.name, table.kind.type_id, table.kind.singular):
                return table
        raise bad_request(f"Unable to infer object type from: {name}")

    def need(self, table: Table, id: int) -> Row:
        """The living row that this id leads to, aliases of merges included; 404 when there is none."""
        row = table.resolve(id)
        if row is None:
            raise not_found()
        return row

    def assignable(self, owner: str) -> bool:
        """Whether records may be given to this owner id."""
        found = self.owners.get(int(owner)) if owner.isdigit() else None
        return found is not None and not found.archived

    def tick(self) -> None:
        """Do what has become due: post-processing, then what the index was told."""
        now = self.now()
        if now // DAY_MS != self._day:
            self._day = now // DAY_MS
            for table in self.tables.values():
                table.purge(now)
        while self._later and self._later[0][0] <= now:
            due, _, work = heapq.heappop(self._later)
            work(due)
        for table in self.tables.values():
            table.index.tick(now)

    def settled_in(self) -> float:
        """Seconds until nothing is on its way any more."""
        self.tick()
        times = [due for due, _, _ in self._later]
        times += [due for table in self.tables.values() if (due := table.index.settled_at()) is not None]
        return max(0.0, (max(times) - self.now()) / 1000) if times else 0.0

    def create(self, table: Table, changes: Changes, who: Who, at: int | None = None) -> Row:
        """Make a record of checked changes."""
        made = self.now() if at is None else at
        row = Row(self.new_id(), {}, made, made)
        values = {name: value for name, value in changes.items() if value is not None}
        for name, value in values.items():
            row.remember(name, value, made, who)
        change = Change(made, who, {name: (None, value) for name, value in values.items()}, "create")
        row.values = self._kept(table, row, values | self._birth(table, row, who))
        table.add(row)
        self.indexed(table, row)
        self.noted(table, row, change)
        self._after_create(table, row)
        return row

    def update(self, table: Table, row: Row, changes: Changes, who: Who, at: int | None = None) -> None:
        """Carry out checked changes; equal values are no change."""
        now = self.now() if at is None else at
        moved = {name: value for name, value in changes.items() if row.values.get(name) != value}
        moved |= self._closing(table, row, moved, now)
        if moved:
            self._write(table, row, moved, who, now)
        elif self.settings["same_value_bumps"]:
            self.bump(table, row, now)

    def bump(self, table: Table, row: Row, at: int) -> None:
        """Move the modified time, without a change of any value."""
        row.updated = max(row.updated, at)
        table.change(row, self._kept(table, row, row.values))
        self.indexed(table, row)

    def archive(self, table: Table, row: Row, who: Who) -> None:
        """To the recycle bin; the modified time stays as it is."""
        now = self.now()
        table.archive(row, now)
        self.noted(table, row, Change(now, who, {}, "archive"))
        self.indexed(table, row)

    def restore(self, table: Table, row: Row, who: Who) -> None:
        """Back from the recycle bin."""
        now = self.now()
        table.restore(row)
        self.noted(table, row, Change(now, who, {}, "restore"))
        if self.settings["restore_bumps"]:
            self.bump(table, row, now)
        self.indexed(table, row)

    def noted(self, table: Table, row: Row, change: Change) -> None:
        """Remember a change that was carried out, and tell those who subscribed to it."""
        row.changes.append(change)
        self.hooks.changed(table.kind, row, change)

    def forget(self, table: Table, row: Row) -> None:
        """GDPR: for good, with history and ties; the e-mail goes on the blocklist."""
        self.hooks.forgotten(table.kind, row, PORTAL)
        self.blocklist |= {row.values["email"]} if "email" in row.values else set()
        self.purge(table, row)

    def purge(self, table: Table, row: Row) -> None:
        """For good, living or in the bin."""
        for other in [old for old, new in table.aliases.items() if new == row.id]:
            del table.aliases[other]
        table.remove(row)
        self.ties.forget(table.kind.name, row.id)
        self.unindexed(table, row)

    def indexed(self, table: Table, row: Row) -> None:
        """Tell the index of a row's present state; it will know after its lag."""
        row.version += 1
        values = None if row.archived_at is not None else row.values
        self._tell(table, Seen(row.id, row.updated, row.created, row.version, values))

    def unindexed(self, table: Table, row: Row) -> None:
        """Tell the index that a row is gone."""
        self._tell(table, Seen(row.id, row.updated, row.created, row.version + 1, None))

    def later(self, due: int, work: Callable[[int], None]) -> None:
        """Do something at `due` (epoch ms); it is told when that was."""
        self._sequence += 1
        heapq.heappush(self._later, (due, self._sequence, work))

    def counted(self, kind: str, id: int) -> None:
        """Refresh the counts over associations of a record. They do not bump its modified time."""
        target = {"contacts": "deals", "deals": "contacts"}.get(kind)
        row = self.tables[kind].alive(id)
        if target is None or row is None:
            return
        number = len(self.ties.of(kind, id, target))
        values = {**row.values, f"num_associated_{target}": str(number)}
        self.tables[kind].change(row, values)
        self.indexed(self.tables[kind], row)

    def upload(self, name: str, size: int) -> File:
        """Put a file into the account, on no record yet."""
        stem, dot, extension = name.rpartition(".")
        now = self.now()
        found = File(self.new_id(), stem or name, extension if stem and dot else "", size, now)
        self.files[found.id] = found
        return found

    def new_id(self) -> int:
        """The next id of a record or a file; ids of all types grow together, with gaps."""
        self._next_id += 1 + self.random.randrange(3)
        return self._next_id

    def _write(self, table: Table, row: Row, moved: Changes, who: Who, now: int) -> None:
        row.updated = max(row.updated, now)
        values = dict(row.values)
        fields = {}
        for name, value in moved.items():
            fields[name] = (values.pop(name, None), value)
            row.remember(name, value, now, who)
            if value is not None:
                values[name] = value
        if who.user_id is not None:
            values["hs_updated_by_user_id"] = str(who.user_id)
        table.change(row, self._kept(table, row, values))
        self.noted(table, row, Change(now, who, fields))
        self.indexed(table, row)

    def _kept(self, table: Table, row: Row, values: Mapping[str, str]) -> dict[str, str]:
        """The values with what HubSpot keeps itself: dates and calculated properties."""
        found: dict[str, str | None] = {**values, table.kind.modified: iso(row.updated)}
        if table.kind.name == "contacts":
            found |= phones(values)
        if table.kind.name == "deals":
            found |= self._closedness(values)
        return {name: value for name, value in found.items() if value is not None}

    def _birth(self, table: Table, row: Row, who: Who) -> dict[str, str]:
        found = {"hs_object_id": str(row.id), table.kind.created: iso(row.created)}
        source = {"hs_object_source": who.type, "hs_object_source_label": who.label or who.type}
        return found | source | ({"hs_object_source_id": who.id} if who.id else {})

    def _closedness(self, values: Mapping[str, str]) -> dict[str, str]:
        pipeline = self.pipelines.get(values.get("pipeline", ""))
        stage = pipeline.stages.get(values.get("dealstage", "")) if pipeline else None
        closed, won = bool(stage and stage.closed), bool(stage and stage.won)
        return {"hs_is_closed": str(closed).lower(), "hs_is_closed_won": str(won).lower()}

    def _closing(self, table: Table, row: Row, moved: Changes, now: int) -> Changes:
        """The close date that HubSpot sets itself when a deal reaches a closed stage."""
        if table.kind.name != "deals" or "dealstage" not in moved or "closedate" in moved:
            return {}
        values = {name: value for name, value in {**row.values, **moved}.items() if value is not None}
        closed = self._closedness(values)["hs_is_closed"] == "true"
        return {"closedate": iso(now)} if closed and self.settings["auto_closedate"] else {}

    def _after_create(self, table: Table, row: Row) -> None:
        if self.settings["post_processing"]:
            self.later(row.created + 200 + self.random.randrange(400), lambda at: self._again(table, row, at))
        delay = self.settings["auto_company"]
        if delay is not None and table.kind.name == "contacts":
            self.later(row.created + int(float(delay) * 1000), lambda at: self._company(row, at))

    def _again(self, table: Table, row: Row, at: int) -> None:
        if table.alive(row.id) is row:
            self.bump(table, row, at)

    def _company(self, contact: Row, at: int) -> None:
        """Make or find the company of a business e-mail and tie it, as the portal does by default."""
        domain, table = contact.values.get("hs_email_domain"), self.tables["companies"]
        if not domain or domain in _FREE_MAIL or self.tables["contacts"].alive(contact.id) is None:
            return
        found = next((one for one in table.live if table.rows[one].values.get("domain") == domain), None)
        if found is None:
            found = self.create(table, {"domain": domain, "name": domain.partition(".")[0].title()}, PORTAL, at).id
        self.ties.tie(("contacts", contact.id), ("companies", found), (1,))

    def _tell(self, table: Table, seen: Seen) -> None:
        table.index.later(seen, self.now() + lag_ms(self.settings["index_lag"], self.random))
