"""Tells open pages that something has changed, so that they ask anew: one look at the store for all of them.

What is not here: what changed; a page asks for itself as anybody would.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field

from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from syncd.errors import SyncdError
from syncd.store.store import Store

EVERY = 1.0
"""Seconds between two looks."""

BEAT = 15.0
"""Seconds after which an open page hears something in any case: a proxy ends what is silent."""

EACH, ALL = 20, 60
"""Pages that one account, in however many browsers, and that all together may have listening."""


class TooMany(Exception):
    """No more pages can listen."""


class Told(StreamingResponse):
    """Events for one page. Its place is given back however it ends: also of one that was closed before the first."""

    def __init__(self, events: AsyncIterator[str], leave: Callable[[], None]) -> None:
        """Nothing is sent yet."""
        super().__init__(events, media_type="text/event-stream")
        self._leave = leave

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send them until nobody listens."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()


@dataclass(slots=True)
class Live:
    """Of one process. Everything runs in the server's one loop, but for the look at the store.

    `over`: whether nobody listens here any more: every page is let go, to ask whoever comes next.
    """

    store: Store
    over: Callable[[], bool] = lambda: False
    _stamp: str = ""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _listening: Counter[str] = field(default_factory=Counter)
    _looking: asyncio.Task[None] | None = None

    def tell(self, account: str) -> Told:
        """Events for one page of this account, until it is closed. Raises TooMany."""
        if self._listening[account] >= EACH or self._listening.total() >= ALL:
            raise TooMany
        self._listening[account] += 1
        return Told(self._events(), lambda: self._leave(account))

    def _leave(self, account: str) -> None:
        self._listening[account] -= 1
        self._listening += Counter()

    async def _events(self) -> AsyncIterator[str]:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        yield "retry: 3000\nevent: hello\ndata: \n\n"
        quiet = 0.0
        while not self.over():
            changed = self._changed
            try:
                await asyncio.wait_for(changed.wait(), EVERY)
            except TimeoutError:
                quiet += EVERY
                if quiet >= BEAT:
                    quiet = 0.0
                    yield ": still here\n\n"
            else:
                quiet = 0.0
                yield "event: changed\ndata: \n\n"

    async def _look(self) -> None:
        """While anybody listens."""
        while self._listening.total() > 0:
            with suppress(SyncdError):
                stamp = await run_in_threadpool(self._now)
                if stamp != self._stamp:
                    self._stamp = stamp
                    self._changed.set()
                    self._changed = asyncio.Event()
            await asyncio.sleep(EVERY)

    def _now(self) -> str:
        """What differs when anything that a page shows does."""
        with self.store.read() as tx:
            # Whatever waits, or is asked, came of a run, or of somebody's deed.
            runs = [(run.id, run.state) for run in tx.runs.last(limit=3)]
            feeds = tx.feeds.all()
            # Pages say when a system was read last: while nothing changes that is told once a minute.
            read = max((feed.polled_at for feed in feeds if feed.polled_at is not None), default=None)
            minute = read and read.replace(second=0, microsecond=0)
            through = [feed.backfilled for feed in feeds]
            states = [(name, state.state) for name, state in sorted(tx.runs.systems().items())]
            deeds = [deed.id for deed in tx.deeds.last(limit=1)]
            return repr((runs, through, minute, states, deeds, tx.journal.last()))
