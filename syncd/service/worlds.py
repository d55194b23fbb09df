"""What a config says of pairs and timing, as the engine takes it: maps compiled, waits named.

What is not here: reading the config (`syncd.config`) and the maps (`syncd.fieldmaps`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

from syncd import config as settings
from syncd import fieldmaps
from syncd.core.model import Schema, Side
from syncd.engine.world import Guard, Pace, Pair

Describe = Callable[[str, str], Schema]
"""What a system says of the fields of a kind."""


def pairs(config: settings.Config, describe: Describe) -> tuple[Pair, ...]:
    """The pairs with their maps. Raises ConfigError for maps that do not fit what is described."""
    return tuple(_pair(config, pair, describe) for pair in config.pairs.values())


def _pair(config: settings.Config, pair: settings.PairConfig, describe: Describe) -> Pair:
    systems = {Side.LEFT: pair.left, Side.RIGHT: pair.right}
    maps = fieldmaps.load_pair(
        fieldmaps.find_all(pair.maps, config.maps),
        pair=pair.name,
        systems=systems,
        describe=lambda side, kind: describe(systems[side], kind),
    )
    return Pair(
        name=pair.name,
        left=pair.left,
        right=pair.right,
        maps=maps,
        mode=pair.mode,
        every=pair.every,
        guard=Guard(**asdict(pair.guard)),
    )


def pace(timing: settings.TimingConfig) -> Pace:
    """The engine's part of the `[timing]` table."""
    return Pace(
        lease=timing.lease,
        landing=timing.landing,
        retry_first=timing.retry_first,
        retry_max=timing.retry_max,
        retry_for=timing.park_after,
        proofs=timing.proofs,
        look_every=timing.look_every,
        flips=timing.flips,
        flips_within=timing.flips_within,
        batch=timing.batch,
        settle_every=min(timing.retry_first, timedelta(seconds=15)),
    )
