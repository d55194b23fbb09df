"""What is pure in the Salesforce connector: every SOQL text, ids, values, errors, batches."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncd.core.model import Action, FieldKind, Operation, Ref, SyncKey, Value
from syncd.errors import AuthError, Refused, SyncdError, Transient
from syncd_salesforce import ids, soql
from syncd_salesforce.batches import batches
from syncd_salesforce.door import budget
from syncd_salesforce.troubles import CallsUsedUp, NoAccess, SalesforceRefused, SessionEnded, explain, parse
from syncd_salesforce.values import from_wire, to_wire

A, B = "00Q000000000001EAA", "00Q000000000002EAA"
NASTY = "O'Brien\" OR Id != ''"

FORMS: dict[str, tuple[str, str]] = {
    "by_ids": (
        soql.by_ids("Lead", ["Id", "Name"], [A, B]),
        f"SELECT Id, Name FROM Lead WHERE Id IN ('{A}', '{B}')",
    ),
    "by_key": (
        soql.by_key("Lead", ["Id"], "Key__c", [NASTY]),
        "SELECT Id FROM Lead WHERE Key__c IN ('O\\'Brien\\\" OR Id != \\'\\'')",
    ),
    "matching": (
        soql.matching(
            "Lead",
            ["Id"],
            [
                [
                    [soql.Test("Email", FieldKind.TEXT, ("a@b.c",))],
                    [
                        soql.Test("Phone", FieldKind.TEXT, ("512",), digits=True),
                        soql.Test("N__c", FieldKind.NUMBER, ("7",)),
                    ],
                ]
            ],
            A,
            9,
        ),
        (
            f"SELECT Id FROM Lead WHERE ((Email = 'a@b.c' AND (Phone LIKE '%5%1%2%' OR N__c = 7))) AND Id > '{A}' "
            "ORDER BY Id LIMIT 9"
        ),
    ),
    "since": (
        soql.since("Lead", ["Id"], "2026-03-01T12:00:00Z", A, 2000),
        (
            f"SELECT Id FROM Lead WHERE (SystemModstamp = 2026-03-01T12:00:00Z AND Id > '{A}') "
            "OR SystemModstamp > 2026-03-01T12:00:00Z ORDER BY SystemModstamp, Id LIMIT 2000"
        ),
    ),
    "listing": (
        soql.listing("Lead", ["Id"], A, 2000),
        f"SELECT Id FROM Lead WHERE Id > '{A}' ORDER BY Id LIMIT 2000",
    ),
    "rest": (soql.rest("Lead", ["Id", "Name"], A), f"SELECT Id, Name FROM Lead WHERE Id > '{A}'"),
    "roles": (
        soql.roles([A]),
        (
            "SELECT Id, OpportunityId, ContactId, IsPrimary FROM OpportunityContactRole "
            f"WHERE OpportunityId IN ('{A}') ORDER BY OpportunityId, Id"
        ),
    ),
    "leads": (
        soql.leads("ConvertedContactId", [A]),
        f"SELECT Id, ConvertedContactId FROM Lead WHERE ConvertedContactId IN ('{A}') ORDER BY Id",
    ),
    "links": (
        soql.links(A),
        f"SELECT ContentDocumentId FROM ContentDocumentLink WHERE LinkedEntityId = '{A}'",
    ),
    "documents": (
        soql.documents([A, B], 50),
        (
            "SELECT Id, Title, FileExtension, ContentSize, CreatedDate FROM ContentDocument "
            f"WHERE Id IN ('{A}', '{B}') ORDER BY CreatedDate DESC, Id DESC LIMIT 50"
        ),
    ),
    "users": (soql.users(), "SELECT Id, Name, Email, IsActive, UserType FROM User ORDER BY Id"),
    "queues": (soql.queues(), "SELECT Id, Name FROM Group WHERE Type = 'Queue' ORDER BY Id"),
    "organization": (soql.organization(), "SELECT Id, TimeZoneSidKey FROM Organization LIMIT 1"),
    "probe": (soql.probe("Roof__c"), "SELECT Id FROM Roof__c LIMIT 1"),
}
PARTS = {"quote", "literal", "name", "identity", "moment"}
"""What texts are made of; they send nothing."""


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_query_is_as_it_is_written_here(form: str) -> None:
    """Each text that can be sent, letter by letter."""
    built, wanted = FORMS[form]
    assert built == wanted


def test_no_form_of_a_query_is_left_out() -> None:
    """A function that makes a query and stands not in the list above is found here."""
    public = {name for name, made in vars(soql).items() if inspect.isfunction(made) and not name.startswith("_")}
    public -= {name for name in public if vars(soql)[name].__module__ != soql.__name__}
    assert public == set(FORMS) | PARTS


def test_the_forms_without_a_place_to_go_on_from() -> None:
    """The first page of a feed, of a backfill and of a look-up; a key that nothing can answer is not asked."""
    assert soql.since("Lead", ["Id"], "2026-03-01T12:00:00Z", None, 5).endswith(
        "WHERE SystemModstamp >= 2026-03-01T12:00:00Z ORDER BY SystemModstamp, Id LIMIT 5"
    )
    assert soql.listing("Lead", ["Id"], None, 5) == "SELECT Id FROM Lead ORDER BY Id LIMIT 5"
    assert soql.rest("Lead", ["Id"], None) == "SELECT Id FROM Lead"
    several = [[soql.Test("M__c", FieldKind.MULTI, ("a", "b"))]], [[soql.Test("Name", FieldKind.TEXT, ("a", "b"))]]
    assert "(M__c INCLUDES ('a', 'b')) OR (Name IN ('a', 'b'))" in soql.matching("Lead", ["Id"], several, None, 5)
    assert soql.matching("Lead", ["Id"], [[[soql.Test("N__c", FieldKind.NUMBER, ("x",))]]], None, 5) == ""


@given(st.text())
def test_a_text_never_leaves_its_quotes(text: str) -> None:
    """Between the outer quotes no bare quote is left, nor a bare backslash, a line's end or a null."""
    inner = soql.quote(text)[1:-1]
    plain = inner.replace("\\\\", "").replace("\\'", "").replace('\\"', "")
    assert "'" not in plain and '"' not in plain
    assert not set(plain) & {"\n", "\r", "\t", "\x00"}
    assert not plain.endswith("\\")


@given(st.sampled_from(FieldKind), st.text())
def test_a_value_without_quotes_is_of_a_shape_that_needs_none(kind: FieldKind, text: str) -> None:
    """What stands bare in a query holds digits, signs and the letters of a time, or true and false; nothing else."""
    told = soql.literal(kind, text)
    if told is not None and not told.startswith("'"):
        assert told in ("true", "false") or not set(told) - set("0123456789.:+-TZ") or told.isnumeric()


@pytest.mark.parametrize("bad", ["", "Name FROM User", "Owner.Name", "1a", "Näme", "a-b", "Name\n"])
def test_no_name_and_no_id_smuggles_words(bad: str) -> None:
    """Names and ids are refused unless they are nothing but that."""
    for check in (soql.name, soql.identity, soql.moment):
        with pytest.raises(Refused):
            check(bad)


def test_ids_are_made_whole() -> None:
    """Fifteen characters get their sum; a wrong sum is no id."""
    assert ids.full("00Q000000000001") == A == ids.full(A)
    assert ids.full("00Q000000000001AAA") is None
    assert ids.full("00Q") is None


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (FieldKind.DATETIME, "2026-11-21T10:00:00.000+0000", "2026-11-21T10:00:00Z"),
        (FieldKind.DATETIME, "soon", "soon"),
        (FieldKind.DATE, "2026-11-21", "2026-11-21"),
        (FieldKind.NUMBER, 5.0, 5),
        (FieldKind.NUMBER, 5.25, 5.25),
        (FieldKind.BOOL, False, False),
        (FieldKind.MULTI, "A; B;", ("A", "B")),
        (FieldKind.TEXT, "  ", None),
        (FieldKind.TEXT, 7, "7"),
        (FieldKind.USER, "005000000000001", "005000000000001AAA"),
    ],
)
def test_wire_values_are_read(kind: FieldKind, raw: Any, value: Value) -> None:
    """Each kind has one canonical form, and what does not fit stays a text."""
    assert from_wire(kind, raw) == value


def test_values_are_written() -> None:
    """Several choices are one text, a blank is null, and a checkbox has no blank."""
    assert to_wire(FieldKind.MULTI, ("A", "B")) == "A;B"
    assert to_wire(FieldKind.TEXT, None) is None
    assert to_wire(FieldKind.BOOL, None) is False
    assert to_wire(FieldKind.BOOL, "true") is True


def _said(code: str, message: str = "words") -> list[dict[str, Any]]:
    return [{"message": message, "errorCode": code, "fields": ["Email"]}]


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, _said("INVALID_SESSION_ID"), SessionEnded),
        (401, "<html>", SessionEnded),
        (403, _said("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."), CallsUsedUp),
        (403, _said("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests Limit exceeded."), Transient),
        (403, _said("API_CURRENTLY_DISABLED"), NoAccess),
        (403, "forbidden", NoAccess),
        (400, _said("INVALID_TYPE"), NoAccess),
        (403, _said("INSUFFICIENT_ACCESS_OR_READONLY"), SalesforceRefused),
        (400, _said("UNABLE_TO_LOCK_ROW"), Transient),
        (400, {"error": "invalid_grant"}, AuthError),
        (400, {"error": "rate_limit_exceeded"}, Transient),
        (410, _said("UNSUPPORTED_API_VERSION"), AuthError),
        (412, None, SalesforceRefused),
        (300, ["/a", "/b"], SalesforceRefused),
        (404, _said("NOT_FOUND"), SalesforceRefused),
    ],
)
def test_answers_are_errors_by_remedy(status: int, body: Any, kind: type[SyncdError]) -> None:
    """The table: whose matter an answer is."""
    assert isinstance(explain(status, {}, body), kind)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429, 408])
def test_what_may_have_been_carried_out_is_the_kits_matter(status: int) -> None:
    """A 5xx and its like are left to who knows whether a request may be sent again."""
    assert explain(status, {}, _said("UNKNOWN_EXCEPTION")) is None


def test_what_is_wrong_with_a_query_is_told_without_it() -> None:
    """Salesforce puts the query before its sentence; nobody who reads a status wrote that."""
    query = "\nSELECT Id FROM Lead WHERE\n               ^\nERROR at Row:1:Column:16\n"
    told = f"{query}sObject type 'Lead' is not supported."
    assert parse(_said("INVALID_TYPE", told)).sentence == (
        "Salesforce: sObject type 'Lead' is not supported. (INVALID_TYPE)"
    )


def test_a_refusal_is_told_whole() -> None:
    """All sentences, all fields, the ids of a unique value and of what a duplicate rule found; never a session."""
    found = {"matchResults": [{"matchRecords": [{"record": {"Id": B}}]}]}
    errors = [
        {
            "statusCode": "DUPLICATE_VALUE",
            "message": f"duplicate value found: Key__c with id: {A[:15]}",
            "fields": ["Key__c"],
        },
        {"statusCode": "DUPLICATES_DETECTED", "message": "Use one of these?", "fields": [], "duplicateResult": found},
    ]
    trouble = parse(errors)
    assert trouble.sentence.startswith("Salesforce: duplicate value found")
    assert trouble.sentence.endswith("Use one of these? (DUPLICATE_VALUE)")
    assert (trouble.fields, trouble.names, trouble.duplicate) == (("Key__c",), (A[:15], B), True)
    assert "!" not in parse(_said("X", "bad 00D000000000001!AQ4abc.def")).sentence
    assert parse(None).message == parse([]).message == "no explanation was given"


def _op(n: int, action: Action, id: str = A, key: str | None = None, **fields: Value) -> Operation:
    ref = None if action is Action.CREATE else Ref("sf", "Lead", id)
    return Operation(id=str(n), action=action, ref=ref, fields=fields, sync_key=SyncKey(key, "v") if key else None)


def test_a_list_names_no_record_twice_and_keeps_families() -> None:
    """Creates by their key's field; children of one account together; the second write of a record comes later."""
    creates = [_op(n, Action.CREATE, AccountId="a" if n % 2 else "b") for n in range(6)]
    told = [[op.id for op in batch] for batch in batches(creates, 4)]
    assert told == [["0", "2", "4"], ["1", "3", "5"]]
    mixed = [_op(0, Action.CREATE, key="K__c"), _op(1, Action.CREATE), _op(2, Action.UPDATE), _op(3, Action.UPDATE)]
    assert [[op.id for op in batch] for batch in batches(mixed, 200)] == [["0"], ["1"], ["2"], ["3"]]
    assert [len(batch) for batch in batches([_op(n, Action.CREATE, AccountId="a") for n in range(7)], 3)] == [3, 3, 1]


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("api-usage=18/5000", (4982, 5000)),
        ("api-usage=18/5000; per-app-api-usage=17/250(appName=x)", (4982, 5000)),
        ("api-usage=5003/5000", (-3, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("", None),
    ],
)
def test_what_is_left_of_the_days_calls_is_heard(told: str, left: tuple[int, int] | None) -> None:
    """Of the whole org, as every answer says it."""
    assert budget({"sforce-limit-info": told} if told else {}) == left
