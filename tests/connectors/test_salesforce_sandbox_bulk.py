"""The Salesforce sandbox's bulk jobs, and its lists of changed and deleted ids."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import pytest

from tests.connectors.salesforce_sandbox_desk import Desk, code, desk, good


@pytest.fixture
def sf() -> Iterator[Desk]:
    with desk() as made:
        made.sim.clock(set="2026-11-21T10:00:30Z", freeze=True)
        yield made


def job(sf: Desk, text: str, operation: str = "query") -> str:
    return str(good(sf.ask("POST", "jobs/query", {"operation": operation, "query": text})).json()["id"])


def table(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def ingest(sf: Desk, text: str, **order: str) -> str:
    made = good(sf.ask("POST", "jobs/ingest", {"contentType": "CSV", "lineEnding": "LF", **order})).json()
    assert made["state"] == "Open"
    path = f"/{made['contentUrl']}"
    assert sf.api.put(path, content=text.encode(), headers={"Content-Type": "text/csv"}).status_code == 201
    good(sf.ask("PATCH", f"jobs/ingest/{made['id']}", {"state": "UploadComplete"}))
    return str(made["id"])


# -- queries


def test_a_query_job_ends_in_csv_by_locators(sf: Desk) -> None:
    """Pages by maxRecords, the text `null` at the end, empty cells for null, times with Z, paths as columns."""
    ids = [sf.make("Lead", Roof_Squares__c=12.5) for _ in range(5)]
    made = job(sf, "SELECT Id, City, Roof_Squares__c, IsConverted, CreatedDate, Owner.Name FROM Lead ORDER BY Id")
    assert sf.get(f"jobs/query/{made}")["state"] == "JobComplete"
    found, locator = [], "0"
    while locator != "null":
        page = good(sf.ask("GET", f"jobs/query/{made}/results", locator=locator, maxRecords="2"))
        head, *rows = table(page.text)
        assert head == ["Id", "City", "Roof_Squares__c", "IsConverted", "CreatedDate", "Owner.Name"]
        assert page.headers["sforce-numberofrecords"] == str(len(rows))
        found, locator = found + rows, page.headers["sforce-locator"]
    assert [row[0] for row in found] == ids
    assert found[0][1:] == ["", "12.5", "false", "2026-11-21T10:00:30.000Z", "Syncd Integration"]


def test_a_job_takes_its_time_and_sees_what_is_there_then(sf: Desk) -> None:
    """Results before the end are refused; queryAll sees the bin."""
    sf.sim.settings(bulk_seconds=60)
    gone = sf.make("Lead")
    made = job(sf, "SELECT Id FROM Lead", "queryAll")
    assert sf.get(f"jobs/query/{made}")["state"] == "InProgress"
    assert code(sf.ask("GET", f"jobs/query/{made}/results")) == (400, "INVALIDJOBSTATE")
    sf.ask("DELETE", f"sobjects/Lead/{gone}")
    sf.sim.advance(61)
    assert table(good(sf.ask("GET", f"jobs/query/{made}/results")).text) == [["Id"], [gone]]


def test_a_bad_query_makes_no_job(sf: Desk) -> None:
    """It is refused at once, as an unknown job is."""
    bad = {"operation": "query", "query": "SELECT Foo FROM Lead"}
    assert code(sf.ask("POST", "jobs/query", bad)) == (400, "INVALID_FIELD")
    assert code(sf.ask("POST", "jobs/query", {**bad, "operation": "insert"})) == (400, "INVALIDJOB")
    assert code(sf.ask("GET", "jobs/query/750Sb0000000001")) == (404, "NOT_FOUND")


# -- ingest


def test_an_ingest_job_writes_what_it_can(sf: Desk) -> None:
    """Good rows come back with their ids, bad ones with code, sentence and field; `#N/A` is null."""
    old = sf.make("Lead", JobNimbus_Id__c="jn-1", City="Mobile")
    text = "JobNimbus_Id__c,LastName,Company,City\njn-1,Ng,Ng,#N/A\njn-2,Lee,Lee,Austin\njn-3,,Ra,x\n"
    made = ingest(sf, text, object="Lead", operation="upsert", externalIdFieldName="JobNimbus_Id__c")
    state = sf.get(f"jobs/ingest/{made}")
    assert (state["state"], state["numberRecordsProcessed"], state["numberRecordsFailed"]) == ("JobComplete", 3, 1)
    head, first, second = table(sf.ask("GET", f"jobs/ingest/{made}/successfulResults").text)
    assert head[:3] == ["sf__Id", "sf__Created", "JobNimbus_Id__c"]
    assert (first[:2], second[1]) == ([old, "false"], "true")
    assert sf.read("Lead", old, "City")["City"] is None
    _, bad = table(sf.ask("GET", f"jobs/ingest/{made}/failedResults").text)
    assert bad[1] == "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName"
    assert table(sf.ask("GET", f"jobs/ingest/{made}/unprocessedrecords").text) == [head[2:]]


def test_ingest_updates_and_deletes_by_id(sf: Desk) -> None:
    """The id stands in its column."""
    made = sf.make("Lead")
    ingest_id = ingest(sf, f"Id,DoNotCall\n{made},true\n", object="Lead", operation="update")
    sf.get(f"jobs/ingest/{ingest_id}")
    assert sf.read("Lead", made, "DoNotCall")["DoNotCall"] is True
    sf.get(f"jobs/ingest/{ingest(sf, f'Id{chr(10)}{made}{chr(10)}', object='Lead', operation='delete')}")
    assert sf.ids("SELECT Id FROM Lead") == []


def test_an_aborted_job_writes_nothing(sf: Desk) -> None:
    """Its rows are unprocessed; a job that was closed takes no more."""
    made = good(sf.ask("POST", "jobs/ingest", {"object": "Lead", "operation": "insert"})).json()["id"]
    rows = {"content": b"LastName,Company\nNg,Ng\n", "headers": {"Content-Type": "text/csv"}}
    path = f"/services/data/v66.0/jobs/ingest/{made}/batches"
    sf.api.put(path, **rows)
    sf.ask("PATCH", f"jobs/ingest/{made}", {"state": "Aborted"})
    assert len(table(sf.ask("GET", f"jobs/ingest/{made}/unprocessedrecords").text)) == 2
    assert sf.api.put(path, **rows).status_code == 400
    assert sf.ids("SELECT Id FROM Lead") == []
    assert sf.ask("DELETE", f"jobs/ingest/{made}").status_code == 204


# -- getUpdated and getDeleted


def test_changed_and_deleted_ids_go_by_whole_minutes(sf: Desk) -> None:
    """Seconds are cut off: what was written at 10:00:30 is not before 10:00:59, which is 10:00:00."""
    kept, gone = sf.make("Lead"), sf.make("Lead")
    sf.ask("DELETE", f"sobjects/Lead/{gone}")
    early = {"start": "2026-11-21T09:00:00+00:00", "end": "2026-11-21T10:00:59+00:00"}
    assert sf.get("sobjects/Lead/updated", **early)["ids"] == []
    late = {**early, "end": "2026-11-21T10:01:59Z"}
    told = sf.get("sobjects/Lead/updated/", **late)
    assert told == {"ids": [kept], "latestDateCovered": "2026-11-21T10:00:30.000+0000"}
    dead = sf.get("sobjects/Lead/deleted/", **late)
    assert dead["deletedRecords"] == [{"id": gone, "deletedDate": "2026-11-21T10:00:30.000+0000"}]
    sf.sim.settings(covered_back=3600)
    assert sf.get("sobjects/Lead/updated", **late)["latestDateCovered"] == "2026-11-21T09:00:30.000+0000"


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:59Z"),
        ("2026-11-21T11:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-10-01T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("yesterday", "today"),
    ],
)
def test_a_span_that_is_too_short_or_too_old_is_refused(sf: Desk, start: str, end: str) -> None:
    """INVALID_REPLICATION_DATE, whatever is wrong with it."""
    assert code(sf.ask("GET", "sobjects/Lead/updated", start=start, end=end)) == (400, "INVALID_REPLICATION_DATE")
