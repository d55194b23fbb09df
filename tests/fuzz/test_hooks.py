"""Whatever is posted to the webhooks by somebody who can prove himself, nothing crashes and no value of it is written.

Not here: who cannot prove himself (`tests/service/test_web.py`), and vendors' answers (`test_answers`).
"""

from __future__ import annotations

import io
import json
import logging
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncd.app import App
from syncd.engine.run import poll, work
from syncd.kit.remote import NOBODY
from syncd.kit.webhook import Delivery
from syncd.lab.stage import HOOKS, Stage
from syncd.service import log, systems
from syncd.service.daemon import Daemon
from syncd.service.web import Web
from syncd.store.marks import DUE, PARKED
from syncd_hubspot.webhooks import SIGNATURE, TIMESTAMP, signature
from tests.fuzz.spoil import SPOILERS
from tests.fuzz.test_answers import TIMING

COUNT = 10_000 if os.environ.get("SYNCD_LONG") == "1" else 200
WORK_EVERY = 50 if COUNT < 1000 else 400
"""So many bodies, then a run that has to look at what they named."""

WHAT = ("creation", "deletion", "propertyChange", "associationChange", "merge", "restore", "privacyDeletion", "other")
EVIL = "WRITTEN BY A WEBHOOK"

seeds = st.integers(0, 2**32)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
bodies = st.one_of(
    st.tuples(st.just("spoilt"), seeds),
    st.tuples(st.just("whole"), seeds),
    st.tuples(st.just("keys"), st.lists(values, min_size=1, max_size=14)),
    st.tuples(st.just("json"), values),
    st.tuples(st.just("bytes"), st.binary(max_size=200)),
)


@dataclass
class Knocker:
    """Posts bodies to both systems, as one who knows the secrets."""

    site: Web
    stage: Stage
    do: Callable[[], None]
    ids: dict[str, list[Any]] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)

    def knock(self, body: tuple[str, Any]) -> None:
        """One body to each."""
        for left, made in ((True, self._made(*body, left=True)), (False, self._made(*body, left=False))):
            self.statuses[self._post(made, left=left)] += 1
        if self.statuses.total() % (2 * WORK_EVERY) == 0:
            self.do()

    def _made(self, way: str, drawn: Any, *, left: bool) -> bytes:
        if way == "bytes":
            return bytes(drawn)
        if way == "json":
            return json.dumps(drawn).encode("utf-8", "replace")
        dice = random.Random(drawn if isinstance(drawn, int) else 1)
        if way == "keys":
            good = self._event(dice) if left else self._record(dice)
            odd = dict(zip(good, drawn, strict=False))
            return json.dumps([{**good, **odd}] if left else {**good, **odd}).encode("utf-8", "replace")
        whole = [self._event(dice) for _ in range(dice.randint(1, 5))] if left else self._record(dice)
        raw = json.dumps(whole).encode()
        return dice.choice(SPOILERS)(dice, raw) if way == "spoilt" else raw

    def _event(self, dice: random.Random) -> dict[str, Any]:
        kind = dice.choice(("contact", "deal", "object"))
        found = dice.choice([*self.ids["contacts"], *self.ids["deals"], 404, -1])
        others = [dice.choice(self.ids["contacts"]), dice.choice(self.ids["deals"])]
        return {
            "subscriptionType": f"{kind}.{dice.choice(WHAT)}", "objectId": found,
            "objectTypeId": dice.choice(("0-1", "0-3")), "propertyName": "firstname", "propertyValue": EVIL,
            "eventId": 1, "attemptNumber": dice.randrange(11), "mergedObjectIds": others, "newObjectId": found,
            "primaryObjectId": found, "associationType": "CONTACT_TO_DEAL", "fromObjectId": found,
            "toObjectId": others[1], "occurredAt": 1, "changeFlag": "DELETED", "associationRemoved": True,
        }  # fmt: skip

    def _record(self, dice: random.Random) -> dict[str, Any]:
        found = {**dice.choice(self.ids["rows"]), "first_name": EVIL, "is_active": False, "date_updated": 2**31}
        return dice.choice((found, {"event": "job.deleted", "data": found}, {"data": {"record": found}}))

    def _post(self, body: bytes, *, left: bool) -> int:
        path = "hubspot" if left else f"jobnimbus/{HOOKS['STAGE_RIGHT_HOOK']}"
        headers = {}
        if left:
            now = datetime.now(tz=UTC)
            stamp = str(int(now.timestamp() * 1000))
            public = f"{self.site.public_url}/hooks/hubspot"
            delivery = Delivery(method="POST", url=public, body=body, at=now, query={}, headers={})
            proof = signature(HOOKS["STAGE_LEFT_HOOK"].encode(), delivery, stamp)
            headers = {SIGNATURE: proof, TIMESTAMP: stamp}
        url = f"{self.site.url}/hooks/{path}"
        answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=30, verify=NOBODY)
        return answer.status_code


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """What is logged meanwhile."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    out = io.StringIO()
    try:
        log.setup(list(HOOKS.values()), format="json", level="info", stream=out)
        yield out
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()


def rest(app: App) -> None:
    """Polls and runs until nothing is due."""
    end = time.monotonic() + 60
    while True:
        poll(app.world, app.world.pairs[0])
        work(app.world, app.world.pairs[0])
        with app.store.read() as tx:
            if not tx.marks.resting(DUE):
                return
        assert time.monotonic() < end, app.status()
        time.sleep(0.2)


def contents(stage: Stage) -> dict[str, Any]:
    """All that both vendors hold."""
    kinds = {"hubspot": ("contacts", "deals"), "jobnimbus": ("contacts", "jobs")}
    return {f"{name} {kind}": stage.vendors[name].records(kind) for name in kinds for kind in kinds[name]}


def still(stage: Stage) -> dict[str, Any]:
    """All that both vendors hold, when it moves no more: HubSpot touches a contact a while after its deal is made."""
    held = None
    while held != (now := contents(stage)):
        held = now
        time.sleep(0.5)
    return now


@pytest.mark.timeout(0 if COUNT > 1000 else 180)
def test_no_body_does_harm(tmp_path: Path) -> None:
    """Hundreds of signed bodies, whole, spoilt, invented: 200 or 400 each, no trace in the log, and no write at all."""
    stage = Stage(folder=tmp_path, leads=6, rate="5000/1", search_rate="5000/1", every="1s", timing=TIMING,
                  hooks="127.0.0.1:0", right_settings={"index_lag": 0.1}, left_settings={"index_lag": {"kind": "none"}},
                  )  # fmt: skip
    with stage, App.open(stage.config, environ=stage.environ) as app, logged() as out:
        for vendor in stage.vendors.values():
            vendor.settings(webhook_url="")
        app.once()
        rest(app)
        daemon = Daemon(app.world)
        made = Web("127.0.0.1:0", "https://sync.example.com", systems.receivers(app.config), daemon.hinted)
        with closing(made):
            made.open()
            knocker = Knocker(made, stage, lambda: rest(app))
            before, marks = still(stage), {name: vendor.mark() for name, vendor in stage.vendors.items()}
            for kind in ("contacts", "deals"):
                knocker.ids[kind] = [int(row["id"]) for row in before[f"hubspot {kind}"]]
            knocker.ids["rows"] = [*before["jobnimbus contacts"], *before["jobnimbus jobs"]]
            _knock_with_everything(knocker)
            rest(app)
        print(f"answers: {dict(knocker.statuses)}")
        assert set(knocker.statuses) == {200, 400}
        assert [vendor.writes(marks[name]) for name, vendor in stage.vendors.items()] == [[], []]
        assert contents(stage) == before
        with app.store.read() as tx:
            assert tx.marks.resting(PARKED) == []
        said = out.getvalue()
        assert [word for word in ("Traceback", '"exception"', '"bug"', "webhook failed", EVIL) if word in said] == []


def _knock_with_everything(knocker: Knocker) -> None:
    @settings(
        max_examples=COUNT // 2, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(body=bodies)
    def each(body: tuple[str, Any]) -> None:
        knocker.knock(body)

    each()
