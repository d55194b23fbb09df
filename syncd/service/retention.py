"""What is kept no longer goes, a bite at a time, so that nobody waits. What is not here: the deleting (`store`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from syncd.config import RetentionConfig
from syncd.service.scheduler import Tick
from syncd.store.retention import prune_conflicts, prune_deeds, prune_journal, prune_runs, prune_tokens
from syncd.store.store import Store

EVERY = timedelta(hours=1)
BITE = 500
"""Rows of a table in one transaction."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what is kept, in this store. `maps`: the keys of all maps."""

    store: Store
    clock: Callable[[], datetime]
    config: RetentionConfig
    maps: Sequence[str]

    def tick(self) -> Tick:
        """For the schedule."""
        return Tick("retention", EVERY, self.bite)

    def bite(self) -> bool:
        """Take some out; whether there is more."""
        now = self.clock()
        with self.store.begin() as tx:
            gone = (
                prune_journal(tx.connection, self.maps, now - self.config.journal, most=BITE),
                prune_runs(tx.connection, now - self.config.runs, most=BITE),
                prune_conflicts(tx.connection, now - self.config.conflicts, most=BITE),
                prune_deeds(tx.connection, now - self.config.deeds, most=BITE),
                prune_tokens(tx.connection, now, most=BITE),
            )
        return max(gone) >= BITE
