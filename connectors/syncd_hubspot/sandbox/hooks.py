"""What HubSpot tells by webhook: an event for each change, up to a hundred in a signed body.

What is not here: when it is sent (`kit.sender`). What a subscription would leave out is sent too: each app has its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import orjson

from syncd.kit.sender import Post
from syncd_hubspot.sandbox.records import Change, Row, Who
from syncd_hubspot.sandbox.standard import KINDS, Kind

BATCH = 100
PORTAL_ID, APP_ID = 247279312, 51879189

_DECODED = ("%3A", "%2F", "%3F", "%40", "%21", "%24", "%27", "%28", "%29", "%2A", "%2C", "%3B")
_FLAGS = {"creation": "CREATED", "deletion": "DELETED"}
_WORDS = {"create": "creation", "archive": "deletion", "restore": "restore", "merge": "merge"}


class Hooks:
    """Makes events of changes and hands them to `tell`. `settings` are the sandbox's switches, read at each use."""

    def __init__(self, now: Callable[[], int], settings: Mapping[str, Any]) -> None:
        """Take the clock (epoch ms) and the switches; nobody is told yet."""
        self._now, self._settings = now, settings
        self.tell: Callable[[Any], None] = lambda _event: None
        self._count = 0

    def changed(self, kind: Kind, row: Row, change: Change) -> None:
        """A record was changed: an event for the deed, and one for each property."""
        if change.verb in _WORDS:
            self._event(kind, _WORDS[change.verb], row.id, change.who, **_merged(row, change))
        if change.verb in ("create", "update"):
            for name, (_, value) in change.fields.items():
                more = {"propertyName": name, "propertyValue": value or "", "isSensitive": False}
                self._event(kind, "propertyChange", row.id, change.who, **more)

    def forgotten(self, kind: Kind, row: Row, who: Who) -> None:
        """A person was erased for good: two events, in whatever order."""
        self._event(kind, "privacyDeletion", row.id, who)
        self._event(kind, "deletion", row.id, who)

    def tied(self, source: tuple[str, int], target: tuple[str, int], *, removed: bool) -> None:
        """Two records were tied or parted: an event from each end."""
        for (kind, one), (other_kind, other) in ((source, target), (target, source)):
            left, right = KINDS[kind], KINDS[other_kind]
            self._event(
                left, "associationChange", None, None,
                associationType=f"{left.singular}_TO_{right.singular}".upper(), fromObjectId=one, toObjectId=other,
                fromObjectTypeId=left.type_id, toObjectTypeId=right.type_id, associationRemoved=removed,
                isPrimaryAssociation=False,
            )  # fmt: skip

    def dress(self, events: Sequence[Any], attempt: int) -> Post:
        """The request that HubSpot would send, signed in versions 3 and 1."""
        url, secret = str(self._settings["webhook_url"]), str(self._settings["webhook_secret"]).encode()
        body = orjson.dumps([{**event, "attemptNumber": attempt} for event in events])
        stamp = str(int(time.time() * 1000))
        signed = url
        for code in _DECODED:
            signed = signed.replace(code, unquote(code))
        digest = hmac.new(secret, b"POST" + signed.encode() + body + stamp.encode(), hashlib.sha256).digest()
        return Post(
            url,
            {
                "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
                "x-hubspot-request-timestamp": stamp,
                "x-hubspot-signature": hashlib.sha256(secret + body).hexdigest(),
                "x-hubspot-signature-version": "v1",
            },
            body,
        )

    def _event(self, kind: Kind, what: str, id: int | None, who: Who | None, **more: Any) -> None:
        generic = bool(self._settings["webhook_generic"])
        if kind.engagement and not generic:
            return  # only subscriptions to object.* know engagements
        self._count += 1
        ours = who is not None and who.via == "api"
        event: dict[str, Any] = {
            "eventId": self._count // 2,  # not unique at HubSpot either
            "subscriptionId": 7662269,
            "portalId": PORTAL_ID,
            "appId": APP_ID,
            "occurredAt": self._now(),
            "subscriptionType": f"{'object' if generic else kind.singular}.{what}",
            "changeSource": "INTEGRATION" if ours else "CRM_UI",
            "sourceId": str(APP_ID) if ours else "userId:98499705",
        }
        event |= {"objectId": id} if id is not None else {}
        event |= {"objectTypeId": kind.type_id} if generic else {}
        event |= {"changeFlag": _FLAGS[what]} if what in _FLAGS else {}
        self.tell(event | more)


def _merged(row: Row, change: Change) -> dict[str, Any]:
    if change.verb != "merge":
        return {}
    first, *others = row.merged
    return {
        "primaryObjectId": first, "mergedObjectIds": others, "newObjectId": row.id,
        "numberOfPropertiesMoved": len(change.fields),
    }  # fmt: skip
