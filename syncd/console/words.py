"""Plain words for pages: times, values, counts, and what the engine's terms mean to somebody who has never met them.

What is not here: the sentences of errors; those come from where they happen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

from syncd.console.causes import cause_of
from syncd.core.plan import MISSING

SHOWN = 300
"""Letters of a value that a page shows, with how many there are."""

_ENDLESS = re.compile(r"\S{31}")
"""A word as long as this is broken anywhere, or it would widen the page."""

OUTCOMES: Mapping[str, str] = {
    "written": "written",
    "landed": "the answer was lost; found to have arrived",
    "not landed": "the answer was lost; found not to have arrived, planned again",
    "neither": "the answer was lost; now it says something else, so you are asked",
    "unsent": "never sent, planned again",
    "gone": "the record is gone",
    "stale": "somebody changed it meanwhile, planned again",
    "missing": "the record does not answer",
    "refused": "refused",
    "later": "the vendor asks to wait",
    "claimed": "waits: another new record claims the same person",
}
"""What became of a write; one that is not here is shown as it is."""

DONE: Mapping[str, str] = {"create": "made", "update": "changed", "archive": "put away"}
"""What a write does to its record, done."""

ARRIVED = ("written", "landed")
"""Outcomes of a write that the other system has carried out."""

TITLES = {"hubspot": "HubSpot", "jobnimbus": "JobNimbus", "salesforce": "Salesforce", "jobprogress": "JobProgress"}
"""How vendors write their own names."""


def title(system: str) -> str:
    """A system's name for people."""
    return TITLES.get(system, system)


def system_name(vendors: Mapping[str, str], system: str) -> str:
    """How people call a system: by its vendor; by the set-up's own name where another one is of the same vendor.

    `vendors`: by that name.
    """
    vendor = vendors.get(system, "")
    return title(vendor or system) if list(vendors.values()).count(vendor) < 2 else system


def moment(value: datetime | str | None) -> datetime | None:
    """A time as it is stored or told, as a time."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def when(value: datetime | str | None, never: str = "never") -> Markup:
    """A time for a page: exact for machines and without script, in the reader's zone and words with it."""
    at = moment(value)
    if at is None:
        return escape(never)
    at = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), at.strftime("%Y-%m-%d %H:%M UTC")
    )


def lasting(seconds: float) -> str:
    """A span of time, roughly."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 48 * 3600 else f"{seconds / 86400:.0f} days"


def sized(count: int | None) -> str:
    """So many bytes, roughly, in decimal units, as both vendors' own pages have them."""
    if count is None:
        return "not told"
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def plain(value: Any) -> str:
    """A value as text, whole."""
    if value is None or value is MISSING:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(plain, value))
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {plain(one)}" for key, one in value.items())
    return str(value)


def visible(value: Any) -> str:
    """A value as text in which nothing is hidden, for where no markup may stand: an option, a label."""
    return "".join(
        letter if letter.isprintable() or letter == "\n" else "\N{REPLACEMENT CHARACTER}" for letter in plain(value)
    )


def shown(value: Any, blank: str = "—") -> Markup:
    """A value of a record for a page: apart from the text around it, cut if it is long, with what cannot be seen named.

    A name may hold markup, turn the direction of what follows it, or be ten thousand letters long.
    """
    text = plain(value)
    if not text:
        return Markup('<span class="none">{}</span>').format(blank)
    seen = visible(text)
    bdi = Markup('<bdi class="long">{}</bdi>') if _ENDLESS.search(seen) else Markup("<bdi>{}</bdi>")
    if len(seen) <= SHOWN:
        return bdi.format(seen)
    cut = Markup(' <small class="cut">{} letters</small>').format(f"{len(text):,}")
    return bdi.format(f"{seen[:SHOWN]}…") + cut


def outcome(name: str | None) -> str:
    """What became of a write, in words."""
    return OUTCOMES.get(name, name) if name is not None else "not known yet"


def cause(name: str | None) -> str:
    """Why a record waits, in a few words."""
    return cause_of(name or "").title
