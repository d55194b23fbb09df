"""All maps of a pair together: they may name each other, and parents come before children without a circle.

What is not here: one map's own mistakes (`maps`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from syncd.core.fieldmap import FieldMap
from syncd.core.model import Schema, Side
from syncd.errors import ConfigError, Problem, Refused
from syncd.fieldmaps.maps import Loaded, content, kinds, place_of, read
from syncd.fieldmaps.source import nearest

Describe = Callable[[Side, str], Schema]
"""Asks a side for the schema of a kind. Raises Refused for a kind that the side does not have."""


def load_pair(
    paths: Sequence[Path], *, pair: str, systems: Mapping[Side, str], describe: Describe | None
) -> tuple[FieldMap, ...]:
    """The maps of a pair in the order given. Raises ConfigError with the mistakes of all of them."""
    found = check(paths, pair=pair, systems=systems, describe=describe)
    errors = [problem for loaded in found for problem in loaded.errors]
    if errors:
        raise ConfigError(errors)
    return _in_order([loaded.map for loaded in found if loaded.map is not None])


def _in_order(maps: Sequence[FieldMap]) -> tuple[FieldMap, ...]:
    """The maps as they were written down, but each behind those that come before it by `after` and `continues`."""
    by_key, done = {m.key: m for m in maps}, dict[str, FieldMap]()

    def put(m: FieldMap) -> None:
        for key in before(m):
            if key in by_key and key not in done and key != m.key:
                put(by_key[key])
        done[m.key] = m

    for m in maps:
        if m.key not in done:
            put(m)
    return tuple(done.values())


def before(m: FieldMap) -> tuple[str, ...]:
    """The keys of the maps that this one comes after."""
    return (*m.after, *((m.continues.map,) if m.continues is not None else ()))


def check(
    paths: Sequence[Path],
    *,
    pair: str,
    systems: Mapping[Side, str],
    describe: Describe | None,
    apart: Mapping[Path, Describe | None] | None = None,
    instead: Mapping[Path, str] | None = None,
) -> list[Loaded]:
    """Each file with its errors and warnings; what is wrong between the maps stands with the map that names it.

    `apart`: files that something else describes; None: only their form is checked. `instead`: texts to be read for
    what files hold, so that a draft is checked before it is saved.
    """
    describes, drafts = dict.fromkeys(paths, describe) | dict(apart or {}), instead or {}
    found = _one_each([_read(path, pair, systems, describes[path], drafts.get(path)) for path in paths], paths, drafts)
    known = {loaded.map.key for loaded in found if loaded.map} | {_key(pair, path) for path in paths}
    result = []
    for loaded in found:
        strangers = tuple(
            Problem(str(place), f"This pair has no map {key.split('/', 1)[1]!r}.", _near(key, known))
            for key, place in loaded.mentions
            if key not in known
        )
        result.append(_with(loaded, strangers))
    return _circle(_continued(result))


def _read(path: Path, pair: str, systems: Mapping[Side, str], describe: Describe | None, draft: str | None) -> Loaded:
    try:
        text = content(path) if draft is None else draft
        if describe is None:
            return read(text, str(path), pair, systems, None)
        asked = kinds(text, str(path))
        schemas = {side: _schema(side, asked[side], describe, text, path) for side in Side}
        return read(text, str(path), pair, systems, schemas)
    except ConfigError as error:
        return Loaded(None, error.problems, ())


def _schema(side: Side, kind: str, describe: Describe, text: str, path: Path) -> Schema:
    try:
        return describe(side, kind)
    except Refused as refused:
        place = place_of(text, str(path), side.value, "kind")
        raise ConfigError(Problem(str(place), f"The {side.value} side has no kind {kind!r}: {refused}")) from None


def _one_each(found: list[Loaded], paths: Sequence[Path], drafts: Mapping[Path, str]) -> list[Loaded]:
    """Two maps of a pair may not have one name: the store would take them for one."""
    first: dict[str, Path] = {}
    result = []
    for loaded, path in zip(found, paths, strict=True):
        other = first.setdefault(loaded.map.key, path) if loaded.map else path
        if other == path or not loaded.map:
            result.append(loaded)
            continue
        text = drafts.get(path) or content(path)
        result.append(_with(loaded, (_taken(loaded.map, path, other, text),)))
    return result


def _taken(found: FieldMap, path: Path, other: Path, text: str) -> Problem:
    place = place_of(text, str(path), "name")
    message = f"This pair has a map {found.name!r} already: {other}."
    return Problem(str(place), message, "Give one of them another name.")


def _key(pair: str, path: Path) -> str:
    return f"{pair}/{path.stem}"


def _near(key: str, known: set[str]) -> str:
    return nearest(key.split("/", 1)[1], [name.split("/", 1)[1] for name in known])


def _with(loaded: Loaded, errors: tuple[Problem, ...]) -> Loaded:
    if not errors:
        return loaded
    return Loaded(None, (*loaded.errors, *errors), loaded.warnings, loaded.mentions)


def _continued(found: list[Loaded]) -> list[Loaded]:
    """Records change their kind on one side only: the twin on the other goes on with what they became."""
    maps = {loaded.map.key: loaded.map for loaded in found if loaded.map}
    result = []
    for loaded in found:
        continued = loaded.map.continues if loaded.map else None
        first = maps.get(continued.map) if continued else None
        if loaded.map is None or continued is None or first is None or _goes_on(loaded.map, first, continued.side):
            result.append(loaded)
            continue
        place = next(place for key, place in loaded.mentions if key == first.key)
        side = continued.side
        message = f"`continues` needs the {side.other} kind of map {first.name!r}, and another kind on the {side} side."
        remedy = "For leads that become contacts: one map of leads, one of contacts, both with the same kind across."
        result.append(_with(loaded, (Problem(str(place), message, remedy),)))
    return result


def _goes_on(m: FieldMap, first: FieldMap, side: Side) -> bool:
    same = {at: m.end(at).kind == first.end(at).kind for at in Side}
    return same[side.other] and not same[side]


def _circle(found: list[Loaded]) -> list[Loaded]:
    """`after` and `continues` may not lead back to where they began."""
    graph = {loaded.map.key: before(loaded.map) for loaded in found if loaded.map}
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
