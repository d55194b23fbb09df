"""One more system by the console: tried at its vendor, kept, paired; and all that is refused, without a trace."""

from __future__ import annotations

import json
import socket
import stat
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from syncd.app import App
from syncd.config import SystemConfig
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd.service import connecting
from syncd.service.replacing import replaced
from syncd_jobnimbus import client
from syncd_jobnimbus.sandbox import JobNimbusSandbox
from tests.console.town import Town

KEY = "sandboxkey0000001"
SALESFORCE = {"connector": "salesforce", "timezone": "", "across": "", "option-client_id": "3MVG9.id"}


@pytest.fixture(autouse=True)
def _as_before(town: Town) -> Iterator[None]:
    text, folder = town.stage.config.read_text(encoding="utf-8"), _folder(town)
    yield
    town.stage.config.write_text(text, encoding="utf-8")
    for path in folder.glob("*") if folder.is_dir() else ():
        path.unlink()


def _folder(town: Town) -> Path:
    return town.stage.config.parent / "credentials"


@pytest.fixture(scope="module")
def elsewhere() -> Iterator[str]:
    """Another account of JobNimbus, with a customer that tells it; its address."""
    with SandboxServer(JobNimbusSandbox(seed=77)) as server:
        with closing(Remote(server.url)) as remote:
            remote.act("create", "contacts", fields={"display_name": "Zoë"})
        yield server.url


@pytest.fixture
def form(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What an admin fills in. JobNimbus is where that account is."""
    monkeypatch.setattr(client, "HOST", elsewhere)
    return {"name": "north", "connector": "jobnimbus", "key": KEY, "timezone": "America/Denver", "across": "hubspot"}


def _said(answer: httpx.Response) -> str:
    return str(json.loads(answer.headers["hx-trigger"])["said"]["text"])


def _opened(town: Town) -> App:
    return App.read(town.stage.config, environ=town.stage.environ)


def test_it_is_connected_and_paired(town: Town, form: dict[str, str]) -> None:
    """Its table and its pair stand in the file, which else is as it was; its key is in a file of its own alone."""
    before = town.stage.config.read_text(encoding="utf-8")
    answer = town.post("/systems/connect", form)
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
    with town.app.ready_store.read() as tx:
        (deed,) = tx.deeds.last(limit=1)
    assert (deed.deed, deed.subject) == ("system.connect", "north") and KEY not in json.dumps(dict(deed.detail))


def test_it_may_be_paired_later(town: Town, form: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a system across there is a system, and no pair; a system on the left is put there."""
    assert "before a pair names it" in _said(town.post("/systems/connect", {**form, "across": ""}))
    monkeypatch.setitem(town.app.__dict__, "connecting", replace(town.app.connecting, accounts=dict))
    crm = {"connector": "hubspot", "key": "sandbox-token", "timezone": "", "across": "jobnimbus"}
    monkeypatch.setattr("syncd_hubspot.connector._BASE_URL", str(town.app.config.systems["hubspot"].base_url))
    answer = town.post("/systems/connect", {**form, **crm, "name": "second"})
    assert answer.status_code == 204
    with _opened(town) as app:
        assert "north" in app.config.systems and "north" not in app.config.pairs
        assert (app.config.pairs["second"].left, app.config.pairs["second"].right) == ("second", "jobnimbus")


def test_what_was_changed_meanwhile_stays(
    town: Town, form: dict[str, str], elsewhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While its vendor is asked, a pair is paused and another system is connected: all three stand in the file."""
    pair, asked = town.app.config.pairs["sales"], town.app.keys.try_out

    def meanwhile(system: SystemConfig) -> str | None:
        if system.name == "north":
            town.app.setup.change(pair, {"mode": "paused"})
            assert town.post("/systems/connect", {**form, "name": "south"}).status_code == 204
        return asked(system)

    monkeypatch.setitem(town.app.__dict__, "connecting", replace(town.app.connecting, try_out=meanwhile))
    assert town.post("/systems/connect", form).status_code == 204
    with _opened(town) as app:
        assert set(app.config.systems) == {"hubspot", "jobnimbus", "north", "south"}
        assert app.config.pairs["sales"].mode == "paused"


def test_an_account_is_connected_once(town: Town, form: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The key of the account that another system has already."""
    town.app.check()  # by now it is known whose each is
    monkeypatch.setattr(client, "HOST", str(town.app.config.systems["jobnimbus"].base_url))
    answer = town.post("/systems/connect", form)
    assert answer.status_code == 422 and "opens the account that jobnimbus has" in _said(answer)
    assert not list(_folder(town).glob("*"))


def test_where_syncd_may_write_no_keys_it_says_how_it_is_done(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a hardened unit: nobody fills in a form in vain."""
    monkeypatch.setattr(connecting.os, "access", lambda *_: False)
    page = town.page("/systems/connect", "ada")
    assert "By hand, here" in page and "credentials/north_api_key" in page and "hx-post" not in page.split("</nav>")[-1]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    """config.toml may be a link to where it really lies: that file is changed, and the link stays one."""
    real = tmp_path / "real.toml"
    real.write_text("a = 1\n", encoding="utf-8")
    link = tmp_path / "config.toml"
    link.symlink_to(real)
    replaced(link, "a = 2\n", like=link)
    assert link.is_symlink() and real.read_text(encoding="utf-8") == "a = 2\n"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"key": "not-a-key-of-theirs"}, "JobNimbus"), ({"key": " "}, "is empty"), ({"key": "a\u202eb"}, "no key has"),
        ({"name": "North Side"}, "can be no system's"), ({"name": "hubspot"}, "is taken"),
        ({"name": "sales"}, "is taken"), ({"timezone": "Mars/Base"}, "time zone"), ({"timezone": ""}, "zone is needed"),
        ({"name": "../x"}, "can be no system's"), ({"connector": "fax"}, "fax"),
        ({"across": "nowhere"}, "is no system"), ({"across": "jobnimbus"}, "no maps that fit"),
        ({**SALESFORCE, "option-my_domain": ""}, "My Domain of the org is needed"),
        ({**SALESFORCE, "option-my_domain": "127.0.0.1:8443"}, "must end with .salesforce.com"),
        ({**SALESFORCE, "option-my_domain": "evil.example/.salesforce.com"}, "must end with .salesforce.com"),
        ({**SALESFORCE, "option-my_domain": "a.my.salesforce.com", "option-client_id": ""}, "Consumer key of the app"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_refused_leaves_no_trace(town: Town, form: dict[str, str], wrong: Mapping[str, str], told: str) -> None:
    """Neither in the file nor beside it; and no key stands in what is said."""
    before = town.stage.config.read_bytes()
    answer = town.post("/systems/connect", {**form, **wrong})
    assert answer.status_code in (422, 503) and told in _said(answer)
    assert "not-a-key-of-theirs" not in _said(answer)
    assert town.stage.config.read_bytes() == before
    assert not list(_folder(town).glob("*"))


def test_a_key_that_is_there_is_not_written_over(town: Town, form: dict[str, str]) -> None:
    """It may be another program's. The very same one is left over from a try that was killed, and is used."""
    _folder(town).mkdir(mode=0o700, exist_ok=True)
    there = _folder(town) / "north_api_key"
    for left, mode in (("another", 0o600), (KEY, 0o644)):
        there.write_text(left, encoding="utf-8")
        there.chmod(mode)
        assert "is there already" in _said(town.post("/systems/connect", form))
        assert there.read_text(encoding="utf-8") == left
    there.chmod(0o600)
    assert town.post("/systems/connect", form).status_code == 204


@pytest.mark.parametrize("spoilt", [None, b"\xff\xfe[systems]"], ids=["gone", "no text"])
def test_a_file_that_cannot_be_read_is_told(town: Town, form: dict[str, str], spoilt: bytes | None) -> None:
    """In a sentence; no key is left behind."""
    if spoilt is None:
        town.stage.config.unlink()
    else:
        town.stage.config.write_bytes(spoilt)
    assert "cannot be read" in _said(town.post("/systems/connect", form))
    assert not list(_folder(town).glob("*"))


def test_no_address_is_taken(town: Town, form: dict[str, str], elsewhere: str) -> None:
    """Whatever a forged form says: the key goes to its vendor alone."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.settimeout(0.5)
        address = f"http://127.0.0.1:{trap.getsockname()[1]}"
        more = {"base_url": address, "option-base_url": address, "option-rate": "1/day"}
        assert town.post("/systems/connect", {**form, **more}).status_code == 204
        with pytest.raises(TimeoutError):
            trap.accept()
    assert address not in town.stage.config.read_text(encoding="utf-8")


def test_only_an_admin_connects(town: Town, form: dict[str, str]) -> None:
    """Neither the link nor the page nor the deed is anybody else's."""
    assert 'href="/systems/connect"' in town.page("/systems", "ada")
    page = town.page("/systems/connect", "ada")
    for word in ("My Domain of the org", "Its time zone", "HubSpot", "Salesforce", "JobNimbus"):
        assert word in page
    for name in ("otto", "vera"):
        assert "/systems/connect" not in town.page("/systems", name)
        assert town.client(name).get("/systems/connect").status_code == 403
        assert town.post("/systems/connect", form, name).status_code == 403
