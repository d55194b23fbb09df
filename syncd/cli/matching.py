"""The verbs for who is who: look at uncertain matches, link two records by hand, part them, link them again.

What is not here: deciding (`syncd.engine`), and answering what became of a lost write (`people`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, opened
from syncd.cli.people import MapOption
from syncd.cli.render import Format, show_json, show_rows
from syncd.core.plural import counted

RefArgument = Annotated[str, typer.Argument(metavar="REF", help="A record: SYSTEM:KIND:ID.")]
OtherArgument = Annotated[str, typer.Argument(metavar="REF", help="The record in the other system: SYSTEM:KIND:ID.")]


def review(
    context: typer.Context,
    *,
    map: MapOption = None,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show uncertain matches side by side.

    The likeliest come first, each with a score from 0 to 1 and what speaks for and against it. Answer with `link`, or
    with `link --not`.
    """
    with opened(context, config) as app:
        rows = app.review(map)
    if format is Format.JSON:
        show_json(rows)
        return
    for row in rows:
        _show(row)
    typer.echo(_remedy(len(rows)))


def _show(row: Mapping[str, Any]) -> None:
    marks: Sequence[Mapping[str, Any]] = row["fields"]
    taken = " (linked already)" if row["linked"] else ""
    typer.echo(f"{row['left']}  {row['right']}{taken}")
    typer.echo(f"{row['score']:.2f}  {', '.join(row['reasons']) or 'nothing to compare'}")
    lines = [{**one, "": "=" if one["same"] else " "} for one in marks]
    show_rows(lines, ("", "field", "left", "right"), Format.TABLE, empty="Neither holds anything.")
    typer.echo("")


def _remedy(count: int) -> str:
    if not count:
        return "No match is uncertain."
    from syncd.engine.review import MOST

    which = f"{counted(count, 'match is', 'matches are')} uncertain"
    if count >= MOST:
        which = f"The likeliest {count} of the uncertain matches are shown"
    return f"{which}. The same: `syncd link REF REF`. Not the same: `syncd link --not REF REF`."


def link(
    context: typer.Context,
    one: RefArgument,
    other: OtherArgument,
    *,
    refuse: Annotated[bool, typer.Option("--not", help="They are not the same; never ask or link them again.")] = False,
    map: MapOption = None,
    config: ConfigOption = None,
) -> None:
    """Say that two records are the same, or that they are not.

    The two are linked at once, and the next run makes them equal: where they differ the map's `first_link` decides, and
    what loses is listed. With --not they are never linked or asked about again, unless one carries syncd's own key of
    the other.
    """
    with opened(context, config) as app:
        left, right = app.link(one, other, map, same=not refuse)
    if refuse:
        typer.echo(f"{left} and {right} are not the same; that is remembered.")
    else:
        typer.echo(f"{left} and {right} are linked; the next run makes them equal.")


def unlink(context: typer.Context, ref: RefArgument, *, map: MapOption = None, config: ConfigOption = None) -> None:
    """Part a record from its twin.

    Both stay as they are, nothing flows between them any more, and neither is made again on the other side.
    """
    with opened(context, config) as app:
        twin = app.unlink(ref, map)
    typer.echo(f"{ref} and {twin} are parted. To link them again: `syncd relink {ref}`.")


def relink(
    context: typer.Context,
    ref: RefArgument,
    twin: Annotated[str | None, typer.Argument(metavar="[REF]", help="Its twin; the last it had if left out.")] = None,
    *,
    map: MapOption = None,
    config: ConfigOption = None,
) -> None:
    """Link a record again whose link was closed.

    With the twin it had last, or with another one. What changed meanwhile is treated as at a first link.
    """
    with opened(context, config) as app:
        found = app.relink(ref, twin, map)
    typer.echo(f"{ref} and {found} are linked; the next run makes them equal.")
