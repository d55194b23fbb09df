"""Tables as TOML text, as far as a set-up needs it: texts, numbers, flags, lists, tables in a line.

What is not here: reading TOML (`tomllib`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def toml(root: Mapping[str, Any]) -> str:
    """A set-up: sections, and in `systems` and `pairs` sections of sections."""
    return "\n".join("\n".join(_section(name, table)) for name, table in root.items())


def _section(name: str, table: Mapping[str, Any]) -> list[str]:
    if name in ("systems", "pairs"):
        return [line for inner, one in table.items() for line in _section(f"{name}.{inner}", one)]
    return [f"[{name}]", *(f"{key} = {_value(value)}" for key, value in table.items()), ""]


def _value(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
