"""A small synced world with the console over it, and three people signed in. What is not here: any test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from argon2 import PasswordHasher

from syncd.app import App
from syncd.console.ask import Role
from syncd.console.site import Console
from syncd.lab.crm import HUBSPOT
from syncd.lab.demo import TIMING
from syncd.lab.page.serve import serve
from syncd.lab.stage import Stage

PASSWORD = "correct horse battery staple"
PEOPLE = {"ada": Role.ADMIN, "otto": Role.OPERATOR, "vera": Role.VIEWER}
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""Careful hashing is for real passwords."""


@dataclass(slots=True)
class Town:
    """Both sandboxes of `stage`, the open `app`, and its `console` at `url`; no daemon works, so nothing moves."""

    stage: Stage
    app: App
    console: Console
    url: str
    _clients: dict[str, httpx.Client] = field(default_factory=dict)
    opened: ExitStack = field(default_factory=ExitStack)

    def client(self, name: str = "ada") -> httpx.Client:
        """A browser without script, in which this person is signed in."""
        if name not in self._clients:
            secret = self.console.doors.invite(name, PEOPLE[name])
            made = self.stranger()
            answer = made.post(f"/welcome/{secret}", data={"password": PASSWORD, "again": PASSWORD})
            assert answer.status_code == 303
            self._clients[name] = made
        return self._clients[name]

    def stranger(self) -> httpx.Client:
        """A browser in which nobody is signed in."""
        return self.opened.enter_context(httpx.Client(base_url=self.url, timeout=60))

    def secret(self, name: str) -> str:
        """What the browser of this person keeps to be known by."""
        return self.client(name).cookies["syncd"]

    def asked(self) -> dict[str, int]:
        """How often each vendor was asked anything so far."""
        return {name: vendor.mark() for name, vendor in self.stage.vendors.items()}

    def page(self, path: str, name: str = "ada") -> str:
        """A page as it is sent."""
        answer = self.client(name).get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(
        self, path: str, form: Mapping[str, str | Sequence[str]] | None = None, name: str = "ada"
    ) -> httpx.Response:
        """A deed, as the page's own script sends it."""
        client = self.client(name)
        visitor = self.console.doors.visitor(self.secret(name))
        assert visitor is not None
        headers = {"hx-request": "true", "x-csrf": visitor.csrf}
        return client.post(path, data=dict(form or {}), headers=headers)


@contextmanager
def town(folder: Path, leads: int = 20) -> Iterator[Town]:
    """Seeded, synced once, and opened."""
    with (
        Stage(folder=folder, crm=HUBSPOT, leads=leads, seed=1, rate="20/1", every="1s", timing=TIMING) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        app.once()
        console = Console.of(app, lambda: True)
        console.doors.hasher = QUICK
        with serve(console.app(), 0) as url:
            made = Town(stage, app, console, url)
            with made.opened:
                yield made
