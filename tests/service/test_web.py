"""The address that vendors call, over real sockets: what is let in is stored before it is answered.

What is not here: what a hint leads to (`tests/engine/test_hints.py`), and whole daemons (`tests/e2e/test_webhooks.py`).
"""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

import tests.engine.town
from syncd.core.model import Ref
from syncd.errors import Bug, ConfigError, Transient
from syncd.kit.connector import SystemSettings
from syncd.kit.webhook import BODY_LIMIT
from syncd.service import web
from syncd.service.daemon import Daemon
from syncd.service.web import Web
from syncd.store.marks import DUE
from syncd_hubspot.webhooks import Webhooks as HubSpotHooks
from syncd_jobnimbus.webhooks import Webhooks as JobNimbusHooks
from tests.engine.town import DATABASES, Town, build
from tests.service.conftest import SECRET

RECORD = {"jnid": "c1", "type": "contact", "first_name": "Ann"}


class Heard(list[Ref]):
    """Keeps hints in memory."""

    def __call__(self, refs: Sequence[Ref]) -> None:
        self.extend(refs)


def site(keep: Callable[[Sequence[Ref]], None], **more: Any) -> Web:
    """A site on a free port, for one system of each vendor."""
    con = SystemSettings(system="con", secret="unused", webhook_secret=SECRET)
    crm = SystemSettings(system="crm", secret="unused", webhook_secret="test-secret-000")
    made = Web("127.0.0.1:0", "https://sync.example.com", [JobNimbusHooks(con), HubSpotHooks(crm)], keep, **more)
    made.open()
    return made


def post(made: Web, path: str = f"/hooks/con/{SECRET}", body: Any = RECORD, **more: Any) -> httpx.Response:
    """What a vendor does."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(f"{made.url}{path}", content=content, trust_env=False, timeout=30, **more)


def told(stream: io.StringIO, event: str) -> list[dict[str, Any]]:
    """The lines of this event."""
    return [line for line in map(json.loads, stream.getvalue().splitlines()) if line["event"] == event]


@pytest.fixture(params=DATABASES)
def town(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A world on each database."""
    monkeypatch.setattr(tests.engine.town, "DATABASE", [request.param])
    with closing(build()) as made:
        yield made


class Woken:
    """A carrier that notes who was woken."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def run(self, stop: threading.Event) -> None:
        """Do nothing."""

    def wake(self, *names: str) -> None:
        """Note it."""
        self.names += names


def test_a_hint_is_stored_before_it_is_answered(town: Town) -> None:
    """With 200 in hand the mark is in the database, to be read by id, and the pair was woken, within a second."""
    daemon, woken = Daemon(town.world), Woken()
    daemon._carrier = woken
    with closing(site(daemon.hinted)) as made:
        first = _took(made)
        with town.store.read() as tx:
            (mark,) = tx.marks.resting(DUE)
        assert (mark.map, str(mark.side), mark.id, mark.reread) == ("pair/contacts", "right", "c1", True)
        assert woken.names == ["pair pair"]
        assert min(first, *(_took(made) for _ in range(3))) < 1  # the machine may be busy for a moment
        with town.store.read() as tx:
            assert [one.generation for one in tx.marks.resting(DUE)] == [4]


def _took(made: Web) -> float:
    """Seconds until the hint was taken."""
    began = time.monotonic()
    assert post(made).status_code == 200
    return time.monotonic() - began


def test_what_names_nothing_of_ours_is_answered_all_the_same(town: Town) -> None:
    """A kind that no map reads leaves no mark, and the vendor is not asked to send it again."""
    daemon, woken = Daemon(town.world), Woken()
    daemon._carrier = woken
    with closing(site(daemon.hinted)) as made:
        assert post(made, body={**RECORD, "type": "task"}).status_code == 200
        with town.store.read() as tx:
            assert tx.marks.resting(DUE) == []
        assert woken.names == []


def test_a_store_that_is_locked_is_told_to_the_vendor(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another writer holds the store the answer is 503, soon; then the next attempt gets through."""
    monkeypatch.setattr(web, "KEPT_WITHIN", 0.3)
    daemon = Daemon(town.world)
    other = town.another().store
    with closing(site(daemon.hinted)) as made:
        with other.begin():
            began = time.monotonic()
            answer = post(made)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert time.monotonic() - began < 3
        monkeypatch.setattr(web, "KEPT_WITHIN", 20)
        assert post(made).status_code == 200


@pytest.mark.parametrize(("error", "status"), [(Transient("the store does not answer"), 503), (Bug("ours"), 500)])
def test_what_is_not_stored_is_not_answered_with_200(stream: io.StringIO, error: Exception, status: int) -> None:
    """The vendor is asked to send it again, whatever the reason, and is told nothing of it."""

    def keep(_refs: Sequence[Ref]) -> None:
        raise error

    with closing(site(keep)) as made:
        answer = post(made)
        assert answer.status_code == status
        assert str(error) not in answer.text
    assert len(told(stream, "webhook not kept" if status == 503 else "webhook failed")) == 1


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/hooks/con/wrong", RECORD, 401),
        ("/hooks/con", RECORD, 401),
        (f"/hooks/con?secret={SECRET}", RECORD, 200),
        (f"/hooks/con/{SECRET}", b"[]", 400),
        (f"/hooks/con/{SECRET}", b"\xff" * 9, 400),
        (f"/hooks/con/{SECRET}", b"x" * (BODY_LIMIT + 1), 413),
        ("/hooks/con/wrong", b"x" * (BODY_LIMIT + 1), 413),
        (f"/hooks/con/{SECRET}", b'{"a":"' + b"x" * (BODY_LIMIT - 8) + b'"}', 200),
        ("/hooks/crm", b"[]", 401),
        ("/hooks/nobody", RECORD, 404),
        ("/hooks", RECORD, 404),
        ("/", RECORD, 404),
        ("/hooks/con/%00%ff%2e%2e/", RECORD, 401),
    ],
)
def test_every_refusal_has_its_status(path: str, body: Any, status: int) -> None:
    """Who proves nothing gets 401, who sends something else 400, who sends too much 413; nothing of it is kept."""
    heard = Heard()
    with closing(site(heard)) as made:
        answer = post(made, path, body)
        assert answer.status_code == status, answer.text
        assert SECRET not in answer.text
        assert len(heard) == (1 if status == 200 and body is RECORD else 0)


def test_a_body_without_a_length_is_measured_as_it_comes() -> None:
    """A sender that tells no length is cut off at the limit; below it, it is heard."""
    heard = Heard()
    with closing(site(heard)) as made:
        url = f"{made.url}/hooks/con/{SECRET}"
        pieces = (b"x" * 100_000 for _ in range(20))
        with suppress(httpx.TransportError):  # the answer may come before all is sent, and the connection be closed
            assert httpx.post(url, content=pieces, trust_env=False).status_code == 413
        whole = json.dumps(RECORD).encode()
        assert httpx.post(url, content=iter([whole[:5], whole[5:]]), trust_env=False).status_code == 200
    assert heard == [Ref("con", "contacts", "c1")]


def test_a_body_that_does_not_come_in_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender that stops in the middle, or goes away, holds nobody up and leaves nothing."""
    monkeypatch.setattr(web, "SENT_WITHIN", 0.2)
    heard = Heard()
    with closing(site(heard)) as made:
        address = ("127.0.0.1", int(str(made.url).rpartition(":")[2]))
        head = f"POST /hooks/con/{SECRET} HTTP/1.1\r\nhost: x\r\ncontent-length: 50\r\n\r\n".encode()
        with socket.create_connection(address) as slow, socket.create_connection(address) as gone:
            slow.sendall(head + b"{")
            gone.sendall(head + b"{")
            gone.close()
            assert b" 408 " in slow.recv(1000)
        assert post(made).status_code == 200
    assert len(heard) == 1


def test_only_posts_are_heard() -> None:
    """A browser that looks at the address learns nothing."""
    with closing(site(Heard())) as made:
        assert httpx.get(f"{made.url}/hooks/con/{SECRET}", trust_env=False).status_code == 405


def test_the_public_address_is_what_was_signed() -> None:
    """The known signature fits behind a proxy: the configured address counts, not the one that was called."""
    signed = {
        "x-hubspot-signature-v3": "YipId0WnWTvFoRZWwnNmo6HTY/N/U0O6rLxlRYJbrX4=",
        "x-hubspot-request-timestamp": "1700000000000",
    }
    body = b'[{"eventId":1,"subscriptionType":"contact.propertyChange","objectId":123}]'
    crm = SystemSettings(system="hubspot", secret="unused", webhook_secret="test-secret-000")
    heard, now = Heard(), datetime.fromtimestamp(1_700_000_000, tz=UTC)
    made = Web("127.0.0.1:0", "https://sync.example.com", [HubSpotHooks(crm)], heard, clock=lambda: now)
    with closing(made):
        made.open()
        assert post(made, "/hooks/hubspot", body, headers=signed).status_code == 200
        assert post(made, "/hooks/hubspot?a=1", body, headers=signed).status_code == 401
        assert post(made, "/hooks/hubspot/more", body, headers=signed).status_code == 401
    assert heard == [Ref("hubspot", "contacts", "123")]


def test_refusals_are_told_once_a_minute(stream: io.StringIO) -> None:
    """Whoever knocks a thousand times fills no log; a minute later it is told again. No secret stands in it."""
    now = datetime(2026, 3, 2, tzinfo=UTC)
    with closing(site(Heard(), clock=lambda: now)) as made:
        assert {post(made, f"/hooks/con/guess{n}").status_code for n in range(20)} == {401}
        assert len(told(stream, "webhook refused")) == 1
        now += timedelta(seconds=61)
        post(made, "/hooks/con/guess")
        (_, line) = told(stream, "webhook refused")
    assert (line["system"], line["status"]) == ("con", 401)
    assert "guess" not in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_taken_port_is_told_in_one_sentence() -> None:
    """The setting is named, and what to do; another process of ours takes it over when it is free."""
    first = site(Heard())
    port = str(first.url).rpartition(":")[2]
    heard = Heard()
    con = SystemSettings(system="con", secret="unused", webhook_secret=SECRET)
    second = Web(f"127.0.0.1:{port}", None, [JobNimbusHooks(con)], heard)
    with closing(second):
        with closing(first):
            with pytest.raises(ConfigError, match=rf"\[web\] listen = '127.0.0.1:{port}': is taken") as caught:
                second.open()
            assert (len(caught.value.problems), caught.value.exit_code) == (1, 2)
            assert second.try_to_open() is False
        assert second.tick().work() is False
        assert post(second).status_code == 200
    assert len(heard) == 1


@pytest.mark.parametrize("listen", ["192.0.2.1:8484", "no-such-host.invalid:8484"])
def test_an_address_that_is_not_ours_is_a_mistake_of_the_set_up(listen: str) -> None:
    """An address of another machine is told with the setting's name, by every process."""
    con = SystemSettings(system="con", secret="unused", webhook_secret=SECRET)
    with pytest.raises(ConfigError, match="cannot be used"):
        Web(listen, None, [JobNimbusHooks(con)], Heard()).try_to_open()
