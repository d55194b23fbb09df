"""What the tests of the JobNimbus connector share: an account in a sandbox, and a connector to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from syncd.core.model import Gone, Record
from syncd.kit.connector import Cursor, Page, SystemSettings, Timing
from syncd.kit.remote import Remote
from syncd.kit.sandbox import SandboxServer
from syncd_jobnimbus import JobNimbus
from syncd_jobnimbus.sandbox import JobNimbusSandbox

KEY = "sandboxkey0000001"

TIMING = Timing(timeout=timedelta(seconds=5), retry_for=timedelta(seconds=1))


@dataclass
class Account:
    """A sandbox and a connector, with a feed that is remembered like an engine would."""

    connector: JobNimbus
    remote: Remote
    sandbox: JobNimbusSandbox
    url: str
    cursors: dict[str, Cursor] = field(default_factory=dict)
    held: dict[str, Record | Gone] = field(default_factory=dict)

    def tick(self, kind: str, *fields: str) -> list[Page]:
        """One tick; what it shows is held, newest version kept."""
        pages = []
        for page in self.connector.changes(kind, self.cursors.get(kind), fields, lambda ids: {}):
            self.cursors[kind] = page.cursor
            self.held |= {one.ref.id: one for one in page.records}
            pages.append(page)
        return pages

    def fill(self, kind: str, *fields: str) -> None:
        """Ticks until the first reading is complete."""
        while not self.tick(kind, *fields)[-1].backfilled:
            pass

    def person(self, kind: str, **fields: Any) -> str:
        """Somebody types a record in; its id."""
        return str(self.remote.act("create", kind, fields=fields)["id"])

    def job(self, name: str, **fields: Any) -> str:
        """Somebody types in a Roofing job."""
        return self.person("jobs", name=name, record_type_name="Roofing", status_name="Lead", **fields)

    def many(self, kind: str, count: int, stamp: int | None = None) -> list[str]:
        """Many records at once, by the back door; all in the second `stamp`, or a minute apart."""
        records, title = self.sandbox.records, {"contacts": "display_name", "jobs": "name"}[kind]
        began = int(self.sandbox.clock.now().timestamp()) - count * 60 - 3600
        rows = []
        for n in range(count):
            fields = {title: f"Person {n}"}
            at = stamp if stamp is not None else began + n * 60
            rows.append(records.create(kind, fields, _nobody(self.sandbox), at=at, lag=0, person=True)["jnid"])
        return rows

    def value(self, id: str, name: str) -> Any:
        """What is held of a field; a text when it is not known, or the record is gone."""
        one = self.held[id]
        return one.fields.get(name, "<unknown>") if isinstance(one, Record) else "<gone>"


def _nobody(sandbox: JobNimbusSandbox) -> Any:
    from syncd_jobnimbus.sandbox.store import Who

    return Who(sandbox.records.account.users[0], "person")


def connect(url: str, timing: Timing = TIMING, secret: str = KEY, **options: Any) -> JobNimbus:
    """A connector that never waits for its own rate."""
    return JobNimbus(
        SystemSettings(
            system="jn",
            secret=secret,
            base_url=url,
            timezone=options.pop("timezone", "America/Chicago"),
            rate="100000/1",
            timing=timing,
            options=options,
        )
    )


@contextmanager
def account(*, timing: Timing = TIMING, options: dict[str, Any] | None = None, **switches: Any) -> Iterator[Account]:
    """A new account; its lists do not lag unless asked to."""
    sandbox = JobNimbusSandbox(seed=11, settings={"index_lag": 0, **switches})
    with SandboxServer(sandbox) as server:
        remote, connector = Remote(server.url), connect(server.url, timing, **(options or {}))
        try:
            yield Account(connector, remote, sandbox, server.url)
        finally:
            connector.close()
            remote.close()
