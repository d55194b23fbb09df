"""Somebody's own maps and settings, moved in front of the sandboxes: no key, no address, no store of theirs goes along.

What is not here: the fields that only their accounts have (`furnish`), and the sandboxes (`stage`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncd.config import Config
from syncd.errors import ConfigError, Problem
from syncd.fieldmaps.library import find_all
from syncd.lab.crm import CRMS, Crm

RIGHT, RIGHT_KEY = "jobnimbus", "sandboxkey0000001"
"""The right system of every stage, by the name of its connector and sandbox, and the key of the latter."""

OURS = ("connector", "base_url", "ca_file", "rate", "api_key")
"""What the stage says itself of a system, beside what each CRM adds."""

_VARIABLE = re.compile(r'\benv\s*=\s*"(\w+)"')


@dataclass(frozen=True, slots=True)
class Own:
    """What is taken from a set-up: systems' options by the connector's name, the pairs, the files of their maps."""

    crm: Crm
    systems: Mapping[str, Mapping[str, Any]]
    pairs: Mapping[str, Mapping[str, Any]]
    maps: Mapping[str, Path]


def without_secrets(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """An environment in which a set-up can be read although its keys are not here: they are not needed."""
    try:
        named = _VARIABLE.findall(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        named = []  # whoever reads the set-up says what is wrong with the file
    return {**dict.fromkeys(named, "not-needed"), **environ}


def own(config: Config) -> Own:
    """What a checked set-up has of its own. ConfigError for systems that no sandbox stands in for."""
    raw = tomllib.loads(config.path.read_text(encoding="utf-8"))
    names = {system.name: system.connector for system in config.systems.values()}
    crm = _crm(config, sorted(names.values()))
    systems = {names[name]: _without(table, (*OURS, *crm.own_settings)) for name, table in raw["systems"].items()}
    pairs = {
        name: {"left": names[pair.left], "right": names[pair.right], "maps": list(pair.maps)}
        for name, pair in config.pairs.items()
    }
    wanted = list(dict.fromkeys(name for pair in config.pairs.values() for name in pair.maps))
    return Own(crm, systems, pairs, dict(zip(wanted, find_all(wanted, config.maps), strict=True)))


def _crm(config: Config, connectors: list[str]) -> Crm:
    crm = next((one for one in CRMS.values() if connectors == sorted((one.name, RIGHT))), None)
    if crm is None:
        message = f"has systems of the connectors {', '.join(connectors) or 'none'}."
        remedy = f"A proof plays with one {' or '.join(CRMS)} and one {RIGHT}; hand in such a set-up, or none."
        raise ConfigError(Problem(str(config.path), message, remedy))
    if not config.pairs:
        raise ConfigError(Problem(str(config.path), "has no pair.", "Add one; config.example.toml shows how."))
    return crm


def _without(table: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in names}
