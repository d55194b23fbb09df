"""Whom a state is told: once when it has lasted, once when it is over, together with what else changed.

What was told is in the store, so that neither a restart nor another process tells it again; that the store itself is in
trouble is kept in mind. What is not here: the states (`states`), and how a message travels (`couriers`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import structlog

from syncd.config import AlertsConfig, Config
from syncd.core.plural import counted
from syncd.errors import SyncdError
from syncd.service.couriers import Couriers
from syncd.service.scheduler import Tick
from syncd.service.states import State, Watched, states
from syncd.store.alerts import Alert
from syncd.store.store import Store, Tx

log = structlog.stdlib.get_logger("syncd.alerts")

DAILY = "alerts:daily"
"""The fact that holds the day on which all that waits was told last."""

Send = Callable[[str, str], bool]
"""Title and text; whether somebody has it."""


@dataclass(slots=True)
class Alerter:
    """Looks at the states and tells what changed. `where`: the name of this installation, for who has several."""

    store: Store
    clock: Callable[[], datetime]
    look: Callable[[Tx, datetime], Sequence[State]]
    send: Send
    config: AlertsConfig
    where: str
    _away: Alert | None = field(default=None)

    def tick(self) -> bool:
        """Look once, and tell what is to be told."""
        now = self.clock()
        try:
            with self.store.begin() as tx:
                found = {state.key: state for state in self.look(tx, now)}
                known = {key: _seen(known, found, now) for key, known in tx.alerts.all().items()}
                known |= {key: Alert(key, one.sentence, now) for key, one in found.items() if key not in known}
                tx.alerts.drop(key for key, one in known.items() if one.over_at is not None and one.told_at is None)
                tx.alerts.put(one for one in known.values() if one.over_at is None or one.told_at is not None)
                daily = self._daily(tx, now)
            self._tell(found, known, now, daily=daily)
        except SyncdError as error:
            self._without_store(error, now)
        else:
            self._store_is_back(now)
        return False

    def _tell(self, found: dict[str, State], known: dict[str, Alert], now: datetime, *, daily: bool) -> None:
        new = [found[key] for key, one in known.items() if self._to_tell(found, one, now)]
        over = [one for one in known.values() if one.told_at and one.over_at and now - one.over_at >= self.config.after]
        if daily:
            new = list({state.key: state for state in (*new, *found.values())}.values())
        if not (new or over):
            return
        if not self._sent(new, [one.sentence for one in over]):
            return
        with self.store.begin() as tx:
            tx.alerts.put(replace(known[state.key], told_at=known[state.key].told_at or now) for state in new)
            tx.alerts.drop(one.key for one in over)
            if daily:
                tx.runs.set_fact(DAILY, self._local(now).date().isoformat())

    def _to_tell(self, found: dict[str, State], one: Alert, now: datetime) -> bool:
        if one.told_at is not None or one.key not in found or now - one.since < self.config.after:
            return False
        return found[one.key].urgent or not self._quiet(now)

    def _quiet(self, now: datetime) -> bool:
        if self.config.quiet is None:
            return False
        begin, end = self.config.quiet
        at = self._local(now).time()
        return begin <= at < end if begin < end else at >= begin or at < end

    def _daily(self, tx: Tx, now: datetime) -> bool:
        """Whether all that waits is to be told now."""
        local = self._local(now)
        due = self.config.daily is not None and local.time() >= self.config.daily
        return due and tx.runs.fact(DAILY) != local.date().isoformat()

    def _local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.config.timezone))

    def _without_store(self, error: SyncdError, now: datetime) -> None:
        """What cannot be stored is remembered by this process."""
        away = self._away or Alert("store", " ".join(str(error).split()), now)
        lasts = away.told_at is None and now - away.since >= self.config.after
        told = lasts and self._sent([State(away.key, "store", away.sentence)], [])
        self._away = replace(away, told_at=now) if told else away

    def _store_is_back(self, now: datetime) -> None:
        away = self._away
        if away is not None and (away.told_at is None or self._sent([], [away.sentence])):
            self._away = None

    def _sent(self, new: Sequence[State], over: Sequence[str]) -> bool:
        """Send it; what nobody has is sent again at the next look."""
        title, text = message(self.where, new, over)
        done = self.send(title, text)
        if done:
            log.info("alert", states=[state.key for state in new], over=len(over))
        else:
            log.error("alert not sent", states=[state.key for state in new], over=len(over))
        return done


def ticks(config: Config, store: Store, clock: Callable[[], datetime], maps: Sequence[str]) -> list[Tick]:
    """The looking, if anybody is to be told. Raises ConfigError for an address that nobody knows."""
    if not config.alerts.to:
        return []
    watched = Watched(pairs=config.pairs, systems=tuple(config.systems), maps=tuple(maps), disk=store.file)
    send = Couriers.of(config.alerts.to).send
    alerter = Alerter(store, clock, partial(states, watched=watched), send, config.alerts, socket.gethostname())
    return [Tick("alerts", config.alerts.every, alerter.tick)]


def _seen(one: Alert, found: dict[str, State], now: datetime) -> Alert:
    if one.key in found:
        return replace(one, over_at=None)
    return replace(one, over_at=one.over_at or now)


def message(where: str, new: Sequence[State], over: Sequence[str]) -> tuple[str, str]:
    """Title and text of what changed, for a phone: what is wrong first, then what to do."""
    if len(new) == 1:
        title = new[0].sentence.partition(": ")[0]
    else:
        title = f"{counted(len(new), 'thing')} to look at" if new else "well again"
    lines = []
    for state in sorted(new, key=lambda one: not one.urgent):
        lines += [state.sentence, f"  What to do: {state.remedy}", f"  Runbook: docs/runbooks/{state.page}.md", ""]
    lines += [line for sentence in over for line in (f"Over: {sentence}", "")]
    return f"syncd on {where}: {title}", "\n".join(lines).rstrip()
