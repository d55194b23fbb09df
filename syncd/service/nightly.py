"""When the audit looks: a slice each night, a bite at a time, so that it takes but a share of the vendors' limits.

What is not here: the looking (`engine.auditing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta, tzinfo

from syncd.engine.auditing import begin_slice, bite
from syncd.engine.world import Pair, World

NIGHT = timedelta(hours=6)
"""How long after its time a slice may still begin; one that has begun is finished whenever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nights:
    """In how many nights all is seen, when a night begins (on whose clock, by pair), and the time between two bites."""

    nights: int
    at: time = time(2)
    every: timedelta = timedelta(seconds=30)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)

    def tonight(self, pair: str, now: datetime) -> str | None:
        """The name of the night whose slice may begin now; None in the daytime."""
        local = now.astimezone(self.zones.get(pair, UTC))
        began = datetime.combine(local.date(), self.at, tzinfo=local.tzinfo)
        if began > local:
            began -= timedelta(days=1)
        return began.date().isoformat() if local - began < NIGHT else None

    def bite(self, world: World, pair: Pair) -> None:
        """One bite of the slice of one of the pair's maps, if there is any. Raises AuthError and Transient."""
        night = self.tonight(pair.name, world.clock())
        for m in pair.maps:
            if night is not None:
                begin_slice(world, m, night, self.nights)
            if bite(world, m) is not None:
                return
