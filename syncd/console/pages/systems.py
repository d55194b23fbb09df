"""The set-up: systems with what `check` finds in them, and pairs with their modes and limits.

A key may be given, and is never shown. What is not here: trying and keeping it (`service.keys`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from syncd.config.edit import SETTINGS
from syncd.console.ask import Ask, Deed, Done, Facts, NotFound, Page, Role
from syncd.console.desk import Desk
from syncd.console.words import title
from syncd.errors import ConfigError, Problem
from syncd.service.whose import connections
from syncd.store.store import Tx


def show(desk: Desk, ask: Ask) -> Facts:
    """Every system and every pair, as the set-up says and the store knows."""
    config = desk.config
    with desk.ready_store.read() as tx:
        heads = headed(desk, tx)
    systems = [
        {
            **heads[name],
            "zone": one.timezone,
            "rate": one.rate,
            "sandbox": one.base_url,
            "webhooks": one.webhook_secret is not None,
            "key": desk.keys.kept(name) if ask.visitor.role >= Role.ADMIN else None,
        }
        for name, one in config.systems.items()
    ]
    pairs = [_pair(desk, name) for name in config.pairs]
    return {"systems": systems, "pairs": pairs, "path": config.path.name}


def headed(desk: Desk, tx: Tx) -> dict[str, dict[str, Any]]:
    """By its name in the set-up: what each system is called, how it is, in a word with its color, and what is read.

    And whose records these are, and since when it is connected: None where that is not known.
    """
    states, feeds, whose = tx.runs.systems(), tx.feeds.all(), connections(tx, desk.config.systems)
    found = {}
    for name, one in desk.config.systems.items():
        mine, state = [feed for feed in feeds if feed.system == name], states.get(name)
        told = STATES.get(state.state) if state is not None else None
        found[name] = {
            "name": name, "title": title(one.connector), "state": state, "feeds": mine, "whose": whose[name],
            "standing": told or (("connected", "ok") if mine or state is not None else ("not asked yet", "")),
        }  # fmt: skip
    return found


STATES = {"paused": ("refused", "bad"), "waiting": ("does not answer", "warn")}
"""What a system's state is called if it is not well, and its color."""


def _pair(desk: Desk, name: str) -> Mapping[str, Any]:
    one = desk.config.pairs[name]
    return {
        "name": name, "mode": one.mode, "every": one.every.total_seconds(), "guard": one.guard, "maps": one.maps,
        "interval": _written(one.every), "guards": asdict(one.guard),
        "left": title(desk.config.systems[one.left].connector),
        "right": title(desk.config.systems[one.right].connector),
    }  # fmt: skip


def findings(desk: Desk, ask: Ask) -> Facts:
    """What `syncd check` finds now; the vendors are asked. Files are named as seen from the set-up."""
    folder = f"{desk.config.path.resolve().parent}/"
    rows = [{**row, "subject": str(row["subject"]).removeprefix(folder)} for row in desk.check()]
    order = {"error": 0, "warning": 1, "ok": 2}
    return {"rows": sorted(rows, key=lambda row: order.get(row["severity"], 3))}


def _change(desk: Desk, ask: Ask) -> Done:
    """Another mode, interval or guard of a pair."""
    name = ask.path["pair"]
    pair = desk.config.pairs.get(name)
    if pair is None:
        raise NotFound(f"There is no pair {name}.")
    before = {"mode": pair.mode, "every": _written(pair.every), **asdict(pair.guard)}
    values: dict[str, str | int] = {}
    for field in (field for field in before if ask.form.get(field)):
        told = ask.form[field].strip()
        values[field] = told if field in SETTINGS else _whole(field, told)
    values = {field: value for field, value in values.items() if value != before[field]}
    if not values:
        raise ConfigError(Problem(f"pair {name}", "nothing was changed.", "Change something, then save."))
    taken = desk.setup.change(pair, values)
    told = "syncd goes on with it in a moment." if taken else "It holds from the next start or reload."
    undo = {field: str(before[field]) for field in values}
    return Done(
        text=f"{name}: {', '.join(f'{field} is {value} now' for field, value in values.items())}. {told}",
        subject=name, detail=values, undo=(f"/systems/pairs/{name}", undo),
    )  # fmt: skip


def _key(desk: Desk, ask: Ask) -> Done:
    """Another key for a system, which its vendor takes."""
    name = ask.path["system"]
    if name not in desk.config.systems:
        raise NotFound(f"There is no system {name}.")
    since = desk.keys.change(name, ask.form.get("key", ""))
    return Done(text=f"{title(desk.config.systems[name].connector)} takes the new key. {since}", subject=name)


def _whole(field: str, told: str) -> int:
    if not told.isdecimal() or len(told) > 9:
        raise ConfigError(Problem(field, "must be a whole number.", "Write digits alone."))
    return int(told)


def _written(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:.0f}{unit}"
    return f"{seconds * 1000:.0f}ms"


DEEDS = (
    Deed("/systems/pairs/{pair}", "pair.change", _change, Role.ADMIN),
    Deed("/systems/{system}/key", "system.key", _key, Role.ADMIN),
)
PAGES = (
    Page("/systems", "systems.html", "Systems and pairs", show, nav="Systems"),
    Page("/systems/findings", "findings.html", "What check finds", findings, role=Role.OPERATOR, needs=True),
)
