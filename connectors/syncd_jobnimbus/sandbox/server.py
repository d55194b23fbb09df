"""The JobNimbus sandbox: one account in memory behind the vendor's paths, with all that nobody knows as switches.

What is not here: what is in JobNimbus's files, its tasks and financial records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.routing import BaseRoute

from syncd.kit.sandbox import Reply, Sandbox
from syncd.kit.sender import Sender
from syncd_jobnimbus.sandbox.access import DEFAULT_KEY, Key, Keys
from syncd_jobnimbus.sandbox.acts import Acts
from syncd_jobnimbus.sandbox.api import Api
from syncd_jobnimbus.sandbox.defaults import default_account
from syncd_jobnimbus.sandbox.hooks import Dress
from syncd_jobnimbus.sandbox.imports import import_csv
from syncd_jobnimbus.sandbox.lists import Lists
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.seeding import seed
from syncd_jobnimbus.sandbox.store import KINDS, Store, Who
from syncd_jobnimbus.sandbox.switches import SWITCHES


class JobNimbusSandbox(Sandbox):
    """A roofing company's account. Key `sandboxkey0000001`; five people, three workflows, nine custom fields."""

    name: ClassVar[str] = "jobnimbus"
    kinds: ClassVar[tuple[str, ...]] = KINDS
    switches = SWITCHES
    entry: ClassVar[str] = f"The API key is {DEFAULT_KEY}."

    def clear(self) -> None:
        """An account with people and settings, and no customers."""
        account = default_account(self.random)
        store = Store(self.clock.seconds, lambda: float(self.settings["index_lag"]), self.note, self.random)
        self.records = Records(account, self.settings, store, self.clock.seconds, self.random)
        self.lists = Lists(self.records)
        self.keys = Keys({DEFAULT_KEY: Key("full", account.users[0])})
        self.sender = self._sender = Sender(self.settings, Dress(self.settings), flight=4)
        self._api = Api(self.keys, self.records, self.lists, self._triggered)
        self._acts = Acts(self.keys, self.records, self.lists)
        self._make_members()

    def _make_members(self) -> None:
        account = self.records.account
        long_ago = int(self.clock.seconds()) - 400 * 86400
        who = Who(account.users[0], "system")
        for user in account.users:
            fields = {"first_name": user.first_name, "last_name": user.last_name, "email": user.email}
            self.records.member(user.id, {**fields, "status_name": "Active"}, who, long_ago)

    def note(self, kind: str, id: str, *, by: str, via: str, fields: Mapping[str, tuple[Any, Any]]) -> None:
        """Remember a change; what people do sets off automations. So does the API, unless it is told not to (`Api`)."""
        super().note(kind, id, by=by, via=via, fields=fields)
        if via == "person":
            gone = "is_active" in fields and not fields["is_active"][1]
            self._triggered(kind, id, "Deleted" if gone else "Created" if "type" in fields else "Modified")

    def _triggered(self, kind: str, id: str, what: str) -> None:
        row = self.records.store.get(kind, id)
        if row is not None and what in self.settings["webhook_on"]:
            self._sender.tell(self.lists.show(kind, row))

    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's paths under /api1/."""
        return self._api.routes()

    def dump(self, kind: str) -> list[dict[str, Any]]:
        """Every record of the primary store, team members (`is_user`) included; custom fields by key and label."""
        self.records.tick()
        custom = self.records.account.custom.get(kind, ())
        rows = self.records.store.rows[kind].values()
        return [{**row, **{each.title: row.get(each.key) for each in custom}} for row in rows]

    def act(self, action: dict[str, Any]) -> dict[str, Any]:
        """A verb of `acts`."""
        return self._acts.play(action)

    def seed(self, spec: dict[str, Any]) -> dict[str, Any]:
        """Contacts with jobs, see `seeding.seed`."""
        return seed(self.records, spec, fresh=not self.lists.read)

    def import_csv(self, kind: str, text: str) -> dict[str, Any]:
        """A person's import, see `imports`."""
        return import_csv(self.records, kind, text)

    def settled(self) -> dict[str, Any]:
        """Whether lists show every write, and in how many seconds they will."""
        self.records.tick()
        wait = self.records.behind()
        return {"settled": wait <= 0, "in": wait}

    def fault_reply(self, status: int, retry_after: float | None) -> Reply:
        """A played fault in this account's manner of errors."""
        made = self._api.error(status, _FAULT.get(status, "Internal Server Error"))
        wish = [(b"retry-after", f"{retry_after:g}".encode())] if retry_after is not None else []
        return Reply(made.status, [*made.headers, *wish], made.body)


_FAULT = {403: "Forbidden", 429: "Too many requests", 502: "Bad Gateway", 503: "Service Unavailable",
          504: "Gateway Timeout", 423: "Locked"}  # fmt: skip
