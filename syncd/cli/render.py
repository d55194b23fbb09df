"""Showing answers: a table for people, JSON for programs, ticks and crosses for findings.

What is not here: asking for them. Whatever is shown is plain data: dataclasses and mappings become JSON objects.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import typer

WIDE = 200
"""Columns of a table that is not shown on a terminal: nothing is cut short in a file or a pipe."""

MARKS = {"ok": "✓", "warning": "!", "error": "✗"}
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")
COLORS = {"ok": "green", "warning": "yellow", "error": "red"}


class Format(StrEnum):
    """How an answer is shown."""

    TABLE = "table"
    JSON = "json"


def plain(value: Any) -> Any:
    """The value as JSON types: dataclasses, mappings and sequences go in depth, everything else becomes its text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    return value.isoformat() if isinstance(value, date) else str(value)


def show_json(value: Any) -> None:
    """One JSON document on stdout."""
    import orjson

    typer.echo(orjson.dumps(plain(value), option=orjson.OPT_INDENT_2).decode())


def as_json(value: Any) -> str:
    """A value, whose keys are texts, as JSON on one line; what is JSON already is not gone through."""
    import orjson

    return orjson.dumps(value, default=plain, option=orjson.OPT_PASSTHROUGH_DATACLASS).decode()


def show_rows(rows: Iterable[Any], columns: Sequence[str], format: Format, *, empty: str) -> None:
    """A listing: of each row the named columns as a table, or everything as JSON. `empty` is said of none."""
    listed = [plain(row) for row in rows]
    if format is Format.JSON:
        show_json(listed)
    elif not listed:
        typer.echo(empty)
    else:
        _table(listed, columns)


def show_facts(facts: Mapping[str, Any], format: Format) -> None:
    """One thing with its properties: two columns, or JSON; what it holds several of becomes a table of its own."""
    known = plain(facts)
    if format is Format.JSON:
        show_json(known)
        return
    tables = {name: rows for name, value in known.items() if (rows := _rows(value)) is not None}
    flat = [{"name": name, "value": value} for name, value in known.items() if name not in tables]
    if flat:
        _table(flat, ("name", "value"), header=False)
    for name, rows in tables.items():
        typer.echo(f"\n{name}:")
        columns = tuple(dict.fromkeys(column for row in rows for column in row))
        _table(rows, columns, header=columns != ("name", "value"))


def show_finding(severity: str, subject: str, message: str, remedy: str = "") -> None:
    """One line of a check: a mark, what was looked at, what was found, what to do."""
    mark = MARKS.get(severity, "?")
    colored = typer.style(mark, fg=COLORS.get(severity)) if sys.stdout.isatty() else mark
    typer.echo(f"{colored} {subject}: {message}" + (f" {remedy}" if remedy else ""))


def cell(value: Any) -> str:
    """One value inside a table: short, and never the words of a programming language."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {cell(item)}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(cell(item) for item in value)
    text = str(value)
    # Machines want microseconds and +00:00; the JSON form keeps them.
    return f"{text[:10]} {text[11:19]} UTC" if MOMENT.fullmatch(text) else text


def shown_path(path: Path) -> str:
    """A path as a person would type it: relative when it lies below the current folder."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else str(path)


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, header: bool = True) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=header, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        # Text, not str: a value with [brackets] is data, never markup.
        table.add_row(*(Text(cell(row.get(column))) for column in columns))
    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    with console.capture() as drawn:
        console.print(table)
    typer.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def _rows(value: Any) -> list[Mapping[str, Any]] | None:
    """A list of things, or things by name, as rows; None if it is a single value."""
    if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        return value
    if isinstance(value, Mapping):
        return [
            {"name": name, **(item if isinstance(item, Mapping) else {"value": item})} for name, item in value.items()
        ]
    return None
