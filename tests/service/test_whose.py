"""A key that opens another account than before stops its system. Not here: where each vendor tells its account."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from syncd.app import App
from syncd.errors import AuthError, ConfigError
from syncd.lab.stage import Stage

SYSTEMS = ("hubspot", "jobnimbus")


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Both sandboxes, linked once."""
    with Stage(folder=tmp_path_factory.mktemp("whose"), leads=4, rate="1000/1") as stage:
        # Who sets no zone asks HubSpot for it, and hears whose account it is.
        text = stage.config.read_text(encoding="utf-8")
        stage.config.write_text(re.sub(r"(\[systems.hubspot\][^\[]*?)timezone = .*\n", r"\1", text), encoding="utf-8")
        with App.open(stage.config, environ=stage.environ) as app:
            app.once()
        yield stage


@pytest.fixture(params=SYSTEMS)
def system(request: pytest.FixtureRequest) -> str:
    """Each vendor tells its account in its own way."""
    return str(request.param)


def known(stage: Stage, system: str, account: str | None = None) -> str:
    """The account that was noted; `account`: note this one instead."""
    with App.open(stage.config, environ=stage.environ) as app, app.ready_store.begin() as tx:
        before = tx.runs.fact(f"account:{system}")
        if account is not None:
            tx.runs.set_fact(f"account:{system}", account)
        return str(before)


@pytest.fixture
def moved(synced: Stage, system: str) -> Iterator[str]:
    """What is known came from another account than the key opens; its own number is given."""
    own = known(synced, system, "another")
    yield own
    known(synced, system, own)


def test_the_first_account_is_noted(synced: Stage, system: str) -> None:
    """As the vendor numbers it, and the same one is no trouble."""
    assert known(synced, system) not in ("", "None")
    with App.open(synced.config, environ=synced.environ) as app:
        assert app.once() is not None


def test_another_account_stops_its_system(synced: Stage, system: str, moved: str) -> None:
    """Nothing is read or written: the sentence names both, and what to do."""
    before = {name: vendor.mark() for name, vendor in synced.vendors.items()}
    with App.open(synced.config, environ=synced.environ) as app, pytest.raises(AuthError) as raised:
        app.once()
    assert raised.value.system == system
    for word in (moved, "another", "empty store", "call the system otherwise"):
        assert word in str(raised.value)
    assert [vendor.writes(before[name]) for name, vendor in synced.vendors.items()] == [[], []]


def test_check_says_so(synced: Stage, system: str, moved: str) -> None:
    """As an error with its remedy; nothing is noted by it."""
    with App.open(synced.config, environ=synced.environ) as app:
        (row,) = [row for row in app.check() if row["severity"] == "error"]
    assert row["subject"] == f"{system}: account" and moved in row["message"] and "another" in row["remedy"]
    assert known(synced, system) == "another"


def test_a_new_key_of_another_account_is_not_taken(synced: Stage, moved: str, system: str) -> None:
    """It would be refused at the next start: it does not take the old one's place."""
    folder, text = synced.config.parent, synced.config.read_text(encoding="utf-8")
    secret = "api_key" if system == "jobnimbus" else "token"
    with App.open(synced.config, environ=synced.environ) as app:
        own = app.config.systems[system].secret
    (folder / "key").write_text("an-old-key-of-before", encoding="utf-8")
    (folder / "key").chmod(0o600)
    lines = [f'{secret} = {{file = "key"}}' if line.startswith(f"{secret} =") else line for line in text.splitlines()]
    synced.config.write_text("\n".join(lines), encoding="utf-8")
    try:
        with App.open(synced.config, environ=synced.environ) as app, pytest.raises(ConfigError, match=moved):
            app.keys.change(system, own)
    finally:
        synced.config.write_text(text, encoding="utf-8")
    assert (folder / "key").read_text(encoding="utf-8") == "an-old-key-of-before"


def test_what_was_never_read_is_of_no_account(synced: Stage, system: str) -> None:
    """Who tried another key before anything was read begins with the one that holds now."""
    text = synced.config.read_text(encoding="utf-8")
    fresh = synced.config.with_name("fresh.toml")
    fresh.write_text(text.replace("syncd.db", "fresh.db"), encoding="utf-8")
    with App.open(fresh, environ=synced.environ) as app:
        with app.ready_store.begin() as tx:
            tx.runs.set_fact(f"account:{system}", "another")
        assert app.world.pairs
        with app.ready_store.read() as tx:
            assert tx.runs.fact(f"account:{system}") not in (None, "another")
