"""The audit finds exactly what was planted behind the engine's back, says what it is, and heals it by plan alone."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import pytest

from syncd.core.model import Operation, Outcome, Result, Side
from syncd.engine.answers import release
from syncd.engine.audit import Found
from syncd.engine.auditing import begin_slice, bite, figures, summary
from syncd.engine.run import work
from syncd.engine.world import Guard
from syncd.service.daemon import Daemon
from syncd.store.marks import DUE, HELD, PARKED, PLANNED, Mark
from tests.conftest import LONG
from tests.engine.doings import decide, edit, rest
from tests.engine.planting import (
    CONTACTS,
    Gardener,
    all_links,
    by_reason,
    contacts_map,
    findings,
    full_town,
    looked,
    take_map,
)
from tests.engine.stage import Crash, Cue
from tests.engine.test_rules import with_mode
from tests.engine.town import Town
from tests.engine.vendor import Traits

LEFT, RIGHT = Side.LEFT, Side.RIGHT
LINKS = 10_000 if LONG else 300
FIFTY = {"missed": 16, "unexplained": 14, "lag": 6, "gone": 4, "unlinked": 2, "conflict": 4, "lossy": 4}


def plant_fifty(town: Town) -> Gardener:
    """Fifty differences of seven sorts."""
    gardener = Gardener(town)
    for _ in range(FIFTY["conflict"]):
        gardener.conflict()
    for _ in range(FIFTY["lossy"]):
        gardener.long()
    gardener.carried()
    for number in range(FIFTY["missed"]):
        side, rule = ((LEFT, "name"), (RIGHT, "phone"), (LEFT, "note"), (RIGHT, "city"))[number % 4]
        gardener.missed(side, rule, f"m {number}")
    for number in range(FIFTY["unexplained"]):
        gardener.drifted(*((LEFT, "phone"), (RIGHT, "note"), (LEFT, "tag"))[number % 3], f"d {number}")
    for number in range(FIFTY["gone"]):
        gardener.gone((LEFT, RIGHT)[number % 2])
    for _ in range(FIFTY["unlinked"]):
        gardener.unlinked()
    for number in range(FIFTY["lag"]):
        gardener.lagging((LEFT, RIGHT)[number % 2], "name", f"l {number}")
    return gardener


@pytest.mark.timeout(3600 if LONG else 180)
def test_fifty_planted_differences_are_found_and_healed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is found in its class and nothing else is; marked, held by the guard and allowed, both sides are equal."""
    with full_town(LINKS, monkeypatch) as town:
        assert findings(looked(town)) == set()
        gardener = plant_fifty(town)
        assert by_reason(gardener.planted) == FIFTY
        assert len(gardener.planted) == 50
        before = writes(town)
        assert findings(looked(town, heal=True)) == gardener.planted
        assert writes(town) == before
        world = with_mode(town.world, "live", Guard(updates=10))
        assert work(world, world.pairs[0]).state == "held"
        assert writes(town) == before
        assert release(world, world.pairs, approve=True) > 0
        for number in range(FIFTY["conflict"]):
            decide(town, number, "left")
        rest(town)
        assert by_reason(findings(looked(town))) == {"lossy": FIFTY["lossy"]}
        with town.store.read() as tx:
            rows = figures(tx, [CONTACTS])
            assert tx.marks.resting(HELD) == []
        assert {row["parity"] for row in rows} == {100.0}
        assert {row["compared"] for row in rows} == {len(all_links(town))} == {LINKS - FIFTY["gone"]}


def writes(town: Town) -> int:
    """How often the vendors were written to."""
    return sum(1 for vendor in town.vendors.values() for call in vendor.calls if call[0] == "write")


def test_an_audit_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without healing no mark is made, no snapshot moves, and nothing is written, whatever was found."""
    with full_town(20, monkeypatch) as town:
        gardener = Gardener(town)
        gardener.missed(LEFT, "name", "unseen")
        gardener.drifted(LEFT, "phone", "999")
        gardener.gone(RIGHT)
        before = state(town)
        assert findings(looked(town)) == gardener.planted
        assert findings(looked(town)) == gardener.planted
        assert state(town) == before


def test_a_second_healing_finds_it_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was marked is lag from then on, whether it is due, only planned or held; it is not marked twice."""
    with full_town(5, monkeypatch) as town:
        gardener = Gardener(town)
        gardener.missed(LEFT, "name", "unseen")
        gardener.drifted(RIGHT, "phone", "999")
        assert by_reason(findings(looked(town, heal=True))) == {"missed": 1, "unexplained": 1}
        for mode, guard in (("paused", None), ("plan", None), ("live", Guard(updates=1))):
            world = with_mode(town.world, mode, guard)
            Daemon(world).prepare()
            work(world, world.pairs[0])
            before = marks(town)
            assert by_reason(findings(looked(town, heal=True))) == {"lag": 2}
            assert marks(town) == before
        assert release(town.world, [town.pair], approve=True) == 2
        rest(town)
        assert findings(looked(town)) == set()


def test_what_drifted_and_is_asked_stays_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `first_link: ask` the values are listed as an open conflict, which no later plan closes by itself."""
    with full_town(3, monkeypatch, first_link="ask") as town:
        gardener = Gardener(town)
        gardener.drifted(LEFT, "phone", "999")
        link = next(one for one in all_links(town) if (one.left_id, "phone", "unexplained") in gardener.planted)
        looked(town, heal=True)
        rest(town)
        edit(town, "crm", "contacts", link.left_id, {"name": "Other"})
        rest(town)
        assert findings(looked(town)) == {(link.left_id, "phone", "conflict")}
        decide(town, 0, "left")
        rest(town)
        assert findings(looked(town)) == set()
        assert town.vendors["con"].rows["contacts"][link.right_id].fields["phone"] == "999"


def test_a_missed_edit_is_carried_as_if_it_had_been_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hole in the feed: the side that changed flows, also against the map's first link."""
    with full_town(3, monkeypatch) as town:
        gardener = Gardener(town)
        gardener.missed(RIGHT, "name", "unseen")
        looked(town, heal=True)
        rest(town)
        ((id_, _, _),) = gardener.planted
        assert town.vendors["crm"].rows["contacts"][id_].fields["name"] == "unseen"


@pytest.mark.parametrize("name", ["Same", "Bartholomew Longer"])
def test_what_is_equal_is_no_difference_although_the_feed_missed_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both sides were given one value unseen: full parity, to the letter or up to a loss; healing reads them anew."""
    with full_town(3, monkeypatch) as town:
        gardener = Gardener(town)
        link = gardener.next()
        gardener.silently(LEFT, link, name=name)
        gardener.silently(RIGHT, link, name=name[:12])
        assert by_reason(findings(looked(town))) == ({} if name == "Same" else {"lossy": 1})
        assert marks(town) == []
        with town.store.read() as tx:
            assert {row["parity"] for row in figures(tx, [CONTACTS])} == {100.0}
        looked(town, heal=True)
        assert [mark.id for mark in marks(town)] == [link.left_id]
        before = writes(town)
        rest(town)
        looked(town, heal=True)
        assert (writes(town), marks(town)) == (before, [])


def test_records_that_wait_for_a_person_are_told_by_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """A field without counterpart is unmapped and explains no other field; a refused record is parked as a whole."""
    with full_town(4, monkeypatch) as town:
        tag = '{left: tag, right: tag, direction: "->", drift: keep}'
        take_map(town, contacts_map({tag: '{left: tag, right: tag, direction: "->", values: {warm: warm}}'}))
        gardener = Gardener(town)
        one, two = gardener.next(), gardener.next()
        edit(town, "crm", "contacts", one.left_id, {"tag": "unheard of"})
        monkeypatch.setattr(type(town.world.connectors["con"]), "_done", _refused)
        edit(town, "crm", "contacts", two.left_id, {"name": "Anna"})
        gardener.carried()
        gardener.silently(LEFT, one, name="unseen")
        assert findings(looked(town)) == {
            (one.left_id, "tag", "unmapped"), (one.left_id, "name", "missed"), (two.left_id, "name", "parked"),
        }  # fmt: skip


def _refused(_self: object, _kind: str, operation: Operation, _sent: datetime) -> Outcome:
    """The vendor refuses every write."""
    return Outcome(operation=operation.id, result=Result.REFUSED, error="not allowed")


def test_a_field_that_only_a_condition_reads_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that the feed did not tell counts as missed where the map's `only` or `create` looks at it."""
    with full_town(3, monkeypatch) as town:
        take_map(town, contacts_map({"lane: lead": "only: \"left.serial != 'secret'\"\nleave: unlink"}))
        gardener = Gardener(town)
        link = gardener.next()
        gardener.silently(LEFT, link, serial="secret")
        assert findings(looked(town, heal=True)) == {(link.left_id, "", "missed")}
        rest(town)
        assert len(all_links(town)) == 2


def test_a_merge_that_no_feed_told_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The link's record answers under another id: gone, and after healing the link goes on with it."""
    with full_town(3, monkeypatch) as town:
        link = Gardener(town).next()
        crm = town.vendors["crm"]
        new = crm.create("contacts", dict(crm.rows["contacts"][link.left_id].fields), "person")
        crm.pending.clear()
        crm.merge("contacts", link.left_id, new.id)
        crm.pending.clear()
        assert findings(looked(town, heal=True)) == {(link.left_id, "", "gone")}
        rest(town)
        assert {one.right_id for one in all_links(town) if one.left_id == new.id} == {link.right_id}


def test_what_the_map_ignores_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deleted record whose deletion the map ignores leaves its link open, and that is as the map means it."""
    with full_town(3, monkeypatch, left=Traits(tombstones=True)) as town:
        take_map(town, contacts_map({"delete: {left: flag, right: flag}": "delete: {left: ignore, right: ignore}"}))
        gardener = Gardener(town)
        link = gardener.next()
        town.vendors["crm"].delete("contacts", link.left_id)
        gardener.carried()
        assert findings(looked(town)) == {(link.left_id, "", "kept")}


def test_slices_see_everything_in_as_many_nights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each night its share; a hole in a feed is marked, drift waits for a person; the figures are whole at the end."""
    with full_town(30, monkeypatch) as town:
        m = town.world.maps[CONTACTS]
        monkeypatch.setattr("syncd.engine.auditing.PAGE", 4)
        gardener = Gardener(town)
        gardener.missed(LEFT, "name", "unseen")
        gardener.drifted(RIGHT, "phone", "999")
        found = []
        for night in ("1", "2", "3"):
            for _ in range(2):  # the second time in a night nothing is begun
                begin_slice(town.world, m, night, 3)
            pages = list(iter(lambda: bite(town.world, m), None))
            assert sum(page.compared[""] for page in pages) == 10
            with town.store.read() as tx:
                assert {row.whole for row in tx.parities.of(CONTACTS)} == {night == "3"}
            found += pages
        assert findings(found) == gardener.planted
        begin_slice(town.world, m, "4", 3)
        assert bite(town.world, m) is not None
        with town.store.read() as tx:
            rows = {row["field"]: row for row in figures(tx, [CONTACTS])}
            (line,) = summary(tx, [CONTACTS])
        assert (rows["name"]["compared"], rows["name"]["missed"], rows["name"]["parity"]) == (30, 1, 96.667)
        assert (line["missed"], line["unexplained"]) == (1, 1)
        assert [mark.id for mark in marks(town)] == [i for i, _, reason in gardener.planted if reason == "missed"]
        rest(town)
        assert by_reason(findings(looked(town))) == {"unexplained": 1}


def test_a_kill_after_a_page_forgets_nothing_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at any point, the audit has moved on only if what it found there is marked."""
    for points in range(1, 12):
        with full_town(2, monkeypatch) as town:
            m = town.world.maps[CONTACTS]
            Gardener(town).missed(LEFT, "name", "unseen")
            begin_slice(town.world, m, "1", 1)
            town.stage.crash_in(points)
            with suppress(Crash):
                bite(town.world, m)
            town.stage.cues.clear()
            with town.store.read() as tx:
                moved = bool(tx.parities.of(CONTACTS))
            assert len(marks(town)) == moved


def test_a_page_that_another_process_looked_at_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with the same bite in their hands: whoever is second notes nothing."""
    with full_town(4, monkeypatch) as town:
        m = town.world.maps[CONTACTS]
        begin_slice(town.world, m, "1", 1)
        rival = town.another()
        seen = []

        def meanwhile(_busy: object) -> bool:
            seen.append(bite(rival, m))
            return True

        town.stage.cues.append(Cue(2, meanwhile, outside=True))
        assert bite(town.world, m) == Found()
        assert seen[0] is not None and seen[0].compared[""] == 4
        with town.store.read() as tx:
            assert {row.compared for row in tx.parities.of(CONTACTS)} == {4}


def state(town: Town) -> object:
    """All that a look must leave alone."""
    with town.store.read() as tx:
        shots = [tx.snapshots.page(system, "contacts", after="") for system in town.vendors]
    return writes(town), marks(town), shots, all_links(town)


def marks(town: Town) -> list[Mark]:
    """Every mark there is."""
    with town.store.read() as tx:
        return [mark for state in (DUE, PARKED, PLANNED, HELD) for mark in tx.marks.resting(state)]
