"""The Salesforce connector against answers that no sandbox gives: a small server that says just what a test scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from syncd.core.model import Action, Gone, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import AuthError, Transient
from syncd.kit.careful import Careful
from syncd.kit.connector import Page, SystemSettings, Timing
from syncd_salesforce import Salesforce, client, ids
from tests.connectors.scripted import serving

US, PERSON = "005000000000001AAA", "005000000000002AAA"
STAMP = "2026-03-01T12:00:00.000+0000"

Answer = tuple[int, Any]
Script = Callable[["Asked"], Answer]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: str
    body: Any
    headers: dict[str, str]


def lead(n: int) -> str:
    return str(ids.full(f"00Q{n:012d}"))


def fields() -> list[dict[str, Any]]:
    text = {
        "type": "string",
        "length": 80,
        "createable": True,
        "updateable": True,
        "nillable": True,
        "filterable": True,
    }
    own = [{"name": name, "type": "datetime", "filterable": True} for name in ("SystemModstamp", "LastModifiedDate")]
    own += [{"name": name, "type": "id"} for name in ("Id", "LastModifiedById", "CreatedById")]
    own += [{"name": name, "type": "boolean"} for name in ("IsDeleted", "IsPersonAccount")]
    key = {**text, "name": "Key__c", "externalId": True, "unique": True, "custom": True}
    return [*own, key, *({**text, "name": name} for name in ("LastName", "Title"))]


def row(n: int, by: str = US, **values: Any) -> dict[str, Any]:
    own = {"SystemModstamp": STAMP, "LastModifiedById": by, "CreatedById": by, "IsDeleted": False}
    return {"attributes": {"type": "Lead"}, "Id": lead(n), **own, "LastName": f"L{n}", "Title": "old", **values}


def page(*rows: dict[str, Any], **more: Any) -> Answer:
    return 200, {"totalSize": len(rows), "done": True, "records": list(rows), **more}


def said(code: str, message: str = "words") -> list[dict[str, Any]]:
    return [{"message": message, "errorCode": code}]


def good(n: int) -> dict[str, Any]:
    return {"id": lead(n), "success": True, "errors": []}


@dataclass
class Vendor:
    """Scripts by the end of the path; every request is kept."""

    scripts: dict[str, Script] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = ""
    sessions: int = 0
    alive: set[str] = field(default_factory=set)

    def on(self, end: str, *answers: Script) -> None:
        """Answer so, one script after the other; the last one from then on."""
        turn = iter(range(10**6))

        def script(asked: Asked) -> Answer:
            return answers[min(next(turn), len(answers) - 1)](asked)

        self.scripts[end] = script

    def calls(self, end: str) -> list[Asked]:
        return [one for one in self.asked if one.path.endswith(end)]

    def token(self, _: Asked) -> Answer:
        self.sessions += 1
        token = f"session-number-{self.sessions}"
        self.alive.add(token)
        return 200, {"access_token": token, "id": f"https://login.salesforce.com/id/00D000000000001EAA/{US}"}

    async def answer(self, request: Request) -> Response:
        raw = await request.body()
        kind = request.headers.get("content-type", "")
        body = orjson.loads(raw) if raw and "json" in kind else raw.decode()
        asked = Asked(request.method, request.url.path, request.url.query, body, dict(request.headers))
        self.asked.append(asked)
        script = next((self.scripts[end] for end in self.scripts if asked.path.endswith(end)), None)
        dead = asked.headers.get("authorization", "").removeprefix("Bearer ") not in self.alive
        if dead and not asked.path.endswith("/token"):
            status, told = 401, said("INVALID_SESSION_ID")
        else:
            status, told = script(asked) if script else (404, said("NOT_FOUND"))
        content = told.encode() if isinstance(told, str) else orjson.dumps(told)
        date = {"date": format_datetime(datetime.now(tz=UTC), usegmt=True)}
        return Response(b"" if status == 204 else content, status_code=status, headers=date)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A server that gives sessions and knows the fields, and nothing else yet."""
    vendor = Vendor()
    vendor.on("/oauth2/token", vendor.token)
    vendor.on("/describe", lambda _: (200, {"name": "Lead", "fields": fields()}))
    with serving(vendor.answer) as vendor.url:
        yield vendor


@pytest.fixture
def sf(vendor: Vendor) -> Iterator[Salesforce]:
    """A connector to it."""
    timing = Timing(timeout=timedelta(seconds=2), retry_for=timedelta(seconds=0.4))
    settings = SystemSettings(
        system="sf", secret="s" * 20, base_url=vendor.url, rate="10000/10", timing=timing,
        options={"client_id": "key"},
    )  # fmt: skip
    sf = Salesforce(settings)
    yield sf
    sf.close()


def write(sf: Salesforce, *operations: Operation) -> dict[str, Outcome]:
    return {one.operation: one for batch in sf.write("Lead", operations) for one in batch}


def new(n: int, key: str | None = None) -> Operation:
    named: dict[str, Value] = {"LastName": f"L{n}"}
    return Operation(id=f"n{n}", action=Action.CREATE, fields=named, sync_key=SyncKey("Key__c", key) if key else None)


def update(n: int, **values: Value) -> Operation:
    ref = Ref("sf", "Lead", lead(n))
    return Operation(id=f"u{n}", action=Action.UPDATE, ref=ref, fields=values, expect={"Title": "old"})


def tick(sf: Salesforce) -> list[Page]:
    return list(sf.changes("Lead", None, ["LastName"], lambda ids: {}))


# -- queries


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"totalSize": 0, "done": True}),
        (200, {"records": [None], "done": True}),
        (200, ["no", "page"]),
        (200, None),
        page(done=False),
        page({"attributes": {}, "LastName": "nobody"}),
    ],
)
def test_a_page_that_is_none_is_not_an_empty_one(vendor: Vendor, sf: Salesforce, answer: Answer) -> None:
    """A feed does not move on over an answer without records, without the rest, or with a record without an id."""
    vendor.on("/queryAll", lambda _: answer)
    vendor.on("/query", lambda _: page())
    with pytest.raises(Transient):
        tick(sf)
    if answer[1] != page()[1]:
        with pytest.raises(Transient):
            sf.read("Lead", [lead(1)], [])


def test_a_list_that_stands_still_is_told(vendor: Vendor, sf: Salesforce) -> None:
    """The same full page again and again is trouble, not work without end."""
    vendor.on("/queryAll", lambda _: page())
    vendor.on("/query", lambda _: page(row(1), done=False, nextRecordsUrl="/services/data/v66.0/query/0r8-1"))
    with pytest.raises(Transient, match="does not move on"):
        tick(sf)


def test_too_much_at_once_is_asked_for_in_smaller_pages(vendor: Vendor, sf: Salesforce) -> None:
    """QUERY_TIMEOUT: half as many rows, until it goes; or trouble at last."""
    slow = 400, said("QUERY_TIMEOUT")
    vendor.on("/queryAll", lambda _: slow, lambda _: slow, lambda _: page(row(1)))
    vendor.on("/query", lambda _: page())
    pages = tick(sf)
    assert [one.ref.id for found in pages for one in found.records] == [lead(1)]
    assert [one.query.rpartition("+")[2] for one in vendor.calls("/queryAll")] == ["2000", "1000", "500"]
    vendor.on("/queryAll", lambda _: slow)
    with pytest.raises(Transient, match="too many"):
        tick(sf)


def test_a_field_that_vanished_is_asked_for_no_more(vendor: Vendor, sf: Salesforce) -> None:
    """INVALID_FIELD of a query: Transient, and the next time the fields are looked up anew."""
    vendor.on("/query", lambda _: page())
    vendor.on("/queryAll", lambda _: (400, said("INVALID_FIELD", "No such column 'Title'")), lambda _: page(row(1)))
    with pytest.raises(Transient, match="No such column"):
        sf.read("Lead", [lead(1)], ["Title"])
    without = [one for one in fields() if one["name"] != "Title"]
    vendor.on("/describe", lambda _: (200, {"name": "Lead", "fields": without}))
    found = sf.read("Lead", [lead(1)], ["Title"])[lead(1)]
    assert isinstance(found, Record)
    assert "Title" not in vendor.calls("/queryAll")[-1].query


def test_a_person_accounts_shadow_is_no_contact(vendor: Vendor, sf: Salesforce) -> None:
    """The contact beside a person account cannot be written, so it is not there."""
    vendor.on("/queryAll", lambda _: page(row(1, IsPersonAccount=True)))
    found = sf.read("Contact", [lead(1)], [])[lead(1)]
    assert isinstance(found, Gone)
    assert not found.tombstone


def test_a_part_of_a_composite_answers_for_itself(
    vendor: Vendor, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long query whose part fails is an error, though the whole says 200."""
    monkeypatch.setattr(client, "_LONGEST_ADDRESS", 1_000)
    many = [lead(n) for n in range(200)]
    failed = {"body": said("INVALID_TYPE"), "httpStatusCode": 400, "referenceId": "q"}
    vendor.on("/composite", lambda _: (200, {"compositeResponse": [failed]}))
    with pytest.raises(AuthError, match="INVALID_TYPE"):
        sf.read("Lead", many, ["LastName"])
    vendor.on("/composite", lambda _: (200, {"compositeResponse": []}))
    with pytest.raises(Transient):
        sf.read("Lead", many, ["LastName"])


# -- writes


@pytest.mark.parametrize("told", [[good(1)], {}, None, [good(1), "yes"], [good(1), {"id": lead(2)}]])
def test_results_that_cannot_be_told_apart_are_ambiguous(vendor: Vendor, sf: Salesforce, told: Any) -> None:
    """Results go by their place, so a list that does not fit tells nothing of anybody."""
    vendor.on("/composite/sobjects", lambda _: (200, told))
    outcomes = write(sf, new(1), new(2))
    assert {one.result for one in outcomes.values()} == {Result.AMBIGUOUS}


def test_what_was_made_is_told_though_it_cannot_be_read(vendor: Vendor, sf: Salesforce) -> None:
    """WRITTEN with the id alone; one that Salesforce made without an id is ambiguous."""
    vendor.on("/composite/sobjects", lambda _: (200, [good(1), {"success": True, "errors": []}]))
    vendor.on("/queryAll", lambda _: (503, "<html>"))
    outcomes = write(sf, new(1), new(2))
    record = outcomes["n1"].record
    assert record is not None
    assert (outcomes["n1"].result, record.ref.id, dict(record.fields)) == (Result.WRITTEN, lead(1), {})
    assert outcomes["n2"].result is Result.AMBIGUOUS


def test_an_update_that_cannot_be_read_again_is_ambiguous(vendor: Vendor, sf: Salesforce) -> None:
    """It landed, but nobody knows what rules of the org made of it."""
    vendor.on("/queryAll", lambda _: page(row(1)), lambda _: (503, "<html>"))
    vendor.on(lead(1), lambda _: (204, None))
    assert write(sf, update(1, Title="new"))["u1"].result is Result.AMBIGUOUS


@pytest.mark.parametrize(("by", "result"), [(US, Result.WRITTEN), (PERSON, Result.AMBIGUOUS)])
def test_who_is_quicker_than_our_second_look_is_not_taken_for_us(
    vendor: Vendor, sf: Salesforce, by: str, result: Result
) -> None:
    """Another value under our name is a rule's work; under somebody else's, an edit that must not be lost."""
    vendor.on("/queryAll", lambda _: page(row(1)), lambda _: page(row(1, by=by, Title="Mr. new")))
    vendor.on(lead(1), lambda _: (204, None))
    outcome = write(sf, update(1, Title="new"))["u1"]
    assert outcome.result is result
    if outcome.record is not None:
        assert outcome.record.fields["Title"] == "Mr. new"


def test_a_list_refused_as_a_whole_is_halved(vendor: Vendor, sf: Salesforce) -> None:
    """One bad record refuses the list: it is found, and the others are written."""

    def all_or_nothing(asked: Asked) -> Answer:
        names = [one["LastName"] for one in asked.body["records"]]
        if "L3" in names:
            return 400, said("JSON_PARSER_ERROR", "bad L3")
        return 200, [good(int(name[1:])) for name in names]

    vendor.on("/composite/sobjects", all_or_nothing)
    vendor.on("/queryAll", lambda asked: page(*(row(n) for n in range(1, 6) if lead(n) in asked.query)))
    outcomes = write(sf, *(new(n) for n in range(1, 6)))
    assert outcomes["n3"].result is Result.REFUSED
    assert "bad L3" in str(outcomes["n3"].error)
    assert {one.result for id_, one in outcomes.items() if id_ != "n3"} == {Result.WRITTEN}


def test_a_record_that_went_meanwhile_is_missing(vendor: Vendor, sf: Salesforce) -> None:
    """ENTITY_IS_DELETED of a write is looked at: the tombstone is told."""
    vendor.on("/queryAll", lambda _: page(row(1)), lambda _: page(row(1, IsDeleted=True)))
    vendor.on(lead(1), lambda _: (404, said("ENTITY_IS_DELETED")))
    outcome = write(sf, update(1, Title="new"))["u1"]
    assert outcome.result is Result.MISSING
    assert outcome.gone is not None
    assert outcome.gone.tombstone


def test_no_write_is_without_its_headers(vendor: Vendor, sf: Salesforce) -> None:
    """A write that meets a dead session goes out again with the very same headers and body."""
    vendor.on("/queryAll", lambda _: page(row(1)))
    sf.read("Lead", [lead(1)], [])

    def dies(_: Asked) -> Answer:
        vendor.alive.clear()
        return page(row(1))

    vendor.on("/queryAll", dies, lambda _: page(row(1, Title="new")))
    vendor.on(lead(1), lambda _: (204, None))
    assert write(sf, update(1, Title="new"))["u1"].result is Result.WRITTEN
    first, second = vendor.calls(lead(1))
    assert first.body == second.body == {"Title": "new"}
    for name in ("sforce-auto-assign", "if-unmodified-since", "sforce-call-options"):
        assert first.headers[name] == second.headers[name]
    assert first.headers["sforce-auto-assign"] == "FALSE"
    assert first.headers["if-unmodified-since"] == "Sun, 01 Mar 2026 12:00:00 GMT"


def test_an_upsert_names_its_key_in_the_path_and_in_each_record(vendor: Vendor, sf: Salesforce) -> None:
    """And nothing else than what was asked for."""
    vendor.on("/Lead/Key__c", lambda _: (200, [{**good(1), "created": True}]))
    vendor.on("/queryAll", lambda _: page(row(1, Key__c="k/1?")))
    assert write(sf, new(1, key="k/1?"))["n1"].result is Result.WRITTEN
    (asked,) = vendor.calls("/Lead/Key__c")
    record = {"attributes": {"type": "Lead"}, "LastName": "L1", "Key__c": "k/1?"}
    assert asked.body == {"allOrNone": False, "records": [record]}


# -- sessions


def test_many_threads_with_a_dead_session_ask_for_one_new_one(vendor: Vendor, sf: Salesforce) -> None:
    """The first gets it, the others wait for it and use it."""
    vendor.on("/queryAll", lambda _: page(row(1)))
    sf.read("Lead", [lead(1)], [])
    vendor.alive.clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: sf.read("Lead", [lead(1)], [])[lead(1)], range(16)))
    assert all(isinstance(one, Record) for one in found)
    assert vendor.sessions == 2


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ((200, {"token_type": "Bearer"}), Transient),
        ((200, "<html>welcome</html>"), Transient),
        ((401, "<html>no</html>"), AuthError),
        ((400, {"error": "invalid_grant"}), AuthError),
        ((400, {"error": "rate_limit_exceeded"}), Transient),
    ],
)
def test_an_odd_token_answer_is_no_session(
    vendor: Vendor, sf: Salesforce, answer: Answer, error: type[Exception]
) -> None:
    """No token, no JSON, no sentence: an error by its remedy, and never our secret in it."""
    vendor.on("/oauth2/token", lambda _: answer)
    with pytest.raises(error) as caught:
        sf.read("Lead", [lead(1)], [])
    assert "s" * 20 not in str(caught.value)


def test_an_answer_of_no_known_shape_breaks_nothing(vendor: Vendor, sf: Salesforce) -> None:
    """What nobody foresaw is told in syncd's own errors, whatever is asked."""
    careful = Careful(sf)
    vendor.on("/describe", lambda _: (200, {"fields": [{"name": "Id", "type": ["x"], "referenceTo": 7}]}))
    with pytest.raises(Transient):
        careful.describe("Lead")
    vendor.on("/sobjects", lambda _: (200, {"sobjects": 7}))
    assert careful.check()
