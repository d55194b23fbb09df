"""What the tests of the JobNimbus sandbox share: the sandbox behind a real socket, a plain client, its control."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import orjson

from syncd.kit.remote import NOBODY, Remote
from syncd.kit.sandbox import SandboxServer
from syncd_jobnimbus.sandbox import JobNimbusSandbox

KEY = "sandboxkey0000001"


class Desk:
    """A client of the vendor's API and one of the control protocol."""

    def __init__(self, url: str) -> None:
        """Take the sandbox's address."""
        self.api = httpx.Client(
            base_url=f"{url}/api1/", headers={"Authorization": f"bearer {KEY}"}, timeout=20, trust_env=False,
            verify=NOBODY,
        )  # fmt: skip
        self.sim = Remote(url)

    def close(self) -> None:
        """Give the sockets back."""
        self.api.close()
        self.sim.close()

    def page(self, kind: str, filter: object = None, **params: Any) -> dict[str, Any]:
        """A list's envelope; `from_` is `from`."""
        answer = self.ask(kind, filter, **params)
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def ask(self, kind: str, filter: object = None, **params: Any) -> httpx.Response:
        """A list's whole answer."""
        if filter is not None:
            params["filter"] = orjson.dumps(filter).decode()
        return self.api.get(kind, params={name.rstrip("_"): value for name, value in params.items()})

    def ids(self, kind: str, filter: object = None, **params: Any) -> list[str]:
        """The ids of a list, in its order."""
        envelope = self.page(kind, filter, **params)
        return [row["jnid"] for row in envelope["activity" if kind == "activities" else "results"]]

    def get(self, kind: str, jnid: str) -> dict[str, Any]:
        """A record by id."""
        answer = self.api.get(f"{kind}/{jnid}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def post(self, kind: str, _params: dict[str, str] | None = None, /, **fields: Any) -> httpx.Response:
        """A create."""
        return self.api.post(kind, json=fields, params=_params)

    def put(self, kind: str, jnid: str, _params: dict[str, str] | None = None, /, **fields: Any) -> httpx.Response:
        """An update."""
        return self.api.put(f"{kind}/{jnid}", json=fields, params=_params)

    def contact(self, name: str, **fields: Any) -> str:
        """Make a contact by API; its id."""
        answer = self.post("contacts", display_name=name, **fields)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["jnid"])

    def job(self, name: str, **fields: Any) -> str:
        """Make a Roofing job in status Lead by API; its id."""
        answer = self.post("jobs", **{"name": name, "record_type_name": "Roofing", "status_name": "Lead", **fields})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["jnid"])


@contextmanager
def desk(**settings: Any) -> Iterator[Desk]:
    """A new sandbox; its lists do not lag unless asked to."""
    box = JobNimbusSandbox(seed=7, settings={"index_lag": 0, **settings})
    with SandboxServer(box) as server:
        made = Desk(server.url)
        try:
            yield made
        finally:
            made.close()
