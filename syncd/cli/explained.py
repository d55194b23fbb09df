"""Why a record is as it is, as people read it: per map the link, per rule both values, their way, and who changed them.

What is not here: finding it out (`App.explain`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncd.cli.render import cell


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    """The answer for one record."""
    yield facts["ref"] + (f" (paused since {cell(facts['paused'])})" if facts["paused"] else "")
    for about in facts["maps"]:
        yield from _map(about)


def _map(about: Mapping[str, Any]) -> Iterator[str]:
    linked = f"linked to {about['link']}" if about["link"] else about["why"]
    yield f"\n{about['map']}: {linked}"
    if waiting := about["waiting"]:
        yield f"    waits: {waiting['reason'] or waiting['cause'] or 'due'} (since {cell(waiting['since'])})"
    for reason in about.get("blocked", ()):
        yield f"    in its way: {reason}"
    for rule in about.get("rules", ()):
        yield from _rule(rule)


def _rule(rule: Mapping[str, Any]) -> Iterator[str]:
    owner = f", owner {rule['owner']}" if rule["owner"] else ""
    left, right = rule["left"], rule["right"]
    yield f"    {left['field'] or ''} {rule['direction']} {right['field'] or ''}{owner}".replace("     ", "    ")
    base = rule["base"]
    for side, end in (("left", left), ("right", right)):
        agreed = f", last agreed {_value(base[side])}" if side in base and base[side] != end["value"] else ""
        if end["field"]:
            yield f"        {side} {_value(end['value'])}{agreed}"
            yield from _changes(rule["changes"][side])
    for way in rule["carried"]:
        yield f"        {_way(way)}"
    yield f"        now: {rule['why']}" + (f" (conflict {rule['conflict']['id']})" if rule["conflict"] else "")
    for write in rule["writes"]:
        what = f"{write['outcome'] or 'sent'} {write['side']} {_value(write['before'])} -> {_value(write['value'])}"
        yield f"        run {write['run']}, {cell(write['at'])}: {what} ({write['reason']})"


def _changes(changes: Any) -> Iterator[str]:
    """Who gave a field its values, the newest first; or why that is not told."""
    if isinstance(changes, str):
        yield f"            who changed it: {changes}"
        return
    for one in changes:
        who = "syncd" if one["mine"] else one["who"] or "somebody"
        how = f" by {one['source']}" if one["source"] else ""
        yield f"            {cell(one['at'])}: {_value(one['value'])}, {who}{how}"


def _way(way: Mapping[str, Any]) -> str:
    """Raw, converted, written."""
    converted = way["problem"] or _value(way["converted"])
    written = f", last written {_value(way['written'])}" if way["written"] is not None else ""
    return f"to the {way['to']}: {_value(way['raw'])} becomes {converted}{written}"


def _value(value: Any) -> str:
    return "(blank)" if value is None else repr(value) if isinstance(value, str) else cell(value)
