"""Systems and pairs: what is shown of the set-up, and a pair changed in its file. Not here: how a text is changed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncd.lab.stage import RIGHT_KEY
from syncd.service.whose import noted
from syncd.store.runs import SystemState
from tests.console.town import Town

NEW_KEY = "a-new-key-7c1f"


def file(town: Town) -> dict[str, Any]:
    """What the file says of the pair."""
    found: dict[str, Any] = tomllib.loads(town.stage.config.read_text(encoding="utf-8"))["pairs"]["sales"]
    return found


@pytest.fixture(autouse=True)
def as_it_was(town: Town) -> Any:
    """The file is put back after each test."""
    text = town.stage.config.read_text(encoding="utf-8")
    yield
    town.stage.config.write_text(text, encoding="utf-8")


def test_systems_and_pairs_are_shown_without_any_key(town: Town) -> None:
    """Each with its state and limits; no secret of the set-up stands in the page."""
    page = town.page("/systems")
    for word in ("HubSpot", "JobNimbus", "sales", "live", f"{town.app.config.pairs['sales'].guard.percent} %"):
        assert word in page
    with town.app.ready_store.read() as tx:
        account = noted(tx, "jobnimbus")
    assert account is not None and f"<dd>{account}</dd>" in page
    home = re.sub(r"<[^>]+>", "", town.page("/"))
    assert f"Account {account}, first read " in home
    for secret in town.app.config.secrets():
        assert secret not in page


def test_check_is_shown_with_its_remedies(town: Town) -> None:
    """What the command line's `check` finds, the worst first."""
    page = town.page("/systems/findings")
    folder = f"{town.app.config.path.parent}/"
    for row in town.app.check():
        assert row["subject"].removeprefix(folder) in page
    assert folder not in page and "maps/hubspot-jobnimbus/contacts.yaml:" in page
    assert "data-editing" in page  # what stands so is not asked for anew whenever something changes


def test_check_is_offered_to_who_may_have_it(town: Town) -> None:
    """An operator, but no viewer, has the systems asked."""
    assert 'href="/systems/findings"' in town.page("/systems", "otto")
    assert "/systems/findings" not in town.page("/systems", "vera")


def test_a_pair_is_paused_and_goes_on(town: Town) -> None:
    """The file says so, with every comment kept; what was before comes back by the note's Undo."""
    answer = town.post("/systems/pairs/sales", {"mode": "paused"})
    assert answer.status_code == 204 and "mode is paused now" in answer.headers["hx-trigger"]
    assert file(town)["mode"] == "paused"
    assert '"undo": {"path": "/systems/pairs/sales", "form": {"mode": "live"}}' in answer.headers["hx-trigger"]


def test_interval_and_limits_are_changed_together(town: Town) -> None:
    """Only what was changed is written."""
    before = file(town)
    form = {"every": "2m", "creates": "77", "updates": str(town.app.config.pairs["sales"].guard.updates)}
    assert town.post("/systems/pairs/sales", form).status_code == 204
    assert file(town)["every"] == "2m" and file(town)["guard"] == {**before.get("guard", {}), "creates": 77}


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({}, "nothing was changed"), ({"mode": "live"}, "nothing was changed"), ({"mode": "fast"}, "mode"),
        ({"every": "soon"}, "every"), ({"percent": "101"}, "percent"), ({"creates": "-1"}, "whole number"),
        ({"creates": "9" * 30}, "whole number"),
    ],
)  # fmt: skip
def test_what_does_not_fit_changes_nothing(town: Town, form: dict[str, str], told: str) -> None:
    """A value that the set-up would refuse is refused before the file is touched, with why."""
    before = town.stage.config.read_bytes()
    answer = town.post("/systems/pairs/sales", form)
    assert answer.status_code == 422 and told in answer.headers["hx-trigger"]
    assert town.stage.config.read_bytes() == before


def test_a_pair_that_is_not_there_is_not_found(town: Town) -> None:
    """Whatever its name tries to be."""
    for name in ("other", "..", "%2e%2e%2fconfig"):
        assert town.post(f"/systems/pairs/{name}", {"mode": "live"}).status_code in (404, 405)


def test_who_changed_the_file_meanwhile_is_not_overwritten(town: Town) -> None:
    """What somebody wrote there since syncd read it stays, and the second is told."""
    text = town.stage.config.read_text(encoding="utf-8")
    assert 'mode = "live"' in text
    town.stage.config.write_text(text.replace('mode = "live"', 'mode = "plan"'), encoding="utf-8")
    answer = town.post("/systems/pairs/sales", {"every": "2m"})
    assert answer.status_code == 422 and "was changed since" in answer.headers["hx-trigger"]
    assert file(town)["mode"] == "plan" and file(town).get("every") != "2m"


def test_a_file_that_syncd_may_not_write_is_said_with_the_line(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The very line to write by hand, and how syncd takes it; nothing is half written."""

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(town.stage.config))

    before = sorted(town.stage.config.parent.iterdir())
    monkeypatch.setattr(Path, "replace", refused)
    answer = town.post("/systems/pairs/sales", {"mode": "plan"})
    monkeypatch.undo()
    told = answer.headers["hx-trigger"]
    assert answer.status_code == 422 and '[pairs.sales]: mode = \\"plan\\"' in told and "reload" in told
    assert file(town)["mode"] == "live" and sorted(town.stage.config.parent.iterdir()) == before


def test_a_running_daemon_takes_it(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs it is told to read the set-up anew, after the file was written."""
    seen: list[str] = []
    monkeypatch.setattr(town.app, "renew", lambda: seen.append(file(town)["mode"]))
    town.app.__dict__.pop("setup", None)
    answer = town.post("/systems/pairs/sales", {"mode": "plan"})
    town.app.__dict__.pop("setup", None)
    assert seen == ["plan"] and "in a moment" in answer.headers["hx-trigger"]


@pytest.fixture
def filed(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The key of the right system comes from a file."""
    text, kept = town.stage.config.read_text(encoding="utf-8"), town.stage.folder / "right-key"
    changed = re.sub(r"(api_key\s*=\s*)\{.*?\}", r'\1{file = "right-key"}', text)
    assert changed != text
    town.stage.config.write_text(changed, encoding="utf-8")
    kept.write_text(f"{RIGHT_KEY}\n", encoding="utf-8")
    kept.chmod(0o600)
    town.stage.right.act("key", key=NEW_KEY)
    monkeypatch.setattr(town.app, "renew", lambda: None)
    town.app.__dict__.pop("keys", None)
    yield kept
    town.app.__dict__.pop("keys", None)


def test_an_admin_gives_another_key(town: Town, filed: Path) -> None:
    """It is tried, kept where the old one was, and stands in no list, page or log of deeds."""
    assert 'type="password"' in town.page("/systems")
    answer = town.post("/systems/jobnimbus/key", {"key": NEW_KEY})
    assert answer.status_code == 204 and "JobNimbus takes the new key" in answer.headers["hx-trigger"]
    assert filed.read_text(encoding="utf-8") == f"{NEW_KEY}\n"
    with town.app.ready_store.read() as tx:
        (done,) = tx.deeds.last(limit=1)
    assert (done.account, done.deed, done.subject, done.detail) == ("ada", "system.key", "jobnimbus", {})
    for page in ("/systems", "/deeds"):
        assert NEW_KEY not in town.page(page)


def test_a_key_that_is_refused_changes_nothing(town: Town, filed: Path) -> None:
    """The note says what the vendor says, with the remedy, and not the key."""
    answer = town.post("/systems/jobnimbus/key", {"key": "a-wrong-key-51ab"})
    told = answer.headers["hx-trigger"]
    assert answer.status_code == 422 and "API key" in told and "a-wrong-key" not in told
    assert filed.read_text(encoding="utf-8") == f"{RIGHT_KEY}\n"


def test_who_is_no_admin_gives_no_key(town: Town, filed: Path) -> None:
    """Nor is shown where one lies."""
    for name in ("otto", "vera"):
        assert town.post("/systems/jobnimbus/key", {"key": NEW_KEY}, name).status_code == 403
        assert "Another key" not in town.page("/systems", name)
    assert filed.read_text(encoding="utf-8") == f"{RIGHT_KEY}\n"
    assert town.post("/systems/salesforce/key", {"key": NEW_KEY}).status_code == 404


def test_a_key_of_the_environment_is_told_to_be_changed_there(town: Town) -> None:
    """Which variable, and that it is read at the start."""
    page = town.page("/systems")
    assert "It comes from the environment variable" in page and 'type="password"' not in page


def test_how_a_system_is_stands_alike_on_both_pages(town: Town) -> None:
    """In the same words with its reason, on the first page as here; one that nobody has asked yet is not connected."""
    now = town.app.clock()
    for state, word in (("paused", "refused"), ("waiting", "does not answer"), ("ok", "connected")):
        with town.app.ready_store.begin() as tx:
            tx.runs.set_system(SystemState("hubspot", state, f"because it is {state}", now, now))
        heads = [re.findall(r"<h3>HubSpot.*?</p>", town.page(path), re.DOTALL)[0] for path in ("/", "/systems")]
        assert heads[0] == heads[1] and word in heads[0] and f"because it is {state}" in heads[0]
    with town.app.ready_store.begin() as tx:
        tx.runs.set_system(SystemState("hubspot", "ok", None, now))
