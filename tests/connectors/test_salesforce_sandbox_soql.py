"""The Salesforce sandbox's queries: what SOQL means, what it refuses, and how results come in pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncd_salesforce.sandbox import soql
from syncd_salesforce.sandbox.errors import Refusal
from tests.connectors.salesforce_sandbox_desk import Desk, code, desk


@pytest.fixture(scope="module")
def sf() -> Iterator[Desk]:
    with desk() as made:
        account = made.make("Account", Name="Acme")
        for first, squares, city, damage in (
            ("Ana", 10, "Mobile", "Hail;Wind"),
            ("bob", 20, "mobile", "Hail"),
            ("Cid", None, None, "Leak"),
            ("O'Neil", 40, "100%_sure", None),
        ):
            given = {"FirstName": first, "Roof_Squares__c": squares, "City": city, "Damage__c": damage}
            made.make("Lead", LastName="Ng", **given, Date_of_Loss__c=None if first == "Cid" else "2026-05-01")
        made.make("Contact", FirstName="Kim", AccountId=account)
        made.make("Contact", FirstName="Lee")
        yield made


def names(sf: Desk, where: str, order: str = "FirstName") -> list[str]:
    return [row["FirstName"] for row in sf.rows(f"SELECT FirstName FROM Lead WHERE {where} ORDER BY {order}")]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("FirstName = 'ANA'", ["Ana"]),
        ("FirstName != 'ana'", ["bob", "Cid", "O'Neil"]),
        ("City != 'mobile'", ["Cid", "O'Neil"]),
        ("City = null", ["Cid"]),
        ("City <> null", ["Ana", "bob", "O'Neil"]),
        ("FirstName = 'O\\'Neil'", ["O'Neil"]),
        ("FirstName > 'b' AND FirstName < 'd'", ["bob", "Cid"]),
        ("FirstName LIKE '%N%'", ["Ana", "O'Neil"]),
        ("FirstName LIKE '_na'", ["Ana"]),
        ("City LIKE '100\\%\\_s%'", ["O'Neil"]),
        ("City LIKE '1__\\_%'", []),
        ("FirstName IN ('ana', 'BOB')", ["Ana", "bob"]),
        ("City NOT IN ('MOBILE')", ["Cid", "O'Neil"]),
        ("City IN (null, 'mobile')", ["Ana", "bob", "Cid"]),
        ("Roof_Squares__c >= 20", ["bob", "O'Neil"]),
        ("Roof_Squares__c < 20.0", ["Ana"]),
        ("Roof_Squares__c IN (10, 40)", ["Ana", "O'Neil"]),
        ("NOT Roof_Squares__c = 10", ["bob", "Cid", "O'Neil"]),
        ("NOT (City = 'Mobile' OR City = null)", ["O'Neil"]),
        ("(FirstName = 'Ana' OR FirstName = 'Cid') AND City = null", ["Cid"]),
        ("(FirstName = 'Ana' AND City != null) OR FirstName = 'Cid'", ["Ana", "Cid"]),
        ("Damage__c INCLUDES ('Hail;Wind', 'Leak')", ["Ana", "Cid"]),
        ("Damage__c INCLUDES ('Hail')", ["Ana", "bob"]),
        ("Damage__c EXCLUDES ('Hail')", ["Cid", "O'Neil"]),
        ("Date_of_Loss__c = 2026-05-01", ["Ana", "bob", "O'Neil"]),
        ("Date_of_Loss__c < 2026-05-01", []),
        ("CreatedDate = TODAY AND IsConverted = false", ["Ana", "bob", "Cid", "O'Neil"]),
        ("CreatedDate > 2020-01-01T00:00:00.123+02:00 AND CreatedDate < LAST_N_DAYS:3", []),
        ("Owner.Name = 'syncd integration' AND FirstName = 'Ana'", ["Ana"]),
        ("Lead.FirstName = 'Ana'", ["Ana"]),
        ("Owner.Type = 'User' AND FirstName = 'Ana'", ["Ana"]),
    ],
)
def test_a_condition_finds_what_it_finds_at_salesforce(sf: Desk, where: str, found: list[str]) -> None:
    """Texts compare without case, blanks are unlike everything, AND and OR need parentheses between them."""
    assert names(sf, where) == found


def test_order_puts_blanks_first_unless_told(sf: Desk) -> None:
    """Several keys, down and up, and where the blanks go."""
    every = "FirstName != null"
    assert names(sf, every, "Roof_Squares__c, FirstName") == ["Cid", "Ana", "bob", "O'Neil"]
    assert names(sf, every, "Roof_Squares__c DESC") == ["Cid", "O'Neil", "bob", "Ana"]
    assert names(sf, every, "Roof_Squares__c DESC NULLS LAST") == ["O'Neil", "bob", "Ana", "Cid"]
    assert names(sf, every, "LastName ASC, FirstName DESC") == ["O'Neil", "Cid", "bob", "Ana"]


def test_limit_offset_and_count(sf: Desk) -> None:
    """COUNT() tells a total and no record; OFFSET ends at 2000."""
    asked = "SELECT FirstName FROM Lead ORDER BY FirstName"
    assert [row["FirstName"] for row in sf.rows(f"{asked} LIMIT 2 OFFSET 1")] == ["bob", "Cid"]
    counted = sf.soql("select count() from lead where city = 'mobile'").json()
    assert counted == {"totalSize": 2, "done": True, "records": []}
    assert code(sf.soql(f"{asked} OFFSET 2001")) == (400, "NUMBER_OUTSIDE_VALID_RANGE")


def test_parents_and_children_come_along(sf: Desk) -> None:
    """A parent is an object with attributes, or null; names take their canonical case; children are a result."""
    kim, lee = sf.rows("SELECT firstname, account.name FROM Contact c ORDER BY c.FirstName")
    assert kim["Account"]["attributes"]["type"] == "Account" and kim["Account"]["Name"] == "Acme"
    assert lee == {"FirstName": "Lee", "Account": None}
    (acme,) = sf.rows("SELECT Name, (SELECT FirstName FROM Contacts), (SELECT Id FROM Opportunities) FROM Account")
    assert (acme["Contacts"]["totalSize"], acme["Contacts"]["records"][0]["FirstName"]) == (1, "Kim")
    assert acme["Opportunities"] is None
    joined = "SELECT FirstName FROM Contact WHERE AccountId IN (SELECT Id FROM Account WHERE Name = 'acme')"
    assert sf.rows(joined) == [{"FirstName": "Kim"}]
    assert sf.rows("SELECT FIELDS(ALL) FROM Account LIMIT 5")[0]["Name"] == "Acme"


@pytest.mark.parametrize("kind", ["Task", "Event"])
def test_a_reference_to_several_kinds_says_which_one_it_is(sf: Desk, kind: str) -> None:
    """Who.Type and What.Type are shown, filter and order, beside other fields of whoever it is."""
    lead, contact = sf.ids("SELECT Id FROM Lead LIMIT 1")[0], sf.ids("SELECT Id FROM Contact LIMIT 1")[0]
    deal, moment = sf.make("Opportunity"), {"ActivityDateTime": "2026-11-21T10:00:00Z", "DurationInMinutes": 30}
    more = moment if kind == "Event" else {}
    for who in ({"WhoId": lead}, {"WhoId": contact, "WhatId": deal}, {}):
        sf.make(kind, Subject="Call", **who, **more)
    text = f"SELECT Who.Type, Who.Name, What.Type FROM {kind} ORDER BY Who.Type NULLS LAST"
    first, second, third = sf.rows(text)
    assert (first["Who"]["Type"], first["What"]["Type"]) == ("Contact", "Opportunity")
    assert (second["Who"]["Type"], second["Who"]["attributes"]["type"], second["What"]) == ("Lead", "Lead", None)
    assert second["Who"]["Name"].endswith(" Ng") and third["Who"] is None
    for where, found in (("= 'lead'", 1), ("IN ('Lead', 'Contact')", 2), ("= null", 1)):
        assert len(sf.ids(f"SELECT Id FROM {kind} WHERE Who.Type {where}")) == found


def test_typeof_is_refused_with_what_to_ask_instead(sf: Desk) -> None:
    """The sandbox has no TYPEOF, and says so rather than that Salesforce would not understand."""
    answer = sf.soql("SELECT Id, TYPEOF Who WHEN Lead THEN Company ELSE Name END FROM Task")
    assert code(answer) == (400, "MALFORMED_QUERY")
    assert "this sandbox has no TYPEOF; a path such as Who.Type" in answer.json()[0]["message"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("SELECT Foo FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Foo__c = 1", "INVALID_FIELD"),
        ("SELECT Foo__r.Name FROM Lead", "INVALID_FIELD"),
        ("SELECT Id, Id FROM Lead", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE CreatedDate > '2026-01-01T00:00:00Z'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE CreatedDate > 2026-01-01", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE City = 5", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Roof_Squares__c = '5'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead ORDER BY Description", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Roof_Squares__c LIKE '5%'", "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE Id = 'nonsense'", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Lead WHERE Date_of_Loss__c = 2026-02-30", "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Unicorn", "INVALID_TYPE"),
        ("SELECT FROM Lead", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE City = 'x", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE City = 'a' AND City = 'b' OR City = 'c'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE City = 'a\\q'", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE City INCLUDES ('a')", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE City > null", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT", "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead ALL ROWS", "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead", "MALFORMED_QUERY"),
        ("DELETE FROM Lead", "MALFORMED_QUERY"),
    ],
)
def test_what_salesforce_does_not_understand_is_refused(sf: Desk, text: str, wanted: str) -> None:
    """A 400 with the code that clients look at."""
    assert code(sf.soql(text)) == (400, wanted)


def test_an_unknown_field_is_pointed_at(sf: Desk) -> None:
    """The sentence has the piece of the query, a caret under the word, row and column."""
    lines = sf.soql("SELECT Id, Foo FROM Lead").json()[0]["message"].split("\n")
    assert lines[1].index("Foo") == lines[2].index("^")
    assert lines[3] == "ERROR at Row:1:Column:12"
    assert lines[4].startswith("No such column 'Foo' on entity 'Lead'.")


def test_ids_compare_with_regard_to_case(sf: Desk) -> None:
    """`Id >` walks through the table, 15 characters mean what 18 mean."""
    every = sf.ids("SELECT Id FROM Lead ORDER BY Id")
    assert every == sorted(every)
    assert sf.ids(f"SELECT Id FROM Lead WHERE Id > '{every[1]}' ORDER BY Id") == every[2:]
    assert sf.ids(f"SELECT Id FROM Lead WHERE Id = '{every[0][:15]}'") == every[:1]


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("SELECT idFROMLeadWHERE=()'\\,.<>!%_ANDORNOT01-T:Znulk \n")))
def test_any_text_is_a_query_or_refused(text: str) -> None:
    """The grammar never breaks on what it is given."""
    with suppress(Refusal):
        soql.parse("SELECT Id FROM Lead WHERE " + text)


# -- pages


@pytest.fixture
def paged() -> Iterator[Desk]:
    with desk() as made:
        made.sim.seed(leads=450, messy=False)
        yield made


def test_pages_are_as_big_as_asked_and_may_be_smaller(paged: Desk) -> None:
    """A batch size from 200 to 2000 is honored, or cut; totalSize counts the whole result."""
    text = "SELECT Id FROM Lead ORDER BY Id"
    whole = paged.soql(text).json()
    assert (len(whole["records"]), whole["done"], "nextRecordsUrl" in whole) == (450, True, False)
    first = paged.soql(text, headers={"Sforce-Query-Options": "batchSize=200"}).json()
    assert (len(first["records"]), first["totalSize"], first["done"]) == (200, 450, False)
    assert first["nextRecordsUrl"].startswith("/services/data/v66.0/query/0r8")
    assert len(paged.soql(text, headers={"Sforce-Query-Options": "batchSize=5"}).json()["records"]) == 200
    paged.sim.settings(page_cut=137)
    assert len(paged.soql(text).json()["records"]) == 137
    assert paged.ids(text) == [row["Id"] for row in whole["records"]]


def test_a_locator_lives_two_days_or_until_it_is_expired(paged: Desk) -> None:
    """Afterwards 400 INVALID_QUERY_LOCATOR."""
    paged.sim.settings(page_cut=200)
    more = paged.soql("SELECT Id FROM Lead").json()["nextRecordsUrl"]
    paged.sim.advance(172_000)
    assert len(paged.get(more)["records"]) == 200
    paged.sim.advance(1000)
    assert code(paged.ask("GET", more)) == (400, "INVALID_QUERY_LOCATOR")
    more = paged.soql("SELECT Id FROM Lead").json()["nextRecordsUrl"]
    paged.sim.act("expire_locators")
    assert code(paged.ask("GET", more)) == (400, "INVALID_QUERY_LOCATOR")
    assert code(paged.ask("GET", "query/0r8Sb0000000000-200")) == (400, "INVALID_QUERY_LOCATOR")


def test_later_pages_hold_the_ids_of_the_first_moment_and_values_of_their_own(paged: Desk) -> None:
    """A row of page two may carry a newer stamp than its place tells; new rows do not appear."""
    paged.sim.settings(page_cut=200)
    first = paged.soql("SELECT Id, City FROM Lead ORDER BY SystemModstamp, Id").json()
    last = paged.ids("SELECT Id FROM Lead ORDER BY SystemModstamp, Id")[-1]
    paged.write("Lead", last, City="Elsewhere")
    paged.make("Lead")
    rest = paged.rows("SELECT Id FROM Lead LIMIT 0")
    page = first
    while not page["done"]:
        page = paged.get(page["nextRecordsUrl"])
        rest += page["records"]
    assert len(first["records"]) + len(rest) == 450
    assert (rest[-1]["Id"], rest[-1]["City"]) == (last, "Elsewhere")


def test_a_query_that_takes_too_long_is_refused(paged: Desk) -> None:
    """A smaller window gets through; a stamp may not be filterable at all."""
    paged.sim.settings(query_rows=100)
    assert code(paged.soql("SELECT Id FROM Lead")) == (400, "QUERY_TIMEOUT")
    assert paged.ids("SELECT Id FROM Lead WHERE CreatedDate < 2020-01-01T00:00:00Z") == []
    paged.sim.act("field_unfilter", "Lead", name="SystemModstamp")
    assert code(paged.soql("SELECT Id FROM Lead WHERE SystemModstamp = TODAY")) == (400, "INVALID_FIELD")


def test_a_keyset_walk_reads_every_row_of_one_second(paged: Desk) -> None:
    """`(SystemModstamp = T AND Id > x) OR SystemModstamp > T` with LIMIT finds each row once."""
    paged.sim.act("bulk_update", "Lead", fields={"City": "Mobile"})
    found: list[str] = []
    where = ""
    while True:
        text = f"SELECT Id, SystemModstamp FROM Lead {where} ORDER BY SystemModstamp, Id LIMIT 100"
        rows = paged.rows(text)
        if not rows:
            break
        found += [row["Id"] for row in rows]
        stamp = rows[-1]["SystemModstamp"].replace("+0000", "Z")
        where = f"WHERE (SystemModstamp = {stamp} AND Id > '{found[-1]}') OR SystemModstamp > {stamp}"
    assert len(found) == len(set(found)) == 450
