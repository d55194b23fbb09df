"""What people see of a daemon that ends, or goes on with another set-up. What is not here: how the new one begins."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest

from syncd.console import live
from syncd.console.site import Console
from syncd.service import web
from syncd.service.web import Web
from tests.console.living import Living
from tests.console.town import Town


@dataclass(frozen=True, slots=True)
class Port:
    """The console where a daemon has it, for somebody who is signed in."""

    web: Web
    browser: httpx.Client
    headers: Mapping[str, str]


@pytest.fixture
def port(town: Town) -> Iterator[Port]:
    """Open for one test."""
    closed = threading.Event()
    console = Console.of(town.app, lambda: True, closed.is_set)
    made = Web("127.0.0.1:0", None, (), lambda hints: None, rest=console.app(), closed=closed)
    made.open()
    visitor = console.doors.visitor(town.secret("ada"))
    assert made.url is not None and visitor is not None
    with httpx.Client(base_url=made.url, timeout=60, trust_env=False) as browser:
        browser.cookies.set("syncd", town.secret("ada"), domain="127.0.0.1")
        yield Port(made, browser, {"hx-request": "true", "x-csrf": visitor.csrf})
    made.close()


def test_who_listens_is_let_go(port: Port, monkeypatch: pytest.MonkeyPatch) -> None:
    """An open page's stream comes to its end, which would keep the port from whoever comes next."""
    monkeypatch.setattr(live, "BEAT", 600.0)
    with port.browser.stream("GET", "/live") as heard, ThreadPoolExecutor() as pool:
        lines = heard.iter_lines()
        assert next(lines) == "retry: 3000"
        closing = pool.submit(port.web.close)
        assert "event: hello" in list(lines)
        closing.result()
    assert not port.web.listens()


def test_a_page_that_is_opened_again_is_not_told_for_ever(port: Port) -> None:
    """Nothing has changed since the last page was closed: the next one hears at most that it is there."""
    for _ in range(2):
        told: list[str] = []
        with port.browser.stream("GET", "/live", timeout=3 * live.EVERY) as heard, suppress(httpx.ReadTimeout):
            for line in heard.iter_lines():
                told.append(line)
                assert told.count("event: changed") <= 1
        time.sleep(2 * live.EVERY)


def test_who_waits_for_too_long_is_told(port: Port, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be answered before the port is closed says so, and is no mistake of ours; it is done all the same."""
    form = {"name": "somebody", "role": "viewer"}
    with town.app.ready_store.begin():
        answer = _too_late(port, monkeypatch, lambda url: port.browser.post(
            f"{url}/people/invite", data=form, headers=port.headers
        ))  # fmt: skip
    assert (answer.status_code, answer.headers["connection"]) == (504, "close")
    assert "it may have been done, or not" in answer.headers["hx-trigger"]
    until = time.monotonic() + 30
    while "somebody" not in town.page("/people"):
        assert time.monotonic() < until


def test_a_program_that_waits_for_too_long_is_told(port: Port, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the form of every other refusal."""
    town.client("otto")
    token = town.console.doors.give_token("otto", "report", timedelta(days=1))
    headers = {"authorization": f"Bearer {token}"}
    with town.app.ready_store.begin():
        answer = _too_late(port, monkeypatch, lambda url: httpx.post(
            f"{url}/api/retry", json={}, headers=headers, timeout=60, trust_env=False
        ))  # fmt: skip
    assert answer.status_code == 504
    assert "it may have been done, or not" in answer.json()["title"]


def _too_late(port: Port, monkeypatch: pytest.MonkeyPatch, ask: Callable[[str], httpx.Response]) -> httpx.Response:
    """The answer to a request that waits when the port is closed, and longer than is waited for it."""
    monkeypatch.setattr(web, "ANSWERED_WITHIN", 1)
    slow = Web("127.0.0.1:0", None, (), lambda hints: None, rest=port.web.rest)
    slow.open()
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(ask, str(slow.url))
        while slow._server is None or not slow._server.server_state.tasks:
            assert not asked.done()
            time.sleep(0.01)
        slow.close()
        return asked.result()


def test_another_set_up_lets_open_pages_go(living: Living) -> None:
    """A daemon that reads its set-up anew ends what its pages listen to in order; they hear the next one."""
    headers = {"cookie": f"syncd={living.secret()}"}
    for _ in range(2):
        with httpx.stream("GET", f"{living.url}/live", headers=headers, timeout=60, trust_env=False) as heard:
            lines = heard.iter_lines()
            assert next(lines) == "retry: 3000"
            before = living.app
            living.lifetime.again()
            assert "event: hello" in list(lines)
        living.until(lambda before=before: living.app is not before, "the next set-up")
        living.ready()
