"""What the tests of the HubSpot sandbox share: the sandbox behind a real socket, a plain client, its control."""

from __future__ import annotations

import atexit
import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx

from syncd.kit.remote import NOBODY, Remote
from syncd.kit.sandbox import SandboxServer
from syncd_hubspot.sandbox import HubSpotSandbox

TOKEN = "sandbox-token"
BASE = "/crm/objects/2026-03"

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

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None, **params: Any) -> httpx.Response:
        """A whole answer, of a path under the objects of 2026-03 unless it begins with a slash."""
        full = path if path.startswith("/") else f"{BASE}/{path}"
        headers = {"Authorization": f"Bearer {token}"} if token else None
        return self.api.request(method, full, json=body, params=params, headers=headers)

    def get(self, path: str, **params: Any) -> Json:
        """The body of a GET that must work."""
        return _good(self.ask("GET", path, **params))

    def post(self, path: str, body: Any, **params: Any) -> Json:
        """The body of a POST that must work."""
        return _good(self.ask("POST", path, body, **params))

    def contact(self, **properties: Any) -> str:
        """Make a contact by API; its id."""
        return str(self.post("contacts", {"properties": properties})["id"])

    def deal(self, **properties: Any) -> str:
        """Make a deal by API; its id."""
        given = {"dealname": "Roof", "dealstage": "qualifiedtobuy", **properties}
        return str(self.post("deals", {"properties": given})["id"])

    def write(self, kind: str, id: str, **properties: Any) -> httpx.Response:
        """A PATCH."""
        return self.ask("PATCH", f"{kind}/{id}", {"properties": properties})

    def values(self, kind: str, id: str, *names: str) -> Json:
        """Properties of a record."""
        return dict(self.get(f"{kind}/{id}", properties=",".join(names))["properties"])

    def search(self, kind: str, *filters: Json, **more: Any) -> Json:
        """A search with one filter group."""
        return self.post(f"{kind}/search", {"filterGroups": [{"filters": list(filters)}], **more})

    def hits(self, kind: str, *filters: Json, **more: Any) -> list[str]:
        """The ids a search finds, in order."""
        return [row["id"] for row in self.search(kind, *filters, **more)["results"]]

    def batch(self, kind: str, verb: str, inputs: Sequence[Any], **more: Any) -> httpx.Response:
        """A batch call."""
        return self.ask("POST", f"{kind}/batch/{verb}", {"inputs": list(inputs), **more})

    def property(self, kind: str, name: str, **more: Any) -> Json:
        """Define a custom text property."""
        given = {"name": name, "label": name, "type": "string", "fieldType": "text", **more}
        return self.post(f"/crm/properties/2026-03/{kind}", {"groupName": f"{kind.rstrip('s')}information", **given})


def where(name: str, operator: str, *values: Any) -> Json:
    """A search filter; IN operators take several values."""
    found: Json = {"propertyName": name, "operator": operator}
    if operator in {"IN", "NOT_IN"}:
        return {**found, "values": list(values)}
    return found | dict(zip(("value", "highValue"), values, strict=False))


def codes(answer: httpx.Response) -> list[str]:
    """The codes of a 400 that tells its details in `errors`."""
    return [each["code"] for each in answer.json()["errors"]]


def _good(answer: httpx.Response) -> Json:
    assert answer.is_success, answer.text
    return dict(answer.json())


@contextmanager
def desk(**settings: Any) -> Iterator[Desk]:
    """An empty sandbox without rate limits; its index does not lag and nothing is post-processed unless asked for."""
    quiet = {"rate": "off", "index_lag": {"kind": "none"}, "post_processing": False, "validation_errors": "errors"}
    made = Desk(_served())
    try:
        made.sim.reset(seed=7, settings={**quiet, **settings})
        yield made
    finally:
        made.close()


@functools.cache
def _served() -> str:
    """Serve one sandbox for all tests of this process; each begins with a reset."""
    server = SandboxServer(HubSpotSandbox())
    server.__enter__()
    atexit.register(server.__exit__, None, None, None)
    return server.url
