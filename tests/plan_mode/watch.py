"""A daemon whose ticks are called one by one over two sandboxes, on clocks that are moved on together.

What is not here: the schedule (`tests/service`), the processes (`tests/e2e`), and what is tested with it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from syncd.app import App
from syncd.cli import main
from syncd.service.daemon import Daemon
from tests.plan_mode.conftest import Office

MINUTE, HOUR, DAY = 70.0, 3700.0, 24 * 3600.0
"""Seconds; a paused system is asked again after a minute, looked at every hour, audited every night."""

CUSTOM = "jobs.cf_string_1=Claim Number; jobs.cf_string_2=Insurance Carrier; jobs.cf_string_3=Roof Type"
KINDS: Mapping[str, tuple[str, str]] = {"contacts": ("contacts", "contacts"), "work": ("deals", "jobs")}


@dataclass
class Watch:
    """The office, opened; `ahead`: how far our clock was moved on."""

    office: Office
    app: App
    ahead: list[float]
    daemon: Daemon

    def pass_time(self, seconds: float) -> None:
        """Both vendors' clocks and ours go on."""
        self.ahead[0] += seconds
        for vendor in self.office.vendors.values():
            vendor.advance(seconds)

    def round(self, seconds: float = MINUTE) -> None:
        """Time passes, then everything that the schedule has is done once: feeds, pairs, maps, audits."""
        self.pass_time(seconds)
        for tick in self.daemon.ticks():
            tick.work()

    def rounds(self, count: int, seconds: float = MINUTE) -> None:
        """Several."""
        for _ in range(count):
            self.round(seconds)

    def until_nothing_is_parked(self) -> None:
        """As many hours as it takes, ten at most: on a busy machine a look may meet a schema that is a second old."""
        self.rounds(2)
        for _ in range(10):
            self.round(HOUR)
            self.rounds(2)
            if not self.office.ask("parked"):
                return

    def again(self) -> Watch:
        """The same office after a restart of the daemon."""
        self.daemon = _daemon(self.app)
        return self

    def status(self) -> dict[str, Any]:
        """`syncd status` as JSON."""
        return dict(self.office.ask("status"))

    def paused(self) -> dict[str, str]:
        """The systems that are paused, with the reason; the text that people read says the same."""
        systems = self.status()["systems"]
        found = {name: one["reason"] for name, one in systems.items() if one["state"] == "paused"}
        code = main(["status"])
        shown = " ".join(self.office.output.readouterr().out.split())
        assert (code == 1) or not found
        assert all(reason in shown for reason in found.values()), shown
        return found

    def told(self) -> str:
        """Status and parked records, for a failing test's message."""
        return json.dumps([self.status()["systems"], self.office.ask("parked")], indent=1)


def _daemon(app: App) -> Daemon:
    made = app.serving.daemon(app.world.pairs)
    made.prepare()
    return made


@contextmanager
def watching(office: Office, ahead: list[float] | None = None) -> Iterator[Watch]:
    """Open the office's set-up with a clock that can be moved on."""
    ahead = ahead if ahead is not None else [0.0]
    with App.open("config.toml") as app:
        app._given_clock = lambda: datetime.now(UTC) + timedelta(seconds=ahead[0])
        yield Watch(office, app, ahead, _daemon(app))


def customers(office: Office, count: int) -> None:
    """So many leads in HubSpot, each with a qualified deal whose custom fields are filled; properties for our key."""
    hubspot = office.vendors["hubspot"]
    for kind in ("contacts", "deals"):
        key = {"name": "syncd_id", "label": "Syncd ID", "type": "string", "fieldType": "text", "hasUniqueValue": True}
        hubspot.act("property_create", kind, definition=key)
    for n in range(count):
        who = office.make("hubspot", "contacts", firstname="Ana", lastname=f"Lead{n}", email=f"ana{n}@example.com",
                          lifecyclestage="lead", lead_source="Referral")  # fmt: skip
        deal = office.make("hubspot", "deals", dealname=f"Roof {n}", pipeline="default", dealstage="qualifiedtobuy",
                           roof_type="Metal", insurance_carrier=f"Prairie {n}",
                           claim_number=f"00{n}")  # fmt: skip
        hubspot.act("associate", "deals", id=deal, to_kind="contacts", to_id=who)
    office.settle()


def twins(watch: Watch, kind: str) -> dict[str, str]:
    """The right id of every left id that is linked."""
    key = {"contacts": "sales/contacts", "work": "sales/deals-jobs"}[kind]
    with watch.app.store.read() as tx:
        return {link.left_id: link.right_id for link in tx.links.all(key)}
