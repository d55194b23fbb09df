"""The vendor's clock, learned from the `Date` headers of its answers.

What is not here: the machine's clock as a source of truth; it only bridges the time before the first answer.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class VendorClock:
    """A clock that is never ahead of the vendor's, and at most about a second behind it.

    A `Date` header D on a request sent at m0 and answered at m1 (both monotonic) says that the vendor's clock was
    within [D, D + 1 s) at some moment in [m0, m1]. Each answer narrows that interval; one that contradicts it
    (a vendor's clock that was set, a machine that slept) replaces it. Thread-safe.
    """

    def __init__(self) -> None:
        """Know nothing yet: until the first answer the machine's own clock has to do."""
        self._lock = threading.Lock()
        self._low = time.time() - time.monotonic()
        self._high = self._low
        self._learned = False

    def now(self) -> datetime:
        """The vendor's time now, aware UTC."""
        return self.at(time.monotonic())

    def at(self, monotonic: float) -> datetime:
        """The vendor's time at a moment of `time.monotonic()`, as far as known today."""
        with self._lock:
            return datetime.fromtimestamp(self._low + monotonic, tz=UTC)

    def learn(self, date: str | None, sent: float, answered: float) -> None:
        """Take the `Date` header of an answer, and the monotonic times around the request. Nonsense is ignored."""
        stamp = parse_http_date(date)
        if stamp is None:
            return
        low, high = stamp.timestamp() - answered, stamp.timestamp() + 1.0 - sent
        with self._lock:
            if not self._learned or low > self._high or high < self._low:
                self._low, self._high, self._learned = low, high, True
            else:
                self._low, self._high = max(self._low, low), min(self._high, high)


def parse_http_date(text: str | None) -> datetime | None:
    """An HTTP date as aware UTC, None when absent or malformed."""
    if not text:
        return None
    try:
        stamp = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)
