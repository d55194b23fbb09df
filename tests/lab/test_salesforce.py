"""Salesforce on the left side of the lab: the demo to its end and its page, and what people there do."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest
from typer.testing import CliRunner

from syncd.app import App
from syncd.cli.root import app
from syncd.lab.crm import SALESFORCE
from syncd.lab.demo import playing
from syncd.lab.own import own, without_secrets
from syncd.lab.prove import Task
from syncd.lab.stage import Stage
from syncd.lab.trades import trades

SETUP = """\
[systems.crm]
connector = "salesforce"
secret = {env = "MY_SECRET"}
my_domain = "acme.my.salesforce.com"
client_id = "3MVG9"
overlap = 600

[systems.jobs]
connector = "jobnimbus"
api_key = {env = "MY_KEY"}

[pairs.mine]
left = "jobs"
right = "crm"
maps = ["people.yaml"]

[syncd]
store = "sqlite:///mine.db"
maps = "."
"""

MAP = """\
version: 1
name: people
left: {kind: contacts}
right: {kind: Contact}
sync_key: {right: Our_Key__c}
match: {link: [sync_key, email]}
first_link: left
create: {right: {when: "left.last_name != ''"}}
fields:
  - {left: email, right: Email, owner: left}
  - {left: last_name, right: LastName, owner: left}
  - {left: city, right: Town__c, owner: right}
  - {left: status_name, right: Level__c, owner: left, values: {Lead: new, Active: old}, unmapped: skip}
  - {left: estimated_time, right: Hours__c, owner: right, convert: number}
"""


def test_thirty_leads_settle_equal_and_idle() -> None:
    """Leads, contacts and opportunities are synced to the end: equal, nothing double, idle, and near the floor."""
    order = ["demo", "--until-settled", "--crm", "salesforce", "--leads", "30", "--rate", "200/1", "--format", "json"]
    found = CliRunner().invoke(app, order)
    told = orjson.loads(found.stdout)
    assert found.exit_code == 0, found.stdout
    assert (told["good"], told["differences"], told["duplicates"], told["missing"]) == (True, [], [], [])
    assert (told["idle_polls"], told["idle_writes"]) == (3, [])
    assert min(told["counts"][f"links {name}"] for name in ("leads", "contacts", "opportunities-jobs")) >= 8
    assert told["writes"]["salesforce Lead update written"] == told["counts"]["links leads"]
    assert 0.7 * told["requests"] < told["floor"] <= told["requests"]


def test_a_proof_says_how_it_is_played_again() -> None:
    """The command names the CRM too. What a proof plays is in `tests/e2e/test_killed.py`."""
    assert "--crm salesforce" in Task(crm=SALESFORCE, edits=150, seed=5).command()


def test_people_type_into_all_that_is_handed_over(tmp_path: Path) -> None:
    """Leads, contacts and opportunities are typed into; no more than the shorter of two fields holds."""
    with Stage(folder=tmp_path, crm=SALESFORCE) as stage, App.open(stage.config, environ=stage.environ) as opened:
        found = {trade.map.name: {one.left: one for one in trade.fields} for trade in trades(opened.world)}
    assert {"LastName", "City"} <= set(found["leads"]) and {"LastName", "MailingCity"} <= set(found["contacts"])
    assert "Name" in found["opportunities-jobs"] and found["leads"]["PostalCode"].most == 20


def test_an_own_setup_moves_in_front_of_the_sandboxes(tmp_path: Path) -> None:
    """The set-up says which CRM it is; its login and overlap stay behind, and fields that its maps name are made."""
    (tmp_path / "config.toml").write_text(SETUP, encoding="utf-8")
    (tmp_path / "people.yaml").write_text(MAP, encoding="utf-8")
    with App.open(tmp_path / "config.toml", environ=without_secrets(tmp_path / "config.toml", {})) as opened:
        taken = own(opened.config)
    assert taken.crm is SALESFORCE
    with (
        Stage(folder=tmp_path / "stage", leads=4, own=taken, timing={"overlap": "2s"}) as stage,
        App.open(stage.config, environ=stage.environ) as opened,
    ):
        assert opened.config.systems["salesforce"].options["overlap"] == 2
        row = stage.left.records("Contact")[0]
        assert {"Our_Key__c", "Town__c", "Level__c", "Hours__c"} <= set(row)
        assert [m.name for m in opened.world.maps.values()] == ["people"]


@pytest.mark.timeout(120)
def test_the_page_shows_it_and_a_newcomer_crosses() -> None:
    """The demo's page lists Salesforce's people with their opportunities, and somebody entered there arrives."""
    with playing(App.open, crm=SALESFORCE, leads=6, port=0) as demo, httpx.Client(trust_env=False) as http:
        page = http.get(demo.url).text
        assert "Salesforce" in page and "HubSpot" not in page
        told = http.post(f"{demo.url}lead", headers={"hx-request": "true"})
        key = told.headers["hx-push-url"]
        assert "is a new lead in Salesforce" in told.text
        contact = re.search(r"003\w{15}", key)
        assert contact is not None
        wait_for(lambda: "Qualification" in http.get(f"{demo.url.rstrip('/')}{key}").text)
        wait_for(lambda: len(demo.stage.right.records("jobs")) > 1 and "Lead" in http.get(demo.url + key[1:]).text)


def wait_for(done: Callable[[], bool], within: float = 40.0) -> None:
    """Wait until something holds."""
    end = time.monotonic() + within
    while not done():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.3)
