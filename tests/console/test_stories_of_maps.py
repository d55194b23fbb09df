"""What people come to the console's maps for, from beginning to end, in a real browser: by mouse and by keyboard alone.

What is not here: other stories (`test_stories`), and single pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, expect

from syncd.core.model import Side
from syncd.service import mapfiles
from tests.console.hands import Hands
from tests.console.judge import faults
from tests.console.living import Living

Opens = Callable[..., Page]


def _text(living: Living, name: str) -> str:
    """What the file of a map says."""
    file = mapfiles.one(living.app.config, "sales", name)
    assert file is not None
    return mapfiles.text_of(file)


def _save(page: Page, at: Hands, why: str) -> None:
    at.write(page.get_by_label("Why?"), why)
    at.press(page.get_by_role("button", name="Save as a new version"))
    expect(page.locator(".note")).to_contain_text("Saved as version")
    expect(page.get_by_label("Why?")).to_have_value("")


def test_a_custom_field(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """A new field is put into a map, seen on a record, weighed, tested and saved; then it is carried."""
    name = f"gate_{hands.__name__.lower()}"
    field = {"name": name, "label": "Gate code", "type": "string", "fieldType": "text"}
    right = {"gate_hands": "fax_number", "gate_keys": "website"}[name]
    living.stage.left.act("property_create", "contacts", definition=field)
    link = living.linked(1)[0]
    page = visits()
    at = hands(page)
    at.go("Maps")
    at.press(page.get_by_role("link", name="contacts", exact=True))
    at.press(page.get_by_role("button", name="Ask both systems for their fields again"))
    expect(page.get_by_text("These are their fields as they are now")).to_be_visible()
    at.write(page.locator("#add-left"), name)
    at.write(page.locator("#add-right"), right)
    at.press(page.get_by_role("button", name="Add to the draft"))
    expect(page.get_by_text("This is a draft")).to_be_visible()
    expect(page.locator("#rules")).to_contain_text(name)
    expect(page.locator("#mistakes .tag.bad")).to_have_count(0)
    at.press(page.get_by_role("button", name="A record"))
    at.write(page.get_by_label("Name, e-mail, id or link"), f"hubspot:contacts:{link.left_id}")
    at.press(page.get_by_role("button", name="Show"))
    expect(page.locator("#look")).to_contain_text(name)
    at.press(page.get_by_role("button", name="Impact"))
    at.press(page.get_by_role("button", name="Work it out"))
    expect(page.locator("#impact-words")).to_contain_text("linked records it would write 0")
    at.press(page.get_by_role("button", name="Tests"))
    expect(page.get_by_text("all hold")).to_be_visible()
    assert faults(page) == []
    _save(page, at, "They want the gate codes")
    living.until(lambda: name in living.app.world.maps["sales/contacts"].reads(Side.LEFT), "the daemon to take it")
    living.polled()
    living.stage.left.act("update", "contacts", id=link.left_id, fields={name: "4411"})
    living.until(lambda: _customer(living, link.right_id)[right] == "4411", "the gate code")
    assert faults(page) == []


def _customer(living: Living, id_: str) -> dict[str, Any]:
    return next(row for row in living.stage.right.records("contacts") if row["jnid"] == id_)


def test_a_missing_value(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """A stage that the map does not know gets its counterpart where its records are parked, and they go on."""
    stage, number = {"Hands": ("Claim Filed", "171230001"), "Keys": ("Approved", "171230003")}[hands.__name__]
    links = living.linked(2, "sales/deals-jobs")
    moved = {"pipeline": "88112233", "dealstage": number}
    living.stage.left.acts("update", "deals", [{"id": one.left_id, "fields": moved} for one in links])
    page = visits("/parked")
    at = hands(page)
    at.press(page.get_by_role("link", name=re.compile("Show them.*deals-jobs")))
    lack = page.locator("#lacks li").first
    expect(lack).to_contain_text(f"2 records wait for a counterpart of {stage} in Deal Stage")
    assert faults(page) == []
    at.choose(lack.get_by_role("combobox"), "Estimating")
    at.press(lack.get_by_role("button", name="Name it in the map"))
    expect(page.locator(".note")).to_contain_text(f"{stage} is Estimating from now on")
    expect(page.get_by_role("heading", name="Nothing waits for this any more")).to_be_visible()
    living.until(lambda: {_status(living, one.right_id) for one in links} == {"Estimating"}, "both jobs")
    assert re.search(rf"{number}.?: Estimating", _text(living, "deals-jobs"))
    assert faults(page) == []


def _status(living: Living, id_: str) -> str:
    return next(str(row["status_name"]) for row in living.stage.right.records("jobs") if row["jnid"] == id_)


def test_back_to_the_first(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """After two saves a map is rolled back to the first, and its file says what it said."""
    text = _text(living, "contacts")
    living.linked(1)
    page = visits("/maps/sales/contacts")
    at = hands(page)
    for number, owner in ((6, "JobNimbus wins"), (7, "HubSpot wins")):
        row = page.locator(f"#row-fields-{number}")
        at.press(row.locator("summary").filter(has_text="Change"))
        at.choose(row.get_by_label("When both changed"), owner)
        at.press(row.get_by_role("button", name="Put into the draft"))
        expect(row.locator("td[data-name='When both changed']")).to_have_text(owner)
        _save(page, at, f"{owner} for {number}")
    assert _text(living, "contacts") != text
    at.press(page.get_by_role("link", name="Versions"))
    rows = page.locator("#versions [data-row]")
    expect(rows.first).to_contain_text("HubSpot wins for 7")
    first = rows.nth(2)
    at.press(first.get_by_role("link", name="Compare"))
    expect(page.get_by_label("Differences")).to_contain_text("owner: right")
    assert faults(page) == []
    at.press(page.get_by_role("button", name="Go back to this version"))
    expect(page.get_by_text("the map says this very text")).to_be_visible()
    assert _text(living, "contacts") == text
    assert faults(page) == []
