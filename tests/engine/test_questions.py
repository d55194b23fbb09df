"""What a person answers to the question which record is which. Not here: when it is asked (`test_rules`)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta

import pytest

from syncd.core.model import Gone, Ref, Side
from syncd.engine.absorb import absorb
from syncd.engine.answers import skip
from syncd.engine.questions import answer
from syncd.errors import ConfigError
from syncd.store.marks import PARKED, Mark
from syncd.store.plans import DISCARDED
from tests.engine.doings import edit, judge, make, read_feed, rest, run
from tests.engine.test_rules import KEYLESS, rows, town_of
from tests.engine.town import Town
from tests.engine.vendor import Row

ANN, RIGHT_ANN = Ref("crm", "contacts", "c1"), Ref("con", "contacts", "c1")


def lost_create(town: Town, fault: str) -> Row:
    """A create of Ann's twin whose answer was lost, with Bob made by a person in its window; Bob's record."""
    rest(town)
    town.vendors["con"].faults.append(("write", fault))
    make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "phone": "1"})
    town.stage.now += timedelta(seconds=60)
    read_feed(town, "crm", "contacts")
    run(town)
    bob = make(town, "con", "contacts", {"email": "bob@x.example", "name": "Bob"})
    assert bob is not None
    return bob


def parked(town: Town) -> list[Mark]:
    """What waits for a person."""
    with town.store.read() as tx:
        return tx.marks.resting(PARKED)


def emails(town: Town, vendor: str) -> list[str]:
    """The e-mails of a side's contacts."""
    return sorted(str(row.fields["email"]) for row in rows(town, vendor, "contacts"))


def two_anns(town: Town) -> tuple[Row, Row]:
    """Two on the left who do not cross by themselves, and Ann on the right, who could be either; the two."""
    first, second = (make(town, "crm", "contacts", {"email": "ann@x.example", "tag": "cold", "phone": n}) for n in "12")
    assert first is not None and second is not None
    rest(town)
    make(town, "con", "contacts", {"email": "ann@x.example", "name": "Ann"})
    rest(town)
    return first, second


def refused(town: Town, ref: Ref, twin: str, map_key: str | None = None) -> str:
    """What a person is told whose answer cannot be taken; nothing is linked by it."""
    with town.store.read() as tx:
        before = {m.key: tx.links.count(m.key) for m in town.maps}
    with pytest.raises(ConfigError) as caught:
        answer(town.world, ref, twin, map_key)
    with town.store.read() as tx:
        assert before == {m.key: tx.links.count(m.key) for m in town.maps}
    return str(caught.value)


def test_none_lets_a_lost_create_go_and_the_stranger_in_its_window_too() -> None:
    """The write had made nothing: after `none` Ann is made, once, and Bob crosses as the new lead that he is."""
    with town_of(right=KEYLESS) as town:
        lost_create(town, "unapplied")
        rest(town)
        assert {mark.cause for mark in parked(town)} == {"question", "waiting"}
        assert answer(town.world, ANN, "none") is None
        judge(town)
        assert emails(town, "crm") == emails(town, "con") == ["ann@x.example", "bob@x.example"]
        assert parked(town) == []


def test_a_question_about_a_lost_create_cannot_be_skipped() -> None:
    """Whoever passed over it would never see to a record that may be there; a stranger in its window can wait."""
    with town_of(right=KEYLESS) as town:
        bob = lost_create(town, "unapplied")
        rest(town)
        with pytest.raises(ConfigError, match="a write for it may have landed"):
            skip(town.world, ANN)
        stranger = Ref("con", "contacts", bob.id)
        assert skip(town.world, stranger, "pair/people") == 0
        assert skip(town.world, stranger) == 1
        rest(town)
        assert {mark.cause for mark in parked(town)} == {"question", DISCARDED}
        edit(town, "con", "contacts", bob.id, {"phone": "5"})
        rest(town)
        assert {mark.cause for mark in parked(town)} == {"question", "waiting"}


def test_the_record_that_a_lost_create_made_is_adopted_with_what_was_sent_as_base() -> None:
    """A person has changed every key of the record that we made: named, it is linked, and the edits are edits."""
    with town_of(right=KEYLESS) as town:
        lost_create(town, "lost")
        (made,) = [row for row in rows(town, "con", "contacts") if row.fields["email"] == "ann@x.example"]
        edit(town, "con", "contacts", made.id, {"email": "anna@x.example", "phone": "9"})
        rest(town)
        assert answer(town.world, ANN, f"con:contacts:{made.id}") == Ref("con", "contacts", made.id)
        judge(town)
        (left,) = [row for row in rows(town, "crm", "contacts") if row.id == ANN.id]
        assert (left.fields["email"], left.fields["phone"]) == ("anna@x.example", "9")
        assert emails(town, "crm") == emails(town, "con") == ["anna@x.example", "bob@x.example"]
        assert parked(town) == []


def test_a_twin_older_than_the_lost_create_is_a_first_link() -> None:
    """A record that the write cannot have made is linked by the map's `first_link`, and who loses is listed."""
    with town_of(right=KEYLESS) as town:
        old = make(town, "con", "contacts", {"email": "old@x.example", "name": "Old", "phone": "7"})
        assert old is not None
        rest(town)
        (copy,) = rows(town, "crm", "contacts")
        with town.store.begin() as tx:
            (link,) = tx.links.of("pair/contacts", Side.LEFT, [copy.id]).values()
            tx.links.close(link.id, "a person parted them", town.stage.now)
        lost_create(town, "unapplied")
        rest(town)
        (mark,) = [mark for mark in parked(town) if mark.cause == "question"]
        answer(town.world, Ref("crm", "contacts", mark.id), old.id)
        rest(town)
        assert old.fields["name"] == "Ann"
        with town.store.read() as tx:
            lost = {one.rule: one.right for one in tx.conflicts.list(states=["overruled"])}
        assert lost["name"] == "Old"


def test_a_named_twin_is_linked_where_several_could_be_it() -> None:
    """Two share the e-mail: the named one is linked and filled, the other stays as it is."""
    with town_of() as town:
        first, second = two_anns(town)
        assert answer(town.world, RIGHT_ANN, second.id) == Ref("crm", "contacts", second.id)
        judge(town)
        assert second.fields["name"] == "Ann" and first.fields["name"] is None
        (right,) = rows(town, "con", "contacts")
        assert right.fields["phone"] == "2"


def test_an_answer_that_cannot_be_is_refused_with_what_to_do() -> None:
    """Nothing asked, another map, never seen, none where no write is open: each has its own sentence."""
    with town_of() as town:
        first, _ = two_anns(town)
        assert "not parked with a question" in refused(town, Ref("con", "contacts", "c9"), first.id)
        assert "not parked with a question" in refused(town, RIGHT_ANN, first.id, "pair/people")
        assert "never seen crm:contacts:c9" in refused(town, RIGHT_ANN, "c9")
        assert "cannot be noted yet" in refused(town, RIGHT_ANN, "none")


def test_a_twin_that_is_taken_gone_or_writing_itself_is_refused() -> None:
    """A record is linked once: not what is linked, not what is gone, not what waits for a write of its own."""
    with town_of(left=KEYLESS, right=KEYLESS) as town:
        bob = lost_create(town, "unapplied")
        carl = make(town, "con", "contacts", {"email": "carl@x.example"})
        dora = make(town, "con", "contacts", {"email": "dora@x.example"})
        assert carl is not None and dora is not None
        rest(town)
        with town.store.begin() as tx:
            absorb(tx, town.world, [Gone(ref=Ref("con", "contacts", carl.id), tombstone=True)], asked=())
            tx.links.make("pair/contacts", "c77", dora.id, town.stage.now)
            (intent,) = tx.journal.open_of("pair/contacts", [ANN.id])
            row = {**asdict(intent), "side": "left", "action": "create", "source_id": bob.id}
            del row["id"]
            tx.journal.open([row])
        assert "is gone" in refused(town, ANN, carl.id)
        assert "linked already, with crm:contacts:c77" in refused(town, ANN, dora.id)
        assert "waits for the outcome of write 2" in refused(town, ANN, bob.id)


def test_where_several_maps_ask_one_is_named() -> None:
    """Two creates of Ann were lost, a contact's and a person's: the answer says of which map it is."""
    with town_of(right=KEYLESS) as town:
        rest(town)
        town.vendors["con"].faults += [("write", "unapplied"), ("write", "unapplied")]
        make(town, "crm", "contacts", {"email": "ann@x.example", "name": "Ann", "tag": "vip"})
        town.stage.now += timedelta(seconds=60)
        read_feed(town, "crm", "contacts")
        run(town)
        person = [make(town, "con", kind, {"email": "bob@x.example"}) for kind in ("contacts", "people")][1]
        assert person is not None
        rest(town)
        told = refused(town, ANN, person.id)
        assert "pair/contacts, pair/people" in told and "--map" in told
        answer(town.world, ANN, person.id, "pair/people")
        with town.store.read() as tx:
            assert {m.key: tx.links.count(m.key) for m in town.maps}["pair/people"] == 1
            assert tx.links.count("pair/contacts") == 0
