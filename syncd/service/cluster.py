"""Ticks carried by several processes: each is a task in one queue, and whichever process is free does the next one.

A tick puts its next task into the queue when it ends; every process sees to it now and then that no tick is missing,
so a process that died with a task in its hands stops nothing. What two processes must not do at once is leased in the
store (feeds, pairs, links); the queue only says when. What is not here: what a tick does (`daemon`).
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, ConnectorException
from procrastinate.jobs import Status
from procrastinate.schema import SchemaManager

from syncd.errors import Transient
from syncd.service.scheduler import THREADS, Scheduler, Tick, once
from syncd.store import queue
from syncd.store.store import Store

logger = structlog.stdlib.get_logger("syncd.cluster")

LOOK = 1.0
"""Seconds between two looks for a task whose time has come."""

KEEP = timedelta(seconds=10)
"""How often a process looks whether a tick is missing in the queue."""

LOST = 30.0
"""Seconds without a sign of life after which a process is taken for dead, and its tasks are cleared away."""

AGAIN = 2.0
"""Seconds before a queue that does not answer is tried again."""

WAITING = "SELECT queueing_lock FROM procrastinate_jobs WHERE status = 'todo' AND queueing_lock = ANY(%(locks)s)"
"""Which of these tasks wait."""

SCHEMA = "syncd_tasks_" + re.sub(r"\W", "_", procrastinate.__version__)


class Cluster:
    """Does ticks, as this process's share of the work of all; every process has the same set-up."""

    def __init__(self, ticks: Sequence[Tick], store: Store, clock: Callable[[], datetime]) -> None:
        """Take the ticks; their names are unique. `clock`: the database's."""
        self._ticks = {tick.name: tick for tick in ticks if not tick.local}
        self._local = [tick for tick in ticks if tick.local]
        self._at_once = max(1, min(THREADS, len(self._ticks)))
        self._store, self._clock = store, clock
        self._stop = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        settings = {"options": f"-c search_path={SCHEMA}", "application_name": "syncd work"}
        connector = procrastinate.PsycopgConnector(
            conninfo=queue.address(store), min_size=1, max_size=4, kwargs=settings
        )
        self._app = procrastinate.App(connector=connector)
        self._task = self._app.task(name="tick", queue="syncd")(self._tick)

    def run(self, stop: threading.Event) -> None:
        """Tick until `stop` is set; returns when what was under way has ended."""
        self._stop = stop
        queue.make(self._store, SCHEMA, SchemaManager.get_schema())
        beside = threading.Thread(target=Scheduler(self._local).run, args=[stop], name="local")
        beside.start()
        try:
            asyncio.run(self._work())
        finally:
            stop.set()
            beside.join()

    def wake(self, *names: str) -> None:
        """Let ticks run now, in whichever process."""
        self._soon(self._put({f"{name} now": self._ticks[name] for name in names}, soon=True, chain=False))

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it in the loop, from whichever thread; nobody waits for it."""
        if self._loop is not None and not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(work, self._loop)
        else:
            work.close()

    async def _keep(self) -> None:
        """See to it again and again that no tick is missing, and that what dead processes left is cleared away."""
        while True:
            await asyncio.sleep(KEEP.total_seconds())
            try:
                await self._put(self._ticks, soon=False)
                for job in await self._app.job_manager.get_stalled_jobs(seconds_since_heartbeat=LOST):
                    await self._app.job_manager.finish_job(job, Status.FAILED, delete_job=True)
            except (ConnectorException, Transient) as error:
                logger.warning("queue", error=str(error))

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Beside the ticks one thread waits for the stop, and one asks what time it is.
        with ThreadPoolExecutor(self._at_once + 2) as threads:
            self._loop.set_default_executor(threads)
            told = asyncio.ensure_future(asyncio.to_thread(self._stop.wait))
            while not self._stop.is_set():
                try:
                    async with self._app.open_async():
                        await self._take_tasks(told)
                except (ConnectorException, OSError) as error:
                    logger.warning("queue", error=str(error))
                    await asyncio.wait([told], timeout=AGAIN)
            await told  # else it may begin only when its threads are gone

    async def _take_tasks(self, told: asyncio.Future[bool]) -> None:
        """Do tasks until told to stop, or the queue does not answer; then finish what is under way."""
        await self._put(self._ticks, soon=True)
        worker = asyncio.ensure_future(
            self._app.run_worker_async(
                concurrency=self._at_once, fetch_job_polling_interval=LOOK, delete_jobs="always",
                install_signal_handlers=False, stalled_worker_timeout=LOST,
            )
        )  # fmt: skip
        both: list[asyncio.Future[Any]] = [worker, asyncio.ensure_future(self._keep())]
        await asyncio.wait([*both, told], return_when=asyncio.FIRST_COMPLETED)
        for one in both:
            one.cancel()
        await asyncio.wait(both)
        for one in both:
            if not one.cancelled() and (error := one.exception()) is not None:
                raise error

    async def _tick(self, name: str, chain: bool) -> None:
        """One task. A tick that this process's set-up does not have is left to those that have it."""
        tick = self._ticks.get(name)
        if tick is None:
            return
        more = self._stop.is_set() or await asyncio.to_thread(once, tick)
        if more:
            await self._put({f"{name} now": tick}, soon=True, chain=False)
        if chain:
            await self._put({name: tick}, soon=False)

    async def _put(self, ticks: Mapping[str, Tick], *, soon: bool, chain: bool = True) -> None:
        """Put ticks into the queue, each under its lock, unless they wait there already: at once, or when they are due.

        They are looked for before: what the queue refuses, PostgreSQL writes into its log as an error.
        """
        if not ticks:
            return
        rows = await self._app.connector.execute_query_all_async(WAITING, locks=list(ticks))
        waiting = {row["queueing_lock"] for row in rows}
        now = None if soon else await asyncio.to_thread(self._clock)
        for lock, tick in ticks.items():
            if lock not in waiting:
                task = self._task.configure(queueing_lock=lock, schedule_at=now and now + tick.every)
                with suppress(AlreadyEnqueued):  # by another process, just now
                    await task.defer_async(name=tick.name, chain=chain)
