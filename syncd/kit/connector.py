"""The protocol every connector speaks, and what it declares of itself.

What is not here: HTTP (`kit.http`), and any decision: a connector reads and writes, it never chooses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from syncd.core.model import Change, File, Gone, MatchKey, Operation, Outcome, Record, Schema, SyncKey
from syncd.kit.webhook import Receiver


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a vendor can do, as data: the engine reads it, the contract tests hold the connector to it.

    `lag`: how far behind "now" a feed may be, so no horizon is nearer. `tick`: the grain of the modified time.
    `find_by_feed`: `find` asks the very index that the feed is read from; a tick of the feed shows as much for less.
    `find_lag`: how long after it was made a record may still be hidden from a `find` by sync key.
    `sync_key`: a field that people do not edit can hold our key and be looked up.
    `tombstones`: deleted records appear in the feed. `archive`: records can be deleted as people delete them there.
    `conditional_write`: the vendor compares before it writes.
    `free_compare`: comparing before a write costs no request of its own per record.
    `read_batch`, `write_batch`, `find_batch`: records per request. `writes_at_once`: batches that `write` has under way
    together. `pace`: requests per second that the limits let through in the long run; None: so many that batches need
    not be cut.
    `history`: earlier values of a field are told, with who gave them; without it `history` is never called.
    `webhooks`: the vendor calls us when a record changed, and `receiver` understands it.
    `unique`: per kind, the fields in which the vendor refuses a second record of the same value.
    `names`: per kind, those of them that name the record for people and may be made unique with a suffix.
    """

    lag: timedelta
    tick: timedelta
    find_by_feed: bool = False
    find_lag: timedelta = timedelta(0)
    sync_key: bool = False
    tombstones: bool = False
    archive: bool = False
    webhooks: bool = False
    files: bool = False
    conditional_write: bool = False
    free_compare: bool = False
    history: bool = False
    read_batch: int = 1
    write_batch: int = 1
    find_batch: int = 1
    writes_at_once: int = 1
    pace: float | None = None
    unique: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the engine already holds of a ref: its version, and the vendor's clock when that was asked for."""

    version: str | None
    read_at: datetime | None


Known = Callable[[Sequence[str]], Mapping[str, Seen]]
"""Asks the engine which of these ids it has a snapshot of; a feed need not read those again whose version it knows,
if the snapshot was asked for after that version's clock tick had ended."""

Cursor = Mapping[str, Any]
"""Where a feed was read up to: JSON, made of the vendor's clock, opaque to the engine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A piece of a feed. `cursor` is safe to store together with what the page holds.

    `read_to`: the vendor's clock up to which the feed has surely shown everything (the horizon); None while not known.
    `backfilled`: the first full reading of this kind is complete, up to and with this page.
    `due`: more is waiting right now (a backfill goes on): the next tick may come at once.
    """

    records: Sequence[Record | Gone]
    cursor: Cursor
    read_to: datetime | None
    backfilled: bool
    due: bool = False


class Severity(StrEnum):
    """How bad a finding is: OK is shown as a tick, WARNING lets syncd run, ERROR does not."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of `syncd check`: what was looked at, what was found, and what to do about it."""

    severity: Severity
    subject: str
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Every duration a connector works with, from the `[timing]` settings; tests shorten them, nothing else differs.

    `overlap`: how far a feed re-reads behind its cursor. `settle`: the age at which a lagging index is trusted.
    `settle_every`: how often the settled lane runs. `fresh`: how long a schema may be cached. `timeout`: of a request.
    `gone_every`: how often lists of deleted records are read. `backfill_pages`: pages of a first reading per tick.
    """

    overlap: timedelta = timedelta(minutes=5)
    settle: timedelta = timedelta(minutes=60)
    settle_every: timedelta = timedelta(minutes=10)
    gone_every: timedelta = timedelta(minutes=10)
    lag: timedelta = timedelta(seconds=30)
    fresh: timedelta = timedelta(minutes=10)
    timeout: timedelta = timedelta(seconds=30)
    retry_for: timedelta = timedelta(seconds=45)
    backfill_pages: int = 20

    @property
    def longest(self) -> float:
        """Seconds within which a request has ended, however it ends: connecting, then the whole answer."""
        return 2 * self.timeout.total_seconds()


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemSettings:
    """What a connector is built from: one `[systems.NAME]` table, resolved. Secrets never reach a repr or a log.

    `webhook_secret`: what proves that a webhook is the vendor's; None: none are received.
    `options` are the vendor's own settings, already checked against `Connector.settings`.
    """

    system: str
    secret: str = field(repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    base_url: str | None = None
    ca_file: str | None = None
    timezone: str | None = None
    rate: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    timing: Timing = Timing()


@dataclass(frozen=True, slots=True)
class Setting:
    """One key a connector accepts in its `[systems.NAME]` table, beside the ones all have.

    `question`: what `syncd init` asks for it; empty: it works without. `address`: a `base_url` stands in for it.
    `within`: how an address ends that may be typed in the console, whose pages must lead nowhere else.
    """

    name: str
    type: type
    default: Any
    question: str = ""
    address: bool = False
    within: str = ""


FILES = 50
"""Files of a record that are listed."""


class Connector(Protocol):
    """One vendor's account, ready to be read and written. Thread-safe: feeds and workers share it.

    Built as `Class(settings: SystemSettings)`. Class attributes: `name` (the entry point's name), `secret_name` (the
    config key of its credential: `token`, `api_key`), `settings` (its own config keys), `kinds` (those it speaks),
    `tells_zone` (whether the vendor tells the account's time zone, so that none need be set),
    `receiver` (makes what understands the vendor's webhooks; None: there are none), `signs_url` (whether these are
    signed over the address they are sent to).
    Every method may raise AuthError (the whole system pauses) and Transient (again later); a bad record never raises.
    """

    name: str
    secret_name: str
    settings: tuple[Setting, ...]
    kinds: tuple[str, ...]
    tells_zone: bool
    receiver: Callable[[SystemSettings], Receiver] | None
    signs_url: bool

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do; constant for the life of the connector."""

    def now(self) -> datetime:
        """The vendor's clock: the local clock corrected by the last `Date` header heard. Aware, UTC."""

    def check(self) -> Sequence[Finding]:
        """Look at key, permissions, settings; never raises for what it can say as a Finding."""

    def describe(self, kind: str) -> Schema:
        """The fields of a kind with types, loss, pick lists, users. Cached for `timing.fresh`."""

    def account(self) -> str | None:
        """The account that the key opens, as the vendor numbers it; None: it has told none yet. Asks for nothing."""

    def forget_schema(self) -> None:
        """Drop the cached schema: a write was refused for an unknown field or option."""

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """One tick of the feed of `kind`: deltas first, then some pages of a backfill that goes on; then it ends.

        `since` None begins: the backfill reads everything, and deltas start before its first page was asked for.
        Every page may be stored before the next is asked for, or meanwhile; what `known` answers has them all. A tick
        cut short loses nothing.
        """

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """By id, from the primary store, any number of ids. Every id asked for is in the answer.

        A merged id answers with a Gone(became=...) under that id. A field that was asked for and is missing from the
        Record is unknown.
        """

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """Living records that may answer any of the keys (archived ones by SyncKey only); the engine verifies."""

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """Write, in the vendor's batches; yields after each vendor call that settled some operations.

        Each operation gets exactly one Outcome, whatever happens; one record's trouble never raises. Nothing is sent
        for the next batch before the caller asks for the next item, so the caller may stop in between. Where several
        batches go at once, all of them are answered, and told, before the caller is asked or anything is raised.
        """

    def history(self, kind: str, id: str, field: str) -> Sequence[Change]:
        """The values that a field of a record was given, newest first, as far back as the vendor tells.

        Empty for a record that does not answer and a field without history. One request; for a few records only.
        """

    def files(self, kind: str, id: str) -> Sequence[File]:
        """The files that hang on a record, newest first: `FILES` at most, of which nothing is downloaded.

        Empty for a record that does not answer, one without files, and where the key sees none. A few requests; for a
        person who looks at one record. Raises AuthError naming the permission, where the vendor tells that one is
        missing.
        """

    def url(self, kind: str, id: str) -> str | None:
        """Where a person sees this record in the vendor's own pages."""

    def close(self) -> None:
        """Give sockets back."""
