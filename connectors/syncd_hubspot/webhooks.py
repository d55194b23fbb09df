"""HubSpot's webhooks: is the signature (v3) HubSpot's, and which records do the events speak of.

What is not here: what stands in a property. The same event may come twice, late and out of order, and its id is not
unique, so an event only says "look at this record".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from syncd.core.model import Ref
from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import Delivery, Unproven, Unreadable, parsed, same

SIGNATURE, TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
MOST_EVENTS = 100
OLDEST = timedelta(minutes=5)
"""How far from now, before or after, a request may say that it was signed."""

_DECODED = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
_CODED = re.compile("|".join(_DECODED))
"""What HubSpot decodes in the address before it signs it, and nothing else."""

_KINDS = {
    "contact": "contacts", "company": "companies", "deal": "deals", "ticket": "tickets", "product": "products",
    "line_item": "line_items",
}  # fmt: skip
_TYPES = {
    "0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-7": "products", "0-8": "line_items",
}  # fmt: skip
_WHAT = frozenset({
    "creation", "deletion", "propertyChange", "associationChange", "merge", "restore", "privacyDeletion",
})  # fmt: skip
_LARGEST = 2**63


class Webhooks:
    """Understands what one HubSpot app sends to one system's address. The secret is the app's client secret."""

    def __init__(self, settings: SystemSettings) -> None:
        """Take the system's name and the secret."""
        self.path = settings.system
        self._secret = (settings.webhook_secret or "").encode()

    def hints(self, delivery: Delivery) -> Sequence[Ref]:
        """The records of all events. Raises Unproven for a signature that is not HubSpot's, Unreadable else."""
        self._prove(delivery)
        events = parsed(delivery.body)
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise Unreadable("the body is not a list of events.")
        if len(events) > MOST_EVENTS:
            raise Unreadable(f"the body holds more than {MOST_EVENTS} events.")
        return [Ref(self.path, kind, id_) for kind, id_ in dict.fromkeys(one for e in events for one in _named(e))]

    def _prove(self, delivery: Delivery) -> None:
        given, stamp = delivery.headers.get(SIGNATURE), delivery.headers.get(TIMESTAMP, "")
        if not given:
            raise Unproven("there is no signature (v3).")
        if not re.fullmatch(r"[0-9]{1,15}", stamp):
            raise Unproven("there is no time of signing.")
        if abs(delivery.at.timestamp() - int(stamp) / 1000) > OLDEST.total_seconds():
            raise Unproven("it was signed more than five minutes from now; look at this machine's clock.")
        if not self._secret or not same(given, signature(self._secret, delivery, stamp)):
            raise Unproven("the signature does not fit; look at the app's client secret and at [web] public_url.")


def signature(secret: bytes, delivery: Delivery, stamp: str) -> str:
    """What HubSpot writes into its signature header, version 3."""
    url = _CODED.sub(lambda found: _DECODED[found[0]], delivery.url)
    text = (delivery.method + url).encode("utf-8", "surrogatepass") + delivery.body + stamp.encode()
    return base64.b64encode(hmac.new(secret, text, hashlib.sha256).digest()).decode()


def _named(event: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Kind and id of each record that an event names; none for an event of another make."""
    subject, _, what = _text(event, "subscriptionType").partition(".")
    if what not in _WHAT:
        return
    kind = _kind(event, "objectTypeId") if subject == "object" else _KINDS.get(subject)
    if what == "associationChange":
        yield from _ends(event, kind)
        return
    ids = [event.get("objectId")]
    if what == "merge":
        merged = event.get("mergedObjectIds")
        ids += [event.get("primaryObjectId"), event.get("newObjectId"), *(merged if isinstance(merged, list) else ())]
    for id_ in ids:
        if kind is not None and _is_id(id_):
            yield kind, str(id_)


def _ends(event: Mapping[str, Any], kind: str | None) -> Iterator[tuple[str, str]]:
    """Both ends of an association; `associationType` is CONTACT_TO_DEAL and the like."""
    left, _, right = _text(event, "associationType").lower().partition("_to_")
    # Behind the second word a label may stand: CONTACT_TO_COMPANY_UNLABELED.
    across = next((found for word, found in _KINDS.items() if right == word or right.startswith(f"{word}_")), None)
    ends = (
        ("fromObjectId", _kind(event, "fromObjectTypeId") or _KINDS.get(left) or kind),
        ("toObjectId", _kind(event, "toObjectTypeId") or across),
    )
    for name, found in ends:
        if found is not None and _is_id(event.get(name)):
            yield found, str(event[name])


def _kind(event: Mapping[str, Any], key: str) -> str | None:
    return _TYPES.get(_text(event, key))


def _text(event: Mapping[str, Any], key: str) -> str:
    found = event.get(key)
    return found if isinstance(found, str) else ""


def _is_id(value: object) -> bool:
    """Ids are numbers here, although they are texts everywhere else in HubSpot's API."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < _LARGEST
