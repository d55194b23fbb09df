"""A picture of every page in both themes, of a small world that lives; `make screenshots` keeps them in docs/console.

What is not here: whether a page is right.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from syncd.console.ask import Role
from syncd.console.finder import called
from syncd.console.pages import PAGES
from syncd.store.marks import HELD, PLANNED
from tests.console import living as live
from tests.console.living import Living
from tests.house.tree import ROOT, page

Opens = Callable[..., Page]
KEPT = os.environ.get("SYNCD_SCREENSHOTS")
HIGH, WIDE = 860, 1280
CITIES = {"light": "Galena", "dark": "Elgin"}
SCHEMES = tuple(CITIES)
RULE = '- {left: lifecyclestage, right: description, direction: "->"}\n'
FORMS = {"light": ("fields:\n", f"fields:\n{RULE}"), "dark": ("right: description, d", "right: website, d")}
"""What is changed in a map: one more field goes across, and then into another one."""


OF: Mapping[str, str] = {
    "/": "home", "/handoffs": "handoffs", "/conflicts": "conflicts", "/conflicts/{id}": "conflict",
    "/conflicts/{id}/history": "conflict-history", "/review": "review", "/records": "records",
    "/records/{system}/{kind}/{id}": "record", "/records/{system}/{kind}/{id}/history": "history",
    "/records/{system}/{kind}/{id}/files": "files",
    "/parked": "parked", "/held": "held", "/held/{pair}": "held-pair", "/planned/{pair}": "planned", "/runs": "runs",
    "/runs/{id}": "run", "/maps": "maps", "/maps/{pair}/{name}": "map", "/maps/{pair}/{name}/draft": "map-impact",
    "/maps/{pair}/{name}/offers": "map-text", "/maps/{pair}/{name}/versions": "map-versions",
    "/maps/{pair}/{name}/versions/{number}": "map-version", "/systems": "systems",
    "/systems/findings": "findings",
    "/systems/connect": "connect",
    "/systems/{system}/fields": "fields", "/people": "people", "/me": "me", "/deeds": "deeds", "/api": "api",
}  # fmt: skip
"""Each page's picture, by its path."""

DOORS = ("login", "welcome")
MAP = "/maps/sales/contacts"


def addresses(living: Living) -> dict[str, str]:
    """Name -> address of every page that is looked at as it is opened."""
    living.settle()
    with living.app.ready_store.read() as tx:
        link = tx.links.all("sales/deals-jobs", limit=1)[0]
        run = next(run.id for run in tx.runs.last(limit=50) if run.counts.get("create:written"))
        asked = tx.conflicts.list(states=["open"])[0].id
        person = tx.links.all("sales/contacts", limit=1)[0].left_id
        name = called(living.app.world, tx.snapshots.get("hubspot", "contacts", [person])[person])
    record = f"/records/hubspot/deals/{link.left_id}"
    for vendor, kind, id_, name_, size in (
        (living.stage.left, "deals", link.left_id, "Insurance claim.pdf", 482_113),
        (living.stage.right, "jobs", link.right_id, "Roof from the street.jpg", 3_210_448),
        (living.stage.right, "jobs", link.right_id, "Measurements.pdf", 91_350),
    ):
        vendor.act("attach", kind, id=id_, fields={"name": name_, "size": size})
        vendor.settle()
    made = {path: path for path in OF if "{" not in path} | {
        "/records": f"/records?q={quote(name)}", "/records/{system}/{kind}/{id}": record, "/runs/{id}": f"/runs/{run}",
        "/records/{system}/{kind}/{id}/history": f"{record}/history?field=dealname",
        "/records/{system}/{kind}/{id}/files": f"{record}/files",
        "/systems/{system}/fields": "/systems/hubspot/fields",
        "/conflicts/{id}": f"/conflicts/{asked}", "/conflicts/{id}/history": f"/conflicts/{asked}/history",
        "/maps/{pair}/{name}": "/maps/sales/deals-jobs",     }  # fmt: skip
    return {OF[path]: address for path, address in made.items()}


def typed(living: Living, shown: Page, _scheme: str) -> None:
    """A rule is begun in the text of a map, and what may stand there is offered."""
    shown.goto(living.url + MAP)
    shown.get_by_role("button", name="YAML").click()
    text = shown.get_by_role("textbox", name="The map as text")
    text.evaluate("e => { const at = e.value.indexOf('fields:') + 8; e.setSelectionRange(at, at); e.focus(); }")
    shown.keyboard.type("\n")
    shown.keyboard.press("ArrowUp")
    shown.keyboard.type("  - {left: hs_lead")
    expect(shown.get_by_role("listbox", name="What may stand here").get_by_role("option").first).to_be_visible()


def weighed(living: Living, shown: Page, scheme: str) -> None:
    """A rule of a map is changed, and what applying that would do is told."""
    shown.goto(living.url + MAP)
    shown.get_by_role("button", name="YAML").click()
    text = shown.get_by_role("textbox", name="The map as text")
    old, new = FORMS[scheme]
    assert old in text.input_value()
    text.fill(text.input_value().replace(old, new))
    shown.get_by_role("button", name="Impact").click()
    expect(shown.get_by_text("This is a draft")).to_be_visible()
    shown.get_by_role("button", name="Work it out").click()
    expect(shown.locator("#impact-words")).to_be_visible()


def saved(living: Living, shown: Page) -> dict[str, str]:
    """The draft is saved; the addresses of the versions, and of what was changed by this one."""
    shown.get_by_label("Why?").fill("They want to see how far a lead is")
    shown.get_by_role("button", name="Save as a new version").click()
    expect(shown.locator(".note")).to_contain_text("Saved as version")
    with living.app.ready_store.read() as tx:
        before = tx.versions.of("sales/contacts", limit=2)[-1].id
    return {"map-versions": f"{MAP}/versions", "map-version": f"{MAP}/versions/{before}"}


@contextmanager
def held(living: Living, scheme: str) -> Iterator[None]:
    """More is changed than the pair's guard lets."""
    chosen = living.linked(4)
    living.change(updates=0)
    try:
        orders = [
            {"id": one.left_id, "fields": {"city": f"{CITIES[scheme]} {number}"}} for number, one in enumerate(chosen)
        ]
        living.stage.left.acts("update", "contacts", orders)
        living.until(lambda: _any(living, HELD), "what is held")
        yield
    finally:
        living.change(updates=100_000)


@contextmanager
def planned(living: Living, scheme: str) -> Iterator[None]:
    """The pair only plans, and somebody types."""
    living.change(mode="plan")
    try:
        living.polled()
        living.new_lead(7 + SCHEMES.index(scheme))
        living.until(lambda: _any(living, PLANNED), "a plan")
        yield
    finally:
        living.change(mode="live")


def _any(living: Living, state: str) -> bool:
    with living.app.ready_store.read() as tx:
        return any(one == state for _, one, *_ in tx.marks.counts(living.app.clock()))


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_page_has_its_picture(living: Living, visits: Opens, tmp_path: Path, scheme: str) -> None:
    """Each is drawn, and is no blank one."""
    folder = ROOT / KEPT if KEPT else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    looks = {"color_scheme": scheme, "viewport": {"width": WIDE, "height": HIGH}, "timezone_id": "America/Chicago"}
    shown = visits(told=live.ANEW, **looks)

    def kept(name: str, of: Page = shown) -> None:
        of.wait_for_load_state("load")
        drawn = of.screenshot(path=folder / f"{name}-{scheme}.png", animations="disabled")
        assert len(drawn) > 10_000, name

    for name, address in addresses(living).items():
        shown.goto(living.url + address)
        kept(name)
    for name, do in (("map-text", typed), ("map-impact", weighed)):
        do(living, shown, scheme)
        kept(name)
    for name, address in saved(living, shown).items():
        shown.goto(living.url + address)
        kept(name)
    for name, address, so in (("held-pair", "/held/sales", held), ("planned", "/planned/sales", planned)):
        with so(living, scheme):
            shown.goto(living.url + address)
            kept(name)
    for name, address in (("login", living.url + "/login"), ("welcome", living.invite("newcomer", Role.VIEWER))):
        stranger = visits(name=None, **looks)
        stranger.goto(address)
        kept(name, stranger)


def test_every_picture_is_in_the_page_of_the_console() -> None:
    """What the documentation shows is there, and every page is shown."""
    assert {one.path for one in PAGES} == set(OF)
    text = page("explanation/console.md")
    for scheme in SCHEMES:
        for name in (*OF.values(), *DOORS):
            assert f"console/{name}-{scheme}.png" in text, name
            assert (ROOT / "docs" / "console" / f"{name}-{scheme}.png").is_file(), name
