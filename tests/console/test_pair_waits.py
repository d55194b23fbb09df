"""The pages while a pair waits for one of its systems: its maps are not known yet, its records and runs are there.

What is not here: which pairs wait (`tests/service/test_beginning.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from syncd.console.pages import PAGES
from syncd.core.model import Side
from syncd.store.marks import PARKED
from syncd.store.tables import marks
from tests.console.town import Town

MAP = "sales/contacts"


@pytest.fixture
def lonely(town: Town, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    """A town whose daemon works at no pair; two of its records are parked."""
    with town.app.ready_store.begin() as tx:
        end = town.app.world.maps[MAP].left
        ids = list(tx.links.of(MAP, Side.LEFT, tx.snapshots.page(end.system, end.kind, after="", limit=99)))[:2]
        tx.marks.add(MAP, Side.LEFT, ids, town.app.clock())
        for id_, cause in zip(ids, ("question", "refused"), strict=True):
            values = {"state": PARKED, "cause": cause, "reason": "no"}
            tx.connection.execute(marks.update().where(marks.c.id == id_).values(**values))
    monkeypatch.setattr(town.app, "_daemon", SimpleNamespace(world=replace(town.app.world, pairs=())))
    yield town
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(marks.delete())


@pytest.mark.parametrize("path", [page.path for page in PAGES if "{" not in page.path])
def test_every_page_is_shown(lonely: Town, path: str) -> None:
    """Also those that tell of the maps of that pair."""
    assert "<h1" in lonely.page(path)


def test_a_record_a_run_and_what_is_parked_of_it_are_shown_or_said_to_be_unknown(lonely: Town) -> None:
    """Nothing breaks: an address that needs the map says so in words."""
    with lonely.app.ready_store.read() as tx:
        (run,) = tx.runs.last(limit=1)
        mark = tx.marks.resting(PARKED)[0]
    record = f"hubspot/contacts/{mark.id}"
    for path in (
        f"/runs/{run.id}", "/held/sales", "/parked?cause=refused", "/parked?cause=question", f"/review?map={MAP}",
        f"/records/{record}", f"/records?q={mark.id}", f"/maps/{MAP}", f"/maps/{MAP}?tab=yaml", "/handoffs?state=needs",
    ):  # fmt: skip
        answer = lonely.client().get(path)
        assert answer.status_code in (200, 404, 422), (path, answer.status_code, answer.text[:2000])
        assert "Bug" not in answer.text
