"""Every SOQL text that is sent to Salesforce, built here and nowhere else; values go through `quote` or `literal`.

SOQL has no parameters, so a person's words stand in the text: a lead called `O'Brien" OR Id != ''` must stay a name.

What is not here: sending (`client`) and what to ask (`deltas`, `reads`, `find`). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from syncd.core.model import FieldKind
from syncd.errors import Refused

PAGE = 2_000
"""Rows that a query asks for at most; Salesforce may answer fewer."""

LINK, DOCUMENT = "ContentDocumentLink", "ContentDocument"
_TOLD = ("Id", "Title", "FileExtension", "ContentSize", "CreatedDate")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z\Z")
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z")
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?\Z")
_ESCAPES = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
}  # fmt: skip
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f]")


def quote(value: str) -> str:
    """A text as a SOQL literal, its quotes included."""
    escaped = "".join(_ESCAPES.get(character, character) for character in value)
    return f"'{_UNREADABLE.sub(' ', escaped)}'"


def literal(kind: FieldKind, value: str) -> str | None:
    """A value as a literal of this kind of field; None where no such field can hold it."""
    if kind is FieldKind.NUMBER:
        return value.lstrip("+") if _NUMBER.match(value) else None
    if kind is FieldKind.BOOL:
        return value.lower() if value.lower() in ("true", "false") else None
    if kind is FieldKind.DATE:
        return value if _DATE.match(value) else None
    if kind is FieldKind.DATETIME:
        return value if _STAMP.match(value) else None
    return quote(value)


@dataclass(frozen=True, slots=True)
class Test:
    """A field that must have one of these values; `kind` says how they are written. `digits`: in this order at least.

    A telephone number is kept as it was typed, so its digits are looked for with anything between them.
    """

    field: str
    kind: FieldKind
    values: tuple[str, ...]
    digits: bool = False

    def text(self) -> str:
        """As SOQL; empty where none of the values can stand in such a field."""
        field = name(self.field)
        if self.digits:
            found = ["".join(one for one in value if one.isdigit()) for value in self.values]
            tests = [f"{field} LIKE {quote('%' + '%'.join(one) + '%')}" for one in found if one]
            return tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})" if tests else ""
        several = [text for value in self.values if (text := literal(self.kind, value)) is not None]
        if not several:
            return ""
        if self.kind is FieldKind.MULTI:
            return f"{field} INCLUDES ({', '.join(several)})"
        return f"{field} = {several[0]}" if len(several) == 1 else f"{field} IN ({', '.join(several)})"


Key = Sequence[Sequence[Test]]
"""All of these must hold; of each, any one."""


def name(text: str) -> str:
    """A name of an object or a field as it may stand in SOQL; Refused for anything else."""
    if not _NAME.match(text):
        raise Refused(f"{text!r} is no name of a Salesforce object or field.")
    return text


def identity(text: str) -> str:
    """An id as it may stand in SOQL; Refused for anything else."""
    if not _ID.match(text):
        raise Refused(f"{text!r} is no Salesforce id.")
    return text


def by_ids(kind: str, fields: Sequence[str], ids: Sequence[str]) -> str:
    """The records of these ids."""
    return f"{_select(kind, fields)} WHERE Id IN ({_ids(ids)})"


def by_key(kind: str, fields: Sequence[str], field: str, values: Sequence[str]) -> str:
    """The records that hold one of these texts in this field."""
    return f"{_select(kind, fields)} WHERE {name(field)} IN ({', '.join(map(quote, values))})"


def matching(kind: str, fields: Sequence[str], keys: Sequence[Key], after: str | None, limit: int) -> str:
    """The records that answer any of these keys, by id; empty where no key can be asked."""
    asked = [text for key in keys if (text := _all(key))]
    if not asked:
        return ""
    any_of = " OR ".join(dict.fromkeys(asked))
    where = f"({any_of}) AND Id > {quote(identity(after))}" if after else any_of
    return f"{_select(kind, fields)} WHERE {where} ORDER BY Id LIMIT {limit}"


def since(kind: str, fields: Sequence[str], stamp: str, after: str | None, limit: int) -> str:
    """What changed at this moment or later, in the order of (SystemModstamp, Id), beyond that id of that moment."""
    where = f"SystemModstamp >= {moment(stamp)}"
    if after is not None:
        tie = f"SystemModstamp = {moment(stamp)} AND Id > {quote(identity(after))}"
        where = f"({tie}) OR SystemModstamp > {moment(stamp)}"
    return f"{_select(kind, fields)} WHERE {where} ORDER BY SystemModstamp, Id LIMIT {limit}"


def rest(kind: str, fields: Sequence[str], after: str | None) -> str:
    """Every record beyond this one, in no order: for a bulk query, which an order would slow down."""
    where = f" WHERE Id > {quote(identity(after))}" if after else ""
    return f"{_select(kind, fields)}{where}"


def listing(kind: str, fields: Sequence[str], after: str | None, limit: int) -> str:
    """Every record in the order of ids, beyond this one."""
    return f"{rest(kind, fields, after)} ORDER BY Id LIMIT {limit}"


def roles(opportunities: Sequence[str]) -> str:
    """Who has a role in these opportunities."""
    fields = _select("OpportunityContactRole", ("Id", "OpportunityId", "ContactId", "IsPrimary"))
    return f"{fields} WHERE OpportunityId IN ({_ids(opportunities)}) ORDER BY OpportunityId, Id"


def leads(field: str, ids: Sequence[str]) -> str:
    """The leads that were converted into these records; `field` names the kind of these."""
    return f"{_select('Lead', ('Id', field))} WHERE {name(field)} IN ({_ids(ids)}) ORDER BY Id"


def links(record: str) -> str:
    """The documents that are linked with a record: Salesforce takes no question for links that names none."""
    return f"{_select(LINK, ('ContentDocumentId',))} WHERE LinkedEntityId = {_ids([record])}"


def documents(ids: Sequence[str], limit: int) -> str:
    """What is told of the newest of these documents."""
    return f"{by_ids(DOCUMENT, _TOLD, ids)} ORDER BY CreatedDate DESC, Id DESC LIMIT {limit}"


def users() -> str:
    """Everybody who can own records, those who left included."""
    return f"{_select('User', ('Id', 'Name', 'Email', 'IsActive', 'UserType'))} ORDER BY Id"


def queues() -> str:
    """The queues, which can own leads."""
    return f"{_select('Group', ('Id', 'Name'))} WHERE Type = 'Queue' ORDER BY Id"


def organization() -> str:
    """The org's own zone."""
    return f"{_select('Organization', ('Id', 'TimeZoneSidKey'))} LIMIT 1"


def probe(kind: str) -> str:
    """One record, to see whether any can be read."""
    return f"{_select(kind, ('Id',))} LIMIT 1"


def moment(stamp: str) -> str:
    """A moment as it may stand in SOQL, unquoted and in UTC; Refused for anything else."""
    if not _STAMP.match(stamp):
        raise Refused(f"{stamp!r} is no moment in UTC.")
    return stamp


def _select(kind: str, fields: Sequence[str]) -> str:
    return f"SELECT {', '.join(map(name, fields))} FROM {name(kind)}"  # noqa: S608 - each part of it passed `name`


def _ids(ids: Sequence[str]) -> str:
    return ", ".join(quote(identity(one)) for one in ids)


def _all(key: Key) -> str:
    """One key in brackets; empty where a part of it can hold in no record."""
    parts = []
    for part in key:
        tests = [text for one in part if (text := one.text())]
        if not tests:
            return ""
        parts.append(tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})")
    return f"({' AND '.join(parts)})" if parts else ""
