"""The Salesforce connector: leads, contacts, accounts, opportunities and custom objects of one org, over its REST API.

What is not here: webhooks and streams: polling is complete without. Facts come from Salesforce's documentation of API
version 66.0; where that leaves a thing open, both ways are borne or a setting says which.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from syncd.core.model import Change, File, Gone, MatchKey, Operation, Outcome, Record, Schema, SyncKey
from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Capabilities, Cursor, Finding, Known, Page, Setting, SystemSettings
from syncd.kit.http import Http, credential_key, parse_rates, shared_limit
from syncd_salesforce.client import READ_LIMIT, WRITE_LIMIT, Client
from syncd_salesforce.deltas import TICK, Tick
from syncd_salesforce.door import Door, budget
from syncd_salesforce.files import files
from syncd_salesforce.find import KEYS_AT_ONCE, Finder
from syncd_salesforce.findings import findings
from syncd_salesforce.reads import Habits, Reads
from syncd_salesforce.schema import Schemas
from syncd_salesforce.tokens import CLIENT_CREDENTIALS, WAYS, Credential, Tokens
from syncd_salesforce.troubles import explain
from syncd_salesforce.writes import Manners, Writer

_RATE = "25/1"
_TOKEN_RATE = ((10, 10.0),)
_IN_FLIGHT = 10
"""Salesforce lets 25 requests of more than 20 seconds run at once, in a trial org 5."""
_OLDEST_VERSION = 60
_HOST = re.compile(r"[\w.-]+(?::\d+)?")
_SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")
"""The hosts of all orgs, which refuse client credentials."""
_PAGES = ".lightning.force.com"
_CUSTOM = re.compile(r"[A-Za-z]\w*__c\Z")


class Salesforce:
    """One Salesforce org. See `kit.connector.Connector` for what each method promises."""

    name = "salesforce"
    secret_name = "secret"  # noqa: S105 - the name of the setting, not its value
    settings = (
        Setting(
            "my_domain",
            str,
            "",
            question="My Domain of the org, as acme.my.salesforce.com",
            address=True,
            within=".salesforce.com",
        ),
        Setting("auth", str, CLIENT_CREDENTIALS),
        Setting("client_id", str, "", question="Consumer key of the app"),
        Setting("username", str, ""),
        Setting("audience", str, ""),
        Setting("token_file", str, ""),
        Setting("api_version", str, "66.0"),
        Setting("overlap", int, 600),
        Setting("stop_at", int, 80),
        Setting("bulk_after", int, 50_000),
        Setting("objects", str, ""),
        Setting("assignment_rules", bool, False),
        Setting("duplicate_alerts", bool, False),
        Setting("conditional_writes", bool, True),
        Setting("own_user", bool, False),
    )
    kinds: tuple[str, ...] = ("Lead", "Contact", "Account", "Opportunity")
    tells_zone = True
    receiver = None
    signs_url = False

    def __init__(self, settings: SystemSettings) -> None:
        """Open nothing yet. ConfigError for an address, version, rate, share, object or key that cannot be."""
        self._settings, self._place = settings, f"systems.{settings.system}"
        self._options = options = {one.name: settings.options.get(one.name, one.default) for one in self.settings}
        self.kinds = (*type(self).kinds, *self._custom_objects())
        self._overlap = timedelta(seconds=self._number("overlap", 0, 86_400))
        self._bulk_after = self._number("bulk_after", 0, 1_000_000_000)
        version, base_url = self._version(), self._address()
        self._door = self._opened(base_url)
        client = Client(self._door, version)
        self._schemas = Schemas(client, settings)
        habits = Habits(own_user=bool(options["own_user"]))
        self._client, self._reads = client, Reads(client, self._schemas, settings.system, habits)
        manners = Manners(
            assign=bool(options["assignment_rules"]),
            allow=bool(options["duplicate_alerts"]),
            conditional=bool(options["conditional_writes"]),
        )
        self._finder, self._writer = Finder(self._reads), Writer(self._reads, manners)

    @property
    def capabilities(self) -> Capabilities:
        """What this org can do."""
        return Capabilities(
            lag=self._overlap,
            tick=TICK,
            find_lag=self._overlap,
            sync_key=True,
            tombstones=True,
            archive=True,
            files=True,
            conditional_write=bool(self._options["conditional_writes"]),
            free_compare=True,
            read_batch=READ_LIMIT,
            write_batch=WRITE_LIMIT,
            find_batch=KEYS_AT_ONCE,
        )

    def now(self) -> datetime:
        """Salesforce's clock."""
        return self._door.now()

    def check(self) -> Sequence[Finding]:
        """Session, calls, objects, keys, people, zone."""
        return findings(self._client, self._schemas, self._settings, self.kinds)

    def describe(self, kind: str) -> Schema:
        """Fields with types, pick lists and loss; users and queues; the org's zone. Opportunities have `contact`."""
        return self._schemas.describe(kind)

    def account(self) -> str | None:
        """The org's id, as short as it is unique."""
        session = self._door.session
        return session.org[:15] if session is not None and session.org else None

    def forget_schema(self) -> None:
        """Ask for fields, users and zone again next time."""
        self._schemas.forget()

    def changes(self, kind: str, since: Cursor | None, fields: Sequence[str], known: Known) -> Iterator[Page]:
        """One tick: changed records, changed contact roles, some backfill pages."""
        self._reads.asked(kind, fields)
        return Tick(self._reads, self._settings.timing, self._overlap, self._bulk_after, kind, fields).run(since)

    def read(self, kind: str, ids: Sequence[str], fields: Sequence[str]) -> Mapping[str, Record | Gone]:
        """By id, the recycle bin included."""
        self._reads.asked(kind, fields)
        return self._reads.read(kind, ids, fields)

    def find(self, kind: str, keys: Sequence[SyncKey | MatchKey], fields: Sequence[str]) -> Sequence[Record]:
        """From the primary store."""
        self._reads.asked(kind, fields)
        return self._finder.find(kind, keys, fields)

    def write(self, kind: str, operations: Sequence[Operation]) -> Iterator[Sequence[Outcome]]:
        """In lists of two hundred, compared just before."""
        return self._writer.write(kind, operations)

    def history(self, kind: str, id: str, field: str) -> Sequence[Change]:
        """Not told: field history is kept only of the few fields that an admin chose."""
        del kind, id, field
        return ()

    def files(self, kind: str, id: str) -> Sequence[File]:
        """What Salesforce Files links with the record: one query for the links, one for the documents."""
        del kind  # an id tells it
        return files(self._client, id)

    def url(self, kind: str, id: str) -> str | None:
        """The record's page; None before there was a session, and in a sandbox on this machine."""
        session = self._door.session
        where = session.instance_url if session is not None else None
        return f"{where}/{id}" if where is not None and where.startswith("https://") else None

    def close(self) -> None:
        """Give sockets back."""
        self._door.close()

    def _opened(self, base_url: str) -> Door:
        settings, options = self._settings, self._options
        key = credential_key(settings.system, base_url, f"{options['client_id']} {settings.secret}")
        rates = parse_rates(settings.rate or _RATE, f"{self._place}.rate")
        limits = {
            "default": shared_limit(key, rates, in_flight=_IN_FLIGHT, longest=settings.timing.longest),
            "token": shared_limit(f"{key} token", _TOKEN_RATE),
        }
        headers = {"sforce-call-options": "client=syncd"}

        def http(url: str) -> Http:
            return Http(settings.system, url, headers, limits, explain, settings.timing, settings.ca_file, budget)

        first = http(base_url)
        tokens = Tokens(first, self._credential(base_url), self._place)
        return Door(first, tokens, http, self._number("stop_at", 1, 100) / 100, base_url)

    def _credential(self, base_url: str) -> Credential:
        options = {name: str(value or "") for name, value in self._options.items()}
        if options["auth"] not in WAYS:
            raise self._wrong("auth", f"{options['auth']!r} is no way to log in.", f"Write one of {', '.join(WAYS)}.")
        test = ".sandbox." in (urlsplit(base_url).hostname or "")
        return Credential(
            way=options["auth"],
            client_id=options["client_id"],
            secret=self._settings.secret,
            username=options["username"],
            audience=options["audience"] or f"https://{'test' if test else 'login'}.salesforce.com",
            token_file=options["token_file"],
        )

    def _address(self) -> str:
        if self._settings.base_url:
            return self._settings.base_url
        told = str(self._options["my_domain"] or "").strip()
        scheme, host = told.split("://", 1) if "://" in told else ("https", told)
        host = host.rstrip("/")
        if wrong := self._no_domain(host):
            remedy = "Write the My Domain of your org, such as acme.my.salesforce.com; Setup > My Domain tells it."
            raise self._wrong("my_domain", wrong, remedy)
        return f"{scheme}://{host}"

    def _no_domain(self, told: str) -> str:
        """Why this is no org's own host; empty where it may be one."""
        if not told:
            return "is missing."
        host = told.partition(":")[0].lower()
        if not _HOST.fullmatch(told):
            return f"{told!r} is more than a host."
        if host.endswith(_PAGES):
            return f"{told!r} is the address of pages for people."
        if host in _SHARED_HOSTS and self._options["auth"] == CLIENT_CREDENTIALS:
            return f"{told!r} belongs to all orgs, and gives no session for client credentials."
        return "" if host == "localhost" or "." in host.strip(".") else f"{told!r} is not a whole host."

    def _version(self) -> str:
        told = str(self._options["api_version"] or "")
        if re.fullmatch(r"\d\d\d?\.0", told) and float(told) >= _OLDEST_VERSION:
            return told
        raise self._wrong(
            "api_version", f"{told!r} is no version syncd speaks.", "Write 60.0 to 68.0, as your org has it."
        )

    def _custom_objects(self) -> tuple[str, ...]:
        names = [part.strip() for part in str(self._options["objects"] or "").split(",") if part.strip()]
        if wrong := [name for name in names if not _CUSTOM.match(name)]:
            remedy = "Write API names such as Roof__c, with commas between them."
            raise self._wrong("objects", f"{', '.join(wrong)} is no custom object.", remedy)
        return tuple(dict.fromkeys(names))

    def _number(self, name: str, least: int, most: int) -> int:
        told: Any = self._options[name]
        if isinstance(told, int) and least <= told <= most:
            return told
        raise self._wrong(name, f"{told!r} is not between {least} and {most}.", "")

    def _wrong(self, name: str, message: str, remedy: str) -> ConfigError:
        return ConfigError(Problem(f"{self._place}.{name}", message, remedy))
