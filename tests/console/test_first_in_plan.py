"""A map that is first taken in mode `plan`: saved, looked at, and let write. What is not here: other saves."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from syncd.core.model import Side
from syncd.service import mapfiles
from tests.console.hands import Hands
from tests.console.judge import faults
from tests.console.living import ANEW, Living
from tests.console.test_maps_page import file_of, form_of, path_of
from tests.console.town import Town

Opens = Callable[..., Page]


@pytest.fixture
def setup(town: Town) -> Iterator[Path]:
    """config.toml and the map, which are as they were afterwards."""
    kept = {path: path.read_bytes() for path in (town.app.config.path, file_of(town).path)}
    yield town.app.config.path
    for path, text in kept.items():
        path.write_bytes(text)


def mode(path: Path) -> str:
    """Of the one pair, as the file says."""
    return str(next(iter(tomllib.loads(path.read_text(encoding="utf-8"))["pairs"].values()))["mode"])


def saved(town: Town, **more: str) -> Any:
    """The answer to a save that asks to plan first."""
    text = mapfiles.text_of(file_of(town)) + "# another line\n"
    return town.post(
        f"{path_of(town)}/save", form_of(town, reason="to see it first", first="plan") | {"text": text} | more
    )


def test_the_mode_comes_before_the_map(town: Town, setup: Path) -> None:
    """The pair is set to plan, and the maps that are read next are under it even where the rest is not taken yet."""
    assert mode(setup) == "live"
    answer = saved(town)
    assert answer.status_code == 204 and answer.headers["x-to"] == "/planned/sales"
    assert "only plans now" in answer.headers["hx-trigger"]
    assert mode(setup) == "plan"
    assert mapfiles.text_of(file_of(town)).endswith("# another line\n")
    assert [pair.mode for pair in town.app.compiled_pairs().whole()] == ["plan"]


@pytest.mark.parametrize("wrong", [{"text": "name: x"}, {"began": "0" * 64}])
def test_what_cannot_be_saved_changes_nothing(town: Town, setup: Path, wrong: dict[str, str]) -> None:
    """A text with mistakes, or one that somebody was quicker with, leaves the pair live and the map as it was."""
    before = mapfiles.text_of(file_of(town))
    answer = saved(town, **wrong)
    assert answer.status_code == 422
    assert mode(setup) == "live" and mapfiles.text_of(file_of(town)) == before


def test_a_live_pair_has_nothing_to_show(town: Town) -> None:
    """Its page says that it writes, and to a viewer too; a pair that is not there is none."""
    assert "what it does is written at once" in town.page("/planned/sales", "vera")
    assert town.client().get("/planned/nobody").status_code == 404
    assert 'name="first"' in town.page(path_of(town))


def test_first_only_plan(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """A map is saved to plan first: an edit is shown and not written, and one click has it written."""
    link = living.linked(1)[0]
    city = {"Hands": "Galena", "Keys": "Elgin"}[hands.__name__]
    page = visits("/maps/sales/contacts", told=ANEW)
    at = hands(page)
    row = page.locator("#row-fields-6")
    at.press(row.locator("summary").filter(has_text="Change"))
    at.choose(row.get_by_label("When both changed"), "JobNimbus wins" if hands.__name__ == "Keys" else "HubSpot wins")
    at.press(row.get_by_role("button", name="Put into the draft"))
    expect(page.get_by_text("This is a draft")).to_be_visible()
    at.write(page.get_by_label("Why?"), "To see it first")
    at.tick(page.get_by_label("First only plan"))
    assert faults(page) == []
    at.press(page.get_by_role("button", name="Save as a new version"))
    expect(page.get_by_role("heading", name="What sales would write", level=1)).to_be_visible()
    living.until(lambda: living.app.config.pairs["sales"].mode == "plan", "a pair that only plans")
    living.polled()
    living.stage.left.act("update", "contacts", id=link.left_id, fields={"city": city})
    expect(page.locator("#plans")).to_contain_text(city)
    expect(page.get_by_text("1 record waits.")).to_be_visible()
    assert faults(page) == []
    assert _customer(living, link.right_id)["city"] != city
    at.press(page.get_by_role("button", name="Let sales write"))
    living.until(lambda: _customer(living, link.right_id)["city"] == city, "the city")
    living.until(lambda: living.app.config.pairs["sales"].mode == "live", "a live pair")
    assert "city" in living.app.world.maps["sales/contacts"].reads(Side.LEFT)


def _customer(living: Living, id_: str) -> dict[str, Any]:
    return next(row for row in living.stage.right.records("contacts") if row["jnid"] == id_)
