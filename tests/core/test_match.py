"""Whose is it? Match keys, the questions asked of a vendor, and the verdict over what was found. Rule 5."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncd.core.fieldmap import Continued, End, FieldMap, Match, Owner, Part, Rule
from syncd.core.match import (
    MOST_COMBINATIONS,
    Answer,
    Candidate,
    Key,
    Whose,
    by_key,
    came_of,
    carried_key,
    contested,
    formers,
    indexed,
    keys,
    lookups,
    sync_key_of,
    whose,
)
from syncd.core.model import MatchKey, Record, Ref, Side, SyncKey
from syncd.core.values import Ends, converter
from tests.core.maps import LEFT, RIGHT, without


def line(name: str, left: str | None, right: str | None, convert: str = "text", **options: Any) -> Rule:
    """A rule between two named fields."""
    convert_by = converter(convert, Ends(left=None, right=None), options)
    return Rule(name=name, left=left, right=right, owner=Owner.LEFT, convert=convert_by)


PHONE = line("phone", "phone", "home", "phone")
MOBILE = line("mobile", "mobile", "cell", "phone")
LAST = line("last", "lastname", "surname", "name")
EMAIL = line("email", "email", "mail", "email")
COLOR = line("color", "color", "farbe", "picklist", values={"red": "rot"})
CERTAIN = Match("phone + last", (Part("phone", (PHONE, MOBILE)), Part("last", (LAST,))))
UNSURE = Match("email", (Part("email", (EMAIL,)),))
OWN = Match("sync_key", (Part("sync_key", ()),))


def people(*link: Match, ask: tuple[Match, ...] = (), key: str | None = None) -> FieldMap:
    """A map of people."""
    return FieldMap(
        key="p/people",
        name="people",
        digest="1",
        left=End(system="crm", kind="contacts", sync_key=key and "syncd_id"),
        right=End(system="roof", kind="people", sync_key=key),
        rules=(PHONE, MOBILE, LAST, EMAIL, COLOR),
        link=link,
        ask=ask,
    )


def left(id_: str = "1", **fields: Any) -> Record:
    """A record of the left side."""
    return Record(ref=Ref("crm", "contacts", id_), fields=fields)


def right(id_: str = "9", **fields: Any) -> Record:
    """A record of the right side."""
    return Record(ref=Ref("roof", "people", id_), fields=fields)


ANN = {"phone": "(312) 555-0143", "lastname": "Nuñez"}
ANN_THERE = {"cell": "+1 312 555 0143", "surname": "NUNEZ"}


def test_both_sides_keys_are_comparable_whatever_the_spelling() -> None:
    """Phones and names in their normal form, whichever of a part's fields holds them."""
    m = people(CERTAIN)
    assert keys(m, LEFT, ANN) == keys(m, RIGHT, ANN_THERE) == (Key("phone + last", True, "+13125550143\x1fnunez"),)


def test_a_key_needs_every_part() -> None:
    """A person without a phone has no key of phone and name."""
    m = people(CERTAIN)
    assert keys(m, LEFT, {"lastname": "Nuñez", "phone": None}) == keys(m, LEFT, {"phone": "312 555 0143"}) == ()


def test_several_values_of_a_part_make_several_keys_each_once() -> None:
    """Any phone may be the one in common; the same number twice is one key."""
    m = people(CERTAIN)
    two = keys(m, LEFT, {**ANN, "mobile": "312 555 0144"})
    assert [key.text.split("\x1f")[0] for key in two] == ["+13125550143", "+13125550144"]
    assert len(keys(m, LEFT, {**ANN, "mobile": "312.555.0143"})) == 1


def test_one_key_under_two_matches_is_two_keys_and_the_certain_one_of_a_name_stays() -> None:
    """Link comes before ask, so what is certain is not made unsure by a second line of the same name."""
    m = people(UNSURE, ask=(UNSURE, Match("mail", UNSURE.parts)))
    assert keys(m, LEFT, {"email": "A@x.com"}) == (Key("email", True, "a@x.com"), Key("mail", False, "a@x.com"))


def test_combinations_are_capped() -> None:
    """A record with many phones and names makes no flood of keys."""
    phones = tuple(line(f"p{n}", f"p{n}", f"q{n}") for n in range(10))
    names = tuple(line(f"n{n}", f"n{n}", f"m{n}") for n in range(10))
    m = people(Match("many", (Part("phones", phones), Part("names", names))))
    fields = {f"{letter}{n}": f"{letter}{n}" for letter in "pn" for n in range(10)}
    assert len(keys(m, LEFT, fields)) == MOST_COMBINATIONS


def test_one_value_in_many_fields_leaves_room_for_the_others() -> None:
    """The cap counts combinations of different values."""
    phones, names = (tuple(line(f"{x}{n}", f"{x}{n}", f"{x}{n}") for n in range(10)) for x in "pn")
    m = people(Match("many", (Part("phones", phones), Part("names", names))))
    fields = {f"p{n}": f"p{n}" for n in range(10)} | {f"n{n}": "Nunez" for n in range(10)}
    assert len(keys(m, LEFT, fields)) == 10


def test_a_rule_without_a_field_on_a_side_gives_no_key_there() -> None:
    """A part looks only at fields that the side has."""
    m = people(Match("e", (Part("email", (without(EMAIL, RIGHT),)),)))
    assert keys(m, LEFT, {"email": "a@x.com"}) and keys(m, RIGHT, {"mail": "a@x.com"}) == ()


def test_our_own_key_is_no_match_key() -> None:
    """A match that names sync_key is answered by the record's key field, never by people's values."""
    assert keys(people(OWN, Match("both", (*OWN.parts, *UNSURE.parts))), LEFT, {"email": "a@x.com"}) == ()


@pytest.mark.parametrize(("value", "key"), [("crm:contacts:1", "crm:contacts:1"), ("", None), (None, None), (7, None)])
def test_a_record_carries_our_key_in_the_map_s_field(value: Any, key: str | None) -> None:
    """A text in the field that the map names, on that side; anything else is no key."""
    assert carried_key(people(key="ext"), RIGHT, {"ext": value}) == key
    assert carried_key(people(key="ext"), LEFT, {"ext": value}) is None
    assert carried_key(people(), RIGHT, {"ext": value}) is None


def test_the_key_of_a_twin_is_its_source_s_ref() -> None:
    """What a record carries names the record it was made for."""
    assert sync_key_of(Ref("crm", "contacts", "1")) == "crm:contacts:1"


@pytest.mark.parametrize("value", ["crm:contacts:1", "", None, 7])
def test_a_record_is_found_by_the_key_it_carries(value: object) -> None:
    """Beside what its own values make; a blank one is no key, and a map without one looks at none."""
    found = [by_key("crm:contacts:1")] if value == "crm:contacts:1" else []
    assert indexed(people(key="ext"), RIGHT, {"ext": value}) == found
    assert indexed(people(), RIGHT, {"ext": value}) == []


@pytest.mark.parametrize(("value", "ids"), [(("7", "8"), ("7", "8")), ("7", ("7",)), ("", ()), ((), ()), (None, ())])
def test_a_record_is_found_by_what_it_was(value: Any, ids: tuple[str, ...]) -> None:
    """Of a map that continues another, on the side where records become others, and nowhere else."""
    m = replace(people(), continues=Continued(map="p/leads", side=Side.LEFT, field="lead"))
    assert formers(m, Side.LEFT, {"lead": value}) == ids
    assert indexed(m, Side.LEFT, {"lead": value}) == [came_of(id_) for id_ in ids]
    assert formers(m, Side.RIGHT, {"lead": value}) == formers(people(), Side.LEFT, {"lead": value}) == ()


def test_before_a_creation_the_vendor_is_asked_by_our_key_and_by_every_match() -> None:
    """Fields of the side asked, values as that side would hold them; without any value there is no question."""
    m = people(OWN, CERTAIN, ask=(UNSURE,), key="ext")
    asked = lookups(m, RIGHT, left(**ANN, mobile="312 555 0144"))
    phones = (("home", "cell"), ("(312) 555-0143", "312 555 0144"))
    assert asked == [
        SyncKey("ext", "crm:contacts:1"),
        MatchKey("phone + last", (phones, (("surname",), ("Nuñez",)))),
    ]
    assert lookups(people(CERTAIN), RIGHT, left(lastname="Nuñez")) == []


def test_the_other_side_is_asked_by_its_own_fields() -> None:
    """Look-ups go both ways."""
    (asked,) = lookups(people(UNSURE), LEFT, right(mail="a@x.com"))
    assert asked == MatchKey("email", ((("email",), ("a@x.com",)),))


def test_a_value_without_counterpart_or_field_is_no_term() -> None:
    """What cannot be said in the vendor's words, or stands in no field there, is not asked."""
    m = people(Match("c", (Part("color", (COLOR,)),)))
    assert lookups(m, RIGHT, left(color="pink")) == lookups(m, RIGHT, left(color="  ")) == []
    assert lookups(m, RIGHT, left(color="red")) == [MatchKey("c", ((("farbe",), ("rot",)),))]
    one_sided = people(Match("e", (Part("email", (without(EMAIL, RIGHT),)),)))
    assert lookups(one_sided, RIGHT, left(email="a@x.com")) == []
    assert lookups(one_sided, LEFT, right(mail="a@x.com")) == []


M = people(OWN, CERTAIN, ask=(UNSURE,), key="ext")


def ask(source: Record, *candidates: Record, linked: tuple[str, ...] = (), side: Side = LEFT) -> Answer:
    """Whose is it, some candidates being linked already."""
    return whose(M, source, side, [Candidate(record, record.ref.id in linked) for record in candidates])


def test_nobody_answers() -> None:
    """A record without candidates, or with strangers only, is new."""
    assert ask(left(**ANN)) == Answer(Whose.NOBODY, "no record answers its match keys")
    assert ask(left(**ANN), right(home="312 555 0199", surname="Nunez")).whose is Whose.NOBODY


def test_a_record_that_carries_our_key_is_ours() -> None:
    """The key beats every match key, whatever people wrote into the other fields."""
    twin = right("9", ext="crm:contacts:1", surname="Other")
    found = ask(left(**ANN), right("8", **ANN_THERE), twin)
    assert (found.whose, found.record) == (Whose.OURS, twin)
    assert found.reason == "roof:people:9 carries our sync key"


def test_another_record_s_key_is_not_ours() -> None:
    """A key that names somebody else makes nobody a twin."""
    assert ask(left(**ANN), right(ext="crm:contacts:2")).whose is Whose.NOBODY


def test_the_other_side_s_twin_is_found_the_same_way() -> None:
    """Whose is it, asked for a record of the right side."""
    twin = left("1", **ANN)
    assert ask(right(**ANN_THERE), twin, side=RIGHT).record == twin
    assert ask(right("9"), left("1", syncd_id="roof:people:9"), side=RIGHT).whose is Whose.OURS


def test_a_certain_match_is_a_stranger_s_twin() -> None:
    """Equal by a match key that links: first link."""
    twin = right(**ANN_THERE)
    found = ask(left(**ANN), twin, right("8", surname="Nunez"))
    assert (found.whose, found.record, found.reason) == (Whose.STRANGER, twin, "roof:people:9 same phone + last")


def test_two_answers_are_a_question() -> None:
    """A twin that is found twice is never guessed; both are named for the person who chooses."""
    found = ask(left(**ANN), right("9", **ANN_THERE), right("8", **ANN_THERE))
    assert (found.whose, found.record) == (Whose.QUESTION, None)
    assert [ref.id for ref in found.candidates] == ["8", "9"]
    assert found.reason == "2 records answer: same phone + last"


def test_a_key_that_was_copied_by_a_clone_is_a_question() -> None:
    """Two records carry our key: a person says which one is the twin."""
    found = ask(left(), right("9", ext="crm:contacts:1"), right("8", ext="crm:contacts:1"))
    assert (found.whose, found.reason) == (Whose.QUESTION, "2 records answer: carries our sync key")


def test_one_record_found_twice_is_one_answer() -> None:
    """Two look-ups that tell of the same record tell of one twin."""
    assert ask(left(**ANN), right(**ANN_THERE), right(**ANN_THERE)).whose is Whose.STRANGER


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        (ANN_THERE, "roof:people:9 same phone + last, but is linked with another record"),
        ({"ext": "crm:contacts:1"}, "roof:people:9 carries our sync key, but is linked with another record"),
    ],
)
def test_a_twin_that_is_linked_elsewhere_is_a_question(fields: dict[str, str], reason: str) -> None:
    """By an open or a closed link: nothing is made beside it without a person."""
    found = ask(left(**ANN), right(**fields), linked=("9",))
    assert (found.whose, found.reason, found.record) == (Whose.QUESTION, reason, None)
    assert [ref.id for ref in found.candidates] == ["9"]


def test_an_unsure_match_is_a_question_unless_it_is_linked() -> None:
    """A shared e-mail may be the same person; whoever is linked already is somebody else."""
    source, shared = left(email="a@x.com"), {"mail": "A@x.com"}
    found = ask(source, right("9", **shared), right("8", **shared), right("7", **shared), linked=("7",))
    assert (found.whose, found.reason) == (Whose.QUESTION, "may be the same: equal email")
    assert [ref.id for ref in found.candidates] == ["9", "8"]
    assert ask(source, right("9", **shared), linked=("9",)).whose is Whose.NOBODY


def test_a_certain_match_beats_an_unsure_one() -> None:
    """Also within one record that answers both."""
    both = {**ANN_THERE, "mail": "a@x.com"}
    found = ask(left(**ANN, email="a@x.com"), right("8", mail="a@x.com"), right("9", **both))
    assert (found.whose, found.record and found.record.ref.id) == (Whose.STRANGER, "9")


def test_a_refused_one_is_nobody_unless_it_carries_our_key() -> None:
    """A person's word against people's values; our own key was written by us."""
    twin = right("9", **ANN_THERE)
    assert whose(M, left(**ANN), LEFT, [Candidate(twin, refused=True)]).whose is Whose.NOBODY
    ours = right("9", ext="crm:contacts:1")
    assert whose(M, left(**ANN), LEFT, [Candidate(ours, refused=True)]).record == ours


def test_a_twin_that_is_somebody_else_s_too_is_contested() -> None:
    """Asked in turn, it must name who asks, and nobody else."""
    twin, ann = right("9", **ANN_THERE), left("1", **ANN)
    assert contested(twin, ann.ref, whose(M, twin, RIGHT, [Candidate(ann)])) is None
    rival = left("2", **ANN)
    found = contested(twin, ann.ref, whose(M, twin, RIGHT, [Candidate(ann), Candidate(rival)]))
    assert found is not None
    assert (found.whose, found.candidates) == (Whose.QUESTION, (twin.ref,))
    assert found.reason == "roof:people:9 could also be the twin of crm:contacts:2"
    key = left("3", syncd_id="roof:people:9")
    found = contested(twin, ann.ref, whose(M, twin, RIGHT, [Candidate(ann), Candidate(key)]))
    assert found is not None and found.reason.endswith("the twin of crm:contacts:3")
    found = contested(twin, ann.ref, whose(M, twin, RIGHT, []))
    assert found is not None and found.reason.endswith("the twin of nobody")
