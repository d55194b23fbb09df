"""What people come to the console for, from beginning to end, in a real browser: by mouse and by keyboard alone.

What is not here: stories of maps (`test_stories_of_maps`), and single pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from syncd.console.ask import Role
from syncd.core.model import Side
from syncd.engine.item import PAUSED
from syncd.kit.sandbox import SandboxServer
from syncd.service import mapfiles
from syncd.store.marks import PARKED
from syncd_jobnimbus import client
from syncd_jobnimbus.sandbox import JobNimbusSandbox
from tests.console import living as live
from tests.console.hands import Hands, Keys
from tests.console.judge import faults
from tests.console.living import Living
from tests.console.town import PASSWORD

Opens = Callable[..., Page]


class TestFirstStart:
    """A pair that only plans, and nobody has looked at it yet."""

    @pytest.fixture
    def living(self, tmp_path: Path) -> Iterator[Living]:
        """A daemon of its own for each of them: there is one first start."""
        with live.living(tmp_path, leads=5, mode="plan") as made:
            yield made

    def test_the_first_lead(self, living: Living, visits: Opens, hands: type[Hands]) -> None:
        """From a one-time link to a lead that is entered in the CRM, seen as linked, and found with both sides."""
        page = visits("/login", None, told=live.ANEW)
        page.goto(living.invite("nora", Role.ADMIN))
        at = hands(page)
        at.write(page.get_by_label("Password"), PASSWORD)
        at.write(page.get_by_label("Once more"), PASSWORD)
        at.press(page.get_by_role("button", name="Choose it and sign in"))
        pair = page.locator("#pair-sales")
        expect(pair).to_contain_text("writes nothing, until an admin sets it live")
        at.go("Systems")
        at.press(pair.get_by_role("button", name="Let it write"))
        expect(page.locator(".note")).to_contain_text("mode is live now")
        expect(pair).to_contain_text("It reads and writes.")
        at.go("Home")
        expect(pair.locator("dd").nth(1)).to_have_text("0")  # nothing waits
        before = int(pair.locator("dd").first.inner_text())
        assert before > 0
        name = living.new_lead()
        expect(pair.locator("dd").first).to_have_text(str(before + 2))
        at.find(name)
        found = page.locator("#found tr[data-row]")
        expect(found).to_have_count(2)
        for system in ("HubSpot", "JobNimbus"):
            expect(found.filter(has_text=system).get_by_text("linked", exact=True)).to_be_visible()
        assert faults(page) == []


class TestOneMoreSystem:
    """A daemon of its own: the pair that is made only plans, and its plans rest."""

    @pytest.fixture
    def living(self, tmp_path: Path) -> Iterator[Living]:
        """With a few leads."""
        with live.living(tmp_path, leads=5) as made:
            yield made

    @pytest.fixture(autouse=True)
    def _elsewhere(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        """Another account of JobNimbus, where that is taken to be."""
        with SandboxServer(JobNimbusSandbox(seed=77)) as server:
            monkeypatch.setattr(client, "HOST", server.url)
            yield

    def test_it_is_connected_and_planned_with(self, living: Living, visits: Opens, hands: type[Hands]) -> None:
        """A mistyped key changes nothing; the right one is taken, and what the new pair would do is shown."""
        living.settle()
        page = visits("/systems", told=f"{live.ANEW}|422")
        at = hands(page)
        at.press(page.get_by_role("link", name="Connect another system"))
        form = page.locator("#connect-jobnimbus")
        expect(form).to_be_visible()
        assert faults(page) == []
        at.write(form.get_by_label("What to call it"), "north")
        at.write(form.get_by_label("Its api key"), "mistyped-key")
        at.write(form.get_by_label("Its time zone"), "America/Denver")
        at.press(form.get_by_role("button", name="Try it and connect it"))
        expect(page.locator(".note.bad")).to_be_visible()
        assert "north" not in living.app.config.systems
        at.write(form.get_by_label("Its api key"), living.app.config.systems["jobnimbus"].secret)
        at.press(form.get_by_role("button", name="Try it and connect it"))
        expect(page).to_have_url(f"{living.url}/systems")
        expect(page.locator("#system-north")).to_contain_text("connected")
        at.press(page.locator("#pair-north").get_by_role("link", name="What it would write"))
        expect(page.locator("h1")).to_contain_text("north")
        assert faults(page) == []


def test_half_of_a_held_plan(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """What is ticked is written by the next run, and the rest stays held."""
    word = hands.__name__
    chosen = living.linked(4)
    living.change(updates=0)
    try:
        orders = [{"id": one.left_id, "fields": {"firstname": f"Held{word}"}} for one in chosen]
        living.stage.left.acts("update", "contacts", orders)
        page = visits(told=live.ANEW)
        at = hands(page)
        at.press(page.get_by_role("link", name=re.compile("4 records of sales held")))
        plans = page.locator("#plans [data-row]")
        expect(plans).to_have_count(4)
        expect(plans.first).to_contain_text(f"Held{word}")
        for number in (0, 1):
            at.tick(plans.nth(number).get_by_role("checkbox"))
        at.press(page.get_by_role("button", name="Approve the chosen"))
        expect(page.locator(".note")).to_contain_text("2 records of sales allowed")
        expect(plans).to_have_count(2)
        living.until(lambda: _written(living, f"Held{word}") == 2, "two names")
        expect(plans).to_have_count(2)
        assert faults(page) == []
        at.answer(plans.first, "d")
        expect(plans).to_have_count(1)
        at.answer(plans.first, "d")
        expect(page.get_by_role("heading", name="Nothing is held of sales")).to_be_visible()
        assert _written(living, f"Held{word}") == 2
    finally:
        living.change(updates=100_000)


def _written(living: Living, first: str) -> int:
    return sum(row.get("first_name") == first for row in living.stage.right.records("contacts"))


def test_why_a_lead_is_not_there(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """Found by its name, a deal says why it has no job; when the reason is gone, so is the page's word of it."""
    deal = f"Why not {hands.__name__}"
    fields = {"dealname": deal, "pipeline": "default", "dealstage": "appointmentscheduled"}
    person = living.linked(1)[0].left_id
    made = living.stage.left.act("create", "deals", fields=fields, associate={"contacts": [person]})
    living.until(lambda: _known(living, "deals", made["id"]), "the deal")
    page = visits()
    at = hands(page)
    at.find(deal)
    at.press(page.locator("#found").get_by_role("link", name=deal))
    why = page.locator("#map-1")
    expect(why).to_contain_text("not linked")
    expect(page.locator("#why-1")).to_contain_text("Why not: ")
    assert faults(page) == []
    living.stage.left.act("update", "deals", id=made["id"], fields={"dealstage": "qualifiedtobuy"})
    expect(page.locator("#why-1")).to_have_count(0)
    expect(page.locator("#end-1-right")).to_contain_text(deal)


def _known(living: Living, kind: str, id_: str, system: str = "hubspot") -> bool:
    with living.app.ready_store.read() as tx:
        return id_ in tx.snapshots.get(system, kind, [id_])


def test_one_record_is_left_alone(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """Paused on its page, an edit of it waits; resumed, the edit crosses; taken back there, it is what it was."""
    name = f"Alone{hands.__name__}"
    one = living.linked(8)[-1]
    before = _customer(living, one.right_id)["first_name"]
    page = visits(f"/records/hubspot/contacts/{one.left_id}")
    at = hands(page)
    at.press(page.get_by_role("button", name="Pause"))
    expect(page.locator("#paused-1")).to_contain_text("What changes on either side waits")
    living.stage.left.act("update", "contacts", id=one.left_id, fields={"firstname": name})
    expect(page.locator("#map-1").get_by_role("row", name=re.compile("^firstname"))).to_contain_text(name)
    living.until(lambda: _rests(living, one.left_id), "the rest of what was edited")
    assert _customer(living, one.right_id)["first_name"] == before
    assert faults(page) == []
    at.press(page.get_by_role("button", name="Resume"))
    expect(page.locator("#paused-1")).to_have_count(0)
    living.until(lambda: _customer(living, one.right_id)["first_name"] == name, "the edit")
    wrote = page.locator("#writes-1 tbody tr").first
    expect(wrote).to_contain_text("Changed")
    at.press(wrote.get_by_role("button", name="Take back"))
    living.until(lambda: _customer(living, one.right_id)["first_name"] == before, "what was there before")
    assert _contact(living, one.left_id)["firstname"] == name
    assert faults(page) == []


def _rests(living: Living, id_: str) -> bool:
    with living.app.ready_store.read() as tx:
        marks = tx.marks.get("sales/contacts", Side.LEFT, [id_])
    return id_ in marks and (marks[id_].state, marks[id_].cause) == (PARKED, PAUSED)


def test_a_run_is_taken_back(living: Living, visits: Opens, hands: type[Hands]) -> None:
    """What the run wrote is given back, and what a person changed since stays as it is."""
    name, own = f"Run{hands.__name__}", f"Own{hands.__name__}"
    one = living.linked(6)[-1]
    before = _customer(living, one.right_id)
    living.stage.left.act("update", "contacts", id=one.left_id, fields={"firstname": name, "company": name})
    living.until(lambda: _customer(living, one.right_id)["company"] == name, "the run")
    living.stage.right.act("update", "contacts", id=one.right_id, fields={"company": own})
    living.until(lambda: _contact(living, one.left_id)["company"] == own, "the later edit")
    with living.app.ready_store.read() as tx:
        run = next(each.run for each in tx.journal.recent(limit=50) if name in each.fields.values())
    page = visits()
    at = hands(page)
    at.go("Runs")
    at.press(page.locator(f"#run-{run}").get_by_role("link", name=str(run), exact=True))
    at.press(page.get_by_role("link", name=re.compile("Undo this run")))
    expect(page.get_by_role("row", name=re.compile("^first_name"))).to_contain_text("is taken back")
    expect(page.get_by_role("row", name=re.compile("^company"))).to_contain_text("stays: somebody changed it since")
    assert faults(page) == []
    at.press(page.get_by_role("button", name="Take it back"))
    expect(page).to_have_url(f"{living.url}/runs/{run}")
    expect(page.locator(".note")).to_contain_text(f"Run {run}: 1 field given back")
    now = _customer(living, one.right_id)
    assert (now["first_name"], now["company"]) == (before["first_name"], own)
    assert faults(page) == []


def _customer(living: Living, id_: str) -> dict[str, Any]:
    return next(row for row in living.stage.right.records("contacts") if row["jnid"] == id_)


def _contact(living: Living, id_: str) -> dict[str, Any]:
    rows = living.stage.left.records("contacts")
    found: dict[str, Any] = next(row["properties"] for row in rows if str(row["id"]) == id_)
    return found


def test_fifty_conflicts(living: Living, visits: Opens) -> None:
    """By keyboard: a letter each, the focus going on by itself, then the rest at once; it is written as it was said."""
    links = living.linked(17)
    living.change(mode="paused")
    _ask_about(living, "company", "city", "zip")
    both = {
        "left": ("contacts", [(one.left_id, {"company": "L", "city": "Ely", "zip": "60601"}) for one in links]),
        "right": ("contacts", [(one.right_id, {"company": "R", "city": "Ayr", "zip": "60602"}) for one in links]),
    }
    for side, (kind, orders) in both.items():
        remote = living.stage.left if side == "left" else living.stage.right
        remote.acts("update", kind, [{"id": id_, "fields": fields} for id_, fields in orders])
    living.change(mode="live")
    page = visits()
    at = Keys(page)
    at.press(page.get_by_role("link", name=re.compile("fields changed on both sides")))
    rows = page.locator("#conflicts [data-row]")
    expect(rows).to_have_count(50)  # the rest comes up
    assert faults(page) == []
    at.reach(rows.first)
    for number in range(25):
        _decide(page, "lr"[number % 2])
    at.tick(page.get_by_label("Choose all"))
    at.press(page.get_by_role("button", name="Take JobNimbus's for the chosen"))
    expect(page.get_by_role("heading", name="Nothing is asked")).to_be_visible()
    living.linked(len(links))
    customers = {row["jnid"]: row for row in living.stage.right.records("contacts")}
    for one in links:
        here, there = _contact(living, one.left_id), customers[one.right_id]
        assert [here[name] for name in ("company", "city", "zip")] == [
            there[name] for name in ("company", "city", "zip")
        ]
        assert here["company"] in "LR"
    assert faults(page) == []


def _ask_about(living: Living, *fields: str) -> None:
    """A person is asked where both sides change these."""
    file = mapfiles.one(living.app.config, "sales", "contacts")
    assert file is not None
    text = re.sub(rf"(left: (?:{'|'.join(fields)}),.*owner: )newest", r"\1ask", mapfiles.text_of(file))
    file.path.write_text(text, encoding="utf-8")


def _decide(page: Page, letter: str) -> None:
    """Press a letter in the row that has the focus; it goes, and the next one has the focus."""
    row = page.locator("[data-rows] [data-row]:focus")
    expect(row).to_have_count(1)
    name = row.get_attribute("id")
    page.keyboard.press(letter)
    expect(page.locator(f'[id="{name}"]')).to_have_count(0)


def test_twenty_matches(living: Living, visits: Opens) -> None:
    """By keyboard: the same or two, a letter each; the same are linked, and each of the others gets a twin."""
    living.linked(1)
    pairs = [_alike(living, letter) for letter in ascii_lowercase[:20]]
    living.until(lambda: all(_known(living, "contacts", left) for left, _ in pairs), "those on the left")
    living.until(lambda: all(_known(living, "contacts", right, "jobnimbus") for _, right in pairs), "and on the right")
    left = [left for left, _ in pairs]
    living.stage.left.act("bulk_update", "contacts", ids=left, fields={"lifecyclestage": "lead"})
    page = visits()
    at = Keys(page)
    at.press(page.locator("#needs a[href='/review']"))
    rows = page.locator("#pairs [data-row]")
    expect(rows.first).to_be_visible()
    assert faults(page) == []
    at.reach(rows.first)
    count = 0
    while rows.count():
        letter = page.locator("[data-row]:focus h2").inner_text().rpartition("Twenty")[2][:1]
        _decide(page, "s" if ascii_lowercase.find(letter) % 2 else "d")
        count += 1
    assert count >= len(pairs)
    links = living.until(lambda: _all_linked(living, left), "all of them")
    assert [links[left] == right for left, right in pairs] == [bool(number % 2) for number in range(20)]
    assert faults(page) == []


def _alike(living: Living, letter: str) -> tuple[str, str]:
    """Two who share a phone and a family's name, and are no leads yet; their ids."""
    phone, last = f"(312) 555-02{ascii_lowercase.index(letter):02}", f"Twenty{letter}"
    left = {"firstname": "Robert", "lastname": last, "phone": phone, "lifecyclestage": "subscriber"}
    right = {"first_name": "Bob", "last_name": last, "home_phone": phone, "record_type_name": "Customer"}
    made = living.stage.left.act("create", "contacts", fields=left)
    return made["id"], living.stage.right.act("create", "contacts", fields={**right, "status_name": "Inactive"})["id"]


def _all_linked(living: Living, ids: list[str]) -> dict[str, str]:
    with living.app.ready_store.read() as tx:
        links = tx.links.of("sales/contacts", Side.LEFT, ids)
    return {id_: link.right_id for id_, link in links.items()} if len(links) == len(ids) else {}
