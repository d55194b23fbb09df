"""Conflicts as people meet them: both values, a word on one or many, the way back, and two people at once.

What is not here: what a conflict is (`tests/core`), and carrying a choice out (`tests/engine`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from itertools import count
from typing import Any

import pytest

from syncd.console.asked import label
from syncd.console.pages import conflicts as page_of_conflicts
from syncd.console.pages.conflicts import AT_ONCE, packed, unpacked
from syncd.core.fieldmap import Owner, Rule
from syncd.core.model import Side
from syncd.errors import ConfigError
from syncd.store import asking
from syncd.store.conflicts import Conflict
from syncd.store.tables import conflicts, marks
from tests.console.town import Town

MAP = "sales/contacts"
_NUMBERS = count(1)
"""No city is ever given twice: one that both sides agreed on before would be no change."""

_UNEQUAL: set[int] = set()
"""Links that nothing is tried with."""

HOSTILE = "<script>alert(1)</script>\u202e" + "x" * 10_000


@pytest.fixture(scope="module")
def unequal(town: Town) -> frozenset[int]:
    """Links whose records differ since they were first linked: whenever one is looked at, that is asked about."""
    with town.app.ready_store.read() as tx:
        return frozenset(one.link for one in tx.conflicts.list(states=["open"], map_key=MAP))


@pytest.fixture(autouse=True)
def _asking(town: Town, unequal: frozenset[int]) -> Iterator[None]:
    """The map asks about cities; each test begins and ends with no conflict."""
    before = town.app.world
    _UNEQUAL.update(unequal)
    _owner(town, Owner.ASK)
    _cleared(town)
    yield
    town.app.__dict__["_world"] = before
    _cleared(town)


def _owner(town: Town, owner: Owner) -> None:
    """Let somebody else win when both sides change a city."""
    world = town.app.world
    pairs = tuple(
        replace(
            pair,
            maps=tuple(
                replace(m, rules=tuple(replace(r, owner=owner) if r.left == "city" else r for r in m.rules))
                for m in pair.maps
            ),
        )
        for pair in world.pairs
    )
    town.app.__dict__["_world"] = replace(world, pairs=pairs)


def _cleared(town: Town) -> None:
    with town.app.ready_store.begin() as tx:
        tx.connection.execute(conflicts.delete())
        tx.connection.execute(marks.delete())


def _rule(town: Town) -> Rule:
    return next(rule for rule in town.app.world.maps[MAP].rules if rule.left == "city")


def _label(town: Town) -> str:
    """What people call a city on the left."""
    return label(_rule(town), Side.LEFT, "")


def _clash(town: Town, many: int = 1) -> list[Conflict]:
    """So many contacts get one city on the left and another one on the right, and a run sees it: what it listed."""
    with town.app.ready_store.read() as tx:
        end = town.app.world.maps[MAP].left
        shots = tx.snapshots.page(end.system, end.kind, after="", limit=1000)
        known = tx.links.of(MAP, Side.LEFT, shots).values()
    chosen = sorted((one for one in known if one.id not in _UNEQUAL), key=lambda one: one.id)[:many]
    for link in chosen:
        number = next(_NUMBERS)
        town.stage.left.act("update", "contacts", id=link.left_id, fields={"city": f"Leftville {number}"})
        town.stage.right.act("update", "contacts", id=link.right_id, fields={"city": f"Rightburg {number}"})
    with town.app.ready_store.begin() as tx:
        for side in Side:
            tx.marks.add(MAP, side, [link.id_on(side) for link in chosen], town.app.clock(), reread=True)
    town.app.once()
    with town.app.ready_store.begin() as tx:
        # What an earlier test left apart may be told of once more by a list that lags.
        others = conflicts.c.link.not_in([link.id for link in chosen])
        tx.connection.execute(conflicts.delete().where(others))
        return sorted(tx.conflicts.list(states=["open", "overruled"], map_key=MAP), key=lambda one: one.id)


def _listed(town: Town, many: int, *, left: Any = "a", rule: str | None = None) -> None:
    """So many open conflicts of links that are not there: enough to be looked at."""
    told = {"map": MAP, "state": "open", "left_value": left, "right_value": "b", "reason": "both sides changed it",
            "rule": rule or _rule(town).name, "run": None, "at": town.app.clock()}  # fmt: skip
    with town.app.ready_store.begin() as tx:
        tx.conflicts.list_lost([
            {**told, "link": 900_000 + n, "left_id": f"l{n}", "right_id": f"r{n}"}
            for n in range(many)
        ])  # fmt: skip


def _keys(page: str) -> list[str]:
    return re.findall(r'<input type="checkbox" name="id"[^>]* value="([^"]+)"', page)


def _said(answer: Any) -> dict[str, Any]:
    return dict(json.loads(answer.headers["hx-trigger"])["said"])


def _get(town: Town, id_: int) -> Conflict:
    with town.app.ready_store.read() as tx:
        found = tx.conflicts.get(id_)
    assert found is not None
    return found


def _cities(town: Town, one: Conflict) -> tuple[str, str]:
    left = next(row["properties"]["city"] for row in town.stage.left.records("contacts") if row["id"] == one.left_id)
    right = next(row["city"] for row in town.stage.right.records("contacts") if row["jnid"] == one.right_id)
    return left, right


def test_no_conflict_teaches_what_would_stand_here(town: Town) -> None:
    """Each list says what it is for while it is empty; a conflict that is not there is not found."""
    for tab, words in (("open", "Nothing is asked"), ("decided", "Nothing waits"), ("done", "Nothing is done yet"),
                       ("overruled", "Nobody was overruled"), ("nonsense", "Nothing is asked")):  # fmt: skip
        assert words in town.page(f"/conflicts?state={tab}", "vera")
    assert "Nothing more here" in town.page("/conflicts?map=sales/contacts&field=city")
    for id_ in ("1", "x", "9" * 30):
        assert town.client().get(f"/conflicts/{id_}").status_code == 404


def test_both_values_stand_side_by_side_and_no_vendor_is_asked(town: Town) -> None:
    """Each value with its system, the record's name and page, what the map says; nothing is sent for it."""
    (one,) = _clash(town)
    before = town.asked()
    page = town.page("/conflicts", "otto")
    assert town.asked() == before
    for words in (one.left, one.right, "HubSpot", "JobNimbus", "The map asks you.", "last changed"):
        assert str(words) in page
    assert f'href="/records/hubspot/contacts/{one.left_id}"' in page
    assert "By now it is" not in page
    assert len(_keys(page)) == 1


def test_a_viewer_looks_and_does_nothing(town: Town) -> None:
    """What a viewer may not do is neither offered nor done."""
    _clash(town)
    key = _keys(town.page("/conflicts"))[0]
    page = town.page("/conflicts", "vera")
    assert "Leftville" in page and "hx-post" not in page and not _keys(page)
    for path, form in (("take", {"id": key, "choice": "left"}), ("field", {}), ("withdraw", {})):
        assert town.post(f"/conflicts/{path}", form, "vera").status_code == 403


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_side_is_taken_and_written(town: Town, side: str) -> None:
    """It leaves the open ones, waits among the decided with who decided, and after a run both sides hold it."""
    (one,) = _clash(town)
    (key,) = _keys(town.page("/conflicts"))
    answer = town.post("/conflicts/take", {"id": key, "choice": side}, "otto")
    assert answer.status_code == 204
    system = {"left": "HubSpot", "right": "JobNimbus"}[side]
    assert f"{system}'s value is taken for {_label(town)}. The next run writes it." in _said(answer)["text"]
    assert "Nothing is asked" in town.page("/conflicts")
    decided = unescape(town.page("/conflicts?state=decided"))
    assert f"{system}'s value" in decided and "by otto" in decided
    town.app.once()
    wanted = {"left": one.left, "right": one.right}[side]
    assert _cities(town, one) == (wanted, wanted)
    done = town.page("/conflicts?state=done")
    assert "A person decided, and it is written." in done and "Decided by otto" in done


def test_another_value_goes_to_both_sides(town: Town) -> None:
    """What is typed is written left and right; it stands in no list of deeds."""
    (one,) = _clash(town)
    (key,) = _keys(town.page("/conflicts"))
    assert town.post("/conflicts/take", {"id": key, "choice": "value", "value": "Middletown"}).status_code == 204
    assert "another value" in town.page("/conflicts?state=decided")
    town.app.once()
    assert _cities(town, one) == ("Middletown", "Middletown")
    assert "Middletown" not in town.page("/deeds")


def test_what_is_no_choice_is_refused(town: Town) -> None:
    """Nothing ticked, made-up ones, no side, and a value for several at once are each told."""
    _clash(town, 2)
    keys = _keys(town.page("/conflicts"))
    for form in (
        {"choice": "left"}, {"id": "x.y", "choice": "left"}, {"id": "1", "choice": "left"},
        {"id": keys[0], "choice": "up"}, {"id": keys[0], "choice": "value", "value": " "},
        {"id": keys, "choice": "value", "value": "x"}, {"id": [f"{n}.x" for n in range(AT_ONCE + 1)], "choice": "left"},
        {"id": "999999.x", "choice": "left"},
    ):  # fmt: skip
        assert town.post("/conflicts/take", form).status_code == 422, form
    for form in ({}, {"map": MAP, "field": "city", "upto": "x", "choice": "left"},
                 {"map": MAP, "field": "none", "upto": "9", "choice": "left"}):  # fmt: skip
        assert town.post("/conflicts/field", form).status_code == 422
    assert len(_keys(town.page("/conflicts"))) == 2


def test_several_are_taken_at_once_and_who_comes_second_is_told(town: Town) -> None:
    """Of three ticked ones that which somebody took meanwhile is left alone, with by whom; the others are taken."""
    _clash(town, 3)
    keys = _keys(town.page("/conflicts"))
    assert town.post("/conflicts/take", {"id": keys[0], "choice": "right"}, "otto").status_code == 204
    again = town.post("/conflicts/take", {"id": keys[0], "choice": "left"}, "ada")
    assert again.status_code == 422 and "otto took a side of it meanwhile" in _said(again)["text"]
    told = _said(town.post("/conflicts/take", {"id": keys, "choice": "left"}, "ada"))["text"]
    assert f"2 conflicts of {_label(town)}: HubSpot's values are taken" in told
    assert "1 conflict was left alone: otto took a side of it meanwhile" in told
    took = [(_get(town, int(key.partition(".")[0])).choice or {})["side"] for key in keys]
    assert took == ["right", "left", "left"]


def test_values_that_moved_since_are_not_taken(town: Town) -> None:
    """Who decides over what was shown does not decide over what came since, told in words without the values."""
    (one,) = _clash(town)
    (key,) = _keys(town.page("/conflicts"))
    town.stage.left.act("update", "contacts", id=one.left_id, fields={"city": "Elsewhere"})
    with town.app.ready_store.begin() as tx:
        tx.marks.add(MAP, Side.LEFT, [one.left_id], town.app.clock(), reread=True)
    town.app.once()
    answer = town.post("/conflicts/take", {"id": key, "choice": "left"})
    assert answer.status_code == 422
    told = _said(answer)["text"]
    assert "Its values moved since you looked" in told and "Elsewhere" not in told
    assert _get(town, one.id).choice is None
    (fresh,) = _keys(town.page("/conflicts"))
    assert town.post("/conflicts/take", {"id": fresh, "choice": "left"}).status_code == 204


def test_all_of_a_field_are_taken_as_far_as_they_were_seen(town: Town) -> None:
    """What is newer than the page stays open; the button says how many, and stands only where a field is chosen."""
    found = _clash(town, 3)
    assert 'id="every"' not in town.page("/conflicts")
    assert f"map={MAP.replace('/', '%2F')}" in town.page("/conflicts")  # a map and a field can be chosen
    assert f"field={found[0].rule}" in town.page(f"/conflicts?map={MAP}")
    page = town.page(f"/conflicts?map={MAP}&field={found[0].rule}")
    assert "3 conflicts" in page and 'id="every"' in page
    form = {"map": MAP, "field": found[0].rule, "upto": str(found[1].id), "choice": "right"}
    answer = town.post("/conflicts/field", form, "otto")
    assert f"2 conflicts of {_label(town)}" in _said(answer)["text"]
    assert [bool(_get(town, one.id).choice) for one in found] == [True, True, False]
    assert town.post("/conflicts/field", form).status_code == 422
    undo = _said(answer)["undo"]
    assert "2 choices are withdrawn" in _said(town.post(undo["path"], undo["form"]))["text"]


def test_a_choice_is_withdrawn_until_it_is_written(town: Town) -> None:
    """Undo before the run asks again; after it, the run that wrote is named; somebody else's choice is not touched."""
    (one,) = _clash(town)
    (key,) = _keys(town.page("/conflicts"))
    undo = _said(town.post("/conflicts/take", {"id": key, "choice": "left"}, "otto"))["undo"]
    assert town.post(undo["path"], undo["form"], "vera").status_code == 403
    assert town.post(undo["path"], {**undo["form"], "took": "right"}).status_code == 422
    assert "you are asked again" in _said(town.post(undo["path"], undo["form"], "otto"))["text"]
    assert _get(town, one.id).choice is None
    assert "withdrawn already" in _said(town.post(undo["path"], undo["form"]))["text"]
    (key,) = _keys(town.page("/conflicts"))
    assert town.post("/conflicts/take", {"id": key, "choice": "right"}, "ada").status_code == 204
    assert "ada decided otherwise" in _said(town.post(undo["path"], undo["form"], "otto"))["text"]
    town.app.once()
    late = town.post(undo["path"], {**undo["form"], "took": "right"})
    assert late.status_code == 422
    assert re.search(r"1 choice was written meanwhile by run \d+\. Under Runs", _said(late)["text"])
    for bad in ({"ids": "1-x", "took": "left"}, {"ids": "9" * 30, "took": "left"}, {"ids": "1"}):
        assert town.post("/conflicts/withdraw", bad).status_code == 422


def test_another_value_is_withdrawn_too(town: Town) -> None:
    """The way back knows the value that was typed, without telling it."""
    (one,) = _clash(town)
    (key,) = _keys(town.page("/conflicts"))
    undo = _said(town.post("/conflicts/take", {"id": key, "choice": "value", "value": "Middletown"}))["undo"]
    assert "Middletown" not in json.dumps(undo)
    assert town.post(undo["path"], undo["form"]).status_code == 204
    assert _get(town, one.id).choice is None


def test_what_the_map_overruled_is_taken_back(town: Town) -> None:
    """The list says whom the map chose; only the side that lost can be taken, and then it is written."""
    _owner(town, Owner.LEFT)
    found = [one for one in _clash(town) if one.state == "overruled"]
    assert len(found) == 1 and found[0].lost is Side.RIGHT
    page = town.page("/conflicts?state=overruled")
    assert "The map chose HubSpot: JobNimbus was overruled." in page
    (key,) = re.findall(rf'name="id" value="({found[0].id}\.\w+)"', page)
    refused = town.post("/conflicts/take", {"id": key, "choice": "left"})
    assert refused.status_code == 422 and "That side stands already" in _said(refused)["text"]
    assert town.post("/conflicts/take", {"id": key, "choice": "right"}).status_code == 204
    assert "JobNimbus's value" in unescape(town.page("/conflicts?state=decided"))
    town.app.once()
    assert _cities(town, found[0]) == (found[0].right, found[0].right)


def test_who_changed_it_is_asked_of_the_vendors_on_a_page_of_its_own(town: Town) -> None:
    """Both sides have their section there; a vendor that does not tell says so. No other page asks, nor any viewer."""
    (one,) = _clash(town)
    before = town.asked()
    page = town.page(f"/conflicts/{one.id}", "vera")
    assert str(one.left) in page and str(one.right) in page and "Who changed it in" not in page
    assert "/history" not in page + town.page("/conflicts", "vera")
    assert town.client("vera").get(f"/conflicts/{one.id}/history").status_code == 403
    assert town.asked() == before
    for shown in ("/conflicts", f"/conflicts/{one.id}"):
        assert f'href="/conflicts/{one.id}/history"' in town.page(shown, "otto")
    page = town.page(f"/conflicts/{one.id}/history", "otto")
    assert page.count("Who changed it in") == 2
    assert "JobNimbus does not tell." in page and "as HubSpot told it" in page
    assert page.count("<h1") == 1 and page.count("data-editing") == 1
    assert town.asked() != before


def test_hostile_values_are_only_text(town: Town) -> None:
    """Markup, turned directions and ten thousand letters of a value do nothing, also on the page of one."""
    _listed(town, 1, left=HOSTILE, rule=HOSTILE[:60])
    with town.app.ready_store.read() as tx:
        (one,) = tx.conflicts.list(states=["open"])
    for path in ("/conflicts", f"/conflicts/{one.id}"):
        page = town.page(path)
        assert "<script>alert" not in page
        assert "x" * 400 not in page
        assert "are linked no longer" in page or "no such field" in page
    assert town.client().get("/conflicts?map=<script>&field=\u202e&before=x&state=<b>").status_code == 200


def test_what_is_not_counted_is_no_number_of_a_part(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are too many in all, no list of one field is said to hold as many."""
    monkeypatch.setattr(page_of_conflicts, "COUNTED", 2)
    _listed(town, 3)
    _listed(town, 1, rule="firstname")
    page = town.page(f"/conflicts?map={MAP}&field=firstname")
    assert "There are more than 2 in all, so they are not counted." in page and page.count("data-row ") == 1


def test_pages_follow_each_other_without_a_gap(town: Town) -> None:
    """Every conflict stands on exactly one page, the newest first; a page has 50, and the rest is behind its link."""
    _listed(town, 60)
    page = town.page("/conflicts")
    assert page.count("data-row ") == 50
    (more,) = re.findall(r'<p class="more"><a href="([^"]+)"', page)
    assert town.page(more.replace("&amp;", "&")).count("data-row ") == 10
    seen: list[int] = []
    before: int | None = None
    with town.app.ready_store.read() as tx:
        while True:
            rows, before = asking.page(tx, asking.OPEN, [MAP], before=before, limit=7)
            seen += [one.conflict.id for one in rows]
            if before is None:
                break
    assert len(seen) == 60 and seen == sorted(set(seen), reverse=True)


def test_a_count_is_true_or_not_told(town: Town) -> None:
    """By map and field, as far as is counted; beyond it is only said that there are more."""
    _listed(town, 5)
    name = _rule(town).name
    with town.app.ready_store.read() as tx:
        assert asking.counted(tx, asking.OPEN, most=5) == ({(MAP, name): 5}, False)
        assert asking.counted(tx, asking.OPEN, most=4)[1]
        assert asking.counted(tx, asking.DECIDED, most=4) == ({}, False)
    assert f"{_label(town)} (5)" in town.page(f"/conflicts?map={MAP}&field={name}")


def test_ids_travel_in_few_letters() -> None:
    """Packed and unpacked they are the same, however many; what is no list is refused."""
    for ids in ([1], [7, 9, 10], list(range(5_000_000, 5_000_000 + AT_ONCE))):
        assert unpacked(packed(reversed(ids))) == ids
    assert len(packed(range(5_000_000, 5_000_000 + AT_ONCE))) < 300
    for bad in ("", "a", "1--2", "-1", "-".join(["1"] * (AT_ONCE + 1)), "9" * 19, f"{2**62}-{2**62}"):
        with pytest.raises(ConfigError):
            unpacked(bad)
