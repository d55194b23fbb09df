"""Signing in by OpenID Connect in a real browser, by way of another site. What is not here: what may go wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Playwright, expect

from tests.console.conftest import ARGUMENTS, PATIENCE
from tests.console.oidc.door import Door


@pytest.fixture
def page(playwright: Playwright, chromium: str) -> Iterator[Page]:
    """A window in which nobody is signed in; what it complains of is judged at the end."""
    with playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS) as browser:
        complaints: list[str] = []
        found = browser.new_context().new_page()
        found.set_default_timeout(PATIENCE)
        found.on("console", lambda one: complaints.append(one.text))
        found.on("pageerror", lambda error: complaints.append(str(error)))
        yield found
        assert [one for one in complaints if "403" not in one and "favicon" not in one and "404" not in one] == []


def faults(page: Page) -> list[str]:
    """What axe finds against WCAG 2.2, levels A and AA."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found: Any = Axe().run(page, options={"runOnly": {"type": "tag", "values": rules}}).response
    return [f"{one['id']}: {node['html'][:160]}" for one in found["violations"] for node in one["nodes"]]


def test_a_person_comes_back_signed_in(door: Door, page: Page) -> None:
    """From the page that was asked for to the other site and back to it, signed in, by keyboard alone."""
    page.goto(f"{door.url}/people")
    button = page.get_by_role("link", name="Continue with Example Roofing")
    assert faults(page) == []
    door.provider.person["email"] = "ada@example.com"
    button.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Provider")).to_be_visible()
    assert page.url.startswith(door.provider.issuer)
    page.get_by_role("button", name="Yes, it is me").press("Enter")
    expect(page.get_by_role("link", name="ada@example.com")).to_be_visible()
    assert page.url == f"{door.url}/people"
    kept = {one["name"]: one["sameSite"] for one in page.context.cookies()}
    assert kept == {"syncd": "Strict"}
    page.reload()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in to syncd")).to_be_visible()


def test_a_stranger_is_told_whom_to_ask(door: Door, page: Page) -> None:
    """Who has no account stands at the sign-in again with the sentence, can go on from there, and is nobody."""
    door.provider.person["email"] = "mallory@example.com"
    page.goto(f"{door.url}/login")
    page.get_by_role("link", name="Continue with Example Roofing").click()
    page.get_by_role("button", name="Yes, it is me").click()
    expect(page.get_by_role("alert")).to_contain_text("There is no account mallory@example.com here.")
    assert faults(page) == []
    assert page.context.cookies() == []
    door.provider.person["email"] = "vera@example.com"
    page.get_by_role("link", name="Continue with Example Roofing").click()
    page.get_by_role("button", name="Yes, it is me").click()
    expect(page.get_by_role("heading", name="How it goes")).to_be_visible()
