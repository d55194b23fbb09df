"""The demo's page does what it says: edits cross, questions are answered, newcomers come once, trouble does no harm."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from syncd.lab.demo import Playing
from syncd.lab.page import play
from syncd.lab.process import until

pytestmark = pytest.mark.timeout(240)

LINKED = "#list a:has(.tag.both):not(:has(.tag.ask))"
HOSTILE = "<script>alert('x')</script><img src=x onerror=alert(1)> & \"Söhne\""


def linked(page: Page, number: int = 0) -> str:
    """Open the card of the n-th linked person nobody is asked about, as soon as there is one; their left id."""
    link = page.locator(LINKED).nth(number)
    link.wait_for()
    key = str(link.get_attribute("id")).removeprefix("a-")
    link.click()
    page.locator(f'#list a[aria-current][id="a-{key}"]').wait_for()
    page.locator(".two").first.wait_for()
    return key.removeprefix("left:")


def field(page: Page, rule: str, side: str) -> Any:
    """The input of a rule of the contact on a side."""
    return page.locator(f'.two >> nth=0 >> tr[data-rule="{rule}"] td.{side} :is(input:not([type=hidden]), select)')


def line(page: Page, rule: str) -> Any:
    """The line of a rule of the contact."""
    return page.locator(f'.two >> nth=0 >> tr[data-rule="{rule}"]')


def type_in(page: Page, rule: str, side: str, text: str) -> None:
    """Type a value as a person does, and press Enter."""
    field(page, rule, side).fill(text)
    field(page, rule, side).press("Enter")


def stored(demo: Playing, left_id: str) -> dict[str, Any]:
    """A contact as the left sandbox's own store has it."""
    return next(row["properties"] for row in demo.stage.left.records("contacts") if row["id"] == left_id)


@pytest.mark.parametrize(("here", "there", "title"), [("left", "right", "HubSpot"), ("right", "left", "JobNimbus")])
def test_an_edit_arrives_on_the_other_side(opens: Any, demo: Playing, here: str, there: str, title: str) -> None:
    """A value typed on one side appears on the other within seconds, with how long it took, why, and in the stream."""
    page = opens()
    linked(page)
    type_in(page, "company", here, f"Seen from {here}")
    expect(field(page, "company", there)).to_have_value(f"Seen from {here}")
    expect(line(page, "company")).to_have_class("arrived")
    expect(line(page, "company").locator(".state")).to_have_text(
        re.compile(rf"arrived after \d+\.\d s: changed in {title}")
    )
    expect(page.locator("#stream-list")).to_contain_text(f"Seen from {here}")
    rights = [row["company"] for row in demo.stage.right.records("contacts")]
    assert rights.count(f"Seen from {here}") == 1, "the page says so, but the right account does not"


@pytest.mark.parametrize("choice", ["left", "right", "own"])
def test_a_conflict_is_asked_and_decided(opens: Any, demo: Playing, choice: str) -> None:
    """Edits of one field on both sides become a question; either side's value or a third one settles both."""
    page = opens()
    left_id = linked(page, 1)
    page.locator("#do-clash").click()
    page.locator("#asks .take button.left").wait_for()
    values = {side: page.locator(f"#asks .take button.{side} b").inner_text() for side in ("left", "right")}
    assert values["left"] != values["right"]
    values["own"] = "A third value"
    if choice == "own":
        page.locator("#asks .own input").fill(values["own"])
        page.locator("#asks .own button").click()
    else:
        page.locator(f"#asks .take button.{choice}").click()
    page.locator("#asks").wait_for(state="detached")
    for side in ("left", "right"):
        expect(page.locator(f'.two >> nth=0 >> td.{side} input[value="{values[choice]}"]')).to_have_count(1)
    assert values[choice] in stored(demo, left_id).values()


@pytest.mark.parametrize(("button", "address"), [("#do-lead", "left"), ("#do-customer", "right")])
def test_a_newcomer_crosses_once(opens: Any, demo: Playing, button: str, address: str) -> None:
    """A new person with a deal or job on one side appears on the other with theirs, linked, and only once."""
    page = opens()
    page.locator(button).click()
    page.wait_for_url(f"**person={address}*")
    expect(page.locator(".two h3 .tag.both")).to_have_count(2)
    email = field(page, "email", "left").input_value()
    lefts = [row for row in demo.stage.left.records("contacts") if row["properties"].get("email") == email]
    rights = [row for row in demo.stage.right.records("contacts") if row["email"] == email]
    assert (len(lefts), len(rights)) == (1, 1)


def test_hostile_text_stays_text(opens: Any) -> None:
    """Markup typed into a record is shown as it is, on both sides and in the stream, and never runs."""
    page = opens()
    linked(page, 2)
    type_in(page, "company", "left", HOSTILE)
    expect(field(page, "company", "right")).to_have_value(HOSTILE)
    expect(page.locator("#stream-list ins").first).to_have_text(HOSTILE)
    assert page.locator("#page script, #page img").count() == 0


def test_what_is_being_typed_is_left_alone(opens: Any, demo: Playing) -> None:
    """While somebody types, the live page does not touch the field; Escape brings the stored value back, unsent."""
    page = opens()
    left_id = linked(page)
    before = field(page, "city", "left").input_value()
    field(page, "city", "left").fill("Half a wo")
    page.wait_for_timeout(2500)
    expect(field(page, "city", "left")).to_have_value("Half a wo")
    expect(field(page, "city", "left")).to_be_focused()
    page.keyboard.press("Escape")
    expect(field(page, "city", "left")).to_have_value(before)
    assert (stored(demo, left_id)["city"] or "") == before


def test_the_keyboard_is_enough(opens: Any) -> None:
    """Search, choose and edit without a pointer; the address remembers who is open."""
    page = opens()
    page.locator(LINKED).first.wait_for()
    name = page.locator(f"{LINKED} .who").first.inner_text()
    page.locator("#q").focus()
    page.keyboard.insert_text(name)
    page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get("q") == [name])
    expect(page.locator("#list a .who").first).to_have_text(name)
    page.keyboard.press("Tab")
    expect(page.locator("#list a").first).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url("**person=*")
    expect(page.locator(".person h2")).to_have_text(name)
    page.go_back()
    expect(page.locator("#teach")).to_be_visible()


def test_a_late_drawing_is_thrown_away(opens: Any) -> None:
    """The live page that was asked for before a search and comes after it does not bring the others back."""
    page = opens()
    page.locator(LINKED).first.wait_for()
    name, everybody = page.locator(f"{LINKED} .who").first.inner_text(), page.locator("#list a").count()
    held: list[Any] = []

    def hold(route: Any) -> None:
        held.append(route)

    page.route(lambda url: "q=" not in url, hold)
    with page.expect_request(lambda request: "q=" not in request.url):
        pass
    page.locator("#q").fill(name)
    expect(page.locator("#list a")).not_to_have_count(everybody)
    page.evaluate("""() => {
        const count = () => document.querySelectorAll("#list a").length;
        window.most = count();
        new MutationObserver(() => { window.most = Math.max(window.most, count()); })
            .observe(document.getElementById("page"), {childList: true, subtree: true});
    }""")
    with page.expect_request(lambda request: "q=" in request.url):
        held[0].continue_()
    assert page.evaluate("window.most") < everybody


def test_the_numbers_are_so(opens: Any, demo: Playing) -> None:
    """Requests and links on the page are those of the sandboxes' logs and of the list of people."""
    page = opens()
    page.locator(LINKED).first.wait_for()
    for side, vendor, name in (("left", demo.stage.left, "hubspot"), ("right", demo.stage.right, "jobnimbus")):
        low, at = vendor.mark() - demo.stage.since[name], page.locator(f"#requests-{side}")
        until(lambda at=at, low=low: int(at.inner_text()) >= low, within=30, what="the page")
        assert int(at.inner_text()) <= vendor.mark() - demo.stage.since[name]
    expect(page.locator("#n-people")).to_have_text(str(page.locator("#list .tag.both").count()))


def test_trouble_harms_nothing(opens: Any, demo: Playing, monkeypatch: pytest.MonkeyPatch) -> None:
    """While both vendors fail, an edit and a newcomer still cross, once each, when the trouble is over."""
    monkeypatch.setattr(play, "TROUBLE", timedelta(seconds=4))
    page = opens()
    page.locator("#do-trouble").click()
    page.locator("#trouble").wait_for()
    page.locator("#do-lead").click()
    page.wait_for_url("**person=left*")
    expect(page.locator("#do-trouble")).to_be_visible()
    expect(page.locator(".two h3 .tag.both")).to_have_count(2, timeout=90_000)
    email = field(page, "email", "left").input_value()
    assert sum(row["email"] == email for row in demo.stage.right.records("contacts")) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1920])
def test_it_is_readable_everywhere(opens: Any, scheme: str, width: int) -> None:
    """From a small phone to a wide screen nothing sticks out sideways, and all text has the contrast of WCAG AA."""
    page = opens(color_scheme=scheme, viewport={"width": width, "height": 900})
    linked(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const canvas = Object.assign(document.createElement("canvas"), {width: 1, height: 1});
  const ink = canvas.getContext("2d", {willReadFrequently: true});
  const rgb = (color, over) => {
    ink.fillStyle = `rgb(${over.join()})`; ink.fillRect(0, 0, 1, 1);
    ink.fillStyle = color; ink.fillRect(0, 0, 1, 1);
    return [...ink.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const ground = (element) => element === null ? [255, 255, 255]
    : rgb(getComputedStyle(element).backgroundColor, ground(element.parentElement));
  const light = (color) => color.map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const poor = new Set();
  for (const element of document.querySelectorAll("body *")) {
    const speaks = element.matches("input:not([type=hidden]), select")
      || [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!speaks || !element.checkVisibility() || element.closest(".off, [aria-disabled], option, thead")) continue;
    const back = ground(element);
    const [a, b] = [light(back), light(rgb(getComputedStyle(element).color, back))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.add(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return [...poor];
}"""
