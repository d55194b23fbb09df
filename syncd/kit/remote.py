"""The client of the control protocol: how tests, the lab and the demo speak to a sandbox, in or out of process.

What is not here: the vendor's API; connectors speak that.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import orjson

from syncd.kit.control import ControlError

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Most sandboxes speak plain HTTP on this machine, and reading the list of the world's authorities takes longer than
most of what is asked of them."""


class Remote:
    """A sandbox somewhere on this machine, by its base address."""

    def __init__(self, url: str, authority: Path | None = None) -> None:
        """Take the sandbox's base address, without /_sim; one that serves https has an authority of its own."""
        self.url = url
        trusted = NOBODY if authority is None else ssl.create_default_context(cafile=authority)
        # httpcore may close a connection under a thread that has just begun with it, when another thread asks.
        self._turn = threading.Lock()
        self._client = httpx.Client(base_url=url, timeout=120.0, trust_env=False, verify=trusted)

    def close(self) -> None:
        """Give the socket back."""
        self._client.close()

    def health(self) -> dict[str, Any]:
        """Name, kinds and the sandbox's clock."""
        return self._get("health")

    def clock(self, **order: Any) -> dict[str, Any]:
        """Where the clock stands; with `advance=seconds`, `freeze=True`, `thaw=True` or `set=iso` after moving it."""
        return self._post("clock", order) if order else self._get("clock")

    def advance(self, seconds: float) -> None:
        """Let time pass in the sandbox."""
        self._post("clock", {"advance": seconds})

    def reset(self, *, seed: int = 1, settings: Mapping[str, Any] | None = None) -> None:
        """Forget everything and begin again."""
        self._post("reset", {"seed": seed, "settings": dict(settings or {})})

    def settings(self, **switches: Any) -> dict[str, Any]:
        """The switches in force; those given are set first."""
        return self._post("settings", switches) if switches else self._get("settings")

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Play these faults from now on, instead of all before; none at all ends the trouble."""
        self._post("faults", {"rules": [dict(rule) for rule in rules]})

    def played(self) -> list[dict[str, Any]]:
        """The fault rules with how often each matched and was played."""
        return list(self._get("faults")["rules"])

    def mark(self) -> int:
        """The number of the next request, for `requests(since=...)`."""
        return int(self._get("requests", since=2**62)["next"])

    def requests(self, since: int = 1) -> list[dict[str, Any]]:
        """The vendor requests from this number on, oldest first; see `kit.requestlog.Entry`."""
        return list(self._get("requests", since=since)["requests"])

    def writes(self, since: int = 1) -> list[dict[str, Any]]:
        """Those of the requests that change records."""
        return [one for one in self.requests(since) if one["write"]]

    def written(self, since: int) -> tuple[int, int]:
        """How many of the requests from this number on change records, and the number of the next request."""
        found = self._get("requests", since=since, summary=1)
        return sum(row["writes"] for row in found["summary"]), int(found["next"])

    def summary(self, since: int = 1) -> list[dict[str, Any]]:
        """Counts by method and path template."""
        return list(self._get("requests", since=since, summary=1)["summary"])

    def records(self, kind: str) -> list[dict[str, Any]]:
        """The primary store, archived records included, in the vendor's wire form."""
        return list(self._get(f"records/{kind}")["records"])

    def act(self, do: str, kind: str | None = None, **more: Any) -> dict[str, Any]:
        """A person does something in the vendor's pages: `id`, `fields`, `as_` (who) and vendor words."""
        return self._post("act", _order(do, kind, more))

    def acts(self, do: str, kind: str, orders: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """The same many times over, in one call: what `act` would have answered to each, in their order."""
        return list(self._post("acts", {"acts": [_order(do, kind, one) for one in orders]})["done"])

    def seed(self, **spec: Any) -> dict[str, Any]:
        """Fill the account: leads=n, seed=n, messy=True and vendor words."""
        return self._post("seed", spec)

    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """Create a record per row."""
        return self._ask("POST", f"import/{kind}", content=text.encode())

    def webhooks(self) -> dict[str, int]:
        """Counts of the webhooks: events, dropped, answered, refused, given up, waiting."""
        return dict(self._get("webhooks"))

    def settled(self) -> bool:
        """Whether the lagging index shows what the primary store holds."""
        return bool(self._get("settled")["settled"])

    def settle(self) -> None:
        """Let so much time pass in the sandbox that the index has caught up."""
        for _ in range(50):
            state = self._get("settled")
            if state["settled"]:
                return
            self.advance(float(state.get("in") or 0.0) + 0.05)
            time.sleep(0.001)
        raise ControlError("the sandbox's index did not catch up")

    def history(self, kind: str, id: str) -> list[dict[str, Any]]:
        """Every change of a record: at, by, via, fields {name: [before, after]}."""
        return list(self._get(f"history/{kind}/{id}")["history"])

    def histories(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        """The same of every record of a kind that has any, by id."""
        return dict(self._get(f"history/{kind}")["histories"])

    def _get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._ask("GET", path, params=params)

    def _post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._ask("POST", path, content=orjson.dumps(dict(body)))

    def _ask(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        with self._turn:
            response = self._client.request(method, f"/_sim/{path}", **more)
        if response.is_success:
            return dict(orjson.loads(response.content))
        try:
            words = str(orjson.loads(response.content).get("error"))
        except orjson.JSONDecodeError:
            words = response.text[:300]
        raise ControlError(words, response.status_code)


def _order(do: str, kind: str | None, more: Mapping[str, Any]) -> dict[str, Any]:
    order = {"as" if key == "as_" else key: value for key, value in more.items()}
    return {"do": do, **({"kind": kind} if kind else {}), **order}
