"""What `syncd prove` takes from somebody's own set-up, what people can type in it, and how it is asked for.

Not here: a whole proof (`tests/e2e/test_killed.py`), and each law (`tests/e2e/test_laws.py`).
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from syncd.app import App
from syncd.cli import main
from syncd.errors import ConfigError
from syncd.lab.crm import HUBSPOT
from syncd.lab.own import RIGHT, own, without_secrets
from syncd.lab.prove import Task
from syncd.lab.stage import Stage
from syncd.lab.trades import trades

SETUP = """\
[syncd]
store = "sqlite:///mine.db"
maps = "maps"

[systems.crm]
connector = "hubspot"
token = {env = "MY_TOKEN"}
rate = "3/1"

[systems.jobs]
connector = "jobnimbus"
api_key = {env = "MY_KEY"}
base_url = "https://jobs.example.com/api1"
custom_fields = "contacts.cf_string_5=Membership; contacts.cf_long_2=Miles; contacts.cf_string_6=CRM"
sync_key = true

[pairs.mine]
left = "jobs"
right = "crm"
maps = ["own/people.yaml"]
mode = "plan"
guard = {creates = 1, updates = 1}
"""

MAP = """\
version: 1
name: people
left: {kind: contacts}
right: {kind: contacts, on_create: {lifecyclestage: lead}}
sync_key: {left: cf_string_6, right: our_key}
match: {link: [sync_key, email]}
first_link: left
create: {left: {when: "true"}, right: {when: "true"}}
fields:
  - {left: email, right: email, owner: left}
  - {left: first_name, right: firstname, owner: left}
  - {left: last_name, right: lastname, owner: left}
  - {left: {custom: cf_string_5, label: Membership}, right: membership, owner: left, values: {gold: au, tin: sn}}
  - {left: {custom: cf_long_2, label: Miles}, right: miles, owner: right, convert: number}
  - {left: city, right: town, owner: right}
"""


@pytest.fixture
def setup(tmp_path: Path) -> Path:
    """Somebody's set-up with a map of their own."""
    (tmp_path / "maps" / "own").mkdir(parents=True)
    (tmp_path / "maps" / "own" / "people.yaml").write_text(MAP, encoding="utf-8")
    file = tmp_path / "config.toml"
    file.write_text(SETUP, encoding="utf-8")
    return file


def test_an_own_setup_moves_in_front_of_the_sandboxes(setup: Path, tmp_path: Path) -> None:
    """Keys, addresses, guards and the store stay behind; pairs, maps, options and the accounts' fields come along."""
    with App.open(setup, environ=without_secrets(setup, {})) as app:
        taken = own(app.config)
    with (
        Stage(folder=tmp_path / "stage", leads=3, own=taken, search_rate="50/1") as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        assert set(app.config.systems) == {HUBSPOT.name, RIGHT} and "mine.db" not in app.config.store
        (pair,) = app.config.pairs.values()
        assert (pair.name, pair.left, pair.right, pair.mode) == ("mine", RIGHT, HUBSPOT.name, "live")
        assert pair.guard.creates == 100_000
        assert app.config.systems[RIGHT].base_url == stage.right.url
        with httpx.Client(base_url=stage.left.url, trust_env=False) as http:
            http.headers["authorization"] = f"Bearer {HUBSPOT.key}"
            made = {name: http.get(f"/crm/properties/2026-03/contacts/{name}").json()
                    for name in ("our_key", "membership", "miles", "town")}  # fmt: skip
        assert made["our_key"]["hasUniqueValue"] and made["miles"]["type"] == "number"
        assert [option["value"] for option in made["membership"]["options"]] == ["au", "sn"]
        (people,) = trades(app.world)
        assert [(one.left, one.right, one.clears) for one in people.fields] == [
            ("first_name", "firstname", True), ("last_name", "lastname", True), ("city", "town", True),
        ]  # fmt: skip
        app.once()
        assert app.status()["links"]["mine/people"] >= 3


def test_people_type_what_both_sides_keep(tmp_path: Path) -> None:
    """In the shipped maps: words where both sides keep words, and nothing into keys, e-mails, lists and numbers."""
    with (
        Stage(folder=tmp_path, search_rate="50/1") as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        found = {one.left: one for trade in trades(app.world) for one in trade.fields}
    assert {"firstname", "lastname", "company", "city", "dealname", "claim_number"} <= set(found)
    assert not {"email", "syncd_id", "dealstage", "amount", "hubspot_owner_id", "date_of_loss"} & set(found)
    assert found["city"].clears and not found["dealname"].clears


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ('connector = "jobnimbus"\napi_key', 'connector = "hubspot"\ntoken', "with one hubspot or salesforce"),
        ("[pairs.mine]", "[pairs.Mine]", "is not a name"),
    ],
)
def test_what_no_sandbox_stands_in_for_is_refused(setup: Path, before: str, after: str, says: str) -> None:
    """Two accounts of one vendor, or a set-up that is wrong by itself, end with a sentence, before anything starts."""
    text = setup.read_text(encoding="utf-8").replace(before, after)
    text = text if "api_key" in text else text.replace("custom_fields", "#").replace("sync_key", "#")
    setup.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=says), App.open(setup, environ=without_secrets(setup, {})) as app:
        own(app.config)


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (["--crm", "siebel"], "Write one of hubspot, salesforce."),
        (["--rate", "fast"], "is not REQUESTS/SECONDS"),
        (["--workers", "3"], "Name an empty PostgreSQL database"),
        (["--workers", "2", "--store", "sqlite:///x.db"], "Name an empty PostgreSQL database"),
        (["--config", "nowhere.toml"], "there is no such config file"),
        (["--keep", "."], "is not empty. Name a new folder for each proof."),
        (["--keep", "mine.db/x"], "cannot be made: Not a directory. Name a folder that you may write."),
    ],
)
def test_what_cannot_be_played_is_said(
    typed: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wrong wish is one line with its remedy and exit code 2; no vendor is started for it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.db").touch()
    assert main(["prove", *typed]) == 2
    assert says in capsys.readouterr().err


def test_the_command_that_replays_shows_no_password() -> None:
    """It names every wish that matters, and the store without its password."""
    store = "postgresql+psycopg://me:s3cret-word@127.0.0.1/x"
    task = Task(edits=50, seed=9, workers=3, store=store, config=Path("a b"))
    said = task.command()
    assert "--seed 9" in said and "--edits 50" in said and "--config 'a b'" in said and "--workers 3" in said
    assert "s3cret-word" not in said
    assert "--minutes 2.5" in Task(edits=None, lasts=timedelta(seconds=150)).command()


def test_a_short_play_has_kills_too() -> None:
    """From 10 to 20 seconds between kills, and less where the whole play is short."""
    assert Task(edits=10_000).kills_every == (10.0, 20.0)
    low, high = Task(edits=300, per_second=15.0).kills_every
    assert 1.0 <= low < high <= 5.0
