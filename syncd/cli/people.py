"""The verbs for what waits for a person: conflicts, parked records and their questions, held runs, retries, and why.

What is not here: deciding (`syncd.engine` carries out what a person took).
"""

from __future__ import annotations

from typing import Annotated

import typer

from syncd.cli.common import ConfigOption, FormatOption, opened
from syncd.cli.explained import lines
from syncd.cli.render import Format, plain, show_json, show_rows
from syncd.core.plural import counted

MapOption = Annotated[str | None, typer.Option("--map", metavar="PAIR/MAP", help="Only of this map.")]

STATES = ("open", "overruled", "kept", "taken", "agreed", "gone", "ordered", "all")

conflicts = typer.Typer(help="List what both sides changed, and take a side.", no_args_is_help=True)


@conflicts.command("list")
def list_conflicts(
    context: typer.Context,
    *,
    state: Annotated[str, typer.Option(help=f"{', '.join(STATES[:-1])}, or {STATES[-1]}.")] = "open",
    map: MapOption = None,
    field: Annotated[str | None, typer.Option("--field", help="Only of this field.")] = None,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """List conflicts.

    Open ones wait for you, or are decided and wait for the next run; overruled ones were decided by the map, and can be
    taken back.
    """
    if state not in STATES:
        raise typer.BadParameter(f"--state is one of {', '.join(STATES)}, not {state!r}")
    with opened(context, config) as app:
        rows = app.conflicts(state=None if state == "all" else state, map=map, field=field)
    if format is Format.TABLE:
        rows = [{**row, "state": "decided"} if row["taken"] and row["state"] == "open" else row for row in rows]
    columns = ("id", "map", "rule", "left_id", "left", "right_id", "right", "state", "reason")
    show_rows(rows, columns, format, empty=f"No conflict is {state}." if state != "all" else "There is no conflict.")


@conflicts.command("take")
def take(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(metavar="[ID] left|right|VALUE", help="The id that `list` shows, and a side or a value."),
    ],
    *,
    map: MapOption = None,
    field: Annotated[str | None, typer.Option("--field", help="Without an ID: all open ones of this field.")] = None,
    value: Annotated[bool, typer.Option("--value", help="`left` or `right` is meant as a value, not a side.")] = False,
    config: ConfigOption = None,
) -> None:
    """Take a side, or give a value as the left side has it; the next run writes it.

    Without an ID it takes that side of every open conflict of --map, or of one --field of it, that is not decided yet.
    """
    *ids, choice = what
    if len(ids) > 1 or any(not one.isdigit() for one in ids) or not (ids or map):
        raise typer.BadParameter("give an ID and a side or value, or a side and --map (and --field)")
    literal = value or choice not in ("left", "right")
    with opened(context, config) as app:
        known = app.conflicts("open", map, field) if not ids else []
        rows = [row for row in known if not row["taken"]]
        app.take_all([int(one) for one in ids] or [row["id"] for row in rows], choice, literal=literal)
    what_is = f"value {choice!r}" if literal else f"{choice} value"
    who = f"Conflict {ids[0]}" if ids else counted(len(rows), "conflict")
    typer.echo(f"{who}: the {what_is} is taken; the next run writes it.")
    if decided := len(known) - len(rows):
        stays = "stays so; name it" if decided == 1 else "stay so; name one"
        typer.echo(f"{counted(decided, 'conflict was', 'conflicts were')} decided before, and {stays} by its ID.")


def parked(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """List records that cannot go on without you, and why."""
    with opened(context, config) as app:
        rows = app.parked()
    show_rows(rows, ("map", "ref", "reason", "waits_for", "since"), format, empty="Nothing is parked.")


def retry(
    context: typer.Context,
    ref: Annotated[str | None, typer.Argument(metavar="[REF]", help="One record: SYSTEM:KIND:ID.")] = None,
    *,
    map: MapOption = None,
    config: ConfigOption = None,
) -> None:
    """Let parked records try again."""
    with opened(context, config) as app:
        count = app.retry(map, ref)
    if not count:
        where = (f" in {map}" if map else "") + (f" about {ref}" if ref else "")
        typer.echo(f"Nothing is parked{where}.")
        return
    typer.echo(f"{counted(count, 'record tries', 'records try')} again with the next run.")


def skip(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The parked record: SYSTEM:KIND:ID.")],
    *,
    map: MapOption = None,
    config: ConfigOption = None,
) -> None:
    """Pass over a parked record until somebody changes it. `syncd retry` takes it up again."""
    with opened(context, config) as app:
        count = app.skip(ref, map)
    where = f" in {map}" if map else ""
    typer.echo(f"{ref} rests until somebody changes it." if count else f"{ref} is not parked{where}.")


def pause(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="A record: SYSTEM:KIND:ID.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Leave one record alone for a while.

    Nothing is written to it or carried across from it, in any map, and nothing is written to whom it is linked with on
    its account. What people change on either side meanwhile waits, and nothing of it is lost.
    """
    with opened(context, config) as app:
        app.pause(ref)
    typer.echo(f"{ref} is paused. To go on with it: `syncd resume {ref}`.")


def resume(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The paused record: SYSTEM:KIND:ID.")],
    *,
    config: ConfigOption = None,
) -> None:
    """Go on with a paused record.

    What changed meanwhile crosses; what changed on both sides is decided by the map, as ever.
    """
    with opened(context, config) as app:
        app.resume(ref)
    typer.echo(f"{ref} goes on with the next run.")


def answer(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="The parked record: SYSTEM:KIND:ID.")],
    twin: Annotated[
        str, typer.Argument(metavar="ID|none|deleted", help="The id of its twin in the other system, or none.")
    ],
    *,
    map: MapOption = None,
    config: ConfigOption = None,
) -> None:
    """Say which record is the same as a parked one.

    For a record that is parked with a question: give the id of the record in the other system that is the same, and the
    two are linked. `none`: the write whose answer was lost made none of them, and the record is made anew.

    SYSTEM:KIND and `deleted`: for a system that is paused because many records of a kind do not answer. They were
    deleted on purpose: each that is linked now and does not answer counts as gone, and is treated as the map says.
    """
    if twin == "deleted":
        with opened(context, config) as app:
            count = app.believe(ref)
        looked = counted(count, "linked record is", "linked records are")
        typer.echo(f"What does not answer of {ref} counts as deleted; {looked} looked at.")
        return
    with opened(context, config) as app:
        found = app.answer(ref, twin, map)
    if found is None:
        typer.echo(f"{ref} has no twin yet; the next run makes one.")
    else:
        typer.echo(f"{ref} and {found} are linked; the next run makes them equal.")


def explain(
    context: typer.Context,
    ref: Annotated[str, typer.Argument(metavar="REF", help="SYSTEM:KIND:ID, as hubspot:contacts:123.")],
    field: Annotated[str | None, typer.Argument(help="One field; all of them if left out.")] = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Say what a record is linked to, and why its fields are so."""
    with opened(context, config) as app:
        facts = plain(app.explain(ref, field))
    if format is Format.JSON:
        show_json(facts)
    else:
        typer.echo("\n".join(lines(facts)))
