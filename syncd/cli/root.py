"""The `syncd` command with all its verbs. Heavy modules are imported by the verb that needs them, so --help is quick.

What is not here: what the verbs do.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.main import get_command

from syncd import VERSION
from syncd.cli import audits, matching, people, proving, sandboxes, setup, work
from syncd.cli.common import Globals
from syncd.cli.held import held
from syncd.cli.maps import maps
from syncd.cli.services import alert, backup, diagnose, export, forget, person, restore, service
from syncd.cli.undoing import undo
from syncd.cli.users import user

app = typer.Typer(
    help="Keep a CRM and a contractor's system equal, both ways. Begin with: syncd init, syncd check, syncd plan.",
    no_args_is_help=True,
    # Help and errors as plain text: drawing them with rich would double the time of `syncd --help`.
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"syncd {VERSION}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    *,
    config: Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="The set-up.")] = None,
    _version: Annotated[bool, typer.Option("--version", help="Show the version.", callback=_version)] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show where an error came from.")] = False,
) -> None:
    """Options that stand before the verb."""
    context.obj = Globals(config)


app.command()(setup.init)
app.command()(setup.check)
app.command()(setup.key)
app.command()(work.plan)
app.command()(work.run)
app.command()(work.work)
app.command()(work.once)
app.command()(work.status)
app.add_typer(people.conflicts, name="conflicts")
app.command()(people.parked)
app.add_typer(held, name="held")
app.command()(people.retry)
app.command()(people.skip)
app.command()(undo)
app.command()(people.answer)
app.command()(people.pause)
app.command()(people.resume)
app.command()(matching.review)
app.command()(matching.link)
app.command()(matching.unlink)
app.command()(matching.relink)
app.command()(people.explain)
app.command()(audits.verify)
app.add_typer(maps, name="map")
app.add_typer(setup.db, name="db")
app.command()(backup)
app.command()(restore)
app.command()(export)
app.command()(diagnose)
app.command()(person)
app.command()(forget)
app.add_typer(service, name="service")
app.add_typer(alert, name="alert")
app.add_typer(user, name="user")
app.command()(sandboxes.sandbox)
app.command()(sandboxes.demo)
app.command()(proving.prove)


@cache
def command() -> Any:
    """All of it, made once: to read every verb's options takes longer than many a verb."""
    return get_command(app)
