"""The daemon as a process of its own: started, killed with -9, told to end; and waiting for what it does.

What is not here: when it is killed (`play`).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from syncd.lab import forks
from syncd.lab.stage import Stage

TAIL = 2000
"""Of what a process said, so many characters from its end tell why it ended."""


class InVain(Exception):
    """Waited in vain: the text says for what. Or the daemon ended by itself, and the text is what it said last."""


@dataclass(slots=True)
class Process:
    """`syncd run` (or another verb) as a process. `log`: all that it said, over all its lives."""

    stage: Stage
    log: Path
    verb: str = "run"
    _child: BaseProcess | None = None

    def start(self) -> None:
        """Start it; it must not be running."""
        arguments = (self.verb, "--config", str(self.stage.config))
        self._child = forks.syncd(arguments, self.stage.process_environ(), self.log)

    def kill(self) -> None:
        """Kill it with -9, whatever it is at."""
        if self._child is not None:
            self._child.kill()
            self._child.join(timeout=30)
        self._child = None

    def stop(self, within: float = 30.0) -> int:
        """Ask it to end (SIGTERM); its exit code. InVain if it was not running, or does not end."""
        child = self._child
        if child is None:
            raise InVain("it was not running")
        child.terminate()
        child.join(timeout=within)
        if child.exitcode is None:
            self.kill()
            raise InVain(f"told to end, it had not ended after {within:g} s")
        self._child = None
        return child.exitcode

    def signal(self, number: int) -> None:
        """Send it a signal; it must be running."""
        if self._child is None or self._child.pid is None:
            raise InVain("it was not running")
        os.kill(self._child.pid, number)

    def alive(self) -> bool:
        """Whether it still runs."""
        return self._child is not None and self._child.is_alive()

    def must_live(self) -> None:
        """Raise InVain with its last words if it ended by itself."""
        if not self.alive():
            raise InVain(f"`syncd {self.verb}` ended by itself; its last words: {self.said()[-TAIL:]}")

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def wait_for(self, text: str, *, since: int = 0, within: float = 30.0) -> None:
        """Wait until it says this, behind the first `since` characters of its log."""
        until(lambda: text in self.said()[since:], within=within, what=f"the daemon to say {text!r}: {self.log}")


def until(done: Callable[[], bool], *, within: float, what: str, every: float = 0.1) -> None:
    """Wait until something holds; InVain if it does not within so many seconds."""
    end = time.monotonic() + within
    while not done():
        if time.monotonic() > end:
            raise InVain(f"waited {within:g} s for {what}")
        time.sleep(every)


@contextmanager
def running(stage: Stage, verb: str = "run", count: int = 1) -> Iterator[list[Process]]:
    """Processes that are certainly gone at the end; none is started yet."""
    with ExitStack() as stack:
        found = [Process(stage, stage.folder / f"{verb}{n}.log", verb) for n in range(count)]
        for process in found:
            stack.callback(process.kill)
        yield found
