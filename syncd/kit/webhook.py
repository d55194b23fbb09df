"""What a connector's receiver of webhooks is: a raw request in, refs out, as hints to look again.

A hint never carries a value: what is in a body may be late, doubled, out of order, or somebody else's. What is not
here: listening and answering (`service.web`), and what a hint leads to (`engine.intake`).
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

import orjson

from syncd.core.model import Ref

BODY_LIMIT = 1_000_000
"""Bytes of a body; a longer one is refused before it is looked at."""


class Refusal(Exception):
    """A request that leaves no hint; its text tells the sender why, and is answered with `status`."""

    status = 400


class Unreadable(Refusal):
    """The body is not what this vendor sends."""


class Unproven(Refusal):
    """Nothing proves that the vendor sent it."""

    status = 401


class TooLong(Refusal):
    """The body is longer than any that a vendor sends."""

    status = 413


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request as it came in.

    `url`: the address that the sender called, of the configured public one, with the query as it was written.
    `rest`: what stood behind the system's own path, decoded, without the slash before it. `headers`: names in small
    letters. `at`: when it came in, by our clock; aware.
    """

    method: str
    url: str
    body: bytes
    at: datetime
    rest: str = ""
    query: Mapping[str, str]
    headers: Mapping[str, str]


class Receiver(Protocol):
    """Understands one system's webhooks. Has no state, so that any thread may ask it, and asks nobody.

    Built as `Connector.receiver(settings)`, where `settings.webhook_secret` is given.
    """

    @property
    def path(self) -> str:
        """The name of its address, below all hooks; the system's."""

    def hints(self, delivery: Delivery) -> Sequence[Ref]:
        """The records to look at again, each once. Raises Refusal; nothing else, whatever the body."""


def same(given: str | bytes, expected: str | bytes) -> bool:
    """Whether two secrets are equal, in a time that tells nothing of how far they are."""
    return hmac.compare_digest(_raw(given), _raw(expected))


def parsed(body: bytes) -> Any:
    """The body as JSON. Raises Unreadable."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise Unreadable("the body is not JSON.") from None


def _raw(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
