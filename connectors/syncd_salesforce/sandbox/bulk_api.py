"""Paths of Bulk API 2.0.

What is not here: carrying jobs out (`jobs`).
"""

from __future__ import annotations

import csv
import io

from syncd_salesforce.sandbox.call import Answer, Call
from syncd_salesforce.sandbox.errors import refuse
from syncd_salesforce.sandbox.jobs import Job, table


def query(call: Call) -> Answer:
    """POST /jobs/query."""
    return Answer(200, call.jobs.query(call.record, call.hand, call.version).wire())


def query_state(call: Call) -> Answer:
    """GET /jobs/query/{job}."""
    return Answer(200, call.jobs.need(call.path["job"], "query").wire())


def query_results(call: Call) -> Answer:
    """GET /jobs/query/{job}/results?maxRecords=&locator=."""
    job = _done(call.jobs.need(call.path["job"], "query"))
    start = _whole(call.query.get("locator", "0"))
    size = _whole(call.query.get("maxRecords", "50000")) or 50_000
    rows, end = job.rows[start : start + size], start + size
    head = {
        "Sforce-Locator": str(end) if end < len(job.rows) else "null",
        "Sforce-NumberOfRecords": str(len(rows)),
        "Content-Type": "text/csv",
    }
    return Answer(200, text=table(job.columns, rows), headers=head)


def ingest(call: Call) -> Answer:
    """POST /jobs/ingest."""
    return Answer(200, call.jobs.ingest(call.record, call.hand, call.version).wire())


def ingest_state(call: Call) -> Answer:
    """GET /jobs/ingest/{job}."""
    return Answer(200, call.jobs.need(call.path["job"], "ingest").wire())


def ingest_rows(call: Call) -> Answer:
    """PUT /jobs/ingest/{job}/batches: the whole CSV."""
    job = _open(call.jobs.need(call.path["job"], "ingest"))
    rows = list(csv.reader(io.StringIO(call.raw.decode("utf-8-sig"), newline="")))
    if not rows:
        raise refuse("INVALIDBATCH", "the upload is empty")
    job.columns, job.rows = rows[0], [row for row in rows[1:] if any(row)]
    return Answer(201)


def close(call: Call) -> Answer:
    """PATCH of a job: UploadComplete or Aborted."""
    kind = "query" if "/query/" in call.path["path"] else "ingest"
    job = call.jobs.need(call.path["job"], kind)
    state = str(call.record.get("state"))
    if state not in ("UploadComplete", "Aborted"):
        raise refuse("INVALIDJOBSTATE", f"Cannot set the state to {state}")
    job.state = state
    return Answer(200, job.wire())


def forget(call: Call) -> Answer:
    """DELETE of a job."""
    kind = "query" if "/query/" in call.path["path"] else "ingest"
    del call.jobs.all[call.jobs.need(call.path["job"], kind).id]
    return Answer(204)


def good(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/successfulResults."""
    job = _done(call.jobs.need(call.path["job"], "ingest"))
    return _csv(table(["sf__Id", "sf__Created", *job.columns], job.good))


def bad(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/failedResults."""
    job = _done(call.jobs.need(call.path["job"], "ingest"))
    return _csv(table(["sf__Id", "sf__Error", *job.columns], job.bad))


def left(call: Call) -> Answer:
    """GET /jobs/ingest/{job}/unprocessedrecords."""
    job = _done(call.jobs.need(call.path["job"], "ingest"))
    return _csv(table(job.columns, job.rows if job.state == "Aborted" else ()))


def _csv(text: str) -> Answer:
    return Answer(200, text=text, headers={"Content-Type": "text/csv"})


def _done(job: Job) -> Job:
    if job.state not in ("JobComplete", "Aborted", "Failed"):
        raise refuse("INVALIDJOBSTATE", f"The job is {job.state}: results are not there yet")
    return job


def _open(job: Job) -> Job:
    if job.state != "Open":
        raise refuse("INVALIDJOBSTATE", f"The job is {job.state}: it takes no more rows")
    return job


def _whole(text: str) -> int:
    if not text.isdigit():
        raise refuse("INVALID_LOCATOR", f"not a locator: {text}")
    return int(text)
