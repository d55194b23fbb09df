"""The verbs that do the work: `plan` shows it, `once` does it now, `run` does it for months, `status` tells of it.

What is not here: the work (`syncd.engine`).
"""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, PairArgument, leave, opened
from syncd.cli.render import Format, console, plain, show_facts, show_json, show_rows

WAITING = ("conflicts", "parked", "held", "failed")
"""Counts of a report that mean: a person is asked for."""


def plan(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option(help="Show at most so many operations.", min=1)] = 50,
) -> None:
    """Show what would be written, and why; write nothing."""
    with opened(context, config) as app:
        report = plain(app.plan(pair))
    if format is Format.JSON:
        show_json(report)
    else:
        _show_plan(report, limit)
    leave(needs_a_person=waits(report))


def once(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Sync now, until nothing is due, and end."""
    with opened(context, config) as app:
        reports = _with_progress(app, pair, quiet=format is Format.JSON)
    if format is Format.JSON:
        show_json(reports)
    else:
        columns = tuple(dict.fromkeys(name for report in reports for name in report))
        show_rows(reports, columns, format, empty="Nothing was due.")
    leave(needs_a_person=any(waits(report) for report in reports))


def run(context: typer.Context, *, config: ConfigOption = None) -> None:
    """Sync until told to stop.

    Ctrl-C or SIGTERM ends it after what is under way; a second one ends it at once.
    """
    stop = threading.Event()

    def told(_number: int, _frame: object) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    with opened(context, config) as app:
        app.run(stop)


def status(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """Tell how it goes, and what waits for a person."""
    with opened(context, config) as app:
        known = plain(app.status())
    show_facts(known, format)
    leave(needs_a_person=waits(known))


def waits(report: Any) -> bool:
    """Whether any count of this report, however deep, asks for a person."""
    if isinstance(report, dict):
        return any((key in WAITING and bool(value)) or waits(value) for key, value in report.items())
    return isinstance(report, list) and any(waits(item) for item in report)


def _with_progress(app: Any, pair: str | None, *, quiet: bool) -> list[Any]:
    if quiet:
        return _listed(app.once(pair, lambda _text: None))
    from rich.status import Status

    with Status("reading both sides", console=console()) as shown:
        return _listed(app.once(pair, shown.update))


def _listed(reports: Any) -> list[Any]:
    known = plain(reports)
    return known if isinstance(known, list) else [known]


def _show_plan(report: Any, limit: int) -> None:
    operations = report.get("operations", [])
    columns = ("map", "action", "ref", "fields", "why")
    show_rows(operations[:limit], columns, Format.TABLE, empty="Nothing would be written.")
    if len(operations) > limit:
        typer.echo(f"... and {len(operations) - limit} more; --limit shows them.")
    show_facts({key: value for key, value in report.items() if key != "operations"}, Format.TABLE)
