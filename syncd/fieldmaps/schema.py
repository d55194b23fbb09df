"""The JSON Schema of a map file, for editors that complete and check YAML while it is typed.

What is not here: the check that counts (`maps`), which also knows the vendors' fields.
"""

from __future__ import annotations

from typing import Any

from syncd.core.fieldmap import Blank, Direction, Drift, Leave, Owner, Unmapped
from syncd.core.values import BUILDERS, OPTIONS
from syncd.fieldmaps.maps import AUTOMATIONS, DELETES, LANES
from syncd.fieldmaps.rules import RECEIPTS

Node = dict[str, Any]
TEXT: Node = {"type": "string"}
SCALAR: Node = {"type": ["string", "number", "boolean", "null"]}
FLAG: Node = {"type": "boolean"}


def json_schema() -> Node:
    """JSON Schema, draft 2020-12."""
    properties = {
        "version": {"const": 1},
        "name": TEXT,
        "left": _end(),
        "right": _end(),
        "after": _list(TEXT, "Maps whose records come first."),
        "continues": _continues(),
        "only": _cel("Records that belong to this map."),
        "leave": _words(Leave, "What happens to a link whose record no longer meets `only`."),
        "sync_key": _sides(TEXT, "The field on a side that holds syncd's own key."),
        "match": _match(),
        "first_link": _words(Owner, "Who wins when two existing records are linked and differ."),
        "create": _sides(_table({"when": _cel("A record of the other side is made here when this holds.")})),
        "delete": _sides(_one_of(DELETES, "What the other side's deletion means here.")),
        "lane": _one_of(LANES, "`lead` goes before `normal`."),
        "relations": {"type": "array", "items": _relation()},
        "fields": {"type": "array", "minItems": 1, "items": _rule()},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A syncd map",
        **_table(properties, required=("version", "name", "left", "right", "fields")),
    }


def _continues() -> Node:
    of = {**_field(), "description": "A field of this side's records: the ids that they had as records of that map."}
    table = _table({"map": TEXT, "left": of, "right": of}, required=("map",))
    return {**table, "description": "The map whose records become records of this one, as leads become contacts."}


def _match() -> Node:
    share: Node = {"type": "number", "minimum": 0, "maximum": 1}
    score = _table({"link": share, "ask": share}, required=("link", "ask"))
    most: Node = {"type": "integer", "minimum": 1}
    shared = _table({"most": most, "values": _list(SCALAR, "Phones and e-mails that are nobody's own.")})
    return _table(
        {
            "link": _list(TEXT, "Certain keys."),
            "ask": _list(TEXT, "Keys a person decides on."),
            "score": {**score, "description": "How alike two records are (0 to 1) that are linked, or asked about."},
            "shared": {**shared, "description": "What more than `most` records of a side carry is no certain key."},
        }
    )


def _rule() -> Node:
    return _table(
        {
            "name": TEXT,
            "left": _field(),
            "right": _field(),
            "direction": _words(Direction, "`<->` both ways (default), `->`, `<-`, or `create`: once."),
            "owner": _words(Owner, "Who wins when both sides changed; a two-way rule must say it."),
            "convert": _converter(),
            "values": _values(),
            "unmapped": _words(Unmapped, "A value without a counterpart parks the record, or skips this field."),
            "fallback": {"anyOf": [TEXT, _sides(TEXT)], "description": "What stands in for a missing counterpart."},
            "expr": _cel("The value, worked out from the side that is not written."),
            "on_blank": _words(Blank, "Whether a blank travels."),
            "drift": _words(Drift, "What a person's edit on the target of a one-way rule meets."),
            "from": _one_of(RECEIPTS, "A word of syncd's own, written to the one field given."),
            "optional": {**FLAG, "description": "Left out, with a warning, while a field of it does not exist."},
        }
    )


def _relation() -> Node:
    return _table(
        {
            "name": TEXT,
            "left": _field(),
            "right": _field(),
            "map": TEXT,
            "create": {**FLAG, "description": "Pull the parent across although its own map would not."},
            "owner": _words(Owner, "Who wins when both sides changed it; left unless told."),
            "direction": _words(Direction, "`<->` unless told."),
            "drift": _words(Drift, "What a person's edit on the target of a one-way relation meets."),
        },
        required=("left", "right", "map"),
    )


def _end() -> Node:
    on_create: Node = {"type": "object", "additionalProperties": {"anyOf": [SCALAR, _list(SCALAR)]}}
    automations = _one_of(AUTOMATIONS, "Whether the vendor's automations see our writes.")
    return _table({"kind": TEXT, "on_create": on_create, "automations": automations}, required=("kind",))


def _field() -> Node:
    pinned = _table({"custom": TEXT, "label": TEXT}, required=("custom", "label"))
    return {"anyOf": [TEXT, pinned], "description": "A field's name, or a custom field pinned by its id."}


def _converter() -> Node:
    named = {name: _table({option: _option(option) for option in options}) for name, options in OPTIONS.items()}
    table = {**_table(named), "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [{"enum": sorted(BUILDERS)}, table], "description": "How a value is translated."}


def _option(name: str) -> Node:
    if name == "values":
        return _values()
    return {"type": "object"} if name == "users" else {"type": ["string", "integer", "object"]}


def _values() -> Node:
    target = {"anyOf": [SCALAR, _list(SCALAR)]}
    return {"type": "object", "additionalProperties": target, "description": "Left value: right value, or several."}


def _table(properties: Node, required: tuple[str, ...] = ()) -> Node:
    found: Node = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": list(required)} if required else found


def _sides(each: Node, description: str = "") -> Node:
    found = _table({"left": each, "right": each})
    return {**found, "description": description} if description else found


def _list(each: Node, description: str = "") -> Node:
    found: Node = {"type": "array", "items": each}
    return {**found, "description": description} if description else found


def _words(words: type[Direction | Owner | Drift | Blank | Unmapped | Leave], description: str) -> Node:
    return _one_of(tuple(word.value for word in words), description)


def _one_of(words: tuple[str, ...], description: str) -> Node:
    return {"enum": list(words), "description": description}


def _cel(description: str) -> Node:
    return {"type": "string", "description": f"{description} A CEL expression over left.FIELD and right.FIELD."}
