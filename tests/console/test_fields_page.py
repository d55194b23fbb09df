"""The fields of a system: what the maps read of them comes first, and of that what has drifted."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from syncd.console.pages import fields
from syncd.console.rulesheet import Lacking
from syncd.core.fieldmap import Rule
from syncd.core.model import Option, Side
from syncd.kit.connector import Connector
from tests.console.town import Town


def _text(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def _row(page: str, name: str) -> str:
    (found,) = [
        row for row in re.findall(r"<tr>.*?</tr>", page, re.DOTALL) if f"<small><bdi>{name}</bdi></small>" in row
    ]
    return _text(found)


@pytest.fixture
def hubspot(town: Town) -> Iterator[Connector]:
    """The connector, which asks anew what it is asked."""
    connector = town.app.world.connectors["hubspot"]
    connector.forget_schema()
    yield connector
    connector.forget_schema()


def test_fields_are_shown_with_what_they_hold_and_who_reads_them(town: Town) -> None:
    """By label and name, with the maps that read them; those that nobody reads are folded away. Not for a viewer."""
    page = town.page("/systems/hubspot/fields", "otto")
    assert "Dealname" in _row(page, "dealname") or "Deal Name" in _row(page, "dealname")
    assert "sales/deals-jobs" in _row(page, "dealname") and "none" in _row(page, "dealname")
    assert "pick list (" in _row(page, "dealstage") and "custom" in _row(page, "lead_source")
    assert re.search(r"<summary>\d+ fields that no map reads</summary>", page)
    assert 'href="/systems/hubspot/fields"' in town.page("/systems", "otto")
    assert "/fields" not in town.page("/systems", "vera")
    assert town.client("vera").get("/systems/hubspot/fields").status_code == 403
    assert town.client("otto").get("/systems/nowhere/fields").status_code == 404


def test_a_value_without_a_counterpart_is_drift(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Options that no line of the map names are counted, and the first are named, on their own side alone."""
    new = [Option(value=f"new{number}") for number in range(7)]

    def lacking(rule: Rule) -> Iterator[Lacking]:
        yield from [Lacking(Side.LEFT, new, more=3)] if rule.left == "dealstage" else []

    monkeypatch.setattr(fields, "lacks", lacking)
    row = _row(town.page("/systems/hubspot/fields", "otto"), "dealstage")
    assert "10 values without a counterpart" in row and "new0, new1, new2, new3, new4 and more" in row
    assert "without a counterpart" not in town.page("/systems/jobnimbus/fields", "otto")


def test_fields_beyond_a_thousand_are_counted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that no map reads."""
    monkeypatch.setattr(fields, "OTHERS", 3)
    assert re.search(r"[\d,]+ more are not shown", town.page("/systems/hubspot/fields", "otto"))


def test_a_field_that_is_described_no_more_is_drift(town: Town, hubspot: Connector) -> None:
    """It is remembered as it was, and comes first."""
    town.app.once()
    town.stage.left.act("property_archive", "contacts", name="zip")
    hubspot.forget_schema()
    page = town.page("/systems/hubspot/fields", "otto")
    assert "not described any more" in _row(page, "zip")
    assert page.index(">zip<") < page.index(">email<")
