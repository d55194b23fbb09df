"""A real browser at the page of a live demo: Chromium, both sandboxes, the daemon. Without a browser these tests fail.

Every page is watched: nothing may be written to the console, and no request may leave 127.0.0.1.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from syncd.app import App
from syncd.lab.demo import Playing, playing

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
def browser() -> Iterator[Browser]:
    """Chromium with an empty profile."""
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        pytest.fail("these tests need Chromium; install the package chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=found, headless=True, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def demo() -> Iterator[Playing]:
    """A small live demo on a free port."""
    with playing(App.open, leads=15, port=0) as found:
        yield found


@pytest.fixture
def opens(browser: Browser, demo: Playing) -> Iterator[Opens]:
    """Opens the page in a fresh profile; at the end everything it did is judged."""
    complaints: list[str] = []
    contexts = []

    def open_page(path: str = "", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1360, "height": 900}, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (complaints.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("request", lambda request: complaints.extend(_abroad(request.url, demo.url)))
        page.goto(demo.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def _abroad(url: str, home: str) -> list[str]:
    return [] if url.startswith(home) else [f"request to {url}"]
