"""All maps of a pair together: they may name each other, and parents come before children without a circle.

What is not here: one map's own mistakes (`maps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Schema, Side
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.maps import Loaded, content, kinds, read
from syncd.fieldmaps.source import nearest

Describe = Callable[[Side, str], Schema]
"""Asks a side for the schema of a kind."""


def load_pair(
    paths: Sequence[Path], *, pair: str, systems: Mapping[Side, str], describe: Describe | None
) -> tuple[FieldMap, ...]:
    """The maps of a pair in the order given. Raises ConfigError with the mistakes of all of them."""
    found = check(paths, pair=pair, systems=systems, describe=describe)
    errors = [problem for loaded in found for problem in loaded.errors]
    if errors:
        raise ConfigError(errors)
    return tuple(loaded.map for loaded in found if loaded.map is not None)


def check(paths: Sequence[Path], *, pair: str, systems: Mapping[Side, str], describe: Describe | None) -> list[Loaded]:
    """Each file with its errors and warnings; what is wrong between the maps stands with the map that names it."""
    found = [_read(path, pair, systems, describe) for path in paths]
    known = {loaded.map.key for loaded in found if loaded.map} | {_key(pair, path) for path in paths}
    result = []
    for loaded in found:
        strangers = tuple(
            Problem(str(place), f"This pair has no map {key.split('/', 1)[1]!r}.", _near(key, known))
            for key, place in loaded.mentions
            if key not in known
        )
        result.append(_with(loaded, strangers))
    return _circle(result)


def _read(path: Path, pair: str, systems: Mapping[Side, str], describe: Describe | None) -> Loaded:
    try:
        text = content(path)
        if describe is None:
            return read(text, str(path), pair, systems, None)
        asked = kinds(text, str(path))
        return read(text, str(path), pair, systems, {side: describe(side, asked[side]) for side in Side})
    except ConfigError as error:
        return Loaded(None, error.problems, ())


def _key(pair: str, path: Path) -> str:
    return f"{pair}/{path.stem}"


def _near(key: str, known: set[str]) -> str:
    return nearest(key.split("/", 1)[1], [name.split("/", 1)[1] for name in known])


def _with(loaded: Loaded, errors: tuple[Problem, ...]) -> Loaded:
    if not errors:
        return loaded
    return Loaded(None, (*loaded.errors, *errors), loaded.warnings, loaded.mentions)


def _circle(found: list[Loaded]) -> list[Loaded]:
    """`after` may not lead back to where it began."""
    graph = {loaded.map.key: loaded.map.after for loaded in found if loaded.map}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        around = list(error.args[1])
        for index, loaded in enumerate(found):
            if loaded.map and loaded.map.key in around:
                places = [place for key, place in loaded.mentions if key in around]
                way = " after ".join(key.split("/", 1)[1] for key in reversed(around))
                problem = Problem(str(places[0]), f"`after` goes in a circle: {way}.", "Take one of them out.")
                found[index] = _with(loaded, (problem,))
                break
    return found
