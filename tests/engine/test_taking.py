"""Taking a side in a conflict that somebody else settled meanwhile.

What is not here: choices that lose their answer (`test_reviewed`), and the verbs (`tests/cli`).
"""

from __future__ import annotations

import pytest

from syncd.engine.answers import take
from syncd.errors import ConfigError
from syncd.store.conflicts import Conflict
from tests.engine.doings import edit, rest
from tests.engine.test_rules import linked, town_of
from tests.engine.town import Town
from tests.engine.vendor import Row, Traits


def at_odds(town: Town) -> tuple[Row, Row, Conflict]:
    """Two linked records whose note says L and R, and the conflict that asks which."""
    left, right = linked(town)
    edit(town, "crm", "contacts", left.id, {"note": "L"})
    edit(town, "con", "contacts", right.id, {"note": "R"})
    rest(town)
    with town.store.read() as tx:
        (asked,) = tx.conflicts.list(states=["open"])
    return left, right, asked


def test_a_conflict_that_both_sides_settled_meanwhile_is_not_taken_with_its_old_values() -> None:
    """Somebody still has the list before him; both sides were typed the same since: nothing is written over that."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right, asked = at_odds(town)
        for vendor, id_ in (("crm", left.id), ("con", right.id)):
            edit(town, vendor, "contacts", id_, {"note": "same"})
        rest(town)
        with pytest.raises(ConfigError, match="the values moved"):
            take(town.world, asked.id, "right")
        rest(town)
        notes = [town.vendors[v].rows["contacts"][i].fields["note"] for v, i in (("crm", left.id), ("con", right.id))]
        assert notes == ["same", "same"]
