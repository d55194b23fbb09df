"""What a write may say: a body of any shape in, the fields to store out, or a refusal in the vendor's manner.

What is not here: storing, stamping and activities (`records`). The rules are those of the vendor notes, section 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from syncd_jobnimbus.sandbox.account import Account, CustomField, Status, User, Workflow
from syncd_jobnimbus.sandbox.fields import STANDARD, Holds

Row = Mapping[str, Any]

STORED_AS = {
    "string": Holds.TEXT,
    "long": Holds.NUMBER,
    "double": Holds.NUMBER,
    "boolean": Holds.BOOL,
    "date": Holds.DATE,
}
"""What each storage of a custom field holds."""


class Refusal(Exception):
    """The vendor says no: a status and a sentence."""

    def __init__(self, status: int, text: str) -> None:
        """Keep both."""
        self.status = status
        self.text = text
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Rules:
    """The write rules of one account. `contacts`: the stored contacts, which jobs and notes point at."""

    account: Account
    settings: Mapping[str, Any]
    contacts: Mapping[str, Row]

    def for_create(self, kind: str, body: Mapping[str, Any], *, person: bool = False) -> dict[str, Any]:
        """The fields of a new record; Refusal if a rule is broken.

        `person`: made in the vendor's pages, which offer defaults and reach the vendor's own fields too.
        """
        fields = self._plain(kind, body, person)
        strict = self.settings["strict_create"]
        if not person and strict in ("all", kind):
            self._demand(body, "record_type", "status")
        self._workflow(kind, body, None, fields)
        self._people(body, fields)
        self._primary(kind, body, None, fields)
        if not person:
            self._required(kind, fields)
        self._title(kind, fields)
        return fields

    def for_update(self, kind: str, body: Mapping[str, Any], before: Row, *, person: bool = False) -> dict[str, Any]:
        """The fields that a body changes in a record: keys it does not name stay. Refusal if a rule is broken."""
        fields = self._plain(kind, body, person)
        self._workflow(kind, body, before, fields)
        self._people(body, fields)
        self._primary(kind, body, before, fields)
        follows = self.settings["display_name_follows"] and {"first_name", "last_name"} & set(fields)
        if kind == "contacts" and "display_name" not in fields and follows:
            merged = {**before, **fields, "display_name": None}
            self._title(kind, merged)
            fields["display_name"] = merged["display_name"]
        return fields

    # -- single fields

    def _plain(self, kind: str, body: Mapping[str, Any], person: bool) -> dict[str, Any]:
        """The body's own fields by stored key; names that nobody knows are dropped without a word."""
        fields: dict[str, Any] = {}
        for name, value in body.items():
            holds = STANDARD[kind].get(name)
            if holds is None:
                custom = self.account.custom_field(kind, name)
                if custom is not None and (name == custom.key or custom.key not in body):
                    fields[custom.key] = self._custom(custom, value)
            elif holds is Holds.COMPUTED and person:
                fields[name] = value
            elif holds in _PLAIN and self._writable(name):
                fields[name] = coerce(name, holds, value)
        return fields

    def _writable(self, name: str) -> bool:
        return name != "external_id" or bool(self.settings["external_id_writable"])

    def _custom(self, custom: CustomField, value: Any) -> Any:
        if custom.options and self.settings["dropdown_enforced"] and value not in (None, "", *custom.options):
            raise Refusal(400, f"Invalid option for {custom.title}")
        return coerce(custom.title, STORED_AS[custom.storage], value)

    def _required(self, kind: str, fields: Mapping[str, Any]) -> None:
        if self.settings["required_enforced"]:
            for custom in self.account.custom.get(kind, ()):
                if custom.required and fields.get(custom.key) in (None, ""):
                    raise Refusal(400, f"{custom.title} is required")

    def _demand(self, body: Mapping[str, Any], *names: str) -> None:
        for name in names:
            if body.get(name) in (None, "") and body.get(f"{name}_name") in (None, ""):
                raise Refusal(400, f"{name}_name is required")

    def _title(self, kind: str, fields: dict[str, Any]) -> None:
        if kind == "jobs":
            if not _text(fields.get("name")):
                raise Refusal(400, "name is required")
            return
        if not _text(fields.get("display_name")):
            whole = " ".join(part for part in (_text(fields.get("first_name")), _text(fields.get("last_name"))) if part)
            fields["display_name"] = whole or _text(fields.get("company"))
        if not fields["display_name"]:
            raise Refusal(400, "first_name, last_name, display_name or company is required")

    # -- names and ids of one thing

    def _workflow(self, kind: str, body: Mapping[str, Any], before: Row | None, fields: dict[str, Any]) -> None:
        """Resolve record type and status together; a status must belong to the workflow."""
        if before is not None and not {"record_type", "record_type_name", "status", "status_name"} & set(body):
            return
        flow = self._flow(kind, body, before)
        status = self._status(body, flow, before)
        fields.update(record_type=flow.id, record_type_name=flow.name, status=status.id, status_name=status.name)

    def _flow(self, kind: str, body: Mapping[str, Any], before: Row | None) -> Workflow:
        flows = self.account.workflows_of(kind)
        wanted = _given(body, "record_type")
        if wanted is None:
            held = before["record_type"] if before else flows[0].id
            return next((flow for flow in self.account.workflows if flow.id == held), flows[0])
        found = next((flow for flow in flows if _is(flow.id, flow.name, wanted)), None)
        if found is None:
            raise Refusal(400, f"Invalid record type {wanted}")
        return found

    def _status(self, body: Mapping[str, Any], flow: Workflow, before: Row | None) -> Status:
        wanted = _given(body, "status")
        held = before["status"] if before else flow.statuses[0].id
        current = next((each for each in flow.statuses if each.id == held), None)
        if wanted is not None:
            active = (each for each in flow.statuses if each.is_active)
            found = next((each for each in active if _is(each.id, each.name, wanted)), None)
            if found is None and self.settings["foreign_status"] == "ignored":
                found = current or flow.statuses[0]
        else:
            found = current
        if found is None:
            raise Refusal(400, f"Invalid status {wanted if wanted is not None else held} for {flow.name}")
        return found

    def _people(self, body: Mapping[str, Any], fields: dict[str, Any]) -> None:
        """Resolve lead source and sales representative, by id or by name; empty clears them."""
        if {"source", "source_name"} & set(body):
            wanted = _given(body, "source")
            source = next((s for s in self.account.sources if s.active and _is(s.id, s.name, wanted)), None)
            if source is not None or wanted is None:
                fields.update(source=source.id if source else None, source_name=source.name if source else None)
            elif self.settings["unknown_source"] == "refused":
                raise Refusal(400, f"Invalid source {wanted}")
        if {"sales_rep", "sales_rep_name"} & set(body):
            wanted = _given(body, "sales_rep")
            user = self._rep(wanted)
            if user is not None or wanted is None:
                fields.update(sales_rep=user.id if user else None, sales_rep_name=user.name if user else None)
            elif self.settings["unknown_user"] == "refused":
                raise Refusal(400, f"Invalid sales rep {wanted}")

    def _rep(self, wanted: object) -> User | None:
        return next((user for user in self.account.users if _is(user.id, user.name, wanted)), None)

    def _primary(self, kind: str, body: Mapping[str, Any], before: Row | None, fields: dict[str, Any]) -> None:
        if kind != "jobs" or "primary" not in body:
            return
        if before is not None and not self.settings["primary_moves"]:
            return
        contact = self.related(body["primary"]) if body["primary"] is not None else None
        fields.update(on_contact(contact))

    def attached(self, contact: str) -> dict[str, Any]:
        """The fields of a job whose primary is this contact."""
        return on_contact(self.contacts[contact])

    def related(self, given: object) -> Row:
        """The contact that a `primary` names; the vendor answers a bad one with a 500."""
        jnid = given.get("id") if isinstance(given, Mapping) else None
        contact = self.contacts.get(str(jnid))
        if contact is None:
            raise Refusal(500, "Attempt to relate to invalid document")
        return contact


_PLAIN = frozenset({Holds.TEXT, Holds.NUMBER, Holds.BOOL, Holds.DATE, Holds.TAGS, Holds.USERS, Holds.LOCATION})


def pointer(row: Row) -> dict[str, Any]:
    """A record as `primary` and `related` show it."""
    return {"id": row["jnid"], "type": row["type"], "name": row.get("display_name") or row.get("name"),
            "number": row["number"]}  # fmt: skip


def on_contact(contact: Row | None) -> dict[str, Any]:
    """What a job repeats of its primary contact."""
    point = pointer(contact) if contact else None
    copies = {
        f"parent_{name}": contact[name] if contact else None
        for name in (
            "home_phone", "mobile_phone", "work_phone", "fax_number", "approved_estimate_total",
            "approved_invoice_total", "approved_invoice_due", "last_estimate", "last_invoice",
        )
    }  # fmt: skip
    return {"primary": point, "related": [point] if point else [], **copies}


def coerce(name: str, holds: Holds, value: Any) -> Any:
    """The value as it is stored: numbers of dates as given, milliseconds too. Refusal if it is of another shape."""
    if value is None:
        return [] if holds in (Holds.TAGS, Holds.USERS) else None
    try:
        return _COERCE[holds](value)
    except (TypeError, ValueError, KeyError):
        raise Refusal(400, f"Invalid value for {name}") from None


def _as_text(value: Any) -> str:
    if isinstance(value, (Mapping, list, bool)):
        raise TypeError
    return str(value)


def _as_number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, (int, float)):
        return value
    return float(value) if value != "" else None


def _as_date(value: Any) -> int | None:
    number = _as_number(value)
    return None if number is None else int(number)


def _as_bool(value: Any) -> bool:
    return value if isinstance(value, bool) else {"true": True, "false": False}[str(value).lower()]


def _as_tags(value: Any) -> list[str]:
    if not isinstance(value, list):
        raise TypeError
    return [_as_text(each) for each in value]


def _as_users(value: Any) -> list[dict[str, str]]:
    if not isinstance(value, list):
        raise TypeError
    return [{"id": str(each["id"])} for each in value]


def _as_location(value: Any) -> dict[str, int]:
    return {"id": int(value["id"])}


_COERCE = {
    Holds.TEXT: _as_text,
    Holds.NUMBER: _as_number,
    Holds.DATE: _as_date,
    Holds.BOOL: _as_bool,
    Holds.TAGS: _as_tags,
    Holds.USERS: _as_users,
    Holds.LOCATION: _as_location,
}


def _given(body: Mapping[str, Any], name: str) -> Any:
    """The id form of a named thing if it is there, else the name form; empty is None."""
    value = body.get(name) if body.get(name) not in (None, "") else body.get(f"{name}_name")
    return None if value == "" else value


def _is(id_: object, name: str, wanted: object) -> bool:
    return wanted is not None and (str(wanted) == str(id_) or str(wanted).strip().casefold() == name.casefold())


def _text(value: object) -> str:
    return str(value).strip() if value is not None else ""
