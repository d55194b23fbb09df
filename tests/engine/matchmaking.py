"""A town whose contacts are matched otherwise: by other keys, with a score, over shared values. Not here: any test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from syncd.core.model import Ref, Side
from syncd.fieldmaps import load
from syncd.store.marks import PARKED, Mark
from tests.engine import town as towns
from tests.engine.doings import rest
from tests.engine.test_rules import town_of
from tests.engine.town import SCHEMAS, SYSTEMS, Town
from tests.engine.vendor import Row

MAP = "pair/contacts"


@contextmanager
def matching(match: str, **plot: object) -> Iterator[Town]:
    """A town whose map of contacts compares e-mails, phones and names as such, and matches as told."""
    with town_of(**plot) as town:
        values = {"keys": "sync_key: {left: key, right: key}", "first_link": "left", "drift": "keep", "delete": "flag"}
        text = (towns.CONTACTS % values).replace("match: {link: [email]}", f"match: {match}")
        for name in ("email", "name", "phone"):
            text = text.replace(f"right: {name},", f"right: {name}, convert: {name},")
        schemas = {side: SCHEMAS[SYSTEMS[side]]["contacts"] for side in Side}
        town.maps = (load(text, pair="pair", systems=SYSTEMS, schemas=schemas), *town.maps[1:])
        town.reborn()
        rest(town)
        yield town


def questions(town: Town) -> dict[str, str]:
    """What is asked, by `side id`."""
    return {f"{mark.side} {mark.id}": str(mark.reason) for mark in parked(town) if mark.cause == "question"}


def parked(town: Town) -> list[Mark]:
    """What waits for a person."""
    with town.store.read() as tx:
        return tx.marks.resting(PARKED)


def links(town: Town) -> set[tuple[str, str]]:
    """Who is linked with whom among the contacts."""
    with town.store.read() as tx:
        return {(link.left_id, link.right_id) for link in tx.links.all(MAP)}


def left(row: Row) -> Ref:
    """A contact of the left side."""
    return Ref("crm", "contacts", row.id)


def right(row: Row) -> Ref:
    """A contact of the right side."""
    return Ref("con", "contacts", row.id)
