"""Two sandboxed vendors, the shipped maps, and a pair in mode plan. What is not here: what is tested with them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from syncd.cli import main
from syncd.kit import registry
from syncd.kit.remote import Remote
from syncd.kit.sandbox import Sandbox, SandboxServer

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "mappings" / "hubspot-jobnimbus"
SWITCHES: Mapping[str, Mapping[str, Any]] = {
    "hubspot": {"index_lag": {"kind": "none"}, "rate": "off"},
    "jobnimbus": {"index_lag": 0.0},
}
KINDS = {"hubspot": ("contacts", "deals"), "jobnimbus": ("contacts", "jobs")}
DANA, SAM = "Dana", "sam.okafor@example.com"

CONFIG = """\
[syncd]
store = "sqlite:///syncd.db"
maps = "maps"

[log]
format = "json"

[systems.hubspot]
connector = "hubspot"
token = {{env = "HUBSPOT_TOKEN"}}
base_url = "{hubspot}"
timezone = "America/Chicago"
rate = "1000/s"
search_rate = "1000/s"

[systems.jobnimbus]
connector = "jobnimbus"
api_key = {{env = "JOBNIMBUS_API_KEY"}}
base_url = "{jobnimbus}"
timezone = "America/Chicago"
rate = "1000/s"

[pairs.sales]
left = "hubspot"
right = "jobnimbus"
maps = ["hubspot-jobnimbus/contacts.yaml", "hubspot-jobnimbus/deals-jobs.yaml"]
guard = {{creates = 500, updates = 500}}
mode = "plan"

[timing]
overlap = "2s"
settle = "250ms"
settle_every = "250ms"
gone_every = "250ms"
lag = "250ms"
retry_first = "250ms"
"""


@dataclass
class Office:
    """One set-up: the folder it lives in, and both vendors by the control protocol."""

    folder: Path
    vendors: Mapping[str, Remote]
    output: pytest.CaptureFixture[str]
    since: dict[str, int] = field(default_factory=dict)

    def make(self, system: str, kind: str, **fields: Any) -> str:
        """A person makes a record in a vendor's own pages; its id."""
        who = DANA if system == "hubspot" else SAM
        return str(self.vendors[system].act("create", kind, fields=fields, as_=who)["id"])

    def edit(self, system: str, kind: str, id: str, **fields: Any) -> None:
        """A person changes a record."""
        self.vendors[system].act("update", kind, id=id, fields=fields, as_=DANA if system == "hubspot" else SAM)

    def settle(self) -> None:
        """Let both indexes catch up."""
        for vendor in self.vendors.values():
            vendor.settle()

    def shown(self) -> None:
        """Wait until every change so far shows in the feeds: they stay behind by their lag, on clocks of seconds."""
        self.settle()
        time.sleep(1.6)

    def config(self, old: str, new: str) -> None:
        """Change a piece of config.toml."""
        path = self.folder / "config.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def ask(self, *typed: str) -> Any:
        """A verb's JSON answer."""
        assert main([*typed, "--format", "json"]) in {0, 1}
        return json.loads(self.output.readouterr().out)

    def approve(self, expected: int) -> None:
        """A person allows what is held: so many records."""
        assert main(["held", "approve"]) == 0
        assert self.output.readouterr().out.startswith(f"{expected} record")

    def begin(self) -> None:
        """From now on requests and changes count."""
        self.since = {name: vendor.mark() for name, vendor in self.vendors.items()}

    def writes(self) -> list[dict[str, Any]]:
        """Every request since `begin` that changes a record, of both vendors, as their request logs tell it."""
        return [one for name, vendor in self.vendors.items() for one in vendor.writes(self.since[name])]

    def records(self) -> dict[str, dict[str, Any]]:
        """Every record of both vendors in its wire form, by SYSTEM:KIND:ID."""
        return {
            f"{system}:{kind}:{row['id'] if system == 'hubspot' else row['jnid']}": row
            for system, kinds in KINDS.items()
            for kind in kinds
            for row in self.vendors[system].records(kind)
        }

    def changes(self) -> dict[str, list[dict[str, list[Any]]]]:
        """What the API has written, by SYSTEM:KIND:ID, as the vendors' histories tell it: field -> before, after."""
        found = {
            f"{system}:{kind}:{id_}": entries
            for system, kinds in KINDS.items()
            for kind in kinds
            for id_, entries in self.vendors[system].histories(kind).items()
        }
        told = {ref: [one["fields"] for one in entries if one["via"] == "api"] for ref, entries in found.items()}
        return {ref: entries for ref, entries in told.items() if entries}


def kept(box: Sandbox, state: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A copy of all that a sandbox holds by now, or of what was kept of it. Its sender of webhooks has no work here."""
    assert box.settled()["settled"], "what is still to be done in a sandbox cannot be copied"
    state = vars(box) if state is None else state
    as_they_are = {id(one): one for one in (box, state["sender"])}
    return deepcopy({**state, "_vendor_app": None}, as_they_are)


@pytest.fixture(scope="session")
def boxes() -> Mapping[str, Sandbox]:
    """Both sandboxes."""
    return {name: registry.sandbox(name)(settings=switches) for name, switches in SWITCHES.items()}


@pytest.fixture(scope="session")
def offices(boxes: Mapping[str, Sandbox]) -> Iterator[Mapping[str, Remote]]:
    """They are served once for all tests."""
    with (
        SandboxServer(boxes["hubspot"]) as left,
        SandboxServer(boxes["jobnimbus"]) as right,
        closing(Remote(left.url)) as hubspot,
        closing(Remote(right.url)) as jobnimbus,
    ):
        yield {"hubspot": hubspot, "jobnimbus": jobnimbus}


@pytest.fixture
def office(
    offices: Mapping[str, Remote],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Office:
    """The shipped maps between two empty accounts, except that one stage has no counterpart."""
    for name, vendor in offices.items():
        vendor.reset(settings=SWITCHES[name])
    folder = tmp_path / "maps" / "hubspot-jobnimbus"
    folder.mkdir(parents=True)
    deals = (SHIPPED / "deals-jobs.yaml").read_text(encoding="utf-8")
    assert "      contractsent: Estimating\n" in deals
    (folder / "deals-jobs.yaml").write_text(deals.replace("      contractsent: Estimating\n", ""), encoding="utf-8")
    urls = {name: vendor.url for name, vendor in offices.items()}
    (tmp_path / "config.toml").write_text(CONFIG.format(**urls), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    monkeypatch.setenv("HUBSPOT_TOKEN", "sandbox-token")
    monkeypatch.setenv("JOBNIMBUS_API_KEY", "sandboxkey0000001")
    made = Office(tmp_path, offices, capsys)
    made.begin()
    return made
