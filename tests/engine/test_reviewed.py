"""What a reviewer broke once: records that come back, maps that change, leases that are renewed, brakes that slip.

What is not here: the rules one by one (`test_rules`), the daemon's troubles (`tests/service`).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest

from syncd.app import App
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Record, Side
from syncd.engine import by_hand
from syncd.engine.answers import release, take
from syncd.engine.lookalikes import CROWD
from syncd.engine.worker import Worker
from syncd.engine.world import Guard
from syncd.errors import ConfigError, SyncdError, Transient
from syncd.fieldmaps import load
from syncd.service import passes
from syncd.service.daemon import Daemon
from syncd.service.health import Health
from syncd.store.marks import DUE, HELD, PLANNED
from tests.engine import town as towns
from tests.engine.doings import cycle, edit, judge, make, read_feed, rest, run
from tests.engine.test_rules import linked, rows, town_of, with_mode
from tests.engine.test_taking import at_odds, listed, overruled
from tests.engine.town import Plot, Town
from tests.engine.vendor import MemoryConnector, Row, Traits, Vendor

READS = Traits(reads=True)


def contacts_map(plot: Plot, *changes: tuple[str, str]) -> FieldMap:
    """The town's map of contacts, with pieces of its YAML changed."""
    source = towns.CONTACTS
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    values = {"keys": "sync_key: {left: key, right: key}", "first_link": plot.first_link, "drift": plot.drift,
              "delete": plot.delete}  # fmt: skip
    schemas = {side: towns.SCHEMAS[system]["contacts"] for side, system in towns.SYSTEMS.items()}
    return load(source % values, pair="pair", systems=towns.SYSTEMS, schemas=schemas)


NOTE = "  - {left: note, right: note, owner: ask}\n"


def remapped(town: Town, *changes: tuple[str, str]) -> None:
    """The map of contacts is changed, and the daemon is started anew."""
    town.maps = (contacts_map(town.plot, *changes), *town.maps[1:])
    town.reborn()
    Daemon(town.world).prepare()


def test_an_edit_made_while_a_map_gains_its_field_is_seen() -> None:
    """A row that tells a field for the first time under a newer version may have been edited in that very field.

    The feed is read by the new map before the map is adopted, as by a tick that begins in between; to read anew, as the
    adoption has it, finds nothing new any more.
    """
    with town_of() as town:
        remapped(town, (NOTE, ""))
        left, right = linked(town)
        judge(town)
        town.maps = (contacts_map(town.plot), *town.maps[1:])
        town.reborn()
        edit(town, "crm", "contacts", left.id, {"note": "the gate"})
        fresh(town, ("crm", "contacts"))
        Daemon(town.world).prepare()
        judge(town)
        assert right.fields["note"] == "the gate"


def resting(town: Town, state: str) -> list[tuple[str, str | None]]:
    """Id and cause of the marks in a state."""
    with town.store.read() as tx:
        return [(mark.id, mark.cause) for mark in tx.marks.resting(state)]


def fresh(town: Town, *feeds: tuple[str, str]) -> None:
    """The lists catch up, and these feeds are read."""
    town.stage.now += timedelta(seconds=60)
    for system, kind in feeds:
        read_feed(town, system, kind)


def app_of(town: Town, monkeypatch: pytest.MonkeyPatch) -> App:
    """The verbs over a town, whose feeds the test reads itself."""
    app = App(cast("Any", None), clock=town.stage.clock)
    app.__dict__.update(_world=town.world, store=town.store, ready_store=town.store, health=Health.of(town.world))
    monkeypatch.setattr(passes, "_read_all", lambda *_: None)
    return app


def test_an_edit_made_before_a_record_came_back_is_an_edit() -> None:
    """Gone, then restored and edited: the base of its link stayed, so the edit crosses, and one on both sides asks."""
    with town_of(left=READS, right=READS) as town:
        left, right = linked(town)
        row = town.vendors["con"].rows["contacts"].pop(right.id)
        edit(town, "crm", "contacts", left.id, {"name": "Anna", "note": "l"})
        for _ in range(4):
            cycle(town, wait=60)
        with town.store.read() as tx:
            assert tx.snapshots.get("con", "contacts", [right.id])[right.id].gone
        town.vendors["con"].rows["contacts"][right.id] = row
        edit(town, "con", "contacts", right.id, {"phone": "999", "note": "r"})
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "999"
        assert right.fields["name"] == "Anna"
        (asked,) = listed(town, "open")
        assert (asked.rule, asked.left, asked.right) == ("note", "l", "r")


LEFT_ONLY = ('left: {when: "true"}', 'left: {when: "false"}')


def test_a_changed_match_keys_what_is_known_anew() -> None:
    """Records that were keyed by phone are found by e-mail once the map matches by it: nobody is made twice."""
    with town_of(right=Traits(find_by_feed=True)) as town:
        remapped(town, ("match: {link: [email]}", "match: {link: [phone]}"), LEFT_ONLY)
        make(town, "con", "contacts", {"email": "old@x.example", "name": "Old"})
        rest(town)
        remapped(town, LEFT_ONLY)
        make(town, "crm", "contacts", {"email": "old@x.example", "name": "Old"})
        rest(town)
        assert len(rows(town, "con", "contacts")) == 1


def test_a_map_that_gains_a_key_finds_by_it_what_is_known() -> None:
    """The field was read by a rule before, so nothing is read anew: who carries the key is found all the same."""
    with town_of(right=Traits(find_by_feed=True)) as town:
        serial = ("right: serial, direction: create", "right: key, direction: create")
        remapped(town, ("%(keys)s", "# %(keys)s"), serial, LEFT_ONLY)
        left = make(town, "crm", "contacts", {"email": "ann@left.example", "tag": "cold"})
        assert left is not None
        right = make(town, "con", "contacts", {"email": "ann@right.example", "key": f"crm:contacts:{left.id}"})
        assert right is not None
        rest(town)
        remapped(town, LEFT_ONLY)
        edit(town, "crm", "contacts", left.id, {"tag": "warm"})
        rest(town)
        assert [row.id for row in rows(town, "con", "contacts")] == [right.id]


def test_a_crowd_that_carries_our_key_is_asked_about() -> None:
    """Somebody copied the record many times, the key with it: none of them is the twin for certain, and none is new."""
    with town_of(right=Traits(find_by_feed=True)) as town:
        left = make(town, "crm", "contacts", {"email": "ann@x.example"})
        assert left is not None
        for number in range(CROWD + 1):
            make(town, "con", "contacts", {"email": f"{number}@x.example", "key": f"crm:contacts:{left.id}"})
        remapped(town, LEFT_ONLY)
        for system in ("crm", "con") * (CROWD + 1):  # a page at a time
            town.stage.now += timedelta(minutes=1)
            read_feed(town, system, "contacts")
        Worker(town.world, town.maps[0], side=Side.LEFT).step()
        assert len(rows(town, "con", "contacts")) == CROWD + 1
        with town.store.read() as tx:
            assert tx.marks.get("pair/contacts", Side.LEFT, [left.id])[left.id].cause == "question"


def test_a_crowd_that_asks_about_one_is_released_when_it_is_linked() -> None:
    """A name that many carry on one side and one on the other: each asks about that one, until somebody is its twin."""
    with town_of() as town:
        remapped(town, ("match: {link: [email]}", "match: {link: [email], ask: [name]}"), LEFT_ONLY)
        right = make(town, "con", "contacts", {"email": "r@x.example", "name": "Ann"})
        assert right is not None
        made = [
            make(town, "crm", "contacts", {"email": f"{number}@x.example", "name": "Ann"})
            for number in range(CROWD + 2)
        ]
        assert made[0] is not None
        judge(town)
        assert len(rows(town, "con", "contacts")) == 1
        ends = town.maps[0]
        by_hand.link(town.world, ends.left.ref(made[0].id), ends.right.ref(right.id))
        judge(town)
        assert len(rows(town, "con", "contacts")) == CROWD + 2


def test_a_newly_read_field_is_known_of_all_before_anything_is_created() -> None:
    """E-mails were never read; when the map matches by them the kind is read again first, and the twin is found."""
    email = ("  - {left: email, right: email, owner: left}\n", "")
    with town_of(right=Traits(find_by_feed=True)) as town:
        remapped(town, ("match: {link: [email]}", "match: {link: [phone]}"), email, LEFT_ONLY)
        for number in range(7):
            make(town, "con", "contacts", {"email": f"old{number}@x.example", "name": "Old"})
        rest(town)
        remapped(town, LEFT_ONLY)
        make(town, "crm", "contacts", {"email": "old6@x.example", "name": "Old"})
        rest(town)
        assert len(rows(town, "con", "contacts")) == 7
        assert all(row.by == "person" for row in rows(town, "con", "contacts"))


def test_a_create_that_lands_late_in_a_renewed_batch_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The lease is renewed while a slow batch goes out, and the moment by which its last writes can land goes along."""
    with town_of(right=Traits(batch=1, sync_key=False, maker=False)) as town:
        rest(town)
        for number in range(8):
            make(town, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"N{number}"})
        fresh(town, ("crm", "contacts"))
        create, fault, sent = Vendor.create, Vendor.fault, list[str]()

        def slow(vendor: Vendor, kind: str, fields: Any, by: str) -> Row:
            if by == "sync" and len(sent) <= 8:
                town.stage.now += timedelta(seconds=25)
            return create(vendor, kind, fields, by)

        def late(vendor: Vendor, verb: str) -> str | None:
            if vendor.name == "con" and verb == "write":
                sent.append(verb)
            return "late" if verb == "write" and len(sent) == 7 else fault(vendor, verb)

        monkeypatch.setattr(Vendor, "create", slow)
        monkeypatch.setattr(Vendor, "fault", late)
        run(town)
        monkeypatch.undo()
        for _ in range(40):
            cycle(town, wait=10)
        judge(town)
        emails = sorted(str(row.fields["email"]) for row in rows(town, "con", "contacts"))
        assert emails == [f"a{number}@x.example" for number in range(8)]


PHONE_TO_NOTE = (
    "  - {left: phone, right: phone, owner: right}\n  - {left: note, right: note, owner: ask}\n",
    "  - {left: phone, right: note, owner: right}\n",
)


@pytest.mark.parametrize("first_link", ["left", "right", "ask"])
def test_a_rule_that_points_at_another_field_has_no_base_there(first_link: str) -> None:
    """What a person had in the other field is no old value of the rule: it stays, or it is listed."""
    with town_of(first_link=first_link) as town:
        left, right = linked(town)
        edit(town, "con", "contacts", right.id, {"note": "precious"})
        rest(town)
        remapped(town, PHONE_TO_NOTE)
        rest(town)
        edit(town, "crm", "contacts", left.id, {"phone": "555"})
        rest(town)
        (one,) = listed(town)
        expected = {"left": ("overruled", "555"), "right": ("overruled", "precious"), "ask": ("open", "precious")}
        assert (one.state, right.fields["note"]) == expected[first_link]
        assert (one.left, one.right) == ("555", "precious")


def six_held(town: Town) -> tuple[list[Row], list[Row]]:
    """Six linked contacts whose names were all changed on the left, which is held; both sides' rows, in order."""
    for number in range(6):
        make(town, "crm", "contacts", {"email": f"a{number}@x.example", "name": f"N{number}"})
    rest(town)
    lefts, rights = (sorted(rows(town, v, "contacts"), key=lambda r: str(r.fields["email"])) for v in ("crm", "con"))
    for row in lefts:
        edit(town, "crm", "contacts", row.id, {"name": "WRONG"})
    fresh(town, ("crm", "contacts"))
    town.world = with_mode(town.world, "live", Guard(updates=3, creates=3))
    assert town.work().state == "held"
    assert len(resting(town, HELD)) == 6
    return lefts, rights


def more_runs(town: Town) -> None:
    """Some more runs, as the daemon does them."""
    for _ in range(4):
        fresh(town, ("crm", "contacts"), ("con", "contacts"))
        town.work()


def test_a_held_change_does_not_cross_with_the_other_sides_mark() -> None:
    """An edit on the other side plans the whole link again; what waits for a person's permission still waits."""
    with town_of() as town:
        lefts, rights = six_held(town)
        edit(town, "con", "contacts", rights[0].id, {"city": "rome"})
        more_runs(town)
        assert [row.fields["name"] for row in rights] == [f"N{number}" for number in range(6)]
        assert {id_ for id_, _ in resting(town, HELD)} >= {row.id for row in lefts}
        for _ in range(3):
            release(town.world, [town.pair], approve=True)
            more_runs(town)
        assert {row.fields["name"] for row in rights} == {"WRONG"}
        assert lefts[0].fields["city"] == "rome"
        assert resting(town, HELD) == []


def test_a_new_edit_of_a_held_record_stays_held() -> None:
    """Another edit of a record whose change is held is no permission."""
    with town_of() as town:
        lefts, rights = six_held(town)
        edit(town, "crm", "contacts", lefts[0].id, {"name": "WORSE"})
        more_runs(town)
        assert [row.fields["name"] for row in rights] == [f"N{number}" for number in range(6)]
        assert len(resting(town, HELD)) == 6


def test_a_choice_that_was_carried_out_is_taken() -> None:
    """A person takes back what the map passed over: it is written, and the conflict says so."""
    with town_of() as town:
        left, right, one = overruled(town)
        take(town.world, one.id, "left")
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "L"
        assert [each.id for each in listed(town, "taken")] == [one.id]


def test_a_choice_that_met_other_values_is_not_reported_as_taken() -> None:
    """The values moved before the run: the choice lapses, and what was overruled stays listed."""
    with town_of() as town:
        left, right, one = overruled(town)
        take(town.world, one.id, "left")
        edit(town, "con", "contacts", right.id, {"phone": "R2"})
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "R2"
        assert listed(town, "taken") == []
        assert [(each.id, each.choice) for each in listed(town, "overruled")] == [(one.id, None)]


def test_a_lapsed_choice_is_not_carried_out_later() -> None:
    """A choice that met other values is forgotten: when the old values come together again, nothing is taken."""
    with town_of() as town:
        left, right, one = overruled(town)
        take(town.world, one.id, "left")
        edit(town, "crm", "contacts", left.id, {"phone": "L9"})
        edit(town, "con", "contacts", right.id, {"phone": "R9"})
        judge(town)
        edit(town, "con", "contacts", right.id, {"phone": "R"})
        judge(town)
        assert left.fields["phone"] == right.fields["phone"] == "R"
        assert listed(town, "taken") == []
        assert {each.left for each in listed(town, "overruled")} == {"L", "L9"}


def test_a_record_that_came_of_a_merge_of_a_linked_one_takes_its_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two records were merged into a new id with another e-mail: it is the linked one grown, never a new lead."""
    with town_of(left=READS, right=READS) as town:
        left, right = linked(town)
        town.vendors["crm"].rows["contacts"].pop(left.id)
        new = make(town, "crm", "contacts", {"email": "other@x.example", "name": "Ann"})
        assert new is not None
        told = MemoryConnector._record

        def with_was(connector: MemoryConnector, kind: str, row: Row, *rest: Any, **more: Any) -> Record:
            record = told(connector, kind, row, *rest, **more)
            return replace(record, was=(left.id,)) if row is new else record

        monkeypatch.setattr(MemoryConnector, "_record", with_was)
        rest(town)
        assert [row.id for row in rows(town, "con", "contacts")] == [right.id]
        with town.store.read() as tx:
            assert [(link.left_id, link.right_id) for link in tx.links.all(town.maps[0].key)] == [(new.id, right.id)]
        assert rows(town, "con", "contacts")[0].fields["email"] == "other@x.example"


def test_once_ends_although_another_map_has_a_due_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due in a map that no live pair works on is nothing to wait for."""
    with town_of() as town:
        linked(town)
        with town.store.begin() as tx:
            tx.marks.add("other/contacts", Side.LEFT, ["x"], town.stage.now - timedelta(seconds=5))
        app = app_of(town, monkeypatch)
        readings = list[int]()

        def counted(*_: object) -> None:
            readings.append(1)
            town.stage.now += timedelta(seconds=1)
            assert len(readings) < 20, "it never ends"

        monkeypatch.setattr(passes, "_read_all", counted)
        app.once()
        assert resting(town, DUE) == [("x", None)]


def test_a_plan_of_a_live_pair_that_is_cut_short_leaves_nothing_planned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vendor goes away in the middle of `syncd plan`: what was planned is due for the daemon all the same."""
    with town_of(batch=2) as town:
        linked(town)
        for number in range(3):
            make(town, "crm", "contacts", {"email": f"n{number}@x.example", "name": f"N{number}"})
        fresh(town, ("crm", "contacts"))
        find, asked = MemoryConnector.find, list[int]()

        def troubled(connector: MemoryConnector, *asked_for: Any) -> Any:
            asked.append(1)
            if len(asked) == 2:
                raise Transient("con is away")
            return find(connector, *asked_for)

        monkeypatch.setattr(MemoryConnector, "find", troubled)
        with pytest.raises(SyncdError):
            app_of(town, monkeypatch).plan()
        judge(town)
        assert resting(town, PLANNED) == []
        assert len(rows(town, "con", "contacts")) == 4


def test_taking_a_side_of_a_conflict_whose_rule_is_gone_says_so() -> None:
    """The map was changed since: a person is told, in a sentence, that nothing is left to decide."""
    with town_of() as town:
        left, right = linked(town)
        edit(town, "crm", "contacts", left.id, {"note": "l"})
        edit(town, "con", "contacts", right.id, {"note": "r"})
        rest(town)
        (one,) = listed(town, "open")
        remapped(town, ("  - {left: note, right: note, owner: ask}\n", ""))
        with pytest.raises(ConfigError, match=f"conflict {one.id}: .*note"):
            take(town.world, one.id, "left")


def test_whom_an_interrupted_write_overruled_is_listed_although_somebody_typed_over_it() -> None:
    """A write overrules a value, loses its answer, and a person types over it: the overruled value is on the list."""
    with town_of(left=READS, right=READS) as town:
        left, right = linked(town)
        edit(town, "con", "contacts", right.id, {"name": "Annie"})
        edit(town, "crm", "contacts", left.id, {"name": "Anna"})
        town.stage.now += timedelta(seconds=60)
        for vendor in ("crm", "con"):
            read_feed(town, vendor, "contacts")
        town.vendors["con"].faults.append(("write", "lost"))
        Worker(town.world, town.maps[0]).step()
        assert town.vendors["con"].rows["contacts"][right.id].fields["name"] == "Anna"
        edit(town, "con", "contacts", right.id, {"name": "Zoe"})
        rest(town)
        with town.store.read() as tx:
            listed = tx.conflicts.list(states=["overruled"])
        assert ("name", "Annie") in [(row.rule, row.right) for row in listed]


@pytest.mark.parametrize("trouble", ["lost", "killed", "asked anew"])
def test_whom_a_choice_overruled_stays_listed_although_both_sides_are_typed_over(trouble: str) -> None:
    """A choice is written, nobody hears of it, and both sides are typed over: a new conflict does not take its row."""
    with town_of(left=READS, right=READS) as town:
        left, right, asked = at_odds(town)
        take(town.world, asked.id, "left")
        con = town.vendors["con"]
        if trouble != "killed":
            con.faults.append(("write", "lost"))
            Worker(town.world, town.maps[0]).step()
        else:
            for points in range(1, 60):
                town.stage.calm()
                town.stage.crash_in(points)
                run(town)
                if con.rows["contacts"][right.id].fields["note"] == "L":
                    break
                town.stage.now += town.world.pace.lease * 2
        assert con.rows["contacts"][right.id].fields["note"] == "L"
        if trouble == "asked anew":  # as when the link was closed and opened meanwhile
            with town.store.begin() as tx:
                tx.conflicts.choose(asked.id, None)
        edit(town, "crm", "contacts", left.id, {"note": "L2"})
        edit(town, "con", "contacts", right.id, {"note": "R2"})
        rest(town)
        assert ("L", "R") in [(row.left, row.right) for row in listed(town, "taken")]
        assert [(row.left, row.right) for row in listed(town, "open")] == [("L2", "R2")]
