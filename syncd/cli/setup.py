"""The verbs of the set-up: `init` writes it, `check` tries it, `key` changes a key, `db` looks after the store.

What is not here: the form of the file that `init` writes (`initial`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, opened
from syncd.cli.initial import Answers, SystemAnswers, config_text
from syncd.cli.render import Format, plain, show_facts, show_finding, show_json
from syncd.cli.work import plan as show
from syncd.cli.work import progressing
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.config import SystemShape

WRONG = ConfigError.exit_code
CONFIG = Path("config.toml")

_Named = list[str] | None

db = typer.Typer(help="Look after the store.", no_args_is_help=True)


def init(
    context: typer.Context,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write.")] = CONFIG,
    left: Annotated[str, typer.Option(help="The connector of the left side.")] = "hubspot",
    right: Annotated[str, typer.Option(help="The connector of the right side.")] = "jobnimbus",
    left_env: Annotated[str | None, typer.Option(help="The variable that holds the left key.")] = None,
    right_env: Annotated[str | None, typer.Option(help="The variable that holds the right key.")] = None,
    left_url: Annotated[str | None, typer.Option(help="Another address of the left vendor, as of a sandbox.")] = None,
    right_url: Annotated[str | None, typer.Option(help="Another address of the right vendor.")] = None,
    left_set: Annotated[_Named, typer.Option(metavar="NAME=VALUE", help="Another setting of the left system.")] = None,
    right_set: Annotated[_Named, typer.Option(metavar="NAME=VALUE", help="Another of the right system.")] = None,
    timezone: Annotated[str | None, typer.Option(help="As America/Chicago, where a vendor does not tell it.")] = None,
    pair: Annotated[str, typer.Option(help="The name of the pair.")] = "sales",
    store: Annotated[str, typer.Option(help="Where syncd keeps its memory.")] = "sqlite:///syncd.db",
    credentials: Annotated[
        bool, typer.Option("--credentials", help="Ask for the keys too, keep each in a file of its own, and try them.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the options and the defaults.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a config.toml from a few answers.

    With --credentials it ends with `syncd check` and `syncd plan`; nothing is written to a vendor.
    """
    _must_be_free(output, force=force)
    ask = _given if yes else typer.prompt
    told = {"left": _Told(left_env, left_url, left_set or ()), "right": _Told(right_env, right_url, right_set or ())}
    connectors = ask("Left connector", default=left), ask("Right connector", default=right)
    answers = _asked(ask, connectors, timezone, told, "credential" if credentials else "env", pair, store)
    places = [answers.left.place, answers.right.place]
    _try(output, config_text(answers), places, {name: _shape(name) for name in connectors})
    if credentials:
        _keep_secrets(output.parent / "credentials", places)
    _write(output, config_text(answers))
    if credentials:
        check(context, config=output)
        show(context, config=output)
    typer.echo("Next:\n" + "".join(f"  export {place}=...\n" for place in places) + "  syncd check\n  syncd plan")


def _asked(
    ask: Callable[..., str], connectors: tuple[str, str], zone: str | None, told: Mapping[str, _Told], source: str,
    pair: str, store: str,
) -> Answers:  # fmt: skip
    """What a set-up is made of. `source`: where its secrets are."""
    left, right = connectors
    sides = {"left": left, "right": right if right != left else f"{right}2"}
    zones = _zones(ask, {sides["left"]: left, sides["right"]: right}, zone)
    return Answers(
        pair=ask("Name of the pair", default=pair),
        left=_system(ask, "left", sides["left"], left, told["left"], zones, source),
        right=_system(ask, "right", sides["right"], right, told["right"], zones, source),
        maps=_maps(left, right),
        store=store,
    )


def check(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """Try the whole set-up: keys, permissions, fields, maps.

    Exit code 2 if something must be mended.
    """
    with opened(context, config) as app, progressing("checking", quiet=format is Format.JSON) as progress:
        findings = plain(app.check(progress))
    if format is Format.JSON:
        show_json(findings)
    else:
        for finding in findings:
            show_finding(**finding)
    if any(finding["severity"] == "error" for finding in findings):
        raise typer.Exit(WRONG)


@db.command("upgrade")
def upgrade(context: typer.Context, *, config: ConfigOption = None) -> None:
    """Bring the store to the form of this version of syncd."""
    with opened(context, config) as app:
        typer.echo(app.keeping.upgrade())


@db.command("check")
def check_store(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """Say whether the store is sound and of this version.

    Exit code 2 if it is not.
    """
    from syncd.store.troubles import RESTORE

    with opened(context, config) as app:
        found = app.keeping.check()
    show_facts(found, format)
    if not found["sound"]:
        raise ConfigError(Problem("[syncd] store", "its file is damaged.", RESTORE))


def key(
    context: typer.Context,
    system: Annotated[str, typer.Argument(help="As config.toml names it.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Try another key of a system with its vendor, and put it in the place of the old one.

    It is asked for, or read from standard input. What the vendor refuses changes nothing.
    """
    with opened(context, config) as app:
        app.keys.kept(system)
        asked = sys.stdin.isatty()
        typed = typer.prompt(f"The new key of {system}", hide_input=True) if asked else sys.stdin.readline()
        since = app.keys.change(system, typed)
    typer.echo(f"{system} takes the new key. {since}")


@db.command("restored")
def restored(
    context: typer.Context,
    *,
    made: Annotated[datetime | None, typer.Option(help="When the copy was made, in UTC; if syncd ran since.")] = None,
    config: ConfigOption = None,
) -> None:
    """Say that the store was restored from an older copy, by tools of its own: PostgreSQL's, or a virtual machine's.

    Both sides are read anew, and where both were changed since the copy was made, and differ, you are asked.
    """
    with opened(context, config) as app:
        known = app.keeping.restored(made.replace(tzinfo=UTC) if made else None)
    typer.echo("The store is taken for an old copy." if known else "Nothing was ever read.")


@db.command("move")
def move_store(
    context: typer.Context,
    *,
    to: Annotated[
        Path | None, typer.Option("--to", metavar="FILE", help="The set-up whose [syncd] store is the new one.")
    ] = None,
    give_up: Annotated[bool, typer.Option("--give-up", help="Work on the old store again, before it is done.")] = False,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Carry the store over to another database: from a file to PostgreSQL, or back.

    Stop syncd first. Interrupted, run it again: it goes on where it was. Afterwards use the other set-up; nobody works
    on the old store from the beginning of this on.
    """
    if (to is None) is not give_up:
        raise ConfigError(Problem("syncd db move", "needs --to FILE, or --give-up.", "See: syncd db move --help"))
    quiet = format is Format.JSON
    with opened(context, config) as app:
        if to is None:
            app.keeping.give_up_move()
            typer.echo("The store is worked on again.")
            return
        with opened(context, to) as new, progressing("moving", quiet=quiet) as progress:
            found = app.keeping.move(new.store, progress)
    show_facts(plain({name: count for name, count in found.items() if count}), format)


def _must_be_free(output: Path, *, force: bool) -> None:
    if not output.parent.is_dir():
        message = f"cannot be written: there is no folder {output.parent}."
        raise ConfigError(Problem(str(output), message, "Make the folder, or name another file with --output."))
    if output.exists() and not force:
        raise ConfigError(Problem(str(output), "is there already.", "Name another with --output, or use --force."))


def _given(_question: str, *, default: str | None) -> str:
    return default or ""


@dataclass(frozen=True, slots=True)
class _Told:
    """The options of one side: the variable, the address, and NAME=VALUE of what its connector needs besides."""

    variable: str | None
    url: str | None
    settings: Sequence[str]


def _zones(ask: Callable[..., str], systems: Mapping[str, str], given: str | None) -> Mapping[str, str]:
    """The time zone of each system whose vendor does not tell it. `systems`: their connectors, by name."""
    from syncd.kit import registry

    kinds: dict[str, Any] = {name: registry.connector(connector) for name, connector in systems.items()}
    silent = [name for name, kind in kinds.items() if not kind.tells_zone]
    if not silent:
        return {}
    zone = ask(f"Time zone of {' and '.join(silent)}", default=given or "America/Chicago")
    return dict.fromkeys(silent, zone)


def _system(
    ask: Callable[..., str], side: str, name: str, connector: str, told: _Told, zones: Mapping[str, str], source: str
) -> SystemAnswers:
    secret_name = _shape(connector).secret_name
    proposed = f"{name}_{secret_name}".replace("-", "_")
    if source == "env":
        question = f"Environment variable that holds the {secret_name} of {name}"
        proposed = ask(question, default=told.variable or proposed.upper())
    return SystemAnswers(
        name=name,
        connector=connector,
        secret_name=secret_name,
        source=source,
        place=proposed,
        base_url=told.url,
        timezone=zones.get(name),
        options=_options(ask, side, name, connector, told),
    )


def _options(ask: Callable[..., str], side: str, name: str, connector: str, told: _Told) -> dict[str, Any]:
    """What a connector needs besides: as the options say, else asked for. ConfigError for what is missing then."""
    from syncd.kit import registry

    kind: Any = registry.connector(connector)
    known = kind.settings
    types = {one.name: one.type for one in known}
    found: dict[str, Any] = _pairs(f"--{side}-set", told.settings, types)
    for one in known:
        if not one.question or one.name in found or (one.address and told.url):
            continue
        found[one.name] = ask(f"{one.question} ({name})", default=one.default or None)
        if not found[one.name]:
            remedy = f"Say it with --{side}-set {one.name}=VALUE, or leave --yes out to be asked."
            raise ConfigError(Problem(f"{name}.{one.name}", "is needed.", remedy))
    return found


def _pairs(option: str, given: Sequence[str], types: Mapping[str, type]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not (name and equals):
            raise ConfigError(Problem(f"{option} {item}", "is not NAME=VALUE."))
        found[name] = value
        if types.get(name) is bool and value in ("true", "false"):
            found[name] = value == "true"
        elif types.get(name) is int and value.isdecimal():
            found[name] = int(value)
    return found


def _shape(connector: str) -> SystemShape:
    from syncd.config import SystemShape
    from syncd.kit import registry

    known: Any = registry.connector(connector)
    return SystemShape(known.secret_name, known.settings)


def _maps(left: str, right: str) -> list[str]:
    from syncd.fieldmaps import library

    shipped = [name for name in library.names(library.shipped()) if name.startswith(f"{left}-{right}/")]
    return shipped or [f"{left}-{right}/contacts.yaml"]


def _try(output: Path, text: str, places: Sequence[str], known: Mapping[str, SystemShape]) -> None:
    """Raises ConfigError unless it is a file that `load` takes; the keys need not be there yet."""
    from syncd.config import try_text

    with TemporaryDirectory() as handed:
        for place in places:
            (Path(handed) / place).write_text("not-set-yet", encoding="utf-8")
        environ = {**dict.fromkeys(places, "not-set-yet"), "CREDENTIALS_DIRECTORY": handed}
        try_text(text, output, environ, known=known)


def _keep_secrets(folder: Path, places: Sequence[str]) -> None:
    """Ask for the keys that are not there yet, and keep each where nobody else reads it."""
    folder.mkdir(mode=0o700, exist_ok=True)
    for path in (folder / place for place in places):
        if path.exists():
            typer.echo(f"{path} is there already, and is used.")
            continue
        typed = typer.prompt(path.name.replace("_", " "), hide_input=True)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as file:
            file.write(f"{typed.strip()}\n")


def _write(output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"cannot be written: {error.strerror}."
        raise ConfigError(Problem(str(output), message, "Name another file with --output.")) from None
    typer.echo(f"Wrote {output}.")
