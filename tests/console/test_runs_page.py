"""Runs, as people meet them: what each did and wrote, and taking it back.

What is not here: what can be taken back (`tests/engine/test_undo.py`).
"""

from __future__ import annotations

import re

from sqlalchemy import update

from syncd.console.naming import sided
from syncd.console.render import environment
from syncd.console.words import system_name
from syncd.core.model import Side
from syncd.store import resting
from syncd.store.tables import journal, runs
from tests.console.town import Town

MAP = "sales/contacts"


def _edited(town: Town, number: int, **fields: str) -> tuple[str, str]:
    """A linked contact whose left side somebody edits, and a run that carries it across; its ids."""
    with town.app.ready_store.read() as tx:
        end = town.app.world.maps[MAP].left
        shots = tx.snapshots.page(end.system, end.kind, after="", limit=1000)
        links = sorted(tx.links.of(MAP, Side.LEFT, shots).values(), key=lambda one: one.left_id)
        asked = tx.conflicts.open_of([one.id for one in links])
        link = [one for one in links if one.id not in asked][number]
    town.stage.left.act("update", "contacts", id=link.left_id, fields=fields)
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [link.left_id], town.app.clock(), reread=True)
    town.app.once()
    return link.left_id, link.right_id


def _wrote(town: Town, name: str) -> int:
    """The run that wrote this first name last."""
    with town.app.ready_store.read() as tx:
        intents = tx.journal.recent(limit=200)
    run = next(one.run for one in intents if name in one.fields.values())
    assert run is not None
    return run


def _first_name(town: Town, right: str) -> str:
    return next(str(row["first_name"]) for row in town.stage.right.records("contacts") if row["jnid"] == right)


def test_reasons_name_the_systems() -> None:
    """Nobody has to know which side is left."""
    titles = {Side.LEFT: "HubSpot", Side.RIGHT: "JobNimbus"}
    assert sided("changed on the left", titles) == "changed in HubSpot"
    assert sided("first link: right wins", titles) == "first link: JobNimbus wins"
    assert sided("both sides changed it, left decides for left", titles).endswith("decides for HubSpot")
    assert sided("a new record", titles) == "a new record"


def test_a_system_is_called_by_its_vendor_where_that_is_one() -> None:
    """Whatever the set-up calls it; where two are of one vendor each by its own name."""
    one = {"crm": "hubspot", "jobs": "jobnimbus"}
    two = {"crm": "hubspot", "old-crm": "hubspot", "jobs": "jobnimbus"}
    assert [system_name(one, name) for name in (*one, "hubspot", "left")] == ["HubSpot", "JobNimbus", "HubSpot", "left"]
    assert [system_name(two, name) for name in (*two, "hubspot")] == ["crm", "old-crm", "JobNimbus", "HubSpot"]
    assert environment(one).from_string("{{ 'crm' | title_of }}").render() == "HubSpot"


def test_the_newest_runs_stand_first_with_what_they_did(town: Town) -> None:
    """Number, pair, state and deeds in words; filters that a link can carry."""
    page = town.page("/runs", "vera")
    numbers = [int(one) for one in re.findall(r'<tr id="run-(\d+)"', page)]
    assert numbers == sorted(numbers, reverse=True)
    assert "created" in page
    assert town.page("/runs?pair=sales&state=done").count("data-row") >= 1
    assert "No such run" in town.page("/runs?state=killed")
    assert "No such run" in town.page("/runs?pair=nobody")


def test_a_run_tells_each_field_before_and_after(town: Town) -> None:
    """Everything that a run wrote, by record; hostile values are only text."""
    _edited(town, 0, firstname="<script>alert(2)</script>")
    page = town.page(f"/runs/{_wrote(town, '<script>alert(2)</script>')}", "vera")
    assert "changed in JobNimbus" in page
    assert "&lt;script&gt;alert(2)" in page
    assert "<script>alert" not in page
    assert "undo" not in page  # a viewer takes nothing back
    assert town.client().get("/runs/999999").status_code == 404
    assert town.client().get("/runs/x").status_code == 404


def test_a_write_whose_answer_was_lost_and_that_arrived_was_made(town: Town) -> None:
    """The page of its run and that of its record say so in the same words, and neither that it is still to come."""
    left, _ = _edited(town, 3, firstname="Landed")
    run = _wrote(town, "Landed")
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(update(journal).where(journal.c.run == run).values(outcome="landed"))
    page = town.page(f"/runs/{run}")
    assert "changed in JobNimbus" in page and "to be changed" not in page
    for shown in (page, town.page(f"/records/hubspot/contacts/{left}")):
        assert "the answer was lost; found to have arrived" in shown


def test_every_write_of_a_run_stands_on_exactly_one_page(town: Town) -> None:
    """Without a gap, the same as the journal has them."""
    with town.app.ready_store.read() as tx:
        for run in tx.runs.last(limit=20):
            seen: list[int] = []
            after: str | None = "0"
            while after is not None:
                leaf = resting.written(tx, run.id, after=int(after), limit=3)
                seen, after = [*seen, *(one.id for one in leaf.rows)], leaf.after
            assert seen == [one.id for one in tx.journal.of_run(run.id)]


def test_a_run_is_taken_back_as_the_preview_said(town: Town) -> None:
    """What still stands gets back what it held; the preview says so before; the second person is told."""
    _, right = _edited(town, 1, firstname="Xerxes")
    before, run = "Xerxes", _wrote(town, "Xerxes")
    assert _first_name(town, right) == before
    assert "is taken back" in town.page(f"/runs/{run}?undo=1", "otto")
    assert town.post(f"/runs/{run}/undo", {}, "vera").status_code == 403
    told = town.post(f"/runs/{run}/undo", {}, "otto").headers["hx-trigger"]
    assert "1 field given back" in told
    assert _first_name(town, right) != before
    assert "is so again already" in town.page(f"/runs/{run}?undo=1")
    assert "0 fields given back" in town.post(f"/runs/{run}/undo").headers["hx-trigger"]


def test_one_field_of_a_run_is_taken_back(town: Town) -> None:
    """The others stay; a field that the run did not write is told."""
    _, right = _edited(town, 2, firstname="Yorick", lastname="Yes")
    run = _wrote(town, "Yorick")
    rule = next(one for one in town.app.world.maps[MAP].rules if one.left == "firstname")
    assert f'<option value="{rule.name}">' in town.page(f"/runs/{run}?undo=1")
    told = town.post(f"/runs/{run}/undo", {"field": rule.name}).headers["hx-trigger"]
    assert "1 field given back" in told
    assert _first_name(town, right) != "Yorick"
    row = next(one for one in town.stage.right.records("contacts") if one["jnid"] == right)
    assert row["last_name"] == "Yes"
    assert town.post(f"/runs/{run}/undo", {"field": "nonsense"}).status_code == 422


def test_what_somebody_changed_since_is_said_to_stay(town: Town) -> None:
    """The preview tells what an undo would leave alone."""
    left, _ = _edited(town, 3, firstname="Zebedee")
    run = _wrote(town, "Zebedee")
    town.stage.left.act("update", "contacts", id=left, fields={"firstname": "Zoe"})
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [left], town.app.clock(), reread=True)
    town.app.once()
    assert "somebody changed it since" in town.page(f"/runs/{run}?undo=1")


def test_a_run_that_has_not_ended_says_so(town: Town) -> None:
    """Neither its sum nor an undo is shown before it has ended; a run of sixty is reached by a link."""
    with town.app.ready_store.begin() as tx:
        running = [tx.runs.start("other", "live", "d", town.app.clock()) for _ in range(60)]
    try:
        assert "has not ended yet" in town.page(f"/runs/{running[0]}")
        assert "It can be taken back when it has ended" in town.page(f"/runs/{running[0]}?undo=1")
        assert town.post(f"/runs/{running[0]}/undo").status_code == 422
        page = town.page("/runs?pair=other&state=running")
        assert page.count("tabindex=") == 51  # the rows, and the page itself
        (more,) = re.findall(r'<p class="more"><a href="([^"]+)"', page)
        assert town.page(more.replace("&amp;", "&")).count('<tr id="run-') == 10
    finally:
        with town.app.ready_store.begin() as tx:
            tx.connection.execute(runs.delete().where(runs.c.pair == "other"))
