"""A stage: two sandboxed vendors, their accounts prepared as a careful admin would, and a set-up that syncs them.

What is not here: the daemon that plays on it (`settled`, the demo's page, the end-to-end tests), and the looking
afterwards (`compare`, `floor`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache, partial
from io import StringIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ruamel.yaml import YAML

from syncd.config.values import duration
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.library import shipped
from syncd.kit import registry
from syncd.kit.connector import Connector, SystemSettings
from syncd.kit.remote import Remote
from syncd.kit.sandbox import ControlError, Sandbox
from syncd.lab.crm import HUBSPOT, Crm
from syncd.lab.forks import apart
from syncd.lab.furnish import furnish
from syncd.lab.own import RIGHT, RIGHT_KEY, Own
from syncd.lab.toml import toml

PAIR = "sales"
"""The pair that joins both systems."""

LEFT_KEY, RIGHT_KEY_NAME = "STAGE_LEFT_KEY", "STAGE_RIGHT_KEY"
"""The variables that hold the sandboxes' keys; the set-up names them."""

HOOKS: Mapping[str, str] = {"STAGE_LEFT_HOOK": "left-hook-secret-1", "STAGE_RIGHT_HOOK": "right-hook-secret-2"}
"""What proves the sandboxes' webhooks, where the stage has any."""

ANY_PORT = "127.0.0.1:0"
"""Where a daemon listens that is to hear of nothing."""

RIGHT_SECRET = "api_key"  # noqa: S105 - the name of the setting, not its value
"""What the right connector calls its key."""

NO_GUARD: Mapping[str, int] = {"creates": 100_000, "updates": 100_000, "deletes": 100_000, "percent": 100}

ZONE = "America/Chicago"

CUSTOM_FIELDS = (
    *("contacts.cf_string_1=CRM ID", "jobs.cf_string_1=Claim Number", "jobs.cf_string_2=Insurance Carrier"),
    *("jobs.cf_string_3=Roof Type", "jobs.cf_string_4=CRM ID", "jobs.cf_date_1=Date of Loss"),
)
"""The right side's custom fields as its admin sees them: the vendor's API does not list them."""

RIGHT_OPTIONS: Mapping[str, Any] = {"sync_key": True, "custom_fields": "; ".join(CUSTOM_FIELDS)}
"""The right connector's own settings."""

RIGHT_KINDS: tuple[str, ...] = ("contacts", "jobs")

TIMING: Mapping[str, Any] = {
    "overlap": "10s",
    "lag": "8s",
    "settle": "20s",
    "settle_every": "20s",
    "gone_every": "60s",
    "landing": "5s",
    "retry_first": "2s",
    "proofs": "3s",
    "idle": "250ms",
}
"""Durations fit for an afternoon; nothing else differs from production."""

RIGHT_SETTINGS: Mapping[str, Any] = {"index_lag": 2.0}
"""Its index lags, as the vendor's does, in the proportion of the durations above."""


@dataclass(slots=True, kw_only=True)
class Stage:
    """Both vendors, the files of a set-up in `folder`, and what opens it. A context manager: it plays while open.

    `crm`: what stands on the left, unless `own` says it.
    `leads`: so many people with a deal each on the left, and a fifth as many customers with a job on the right, half
    of whom are the same people written by another hand. `left_csv`, `right_csv`: rows to import instead.
    `since`, `found`: where the vendors' request logs and stores stood when all was prepared.
    `rate`: requests per seconds that both vendors enforce, as the set-up says; `search_rate`: searches, on the left.
    `timing`, `left_settings`, `right_settings`: over the defaults of this module. `store`: a database's address, given
    by the environment; else a file in the folder. `own`: somebody's own maps and settings instead of the shipped ones.
    `hooks`: "host:port" where the daemon is to hear of changes, which both vendors then tell; None: they tell nobody.
    """

    folder: Path
    crm: Crm = HUBSPOT
    leads: int = 0
    seed: int = 1
    rate: str = "20/1"
    search_rate: str | None = None
    mode: str = "live"
    every: str = "5s"
    left_csv: str | None = None
    right_csv: str | None = None
    store: str | None = None
    own: Own | None = None
    hooks: str | None = None
    timing: Mapping[str, Any] = field(default_factory=dict)
    left_settings: Mapping[str, Any] = field(default_factory=dict)
    right_settings: Mapping[str, Any] = field(default_factory=dict)
    left: Remote = field(init=False)
    right: Remote = field(init=False)
    since: dict[str, int] = field(init=False, default_factory=dict)
    seeded: dict[str, Any] = field(init=False, default_factory=dict)
    found: dict[str, dict[str, int]] = field(init=False, default_factory=dict)
    _open: ExitStack = field(init=False, default_factory=ExitStack)

    def __enter__(self) -> Self:
        """Start both vendors, prepare and fill the accounts, write the set-up. ConfigError for rows of no vendor."""
        if self.own is not None:
            self.crm = self.own.crm
        with ExitStack() as opening:
            left = {**self.crm.switches(self.rate, self.search_rate), **self.left_settings}
            self.left = self._vendor(opening, self.crm.name, left)
            self.right = self._vendor(opening, RIGHT, {**RIGHT_SETTINGS, "rate": self.rate, **self.right_settings})
            self._prepare()
            self._fill()
            self._write()
            self._subscribe()
            self.found = {name: _census(vendor, self.kinds(name)) for name, vendor in self.vendors.items()}
            self.since = {name: vendor.mark() for name, vendor in self.vendors.items()}
            self._open = opening.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Stop both vendors; the folder stays."""
        self._open.close()

    @property
    def config(self) -> Path:
        """The file to hand to `syncd --config`."""
        return self.folder / "config.toml"

    @property
    def environ(self) -> dict[str, str]:
        """What a process that opens the set-up needs in its environment, beside its own: every secret of it."""
        hooks = HOOKS if self.hooks else {}
        return {
            LEFT_KEY: self.crm.key,
            RIGHT_KEY_NAME: RIGHT_KEY,
            **hooks,
            **({"SYNCD_STORE": self.store} if self.store is not None else {}),
        }

    @property
    def vendors(self) -> Mapping[str, Remote]:
        """Both sandboxes by the name of their system."""
        return {self.crm.name: self.left, RIGHT: self.right}

    def kinds(self, name: str) -> tuple[str, ...]:
        """The kinds of a system that the shipped maps read."""
        return RIGHT_KINDS if name == RIGHT else self.crm.kinds

    def interval(self, name: str) -> timedelta:
        """One of the durations that this stage's set-up names."""
        return duration({**TIMING, **self.timing}[name])

    def process_environ(self) -> dict[str, str]:
        """The environment for `python -m syncd --config ...` as a process of its own."""
        return {**os.environ, **self.environ}

    def settled(self) -> bool:
        """Whether both vendors' lists show all that their primary stores hold."""
        return all(vendor.settled() for vendor in self.vendors.values())

    def readers(self) -> dict[str, Connector]:
        """Connectors of our own, as the set-up has them but in no hurry's way: for looking, beside the daemon."""
        keys = {self.crm.name: self.crm.key, RIGHT: RIGHT_KEY}
        return {
            name: registry.connector(name)(
                SystemSettings(
                    system=name, secret=keys[name], base_url=vendor.url, timezone=ZONE, rate="100000/1",
                    options=self.options(name),
                )
            )
            for name, vendor in self.vendors.items()
        }  # fmt: skip

    def _vendor(self, opening: ExitStack, name: str, settings: Mapping[str, Any]) -> Remote:
        remote = Remote(opening.enter_context(apart(partial(_sandbox, name, self.seed, dict(settings)))))
        opening.callback(remote.close)
        return remote

    def _prepare(self) -> None:
        """The left side's account; the right has its custom fields from the start."""
        self.crm.prepare(self.left)
        if self.own is not None:
            furnish(self.own, self.crm, self.left, self.right)

    def _fill(self) -> None:
        if self.left_csv is not None:
            self.seeded["left"] = _imported(self.left, "left_csv", self.left_csv)
        elif self.leads:
            self.seeded["left"] = self.crm.seed(self.left, self.leads, self.seed)
        if self.right_csv is not None:
            self.seeded["right"] = _imported(self.right, "right_csv", self.right_csv)
        elif self.leads // 5:
            self.seeded["right"] = self.right.seed(
                leads=self.leads // 5, seed=self.seed + 1, messy=True, overlap=0.5, overlap_seed=self.seed, days=90
            )
        for vendor in self.vendors.values():
            vendor.settle()

    def _write(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        maps = self.folder / "maps"
        for name, custom in self.crm.maps.items() if self.own is None else ():
            (maps / name).parent.mkdir(parents=True, exist_ok=True)
            (maps / name).write_text(keyed(shipped() / name, custom), encoding="utf-8")
        for name, file in self.own.maps.items() if self.own is not None else ():
            (maps / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, maps / name)
        self.config.write_text(toml(self._tables(maps)), encoding="utf-8")

    def _subscribe(self) -> None:
        """Both vendors tell the daemon of what happens from now on, if the stage has webhooks."""
        for (name, vendor), secret in zip(self.vendors.items(), HOOKS.values(), strict=True):
            if self.hooks and self._tells(name):
                vendor.settings(webhook_url=f"http://{self.hooks}/hooks/{name}", webhook_secret=secret)

    def _tables(self, maps: Path) -> dict[str, Any]:
        """The set-up as the file holds it."""
        shipped_pair = {"left": self.crm.name, "right": RIGHT, "maps": list(self.crm.maps)}
        pairs = self.own.pairs if self.own else {PAIR: shipped_pair}
        how = {"every": self.every, "mode": self.mode, "guard": NO_GUARD}
        return {
            "syncd": {"store": f"sqlite:///{self.folder / 'syncd.db'}", "maps": str(maps)},
            "systems": {name: self._system(name, vendor) for name, vendor in self.vendors.items()},
            "pairs": {name: {**pair, **how} for name, pair in pairs.items()},
            "timing": {**TIMING, **self.timing},
            "web": {"listen": self.hooks, "public_url": f"http://{self.hooks}"} if self.hooks else {"listen": ANY_PORT},
        }

    def _system(self, name: str, vendor: Remote) -> dict[str, Any]:
        left = name == self.crm.name
        secret, key = (self.crm.secret, LEFT_KEY) if left else (RIGHT_SECRET, RIGHT_KEY_NAME)
        hook = list(HOOKS)[0 if left else 1]
        return {
            "connector": name, "timezone": ZONE, **self.options(name), "base_url": vendor.url, "rate": self.rate,
            secret: {"env": key}, **({"webhook_secret": {"env": hook}} if self.hooks and self._tells(name) else {}),
        }  # fmt: skip

    def _tells(self, name: str) -> bool:
        """Whether a vendor has webhooks."""
        return name == RIGHT or self.crm.hooks

    def options(self, name: str) -> Mapping[str, Any]:
        """A connector's own settings."""
        own = self.own.systems[name] if self.own else RIGHT_OPTIONS if name == RIGHT else {}
        if name == RIGHT:
            return own
        return {**own, **self.crm.options({**TIMING, **self.timing}, self.search_rate)}


def _sandbox(name: str, seed: int, settings: Mapping[str, Any]) -> Sandbox:
    made: Sandbox = registry.sandbox(name)(seed=seed, settings=settings)
    return made


@lru_cache
def keyed(source: Path, custom: str) -> str:
    """A shipped map, its comments kept, with our key on the right side too."""
    yaml, written = YAML(), StringIO()
    yaml.preserve_quotes, yaml.width = True, 4096
    table = yaml.load(source.read_text(encoding="utf-8"))
    table.setdefault("sync_key", {})["right"] = custom
    yaml.dump(table, written)
    return written.getvalue()


def _imported(vendor: Remote, name: str, text: str) -> dict[str, Any]:
    """Make contacts of the rows of the text that `Stage` calls `name`."""
    try:
        return vendor.import_csv("contacts", text)
    except ControlError as error:
        raise ConfigError(Problem(name, f"cannot be imported: {error}.", "Mend the file, then try again.")) from None


def _census(vendor: Remote, kinds: tuple[str, ...]) -> dict[str, int]:
    return {kind: len(vendor.records(kind)) for kind in kinds}
