"""How a goal is told, and how two sides are measured in turn. What is not here: the goals themselves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One goal: what was asked, what was measured, and whether that holds. `figures` go into the JSON as they are."""

    goal: str
    work: str
    asked: str
    measured: str
    holds: bool
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a bench works with: a folder, how large its worlds are, how often each pair is repeated, whose Python."""

    folder: Path
    sizes: Sequence[int]
    pairs: int
    peers: Path

    @property
    def size(self) -> int:
        """The size of most goals: the middle one."""
        return self.sizes[1]

    @property
    def quick(self) -> bool:
        """Whether it is to take a couple of minutes: few repetitions, short waits."""
        return self.pairs < 5


def in_turn(times: int, *works: Callable[[], float]) -> list[list[float]]:
    """A-B-A-B: each work once, then each again; the figures of each, so that a slow minute meets all of them."""
    figures: list[list[float]] = [[] for _ in works]
    for _ in range(times):
        for found, work in zip(figures, works, strict=True):
            found.append(work())
    return figures


def middle(figures: Sequence[float]) -> float:
    """The median."""
    return median(figures)


def spread(figures: Sequence[float]) -> str:
    """The median with the lowest and the highest."""
    return f"{short(middle(figures))} ({short(min(figures))} to {short(max(figures))})"


def rate(records: int, seconds: float) -> float:
    """Records per second, for a CPU's or a clock's seconds."""
    return records / seconds if seconds > 0 else float("inf")


def of(amount: float, limit: float) -> float:
    """How much of a limit an amount is; of nothing, nothing is all."""
    return amount / limit if limit else (0.0 if not amount else float("inf"))


def p95(figures: Sequence[float]) -> float:
    """The figure that 95 of 100 do not exceed."""
    ordered = sorted(figures)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]


def pages(records: int, page: int) -> int:
    """Requests for so many records."""
    return -(-records // page)


def short(figure: float) -> str:
    """A figure as people read it."""
    return f"{figure:,.0f}" if abs(figure) >= 100 else f"{figure:.3g}"
