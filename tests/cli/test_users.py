"""Who may use the console, said on the command line. What is not here: what the doors do (`tests/console`)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from syncd.app import App
from syncd.cli import main
from syncd.cli.work import welcome
from tests.cli.conftest import House

PASSWORD = "correct horse battery staple"


def said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a verb answers."""
    capsys.readouterr()
    assert main(list(words)) == 0
    return capsys.readouterr().out.strip()


def test_somebody_is_let_in_and_shut_out(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """A link, with which a password is chosen; another role; no way in any more; each shown by `list`."""
    assert "There is no account yet" in said(capsys, "user", "list")
    link = said(capsys, "user", "invite", "Jane", "--role", "admin")
    assert "/welcome/" in link
    with App.open("config.toml") as app:
        assert app.doors.choose(link.rpartition("/")[2], PASSWORD) is not None
    said(capsys, "user", "invite", "joe", "--role", "viewer")
    assert "joe is operator now" in said(capsys, "user", "role", "joe", "operator")
    assert "joe is let in no longer" in said(capsys, "user", "end", "joe")
    rows = json.loads(said(capsys, "user", "list", "--format", "json"))
    assert [(row["name"], row["role"], row["state"]) for row in rows] == [
        ("jane", "admin", "active"), ("joe", "operator", "ended"),
    ]  # fmt: skip


def test_a_programs_token_is_shown_once_and_works(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """It acts as its account, for as long as was said."""
    said(capsys, "user", "invite", "jane", "--role", "operator")
    secret = said(capsys, "user", "token", "jane", "--label", "report", "--days", "2")
    with App.open("config.toml") as app:
        visitor = app.doors.program(secret)
        assert visitor is not None and (visitor.name, str(visitor.role)) == ("jane", "operator")
        app.doors.clock = lambda: app.clock() + timedelta(days=2)
        assert app.doors.program(secret) is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["invite", "jane"], "which role"), (["invite", "jane", "--role", "king"], "Known: viewer, operator, admin"),
        (["invite", "j/../k", "--role", "viewer"], "is no name"), (["role", "nobody", "viewer"], "there is none"),
        (["end", "nobody"], "there is none"), (["token", "nobody", "--label", "x"], "there is none"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said(house: House, capsys: pytest.CaptureFixture[str], words: list[str], told: str) -> None:
    """An account without a role, a role or a name that is none, nobody: with what to do, and exit code 2."""
    assert main(["user", *words]) == 2
    assert told in capsys.readouterr().err


def test_the_first_start_lets_the_first_person_in(house: House) -> None:
    """At a terminal a link is shown once; when somebody has an account, only where the console is."""
    with App.open("config.toml") as app:
        first = welcome(app)
        assert app.doors.invited(first.rpartition("/")[2]) == "admin"
        assert "/welcome/" not in welcome(app) and "The console is at http://127.0.0.1:" in welcome(app)
    config = house.folder / "config.toml"
    config.write_text(config.read_text(encoding="utf-8") + "\n[console]\non = false\n", encoding="utf-8")
    with App.open("config.toml") as app:
        assert welcome(app) == "There is no console: [console] on = false."
