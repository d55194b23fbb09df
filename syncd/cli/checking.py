"""Which maps `map check` reads, and what each is held against.

A map of the set-up is checked among those of its pair, any other one among those of its folder; the fields of each by
the `schemas.yaml` that lies beside it.
What is not here: showing what is found (`maps`). It needs no key and no network.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from syncd.errors import ConfigError

if TYPE_CHECKING:
    from syncd.config import PairConfig
    from syncd.core.model import Side
    from syncd.fieldmaps import Loaded
    from syncd.fieldmaps.pairs import Describe


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a config says of maps: the folder of an admin's own ones, and the pairs with theirs."""

    file: Path
    folder: Path
    pairs: Mapping[str, PairConfig]


@dataclass(frozen=True, slots=True)
class Checked:
    """A map file with what was found. `against_fields`: whether there was a schema to hold its fields against."""

    path: Path
    loaded: Loaded
    against_fields: bool


def set_up(asked: Path | None) -> SetUp | None:
    """The set-up that was asked for, or lies here; None if there is none. Raises ConfigError."""
    from syncd.config.load import DEFAULT, VARIABLE, find, maps

    if not (asked or os.environ.get(VARIABLE) or Path(DEFAULT).is_file()):
        return None
    file = find(asked, os.environ)
    return SetUp(file, *maps(file, os.environ))


def all_of(found: SetUp | None) -> list[Checked]:
    """Every map of the set-up, or without one, every shipped map. Raises ConfigError for a map that is not there."""
    from syncd.fieldmaps import find_all, names, shipped

    if found is None:
        return list(_by_folder([shipped() / name for name in names(shipped())]))
    return [
        one
        for pair in found.pairs.values()
        for one in _together(find_all(pair.maps, found.folder), pair.name, _systems(pair))
    ]


def some(named: Sequence[str], found: SetUp | None) -> list[Checked]:
    """The maps that were named, by file or as a config names them. Raises ConfigError for one that is not there."""
    from syncd.fieldmaps import find_all

    files = [Path(name).resolve() for name in named if Path(name).is_file()]
    others = find_all([name for name in named if not Path(name).is_file()], found.folder if found else None)
    paths = list(dict.fromkeys([*files, *(path.resolve() for path in others)]))
    checked = [one for pair in (found.pairs.values() if found else ()) for one in _of_pair(found, pair, paths)]
    taken = {one.path for one in checked}
    return [*checked, *_by_folder([path for path in paths if path not in taken])]


def _of_pair(found: SetUp | None, pair: PairConfig, paths: Sequence[Path]) -> Iterator[Checked]:
    """Those of these maps that a pair takes, checked among all of its maps that are there."""
    theirs = [path.resolve() for name in pair.maps for path in _find(name, found)]
    if not set(theirs).isdisjoint(paths):
        yield from (one for one in _together(theirs, pair.name, _systems(pair)) if one.path in paths)


def _find(name: str, found: SetUp | None) -> list[Path]:
    from syncd.fieldmaps import find

    try:
        return [find(name, found.folder if found else None)]
    except ConfigError:
        return []


def _systems(pair: PairConfig) -> Mapping[Side, str]:
    from syncd.core.model import Side

    return {Side.LEFT: pair.left, Side.RIGHT: pair.right}


def _by_folder(paths: Sequence[Path]) -> Iterator[Checked]:
    """Each map among those of its folder, and the shipped ones that a folder of this name has besides."""
    from syncd.core.model import Side
    from syncd.fieldmaps import names, shipped

    for folder in dict.fromkeys(path.parent for path in paths):
        wanted = [path for path in paths if path.parent == folder]
        beside = {
            Path(name).name: home / name
            for home in (shipped(), folder.parent)
            for name in names(home)
            if Path(name).parent.name == folder.name
        }
        together = list(dict.fromkeys([*wanted, *sorted(beside.values(), key=lambda path: path.parent != folder)]))
        checked = _together(together, folder.name, {side: side.value for side in Side})
        yield from (one for one in checked if one.path in wanted)


def _together(paths: Sequence[Path], pair: str, systems: Mapping[Side, str]) -> list[Checked]:
    """Maps that may name each other, each against the schemas beside it."""
    from syncd.fieldmaps import check

    beside = {folder: _describe(folder, systems) for folder in dict.fromkeys(path.parent for path in paths)}
    describes = {path: beside[path.parent] for path in paths}
    loaded = check(paths, pair=pair, systems=systems, describe=None, apart=describes)
    return [Checked(path, one, describes[path] is not None) for path, one in zip(paths, loaded, strict=True)]


def _describe(folder: Path, systems: Mapping[Side, str]) -> Describe | None:
    from syncd.fieldmaps import load_schemas, schema_of

    file = folder / "schemas.yaml"
    if not file.is_file():
        return None
    schemas = load_schemas(file, systems)
    return lambda side, kind: schema_of(schemas, side, kind)
