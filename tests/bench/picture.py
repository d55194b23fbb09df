"""`python -m tests.bench.picture FIGURES.json PICTURE.svg`: what a pass costs, drawn over the number of links.

What is not here: measuring (`make bench` writes the figures).
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from html import escape
from math import ceil, floor, log10
from pathlib import Path
from typing import Any

import orjson

from tests.bench.measure import short

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 740, 380, 70, 230, 30, 50
_LINES = {
    "link": ("first link of all", "#b5523b"),
    "delta": ("1 % changed on each side", "#c08a1e"),
    "no-op": ("nothing changed", "#2f6f62"),
}
"""The passes that are drawn: under which name they are told, and in which color."""

Costs = Mapping[int, Mapping[str, float]]
"""CPU seconds of each pass, by number of links."""


def costs(told: Mapping[str, Any]) -> Costs:
    """What a bench's JSON says of passes over houses of several sizes."""
    (line,) = (one for one in told["goals"] if one["goal"] == "8")
    return {int(size): {word: one["cpu"] for word, one in words.items()} for size, words in line["figures"].items()}


def drawn(found: Costs) -> str:
    """The picture, both axes by powers of ten: what grows with the links is a slope, and what does not is flat."""
    sizes, seconds = sorted(found), [cpu for words in found.values() for cpu in words.values()]
    across = _scale(sizes, _LEFT, _WIDTH - _RIGHT)
    up = _scale([10 ** floor(log10(min(seconds))), 10 ** ceil(log10(max(seconds)))], _HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, 16, "CPU seconds of one pass", "start")]
    for power in range(floor(log10(min(seconds))), ceil(log10(max(seconds))) + 1):
        parts.append(_rule(_LEFT, up(10**power), _WIDTH - _RIGHT, up(10**power)))
        parts.append(_text(_LEFT - 8, up(10**power) + 4, f"{10**power:,g}", "end"))
    for size in sizes:
        parts.append(_text(across(size), _HEIGHT - _BOTTOM + 20, f"{size:,} links", "middle"))
    for word, (name, color) in _LINES.items():
        points = " ".join(f"{across(size):.1f},{up(found[size][word]):.1f}" for size in sizes)
        parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2.5"/>')
        last = up(found[sizes[-1]][word]) + 4
        parts.append(_text(_WIDTH - _RIGHT + 10, last, f"{name}: {short(found[sizes[-1]][word])} s", "start", color))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif"'
    told = "; ".join(
        f"{name}: {', '.join(f'{short(found[s][word])} s' for s in sizes)}" for word, (name, _) in _LINES.items()
    )
    title = f"CPU seconds of one pass over {', '.join(f'{size:,}' for size in sizes)} links. {told}."
    back = f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>'
    return "\n".join(
        [f'{head} font-size="13" role="img">', f"<title>{escape(title)}</title>", back, *parts, "</svg>\n"]
    )


def _scale(values: Sequence[float], start: float, end: float) -> Any:
    low, high = log10(min(values)), log10(max(values))
    return lambda value: start + (end - start) * ((log10(value) - low) / ((high - low) or 1))


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'


def _text(x: float, y: float, words: str, anchor: str, color: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">{escape(words)}</text>'


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(drawn(costs(orjson.loads(Path(sys.argv[1]).read_bytes()))), encoding="utf-8")
