"""Which connectors and sandboxes are installed: found by entry point, so the engine names no vendor.

What is not here: building them with settings (`syncd.service.systems`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from syncd.errors import ConfigError, Problem
from syncd.kit.connector import Connector, SystemSettings

CONNECTORS = "syncd.connectors"
SANDBOXES = "syncd.sandboxes"

ConnectorClass = Callable[[SystemSettings], Connector]
"""A connector's class: called with its settings it gives a connector; its class attributes describe it."""


def connectors() -> tuple[str, ...]:
    """The names of the installed connectors, sorted."""
    return tuple(sorted(_found(CONNECTORS)))


def sandboxes() -> tuple[str, ...]:
    """The names of the installed sandboxes, sorted."""
    return tuple(sorted(_found(SANDBOXES)))


def modules() -> tuple[str, ...]:
    """The modules of all installed connectors and sandboxes, for who imports them beforehand."""
    found = (*_found(CONNECTORS).values(), *_found(SANDBOXES).values())
    return tuple(sorted({point.module for point in found}))


def connector(name: str) -> ConnectorClass:
    """The connector of this name; ConfigError naming the known ones if there is none."""
    loaded: ConnectorClass = _load(CONNECTORS, name, "connector")
    return loaded


def sandbox(name: str) -> Any:
    """The sandbox class of this name (`kit.sandbox.Sandbox`); ConfigError naming the known ones if there is none.

    Not typed as such, so that the daemon can look for connectors without loading a web server.
    """
    return _load(SANDBOXES, name, "sandbox")


@cache
def _found(group: str) -> Mapping[str, EntryPoint]:
    """Looked for once: what is installed later is there after the next start."""
    return {point.name: point for point in entry_points(group=group)}


def _load(group: str, name: str, word: str) -> Any:
    found = _found(group)
    if name not in found:
        known = ", ".join(sorted(found)) or "none"
        raise ConfigError(Problem(word, f"there is no {word} named {name!r}.", f"Installed: {known}."))
    try:
        return found[name].load()
    except (ImportError, AttributeError) as error:
        remedy = f"Install the package that provides {found[name].value}."
        raise ConfigError(Problem(word, f"the {word} {name!r} cannot be loaded: {error}.", remedy)) from error
