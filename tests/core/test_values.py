"""Converters by table: what each carries, compares and refuses."""

from __future__ import annotations

from typing import Any

import pytest

from syncd.core.fieldmap import Converter, Unconvertible
from syncd.core.model import FieldKind, FieldType, Loss, Option, Side, User, Value
from syncd.core.values import Ends, OptionError, converter, default

K = FieldKind
LEFT, RIGHT = Side.LEFT, Side.RIGHT


def field(kind: FieldKind = K.TEXT, *options: Option | str, loss: Loss | None = None) -> FieldType:
    """A field of a kind, with options given plainly or in full."""
    listed = tuple(item if isinstance(item, Option) else Option(item, item) for item in options)
    return FieldType(name="x", kind=kind, options=listed, loss=loss or Loss())


TEXTS = Ends(left=field(), right=field())


def build(name: str, ends: Ends = TEXTS, **options: Any) -> Converter:
    """A converter by name."""
    return converter(name, ends, options)


def derived(left: FieldType, right: FieldType, zone: str = "UTC") -> Converter:
    """The converter that two fields ask for."""
    found = default(Ends(left=left, right=right, left_zone=zone, right_zone=zone))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("(312) 555-0143", "+13125550143"),
        ("312.555.0143", "+13125550143"),
        ("+1 312 555 0143 ext. 7", "+13125550143"),
        ("1-312-555-0143", "+13125550143"),
        ("+44 20 7946 0958", "+442079460958"),
        ("555-0143", "5550143"),
        ("12345", None),
        ("000-000-0000", None),
        ("1 111 111 1111", None),
        ("call the office", None),
        ("", None),
        (None, None),
    ],
)
def test_phone_keys(typed: str | None, key: str | None) -> None:
    """Phones compare by E.164; a local number by its digits; placeholders not at all."""
    assert build("phone").key(typed, LEFT) == key


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("(312) 555-0143", "+13125550143", True),
        ("312 555 0143 x5", "+13125550143 ext 5", True),
        ("312 555 0143 x5", "312 555 0143", False),
        ("312 555 0143", "312 555 0144", False),
        ("ask Bob", "ask Bob ", True),
        ("ask Bob", "ask Ann", False),
        ("312 555 0143x5", "312.555.0143 Extension: 5", True),
        ("+1 (312) 555-0143", "312/555/0143", True),
        ("312-555-0143", "\u202a+13125550143\u202c", True),
        ("312-555-0143", "312\u2212555\u22120143.", True),
        ("312-555-0143", "tel:+1-312-555-0143", True),
        ("312-555-0143 x7", "[312] 555-0143 #7", True),
        ("312-555-0143 x7", "+1-312-555-0143;ext=7", True),
        ("312 555 0143", "DO NOT CALL 312 555 0143", False),
        ("312 555 0143", "312 555 0143 (cell)", False),
        ("312 555 0143", "312 555 0143 ?", False),
        ("312 555 0143", "*312 555 0143", False),
        ("312 555 0143", "~~~ 312 555 0143 ~~~", False),
        ("312 555 0143", r"312 555 0143 \ x 312 555 0199", False),
        ("312 555 0143 x5", "312 555 0143 x 312 555 0199", False),
        ("312 555 0143 (cell)", "312 555 0143 (cell)", True),
        ("222-222-2222", "333-333-3333", False),
        ("222-222-2222", "222-222-2222", True),
        (None, "", True),
        (None, "312 555 0143", False),
    ],
)
def test_phones_agree_by_number_and_extension(left: str | None, right: str | None, same: bool) -> None:
    """A re-formatted phone is no change; another extension is."""
    assert build("phone").equal(left, right) is same


@pytest.mark.parametrize(
    ("form", "carried"),
    [
        ("keep", "312.555.0143 x5"),
        ("e164", "+13125550143 ext. 5"),
        ("national", "(312) 555-0143 ext. 5"),
    ],
)
def test_phone_formats(form: str, carried: str) -> None:
    """A phone is carried as typed unless the map asks for a form."""
    assert build("phone", format=form).convert("312.555.0143 x5", RIGHT) == carried


@pytest.mark.parametrize("form", ["e164", "national"])
@pytest.mark.parametrize("typed", ["ask Bob", "DO NOT CALL 312 555 0143", "312 555 0143 (cell)", "222-222-2222"])
def test_a_text_that_is_no_phone_is_carried_as_typed(form: str, typed: str) -> None:
    """Nothing a person typed into a phone field is lost by a format."""
    assert build("phone", format=form).convert(typed, RIGHT) == typed


@pytest.mark.parametrize(("typed", "carried"), [("+52 55 1234 5678", "+52"), ("+44 20 7946 0958 x5", "+44")])
def test_a_national_form_does_not_lose_the_country(typed: str, carried: str) -> None:
    """A number of another country keeps its code: without, it would be read as one of here."""
    phone = build("phone", format="national")
    text = phone.convert(typed, RIGHT)
    assert isinstance(text, str)
    assert text.startswith(carried)
    assert phone.key(text, RIGHT) == phone.key(typed, LEFT)


@pytest.mark.parametrize(
    ("typed", "key"),
    [(" Ana+Roof@Example.COM", "ana+roof@example.com"), ("ana", None), ("ana@", None), (None, None)],
)
def test_email_keys(typed: str | None, key: str | None) -> None:
    """E-mails compare in lower case, with their tag; what is no address compares with nothing."""
    assert build("email").key(typed, LEFT) == key


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("123 N. Main Street, Apt 4", "123 north main st #4"),
        ("9 Oak Ln\nApt 4", "9 Oak Lane, Apt 4"),
        ("9 Oak Ln\r\nSuite B", "9 Oak Lane, Ste B"),
        ("123 Main St & Oak Ave", "123 MAIN ST & OAK AVE"),
        ("123 Main St Ste 1.5", "123 Main Street Suite 1.5"),
        ("P.O. Box 12", "PO BOX 12"),
        ("4812 Oak Avenue", "4812 oak ave."),
    ],
)
def test_address_keys_see_through_spelling(a: str, b: str) -> None:
    """One street line has one key, however it is abbreviated."""
    address = build("address")
    assert address.key(a, LEFT) == address.key(b, RIGHT) is not None
    assert address.equal(a, b)
    assert address.convert(a, RIGHT) == a


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("123 N Main St", "123 S Main St"),
        ("123 Main St Apt 4", "123 Main St Apt 5"),
        ("123 Main St, Dallas", "123 Main St, Austin"),
        ("123 Main St", "123 Main St, Dallas"),
        ("123 Main St, TX 75001", "123 Main St, TX 75002"),
        ("123 Main St", "123 Main St (rear house)"),
        ("123 Main St, gate code 55", "123 Main St, gate code 66"),
        ("125 Mile Rd", "12.5 Mile Rd"),
        ("123 Main St #12", "123 Main St #1.2"),
        ("500 Unit Rd", "500 Suite Rd"),
        ("123 Apt B 75001 Austin", "123 Apt B 75001 Dallas"),
    ],
)
def test_address_keys_keep_places_apart(a: str, b: str) -> None:
    """Another direction, unit or town is another place, and what stands beside the street was said too."""
    address = build("address")
    assert address.key(a, LEFT) != address.key(b, RIGHT)
    assert not address.equal(a, b)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("123 Main St", "123 Main St ???"),
        ("123 Main St", "\u274c 123 Main St"),
        ("123 Main St & Oak Ave", "123 Main St Oak Ave"),
        ("123\u00bd Main St", "1231/2 Main St"),
        ("10\u00b2 Main", "102 Main"),
    ],
)
def test_a_sign_in_an_address_is_an_edit(a: str, b: str) -> None:
    """What is found by the same words need not say the same."""
    assert not build("address").equal(a, b)


@pytest.mark.parametrize(
    ("typed", "key"),
    [("62701", "62701"), ("62701-1234", "62701"), ("627011234", "62701"), ("K1A 0B1", "k1a 0b1"), ("", None)],
)
def test_zip_keys(typed: str, key: str | None) -> None:
    """ZIP+4 matches its five digits; foreign codes stand as they are."""
    assert build("zip").key(typed, LEFT) == key


def test_a_zip_from_a_number_gets_its_zero_back() -> None:
    """Boston is 02108, also where it was kept as a number."""
    assert build("zip", Ends(left=field(K.NUMBER), right=field())).convert(2108, RIGHT) == "02108"


@pytest.mark.parametrize(
    ("options", "value", "carried"),
    [
        ({}, "texas", "texas"),
        ({"right": "code"}, "Texas", "TX"),
        ({"right": "code"}, "tx", "TX"),
        ({"right": "code"}, "T.X.", "TX"),
        ({"right": "name"}, "NH", "New Hampshire"),
        ({"right": "code"}, "puerto rico", "PR"),
        ({"right": "code"}, "Ontario", "Ontario"),
    ],
)
def test_states(options: dict[str, str], value: str, carried: str) -> None:
    """States change form only where the map asks; what is no US state is carried as typed."""
    assert build("state", **options).convert(value, RIGHT) == carried


def test_a_state_finds_its_option() -> None:
    """A pick list of states is met by name or by code."""
    ends = Ends(left=field(), right=field(K.ENUM, Option("us-tx", "Texas"), Option("us-ok", "Oklahoma")))
    assert build("state", ends).convert("OK", RIGHT) == "us-ok"


def test_states_agree_by_name_and_code() -> None:
    """Illinois is IL."""
    assert build("state").equal("Illinois", "il")
    assert not build("state").equal("Illinois", "IN")


@pytest.mark.parametrize(
    ("value", "carried"),
    [
        ("1250.5", 1250.5),
        ("$1,250.50", 1250.5),
        ("-$ 1 250.50", -1250.5),
        ("USD 1\u00a0250", 1250),
        ("12 USD", 12),
        (" 12 ", 12),
        ("(30.00)", -30),
        ("$ (1,250.00)", -1250),
        ("- 5", -5),
        ("($ 30)", -30),
        ("0012", 12),
        ("-1,000", -1000),
    ],
)
def test_numbers_are_read_out_of_text(value: str, carried: float) -> None:
    """Money as people and accountants type it becomes a number."""
    assert build("number", Ends(left=field(), right=field(K.NUMBER))).convert(value, RIGHT) == carried


@pytest.mark.parametrize(
    "value",
    ["12 or 13", "1,25", "1.2.3", "NaN", "inf", "9e99", "1e16", "", "twelve", "1 2", "1$2", "1_2", "1,250 000", "-(3)"],
)
def test_text_that_is_no_number_is_refused(value: str) -> None:
    """A guess is never made of a text that is not surely one number."""
    number = build("number", Ends(left=field(), right=field(K.NUMBER)))
    if value == "":
        assert number.convert(value, RIGHT) is None
        return
    with pytest.raises(Unconvertible):
        number.convert(value, RIGHT)


def test_money_has_cents() -> None:
    """Money is rounded half up to cents, and written with them into text."""
    money = build("money", Ends(left=field(), right=field(K.NUMBER)))
    assert money.convert(1.005, RIGHT) == 1.01
    assert money.convert(12, LEFT) == "12.00"
    assert money.equal("$1,000", 1000.0)


@pytest.mark.parametrize(
    ("value", "carried"), [(True, "Yes"), (False, "No"), ("yes", True), ("N", False), ("x", True), (None, None)]
)
def test_ticks_and_words(value: Value, carried: Value) -> None:
    """A tick is a word over there, and many words are a tick."""
    tick = derived(field(K.BOOL), field())
    assert tick.convert(value, RIGHT if isinstance(value, bool) else LEFT) == carried


def test_a_tick_is_a_number() -> None:
    """One and nothing stand for a tick in a number field."""
    tick = derived(field(K.BOOL), field(K.NUMBER))
    assert [tick.convert(True, RIGHT), tick.convert(0.0, LEFT)] == [1, False]


def test_a_tick_takes_the_words_of_the_pick_list() -> None:
    """Where a pick list has its own words for yes and no, those are written."""
    tick = derived(field(K.BOOL), field(K.ENUM, Option("Y", "Ja"), Option("N", "Nein")))
    assert [tick.convert(True, RIGHT), tick.convert(False, RIGHT)] == ["Y", "N"]
    with pytest.raises(Unconvertible):
        tick.convert("maybe", LEFT)


@pytest.mark.parametrize(
    ("day", "moment"),
    [
        ("2026-03-07", "2026-03-07T06:00:00Z"),
        ("2026-03-08", "2026-03-08T06:00:00Z"),
        ("2026-03-09", "2026-03-09T05:00:00Z"),
        ("2026-10-31", "2026-10-31T05:00:00Z"),
        ("2026-11-01", "2026-11-01T05:00:00Z"),
        ("2026-11-02", "2026-11-02T06:00:00Z"),
    ],
)
def test_days_survive_daylight_saving(day: str, moment: str) -> None:
    """Around both changes of the clock in Chicago a day is its local midnight, and that midnight is the day."""
    when = derived(field(K.DATE), field(K.DATETIME), "America/Chicago")
    assert when.convert(day, RIGHT) == moment
    assert when.convert(moment, LEFT) == day


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-03-08T05:59:59Z", "2026-03-07"),
        ("2026-03-09T04:59:59Z", "2026-03-08"),
        ("2026-11-01T06:30:00Z", "2026-11-01"),
        ("2026-11-02T05:59:59.999Z", "2026-11-01"),
    ],
)
def test_late_evenings_belong_to_their_day(moment: str, day: str) -> None:
    """A moment is the day it was on the wall clock of the account, not in UTC."""
    when = derived(field(K.DATETIME), field(K.DATE), "America/Chicago")
    assert when.convert(moment, RIGHT) == day
    assert when.equal(moment, day)


def test_a_moment_is_a_day_in_the_zone_of_its_own_side() -> None:
    """With accounts in two zones, the one that holds the moment says which day it was."""
    ends = Ends(left=field(K.DATE), right=field(K.DATETIME), left_zone="America/Chicago", right_zone="Asia/Tokyo")
    when = build("date", ends)
    assert when.convert("2026-03-08", RIGHT) == "2026-03-07T15:00:00Z"
    assert when.convert("2026-03-07T15:00:00Z", LEFT) == "2026-03-08"
    assert build("date", ends, zone="UTC").convert("2026-03-08", RIGHT) == "2026-03-08T00:00:00Z"


def test_a_day_without_midnight_still_comes_back() -> None:
    """Where the clock jumps at midnight (Havana), the day begins at its first minute."""
    when = derived(field(K.DATE), field(K.DATETIME), "America/Havana")
    assert when.convert(when.convert("2026-03-08", RIGHT), LEFT) == "2026-03-08"


@pytest.mark.parametrize("typed", ["2024-09-30", "9/30/2024", "09/30/24", "September 30, 2024", "Sep 30, 2024"])
def test_american_dates_are_read(typed: str) -> None:
    """Dates typed into a text field are read as Americans write them."""
    assert derived(field(), field(K.DATE)).convert(typed, RIGHT) == "2024-09-30"


@pytest.mark.parametrize("typed", ["soon", "30/9/2024", "2024-02-30"])
def test_what_is_no_date_is_refused(typed: str) -> None:
    """A day that does not exist is never guessed."""
    with pytest.raises(Unconvertible):
        derived(field(), field(K.DATE)).convert(typed, RIGHT)


def test_a_moment_before_the_calendar_is_refused() -> None:
    """The first day of the year 1 has no midnight in UTC east of Greenwich, and is refused rather than bent."""
    with pytest.raises(Unconvertible, match="outside the calendar"):
        derived(field(K.DATE), field(K.DATETIME), "Asia/Tokyo").convert("0001-01-01", RIGHT)


def test_a_moment_in_text_is_read_in_the_zone_of_the_text() -> None:
    """A text without a zone is in the zone of its account."""
    when = derived(field(), field(K.DATETIME), "America/Chicago")
    assert when.convert("2026-07-01T08:00:00", RIGHT) == "2026-07-01T13:00:00Z"


@pytest.mark.parametrize(("name", "carried"), [("datetime", "2026-07-01T08:30:00Z"), ("date", "2026-07-01")])
def test_between_two_texts_a_moment_is_one_if_the_map_says_so(name: str, carried: str) -> None:
    """A map that names a moment does not lose its hour; a day stays a day."""
    assert build(name).convert("2026-07-01T08:30:00Z", RIGHT) == carried
    assert build(name).convert("7/1/2026", RIGHT) == "2026-07-01"


STAGES = field(K.ENUM, Option("q", "Qualified"), Option("won", "Closed Won"), Option("lost", "Closed Lost"))
STATUSES = field(K.ENUM, "Lead", "Estimating", "Sold", "Paid", loss=Loss(caseless=True))
TABLE = {"Qualified": ["Lead", "Estimating"], "won": ["Sold", "Paid"]}


@pytest.mark.parametrize(
    ("value", "to", "carried"),
    [
        ("q", RIGHT, "Lead"),
        ("Lead", LEFT, "q"),
        ("Estimating", LEFT, "q"),
        ("estimating", LEFT, "q"),
        ("won", RIGHT, "Sold"),
        ("Paid", LEFT, "won"),
        (None, RIGHT, None),
    ],
)
def test_pick_lists_by_table(value: str | None, to: Side, carried: str | None) -> None:
    """A table given by value or label may be lossy both ways; the first value is the one that is written."""
    assert build("picklist", Ends(left=STAGES, right=STATUSES), values=TABLE).convert(value, to) == carried


def test_several_values_of_one_stage_agree_with_it() -> None:
    """A job that moves within one stage changes nothing on the other side."""
    pick = build("picklist", Ends(left=STAGES, right=STATUSES), values=TABLE)
    assert pick.equal("q", "Estimating")
    assert pick.equal("q", "LEAD")
    assert not pick.equal("q", "Sold")
    assert not pick.equal("lost", "Sold")


def test_the_first_line_that_names_a_value_wins_on_the_way_back() -> None:
    """Two stages may become one status; the status goes back to the first of them, and agrees with both."""
    pick = build("picklist", Ends(left=STAGES, right=STATUSES), values={"won": "Sold", "lost": "Sold"})
    assert pick.convert("Sold", LEFT) == "won"
    assert pick.equal("lost", "Sold")


def test_an_unmapped_value_says_what_to_do() -> None:
    """A value without a counterpart is named, with the remedy."""
    pick = build("picklist", Ends(left=STAGES, right=STATUSES), values=TABLE)
    with pytest.raises(Unconvertible, match=r"'lost' has no counterpart.*values"):
        pick.convert("lost", RIGHT)


def test_a_fallback_takes_what_is_unmapped() -> None:
    """With a fallback a value without a counterpart goes there, and agrees with it."""
    pick = build("picklist", Ends(left=STAGES, right=STATUSES), values=TABLE, fallback="Lead")
    assert pick.convert("lost", RIGHT) == "Lead"
    assert pick.equal("lost", "Lead")


def test_a_fallback_may_be_given_per_side() -> None:
    """Each side has a value of its own for what is unmapped."""
    fallback = {"left": "Closed Lost", "right": "lead"}
    pick = build("picklist", Ends(left=STAGES, right=STATUSES), values={"won": "Sold"}, fallback=fallback)
    assert [pick.convert("q", RIGHT), pick.convert("Paid", LEFT)] == ["Lead", "lost"]


def test_pick_lists_without_a_table_meet_by_value_then_label() -> None:
    """Options that are called the same are the same."""
    pick = derived(field(K.ENUM, Option("1", "Metal"), "Tile"), field(K.ENUM, Option("m", "metal"), Option("Tile")))
    assert [pick.convert("1", RIGHT), pick.convert("Tile", RIGHT), pick.convert("m", LEFT)] == ["m", "Tile", "1"]
    with pytest.raises(Unconvertible, match="not an option"):
        pick.convert("Slate", RIGHT)


def test_a_text_field_gets_the_label_and_gives_it_back() -> None:
    """People read labels; the value behind a label is found again."""
    pick = derived(field(K.ENUM, Option("asphalt", "Asphalt Shingle")), field())
    assert pick.convert("asphalt", RIGHT) == "Asphalt Shingle"
    assert pick.convert("asphalt shingle", LEFT) == "asphalt"


def test_an_option_in_a_table_must_exist() -> None:
    """A misspelled option is refused, with what exists."""
    with pytest.raises(OptionError, match="not an option") as caught:
        build("picklist", Ends(left=STAGES, right=STATUSES), values={"won": "Solld"})
    assert caught.value.option == "Solld"
    assert "Sold" in caught.value.remedy


def test_several_choices() -> None:
    """Several values are translated one by one, joined for a text field, and refused where only one fits."""
    ours, theirs = field(K.MULTI, "a", "b"), field(K.MULTI, "A", "B")
    assert derived(ours, theirs).convert(("a", "b"), RIGHT) == ("A", "B")
    assert derived(ours, field()).convert(("a", "b"), RIGHT) == "a; b"
    assert derived(ours, field()).convert("b;a", LEFT) == ("b", "a")
    assert derived(ours, theirs).equal(("b", "a"), ("A", "B"))
    assert build("picklist", Ends(left=ours, right=theirs)).convert(("a",), RIGHT) == "A"
    with pytest.raises(Unconvertible, match="holds one"):
        build("picklist", Ends(left=ours, right=theirs)).convert(("a", "b"), RIGHT)
    with pytest.raises(Unconvertible, match="holds one"):
        derived(ours, field(K.ENUM, "A", "B")).convert(("a", "b"), RIGHT)


PEOPLE = Ends(
    left=field(K.USER),
    right=field(K.USER),
    left_users=(
        User("1", "Dana Reyes", "Dana@example.com"),
        User("2", "Lee Moretti", "lee@example.com"),
        User("3", "Kim Larsen", "kim@home.example"),
        User("4", "No Mail", None),
    ),
    right_users=(
        User("d", "Dana Reyes", "dana@example.com"),
        User("l", "Lee Moretti", "lee@example.com", active=False),
        User("k", "K. Larsen", "kim@work.example"),
        User("old", "Dana R", "dana@example.com", active=False),
    ),
)


def test_users_meet_by_email() -> None:
    """The living account with the same e-mail is the same person."""
    assert build("user", PEOPLE).convert("1", RIGHT) == "d"
    assert build("user", PEOPLE).convert("d", LEFT) == "1"
    assert build("user", PEOPLE).key("1", LEFT) == build("user", PEOPLE).key("d", RIGHT)


@pytest.mark.parametrize(("user", "why"), [("2", "not active"), ("3", "no account"), ("4", "no e-mail"), ("9", "'9'")])
def test_users_without_a_living_account_are_named(user: str, why: str) -> None:
    """A record is never given to nobody; the sentence says who is meant."""
    with pytest.raises(Unconvertible, match=why):
        build("user", PEOPLE).convert(user, RIGHT)


def test_overrides_and_fallback_of_users() -> None:
    """A table pairs people whose e-mails differ, and a fallback takes the rest."""
    people = build("user", PEOPLE, users={"kim@home.example": "K. Larsen"}, fallback="dana@example.com")
    assert [people.convert(user, RIGHT) for user in ("3", "2", "9")] == ["k", "d", "d"]
    assert people.convert("k", LEFT) == "3"
    assert people.convert("old", LEFT) == "1"


def test_a_fallback_must_be_a_living_user() -> None:
    """A fallback that nobody can be is refused when the map is loaded."""
    with pytest.raises(OptionError, match="no active user"):
        build("user", PEOPLE, fallback="lee@example.com")


def test_a_text_field_takes_the_name_of_a_user() -> None:
    """Where the other side has no users, people read the name."""
    ends = Ends(left=field(K.USER), right=field(), left_users=PEOPLE.left_users)
    found = default(ends)
    assert found is not None
    assert found.convert("1", RIGHT) == "Dana Reyes"
    assert found.convert("dana@example.com", LEFT) == "1"


@pytest.mark.parametrize(
    ("part", "carried"), [("first", "Juan"), ("last", "de la Vega"), ("middle", "Q. Xavier"), ("suffix", "III")]
)
def test_parts_of_a_name(part: str, carried: str) -> None:
    """First and last names are read out of one field; a whole is never made of a part."""
    name = build("name", full="right", part=part)
    assert name.convert("Dr. Juan Q. Xavier de la Vega III", LEFT) == carried
    assert name.equal(carried, "Dr. Juan Q. Xavier de la Vega III")
    assert name.equal(carried.upper(), "Dr. Juan Q. Xavier de la Vega III")
    assert not name.equal("Somebody", "Dr. Juan Q. Xavier de la Vega III")
    with pytest.raises(Unconvertible):
        name.convert(carried, RIGHT)


@pytest.mark.parametrize(
    ("a", "b"), [("Nuñez", "nunez"), ("O’Brien", "O'BRIEN"), ("Smith-Jones", "smith  jones"), ("St. John", "st john")]
)
def test_names_match_across_spellings(a: str, b: str) -> None:
    """Case, accents, punctuation and spaces do not keep a person from being found, and are never rewritten."""
    name = build("name")
    assert name.key(a, LEFT) == name.key(b, RIGHT)
    assert name.convert(a, RIGHT) == a


@pytest.mark.parametrize(("a", "b"), [("李", "Li"), ("Łukasz", "Ukasz"), ("Anna", "Ann")])
def test_names_stay_apart(a: str, b: str) -> None:
    """Different letters are different names."""
    assert build("name").key(a, LEFT) != build("name").key(b, RIGHT)


def test_only_punctuation_is_nothing_to_compare() -> None:
    """A dash in a field never matches another dash."""
    assert build("text").key(" - ", LEFT) is None


@pytest.mark.parametrize(("left", "right"), [(K.BOOL, K.DATE), (K.REF, K.TEXT), (K.USER, K.ENUM), (K.NUMBER, K.DATE)])
def test_kinds_without_a_conversion(left: FieldKind, right: FieldKind) -> None:
    """Fields that have nothing to do with each other need a person to name a converter."""
    assert default(Ends(left=field(left), right=field(right))) is None


def test_a_dash_is_nobodys_middle_name() -> None:
    """What holds no letter is not the part of a name that has none."""
    name = build("name", full="left", part="middle")
    assert not name.equal("Ann Smith", "-")
    assert name.equal("Ann B. Smith", "B")


@pytest.mark.parametrize(
    ("name", "options", "wrong"),
    [
        ("number", {"decimals": "two"}, "decimals"),
        ("phone", {"format": "pretty"}, "format"),
        ("phone", {"region": "USA"}, "region"),
        ("date", {"zone": "Central"}, "zone"),
        ("yes_no", {"yes": "No"}, "no"),
        ("state", {"right": "short"}, "right"),
        ("name", {"full": "right", "part": "nick"}, "part"),
        ("picklist", {"values": "x"}, "values"),
        ("picklist", {"values": ["x"]}, "values"),
        ("picklist", {"values": {"x": None}}, "x"),
        ("picklist", {"values": {"x": [None]}}, "x"),
        ("picklist", {"values": {"x": []}}, "x"),
        ("picklist", {"fallback": ["x"]}, "fallback"),
        ("picklist", {"fallback": {"up": "x"}}, "up"),
    ],
)
def test_wrong_options_are_named(name: str, options: dict[str, object], wrong: str) -> None:
    """A bad option is refused by its name when the map is loaded."""
    with pytest.raises(OptionError) as caught:
        build(name, **options)
    assert caught.value.option == wrong
