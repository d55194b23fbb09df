"""Sign-ins by OpenID Connect that come to nothing: strangers' answers, and a provider that is down or answers rubbish.

What is not here: tokens and accounts (`test_oidc`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from sqlalchemy import func, select
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from structlog.testing import capture_logs

from syncd.console import oidc
from syncd.kit.fetch import MOST, fetch
from syncd.store.retention import prune_tokens
from syncd.store.tables import tokens
from tests.console.oidc.door import Door, refused
from tests.console.oidc.provider import SECRET, key, public
from tests.ports import free_port

BEGIN_AGAIN = "was not begun in this browser, or was begun anew since. Please begin again."
TELL = "Example Roofing cannot be used now. Tell an admin of syncd: its log says why."
SILENT = "Example Roofing does not answer. Try again in a moment."


def waiting(door: Door) -> int:
    """Sign-ins that are begun."""
    with door.console.doors.store.read() as tx:
        query = select(func.count()).select_from(tokens).where(tokens.c.kind == "oidc")
        return int(tx.connection.execute(query).scalar_one())


def test_an_answer_is_good_once(door: Door, browser: httpx.Client) -> None:
    """The same answer again signs nobody in, with the cookie or without; nothing is asked of the provider."""
    left = door.leave(browser)
    kept = browser.cookies["syncd-oidc"]
    back = door.provider.agree(left)
    assert browser.get(back).status_code == 200
    browser.cookies.clear()
    refused(browser, browser.get(back), BEGIN_AGAIN)
    answer = httpx.get(back, headers={"cookie": f"syncd-oidc={kept}"}, trust_env=False)
    assert answer.status_code == 403 and "was used already, or took longer than ten minutes" in answer.text
    assert door.provider.heard["/token"] == 1


def test_of_two_answers_at_once_one_counts(door: Door, browser: httpx.Client) -> None:
    """Who sends the same answer twice in one moment is let in once."""
    back, kept = door.provider.agree(door.leave(browser)), browser.cookies["syncd-oidc"]
    ask = partial(httpx.get, back, headers={"cookie": f"syncd-oidc={kept}"}, trust_env=False, timeout=60)
    with ThreadPoolExecutor(4) as several:
        statuses = [one.result().status_code for one in [several.submit(ask) for _ in range(4)]]
    assert sorted(statuses) == [200, 403, 403, 403]


def test_an_answer_for_another_browser_is_none(door: Door, browser: httpx.Client) -> None:
    """Whoever sends somebody a link with their own answer does not sign them in as themselves."""
    with door.browser() as mallory:
        back = door.provider.agree(door.leave(mallory))
        refused(browser, browser.get(back), BEGIN_AGAIN)
        door.leave(browser)
        refused(browser, browser.get(back), BEGIN_AGAIN)
        assert mallory.get(back).status_code == 200


@pytest.mark.parametrize("state", [None, "", "guessed", "é", "a" * 5000])
def test_a_state_of_nobody_is_refused(door: Door, browser: httpx.Client, state: str | None) -> None:
    """No state, an empty one, a guessed one."""
    door.leave(browser)
    query = f"code=x{'' if state is None else f'&state={state}'}"
    refused(browser, browser.get(f"/login/oidc/back?{query}"), BEGIN_AGAIN)


def test_ten_minutes_are_enough(door: Door, browser: httpx.Client) -> None:
    """Later the answer is too late, and what was kept of the sign-in is cleared away."""
    back = door.provider.agree(door.leave(browser))
    assert waiting(door) >= 1
    door.desk.later = timedelta(minutes=10, seconds=1)
    refused(browser, browser.get(back), "took longer than ten minutes")
    door.leave(browser)
    with door.console.doors.store.begin() as tx:
        prune_tokens(tx.connection, door.desk.clock() + timedelta(minutes=11), most=100_000)
    assert waiting(door) == 0


def test_so_many_may_be_under_way(door: Door, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins sign-ins without end fills no store: the oldest go."""
    monkeypatch.setattr(oidc, "UNDER_WAY", 3)
    for _ in range(6):
        door.leave(browser)
    assert waiting(door) == 3
    assert browser.get(door.provider.agree(door.leave(browser))).status_code == 200


def answer_of(door: Door, browser: httpx.Client, **more: str) -> httpx.Response:
    """What comes of an answer with these words, to a sign-in that was begun here."""
    state = parse_qs(urlsplit(door.leave(browser)).query)["state"][0]
    return browser.get("/login/oidc/back", params={"state": state, **more})


def test_who_turns_back_is_told(door: Door, browser: httpx.Client) -> None:
    """Refused by the provider, or by oneself: the page to sign in, with whom to ask."""
    refused(browser, answer_of(door, browser, error="access_denied"), "did not let you in, or you turned back.")
    answer = answer_of(door, browser, error="<script>alert(1)</script>", error_description="<b>call 555</b>")
    refused(browser, answer, TELL, 502)
    assert "alert(1)" not in answer.text and "555" not in answer.text
    refused(browser, answer_of(door, browser, code="", iss="https://evil.example"), "did not prove who you are")
    refused(browser, answer_of(door, browser, code="guessed"), "did not prove who you are")
    assert door.provider.heard["/token"] == 1


def test_a_page_that_is_not_ours_is_not_led_to(door: Door, browser: httpx.Client) -> None:
    """Where to go afterwards is a page of ours, and one too long to be kept is the first one."""
    for to, goes in (
        ("https://evil.example/a", "/a"), ("//evil.example", "/"), ("/\\evil.example", "/"),
        ('/records?q="; url=https://evil.example', "/records?q=%22;%20url=https://evil.example"),
        ("/records?q=é", "/records?q=%C3%A9"), ("/records?q=\u202e", "/"), ("/records?q=\0", "/"),
        ("/runs?q=" + "x" * 112, "/runs?q=" + "x" * 112), ("/runs?q=" + "x" * 113, "/"),
    ):  # fmt: skip
        answer = door.walk(browser, to)
        assert answer.headers["refresh"] == f"0;url={goes}"
        browser.cookies.clear()


def test_one_leaves_under_the_name_one_comes_back_to(door: Door, browser: httpx.Client) -> None:
    """Under another name of this machine one is sent to the known one first, once: the cookie would not come back."""
    answer = browser.get("/login/oidc?to=/runs", headers={"host": "localhost"})
    assert answer.headers["location"] == f"{door.url}/login/oidc?to=%2Fruns&here=1"
    answer = browser.get("/login/oidc?to=%2Fruns&here=1", headers={"host": "localhost"})
    assert answer.headers["location"].startswith(door.provider.issuer)


def test_a_secret_may_travel_in_the_form(door: Door, browser: httpx.Client) -> None:
    """Where the provider takes nothing else."""
    door.provider.described["token_endpoint_auth_methods_supported"] = ["client_secret_post"]
    assert door.walk(browser).status_code == 200


def test_what_a_provider_says_of_itself_is_old_after_an_hour(door: Door, browser: httpx.Client) -> None:
    """Then it is asked anew, once for all who come."""
    for _ in range(3):
        door.leave(browser)
    assert door.provider.heard["/.well-known/openid-configuration"] == 1
    door.desk.later = timedelta(hours=1, seconds=1)
    door.leave(browser)
    assert door.provider.heard["/.well-known/openid-configuration"] == 2


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"}, {"issuer": None}, {"issuer": 5}, {"token_endpoint": None},
        {"token_endpoint": "http://example.com/token"}, {"jwks_uri": "file:///etc/passwd"}, {"jwks_uri": ["a"]},
        {"authorization_endpoint": "javascript:alert(1)"}, {"authorization_endpoint": "http://127.0.0.1/#a"},
        {"authorization_endpoint": "http://[bad"}, {"token_endpoint": "https://127.0.0.1/token"},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
        {"id_token_signing_alg_values_supported": "RS256"},
        {"id_token_signing_alg_values_supported": 7}, {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
        {"token_endpoint_auth_methods_supported": {}},
    ],
    ids=repr,
)  # fmt: skip
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    door: Door, browser: httpx.Client, described: dict[str, Any]
) -> None:
    """Another name, an address nobody should go to, only signatures that anybody could make: the log says which."""
    door.provider.described.update(described)
    with capture_logs() as told:
        answer = browser.get("/login/oidc")
    refused(browser, answer, TELL, 502)
    (line,) = [one for one in told if one["event"] == "sign-in failed"]
    assert line["why"] and line["log_level"] == "error"
    door.anew()
    assert door.walk(browser).status_code == 200


def test_a_slash_makes_another_issuer(door: Door, browser: httpx.Client) -> None:
    """What the provider calls itself is the setting, to the letter."""
    door.provider.described["issuer"] = door.provider.issuer + "/"
    refused(browser, browser.get("/login/oidc"), TELL, 502)


async def _dripping() -> AsyncIterator[bytes]:
    for _ in range(100):
        yield b" "
        await asyncio.sleep(0.1)


RUBBISH: dict[str, tuple[Callable[[], Response], str]] = {
    "an error": (lambda: PlainTextResponse("no", 500), TELL),
    "not found": (lambda: JSONResponse({"error": "not_found"}, 404), TELL),
    "a page": (lambda: PlainTextResponse("<html>Sign in to the hotel's network"), TELL),
    "nothing": (Response, TELL),
    "a list": (lambda: JSONResponse([1]), TELL),
    "deep": (lambda: PlainTextResponse("[" * 100_000), TELL),
    "no text": (lambda: Response(b"\xff\xfe{"), TELL),
    "elsewhere": (lambda: RedirectResponse("https://evil.example", 302), TELL),
    "too long": (lambda: PlainTextResponse('{"a": "' + "x" * MOST + '"}'), SILENT),
    "too slow": (lambda: StreamingResponse(_dripping()), SILENT),
}


@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys", "/me"])
@pytest.mark.parametrize("what", RUBBISH)
def test_a_provider_that_answers_rubbish_is_told(
    door: Door, browser: httpx.Client, what: str, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At each of its addresses: a sentence within the time, and never a 500."""
    monkeypatch.setattr(oidc, "fetch", partial(fetch, within=0.5))
    made, sentence = RUBBISH[what]
    door.provider.instead[path] = made
    if path == "/me":
        door.provider.person, door.provider.apart = {}, {"email": "vera@example.com"}
    began = time.monotonic()
    answer = browser.get("/login/oidc") if path.startswith("/.well") else door.walk(browser)
    refused(browser, answer, sentence, 502)
    assert time.monotonic() - began < 8
    assert "hotel" not in answer.text


@pytest.mark.parametrize("keys", [[], ["a", 1, None], "keys", [{"kty": "RSA", "kid": "one"}], [{"kid": "one"}]])
def test_keys_that_are_none_prove_nothing(door: Door, browser: httpx.Client, keys: Any) -> None:
    """An empty list, things that are no keys, half a key."""
    door.provider.keys = keys
    refused(browser, door.walk(browser), "did not prove who you are")


def test_a_key_for_something_else_proves_nothing(door: Door, browser: httpx.Client) -> None:
    """One to encrypt with, one of another algorithm, and two of one name are not gone by."""
    had = public("one", "RS256", key("one"))
    for keys in ([{**had, "use": "enc"}], [{**had, "alg": "PS256"}], [had, had]):
        door.provider.keys = keys
        refused(browser, door.walk(browser), "did not prove who you are")


def test_a_provider_that_is_down_is_told_and_comes_back(
    door: Door, browser: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens: a sentence; once it is there again, one comes in without anybody's doing anything."""
    nowhere = f"http://127.0.0.1:{free_port()}"

    def lost(url: str, **more: Any) -> Any:
        return fetch(nowhere + urlsplit(url).path, **more)

    monkeypatch.setattr(oidc, "fetch", lost)
    refused(browser, browser.get("/login/oidc"), SILENT, 502)
    monkeypatch.undo()
    back = door.provider.agree(door.leave(browser))
    monkeypatch.setattr(oidc, "fetch", lost)
    refused(browser, browser.get(back), SILENT, 502)
    monkeypatch.undo()
    assert door.walk(browser).status_code == 200


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, {"error": "invalid_grant", "error_description": "of jane"}), (401, {"error": "invalid_client"}),
     (400, {"error": "x" * 500}), (200, {"id_token": None}), (200, {"id_token": ["a"]}), (200, {"access_token": "a"})],
    ids=repr,
)  # fmt: skip
def test_a_code_that_is_not_taken_is_told(door: Door, browser: httpx.Client, status: int, body: dict[str, Any]) -> None:
    """By a sentence for the person and a code for the log; no word of the provider's stands on the page."""
    door.provider.instead["/token"] = lambda: JSONResponse(body, status)
    answer = door.walk(browser)
    if body.get("error") == "invalid_grant":
        refused(browser, answer, "did not prove who you are")
    else:
        refused(browser, answer, TELL, 502)
    assert "jane" not in answer.text and "xxxxx" not in answer.text


def test_no_secret_is_logged(door: Door, browser: httpx.Client) -> None:
    """Whatever goes wrong, neither codes nor tokens, nonces, verifiers or our secret stand in a line or on a page."""
    answers = []
    with capture_logs() as told:
        for claims in ({}, {"aud": "another"}, {"nonce": "another"}, {"email": "mallory@example.com"}):
            door.provider.claims.clear()
            door.provider.claims.update(claims)
            answers.append(door.walk(browser))
            browser.cookies.clear()
        door.provider.described["token_endpoint"] = f"{door.provider.issuer}/nowhere"
        door.console.elsewhere.oidc._known = None
        answers.append(door.walk(browser))
    assert [one.status_code for one in answers] == [200, 403, 403, 403, 502]
    assert len([one for one in told if one["event"].startswith("sign-in")]) == 4
    all_told = repr(told) + "".join(one.text for one in answers)
    assert len(door.provider.seen) > 20
    assert [one for one in {*door.provider.seen, SECRET} if len(one) > 7 and one in all_told] == []
