"""What holds for every page: it opens for who may see it, is well formed, says when syncd starts, and is live."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from html.parser import HTMLParser
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import update
from starlette.requests import ClientDisconnect

from syncd.console.ask import Role
from syncd.console.live import EACH, Live
from syncd.console.pages import DEEDS, PAGES
from syncd.console.site import Console
from syncd.lab.page.serve import serve
from syncd.store.tables import feeds
from tests.console.town import PEOPLE, QUICK, Town
from tests.house.tree import ROOT

PLAIN = [page for page in PAGES if "{" not in page.path]
"""Pages whose address names nothing."""


class Outline(HTMLParser):
    """Headings, ids and what a strict policy forbids, of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.headings: list[str] = []
        self.ids: list[str] = []
        self.forbidden: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)
        if names.get("id"):
            self.ids.append(names["id"] or "")
        self.forbidden += [f"{tag} {name}" for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.forbidden.append(tag)


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: page.path)
def test_every_page_is_well_formed(town: Town, page: object) -> None:
    """One first heading, no level left out, no id twice, and nothing that the policy forbids."""
    found = Outline(town.page(page.path))
    assert found.headings.count("h1") == 1
    levels = [int(tag[1]) for tag in found.headings]
    assert all(after <= before + 1 for before, after in pairwise(levels)), found.headings
    assert sorted(set(found.ids)) == sorted(found.ids)
    assert found.forbidden == []


@pytest.mark.parametrize("page", PLAIN, ids=lambda page: page.path)
@pytest.mark.parametrize("name", PEOPLE)
def test_a_page_opens_for_who_may_see_it(town: Town, page: object, name: str) -> None:
    """Everybody of its role or a higher one; the others are told who may."""
    answer = town.client(name).get(page.path)
    assert answer.status_code == (200 if PEOPLE[name] >= page.role else 403)


def test_who_may_see_what_people_did_is_led_there(town: Town) -> None:
    """An operator has no page of People: the own account leads to it."""
    assert 'href="/deeds"' in town.page("/me", "otto")
    assert 'href="/deeds"' not in town.page("/me", "vera")


def test_no_page_that_a_viewer_loads_asks_a_vendor(town: Town) -> None:
    """Also when what the systems say of their fields has become too old: a look costs nobody's requests."""
    with town.app.ready_store.read() as tx:
        links = [link for key in town.app.world.maps for link in tx.links.all(key, limit=3)]
    ends = town.app.world.maps
    shown = [f"/records/{ends[one.map].left.system}/{ends[one.map].left.kind}/{one.left_id}" for one in links]
    for connector in town.app.world.connectors.values():
        connector.forget_schema()
    before = town.asked()
    for path in (*(page.path for page in PLAIN if page.role is Role.VIEWER), *shown):
        town.page(path, "vera")
    assert town.asked() == before


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed.path)
def test_no_deed_is_done_by_a_lesser_role_or_without_its_form(town: Town, deed: object) -> None:
    """A lesser role is refused before anything is looked at; what lacks its form is said, and no mistake of ours."""
    path = re.sub(r"\{\w+\}", "1", deed.path)
    if deed.role > Role.VIEWER:
        assert town.post(path, {}, "vera").status_code == 403
    assert town.post(path, {}, "ada").status_code in (204, 404, 422)


def test_while_syncd_starts_pages_say_so(town: Town) -> None:
    """What needs the maps shows the systems that are waited for; the first page works."""
    console = Console.of(town.app, lambda: False)
    console.doors.hasher = QUICK
    with serve(console.app(), 0) as url, httpx.Client(base_url=url, timeout=60) as browser:
        browser.cookies.set("syncd", town.secret("ada"), domain="127.0.0.1")
        assert "How it goes" in browser.get("/").text
        for page in (page for page in PLAIN if page.needs):
            assert "syncd is starting" in browser.get(page.path).text, page.path


def listening(town: Town, name: str = "ada") -> httpx.Response:
    """An open stream."""
    client = town.client(name)
    return client.send(client.build_request("GET", "/live"), stream=True)


def test_a_page_hears_that_something_changed(town: Town) -> None:
    """Soon after a deed, and not before."""
    answer = listening(town)
    heard: list[str] = []

    def listen() -> None:
        for line in answer.iter_lines():
            heard.append(line)
            if heard.count("event: changed") > 1:
                return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    time.sleep(2.5)
    before = heard.count("event: changed")
    assert "event: hello" in heard and before <= 1
    town.post("/people/invite", {"name": "somebody", "role": "viewer"})
    thread.join(timeout=20 if before else 5)
    answer.close()
    assert heard.count("event: changed") > before


def test_nobody_opens_any_number_of_streams(town: Town) -> None:
    """So many for a sign-in, and a place is free again when a page is closed; a stranger gets none."""
    assert town.stranger().get("/live").status_code == 401
    streams = [listening(town, "otto") for _ in range(EACH)]
    assert [one.status_code for one in streams] == [200] * EACH
    late = listening(town, "otto")
    assert late.status_code == 503
    for one in (late, streams.pop()):
        one.close()
    until = time.monotonic() + 30
    while (again := listening(town, "otto")).status_code == 503 and time.monotonic() < until:
        again.close()
        time.sleep(0.2)
    assert again.status_code == 200
    for one in (again, *streams):
        one.close()


def test_a_page_that_goes_before_it_hears_anything_leaves_its_place(town: Town) -> None:
    """Who goes through pages quickly, so that many a stream is closed before it has begun, can listen all the same."""
    live = Live(town.app.ready_store)

    async def gone() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def nowhere(_: object) -> None:
        raise OSError("nobody is there")

    async def through() -> None:
        for version in ("2.3", "2.4"):
            for _ in range(EACH):
                with suppress(ClientDisconnect, OSError):
                    await live.tell("ada")({"type": "http", "asgi": {"spec_version": version}}, gone, nowhere)
        live.tell("ada")

    with ThreadPoolExecutor() as pool:  # where a browser is at work, this thread has a loop already
        pool.submit(asyncio.run, through()).result()


def test_a_quiet_page_still_says_when_a_system_was_read(town: Town) -> None:
    """While nothing changes, pages are drawn anew once a minute: what was read a moment ago looks no hour old."""
    live, at = Live(town.app.ready_store), town.app.clock().replace(second=5, microsecond=0) + timedelta(hours=1)

    def polled(seconds: int) -> str:
        with town.app.ready_store.begin() as tx:
            tx.connection.execute(update(feeds).values(polled_at=at + timedelta(seconds=seconds)))
        return live._now()

    first = polled(0)
    assert polled(50) == first
    assert polled(60) != first


def test_the_demo_wears_the_colors_of_the_console() -> None:
    """One palette, whose contrast is judged on either page: neither is changed without the other."""
    found = [
        re.findall(r"(--[\w-]+): (light-dark\(.*?\));", (ROOT / "syncd" / path).read_text(encoding="utf-8"))
        for path in ("console/static/console.css", "lab/page/static/style.css")
    ]
    assert found[0] == found[1] and len(dict(found[0])) == len(found[0]) > 20
