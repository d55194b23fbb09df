"""Slow, many and oversized clients at the daemon's own port: whoever else asks is answered meanwhile.

What is not here: what they ask for (`test_hostile`).
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from argon2 import PasswordHasher

from syncd.console import guards
from syncd.console.ask import Role
from syncd.console.doors import Doors
from syncd.console.guards import FIELDS, FORM_LIMIT
from syncd.console.live import ALL, EACH
from syncd.console.site import Console
from syncd.service import web
from syncd.service.web import Web
from tests.console.town import QUICK, Town

SOON = 5.0
"""Seconds; the machine may be busy."""


@dataclass(frozen=True, slots=True)
class Port:
    """The daemon's door with the console behind it."""

    town: Town
    console: Console
    host: tuple[str, int]

    def raw(self, sent: bytes) -> socket.socket:
        """A connection on which this was sent."""
        made = socket.create_connection(self.host, timeout=30)
        made.sendall(sent)
        return made

    def head(self, line: str, name: str | None = "ada", **headers: str) -> bytes:
        """The head of a request of somebody who is signed in, or of a stranger."""
        told = {"Host": f"127.0.0.1:{self.host[1]}", **{key.replace("_", "-"): value for key, value in headers.items()}}
        if name is not None:
            told["Cookie"] = f"syncd={self.town.secret(name)}"
        return "\r\n".join([f"{line} HTTP/1.1", *(f"{key}: {value}" for key, value in told.items()), "", ""]).encode()

    def csrf(self, name: str = "ada") -> str:
        """What the forms of this person carry."""
        visitor = self.town.console.doors.visitor(self.town.secret(name))
        assert visitor is not None
        return visitor.csrf

    def answers(self, path: str = "/login", within: float = SOON) -> None:
        """Somebody else is answered, and soon."""
        begun = time.monotonic()
        with httpx.Client(base_url=f"http://{self.host[0]}:{self.host[1]}", timeout=30) as browser:
            browser.cookies.set("syncd", self.town.secret("vera"), domain="127.0.0.1")
            assert browser.get(path).status_code in (200, 303)
        assert time.monotonic() - begun < within


@pytest.fixture
def port(town: Town) -> Iterator[Port]:
    """Open for one test."""
    for name in ("ada", "otto", "vera"):
        town.client(name)
    console = Console.of(town.app, lambda: True)  # of its own: what waits in it belongs to this server's loop
    console.doors.hasher = QUICK
    made = Web("127.0.0.1:0", None, (), lambda hints: None, rest=console.app())
    made.open()
    assert made.url is not None
    try:
        yield Port(town, console, ("127.0.0.1", int(made.url.rpartition(":")[2])))
    finally:
        made.close()


def status(connection: socket.socket) -> int:
    """Of the answer that comes; 0 if none does and the connection ends."""
    found = b""
    with connection:
        while b"\r\n" not in found:
            try:
                piece = connection.recv(4096)
            except ConnectionError:
                break
            if not piece:
                break
            found += piece
    return int(found.split()[1]) if found.startswith(b"HTTP/1.1 ") else 0


def test_many_who_say_nothing_shut_nobody_out(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """More connections than are served at once, silent or slow: they are ended, and others are answered."""
    monkeypatch.setattr(web, "HEAD_WITHIN", 1.0)
    with ExitStack() as opened:
        slow = [opened.enter_context(closing(port.raw(b"GET /login HTTP/1.1\r\nHost: "))) for _ in range(110)]
        silent = [opened.enter_context(closing(port.raw(b""))) for _ in range(110)]
        until = time.monotonic() + 4
        while time.monotonic() < until:
            for one in slow:
                try:
                    one.sendall(b"x")
                except ConnectionError:
                    continue
            time.sleep(0.2)
        port.answers("/login")
        assert [one.recv(1) for one in silent[:5]] == [b""] * 5


def test_fifty_slow_forms_keep_nobody_waiting(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies that come letter by letter: pages are shown meanwhile, and each is refused when its time is over."""
    monkeypatch.setattr(guards, "SENT_WITHIN", 2.0)
    head = port.head("POST /login", None, Content_Length="500", Content_Type="application/x-www-form-urlencoded")
    with ExitStack() as opened:
        several = [opened.enter_context(closing(port.raw(head))) for _ in range(50)]
        for _ in range(3):
            for one in several:
                one.sendall(b"n")
            port.answers("/")
        assert {status(one) for one in several} == {408}


def test_a_slow_program_is_refused_too(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body of the API has its time as a form has."""
    monkeypatch.setattr(guards, "SENT_WITHIN", 0.5)
    token = port.console.doors.give_token("otto", "slow", timedelta(days=1))
    head = port.head("POST /api/retry", None, Authorization=f"Bearer {token}", Content_Length="500")
    assert status(port.raw(head + b"{")) == 408


def test_a_body_that_nobody_reads_ends(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who goes on sending after the answer came is not listened to for ever."""
    monkeypatch.setattr(web, "HEAD_WITHIN", 1.0)
    connection = port.raw(port.head("GET /login", None, Content_Length="1000000"))
    until = time.monotonic() + 20
    with closing(connection):
        while time.monotonic() < until:
            try:
                connection.sendall(b"x")
            except ConnectionError:
                return
            time.sleep(0.1)
    raise AssertionError("the connection was kept")


def test_many_sign_ins_at_once_leave_pages_alone(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred strangers and more try passwords, each of which takes its time: pages are shown meanwhile."""

    class Slow(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            time.sleep(0.25)
            return super().verify(hash, password)

    monkeypatch.setattr(port.console.doors, "hasher", Slow(time_cost=1, memory_cost=8, parallelism=1))
    kind = "application/x-www-form-urlencoded"
    with ExitStack() as opened:
        for number in range(120):
            body = f"name=nobody{number}&password=wrong".encode()
            head = port.head("POST /login", None, Content_Length=str(len(body)), Content_Type=kind)
            opened.enter_context(closing(port.raw(head + body)))
        time.sleep(0.5)
        port.answers("/", within=3.0)


def test_streams_that_are_broken_off_leave_their_places(port: Port) -> None:
    """However early a page is closed, its place is free again."""
    head = port.head("GET /live")
    for number in range(4 * EACH):
        connection = port.raw(head)
        if number % 2:
            time.sleep(0.01)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    live = port.console.live
    until = time.monotonic() + 30
    while live._listening.total() and time.monotonic() < until:
        time.sleep(0.1)
    assert live._listening.total() == 0
    with port.raw(port.head("GET /live")) as connection:
        assert b" 200 " in connection.recv(100)


def test_a_flood_of_streams_keeps_no_page_from_being_shown(port: Port) -> None:
    """Beyond its places an account gets none, however often it signs in; pages are shown all the while."""
    doors = port.console.doors
    doors.choose(doors.invite("flood", Role.VIEWER), "a long enough one")
    secrets = [doors.sign_in("flood", "a long enough one") for _ in range(6)]
    heads = [port.head("GET /live", None, Cookie=f"syncd={secret}") for secret in secrets]
    with ExitStack() as opened:
        several = [opened.enter_context(closing(port.raw(heads[number % 6]))) for number in range(ALL)]
        port.answers("/")
        told = [one.recv(12) for one in several]
    assert told.count(b"HTTP/1.1 200") == EACH and told.count(b"HTTP/1.1 503") == ALL - EACH


def test_too_much_is_refused(port: Port) -> None:
    """A field too many, a body too long that does not say so, and a head too long."""
    kind = {"Content_Type": "application/x-www-form-urlencoded", "X_Csrf": port.csrf(), "HX_Request": "true"}
    fields = "&".join(f"f{number}=1" for number in range(FIELDS + 1)).encode()
    head = port.head("POST /people/invite", Content_Length=str(len(fields)), **kind)
    assert status(port.raw(head + fields)) == 400
    connection = port.raw(port.head("POST /people/invite", Transfer_Encoding="chunked", **kind))
    piece = b"x" * 10_000
    sender = threading.Thread(target=_chunks, args=(connection, piece, FORM_LIMIT // len(piece) + 1), daemon=True)
    sender.start()
    assert status(connection) == 413
    sender.join(timeout=10)
    assert status(port.raw(port.head("GET /login", X_Long="x" * 1_000_000))) in (0, 400, 431)
    port.answers("/")


def _chunks(connection: socket.socket, piece: bytes, count: int) -> None:
    try:
        for _ in range(count):
            connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.sendall(b"1\r\nx\r\n0\r\n\r\n")
    except OSError:
        return  # it was refused before all of it was sent


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x02\x00", b"GET /\xff\xfe HTTP/1.1\r\n\r\n", b"GET\r\n\r\n", b"\0" * 100]
)
def test_what_is_no_request_is_refused(port: Port, sent: bytes) -> None:
    """Another protocol, an address of odd bytes, nonsense: refused, and the next one is answered."""
    with port.raw(sent + b"\r\n\r\n") as connection:
        connection.shutdown(socket.SHUT_WR)
        assert status(connection) in (0, 400)
    port.answers()


def test_passwords_tried_side_by_side_are_counted_one_by_one(town: Town) -> None:
    """Whoever tries twenty at once has tried twenty times: nearly all are not even looked at."""
    looked: list[str] = []

    class Telling(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            looked.append(str(password))
            time.sleep(0.05)
            return super().verify(hash, password)

    doors = town.console.doors
    doors.choose(doors.invite("brute", Role.VIEWER), "a long enough one")
    doors.hasher = Telling(time_cost=1, memory_cost=8, parallelism=1)
    try:
        threads = [threading.Thread(target=_try, args=(doors, f"wrong {number}")) for number in range(20)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    finally:
        doors.hasher = QUICK
    assert len(looked) <= 6


def _try(doors: Doors, password: str) -> None:
    try:
        doors.sign_in("brute", password)
    except Exception:
        return


def test_names_of_nobody_take_no_room(town: Town) -> None:
    """However long a name somebody tries, little of it is kept in mind."""
    doors = town.console.doors
    assert doors.sign_in("x" * 900_000, "wrong") is None
    assert max(map(len, doors._unknown)) < 100
