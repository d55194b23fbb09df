"""Equal values end a matter only if they stood at one moment: neither side was edited after the other was last read.

What is not here: who wins where values differ (`test_rules`).
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncd.core.model import Value
from tests.engine.doings import cycle, edit, hinted, judge, read_feed, run
from tests.engine.test_rules import linked, must, town_of
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
        must((rows[first].fields["note"], rows[1 - first].fields["note"]) == ("newer", value), "one was written over")
        (asked,) = listed(town, "open")
        assert {asked.left, asked.right} == {"newer", value}


def asked_at_first_link(town: Town) -> list[Row]:
    """Two records that differed when they were linked, about which a person is asked."""
    judge(town)
    for name, note in zip(NAMES, "LR", strict=True):
        fields = {"email": "ann@x.example", "name": "Ann", "phone": "1", "note": note, "serial": "s"}
        town.vendors[name].create("contacts", fields, "person")
    town.stage.now += timedelta(seconds=120)
    judge(town)
    return [next(iter(town.vendors[name].rows["contacts"].values())) for name in NAMES]


@pytest.mark.parametrize("since", ["an edit", "first link"])
@pytest.mark.parametrize("first", [0, 1], ids=NAMES)
def test_a_row_of_a_lagging_list_is_no_witness(first: int, since: str) -> None:
    """The list that shows the equal value was asked after the other's edit, and is older than that."""
    sides = ("left", "right")
    lags = {sides[first]: Traits(lag=LAG), sides[1 - first]: Traits(lag=timedelta(0))}
    with town_of(**lags, first_link="ask") as town:
        rows = asked_at_first_link(town) if since == "first link" else at_odds(town)[:2]
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
        must((rows[first].fields["note"], rows[1 - first].fields["note"]) == ("newer", "same"), "one was written over")
        must(len(listed(town, "open")) == 1, "nobody is asked")


def test_a_hint_of_one_side_is_no_look_at_both() -> None:
    """A webhook has the one side read that typed what the other said before: the other is looked at all the same."""
    with town_of() as town:
        left, right, _ = at_odds(town)
        types(town, 0, left, "same")
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        run(town)
        types(town, 0, left, "newer")
        types(town, 1, right, "same")
        hinted(town, "con", "contacts", right.id)
        run(town)
        judge(town)
        must((left.fields["note"], right.fields["note"]) == ("newer", "same"), "one was written over")


def test_a_rule_of_one_way_lists_what_it_passes_over() -> None:
    """What the receiving side was typed to, while the sending one was typed on, is listed before it is written over."""
    with town_of() as town:
        left, right = linked(town, tag="a")
        edit(town, "con", "contacts", right.id, {"tag": "x"})
        judge(town)
        edit(town, "crm", "contacts", left.id, {"tag": "newer"})
        town.stage.now += timedelta(milliseconds=7)
        edit(town, "con", "contacts", right.id, {"tag": "a"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "con", "contacts")
        run(town)
        judge(town)
        assert (left.fields["tag"], right.fields["tag"]) == ("newer", "newer")
        assert "a" in [one.right for one in listed(town, "overruled", "kept")]


@pytest.mark.parametrize("side", [0, 1], ids=NAMES)
def test_a_stamp_ahead_of_the_clock_has_nobody_looked_at_for_ever(side: int) -> None:
    """A vendor may stamp with another clock than it tells: one look is enough."""
    with town_of() as town:
        *rows, _ = at_odds(town)
        for at in (0, 1):
            types(town, at, rows[at], "same")
        rows[side].modified += timedelta(days=1)
        before = {name: len(town.vendors[name].calls) for name in NAMES}
        judge(town)
        verbs = [verb for name in NAMES for verb, _, _ in town.vendors[name].calls[before[name] :]]
        assert listed(town, "open") == [] and verbs.count("read") < 12, verbs.count("read")


def test_what_both_type_the_same_is_agreed_after_a_look() -> None:
    """The conflict is closed, nothing is written, and each side is read once more."""
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
        assert verbs.count("read") == 2 and "write" not in verbs, verbs


def test_a_first_link_of_equals_needs_no_look() -> None:
    """Whoever stood as he stands when both sides were read through is linked without another question."""
    with town_of() as town:
        linked(town)
        (one,) = town.vendors["crm"].rows["contacts"].values()
        for name in NAMES:
            fields = {**one.fields, "email": "bo@x.example", "serial": "b"}
            town.vendors[name].create("contacts", fields, "person")
        town.stage.now += timedelta(seconds=60)
        before = {name: len(town.vendors[name].calls) for name in NAMES}
        cycle(town)
        cycle(town)
        verbs = {verb for name in NAMES for verb, _, _ in town.vendors[name].calls[before[name] :]}
        assert not verbs & {"read", "write"}, verbs
