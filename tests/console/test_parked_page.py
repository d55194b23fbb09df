"""What is parked, as people meet it: causes, remedies, retries, and values that the map does not know.

What is not here: uncertain matches (`test_review`), and changing the map.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from syncd.console.causes import CAUSES, cause_of
from syncd.core.model import Side
from syncd.store import resting
from syncd.store.marks import DUE, PARKED
from syncd.store.tables import marks
from tests.console.town import Town

MAP = "sales/contacts"
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "parked.md"


def _park(town: Town, cause: str, reason: str, ids: Sequence[str], key: str = MAP) -> None:
    """Left records of a map that wait for this, the first of them longest."""
    now = town.app.clock()
    with town.app.ready_store.begin() as tx:
        tx.marks.add(key, Side.LEFT, ids, now)
        query = marks.update().where(marks.c.map == key, marks.c.side == "left", marks.c.id.in_(list(ids)))
        tx.connection.execute(query.values(state=PARKED, cause=cause, reason=reason, first_at=now))


def _ids(town: Town, key: str = MAP) -> list[str]:
    """Left ids of linked records."""
    with town.app.ready_store.read() as tx:
        end = town.app.world.maps[key].left
        shots = tx.snapshots.page(end.system, end.kind, after="", limit=1000)
        return sorted(tx.links.of(key, Side.LEFT, shots))


@pytest.fixture(autouse=True)
def _cleared(town: Town) -> Iterator[None]:
    """Each test leaves nothing parked."""
    yield
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(marks.delete())


def test_every_cause_of_the_how_to_is_known_in_plain_words() -> None:
    """The page that lists the causes and the console know the same ones, and each has a remedy."""
    listed = re.findall(r"^\| `(\w+)` \|", HOW_TO.read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(CAUSES)
    assert all(one.title and one.meaning.endswith(".") and one.remedy.endswith(".") for one in CAUSES.values())
    assert cause_of("unknown left") is CAUSES["unknown"]
    assert "whatever" in cause_of("whatever").title


def test_nothing_parked_teaches_what_would_stand_here(town: Town) -> None:
    """Without a parked record the page says what it is for."""
    assert "Nothing is parked" in town.page("/parked")
    assert "Nothing waits for this any more" in town.page("/parked?cause=refused")


def test_causes_are_counted_and_their_records_named(town: Town) -> None:
    """Each cause has its true count, its remedy, and its records with name, reason, links and the vendor's own page."""
    ids = _ids(town)
    _park(town, "refused", "phone is no phone number", ids[:3])
    _park(town, "question", "may be another one", ids[3:4])
    page = town.page("/parked")
    assert CAUSES["refused"].title in page
    assert 'href="/review?map=sales%2Fcontacts"' in page
    page = town.page("/parked?cause=refused")
    assert page.count("data-row>") == 3
    assert "phone is no phone number" in page
    assert f"/records/hubspot/contacts/{ids[0]}" in page
    assert f"{ids[0]}</bdi></a>" not in page  # a name, not its id


def test_a_record_is_skipped_and_taken_up_again(town: Town) -> None:
    """It rests as if discarded, whatever it waited for; undo tries it again; the second is told; no viewer may."""
    one, other = _ids(town)[:2]
    _park(town, "refused", "no", [one, other])
    form = {"map": MAP, "ref": f"hubspot:contacts:{one}"}
    assert town.post("/parked/skip", form, "vera").status_code == 403
    answer = town.post("/parked/skip", form, "otto")
    assert answer.status_code == 204 and "/parked/retry" in answer.headers["hx-trigger"]
    with town.app.ready_store.read() as tx:
        marks_ = tx.marks.get(MAP, Side.LEFT, [one, other])
    assert {id_: (mark.state, mark.cause) for id_, mark in marks_.items()} == {
        one: (PARKED, "discarded"), other: (PARKED, "refused"),
    }  # fmt: skip
    assert town.post("/parked/skip", form).status_code == 422
    assert "/parked/skip" not in town.page("/parked?cause=discarded")
    assert town.post("/parked/retry", form).status_code == 204
    with town.app.ready_store.read() as tx:
        assert tx.marks.get(MAP, Side.LEFT, [one])[one].state == DUE


def test_a_record_and_a_whole_cause_are_tried_again(town: Town) -> None:
    """A retry makes due what it says it does; who comes second is told; a viewer may not."""
    ids = _ids(town)[:4]
    _park(town, "refused", "no", ids)
    one = {"map": MAP, "ref": f"hubspot:contacts:{ids[0]}"}
    assert town.post("/parked/retry", one, "vera").status_code == 403
    assert town.post("/parked/retry", one, "otto").status_code == 204
    with town.app.ready_store.read() as tx:
        assert tx.marks.get(MAP, Side.LEFT, ids)[ids[0]].state == DUE
    assert town.post("/parked/retry", one).status_code == 422
    every = {"map": MAP, "cause": "refused"}
    assert "3 records are" in town.post("/parked/retry-all", every, "otto").headers["hx-trigger"]
    assert "quicker" in town.post("/parked/retry-all", every, "ada").headers["hx-trigger"]
    assert town.post("/parked/retry-all", every, "vera").status_code == 403


def test_a_viewer_sees_no_button_that_would_be_refused(town: Town) -> None:
    """What somebody may not do is not offered."""
    _park(town, "refused", "no", _ids(town)[:1])
    assert "/parked/retry" not in town.page("/parked?cause=refused", "vera")
    assert "/parked/retry" in town.page("/parked?cause=refused", "otto")


def test_hostile_reasons_are_only_text(town: Town) -> None:
    """Markup, turned directions and ten thousand letters of a reason do nothing."""
    hostile = "<script>alert(1)</script>\u202e" + "x" * 10_000
    _park(town, "refused", hostile, _ids(town)[:1])
    page = town.page("/parked?cause=refused")
    assert "<script>alert" not in page
    assert "\u202e" not in page
    assert "x" * 400 not in page


def test_pages_follow_each_other_without_a_gap(town: Town) -> None:
    """Every parked record stands on exactly one page, also where ids hold what a place is told by."""
    ids = [f"a~{number:03}" for number in range(7)]
    _park(town, "refused", "no", ids)
    seen: list[str] = []
    after: str | None = ""
    with town.app.ready_store.read() as tx:
        while after is not None:
            leaf = resting.parked(tx, MAP, "refused", after=after, limit=3)
            seen, after = [*seen, *(mark.id for mark in leaf.rows)], leaf.after
        assert seen == ids
        assert len(resting.parked(tx, MAP, "refused", after="no place", limit=3).rows) == 3


def test_more_records_than_a_page_are_reached_by_a_link(town: Town) -> None:
    """Of 60 records 50 stand on the first page, the others behind its link."""
    _park(town, "refused", "no", [f"n{number:03}" for number in range(60)])
    page = town.page("/parked?cause=refused")
    assert page.count("data-row>") == 50
    (more,) = re.findall(r'<p class="more"><a href="([^"]+)"', page)
    assert town.page(more.replace("&amp;", "&")).count("data-row>") == 10


def test_a_value_without_a_counterpart_is_named_with_who_waits_for_it(town: Town) -> None:
    """The rule, the value, how many wait for it, and the other side's options in a form for admins only."""
    key = "sales/deals-jobs"
    m = town.app.world.maps[key]
    rule = next(one for one in m.rules if one.left == "dealstage" and one.right == "status_name")
    with town.app.ready_store.begin() as tx:
        shots = tx.snapshots.page(m.right.system, m.right.kind, after="", limit=1000)
        id_ = min(tx.links.of(key, Side.RIGHT, shots))
        tx.marks.add(key, Side.RIGHT, [id_], town.app.clock())
        fields = {**shots[id_].kept, "status_name": "On <hold>"}
        shot = shots[id_]
        record = type(shot.record)(ref=shot.record.ref, fields=fields)
        tx.snapshots.put([type(shot)(record, fields)])
        reason = "'On <hold>' has no counterpart in Deal Stage: add it to this rule's `values`"
        try:
            rule.convert.convert("On <hold>", Side.LEFT)
        except Exception as error:
            reason = str(error)
        tx.connection.execute(
            marks.update().where(marks.c.id == id_).values(state=PARKED, cause="unmapped", reason=reason)
        )
    page = town.page("/parked?cause=unmapped")
    assert "record waits" in page
    assert "On &lt;hold&gt;" in page
    assert 'hx-post="/maps/sales/deals-jobs/values"' in page
    assert '<option value="closedwon">' in page
    assert f'name="rule" value="{rule.name}"' in page
    assert 'name="right" value="On &lt;hold&gt;"' in page
    assert "/values" not in town.page("/parked?cause=unmapped", "otto")
