"""One request after the door: what the handlers get to see.

What is not here: sockets (`server`) and the door itself (`gate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd_hubspot.sandbox.errors import bad_request
from syncd_hubspot.sandbox.gate import Gate, Token
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Who
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.writes import Rules

Answer = tuple[Any, int]
"""A JSON body (None: empty) and a status."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request: the account, the hand, the API version in its path, path and query parameters, raw and parsed body."""

    portal: Portal
    gate: Gate
    token: Token
    version: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    raw: bytes
    body: Any

    @property
    def who(self) -> Who:
        """The hand that writes."""
        return self.token.who(self.portal.settings)

    @property
    def rules(self) -> Rules:
        """What this hand may write through this version."""
        return Rules(self.portal, self.version, self.who)

    def table(self, action: str, name: str = "type") -> Table:
        """The table of the object type in the path, if the token may `read` or `write` it."""
        found = self.portal.table(self.path[name])
        self.gate.allow(self.token, [f"crm.objects.{found.kind.scope}.{action}"])
        return found

    def object(self) -> Mapping[str, Any]:
        """The body as an object."""
        if not isinstance(self.body, Mapping):
            raise bad_request("Invalid input JSON: an object is expected")
        return self.body

    def inputs(self, most: int) -> list[Mapping[str, Any]]:
        """`inputs` of a batch, at most so many."""
        found = self.object().get("inputs")
        if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
            raise bad_request("Invalid input JSON: inputs must be an array of objects")
        if len(found) > most:
            raise bad_request(f"Too many inputs: {len(found)}, the maximum is {most}")
        return found

    def listed(self, name: str) -> list[str]:
        """A comma-separated query parameter."""
        return [part for part in self.query.get(name, "").split(",") if part]

    def flag(self, name: str) -> bool:
        """A boolean query parameter."""
        return self.query.get(name, "false").lower() == "true"

    def number(self, name: str, default: int, most: int) -> int:
        """A whole query parameter between 1 and `most`; 400 otherwise."""
        text = self.query.get(name, str(default))
        if not text.isdigit() or not 1 <= int(text) <= most:
            raise bad_request(f"{name} must be between 1 and {most}")
        return int(text)

    def after(self) -> int:
        """The id-shaped `after` cursor, 0 at the beginning."""
        text = self.query.get("after", "0")
        if not text.isdigit():
            raise bad_request("after must be a cursor of the page before")
        return int(text)


def whole_id(text: Any) -> int:
    """A record id; -1, which no record has, for what is not a number."""
    return int(text) if str(text).isdigit() else -1
