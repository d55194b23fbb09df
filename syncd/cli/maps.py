"""The verbs for admins who write maps: `map check`, `map test`, `map schema`. These need no key and no network.

What is not here: `map apply` (`audits`), and checking against the real accounts; `syncd check` does that. Here a
map is held against the `schemas.yaml` that lies beside it, if there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from syncd.cli.checking import Checked, SetUp, all_of, set_up, some
from syncd.cli.common import ConfigOption, FormatOption, given, leave
from syncd.cli.render import Format, show_finding, show_json, shown_path
from syncd.core.plural import counted
from syncd.errors import ConfigError, Problem

maps = typer.Typer(help="Check and test maps offline, and carry changed ones to what is linked.", no_args_is_help=True)

MapsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MAP]...", help="A file, or a shipped map by its name; all shipped ones if left out."),
]

NOT_CHECKED = "the fields are not checked: no schemas.yaml lies beside it."


@dataclass(frozen=True, slots=True)
class Line:
    """One mistake or warning of a map, or what else is said of it."""

    severity: str
    place: str
    message: str
    remedy: str


@maps.command("check")
def check(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[MAP]...", help="A file, or a map as a config names it; all of yours if left out."),
    ] = None,
    *,
    config: ConfigOption = None,
    format: FormatOption = Format.TABLE,
) -> None:
    """Find every mistake in maps, with file, line and column.

    Without a name: in all maps of your set-up, or if there is none, in those that ship with syncd. It needs no key and
    no network: fields are held against the `schemas.yaml` beside a map, else they are not checked. `syncd check` asks
    the accounts.
    """
    found = set_up(given(context, config))
    checked = some(names, found) if names else all_of(found)
    lines = [line for one in checked for line in _lines(one)]
    if format is Format.JSON:
        show_json(lines)
    else:
        for line in lines:
            show_finding(line.severity, line.place, line.message, line.remedy)
        if not names:
            typer.echo(_closing(len(checked), found))
    if any(line.severity == "error" for line in lines):
        raise typer.Exit(ConfigError.exit_code)


def _closing(count: int, found: SetUp | None) -> str:
    """Which maps were checked."""
    which = f"of {found.file}" if found else "that ship with syncd; there is no config.toml here"
    return f"Checked: the {counted(count, 'map')} {which}."


@maps.command("test")
def run_tests(names: MapsArgument = None, *, format: FormatOption = Format.TABLE) -> None:
    """Run the tests beside maps: record in, record out, both ways."""
    from syncd.fieldmaps.cases import run_file

    tested = [(path, run_file(path)) for path in _paths(names or ())]
    lines = [
        Line("error", _shown(str(failure.place)), f"{failure.case}: {failure.message}.", "")
        for _, result in tested
        for failure in result.failures
    ]
    if format is Format.JSON:
        show_json({"cases": sum(result.cases for _, result in tested), "failures": lines})
    else:
        for line in lines:
            show_finding(line.severity, line.place, line.message)
        for path, result in tested:
            if not result.failures:
                show_finding("ok", shown_path(path), f"{counted(result.cases, 'case')}.")
    leave(needs_a_person=bool(lines))


@maps.command("schema")
def schema() -> None:
    """Print the JSON Schema of a map, for editors."""
    from syncd.fieldmaps.schema import json_schema

    show_json(json_schema())


def _paths(names: Sequence[str]) -> list[Path]:
    from syncd.fieldmaps import find_all, shipped
    from syncd.fieldmaps import names as maps_in

    files = [Path(name).resolve() for name in names if Path(name).is_file()]
    others = [name for name in names if not Path(name).is_file()]
    return [*files, *find_all(others)] if names else [shipped() / name for name in maps_in(shipped())]


def _lines(one: Checked) -> list[Line]:
    """Its mistakes and warnings, and what else is to be said of the file."""
    loaded = one.loaded
    lines = [_line("error", problem) for problem in loaded.errors]
    lines += [_line("warning", problem) for problem in loaded.warnings]
    if loaded.map is None:
        return lines
    rules, place = counted(len(loaded.map.rules), "rule"), shown_path(one.path)
    if one.against_fields:
        return [*lines, Line("ok", place, f"{rules}.", "")]
    return [*lines, Line("warning", place, f"{rules}; {NOT_CHECKED}", "`syncd check` holds them against the accounts.")]


def _line(severity: str, problem: Problem) -> Line:
    return Line(severity, _shown(problem.place), problem.message, problem.remedy)


def _shown(place: str) -> str:
    file, colon, position = place.partition(":")
    return shown_path(Path(file)) + colon + position
