"""What the contract tests stand on: the hooks a vendor fills in, a sandbox with its connector, and a small memory.

What is not here: tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, ClassVar

import orjson
import pytest

from syncd.core.model import Action, Gone, MatchKey, Operation, Outcome, Record, Ref, Result, SyncKey, Value
from syncd.errors import Transient
from syncd.kit.connector import Connector, Cursor, Page, Seen, Timing
from syncd.kit.faults import Faults, Rule
from syncd.kit.remote import Remote
from syncd.kit.sandbox import Sandbox, SandboxServer

TIMING = Timing(timeout=timedelta(seconds=2), retry_for=timedelta(seconds=1.5))
"""Production's durations but for those that are waited for in real time; the sandbox's clock is moved instead."""

HASTY = replace(TIMING, retry_for=timedelta(seconds=0.2))
"""Of a connector that soon gives up, for troubles that do not end."""

STEPS = (*([20.0] * 6), *([120.0] * 5), *([700.0] * 8))
"""Seconds the sandbox's clock is moved between ticks until a lagging index must have shown everything: two hours."""


def must(truth: object, words: str) -> None:
    """Fail the test with these words unless it is true. Plain `assert` would be blank outside of pytest's own tree."""
    if not truth:
        raise AssertionError(words)


def same(got: object, wanted: object, words: str) -> None:
    """Fail the test unless both are equal, showing both."""
    if got != wanted:
        raise AssertionError(f"{words}: got {got!r}, wanted {wanted!r}")


class Hooks(ABC):
    """What a vendor's test class fills in. Everything else is promised by `kit.connector` for all vendors alike."""

    kinds: ClassVar[tuple[str, ...]] = ()
    """The kinds under test; each test runs for each of them."""

    many: ClassVar[int] = 250
    """More records than the vendor puts into one batch."""

    also_sent: ClassVar[frozenset[str]] = frozenset()
    """Fields the connector adds to what an operation holds (a vendor's required ones)."""

    missing_id: ClassVar[str] = "987654321"
    """An id in the vendor's form that no record has."""

    terse: ClassVar[Mapping[str, Any]] = {}
    """Switches of the sandbox under which the answer to a write leaves out fields, so that they are read afterwards."""

    @abstractmethod
    def make_sandbox(self) -> Sandbox:
        """A fresh sandbox with a lagging index and no rate limit."""

    @abstractmethod
    def make_connector(self, url: str, timing: Timing, secret: str | None = None) -> Connector:
        """A connector to the sandbox at `url`, with rates that never wait; another `secret` to try a wrong key."""

    @abstractmethod
    def sample_fields(self, kind: str, n: int) -> dict[str, Value]:
        """Canonical fields of a record worth creating; different for every `n` wherever the vendor wants it unique."""

    @abstractmethod
    def edit(self, kind: str, n: int) -> dict[str, Value]:
        """One text field of `sample_fields` that people edit and that may be blank, with a value of its own per `n`."""

    def terse_edit(self, kind: str, n: int) -> dict[str, Value]:
        """An edit of a field of `sample_fields` that a `terse` answer leaves out, where there is one."""
        return self.edit(kind, n)

    @abstractmethod
    def refused(self, kind: str, n: int) -> dict[str, Value]:
        """Fields of a create that the vendor refuses for a value in it."""

    @abstractmethod
    def match_keys(self, kind: str, n: int) -> Sequence[MatchKey]:
        """Keys by which the record of `sample_fields(kind, n)` can be found; empty where the kind has none."""

    def prepare(self, remote: Remote, connector: Connector) -> None:
        """Set the account up (a unique property, a custom field). The default has nothing to do but to look."""
        must(set(self.kinds) <= set(connector.kinds), f"{connector.name} has {connector.kinds}, not {self.kinds}")

    def as_typed(self, kind: str, fields: Mapping[str, Value]) -> dict[str, Any]:
        """Canonical fields in the vendor's wire form, as `act` takes them and the store holds them."""
        must(kind in self.kinds, f"unknown kind {kind}")
        return {name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()}

    def id_of(self, row: Mapping[str, Any]) -> str:
        """The id in a row of the primary store."""
        return str(row["id"])

    def stored(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        """The wire fields in a row of the primary store."""
        properties: Mapping[str, Any] = row.get("properties", row)
        return properties

    def fields_sent(self, body: Any) -> set[str]:
        """The record fields named in the body of a write: those under `properties`, else the keys of the object."""
        if not isinstance(body, Mapping):
            return set()
        if "inputs" in body:
            return {name for one in body["inputs"] for name in self.fields_sent(one)}
        return set(body.get("properties", body))


@dataclass
class Memory:
    """What an engine would hold: the last of each record, never an older version over a newer one."""

    connector: Connector
    kind: str
    fields: Sequence[str]
    held: dict[str, Record | Gone] = field(default_factory=dict)
    cursor: Cursor | None = None
    backfilled: bool = False
    read_to: Any = None

    def known(self, ids: Sequence[str]) -> Mapping[str, Seen]:
        """The feed's question: what is held of these."""
        held = [one for asked in ids if isinstance(one := self.held.get(asked), Record)]
        return {one.ref.id: Seen(one.version, one.read_at) for one in held}

    def tick(self, pages: int | None = None) -> list[Page]:
        """One tick, every page taken as it comes; at most so many pages, then the tick is cut short."""
        taken: list[Page] = []
        for page in self.connector.changes(self.kind, self.cursor, self.fields, self.known):
            self.take(page)
            taken.append(page)
            if pages is not None and len(taken) >= pages:
                break
        return taken

    def take(self, page: Page) -> None:
        """Store a page together with its cursor, which must survive being JSON."""
        for one in page.records:
            self._keep(one)
        self.cursor = orjson.loads(orjson.dumps(dict(page.cursor)))
        self.backfilled, self.read_to = page.backfilled, page.read_to

    def fill(self) -> None:
        """Ticks until the first reading is complete."""
        for _ in range(200):
            pages = self.tick()
            if self.backfilled and not (pages and pages[-1].due):
                return
        raise AssertionError("the first reading never ended")

    def value(self, id: str, name: str) -> Value:
        """The value held, or a text that says what is held instead."""
        one = self.held.get(id)
        if isinstance(one, Record):
            return one.fields.get(name, "<unknown>")
        return "<gone>" if one else "<never seen>"

    def _keep(self, one: Record | Gone) -> None:
        before = self.held.get(one.ref.id)
        if isinstance(before, Record) and isinstance(one, Record) and before.modified_at and one.modified_at:
            if one.modified_at < before.modified_at:
                return
            if one.stale_ok and one.modified_at == before.modified_at and one.fields != before.fields:
                one = self.connector.read(self.kind, [one.ref.id], self.fields)[one.ref.id]
        self.held[one.ref.id] = one


class _OnceWritten(Faults):
    """No trouble up to the first write, which is carried out under these switches; then the same for every request."""

    def __init__(self, sandbox: Sandbox, fault: str, switches: Mapping[str, Any]) -> None:
        super().__init__(0)
        self._sandbox, self._switches, self._written = sandbox, switches, False
        self.replace([{"fault": fault}])

    def pick(self, method: str, path: str, write: bool) -> Rule | None:
        """None until the first write has come by."""
        if self._written:
            return super().pick(method, path, write)
        if write:
            self._written = True
            self._sandbox.settings.update(self._switches)
        return None


@dataclass
class Bench:
    """A sandbox that serves, its remote control, and the connector under test."""

    hooks: Hooks
    url: str
    remote: Remote
    connector: Connector
    sandbox: Sandbox

    @contextmanager
    def hasty(self) -> Iterator[Bench]:
        """The same account with a connector that soon gives up."""
        connector = self.hooks.make_connector(self.url, HASTY)
        try:
            yield replace(self, connector=connector)
        finally:
            connector.close()

    def person_creates(self, kind: str, n: int) -> str:
        """Somebody types in the record of `sample_fields(kind, n)`; its id."""
        return self.people_create(kind, [n])[0]

    def people_create(self, kind: str, numbers: Iterable[int]) -> list[str]:
        """The same many times over, in a row."""
        orders = [{"fields": self.hooks.as_typed(kind, self.hooks.sample_fields(kind, n))} for n in numbers]
        return [str(one["id"]) for one in self.remote.acts("create", kind, orders)]

    def person_edits(self, kind: str, id: str, n: int) -> tuple[str, Value]:
        """Somebody edits the record; the field and its new canonical value."""
        return self.people_edit(kind, {id: n})[0]

    def people_edit(self, kind: str, numbers: Mapping[str, int]) -> list[tuple[str, Value]]:
        """The same of many records, in a row."""
        edits = {id_: self.hooks.edit(kind, n) for id_, n in numbers.items()}
        orders = [{"id": id_, "fields": self.hooks.as_typed(kind, edit)} for id_, edit in edits.items()]
        self.remote.acts("update", kind, orders)
        return [next(iter(edit.items())) for edit in edits.values()]

    def person_attaches(self, kind: str, id: str, name: str, size: int) -> None:
        """Somebody puts a file of this name and so many bytes on the record."""
        self.remote.act("attach", kind, id=id, fields={"name": name, "size": size})

    def names(self, kind: str) -> list[str]:
        """The fields that the tests ask for."""
        return list(self.hooks.sample_fields(kind, 0))

    def memory(self, kind: str) -> Memory:
        """An engine that knows nothing yet."""
        return Memory(self.connector, kind, self.names(kind))

    def rows(self, kind: str) -> dict[str, Mapping[str, Any]]:
        """The primary store by id."""
        return {self.hooks.id_of(row): row for row in self.remote.records(kind)}

    def holds(self, kind: str, id: str, fields: Mapping[str, Value]) -> bool:
        """Whether the primary store has these values."""
        there = self.hooks.stored(self.rows(kind)[id])
        return all(there.get(name) == value for name, value in self.hooks.as_typed(kind, fields).items())

    def trouble_once_written(self, fault: str) -> None:
        """From now on the first write lands and is answered tersely; every request after it meets this fault."""
        self.sandbox.faults = _OnceWritten(self.sandbox, fault, self.hooks.terse)

    def later(self, memory: Memory, done: Callable[[], bool]) -> bool:
        """Let hours pass in the sandbox, with a tick now and then, until it is done."""
        for step in STEPS:
            memory.tick()
            if done():
                return True
            self.remote.advance(step)
        memory.tick()
        return done()

    def create(self, kind: str, n: int, sync_key: SyncKey | None = None) -> Operation:
        """The operation that creates the record of `sample_fields(kind, n)`."""
        fields = self.hooks.sample_fields(kind, n)
        return Operation(id=f"create-{n}", action=Action.CREATE, fields=fields, sync_key=sync_key)

    def update(self, kind: str, id: str, n: int, expect: Mapping[str, Value]) -> Operation:
        """The operation that makes edit `n` where these values are expected."""
        ref = Ref(self._system(kind, id), kind, id)
        fields = self.hooks.edit(kind, n)
        return Operation(id=f"update-{id}", action=Action.UPDATE, ref=ref, fields=fields, expect=dict(expect))

    def _system(self, kind: str, id: str) -> str:
        return self.connector.read(kind, [id], [])[id].ref.system

    def write(self, kind: str, operations: Sequence[Operation]) -> dict[str, Outcome]:
        """Write all, and hold the connector to exactly one outcome each; a Transient stands for LATER of the rest."""
        outcomes: dict[str, Outcome] = {}
        try:
            for batch in self.connector.write(kind, operations):
                for one in batch:
                    must(one.operation not in outcomes, f"two outcomes for {one.operation}")
                    outcomes[one.operation] = one
        except Transient as error:
            for operation in operations:
                later = Outcome(operation=operation.id, result=Result.LATER, retry_after=error.retry_after)
                outcomes.setdefault(operation.id, later)
        same(set(outcomes), {operation.id for operation in operations}, "one outcome per operation")
        return outcomes


@contextmanager
def open_bench(hooks: Hooks, timing: Timing = TIMING) -> Iterator[Bench]:
    """Serve a fresh sandbox and connect to it, prepared as the vendor's test class wants it."""
    sandbox = hooks.make_sandbox()
    with SandboxServer(sandbox) as server:
        remote = Remote(server.url)
        connector = hooks.make_connector(server.url, timing)
        try:
            remote.settings(log_bodies=1_000_000)
            hooks.prepare(remote, connector)
            yield Bench(hooks, server.url, remote, connector, sandbox)
        finally:
            connector.close()
            remote.close()


class Contract(Hooks):
    """The fixtures of all contract tests: `bench`, and `kind` over every one of `kinds`."""

    @pytest.fixture
    def bench(self) -> Iterator[Bench]:
        """A fresh account for each test."""
        with open_bench(self) as bench:
            yield bench

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run a test that asks for `kind` once per kind."""
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", self.kinds)
