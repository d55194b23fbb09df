"""Two invented vendors, three maps between them, and worlds of the engine on one store.

What is not here: what people do and what goes wrong there (`test_machine`), and what must hold (`laws`).
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from syncd.core.fieldmap import FieldMap
from syncd.core.model import FieldKind, FieldType, Loss, Schema, Side
from syncd.engine.run import RunReport, work
from syncd.engine.world import Guard, Pace, Pair, World
from syncd.fieldmaps import load
from syncd.store import schema as versions
from syncd.store.store import Store
from tests import postgres
from tests.engine.stage import Stage, StagedStore
from tests.engine.vendor import MemoryConnector, Traits, Vendor, schema, text

SYSTEMS = {Side.LEFT: "crm", Side.RIGHT: "con"}

SCHEMAS: Mapping[str, Mapping[str, Schema]] = {
    "crm": {
        "contacts": schema(
            "crm", "contacts", text("email", loss=Loss(caseless=True)), text("name"), text("phone"),
            text("note", loss=Loss(max_length=12)), text("city"), text("tag"), text("serial"), text("key", unique=True),
        ),
        "deals": schema(
            "crm", "deals", text("title"), text("text"), text("stage"), FieldType(name="amount", kind=FieldKind.NUMBER),
            text("serial"), text("key", unique=True),
            FieldType(name="contact", kind=FieldKind.REF, ref_kind="contacts"),
        ),
    },
    "con": {
        "contacts": schema(
            "con", "contacts", text("email"), text("name", loss=Loss(max_length=8)), text("phone"), text("note"),
            text("city", loss=Loss(caseless=True)), text("tag"), text("serial"), text("key", unique=True),
        ),
        "people": schema(
            "con", "people", text("email"), text("name"), text("city"), text("serial"), text("key", unique=True),
            FieldType(name="was", kind=FieldKind.REF, ref_kind="contacts", many=True),
        ),
        "jobs": schema(
            "con", "jobs", text("name", unique=True), text("text"), FieldType(name="total", kind=FieldKind.NUMBER),
            text("serial"), text("key", unique=True),
            FieldType(name="primary", kind=FieldKind.REF, ref_kind="contacts"),
        ),
    },
}  # fmt: skip

CONTACTS = """\
version: 1
name: contacts
left: {kind: contacts}
right: {kind: contacts}
%(keys)s
delete: {left: %(delete)s, right: %(delete)s}
match: {link: [email]}
first_link: %(first_link)s
create: {right: {when: "left.tag != 'cold'"}, left: {when: "true"}}
lane: lead
fields:
  - {left: email, right: email, owner: left}
  - {left: name, right: name, owner: left}
  - {left: phone, right: phone, owner: right}
  - {left: note, right: note, owner: ask}
  - {left: city, right: city, owner: newest}
  - {left: tag, right: tag, direction: "->", drift: %(drift)s}
  - {left: serial, right: serial, direction: create}
"""

PEOPLE = """\
version: 1
name: people
left: {kind: contacts}
right: {kind: people}
%(keys)s
delete: {left: %(delete)s, right: %(delete)s}
match: {link: [email]}
first_link: %(first_link)s
create: {right: {when: "left.tag == 'vip'"}, left: {when: "true"}}
fields:
  - {left: email, right: email, owner: left}
  - {left: name, right: name, owner: right}
  - {left: city, right: city, owner: left}
  - {left: serial, right: serial, direction: create}
"""

DEALS = """\
version: 1
name: deals-jobs
left: {kind: deals}
right: {kind: jobs}
after: [contacts]
%(keys)s
delete: {left: %(delete)s, right: %(delete)s}
create: {right: {when: "left.stage == 'won'"}, left: {when: "true"}}
lane: lead
relations:
  - {left: contact, right: primary, map: contacts, create: true, owner: left}
fields:
  - {left: title, right: name, owner: left}
  - {left: text, right: text, owner: right}
  - {left: amount, right: total, direction: "<-", drift: %(drift)s}
  - {left: serial, right: serial, direction: create}
"""

HERE = tempfile.TemporaryDirectory(prefix="towns-")
FREE: list[Path] = []
"""Folders whose town has ended: the next one in the same place finds its statements compiled (`stage.ENGINES`)."""

DATABASE = ["sqlite"]
"""Where new towns keep their store; a test that asks for the fixture `database` is run on each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """What one town is like."""

    left: Traits = field(default_factory=Traits)
    right: Traits = field(default_factory=Traits)
    first_link: str = "left"
    drift: str = "keep"
    batch: int = 10
    delete: str = "flag"
    seed: int = 1


@dataclass(slots=True)
class Town:
    """Both vendors, the store, and the engine's world of the moment (a crash takes it, the store stays)."""

    plot: Plot
    stage: Stage
    vendors: dict[str, Vendor]
    maps: tuple[FieldMap, ...]
    url: str
    world: World
    rival: World | None = None
    made: dict[str, int] = field(default_factory=dict)
    typed: int = 0

    @property
    def pair(self) -> Pair:
        """The one pair there is."""
        return self.world.pairs[0]

    @property
    def store(self) -> Store:
        """The store of the world of the moment."""
        return self.world.store

    def work(self) -> RunReport:
        """One run."""
        return work(self.world, self.pair)

    def reborn(self) -> None:
        """The process was killed; another begins on the same store, after the lease or at once."""
        self.world.store.close()
        self.world = _world(self.plot, self.stage, self.vendors, self.maps, self.url)

    def close(self) -> None:
        """Everything is given back."""
        self.world.store.close()
        if self.rival is not None:
            self.rival.store.close()
        if self.url.startswith("sqlite"):
            folder = Path(self.url.removeprefix("sqlite:///")).parent
            shutil.rmtree(folder)
            FREE.append(folder)

    def use(self, m: FieldMap) -> None:
        """Go on with this map instead of the one of its key."""
        self.maps = tuple(m if one.key == m.key else one for one in self.maps)
        self.world = replace(self.world, pairs=tuple(replace(p, maps=self.maps) for p in self.world.pairs))

    def another(self) -> World:
        """A second worker's world on the same store."""
        if self.rival is None:
            self.rival = _world(self.plot, self.stage, self.vendors, self.maps, self.url)
        return self.rival


def build(plot: Plot = Plot(), database: str | None = None) -> Town:
    """A new town on an empty store."""
    stage = Stage()
    chance = random.Random(plot.seed)
    vendors = {
        name: Vendor(name, stage, SCHEMAS[name], traits, random.Random(chance.random()))
        for name, traits in (("crm", plot.left), ("con", plot.right))
    }
    maps, url = compile_maps(plot), DATABASES[database or DATABASE[0]]()
    return Town(plot, stage, vendors, maps, url, _world(plot, stage, vendors, maps, url))


def compile_maps(plot: Plot) -> tuple[FieldMap, ...]:
    """The three maps, as YAML is compiled."""
    keys = {Side.LEFT: plot.left.sync_key, Side.RIGHT: plot.right.sync_key}
    named = ", ".join(f"{side}: key" for side, has in keys.items() if has)
    values = {
        "keys": f"sync_key: {{{named}}}" if named else "",
        "first_link": plot.first_link,
        "drift": plot.drift,
        "delete": plot.delete,
    }
    kinds = ((CONTACTS, "contacts", "contacts"), (PEOPLE, "contacts", "people"), (DEALS, "deals", "jobs"))
    return tuple(_compiled(source % values, left, right) for source, left, right in kinds)


@lru_cache
def _compiled(text: str, left: str, right: str) -> FieldMap:
    """One map. It is the same for many towns, and reading YAML takes as long as some of them last."""
    schemas = {Side.LEFT: SCHEMAS["crm"][left], Side.RIGHT: SCHEMAS["con"][right]}
    return load(text, pair="pair", systems=SYSTEMS, schemas=schemas)


def _world(plot: Plot, stage: Stage, vendors: Mapping[str, Vendor], maps: tuple[FieldMap, ...], url: str) -> World:
    pair = Pair(name="pair", left="crm", right="con", maps=maps, mode="live",
                guard=Guard(creates=10_000, updates=10_000, percent=100_000))  # fmt: skip
    pace = replace(Pace(), batch=plot.batch, landing=timedelta(minutes=5), leads_every=timedelta(milliseconds=10))
    return World(
        store=StagedStore(url, stage),
        connectors={name: MemoryConnector(vendor) for name, vendor in vendors.items()},
        pairs=(pair,), clock=stage.clock, pace=pace,
    )  # fmt: skip


def _file() -> str:
    """A new SQLite file."""
    folder = FREE.pop() if FREE else Path(tempfile.mkdtemp(dir=HERE.name))
    folder.mkdir(exist_ok=True)
    return f"sqlite:///{shutil.copy(_empty_store(), folder / 'syncd.db')}"


DATABASES: Mapping[str, Callable[[], str]] = {"sqlite": _file, "postgresql": postgres.fresh}


@lru_cache
def _empty_store() -> Path:
    """A store with its tables, made once by the migrations and copied from then on."""
    file = Path(HERE.name) / "empty.db"
    with closing(Store(f"sqlite:///{file}")) as store:
        versions.upgrade(store)
        with store.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return file
