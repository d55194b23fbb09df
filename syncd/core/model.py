"""The words of the house as types: what a record, a link, a base, a plan are. Plain frozen data.

What is not here: decisions (`plan`), conversions (`values`), and anything that reads or writes.

Values are canonical JSON, the same for every vendor; connectors translate their wire form at the edge:
text, pick-list value, user id and record id are `str`; number is `int | float`; bool is `bool`;
date is `"YYYY-MM-DD"`; datetime is ISO 8601 UTC ending in `Z` (milliseconds only when not zero);
multi-valued is a `tuple` of `str`; blank is `None` (never an empty string).
A field that is absent from `Record.fields` is *unknown*, which is not blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

Value = str | int | float | bool | tuple[str, ...] | None


class Side(StrEnum):
    """The two systems of a pair."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def other(self) -> Side:
        """The side across."""
        return Side.RIGHT if self is Side.LEFT else Side.LEFT


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """A record's address: which system, which kind of record, which id."""

    system: str
    kind: str
    id: str

    def __str__(self) -> str:
        """`hubspot:contacts:123`, as people type it."""
        return f"{self.system}:{self.kind}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A record as one vendor told it, at one moment.

    `version` is opaque and only compared for equality; `modified_at`, `created_at` are the vendor's clock.
    `read_at` is the vendor's clock when the question was sent: what happened before is in the answer (a read by id)
    or may be missing from it (`stale_ok`, a row of a lagging list).
    `mine`: made by our own credential; None where the vendor does not tell. `was`: ids it had before a merge.
    `times`: exact times of change per field, where the vendor has them.
    """

    ref: Ref
    fields: Mapping[str, Value]
    version: str | None = None
    modified_at: datetime | None = None
    created_at: datetime | None = None
    read_at: datetime | None = None
    stale_ok: bool = False
    mine: bool | None = None
    was: tuple[str, ...] = ()
    times: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A ref that answers no more: archived, deleted, hidden, or merged into `became`.

    `tombstone` is true when the vendor says so itself (archived, is_active false); false means only "not found".
    """

    ref: Ref
    tombstone: bool = False
    became: tuple[str, ...] = ()
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One value that a field was given, as its vendor's own history tells it.

    `at`: on the vendor's clock. `who`: a person's or program's name in the vendor's words. `source`: the vendor's word
    for the way it came in. `mine`: by our own credential; None where the vendor does not tell.
    """

    value: Value
    at: datetime
    who: str | None = None
    source: str | None = None
    mine: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that hangs on a record, as its vendor lists it: what is told of it, not what is in it.

    `size`: bytes. `added_at`: when it was put there, on the vendor's clock. `who`: by whom, in the vendor's words.
    `about`: what sort of file it is, or what somebody wrote about it. None: not told.
    """

    name: str
    size: int | None = None
    added_at: datetime | None = None
    who: str | None = None
    about: str | None = None


class FieldKind(StrEnum):
    """What a field holds, in the canonical values of this module."""

    TEXT = "text"
    NUMBER = "number"
    BOOL = "bool"
    DATE = "date"
    DATETIME = "datetime"
    ENUM = "enum"
    MULTI = "multi"
    USER = "user"
    REF = "ref"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What a vendor's field does to a value on its way in; two values with one image are the same value.

    `resolution` is seconds for datetimes (JobNimbus keeps whole seconds), `decimals` digits kept of a number.
    """

    max_length: int | None = None
    caseless: bool = False
    trims: bool = True
    resolution: float | None = None
    decimals: int | None = None


@dataclass(frozen=True, slots=True)
class Option:
    """A pick-list value: what is stored, what people see, and the pipeline or workflow it belongs to."""

    value: str
    label: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person who can own records in a system."""

    id: str
    name: str
    email: str | None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldType:
    """One field of a kind as the vendor describes it.

    `many`: a REF that holds several ids (a tuple). `ref_kind`: the kind a REF points to.
    `options` of an ENUM or MULTI, empty when the vendor does not tell; `open_options`: others are accepted too.
    `lost`: as it was described once; the vendor does not describe it any more.
    """

    name: str
    kind: FieldKind
    label: str = ""
    loss: Loss = Loss()
    options: tuple[Option, ...] = ()
    open_options: bool = False
    read_only: bool = False
    create_only: bool = False
    required: bool = False
    unique: bool = False
    custom: bool = False
    many: bool = False
    ref_kind: str | None = None
    calculated: bool = False
    lost: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What `describe(kind)` answers: the fields, the people, and the zone for dates without one (IANA name).

    `archive`: what becomes of a record of this kind that is archived, in plain words; blank where it is not known.
    """

    system: str
    kind: str
    fields: Mapping[str, FieldType]
    users: tuple[User, ...] = ()
    timezone: str = "UTC"
    archive: str = ""


@dataclass(frozen=True, slots=True)
class SyncKey:
    """A look-up by our own key: the vendor field that holds it and its value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class MatchKey:
    """A look-up by a person's values: every field must have one of its values, compared as that vendor compares.

    `terms` is a tuple of (field names, values): a record answers when, for every term, any of the fields holds any
    of the values. The answer is verified by the engine; a vendor may return more, never less.
    """

    name: str
    terms: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


class Action(StrEnum):
    """What an operation does to a record. ARCHIVE: put away, as the vendor's own people delete it."""

    CREATE = "create"
    UPDATE = "update"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One write at one vendor, complete: what, over what, and why.

    `id` names it within a batch and comes back in its Outcome. `ref` is None for a create.
    `fields` holds only what changes (for a create: everything, for an archive: nothing), by the vendor's field names.
    `expect` holds what fields are believed to be now (for an update: each of `fields`); the connector compares just
    before it writes.
    `compare`: must be compared even where that costs a request (a two-way field is among them).
    `quiet`: keep the vendor's automations and notifications out of it, where the vendor can.
    """

    id: str
    action: Action
    ref: Ref | None = None
    fields: Mapping[str, Value]
    expect: Mapping[str, Value] = field(default_factory=dict)
    compare: bool = True
    quiet: bool = False
    sync_key: SyncKey | None = None


class Result(StrEnum):
    """What became of an operation.

    WRITTEN: `record` is what the vendor answered (of an archive: `gone`). STALE: somebody changed a field of `expect`,
    be it to what is wanted; `record` is what is there now. MISSING: the record answers no more. REFUSED: `error` is the
    vendor's sentence. AMBIGUOUS: it may have landed. LATER: nothing was sent, or it surely did not land; again after
    `retry_after`.
    """

    WRITTEN = "written"
    STALE = "stale"
    MISSING = "missing"
    REFUSED = "refused"
    AMBIGUOUS = "ambiguous"
    LATER = "later"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one operation. `fields`: the vendor's field names a refusal blames. `names`: ids it points at.

    `duplicate`: the refusal says such a record exists. `gone`: what took the place of a MISSING or an archived record.
    """

    operation: str
    result: Result
    record: Record | None = None
    error: str | None = None
    fields: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    duplicate: bool = False
    retry_after: float | None = None
    gone: Gone | None = None
