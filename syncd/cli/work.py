"""The verbs that do the work: `plan` shows it, `once` does it now, `run` does it for months, `status` tells of it.

`work` does what `run` does, as one of several processes.
What is not here: the work (`syncd.engine`).
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.common import ConfigOption, FormatOption, PairArgument, home_of, leave, opened, read
from syncd.cli.plans import show_plan, show_plan_json
from syncd.cli.render import Format, plain, show_facts, show_json, show_rows

if TYPE_CHECKING:
    from syncd.app import App

READING = "reading both sides"
WAITING = ("conflicts", "parked", "held")
"""Counts of a report that mean: a person is asked for."""


def plan(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option(help="Show at most so many records.", min=1)] = 50,
) -> None:
    """Show what would be written, and why; write nothing.

    Not in it is what only the answer to a creation tells, and is written after it: a number that the vendor assigns,
    a status that it sets, the receipt.
    """
    with opened(context, config) as app, progressing(READING, quiet=format is Format.JSON) as progress:
        report = app.plan(pair, progress)
    if format is Format.JSON:
        show_plan_json(report)
    else:
        show_plan(report, limit)
    leave(needs_a_person=waits(report) or any(one["parked"] for one in report["operations"]))


def once(
    context: typer.Context,
    pair: PairArgument = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Sync now, until nothing is due, and end."""
    with opened(context, config) as app, progressing(READING, quiet=format is Format.JSON) as progress:
        reports = plain(app.once(pair, progress))
        waiting = plain(app.status())
    if format is Format.JSON:
        show_json(reports)
    else:
        from syncd.engine.answers import done

        told = [{**report, "did": done(report)} for report in reports]
        columns = [
            name for name in ("run", "pair", "state", "did", "error") if any(report.get(name) for report in told)
        ]
        show_rows(told, columns, format, empty="Nothing was due.")
    leave(needs_a_person=waits(reports) or waits(waiting))


def run(context: typer.Context, *, config: ConfigOption = None) -> None:
    """Sync until told to stop.

    Listens for webhooks too, if any system has a secret for them. Ctrl-C or SIGTERM ends it after what is under way; a
    second one ends it at once. SIGHUP has it read config and maps anew: right ones are worked by from then on, wrong
    ones are told in the log and change nothing.
    """
    _live(context, config, lambda app, until: app.run(until))


def work(context: typer.Context, *, config: ConfigOption = None) -> None:
    """Sync until told to stop, beside any number of others on one PostgreSQL.

    The first one of a machine listens for webhooks. Every process has the same set-up; one that dies is replaced by the
    others when its leases end. Ctrl-C or SIGTERM ends it after what is under way; a second one ends it at once. SIGHUP
    has it read config and maps anew.
    """
    _live(context, config, lambda app, until: app.work(until))


def _live(context: typer.Context, config: Path | None, work: Callable[[App, threading.Event], None]) -> None:
    """Work until told to stop, with the set-up that is there when told to read it anew."""
    from syncd.service import log
    from syncd.service.lifetime import Lifetime

    def live(app: App, until: threading.Event) -> None:
        log.setup(format=app.config.log.format, level=app.config.log.level)
        if sys.stdout.isatty():
            typer.echo(welcome(app))
        work(app, until)

    def renewable() -> App:
        app = read(context, config)
        app.renew = lifetime.again
        return app

    lifetime = Lifetime(renewable)
    stopping = False

    def stop(_number: int, _frame: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True
        lifetime.stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    if not sys.stderr.isatty():  # a terminal that is closed sends it, too
        signal.signal(signal.SIGHUP, lambda _number, _frame: lifetime.again())
    lifetime.run(live)


def welcome(app: App) -> str:
    """Where the console is; while nobody has an account, a link that lets the first admin in, for a terminal alone."""
    if not app.config.console.on:
        return "There is no console: [console] on = false."
    home = home_of(app)
    with app.ready_store.read() as tx:
        if tx.access.any():
            return f"The console is at {home}"
    from syncd.console.ask import Role

    secret = app.doors.invite("admin", Role.ADMIN)
    return f"Let the first person in; this works once, for two days: {home}/welcome/{secret}"


def status(context: typer.Context, *, config: ConfigOption = None, format: FormatOption = Format.TABLE) -> None:
    """Tell how it goes, and what waits for a person."""
    with opened(context, config) as app:
        known = plain(app.status())
    show_facts(known, format)
    leave(needs_a_person=waits(known))


def waits(report: Any) -> bool:
    """Whether any count of this report, however deep, asks for a person, or a system has been paused."""
    if isinstance(report, dict):
        asks = any(report.get(key) for key in WAITING) or report.get("state") == "paused"
        return asks or any(waits(value) for value in report.values())
    return isinstance(report, list) and any(waits(item) for item in report)


@contextmanager
def progressing(what: str, *, quiet: bool) -> Iterator[Callable[[str], None]]:
    """A line that moves while somebody waits at a terminal; nothing at all in a pipe."""
    if quiet or not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console
    from rich.status import Status

    with Status(what, console=Console(stderr=True)) as shown:
        yield shown.update
