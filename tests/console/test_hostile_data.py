"""Hostile values in the records of both systems, synced, and shown on every page: text, set apart, and never more.

What is not here: hostile addresses and forms (`test_hostile`).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Playwright
from sqlalchemy import select, update

from syncd.app import App
from syncd.console.pages import PAGES
from syncd.console.site import Console
from syncd.core.model import Side
from syncd.engine.world import Guard
from syncd.kit.control import ControlError
from syncd.lab.crm import HUBSPOT
from syncd.lab.demo import TIMING
from syncd.lab.page.serve import serve
from syncd.lab.stage import Stage
from syncd.service.exporting import export, harmless
from syncd.store.marks import PARKED
from syncd.store.reports import VIEWS
from syncd.store.runs import SystemState
from syncd.store.tables import marks, runs
from tests.console.conftest import ARGUMENTS
from tests.console.town import QUICK, Town

EVIL = (
    *(
        "<script data-evil>alert(1)</script>",
        '"><img data-evil src=x onerror=alert(1)>',
        "' data-evil=' onfocus='alert(1)",
    ),
    *("</textarea></title><b data-evil>", "{{7*7}}{% raw %}", "' OR 1=1 --", "javascript:alert(1)//", "%s%n\\r\\n<!--"),
    *(
        "\u202eevil\u202d\u2066right",
        "zero\u200b\u2060\ufeffwidth",
        "bell\x07\x1b[31m\x7f\u0085",
        "Z" + "\u0336\u0489" * 40,
    ),
    *(
        "W" * 300,
        "x" * 10_000,
        "😀👨\u200d👩\u200d👧" * 20,
        "שלום עולם אבגד",
        "=cmd|'/C calc'!A0",
        "+1-555",
        "@SUM(1)",
        "-2+3",
    ),
)
SHOWING = (
    *(
        "/conflicts",
        "/review",
        "/held/sales",
        "/parked?cause=refused",
        "/deeds",
        "/me",
        "/handoffs?state=linked",
        "/runs/1",
    ),
    *("/maps/sales/contacts", "/maps/sales/contacts?tab=record", "/", "/systems"),
)
HIDDEN = re.compile("[\u202a-\u202e\u2066-\u2069\u200b\u2060\ufeff\x00-\x08\x0b-\x1f\x7f\u0085]")
"""What turns the direction of what follows, or cannot be seen."""

MAP = "sales/contacts"


class Judged(HTMLParser):
    """What a page must not have: markup that a value brought, hidden letters, and values that stand in no `bdi`."""

    VOID = ("input", "meta", "link", "img", "br", "line", "rect", "hr", "col")
    APART = ("bdi", "textarea", "title", "option", "pre", "code")

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.bare: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if "data-evil" in names or any(name.startswith("on") for name in names):
            self.wrong.append(f"<{tag} {names}>")
        for name, value in attrs:
            if name in ("href", "src", "action") and not re.match(r"(/|https?://|#|\?)", value or "/"):
                self.wrong.append(f"{tag} {name}={value}")
            if HIDDEN.search(value or "") and name != "value":
                self.wrong.append(f"hidden letters in {tag} {name}={value!r:.80}")
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            continue

    def handle_data(self, data: str) -> None:
        if HIDDEN.search(data):
            self.wrong.append(f"hidden letters in {'/'.join(self.open[-3:])}: {data!r:.80}")
        if not set(self.open) & set(self.APART) and any(value[:20] in data for value in EVIL if len(value) > 6):
            self.bare.append(f"{'/'.join(self.open[-3:])}: {data!r:.80}")


@dataclass(slots=True)
class Evil:
    """The town with hostile values in it. `refs`: its contacts; `paths`: every page that shows any."""

    town: Town
    paths: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evil]:
    """Both sandboxes are filled with it before anything is synced; then some is held, and some parked."""
    with (
        Stage(
            folder=tmp_path_factory.mktemp("evil"), crm=HUBSPOT, leads=24, rate="50/1", every="1s", timing=TIMING
        ) as stage,
        ExitStack() as opened,
    ):
        _spoil(stage)
        app = opened.enter_context(App.open(stage.config, environ=stage.environ))
        app.once()
        console = Console.of(app, lambda: True)
        console.doors.hasher = QUICK
        town = Town(stage, app, console, opened.enter_context(serve(console.app(), 0)))
        opened.enter_context(town.opened)
        _hold(town)
        _park(town)
        _refuse(town)
        for number, value in enumerate(EVIL):
            town.post("/me/token", {"label": f"{number} {value}"})
        yield Evil(town, list(_paths(town)))


def _spoil(stage: Stage) -> None:
    """Every record gets such values, each side others; who is on both sides keeps the name, so that both are linked."""
    left = {row["properties"].get("lastname") for row in stage.left.records("contacts")}
    right = {row.get("last_name") for row in stage.right.records("contacts")}
    both = {name for name in left & right if name}
    _each(stage.left, "contacts", ("firstname", "lastname", "company", "city"), 0, both)
    _each(stage.left, "deals", ("dealname",), 2, both)
    _each(stage.right, "contacts", ("first_name", "last_name", "company", "city"), 7, both)
    _each(stage.right, "jobs", ("name", "description"), 3, both)


def _each(vendor: Any, kind: str, names: tuple[str, ...], turn: int, keep: set[str]) -> None:
    for number, row in enumerate(vendor.records(kind)):
        id_ = str(row.get("id") or row.get("jnid"))
        last = row.get("last_name") or row.get("properties", {}).get("lastname")
        for at, name in enumerate(names):
            if last in keep and at < 2:
                continue
            if kind == "contacts" and not at:
                vendor.act("attach", kind, id=id_, fields={"name": EVIL[(number + turn) % len(EVIL)], "size": number})
            with suppress(ControlError):  # what the vendor itself does not take
                vendor.act("update", kind, id=id_, fields={name: EVIL[(number + turn + 5 * at) % len(EVIL)]})


def _linked(town: Town) -> list[str]:
    with town.app.ready_store.read() as tx:
        return sorted(one.left_id for one in tx.links.all(MAP) if one.state == "open")


def _hold(town: Town) -> None:
    """As many changes as there are values, which nobody has allowed."""
    app, before = town.app, town.app.world
    app.__dict__["_world"] = replace(before, pairs=tuple(replace(one, guard=Guard(updates=0)) for one in before.pairs))
    chosen = _linked(town)[: len(EVIL)]
    for id_, value in zip(chosen, reversed(EVIL), strict=False):
        with suppress(ControlError):
            town.stage.left.act("update", "contacts", id=id_, fields={"city": value[:200], "firstname": value[:90]})
    with app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, chosen, app.clock(), reread=True)
    app.once()
    app.__dict__["_world"] = before


def _park(town: Town) -> None:
    """Deals that the vendor refused, in its own hostile words."""
    with town.app.ready_store.begin() as tx:
        end = town.app.world.maps["sales/deals-jobs"].left
        ids = sorted(tx.snapshots.page(end.system, end.kind, after="", limit=100))[: len(EVIL)]
        tx.marks.add("sales/deals-jobs", Side.LEFT, ids, town.app.clock())
        for id_, value in zip(ids, EVIL, strict=False):
            query = marks.update().where(marks.c.map == "sales/deals-jobs", marks.c.id == id_)
            tx.connection.execute(query.values(state=PARKED, cause="refused", reason=f"the vendor says: {value}"))


def _refuse(town: Town) -> None:
    """Both systems refuse our key, in hostile words; so does the last run end."""
    now = town.app.clock()
    with town.app.ready_store.begin() as tx:
        for name, value in zip(town.app.config.systems, (EVIL[8], EVIL[0] + EVIL[10] + EVIL[13]), strict=True):
            tx.runs.set_system(SystemState(name, "paused", value, now, now))
        query = select(runs.c.id).order_by(runs.c.id.desc()).limit(1).scalar_subquery()
        tx.connection.execute(update(runs).where(runs.c.id == query).values(state="held", counts={"error": EVIL[8]}))


def _paths(town: Town) -> Iterator[str]:
    """Every page that names nothing, and each of the others with what there is."""
    yield from (page.path for page in PAGES if "{" not in page.path and page.path != "/systems/findings")
    with town.app.ready_store.read() as tx:
        for side in Side:
            for key in ("sales/contacts", "sales/deals-jobs"):
                end = town.app.world.maps[key].end(side)
                for id_ in tx.snapshots.page(end.system, end.kind, after="", limit=30):
                    yield f"/records/{end.system}/{end.kind}/{quote(id_, safe='')}"
        numbers = [run.id for run in tx.runs.last(limit=20)]
        causes = {why for _, why, _ in tx.marks.causes()}
        conflicts = [one.id for one in tx.conflicts.list(states=["open"], map_key=None, limit=20)]
    assert conflicts and "question" in causes  # else nothing would be seen of them
    left = town.app.world.maps[MAP].left
    some = _linked(town)[:3]
    yield from (
        f"/records/{left.system}/{left.kind}/{id_}/{more}"
        for id_ in some
        for more in ("history?field=firstname", "files")
    )
    yield from (f"/runs/{run}{undo}" for run in numbers for undo in ("", "?undo=1"))
    yield from (f"/parked?cause={quote(cause or '')}" for cause in causes)
    yield from (f"/conflicts/{one}{more}" for one in conflicts for more in ("", "/history"))
    yield from (f"/systems/{name}/fields" for name in town.app.config.systems)
    yield from (f"/handoffs?state={state}" for state in ("waiting", "sent", "linked", "needs", "failed"))
    yield from ("/held/sales", "/maps/sales/contacts", "/maps/sales/deals-jobs", "/maps/sales/contacts/versions")
    yield from (f"/maps/sales/contacts?tab={tab}" for tab in ("text", "record", "impact", "tests"))
    yield from (f"/maps/sales/contacts?tab=record&ref={left.system}:{left.kind}:{id_}" for id_ in some)
    yield from (f"/records?q={quote(value[:500])}" for value in EVIL)


def test_hostile_values_are_only_text_on_every_page(evil: Evil) -> None:
    """No tag, no attribute, no address comes of a value; what cannot be seen is named, and every value stands apart."""
    found: dict[str, list[str]] = {}
    seen = ""
    for path in evil.paths:
        answer = evil.town.client().get(path)
        assert answer.status_code == 200, path
        judged, seen = Judged(answer.text), seen + answer.text
        if judged.wrong or judged.bare:
            found[path] = [*judged.wrong, *judged.bare][:4]
    assert not found, "\n".join(f"{path}: {line}" for path, several in found.items() for line in several)
    for path in SHOWING:
        page = unescape(evil.town.page(path))
        assert any(value[:20] in page for value in EVIL if len(value) > 6), f"{path} shows none of them"
    for value in ("&lt;script data-evil&gt;", "{{7*7}}", "OR 1=1", "x" * 300 + "…"):
        assert value in seen, value
    assert "49{% raw" not in seen and "x" * 4000 not in seen


def _one_of_each_kind(paths: list[str]) -> list[str]:
    """Of the records of a kind only the first; a page is drawn in half a second."""
    return list({re.sub(r"(?<=^/records/)(\w+/\w+)/.*", r"\1", one): one for one in reversed(paths)}.values())


def test_hostile_values_break_no_page_in_a_browser(evil: Evil, playwright: Playwright, chromium: str) -> None:
    """Chromium says nothing, asks nothing, calls nobody, and on a phone nothing is wider than the screen."""
    town, said, wide = evil.town, list[str](), list[str]()
    secret = town.secret("ada")
    with playwright.chromium.launch(executable_path=chromium, headless=True, args=ARGUMENTS) as browser:
        context = browser.new_context(viewport={"width": 390, "height": 800})
        context.add_cookies([{"name": "syncd", "value": secret, "url": town.url}])
        page = context.new_page()
        page.on("console", lambda one: said.append(f"{page.url}: {one.text}"))
        page.on("pageerror", lambda error: said.append(f"{page.url}: {error}"))
        page.on("dialog", lambda one: (said.append(f"{page.url} asks: {one.message}"), one.dismiss()))
        page.on("request", lambda one: said.extend([] if one.url.startswith(town.url) else [f"calls {one.url}"]))
        for path in _one_of_each_kind(evil.paths):
            page.goto(town.url.rstrip("/") + path)
            page.wait_for_load_state("load")
            for width in (390, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                    wide.append(f"{path} at {width}: {page.evaluate(WIDEST)}")
    assert said == []
    assert not wide, "\n".join(wide)


def test_no_cell_of_an_export_is_a_formula(evil: Evil, tmp_path: Path) -> None:
    """In no CSV file does a cell begin so that a spreadsheet runs it; numbers are numbers, and values are got back."""
    store = evil.town.app.ready_store
    export(store, tmp_path, evil.town.app.clock())
    cells = []
    for name in VIEWS:
        (file,) = tmp_path.glob(f"{name}-*.csv")
        with file.open(newline="", encoding="utf-8") as text:
            cells += [(name, cell) for row in csv.reader(text) for cell in row]
    assert [
        one for one in cells if re.match(r"[=+@\t\r\n-]", one[1]) and not re.fullmatch(r"[+-]?[\d.]+", one[1])
    ] == []
    assert any(cell.startswith("'=cmd|") for _, cell in cells)


@pytest.mark.parametrize(
    "value", ["=1+1", "+1-555", "@SUM(1)", "-2+3", "\t=1", "\r\n=1", "'=1", "''+a", "＝1", "-", "+a@b"]
)
def test_a_formula_is_only_text(value: str) -> None:
    """With an apostrophe before it, which is all that is to be taken off again."""
    assert harmless(value) == f"'{value}"
    assert re.sub(r"^'(?='*[=+@\t\r\n＝＋－＠-])", "", str(harmless(value))) == value


@pytest.mark.parametrize(
    "value",
    ["-12.50", "+13125550143", "-1", "1e-9", "-1,200.00", "", "a=b", "O'Brien", "'", 5, None, '{"a": "=1"}'],
)
def test_what_is_no_formula_stays_as_it_is(value: object) -> None:
    """Numbers of either sign, and texts that hold such signs further on."""
    assert harmless(value) == value


WIDEST = """() => [...document.querySelectorAll("main *")]
  .filter((one) => one.getBoundingClientRect().right > innerWidth)
  .slice(-3).map((one) => one.outerHTML.slice(0, 200).replaceAll(/\\s+/g, " ")).join(" | ")"""
"""What is wider than the screen."""
