"""Where maps are: an admin's folder first, then the ones that ship with syncd, shadowed by file name.

What is not here: reading them (`maps`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.source import nearest

PACKAGE = Path(__file__).resolve().parent.parent


def shipped() -> Path:
    """The folder of shipped maps: inside an installed package, beside it in a checkout."""
    inside = PACKAGE / "mappings"
    return inside if inside.is_dir() else PACKAGE.parent / "mappings"


def find(name: str, folder: Path | None = None) -> Path:
    """The file of a map named as in the config, `hubspot-jobnimbus/contacts.yaml`.

    Raises ConfigError: also for what lies there and is no file, for an admin who put it there means it, and not the
    shipped map of that name.
    """
    folders = [place for place in (folder, shipped()) if place is not None]
    for place in folders:
        if (place / name).is_file():
            return place / name
        if os.path.lexists(place / name):
            raise ConfigError(_no_file(place / name))
    known = sorted({found for place in folders for found in names(place)})
    where = " nor in ".join(str(place) for place in folders)
    raise ConfigError(Problem(name, f"There is no such map in {where}.", nearest(name, known)))


def _no_file(path: Path) -> Problem:
    """What lies in the place of a map."""
    if path.is_symlink():
        message = f"is a link to {path.readlink()}, where no file is."
        return Problem(str(path), message, "Mend the link, or remove it: then a shipped map of that name holds.")
    remedy = "Put the map there as a file, or remove what is there: then a shipped map of that name holds."
    return Problem(str(path), f"is {'a folder' if path.is_dir() else 'no ordinary file'}, not a map.", remedy)


def find_all(wanted: Sequence[str], folder: Path | None = None) -> list[Path]:
    """The files of several maps. Raises ConfigError naming every one that is missing."""
    problems: list[Problem] = []
    found: list[Path] = []
    for name in wanted:
        try:
            found.append(find(name, folder))
        except ConfigError as error:
            problems.extend(error.problems)
    if problems:
        raise ConfigError(problems)
    return found


def names(folder: Path) -> list[str]:
    """The maps under a folder, as the config names them."""
    files = sorted(folder.glob("*/*.yaml")) if folder.is_dir() else []
    return [str(path.relative_to(folder)) for path in files if _is_map(path)]


def tests_of(path: Path) -> Path:
    """The file of a map's tests, beside it."""
    return path.with_name(path.name.removesuffix(".yaml") + ".test.yaml")


def _is_map(path: Path) -> bool:
    return not path.name.endswith(".test.yaml") and path.name != "schemas.yaml"
