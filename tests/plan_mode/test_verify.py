"""`verify`, `map apply` and `explain` as an operator types them, between two sandboxes. Not here: what is found."""

from __future__ import annotations

import pytest

from syncd.cli import main
from tests.plan_mode.conftest import SHIPPED, Office


@pytest.fixture
def linked(office: Office) -> tuple[Office, str]:
    """A live office with a contact on both sides whose name was changed and carried; its id on the left."""
    office.config('mode = "plan"', 'mode = "live"')
    id_ = office.make("hubspot", "contacts", email="ann@example.com", firstname="Ann", lastname="Li")
    office.make("jobnimbus", "contacts", email="ann@example.com", first_name="Ann", last_name="Li")
    for name in ("Li", "Lee"):
        office.edit("hubspot", "contacts", id_, lastname=name)
        office.shown()
        assert main(["once"]) == 0
    office.output.readouterr()
    return office, id_


def typed(office: Office, *words: str, code: int = 0) -> str:
    """What a verb prints."""
    assert main(list(words)) == code
    return office.output.readouterr().out


def test_verify_says_how_equal_both_sides_are(linked: tuple[Office, str]) -> None:
    """Nothing differs; the figures are shown, kept for `status`, and the same as JSON; nothing is written."""
    office, id_ = linked
    office.begin()
    shown = typed(office, "verify", "--all")
    assert "100.0" in shown
    assert "without a known reason" not in shown
    found = office.ask("verify", "sales", "--map", "contacts")
    assert [one for one in found["differences"] if one["reason"] not in ("lossy", "kept")] == []
    assert {row["parity"] for row in found["parity"]} == {100.0}
    assert {row["map"] for row in found["parity"]} == {"sales/contacts"}
    (line, *_) = office.ask("status")["parity"]
    assert (line["map"], line["parity"]) == ("sales/contacts", 100.0)
    office.edit("hubspot", "contacts", id_, lastname="Leigh")
    found = office.ask("verify", "--slice")
    assert [one["rule"] for one in found["differences"] if one["reason"] == "lag"] == ["lastname"]
    assert "lag  sales/contacts" in typed(office, "verify")
    assert office.writes() == []
    assert main(["verify", "--map", "nobody"]) == 2


def test_a_map_is_applied_after_it_was_shown(linked: tuple[Office, str]) -> None:
    """A changed converter is shown first, asked about, and carried to what was linked."""
    office, _ = linked
    text = (SHIPPED / "contacts.yaml").read_text(encoding="utf-8")
    old = next(line for line in text.splitlines() if "left: lastname" in line)
    new = "  - {left: lastname, right: last_name, owner: left, values: {Lee: Leigh}}"
    text = text.replace(old, new).replace("first_link: ask", "first_link: left")
    (office.folder / "maps" / "hubspot-jobnimbus" / "contacts.yaml").write_text(text, encoding="utf-8")
    assert main(["map", "apply", "contacts"]) != 0
    shown = office.output.readouterr().out
    assert "lastname" in shown
    assert "1 link, 0 of them outside" in shown
    told = office.ask("map", "apply", "sales/contacts", "--yes")
    assert told["links"] == 1
    assert told["due"]


def test_explain_tells_the_whole_way(linked: tuple[Office, str]) -> None:
    """In plain words: who typed it, what it becomes, what was written, and what happens now."""
    office, id_ = linked
    office.edit("hubspot", "contacts", id_, lastname="Leigh")
    shown = typed(office, "explain", f"hubspot:contacts:{id_}", "lastname")
    assert "by CRM_UI" in shown
    assert "'Leigh', user " in shown
    assert "who changed it: jobnimbus does not tell" in shown
    assert "to the right: 'Lee' becomes 'Lee', last written 'Lee'" in shown
    assert "now: nothing changed" in shown
