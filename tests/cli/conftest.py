"""A whole set-up on this machine: two sandboxes, a config file, a small map. Not here: what is tested with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from syncd.kit import registry
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer

TOKEN, KEY = "sandbox-token", "sandboxkey0000001"

CONFIG = """\
[syncd]
store = "sqlite:///syncd.db"
maps = "maps"

[log]
format = "json"

[systems.hubspot]
connector = "hubspot"
token = {{env = "HUBSPOT_TOKEN"}}
base_url = "{left}"
rate = "1000/s"
search_rate = "1000/s"

[systems.jobnimbus]
connector = "jobnimbus"
api_key = {{env = "JOBNIMBUS_API_KEY"}}
base_url = "{right}"
timezone = "America/Chicago"
rate = "1000/s"

[pairs.sales]
left = "hubspot"
right = "jobnimbus"
maps = ["small/contacts.yaml"]
mode = "live"

[timing]
overlap = "2s"
settle = "250ms"
settle_every = "250ms"
gone_every = "250ms"
lag = "250ms"
retry_first = "250ms"
"""

MAP = """\
version: 1
name: contacts
left: {kind: contacts}
right: {kind: contacts, on_create: {record_type_name: Customer, status_name: Lead}}
match:
  link: [email]
first_link: ask
create:
  right: {when: "left.lifecyclestage == 'lead'"}
fields:
  - {left: firstname, right: first_name, owner: left}
  - {left: lastname, right: last_name, owner: left}
  - {left: email, right: email, owner: left}
  - {left: city, right: city, owner: ask}
  - {left: lead_source, right: source_name, direction: "->", values: {Website: Website, Referral: Referral}}
"""


@dataclass
class House:
    """The set-up of one test: its folder, and the two vendors by the control protocol."""

    folder: Path
    left: Remote
    right: Remote

    def config(self, old: str, new: str) -> None:
        """Change a piece of config.toml."""
        self._change(self.folder / "config.toml", old, new)

    def map(self, old: str, new: str) -> None:
        """Change a piece of the map."""
        self._change(self.folder / "maps" / "small" / "contacts.yaml", old, new)

    def lead(self, number: int = 1, **fields: str) -> str:
        """A person makes a lead in HubSpot; its id."""
        given = {"firstname": "Ana", "lastname": f"Lead{number}", "email": f"ana{number}@example.com", **fields}
        made = self.left.act("create", "contacts", fields={"lifecyclestage": "lead", **given}, as_="Dana")
        self.settle()
        return str(made["id"])

    def settle(self) -> None:
        """Let both indexes catch up."""
        self.left.settle()
        self.right.settle()

    @staticmethod
    def _change(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture(scope="session")
def vendors() -> Iterator[tuple[Remote, Remote]]:
    """Both sandboxes, served once for all tests."""
    lagless = {"hubspot": {"index_lag": {"kind": "none"}, "rate": "off"}, "jobnimbus": {"index_lag": 0.0}}
    boxes = {name: registry.sandbox(name)(settings=switches) for name, switches in lagless.items()}
    with (
        SandboxServer(boxes["hubspot"]) as left,
        SandboxServer(boxes["jobnimbus"]) as right,
        closing(Remote(left.url)) as hubspot,
        closing(Remote(right.url)) as jobnimbus,
    ):
        yield hubspot, jobnimbus


@pytest.fixture
def house(vendors: tuple[Remote, Remote], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A set-up that works, in an empty folder, over two empty accounts."""
    left, right = vendors
    left.reset(settings={"index_lag": {"kind": "none"}, "rate": "off"})
    right.reset(settings={"index_lag": 0.0})
    (tmp_path / "maps" / "small").mkdir(parents=True)
    (tmp_path / "maps" / "small" / "contacts.yaml").write_text(MAP, encoding="utf-8")
    (tmp_path / "config.toml").write_text(CONFIG.format(left=left.url, right=right.url), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SYNCD_CONFIG", raising=False)
    monkeypatch.setenv("HUBSPOT_TOKEN", TOKEN)
    monkeypatch.setenv("JOBNIMBUS_API_KEY", KEY)
    monkeypatch.setenv("SYNCD_WEB_LISTEN", "127.0.0.1:0")
    return House(tmp_path, left, right)
