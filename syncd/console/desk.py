"""What the console needs of the application: the very verbs of the command line. `syncd.app.App` is one.

What is not here: how anything is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Protocol

from syncd.config import Config
from syncd.engine.world import World
from syncd.service.connecting import Connecting
from syncd.service.keys import Keys
from syncd.service.setupfile import SetupFile
from syncd.store.store import Store

Say = Callable[[str], None]


class Desk(Protocol):
    """An open set-up whose daemon works, or is about to."""

    @property
    def config(self) -> Config:
        """The set-up as it was read."""

    @property
    def ready_store(self) -> Store:
        """The store, at the right version."""

    @property
    def clock(self) -> Callable[[], datetime]:
        """What leases and due times are measured by."""

    @property
    def world(self) -> World:
        """Everything the engine works in, with the maps as they are now. Only when the daemon works."""

    @property
    def setup(self) -> SetupFile:
        """config.toml, to be changed."""

    @property
    def keys(self) -> Keys:
        """The keys of the systems, to be changed."""

    @property
    def connecting(self) -> Connecting:
        """More systems than there are."""

    def take_maps(self) -> None:
        """Let the daemon read the maps anew now."""

    def status(self) -> dict[str, Any]:
        """How it goes: systems, feeds, links, what waits and for whom."""

    def check(self, progress: Say = ...) -> list[dict[str, Any]]:
        """Every finding over keys, permissions, maps and store. Asks the vendors."""

    def conflicts(
        self, state: str | None = "open", map: str | None = None, field: str | None = None
    ) -> list[dict[str, Any]]:
        """Conflicts with both ids, the field and both values; `state` None: all."""

    def parked(self) -> list[dict[str, Any]]:
        """What waits for a person or a changed world."""

    def take_all(self, conflicts: Sequence[int], choice: str, *, literal: bool = False) -> None:
        """Take the same side or value of each of these conflicts."""

    def held(self) -> list[dict[str, Any]]:
        """Pairs of which something waits for permission."""

    def held_plans(self, pair: str | None = None) -> list[dict[str, Any]]:
        """What waits for permission, record by record."""

    def approve(self, pair: str | None = None) -> int:
        """Allow what is held; how many records."""

    def discard(self, pair: str | None = None) -> int:
        """Let what is held be parked; how many records."""

    def retry(self, map: str | None = None, ref: str | None = None) -> int:
        """Make parked marks due again; how many."""

    def skip(self, ref: str, map: str | None = None) -> int:
        """Pass over a parked record until it changes or is tried again; in how many maps."""

    def review(self, map: str | None = None) -> list[dict[str, Any]]:
        """Uncertain matches, the likeliest first."""

    def answer(self, ref: str, twin: str, map: str | None = None) -> str | None:
        """Name the twin of a record that is parked with a question, or `none`."""

    def link(self, one: str, other: str, map: str | None = None, *, same: bool = True) -> tuple[str, str]:
        """Link two records by hand, or note for good that they are two."""

    def unlink(self, ref: str, map: str | None = None) -> str:
        """Part a record from its twin; the twin's ref."""

    def relink(self, ref: str, twin: str | None = None, map: str | None = None) -> str:
        """Link a record again; the twin's ref."""

    def explain(self, ref: str, field: str | None = None, *, history: bool = True) -> dict[str, Any]:
        """Why a record is as it is; without `history` no vendor is asked."""

    def pause(self, ref: str) -> None:
        """Leave a record alone until it is resumed."""

    def resume(self, ref: str) -> None:
        """Go on with a record that was paused."""

    def files(self, ref: str) -> list[dict[str, Any]]:
        """The files of a record and of whom it is linked with. Asks the vendors."""

    def undo(
        self, run: int, map: str | None = None, field: str | None = None, ref: str | None = None, progress: Say = ...
    ) -> dict[str, Any]:
        """Take back what a run wrote (to one record, and whom it is linked with), where it still stands."""

    def parity(self, pair: str | None = None, map: str | None = None) -> list[dict[str, Any]]:
        """How equal both sides were when they were last compared."""

    def map_preview(self, name: str) -> dict[str, Any]:
        """What applying a changed map to all its records would touch."""

    def map_apply(self, name: str, progress: Say = ...) -> datetime:
        """Mark all records of a map; when the next runs may carry it out."""
