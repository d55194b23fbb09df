"""Who may come in: API keys with their access profiles, and the pace at which they may ask.

What is not here: what a key asks for (`api`).
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from syncd_jobnimbus.sandbox.account import User

DEFAULT_KEY = "sandboxkey0000001"
"""The key every new sandbox accepts, with the profile `full`."""

PROFILES: Mapping[str, frozenset[str]] = {
    "full": frozenset(),
    "no-settings": frozenset({"settings"}),
    "no-contacts": frozenset({"contacts"}),
    "no-jobs": frozenset({"jobs"}),
    "no-files": frozenset({"files"}),
    "none": frozenset({"settings", "users", "contacts", "jobs", "activities", "files"}),
}
"""Access profiles, each with what it denies."""

_BEARER = re.compile(r"bearer\s+(.+)", re.IGNORECASE)


@dataclass(slots=True)
class Key:
    """A key: its profile, and the person in whose name it writes. `asked`: when its last requests came."""

    profile: str
    user: User
    asked: deque[float] = field(default_factory=deque)

    def may(self, area: str) -> bool:
        """Whether the profile includes an area: settings, users or a kind."""
        return area not in PROFILES[self.profile]

    def wait(self, rate: str) -> float:
        """Seconds until the next request is allowed under `count/seconds`; 0.0 counts this one.

        Measured in real time, so that a frozen sandbox clock does not shut the door for good.
        """
        if rate == "off":
            return 0.0
        count, seconds = (float(part) for part in rate.split("/"))
        now = time.monotonic()
        while self.asked and self.asked[0] <= now - seconds:
            self.asked.popleft()
        if len(self.asked) >= count:
            return self.asked[0] + seconds - now
        self.asked.append(now)
        return 0.0


@dataclass(slots=True)
class Keys:
    """The keys of an account."""

    known: dict[str, Key]

    def of(self, header: str | None) -> Key | None:
        """The key that an Authorization header names, if it is known."""
        match = _BEARER.fullmatch((header or "").strip())
        return self.known.get(match[1].strip()) if match else None


def retry_after(wait: float) -> str:
    """A wait as the header tells it: whole seconds, at least one."""
    return str(max(1, ceil(wait)))


def error_body(text: str, shape: str) -> tuple[Any, str]:
    """An error sentence in the account's manner (text, json, error, empty): what is sent, and its media type."""
    if shape == "text":
        return text, "text/plain"
    if shape == "empty":
        return "", "text/plain"
    return {"message" if shape == "json" else "error": text}, "application/json"
