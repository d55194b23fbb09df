"""Records of HubSpot from the primary store: by id, archived ones, merged ones, and associated contacts.

A batch answers living records; what is missing from it is asked for one by one (a merged id answers with another
id) and among the archived.

What is not here: which ids to read (`deltas`, `find`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from syncd.core.model import Gone, Record, Ref, Value
from syncd_hubspot.client import ASSOCIATION_LIMIT, BATCH_LIMIT, Client, Row, is_id
from syncd_hubspot.schema import RELATION, RELATION_KIND, Schemas, Types, has_relation, modified_property
from syncd_hubspot.values import from_wire, moment, stamp

_PROBE = 10
_MERGED = "hs_merged_object_ids"
_MERGED_CONTACTS = "hs_calculated_merged_vids"
_SOURCES = ("hs_object_source", "hs_object_source_id")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reads:
    """How this account's records are read. `app_id`: our own app, if the operator told it, to know what we made.

    `interest`: per kind, the fields that anybody asked for: what is said of a version must tell all of them.
    """

    client: Client
    schemas: Schemas
    system: str
    app_id: str | None = None
    interest: dict[str, dict[str, None]] = field(default_factory=dict)

    def asked(self, kind: str, fields: Iterable[str]) -> None:
        """Remember that these are asked for."""
        self.interest[kind] = self.interest.get(kind, {}) | dict.fromkeys(fields)

    def properties(self, kind: str, fields: Iterable[str]) -> list[str]:
        """The property names to ask for: those of `fields` that exist, and what every Record is made with."""
        types = self.schemas.types(kind)
        own = [modified_property(kind), _MERGED, _MERGED_CONTACTS, *(_SOURCES if self.app_id else ())]
        wanted = dict.fromkeys([*fields, *own])
        relation = {RELATION} if has_relation(kind) else set()
        return [name for name in wanted if name in types and name not in relation]

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record | Gone]:
        """Every id asked for, alive or gone; what a merged id became stands there too, under its own id."""
        answer: dict[str, Record | Gone] = {}
        for chunk in chunks([one for one in dict.fromkeys(ids) if is_id(one)], BATCH_LIMIT):
            answer |= self._chunk(kind, chunk, fields)
        strangers = [one for one in ids if one not in answer]
        return answer | {one: Gone(ref=Ref(self.system, kind, one)) for one in strangers}

    def records(self, kind: str, rows: Sequence[Row], fields: Sequence[str], sent_at: datetime) -> list[Record]:
        """Wire rows as Records, with their contacts asked for in one call where `fields` wants them."""
        records = [self.record(kind, row, fields, sent_at) for row in rows]
        if not (has_relation(kind) and RELATION in fields and records):
            return records
        return with_contacts(records, self.contacts(kind, [record.ref.id for record in records]))

    def record(self, kind: str, row: Row, fields: Iterable[str], sent_at: datetime) -> Record:
        """One wire row as a Record, without relations; a property missing from the row is left out: unknown."""
        types, properties = self.schemas.types(kind), row.get("properties") or {}
        modified = moment(properties.get(modified_property(kind))) or moment(row.get("updatedAt"))
        return Record(
            ref=Ref(self.system, kind, str(row["id"])),
            fields=canonical(types, properties, fields),
            version=None if modified is None else stamp(modified),
            modified_at=modified,
            created_at=moment(row.get("createdAt")),
            read_at=sent_at,
            mine=self._mine(properties),
            was=_was(properties, str(row["id"])),
        )

    def contacts(self, kind: str, ids: Sequence[str]) -> dict[str, Value]:
        """The associated contacts of each id, None for none; an id that HubSpot did not answer well is left out."""
        found: dict[str, list[str]] = {one: [] for one in ids}
        queue: list[dict[str, str]] = [{"id": one} for one in found]
        while queue:
            batch, queue = queue[:ASSOCIATION_LIMIT], queue[ASSOCIATION_LIMIT:]
            answer = self.client.associations(kind, RELATION_KIND, batch)
            for row in answer.rows:
                one = str((row.get("from") or {}).get("id"))
                ties = row.get("to")
                if not isinstance(ties, list) or not all(is_id(to["toObjectId"]) for to in ties):
                    found.pop(one, None)
                    continue
                found.setdefault(one, []).extend(str(to["toObjectId"]) for to in ties)
                queue += rest(row, one)
            for trouble in answer.errors:
                if "NO_ASSOCIATIONS_FOUND" not in f"{trouble.category} {trouble.subcategory} {trouble.codes}":
                    found = {one: found[one] for one in found if one not in trouble.ids}
        return {one: numerically(found[one]) for one in ids if one in found}

    def archived(self, kind: str, ids: Sequence[str]) -> set[str]:
        """Which of these ids are archived."""
        rows = [row for chunk in chunks(ids, BATCH_LIMIT) for row in self._archived_rows(kind, chunk)]
        return {str(row["id"]) for row in rows}

    def _archived_rows(self, kind: str, ids: Sequence[str]) -> Sequence[Row]:
        return self.client.batch_read(kind, ids, [modified_property(kind)], archived=True).rows

    def _chunk(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record | Gone]:
        answer = self.client.batch_read(kind, ids, self.properties(kind, fields))
        records = self.records(kind, answer.rows, fields, answer.sent_at)
        found: dict[str, Record | Gone] = {record.ref.id: record for record in records}
        missing = [one for one in ids if one not in found]
        return found | (self._absent(kind, missing, fields, answer.sent_at) if missing else {})

    def _absent(
        self, kind: str, missing: Sequence[str], fields: Sequence[str], sent_at: datetime
    ) -> dict[str, Record | Gone]:
        """What became of ids that a batch did not answer: merged, archived, or no more.

        A few are asked for one by one first, because only that tells a merge for sure. Merges come at the pace of a
        person; when many are missing somebody archived in bulk, and one batch tells those.
        """
        binned = self.archived(kind, missing) if len(missing) > _PROBE else set()
        found: dict[str, Record | Gone] = {}
        for one in missing:
            row = None if one in binned else self.client.get(kind, one, self.properties(kind, fields))
            if row is not None:
                found |= self._alive(kind, one, row, fields, sent_at)
        lost = [one for one in missing if one not in found]
        if lost and len(missing) <= _PROBE:
            binned = self.archived(kind, lost)
        return found | {one: self._gone(kind, one, one in binned, sent_at) for one in lost}

    def _gone(self, kind: str, id: str, tombstone: bool, sent_at: datetime) -> Gone:
        return Gone(ref=Ref(self.system, kind, id), tombstone=tombstone, read_at=sent_at)

    def _alive(
        self, kind: str, id: str, row: Row, fields: Sequence[str], sent_at: datetime
    ) -> dict[str, Record | Gone]:
        (record,) = self.records(kind, [row], fields, sent_at)
        now = record.ref.id
        if now == id:
            return {id: record}
        was = tuple(dict.fromkeys([*record.was, id]))
        return {id: Gone(ref=Ref(self.system, kind, id), became=(now,), read_at=sent_at), now: replace(record, was=was)}

    def _mine(self, properties: Mapping[str, Any]) -> bool | None:
        source, maker = (properties.get(name) for name in _SOURCES)
        if self.app_id is None or source is None:
            return None
        return source == "INTEGRATION" and str(maker) == self.app_id


def canonical(types: Types, properties: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Value]:
    """Wire properties as canonical values, only the fields asked for that are there and that the schema knows.

    A list or a table where a value belongs is no value: unknown, never its text.
    """
    return {
        name: from_wire(types[name].kind, properties[name])
        for name in fields
        if name in types and types[name].ref_kind is None
        if name in properties and not isinstance(properties[name], Mapping | list)
    }


def with_contacts(records: Iterable[Record], related: Mapping[str, Value]) -> list[Record]:
    """The records with their relation, where that is known."""
    return [
        replace(record, fields={**record.fields, RELATION: related[record.ref.id]})
        if record.ref.id in related
        else record
        for record in records
    ]


def inline_contacts(row: Row) -> tuple[Value, bool]:
    """The contacts in a list row's `associations`, and whether these are all: long lists are cut by HubSpot."""
    known = row.get("associations") or {}
    block = known.get(RELATION_KIND) or known.get("0-1") or {}
    ids = [str(item.get("id")) for item in block.get("results") or ()]
    return numerically(ids), all(map(is_id, ids)) and not (block.get("paging") or {}).get("next")


def numerically(ids: Iterable[str]) -> tuple[str, ...] | None:
    """Ids once each, sorted as numbers; None for none."""
    return tuple(sorted(set(ids), key=lambda one: (len(one), one))) or None


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def rest(row: Row, id: str) -> list[dict[str, str]]:
    """The input that asks for the further associations of a record, of which this row told a page; none at the end."""
    after = ((row.get("paging") or {}).get("next") or {}).get("after")
    return [{"id": id, "after": str(after)}] if after else []


def _was(properties: Mapping[str, Any], id: str) -> tuple[str, ...]:
    """Ids that were merged into this record; contacts may keep older ones as `id:milliseconds` pairs."""
    texts = [str(properties.get(name) or "") for name in (_MERGED, _MERGED_CONTACTS)]
    found = [part.split(":")[0].strip() for text in texts for part in text.split(";")]
    return tuple(dict.fromkeys(part for part in found if is_id(part) and part != id))
