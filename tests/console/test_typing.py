"""What a reader is at stays theirs while a page is drawn anew: text that was typed, and what has the focus."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.console.living import Living

Opens = Callable[..., Page]


def anew(page: Page, times: int = 3) -> None:
    """Draw the page anew, as when something changed."""
    page.evaluate("async times => { for (let n = 0; n < times; n++) await refresh(); }", times)


def test_what_is_typed_stays_also_where_the_focus_has_gone_on(visits: Opens) -> None:
    """A form of several fields can be filled in while the world moves; what was sent is let go."""
    page = visits("/me")
    first, second = page.get_by_label("The one you have"), page.get_by_label("A new one, 12 letters or more")
    first.fill("the old one")
    anew(page)
    second.fill("several words with spaces")
    anew(page)
    page.get_by_label("Once more").focus()
    anew(page)
    expect(first).to_have_value("the old one")
    expect(second).to_have_value("several words with spaces")


def test_a_choice_stays_until_it_is_sent(visits: Opens) -> None:
    """A role that was chosen for somebody new is still chosen when their name is typed."""
    page = visits("/people")
    page.get_by_label("Role", exact=True).select_option("operator")
    page.get_by_label("Name", exact=True).fill("newcomer")
    anew(page)
    expect(page.get_by_label("Role", exact=True)).to_have_value("operator")
    expect(page.get_by_label("Name", exact=True)).to_have_value("newcomer")


def test_enter_presses_what_has_the_focus(living: Living, visits: Opens) -> None:
    """Enter opens the record of a row; on a link within the row it follows that link."""
    living.settle()
    page: Any = visits("/handoffs?state=linked")
    row = page.locator("#handoffs [data-row]").first
    link = row.get_by_role("link", name="run ").first
    href = link.get_attribute("href")
    link.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{href}")
    page.go_back()
    row.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/records/**")


def test_what_is_on_its_way_may_still_be_refused(visits: Opens) -> None:
    """The page is drawn anew between a deed and its answer: the text that is refused then is still there."""
    page = visits("/people", told="422")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/people/invite", hold)
    name = page.get_by_label("Name", exact=True)
    name.fill("no name at all!")
    page.get_by_role("button", name="Make a link").click()
    while not held:
        page.wait_for_timeout(50)
    anew(page)
    held[0].continue_()
    expect(page.locator(".note.bad")).to_be_visible()
    anew(page)
    expect(name).to_have_value("no name at all!")


def test_what_was_refused_can_be_mended(visits: Opens) -> None:
    """Text that a deed would not take stays in its field; what it took is gone from there."""
    page = visits("/people", told="422")
    name = page.get_by_label("Name", exact=True)
    name.fill("no name at all!")
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".note.bad")).to_be_visible()
    anew(page)
    expect(name).to_have_value("no name at all!")
    name.fill("somebody")
    page.get_by_role("button", name="Make a link").click()
    expect(page.locator(".note .secret")).to_be_visible()
    anew(page)
    expect(name).to_have_value("")


def _held(page: Page, form: str) -> list[Route]:
    """The drafts with these words in their form, kept on their way."""
    held: list[Route] = []
    page.route("**/draft", lambda one: held.append(one) if form in (one.request.post_data or "") else one.continue_())
    return held


def _came(page: Page, held: list[Route]) -> Route:
    while not held:
        page.wait_for_timeout(50)
    return held.pop()


def test_an_editor_takes_nothing_while_an_answer_is_on_its_way(visits: Opens, living: Living) -> None:
    """What is pressed or typed meanwhile would be about what stood there before; then the focus is where it was."""
    page = visits("/maps/sales/contacts")
    held = _held(page, "do=set")
    row = page.locator("#row-fields-6")
    row.locator("summary").filter(has_text="Change").click()
    row.get_by_label("When both changed").select_option(label="HubSpot wins")
    button, other, text = (
        row.get_by_role("button", name="Put into the draft"),
        page.locator("#tab-text"),
        page.locator("#text"),
    )
    place = other.bounding_box()
    button.click()
    changed = _came(page, held)
    expect(page.locator("#map")).to_have_js_property("inert", True)
    assert place is not None
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url))
    page.mouse.click(place["x"] + 5, place["y"] + 5)
    page.keyboard.press("Enter")
    page.keyboard.type("abc")
    changed.continue_()
    expect(button).to_be_focused()
    expect(text).to_have_value(re.compile("owner: left"))
    assert [url for url in asked if "draft" in url] == []
    other.click()
    expect(page.get_by_role("textbox", name="The map as text")).to_have_value(re.compile("owner: left"))


@pytest.mark.parametrize("broken", [True, False])
def test_an_answer_that_does_not_come_gives_the_editor_back(visits: Opens, living: Living, *, broken: bool) -> None:
    """A change that was refused, or did not arrive, can be made again."""
    page = visits("/maps/sales/contacts", told="Failed to load resource|htmx:|Response Status")
    held = _held(page, "do=add")
    page.locator("#add-left").fill("fax")
    page.get_by_role("button", name="Add to the draft").click()
    one = _came(page, held)
    if broken:
        one.abort()
    else:
        one.fulfill(status=500, body="no")
    expect(page.get_by_role("button", name="Add to the draft")).to_be_focused()
    expect(page.locator("#add-left")).to_have_value("fax")


def test_a_tick_stays_while_the_draft_changes(visits: Opens, living: Living) -> None:
    """Who wants the map to plan first, and why, has said so, whatever is changed after that."""
    page = visits("/maps/sales/contacts")
    page.get_by_label("Why?").fill("They said so")
    page.get_by_label("First only plan").check()
    for tab in ("YAML", "Tests", "Rules"):
        page.get_by_role("button", name=tab, exact=True).click()
        expect(page.get_by_role("button", name=tab, exact=True)).to_have_attribute("aria-current", "true")
        expect(page.get_by_label("First only plan")).to_be_checked()
        expect(page.get_by_label("Why?")).to_have_value("They said so")
    page.get_by_label("First only plan").uncheck()
    page.get_by_role("button", name="Tests", exact=True).click()
    expect(page.get_by_text("all hold")).to_be_visible()
    expect(page.get_by_label("First only plan")).not_to_be_checked()


def test_nobody_waits_for_an_impact_he_leaves(visits: Opens, living: Living) -> None:
    """Another tab ends the wait for the impact, which does not come back later."""
    page = visits("/maps/sales/contacts?tab=impact", told="htmx:(afterRequest|sendAbort)")
    held = _held(page, "do=impact")
    page.get_by_role("button", name="Work it out").click()
    _came(page, held)
    with page.expect_event("requestfailed", lambda one: "do=impact" in (one.post_data or "")):
        page.get_by_role("button", name="Tests").click()
    expect(page.get_by_text("all hold")).to_be_visible()
