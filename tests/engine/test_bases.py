"""What a link remembers of fields before anything was decided about them: that somebody cleared one, and no more.

What is not here: bases that were settled (`test_rules`), and what is decided by them (`tests/core`).
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from syncd.core.model import Record, Ref, Side, Value
from syncd.engine.base import base_of, knowing, moved, pinned
from syncd.store.links import Link
from syncd.store.snapshots import Snapshot
from tests.engine.test_rules import town_of


def snapshot(**fields: Value) -> Snapshot:
    """A contact that holds these."""
    return Snapshot(Record(ref=Ref("crm", "contacts", "1"), fields=fields), fields)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["1", None], "1"),
        (["1", "  "], "1"),
        (["1", None, "  "], "1"),
        (["1", None, "1"], None),
        (["1", None, "2"], None),
        (["1", "2"], None),
        ([None, "1"], None),
    ],
)
def test_only_what_was_cleared_is_remembered_without_a_base(values: list[Value], told: str | None) -> None:
    """Blanks of whatever kind are cleared; what stands there again, or stood there never, was not."""
    with town_of() as town:
        m, link = town.maps[0], Link(id=1, map="pair/contacts", left_id="1", right_id="9")
        for before, now in pairwise(values):
            link = moved(m, Side.LEFT, link, {"phone": before}, snapshot(phone=now).record, None)
        base = base_of(m, link, snapshot(phone=values[-1]), snapshot(phone="9"))
        assert {name: shadow.value for name, shadow in base.left.items()} == ({"phone": told} if told else {})
        assert base.right == {}


def test_what_was_cleared_tells_nothing_where_a_survivor_holds_a_value() -> None:
    """A link goes on with another record: its values are as any at a first link, and so are they of a known rule."""
    with town_of() as town:
        m, link = town.maps[0], Link(id=1, map="pair/contacts", left_id="1", right_id="9")
        cleared = moved(m, Side.LEFT, link, {"phone": "1"}, snapshot(phone=None).record, None)
        moved_on = pinned(m, Side.LEFT, replace(cleared, left_id="2"), snapshot(phone=None))
        assert base_of(m, moved_on, snapshot(phone="3"), snapshot(phone="9")).left == {}
        known = knowing(moved_on, [rule.identity for rule in m.rules if rule.name == "phone"])
        assert base_of(m, known, snapshot(phone="3"), snapshot(phone="9")).left["phone"].value == "1"
