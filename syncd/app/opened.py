"""A set-up, opened: its store, its connectors, its world, and the daemon that works in it. Each part when it is needed.

What is not here: what is asked of it (`verbs`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from syncd import config as settings
from syncd.core.model import Schema
from syncd.engine.described import as_ever
from syncd.engine.world import Pair, World
from syncd.errors import ConfigError, Problem
from syncd.kit import limits
from syncd.kit.connector import Connector
from syncd.service import log, systems, whose, worlds
from syncd.service.health import Health
from syncd.service.setupfile import as_written
from syncd.service.worlds import Compiled, Compiler, Describe
from syncd.store import move, schema
from syncd.store.clock import DatabaseClock
from syncd.store.store import Store
from syncd.store.turns import SharedTurns

if TYPE_CHECKING:
    from syncd.service.daemon import Daemon


class Opened:
    """A config, opened. Vendors are asked only by what needs them.

    `environ`: where its secrets came from. `renew`: has whoever runs it read the config anew; None: nobody would.
    """

    def __init__(self, config: settings.Config, clock: Callable[[], datetime] | None = None) -> None:
        """Build nothing yet."""
        self.config = config
        self._given_clock = clock
        self.environ: Mapping[str, str] = {}
        self.renew: Callable[[], None] | None = None
        self._daemon: Daemon | None = None

    @classmethod
    def open(cls, path: str | Path | None, *, environ: Mapping[str, str] | None = None) -> Self:
        """Read the config and set up the log. Raises ConfigError with every mistake in it."""
        made = cls.read(path, environ=environ)
        log.setup(format=made.config.log.format, level=made.config.log.level)
        return made

    @classmethod
    def read(cls, path: str | Path | None, *, environ: Mapping[str, str] | None = None) -> Self:
        """Read the config; the log stays as it is, and holds none of its secrets. Raises ConfigError."""
        environ = os.environ if environ is None else environ
        found = settings.load(path, environ, known=systems.shapes())
        log.keep(found.secrets())
        made = cls(found)
        made.environ = environ
        return made

    def __enter__(self) -> Self:
        """Open as a context."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what was opened."""
        self.close()

    def close(self) -> None:
        """Give back what was opened."""
        if "turns" in self.__dict__:
            limits.unshare(self.turns)
        for name in ("connectors", "turns", "store"):
            part = self.__dict__.get(name)
            for one in part.values() if isinstance(part, Mapping) else [part] if part is not None else []:
                one.close()

    @cached_property
    def store(self) -> Store:
        """The store, of whatever version."""
        return Store(self.config.store)

    @cached_property
    def ready_store(self) -> Store:
        """The store, refused if it is of another version; an empty one is made."""
        if schema.empty(self.store):
            schema.upgrade(self.store)
        schema.check(self.store)
        move.check(self.store)
        return self.store

    @cached_property
    def clock(self) -> Callable[[], datetime]:
        """What leases and due times are measured by: the database's clock where several machines may share it."""
        return self._given_clock or ((lambda: datetime.now(tz=UTC)) if self.store.sqlite else DatabaseClock(self.store))

    @cached_property
    def turns(self) -> SharedTurns:
        """The vendors' limits, kept together with every other process on this PostgreSQL."""
        return SharedTurns(self.ready_store)

    @cached_property
    def connectors(self) -> Mapping[str, Connector]:
        """Every configured system."""
        if not self.store.sqlite:
            limits.share(self.turns)
        return {name: systems.connector(self.config, one) for name, one in self.config.systems.items()}

    @property
    def world(self) -> World:
        """Everything the engine works in; if a daemon works here, with the maps as it has them by now.

        The first time it asks the vendors for their schemas; raises ConfigError for wrong maps.
        """
        return self._daemon.world if self._daemon is not None else self._world

    @cached_property
    def _world(self) -> World:
        return self._world_of(self._compiled().whole())

    @cached_property
    def _compiler(self) -> Compiler:
        """What compiles the maps; it knows what it has compiled."""
        return Compiler(self.config)

    def _compiled(self, names: Collection[str] | None = None) -> Compiled:
        """The pairs (of these names), as far as their systems answer."""
        store = self.ready_store
        return self._compiler.compiled(self._of_one_account(lambda one, kind: as_ever(store, one, kind)), names)

    def _of_one_account(self, describe: Callable[[Connector, str], Schema]) -> Describe:
        """Describes a kind of a system, unless its key opens another account than before, which is an AuthError."""
        store, connectors = self.ready_store, self.connectors

        def described(system: str, kind: str) -> Schema:
            schema = describe(connectors[system], kind)
            whose.must_be_the_same(store, system, connectors[system].account())
            return schema

        return described

    def _world_of(self, pairs: Iterable[Pair]) -> World:
        return World(
            store=self.ready_store,
            connectors=self.connectors,
            pairs=tuple(pairs),
            clock=self.clock,
            pace=worlds.pace(self.config.timing),
            side_by_side=True,
        )

    @cached_property
    def health(self) -> Health:
        """How the systems are; known before any of them was asked."""
        return Health(self.ready_store, self.clock, worlds.pace(self.config.timing))

    def compiled_pairs(self, names: Collection[str] | None = None) -> Compiled:
        """The pairs (of these names) with their maps, compiled against the fields that the vendors have now."""
        describe = self._of_one_account(lambda one, kind: one.describe(kind))
        found = self._compiler.compiled(describe, names)
        return replace(found, pairs=as_written(self.config.path, found.pairs))

    def pairs(self, name: str | None) -> Sequence[Pair]:
        """The pair of this name, or all. Raises ConfigError naming the known ones."""
        if name is None:
            return self.world.pairs
        found = [pair for pair in self.world.pairs if pair.name == name]
        if not found:
            known = ", ".join(self.config.pairs)
            raise ConfigError(Problem(f"pair {name}", "there is no such pair.", f"Known: {known}."))
        return found

    def _map_keys(self) -> list[str]:
        """The keys of all maps, without asking a vendor."""
        return [f"{name}/{Path(file).stem}" for name, pair in self.config.pairs.items() for file in pair.maps]
