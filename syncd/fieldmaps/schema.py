"""The JSON Schema of a map file, for editors that complete and check YAML while it is typed.

Every key says in a sentence what it is for. A `format` says what a text names, for whoever knows what there is: a field
of a side, one of its values, another map.
What is not here: the check that counts (`maps`), which also knows the vendors' fields.
"""

from __future__ import annotations

from typing import Any

from syncd.core.fieldmap import Blank, Direction, Drift, Leave, Owner, Unmapped
from syncd.core.values import BUILDERS, OPTIONS
from syncd.core.values.build import NAME_PARTS, PHONE_FORMATS, STATE_FORMS
from syncd.fieldmaps.maps import AUTOMATIONS, DELETES, LANES
from syncd.fieldmaps.rules import RECEIPTS

Node = dict[str, Any]
TEXT: Node = {"type": "string"}
SCALAR: Node = {"type": ["string", "number", "boolean", "null"]}
FLAG: Node = {"type": "boolean"}
FIELD, FIELD_NAME, CUSTOM_FIELD, CUSTOM_LABEL = "field", "field-name", "custom-field", "custom-label"
LEFT_VALUE, RIGHT_VALUE, FIELD_VALUE = "left-value", "right-value", "field-value"
MAP, KEY, CEL = "map", "match-key", "cel"
"""Formats: what a text names."""

OPTION_SAYS = {
    "decimals": "How many digits behind the point count.",
    "zone": "The time zone of times without one, such as America/Chicago.",
    "region": "The country of a number without a country code, such as US.",
    "format": "How numbers are written on a side.",
    "users": "Left user: right user, by e-mail or id, where the e-mails differ.",
    "yes": "What stands for yes.",
    "no": "What stands for no.",
    "full": "The side whose field holds the whole name.",
    "part": "Which part of the name the other side's field holds.",
    "left": "How states are written on the left.",
    "right": "How states are written on the right.",
}
"""What each option of a converter says, but for those that a rule has as well."""

OPTION_WORDS: dict[str, tuple[str, ...]] = {
    "format": PHONE_FORMATS,
    "full": ("left", "right"),
    "part": NAME_PARTS,
    "left": STATE_FORMS,
    "right": STATE_FORMS,
}
"""The options that take a word of a closed list."""

FALLBACK = "What stands in for a missing counterpart."


def json_schema() -> Node:
    """JSON Schema, draft 2020-12."""
    properties = {
        "version": {"const": 1, "description": "The version of this format."},
        "name": _text("What the map is called; its links are kept under it."),
        "left": _end("The left end: a kind of records of the left system."),
        "right": _end("The right end: a kind of records of the right system."),
        "after": _list(_text("A map of the same pair.", MAP), "Maps whose records come first."),
        "continues": _continues(),
        "only": _cel("Records that belong to this map."),
        "leave": _words(Leave, "What happens to a link whose record no longer meets `only`."),
        "sync_key": _sides(
            _text("The field that holds syncd's own key.", FIELD_NAME),
            "The field on a side that holds syncd's own key.",
        ),
        "match": _match(),
        "first_link": _words(Owner, "Who wins when two existing records are linked and differ."),
        "create": _sides(_made(), "On which side records of the other are made, and when."),
        "delete": _sides(_one_of(DELETES, GONE), GONE),
        "lane": _one_of(LANES, "`lead`: who has no twin yet goes before all else."),
        "relations": _list(_relation(), "Fields that point to records which another map links."),
        "fields": {**_list(_rule(), "The rules: which field goes with which."), "minItems": 1},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A syncd map",
        **_table(properties, required=("version", "name", "left", "right", "fields")),
    }


GONE = "What the other side's deletion means here."


def _made() -> Node:
    when = _cel("A record of the other side is made here when this holds.")
    return {**_table({"when": when}), "description": "Whether records of the other side are made here."}


def _continues() -> Node:
    of = {**_field(), "description": "A field of this side's records: the ids that they had as records of that map."}
    of_map = _text("The map whose records become records of this one.", MAP)
    table = _table({"map": of_map, "left": of, "right": of}, required=("map",))
    return {**table, "description": "The map whose records become records of this one, as leads become contacts."}


def _match() -> Node:
    share: Node = {"type": "number", "minimum": 0, "maximum": 1}
    link = {**share, "description": "From this on (0 to 1) two records are linked."}
    ask = {**share, "description": "From this on (0 to 1) a person is asked."}
    score = _table({"link": link, "ask": ask}, required=("link", "ask"))
    most: Node = {"type": "integer", "minimum": 1, "description": "How many records of a side may carry a value."}
    shared = _table({"most": most, "values": _list(SCALAR, "Phones and e-mails that are nobody's own.")})
    key = _text("A rule's field, a converter or `sync_key`; several joined with +.", KEY)
    found = _table(
        {
            "link": _list(key, "Certain keys."),
            "ask": _list(key, "Keys a person decides on."),
            "score": {**score, "description": "How alike two records are (0 to 1) that are linked, or asked about."},
            "shared": {**shared, "description": "What more than `most` records of a side carry is no certain key."},
        }
    )
    return {**found, "description": "How records that are not linked yet are recognized."}


def _rule() -> Node:
    return _table(
        {
            "left": _field(),
            "right": _field(),
            "name": _text(NAMED),
            "direction": _words(Direction, "`<->` both ways (default), `->`, `<-`, or `create`: once."),
            "owner": _words(Owner, "Who wins when both sides changed; a two-way rule must say it."),
            "convert": _converter(),
            "values": _values(),
            "unmapped": _words(Unmapped, "A value without a counterpart parks the record, or skips this field."),
            "fallback": _fallback(),
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
            "left": _field(),
            "right": _field(),
            "map": _text("The map that links the records it points to.", MAP),
            "name": _text(NAMED),
            "create": {**FLAG, "description": "Pull the parent across although its own map would not."},
            "owner": _words(Owner, "Who wins when both sides changed it; left unless told."),
            "direction": _words(Direction, "`<->` unless told."),
            "drift": _words(Drift, "What a person's edit on the target of a one-way relation meets."),
        },
        required=("left", "right", "map"),
    )


NAMED = "What it is called in conflicts; its field's name unless told."


def _fallback() -> Node:
    return {"anyOf": [TEXT, _sides(_text(FALLBACK))], "description": FALLBACK}


def _end(description: str) -> Node:
    value = {"anyOf": [{**SCALAR, "format": FIELD_VALUE}, _list(SCALAR)]}
    on_create: Node = {
        "type": "object",
        "propertyNames": {"format": FIELD_NAME},
        "additionalProperties": value,
        "description": "Values that a new record gets where no rule filled the field.",
    }
    automations = _one_of(AUTOMATIONS, "Whether the vendor's automations see our writes.")
    kind = _text("The vendor's kind of records, such as contacts.")
    table = _table({"kind": kind, "on_create": on_create, "automations": automations}, required=("kind",))
    return {**table, "description": description}


def _field() -> Node:
    custom, label = _text("The custom field's id.", CUSTOM_FIELD), _text("What people call it.", CUSTOM_LABEL)
    pinned = _table({"custom": custom, "label": label}, required=("custom", "label"))
    named = {**TEXT, "format": FIELD}
    return {"anyOf": [named, pinned], "description": "A field's name, or a custom field pinned by its id."}


def _converter() -> Node:
    named = {name: _table({option: _option(option) for option in options}) for name, options in OPTIONS.items()}
    table = {**_table(named), "minProperties": 1, "maxProperties": 1}
    return {"anyOf": [{"enum": sorted(BUILDERS)}, table], "description": "How a value is translated."}


def _option(name: str) -> Node:
    if name == "values":
        return _values()
    if name == "fallback":
        return {"type": ["string", "integer", "object"], "description": FALLBACK}
    if name in OPTION_WORDS:
        return _one_of(OPTION_WORDS[name], OPTION_SAYS[name])
    kinds = "object" if name == "users" else ["string", "integer", "object"]
    return {"type": kinds, "description": OPTION_SAYS[name]}


def _values() -> Node:
    right: Node = {**SCALAR, "format": RIGHT_VALUE}
    return {
        "type": "object",
        "propertyNames": {"format": LEFT_VALUE},
        "additionalProperties": {"anyOf": [right, _list(right)]},
        "description": "Left value: right value, or several.",
    }


def _table(properties: Node, required: tuple[str, ...] = ()) -> Node:
    found: Node = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**found, "required": list(required)} if required else found


def _sides(each: Node, description: str = "") -> Node:
    found = _table({"left": each, "right": each})
    return {**found, "description": description} if description else found


def _text(description: str, names: str = "") -> Node:
    """`names`: the format, if it names something."""
    return {**TEXT, "description": description, **({"format": names} if names else {})}


def _list(each: Node, description: str = "") -> Node:
    found: Node = {"type": "array", "items": each}
    return {**found, "description": description} if description else found


def _words(words: type[Direction | Owner | Drift | Blank | Unmapped | Leave], description: str) -> Node:
    return _one_of(tuple(word.value for word in words), description)


def _one_of(words: tuple[str, ...], description: str) -> Node:
    return {"enum": list(words), "description": description}


def _cel(description: str) -> Node:
    return {
        "type": "string",
        "format": CEL,
        "description": f"{description} A CEL expression over left.FIELD and right.FIELD.",
    }
