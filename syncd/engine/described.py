"""Fields as they were described, remembered: one that a vendor hides stops its own rules, after a restart as before.

What is not here: a field that does not come (rule 10), and a system that tells none of its custom ones (`lookout`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import structlog
from pydantic import TypeAdapter

from syncd.core.model import FieldType, Schema
from syncd.engine.world import World
from syncd.kit.connector import Connector
from syncd.store.store import Store, Tx

log = structlog.get_logger("syncd.engine")

_TYPES = TypeAdapter(dict[str, FieldType])


def remember(world: World, tx: Tx, schema: Schema) -> None:
    """Keep the types of the fields that maps read; of those that are not described now, as they were before."""
    name, read = f"described:{schema.system}:{schema.kind}", set(world.fields(schema.system, schema.kind))
    before: dict[str, Any] = tx.runs.fact(name) or {}
    types = {one: schema.fields[one] for one in sorted(read) if one in schema.fields}
    kept = {one: told for one, told in before.items() if one in read and one not in types}
    now = {**kept, **_TYPES.dump_python(types, mode="json", exclude_defaults=True)}
    if now != before:
        tx.runs.set_fact(name, now)


def as_ever(store: Store, connector: Connector, kind: str) -> Schema:
    """What a connector describes, with the fields that maps read once and that it describes no more, each as lost."""
    now = connector.describe(kind)
    with store.read() as tx:
        known = _TYPES.validate_python(tx.runs.fact(f"described:{now.system}:{kind}") or {})
    lost = {name: replace(one, lost=True) for name, one in known.items() if name not in now.fields}
    if lost:
        log.warning("fields are described no more", system=now.system, kind=kind, fields=sorted(lost))
    return replace(now, fields={**now.fields, **lost})
