"""Differences planted behind the engine's back, each of its kind, in a town full of linked contacts.

What is not here: finding them (`test_audit`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from sqlalchemy import delete, update

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Side, Value
from syncd.engine.audit import Difference, Found
from syncd.engine.auditing import verify
from syncd.engine.maps import adopt
from syncd.fieldmaps import load
from syncd.store.links import Link
from syncd.store.tables import links, snapshots
from tests.engine import town as towns
from tests.engine import vendor as vendors
from tests.engine.doings import cycle, edit, make, rest
from tests.engine.test_rules import town_of
from tests.engine.town import SCHEMAS, SYSTEMS, Town

CONTACTS = "pair/contacts"
Planted = set[tuple[str, str, str]]
"""(left id or right id, rule, reason)"""


@contextmanager
def full_town(count: int, patch: pytest.MonkeyPatch, **plot: object) -> Iterator[Town]:
    """A town at rest with so many linked contacts; pages and batches are large, so that it is soon full."""
    patch.setattr(vendors, "PAGE", 500)
    with town_of(**{"batch": 200, **plot}) as town:
        for vendor in town.vendors.values():
            vendor.traits = vendors.dataclasses.replace(vendor.traits, batch=100)
        for number in range(count):
            fields: dict[str, Value] = {"email": f"p{number}@x.example", "name": f"P {number}", "phone": str(number)}
            make(town, "crm", "contacts", {**fields, "note": "as it was", "city": "austin", "tag": "warm"})
        rest(town)
        yield town


def all_links(town: Town) -> list[Link]:
    """The open links of the contacts."""
    with town.store.read() as tx:
        return tx.links.all(CONTACTS, limit=1_000_000)


@dataclass(slots=True)
class Gardener:
    """Plants, and remembers what. Each link is used once."""

    town: Town
    free: list[Link] = field(default_factory=list)
    planted: Planted = field(default_factory=set)

    def __post_init__(self) -> None:
        self.free = all_links(self.town)

    def next(self) -> Link:
        """A link that nothing was planted in."""
        return self.free.pop()

    def silently(self, side: Side, link: Link, **fields: Value) -> None:
        """The vendor's value moves, and neither its modified time nor its list tells of it."""
        self.town.vendors[SYSTEMS[side]].rows["contacts"][link.id_on(side)].fields.update(fields)

    def missed(self, side: Side, rule: str, value: Value) -> None:
        """A change that the feed does not tell."""
        link = self.next()
        self.silently(side, link, **{rule: value})
        self.planted.add((link.left_id, rule, "missed"))

    def drifted(self, side: Side, rule: str, value: Value) -> None:
        """A value that vendor, snapshot and base agree upon, and that was never carried."""
        link = self.next()
        self.silently(side, link, **{rule: value})
        with self.town.store.begin() as tx:
            shot = tx.snapshots.get(SYSTEMS[side], "contacts", [link.id_on(side)])[link.id_on(side)]
            ref = shot.record.ref
            of_it = (snapshots.c.system == ref.system, snapshots.c.kind == ref.kind, snapshots.c.id == ref.id)
            tx.connection.execute(update(snapshots).where(*of_it).values(fields={**shot.kept, rule: value}))
        self.planted.add((link.left_id, rule, "unexplained"))

    def lagging(self, side: Side, rule: str, value: Value) -> None:
        """A change of this moment."""
        link = self.next()
        edit(self.town, SYSTEMS[side], "contacts", link.id_on(side), {rule: value})
        self.planted.add((link.left_id, rule, "lag"))

    def gone(self, side: Side) -> None:
        """A record is deleted, and no list tells of it."""
        link = self.next()
        self.town.vendors[SYSTEMS[side]].delete("contacts", link.id_on(side))
        self.planted.add((link.left_id, "", "gone"))

    def unlinked(self) -> None:
        """The store has lost a link."""
        link = self.next()
        with self.town.store.begin() as tx:
            tx.connection.execute(delete(links).where(links.c.id == link.id))
        self.planted.add((link.right_id, "", "unlinked"))

    def conflict(self) -> None:
        """Both sides were changed, the map says ask, and nobody has answered; found by the engine itself."""
        link = self.next()
        for side in Side:
            edit(self.town, SYSTEMS[side], "contacts", link.id_on(side), {"note": f"by {side}"})
        self.planted.add((link.left_id, "note", "conflict"))

    def long(self) -> None:
        """A name that is longer than the other side's field; carried by the engine itself."""
        link = self.next()
        edit(self.town, "crm", "contacts", link.left_id, {"name": f"Bartholomew {link.id}"})
        self.planted.add((link.left_id, "name", "lossy"))

    def carried(self) -> None:
        """Let the engine notice what it can."""
        for _ in range(4):
            cycle(self.town, wait=60)


def looked(town: Town, *, heal: bool = False) -> list[Found]:
    """Every page of an audit of the contacts."""
    return list(verify(town.world, town.world.maps[CONTACTS], heal=heal))


def findings(pages: list[Found]) -> Planted:
    """What was found, as it was planted."""
    return {(_id(one), one.rule, str(one.reason)) for page in pages for one in page.differences}


def _id(one: Difference) -> str:
    return str(one.left if one.left is not None else one.right)


def by_reason(found: Planted) -> Counter[str]:
    """How many of each."""
    return Counter(reason for _, _, reason in found)


def contacts_map(changes: Mapping[str, str], first_link: str = "left", drift: str = "keep") -> FieldMap:
    """The map of contacts with some pieces replaced."""
    keys = "sync_key: {left: key, right: key}"
    text = towns.CONTACTS % {"keys": keys, "first_link": first_link, "drift": drift, "delete": "flag"}
    for before, after in changes.items():
        assert before in text
        text = text.replace(before, after)
    schemas = {side: SCHEMAS[SYSTEMS[side]]["contacts"] for side in Side}
    return load(text, pair="pair", systems=SYSTEMS, schemas=schemas)


def take_map(town: Town, m: FieldMap) -> None:
    """The changed map is the town's from now on."""
    town.use(m)
    adopt(town.world)
