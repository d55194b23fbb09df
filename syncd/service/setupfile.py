"""config.toml as the console changes it: a pair's mode, interval and guard, checked before anything is written.

What is not here: how a text is changed (`syncd.config.edit`), and taking the new one (`lifetime`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from syncd import config as settings
from syncd.config.edit import says, set_pair
from syncd.config.values import duration
from syncd.engine.world import Pair
from syncd.errors import ConfigError, Problem, SyncdError
from syncd.service.replacing import replaced

ONE_AT_A_TIME = threading.Lock()
"""Held from reading the file to writing it, by whoever changes it: what one wrote, another does not undo."""

LESS = ("plan", "paused")
"""Modes in which nothing is written."""

Check = Callable[[str], object]
"""Holds a text of the whole set-up against what can be read; raises ConfigError."""


@dataclass(frozen=True, slots=True)
class SetupFile:
    """The file of this path. `renew`: has the running daemon read it anew; None: none works here."""

    path: Path
    check: Check
    renew: Callable[[], None] | None = None

    def change(self, pair: settings.PairConfig, values: Mapping[str, str | int]) -> bool:
        """Change a pair's settings; whether the daemon takes them at once. Raises ConfigError, and nothing is changed.

        `pair`: as the daemon has it: if the file says something else by now, somebody else is at it, and that is told.
        """
        try:
            with ONE_AT_A_TIME:
                text = self.path.read_text(encoding="utf-8")
                self._must_be_as_read(text, pair)
                now = set_pair(text, pair.name, values)
                self.check(now)
                replaced(self.path, now, like=self.path)
        except OSError as error:
            raise self._by_hand(pair.name, values, error.strerror or str(error)) from error
        except ConfigError as error:
            if str(self.path) in {problem.place for problem in error.problems}:
                raise self._by_hand(pair.name, values, error.problems[0].message) from error
            raise
        if self.renew is None:
            return False
        self.renew()
        return True

    @contextmanager
    def only_planning(self, pair: settings.PairConfig) -> Iterator[None]:
        """Set a live pair to `plan`, then do what is to be done under it; where that fails it is live again."""
        self.change(pair, {"mode": "plan"})
        try:
            yield
        except SyncdError:
            self.change(replace(pair, mode="plan"), {"mode": pair.mode})
            raise

    def _must_be_as_read(self, text: str, pair: settings.PairConfig) -> None:
        known = {"mode": pair.mode, **asdict(pair.guard)}
        told = dict(says(text, pair.name))
        every = told.pop("every", None)
        moved = [name for name, value in told.items() if known[name] != value]
        if moved or (every is not None and duration(every) != pair.every):
            remedy = "Let syncd read it (`systemctl reload syncd`), look again, and change it then."
            raise ConfigError(Problem(self.path.name, "was changed since syncd read it.", remedy))

    def _by_hand(self, pair: str, values: Mapping[str, Any], why: str) -> ConfigError:
        lines = ", ".join(f"{name} = {value!r}" if isinstance(value, int) else f'{name} = "{value}"'
                          for name, value in values.items())  # fmt: skip
        remedy = f"Write it there yourself, under [pairs.{pair}]: {lines}; then `systemctl reload syncd`."
        return ConfigError(Problem(self.path.name, f"syncd may not change it: {why}", remedy))


def as_written(path: Path, pairs: Mapping[str, Pair]) -> Mapping[str, Pair]:
    """The pairs, of which those that the file has not live any more write nothing, even before the rest of it is taken.

    Whoever sets a pair to `plan` and then saves a map must not see it written by. So the pairs are compiled first.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError:
        return pairs
    return {name: _less(pair, says(text, name).get("mode")) for name, pair in pairs.items()}


def _less(pair: Pair, mode: str | int | None) -> Pair:
    return replace(pair, mode=mode) if pair.mode == "live" and isinstance(mode, str) and mode in LESS else pair
