"""How alike two records are: what counts for and against, in which words, and the laws of the number."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.fieldmap import Bands, Direction, FieldMap, Match, Part, Relation, Rule
from syncd.core.match import Candidate, Eye, Whose, indexed, whose
from syncd.core.model import FieldKind, FieldType, Record, Ref, Side
from syncd.core.score import Band, Grade, Score, name_grade, score
from syncd.core.traits import Aspect, Traits, Yardstick, common, local, sound
from syncd.core.values import Ends, converter
from tests.core.maps import LEFT, RIGHT, fieldmap, without

NAMES = ("first", "last", "email", "phone", "mobile", "street", "zip", "city")
CONVERT = {"first": "name", "last": "name", "mobile": "phone", "street": "address", "city": "text"}


def line(name: str, **more: Any) -> Rule:
    """A rule between two fields of one name."""
    convert = more.pop("convert", None) or converter(CONVERT.get(name, name), Ends(), {})
    return Rule(**{"name": name, "left": name, "right": name, "convert": convert, "direction": Direction.BOTH, **more})


RULES = tuple(line(name) for name in NAMES)
CITY = Match("city", (Part("city", (RULES[-1],)),))
M = fieldmap(*RULES, ask=(CITY,), score=Bands(link=0.95, ask=0.5))
STICK = Yardstick.of(M)

ANN = {"first": "Ann", "last": "Nuñez", "email": "ann@x.com", "phone": "312 555 0143", "street": "12 N Main St",
       "zip": "60601", "city": "Chicago"}  # fmt: skip


def traits(side: Side = LEFT, **fields: Any) -> Traits:
    """What a record says."""
    return STICK.traits(side, fields)


def compared(one: dict[str, Any], other: dict[str, Any], *shared: str) -> Score:
    """Two records of either side."""
    return score(STICK, traits(**one), traits(RIGHT, **other), {common(value) for value in shared})


def but(**changes: Any) -> dict[str, Any]:
    """Ann, changed."""
    return {**ANN, **changes}


def test_only_fields_that_tell_people_apart_are_compared() -> None:
    """Both fields, no expression, no relation; plain text only if a match key looks at it."""
    note = line("note", convert=RULES[-1].convert)
    one_sided, related = without(line("email"), LEFT), line("first", relation=Relation(map="x/y"))
    found = Yardstick.of(fieldmap(*RULES, note, one_sided, related, ask=(CITY,))).rules
    assert [[rule.name for rule in found[each]] for each in Aspect] == [
        ["phone", "mobile"], ["email"], ["first", "last"], ["street"], ["zip"], ["city"],
    ]  # fmt: skip
    assert Yardstick.of(fieldmap(*RULES)).rules[Aspect.OTHER] == ()


def test_a_part_of_a_name_is_compared_with_the_part_of_the_whole() -> None:
    """Where one side has the whole name in one field, its first name is read out of it."""
    first = line("first", convert=converter("name", Ends(), {"full": "right", "part": "first"}))
    stick = Yardstick.of(fieldmap(first))
    assert stick.traits(RIGHT, {"first": "Ann B. Nuñez"}).names == ("ann",)
    assert stick.traits(LEFT, {"first": "Ann"}).names == ("ann",)


def test_the_same_person_is_nearly_certain_and_a_stranger_is_not() -> None:
    """From one end to the other, and nothing to compare is nothing."""
    assert compared(ANN, ANN).value == 1.0
    assert compared(ANN, {}).value < 0.001 and compared(ANN, {}).reasons == ()
    assert str(compared({}, {})) == "0.00: nothing to compare"
    assert str(compared({"phone": "312 555 0143"}, ANN)) == "0.06: same phone"


CHANGES: list[tuple[dict[str, Any], str]] = [
    ({}, "same e-mail"),
    ({"email": "ann@y.org"}, "same e-mail name at another domain"),
    ({"email": "amn@x.com"}, "e-mail one letter off"),
    ({"email": "bob@y.org"}, "another e-mail"),
    ({"phone": "312 555 0144"}, "phone one digit off"),
    ({"phone": None, "mobile": "(312) 555-0143"}, "same phone"),
    ({"phone": "205 555 0199"}, "another phone"),
    ({"last": "Nunes"}, "last one letter off"),
    ({"last": "Smith"}, "another last"),
    ({"last": "Nuñez Jr."}, "last with another middle name or suffix"),
    ({"first": "Ann B."}, "first with and without a middle name"),
    ({"first": "A."}, "first a short form"),
    ({"street": "12 North Main Street"}, "same street"),
    ({"street": "12 N Mian St"}, "nearly the same street"),
    ({"street": "14 N Main St"}, "another street"),
    ({"zip": "60601-1234"}, "same ZIP"),
    ({"zip": "60602"}, "another ZIP"),
    ({"city": "Chicaog"}, "city nearly the same"),
    ({"city": "Boston"}, "another city"),
    ({"first": "Nunez", "last": "Ann"}, "first and last name changed places"),
    ({"first": "Nunes", "last": "Ann"}, "first and last name changed places"),
]


@pytest.mark.parametrize(("changes", "reason"), CHANGES)
def test_a_reason_is_told_in_plain_words(changes: dict[str, Any], reason: str) -> None:
    """Whatever is the same, nearly so, or another is named, and a change makes nobody likelier."""
    found = compared(ANN, but(**changes))
    assert reason in found.reasons
    assert found.value <= 1.0
    assert compared({"first": "Ann", "last": "Nuñez", "phone": "1"}, {**ANN, **changes}).value <= compared(
        {"first": "Ann", "last": "Nuñez", "phone": "1"}, ANN
    ).value  # fmt: skip


def test_another_name_is_never_nearly_certain() -> None:
    """Wife and husband share phone, street, mailbox and last name, and are two."""
    found = compared(ANN, but(first="Bob"))
    assert (found.value, found.another, found.band(Bands(link=0.95, ask=0.5))) == (0.8, True, Band.ASK)
    assert compared({"first": "Ann"}, {"first": "Bob"}).value < 0.01


def test_what_many_share_counts_neither_way() -> None:
    """An office's phone is no evidence, and no contradiction; one that is the person's own beside it counts."""
    one = {"first": "Ann", "phone": "312 555 0100"}
    shared = compared(one, one, "+13125550100")
    assert shared.value == compared({"first": "Ann"}, {"first": "Ann"}).value
    assert "same phone, which many share" in shared.reasons
    both = {**one, "mobile": "205 555 0199"}
    assert "same phone" in compared(both, both, "+13125550100").reasons


def test_what_people_call_a_field_is_its_label() -> None:
    """The left field's label, in lower case, where the vendor has one."""
    named = line("first", left_type=FieldType(name="first", kind=FieldKind.TEXT, label="First Name"))
    stick = Yardstick.of(fieldmap(named))
    both = [stick.traits(side, {"first": "Ann"}) for side in Side]
    assert score(stick, *both).reasons == ("same first name",)


@pytest.mark.parametrize(
    ("a", "b", "grade"),
    [
        ("robert", "bob", Grade.CLOSE),
        ("bob", "rob", Grade.CLOSE),
        ("b", "bob", Grade.CLOSE),
        ("b", "ann", Grade.OTHER),
        ("mary ann", "maryann", Grade.CLOSE),
        ("smith", "smiht", Grade.CLOSE),
        ("lee", "lea", Grade.OTHER),
        ("whitaker", "whittacker", Grade.CLOSE),
        ("thornton", "thorntonia", Grade.CLOSE),
        ("ann b", "ann c", Grade.KIN),
        ("ann b", "ann brooke", Grade.CLOSE),
        ("jones jr", "jones", Grade.KIN),
        ("jones jr", "jones junior", Grade.CLOSE),
        ("baker", "abbott", Grade.OTHER),
    ],
)
def test_names_are_compared_as_people_would(a: str, b: str, grade: Grade) -> None:
    """Short forms, initials, slips; a son is not his father, and short words one letter off are other words."""
    assert name_grade(a, b) is name_grade(b, a) is grade


def test_one_name_alone_cannot_change_places() -> None:
    """Without a second name there is nothing to swap with."""
    assert compared({"first": "Ann"}, {"last": "Ann"}).reasons == ()
    assert compared({"first": "Ann"}, {"first": "Bob"}).reasons == ("another first",)


@pytest.mark.parametrize(
    ("name", "form"),
    [("robert", "r163"), ("rupert", "r163"), ("ashcroft", "a261"), ("tymczak", "t522"), ("wu", "w"), ("李", "李"),
     ("o 1", "o")],
)  # fmt: skip
def test_names_that_sound_alike_have_one_form(name: str, form: str) -> None:
    """Soundex; what is not written in Latin letters stays as it is."""
    assert sound(name) == form


def test_codes_of_another_country_that_are_nearly_the_same_are_others() -> None:
    """A ZIP is the same or another."""
    assert "another ZIP" in compared({"zip": "K1A 0B1"}, {"zip": "K1A 0B2"}).reasons


def test_rough_keys_find_each_other_over_one_slip() -> None:
    """Whatever single thing is wrong, missing or swapped, two records of one person share a rough key."""
    whole = set(traits(**ANN).blocks())
    for changes, _ in CHANGES:
        assert whole & set(traits(RIGHT, **but(**changes)).blocks()), changes
    assert traits(zip="60601").blocks() == traits().blocks() == []
    assert traits(street="12 N Main St").blocks() == ["\x17house 12 n "]
    assert local("ann+roof@x.com") == "ann"


def test_rough_keys_are_indexed_only_where_a_map_scores() -> None:
    """A map without a score keeps its index small."""
    plain = fieldmap(*RULES, ask=(CITY,))
    assert indexed(plain, LEFT, ANN) == ["city\x1echicago"]
    assert common("ann@x.com") in indexed(M, LEFT, ANN)
    phone = Match("phone + last", (Part("phone", (RULES[3],)), Part("last", (RULES[1],))))
    assert indexed(fieldmap(*RULES, link=(phone,)), LEFT, ANN) == [
        "phone + last\x1e+13125550143\x1fnunez", common("+13125550143"),
    ]  # fmt: skip


def record(side: Side, id_: str, **fields: Any) -> Record:
    """A record of a side."""
    return Record(ref=Ref("crm" if side is LEFT else "roof", "deals" if side is LEFT else "jobs", id_), fields=fields)


def test_the_likeliest_alone_is_linked_and_two_are_a_question() -> None:
    """With the reasons; who is not alike enough is new."""
    source, twin = record(LEFT, "1", **ANN), record(RIGHT, "9", **but(city=None, email=None))
    found = whose(M, source, LEFT, [Candidate(twin), Candidate(record(RIGHT, "8", zip="60601"))])
    assert (found.whose, found.record) == (Whose.STRANGER, twin)
    assert found.reason.startswith("roof:jobs:9 scores 1.00: same phone")
    two = whose(M, source, LEFT, [Candidate(twin), Candidate(record(RIGHT, "8", **but(city=None)))])
    assert (two.whose, [ref.id for ref in two.candidates]) == (Whose.QUESTION, ["9", "8"])
    assert whose(M, source, LEFT, [Candidate(record(RIGHT, "8", first="Ann", last="Nuñez"))]).whose is Whose.NOBODY


def test_a_likeness_below_link_is_a_question_and_a_linked_one_is_nobody() -> None:
    """The reason names key and score; whoever is linked already is somebody else."""
    source, wife = record(LEFT, "1", **ANN), record(RIGHT, "9", **but(first="Bob"))
    found = whose(M, source, LEFT, [Candidate(wife)])
    assert found.whose is Whose.QUESTION
    assert found.reason.startswith("may be the same: equal city, score 0.80: same e-mail")
    alike = whose(M, source, LEFT, [Candidate(record(RIGHT, "9", **but(first="Bob", city=None)))])
    assert alike.reason.startswith("may be the same: score 0.80")
    assert whose(M, source, LEFT, [Candidate(wife, linked=True)]).whose is Whose.NOBODY


EMAIL = Match("email", (Part("email", (RULES[2],)),))
CERTAIN = fieldmap(*RULES, link=(EMAIL,), score=Bands(link=0.95, ask=0.5))


def test_a_certain_key_between_two_names_is_a_question() -> None:
    """Where the map scores; without a score the key is the admin's word."""
    source, wife = record(LEFT, "1", **ANN), record(RIGHT, "9", first="Bob", email="ann@x.com")
    assert whose(CERTAIN, source, LEFT, [Candidate(wife)]).whose is Whose.QUESTION
    assert whose(fieldmap(*RULES, link=(EMAIL,)), source, LEFT, [Candidate(wife)]).whose is Whose.STRANGER
    husband = record(RIGHT, "8", first="Ann", email="ann@x.com")
    assert whose(CERTAIN, source, LEFT, [Candidate(wife), Candidate(husband)]).record == husband


def test_a_certain_key_that_many_carry_asks_or_is_left_to_the_score() -> None:
    """Without a score it is a question; with one, only if the two are alike."""
    source, other = record(LEFT, "1", **ANN), record(RIGHT, "9", email="ann@x.com")
    shared = {common("ann@x.com")}
    bare = fieldmap(*RULES, link=(EMAIL,))
    assert whose(bare, source, LEFT, [Candidate(other)], shared).whose is Whose.QUESTION
    assert whose(bare, source, LEFT, [Candidate(other)], {"email\x1eann@x.com"}).whose is Whose.QUESTION
    assert whose(CERTAIN, source, LEFT, [Candidate(other)], shared).whose is Whose.NOBODY
    assert whose(CERTAIN, source, LEFT, [Candidate(other)]).whose is Whose.STRANGER


TEXTS = {
    "first": st.sampled_from(["Ann", "Anne", "Bob", "Robert", "R.", "Ann B.", "Zoë", "李", "", None]),
    "last": st.sampled_from(["Nuñez", "Nunez", "Nunes", "Ann", "Smith Jr.", "Smith", None]),
    "email": st.sampled_from(["ann@x.com", "amn@x.com", "ann@y.org", "no address", None]),
    "phone": st.sampled_from(["312 555 0143", "312 555 0144", "205 555 0100", None]),
    "mobile": st.sampled_from(["312 555 0143", "205 555 0100", None]),
    "street": st.sampled_from(["12 N Main St", "14 N Main St", "12 N Mian St", "PO Box 4", None]),
    "zip": st.sampled_from(["60601", "60601-1234", "99999", "K1A 0B1", "K1A 0B2", None]),
    "city": st.sampled_from(["Chicago", "Chicaog", None]),
}
PEOPLE = st.fixed_dictionaries(TEXTS)
SHARED = st.frozensets(st.sampled_from([common("ann@x.com"), common("+13125550143")]))


@given(PEOPLE, PEOPLE, SHARED)
def test_a_score_is_the_same_from_both_sides_and_each_time(one: Any, other: Any, shared: frozenset[str]) -> None:
    """Number, reasons and all; between nothing and certainty."""
    there = score(STICK, traits(LEFT, **one), traits(RIGHT, **other), shared)
    back = score(STICK, traits(LEFT, **other), traits(RIGHT, **one), shared)
    assert there == back == score(STICK, traits(LEFT, **one), traits(RIGHT, **other), shared)
    assert 0 <= there.value <= 1


@given(PEOPLE, PEOPLE, st.booleans(), SHARED)
def test_who_was_refused_is_never_linked_nor_asked_about(one: Any, other: Any, linked: bool, shared: Any) -> None:
    """By no key and no score."""
    for m in (M, CERTAIN, fieldmap(*RULES, link=(EMAIL,), ask=(CITY,))):
        candidate = Candidate(record(RIGHT, "9", **other), linked, refused=True)
        assert whose(m, record(LEFT, "1", **one), LEFT, [candidate], shared).whose is Whose.NOBODY


@given(PEOPLE, PEOPLE, SHARED)
def test_a_verdict_over_one_pair_is_the_same_from_both_sides(one: Any, other: Any, shared: frozenset[str]) -> None:
    """Whoever asks; so a link never hangs on who was read first."""
    left, right = record(LEFT, "1", **one), record(RIGHT, "9", **other)
    for m in (M, CERTAIN):
        there = whose(m, left, LEFT, [Candidate(right)], shared)
        assert there.whose is whose(m, right, RIGHT, [Candidate(left)], shared).whose


def test_an_eye_remembers_what_it_saw() -> None:
    """A record is taken apart once."""
    eye = Eye(M)
    one = record(LEFT, "1", **ANN)
    assert eye.keys(LEFT, one) is eye.keys(LEFT, one) and eye.traits(LEFT, one) is eye.traits(LEFT, one)
    assert eye.blocks(LEFT, one) == traits(**ANN).blocks() and Eye(fieldmap(*RULES)).blocks(LEFT, one) == []


def test_maps_score_only_when_told() -> None:
    """No score, and three may share a value, unless the map says otherwise."""
    bare: FieldMap = fieldmap(*RULES)
    assert bare.score is None and (bare.shared.most, bare.shared.values) == (3, frozenset())
