"""The schedule: ticks come at their time, never twice at once, and outlive their failures."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import structlog
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from syncd.errors import Transient
from syncd.service.scheduler import THREADS, Scheduler, Tick

SOON = timedelta(milliseconds=20)
NEVER = timedelta(hours=1)
PATIENCE = 5.0


@pytest.fixture(autouse=True)
def _logging() -> Iterator[None]:
    """Leave the logging as it was."""
    yield
    structlog.reset_defaults()


class Running:
    """A scheduler in a thread, stopped at the end."""

    def __init__(self, *ticks: Tick, threads: int = THREADS) -> None:
        self.stop = threading.Event()
        self.scheduler = Scheduler(ticks, threads=threads)
        self.thread = threading.Thread(target=self.scheduler.run, args=[self.stop])

    def __enter__(self) -> Running:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join(PATIENCE)
        assert not self.thread.is_alive()


def counting(times: int) -> tuple[Callable[[], bool], threading.Event]:
    """Work that sets an event when it has been called so many times."""
    reached = threading.Event()
    calls = iter(range(times))

    def work() -> bool:
        if next(calls, None) == times - 1:
            reached.set()
        return False

    return work, reached


def test_a_tick_comes_again_and_again() -> None:
    """The first time at once, then at each interval."""
    work, reached = counting(3)
    with Running(Tick("feed", SOON, work)):
        assert reached.wait(PATIENCE)


def test_more_due_means_at_once() -> None:
    """A tick that says that more is due does not wait for its interval."""
    left = [True, True, False]
    done = threading.Event()

    def work() -> bool:
        more = left.pop(0)
        if not left:
            done.set()
        return more

    with Running(Tick("backfill", NEVER, work)):
        assert done.wait(PATIENCE)


def test_a_tick_never_runs_twice_at_once() -> None:
    """An interval shorter than the work does not start a second one beside it."""
    inside = threading.Lock()
    overlaps: list[bool] = []
    work_done, reached = counting(3)

    def work() -> bool:
        overlaps.append(not inside.acquire(blocking=False))
        threading.Event().wait(0.06)
        inside.release()
        return work_done()

    with Running(Tick("slow", SOON, work)):
        assert reached.wait(PATIENCE)
    assert not any(overlaps)


def test_a_failing_tick_is_told_and_comes_again() -> None:
    """One line for an error with a remedy, a trace for a bug; the tick and its neighbors go on."""
    errors: list[Exception] = [Transient("the vendor sleeps"), ZeroDivisionError("ours")]
    neighbor, reached_neighbor = counting(2)
    after, reached = counting(1)

    def work() -> bool:
        if errors:
            raise errors.pop(0)
        return after()

    with (
        capture_logs(processors=[merge_contextvars]) as logs,
        Running(Tick("bad", SOON, work), Tick("good", SOON, neighbor)),
    ):
        assert reached.wait(PATIENCE)
        assert reached_neighbor.wait(PATIENCE)
    told = [(line["log_level"], line["tick"], "exc_info" in line) for line in logs]
    assert told == [("warning", "bad", False), ("error", "bad", True)]


def test_a_wake_does_not_wait_for_the_interval() -> None:
    """A webhook wakes a sleeping tick at once."""
    work, reached = counting(2)
    first = threading.Event()

    def noting() -> bool:
        first.set()
        return work()

    with Running(Tick("feed", NEVER, noting)) as running:
        assert first.wait(PATIENCE)
        while not reached.wait(0.02):
            running.scheduler.wake("feed")


def test_a_wake_during_the_work_lets_it_run_once_more() -> None:
    """What comes in while the tick runs is not forgotten."""
    work, reached = counting(2)
    first, go_on = threading.Event(), threading.Event()

    def waiting() -> bool:
        first.set()
        assert go_on.wait(PATIENCE)
        return work()

    with Running(Tick("feed", NEVER, waiting)) as running:
        assert first.wait(PATIENCE)
        running.scheduler.wake("feed")
        go_on.set()
        assert reached.wait(PATIENCE)


def test_stop_waits_for_what_is_under_way() -> None:
    """Told to stop in the middle of a tick, the scheduler returns after that tick has ended, and not before."""
    started, ended = threading.Event(), threading.Event()

    def work() -> bool:
        started.set()
        threading.Event().wait(0.1)
        ended.set()
        return True

    with Running(Tick("long", NEVER, work)) as running:
        assert started.wait(PATIENCE)
        running.stop.set()
        running.thread.join(PATIENCE)
        assert ended.is_set()


def test_those_with_much_to_do_take_turns() -> None:
    """With one thread for two that always have more to do, both get on; what is local waits for neither."""
    reached = {name: threading.Event() for name in ("one", "other", "local")}
    done = {"one": 0, "other": 0}

    def work(name: str) -> bool:
        done[name] += 1
        if done[name] == 3:
            reached[name].set()
        return True

    def local() -> bool:
        reached["local"].set()
        return False

    ticks = [Tick(name, NEVER, partial(work, name)) for name in done]
    with Running(*ticks, Tick("local", NEVER, local, local=True), threads=1):
        assert all(event.wait(PATIENCE) for event in reached.values())


@pytest.mark.parametrize("within", [True, False])
def test_a_stop_amid_a_wake_neither_hangs_nor_raises(monkeypatch: pytest.MonkeyPatch, within: bool) -> None:
    """Told to stop while a tick, or a webhook, is just waking another tick: the end comes, and nobody trips."""
    amid, woken, slow = threading.Event(), threading.Event(), threading.Event()

    class Late(ThreadPoolExecutor):
        def submit(self, *given: Any, **more: Any) -> Future[Any]:
            if slow.is_set():
                amid.set()
                running.stop.wait(PATIENCE)
                time.sleep(0.05)
            return super().submit(*given, **more)

    def wake() -> bool:
        running.scheduler.wake("pair")
        woken.set()
        return False

    monkeypatch.setattr("syncd.service.scheduler.ThreadPoolExecutor", Late)
    begun, reached = counting(1)
    running = Running(Tick("pair", NEVER, begun), Tick("feed", SOON, wake if within else lambda: False))
    with running:
        assert reached.wait(PATIENCE)
        time.sleep(0.05)
        slow.set()
        if not within:
            threading.Thread(target=wake, daemon=True).start()
        assert amid.wait(PATIENCE)
    assert woken.wait(PATIENCE)
