"""The fields that only somebody's own accounts have, made in the sandboxes as far as their maps tell of them.

On the left a field per name that a map mentions and the sandbox does not know: a list where the map names the
values, else of the kind that its converter wants, else a text. On the right custom fields up to the numbers that the
set-up labels.
What is not here: pipelines, stages, workflows and statuses; maps that name their own find none of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
from ruamel.yaml import YAML

from syncd.kit.remote import Remote
from syncd.lab.crm.base import Crm, Lack
from syncd.lab.own import RIGHT, RIGHT_KEY, Own

_TYPES = {"string": "string", "long": "long", "double": "double", "boolean": "boolean", "date": "date"}
_LABELED = re.compile(r"(contacts|jobs)\.cf_(string|long|double|boolean|date)_(\d+)\s*=\s*([^;]+)")


def furnish(own: Own, crm: Crm, left: Remote, right: Remote) -> None:
    """Make what is missing. httpx.HTTPStatusError for what a vendor would refuse as well."""
    crm.furnish(left, list(_lacks(own, crm)))
    labels = str(own.systems[RIGHT].get("custom_fields") or "")
    with httpx.Client(base_url=right.url, trust_env=False, headers={"authorization": f"Bearer {RIGHT_KEY}"}) as http:
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


def _lacks(own: Own, crm: Crm) -> Iterator[Lack]:
    """Every field that a map names on the CRM's side."""
    sides = {name: side for pair in own.pairs.values() for side in ("left", "right") if pair[side] == crm.name
             for name in pair["maps"]}  # fmt: skip
    for name, path in own.maps.items():
        table, side = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")), sides[name]
        kind = str(table[side]["kind"])
        if key := (table.get("sync_key") or {}).get(side):
            yield Lack(kind, str(key), None, side)
        for rule in table.get("fields") or ():
            if isinstance(rule.get(side), str):
                yield Lack(kind, rule[side], rule, side)
