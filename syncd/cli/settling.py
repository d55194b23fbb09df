"""What `syncd demo --until-settled` does and shows: one sync to the end, and how equal both sides are after it.

What is not here: the sync and the looking (`syncd.lab`).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from syncd.cli.render import Format, show_json, show_rows
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.lab.crm import Crm
    from syncd.lab.settled import Progress, Say, Settled

_SHOWN = 50
_EVERY = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the demo was asked for: the CRM, so many leads or the files to import, the vendors' rate, the seed."""

    crm: Crm
    leads: int
    left: Path | None
    right: Path | None
    rate: str
    seed: int


def settle(given: Given, format: Format) -> bool:
    """Play it in a folder of its own, show the answer; whether all was well."""
    from syncd.app import App
    from syncd.lab.settled import until_settled
    from syncd.lab.stage import Stage
    from syncd.service import log

    with tempfile.TemporaryDirectory(prefix="syncd-demo-") as folder:
        texts = [_text(path) if path is not None else None for path in (given.left, given.right)]
        stage = Stage(
            folder=Path(folder), crm=given.crm, leads=given.leads, seed=given.seed, rate=given.rate,
            left_csv=texts[0], right_csv=texts[1],
        )  # fmt: skip
        files = {"left_csv": str(given.left), "right_csv": str(given.right)}
        with _progress() as say, _naming(files), stage, App.open(stage.config, environ=stage.environ) as app:
            log.setup(app.config.secrets(), format="console", level="error")
            found = until_settled(stage, app.world, say)
    if format is Format.JSON:
        show_json(found.as_data())
    else:
        _show(found)
    return found.good


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        remedy = "Save the spreadsheet as CSV (UTF-8)."
        raise ConfigError(Problem(str(path), f"cannot be read: {reason}.", remedy)) from None
    if not text.strip():
        raise ConfigError(Problem(str(path), "is empty.", "Its first row must name the columns."))
    return text


@contextmanager
def _naming(files: Mapping[str, str]) -> Iterator[None]:
    """What the stage says of one of its texts is said of the file that it was read from."""
    try:
        yield
    except ConfigError as error:
        told = [Problem(files.get(one.place, one.place), one.message, one.remedy) for one in error.problems]
        raise ConfigError(told) from None


def _show(found: Settled) -> None:
    data = found.as_data()
    rows = [{"what": f"records {name}", "count": count} for name, count in data["counts"].items()]
    rows += [{"what": f"writes {name}", "count": count} for name, count in data["writes"].items()]
    rows += [{"what": f"parked {name}", "count": count} for name, count in data["parked"].items()]
    rows.append({"what": "open conflicts", "count": data["conflicts"]})
    show_rows([{**row, "what": _words(row["what"])} for row in rows], ("what", "count"), Format.TABLE, empty="")
    typer.echo("")
    lines = [line for line in data["endpoints"] if line["requests"] or line["floor"]]
    show_rows(lines, ("system", "endpoint", "requests", "floor", "errors"), Format.TABLE, empty="No request.")
    typer.echo(
        f"\n{counted(data['requests'], 'request')}; pages, batches and writes force {data['floor']} "
        f"({data['over_floor_percent']:+.1f} %)."
    )
    for name, columns in _FINDINGS.items():
        _list(name, data[name], columns)
    typer.echo(_verdict(found))


_FINDINGS = {
    "differences": ("map", "left", "right", "rule", "left_value", "right_value", "why"),
    "duplicates": ("map", "ref", "why"),
    "missing": ("map", "ref", "why"),
}


def _words(text: str) -> str:
    for name in ("rules compared", "explained:", "links"):
        text = text.replace(f"records {name}", name)
    return text


def _list(name: str, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    if not rows:
        return
    typer.echo(f"\n{len(rows)} {name}:")
    show_rows(rows[:_SHOWN], columns, Format.TABLE, empty="")


def _verdict(found: Settled) -> str:
    if not found.quiet:
        return f"\n✗ It did not come to rest; given up after {found.whole:.0f} s."
    words = [
        counted(len(found.comparison.differences), "difference"),
        counted(len(found.comparison.duplicates), "duplicate"),
        f"{len(found.comparison.missing)} missing",
        f"{counted(len(found.idle_writes), 'write')} in {counted(found.idle_polls, 'idle poll')}",
        counted(found.conflicts, "open conflict"),
    ]
    return f"\n{'✓' if found.good else '✗'} Settled in {found.seconds:.0f} s: {', '.join(words)}."


@contextmanager
def _progress() -> Iterator[Say]:
    """A moving line at a terminal; in a pipe a line on stderr now and then."""
    if not sys.stderr.isatty():
        last = [-_EVERY]

        def now_and_then(progress: Progress) -> None:
            if progress.seconds - last[0] >= _EVERY:
                last[0] = progress.seconds
                typer.echo(_line(progress), err=True)

        yield now_and_then
        return
    from rich.console import Console
    from rich.status import Status

    with Status("setting the stage", console=Console(stderr=True)) as shown:
        yield lambda progress: shown.update(_line(progress))


def _line(progress: Progress) -> str:
    return f"{progress.seconds:4.0f} s  {progress.doing}: {counted(progress.links, 'link')}, {progress.due} due"
