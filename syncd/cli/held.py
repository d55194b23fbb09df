"""The verbs for what the guard holds: list it, look at it, approve or discard it.

What is not here: what the guard weighs (`syncd.engine.guard`).
"""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.common import ConfigOption, FormatOption, PairArgument, opened
from syncd.cli.plans import lines
from syncd.cli.render import Format, show_json, show_rows
from syncd.core.plural import counted

held = typer.Typer(no_args_is_help=True, help="What would change too much, and waits for you.")


@held.command("list")
def list_(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """List the pairs of which something is held, how much it is, and which limit it exceeds."""
    with opened(context, config) as app:
        rows = app.held()
    show_rows(rows, ("pair", "creates", "updates", "archives", "since", "reason"), format, empty="Nothing is held.")


@held.command()
def show(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    limit: Annotated[int, typer.Option(min=0, help="Show at most so many records.")] = 50,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show what is held, record by record: each field before and after, and why."""
    with opened(context, config) as app:
        rows = app.held_plans(pair)
    if format is Format.JSON:
        show_json(rows)
        return
    for row in rows[:limit]:
        typer.echo("\n".join(lines(row)))
    if len(rows) > limit:
        typer.echo(f"... and {len(rows) - limit} more; --limit shows them.")
    typer.echo(_remedy(len(rows)))


def _remedy(count: int) -> str:
    if not count:
        return "Nothing is held."
    it = "it" if count == 1 else "them"
    return (
        f"{_records(count)} held. Write {it}: `syncd held approve`. Leave both sides as they are: `syncd held discard`."
    )


@held.command()
def approve(context: typer.Context, pair: PairArgument = None, *, config: ConfigOption = None) -> None:
    """Allow what is held to be written.

    It is planned again from what both sides are then; what goes beyond what was held is held again.
    """
    with opened(context, config) as app:
        count = app.approve(pair)
    typer.echo(f"{_records(count)} allowed; the next run writes {'it' if count == 1 else 'them'}.")


@held.command()
def discard(context: typer.Context, pair: PairArgument = None, *, config: ConfigOption = None) -> None:
    """Do not write what is held.

    Both sides stay as they are. The records are parked; each is planned anew when somebody changes it, or by `syncd
    retry`.
    """
    with opened(context, config) as app:
        count = app.discard(pair)
    typer.echo(f"{_records(count)} parked; nothing is written.")


def _records(count: int) -> str:
    return f"{counted(count, 'record')} {'is' if count == 1 else 'are'}"
