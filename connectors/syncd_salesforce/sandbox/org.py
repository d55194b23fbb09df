"""One org: its clock, objects, rows, people and rules, and how a row is read.

What is not here: writing (`writes`), the door (`gate`), and HTTP.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

from syncd.kit.simclock import SandboxClock
from syncd_salesforce.sandbox import persons, states, times, values
from syncd_salesforce.sandbox.fields import Field
from syncd_salesforce.sandbox.furniture import INTEGRATION, furnish
from syncd_salesforce.sandbox.ids import Mint
from syncd_salesforce.sandbox.rules import Rules
from syncd_salesforce.sandbox.schema import Schema, Thing
from syncd_salesforce.sandbox.store import Hand, Place, Row, Store

_NOTED_NOT = frozenset(("LastModifiedDate", "LastModifiedById", "SystemModstamp"))

Note = Callable[[str, str, Hand, Mapping[str, tuple[Any, Any]], str | None], None]


class Org:
    """Everything that a Salesforce org of this sandbox is."""

    def __init__(self, clock: SandboxClock, chance: random.Random, settings: Mapping[str, Any], note: Note) -> None:
        """A fresh org; `note` hears of every committed change.

        Of its object, id, hand, {field: (before, after)}, and the id of what was merged into the record by it.
        """
        self.clock, self.chance, self.settings, self._tell = clock, chance, settings, note
        self.schema = Schema(self.now())
        if settings["state_picklists"]:
            for thing in self.schema.things.values():
                states.furnish(thing)
        if settings["person_accounts"]:
            persons.furnish(self.schema)
        self.mint = Mint(chance)
        self.store = Store(self.schema, self._noted)
        self.rules = Rules()
        self.hidden: set[str] = set()
        self.seeded: dict[int, int] = {}
        blank = {name: self.blank(thing) for name, thing in self.schema.things.items()}
        furnish(self.store, self.mint, blank, self.now())

    def now(self) -> int:
        """The second that a write is stamped with."""
        return int(self.clock.seconds() + float(self.settings["stamp_skew"]))

    def tick(self) -> None:
        """Commit what is due, and empty the bin of what is too old."""
        seconds = self.clock.seconds()
        self.store.tick(seconds)
        if seconds < self._next_sweep:
            return
        self._next_sweep = seconds + 3600
        oldest = self.now() - float(self.settings["bin_days"]) * times.DAY
        for rows in self.store.rows.values():
            for row in [each for each in rows.values() if each.get("IsDeleted") and each["_deleted"] < oldest]:
                del rows[row["Id"]]

    _next_sweep = 0.0

    # -- people

    @property
    def integration(self) -> Row:
        """The integration user."""
        return next(row for row in self.store.rows["User"].values() if row["Username"] == INTEGRATION)

    def user(self, wanted: object) -> Row | None:
        """A user by id, user name, e-mail or name."""
        word = str(wanted).casefold()
        for row in self.store.rows["User"].values():
            if word in (str(row[name]).casefold() for name in ("Id", "Username", "Email", "Name")):
                return row
        return None

    @property
    def id(self) -> str:
        """The org's own id."""
        return next(iter(self.store.rows["Organization"]))

    # -- reading

    def blank(self, thing: Thing) -> Row:
        """A row with every field at its default."""
        return {each.name: each.default for each in thing.fields.values() if each.type != "address"}

    def sees(self, row: Row) -> bool:
        """Whether sharing lets the integration user see it."""
        return row["Id"] not in self.hidden

    def row(self, id: Any) -> tuple[Thing, Row] | None:
        """Any live row by its id."""
        thing = self.schema.of(id) if isinstance(id, str) else None
        for one in (thing, *self._twins(thing)) if thing else ():
            row = self.store.get(one.name, id)
            if row is not None:
                return one, row
        return None

    def seen(self, id: Any) -> tuple[Thing, Row] | None:
        """Any row by its id, unless sharing hides it."""
        found = self.row(id)
        return found if found is not None and self.sees(found[1]) else None

    def _twins(self, thing: Thing) -> list[Thing]:
        return [each for each in self.schema.things.values() if each.prefix == thing.prefix and each is not thing]

    def value(self, thing: Thing, row: Row, field: Field) -> Any:
        """A field as it is stored, or as its formula or parts give it now."""
        if field.type == "address":
            return self._address(thing, row, field.name)
        if field.formula is None:
            return row.get(field.name)
        found: Any = row
        path = field.formula.split(".")
        for name in path[:-1]:
            step = thing.relation(name)
            there = self.seen(found.get(step.name)) if step else None
            if there is None:
                return None
            thing, found = there
        last = thing.find(path[-1])
        return None if last is None else self.value(thing, found, last)

    def sent(self, thing: Thing, row: Row, field: Field) -> Any:
        """A field as JSON carries it."""
        value = self.value(thing, row, field)
        if field.type == "base64":
            return f"/services/data/v66.0/sobjects/{thing.name}/{row['Id']}/{field.name}"
        return value if field.type == "address" else values.sent(field, value)

    def whole(self, thing: Thing, row: Row) -> dict[str, Any]:
        """Every field of a row as JSON carries it."""
        return {each.name: self.sent(thing, row, each) for each in thing.shown()}

    def _address(self, thing: Thing, row: Row, name: str) -> dict[str, Any] | None:
        parts = [each for each in thing.shown() if each.compound == name]
        prefix = name.removesuffix("Address")
        found = {each.name.removeprefix(prefix): row.get(each.name) for each in parts}
        if all(value is None for value in found.values()):
            return None
        told = {key[0].lower() + key[1:]: value for key, value in found.items()}
        return {**dict(sorted(told.items())), "geocodeAccuracy": None}

    def _noted(self, place: Place, before: Row | None, after: Row | None, hand: Hand) -> None:
        thing = self.schema.things[place[0]]
        fields = {}
        for each in thing.fields.values():
            if each.name in _NOTED_NOT or each.type in ("address", "base64") or each.calculated:
                continue
            old, new = (values.sent(each, (row or {}).get(each.name)) for row in (before, after))
            if old != new:
                fields[each.name] = (old, new)
        was, now = ((row or {}).get("_merged", ()) for row in (before, after))
        self._tell(place[0], place[1], hand, fields, now[-1] if len(now) > len(was) else None)
