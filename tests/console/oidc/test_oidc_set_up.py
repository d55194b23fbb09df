"""The settings of sign-in by OpenID Connect, and how its provider is asked. What is not here: signing in."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from syncd.config.load import maps
from syncd.console.site import Console
from syncd.kit.authority import issue
from syncd.kit.fetch import MOST, fetch
from syncd.kit.http import NoAnswer
from syncd.lab.page.serve import serve
from tests.console.oidc.door import Door, Set
from tests.ports import free_port
from tests.test_config import GOOD, SECRETS, mistakes, read

WHOLE = """\
[console]
oidc_issuer = "https://login.example.com/"
oidc_client_id = "syncd"
oidc_secret = {env = "OIDC_SECRET"}

"""
ENVIRON = {**SECRETS, "OIDC_SECRET": "oidc-secret-3"}


def test_it_is_set_up_and_its_secret_is_one(tmp_path: Path) -> None:
    """The issuer stays as it was written, the secret is resolved, kept out of a repr, and known to the log."""
    config = read(tmp_path, WHOLE + GOOD, ENVIRON)
    console = config.console
    assert (console.oidc_issuer, console.oidc_client_id) == ("https://login.example.com/", "syncd")
    assert console.oidc_secret == "oidc-secret-3" and "oidc-secret-3" in config.secrets()
    assert "oidc-secret-3" not in repr(config)
    assert console.oidc_name == "your company's sign-in"
    plain = read(tmp_path)
    assert plain.console.oidc_secret is None and None not in plain.secrets()


@pytest.mark.parametrize("left_out", ["oidc_issuer", "oidc_client_id", "oidc_secret"])
def test_it_is_set_up_wholly_or_not_at_all(tmp_path: Path, left_out: str) -> None:
    """What is missing is named, and what else could be done; with two missing both are."""
    lines = [line for line in WHOLE.splitlines() if not line.startswith(left_out)]
    (told,) = mistakes(tmp_path, "\n".join([*lines, GOOD]), ENVIRON)
    assert told.message == f"`console.{left_out}` is missing."
    assert "needs oidc_issuer, oidc_client_id, oidc_secret together" in told.remedy
    (alone,) = [line for line in WHOLE.splitlines() if line.startswith(left_out)]
    assert len(mistakes(tmp_path, f"[console]\n{alone}\n\n{GOOD}", ENVIRON)) == 2


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"https://login.example.com/"', '"http://login.example.com"', "must begin with https://"),
        ('"https://login.example.com/"', '"login.example.com"', "must be a full address"),
        ('"https://login.example.com/"', '"https://login.example.com/?a=1"', "must be an address alone"),
        ('"https://login.example.com/"', '"https://me:too@login.example.com/"', "must be an address alone"),
        ('"https://login.example.com/"', "5", "must be a full address"),
        ('"syncd"', '""', "is no client id"), ('"syncd"', '"a\\nb"', "is no client id"),
        ('{env = "OIDC_SECRET"}', '"oidc-secret-3"', "holds a secret in plain text"),
        ('{env = "OIDC_SECRET"}', '{env = "NONE"}', "needs the environment variable NONE"),
        ('"syncd"', '"syncd"\noidc_name = "' + "x" * 41 + '"', "must be 1 to 40 letters"),
        ('"syncd"', '"syncd"\noidc_name = " "', "must be 1 to 40 letters"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_told(tmp_path: Path, old: str, new: str, told: str) -> None:
    """Each by what is wrong with it, and no secret in any."""
    (found,) = mistakes(tmp_path, WHOLE.replace(old, new) + GOOD, ENVIRON)
    assert told in found.message and "oidc-secret-3" not in str(found)


def test_people_must_be_able_to_come_back(tmp_path: Path) -> None:
    """Who listens for other machines says under which address they come; on this one alone none is needed."""
    open_to_all = '[web]\nlisten = "0.0.0.0:8484"\n\n'
    (told,) = mistakes(tmp_path, open_to_all + WHOLE + GOOD, ENVIRON)
    assert "needs [console] url" in told.message
    home = WHOLE.replace("[console]", '[console]\nurl = "https://sync.example.com"')
    assert read(tmp_path, open_to_all + home + GOOD, ENVIRON).console.url == "https://sync.example.com"
    assert read(tmp_path, '[web]\nlisten = "[::1]:8484"\n\n' + WHOLE + GOOD, ENVIRON).console.url is None


def test_maps_are_read_without_its_secret(tmp_path: Path) -> None:
    """Who only works on maps needs none."""
    path = tmp_path / "config.toml"
    path.write_text(WHOLE + GOOD, encoding="utf-8")
    assert set(maps(path, {})[1]) == {"sales"}


def test_by_tls_the_cookie_is_of_this_host_alone(door: Door) -> None:
    """Where people come by TLS, no other name and no plain connection can plant it; one comes back to that address."""
    had = door.desk.config
    over_tls = replace(had, console=replace(had.console, url="https://sync.example.com"))
    with serve(Console.of(Set(door.desk.town, over_tls), lambda: True).app(), 0) as url:
        answer = httpx.get(f"{url}login/oidc", headers={"host": "sync.example.com"}, trust_env=False)
        aside = httpx.get(f"{url}login/oidc", trust_env=False)
    told = answer.headers["set-cookie"].lower()
    assert told.startswith("__host-syncd-oidc=") and "; secure" in told and "httponly" in told
    assert "samesite=lax" in told and "path=/" in told and "domain" not in told and "max-age=600" in told
    assert "redirect_uri=https%3A%2F%2Fsync.example.com%2Flogin%2Foidc%2Fback&" in answer.headers["location"]
    assert aside.headers["location"].startswith("https://sync.example.com/login/oidc?")


async def _dripping() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.1)


def _asked(answers: Callable[[], Response], **more: float) -> tuple[int, object]:
    async def endpoint(_request: object) -> Response:
        return answers()

    with serve(Starlette(routes=[Route("/", endpoint)]), 0) as url:
        return fetch(url, **more)


def test_an_answer_has_an_end() -> None:
    """One that is too long, or drips, is given up; a redirect is not followed, what is packed is not unpacked."""
    assert _asked(lambda: Response(b'{"a": 1}')) == (200, {"a": 1})
    for answers in (lambda: Response(b"x" * (MOST + 1)), lambda: StreamingResponse(_dripping())):
        with pytest.raises(NoAnswer, match=r"^127\.0\.0\.1 gave no answer \(Read\w+\)\.$"):
            _asked(answers, within=0.5)
    assert _asked(lambda: RedirectResponse("https://example.com/")) == (307, {})
    assert _asked(lambda: Response(b"\x1f\x8b", headers={"content-encoding": "gzip"})) == (200, {})
    with pytest.raises(NoAnswer, match="ConnectError"):
        fetch(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(NoAnswer, match="UnsupportedProtocol"):
        fetch("nonsense")


class _Quiet(BaseHTTPRequestHandler):
    """Says {} to everybody."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_words: object) -> None:
        """Nothing."""


def test_a_certificate_of_nobody_is_not_believed(tmp_path: Path) -> None:
    """Over TLS the machine's authorities decide."""
    issued = issue(tmp_path / "tls")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(issued.certificate, issued.key)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Quiet) as server:
        server.handle_error = lambda *_: None
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(NoAnswer, match="ConnectError"):
            fetch(f"https://127.0.0.1:{server.server_port}/")
        server.shutdown()
