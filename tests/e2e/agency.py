"""An agency: many pairs, each between two accounts of its own, their vendors, people who edit there, and a worker.

A few processes serve all accounts, each under a path of its own: hundreds of processes would be the test of the
machine. What is not here: when workers come and go, and what must hold (`test_agency`).
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Self, cast

import psycopg

from syncd.core.model import Side
from syncd.fieldmaps.library import shipped
from syncd.kit import registry
from syncd.kit.control import ControlError
from syncd.kit.remote import Remote
from syncd.kit.sandbox import Sandbox
from syncd.kit.stage import Receive, Send, Stage
from syncd.lab.crm import HUBSPOT
from syncd.lab.forks import apart
from syncd.lab.own import RIGHT_KEY
from syncd.lab.people import HAND
from syncd.lab.stage import ANY_PORT, NO_GUARD, RIGHT_OPTIONS, ZONE, keyed
from syncd.lab.toml import toml

MAP, KIND, OWN_KEY = "hubspot-jobnimbus/contacts.yaml", "contacts", "cf_string_1"
"""What every pair syncs."""

EDITED = ("company", "city")
"""Fields of both sides, by the same name, that both keep as they are typed."""

CLASH, NEW = 0.1, 0.03
"""How often somebody edits the same field on both sides at once, or enters a new person."""

BUSY, STAY = 6, 20
"""In how many accounts people work at a time, and after how many acts they move on."""

TICK = os.sysconf("SC_CLK_TCK")

Rates = tuple[tuple[int, float], ...]
"""Pairs of (requests, seconds), as in `kit.limits`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a vendor lets through, and what the set-up asks for: all requests, and HubSpot's searches apart."""

    vendor: Rates
    ours: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How large the drill is.

    `seconds`: how long people work. `every`: seconds between two polls. `houses`: processes that serve the accounts.
    `leads`, `customers`: on the left and on the right of each pair, of whom half of the latter are known on the left.
    `per_second`: how often somebody edits, in all accounts together. `lease`: seconds, as in `timing`.
    `quiet`: seconds without a write that count as rest: longer than the slowest lane of a feed.
    `slack`: seconds that a machine which does other things meanwhile may add to a gap.
    """

    pairs: int
    workers: int
    seconds: float
    every: int
    lease: int
    houses: int
    leads: int
    customers: int
    per_second: float
    timing: Mapping[str, Any]
    left: Limits
    searches: Limits
    right: Limits
    quiet: float
    patience: float
    look: float
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Account:
    """One customer of the agency: a pair, its two systems, and a key for each."""

    number: int

    @property
    def pair(self) -> str:
        """Its pair, in the set-up."""
        return f"customer{self.number:03}"

    @property
    def left(self) -> str:
        """Its HubSpot."""
        return f"hs{self.number:03}"

    @property
    def right(self) -> str:
        """Its JobNimbus."""
        return f"jn{self.number:03}"

    def key(self, system: str) -> str:
        """What opens one of them, and no other account."""
        return f"key-of-{system}-{7919 * self.number:08}"


class House:
    """An ASGI app with many sandboxes in it: the first part of a path says whose account is meant."""

    name = "agency"

    def __init__(self, accounts: Sequence[Account], form: Form) -> None:
        """Make and fill every account. Each has only its own key."""
        self._doors: dict[str, Stage] = {}
        for one in accounts:
            self._doors[one.left] = _left(one, form).app()
            self._doors[one.right] = _right(one, form).app()

    def app(self) -> House:
        """What the server serves."""
        return self

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """One request, as the account's own server would get it."""
        if scope["type"] == "http":
            name, _, rest = scope["path"].lstrip("/").partition("/")
            await self._doors[name]({**scope, "path": f"/{rest}", "raw_path": f"/{rest}".encode()}, receive, send)


def house(accounts: Sequence[Account], form: Form) -> Sandbox:
    """Whoever serves a sandbox asks it for `name` and `app()` alone."""
    return cast("Sandbox", House(accounts, form))


def _left(one: Account, form: Form) -> Sandbox:
    settings = {"index_lag": {"kind": "normal", "scale": 0.02}, "rate": _one(form.left.vendor),
                "search_rate": _one(form.searches.vendor)}  # fmt: skip
    made: Sandbox = registry.sandbox("hubspot")(seed=one.number, settings=settings)
    ours = {"name": "syncd_id", "label": "Syncd ID", "type": "string", "fieldType": "text", "hasUniqueValue": True}
    made.act({"do": "property_create", "kind": KIND, "definition": ours})
    made.seed({"leads": form.leads, "seed": one.number, "messy": True, "days": 90, "deals": False})
    made.act({"do": "token", "token": one.key(one.left)})
    made.act({"do": "revoke", "token": HUBSPOT.key})
    return made


def _right(one: Account, form: Form) -> Sandbox:
    settings = {"index_lag": 1.0, "rate": _one(form.right.vendor)}
    made: Sandbox = registry.sandbox("jobnimbus")(seed=one.number, settings=settings)
    made.seed({"leads": form.customers, "seed": one.number + 100_000, "messy": True, "days": 90, "jobs": False,
               "overlap": 0.5, "overlap_seed": one.number})  # fmt: skip
    made.act({"do": "key", "key": one.key(one.right)})
    made.act({"do": "revoke", "key": RIGHT_KEY})
    return made


def _one(rates: Rates) -> str:
    """A sandbox knows one rate."""
    ((count, seconds),) = rates
    return f"{count}/{seconds:g}"


def _several(rates: Rates) -> str:
    return ",".join(f"{count}/{seconds:g}s" for count, seconds in rates)


@dataclass(slots=True)
class Agency:
    """All accounts, and the set-up that syncs them. `vendors`: each account's sandbox by the name of its system.

    `eyes`: a connection to the store for everybody who looks: the workers may take all others.
    """

    folder: Path
    form: Form
    store: str
    accounts: tuple[Account, ...]
    eyes: psycopg.Connection[Any]
    vendors: dict[str, Remote] = field(default_factory=dict)

    @classmethod
    @contextmanager
    def open(cls, folder: Path, form: Form, store: str) -> Iterator[Self]:
        """Fill the accounts, write the set-up, and answer while this block lasts; the folder stays."""
        plain, accounts = store.replace("+psycopg", ""), tuple(map(Account, range(1, form.pairs + 1)))
        with ExitStack() as opening:
            eyes = opening.enter_context(psycopg.connect(plain, autocommit=True, application_name="drill"))
            made = cls(folder, form, store, accounts, eyes)
            for first in range(form.houses):
                several = made.accounts[first :: form.houses]
                url = opening.enter_context(apart(partial(house, several, form)))
                for name in (name for one in several for name in (one.left, one.right)):
                    made.vendors[name] = Remote(f"{url}/{name}")
                    opening.callback(made.vendors[name].close)
            made.write()
            yield made

    @property
    def config(self) -> Path:
        """The file to hand to `syncd --config`."""
        return self.folder / "config.toml"

    @property
    def environ(self) -> dict[str, str]:
        """Every secret of the set-up."""
        keys = {f"KEY_{name}": one.key(name) for one in self.accounts for name in (one.left, one.right)}
        return {**keys, "SYNCD_STORE": self.store}

    def write(self) -> None:
        """Config and map."""
        maps = self.folder / "maps"
        (maps / MAP).parent.mkdir(parents=True)
        (maps / MAP).write_text(keyed(shipped() / MAP, OWN_KEY), encoding="utf-8")
        pairs = {
            one.pair: {"left": one.left, "right": one.right, "maps": [MAP], "every": f"{self.form.every}s",
                       "mode": "live", "guard": NO_GUARD}
            for one in self.accounts
        }  # fmt: skip
        tables = {
            "syncd": {"store": f"sqlite:///{self.folder / 'unused.db'}", "maps": str(maps)},
            "systems": {name: table for one in self.accounts for name, table in self._systems(one).items()},
            "pairs": pairs,
            "timing": {**self.form.timing, "lease": f"{self.form.lease}s"},
            "audit": {"every": "5m"},
            "web": {"listen": ANY_PORT},
        }
        self.config.write_text(toml(tables), encoding="utf-8")

    def _systems(self, one: Account) -> dict[str, dict[str, Any]]:
        form = self.form
        rates = {one.left: form.left.ours, one.right: form.right.ours}
        own: dict[str, dict[str, Any]] = {
            one.left: {"connector": "hubspot", "search_rate": _several(form.searches.ours)},
            one.right: {"connector": "jobnimbus", **RIGHT_OPTIONS},
        }
        for (name, table), key in zip(own.items(), ("token", "api_key"), strict=True):
            table |= {"base_url": self.vendors[name].url, "rate": _several(rates[name]), "timezone": ZONE}
            table[key] = {"env": f"KEY_{name}"}
        return own


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody typed: in which account, at which side of which link, into which field."""

    account: Account
    side: Side
    link: tuple[str, str]
    name: str
    value: str

    def system(self, side: Side) -> str:
        """The account's system on a side."""
        return self.account.left if side is Side.LEFT else self.account.right

    def id(self, side: Side) -> str:
        """The record on a side."""
        return self.link[0 if side is Side.LEFT else 1]


@dataclass(slots=True)
class People:
    """Who works in the customers' accounts: as one thread, in a few accounts at a time. Every value is new."""

    agency: Agency
    seed: int = 1
    edits: list[Edit] = field(default_factory=list)
    acts: Counter[str] = field(default_factory=Counter)
    visited: set[str] = field(default_factory=set)
    _typed: int = 0

    def work(self, stop: threading.Event) -> None:
        """Act until told to stop."""
        dice, rate = random.Random(f"agency:{self.seed}"), self.agency.form.per_second
        due = time.monotonic()
        while not stop.is_set():
            places = dice.sample(self.agency.accounts, min(BUSY, len(self.agency.accounts)))
            known = {one: _links(self.agency.eyes, one) for one in places}
            for _ in range(STAY):
                one = dice.choice(places)
                self._act(one, known[one], dice)
                due = max(due + dice.expovariate(rate), time.monotonic() - 1.0)
                if stop.wait(max(0.0, due - time.monotonic())):
                    return

    def _act(self, one: Account, links: Sequence[tuple[str, str]], dice: random.Random) -> None:
        self.visited.add(one.pair)
        try:
            if not links or dice.random() < NEW:
                self._new(one, dice.choice(list(Side)))
            else:
                self._edit(one, dice.choice(links), dice)
        except ControlError:
            # A vendor's page refuses what its own rules forbid; people shrug and go on.
            self.acts["refused"] += 1

    def _edit(self, one: Account, link: tuple[str, str], dice: random.Random) -> None:
        sides, name = list(Side), dice.choice(EDITED)
        dice.shuffle(sides)
        chosen = sides if dice.random() < CLASH else sides[:1]
        for side in chosen:
            self._typed += 1
            made = Edit(one, side, link, name, f"{name.capitalize()} {self._typed}{side.value[0].upper()}")
            self._enter(side, one, "update", id=made.id(side), fields={name: made.value})
            self.edits.append(made)
        self.acts["clash" if len(chosen) > 1 else "edit"] += 1

    def _new(self, one: Account, side: Side) -> None:
        self._typed += 1
        number = f"{self.seed}x{self._typed}"
        mail = f"new{number}@example.com"
        fields: dict[str, Any] = {
            Side.LEFT: {"firstname": f"New{number}", "lastname": f"Lead{number}", "email": mail,
                        "lifecyclestage": "lead"},
            Side.RIGHT: {"first_name": f"Neu{number}", "last_name": f"Kunde{number}", "email": mail,
                         "display_name": f"Neu{number} Kunde{number}", "record_type_name": "Customer",
                         "status_name": "Active"},
        }[side]  # fmt: skip
        self._enter(side, one, "create", fields=fields)
        self.acts["new"] += 1

    def _enter(self, side: Side, one: Account, do: str, **more: Any) -> None:
        left = side is Side.LEFT
        vendor = self.agency.vendors[one.left if left else one.right]
        vendor.act(do, KIND, **more, as_=HUBSPOT.hand if left else HAND)


def _links(store: psycopg.Connection[Any], one: Account) -> list[tuple[str, str]]:
    found = store.execute("SELECT left_id, right_id FROM links WHERE map = %s AND state = 'open'", [map_key(one)])
    return [(str(left), str(right)) for left, right in found]


def map_key(one: Account) -> str:
    """The account's map, as the store names it."""
    return f"{one.pair}/{Path(MAP).stem}"


@dataclass(slots=True)
class Worker:
    """One `syncd work`. `ready`: seconds until it worked. What it took was seen last before it ended; `peak` in KiB."""

    log: Path
    child: ForkServerProcess
    began: float
    ready: float | None = None
    cpu: float = 0.0
    peak: int = 0
    threads: int = 0

    def look(self) -> None:
        """See what it has taken so far."""
        if self.ready is None and '"started"' in self.said():
            self.ready = round(time.monotonic() - self.began, 1)
        with suppress(OSError, KeyError):  # it has ended
            place = Path(f"/proc/{self.child.pid}")
            status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
            self.peak = max(self.peak, int(status["VmHWM"].split()[0]))
            self.threads = max(self.threads, int(status["Threads"]))
            told = (place / "stat").read_text().rpartition(")")[2].split()
            self.cpu = (int(told[11]) + int(told[12])) / TICK

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def figures(self) -> dict[str, Any]:
        """For people."""
        return {"ready": self.ready, "cpu": self.cpu, "peak_mib": self.peak // 1024, "threads": self.threads}


@contextmanager
def beside(work: Callable[[threading.Event], None]) -> Iterator[None]:
    """Something goes on in a thread for as long as the block lasts; what went wrong with it is raised at the end."""
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        going = pool.submit(work, stop)
        try:
            yield
        finally:
            stop.set()
    going.result()
