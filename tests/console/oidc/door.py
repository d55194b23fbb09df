"""A console whose people may sign in with a provider's accounts. What is not here: any test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import httpx

from syncd.config import Config
from syncd.console.site import Console
from syncd.lab.page.serve import serve
from tests.console.oidc.provider import CLIENT, SECRET, Provider
from tests.console.town import QUICK, Town
from tests.ports import free_port


class Set:
    """A town's open set-up with another config, and a clock that can be put on."""

    def __init__(self, town: Town, config: Config) -> None:
        self.town, self.config, self.later = town, config, timedelta(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.town.app, name)

    def clock(self) -> datetime:
        """Now, or later."""
        return self.town.app.clock() + self.later


@dataclass(slots=True)
class Door:
    """The console, its provider, and where it is."""

    console: Console
    provider: Provider
    desk: Set
    url: str

    @contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """One in which nobody is signed in."""
        with httpx.Client(base_url=self.url, timeout=60, trust_env=False) as made:
            yield made

    def walk(self, browser: httpx.Client, to: str = "/") -> httpx.Response:
        """Go to the provider, say yes, and come back: what is answered then."""
        return browser.get(self.provider.agree(self.leave(browser, to)))

    def leave(self, browser: httpx.Client, to: str = "/") -> str:
        """Where the button leads."""
        answer = browser.get("/login/oidc", params={"to": to})
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def anew(self) -> None:
        """As after a start: nothing is known of the provider, and it behaves."""
        self.provider.afresh()
        self.desk.later = timedelta(0)
        assert self.console.elsewhere is not None
        self.console.elsewhere.oidc._known = None


@contextmanager
def opened(town: Town, provider: Provider) -> Iterator[Door]:
    """Serve the town's store with sign-in by this provider."""
    port, had = free_port(), town.app.config
    console = replace(
        had.console, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_secret=SECRET, oidc_name="Example Roofing"
    )
    desk = Set(town, replace(had, console=console, web=replace(had.web, listen=f"127.0.0.1:{port}")))
    made = Console.of(desk, lambda: True)
    made.doors.hasher = QUICK
    with serve(made.app(), port) as url:
        yield Door(made, provider, desk, url.rstrip("/"))


def refused(browser: httpx.Client, answer: httpx.Response, told: str, status: int = 403) -> None:
    """The page to sign in with a plain sentence, and nobody is signed in."""
    assert answer.status_code == status, answer.text
    assert "<h1>Sign in to syncd</h1>" in answer.text and told in answer.text, answer.text
    assert browser.get("/").headers["location"] == "/login"
    assert "syncd" not in browser.cookies
