"""A record becomes one of another kind, as a lead becomes a contact: its twin goes on with that, none is made twice.

In this town the contractor's contacts are the leads, and a lead that is won becomes one of its people.
What is not here: merges (`test_leaving`), and who converts what at a vendor (the connectors' tests).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from syncd.core.model import Ref, Side, Value
from syncd.engine.by_hand import link, refuse, relink, unlink
from syncd.fieldmaps import load
from syncd.store.marks import PLANNED
from tests.engine.doings import cycle, edit, make, read_feed, rest, run
from tests.engine.test_leaving import parked, partners
from tests.engine.test_rules import rows, town_of, with_mode
from tests.engine.town import CONTACTS, PEOPLE, SCHEMAS, SYSTEMS, Town
from tests.engine.vendor import Row, Traits

SILENT = Traits(sync_key=False, maker=False, tombstones=True)
CONTINUED = {
    CONTACTS: CONTACTS + "only: right.phone != 'converted'\nleave: unlink\n",
    PEOPLE: PEOPLE.replace("match: {link: [email]}", "match: {link: [city]}")
    + "after: [contacts]\ncontinues: {map: contacts, right: was}\n",
}
NOTHING = {"keys": "", "first_link": "ask", "drift": "keep", "delete": "flag"}


@contextmanager
def towns() -> Iterator[Town]:
    """A town whose map of people continues that of contacts; the two have no key in common for what follows."""
    with town_of(left=SILENT, right=SILENT, first_link="ask") as town:
        for source, kind in ((CONTACTS, "contacts"), (PEOPLE, "people")):
            schemas = {
                side: SCHEMAS[system][kind if system == "con" else "contacts"] for side, system in SYSTEMS.items()
            }
            town.use(load(CONTINUED[source] % NOTHING, pair="pair", systems=SYSTEMS, schemas=schemas))
        yield town


def linked(town: Town, **fields: Value) -> tuple[Row, Row]:
    """One of ours and the lead that was made for it, at rest."""
    ours = make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", **fields})
    assert ours is not None
    rest(town)
    (lead,) = rows(town, "con", "contacts")
    return ours, lead


def converted(town: Town, lead: Row) -> Row:
    """Somebody converts a lead: it stays as it is, says so, and refuses to be looked at as one; a person begins."""
    con = town.vendors["con"]
    person = con.create("people", {"email": "office@x.example", "name": "Ann", "was": (lead.id,)}, "person")
    con.update("contacts", lead.id, {"phone": "converted"}, "person")
    return person


def test_the_twin_of_a_converted_record_goes_on_with_what_it_became() -> None:
    """The link of the lead is closed, that of the person is open, and each side has the records that people made."""
    with towns() as town:
        ours, lead = linked(town)
        person = converted(town, lead)
        rest(town)
        assert partners(town) == set()
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert [row.id for row in rows(town, "crm", "contacts")] == [ours.id]
        assert [row.id for row in rows(town, "con", "people")] == [person.id]
        edit(town, "con", "people", person.id, {"name": "Ann Roof"})
        rest(town)
        assert rows(town, "crm", "contacts")[0].fields["name"] == "Ann Roof"


def test_it_does_so_before_the_conversion_itself_is_told() -> None:
    """The person comes by its feed while the lead is still thought to be one."""
    with towns() as town:
        ours, lead = linked(town)
        person = converted(town, lead)
        town.stage.now = town.stage.now.replace(microsecond=0) + town.vendors["con"].traits.lag * 2
        for feed in (("crm", "contacts"), ("con", "people")):
            read_feed(town, *feed)
        run(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        rest(town)
        assert (partners(town), partners(town, "pair/people")) == (set(), {(ours.id, person.id)})
        assert len(rows(town, "crm", "contacts")) == len(rows(town, "con", "people")) == 1


def test_nothing_is_made_for_the_twin_of_a_record_that_may_be_converted_yet() -> None:
    """A map that continues another one leaves its records alone, says why, and goes on when they are converted."""
    with towns() as town:
        ours, lead = linked(town, tag="vip")
        rest(town)
        assert rows(town, "con", "people") == []
        (reason,) = parked(town, "waiting")
        assert reason == f"its twin is con:contacts:{lead.id}, and it goes on with what that becomes"
        person = converted(town, lead)
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert [row.id for row in rows(town, "con", "people")] == [person.id]
        assert parked(town, "waiting") == []


def test_a_plan_makes_nobody_whose_twin_it_links_in_the_map_before() -> None:
    """What is only planned holds back as what is done: the plan shows what a run will do."""
    with towns() as town:
        town.world = with_mode(town.world, "plan")
        make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "tag": "vip"})
        for _ in range(4):
            cycle(town)
        with town.store.read() as tx:
            plans = [(mark.map, mark.plan["creates"]) for mark in tx.marks.resting(PLANNED) if mark.plan]
        assert plans == [("pair/contacts", "right")]


def test_nothing_is_made_before_the_map_before_was_read_through() -> None:
    """Who has a twin there may be known on one side only, as long as the other's first reading goes on."""
    with towns() as town:
        make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "tag": "vip"})
        con = town.vendors["con"]
        lead = con.create("contacts", {"email": "ann@x.example", "name": "Ann"}, "person")
        for _ in range(3):
            for feed in (("crm", "contacts"), ("con", "people")):
                read_feed(town, *feed)
            run(town)
            town.stage.now += timedelta(seconds=400)
        assert rows(town, "con", "people") == []
        rest(town)
        assert rows(town, "con", "people") == [] and partners(town) == {(rows(town, "crm", "contacts")[0].id, lead.id)}


def test_a_twin_is_made_when_the_record_was_deleted_without_becoming_anything() -> None:
    """Who is nobody's twin any more is a new person for the map that continues."""
    with towns() as town:
        _, lead = linked(town, tag="vip")
        rest(town)
        town.vendors["con"].delete("contacts", lead.id)
        rest(town)
        assert len(rows(town, "con", "people")) == 1


def test_what_it_became_waits_for_the_creation_that_is_under_way() -> None:
    """The lead's own twin may just be made: the answer is lost, and the person waits until that is settled."""
    with towns() as town:
        lead = make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann"})
        assert lead is not None
        for feed in (("crm", "contacts"), ("con", "contacts")):
            read_feed(town, *feed)
        town.vendors["crm"].faults.append(("write", "lost"))
        run(town)
        person = converted(town, lead)
        rest(town)
        assert len(rows(town, "crm", "contacts")) == 1
        assert partners(town, "pair/people") == {(rows(town, "crm", "contacts")[0].id, person.id)}


def test_where_the_twin_is_linked_already_a_person_is_asked() -> None:
    """Two records of one kind cannot share a twin: both are named, and nothing is written."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        other = make(town, "con", "people", {"email": "o@x.example", "name": "Ann", "city": "Ulm"})
        assert other is not None
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, other.id)}
        person = converted(town, lead)
        rest(town)
        (reason,) = parked(town, "question")
        assert reason == (
            f"con:contacts:{lead.id} became it, "
            f"whose twin crm:contacts:{ours.id} is linked with con:people:{other.id}. "
            f"If that is wrong: `syncd unlink crm:contacts:{ours.id}`, then `syncd retry`; "
            f"if it is right: `syncd link --not con:people:{person.id} crm:contacts:{ours.id}`."
        )
        assert partners(town, "pair/people") == {(ours.id, other.id)}
        assert {row.id for row in rows(town, "con", "people")} == {other.id, person.id}


def test_what_a_person_parted_is_not_taken_over() -> None:
    """The lead and its twin were said to be two: what the lead becomes is new."""
    with towns() as town:
        ours, lead = linked(town)
        unlink(town.world, Ref("crm", "contacts", ours.id))
        person = converted(town, lead)
        rest(town)
        assert {row.id for row in rows(town, "crm", "contacts")} > {ours.id}
        assert (ours.id, person.id) not in partners(town, "pair/people")


def test_a_twin_that_is_gone_is_not_taken_over() -> None:
    """What the lead's twin was is there no more: what the lead becomes is looked at like any other."""
    with towns() as town:
        ours, lead = linked(town)
        town.vendors["crm"].delete("contacts", ours.id)
        rest(town)
        person = converted(town, lead)
        rest(town)
        assert ours.id not in {left for left, _ in partners(town, "pair/people")}
        assert person.id in {right for _, right in partners(town, "pair/people")}


def strangers(town: Town) -> tuple[Row, Row]:
    """One of ours and a person of theirs who are linked, and have nothing to do with any lead."""
    other = make(town, "crm", "contacts", {"email": "b@x.example", "name": "Ann", "city": "Ulm", "tag": "cold"})
    known = make(town, "con", "people", {"email": "o@x.example", "name": "Ann", "city": "Ulm"})
    assert other is not None and known is not None
    rest(town)
    assert partners(town, "pair/people") == {(other.id, known.id)}
    return other, known


def retry(town: Town) -> None:
    """As `syncd retry` does."""
    with town.store.begin() as tx:
        for m in town.maps:
            tx.marks.retry(m.key, town.world.clock())


def joined(town: Town, *leads: Row, **fields: Value) -> Row:
    """Somebody converts leads into a person who is there already, or into a new one: one for all."""
    con, was = town.vendors["con"], tuple(sorted(lead.id for lead in leads))
    known = [row for row in rows(town, "con", "people") if row.fields.get("email") == fields["email"]]
    if known:
        con.update("people", known[0].id, {"was": was}, "person")
    else:
        con.create("people", {**fields, "was": was}, "person")
    for lead in leads:
        con.update("contacts", lead.id, {"phone": "converted"}, "person")
    return next(row for row in rows(town, "con", "people") if row.fields.get("email") == fields["email"])


def test_converted_into_one_that_has_a_twin_a_person_is_asked_and_the_others_go_on() -> None:
    """The twin of the lead and that of the person are two for one: it is said, and the linked ones stay in step."""
    with towns() as town:
        ours, lead = linked(town)
        other, known = strangers(town)
        assert joined(town, lead, email="o@x.example").id == known.id
        rest(town)
        assert partners(town) == set() and partners(town, "pair/people") == {(other.id, known.id)}
        (reason,) = parked(town, "question")
        assert reason == (
            f"its twin con:contacts:{lead.id} became con:people:{known.id}, "
            f"which is linked with crm:contacts:{other.id}. If both are the same, give what belongs to "
            f"crm:contacts:{ours.id} to the other and archive it, then `syncd retry`; "
            f"if not: `syncd link --not con:people:{known.id} crm:contacts:{ours.id}`."
        )
        edit(town, "con", "people", known.id, {"name": "Ann Roof"})
        rest(town)
        names = {row.id: row.fields["name"] for row in rows(town, "crm", "contacts")}
        assert names == {ours.id: "Ann", other.id: "Ann Roof"}
        refuse(town.world, Ref("crm", "contacts", ours.id), Ref("con", "people", known.id), "pair/people")
        rest(town)
        assert parked(town, "question") == parked(town, "waiting") == []


def test_two_converted_into_one_a_person_says_whose_twin_stays() -> None:
    """Both leads had a twin: none is taken by chance, and the one that was not chosen is asked about."""
    with towns() as town:
        ours, lead = linked(town, tag="vip")
        second = make(town, "crm", "contacts", {"email": "b@x.example", "name": "Bo"})
        assert second is not None
        rest(town)
        leads = rows(town, "con", "contacts")
        assert len(leads) == 2
        person = joined(town, *leads, email="o@x.example", name="Ann")
        rest(town)
        assert partners(town, "pair/people") == set()
        (reason,) = parked(town, "question")
        assert reason.startswith("it was con:contacts:") and ours.id in reason and second.id in reason
        assert parked(town, "waiting") == [
            f"its twin con:contacts:{lead.id} became con:people:{person.id}, and it goes on with that"
        ]
        link(town.world, Ref("con", "people", person.id), Ref("crm", "contacts", ours.id), "pair/people")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        (reason,) = parked(town, "question")
        assert f"became con:people:{person.id}, which is linked with crm:contacts:{ours.id}" in reason
        assert len(rows(town, "con", "people")) == 1 and len(rows(town, "crm", "contacts")) == 2


def test_who_is_said_to_be_nobody_s_twin_leaves_the_other() -> None:
    """Of two twins one is refused: what both leads became goes on with the one that is left, without being told so."""
    with towns() as town:
        ours, _ = linked(town)
        second = make(town, "crm", "contacts", {"email": "b@x.example", "name": "Bo"})
        assert second is not None
        rest(town)
        person = joined(town, *rows(town, "con", "contacts"), email="o@x.example", name="Ann")
        rest(town)
        refuse(town.world, Ref("crm", "contacts", second.id), Ref("con", "people", person.id), "pair/people")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert parked(town, "question") == []


def test_the_heir_whose_own_link_was_closed_is_linked_again_by_a_command() -> None:
    """The person whom the lead became lost a twin of its own: the lead's is asked about, and says how to go on."""
    with towns() as town:
        ours, lead = linked(town)
        other, known = strangers(town)
        joined(town, lead, email="o@x.example")
        rest(town)
        town.vendors["crm"].delete("contacts", other.id)
        rest(town)
        retry(town)
        rest(town)
        (reason,) = parked(town, "question")
        command = f"`syncd relink con:people:{known.id} crm:contacts:{ours.id}`"
        assert f"whose link was closed. If it is its twin: {command}" in reason
        relink(town.world, Ref("con", "people", known.id), Ref("crm", "contacts", ours.id), "pair/people")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, known.id)} and parked(town, "question") == []


def test_an_open_question_is_not_put_anew_because_somebody_edits_the_heir() -> None:
    """The twin of the lead rests as it did, and since when: a turn of the person that the lead became gives it none."""
    with towns() as town:
        ours, lead = linked(town, tag="vip")
        _, known = strangers(town)
        joined(town, lead, email="o@x.example")
        rest(town)
        with town.store.read() as tx:
            before = tx.marks.get("pair/people", Side.LEFT, [ours.id])[ours.id]
        edit(town, "con", "people", known.id, {"name": "Ann Roof"})
        rest(town)
        with town.store.read() as tx:
            assert tx.marks.get("pair/people", Side.LEFT, [ours.id])[ours.id] == before


def test_what_was_cleared_while_the_lead_was_converted_stays_cleared() -> None:
    """The person that it became holds what the lead did: on the other side somebody cleared it, and that travels."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        rest(town)
        con = town.vendors["con"]
        person = con.create(
            "people", {"email": "office@x.example", "name": "Ann", "city": "Ulm", "was": (lead.id,)}, "person"
        )
        con.update("contacts", lead.id, {"phone": "converted"}, "person")
        edit(town, "crm", "contacts", ours.id, {"city": None})
        town.stage.now = town.stage.now.replace(microsecond=0) + con.traits.lag * 2
        for feed in (("con", "contacts"), ("crm", "contacts"), ("con", "people")):
            read_feed(town, *feed)
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        cities = (rows(town, "crm", "contacts")[0].fields["city"], rows(town, "con", "people")[0].fields["city"])
        assert cities == (None, None)
        assert parked(town, "question") == []


def test_a_converted_lead_that_was_deleted_before_is_on_no_list_once_its_twin_goes_on() -> None:
    """Its going is told as of any; when what it became has its twin, there is nothing left to do about it."""
    with towns() as town:
        ours, lead = linked(town)
        town.vendors["con"].update("contacts", lead.id, {"phone": "converted"}, "person")
        town.vendors["con"].delete("contacts", lead.id)
        rest(town)
        assert f"crm:contacts:{ours.id} stays" in " ".join(parked(town, "gone"))
        person = town.vendors["con"].create("people", {"email": "o@x.example", "was": (lead.id,)}, "person")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert parked(town, "gone") == []


def told_of_conversion(town: Town, *feeds: tuple[str, str]) -> None:
    """These feeds are read and worked on, after what is late has come; then all is."""
    town.stage.now = town.stage.now.replace(microsecond=0) + town.vendors["con"].traits.lag * 2
    for feed in feeds:
        read_feed(town, *feed)
    run(town)
    rest(town)


def cities(town: Town) -> tuple[Value, Value]:
    """Of ours and of the person."""
    return rows(town, "crm", "contacts")[0].fields["city"], rows(town, "con", "people")[0].fields["city"]


def open_cities(town: Town) -> list[tuple[Value, Value]]:
    """What a person is asked about them."""
    with town.store.read() as tx:
        rows = tx.conflicts.list(states=["open"], map_key="pair/people")
    return [(one.left, one.right) for one in rows if one.rule == "city"]


@pytest.mark.parametrize("typed", ["Bonn", None])
def test_what_was_typed_on_the_lead_last_came_along_and_travels(typed: Value) -> None:
    """It is edited and converted between two polls; the person comes by its feed before the lead does."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        rest(town)
        con = town.vendors["con"]
        con.update("contacts", lead.id, {"city": typed, "phone": "converted"}, "person")
        person = con.create(
            "people", {"email": "office@x.example", "name": "Ann", "city": typed, "was": (lead.id,)}, "person"
        )
        told_of_conversion(town, ("con", "people"))
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert cities(town) == (typed, typed) and open_cities(town) == []


@pytest.mark.parametrize("typed", ["Bonn", "Ulm"])
@pytest.mark.parametrize("there", ["new", "known"])
def test_what_was_cleared_on_the_twin_is_not_filled_by_what_the_lead_became(typed: str, there: str) -> None:
    """It is an edit like any; where the person was there before and has a city of its own, somebody is asked."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        rest(town)
        edit(town, "crm", "contacts", ours.id, {"city": None})
        edit(town, "con", "contacts", lead.id, {"city": typed})
        fields: dict[str, Value] = {"email": "o@x.example", "city": typed if there == "new" else "Jena", "name": "Ann"}
        if there == "known":
            town.vendors["con"].create("people", fields, "person")
        person = joined(town, lead, **{**fields, "email": "o@x.example"})
        told_of_conversion(town, ("con", "contacts"), ("crm", "contacts"), ("con", "people"))
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        if there == "known":
            assert cities(town) == (None, "Jena") and open_cities(town) == [(None, "Jena")]
        else:  # the map says that ours decides
            assert cities(town) == (None, None) and open_cities(town) == []
            with town.store.read() as tx:
                overruled = tx.conflicts.list(states=["overruled"], map_key="pair/people")
            assert [one.right for one in overruled] == (["Bonn"] if typed == "Bonn" else [])


def test_a_blank_where_the_lead_had_a_value_is_filled_and_listed() -> None:
    """The conversion did not carry it along, or somebody cleared it since: who did can take that back."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        rest(town)
        person = joined(town, lead, email="o@x.example", name="Ann")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert cities(town) == ("Ulm", "Ulm") and open_cities(town) == []
        with town.store.read() as tx:
            (row,) = tx.conflicts.list(states=["overruled"])
        assert (row.rule, row.left, row.right, row.lost) == ("city", "Ulm", None, Side.RIGHT)
        assert row.reason == f"blank on the right when the two were linked, and con:contacts:{lead.id} had a value"


def test_what_was_asked_about_the_lead_is_asked_about_what_it_became() -> None:
    """Even where the lead is again as it was when both agreed: whoever put that back has edited it."""
    with towns() as town:
        ours, lead = linked(town, city="Ulm")
        rest(town)
        edit(town, "crm", "contacts", ours.id, {"city": "Bonn"})
        edit(town, "con", "contacts", lead.id, {"city": "Jena"})
        rest(town)
        edit(town, "con", "contacts", lead.id, {"city": "Ulm"})
        rest(town)
        person = town.vendors["con"].create(
            "people", {"email": "office@x.example", "name": "Ann", "city": "Ulm", "was": (lead.id,)}, "person"
        )
        town.vendors["con"].update("contacts", lead.id, {"phone": "converted"}, "person")
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}
        assert cities(town) == ("Bonn", "Ulm") and open_cities(town) == [("Bonn", "Ulm")]


def deleted_after_conversion(town: Town) -> tuple[Row, Row]:
    """One of ours, and the person that its lead became: read once, and deleted before the two were linked."""
    ours, lead = linked(town, tag="vip")
    rest(town)
    con = town.vendors["con"]
    person = converted(town, lead)
    town.stage.now = town.stage.now.replace(microsecond=0) + con.traits.lag * 2
    read_feed(town, "con", "people")
    con.delete("people", person.id)
    rest(town)
    return ours, person


def test_what_it_became_is_deleted_and_its_twin_stays_without_one() -> None:
    """The link goes on to the person and ends with it, as any link does: a user is told, and nobody is made again."""
    with towns() as town:
        ours, person = deleted_after_conversion(town)
        assert partners(town) == partners(town, "pair/people") == set() and rows(town, "con", "people") == []
        assert parked(town, "waiting") == parked(town, "question") == []
        (reason,) = parked(town, "gone")
        assert f"con:people:{person.id}" in reason
        assert [row.id for row in rows(town, "crm", "contacts")] == [ours.id]


def test_what_it_became_comes_back_and_has_its_twin() -> None:
    """A person that was deleted before it had the lead's twin is restored: the two are linked."""
    with towns() as town:
        ours, person = deleted_after_conversion(town)
        town.vendors["con"].restore("people", person.id)
        rest(town)
        assert partners(town, "pair/people") == {(ours.id, person.id)}


def test_what_it_became_was_never_seen_and_a_person_says_that_it_is_nobody() -> None:
    """It was deleted before anybody read it: the twin waits, says how that ends, and is somebody of its own then."""
    with towns() as town:
        ours, lead = linked(town, tag="vip")
        rest(town)
        person = converted(town, lead)
        town.vendors["con"].delete("people", person.id)
        rest(town)
        (reason,) = parked(town, "waiting")
        command = f"`syncd link --not con:contacts:{lead.id} crm:contacts:{ours.id}`"
        assert reason.endswith(f"if that is somebody else: {command}")
        refuse(town.world, Ref("con", "contacts", lead.id), Ref("crm", "contacts", ours.id), "pair/contacts")
        rest(town)
        (made,) = rows(town, "con", "people")
        assert partners(town, "pair/people") == {(ours.id, made.id)} and parked(town, "waiting") == []


def test_a_twin_that_was_archived_unseen_is_looked_at_before_it_is_taken_over() -> None:
    """A vendor whose lists say nothing of the archived: what the lead became is looked at like any other."""
    with towns() as town:
        ours, lead = linked(town)
        crm = town.vendors["crm"]
        crm.delete("contacts", ours.id)
        person = converted(town, lead)
        town.stage.now = town.stage.now.replace(microsecond=0) + crm.traits.lag * 2
        read_feed(town, "con", "people")
        run(town)
        assert ours.id not in {left for left, _ in partners(town, "pair/people")}
        rest(town)
        assert ours.id not in {left for left, _ in partners(town, "pair/people")}
        assert person.id in {right for _, right in partners(town, "pair/people")}
