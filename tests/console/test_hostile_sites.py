"""Where an answer leads, what it says to browsers, and what is believed of a request: other sites and proxies.

What is not here: odd addresses and forms (`test_hostile`).
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from syncd.app import App
from syncd.console.ask import Done
from syncd.console.guards import POLICY
from syncd.console.site import Console, _after, _own
from syncd.lab.page.serve import serve
from tests.console.test_hostile import quiet
from tests.console.town import PASSWORD, QUICK, Town


@given(address=st.text() | st.builds("".join, st.lists(st.sampled_from("/\\.:@?#%[]\t\r\n evil.exampl"), max_size=30)))
@example("http://[")
@example("//evil.example")
@example("/\t/evil.example")
@example("/\\evil.example")
def test_whatever_leads_on_leads_to_a_page_of_ours(address: str) -> None:
    """Where to go after a sign-in or a deed is a path, also to a browser, which overlooks some signs."""
    found = re.sub(r"[\t\r\n]", "", _own(address))
    assert found.startswith("/") and not found.startswith(("//", "/\\"))
    assert urlsplit(urljoin("https://sync.example/login", found)).netloc == "sync.example"


def test_addresses_that_are_none_are_refused_and_not_failed_at(town: Town) -> None:
    """In `to`, in the name of the host, in where a request says it comes from: an answer, no trace."""
    csrf = town.console.doors.visitor(town.secret("ada"))
    assert csrf is not None
    form = {"csrf": csrf.csrf, "label": "report"}
    with quiet():
        assert town.client("ada").get("/login?to=http://[").headers["location"] == "/"
        assert town.client("ada").get("/", headers={"host": "["}).status_code in (400, 404)
        assert town.client("ada").post("/me/token", data=form, headers={"origin": "http://["}).status_code == 403
        answer = town.client("ada").post("/me/token", data=form, headers={"referer": "http://["})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        answer = town.client("ada").post("/me/token", data=form, headers={"referer": "https://evil.example/x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/x")


def test_no_address_leads_on_under_another_name(town: Town) -> None:
    """A slash too many is no page; in no case is anybody sent to the host that a request was made up for."""
    for path in ("/people/", "/static", "/api/", "/maps//"):
        answer = town.client("ada").get(path, headers={"host": "evil.example"})
        assert answer.status_code in (404, 421) and "location" not in answer.headers
        assert town.client("ada").get(path).status_code == 404


def test_what_is_typed_makes_no_header_of_its_own(town: Town) -> None:
    """Line ends in what a note says, or in where a deed leads, stay inside."""
    answer = town.post("/me/token", {"label": "a\r\nset-cookie: x=y\r\n\r\n<script>"})
    assert answer.status_code == 204 and "set-cookie" not in answer.headers
    assert "\r\nset-cookie" in json.loads(answer.headers["hx-trigger"])["said"]["text"]
    request = Request({"type": "http", "headers": [(b"hx-request", b"true")], "path": "/", "query_string": b""})
    led = _after(request, Done(text="é", to="/maps/é/a\r\nset-cookie: x=y?tab=text#x")).headers["x-to"]
    assert led == "/maps/%C3%A9/a%0D%0Aset-cookie:%20x=y?tab=text#x"


class Under:
    """The town's app, with its console under another address."""

    def __init__(self, app: App, url: str) -> None:
        self._app, self.config = app, replace(app.config, console=replace(app.config.console, url=url))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._app, name)


def test_behind_tls_a_sign_in_never_leaves_it(town: Town) -> None:
    """With an https address the cookie is for that host and for TLS alone, and browsers are told to stay there."""
    town.client("vera")
    under: Any = Under(town.app, "https://sync.example")
    console = Console.of(under, lambda: True)
    console.doors.hasher = QUICK
    with serve(console.app(), 0) as url, httpx.Client(base_url=url, headers={"host": "sync.example"}) as browser:
        sent = {"origin": "https://sync.example"}
        answer = browser.post("/login", data={"name": "vera", "password": PASSWORD}, headers=sent)
        told = answer.headers["set-cookie"]
        assert answer.status_code == 303 and told.startswith("__Host-syncd=")
        assert {"Secure", "HttpOnly", "SameSite=strict", "Path=/"} <= set(told.split("; ")) and "Domain" not in told
        secret = told.partition("=")[2].partition(";")[0]
        for name, status in (("__Host-syncd", 200), ("syncd", 303)):
            answer = browser.get("/me", headers={"cookie": f"{name}={secret}"})
            assert answer.status_code == status
            assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
            assert (answer.headers["cache-control"], answer.headers["content-security-policy"]) == ("no-store", POLICY)


@pytest.mark.parametrize("name", ["x-forwarded-host", "x-host", "forwarded", "x-original-url", "x-rewrite-url"])
def test_nobody_says_for_us_where_they_came_to(town: Town, name: str) -> None:
    """What proxies write, anybody can: it changes neither the name that a page is shown under nor which page it is."""
    told = "host=evil.example" if name == "forwarded" else "/people" if "url" in name else "evil.example"
    answer = town.client("vera").get(
        "/me", headers={name: told, "x-forwarded-proto": "https", "x-forwarded-for": "1.1.1.1"}
    )
    assert answer.status_code == 200 and "evil.example" not in answer.text
    assert "strict-transport-security" not in answer.headers
    ours = {name: urlsplit(town.url).netloc, "host": "evil.example"}
    assert town.client("vera").get("/me", headers=ours).status_code == 404


def test_scripts_and_styles_are_guarded_too(town: Town) -> None:
    """No other site has them, and no browser takes them for anything else."""
    for path in ("console.js", "complete.js", "console.css", "icon.svg"):
        answer = town.stranger().get(f"/static/{path}")
        assert answer.status_code == 200
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
