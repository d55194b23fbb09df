"""The laws bite: each breach, made behind syncd's back, is told with its story. Not here: the plays they judge."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from syncd.app import App
from syncd.core.model import Side
from syncd.lab.laws import BY_SYNCD, Breach, Laws
from syncd.lab.people import HANDS
from syncd.lab.stage import ENVIRON, Stage
from tests.e2e.play import TIMING


@dataclass
class Scene:
    """A few synced leads, and one pair of contacts among them."""

    stage: Stage
    app: App
    left: str
    right: str

    def check(self) -> list[Breach]:
        """What the laws say now."""
        return Laws(self.app.world, self.stage.vendors).check()

    def type_left(self, value: str) -> None:
        """A person edits the city on the left."""
        self.stage.left.act("update", "contacts", id=self.left, fields={"city": value}, as_=HANDS[Side.LEFT])

    def type_right(self, value: str) -> None:
        """A person edits the city on the right."""
        self.stage.right.act("update", "contacts", id=self.right, fields={"city": value}, as_=HANDS[Side.RIGHT])

    def write_left(self, method: str, path: str, fields: dict[str, Any]) -> dict[str, Any]:
        """Somebody with our own key writes on the left, past the engine."""
        answer = httpx.request(
            method, f"{self.stage.left.url}/crm/objects/2026-03/{path}", json={"properties": fields},
            headers={"authorization": f"Bearer {ENVIRON['STAGE_LEFT_KEY']}"}, trust_env=False,
        )  # fmt: skip
        return dict(answer.raise_for_status().json())


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Six leads, synced and quiet, no law broken; the pair is a lead of the left that syncd handed over."""
    with (
        Stage(folder=tmp_path, leads=6, rate="100/1", timing=TIMING, right_settings={"index_lag": 0.0}) as stage,
        App.open(stage.config, environ=stage.environ) as app,
    ):
        app.once()
        with app.store.read() as tx:
            links = tx.links.all("sales/contacts")
        link = next(link for link in links if stage.right.history("contacts", link.right_id)[0]["via"] == BY_SYNCD)
        scene = Scene(stage, app, link.left_id, link.right_id)
        assert scene.check() == []
        yield scene


def test_an_overwritten_edit_is_lost(scene: Scene) -> None:
    """A person's value that our key replaces before it reached the other side is a lost edit, told with its history."""
    scene.type_left("Nowhere")
    scene.write_left("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"})
    (breach,) = scene.check()
    assert (breach.law, breach.left, breach.rule) == ("lost edit", scene.left, "city")
    assert "'Nowhere' of the left gave way to 'Elsewhere'" in str(breach)
    assert any("person" in line and "Nowhere" in line for line in breach.story)


def test_an_edit_in_flight_is_counted_apart(scene: Scene) -> None:
    """What a person types while our write is in the vendor's hands could not be compared with: it is counted apart."""
    scene.stage.left.faults({"fault": "slow", "writes_only": True, "delay": 1.0, "times": 1})
    slow = threading.Thread(target=scene.write_left, args=("PATCH", f"contacts/{scene.left}", {"city": "Elsewhere"}))
    slow.start()
    time.sleep(0.4)
    scene.type_left("Nowhere")
    slow.join()
    laws = Laws(scene.app.world, scene.stage.vendors)
    assert {breach.law for breach in laws.check()} <= {"not carried"}
    assert laws.in_flight == 1


def test_an_edit_that_stays_at_home_is_not_carried(scene: Scene) -> None:
    """A person's value that stands on one side only, and on no list, is a breach; synced, it is none."""
    scene.type_right("Nowhere")
    assert {breach.law for breach in scene.check()} == {"not carried"}
    scene.app.once()
    assert scene.check() == []


def test_an_edit_that_a_person_replaced_across_is_not_lost(scene: Scene) -> None:
    """A value that arrived on the other side and was replaced there by a person may be overwritten."""
    scene.type_left("First")
    scene.app.once()
    scene.type_right("Second")
    scene.app.once()
    assert scene.check() == []


def test_a_clash_is_on_the_list(scene: Scene) -> None:
    """Two values typed at once are a conflict that syncd lists; neither of them is lost."""
    scene.type_left("Left")
    scene.type_right("Right")
    scene.app.once()
    assert scene.check() == []
    assert [row["rule"] for row in scene.app.conflicts(None)].count("city") == 1


def test_a_record_that_nobody_claims_was_made_and_forgotten(scene: Scene) -> None:
    """A record made by our key that no link has is a breach."""
    made = scene.write_left("POST", "contacts", {"email": "stray@example.com"})
    (breach,) = scene.check()
    assert (breach.law, breach.left) == ("made and forgotten", made["id"])


def test_a_write_without_an_outcome_is_told(scene: Scene) -> None:
    """An intent that stays open is a breach."""
    with scene.app.store.begin() as tx:
        intent = tx.journal.recent(limit=1)[0].id
        tx.journal.close(intent, None, scene.app.clock())
    assert "open write" in [breach.law for breach in scene.check()]
