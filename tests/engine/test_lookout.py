"""What a system hides all at once: it pauses with one sentence, nothing is written, and it goes on by itself.

Not here: one record that does not answer (`test_leaving`), and the same over the wire (`tests/plan_mode`).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Record, Side
from syncd.engine.lookout import believe
from syncd.errors import ConfigError
from syncd.service.daemon import Daemon
from syncd.service.worlds import Compiled
from syncd.store.marks import DUE, PARKED
from tests.engine.doings import cycle, edit, judge, make, rest
from tests.engine.test_leaving import another, partners, writes
from tests.engine.test_rules import must, rows, town_of
from tests.engine.town import SCHEMAS, Town
from tests.engine.vendor import MemoryConnector, Traits, Vendor
from tests.service.test_troubles import feed_tick, pair_tick

CUSTOM = ("city", "key", "note", "phone")

Undo = Callable[[], None]


def access(town: Town, monkeypatch: pytest.MonkeyPatch) -> Undo:
    """Nine of ten contacts are hidden from our key, in lists and by id."""
    vendor = town.vendors["con"]
    rows, listed = vendor.rows["contacts"], vendor.listed["contacts"]
    vendor.rows["contacts"] = dict(list(rows.items())[:1])
    vendor.listed["contacts"] = dict(list(listed.items())[:1])

    def undo() -> None:
        vendor.rows["contacts"], vendor.listed["contacts"] = rows, listed

    return undo


def empty(town: Town, monkeypatch: pytest.MonkeyPatch) -> Undo:
    """The list answers with nothing, although every record can be read by id."""
    vendor = town.vendors["con"]
    listed = vendor.listed["contacts"]
    vendor.listed["contacts"] = {}

    def undo() -> None:
        vendor.listed["contacts"] = listed

    return undo


def fields(town: Town, monkeypatch: pytest.MonkeyPatch) -> Undo:
    """No custom field is told any more."""
    told = MemoryConnector._record

    def record(self: MemoryConnector, kind: str, *more: object, **named: object) -> Record:
        whole = told(self, kind, *more, **named)
        if self.vendor.name != "con" or kind != "contacts":
            return whole
        return replace(whole, fields={name: value for name, value in whole.fields.items() if name not in CUSTOM})

    monkeypatch.setattr(MemoryConnector, "_record", record)
    return lambda: monkeypatch.setattr(MemoryConnector, "_record", told)


def narrowed(m: FieldMap) -> FieldMap:
    """The map as it is compiled when the right system describes no custom field any more."""
    rules = tuple(rule for rule in m.rules if rule.right not in CUSTOM)
    left_out = frozenset((Side.RIGHT, name) for name in CUSTOM)
    right = replace(m.right, sync_key=None)
    return replace(m, digest=f"{m.digest} narrowed", rules=rules, right=right, left_out=left_out)


def with_custom_fields(town: Town) -> None:
    """The map's right side has three custom fields beside the one of our key."""
    m = town.maps[0]
    rules = tuple(
        replace(rule, right_type=replace(rule.right_type, custom=True))
        if rule.right_type is not None and rule.right in CUSTOM
        else rule
        for rule in m.rules
    )
    town.use(replace(m, rules=rules))


def reason(town: Town) -> str | None:
    """Why the right system pauses; None if it does not."""
    with town.store.read() as tx:
        found = tx.runs.system("con")
    return found.reason if found is not None and found.state == "paused" else None


def an_hour(town: Town, daemon: Daemon) -> None:
    """Feeds and pair are ticked for an hour."""
    for _ in range(12):
        feed_tick(daemon, "crm")
        feed_tick(daemon, "con")
        pair_tick(daemon)
        town.stage.now += timedelta(minutes=5)


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        (access, "con does not show 9 of 10 contacts that were there: it looks like a missing permission"),
        (empty, "con answers the list of contacts with nothing, although there are some"),
        (fields, "con tells none of its custom fields of contacts any more (city, key, note, phone)"),
    ],
    ids=["access", "empty", "fields"],
)
def test_what_vanishes_all_at_once_pauses_the_system(
    trouble: Callable[[Town, pytest.MonkeyPatch], Undo], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not one write, one state in plain words whatever people do meanwhile; when it is mended all of it is carried."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        people = [another(town, number) for number in range(10)]
        judge(town)
        pairs, before = partners(town), writes(town)
        daemon = Daemon(town.world)
        town.stage.now += town.world.pace.look_every
        undo = trouble(town, monkeypatch)
        feed_tick(daemon, "con")
        must(words in (reason(town) or ""), f"it pauses with one sentence, not {reason(town)!r}")
        for one in people:
            edit(town, "crm", "contacts", one.id, {"name": f"New {one.id}"})
        an_hour(town, daemon)
        must(writes(town) == before, "something was written")
        must(partners(town) == pairs and words in (reason(town) or ""), "links were closed, or it went on")
        undo()
        an_hour(town, daemon)
        assert reason(town) is None
        judge(town)
        right = dict(pairs)
        names = {one.id: town.vendors["con"].rows["contacts"][right[one.id]].fields["name"] for one in people}
        assert names == {one.id: f"New {one.id}" for one in people}


def test_what_was_parked_before_it_was_noticed_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edits that met hidden records before the lookout saw are parked, call it, and go on when it is over."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(12)]
        judge(town)
        before, daemon = len(town.vendors["con"].history), Daemon(town.world)
        feed_tick(daemon, "con")
        undo = access(town, monkeypatch)
        town.vendors["con"].rows["contacts"].clear()
        for one in people[1:3]:
            edit(town, "crm", "contacts", one.id, {"name": f"New {one.id}"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "crm")
        pair_tick(daemon)
        with town.store.read() as tx:
            assert {m.cause for m in (*tx.marks.resting(PARKED), *tx.marks.resting(DUE))} & {"missing", "unseen"}
        an_hour(town, daemon)
        assert "missing permission" in (reason(town) or "")
        must(len(town.vendors["con"].history) == before, "something was written")
        undo()
        an_hour(town, daemon)
        judge(town)
        with town.store.read() as tx:
            assert tx.marks.resting(PARKED) == []


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_one_record_that_answers_proves_nothing_of_those_that_do_not(share: float) -> None:
    """Most or half of the others are hidden: no link is closed, the system pauses, and all goes on when it is over."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(60)]
        judge(town)
        pairs, before, daemon = partners(town), len(town.vendors["con"].history), Daemon(town.world)
        feed_tick(daemon, "con")
        rows = town.vendors["con"].rows["contacts"]
        kept = {id_: row for n, (id_, row) in enumerate(rows.items()) if int((n + 1) * share) == int(n * share)}
        town.vendors["con"].rows["contacts"] = kept
        right = dict(pairs)
        hidden = [one for one in people if right[one.id] not in kept]
        for one in hidden[1:4]:
            edit(town, "crm", "contacts", one.id, {"name": f"New {one.id}"})
        town.stage.now += timedelta(seconds=60)
        feed_tick(daemon, "crm")
        pair_tick(daemon)
        an_hour(town, daemon)
        must(partners(town) == pairs, "a link was closed")
        must("con does not show" in (reason(town) or ""), f"it does not pause: {reason(town)!r}")
        must(len(town.vendors["con"].history) == before, "something was written")
        town.vendors["con"].rows["contacts"] = rows
        an_hour(town, daemon)
        judge(town)
        with town.store.read() as tx:
            assert tx.marks.resting(PARKED) == []


def test_a_few_deleted_records_are_no_missing_permission() -> None:
    """In a small account two of three may be deleted for good: it goes on."""
    with town_of() as town:
        people = [another(town, number) for number in range(3)]
        judge(town)
        right = dict(partners(town))
        for one in people[:2]:
            town.vendors["con"].delete("contacts", right[one.id])
        town.stage.now += town.world.pace.look_every
        daemon = Daemon(town.world)
        an_hour(town, daemon)
        assert reason(town) is None
        edit(town, "crm", "contacts", people[2].id, {"name": "Anna"})
        rest(town)
        assert town.vendors["con"].rows["contacts"][right[people[2].id]].fields["name"] == "Anna"


def test_a_pause_outlasts_a_restart_and_ends_after_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process writes nothing before it has looked itself; what it finds mended is told as mended."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(10)]
        judge(town)
        before, first = writes(town), Daemon(town.world)
        town.stage.now += town.world.pace.look_every
        undo = empty(town, monkeypatch)
        feed_tick(first, "con")
        assert "with nothing" in (reason(town) or "")
        second = Daemon(town.world)
        second.prepare()
        edit(town, "crm", "contacts", people[3].id, {"name": "New"})
        town.stage.now += timedelta(minutes=2)
        feed_tick(second, "crm")
        pair_tick(second)
        must(writes(town) == before, "something was written")
        undo()
        third = Daemon(town.world)
        third.prepare()
        feed_tick(third, "con")
        assert reason(town) is None
        an_hour(town, third)
        judge(town)
        assert town.vendors["con"].rows["contacts"][dict(partners(town))[people[3].id]].fields["name"] == "New"


def test_a_person_may_say_that_they_were_deleted() -> None:
    """Most were deleted for good without a word: paused until a person says so; then their links close."""
    with town_of(batch=50) as town:
        people = [another(town, number) for number in range(40)]
        judge(town)
        right, daemon = dict(partners(town)), Daemon(town.world)
        feed_tick(daemon, "con")
        with pytest.raises(ConfigError, match="does not pause"):
            believe(town.world, "con:contacts")
        for one in people[:30]:
            town.vendors["con"].delete("contacts", right[one.id])
        town.stage.now += town.world.pace.look_every
        an_hour(town, daemon)
        assert "syncd answer con:contacts deleted" in (reason(town) or "")
        must(dict(partners(town)) == right, "a link was closed")
        before = writes(town)
        assert believe(town.world, "con:contacts") == 40
        an_hour(town, daemon)
        assert reason(town) is None
        assert set(dict(partners(town))) == {one.id for one in people[30:]}
        must(writes(town) == before, "something was written")
        edit(town, "crm", "contacts", people[35].id, {"name": "Anna"})
        an_hour(town, daemon)
        assert town.vendors["con"].rows["contacts"][right[people[35].id]].fields["name"] == "Anna"


LOST = "con tells none of its custom fields of contacts any more (city, key, note, phone)"


def test_maps_that_lost_all_custom_fields_are_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The schema tells of no custom field any more: the old map stays, the system is looked at at once, and pauses."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        people = [another(town, number) for number in range(10)]
        judge(town)
        daemon = Daemon(town.world)
        daemon.prepare()
        feed_tick(daemon, "con")
        whole, undo = daemon.world.pairs, fields(town, monkeypatch)
        smaller = replace(whole[0], maps=(narrowed(town.maps[0]), *town.maps[1:]))
        daemon.pairs_again = lambda: Compiled({smaller.name: smaller})
        daemon.compile_again()
        assert daemon.world.pairs == whole
        feed_tick(daemon, "con")
        assert LOST in (reason(town) or "")
        undo()
        edit(town, "con", "contacts", dict(partners(town))[people[3].id], {"note": "new"})
        an_hour(town, daemon)
        assert reason(town) is None
        judge(town)


def test_a_restart_with_maps_that_lost_all_custom_fields_reads_and_writes_nothing() -> None:
    """What was edited on the other side while the maps were narrow is carried when they are whole again."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        people = [another(town, number) for number in range(10)]
        judge(town)
        Daemon(town.world).prepare()
        whole, before = town.maps[0], writes(town)
        town.use(narrowed(whole))
        daemon = Daemon(town.world)
        daemon.prepare()
        edit(town, "crm", "contacts", people[3].id, {"note": "new", "name": "New"})
        an_hour(town, daemon)
        assert LOST in (reason(town) or "")
        must(writes(town) == before, "something was written")
        mended = replace(town.pair, maps=(whole, *town.maps[1:]))
        daemon.pairs_again = lambda: Compiled({mended.name: mended})
        daemon.compile_again()
        town.use(whole)
        an_hour(town, daemon)
        assert reason(town) is None
        right = town.vendors["con"].rows["contacts"][dict(partners(town))[people[3].id]]
        assert (right.fields["note"], right.fields["name"]) == ("new", "New")
        judge(town)


def test_custom_fields_that_a_person_took_from_the_map_are_not_missed() -> None:
    """A map that names them no longer is just another map."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        another(town, 1)
        judge(town)
        Daemon(town.world).prepare()
        town.use(replace(narrowed(town.maps[0]), left_out=frozenset()))
        daemon = Daemon(town.world)
        daemon.prepare()
        an_hour(town, daemon)
        assert reason(town) is None


def test_custom_fields_that_were_deleted_beside_our_key_are_not_missed() -> None:
    """An administrator deletes the optional ones and keeps the one of our key: custom fields are still described."""
    with town_of(batch=50) as town:
        with_custom_fields(town)
        another(town, 1)
        judge(town)
        Daemon(town.world).prepare()
        small, right = narrowed(town.maps[0]), town.maps[0].right
        town.use(replace(small, right=right, left_out=small.left_out - {(Side.RIGHT, "key")}))
        daemon = Daemon(town.world)
        daemon.prepare()
        an_hour(town, daemon)
        assert reason(town) is None


def with_another_pair(town: Town) -> None:
    """A third system is synced with the right one too, and describes none of its custom fields any more."""
    m = town.maps[0]
    left_out = frozenset((Side.LEFT, name) for name in ("a", "b"))
    other = replace(m, key="other/contacts", left=replace(m.left, system="sf"), left_out=left_out)
    with town.store.begin() as tx:
        tx.runs.set_fact("custom:sf:contacts", ["a", "b"])
    sf = MemoryConnector(Vendor("sf", town.stage, SCHEMAS["crm"], Traits(), random.Random(1)))
    pairs = (*town.world.pairs, replace(town.pair, name="other", left="sf", maps=(other,)))
    town.world = replace(town.world, pairs=pairs, connectors={**town.world.connectors, "sf": sf})


def test_nothing_is_created_while_the_feed_that_is_the_look_up_stands_still() -> None:
    """It waits for the maps of another pair: whom a person makes there meanwhile is a twin, not one of two."""
    with town_of(right=Traits(find_by_feed=True)) as town:
        rest(town)
        with_another_pair(town)
        for vendor in ("con", "crm"):
            make(town, vendor, "contacts", {"email": "ann@x.example"})
        for _ in range(3):
            cycle(town)
        assert [len(rows(town, vendor, "contacts")) for vendor in ("con", "crm")] == [1, 1]
        with town.store.begin() as tx:
            (mark,) = tx.marks.resting(DUE)
            assert "con:contacts is not read" in (mark.reason or "")
            tx.runs.set_fact("custom:sf:contacts", [])
        for _ in range(3):
            cycle(town)
        assert len(partners(town)) == 1
