"""JOURNAL and WRITE: intents first, then the vendor's batches, each confirmed as it is answered. Rules 4, 5, 14.

What is not here: how an answer is settled (`confirm`) and an answer that never came (`settling`).
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

import structlog

from syncd.core.match import keys, sync_key_of
from syncd.core.model import Action, Outcome, Record, Result, Side
from syncd.engine.absorb import absorb
from syncd.engine.archiving import archived
from syncd.engine.confirm import close_intent, written_creates, written_updates
from syncd.engine.fence import all_ours
from syncd.engine.item import DONE, Item, again, park
from syncd.engine.lookalikes import not_twins
from syncd.engine.namesakes import NAMESAKE
from syncd.engine.planning import rules_data
from syncd.engine.world import World
from syncd.errors import AuthError, Transient
from syncd.store.store import Tx

log = structlog.get_logger("syncd.engine")

TOGETHER, WITHIN = 10, 0.1
"""Answers that are settled in one transaction, and the seconds that the first of them waits for the others at most.

Some vendors answer each write by itself: to settle each by itself costs more than a fast answer takes.
"""


def journal(world: World, tx: Tx, items: Sequence[Item], run: int | None) -> None:
    """Write the intents; a create whose match keys another open create has claimed waits for that one."""
    _drop_linked(tx, items)
    new = [(item, side) for item in items if item.stands() for side in item.operations]
    for (item, side), intent in zip(new, tx.journal.open([_row(world, *one, run) for one in new]), strict=True):
        item.intents[side] = intent
        item.operations[side] = dataclasses.replace(item.operations[side], id=str(intent))
    for to in Side:
        _claim(world, tx, to, [i for i, side in new if side is to and i.operations[side].action is Action.CREATE])


def _drop_linked(tx: Tx, items: Sequence[Item]) -> None:
    """Whoever was linked since it was looked at needs no twin made."""
    for side in Side:
        lonely = [item for item in items if item.stands() and item.side is side and item.operations]
        linked = tx.links.of(lonely[0].m.key, side, [item.mark.id for item in lonely]) if lonely else {}
        for item in lonely:
            if item.link is None and item.mark.id in linked:
                item.fail(again("linked", "it was linked meanwhile", after=timedelta(0), count=False))


def _row(world: World, item: Item, side: Side, run: int | None) -> dict[str, object]:
    operation, now = item.operations[side], world.connector(item.m, side).now()
    decisions = item.plan.decisions if item.plan is not None else ()
    kept = decisions if operation.action is Action.CREATE else item.plan.writes(side) if item.plan else ()
    version = item.record(side).version if operation.ref is not None else None
    return {
        "run": run, "map": item.m.key, "side": str(side), "action": str(operation.action),
        "link": item.link.id if item.link else None, "record_id": operation.ref.id if operation.ref else None,
        "source_id": item.id_on(side.other), "fields": operation.fields, "before": operation.expect,
        "rules": rules_data(kept), "version": version, "opened_at": now,
        "heard_at": item.mark.first_at if operation.action is Action.CREATE else None,
        "lands_by": now + world.pace.lease + world.pace.landing, "fence": item.unit.fence,
        "permitted": any(mark.permit for mark in item.unit.marks),
    }  # fmt: skip


def _claim(world: World, tx: Tx, side: Side, items: Sequence[Item]) -> None:
    """Claim the keys of what is to be made on a side."""
    if not items:
        return
    made, end = {item.intents[side]: item for item in items}, items[0].m.end(side)
    texts = {intent: _claimed_texts(item, side) for intent, item in made.items()}
    for intent, first in tx.journal.claim(texts, end.system, end.kind).items():
        item = made[intent]
        tx.journal.close(intent, "claimed", world.clock(), error=f"intent {first} has claimed the same match key")
        item.operations.clear()
        item.intents.clear()
        item.fail(park("waiting", f"write {first} makes a record of the same key", waits_for=f"intent:{first}"))


def _claimed_texts(item: Item, side: Side) -> list[str]:
    """The source, which is made once, and every certain key of it."""
    m, source = item.m, item.record(side.other)
    certain = [f"{key.match}\x1e{key.text}" for key in keys(m, side.other, source.fields) if key.certain]
    return [f"source\x1e{m.key}\x1e{sync_key_of(source.ref)}", *certain]


class Writer:
    """Carries the journaled operations of one batch to the vendors. Right first, then left."""

    def __init__(self, world: World, run: int | None, until: datetime, counts: Counter[str]) -> None:
        """`until`: the end of the lease; no vendor call starts after it."""
        self.world, self.run, self.until, self.counts = world, run, until, counts

    def write(self, items: Sequence[Item]) -> None:
        """Write everything. Raises AuthError and Transient of a whole system, with the rest given back."""
        sent: set[int] = set()
        try:
            for side in (Side.RIGHT, Side.LEFT):
                ready = [item for item in items if item.stands() and side in item.intents]
                sent.update(item.intents[side] for item in ready)
                if ready:
                    self._write_side(side, ready)
        finally:
            for side in Side:
                unsent = [item for item in items if side in item.intents and item.intents[side] not in sent]
                self._give_back(side, unsent, "its other side did not go through")

    def _write_side(self, side: Side, items: Sequence[Item]) -> None:
        waiting = {str(item.intents[side]): item for item in items}
        connector, kind = self.world.connector(items[0].m, side), items[0].m.end(side).kind
        try:
            answers = iter(connector.write(kind, [item.operations[side] for item in items]))
            for answered in self._gathered(answers, waiting):
                self._confirm(side, answered)
        except (AuthError, Transient) as error:
            self._give_back(side, waiting.values(), str(error))
            raise
        why = "syncd was told to stop" if self.world.stopping() else "the batch ran out of time"
        self._give_back(side, waiting.values(), why)

    def _gathered(
        self, answers: Iterator[Sequence[Outcome]], waiting: dict[str, Item]
    ) -> Iterator[list[tuple[Item, Outcome]]]:
        """Outcomes as they come, taken out of those that are waited for; what comes singly and fast comes together.

        No vendor call starts after the lease's end. What was answered before trouble is told before it.
        """
        told: list[tuple[Item, Outcome]] = []
        began = time.monotonic()
        try:
            while waiting and self.world.clock() < self.until and not self.world.stopping():
                outcomes = next(answers, None)
                if outcomes is None:
                    break
                told += [(waiting.pop(o.operation), o) for o in outcomes if o.operation in waiting]
                if len(told) >= TOGETHER or time.monotonic() - began >= WITHIN:
                    yield told
                    told, began = [], time.monotonic()
        except Exception:
            if told:
                yield told
            raise
        if told:
            yield told

    def _give_back(self, side: Side, items: Iterable[Item], why: str) -> None:
        """Operations that were surely not sent: their intents are closed, their marks are due again."""
        several = list(items)
        if not several:
            return
        with self.world.store.begin() as tx:
            for item in several:
                close_intent(self.world, tx, item.intents[side], "unsent", error=why)
                item.fail(again("unsent", why, after=timedelta(0), count=False))

    def _confirm(self, side: Side, answered: Sequence[tuple[Item, Outcome]]) -> None:
        """One vendor call's outcomes in one transaction, if the fence still holds."""
        now = self.world.clock()
        with self.world.store.begin() as tx:
            all_ours(tx, [item for item, _ in answered])
            ours = [(item, outcome) for item, outcome in answered if item.stands()]
            self.counts.update(f"{item.operations[side].action}:{outcome.result}" for item, outcome in ours)
            self._written(tx, side, [(item, o) for item, o in ours if o.result is Result.WRITTEN])
            for item, outcome in ours:
                if outcome.result is not Result.WRITTEN:
                    self._one(tx, item, side, outcome)
            # Half of the lease is left at every moment: to renew it each time would read all marks per record.
            if answered and self.until - now < self.world.pace.lease / 2:
                self.until = now + self.world.pace.lease
                self._renew(tx, answered[0][0])

    def _renew(self, tx: Tx, item: Item) -> None:
        """Hold on to the batch; what it has not sent yet can land later than its intents say."""
        tx.marks.renew(item.unit.fence, self.until)
        pace = self.world.pace
        for side in Side:
            lands_by = self.world.connector(item.m, side).now() + pace.lease + pace.landing
            tx.journal.extend(item.unit.fence, side, lands_by)

    def _one(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        handlers = {
            Result.STALE: self._stale,
            Result.MISSING: self._missing,
            Result.REFUSED: self._refused,
            Result.AMBIGUOUS: self._ambiguous,
            Result.LATER: self._later,
        }
        handlers[outcome.result](tx, item, side, outcome)

    def _written(self, tx: Tx, side: Side, answered: Sequence[tuple[Item, Outcome]]) -> None:
        """What was written is settled together: to look and to store one by one costs several times as much."""
        told: dict[bool, list[tuple[Item, Record]]] = {True: [], False: []}
        for item, outcome in answered:
            if outcome.gone is not None:
                archived(self.world, tx, item, item.intents[side], outcome.gone, "written")
                item.fail(DONE)
            elif outcome.record is None:
                self._ambiguous(tx, item, side, outcome)
            else:
                told[item.operations[side].action is Action.CREATE].append((item, outcome.record))
        if told[True]:
            written_creates(self.world, tx, side, told[True])
        if told[False]:
            written_updates(self.world, tx, side, told[False], self.run)

    def _stale(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        close_intent(self.world, tx, item.intents[side], "stale", error=outcome.error)
        if outcome.record is not None:
            since = {outcome.record.ref.id: item.snapshots[side]}
            absorb(tx, self.world, [outcome.record], asked=(), since=since)
        item.fail(again("stale", "somebody wrote meanwhile", reread=True, after=_hop(item)))

    def _missing(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        close_intent(self.world, tx, item.intents[side], "missing", error=outcome.error)
        if outcome.gone is not None:
            absorb(tx, self.world, [outcome.gone], asked=())
        item.fail(again("missing", "the record does not answer", reread=True, after=_hop(item)))

    def _refused(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        sentence = outcome.error or "refused without a reason"
        close_intent(self.world, tx, item.intents[side], "refused", error=sentence)
        if outcome.fields:
            self.world.connector(item.m, side).forget_schema()
        if outcome.duplicate and item.operations[side].action is Action.CREATE:
            self._duplicate(tx, item, side, outcome, sentence)
        else:
            item.fail(park("refused", sentence))

    def _duplicate(self, tx: Tx, item: Item, side: Side, outcome: Outcome, sentence: str) -> None:
        """The vendor has such a record: wait until a look-up must see it; who is found nowhere then is a namesake.

        A namesake whose suffixed name is taken too, or a duplicate that no name explains, is a question. Where a person
        said that it is another, there is nothing to ask.
        """
        connector, end = self.world.connector(item.m, side), item.m.end(side)
        if outcome.names and set(outcome.names) <= not_twins(tx, item.m, side, item.id_on(side.other) or ""):
            item.fail(park("refused", sentence))
        elif item.mark.cause not in ("duplicate", NAMESAKE):
            cause = NAMESAKE if connector.capabilities.names.get(end.kind) else "duplicate"
            item.fail(again(cause, sentence, after=max(connector.capabilities.find_lag, timedelta(0))))
        else:
            names = ", ".join(f"{end.system}:{end.kind}:{name}" for name in outcome.names)
            item.fail(park("question", f"{sentence} {f'It may be {names}.' if names else ''}".strip()))

    def _ambiguous(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        why = outcome.error or "the answer was lost"
        tx.journal.note(item.intents[side], why)
        item.fail(again("unsettled", why, after=timedelta(0), count=False))

    def _later(self, tx: Tx, item: Item, side: Side, outcome: Outcome) -> None:
        close_intent(self.world, tx, item.intents[side], "later", error=outcome.error)
        after = timedelta(seconds=outcome.retry_after) if outcome.retry_after is not None else None
        item.fail(again("later", outcome.error or "the vendor asks to wait", after=after))


def _hop(item: Item) -> timedelta | None:
    """At once the first times, then with the usual back-off: a vendor that never agrees must not make us spin."""
    return timedelta(0) if item.mark.attempts < 3 else None
