"""Bulk API 2.0 jobs: queries that end in CSV, and CSV that ends in writes.

What is not here: their paths (`bulk_api`). A job is carried out in one go when its time has come and somebody looks.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncd_salesforce.sandbox import ids, times
from syncd_salesforce.sandbox.errors import Refusal, bad_row, refuse
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.query import Run
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.soql import Name, parse
from syncd_salesforce.sandbox.store import Hand
from syncd_salesforce.sandbox.writes import delete, insert, transaction, update

_OPERATIONS = ("insert", "update", "upsert", "delete", "hardDelete")


@dataclass(slots=True)
class Job:
    """One job; `rows` are a query's results, or what is to be written; the three lists are what became of these."""

    id: str
    kind: str
    facts: dict[str, Any]
    hand: Hand
    ready: float
    state: str = "UploadComplete"
    columns: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)
    good: list[list[str]] = field(default_factory=list)
    bad: list[list[str]] = field(default_factory=list)

    def wire(self) -> dict[str, Any]:
        """As the API tells it."""
        counts = {"numberRecordsProcessed": len(self.rows)} if self.kind == "query" else {
            "numberRecordsProcessed": len(self.good) + len(self.bad), "numberRecordsFailed": len(self.bad),
        }  # fmt: skip
        told = {"id": self.id, **self.facts, "state": self.state, "retries": 0, "totalProcessingTime": 1, **counts}
        return {**told, "errorMessage": "the job failed"} if self.state == "Failed" else told


class Jobs:
    """Every bulk job of an org."""

    def __init__(self, org: Org) -> None:
        """None yet."""
        self._org = org
        self.all: dict[str, Job] = {}

    def need(self, id: str, kind: str) -> Job:
        """A job, carried out as far as it should be by now."""
        found = self.all.get(ids.full(id) or id)
        if found is None or found.kind != kind:
            raise refuse("NOT_FOUND", "The requested resource does not exist")
        if found.state in ("UploadComplete", "InProgress"):
            self._go(found)
        return found

    def query(self, given: Mapping[str, Any], hand: Hand, version: str) -> Job:
        """A new query job; Refusal for a query that cannot be."""
        if self._org.settings["bulk_refused"]:
            raise refuse("FUNCTIONALITY_NOT_ENABLED", "Bulk API 2.0 is not enabled for this user")
        operation = given.get("operation")
        if operation not in ("query", "queryAll"):
            raise refuse("INVALIDJOB", f"Unsupported operation: {operation}")
        run = Run(self._org, parse(str(given.get("query") or "")), operation == "queryAll", version)
        run.shape()
        run.rows()
        facts = {"operation": operation, "object": run.thing.name, "query": given["query"]}
        return self._made("query", facts, hand, version, "UploadComplete")

    def ingest(self, given: Mapping[str, Any], hand: Hand, version: str) -> Job:
        """A new job that writes."""
        thing = self._org.schema.find(str(given.get("object")))
        operation = given.get("operation")
        if thing is None or operation not in _OPERATIONS:
            raise refuse("INVALIDJOB", f"Unsupported object or operation: {given.get('object')} {operation}")
        facts = {"operation": operation, "object": thing.name}
        facts |= {"externalIdFieldName": given["externalIdFieldName"]} if given.get("externalIdFieldName") else {}
        job = self._made("ingest", facts, hand, version, "Open")
        job.facts["contentUrl"] = f"services/data/v{version}/jobs/ingest/{job.id}/batches"
        return job

    def _made(self, kind: str, facts: dict[str, Any], hand: Hand, version: str, state: str) -> Job:
        ready = self._org.clock.seconds() + float(self._org.settings["bulk_seconds"])
        now = times.wire(self._org.now())
        told = {
            **facts, "createdById": hand.user, "createdDate": now, "systemModstamp": now,
            "concurrencyMode": "Parallel", "contentType": "CSV", "apiVersion": float(version),
            "lineEnding": "LF", "columnDelimiter": "COMMA",
        }  # fmt: skip
        job = Job(self._org.mint.new("750"), kind, told, hand, ready, state)
        self.all[job.id] = job
        return job

    def _go(self, job: Job) -> None:
        if self._org.clock.seconds() < job.ready:
            job.state = "InProgress"
            return
        if self._org.settings["bulk_fails"]:
            job.state = "Failed"
            return
        if job.kind == "query":
            self._ask(job)
        else:
            self._write(job)
        job.state = "JobComplete"

    def _ask(self, job: Job) -> None:
        select = parse(job.facts["query"])
        run = Run(self._org, select, job.facts["operation"] == "queryAll")
        shape = run.shape()
        job.columns = [_column(run, each) for each in select.fields if isinstance(each, Name)]
        job.rows = [[_cell(record, column) for column in job.columns] for record in map(shape, run.rows())]

    def _write(self, job: Job) -> None:
        thing = self._org.schema.things[job.facts["object"]]
        for cells in job.rows:
            given = {
                name: None if text == "#N/A" else text
                for name, text in zip(job.columns, cells, strict=False)
                if text != ""
            }
            try:
                with transaction(self._org, job.hand):
                    id, created = self._one(job, thing, given)
            except Refusal as error:
                problem = error.problems[0]
                told = f"{problem.code}:{problem.message}:{' '.join(problem.fields or ()) or '--'}"
                job.bad.append([given.get("Id") or "", told, *cells])
            else:
                job.good.append([id, str(created).lower(), *cells])

    def _one(self, job: Job, thing: Thing, given: dict[str, Any]) -> tuple[str, bool]:
        operation, org = job.facts["operation"], self._org
        typed = {name: _typed(thing, name, value) for name, value in given.items() if name.lower() != "id"}
        if operation == "insert":
            return insert(org, thing, typed, job.hand)["Id"], True
        if operation == "upsert":
            key = thing.find(str(job.facts.get("externalIdFieldName")))
            if key is None or typed.get(key.name) is None:
                raise bad_row("MISSING_ARGUMENT", "external id not specified")
            found = org.store.having(thing.name, key.name, typed[key.name])
            if not found:
                return insert(org, thing, typed, job.hand)["Id"], True
            given["Id"] = found[0]
        id = ids.full(given.get("Id"))
        if id is None:
            raise bad_row("MISSING_ARGUMENT", "Id not specified")
        if operation in ("delete", "hardDelete"):
            delete(org, thing, id, job.hand)
        else:
            update(org, thing, id, typed, job.hand)
        return id, False


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """CSV as Salesforce writes it: every cell quoted, LF."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def _column(run: Run, name: Name) -> str:
    path = run.path(name)
    return ".".join([*(str(step.relationship) for step in path.steps), path.last.name])


def _cell(record: Mapping[str, Any], column: str) -> str:
    value: Any = record
    for part in column.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return value.replace("+0000", "Z") if isinstance(value, str) and value.endswith(".000+0000") else str(value)


def _typed(thing: Thing, name: str, text: Any) -> Any:
    """A cell as JSON would bring it."""
    field = thing.find(name)
    if field is None or not isinstance(text, str):
        return text
    if field.type == "boolean":
        return text.lower() in ("true", "1")
    return text
