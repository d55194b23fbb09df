"""The verbs for whoever runs syncd as a service: `service unit`, `backup`, `diagnose` and more.

What is not here: running (`work`).
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.common import ConfigOption, FormatOption, given, opened
from syncd.cli.render import Format, plain, show_facts, show_json, show_rows
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem, Transient

service = typer.Typer(help="Run syncd as a service.", no_args_is_help=True)
alert = typer.Typer(help="Tell people when syncd needs them.", no_args_is_help=True)


@alert.command("test")
def try_alerts(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """Send a test to everybody whom `[alerts] to` names.

    Exit code 4 if somebody does not get it.
    """
    from syncd.service.couriers import Couriers

    with opened(context, config) as app:
        if not app.config.alerts.to:
            remedy = "Add the table [alerts] with `to`: see the page on alerts."
            raise ConfigError(Problem("[alerts] to", "names nobody.", remedy))
        rows = plain(Couriers.of(app.config.alerts.to).tested())
    show_rows(rows, ["to", "sent"], format, empty="Nobody is told.")
    if not all(row["sent"] for row in rows):
        raise Transient("Not everybody has got it: look at the address, and whether this machine may reach it.")


@service.command("unit")
def unit(
    context: typer.Context,
    *,
    config: ConfigOption = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")] = None,
    user: Annotated[str, typer.Option(help="Who runs it; has no other rights.")] = "syncd",
    memory: Annotated[str, typer.Option(help="The most memory it may take, as systemd writes it.")] = "512M",
    worker: Annotated[bool, typer.Option("--worker", help="For one of several processes on PostgreSQL.")] = False,
    console_writes: Annotated[
        bool, typer.Option("--console-writes", help="Let the console change config.toml and the maps' folder.")
    ] = False,
) -> None:
    """Write a systemd unit for this program and config.

    As root: syncd service unit -o /etc/systemd/system/syncd.service && systemctl daemon-reload
    """
    from syncd import config as settings
    from syncd.service.unit import Unit

    found = settings.find(given(context, config), os.environ).resolve()
    program = Path(sys.argv[0]).resolve()
    for place in (program, found, Path(sys.executable).resolve()):
        _must_be_in_reach(place)
    text = Unit(
        program=program,
        config=found,
        credentials=settings.secrets(found, "credential"),
        user=user,
        memory=memory,
        verb="work" if worker else "run",
        writes=_written_by_the_console(found) if console_writes else (),
    ).text()
    if variables := settings.secrets(found, "env"):
        names = ", ".join(variables)
        typer.echo(f"warning: a service has no variables: make credentials of {names}.", err=True)
    _put(text, output)


def _put(text: str, output: Path | None) -> None:
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        problem = Problem(str(output), f"cannot be written: {error.strerror}.", "Run it as root, or name another file.")
        raise ConfigError(problem) from None
    typer.echo(f"Wrote {output}.")


def backup(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="Where to; in a folder it is named by the moment.")],
    *,
    config: ConfigOption = None,
    keep: Annotated[int | None, typer.Option(help="Let only so many of the folder's copies stay.", min=1)] = None,
) -> None:
    """Copy the store, while syncd runs, to a file that can be put in its place.

    As a timer: syncd backup /var/backups/syncd --keep 14
    """
    with opened(context, config) as app:
        typer.echo(f"Wrote {app.keeping.backup(to, keep)}.")


def restore(
    context: typer.Context,
    copy: Annotated[Path, typer.Argument(metavar="FILE", help="A copy that `syncd backup` made.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Put a copy of the store in its place; what is there is kept beside it. Stop syncd first.

    Both sides are read anew: what was made since is found and not made again, and where both sides were changed since,
    and differ, you are asked.
    """
    with opened(context, config) as app:
        aside = app.keeping.restore(copy)
    typer.echo(f"Restored {copy}." + (f" What was there lies in {aside}." if aside else ""))


def export(
    context: typer.Context,
    *,
    config: ConfigOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")] = Path(),
    form: Annotated[str, typer.Option("--format", help="csv or parquet.")] = "csv",
    since: Annotated[datetime | None, typer.Option(help="Only what came since then, in UTC.")] = None,
    new: Annotated[bool, typer.Option("--new", help="Only what came since the last export to this folder.")] = False,
) -> None:
    """Write runs, links, hand-offs, changes, records and conflicts to files, for reports.

    The same can be read from the database: see the page on reports.
    """
    if form not in ("csv", "parquet"):
        raise ConfigError(Problem(f"--format {form}", "is not known.", "Write csv or parquet."))
    with opened(context, config) as app:
        found = app.keeping.export(output, form, since.replace(tzinfo=UTC) if since else None, new=new)
    show_facts(plain(found), Format.TABLE)


def diagnose(
    context: typer.Context,
    *,
    config: ConfigOption = None,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write it.")] = Path(
        "syncd-diagnosis.tar.gz"
    ),
) -> None:
    """Make an archive for somebody who helps: versions, set-up, maps, how it goes. No keys, and nobody's records.

    Asks each vendor as `syncd check` does. Look into it before you send it.
    """
    if output.exists():
        raise ConfigError(Problem(str(output), "is there already.", "Name another file with --output."))
    try:
        place = os.open(output, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        problem = Problem(str(output), f"cannot be written: {error.strerror}.", "Name another file with --output.")
        raise ConfigError(problem) from None
    with os.fdopen(place, "wb") as file, opened(context, config) as app:
        file.write(app.diagnose())
    typer.echo(f"Wrote {output}.")


WhoArgument = Annotated[str, typer.Argument(metavar="PERSON", help="SYSTEM:KIND:ID, or an e-mail that a field holds.")]


def person(
    context: typer.Context, who: WhoArgument, *, config: ConfigOption = None, format: FormatOption = Format.JSON
) -> None:
    """Show everything that syncd holds of a person: for whoever asks what is known of them."""
    with opened(context, config) as app:
        found = plain(app.privacy.told(who))
    if format is Format.JSON:
        show_json(found)
    else:
        show_facts({name: len(rows) for name, rows in found.items()}, format)


def forget(
    context: typer.Context,
    who: WhoArgument,
    *,
    config: ConfigOption = None,
    anyway: Annotated[bool, typer.Option("--anyway", help="Though a vendor still has the person.")] = False,
) -> None:
    """Take out everything that syncd holds of a person, for good.

    Delete the person in both systems first: what is there is read again. Copies made before still hold them.
    """
    with opened(context, config) as app:
        found = app.privacy.forget(who, anyway=anyway)
    typer.echo(f"Forgotten: {counted(sum(found.values()), 'row')}.")


def _written_by_the_console(config: Path) -> list[Path]:
    """The folders of config.toml and of the maps: a file is written beside the old one, which it then replaces.

    Raises ConfigError where one cannot be written by a service.
    """
    from syncd.config.load import maps

    folder, _pairs = maps(config, os.environ)
    found = [config.parent, *([] if folder.resolve().is_relative_to(config.parent) else [folder.resolve()])]
    for place in found:
        _must_be_in_reach(place)
    return found


def _must_be_in_reach(place: Path) -> None:
    """A service sees no home folder, nor what a program in it needs. Raises ConfigError."""
    if place.parts[1:2] in (("home",), ("root",), ("run",)):
        message = "lies where a hardened service does not see it."
        raise ConfigError(Problem(str(place), message, "Install syncd under /opt, and keep its set-up in /etc/syncd."))
