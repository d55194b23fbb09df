"""One more system in the set-up, once its vendor takes its key: its table, its key in a file, and a pair that plans.

What is not here: the first set-up (`syncd init`), another key of a known system (`keys`), and taking it (`lifetime`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncd import config as settings
from syncd.config import Config, SystemConfig
from syncd.config.edit import add_table
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps import library
from syncd.kit import registry
from syncd.kit.connector import Setting
from syncd.service.replacing import replaced
from syncd.service.setupfile import ONE_AT_A_TIME

EVERY = "30s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be connected, at its vendor's own address. `across`: the system that it is paired with, if any.

    `options`: what its connector asks for.
    """

    name: str
    connector: str
    key: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    timezone: str = ""
    across: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be connected. `questions`: what its connector needs besides a key; `zone`: whether a time zone too.

    `across`: the systems that it can be paired with, by the maps there are.
    """

    connector: str
    secret: str
    questions: Sequence[Setting]
    zone: bool
    across: Sequence[str]


@dataclass(frozen=True, slots=True)
class Connecting:
    """To one set-up. `read`: what a text of it would be; `try_out`: asks a system's vendor, and gives its account.

    `accounts`: those that are known, by system. `renew`: has the running daemon read it anew; None: none works here.
    """

    config: Config
    read: Callable[[str], Config]
    try_out: Callable[[SystemConfig], str | None]
    accounts: Callable[[], Mapping[str, str | None]]
    renew: Callable[[], None] | None = None

    @property
    def folder(self) -> Path:
        """Where keys lie that are no environment variables."""
        return self.config.path.resolve().parent / settings.CREDENTIALS

    @property
    def may(self) -> bool:
        """Whether syncd may write all that is to be written; a hardened unit of systemd lets it write no keys."""
        nearest = self.folder if self.folder.exists() else self.folder.parent
        return os.access(nearest, os.W_OK) and os.access(self.folder.parent, os.W_OK)

    def offers(self) -> list[Offer]:
        """One for each connector that is installed."""
        return [self._offer(name) for name in registry.connectors()]

    def _offer(self, name: str) -> Offer:
        kind: Any = registry.connector(name)
        questions = [one for one in kind.settings if one.question]
        known = [of for of, system in self.config.systems.items() if self._sides(name, system.connector) is not None]
        return Offer(name, kind.secret_name, questions, not kind.tells_zone, known)

    def connect(self, wish: Wish) -> str:
        """Connect it, and pair it if that is wished; the name of the pair, "" without one.

        Its vendor is asked first. Raises ConfigError, and Transient where it does not answer; then nothing is changed.
        """
        key = self._key(wish)
        place = f"{wish.name}_{self._offer(wish.connector).secret}".replace("-", "_")
        pair = self._pair(wish)
        tables = {"systems": self._table(wish, place), **({"pairs": pair} if pair else {})}
        with _kept(self.folder / place, key):
            self._try(wish, self._with(wish.name, tables)[1])
            with ONE_AT_A_TIME:
                # The file may have changed while its vendor was asked: the tables go behind what it holds now.
                now, _ = self._with(wish.name, tables)
                replaced(self.config.path, now, like=self.config.path)
        if self.renew is not None:
            self.renew()
        return wish.name if pair else ""

    def _with(self, name: str, tables: Mapping[str, Mapping[str, Any]]) -> tuple[str, Config]:
        """The text with these tables, and what it would be. Raises ConfigError."""
        path = self.config.path
        try:
            now = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            remedy = "Look at the file by hand, then try again."
            raise ConfigError(Problem(path.name, f"cannot be read ({type(error).__name__}).", remedy)) from None
        for section, values in tables.items():
            now = add_table(now, section, name, values)
        return now, self.read(now)

    def _try(self, wish: Wish, config: Config) -> None:
        """Ask its vendor. Raises ConfigError too where the account has another name here already."""
        account, known = self.try_out(config.systems[wish.name]), self.accounts()
        same = [
            name for name, one in self.config.systems.items()
            if one.connector == wish.connector and account is not None and known.get(name) == account
        ]  # fmt: skip
        if same:
            remedy = f"Give a key of another account, or make a pair with {same[0]}."
            raise ConfigError(Problem(f"the key of {wish.name}", f"opens the account that {same[0]} has.", remedy))

    def _key(self, wish: Wish) -> str:
        if not settings.NAME.fullmatch(wish.name):
            remedy = "Write small letters, digits, - and _, at most 32, a letter first."
            raise ConfigError(Problem(f"the name {wish.name[:40]!r}", "can be no system's.", remedy))
        if wish.name in self.config.systems or wish.name in self.config.pairs:
            raise ConfigError(Problem(f"the name {wish.name}", "is taken.", "Choose another one."))
        try:
            return settings.a_key(wish.key)
        except settings.Wrong as error:
            raise ConfigError(Problem(f"the key of {wish.name}", str(error), error.remedy)) from None

    def _table(self, wish: Wish, place: str) -> Mapping[str, Any]:
        offer = self._offer(wish.connector)
        answered = {one.name: wish.options.get(one.name, "").strip() for one in offer.questions}
        for one in offer.questions:
            if not answered[one.name]:
                raise ConfigError(Problem(one.question.partition(",")[0], "is needed.", "Fill it in."))
            if one.address and not _within(answered[one.name], one.within):
                remedy = f"Copy it from the browser; any other address is for {self.config.path.name}."
                raise ConfigError(Problem(one.question.partition(",")[0], f"must end with {one.within}.", remedy))
        if offer.zone and not wish.timezone:
            raise ConfigError(Problem("its time zone", "is needed.", "Write for example America/Chicago."))
        told = {"timezone": wish.timezone, **answered}
        return {
            "connector": wish.connector, **{name: value for name, value in told.items() if value},
            offer.secret: {"credential": place},
        }  # fmt: skip

    def _pair(self, wish: Wish) -> Mapping[str, Any]:
        """The table of the pair; empty if none is wished."""
        if not wish.across:
            return {}
        if wish.across not in self.config.systems:
            raise ConfigError(Problem(wish.across[:40], "is no system of the set-up.", "Load the page anew."))
        sides = self._sides(wish.connector, self.config.systems[wish.across].connector)
        if sides is None:
            remedy = f"Write maps for the two, then a pair under [pairs.{wish.name}] of {self.config.path.name}."
            raise ConfigError(Problem(f"{wish.name} and {wish.across}", "have no maps that fit them.", remedy))
        left, maps = sides
        ends = (wish.name, wish.across) if left == wish.connector else (wish.across, wish.name)
        return {"left": ends[0], "right": ends[1], "maps": list(maps), "every": EVERY, "mode": "plan"}

    def _sides(self, one: str, other: str) -> tuple[str, Sequence[str]] | None:
        """The connector on the left, and the maps: those of a pair of the same two vendors, else those that ship."""
        for pair in self.config.pairs.values():
            left, right = (self.config.systems[name].connector for name in (pair.left, pair.right))
            if {left, right} == {one, other}:
                return left, [str(name) for name in pair.maps]
        shipped = library.names(library.shipped())
        for left, right in ((one, other), (other, one)):
            if maps := [name for name in shipped if name.startswith(f"{left}-{right}/")]:
                return left, maps
        return None


def _within(host: str, end: str) -> bool:
    """Whether it is the name of a host, and one of these."""
    return bool(end) and host.lower().endswith(end) and all(one.isalnum() or one in ".-" for one in host)


@contextmanager
def _kept(path: Path, key: str) -> Iterator[None]:
    """A key where nobody else reads it; taken away again where what is done with it fails. Raises ConfigError.

    One that is there already is let be, if it is this very one: it may be left over from a try that was cut short.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = not path.exists()
        if new:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
                file.write(f"{key}\n")
        elif path.stat().st_mode & 0o077 or path.read_text(encoding="utf-8").strip() != key:
            raise ConfigError(Problem(str(path), "is there already.", "Choose another name, or take it away."))
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "what is there is no text"
        remedy = "syncd needs to write there, or the system is connected by hand."
        raise ConfigError(Problem(str(path), f"cannot be written: {told}.", remedy)) from error
    try:
        yield
    except BaseException:
        if new:
            path.unlink(missing_ok=True)
        raise
