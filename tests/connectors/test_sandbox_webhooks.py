"""What both sandboxes send by webhook, heard at a real socket: shapes, signatures, retries, and the trouble on request.

What is not here: what syncd understands of it (`test_hubspot_webhooks`, `test_jobnimbus_webhooks`).
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hubspot.utils.signature import Signature

from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import Delivery
from syncd_hubspot.webhooks import Webhooks as HubSpotHooks
from tests.connectors import hubspot_sandbox_desk as hubspot
from tests.connectors import jobnimbus_sandbox_desk as jobnimbus

SECRET = "sandbox-hook-secret"


@dataclass
class Ear:
    """Hears on a port; answers with `statuses`, one after the other, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    wait: float = 0.0

    def bodies(self) -> list[Any]:
        """All bodies so far."""
        return [json.loads(body) for _, _, body in list(self.heard)]

    def events(self) -> list[dict[str, Any]]:
        """All events of all bodies that are lists."""
        return [event for body in self.bodies() for event in body]

    def until(self, done: Callable[[], object], within: float = 10) -> None:
        """Wait until this holds."""
        end = time.monotonic() + within
        while not done():
            assert time.monotonic() < end, self.bodies()
            time.sleep(0.01)


@pytest.fixture
def ear() -> Iterator[Ear]:
    """A place to send to."""
    found = Ear()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            found.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            time.sleep(found.wait)
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=[0.02])
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@contextmanager
def hub(ear: Ear, **settings: Any) -> Iterator[hubspot.Desk]:
    """A HubSpot that tells."""
    hooks = {"webhook_url": f"{ear.url}/hooks/hub?x=%3A", "webhook_secret": SECRET, "webhook_retry_after": 0.05}
    with hubspot.desk(**hooks, **settings) as desk:
        yield desk


def kinds(ear: Ear) -> list[str]:
    """What happened, by the events' types."""
    return [event["subscriptionType"] for event in ear.events()]


def test_hubspot_signs_what_it_sends(ear: Ear) -> None:
    """A body is a list of events whose signatures, v3 and v1, HubSpot's own client and our receiver believe."""
    with hub(ear) as desk:
        one = desk.sim.act("create", "contacts", fields={"email": "a@b.example"}, as_="Dana")["id"]
        ear.until(lambda: ear.heard)
        path, headers, body = ear.heard[0]
        assert path == "/hooks/hub?x=%3A"
        stamp = headers["x-hubspot-request-timestamp"]
        # The official client does no decoding of the address.
        given = {"http_uri": f"{ear.url}/hooks/hub?x=:", "signature_version": "v3", "timestamp": stamp}
        assert Signature.is_valid(headers["x-hubspot-signature-v3"], SECRET, body.decode(), **given)
        assert Signature.is_valid(headers["x-hubspot-signature"], SECRET, body.decode(), signature_version="v1")
        delivery = Delivery(
            method="POST", url=f"{ear.url}{path}", body=body, at=datetime.now(tz=UTC), query={}, headers=headers
        )
        hooks = HubSpotHooks(SystemSettings(system="hub", secret="unused", webhook_secret=SECRET))
        assert [str(ref) for ref in hooks.hints(delivery)] == [f"hub:contacts:{one}"]


def test_hubspot_tells_of_everything_that_happens(ear: Ear) -> None:
    """Creation, each property, deletion, restore, merge, both ends of an association, both events of an erasure."""
    with hub(ear) as desk:
        act = desk.sim.act
        one = act("create", "contacts", fields={"email": "a@b.example", "city": "Peoria"}, as_="Dana")["id"]
        ear.until(lambda: "contact.creation" in kinds(ear) and kinds(ear).count("contact.propertyChange") >= 2)
        (city,) = [event for event in ear.events() if event.get("propertyName") == "city"]
        assert (city["objectId"], city["propertyValue"], city["attemptNumber"]) == (int(one), "Peoria", 0)
        assert city["changeSource"] == "CRM_UI"
        two = act("create", "contacts", fields={"email": "c@d.example"}, as_="Dana")["id"]
        deal = act("create", "deals", fields={"dealname": "Roof", "dealstage": "qualifiedtobuy"}, as_="Dana")["id"]
        act("associate", "deals", id=deal, to_kind="contacts", to_id=one, as_="Dana")
        ear.until(lambda: {"deal.associationChange", "contact.associationChange"} <= set(kinds(ear)))
        act("archive", "contacts", id=two, as_="Dana")
        act("restore", "contacts", id=two, as_="Dana")
        became = act("merge", "contacts", id=one, other=two, as_="Dana")["id"]
        ear.until(lambda: {"contact.deletion", "contact.restore", "contact.merge"} <= set(kinds(ear)))
        (merge,) = [event for event in ear.events() if event["subscriptionType"] == "contact.merge"]
        assert merge["newObjectId"] == int(became)
        assert {merge["primaryObjectId"], *merge["mergedObjectIds"]} == {int(one), int(two)}
        act("gdpr_delete", "contacts", id=became, as_="Dana")
        ear.until(lambda: "contact.privacyDeletion" in kinds(ear) and kinds(ear).count("contact.deletion") == 2)


def test_hubspot_tells_of_our_own_writes_too(ear: Ear) -> None:
    """A write by API comes back as an event of an integration; generic subscriptions tell the type by number."""
    with hub(ear, webhook_generic=True) as desk:
        one = desk.contact(email="a@b.example")
        ear.until(lambda: "object.creation" in kinds(ear))
        (event,) = [event for event in ear.events() if event["subscriptionType"] == "object.creation"]
        assert (event["objectId"], event["objectTypeId"], event["changeSource"]) == (int(one), "0-1", "INTEGRATION")


def test_hubspot_tries_again(ear: Ear) -> None:
    """What is not answered with 2xx within the time comes again with its attempt's number, up to the most retries."""
    with hub(ear, webhook_retries=2) as desk:
        one = desk.contact(email="a@b.example")
        ear.until(lambda: len(ear.events()) == 2 and desk.sim.webhooks()["waiting"] == 0)

        def edit(city: str) -> None:
            ear.heard.clear()
            desk.sim.act("update", "contacts", id=one, fields={"city": city}, as_="Dana")

        ear.statuses = [500, 401]
        edit("Peoria")
        ear.until(lambda: len(ear.heard) == 3 and desk.sim.webhooks()["waiting"] == 0)
        assert [body[0]["attemptNumber"] for body in ear.bodies()] == [0, 1, 2]
        assert desk.sim.webhooks()["given up"] == 0
        ear.statuses = [503] * 9
        edit("Springfield")
        ear.until(lambda: desk.sim.webhooks()["given up"] == 1)
        assert len(ear.heard) == 3
        desk.sim.settings(webhook_timeout=0.3)
        ear.statuses, ear.wait = [], 0.5
        edit("Chicago")
        ear.until(lambda: desk.sim.webhooks()["given up"] == 2)


def test_hubspot_sends_a_hundred_at_most(ear: Ear) -> None:
    """Many changes at once come in bodies of up to a hundred events, each of them once."""
    with hub(ear) as desk:
        desk.batch("contacts", "create", [{"properties": {"email": f"a{n}@b.example"}} for n in range(100)])
        ear.until(lambda: kinds(ear).count("contact.creation") == 100)
        assert 10 < max(len(body) for body in ear.bodies()) <= 100
        assert len({event["objectId"] for event in ear.events()}) == 100


@pytest.mark.parametrize(
    ("switch", "least", "most"),
    [
        ({"webhook_duplicate": 1.0}, 2, 2),
        ({"webhook_drop": 1.0}, 0, 0),
        ({"webhook_paused": True}, 0, 0),
        ({"webhook_delay": 0.4, "webhook_reorder": True}, 1, 1),
        ({"webhook_slow": 0.05}, 1, 1),
    ],
)
def test_webhooks_go_wrong_on_request(ear: Ear, switch: dict[str, Any], least: int, most: int) -> None:
    """Doubled, dropped, paused, late, out of order, slow: as the switches say, at both vendors alike."""
    count = 6
    hooks = {"webhook_url": f"{ear.url}/hooks/jn", "webhook_secret": SECRET}
    with jobnimbus.desk(**hooks, **switch) as desk:
        ids = [desk.contact(f"Ann {n}") for n in range(count)]
        ear.until(lambda: len(ear.heard) >= least * count and desk.sim.webhooks()["waiting"] == 0)
    told = [body["jnid"] for body in ear.bodies()]
    assert sorted(told) == sorted(ids * most)
    if "webhook_reorder" in switch:
        assert told != ids


def test_jobnimbus_posts_the_record_as_it_is(ear: Ear) -> None:
    """One flat object like the answer of a GET, no event's name, no signature; the secret in the address."""
    with jobnimbus.desk(webhook_url=f"{ear.url}/hooks/jn", webhook_secret=SECRET) as desk:
        one = desk.contact("Ann Lee", email="ann@x.example")
        ear.until(lambda: ear.heard)
        path, headers, body = ear.heard[0]
        assert path == f"/hooks/jn/{SECRET}"
        assert json.loads(body) == desk.get("contacts", one)
        assert "event" not in json.loads(body)
        assert "x-jobnimbus-signature" not in headers
        desk.sim.settings(webhook_place="query", webhook_signature="bogus")
        desk.sim.act("update", "contacts", id=one, fields={"email": "other@x.example"}, as_="sam.okafor@example.com")
        ear.until(lambda: len(ear.heard) == 2)
        path, headers, body = ear.heard[1]
        assert (path, headers["x-jobnimbus-signature"]) == (f"/hooks/jn?secret={SECRET}", "not-a-signature")
        assert json.loads(body)["email"] == "other@x.example"


def test_jobnimbus_never_tries_again(ear: Ear) -> None:
    """What was refused is lost: nobody knows of any retry."""
    with jobnimbus.desk(webhook_url=f"{ear.url}/hooks/jn", webhook_secret=SECRET) as desk:
        ear.statuses = [500]
        desk.contact("Ann Lee")
        ear.until(lambda: desk.sim.webhooks()["given up"] == 1)
        assert len(ear.heard) == 1


def test_jobnimbus_automations_can_be_skipped(ear: Ear) -> None:
    """A write with skip=automation is told to nobody, and neither is what no automation was set up for."""
    hooks = {"webhook_url": f"{ear.url}/hooks/jn", "webhook_secret": SECRET, "webhook_on": ["Modified"]}
    with jobnimbus.desk(**hooks) as desk:
        one = desk.contact("Ann Lee")
        desk.put("contacts", one, {"skip": "automation"}, email="a@x.example")
        desk.put("contacts", one, email="b@x.example")
        ear.until(lambda: ear.heard)
        ear.until(lambda: desk.sim.webhooks()["waiting"] == 0)
        assert [body["email"] for body in ear.bodies()] == ["b@x.example"]
