"""Hand-offs: every tab, its numbers and its paging. What is not here: what is done about one record."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from sqlalchemy import delete, insert

from syncd.console import onway
from syncd.console.onway import OnWay, Took, lanes, place_of, took_of, written
from syncd.core.model import Record, Ref, Side
from syncd.store import handoffs as stored
from syncd.store.handoffs import Made, Place
from syncd.store.marks import PARKED
from syncd.store.snapshots import Snapshot
from syncd.store.store import Tx
from syncd.store.tables import journal
from tests.console.town import Town


def _map(town: Town) -> str:
    return next(key for key in town.app.world.maps if key.endswith("/contacts"))


def _ids(page: str) -> list[str]:
    return re.findall(r'<tr id="handoff-([^"]+)"', page)


def _lead(id_: str, first: str = "Ada", **more: str) -> Snapshot:
    fields = {"firstname": first, "lastname": f"Lead{id_}", "lifecyclestage": "lead", **more}
    return Snapshot(Record(ref=Ref("hubspot", "contacts", id_), fields=fields), fields)


@pytest.fixture
def leads(town: Town) -> Iterator[list[str]]:
    """130 leads that wait, of which some rest for a person and some were refused; taken out again."""
    ids = [f"77000{number:03}" for number in range(130)]
    store, key = town.app.ready_store, _map(town)
    with store.begin() as tx:
        now = town.app.clock()
        tx.snapshots.put([_lead(id_) for id_ in ids[:129]] + [_lead(ids[129], lifecyclestage="subscriber")])
        for number, id_ in enumerate(ids):
            tx.marks.add(key, Side.LEFT, [id_], now - timedelta(seconds=number // 3), lane=0)
        _rest(tx, key, ids[:3], "question", "may be the same: <b>equal</b> phone")
        _rest(tx, key, ids[3:5], "refused", "email is not valid")
        _rest(tx, key, ids[5:6], "waiting", "waits for its company")
    yield ids
    with store.begin() as tx:
        marks = list(tx.marks.get(key, Side.LEFT, ids).values())
        for mark in marks:
            tx.marks.done([mark], 0)


def _rest(tx: Tx, key: str, ids: list[str], why: str, reason: str) -> None:
    for mark in tx.marks.get(key, Side.LEFT, ids).values():
        assert tx.marks.rest(mark, 0, PARKED, cause=why, reason=reason)


def test_everything_handed_over_is_listed_with_its_twin(town: Town) -> None:
    """What a run made on the other side stands under Handed over, with both records and how long it took."""
    page = town.page("/handoffs?state=linked")
    assert _ids(page)
    assert "/records/jobnimbus/contacts/" in page
    assert "How long it takes" in page
    assert page.count("<h1") == 1


def test_each_waits_under_its_own_tab(town: Town, leads: list[str]) -> None:
    """Due ones and those that go on by themselves wait; a question needs a person; a refusal is refused."""
    key = _map(town)
    needs, failed = town.page("/handoffs?state=needs"), town.page("/handoffs?state=failed")
    assert {f"{key}:{id_}" for id_ in leads[:3]} <= set(_ids(needs))
    assert {f"{key}:{id_}" for id_ in leads[3:5]} <= set(_ids(failed))
    assert "email is not valid" in failed
    assert "<b>equal</b>" not in needs
    waiting = _all(town, "waiting")
    assert {f"{key}:{id_}" for id_ in leads[5:129]} <= set(waiting)
    assert not {f"{key}:{id_}" for id_ in [*leads[:5], leads[129]]} & set(waiting)


def _all(town: Town, state: str, **more: str) -> list[str]:
    path, found = f"/handoffs?{urlencode({'state': state, **more})}", list[str]()
    for _ in range(20):
        page = town.page(path)
        found += _ids(page)
        further = re.search(r'<p class="more"><a href="([^"]+)"', page)
        if further is None:
            return found
        path = further[1].replace("&amp;", "&")
    raise AssertionError("the list has no end")


def test_the_pages_of_a_list_hold_everything_once(town: Town, leads: list[str]) -> None:
    """Page after page each waiting lead stands once, though several became due at one moment; the newest first."""
    found = [one for one in _all(town, "waiting") if one.partition(":")[2] in leads]
    assert len(found) == len(set(found)) == 124
    made = _all(town, "linked")
    assert len(made) == len(set(made))


def test_a_tabs_number_is_the_length_of_its_list(town: Town, leads: list[str]) -> None:
    """What a tab says is what stands under it."""
    page = town.page("/handoffs")
    for state, word in (("needs", "Needs you"), ("failed", "Refused")):
        told = re.search(rf"{word} \((\d+)\)", page)
        assert told is not None
        assert int(told[1]) == len(_all(town, state))


def test_too_many_are_not_counted_and_the_list_goes_on(
    town: Town, leads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where more rests than is looked at, a tab has no number, and a page that finds too few leads on."""
    monkeypatch.setattr(onway, "COUNTED", 2)
    monkeypatch.setattr(onway, "LOOKED_AT", 100)
    assert "Needs you (" not in town.page("/handoffs")
    found = _all(town, "waiting")
    assert {f"{_map(town)}:{id_}" for id_ in leads[5:129]} <= set(found)


def test_filters_are_carried_by_links(town: Town, leads: list[str]) -> None:
    """Map and time narrow the list, and every link of the page keeps them."""
    page = town.page(f"/handoffs?{urlencode({'state': 'waiting', 'map': _map(town), 'since': '24h'})}")
    assert "since=24h&amp;before=" in page or "since=24h" in page
    assert _ids(town.page(f"/handoffs?{urlencode({'map': 'no/such'})}")) == []


def test_odd_links_are_no_harm(town: Town) -> None:
    """What no page of ours made is taken for the beginning."""
    for before in (
        "x",
        "2026-01-01|a",
        "2026-01-01T00:00:00|a|left|b",
        "2026-01-01T00:00:00Z|a|up|b",
        "9" * 40,
        "<script>",
        "||",
    ):
        page = town.page(f"/handoffs?{urlencode({'state': 'waiting', 'before': before})}")
        assert "<script>" not in page
        assert town.client().get(f"/handoffs?{urlencode({'state': 'linked', 'before': before})}").status_code == 200


def test_a_place_comes_back_as_it_was_written(town: Town) -> None:
    """Where a list goes on survives its way through a link."""
    place = Place(town.app.clock(), "a/b", Side.RIGHT, "1|2")
    assert place_of(written(place)) == place


def test_a_viewer_sees_and_cannot_retry(town: Town, leads: list[str]) -> None:
    """A viewer sees the lists without the button; an operator tries one again, and a second one is told."""
    assert "Try again" not in town.page("/handoffs?state=failed", "vera")
    assert "Try again" in town.page("/handoffs?state=failed", "otto")
    form = {"ref": f"hubspot:contacts:{leads[4]}", "map": _map(town)}
    assert town.post("/records/retry", form, "vera").status_code == 403
    assert town.post("/records/retry", form, "otto").status_code == 204
    assert town.post("/records/retry", form, "ada").status_code == 422


def test_how_long_it_took_is_measured_as_it_is_told(town: Town) -> None:
    """Both shares are of the measured ones; what syncd noted when it heard of a record goes before its creation."""
    with town.app.ready_store.read() as tx:
        every = lanes(town.app.world)
        look = OnWay(town.app.world, tx, every)
        for lane in every:
            level = look.level(lane, town.app.clock())
            assert level.day <= level.week
            assert list(level.took) == sorted(level.took)
            assert all(one >= 0 for one in level.took)
            assert (level.share(0.5) is None) is (not level.took)
    made, now = _made(town), town.app.clock()
    assert took_of(None, replace(made, heard_at=now, closed_at=now + timedelta(seconds=9))) == Took(9.0, heard=True)
    old = replace(made, heard_at=None, closed_at=now)
    assert took_of(now - timedelta(days=6), old) == Took(6 * 86400.0, heard=False)
    assert took_of(now - timedelta(days=8), old) is None
    assert took_of(None, old) is None


def _made(town: Town) -> Made:
    with town.app.ready_store.read() as tx:
        return next(stored.made(tx, _map(town), None))


def test_a_list_of_what_was_sent_that_is_cut_says_so(town: Town) -> None:
    """The newest of many that have no answer yet, and how many they are."""
    now = town.app.clock()
    row = {"run": None, "map": _map(town), "side": "right", "action": "create", "link": None, "record_id": None,
           "fields": {}, "before": {}, "rules": {}, "opened_at": now, "lands_by": now, "fence": 0}  # fmt: skip
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(insert(journal), [{**row, "source_id": f"sent{number}"} for number in range(60)])
    page = town.page("/handoffs?state=sent")
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(delete(journal).where(journal.c.source_id.like("sent%")))
    assert "Sent (60)" in page and len(_ids(page)) == 50
    assert "The newest 50 are shown." in page
    assert "are shown." not in town.page("/handoffs?state=sent")
