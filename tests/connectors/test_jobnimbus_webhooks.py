"""JobNimbus's webhooks: who knows the secret, and which record a body holds. Not here: what becomes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import Delivery, Unproven, Unreadable
from syncd_jobnimbus.webhooks import Webhooks

SECRET = "a-long-secret-0123"
RECORD: dict[str, Any] = {
    "jnid": "lq9k2x3c4v5b6n7m", "type": "job", "record_type_name": "Roofing", "status_name": "Lead", "name": "Roof 12",
    "is_active": True, "primary": {"id": "other0000000001", "type": "contact"}, "Roof Type": "Shingle", "recid": 7,
}  # fmt: skip
GOOD = Delivery(
    method="POST", url="", body=json.dumps(RECORD).encode(), at=datetime.now(tz=UTC), rest=SECRET, query={}, headers={}
)


def hooks(**options: Any) -> Webhooks:
    """A receiver with these settings."""
    return Webhooks(SystemSettings(system="jn", secret="unused", webhook_secret=SECRET, options=options))


def named(body: Any) -> list[str]:
    """What a body names."""
    return [str(ref) for ref in hooks().hints(replace(GOOD, body=json.dumps(body).encode()))]


def test_the_secret_stands_in_the_address() -> None:
    """As the last part of the path, or as `?secret=`: either lets the record in."""
    assert [str(ref) for ref in hooks().hints(GOOD)] == ["jn:jobs:lq9k2x3c4v5b6n7m"]
    assert hooks().hints(replace(GOOD, rest="", query={"secret": SECRET}))


@pytest.mark.parametrize(
    "spoilt",
    [
        replace(GOOD, rest=""),
        replace(GOOD, rest="", query={"secret": ""}),
        replace(GOOD, rest=SECRET[:-1]),
        replace(GOOD, rest=f"{SECRET}/more"),
        replace(GOOD, rest="", query={"Secret": SECRET}),
        replace(GOOD, rest="ünknown\udcff"),
        replace(GOOD, rest="", headers={"x-jobnimbus-signature": SECRET}),
    ],
)
def test_who_does_not_know_it_is_not_heard(spoilt: Delivery) -> None:
    """No secret, a part of it, more than it, or in another place proves nothing."""
    with pytest.raises(Unproven):
        hooks().hints(spoilt)


def test_without_a_secret_nobody_is_heard() -> None:
    """An empty secret is no secret."""
    with pytest.raises(Unproven):
        Webhooks(SystemSettings(system="jn", secret="unused")).hints(replace(GOOD, rest=""))


def test_a_signature_is_looked_at_where_the_setting_names_one() -> None:
    """Hex, base64 and `sha256=` before either are borne; another body's, none, and a bare secret are not."""
    receiver = hooks(webhook_signature="X-JobNimbus-Signature")
    digest = hmac.new(SECRET.encode(), GOOD.body, hashlib.sha256).digest()
    for given in (digest.hex(), digest.hex().upper(), base64.b64encode(digest).decode(), f"sha256={digest.hex()}"):
        assert receiver.hints(replace(GOOD, headers={"x-jobnimbus-signature": given}))
    other = hmac.new(SECRET.encode(), b"{}", hashlib.sha256).hexdigest()
    for headers in ({}, {"x-jobnimbus-signature": other}, {"x-jobnimbus-signature": SECRET}):
        with pytest.raises(Unproven):
            receiver.hints(replace(GOOD, headers=headers))
    assert hooks().hints(replace(GOOD, headers={"x-jobnimbus-signature": "bogus"})), "a bogus one is nothing to us"


@pytest.mark.parametrize(
    "body",
    [
        RECORD,
        {"event": "job.updated", "data": RECORD},
        {"event": "Job Modified", "data": {"record": RECORD}},
        {"job": {"jnid": RECORD["jnid"]}, "previous_status_name": "Lead"},
        {"event": "job_updated", "object": {"id": RECORD["jnid"]}},
        {"jnid": RECORD["jnid"], "type": "Job"},
    ],
)
def test_every_shape_that_somebody_told_of_is_borne(body: Any) -> None:
    """Flat, as seen; within `data`, `record`, `object`, or the record's own word, with the event's name or without."""
    assert named(body) == ["jn:jobs:lq9k2x3c4v5b6n7m"]


@pytest.mark.parametrize(
    "body",
    [
        {}, {**RECORD, "type": "task"}, {**RECORD, "type": None}, {**RECORD, "jnid": None}, {**RECORD, "jnid": 7},
        {**RECORD, "jnid": "../account/users"}, {**RECORD, "jnid": "x" * 65}, {**RECORD, "jnid": ""},
        {"data": [RECORD]}, {"event": {}, "data": {"record": {"object": {"data": RECORD}}}},
    ],
)  # fmt: skip
def test_what_names_no_record_of_ours_is_passed_over(body: Any) -> None:
    """Other kinds and ids that are none leave no hint, and the sender is not told to send it again."""
    assert named(body) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"jnid=1", b"\xff", b'{"a":' * 3000])
def test_a_body_that_is_no_record_is_refused(body: bytes) -> None:
    """What is no JSON object is answered as a mistake of the sender."""
    with pytest.raises(Unreadable):
        hooks().hints(replace(GOOD, body=body))
