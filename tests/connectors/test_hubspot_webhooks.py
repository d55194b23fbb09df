"""HubSpot's webhooks: whose signature is believed, and which records an event names. Not here: what becomes of them."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncd.core.model import Ref
from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import Delivery, Unproven, Unreadable
from syncd_hubspot.webhooks import SIGNATURE, TIMESTAMP, Webhooks, signature

SECRET = "test-secret-000"
STAMP = "1700000000000"
SIGNED = datetime.fromtimestamp(1_700_000_000, tz=UTC)
BODY = b'[{"eventId":1,"subscriptionType":"contact.propertyChange","objectId":123}]'
VECTOR = Delivery(
    method="POST", url="https://sync.example.com/hooks/hubspot", body=BODY, at=SIGNED, query={},
    headers={SIGNATURE: "YipId0WnWTvFoRZWwnNmo6HTY/N/U0O6rLxlRYJbrX4=", TIMESTAMP: STAMP},
)  # fmt: skip
"""A request with its signature as HubSpot's own client computes it."""

HOOKS = Webhooks(SystemSettings(system="hub", secret="unused", webhook_secret=SECRET))


def signed(delivery: Delivery, stamp: str = STAMP) -> Delivery:
    """The same with the signature that fits it."""
    right = signature(SECRET.encode(), delivery, stamp)
    return replace(delivery, headers={SIGNATURE: right, TIMESTAMP: stamp})


def named(*events: Any) -> list[str]:
    """What these events name."""
    return [str(ref) for ref in HOOKS.hints(signed(replace(VECTOR, body=json.dumps(list(events)).encode())))]


def event(what: str, **more: Any) -> dict[str, Any]:
    """An event about record 7, with all that HubSpot says of one."""
    return {
        "eventId": 1765889350, "subscriptionId": 7662269, "portalId": 247279312, "appId": 51879189,
        "occurredAt": 1788597072520, "subscriptionType": what, "attemptNumber": 0, "objectId": 7,
        "propertyName": "email", "propertyValue": "a@b.co", "changeSource": "CRM_UI", "isSensitive": False, **more,
    }  # fmt: skip


def test_the_known_vector_is_believed() -> None:
    """The signature that HubSpot's own client computes for this request fits."""
    assert HOOKS.hints(VECTOR) == [Ref("hub", "contacts", "123")]


@pytest.mark.parametrize(
    "spoilt",
    [
        replace(VECTOR, body=BODY.replace(b"123", b"124")),
        replace(VECTOR, method="PUT"),
        replace(VECTOR, url="https://sync.example.com/hooks/hubspot?a=1"),
        replace(VECTOR, url="http://127.0.0.1:8484/hooks/hubspot"),
        replace(VECTOR, headers={**VECTOR.headers, TIMESTAMP: "1700000000001"}),
        replace(VECTOR, headers={**VECTOR.headers, TIMESTAMP: "1.7e12"}),
        replace(VECTOR, headers={**VECTOR.headers, TIMESTAMP: ""}),
        replace(VECTOR, headers={TIMESTAMP: STAMP}),
        replace(VECTOR, headers={**VECTOR.headers, SIGNATURE: ""}),
        replace(VECTOR, headers={**VECTOR.headers, SIGNATURE: "é\udcff"}),
        replace(VECTOR, headers={"x-hubspot-signature": VECTOR.headers[SIGNATURE], TIMESTAMP: STAMP}),
    ],
)
def test_anything_else_is_not_believed(spoilt: Delivery) -> None:
    """Another body, method, address, time or header than was signed proves nothing."""
    with pytest.raises(Unproven):
        HOOKS.hints(spoilt)


def test_another_secret_does_not_fit() -> None:
    """Neither another app's secret nor none at all lets anything in."""
    for secret in ("test-secret-001", "", None):
        with pytest.raises(Unproven):
            Webhooks(SystemSettings(system="hub", secret="unused", webhook_secret=secret)).hints(VECTOR)


@pytest.mark.parametrize(("seconds", "believed"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_signature_holds_for_five_minutes(seconds: int, believed: bool) -> None:
    """Older than five minutes it is not believed, and neither if it is as far in the future."""
    late = replace(VECTOR, at=SIGNED + timedelta(seconds=seconds))
    if believed:
        assert HOOKS.hints(late)
    else:
        with pytest.raises(Unproven, match="clock"):
            HOOKS.hints(late)


def test_the_address_is_decoded_as_hubspot_does() -> None:
    """Exactly twelve codes are decoded before signing; %20, %25 and small letters stay as they are."""
    coded = "%3A%2F%3F%40%21%24%27%28%29%2A%2C%3B"
    plain = replace(VECTOR, url="https://x.example/hooks/hub?a=:/?@!$'()*,;")
    assert signature(b"s", replace(VECTOR, url=f"https://x.example/hooks/hub?a={coded}"), STAMP) == signature(
        b"s", plain, STAMP
    )
    others = {
        signature(b"s", replace(VECTOR, url=f"https://x.example/hooks/hub?a={text}"), STAMP)
        for text in ("%20", " ", "%25", "%", "%3a", ":", "%2B", "+", "%3D", "=", "%253A", "%3A")
    }
    assert len(others) == 11, "only %3A and : are the same"


@pytest.mark.parametrize(
    "what",
    ["creation", "deletion", "propertyChange", "merge", "restore", "privacyDeletion"],
)
@pytest.mark.parametrize(("subject", "kind"), [("contact", "contacts"), ("deal", "deals"), ("line_item", "line_items")])
def test_each_kind_of_event_names_its_record(subject: str, kind: str, what: str) -> None:
    """Whatever happened to a record, its event says where to look."""
    assert named(event(f"{subject}.{what}")) == [f"hub:{kind}:7"]


def test_generic_events_tell_their_type() -> None:
    """`object.*` names the type by number; a custom one, or none, is not ours."""
    assert named(event("object.propertyChange", objectTypeId="0-1")) == ["hub:contacts:7"]
    assert named(event("object.creation", objectTypeId="0-3")) == ["hub:deals:7"]
    assert named(event("object.deletion", objectTypeId="2-1234"), event("object.deletion")) == []


def test_a_merge_names_all_that_it_touched() -> None:
    """What was merged, what it was merged into, and what came of it."""
    merged = event("contact.merge", objectId=3, primaryObjectId=1, mergedObjectIds=[2, 3], newObjectId=9)
    assert named(merged) == ["hub:contacts:3", "hub:contacts:1", "hub:contacts:9", "hub:contacts:2"]


def test_an_association_names_both_ends() -> None:
    """By its type, with or without a label behind it; by type numbers in a generic one."""
    ends = {"fromObjectId": 1, "toObjectId": 2, "associationRemoved": False, "isPrimaryAssociation": True}
    contact = event("contact.associationChange", associationType="CONTACT_TO_DEAL", **ends)
    assert named(contact) == ["hub:contacts:1", "hub:deals:2"]
    deal = event("deal.associationChange", associationType="DEAL_TO_CONTACT_PRIMARY", **ends)
    assert named(deal) == ["hub:deals:1", "hub:contacts:2"]
    line = event("deal.associationChange", associationType="DEAL_TO_LINE_ITEM", **ends)
    assert named(line) == ["hub:deals:1", "hub:line_items:2"]
    generic = event("object.associationChange", fromObjectTypeId="0-3", toObjectTypeId="0-1", **ends)
    assert named(generic) == ["hub:deals:1", "hub:contacts:2"]
    assert named(event("deal.associationChange", **ends)) == ["hub:deals:1"]


def test_doubled_events_name_a_record_once() -> None:
    """Many changes of one record, the same event twice, another attempt: one look is enough."""
    assert named(*[event("contact.propertyChange", attemptNumber=n) for n in range(3)]) == ["hub:contacts:7"]


@pytest.mark.parametrize(
    "odd",
    [
        event("contact.somethingNew"), event("conversation.creation"), event("contact"), event(""), event("object."),
        {}, {"subscriptionType": None, "objectId": 7}, {"subscriptionType": ["contact.creation"], "objectId": 7},
        event("contact.creation", objectId="7"), event("contact.creation", objectId=True),
        event("contact.creation", objectId=-1), event("contact.creation", objectId=1.5),
        event("contact.creation", objectId=None), event("contact.creation", objectId=2**63),
    ],
)  # fmt: skip
def test_what_is_not_understood_is_passed_over(odd: dict[str, Any]) -> None:
    """An event of an unknown kind or without a number for an id names nothing; the others beside it still do."""
    assert named(odd, event("deal.creation")) == ["hub:deals:7"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[1]", b"[[]]", b"\xff", b"[" * 3000 + b"]" * 3000])
def test_a_body_of_another_shape_is_refused(body: bytes) -> None:
    """What is no list of events is answered as a mistake of the sender."""
    with pytest.raises(Unreadable):
        HOOKS.hints(signed(replace(VECTOR, body=body)))


def test_more_than_a_hundred_events_are_refused() -> None:
    """HubSpot sends a hundred at most."""
    assert len(named(*[event("contact.creation", objectId=n + 1) for n in range(100)])) == 100
    with pytest.raises(Unreadable, match="100"):
        named(*[event("contact.creation")] * 101)
