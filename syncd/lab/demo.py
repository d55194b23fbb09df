"""The live demo: both vendors in a box, the real daemon between them, and a page to play with.

What is not here: the stage (`stage`), the page (`page`), and the proof that all comes out equal (`settled`).
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from syncd.lab.crm import HUBSPOT, Crm
from syncd.lab.own import RIGHT
from syncd.lab.page.app import build
from syncd.lab.page.desk import TITLES, Syncd
from syncd.lab.page.serve import serve
from syncd.lab.stage import Stage
from syncd.service import log

PORT, LEADS = 8484, 200

TIMING: Mapping[str, str] = {
    "idle": "100ms", "timeout": "4s", "retry_for": "8s", "landing": "5s", "retry_first": "1s",
    "lease": "10s",
}  # fmt: skip
"""Durations that suit somebody who watches; nothing else differs from production."""


class Daemon(Syncd, Protocol):
    """An app that can also be run; `syncd.app.App` is one."""

    def run(self, stop: threading.Event) -> None:
        """The daemon, until `stop` is set."""


class Opener(Protocol):
    """How a set-up is opened; `syncd.app.App.open` is one."""

    def __call__(self, path: Path, *, environ: Mapping[str, str]) -> AbstractContextManager[Daemon]:
        """The app of this set-up."""


@dataclass(frozen=True, slots=True)
class Playing:
    """A demo that plays: where its page is, and the stage it plays on."""

    url: str
    stage: Stage


@contextlib.contextmanager
def playing(
    opens: Opener, *, crm: Crm = HUBSPOT, leads: int = LEADS, port: int = PORT, rate: str = "20/1", seed: int = 1
) -> Iterator[Playing]:
    """Seed both sandboxes, sync them live and serve the page for as long as the `with` block lasts.

    `port`: the first to try on 127.0.0.1 (0: any). Raises ConfigError if none is free.
    """
    stop = threading.Event()
    with (
        tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder,
        Stage(folder=Path(folder), crm=crm, leads=leads, seed=seed, rate=rate, every="1s", timing=TIMING) as stage,
        opens(stage.config, environ=stage.environ) as app,
    ):
        log.setup(list(stage.environ.values()), level="error")
        daemon = threading.Thread(target=app.run, args=(stop,), name="daemon", daemon=True)
        page = build(app, stage.left, stage.right, alive=daemon.is_alive, since=stage.since)
        with serve(page, port) as url:
            daemon.start()
            try:
                yield Playing(url, stage)
            finally:
                stop.set()
                daemon.join(timeout=30)


def run(
    opens: Opener, *, crm: Crm = HUBSPOT, leads: int = LEADS, port: int = PORT, rate: str = "20/1", seed: int = 1,
    say: Callable[[str], None], stop: threading.Event,
) -> None:  # fmt: skip
    """Play until `stop` is set; `say` tells the person where to look. Raises ConfigError if no port is free."""
    left, right = TITLES[crm.name], TITLES[RIGHT]
    say(f"Filling a pretend {left} with {leads} leads and a pretend {right} with {leads // 5} customers.")
    with playing(opens, crm=crm, leads=leads, port=port, rate=rate, seed=seed) as demo:
        say(f"The demo is live at {demo.url} (Ctrl-C ends it)")
        stop.wait()
