"""`syncd prove`: people, bad vendors and kills over your own maps, on this machine; what held and what did not.

What is not here: the play and the laws (`syncd.lab`).
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from syncd.cli.common import CrmOption, FormatOption, crm_of, leave
from syncd.cli.render import Format, show_json, show_rows
from syncd.cli.sandboxes import RATE
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.lab.own import Own
    from syncd.lab.prove import Proof, Task

EDITS = 1000
_EVERY = 15.0
_STORIES = 3


def prove(
    *,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="Your set-up; left out, the shipped maps.")
    ] = None,
    crm: CrmOption = "hubspot",
    edits: Annotated[int | None, typer.Option(help=f"Until people made so many edits ({EDITS}).", min=1)] = None,
    minutes: Annotated[float | None, typer.Option(help="Or for so long.", min=0.1)] = None,
    seed: Annotated[int, typer.Option(help="The seed of everything that is left to chance.")] = 1,
    leads: Annotated[int, typer.Option(help="So many invented leads to begin with.", min=1)] = 200,
    rate: Annotated[str, typer.Option(help="Requests per seconds that both vendors take.")] = "100/1",
    per_second: Annotated[float, typer.Option(help="How often people act, per second.", min=0.1)] = 15.0,
    workers: Annotated[int, typer.Option(help="So many processes at once; they need --store.", min=1)] = 1,
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="An empty PostgreSQL database instead of a file.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Play in this new or empty folder, and leave all of it there.")
    ] = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Prove on this machine that nothing is lost and nothing is made twice, with your maps and both vendors in a box.

    --crm says which shipped maps are played; with --config, the set-up does.

    Invented people edit, often the same field on both sides at once, make, delete, restore and merge records; the
    vendors refuse, fail and lose answers; the daemon is killed again and again. Then all comes to rest, and every law
    is looked at in the vendors' own histories. No vendor and no store of yours is touched; the keys of the set-up are
    not needed, and its guards are off. The exit code is 0 only if every law held.
    """
    from syncd.lab.prove import Task

    if not RATE.fullmatch(rate):
        raise ConfigError(Problem(f"--rate {rate}", "is not REQUESTS/SECONDS.", "Write for example 20/1 or 100/10."))
    wanted = edits if edits is not None or minutes is not None else EDITS
    task = Task(
        crm=crm_of(crm), edits=wanted, lasts=timedelta(minutes=minutes) if minutes is not None else None, seed=seed,
        leads=leads, rate=rate, per_second=per_second, workers=workers, store=store, own=_own(config), config=config,
    )  # fmt: skip
    leave(needs_a_person=not _played(task, keep, format))


def _played(task: Task, keep: Path | None, format: Format) -> bool:
    """Play it in a folder of its own, and show the answer; whether every law held."""
    from syncd.app import App
    from syncd.lab.prove import prove as play
    from syncd.service import log

    signal.signal(signal.SIGTERM, _interrupt)
    log.setup((), level="error")
    with _folder(keep) as folder, _progress() as say:
        proof = play(App.open, folder, task, say)
    if format is Format.JSON:
        show_json(proof.as_data())
    else:
        _show(proof)
    return proof.good


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """Where it is played: a folder that is gone afterwards, or one to keep. ConfigError if that is not empty."""
    if keep is None:
        with tempfile.TemporaryDirectory(prefix="syncd-prove-") as folder:
            yield Path(folder)
        return
    try:
        keep.mkdir(parents=True, exist_ok=True)
        empty = not any(keep.iterdir())
    except OSError as error:
        reason = f"cannot be made: {error.strerror or error}."
        raise ConfigError(Problem(f"--keep {keep}", reason, "Name a folder that you may write.")) from None
    if not empty:
        raise ConfigError(Problem(f"--keep {keep}", "is not empty.", "Name a new folder for each proof."))
    yield keep.resolve()


def _interrupt(_number: int, _frame: object) -> None:
    """Told to end, it ends as by Ctrl-C: no daemon and no folder is left behind."""
    raise KeyboardInterrupt


def _own(config: Path | None) -> Own | None:
    from syncd.app import App
    from syncd.lab.own import own, without_secrets

    if config is None:
        return None
    with App.open(config, environ=without_secrets(config, os.environ)) as app:
        return own(app.config)


def _show(proof: Proof) -> None:
    data = proof.as_data()
    rows: list[dict[str, Any]] = [{"what": name, "count": data[name]} for name in ("edits", "judged")]
    for group in ("acts", "faults", "links", "conflicts", "parked", "seconds"):
        word = {"acts": "people:", "faults": "fault", "seconds": "seconds of"}.get(group, group)
        rows += [{"what": f"{word} {name}", "count": count} for name, count in sorted(data[group].items())]
    rows += [{"what": name, "count": data[name]} for name in ("kills", "requests", "writes", "intents", "in_flight")]
    show_rows(rows, ("what", "count"), Format.TABLE, empty="")
    for name, columns in (
        ("differences", ("map", "left", "right", "rule", "left_value", "right_value", "why")),
        ("odd", ("map", "ref", "why")),
    ):
        if data[name]:
            typer.echo(f"\n{len(data[name])} {name}:")
            show_rows(data[name][:50], columns, Format.TABLE, empty="")
    for breach in proof.breaches[:_STORIES]:
        typer.echo(f"\n{breach}")
    typer.echo(f"\n{_verdict(proof, data)}")


def _verdict(proof: Proof, data: dict[str, Any]) -> str:
    words = [
        counted(data["lost"], "lost edit"), counted(data["duplicates"], "duplicate"),
        counted(data["unexplained"], "unexplained write"), counted(len(data["idle_writes"]), "idle write"),
        counted(len(data["differences"]), "difference"), f"{data['held']} held",
        f"{counted(len(proof.breaches), 'breach', 'breaches')} in all",
    ]  # fmt: skip
    lines = [f"Laws: {'; '.join(data['laws'])}."]
    if data["failed"]:
        lines.append(f"It was broken off: {data['failed']}")
    lines.append(f"{'✓' if proof.good else '✗'} {', '.join(words)}.")
    if not proof.good:
        lines.append(f"Replay: {data['replay']}")
    return "\n".join(lines)


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """A moving line at a terminal; in a pipe a line on stderr now and then."""
    if not sys.stderr.isatty():
        last = [-_EVERY]

        def now_and_then(text: str) -> None:
            if time.monotonic() - last[0] >= _EVERY:
                last[0] = time.monotonic()
                typer.echo(text, err=True)

        yield now_and_then
        return
    from rich.console import Console
    from rich.status import Status

    with Status("setting the stage", console=Console(stderr=True)) as shown:
        yield shown.update
