"""What an admin does to the org while it runs: fields, values, users and rules.

What is not here: records (`acts`).

field_create (`definition`: name, type, and words of describe, `values`, `formula`: a path such as Account.Name),
field_remove, field_rename (`label`), field_type (`type`), field_hide and field_show (`name`: by field-level security),
field_unfilter (`name`: no condition may use it), kind_hide and kind_show (the integration user's right to an object),
value_rename (`name`, `old`, `new`: every row that has it is changed and its SystemModstamp moved), value_off (`name`,
`value`), user_deactivate and user_activate (`id`, name or e-mail).
validation_rule (`when`: SOQL, `message`, `field`), flow (`when`, `set`), duplicate_rule (`fields`, `action`: alert or
block), assignment_rule (`owner`, `when`), rules_clear. All take `kind`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncd.kit.sandbox import ControlError
from syncd_salesforce.sandbox.fields import Field
from syncd_salesforce.sandbox.org import Org
from syncd_salesforce.sandbox.query import predicate
from syncd_salesforce.sandbox.rules import Assignment, Duplicates, Flow, Rules, Validation
from syncd_salesforce.sandbox.schema import Thing, defined
from syncd_salesforce.sandbox.store import Hand
from syncd_salesforce.sandbox.writes import transaction

Action = Mapping[str, Any]
Done = dict[str, Any]


def _thing(org: Org, action: Action) -> Thing:
    return org.schema.need(action["kind"])


def _kind(org: Org, action: Action, *, hidden: bool) -> Done:
    _thing(org, action).hidden = hidden
    return {}


def _field(org: Org, action: Action) -> tuple[Thing, Field]:
    thing = _thing(org, action)
    found = thing.fields.get(str(action["name"]))
    if found is None:
        raise ControlError(f"{thing.name} has no field {action['name']!r}; known are {', '.join(thing.fields)}")
    return thing, found


def _field_create(org: Org, action: Action) -> Done:
    thing, field = _thing(org, action), defined(action["definition"])
    thing.put(field, org.now())
    for row in org.store.rows[thing.name].values():
        row.setdefault(field.name, field.default)
    if field.keyed:
        org.store.reindex(thing.name, field.name)
    return {"name": field.name}


def _field_remove(org: Org, action: Action) -> Done:
    thing, field = _field(org, action)
    thing.remove(field.name, org.now())
    for row in org.store.rows[thing.name].values():
        row.pop(field.name, None)
    return {}


def _changed(org: Org, action: Action, **more: Any) -> Done:
    thing, field = _field(org, action)
    for name, value in more.items():
        setattr(field, name, value)
    thing.put(field, org.now())
    return {"name": field.name}


def _value_rename(org: Org, action: Action) -> Done:
    """Rows get the new value by the system: SystemModstamp moves, LastModifiedDate does not."""
    thing, field = _field(org, action)
    old, new = str(action["old"]), str(action["new"])
    choice = next((each for each in field.choices if each.value == old), None)
    if choice is None:
        raise ControlError(f"{field.name} has no value {old!r}")
    choice.value = choice.label = new
    thing.put(field, org.now())
    touched = []
    with transaction(org, Hand(org.integration["Id"], "Salesforce", "system")):
        for row in [each for each in org.store.all(thing.name) if old in str(each.get(field.name) or "").split(";")]:
            parts = [new if part == old else part for part in row[field.name].split(";")]
            org.store.put(thing.name, {**row, field.name: ";".join(parts), "SystemModstamp": org.now()})
            touched.append(row["Id"])
    return {"ids": touched}


def _value_off(org: Org, action: Action) -> Done:
    thing, field = _field(org, action)
    for each in field.choices:
        if each.value == action["value"]:
            each.active = False
            thing.changed = org.now()
            return {}
    raise ControlError(f"{field.name} has no value {action['value']!r}")


def _user(org: Org, action: Action, *, active: bool) -> Done:
    row = org.user(action["id"])
    if row is None:
        raise ControlError(f"no user {action['id']}", 404)
    row["IsActive"], row["SystemModstamp"] = active, org.now()
    return {"id": row["Id"]}


def _validation(org: Org, action: Action) -> Done:
    rule = Validation(
        kind=_checked(org, action), when=action["when"], message=action["message"], field=action.get("field")
    )
    org.rules.validations.append(rule)
    return {}


def _flow(org: Org, action: Action) -> Done:
    org.rules.flows.append(Flow(kind=_checked(org, action), when=action["when"], set=dict(action["set"])))
    return {}


def _duplicates(org: Org, action: Action) -> Done:
    fields = tuple(action.get("fields") or ("Email",))
    kind, word = _thing(org, action).name, str(action.get("action", "alert"))
    if word not in ("alert", "block"):
        raise ControlError(f"a duplicate rule does alert or block, not {word}")
    org.rules.duplicates.append(Duplicates(kind=kind, fields=fields, action=word))
    return {}


def _assignment(org: Org, action: Action) -> Done:
    """`owner`: a user, or a queue by its name."""
    wanted = str(action["owner"])
    queues = [row["Id"] for row in org.store.rows["Group"].values() if wanted in (row["Id"], row["Name"])]
    user = org.user(wanted)
    if not queues and user is None:
        raise ControlError(f"no user or queue {wanted}", 404)
    owner = queues[0] if queues else str((user or {})["Id"])
    when = action.get("when")
    kind = _checked(org, action) if when else _thing(org, {"kind": "Lead", **action}).name
    org.rules.assignments.append(Assignment(owner=owner, when=when, kind=kind))
    return {"owner": owner}


def _clear(org: Org, _action: Action) -> Done:
    org.rules = Rules()
    return {}


def _checked(org: Org, action: Action) -> str:
    """The object of a rule whose condition can be read."""
    thing = _thing(org, action)
    predicate(org, thing, action["when"])
    return thing.name


ADMIN: Mapping[str, Callable[[Org, Action], Done]] = {
    "field_create": _field_create,
    "field_remove": _field_remove,
    "field_rename": lambda org, action: _changed(org, action, label=str(action["label"])),
    "field_type": lambda org, action: _changed(org, action, type=str(action["type"])),
    "field_hide": lambda org, action: _changed(org, action, hidden=True),
    "field_show": lambda org, action: _changed(org, action, hidden=False),
    "field_unfilter": lambda org, action: _changed(org, action, filterable=False),
    "kind_hide": lambda org, action: _kind(org, action, hidden=True),
    "kind_show": lambda org, action: _kind(org, action, hidden=False),
    "value_rename": _value_rename,
    "value_off": _value_off,
    "user_deactivate": lambda org, action: _user(org, action, active=False),
    "user_activate": lambda org, action: _user(org, action, active=True),
    "validation_rule": _validation,
    "flow": _flow,
    "duplicate_rule": _duplicates,
    "assignment_rule": _assignment,
    "rules_clear": _clear,
}
