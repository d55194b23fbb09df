"""A setting of a pair changed in the text of config.toml, or a table added, with all else as it was, comments too.

What is not here: whether the new text holds (`load.try_text`), and the file (`service.setupfile`).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from syncd.errors import ConfigError, Problem

SETTINGS = ("mode", "every")
GUARDS = ("creates", "updates", "deletes", "percent", "day")


def set_pair(text: str, pair: str, values: Mapping[str, str | int]) -> str:
    """The text with these settings of a pair: `mode`, `every`, and those of its guard.

    Raises ConfigError where the text has no such pair, or where a setting is none that can be changed so.
    """
    try:
        document = tomlkit.parse(text)
        table: Any = document["pairs"][pair]
        for name, value in values.items():
            _put(table, name, value)
        return tomlkit.dumps(document)
    except (TOMLKitError, KeyError, TypeError) as error:
        remedy = "Look at the file, and change it by hand."
        raise ConfigError(Problem(f"[pairs.{pair}]", "cannot be found in the set-up.", remedy)) from error


def add_table(text: str, section: str, name: str, values: Mapping[str, Any]) -> str:
    """The text with one more table, `[section.name]`, behind all that it holds. Raises ConfigError if it has that one.

    A mapping among the values is written in one line.
    """
    told = f"[{section}.{name}]"
    try:
        if name in tomllib.loads(text).get(section, {}):
            raise ConfigError(Problem(told, "is in the set-up already.", "Choose another name."))
        table = tomlkit.table()
        for key, value in values.items():
            table[key] = _in_line(value) if isinstance(value, Mapping) else value
        outer = tomlkit.table(is_super_table=True)
        outer[name] = table
        more = tomlkit.document()
        more[section] = outer
        return f"{text.rstrip()}\n\n{tomlkit.dumps(more)}"
    except (tomllib.TOMLDecodeError, TypeError) as error:
        raise ConfigError(Problem(told, "cannot be added to the set-up.", "Look at the file by hand.")) from error


def _in_line(values: Mapping[str, Any]) -> Any:
    found = tomlkit.inline_table()
    found.update(values)
    return found


def says(text: str, pair: str) -> Mapping[str, str | int]:
    """What the text says of those settings of a pair; what it leaves to the defaults is not in it."""
    try:
        table = tomllib.loads(text)["pairs"][pair]
        guard = table.get("guard", {})
        found = {name: table[name] for name in SETTINGS if name in table}
        return {**found, **{name: guard[name] for name in GUARDS if name in guard}}
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError):
        return {}


def _put(table: Any, name: str, value: str | int) -> None:
    if name in SETTINGS:
        table[name] = value
    elif name in GUARDS:
        if "guard" not in table:
            table["guard"] = tomlkit.inline_table()
        table["guard"][name] = value
    else:
        known = ", ".join((*SETTINGS, *GUARDS))
        raise ConfigError(Problem(name, "is no setting that can be changed here.", f"Known: {known}."))
