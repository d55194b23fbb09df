"""Twins that are found twice, values that many share, and likeness: what is linked, asked and new. Rules 5 and 8."""

from __future__ import annotations

from syncd.core.model import Side, Value
from syncd.engine.confirm import adopt
from tests.engine.doings import edit, judge, make, rest
from tests.engine.matchmaking import left, links, matching, questions, right
from tests.engine.town import Town
from tests.engine.vendor import Row

COLD = {"tag": "cold"}
"""Of the left side: it is linked with a twin, but none is made for it."""


def person(town: Town, vendor: str, **fields: Value) -> Row:
    """Somebody types in a contact."""
    row = make(town, vendor, "contacts", fields)
    assert row is not None
    return row


def cold(town: Town, **fields: Value) -> Row:
    """A contact of the left side that makes no twin."""
    return person(town, "crm", **COLD, **fields)


def test_two_who_share_a_key_with_one_are_a_question_from_both_sides() -> None:
    """Whoever asks first, nobody is linked: the left two name each other, and the right one names both."""
    with matching("{link: [email]}") as town:
        one, two = (cold(town, email="ann@x.example", name=name) for name in ("Ann", "Anna"))
        twin = person(town, "con", email="ann@x.example")
        rest(town)
        assert links(town) == set()
        asked = questions(town)
        assert set(asked) == {f"left {one.id}", f"left {two.id}", f"right {twin.id}"}
        assert f"could also be the twin of {left(two)}" in asked[f"left {one.id}"]
        assert all(str(left(row)) in asked[f"right {twin.id}"] for row in (one, two))


def test_a_question_is_released_when_its_other_half_changes() -> None:
    """The second one gets an e-mail of its own: the first is linked without anybody's doing."""
    with matching("{link: [email]}") as town:
        one, two = (cold(town, email="ann@x.example", name=name) for name in ("Ann", "Anna"))
        twin = person(town, "con", email="ann@x.example")
        rest(town)
        edit(town, "crm", "contacts", two.id, {"email": "anna@x.example"})
        judge(town)
        assert links(town) == {(one.id, twin.id)}
        assert questions(town) == {}


def test_a_question_about_a_record_is_put_anew_when_that_is_adopted() -> None:
    """The feed had read what a lost create made before that was settled: nothing of it moves any more but its link."""
    with matching("{link: [email]}") as town:
        one, two = (cold(town, email="ann@x.example", name=name) for name in ("Ann", "Anna"))
        twin = person(town, "con", email="ann@x.example")
        rest(town)
        assert len(questions(town)) == 3
        with town.store.begin() as tx:
            record = tx.snapshots.get("crm", "contacts", [two.id])[two.id].record
            assert set(adopt(town.world, tx, town.maps[0], Side.LEFT, {"k99": record})) == {"k99"}
        assert questions(town) == {}, (one.id, twin.id)


def test_who_does_not_belong_to_the_map_is_no_rival() -> None:
    """A record that the map leaves alone does not stand in the way of one that it carries."""
    with matching("{link: [email]}\nonly: \"left.tag != 'old'\"") as town:
        one = cold(town, email="ann@x.example")
        person(town, "crm", email="ann@x.example", tag="old")
        rest(town)
        twin = person(town, "con", email="ann@x.example")
        rest(town)
        assert links(town) == {(one.id, twin.id)}


def test_a_phone_that_many_carry_makes_no_key_certain() -> None:
    """Four of one office: the fifth of that name and phone across is asked about, not linked."""
    with matching("{link: [phone + name], shared: {most: 3}}") as town:
        ann = cold(town, name="Ann", phone="312 555 0100")
        for name in ("Bob", "Carl", "Dora"):
            cold(town, name=name, phone="312 555 0100")
        twin = person(town, "con", name="Ann", phone="(312) 555-0100")
        rest(town)
        assert links(town) == set()
        assert "may be the same: equal phone + name" in questions(town)[f"right {twin.id}"]
        assert str(left(ann)) in questions(town)[f"right {twin.id}"]


def test_a_phone_that_few_carry_is_certain() -> None:
    """Three of one home are no crowd."""
    with matching("{link: [phone + name], shared: {most: 3}}") as town:
        ann = cold(town, name="Ann", phone="312 555 0100")
        for name in ("Bob", "Carl"):
            cold(town, name=name, phone="312 555 0100")
        twin = person(town, "con", name="Ann", phone="(312) 555-0100")
        rest(town)
        assert links(town) == {(ann.id, twin.id)}


def test_a_listed_value_is_nobody_s_own() -> None:
    """The map names the mailbox of a front desk: even the only one who has it is asked about."""
    with matching("{link: [email], shared: {values: [Info@x.example]}}") as town:
        cold(town, email="info@x.example")
        cold(town, email="ann@x.example")
        for email in ("info@x.example", "ann@x.example"):
            person(town, "con", email=email)
        rest(town)
        assert len(links(town)) == 1
        assert sorted(reason.split(" (")[0] for reason in questions(town).values()) == [
            "may be the same: equal email", "may be the same: equal email",
        ]  # fmt: skip


SCORED = "{link: [email], score: {link: 0.95, ask: 0.3}}"


def test_likeness_links_whom_no_key_joins() -> None:
    """A slip in the e-mail, the same phone and name: linked, with the reasons."""
    with matching(SCORED) as town:
        ann = cold(town, email="ann.lopez@x.example", name="Annette", phone="312 555 0100")
        twin = person(town, "con", email="ann.loppez@x.example", name="Annette", phone="312 555 0100")
        judge(town)
        assert links(town) == {(ann.id, twin.id)}


def test_a_likeness_that_is_not_enough_is_a_question_with_its_reasons() -> None:
    """The same phone and nearly the same name: a person looks."""
    with matching(SCORED) as town:
        cold(town, name="Annette", phone="312 555 0100")
        twin = person(town, "con", name="Anette", phone="312 555 0100")
        rest(town)
        assert links(town) == set()
        reason = questions(town)[f"right {twin.id}"]
        assert "may be the same: score 0." in reason and "same phone, name one letter off" in reason


def test_a_family_s_mailbox_does_not_make_one_person_of_two() -> None:
    """A key that is certain by itself joins two first names: with a score, a person is asked."""
    with matching(SCORED) as town:
        cold(town, email="lopez@x.example", name="Annette")
        twin = person(town, "con", email="lopez@x.example", name="Roberto")
        rest(town)
        assert links(town) == set()
        assert "another name" in questions(town)[f"right {twin.id}"]


def test_two_likely_ones_are_a_question() -> None:
    """Father and son of one name, phone and home: neither is taken for the one across."""
    with matching(SCORED) as town:
        rows = [cold(town, name="Annette Lo", phone="312 555 0100", email=f"{n}.lo@x.example") for n in ("al", "bo")]
        twin = person(town, "con", name="Annette Lo", phone="312 555 0100")
        rest(town)
        assert links(town) == set()
        assert all(str(left(row)) in questions(town)[f"right {twin.id}"] for row in rows)


def test_a_stranger_is_new() -> None:
    """Who shares no more than a name with anybody is made across."""
    with matching(SCORED) as town:
        cold(town, name="Annette", phone="312 555 0100")
        ann = person(town, "con", name="Annette", phone="312 555 0199")
        judge(town)
        assert len(links(town)) == 1
        assert right(ann).id in {at for _, at in links(town)}
        assert len(town.vendors["crm"].rows["contacts"]) == 2
