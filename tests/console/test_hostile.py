"""Odd addresses, odd forms, guessed ids, other people's sites: whatever is sent, the console says no and stays whole.

What is not here: hostile values in records (`test_hostile_data`), slow and many clients (`test_hostile_clients`), and
where answers lead (`test_hostile_sites`).
"""

from __future__ import annotations

import json
import logging
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from http.client import HTTPConnection
from urllib.parse import quote, urlsplit

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import Route

from syncd.config import ConsoleConfig
from syncd.console.api import VERBS
from syncd.console.ask import Deed, Done, Page, Role
from syncd.console.pages import DEEDS, PAGES
from syncd.console.site import Console
from syncd.lab.page.serve import serve
from tests.console.town import Town

TAKEN = {200, 204, 303, 400, 403, 404, 405, 409, 413, 415, 422, 503}
"""What may come of any request."""

ODD = (
    *("", ".", "..", "../../../etc/passwd", "..\\..\\config.toml", "%2e%2e", "%00", "a\0b", "\r\nset-cookie: a=b"),
    *("-1", "0", "99999999999999999999", "9223372036854775808", "1e9", "٣", "null", "NaN", "true", "[]", "{{7*7}}"),
    *("<script>", '"><img onerror=alert(1)>', "' OR 1=1 --", "\u202eevil", "a\u200bb", "x" * 10_000, "😀" * 4_000),
    *("//evil.example", "http://[", "//[", "javascript:alert(1)", "2026-13-99T99:99", "a|b|c|d", "left.1.a/b.c", ":"),
)
WORDS = ("sales", "contacts", "hubspot", "jobnimbus", "deals", "1", "refused", "unmapped", "left", "sales/contacts")
FIELD = (
    *("q", "cause", "map", "after", "before", "state", "since", "pair", "undo", "field", "tab", "ref", "do", "text"),
    *(
        "began",
        "twin",
        "rule",
        "left",
        "right",
        "version",
        "reason",
        "id",
        "verdict",
        "at",
        "digest",
        "label",
        "choice",
    ),
    *("value", "side", "other", "csrf", "to"),
)
"""What pages and deeds are told; what an account or the set-up is changed by has tests of its own."""


REAL = {"pair": "sales", "name": "contacts", "system": "hubspot", "kind": "contacts", "id": "1", "number": "1"}


def path_of(pattern: str, parts: list[str | None], *, raw: bool) -> bytes:
    """An address of this pattern; None: what is there in truth. `raw`: as somebody types it, not a browser."""
    several, safe = iter(parts), "./%\\:|" if raw else ""
    return re.sub(
        r"\{(\w+)\}", lambda at: quote(REAL[at[1]] if (part := next(several)) is None else part, safe=safe), pattern
    ).encode()


texts = st.sampled_from(ODD) | st.sampled_from(WORDS) | st.text(max_size=40)
parts = st.lists(st.none() | texts, min_size=4, max_size=4)
told = st.lists(st.tuples(st.sampled_from(FIELD), texts), max_size=6)


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing fails inside in a way that nobody foresaw."""
    failures: list[str] = []

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            failures.append(record.getMessage())

    ear = Ear(logging.ERROR)
    logging.getLogger().addHandler(ear)
    try:
        with structlog.testing.capture_logs() as logs:
            yield
    finally:
        logging.getLogger().removeHandler(ear)
    failures += [str(one) for one in logs if one["log_level"] in ("error", "critical") or "failed" in one["event"]]
    assert failures == []


def files(town: Town) -> dict[str, bytes]:
    """The set-up and every map."""
    maps = town.app.config.maps
    several = [
        town.stage.config,
        *(one for one in sorted(maps.rglob("*")) if one.is_file() and ".git" not in one.parts),
    ]
    return {str(one): one.read_bytes() for one in several}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came."""

    status: int
    headers: Mapping[str, str]
    text: str


def ask(town: Town, method: str, target: bytes, form: list[tuple[str, str]] | None = None) -> Answer:
    """What somebody signed in sends, to just this address."""
    visitor = town.console.doors.visitor(town.secret("ada"))
    assert visitor is not None
    headers = {"cookie": f"syncd={town.secret('ada')}"}
    content = "&".join(f"{quote(name)}={quote(value)}" for name, value in form) if form is not None else None
    if form is not None:
        headers |= {"x-csrf": visitor.csrf, "hx-request": "true", "content-type": "application/x-www-form-urlencoded"}
    where = urlsplit(town.url)
    with closing(HTTPConnection(where.hostname or "", where.port, timeout=60)) as connection:
        connection.request(method, target.decode(), content, headers)
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.getheaders()), answer.read().decode())


@settings(suppress_health_check=list(HealthCheck), max_examples=150)
@given(page=st.sampled_from([page for page in PAGES if not page.takes]), parts=parts, told=told, raw=st.booleans())
def test_any_address_of_a_page_is_answered(town, page, parts, told, raw) -> None:
    """Whatever stands in an address and behind it, the page or a refusal comes, and nothing fails inside."""
    if page.path.endswith("/findings"):  # it asks the vendors each time, and takes nothing
        return
    query = "&".join(f"{name}={quote(value)}" for name, value in told).encode()
    with quiet():
        answer = ask(town, "GET", path_of(page.path, parts, raw=raw) + (b"?" + query if query else b""))
    assert answer.status in TAKEN


@settings(suppress_health_check=list(HealthCheck), max_examples=200)
@given(
    deed=st.sampled_from([*DEEDS, *(page for page in PAGES if page.takes)]), parts=parts, form=told, raw=st.booleans()
)  # fmt: skip
def test_any_form_is_answered_and_changes_no_file(town, deed, parts, form, raw) -> None:
    """Whatever is sent to a deed, it is done or refused in words; the set-up and the maps stay byte for byte."""
    before = files(town)
    with quiet():
        answer = ask(town, "POST", path_of(deed.path, parts, raw=raw), form)
    assert answer.status in TAKEN
    if "hx-trigger" in answer.headers:
        assert json.loads(answer.headers["hx-trigger"])["said"]["text"]
    assert files(town) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | texts,
    lambda one: st.lists(one, max_size=3),
)


TOLD = sorted({one.name for verb in VERBS for one in verb.params})
bodies = st.dictionaries(st.sampled_from(TOLD), json_values, max_size=5)


@settings(suppress_health_check=list(HealthCheck), max_examples=150)
@given(verb=st.sampled_from(VERBS), body=bodies)
def test_any_body_of_the_api_is_answered(town, verb, body) -> None:
    """Whatever a program sends, it gets an answer or a problem in words."""
    known = {one.name for one in verb.params}
    body = {name: value for name, value in body.items() if name in known}
    token = _token(town)
    headers = {"authorization": f"Bearer {token}"}
    with quiet():
        if verb.method == "GET":
            params = {name: value if isinstance(value, str) else json.dumps(value) for name, value in body.items()}
            answer = town.client("ada").get(verb.path, params=params, headers=headers)
        else:
            answer = town.client("ada").post(verb.path, content=json.dumps(body).encode("utf-8", "replace"),
                                             headers=headers)  # fmt: skip
    assert answer.status_code in TAKEN, answer.text


_TOKENS: dict[str, str] = {}


def _token(town: Town) -> str:
    if town.url not in _TOKENS:
        town.client("ada")
        _TOKENS[town.url] = town.console.doors.give_token("ada", "fuzz", ConsoleConfig().longest)
    return _TOKENS[town.url]


def test_a_note_is_never_longer_than_browsers_take(town: Town) -> None:
    """What was typed is said again only in part: a header as long as a form would be no answer to a browser."""
    answer = ask(
        town, "POST", b"/parked/retry", [("map", "sales/contacts"), ("ref", "hubspot:contacts:" + "😀" * 50_000)]
    )
    assert answer.status == 422
    assert len(answer.headers["hx-trigger"]) < 40_000


@pytest.mark.parametrize(
    "name", ["../../config", "..%2f..%2fconfig.toml", "%2e%2e", "/etc/passwd", "contacts%00", "contacts.yaml"]
)
def test_no_name_of_a_map_leads_to_another_file(town: Town, name: str) -> None:
    """A map is one that the set-up names; anything else is not found, whatever is asked about it."""
    encoded = name if "%" in name else quote(name, safe="")
    for rest in ("", "/versions", "/versions/1"):
        answer = ask(town, "GET", f"/maps/sales/{encoded}{rest}".encode())
        assert answer.status in (400, 404) and "[systems" not in answer.text
    for rest in ("save", "back", "values", "draft", "offers"):
        form = [
            ("text", "x"),
            ("began", "x"),
            ("reason", "x"),
            ("version", "1"),
            ("rule", "x"),
            ("left", "x"),
            ("right", "x"),
        ]
        assert ask(town, "POST", f"/maps/sales/{encoded}/{rest}".encode(), form).status in (400, 404)


@pytest.mark.parametrize(
    "path", ["../site.py", "%2e%2e/site.py", "..%2fsite.py", "%2e%2e%2f%2e%2e%2fapp%2fverbs.py", "/etc/passwd"]
)
def test_no_file_is_bodybut_ours(town: Town, path: str) -> None:
    """What lies beside the folder of scripts and styles is not there."""
    answer = ask(town, "GET", b"/static/" + path.encode())
    assert answer.status == 404 and "import" not in answer.text


def test_a_version_of_another_map_is_none(town: Town) -> None:
    """By its number it is neither shown under this map nor gone back to."""
    with town.app.ready_store.begin() as tx:
        number = tx.versions.add("sales/other", "ada", "secret", "name: other", town.app.clock())
    assert town.client("vera").get(f"/maps/sales/contacts/versions/{number}").status_code == 404
    before = files(town)
    assert town.post("/maps/sales/contacts/back", {"version": str(number)}).status_code == 404
    assert files(town) == before


def test_a_secret_opens_what_it_is_for_and_no_more(town: Town) -> None:
    """A program's token signs no browser in, a sign-in is no invitation, and neither is a one-time link's the other."""
    for name in ("vera", "otto"):
        town.client(name)
    doors = town.console.doors
    token, visit = doors.give_token("vera", "one", ConsoleConfig().longest), town.secret("otto")
    invitation = doors.invite("newcomer", Role.VIEWER)
    for secret in (token, invitation):
        stranger = town.stranger()
        stranger.cookies.set("syncd", secret, domain="127.0.0.1")
        assert stranger.get("/me").status_code == 303
    for secret in (token, visit):
        assert town.stranger().get(f"/welcome/{secret}").status_code == 404
    for secret in (invitation, visit):
        assert town.stranger().get("/api/status", headers={"authorization": f"Bearer {secret}"}).status_code == 401


def test_nobody_ends_or_sees_what_is_somebody_elses(town: Town) -> None:
    """Another person's sign-in cannot be ended by its number, not by an admin either, and stands on no other's page."""
    for name in ("vera", "otto", "ada"):
        town.client(name)
    visitor = town.console.doors.visitor(town.secret("otto"))
    assert visitor is not None
    for name in ("vera", "ada"):
        assert visitor.visit.hex() not in town.page("/me", name)
        assert town.post("/me/end", {"digest": visitor.visit.hex()}, name).status_code == 422
    assert town.client("otto").get("/me").status_code == 200


def test_a_viewers_form_does_nothing_and_shows_nothing(town: Town) -> None:
    """Nor an operator's where it needs an admin: deeds and drafts alike, with what would have been right."""
    before, form = files(town), {"text": "name: contacts", "began": "x", "tab": "text", "reason": "x", "mode": "paused"}
    several = [*DEEDS, *(page for page in PAGES if page.takes)]
    for one in (one for one in several if one.role > Role.VIEWER):
        path = one.path.replace("{pair}", "sales").replace("{name}", "contacts").replace("{id}", "1")
        for name in ("vera", *(("otto",) if one.role is Role.ADMIN else ())):
            assert town.post(path, form, name).status_code == 403, (path, name)
    assert files(town) == before


class Inputs(HTMLParser):
    """The names of what every form of a page sends."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("input", "select", "textarea", "button"):
            self.names.add(dict(attrs).get("name") or "")


def test_nothing_that_is_typed_is_called(town: Town) -> None:
    """No form takes a system's address, and an address in any field, or pasted into the search, is asked by nobody."""
    for page in (
        page for page in PAGES if not page.takes and "{" not in page.path and page.path != "/systems/findings"
    ):
        taken = {"key"} if page.path == "/systems/connect" else set()  # of a new system, for its vendor alone
        asked = Inputs(town.page(page.path)).names - taken
        assert not {"base_url", "url", "address", "host", "key", "secret"} & asked
    before, told = files(town), town.app.config.systems
    with closing(socket.create_server(("127.0.0.1", 0))) as trap:
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}/contacts/1"
        names = (*FIELD, "base_url", "url", "every", "guard", "name")
        form = [(name, address) for name in names if name != "csrf"]
        for deed in DEEDS:
            assert ask(town, "POST", re.sub(r"\{\w+\}", "sales", deed.path).encode(), form).status in TAKEN
        assert ask(town, "GET", b"/records?q=" + quote(address).encode()).status == 200
        with pytest.raises(TimeoutError):
            trap.accept()
    assert files(town) == before
    assert town.app.config.systems == told


def test_numbers_that_no_database_keeps_are_refused_by_the_api(town: Town) -> None:
    """Beyond 64 bits, or with a letter that no text may have: a problem in words."""
    headers = {"authorization": f"Bearer {_token(town)}"}
    with quiet():
        for body in ({"ids": [2**63], "side": "left"}, {"ids": [1], "value": "a\0b"}):
            answer = town.stranger().post("/api/conflicts/take", content=json.dumps(body).encode(), headers=headers)
            assert answer.status_code == 422
        assert town.stranger().get("/api/explain?ref=a%00b", headers=headers).status_code == 422


def test_the_letter_that_no_database_keeps_reaches_none(town: Town) -> None:
    """In an address, behind it and in a form it stands as what cannot be shown: PostgreSQL would fail at it."""
    asked = []
    page = Page("/odd/{name}", "deeds.html", "Odd", lambda _, ask: asked.append(ask) or {"rows": [], "older": None})
    deed = Deed("/odd/{name}", "odd", lambda _, ask: asked.append(ask) or Done(text="Done."))
    console = Console.of(town.app, lambda: True)
    app = Starlette(
        routes=[
            Route(page.path, console._answered(console._shows(page)), methods=["GET"]),
            Route(deed.path, console._answered(console._does(deed)), methods=["POST"]),
        ]
    )
    with serve(app, 0) as url:
        under = replace(town, url=url)
        assert ask(under, "GET", b"/odd/a%00b?q=c%00d&%00=e").status == 200
        assert ask(under, "POST", b"/odd/a%00b", [("q", "c\0d"), ("id", "e\0f")]).status == 204
    assert [one.path["name"] for one in asked] == ["a\ufffdb"] * 2
    assert asked[0].query == {"q": "c\ufffdd", "\ufffd": "e"}
    assert (asked[1].form["q"], asked[1].chosen) == ("c\ufffdd", ("e\ufffdf",))


@pytest.mark.parametrize("field", ["mode", "every", "creates", "percent", "guard", "base_url", "left"])
def test_no_odd_setting_of_a_pair_is_taken(town: Town, field: str) -> None:
    """Whatever is sent for a setting, it is one that the set-up may have, or it is refused and nothing is written."""
    before = files(town)
    for value in (one for one in ODD if one not in ("0", "٣")):
        answer = ask(town, "POST", b"/systems/pairs/sales", [(field, value), (f"{field}\n[systems.x]", "1")])
        assert answer.status in (400, 422), value
    assert files(town) == before
