"""What is asked of an open set-up, one method for each verb, for the command line as for the pages.

What is not here: what it is made of (`opened`), any decision, any rendering.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from syncd import config as settings
from syncd.app.opened import Opened
from syncd.core.fieldmap import FieldMap
from syncd.engine import (
    answers,
    applying,
    attached,
    auditing,
    by_hand,
    explain,
    lookout,
    maps,
    questions,
    review,
    undo,
)
from syncd.engine.audit import Found
from syncd.errors import ConfigError, Problem, SyncdError
from syncd.service import checkup, diagnosis, impact, passes, systems, whose
from syncd.service.connecting import Connecting
from syncd.service.keeping import Keeping
from syncd.service.keys import Keys
from syncd.service.passes import Say
from syncd.service.privacy import Privacy
from syncd.service.setupfile import SetupFile
from syncd.store import schema
from syncd.store.marks import HELD, PARKED

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from syncd.console.doors import Doors
    from syncd.service.daemon import Daemon
    from syncd.service.serving import Serving


class App(Opened):
    """What the command line, the pages and programs ask of it."""

    @cached_property
    def serving(self) -> Serving:
        """The daemon and all around it."""
        from syncd.service.serving import Serving

        return Serving(
            self.config,
            self.ready_store,
            self.clock,
            self.health,
            self._world_of,
            self._compiled,
            self.compiled_pairs,
            self._map_keys(),
            self._pages,
            self._works,
        )

    def _works(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def _pages(self, ready: Callable[[], bool], over: Callable[[], bool]) -> ASGIApp:
        from syncd.console.later import Later

        return Later(lambda: self._console(ready, over))

    def _console(self, ready: Callable[[], bool], over: Callable[[], bool]) -> ASGIApp:
        from syncd.console.site import Console

        return Console.of(self, ready, over).app()

    @cached_property
    def doors(self) -> Doors:
        """Who may use the console."""
        from syncd.console.doors import Doors

        return Doors(self.ready_store, self.clock, self.config.console)

    @cached_property
    def setup(self) -> SetupFile:
        """config.toml, to be changed."""
        return SetupFile(self.config.path, self._as_read, self.renew)

    def _as_read(self, text: str) -> settings.Config:
        return settings.try_text(text, self.config.path, self.environ, known=systems.shapes())

    @cached_property
    def connecting(self) -> Connecting:
        """More systems than there are."""
        return Connecting(self.config, self._as_read, self.keys.try_out, self._accounts, self.renew)

    def _accounts(self) -> dict[str, str | None]:
        with self.ready_store.read() as tx:
            return {name: one.account for name, one in whose.connections(tx, self.config.systems).items()}

    @cached_property
    def keys(self) -> Keys:
        """The keys of the systems, to be changed."""
        return Keys(self.config, self.environ, self._other_account, self.renew)

    def take_maps(self) -> None:
        """Let the daemon, if one works here, read the maps anew now; else it does so at its time."""
        if self._daemon is not None:
            self._daemon.wake_maps()

    def prepare(self, instead_of: Self) -> None:
        """Try all that a daemon needs, while another one works. Raises SyncdError."""
        self.serving.try_out(instead_of.config.web)

    def run(self, stop: threading.Event) -> None:
        """The daemon, until `stop` is set. Raises ConfigError too if the port is taken."""
        self.serving.run(stop)

    def work(self, stop: threading.Event) -> None:
        """One of several processes on a PostgreSQL, until `stop` is set. Raises ConfigError for another store."""
        self.serving.work(stop)

    def check(self, progress: Say = lambda _text: None) -> list[dict[str, Any]]:
        """Every finding over keys, permissions, maps and store, as data: severity, subject, message, remedy."""

        def version() -> str | None:
            return schema.version(self.ready_store)

        return checkup.findings(self.config, self.connectors, version, self._other_account, progress)

    def _other_account(self, system: str, account: str | None) -> Problem | None:
        return whose.another(self.ready_store, system, account)

    def plan(self, pair: str | None = None, progress: Say = lambda _text: None) -> dict[str, Any]:
        """Read both sides and show what a run would do; nothing is written to a vendor."""
        with self.health.noting():
            return {**passes.plan(self.world, self.pairs(pair), progress), "parked": len(self.parked())}

    def once(self, pair: str | None = None, progress: Say = lambda _text: None) -> list[dict[str, Any]]:
        """Pass after pass until nothing is due; one report per run."""
        with self.health.noting():
            return passes.once(self.world, self.pairs(pair), progress)

    def undo(
        self,
        run: int,
        map: str | None = None,
        field: str | None = None,
        ref: str | None = None,
        progress: Say = lambda _text: None,
    ) -> dict[str, Any]:
        """Take back what a run wrote (to one record, and whom it is linked with), where it still stands.

        What it made is archived. What became of it.
        """
        of = answers.ref_of(ref) if ref is not None else None
        map = answers.map_key(self._map_keys(), map)
        with self.health.noting():
            pair, links = undo.order(self.world, run, map_key=map, name=field, ref=of)
            (one,) = self.pairs(pair)
            return {"links": links, **passes.take_back(self.world, one, run, links, progress)}

    def verify(
        self, pair: str | None = None, map: str | None = None, *, whole: bool = True, heal: bool = False
    ) -> Iterator[Found]:
        """Compare both sides of every link, or of a slice, page by page; what is found is stored at the end.

        `heal`: what nothing accounts for is marked, and goes through plan and guard like any change.
        """
        for m in self._maps_of(pair, map):
            if whole:
                yield from auditing.verify(self.world, m, heal=heal)
            else:
                yield from auditing.a_slice(self.world, m, max(1, self.config.audit.nights), heal=heal)

    def _maps_of(self, pair: str | None, map: str | None) -> list[FieldMap]:
        """The maps of a pair, or of all; only the one of this key or name. Raises ConfigError naming the known ones."""
        known = [m for one in self.pairs(pair) for m in one.maps]
        found = [m for m in known if map in (None, m.key, m.name)]
        if not found:
            remedy = f"Known: {', '.join(m.key for m in known)}."
            raise ConfigError(Problem(f"map {map}", "there is no such map.", remedy))
        return found

    def _map(self, name: str) -> FieldMap:
        """The one map of this key or name. Raises ConfigError."""
        found = self._maps_of(None, name)
        if len(found) > 1:
            known = ", ".join(m.key for m in found)
            raise ConfigError(Problem(f"map {name}", f"several maps have this name: {known}.", "Write PAIR/MAP."))
        return found[0]

    def map_preview(self, name: str) -> dict[str, Any]:
        """What applying a changed map to all its records would touch."""
        m = self._map(name)
        maps.adopt(self.world)
        return impact.impact(self.config, self.world, m).row()

    def map_apply(self, name: str, progress: Say = lambda _text: None) -> datetime:
        """Mark all records of a map; when the next runs may carry it out."""
        m = self._map(name)
        for at in applying.apply(self.world, m):
            progress(f"marked so far: {at.done}")
        return applying.release(self.world, m, self.config.timing.fresh)

    def parity(self, pair: str | None = None, map: str | None = None) -> list[dict[str, Any]]:
        """How equal both sides were when they were last compared, per map and field."""
        keys = [m.key for m in self._maps_of(pair, map)]
        with self.ready_store.read() as tx:
            return auditing.figures(tx, keys)

    def status(self) -> dict[str, Any]:
        """How it goes: systems, feeds, links, what waits and for whom."""
        pairs, maps = self.config.pairs, self._map_keys()
        with self.ready_store.read() as tx:
            found = answers.status(tx, self.clock(), list(self.config.systems), maps)
            found["parity"] = auditing.summary(tx, maps)
        return {**found, "pairs": {name: {"mode": pair.mode} for name, pair in pairs.items()}}

    def conflicts(
        self, state: str | None = "open", map: str | None = None, field: str | None = None
    ) -> list[dict[str, Any]]:
        """Conflicts with both ids, the field and both values; `state` None: all."""
        states = [state] if state else ["open", "overruled", "kept", "taken", "agreed", "gone", "ordered"]
        map = answers.map_key(self._map_keys(), map)
        with self.ready_store.read() as tx:
            rows = tx.conflicts.list(states=states, map_key=map, limit=100_000)
        maps = self._known_maps()
        shown = [answers.conflict_row(maps.get(row.map), row) for row in rows]
        return answers.of_field(shown, maps.values(), field)

    def _known_maps(self) -> Mapping[str, Any]:
        """The maps, if the vendors can be asked; a list is shown without field names else."""
        try:
            return self.world.maps
        except SyncdError:
            return {}

    def take(self, conflict: int, choice: str, *, literal: bool = False) -> None:
        """Take a side (`left`, `right`), or a value in the left side's terms (`literal`)."""
        self.take_all([conflict], choice, literal=literal)

    def take_all(self, conflicts: Sequence[int], choice: str, *, literal: bool = False) -> None:
        """Take the same side or value of each of these.

        Raises ConfigError naming those whose values have moved since; the others are taken.
        """
        problems: list[Problem] = []
        for conflict in conflicts:
            try:
                answers.take(self.world, conflict, choice, literal=literal)
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)

    def parked(self) -> list[dict[str, Any]]:
        """Marks that wait for a person or a changed world."""
        maps = self._known_maps()
        with self.ready_store.read() as tx:
            return answers.mark_rows(tx, maps, tx.marks.resting(PARKED))

    def held(self) -> list[dict[str, Any]]:
        """Pairs of which something waits for permission."""
        with self.ready_store.read() as tx:
            return answers.held_rows(tx, self.clock())

    def held_plans(self, pair: str | None = None) -> list[dict[str, Any]]:
        """What waits for permission, record by record."""
        return [row for one in self.pairs(pair) for row in answers.plan_rows(self.store, one.maps, HELD)]

    def approve(self, pair: str | None = None) -> int:
        """Allow what is held to be written: it is planned again, and written as far as that goes; how many records."""
        return answers.release(self.world, self.pairs(pair), approve=True)

    def discard(self, pair: str | None = None) -> int:
        """Let what is held be parked instead of written; how many records."""
        return answers.release(self.world, self.pairs(pair), approve=False)

    def retry(self, map: str | None = None, ref: str | None = None) -> int:
        """Make parked marks due again; how many."""
        map = answers.map_key(self._map_keys(), map)
        with self.ready_store.begin() as tx:
            return tx.marks.retry(map, self.clock(), ids=[answers.ref_of(ref).id] if ref else ())

    def skip(self, ref: str, map: str | None = None) -> int:
        """Pass over a parked record until it changes or is tried again; in how many maps."""
        return answers.skip(self.world, answers.ref_of(ref), answers.map_key(self._map_keys(), map))

    def answer(self, ref: str, twin: str, map: str | None = None) -> str | None:
        """Name the twin of a record that is parked with a question, or `none`; the twin's ref."""
        found = questions.answer(self.world, answers.ref_of(ref), twin, map)
        return str(found) if found is not None else None

    def believe(self, feed: str) -> int:
        """Take what does not answer of SYSTEM:KIND for deleted; how many linked records are looked at for it."""
        return lookout.believe(self.world, feed)

    def review(self, map: str | None = None) -> list[dict[str, Any]]:
        """Uncertain matches, the likeliest first: both refs, score, reasons, and both records field by field."""
        return review.review(self.world, map)

    def link(self, one: str, other: str, map: str | None = None, *, same: bool = True) -> tuple[str, str]:
        """Link two records by hand, or (not `same`) note for good that they are two; left and right ref."""
        do = by_hand.link if same else by_hand.refuse
        left, right = do(self.world, answers.ref_of(one), answers.ref_of(other), map)
        return str(left), str(right)

    def unlink(self, ref: str, map: str | None = None) -> str:
        """Part a record from its twin; the twin's ref."""
        return str(by_hand.unlink(self.world, answers.ref_of(ref), map))

    def relink(self, ref: str, twin: str | None = None, map: str | None = None) -> str:
        """Link a record again, with the twin it had or with this one; the twin's ref."""
        return str(by_hand.relink(self.world, answers.ref_of(ref), answers.ref_of(twin) if twin else None, map))

    def pause(self, ref: str) -> None:
        """Leave a record alone until it is resumed."""
        by_hand.pause(self.world, answers.ref_of(ref))

    def resume(self, ref: str) -> None:
        """Go on with a record that was paused."""
        by_hand.resume(self.world, answers.ref_of(ref))

    def explain(self, ref: str, field: str | None = None, *, history: bool = True) -> dict[str, Any]:
        """Why a record, or one of its fields, is as it is; without `history` no vendor is asked."""
        return explain.explain(self.world, answers.ref_of(ref), field, history=history)

    def files(self, ref: str) -> list[dict[str, Any]]:
        """The files of a record and of whom it is linked with, as their vendors list them now."""
        return attached.attached(self.world, answers.ref_of(ref))

    @cached_property
    def privacy(self) -> Privacy:
        """What is held of a person."""
        return Privacy(self.ready_store, self.world.maps, self.clock)

    def diagnose(self) -> bytes:
        """An archive for who helps from afar; no key, and nothing of anybody's records."""
        return diagnosis.archive(self.config, self.store, {"status": self.status, "check": self.check}, self.clock())

    @cached_property
    def keeping(self) -> Keeping:
        """What is done with the store as a whole."""
        return Keeping(self.store, self.clock)
