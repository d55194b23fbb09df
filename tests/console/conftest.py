"""A real browser at the page of a live demo: Chromium, both sandboxes, the daemon. Without a browser these tests fail.

Every page is watched: nothing may be written to the console, and no request may leave 127.0.0.1.
"""

from __future__ import annotations

import logging
import re
import shutil
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Playwright, Response, expect, sync_playwright

from syncd.app import App
from syncd.console.site import Console
from syncd.lab.demo import Playing, playing
from tests.console import living as live
from tests.console import town as towns
from tests.console.hands import Hands, Keys

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE = 30_000
"""Milliseconds; the machine may be busy."""

Opens = Callable[..., Page]


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    """Playwright's driver, patient."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is."""
    names = ("chromium", "chromium-browser", "google-chrome")
    if (found := next((path for name in names if (path := shutil.which(name))), None)) is None:
        pytest.fail("these tests need Chromium; install the package chromium")
    return found


@pytest.fixture(scope="session")
def demo() -> Iterator[Playing]:
    """A small live demo on a free port."""
    with playing(App.open, leads=15, port=0) as found:
        yield found


@pytest.fixture
def opens(playwright: Playwright, chromium: str, demo: Playing) -> Iterator[Opens]:
    """Opens the page in a browser of its own; at the end everything it did is judged.

    One browser for each test, because to close a browser has an end and to close its windows has none: one that
    answers no more is ended by Playwright after 30 seconds.
    """
    with playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS) as browser:
        complaints: list[str] = []

        def open_page(path: str = "", **options: Any) -> Page:
            context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: complaints.extend(_abroad(request.url, demo.url)))
            page.goto(demo.url + path)
            return page

        yield open_page
        assert complaints == []


def _abroad(url: str, home: str) -> list[str]:
    return [] if url.startswith(home) else [f"request to {url}"]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[towns.Town]:
    """A small synced world with the console over it; the tests of a module share it."""
    with towns.town(tmp_path_factory.mktemp("town")) as made:
        yield made


@pytest.fixture(scope="module")
def living(tmp_path_factory: pytest.TempPathFactory) -> Iterator[live.Living]:
    """A daemon with its console; the tests of a module share it."""
    with live.living(tmp_path_factory.mktemp("living")) as made:
        yield made


@pytest.fixture(params=[pytest.param(Hands, id="mouse", marks=pytest.mark.long), pytest.param(Keys, id="keyboard")])
def hands(request: pytest.FixtureRequest) -> type[Hands]:
    """How a story is done: by mouse, and once more by keyboard alone."""
    chosen: type[Hands] = request.param
    return chosen


@pytest.fixture
def visits(
    playwright: Playwright, chromium: str, living: live.Living, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Opens]:
    """Opens a page of the console in a browser of its own, signed in; at the end everything it did is judged.

    `told`: a pattern of what the browser may write to its console, such as that an answer was a refusal.
    """
    with playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS) as browser:
        complaints: list[str] = []
        mistakes = _mistakes(monkeypatch)

        def open_page(path: str = "/", name: str | None = "ada", told: str | None = None, **options: Any) -> Page:
            context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
            context.set_default_timeout(PATIENCE)
            if name is not None:
                context.add_cookies([{"name": "syncd", "value": living.secret(name), "url": living.url}])
            page = context.new_page()
            page.on("console", lambda one: complaints.extend(_unlike(told, f"console: {one.text}")))
            page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
            page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
            page.on("request", lambda request: complaints.extend(_abroad(request.url, living.url)))
            page.on("response", lambda answer: complaints.extend(_mistaken(told, answer)))
            page.goto(living.url + path)
            return page

        yield open_page
        assert complaints == [], "\n".join(mistakes)


def _mistakes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where something goes wrong in the console from now on, or in the server under it: for whoever mends it."""
    found: list[str] = []
    inner = Console._trouble

    def trouble(self: Console, request: Any, status: int, sentence: str) -> Any:
        if status == 500:
            found.append(f"{request.url.path}: {traceback.format_exc()}")
        return inner(self, request, status, sentence)

    def error(text: str, *given: Any, **_: Any) -> None:
        found.append(f"{text % given}: {traceback.format_exc()}")

    monkeypatch.setattr(Console, "_trouble", trouble)
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "error", error)
    return found


def _mistaken(told: str | None, answer: Response) -> list[str]:
    asked = f"{answer.request.method} {answer.url}"
    return _unlike(told, f"Failed to load resource, a status of 500: {asked}") if answer.status == 500 else []


def _unlike(told: str | None, said: str) -> list[str]:
    return [] if told is not None and re.search(told, said) else [said]
