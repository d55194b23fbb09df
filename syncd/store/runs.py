"""Runs, the state of systems, and small facts (the fence counter, when this store began).

What is not here: what a run does (`engine.run`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from syncd.errors import ConfigError, Problem
from syncd.store.sql import among, upsert
from syncd.store.tables import facts, runs, systems

MOVED = "move:to"
"""The fact that says where a store is, or was, carried over to: its address, and whether that is done."""

_FACT = select(facts.c.value).where(facts.c.name == bindparam("of"))
_FACTS = select(facts.c.name, facts.c.value).where(among(facts.c.name))


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over a pair."""

    id: int
    pair: str
    mode: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    counts: Mapping[str, Any]
    digest: str | None


@dataclass(frozen=True, slots=True)
class SystemState:
    """`ok`, or `paused` with the reason an operator needs, or `waiting` until `again_at`."""

    name: str
    state: str
    reason: str | None
    since: datetime
    again_at: datetime | None = None


class Runs:
    """Runs and systems."""

    def __init__(self, connection: Connection) -> None:
        """Work on this connection."""
        self.connection = connection

    def start(self, pair: str, mode: str, digest: str, now: datetime) -> int:
        """A new run; its id."""
        row = {"pair": pair, "mode": mode, "state": "running", "started_at": now, "digest": digest}
        return int(self.connection.execute(runs.insert().returning(runs.c.id), row).scalar_one())

    def end(self, run: int, state: str, counts: Mapping[str, Any], now: datetime) -> None:
        """Close a run with its counts."""
        query = update(runs).where(runs.c.id == run)
        self.connection.execute(query.values(state=state, counts=dict(counts), ended_at=now))

    def abandon(self, pair: str, now: datetime) -> None:
        """Whoever ran a pair before was killed: those runs have ended."""
        query = update(runs).where(runs.c.pair == pair, runs.c.state == "running")
        self.connection.execute(query.values(state="killed", ended_at=now))

    def get(self, run: int) -> Run | None:
        """One run by its id."""
        row = self.connection.execute(select(runs).where(runs.c.id == run)).one_or_none()
        return _run(row) if row is not None else None

    def last(self, pair: str | None = None, *, state: str | None = None, limit: int = 20) -> list[Run]:
        """The newest runs."""
        query = select(runs).order_by(runs.c.id.desc()).limit(limit)
        if pair is not None:
            query = query.where(runs.c.pair == pair)
        if state is not None:
            query = query.where(runs.c.state == state)
        return [_run(row) for row in self.connection.execute(query)]

    def after(self, run: int, *, limit: int = 1000) -> list[Run]:
        """Those that began after this one, oldest first."""
        query = select(runs).where(runs.c.id > run).order_by(runs.c.id).limit(limit)
        return [_run(row) for row in self.connection.execute(query)]

    def system(self, name: str) -> SystemState | None:
        """A system's state; None if nothing was ever noted."""
        row = self.connection.execute(select(systems).where(systems.c.name == name)).one_or_none()
        return SystemState(**row._mapping) if row is not None else None

    def systems(self) -> dict[str, SystemState]:
        """The states of all systems of which any was ever noted, by name."""
        return {row.name: SystemState(**row._mapping) for row in self.connection.execute(select(systems))}

    def set_system(self, state: SystemState) -> None:
        """Note a system's state."""
        row = {"name": state.name, "state": state.state, "reason": state.reason, "since": state.since,
               "again_at": state.again_at}  # fmt: skip
        upsert(self.connection, systems, [row])

    def fact(self, name: str) -> Any:
        """A small fact; None if not known."""
        return self.connection.execute(_FACT, {"of": name}).scalar_one_or_none()

    def known(self, names: Sequence[str]) -> dict[str, Any]:
        """Those of these small facts that are known."""
        return {row.name: row.value for row in self.connection.execute(_FACTS, {"among": names})}

    def set_fact(self, name: str, value: Any) -> None:
        """Remember a small fact."""
        upsert(self.connection, facts, [{"name": name, "value": value}])

    def next_fence(self) -> int:
        """A number greater than every fence before it; under one all work begins.

        Raises ConfigError where the store is carried over to another one: who works on it still ends with that.
        """
        known = self.known(["fence", MOVED])
        if (moved := known.get(MOVED)) is not None:
            raise out_of_date(moved)
        fence = int(known.get("fence") or 0) + 1
        self.set_fact("fence", fence)
        return fence


def out_of_date(moved: Mapping[str, Any]) -> ConfigError:
    """Why nobody works on a store that is carried over, or was."""
    if moved["done"]:
        remedy = "Set [syncd] store to that one. To come back to this one, move it back: `syncd db move`."
        return ConfigError(Problem("[syncd] store", f"it was moved to {moved['to']}, and is out of date.", remedy))
    remedy = "Run the same `syncd db move` again, which goes on where it was, or give it up: `syncd db move --give-up`."
    return ConfigError(Problem("[syncd] store", f"it is being moved to {moved['to']}.", remedy))


def _run(row: Row[tuple[object, ...]]) -> Run:
    return Run(row.id, row.pair, row.mode, row.state, row.started_at, row.ended_at, row.counts or {}, row.digest)
