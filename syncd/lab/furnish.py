"""The fields that only somebody's own accounts have, made in the sandboxes as far as their maps tell of them.

On the left a property per name that a map mentions and the sandbox does not know: a list where the map names the
values, else of the kind that its converter wants, else a text. On the right custom fields up to the numbers that the
set-up labels.
What is not here: pipelines, stages, workflows and statuses; maps that name their own find none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
from ruamel.yaml import YAML

from syncd.kit.remote import Remote
from syncd.lab.own import LEFT, RIGHT, Own

_GROUPS = {"contacts": "contactinformation", "deals": "dealinformation"}
_KINDS: Mapping[str, tuple[str, str]] = {
    "money": ("number", "number"), "number": ("number", "number"), "date": ("date", "date"),
    "datetime": ("datetime", "date"), "bool": ("bool", "booleancheckbox"),
}  # fmt: skip
"""What a property holds, by the converter that its rule names."""

_TYPES = {"string": "string", "long": "long", "double": "double", "boolean": "boolean", "date": "date"}
_LABELED = re.compile(r"(contacts|jobs)\.cf_(string|long|double|boolean|date)_(\d+)\s*=\s*([^;]+)")


def furnish(own: Own, left: Remote, right: Remote, left_key: str, right_key: str) -> None:
    """Make what is missing. httpx.HTTPStatusError for what a vendor would refuse as well."""
    for kind, name, definition in _properties(own):
        with httpx.Client(base_url=left.url, trust_env=False, headers={"authorization": f"Bearer {left_key}"}) as http:
            path = f"/crm/properties/2026-03/{kind}"
            if http.get(f"{path}/{name}").status_code == 404:
                http.post(path, json={"name": name, "label": name, "groupName": _GROUPS[kind], **definition})
    labels = str(own.systems[RIGHT].get("custom_fields") or "")
    with httpx.Client(base_url=right.url, trust_env=False, headers={"authorization": f"Bearer {right_key}"}) as http:
        for kind, storage, number, label in _LABELED.findall(labels):
            _custom(http, right, kind, storage, int(number), label.strip())


def _custom(http: httpx.Client, right: Remote, kind: str, storage: str, number: int, label: str) -> None:
    """The custom field of that number, with the label; those before it are made too, for the vendor counts them up."""
    key = f"cf_{storage}_{number}"
    for attempt in range(number + 1):
        title = f"{kind} {storage} {attempt}"
        body = {"title": title, "object_type": kind.removesuffix("s"), "type": _TYPES[storage]}
        made = str(http.post("/api1/account/customfield", json=body).raise_for_status().json()["field"])
        if int(made.rsplit("_", 1)[1]) >= number:
            break
    right.act("field_rename", kind, id=key, title=label)


def _properties(own: Own) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(kind, name, definition) of every field that a map names on the left vendor's side."""
    sides = {name: side for pair in own.pairs.values() for side in ("left", "right") if pair[side] == LEFT
             for name in pair["maps"]}  # fmt: skip
    for name, path in own.maps.items():
        table, side = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")), sides[name]
        kind = str(table[side]["kind"])
        if kind not in _GROUPS:
            continue
        if key := (table.get("sync_key") or {}).get(side):
            yield kind, str(key), {"type": "string", "fieldType": "text", "hasUniqueValue": True}
        for rule in table.get("fields") or ():
            if isinstance(rule.get(side), str):
                yield kind, rule[side], _definition(rule, side)


def _definition(rule: Mapping[str, Any], side: str) -> dict[str, Any]:
    values = rule.get("values")
    if isinstance(values, Mapping):
        return {"type": "enumeration", "fieldType": "select", "options": _options(values, side)}
    convert = rule.get("convert")
    name = next(iter(convert)) if isinstance(convert, Mapping) else str(convert)
    type_, field = _KINDS.get(str(name), ("string", "text"))
    return {"type": type_, "fieldType": field}


def _options(values: Mapping[Any, Any], side: str) -> list[dict[str, Any]]:
    """The left words of a map's `values` stand before the colon, the right ones behind it."""
    words = [word for one in values.values() for word in (one if isinstance(one, list) else [one])]
    names = list(dict.fromkeys(str(word) for word in (values if side == "left" else words) if word is not None))
    return [{"label": name, "value": name, "displayOrder": at} for at, name in enumerate(names)]
