"""The console in a real browser: signing in, what is live, themes, keyboard, and every page judged by axe.

What is not here: the stories of single pages.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from syncd.console.ask import Role
from syncd.console.pages import PAGES
from tests.console.judge import faults
from tests.console.living import Living
from tests.console.town import PASSWORD

Opens = Callable[..., Page]
PLAIN = [page.path for page in PAGES if "{" not in page.path]


def test_a_new_person_comes_in_and_out(living: Living, visits: Opens) -> None:
    """By a link, with a password twice, then by name and password; signed out, the pages are shut."""
    page = visits("/login", None, told="status of 401")
    page.goto(living.invite("newcomer", Role.VIEWER))
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Once more").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="How it goes")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill("newcomer")
    page.get_by_label("Password").fill("a wrong one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("Name or password is wrong.")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="How it goes")).to_be_visible()


def test_the_first_page_is_live(living: Living, visits: Opens) -> None:
    """A lead that is entered now is counted without anybody's touching the page."""
    living.settle()
    page = visits()
    linked = page.locator("#pair-sales dd").first
    before = int(linked.inner_text().replace(",", ""))
    living.new_lead()
    expect(linked).to_have_text(f"{before + 2:,}")


def test_a_link_is_shown_once_and_works(living: Living, visits: Opens) -> None:
    """Who lets somebody in gets a link to hand over; it stays until it is closed, and leads to the welcome."""
    page = visits("/people")
    page.get_by_label("Name", exact=True).fill("friend")
    page.get_by_role("button", name="Make a link").click()
    secret = page.locator(".note .secret")
    expect(secret).to_be_focused()
    address = secret.input_value()
    expect(page.locator("#account-friend")).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(secret).to_have_count(0)
    page.goto(address)
    expect(page.get_by_role("heading", name="Welcome, friend")).to_be_visible()


def test_a_change_of_role_can_be_taken_back(living: Living, visits: Opens) -> None:
    """The note that says it was done has the way back."""
    page = visits("/people")
    role = page.get_by_label("Role of vera")
    role.select_option("operator")
    expect(page.locator(".note")).to_contain_text("vera is operator now.")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".note").last).to_contain_text("vera is viewer now.")
    expect(role).to_have_value("viewer")


def test_the_theme_is_kept(visits: Opens) -> None:
    """Light or dark as the reader chose, also on the next page."""
    page = visits(color_scheme="light")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto(page.url + "systems")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_times_are_the_readers(visits: Opens) -> None:
    """In words that the reader's own clock and zone give, with the exact moment behind."""
    page = visits(timezone_id="America/Chicago", locale="en-US")
    time = page.locator("#system-hubspot time").first
    expect(time).to_contain_text("ago")
    assert "UTC" not in (time.get_attribute("title") or "UTC")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_shuts_anybody_out(living: Living, visits: Opens, scheme: str) -> None:
    """Axe finds no violation on any page, and on a phone nothing is wider than the screen."""
    page = visits(color_scheme=scheme, viewport={"width": 390, "height": 800})
    found = {}
    for path in PLAIN:
        page.goto(living.url + path)
        page.wait_for_load_state("load")
        wrong = faults(page)
        if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            wrong.append("it scrolls sideways")
        if wrong:
            found[path] = wrong
    assert found == {}


def test_everything_is_reached_by_keyboard(visits: Opens) -> None:
    """From the top of the page by Tab alone: the way past the navigation, each of its pages, the search."""
    page = visits()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the page")).to_be_focused()
    seen = []
    for _ in range(30):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.id || document.activeElement.textContent.trim()"))
        if "Sign out" in seen:
            break
    words = [one.nav for one in PAGES if one.nav]
    assert [word for word in words if word not in seen] == [] and {"find", "theme", "Sign out"} <= set(seen)


def test_a_page_that_stays_open_does_not_grow(living: Living, visits: Opens) -> None:
    """Drawn anew a thousand times, as in a busy week, it holds as many nodes and listeners as after a few.

    The browser may keep the last page that was taken out for as long as it likes: what one page holds is held twice.
    """
    page = visits()
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("HeapProfiler.enable")

    def collected() -> dict[str, float]:
        session.send("HeapProfiler.collectGarbage")
        metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
        return {name: metrics[name] for name in ("Nodes", "JSEventListeners", "JSHeapUsedSize")}

    def held() -> dict[str, float]:
        rounds = []
        for _ in range(5):
            rounds.append(collected())
            page.wait_for_timeout(100)
        return {name: min(one[name] for one in rounds) for name in rounds[0]}

    def drawn(times: int) -> None:
        page.evaluate("async times => { for (let n = 0; n < times; n++) await refresh(); }", times)

    drawn(40)
    before = held()
    drawn(1000)
    after = held()
    assert after["Nodes"] <= before["Nodes"] * 2 + 50, (before, after)
    assert after["JSEventListeners"] <= before["JSEventListeners"] * 2 + 10, (before, after)
    assert after["JSHeapUsedSize"] <= before["JSHeapUsedSize"] * 1.3 + 500_000, (before, after)


def test_a_page_says_that_it_is_old_and_goes_on_by_itself(visits: Opens) -> None:
    """While syncd is not reached a banner says since when; when it is again, the banner goes."""
    page = visits(told="ERR_INTERNET_DISCONNECTED")
    expect(page.locator("#offline")).to_be_hidden()
    page.context.set_offline(True)
    page.evaluate("reached()")
    expect(page.locator("#offline")).to_be_visible()
    expect(page.locator("#offline")).to_contain_text("syncd does not answer")
    page.context.set_offline(False)
    page.evaluate("reached()")
    expect(page.locator("#offline")).to_be_hidden()
