"""Look-ups at Salesforce: by our own key, and by a person's values, both from the primary store.

Texts are compared without regard to capitals, telephone numbers by their digits; more may come back than asked for,
never less. A field that cannot be filtered by (a long text, an encrypted one) narrows nothing.

What is not here: reading by id (`reads`) and deciding whose a record is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import phonenumbers

from syncd.core.model import FieldKind, MatchKey, Record, SyncKey
from syncd.errors import Refused, Transient
from syncd_salesforce import soql
from syncd_salesforce.client import Found, Row
from syncd_salesforce.reads import Reads, chunks, is_shadow, row_id
from syncd_salesforce.schema import VIRTUAL, Described

KEYS_AT_ONCE = 100

_FEWEST_DIGITS = 5
_LONGEST_VALUE = 1_000
_DIGITS = 10


@dataclass(frozen=True, slots=True)
class Finder:
    """Looks records of one org up."""

    reads: Reads

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> list[Record]:
        """Every record that may answer a key, once each, with fresh values."""
        described = self.reads.schemas.described(kind)
        found: dict[str, Record] = {}
        for name, values in _by_field(keys).items():
            if not described.filterable(name):
                raise Refused(f"Salesforce has no field {name} on {kind} to look up, or hides it from the run-as user.")
            for chunk in chunks(values, KEYS_AT_ONCE):
                found |= self._by_key(kind, name, chunk, fields)
        asked = [_key(described, key) for key in keys if isinstance(key, MatchKey)]
        for several in chunks([key for key in asked if key], KEYS_AT_ONCE):
            found = self._matching(kind, several, fields) | found
        return list(found.values())

    def _by_key(self, kind: str, name: str, values: Sequence[str], fields: Sequence[str]) -> dict[str, Record]:
        """Living records first; those in the recycle bin for keys that no living one has."""
        wanted = list(dict.fromkeys([*fields, name]))
        text = soql.by_key(kind, self.reads.columns(kind, wanted), name, values)
        answer = self.reads.query(text, deleted=True, whole=True)
        over = [row for row in answer.rows if row.get("IsDeleted") is True or row.get("IsConverted") is True]
        dead = [row for row in over if not is_shadow(kind, row)]
        living = self._living(kind, answer, wanted)
        held = {str(one.fields.get(name)).casefold() for one in living.values()}
        gone = [self.reads.record(kind, row, wanted, answer.sent_at) for row in dead]
        return living | {
            one.ref.id: one
            for one in gone
            if one.ref.id not in living and str(one.fields.get(name)).casefold() not in held
        }

    def _matching(self, kind: str, keys: Sequence[soql.Key], fields: Sequence[str]) -> dict[str, Record]:
        """Page after page beyond the last id; a lead that was converted is nobody's match any more."""
        found: dict[str, Record] = {}
        after: str | None = None
        columns = self.reads.columns(kind, fields)
        while text := soql.matching(kind, columns, keys, after, soql.PAGE):
            answer = self.reads.query(text)
            alive = [row for row in answer.rows if row.get("IsConverted") is not True]
            found |= self._living(kind, replace(answer, rows=alive), fields)
            if answer.next is None and len(answer.rows) < soql.PAGE:
                break
            after = _further(answer.rows, after)
        return found

    def _living(self, kind: str, answer: Found, fields: Sequence[str]) -> dict[str, Record]:
        return {one.ref.id: one for one in self.reads.told(kind, answer, fields) if isinstance(one, Record)}


def _further(rows: Sequence[Row], after: str | None) -> str:
    last = row_id(rows[-1]) if rows else after
    if last is None or last == after:
        raise Transient("Salesforce's answer to a look-up does not move on.")
    return last


def _key(described: Described, key: MatchKey) -> soql.Key:
    """The parts of a key that can be asked; none where no record can answer it."""
    parts: list[list[soql.Test]] = []
    for names, values in key.terms:
        there = [name for name in names if name in described.types and name not in VIRTUAL]
        short = tuple(value for value in values if value and len(value) <= _LONGEST_VALUE)
        if not there or not short:
            return ()
        if all(described.filterable(name) for name in there):
            parts.append([_test(described, name, short) for name in there])
    return parts


def _test(described: Described, name: str, values: tuple[str, ...]) -> soql.Test:
    if described.is_phone(name):
        digits = tuple(dict.fromkeys(filter(None, map(_national, values))))
        return soql.Test(name, FieldKind.TEXT, digits, digits=True)
    return soql.Test(name, described.types[name].kind, values)


def _national(value: str) -> str:
    """The digits of a number without the country code; empty where there are too few to look for."""
    try:
        digits = phonenumbers.national_significant_number(phonenumbers.parse(value, "US"))
    except phonenumbers.NumberParseException:
        digits = "".join(one for one in value if one.isdigit())[-_DIGITS:]
    return digits if len(digits) >= _FEWEST_DIGITS else ""


def _by_field(keys: Iterable[SyncKey | MatchKey]) -> dict[str, list[str]]:
    grouped: dict[str, dict[str, None]] = {}
    for key in keys:
        if isinstance(key, SyncKey) and key.value:
            grouped.setdefault(key.field, {})[key.value] = None
    return {name: list(values) for name, values in grouped.items()}
