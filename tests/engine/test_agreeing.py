"""Equal values end a matter only if they stood at one moment: neither side was edited after the other was last read.

What is not here: who wins where values differ (`test_rules`).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.model import Value
from tests.engine.doings import cycle, edit, judge, read_feed, run
from tests.engine.test_rules import linked, town_of
from tests.engine.test_taking import at_odds, listed
from tests.engine.town import Town
from tests.engine.vendor import Row, Traits

NAMES = ("crm", "con")
LAG = timedelta(seconds=30)


def types(town: Town, at: int, row: Row, note: Value) -> None:
    """A person types a note on the left (0) or on the right (1)."""
    edit(town, NAMES[at], "contacts", row.id, {"note": note})


@pytest.mark.parametrize("first", [0, 1], ids=NAMES)
@pytest.mark.parametrize("value", [None, "same"])
def test_an_agreement_with_what_was_typed_over_before_is_none(first: int, value: Value) -> None:
    """One side types what the other said when it was last read; that one had typed on just before: both are asked."""
    with town_of() as town:
        *rows, _ = at_odds(town)
        types(town, first, rows[first], value)
        town.stage.now += timedelta(seconds=60)
        read_feed(town, NAMES[first], "contacts")
        run(town)
        types(town, first, rows[first], "newer")
        town.stage.now += timedelta(milliseconds=7)
        types(town, 1 - first, rows[1 - first], value)
        town.stage.now += timedelta(seconds=60)
        read_feed(town, NAMES[1 - first], "contacts")
        run(town)
        judge(town)
        assert (rows[first].fields["note"], rows[1 - first].fields["note"]) == ("newer", value)
        (asked,) = listed(town, "open")
        assert {asked.left, asked.right} == {"newer", value}


@pytest.mark.parametrize("first", [0, 1], ids=NAMES)
def test_a_row_of_a_lagging_list_is_no_witness(first: int) -> None:
    """The list that shows the equal value was asked after the other's edit, and is older than that."""
    sides = ("left", "right")
    with town_of(**{sides[first]: Traits(lag=LAG), sides[1 - first]: Traits(lag=timedelta(0))}) as town:
        *rows, _ = at_odds(town)
        vendor = town.vendors[NAMES[first]]
        types(town, first, rows[first], "same")
        town.stage.now += LAG
        vendor.settle()
        types(town, first, rows[first], "newer")
        types(town, 1 - first, rows[1 - first], "same")
        late, vendor.pending = vendor.pending, []
        town.stage.now += timedelta(seconds=2)
        for name in NAMES:
            read_feed(town, name, "contacts")
        run(town)
        vendor.pending = late
        judge(town)
        assert (rows[first].fields["note"], rows[1 - first].fields["note"]) == ("newer", "same")
        assert len(listed(town, "open")) == 1


def test_what_both_type_the_same_is_agreed_after_a_look() -> None:
    """The conflict is closed, nothing is written, and one side is read once more."""
    with town_of() as town:
        left, right, _ = at_odds(town)
        types(town, 0, left, "same")
        town.stage.now += timedelta(seconds=60)
        types(town, 1, right, "same")
        before = {name: len(town.vendors[name].calls) for name in NAMES}
        cycle(town)
        cycle(town)
        assert listed(town, "open") == []
        verbs = [verb for name in NAMES for verb, _, _ in town.vendors[name].calls[before[name] :]]
        assert verbs.count("read") == 1 and "write" not in verbs, verbs


def test_a_first_link_of_equals_needs_no_look() -> None:
    """Whoever stood as he stands when both sides were read through is linked without another question."""
    with town_of() as town:
        linked(town)
        (one,) = town.vendors["crm"].rows["contacts"].values()
        town.vendors["crm"].create("contacts", {**one.fields, "email": "bo@x.example", "serial": "b"}, "person")
        town.vendors["con"].create("contacts", {**one.fields, "email": "bo@x.example", "serial": "b"}, "person")
        town.stage.now += timedelta(seconds=60)
        reads = [len(town.vendors[name].calls) for name in NAMES]
        judge(town)
        made = [town.vendors[name].calls[start:] for name, start in zip(NAMES, reads, strict=True)]
        assert not [call for calls in made for call in calls if call[0] == "write"]
