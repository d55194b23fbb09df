"""The verb that takes a run back, and what it says of it. Not here: what can be taken back (`syncd.engine.undo`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, leave, opened
from syncd.cli.people import MapOption
from syncd.cli.render import Format, show_json
from syncd.cli.work import progressing
from syncd.core.plural import counted

LISTED = 50
"""Records that stay and are told one by one; all of them are in the JSON form."""


def undo(
    context: typer.Context,
    run: Annotated[int, typer.Argument(metavar="RUN", help="The run; `syncd status` shows the last ones.")],
    *,
    map: MapOption = None,
    field: Annotated[str | None, typer.Option(help="Only this field; what the run made stays then.")] = None,
    ref: Annotated[
        str | None,
        typer.Option("--record", metavar="REF", help="Only this record, and whom it is linked with: SYSTEM:KIND:ID."),
    ] = None,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Take back what a run wrote.

    Each field gets back what it held, if what the run wrote still stands there. Each record that the run made is
    archived, if nobody touched it since, and is not made again. What somebody changed stays as it is and is listed,
    here and by `syncd conflicts list --state kept`. It is a run like any: the guard may hold it, and it can be undone.
    """
    with opened(context, config) as app, progressing("undoing", quiet=format is Format.JSON) as progress:
        found = app.undo(run, map, field, ref, progress)
    if format is Format.JSON:
        show_json(found)
    else:
        typer.echo("\n".join(_lines(found, field, ref)))
    leave(needs_a_person=bool(found["waiting"]))


def _lines(found: Mapping[str, Any], field: str | None, ref: str | None) -> Iterator[str]:
    if not found["links"]:
        what = f"changed no {field}" if field else "wrote nothing"
        of = f" of {ref}" if ref else ""
        yield f"Run {found['run']} {what}{of} that is linked and can be taken back."
        return
    given, archived = counted(found["fields"], "field"), counted(found["archived"], "record")
    yield f"Run {found['run']}: {given} given back, {archived} archived."
    for row in found["kept"][:LISTED]:
        yield f"    left {row['left']}  right {row['right']}  {row['rule']}: {row['reason']}"
    if len(found["kept"]) > LISTED:
        yield f"    ... and {len(found['kept']) - LISTED} more."
    if found["others"]:
        yield f"What else was due went with it: {counted(found['others'], 'record')}."
    if found["state"] == "held":
        yield f"The guard holds it: {found['reason']}. See `syncd held show`; then `syncd held approve`, `syncd once`."
    elif found["state"] == "planned":
        yield "The pair is in mode plan: nothing was written. `syncd plan` shows it; set the pair live to carry it out."
    elif found["waiting"]:
        waiting = counted(found["waiting"], "record waits", "records wait")
        it = "it" if found["waiting"] == 1 else "them"
        yield f"{waiting} still; the next run goes on with {it}; with what is paused, when it is resumed."
