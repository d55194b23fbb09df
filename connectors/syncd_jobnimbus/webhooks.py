"""JobNimbus's webhooks: does the sender know our secret, and which record does the body hold.

What was seen is a POST of the record as one flat object, unsigned and without the event's name. Other shapes are told
of by some and borne here; nobody knows about retries and order. What is not here: any value of the record.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any

from syncd.core.model import Ref
from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import Delivery, Unproven, Unreadable, parsed, same

_KINDS = {"contact": "contacts", "job": "jobs"}
_INSIDE = ("data", "record", "object", *_KINDS)
"""Keys under which the record may stand instead of at the top."""

_DEEPEST = 3
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Webhooks:
    """Understands what one account's automations send. The secret stands in the address, or in `?secret=`."""

    def __init__(self, settings: SystemSettings) -> None:
        """Take the system's name, the secret, and the header to check if one is set."""
        self.path = settings.system
        self._secret = settings.webhook_secret or ""
        self._header = str(settings.options.get("webhook_signature") or "").lower()

    def hints(self, delivery: Delivery) -> Sequence[Ref]:
        """The record; none if it is of a kind that syncd does not speak. Raises Unproven and Unreadable."""
        self._prove(delivery)
        body = parsed(delivery.body)
        if not isinstance(body, dict):
            raise Unreadable("the body is not a record.")
        found = _record(body)
        return [Ref(self.path, *found)] if found is not None else []

    def _prove(self, delivery: Delivery) -> None:
        # Both are compared, always: which one was given is nobody's to measure.
        knows = same(delivery.rest, self._secret) | same(delivery.query.get("secret", ""), self._secret)
        if not self._secret or not knows:
            raise Unproven("the secret in the address does not fit.")
        if self._header and not self._signed(delivery):
            raise Unproven(f"the header {self._header} does not fit the body.")

    def _signed(self, delivery: Delivery) -> bool:
        """HMAC-SHA256 of the body; who tells of one disagrees on hex and base64, and on `sha256=` before it."""
        digest = hmac.new(self._secret.encode(), delivery.body, hashlib.sha256).digest()
        given = delivery.headers.get(self._header, "").removeprefix("sha256=")
        return same(given.lower(), digest.hex()) | same(given, base64.b64encode(digest).decode())


def _record(body: Mapping[str, Any]) -> tuple[str, str] | None:
    """Kind and id of the record that a body holds."""
    event = body.get("event")
    word = event if isinstance(event, str) else ""
    inner: Any = body
    for _ in range(_DEEPEST):
        kind, id_ = _kind(inner, word), inner.get("jnid") or inner.get("id")
        if kind is not None and isinstance(id_, str) and _ID.fullmatch(id_):
            return kind, id_
        key = next((key for key in _INSIDE if isinstance(inner.get(key), dict)), None)
        if key is None:
            return None
        word = key if key in _KINDS else word
        inner = inner[key]
    return None


def _kind(record: Mapping[str, Any], word: str) -> str | None:
    """By the record's `type`; where it has none, by the first word of what it stands under: `job`, `Job Modified`."""
    told = record.get("type")
    if isinstance(told, str):
        return _KINDS.get(told.lower())
    first = re.split(r"[^a-z]", word.lower(), maxsplit=1)[0]
    return _KINDS.get(first)
