"""The systems of a set-up: what their connectors accept there, and each built from its table.

What is not here: what a connector or a receiver of webhooks does (`kit`), and who uses them (`syncd.app`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncd.config import Config, SystemConfig, SystemShape
from syncd.kit import registry
from syncd.kit.careful import Careful
from syncd.kit.connector import Connector, SystemSettings, Timing
from syncd.kit.webhook import Receiver


class _Shapes(Mapping[str, SystemShape]):
    """Each asked of its connector when it is wanted: one that no system uses is not loaded."""

    def __getitem__(self, name: str) -> SystemShape:
        if name not in registry.connectors():
            raise KeyError(name)
        known: Any = registry.connector(name)
        hooks = known.receiver is not None
        return SystemShape(known.secret_name, known.settings, webhooks=hooks, signs_url=known.signs_url)

    def __iter__(self) -> Iterator[str]:
        return iter(registry.connectors())

    def __len__(self) -> int:
        return len(registry.connectors())


def shapes() -> Mapping[str, SystemShape]:
    """What the table of each installed connector may hold."""
    return _Shapes()


def connector(config: Config, system: SystemConfig) -> Connector:
    """A system's connector. Raises ConfigError for what only the connector can tell is wrong."""
    return Careful(registry.connector(system.connector)(_settings(config, system)), system.name)


def receivers(config: Config) -> list[Receiver]:
    """What understands the webhooks of the systems that have a secret for them."""
    hooked = [system for system in config.systems.values() if system.webhook_secret is not None]
    return [_made(system).receiver(_settings(config, system)) for system in hooked]


def _made(system: SystemConfig) -> Any:
    return registry.connector(system.connector)


def _settings(config: Config, system: SystemConfig) -> SystemSettings:
    return SystemSettings(
        system=system.name,
        secret=system.secret,
        webhook_secret=system.webhook_secret,
        base_url=system.base_url,
        ca_file=str(system.ca_file) if system.ca_file else None,
        timezone=system.timezone,
        rate=system.rate,
        options=system.options,
        timing=Timing(**{name: getattr(config.timing, name) for name in Timing.__dataclass_fields__}),
    )
