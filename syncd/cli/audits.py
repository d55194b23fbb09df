"""The verbs that go over all there is: `verify` compares both sides, `map apply` carries a changed map to them.

Differences are shown as they are found, so that none is kept in memory.
What is not here: comparing (`syncd.engine.audit`) and applying (`syncd.engine.applying`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, PairArgument, leave, opened
from syncd.cli.maps import maps
from syncd.cli.people import MapOption
from syncd.cli.plans import short
from syncd.cli.render import Format, as_json, cell, plain, show_json, show_rows
from syncd.cli.work import progressing
from syncd.core.plural import counted

if TYPE_CHECKING:
    from syncd.engine.audit import Difference, Found

_FIGURES = ("map", "field", "compared", "parity")


def verify(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    map: MapOption = None,
    whole: Annotated[bool, typer.Option("--full/--slice", help="Every link, or the next slice of them.")] = True,
    heal: Annotated[bool, typer.Option("--plan", help="Let the next run see to what has no known reason.")] = False,
    every: Annotated[bool, typer.Option("--all", help="List also what counts as equal: lossy and kept.")] = False,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Compare both sides with each other, by fresh reads.

    Shows each difference with its reason, and how equal both sides are, in percent, per field. It writes nothing to a
    vendor. With --plan what was missed, is gone or unexplained is read again by the next run, and goes through plan and
    guard like any change; where both sides drifted apart unseen, the map's `first_link` decides, and what loses is
    listed.
    """
    from syncd.engine.audit import AS_MEANT, WRONG

    with opened(context, config) as app:
        found = _each(app.verify(pair, map, whole=whole, heal=heal))
        shown = _as_json(found) if format is Format.JSON else _as_lines(found, () if every else AS_MEANT)
        wrong = sum(one.reason in WRONG for one in shown)
        figures = app.parity(pair, map)
    if format is Format.JSON:
        typer.echo(f'], "parity": {as_json(figures)}}}')
    else:
        _show_figures(figures)
        if wrong and not heal:
            typer.echo(f"\n{wrong} without a known reason; `syncd verify --plan` lets the next run see to them.")
    leave(needs_a_person=wrong > 0 and not heal)


@maps.command("apply")
def apply(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="MAP", help="One map of your set-up: its name, or PAIR/MAP.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Carry a changed map to what is linked already.

    A changed map holds for what changes from now on. This goes over all its records once: it shows what would be
    touched, asks, and marks them. The next runs plan them, last of all, through the guard, and write them without the
    vendors' automations. Where two sides differ under the changed map, its `first_link` decides, and what loses is
    listed. One that was interrupted goes on where it was.
    """
    with opened(context, config) as app:
        seen = app.map_preview(name)
        if format is Format.TABLE:
            _show_preview(seen)
        if not yes:
            typer.confirm("Go on?", abort=True)
        with progressing("marking", quiet=format is Format.JSON) as progress:
            due = app.map_apply(name, progress)
    if format is Format.JSON:
        show_json({**seen, "due": due})
    else:
        typer.echo(f"All is marked; the next runs carry it out, from {cell(plain(due))} on.")


def _show_preview(seen: Mapping[str, Any]) -> None:
    columns = ("rule", "write left", "write right", "lossy", "ask", "unmapped", "not read")
    show_rows(seen["rules"], columns, Format.TABLE, empty="No value would change.")
    if any(row["not read"] for row in seen["rules"]):
        typer.echo(
            "Not read: so many links have a field that syncd has not read yet; what would change there is unknown."
        )
        typer.echo("Let a run in mode plan read it first, and call this again: then it is counted.")
    typer.echo(f"{counted(seen['links'], 'link')}, {seen['leaving']} of them outside the map's condition now.")
    calls = ", ".join(f"{count} of {system}" for system, count in seen["calls"].items())
    typer.echo(f"Of {counted(seen['records']['touched'], 'link')} a record would be written. Calls, about: {calls}.")
    unlinked = f"{counted(seen['unlinked'], 'record')} without a link {'is' if seen['unlinked'] == 1 else 'are'}"
    typer.echo(f"{unlinked} looked at again; the map wants {seen['new']} across.")


def _each(pages: Iterable[Found]) -> Iterator[Difference]:
    for page in pages:
        yield from page.differences


def _as_lines(found: Iterable[Difference], hidden: Iterable[str]) -> Iterator[Difference]:
    for one in found:
        if one.reason not in hidden:
            typer.echo(line(one))
        yield one


def line(one: Difference) -> str:
    """A difference in one line."""
    values = f": left {short(one.left_value)}, right {short(one.right_value)}" if one.rule else ""
    what = f"  {one.rule}{values}" if one.rule else ""
    return f"{one.reason}  {one.map}  left {one.left or '-'}  right {one.right or '-'}{what}  ({one.words})"


def _as_json(found: Iterable[Difference]) -> Iterator[Difference]:
    """The beginning of one document, difference by difference; the caller ends it."""
    before = '{"differences": ['
    for one in found:
        typer.echo(f"{before}{as_json(one)}", nl=False)
        before = ",\n"
        yield one
    if not before.startswith(","):
        typer.echo(before, nl=False)


def _show_figures(figures: Sequence[Mapping[str, Any]]) -> None:
    names = dict.fromkeys(name for row in figures for name, count in row.items() if count)
    columns = [*_FIGURES, *(name for name in names if name not in (*_FIGURES, "whole", "at")), "at"]
    show_rows(figures, columns, Format.TABLE, empty="Nothing is linked.")
