"""Taking a side in a conflict that somebody else settled meanwhile.

What is not here: choices that lose their answer (`test_reviewed`), and the verbs (`tests/cli`).
"""

from __future__ import annotations

import pytest

from syncd.core.model import Side
from syncd.engine.answers import take
from syncd.engine.planning import lost_row
from syncd.errors import ConfigError
from syncd.store.conflicts import Conflict
from tests.engine.doings import edit, judge, rest
from tests.engine.planting import all_links, contacts_map, full_town, take_map
from tests.engine.test_rules import linked, town_of
from tests.engine.town import Town
from tests.engine.vendor import Row, Traits

LISTED = ("open", "overruled", "kept")


def at_odds(town: Town) -> tuple[Row, Row, Conflict]:
    """Two linked records whose note says L and R, and the conflict that asks which."""
    left, right = linked(town)
    edit(town, "crm", "contacts", left.id, {"note": "L"})
    edit(town, "con", "contacts", right.id, {"note": "R"})
    rest(town)
    with town.store.read() as tx:
        (asked,) = tx.conflicts.list(states=["open"])
    return left, right, asked


def overruled(town: Town) -> tuple[Row, Row, Conflict]:
    """A phone that both sides changed, where the left lost; both rows, and the conflict as it is listed."""
    left, right = linked(town)
    edit(town, "crm", "contacts", left.id, {"phone": "L"})
    edit(town, "con", "contacts", right.id, {"phone": "R"})
    rest(town)
    (one,) = listed(town, "overruled")
    return left, right, one


def listed(town: Town, *states: str) -> list[Conflict]:
    """The conflicts in these states, by default those in which a value lost or is asked about."""
    with town.store.read() as tx:
        return tx.conflicts.list(states=states or LISTED)


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


def test_of_two_choices_about_one_field_the_later_counts() -> None:
    """Two values of one phone were overruled, and a person takes the newer one back, and then rather the older one."""
    with town_of() as town:
        left, right, first = overruled(town)
        edit(town, "crm", "contacts", left.id, {"phone": "L2"})
        edit(town, "con", "contacts", right.id, {"phone": "R2"})
        rest(town)
        second, again = listed(town, "overruled")
        assert again.id == first.id
        take(town.world, second.id, "left")
        take(town.world, first.id, "left")
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "L"
        assert [each.id for each in listed(town, "taken")] == [first.id]
        assert [(each.id, each.choice) for each in listed(town, "overruled")] == [(second.id, None)]


def test_an_old_value_is_not_taken_while_its_field_is_asked_about() -> None:
    """The question that is open comes first: the old choice would rest unseen, and be carried out long after it."""
    with town_of(left=Traits(reads=True), right=Traits(reads=True)) as town:
        left, right, asked = at_odds(town)
        with town.store.begin() as tx:
            tx.conflicts.list_lost([_older(asked, town)])
        (old,) = listed(town, "overruled")
        with pytest.raises(ConfigError, match=f"asked about in conflict {asked.id}"):
            take(town.world, old.id, "left")
        take(town.world, asked.id, "right")
        rest(town)
        assert left.fields["note"] == right.fields["note"] == "R"


def _older(asked: Conflict, town: Town) -> dict[str, object]:
    """A value of the same field that was overruled before."""
    ids = (asked.left_id, asked.right_id)
    return lost_row(asked.map, asked.link, ids, asked.rule, ("old", "R"), "overruled", reason="x", at=town.stage.now)


def test_a_taken_value_without_a_counterpart_is_asked_about_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could carry it: the choice lapses, and the question says why, until another is taken."""
    with full_town(1, monkeypatch) as town:
        phone = "{left: phone, right: phone, owner: ask, unmapped: skip, values: {'0': '0', '7': '7'}}"
        take_map(town, contacts_map({"{left: phone, right: phone, owner: right}": phone}))
        (link,) = all_links(town)
        edit(town, "crm", "contacts", link.left_id, {"phone": "7"})
        edit(town, "con", "contacts", link.right_id, {"phone": "9"})
        rest(town)
        (asked,) = listed(town, "open")
        take(town.world, asked.id, "right")
        rest(town)
        (again,) = listed(town, "open")
        assert (again.id, again.choice, again.left, again.right) == (asked.id, None, "7", "9")
        assert again.reason.startswith("what was taken has no counterpart: "), again.reason
        take(town.world, asked.id, "left")
        rest(town)
        assert town.vendors["con"].rows["contacts"][link.right_id].fields["phone"] == "7"
        assert listed(town, "open") == []


@pytest.mark.parametrize("state", ["open", "overruled"])
def test_nothing_is_taken_of_what_was_never_read(state: str) -> None:
    """A merge has put the link at a record that no feed has shown yet: a sentence, and a minute later it is taken."""
    with town_of() as town:
        left, right, one = (at_odds if state == "open" else overruled)(town)
        with town.store.begin() as tx:
            (link,) = tx.links.all("pair/contacts")
            tx.links.move(link.id, Side.LEFT, "survivor")
        with pytest.raises(ConfigError, match=r"crm:contacts:survivor was not read yet\. Try again"):
            take(town.world, one.id, "left")
        with town.store.begin() as tx:
            tx.links.move(link.id, Side.LEFT, left.id)
        take(town.world, one.id, "left")
        judge(town)
        assert "L" in (right.fields["note"], right.fields["phone"])
