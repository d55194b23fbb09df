"""The files of the maps: which there are, what is wrong with a text, saving one as a version, comparing, rolling back.

A map is only ever one that `config.toml` names; what somebody asks for is compared with these and never put into a
path. What is written goes into `[syncd] maps`, where a file stands over the shipped one of its name. Two people who
change one map: the second is told, and nothing is overwritten.
What is not here: what a text does to records (`console.draft`), and taking a saved map (`daemon`).
"""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from syncd.config import Config
from syncd.core.fieldmap import FieldMap
from syncd.core.model import Schema, Side
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps import Loaded, check, find, find_all, shipped, tests_of
from syncd.fieldmaps.cases import SCHEMAS, Tested, run_text
from syncd.fieldmaps.maps import content
from syncd.fieldmaps.source import Report, Table, parse
from syncd.service.replacing import replaced
from syncd.service.worlds import Describe
from syncd.store.store import Store, Tx
from syncd.store.versions import Version

AS_FOUND = "as it was before it was first changed in the console"
OUTSIDE = "changed outside of the console"
NOBODY = ""
"""The account of a text that nobody saved here."""

LONGEST = 400_000
"""Letters of a map: one of a thousand rules has a quarter of it."""

GIT_WITHIN = 20.0
_PLACE = re.compile(r"^(?P<file>.*):(?P<line>\d+):(?P<column>\d+)$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class MapFile:
    """A map's file. `wanted`: as `config.toml` names it; `name`: the map's own; `own`: not the shipped one."""

    pair: str
    name: str
    wanted: str
    path: Path
    own: bool

    @property
    def key(self) -> str:
        """As the store knows the map."""
        return f"{self.pair}/{self.name}"


@dataclass(frozen=True, slots=True)
class Mistake:
    """Something wrong in a text, or to be looked at; `line` 0: it is about another file, or all of it."""

    message: str
    remedy: str = ""
    line: int = 0
    column: int = 0
    warning: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of reading a text. `maps`: all of the pair, with this one by the text; None while it has mistakes."""

    map: FieldMap | None
    maps: tuple[FieldMap, ...] | None
    mistakes: tuple[Mistake, ...]

    @property
    def errors(self) -> tuple[Mistake, ...]:
        """What stops it from being saved."""
        return tuple(one for one in self.mistakes if not one.warning)


@dataclass(frozen=True, slots=True)
class Saved:
    """A text that was saved. `commit`: what git says of it; "" where there is no repository."""

    version: int
    commit: str = ""


def every(config: Config) -> list[MapFile]:
    """The maps of every pair, as `config.toml` orders them; one whose file is gone is left out."""
    return [one for pair in config.pairs for one in of_pair(config, pair)]


def of_pair(config: Config, pair: str) -> list[MapFile]:
    """The maps of a pair."""
    found = []
    for wanted in config.pairs[pair].maps:
        with suppress(ConfigError):
            path = find(wanted, config.maps)
            found.append(MapFile(pair, _name(path), wanted, path, _own(config, path)))
    return found


def one(config: Config, pair: str, name: str) -> MapFile | None:
    """The map of this pair and name, if `config.toml` names one."""
    mine = of_pair(config, pair) if pair in config.pairs else []
    return next((file for file in mine if file.name == name), None)


def _own(config: Config, path: Path) -> bool:
    return path.is_relative_to(config.maps)


def _name(path: Path) -> str:
    """What the map calls itself; the file's name while that cannot be read."""
    try:
        return _called(content(path)) or path.stem
    except ConfigError:
        return path.stem


def _called(text: str) -> str | None:
    item = parse(text, "map", Report())
    told = item.entries.get("name") if isinstance(item, Table) else None
    return str(told.plain) if told is not None and isinstance(told.plain, str) and told.plain else None


def text_of(file: MapFile) -> str:
    """What the file says, its lines ending as ours do. Raises ConfigError if it cannot be read."""
    return content(file.path)


def digest(text: str) -> str:
    """What a form says of the text that it began from."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def ours(text: str) -> str:
    """A text as a browser sends it, its lines ending as ours do. Raises ConfigError for one that is too long."""
    if len(text) > LONGEST:
        remedy = "Take out what is not needed, or write several smaller maps."
        raise ConfigError(Problem("the text", f"has {len(text):,} letters, more than {LONGEST:,}.", remedy))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def checked(config: Config, file: MapFile, text: str, describe: Describe) -> Checked:
    """Read a text in the place of the file's, among the other maps of its pair; the running ones are not touched."""
    pair = config.pairs[file.pair]
    systems = {Side.LEFT: pair.left, Side.RIGHT: pair.right}
    paths = find_all(pair.maps, config.maps)

    def described(side: Side, kind: str) -> Schema:
        return describe(systems[side], kind)

    found = check(paths, pair=pair.name, systems=systems, describe=described, instead={file.path: text})
    mine = found[paths.index(file.path)]
    others = [(path, loaded) for path, loaded in zip(paths, found, strict=True) if path != file.path]
    mistakes = [*_mistakes(file, mine), *(each for path, loaded in others for each in _of_others(path, loaded))]
    if (called := mine.map.name if mine.map is not None else file.name) != file.name:
        message = f"The map would be called {called!r}; its links are kept under {file.name!r}, and would be lost."
        mistakes.append(Mistake(message, f"Write `name: {file.name}`."))
    whole = not any(not each.warning for each in mistakes)
    maps = tuple(loaded.map for loaded in found if loaded.map is not None) if whole else None
    return Checked(mine.map, maps, tuple(mistakes))


def _mistakes(file: MapFile, loaded: Loaded) -> Iterator[Mistake]:
    for problems, warning in ((loaded.errors, False), (loaded.warnings, True)):
        for problem in problems:
            at = _PLACE.match(problem.place)
            mine = at is not None and at["file"] == str(file.path)
            line, column = (int(at["line"]), int(at["column"])) if at is not None and mine else (0, 0)
            yield Mistake(problem.message, problem.remedy, line, column, warning)


def _of_others(path: Path, loaded: Loaded) -> Iterator[Mistake]:
    for problem in loaded.errors:
        yield Mistake(f"In {path.name}: {problem.message}", problem.remedy)


def tested(file: MapFile, text: str, real: Mapping[Side, Schema]) -> Tested | None:
    """The map's own tests run on a text; None if it has none. Raises ConfigError if they cannot be run.

    `real`: the fields that there are, for those that the tests' own lack.
    """
    beside, home = tests_of(file.path), shipped() / file.wanted
    tests = beside if beside.is_file() else tests_of(home)
    schemas = next((one for one in (file.path.with_name(SCHEMAS), home.with_name(SCHEMAS)) if one.is_file()), None)
    if not tests.is_file() or schemas is None:
        return None
    return run_text(text, str(file.path), tests, schemas, real)


def save(
    config: Config,
    store: Store,
    file: MapFile,
    text: str,
    *,
    began: str,
    account: str,
    reason: str,
    now: datetime,
) -> Saved:
    """Keep the text as a version and write it. Raises ConfigError if somebody saved another one since it `began`."""
    target = _target(config, file)
    # While a writing transaction is open no other process saves a map either.
    with store.begin() as tx:
        before = text_of(file)
        if digest(before) != began:
            raise ConfigError(_moved(tx, file, before))
        if before == text:
            raise ConfigError(Problem(f"map {file.name}", "says this already.", "There is nothing to save."))
        _keep_former(tx, file, before, now)
        number = tx.versions.add(file.key, account, reason, text, now)
        replaced(target, text, like=file.path)
    return Saved(number, _commit(target, account, reason))


def _target(config: Config, file: MapFile) -> Path:
    """Where the map is written: its own file, or one that stands over the shipped one."""
    return file.path.resolve() if file.own else config.maps / file.wanted


def _moved(tx: Tx, file: MapFile, now: str) -> Problem:
    last = next(iter(tx.versions.of(file.key, limit=1)), None)
    who = f"{last.account} saved it" if last is not None and last.text == now and last.account else "it was changed"
    message = f"is not what you began from: {who} meanwhile. Nothing was overwritten."
    return Problem(
        f"map {file.name}", message, "Copy your text, load the page again, and put your change in once more."
    )


def _keep_former(tx: Tx, file: MapFile, before: str, now: datetime) -> None:
    """What stands there and was not saved here is a version too, so that nothing is lost."""
    last = next(iter(tx.versions.of(file.key, limit=1)), None)
    if last is None or last.text != before:
        tx.versions.add(file.key, NOBODY, AS_FOUND if last is None else OUTSIDE, before, now)


def _commit(target: Path, account: str, reason: str) -> str:
    """Commit this one file where its folder is in a repository; what came of it, "" where there is none."""
    git = shutil.which("git")
    if git is None or _git(git, target, "rev-parse", "--is-inside-work-tree") is None:
        return ""
    mail = account if "@" in account else f"{account}@syncd.invalid"
    if _git(git, target, "add", "--", target.name) is None:
        return "not committed: git did not take the file"
    author, message = f"--author={account} <{mail}>", f"--message={reason}"
    if _git(git, target, "commit", "--quiet", author, message, "--only", "--", target.name) is None:
        return "not committed: git refused; see `git status` in the folder"
    return _git(git, target, "rev-parse", "--short", "HEAD") or ""


def _git(git: str, target: Path, *words: str) -> str | None:
    """What git answers; None if it does not work."""
    who = {"GIT_COMMITTER_NAME": "syncd", "GIT_COMMITTER_EMAIL": "console@syncd.invalid", "GIT_TERMINAL_PROMPT": "0"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - the program was looked up, and no word is a person's but as --x=y
            [git, *words], cwd=target.parent, env={**kept, **who}, stdin=subprocess.DEVNULL, capture_output=True,
            timeout=GIT_WITHIN, check=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def versions(store: Store, file: MapFile) -> list[Version]:
    """What was saved, the newest first."""
    with store.read() as tx:
        return tx.versions.of(file.key)


def version(store: Store, file: MapFile, number: int) -> Version | None:
    """One saved text of this very map."""
    with store.read() as tx:
        found = tx.versions.get(number)
    return found if found is not None and found.map == file.key else None


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a comparison. `kind`: "+" only in the newer, "-" only in the older, " " in both, "@" left out."""

    kind: str
    text: str


AROUND = 3


def compared(older: str, newer: str) -> list[Line]:
    """What was changed, with some lines around it."""
    found = difflib.unified_diff(older.splitlines(), newer.splitlines(), n=AROUND, lineterm="")
    return [Line(line[0], "" if line[0] == "@" else line[1:]) for line in list(found)[2:]]
