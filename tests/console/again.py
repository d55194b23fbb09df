"""A small synced world that can be had again and again: both sandboxes and the store, put back as they were.

What is not here: any test.
"""

from __future__ import annotations

import copy
import copyreg
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

from syncd.app import App
from syncd.kit import registry
from syncd.kit.remote import Remote
from syncd.kit.sandbox import Sandbox, SandboxServer
from syncd.lab.demo import TIMING
from syncd.lab.stage import Stage

# A lock is no state: a copy has one of its own.
copyreg.pickle(type(threading.RLock()), lambda _lock: (threading.RLock, ()))

QUICK = {**TIMING, "lag": "1s", "overlap": "1s"}


@dataclass(slots=True, kw_only=True)
class NearStage(Stage):
    """A stage whose sandboxes live in this process, where they can be copied."""

    boxes: list[Sandbox] = field(default_factory=list)

    def _vendor(self, opening: ExitStack, name: str, settings: Mapping[str, Any]) -> Remote:
        made: Sandbox = registry.sandbox(name)(seed=self.seed, settings=dict(settings))
        self.boxes.append(made)
        remote = Remote(opening.enter_context(SandboxServer(made)).url)
        opening.callback(remote.close)
        return remote


def _kept(box: Sandbox) -> dict[str, Any]:
    box._vendor_app = None  # it is made again of whatever stands there then
    return copy.deepcopy(box.__dict__, {id(box): box})


def _put_back(box: Sandbox, kept: Mapping[str, Any]) -> None:
    now = copy.deepcopy(dict(kept), {id(box): box})
    box.__dict__.clear()
    box.__dict__.update(now)


@dataclass(slots=True, repr=False)
class Again:
    """A stage that was synced, and what it was then; `app`: it, opened, to be asked and not to be worked with."""

    stage: NearStage
    app: App
    _kept: list[dict[str, Any]]
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def world(self) -> Iterator[Path]:
        """The world as it was, in a folder of its own; the set-up to open. One at a time."""
        for box, kept in zip(self.stage.boxes, self._kept, strict=True):
            _put_back(box, kept)
        home, folder = self.stage.folder, self.stage.folder.with_name(f"again{next(self._numbers)}")
        shutil.copytree(home, folder)
        config = folder / "config.toml"
        config.write_text(config.read_text().replace(str(home), str(folder)))
        try:
            yield config
        finally:
            shutil.rmtree(folder)

    def open(self, config: Path) -> App:
        """The set-up, opened."""
        return App.read(config, environ=self.stage.environ)

    def pass_by(self, seconds: float) -> None:
        """Let so much time pass at both vendors: what was done there is old enough to be read."""
        for vendor in self.stage.vendors.values():
            vendor.advance(seconds)


@contextmanager
def again(folder: Path, leads: int) -> Iterator[Again]:
    """Seeded, synced once, and kept."""
    settings = {"index_lag": 0.0}
    with (
        NearStage(
            folder=folder / "home", leads=leads, rate="1000/1", every="1s", timing=QUICK, right_settings=settings
        ) as stage,
        App.read(stage.config, environ=stage.environ) as app,
    ):
        app.once()
        yield Again(stage, app, [_kept(box) for box in stage.boxes])
