"""The rest of a long first reading as one bulk query: the same records as page by page, whatever becomes of the job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from syncd.core.model import Gone, Record
from syncd.errors import Transient
from syncd.kit.connector import Page
from syncd_salesforce import Salesforce, bulk, deltas, soql
from syncd_salesforce.sandbox.gate import SANDBOX_TOKEN
from tests.connectors.test_salesforce_connector_ways import NASTY, Org, serving

JOBS = "/jobs/query"
TOKEN = {"authorization": f"Bearer {SANDBOX_TOKEN}"}
LEAD = ("LastName", "City", "Email", "Roof_Type__c", "Damage__c", "Roof_Squares__c", "Date_of_Loss__c", "Inspection__c",
        "HasOptedOutOfEmail", "OwnerId")  # fmt: skip
DEAL = ("Name", "StageName", "CloseDate", "Amount", "contact")


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Iterator[Org]:
    """An org whose lists are short: three records to a page, four to a part of a bulk query."""
    monkeypatch.setattr(soql, "PAGE", 3)
    monkeypatch.setattr(bulk, "PIECE", 4)
    with serving() as made:
        yield made


def people(org: Org, count: int) -> list[str]:
    """Leads with every sort of value in them, and texts that a table could stumble over."""
    texts = ("a,b", 'say "hail"', "two\nlines", NASTY, " blank ", "#N/A", "Nuñez", "null")
    rows = [{
        "LastName": texts[n % len(texts)], "Company": "home", "City": texts[-1 - n % len(texts)],
        "Email": f"lead{n}@example.com", "Roof_Type__c": "Metal" if n % 2 else None, "Damage__c": "Hail;Wind",
        "Roof_Squares__c": 12.5 + n, "Date_of_Loss__c": "2026-03-01", "HasOptedOutOfEmail": bool(n % 2),
        "Inspection__c": "2026-03-02T15:30:00.000+0000",
    } for n in range(count)]  # fmt: skip
    return [str(one["id"]) for one in org.remote.acts("create", "Lead", [{"fields": row} for row in rows])]


def pages(sf: Salesforce, kind: str, fields: tuple[str, ...], cursor: Mapping[str, Any] | None = None) -> list[Page]:
    """Ticks until the first reading is complete."""
    found: list[Page] = []
    for _ in range(40):
        for page in sf.changes(kind, cursor, fields, lambda _: {}):
            found.append(page)
            cursor = page.cursor
            if page.backfilled:
                return found
    raise AssertionError("it never ends")


def ticking(sf: Salesforce) -> Iterator[Page]:
    """Page after page, as a daemon takes them."""
    cursor: Mapping[str, Any] | None = None
    while True:
        for page in sf.changes("Lead", cursor, LEAD, lambda _: {}):
            cursor = page.cursor
            yield page


def forget(org: Org, job: str) -> int:
    """Somebody deletes a job; the status that answers."""
    address = f"{org.url}/services/data/v66.0/jobs/query/{job}"
    return httpx.delete(address, headers=TOKEN, trust_env=False).status_code


def told(found: list[Page]) -> dict[str, Record]:
    """What the pages told of each record, last."""
    return {one.ref.id: one for page in found for one in page.records if isinstance(one, Record)}


def sent(org: Org, since: int, method: str, end: str = "") -> list[str]:
    """The paths of bulk requests of a method."""
    asked = [one for one in org.remote.requests(since) if JOBS in one["path"] and one["method"] == method]
    return [one["path"] for one in asked if one["path"].endswith(end)]


@pytest.mark.parametrize(("kind", "fields"), [("Lead", LEAD), ("Opportunity", DEAL)])
def test_a_bulk_query_tells_the_same_as_lists_do(org: Org, kind: str, fields: tuple[str, ...]) -> None:
    """Every value, blank and relation of every record, out of a table of texts as out of JSON."""
    people(org, 11)
    for n in range(9):
        deal = org.deal()
        who = org.create("Contact", LastName=f"Role {n}")
        org.create("OpportunityContactRole", OpportunityId=deal, ContactId=who)
    listed = told(pages(org.connect(), kind, fields))
    mark = org.remote.mark()
    found = told(pages(org.connect(bulk_after=4), kind, fields))
    assert len(sent(org, mark, "POST")) == 1
    assert {id_: one.fields for id_, one in found.items()} == {id_: one.fields for id_, one in listed.items()}
    assert all(one.version == listed[id_].version and one.modified_at == listed[id_].modified_at
               for id_, one in found.items())  # fmt: skip


def test_short_kinds_are_listed(org: Org) -> None:
    """No bulk query for what a few pages tell."""
    people(org, 11)
    mark = org.remote.mark()
    assert len(told(pages(org.connect(), "Lead", LEAD))) == 11
    assert sent(org, mark, "POST") == []


def test_a_job_takes_its_time_and_is_not_hammered(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it runs, a tick looks once, waits, and says that there is more to come."""
    org.remote.settings(bulk_seconds=100.0)
    people(org, 9)
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        org.remote.clock(advance=30)

    monkeypatch.setattr(deltas.time, "sleep", sleep)
    sf, mark = org.connect(bulk_after=0), org.remote.mark()
    found = pages(sf, "Lead", LEAD)
    assert len(told(found)) == 9
    assert all(page.due for page in found[:-1])
    assert waits == [5.0] * 4
    assert len(sent(org, mark, "POST")) == 1
    assert len(sent(org, mark, "GET")) == len(waits) + 1 + 3  # once more where it is done, and three parts


@pytest.mark.parametrize("lost", [False, True])
def test_who_is_deleted_while_a_job_is_read_stays_deleted(org: Org, lost: bool) -> None:
    """It is told gone long before the part that shows it alive: it is told gone once more before all is complete."""
    ids = people(org, 11)
    org.remote.clock(advance=3600)  # so that no overlap tells them
    sf = org.connect(bulk_after=0)
    whole: list[Page] = []
    for page in ticking(sf):
        whole.append(page)
        if page.cursor["backfill"]["locator"]:
            break
    seen = told(whole)
    dead = next(id_ for id_ in reversed(ids) if id_ not in seen)
    org.remote.act("archive", "Lead", id=dead)
    org.remote.clock(advance=1500)
    cursor: Any = whole[-1].cursor
    for page in [*sf.changes("Lead", cursor, LEAD, lambda _: {})][:1]:  # the changes alone
        cursor = page.cursor
    org.remote.clock(advance=1500)
    if lost:
        assert forget(org, cursor["backfill"]["job"]) == 204
    rest = pages(sf, "Lead", LEAD, cursor)
    last = {one.ref.id: one for page in rest for one in page.records}
    assert dead not in last or isinstance(last[dead], Gone)
    assert not any(page.backfilled for page in rest[:-1])
    assert {*told(whole), *told(rest)} >= {id_ for id_ in ids if id_ != dead}


def test_a_process_that_was_killed_goes_on_with_its_job(org: Org) -> None:
    """The cursor of every page leads another connector to the end, by the same job, and nobody is passed over."""
    ids = people(org, 11)
    whole = pages(org.connect(bulk_after=3), "Lead", LEAD)
    begun = next(n for n, page in enumerate(whole) if page.cursor["backfill"]["job"])
    mark = org.remote.mark()
    for n in range(begun, len(whole) - 1):
        rest = pages(org.connect(bulk_after=3), "Lead", LEAD, whole[n].cursor)
        assert set(told(whole[: n + 1])) | set(told(rest)) == set(ids)
    assert sent(org, mark, "POST") == []


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_job_that_is_gone_is_made_up_for_page_by_page(org: Org, after: int) -> None:
    """Whoever deletes it or lets it run out: the lists go on from where they had come to; no second job is begun."""
    ids = people(org, 11)
    sf, mark = org.connect(bulk_after=3), org.remote.mark()
    whole = pages(sf, "Lead", LEAD)
    begun = next(n for n, page in enumerate(whole) if page.cursor["backfill"]["job"]) + after
    job = whole[begun].cursor["backfill"]["job"]
    assert forget(org, job) == 204
    rest = pages(org.connect(bulk_after=3), "Lead", LEAD, whole[begun].cursor)
    assert set(told(whole[: begun + 1])) | set(told(rest)) == set(ids)
    assert len(sent(org, mark, "POST")) == 1


def test_a_job_that_fails_or_is_refused_is_made_up_for_page_by_page(org: Org) -> None:
    """An org that allows no bulk query is read all the same."""
    ids = people(org, 8)
    org.remote.settings(bulk_fails=True)
    assert set(told(pages(org.connect(bulk_after=3), "Lead", LEAD))) == set(ids)
    org.remote.settings(bulk_fails=False, bulk_refused=True)
    assert set(told(pages(org.connect(bulk_after=0), "Lead", LEAD))) == set(ids)


def test_half_a_table_is_no_answer(org: Org, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer rows than Salesforce counts, or a row cut short: trouble, and the same part again."""
    people(org, 8)
    sf = org.connect(bulk_after=0)
    inner = sf._client.results

    def cut(*asked: Any) -> Any:
        answer = inner(*asked)
        return replace(answer, body=answer.body[: len(answer.body) // 2])

    monkeypatch.setattr(sf._client, "results", cut)
    with pytest.raises(Transient):
        pages(sf, "Lead", LEAD)
    monkeypatch.setattr(sf._client, "results", inner)
    assert len(told(pages(sf, "Lead", LEAD))) == 8


def test_an_edit_beside_a_bulk_query_wins_over_what_it_tells(org: Org) -> None:
    """What a job told of a record is as old as the job, and says so; then comes what changed since."""
    ids = people(org, 8)
    org.remote.clock(advance=3600)
    sf = org.connect(bulk_after=0)
    first = next(page for page in ticking(sf) if page.cursor["backfill"]["job"])
    org.remote.clock(advance=60)
    org.remote.act("update", "Lead", id=ids[0], fields={"City": "Newer"})
    rest = pages(sf, "Lead", LEAD, first.cursor)
    found = [one for page in rest for one in page.records if isinstance(one, Record)]
    ages = {one.ref.id: (sf.now() - one.read_at).total_seconds() for one in reversed(found) if one.read_at is not None}
    assert all(ages[id_] > 50 for id_ in ids[1:])
    assert told(rest)[ids[0]].fields["City"] == "Newer"
