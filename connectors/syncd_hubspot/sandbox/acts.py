"""What people and admins do in HubSpot's own pages, by the control protocol.

What is not here: the API's rules (`object_api`, ...). A person's write goes through the same check of values.

Records: create (`fields`, `associate` {kind: ids}), update, bulk_update (`ids`, default all), archive, restore,
delete (for good, as when the bin is emptied), gdpr_delete, merge (`id` goes `into` another; or `other` into `id`),
associate and disassociate (`to_kind`, `to_id`). hide (`ids`, or a `share` of all, from 0 to 1) from every token, and
show (`ids`, default all). attach (`fields`: name and size) a file to a record, by a note of that person, and
file_delete (`id` of a file). `as` is an owner's e-mail or name,
`workflow:<id>` for an automation of the portal, or `app:<id>` for another integration.
Schema: property_create (`definition`), property_archive (`name`), property_rename (`label`), option_remove
(`option`), stage_remove (`pipeline`, `stage`), owner_deactivate and owner_activate (`id` or e-mail).
Credentials: token (`token`, `scopes`, `app_id`, `expires_in`), revoke.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_hubspot.sandbox.associations import pair
from syncd_hubspot.sandbox.call import whole_id
from syncd_hubspot.sandbox.errors import ApiError
from syncd_hubspot.sandbox.gate import Gate, Token
from syncd_hubspot.sandbox.merging import merge
from syncd_hubspot.sandbox.portal import Portal
from syncd_hubspot.sandbox.records import Row, Who
from syncd_hubspot.sandbox.sight import hide
from syncd_hubspot.sandbox.tables import Table
from syncd_hubspot.sandbox.times import iso
from syncd_hubspot.sandbox.writes import Changes, Rules

Action = Mapping[str, Any]
Done = dict[str, Any]

_STRANGER = 60_900_000
"""User ids of people who are no owners begin here."""

_MACHINES: Mapping[str, str] = {"workflow": "AUTOMATION_PLATFORM", "app": "INTEGRATION"}
"""Who is no person, and what history calls it."""


def act(portal: Portal, gate: Gate, action: Action) -> Done:
    """Do one thing: `{"do": verb, ...}`. ControlError with HubSpot's sentence when it cannot be done."""
    verb = str(action.get("do"))
    try:
        if verb in _TOKENS:
            return _TOKENS[verb](gate, portal, action)
        if verb not in _ACTS:
            known = ", ".join(sorted([*_ACTS, *_TOKENS]))
            raise ControlError(f"unknown act {verb!r}; known are {known}")
        return _ACTS[verb](portal, action)
    except KeyError as error:
        raise ControlError(f"act {verb} needs {error}") from error
    except ApiError as error:
        raise ControlError(str(error), 409 if error.status == 409 else 400) from error


def person(portal: Portal, action: Action) -> Who:
    """The hand of a person or machine: `as` an owner by e-mail or name, or a colleague who is none."""
    name = str(action.get("as") or "A colleague")
    kind, _, number = name.partition(":")
    if kind in _MACHINES and number:
        return Who(_MACHINES[kind], number, "system", name)
    for each in portal.owners.values():
        if name.lower() in (each.email, f"{each.first} {each.last}".lower()):
            return _hand(each.email, each.user_id)
    return _hand(name, _STRANGER + sum(name.encode()) % 100_000)


def _hand(name: str, user: int) -> Who:
    return Who("CRM_UI", f"userId:{user}", "person", name, user_id=user)


def _table(portal: Portal, action: Action) -> Table:
    return portal.table(str(action["kind"]))


def _row(portal: Portal, action: Action, key: str = "id") -> Row:
    return portal.need(_table(portal, action), whole_id(action[key]))


def _fields(portal: Portal, table: Table, row: Row | None, action: Action, who: Who) -> Changes:
    given = {name: _typed(value) for name, value in dict(action.get("fields") or {}).items()}
    return Rules(portal, "ui", who).check(table, row, given)


def _typed(value: Any) -> Any:
    """What a person chose: nothing, several values, or one."""
    if isinstance(value, list | tuple):
        return ";".join(map(str, value))
    return "" if value is None else value


def _create(portal: Portal, action: Action) -> Done:
    table, who = _table(portal, action), person(portal, action)
    row = portal.create(table, _fields(portal, table, None, action, who), who)
    for kind, ids in dict(action.get("associate") or {}).items():
        for each in ids if isinstance(ids, list) else [ids]:
            _tie(portal, (table.kind.name, row.id), (portal.table(kind).kind.name, whole_id(each)))
    return {"id": str(row.id)}


def _update(portal: Portal, action: Action) -> Done:
    table, who, row = _table(portal, action), person(portal, action), _row(portal, action)
    portal.update(table, row, _fields(portal, table, row, action, who), who)
    return {"id": str(row.id)}


def _bulk_update(portal: Portal, action: Action) -> Done:
    """One edit of many rows (`ids`, or all): every row gets the very same millisecond."""
    table, who, now = _table(portal, action), person(portal, action), portal.now()
    ids = action.get("ids") or list(table.live)
    for each in ids:
        row = portal.need(table, whole_id(each))
        portal.update(table, row, _fields(portal, table, row, action, who), who, now)
    return {"ids": [str(each) for each in ids], "at": now}


def _archive(portal: Portal, action: Action) -> Done:
    row = _row(portal, action)
    portal.archive(_table(portal, action), row, person(portal, action))
    return {"id": str(row.id)}


def _restore(portal: Portal, action: Action) -> Done:
    table = _table(portal, action)
    row = table.rows.get(whole_id(action["id"]))
    if row is None or row.archived_at is None:
        raise ControlError(f"{action['id']} is not in the recycle bin", 404)
    if (holder := table.rival(row)) is not None:
        raise ControlError(f"{holder} holds a unique value of {row.id} by now", 409)
    portal.restore(table, row, person(portal, action))
    return {"id": str(row.id)}


def _merge(portal: Portal, action: Action) -> Done:
    primary, secondary = ("into", "id") if "into" in action else ("id", "other")
    row = merge(
        portal,
        _table(portal, action),
        _row(portal, action, primary),
        _row(portal, action, secondary),
        person(portal, action),
    )
    return {"id": str(row.id), "merged": [str(one) for one in row.merged]}


def _delete(portal: Portal, action: Action) -> Done:
    """Out of the recycle bin, or straight past it."""
    table = _table(portal, action)
    row = table.rows.get(whole_id(action["id"]))
    if row is None:
        raise ControlError(f"{action['id']} is not there", 404)
    portal.purge(table, row)
    return {"id": str(row.id)}


def _gdpr_delete(portal: Portal, action: Action) -> Done:
    row = _row(portal, {"kind": "contacts", **action})
    portal.forget(portal.tables["contacts"], row)
    return {"id": str(row.id)}


def _associate(portal: Portal, action: Action) -> Done:
    _tie(portal, *_ends(portal, action))
    return {}


def _disassociate(portal: Portal, action: Action) -> Done:
    source, target = _ends(portal, action)
    portal.ties.untie(source, target)
    portal.counted(*source)
    portal.counted(*target)
    return {}


def _ends(portal: Portal, action: Action) -> tuple[tuple[str, int], tuple[str, int]]:
    """`kind`, `id` and `to_kind`, `to_id`."""
    target = portal.table(str(action["to_kind"]))
    other = portal.need(target, whole_id(action["to_id"]))
    return (_table(portal, action).kind.name, _row(portal, action).id), (target.kind.name, other.id)


def _tie(portal: Portal, source: tuple[str, int], target: tuple[str, int]) -> None:
    portal.need(portal.tables[target[0]], target[1])
    portal.ties.tie(source, target)
    portal.counted(*source)
    portal.counted(*target)


def _attach(portal: Portal, action: Action) -> Done:
    """Upload a file and note it on the record: the ids of both."""
    table, row, who, fields = _table(portal, action), _row(portal, action), person(portal, action), action["fields"]
    name, size = str(fields["name"]), str(fields["size"])
    if not name or not size.isdecimal():
        raise ControlError(f"a file has a name and so many bytes, not {name!r} and {size!r}")
    pair(table.kind.name, "notes")  # refuses a type that has no notes before anything is made
    file, notes = portal.upload(name, int(size)), portal.tables["notes"]
    given = {"hs_timestamp": iso(portal.now()), "hs_attachment_ids": str(file.id)}
    note = portal.create(notes, Rules(portal, "ui", who).check(notes, None, given), who)
    _tie(portal, (table.kind.name, row.id), ("notes", note.id))
    return {"id": str(file.id), "note": str(note.id)}


def _file_delete(portal: Portal, action: Action) -> Done:
    """A file leaves the account; notes go on naming it."""
    if portal.files.pop(whole_id(action["id"]), None) is None:
        raise ControlError(f"no such file: {action['id']}", 404)
    return {}


def _hide(portal: Portal, action: Action) -> Done:
    ids = hide(portal, _table(portal, action), map(whole_id, action.get("ids") or ()), float(action.get("share") or 0))
    return {"ids": [str(one) for one in ids]}


def _show(portal: Portal, action: Action) -> Done:
    portal.hidden.difference_update(map(whole_id, action["ids"]) if action.get("ids") else set(portal.hidden))
    return {}


def _property_archive(portal: Portal, action: Action) -> Done:
    _table(portal, action).schema.archive(str(action["name"]), portal.now())
    return {}


def _property_create(portal: Portal, action: Action) -> Done:
    table = _table(portal, action)
    return table.schema.create({"groupName": table.kind.group, **action["definition"]}, portal.now()).wire()


def _property_rename(portal: Portal, action: Action) -> Done:
    return _table(portal, action).schema.update(str(action["name"]), {"label": action["label"]}, portal.now()).wire()


def _option_remove(portal: Portal, action: Action) -> Done:
    """Take `option` from property `name`; records keep the value."""
    schema, name = _table(portal, action).schema, str(action["name"])
    old = schema.need(name)
    kept = tuple(choice for choice in old.options if choice.value != action["option"])
    if kept == old.options:
        raise ControlError(f"{name} has no option {action['option']!r}")
    schema.all[name] = replace(old, options=kept, updated=portal.now())
    return {}


def _owner(portal: Portal, action: Action, *, archived: bool) -> Done:
    for each in portal.owners.values():
        if str(action["id"]) in (str(each.id), each.email):
            each.archived = archived
            return {"id": str(each.id)}
    raise ControlError(f"no owner {action['id']}", 404)


def _stage_remove(portal: Portal, action: Action) -> Done:
    portal.pipelines[str(action["pipeline"])].stages[str(action["stage"])].archived = True
    return {}


def _token(gate: Gate, portal: Portal, action: Action) -> Done:
    """Make or change a token: `token`, `scopes` (list, None: all), `app_id`, `expires_in` seconds."""
    token = gate.tokens.setdefault(str(action["token"]), Token())
    scopes, ends = action.get("scopes"), action.get("expires_in")
    token.scopes = None if scopes is None else frozenset(scopes)
    token.app_id = str(action.get("app_id", token.app_id))
    token.ends = None if ends is None else portal.now() / 1000 + float(ends)
    return {"scopes": scopes}


def _revoke(gate: Gate, _portal: Portal, action: Action) -> Done:
    if gate.tokens.pop(str(action["token"]), None) is None:
        raise ControlError(f"no such token: {action['token']}", 404)
    return {}


_TOKENS: Mapping[str, Callable[[Gate, Portal, Action], Done]] = {"token": _token, "revoke": _revoke}
_ACTS: Mapping[str, Callable[[Portal, Action], Done]] = {
    "create": _create,
    "update": _update,
    "bulk_update": _bulk_update,
    "archive": _archive,
    "delete": _delete,
    "restore": _restore,
    "merge": _merge,
    "gdpr_delete": _gdpr_delete,
    "associate": _associate,
    "disassociate": _disassociate,
    "attach": _attach,
    "file_delete": _file_delete,
    "hide": _hide,
    "show": _show,
    "property_archive": _property_archive,
    "property_create": _property_create,
    "property_rename": _property_rename,
    "option_remove": _option_remove,
    "owner_deactivate": lambda portal, action: _owner(portal, action, archived=True),
    "owner_activate": lambda portal, action: _owner(portal, action, archived=False),
    "stage_remove": _stage_remove,
}
