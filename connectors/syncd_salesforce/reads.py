"""Records of Salesforce by id: living ones, those in the recycle bin, merged ones, and who has a role in opportunities.

Everything is asked by `queryAll`, which tells a deleted or merged record as such; what it does not answer is no more,
or hidden from the run-as user.

What is not here: which ids to read (`deltas`, `find`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from syncd.core.loss import iso
from syncd.core.model import Gone, Record, Ref, Value
from syncd.errors import Transient
from syncd_salesforce import ids as idents
from syncd_salesforce import soql
from syncd_salesforce.client import READ_LIMIT, Client, Found, Row
from syncd_salesforce.schema import HEIRS, PAST, PERSON, RELATION, VIRTUAL, Described, Schemas, has_relation
from syncd_salesforce.troubles import UNKNOWN_FIELD, SalesforceRefused
from syncd_salesforce.values import from_wire, moment

STAMP = "SystemModstamp"
_OWN = ("Id", STAMP, "LastModifiedDate", "LastModifiedById", "CreatedDate", "CreatedById", "IsDeleted")
_FATE = ("MasterRecordId", "IsConverted", PERSON)
_RELATED_AT_ONCE = 400
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What the operator said of this org. `own_user`: nobody but syncd makes records as the run-as user."""

    own_user: bool = False


@dataclass(frozen=True, slots=True)
class Reads:
    """How this org's records are read.

    `interest`: per kind, the fields that anybody asked for: what is said of a version must tell all of them.
    """

    client: Client
    schemas: Schemas
    system: str
    habits: Habits
    interest: dict[str, dict[str, None]] = field(default_factory=dict)

    def asked(self, kind: str, fields: Iterable[str]) -> None:
        """Remember that these are asked for."""
        self.interest[kind] = self.interest.get(kind, {}) | dict.fromkeys(fields)

    def columns(self, kind: str, fields: Iterable[str]) -> list[str]:
        """What a query selects: those of `fields` that there are, and what every Record is made with."""
        described = self.schemas.described(kind)
        wanted = dict.fromkeys([*_OWN, *_FATE, *fields])
        return [name for name in wanted if name in described.types and name not in VIRTUAL]

    def query(self, text: str, *, deleted: bool = False, whole: bool = False) -> Found:
        """A query's first page, or all of it. A field that vanished since the schema was read is asked for no more."""
        try:
            return self.client.rows(text, deleted=deleted) if whole else self.client.query(text, deleted=deleted)
        except SalesforceRefused as error:
            if error.trouble.code not in UNKNOWN_FIELD:
                raise
            self.schemas.forget()
            raise Transient(f"A field is gone from Salesforce, or hidden by now. {error}") from error

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record | Gone]:
        """Every id asked for, alive or gone, under the very text it was asked by."""
        wanted = {one: idents.full(one) for one in dict.fromkeys(ids)}
        found: dict[str, Record | Gone] = {}
        for chunk in chunks(list(dict.fromkeys(whole for whole in wanted.values() if whole)), READ_LIMIT):
            found |= self._chunk(kind, chunk, fields)
        return {
            one: found[whole] if whole is not None else Gone(ref=Ref(self.system, kind, one), read_at=self._now())
            for one, whole in wanted.items()
        }

    def _chunk(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> dict[str, Record | Gone]:
        answer = self.query(soql.by_ids(kind, self.columns(kind, fields), ids), deleted=True, whole=True)
        found = {one.ref.id: one for one in self.told(kind, answer, fields)}
        return {one: found.get(one) or Gone(ref=Ref(self.system, kind, one), read_at=answer.sent_at) for one in ids}

    def after_write(
        self, kind: str, ids: Sequence[str], fields: Sequence[str]
    ) -> dict[str, tuple[Record | Gone, bool | None]]:
        """What these records are by now, and whether the run-as user changed them last (None: not known)."""
        text = soql.by_ids(kind, self.columns(kind, fields), ids)
        answer = self.query(text, deleted=True, whole=True)
        found = {one.ref.id: one for one in self.told(kind, answer, fields)}
        ours = {row_id(row): self._is_ours(row.get("LastModifiedById")) for row in answer.rows}
        whole = {one: idents.full(one) or one for one in ids}
        return {one: (found[id_], ours[id_]) for one, id_ in whole.items() if id_ in found}

    def told(self, kind: str, answer: Found, fields: Sequence[str]) -> list[Record | Gone]:
        """Wire rows as what they tell: records with their relation where `fields` wants it, and gone ones."""
        items = [self._item(kind, row, fields, answer.sent_at) for row in answer.rows]
        living = [one.ref.id for one in items if isinstance(one, Record)]
        related: dict[str, Mapping[str, Value]] = {}
        if living and has_relation(kind) and RELATION in fields:
            related[RELATION] = self.contacts(living)
        if living and kind in HEIRS and PAST in fields:
            related[PAST] = self.leads(kind, living)
        return [_with(one, related) if isinstance(one, Record) else one for one in items]

    def record(self, kind: str, row: Row, fields: Iterable[str], sent_at: datetime) -> Record:
        """One wire row as a Record, without its relation; a field missing from the row is left out: unknown."""
        described = self.schemas.described(kind)
        stamp = moment(row.get(STAMP))
        return Record(
            ref=Ref(self.system, kind, row_id(row)),
            fields=_canonical(described, row, fields),
            version=None if stamp is None else iso(stamp),  # a table writes it in another way than JSON
            modified_at=stamp,
            created_at=moment(row.get("CreatedDate")),
            read_at=sent_at,
            mine=self._mine(row),
        )

    def contacts(self, opportunities: Sequence[str]) -> dict[str, Value]:
        """The contacts with a role in each of these opportunities, None for none."""
        rows = self.roles(opportunities)
        return _grouped(opportunities, [(row.get("OpportunityId"), row.get("ContactId")) for row in rows])

    def roles(self, opportunities: Sequence[str]) -> list[Row]:
        """The living contact roles of these opportunities."""
        asked = chunks(opportunities, _RELATED_AT_ONCE)
        return [row for chunk in asked for row in self.query(soql.roles(chunk), whole=True).rows]

    def leads(self, kind: str, ids: Sequence[str]) -> dict[str, Value]:
        """The leads that were converted into each of these, None for none; also those in the recycle bin."""
        field = HEIRS[kind]
        asked = (soql.leads(field, chunk) for chunk in chunks(ids, _RELATED_AT_ONCE))
        rows = [row for text in asked for row in self.query(text, deleted=True, whole=True).rows]
        return _grouped(ids, [(row.get(field), row.get("Id")) for row in rows])

    def _item(self, kind: str, row: Row, fields: Sequence[str], sent_at: datetime) -> Record | Gone:
        ref = Ref(self.system, kind, row_id(row))
        if row.get("IsDeleted") is True:
            winner = idents.full(str(row.get("MasterRecordId") or ""))
            return Gone(ref=ref, tombstone=winner is None, became=(winner,) if winner else (), read_at=sent_at)
        if is_shadow(kind, row):
            return Gone(ref=ref, read_at=sent_at)
        return self.record(kind, row, fields, sent_at)

    def _mine(self, row: Row) -> bool | None:
        return self._is_ours(row.get("CreatedById")) if self.habits.own_user else None

    def _is_ours(self, user: object) -> bool | None:
        session = self.client.door.session
        if session is None or session.user is None or not isinstance(user, str):
            return None
        return idents.full(user) == session.user

    def _now(self) -> datetime:
        return self.client.door.now()


def is_shadow(kind: str, row: Row) -> bool:
    """Whether it is the contact behind a person account: the person is read and written there, and no second time."""
    return kind == "Contact" and row.get(PERSON) is True


def row_id(row: Row) -> str:
    """The id of a row; a row without one is trouble, since a record would be passed over."""
    whole = idents.full(str(row.get("Id")))
    if whole is None:
        raise Transient("Salesforce answered a record without an id.")
    return whole


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _canonical(described: Described, row: Row, fields: Iterable[str]) -> dict[str, Value]:
    """Canonical values of the fields asked for that are there. A list or a table is no value: unknown."""
    types: Mapping[str, object] = described.types
    return {
        name: from_wire(described.types[name].kind, row[name])
        for name in fields
        if name in types and name in row and not isinstance(row[name], Mapping | list)
    }


def _grouped(ids: Sequence[str], pairs: Sequence[tuple[object, object]]) -> dict[str, Value]:
    """By id, what it is paired with, sorted; None for nothing."""
    found: dict[str, set[str]] = {one: set() for one in ids}
    for told, other in pairs:
        one, whole = idents.full(str(told)), idents.full(str(other))
        if one in found and whole is not None:
            found[one].add(whole)
    return {one: tuple(sorted(several)) or None for one, several in found.items()}


def _with(record: Record, related: Mapping[str, Mapping[str, Value]]) -> Record:
    return replace(record, fields={**record.fields, **{name: told[record.ref.id] for name, told in related.items()}})
