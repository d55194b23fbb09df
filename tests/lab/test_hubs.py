"""Which of two maps wrote a value in the record where they meet. Not here: the law that asks (`e2e/test_laws`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from syncd.core.model import Side
from syncd.engine.world import World
from syncd.lab.histories import BY_SYNCD, Moment
from syncd.lab.hubs import Hubs
from tests.engine.town import Plot, compile_maps

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
SPOT = ("crm", "contacts", "c1", "name")


@pytest.mark.parametrize(
    ("minute", "writers"),
    [(0, set()), (2, {"pair/people"}), (4, set()), (None, set())],
    ids=["before either", "people's", "this map's own", "when is not told"],
)
def test_who_wrote_last_before_a_value_came_has_put_it_there(minute: int | None, writers: set[str]) -> None:
    """Both maps wrote the same value once: what counts is which did so last, not that the other had before."""
    contacts, people, _ = compile_maps(Plot())
    wrote = [
        (contacts.key, "Ann", NOON),
        (people.key, "Ann", NOON + 2 * MINUTE),
        (contacts.key, "Ann", NOON + 4 * MINUTE),
    ]
    hubs = Hubs(cast(World, None), wrote={SPOT: wrote})
    asked = None if minute is None else NOON + minute * MINUTE + timedelta(seconds=1 if minute else -1)
    put = Moment("Ann", BY_SYNCD, NOON + 9 * MINUTE, asked)
    assert hubs.writers(contacts, Side.LEFT, "c1", "name", put, None) == writers
