"""The views for reports as files, for spreadsheets, Power BI, Tableau or a warehouse: all of them, or what is new.

What is not here: what the views hold (`docs/reference/reports.md`).
"""

from __future__ import annotations

import csv
import importlib
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from syncd.errors import ConfigError, Problem
from syncd.store.reports import STAMP, VIEWS, rows
from syncd.store.store import Store

LAST = "last-export.txt"
"""The file in the folder that holds when it was exported to last."""

OVERLAP = timedelta(minutes=5)
"""What was stored about when the last export read may come once more: a row's first column says which it is."""

BATCH = 1000


_FORMULA = re.compile(r"'*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Sheet(Protocol):
    """A file that is written row by row."""

    def head(self, names: Sequence[str]) -> None:
        """The columns' names; comes first."""

    def add(self, several: Sequence[Sequence[Any]]) -> None:
        """Some rows."""

    def close(self) -> None:
        """That was all."""


class Csv:
    """Comma-separated, as spreadsheets read it; what is not known is empty, and no cell is a formula."""

    def __init__(self, path: Path) -> None:
        """Begin the file."""
        self._file = path.open("w", newline="", encoding="utf-8")
        self._writer = csv.writer(self._file)

    def head(self, names: Sequence[str]) -> None:
        """The first row."""
        self._writer.writerow(names)

    def add(self, several: Sequence[Sequence[Any]]) -> None:
        """Some rows."""
        self._writer.writerows([harmless(value) for value in row] for row in several)

    def close(self) -> None:
        """That was all."""
        self._file.close()


def harmless(value: Any) -> Any:
    """A text that a spreadsheet would run as a formula, with an apostrophe before it; anything else as it is.

    Numbers stay numbers. What begins so with an apostrophe of its own gets one more: who takes one off has the value.
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


class Parquet:
    """Columns of texts and whole numbers."""

    def __init__(self, path: Path) -> None:
        """Begin the file. Raises ConfigError without the package for it."""
        try:
            self._arrow: Any = importlib.import_module("pyarrow")
            self._parquet: Any = importlib.import_module("pyarrow.parquet")
        except ImportError:
            problem = Problem(
                "--format parquet", "needs a package that is not here: pyarrow.", "Install syncd[export]."
            )
            raise ConfigError(problem) from None
        self._path = path
        self._writer: Any = None
        self._schema: Any = None

    def head(self, names: Sequence[str]) -> None:
        """The columns: those that are named like a number are numbers."""
        arrow = self._arrow
        types = {name: arrow.int64() if name in NUMBERS else arrow.string() for name in names}
        self._schema = arrow.schema(list(types.items()))
        self._writer = self._parquet.ParquetWriter(self._path, self._schema)

    def add(self, several: Sequence[Sequence[Any]]) -> None:
        """Some rows."""
        names = self._schema.names
        columns = {
            name: [value if value is None or name in NUMBERS else str(value) for value in values]
            for name, values in zip(names, zip(*several, strict=True), strict=True)
        }
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))

    def close(self) -> None:
        """That was all."""
        if self._writer is not None:
            self._writer.close()


NUMBERS = ("run", "link", "write", "conflict")
FORMATS: dict[str, Callable[[Path], Sheet]] = {"csv": Csv, "parquet": Parquet}


def export(
    store: Store, folder: Path, now: datetime, *, form: str = "csv", since: datetime | None = None, new: bool = False
) -> dict[str, int]:
    """A file for each view in this folder; rows by view. `new`: only what came since the last export to it.

    Files are named by view and moment, and are their owner's alone. Raises ConfigError where nothing can be written.
    """
    if not folder.is_dir():
        raise ConfigError(Problem(str(folder), "is no folder.", "Make it, or name another one with --output."))
    last = folder / LAST
    if new and last.exists():
        since = datetime.strptime(last.read_text(encoding="utf-8").strip(), STAMP).replace(tzinfo=UTC) - OVERLAP
    found = {}
    for name in VIEWS:
        with _sheet(folder / f"{name}-{now:%Y%m%dT%H%M%SZ}.{form}", form) as sheet:
            found[name] = _fill(store, sheet, name, since)
    last.write_text(now.astimezone(UTC).strftime(STAMP), encoding="utf-8")
    return found


def _fill(store: Store, sheet: Sheet, name: str, since: datetime | None) -> int:
    count = 0
    with store.read() as tx:
        told = rows(tx.connection, name, since)
        sheet.head(next(told))
        while several := list(islice(told, BATCH)):
            sheet.add(several)
            count += len(several)
    return count


@contextmanager
def _sheet(path: Path, form: str) -> Iterator[Sheet]:
    """A file that is there when it is whole, and not before."""
    part = path.with_name(f"{path.name}.part")
    try:
        part.unlink(missing_ok=True)
        os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        sheet = FORMATS[form](part)
        try:
            yield sheet
        finally:
            sheet.close()
        part.rename(path)
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be written: {error.strerror}.", "Name another folder.")) from None
    finally:
        part.unlink(missing_ok=True)
