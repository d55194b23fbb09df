"""The HubSpot connector: contacts and deals of one account, read and written through its dated CRM API.

What is not here: the understanding of webhooks (`webhooks`), without which polling is complete. Facts come from
HubSpot's own documentation of the `2026-03` API; where that leaves a thing open, both ways are borne.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from syncd.core.model import Change, File, Gone, MatchKey, Operation, Outcome, Record, Schema, SyncKey
from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Capabilities, Cursor, Finding, Known, Page, Setting, SystemSettings
from syncd.kit.http import Http, credential_key, parse_rates, shared_limit
from syncd_hubspot.client import BATCH_LIMIT, Client
from syncd_hubspot.deltas import TICK, Tick
from syncd_hubspot.files import files
from syncd_hubspot.find import Finder
from syncd_hubspot.findings import findings
from syncd_hubspot.history import history
from syncd_hubspot.reads import Reads
from syncd_hubspot.schema import Schemas, zone_of
from syncd_hubspot.troubles import WINDOW_SECONDS, explainer
from syncd_hubspot.webhooks import Webhooks
from syncd_hubspot.writes import Writer

_BASE_URL = "https://api.hubapi.com"
_RATE = "100/10"
_SEARCH_RATE = "4/1"
_TYPES = {"contacts": "0-1", "deals": "0-3"}


class HubSpot:
    """One HubSpot account. See `kit.connector.Connector` for what each method promises."""

    name = "hubspot"
    secret_name = "token"  # noqa: S105 - the name of the setting, not its value
    settings = (
        Setting("version", str, "2026-03"),
        Setting("app_id", str, None),
        Setting("search_rate", str, _SEARCH_RATE),
    )
    kinds = ("contacts", "deals")
    tells_zone = True
    receiver = Webhooks
    signs_url = True

    def __init__(self, settings: SystemSettings) -> None:
        """Open nothing yet. ConfigError for a version, rate or address that cannot be."""
        self._settings = settings
        options = {one.name: settings.options.get(one.name, one.default) for one in self.settings}
        self._http = self._door(settings, str(options["search_rate"] or _SEARCH_RATE))
        client = Client(self._http, _version(settings, str(options["version"])))
        self._schemas = Schemas(client, settings)
        app_id = str(options["app_id"]) if options["app_id"] else None
        self._reads = Reads(client, self._schemas, settings.system, app_id)
        self._client, self._finder, self._writer = client, Finder(self._reads), Writer(self._reads)
        self._capabilities = Capabilities(
            lag=settings.timing.settle,
            tick=TICK,
            sync_key=True,
            tombstones=True,
            archive=True,
            webhooks=True,
            free_compare=True,
            history=True,
            files=True,
            read_batch=BATCH_LIMIT,
            write_batch=BATCH_LIMIT,
            find_batch=BATCH_LIMIT,
            unique={"contacts": ("email",)},
        )

    @property
    def capabilities(self) -> Capabilities:
        """What this account can do."""
        return self._capabilities

    def now(self) -> datetime:
        """HubSpot's clock."""
        return self._http.now()

    def check(self) -> Sequence[Finding]:
        """Key, scopes, owners, pipelines, zone."""
        return findings(self._client, self._schemas, self._settings, self.kinds)

    def describe(self, kind: str) -> Schema:
        """Properties with types, options and loss; owners; the account's zone. Deals also have `contact`."""
        return self._schemas.describe(kind)

    def account(self) -> str | None:
        """The portal's number."""
        number = (self._schemas.known_account() or {}).get("portalId")
        return str(number) if number is not None else None

    def forget_schema(self) -> None:
        """Ask for properties, pipelines and owners again next time."""
        self._schemas.forget()

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """One tick: fast lane, settled lane, the bin, some backfill pages."""
        self._reads.asked(kind, fields)
        return Tick(self._reads, self._settings.timing, kind, fields, known).run(since)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """By id; what a merged id became stands in the answer too, under its own id."""
        self._reads.asked(kind, fields)
        return self._reads.read(kind, ids, fields)

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """By sync key or e-mail from the primary store, by other values from the index."""
        self._reads.asked(kind, fields)
        return self._finder.find(kind, keys, fields)

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """In batches of a hundred, compared just before."""
        return self._writer.write(kind, operations)

    def history(self, kind: str, id: str, field: str) -> Sequence[Change]:
        """As the property history tells it; who is associated with whom has none."""
        return history(self._reads, kind, id, field)

    def files(self, kind: str, id: str) -> Sequence[File]:
        """Those that its notes carry: associations, notes, then each file's details."""
        return files(self._client, kind, id)

    def url(self, kind: str, id: str) -> str | None:
        """The record's page; None before the account's number was heard."""
        account = self._schemas.known_account()
        if account is None or kind not in _TYPES:
            return None
        return f"https://app.hubspot.com/contacts/{account.get('portalId')}/record/{_TYPES[kind]}/{id}"

    def close(self) -> None:
        """Give sockets back."""
        self._http.close()

    def _door(self, settings: SystemSettings, search_rate: str) -> Http:
        base_url = settings.base_url or _BASE_URL
        key = (settings.system, base_url, settings.secret)
        place = f"systems.{settings.system}"
        rates = parse_rates(settings.rate or _RATE, f"{place}.rate")
        searches = parse_rates(search_rate, f"{place}.search_rate")
        limits = {
            "default": shared_limit(credential_key(*key), rates),
            "search": shared_limit(credential_key(*key, "search"), searches),
        }
        headers = {"authorization": f"Bearer {settings.secret}"}
        # A third of the patience: whoever is short of that (tests) may still ask again in time.
        patience = settings.timing.retry_for.total_seconds() / 3
        explain = explainer(self._until_midnight, min(WINDOW_SECONDS, patience))
        return Http(settings.system, base_url, headers, limits, explain, settings.timing, settings.ca_file, _budget)

    def _until_midnight(self) -> float | None:
        """Seconds to midnight in the account's zone, when the daily limit starts anew; None while that is unknown."""
        account = self._schemas.known_account()
        if account is None:
            return None
        here = self.now().astimezone(ZoneInfo(zone_of(account)))
        midnight = datetime.combine(here.date() + timedelta(days=1), time(), tzinfo=here.tzinfo)
        return max(1.0, midnight.timestamp() - here.timestamp())


def _version(settings: SystemSettings, version: str) -> str:
    if re.fullmatch(r"20\d\d-\d\d", version):
        return version
    place = f"systems.{settings.system}.version"
    raise ConfigError(Problem(place, f"{version!r} is not a dated API version.", "Write 2026-03 or 2026-09."))


def _budget(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """The account's requests of today; HubSpot tells them of private apps, and not with a search."""
    left, of = (headers.get(f"x-hubspot-ratelimit-daily{name}", "") for name in ("-remaining", ""))
    return (int(left), int(of)) if left.isdecimal() and of.isdecimal() and len(left + of) < 30 else None
