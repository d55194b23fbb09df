"""The set-up as frozen data: every section and setting of `config.toml`, with its default.

What is not here: reading files and the environment (`load`), and the checks of single values (`values`).
Every field of a class below is one setting of that section; durations are written as "30s", "5m", "1h", "250ms".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from syncd.config import values

Duration = Annotated[timedelta, BeforeValidator(values.duration)]
"""A positive span of time, written as number and unit: ms, s, m, h or d."""

Kept = Annotated[timedelta, BeforeValidator(values.long_enough)]
"""As a duration, and no shorter than the guard and a look back need."""

Count = Annotated[int, Field(ge=0)]
Some = Annotated[int, Field(ge=1)]
STRICT = ConfigDict(extra="forbid")


class SettingShape(Protocol):
    """One key that a connector accepts in its table (`kit.connector.Setting` is one)."""

    @property
    def name(self) -> str:
        """The key."""

    @property
    def type(self) -> type:
        """What its value must be."""

    @property
    def default(self) -> Any:
        """What holds when the key is left out."""


@dataclass(frozen=True, slots=True)
class SystemShape:
    """What a connector declares of its `[systems.NAME]` table: the name of its credential and its own keys.

    `webhooks`: whether it receives any; `signs_url`: whether these are signed over the address they are sent to.
    """

    secret_name: str
    settings: Sequence[SettingShape] = ()
    webhooks: bool = False
    signs_url: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemConfig:
    """One `[systems.NAME]` table, its secrets resolved. `options` are the connector's own keys, defaults filled in.

    `webhook_secret`: what proves that a webhook is the vendor's; None: none are received.
    """

    name: str
    connector: str
    secret: str = field(repr=False)
    webhook_secret: str | None = field(default=None, repr=False)
    base_url: str | None = None
    ca_file: Path | None = None
    timezone: str | None = None
    rate: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """The most that one run may change before it is held for a person. `percent` is of the linked records.

    `day`: how many times the counts 24 hours may come to.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    creates: Count = 500
    updates: Count = 5000
    deletes: Count = 10
    percent: Annotated[int, Field(ge=0, le=100)] = 20
    day: Annotated[int, Field(ge=1, le=1000)] = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTable:
    """One `[pairs.NAME]` table: two systems, the maps between them, how often, and whether it may write.

    `mode`: plan reads everything and writes nothing, live writes, paused does neither.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    left: str
    right: str
    maps: Annotated[tuple[str, ...], AfterValidator(values.some_maps)]
    every: Duration = timedelta(seconds=30)
    mode: Literal["plan", "live", "paused"] = "plan"
    guard: Guard = Guard()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairConfig(PairTable):
    """A pair with its name."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreConfig:
    """The `[syncd]` table: where syncd keeps its memory, and the folder of your maps (shipped maps need none).

    `store_password`: of a PostgreSQL that asks for one.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    store: Annotated[str, BeforeValidator(values.store_url)]
    store_password: Annotated[str | None, BeforeValidator(values.store_password)] = field(default=None, repr=False)
    maps: Annotated[Path | None, BeforeValidator(values.folder)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebConfig:
    """The `[web]` table: where syncd listens for webhooks, and the address vendors reach it under."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    listen: Annotated[str, BeforeValidator(values.listen)] = "127.0.0.1:8484"
    public_url: Annotated[str | None, BeforeValidator(values.url)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleConfig:
    """The `[console]` table: the pages for people, on `[web] listen`.

    `on`: whether there are any. `url`: the address that people open, if it is another one than `listen`; no page is
    shown under any other. `idle`: how long a sign-in lasts that is not used, `longest`: one that is. `oidc_issuer`,
    `oidc_client_id` and `oidc_secret`: of a provider of OpenID Connect that people may sign in with, all three or none;
    `oidc_name`: what the button calls it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    on: bool = True
    url: Annotated[str | None, BeforeValidator(values.url)] = None
    idle: Duration = timedelta(hours=12)
    longest: Duration = timedelta(days=30)
    oidc_issuer: Annotated[str | None, BeforeValidator(values.issuer)] = None
    oidc_client_id: Annotated[str | None, BeforeValidator(values.client_id)] = None
    oidc_secret: Annotated[str | None, BeforeValidator(values.secret)] = field(default=None, repr=False)
    oidc_name: Annotated[str, BeforeValidator(values.button)] = "your company's sign-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """The `[log]` table. `auto` is console on a terminal and JSON everywhere else."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    format: Literal["auto", "json", "console"] = "auto"
    level: Literal["debug", "info", "warning", "error"] = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditConfig:
    """The `[audit]` table: both sides compared with each other, a slice each night.

    `nights`: in how many all links are seen; 0 for never. `at`: when a slice begins, on the clock of the left system's
    time zone. `every`: the time between two bites of it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    nights: Count = 7
    at: Annotated[time, BeforeValidator(values.time_of_day)] = time(2)
    every: Duration = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionConfig:
    """The `[retention]` table: how long is kept what the sync itself does not need.

    `journal`: every write with the value before it; what is gone from it cannot be undone or explained. `runs`: what
    each did. `conflicts`: those that are settled, with the value that lost. `deeds`: what people did in the console.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    journal: Kept = timedelta(days=400)
    runs: Kept = timedelta(days=400)
    conflicts: Kept = timedelta(days=400)
    deeds: Kept = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsConfig:
    """The `[alerts]` table: whom syncd tells when its state changes.

    `to`: addresses as Apprise writes them; they hold passwords, so each is a secret. `after`: how long something must
    be so before it is told, and over before that is. `quiet`: from and until when only what stops the sync is told; the
    rest comes together, at its end. `daily`: when all that waits for a person is told once a day. `timezone`: of these
    times. `every`: how often the state is looked at.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    to: tuple[Annotated[str, BeforeValidator(values.address)], ...] = field(default=(), repr=False)
    after: Duration = timedelta(minutes=5)
    quiet: Annotated[tuple[time, time] | None, BeforeValidator(values.hours)] = None
    daily: Annotated[time | None, BeforeValidator(values.time_of_day)] = None
    timezone: Annotated[str, BeforeValidator(values.timezone)] = "UTC"
    every: Duration = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimingConfig:
    """The `[timing]` table; tests shorten these and nothing else differs from production.

    What connectors work with: `overlap`: how far a feed re-reads behind its cursor. `settle`: the age at which a
    lagging index is trusted. `settle_every`: how often the settled lane runs. `gone_every`: how often lists of deleted
    records are read. `lag`: how far behind now a feed's horizon stays. `landing`: how long after we gave up on a write
    it can still land. `fresh`: how long a schema may be cached. `timeout`: of one request. `retry_for`: how long one
    request is tried again. `backfill_pages`: pages of a first reading per tick.

    What the engine works with: `lease`: of a claimed mark. `retry_first`, `retry_max`: the first and the longest wait
    before a mark is tried again. `park_after`: how long it is tried before a person is asked. `batch`: records per
    step. `flips`, `flips_within`: how often within which time one value may be given to a field that others change
    back. `proofs`: the time between two proofs that a record is gone. `look_every`: between two looks whether some
    linked records are shown. `idle`: the wait when nothing is due.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    overlap: Duration = timedelta(minutes=5)
    settle: Duration = timedelta(minutes=60)
    settle_every: Duration = timedelta(minutes=10)
    gone_every: Duration = timedelta(minutes=10)
    lag: Duration = timedelta(seconds=30)
    landing: Duration = timedelta(minutes=5)
    fresh: Duration = timedelta(minutes=10)
    timeout: Duration = timedelta(seconds=30)
    retry_for: Duration = timedelta(seconds=45)
    backfill_pages: Some = 20
    lease: Duration = timedelta(seconds=60)
    retry_first: Duration = timedelta(seconds=30)
    retry_max: Duration = timedelta(hours=1)
    park_after: Duration = timedelta(hours=24)
    batch: Some = 500
    proofs: Duration = timedelta(minutes=10)
    look_every: Duration = timedelta(hours=1)
    flips: Some = 5
    flips_within: Duration = timedelta(hours=1)
    idle: Duration = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileTable:
    """The file as a whole. Systems and pairs are checked one by one, so that a mistake in one hides none in another."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    syncd: StoreConfig
    web: WebConfig = WebConfig()
    console: ConsoleConfig = ConsoleConfig()
    log: LogConfig = LogConfig()
    audit: AuditConfig = AuditConfig()
    alerts: AlertsConfig = AlertsConfig()
    retention: RetentionConfig = RetentionConfig()
    timing: TimingConfig = TimingConfig()
    systems: Annotated[dict[str, dict[str, Any]], Field(min_length=1)]
    pairs: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole set-up, checked. `path` is the file it came from."""

    path: Path
    store: str = field(repr=False)
    maps: Path
    systems: Mapping[str, SystemConfig]
    pairs: Mapping[str, PairConfig]
    web: WebConfig = WebConfig()
    console: ConsoleConfig = ConsoleConfig()
    log: LogConfig = LogConfig()
    audit: AuditConfig = AuditConfig()
    alerts: AlertsConfig = AlertsConfig()
    retention: RetentionConfig = RetentionConfig()
    timing: TimingConfig = TimingConfig()

    def secrets(self) -> tuple[str, ...]:
        """Every secret value of this set-up, for the log's redaction; also the store's password, as spelt there."""
        password = values.password(self.store)
        spelt = {password, values.quoted(password)} if password else set()
        hooks = (system.webhook_secret for system in self.systems.values() if system.webhook_secret is not None)
        signed_in = [self.console.oidc_secret] if self.console.oidc_secret is not None else []
        own = (system.secret for system in self.systems.values())
        return (*own, *hooks, *sorted(spelt), *self.alerts.to, *signed_in)
