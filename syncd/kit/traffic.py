"""How many requests this process has sent, by system and what became of them, and how many the vendor lets through.

What is not here: limits (`limits`), and what a sandbox was asked (`requestlog`).
"""

from __future__ import annotations

import threading
from collections import Counter

NONE = "none"
"""What is told of a request without an answer."""

_lock = threading.Lock()
_sent: Counter[tuple[str, str]] = Counter()
_left: dict[str, tuple[int, int]] = {}


def sent(system: str, answer: str) -> None:
    """One request to a system. `answer`: its status, or NONE."""
    with _lock:
        _sent[system, answer] += 1


def so_far() -> dict[tuple[str, str], int]:
    """All since the process began."""
    with _lock:
        return dict(_sent)


def told(system: str, left: int, of: int) -> None:
    """What a vendor says: so many requests are left of those that it lets through in a day."""
    with _lock:
        _left[system] = left, of


def left() -> dict[str, tuple[int, int]]:
    """What was told last, of the systems that tell."""
    with _lock:
        return dict(_left)
