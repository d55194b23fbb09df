"""What people do in the vendor's own pages, as verbs of the control protocol.

What is not here: bulk filling of an account (`seeding`), and the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_jobnimbus.sandbox.access import DEFAULT_KEY, PROFILES, Key, Keys
from syncd_jobnimbus.sandbox.account import CustomField, User
from syncd_jobnimbus.sandbox.fields import STANDARD, TITLE, WORD, Holds
from syncd_jobnimbus.sandbox.lists import Lists
from syncd_jobnimbus.sandbox.records import Records
from syncd_jobnimbus.sandbox.rules import Refusal, Row
from syncd_jobnimbus.sandbox.store import Who
from syncd_jobnimbus.sandbox.typed import demand_known, fields_of, typed

Action = Mapping[str, Any]

_MACHINES = frozenset({"workflow", "app", "system"})
"""Words of `as` for writers that are no persons."""


@dataclass(slots=True)
class Acts:
    """The verbs over one account. Each takes the whole action and answers with what it touched."""

    keys: Keys
    records: Records
    lists: Lists

    def verbs(self) -> dict[str, Callable[[Action], dict[str, Any]]]:
        """Every verb by its word."""
        named = (
            self.create, self.update, self.archive, self.restore, self.merge, self.delete, self.bulk_update,
            self.note, self.attach, self.key, self.revoke, self.hide, self.show, self.field_rename, self.field_remove,
            self.status_rename, self.user_deactivate, self.automations,
        )  # fmt: skip
        return {verb.__name__: verb for verb in named}

    def play(self, action: Action) -> dict[str, Any]:
        """Carry out an action; ControlError for an unknown verb, and for what the vendor's pages refuse."""
        verbs = self.verbs()
        if action.get("do") not in verbs:
            raise ControlError(f"unknown verb {action.get('do')!r}; known are {', '.join(verbs)}")
        self.records.tick()
        try:
            return verbs[action["do"]](action)
        except Refusal as refusal:
            raise ControlError(refusal.text) from refusal

    # -- records

    def create(self, action: Action) -> dict[str, Any]:
        """{"kind", "fields", "as"}: make a record."""
        kind = _kind(action)
        row = self.records.create(kind, self._fields(kind, action), self._who(action), person=True)
        return {"id": row["jnid"]}

    def update(self, action: Action) -> dict[str, Any]:
        """{"kind", "id", "fields", "as"}: change fields, the vendor's own totals included."""
        kind = _kind(action)
        row = self._row(kind, action.get("id"))
        self.records.update(kind, row["jnid"], self._fields(kind, action), self._who(action), person=True)
        return {"id": row["jnid"]}

    def archive(self, action: Action) -> dict[str, Any]:
        """{"kind", "id"}: delete as people do it there, `is_active` false."""
        return self.update({**action, "fields": {"is_active": False}})

    def restore(self, action: Action) -> dict[str, Any]:
        """{"kind", "id"}: bring it back."""
        return self.update({**action, "fields": {"is_active": True}})

    def delete(self, action: Action) -> dict[str, Any]:
        """{"kind", "id"}: gone for good, as after a purge; even its id answers no more."""
        kind = _kind(action)
        row = self._row(kind, action.get("id"))
        self.records.store.erase(kind, row["jnid"], self._who(action))
        return {"id": row["jnid"]}

    def merge(self, action: Action) -> dict[str, Any]:
        """{"kind", "id", "into"}: `id` goes into `into` (or `other` into `id`), which takes blanks and jobs."""
        kind, who, records = _kind(action), self._who(action), self.records
        lost, won = ("id", "into") if "into" in action else ("other", "id")
        loser, winner = self._row(kind, action.get(lost)), self._row(kind, action.get(won))
        if loser is winner:
            raise ControlError("a record cannot be merged with itself")
        fills = {name: loser[name] for name in self._fillable(kind) if loser.get(name) and not winner.get(name)}
        records.update(kind, winner["jnid"], fills, who, person=True)
        if kind == "contacts" and records.settings["merge_moves_jobs"]:
            for job in records.store.jobs_of(loser["jnid"]):
                records.store.save("jobs", {**job, **records.rules.attached(winner["jnid"])}, who)
                records.update("jobs", job["jnid"], {}, who, person=True)
        if records.settings["merge_loser"] == "deleted":
            records.store.erase(kind, loser["jnid"], who)
        else:
            records.update(kind, loser["jnid"], {"is_active": False}, who, person=True)
        return {"id": winner["jnid"]}

    def bulk_update(self, action: Action) -> dict[str, Any]:
        """{"kind", "ids" (default: all active), "fields"}: change many within one second."""
        kind, who = _kind(action), self._who(action)
        fields = self._fields(kind, action)
        every = [jnid for jnid, row in self.records.store.rows[kind].items() if row["is_active"] and not _member(row)]
        ids, at = action.get("ids") or every, int(self.records.now())
        for jnid in ids:
            self.records.update(kind, self._row(kind, jnid)["jnid"], fields, who, at=at, person=True)
        return {"ids": list(ids)}

    def note(self, action: Action) -> dict[str, Any]:
        """{"kind", "id", "note"}: write a note on a record."""
        row = self._row(_kind(action), action.get("id"))
        body = {"note": action.get("note", ""), "primary": {"id": row["jnid"]}}
        return {"id": self.records.note(body, self._who(action))["jnid"]}

    def attach(self, action: Action) -> dict[str, Any]:
        """{"kind", "id", "fields": {"name", "size"}, "as"}: put a file of so many bytes on a record."""
        kind, given = _kind(action), action.get("fields") or {}
        row = self._row(kind, action.get("id"))
        made = self.records.attach(kind, row, str(given.get("name")), int(given.get("size") or 0), self._who(action))
        return {"id": made["jnid"]}

    def hide(self, action: Action) -> dict[str, Any]:
        """{"ids"} or {"id"}, or {"kind", "share"} (0 to 1) of all: the key's access profile no longer sees these."""
        ids = self._share(action) if "share" in action else _ids(action)
        self.lists.hidden.update(ids)
        return {"ids": ids}

    def show(self, action: Action) -> dict[str, Any]:
        """{"ids"} or {"id"}, or nothing for all: it sees them again."""
        ids = _ids(action) if "id" in action or "ids" in action else list(self.lists.hidden)
        self.lists.hidden.difference_update(ids)
        return {"ids": ids}

    def _share(self, action: Action) -> list[str]:
        """So great a share of the customers or jobs, spread evenly."""
        share, rows = float(action["share"]), self.records.store.rows[_kind(action)]
        every = [jnid for jnid, row in rows.items() if not _member(row)]
        return [jnid for at, jnid in enumerate(every) if int((at + 1) * share) > int(at * share)]

    # -- the account

    def key(self, action: Action) -> dict[str, Any]:
        """{"key", "profile": full | no-settings | no-contacts | no-jobs | none}: make or change an API key."""
        name, profile = str(action.get("key") or DEFAULT_KEY), str(action.get("profile") or "full")
        demand_known([profile], PROFILES)
        self.keys.known[name] = Key(profile, self._who(action).user)
        return {"key": name, "profile": profile}

    def revoke(self, action: Action) -> dict[str, Any]:
        """{"key"}: it is refused from now on."""
        name = str(action.get("key") or DEFAULT_KEY)
        self.keys.known.pop(name, None)
        return {"key": name}

    def field_rename(self, action: Action) -> dict[str, Any]:
        """{"kind", "id" (key or label), "title"}: give a custom field another label."""
        custom = self._custom(action)
        custom.title = str(action["title"])
        return {"id": custom.key, "title": custom.title}

    def field_remove(self, action: Action) -> dict[str, Any]:
        """{"kind", "id" (key or label)}: remove a custom field and all its values."""
        kind, custom = _kind(action), self._custom(action)
        self.records.account.custom[kind].remove(custom)
        self.records.store.strip(kind, custom.key)
        return {"id": custom.key}

    def status_rename(self, action: Action) -> dict[str, Any]:
        """{"id" (or name), "workflow", "name"}: rename a status; records show the new name, none is stamped."""
        wanted, flow_name, name = str(action.get("id")), action.get("workflow"), str(action["name"])
        for flow in self.records.account.workflows:
            for status in flow.statuses if flow_name in (None, flow.name, flow.id) else ():
                if wanted in (str(status.id), status.name):
                    status.name = name
                    self._rename_status(status.id, name)
                    return {"id": status.id, "name": name}
        raise ControlError(f"no status {wanted}")

    def _rename_status(self, number: int, name: str) -> None:
        for kind in WORD:
            for jnid, row in list(self.records.store.rows[kind].items()):
                if row["status"] == number:
                    self.records.store.patch(kind, jnid, {"status_name": name})

    def user_deactivate(self, action: Action) -> dict[str, Any]:
        """{"id" (or e-mail, or name)}: a person leaves; their records keep their name."""
        user = self._user(action.get("id"))
        user.active = False
        return {"id": user.id}

    def automations(self, _action: Action) -> dict[str, Any]:
        """{}: what automations and notifications API writes have set off so far."""
        return {"fired": list(self.records.fired)}

    # -- reading an action

    def _fields(self, kind: str, action: Action) -> dict[str, Any]:
        account, zone = self.records.account, str(self.records.settings["timezone"])
        known = fields_of(account, kind)
        given = action.get("fields") or {}
        demand_known(given, known)
        return {name: typed(account, known[name], value, zone) for name, value in given.items()}

    def _fillable(self, kind: str) -> list[str]:
        plain = [name for name, holds in STANDARD[kind].items() if holds is Holds.TEXT and name not in TITLE.values()]
        return plain + [each.key for each in self.records.account.custom[kind]]

    def _row(self, kind: str, jnid: object) -> Row:
        row = self.records.store.get(kind, str(jnid))
        if row is None:
            raise ControlError(f"no {kind} {jnid}", 404)
        return row

    def _custom(self, action: Action) -> CustomField:
        custom = self.records.account.custom_field(_kind(action), str(action.get("id")))
        if custom is None:
            raise ControlError(f"no custom field {action.get('id')}")
        return custom

    def _who(self, action: Action) -> Who:
        """The person of `as` (the first user without it); `workflow` and the like are the account's automations."""
        who = action.get("as")
        if str(who).partition(":")[0] in _MACHINES:
            return Who(self.records.account.users[0], "system")
        return Who(self._user(who) if who else self.records.account.users[0], "person")

    def _user(self, wanted: object) -> User:
        user = self.records.account.user(wanted)
        if user is None:
            emails = ", ".join(user.email for user in self.records.account.users)
            raise ControlError(f"no user {wanted}; known are {emails}")
        return user


def _kind(action: Action) -> str:
    kind = str(action.get("kind"))
    demand_known([kind], WORD)
    return kind


def _ids(action: Action) -> list[str]:
    return [str(jnid) for jnid in action.get("ids") or [action["id"]]]


def _member(row: Row) -> bool:
    return bool(row.get("is_user"))
