"""Whom a state is told: once when it has lasted, once when it is over, together with what else changed.

What was told is in the store, so that neither a restart nor another process tells it again; that the store itself does
not answer is kept in mind. What is not here: the states (`states`), and how a message travels (`couriers`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import uuid4
from zoneinfo import ZoneInfo

import structlog

from syncd.config import AlertsConfig, Config
from syncd.core.plural import counted
from syncd.errors import SyncdError
from syncd.service.couriers import Couriers
from syncd.service.scheduler import Tick
from syncd.service.states import State, Watched, states
from syncd.service.web import machine_time
from syncd.store.alerts import Alert
from syncd.store.store import Store, Tx

log = structlog.stdlib.get_logger("syncd.alerts")

DAILY, SENDING = "alerts:daily", "alerts:sending"
"""Facts: the day on which all that waits was told last; who sends what now, and until when nobody else does."""

TAKES = timedelta(minutes=5)
"""How long sending may take: whoever began it and was killed keeps no other from it for longer."""

Send = Callable[[str, str], bool]
"""Title and text; whether somebody has it."""

Speaks = Callable[[], bool]


@dataclass(slots=True)
class Alerter:
    """Looks at the states and tells what changed. `where`: the name of this installation, for who has several."""

    store: Store
    clock: Callable[[], datetime]
    look: Callable[[Tx, datetime], Sequence[State]]
    send: Send
    config: AlertsConfig
    where: str
    _me: str = field(default_factory=lambda: uuid4().hex)

    def tick(self) -> bool:
        """Look once, and tell what is to be told. Raises Transient if the store does not answer."""
        now = self.clock()
        with self.store.read() as tx:
            found = {state.key: state for state in self.look(tx, now)}
        with self.store.begin() as tx:
            perhaps = (tx.runs.fact(SENDING) or {}).get("new", ())
            known = {key: _seen(known, found, perhaps, now) for key, known in tx.alerts.all().items()}
            known |= {key: Alert(key, one.sentence, now) for key, one in found.items() if key not in known}
            tx.alerts.drop(key for key, one in known.items() if one.over_at is not None and one.told_at is None)
            tx.alerts.put(one for one in known.values() if one.over_at is None or one.told_at is not None)
            new = [found[key] for key, one in known.items() if self._to_tell(found, one, now)]
            over = [one for one in known.values() if self._to_end(one, now)]
            if self._daily(tx, now):
                lasting = [found[key] for key, one in known.items() if key in found and self._lasts(one.since, now)]
                new = list({state.key: state for state in (*new, *lasting)}.values())
            if not (new or over) or not self._mine(tx, new, now):
                return False
        if _sent(self.send, self.where, new, [one.sentence for one in over]):
            with self.store.begin() as tx:
                tx.alerts.put(replace(known[state.key], told_at=known[state.key].told_at or now) for state in new)
                tx.alerts.drop(one.key for one in over)
                tx.runs.set_fact(DAILY, self._local(now).date().isoformat() if self._past(now) else tx.runs.fact(DAILY))
        with self.store.begin() as tx:
            tx.runs.set_fact(SENDING, None)
        return False

    def _mine(self, tx: Tx, new: Sequence[State], now: datetime) -> bool:
        """Whether nobody else sends; from here on nobody does until this is through."""
        sending = tx.runs.fact(SENDING)
        if sending is not None and sending["by"] != self._me and sending["until"] > now.timestamp():
            return False
        keys = [state.key for state in new]
        tx.runs.set_fact(SENDING, {"by": self._me, "until": (now + TAKES).timestamp(), "new": keys})
        return True

    def _lasts(self, since: datetime, now: datetime) -> bool:
        return now - since >= self.config.after

    def _to_end(self, one: Alert, now: datetime) -> bool:
        if one.told_at is None or one.over_at is None or not self._lasts(one.over_at, now):
            return False
        return State(one.key, one.sentence).urgent or not self._quiet(now)

    def _to_tell(self, found: dict[str, State], one: Alert, now: datetime) -> bool:
        if one.told_at is not None or one.key not in found or not self._lasts(one.since, now):
            return False
        return found[one.key].urgent or not self._quiet(now)

    def _quiet(self, now: datetime) -> bool:
        if self.config.quiet is None:
            return False
        begin, end = self.config.quiet
        at = self._local(now).time()
        return begin <= at < end if begin < end else at >= begin or at < end

    def _daily(self, tx: Tx, now: datetime) -> bool:
        """Whether all that waits is to be told now: once a day from its time on; not on the day of the first start."""
        if not self._past(now) or self._quiet(now):
            return False
        last, today = tx.runs.fact(DAILY), self._local(now).date().isoformat()
        if last is None:
            tx.runs.set_fact(DAILY, today)
        return last is not None and last != today

    def _past(self, now: datetime) -> bool:
        return self.config.daily is not None and self._local(now).time() >= self.config.daily

    def _local(self, now: datetime) -> datetime:
        return now.astimezone(ZoneInfo(self.config.timezone))


@dataclass(slots=True)
class Lookout:
    """Tells that the store does not answer, which cannot be stored: each process by itself, if it `speaks`."""

    store: Store
    clock: Callable[[], datetime]
    send: Send
    config: AlertsConfig
    where: str
    speaks: Callable[[], bool]
    _away: Alert | None = None

    def tick(self) -> bool:
        """Look once."""
        now = self.clock()
        try:
            with self.store.begin() as tx:
                tx.runs.fact(SENDING)
        except SyncdError as error:
            self._is_away(" ".join(str(error).split()), now)
        else:
            if self._away is None or self._away.told_at is None or self._tell([], [self._away.sentence]):
                self._away = None
        return False

    def _is_away(self, sentence: str, now: datetime) -> None:
        away = self._away or Alert("store", sentence, now)
        lasts = away.told_at is None and now - away.since >= self.config.after
        told = lasts and self.speaks() and self._tell([State(away.key, away.sentence)], [])
        self._away = replace(away, told_at=now) if told else away

    def _tell(self, new: Sequence[State], over: Sequence[str]) -> bool:
        return _sent(self.send, self.where, new, over)


def _sent(send: Send, where: str, new: Sequence[State], over: Sequence[str]) -> bool:
    """Send it; what nobody has is sent again at the next look."""
    done = send(*message(where, new, over))
    if done:
        log.info("alert", states=[state.key for state in new], over=len(over))
    else:
        log.error("alert not sent", states=[state.key for state in new], over=len(over))
    return done


def ticks(config: Config, store: Store, clock: Callable[[], datetime], watched: Watched, speaks: Speaks) -> list[Tick]:
    """The looking, if anybody is to be told. `speaks`: whether this process does for its machine.

    Raises ConfigError for an address that nobody knows.
    """
    if not config.alerts.to:
        return []
    send, where = Couriers.of(config.alerts.to).send, socket.gethostname()
    alerter = Alerter(store, clock, partial(states, watched=watched), send, config.alerts, where)
    lookout = Lookout(store, machine_time, send, config.alerts, where, speaks)
    every = config.alerts.every
    return [Tick("alerts", every, alerter.tick), Tick("store", every, lookout.tick, local=True)]


def _seen(one: Alert, found: dict[str, State], perhaps: Sequence[str], now: datetime) -> Alert:
    """It, as it is now. `perhaps`: what was being sent, maybe by one that was killed: once over, it counts as told."""
    if one.key in found:
        return replace(one, over_at=None)
    return replace(one, over_at=one.over_at or now, told_at=one.told_at or (now if one.key in perhaps else None))


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
