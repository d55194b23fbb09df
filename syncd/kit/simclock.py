"""A sandbox's clock: real time plus an offset, which tests move forward, freeze and thaw.

What is not here: sleeping; a sandbox computes what is due from `now()` when it is asked.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime


class SandboxClock:
    """The vendor's clock inside a sandbox. Runs like the real one until somebody moves it."""

    def __init__(self) -> None:
        """Start at the machine's time."""
        self._offset = time.time() - time.monotonic()
        self._frozen: float | None = None

    def seconds(self) -> float:
        """Unix seconds with a fraction."""
        return self._frozen if self._frozen is not None else time.monotonic() + self._offset

    def ms(self) -> int:
        """Unix milliseconds."""
        return int(self.seconds() * 1000)

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.fromtimestamp(self.seconds(), tz=UTC)

    def advance(self, seconds: float) -> None:
        """Jump ahead (or back, with a negative number), frozen or not."""
        if self._frozen is not None:
            self._frozen += seconds
        self._offset += seconds

    def freeze(self) -> None:
        """Stand still until `thaw`."""
        self._frozen = self.seconds()

    def thaw(self) -> None:
        """Go on from where it stood."""
        if self._frozen is not None:
            self._offset = self._frozen - time.monotonic()
            self._frozen = None

    def set(self, moment: datetime) -> None:
        """Jump to a moment (aware), frozen or not."""
        self.advance(moment.timestamp() - self.seconds())

    def state(self) -> dict[str, object]:
        """What the control protocol tells: now as ISO 8601, unix seconds, and whether it stands still."""
        return {"now": self.now().isoformat(), "seconds": self.seconds(), "frozen": self._frozen is not None}
