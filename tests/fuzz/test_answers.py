"""Whatever vendors answer, nothing crashes, nothing wrong is written, and when they come to their senses all is equal.

Not here: what is done to an answer (`spoil`), and files that people write (`test_files`).
"""

from __future__ import annotations

import random
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import stamina

from syncd.app import App
from syncd.engine.auditing import begin_slice, bite
from syncd.engine.run import poll, work
from syncd.errors import SyncdError
from syncd.lab.causes import Causes
from syncd.lab.compare import compare
from syncd.lab.laws import Laws
from syncd.lab.people import Crowd
from syncd.lab.settled import at_rest
from syncd.lab.stage import Stage
from tests.fuzz.spoil import Spoilt

TIMING = {
    "overlap": "6s", "lag": "500ms", "settle": "1s", "settle_every": "1s", "gone_every": "2s", "landing": "200ms",
    "lease": "1s", "retry_first": "100ms", "retry_max": "400ms", "proofs": "1s", "timeout": "2s", "retry_for": "300ms",
    "idle": "50ms", "batch": 20, "fresh": "1s",
}  # fmt: skip
SHORT, LONG = 200, 10_000
RATE = 0.3
"""How many of the answers are spoilt."""


@contextmanager
def town(folder: Path, seed: int) -> Iterator[tuple[Stage, App, Spoilt]]:
    """Two sandboxes and an app whose wire can be spoilt."""
    dice = random.Random(f"spoil:{seed}")
    stage = Stage(folder=folder, leads=10, seed=seed, rate="5000/1", search_rate="5000/1", every="1s", timing=TIMING,
                  right_settings={"index_lag": 0.1}, left_settings={"index_lag": {"kind": "none"}})  # fmt: skip
    with stage, App.open(stage.config, environ=stage.environ) as app:
        wire = Spoilt(httpx.HTTPTransport(), dice, RATE)
        for connector in app.connectors.values():
            client = next(_clients(connector))
            client._mounts, client._transport = {}, wire
        app.once()
        with stamina.set_testing(True, attempts=2):  # what is tried again is tried again at once
            yield stage, app, wire


def _clients(thing: object, depth: int = 4) -> Iterator[httpx.Client]:
    """The HTTP client that a connector holds somewhere."""
    for value in vars(thing).values() if hasattr(thing, "__dict__") else ():
        if isinstance(value, httpx.Client):
            yield value
        elif depth and type(value).__module__.startswith("syncd"):
            yield from _clients(value, depth - 1)


def play(stage: Stage, app: App, wire: Spoilt, seed: int, count: int) -> Counter[str]:
    """People edit and the engine works while answers are spoilt; which errors it came to."""
    crowd = Crowd(stage=stage, world=app.world, seed=seed)
    dice, errors = random.Random(f"fuzz:{seed}"), Counter[str]()
    wire.on = True
    doings = [lambda: poll(app.world, app.world.pairs[0]), lambda: work(app.world, app.world.pairs[0])]
    rare = [app.check, lambda: app.compiled_pairs().whole()]
    while wire.count.total() < count:
        for _ in range(3):
            crowd.act(dice)
        for doing in (*doings, *(rare if dice.random() < 0.1 else ())):
            try:
                doing()
            except SyncdError as error:
                errors[type(error).__name__] += 1
            except Exception as error:
                told = "".join(traceback.format_exception(error, limit=-8))[-3000:]
                raise AssertionError(f"after {wire.count.total()} spoilt answers: {told}") from None
    wire.on = False
    return errors


def settle(stage: Stage, app: App) -> None:
    """The vendors are well again: what a person would retry is retried, and all comes to rest."""
    end = time.monotonic() + 60
    still = 0
    while still < 4:
        assert time.monotonic() < end, app.status()
        app.retry()
        poll(app.world, app.world.pairs[0])
        work(app.world, app.world.pairs[0])
        still = still + 1 if at_rest(app.world, stage) else 0
        time.sleep(0.4)


def judge(tmp_path: Path, seed: int, count: int) -> None:
    """One play, and every law after it."""
    with town(tmp_path, seed) as (stage, app, wire):
        errors = play(stage, app, wire, seed, count)
        settle(stage, app)
        for m in app.world.maps.values():  # an answer that left a value out hid the edit of it: what each night is for
            begin_slice(app.world, m, "1", 1)
            while bite(app.world, m) is not None:
                pass
        settle(stage, app)
        laws = Laws(app.world, stage.vendors)
        breaches = [*laws.check(), *Causes(app.world, laws.histories).check()]
        print(f"{wire.count.total()} answers spoilt: {dict(wire.count)}; {dict(errors)}; {laws.edits} edits")
        assert not breaches, "\n\n".join(str(breach) for breach in breaches[:5])
        found = compare(app.world, stage.vendors, app.connectors)
        assert found.clean, (found.differences[:5], found.duplicates[:5], found.missing[:5])


def test_spoilt_answers_do_no_harm(tmp_path: Path) -> None:
    """Hundreds of answers cut short, of wrong types, too large, too deep: no crash, no wrong value, equal at last."""
    judge(tmp_path, 1, SHORT)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ten_thousand_spoilt_answers_do_no_harm(tmp_path: Path) -> None:
    """The same, ten thousand times."""
    judge(tmp_path, 2, LONG)
