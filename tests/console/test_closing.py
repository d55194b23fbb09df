"""What people see of a daemon that ends, or goes on with another set-up. What is not here: how the new one begins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import pytest

from syncd.console.site import CLOSED, Console
from syncd.service import web
from syncd.service.web import Web
from tests.console.living import Living
from tests.console.town import QUICK, Town


@dataclass(frozen=True, slots=True)
class Port:
    """The console where a daemon has it. `over`: that it is to end."""

    web: Web
    browser: httpx.Client
    csrf: str
    over: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def port(town: Town) -> Iterator[Port]:
    """Open for one test."""
    over = threading.Event()
    console = Console.of(town.app, lambda: True, over.is_set)
    console.doors.hasher = QUICK
    made = Web("127.0.0.1:0", None, (), lambda hints: None, rest=console.app())
    made.open()
    visitor = console.doors.visitor(town.secret("ada"))
    assert made.url is not None and visitor is not None
    with httpx.Client(base_url=made.url, timeout=60, trust_env=False) as browser:
        browser.cookies.set("syncd", town.secret("ada"), domain="127.0.0.1")
        yield Port(made, browser, visitor.csrf, over)
    made.close()


def test_who_listens_is_let_go(port: Port) -> None:
    """An open page's stream comes to its end, which would keep the port from whoever comes next."""
    with port.browser.stream("GET", "/live") as heard:
        lines = heard.iter_lines()
        assert next(lines) == "retry: 3000"
        port.over.set()
        assert "event: hello" in list(lines)
    with port.browser.stream("GET", "/live") as heard:  # who comes now is greeted, and let go as well
        assert "event: hello" in list(heard.iter_lines())


def test_who_waits_for_too_long_is_told(port: Port, town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be answered before the port is closed says so, and is no mistake of ours; it is done all the same."""
    monkeypatch.setattr(web, "ANSWERED_WITHIN", 1)
    slow = Web("127.0.0.1:0", None, (), lambda hints: None, rest=port.web.rest)
    slow.open()
    headers = {"hx-request": "true", "x-csrf": port.csrf}
    form = {"name": "somebody", "role": "viewer"}
    with ThreadPoolExecutor() as pool, town.app.ready_store.begin():
        asked = pool.submit(port.browser.post, f"{slow.url}/people/invite", data=form, headers=headers)
        while slow._server is None or not slow._server.server_state.tasks:
            assert not asked.done()
        slow.close()
        answer = asked.result()
    assert answer.status_code == 503
    assert CLOSED in answer.headers["hx-trigger"]


def test_another_set_up_lets_open_pages_go(living: Living) -> None:
    """A daemon that reads its set-up anew ends what its pages listen to in order; they hear the next one."""
    headers = {"cookie": f"syncd={living.secret()}"}
    with httpx.stream("GET", f"{living.url}/live", headers=headers, timeout=60, trust_env=False) as heard:
        lines = heard.iter_lines()
        assert next(lines) == "retry: 3000"
        before = living.app
        living.lifetime.again()
        list(lines)
    living.until(lambda: living.app is not before, "the next set-up")
