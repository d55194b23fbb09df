"""What a few missing records or fields mean: troubles that are over soon, and records that were erased for good.

Not here: what makes a system pause (`test_lookout`), and how a pause ends (`test_pauses`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from syncd.core.model import Record, Ref
from syncd.engine import lookout
from syncd.engine.intake import hint
from syncd.engine.lookout import believe
from syncd.engine.world import World
from syncd.service.daemon import Daemon
from syncd.store.marks import PARKED
from tests.engine.doings import edit, judge, make
from tests.engine.test_leaving import another
from tests.engine.test_lookout import access, an_hour, fields, reason, with_custom_fields
from tests.engine.test_rules import town_of
from tests.engine.town import Town
from tests.engine.vendor import MemoryConnector
from tests.service.test_troubles import feed_tick, pair_tick


def causes(town: Town) -> list[str | None]:
    """Why marks are parked."""
    with town.store.read() as tx:
        return [mark.cause for mark in tx.marks.resting(PARKED)]


def oldest(town: Town) -> list[tuple[str, str]]:
    """The open links, as they were made."""
    with town.store.read() as tx:
        return [(link.left_id, link.right_id) for link in tx.links.all("pair/contacts")]


def test_some_erased_records_among_the_oldest_are_no_missing_permission() -> None:
    """Six of the first ten were erased, and forty others answer: it goes on."""
    with town_of(batch=50) as town:
        for number in range(50):
            another(town, number)
        judge(town)
        daemon = Daemon(town.world)
        feed_tick(daemon, "con")
        for _, right in oldest(town)[:6]:
            town.vendors["con"].delete("contacts", right)
        town.stage.now += town.world.pace.look_every
        feed_tick(daemon, "con")
        assert reason(town) is None


def test_erased_canaries_are_learned() -> None:
    """Three of the oldest were erased for good: what is deleted after them is gone all the same."""
    with town_of(batch=50) as town:
        for number in range(30):
            another(town, number)
        judge(town)
        pairs, daemon = oldest(town), Daemon(town.world)
        feed_tick(daemon, "con")
        erased = [*pairs[:3], pairs[20]]
        for _, right in erased:
            town.vendors["con"].delete("contacts", right)
        edit(town, "crm", "contacts", pairs[20][0], {"name": "New"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "crm")
        pair_tick(daemon)
        an_hour(town, daemon)
        assert set(oldest(town)) == set(pairs) - set(erased)
        assert (causes(town).count("unseen"), reason(town)) == (0, None)


def test_a_short_trouble_parks_nothing_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a few seconds no record answers, between two looks: what was parked meanwhile goes on by itself."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(12)]
        judge(town)
        daemon = Daemon(town.world)
        feed_tick(daemon, "con")
        undo = access(town, monkeypatch)
        town.vendors["con"].rows["contacts"].clear()
        hint(town.world, [Ref("con", "contacts", right) for _, right in oldest(town)[1:3]])
        pair_tick(daemon)
        assert set(causes(town)) == {"unseen"}
        edit(town, "crm", "contacts", oldest(town)[1][0], {"note": "New"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "crm")
        pair_tick(daemon)
        assert set(causes(town)) == {"unseen"}
        undo()
        an_hour(town, daemon)
        assert (causes(town), reason(town)) == ([], None)
        edit(town, "crm", "contacts", people[3].id, {"name": "New"})
        judge(town)


def test_fields_that_are_back_soon_park_nothing_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two looks no custom field is told: what was parked meanwhile goes on, edited once more or not."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        people = [another(town, number) for number in range(12)]
        judge(town)
        right, daemon = dict(oldest(town)), Daemon(town.world)
        feed_tick(daemon, "con")
        undo = fields(town, monkeypatch)
        hint(town.world, [Ref("con", "contacts", right[one.id]) for one in people[1:4]])
        for note, edited in (("New", people[1:4]), ("Newer", people[3:4])):
            for one in edited:
                edit(town, "crm", "contacts", one.id, {"note": note})
            town.stage.now += timedelta(seconds=60)
            feed_tick(daemon, "crm")
            pair_tick(daemon)
            assert set(causes(town)) == {"drift"}
        undo()
        an_hour(town, daemon)
        assert (causes(town), reason(town)) == ([], None)
        notes = [town.vendors["con"].rows["contacts"][right[one.id]].fields["note"] for one in people[1:4]]
        assert notes == ["New", "New", "Newer"]


def test_what_stays_unseen_beside_others_is_tried_again_once() -> None:
    """More than one batch may miss are erased in an account where little else is hidden: no endless asking."""
    with town_of(batch=50) as town:
        for number in range(60):
            another(town, number)
        judge(town)
        daemon = Daemon(town.world)
        feed_tick(daemon, "con")
        erased = [right for _, right in oldest(town)[45:57]]
        for right in erased:
            town.vendors["con"].delete("contacts", right)
        hint(town.world, [Ref("con", "contacts", right) for right in erased])
        pair_tick(daemon)
        an_hour(town, daemon)
        before = len(town.vendors["con"].calls)
        assert set(causes(town)) == {"vanished"}
        for _ in range(5):
            feed_tick(daemon, "con")
            pair_tick(daemon)
            town.stage.now += timedelta(seconds=30)
        reads = [call for call in town.vendors["con"].calls[before:] if call[0] == "read"]
        assert reads == []


def test_a_word_that_records_were_deleted_is_no_word_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a person called deleted is gone; what is hidden an hour later is hidden, whoever asks for it."""
    with town_of(batch=50) as town:
        for number in range(40):
            another(town, number)
        judge(town)
        pairs, daemon = oldest(town), Daemon(town.world)
        feed_tick(daemon, "con")
        for _, right in pairs[:20]:
            town.vendors["con"].delete("contacts", right)
        hint(town.world, [Ref("con", "contacts", right) for _, right in pairs[1:4]])
        pair_tick(daemon)
        assert set(causes(town)) == {"unseen"}
        town.stage.now += town.world.pace.look_every
        feed_tick(daemon, "con")
        believe(town.world, "con:contacts")
        an_hour(town, daemon)
        assert (oldest(town), reason(town)) == (pairs[20:], None)
        access(town, monkeypatch)
        hint(town.world, [Ref("con", "contacts", right) for _, right in pairs[30:]])
        pair_tick(daemon)
        an_hour(town, daemon)
        assert oldest(town) == pairs[20:]
        assert "does not show" in (reason(town) or "")


def test_a_field_that_is_told_no_more_has_only_its_side_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """One field is really gone from a side: that side is looked at, now and then, however often it is met."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(12)]
        judge(town)
        daemon, told = Daemon(town.world), MemoryConnector._record
        town.stage.now += town.world.pace.look_every
        for system in ("con", "crm"):
            feed_tick(daemon, system)

        def record(self: MemoryConnector, kind: str, *more: Any, **named: Any) -> Record:
            whole = told(self, kind, *more, **named)
            hidden = self.vendor.name == "con" and kind == "contacts"
            return replace(whole, fields={k: v for k, v in whole.fields.items() if not (hidden and k == "note")})

        monkeypatch.setattr(MemoryConnector, "_record", record)
        town.stage.now += town.world.pace.look_every / 2
        looks: list[str] = []
        wrong = lookout._wrong

        def noted(world: World, system: str, *args: Any) -> Any:
            looks.append(system)
            return wrong(world, system, *args)

        monkeypatch.setattr(lookout, "_wrong", noted)
        hint(town.world, [Ref("con", "contacts", right) for _, right in oldest(town)])
        pair_tick(daemon)
        for n in range(20):
            edit(town, "crm", "contacts", people[n % 12].id, {"note": f"N {n}"})
            town.stage.now += timedelta(seconds=30)
            feed_tick(daemon, "crm")
            feed_tick(daemon, "con")
            pair_tick(daemon)
        assert "drift" in causes(town)
        assert set(looks) == {"con"}
        assert 1 < len(looks) < 5
        an_hour(town, daemon)
        assert set(causes(town)) == {"untold"}
        before = len(town.vendors["con"].calls)
        for _ in range(5):
            town.stage.now += timedelta(seconds=30)
            feed_tick(daemon, "con")
            pair_tick(daemon)
        assert [call for call in town.vendors["con"].calls[before:] if call[0] == "read"] == []


def test_a_record_that_cannot_be_matched_is_tried_again_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a new record is found by is not told of it, and of all others is: no endless asking."""
    with town_of(batch=50) as town:
        for number in range(12):
            another(town, number)
        judge(town)
        daemon, told = Daemon(town.world), MemoryConnector._record
        feed_tick(daemon, "con")

        def record(self: MemoryConnector, kind: str, *more: Any, **named: Any) -> Record:
            whole = told(self, kind, *more, **named)
            hidden = whole.fields.get("name") == "Bob"
            return replace(whole, fields={k: v for k, v in whole.fields.items() if not (hidden and k == "email")})

        monkeypatch.setattr(MemoryConnector, "_record", record)
        make(town, "con", "contacts", {"email": "bob@x.example", "name": "Bob"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "con")
        pair_tick(daemon)
        assert set(causes(town)) == {"drift"}
        an_hour(town, daemon)
        before = len(town.vendors["con"].calls)
        assert set(causes(town)) == {"untold"}
        for _ in range(5):
            feed_tick(daemon, "con")
            pair_tick(daemon)
            town.stage.now += timedelta(seconds=30)
        assert ("read", "contacts", 1) not in town.vendors["con"].calls[before:]


def test_a_call_while_it_looks_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is met after the sample was read, and before the look is noted, has it looked again."""
    with town_of(batch=50) as town:
        for number in range(12):
            another(town, number)
        judge(town)
        daemon, wrong = Daemon(town.world), lookout._wrong
        feed_tick(daemon, "con")
        lookout.look_everywhere(town.world, [("con", "contacts")])
        looks: list[str] = []

        def called(world: World, system: str, *args: Any) -> Any:
            found = wrong(world, system, *args)
            looks.append(system)
            if len(looks) == 1:
                town.stage.now += timedelta(seconds=1)
                lookout.look_everywhere(town.world, [("con", "contacts")])
            return found

        monkeypatch.setattr(lookout, "_wrong", called)
        town.stage.now += town.world.pace.look_every
        feed_tick(daemon, "con")
        town.stage.now += town.world.pace.look_every / 10
        feed_tick(daemon, "con")
        feed_tick(daemon, "con")
        assert looks == ["con", "con"]
