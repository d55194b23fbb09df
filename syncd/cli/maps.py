"""The verbs for admins who write maps: `map check`, `map test`, `map schema`. These need no key and no network.

What is not here: `map apply` (`audits`), and checking against the real accounts; `syncd check` does that. Here a
map is held against the `schemas.yaml` that lies beside it, if there is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from syncd.cli.common import FormatOption, leave
from syncd.cli.render import Format, show_finding, show_json, shown_path
from syncd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from syncd.fieldmaps import Loaded
    from syncd.fieldmaps.pairs import Describe

maps = typer.Typer(help="Check and test maps offline, and carry changed ones to what is linked.", no_args_is_help=True)

MapsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MAP]...", help="A file, or a shipped map by its name; all shipped ones if left out."),
]


@dataclass(frozen=True, slots=True)
class Line:
    """One mistake or warning of a map."""

    severity: str
    place: str
    message: str
    remedy: str


@maps.command("check")
def check(names: MapsArgument = None, *, format: FormatOption = Format.TABLE) -> None:
    """Find every mistake in maps, with file, line and column."""
    found = list(_checked(_paths(names or ())))
    lines = [line for _, loaded in found for line in _lines(loaded)]
    if format is Format.JSON:
        show_json(lines)
    else:
        for path, loaded in found:
            for line in _lines(loaded):
                show_finding(line.severity, line.place, line.message, line.remedy)
            if loaded.map is not None:
                show_finding("ok", shown_path(path), f"{len(loaded.map.rules)} rules.")
    if any(line.severity == "error" for line in lines):
        raise typer.Exit(ConfigError.exit_code)


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
                show_finding("ok", shown_path(path), f"{result.cases} cases.")
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


def _checked(paths: Sequence[Path]) -> Iterator[tuple[Path, Loaded]]:
    """Each map, checked among all maps of its folder, since they may name each other."""
    from syncd.core.model import Side
    from syncd.fieldmaps import check as check_pair
    from syncd.fieldmaps import names as maps_in

    for folder in dict.fromkeys(path.parent for path in paths):
        beside = [folder.parent / name for name in maps_in(folder.parent) if Path(name).parent.name == folder.name]
        together = list(dict.fromkeys([*beside, *(path for path in paths if path.parent == folder)]))
        found = check_pair(
            together, pair=folder.name, systems={side: side.value for side in Side}, describe=_describe(folder)
        )
        yield from ((path, loaded) for path, loaded in zip(together, found, strict=True) if path in paths)


def _describe(folder: Path) -> Describe | None:
    from syncd.core.model import Side
    from syncd.fieldmaps import load_schemas, schema_of

    file = folder / "schemas.yaml"
    if not file.is_file():
        return None
    schemas = load_schemas(file, {side: side.value for side in Side})
    return lambda side, kind: schema_of(schemas, side, kind)


def _lines(loaded: Loaded) -> list[Line]:
    return [_line("error", problem) for problem in loaded.errors] + [
        _line("warning", problem) for problem in loaded.warnings
    ]


def _line(severity: str, problem: Problem) -> Line:
    return Line(severity, _shown(problem.place), problem.message, problem.remedy)


def _shown(place: str) -> str:
    file, colon, position = place.partition(":")
    return shown_path(Path(file)) + colon + position
