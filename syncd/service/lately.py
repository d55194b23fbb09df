"""Which runs and hand-offs have ended since the last look, each told once. What is not here: who counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from syncd.store.journal import Made
from syncd.store.runs import Run
from syncd.store.store import Tx

RUNNING = "running"
STILL = 100
"""Of so many of the last runs those may still go on that had begun before the first look."""


@dataclass(frozen=True, slots=True)
class Seen:
    """How far somebody has looked: the newest run and write, and those that had not ended by then."""

    run: int
    running: tuple[int, ...]
    write: int
    making: tuple[int, ...] = ()

    @classmethod
    def now(cls, tx: Tx) -> Seen:
        """Everything that has ended by now is passed over."""
        last = tx.runs.last(limit=STILL)
        running = tuple(sorted(run.id for run in last if run.state == RUNNING))
        return cls(max((run.id for run in last), default=0), running, tx.journal.last())


def ended(tx: Tx, seen: Seen) -> tuple[Sequence[Run], Sequence[Made], Seen]:
    """The runs and the creations that have ended since, and how far was looked now."""
    known = [run for id in seen.running if (run := tx.runs.get(id)) is not None]
    new = tx.runs.after(seen.run)
    several = [*known, *new]
    made_new = tx.journal.made_after(seen.write)
    made = [*tx.journal.made(seen.making), *made_new]
    now = replace(
        seen,
        run=max((run.id for run in new), default=seen.run),
        running=tuple(run.id for run in several if run.state == RUNNING),
        write=max((one.id for one in made_new), default=seen.write),
        making=tuple(one.id for one in made if one.outcome is None),
    )
    return [run for run in several if run.state != RUNNING], [one for one in made if one.outcome is not None], now


def handed_over(made: Sequence[Made]) -> list[tuple[str, float]]:
    """Of creations that came to something: the map, and the seconds from when it was heard of until it was there."""
    return [
        (one.map, max(0.0, (one.closed_at - one.heard_at).total_seconds()))
        for one in made
        if one.outcome in ("written", "landed") and one.heard_at is not None and one.closed_at is not None
    ]
