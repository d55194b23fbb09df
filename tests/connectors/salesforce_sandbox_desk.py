"""What the tests of the Salesforce sandbox share: the sandbox behind a real socket, a plain client, its control."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from syncd.kit.remote import NOBODY, Remote
from syncd.kit.sandbox import SandboxServer
from syncd_salesforce.sandbox import SalesforceSandbox

TOKEN = "00DSb0sandbox!token"
BASE = "/services/data/v66.0"

Json = dict[str, Any]


class Desk:
    """A client of the vendor's API and one of the control protocol."""

    def __init__(self, url: str) -> None:
        """Take the sandbox's address."""
        self.url = url
        headers = {"Authorization": f"Bearer {TOKEN}"}
        self.api = httpx.Client(base_url=url, headers=headers, timeout=20, trust_env=False, verify=NOBODY)
        self.sim = Remote(url)

    def close(self) -> None:
        """Give the sockets back."""
        self.api.close()
        self.sim.close()

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, **params: Any
    ) -> Any:
        """A whole answer, of a path under v66.0 unless it begins with a slash."""
        full = path if path.startswith("/") else f"{BASE}/{path}"
        return self.api.request(method, full, json=body, params=params or None, headers=headers)

    def get(self, path: str, **params: Any) -> Any:
        """The body of a GET that must work."""
        return good(self.ask("GET", path, **params)).json()

    def make(self, kind: str, **fields: Any) -> str:
        """Make a record by API; its id."""
        given = {**_LEAST.get(kind, {}), **fields}
        return str(good(self.ask("POST", f"sobjects/{kind}", given)).json()["id"])

    def write(self, kind: str, id: str, headers: Mapping[str, str] | None = None, **fields: Any) -> httpx.Response:
        """A PATCH."""
        return self.ask("PATCH", f"sobjects/{kind}/{id}", fields, headers)

    def read(self, kind: str, id: str, *names: str) -> Json:
        """Fields of a record."""
        params = {"fields": ",".join(names)} if names else {}
        return dict(self.get(f"sobjects/{kind}/{id}", **params))

    def soql(self, text: str, *, all: bool = False, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """A query."""
        return self.ask("GET", "queryAll" if all else "query", None, headers, q=text)

    def rows(self, text: str, *, all: bool = False) -> list[Json]:
        """The records of a query that must work, from all of its pages, without their attributes."""
        page = good(self.soql(text, all=all)).json()
        found = list(page["records"])
        while not page["done"]:
            page = self.get(page["nextRecordsUrl"])
            found += page["records"]
        return [{name: value for name, value in row.items() if name != "attributes"} for row in found]

    def ids(self, text: str, *, all: bool = False) -> list[str]:
        """The ids a query finds, in order."""
        return [row["Id"] for row in self.rows(text, all=all)]

    def many(self, method: str, kind: str, records: Sequence[Json], key: str | None = None, **more: Any) -> list[Json]:
        """The results of a collection call."""
        path = f"composite/sobjects/{kind}/{key}" if key else "composite/sobjects"
        typed = [{"attributes": {"type": kind}, **each} for each in records]
        return list(good(self.ask(method, path, {"records": typed, **more})).json())


_LEAST: dict[str, Json] = {
    "Lead": {"LastName": "Ng", "Company": "Ng Household"},
    "Contact": {"LastName": "Ng"},
    "Account": {"Name": "Ng Household"},
    "Opportunity": {"Name": "Roof", "StageName": "Prospecting", "CloseDate": "2026-12-24"},
}


def good(answer: httpx.Response) -> httpx.Response:
    """An answer that must be a success."""
    assert answer.is_success, answer.text
    return answer


def code(answer: httpx.Response) -> tuple[int, str]:
    """Status and first error code of a refusal."""
    return answer.status_code, str(answer.json()[0]["errorCode"])


def item_code(result: Json) -> str:
    """The first code of a failed result in a list."""
    assert result["success"] is False
    return str(result["errors"][0]["statusCode"])


def person_type(rows: Sequence[Json]) -> str:
    """The record type of accounts that are people."""
    return str(next(row["Id"] for row in rows if row["IsPersonType"]))


@contextmanager
def desk(**settings: Any) -> Iterator[Desk]:
    """An empty org."""
    made = Desk(_served())
    try:
        made.sim.reset(seed=7, settings=settings)
        yield made
    finally:
        made.close()


@functools.cache
def _served() -> str:
    """Serve one sandbox for all tests of this process; each begins with a reset."""
    server = SandboxServer(SalesforceSandbox())
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server.url
