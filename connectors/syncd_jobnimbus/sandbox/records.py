"""Making and changing records as the vendor does: stamps, unique titles, activities, and copies on related records.

What is not here: which fields a body may set (`rules`), and where rows live (`store`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from syncd_jobnimbus.sandbox.account import Account, new_jnid
from syncd_jobnimbus.sandbox.fields import PHONES, TITLE, WORD, blank
from syncd_jobnimbus.sandbox.rules import Refusal, Row, Rules, on_contact, pointer
from syncd_jobnimbus.sandbox.store import Store, Who

_TYPE = {"contacts": "contact", "jobs": "job", "activities": "activity"}
_COPIED = frozenset({"display_name", "number", *PHONES, "approved_estimate_total", "approved_invoice_total",
                     "approved_invoice_due", "last_estimate", "last_invoice"})  # fmt: skip


@dataclass(slots=True)
class Records:
    """The account's records with all that a write sets in motion. `now` is in seconds of the sandbox clock.

    `fired`: the automations and notifications that writes set off, for tests of `skip`.
    """

    account: Account
    settings: Mapping[str, Any]
    store: Store
    now: Callable[[], float]
    chance: random.Random
    fired: list[dict[str, str]] = field(default_factory=list)
    _serial: dict[str, int] = field(default_factory=dict)
    _deferred: list[tuple[float, Callable[[], Any]]] = field(default_factory=list)

    @property
    def rules(self) -> Rules:
        """The write rules in force."""
        return Rules(self.account, self.settings, self.store.rows["contacts"])

    def create(
        self, kind: str, body: Mapping[str, Any], who: Who, *, at: int | None = None, lag: float | None = None,
        person: bool = False, delay: float = 0.0,
    ) -> Row:  # fmt: skip
        """Make a record; Refusal if a rule is broken. `at`: unix seconds of its creation; `delay`: stored later."""
        fields = self.rules.for_create(kind, body, person=person)
        self._unique(kind, str(fields[TITLE[kind]]), None)
        row = self._born(kind, fields, who, int(self.now()) if at is None else at)

        def keep() -> None:
            self.store.save(kind, row, who, lag=lag)
            self._log(kind, row, "Created", who, lag=lag)

        self._soon(delay, keep)
        return row

    def update(
        self,
        kind: str,
        jnid: str,
        body: Mapping[str, Any],
        who: Who,
        *,
        at: int | None = None,
        person: bool = False,
        delay: float = 0.0,
    ) -> Row:
        """Change the named fields of a record; Refusal if a rule is broken. `date_updated` moves in any case."""
        fields = self._fields(kind, jnid, body, person)
        stamp = int(self.now()) if at is None else at

        def keep() -> None:
            before = self.store.get(kind, jnid)
            if before is None:  # erased while a bulk write was on its way
                return
            after = self._after(before, fields, stamp)
            self.store.save(kind, after, who)
            self._log(kind, after, _what(before, after), who, moved=before["status"] != after["status"])
            if kind == "contacts":
                self._copy_to_jobs(before, after)

        answer = self._after(self.store.rows[kind][jnid], fields, stamp)
        self._soon(delay, keep)
        return answer

    def member(self, user_id: str, fields: Mapping[str, Any], who: Who, at: int) -> None:
        """Make the contact that stands for a team member."""
        made = self.rules.for_create("contacts", fields)
        row = {**self._born("contacts", made, who, at), "jnid": user_id, "is_user": True}
        self.store.save("contacts", row, who, lag=0.0)

    def note(self, body: Mapping[str, Any], who: Who) -> Row:
        """Write a note on a contact or job; Refusal for an unknown type or a bad `primary`."""
        name, number = self._activity_type(body)
        target = self._target(body)
        row = self._entry(name, target, who, note=str(body.get("note") or ""))
        row["record_type"] = number
        self.store.save("activities", row, who)
        if target is not None and self.settings["note_bumps"]:
            kind, about = target
            self.store.save(kind, {**about, "date_updated": int(self.now())}, who)
        return row

    def attach(self, kind: str, about: Row, name: str, size: int, who: Who) -> Row:
        """Put a file of so many bytes on a contact or job; a job's file hangs on its contact too."""
        now = int(self.now())
        primary = about.get("primary")
        row = {
            **blank("files"),
            "jnid": new_jnid(self.chance), "type": "attachment", "customer": self.account.id,
            "filename": name, "size": size, "record_type": 1, "record_type_name": "Document",
            "primary": pointer(about), "related": [pointer(about), *([primary] if primary else [])],
            "owners": list(about["owners"]), "created_by": who.user.id, "created_by_name": who.user.name,
            "date_created": now, "date_updated": now, "date_file_created": now, "is_active": True,
        }  # fmt: skip
        self.store.save("files", row, who)
        self.store.patch(kind, about["jnid"], {"attachment_count": about["attachment_count"] + 1})
        return row

    def tick(self) -> None:
        """Store what bulk writes left for later and let the index take in what is due."""
        now = self.now()
        ready = [run for due, run in self._deferred if due <= now]
        self._deferred = [(due, run) for due, run in self._deferred if due > now]
        for run in ready:
            run()
        self.store.index.catch_up(now)

    def behind(self) -> float:
        """Seconds until store and lists show every write; 0.0 when they do."""
        now = self.now()
        waiting = max((due - now + float(self.settings["index_lag"]) for due, _ in self._deferred), default=0.0)
        return max(waiting, self.store.index.behind(now))

    # -- the parts of a write

    def _soon(self, delay: float, keep: Callable[[], Any]) -> None:
        if delay > 0:
            self._deferred.append((self.now() + delay, keep))
        else:
            keep()

    def _unique(self, kind: str, title: str, own: str | None) -> None:
        for other in self.store.namesakes(kind, title):
            if other["jnid"] != own and (other["is_active"] or self.settings["unique_counts_inactive"]):
                raise Refusal(400, f"Duplicate {_TYPE[kind]} exists")

    def _born(self, kind: str, fields: Mapping[str, Any], who: Who, at: int) -> dict[str, Any]:
        recid = self._serial[kind] = self._serial.get(kind, 1000) + 1
        row = {
            **blank(kind),
            "jnid": new_jnid(self.chance),
            "recid": recid,
            "number": str(recid),
            "type": _TYPE[kind],
            "customer": self.account.id,
            "created_by": who.user.id,
            "created_by_name": who.user.name,
            "date_created": at,
            "date_updated": at,
            "date_status_change": at,
            "location": {"id": 1},
            "is_active": True,
        }
        row["is_archived"] = self._archives(fields)
        row.update({name: value for name, value in fields.items() if name != "number" or value})
        return row

    def _fields(self, kind: str, jnid: str, body: Mapping[str, Any], person: bool) -> dict[str, Any]:
        fields = self.rules.for_update(kind, body, self.store.rows[kind][jnid], person=person)
        title = TITLE[kind]
        if title in fields:
            if not str(fields[title] or "").strip():
                raise Refusal(400, f"{title} is required")
            self._unique(kind, str(fields[title]), jnid)
        return fields

    def _after(self, before: Row, fields: Mapping[str, Any], at: int) -> dict[str, Any]:
        after = {**before, **fields, "date_updated": at}
        if after["status"] != before["status"]:
            after["date_status_change"] = at
            after["is_archived"] = self._archives(after)
        return after

    def _archives(self, fields: Mapping[str, Any]) -> bool:
        statuses = (status for flow in self.account.workflows for status in flow.statuses)
        return any(status.is_archived for status in statuses if status.id == fields["status"])

    def _copy_to_jobs(self, before: Row, contact: Row) -> None:
        if all(before.get(name) == contact.get(name) for name in _COPIED):
            return
        bump = {"date_updated": int(self.now())} if self.settings["parent_change_bumps_job"] else {}
        system = Who(self.account.users[0], "system")
        for job in self.store.jobs_of(contact["jnid"]):
            self.store.save("jobs", {**job, **on_contact(contact), **bump}, system)

    # -- activities

    def _log(
        self, kind: str, row: Row, what: str, who: Who, *, moved: bool = False, lag: float | None = None
    ) -> None:  # fmt: skip
        name = f"{WORD[kind]} {what}"
        entry = self._entry(name, (kind, row), who, note=name)
        entry["date_created"] = entry["date_updated"] = row["date_updated"]
        if moved:
            entry["is_status_change"] = True
            entry["primary"] = {**entry["primary"], "new_status": row["status"]}
        self.store.save("activities", entry, who, lag=lag)

    def _entry(self, name: str, target: tuple[str, Row] | None, who: Who, *, note: str) -> dict[str, Any]:
        about = pointer(target[1]) if target else None
        now = int(self.now())
        return {
            **blank("activities"),
            "jnid": new_jnid(self.chance),
            "type": "activity",
            "customer": self.account.id,
            "location": {"id": 1},
            "record_type": self.account.activity_types.get(name),
            "record_type_name": name,
            "note": note,
            "primary": about,
            "related": [about] if about else [],
            "owners": list(target[1]["owners"]) if target else [],
            "created_by": who.user.id,
            "created_by_name": who.user.name,
            "date_created": now,
            "date_updated": now,
            "is_active": True,
            "is_archived": False,
            "is_editable": True,
            "is_status_change": False,
        }

    def _activity_type(self, body: Mapping[str, Any]) -> tuple[str, int]:
        wanted = body.get("record_type_name") or body.get("record_type") or "Note"
        for name, number in self.account.activity_types.items():
            if number < 100 and str(wanted).casefold() in (name.casefold(), str(number)):
                return name, number
        raise Refusal(400, f"Invalid record type {wanted}")

    def _target(self, body: Mapping[str, Any]) -> tuple[str, Row] | None:
        given = body.get("primary")
        if given is None:
            return None
        jnid = str(given.get("id")) if isinstance(given, Mapping) else ""
        for kind in TITLE:
            row = self.store.get(kind, jnid)
            if row is not None:
                return kind, row
        raise Refusal(500, "Attempt to relate to invalid document")


def _what(before: Row, after: Row) -> str:
    return "Deleted" if before["is_active"] and not after["is_active"] else "Modified"
