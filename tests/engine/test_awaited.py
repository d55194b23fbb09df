"""A list of what waits says what stands in the way of the parent, and what to do about that.

What is not here: that it waits, and goes on when the parent has come (`test_rules`).
"""

from __future__ import annotations

from syncd.core.model import Ref, Side
from syncd.engine.answers import mark_rows
from syncd.engine.by_hand import unlink
from syncd.fieldmaps import load
from syncd.store.marks import PARKED
from tests.engine.doings import make, rest
from tests.engine.test_rules import town_of
from tests.engine.town import DEALS, SCHEMAS, SYSTEMS, Town
from tests.engine.vendor import Row, Traits

TOLD = Traits(tombstones=True)
"""Of a vendor whose lists tell of the deleted."""


def told(town: Town) -> str:
    """What the list says of the one that waits."""
    with town.store.read() as tx:
        marks = [mark for mark in tx.marks.resting(PARKED) if mark.waits_for]
        (row,) = mark_rows(tx, town.world.maps, marks)
    return str(row["reason"])


def sold(town: Town, contact: str) -> None:
    """A deal is won for a contact."""
    assert make(town, "crm", "deals", {"title": "Roof", "stage": "won", "contact": contact})
    rest(town)


def somebody(town: Town) -> Row:
    """A contact with a twin."""
    contact = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
    assert contact is not None
    rest(town)
    return contact


def test_a_parent_that_was_never_seen() -> None:
    """It is hidden from us, or of a kind that nobody syncs."""
    with town_of() as town:
        sold(town, "c999")
        ref = "crm:contacts:c999"
        assert told(town) == (
            f"waits for {ref} to be linked; {ref} was never seen: it may be hidden, or of a kind that is not synced"
        )


def test_a_parent_that_is_gone() -> None:
    """Its children need another one."""
    with town_of(left=TOLD) as town:
        contact = somebody(town)
        town.vendors["crm"].delete("contacts", contact.id)
        rest(town)
        sold(town, contact.id)
        assert told(town).endswith(f"; crm:contacts:{contact.id} is gone: give this one another, or bring that back")


def test_a_parent_that_cannot_go_on_itself() -> None:
    """Its own trouble is told where its children are."""
    with town_of() as town:
        contact = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann"})
        assert contact is not None
        for _ in range(2):
            make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann"})
        sold(town, contact.id)
        assert f"; crm:contacts:{contact.id} cannot go on itself: 2 records answer" in told(town)


def test_a_parent_that_was_parted() -> None:
    """The command that links it again is told."""
    with town_of() as town:
        contact = somebody(town)
        ref = Ref("crm", "contacts", contact.id)
        unlink(town.world, ref)
        rest(town)
        sold(town, contact.id)
        assert told(town).endswith(
            f"; its link was closed (a person parted them): `syncd relink {ref}` links it with whom it had, "
            f"`syncd relink {ref} TWIN` with another"
        )


def test_a_parent_for_whom_nobody_asked() -> None:
    """It rests without a mark; what is known of it is a command away."""
    with town_of() as town:
        never = DEALS.replace("create: true, ", "") % {"keys": "", "delete": "flag", "drift": "keep"}
        schemas = {Side.LEFT: SCHEMAS["crm"]["deals"], Side.RIGHT: SCHEMAS["con"]["jobs"]}
        town.use(load(never, pair="pair", systems=SYSTEMS, schemas=schemas))
        contact = make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        assert contact is not None
        rest(town)
        sold(town, contact.id)
        assert told(town).endswith(f"; `syncd explain crm:contacts:{contact.id}` says why it has no twin")
