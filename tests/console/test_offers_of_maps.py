"""The list of what may stand in a map's text: on the page's door, and at the cursor in a real browser.

What is not here: what is offered where (`tests/fieldmaps/test_offers`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.console.hands import Hands, Keys
from tests.console.judge import faults
from tests.console.living import Living
from tests.console.test_maps_page import form_of, path_of
from tests.console.town import Town

Opens = Callable[..., Page]


def test_real_fields_are_offered(town: Town) -> None:
    """The fields are those of the accounts, with id and label; no vendor is asked for them."""
    asked = town.asked()
    text = "version: 1\nfields:\n  - {left: hs_lead_st|}\n"
    at = text.index("|") - text.rindex("\n", 0, text.index("|"))
    form = form_of(town, line="3", column=str(at)) | {"text": text.replace("|", "")}
    answer = town.post(f"{path_of(town)}/offers", form)
    assert answer.status_code == 200
    assert 'role="option"' in answer.text and 'data-insert="hs_lead_status"' in answer.text
    assert "Lead Status" in answer.text
    assert town.asked() == asked


def test_nothing_is_offered_where_nothing_is_known(town: Town) -> None:
    """A place of which nothing is known, and numbers that are none, get an empty list, not a mistake."""
    for line, column in (("1", "1"), ("x", ""), ("9" * 40, "-3")):
        answer = town.post(f"{path_of(town)}/offers", {"text": "# <script>\n", "line": line, "column": column})
        assert answer.status_code == 200
        assert "<script>" not in answer.text and "role" not in answer.text


def test_only_who_may_change_is_answered(town: Town) -> None:
    """A viewer and an operator are refused; a map that the set-up does not name is none."""
    for name in ("vera", "otto"):
        assert town.post(f"{path_of(town)}/offers", form_of(town), name).status_code == 403
    assert town.post("/maps/x/y/offers", form_of(town)).status_code == 404


@pytest.fixture
def text_tab(living: Living, visits: Opens, hands: type[Hands]) -> tuple[Page, Hands]:
    """The text of the contacts' map, as people get there."""
    assert living.app.world.maps
    page = visits("/maps/sales/contacts")
    at = hands(page)
    at.press(page.get_by_role("button", name="YAML"))
    expect(page.get_by_role("textbox", name="The map as text")).to_be_visible()
    return page, at


def test_a_rule_is_written_with_it(text_tab: tuple[Page, Hands]) -> None:
    """A rule is typed with words out of the list, a custom field is pinned, and Ctrl+Z takes a word back."""
    page, at = text_tab
    text, offers = (
        page.get_by_role("textbox", name="The map as text"),
        page.get_by_role("listbox", name="What may stand here"),
    )
    rule = "fields:\n  - {le"
    at.write(text, rule)
    expect(offers.get_by_role("option").first).to_contain_text("left")
    expect(page.locator("#offers-told")).to_contain_text("offer")
    page.keyboard.press("ArrowDown")
    expect(offers.locator("[aria-selected=true]")).to_have_attribute("id", "offer-1")
    expect(text).to_have_attribute("aria-activedescendant", "offer-1")
    assert faults(page) == []
    page.keyboard.press("Enter")
    expect(text).to_have_value("fields:\n  - {left: ")
    expect(offers.get_by_role("option").nth(3)).to_be_visible()
    page.keyboard.type("hs_lead_st")
    expect(offers.get_by_role("option")).to_have_count(1)
    expect(offers).to_contain_text("Lead Status")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(text).to_have_value("fields:\n  - {left: hs_lead_status")
    expect(offers).to_be_hidden()
    page.keyboard.press("ControlOrMeta+z")
    expect(text).to_have_value("fields:\n  - {left: hs_lead_st")


def test_it_can_be_sent_away_and_left(text_tab: tuple[Page, Hands]) -> None:
    """Escape closes the list and it stays closed on that line; Enter without a choice is a new line; Tab goes on."""
    page, at = text_tab
    text, offers = (
        page.get_by_role("textbox", name="The map as text"),
        page.get_by_role("listbox", name="What may stand here"),
    )
    at.write(text, "la")
    expect(offers).to_be_visible()
    page.keyboard.press("Escape")
    expect(offers).to_be_hidden()
    page.keyboard.type("n")
    page.wait_for_timeout(600)
    expect(offers).to_be_hidden()
    page.keyboard.press("Control+Space")
    expect(offers.locator("[aria-selected=true]")).to_contain_text("lane")
    page.keyboard.press("Enter")
    expect(text).to_have_value("lane: ")
    expect(offers.get_by_role("option")).to_have_count(2)
    page.keyboard.press("Tab")
    expect(offers).to_be_hidden()
    expect(text).not_to_be_focused()
    at.press(page.get_by_role("button", name="What may stand at the cursor"))
    expect(offers).to_be_visible()
    if not isinstance(at, Keys):
        offers.get_by_role("option").nth(1).click()
        expect(text).to_have_value("lane: lead")
        expect(text).to_be_focused()
        return
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(text).to_have_value("lane: lead")
    page.keyboard.type("x")
    page.keyboard.press("Enter")
    expect(text).to_have_value("lane: leadx\n")
