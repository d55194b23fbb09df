"""One more system by the console: tried at its vendor, kept, paired; and all that is refused, without a trace."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from syncd.app import App
from tests.console.town import Town

KEY = "sandboxkey0000001"


@pytest.fixture(autouse=True)
def _as_before(town: Town) -> Iterator[None]:
    text, folder = town.stage.config.read_text(encoding="utf-8"), _folder(town)
    yield
    town.stage.config.write_text(text, encoding="utf-8")
    for path in folder.glob("*") if folder.is_dir() else ():
        path.unlink()


def _folder(town: Town) -> Path:
    return town.stage.config.parent / "credentials"


def _form(town: Town, **more: str) -> dict[str, str]:
    address = str(town.app.config.systems["jobnimbus"].base_url)
    return {"name": "north", "connector": "jobnimbus", "key": KEY, "timezone": "America/Denver", "across": "hubspot",
            "base_url": address, **more}  # fmt: skip


def _said(answer: httpx.Response) -> str:
    return str(json.loads(answer.headers["hx-trigger"])["said"]["text"])


def _opened(town: Town) -> App:
    return App.read(town.stage.config, environ=town.stage.environ)


def test_it_is_connected_and_paired(town: Town) -> None:
    """Its table and its pair stand in the file, which else is as it was; its key is in a file of its own alone."""
    before = town.stage.config.read_text(encoding="utf-8")
    answer = town.post("/systems/connect", _form(town))
    assert answer.status_code == 204 and "The pair north reads both and only plans" in _said(answer)
    text = town.stage.config.read_text(encoding="utf-8")
    assert text.startswith(before.rstrip()) and KEY not in text and KEY not in answer.text
    kept = _folder(town) / "north_api_key"
    assert kept.read_text(encoding="utf-8") == f"{KEY}\n" and stat.S_IMODE(kept.stat().st_mode) == 0o600
    with _opened(town) as app:
        north, pair = app.config.systems["north"], app.config.pairs["north"]
        assert (north.connector, north.secret, north.timezone) == ("jobnimbus", KEY, "America/Denver")
        assert (pair.left, pair.right, pair.mode) == ("hubspot", "north", "plan")
        assert pair.maps == app.config.pairs["sales"].maps
        assert not [one for one in app.check() if one["severity"] == "error"]
    with town.app.ready_store.read() as tx:
        (deed,) = tx.deeds.last(limit=1)
    assert (deed.deed, deed.subject) == ("system.connect", "north") and KEY not in json.dumps(dict(deed.detail))


def test_it_may_be_paired_later(town: Town) -> None:
    """Without a system across there is a system, and no pair; a system on the left is put there."""
    assert "before a pair names it" in _said(town.post("/systems/connect", _form(town, across="")))
    crm = str(town.app.config.systems["hubspot"].base_url)
    form = _form(town, name="second", connector="hubspot", key="sandbox-token", base_url=crm, across="jobnimbus")
    assert town.post("/systems/connect", {**form, "timezone": ""}).status_code == 204
    with _opened(town) as app:
        assert "north" in app.config.systems and "north" not in app.config.pairs
        assert (app.config.pairs["second"].left, app.config.pairs["second"].right) == ("second", "jobnimbus")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"key": "not-a-key-of-theirs"}, "JobNimbus"), ({"key": " "}, "is empty"), ({"key": "a\u202eb"}, "no key has"),
        ({"name": "North Side"}, "can be no system's"), ({"name": "hubspot"}, "is taken"),
        ({"name": "sales"}, "is taken"), ({"timezone": "Mars/Base"}, "time zone"),
        ({"name": "../x"}, "can be no system's"), ({"connector": "fax"}, "fax"),
        ({"across": "nowhere"}, "is no system"), ({"across": "jobnimbus"}, "no maps that fit"),
        ({"base_url": "file:///etc/passwd"}, "base_url"), ({"base_url": "http://127.0.0.1:9/"}, "no connection to 127"),
        ({"connector": "salesforce", "base_url": "", "timezone": ""}, "My Domain of the org"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_refused_leaves_no_trace(town: Town, wrong: Mapping[str, str], told: str) -> None:
    """Neither in the file nor beside it; and no key stands in what is said."""
    before = town.stage.config.read_bytes()
    answer = town.post("/systems/connect", _form(town, **wrong))
    assert answer.status_code in (422, 503) and told in _said(answer)
    assert "not-a-key-of-theirs" not in _said(answer)
    assert town.stage.config.read_bytes() == before
    assert not list(_folder(town).glob("*"))


def test_a_key_that_is_there_is_not_written_over(town: Town) -> None:
    """It may be another program's, or of a set-up that somebody is at."""
    _folder(town).mkdir(mode=0o700, exist_ok=True)
    there = _folder(town) / "north_api_key"
    there.write_text("another", encoding="utf-8")
    assert "is there already" in _said(town.post("/systems/connect", _form(town)))
    assert there.read_text(encoding="utf-8") == "another"


def test_only_an_admin_connects(town: Town) -> None:
    """Neither the link nor the page nor the deed is anybody else's."""
    assert 'href="/systems/connect"' in town.page("/systems", "ada")
    page = town.page("/systems/connect", "ada")
    for word in ("My Domain of the org", "Its time zone", "HubSpot", "Salesforce", "JobNimbus"):
        assert word in page
    for name in ("otto", "vera"):
        assert "/systems/connect" not in town.page("/systems", name)
        assert town.client(name).get("/systems/connect").status_code == 403
        assert town.post("/systems/connect", _form(town), name).status_code == 403
