"""Leads on the demo's page: linked people like contacts, whose edits cross, and who become contacts when converted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import expect

from syncd.app import App
from syncd.core.model import Side
from syncd.lab.crm import SALESFORCE
from syncd.lab.demo import Playing, playing

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def demo() -> Iterator[Playing]:
    """A small live demo with Salesforce on a free port."""
    with playing(App.open, crm=SALESFORCE, leads=6, port=0) as found:
        yield found


def test_a_lead_is_linked_edited_and_converted(opens: Any, demo: Playing) -> None:
    """It stands with its JobNimbus contact; what is typed crosses; converted it is a contact with the same twin."""
    page = opens()
    page.locator("#list a:has(.tag.both):not(:has(.tag.ask)):has-text('Working')").first.click()
    card = page.locator(".two").first
    expect(card.locator("h3")).to_contain_text("Lead")
    left, right = (card.locator(f'tr[data-rule="City"] td.{side} input:not([type=hidden])') for side in Side)
    right.fill("Peoria")
    right.press("Enter")
    expect(left).to_have_value("Peoria")
    lead = page.url.rpartition("left%3A")[2]
    made = demo.stage.left.act("convert", "Lead", id=lead)
    page.goto(f"{demo.url}?person=left:{made['contact']}")
    expect(card.locator("h3")).to_contain_text("Contact")
    expect(card.locator("h3 .tag.both")).to_have_count(1)
    expect(page.locator(f'#list a[id="a-left:{lead}"]')).to_have_count(0)
