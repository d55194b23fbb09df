"""config.toml and the environment into one Config; every mistake found is reported at once, with its line.

What is not here: what the settings are (`model`) and what a single value must look like (`values`).
Connectors are not known here: whoever loads hands in what they declare (`SystemShape`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from pydantic import BaseModel, BeforeValidator, Field, TypeAdapter, ValidationError, create_model
from rapidfuzz import fuzz, process

from syncd.config import places, values
from syncd.config.model import (
    STRICT,
    Config,
    FileTable,
    LogConfig,
    PairConfig,
    PairTable,
    StoreConfig,
    SystemConfig,
    SystemShape,
    WebConfig,
)
from syncd.errors import ConfigError, Problem

VARIABLE = "SYNCD_CONFIG"
DEFAULT = "config.toml"
NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")
COMMON = ("connector", "base_url", "ca_file", "timezone", "rate")
HOOK = "webhook_secret"
"""The key that every system has whose connector receives webhooks."""
PROVIDER = ("oidc_issuer", "oidc_client_id", "oidc_secret")
CUT = "There the file ends in the middle of something: a value, a bracket or a quote that was begun there or above it."
"""The remedy where TOML misses something at the end of a file: what it misses may have begun anywhere before."""


class _SystemTable(BaseModel):
    """The keys that every `[systems.NAME]` table has; a connector's own ones are added to it."""

    model_config = STRICT

    connector: str
    base_url: Annotated[str | None, BeforeValidator(values.url)] = None
    ca_file: Annotated[Path | None, BeforeValidator(values.file)] = None
    timezone: Annotated[str | None, BeforeValidator(values.timezone)] = None
    rate: Annotated[str | None, BeforeValidator(values.rate)] = None


def find(path: str | Path | None, environ: Mapping[str, str]) -> Path:
    """The config file: the one asked for, else SYNCD_CONFIG, else ./config.toml. ConfigError if it is not there."""
    asked = path or environ.get(VARIABLE)
    found = Path(asked or DEFAULT)
    if found.is_file():
        return found
    remedy = "Run `syncd init` to write one, or name yours: --config FILE, or the environment variable SYNCD_CONFIG."
    if asked:
        remedy = f"Mend the path given by {'--config' if path else VARIABLE}, or run `syncd init` to write a new one."
    raise ConfigError(Problem(str(found), "there is no such config file.", remedy))


def load(path: str | Path | None, environ: Mapping[str, str], *, known: Mapping[str, SystemShape]) -> Config:
    """Read, check and resolve the set-up. `known`: what the installed connectors declare, by connector name.

    Raises ConfigError with every mistake of the file, each with its line and its remedy.
    """
    found = find(path, environ)
    return _Loader(found, _text(found), environ, known).config()


def try_text(text: str, path: Path, environ: Mapping[str, str], *, known: Mapping[str, SystemShape]) -> Config:
    """Hold a text against what `load` takes, as if it stood at `path` already: what it would be.

    Raises ConfigError with every mistake, each at the name of its setting: there is no line yet to look at.
    """
    return _Loader(path, text, environ, known, written=False).config()


def maps(path: Path, environ: Mapping[str, str]) -> tuple[Path, Mapping[str, PairConfig]]:
    """The folder of an admin's maps and the pairs with theirs, for which no secret is needed. Raises ConfigError."""
    return _Loader(path, _text(path), environ, {}).maps()


def secrets(path: Path, source: str) -> list[str]:
    """The names that a config file's secrets have in a source (`credential`, `env`), in their order. ConfigError."""
    return list(dict.fromkeys(_named(_Loader(path, _text(path), {}, {}).parsed(), source)))


def kept(path: Path, environ: Mapping[str, str], system: str, setting: str) -> values.Kept:
    """Where the config file has a system's secret from. Raises ConfigError where it says it no more."""
    told = _Loader(path, _text(path), {}, {}).parsed().get("systems", {}).get(system, {}).get(setting)
    if not isinstance(told, dict) or len(told) != 1:
        remedy = "Let syncd read it (`systemctl reload syncd`), and look again."
        raise ConfigError(Problem(f"{path.name}: systems.{system}.{setting}", "is not as syncd read it.", remedy))
    return values.kept(told, path.resolve().parent, environ)


def _named(value: Any, source: str) -> Iterator[str]:
    inner = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else []
    if isinstance(value, Mapping) and value.keys() == {source}:
        yield from map(str, inner)
    for one in inner:
        yield from _named(one, source)


def variables() -> Mapping[str, tuple[str, str]]:
    """The environment variables that stand over the file: SYNCD_STORE -> ("syncd", "store"), SYNCD_LOG_LEVEL, ..."""
    sections = {"syncd": StoreConfig, "web": WebConfig, "log": LogConfig}
    return {
        "_".join(("SYNCD", *([] if section == "syncd" else [section]), setting.name)).upper(): (section, setting.name)
        for section, table in sections.items()
        for setting in fields(table)
    }


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(Problem(str(path), f"cannot be read: {reason}.", "Mend the file or its rights.")) from None


class _Loader:
    """One reading of one file: collects problems until the end."""

    def __init__(
        self,
        path: Path,
        text: str,
        environ: Mapping[str, str],
        known: Mapping[str, SystemShape],
        *,
        written: bool = True,
    ) -> None:
        """Take the file's text and what it is checked against. `written`: whether people can look at its lines."""
        self.path = path
        self.written = written
        self.text = text
        self.known = known
        self.lines = places.lines(text)
        self.overridden: dict[tuple[str, str], str] = {}
        self.environ = environ
        self.folder = path.resolve().parent
        self.context: dict[str, Any] = {"folder": self.folder, "environ": environ}
        self.problems: list[Problem] = []

    def config(self) -> Config:
        """The Config, or ConfigError."""
        raw = self._override(self.parsed())
        root = self._check(FileTable, raw, ())
        systems = {name: self._system(name, table) for name, table in _tables(raw, "systems")}
        pairs = {name: self._pair(name, table, systems.keys()) for name, table in _tables(raw, "pairs")}
        self._signed_address(root, systems)
        self._whole_provider(root)
        if self.problems or root is None:
            raise ConfigError(sorted(self.problems, key=_line))
        return Config(
            path=self.path,
            store=self._store(root.syncd),
            maps=self._maps(root.syncd),
            systems={name: system for name, system in systems.items() if system},
            pairs={name: pair for name, pair in pairs.items() if pair},
            web=root.web,
            console=root.console,
            log=root.log,
            audit=root.audit,
            alerts=root.alerts,
            retention=root.retention,
            timing=root.timing,
        )

    def maps(self) -> tuple[Path, Mapping[str, PairConfig]]:
        """The folder of maps and the pairs, or ConfigError."""
        raw = self._override(self.parsed())
        if isinstance(raw.get("syncd"), dict):
            raw["syncd"].pop("store_password", None)
        if isinstance(raw.get("console"), dict):
            raw["console"].pop("oidc_secret", None)
        raw.pop("alerts", None)  # whom they tell may be secrets
        root = self._check(FileTable, raw, ())
        names = [name for name, _ in _tables(raw, "systems")]
        pairs = {name: self._pair(name, table, names) for name, table in _tables(raw, "pairs")}
        if self.problems or root is None:
            raise ConfigError(sorted(self.problems, key=_line))
        return self._maps(root.syncd), {name: pair for name, pair in pairs.items() if pair}

    def _maps(self, table: StoreConfig) -> Path:
        return table.maps or self.folder / "mappings"

    def _store(self, table: StoreConfig) -> str:
        if table.store_password is None or table.store.startswith("sqlite"):
            return table.store
        return values.with_password(table.store, table.store_password)

    def parsed(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            at = re.search(r"\(at line (\d+), column (\d+)\)", str(error))
            place = f"{self.path}:{at[1]}:{at[2]}" if at else f"{self.path}:{len(self.text.splitlines())}"
            message = f"is not valid TOML: {str(error).split(' (at ')[0]}."
            remedy = "Mend that line; texts stand in quotes." if at else CUT
            raise ConfigError(Problem(place, message, remedy)) from None

    def _override(self, raw: dict[str, Any]) -> dict[str, Any]:
        for variable, (section, setting) in variables().items():
            if variable in self.environ and isinstance(raw.setdefault(section, {}), dict):
                raw[section][setting] = self.environ[variable]
                self.overridden[section, setting] = variable
        return raw

    def _system(self, name: str, table: Mapping[str, Any]) -> SystemConfig | None:
        self._name("systems", name)
        connector = table.get("connector")
        shape = self.known.get(connector) if isinstance(connector, str) else None
        if isinstance(connector, str) and shape is None:
            remedy = _did_you_mean(connector, self.known)
            self._problem(("systems", name, "connector"), f"names no installed connector: {connector!r}.", remedy)
            return None
        checked = self._check(_system_model(shape or SystemShape("token")), table, ("systems", name))
        if checked is None or shape is None:
            return None
        given = checked.model_dump()
        common = {key: given.pop(key) for key in (*COMMON, *([HOOK] if shape.webhooks else []))}
        return SystemConfig(name=name, secret=given.pop("secret_value"), options=given, **common)

    def _signed_address(self, root: FileTable | None, systems: Mapping[str, SystemConfig | None]) -> None:
        """Where webhooks are signed over the address they are sent to, that address must be known."""
        for name, system in systems.items():
            signed = system is not None and system.webhook_secret and self.known[system.connector].signs_url
            if signed and root is not None and root.web.public_url is None:
                remedy = 'Add to [web]: public_url = "https://...", as the vendor knows it.'
                message = "needs [web] public_url: these webhooks are signed over it."
                self._problem(("systems", name, HOOK), message, remedy)

    def _whole_provider(self, root: FileTable | None) -> None:
        """Sign-in by OpenID Connect is set up wholly or not at all, and leads back to an address that people reach."""
        missing = [name for name in PROVIDER if root is not None and getattr(root.console, name) is None]
        if root is None or len(missing) == len(PROVIDER):
            return
        there = " and ".join(name for name in PROVIDER if name not in missing)
        remedy = f"Add it, or take {there} out: sign-in by OpenID Connect needs {', '.join(PROVIDER)} together."
        for name in missing:
            self._problem(("console", name), "is missing.", remedy)
        if root.console.url is None and not values.of_this_machine(root.web.listen):
            told = "needs [console] url: the provider sends people back there."
            self._problem(("console", PROVIDER[0]), told, 'Add to [console]: url = "https://...", as people open it.')

    def _pair(self, name: str, table: Mapping[str, Any], systems: Iterable[str]) -> PairConfig | None:
        self._name("pairs", name)
        for side in ("left", "right"):
            if isinstance(system := table.get(side), str) and system not in systems:
                message = f"names a system that is not set up: {system!r}."
                self._problem(("pairs", name, side), message, _did_you_mean(system, systems))
        if table.get("left") and table.get("left") == table.get("right"):
            self._problem(("pairs", name, "right"), "is the same system as left.", "Name two different systems.")
        checked = self._check(PairTable, table, ("pairs", name))
        if checked is None:
            return None
        return PairConfig(name=name, **{item.name: getattr(checked, item.name) for item in fields(PairTable)})

    def _name(self, section: str, name: str) -> None:
        if not NAME.fullmatch(name):
            remedy = "Use at most 32 small letters, digits, - and _, beginning with a letter."
            self._problem((section, name), "is not a name that can be typed in a reference.", remedy)

    def _check(self, table: Any, raw: object, at: tuple[str, ...]) -> Any:
        try:
            return _adapter(table).validate_python(raw, context=self.context)
        except ValidationError as error:
            for found in error.errors(include_input=False, include_url=False):
                self._mistake(at, found, table)
            return None

    def _mistake(self, at: tuple[str, ...], error: Mapping[str, Any], table: type[Any]) -> None:
        location = (*at, *error["loc"])
        if error["type"] == "missing":
            self._problem(location, "is missing.", "Add it; config.example.toml shows how.")
        elif error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            self._problem(location, "is not a setting.", _did_you_mean(str(location[-1]), _keys(table, error["loc"])))
        elif isinstance(cause := error.get("ctx", {}).get("error"), values.Wrong):
            self._problem(location, str(cause), cause.remedy)
        else:
            message = error["msg"].replace("Input should be", "should be").replace("a valid dictionary", "a table")
            message = message.replace("a valid tuple", 'a list, even of one: ["..."]')
            self._problem(location, message.rstrip(".") + ".", "")

    def _problem(self, location: Sequence[str | int], message: str, remedy: str) -> None:
        setting = ".".join(str(part) for part in location)
        if not self.written:
            self.problems.append(Problem(setting, message, remedy))
            return
        variable = self.overridden.get((str(location[0]), str(location[-1]))) if len(location) > 1 else None
        line = places.nearest(self.lines, location)
        place = f"${variable}" if variable else f"{self.path}:{line}" if line else str(self.path)
        self.problems.append(Problem(place, f"`{setting}` {message}", remedy))


@lru_cache(maxsize=16)
def _adapter(table: Any) -> TypeAdapter[Any]:
    """What checks a table; to make it takes longer than all the rest of reading a config."""
    return TypeAdapter(table)


def _system_model(shape: SystemShape) -> type[BaseModel]:
    own: dict[str, Any] = {
        setting.name: (setting.type | None if setting.default is None else setting.type, setting.default)
        for setting in shape.settings
    }
    secret = Annotated[str, BeforeValidator(values.secret)]
    own["secret_value"] = (secret, Field(alias=shape.secret_name))
    if shape.webhooks:
        own[HOOK] = (Annotated[str | None, BeforeValidator(values.webhook_secret)], None)
    return create_model("SystemTable", __base__=_SystemTable, **own)


def _tables(raw: Mapping[str, Any], section: str) -> list[tuple[str, Mapping[str, Any]]]:
    tables = raw.get(section)
    if not isinstance(tables, dict):
        return []
    return [(name, table) for name, table in tables.items() if isinstance(table, dict)]


def _keys(table: type[Any], location: Sequence[str | int]) -> list[str]:
    """The settings that could have been meant: those of the innermost table that the location goes through."""
    if issubclass(table, BaseModel):
        return [item.alias or name for name, item in table.model_fields.items()]
    inner: Any = table
    for part in location[:-1]:
        hint = get_type_hints(inner).get(str(part))
        inner = hint if is_dataclass(hint) else inner
    return [item.name for item in fields(inner)]


def _line(problem: Problem) -> int:
    number = problem.place.rpartition(":")[2]
    return int(number) if number.isdigit() else 0


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    names = sorted(known)
    best = process.extractOne(word, names, scorer=fuzz.ratio, score_cutoff=60) if names else None
    return f"Did you mean `{best[0]}`?" if best else f"Known: {', '.join(names) or 'none'}."
