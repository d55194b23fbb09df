"""Look-ups at HubSpot: by our own key or e-mail in the primary store, by a person's values in the search index.

More may come back than asked for, never less than the index knows; the engine verifies. A contact's secondary e-mails
are not promised to be found by e-mail: a create that meets one is refused with the id of its contact.

What is not here: reading by id (`reads`) and deciding whose a record is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import phonenumbers

from syncd.core.model import FieldKind, MatchKey, Record, SyncKey
from syncd.errors import Transient
from syncd_hubspot.client import BATCH_LIMIT, SEARCH_LIMIT
from syncd_hubspot.reads import Reads, chunks
from syncd_hubspot.schema import RELATION, SEARCHABLE_PHONES, Types

_GROUPS, _FILTERS, _ALL_FILTERS = 5, 6, 18
_LONGEST_BODY = 2_900
_LONGEST_VALUE = 1_000
_ANY_OF = 50

Filter = dict[str, Any]
Term = tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks records of one account up."""

    reads: Reads

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> list[Record]:
        """Every record that may answer a key, once each, with fresh values."""
        types = self.reads.schemas.types(kind)
        found: dict[str, Record] = {}
        for name, values in _by_field(keys).items():
            if name in types:
                found |= self._by_sync_key(kind, name, values, fields)
        plan = _Plan(kind, types)
        for key in keys:
            if isinstance(key, MatchKey):
                plan.add(key)
        if plan.emails:
            found |= self._by_unique(kind, "email", list(plan.emails), fields)
        hits = [hit for body in plan.bodies() for hit in self._search(kind, body)]
        missing = [hit for hit in dict.fromkeys(hits) if hit not in found]
        answers = self.reads.read(kind, missing, fields).values() if missing else ()
        found |= {one.ref.id: one for one in answers if isinstance(one, Record)}
        return list(found.values())

    def _by_sync_key(self, kind: str, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        """Living records first, then the archived ones of keys not found; by search where the field is not unique."""
        if not self.reads.schemas.types(kind)[name].unique:
            return self._by_search(kind, name, values, fields)
        wanted = [*fields, name]
        living = self._by_unique(kind, name, values, wanted)
        held = {str(record.fields.get(name)).casefold() for record in living.values()}
        rest = [value for value in values if value.casefold() not in held]
        return living | (self._by_unique(kind, name, rest, wanted, archived=True) if rest else {})

    def _by_unique(
        self, kind: str, name: str, values: Sequence[str], fields: Sequence[str], *, archived: bool = False
    ) -> dict[str, Record]:
        """By a property that HubSpot keeps unique; the primary store answers, so nothing is too young to be found."""
        found: dict[str, Record] = {}
        properties = self.reads.properties(kind, fields)
        for chunk in chunks(list(dict.fromkeys(values)), BATCH_LIMIT):
            answer = self.reads.client.batch_read(kind, chunk, properties, id_property=name, archived=archived)
            for trouble in answer.errors:
                if trouble.category not in ("OBJECT_NOT_FOUND", ""):
                    raise Transient(trouble.sentence)
            records = self.reads.records(kind, answer.rows, fields, answer.sent_at)
            found |= {record.ref.id: record for record in records}
        return found

    def _by_search(self, kind: str, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        plan = _Plan(kind, self.reads.schemas.types(kind))
        for value in values:
            plan.add(MatchKey(name, (((name,), (value,)),)))
        hits = [hit for body in plan.bodies() for hit in self._search(kind, body)]
        answers = self.reads.read(kind, hits, fields).values() if hits else ()
        return {one.ref.id: one for one in answers if isinstance(one, Record)}

    def _search(self, kind: str, groups: Sequence[Sequence[Filter]]) -> Iterator[str]:
        """The ids of all hits, page by page beyond the last id."""
        last = 0
        while True:
            answer = self.reads.client.search(kind, _body(groups, last))
            ids = [str(row["id"]) for row in answer.rows]
            yield from ids
            beyond = max((int(one) for one in ids), default=last)
            if beyond <= last or (len(ids) < SEARCH_LIMIT and (answer.total is None or answer.total <= len(ids))):
                return
            last = beyond


class _Plan:
    """The fewest requests that answer all match keys: e-mails by batch, the rest as groups of search filters."""

    def __init__(self, kind: str, types: Types) -> None:
        self._kind, self._types = kind, types
        self.emails: dict[str, None] = {}
        self._texts: dict[tuple[str, ...], list[tuple[Sequence[str], ...]]] = {}
        self._groups: dict[bytes, list[Filter]] = {}

    def add(self, key: MatchKey) -> None:
        """Choose the term that narrows most; a field HubSpot does not have is left out of its term.

        Texts of many keys go into one group: any of their streets and any of their names. More may answer, never less.
        """
        terms = [self._known(term) for term in key.terms]
        if not terms or any(not names or not values for names, values in terms):
            return
        names, values = best = min(terms, key=self._cost)
        if all(self._by_batch(name) or name in SEARCHABLE_PHONES for name in names):
            for name in names:
                self._collect(name, values)
            return
        others = [term for term in terms if term is not best and self._is_plain(term)][: _FILTERS - 2]
        for name in names:
            if self._by_batch(name) or name in SEARCHABLE_PHONES:
                self._collect(name, values)
            elif self._types[name].kind is FieldKind.TEXT:
                texts = [term for term in others if self._types[term[0][0]].kind is FieldKind.TEXT]
                asked = ((name, *(term[0][0] for term in texts)), (values, *(term[1] for term in texts)))
                self._texts.setdefault(asked[0], []).append(asked[1])
            else:
                for value in values:
                    group = [_equal(name, value), *(_equal(term[0][0], term[1][0]) for term in others)]
                    self._groups[orjson.dumps(group)] = group

    def bodies(self) -> Iterator[list[list[Filter]]]:
        """Filter groups, as many values to a group and groups to a request as HubSpot takes."""
        pieces = list(self._groups.values())
        for names, asked in self._texts.items():
            pieces += [[_any_of(*one) for one in zip(names, values, strict=True)] for values in asked]
        body: list[list[Filter]] = []
        for piece in pieces:
            fuller = _joined(body, piece)
            if body and not _fit(fuller):
                yield body
                fuller = [piece]
            body = fuller
        if body:
            yield body

    def _known(self, term: Term) -> Term:
        names = tuple(name for name in term[0] if name in self._types and name != RELATION)
        return names, tuple(value for value in term[1] if value and len(value) <= _LONGEST_VALUE)

    def _by_batch(self, name: str) -> bool:
        return self._kind == "contacts" and name == "email"

    def _is_plain(self, term: Term) -> bool:
        names, values = term
        text = self._types[names[0]].kind in (FieldKind.TEXT, FieldKind.ENUM)
        return len(names) == len(values) == 1 and text and names[0] not in ("email", *SEARCHABLE_PHONES)

    def _cost(self, term: Term) -> tuple[int, int, int]:
        names, values = term
        if all(self._by_batch(name) for name in names):
            return 0, 0, 0
        if all(name in SEARCHABLE_PHONES for name in names):
            return 1, 0, 0
        texts = all(self._types[name].kind is FieldKind.TEXT for name in names)
        return 2 if texts else 3, len(names) * len(values), -max(len(value) for value in values)

    def _collect(self, name: str, values: Iterable[str]) -> None:
        if self._by_batch(name):
            self.emails |= dict.fromkeys(value.strip().lower() for value in values if "@" in value)
            return
        twin = SEARCHABLE_PHONES[name]
        if twin in self._types:
            self._texts.setdefault((twin,), []).extend(([one],) for one in filter(None, map(national, values)))
        else:
            self._texts.setdefault((name,), []).extend(([value],) for value in values)


def national(value: str) -> str:
    """A phone number as HubSpot's searchable twin keeps it: digits without the country code; "" when it has none."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(value, "US"))
    except phonenumbers.NumberParseException:
        return "".join(character for character in value if character.isdigit())


def _joined(body: Sequence[list[Filter]], piece: list[Filter]) -> list[list[Filter]]:
    """The groups with one more; values of the last group's properties join it, as long as it has room."""
    last = body[-1] if body else []
    alike = [one["propertyName"] for one in last] == [one["propertyName"] for one in piece]
    if alike and all("values" in one for one in (*last, *piece)):
        both = [list(dict.fromkeys([*one["values"], *other["values"]])) for one, other in zip(last, piece, strict=True)]
        if all(len(values) <= _ANY_OF for values in both):
            return [*body[:-1], [_any_of(one["propertyName"], v) for one, v in zip(piece, both, strict=True)]]
    return [*body, piece]


def _by_field(keys: Iterable[SyncKey | MatchKey]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for key in keys:
        if isinstance(key, SyncKey) and key.value:
            grouped.setdefault(key.field, []).append(key.value)
    return grouped


def _equal(name: str, value: str) -> Filter:
    return {"propertyName": name, "operator": "EQ", "value": value}


def _any_of(name: str, values: Sequence[str]) -> Filter:
    return {"propertyName": name, "operator": "IN", "values": [value.lower() for value in values]}


def _body(groups: Sequence[Sequence[Filter]], last: int) -> dict[str, Any]:
    beyond = {"propertyName": "hs_object_id", "operator": "GT", "value": str(last)}
    return {
        "filterGroups": [{"filters": [*group, beyond]} for group in groups],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["hs_object_id"],
        "limit": SEARCH_LIMIT,
    }


def _fit(groups: Sequence[Sequence[Filter]]) -> bool:
    filters = sum(len(group) + 1 for group in groups)
    longest = len(orjson.dumps(_body(groups, 10**18)).decode())
    return len(groups) <= _GROUPS and filters <= _ALL_FILTERS and longest <= _LONGEST_BODY
