"""What a JobNimbus automation posts: the record as one flat object, without the event's name, unsigned.

What is not here: when it is sent (`kit.sender`), and which changes set it off (`server`, `api`).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from syncd.kit.sender import Post

HEADER = "x-jobnimbus-signature"


@dataclass(frozen=True, slots=True)
class Dress:
    """Makes the request. `settings` are the sandbox's switches, read at each use."""

    settings: Mapping[str, Any]

    def __call__(self, events: Sequence[Any], _attempt: int) -> Post:
        """One record, one request; the secret stands in the address."""
        secret = str(self.settings["webhook_secret"])
        before = "?secret=" if self.settings["webhook_place"] == "query" else "/"
        body = orjson.dumps(events[0])
        url = f"{self.settings['webhook_url']}{before}{quote(secret, safe='')}"
        return Post(url, self._signature(secret, body), body)

    def _signature(self, secret: str, body: bytes) -> dict[str, str]:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        known = {"bogus": "not-a-signature", "hex": digest.hex(), "base64": base64.b64encode(digest).decode()}
        way = str(self.settings["webhook_signature"])
        return {HEADER: known[way]} if way in known else {}
