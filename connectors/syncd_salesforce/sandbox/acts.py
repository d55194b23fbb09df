"""What people do in Salesforce's own pages, by the control protocol.

What is not here: what an admin does (`admin`), and the API's rules. A person's write goes through the same checks.

create (`fields`, `associate` {"Contact": ids} of an opportunity), update, bulk_update (`ids`, default all: one
second), archive (into the recycle bin), restore, delete (for good, as when the bin is emptied), merge (`id` goes
`into` another; or `other` into `id`), convert (a lead: `account`, `contact`, `opportunity` false, `name`, `status`),
attach (a file of the `name` and `size` in `fields`), touch (a process of the system moves SystemModstamp alone), hide
(`ids`, or a `share` of a `kind` from 0 to 1) from the integration user, show (`ids`, default all), lock (`id`,
`seconds`: other writes get UNABLE_TO_LOCK_ROW), commit (what is written and not committed yet). token (`token`, `user`,
`expires_in`), kill_tokens (`token`, default all), expire_locators. `as` is a user by name or e-mail, `workflow:<id>`,
or `app:<id>`.
`commit_after`: seconds between the stamp and the sight of it, instead of the switch `commit_delay`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_salesforce.sandbox import ids, merging, persons
from syncd_salesforce.sandbox.admin import ADMIN
from syncd_salesforce.sandbox.attached import loosen
from syncd_salesforce.sandbox.cursors import Cursors
from syncd_salesforce.sandbox.errors import Refusal
from syncd_salesforce.sandbox.gate import Gate, Session
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.schema import Thing
from syncd_salesforce.sandbox.store import Hand, Row
from syncd_salesforce.sandbox.writes import bump, delete, insert, transaction, undelete, update

Action = Mapping[str, Any]
Done = dict[str, Any]

_MACHINES = frozenset(("workflow", "app", "system"))


@dataclass(frozen=True, slots=True)
class Stage:
    """What an act can reach."""

    org: Org
    gate: Gate
    cursors: Cursors


def act(stage: Stage, action: Action) -> Done:
    """Do one thing: `{"do": verb, ...}`. ControlError with Salesforce's sentence when it cannot be done."""
    verb = str(action.get("do"))
    try:
        if verb in ADMIN:
            return ADMIN[verb](stage.org, action)
        if verb in _DOOR:
            return _DOOR[verb](stage, action)
        if verb not in _ACTS:
            known = ", ".join(sorted([*_ACTS, *ADMIN, *_DOOR]))
            raise ControlError(f"unknown act {verb!r}; known are {known}")
        return _ACTS[verb](stage.org, action)
    except KeyError as error:
        raise ControlError(f"act {verb} needs {error}") from error
    except Refusal as error:
        raise ControlError(str(error)) from error


def person(org: Org, action: Action) -> Hand:
    """The hand of a person (the first one without `as`) or of a machine of the org."""
    name = action.get("as")
    kind = str(name).partition(":")[0]
    if kind in _MACHINES:
        return Hand(org.integration["Id"], str(name), "system")
    people = [row for row in org.store.rows["User"].values() if row is not org.integration]
    user = org.user(name) if name else people[0]
    if user is None:
        raise ControlError(f"no user {name}; known are {', '.join(row['Email'] for row in people)}")
    return Hand(user["Id"], user["Email"], "person")


def _due(org: Org, action: Action) -> float | None:
    delay = float(action.get("commit_after", org.settings["commit_delay"]))
    return org.clock.seconds() + delay if delay > 0 else None


def _thing(org: Org, action: Action) -> Thing:
    return org.schema.need(action["kind"])


def _id(value: Any) -> str:
    found = ids.full(value)
    if found is None:
        raise ControlError(f"{value!r} is no id")
    return found


def _row(org: Org, action: Action) -> tuple[Thing, Row]:
    thing = _thing(org, action)
    row = org.store.get(thing.name, _id(action["id"]))
    if row is None:
        raise ControlError(f"no {thing.name} {action['id']}", 404)
    return thing, row


def _fields(action: Action) -> dict[str, Any]:
    """What a person chose: nothing, several values, or one."""
    given = dict(action.get("fields") or {})
    return {name: ";".join(map(str, value)) if isinstance(value, list) else value for name, value in given.items()}


def _create(org: Org, action: Action) -> Done:
    thing, hand = _thing(org, action), person(org, action)
    with transaction(org, hand, _due(org, action)):
        row = insert(org, thing, _fields(action), hand)
        roles = org.schema.things["OpportunityContactRole"]
        for kind, those in dict(action.get("associate") or {}).items():
            if thing.name != "Opportunity" or org.schema.need(kind).name != "Contact":
                raise ControlError("only an Opportunity is associated, with Contacts")
            for at, one in enumerate(those if isinstance(those, list) else [those]):
                role = {"OpportunityId": row["Id"], "ContactId": one, "IsPrimary": at == 0}
                insert(org, roles, role, hand)
    return {"id": row["Id"]}


def _update(org: Org, action: Action) -> Done:
    thing, row = _row(org, action)
    hand = person(org, action)
    with transaction(org, hand, _due(org, action)):
        update(org, thing, row["Id"], _fields(action), hand)
    return {"id": row["Id"]}


def _attach(org: Org, action: Action) -> Done:
    """A version is made, and with it the document and its link."""
    _, row = _row(org, action)
    fields, hand = _fields(action), person(org, action)
    given = {"PathOnClient": str(fields["name"]), "VersionData": bytes(int(fields["size"]))}
    with transaction(org, hand, _due(org, action)):
        made = insert(org, org.schema.things["ContentVersion"], {**given, "FirstPublishLocationId": row["Id"]}, hand)
    return {"id": made["Id"], "document": made["ContentDocumentId"]}


def _bulk_update(org: Org, action: Action) -> Done:
    thing, hand = _thing(org, action), person(org, action)
    those = action.get("ids") or [row["Id"] for row in org.store.all(thing.name) if not row.get("IsDeleted")]
    with transaction(org, hand, _due(org, action)):
        for one in those:
            update(org, thing, _id(one), _fields(action), hand)
    return {"ids": list(those), "at": org.now()}


def _archive(org: Org, action: Action) -> Done:
    thing, row = _row(org, action)
    hand = person(org, action)
    with transaction(org, hand, _due(org, action)):
        delete(org, thing, row["Id"], hand)
    return {"id": row["Id"]}


def _restore(org: Org, action: Action) -> Done:
    thing, row = _row(org, action)
    hand = person(org, action)
    with transaction(org, hand):
        undelete(org, thing, row["Id"], hand)
    return {"id": row["Id"]}


def _delete(org: Org, action: Action) -> Done:
    thing, row = _row(org, action)
    with transaction(org, person(org, action)):
        org.store.erase(thing.name, row["Id"])
        loosen(org, row["Id"])
        if row.get(persons.LINK):
            org.store.erase("Contact", row[persons.LINK])
    return {"id": row["Id"]}


def _merge(org: Org, action: Action) -> Done:
    won, lost = ("into", "id") if "into" in action else ("id", "other")
    hand = person(org, action)
    with transaction(org, hand, _due(org, action)):
        merging.merge(org, _thing(org, action), _id(action[won]), _id(action[lost]), hand)
    return {"id": _id(action[won])}


def _convert(org: Org, action: Action) -> Done:
    hand = person(org, action)
    wish = merging.Conversion(
        account=action.get("account"),
        contact=action.get("contact"),
        opportunity=bool(action.get("opportunity", True)),
        opportunity_name=action.get("name"),
    )
    wish.status = str(action.get("status") or wish.status)
    with transaction(org, hand, _due(org, action)):
        return merging.convert(org, _id(action["id"]), wish, hand)


def _touch(org: Org, action: Action) -> Done:
    thing = _thing(org, action)
    those = action.get("ids") or [action["id"]]
    with transaction(org, Hand(org.integration["Id"], "Salesforce", "system"), _due(org, action)):
        for one in those:
            bump(org, *_row(org, {"kind": thing.name, "id": one}))
    return {"ids": list(those)}


def _hide(org: Org, action: Action) -> Done:
    if "share" in action:
        share, every = float(action["share"]), list(org.store.all(_thing(org, action).name))
        those = [row["Id"] for at, row in enumerate(every) if int((at + 1) * share) > int(at * share)]
    else:
        those = [_id(one) for one in action.get("ids") or [action["id"]]]
    org.hidden.update(those)
    return {"ids": those}


def _show(org: Org, action: Action) -> Done:
    given = action.get("ids") or ([action["id"]] if "id" in action else list(org.hidden))
    org.hidden.difference_update(_id(one) for one in given)
    return {"ids": list(given)}


def _lock(org: Org, action: Action) -> Done:
    org.store.locks[_id(action["id"])] = org.clock.seconds() + float(action.get("seconds", 10))
    return {}


def _commit(org: Org, _action: Action) -> Done:
    count = len(org.store.pending)
    org.store.tick(float("inf"))
    return {"committed": count}


def _token(stage: Stage, action: Action) -> Done:
    """Make a session: `token`, `user` (default the integration user), `expires_in` seconds."""
    user = stage.org.user(action["user"]) if "user" in action else stage.org.integration
    if user is None:
        raise ControlError(f"no user {action['user']}", 404)
    session = stage.gate.sessions[str(action["token"])] = Session(user["Id"])
    ends = action.get("expires_in")
    session.ends = None if ends is None else stage.org.clock.seconds() + float(ends)
    return {"user": user["Username"]}


def _kill_tokens(stage: Stage, action: Action) -> Done:
    """End a session (`token`), or all of them."""
    return {"ended": stage.gate.kill(action.get("token"))}


def _expire_locators(stage: Stage, _action: Action) -> Done:
    count = len(stage.cursors.open)
    stage.cursors.open.clear()
    return {"expired": count}


_DOOR: Mapping[str, Callable[[Stage, Action], Done]] = {
    "token": _token,
    "kill_tokens": _kill_tokens,
    "expire_locators": _expire_locators,
}
_ACTS: Mapping[str, Callable[[Org, Action], Done]] = {
    "create": _create,
    "update": _update,
    "attach": _attach,
    "bulk_update": _bulk_update,
    "archive": _archive,
    "restore": _restore,
    "delete": _delete,
    "merge": _merge,
    "convert": _convert,
    "touch": _touch,
    "hide": _hide,
    "show": _show,
    "lock": _lock,
    "commit": _commit,
}
