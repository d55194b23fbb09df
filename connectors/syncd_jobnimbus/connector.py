"""The JobNimbus connector: the protocol's methods, each a line into the module that does it.

What is not here: decisions of any kind. Source of every fact about the vendor: its public api1 as documented and
observed; what is unknown is a setting here and a switch in the sandbox.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncd.core.model import Change, File, Gone, MatchKey, Operation, Outcome, Record, Schema, SyncKey
from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Capabilities, Cursor, Finding, Known, Page, Setting, SystemSettings
from syncd_jobnimbus.checks import Checker
from syncd_jobnimbus.client import Client, Row
from syncd_jobnimbus.deltas import Feed
from syncd_jobnimbus.fields import KINDS
from syncd_jobnimbus.files import files
from syncd_jobnimbus.names import parse_names
from syncd_jobnimbus.probes import Probes
from syncd_jobnimbus.proofs import Proofs
from syncd_jobnimbus.reads import AT_ONCE, Reader
from syncd_jobnimbus.rows import Rows
from syncd_jobnimbus.schema import Catalog
from syncd_jobnimbus.search import Finder
from syncd_jobnimbus.values import Codec
from syncd_jobnimbus.webhooks import Webhooks
from syncd_jobnimbus.writes import Writer

TITLES = {"contacts": ("display_name",), "jobs": ("name",)}
"""What people call a record by; no two of an account may share it, whatever the capitals."""

_PAGES = "https://app.jobnimbus.com/{kind}/{id}"
_SINGULAR = {"contacts": "contact", "jobs": "job"}


class JobNimbus:
    """One JobNimbus account."""

    name = "jobnimbus"
    secret_name = "api_key"  # noqa: S105 - the name of the setting, not its value
    kinds: tuple[str, ...] = KINDS
    settings: tuple[Setting, ...] = (
        Setting("actor", str, ""),
        Setting("custom_fields", str, ""),
        Setting("sync_key", bool, False),
        Setting("move_primary", bool, True),
        Setting("blank_text", str, ""),
        Setting("webhook_signature", str, ""),
        Setting("web_url", str, _PAGES),
    )
    tells_zone = False
    receiver = Webhooks
    signs_url = False

    def __init__(self, settings: SystemSettings) -> None:
        """Open no connection. ConfigError for a timezone, rate, address or custom_fields that cannot be read."""
        self._settings, options = settings, settings.options
        names = parse_names(settings.system, str(options.get("custom_fields") or ""))
        codec = Codec(_zone(settings), None if options.get("blank_text") == "null" else "")
        fresh = settings.timing.fresh.total_seconds()
        self._client = client = Client(settings)
        self._probes = Probes(client, fresh)
        proofs = Proofs(names, self._fetch, client.sample)
        self._catalog = Catalog(settings, client, names, proofs)
        self._rows = rows = Rows(settings.system, codec, names, proofs, self._catalog.type_of)
        self._reader = Reader(client, rows)
        self._writer = Writer(client, self._catalog, rows, self._reader)
        self._finder = Finder(client, self._probes, rows, names)
        self._feed = Feed(client, self._probes, rows, settings.timing)
        self._sync_fields: dict[tuple[str, str], None] = {}

    @property
    def capabilities(self) -> Capabilities:
        """No batches, no vendor-side comparison; whether deleted records are listed is not documented."""
        timing = self._settings.timing
        return Capabilities(
            lag=timing.lag,
            tick=timedelta(seconds=1),
            find_by_feed=True,
            find_lag=timing.lag,
            archive=True,
            webhooks=True,
            files=True,
            sync_key=bool(self._settings.options.get("sync_key")),
            find_batch=20,
            writes_at_once=AT_ONCE,
            pace=self._client.pace,
            unique=TITLES,
            names=TITLES,
        )

    def now(self) -> datetime:
        """The vendor's clock."""
        return self._client.now()

    def check(self) -> Sequence[Finding]:
        """Key, permissions, the lists' self-test; each with a remedy."""
        return Checker(self._settings, self._client, self._probes, lambda: tuple(self._sync_fields)).check()

    def describe(self, kind: str) -> Schema:
        """Fields, pick lists, users of a kind. Three requests, cached."""
        return self._catalog.describe(kind)

    def account(self) -> str | None:
        """What every record calls its `customer`; None in an account without records."""
        return self._catalog.account

    def forget_schema(self) -> None:
        """Ask again next time."""
        self._catalog.forget()

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """One tick: one request when nothing changed. The lists hold all values, so `known` is not asked."""
        del known
        self._catalog.asked(kind, fields)
        return self._feed.tick(kind, since, fields)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """From the primary store, a request per id."""
        self._catalog.asked(kind, fields)
        return self._reader.read(kind, ids, fields)

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """From the lists, which lag (`capabilities.lag`)."""
        self._catalog.asked(kind, fields)
        self._sync_fields.update({(kind, key.field): None for key in keys if isinstance(key, SyncKey)})
        return self._finder.find(kind, keys, fields)

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """A GET and a PUT per update, a POST per creation."""
        return self._writer.write(kind, operations)

    def history(self, kind: str, id: str, field: str) -> Sequence[Change]:
        """Not told: its activities say that a record was modified, not what a field was before."""
        del kind, id, field
        return ()

    def files(self, kind: str, id: str) -> Sequence[File]:
        """As the list of files tells them: one request."""
        return files(self._client, self._probes, kind, id)

    def url(self, kind: str, id: str) -> str | None:
        """The record's page in JobNimbus."""
        pattern = str(self._settings.options.get("web_url") or _PAGES)
        return pattern.replace("{kind}", _SINGULAR[kind]).replace("{id}", id)

    def close(self) -> None:
        """Give the sockets back."""
        self._client.close()

    def _fetch(self, kind: str, id: str) -> Row | None:
        answer = self._reader.ask(kind, id)
        return None if isinstance(answer, Gone) else answer.row


def _zone(settings: SystemSettings) -> ZoneInfo:
    try:
        return ZoneInfo(settings.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError) as error:
        problem = Problem(f"systems.{settings.system}.timezone", f"{settings.timezone!r} is not a time zone.")
        raise ConfigError(problem) from error
