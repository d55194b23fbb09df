"""A changed map is carried to what was linked before: shown first, marked quietly, weighed as a whole, never lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import pytest

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Operation, Outcome, Side
from syncd.engine.answers import mark_rows, status
from syncd.engine.applying import PAGE, Progress, apply, release
from syncd.engine.maps import adopt
from syncd.engine.run import work
from syncd.engine.world import Guard
from syncd.fieldmaps import load
from syncd.service.impact import gone_over
from syncd.store.marks import COMING, DUE, HELD, PARKED, PLANNED
from tests.engine import town as towns
from tests.engine.doings import cycle, edit, make, read_feed, rest
from tests.engine.planting import CONTACTS, all_links, contacts_map, full_town, take_map
from tests.engine.stage import Crash
from tests.engine.test_rules import linked, rows, town_of, with_mode
from tests.engine.town import SCHEMAS, SYSTEMS, Town
from tests.engine.vendor import MemoryConnector, Traits

WAIT = timedelta(minutes=10)


def changed(first_link: str = "left", **more: str) -> FieldMap:
    """The map of contacts, but one note is called otherwise on the right; `more` are pieces and what replaces them."""
    old = "{left: note, right: note, owner: ask}"
    return contacts_map({old: f"{old[:-1]}, values: {{as it was: AS IT IS}}}}", **more}, first_link)


def notes(town: Town) -> set[object]:
    """What the right side's notes say."""
    return {row.fields["note"] for row in rows(town, "con", "contacts")}


def in_state(town: Town, state: str) -> int:
    """How many marks of the contacts are in a state."""
    with town.store.read() as tx:
        return len(tx.marks.resting(state, CONTACTS))


def applied(town: Town) -> None:
    """The whole application, to its end."""
    for _ in apply(town.world, town.world.maps[CONTACTS]):
        pass
    release(town.world, town.world.maps[CONTACTS], WAIT)


def test_a_changed_map_is_not_retroactive_until_it_is_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was linked stays as it is; applied, the side that the map names wins, and what lost is listed."""
    with full_town(30, monkeypatch) as town:
        take_map(town, changed())
        rest(town)
        assert notes(town) == {"as it was"}
        m = town.world.maps[CONTACTS]
        seen = gone_over(town.world, m)
        assert seen.links == 30
        (row,) = seen.rules
        assert {name: count for name, count in row.items() if count} == {"rule": "note", "write right": 30}
        assert in_state(town, DUE) == 0
        applied(town)
        rest(town)
        assert notes(town) == {"AS IT IS"}
        with town.store.read() as tx:
            assert {row.state for row in tx.conflicts.list(states=["overruled", "open"])} == {"overruled"}
        assert gone_over(town.world, m).rules == []


@pytest.mark.parametrize("reads", [True, False])
def test_what_was_edited_while_a_rule_was_out_of_the_map_is_read_when_it_is_back(reads: bool) -> None:
    """The feed did not ask for the field meanwhile and stored the edit without it: its kind is read once more."""
    with town_of(left=Traits(reads=reads)) as town:
        whole = contacts_map({})
        take_map(town, whole)
        left, right = linked(town)
        take_map(town, contacts_map({"  - {left: phone, right: phone, owner: right}\n": ""}))
        rest(town)
        edit(town, "crm", "contacts", left.id, {"phone": "999"})
        rest(town)
        take_map(town, whole)
        rest(town)
        applied(town)
        rest(town)
        assert right.fields["phone"] == "999"


def test_a_field_that_was_never_read_is_not_counted_as_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The preview says that it does not know it, in how many links; once it was read, what would be written."""
    rule = "  - {left: phone, right: phone, owner: right}\n"
    with town_of() as town:
        take_map(town, contacts_map({rule: ""}))
        left, _ = linked(town)
        edit(town, "crm", "contacts", left.id, {"phone": "999"})
        rest(town)
        take_map(town, contacts_map({}))
        m = town.world.maps[CONTACTS]
        (row,) = gone_over(town.world, m).rules
        assert (row["rule"], row["not read"], row["write right"]) == ("phone", 1, 0)
        town.world = with_mode(town.world, "plan")
        rest(town)
        (row,) = gone_over(town.world, m).rules
        assert (row["rule"], row["not read"], row["write right"]) == ("phone", 0, 1)


def deals_map(values: str) -> FieldMap:
    """The map of deals, whose texts are carried by these values, and whose contacts are not pulled across."""
    text = towns.DEALS % {"keys": "", "first_link": "left", "drift": "keep", "delete": "flag"}
    text = text.replace("create: true", "create: false").replace("right: text, owner: right", f"right: text, {values}")
    schemas = {Side.LEFT: SCHEMAS["crm"]["deals"], Side.RIGHT: SCHEMAS["con"]["jobs"]}
    return load(text, pair="pair", systems=SYSTEMS, schemas=schemas)


def test_a_value_without_counterpart_is_told_and_mended_although_a_parent_is_missing_too() -> None:
    """A deal waits for a contact and has a text that the map cannot carry: both are told, the new map carries it."""
    with town_of() as town:
        take_map(town, deals_map("owner: left, values: {a: A}, unmapped: park"))
        left, _ = linked(town)
        cold = make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        deal = make(town, "crm", "deals", {"title": "D", "stage": "won", "text": "a", "contact": left.id})
        assert cold is not None
        assert deal is not None
        rest(town)
        edit(town, "crm", "deals", deal.id, {"contact": cold.id, "text": "b"})
        rest(town)
        with town.store.read() as tx:
            (mark,) = tx.marks.resting(PARKED)
        assert mark.cause == "unmapped"
        assert mark.waits_for == f"crm:contacts:{cold.id}"
        assert all(word in str(mark.reason) for word in (cold.id, "'b'"))
        take_map(town, deals_map("owner: left, values: {a: A, b: B}, unmapped: park"))
        rest(town)
        assert [row.fields["text"] for row in rows(town, "con", "jobs")] == ["B"]


def test_where_the_map_asks_a_person_is_asked_and_stays_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `first_link: ask` nothing is written; the conflicts stay open although neither side changed since."""
    with full_town(3, monkeypatch) as town:
        take_map(town, changed("ask"))
        applied(town)
        rest(town)
        for link in all_links(town):
            edit(town, "crm", "contacts", link.left_id, {"phone": "77"})
        rest(town)
        assert notes(town) == {"as it was"}
        with town.store.read() as tx:
            assert len(tx.conflicts.list(states=["open"])) == 3
        assert gone_over(town.world, town.world.maps[CONTACTS]).rules == []


def test_what_a_person_keeps_is_not_decided_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """An edit on the target of a one-way rule, kept and listed, outlives an application of the map."""
    with full_town(3, monkeypatch) as town:
        link = all_links(town)[0]
        edit(town, "con", "contacts", link.right_id, {"tag": "mine"})
        rest(town)
        take_map(town, changed())
        applied(town)
        rest(town)
        assert town.vendors["con"].rows["contacts"][link.right_id].fields["tag"] == "mine"


def test_an_application_that_was_killed_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is due before all is marked, wherever it was killed; then the guard holds it as a whole."""
    with full_town(30, monkeypatch) as town:
        monkeypatch.setattr("syncd.engine.applying.PAGE", 7)
        take_map(town, changed())
        for point in (2, 5, 4):
            town.stage.crash_in(point)
            with pytest.raises(Crash):
                applied(town)
            town.reborn()
            adopt(town.world)
            assert in_state(town, DUE) == 0
            assert work(town.world, town.world.pairs[0]).run is None
        with town.store.read() as tx:
            assert Progress.of(tx, town.world.maps[CONTACTS]).done > 0
        applied(town)
        assert in_state(town, COMING) == 0
        town.stage.now += WAIT
        world = with_mode(town.world, "live", Guard(updates=10))
        assert work(world, world.pairs[0]).state == "held"
        assert in_state(town, HELD) == 30
        assert notes(town) == {"as it was"}


def test_an_application_that_nobody_ends_keeps_no_parked_edit_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed after its first page, and never called again: what is parked is listed, and goes on when it can."""
    with full_town(3, monkeypatch) as town:
        phone = "{left: phone, right: phone, owner: left, unmapped: park, values: {'0': '0', '1': '1', '2': '2'%s}}"
        narrow, wide = (
            contacts_map({"{left: phone, right: phone, owner: right}": phone % more}) for more in ("", ", '7': '7'")
        )
        take_map(town, narrow)
        link = all_links(town)[0]
        edit(town, "crm", "contacts", link.left_id, {"phone": "7"})
        rest(town)
        next(apply(town.world, narrow))
        with town.store.read() as tx:
            told = status(tx, town.stage.now, [], [])
            assert (told["parked"], told["coming"]) == (1, 2)
        take_map(town, wide)
        rest(town)
        assert town.vendors["con"].rows["contacts"][link.right_id].fields["phone"] == "7"


def test_a_daemon_has_time_to_read_the_changed_map(monkeypatch: pytest.MonkeyPatch) -> None:
    """While the last run was made by the old map, nothing is due yet; when the new map has run, it is due at once."""
    with full_town(3, monkeypatch) as town:
        take_map(town, changed())
        applied(town)
        assert work(town.world, town.world.pairs[0]).run is None
        town.stage.now += WAIT
        assert work(town.world, town.world.pairs[0]).run is not None
        applied(town)
        assert work(town.world, town.world.pairs[0]).run is not None


def test_what_is_parked_before_an_application_is_due_waits_since_it_was_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edited while the daemon has time to read the map, and parked: since a moment that was, not one that will be."""
    with full_town(3, monkeypatch) as town:
        phone = "{left: phone, right: phone, owner: left, unmapped: park, values: {'0': '0', '1': '1', '2': '2'}}"
        take_map(town, contacts_map({"{left: phone, right: phone, owner: right}": phone}))
        before = town.stage.now
        applied(town)
        after = town.stage.now
        edit(town, "crm", "contacts", all_links(town)[0].left_id, {"phone": "7"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        work(town.world, town.world.pairs[0])
        with town.store.read() as tx:
            (found,) = mark_rows(tx, town.world.maps, tx.marks.resting(PARKED))
        assert before <= datetime.fromisoformat(found["since"]) <= after


def test_in_mode_plan_it_is_only_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pair in mode plan writes nothing; every change rests with its plan."""
    with full_town(3, monkeypatch) as town:
        take_map(town, changed())
        town.world = with_mode(town.world, "plan")
        applied(town)
        town.stage.now += WAIT
        work(town.world, town.world.pairs[0])
        assert in_state(town, PLANNED) == 3
        assert notes(town) == {"as it was"}


def test_a_lead_goes_before_an_application_and_is_written_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is applied is written without automations, after what people did; an edit of such a record is not quiet."""
    with full_town(5, monkeypatch, batch=1) as town:
        quiet: list[tuple[str, bool]] = []
        connector = town.world.connectors["con"]
        write = type(connector).write

        def noted(self: MemoryConnector, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
            quiet.extend((str(op.action), op.quiet) for op in operations if self.vendor.name == "con")
            return write(self, kind, operations)

        monkeypatch.setattr(type(connector), "write", noted)
        take_map(town, changed())
        applied(town)
        town.stage.now += WAIT
        edit(town, "crm", "contacts", all_links(town)[4].left_id, {"name": "Anna"})
        make(town, "crm", "contacts", {"email": "lead@x.example"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        cycle(town)
        assert sorted(quiet[:2]) == [("create", False), ("update", False)]
        assert quiet[2:] == [("update", True)] * 4


def test_records_that_the_map_wants_now_are_carried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A condition of creation that was widened takes in what was left out, once the map is applied."""
    with full_town(2, monkeypatch) as town:
        make(town, "crm", "contacts", {"email": "cold@x.example", "tag": "cold"})
        rest(town)
        take_map(town, changed(**{"left.tag != 'cold'": "true"}))
        rest(town)
        assert len(rows(town, "con", "contacts")) == 2
        seen = gone_over(town.world, town.world.maps[CONTACTS])
        assert (seen.unlinked, seen.new) == (1, 1)
        applied(town)
        rest(town)
        assert len(rows(town, "con", "contacts")) == 3


def test_pages_are_larger_than_what_these_towns_hold() -> None:
    """The directed tests shorten the page; the daemon's is worth its transaction."""
    assert PAGE >= 100
