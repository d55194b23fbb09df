"""Where a setting stands in a TOML file, so that an error can name the line. tomllib tells values only.

What is not here: reading the values. A key inside an inline table is found on the line of the table that holds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

Path = tuple[str, ...]

_HEADER = re.compile(r"\s*\[\[?\s*([^\]]+?)\s*\]\]?\s*(#.*)?$")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")
_FENCE = re.compile(r'"""|\'\'\'')


def lines(text: str) -> Mapping[Path, int]:
    """The line of every table and key, by its path from the top: ("systems", "hubspot", "token") -> 12."""
    found: dict[Path, int] = {}
    table: Path = ()
    for number, line in _outside_long_texts(text):
        if header := _HEADER.match(line):
            table = _split(header[1])
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            parts = _split(key[1])
            for end in range(1, len(parts) + 1):
                found.setdefault((*table, *parts[:end]), number)
    return found


def nearest(found: Mapping[Path, int], location: Sequence[str | int]) -> int | None:
    """The line of a path, else of the nearest table or key around it; None when nothing of it is written."""
    path = tuple(str(part) for part in location)
    return next((found[path[:end]] for end in range(len(path), 0, -1) if path[:end] in found), None)


def _split(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _outside_long_texts(text: str) -> Iterator[tuple[int, str]]:
    inside = False
    for number, line in enumerate(text.splitlines(), start=1):
        if not inside:
            yield number, line
        if len(_FENCE.findall(line)) % 2:
            inside = not inside
