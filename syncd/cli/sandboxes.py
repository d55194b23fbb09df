"""`syncd sandbox`, a vendor's account on this machine to try maps with, and `syncd demo`, two of them and the daemon.

What is not here: what a sandbox does (`kit.sandbox` and each vendor's own).
"""

from __future__ import annotations

import json
import re
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.common import CrmOption, FormatOption, crm_of, leave
from syncd.cli.render import Format
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.lab.crm import Crm

RATE = re.compile(r"[1-9]\d*/[1-9]\d*")
"""Requests per seconds, as both sandboxes and the set-up read it."""

LIVE, SETTLING = "20/1", "100/1"
"""What the sandboxes enforce: the pace of real vendors where somebody watches, a quicker one where nobody does."""


def sandbox(
    name: Annotated[str | None, typer.Argument(help="Which vendor; left out, the installed ones are listed.")] = None,
    *,
    port: Annotated[int, typer.Option(help="The port on 127.0.0.1.", min=0, max=65535)] = 0,
    seed: Annotated[int, typer.Option(help="The seed of everything that is left to chance.")] = 1,
    leads: Annotated[int, typer.Option(help="Fill the account with so many invented leads.", min=0)] = 0,
    switches: Annotated[
        list[str] | None, typer.Option("--set", metavar="SWITCH=VALUE", help="Behavior of the vendor; may be repeated.")
    ] = None,
    tls: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Serve https; what clients must trust is ca.pem in here.")
    ] = None,
) -> None:
    """Serve a vendor's fake account until Ctrl-C."""
    from syncd.kit import registry

    if name is None:
        typer.echo("\n".join(registry.sandboxes()))
        return
    kind = registry.sandbox(name)
    made = _made(kind, seed, _switches(switches or (), kind))
    if leads:
        typer.echo(f"filled with {counted(leads, 'lead')}: {json.dumps(made.seed({'leads': leads, 'seed': seed}))}")
    _serve(made, port, tls)


def _serve(made: Any, port: int, tls: Path | None) -> None:
    from syncd.kit.sandbox import SandboxServer

    try:
        server = SandboxServer(made, port, tls)
    except OSError as error:
        message = f"cannot be used: {error.strerror}."
        if error.filename is not None:
            raise ConfigError(Problem(f"--tls {tls}", message, "Name a folder that you may write.")) from None
        raise ConfigError(Problem(f"--port {port}", message, "Choose another port, or 0 for a free one.")) from None
    with server:
        typer.echo(f"{made.name} sandbox on {server.url} (control: {server.url}/_sim/health). Ctrl-C stops it.")
        typer.echo(made.entry)
        if server.authority is not None:
            typer.echo(
                f"Clients must trust {server.authority}; for syncd: ca_file = {json.dumps(str(server.authority))}"
            )
        _until_told_to_stop()


def _play(*, crm: Crm, leads: int, port: int, rate: str, seed: int) -> None:
    """The demo with its page, until Ctrl-C."""
    from syncd.app import App
    from syncd.lab import demo as live

    live.run(App.open, crm=crm, leads=leads, port=port, rate=rate, seed=seed, say=typer.echo, stop=_told_to_stop())


def _until_told_to_stop() -> None:
    _told_to_stop().wait()


def _told_to_stop() -> threading.Event:
    """Set by Ctrl-C and by SIGTERM."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _made(kind: Any, seed: int, settings: dict[str, Any]) -> Any:
    from syncd.kit.sandbox import ControlError

    try:
        return kind(seed=seed, settings=settings)
    except ControlError as error:
        raise ConfigError(Problem("--set", f"{error}.")) from None


def _switches(given: Sequence[str], kind: Any) -> dict[str, Any]:
    chosen: dict[str, Any] = {}
    for item in given:
        switch, equals, value = item.partition("=")
        if not equals:
            known = ", ".join(sorted(kind.switches))
            raise ConfigError(Problem(f"--set {item}", "is not SWITCH=VALUE.", f"Known switches: {known}."))
        chosen[switch] = _value(value)
    return chosen


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def demo(
    *,
    until_settled: Annotated[
        bool, typer.Option("--until-settled", help="No page: sync to the end, compare both sides, tell, and leave.")
    ] = False,
    crm: CrmOption = "hubspot",
    leads: Annotated[int, typer.Option(help="So many invented leads.", min=0)] = 200,
    left_csv: Annotated[
        Path | None, typer.Option(help="Import the left side from this file instead.", dir_okay=False, exists=True)
    ] = None,
    right_csv: Annotated[
        Path | None, typer.Option(help="Import the right side from this file instead.", dir_okay=False, exists=True)
    ] = None,
    port: Annotated[int, typer.Option(help="The page's first choice of a port on 127.0.0.1.", min=0, max=65535)] = 8484,
    rate: Annotated[
        str | None,
        typer.Option(help=f"Requests per seconds that both vendors take: {LIVE} with the page, else {SETTLING}."),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of everything that is left to chance.")] = 1,
    format: FormatOption = Format.TABLE,
) -> None:
    """Show it all on this machine, with invented records and both vendors in a box.

    With --until-settled the exit code is 0 only if both sides are equal (what waits for a person apart), nothing is
    double or lost, and three idle polls of every feed wrote nothing.
    """
    if rate is None:
        rate = SETTLING if until_settled else LIVE
    if not RATE.fullmatch(rate):
        raise ConfigError(Problem(f"--rate {rate}", "is not REQUESTS/SECONDS.", "Write for example 20/1 or 100/10."))
    chosen = crm_of(crm)
    if not until_settled:
        _play(crm=chosen, leads=leads, port=port, rate=rate, seed=seed)
        return
    from syncd.cli.settling import Given, settle

    given = Given(crm=chosen, leads=leads, left=left_csv, right=right_csv, rate=rate, seed=seed)
    leave(needs_a_person=not settle(given, format))
