"""What an account's contacts and jobs look like: standard fields, custom fields, pick lists, people.

What is not here: reading records. JobNimbus documents no way to list custom fields: those found in a sample of
recent records are described, those of the setting `custom_fields`, and every `cf_TYPE_N` key somebody asked for.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from syncd.core.model import FieldType, Option, Schema, User
from syncd.kit.connector import SystemSettings
from syncd_jobnimbus.client import PAGE, Client
from syncd_jobnimbus.fields import NOT_OFFERED, standard
from syncd_jobnimbus.names import Names, infer_labels, kind_of_key, kind_of_label, looks_custom
from syncd_jobnimbus.proofs import Proofs

Row = Mapping[str, Any]

_OBJECT_TYPES = {"contacts": "contact", "jobs": "job"}


@dataclass(frozen=True, slots=True)
class _Described:
    """A schema and when it was made (monotonic seconds)."""

    schema: Schema
    at: float


class Catalog:
    """Describes the kinds of one account, and remembers it for `fresh` seconds. Thread-safe."""

    def __init__(self, settings: SystemSettings, client: Client, names: Names, proofs: Proofs) -> None:
        """Ask nothing yet. The option `move_primary`: whether a job's primary contact may change once it is made."""
        self._system, self._client, self._names, self._proofs = settings.system, client, names, proofs
        self._fresh, self._timezone = settings.timing.fresh.total_seconds(), settings.timezone or "UTC"
        move_primary = bool(settings.options.get("move_primary", True))
        self._standard = {kind: standard(kind, move_primary=move_primary) for kind in _OBJECT_TYPES}
        self._asked: dict[str, set[str]] = {kind: set() for kind in _OBJECT_TYPES}
        self._cache: dict[str, _Described] = {}
        self._whose: set[str | None] = set()
        self._lock = threading.Lock()

    def describe(self, kind: str) -> Schema:
        """The schema of a kind; its sample also yields canaries for the custom fields found."""
        with self._lock:
            cached = self._cache.get(kind)
        if cached and time.monotonic() - cached.at < self._fresh:
            return self._with_asked(kind, cached.schema)
        schema = self._ask(kind, cached.schema.fields if cached else {})
        with self._lock:
            self._cache[kind] = _Described(schema, time.monotonic())
        return self._with_asked(kind, schema)

    @property
    def account(self) -> str | None:
        """What all sampled records call their `customer`, which is the account; None unless they agree."""
        with self._lock:
            told = next(iter(self._whose)) if len(self._whose) == 1 else None
        return told if isinstance(told, str) and told else None

    def forget(self) -> None:
        """Ask again next time."""
        with self._lock:
            self._cache = {kind: replace(cached, at=-math.inf) for kind, cached in self._cache.items()}

    def asked(self, kind: str, fields: Sequence[str] = ()) -> list[str]:
        """Remember the fields a reader wants of a kind, and give all that were ever wanted."""
        with self._lock:
            self._asked[kind].update(fields)
            return sorted(self._asked[kind])

    def type_of(self, kind: str, name: str) -> FieldType | None:
        """A field's type without asking the vendor where that can be known; None for a name never heard of."""
        return self._plain(kind, name) or self.describe(kind).fields.get(name)

    def known_type(self, kind: str, name: str) -> FieldType | None:
        """A field's type without asking the vendor, however long ago it was told."""
        with self._lock:
            cached = self._cache.get(kind)
        return self._plain(kind, name) or (cached.schema.fields.get(name) if cached else None)

    def _plain(self, kind: str, name: str) -> FieldType | None:
        """The type of a field whose name says it all."""
        if field := self._standard[kind].get(name):
            return field
        return self._custom(kind, name, ()) if kind_of_key(self._names.wire_key(kind, name)) else None

    def _ask(self, kind: str, before: Mapping[str, FieldType]) -> Schema:
        settings, users = self._client.settings(), self._client.users()
        rows, at = self._client.sample(kind, PAGE), time.monotonic()
        with self._lock:
            self._whose |= {whose if isinstance(whose := row.get("customer"), str) else None for row in rows}
        fields = dict(self._standard[kind])
        for name, options in pick_lists(kind, settings).items():
            fields[name] = replace(fields[name], options=options)
        # A field that a map uses stays described when no record of this sample happens to carry it.
        kept = {name: before[name] for name in self.asked(kind) if name in before}
        found = kept | self._found(kind, rows)
        self._proofs.note(kind, rows, [name for name, field in found.items() if field.custom], at)
        return Schema(
            system=self._system,
            kind=kind,
            fields={**found, **fields},
            users=tuple(_users(users)),
            timezone=self._timezone,
            archive="its is_active becomes false, which is how JobNimbus deletes",
        )

    def _found(self, kind: str, rows: Sequence[Row]) -> dict[str, FieldType]:
        """The fields of the sample that the reference does not list, and the custom fields of the settings."""
        keys = dict.fromkeys(key for row in rows for key, wire in row.items() if not isinstance(wire, Mapping | list))
        named = [key for of_kind, key in self._names.labels if of_kind == kind]
        unlisted = [key for key in (*named, *keys) if key not in self._standard[kind] and key not in NOT_OFFERED]
        labels = infer_labels(rows)
        found = {key: self._custom(kind, key, rows) or _undocumented(key, rows) for key in unlisted}
        return {key: replace(field, label=field.label or labels.get(key, "")) for key, field in found.items()}

    def _custom(self, kind: str, name: str, rows: Sequence[Row]) -> FieldType | None:
        """A custom field's type, by its key, by the key of its label, or by what stands under the label."""
        label = self._names.labels.get((kind, name), "" if kind_of_key(name) else name)
        by_key = kind_of_key(self._names.wire_key(kind, name))
        if by_key is None and not looks_custom(name):
            return None
        return FieldType(name=name, kind=by_key or kind_of_label(name, rows), label=label, custom=True)

    def _with_asked(self, kind: str, schema: Schema) -> Schema:
        """The schema with the `cf_` keys that a map asks for although no record of the sample carries them."""
        missing = (name for name in self.asked(kind) if name not in schema.fields and kind_of_key(name))
        more = {name: field for name in missing if (field := self._custom(kind, name, ()))}
        return replace(schema, fields={**schema.fields, **more}) if more else schema


def pick_lists(kind: str, settings: Mapping[str, Any]) -> dict[str, tuple[Option, ...]]:
    """The options of the pick-list fields of a kind, from the account's settings. Inactive ones are left out."""
    flows = [flow for flow in _active(settings.get("workflows")) if flow.get("object_type") == _OBJECT_TYPES[kind]]
    statuses = [(status, flow) for flow in flows for status in _active(flow.get("status"))]
    return {
        "record_type_name": tuple(_option(flow.get("name")) for flow in flows if flow.get("name")),
        "status_name": tuple(
            _option(status["name"], group=flow.get("name")) for status, flow in statuses if status.get("name")
        ),
        "source_name": tuple(
            _option(source["SourceName"]) for source in _active(settings.get("sources")) if source.get("SourceName")
        ),
        "location": tuple(
            _option(place["id"], place.get("name")) for place in _active(settings.get("locations")) if place.get("id")
        ),
    }


def _option(value: Any, label: Any = None, group: Any = None) -> Option:
    return Option(str(value), str(label or value), None if group is None else str(group))


def _active(items: Any) -> Iterator[Mapping[str, Any]]:
    """The living entries of a settings list; the vendor spells the flag in both ways."""
    for item in items if isinstance(items, list) else ():
        if isinstance(item, Mapping) and item.get("is_active", item.get("IsActive", True)) is not False:
            yield item


def _users(rows: Sequence[Row]) -> Iterator[User]:
    for row in rows:
        if row.get("id"):
            name = " ".join(str(row[key]) for key in ("first_name", "last_name") if row.get(key))
            yield User(str(row["id"]), name, row.get("email") or None, row.get("is_active") is not False)


def _undocumented(name: str, rows: Sequence[Row]) -> FieldType:
    """A key that looks like the vendor's own but stands in no documentation: it may be read, never written."""
    return FieldType(name=name, kind=kind_of_label(name, rows), read_only=True)
