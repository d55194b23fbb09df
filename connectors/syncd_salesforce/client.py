"""Salesforce's paths as thin functions over `door`: one method per endpoint, wire dictionaries in and out.

What is not here: canonical values (`values`), records (`reads`), SOQL (`soql`), and what an answer means.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from syncd.errors import SyncdError, Transient
from syncd.kit.http import Answer
from syncd_salesforce.door import Door
from syncd_salesforce.troubles import FORGOTTEN, SalesforceRefused, explain

WRITE_LIMIT = 200
READ_LIMIT = 200

_LONGEST_ADDRESS = 6_000
"""Salesforce takes 16,384 bytes of address and headers together; what is longer goes into the body of a request."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A page of a query: its rows, where the next one is (None: this was all), and when it was asked."""

    rows: Sequence[Row]
    next: str | None
    sent_at: datetime


class Client:
    """The endpoints syncd uses, of one API version such as `66.0`. Raises what `Http.request` raises."""

    def __init__(self, door: Door, version: str) -> None:
        """Take the open door and the version that stands in every path."""
        self.door = door
        self._base = f"/services/data/v{version}"

    def query(self, soql: str, *, deleted: bool = False) -> Found:
        """The first page of a query; with `deleted` the recycle bin answers, too."""
        path = f"{self._base}/{'queryAll' if deleted else 'query'}"
        if len(path) + len(urlencode({"q": soql})) > _LONGEST_ADDRESS:
            return self._through_body(f"{path}?q={quote(soql, safe='')}")
        answer = self.door.request("GET", path, params={"q": soql})
        return _found(answer.body, answer.sent_at)

    def rows(self, soql: str, *, deleted: bool = False) -> Found:
        """Every page of a query as one; for queries whose answer is bounded."""
        page = self.query(soql, deleted=deleted)
        rows, asked_at = list(page.rows), page.sent_at
        while page.next is not None:
            page = self._further(page.next)
            if not page.rows:
                raise Transient("Salesforce answered an empty page in the middle of a query.")
            rows += page.rows
        return Found(rows=rows, next=None, sent_at=asked_at)

    def _further(self, path: str) -> Found:
        """A further page. Its locator may end before its time: that refuses no record; the query is asked anew."""
        try:
            answer = self.door.request("GET", path)
        except SalesforceRefused as error:
            if error.trouble.code != FORGOTTEN:
                raise
            raise Transient(f"Salesforce has forgotten the rest of a query. {error}") from error
        return _found(answer.body, answer.sent_at)

    def bulk(self, soql: str) -> str:
        """Have a query carried out as a job of Bulk API 2.0; the job's id."""
        body = {"operation": "query", "query": soql}
        return str(_row(self.door.request("POST", f"{self._base}/jobs/query", json=body)).get("id") or "")

    def job(self, id: str) -> Row:
        """How a bulk query is getting on."""
        return _row(self.door.request("GET", f"{self._base}/jobs/query/{quote(id, safe='')}"))

    def results(self, id: str, locator: str | None, limit: int) -> Answer:
        """A part of what a bulk query found, as CSV; the header `sforce-locator` tells where the next one is."""
        path = f"{self._base}/jobs/query/{quote(id, safe='')}/results"
        params = {"maxRecords": str(limit), **({"locator": locator} if locator is not None else {})}
        return self.door.request("GET", path, params=params, headers={"accept": "text/csv"}, text=True)

    def objects(self) -> Row:
        """Every object that the run-as user sees."""
        return _row(self.door.request("GET", f"{self._base}/sobjects"))

    def describe(self, kind: str) -> Row:
        """The fields of an object."""
        return _row(self.door.request("GET", f"{self._base}/sobjects/{kind}/describe"))

    def insert(self, records: Sequence[Row], headers: Mapping[str, str]) -> Answer:
        """Up to 200 new records, each for itself; sent once, so a lost answer is Ambiguous."""
        return self._list("POST", "", records, headers)

    def upsert(self, kind: str, key: str, records: Sequence[Row], headers: Mapping[str, str]) -> Answer:
        """Up to 200 records by an external id: new ones, or those that have it already."""
        return self._list("PATCH", f"/{kind}/{key}", records, headers)

    def update(self, records: Sequence[Row], headers: Mapping[str, str]) -> Answer:
        """Up to 200 known records, each with its `id`."""
        return self._list("PATCH", "", records, headers)

    def delete(self, ids: Sequence[str]) -> Answer:
        """Up to 200 records into the recycle bin."""
        params = {"ids": ",".join(ids), "allOrNone": "false"}
        return self.door.request("DELETE", f"{self._base}/composite/sobjects", params=params, idempotent=False)

    def update_one(self, kind: str, id: str, fields: Row, headers: Mapping[str, str]) -> Answer:
        """One known record; `headers` may carry If-Unmodified-Since."""
        path = f"{self._base}/sobjects/{kind}/{id}"
        return self.door.request("PATCH", path, json=dict(fields), headers=headers, idempotent=False)

    def _list(self, method: str, end: str, records: Sequence[Row], headers: Mapping[str, str]) -> Answer:
        body = {"allOrNone": False, "records": list(records)}
        path = f"{self._base}/composite/sobjects{end}"
        return self.door.request(method, path, json=body, headers=headers, idempotent=False)

    def _through_body(self, url: str) -> Found:
        """A query whose address would be too long, as the one part of a composite request."""
        part = {"method": "GET", "url": url, "referenceId": "q"}
        body = {"allOrNone": False, "compositeRequest": [part]}
        answer = self.door.request("POST", f"{self._base}/composite", json=body)
        parts = answer.body.get("compositeResponse") if isinstance(answer.body, Mapping) else None
        if not isinstance(parts, list) or len(parts) != 1 or not isinstance(parts[0], Mapping):
            raise Transient("Salesforce answered a composite request without its part.")
        status, told = parts[0].get("httpStatusCode"), parts[0].get("body")
        if status != 200:
            raise _error(status, told)
        return _found(told, answer.sent_at)


def _error(status: object, body: Any) -> SyncdError:
    number = status if isinstance(status, int) else 500
    return explain(number, {}, body) or Transient(f"Salesforce answered a part of a composite request with {status}.")


def _found(body: Any, sent_at: datetime) -> Found:
    """A page; one without rows that are rows is trouble, never an empty answer."""
    rows = body.get("records") if isinstance(body, Mapping) else None
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        raise Transient("Salesforce answered a query without records.")
    following = body.get("nextRecordsUrl")
    if body.get("done") is not False:
        following = None
    elif not isinstance(following, str) or not following.startswith("/services/data/"):
        raise Transient("Salesforce answered a part of a query, and not where the rest is.")
    return Found(rows=rows, next=following, sent_at=sent_at)


def _row(answer: Answer) -> Row:
    if not isinstance(answer.body, Mapping):
        raise Transient(f"Salesforce answered {answer.status} without an object at {answer.url}.")
    return answer.body
